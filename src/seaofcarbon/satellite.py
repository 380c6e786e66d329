"""Net primary production of real months, from the files that Ocean Productivity (Oregon State University) publishes."""

import csv
import gzip
import io
import re
import warnings
import zlib
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon import ocean
from seaofcarbon.files import COORDINATES, UserError
from seaofcarbon.vocabulary import VARIABLES

MAX_BYTES = 500_000_000
"""Largest file, unpacked: twice the text of a 2160 x 4320 grid."""

BLOCK_BYTES = 16_000_000
LARGEST = 10 * VARIABLES["npp"].high
"""Models run wild in turbid estuaries: only what is beyond all reason speaks against a file."""

MISSING = -9999.0
MODELS = {"vgpm": "VGPM", "eppley": "Eppley", "cbpm": "CbPM", "cbpm2": "CbPM"}
"""First word of a file's name -> model of production."""

REFERENCES = {
    "VGPM": "Behrenfeld & Falkowski 1997", "Eppley": "Behrenfeld & Falkowski 1997 with growth after Eppley 1972",
    "CbPM": "Westberry et al. 2008",
}  # fmt: skip
STEPS_D = {"month": 31.0, "8 days": 8.0}
"""Longest step of each kind of file, days."""

LAT, LON = np.arange(-89.5, 90), np.arange(-179.5, 180)
_NAME = re.compile(r"([a-z]+2?)\.(\d{4})(\d{3})\.(?:all\.xyz|xyz|hdf)(?:\.gz)?", re.IGNORECASE)
_NUMBER = rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_LINE = re.compile(rb"\s*(?:" + _NUMBER + rb"\s+" + _NUMBER + rb"\s+" + _NUMBER + rb"\s*)?", re.IGNORECASE)
_DAMAGE = (EOFError, OSError, zlib.error)


# --- Names and times -------------------------------------------------------------------------------------


def _files(source):
    """Paths of the files to read: one, several, or all of a folder that are named as NPP files are."""
    if isinstance(source, (str, Path)):
        folder = Path(source)
        paths = sorted(p for p in folder.iterdir() if _NAME.fullmatch(p.name)) if folder.is_dir() else [folder]
    else:
        paths = [Path(path) for path in source]
    if absent := [path for path in paths if not path.is_file()]:
        raise UserError(f"{absent[0]}: no such file: check its name")
    if not paths:
        raise UserError(f"{source}: no NPP files, such as vgpm.2010001.all.xyz.gz: put them there")
    return paths


def _named(paths):
    """Table of the files in order of time: path, model, first day (datetime64)."""
    parts = [_NAME.fullmatch(path.name) for path in paths]
    rows = [(MODELS.get(p[1].lower()), int(p[2]), int(p[3])) if p else (None, 0, 0) for p in parts]
    table = pd.DataFrame(rows, columns=["model", "year", "day"]).assign(path=paths)
    inside = table["year"].between(1900, 2200)  # times in nanoseconds end in 2262
    year = pd.to_datetime(table["year"].where(inside, 1900).astype(str), format="%Y")
    table["first"] = (year + pd.to_timedelta(table["day"] - 1, unit="D")).astype("datetime64[ns]")
    bad = table["model"].isna() | ~inside | (table["first"].dt.year != table["year"])
    if bad.any():
        path = table["path"][bad.idxmax()]
        raise UserError(f"{path}: the name is not like vgpm.2010001.all.xyz.gz (vgpm, eppley or cbpm, year, day)")
    table = table.sort_values("first", kind="stable", ignore_index=True)
    if table["model"].nunique() > 1:
        raise UserError(f"files of {' and '.join(sorted(set(table['model'])))} together: read each model by itself")
    if (twice := table["first"].duplicated(keep=False)).any():
        one, other = table.loc[twice, "path"].iloc[:2]
        raise UserError(f"{one} and {other} are of one time: keep one of them")
    return table


def _period(table, period):
    """Whether files are of months or of 8 days, told from the days of the year on which all of them begin."""
    begins = {"month": table["first"].dt.day == 1, "8 days": table["day"] % 8 == 1}
    if period is not None and period not in begins:
        raise UserError(f"period {period!r}: give 'month' or '8 days'")
    possible = [kind for kind, good in begins.items() if good.all() and period in (None, kind)]
    if len(possible) == 2:
        raise UserError(
            f"{table['path'][0]}: a month or 8 days? The name does not tell: give period='month' or '8 days'"
        )
    if not possible:
        asked = period or ("month" if begins["month"].mean() >= begins["8 days"].mean() else "8 days")
        path = table["path"][(~begins[asked]).idxmax()]
        raise UserError(f"{path}: no {asked} begins on this day: read files of months and of 8 days by themselves")
    return possible[0]


def _middle(first, period):
    """Middle of each period (datetime64[ns]); the last 8 days of a year end with it."""
    months = first.astype("datetime64[M]") + 1
    end = months.astype("datetime64[ns]")
    if period == "8 days":
        years = (first.astype("datetime64[Y]") + 1).astype("datetime64[ns]")
        end = np.minimum(first + np.timedelta64(8, "D"), years)
    return first + (end - first) // 2


# --- Text files ------------------------------------------------------------------------------------------


def _open(path):
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _pieces(stream, path):
    """The bytes of a file piece by piece, refused beyond the limit: a small file may unpack to a terabyte."""
    total = 0
    while piece := stream.read(BLOCK_BYTES):
        total += len(piece)
        if total > MAX_BYTES:
            raise UserError(f"{path}: unpacks to more than {MAX_BYTES // 1_000_000} MB: it is no NPP file")
        yield piece


def _blocks(stream, path):
    """Blocks of whole lines."""
    rest = b""
    for piece in _pieces(stream, path):
        whole, newline, tail = piece.rpartition(b"\n")
        if not newline and len(rest) + len(piece) > BLOCK_BYTES:
            raise UserError(f"{path}: a line longer than {BLOCK_BYTES // 1_000_000} MB: it is no NPP file")
        if newline:
            yield rest + whole + newline
        rest = tail if newline else rest + tail
    if rest:
        yield rest


def _refuse(path, number, line):
    shown = line.decode("latin-1").strip()[:60]
    raise UserError(f"{path}, line {number}: {shown!r} is not longitude, latitude and NPP: fetch the file again")


def _refuse_text(path, start, block):
    """Raise for the first line of a block that is not three numbers (only when the block could not be read)."""
    lines = pd.Series(block.split(b"\n"))
    bad = ~lines.map(lambda line: _LINE.fullmatch(line) is not None)
    _refuse(path, start + bad.idxmax(), lines[bad.idxmax()])


def _numbers(block, path, start):
    """Longitude, latitude and NPP of a block of lines, the first of which has the number `start`.

    Returns
    -------
    ndarray of float (n, 3)
        Blank lines left out.
    """
    block = block.replace(b"\r", b" ")  # pandas takes a lone one for the end of a line, and lines are counted here
    try:
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):  # more columns than four
            df = pd.read_csv(
                io.BytesIO(block), sep=r"\s+", header=None, names=["lon", "lat", "npp", "more"], index_col=False,
                dtype={"lon": float, "lat": float, "npp": float, "more": object}, skip_blank_lines=False,
                quoting=csv.QUOTE_NONE, encoding="latin-1",
            )  # fmt: skip
    except (ValueError, pd.errors.ParserWarning):  # errors of parsing are ValueErrors that do not always know the line
        _refuse_text(path, start, block)
    lon, lat, npp = numbers = df[["lon", "lat", "npp"]].to_numpy().T
    blank = np.isnan(numbers).all(axis=0)
    good = (lon >= -180) & (lon <= 360) & (np.abs(lat) <= 90)
    good &= (npp == MISSING) | ((npp >= 0) & (npp <= LARGEST))
    bad = ~(good | blank) | df["more"].notna().to_numpy()
    if bad.any():
        _refuse(path, start + bad.argmax(), block.split(b"\n")[bad.argmax()])
    return numbers.T[~blank]


def _read_xyz(path):
    """One text file as means over the cells of 1 degree.

    The cells of the file nest in those of 1 degree, so that sums over the lines are area means, block by block.

    Returns
    -------
    ndarray of float32 (180, 360)
    """
    total, area, rows, start = np.zeros(LAT.size * LON.size), np.zeros(LAT.size * LON.size), 0, 1
    with _open(path) as stream:
        for block in _blocks(stream, path):
            lines = block.count(b"\n")
            if start == 1:
                header, _, block = block.partition(b"\n")
                if header.lower().split()[:2] != [b"lon", b"lat"]:
                    raise UserError(f"{path}, line 1: expected the header 'lon lat value': is it an NPP file?")
            first, start = start + (start == 1), start + lines
            if not block.strip():
                continue
            lon, lat, npp = _numbers(block, path, first).T
            rows += lon.size
            seen = npp != MISSING
            row = np.clip(np.floor(lat[seen] + 90), 0, LAT.size - 1).astype(int)
            cell = row * LON.size + np.floor(ocean.wrap(lon[seen]) + 180).astype(int)
            weight = np.cos(np.radians(lat[seen]))
            total += np.bincount(cell, weight * npp[seen], total.size)
            area += np.bincount(cell, weight, total.size)
    across = int(round((rows / 2) ** 0.5))
    if not rows or 2 * across**2 != rows or across % LAT.size:
        raise UserError(f"{path}: {rows} rows are no whole grid such as 1080 x 2160 or 2160 x 4320: fetch it again")
    mean = np.divide(total, area, out=np.full(total.shape, np.nan), where=area > 0)
    return mean.reshape(LAT.size, LON.size).astype(np.float32)


# --- HDF4 files ------------------------------------------------------------------------------------------


def _pyhdf(path):
    """The package that alone reads HDF4."""
    try:
        from pyhdf import SD, error
    except ImportError:
        raise UserError(
            f"{path} is HDF4, which cannot be read here: take the .all.xyz.gz file of the same name, or install pyhdf"
        ) from None
    return SD.SD, error.HDF4Error


def _hdf_values(unpacked, path):
    """The dataset `npp` of an HDF4 file: ndarray of float32 (n, 2 n)."""
    reader, damage = _pyhdf(path)
    try:
        opened = reader(str(unpacked))
        dataset = opened.select("npp")
        shape = tuple(np.atleast_1d(dataset.info()[2]))
        if len(shape) != 2 or shape[1] != 2 * shape[0] or shape[0] % LAT.size or 4 * np.prod(shape) > MAX_BYTES:
            raise UserError(f"{path}: npp has the shape {shape}, expected 1080 x 2160 or 2160 x 4320: fetch it again")
        values = np.asarray(dataset.get(), dtype=np.float32)
        opened.end()
    except damage as problem:
        raise UserError(f"{path}: cannot be read as HDF4 ({problem}): fetch it again") from None
    bad = (values != MISSING) & ~((values >= 0) & (values <= LARGEST))
    if bad.any():
        raise UserError(f"{path}: npp holds {values[bad][0]:g}, which no sea produces: fetch it again")
    return np.where(values == MISSING, np.float32(np.nan), values)


def _read_hdf(path):
    """One HDF4 file, from the north and 180 W, as means over the cells of 1 degree: ndarray of float32 (180, 360)."""
    _pyhdf(path)  # before anything is unpacked
    if path.suffix.lower() == ".gz":
        with NamedTemporaryFile(suffix=".hdf") as unpacked, _open(path) as stream:
            for piece in _pieces(stream, path):
                unpacked.write(piece)
            unpacked.flush()
            values = _hdf_values(unpacked.name, path)
    else:
        values = _hdf_values(path, path)
    step = 180 / len(values)
    grid = {"lat": 90 - step * (np.arange(len(values)) + 0.5), "lon": step * (np.arange(2 * len(values)) + 0.5) - 180}
    return ocean.on_grid(xr.DataArray(values, grid, ("lat", "lon")), LAT, LON).to_numpy()


# --- All of them -----------------------------------------------------------------------------------------


def _read(path):
    """One file as means over the cells of 1 degree, or one line on what is wrong with it."""
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB: it is no NPP file")
    try:
        return _read_hdf(path) if ".hdf" in path.name.lower() else _read_xyz(path)
    except _DAMAGE as problem:
        raise UserError(f"{path}: damaged or truncated ({' '.join(str(problem).split())}): fetch it again") from None


def read_npp(source, period=None):
    """Net primary production of real months or 8 days, averaged onto the grid of the climatology.

    Files are those of Ocean Productivity (Oregon State University) and keep their names: `vgpm.2010001.all.xyz.gz`
    (also eppley, cbpm), in which 2010001 is the year and the first day; .gz or unpacked; .hdf where pyhdf is installed.

    Parameters
    ----------
    source : str, Path or sequence of them
        A folder with the files of one model, one file, or several.
    period : {"month", "8 days"}, optional
        Needed only where the days do not tell, as for a single file that begins on the first of January.

    Returns
    -------
    Dataset
        npp (time, lat, lon), float32, mg m-2 d-1, NaN where missing; time is the middle of the month or the 8 days,
        1-degree cells. Its attrs name the model and the files. Ready for `ocean.year_matched`.

    Raises
    ------
    UserError
        Naming the file (and the line) that cannot be read, and what would mend it.
    """
    table = _named(_files(source))
    period = _period(table, period)
    model, known = table["model"].iloc[0], VARIABLES["npp"]
    values = np.empty((len(table), LAT.size, LON.size), np.float32)
    for k, path in enumerate(table["path"]):
        values[k] = _read(path)
    # no standard name: that of the vocabulary is for moles, and `files.write_netcdf` gives it with the unit
    # the standard name goes with moles per second: `files.write_netcdf` gives it together with that unit
    attrs = {
        "units": known.unit, "long_name": known.long_name, "model": model,
        "cell_methods": "area: time: mean", "step_d": STEPS_D[period],
    }  # fmt: skip
    time = _middle(table["first"].to_numpy(), period)
    coords = {"time": time, "lat": LAT, "lon": LON}
    ds = xr.Dataset({"npp": (("time", "lat", "lon"), values, attrs)}, coords)
    for name in coords:
        ds[name].attrs = dict(COORDINATES[name])
    return ds.assign_attrs(
        title=f"Net primary production, {model}, means of each {period}", model=model, Conventions="CF-1.11",
        source="Ocean Productivity, Oregon State University, averaged onto 1 degree by seaofcarbon",
        source_files=" ".join(path.name for path in table["path"]), references=REFERENCES[model],
    )  # fmt: skip
