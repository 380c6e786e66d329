"""ERDDAP .csv: names in the first line, units in the second, times in ISO 8601; or .csvp: `name (unit)` in one line."""

import csv

from seaofcarbon.digitise import headers
from seaofcarbon.digitise.opening import split_cells

SIGNS = ("UTC", "degrees_north", "degrees_east")
"""Units that every server prints so; one of them tells the layout."""


def recognise(source):
    """Tell whether an opened file is of this layout."""
    first = _lines(source, 1)
    return (
        _units(source) is not None or bool(first) and any(f" ({sign})" in name for sign in SIGNS for name in first[0])
    )


def read(source):
    """Read an opened ERDDAP file into tables (one).

    Raises
    ------
    UserError
        When it lacks position, depth or a known quantity.
    """
    told = _units(source)
    names, cells, rows, odd = split_cells(source, source.text, _delimiter(source))
    if told is not None:  # the first row of the body
        cells, rows, odd = cells[rows > 1], rows[rows > 1], [each for each in odd if each[0] > 1]
        told = [*told, *[""] * len(names)][: len(names)]
    values, fields = headers.columns(names, told or ())
    iso = [i for i, pair in enumerate(zip(names, told or (), strict=False)) if pair == ("time", "UTC")]
    if iso:  # always called so, and in ISO 8601; other columns of date and time are the authors'
        fields = {key: p for key, p in fields.items() if key != "clock"} | {"time": iso[0]}
    fields = headers.timed(cells, fields)
    return [
        headers.table(
            source,
            names,
            cells,
            headers.line_numbers(rows, 0),
            values,
            fields,
            odd=[(i + 1, row) for i, row in odd],
        )
    ]


def _lines(source, n):
    """Split the first lines of a text."""
    lines = source.text[:200_000].split("\n", n)[:n] if source.text is not None else []
    if any(len(line) > 100_000 for line in lines):
        return []
    return [next(csv.reader([line], delimiter=_delimiter(source)), []) for line in lines]


def _delimiter(source):
    first = source.text[:200_000].partition("\n")[0]
    return "\t" if first.count("\t") > first.count(",") else ","


def _units(source):
    """Units of the second line; None when it holds something else."""
    lines = _lines(source, 2)
    return lines[1] if len(lines) == 2 and any(sign in lines[1] for sign in SIGNS) else None
