"""Fields on grids: longitudes, areas of cells, other grids, and a field at a depth."""

import numpy as np
import xarray as xr

from seaofcarbon.vocabulary import EARTH_RADIUS_KM


def wrap(longitude):
    """Longitude in [-180, 180), whatever came in.

    Parameters
    ----------
    longitude : ndarray, DataArray or float
        Degrees east, in any convention.

    Returns
    -------
    as `longitude`

    Examples
    --------
    >>> wrap(np.array([359.5, 180.0, -181.0]))
    array([  -0.5, -180. ,  179. ])
    """
    return longitude - 360.0 * np.floor((longitude + 180.0) / 360.0)  # exact for what is inside already


def wrap_grid(field):
    """The same field with `lon` in [-180, 180), in rising order.

    Parameters
    ----------
    field : DataArray or Dataset
        With the coordinate `lon`.

    Returns
    -------
    as `field`

    Examples
    --------
    >>> wrap_grid(xr.DataArray([1, 2, 3], {"lon": [0, 120, 240]}, "lon")).lon.values
    array([-120.,    0.,  120.])
    """
    return field.assign_coords(lon=wrap(field["lon"].astype(float))).sortby("lon")


def cell_area(lat, step=1.0, lat_step=None):
    """Area in m2 of grid cells of `step` degrees of longitude, and as many of latitude or `lat_step`, centred at `lat`.

    Parameters
    ----------
    lat : array_like
        Centres of the cells, degrees north.
    step : float
        Degrees.
    lat_step : float, optional
        Degrees of latitude, where they differ from those of longitude.

    Returns
    -------
    ndarray, shape of `lat`
        m2.

    Examples
    --------
    >>> float(cell_area(0.5).round(-7))
    12360000000.0
    """
    high = step if lat_step is None else lat_step
    north, south = np.radians(lat + high / 2), np.radians(lat - high / 2)
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


def level_weights(levels, depth):
    """Index of the level above each depth and the weight of the one below; NaN weight outside the levels."""
    depth = np.asarray(depth, dtype=float)
    above = np.clip(np.searchsorted(levels, depth, side="right") - 1, 0, len(levels) - 2)
    weight = (depth - levels[above]) / (levels[above + 1] - levels[above])
    return above, np.where((depth >= levels[0]) & (depth <= levels[-1]), weight, np.nan)


def blend(upper, lower, weight):
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
        above, weight = level_weights(levels, depth.to_numpy())
        take = [np.take_along_axis(values, i[None], axis=0)[0] for i in (above, above + 1)]
        result = outer.copy(data=blend(*take, weight.astype(values.dtype)))
        return result.transpose(*[d for d in outer.dims if d not in rest], *rest).assign_attrs(field.attrs)
    above, weight = level_weights(levels, np.atleast_1d(depth_m))
    upper, lower = field.isel(depth=above), field.isel(depth=above + 1)
    shape = [-1 if d == "depth" else 1 for d in field.dims]
    weight = weight.reshape(shape).astype(field.dtype)
    result = upper.copy(data=blend(upper.to_numpy(), lower.to_numpy(), weight))
    result = result.assign_coords(depth=np.atleast_1d(np.asarray(depth_m, dtype=float)))
    return result if np.ndim(depth_m) else result.isel(depth=0)
