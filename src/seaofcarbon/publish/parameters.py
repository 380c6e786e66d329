"""What a page was run with, and the command that runs it again: a box made from manifest and vocabulary."""

import shlex

import pandas as pd

from seaofcarbon import notebook
from seaofcarbon.publish.markdown import markdown_table
from seaofcarbon.run import NOTEBOOKS, check_value, select
from seaofcarbon.vocabulary import PARAMETERS, PROFILES

FIXED = ("run_dir", "profile")
"""Parameters that the runner sets."""

LINE = 64
"""Characters of a command that a page shows in one line; a longer one goes on in the next."""


def parameter_table(values, beside=None):
    """Return a Markdown table of parameters: value with its unit, meaning and what each may be.

    Parameters
    ----------
    values : dict
        Parameter -> value that was used.
    beside : dict of str to dict, optional
        Title of a column -> values of another run.
    """
    rows = [
        {"Parameter": f"`{name}`", "Value": _shown(name, value)}
        | {title: _shown(name, other.get(name, "")) for title, other in (beside or {}).items()}
        | {"Meaning": _meaning(PARAMETERS[name])}
        for name, value in values.items()
        if name not in FIXED
    ]
    return markdown_table(pd.DataFrame(rows))


def text_of(value):
    """Return a value as a user would write it: 150 and not 150.0."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _shown(name, value):
    unit = PARAMETERS[name].unit.removeprefix("1").replace("_", " ")
    return f"`{text_of(value)}` {unit}".strip() if text_of(value) else ""


def _meaning(parameter):
    """Say what a parameter means and may be.

    >>> _meaning(PARAMETERS["depth_m"])
    'depth at which the flux is shown; from 0 to 250'
    """
    if parameter.choices:
        return f"{parameter.meaning} ({', '.join(parameter.choices)})"
    return (
        f"{parameter.meaning}; from {parameter.low:.4g} to {parameter.high:.10g}"
        if parameter.high
        else parameter.meaning
    )


def other_value(name, value):
    """Return a value to try in place of the one that was used, as the command line takes it.

    The next choice; twice a number, or half of it where that is too much, or the most for 0; one more of a seed.

    >>> other_value("depth_m", 100.0), other_value("depth_m", 200.0), other_value("integration", "trapezoid")
    ('200', '100', 'layers')
    >>> other_value("depth_m", 0.0)
    '250'
    """
    parameter = PARAMETERS[name]
    if parameter.choices:
        return parameter.choices[(parameter.choices.index(value) + 1) % len(parameter.choices)]
    if name == "seed":
        return str(value + 1)
    other = (value * 2 if value * 2 <= parameter.high else value / 2) or parameter.high
    return text_of(check_value(name, f"{other:g}"))


def command(chapter, run, changed, options=""):
    """Return the command that runs a notebook with some values.

    Parameters
    ----------
    chapter : str
    run : dict
        name, profile and base of the run that is made.
    changed : dict
        Parameters with values other than those of the notebook.
    options : str
        What else is asked for.

    >>> command("05-maps", {"name": "deep", "profile": "twin", "base": "twin"}, {"depth_m": 150.0})
    'seaofcarbon run 05-maps --name deep -p depth_m=150'
    """
    words = [f"seaofcarbon run {chapter} --name {run['name']}"]
    words += [f"--profile {run['profile']}"] if run["profile"] != PROFILES[0] else []
    words += [f"--base {run['base']}"] if run["base"] not in (None, run["profile"]) else []
    words += [f"-p {name}={shlex.quote(text_of(value))}" for name, value in changed.items()]
    line = " ".join([*words, *([options] if options else [])])
    return line if len(line) <= LINE else line.replace(" -p ", " \\\n    -p ", 1)


def chapter_box(chapter, run, values, table=NOTEBOOKS):
    """Return the Markdown that stands on the page of a chapter: the command for another value, the parameters folded.

    Parameters
    ----------
    chapter : str
    run : dict
        name and profile of the run that is bound.
    values : dict
        Parameters that were used.
    table : dict of str to Chapter
        The notebooks.
    """
    own = [name for name in values if name not in (*FIXED, "target")]
    name = next((name for name in own if name != "seed"), *own[:1])  # the first that is more than chance
    other = command(chapter, run | {"base": run["name"], "name": "mine"}, {name: other_value(name, values[name])})
    made = "make book" if run["profile"] == PROFILES[0] else f"make book PROFILE={run['profile']}"
    more = f" Write `{chapter}+` to run what depends on it as well." if len(select([f"{chapter}+"], table)) > 1 else ""
    return (
        f"**Run this page with other values.** In a clone of the repository, after `{made}`:\n\n"
        f"```bash\n{other}\n```\n\n"
        f"The result stands in `runs/mine`; this page stays as it is.{more} With `--publish` the book gets a page of "
        f"it, under *Runs*.\n\n````{{dropdown}} Parameters of this page\n{parameter_table(values)}\n````\n"
    )


def with_box(nb, text):
    """Put a box before the parameters cell of a notebook, in place, and fold the cell, which says the same."""
    for cell in fold(nb):
        nb["cells"].insert(nb["cells"].index(cell), markdown_cell("parameters-box", text))


def fold(nb):
    """Fold the parameters cell of a notebook, in place, and return it; it stays, for live code on the page needs it."""
    cells = notebook.tagged(nb, "parameters")
    for cell in cells:
        cell["metadata"]["tags"] = [*cell["metadata"]["tags"], "hide-input"]
        cell["metadata"]["mystnb"] = {"code_prompt_show": "The cell with the parameters"}
    return cells


def markdown_cell(name, text):
    """Return a Markdown cell."""
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}
