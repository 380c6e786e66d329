"""Positions in doubt: on land, below the sea floor, or with the wrong sign of longitude. Distinct positions only."""

import functools

import numpy as np
import xarray as xr
from scipy.spatial import cKDTree

from seaofcarbon import catalog, files
from seaofcarbon.vocabulary import EARTH_RADIUS_KM

INLAND_KM = 25.0
"""The coast of the 1:110 million map errs by up to this: fjords, straits and small bays are not in it."""

FLOOR_FACTOR, FLOOR_MARGIN_M = 1.2, 200.0
"""The deepest mean of the cells around a place may lie this much above the deepest point there."""

FAR_KM = 500.0
"""Stations of a cruise are closer to the next one than this."""

_COAST_STEP = 0.1  # degrees between the points that stand for the coast
_LAND = files.EMBEDDED / "natural_earth" / "shapefiles" / "natural_earth" / "physical" / "ne_110m_land.shp"


def in_space(latitude, longitude):
    """Points of the globe as x, y, z (km), shape (n, 3): distances are straight, whatever the longitude."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    axes = [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    return EARTH_RADIUS_KM * np.column_stack(axes)


@functools.cache
def _land():
    """Polygons of land, and a tree of points along their coasts."""
    import shapely
    from cartopy.io import shapereader

    land = shapely.union_all(list(shapereader.Reader(_LAND).geometries()))
    shapely.prepare(land)
    coast = shapely.get_coordinates(shapely.segmentize(shapely.boundary(land), _COAST_STEP))
    return land, cKDTree(in_space(coast[:, 1], coast[:, 0]))


@functools.cache
def _floor():
    """Depth of the sea floor in each 1-degree cell (m, NaN on land), and the deepest of the cells around it."""
    with xr.open_dataset(catalog.path("climatology"), engine="netcdf4") as opened:
        floor = opened["bottom_depth"].transpose("lat", "lon").to_numpy()
    known = np.nan_to_num(floor, nan=-1.0)
    ringed = np.pad(np.pad(known, ((0, 0), (1, 1)), mode="wrap"), ((1, 1), (0, 0)), mode="edge")
    deepest = np.lib.stride_tricks.sliding_window_view(ringed, (3, 3)).max(axis=(2, 3))
    return floor, np.where(deepest < 0, np.nan, deepest)


def _at(grid, latitude, longitude):
    """Value of the 1-degree cell that each place lies in."""
    row = np.clip(np.floor(latitude + 90.0).astype(int), 0, 179)
    return grid[row, np.floor(longitude + 180.0).astype(int) % 360]


def on_land(latitude, longitude):
    """Tell places that are land by both the map of coasts and the 1-degree climatology.

    Parameters
    ----------
    latitude, longitude : ndarray of float, shape (n,)
        Places on the globe; NaN is no land.

    Returns
    -------
    ndarray of bool, shape (n,)
        True more than `INLAND_KM` inside the coast, in a cell without sea.

    Examples
    --------
    >>> on_land(np.array([48.0, 30.0]), np.array([20.0, -40.0]))
    array([ True, False])
    """
    import shapely

    land, coast = _land()
    found = np.isfinite(latitude) & np.isfinite(longitude)
    found[found] = shapely.contains_xy(land, longitude[found], latitude[found])
    found[found] = np.isnan(_at(_floor()[0], latitude[found], longitude[found]))
    found[found] = coast.query(in_space(latitude[found], longitude[found]))[0] > INLAND_KM
    return found


def deepest_m(latitude, longitude):
    """Depth (m) below which no sample can lie: that of the deepest cell around, with a margin; NaN where unknown.

    Parameters
    ----------
    latitude, longitude : ndarray of float, shape (n,)

    Returns
    -------
    ndarray of float, shape (n,)
    """
    known = np.isfinite(latitude) & np.isfinite(longitude)
    out = np.full(len(latitude), np.nan)
    out[known] = FLOOR_FACTOR * _at(_floor()[1], latitude[known], longitude[known]) + FLOOR_MARGIN_M
    return out


def mirrored(latitude, longitude, cruise):
    """Tell stops far from all others of their cruise that would lie among them with the other sign of longitude.

    Parameters
    ----------
    latitude, longitude : ndarray of float, shape (n,)
        Stops; those at one position count once.
    cruise : ndarray of int, shape (n,)

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    stops, back = np.unique(np.column_stack([latitude, longitude, cruise]), axis=0, return_inverse=True)
    if len(stops) < 2:
        return np.zeros(len(latitude), dtype=bool)
    latitude, longitude, cruise = stops.T
    # a fourth axis keeps cruises further apart than the globe is wide
    apart = 4.0 * EARTH_RADIUS_KM * cruise
    as_told, other_sign = (np.column_stack([in_space(latitude, s * longitude), apart]) for s in (1, -1))
    tree = cKDTree(as_told)
    near, near_mirrored = _nearest_other(tree, as_told), _nearest_other(tree, other_sign)
    wrong = (near > FAR_KM) & (near < 2 * EARTH_RADIUS_KM) & (near_mirrored < near / 5)
    return wrong[back.ravel()]


def _nearest_other(tree, points):
    """Distance (km) of each point to the nearest point of the tree that has not the same number."""
    distance, number = tree.query(points, k=2)
    itself = number[:, 0] == np.arange(len(points))
    return np.where(itself, distance[:, 1], distance[:, 0])
