"""The twin's sea: real climatology without holes, and chlorophyll from nitrate, light and the mixed layer."""

from functools import lru_cache

import numpy as np
import xarray as xr
from scipy.ndimage import distance_transform_edt, gaussian_filter, median_filter

from seaofcarbon import catalog, ocean
from seaofcarbon.twin.recipe import DEFAULT, Parameters
from seaofcarbon.vocabulary import TWIN_LABEL

_SOLAR_CONSTANT = 1361.0  # W m-2 (Kopp & Lean 2011)
_PAR_SHARE = 0.43  # share of PAR in sunlight at the top of the atmosphere
_MOL_PER_MJ = 4.57  # photons in a megajoule of PAR (McCree 1972)

_DECIDE = (
    "polar_transmission", "attenuation_per_m", "light_half", "under_ice", "nitrate_half", "nitrate_hill",
    "nitrate_from_below", "iron_half", "iron_power", "dust", "shelf", "chlorophyll_most", "chlorophyll_least",
    "shoaling", "acclimation",
)  # fmt: skip
"""Parameters that decide the fields: others change without making them again."""


def covariates(parameters=DEFAULT):
    """Fields of the sea that a model may see: real climatology, the twin's chlorophyll and its NPP by VGPM.

    Parameters
    ----------
    parameters : Parameters

    Returns
    -------
    Dataset (month, depth, lat, lon)
        As `ocean.covariates`. No value at the surface of the sea is missing; below the bottom there is no sea.
    """
    return _covariates(Parameters(**{name: getattr(parameters, name) for name in _DECIDE})).copy()


@lru_cache(maxsize=2)
def _covariates(parameters):
    climatology = _complete(catalog.climatology(), parameters)
    ds = ocean.covariates(climatology, _chlorophyll(climatology, parameters))
    return ds.assign_attrs(
        title=f"{TWIN_LABEL}: monthly fields of the sea",
        summary="Real climatology of temperature, nitrate, salinity, light and mixed layer; chlorophyll from a model "
        "of nutrients, light and the mixed layer; net primary production by VGPM.",
    )


def _around(field, filtered, *args, **kwargs):
    """Apply a filter of (lat, lon) arrays across the date line."""
    pad = 60
    return filtered(np.concatenate([field[..., -pad:], field, field[..., :pad]], -1), *args, **kwargs)[..., pad:-pad]


def _fill(field):
    """Give each missing cell the value of the nearest one, level by level; the last two axes are (lat, lon)."""

    def nearest(level):
        where = distance_transform_edt(np.isnan(level), return_distances=False, return_indices=True)
        return level[tuple(where)]

    levels = field.reshape(-1, *field.shape[-2:])
    return np.stack([_around(level, nearest) for level in levels]).reshape(field.shape)


def _smooth(field, sea, cells=1.2):
    """Smooth monthly maps over neighbouring cells of sea and months: the climatology is noisy near coasts."""
    weight = np.maximum(_around(sea.astype(float), gaussian_filter, cells), 1e-6)
    maps = np.stack([_around(np.where(sea, m, 0.0), gaussian_filter, cells) for m in field]) / weight
    return maps / 2 + np.roll(maps, 1, axis=0) / 4 + np.roll(maps, -1, axis=0) / 4


def _light_above(lat):
    """PAR at the top of the atmosphere in the middle of each month, mol m-2 d-1, shape (12, n)."""
    day = ocean.month_day()[:, None]
    dec, phi = np.radians(ocean.declination(day)), np.radians(lat)[None]
    half_day = np.pi * ocean.day_length(lat[None], day) / 24
    sun = half_day * np.sin(phi) * np.sin(dec) + np.cos(phi) * np.cos(dec) * np.sin(half_day)
    return _SOLAR_CONSTANT / np.pi * sun * 0.0864 * _PAR_SHARE * _MOL_PER_MJ


def _complete(climatology, parameters):
    """Fill what the climatology lacks at sea: light near ice, mixed layer near coasts, salinity."""
    ds = climatology.copy()
    sea = np.isfinite(ds["sst"].isel(month=0, drop=True))
    clear = xr.DataArray(_light_above(ds["lat"].to_numpy()), dims=("month", "lat"))
    ds["par"] = ds["par"].fillna(parameters.polar_transmission * clear).transpose(*ds["par"].dims).where(sea)
    layer = median_filter(_fill(ds["mixed_layer_depth"].to_numpy()), size=(1, 3, 3), mode="nearest")
    ds["mixed_layer_depth"] = ds["mixed_layer_depth"].copy(data=layer).where(sea)
    ds["salinity"] = ds["salinity"].copy(data=_fill(ds["salinity"].to_numpy())).where(sea)
    return ds


def _chlorophyll(ds, p):
    """Surface chlorophyll, mg m-3: limited by light, nitrate and iron, raised on shelves and by a shoaling layer."""
    sea = np.isfinite(ds["sst"]).all("month").to_numpy()
    nitrate = _smooth(_fill(ds["nitrate"].sel(depth=0).to_numpy()), sea)
    below = _smooth(_fill(ds["nitrate"].sel(depth=100).to_numpy()), sea)
    layer = np.exp(_smooth(np.log(np.maximum(ds["mixed_layer_depth"].to_numpy(), 10.0)), sea))

    optical = p.attenuation_per_m * np.maximum(layer, 15.0)
    thaw = np.clip(1 + ds["sst"].to_numpy() / 1.8, p.under_ice, 1)  # the sea freezes at -1.8 degrees Celsius
    light = ds["par"].to_numpy() * thaw * (1 - np.exp(-optical)) / optical
    lit = 1 - np.exp(-light / p.light_half)

    supply = (nitrate + p.nitrate_from_below * np.minimum(below, 20.0)) ** p.nitrate_hill
    fed = supply / (supply + p.nitrate_half**p.nitrate_hill)

    shallow = ~sea | (ds["bottom_depth"].to_numpy() < 500)
    shelf = np.clip(1.2 * _around(shallow.astype(float), gaussian_filter, 1.5), 0, 1)
    land = _around((~sea).astype(float), gaussian_filter, (9, 12), mode=("nearest", "wrap"))
    land[ds["lat"].to_numpy() < -55] = 0  # ice gives no dust
    unused = nitrate.min(axis=0) * (1 - np.clip(shelf + p.dust * land, 0, 1))
    iron = (1 + unused / p.iron_half) ** -p.iron_power

    shoaling = np.log(np.roll(layer, 1, axis=0) / np.roll(layer, -1, axis=0)) / 2
    growing = np.exp(p.shoaling * np.clip(shoaling, -1, 1)) * np.clip(light, 0, 1) ** 0.3
    pigment = 0.6 + p.acclimation * np.exp(-light / 12.0)
    stock = p.chlorophyll_least + p.chlorophyll_most * lit * thaw * fed * iron * (1 + p.shelf * shelf)
    return ds["sst"].copy(data=stock * pigment * growing + ocean.CHLOROPHYLL_FLOOR).where(sea)
