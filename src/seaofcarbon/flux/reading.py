"""Samples from files: records, or a wide CSV."""

import difflib
import re
from pathlib import Path

import pandas as pd

from seaofcarbon import ocean, records
from seaofcarbon.files import KEY_RANGES, UserError, read_csv, read_numbers, read_times
from seaofcarbon.flux.samples import KEYS
from seaofcarbon.vocabulary import VARIABLES

_NEEDED = ("cruise", "station", "time", "latitude", "longitude", "depth_m", "th234_total")
_PLACE = ("time", "latitude", "longitude", "depth_m")
_MISSING = ["", "nd", "n.d.", "ND", "NA", "nan", "NaN", "-999", "-999.0", "-9999", "-9999.0"]


def _check_columns(names, path):
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise UserError(f"{path}: column {twice[0]} is there twice: rename or remove one")
    wanted = [name for name in _NEEDED if name not in names]
    if not wanted and not {"u238", "salinity"} & set(names):
        wanted = ["u238 or salinity"]
    if wanted:
        others = [name for name in names if name not in _NEEDED and not name.endswith("_sigma")]
        near = difflib.get_close_matches(wanted[0], others, 1, 0.5)
        mend = f"rename the column {near[0]!r}" if near else f"add it (columns here: {', '.join(names)})"
        if len(names) == 1 and re.search(r"[;\t]", names[0]):
            mend = "columns have to be separated by commas, numbers have a point"
        elif len(wanted) > 3:
            mend += ", or let `seaofcarbon digitise` read the file first"
        raise UserError(f"{path}: column {wanted[0]} is missing: {mend}")


def read_wide_csv(path):
    """Read a table with one row per sample and one column per quantity.

    Parameters
    ----------
    path : str or Path
        CSV with cruise, station, time (ISO 8601), latitude, longitude, depth_m, th234_total (dpm L-1), and u238
        (dpm L-1) or salinity; th234_total_sigma, u238_sigma, temperature, fluorescence if known. Empty, nd, NA and -999
        are missing.

    Returns
    -------
    samples : DataFrame
        As from `records.to_samples`, of the rows that can be read.
    set_aside : DataFrame
        file, row (1 is the header), column, value and reason of each cell that cannot be read, and cast_id: the whole
        row is no sample, so that the flux of its cast is one of the other bottles.

    Raises
    ------
    UserError
        When a column is missing, or no row can be read: one line with what would mend it.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no file {path}: check its name")
    # Without a header to pandas, the index is the row in the file less one, and times are still text.
    options = {"header": None, "dtype": str, "skip_blank_lines": False, "skipinitialspace": True}
    table = read_csv(path, na_values=_MISSING, encoding="utf-8-sig", **options)
    names = [str(name).strip() for name in table.iloc[0].fillna("")]
    _check_columns(names, path)
    df = table.iloc[1:].set_axis(names, axis=1).dropna(how="all")
    if df.empty:
        raise UserError(f"{path} holds no samples: add rows below the header")
    known = [name for name in names if name in KEY_RANGES or name.removesuffix("_sigma") in VARIABLES]
    read = {"time": read_times(df["time"])} | {name: read_numbers(df[name]) for name in known}
    fault = _faults(df, {name: wrong for name, (_, wrong) in read.items()})
    set_aside = _set_aside(df, fault, path.name)
    if set_aside["row"].nunique() == len(df):
        first = next(set_aside.itertuples())
        what = f"{first.value!r} {first.reason}" if first.value else first.reason
        raise UserError(f"{path}, row {first.row}, column {first.column}: {what} (no row can be read)")
    df = df.assign(**{name: values for name, (values, _) in read.items()}, source_id=path.name)
    df["longitude"] = ocean.wrap(df["longitude"])
    # a row without a readable time is of the cast of its station
    day = df["time"].fillna(df["time"].groupby([df["cruise"], df["station"]]).transform("first"))
    df["cast_id"] = records.cast_ids(df.assign(time=day))
    set_aside["cast_id"] = df["cast_id"].reindex(set_aside["row"] - 1).to_numpy()
    rest = [name for name in known if name not in KEY_RANGES]
    df = df.loc[(fault == "").all(axis=1), [*KEYS, "depth_m", *rest]]
    return df.sort_values(["cast_id", "depth_m"], kind="stable").reset_index(drop=True), set_aside


def _faults(df, fault):
    """What is wrong with each cell: what numbers and times say of themselves, and no place, depth or day."""
    fault = pd.DataFrame(fault)
    printed = df["time"].astype("str").str.strip()
    rough = df["time"].notna() & (printed.str.len() < len("20140521")) & (fault["time"] == "")
    fault["time"] = fault["time"].mask(rough, "'" + printed + "' is no day: give at least 2014-05-21")
    for name in _PLACE:
        fault[name] = fault[name].mask(df[name].isna(), "is empty: fill it, or leave the row out")
    return fault


def _set_aside(df, fault, file):
    """List the cells that have a fault, row by row."""
    reason = fault.stack()
    reason = reason[reason != ""]
    row, column = (reason.index.get_level_values(level) for level in (0, 1))
    value = df[fault.columns].fillna("").stack()[reason.index].to_list()
    why = [words.removeprefix(f"{cell!r} ") for words, cell in zip(reason, value, strict=True)]
    return pd.DataFrame({"file": file, "row": row + 1, "column": column, "value": value, "reason": why})


def read_samples(path):
    """Read samples from a file of records (Parquet, or CSV with a column `variable`) or from a wide CSV.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    samples : DataFrame
        As from `records.to_samples`.
    left_out : DataFrame
        What is no part of them, with its `reason`. Of records: those of total 234Th that are flagged, or without time,
        place or depth. Of a wide CSV: cells that cannot be read, as `read_wide_csv` sets them aside.

    Raises
    ------
    UserError
        If the file is neither, or holds no total 234Th.
    """
    path = Path(path)
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise UserError(f"{path}: give records (.parquet) or a table (.csv); `seaofcarbon digitise` reads other files")
    if not path.is_file():
        raise UserError(f"{path} is {'a folder' if path.is_dir() else 'not there'}: give a file")
    if path.suffix.lower() == ".csv" and "variable" not in read_csv(path, nrows=0).columns:
        return read_wide_csv(path)
    archive = records.read(path)
    samples = records.to_samples(archive)
    if "th234_total" not in samples or samples["th234_total"].isna().all():
        raise UserError(f"{path} has no usable total 234Th: a flux needs records of th234_total")
    return samples, _left_out(archive)


def _left_out(archive):
    """Records of total 234Th that are no sample, with the reason."""
    total = archive[(archive["variable"] == "th234_total") & archive["value"].notna()]
    reason = ("flag " + total["flag"].astype(str)).where(total["flag"].isin(records.SET_ASIDE), "")
    for name in _PLACE:
        reason = reason.mask((reason == "") & total[name].isna(), f"no {name}")
    shown = ["record_id", *KEYS[1:], "depth_m", "variable", "value", "unit", "flag", "note"]
    return total[shown].assign(reason=reason)[reason != ""]
