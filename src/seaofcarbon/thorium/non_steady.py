"""Flux of 234Th between two occupations of the same water."""

import numpy as np

from seaofcarbon.thorium.integrals import (
    NO_EARLIER,
    NO_SAMPLE,
    NO_SIGMA,
    OK,
    TOO_DEEP,
    TOO_FEW,
    Integral,
    checked,
    integrate,
)
from seaofcarbon.thorium.steady import as_flux, balance, decay_constant
from seaofcarbon.vocabulary import HALF_LIFE_TH234_D


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
    n_casts = max(checked(station1, rule, n_casts), checked(station2, rule, n_casts))
    decay, interval_d = decay_constant(half_life_d), np.asarray(interval_d, dtype=float)
    if (interval_d <= 0).any():
        raise ValueError(f"interval_d is {np.nanmin(interval_d):g}: the first occupation is the earlier one")
    kept = np.exp(-decay * np.broadcast_to(interval_d, n_casts))
    gain = 1 / (1 - kept)
    # lambda [U (1 - e) + Th1 e - Th2] / (1 - e): the second visit brings lambda (U - Th2 gain), the first the rest.
    then, now = (decay * kept * gain)[station1], gain[station2]
    options = {"rule": rule, "n_casts": n_casts, "min_samples": min_samples}
    th2 = np.asarray(th2, dtype=float)
    later = balance(
        depth2, th2, decay * (u2 - now * th2), decay**2 * (np.square(u_sigma2) + np.square(now * sigma2)),
        decay * np.asarray(u_common_sigma), station2, targets, **options,
    )  # fmt: skip
    earlier = integrate(depth1, then * th1, station1, targets, variance=np.square(then * sigma1), **options)
    lost = np.isin(earlier.reason, (NO_SAMPLE, TOO_FEW, TOO_DEEP)) & np.isin(later.reason, (OK, NO_SIGMA))
    reason = np.where(lost, NO_EARLIER, np.where(later.reason == NO_SIGMA, OK, later.reason))
    flux = later.flux + earlier.value
    both = Integral(
        flux, later.sigma_measurement**2 + earlier.variance, np.where(np.isnan(flux), np.nan, later.sigma_common),
        later.sigma_integration**2 + earlier.between, reason, later.n_samples, np.fmax(later.gap, earlier.gap),
    )  # fmt: skip
    return as_flux(both, reason)
