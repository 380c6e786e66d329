"""Printed units -> units inside; values per mass with the density of their own sample."""

import re
from functools import lru_cache
from typing import NamedTuple

import gsw
import numpy as np
import pandas as pd

from seaofcarbon.vocabulary import UNIT_CONVERSIONS, VARIABLES

UNITLESS = ("salinity",)
"""Quantities that are commonly printed without any unit."""

_SIGNS = str.maketrans({
    "µ": "u", "μ": "u", "°": "deg", "_": " ", "\u00a0": " ", "·": " ", "⋅": " ", "^": "", "{": "", "}": "",
    "−": "-", "–": "-", "⁻": "-", "¹": "1", "²": "2", "³": "3",
})  # fmt: skip

_PREFIXES = {"milli": "m", "micro": "u", "nano": "n", "kilo": "k", None: ""}
_NAMES = {"gram": "g", "gramme": "g", "mol": "mol", "mole": "mol", "becquerel": "bq"}

_CASED = tuple((re.compile(pattern), word) for pattern, word in (
    (r"\bMBq\b", "megabq"),  # not milli
    (r"\b([mun])M\b", r"\1mol/L"),
))  # fmt: skip
"""Spellings whose case tells."""

_SPELLINGS = tuple((re.compile(pattern), word) for pattern, word in (
    (r"[*]{2}", ""),
    (r"\(?\bip?ts-?(?:90|68)\b\)?", ""),
    (r"\((\d+ ?[a-z]+|-\d)\)", r"\1"),
    (r"\bper\b", "/"),
    (
        r"\b(milli|micro|nano|kilo)?[- ]?(gram(?:me)?|mole?|becquerel)s?\b",
        lambda found: _PREFIXES[found[1]] + _NAMES[found[2]],
    ),
    (r"\bdisintegrations? ?/ ?min(?:ute)?\b", "dpm"),
    (r"\b(?:litre|liter)s?\b", "l"),
    (r"\b(?:square|sq) (?:m|met(?:er|re)s?)\b|\b(?:m|met(?:er|re)s?) squared\b", "m2"),
    (r"\bcubic (?:m|met(?:er|re)s?)\b|\b(?:m|met(?:er|re)s?) cubed\b", "m3"),
    (r"\bmet(?:er|re)s?\b", "m"),
    (r"\bdays?\b", "d"),
    (r"\b(?:years?|yrs?|a)(?=\b|-)", "yr"),
    (r"\b(?:deg(?:ree)?s?[. ]*)?celsius\b|\bdeg(?:ree)?s?[. ]*c\b", "degc"),
    (r"\b((?:[munk]?)(?:g|mol)) ?(?:of )?(?:c|poc|carbon)\b", r"\1c"),
    (r"(?<![-a-z\d])(\d+) (?=(?:l|kg)\b)", r"\1"),
))  # fmt: skip

_FACTOR = re.compile(r"(/?) ?([^ /.*]+)[ .*]*")
_POWER = re.compile(r"(\d*[a-z%]+?)(-?\d+)?")


@lru_cache(maxsize=4096)
def fold(unit):
    """Fold the spellings of a unit into one: what it is made of, then what it is per, in alphabetical order.

    What is no product of powers stays as it is, in lower case.

    >>> [fold(unit) for unit in ("dpm/L", "dpm L-1", "dpm.l^-1", "dpm_L**-1", "dpm per liter", "dpm/dm3")]
    ['dpm l-1', 'dpm l-1', 'dpm l-1', 'dpm l-1', 'dpm l-1', 'dpm l-1']
    >>> fold("dpm 100L-1"), fold("dpm/100 L"), fold("µmol/dpm"), fold("°C"), fold("MBq/kg")
    ('dpm 100l-1', 'dpm 100l-1', 'umol dpm-1', 'degc', 'megabq kg-1')
    >>> fold("mg C/m**2/day"), fold("mmol C m-2 d-1"), fold("milligrams per cubic meter")
    ('mgc d-1 m-2', 'mmolc d-1 m-2', 'mg m-3')
    """
    text = unit.translate(_SIGNS)
    for pattern, word in _CASED:
        text = pattern.sub(word, text)
    text = text.lower()
    for pattern, word in _SPELLINGS:
        text = pattern.sub(word, text)
    text = re.sub(r"\s+", " ", text).strip()
    powers = []
    for slash, part in _FACTOR.findall(text):
        found = _POWER.fullmatch(part)
        if found is None:
            return text
        name, power = found[1], int(found[2] or 1) * (-1 if slash else 1)
        powers.append(("l", power // 3) if name == "dm" and power in (3, -3) else (name, power))
    above = [(name, power) for name, power in powers if power > 0]
    below = sorted((name, power) for name, power in powers if power <= 0)
    return " ".join(name if power == 1 else f"{name}{power}" for name, power in (*above, *below))


class Conversion(NamedTuple):
    """inside value = printed value * factor (* density in kg L-1 where `per_mass`)."""

    factor: float
    per_mass: bool


def _rules(variable):
    """Folded unit -> conversion, for one quantity."""
    told = UNIT_CONVERSIONS.get(VARIABLES[variable].unit, {}) | UNIT_CONVERSIONS.get(variable, {})
    return {fold(printed): Conversion(factor, "kg-1" in fold(printed)) for printed, factor in told.items()}


_RULES = {variable: _rules(variable) for variable in VARIABLES}
_KNOWN = frozenset(printed for rules in _RULES.values() for printed in rules)
_OF_CARBON = ("poc", "c_th", "npp")
"""Quantities of carbon: for them `mg C` is the same as `mg`, and `mol C` as `mol`."""


def _spelled(unit):
    """A unit as it stands, and the one in its last brackets: `micromoles of this (umol/L)`."""
    inner = re.search(r"\(([^()]*)\)\s*$", unit)
    return (fold(unit), fold(inner[1])) if inner else (fold(unit),)


def known(unit):
    """Tell whether a printed unit is one that we convert."""
    return any(re.sub(r"(g|mol)c\b", r"\1", text) in _KNOWN or text in _KNOWN for text in _spelled(unit))


@lru_cache(maxsize=4096)
def conversion(unit, variable):
    """Find how a printed unit becomes the unit inside of a variable.

    Parameters
    ----------
    unit : str
        As printed; may be empty only for quantities that have none.
    variable : str

    Returns
    -------
    Conversion or None
        None for a unit that is unknown or belongs to another kind of quantity: such values are set aside.

    Examples
    --------
    >>> conversion("mBq/kg", "th234_total"), conversion("mg/m3", "nitrate")
    (Conversion(factor=0.06, per_mass=True), None)
    """
    if variable in UNITLESS and unit.strip().lower() in ("", "none", "unitless", "dimensionless"):
        return _RULES[variable][fold("1")]
    for text in _spelled(unit):
        if variable.startswith(_OF_CARBON):
            text = re.sub(r"(g|mol)c\b", r"\1", text)
        if text in _RULES[variable]:
            return _RULES[variable][text]
    return None


def spellings(variable):
    """Units that we convert for a quantity, as the vocabulary spells them, for messages.

    >>> spellings("th234_flux")[:2]
    ['dpm/m2/d', 'Bq/m2/d']
    """
    return [*UNIT_CONVERSIONS.get(VARIABLES[variable].unit, {}), *UNIT_CONVERSIONS.get(variable, {})]


def density(salinity, temperature, latitude, longitude):
    """Density of sea water on deck (p = 0), where samples are measured, by TEOS-10.

    Parameters
    ----------
    salinity, temperature, latitude, longitude : ndarray, shape (n,)
        Practical salinity; in-situ temperature, deg C; position, degrees.

    Returns
    -------
    ndarray, shape (n,)
        kg L-1; NaN where salinity or temperature is missing.
    """
    # gsw knows the composition anomaly on the sea only; where it has none, that of the open ocean is near zero
    absolute = gsw.SA_from_SP(salinity, 0.0, longitude, latitude)
    absolute = np.where(np.isfinite(absolute), absolute, salinity * 35.16504 / 35.0)
    return gsw.rho(absolute, gsw.CT_from_t(absolute, temperature, 0.0), 0.0) / 1000.0


def fill_along_depth(values, depth, group):
    """Fill gaps along depth within each group: linear between neighbours, the nearest value beyond the ends.

    Parameters
    ----------
    values, depth : ndarray, shape (n,)
    group : ndarray, shape (n,)
        Names of casts or cruises.

    Returns
    -------
    ndarray, shape (n,)
        NaN only where a group has no value, or the depth is missing.

    Examples
    --------
    >>> fill_along_depth(np.array([1.0, np.nan, 3.0]), np.array([0.0, 5.0, 10.0]), np.array(["a", "a", "a"]))
    array([1., 2., 3.])
    """
    number = pd.factorize(group)[0]
    known = ~np.isnan(values) & ~np.isnan(depth)
    # one interpolation for all groups: each has its own stretch of the axis, far longer than any sea is deep, and
    # flat ends, so that nothing is carried over from one to the next
    stretch, end = 100_000.0, 40_000.0
    order = np.lexsort((depth[known], number[known]))
    z, y, owner = depth[known][order], values[known][order], number[known][order]
    first = np.r_[True, owner[1:] != owner[:-1]][: len(owner)]
    last = np.r_[owner[1:] != owner[:-1], True][-len(owner) :] if len(owner) else first
    x = np.concatenate([owner[first] * stretch - end, owner * stretch + z, owner[last] * stretch + end])
    y = np.concatenate([y[first], y, y[last]])
    order = np.argsort(x, kind="stable")
    gap = np.isnan(values) & ~np.isnan(depth) & np.isin(number, owner)
    filled = values.copy()
    if gap.any():
        filled[gap] = np.interp(number[gap] * stretch + depth[gap], x[order], y[order])
    return filled
