"""What more campaigns would teach, and more cruises in the Southern Ocean: the twin ocean can send them out."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from sklearn.metrics import root_mean_squared_error as rmse

from seaofcarbon import flux, records
from seaofcarbon.learn import features, judge
from seaofcarbon.learn.campaigns import folds, thin
from seaofcarbon.learn.models import DEFAULTS
from seaofcarbon.learn.tune import r2
from seaofcarbon.learn.uncertainty import Area

SOUTH_DEG = -40.0
"""The Southern Ocean begins here, degrees north."""

CRUISES = 250
"""Further cruises that the twin sends out; those that do not stay in the Southern Ocean are left out."""

FLUX_DEPTHS_M = (25.0, 50.0, 75.0, 100.0, 125.0, 150.0, 175.0, 200.0, 225.0, 250.0)
"""Depths of the fluxes of further cruises, m."""


def learning_curve(
    table, target, names, counts=(10, 20, 40, 80, 160), repeats=3, settings=None, n_folds=5, seed=0, workers=2,
    truth=None,
):  # fmt: skip
    """R2 on the same held-out campaigns of models that learn from few and from many other campaigns.

    Parameters
    ----------
    table, target, names, settings, seed, workers, truth
        As in `judge.against_truth`.
    counts : sequence of int
        Numbers of campaigns to learn from; the number of all that are there is added, larger ones are left out.
    repeats : int
        Random draws of campaigns for each number.
    n_folds : int
        One of so many folds is held out.

    Returns
    -------
    DataFrame
        judged_by (measured | truth), campaigns, values (mean number learnt from), draws, r2 (mean), r2_sd (between
        draws; NaN for a single one).
    """
    settings = settings or DEFAULTS
    table, X, y = judge.prepared(table, target, names, truth)
    campaign = table["campaign"].to_numpy()
    pool, test = folds(table, "campaign", n_folds, seed)[0]
    there = np.unique(campaign[pool])
    counts = [*(count for count in sorted(set(counts)) if count < len(there)), len(there)]

    def work(job):
        count, draw = job
        drawn = np.random.default_rng([seed, count, draw]).choice(there, count, replace=False)
        train = pool[np.isin(campaign[pool], drawn)]
        weight = features.weights(table.iloc[train])
        guess = judge.fit_both(X[train], y["measured"][train], weight, settings, seed)[0](X[test])
        return [(by, count, len(train), float(r2(y[by][test], guess))) for by in y]

    jobs = [(count, draw) for count in counts for draw in range(repeats if count < len(there) else 1)]
    with ThreadPoolExecutor(workers) as threads:
        found = [row for rows in threads.map(work, jobs) for row in rows]
    found = pd.DataFrame(found, columns=["judged_by", "campaigns", "values", "r2"])
    curve = found.groupby(["judged_by", "campaigns"], as_index=False).agg(
        values=("values", "mean"), draws=("r2", "size"), r2_sd=("r2", "std"), r2=("r2", "mean")
    )
    return curve[["judged_by", "campaigns", "values", "draws", "r2", "r2_sd"]]


def further_cruises(covariates, target, names, seed, south=90.0, depths_m=FLUX_DEPTHS_M):
    """Training rows of further cruises of the twin that stay below a latitude, as 02-flux and 03-matchup make them.

    Parameters
    ----------
    covariates : Dataset
        `ocean.covariates`.
    target : str
    names : sequence of str
        Features.
    seed : int
        Of the cruises.
    south : float
        A cruise that was ever north of it is left out, degrees north.
    depths_m : sequence of float
        Depths of the fluxes, m.

    Returns
    -------
    DataFrame
        As `features.for_target` gives.
    """
    from seaofcarbon import twin
    from seaofcarbon.twin.cruises import samples

    casts, bottles = samples(twin.with_seed(seed), CRUISES)
    stays = casts.groupby("cruise")["latitude"].max() < south
    bottles = bottles[bottles["cruise"].map(stays)]
    measured = bottles.filter(regex="^m_").rename(columns=lambda name: name.removeprefix("m_"))
    bottles = bottles[["cruise", "station", *judge.PLACE]].join(measured)
    cruise = f"S{seed}-" + bottles["cruise"]
    bottles = bottles.assign(source_id="twin_further", cruise=cruise, cast_id=cruise + "/" + bottles["station"])
    found = flux.fluxes(bottles, depths_m, covariates=covariates)
    nothing = records.conform(pd.DataFrame())
    return features.for_target(features.training_table(bottles, found, nothing, covariates, names)[0], target)


def _random_sea(n, covariates, names, target, seed):
    """Random places of the sea, evenly over its area, on random days and at random depths, with their truth."""
    points = features.random_sea(3 * n, covariates, names, FLUX_DEPTHS_M, seed)
    points["truth"] = features.transform(judge.climatology(points, target), target)
    return points[np.isfinite(points["truth"])].head(n).reset_index(drop=True)


def denser_southern_ocean(
    table, target, names, covariates, extra=(0, 10, 20, 40), repeats=3, settings=None, seed=0, n_points=6000,
    max_rows=6000, workers=2,
):  # fmt: skip
    """What more cruises south of 40 S would buy: skill against the climatological truth at random points of the sea.

    Parameters
    ----------
    table, target, names, settings, workers
        As in `judge.against_truth`; the table of the usual cruises of the twin.
    covariates : Dataset
        `ocean.covariates`.
    extra : sequence of int
        Numbers of further southern cruises; as many as the seed gives, if fewer.
    repeats : int
        Random draws of cruises for each number.
    seed : int
        Seed of the draws and models; the further cruises have the one after those of the twin.
    n_points : int
        Random points, evenly over the area of the sea, over the year, and over 25 to 250 m.
    max_rows : int
        The usual cruises are thinned to so many rows, the further ones in proportion.

    Returns
    -------
    DataFrame
        region (south of 40 S | elsewhere), extra_campaigns (cruises), draws, values (rows learnt from), points, r2,
        r2_sd (between draws; NaN for a single one), rmse, inside (share of the points in the area of applicability).
    """
    from seaofcarbon import twin

    settings = settings or DEFAULTS
    further = further_cruises(covariates, target, names, twin.DEFAULT.cruise_seed + 1, SOUTH_DEG)
    further = thin(further, max(1, round(len(further) * min(1.0, max_rows / len(table)))), seed)
    table = thin(table, max_rows, seed)
    cruises = np.sort(further["cruise"].unique())
    # labels of campaigns of both tables stay apart
    further = further.assign(campaign=further["campaign"] + table["campaign"].max() + 1)
    sea = _random_sea(n_points, covariates, names, target, seed)
    X, true = features.matrix(sea, names), sea["truth"].to_numpy()
    south = sea["latitude"].to_numpy() < SOUTH_DEG
    regions = {"south of 40 S": south, "elsewhere": ~south}

    def work(job):
        count, draw = job
        drawn = np.random.default_rng([seed, count, draw]).choice(cruises, count, replace=False)
        known = pd.concat([table, further[further["cruise"].isin(drawn)]], ignore_index=True)
        own, y = features.matrix(known, names), features.transform(known["value"], target)
        predict, importance = judge.fit_both(own, y, features.weights(known), settings, seed)
        guess, inside = predict(X), Area.fit(own, importance, known["campaign"].to_numpy(), seed).inside(X)
        return [
            (region, count, len(known), here.sum(), r2(true[here], guess[here]), rmse(true[here], guess[here]),
             inside[here].mean())
            for region, here in regions.items()
        ]  # fmt: skip

    counts = sorted({min(count, len(cruises)) for count in extra})
    single = (0, len(cruises))
    jobs = [(count, draw) for count in counts for draw in range(1 if count in single else repeats)]
    with ThreadPoolExecutor(workers) as threads:
        found = [row for rows in threads.map(work, jobs) for row in rows]
    columns = ["region", "extra_campaigns", "values", "points", "r2", "rmse", "inside"]
    groups = pd.DataFrame(found, columns=columns).groupby(["region", "extra_campaigns"], as_index=False)
    return groups.agg(
        draws=("r2", "size"), values=("values", "mean"), points=("points", "first"), r2_sd=("r2", "std"),
        r2=("r2", "mean"), rmse=("rmse", "mean"), inside=("inside", "mean"),
    )[["region", "extra_campaigns", "draws", "values", "points", "r2", "r2_sd", "rmse", "inside"]]  # fmt: skip
