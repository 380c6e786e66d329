"""NetCDF files in the units of CF outside, in the units of the field inside."""

import hashlib
import json
import threading
from pathlib import Path

import numpy as np
import xarray as xr

from seaofcarbon.files.axes import with_axes, without_axes
from seaofcarbon.files.cf import COORDINATES, DATED, from_cf, global_attrs, to_cf
from seaofcarbon.files.tables import plain
from seaofcarbon.files.whole import UserError, atomic, sha256

_NETCDF_LOCK = threading.Lock()  # HDF5 is not safe in threads, and notebooks that run side by side end side by side

TIME_UNITS = "seconds since 1970-01-01T00:00:00"


def content_hash(path):
    """Return a SHA-256 that two files with the same content share, though they were written on different days.

    Of a netCDF file these are the names, dimensions, types, attributes (less `DATED`) and stored values of its
    variables; other files have the hash of their bytes.

    Parameters
    ----------
    path : str or Path
        A file.

    Returns
    -------
    str
        Hexadecimal.
    """
    path = Path(path)
    if path.suffix != ".nc":
        return sha256(path)
    with _NETCDF_LOCK:
        return _netcdf_hash(path)


def _netcdf_hash(path):
    try:
        ds = xr.open_dataset(path, engine="netcdf4", decode_cf=False, cache=False)
    except (OSError, ValueError):  # no netCDF, whatever its name says
        return sha256(path)
    digest = hashlib.sha256()
    with ds:
        told = {key: value for key, value in ds.attrs.items() if key not in DATED}
        digest.update(json.dumps(plain(told), sort_keys=True).encode())
        for name, da in sorted(ds.variables.items()):
            head = [name, da.dims, da.shape, da.dtype.str, da.attrs]
            digest.update(json.dumps(plain(head), sort_keys=True).encode())
            for part in _slabs(da):
                whole = part.to_numpy()
                text = whole.dtype == object
                digest.update(json.dumps(whole.tolist()).encode() if text else np.ascontiguousarray(whole))
    return digest.hexdigest()


def _slabs(da):
    """Cut a stored variable along its first dimension where its chunks are cut, so that little is in memory at once."""
    if not da.ndim:
        return [da]
    step = (da.encoding.get("chunksizes") or da.shape)[0] or 1
    return (da[start : start + step] for start in range(0, da.shape[0], step))


def _chunks(da):
    """Return the chunks of a variable: one map is a chunk, so that it is read without the rest."""
    return tuple(n if dim in ("lat", "lon") else 1 for dim, n in da.sizes.items())


def _encoding(ds, bits=None):
    """Return how each variable is packed: float32 and zlib for data, exact coordinates, whole-second times."""
    encoding, packed = {}, {"zlib": True, "complevel": 4, "shuffle": True}
    rounded = {"significant_digits": bits, "quantize_mode": "BitRound"} if bits else {}
    for name, da in ds.variables.items():
        chunked = packed | ({"chunksizes": _chunks(da)} if {"lat", "lon"} <= set(da.dims) and da.size else {})
        if np.issubdtype(da.dtype, np.datetime64):
            encoding[name] = {"units": TIME_UNITS, "dtype": "float64", "calendar": "standard"}
        elif name in ds.coords or "bnds" in da.dims:
            encoding[name] = {"_FillValue": None} if np.issubdtype(da.dtype, np.number) else {}
        elif np.issubdtype(da.dtype, np.floating):
            encoding[name] = {"dtype": "float32", "_FillValue": np.float32(np.nan), **chunked, **rounded}
        elif da.dtype.kind in "iub" and da.ndim:
            encoding[name] = chunked
    return encoding


def write_netcdf(ds, path, attrs=None, bits=None):
    """Write a Dataset that holds units inside as a CF-1.11 / ACDD-1.3 netCDF file.

    Variables of the vocabulary, and names that begin with one (`th234_flux_lower`), are converted to CF units and get
    long and standard names; others are written as they are. Axes get what CF asks of them (`with_axes`). Data are
    float32, zlib level 4, and one map is a chunk.

    Parameters
    ----------
    ds : xarray.Dataset
        In units inside; a variable with another `units` attribute than the vocabulary's is not converted.
    path : str or Path
        File to write.
    attrs : dict, optional
        Global attributes that go over the Dataset's own and the standard ones (`title`, `summary`, ...).
    bits : int, optional
        Bits of the mantissa to keep, of 23, for smaller files: 12 keep a value to 1 in 8,000.

    Raises
    ------
    UserError
        When the file cannot be written, as on a full disk (HDF5 does not tell why); nothing of it is left.
    """
    out = with_axes(ds.assign({name: to_cf(name, da) for name, da in ds.data_vars.items()}))
    for name in out.coords:
        out[name].attrs = COORDINATES.get(name, {}) | out[name].attrs
    out.attrs = global_attrs(ds, path, attrs)
    for name in out.variables:
        out[name].encoding = {}
    with atomic(path) as temporary:
        try:
            out.to_netcdf(temporary, engine="netcdf4", encoding=_encoding(out, bits))
        except RuntimeError as problem:
            if not str(problem).startswith("NetCDF:"):
                raise
            raise UserError(f"{path} cannot be written ({problem}): is the disk full? Give another place") from None


def read_netcdf(path, chunks=None):
    """Open a netCDF file that `write_netcdf` wrote, in units inside.

    Parameters
    ----------
    path : str or Path
    chunks : dict or "auto", optional
        Given, the variables are Dask arrays and the file stays open; else all is read and the file closed.

    Returns
    -------
    Dataset

    Raises
    ------
    UserError
        When there is no such file or it is not netCDF.
    """
    if not Path(path).exists():
        raise UserError(f"{path} is not there: check its name")
    try:
        ds = xr.open_dataset(path, engine="netcdf4", chunks=chunks)
    except OSError as problem:
        raise UserError(
            f"{path} cannot be read as netCDF ({problem.strerror or problem}): it is another kind of "
            "file or damaged; what a run made is made again by its notebook, as seaofcarbon run 05-maps"
        ) from None
    if chunks is None:
        with ds:
            ds = ds.load()
    ds = without_axes(ds)
    return ds.assign({name: from_cf(name, da) for name, da in ds.data_vars.items()})
