"""SeaBASS .sb: a header of `/key=value` lines between /begin_header and /end_header, then values."""

import csv
import re

import numpy as np
import pandas as pd

from seaofcarbon.digitise import headers
from seaofcarbon.digitise.cells import text
from seaofcarbon.digitise.opening import split_cells
from seaofcarbon.files import UserError

ALIASES = {"wt": "temperature", "no3": "nitrate", "sample": "sample id", "bottle": "bottle no"}
"""Field of SeaBASS -> what it is called elsewhere, where the same name could mean something else there."""

FIELDS = {
    "latitude": ("lat", "lat_start"),
    "longitude": ("lon", "lon_start"),
    "time": ("date", "date_start"),
    "clock": ("time", "time_start"),
    "hour": ("hour",),
    "minute": ("minute",),
    "second": ("second",),
}
"""Field of the record -> fields of SeaBASS that tell it, the best first. Times are GMT by its rules."""

EDGES = {"latitude": ("north_latitude", "south_latitude"), "longitude": ("east_longitude", "west_longitude")}
HEADER_FIELDS = {"depth_m": "measurement_depth", "bottom_depth": "water_depth"}

DELIMITERS = {"comma": ",", "tab": "\t", "space": " "}

SPREAD_DEG = 0.1
"""Latitudes, or longitudes, of the header that are further apart than this are a track, not a place."""

METHODS = {"direct_trap": "trap", "radiotracer": "th234_unspecified"}
"""flux_sampling_method -> method of the record."""


def recognise(source):
    """Tell whether an opened file is of this layout."""
    return source.text is not None and source.text[:2_000].lstrip().lower().startswith("/begin_header")


def read(source):
    """Read an opened SeaBASS file into tables (one).

    Raises
    ------
    UserError
        When the header does not end, names no fields, or names fewer units than fields.
    """
    end = re.search(r"^/end_header.*$", source.text, re.MULTILINE | re.IGNORECASE)
    if not end:
        raise UserError(f"{source.path}: the header /begin_header is not closed by /end_header")
    head = header(source.text[: end.start()])
    names, told = ([word.strip() for word in head.get(key, "").split(",")] for key in ("fields", "units"))
    if names == [""]:
        raise UserError(f"{source.path}: the header has no /fields")
    if len(names) != len(told):
        raise UserError(f"{source.path}: /fields names {len(names)} columns, /units {len(told)}; mend the header")
    cells, rows, odd = _cells(source, names, head.get("delimiter", "comma").lower(), source.text[end.end() :])
    before = source.text.count("\n", 0, end.start())  # the line of column names is that of /end_header
    values, fields = headers.columns([ALIASES.get(name.lower(), name) for name in names], told)
    fields |= _fields([name.lower() for name in names])
    dated = bool({"time", "year"} & fields.keys())
    fields = headers.timed(cells, fields if dated else {key: p for key, p in fields.items() if key != "clock"})
    fields = _from_header(head, len(cells), dated) | fields
    constants = {"cruise": head.get("cruise") or head.get("experiment"), "station": head.get("station")}
    who = " ".join(
        [head.get("investigators", "").replace(",", ", "), head.get("experiment", ""), head.get("cruise", "")]
    )
    words = {key: _told(head, key) for key in ("missing", "below_detection_limit", "above_detection_limit")}
    table = headers.table(
        source,
        names,
        cells,
        headers.line_numbers(rows, before),
        values,
        fields,
        {key: value for key, value in constants.items() if value},
        {"citation": f"{who}: {head.get('data_file_name', source.name)} (SeaBASS)"},
        methods=_methods(names, cells),
        odd=[(i + before + 1, row) for i, row in odd],
        missing=words["missing"],
        below_detection=words["below_detection_limit"] + words["above_detection_limit"],
    )
    return [table]


def header(head):
    r"""Read the `/key=value` lines of a header.

    `NA` and the like are left out, underscores between words are blanks.

    >>> header("/begin_header\n/cruise=X1\n! remark\n/station=NA\n/north_latitude=42.1[DEG]")
    {'cruise': 'X1', 'north_latitude': '42.1'}
    """
    pairs = re.findall(r"^/([A-Za-z_]+)=(.*)$", head, re.MULTILINE)
    told = {key.lower(): value.strip() for key, value in pairs}
    free = {
        key: re.sub(r"\[\w+\]$", "", value) if key not in ("fields", "units") else value for key, value in told.items()
    }
    free |= {key: free[key].replace("_", " ") for key in ("investigators",) if key in free}
    return {key: value for key, value in free.items() if value.lower() not in ("", "na", "none", "n/a", "unknown")}


def _told(head, key):
    """A word of the header as a tuple, empty where there is none."""
    return (head[key].lower(),) if key in head else ()


def _cells(source, names, delimiter, text):
    """Split the data lines; remarks among them are left out."""
    if delimiter not in DELIMITERS:
        raise UserError(f"{source.path}: /delimiter={delimiter} is unknown: use one of {', '.join(DELIMITERS)}")
    sign = DELIMITERS[delimiter]
    lines = re.sub(r"^!.*$", "", text.partition("\n")[2], flags=re.MULTILINE)
    if sign == " ":
        lines = "\n".join(" ".join(line.split()) for line in lines.split("\n"))
    _, cells, rows, odd = split_cells(source, sign.join(names) + "\n" + lines, sign, csv.QUOTE_NONE)
    return cells, rows, odd


def _fields(names):
    """Positions of the fields that SeaBASS names in its own way."""
    found = {field: [names.index(name) for name in known if name in names] for field, known in FIELDS.items()}
    return {field: places[0] for field, places in found.items() if places}


def _from_header(head, n, dated):
    """Fields that hold for the whole file: a place, a time, a depth, and the depth of the floor."""
    told = {field: head[key] for field, key in HEADER_FIELDS.items() if key in head}
    for field, edges in EDGES.items():
        degrees = pd.to_numeric(pd.Series([head[edge] for edge in edges if edge in head]), errors="coerce")
        if degrees.max() - degrees.min() <= SPREAD_DEG:
            told[field] = f"{degrees.mean():.6f}"
    for field, when in {} if dated else {"time": "start", "time_end": "end"}.items():
        if found := re.fullmatch(r"(\d{4})(\d\d)(\d\d)", head.get(f"{when}_date", "")):
            clock = head.get(f"{when}_time", "")
            told[field] = "-".join(found.groups()) + (f"T{clock}" if re.fullmatch(r"\d\d:\d\d:\d\d", clock) else "")
    return {field: np.full(n, value, dtype=object) for field, value in told.items()}


def _methods(names, cells):
    """Method of each row of a table of fluxes; None for other tables."""
    position = next((i for i, name in enumerate(names) if name.lower() == "flux_sampling_method"), None)
    return None if position is None else text(cells[:, position]).str.lower().map(METHODS).to_numpy(object)
