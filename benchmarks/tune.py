"""Time tuning: 30 trials of each model, nested 3 outer x 3 inner, on 30,000 rows; and what stopping early brings.

Run with `python benchmarks/tune.py`, or with `--rows 6000 --trials 10` for a minute. Goals at full size, on two cores:
under 20 minutes and 3 GB; stopping early at least twice as fast as the same trials in full, for an equal best score.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import optuna
import pandas as pd

from seaofcarbon.learn import journal, tune
from seaofcarbon.learn.models import KINDS

TARGET, N_FEATURES, DEPTHS = "th234_total", 10, (10, 50, 100, 150, 200)
NAMES = [f"x{k}" for k in range(N_FEATURES)]
TREES = 50


def made_up_table(rows, campaigns, seed=0):
    """Casts in clusters: features alike within a campaign and more so in a cast, a law of some, and an anomaly each."""
    rng = np.random.default_rng(seed)
    n, d = rows // len(DEPTHS), len(DEPTHS)
    # some campaigns are twenty times as large as others
    campaign = np.sort(
        np.r_[np.arange(campaigns), rng.choice(campaigns, n - campaigns, p=rng.dirichlet([1] * campaigns))]
    )
    x = rng.normal(size=(campaigns, N_FEATURES))[campaign] + 0.4 * rng.normal(size=(n, N_FEATURES))
    x = x.repeat(d, axis=0) + 0.1 * rng.normal(size=(n * d, N_FEATURES))
    depth = np.tile(DEPTHS, n).astype(float)
    law = np.sin(x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.5 * np.abs(x[:, 3]) - 0.3 * np.log(depth / 100)
    anomaly = 0.7 * rng.normal(size=campaigns)[campaign] + 0.5 * rng.normal(size=n)
    table = pd.DataFrame(x, columns=NAMES).assign(
        cast_id=np.arange(n).repeat(d), campaign=campaign.repeat(d), depth_m=depth,
        value=law + anomaly.repeat(d) + 0.5 * rng.normal(size=n * d),
    )  # fmt: skip
    return table, (table["campaign"] % 3).to_numpy()


def timed(function, *args, clock=time.perf_counter, **more):
    """Seconds and the result."""
    began = clock()
    result = function(*args, **more)
    return clock() - began, result


def nested(table, fold, trials, max_rows):
    """Seconds for all studies of both models: three outer parts, and one of all campaigns for the final model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.log"
        return timed(tune.tune, {TARGET: table}, NAMES, {TARGET: fold}, path, trials, max_rows=max_rows)[0]


def pruning(side, kind, trials):
    """CPU seconds and best score of a study that stops trials early, and of the very same trials in full."""
    objective = tune._objective(side, TARGET, NAMES, kind, 0)
    storage = optuna.storages.InMemoryStorage()
    short, study = timed(journal.run_study, storage, "s", objective, kind, trials, 0, clock=time.process_time)
    done = tune.finished(study, trials)
    score = tune.scorer(side, TARGET, NAMES, kind, 0)
    full, scores = timed(lambda: [score(trial.params) for trial in done], clock=time.process_time)
    stopped = sum(trial.state == optuna.trial.TrialState.PRUNED for trial in done)
    return short, full, study.best_value, max(scores), stopped


def main():
    """Print the times, the ratio, the best scores and the memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--campaigns", type=int, default=100)
    parser.add_argument("--only", choices=("nested", "pruning"))
    asked = parser.parse_args()
    tune.TUNING_TREES = TREES
    table, fold = made_up_table(asked.rows, asked.campaigns)
    print(f"{len(table):,} rows x {N_FEATURES} features, {asked.campaigns} campaigns, {asked.trials} trials a study,")
    print(f"3 outer parts (and all campaigns) x {tune.INNER_FOLDS} inner folds, forests of {TREES} trees, two threads")
    if asked.only != "pruning":
        for name, max_rows in (("every row", len(table)), ("thinned, as notebook 04 does", tune.TUNING_ROWS)):
            seconds = nested(table, fold, asked.trials, max_rows)
            print(f"nested, {name:<30} {seconds:8.0f} s  {seconds / 60:6.1f} min")
    if asked.only != "nested":
        side = table[fold != 0].reset_index(drop=True)
        total = np.zeros(2)
        for kind in KINDS:
            short, full, best, best_full, stopped = pruning(side, kind, asked.trials)
            total += short, full
            print(f"{kind:4s} {stopped:2d} of {asked.trials} trials stopped: {short:6.1f} s, in full {full:6.1f} s: "
                  f"{full / short:.2f} times; best R2 {best:.4f}, in full {best_full:.4f}")  # fmt: skip
        print(f"both models: {total[1] / total[0]:.2f} times faster")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
