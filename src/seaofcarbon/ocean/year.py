"""The year: its days, months and seasons, and how long the sun shines.

Monthly means stand in the middle of their month, and time is cyclic: from mid-December one goes on to mid-January.
"""

import numpy as np
import xarray as xr

YEAR_D = 365.25
MONTH_LENGTHS_D = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
"""Days of each month of a mean year."""
EQUATORIAL_DEG, TROPIC_DEG = 10.0, 23.44
"""The equatorial sea reaches so far from the equator, and the tropics, degrees: the latest the sun is overhead."""

SEASONS = ("winter", "spring", "summer", "autumn")


def month_day():
    """Day of the year in the middle of each month.

    Returns
    -------
    ndarray (12,)
        Days, 1.0 being the first of January at 0 h.

    Examples
    --------
    >>> month_day()[:2]
    array([16.5  , 46.125])
    """
    return 1 + np.cumsum(MONTH_LENGTHS_D) - MONTH_LENGTHS_D / 2


def day_of_year(time):
    """Day of the year with its fraction: 1.0 on the first of January at 0 h, NaN where time is missing.

    Parameters
    ----------
    time : array_like of datetime64 (n,)

    Returns
    -------
    ndarray of float (n,)

    Examples
    --------
    >>> day_of_year(["2001-01-01", "2001-02-01T12:00", "NaT"])
    array([ 1. , 32.5,  nan])
    """
    time = np.asarray(time, dtype="datetime64[ns]")
    days = 1 + (time - time.astype("datetime64[Y]")) / np.timedelta64(1, "D")
    return np.where(np.isnat(time), np.nan, days)


def days_between(first, second):
    """Days from one day of the year to another, the shorter way round: negative where the second comes before.

    Parameters
    ----------
    first, second : array_like or DataArray
        Days of the year; broadcast.

    Returns
    -------
    as `first`
        Days, -182.625 to 182.625.

    Examples
    --------
    >>> days_between(360.0, 5.0), days_between(100.0, 90.0)
    (10.25, -10.0)
    """
    return (second - first + YEAR_D / 2) % YEAR_D - YEAR_D / 2


def declination(day):
    """Declination of the sun in degrees, from the Fourier series of Spencer (1971).

    Parameters
    ----------
    day : array_like
        Day of the year.

    Returns
    -------
    ndarray
        Degrees north.

    Examples
    --------
    >>> [round(float(declination(day))) for day in (172, 355)]  # about the solstices
    [23, -23]
    """
    g = 2 * np.pi * (np.asarray(day, dtype=float) - 1) / 365
    return np.degrees(
        0.006918 - 0.399912 * np.cos(g) + 0.070257 * np.sin(g) - 0.006758 * np.cos(2 * g) + 0.000907 * np.sin(2 * g)
        - 0.002697 * np.cos(3 * g) + 0.00148 * np.sin(3 * g)
    )  # fmt: skip


def day_length(latitude, day):
    """Hours between sunrise and sunset: 0 in the polar night, 24 in the polar day.

    Parameters
    ----------
    latitude : array_like
        Degrees north.
    day : array_like
        Day of the year; broadcasts with `latitude`.

    Returns
    -------
    ndarray
        Hours.

    Examples
    --------
    >>> float(day_length(0.0, 100))
    12.0
    """
    tangents = np.tan(np.radians(latitude)) * np.tan(np.radians(declination(day)))
    return 24 / np.pi * np.arccos(np.clip(-tangents, -1, 1))


def month_weights(day):
    """Indices of the months before and after each day, and the weight of the one after."""
    middle = month_day()
    day = (np.asarray(day, dtype=float) - 1) % YEAR_D + 1
    after = np.searchsorted(middle, day, side="right")
    edges = np.concatenate([[middle[-1] - YEAR_D], middle, [middle[0] + YEAR_D]])
    weight = (day - edges[after]) / (edges[after + 1] - edges[after]) if np.size(day) else day
    return (after - 1) % 12, after % 12, weight


def monthly_to_day(monthly, day):
    """Monthly means to days of the year: linear between the middles of the months, cyclic over the year end.

    Parameters
    ----------
    monthly : array_like (12, ...) or DataArray with the dimension month
    day : array_like (n,) or scalar
        Day of the year, 1 to 366.

    Returns
    -------
    ndarray (n, ...) or DataArray with the dimension `day` in place of month

    Examples
    --------
    >>> float(monthly_to_day(range(12), 1.0).round(2))
    5.5
    """
    if isinstance(monthly, xr.DataArray):
        day = np.atleast_1d(day)
        values = monthly_to_day(monthly.transpose("month", ...).to_numpy(), day)
        rest = [d for d in monthly.dims if d != "month"]
        coords = {name: c for name, c in monthly.coords.items() if "month" not in c.dims}
        return xr.DataArray(values, {**coords, "day": day}, ("day", *rest), monthly.name, monthly.attrs)
    monthly = np.asarray(monthly)
    before, after, weight = month_weights(day)
    weight = weight.reshape(weight.shape + (1,) * (monthly.ndim - 1)).astype(np.result_type(monthly, np.float32))
    return monthly[before] * (1 - weight) + monthly[after] * weight


def season_of(month, lat):
    """Season by hemisphere: 0 winter (December to February in the north), 1 spring, 2 summer, 3 autumn.

    South of the equator the year is shifted by half. Names are in `SEASONS`.

    Parameters
    ----------
    month : array_like of int
        1 to 12; broadcasts with `lat`.
    lat : array_like
        Degrees north.

    Returns
    -------
    ndarray of int
        Index into `SEASONS`.

    Examples
    --------
    >>> SEASONS[season_of(1, -40.0)]
    'summer'
    """
    return (np.asarray(month) % 12 // 3 + 2 * (np.asarray(lat) < 0)) % 4


def season_angle(day, lat):
    """Angle of the season, radians: that of the day of the year, half a year on in the southern hemisphere.

    Within 10 degrees of the equator seasons are those of the calendar, from the tropic of Capricorn southward they are
    the opposite ones, and between the two the angle turns evenly, so that a map has no edge there.

    Parameters
    ----------
    day : array_like
        Day of the year, 1 is the first; broadcasts with `lat`.
    lat : array_like
        Degrees north.

    Returns
    -------
    ndarray
        Radians.

    Examples
    --------
    >>> round(float(np.cos(season_angle(10, -40.0)) / np.cos(season_angle(10, 40.0))), 6)
    -1.0
    """
    half = np.clip((-np.asarray(lat, float) - EQUATORIAL_DEG) / (TROPIC_DEG - EQUATORIAL_DEG), 0.0, 1.0)
    return 2 * np.pi * np.asarray(day, float) / YEAR_D + np.pi * half
