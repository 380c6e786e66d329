"""Blooms: when the chlorophyll of a cell is high for its place, in a year that is a circle."""

import numpy as np
import xarray as xr

from seaofcarbon.ocean.year import YEAR_D, days_between, declination, month_day
from seaofcarbon.vocabulary import BLOOM_DEFINITIONS

HALF = 0.5  # share of the amplitude, above the minimum, at which the half-amplitude definition draws the line


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

    Examples
    --------
    >>> observable([0.0, 80.0]).sum(axis=0)  # months with a noon sun of 15 degrees or more
    array([12,  5])
    """
    return np.abs(np.asarray(lat)[None] - declination(month_day())[:, None]) <= 75


def _run_lengths(flags):
    """Length of the unbroken run of True that starts in each month (first axis), cyclic in the year."""
    length = np.zeros(flags.shape, dtype=int)
    for step in range(2 * len(flags) - 1, -1, -1):
        month = step % 12
        length[month] = np.where(flags[month], np.minimum(length[(month + 1) % 12] + 1, 12), 0)
    return length


def _run(values, level, around_peak):
    """Index of the first month and length of the longest run above a level, or of the run that holds the highest month.

    Of equal runs the one that begins first in the calendar year counts.
    """
    length = _run_lengths(values > level)
    if around_peak:
        highest = np.where(np.isnan(values), -np.inf, values).argmax(axis=0)
        length = np.where((highest - np.arange(12)[:, None, None]) % 12 < length, length, 0)
    return length.argmax(axis=0), length.max(axis=0)


def _crossing(values, level, inside, outside):
    """Day of the year at which the line from one month to its neighbour crosses a level.

    Parameters
    ----------
    values : ndarray (12, ...)
        Monthly values, NaN where not observed.
    level : ndarray (...)
    inside, outside : ndarray of int (...)
        Index of a month above the level, and of the neighbour that is not. Where the neighbour was not observed, the
        middle of the month inside stands for the crossing.
    """
    high, low = (np.take_along_axis(values, month[None], axis=0)[0] for month in (inside, outside))
    drop = high - low
    share = np.divide(high - level, drop, out=np.zeros_like(drop), where=drop > 0)
    day = month_day()
    return (day[inside] + share * days_between(day[inside], day[outside]) - 1) % YEAR_D + 1


def bloom(chlorophyll, threshold=1.05, min_amplitude=1.5, observed=None, definition="threshold"):
    """Bloom months of each cell and the days on which its bloom begins and ends, cyclic in the year.

    Parameters
    ----------
    chlorophyll : DataArray (month, lat, lon)
        mg m-3, NaN on land.
    threshold : float
        For the definition `threshold`: in bloom where chlorophyll exceeds this many annual medians.
    min_amplitude : float
        A cell whose yearly maximum is below this many medians has no bloom, by either definition.
    observed : DataArray of bool (month, lat[, lon]), optional
        Months that count; default: those with enough sun (`observable`). A month that is not observed ends a run.
    definition : {"threshold", "half_amplitude"}
        `threshold`: the longest unbroken run of months above the annual median times `threshold`. `half_amplitude`:
        the run around the highest month above the middle between minimum and maximum.

    Returns
    -------
    Dataset
        in_bloom (month, lat, lon) bool; bloom_class (0 no bloom, 1 bloom, NaN on land); onset, peak, end (first,
        highest and last month in bloom, 1 to 12); onset_day, end_day (day of the year at which chlorophyll, linear
        between the middles of the months, crosses the level; next to a month that was not observed the middle of the
        month in bloom) and length (d, from one to the other); NaN without a bloom. amplitude (maximum over median).

    Raises
    ------
    ValueError
        If the definition is unknown.

    Notes
    -----
    In the gyres the cycle of chlorophyll is photo-acclimation more than growth. Brody et al. (2013) compare
    definitions.
    """
    if definition not in BLOOM_DEFINITIONS:
        raise ValueError(f"definition is {definition!r}, expected one of {', '.join(BLOOM_DEFINITIONS)}")
    if observed is None:
        observed = xr.DataArray(observable(chlorophyll["lat"].to_numpy()), dims=("month", "lat"))
    # what follows is no concentration: its unit and name must not stick to months and days
    seen = chlorophyll.where(observed).transpose("month", "lat", "lon").drop_attrs(deep=False)
    median, top, bottom = seen.median("month"), seen.max("month"), seen.min("month")
    half = definition == "half_amplitude"
    level = (bottom + HALF * (top - bottom) if half else threshold * median).to_numpy()
    values, amplitude = seen.to_numpy(), top / median
    start, length = _run(values, level, around_peak=half)
    months = np.arange(12)[:, None, None]
    inside = ((months - start) % 12 < length) & (amplitude >= min_amplitude).to_numpy()
    has = inside.any(axis=0)
    peak = np.where(inside, values, -np.inf).argmax(axis=0)
    last = (start + length - 1) % 12
    onset_day = _crossing(values, level, start, (start - 1) % 12)
    end_day = _crossing(values, level, last, (last + 1) % 12)

    def field(numbers, units, long_name, where=has):
        da = median.copy(data=np.where(where, numbers, np.nan).astype(np.float32))
        return da.assign_attrs(units=units, long_name=long_name)

    flags = {"flag_values": np.array([0, 1], np.float32), "flag_meanings": "no_bloom bloom"}
    fields = {
        "in_bloom": seen.copy(data=inside).assign_attrs(long_name="month is in bloom"),
        "bloom_class": field(has, "1", "does the cell bloom", np.isfinite(median.to_numpy())).assign_attrs(flags),
        "onset": field(start + 1, "1", "first month in bloom, 1 to 12"),
        "peak": field(peak + 1, "1", "month of the highest chlorophyll in the bloom, 1 to 12"),
        "end": field(last + 1, "1", "last month in bloom, 1 to 12"),
        "onset_day": field(onset_day, "d", "day of the year on which the bloom begins, 1.0 is the start of 1 January"),
        "end_day": field(end_day, "d", "day of the year on which the bloom ends, 1.0 is the start of 1 January"),
        "length": field(
            (end_day - onset_day) % YEAR_D,
            "d",
            "days between the crossings of the level; few where one month just passes it",
        ),
        "amplitude": amplitude.assign_attrs(units="1", long_name="highest chlorophyll of the year over its median"),
    }
    return xr.Dataset(
        fields, attrs={"definition": definition, "level": BLOOM_DEFINITIONS[definition].format(threshold)}
    )
