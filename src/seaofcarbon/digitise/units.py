"""Printed units -> units inside; values per mass with the density of their own sample."""

import re

import gsw
import numpy as np
import pandas as pd

from seaofcarbon.vocabulary import UNIT_CONVERSIONS, VARIABLES

UNITLESS = ("salinity",)
"""Quantities that are commonly printed without any unit."""


def fold(unit):
    """Fold the spelling of a unit: lower case, micro as u, `**` and `^` left out, a day as d, single blanks.

    >>> fold("µmol/dpm"), fold("dpm/m**2/day"), fold("°C")
    ('umol/dpm', 'dpm/m2/d', 'degc')
    """
    text = unit.replace("µ", "u").replace("μ", "u").replace("°", "deg").replace("**", "").replace("^", "").lower()
    return re.sub(r"\bday\b", "d", re.sub(r"\s+", " ", text).strip())


_KNOWN = {(fold(printed), rule.unit): rule for printed, rule in UNIT_CONVERSIONS.items()}
"""Folded unit and unit inside -> conversion: mg m-2 d-1 of NPP stay mg, of a POC flux they become mmol."""


def known(unit):
    """Tell whether a printed unit is one that we convert."""
    return any(fold(unit) == printed for printed, _ in _KNOWN)


def conversion(unit, variable):
    """Find how a printed unit becomes the unit inside of a variable.

    Parameters
    ----------
    unit : str
        As printed; may be empty only for quantities that have none.
    variable : str

    Returns
    -------
    UnitConversion or None
        None for a unit that is unknown or belongs to another kind of quantity: such values are set aside.
    """
    printed = fold(unit) or ("1" if variable in UNITLESS else "")
    return _KNOWN.get((printed, VARIABLES[variable].unit))


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
