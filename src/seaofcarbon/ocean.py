"""The sea at a place and time: light, production, seasons, blooms, and the match-up of points with gridded fields.

Grids have the dimensions `month` (1..12), `depth` (m, positive down), `lat` and `lon` ([-180, 180)); land is NaN.
Monthly means stand in the middle of their month, and time is cyclic: from mid-December one goes on to mid-January.
A field of real years has `time` (datetime64) instead of `month`: its record begins and ends, and nothing is cyclic.
"""

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon.vocabulary import COVARIATES, EARTH_RADIUS_KM, MAX_DEPTH_M, VARIABLES

YEAR_D = 365.25
_MONTH_LENGTHS_D = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
CHLOROPHYLL_FLOOR = 0.01  # mg m-3; filled satellite fields fall to 3e-5, which no sensor resolves
SEASONS = ("winter", "spring", "summer", "autumn")
BASINS = (
    "Arctic", "North Atlantic", "South Atlantic", "North Pacific", "South Pacific", "Indian", "Southern Ocean",
    "Mediterranean",
)  # fmt: skip


# --- Time and light ------------------------------------------------------------------------------------


def month_day():
    """Day of the year in the middle of each month.

    Returns
    -------
    ndarray (12,)
        Days, 1.0 being the first of January at 0 h.

    Examples
    --------
    >>> month_day()[:2]
    array([16.5  , 46.125])
    """
    return 1 + np.cumsum(_MONTH_LENGTHS_D) - _MONTH_LENGTHS_D / 2


def day_of_year(time):
    """Day of the year with its fraction: 1.0 on the first of January at 0 h, NaN where time is missing.

    Parameters
    ----------
    time : array_like of datetime64 (n,)

    Returns
    -------
    ndarray of float (n,)
    """
    time = np.asarray(time, dtype="datetime64[ns]")
    days = 1 + (time - time.astype("datetime64[Y]")) / np.timedelta64(1, "D")
    return np.where(np.isnat(time), np.nan, days)


def declination(day):
    """Declination of the sun in degrees, from the Fourier series of Spencer (1971).

    Parameters
    ----------
    day : array_like
        Day of the year.
    """
    g = 2 * np.pi * (np.asarray(day, dtype=float) - 1) / 365
    return np.degrees(
        0.006918 - 0.399912 * np.cos(g) + 0.070257 * np.sin(g) - 0.006758 * np.cos(2 * g) + 0.000907 * np.sin(2 * g)
        - 0.002697 * np.cos(3 * g) + 0.00148 * np.sin(3 * g)
    )  # fmt: skip


def day_length(latitude, day):
    """Hours between sunrise and sunset: 0 in the polar night, 24 in the polar day.

    Parameters
    ----------
    latitude : array_like
        Degrees north.
    day : array_like
        Day of the year; broadcasts with `latitude`.

    Examples
    --------
    >>> float(day_length(0.0, 100))
    12.0
    """
    tangents = np.tan(np.radians(latitude)) * np.tan(np.radians(declination(day)))
    return 24 / np.pi * np.arccos(np.clip(-tangents, -1, 1))


def _month_weights(day):
    """Indices of the months before and after each day, and the weight of the one after."""
    middle = month_day()
    day = (np.asarray(day, dtype=float) - 1) % YEAR_D + 1
    after = np.searchsorted(middle, day, side="right")
    edges = np.concatenate([[middle[-1] - YEAR_D], middle, [middle[0] + YEAR_D]])
    weight = (day - edges[after]) / (edges[after + 1] - edges[after]) if np.size(day) else day
    return (after - 1) % 12, after % 12, weight


def monthly_to_day(monthly, day):
    """Monthly means to days of the year: linear between the middles of the months, cyclic over the year end.

    Parameters
    ----------
    monthly : array_like (12, ...) or DataArray with the dimension month
    day : array_like (n,) or scalar
        Day of the year, 1 to 366.

    Returns
    -------
    ndarray (n, ...) or DataArray with the dimension `day` in place of month

    Examples
    --------
    >>> float(monthly_to_day(range(12), 1.0).round(2))
    5.5
    """
    if isinstance(monthly, xr.DataArray):
        day = np.atleast_1d(day)
        values = monthly_to_day(monthly.transpose("month", ...).to_numpy(), day)
        rest = [d for d in monthly.dims if d != "month"]
        coords = {name: c for name, c in monthly.coords.items() if "month" not in c.dims}
        return xr.DataArray(values, {**coords, "day": day}, ("day", *rest), monthly.name, monthly.attrs)
    monthly = np.asarray(monthly)
    before, after, weight = _month_weights(day)
    weight = weight.reshape(weight.shape + (1,) * (monthly.ndim - 1)).astype(np.result_type(monthly, np.float32))
    return monthly[before] * (1 - weight) + monthly[after] * weight


def season_of(month, lat):
    """Season by hemisphere: 0 winter (December to February in the north), 1 spring, 2 summer, 3 autumn.

    South of the equator the year is shifted by half. Names are in `SEASONS`.

    Parameters
    ----------
    month : array_like of int
        1 to 12; broadcasts with `lat`.
    lat : array_like
        Degrees north.

    Examples
    --------
    >>> SEASONS[season_of(1, -40.0)]
    'summer'
    """
    return (np.asarray(month) % 12 // 3 + 2 * (np.asarray(lat) < 0)) % 4


# --- Production ----------------------------------------------------------------------------------------


def euphotic_depth(chlorophyll, light=0.01):
    """Depth in m that a share `light` of the surface light reaches (Morel & Berthon 1989, as used by VGPM).

    Parameters
    ----------
    chlorophyll : array_like or DataArray
        Surface chlorophyll, mg m-3; values below 0.01 count as 0.01.
    light : {0.01, 0.001}
        The 0.1 % depth is taken as 1.5 times the 1 % depth (constant attenuation: a lower bound).
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


# --- Grids -----------------------------------------------------------------------------------------------


def wrap(longitude):
    """Longitude in [-180, 180), whatever came in.

    Examples
    --------
    >>> wrap(np.array([359.5, 180.0, -181.0]))
    array([  -0.5, -180. ,  179. ])
    """
    return longitude - 360.0 * np.floor((longitude + 180.0) / 360.0)  # exact for what is inside already


def wrap_grid(field):
    """The same field with `lon` in [-180, 180), in rising order."""
    return field.assign_coords(lon=wrap(field["lon"].astype(float))).sortby("lon")


def cell_area(lat, step=1.0):
    """Area in m2 of grid cells of `step` degrees centred at `lat`.

    Examples
    --------
    >>> float(cell_area(0.5).round(-7))
    12360000000.0
    """
    north, south = np.radians(lat + step / 2), np.radians(lat - step / 2)
    return (1000 * EARTH_RADIUS_KM) ** 2 * np.radians(step) * (np.sin(north) - np.sin(south))


def _spacing(axis, name):
    """Degrees from one cell to the next; the axis may run either way and leap from 180 to -180."""
    steps = wrap(np.diff(axis))
    # coordinates of published files are rounded to three decimals: 0.083 and 0.084 are one grid
    if axis.size < 2 or not np.allclose(steps, steps.mean(), rtol=0.02, atol=0) or steps.mean() == 0:
        raise ValueError(f"{name} is not a regular axis of two cells or more: regrid it first")
    return abs(steps.mean())


def _overlaps(source, target, name):
    """Share of each target cell that each source cell covers; of coarser source cells, the nearest one whole.

    Parameters
    ----------
    source, target : ndarray (m,), (n,)
        Centres of cells, degrees.
    name : {"lat", "lon"}

    Returns
    -------
    scipy.sparse.csr_array (n, m)
    """
    from scipy.sparse import csr_array

    step, wanted = _spacing(source, name), _spacing(target, name)
    away = source[None] - target[:, None]
    away = wrap(away) if name == "lon" else away
    if step > wanted * 1.02:
        nearest = np.abs(away).argmin(axis=1)[:, None] == np.arange(source.size)
        return csr_array(nearest & (np.abs(away) <= step / 2 * 1.0001), dtype=float)
    low, high = np.maximum(away - step / 2, -wanted / 2), np.minimum(away + step / 2, wanted / 2)
    if name == "lat":  # area goes with the sine of latitude
        low, high = (np.sin(np.radians(np.clip(edge + target[:, None], -90, 90))) for edge in (low, high))
    share = np.maximum(high - low, 0)
    whole = share.max(axis=1, keepdims=True)
    return csr_array(np.where(share > 1e-3 * whole, share, 0))  # no slivers from rounded coordinates


def on_grid(field, lat, lon):
    """A field on another regular grid: area mean of finer cells (missing ones left out), nearest of coarser cells.

    Parameters
    ----------
    field : DataArray (lat, lon) or (time, lat, lon)
        Longitudes in any convention, latitudes in either order; need not cover the globe.
    lat, lon : ndarray (n,), (m,)
        Centres of the cells that are wanted, degrees.

    Returns
    -------
    DataArray (lat, lon) or (time, lat, lon)
        float32; NaN where the field has no value in a cell. Time steps are read one by one, so that a record that
        lies on disk need not fit into memory.

    Raises
    ------
    ValueError
        If an axis is not regular.
    """
    lat, lon = np.asarray(lat, dtype=float), np.asarray(lon, dtype=float)
    rows = _overlaps(field["lat"].to_numpy().astype(float), lat, "lat")
    columns = _overlaps(field["lon"].to_numpy().astype(float), lon, "lon").T

    def mean(values):
        seen = np.isfinite(values)
        weight = rows @ seen.astype(float) @ columns
        total = rows @ np.where(seen, values, 0).astype(float) @ columns
        return np.divide(total, weight, out=np.full(weight.shape, np.nan), where=weight > 0).astype(np.float32)

    field = field.transpose(..., "lat", "lon")
    grid = {"lat": lat, "lon": lon}
    if "time" not in field.dims:
        return xr.DataArray(mean(field.to_numpy()), grid, ("lat", "lon"), field.name, field.attrs)
    values = np.empty((field.sizes["time"], lat.size, lon.size), np.float32)
    for k in range(len(values)):
        values[k] = mean(field.isel(time=k).to_numpy())
    return xr.DataArray(values, {"time": field["time"], **grid}, ("time", "lat", "lon"), field.name, field.attrs)


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
        ds[name] = ds[name].astype(np.float32).assign_attrs(units=known.unit, long_name=known.long_name)
    return ds


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


def _level_weights(levels, depth):
    """Index of the level above each depth and the weight of the one below; NaN weight outside the levels."""
    depth = np.asarray(depth, dtype=float)
    above = np.clip(np.searchsorted(levels, depth, side="right") - 1, 0, len(levels) - 2)
    weight = (depth - levels[above]) / (levels[above + 1] - levels[above])
    return above, np.where((depth >= levels[0]) & (depth <= levels[-1]), weight, np.nan)


def _blend(upper, lower, weight):
    """Linear between two values; a value of weight 0 may be missing (bottom of a shallow cell)."""
    blended = upper * (1 - weight) + lower * weight
    return np.where(weight == 0, upper, np.where(weight == 1, lower, blended))


def at_depth(covariates, name, depth_m):
    """A field at a depth, linear between the levels and NaN outside them.

    Parameters
    ----------
    covariates : Dataset
    name : str
        Variable; one without a depth dimension comes back as it is.
    depth_m : float, 1-d array_like or DataArray
        m, positive down. An array adds the dimension depth in its place; a DataArray (such as the euphotic depth by
        month, lat, lon) gives each cell its own depth.

    Returns
    -------
    DataArray
    """
    field = covariates[name]
    if "depth" not in field.dims:
        return field
    levels = field["depth"].to_numpy().astype(float)
    if isinstance(depth_m, xr.DataArray):
        rest = [d for d in field.dims if d != "depth"]
        outer = field.isel(depth=0, drop=True).broadcast_like(depth_m)
        depth = depth_m.broadcast_like(outer).transpose(*outer.dims)
        values = field.broadcast_like(outer).transpose("depth", *outer.dims).to_numpy()
        above, weight = _level_weights(levels, depth.to_numpy())
        take = [np.take_along_axis(values, i[None], axis=0)[0] for i in (above, above + 1)]
        result = outer.copy(data=_blend(*take, weight.astype(values.dtype)))
        return result.transpose(*[d for d in outer.dims if d not in rest], *rest).assign_attrs(field.attrs)
    above, weight = _level_weights(levels, np.atleast_1d(depth_m))
    upper, lower = field.isel(depth=above), field.isel(depth=above + 1)
    shape = [-1 if d == "depth" else 1 for d in field.dims]
    weight = weight.reshape(shape).astype(field.dtype)
    result = upper.copy(data=_blend(upper.to_numpy(), lower.to_numpy(), weight))
    result = result.assign_coords(depth=np.atleast_1d(np.asarray(depth_m, dtype=float)))
    return result if np.ndim(depth_m) else result.isel(depth=0)


def _unit_vectors(lat, lon):
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
    tree = cKDTree(_unit_vectors(covariates["lat"].to_numpy()[sea_lat], covariates["lon"].to_numpy()[sea_lon]))
    known = np.isfinite(lat) & np.isfinite(lon)
    chord, cell = tree.query(_unit_vectors(np.where(known, lat, 0), np.where(known, lon, 0)))
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
        return _blend(upper, lower, depth_weight)

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
    before, after, weight = _month_weights(np.where(np.isnan(day), 1, day))
    months = before, after, np.where(np.isnan(day), np.nan, weight).astype(np.float32)
    levels = covariates["depth"].to_numpy().astype(float) if "depth" in covariates else np.array([0.0, MAX_DEPTH_M])
    above, depth_weight = _level_weights(levels, out["depth_m"])
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


# --- Blooms and basins -----------------------------------------------------------------------------------


def observable(lat):
    """Months in which a satellite can see chlorophyll: the noon sun at least 15 degrees high.

    Filled products invent a value for the polar night; it must not count in a median.

    Parameters
    ----------
    lat : array_like (n,)
        Degrees north.

    Returns
    -------
    ndarray of bool (12, n)
    """
    return np.abs(np.asarray(lat)[None] - declination(month_day())[:, None]) <= 75


def _longest_run(flags):
    """Start and length of the longest cyclic run of True along the months (first axis); the earliest if equal."""
    length = np.zeros(flags.shape, dtype=int)  # length of the run that starts in each month
    for step in range(2 * len(flags) - 1, -1, -1):
        month = step % 12
        length[month] = np.where(flags[month], np.minimum(length[(month + 1) % 12] + 1, 12), 0)
    return length.argmax(axis=0), length.max(axis=0)


def bloom(chlorophyll, threshold=1.05, min_amplitude=1.5, observed=None):
    """Bloom months of each cell: chlorophyll above its annual median, longest unbroken run, cyclic in the year.

    Parameters
    ----------
    chlorophyll : DataArray (month, lat, lon)
        mg m-3, NaN on land.
    threshold : float
        In bloom where chlorophyll exceeds this many annual medians.
    min_amplitude : float
        A cell whose yearly maximum is below this many medians has no bloom.
    observed : DataArray of bool (month, lat[, lon]), optional
        Months that count; default: those with enough sun (`observable`). A month that is not observed ends a run.

    Returns
    -------
    Dataset
        in_bloom (month, lat, lon) bool; bloom_class (0 no bloom, 1 bloom, NaN on land), onset, peak, end (months 1 to
        12, NaN without a bloom) and amplitude (maximum over median).

    Notes
    -----
    In the gyres the cycle of chlorophyll is photo-acclimation more than growth.
    """
    chlorophyll = chlorophyll.transpose("month", "lat", "lon")
    if observed is None:
        observed = xr.DataArray(observable(chlorophyll["lat"].to_numpy()), dims=("month", "lat"))
    seen = chlorophyll.where(observed)
    median, top = seen.median("month"), seen.max("month")
    amplitude = top / median
    start, length = _longest_run((seen > threshold * median).to_numpy())
    since = (np.arange(12)[:, None, None] - start) % 12
    inside = (since < length) & (amplitude >= min_amplitude).to_numpy()
    has = inside.any(axis=0)
    peak = np.where(inside, seen.to_numpy(), -np.inf).argmax(axis=0)

    def month_number(index):
        return median.copy(data=np.where(has, index % 12 + 1, np.nan).astype(np.float32))

    return xr.Dataset({
        "in_bloom": seen.copy(data=inside),
        "bloom_class": median.copy(data=has.astype(np.float32)).where(np.isfinite(median)),
        "onset": month_number(start), "peak": month_number(peak), "end": month_number(start + length - 1),
        "amplitude": amplitude,
    })  # fmt: skip


# Longitude that parts the Atlantic from the Pacific, by latitude: down the Andes and across the isthmus.
_AMERICA_LAT = (-90, -60, 0, 7, 8.7, 9.2, 12, 15, 17, 20, 30, 70)
_AMERICA_LON = (-68, -68, -75, -77, -77.4, -83.5, -86, -90, -95, -101, -107, -110)


def basin(lat, lon):
    """Name of the ocean basin, from simple boxes.

    Arctic is north of 66.5 N, Southern Ocean south of 50 S. The Mediterranean includes the Black Sea. The Atlantic
    reaches from the Americas to 20 E, the Indian Ocean from there to 100 E (147 E south of 8 S), the Pacific the rest.

    Parameters
    ----------
    lat, lon : array_like
        Degrees, any longitude convention; broadcast.

    Returns
    -------
    ndarray of str

    Examples
    --------
    >>> basin(35.5, -4.5).item(), basin(0.0, 170.0).item()
    ('Mediterranean', 'North Pacific')
    """
    lat, lon = np.broadcast_arrays(np.asarray(lat, dtype=float), wrap(np.asarray(lon, dtype=float)))
    inland = (lat >= 30) & (lat <= 47.5) & (lon >= -5.6) & (lon <= 42)
    biscay = (lon < 0) & (lat > 42)
    atlantic = (lon >= np.interp(lat, _AMERICA_LAT, _AMERICA_LON)) & (lon < np.where(lat > 31, 60, 20))
    indian = (lon >= 20) & (lon < np.where(lat < -8, 147, 100)) & (lat < 31)
    north = lat >= 0
    tests = [lat >= 66.5, lat < -50, inland & ~biscay, atlantic & north, atlantic, indian, north]
    names = ["Arctic", "Southern Ocean", "Mediterranean", "North Atlantic", "South Atlantic", "Indian", "North Pacific"]
    return np.select(tests, names, default="South Pacific")
