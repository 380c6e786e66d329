"""Parameters of the notebooks: read, checked against the vocabulary, given to those that have them."""

import math

from seaofcarbon.files import UserError, suggest
from seaofcarbon.vocabulary import PARAMETERS

PAIRS = (("site_latitude", "site_longitude"),)
"""Parameters that are only given together: the default of one says nothing beside a value of the other."""


def check_value(name, value):
    """Return the value of a parameter in its type; text, as it comes from a command line, is read.

    Parameters
    ----------
    name : str
        A name in `vocabulary.PARAMETERS`.
    value : str, int or float
        A list is a text with commas.

    Returns
    -------
    str, int or float

    Raises
    ------
    UserError
        For a wrong type, a value out of range, or a choice that is unknown.

    Examples
    --------
    >>> check_value("depth_m", "150")
    150.0
    """
    parameter = PARAMETERS[name]
    if str(value).strip() == "" and parameter.kind is not str:
        allowed = f"from {parameter.low:g} to {parameter.high:g} {parameter.unit}".removesuffix(" 1")
        what = f"numbers {allowed} with commas between" if parameter.is_list else f"a number {allowed}"
        raise UserError(f"{name}= is empty: give {what}, or leave it out for what the notebook has")
    if parameter.is_list:
        return ",".join(f"{_check_one(name, parameter, part):.10g}" for part in str(value).split(","))
    return _check_one(name, parameter, value)


def _check_one(name, parameter, value):
    text = str(value).strip()
    unit = "" if parameter.unit in ("", "1") else f" {parameter.unit}"
    if parameter.kind is str:
        if parameter.choices and text not in parameter.choices:
            choices = ", ".join(parameter.choices)
            near = suggest(text, parameter.choices) if text else ""
            raise UserError(f"{name}={text} is not one of {choices}{near}")
        return text
    allowed = f"from {parameter.low:g} to {parameter.high:g}{unit}"
    try:
        number = parameter.kind(text)
    except ValueError:
        word = "a whole number" if parameter.kind is int else "a number"
        raise UserError(f"{name}={text} is not {word}: give one {allowed}") from None
    if not math.isfinite(number) or not parameter.low <= number <= parameter.high:
        raise UserError(f"{name}={text} is out of range: give a value {allowed}")
    return number


def check_declared(declared, where):
    """Refuse a parameters cell that disagrees with the vocabulary (a slip of ours, found early)."""
    for item in declared.values():
        known = PARAMETERS.get(item.name)
        if known is None:
            raise UserError(f"{where}: parameter {item.name} has no entry in vocabulary.PARAMETERS")
        if item.kind is not (str if known.is_list else known.kind):
            raise UserError(f"{where}: parameter {item.name} is {item.kind.__name__}, against the vocabulary")
        if item.name != "run_dir":
            check_value(item.name, item.default)


def assign(parameters, declared):
    """Give each notebook the parameters that it has, checked.

    Parameters
    ----------
    parameters : dict of str to str
        As given by the user.
    declared : dict of str to dict of str to Declared
        Parameters of each selected notebook.

    Returns
    -------
    dict of str to dict
        The full parameters of each notebook.

    Raises
    ------
    UserError
        For a parameter that none of the notebooks has, or an absurd value.
    """
    for one, other in (pair for pair in (*PAIRS, *(pair[::-1] for pair in PAIRS)) if pair[0] in parameters):
        if other not in parameters:
            raise UserError(f"{one} needs {other} beside it: give both")
    known = sorted(set().union(*declared.values()) - {"run_dir"})
    for name in parameters:
        if name == "run_dir":
            raise UserError("run_dir is set by the run itself: give --name NAME instead")
        if name not in known:
            where = f"{', '.join(declared)}{suggest(name, known)} ({', '.join(known)})"
            raise UserError(f"there is no parameter {name!r} in {where}")
    given = {name: check_value(name, value) for name, value in parameters.items()}
    return {
        chapter: {name: given.get(name, item.default) for name, item in items.items()}
        for chapter, items in declared.items()
    }
