"""How long a function takes, for the benchmarks beside this file."""

import time


def best_of(function, *args, times=2):
    """Shortest of several runs, in seconds, and the result."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        result = function(*args)
        seconds.append(time.perf_counter() - began)
    return min(seconds), result
