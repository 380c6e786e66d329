"""Large maps, written block by block: memory does not grow with the grid, and a run that was killed goes on.

A block is some rows of latitude, and as many months as fit. Until the last one is there the store is called
`<name>.part`, and its folder `.finished` holds an empty file for each block that is completely on disk.
"""

import functools
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import dask
import dask.array
import numpy as np
import xarray as xr

from seaofcarbon import __version__, files, maps
from seaofcarbon.files import UserError

JOURNAL = ".finished"
"""Folder in an unfinished store: an empty file for each finished block."""

ORIGIN = "seaofcarbon_origin"
"""Attribute of the store: hashes that say from what it is made."""

PACKED = 0.15
"""Bytes on disk of a map over its bytes in memory, at least: half the cells are empty, the rest is packed."""

HASHED_VALUES = 10_000_000
"""Values of a field that are in memory at once when inputs are hashed."""

DIMS = ("month", "depth", "lat", "lon")

CODE = ("vocabulary.py", "files", "ocean", "learn", "maps", "blocks.py")
"""Modules and rooms on which the numbers of a map depend: after a change there its blocks are not continued."""


@dataclass(frozen=True)
class Store:
    """Where blocks go: all that a worker has to know, on this machine or on another one that sees the same files."""

    path: Path
    origin: str
    depths_m: tuple
    layers: tuple
    names: tuple
    units: tuple
    bits: int | None

    def is_finished(self, key):
        """Whether a block is completely on disk."""
        return (self.path / JOURNAL / key).exists()

    def put(self, key, month, lat, blocks):
        """Write the arrays of a block by name, each (month, depth, lat, lon), and only then its mark."""
        import zarr

        try:
            group = zarr.open_group(self.path, mode="r+")
            for name, unit in zip(self.names, self.units, strict=True):
                attrs = {"units": unit} if unit else {}
                values = files.to_cf(name, xr.DataArray(blocks[name], dims=DIMS, attrs=attrs)).to_numpy()
                # zarr leaves out chunks of zeros, which readers of an array without a fill value cannot know
                array = group[name].with_config({"write_empty_chunks": True})
                array[month, :, lat, :] = rounded(values, self.bits)
            (self.path / JOURNAL / key).touch()
        except OSError as problem:
            raise _unwritable(self.path, problem) from None


def _unwritable(path, problem):
    why = problem.strerror or " ".join(str(problem).split())
    return UserError(f"{path} cannot be written ({why}): finished blocks are kept; mend it and run the same again")


def rounded(values, bits):
    """Keep some bits of the mantissa of float32, as netCDF's BitRound does; other types and None change nothing.

    Examples
    --------
    >>> rounded(np.array([1.0009766, 3.1415927], "float32"), 8).tolist()
    [1.0, 3.140625]
    """
    if bits is None or bits >= 23 or values.dtype != np.float32:
        return values
    drop = 23 - bits
    raw = values.view("uint32")
    kept = (raw + np.uint32(1 << (drop - 1))) & np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)
    return np.where(np.isnan(values), values, kept.view("float32"))


def _digest(*parts):
    digest = hashlib.sha256()
    for part in parts:
        array = isinstance(part, np.ndarray)
        digest.update(np.ascontiguousarray(part) if array else json.dumps(files.plain(part), sort_keys=True).encode())
    return digest.hexdigest()[:16]


@functools.cache
def _code():
    """Hash of the modules that make a map."""
    root = Path(__file__).parent
    modules = sorted(
        p for name in CODE for p in ([root / name] if name.endswith(".py") else (root / name).rglob("*.py"))
    )
    return _digest([[p.relative_to(root).as_posix(), files.sha256(p)] for p in modules])


def _values(part):
    """Hash of all values of a part of the covariates."""
    part = part.compute(scheduler="synchronous")
    return _digest(*(item for name in sorted(part.data_vars) for item in (name, part[name].to_numpy())))


def _inputs(covariates, workers):
    """Hash of all values of the covariates, read month by month in bands of latitude: a grid may be 100 GB."""
    rows = max(1, HASHED_VALUES // (covariates.sizes["lon"] * covariates.sizes.get("depth", 1)))
    bands = [slice(lat, lat + rows) for lat in range(0, covariates.sizes["lat"], rows)]
    task = dask.delayed(_values, pure=False, traverse=False)
    parts = [task(covariates.isel(month=[m], lat=lat)) for m in range(covariates.sizes["month"]) for lat in bands]
    return _digest(list(dask.compute(*parts, scheduler="threads", num_workers=workers)))


def _origin(models, covariates, inputs, months, depths_m, layers, rows, bits):
    """What a store is made of, and by which code."""
    return {
        "code": _code(),
        "model": _digest(*(part for m in models for part in (m.target, list(m.features), m.card))),
        "grid": _digest(*(covariates[axis].to_numpy().astype(float) for axis in ("lat", "lon"))),
        "covariates": inputs,
        "months": [int(month) for month in months],
        "depths": [float(depth) for depth in depths_m],
        "layers": list(layers),
        "rows_per_block": rows,
        "bits": bits,
    }


def _blocks(n_lat, n_lon, n_month, n_depth, rows_per_block):
    """Slices (month, lat) of each block, and rows of latitude in a block: at most BLOCK_ROWS predictions each.

    Where one row of latitude in all months is too much, months go one by one.
    """
    together = n_month if n_lon * n_depth * n_month <= maps.grid.BLOCK_ROWS else 1
    rows = rows_per_block or max(1, maps.grid.BLOCK_ROWS // (n_lon * n_depth * together))
    rows = min(rows, n_lat)
    cut = [
        (slice(month, month + together), slice(lat, min(lat + rows, n_lat)))
        for month in range(0, n_month, together)
        for lat in range(0, n_lat, rows)
    ]
    return cut, rows


def _key(month, lat):
    """Name of a block."""
    return f"{month.start:02d}-{lat.start:05d}"


def _template(models, covariates, months, depths_m, layers, rows, bits, path, attrs, workers):
    """An empty Dataset with the names and attributes that `predict_grid` and `write_netcdf` give, and its Store.

    Asking `predict_grid` for one cell of land refuses months, depths and inputs that do not exist, before anything is
    written.
    """
    corner = covariates.isel(lat=[0], lon=[0]).compute(scheduler="synchronous").where(False)
    one = maps.predict_grid(models[0], corner, months, depths_m, layers=layers, workers=1, also=models[1:])
    sizes = (one.sizes["month"], one.sizes["depth"], covariates.sizes["lat"], covariates.sizes["lon"])
    chunks = (1, sizes[1], rows, sizes[3])
    ds = xr.Dataset(coords={n: one[n] for n in ("month", "depth")} | {n: covariates[n] for n in ("lat", "lon")})
    for name, da in one.data_vars.items():
        empty = dask.array.full(sizes, -1 if da.dtype.kind == "i" else np.nan, dtype=da.dtype, chunks=chunks)
        ds[name] = (DIMS, empty, files.to_cf(name, da).attrs)
    told = {key: value for key, value in files.global_attrs(ds, path).items() if key not in files.DATED}
    ds = files.with_axes(ds)
    for name in ds.coords:
        ds[name].attrs = files.COORDINATES.get(name, {}) | ds[name].attrs
    inputs = _inputs(covariates.sel(month=list(months)), workers)
    origin = json.dumps(_origin(models, covariates, inputs, months, one["depth"].to_numpy(), layers, rows, bits))
    ds.attrs = told | {"history": f"written by seaofcarbon {__version__}"} | (attrs or {}) | {ORIGIN: origin}
    units = tuple(da.attrs.get("units") for da in one.data_vars.values())
    store = Store(
        path.with_name(f"{path.name}.part").absolute(), origin, tuple(one["depth"].to_numpy().tolist()), layers,
        tuple(one.data_vars), units, bits,
    )  # fmt: skip
    return ds, store


def _check_room(ds, path, share):
    """Refuse to begin what cannot end: a share of a map that the disk has no room for."""
    folder = next(p for p in path.parents if p.exists())
    free, need = shutil.disk_usage(folder).free, PACKED * share * ds.nbytes
    if need > free:
        raise UserError(
            f"{path} needs about {need / 1e9:,.1f} GB and {folder} has {free / 1e9:,.1f} GB free: give a coarser grid, "
            "fewer depths or another place"
        )


def _create(ds, path):
    """Write names, attributes and coordinates of a store, and an empty journal, in one step."""
    import numcodecs

    encoding = {name: {"_FillValue": None} for name in ds.variables}
    for name in [name for name, da in ds.data_vars.items() if da.chunks]:
        da = ds[name]
        encoding[name] = {
            "chunks": tuple(chunks[0] for chunks in da.chunks),
            "compressors": numcodecs.Blosc("zstd", clevel=5, shuffle=numcodecs.Blosc.SHUFFLE),
        } | ({"_FillValue": np.float32(np.nan)} if da.dtype.kind == "f" else {"_FillValue": None})
    for name in ds.variables:
        ds[name].encoding = {}
    try:
        with files.atomic(path) as temporary:
            # format 2, because netCDF-C, GDAL and older readers know it
            ds.to_zarr(temporary, mode="w", compute=False, encoding=encoding, zarr_format=2, consolidated=True)
            (temporary / JOURNAL).mkdir()
    except OSError as problem:
        raise _unwritable(path, problem) from None


def _check_origin(path, wanted):
    """Refuse a store that is made from something else."""
    try:
        found = json.loads(files.read_json(path / ".zattrs")[ORIGIN])
    except (UserError, KeyError, TypeError, ValueError):
        raise UserError(f"{path} is there and is no map of write_zarr: remove it or give another path") from None
    wanted = json.loads(wanted)
    other = [key for key in wanted if found.get(key) != wanted[key]]
    if other:
        raise UserError(
            f"{path} is there, made with other {', '.join(other).replace('_', ' ')}: remove it or give another path"
        )


def _fill(store, key, models, month, lat, part):
    """Predict a block and write it: the task of a worker."""
    if not (store.path / JOURNAL).is_dir():
        raise UserError(f"{store.path} is not seen by the workers: give a path on a file system that they share")
    store.put(key, month, lat, maps.predict_blocks(models, part, np.asarray(store.depths_m), store.layers))


def write_zarr(
    model, covariates, path, months=maps.MONTHS, depths_m=(100.0,), layers=None, rows_per_block=None,
    scheduler="threads", workers=2, bits=None, attrs=None, also=(),
):  # fmt: skip
    """Predict a quantity and its 90 % interval on a grid of any size into a Zarr store, block by block.

    The store holds what `maps.predict_grid` and `files.write_netcdf` give, to the bit. The same call after a kill or a
    full disk does only the blocks that are missing; the store takes its name when all are there.

    Parameters
    ----------
    model : learn.models.Model
        Anything with `target`, `features`, `card` and `predict_matrix`.
    covariates : Dataset, dims (month, depth, lat, lon)
        As `ocean.covariates` gives it; of a large grid opened lazily (`files.read_netcdf(path, chunks={"lat": 100})`).
    path : str or Path
        The store, as maps.zarr. One that is finished, from the same model, inputs (all values count) and code, is left
        as it is.
    months : sequence of int
        1 to 12.
    depths_m : sequence of float
        m, 0 to 250.
    layers : sequence of str, optional
        Some of `maps.LAYERS`; all by default.
    rows_per_block : int, optional
        Rows of latitude of a block, and of a chunk of the store; by default what makes BLOCK_ROWS predictions.
    scheduler : str
        "threads", "serial", or the address of a Dask scheduler (`tcp://host:8786`; needs the package distributed, and
        workers that see `path`). The store is the same to the bit.
    workers : int
        Threads on this machine. Each has one block in memory.
    bits : int, optional
        As in `files.write_netcdf`.
    attrs : dict, optional
        Global attributes that go over the standard ones.
    also : sequence of models
        Other quantities, without interval.

    Returns
    -------
    Path

    Raises
    ------
    UserError
        When a month, depth or input does not exist, `path` holds another map or cannot be written, the disk has no
        room for it, or the scheduler does not answer.
    """
    models = (model, *also)
    path, layers = Path(path), tuple(layers or maps.LAYERS)
    if not set(layers) <= set(maps.LAYERS):
        raise UserError(f"layers={list(layers)}: they are among {', '.join(maps.LAYERS)}")
    if rows_per_block is not None and rows_per_block < 1:
        raise UserError(f"rows_per_block={rows_per_block}: a block has at least one row")
    missing = set(months) & set(maps.MONTHS) - set(covariates["month"].to_numpy().tolist())
    if missing:
        raise UserError(f"months={list(months)}: the covariates do not have {sorted(missing)}")
    wanted = {name for m in models for name in m.features}
    covariates = covariates[[name for name in covariates.data_vars if name in wanted]]
    cut, rows = _blocks(
        covariates.sizes["lat"], covariates.sizes["lon"], max(len(months), 1), max(len(depths_m), 1), rows_per_block
    )
    ds, store = _template(models, covariates, months, depths_m, layers, rows, bits, path, attrs, workers)
    if path.exists():
        _check_origin(path, store.origin)
        shutil.rmtree(path / JOURNAL, ignore_errors=True)
        return path
    left = [(key, *part) for part in cut if not store.is_finished(key := _key(*part))]
    _check_room(ds, store.path, len(left) / len(cut))
    with maps.computing(scheduler, workers) as options:
        if store.path.exists():
            _check_origin(store.path, store.origin)
            for torn in store.path.rglob("*.partial"):  # what zarr was writing when it was killed
                torn.unlink(missing_ok=True)
        else:
            _create(ds, store.path)
        shared, year = dask.delayed(models, pure=False, traverse=False), covariates.sel(month=list(months))
        task = dask.delayed(_fill, pure=False, traverse=False)
        jobs = [task(store, key, shared, month, lat, year.isel(month=month, lat=lat)) for key, month, lat in left]
        dask.compute(*jobs, **options)
    try:
        store.path.rename(path)
    except OSError as problem:
        raise _unwritable(path, problem) from None
    shutil.rmtree(path / JOURNAL, ignore_errors=True)
    return path


def read_zarr(path):
    """Open a store that `write_zarr` finished, in units inside; its variables are Dask arrays.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Dataset

    Raises
    ------
    UserError
        When there is none, or it is not finished.
    """
    path = Path(path)
    if not (path / ".zattrs").is_file():
        part = path.with_name(f"{path.name}.part")
        if part.exists():
            raise UserError(f"{path} is not finished ({part.name} is there): run what writes it again")
        raise UserError(f"{path} is no Zarr store: check its name")
    ds = files.without_axes(maps.open_zarr(path, consolidated=True, zarr_format=2))
    ds = ds.drop_attrs(deep=False).assign_attrs({key: value for key, value in ds.attrs.items() if key != ORIGIN})
    return ds.assign({name: files.from_cf(name, da) for name, da in ds.data_vars.items()})


def write_maps(
    model, covariates, folder, fine=None, depths_m=(100.0,), kind="fixed", also=(), scheduler="threads", bits=None,
    attrs=None,
):  # fmt: skip
    """Write the maps of a run: `maps.nc` on the grid of the covariates and, where it is finer, `maps.zarr` too.

    `maps.nc` then holds area means of the cells of `maps.zarr`, so that all that reads maps reads it as ever.

    Parameters
    ----------
    model, covariates, depths_m, also, scheduler, bits, attrs
        As in `write_zarr`.
    folder : str or Path
    fine : Dataset, optional
        Inputs on a finer grid, see `maps.fine_inputs`.
    kind : str
        As in `maps.predict_grid`.

    Returns
    -------
    Dataset
        What `maps.nc` holds, before rounding.

    Raises
    ------
    UserError
        As in `write_zarr`; or when the folder holds a finer map and none is asked for, which would be lost.
    """
    store, call = Path(folder) / "maps.zarr", {"depths_m": depths_m, "also": also, "scheduler": scheduler}
    if fine is None:
        if store.exists() or store.with_name(f"{store.name}.part").exists():
            raise UserError(f"{folder} holds a finer map, {store.name}: remove it or give another --name")
        predicted = maps.predict_grid(model, covariates, kind=kind, **call)
    else:
        if kind != "fixed":
            raise UserError(f"depth_kind={kind} is not mapped on a finer grid: leave out grid_degrees or depth_kind")
        predicted = maps.coarse_means(
            read_zarr(write_zarr(model, fine, store, bits=bits, attrs=attrs, **call)), covariates
        )
        cells = " x ".join(f"{degrees:.3g}" for degrees in dict.fromkeys(maps.steps(fine)))
        predicted.attrs = {"comment": f"area means of the {cells}-degree cells of {store.name}"}
    files.write_netcdf(predicted, Path(folder) / "maps.nc", attrs=attrs, bits=bits)
    return predicted
