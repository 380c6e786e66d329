"""Fluxes of labelled arrays: model output and gridded products, in memory or in Dask blocks."""

import numpy as np
import xarray as xr

from seaofcarbon import thorium
from seaofcarbon.files import UserError
from seaofcarbon.flux.depths import DEEPEST_TARGET_M
from seaofcarbon.flux.samples import MIN_SAMPLES, allowed_range, check_names
from seaofcarbon.vocabulary import LITRES_PER_M3, U238_RELATIONS, UNIT_CONVERSIONS, VARIABLES

_ACTIVITIES = ("th234_total", "th234_total_sigma", "u238", "u238_sigma")
SALINITY_UNITS = ("1", "", "psu", "PSU", "pss", "PSS-78", "1e-3", "0.001", "g kg-1", "g/kg")
_RESULTS = {
    "th234_flux": "{}",
    "th234_flux_sigma": "standard error of {}",
    "th234_flux_sigma_measurement": "standard error of {} from measurement",
    "th234_flux_sigma_common": "standard error of {} from the relation of 238U to salinity",
    "th234_flux_sigma_integration": "standard error of {} from what lies between the samples",
}


def from_dataset(
    ds,
    depths=(100.0,),
    relation="owens2011",
    rule="trapezoid",
    *,
    depth="depth",
    level=None,
    min_samples=MIN_SAMPLES,
):
    """Steady-state 234Th fluxes of profiles on a grid; the same numbers as `fluxes` gives for samples.

    Parameters
    ----------
    ds : Dataset
        th234_total, and u238 or salinity (or both: 238U wins where it is known), on levels and any other dimensions;
        th234_total_sigma and u238_sigma if known. Activities in the unit of their attribute `units`: "dpm L-1",
        "dpm m-3", "Bq m-3", "mBq L-1". Dask arrays stay lazy; blocks have to hold whole profiles, or are joined.
    depths : sequence of float
        Target depths in m.
    relation, rule, min_samples
        As in `fluxes`.
    depth : str
        Coordinate or variable with the depths in m, positive down. It may have other dimensions too, as in models whose
        levels follow the bottom.
    level : str, optional
        Dimension of the levels; that of `depth` if it has only one.

    Returns
    -------
    Dataset, dims (..., target_depth)
        th234_flux, th234_flux_sigma and its parts th234_flux_sigma_measurement, _common and _integration, dpm m-2 d-1;
        reason: why a flux or its sigma is missing, as a flag.

    Raises
    ------
    UserError
        If a variable or its unit is missing, or a name is unknown.

    Examples
    --------
    >>> ds = xr.Dataset(coords={"depth": [0, 50, 100, 150]})
    >>> ds["th234_total"], ds["u238"] = (("depth", [a] * 4, {"units": "dpm L-1"}) for a in (1.9, 2.4))
    >>> from_dataset(ds, [100]).th234_flux.values.round(1)
    array([1438.1])
    """
    targets, level = _check(ds, depths, relation, rule, depth, level)
    ds = ds.chunk({level: -1}) if ds.chunks else ds
    arrays = [_activity(ds, name) for name in _ACTIVITIES] + [ds.get("salinity", xr.DataArray(np.nan))]
    arrays = [a if level in a.dims else a.expand_dims({level: ds.sizes[level]}) for a in (ds[depth], *arrays)]
    names = (*_RESULTS, "reason")
    results = xr.apply_ufunc(
        _block, *arrays, kwargs={"targets": targets, "relation": relation, "rule": rule, "min_samples": min_samples},
        input_core_dims=[[level]] * len(arrays), output_core_dims=[["target_depth"]] * len(names),
        dask="parallelized", output_dtypes=[float] * len(_RESULTS) + [np.int8],
        dask_gufunc_kwargs={"output_sizes": {"target_depth": len(targets)}},
    )  # fmt: skip
    out = xr.Dataset(dict(zip(names, results, strict=True))).assign_coords(target_depth=targets)
    return _described(out, relation, rule)


def _check(ds, depths, relation, rule, depth, level):
    """The target depths and the dimension of the levels, when all that is needed is there."""
    check_names(relation=relation, rule=rule)
    has = set(ds.variables)
    for wanted in ({"th234_total"}, {"u238", "salinity"}, {depth}):
        if not wanted & has:
            raise UserError(f"the dataset has no {' or '.join(sorted(wanted))}: add it, or rename a variable")
    level = level or (ds[depth].dims[0] if ds[depth].ndim == 1 else depth)
    if level not in ds["th234_total"].dims:
        raise UserError(f"th234_total has no dimension {level}: name that of the levels by level=...")
    if ds[depth].attrs.get("positive", "down") != "down" or ds[depth].dtype.kind not in "fiu":
        raise UserError(f"{depth} is no number of metres, positive down: mend it or its attribute positive")
    if "salinity" in ds and ds["salinity"].attrs.get("units", "1") not in SALINITY_UNITS:
        raise UserError(f"salinity has the units {ds['salinity'].attrs['units']!r}: practical salinity has the unit 1")
    if ds[depth].attrs.get("units", "m") not in ("m", "metre", "meter", "metres", "meters") or (ds[depth] < 0).any():
        raise UserError(f"{depth} is negative or not in m: give metres, positive down")
    try:
        targets = np.atleast_1d(np.asarray(depths, dtype=float))
    except (TypeError, ValueError):
        raise UserError(f"target depths {depths!r}: give metres; words are for samples, see `flux.fluxes`") from None
    if not ((targets >= 0) & (targets <= DEEPEST_TARGET_M)).all():
        raise UserError(f"a target depth is not between 0 and {DEEPEST_TARGET_M:.0f}: give metres, positive down")
    return targets, level


def _activity(ds, name):
    """Variable in dpm m-3; NaN if it is not there, so that its sigma or the salinity decides."""
    if name not in ds:
        return xr.DataArray(np.nan)
    unit = ds[name].attrs.get("units", "")
    factor = UNIT_CONVERSIONS["dpm L-1"].get(unit.replace(" L-1", "/L").replace(" m-3", "/m3"))
    if factor is None or "kg" in unit:
        raise UserError(f'{name} has the units {unit!r}: set the attribute units to "dpm L-1" or "dpm m-3"')
    return ds[name] * (factor * LITRES_PER_M3)


def _block(depth, th, th_sigma, u, u_sigma, salinity, *, targets, relation, rule, min_samples):
    """Fluxes of an array of profiles (..., levels): results (..., targets)."""
    arrays = np.broadcast_arrays(depth, th, th_sigma, u, u_sigma, salinity)
    shape, levels = arrays[0].shape[:-1], arrays[0].shape[-1]
    depth, th, th_sigma, u, u_sigma, salinity = (np.asarray(a, dtype=float).ravel() for a in arrays)
    for name, values in zip(
        (*_ACTIVITIES, "salinity", "depth_m"), (th, th_sigma, u, u_sigma, salinity, depth), strict=True
    ):
        low, high, unit = allowed_range(name)
        scale = LITRES_PER_M3 if name in _ACTIVITIES else 1.0
        absurd = values[(values < scale * low) | (values > scale * high)]
        if absurd.size:
            raise UserError(
                f"{name} is {absurd[0] / scale:g}, outside {low:g} to {high:g} {unit}".removesuffix(" 1")
                + ": mend its attribute units, or make what is missing NaN"
            )
    n_casts = int(np.prod(shape))
    cast, known = np.repeat(np.arange(n_casts), levels), np.isfinite(u)
    by_relation = thorium.u238_from_salinity(thorium.fill_gaps(depth, salinity, cast), relation)
    common = np.where(known, 0.0, LITRES_PER_M3 * U238_RELATIONS[relation].sigma_dpm_l)
    found = thorium.steady_state_flux(
        depth, th, np.where(known, u, LITRES_PER_M3 * by_relation), cast, targets, th_sigma=th_sigma,
        u_sigma=np.where(known, u_sigma, 0.0), u_common_sigma=common, rule=rule, n_casts=n_casts,
        min_samples=min_samples,
    )  # fmt: skip
    parts = found.sigma_measurement, found.sigma_common, found.sigma_integration
    sigma = np.sqrt(sum(part**2 for part in parts))
    return tuple(a.reshape(*shape, len(targets)) for a in (found.flux, sigma, *parts, found.reason))


def _described(ds, relation, rule):
    """Attributes that tell what each variable is, and how it was made."""
    quantity = VARIABLES["th234_flux"]
    for name, words in _RESULTS.items():
        ds[name].attrs = {"long_name": words.format(quantity.long_name), "units": quantity.unit}
    ds["th234_flux"].attrs["ancillary_variables"] = "th234_flux_sigma reason"
    meanings = " ".join((word or "good").replace(" ", "_").replace(",", "") for word in thorium.REASONS)
    codes = np.arange(len(thorium.REASONS), dtype=np.int8)
    ds["reason"].attrs = {
        "long_name": "why the flux or its standard error is missing", "flag_values": codes, "flag_meanings": meanings,
    }  # fmt: skip
    ds["target_depth"].attrs = {
        "standard_name": "depth", "long_name": "depth of the flux", "units": "m", "positive": "down",
    }  # fmt: skip
    ds.attrs = {"method": "th234_ss", "integration": rule, "u238_relation": relation}
    return ds
