"""234Th and 238U: fluxes by the balance dTh/dt = lambda (U - Th) - dP/dz + V. Arrays only.

Activities are in dpm m-3 (1 dpm L-1 = 1000 dpm m-3), depths in m positive down, fluxes in dpm m-2 d-1, positive down.
Samples of many casts stand in flat arrays (n,); `cast` (n,) says to which cast, 0 .. n_casts - 1, each belongs. Their
order does not matter. A flux is a weighted sum of samples, so its value, its variance and its covariance with the flux
at another depth all follow from one set of weights: see `_weights`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seaofcarbon.vocabulary import HALF_LIFE_TH234_D, U238_RELATIONS

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
_OK, _NO_SAMPLE, _TOO_FEW, _NO_U, _TOO_DEEP, _NO_TARGET, _NO_SIGMA, _NO_EARLIER, _NO_RATE, _NO_RATE_SIGMA = range(
    len(REASONS)
)

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


class Flux(NamedTuple):
    """234Th fluxes, arrays (n_casts, n_depths).

    flux and the three parts of its sigma in dpm m-2 d-1: measurement (independent between samples), common (shared by
    the cast), integration (what lies between the samples: see `_between`); reason: index into `REASONS`; n_samples:
    samples that carry weight; gap: widest distance in m between samples (or above the first) on the way to the target.
    """

    flux: np.ndarray
    sigma_measurement: np.ndarray
    sigma_common: np.ndarray
    sigma_integration: np.ndarray
    reason: np.ndarray
    n_samples: np.ndarray
    gap: np.ndarray


# --- 238U --------------------------------------------------------------------------------------------------


def u238_from_salinity(salinity, relation="owens2011"):
    """Activity of 238U in dpm L-1 from practical salinity.

    Parameters
    ----------
    salinity : array_like
    relation : str
        A name in `vocabulary.U238_RELATIONS`, where the sources are.

    Returns
    -------
    ndarray, shape of `salinity`
        dpm L-1.

    Raises
    ------
    ValueError
        If the relation is unknown.

    Examples
    --------
    >>> round(float(u238_from_salinity(35.0)), 3)
    2.436
    """
    if relation not in U238_RELATIONS:
        raise ValueError(f"238U relation is {relation!r}, expected one of {', '.join(U238_RELATIONS)}")
    known = U238_RELATIONS[relation]
    return known.slope * np.asarray(salinity, dtype=float) + known.intercept


# --- Casts and weights ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Casts:
    """Samples by cast and depth, one per depth; `first` and `last` (n_casts,) index the ends of each cast."""

    depth: np.ndarray
    cast: np.ndarray
    count: np.ndarray
    columns: tuple

    @property
    def first(self):
        return np.minimum(np.cumsum(self.count) - self.count, max(len(self.depth) - 1, 0))

    @property
    def last(self):
        return np.maximum(np.cumsum(self.count) - 1, self.first)

    @property
    def gap(self):
        """Distance to the sample above, or to the surface for the first of a cast."""
        gap = np.diff(self.depth, prepend=0.0)
        first = self.first[self.count > 0]
        gap[first] = self.depth[first]
        return gap


def _arrange(depth, cast, n_casts, needed, *others):
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
    return _Casts(depth, cast, np.bincount(cast, minlength=n_casts), (*columns, replicates))


def _weights(casts, targets, rule):
    """Weights that make the integral from 0 m to each target a sum over samples.

    Parameters
    ----------
    casts : _Casts
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


def _weight_of(sample, weights):
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
    shared = full**2, i, next_i, at_i * _weight_of(i, weights), at_next * _weight_of(next_i, weights)
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
    casts : _Casts
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


def _spread_targets(targets, n_casts):
    targets = np.asarray(targets, dtype=float)
    return np.broadcast_to(targets, (n_casts, targets.shape[-1])) if targets.ndim else np.full((n_casts, 1), targets)


def _check(cast, rule, n_casts):
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
    n_casts = _check(cast, rule, n_casts)
    targets = _spread_targets(targets, n_casts)
    if start is not None:
        start, targets = np.broadcast_arrays(_spread_targets(start, n_casts), targets)
    casts = _arrange(depth, cast, n_casts, value, variance, common)
    values, variances, commons, replicates = casts.columns
    if not len(values):
        nothing = np.full(targets.shape, np.nan)
        reason = np.full(targets.shape, _NO_SAMPLE, dtype=np.int8)
        return Integral(nothing, nothing, nothing, nothing, reason, np.zeros(targets.shape, dtype=int), nothing)

    first, last, count = casts.first[:, None], casts.last[:, None], casts.count[:, None]
    weights = _, k, after, at_k, at_after = _weights(casts, targets, rule)
    above = i = None
    total, shared = (_sum(column, weights, first) for column in (values, commons))
    if start is None:
        i, begins = first, 0.0
    else:
        above, begins = _weights(casts, start, rule), np.where(start >= 0, start, np.nan)
        i = above[1]
        total, shared = total - _sum(values, above, first), shared - _sum(commons, above, first)
    variances = variances / replicates
    unknown = ~np.isfinite(variances)
    spread = _sum_of_squares(np.where(unknown, 0.0, variances), weights, first, above)
    if unknown.any():  # a weight of less than a millimetre is rounding
        spread = np.where(_sum_of_squares(unknown.astype(float), weights, first, above) > 1e-6, np.nan, spread)

    reason = np.select(
        [count == 0, count < min_samples, ~(targets >= begins), targets > casts.depth[last]],
        [_NO_SAMPLE, _TOO_FEW, _NO_TARGET, _TOO_DEEP],
        default=_OK,
    ).astype(np.int8)
    missing = reason != _OK
    # A running maximum by cast: each cast gets a step of its own, higher than any gap.
    step = casts.cast * (1.0 + casts.depth.max())
    widest = np.maximum.accumulate(casts.gap + step) - step
    ends = [i, k]
    if rule == "layers":  # what lies between two samples is asked of the samples on either side
        ends = [first if d is None else _weights(casts, d, "trapezoid")[1] for d in (start, targets)]
    results = [
        total, spread, shared, _between(casts, values, variances, start, ends[0], targets, ends[1]),
        widest[np.where(targets > casts.depth[k], after, k)],
    ]  # fmt: skip
    value, spread, common, between, gap = (np.where(missing, np.nan, r) for r in results)
    n_samples = np.where(missing, 0, k - i + (at_k > 0) + (at_after > 0))
    return Integral(value, spread, common, between, reason, n_samples, gap)


# --- Fluxes ----------------------------------------------------------------------------------------------


def decay_constant(half_life_d=HALF_LIFE_TH234_D):
    """Decay constant of a half-life.

    Parameters
    ----------
    half_life_d : float
        Days, above zero.

    Returns
    -------
    float
        d-1.

    Examples
    --------
    >>> round(float(decay_constant()), 7)
    0.0287613
    """
    if not half_life_d > 0:
        raise ValueError(f"half_life_d is {half_life_d}: give days above zero")
    return np.log(2) / half_life_d


def deepest(depth, cast, known, n_casts):
    """Depth of the deepest sample of each cast among the known ones; -inf without any."""
    deepest = np.full(n_casts, -np.inf)
    np.maximum.at(deepest, np.asarray(cast)[known], np.asarray(depth, dtype=float)[known])
    return deepest


def steady_state_flux(
    depth, th, u, cast, targets, *, start=None, th_sigma=np.nan, u_sigma=0.0, u_common_sigma=0.0,
    rule="trapezoid", half_life_d=HALF_LIFE_TH234_D, n_casts=None, min_samples=1,
):  # fmt: skip
    """Downward flux of 234Th on particles at each target depth, from the steady-state balance.

    P(z) = integral from 0 to z of lambda (U - Th), positive down; V is in `add_transport`. Below the equilibrium depth
    Th > U lowers the flux: it is signed and never clipped.

    Parameters
    ----------
    depth : array_like (n,)
        m, positive down.
    th, u : array_like (n,)
        Activities of total 234Th and 238U, dpm m-3.
    cast : array_like of int (n,)
        Cast of each sample, 0 .. n_casts - 1, in any order.
    targets : array_like scalar, (n_depths,) or (n_casts, n_depths)
        Depths in m at which the flux is wanted; never extrapolated below the last sample.
    start : array_like, as targets, optional
        Depths in m, not below the targets: the result is then what the flux gains from `start` to the target.
    th_sigma, u_sigma : array_like scalar or (n,)
        Standard errors of measurement, dpm m-3, independent between samples. Missing ones make sigma missing.
    u_common_sigma : array_like scalar or (n,)
        Standard error of the 238U relation, dpm m-3, the same error for the whole cast: added linearly.
    rule : {"trapezoid", "layers"}
        See `integrate`.
    half_life_d : float
        Half-life of 234Th, days.
    n_casts : int, optional
    min_samples : int
        Least number of samples with both isotopes in a cast.

    Returns
    -------
    Flux

    Examples
    --------
    >>> f = steady_state_flux([0, 50, 100, 150], [1900] * 4, [2400] * 4, [0] * 4, [100, 200])
    >>> f.flux.round(1), [REASONS[r] for r in f.reason[0]]
    (array([[1438.1,    nan]]), ['no sigma of 234Th or 238U', 'below the last sample'])
    """
    n_casts = _check(cast, rule, n_casts)
    decay = decay_constant(half_life_d)
    th, u = np.asarray(th, dtype=float), np.asarray(u, dtype=float)
    variance = decay**2 * (np.square(th_sigma) + np.square(u_sigma))
    return _balance(
        depth, th, decay * (u - th), variance, decay * np.asarray(u_common_sigma), cast, targets,
        start=start, rule=rule, n_casts=n_casts, min_samples=min_samples,
    )  # fmt: skip


def _balance(depth, th, supply, variance, common, cast, targets, *, rule, n_casts, min_samples, start=None):
    """Integrate a supply (n,), dpm m-3 d-1, and say whether it is 234Th or 238U that is missing where it is."""
    total = integrate(
        depth, supply, cast, targets, start=start, variance=variance, common=common, rule=rule, n_casts=n_casts,
        min_samples=min_samples,
    )  # fmt: skip
    # Where 234Th reaches deep enough, or is sampled often enough, and 238U does not, it is 238U that is missing.
    has_th = np.isfinite(th) & np.isfinite(np.asarray(depth, dtype=float))
    enough = np.bincount(np.asarray(cast)[has_th], minlength=n_casts)[:, None] >= max(min_samples, 1)
    reaches = _spread_targets(targets, n_casts) <= deepest(depth, cast, has_th, n_casts)[:, None]
    short = np.isin(total.reason, (_NO_SAMPLE, _TOO_FEW)) & enough | (total.reason == _TOO_DEEP) & reaches
    reason = np.where(short, _NO_U, total.reason)
    return _as_flux(total, reason)


def _as_flux(total, reason):
    """Flux of an integral; a sigma that is missing where the flux is not gets a reason."""
    sigma = np.sqrt(total.variance)
    reason = np.where((reason == _OK) & np.isnan(sigma), _NO_SIGMA, reason).astype(np.int8)
    return Flux(total.value, sigma, total.common, np.sqrt(total.between), reason, total.n_samples, total.gap)


def flux_covariance(
    depth, th, u, cast, upper, lower, *, th_sigma, u_sigma=0.0, rule="trapezoid", half_life_d=HALF_LIFE_TH234_D,
    n_casts=None,
):  # fmt: skip
    """Covariance, from measurement, of the fluxes at two depths of the same casts: they share samples.

    Parameters
    ----------
    depth, th, u, cast : array_like (n,)
        As in `steady_state_flux`.
    upper, lower : array_like scalar, (n_depths,) or (n_casts, n_depths)
        Pairs of depths in m, `upper` at most `lower`. The rest as in `steady_state_flux`.
    th_sigma, u_sigma, rule, half_life_d, n_casts
        As there.

    Returns
    -------
    ndarray (n_casts, n_depths)
        (dpm m-2 d-1)2; NaN where either flux is missing.

    Examples
    --------
    >>> cast = dict(depth=[0, 100, 200], th=[1900] * 3, u=[2400] * 3, cast=[0] * 3, th_sigma=50.0)
    >>> variance = steady_state_flux(**cast, targets=100).sigma_measurement ** 2
    >>> bool(np.isclose(flux_covariance(**cast, upper=100, lower=100), variance).all())  # a flux with itself
    True
    """
    variance = decay_constant(half_life_d) ** 2 * (np.square(th_sigma) + np.square(u_sigma))
    deficit = np.asarray(u, dtype=float) - np.asarray(th, dtype=float)

    def spread(targets, start=None):
        found = integrate(depth, deficit, cast, targets, start=start, variance=variance, rule=rule, n_casts=n_casts)
        return found.variance

    return (spread(upper) + spread(lower) - spread(lower, upper)) / 2


def _slope(casts, at, first, last):
    """Slope at samples `at` (n_casts, n_depths), of the parabola through each and its neighbours: columns and weights.

    At the ends of a cast it is the slope there of the last parabola. NaN in casts of fewer than three samples.
    """
    middle = np.clip(at, first + 1, np.maximum(last - 1, first + 1))
    columns = np.clip(np.stack([middle - 1, middle, middle + 1]), 0, len(casts.depth) - 1)
    a, b, c = casts.depth[columns]
    x = casts.depth[at]
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.stack([
            (2 * x - b - c) / ((a - b) * (a - c)), (2 * x - a - c) / ((b - a) * (b - c)),
            (2 * x - a - b) / ((c - a) * (c - b)),
        ])  # fmt: skip
    return columns, np.where(last - first < 2, np.nan, weights)


def add_transport(
    found, depth, th, u, cast, targets, *, velocity=0.0, velocity_sigma=0.0, diffusivity=0.0, diffusivity_sigma=0.0,
    th_sigma=np.nan, rule="trapezoid", interval_d=np.inf, half_life_d=HALF_LIFE_TH234_D,
):  # fmt: skip
    """Add to a flux the supply of 234Th by upwelling and vertical diffusion, V = w dTh/dz + Kz d2Th/dz2.

    Rates are constant over depth, and nothing crosses the surface, so the integral of V down to z is
    w [Th(z) - Th(first)] + Kz Th'(z): what is carried and mixed up through the depth z. Above the first sample the
    activity is held constant, so there is no supply. Th(z) is linear between samples, and so is the slope Th'.

    Parameters
    ----------
    found : Flux
        From `steady_state_flux` or `non_steady_flux` with the same samples (the second occupation) and targets.
    depth, th, u, cast, targets, th_sigma, rule, half_life_d
        As there.
    velocity, velocity_sigma : array_like scalar or (n_casts,)
        w in m d-1, positive upward, and its standard error, which all samples of a cast share.
    diffusivity, diffusivity_sigma : array_like scalar or (n_casts,)
        Kz in m2 d-1 (1e-5 m2 s-1 is 0.864 m2 d-1).
    interval_d : array_like scalar or (n_casts,)
        Days between the occupations of a non-steady flux.

    Returns
    -------
    Flux
        The noise of 234Th acts on deficit and supply together; errors of the rates join the common sigma.

    Examples
    --------
    >>> z, th, u, cast = [0, 100, 200], [1000.0, 1500.0, 2000.0], [2400.0] * 3, [0] * 3
    >>> still = steady_state_flux(z, th, u, cast, 150, th_sigma=50.0)
    >>> risen = add_transport(still, z, th, u, cast, 150, velocity=1.0, th_sigma=50.0)
    >>> (risen.flux - still.flux).round(6)  # 1 m d-1 carries Th(150 m) - Th(0 m) = 750 dpm m-3
    array([[750.]])
    """
    n_casts = len(found.flux)
    wanted = _spread_targets(targets, n_casts)
    has_u = np.isfinite(np.asarray(u, dtype=float))
    th = np.where(has_u, np.asarray(th, dtype=float), np.nan)
    casts = _arrange(depth, cast, n_casts, th, np.square(th_sigma))
    if not len(casts.depth):
        return found
    values, variances, replicates = casts.columns
    variances = variances / replicates
    w, w_sigma, kz, kz_sigma = (
        np.broadcast_to(np.asarray(rate, dtype=float), n_casts)[:, None]
        for rate in (velocity, velocity_sigma, diffusivity, diffusivity_sigma)
    )
    first, last = casts.first[:, None], casts.last[:, None]
    _, k, after, _, _ = _weights(casts, wanted, "trapezoid")
    width = casts.depth[after] - casts.depth[k]
    share = np.divide(np.maximum(wanted - casts.depth[k], 0.0), width, out=np.zeros(k.shape), where=width > 0)
    # what is at the target, between two samples, less what is at the first sample
    ends = np.stack([k, after, np.broadcast_to(first, k.shape)])
    lever = np.stack([1 - share, share, np.full(k.shape, -1.0)])
    columns, slopes = _slope(casts, ends[:2], first, last)
    below_first = wanted > casts.depth[first]
    slopes = np.where(below_first & ((kz != 0) | (kz_sigma != 0)), slopes * lever[:2], 0.0)
    risen, bent = (lever * values[ends]).sum(axis=0), (slopes * values[columns]).sum(axis=(0, 1))
    supply, rates = w * risen + kz * bent, (w_sigma * risen) ** 2 + (kz_sigma * bent) ** 2

    columns = np.concatenate([ends, columns.reshape(-1, *k.shape)])
    weight = np.concatenate([w * lever, (kz * slopes).reshape(-1, *k.shape)])
    noise = np.where(weight == 0, 0.0, weight * variances[columns])  # an unknown sigma only counts where it is used
    decay = decay_constant(half_life_d)
    gain = np.broadcast_to(decay / -np.expm1(-decay * np.asarray(interval_d, dtype=float)), n_casts)[:, None]
    deficit = gain * _weight_of(columns, _weights(casts, wanted, rule))
    own = np.einsum("pij,qij,pqij->ij", noise, weight, columns[:, None] == columns)  # a sample may stand there twice
    variance = own - 2 * (noise * deficit).sum(axis=0)
    flux = found.flux + supply
    measurement = np.sqrt(np.maximum(found.sigma_measurement**2 + variance, 0.0))
    common = np.sqrt(found.sigma_common**2 + rates)
    lost = np.isnan(flux) & np.isfinite(found.flux)
    sure = np.isfinite(flux) & (found.reason == _OK)
    unsure = sure & np.isnan(measurement), sure & np.isnan(common)
    reason = np.select([lost, *unsure], [_NO_RATE, _NO_SIGMA, _NO_RATE_SIGMA], found.reason).astype(np.int8)
    parts = (np.where(lost, np.nan, part) for part in (measurement, common, found.sigma_integration, found.gap))
    return Flux(flux, *(next(parts) for _ in range(3)), reason, np.where(lost, 0, found.n_samples), next(parts))


def non_steady_layer(u, th_first, th_second, interval_d, thickness_m=1.0, half_life_d=HALF_LIFE_TH234_D):
    """Flux out of a layer between two occupations of the same water (Buesseler et al. 1992), dpm m-2 d-1.

    lambda [U (1 - e) + Th1 e - Th2] / (1 - e) dz with e = exp(-lambda dt). The steady state for Th1 = Th2.

    Parameters
    ----------
    u, th_first, th_second : array_like
        dpm m-3, broadcast.
    interval_d : array_like
        Days between the occupations.
    thickness_m : array_like
        m.
    half_life_d : float
        Days.

    Returns
    -------
    ndarray
        dpm m-2 d-1.

    Examples
    --------
    >>> round(float(non_steady_layer(2400, 1800, 1500, 20, 100)), 3)
    3698.231
    """
    decay = decay_constant(half_life_d)
    kept = np.exp(-decay * np.asarray(interval_d, dtype=float))
    u, th_first, th_second = (np.asarray(a, dtype=float) for a in (u, th_first, th_second))
    return decay * (u * (1 - kept) + th_first * kept - th_second) / (1 - kept) * thickness_m


def non_steady_flux(first, second, interval_d, targets, *, u_common_sigma=0.0, rule="trapezoid",
                    half_life_d=HALF_LIFE_TH234_D, n_casts=None, min_samples=1):  # fmt: skip
    """Downward flux of 234Th averaged over the time between two occupations of each station.

    Each occupation is integrated on its own bottle depths; then the layer formula of Buesseler et al. (1992) holds for
    the inventories. 238U is that of the second occupation.

    Parameters
    ----------
    first : tuple (depth, th, th_sigma, station)
        Arrays (n1,): m, dpm m-3, dpm m-3, index of the station.
    second : tuple (depth, th, th_sigma, station, u, u_sigma)
        Arrays (n2,).
    interval_d : array_like (n_stations,)
        Days between the occupations; the noise of 234Th is amplified 16 times at 3 d, 3.6 times at 14 d.
    targets : array_like
        As in `steady_state_flux`, which explains the rest.
    u_common_sigma, rule, half_life_d, n_casts, min_samples
        As in `steady_state_flux`.

    Returns
    -------
    Flux
        n_samples counts the second occupation; gap is the wider of both.

    Examples
    --------
    >>> z, station, none = [0, 100, 200], [0] * 3, [0.0] * 3
    >>> first, second = (z, [1800] * 3, none, station), (z, [1500] * 3, none, station, [2400] * 3, none)
    >>> non_steady_flux(first, second, [20], 100).flux.round(3)  # as `non_steady_layer` says
    array([[3698.231]])
    """
    depth1, th1, sigma1, station1 = first
    depth2, th2, sigma2, station2, u2, u_sigma2 = second
    n_casts = max(_check(station1, rule, n_casts), _check(station2, rule, n_casts))
    decay, interval_d = decay_constant(half_life_d), np.asarray(interval_d, dtype=float)
    if (interval_d <= 0).any():
        raise ValueError(f"interval_d is {np.nanmin(interval_d):g}: the first occupation is the earlier one")
    kept = np.exp(-decay * np.broadcast_to(interval_d, n_casts))
    gain = 1 / (1 - kept)
    # lambda [U (1 - e) + Th1 e - Th2] / (1 - e): the second visit brings lambda (U - Th2 gain), the first the rest.
    then, now = (decay * kept * gain)[station1], gain[station2]
    options = {"rule": rule, "n_casts": n_casts, "min_samples": min_samples}
    th2 = np.asarray(th2, dtype=float)
    later = _balance(
        depth2, th2, decay * (u2 - now * th2), decay**2 * (np.square(u_sigma2) + np.square(now * sigma2)),
        decay * np.asarray(u_common_sigma), station2, targets, **options,
    )  # fmt: skip
    earlier = integrate(depth1, then * th1, station1, targets, variance=np.square(then * sigma1), **options)
    lost = np.isin(earlier.reason, (_NO_SAMPLE, _TOO_FEW, _TOO_DEEP)) & np.isin(later.reason, (_OK, _NO_SIGMA))
    reason = np.where(lost, _NO_EARLIER, np.where(later.reason == _NO_SIGMA, _OK, later.reason))
    flux = later.flux + earlier.value
    both = Integral(
        flux, later.sigma_measurement**2 + earlier.variance, np.where(np.isnan(flux), np.nan, later.sigma_common),
        later.sigma_integration**2 + earlier.between, reason, later.n_samples, np.fmax(later.gap, earlier.gap),
    )  # fmt: skip
    return _as_flux(both, reason)


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
    n_casts = _check(cast, "trapezoid", n_casts)
    casts = _arrange(depth, cast, n_casts, np.asarray(u, dtype=float) - np.asarray(th, dtype=float))
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
