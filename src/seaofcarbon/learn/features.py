"""From samples and fluxes to the table that models learn from, and from that table to numbers in a matrix."""

import hashlib

import numpy as np
import pandas as pd

from seaofcarbon import carbon, ocean
from seaofcarbon.files import UserError
from seaofcarbon.learn.campaigns import campaigns
from seaofcarbon.vocabulary import COVARIATES, FLAG_BAD, FLAG_GOOD, FLAG_QUESTIONABLE, MAX_DEPTH_M, TARGETS

FEATURE_VERSION = "2"
"""Changes when a feature of the same name gets another meaning; models of another version are refused."""

ASINH_SCALE_DPM = 500.0
"""Where the asinh scale of the 234Th flux turns from linear to logarithmic, dpm m-2 d-1: twice the usual sigma."""

SCALES = {
    "th234_flux": f"asinh(x / {ASINH_SCALE_DPM:g})", "poc_flux": "log10(x)", "c_th": "log10(x)", "th234_total": "x",
}  # fmt: skip
"""What `transform` does to each target."""

LOGARITHMIC = tuple(target for target, scale in SCALES.items() if scale.startswith("log"))

KEYS = ["cast_id", "source_id", "cruise", "station", "time", "latitude", "longitude", "depth_m"]
MIN_VALUES, MIN_CAMPAIGNS = 100, 20
"""What a target must have to be modelled at all."""

CIRCULAR = ("longitude_sin", "longitude_cos", "day_sin", "day_cos")


# --- Scales ---------------------------------------------------------------------------------------

DEPTH_KERNEL = 0.25
"""How near values must be to tell of a depth: standard deviation in ln(z + 10 m), about 30 m up and down at 100 m."""

SEA_POINTS = 6000
"""Random places that stand for the sea when intervals are made for it."""


def transform(values, target):
    """Values on the scale on which they are modelled: asinh for 234Th flux (signed), log10 for POC flux and C:234Th.

    Parameters
    ----------
    values : array_like, in the unit inside
    target : str
        One of `vocabulary.TARGETS`.

    Returns
    -------
    ndarray
        Without unit.

    Examples
    --------
    >>> transform([1.0, 100.0], "poc_flux").tolist()
    [0.0, 2.0]
    """
    values = np.asarray(values, float)
    if target == "th234_flux":
        return np.arcsinh(values / ASINH_SCALE_DPM)
    if target in LOGARITHMIC:
        return np.log10(values, where=values > 0, out=np.full(values.shape, np.nan))
    return values


def inverse(values, target):
    """Back from the scale of `transform` to the unit inside; keeps float32.

    Parameters
    ----------
    values : array_like
        As `transform` gives them.
    target : str
        One of `vocabulary.TARGETS`.

    Returns
    -------
    ndarray
        In the unit inside.

    Examples
    --------
    >>> inverse(transform([-200.0, 1500.0], "th234_flux"), "th234_flux").round(6).tolist()
    [-200.0, 1500.0]
    """
    values = np.asarray(values)
    if target == "th234_flux":
        return np.sinh(values) * values.dtype.type(ASINH_SCALE_DPM)
    if target in LOGARITHMIC:
        return values.dtype.type(10.0) ** values
    return values


# --- Matrix ---------------------------------------------------------------------------------------


def _circular(df, name):
    of, wave = name.rsplit("_", 1)
    if of == "day":
        angle = ocean.season_angle(ocean.day_of_year(df["time"]), df["latitude"])
    else:
        angle = np.deg2rad(df["longitude"].to_numpy(float))
    return getattr(np, wave)(angle)


def columns_needed(names):
    """Columns of a table that hold what the features `names` are made of."""
    made_of = {"day": ("time", "latitude"), "longitude": ("longitude",)}
    return list(dict.fromkeys(c for n in names for c in (made_of[n.rsplit("_", 1)[0]] if n in CIRCULAR else (n,))))


def covariates_needed(names):
    """Fields of the sea among the features `names`."""
    return [name for name in columns_needed(names) if name in COVARIATES]


def learnable(name, values):
    """Tell where a feature has a value that models can have learnt from.

    In the polar night net primary production is 0: nothing grows, and no ship was there.

    >>> learnable("npp", np.array([300.0, 0.0, np.nan])).tolist(), learnable("nitrate", np.array([0.0])).tolist()
    ([True, False, False], [True])
    """
    return np.isfinite(values) & (values > 0) if name == "npp" else np.isfinite(values)


def matrix(df, names):
    """Features as numbers, in the order of `names`.

    Parameters
    ----------
    df : DataFrame
        With the columns of `columns_needed(names)`.
    names : sequence of str
        Features; longitude and day of year enter as sine and cosine, the day as that of the hemisphere's seasons.

    Returns
    -------
    float32 array, C order, shape (n, len(names))

    Raises
    ------
    UserError
        Naming the columns that are missing.
    """
    absent = [column for column in columns_needed(names) if column not in df]
    if absent:
        raise UserError(f"the table has no column {', '.join(absent)}: run 03-matchup again, or add it")
    out = np.empty((len(df), len(names)), np.float32)
    for k, name in enumerate(names):
        out[:, k] = _circular(df, name) if name in CIRCULAR else df[name].to_numpy(float)
    return out


# --- Values by target --------------------------------------------------------------------------------


def interpolate_ratio(casts, depth_m, at_casts, at_depth_m, ratio):
    """Ratio of each cast at other depths: log ratio linear in log depth, never beyond the depths that were sampled.

    Parameters
    ----------
    casts, depth_m, ratio : arrays, shape (n,)
        Measured ratios (> 0) with their cast and depth (m).
    at_casts, at_depth_m : arrays, shape (m,)
        Where it is wanted: cast and depth (m).

    Returns
    -------
    array, shape (m,)
        NaN where the cast has no ratio above and below.

    Examples
    --------
    >>> interpolate_ratio(["a", "a"], [50.0, 200.0], ["a", "a", "b"], [100.0, 300.0, 100.0], [8.0, 2.0]).round(6)
    array([ 4., nan, nan])
    """
    codes, _ = pd.factorize(np.concatenate([np.asarray(casts, object), np.asarray(at_casts, object)]))
    own, at = codes[: len(casts)], codes[len(casts) :]
    # one axis for all casts: cast after cast, further apart than any log depth reaches
    far = 100.0
    x = own * far + np.log(np.asarray(depth_m, float))
    wanted = at * far + np.log(np.maximum(np.asarray(at_depth_m, float), 0.1))
    order = np.argsort(x, kind="stable")
    x, own, y = x[order], own[order], np.log(np.asarray(ratio, float))[order]
    if not x.size:
        return np.full(wanted.shape, np.nan)
    tiny = 1e-9
    above = np.clip(np.searchsorted(x, wanted + tiny, "right") - 1, 0, x.size - 1)
    below = np.clip(np.searchsorted(x, wanted - tiny, "left"), 0, x.size - 1)
    inside = (own[above] == at) & (own[below] == at) & (x[above] <= wanted + tiny) & (x[below] >= wanted - tiny)
    result = np.exp(np.interp(wanted, x, y))
    return np.where(inside, result, np.nan)


def _long(df, target, value, sigma, method, flag=FLAG_GOOD):
    out = df.reindex(columns=KEYS)
    out["target"], out["value"], out["sigma"], out["method"], out["flag"] = target, value, sigma, method, flag
    return out[np.isfinite(out["value"].to_numpy(float))]


def _column(df, name):
    return df[name].to_numpy(float) if name in df else np.full(len(df), np.nan)


def _ratios(samples):
    """C:234Th of large particles: as given, else large POC over large 234Th of the same sample."""
    with np.errstate(divide="ignore", invalid="ignore"):
        pump = _column(samples, "poc_large") / _column(samples, "th234_particulate_large")
    given = _column(samples, "c_th_large")
    sigma = np.where(np.isfinite(given), _column(samples, "c_th_large_sigma"), np.nan)
    value = np.where(np.isfinite(given), given, pump)
    return np.where(np.isfinite(value), value, np.nan), sigma


def _poc_from_thorium(fluxes, ratios):
    """POC flux of casts that have a 234Th flux and ratios on both sides of its depth."""
    good = ratios[(ratios["value"] > 0) & (ratios["depth_m"] > 0)]
    where = good["cast_id"], good["depth_m"], fluxes["cast_id"], fluxes["depth_m"]
    ratio = interpolate_ratio(*where, good["value"])
    ratio_sigma = ratio * interpolate_ratio(*where, good["sigma"] / good["value"])
    value = carbon.poc_flux(fluxes["th234_flux"], ratio)
    sigma = carbon.poc_flux_sigma(fluxes["th234_flux"], fluxes["th234_flux_sigma"], ratio, ratio_sigma)
    return _long(fluxes, "poc_flux", value, sigma, fluxes["method"], fluxes["flag"])


def _poc_as_compiled(records):
    """POC fluxes that came as such from 234Th, without the profiles below them."""
    rows = records[(records["variable"] == "poc_flux") & records["method"].astype(str).str.startswith("th234")]
    # compilations rarely name casts: source, place and day tell them apart
    names = [rows[name].astype(str) for name in ("source_id", "cruise", "station")]
    names += [rows[name].round(2).astype(str) for name in ("latitude", "longitude")]
    rows = rows.assign(cast_id=names[0].str.cat([*names[1:], rows["time"].dt.strftime("%Y-%m-%d")], sep="/", na_rep=""))
    return _long(rows, "poc_flux", rows["value"], rows["sigma"], rows["method"], rows["flag"])


def values_by_target(samples, fluxes, records):
    """All values that a model may learn, one row each.

    Parameters
    ----------
    samples : DataFrame
        `records.to_samples`, which leaves flagged values out.
    fluxes : DataFrame
        `flux.fluxes`; fixed depths with a flux are taken.
    records : DataFrame
        The universal record, for POC fluxes that were compiled as such.

    Returns
    -------
    DataFrame
        KEYS, target, value, sigma, method, flag.
    """
    fixed = fluxes[(fluxes["depth_kind"] == "fixed") & fluxes["th234_flux"].notna()]
    ratio, ratio_sigma = _ratios(samples)
    ratios = _long(samples, "c_th", ratio, ratio_sigma, "pump")
    return pd.concat([
        _long(fixed, "th234_flux", fixed["th234_flux"], fixed["th234_flux_sigma"], fixed["method"], fixed["flag"]),
        _poc_from_thorium(fixed, ratios),
        _poc_as_compiled(records),
        _long(samples, "th234_total", _column(samples, "th234_total"), _column(samples, "th234_total_sigma"), "bottle"),
        ratios,
    ], ignore_index=True)  # fmt: skip


def merge_doubles(table):
    """Keep one value, the median, of those that stand for one place, day and depth: the same to 0.1 degree and 1 m.

    Compilations hold values of several earlier ones, so this is done within a source as well; two casts of one ship at
    one place and day become one. Places are rounded: two that are nearer than 0.1 degree may stay apart.

    Returns
    -------
    DataFrame
        One row per place, day, depth and target; rows in their old order.
    """
    place = [
        table["target"], table["latitude"].round(1), table["longitude"].round(1), table["depth_m"].round(),
        table["time"].dt.floor("D"),
    ]  # fmt: skip
    if table.empty:
        return table
    groups = table.groupby(place, sort=False, dropna=False)
    out = table.assign(value=groups["value"].transform("median"), sigma=groups["sigma"].transform("median"))
    return out[~pd.concat(place, axis=1).duplicated()]


# --- The training table -----------------------------------------------------------------------------


def training_table(samples, fluxes, records, covariates, names, max_distance_km=300.0):
    """Put beside each value the sea around it, and label its campaign.

    Parameters
    ----------
    samples, fluxes, records : DataFrame
        As in `values_by_target`.
    covariates : Dataset
        `ocean.covariates`.
    names : sequence of str
        Features; a row is kept where all of them are known.
    max_distance_km : float
        Furthest sea cell a value may be matched with.

    Returns
    -------
    table : DataFrame
        KEYS, target, value, sigma, method, campaign, the covariates, covariate_distance_km.
    account : DataFrame
        target, step, rows: what became of every value.
    """
    kept = values_by_target(samples, fluxes, records)
    steps = [_count(kept, "values found")]
    for step, good in (
        ("flagged as questionable or bad", lambda df: ~df["flag"].isin([FLAG_QUESTIONABLE, FLAG_BAD])),
        ("not above zero (no logarithm)", lambda df: (df["value"] > 0) | ~df["target"].isin(LOGARITHMIC)),
        (f"below {MAX_DEPTH_M:.0f} m", lambda df: df["depth_m"] <= MAX_DEPTH_M),
        ("no date", lambda df: df["time"].notna()),
    ):
        is_good = good(kept)
        steps.append(_count(kept[~is_good], step))
        kept = kept[is_good]
    single = merge_doubles(kept)
    steps.append(_count(kept, "doubles merged", minus=single))
    matched = ocean.match(single, covariates, max_distance_km)
    known = np.isfinite(matrix(matched, names)).all(axis=1)
    on_land = matched["covariate_reason"] == "land"
    steps.append(_count(matched[~known & on_land], "on land"))
    steps.append(_count(matched[~known & ~on_land], "a feature is unknown there"))
    table = matched[known].drop(columns=["covariate_reason", "flag"])
    table = table.sort_values(["target", "time", "cast_id", "depth_m"], kind="stable").reset_index(drop=True)
    table["campaign"] = campaigns(table)
    steps.append(_count(table, "kept for learning"))
    return table, pd.concat(steps, ignore_index=True)


def _count(rows, step, minus=None):
    n = rows["target"].value_counts().reindex(TARGETS, fill_value=0)
    if minus is not None:
        n = n - minus["target"].value_counts().reindex(TARGETS, fill_value=0)
    return pd.DataFrame({"target": n.index, "step": step, "rows": n.to_numpy(int)})


def for_target(table, target):
    """Rows of one target, each with its value in the column `value`.

    Parameters
    ----------
    table : DataFrame
        As `training_table` gives it.
    target : str
        One of `vocabulary.TARGETS`.

    Returns
    -------
    DataFrame
        With an index 0..n-1.
    """
    return table[table["target"] == target].reset_index(drop=True)


def enough(table):
    """Which targets the data can carry: at least 100 values in 20 campaigns.

    Parameters
    ----------
    table : DataFrame
        As `training_table` gives it.

    Returns
    -------
    DataFrame
        target, values, casts, campaigns, enough.
    """
    counts = table.groupby("target").agg(
        values=("value", "size"), casts=("cast_id", "nunique"), campaigns=("campaign", "nunique")
    )
    counts = counts.reindex(list(TARGETS), fill_value=0).reset_index(names="target")
    counts["enough"] = (counts["values"] >= MIN_VALUES) & (counts["campaigns"] >= MIN_CAMPAIGNS)
    return counts


def weights(df):
    """Weight of each row: size of its campaign to the power -1/2, mean 1, so that none shouts the others down.

    The sigma of a value is left out: on the scale of the models it depends on the value itself (small fluxes have the
    large ones), so that such weights would pull the models towards large fluxes.
    """
    size = df.groupby("campaign")["campaign"].transform("size").to_numpy(float)
    weight = size**-0.5
    return weight / weight.mean()


def mean_factor(held_out, depth_m=None):
    """Factor that turns middle values into means: what was measured over what was predicted (Snowdon 1991).

    Parameters
    ----------
    held_out : DataFrame
        campaign, depth_m, value and prediction (unit of the target) of campaigns that the model had not seen.
    depth_m : array, optional
        m. Near each depth values count by their distance from it, and the factor of all depths as much as the
        campaigns that a target needs at least.

    Returns
    -------
    float, or array of the shape of `depth_m`
        Values are added up with the weights of the fit.
    """
    weight, value, guess = weights(held_out), held_out["value"].to_numpy(), held_out["prediction"].to_numpy()
    of_all = float((weight * value).sum() / (weight * guess).sum())
    if depth_m is None:
        return of_all
    at, there = (np.log(np.asarray(z, float) + 10.0) for z in (depth_m, held_out["depth_m"]))
    near = weight * np.exp(-0.5 * ((at[..., None] - there) / DEPTH_KERNEL) ** 2)
    least = weight.sum() * min(1.0, MIN_CAMPAIGNS / held_out["campaign"].nunique())
    local, mass = (near @ value) / (near @ guess), near.sum(axis=-1)
    return (mass * local + least * of_all) / (mass + least)


def random_sea(n, covariates, names, depths_m, seed=0):
    """Random places of the sea, evenly over its area, on random days and at depths drawn from those given.

    Parameters
    ----------
    n : int
        Places on the globe; those on land, in the polar night or without an input are left out.
    covariates : Dataset
        `ocean.covariates`.
    names : sequence of str
        Features that have to be there.
    depths_m : array
        m.
    seed : int

    Returns
    -------
    DataFrame
        time, latitude, longitude, depth_m and the covariates, as `matrix` takes it.
    """
    rng = np.random.default_rng(seed)
    points = pd.DataFrame({
        "time": pd.Timestamp("2001-01-01") + pd.to_timedelta(rng.integers(0, 365, n), unit="D"),
        "latitude": np.degrees(np.arcsin(rng.uniform(-1, 1, n))), "longitude": rng.uniform(-180, 180, n),
        "depth_m": rng.choice(depths_m, n),
    })  # fmt: skip
    sea = covariates["sst"].notnull().any([d for d in covariates["sst"].dims if d not in ("lat", "lon")])
    place = {name: points[column].to_xarray() for name, column in (("lat", "latitude"), ("lon", "longitude"))}
    # the match would move points of land to the coast, which would then count for more sea than it has
    points = points[sea.sel(place, method="nearest").to_numpy()]
    points = ocean.match(points, covariates, max_distance_km=np.inf)
    known = np.all(
        [learnable(name, column) for name, column in zip(names, matrix(points, names).T, strict=True)], axis=0
    )
    return points[known].reset_index(drop=True)


def fingerprint(df, names):
    """Eight letters that change with the rows, their values or the features: one study file for one set of data."""
    rows = pd.util.hash_pandas_object(df[["cast_id", "depth_m", "value", "campaign"]], index=False).to_numpy()
    text = rows.tobytes() + "/".join([FEATURE_VERSION, *names]).encode() + matrix(df, names).tobytes()
    return hashlib.sha256(text).hexdigest()[:8]
