"""Tables as Parquet and CSV, JSON, and cells that are checked before they are used."""

import csv
import json
import math
import re
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from seaofcarbon.files.whole import UserError, atomic
from seaofcarbon.vocabulary import VARIABLES

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")
"""Text that starts so is a formula to a spreadsheet (or was protected before): it gets an apostrophe in CSV files."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
"""Text that is a number runs nothing: it stays as it is, so that a longitude of -64.2 is one to any reader."""

TIME_COLUMNS = ("time", "time_end")

KEY_RANGES = {
    "latitude": (-90.0, 90.0, "degrees"),
    "longitude": (-180.0, 540.0, "degrees"),  # any convention, and one turn more
    "depth_m": (0.0, 11500.0, "m"),
}
"""What a place can be: lowest, highest, unit."""

LARGEST_BQ_M3 = 200.0
"""Activities above this are in no unit per litre or kilogram in which 234Th and 238U of the sea are given."""


def write_parquet(df, path):
    """Write a table as Parquet, without its index.

    Parameters
    ----------
    df : DataFrame
    path : str or Path
    """
    with atomic(path) as temporary:
        df.to_parquet(temporary, index=False, compression="zstd")


def _is_text(column):
    return isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(column.dtype)


def _protect(text):
    if not isinstance(text, str) or not text.startswith(FORMULA_STARTS) or NUMBER.fullmatch(text):
        return text
    return f"'{text}"


def _unprotect(text):
    return text[1:] if isinstance(text, str) and text[:1] == "'" and text[1:2] in FORMULA_STARTS else text


def write_csv(df, path):
    """Write a table as CSV: UTF-8, times as ISO 8601, missing as empty text, no index.

    Text that a spreadsheet would run as a formula (leading = + - @) gets an apostrophe; `read_csv` removes it.

    Parameters
    ----------
    df : DataFrame
    path : str or Path

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(pd.DataFrame({"station": ["NA", "=1+1"], "flux": [1.5, np.nan]}), f"{folder}/a.csv")
    ...     read_csv(f"{folder}/a.csv").to_dict("list")
    {'station': ['NA', '=1+1'], 'flux': [1.5, nan]}
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

    Parameters
    ----------
    path : str or Path
    **options
        Of `pandas.read_csv`.

    Returns
    -------
    DataFrame

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
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} is empty: give a CSV table with a line of column names") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is no text in UTF-8: save the table as CSV in UTF-8") from None
    except (ValueError, pd.errors.ParserError) as problem:
        why = " ".join(str(problem).removeprefix("Error tokenizing data. C error: ").split())
        raise UserError(f"{path} is not a readable CSV table: {why}") from None
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


def _refuse_first(fault, cells, path):
    """Raise for the first cell of a column that has a fault, as `read_times` and `read_numbers` give it."""
    if (fault != "").any():
        row = (fault != "").idxmax()
        raise UserError(f"{path}, row {row + 1}, column {cells.name}: {fault[row]}")


def _faults(cells, *kinds):
    """Say what is wrong with each cell, from pairs of a mask and words: the first that fits; "" where nothing is."""
    masks = [bad.fillna(False).to_numpy(bool) for bad, _ in kinds]
    words = np.select(masks, [what for _, what in kinds], "").astype(object)
    bad = np.flatnonzero(words != "")
    words[bad] = [f"{str(cell)!r} {what}" for cell, what in zip(cells.iloc[bad], words[bad], strict=True)]
    return pd.Series(words, index=cells.index)


def read_times(cells):
    """Return a column as datetime64[ns] in UTC, without a zone, and what is wrong with each cell ("": nothing).

    Parameters
    ----------
    cells : Series
        Empty is missing, and no fault.

    Returns
    -------
    (Series of datetime64[ns], Series of str)
        NaT where there is a fault.

    Examples
    --------
    >>> read_times(pd.Series(["2010-05", "soon"]))[1].tolist()
    ['', "'soon' is no time: write it as 2014-05-21T10:30"]
    """
    times = pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce").dt.tz_localize(None)
    written = _is_text(cells) or pd.api.types.is_integer_dtype(cells)
    text = cells.astype("str").str.strip() if written else pd.Series("", cells.index)
    fault = _faults(
        cells,
        (cells.notna() & times.isna(), "is no time: write it as 2014-05-21T10:30"),
        (times.notna() & ~times.dt.year.between(1678, 2261), "is no time of measurement"),
        (times.notna() & text.str.fullmatch(r"\d{4}"), "is a year: give at least the month"),
    )
    month = text.str.fullmatch(r"\d{4}-\d{2}").fillna(False).to_numpy(bool)
    times = times.where(~month, times + pd.Timedelta(days=14))  # a month stands at its middle
    return times.where(fault == "").astype("datetime64[ns]"), fault


def checked_times(cells, path):
    """Return a column as datetime64[ns] in UTC, without a zone; empty is missing, other text is refused.

    `cells` and `path` are those of `refuse_cells`.
    """
    times, fault = read_times(cells)
    _refuse_first(fault, cells, path)
    return times


def read_numbers(cells):
    """Return a column as float64, and what is wrong with each cell ("": nothing).

    Parameters
    ----------
    cells : Series
        Named as in `KEY_RANGES` or the vocabulary (`_sigma` may follow). Empty is missing, and no fault.

    Returns
    -------
    (Series of float64, Series of str)
        NaN where a cell is no number or in a range that is absurd.

    Examples
    --------
    >>> read_numbers(pd.Series(["40", "95"], name="latitude"))[1].tolist()
    ['', "'95' is outside -90 to 90 degrees: mend it"]
    """
    values = pd.to_numeric(cells, errors="coerce").astype(float)
    name = cells.name
    if name in KEY_RANGES:
        low, high, unit = KEY_RANGES[name]
    else:
        quantity = VARIABLES[name.removesuffix("_sigma")]
        low, high, unit = (0.0 if name.endswith("_sigma") else quantity.low), quantity.high, quantity.unit
    finite = np.isfinite(values)
    outside = finite & ((values < low) | (values > high))
    shown = f"{low:g} to {high:g} {unit}".removesuffix(" 1")
    beyond = np.full(len(values), "", dtype=object)
    beyond[outside] = [f"is outside {shown}: {slip_of(value, unit, name)}" for value in values[outside]]
    fault = _faults(cells, (cells.notna() & ~finite, "is no number: mend it, or leave it empty"), (outside, beyond))
    return values.where(fault == ""), fault


def checked_numbers(cells, path):
    """Return a column as float64, every number in the range that is not absurd; empty is missing.

    Parameters
    ----------
    cells : Series
        As in `read_numbers`; index as in `refuse_cells`.
    path : str or Path
        As in `refuse_cells`.

    Raises
    ------
    UserError
        Naming file, row, column and value of the first cell that is no number or out of range.
    """
    values, fault = read_numbers(cells)
    _refuse_first(fault, cells, path)
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
    """Write numbers, texts, lists and dicts (numpy's too) as JSON; NaN becomes null.

    Parameters
    ----------
    obj : dict, list, str or number
        May hold numpy's numbers and arrays.
    path : str or Path
    """
    text = json.dumps(plain(obj), indent=1, ensure_ascii=False, allow_nan=False)
    with atomic(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path):
    """Read a JSON file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict, list, str, float, int, bool or None

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
