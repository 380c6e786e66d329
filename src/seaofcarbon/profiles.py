"""The two profiles: the embedded twin ocean and the open data. The one place that tells them apart."""

from pathlib import Path

from seaofcarbon import catalog, ocean
from seaofcarbon.files import UserError
from seaofcarbon.vocabulary import MAIN_TARGET, PROFILES, TWIN_LABEL

REAL_FILES = ("mouw2016", "geotraces_ga01", "geotraces_ga03")
"""Catalogue entries that the real profile reads."""


def raw_files(profile, run_dir, seed=2026, n_cruises=250):
    """Files of measurements to digitise.

    Parameters
    ----------
    profile : {"twin", "real"}
    run_dir : str or Path
        Folder of the run; the twin writes its cruises to `raw` in it.
    seed : int
        Seed of the twin's cruises.
    n_cruises : int
        Cruises that sample the twin.

    Returns
    -------
    list of Path
    """
    _known(profile)
    if profile == "real":
        return [catalog.path(name) for name in REAL_FILES]
    from seaofcarbon import twin

    return twin.write_raw(Path(run_dir) / "raw", twin.with_seed(seed), n_cruises)


def covariates(profile):
    """Fields of the sea by month: climatology, chlorophyll, NPP, euphotic depth (see `ocean.covariates`).

    Parameters
    ----------
    profile : {"twin", "real"}

    Returns
    -------
    xarray.Dataset, dims (month, depth, lat, lon)
    """
    _known(profile)
    if profile == "real":
        return ocean.covariates(catalog.climatology(), catalog.chlorophyll())
    from seaofcarbon import twin

    return twin.covariates()


def label(profile):
    """Words that every figure of the profile carries: the twin's warning, or nothing.

    Parameters
    ----------
    profile : {"twin", "real"}

    Returns
    -------
    str

    Examples
    --------
    >>> label("twin")
    'TWIN OCEAN, NOT OBSERVATIONS'
    """
    _known(profile)
    return TWIN_LABEL if profile == "twin" else ""


def resolve_target(profile, target="auto"):
    """The quantity that is modelled: `auto` is 234Th flux on the twin and POC flux on real data.

    Parameters
    ----------
    profile : {"twin", "real"}
    target : str
        Of `vocabulary.TARGETS`, or auto.

    Returns
    -------
    str

    Examples
    --------
    >>> resolve_target("real"), resolve_target("real", "th234_flux")
    ('poc_flux', 'th234_flux')
    """
    _known(profile)
    return MAIN_TARGET[profile] if target == "auto" else target


def _known(profile):
    if profile not in PROFILES:
        raise UserError(f"profile {profile!r} is unknown: use one of {', '.join(PROFILES)}")
