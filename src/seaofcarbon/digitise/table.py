"""From a table of printed cells to records, every cell accounted for."""

import difflib
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from seaofcarbon import records
from seaofcarbon.digitise import units
from seaofcarbon.digitise.cells import MISSING, depths, numbers, text, times
from seaofcarbon.vocabulary import FLAG_NOT_EVALUATED, FLAG_SCHEMES, VARIABLES

ACCOUNT = ("cells", "records", "missing", "rejects", "not_wanted")
"""The five numbers: cells of the data table = records + missing + rejects + not wanted."""


@dataclass
class Column:
    """A column of values: what it measures, in which unit, and where its uncertainty and flags stand."""

    variable: str
    unit: str = ""
    method: str | None = None
    sigma: int | None = None
    sigma_kind: str = "1sd"
    flag: int | None = None
    size_min_um: float = np.nan
    size_max_um: float = np.nan


@dataclass
class Table:
    """A table of printed cells and what its columns are.

    `columns` maps positions to columns of values. `fields` maps fields of the record (and `year`, `month`, `day`) to
    the position of their column, or to an array with one value per row when the file tells them elsewhere; `constants`
    holds what is the same for all rows. `numbers` are the row or line numbers a person would see. `methods`, if given,
    tells the method of each row.
    """

    file: str
    header: list
    cells: np.ndarray
    numbers: np.ndarray
    columns: dict
    fields: dict
    constants: dict = field(default_factory=dict)
    flag_scheme: str = ""
    methods: np.ndarray | None = None
    odd: list = field(default_factory=list)
    place: str = ""
    meta: dict = field(default_factory=dict)


@dataclass
class Digitised:
    """What came out of a file: records, rejects, and the account of all its cells.

    Attributes
    ----------
    records : DataFrame
        Universal records.
    rejects : DataFrame
        file, row, column, value, reason: cells that were set aside.
    account : dict
        cells = records + missing + rejects + not_wanted. `missing` counts blank cells of value columns; `not_wanted`
        counts the cells of all other columns: those outside the vocabulary, and those that describe a record and travel
        with it (position, time, depth, uncertainty, flag). A describing cell that cannot be read counts as a reject.
    not_wanted : dict
        Column name -> number of cells; describing columns carry the mark `(travels with the record)`.
    meta : dict
        doi, citation, licence, format, rows of the file, or `sources` (a list of these) and `problems` for many files.
    """

    records: pd.DataFrame
    rejects: pd.DataFrame
    account: dict
    not_wanted: dict
    meta: dict


def digitise(table):
    """Turn a table into records, rejects and the account of its cells.

    Parameters
    ----------
    table : Table

    Returns
    -------
    Digitised
    """
    n, width = table.cells.shape
    rejects = _Rejects(table)
    rows, row_reason = _rows(table, rejects)
    long, missing = _values(table, rows, row_reason, rejects)
    rejected = rejects.frame()
    described = _described(table)
    not_wanted = Counter()
    for position, name in enumerate(table.header):
        if position not in table.columns and n:
            label = f"{name} (travels with the record)" if position in described else name
            not_wanted[label or "(no name)"] += n - rejects.count(position)
    account = {
        "cells": n * width + sum(len(cells) for _, cells in table.odd),
        "records": len(long),
        "missing": missing,
        "rejects": len(rejected),
        "not_wanted": sum(not_wanted.values()),
    }
    return Digitised(long, rejected, account, {k: v for k, v in not_wanted.items() if v}, table.meta | {"rows": n})


def _described(table):
    """Positions of the columns that describe records."""
    positions = {p for p in table.fields.values() if isinstance(p, int)}
    for column in table.columns.values():
        positions |= {p for p in (column.sigma, column.flag) if p is not None}
    return positions


class _Rejects:
    """Cells set aside, gathered column by column."""

    def __init__(self, table):
        self.table, self.parts, self.counts = table, [], Counter()

    def add(self, position, reason, printed):
        """Set aside the cells of a column where `reason` is not empty."""
        where = np.flatnonzero(reason != "")
        if len(where):
            table = self.table
            self.counts[position] += len(where)
            columns = {"row": table.numbers[where], "value": printed.to_numpy(object)[where], "reason": reason[where]}
            self.parts.append(pd.DataFrame(columns).assign(column=table.header[position]))

    def count(self, position):
        """Count the cells of a column that were set aside."""
        return self.counts[position]

    def frame(self):
        """Return all rejects as a table."""
        parts = list(self.parts)
        for number, cells in self.table.odd:
            reason = f"row has {len(cells)} cells, the table {len(self.table.header)} columns"
            if len(cells) < len(self.table.header):
                reason += ": the file ends in it, is it complete?"
            names = [*self.table.header, *[""] * len(cells)][: len(cells)]
            parts.append(pd.DataFrame({"row": number, "column": names, "value": cells, "reason": reason}))
        frame = (
            pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["row", "column", "value", "reason"])
        )
        frame.insert(0, "file", self.table.file)
        kinds = {"file": "str", "row": "int64", "column": "str", "value": "str", "reason": "str"}
        return frame[list(kinds)].astype(kinds).sort_values(["row", "column"], kind="stable", ignore_index=True)


def _cell_text(table, name):
    """Text of a field for each row, missing words as missing; None when the table does not tell it."""
    source = table.fields.get(name)
    if source is None:
        return None
    column = text(table.cells[:, source] if isinstance(source, int) else source)
    return column.mask(column.str.lower().isin(MISSING))


def _field_numbers(table, name, rejects, reader=numbers):
    """Numbers of a field for each row; unreadable cells are set aside."""
    source = table.fields.get(name)
    if source is None:
        return np.full(len(table.cells), np.nan), np.full(len(table.cells), "", dtype=object)
    cells = table.cells[:, source] if isinstance(source, int) else np.asarray(source, dtype=object)
    printed, value, reason, note = reader(cells)
    if isinstance(source, int):
        rejects.add(source, reason, printed)
    return value, note


def _rows(table, rejects):
    """Read what describes each row.

    Returns
    -------
    rows : DataFrame
        One row per row of the table, with the fields of the record that describe it.
    reason : ndarray of object
        Why no value of the row can become a record (no place in the sea), else "".
    """
    n = len(table.cells)
    rows = pd.DataFrame(index=range(n))
    rows["latitude"], _ = _field_numbers(table, "latitude", rejects)
    longitude, _ = _field_numbers(table, "longitude", rejects)
    # wrapped, not shifted: 0-360 and -180-180 may stand in one file; what is off the globe stays, for the check
    wrapped = np.mod(longitude + 180.0, 360.0) - 180.0
    outside = (longitude >= 180.0) & (longitude <= 360.0)
    rows["longitude"] = np.where(outside, np.round(wrapped, 10), longitude)
    rows["depth_m"], rows["note"] = _field_numbers(table, "depth_m", rejects, depths)
    if (longitude < 0).any():
        rows["note"] = _joined(
            rows["note"].to_numpy(object), np.where(outside & (longitude > 180), "longitude wrapped from 0-360", "")
        )
    _check_oceans(table, rejects)
    _row_times(table, rejects, rows)
    for name in ("cruise", "station", "sample_id", "source_doi"):
        column = _cell_text(table, name)
        if column is not None:
            rows[name] = column.to_numpy()
    if "replicate" in table.fields:
        rows["replicate"] = _field_numbers(table, "replicate", rejects)[0]
        rows["replicate"] = rows["replicate"].where(rows["replicate"] % 1 == 0)
    if table.methods is not None:
        rows["method"] = table.methods
    for name, value in table.constants.items():
        rows[name] = rows[name].fillna(value) if name in rows.columns else value
    blank = rows[["latitude", "longitude", "depth_m"]].isna()
    reason = np.select(
        [blank["depth_m"], blank["latitude"] | blank["longitude"]], ["row has no depth", "row has no position"], ""
    )
    return rows, reason.astype(object)


_OCEANS = ("atlantic", "pacific", "indian", "arctic", "southern", "antarctic", "mediterranean")


def _check_oceans(table, rejects):
    """Set aside misspelt names of oceans (`Pacifc Ocean`): no record keeps them, but their author may want to know."""
    position = table.fields.get("ocean")
    if position is None:
        return
    printed = text(table.cells[:, position])
    meant = {}
    for name in printed.unique():
        plain = name.lower().removesuffix(" ocean").removesuffix(" sea")
        close = difflib.get_close_matches(plain, _OCEANS, n=1, cutoff=0.8)
        meant[name] = f"misspelt: {close[0].title()}?" if close and plain not in _OCEANS else ""
    rejects.add(position, printed.map(meant).to_numpy(object), printed)


def _row_times(table, rejects, rows):
    """Fill time, time_end and time_precision of the rows, from one column or from year, month and day."""
    rows["time"], rows["time_precision"] = pd.NaT, None
    for name in ("time", "time_end"):
        printed = _cell_text(table, name)
        if name == "time" and "year" in table.fields:
            date = _joined_date(table, rejects)
            printed = date if printed is None else printed.fillna(date)
        if printed is None:
            continue
        printed = printed.fillna("")
        rows[name], precision, unread = times(printed)
        if name == "time":
            rows["time_precision"] = precision
        if isinstance(table.fields.get(name), int):
            rejects.add(table.fields[name], np.where(unread, "no ISO 8601 time", "").astype(object), printed)


def _joined_date(table, rejects):
    """Join columns of year, month and day to ISO dates, as far as they go."""
    year, month, day = (pd.Series(_field_numbers(table, name, rejects)[0]) for name in ("year", "month", "day"))
    ok = [year.between(1000, 9999), month.between(1, 12), day.between(1, 31)]
    y, m, d = (s.where(known).astype("Int64").astype("str") for s, known in zip((year, month, day), ok, strict=True))
    months = y + "-" + m.str.zfill(2)
    days = months + "-" + d.str.zfill(2)
    return pd.Series(np.select([ok[0] & ok[1] & ok[2], ok[0] & ok[1], ok[0]], [days, months, y], ""))


def _values(table, rows, row_reason, rejects):
    """Read all columns of values into one long table of records, and count their missing cells."""
    read = {position: numbers(table.cells[:, position]) for position in table.columns}
    missing = sum(int(printed.str.lower().isin(MISSING).sum()) for printed, *_ in read.values())
    rho, rho_note = _density(table, rows, read)
    parts = []
    for position, column in table.columns.items():
        printed, value, reason, mended = read[position]
        there = ~np.isnan(value)
        factor, blocked = _factor(column, rho)
        reason = np.where(there & (row_reason != ""), row_reason, reason)
        reason = np.where(there & (reason == ""), blocked, reason).astype(object)
        rejects.add(position, reason, printed)
        keep = there & (reason == "")
        part = rows[keep].assign(value=(value * factor)[keep], value_source=printed[keep].to_numpy())
        part["note"] = _joined(part["note"].to_numpy(object), mended[keep])
        if np.ndim(factor):  # per mass
            part["note"] = _joined(part["note"].to_numpy(object), rho_note[keep])
        parts.append(_completed(part, table, position, keep, factor, rejects))
    return records.conform(pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()), missing


def _factor(column, rho):
    """Factor from the printed unit to the unit inside, and why the values of a row cannot be converted, else ""."""
    rule = units.conversion(column.unit, column.variable)
    if rule is None:
        return np.nan, f"unit {column.unit!r} is not known for {column.variable}"
    if rule.per_mass:
        return rule.factor * rho, np.where(np.isnan(rho), "no salinity or temperature for the density", "")
    return rule.factor, ""


def _completed(part, table, position, keep, factor, rejects):
    """Give the values of a column their meaning, uncertainty, flags and the cell they came from."""
    column = table.columns[position]
    sigma, printed = _sigma(table, column, rejects)
    where = (f"{table.file}, {table.place}row " + pd.Series(table.numbers[keep]).astype("str")).to_numpy(object)
    part = part.assign(
        variable=column.variable,
        unit=VARIABLES[column.variable].unit,
        unit_source=column.unit,
        sigma=(sigma * factor)[keep],
        sigma_source=printed[keep],
        sigma_kind=np.where(np.isfinite(sigma[keep]), column.sigma_kind, ""),
        size_min_um=column.size_min_um,
        size_max_um=column.size_max_um,
        locator=where + f", column {position + 1}: {table.header[position]}",
        origin="table",
    )
    if table.methods is None:
        part["method"] = column.method
    if column.flag is not None:
        flag = text(table.cells[keep, column.flag])
        scheme = FLAG_SCHEMES.get(table.flag_scheme, {})
        part["flag"] = flag.map(scheme).fillna(FLAG_NOT_EVALUATED).astype("int8").to_numpy()
        part["flag_source"], part["flag_scheme"] = flag.to_numpy(), table.flag_scheme
    return part


def _joined(first, second):
    """Join two arrays of notes, with a semicolon where both say something."""
    between = np.where((first != "") & (second != ""), "; ", "")
    return (first + between + second).astype(object)


def _sigma(table, column, rejects):
    """Read the uncertainties of a column of values; unreadable and negative ones are set aside."""
    if column.sigma is None:
        return np.full(len(table.cells), np.nan), np.full(len(table.cells), None, dtype=object)
    printed, sigma, reason, _ = numbers(table.cells[:, column.sigma])
    reason = np.where(sigma < 0, "negative uncertainty", reason).astype(object)
    rejects.add(column.sigma, reason, printed)
    sigma = np.where(sigma < 0, np.nan, sigma)
    return sigma, printed.where(np.isfinite(sigma)).to_numpy(object)


def _density(table, rows, read):
    """Density (kg L-1) of each row, and in words where it came from if not from the row itself.

    Salinity and temperature are those of the row, else of its cast at that depth, else of its cruise at that depth
    (pumps carry no sensors): density varies by 0.3 % within a cruise, counting errors are ten times larger.
    """
    note = np.full(len(rows), "", dtype=object)
    conversions = [units.conversion(c.unit, c.variable) for c in table.columns.values()]
    if not any(c and c.per_mass for c in conversions):
        return np.full(len(rows), np.nan), note
    where = rows.reindex(columns=["source_id", "cruise", "station", "time", "latitude", "longitude"])
    # legs of a cruise reuse station names: the day tells their casts apart
    levels = {
        "density from its cast at that depth": records.cast_ids(where).to_numpy(object),
        "density from its cruise at that depth": where["cruise"].astype(object).fillna("").to_numpy(object),
    }
    sea = {name: _measured(table, name, read) for name in ("salinity", "temperature")}
    for words, group in levels.items():
        gap = np.isnan(sea["salinity"]) | np.isnan(sea["temperature"])
        sea = {name: units.fill_along_depth(v, rows["depth_m"].to_numpy(), group) for name, v in sea.items()}
        filled = gap & ~np.isnan(sea["salinity"]) & ~np.isnan(sea["temperature"])
        note[filled] = words
    place = rows["latitude"].to_numpy(), rows["longitude"].to_numpy()
    return units.density(sea["salinity"], sea["temperature"], *place), note


def _measured(table, variable, read):
    """Values of a variable in each row, from the first of its columns that has a likely one."""
    out = np.full(len(table.cells), np.nan)
    low, high = VARIABLES[variable].low, VARIABLES[variable].high
    for position, column in table.columns.items():
        if column.variable == variable:
            value = read[position][1]
            out = np.where(np.isnan(out) & (value >= low) & (value <= high), value, out)
    return out
