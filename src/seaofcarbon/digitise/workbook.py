"""The Ceballos-Romero / Sea of Thorium workbook: a row a sample, metadata, then pairs of value and uncertainty."""

import re

import numpy as np
import pandas as pd

from seaofcarbon.digitise.names import meaning
from seaofcarbon.digitise.opening import MAX_COLUMNS
from seaofcarbon.digitise.table import Column, Table
from seaofcarbon.files import UserError

HEADER_WITHIN = 30
"""The line of column names is looked for in this many rows of a sheet."""

NEEDED = {"latitude", "longitude", "depth_m"}

PUMPED = ("c_th", "poc", "th234_particulate")


def recognise(source):
    """Tell whether an opened file is a workbook."""
    return source.text is None


def read(source):
    """Read the sheets of a workbook that hold samples; headers are matched by alias, never by position.

    Cached values are read, formulas never run.

    Raises
    ------
    UserError
        When the workbook is damaged, or no sheet has latitude, longitude, depth and a known quantity.
    """
    import python_calamine

    try:
        workbook = python_calamine.CalamineWorkbook.from_path(str(source.path))
        sheets = {
            name: workbook.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in workbook.sheet_names
        }
    except Exception as problem:  # the reader raises many kinds for damaged files
        raise UserError(f"{source.path}: no readable workbook ({problem})") from None
    tables = [table for name, rows in sheets.items() if (table := _table(source, name, rows)) is not None]
    if not tables:
        raise UserError(
            f"{source.path}: no sheet has columns of latitude, longitude, depth and a known quantity; "
            "rename them, or see CONTRIBUTING for a new layout"
        )
    return tables


def _table(source, sheet, rows):
    """Find the table of a sheet; None when it holds no samples."""
    found = _header(rows)
    if found is None:
        return None
    number, names, values, fields = found
    for (row, column), word in source.errors.get(sheet, {}).items():
        if number < row < len(rows) and column < len(names):
            rows[row][column] = word
    width = len(names)
    while width and not names[width - 1].strip():
        width -= 1
    if width > MAX_COLUMNS:
        raise UserError(f"{source.path}: sheet {sheet} has {width} columns, more than {MAX_COLUMNS}")
    body = np.array(rows[number + 1 :], dtype=object).reshape(-1, len(names))
    filled = (body != "").any(axis=1)
    cells = body[filled]
    stray = (cells[:, width:] != "").any(axis=1)
    numbers = np.flatnonzero(filled) + number + 2
    odd = [(int(numbers[i]), _printed(cells[i]).tolist()) for i in np.flatnonzero(stray)]
    cells, numbers = cells[~stray, :width], numbers[~stray]
    for position in {*values, *fields.values(), *(c.sigma for c in values.values() if c.sigma is not None)}:
        cells[:, position] = _printed(cells[:, position])
    return Table(
        file=source.name,
        header=names[:width],
        cells=cells,
        numbers=numbers,
        columns=values,
        fields=fields,
        constants={"source_id": source.path.stem},
        odd=odd,
        place=f"sheet {sheet}, ",
        meta={"doi": "", "citation": "", "licence": ""},
    )


def _header(rows):
    """Find the line of column names: its number, the names, and what they are."""
    for number, row in enumerate(rows[:HEADER_WITHIN]):
        names = [str(cell) for cell in row]
        values, fields = columns(names)
        if values and set(fields) >= NEEDED:
            return number, names, values, fields
    return None


def _printed(cells):
    """Cells of a sheet as a reader sees them: whole numbers without `.0`, dates in ISO 8601."""
    return pd.Series(cells).astype("str").str.replace(r"^(-?\d+)\.0$", r"\1", regex=True).to_numpy(object)


def columns(names):
    """Tell what the columns are; an uncertainty belongs to the nearest column of its quantity before it.

    Returns
    -------
    values : dict of int -> Column
    fields : dict of str -> int
    """
    values, fields, latest, parent = {}, {}, {}, None
    for position, name in enumerate(names):
        what = meaning(name)
        if what.is_sigma:
            of = latest.get(what.variable, parent if not what.variable else None)
            if of is not None and values[of].sigma is None:
                values[of].sigma = position
                values[of].sigma_kind = "2sd" if re.search(r"\b2 ?s(d|igma)", name.lower()) else "1sd"
        elif what.field:
            fields.setdefault(what.field, position)
            parent = None
        elif what.variable:
            method = "pump" if what.variable.startswith(PUMPED) else "bottle"
            values[position] = Column(
                what.variable, what.unit, method, size_min_um=what.size_min_um, size_max_um=what.size_max_um
            )
            latest[what.variable], parent = position, position
    return values, fields
