"""Printed cells -> numbers, depths and times; what cannot be read gets a reason."""

import re

import numpy as np
import pandas as pd

MISSING = frozenset(
    ["", "nd", "n.d.", "n.d", "na", "n/a", "nan", "null", "none", "-", "--"]
    + ["-999", "-999.0", "-999.9", "-9999", "-9999.0"]
)
"""Printed words for a missing value, folded to lower case."""

MISSING_NUMBERS = (-99.99, -999.0, -999.9, -999.99, -9999.0, -9999.9, -9999.99, -99999.0)
"""Numbers that stand for a missing value, however they are printed (-999.00)."""

LONGEST = 200
"""Longer texts are no numbers, and patterns would take long to find that out."""

_NUMBER = r"[+-]?(?:\d+(?:[.]\d*)?|[.]\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"^({_NUMBER})\s*(?:_|-|–|to)\s*({_NUMBER})$")


def text(cells):
    """Give cells as stripped text."""
    return pd.Series(cells, dtype=object).fillna("").astype("str").str.strip()


def is_missing(printed):
    """Tell the cells that are blank, or a word or number for missing.

    Parameters
    ----------
    printed : Series of str

    Returns
    -------
    Series of bool
    """
    return printed.str.lower().isin(MISSING) | pd.to_numeric(printed, errors="coerce").isin(MISSING_NUMBERS)


def numbers(cells):
    """Read printed numbers.

    Blanks and commas around a number are dirt and dropped; a comma inside could be a decimal sign or separate
    thousands, so it is not guessed.

    Parameters
    ----------
    cells : ndarray of object, shape (n,)

    Returns
    -------
    printed : Series of str
    value : ndarray, shape (n,)
        NaN where missing or unreadable.
    reason : ndarray of object, shape (n,)
        Why a cell that is not missing could not be read, else "".
    note : ndarray of object, shape (n,)
        What was mended, else "".
    """
    printed = text(cells)
    value = pd.to_numeric(printed, errors="coerce")
    missing = printed.str.lower().isin(MISSING) | value.isin(MISSING_NUMBERS)
    value = value.mask(missing).to_numpy(float, copy=True)
    odd = np.flatnonzero(np.isnan(value) & ~missing.to_numpy())
    reason, note = np.full((2, len(printed)), "", dtype=object)
    if len(odd):
        dirty = printed.iloc[odd]
        dirty = dirty.mask(dirty.str.len() > LONGEST, "a long text")
        clean = dirty.str.strip(" ,;\u00a0\t")
        value[odd] = pd.to_numeric(clean.where(clean.str.fullmatch(_NUMBER)), errors="coerce").to_numpy(float)
        unread = np.isnan(value[odd])
        reason[odd[unread]] = _reasons(dirty[unread.tolist()])
        note[odd[~unread]] = "stray signs around " + clean[(~unread).tolist()].to_numpy(object)
    infinite = np.isinf(value)
    reason[infinite], value[infinite] = "not a finite number", np.nan
    return printed, value, reason, note


def _reasons(dirty):
    """Say why each text is no number."""
    kinds = [
        (dirty.str.startswith("#"), "error value of a spreadsheet"),
        (dirty.str.match(r"^[<>]"), "a limit of detection, not a value"),
        (dirty.str.fullmatch(rf"{_NUMBER}\s*(_|-|–|to)\s*{_NUMBER}"), "a range, not a value"),
        (dirty.str.fullmatch(r"[\d.]+,[\d.,]+"), "comma inside the number: decimal or thousands?"),
    ]
    return np.select([mask.to_numpy(bool) for mask, _ in kinds], [words for _, words in kinds], "not a number")


def depths(cells):
    """Read depths (m); a range `X_Y` becomes its middle, with a note.

    Returns
    -------
    printed, value, reason, note
        As `numbers`.
    """
    printed, value, reason, note = numbers(cells)
    spans = (
        printed.mask(printed.str.len() > LONGEST, "").str.extract(_RANGE).astype(float)
        if len(printed)
        else pd.DataFrame({0: [], 1: []})
    )
    span = (np.isnan(value) & spans.notna().all(axis=1)).to_numpy()
    value[span] = spans[span].mean(axis=1)
    note[span] = "middle of depth range " + printed[span]
    reason[span] = ""
    unread = reason != ""
    reason[unread] = "depth is no number"
    return printed, value, reason, note


_ISO = r"\d{4}(?:-\d{2}(?:-\d{2}(?:[T ]\d{2}(?::?\d{2}(?::?\d{2}(?:[.]\d+)?)?)?(?:Z|[+-]\d{2}:?\d{2})?)?)?)?"

_PRECISIONS = {4: "year", 7: "month", 10: "day"}


def times(printed):
    """Read ISO 8601 times as naive UTC, and say what of them is known.

    Parameters
    ----------
    printed : Series of str

    Returns
    -------
    time : ndarray of datetime64[ns]
    precision : ndarray of object
        second, day, month, year, or None; a month or year stands at its middle.
    unread : ndarray of bool
        Neither missing nor a time.
    """
    missing = is_missing(printed)
    length = printed.str.len().to_numpy()
    shaped = printed.mask(printed.str.len() > LONGEST, "").str.fullmatch(_ISO)
    time = pd.to_datetime(printed.where(~missing & shaped), format="ISO8601", errors="coerce", utc=True).dt.tz_localize(
        None
    )
    time = time.where(time.dt.year.between(1700, 2200)).astype("datetime64[ns]")
    precision = pd.Series(length).map(_PRECISIONS).fillna("second").to_numpy(object)
    midnight = printed.str.contains(r"[T ]00:00(?::00(?:[.]0+)?)?Z?$", regex=True).to_numpy()
    precision[midnight & (length > 10)] = "day"
    time = time + pd.to_timedelta(np.select([precision == "month", precision == "year"], [14, 182], 0), unit="D")
    precision[time.isna().to_numpy()] = None
    return time.to_numpy(), precision, (time.isna() & ~missing).to_numpy()
