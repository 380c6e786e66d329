"""Tables of printed cells, and many of them laid end to end: files are small, and are read faster together."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from seaofcarbon.digitise.cells import is_missing, numbers, text

ACCOUNT = ("cells", "records", "missing", "rejects", "not_wanted")
"""The five numbers: cells of the data table = records + missing + rejects + not wanted."""

TRAVELS = "(travels with the record)"
"""Mark of the columns in an account that are no values, but describe them."""


@dataclass
class Column:
    """A column of values: what it measures, in which unit, and where its uncertainty and flags stand.

    `unit_told` is False where no unit is printed, and that of the vocabulary is taken.
    """

    variable: str
    unit: str = ""
    method: str | None = None
    sigma: int | None = None
    sigma_kind: str = "1sd"
    flag: int | None = None
    size_min_um: float = np.nan
    size_max_um: float = np.nan
    unit_told: bool = True


@dataclass
class Table:
    """A table of printed cells and what its columns are.

    `columns` maps positions to columns of values. `fields` maps fields of the record (and `year`, `month`, `day`,
    `ocean`, `bottom_depth`) to the position of their column, or to an array with one value per row when the file tells
    them elsewhere (joined of several columns, it may name `time_column` as the position to blame); `constants` holds
    what is the same for all rows. `numbers` are the row or line numbers a person would see. `methods`, if given, tells
    the method of each row. `missing` and `below_detection` are words (or numbers) of this file alone, in lower case.
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
    missing: tuple = ()
    below_detection: tuple = ()
    place: str = ""
    meta: dict = field(default_factory=dict)


@dataclass
class Digitised:
    """What came out of files: records, rejects, and the account of all their cells.

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
    words : DataFrame
        file, column, value, n, row (the first): words other than blanks that were taken as missing, as `nd` or -999.
    """

    records: pd.DataFrame
    rejects: pd.DataFrame
    account: dict
    not_wanted: dict
    meta: dict
    words: pd.DataFrame


class Batch:
    """Tables laid end to end: the rows of all of them are numbered through, and cells set aside are gathered."""

    def __init__(self, tables):
        self.tables = tables
        lengths = [len(table.cells) for table in tables]
        self.starts = np.concatenate([[0], np.cumsum(lengths)]).astype(int)
        self.table = np.repeat(np.arange(len(tables)), lengths)
        """Table of each row."""
        self.parts, self.words = [], []

    def __len__(self):
        return len(self.table)

    def each(self, values):
        """Repeat one value for each table over its rows."""
        out = np.empty(len(self.tables), dtype=object)
        out[:] = values
        return out[self.table]

    def field(self, name):
        """Cells of a field of the record for all rows ("" where a table has none), and the positions of its columns."""
        cells, positions = np.full(len(self), "", dtype=object), np.full(len(self.tables), -1)
        for i, table in enumerate(self.tables):
            source = table.fields.get(name)
            if source is not None:
                is_column = isinstance(source, int)
                positions[i] = source if is_column else table.fields.get(f"{name}_column", -1)
                given = table.cells[:, source] if is_column else np.asarray(source, dtype=object)
                cells[self.starts[i] : self.starts[i + 1]] = without(given, table.missing)
        return cells, positions

    def told(self, name):
        """Text of a field for all rows, missing words as missing; None when no table tells it."""
        if not any(name in table.fields for table in self.tables):
            return None
        column = text(self.field(name)[0])
        return column.mask(is_missing(column))

    def numbers(self, name, reader=numbers):
        """Numbers of a field and notes on them for all rows; unreadable cells are set aside."""
        cells, positions = self.field(name)
        printed, value, reason, note = reader(cells)
        here = np.arange(len(self)), positions[self.table]
        self.set_aside(*here, reason, printed)
        self.taken_as_missing(*here, np.isnan(value) & (reason == ""), printed)
        return value, note

    def set_aside(self, row, position, reason, printed):
        """Set aside the cells that have a reason; a position of -1 is no cell."""
        where = np.flatnonzero((reason != "") & (position >= 0))
        if len(where):
            columns = {"at": row[where], "position": position[where], "value": printed.to_numpy(object)[where]}
            self.parts.append(pd.DataFrame(columns).assign(reason=reason[where]))

    def taken_as_missing(self, row, position, missing, printed):
        """Remember the words among cells that are missing; a position of -1 is no cell."""
        where = np.flatnonzero(missing & (position >= 0) & (printed != "").to_numpy())
        if len(where):
            columns = {"at": row[where], "position": position[where], "value": printed.to_numpy(object)[where]}
            self.words.append(pd.DataFrame(columns))

    def missing_words(self):
        """Count the words that were taken as missing: file, column, value (the word), n, and the first row."""
        found = pd.concat(self.words, ignore_index=True) if self.words else pd.DataFrame(columns=["at", "position"])
        which, line = self.table[found["at"].to_numpy(int)], np.concatenate([table.numbers for table in self.tables])
        names = [self.tables[i].header[p] for i, p in zip(which, found["position"], strict=True)]
        found = found.reindex(columns=["value"]).assign(
            file=[self.tables[i].file for i in which], column=names, row=line[found["at"].to_numpy(int)]
        )
        return found.groupby(["file", "column", "value"], sort=False)["row"].agg(n="size", row="first").reset_index()

    def rejects(self):
        """Give all cells set aside as a table, and for each table their number, in all and by column."""
        found = pd.concat(self.parts, ignore_index=True) if self.parts else pd.DataFrame(columns=["at", "position"])
        at, position = found["at"].to_numpy(int), found["position"].to_numpy(int)
        which = self.table[at]
        by_column = pd.Series(position).groupby([which, position]).size()
        names = [self.tables[i].header[p] for i, p in zip(which, position, strict=True)]
        line = np.concatenate([table.numbers for table in self.tables])[at] if len(at) else []
        frame = found.drop(columns=["at", "position"]).assign(table=which, row=line, column=names)
        odd = [_odd(table, i) for i, table in enumerate(self.tables) if table.odd]
        frame = pd.concat([frame, *odd], ignore_index=True)
        frame.insert(0, "file", [self.tables[i].file for i in frame["table"]])
        kinds = {"file": "str", "row": "int64", "column": "str", "value": "str", "reason": "str"}
        total = np.bincount(frame["table"].to_numpy(int), minlength=len(self.tables)).tolist()
        frame = frame.sort_values(["table", "row", "column"], kind="stable", ignore_index=True)
        each = [(total[i], by_column[i].to_dict() if i in by_column.index else {}) for i in range(len(self.tables))]
        return frame.reindex(columns=list(kinds)).astype(kinds), each


def _odd(table, number):
    """Rows of a table that have too many or too few cells, cell by cell."""
    width, lengths = len(table.header), [len(cells) for _, cells in table.odd]
    names = [*table.header, *[""] * max(lengths)]
    reason = [f"row has {n} cells, the table {width} columns" for n in lengths]
    reason = [why + ": is the file complete there?" * (n < width) for why, n in zip(reason, lengths, strict=True)]
    columns = {
        "row": np.repeat([row for row, _ in table.odd], lengths),
        "column": [name for n in lengths for name in names[:n]],
        "value": [cell for _, cells in table.odd for cell in cells],
        "reason": np.repeat(reason, lengths),
    }
    return pd.DataFrame(columns).assign(table=number)


def is_word(cells, words):
    """Tell the cells that are one of the words, or the same number printed otherwise (-9999.0 for -9999)."""
    printed = text(cells).str.lower()
    meant = pd.to_numeric(pd.Series(words, dtype=object), errors="coerce").dropna()
    return (printed.isin(words) | pd.to_numeric(printed, errors="coerce").isin(meant)).to_numpy(bool)


def without(cells, words):
    """Blank the cells that are words for missing in this file alone."""
    return np.where(is_word(cells, words), "", cells) if words else cells


def joined(first, second):
    """Join two arrays of notes, with a semicolon where both say something."""
    between = np.where((first != "") & (second != ""), "; ", "")
    return (first + between + second).astype(object)
