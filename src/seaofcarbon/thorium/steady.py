"""Steady-state flux of 234Th, dpm m-2 d-1, positive down."""

from typing import NamedTuple

import numpy as np

from seaofcarbon.thorium.integrals import (
    NO_SAMPLE,
    NO_SIGMA,
    NO_U,
    OK,
    TOO_DEEP,
    TOO_FEW,
    checked,
    integrate,
    spread_targets,
)
from seaofcarbon.vocabulary import HALF_LIFE_TH234_D


class Flux(NamedTuple):
    """234Th fluxes, arrays (n_casts, n_depths).

    flux and the three parts of its sigma in dpm m-2 d-1: measurement (independent between samples), common (shared by
    the cast), integration (what lies between the samples: see `integrals.integrate`); reason: index into `REASONS`;
    n_samples: samples that carry weight; gap: widest distance in m between samples (or above the first) on the way to
    the target.
    """

    flux: np.ndarray
    sigma_measurement: np.ndarray
    sigma_common: np.ndarray
    sigma_integration: np.ndarray
    reason: np.ndarray
    n_samples: np.ndarray
    gap: np.ndarray


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
    >>> from seaofcarbon.thorium import REASONS
    >>> f = steady_state_flux([0, 50, 100, 150], [1900] * 4, [2400] * 4, [0] * 4, [100, 200])
    >>> f.flux.round(1), [REASONS[r] for r in f.reason[0]]
    (array([[1438.1,    nan]]), ['no sigma of 234Th or 238U', 'below the last sample'])
    """
    n_casts = checked(cast, rule, n_casts)
    decay = decay_constant(half_life_d)
    th, u = np.asarray(th, dtype=float), np.asarray(u, dtype=float)
    variance = decay**2 * (np.square(th_sigma) + np.square(u_sigma))
    return balance(
        depth, th, decay * (u - th), variance, decay * np.asarray(u_common_sigma), cast, targets,
        start=start, rule=rule, n_casts=n_casts, min_samples=min_samples,
    )  # fmt: skip


def balance(depth, th, supply, variance, common, cast, targets, *, rule, n_casts, min_samples, start=None):
    """Integrate a supply (n,), dpm m-3 d-1, and say whether it is 234Th or 238U that is missing where it is."""
    total = integrate(
        depth, supply, cast, targets, start=start, variance=variance, common=common, rule=rule, n_casts=n_casts,
        min_samples=min_samples,
    )  # fmt: skip
    # Where 234Th reaches deep enough, or is sampled often enough, and 238U does not, it is 238U that is missing.
    has_th = np.isfinite(th) & np.isfinite(np.asarray(depth, dtype=float))
    enough = np.bincount(np.asarray(cast)[has_th], minlength=n_casts)[:, None] >= max(min_samples, 1)
    reaches = spread_targets(targets, n_casts) <= deepest(depth, cast, has_th, n_casts)[:, None]
    short = np.isin(total.reason, (NO_SAMPLE, TOO_FEW)) & enough | (total.reason == TOO_DEEP) & reaches
    reason = np.where(short, NO_U, total.reason)
    return as_flux(total, reason)


def as_flux(total, reason):
    """Flux of an integral; a sigma that is missing where the flux is not gets a reason."""
    sigma = np.sqrt(total.variance)
    reason = np.where((reason == OK) & np.isnan(sigma), NO_SIGMA, reason).astype(np.int8)
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
