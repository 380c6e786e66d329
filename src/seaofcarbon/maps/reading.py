"""What a file of maps holds: the layer at a depth, where it is applicable, and what maps imply of each other."""

from functools import reduce

import numpy as np
import xarray as xr

from seaofcarbon import thorium
from seaofcarbon.files import UserError
from seaofcarbon.maps.grid import APPLICABLE_ATTRS
from seaofcarbon.vocabulary import LAMBDA_TH234_PER_D, LITRES_PER_M3, VARIABLES


def at_depth(ds, depth_m):
    """Layer of a map file at the depth that is shown; the only layer, where the map follows light or mixed layer.

    Parameters
    ----------
    ds : Dataset
        A map file, as `predict_grid` gives it.
    depth_m : float
        m.

    Returns
    -------
    Dataset

    Raises
    ------
    UserError
        When the map has no such depth.
    """
    if "depth_used" in ds:
        return ds.isel(depth=0)
    if not np.isclose(ds["depth"], depth_m).any():
        there = ", ".join(f"{depth:g}" for depth in ds["depth"].to_numpy())
        raise UserError(f"the map has no depth {depth_m:g} m (it has {there}): run 05-maps with -p depth_m={depth_m:g}")
    return ds.sel(depth=depth_m, method="nearest")


def applicable(ds, *targets):
    """Where the models of all the targets may speak, as for a product of two of them.

    Parameters
    ----------
    ds : Dataset
        Map file: `applicable` belongs to the target that has an interval, `applicable_<target>` to each other one.
    *targets : str

    Returns
    -------
    DataArray of int8
        1 inside for all, 0 outside for one or more, -1 no prediction.

    Raises
    ------
    UserError
        When the map does not say it for a target.
    """
    layers = {t: "applicable" if f"{t}_lower" in ds else f"applicable_{t}" for t in targets}
    for target, name in layers.items():
        if name not in ds:
            raise UserError(f"the map does not say where the {target} model is applicable: run 05-maps again")
    long_name = f"inside the area of applicability of the {' and the '.join(targets)} model"
    inside = reduce(np.minimum, [ds[name] for name in layers.values()])
    return inside.rename("applicable").assign_attrs(APPLICABLE_ATTRS | {"long_name": long_name})


def check_interval(ds, target, profile="twin"):
    """Refuse a map file without the interval of a target: only the main target of 05-maps has one.

    Parameters
    ----------
    ds : Dataset
        A map file, as `predict_grid` gives it.
    target : str
        One of `vocabulary.TARGETS`.
    profile : {"twin", "real"}
        For the command that is named.

    Raises
    ------
    UserError
        Naming the command that maps the target.
    """
    if f"{target}_lower" not in ds:
        raise UserError(
            f"the map has no 90 % interval of {target}, which was not the main target of its 05-maps: use `seaofcarbon "
            f"run 05-maps 06-seasons --profile {profile} --name {target} -p target={target}`"
        )


def depth_name(ds, depth_m):
    """Words for the depth that is shown, as "100 m" or "the base of the mixed layer (58 m on average)".

    Parameters
    ----------
    ds : Dataset
        A map file, as `predict_grid` gives it.
    depth_m : float
        m.

    Returns
    -------
    str
    """
    if "depth_used" in ds:
        kind = ds["depth_used"].attrs.get("kind_name", "depth of its own")
        return f"the {kind} ({float(ds['depth'][0]):.0f} m on average)"
    return f"{depth_m:g} m"


def implied_thorium(flux, salinity):
    """Concentration of 234Th that maps of its flux imply: what a layer loses downward is its deficit times lambda.

    Steady state without transport: Th = U - (dP/dz) / lambda, with 238U from salinity (Owens et al. 2011). A flux and a
    concentration that were learnt apart need not agree.

    Parameters
    ----------
    flux : DataArray, dims (..., depth)
        234Th flux, dpm m-2 d-1, at fixed depths (m).
    salinity : DataArray, dims (depth, ...)
        Practical salinity at depths of its own.

    Returns
    -------
    DataArray
        dpm L-1, at the middles of the depths of `flux`.
    """
    step, middle = flux["depth"].diff("depth", label="upper"), flux["depth"].rolling(depth=2).mean().dropna("depth")
    loss = flux.diff("depth", label="upper") / step
    loss = loss.assign_coords(depth=middle.to_numpy())
    uranium = xr.apply_ufunc(thorium.u238_from_salinity, salinity.interp(depth=loss["depth"]))
    implied = uranium - loss / LAMBDA_TH234_PER_D / LITRES_PER_M3
    return implied.rename("th234_total").assign_attrs(units=VARIABLES["th234_total"].unit)
