"""What sinks in a year: sums over the globe, basins and latitudes in Pg C yr-1, of means and not of middle values."""

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon import carbon, ocean
from seaofcarbon.maps.means import DAYS_IN_MONTH, weights
from seaofcarbon.vocabulary import CARBON_G_PER_MOL, SHELF_M, VARIABLES

LAW_TOP_M = 10.0
"""A power law of depth has no end at the surface: above this depth it keeps the value it has here."""

BAND_EDGES = (-90, -60, -40, -23, -10, 10, 23, 40, 60, 90)
"""Latitude bands, in degrees north, in which 234Th-derived fluxes have been summarised."""

PG_PER_MMOL = CARBON_G_PER_MOL * 1e-3 * 1e-15


def latitude_band(lat):
    """Name of the latitude band of each latitude, as "40-60N"; the tropical one is "10S-10N".

    Parameters
    ----------
    lat : array_like
        Degrees north.

    Returns
    -------
    ndarray of str

    Examples
    --------
    >>> latitude_band([-75.0, 0.0, 45.5]).tolist()
    ['60-90S', '10S-10N', '40-60N']
    """
    names = [
        f"{-low}S-{high}N" if low < 0 < high else f"{-high}-{-low}S" if high <= 0 else f"{low}-{high}N"
        for low, high in zip(BAND_EDGES[:-1], BAND_EDGES[1:], strict=True)
    ]
    return np.array(names)[np.clip(np.searchsorted(BAND_EDGES, lat, side="right") - 1, 0, len(names) - 1)]


def regions(da):
    """Region names of each cell, by kind: the globe, basins, latitude bands.

    Parameters
    ----------
    da : DataArray
        With the dimensions lat and lon.

    Returns
    -------
    dict of str to ndarray of str, shape (lat, lon)
    """
    lat, lon = np.meshgrid(da["lat"].to_numpy(), da["lon"].to_numpy(), indexing="ij")
    return {"global": np.full(lat.shape, "global"), "basin": ocean.basin(lat, lon), "band": latitude_band(lat)}


def integrate_poc(poc_flux, sea=None, applicable=None, bottom_depth=None):
    """Carbon that sinks in a year, over the globe, by basin and by latitude band.

    Parameters
    ----------
    poc_flux : DataArray, dims (month, lat, lon)
        mmol m-2 d-1. A month and cell without a value adds nothing; `area_share` says how much that is.
    sea : DataArray of bool, dims (lat, lon), optional
        Sea cells, for the share of area and months that has a value.
    applicable : DataArray, dims (month, lat, lon), optional
        1 inside the area of applicability, 0 outside.
    bottom_depth : DataArray, dims (lat, lon), optional
        m.

    Returns
    -------
    DataFrame
        region_kind, region, total_pg_yr, area_m2 (mean over the year), mean_flux (mmol m-2 d-1), area_share,
        share_outside (share of the total that lies outside the area of applicability), share_shelf (share above a
        bottom of 200 m).
    """
    poc_flux = poc_flux.transpose("month", "lat", "lon")
    w = weights(poc_flux).transpose("month", "lat").to_numpy()[:, :, None]
    value = poc_flux.to_numpy().astype("float64")
    known = np.isfinite(value)
    flux = np.where(known, value, 0.0) * w
    parts = {"flux": flux.sum(0), "known": (known * w).sum(0)}
    if sea is not None:
        parts["sea"] = w.sum(0) * sea.transpose("lat", "lon").to_numpy()
    if applicable is not None:
        parts["outside"] = np.where(applicable.transpose("month", "lat", "lon").to_numpy() == 0, flux, 0.0).sum(0)
    if bottom_depth is not None:
        parts["shelf"] = np.where(bottom_depth.transpose("lat", "lon").to_numpy() < SHELF_M, parts["flux"], 0.0)
    cells = pd.DataFrame({name: part.ravel() for name, part in parts.items()})
    tables = []
    for kind, names in regions(poc_flux).items():
        table = cells.groupby(names.ravel(), sort=False).sum().rename_axis("region").reset_index()
        tables.append(table.assign(region_kind=kind))
    df = pd.concat(tables, ignore_index=True)
    df = df[df.get("sea", df["known"]) > 0].reset_index(drop=True)
    nothing = pd.Series(np.nan, df.index)
    return pd.DataFrame(
        {
            "region_kind": df["region_kind"],
            "region": df["region"],
            "total_pg_yr": df["flux"] * PG_PER_MMOL,
            "area_m2": df["known"] / float(DAYS_IN_MONTH.sel(month=poc_flux["month"]).sum()),
            "mean_flux": df["flux"] / df["known"],
            "area_share": df["known"] / df.get("sea", nothing),
            "share_outside": df.get("outside", nothing) / df["flux"],
            "share_shelf": df.get("shelf", nothing) / df["flux"],
        }
    )


def region_ratio(numerator, denominator):
    """Ratio of two fields by region as the ratio of their area-weighted sums, over the cells and months that have both.

    Parameters
    ----------
    numerator, denominator : DataArray, dims (month, lat, lon)
        In the same unit.

    Returns
    -------
    DataFrame
        region_kind, region, ratio, area_share (share of the area and months of the denominator that has both).
    """
    both = np.isfinite(numerator) & np.isfinite(denominator)
    keys = ["region_kind", "region"]
    top, bottom, whole = (
        integrate_poc(field).set_index(keys) for field in (numerator.where(both), denominator.where(both), denominator)
    )
    ratio = top["total_pg_yr"] / bottom["total_pg_yr"]
    table = pd.DataFrame({"ratio": ratio, "area_share": top["area_m2"] / whole["area_m2"]}, index=whole.index)
    return table.fillna({"area_share": 0.0}).reset_index()


def ratio_of_law(depth, law):
    """C:Th on a map from a power law of depth: its middle value, and its mean.

    The ratio scatters about the law by a factor. Taken as lognormal, its mean is exp(s^2 / 2) times the middle value,
    with s the logarithm of that factor: for the ratio what `to_mean` is for a model.

    Parameters
    ----------
    depth : DataArray, dims (..., lat, lon)
        m; above 10 m the ratio is that of 10 m.
    law : carbon.PowerLaw
        One for all cells, or one of each cell: `carbon.law_of_region(maps.regions(depth)["basin"], laws)`.

    Returns
    -------
    middle, mean : DataArray, of the shape of `depth`
        umol dpm-1.
    """
    attrs = {"units": VARIABLES["c_th"].unit}
    ratio = carbon.power_law(np.maximum(depth.to_numpy(), LAW_TOP_M), law)
    middle = depth.copy(data=ratio).rename("c_th").drop_attrs().assign_attrs(attrs)
    return middle, middle.copy(data=ratio * np.exp(np.log(law.scatter) ** 2 / 2))


def to_mean(prediction, model, depth=None, factor=None):
    """Mean of a quantity from a model that predicts its middle value.

    A model trained on the log of a flux gives, turned back, a middle value, which lies below the mean when the scatter
    is wide. Means and totals need the mean: the prediction is multiplied by what was measured over what was predicted,
    both added up over values near the depth of campaigns that the model had not seen (ratio estimator, Snowdon 1991).
    It takes the scatter as it is, where the smearing of Duan (1983) takes it as equally wide for small and large
    values.

    Parameters
    ----------
    prediction : DataArray
        In the unit of the quantity, with the coordinate `depth` (m).
    model : learn.models.Model
        Its card holds the factors.
    depth : DataArray, optional
        m, of each cell, where it is not that of the coordinate.
    factor : float, optional
        Another one than those of the card, from `learn.features.mean_factor`.

    Returns
    -------
    DataArray, of the shape of `prediction`

    Raises
    ------
    UserError
        When the card has no factors.
    """
    if factor is None:
        # a factor is no depth: its axis, source and name would go over to the product
        factor = xr.apply_ufunc(model.mean_factor, prediction["depth"] if depth is None else depth, keep_attrs=False)
    mean = (prediction * factor).transpose(*prediction.dims)
    return mean.astype(prediction.dtype).assign_attrs(prediction.attrs)
