"""Does the twin look like a sea? Its numbers beside the ranges that they must be in, and its ceiling of skill."""

from dataclasses import replace

import numpy as np
import pandas as pd

from seaofcarbon import ocean
from seaofcarbon.thorium import u238_from_salinity
from seaofcarbon.twin.cruises import samples
from seaofcarbon.twin.recipe import DEFAULT
from seaofcarbon.twin.sea import covariates
from seaofcarbon.twin.truth import truth, truth_maps
from seaofcarbon.vocabulary import CARBON_G_PER_MOL, LAMBDA_TH234_PER_D, LITRES_PER_M3

_MEASURED = (
    "th234_total",
    "th234_dissolved",
    "th234_particulate_small",
    "th234_particulate_large",
    "c_th_small",
    "c_th_large",
)


def ranges(parameters=DEFAULT, n_cruises=250):
    """Numbers of the twin ocean and the ranges that they must be in.

    Parameters
    ----------
    parameters, n_cruises
        As in `cruises.stations`.

    Returns
    -------
    DataFrame
        quantity, value, low, high, unit. `low` and `high` are NaN for what is only told.
    """
    rows = [*_sea_ranges(parameters), *_cruise_ranges(parameters, n_cruises)]
    return pd.DataFrame(rows, columns=["quantity", "value", "low", "high", "unit"])


def _quantiles(values, weights, shares):
    """Weighted quantiles of the known values."""
    known = np.isfinite(values)
    values, weights = values[known], weights[known]
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return np.interp(np.multiply(shares, below[-1]), below, values[order])


def _sea_ranges(p):
    sea, year = covariates(p), range(1, 13)
    levels = sea["depth"].to_numpy().astype(float)[1:]
    maps = truth_maps(year, levels, p)
    at_100 = maps.sel(depth=100.0)
    area = np.broadcast_to(ocean.cell_area(sea["lat"].to_numpy())[:, None], at_100["th234_flux"].shape)
    pg_per_year = ocean.YEAR_D / 12 * 1e-15
    npp = np.nansum(sea["npp"].to_numpy() * area) * pg_per_year * 1e-3
    poc = np.nansum(at_100["poc_flux"].to_numpy() * area) * pg_per_year * 1e-3 * CARBON_G_PER_MOL
    u238 = LITRES_PER_M3 * u238_from_salinity(sea["salinity"].to_numpy())
    supply = LAMBDA_TH234_PER_D * np.cumsum(
        (u238[1:] + u238[:-1]) / 2 * np.diff(levels, prepend=0.0)[:, None, None], axis=0
    )
    th_median = _quantiles(at_100["th234_flux"].to_numpy(), area, 0.5)
    ratio = _quantiles(at_100["c_th"].to_numpy(), area, [0.05, 0.95])
    return [
        ("Net primary production", npp, 40, 60, "Pg C a year"),
        ("POC export at 100 m", poc, 5, 9, "Pg C a year"),
        (
            "Greatest 234Th flux over the decay of 238U above",
            np.nanmax(maps["th234_flux"] / supply),
            0,
            p.largest_share,
            "1",
        ),
        ("Share of the 234Th flux at Ez that this limit takes away", maps.attrs["share_cut"], np.nan, np.nan, "1"),
        ("234Th flux at 100 m, median by area", th_median, 500, 1500, "dpm m-2 d-1"),
        ("POC:234Th at 100 m, 5 % by area", ratio[0], 1, 10, "umol dpm-1"),
        ("POC:234Th at 100 m, 95 % by area", ratio[1], 1, 10, "umol dpm-1"),
    ]


def _cruise_ranges(p, n_cruises):
    casts, bottles = samples(p, n_cruises)
    th_u = bottles["th234_total"] / bottles["u238"]
    ez = 1.5 * ocean.match(bottles, covariates(p))["euphotic_depth"]  # 0.1 % of the light
    excess = th_u[bottles["depth_m"] > ez].groupby([bottles["cruise"], bottles["station"]]).max()
    values = sum(int(bottles[f"m_{name}"].notna().sum()) for name in _MEASURED)
    return [
        ("Th/U of the samples, 5 %", th_u.quantile(0.05), 0.4, 1.2, "1"),
        ("Th/U of the samples, 95 %", th_u.quantile(0.95), 0.4, 1.2, "1"),
        ("Greatest Th/U below Ez, median of the casts", excess.median(), 1.03, 1.15, "1"),
        ("Casts", len(casts), 12 * n_cruises, np.nan, "1"),
        ("Measured values of 234Th and POC:234Th", values, 200 * n_cruises, np.nan, "1"),
        ("Ceiling of skill: R2 of the 234Th flux at 100 m", ceiling(casts, p), np.nan, np.nan, "1"),
    ]


def nothing_hidden(parameters=DEFAULT):
    """Return the recipe without the unobserved field and the pulses: what one who knows it could at best expect."""
    return replace(parameters, unobserved_log10_sd=0.0, pulse_fold_bloom=1.0, pulse_fold_calm=1.0)


def ceiling(casts, parameters=DEFAULT, depth_m=100.0):
    """Share of the variance of the log of the 234Th flux that covariates can explain at best.

    A model that knew the recipe would still not know the anomalies of campaigns and stations, the unobserved field and
    the day of the pulses. Errors of measurement come on top.

    Parameters
    ----------
    casts : DataFrame
        cruise, station, time, latitude, longitude.
    parameters : Parameters
    depth_m : float

    Returns
    -------
    float
    """
    points = casts[["cruise", "station", "time", "latitude", "longitude"]].assign(depth_m=depth_m)
    known = truth(points.drop(columns=["cruise", "station"]), nothing_hidden(parameters))["th234_flux_memory"]
    true = truth(points, parameters)["th234_flux_memory"]
    there = true > 0
    return float(1 - np.log(true[there] / known[there]).var() / np.log(true[there]).var())
