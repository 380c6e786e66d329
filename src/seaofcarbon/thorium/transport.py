"""Supply of 234Th by upwelling and vertical diffusion."""

import numpy as np

from seaofcarbon.thorium.integrals import (
    NO_RATE,
    NO_RATE_SIGMA,
    NO_SIGMA,
    OK,
    arrange,
    spread_targets,
    weight_of,
    weights_to,
)
from seaofcarbon.thorium.steady import Flux, decay_constant
from seaofcarbon.vocabulary import HALF_LIFE_TH234_D


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
    >>> from seaofcarbon.thorium import steady_state_flux
    >>> z, th, u, cast = [0, 100, 200], [1000.0, 1500.0, 2000.0], [2400.0] * 3, [0] * 3
    >>> still = steady_state_flux(z, th, u, cast, 150, th_sigma=50.0)
    >>> risen = add_transport(still, z, th, u, cast, 150, velocity=1.0, th_sigma=50.0)
    >>> (risen.flux - still.flux).round(6)  # 1 m d-1 carries Th(150 m) - Th(0 m) = 750 dpm m-3
    array([[750.]])
    """
    n_casts = len(found.flux)
    wanted = spread_targets(targets, n_casts)
    has_u = np.isfinite(np.asarray(u, dtype=float))
    th = np.where(has_u, np.asarray(th, dtype=float), np.nan)
    casts = arrange(depth, cast, n_casts, th, np.square(th_sigma))
    if not len(casts.depth):
        return found
    values, variances, replicates = casts.columns
    variances = variances / replicates
    w, w_sigma, kz, kz_sigma = (
        np.broadcast_to(np.asarray(rate, dtype=float), n_casts)[:, None]
        for rate in (velocity, velocity_sigma, diffusivity, diffusivity_sigma)
    )
    first, last = casts.first[:, None], casts.last[:, None]
    _, k, after, _, _ = weights_to(casts, wanted, "trapezoid")
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
    deficit = gain * weight_of(columns, weights_to(casts, wanted, rule))
    own = np.einsum("pij,qij,pqij->ij", noise, weight, columns[:, None] == columns)  # a sample may stand there twice
    variance = own - 2 * (noise * deficit).sum(axis=0)
    flux = found.flux + supply
    measurement = np.sqrt(np.maximum(found.sigma_measurement**2 + variance, 0.0))
    common = np.sqrt(found.sigma_common**2 + rates)
    lost = np.isnan(flux) & np.isfinite(found.flux)
    sure = np.isfinite(flux) & (found.reason == OK)
    unsure = sure & np.isnan(measurement), sure & np.isnan(common)
    reason = np.select([lost, *unsure], [NO_RATE, NO_SIGMA, NO_RATE_SIGMA], found.reason).astype(np.int8)
    parts = (np.where(lost, np.nan, part) for part in (measurement, common, found.sigma_integration, found.gap))
    return Flux(flux, *(next(parts) for _ in range(3)), reason, np.where(lost, 0, found.n_samples), next(parts))
