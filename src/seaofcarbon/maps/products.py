"""Published maps of POC flux beside ours: on one grid, over the cells that all of them have."""

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon import ocean
from seaofcarbon.files import UserError
from seaofcarbon.maps.budgets import PG_PER_MMOL
from seaofcarbon.maps.means import DAYS_IN_MONTH, weights
from seaofcarbon.vocabulary import CARBON_G_PER_MOL, VARIABLES

ENTRY = "poc_flux_products"
"""Catalogue entry of the published maps."""

LEFT_OUT = ("Laws 2011", "Laws 20XX")
"""Maps of that entry that disagree with the total that their own table gives for them."""

COMPARED = [
    "total_pg_yr", "correlation", "ratio", "within_2", "correlation_others", "ratio_others", "within_2_others",
]  # fmt: skip
"""Columns of `compare_products`."""

DEPTH_M = 100.0
"""Depth at which the maps are compared."""


def _fields(table):
    """Annual maps at 100 m on their own grids, mmol m-2 d-1, by product."""
    missing = {"lon", "lat", "depth", "poc_flux", "model"} - set(table)
    if missing:
        raise UserError(f"{ENTRY}: the table has no column {', '.join(sorted(missing))}")
    here = table[np.isclose(table["depth"], DEPTH_M) & ~table["model"].isin(LEFT_OUT)]
    double = here[here.duplicated(["model", "lat", "lon"])]
    if len(double):
        raise UserError(f"{ENTRY}: {double['model'].iloc[0]} has two values for one cell")
    grids = {name: rows.set_index(["lat", "lon"])["poc_flux"].to_xarray() for name, rows in here.groupby("model")}
    return {name: field / CARBON_G_PER_MOL for name, field in grids.items()}


def product_maps(table, lat, lon):
    """Published annual maps of POC flux at 100 m, on our grid.

    Parameters
    ----------
    table : DataFrame
        Catalogue entry `poc_flux_products`: lon, lat, depth (m), poc_flux (mg m-2 d-1), model.
    lat, lon : array_like
        Centres of our cells. A cell takes the area mean of finer cells, or the coarser cell that it lies in.

    Returns
    -------
    DataArray, dims (product, lat, lon)
        mmol m-2 d-1; without `LEFT_OUT`.

    Raises
    ------
    UserError
        When a column is missing, a cell has two values, or a grid is not regular.
    """
    maps = {}
    for name, field in _fields(table).items():
        try:
            maps[name] = ocean.on_grid(field, lat, lon)
        except ValueError as problem:
            raise UserError(f"{ENTRY}: {name}: {problem}") from None
    if not maps:
        raise UserError(f"{ENTRY}: no map at {DEPTH_M:.0f} m")
    names = xr.Variable("product", list(maps))
    attrs = {"units": VARIABLES["poc_flux"].unit}
    return xr.concat(list(maps.values()), names).rename("poc_flux").assign_attrs(attrs)


def own_totals(table):
    """Global total of each published map on its own grid, with the area of its cells: Series, Pg C yr-1.

    Parameters
    ----------
    table : DataFrame
        Published maps, as the catalogue's entry has them.

    Returns
    -------
    Series
    """
    totals = {}
    for name, field in _fields(table).items():
        step = float(field["lon"][1] - field["lon"][0])
        totals[name] = float((field * ocean.cell_area(field["lat"], step)).sum())
    return pd.Series(totals) * float(DAYS_IN_MONTH.sum()) * PG_PER_MMOL


def _agreement(ours, theirs, area):
    """Correlation of the logarithms, median ratio and share within a factor of 2, by area; 1-d arrays above 0."""
    log = np.log(np.stack([ours, theirs]))
    away = log - np.average(log, axis=1, weights=area)[:, None]
    covariance = (away * area) @ away.T
    ratio = log[0] - log[1]
    return {
        "correlation": covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]),
        "ratio": np.exp(np.quantile(ratio, 0.5, weights=area, method="inverted_cdf")),
        "within_2": np.average(np.abs(ratio) <= np.log(2.0), weights=area),
    }


def compare_products(products, ours):
    """How a map and published ones agree, over the cells that all of them have.

    Parameters
    ----------
    products : DataArray, dims (product, lat, lon)
        From `product_maps`.
    ours : DataArray, dims (lat, lon)
        Annual mean in the same unit.

    Returns
    -------
    DataFrame, index the map ("this book" first)
        total_pg_yr over the common cells; with this book: correlation (of logarithms, by area), ratio (median of this
        book over it), within_2 (share of the area within a factor of 2); and as correlation_others, ratio_others,
        within_2_others the same of the map itself with the median of the other published ones.
        `attrs["area_share"]` is the share of our area that is common.
    """
    theirs = products.transpose("product", "lat", "lon").to_numpy()
    values = np.concatenate([ours.transpose("lat", "lon").to_numpy()[None], theirs]).astype(float)
    common = (np.isfinite(values) & (values > 0)).all(axis=0)
    if not common.any():
        raise UserError(f"{ENTRY}: the published maps and ours have no cell in common")
    area_map = weights(ours).broadcast_like(ours).transpose("lat", "lon").to_numpy()
    area, values = area_map[common], values[:, common]
    names = ["this book", *products["product"].to_numpy().tolist()]
    rows = {}
    for k, name in enumerate(names):
        others = [n for n in range(1, len(names)) if n != k]
        row = dict.fromkeys(COMPARED, np.nan)
        row["total_pg_yr"] = (values[k] * area).sum() * float(DAYS_IN_MONTH.sum()) * PG_PER_MMOL
        if k:
            row |= _agreement(values[0], values[k], area)
        if others:
            with_others = _agreement(values[k], np.median(values[others], axis=0), area)
            row |= {f"{what}_others": value for what, value in with_others.items()}
        rows[name] = row
    table = pd.DataFrame(rows).T
    table.attrs["area_share"] = float(area.sum() / area_map[np.isfinite(ours.transpose("lat", "lon").to_numpy())].sum())
    return table


def zonal_mean(field, degrees=5.0, least=0.1):
    """Mean around the globe in bands of latitude, where at least a share of the circle has a value.

    Parameters
    ----------
    field : DataArray, dims (..., lat, lon)
    degrees : float
        Width of a band.
    least : float
        Share of its cells.

    Returns
    -------
    DataArray, dims (..., lat)
        By the middle of the band.
    """
    band = ((np.floor(field["lat"] / degrees) + 0.5) * degrees).rename("band")
    total = field.sum("lon").groupby(band).sum("lat")
    known = field.notnull().sum("lon").groupby(band).sum("lat")
    cells = xr.ones_like(field["lat"]).groupby(band).sum("lat") * field.sizes["lon"]
    return (total / known).where(known >= least * cells).rename(band="lat")
