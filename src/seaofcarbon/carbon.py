"""From 234Th to carbon: ratios, POC flux, efficiencies, and published parameterisations to compare with. Arrays only.

POC fluxes are in mmol m-2 d-1, 234Th fluxes in dpm m-2 d-1, ratios in umol dpm-1, NPP in mg m-2 d-1 (of carbon).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seaofcarbon.ocean import monthly_to_day
from seaofcarbon.vocabulary import CARBON_G_PER_MOL

OWENS2015_RANGE_M = (30.0, 300.0)

MIN_LAW_VALUES, MIN_LAW_CAMPAIGNS = 30, 3
"""Values and campaigns that a region needs for a power law of its own: one campaign is one season and one pump."""

EVERYWHERE = "global"
"""The region whose law stands for all that have none of their own."""


# --- POC flux from 234Th flux ----------------------------------------------------------------------------


def poc_flux(th_flux, ratio):
    """POC flux, mmol m-2 d-1, from 234Th flux (dpm m-2 d-1) and C:234Th of sinking particles (umol dpm-1).

    Parameters
    ----------
    th_flux : array_like or DataArray
        dpm m-2 d-1.
    ratio : array_like or DataArray
        umol dpm-1.

    Returns
    -------
    as the inputs
        mmol m-2 d-1.

    Examples
    --------
    >>> poc_flux(1000.0, 5.0)
    5.0
    """
    return th_flux * ratio / 1000.0


def poc_flux_sigma(th_flux, th_flux_sigma, ratio, ratio_sigma):
    """Standard error of `poc_flux`: sigma^2 = R^2 s_F^2 + F^2 s_R^2, both independent.

    Parameters
    ----------
    th_flux, th_flux_sigma : array_like
        dpm m-2 d-1.
    ratio, ratio_sigma : array_like
        umol dpm-1.

    Returns
    -------
    ndarray
        mmol m-2 d-1.

    Examples
    --------
    >>> float(poc_flux_sigma(1000.0, 300.0, 5.0, 2.0))  # 1.5 from the flux and 2.0 from the ratio
    2.5
    """
    return np.hypot(np.multiply(ratio, th_flux_sigma), np.multiply(th_flux, ratio_sigma)) / 1000.0


def ratio_owens2015(depth_m):
    """C:234Th in umol dpm-1 by depth, 135.3 z^-0.795, from 30 to 300 m; NaN elsewhere (it is not to be extrapolated).

    Owens et al. (2015), as used by Wang et al. (2019). Observed ratios scatter by a factor of 2 to 3 about it.

    Parameters
    ----------
    depth_m : array_like
        m.

    Returns
    -------
    ndarray
        umol dpm-1.

    Examples
    --------
    >>> ratio_owens2015([10.0, 100.0, 200.0]).round(2)
    array([ nan, 3.48, 2.  ])
    """
    depth = np.asarray(depth_m, dtype=float)
    inside = (depth >= OWENS2015_RANGE_M[0]) & (depth <= OWENS2015_RANGE_M[1])
    return np.where(inside, 135.3 * np.where(inside, depth, 1.0) ** -0.795, np.nan)


class PowerLaw(NamedTuple):
    """ratio = a z^b with z in m; about two thirds of the values lie within a factor `scatter` of it.

    The three are numbers, or arrays of one shape (the law of each place: see `law_of_region`).
    """

    a: float
    b: float
    scatter: float


def fit_power_law(depth, ratio):
    """Power law of a positive ratio with depth, by least squares on logarithms.

    Parameters
    ----------
    depth, ratio : array_like (n,)
        m, and any unit; missing values and those not above 0 are left out.

    Returns
    -------
    PowerLaw
        NaN for fewer than three values or a single depth.

    Examples
    --------
    >>> law = fit_power_law([50, 100, 200], [8.0, 4.0, 2.0])
    >>> round(law.a, 6), round(law.b, 6), round(law.scatter, 6)
    (400.0, -1.0, 1.0)
    """
    depth, ratio = np.asarray(depth, dtype=float), np.asarray(ratio, dtype=float)
    good = (depth > 0) & (ratio > 0) & np.isfinite(depth * ratio)
    x, y = np.log(depth[good]), np.log(ratio[good])
    if len(x) < 3 or np.ptp(x) == 0:
        return PowerLaw(np.nan, np.nan, np.nan)
    b, log_a = np.polyfit(x, y, 1)
    spread = np.sqrt(np.sum((y - log_a - b * x) ** 2) / (len(x) - 2))
    return PowerLaw(float(np.exp(log_a)), float(b), float(np.exp(spread)))


def power_law(depth_m, law):
    """Value of a fitted `PowerLaw` at each depth.

    Parameters
    ----------
    depth_m : array_like
        m.
    law : PowerLaw

    Returns
    -------
    ndarray
        In the unit of the ratios that the law was fitted to.

    Examples
    --------
    >>> power_law([100.0, 200.0], PowerLaw(400.0, -1.0, 2.0))
    array([4., 2.])
    """
    return law.a * np.asarray(depth_m, dtype=float) ** law.b


def fit_regional_laws(depth, ratio, region, campaign):
    """Power law of each region that has enough values, and one of all values.

    Parameters
    ----------
    depth, ratio : array_like (n,)
        m, and any unit; missing values and those not above 0 are left out.
    region, campaign : array_like (n,)
        Names or numbers.

    Returns
    -------
    dict of str to PowerLaw
        "global", and the regions with 30 usable values from 3 campaigns or more at more than one depth.

    Examples
    --------
    >>> z = np.tile([50.0, 100.0], 30)
    >>> laws = fit_regional_laws(z, 400 / z, np.repeat(["Indian", "Arctic"], [50, 10]), np.arange(60) % 7)
    >>> sorted(laws), round(laws["Indian"].b, 6)
    (['Indian', 'global'], -1.0)
    """
    depth, ratio = np.asarray(depth, dtype=float), np.asarray(ratio, dtype=float)
    region, campaign = np.asarray(region), np.asarray(campaign)
    good = (depth > 0) & (ratio > 0)
    laws = {EVERYWHERE: fit_power_law(depth, ratio)}
    for name in np.unique(region[good]):
        here = good & (region == name)
        if here.sum() >= MIN_LAW_VALUES and len(np.unique(campaign[here])) >= MIN_LAW_CAMPAIGNS:
            laws[str(name)] = fit_power_law(depth[here], ratio[here])
    return {name: law for name, law in laws.items() if name == EVERYWHERE or np.isfinite(law.a)}


def law_of_region(region, laws):
    """Power law of each place: that of its region, else the global one.

    Parameters
    ----------
    region : array_like of str
    laws : dict of str to PowerLaw
        From `fit_regional_laws`.

    Returns
    -------
    PowerLaw
        Of arrays in the shape of `region`; `power_law(depth, law)` broadcasts against them.

    Examples
    --------
    >>> laws = {"global": PowerLaw(100.0, -1.0, 2.0), "Arctic": PowerLaw(300.0, -1.0, 2.0)}
    >>> law_of_region(["Arctic", "Indian"], laws).a
    array([300., 100.])
    """
    names, which = np.unique(np.asarray(region), return_inverse=True)
    table = np.array([laws.get(str(name), laws[EVERYWHERE]) for name in names])
    return PowerLaw(*np.moveaxis(table[which.reshape(np.shape(region))], -1, 0))


# --- Efficiencies ------------------------------------------------------------------------------------------


def flux_change(upper, lower, variance_upper, variance_lower, covariance):
    """Change of a flux from one depth to a deeper one, and its standard error; negative is loss to remineralisation.

    Parameters
    ----------
    upper, lower : array_like
        Fluxes at the two depths, in one unit.
    variance_upper, variance_lower, covariance : array_like
        In the square of it: see `thorium.flux_covariance`.

    Returns
    -------
    change, sigma : ndarray
        Lower minus upper.

    Examples
    --------
    >>> change, sigma = flux_change(100.0, 70.0, 100.0, 136.0, 100.0)
    >>> float(change), float(sigma)
    (-30.0, 6.0)
    """
    variance = np.asarray(variance_upper) + np.asarray(variance_lower) - 2 * np.asarray(covariance)
    return np.subtract(lower, upper), np.sqrt(np.maximum(variance, 0.0))


def transfer_efficiency(upper, lower, variance_upper, variance_lower, covariance):
    """Share of a flux that reaches a deeper level (T100: 100 m below Ez), and its standard error.

    Parameters
    ----------
    upper, lower : array_like
        Fluxes at the two depths.
    variance_upper, variance_lower, covariance : array_like
        Both fluxes share samples (`thorium.flux_covariance`); for POC multiply by the ratios.

    Returns
    -------
    efficiency, sigma : ndarray
        NaN where the upper flux is below two of its standard errors.

    Examples
    --------
    >>> t, s = transfer_efficiency(100.0, 70.0, 100.0, 136.0, 100.0)
    >>> float(t), round(float(s), 6)
    (0.7, 0.067082)
    """
    upper, lower = np.asarray(upper, dtype=float), np.asarray(lower, dtype=float)
    sure = (upper > 0) & (upper >= 2 * np.sqrt(variance_upper))
    safe = np.where(sure, upper, np.nan)
    efficiency = lower / safe
    variance = (variance_lower + efficiency**2 * variance_upper - 2 * efficiency * covariance) / safe**2
    return efficiency, np.sqrt(np.maximum(variance, 0.0))


def export_efficiency(poc, npp):
    """POC flux (mmol m-2 d-1) over NPP (mg m-2 d-1), both as carbon; NaN without production.

    For a region take the ratio of area-weighted sums, never the mean of ratios.

    Parameters
    ----------
    poc : array_like
        mmol m-2 d-1.
    npp : array_like
        mg m-2 d-1.

    Returns
    -------
    ndarray
        Share, without unit.

    Examples
    --------
    >>> export_efficiency([10.0, 10.0], [1201.1, 0.0])
    array([0.1, nan])
    """
    npp = np.asarray(npp, dtype=float)
    return np.asarray(poc, dtype=float) * CARBON_G_PER_MOL / np.where(npp > 0, npp, np.nan)


def memory_weights(day, e_folding_d=30.0):
    """Weights of the twelve monthly means in what 234Th remembers: the past counts exp(-age / e-folding).

    Parameters
    ----------
    day : array_like (n,)
        Day of the year of the sample.
    e_folding_d : float
        (Th/U) / lambda, 15 to 35 days.

    Returns
    -------
    ndarray (n, 12)
        Rows sum to 1. `memory_weights(days) @ monthly` for a (12, ...) field of one place.

    Examples
    --------
    >>> memory_weights([197])[0, [5, 6]].round(1)  # in the middle of July, June counts as much as July
    array([0.4, 0.4])
    """
    lag = np.arange(int(6 * e_folding_d) + 1)
    share = np.exp(-lag / e_folding_d)
    daily = monthly_to_day(np.eye(12), np.arange(1, 366))
    past = (np.arange(365)[:, None] - lag) % 365
    table = np.einsum("l,dlm->dm", share / share.sum(), daily[past])
    return table[(np.rint(day).astype(int) - 1) % 365]


# --- Published parameterisations -----------------------------------------------------------------------------


def henson2011(sst):
    """Export efficiency at 100 m, from 234Th (Henson et al. 2011).

    Parameters
    ----------
    sst : array_like
        Sea surface temperature, degrees Celsius.

    Returns
    -------
    ndarray
        Share, without unit.

    Examples
    --------
    >>> float(henson2011(0.0))
    0.23
    """
    return 0.23 * np.exp(-0.08 * sst)


def laws2000(sst):
    """Ratio of new to primary production (Laws et al. 2000, linear form), not below 0.

    Parameters
    ----------
    sst : array_like
        Sea surface temperature, degrees Celsius.

    Returns
    -------
    ndarray
        Share, without unit.

    Examples
    --------
    >>> laws2000(np.array([0.0, 31.0]))
    array([0.62, 0.  ])
    """
    return np.maximum(0.62 - 0.02 * sst, 0.0)


def laws2011(sst, npp):
    """Ratio of new to primary production (Laws, D'Sa & Naik 2011); NPP in mg m-2 d-1.

    Parameters
    ----------
    sst : array_like
        Sea surface temperature, degrees Celsius.
    npp : array_like
        mg m-2 d-1.

    Returns
    -------
    ndarray
        Share, without unit.

    Examples
    --------
    >>> round(float(laws2011(15.0, 500.0)), 3)
    0.181
    """
    return 0.04756 * (0.78 - 0.43 * sst / 30.0) * npp**0.307


def dunne2005(sst, npp, zeu):
    """Ratio of particle export at the base of the euphotic zone to production (Dunne et al. 2005), from 0.04 to 0.72.

    NPP in mg m-2 d-1 (the formula wants mmol: with mg the global total doubles); zeu, the 1 % depth, in m.

    Parameters
    ----------
    sst : array_like
        Sea surface temperature, degrees Celsius.
    npp : array_like
        mg m-2 d-1.
    zeu : array_like
        Depth of 1 % of the surface light, m.

    Returns
    -------
    ndarray
        Share, without unit.

    Examples
    --------
    >>> float(dunne2005(30.0, 12.011, 100.0))  # warm and poor: the lower end
    0.04
    """
    with np.errstate(divide="ignore"):
        ratio = -0.0101 * sst + 0.0582 * np.log(npp / CARBON_G_PER_MOL / zeu) + 0.419
    return np.clip(ratio, 0.04, 0.72)


def li_cassar2016(sst, npp):
    """Net community production, mmol m-2 d-1 (Li & Cassar 2016), from NPP in mg m-2 d-1.

    Parameters
    ----------
    sst : array_like
        Sea surface temperature, degrees Celsius.
    npp : array_like
        mg m-2 d-1.

    Returns
    -------
    ndarray
        mmol m-2 d-1.

    Examples
    --------
    >>> round(li_cassar2016(15.0, 500.0), 2)
    10.84
    """
    return 8.57 * npp / CARBON_G_PER_MOL / (17.9 + sst)


def martin1987(f100, depth_m, b=-0.858):
    """Flux at a depth from the flux at 100 m, F100 (z/100)^-0.858 (Martin et al. 1987).

    Parameters
    ----------
    f100 : array_like
        Flux at 100 m, any unit.
    depth_m : array_like
        m.
    b : float
        Exponent.

    Returns
    -------
    ndarray
        In the unit of `f100`.

    Examples
    --------
    >>> round(martin1987(10.0, 200.0), 3)
    5.517
    """
    return f100 * (depth_m / 100.0) ** b


@dataclass(frozen=True)
class Parameterisation:
    """A published export; called with sst, npp (mg m-2 d-1), zeu (1 %, m) it gives mmol m-2 d-1 at its own depth."""

    flux: object
    depth: str  # "100 m" or "zeu"
    what: str
    reference: str

    def __call__(self, sst, npp, zeu):
        """Flux in mmol m-2 d-1."""
        return self.flux(sst, npp, zeu)

    def at(self, depth_m, sst, npp, zeu):
        """Flux brought to `depth_m` with Martin's curve from the parameterisation's own depth."""
        own = 100.0 if self.depth == "100 m" else zeu
        return self(sst, npp, zeu) * (depth_m / own) ** -0.858


PARAMETERISATIONS = {
    "henson2011": Parameterisation(
        lambda sst, npp, zeu: henson2011(sst) * npp / CARBON_G_PER_MOL, "100 m", "POC export", "Henson et al. 2011"
    ),
    "laws2000": Parameterisation(
        lambda sst, npp, zeu: laws2000(sst) * npp / CARBON_G_PER_MOL, "zeu", "new production", "Laws et al. 2000"
    ),
    "laws2011": Parameterisation(
        lambda sst, npp, zeu: laws2011(sst, npp) * npp / CARBON_G_PER_MOL, "zeu", "new production", "Laws et al. 2011"
    ),
    "dunne2005": Parameterisation(
        lambda sst, npp, zeu: dunne2005(sst, npp, zeu) * npp / CARBON_G_PER_MOL, "zeu", "POC export",
        "Dunne et al. 2005",
    ),
    "li_cassar2016": Parameterisation(
        lambda sst, npp, zeu: li_cassar2016(sst, npp), "zeu", "net community production", "Li & Cassar 2016"
    ),
}  # fmt: skip
"""By name. New or net community production is not sinking POC: compare with care."""
