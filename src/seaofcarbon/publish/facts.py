"""What a chapter cost: its seconds and memory, from the manifest of the run, under the title of its page."""

import re

TITLE = re.compile(r"^# .+$", re.MULTILINE)


def cost(manifest):
    """Return the time and memory that a notebook took as a sentence.

    Parameters
    ----------
    manifest : dict
        As each notebook leaves it: seconds, peak_memory_mb (None where the system does not tell), profile.

    >>> cost({"seconds": 37.7, "peak_memory_mb": 874.8})
    'This chapter took 38 s and 875 MB of memory in the run that made this book.'
    """
    seconds, memory = manifest["seconds"], manifest.get("peak_memory_mb")
    took = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
    with_memory = f" and {memory:,.0f} MB of memory" if memory else ""
    return f"This chapter took {took}{with_memory} in the run that made this book."


def with_cost(nb, manifest):
    """Put the cost of a notebook under its title, in place; one without a title is left as it is.

    Parameters
    ----------
    nb : dict
        The notebook.
    manifest : dict
        See `cost`.
    """
    line = f"```{{div}} chapter-cost\n{cost(manifest)} [All chapters](../book/status.md).\n```"
    for cell in nb["cells"][:1]:
        text = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        cell["source"] = TITLE.sub(lambda title: f"{title.group()}\n\n{line}", text, count=1)
