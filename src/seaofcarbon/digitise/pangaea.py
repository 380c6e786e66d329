"""PANGAEA .tab: a header in /* … */, then tab-separated columns named `Name [unit] (comment)`."""

import csv
import re

import numpy as np
import pandas as pd

from seaofcarbon.digitise.cells import text
from seaofcarbon.digitise.names import meaning, squeeze
from seaofcarbon.digitise.opening import split_cells
from seaofcarbon.digitise.table import Column, Table
from seaofcarbon.files import UserError

EVENT_FIELDS = {
    "latitude": ("LATITUDE", "LATITUDE START"),
    "longitude": ("LONGITUDE", "LONGITUDE START"),
    "time": ("DATE/TIME", "DATE/TIME START"),
    "cruise": ("CAMPAIGN",),
    "station": ("LABEL",),
}
"""Field of the record -> what an event of the header calls it."""

METHODS = {"th234_flux": "th234_unspecified", "poc_flux": "th234_unspecified"}
"""Method of a variable where no column tells it; ratios and particles come from pumps, sea water from bottles."""


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
    values, fields = columns(names)
    told = _method_column(names)
    methods = None if told is None else _methods(cells[:, told])
    fields |= {} if told is None else {"method": told}
    counts = {} if methods is None else {"rows_by_method": pd.Series(methods).value_counts().to_dict()}
    fields |= _from_events(meta["events"], fields, cells)
    if "cruise" not in fields and "reference" in fields:
        fields["cruise"] = fields["reference"]  # compilations tell the paper, not the ship
    doi = meta["doi"]
    return [
        Table(
            file=source.name,
            header=names,
            cells=cells,
            numbers=rows + line,
            columns=values,
            fields=fields,
            constants={"source_id": doi.removeprefix("10.1594/") or source.name.partition(".")[0], "source_doi": doi},
            methods=methods,
            odd=[(i + line, cells) for i, cells in odd],
            meta=counts | {"doi": doi, "citation": meta["citation"], "licence": meta["licence"]},
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
        citation, doi, licence (str), events (DataFrame with LABEL and what the events tell).
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
    }


def _events(lines):
    """Read lines `LABEL (other names) * LATITUDE: 1.0 * LONGITUDE: … * DATE/TIME: …`."""
    events = []
    for line in lines:
        label, *parts = re.split(r"\s\*\s", line)
        pairs = (part.partition(": ") for part in parts)
        told = {key.strip(): re.sub(r"\s*\(.*\)$", "", value).strip() for key, _, value in pairs}
        events.append({"LABEL": re.sub(r"\s*\(.*\)$", "", label).strip()} | told)
    return pd.DataFrame(events)


def columns(names):
    """Tell what the columns are, from names that may repeat.

    `±` columns belong to the column before them; the comment tells repeated names apart.

    Returns
    -------
    values : dict of int -> Column
    fields : dict of str -> int
    """
    values, fields, parent = {}, {}, None
    for position, name in enumerate(names):
        what = meaning(name)
        if what.is_sigma:
            if parent in values:
                values[parent].sigma = position
                values[parent].sigma_kind = "se" if re.search(r"std err?\b|std e\b", squeeze(name)) else "1sd"
            continue
        parent = position
        if what.field:
            fields.setdefault(what.field, position)
        elif squeeze(name) == "id (unique location identifier)":
            fields.setdefault("station", position)
        elif what.variable:
            method = METHODS.get(what.variable, "pump" if what.variable.startswith(_PUMPED) else "bottle")
            values[position] = Column(
                what.variable, what.unit, method, size_min_um=what.size_min_um, size_max_um=what.size_max_um
            )
    return values, fields


_PUMPED = ("c_th", "poc", "th234_particulate")


def _method_column(names):
    """Position of a column `Type (Data type)` that tells traps from 234Th."""
    return next((i for i, name in enumerate(names) if squeeze(name) in ("type (data type)", "method")), None)


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
            told[name] = known[0].fillna("").to_numpy(object)
    return told
