"""Campaigns, and splits that respect them.

Casts of a ship's campaign resemble one another: a model that is tested on a cast while it has learnt from its neighbour
of the same week is not tested at all. A campaign is therefore the smallest thing that may be left out.
"""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from seaofcarbon.files import UserError
from seaofcarbon.vocabulary import EARTH_RADIUS_KM

SPLITS = ("campaign", "block", "random")
_DAY_NS = 86_400_000_000_000
_LONGEST_MONTH_D = 31.0


def _xyz(latitude, longitude):
    """Points on the unit sphere, shape (n, 3)."""
    lat, lon = np.deg2rad(np.asarray(latitude, float)), np.deg2rad(np.asarray(longitude, float))
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _days(time):
    times = np.asarray(time, "datetime64[ns]")
    if np.isnat(times).any():
        raise UserError(f"{np.isnat(times).sum()} rows have no time: a campaign needs a day; drop these rows first")
    return times.astype("int64") / _DAY_NS


def _places(df):
    """Unique (latitude, longitude, day) in an order that does not depend on the rows, and each row's place."""
    places = pd.DataFrame(
        {
            "latitude": df["latitude"].to_numpy(float),
            # 359 E and 1 W are one meridian; rounding keeps float noise from making two places of one
            "longitude": np.round((df["longitude"].to_numpy(float) + 180.0) % 360.0 - 180.0, 6),
            "day": _days(df["time"]),
        }
    )
    unique, row = np.unique(places.to_numpy(), axis=0, return_inverse=True)
    return unique, row.ravel()


def _neighbours(places, km, days, same_month=False):
    """Pairs (i, j) of places within `km` and `days` of each other (or, with `same_month`, in one calendar month)."""
    xyz = _xyz(places[:, 0], places[:, 1])
    chord = 2 * np.sin(min(km / EARTH_RADIUS_KM, np.pi) / 2)
    reach = max(days, _LONGEST_MONTH_D) if same_month else days
    # time as a fourth coordinate: who is near in space and in time is within sqrt(2) radii in all four
    tree = cKDTree(np.column_stack([xyz, places[:, 2] / max(reach, 1e-9) * chord]))
    i, j = tree.query_pairs(chord * np.sqrt(2) * (1 + 1e-9), output_type="ndarray").T
    near = np.linalg.norm(xyz[i] - xyz[j], axis=1) <= chord * (1 + 1e-9)
    together = np.abs(places[i, 2] - places[j, 2]) <= days
    if same_month:
        month = (places[:, 2] * _DAY_NS).astype("datetime64[ns]").astype("datetime64[M]")
        together |= month[i] == month[j]
    return i[near & together], j[near & together]


def campaigns(df, km=700.0, days=20.0):
    """Label each row with the campaign that it belongs to.

    Two casts belong together when they are within `km` of each other and either within `days` or in the same calendar
    month (compilations often give only the month); chains of such pairs are one campaign (single linkage).

    Parameters
    ----------
    df : DataFrame with latitude (degrees_north), longitude (degrees_east), time
    km, days : float
        Reach in space and time.

    Returns
    -------
    array of int, shape (n,)
        Labels 0, 1, ... numbered by place and day, so that they do not depend on the order of the rows.

    Raises
    ------
    UserError
        If a row has no time.

    Examples
    --------
    >>> casts = pd.DataFrame({"latitude": [0, 0, 0, 0], "longitude": [179, -179, 0, 0],
    ...                       "time": pd.to_datetime(["2010-01-05", "2010-01-25", "2010-01-05", "2010-03-05"])})
    >>> campaigns(casts).tolist()
    [0, 0, 1, 2]
    """
    if not len(df):
        return np.empty(0, int)
    places, row = _places(df)
    i, j = _neighbours(places, km, days, same_month=True)
    graph = coo_array((np.ones(i.size, bool), (i, j)), shape=(len(places),) * 2)
    labels = connected_components(graph, directed=False)[1]
    # connected_components numbers by first member already; unique makes that a promise
    first = np.unique(labels, return_index=True)[1]
    return np.argsort(np.argsort(first))[labels][row]


def blocks(df, degrees=20.0):
    """Label of the `degrees` x `degrees` block that each row lies in, shape (n,).

    Parameters
    ----------
    df : DataFrame
        latitude, longitude (degrees).
    degrees : float
        Size of a block.

    Returns
    -------
    ndarray (n,)
        Equal for rows of one block.
    """
    lat = np.floor((df["latitude"].to_numpy(float) + 90.0) / degrees).astype(int)
    lon = np.floor(((df["longitude"].to_numpy(float) + 180.0) % 360.0) / degrees).astype(int)
    return lat * 1000 + lon


def _deal(groups, n_folds, rng):
    """Fold of each row, whole groups at a time: in random order, each to the fold that holds least so far."""
    names, member, size = np.unique(groups, return_inverse=True, return_counts=True)
    fold_of, load = np.empty(len(names), int), np.zeros(n_folds)
    for group in rng.permutation(len(names)):
        fold_of[group] = np.argmin(load)
        load[fold_of[group]] += size[group]
    return fold_of[member]


def folds(df, kind="campaign", n_folds=5, seed=0):
    """Split rows into training and test sides.

    Parameters
    ----------
    df : DataFrame with latitude, longitude, time, and campaign (computed if absent)
    kind : "campaign" | "block" | "random"
        Whole campaigns; 20-degree blocks, the campaigns of the test rows dropped from training; or rows at random,
        which leaks and is there as a warning.
    n_folds : int
    seed : int

    Returns
    -------
    list of (training index, test index)
        Positions of rows. Every row is in exactly one test side.

    Raises
    ------
    UserError
        If there are fewer groups than folds, or `kind` is unknown.
    """
    if n_folds < 2:
        raise UserError(f"{n_folds} folds: give two or more, one is tested and the others are learnt from")
    if kind not in SPLITS:
        raise UserError(f"split {kind!r} is unknown; take one of {', '.join(SPLITS)}")
    campaign = df["campaign"].to_numpy() if "campaign" in df else campaigns(df)
    rng = np.random.default_rng(seed)
    if kind == "random":
        # deal by place, day and depth and not by row number: the order of the rows must not matter
        keys = [df[name].to_numpy() for name in ("depth_m", "longitude", "latitude", "time") if name in df]
        groups = np.empty(len(df), int)
        groups[np.lexsort(keys)] = np.arange(len(df))
    else:
        groups = campaign if kind == "campaign" else blocks(df)
    n_groups = len(np.unique(groups))
    if n_groups < n_folds:
        raise UserError(f"{n_groups} {kind} groups are too few for {n_folds} folds; ask for fewer folds or add data")
    fold = _deal(groups, n_folds, rng)
    return [_sides(fold == k, campaign, drop=kind == "block") for k in range(n_folds)]


def _sides(is_test, campaign, drop):
    is_train = ~np.isin(campaign, campaign[is_test]) if drop else ~is_test
    return np.flatnonzero(is_train), np.flatnonzero(is_test)


def leakage(df, folds, km=300.0, days=20.0):
    """Share of test rows that have a training row within `km` and `days`: 0 is honest.

    Parameters
    ----------
    df : DataFrame with latitude, longitude, time
    folds : list of (training index, test index)
    km, days : float
        How near is a neighbour.

    Returns
    -------
    float, 0 to 1

    Examples
    --------
    >>> df = pd.DataFrame({"latitude": [0.0, 0.1, 50.0], "longitude": 0.0, "time": pd.Timestamp("2001-05-03")})
    >>> float(leakage(df, [(np.array([0]), np.array([1, 2]))]))  # the first tells of the second, not of the third
    0.5
    """
    places, row = _places(df)
    i, j = _neighbours(places, km, days)
    here = np.arange(len(places))
    near = coo_array((np.ones(2 * i.size + here.size), (np.r_[i, j, here], np.r_[j, i, here]))).tocsr()
    leaking = tested = 0
    for train, test in folds:
        trained = np.bincount(row[train], minlength=len(places))
        leaking += np.count_nonzero((near @ trained)[row[test]])
        tested += len(test)
    return leaking / tested if tested else 0.0


def thin(df, max_rows, seed=0):
    """Thin a table to at most `max_rows` rows, losing as little as can be.

    Neighbours repeat each other. If more than half of the rows must go, each cast keeps every second depth (the odd
    ones or the even ones in turn); then casts are taken in rounds, one of every campaign and then the next, so that a
    large campaign gives way first.

    Parameters
    ----------
    df : DataFrame with cast_id, campaign; the rows of a cast ordered by depth
    max_rows, seed : int

    Returns
    -------
    DataFrame, rows in their old order; the table itself if it is small enough.
    """
    if len(df) <= max_rows:
        return df
    if len(df) > 2 * max_rows:
        cast = pd.factorize(df["cast_id"], sort=True)[0]
        df = df[(df.groupby("cast_id").cumcount() + cast) % 2 == 0]
    casts = df.groupby("cast_id", sort=True).agg(campaign=("campaign", "first"), rows=("campaign", "size"))
    casts = casts.sample(frac=1.0, random_state=seed)
    casts = casts.iloc[np.argsort(casts.groupby("campaign").cumcount(), kind="stable")]
    keep = casts.index[casts["rows"].cumsum() <= max_rows]
    return df[df["cast_id"].isin(keep)]


def redrawn(n, draws=None, seed=0):
    """Bootstrap over campaigns: how often each of `n` campaigns comes up when so many are drawn with replacement.

    Parameters
    ----------
    n : int
    draws : int, optional
    seed : int or numpy Generator

    Returns
    -------
    array of int, shape (draws, n), or (n,) for a single draw
    """
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws)
