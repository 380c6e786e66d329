"""Names of ocean basins."""

import numpy as np

from seaofcarbon.ocean.grids import wrap

BASINS = (
    "Arctic", "North Atlantic", "South Atlantic", "North Pacific", "South Pacific", "Indian", "Southern Ocean",
    "Mediterranean",
)  # fmt: skip

# Longitude that parts the Atlantic from the Pacific, by latitude: down the Andes and across the isthmus.
_AMERICA_LAT = (-90, -60, 0, 7, 8.7, 9.2, 12, 15, 17, 20, 30, 70)
_AMERICA_LON = (-68, -68, -75, -77, -77.4, -83.5, -86, -90, -95, -101, -107, -110)


def basin(lat, lon):
    """Name of the ocean basin, from simple boxes.

    Arctic is north of 66.5 N, Southern Ocean south of 50 S. The Mediterranean includes the Black Sea. The Atlantic
    reaches from the Americas to 20 E, the Indian Ocean from there to 100 E (147 E south of 8 S), the Pacific the rest.

    Parameters
    ----------
    lat, lon : array_like
        Degrees, any longitude convention; broadcast.

    Returns
    -------
    ndarray of str

    Examples
    --------
    >>> basin(35.5, -4.5).item(), basin(0.0, 170.0).item()
    ('Mediterranean', 'North Pacific')
    """
    lat, lon = np.broadcast_arrays(np.asarray(lat, dtype=float), wrap(np.asarray(lon, dtype=float)))
    inland = (lat >= 30) & (lat <= 47.5) & (lon >= -5.6) & (lon <= 42)
    biscay = (lon < 0) & (lat > 42)
    atlantic = (lon >= np.interp(lat, _AMERICA_LAT, _AMERICA_LON)) & (lon < np.where(lat > 31, 60, 20))
    indian = (lon >= 20) & (lon < np.where(lat < -8, 147, 100)) & (lat < 31)
    north = lat >= 0
    tests = [lat >= 66.5, lat < -50, inland & ~biscay, atlantic & north, atlantic, indian, north]
    names = ["Arctic", "Southern Ocean", "Mediterranean", "North Atlantic", "South Atlantic", "Indian", "North Pacific"]
    return np.select(tests, names, default="South Pacific")
