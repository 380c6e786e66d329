"""Samples become arrays: casts numbered, 238U beside 234Th, dpm m-3; impossible values are refused."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from seaofcarbon import thorium
from seaofcarbon.files import KEY_RANGES, UserError, slip_of
from seaofcarbon.vocabulary import LITRES_PER_M3, U238_RELATIONS, VARIABLES

MIN_SAMPLES = 3
NEGATIVE_DPM_L = -0.1  # without a sigma, lower than noise makes 234Th
DISAGREE = 3.0  # replicates further apart than that many sigmas of their difference cannot both be right
METHODS = ("ss", "nss")
_NAMES = {
    "relation": ("238U relation", U238_RELATIONS), "rule": ("integration rule", thorium.RULES),
    "method": ("method", METHODS),
}  # fmt: skip
KEYS = ["cast_id", "source_id", "cruise", "station", "time", "latitude", "longitude"]


class Casts(NamedTuple):
    """Casts with total 234Th: arrays (n,) by sample, activities in dpm m-3, and one head row per cast."""

    samples: pd.DataFrame
    heads: pd.DataFrame
    cast: np.ndarray
    depth: np.ndarray
    th: np.ndarray
    th_sigma: np.ndarray
    u: np.ndarray
    u_sigma: np.ndarray
    u_common: np.ndarray
    u_source: np.ndarray
    notes: np.ndarray
    doubts: np.ndarray

    @property
    def balance(self):
        """First arguments of the functions in `thorium`."""
        return self.depth, self.th, self.u, self.cast

    @property
    def sigmas(self):
        """Their standard errors."""
        return {"th_sigma": self.th_sigma, "u_sigma": self.u_sigma, "u_common_sigma": self.u_common}


def check_names(**given):
    """Refuse a relation, rule or method that is unknown.

    Raises
    ------
    UserError
        With the names that are known.
    """
    for kind, word in given.items():
        what, known = _NAMES[kind]
        if word not in known:
            raise UserError(f"{what} {word!r} is unknown: use one of {', '.join(known)}")


def column(df, name):
    """Numbers of a column, NaN where there is none."""
    return df[name].to_numpy(float) if name in df else np.full(len(df), np.nan)


def join_words(*words):
    """Arrays of words, joined with "; " where there are several."""
    total = words[0]
    for more in words[1:]:
        total = total + np.where((total != "") & (more != ""), "; ", "") + more
    return total


def uranium(samples, relation="owens2011", measured=True):
    """238U of each sample: measured where there is a value, else from salinity.

    Missing salinities between known ones of the same cast are interpolated (`thorium.fill_gaps`).

    Parameters
    ----------
    samples : DataFrame
        cast_id, depth_m, and u238 (+ u238_sigma) or salinity, or both.
    relation : str
        A name in `vocabulary.U238_RELATIONS`.
    measured : bool
        False leaves measured values aside.

    Returns
    -------
    DataFrame
        u238, u238_sigma (measurement), u238_common (error of the relation, shared by the cast), dpm L-1; u238_source.

    Raises
    ------
    UserError
        If the relation is unknown.
    """
    check_names(relation=relation)
    salinity = column(samples, "salinity")
    salinity = thorium.fill_gaps(samples["depth_m"], salinity, pd.factorize(samples["cast_id"])[0])
    seen = column(samples, "u238") if measured else np.full(len(samples), np.nan)
    has = np.isfinite(seen)
    derived = thorium.u238_from_salinity(salinity, relation)
    u238 = np.where(has, seen, np.where(derived >= 0, derived, np.nan))  # in nearly fresh water no relation holds
    source = np.where(has, "measured", np.where(np.isfinite(u238), relation, ""))
    return pd.DataFrame({
        "u238": u238, "u238_sigma": np.where(has, column(samples, "u238_sigma"), 0.0),
        "u238_common": np.where(has, 0.0, U238_RELATIONS[relation].sigma_dpm_l), "u238_source": source,
    }, index=samples.index)  # fmt: skip


def with_thorium(samples):
    """Casts that have any total 234Th: their samples, the number of the cast of each, and one head row per cast.

    Raises
    ------
    UserError
        If there is no column of casts, depths or total 234Th.
    """
    lacking = [name for name in ("cast_id", "depth_m", "th234_total") if name not in samples]
    if lacking:
        raise UserError(f"the samples have no column {', '.join(lacking)}: see `flux.fluxes` for what they need")
    number, names = pd.factorize(samples["cast_id"])
    has = np.isfinite(column(samples, "th234_total")) & (number >= 0)
    keep = (np.bincount(number[has], minlength=len(names) + 1) > 0)[number]  # -1, no name, is the empty one at the end
    samples, cast = samples[keep], pd.factorize(number[keep])[0]
    heads = samples.reindex(columns=KEYS)[~samples["cast_id"].duplicated()].reset_index(drop=True)
    return samples, cast, heads


def gather(samples, relation="owens2011", measured=True):
    """Arrays of all casts with total 234Th; 238U as in `uranium`.

    Raises
    ------
    UserError
        If a depth, an activity, a sigma or a salinity is missing or impossible (such as 2400, which is dpm m-3), or the
        relation is unknown.
    """
    for name in ("depth_m", "th234_total", "th234_total_sigma", "u238", "u238_sigma", "salinity"):
        _refuse_absurd(samples, name)
    samples, cast, heads = with_thorium(samples)
    keep, notes, doubts = _replicates(samples, cast, len(heads))
    if not keep.all():
        samples, cast = samples[keep], cast[keep]
    u = uranium(samples, relation, measured)
    th, th_sigma = column(samples, "th234_total"), column(samples, "th234_total_sigma")
    below = th < np.minimum(np.where(np.isfinite(th_sigma), -DISAGREE * th_sigma, NEGATIVE_DPM_L), 0)
    doubts[cast[below]] = join_words(doubts[cast[below]], np.array("negative 234Th", dtype=object))
    bare = np.isfinite(th) & ~np.isfinite(u["u238"].to_numpy())
    notes[cast[bare]] = join_words(notes[cast[bare]], np.array("234Th without 238U left out", dtype=object))
    filled = ~np.isfinite(column(samples, "salinity")) & (u["u238_source"] == relation).to_numpy()
    filled &= np.isfinite(column(samples, "th234_total"))
    notes[cast[filled]] = join_words(notes[cast[filled]], np.array("salinity interpolated", dtype=object))
    arrays = (LITRES_PER_M3 * values for values in (th, th_sigma, *u.iloc[:, :3].to_numpy(float).T))
    return Casts(samples, heads, cast, samples["depth_m"].to_numpy(float), *arrays, u["u238_source"].to_numpy(), notes,
                 doubts)  # fmt: skip


def allowed_range(name):
    """Lowest and highest value that a column may have, and its unit; a sigma is not negative."""
    if name in KEY_RANGES:
        return KEY_RANGES[name]
    known = VARIABLES[name.removesuffix("_sigma")]
    return 0.0 if name.endswith("_sigma") else known.low, known.high, known.unit


def _refuse_absurd(samples, name):
    """One value that cannot be makes a wrong flux: refuse it with its cast and depth."""
    low, high, unit = allowed_range(name)
    values = column(samples, name)
    bad = np.flatnonzero((values < low) | (values > high) | (np.isnan(values) & (name == "depth_m")))
    if bad.size:
        row, value = samples.iloc[bad[0]], values[bad[0]]
        where = f"cast {row['cast_id']}, {row['depth_m']:g} m: {name} is {value:g}"
        raise UserError(
            f"{where}, outside {low:g} to {high:g} {unit}".removesuffix(" 1") + f": {slip_of(value, unit, name)}"
        )


def _replicates(samples, cast, n_casts):
    """Several samples at one depth: which to keep (all but copies of a row), a note and a doubt for each cast.

    Replicates that were averaged before, in `records.to_samples`, have left their number and their range.
    """
    keep, notes = np.ones(len(samples), dtype=bool), np.full(n_casts, "", dtype=object)
    doubts = notes.copy()
    averaged = column(samples, "th234_total_n") > 1
    place = pd.DataFrame({"cast": cast, "depth": samples["depth_m"].to_numpy(float)})
    again = place.duplicated(keep=False).to_numpy() & np.isfinite(column(samples, "th234_total"))
    if again.any():
        copied = again.copy()
        copied[again] = samples[again].duplicated().to_numpy()
        keep &= ~copied
        notes[cast[copied]] = "copied samples counted once"
        again &= keep
        again[again] = place[again].duplicated(keep=False).to_numpy()
    averaged |= again
    notes[cast[averaged]] = join_words(notes[cast[averaged]], np.array("replicates averaged", dtype=object))
    doubts[cast[_disagree(samples, place, again)]] = "replicates disagree"
    return keep, notes, doubts


def _disagree(samples, place, again):
    """Samples whose replicates differ by more than noise makes likely; without sigma nobody can say."""
    n, sigma = column(samples, "th234_total_n"), column(samples, "th234_total_sigma")
    noise = sigma * np.sqrt(2 * n)  # sigma is that of their mean
    apart = column(samples, "th234_total_range") > DISAGREE * noise
    if again.any():
        values = place[again].assign(value=column(samples, "th234_total")[again], square=sigma[again] ** 2)
        groups = values.groupby(["cast", "depth"])
        spread = groups["value"].transform("max") - groups["value"].transform("min")
        apart[again] |= (spread > DISAGREE * np.sqrt(2 * groups["square"].transform("mean"))).to_numpy()
    return apart


def without_sigma(samples, measured=True):
    """Count the casts in which a measured 234Th or 238U has no sigma; their fluxes have none either.

    Parameters
    ----------
    samples : DataFrame
        As in `fluxes`.
    measured : bool
        Measured 238U is used where there is some.

    Returns
    -------
    dict
        "234Th" and "238U": number of casts.
    """
    samples, cast, _ = with_thorium(samples)
    counts = {}
    for label, name in (("234Th", "th234_total"), ("238U", "u238")):
        unsure = np.isfinite(column(samples, name)) & ~np.isfinite(column(samples, f"{name}_sigma"))
        unsure &= measured or name != "u238"
        counts[label] = len(np.unique(cast[unsure]))
    return counts


def sources(casts):
    """How the 238U beside the 234Th of each cast was had: measured, a relation, or both joined by +."""
    has, n = np.isfinite(casts.th), len(casts.heads)
    seen = np.bincount(casts.cast[has & (casts.u_source == "measured")], minlength=n) > 0
    derived = np.bincount(casts.cast[has & ~np.isin(casts.u_source, ("measured", ""))], minlength=n) > 0
    relation = next((s for s in casts.u_source if s not in ("", "measured")), "")
    return np.select([seen & derived, seen, derived], [f"measured+{relation}", "measured", relation], default="")
