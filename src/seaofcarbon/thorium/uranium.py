"""238U from salinity."""

import numpy as np

from seaofcarbon.vocabulary import U238_RELATIONS


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
