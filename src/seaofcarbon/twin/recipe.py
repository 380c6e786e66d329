"""Every number of the twin ocean, with its seeds, in one frozen table."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Parameters:
    """Recipe of the twin ocean.

    Numbers without a source are choices, made so that the sea looks like ours (ranges in `tests/test_twin.py`).
    """

    sea_seed: int = 234
    """Seed of what the sea hides: the unobserved field and the timing of the pulses."""
    cruise_seed: int = 2026
    """Seed of the cruises: tracks, bottles, counting errors, mistakes, anomalies of campaigns and stations."""

    # light
    polar_transmission: float = 0.40
    """PAR at the surface over that at the top of the atmosphere, where PAR is missing (median of the data near ice)."""
    attenuation_per_m: float = 0.06
    """Attenuation of light within the mixed layer, m-1."""
    light_half: float = 5.0
    """Light of the mixed layer at which growth is 63 % of the greatest, mol m-2 d-1."""
    under_ice: float = 0.15
    """Share of light and growth under ice, full above 0 degrees Celsius."""

    # nutrients
    nitrate_half: float = 5.0
    """Nitrate at which growth is half of the greatest, umol L-1."""
    nitrate_hill: float = 1.5
    """Steepness of the response to nitrate."""
    nitrate_from_below: float = 0.10
    """Share of the nitrate at 100 m that reaches the lit layer."""
    iron_half: float = 1.5
    """Nitrate left over at the poorest time of the year, umol L-1, at which iron begins to limit."""
    iron_power: float = 0.65
    """Steepness of the limitation by iron."""
    dust: float = 1.2
    """Iron from dust for each share of land within about 1,000 km."""
    shelf: float = 2.5
    """Chlorophyll on a shelf is this much greater, relative to the open sea with the same nitrate and light."""

    # chlorophyll
    chlorophyll_most: float = 1.5
    """Chlorophyll with neither light, nutrients nor iron limiting, mg m-3."""
    chlorophyll_least: float = 0.05
    """Chlorophyll of recycled nutrients alone, mg m-3."""
    shoaling: float = 0.8
    """Spring bloom: power of the shoaling of the mixed layer in a month (grazers are outgrown)."""
    acclimation: float = 0.8
    """Greatest rise of chlorophyll in dim light: pigment, not growth."""

    # export
    export_scale: float = 1.6
    """The mean efficiency of Henson, Dunne and Laws times this: global POC export at 100 m of 5-9 Pg C a year."""
    export_lag_d: float = 25.0
    """Export follows production by so many days."""
    export_least: float = 0.6
    """POC export at Ez that goes on in the polar night, mmol m-2 d-1."""
    attenuation_th: float = 1.0
    """Below Ez the 234Th flux falls as z to minus this. With `ratio_depth`, POC falls as z to about -1.3."""
    ratio_100: float = 3.5
    """POC:234Th at 100 m for a POC export of 3 mmol m-2 d-1, umol dpm-1."""
    ratio_flux: float = 0.4
    """Power of the POC export in POC:234Th."""
    ratio_depth: float = 0.5
    """POC:234Th falls as z to minus this, below 10 m."""
    largest_share: float = 0.60
    """The flux is never more than this share of the decay of all 238U above."""

    # time
    pulse_d: float = 20.0
    """Length of an export pulse (full width at half its height), d."""
    pulse_every_d: float = 67.0
    """Time between pulses, d: no divisor of the year, so that each year has them at other dates."""
    pulse_fold_bloom: float = 4.0
    """Height of a pulse over the calm before, in a bloom."""
    pulse_fold_calm: float = 2.0
    """The same out of blooms."""
    pulse_patch_km: float = 1500.0
    """Distance over which pulses are in step."""
    history_d: int = 240
    """Days of export that make a profile: seven mean lives of 234Th."""

    # what the covariates cannot know
    campaign_log10_sd: float = 0.25
    """Anomaly of export of a campaign."""
    station_log10_sd: float = 0.20
    """Anomaly of export of a station."""
    unobserved_log10_sd: float = 0.15
    """Anomaly of export by an unobserved field."""
    unobserved_km: float = 3000.0
    """Distance over which the unobserved field keeps 1/e of its correlation."""
    ratio_log10_sd: float = 0.12
    """Anomaly of POC:234Th of a station."""
    u238_cast_sd: float = 0.040
    """Offset of true 238U of a cast from its relation to salinity, dpm L-1; with the next, 0.047 (Owens 2011)."""
    u238_sample_sd: float = 0.025
    """Scatter of true 238U between the samples of a cast, dpm L-1."""

    # what the cruises measure
    counting_low: float = 0.03
    counting_high: float = 0.05
    """Range of the counting error of total 234Th, as a share of the value; one draw for each cruise."""
    u238_measured_sd: float = 0.015
    """Error of measured 238U, as a share."""
    particulate_sd: float = 0.07
    """Error of particulate 234Th, as a share."""
    ratio_sd: float = 0.10
    """Error of a measured POC:234Th, as a share."""
    salinity_sd: float = 0.005
    """Error of measured salinity."""
    revisited: float = 0.10
    """Share of the stations that are occupied again after 10 to 40 days."""
    lost: float = 0.03
    """Share of the measurements that were lost (`nd`)."""


DEFAULT = Parameters()
"""The twin ocean of the book."""


def with_seed(seed, parameters=DEFAULT):
    """Return the same sea with other cruises.

    Parameters
    ----------
    seed : int
        Seed of the cruises.
    parameters : Parameters
        The sea.

    Returns
    -------
    `Parameters`
    """
    return replace(parameters, cruise_seed=int(seed))
