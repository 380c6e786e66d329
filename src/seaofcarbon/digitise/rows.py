"""What describes the rows of tables: where and when, and how the floor lies there."""

import difflib
import re

import numpy as np
import pandas as pd

from seaofcarbon import records
from seaofcarbon.digitise.cells import depths, text, times
from seaofcarbon.digitise.table import joined

_KINDS = {records.NUMBER: pd.to_numeric, records.TIME: pd.to_datetime}
"""How constants of these kinds are read."""


def rows(batch):
    """Read what describes each row.

    Returns
    -------
    rows : DataFrame
        One row per row of the tables, with the fields of the record that describe it, and bottom_depth.
    reason : ndarray of object
        Why no value of the row can become a record (no place in the sea), else "".
    """
    out = pd.DataFrame(index=range(len(batch)))
    out["latitude"], _ = batch.numbers("latitude")
    longitude, _ = batch.numbers("longitude")
    # wrapped, not shifted: 0-360 and -180-180 may stand in one file; what is off the globe stays, for the check
    outside = (longitude >= 180.0) & (longitude <= 360.0)
    out["longitude"] = np.where(outside, np.round(np.mod(longitude + 180.0, 360.0) - 180.0, 10), longitude)
    out["depth_m"], note = batch.numbers("depth_m", depths)
    mixed = np.bincount(batch.table, longitude < 0, minlength=len(batch.tables))[batch.table] > 0
    wrapped = np.where(mixed & outside & (longitude > 180), "longitude wrapped from 0-360", "")
    out["note"] = joined(note, wrapped)
    _check_oceans(batch)
    _row_times(batch, out)
    for name in ("cruise", "station", "sample_id", "source_doi"):
        column = batch.told(name)
        if column is not None:
            out[name] = column.to_numpy(object)
    if any("replicate" in table.fields for table in batch.tables):
        out["replicate"] = _replicates(batch.told("replicate"))
    out["bottom_depth"] = np.abs(batch.numbers("bottom_depth")[0])  # some tell the height of the floor, below zero
    out["method"] = np.concatenate(
        [np.full(len(t.cells), None, dtype=object) if t.methods is None else t.methods for t in batch.tables]
    )
    for name in dict.fromkeys(name for table in batch.tables for name in table.constants):
        value = pd.Series(batch.each([table.constants.get(name) for table in batch.tables]), dtype=object)
        value = _KINDS.get(records.COLUMNS[name], pd.Series)(value)
        out[name] = out[name].where(out[name].notna(), value) if name in out.columns else value
    blank = out[["latitude", "longitude", "depth_m"]].isna()
    reason = np.select(
        [blank["depth_m"], blank["latitude"] | blank["longitude"]], ["row has no depth", "row has no position"], ""
    )
    return out, reason.astype(object)


def _replicates(printed):
    """Numbers of replicates; letters count from a."""
    letter = printed.str.lower().where(printed.str.fullmatch("[A-Za-z]"))
    number = pd.to_numeric(printed, errors="coerce").fillna(letter.map(lambda x: ord(x) - 96, na_action="ignore"))
    return number.astype(float).where(lambda n: (n % 1 == 0) & (n.abs() < 1e6))


_OCEANS = ("atlantic", "pacific", "indian", "arctic", "southern", "antarctic", "mediterranean")


def _check_oceans(batch):
    """Set aside misspelt names of oceans (`Pacifc Ocean`): no record keeps them, but their author may want to know."""
    cells, positions = batch.field("ocean")
    printed = text(cells)
    meant = {}
    for name in printed.unique():
        plain = re.sub(r"^([ns]?[ew]?|north|south|east|west|central)[. -]+", "", name.lower()[:60])
        plain = plain.removesuffix(" ocean").removesuffix(" sea")
        close = difflib.get_close_matches(plain, _OCEANS, n=1, cutoff=0.8)
        meant[name] = f"misspelt: {close[0].title()}?" if close and plain not in _OCEANS else ""
    batch.set_aside(np.arange(len(batch)), positions[batch.table], printed.map(meant).to_numpy(object), printed)


def _row_times(batch, rows):
    """Fill time, time_end and time_precision of the rows, from one column or from year, month and day."""
    rows["time"], rows["time_precision"] = pd.NaT, None
    for name in ("time", "time_end"):
        printed = batch.told(name)
        if name == "time" and any("year" in table.fields for table in batch.tables):
            date = _joined_date(batch)
            printed = date if printed is None else printed.fillna(date)
        if printed is None:
            continue
        printed = printed.fillna("")
        rows[name], precision, unread = times(printed)
        if name == "time":
            rows["time_precision"] = precision
        reason = np.where(unread, "no ISO 8601 time", "").astype(object)
        batch.set_aside(np.arange(len(batch)), batch.field(name)[1][batch.table], reason, printed)


def _joined_date(batch):
    """Join columns of year, month and day to ISO dates, as far as they go."""
    year, month, day = (pd.Series(batch.numbers(name)[0]) for name in ("year", "month", "day"))
    ok = [year.between(1000, 9999), month.between(1, 12), day.between(1, 31)]
    ok = [known & (part % 1 == 0) for known, part in zip(ok, (year, month, day), strict=True)]
    y, m, d = (s.where(known).astype("Int64").astype("str") for s, known in zip((year, month, day), ok, strict=True))
    months = y + "-" + m.str.zfill(2)
    days = months + "-" + d.str.zfill(2)
    return pd.Series(np.select([ok[0] & ok[1] & ok[2], ok[0] & ok[1], ok[0]], [days, months, y], ""))
