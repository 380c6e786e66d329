"""The sea beside each point: nearest sea cell, linear in depth and in time, from months or real years."""

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon.ocean.grids import blend, level_weights, on_grid
from seaofcarbon.ocean.year import day_of_year, month_weights
from seaofcarbon.vocabulary import COVARIATES, EARTH_RADIUS_KM, MAX_DEPTH_M, VARIABLES


def _refuse_year_field(name, field, climatology):
    """Raise ValueError where a field of real years cannot stand for one of the climatology."""
    if name not in climatology or set(climatology[name].dims) != {"month", "lat", "lon"}:
        raise ValueError(f"{name} is no field (month, lat, lon) of the climatology: nothing to replace")
    if set(field.dims) != {"time", "lat", "lon"} or field["time"].dtype.kind != "M":
        raise ValueError(f"{name} needs the dimensions time (datetime64), lat and lon; it has {field.dims}")
    unit = VARIABLES[name].unit if name in VARIABLES else climatology[name].attrs.get("units")
    if climatology[name].attrs.get("units", unit) != unit:
        raise ValueError(f"{name} of the climatology is not in {unit}: open it with `files.read_netcdf`")
    if field.attrs.get("units", unit) != unit:
        raise ValueError(f"{name} is in {field.attrs['units']}: convert it to {unit}, and say so in attrs['units']")


def year_matched(climatology, fields, fall_back=False):
    """The climatology with some of its fields replaced by those of real years, for `match`.

    Parameters
    ----------
    climatology : Dataset
        As from `covariates`.
    fields : Dataset or DataArray
        Fields (time, lat, lon) named as those they replace (as `satellite.read_npp` gives), in units inside, on any
        regular grid. `attrs["step_d"]` of a field, if given, is the length of its time steps in days.
    fall_back : bool
        Where and when there is no value of the year, `match` gives the climatological one and says so in the column
        NAME_is_climatology. By default such a row is missing, with its reason.

    Returns
    -------
    Dataset
        On the grid of the climatology; with `fall_back` the old fields are kept as NAME_climatology. What was
        computed from a replaced field (npp and euphotic_depth from chlorophyll) stays climatological.

    Raises
    ------
    ValueError
        If a field has no counterpart, other dimensions or another unit.
    """
    fields = fields.to_dataset() if isinstance(fields, xr.DataArray) else fields
    out = climatology
    for name, field in fields.data_vars.items():
        _refuse_year_field(name, field, climatology)
        new = on_grid(field.sortby("time"), climatology["lat"], climatology["lon"])
        usual = {f"{name}_climatology": climatology[name]} if fall_back else {}
        # records of different fields may have different times: the outer join loses none
        kept = out.drop_vars(name).assign(usual)
        out = xr.merge([kept, new.rename(name)], join="outer", compat="no_conflicts", combine_attrs="override")
    return out


def unit_vectors(lat, lon):
    """Points on the sphere of radius 1, shape (..., 3), from degrees."""
    lat, lon = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def nearest_sea_cell(lat, lon, covariates):
    """The nearest sea cell of a grid, measured on the sphere, so that neither the date line nor a pole is in the way.

    Parameters
    ----------
    lat, lon : array_like (n,)
        Degrees; longitudes in any convention.
    covariates : Dataset
        With sst (month or time, lat, lon), NaN on land.

    Returns
    -------
    ilat, ilon : ndarray of int (n,)
        Indices of the cell; 0 where a position is missing.
    distance_km : ndarray (n,)
        From the point to the centre of the cell; NaN where a position is missing.
    """
    from scipy.spatial import cKDTree

    lat, lon = np.atleast_1d(np.asarray(lat, dtype=float)), np.atleast_1d(np.asarray(lon, dtype=float))
    seen = np.isfinite(covariates["sst"])
    seen = seen.any([d for d in seen.dims if d not in ("lat", "lon")])
    sea_lat, sea_lon = np.nonzero(seen.transpose("lat", "lon").to_numpy())
    tree = cKDTree(unit_vectors(covariates["lat"].to_numpy()[sea_lat], covariates["lon"].to_numpy()[sea_lon]))
    known = np.isfinite(lat) & np.isfinite(lon)
    chord, cell = tree.query(unit_vectors(np.where(known, lat, 0), np.where(known, lon, 0)))
    distance = 2 * EARTH_RADIUS_KM * np.arcsin(np.clip(chord / 2, 0, 1))
    return np.where(known, sea_lat[cell], 0), np.where(known, sea_lon[cell], 0), np.where(known, distance, np.nan)


def _picker(field, dim, ilat, ilon, above, depth_weight):
    """A function of the steps along `dim` that gives a field at n places, linear in depth where it has levels."""
    order = [d for d in (dim, "depth") if d in field.dims]
    values = field.transpose(*order, "lat", "lon").to_numpy()

    def pick(step):
        at = [step] if dim in order else []
        if "depth" not in order:
            return values[(*at, ilat, ilon)]
        upper, lower = values[(*at, above, ilat, ilon)], values[(*at, above + 1, ilat, ilon)]
        return blend(upper, lower, depth_weight)

    return pick


def _match_one(field, months, *place):
    """One field at n places: linear in time (cyclic) where it has months and in depth where it has levels."""
    pick = _picker(field, "month", *place)
    before, after, weight = months
    return pick(before) * (1 - weight) + pick(after) * weight if "month" in field.dims else pick(before)


def _step_d(field, days):
    """Length of a record's time steps in days: as the field says, else the longest one that is no gap."""
    if "step_d" in field.attrs:
        return float(field.attrs["step_d"])
    if days.size < 2:
        raise ValueError(f"{field.name} has one time step: say in attrs['step_d'] how many days it stands for")
    steps = np.diff(days)
    return steps[steps <= 1.5 * np.median(steps)].max()


def _record_days(field):
    """The times of a field in days since its first, refused where they are none or do not rise."""
    times = field["time"].to_numpy()
    if times.dtype.kind != "M":
        raise ValueError(f"the times of {field.name} are {times.dtype}, expected datetime64: decode them first")
    days = (times - times[:1]) / np.timedelta64(1, "D")
    if not (np.diff(days) > 0).all():
        raise ValueError(f"the times of {field.name} do not rise: sort them, each once")
    return days


def _match_record(field, time, *place):
    """One field of real years at n places: linear in time between two steps of its own, never around the year.

    Where one of the two is missing, the other counts up to half a step from it; so do the ends of the record and the
    edges of a gap.

    Parameters
    ----------
    field : DataArray (time, [depth,] lat, lon)
    time : ndarray of datetime64 (n,)

    Returns
    -------
    found : ndarray (n,)
        NaN where there is none.
    reason : ndarray of str (n,)
        Why it is NaN, in brackets.
    """
    # fields in one Dataset share the axis of all: the steps of another field are no steps of this one
    field = field.dropna("time", how="all")
    if not field.sizes["time"]:
        return np.full(time.shape, np.nan, np.float32), np.full(time.shape, " (no value at any time)")
    days, first = _record_days(field), field["time"].to_numpy()[0]
    step, at = _step_d(field, days), (time - first) / np.timedelta64(1, "D")
    after = np.searchsorted(days, at, side="right")
    before, after = np.maximum(after - 1, 0), np.minimum(after, days.size - 1)
    pick = _picker(field, "time", *place)
    left, right = pick(before), pick(after)
    gap = days[after] - days[before]
    weight = np.divide(at - days[before], gap, out=np.zeros_like(at), where=gap > 0).astype(np.float32)
    neighbours = (gap > 0) & (gap <= 1.5 * step) & np.isfinite(left) & np.isfinite(right)
    half = step / 2 + 1e-6  # a tenth of a second for rounding
    left = np.where(np.abs(at - days[before]) <= half, left, np.nan)
    nearest = np.where(np.isnan(left), np.where(np.abs(days[after] - at) <= half, right, np.nan), left)
    found = np.where(neighbours, pick(before) * (1 - weight) + right * weight, nearest)
    ends = " to ".join(np.datetime_as_string(field["time"].to_numpy()[[0, -1]], unit="D"))
    outside = (at < -half) | (at > days[-1] + half)
    return found, np.where(outside, f" (outside the record {ends})", " (missing at that time)")


def match(points, covariates, max_distance_km=300.0, names=COVARIATES):
    """Put the fields of the sea beside each point: nearest sea cell, linear in depth and in time.

    Fields with months are cyclic in time; those with `time` are records of real years, which begin and end.

    Parameters
    ----------
    points : DataFrame
        Columns time (datetime64), latitude, longitude (degrees), depth_m (m). Fields with depth are taken at the
        point's depth, others as they are.
    covariates : Dataset
        As from `covariates` or `year_matched`, or any with the same names and with sst: fields (month or time, depth,
        lat, lon), each dimension but the last two only where it is needed.
    max_distance_km : float
        A point further than this from the centre of any sea cell is on land.
    names : sequence of str
        Fields that are wanted.

    Returns
    -------
    DataFrame
        `points` with one column for each of `names`, covariate_distance_km and covariate_reason:
        "" where every covariate was found, else "land", "below 250 m" or "no covariate: NAME, ..."; after the name of
        a field of real years stands "(outside the record FIRST to LAST)" or "(missing at that time)". A missing value
        never comes without a reason. On land nothing is filled in; below 250 m what the grid still knows is. Where
        `covariates` has NAME_climatology too, it fills the gaps of NAME and the column NAME_is_climatology says where.
    """
    out = points.copy()
    latitude = out["latitude"].where(out["latitude"].abs() <= 90)  # beyond the pole is nowhere, not the other side
    known = np.isfinite(latitude) & np.isfinite(out["longitude"])
    ilat, ilon, distance = nearest_sea_cell(latitude, out["longitude"], covariates)
    day = day_of_year(out["time"])
    before, after, weight = month_weights(np.where(np.isnan(day), 1, day))
    months = before, after, np.where(np.isnan(day), np.nan, weight).astype(np.float32)
    levels = covariates["depth"].to_numpy().astype(float) if "depth" in covariates else np.array([0.0, MAX_DEPTH_M])
    above, depth_weight = level_weights(levels, out["depth_m"])
    place = ilat, ilon, above, depth_weight.astype(np.float32)
    time = out["time"].to_numpy().astype("datetime64[ns]")
    land = ~(distance <= max_distance_km)
    missing = pd.Series("", index=out.index, dtype=str)
    for name in names:
        in_years = "time" in covariates[name].dims
        found, why = _match_record(covariates[name], time, *place) if in_years else (
            _match_one(covariates[name], months, *place), "")  # fmt: skip
        if f"{name}_climatology" in covariates:
            usual = _match_one(covariates[f"{name}_climatology"], months, *place)
            out[f"{name}_is_climatology"] = np.isnan(found) & np.isfinite(usual) & ~land
            found = np.where(np.isnan(found), usual, found)
        found = np.where(land, np.nan, found).astype(np.float32)
        out[name] = found
        missing = missing + np.where(np.isnan(found), np.char.add(f", {name}", why), "")
    out["covariate_distance_km"] = distance
    reason = ("no covariate: " + missing.str.removeprefix(", ")).where(missing != "", "")
    reason = reason.where(~np.isnan(day), "no covariate: time").where(known, "no covariate: position")
    reason = reason.where(np.isfinite(out["depth_m"]), "no covariate: depth_m")
    reason = reason.mask(out["depth_m"] > MAX_DEPTH_M, f"below {MAX_DEPTH_M:.0f} m").mask(known & land, "land")
    out["covariate_reason"] = reason
    return out
