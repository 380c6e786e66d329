"""Depth integrals of sampled quantities with their variances: each is a weighted sum of samples, see `weights_to`."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

REASONS = (
    "",
    "no sample",
    "too few samples",
    "no 238U",
    "below the last sample",
    "no target depth",
    "no sigma of 234Th or 238U",
    "the earlier occupation has too few samples or does not reach",
    "no rate of upwelling or diffusion, or too few samples for it",
    "no sigma of the rate of upwelling or diffusion",
)
"""Why a flux is missing (`no sigma`: why its sigma is); results hold the index."""
OK, NO_SAMPLE, TOO_FEW, NO_U, TOO_DEEP, NO_TARGET, NO_SIGMA, NO_EARLIER, NO_RATE, NO_RATE_SIGMA = range(len(REASONS))

RULES = ("trapezoid", "layers")

TRANSITION = 0.6
"""Part of the distance between two samples that a change takes: chosen on the twin, between a sharp step (0), which
makes sigma too wide there, and a straight line (1), which would leave no such error at all."""

SHORTEST_STEP_M = 10.0
"""Two bottles closer than this say little about how fast 234Th changes above them."""

DEEPEST_M = 11_500.0
"""Deeper than any sea: a sample from there has a wrong depth."""


class Integral(NamedTuple):
    """Depth integrals down to each target, arrays (n_casts, n_depths)."""

    value: np.ndarray
    variance: np.ndarray
    common: np.ndarray
    between: np.ndarray
    reason: np.ndarray
    n_samples: np.ndarray
    gap: np.ndarray


@dataclass(frozen=True)
class Casts:
    """Samples by cast and depth, one per depth; `first` and `last` (n_casts,) index the ends of each cast."""

    depth: np.ndarray
    cast: np.ndarray
    count: np.ndarray
    columns: tuple

    @property
    def first(self):
        """Index of the first sample of each cast (n_casts,)."""
        return np.minimum(np.cumsum(self.count) - self.count, max(len(self.depth) - 1, 0))

    @property
    def last(self):
        """Index of the last sample of each cast (n_casts,)."""
        return np.maximum(np.cumsum(self.count) - 1, self.first)

    @property
    def gap(self):
        """Distance in m to the sample above, or to the surface for the first of a cast (n,)."""
        gap = np.diff(self.depth, prepend=0.0)
        first = self.first[self.count > 0]
        gap[first] = self.depth[first]
        return gap


def arrange(depth, cast, n_casts, needed, *others):
    """Sort by cast and depth, leave out samples without depth or `needed`, and average replicates at one depth.

    `needed` and `others` are (n,); the variance of a mean of m replicates is the mean variance over m, so columns
    are averaged here and the caller divides by the replicate count, which comes last among the columns.
    """
    depth, needed, cast = np.asarray(depth, dtype=float), np.asarray(needed, dtype=float), np.asarray(cast)
    keep = np.isfinite(depth) & (depth >= 0) & np.isfinite(needed)
    if (depth[keep] > DEEPEST_M).any():  # one such depth would take the digits of all other casts
        raise ValueError(f"a sample lies at {depth[keep].max():g} m, deeper than any sea")
    order = np.flatnonzero(keep)
    dz, next_cast = np.diff(depth[order]), np.diff(cast[order])
    if not ((next_cast > 0) | (next_cast == 0) & (dz > 0)).all():  # mostly sorted already; sorting is half the time
        order = order[np.lexsort((needed[order], depth[order], cast[order]))]
    depth, cast = depth[order], cast[order]
    columns = [np.broadcast_to(np.asarray(c, dtype=float), keep.shape)[order] for c in (needed, *others)]
    new = np.ones(len(depth), dtype=bool)
    new[1:] = (np.diff(depth) != 0) | (np.diff(cast) != 0)
    start = np.flatnonzero(new)
    replicates = np.diff(start, append=len(depth)).astype(float)
    if len(start) < len(depth):
        columns = [np.add.reduceat(c, start) / replicates for c in columns]
        depth, cast = depth[start], cast[start]
    return Casts(depth, cast, np.bincount(cast, minlength=n_casts), (*columns, replicates))


def weights_to(casts, targets, rule):
    """Weights that make the integral from 0 m to each target a sum over samples.

    Parameters
    ----------
    casts : Casts
    targets : ndarray (n_casts, n_depths)
    rule : {"trapezoid", "layers"}

    Returns
    -------
    full : ndarray (n,)
        Weight in m of a sample that lies well above the target.
    k, after : ndarray of int (n_casts, n_depths)
        The last two samples that count; those before k carry their full weight.
    at_k, at_after : ndarray (n_casts, n_depths)
        Their weights in m.

    Notes
    -----
    Trapezoid: the first sample reaches up to 0 m, values are linear between samples, also at the target. With h metres
    from sample k to the target, a share f of the way to the next one, the integral gains h (1 - f/2) of sample k and
    h f/2 of the next. Layers: each sample stands for the water half-way to its neighbours, the last ends at its depth.
    """
    z, gap = casts.depth, casts.gap
    first, last = casts.first[:, None], casts.last[:, None]
    is_first, is_last = np.zeros(len(z), dtype=bool), np.zeros(len(z), dtype=bool)
    filled = casts.count > 0
    is_first[casts.first[filled]], is_last[casts.last[filled]] = True, True
    above = np.where(is_first, z, gap / 2)
    below = np.where(is_last, 0.0, np.append(gap[1:], 0.0) / 2)
    top = z if rule == "trapezoid" else z - above
    stride = 1.0 + max(z.max(), np.nanmax(targets, initial=0.0))
    offset = stride * np.arange(len(casts.count))
    wanted = np.where(targets >= 0, targets, 0.0)  # NaN is dealt with by the caller
    k = np.searchsorted(top + offset[casts.cast], (wanted + offset[:, None]).ravel(), side="right") - 1
    k = np.clip(k.reshape(wanted.shape), first, last)
    after = np.minimum(k + 1, last)
    if rule == "layers":
        return above + below, k, after, wanted - top[k], np.zeros(wanted.shape)
    h = np.maximum(wanted - z[k], 0.0)
    width = z[after] - z[k]
    half_share = 0.5 * np.divide(h, width, out=np.zeros_like(h), where=width > 0)
    at_k = np.where(wanted < z[k], wanted, above[k] + h * (1 - half_share))
    return above + below, k, after, at_k, h * half_share


def _sum(values, weights, first):
    """Weighted sum of `values` (n,) down to each target: a running sum, and the two samples at the target's end."""
    full, k, after, at_k, at_after = weights
    running = np.concatenate([[0.0], np.cumsum(full * values)])
    return running[k] - running[first] + at_k * values[k] + at_after * values[after]


def weight_of(sample, weights):
    """Weight of a sample (n_casts, n_depths) in the integral down to each target."""
    full, k, after, at_k, at_after = weights
    at_end = np.where(sample == k, at_k, np.where(sample == after, at_after, 0.0))
    return np.where(sample < k, full[sample], at_end)


def _sum_of_squares(variances, weights, first, above=None):
    """Variance of a weighted sum; `above` are the weights of what is left out, down to where the integral begins."""
    full, k, after, at_k, at_after = weights
    total = _sum(variances, (full**2, k, after, at_k**2, at_after**2), first)
    if above is None:
        return total
    _, i, next_i, at_i, at_next = above
    shared = full**2, i, next_i, at_i * weight_of(i, weights), at_next * weight_of(next_i, weights)
    rest = total + _sum_of_squares(variances, above, first) - 2 * _sum(variances, shared, first)
    return np.maximum(rest, 0.0)


def _between(casts, values, variances, start, i, targets, k):
    """Variance of an integral because nobody looked between the samples.

    The change from one sample to the next may lie anywhere between them: a straight line is then right in the mean. If
    the change takes `TRANSITION` of the distance, it is off by (1 - TRANSITION) times change times distance over the
    root of 12. Part of a change is noise, which is no part of this. Above the first sample the next change tells how
    fast things change.

    Parameters
    ----------
    casts : Casts
    values, variances : ndarray (n,)
        Samples, and the variance of their noise (NaN counts as none).
    start, targets : ndarray (n_casts, n_depths)
        Where each integral begins (None: at 0 m) and ends.
    i, k : ndarray of int (n_casts, n_depths)
        The last samples above them.

    Returns
    -------
    ndarray (n_casts, n_depths)
    """
    z, first = casts.depth, casts.first[:, None]
    same = np.diff(casts.cast, append=-1) == 0
    width = np.where(same, np.diff(z, append=0.0), 1.0)
    noise = np.nan_to_num(variances)
    step = np.diff(values, append=0.0) ** 2 - noise - np.append(noise[1:], 0.0)
    square = np.where(same, (1 - TRANSITION) ** 2 * np.maximum(step, 0.0), 0.0)  # of the change below each sample
    area = square * width**2
    running = np.concatenate([[0.0], np.cumsum(area / 12)])
    targets = np.where(targets >= 0, targets, 0.0)
    t = np.clip((targets - z[k]) / width[k], 0.0, 1.0)
    low, high = np.maximum(z[first] - targets, 0.0), z[first]  # above the first sample
    inside = running[k] - running[i] + area[k] * (t * t * t * (1 / 3 - t / 4))
    if start is not None:
        start = np.where(start >= 0, start, 0.0)
        s = np.clip((start - z[i]) / width[i], 0.0, 1.0)
        between = area[k] * (s * (t - s) ** 2 + (t - s) ** 3 / 3 - (t**2 - s**2) ** 2 / 4)
        rest = s * (1 - s) ** 2 + (1 - s) ** 3 / 3 - (1 - s**2) ** 2 / 4
        inside = np.where(i == k, between, inside + area[i] * (rest - 1 / 12))
        high = np.maximum(high - start, 0.0)
    rise = high - low
    steepness = square[first] / np.maximum(width[first], SHORTEST_STEP_M)
    above = steepness * (rise * rise * (low + rise / 3))
    return inside + above


def spread_targets(targets, n_casts):
    """Target depths as an array (n_casts, n_depths), however they were given."""
    targets = np.asarray(targets, dtype=float)
    return np.broadcast_to(targets, (n_casts, targets.shape[-1])) if targets.ndim else np.full((n_casts, 1), targets)


def checked(cast, rule, n_casts):
    """Number of casts, once the numbers of the casts and the rule were found right; ValueError otherwise."""
    if rule not in RULES:
        raise ValueError(f"rule is {rule!r}, expected one of {', '.join(RULES)}")
    cast = np.asarray(cast)
    if cast.size and cast.min() < 0:
        raise ValueError(f"cast holds {cast.min()}: number the casts from 0")
    needed = int(cast.max()) + 1 if cast.size else 0
    if n_casts is not None and needed > n_casts:
        raise ValueError(f"cast holds the index {needed - 1}, but n_casts is {n_casts}")
    return needed if n_casts is None else n_casts


def integrate(
    depth, value, cast, targets, *, start=None, variance=0.0, common=0.0, rule="trapezoid", n_casts=None, min_samples=1
):  # fmt: skip
    """Integral of a sampled quantity from the surface (or `start`) to each target depth, never beyond the last sample.

    Parameters
    ----------
    depth, value : array_like (n,)
        Samples; depth in m. Those with a missing or negative depth or a missing value are left out, replicates at one
        depth are averaged.
    cast : array_like of int (n,)
        Cast of each sample.
    targets : array_like scalar, (n_depths,) or (n_casts, n_depths)
        Depths in m.
    start : array_like, as targets, optional
        Depths in m where the integrals begin, not below the targets; default: 0 m.
    variance : array_like scalar or (n,)
        Independent variance of each value.
    common : array_like scalar or (n,)
        Standard error that all samples of a cast share; adds up linearly.
    rule : {"trapezoid", "layers"}
        Trapezoid: first sample extended to 0 m, linear between samples. Layers: one constant value around each sample.
    n_casts : int, optional
        Default: the largest index in `cast` plus one.
    min_samples : int
        Casts with fewer samples give nothing.

    Returns
    -------
    Integral

    Examples
    --------
    >>> float(integrate([10, 50, 100], [800, 400, 0], [0, 0, 0], 75).value[0, 0])
    39500.0
    """
    n_casts = checked(cast, rule, n_casts)
    targets = spread_targets(targets, n_casts)
    if start is not None:
        start, targets = np.broadcast_arrays(spread_targets(start, n_casts), targets)
    casts = arrange(depth, cast, n_casts, value, variance, common)
    values, variances, commons, replicates = casts.columns
    if not len(values):
        nothing = np.full(targets.shape, np.nan)
        reason = np.full(targets.shape, NO_SAMPLE, dtype=np.int8)
        return Integral(nothing, nothing, nothing, nothing, reason, np.zeros(targets.shape, dtype=int), nothing)

    first, last, count = casts.first[:, None], casts.last[:, None], casts.count[:, None]
    weights = _, k, after, at_k, at_after = weights_to(casts, targets, rule)
    above = i = None
    total, shared = (_sum(column, weights, first) for column in (values, commons))
    if start is None:
        i, begins = first, 0.0
    else:
        above, begins = weights_to(casts, start, rule), np.where(start >= 0, start, np.nan)
        i = above[1]
        total, shared = total - _sum(values, above, first), shared - _sum(commons, above, first)
    variances = variances / replicates
    unknown = ~np.isfinite(variances)
    spread = _sum_of_squares(np.where(unknown, 0.0, variances), weights, first, above)
    if unknown.any():  # a weight of less than a millimetre is rounding
        spread = np.where(_sum_of_squares(unknown.astype(float), weights, first, above) > 1e-6, np.nan, spread)

    reason = np.select(
        [count == 0, count < min_samples, ~(targets >= begins), targets > casts.depth[last]],
        [NO_SAMPLE, TOO_FEW, NO_TARGET, TOO_DEEP],
        default=OK,
    ).astype(np.int8)
    missing = reason != OK
    # A running maximum by cast: each cast gets a step of its own, higher than any gap.
    step = casts.cast * (1.0 + casts.depth.max())
    widest = np.maximum.accumulate(casts.gap + step) - step
    ends = [i, k]
    if rule == "layers":  # what lies between two samples is asked of the samples on either side
        ends = [first if d is None else weights_to(casts, d, "trapezoid")[1] for d in (start, targets)]
    results = [
        total, spread, shared, _between(casts, values, variances, start, ends[0], targets, ends[1]),
        widest[np.where(targets > casts.depth[k], after, k)],
    ]  # fmt: skip
    value, spread, common, between, gap = (np.where(missing, np.nan, r) for r in results)
    n_samples = np.where(missing, 0, k - i + (at_k > 0) + (at_after > 0))
    return Integral(value, spread, common, between, reason, n_samples, gap)
