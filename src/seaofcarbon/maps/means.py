"""Means of maps over the sea and the year: months weighted by their days, cells by their area."""

import numpy as np
import xarray as xr

from seaofcarbon import ocean

MONTHS = tuple(range(1, 13))

DAYS_IN_MONTH = xr.DataArray(
    ocean.MONTH_LENGTHS_D,
    dims="month",
    coords={"month": list(MONTHS)},
    attrs={"units": "d"},
)
"""Days of each month of a mean Gregorian year; they add up to 365.25."""

CELL_METHODS = "area: mean time: mean"
"""Of a mean over months, in cells that stand for their whole area; no time is left, so its standard name (CF 7.3.4)."""

BLOOM_MONTHS = {"bloom": "months in bloom", "non_bloom": "months out of bloom"}
"""Part of `bloom_split` -> the months that it is the mean of."""


def weights(da):
    """Area of each cell (m2) times the days of each month, where the field has months.

    Parameters
    ----------
    da : DataArray
        With the dimensions lat and lon.

    Returns
    -------
    DataArray, dims of `da` less others than month and lat
        m2, or m2 d.

    Examples
    --------
    >>> cells = xr.DataArray([[0.0], [0.0]], {"lat": [0.0, 60.0], "lon": [0.5]}, ("lat", "lon"))
    >>> round(float(weights(cells)[1] / weights(cells)[0]), 6)  # a cell at 60 degrees is half as wide
    0.5
    """
    wide, high = (float(abs(da[d][1] - da[d][0])) if da.sizes.get(d, 1) > 1 else None for d in ("lon", "lat"))
    wide = wide or 1.0  # only proportions count where there is but one longitude
    area = ocean.cell_area(da["lat"], wide, high if da.sizes.get("lon", 1) > 1 else None)
    return area * DAYS_IN_MONTH.sel(month=da["month"]) if "month" in da.dims else area


def area_weighted_mean(da):
    """Mean over the cells (and months) that have a value; other dimensions are kept.

    Parameters
    ----------
    da : DataArray
        With the dimensions lat and lon, month or others.

    Returns
    -------
    DataArray
        In the unit of `da`.

    Examples
    --------
    >>> da = xr.DataArray([[3.0], [0.0]], {"lat": [0.0, 60.0], "lon": [0.5]}, ("lat", "lon"))
    >>> round(float(area_weighted_mean(da)), 6)  # 60 degrees counts half
    2.0
    """
    return da.weighted(weights(da)).mean([d for d in ("month", "lat", "lon") if d in da.dims])


def annual_mean(da):
    """Mean over the months that have a value, each weighted by its days.

    Parameters
    ----------
    da : DataArray
        With the dimension month.

    Returns
    -------
    DataArray
        Without it, in the unit of `da`, with its attributes and `cell_methods`.

    Examples
    --------
    >>> months = xr.DataArray([1.0, 0.0, np.nan], {"month": [1, 4, 7]}, "month")
    >>> round(float(annual_mean(months)), 6) == round(31 / (31 + 30), 6)
    True
    """
    mean = da.weighted(DAYS_IN_MONTH.sel(month=da["month"])).mean("month", keep_attrs=True)
    return mean.assign_attrs(cell_methods=CELL_METHODS)


def in_season(da, season):
    """Values of the months of a season of the hemisphere a cell is in, the others missing; all of them in a "year".

    Winter is December to February in the north and June to August in the south.

    Parameters
    ----------
    da : DataArray, dims (month, lat, ...)
    season : {"year", "winter", "spring", "summer", "autumn"}

    Returns
    -------
    DataArray, dims as given
    """
    if season == "year":
        return da
    of_cell = ocean.season_of(da["month"].to_numpy()[:, None], da["lat"].to_numpy()[None, :])
    axes = {"month": da["month"], "lat": da["lat"]}
    return da.where(xr.DataArray(of_cell == ocean.SEASONS.index(season), axes))


def seasonal_mean(da):
    """Mean of each season of the hemisphere a cell is in, see `in_season`.

    Parameters
    ----------
    da : DataArray, dims (month, lat, ...)

    Returns
    -------
    DataArray, dims (season, lat, ...)

    Examples
    --------
    >>> january = xr.DataArray([[1.0, 1.0]], {"month": [1], "lat": [40.0, -40.0]}, ("month", "lat"))
    >>> seasonal_mean(january).sel(season=["winter", "summer"]).values
    array([[ 1., nan],
           [nan,  1.]])
    """
    return (
        xr.concat(
            [annual_mean(in_season(da, season)) for season in ocean.SEASONS],
            dim=xr.Variable("season", list(ocean.SEASONS)),
        )
        .rename(da.name)
        .assign_attrs(da.attrs)
    )


def bloom_split(da, bloom):
    """Means in bloom and out of bloom of the cells that bloom, their ratio, and the mean of the cells that never do.

    Parameters
    ----------
    da : DataArray, dims (month, lat, lon)
    bloom : Dataset
        As `ocean.bloom` gives it.

    Returns
    -------
    Dataset, dims (lat, lon): bloom, non_bloom, ratio, no_bloom
    """
    blooms = bloom["bloom_class"] == 1
    inside = annual_mean(da.where(bloom["in_bloom"] & blooms))
    outside = annual_mean(da.where(~bloom["in_bloom"] & blooms))
    ratio = (inside / outside).where(outside > 0)
    return xr.Dataset(
        {
            **{
                part: mean.assign_attrs(cell_methods=f"{CELL_METHODS} ({BLOOM_MONTHS[part]})")
                for part, mean in (("bloom", inside), ("non_bloom", outside))
            },
            "ratio": ratio.drop_attrs().assign_attrs(units="1", long_name="flux in bloom over flux out of bloom"),
            "no_bloom": annual_mean(da.where(~blooms)),
        },
        attrs={"target": da.name},
    )


def agreement(predicted, truth):
    """How well a map meets another, over the area: R2, bias, root mean square error, correlation.

    Parameters
    ----------
    predicted, truth : DataArray, same dims
        Cells where either is missing do not count.

    Returns
    -------
    dict
        r2, bias, rmse, correlation, mean_predicted, mean_truth; bias is predicted minus truth.

    Examples
    --------
    >>> truth = xr.DataArray([[1.0], [2.0], [3.0]], {"lat": [0.0, 1.0, 2.0], "lon": [0.5]}, ("lat", "lon"))
    >>> found = agreement(truth + 1, truth)
    >>> round(found["bias"], 6), round(found["rmse"], 6), round(found["correlation"], 6)
    (np.float64(1.0), np.float64(1.0), np.float64(1.0))
    """
    both = np.isfinite(predicted) & np.isfinite(truth)
    w = weights(both).broadcast_like(both).where(both, 0.0).to_numpy()
    w = w / w.sum()
    p, t = predicted.transpose(*both.dims).fillna(0).to_numpy(), truth.transpose(*both.dims).fillna(0).to_numpy()
    mean_p, mean_t = (w * p).sum(), (w * t).sum()
    error, spread_p, spread_t = (w * (p - t) ** 2).sum(), (w * (p - mean_p) ** 2).sum(), (w * (t - mean_t) ** 2).sum()
    covariance = (w * (p - mean_p) * (t - mean_t)).sum()
    return {
        "r2": 1 - error / spread_t,
        "bias": mean_p - mean_t,
        "rmse": error**0.5,
        "correlation": covariance / (spread_p * spread_t) ** 0.5,
        "mean_predicted": mean_p,
        "mean_truth": mean_t,
    }
