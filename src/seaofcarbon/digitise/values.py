"""What was measured: the cells of values of many tables, read as one long column."""

import numpy as np
import pandas as pd

from seaofcarbon import records
from seaofcarbon.digitise import units
from seaofcarbon.digitise.cells import is_missing, numbers, text
from seaofcarbon.digitise.rows import rows
from seaofcarbon.digitise.table import TRAVELS, Batch, is_word, joined, without
from seaofcarbon.vocabulary import FLAG_NOT_EVALUATED, FLAG_QUESTIONABLE, FLAG_SCHEMES, VARIABLES


def digitise(tables):
    """Turn tables into records, rejects and the account of their cells.

    Parameters
    ----------
    tables : list of Table

    Returns
    -------
    records : DataFrame
        Universal records, by table, column and row.
    rejects : DataFrame
    accounts : list of dict
        The account of each table, with `not_wanted_columns`.
    words : DataFrame
        As in `Digitised`.
    """
    batch = Batch(tables)
    described, reason = rows(batch)
    long, missing = _values(batch, described, reason)
    counts = np.bincount(batch.table[long.pop("row")], minlength=len(tables)) if len(long) else [0] * len(tables)
    rejects, rejected = batch.rejects()
    accounts = [
        _account(table, int(n), int(missing[i]), *rejected[i])
        for i, (table, n) in enumerate(zip(tables, counts, strict=True))
    ]
    return records.conform(long), rejects, accounts, batch.missing_words()


def _account(table, n_records, missing, rejected, rejected_by_position):
    """Account for the cells of a table: the five numbers, and how many cells each unwanted column has."""
    n, width = table.cells.shape
    described = {p for p in table.fields.values() if isinstance(p, int)}
    described |= {p for column in table.columns.values() for p in (column.sigma, column.flag) if p is not None}
    not_wanted = {}
    for position, name in enumerate(table.header):
        if position not in table.columns and (count := n - rejected_by_position.get(position, 0)):
            label = (name or "(no name)") + (f" {TRAVELS}" if position in described else "")
            not_wanted[label] = not_wanted.get(label, 0) + count
    return {
        "cells": n * width + sum(len(cells) for _, cells in table.odd),
        "records": n_records,
        "missing": missing,
        "rejects": rejected,
        "not_wanted": sum(not_wanted.values()),
        "not_wanted_columns": not_wanted,
    }


def _values(batch, rows, row_reason):
    """Read all columns of values of all tables as one long column.

    Returns
    -------
    long : DataFrame
        Columns of the record, and `row`, the number of the row in the batch.
    missing : ndarray of int, shape (n_tables,)
        Missing cells of value columns.
    """
    columns = [
        (i, position, column) for i, table in enumerate(batch.tables) for position, column in table.columns.items()
    ]
    if not columns:
        return pd.DataFrame({"row": []}, dtype=int), np.zeros(len(batch.tables), dtype=int)
    cells = _Cells(batch, columns)
    printed, value, reason, mended = numbers(cells.taken("value"))
    blank = is_missing(printed).to_numpy()
    batch.taken_as_missing(cells.row, cells.position, blank, printed)
    for i, table in enumerate(batch.tables):
        if table.below_detection:
            below = (cells.table == i) & is_word(printed, table.below_detection)
            reason[below], value[below] = "outside the limits of detection", np.nan
    there = ~np.isnan(value)
    flag = cells.flags()
    density, density_note = _density(batch, rows, cells, np.where(np.isin(flag, records.SET_ASIDE), np.nan, value))
    factor, per_mass, blocked = cells.factors(density)
    reason = np.where(there & (row_reason[cells.row] != ""), row_reason[cells.row], reason)
    reason = np.where(there & (reason == ""), blocked, reason).astype(object)
    batch.set_aside(cells.row, cells.position, reason, printed)
    keep = there & (reason == "")
    note = joined(rows["note"].to_numpy(object)[cells.row], mended)
    note = np.where(per_mass, joined(note, density_note[cells.row]), note)
    note = joined(note, cells.each(["" if column.unit_told else _taken(column) for _, _, column in columns]))
    read = {"value": value * factor, "value_source": printed.to_numpy(object), "note": note, "flag": flag}
    long = cells.records(rows, keep, {k: v[keep] for k, v in read.items()}, factor)
    return long, np.bincount(cells.table[blank], minlength=len(batch.tables))


class _Cells:
    """The cells of all columns of values, column after column.

    `row` is the row of each cell in the batch, `column` the number of its column in `columns`, `table` and `position`
    where that stands.
    """

    def __init__(self, batch, columns):
        self.batch, self.columns = batch, columns
        lengths = [len(batch.tables[i].cells) for i, _, _ in columns]
        self.column = np.repeat(np.arange(len(columns)), lengths)
        self.row = np.concatenate([np.arange(batch.starts[i], batch.starts[i + 1]) for i, _, _ in columns])
        self.table, self.position = (np.array([c[k] for c in columns])[self.column] for k in (0, 1))

    def taken(self, what):
        """Cells of the columns themselves (value), of their uncertainties (sigma) or flags (flag); "" where none."""
        parts = []
        for i, position, column in self.columns:
            table = self.batch.tables[i]
            place = position if what == "value" else getattr(column, what)
            words = table.missing if what == "value" else (*table.missing, *table.below_detection)
            empty = np.full(len(table.cells), "", dtype=object)
            parts.append(empty if place is None else without(table.cells[:, place], words))
        return np.concatenate(parts)

    def each(self, values):
        """Repeat one value for each column over its cells."""
        out = np.empty(len(self.columns), dtype=object)
        out[:] = values
        return out[self.column]

    def factors(self, density):
        """Factor from the printed unit to the unit inside, whether it is per mass, and why there is none, else ""."""
        rules = [units.conversion(column.unit, column.variable) for _, _, column in self.columns]
        unknown = ["" if rule else _no_unit(column) for rule, (_, _, column) in zip(rules, self.columns, strict=True)]
        factor = self.each([np.nan if rule is None else rule.factor for rule in rules]).astype(float)
        per_mass = self.each([bool(rule and rule.per_mass) for rule in rules]).astype(bool)
        factor = np.where(per_mass, factor * density[self.row], factor)
        reason = np.where(per_mass & np.isnan(factor), "no salinity or temperature for the density", self.each(unknown))
        return factor, per_mass, reason

    def sigmas(self):
        """Uncertainties and how they are printed; unreadable and negative ones are set aside."""
        printed, sigma, reason, _ = numbers(self.taken("sigma"))
        reason = np.where(sigma < 0, "negative uncertainty", reason).astype(object)
        position = self.each([-1 if c.sigma is None else c.sigma for _, _, c in self.columns]).astype(int)
        # two sizes may share a column of uncertainties: a cell is set aside once
        first = ~pd.DataFrame({"row": self.row, "position": position}).duplicated().to_numpy()
        position = np.where(first, position, -1)
        self.batch.set_aside(self.row, position, reason, printed)
        self.batch.taken_as_missing(self.row, position, np.isnan(sigma) & (reason == ""), printed)
        sigma = np.where(sigma < 0, np.nan, sigma)
        return sigma, printed.where(np.isfinite(sigma)).to_numpy(object)

    def records(self, rows, keep, read, factor):
        """Give the cells that are kept their meaning, uncertainty, flags and the place they came from."""
        sigma, sigma_printed = self.sigmas()
        tables, row = self.batch.tables, self.row[keep]
        names = [f", column {p + 1}: {tables[i].header[p]}" for i, p, _ in self.columns]
        lines = np.concatenate([table.numbers for table in tables])[row].astype(str).astype(object)
        at = np.array([f"{table.file}, {table.place}row " for table in tables], dtype=object)[self.table[keep]]
        of = {
            name: self.each([getattr(column, name) for _, _, column in self.columns])[keep]
            for name in ("variable", "method", "sigma_kind", "size_min_um", "size_max_um")
        }
        printed_unit = self.each([column.unit if column.unit_told else "" for _, _, column in self.columns])[keep]
        part = rows.drop(columns="note").take(row).reset_index(drop=True).assign(
            **read,
            row=row,
            variable=of["variable"],
            unit=[VARIABLES[name].unit for name in of["variable"]],
            unit_source=printed_unit,
            sigma=(sigma * factor)[keep],
            sigma_source=sigma_printed[keep],
            sigma_kind=np.where(np.isfinite(sigma[keep]), of["sigma_kind"], ""),
            size_min_um=of["size_min_um"],
            size_max_um=of["size_max_um"],
            locator=at + lines + self.each(names)[keep],
            origin="table",
        )  # fmt: skip
        part["method"] = part["method"].where(part["method"].notna(), of["method"])
        part["flag_source"] = self.flag_source[keep].to_numpy(object)
        strange = (part["flag_source"] != "") & (self.flag_scheme[keep] == "")
        words = np.where(strange, "flag of the source, scheme not told: " + part["flag_source"], "").astype(object)
        part["note"] = joined(part["note"].to_numpy(object), words)
        part["flag_scheme"] = np.where(part["flag_source"] != "", self.flag_scheme[keep], "")
        return _above_the_floor(part)

    def flags(self):
        """Flags of the source in our scheme; what the scheme does not know is questionable."""
        self.flag_source = text(self.taken("flag")).str.replace(r"^(\d+)[.]0+$", r"\1", regex=True)
        scheme = [self.batch.tables[i].flag_scheme if c.flag is not None else "" for i, _, c in self.columns]
        self.flag_scheme = self.each(scheme)
        meant = {(name, word): flag for name, words in FLAG_SCHEMES.items() for word, flag in words.items()}
        pairs = pd.Series(list(zip(self.flag_scheme, self.flag_source, strict=True)), dtype=object)
        unknown = (self.flag_scheme != "") & (self.flag_source != "")
        return (
            pairs.map(meant).fillna(unknown.map({True: FLAG_QUESTIONABLE, False: FLAG_NOT_EVALUATED})).to_numpy("int8")
        )


def _no_unit(column):
    """Say why values cannot be converted."""
    if column.unit:
        return f"unit {column.unit!r} is not known for {column.variable}"
    return f"no unit is told for {column.variable}"


def _taken(column):
    """Say which unit a column was taken to be in."""
    return f"unit not told: taken as {column.unit}, the unit of {column.variable} here"


def _above_the_floor(part):
    """Flag values that are deeper than the sea floor of their own file; wires lean and echo sounders err by 5 %."""
    floor = part["bottom_depth"].where(part["bottom_depth"] > 0)
    below = (part["depth_m"] > 1.05 * floor + 10.0).to_numpy()
    words = np.full(len(part), "", dtype=object)
    words[below] = [f"below the sea floor of its file ({depth:.0f} m)" for depth in floor[below]]
    part["flag"] = np.where(below, np.maximum(part["flag"], FLAG_QUESTIONABLE), part["flag"])
    part["note"] = joined(part["note"].to_numpy(object), words)
    return part


def _density(batch, rows, cells, value):
    """Density (kg L-1) of each row, and in words where it came from if not from the row itself.

    Salinity and temperature are those of the row, else of its cast at that depth, else of its cruise at that depth
    (pumps carry no sensors): density varies by 0.3 % within a cruise, counting errors are ten times larger.
    """
    density, note = np.full(len(batch), np.nan), np.full(len(batch), "", dtype=object)
    rules = [(i, units.conversion(c.unit, c.variable)) for i, _, c in cells.columns]
    here = np.isin(batch.table, [i for i, rule in rules if rule and rule.per_mass])
    if not here.any():
        return density, note
    where = rows[here].reindex(columns=["source_id", "cruise", "station", "time", "latitude", "longitude", "depth_m"])
    file = batch.table[here].astype(str).astype(object) + "/"  # files do not lend each other their sea
    # legs of a cruise reuse station names: the day tells their casts apart
    levels = {
        "density from its cast at that depth": file + records.cast_ids(where).fillna("").to_numpy(object),
        "density from its cruise at that depth": file + where["cruise"].astype(object).fillna("").to_numpy(object),
    }
    sea = {name: _measured(batch, cells, name, value)[here] for name in ("salinity", "temperature")}
    depth = where.pop("depth_m").to_numpy()
    for words, group in levels.items():
        gap = np.isnan(sea["salinity"]) | np.isnan(sea["temperature"])
        sea = {name: units.fill_along_depth(v, depth, group) for name, v in sea.items()}
        filled = gap & ~np.isnan(sea["salinity"]) & ~np.isnan(sea["temperature"])
        note[np.flatnonzero(here)[filled]] = words
    place = where["latitude"].to_numpy(), where["longitude"].to_numpy()
    density[here] = units.density(sea["salinity"], sea["temperature"], *place)
    return density, note


def _measured(batch, cells, variable, value):
    """Values of a variable in each row, from the first of its columns that has a likely one."""
    low, high = VARIABLES[variable].low, VARIABLES[variable].high
    of = cells.each([column.variable == variable for _, _, column in cells.columns]).astype(bool)
    likely = np.flatnonzero(of & (value >= low) & (value <= high))[::-1]  # the first column is written last
    out = np.full(len(batch), np.nan)
    out[cells.row[likely]] = value[likely]
    return out
