"""The twin's truth: export of carbon and 234Th, its pulses and anomalies, and the 234Th that it leaves in the water.

Export is known in closed form at any place, day and depth. The balance dTh/dt = lambda (U - Th) - dP/dz is linear, so
with U constant in time its solution is an average over the past: the deficit U - Th is the mean of dP/dz / lambda, and
lambda times the deficit above z is the mean of P(z), both with weights that fade by exp(-lambda t). The mean is taken
day by day; nothing is assumed steady.
"""

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import ndtri

from seaofcarbon import carbon, ocean
from seaofcarbon.thorium import u238_from_salinity
from seaofcarbon.twin.recipe import DEFAULT
from seaofcarbon.twin.sea import covariates
from seaofcarbon.vocabulary import (
    CARBON_G_PER_MOL,
    EARTH_RADIUS_KM,
    LAMBDA_TH234_PER_D,
    LITRES_PER_M3,
    TWIN_LABEL,
    VARIABLES,
)

_ROUNDING_ABOVE = 4  # the 234Th flux rises evenly to about half of Ez, and levels off at Ez
_ROUNDING_BELOW = 8  # and falls as a power of depth from about 1.3 Ez
_STEEPEST = 1 + 1 / _ROUNDING_ABOVE  # gradient at the surface over the mean gradient above Ez
_UMOL_PER_MMOL = 1000.0

TRUTH = (
    "th234_flux", "th234_flux_memory", "th234_total", "u238", "c_th", "poc_flux", "salinity", "bloom_phase_d",
)  # fmt: skip
"""Columns that `truth` adds."""


class Sea(NamedTuple):
    """What export depends on, by month and cell: (12, lat, lon) unless said."""

    th_ez: np.ndarray  # 234Th flux at Ez without anomalies, dpm m-2 d-1, before the largest share is applied
    most: np.ndarray  # largest 234Th flux at Ez that the 238U above can feed, dpm m-2 d-1
    ez: np.ndarray  # depth of 0.1 % light, m
    ratio: np.ndarray  # POC:234Th at 100 m, umol dpm-1
    fold: np.ndarray  # height of a pulse over the calm before it
    unobserved: np.ndarray  # (lat, lon), log10
    salinity: np.ndarray  # (depth, lat, lon)
    levels: np.ndarray  # (depth,), m
    bottom: np.ndarray  # (lat, lon), m


# --- Shapes in depth and time ------------------------------------------------------------------------------


def _shape(x, power):
    """Flux over flux at Ez, at depths x in units of Ez, and its derivative: 0 at the surface, greatest (1) at x = 1."""
    above, below = np.minimum(x, 1.0), np.maximum(x, 1.0)
    p, m = _ROUNDING_ABOVE, _ROUNDING_BELOW
    rise, fade = above**p, below**-m
    down = below**-power * np.exp(power * (1 - fade) / m)
    flux = np.where(x < 1, above * (1 + (1 - rise) / p), down)
    slope = np.where(x < 1, _STEEPEST * (1 - rise), -power * (1 - fade) * down / below)
    return flux, slope


def _limit(flux, most):
    """Bend `flux` so that it never reaches `most`; half of it passes within 2 %."""
    return flux / (1 + (flux / most) ** 4) ** 0.25


def _pulse(day, cycle, fold, p):
    """Days since the nearest pulse, and export over its mean at that time."""
    phase = p.pulse_every_d * ((day / p.pulse_every_d + cycle + 0.5) % 1 - 0.5)
    shape = np.exp(-4 * np.log(2) * (phase / p.pulse_d) ** 2)
    mean = p.pulse_d * np.sqrt(np.pi / np.log(2)) / 2 / p.pulse_every_d
    return phase, (1 + (fold - 1) * shape) / (1 + (fold - 1) * mean)


def _weights(p):
    """Ages in days of the export that makes a profile, and the weight of each: decay of 234Th."""
    ages = np.arange(p.history_d) + 0.5
    weights = np.exp(-LAMBDA_TH234_PER_D * ages)
    return ages, weights / weights.sum()


def _months(day):
    """Weights of the twelve monthly means on each day of the year, shape (n, 12)."""
    return ocean.monthly_to_day(np.eye(12), day)


# --- What the covariates cannot know -------------------------------------------------------------------------


def _hidden_field(lat, lon, length_km, seed):
    """Smooth random field on the sphere: mean 0, sd 1, correlation exp(-(d / length)^2)."""
    rng = np.random.default_rng(seed)
    waves = rng.normal(size=(3, 200)) * np.sqrt(2) * EARTH_RADIUS_KM / length_km
    start = rng.uniform(0, 2 * np.pi, 200)

    def field(lat, lon):
        lat, lon = np.radians(lat), np.radians(lon)
        place = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
        return np.cos(place @ waves + start).sum(axis=-1)

    even = np.arange(2000) + 0.5  # Fibonacci points, evenly spread over the sphere
    known = field(np.degrees(np.arcsin(1 - even / 1000)), even * 222.4922)
    return (field(lat, lon) - known.mean()) / known.std()


def _normal(names, seed):
    """Standard normal numbers that belong to names: the same for a name wherever it is asked for."""
    bits = pd.util.hash_array((str(seed) + "/" + names).to_numpy(dtype=object))
    return ndtri(((bits >> np.uint64(11)).astype(float) + 0.5) / 2**53)


def _anomalies(events, p):
    """Anomalies of export and of POC:234Th (factors) and offset of 238U (dpm L-1) of each event; none without names."""
    if "cruise" not in events:
        return np.ones(len(events)), np.ones(len(events)), np.zeros(len(events))
    cruise, seed = events["cruise"].astype(str), p.cruise_seed
    # a station that is visited again ("12-2") is the same water
    place = cruise + "/" + _station(events).str.replace(r"-\d+$", "", regex=True)
    export = p.campaign_log10_sd * _normal(cruise, seed) + p.station_log10_sd * _normal(place, seed)
    ratio = p.ratio_log10_sd * _normal(place + "/C", seed)
    return 10**export, 10**ratio, p.u238_cast_sd * _normal(place + "/U", seed)


def _station(points):
    return points["station"].astype(str) if "station" in points else pd.Series("", points.index)


# --- The sea ---------------------------------------------------------------------------------------------------


def sea(parameters=DEFAULT):
    """Export and what limits it, by month and cell.

    Parameters
    ----------
    parameters : Parameters

    Returns
    -------
    Sea
    """
    return _sea(replace(parameters, cruise_seed=0))


@lru_cache(maxsize=2)
def _sea(p):
    ds = covariates(p)
    npp, sst, zeu = (ds[name].to_numpy().astype(float) for name in ("npp", "sst", "euphotic_depth"))
    ez = ds["euphotic_depth_01"].to_numpy().astype(float)
    some = np.maximum(npp, 1.0)  # the forms have no value at a production of 0
    forms = carbon.henson2011(sst) * carbon.dunne2005(sst, some, zeu) * carbon.laws2011(sst, some)
    poc = p.export_scale * np.cbrt(forms) * npp / CARBON_G_PER_MOL
    poc = np.maximum(ocean.monthly_to_day(poc, ocean.month_day() - p.export_lag_d), p.export_least)
    ratio = p.ratio_100 * (poc / 3.0) ** p.ratio_flux
    th_ez = _UMOL_PER_MMOL * poc / (ratio * _ratio_shape(ez, p))
    salinity = ds["salinity"].to_numpy()
    u_least = LITRES_PER_M3 * u238_from_salinity(salinity.min(axis=0))
    most = p.largest_share / _STEEPEST * LAMBDA_TH234_PER_D * u_least * ez
    chlorophyll = ds["chlorophyll"].to_numpy()
    bloom = np.clip(chlorophyll / np.median(chlorophyll, axis=0) - 1, 0, 1)
    lat, lon = np.meshgrid(ds["lat"], ds["lon"], indexing="ij")
    hidden = p.unobserved_log10_sd * _hidden_field(lat, lon, p.unobserved_km, [p.sea_seed, 1])
    return Sea(
        th_ez, most, ez, ratio, p.pulse_fold_calm + (p.pulse_fold_bloom - p.pulse_fold_calm) * bloom, hidden,
        salinity, ds["depth"].to_numpy().astype(float), ds["bottom_depth"].to_numpy(),
    )  # fmt: skip


def _ratio_shape(depth, p):
    """POC:234Th at a depth over that at 100 m."""
    return (np.maximum(depth, 10.0) / 100.0) ** -p.ratio_depth


# --- Truth at points -------------------------------------------------------------------------------------------


def truth(points, parameters=DEFAULT):
    """What is true at places, days and depths of the twin ocean.

    Parameters
    ----------
    points : DataFrame
        Columns time (datetime64), latitude, longitude (degrees) and depth_m (m). With the columns cruise and station
        (text) the anomalies of that campaign and station are in; without them there are none.
    parameters : Parameters

    Returns
    -------
    DataFrame, aligned with `points`
        th234_flux (that day, dpm m-2 d-1), th234_flux_memory (mean over the memory of 234Th: lambda times the integral
        of the deficit above), th234_total and u238 (dpm L-1), c_th (umol dpm-1), poc_flux (that day, mmol m-2 d-1),
        salinity, bloom_phase_d (days since the nearest pulse was highest). NaN on land and below the bottom.

    Notes
    -----
    A place has the sea of the nearest cell of the grid, as in `ocean.match`.
    """
    p, s = parameters, sea(parameters)
    keys = [name for name in ("cruise", "station", "time", "latitude", "longitude") if name in points]
    row = points.groupby(keys, dropna=False, sort=False).ngroup().to_numpy()
    events = points.drop_duplicates(keys).reset_index(drop=True)
    ilat, ilon, distance = ocean.nearest_sea_cell(events["latitude"], events["longitude"], covariates(p))
    time = events["time"].to_numpy().astype("datetime64[ns]")
    day = (time - np.datetime64("2000-01-01")) / np.timedelta64(1, "D")
    year_day = np.nan_to_num(ocean.day_of_year(time), nan=1.0)
    cycle = _hidden_field(events["latitude"], events["longitude"], p.pulse_patch_km, [p.sea_seed, 2])
    export, carbon_rich, u_offset = _anomalies(events, p)
    export = export * 10 ** s.unobserved[ilat, ilon]
    depth = points["depth_m"].to_numpy(dtype=float)

    cells = [field[:, ilat, ilon].T for field in (s.th_ez, s.most, s.ez, s.fold)]

    def at(age):
        """Flux at Ez, Ez and days since the pulse of each event, so many days ago."""
        months = _months((year_day - age - 1) % ocean.YEAR_D + 1)
        th, most, ez, fold = (np.einsum("em,em->e", months, field) for field in cells)
        phase, pulse = _pulse(day - age, cycle, fold, p)
        # the day's flux may pass the largest share for a while, never the decay of 238U
        flux = _limit(_limit(th * export, most) * pulse, 1.5 * most)
        return flux, ez, phase

    memory, gradient = np.zeros(len(points)), np.zeros(len(points))
    for age, weight in zip(*_weights(p), strict=True):
        flux, ez, _ = at(age)
        shape, slope = _shape(depth / ez[row], p.attenuation_th)
        memory += weight * flux[row] * shape
        gradient += weight * (flux / ez)[row] * slope
    flux, ez, phase = at(0.0)
    ratio = carbon_rich * np.einsum("em,em->e", _months(year_day), s.ratio[:, ilat, ilon].T)
    salinity = _at_levels(s.salinity[:, ilat, ilon].T[row], s.levels, depth)
    u238 = u238_from_salinity(salinity) + u_offset[row]
    if "cruise" in points:
        sample = points["cruise"].astype(str) + "/" + _station(points) + "/" + points["depth_m"].round(1).astype(str)
        u238 = u238 + p.u238_sample_sd * _normal(sample, p.cruise_seed)
    out = pd.DataFrame(index=points.index)
    out["th234_flux"] = flux[row] * _shape(depth / ez[row], p.attenuation_th)[0]
    out["th234_flux_memory"] = memory
    out["th234_total"] = u238 - gradient / LAMBDA_TH234_PER_D / LITRES_PER_M3
    out["u238"] = u238
    out["c_th"] = ratio[row] * _ratio_shape(depth, p)
    out["poc_flux"] = out["c_th"] * out["th234_flux"] / _UMOL_PER_MMOL
    out["salinity"] = salinity
    out["bloom_phase_d"] = phase[row]
    wet = ~(distance > 300)[row] & (depth >= 0) & (depth <= s.bottom[ilat, ilon][row]) & np.isfinite(day)[row]
    return out.where(pd.Series(wet & np.isfinite(distance)[row], points.index))


def _at_levels(values, levels, depth):
    """Linear in depth between levels, constant below the last; values (n, levels), depth (n,)."""
    below = np.clip(np.searchsorted(levels, depth), 1, len(levels) - 1)
    weight = np.clip((depth - levels[below - 1]) / (levels[below] - levels[below - 1]), 0, 1)
    rows = np.arange(len(depth))
    return values[rows, below - 1] * (1 - weight) + values[rows, below] * weight


# --- Truth as maps ---------------------------------------------------------------------------------------------


def truth_maps(months, depths_m, parameters=DEFAULT):
    """The climatology of the truth: the mean over pulses, without anomalies of campaigns and stations.

    Parameters
    ----------
    months : sequence of int
        1 to 12; values stand for the middle of the month.
    depths_m : sequence of float
        m, positive down.
    parameters : Parameters

    Returns
    -------
    Dataset (month, depth, lat, lon), float32
        th234_flux, poc_flux, c_th, th234_total; NaN on land and below the bottom.
        The attribute `share_cut` is the share of the yearly 234Th flux at Ez that the largest share took away.
    """
    p, s, grid = parameters, sea(parameters), covariates(parameters)
    wanted, full = np.asarray(months) - 1, s.th_ez * 10**s.unobserved
    th_ez = _limit(full, s.most)
    ages, weights = _weights(p)
    past = (ocean.month_day()[:, None] - ages - 1) % ocean.YEAR_D + 1
    memory = np.einsum("a,iam->im", weights, _months(past.ravel()).reshape(*past.shape, 12))[wanted]

    def one(depth):
        shape, slope = _shape(depth / s.ez, p.attenuation_th)
        flux, ratio = (th_ez * shape)[wanted], s.ratio[wanted] * _ratio_shape(depth, p)
        deficit = np.tensordot(memory, th_ez / s.ez * slope, 1) / LAMBDA_TH234_PER_D / LITRES_PER_M3
        level = np.searchsorted(s.levels, depth)
        salinity = s.salinity[0] if level == 0 else _between(s, min(level, len(s.levels) - 1), depth)
        fields = flux, ratio * flux / _UMOL_PER_MMOL, ratio, u238_from_salinity(salinity) - deficit
        return np.where(s.bottom >= depth, np.stack(fields), np.nan).astype(np.float32)

    values = np.stack([one(float(depth)) for depth in depths_m], axis=2)
    ds = xr.Dataset(
        {name: (("month", "depth", "lat", "lon"), field, {"units": VARIABLES[name].unit})
         for name, field in zip(("th234_flux", "poc_flux", "c_th", "th234_total"), values, strict=True)},
        {"month": list(months), "depth": np.asarray(depths_m, float), "lat": grid["lat"], "lon": grid["lon"]},
    )  # fmt: skip
    area = ocean.cell_area(grid["lat"].to_numpy())[:, None]
    cut = 1 - np.nansum(th_ez * area) / np.nansum(full * area)
    return ds.assign_attrs(title=f"{TWIN_LABEL}: truth", share_cut=float(cut))


def _between(s, level, depth):
    """Salinity of all cells at a depth above `levels[level]`."""
    weight = min((depth - s.levels[level - 1]) / (s.levels[level] - s.levels[level - 1]), 1.0)
    return s.salinity[level - 1] * (1 - weight) + s.salinity[level] * weight
