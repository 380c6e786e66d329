"""What makes a flux questionable: deep water out of equilibrium, a near bottom, wide gaps. It is flagged, never cut."""

import numpy as np

from seaofcarbon import thorium
from seaofcarbon.flux.samples import column, join_words, uranium
from seaofcarbon.vocabulary import FLAG_GOOD, FLAG_MISSING, FLAG_QUESTIONABLE, SHELF_M

MAX_GAP_M = 150.0  # wider than that between samples, and the flux below is flagged
MAX_TOP_M = 50.0  # the first sample stands for the water above it: not for more than a usual mixed layer
DEEP_M = 300.0  # 234Th below it should equal 238U
NEAR_BOTTOM_M = 50.0  # within that of the bottom its sediment may lend and take 234Th


def deep_ratio(samples, relation="owens2011", measured=True):
    """Th/U of each cast below 300 m (below 500 m where three samples or more lie there): 1 if all is well.

    Parameters
    ----------
    samples : DataFrame
        As in `fluxes`.
    relation : str
        238U from salinity, a name in `vocabulary.U238_RELATIONS`.
    measured : bool
        Take measured 238U where there is some.

    Returns
    -------
    DataFrame
        By cast_id: n (samples), ratio (mean Th/U), sigma (of the mean, from measurement; NaN if unknown). Casts without
        a deep sample are left out.
    """
    u = uranium(samples, relation, measured)["u238"].to_numpy()
    deep = samples.reindex(columns=["cast_id", "depth_m"]).assign(
        ratio=column(samples, "th234_total") / u, square=(column(samples, "th234_total_sigma") / u) ** 2
    )
    deep = deep[(deep["depth_m"] > DEEP_M) & np.isfinite(deep["ratio"])]
    deeper = deep["depth_m"] > 500
    enough = deeper.groupby(deep["cast_id"]).transform("sum") >= 3
    by_cast = deep[deeper | ~enough].groupby("cast_id")
    mean = by_cast.agg(
        n=("ratio", "size"), ratio=("ratio", "mean"), square=("square", "mean"), known=("square", "count")
    )
    sigma = np.sqrt(mean["square"] / mean["n"]).where(mean["known"] == mean["n"])
    return mean[["n", "ratio"]].assign(sigma=sigma)


def deep_words(casts, relation, measured, tolerance):
    """Words for the casts whose deep 234Th is not in equilibrium: off by more than `tolerance` and than two sigma."""
    deep = deep_ratio(casts.samples, relation, measured).reindex(casts.heads["cast_id"])
    off = (deep["ratio"] - 1).abs()
    off = (off > tolerance) & ~(off < 2 * deep["sigma"])
    words = deep["ratio"].map("deep_equilibrium {:.2f}".format)
    return np.where(off, words, "").astype(object)


def shelf_words(casts, sea):
    """`shelf` for the casts over a bottom above 200 m, or whose deepest sample is within 50 m of it.

    A cast that goes further below the bottom of the grid shows that the grid is wrong there: it gets no word.
    """
    if sea is None or "bottom_depth" not in sea:
        return np.full(len(casts.heads), "", dtype=object)
    bottom, has = sea["bottom_depth"].to_numpy(float), np.isfinite(casts.th)
    below = bottom - thorium.deepest(casts.depth, casts.cast, has, len(casts.heads))
    near = (below >= -NEAR_BOTTOM_M) & ((below <= NEAR_BOTTOM_M) | (bottom < SHELF_M))
    return np.where(near, "shelf", "").astype(object)


def top_words(casts):
    """Words for the casts whose first sample with both isotopes lies so deep that nobody knows the water above it."""
    has = np.isfinite(casts.th) & np.isfinite(casts.u)
    top = -thorium.deepest(-casts.depth, casts.cast, has, len(casts.heads))
    return np.where(np.isfinite(top) & (top > MAX_TOP_M), f"no sample above {MAX_TOP_M:.0f} m", "").astype(object)


def all_words(casts, sea, relation, measured, tolerance):
    """All that makes the fluxes of a cast questionable, whatever their depth."""
    deep = deep_words(casts, relation, measured, tolerance)
    return join_words(deep, shelf_words(casts, sea), top_words(casts), casts.doubts)


def judge(found, unknown, doubts, notes, max_gap_m):
    """Words and flags of fluxes (n_casts, n_depths).

    Parameters
    ----------
    found : thorium.Flux
    unknown : ndarray of str (n_casts, n_depths)
        Why a target depth is unknown.
    doubts, notes : ndarray of str (n_casts,)
        What makes the fluxes of a cast questionable, and what is only to be told.
    max_gap_m : float
        Fluxes below a wider gap are questionable.

    Returns
    -------
    reason : ndarray of str
    flag : ndarray of int8
    """
    missing = np.isnan(found.flux)
    reason = np.array(thorium.REASONS, dtype=object)[found.reason]
    reason = np.where(reason == "no target depth", np.where(unknown == "", reason, unknown), reason)
    gap = np.where(found.gap > max_gap_m, f"gap of more than {max_gap_m:.0f} m", "").astype(object)
    words = join_words(reason, gap, doubts[:, None], notes[:, None])
    good = (gap == "") & (doubts == "")[:, None]
    flag = np.where(missing, FLAG_MISSING, np.where(good, FLAG_GOOD, FLAG_QUESTIONABLE)).astype(np.int8)
    return np.where(missing, reason, words), flag
