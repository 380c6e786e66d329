"""What a line of headers holds: columns of values with their uncertainties, fields of the record, and what it lacks."""

import csv
import difflib
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from seaofcarbon.digitise import units
from seaofcarbon.digitise.names import meaning, squeeze
from seaofcarbon.digitise.opening import MAX_COLUMNS
from seaofcarbon.digitise.table import Column, Table
from seaofcarbon.files import UserError

HEADER_WITHIN = 30
"""The line of column names is looked for in this many lines of a file or sheet."""

NEEDED = {
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon", "long"),
    "depth_m": ("depth", "depth m", "pressure"),
}
"""Field without which no value can become a record -> what its column may look like."""

VALUES = ("234th", "th234", "total th234", "poc", "poc/th", "238u", "thorium", "poc flux")
"""What a column of values may look like."""

FLAG = re.compile(r"(?:^| )(?:quality )?(?:flags?|qc|qf)$")
"""How the name of a column of quality flags ends."""

PUMPED = ("c_th", "poc_small", "poc_large", "th234_particulate")


def method(variable, trap=False):
    """Tell how a variable is measured where a file does not: particles by pump, fluxes from 234Th, water by bottle."""
    if trap:
        return "trap"
    if variable in ("poc_flux", "npp"):  # from traps, 234Th, bottles, satellites: not guessed
        return None
    return "th234_unspecified" if variable == "th234_flux" else "pump" if variable.startswith(PUMPED) else "bottle"


def columns(names, told=(), follow=False):
    """Tell what the columns are.

    An uncertainty belongs to the column of its quantity and sizes before it, else to the first one after it; one that
    names no quantity (`st dev`) belongs to the value before it.

    Parameters
    ----------
    names : list of str
    told : list of str
        Unit of each column, where the file tells them apart from the names.
    follow : bool
        Uncertainties always belong to the column before them, whatever they are called.

    Returns
    -------
    values : dict of int -> Column
    fields : dict of str -> int
    """
    values, fields, sigmas, latest, last = {}, {}, [], {}, None
    for position, (name, unit) in enumerate(zip(names, told or [""] * len(names), strict=True)):
        if found := FLAG.search(squeeze(name)):
            _add_flag(values, names, squeeze(name)[: found.start()], position, last)
            continue
        what = meaning(name, unit.strip())
        key = what.variable, str(what.size_min_um), str(what.size_max_um)
        if what.is_sigma:
            sigmas.append((position, what, last if what.anonymous or follow else latest.get(key), key))
        elif what.field:
            fields.setdefault(what.field, position)
        elif what.variable:
            how = method(what.variable, what.trap)
            sizes = {"size_min_um": what.size_min_um, "size_max_um": what.size_max_um}
            values[position] = Column(what.variable, what.unit, how, **sizes)
            latest[key] = latest[what.variable, "any", "any"] = position
        last = position if position in values else last if what.is_sigma else None
    plain = [position for position, name in enumerate(names) if squeeze(name) == "time" and position not in values]
    if plain and not {"time", "year", "clock"} & fields.keys():  # beside a date it may be local: nobody knows
        fields["time"] = plain[0]
    for position, what, of, key in sigmas:
        if of is None and not follow:
            of = latest.get(key, latest.get((what.variable, "any", "any")) if key[1:] == ("nan", "nan") else None)
        if of is not None and values[of].sigma is None and _same_unit(what.unit, values[of]):
            values[of].sigma, values[of].sigma_kind = position, what.sigma_kind
    return values, fields


def _add_flag(values, names, of, position, last):
    """Give a column of flags to the column of values that it names, else to the one before it."""
    named = [p for p in values if of and squeeze(names[p]).startswith(of)]
    parent = named[-1] if named else last
    if parent is not None and values[parent].flag is None and (named or not of):
        values[parent].flag = position


def _same_unit(sigma, column):
    """Tell whether an uncertainty can be in the unit of its value: one that says otherwise is not its."""
    rule = units.conversion(sigma, column.variable)
    return (
        not units.known(sigma) if rule is None else not sigma or rule == units.conversion(column.unit, column.variable)
    )


def require(path, names, values, fields, constants=()):
    """Refuse a table in which no value can become a record.

    Parameters
    ----------
    path : str or Path
    names : list of str
        Headers, as printed.
    values, fields : dict
        As `columns` gives them.
    constants : iterable of str
        Fields that hold for the whole file.

    Raises
    ------
    UserError
        When latitude, longitude or depth are in no column, or no column holds a known quantity: it names those that
        look near, and the sidecar that would mend it.
    """
    missing = {name: near for name, near in NEEDED.items() if name not in fields and name not in constants}
    missing |= {} if values else {"a known quantity": VALUES}
    if missing:
        taken = {names[p] for p in fields.values() if isinstance(p, int)} | {names[p] for p in values}
        close = _near([name for name in names if name.strip() and name not in taken], missing.values())
        near = f"; near are {', '.join(map(repr, close))}" if close else ""
        raise UserError(
            f"{path}: no column of {', '.join(missing)}{near}: say what the columns are in a sidecar "
            f"{getattr(path, 'name', path)}.yml (columns:)"
        )


def _near(names, wanted):
    """Names that look like what is wanted, the nearest of each first, at most six."""
    short = {squeeze(name): name for name in reversed(names)}
    found = []
    for near in wanted:
        found += [name for word in near for name in difflib.get_close_matches(word, short, n=2, cutoff=0.6)]
        found += [name for name in short if any(word in name for word in near)]
    return [short[name] for name in dict.fromkeys(found)][:6]


def table(source, names, cells, numbers, values, fields, constants=None, meta=None, **told):
    """Build the table of a layout; `told` are further parts of a `Table`.

    Raises
    ------
    UserError
        As `require`.
    """
    constants = {"source_id": re.sub(r"[.](csv|tab|txt|tsv|sb|xlsx)$", "", source.name, flags=re.IGNORECASE)} | {
        k: v for k, v in (constants or {}).items() if v not in ("", None)
    }
    require(source.path, names, values, fields, constants)
    meta = {"doi": "", "citation": "", "licence": ""} | (meta or {})
    return Table(source.name, list(names), cells, numbers, values, fields, constants, meta=meta, **told)


def timed(cells, fields):
    """Join columns of date and time of day to one field `time`, in ISO 8601.

    Parameters
    ----------
    cells : ndarray of object, shape (n_rows, n_columns)
    fields : dict
        `time` (a date, also yyyymmdd) or year, month and day; `clock` (UTC, hh:mm, hh:mm:ss or hhmm) or hour, minute
        and second.

    Returns
    -------
    dict
        The fields; where there is something to join, `time` has a text for each row, and `time_column` is the position
        of the column of dates.
    """
    if "clock" in fields and not {"time", "year"} & fields.keys():
        return {key: p for key, p in fields.items() if key != "clock"} | {"time": fields["clock"]}
    parts = [key for key in ("time", "clock") if key in fields]
    parts = ([] if "time" in parts else ["year", "month", "day"]) + parts
    parts += [] if "clock" in parts else ["hour", "minute", "second"]
    there = [key for key in parts if key in fields]
    if not {*there} & _JOINED or there == ["time"] and all(len(str(c).strip()) != 8 for c in cells[:, fields["time"]]):
        return fields
    printed = cells[:, fields[there[0]]]
    for key in there[1:]:
        printed = printed + "\x1f" + cells[:, fields[key]]
    meant = {each: _iso(dict(zip(there, each.split("\x1f"), strict=True))) for each in set(printed)}
    column = {"time_column": fields["time"]} if "time" in fields else {}
    return fields | column | {"time": pd.Series(printed).map(meant).to_numpy(object)}


_JOINED = {"time", "clock", "hour"}
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")
_CLOCK = re.compile(r"(\d{1,2}):?([0-5]\d)(?::?([0-5]\d)(?:[.]\d+)?)?")


def _iso(told):
    """Join parts of a time as far as they are understood; a date that is not is given as it stands.

    >>> _iso({"time": "20180814", "clock": "9:30"}), _iso({"year": "2018", "month": "8", "day": "4", "hour": "nd"})
    ('2018-08-14T09:30:00', '2018-08-04')
    """
    told = {key: value.strip() for key, value in told.items()}
    if "time" in told:
        day = _DAY.fullmatch(told["time"])
    else:
        day = _DAY.fullmatch("-".join(_padded(told.get(key, "")) for key in ("year", "month", "day")))
    if day is None:
        return told.get("time", "")
    clock = told.get("clock", ":".join(_padded(told[key]) for key in ("hour", "minute", "second") if key in told))
    found = _CLOCK.fullmatch(clock)
    date = "-".join(day.groups())
    return f"{date}T{int(found[1]):02}:{found[2]}:{found[3] or '00'}" if found and int(found[1]) < 24 else date


def _padded(number):
    return number.removesuffix(".0").zfill(2)


class Line(NamedTuple):
    """The line of column names of a text: its number from 0, delimiter, names, and whether remarks precede it."""

    number: int
    delimiter: str
    names: list
    remarks: bool


def best(candidates):
    """Find the names that tell most: a quantity, or two of latitude, longitude and depth, at least.

    Parameters
    ----------
    candidates : iterable of (key, list of str)

    Returns
    -------
    tuple of (score, key, list of str), or None
    """
    chosen, score = None, 1
    for key, names in candidates:
        values, fields = columns(names) if len(names) <= MAX_COLUMNS else ({}, {})
        told = 2 * len(values) + len(NEEDED.keys() & fields.keys())
        if told > score:
            chosen, score = (told, key, names), told
        if score > len(NEEDED) + 1:
            break
    return chosen


def found(source):
    """Find the line of column names of a text.

    Returns
    -------
    Line or None
    """
    lines = source.text[:200_000].split("\n", HEADER_WITHIN)[:HEADER_WITHIN] if source.text is not None else []
    chosen = best(
        ((number, sign), next(csv.reader([line], delimiter=sign), []))
        for number, line in enumerate(lines)
        for sign in ",;\t"
        if sign in line and not line.startswith("#") and len(line) < 100_000
    )
    if chosen is None:
        return None
    _, (number, sign), names = chosen
    return Line(number, sign, names, any(line.startswith("#") for line in lines[:number]))


def body(source, number):
    """Text from a line on."""
    return source.text.split("\n", number)[number] if number else source.text


def line_numbers(rows, before):
    """Numbers of rows as a person sees them, with so many lines before the header."""
    return np.asarray(rows) + before + 1


def has_sidecar(source):
    """Tell whether a sidecar lies beside a file, without loading what reads it."""
    return Path(f"{source.path}.yml").is_file() or source.path.with_suffix(".yml").is_file()
