"""Values that others published, ready to stand beside ours: their boxes, months and ranges.

They judge; they never train. The values are the catalogue entry `published_export_values`.
"""

import numpy as np
import pandas as pd

from seaofcarbon import ocean
from seaofcarbon.vocabulary import CARBON_G_PER_MOL, FLAG_GOOD

DEPTH_M = 100.0
"""Depth at which a value is compared whose own depth was not stated."""

AT_EQUILIBRIUM = "(Eq)"
"""How the depth note of a value says that it holds at the equilibrium depth of 234Th."""


def values(facts, quantity):
    """Published values of one quantity, in the unit inside.

    Parameters
    ----------
    facts : DataFrame
        Catalogue entry `published_export_values`.
    quantity : str
        th234_flux, poc_flux, c_th_ratio, export_efficiency or npp.

    Returns
    -------
    DataFrame, one row a value
        The columns of `facts`, with published, published_low, published_high (the range, else value and uncertainty,
        else the value), depth_m filled with 100 m, and depth_stated (False where it was).
    """
    df = facts[facts["quantity"] == quantity].reset_index(drop=True)
    factor = np.where((df["unit"] == "mg C m-2 d-1") & (quantity == "poc_flux"), 1 / CARBON_G_PER_MOL, 1.0)
    low = df["value_low"].fillna(df["value"] - df["uncertainty"])
    high = df["value_high"].fillna(df["value"] + df["uncertainty"])
    return df.assign(
        published=df["value"] * factor,
        published_low=low.fillna(df["value"]) * factor,
        published_high=high.fillna(df["value"]) * factor,
        depth_m=df["depth_m"].fillna(DEPTH_M),
        depth_stated=df["depth_m"].notna(),
    )


def in_months(df):
    """Tell which months each value covers: all of them where it is undated or a year long.

    Parameters
    ----------
    df : DataFrame
        Published values, as `values` gives them.

    Returns
    -------
    ndarray of bool (n, 12)
    """
    start, end = df["date_start"], df["date_end"].fillna(df["date_start"])
    first, last = (date.astype(str).str.extract(r"^(\d{4})-(\d{2})").astype(float) for date in (start, end))
    count = 12 * (last[0] - first[0]) + last[1] - first[1] + 1
    since = (np.arange(12) - (first[1].to_numpy()[:, None] - 1)) % 12
    return np.where(count.isna().to_numpy()[:, None], True, since < count.to_numpy()[:, None])


def in_box(df, latitude, longitude):
    """Tell whether places lie in the box of each value, half a degree about it at least.

    Parameters
    ----------
    df : DataFrame
        Published values, as `values` gives them.
    latitude, longitude : array_like (places,)
        Degrees.

    Returns
    -------
    ndarray of bool (n, places)
    """
    half = np.maximum(df[["lat_span_deg", "lon_span_deg"]].fillna(0).to_numpy() / 2, 0.5)
    away_lat = np.abs(np.asarray(latitude) - df["lat"].to_numpy()[:, None])
    away_lon = np.abs(ocean.wrap(np.asarray(longitude) - df["lon"].to_numpy()[:, None]))
    return (away_lat <= half[:, :1]) & (away_lon <= half[:, 1:])


def beside_casts(df, fluxes):
    """234Th fluxes of casts in the box, the months and at the depth of published values, whatever the year.

    Parameters
    ----------
    df : DataFrame
        From `values`.
    fluxes : DataFrame
        From `flux.fluxes`: latitude, longitude, time, depth_kind, depth_m, th234_flux, flag. Those at the equilibrium
        depth are used for values that hold there, else those at the fixed depth of the value.

    Returns
    -------
    DataFrame, index of `df`
        casts, flagged (those of them that are questionable), and median, lowest, highest of th234_flux (dpm m-2 d-1,
        missing where casts is 0).
    """
    good = fluxes[fluxes["th234_flux"].notna()]
    month = pd.to_datetime(good["time"]).dt.month.to_numpy()
    deep = df["depth_note"].fillna("").str.contains(AT_EQUILIBRIUM, regex=False).to_numpy()[:, None]
    fixed = (good["depth_kind"] == "fixed").to_numpy() & np.isclose(good["depth_m"], df["depth_m"].to_numpy()[:, None])
    there = np.where(deep, (good["depth_kind"] == "equilibrium").to_numpy(), fixed)
    there &= in_box(df, good["latitude"], good["longitude"]) & in_months(df)[:, month - 1]
    which, cast = np.nonzero(there)
    met = pd.DataFrame({"flux": good["th234_flux"].to_numpy()[cast], "bad": good["flag"].to_numpy()[cast] != FLAG_GOOD})
    out = met.groupby(which).agg(
        casts=("flux", "size"), flagged=("bad", "sum"), median=("flux", "median"), lowest=("flux", "min"),
        highest=("flux", "max"),
    )  # fmt: skip
    out = out.reindex(range(len(df))).set_axis(df.index)
    return out.fillna({"casts": 0, "flagged": 0}).astype({"casts": int, "flagged": int})
