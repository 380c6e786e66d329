"""Doubts about records: flagged with words, never dropped."""

import numpy as np
import pandas as pd

from seaofcarbon import flux
from seaofcarbon import records as rec
from seaofcarbon.digitise import duplicates, places
from seaofcarbon.vocabulary import FLAG_BAD, FLAG_GOOD, FLAG_MISSING, FLAG_QUESTIONABLE, VARIABLES

FIRST_TIME = pd.Timestamp("1967-01-01")
"""234Th was first used as a tracer of particles in the sea in 1967 (Bhat et al. 1969 sampled then): older is a slip."""

MAX_DEPTH_M = 11_000.0

SLIP_LOG10 = 2.5
"""A value this many decades from the usual of its source is likely a slip of a factor of 1000."""

DEEP_TOLERANCE = 0.05
"""Deep 234Th further than this from 238U is no equilibrium: counting errors of a mean are a third of it."""

_SLIPS_BOTH_WAYS = ("th234_total", "th234_dissolved", "u238", "salinity")
"""Quantities that vary little: values 1000 times too small are told from nature too."""

_UNEVEN = ("nitrate", "chlorophyll", "fluorescence", "par", "npp")
"""Quantities of which nature itself brings 1000 times the usual: nitrate of the deep sea beside that of the surface."""

_PARTICULATE = ("th234_particulate", "th234_particulate_small", "th234_particulate_large")


def check(records, now=None):
    """Flag doubtful records and say why in `note`; the flag of the source is kept beside.

    Checked are: position on the globe, in the sea and above its floor, time between 1967 and now and known to the
    month, depth, the range of each variable, slips of a factor of 1000, the sign of longitudes, particulate above total
    234Th, uncertainties that cannot be, and values that came twice. At last the records are held against the schema
    (`records.check_schema`). Checking twice changes nothing.

    Parameters
    ----------
    records : DataFrame
        Universal records.
    now : Timestamp, optional
        What counts as the future; default: the present.

    Returns
    -------
    DataFrame
        The same records with `flag` raised to 3 (questionable) or 4 (bad), `note` extended, and `duplicate_of` naming
        the record that is kept of those that say the same.

    Raises
    ------
    UserError
        When the records break the schema.
    """
    df = records.reset_index(drop=True)
    if df.empty:
        return df
    now = pd.Timestamp.now("UTC").tz_localize(None) if now is None else now
    cast = rec.cast_ids(df)
    told = df["flag"].where(df["duplicate_of"].isna() & (df["flag"] != FLAG_MISSING), FLAG_GOOD)
    df = _doubted(df, [*_of_places(df, cast), *_of_times(df, now), *_of_values(df, cast)])
    df = _duplicates(df, cast, told.to_numpy())
    rec.check_schema(df)
    return df


def _doubted(df, doubts):
    """Raise the flags of records in doubt, and add the words to their notes if they are not there yet."""
    flag, note = df["flag"].to_numpy(copy=True), df["note"].fillna("").to_numpy(object)
    for doubt, level, words in doubts:
        hit = np.flatnonzero(doubt)
        flag[hit] = np.maximum(flag[hit], level)  # 9, missing, stays
        said = np.broadcast_to(np.asarray(words, dtype=object), len(df))  # one for all, or one for each
        new = hit[[word not in old for word, old in zip(said[hit], note[hit], strict=True)]]
        note[new] = [f"{old}; {word}" if old else word for word, old in zip(said[new], note[new], strict=True)]
    return df.assign(flag=flag.astype("int8"), note=pd.Series(note, df.index, dtype=rec.TEXT).replace("", None))


def _of_places(df, cast):
    """Doubts about where a record was measured; each distinct position is looked up once."""
    at = df.groupby(["latitude", "longitude"], sort=False, dropna=False).ngroup().to_numpy()
    spots = df.loc[~pd.Series(at).duplicated().to_numpy(), ["latitude", "longitude"]]
    on_globe = (spots["latitude"].between(-90, 90) & spots["longitude"].between(-180, 180)).to_numpy()
    latitude, longitude = np.where(on_globe, spots.to_numpy().T, np.nan)
    land, deepest = places.on_land(latitude, longitude), places.deepest_m(latitude, longitude)
    below = np.array([f"depth below the sea floor (at most {depth:.0f} m)" for depth in deepest], dtype=object)
    in_sea = df["depth_m"].between(0, MAX_DEPTH_M)
    told = df["note"].str.contains("below the sea floor of its file", regex=False).fillna(False).astype(bool)
    return [
        (~on_globe[at], FLAG_BAD, "position off the globe"),
        (land[at], FLAG_QUESTIONABLE, "position on land"),
        (_mirrored(df, cast), FLAG_QUESTIONABLE, "far from its cruise: sign of the longitude?"),
        (~in_sea, FLAG_BAD, "depth above the surface or below the deepest sea"),
        (in_sea & ~told & (df["depth_m"] > deepest[at]), FLAG_QUESTIONABLE, below[at]),
    ]


def _mirrored(df, cast):
    """Tell records of stops far from all others of their cruise that would lie among them with the other sign."""
    usable = (
        df["cruise"].notna()
        & df["latitude"].between(-90, 90)
        & df["longitude"].notna()
        & ~df["variable"].isin(rec.FLUXES)
    )
    at = df[usable]
    # stops are casts, east and west of Greenwich each for itself
    stops = at.groupby([at["cruise"], cast[usable], at["longitude"] < 0])[["latitude", "longitude"]].transform("median")
    wrong = np.zeros(len(df), dtype=bool)
    wrong[usable] = places.mirrored(*stops.to_numpy().T, pd.factorize(at["cruise"])[0])
    return wrong


def _of_times(df, now):
    """Doubts about when a record was measured."""
    return [
        (df["time"] > now, FLAG_BAD, "time in the future"),
        (df["time"] < FIRST_TIME, FLAG_BAD, "time before 1967"),
        (df["time"].isna(), FLAG_QUESTIONABLE, "time unknown"),
        (df["time_precision"] == "year", FLAG_QUESTIONABLE, "month unknown"),
    ]


def _of_values(df, cast):
    """Doubts about a value and its uncertainty; a doubtful uncertainty is noted and leaves the value its flag."""
    low, high = (df["variable"].map({n: getattr(v, end) for n, v in VARIABLES.items()}) for end in ("low", "high"))
    positive = df["value"].where(df["value"] > 0)
    # methods apart: what a trap catches at 3,000 m is a hundredth of the flux that 234Th finds at 100 m
    kind = [df["source_id"].fillna(""), df["variable"], df["method"].fillna("")]
    usual = positive.groupby(kind).transform("median")
    decades = np.log10(positive / usual)
    large = (decades > SLIP_LOG10) & ~df["variable"].isin(_UNEVEN)
    small = (decades < -SLIP_LOG10) & df["variable"].isin(_SLIPS_BOTH_WAYS)
    plain = ~large & ~small
    return [
        (large, FLAG_QUESTIONABLE, "likely 1000 times too large (unit slip)"),
        (small, FLAG_QUESTIONABLE, "likely 1000 times too small (unit slip)"),
        (((df["value"] < low) | (df["value"] > high)) & plain, FLAG_QUESTIONABLE, "value out of range"),
        (_above_total(df, cast) & plain, FLAG_QUESTIONABLE, "particulate above total 234Th"),
        (df["sigma"] == 0, FLAG_GOOD, "uncertainty of 0"),
        (df["sigma"] > np.maximum(usual, df["value"].abs()), FLAG_GOOD, "uncertainty above the value: another unit?"),
    ]


def _above_total(df, cast):
    """Tell particulate activities that exceed the total of the same sample by more than twice their joint sigma."""
    usable = df[~df["flag"].isin(rec.SET_ASIDE) & df["variable"].isin(("th234_total", *_PARTICULATE))]
    sample = [cast[usable.index], (usable["depth_m"] / rec.SAME_DEPTH_M).round()]
    is_total = usable["variable"] == "th234_total"
    total = usable["value"].where(is_total).groupby(sample).transform("mean")
    sigma = usable["sigma"].where(is_total).groupby(sample).transform("mean").fillna(0)
    above = ~is_total & (usable["value"] > total + 2 * np.hypot(usable["sigma"].fillna(0), sigma))
    return above.reindex(df.index, fill_value=False)


def _duplicates(df, cast, told):
    """Flag all but one of the records that say the same, and name the one that is kept, with the worst flag told."""
    best = duplicates.kept(df, cast)
    copy = np.flatnonzero(best != np.arange(len(df)))
    worst = np.zeros(len(df), dtype=int)
    np.maximum.at(worst, best[copy], told[copy])
    worst[worst <= df["flag"]] = 0
    df = _doubted(df, [(worst == level, level, "flagged in a copy") for level in (FLAG_QUESTIONABLE, FLAG_BAD)])
    keeper, source = df["record_id"].to_numpy(object)[best[copy]], df["source_id"].fillna("").to_numpy(object)
    flag, of = df["flag"].to_numpy(copy=True), df["duplicate_of"].to_numpy(object, copy=True)
    note = df["note"].fillna("").to_numpy(object)
    new = of[copy] != keeper
    words = "duplicate of " + keeper[new] + " in " + source[best[copy]][new]
    note[copy[new]] = np.where(note[copy[new]] == "", "", note[copy[new]] + "; ") + words
    flag[copy], of[copy] = np.maximum(flag[copy], FLAG_QUESTIONABLE), keeper
    text = pd.DataFrame({"note": note, "duplicate_of": of}, index=df.index).astype(rec.TEXT)
    return df.assign(
        flag=flag.astype("int8"), note=text["note"].where(text["note"] != ""), duplicate_of=text["duplicate_of"]
    )


def deep_equilibrium(records, relation="owens2011", tolerance=DEEP_TOLERANCE):
    """Tell by cruise whether deep 234Th is in equilibrium with 238U, as it should be if the calibration is right.

    No record is flagged for it: calibration, density and a real excess cannot be told apart.

    Parameters
    ----------
    records : DataFrame
        Universal records.
    relation : str
        238U from salinity where it was not measured: a name in `vocabulary.U238_RELATIONS`.
    tolerance : float
        Ratios further from 1 than this are named in `words`.

    Returns
    -------
    DataFrame
        One row per source and cruise that has samples below 300 m (see `flux.deep_ratio`): source_id, cruise, n_casts,
        n_samples, ratio (234Th/238U, median of the samples), lowest, highest (means of casts), u238 (measured, the
        relation, or both) and words ("deep_equilibrium 1.08", or nothing).
    """
    samples = rec.to_samples(records)
    casts = flux.deep_ratio(samples, relation)
    u238 = flux.uranium(samples, relation)
    samples = samples.assign(u238=u238["u238_source"], ratio=samples.get("th234_total", np.nan) / u238["u238"])
    samples = samples[samples["ratio"].notna() & samples["cast_id"].isin(casts.index)]
    # the n deepest of a cast are those that its ratio is the mean of
    rank = samples.groupby("cast_id")["depth_m"].rank(method="first", ascending=False)
    deep = samples[rank <= samples["cast_id"].map(casts["n"]).astype(float)]
    deep = deep.assign(of_cast=deep["cast_id"].map(casts["ratio"]).astype(float))
    table = deep.groupby(["source_id", "cruise"], dropna=False).agg(
        n_casts=("cast_id", "nunique"), n_samples=("ratio", "size"), ratio=("ratio", "median"),
        lowest=("of_cast", "min"), highest=("of_cast", "max"), u238=("u238", lambda s: "+".join(sorted(set(s)))),
    ).reset_index()  # fmt: skip
    words = table["ratio"].map("deep_equilibrium {:.2f}".format)
    return table.assign(words=words.where((table["ratio"] - 1).abs() > tolerance, ""))


_LOCATOR = r"^(?P<file>.*?), (?:sheet .*, )?row (?P<row>\d+), column \d+: (?P<column>.*)$"


def cells(records):
    """Take locators apart.

    Parameters
    ----------
    records : DataFrame
        Universal records.

    Returns
    -------
    DataFrame
        file, row, column of the cell of each record, as rejects name them.
    """
    found = records["locator"].astype("str").str.extract(_LOCATOR)
    return found.assign(row=pd.to_numeric(found["row"]).astype("Int64"))


def confusion(mistakes, records, rejects, reasons=None):
    """Compare known mistakes with what the readers and checks found.

    Parameters
    ----------
    mistakes : DataFrame
        file, row, column, kind. A mistake of a describing cell (depth, time, position) counts for its whole row.
    records, rejects : DataFrame
        What came out of the files.
    reasons : dict of str, optional
        Kind -> regular expression of the words that find it; by default any note or flag does.

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
    why = planted["kind"].map(lambda kind: (reasons or {}).get(kind, ""))
    rejects = rejects.assign(note=rejects["reason"])
    for words, found in (("noted", seen[seen["note"].notna()]), ("flagged", doubtful), ("set_aside", rejects)):
        for pattern in why.unique():
            said = found[found["note"].str.contains(pattern, na=not pattern)]
            hit = _isin(planted, said, [*keys, "column"]) | (describing & _isin(planted, said, keys))
            outcome = outcome.mask(hit & (why == pattern), words)
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
