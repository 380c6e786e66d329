"""PANGAEA .tab: a header in /* … */, then tab-separated columns named `Name [unit] (comment)`."""

import csv
import re

import numpy as np
import pandas as pd

from seaofcarbon.digitise import headers
from seaofcarbon.digitise.cells import text
from seaofcarbon.digitise.names import squeeze
from seaofcarbon.digitise.opening import split_cells
from seaofcarbon.files import UserError

EVENT_FIELDS = {
    "latitude": ("LATITUDE", "LATITUDE START"),
    "longitude": ("LONGITUDE", "LONGITUDE START"),
    "time": ("DATE/TIME", "DATE/TIME START"),
    "cruise": ("CAMPAIGN",),
    "station": ("LABEL",),
}
"""Field of the record -> what an event of the header calls it."""


METHOD_COLUMNS = ("type (data type)", "method")
"""Columns that tell traps from 234Th."""


def recognise(source):
    """Tell whether an opened file is of this layout."""
    return source.text is not None and source.text.lstrip().startswith("/*") and "*/" in source.text


def read(source):
    """Read an opened PANGAEA file into tables.

    Returns
    -------
    list of Table
        One.

    Raises
    ------
    UserError
        When the header does not end or no line of column names follows it.
    """
    head, end, body = source.text.partition("*/")
    if not end:
        raise UserError(f"{source.path}: the header /* is not closed by */")
    meta = header(head)
    body = body.split("\n", 1)[1] if "\n" in body else ""
    names, cells, rows, odd = split_cells(source, body, "\t", csv.QUOTE_NONE)
    line = source.text.count("\n", 0, len(head) + len(end)) + 2  # of the column names
    values, fields = headers.columns(names, follow=True)  # `±` columns belong to the column before them
    short = [squeeze(name) for name in names]
    if (name := "id (unique location identifier)") in short:
        fields["station"] = short.index(name)
    told = next((i for i, name in enumerate(short) if name in METHOD_COLUMNS), None)
    methods = None if told is None else _methods(cells[:, told])
    fields |= {} if told is None else {"method": told}
    counts = {} if methods is None else {"rows_by_method": pd.Series(methods).value_counts().to_dict()}
    fields |= _from_events(meta["events"], fields, cells)
    if "cruise" not in fields and "reference" in fields:
        fields["cruise"] = fields["reference"]  # compilations tell the paper, not the ship
    doi = meta["doi"]
    about = {name: meta[name] for name in ("doi", "citation", "licence")}
    return [
        headers.table(
            source,
            names,
            cells,
            rows + line,
            values,
            fields,
            {"source_id": doi.removeprefix("10.1594/"), "source_doi": doi},
            counts | about | _shortage(source, meta, cells),
            methods=methods,
            odd=[(i + line, row) for i, row in odd],
        )
    ]


def header(head):
    """Read the header: citation, DOI, licence, and a table of events.

    Parameters
    ----------
    head : str
        From `/*` up to `*/`. A line that begins with a tab continues the entry above it.

    Returns
    -------
    dict
        citation, doi, licence (str), events (DataFrame with LABEL and what the events tell), geocodes (for each column
        whether it tells place or time), size (number of data points: filled cells of the other columns).
    """
    entries, key = {}, ""
    for line in head.splitlines():
        name, tab, rest = line.partition("\t")
        if name.endswith(":") and tab:
            key = name[:-1]
            entries[key] = [rest.strip()]
        elif key and not name:
            entries[key].append(rest.strip())
    citation = " ".join(entries.get("Citation", []))
    found = re.search(r"doi\.org/(10\.1594/PANGAEA\.\d+)", citation)
    licence = re.search(r"\(([A-Z][A-Z0-9.-]+)\)", " ".join(entries.get("License", [])))
    return {
        "citation": citation,
        "doi": found[1] if found else "",
        "licence": licence[1] if licence else " ".join(entries.get("License", [])),
        "events": _events(entries.get("Event(s)", [])),
        "geocodes": ["GEOCODE" in line for line in entries.get("Parameter(s)", [])],
        "size": int(size[0]) if (size := re.findall(r"^[\d]+", entries.get("Size", [""])[0].replace(",", ""))) else 0,
    }


def _shortage(source, meta, cells):
    """Tell when the table holds fewer data points than its header says: a file cut at the end of a line looks whole."""
    if len(meta["geocodes"]) != cells.shape[1]:
        return {}
    found = int((cells[:, ~np.array(meta["geocodes"], dtype=bool)] != "").sum())
    if found >= meta["size"]:
        return {}
    words = f"{source.path}: its header promises {meta['size']:,} data points, {found:,} are there"
    return {"problem": f"{words}: what there is was read, but fetch the file again"}


def _events(lines):
    """Read lines `LABEL (other names) * LATITUDE: 1.0 * LONGITUDE: … * DATE/TIME: …`."""
    events = []
    for line in lines:
        label, *parts = re.split(r"\s\*\s", line)
        pairs = (part.partition(": ") for part in parts)
        told = {key.strip(): value.partition(" (")[0].strip() for key, _, value in pairs}
        events.append({"LABEL": label.partition(" (")[0].strip()} | told)
    return pd.DataFrame(events)


def _methods(cells):
    """Method of each row from the words of its cell."""
    told = text(cells).str.lower()
    kinds = [told.str.contains("th234|234th|thorium"), told.str.contains("trap")]
    return np.select(kinds, ["th234_unspecified", "trap"], "").astype(object)


def _from_events(events, fields, cells):
    """Fields that the table does not carry, from its event column or from the only event of the header."""
    if events.empty:
        return {}
    told = {}
    if "event" in fields:
        label = text(cells[:, fields["event"]])
        events = events.drop_duplicates("LABEL").set_index("LABEL").rename_axis(None)
        each = events.assign(LABEL=events.index).reindex(label)
    elif len(events) == 1:
        each = events.loc[[0] * len(cells)]
    else:
        return {}
    for name, keys in EVENT_FIELDS.items():
        known = [each[key] for key in keys if key in each.columns]
        if name not in fields and known:
            told[name] = pd.concat(known, axis=1).bfill(axis=1).iloc[:, 0].fillna("").to_numpy(object)
    return told
