"""Doubts about records: flagged with words, never dropped."""

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from seaofcarbon import records as rec
from seaofcarbon.vocabulary import EARTH_RADIUS_KM, FLAG_BAD, FLAG_QUESTIONABLE, VARIABLES

FIRST_TIME = pd.Timestamp("1967-01-01")
"""234Th was first used as a tracer of particles in the sea in 1967 (Bhat et al. 1969 sampled then): older is a slip."""

MAX_DEPTH_M = 11_000.0

SLIP_LOG10 = 2.5
"""A value this many decades from the usual of its source is likely a slip of a factor of 1000."""

FAR_KM = 500.0
"""Stations of a cruise are closer to the next one than this."""

_SLIPS_BOTH_WAYS = ("th234_total", "th234_dissolved", "u238", "salinity")
"""Quantities that vary little: values 1000 times too small are told from nature too."""

_PARTICULATE = ("th234_particulate", "th234_particulate_small", "th234_particulate_large")


def check(records, now=None):
    """Flag doubtful records and say why in `note`; the flag of the source is kept beside.

    Checked are: position on the globe, time between 1967 and now and known to the month, depth, the range of each
    variable, slips of a factor of 1000, the sign of longitudes, particulate above total 234Th, and exact duplicates.

    Parameters
    ----------
    records : DataFrame
        Universal records.
    now : Timestamp, optional
        What counts as the future; default: the present.

    Returns
    -------
    DataFrame
        The same records with `flag` raised to 3 (questionable) or 4 (bad) and `note` extended.
    """
    df = records.reset_index(drop=True)
    if df.empty:
        return df
    now = pd.Timestamp.now("UTC").tz_localize(None) if now is None else now
    low, high = (df["variable"].map({n: getattr(v, end) for n, v in VARIABLES.items()}) for end in ("low", "high"))
    slip = _slips(df)
    doubts = [
        (~df["latitude"].between(-90, 90) | ~df["longitude"].between(-180, 180), FLAG_BAD, "position off the globe"),
        (~df["depth_m"].between(0, MAX_DEPTH_M), FLAG_BAD, "depth above the surface or below the deepest sea"),
        (df["time"] > now, FLAG_BAD, "time in the future"),
        (df["time"] < FIRST_TIME, FLAG_BAD, "time before 1967"),
        (df["time"].isna(), FLAG_QUESTIONABLE, "time unknown"),
        (df["time_precision"] == "year", FLAG_QUESTIONABLE, "month unknown"),
        (slip > 0, FLAG_QUESTIONABLE, "likely 1000 times too large (unit slip)"),
        (slip < 0, FLAG_QUESTIONABLE, "likely 1000 times too small (unit slip)"),
        (((df["value"] < low) | (df["value"] > high)) & (slip == 0), FLAG_QUESTIONABLE, "value out of range"),
        (_mirrored(df), FLAG_QUESTIONABLE, "far from its cruise: sign of the longitude?"),
        (_above_total(df) & (slip == 0), FLAG_QUESTIONABLE, "particulate above total 234Th"),
        (_duplicates(df), FLAG_QUESTIONABLE, "the same value twice in this cast"),
    ]
    flag, note = df["flag"].to_numpy(copy=True), df["note"].fillna("")
    for doubt, level, words in doubts:
        hit = doubt.to_numpy(bool)
        flag[hit] = np.maximum(flag[hit], level)  # 9, missing, stays
        note = note.mask(doubt, note.where(note == "", note + "; ") + words)
    return df.assign(flag=flag.astype("int8"), note=note.where(note != ""))


def _slips(df):
    """Tell values about 1000 times the usual of their variable and method in their source: +1 large, -1 small, else 0.

    Methods are kept apart: what a trap catches at 3,000 m is a hundredth of the flux that 234Th finds at 100 m.
    """
    positive = df["value"].where(df["value"] > 0)
    kind = [df["source_id"].fillna(""), df["variable"], df["method"].fillna("")]
    usual = positive.groupby(kind).transform("median")
    decades = np.log10(positive / usual)
    small = (decades < -SLIP_LOG10) & df["variable"].isin(_SLIPS_BOTH_WAYS)
    return pd.Series(np.select([decades > SLIP_LOG10, small], [1, -1], 0), index=df.index)


def _mirrored(df):
    """Tell casts far from all others of their cruise that would lie among them with the other sign of longitude."""
    cast = rec.cast_ids(df)
    usable = df["cruise"].notna() & df["latitude"].between(-90, 90) & ~df["variable"].isin(rec.FLUXES)
    stops = df[usable].assign(cast=cast[usable]).drop_duplicates("cast")
    if len(stops) < 2:
        return pd.Series(False, index=df.index)
    latitude, longitude = stops["latitude"].to_numpy(), stops["longitude"].to_numpy()
    # a fourth axis keeps cruises further apart than the globe is wide
    cruise = 4.0 * EARTH_RADIUS_KM * pd.factorize(stops["cruise"])[0]
    tree = cKDTree(_in_space(latitude, longitude, cruise))
    near, near_mirrored = (_nearest_other(tree, _in_space(latitude, sign * longitude, cruise)) for sign in (1, -1))
    wrong = (near > FAR_KM) & (near < 2 * EARTH_RADIUS_KM) & (near_mirrored < near / 5)
    return cast.isin(stops["cast"][wrong]) & usable


def _in_space(latitude, longitude, cruise):
    """Points on the globe (km), with the cruise as fourth axis."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    sphere = [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    return np.column_stack([EARTH_RADIUS_KM * axis for axis in sphere] + [cruise])


def _nearest_other(tree, points):
    """Distance (km) of each point to the nearest point of the tree that has not the same number."""
    distance, number = tree.query(points, k=2)
    itself = number[:, 0] == np.arange(len(points))
    return np.where(itself, distance[:, 1], distance[:, 0])


def _above_total(df):
    """Tell particulate activities that exceed the total of the same sample by more than twice their joint sigma."""
    usable = df[~df["flag"].isin(rec.SET_ASIDE) & df["variable"].isin(("th234_total", *_PARTICULATE))]
    sample = rec.cast_ids(usable) + "/" + (usable["depth_m"] / rec.SAME_DEPTH_M).round().astype("str")
    is_total = usable["variable"] == "th234_total"
    total = usable["value"].where(is_total).groupby(sample).transform("mean")
    sigma = usable["sigma"].where(is_total).groupby(sample).transform("mean").fillna(0)
    above = ~is_total & (usable["value"] > total + 2 * np.hypot(usable["sigma"].fillna(0), sigma))
    return above.reindex(df.index, fill_value=False)


def _duplicates(df):
    """Tell records that repeat an earlier one: same cast, depth, variable, method, printed value and sigma."""
    key = df[["variable", "method", "value", "sigma", "depth_m", "time", "latitude", "longitude"]]
    return key.assign(cast=rec.cast_ids(df)).duplicated(keep="first")


_LOCATOR = r"^(?P<file>.*?), (?:sheet .*, )?row (?P<row>\d+), column \d+: (?P<column>.*)$"


def cells(records):
    """Take locators apart.

    Returns
    -------
    DataFrame
        file, row, column of the cell of each record, as rejects name them.
    """
    found = records["locator"].astype("str").str.extract(_LOCATOR)
    return found.assign(row=pd.to_numeric(found["row"]).astype("Int64"))


def confusion(mistakes, records, rejects):
    """Compare known mistakes with what the readers and checks found.

    Parameters
    ----------
    mistakes : DataFrame
        file, row, column, kind. A mistake of a describing cell (depth, time, position) counts for its whole row.
    records, rejects : DataFrame
        What came out of the files.

    Returns
    -------
    table : DataFrame
        By kind: planted, set_aside (the cell or its row is a reject), flagged (3 or worse), noted (mended, with a note)
        and missed; and a last row `false alarms`: flagged records of cells without a mistake, under `flagged`.
    missed : DataFrame
        The mistakes that were not found.
    """
    keys = ["file", "row"]
    seen = pd.concat([cells(records), records[["flag", "note"]]], axis=1)
    doubtful = seen[seen["flag"] > FLAG_QUESTIONABLE - 1]
    planted = mistakes.assign(row=mistakes["row"].astype("Int64"))
    outcome = pd.Series("missed", index=planted.index)
    describing = ~planted["column"].isin(set(seen["column"]))
    for words, found in (("noted", seen[seen["note"].notna()]), ("flagged", doubtful), ("set_aside", rejects)):
        exact = _isin(planted, found, [*keys, "column"])
        row = describing & _isin(planted, found, keys)
        outcome = outcome.mask(exact | row, words)
    order = ["set_aside", "flagged", "noted", "missed"]
    table = pd.crosstab(planted["kind"], outcome).reindex(columns=order, fill_value=0)
    table.columns.name = None
    table.insert(0, "planted", table.sum(axis=1))
    checked = doubtful[doubtful["note"].notna()]
    table.loc["false alarms"] = [0, 0, int((~_isin(checked, planted, keys)).sum()), 0, 0]
    return table, planted[outcome == "missed"]


def _isin(left, right, keys):
    """Tell which rows of `left` have their keys in `right`."""
    marked = right[keys].drop_duplicates().assign(found=True)
    joined = left[keys].astype({"row": "Int64"}).merge(marked.astype({"row": "Int64"}), on=keys, how="left")
    return pd.Series(joined["found"].notna().to_numpy(), index=left.index)


def report(records):
    """Count records by source, flag and doubt, for the author of the data.

    Returns
    -------
    DataFrame
        source_id, flag, note, variable, n.
    """
    parts = records[["source_id", "flag", "note", "variable"]].fillna("")
    return parts.groupby(["source_id", "flag", "note", "variable"]).size().rename("n").reset_index()
