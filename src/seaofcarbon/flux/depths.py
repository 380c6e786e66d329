"""Depths at which a flux is wanted: metres, or words for depths that belong to the cast."""

import numpy as np

from seaofcarbon import ocean, thorium
from seaofcarbon.files import UserError, suggest
from seaofcarbon.flux.samples import column

DEPTH_KINDS = ("equilibrium", "ez", "ppz", "mld")
"""Depths that belong to a cast: Th = U, base of the euphotic zone (0.1 % light), of primary production, mixed layer."""
FIELDS = {"ez": "euphotic_depth_01", "mld": "mixed_layer_depth"}

DEEPEST_TARGET_M = 1000.0
PPZ_SHARE = 0.1  # of the fluorescence maximum


def parse_depths(depths):
    """Check the depths that are wanted: numbers in m (also as text) and the words in `DEPTH_KINDS`.

    Parameters
    ----------
    depths : sequence of float or str

    Returns
    -------
    list of float and str
        Each once, in the order given.

    Raises
    ------
    UserError
        Naming the depth that is neither.

    Examples
    --------
    >>> parse_depths(["100", 50, "equilibrium", 100.0])
    [100.0, 50.0, 'equilibrium']
    """
    wanted = [_parse_depth(depth) for depth in ([depths] if np.ndim(depths) == 0 else depths)]
    return list(dict.fromkeys(wanted))


def _parse_depth(depth):
    if isinstance(depth, str) and depth in DEPTH_KINDS:
        return depth
    try:
        number = float(depth)
    except (TypeError, ValueError):
        number = np.nan
    if not 0 <= number <= DEEPEST_TARGET_M:
        hint = suggest(depth, DEPTH_KINDS)
        words = ", ".join(DEPTH_KINDS)
        raise UserError(f"depth {depth!r}: give metres from 0 to {DEEPEST_TARGET_M:.0f}, or one of {words}{hint}")
    return number


def sea_around(heads, covariates, wanted):
    """Fields of the sea at each cast that depths or the check of the bottom need; None without covariates."""
    if covariates is None:
        return None
    names = [FIELDS[kind] for kind in wanted if kind in FIELDS and FIELDS[kind] in covariates]
    names += ["bottom_depth"] if "bottom_depth" in covariates else []
    return ocean.match(heads.assign(depth_m=0.0), covariates, names=names) if names else None


def target_depths(wanted, casts, sea):
    """Target depths (n_casts, n_depths), and why one is unknown."""
    n_casts = len(casts.heads)
    columns, reasons = [], []
    for kind in wanted:
        reason = np.full(n_casts, "", dtype=object)
        if kind == "equilibrium":
            depth = thorium.equilibrium_depth(*casts.balance, n_casts)
            reason[:] = "no equilibrium above the last sample"
        elif kind == "ppz":
            depth = _production_zone(casts)
            reason[:] = "no fall of fluorescence to a tenth of its maximum" if "fluorescence" in casts.samples else (
                "no fluorescence")  # fmt: skip
        elif kind in FIELDS and (sea is None or FIELDS[kind] not in sea):
            depth = np.full(n_casts, np.nan)
            reason[:] = f"no covariate: {FIELDS[kind]}"
        elif kind in FIELDS:
            depth = sea[FIELDS[kind]].to_numpy(float)
            reason[:] = np.where(sea["covariate_reason"] == "land", "land", f"no covariate: {FIELDS[kind]}")
        else:
            depth = np.full(n_casts, kind)
        columns.append(depth)
        reasons.append(np.where(np.isnan(depth), reason, ""))
    return np.stack(columns, axis=1), np.stack(reasons, axis=1)


def _production_zone(casts):
    """Depth below the fluorescence maximum at which fluorescence falls to a tenth of it."""
    light, depth, cast = column(casts.samples, "fluorescence"), casts.depth, casts.cast
    n_casts = len(casts.heads)
    top = np.full(n_casts, -np.inf)
    np.maximum.at(top, cast[np.isfinite(light)], light[np.isfinite(light)])
    at_top = np.full(n_casts, np.inf)
    peak = light == top[cast]
    np.minimum.at(at_top, cast[peak], depth[peak])
    below = np.where(depth >= at_top[cast], light, np.nan)
    return thorium.equilibrium_depth(depth, PPZ_SHARE * top[cast], below, cast, n_casts)
