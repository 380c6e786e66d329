"""Files: written whole or not at all, with hashes, safe paths, and units that the field's readers understand."""

import contextlib
import csv
import errno
import hashlib
import json
import math
import os
import shutil
import threading
import uuid
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon import __version__
from seaofcarbon.vocabulary import VARIABLES

EMBEDDED = Path(__file__).parent / "data"
"""Folder of the data that come with the package."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")
"""Text that starts so is a formula to a spreadsheet (or was protected before): it gets an apostrophe in CSV files."""

TIME_COLUMNS = ("time", "time_end")

KEY_RANGES = {
    "latitude": (-90.0, 90.0, "degrees"),
    "longitude": (-180.0, 540.0, "degrees"),  # any convention, and one turn more
    "depth_m": (0.0, 11500.0, "m"),
}
"""What a place can be: lowest, highest, unit."""

LARGEST_BQ_M3 = 200.0
"""Activities above this are in no unit per litre or kilogram in which 234Th and 238U of the sea are given."""

DATED = ("date_created", "history")
"""Attributes of a netCDF file that say when it was written, and nothing of what is in it."""

_NETCDF_LOCK = threading.Lock()  # HDF5 is not safe in threads, and notebooks that run side by side end side by side

TIME_UNITS = "seconds since 1970-01-01T00:00:00"

SUFFIXES = {
    "sigma": "standard uncertainty of {}",
    "lower": "{}, lower end of the 90 % interval",
    "upper": "{}, upper end of the 90 % interval",
    "rf": "{}, random forest",
    "xgb": "{}, XGBoost",
    "truth": "{}, truth of the twin ocean",
}
"""Endings of variable names (`th234_flux_sigma`) and what they say of the quantity."""

COORDINATES = {
    "lat": {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north", "axis": "Y"},
    "lon": {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east", "axis": "X"},
    "latitude": {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north"},
    "longitude": {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east"},
    "depth": {"standard_name": "depth", "long_name": "depth", "units": "m", "positive": "down", "axis": "Z"},
    "depth_m": {"standard_name": "depth", "long_name": "depth", "units": "m", "positive": "down"},
    "month": {"long_name": "month of the year, 1 is January", "units": "1"},
    "time": {"standard_name": "time", "long_name": "time"},
}


class UserError(Exception):
    """What a user can mend: one line that says what is wrong, where, and what would mend it."""


# --- Whole or not at all -------------------------------------------------------------------------


@contextlib.contextmanager
def atomic(path):
    """Give a temporary path beside `path`, which takes its name when the block ends well.

    Parameters
    ----------
    path : str or Path
        File or folder to be written; its parent folders are made.

    Yields
    ------
    Path
        Temporary path with the same suffix. Nothing of it is left when the block raises.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UserError(f"{path} cannot be written ({problem.strerror}): give another place") from None
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"{path} cannot be written (no permission in {path.parent}): give another place")
    temporary = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:12]}{path.suffix}")
    try:
        yield temporary
        if path.is_dir() and temporary.is_dir():  # a folder cannot be renamed over a full one
            shutil.rmtree(path)
        temporary.replace(path)
    except OSError as problem:
        if problem.errno != errno.ENOSPC and temporary.name not in str(problem.filename):
            raise  # of another file
        raise UserError(f"{path} cannot be written ({problem.strerror}): give another place") from None
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def sha256(path):
    """Return the SHA-256 of a file, or of a folder's names and contents, as hexadecimal text."""
    path = Path(path)
    if path.is_dir():
        inside = sorted(p for p in path.rglob("*") if p.is_file())
        lines = "".join(f"{sha256(p)}  {p.relative_to(path).as_posix()}\n" for p in inside)
        return hashlib.sha256(lines.encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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


def safe_join(folder, name):
    """Return `folder/name`, and refuse a name that would leave the folder.

    Raises
    ------
    UserError
        When the name is absolute, climbs with `..`, or follows a link out of the folder.
    """
    root = Path(folder).resolve()
    inside = (root / str(name)).resolve() if "\0" not in str(name) else root
    if inside == root or not inside.is_relative_to(root):
        raise UserError(f"{name!r} is not a file name inside {folder}: give a relative name without '..'")
    return Path(folder) / str(name)


def data_dir():
    """Return the folder of fetched data: `SEAOFCARBON_DATA`, or the user's cache."""
    given = os.environ.get("SEAOFCARBON_DATA")
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("seaofcarbon")


# --- Tables and JSON -----------------------------------------------------------------------------


def write_parquet(df, path):
    """Write a table as Parquet, without its index."""
    with atomic(path) as temporary:
        df.to_parquet(temporary, index=False, compression="zstd")


def _is_text(column):
    return isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(column.dtype)


def _protect(text):
    return f"'{text}" if isinstance(text, str) and text.startswith(FORMULA_STARTS) else text


def _unprotect(text):
    return text[1:] if isinstance(text, str) and text[:1] == "'" and text[1:2] in FORMULA_STARTS else text


def write_csv(df, path):
    """Write a table as CSV: UTF-8, times as ISO 8601, missing as empty text, no index.

    Text that a spreadsheet would run as a formula (leading = + - @) gets an apostrophe; `read_csv` removes it.
    """
    times = [df[name] for name in df.columns if pd.api.types.is_datetime64_any_dtype(df[name].dtype)]
    whole_seconds = all((t.dropna() == t.dropna().dt.floor("s")).all() for t in times)
    safe = df.rename(columns=_protect)
    texts = {name: safe[name].map(_protect) for name in safe.columns if _is_text(safe[name])}
    # Python's writer does not quote a lone carriage return, which readers take for the end of a line
    returns = any(text.astype(str).str.contains("\r", regex=False).any() for text in texts.values())
    with atomic(path) as temporary:
        safe.assign(**texts).to_csv(
            temporary,
            index=False,
            lineterminator="\n",
            quoting=csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL,
            date_format="%Y-%m-%dT%H:%M:%S" + ("" if whole_seconds else ".%f"),
        )


def read_csv(path, **options):
    """Read a CSV file that `write_csv` wrote.

    Only empty text is missing (a station may be called NA), apostrophes before formulas are removed, and the columns
    `time` and `time_end` are datetime64[ns] in UTC (Z and offsets such as +02:00 are understood). `options` go to
    `pandas.read_csv`.

    Raises
    ------
    UserError
        When there is no such file, it is no table, or a time is none.
    """
    options = {"keep_default_na": False, "na_values": [""]} | options
    try:
        df = pd.read_csv(path, **options).rename(columns=_unprotect)
        for name in df.columns:
            if _is_text(df[name]):
                df[name] = df[name].map(_unprotect)
        for name in set(TIME_COLUMNS) & set(df.columns):
            df[name] = checked_times(df[name].set_axis(df.index + 1), path).set_axis(df.index)
    except OSError as problem:
        raise UserError(f"{path} cannot be read ({problem.strerror}): check its name") from None
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as problem:
        raise UserError(f"{path} is not a readable CSV table: {' '.join(str(problem).split())}") from None
    return df


def refuse_cells(bad, cells, path, what):
    """Raise for the first bad cell of a column.

    Parameters
    ----------
    bad : Series of bool
    cells : Series
        The column, with the row in the file less one as its index (the header is row 1).
    path : str or Path
        File that the column is from, or what else to call the table.
    what : str
        What is wrong, and how to mend it.

    Raises
    ------
    UserError
        Naming file, row, column and value.
    """
    if bad.any():
        row = bad.idxmax()
        value = "is empty" if pd.isna(cells[row]) else repr(str(cells[row]))
        raise UserError(f"{path}, row {row + 1}, column {cells.name}: {value} {what}")


def checked_times(cells, path):
    """Return a column as datetime64[ns] in UTC, without a zone; empty is missing, other text is refused.

    `cells` and `path` are those of `refuse_cells`.
    """
    times = pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce").dt.tz_localize(None)
    refuse_cells(cells.notna() & times.isna(), cells, path, "is no time: write it as 2014-05-21T10:30")
    refuse_cells(times.notna() & ~times.dt.year.between(1678, 2261), cells, path, "is no time of measurement")
    if _is_text(cells):
        text = cells.astype("str").str.strip()
        refuse_cells(times.notna() & text.str.fullmatch(r"\d{4}"), cells, path, "is a year: give at least the month")
        month = text.str.fullmatch(r"\d{4}-\d{2}").fillna(False).to_numpy(bool)
        times = times.where(~month, times + pd.Timedelta(days=14))  # a month stands at its middle
    return times.astype("datetime64[ns]")


def checked_numbers(cells, path):
    """Return a column as float64, every number in the range that is not absurd; empty is missing.

    Parameters
    ----------
    cells : Series
        Named as in `KEY_RANGES` or the vocabulary (`_sigma` may follow); index as in `refuse_cells`.
    path : str or Path
        As in `refuse_cells`.

    Raises
    ------
    UserError
        Naming file, row, column and value of the first cell that is no number or out of range.
    """
    values = pd.to_numeric(cells, errors="coerce").astype(float)
    refuse_cells(cells.notna() & ~np.isfinite(values), cells, path, "is no number: mend it, or leave it empty")
    name = cells.name
    if name in KEY_RANGES:
        low, high, unit = KEY_RANGES[name]
    else:
        quantity = VARIABLES[name.removesuffix("_sigma")]
        low, high, unit = (0.0 if name.endswith("_sigma") else quantity.low), quantity.high, quantity.unit
    outside = (values < low) | (values > high)
    mend = slip_of(values[outside].iloc[0], unit, name) if outside.any() else ""
    shown = f"{low:g} to {high:g} {unit}".removesuffix(" 1")
    refuse_cells(outside, cells, path, f"is outside {shown}: {mend}")
    return values


def slip_of(value, unit, name):
    """Say what a value out of range may be, and how to mend it."""
    if unit == "dpm L-1" and value > LARGEST_BQ_M3:
        return "it may be dpm m-3, so divide the column by 1000"
    if unit == "dpm L-1" and value > 0:
        return "it may be Bq m-3 (times 0.06), mBq kg-1 (times 0.06 and the density in kg L-1) or ug kg-1 of uranium"
    if name == "depth_m" and value < 0:
        return "depths are positive down"
    return "mend it" + ("" if name in KEY_RANGES else ", or leave it empty")


def plain(value):
    """Return what JSON can hold; missing numbers become null, because NaN is not JSON."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value


def write_json(obj, path):
    """Write numbers, texts, lists and dicts (numpy's too) as JSON; NaN becomes null."""
    text = json.dumps(plain(obj), indent=1, ensure_ascii=False, allow_nan=False)
    with atomic(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path):
    """Read a JSON file.

    Raises
    ------
    UserError
        When there is no such file or it is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as problem:
        raise UserError(f"{path} cannot be read ({problem.strerror}): check its name") from None
    except ValueError as problem:
        raise UserError(f"{path} is not JSON: {problem}") from None


# --- NetCDF ----------------------------------------------------------------------------------------


def _quantity(name):
    """Return (Variable, suffix) of the longest vocabulary name that begins `name`, or (None, "")."""
    parts = str(name).split("_")
    for n in range(len(parts), 0, -1):
        if (stem := "_".join(parts[:n])) in VARIABLES:
            return VARIABLES[stem], "_".join(parts[n:])
    return None, ""


def to_cf(name, da):
    """Return the variable in the unit and with the names of CF files."""
    quantity, suffix = _quantity(name)
    if quantity is None or not np.issubdtype(da.dtype, np.floating):
        return da
    if da.attrs.get("units", quantity.unit) != quantity.unit:
        return da  # the caller chose another unit and answers for it
    unit = quantity.cf_unit or quantity.unit
    attrs = {
        "long_name": SUFFIXES.get(suffix, "{}").format(quantity.long_name),
        "coverage_content_type": "modelResult" if {"lat", "lon"} <= set(da.dims) else "physicalMeasurement",
    }
    if quantity.standard_name:
        attrs["standard_name"] = quantity.standard_name + (" standard_error" if suffix == "sigma" else "")
    if unit != quantity.unit:
        attrs["comment"] = f"multiply by {1 / quantity.cf_factor:.10g} for {quantity.unit}"
    attrs |= quantity.attrs | da.attrs | {"units": unit}
    factor = quantity.cf_factor if unit != quantity.unit else 1.0
    return (da * factor if factor != 1.0 else da).assign_attrs(attrs)


def from_cf(name, da):
    """Return the variable in its unit inside."""
    quantity, _ = _quantity(name)
    if quantity is None or da.attrs.get("units") != quantity.cf_unit or quantity.cf_unit == quantity.unit:
        return da
    attrs = {key: value for key, value in da.attrs.items() if key != "comment"}
    return (da / quantity.cf_factor).astype(da.dtype).assign_attrs(attrs | {"units": quantity.unit})


def _extent(ds):
    """Return the ACDD attributes that say which part of space and time the data cover."""
    attrs = {}
    for names, key in ((("lat", "latitude"), "lat"), (("lon", "longitude"), "lon"), (("depth", "depth_m"), "vertical")):
        for name in names:
            if name in ds.variables and ds[name].size:
                attrs[f"geospatial_{key}_min"] = float(ds[name].min())
                attrs[f"geospatial_{key}_max"] = float(ds[name].max())
                attrs[f"geospatial_{key}_units"] = COORDINATES[name]["units"]
                if key == "vertical":
                    attrs["geospatial_vertical_positive"] = "down"
    if "time" in ds.variables and np.issubdtype(ds["time"].dtype, np.datetime64) and ds["time"].size:
        attrs["time_coverage_start"] = str(ds["time"].min().values.astype("datetime64[s]")) + "Z"
        attrs["time_coverage_end"] = str(ds["time"].max().values.astype("datetime64[s]")) + "Z"
    elif "month" in ds.dims:
        attrs["time_coverage_resolution"] = "P1M"
    return attrs


def global_attrs(ds, path):
    """Return the CF-1.11 and ACDD-1.3 attributes of a file; what the Dataset says of itself goes over the defaults."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = [q.long_name for name in ds.data_vars if (q := _quantity(name)[0])]
    described = {
        "title": f"Sea of Carbon: {Path(path).stem}",
        "summary": "Ocean carbon export from 234Th: " + ", ".join(dict.fromkeys(names)),
        "keywords": ", ".join(["ocean", "carbon export", "234Th", *dict.fromkeys(names)]),
        "creator_name": "Sea of Carbon contributors",
        "creator_type": "group",
        "institution": "Sea of Carbon",
        "project": "Sea of Carbon",
        "license": "CC-BY-4.0",
        "references": "see the book's bibliography",
        "standard_name_vocabulary": "CF Standard Name Table",
    }
    past = [ds.attrs["history"]] if ds.attrs.get("history") else []
    measured = {
        "Conventions": "CF-1.11, ACDD-1.3",
        "id": f"seaofcarbon-{Path(path).stem}",
        "date_created": now,
        "history": "\n".join([f"{now}: written by seaofcarbon {__version__}", *past]),
        **_extent(ds),
    }
    return described | ds.attrs | measured


def _encoding(ds, bits=None):
    """Return how each variable is packed: float32 and zlib for data, exact coordinates, whole-second times."""
    encoding, packed = {}, {"zlib": True, "complevel": 4, "shuffle": True}
    rounded = {"significant_digits": bits, "quantize_mode": "BitRound"} if bits else {}
    for name, da in ds.variables.items():
        if np.issubdtype(da.dtype, np.datetime64):
            encoding[name] = {"units": TIME_UNITS, "dtype": "float64", "calendar": "standard"}
        elif name in ds.coords:
            encoding[name] = {"_FillValue": None} if np.issubdtype(da.dtype, np.number) else {}
        elif np.issubdtype(da.dtype, np.floating):
            encoding[name] = {"dtype": "float32", "_FillValue": np.float32(np.nan), **packed, **rounded}
        elif da.dtype.kind in "iub" and da.ndim:
            encoding[name] = packed
    return encoding


def write_netcdf(ds, path, attrs=None, bits=None):
    """Write a Dataset that holds units inside as a CF-1.11 / ACDD-1.3 netCDF file.

    Variables of the vocabulary, and names that begin with one (`th234_flux_lower`), are converted to CF units and get
    long and standard names; others are written as they are. Data are float32, zlib level 4.

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
    """
    out = ds.assign({name: to_cf(name, da) for name, da in ds.data_vars.items()})
    for name in out.coords:
        out[name].attrs = COORDINATES.get(name, {}) | out[name].attrs
    out.attrs = global_attrs(ds, path) | (attrs or {})
    for name in out.variables:
        out[name].encoding = {}
    with atomic(path) as temporary:
        out.to_netcdf(temporary, engine="netcdf4", encoding=_encoding(out, bits))


def read_netcdf(path, chunks=None):
    """Open a netCDF file that `write_netcdf` wrote, in units inside.

    Parameters
    ----------
    path : str or Path
    chunks : dict or "auto", optional
        Given, the variables are Dask arrays and the file stays open; else all is read and the file closed.

    Raises
    ------
    UserError
        When there is no such file or it is not netCDF.
    """
    try:
        ds = xr.open_dataset(path, engine="netcdf4", chunks=chunks)
    except OSError as problem:
        raise UserError(f"{path} cannot be read as netCDF ({problem.strerror or problem}): check its name") from None
    if chunks is None:
        with ds:
            ds = ds.load()
    return ds.assign({name: from_cf(name, da) for name, da in ds.data_vars.items()})
