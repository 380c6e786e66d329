"""What a cast tells beside its flux: equilibrium depth, gaps of smooth quantities, residence time, inventory."""

import numpy as np

from seaofcarbon.thorium.integrals import arrange, checked
from seaofcarbon.thorium.steady import decay_constant
from seaofcarbon.vocabulary import HALF_LIFE_TH234_D


def equilibrium_depth(depth, th, u, cast, n_casts=None):
    """Depth in m of the first downward crossing from deficit (Th < U) to equilibrium or excess, linear between samples.

    Parameters
    ----------
    depth, th, u, cast : array_like (n,)
        As in `steady_state_flux`; the unit of the two activities does not matter.
    n_casts : int, optional
        Default: the largest index in `cast` plus one.

    Returns
    -------
    ndarray (n_casts,)
        NaN where the deficit does not end above the last sample, or there is none.

    Examples
    --------
    >>> equilibrium_depth([0, 100, 200], [1, 2, 3], [2.5, 2.5, 2.5], [0, 0, 0])
    array([150.])
    """
    n_casts = checked(cast, "trapezoid", n_casts)
    casts = arrange(depth, cast, n_casts, np.asarray(u, dtype=float) - np.asarray(th, dtype=float))
    z, deficit = casts.depth, casts.columns[0]
    upper = np.flatnonzero((deficit[:-1] > 0) & (deficit[1:] <= 0) & (casts.cast[:-1] == casts.cast[1:]))
    share = deficit[upper] / (deficit[upper] - deficit[upper + 1])
    crossing = np.minimum(z[upper] + share * (z[upper + 1] - z[upper]), z[upper + 1])  # rounding must not pass it
    found = np.full(n_casts, np.inf)
    np.minimum.at(found, casts.cast[upper], crossing)
    return np.where(np.isinf(found), np.nan, found)


def fill_gaps(depth, values, cast, max_gap_m=50.0):
    """Missing values of a smooth quantity (salinity, 238U): linear between the neighbours in the same cast.

    Above the first and below the last known sample the nearest value is used. No neighbour may be further than
    `max_gap_m`.

    Parameters
    ----------
    depth, values, cast : array_like (n,)
        Depth in m, any quantity, and the cast of each sample.
    max_gap_m : float
        m.

    Returns
    -------
    ndarray (n,)
        In the order of the input; what cannot be filled stays NaN.

    Examples
    --------
    >>> fill_gaps([0, 20, 40, 200], [35.0, np.nan, 36.0, np.nan], [0, 0, 0, 0])
    array([35. , 35.5, 36. ,  nan])
    """
    depth, values, cast = np.asarray(depth, dtype=float), np.array(values, dtype=float), np.asarray(cast)
    order = np.lexsort((depth, cast))
    z, v, c = depth[order], values[order], cast[order]
    n = len(v)
    known = np.isfinite(v) & np.isfinite(z)
    index = np.arange(n)
    before = np.maximum.accumulate(np.where(known, index, -1))
    after = np.minimum.accumulate(np.where(known, index, n)[::-1])[::-1]

    def neighbour(i):
        inside = (i >= 0) & (i < n)
        i = np.where(inside, i, 0)
        ok = inside & (c[i] == c) & (np.abs(z[i] - z) <= max_gap_m) if n else inside
        return np.where(ok, v[i], np.nan), np.where(ok, z[i], np.nan)

    (v1, z1), (v2, z2) = neighbour(before), neighbour(after)
    width = z2 - z1
    linear = v1 + (v2 - v1) * np.divide(z - z1, width, out=np.zeros_like(z), where=width > 0)
    filled = np.where(np.isnan(linear), np.where(np.isnan(v1), v2, v1), linear)
    values[order] = np.where(known, v, filled)
    return values


def residence_time(th_inventory, flux):
    """Time in days that 234Th stays before it sinks: inventory (dpm m-2) over flux (dpm m-2 d-1); NaN for flux <= 0.

    Parameters
    ----------
    th_inventory : array_like
        dpm m-2.
    flux : array_like
        dpm m-2 d-1; broadcasts.

    Returns
    -------
    ndarray
        Days.

    Examples
    --------
    >>> residence_time([190_000.0, 190_000.0], [1900.0, -5.0])
    array([100.,  nan])
    """
    flux = np.asarray(flux, dtype=float)
    return np.divide(th_inventory, flux, out=np.full(flux.shape, np.nan), where=flux > 0)


def deficit_inventory(flux, half_life_d=HALF_LIFE_TH234_D):
    """Inventory of the deficit U - Th, dpm m-2, that belongs to a steady-state flux, dpm m-2 d-1.

    Parameters
    ----------
    flux : array_like
        dpm m-2 d-1.
    half_life_d : float
        Days.

    Returns
    -------
    ndarray
        dpm m-2.

    Examples
    --------
    >>> deficit_inventory(1438.1).round(-2)  # 500 dpm m-3 are missing over 100 m
    np.float64(50000.0)
    """
    return np.asarray(flux, dtype=float) / decay_constant(half_life_d)
