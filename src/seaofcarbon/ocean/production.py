"""Light and production: the euphotic depth, net primary production, and all covariates on one grid."""

import numpy as np
import xarray as xr

from seaofcarbon.ocean.grids import wrap_grid
from seaofcarbon.ocean.year import day_length, month_day
from seaofcarbon.vocabulary import VARIABLES

CHLOROPHYLL_FLOOR = 0.01  # mg m-3; filled satellite fields fall to 3e-5, which no sensor resolves


def euphotic_depth(chlorophyll, light=0.01):
    """Depth in m that a share `light` of the surface light reaches (Morel & Berthon 1989, as used by VGPM).

    Parameters
    ----------
    chlorophyll : array_like or DataArray
        Surface chlorophyll, mg m-3; values below 0.01 count as 0.01.
    light : {0.01, 0.001}
        The 0.1 % depth is taken as 1.5 times the 1 % depth (constant attenuation: a lower bound).

    Returns
    -------
    ndarray or DataArray
        m.

    Examples
    --------
    >>> float(euphotic_depth(0.1, 0.001) / euphotic_depth(0.1))
    1.5
    """
    if light not in (0.01, 0.001):
        raise ValueError(f"light is {light}, expected 0.01 or 0.001")
    chlorophyll = np.maximum(chlorophyll, CHLOROPHYLL_FLOOR)
    total = xr.where(chlorophyll < 1, 38.0 * chlorophyll**0.425, 40.2 * chlorophyll**0.507)
    deep = 200.0 * total**-0.293
    depth = xr.where(deep <= 102, 568.2 * total**-0.746, deep)
    return depth if light == 0.01 else 1.5 * depth


def _pb_opt(sst, form):
    """Optimal carbon fixation, mg C (mg Chl)-1 h-1, from temperature in degrees Celsius."""
    if form == "eppley":
        return 1.54 * 10 ** (0.0275 * sst - 0.07)
    if form != "vgpm":
        raise ValueError(f"form is {form!r}, expected 'vgpm' or 'eppley'")
    # Behrenfeld & Falkowski (1997), highest power first
    powers = (-3.27e-8, 3.4132e-6, -1.348e-4, 2.462e-3, -2.05e-2, 6.17e-2, 2.749e-1, 1.2956)
    pb = 0.0 * sst
    for coefficient in powers:
        pb = pb * sst + coefficient
    return xr.where(sst < -1, 1.13, xr.where(sst > 28.5, 4.0, pb))


def npp_vgpm(chlorophyll, sst, par, day_length_h, euphotic_depth_m, form="vgpm"):
    """Net primary production, mg C m-2 d-1, by the vertically generalised model of Behrenfeld & Falkowski (1997).

    Parameters
    ----------
    chlorophyll : array_like or DataArray
        Surface chlorophyll, mg m-3, floored at 0.01.
    sst : array_like or DataArray
        Sea surface temperature, degrees Celsius.
    par : array_like or DataArray
        Light at the surface, mol m-2 d-1. Missing light gives 0 in the polar night and NaN elsewhere.
    day_length_h : array_like or DataArray
        Hours.
    euphotic_depth_m : array_like or DataArray
        Depth of 1 % light, m.
    form : {"vgpm", "eppley"}
        Temperature response of the optimal carbon fixation.

    Returns
    -------
    Same kind as the arguments, broadcast.
    """
    par = xr.where(np.isnan(par) & (day_length_h <= 0), 0.0, par)
    light = 0.66125 * par / (par + 4.1)
    chlorophyll = np.maximum(chlorophyll, CHLOROPHYLL_FLOOR)
    return _pb_opt(sst, form) * light * euphotic_depth_m * chlorophyll * day_length_h


def covariates(climatology, chlorophyll, form="vgpm"):
    """All fields that a flux may depend on, on one grid: the climatology, chlorophyll and what follows from them.

    Parameters
    ----------
    climatology : Dataset
        As `catalog.climatology()`: temperature, nitrate (month, depth, lat, lon), salinity (depth, lat, lon), sst,
        mixed_layer_depth, par (month, lat, lon), bottom_depth (lat, lon).
    chlorophyll : DataArray (month or TIME, lat, lon)
        mg m-3 on the same latitudes and longitudes (0 to 360 is wrapped); values on land are ignored.
    form : {"vgpm", "eppley"}
        Form of the production model.

    Returns
    -------
    Dataset
        float32, inside units in `attrs["units"]`; adds chlorophyll, npp, euphotic_depth (1 % light) and
        euphotic_depth_01 (0.1 %).

    Raises
    ------
    ValueError
        If the two grids differ.
    """
    chlorophyll = wrap_grid(chlorophyll).transpose(..., "lat", "lon")
    same = all(
        chlorophyll[d].size == climatology[d].size and np.allclose(chlorophyll[d], climatology[d])
        for d in ("lat", "lon")
    )
    if not same or chlorophyll.shape[0] != 12:
        raise ValueError("chlorophyll is not monthly on the grid of the climatology: regrid it first")
    ds = climatology.astype(np.float32)
    chl = ds["sst"].copy(data=np.maximum(chlorophyll.to_numpy(), CHLOROPHYLL_FLOOR).astype(np.float32))
    ds["chlorophyll"] = chl.where(np.isfinite(ds["sst"]))
    ds["euphotic_depth"] = euphotic_depth(ds["chlorophyll"])
    ds["euphotic_depth_01"] = euphotic_depth(ds["chlorophyll"], 0.001)
    hours = xr.DataArray(day_length(ds["lat"].to_numpy()[None], month_day()[:, None]), dims=("month", "lat"))
    ds["npp"] = npp_vgpm(ds["chlorophyll"], ds["sst"], ds["par"], hours, ds["euphotic_depth"], form)
    for name in ds.data_vars:
        known = VARIABLES[name.removesuffix("_01")]
        field = ds[name] if name in climatology else ds[name].drop_attrs(deep=False)  # not those of what it is made of
        ds[name] = field.astype(np.float32).assign_attrs(units=known.unit, long_name=known.long_name)
    return ds
