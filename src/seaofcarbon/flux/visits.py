"""Two occupations of the same water: who came back, when, and the flux between the visits."""

import numpy as np
import pandas as pd

from seaofcarbon import thorium
from seaofcarbon.files import UserError
from seaofcarbon.flux.samples import MIN_SAMPLES, column, with_thorium
from seaofcarbon.vocabulary import EARTH_RADIUS_KM

WINDOW_D = (10.0, 60.0)
RADIUS_KM = 50.0
NEAR_KM = 10.0  # further apart, two visits may be two stations of one survey: the twin's neighbours do not agree
QUIET_D = 10.0  # visits closer in time multiply the noise of 234Th by more than 5
SHORTEST_D, LONGEST_D, WIDEST_KM = 3.0, 365.0, 500.0
BASE_M = 150.0  # the water there is compared; shallower in casts that end above
MAX_CHANGE = {"temperature": 1.0, "salinity": 0.2}  # degrees Celsius, 1: more is another water mass


def check_window(window_d, max_km):
    """Refuse a window of time or place that makes no sense.

    Raises
    ------
    UserError
    """
    low, high = window_d
    if not SHORTEST_D <= low < high <= LONGEST_D:
        limits = f"{SHORTEST_D:.0f} <= from < to <= {LONGEST_D:.0f}"
        raise UserError(f"window {low:g} to {high:g} d: give days with {limits}, such as 10,60")
    if not 0 < max_km <= WIDEST_KM:
        raise UserError(f"radius {max_km:g} km: give more than 0 and at most {WIDEST_KM:.0f} km")


def revisits(samples, min_days=WINDOW_D[0], max_days=WINDOW_D[1], max_km=RADIUS_KM, *, min_samples=MIN_SAMPLES):
    """Pair each occupation with the best earlier one of the same water.

    Best is the nearest in place, in steps of a tenth of `max_km`; among equals the longest ago, because the noise of
    234Th counts less after a longer time. Where temperature or salinity of both are known at the base (150 m, or the
    end of the shorter cast), they may differ by 1 degree and 0.2 at most.

    Parameters
    ----------
    samples : DataFrame
        As in `fluxes`.
    min_days, max_days : float
        Window of the time between the two.
    max_km : float
        Furthest distance.
    min_samples : int
        Least number of samples of 234Th in the earlier cast.

    Returns
    -------
    DataFrame
        cast_id, earlier_id, interval_d, distance_km, checked (whether temperature or salinity of both are known); one
        row per cast that was revisited, in the order of `samples`.

    Raises
    ------
    UserError
        If the window or the distance makes no sense.
    """
    check_window((min_days, max_days), max_km)
    samples, cast, heads = with_thorium(samples)
    count = np.bincount(cast[np.isfinite(column(samples, "th234_total"))], minlength=len(heads))
    first, second, days, km = _near(heads, min_days, max_days, max_km)
    same, checked = _same_water(samples, cast, first, second, len(heads))
    keep = (count[first] >= min_samples) & same
    first, second, days, km, checked = (part[keep] for part in (first, second, days, km, checked))
    order = np.lexsort((first, km, -days, np.floor(10 * km / max_km), second))
    best = order[np.unique(second[order], return_index=True)[1]]
    ids = heads["cast_id"].to_numpy()
    return pd.DataFrame({
        "cast_id": ids[second[best]], "earlier_id": ids[first[best]], "interval_d": days[best], "distance_km": km[best],
        "checked": checked[best],
    })  # fmt: skip


def _near(heads, min_days, max_days, max_km):
    """All pairs of casts within the window: earlier and later one, days and km between them."""
    from scipy.spatial import cKDTree

    time = heads["time"].to_numpy("datetime64[ns]")
    known = np.flatnonzero(~np.isnat(time) & np.isfinite(heads[["latitude", "longitude"]].to_numpy(float)).all(axis=1))
    if not known.size:
        return tuple(np.zeros(0, dtype=kind) for kind in (int, int, float, float))
    lat, lon = np.radians(heads[["latitude", "longitude"]].to_numpy(float)[known].T)
    where = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    days = (time[known] - time[known].min()) / np.timedelta64(1, "D")
    # one box in place and time, so that a long series at one station does not pair all with all
    chord = 2 * np.sin(max_km / EARTH_RADIUS_KM / 2)
    tree = cKDTree(np.column_stack([where / chord, days / max_days]))
    a, b = tree.query_pairs(1.0 + 1e-9, p=np.inf, output_type="ndarray").T
    first, second = np.where(days[a] <= days[b], (a, b), (b, a))
    gone = days[second] - days[first]
    length = np.linalg.norm(where[first] - where[second], axis=1)
    km = 2 * EARTH_RADIUS_KM * np.arcsin(np.clip(length / 2, 0, 1))
    keep = (gone >= min_days) & (gone <= max_days) & (km <= max_km)
    return known[first[keep]], known[second[keep]], gone[keep], km[keep]


def _same_water(samples, cast, first, second, n_casts):
    """Whether temperature and salinity at the base of both casts agree, as far as both are known; whether any is."""
    depth, same = samples["depth_m"].to_numpy(float), np.ones(len(first), dtype=bool)
    checked = np.zeros(len(first), dtype=bool)
    for name, most in MAX_CHANGE.items():
        values = column(samples, name)
        known = np.isfinite(values) & np.isfinite(depth)
        if not known.any():
            continue
        last = thorium.deepest(depth, cast, known, n_casts)
        base = np.minimum(np.minimum(last[first], last[second]), BASE_M)  # -inf where one knows nothing
        pairs = np.concatenate([first, second])
        a, b = _value_at(depth[known], values[known], cast[known], np.tile(base, 2), pairs, n_casts).reshape(2, -1)
        same &= ~(np.isfinite(base) & (np.abs(a - b) > most))
        checked |= np.isfinite(base)
    return same, checked


def _value_at(depth, values, cast, wanted, at_cast, n_casts):
    """Values at depths of casts: linear between samples, the first one held above it; infinite depths mean nothing."""
    order = np.lexsort((depth, cast))
    far = 2.0 * max(depth.max(), BASE_M) + 1.0  # casts one after the other on one axis
    x = depth[order] + far * cast[order]
    top = np.full(n_casts, np.inf)
    np.minimum.at(top, cast, depth)
    inside = np.where(np.isfinite(wanted), np.maximum(wanted, top[at_cast]), 0.0)
    return np.interp(inside + far * at_cast, x, values[order])


def non_steady(casts, targets, pairs, **options):
    """Flux between each cast and its earlier occupation; casts without one have a missing flux.

    Parameters
    ----------
    casts : Casts
    targets : ndarray (n_casts, n_depths)
    pairs : DataFrame
        From `revisits`.
    **options
        Of `thorium.non_steady_flux`.

    Returns
    -------
    found : thorium.Flux
    before : ndarray of int (n_casts,)
        Number of the earlier cast, -1 without one.
    """
    number = pd.Index(casts.heads["cast_id"])
    first, second = number.get_indexer(pairs["earlier_id"]), number.get_indexer(pairs["cast_id"])
    interval, before = np.full(len(number), np.nan), np.full(len(number), -1)
    interval[second], before[second] = pairs["interval_d"], first
    # an occupation may be the earlier one of several: its samples are taken once for each
    order = np.argsort(casts.cast, kind="stable")
    count = np.bincount(casts.cast, minlength=len(number))
    begin = (np.cumsum(count) - count)[first]
    of_pair = np.repeat(np.arange(len(first)), count[first])
    rank = np.arange(len(of_pair)) - np.repeat(np.cumsum(count[first]) - count[first], count[first])
    rows = order[begin[of_pair] + rank]
    earlier = casts.depth[rows], casts.th[rows], casts.th_sigma[rows], second[of_pair]
    later = casts.depth, casts.th, casts.th_sigma, casts.cast, casts.u, casts.u_sigma
    found = thorium.non_steady_flux(earlier, later, interval, targets, u_common_sigma=casts.u_common, **options)
    return found, before
