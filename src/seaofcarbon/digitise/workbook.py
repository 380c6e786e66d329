"""A table whose headers tell quantity and unit by themselves: any compilation, as xlsx or as delimited text."""

import numpy as np

from seaofcarbon.digitise import headers
from seaofcarbon.digitise.opening import MAX_COLUMNS, split_cells
from seaofcarbon.files import UserError


def recognise(source):
    """Tell whether an opened file is a workbook, or a text with a line of names that are understood."""
    return source.text is None or headers.found(source) is not None


def read(source):
    """Read the tables of a file; headers are matched by alias, never by position.

    Of workbooks, cached values are read, formulas never run.

    Raises
    ------
    UserError
        When the workbook is damaged, or no table has latitude, longitude, depth and a known quantity.
    """
    if source.text is not None:
        return [_text(source)]
    tables, short = [], []
    for sheet, rows in sheets(source).items():
        lines = ((number, [str(cell) for cell in row]) for number, row in enumerate(rows[: headers.HEADER_WITHIN]))
        if chosen := headers.best(lines):
            score, number, names = chosen
            values, fields = headers.columns(names)
            if values and headers.NEEDED.keys() <= fields.keys():
                tables.append(_sheet(source, sheet, *cut(source, sheet, rows, number)))
            short.append((score, names, values, fields))
    if not tables and short:
        headers.require(source.path, *max(short, key=lambda each: each[0])[1:])
    if not tables:
        raise UserError(
            f"{source.path}: no sheet has columns of latitude, longitude, depth and a known quantity; "
            f"say what the columns are in a sidecar {source.path.name}.yml (columns:)"
        )
    return tables


def _text(source):
    line = headers.found(source)
    if line is None:
        raise UserError(f"{source.path}: no line of column names that are understood; say what they are in a sidecar")
    names, cells, rows, odd = split_cells(source, headers.body(source, line.number), line.delimiter)
    values, fields = headers.columns(names)
    fields = headers.timed(cells, fields)
    odd = [(i + line.number + 1, row) for i, row in odd]
    return headers.table(source, names, cells, headers.line_numbers(rows, line.number), values, fields, odd=odd)


def _sheet(source, sheet, names, cells, numbers, odd):
    values, fields = headers.columns(names)
    used = {*values, *fields.values(), *(c.sigma for c in values.values() if c.sigma is not None)}
    for position in used:
        cells[:, position] = printed(cells[:, position])
    fields = headers.timed(cells, fields)
    return headers.table(source, names, cells, numbers, values, fields, odd=odd, place=f"sheet {sheet}, ")


def sheets(source):
    """Read all sheets of a workbook.

    Returns
    -------
    dict of str -> list of list
        Rows of cells; cells in error as their word (#DIV/0!).
    """
    import python_calamine

    try:
        workbook = python_calamine.CalamineWorkbook.from_path(str(source.path))
        found = {
            name: workbook.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in workbook.sheet_names
        }
    except Exception as problem:  # the reader raises many kinds for damaged files
        raise UserError(f"{source.path}: no readable workbook ({problem})") from None
    for name, rows in found.items():
        for (row, column), word in source.errors.get(name, {}).items():
            if row < len(rows) and column < len(rows[row]):
                rows[row][column] = word
    return found


def cut(source, sheet, rows, number):
    """Cut the table out of a sheet, below the line of its names.

    Returns
    -------
    names : list of str
    cells : ndarray of object, shape (n_rows, n_columns)
        Rows that are not blank.
    numbers : ndarray of int, shape (n_rows,)
    odd : list of (int, list of str)
        Rows with cells beyond the last name.
    """
    names = [str(cell) for cell in rows[number]]
    width = len(names)
    while width and not names[width - 1].strip():
        width -= 1
    if not 0 < width <= MAX_COLUMNS:
        raise UserError(f"{source.path}: sheet {sheet}, row {number + 1} has {width} names, not 1 to {MAX_COLUMNS}")
    below = np.array(rows[number + 1 :], dtype=object).reshape(-1, len(names))
    filled = (below != "").any(axis=1)
    cells = below[filled]
    stray = (cells[:, width:] != "").any(axis=1)
    numbers = np.flatnonzero(filled) + number + 2
    odd = [(int(numbers[i]), printed(cells[i]).tolist()) for i in np.flatnonzero(stray)]
    return names[:width], cells[~stray, :width], numbers[~stray], odd


def printed(cells):
    """Cells of a sheet as a reader sees them: whole numbers without `.0`, dates in ISO 8601."""
    out = np.empty(len(cells), dtype=object)
    out[:] = [str(int(c)) if isinstance(c, float) and c.is_integer() and abs(c) < 1e15 else str(c) for c in cells]
    return out
