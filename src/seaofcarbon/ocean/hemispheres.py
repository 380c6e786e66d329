"""The year of one hemisphere beside that of the other."""

import numpy as np

from seaofcarbon.ocean.grids import cell_area


def hemispheres(da, low=20.0, high=60.0):
    """How the mean year of the south goes with that of the north: month against month, and season against season.

    Where the sun drives a quantity, the year of the south is that of the north half a year later, so that the second
    correlation is the higher one. A map for which the first one is higher has the calendar of one hemisphere in both.
    The other way round nothing is shown of a model that is told the day of the season of the hemisphere
    (`season_angle`): such a map has seasons in both by construction.

    Parameters
    ----------
    da : DataArray, dims (month, lat, lon)
        All twelve months. Cells that lack a value in any month are left out: they would come and go with the light.
    low, high : float
        Degrees from the equator, of the same belt on both sides.

    Returns
    -------
    by_month, by_season : float
        Correlations of the two area-weighted mean years, from -1 to 1; NaN where one of them has no cell with all
        months, or does not change.

    Examples
    --------
    >>> import xarray as xr
    >>> month, lat = np.arange(1, 13), np.array([-40.0, 40.0])
    >>> year = np.cos(np.pi * month / 6)[:, None, None] * np.sign(lat)[:, None]
    >>> r = hemispheres(xr.DataArray(year, {"month": month, "lat": lat, "lon": [0.0]}, ("month", "lat", "lon")))
    >>> [round(float(value), 6) for value in r]
    [-1.0, 1.0]
    """
    da = da.where(da.notnull().all("month"))
    belt = (abs(da["lat"]) >= low) & (abs(da["lat"]) <= high)
    north, south = (
        da.where(belt & side).weighted(cell_area(da["lat"])).mean(["lat", "lon"]).transpose("month").to_numpy()
        for side in (da["lat"] > 0, da["lat"] < 0)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.corrcoef(north, south)[0, 1], np.corrcoef(np.roll(north, 6), south)[0, 1]
