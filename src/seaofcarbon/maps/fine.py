"""Maps on a finer grid than the climatology's: inputs between its cells or from a file, and means back on its grid."""

import functools
import warnings
from pathlib import Path

import dask.array
import numpy as np
import xarray as xr

from seaofcarbon import files, ocean
from seaofcarbon.digitise import units
from seaofcarbon.files import UserError
from seaofcarbon.maps.grid import BLOCK_ROWS
from seaofcarbon.maps.means import MONTHS
from seaofcarbon.vocabulary import VARIABLES

MADE = ("depth_m", "latitude", "longitude_sin", "longitude_cos", "day_sin", "day_cos")
"""Inputs of a model that the grid itself gives."""

BAND_VALUES = 40_000_000
"""Values of a fine map that are in memory when its means are taken."""


def steps(ds):
    """Degrees from one cell to the next along lat and lon."""
    return tuple(round(abs(float(ds[name][1] - ds[name][0])), 6) for name in ("lat", "lon"))


def finer(covariates, degrees):
    """Inputs on a finer grid, bilinear between the cells that have a value, computed block by block when asked for.

    A fine cell has a value where the coarse cell that holds it has one: coast, sea floor and polar night stay where
    they are on the coarse grid. Interpolating adds no information.

    Parameters
    ----------
    covariates : Dataset, dims (month, depth, lat, lon)
        As `ocean.covariates` gives it, of the world or a part of it.
    degrees : float
        Spacing of the fine grid, along both axes; its cells fill the coarse grid.

    Returns
    -------
    Dataset
        Dask arrays; `covariates` itself where the spacing is the same.

    Raises
    ------
    UserError
        When the spacing is larger than that of the covariates, or does not fill the grid with whole cells.
    """
    if np.allclose(degrees, steps(covariates), rtol=1e-4):
        return covariates
    if degrees > (step := min(steps(covariates))) * (1 + 1e-4):
        raise UserError(f"grid_degrees={degrees:g} is coarser than the inputs ({step:g} degrees): give a smaller one")
    axes = {name: _axis(covariates[name].to_numpy().astype(float), degrees) for name in ("lat", "lon")}
    coarse = covariates.chunk({name: 1 if name == "month" else -1 for name in covariates.dims})
    if "npp" in coarse:
        coarse = coarse.assign(npp=coarse["npp"].where(coarse["npp"] > 0))  # the polar night is no value
    rows = max(1, BLOCK_ROWS // axes["lon"].size)
    lat, lon = dask.array.from_array(axes["lat"], rows), dask.array.from_array(axes["lon"], -1)
    known = {"south": float(covariates["lat"][0]), "west": float(covariates["lon"][0]), "step": steps(covariates)}
    ds = xr.Dataset(coords={n: covariates[n] for n in covariates.coords if n not in axes} | axes)
    for name, field in coarse.data_vars.items():
        field = field.transpose(..., "lat", "lon")
        other = field.dims[:-2]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dask.array.PerformanceWarning)  # many chunks are what is wanted
            values = dask.array.blockwise(
                _bilinear, (*other, "y", "x"), field.data, field.dims, lat, ("y",), lon, ("x",),
                dtype=field.dtype, concatenate=True, **known,
            )  # fmt: skip
        ds[name] = ((*other, "lat", "lon"), values, field.attrs)
    return ds


def _axis(coarse, degrees):
    """Centres of fine cells that fill those of a coarse axis."""
    step = (coarse[-1] - coarse[0]) / (coarse.size - 1)
    start, length = coarse[0] - step / 2, coarse.size * step
    n = round(length / degrees)
    if not np.isclose(n * degrees, length, rtol=1e-4):
        raise UserError(f"grid_degrees={degrees:g} does not fill {length:g} degrees with whole cells: give another")
    return start + length / n * (np.arange(n) + 0.5)


def _bilinear(field, lat, lon, south, west, step):
    """Values (..., lat, lon) at fine places, from the coarse cells around that have one; NaN where their own has none.

    A constant with a hole stays a constant with a hole:

    >>> _bilinear(np.array([[2.0, np.nan], [2.0, 2.0]]), np.array([0.4]), np.array([0.4, 0.6]), 0.0, 0.0, (1.0, 1.0))
    array([[ 2., nan]])
    """
    n_lat, n_lon = field.shape[-2:]
    y, x = (lat - south) / step[0], (lon - west) / step[1]
    rows = [np.clip(k, 0, n_lat - 1) for k in (np.floor(y).astype(int), np.floor(y).astype(int) + 1)]
    columns = [np.floor(x).astype(int) + k for k in (0, 1)]
    world = np.isclose(n_lon * step[1], 360)
    columns = [k % n_lon if world else np.clip(k, 0, n_lon - 1) for k in columns]
    up, right = (y - np.floor(y)).astype(field.dtype)[:, None], (x - np.floor(x)).astype(field.dtype)

    def between(values):
        values = values[..., rows[0], :] * (1 - up) + values[..., rows[1], :] * up
        return values[..., columns[0]] * (1 - right) + values[..., columns[1]] * right

    known = np.isfinite(field)
    own = np.where(up[:, 0] < 0.5, *rows), np.where(right < 0.5, *columns)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = between(np.where(known, field, 0)) / between(known.astype(field.dtype))
    return np.where(known[..., own[0], :][..., own[1]], mean, np.array(np.nan, field.dtype))


def open_zarr(path, **options):
    """Open a Zarr store lazily, as `xarray.open_zarr` does.

    Raises
    ------
    UserError
        When it is none.
    """
    try:
        return xr.open_zarr(path, **options)
    except (OSError, ValueError, KeyError) as problem:
        raise UserError(f"{path} cannot be read as Zarr: {' '.join(str(problem).split())}") from None


def inputs_from_file(path, features):
    """Open inputs of models on a grid of one's own, lazily.

    Parameters
    ----------
    path : str or Path
        netCDF or Zarr with the dimensions month (1 to 12), depth (m, where a field has it), lat and lon, and the names
        of `covariates.nc`, in units that digitise knows.
    features : iterable of str
        Inputs that the models need.

    Returns
    -------
    Dataset
        Dask arrays; longitudes in [-180, 180), all axes rising.

    Raises
    ------
    UserError
        When an input, month or cell of the grid is missing, a unit is another one, a latitude or depth cannot be, or no
        cell has all inputs.
    """
    path = Path(path)
    if path.is_dir():
        ds = open_zarr(path)
        ds = ds.assign({name: files.from_cf(name, da) for name, da in ds.data_vars.items()})
    else:
        ds = files.read_netcdf(path, chunks={"month": 1, "lat": 100})
    names = list(dict.fromkeys(name for name in features if name not in MADE))
    if absent := [name for name in (*names, "lat", "lon", "month") if name not in ds.variables]:
        raise UserError(f"{path} has no {', '.join(absent)}, which the models need: name them as in covariates.nc")
    if sorted(ds["month"].to_numpy().tolist()) != list(MONTHS):
        raise UserError(f"{path}: its months are {ds['month'].to_numpy().tolist()}; give all of 1 to 12")
    for name in names:
        if not set(ds[name].dims) <= {"month", "depth", "lat", "lon"}:
            raise UserError(f"{path}: {name} has the dimensions {', '.join(ds[name].dims)}; use month, depth, lat, lon")
    ds = ds.assign({name: _in_our_unit(ds[name], path) for name in names})[list(dict.fromkeys(names))]
    ds = ds.sortby([name for name in ("month", "depth", "lat") if name in ds.dims])
    _check_axes(ds, path)
    if not (ocean.wrap(ds["lon"].to_numpy()) == ds["lon"].to_numpy()).all() or (np.diff(ds["lon"]) < 0).any():
        ds = ocean.wrap_grid(ds)
    for name in ("lat", "lon"):
        apart = np.diff(ds[name].to_numpy())
        if not apart.size or not np.allclose(apart, np.median(apart), rtol=0.02) or not apart[0] > 0:
            raise UserError(f"{path}: the grid has gaps along {name}: give every cell, missing values as NaN")
    _check_values(ds, path)
    return ds.transpose("month", ..., "lat", "lon")


def _check_axes(ds, path):
    """Refuse places that do not exist; `ds` is sorted."""
    if not (np.abs(ds["lat"].to_numpy()) <= 90).all():
        raise UserError(f"{path}: its latitudes are not all from -90 to 90: give degrees north")
    if "depth" in ds.dims:
        depth = ds["depth"].to_numpy().astype(float)
        if not ((depth >= 0).all() and (np.diff(depth) > 0).all()):
            raise UserError(f"{path}: its depths are not all different and 0 or more: give metres, positive down")


def _check_values(ds, path):
    """Refuse inputs of which no cell has all in any month; mostly the first month settles it."""
    top = ds.isel(depth=0) if "depth" in ds.dims else ds
    for month in range(ds.sizes["month"]):
        known = [np.isfinite(field) for field in top.isel(month=month).data_vars.values()]
        if bool(functools.reduce(np.logical_and, known).any()):
            return
    raise UserError(f"{path}: no cell has a value of all of {', '.join(ds.data_vars)}: check what stands for missing")


def _in_our_unit(field, path):
    """The field in its unit inside."""
    unit, wanted = field.attrs.get("units", ""), VARIABLES[field.name].unit
    if unit == wanted:
        return field
    known = units.conversion(str(unit), field.name)
    if known is None or known.per_mass:
        raise UserError(f"{path}: the unit of {field.name} is {unit or 'missing'}: give it in {wanted}")
    return (field * np.float32(known.factor)).assign_attrs(field.attrs | {"units": wanted})


def fine_inputs(covariates, models, degrees, path=""):
    """Inputs for a map that is finer than the covariates, or None where it is not.

    Parameters
    ----------
    covariates : Dataset
    models : sequence of learn.models.Model
    degrees : float
        Spacing wanted; inputs of a larger one are interpolated.
    path : str
        File with inputs on a grid of its own, see `inputs_from_file`; none if empty.

    Returns
    -------
    Dataset or None
    """
    if not path:
        fine = finer(covariates, degrees)
        return None if fine is covariates else fine
    given = inputs_from_file(path, [name for model in models for name in model.features])
    return finer(given, degrees) if degrees < max(steps(given)) * (1 - 1e-4) else given


def coarse_means(ds, covariates):
    """Area means of a fine map on the grid of the covariates, some rows at a time; a map that fits into memory.

    Each layer is a mean of the cells that have a value, the ends of the interval too; a cell is inside the area of
    applicability where half of it or more is.

    Parameters
    ----------
    ds : Dataset, dims (month, depth, lat, lon)
        Lazy, as `blocks.read_zarr` gives it.
    covariates : Dataset
        For its lat and lon.

    Returns
    -------
    Dataset
    """
    lat, lon = (covariates[name].to_numpy().astype(float) for name in ("lat", "lon"))
    edge = (lat[1] - lat[0]) / 2 + abs(float(ds["lat"][1] - ds["lat"][0]))
    n_bands = -(-ds.sizes["depth"] * ds.sizes["lat"] * ds.sizes["lon"] // BAND_VALUES)
    shape = (ds.sizes["month"], ds.sizes["depth"], lat.size, lon.size)
    out = xr.Dataset(coords={"month": ds["month"], "depth": ds["depth"], "lat": lat, "lon": lon}, attrs=ds.attrs)
    means = {name: np.full(shape, np.nan, np.float32) for name in ds.data_vars}
    for rows in np.array_split(np.arange(lat.size), min(n_bands, lat.size // 2)):
        near = (ds["lat"] > lat[rows[0]] - edge) & (ds["lat"] < lat[rows[-1]] + edge)
        if near.sum() < 2:
            continue
        band, rows = ds.isel(lat=np.flatnonzero(near)), slice(rows[0], rows[-1] + 1)
        for name, field in band.data_vars.items():
            for month in range(shape[0]):
                here = field.isel(month=month, drop=True).rename(depth="time").load()
                here = (here == 1).astype("f4").where(here >= 0) if here.dtype.kind == "i" else here
                means[name][month, :, rows] = ocean.on_grid(here, lat[rows], lon)
    for name, values in means.items():
        if ds[name].dtype.kind == "i":
            values = np.where(np.isnan(values), -1, values >= 0.5).astype("int8")
        out[name] = (("month", "depth", "lat", "lon"), values, ds[name].attrs)
    return out
