"""The twin ocean as judge: its truth is known everywhere, so a score can be held against what is possible.

Targets are th234_flux (dpm m-2 d-1) and poc_flux (mmol m-2 d-1). Scores are on the scale of `features.transform`.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.metrics import root_mean_squared_error as rmse

from seaofcarbon import flux, records
from seaofcarbon.files import UserError
from seaofcarbon.learn import features, tune, validate
from seaofcarbon.learn.campaigns import folds, redrawn, thin
from seaofcarbon.learn.models import DEFAULTS, KINDS, fit_estimator
from seaofcarbon.learn.tune import r2
from seaofcarbon.learn.uncertainty import Area

TARGETS = ("th234_flux", "poc_flux")
PLACE = ["time", "latitude", "longitude", "depth_m"]
SOUTH_DEG = -40.0
"""The Southern Ocean begins here, degrees north."""

CRUISES = 250
"""Further cruises that the twin sends out; those that do not stay in the Southern Ocean are left out."""

N_DEALS = 3
"""Ways to deal the campaigns into folds that a share of the ceiling is told for."""

N_FLEETS = 3
"""Other fleets of as many cruises that the same share is told for."""

TRIED = 60
"""About so many settings, inputs and learners were scored on this sea before those of chapter 4 were kept."""

FLUX_DEPTHS_M = (25.0, 50.0, 75.0, 100.0, 125.0, 150.0, 175.0, 200.0, 225.0, 250.0)


# --- What is true -------------------------------------------------------------------------------------


def climatology(points, target, unobserved=True):
    """Noise-free truth of an ordinary year: no anomalies of campaigns and stations, and the mean over pulses.

    Parameters
    ----------
    points : DataFrame
        time, latitude, longitude (degrees), depth_m (m).
    target : "th234_flux" | "poc_flux"
    unobserved : bool
        False leaves out the field that no covariate tells of, too: what the recipe makes of the covariates alone.

    Returns
    -------
    array, shape (n,)
        Mean over the memory of 234Th, which is what the method measures, in the unit of the target; NaN on land and
        below the bottom.
    """
    from seaofcarbon import twin

    if target not in TARGETS:
        raise UserError(f"the twin judges {' and '.join(TARGETS)}, not {target}")
    known = twin.nothing_hidden()
    if unobserved:
        known = replace(known, unobserved_log10_sd=twin.DEFAULT.unobserved_log10_sd)
    true = twin.truth(points[PLACE], known)
    thorium = true["th234_flux_memory"].to_numpy()
    return thorium if target == "th234_flux" else thorium * true["c_th"].to_numpy() / 1000.0


def noise_free(points, target):
    """What the casts would have found without noise and gaps: anomalies of their campaign and station, days of pulses.

    Parameters
    ----------
    points : DataFrame
        As in `climatology`, and the cruise and station of the twin.
    target : str
        One of `vocabulary.TARGETS`.

    Returns
    -------
    array, shape (n,)
    """
    from seaofcarbon import twin

    true = twin.truth(points[["cruise", "station", *PLACE]])
    thorium = true["th234_flux_memory"].to_numpy()
    return thorium if target == "th234_flux" else thorium * true["c_th"].to_numpy() / 1000.0


def _explained(y, known):
    """Share of the variance that a straight line through what is known explains: bias and slope may be learnt."""
    return float(np.corrcoef(y, known)[0, 1] ** 2) if len(y) > 2 else np.nan


def ceiling(table, target, truth=None, unobserved=True):
    """R2 that a model who knew the twin's recipe would reach against the measured values.

    What is hidden from it: anomalies of campaigns and stations, the days of the pulses, errors of measurement and of
    the method. A common bias and slope of the method are not held against it (who learns from measured values has them
    too), so this is the squared correlation.

    Parameters
    ----------
    table : DataFrame
        Rows of `features.training_table` of this target.
    target : str
    truth : array, shape (n,), optional
        Climatological truth in the unit of the target; that of the twin if not given.
    unobserved : bool
        Whether the recipe knows the unobserved field. No covariate tells of it, but models that know the position learn
        it from neighbouring campaigns: without it, the ceiling is one that a good model may break.

    Returns
    -------
    float
    """
    truth = climatology(table, target, unobserved) if truth is None else truth
    y, known = features.transform(table["value"], target), features.transform(truth, target)
    there = np.isfinite(known)
    return _explained(y[there], known[there])


# --- Models -------------------------------------------------------------------------------------------


def _fit(X, y, weight, settings, seed):
    """Both models; a function that predicts their mean, and the importances of the forest."""
    rf, xgb = (fit_estimator(kind, settings[kind], X, y, weight, seed) for kind in KINDS)
    return lambda new: (rf.predict(new) + xgb.predict(new)) / 2, rf.feature_importances_ + 1e-6


def _prepared(table, target, names, truth, pure=None):
    """Rows whose truth is known, their features, and measured and true values on the scale of the model."""
    given = {"measured": table["value"], "truth": climatology(table, target) if truth is None else truth}
    given |= {} if pure is None else {"noise-free": pure}
    y = {name: features.transform(values, target) for name, values in given.items()}
    there = np.all([np.isfinite(values) for values in y.values()], axis=0)
    table = table[there].reset_index(drop=True)
    return table, features.matrix(table, names), {name: values[there] for name, values in y.items()}


def _held_out(table, target, names, settings, n_folds, seed, workers, truth, pure=None, teachers=None):
    """Campaign of each row whose truth is known, values and held-out predictions by teacher, what is inside."""
    fold = validate.fold_numbers(table, n_folds, seed)
    given = table.assign(fold=fold, part=tune.parts(fold))  # of all rows, so that settings do not see what they judge
    table, X, y = _prepared(given, target, names, truth, pure)
    campaign, teachers = table["campaign"].to_numpy(), teachers or tuple(y)

    def work(k):
        train, test = (np.flatnonzero(is_side) for is_side in (table["fold"] != k, table["fold"] == k))
        weight, out = features.weights(table.iloc[train]), {}
        groups = table["fold"].to_numpy()[train]  # as `Model.fit` does; of two folds only campaigns are left
        groups = groups if np.ptp(groups) else campaign[train]
        own = settings.get(table["part"].iloc[test[0]], settings)
        for name in teachers:
            predict, importance = _fit(X[train], y[name][train], weight, own, seed)
            out[name] = predict(X[test])
            if name == "measured":
                out["inside"] = Area.fit(X[train], importance, groups, seed).inside(X[test])
        return test, out

    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(work, np.unique(table["fold"])))
    tested, results = np.concatenate([test for test, _ in results]), [out for _, out in results]
    predicted = {name: np.empty(len(table)) for name in teachers}
    inside = np.empty(len(table), bool)
    for name, values in (*predicted.items(), ("inside", inside)):
        values[tested] = np.concatenate([result[name] for result in results])
    return campaign, y, predicted, inside


def against_truth(table, target, names, settings=None, n_folds=5, seed=0, workers=2, truth=None, pure=None):
    """Leave-campaign-out scores of models that learn from measured values and of models that learn from the truth.

    Parameters
    ----------
    table : DataFrame
        Rows of `features.training_table` of this target.
    target : str
    names : sequence of str
        Features.
    settings : dict of dict, optional
        Settings of "rf" and "xgb", or of these by part, as `tune.tune` gives for a target; `DEFAULTS` if none.
    n_folds, seed : int
        As in `validate.fold_numbers`.
    workers : int
        Folds that run side by side.
    truth : array, shape (n,), optional
        Climatological truth in the unit of the target; that of the twin if not given. Rows without it are left out.
    pure : array, shape (n,), optional
        `noise_free` values at the same rows; those of the twin if neither is given.

    Returns
    -------
    DataFrame
        trained_on (measured | noise-free | truth), judged_by (measured | truth), area (all | inside | outside the area
        of applicability of the fold's training side), values, campaigns, r2, rmse, ceiling, share (r2 over ceiling).
        Where measured values judge, the ceiling is `ceiling` on the same rows; where the truth judges, it is the R2 of
        the model that learnt from noise-free values, or without these from the truth.
    """
    pure = noise_free(table, target) if truth is None and pure is None else pure
    found = _held_out(table, target, names, settings or DEFAULTS, n_folds, seed, workers, truth, pure)
    campaign, y, predicted, inside = found
    areas = {"all": np.ones(len(inside), bool), "inside": inside, "outside": ~inside}
    rows = []
    teacher = "truth" if pure is None else "noise-free"
    for judge in ("measured", "truth"):
        for area, here in areas.items():
            if not here.any():
                continue
            best = r2(y["truth"][here], predicted[teacher][here])
            best = best if judge == "truth" else _explained(y["measured"][here], y["truth"][here])
            for name in y:
                value, guess = y[judge][here], predicted[name][here]
                score = float(r2(value, guess))
                rows.append({
                    "trained_on": name, "judged_by": judge, "area": area, "values": len(value),
                    "campaigns": len(np.unique(campaign[here])), "r2": score, "rmse": rmse(value, guess),
                    "ceiling": best, "share": score / best,
                })  # fmt: skip
    return pd.DataFrame(rows)


def _share_of_sums(sums):
    """Share of the ceiling of sums of `over_deals` over campaigns, shape (..., 7)."""
    n, y, yy, error, known, square, both = np.moveaxis(sums, -1, 0)
    ceiling = (both - y * known / n) ** 2 / (yy - y**2 / n) / (square - known**2 / n)
    return validate.r2_of_sums(np.stack([n, y, yy, error], axis=-1)) / ceiling


def over_deals(
    table, target, names, path, n_deals=N_DEALS, n_trials=8, n_folds=5, seed=0, workers=2, draws=500, truth=None,
):  # fmt: skip
    """Share of the ceiling inside the area of applicability for several deals of the folds, tuned anew in each.

    Parameters
    ----------
    table, target, names, n_folds, workers, truth
        As in `against_truth`.
    path : str or Path
        Journal of the studies: a deal that was tuned before costs nothing.
    n_deals : int
        Deals, with the seeds `seed`, `seed` + 1, ...; settings of each part are tuned without it, as `tune.tune` says.
    n_trials, seed : int
    draws : int
        Bootstrap over campaigns; the same ones are drawn for all deals, for values and ceiling alike.

    Returns
    -------
    deals : DataFrame
        seed, values (inside), r2 (against measured values), ceiling, share; one row per deal.
    ends : array, shape (2,)
        95 % range of the mean share when campaigns are drawn again.
    """
    truth = climatology(table, target) if truth is None else truth
    rows, sums = [], []
    for own in range(seed, seed + n_deals):
        fold = validate.fold_numbers(table, n_folds, own)
        tuned, _ = tune.tune({target: table}, names, {target: fold}, path, n_trials, own, workers, whole=False)
        found = _held_out(table, target, names, tuned[target], n_folds, own, workers, truth, teachers=("measured",))
        campaign, y, predicted, inside = found
        value, known, guess = (each[inside] for each in (y["measured"], y["truth"], predicted["measured"]))
        code = np.unique(campaign, return_inverse=True)[1]
        of_line = np.column_stack([
            np.bincount(code[inside], column, code.max() + 1) for column in (known, known**2, value * known)
        ])  # fmt: skip
        sums.append(np.hstack([validate.campaign_sums(value, guess, code[inside], code.max() + 1), of_line]))
        score, best = float(r2(value, guess)), _explained(value, known)
        rows.append({"seed": own, "values": len(value), "r2": score, "ceiling": best, "share": score / best})
    counts = redrawn(sums[0].shape[0], draws, seed)
    drawn = _share_of_sums(np.einsum("dc,scx->dsx", counts, np.stack(sums))).mean(axis=1)
    return pd.DataFrame(rows), np.percentile(drawn, [2.5, 97.5])


def over_fleets(
    target, names, covariates, path, depths_m=FLUX_DEPTHS_M, n_fleets=N_FLEETS, n_trials=8, n_folds=5, seed=0, workers=2
):  # fmt: skip
    """`over_deals`, one deal each, for other fleets that sample the same sea: what the luck of the cruises does.

    Parameters
    ----------
    target, names, path, n_trials, n_folds, workers
        As in `over_deals`.
    covariates : Dataset
        `ocean.covariates`.
    depths_m : sequence of float
        Depths of the fluxes, m: other depths have another ceiling, so give those of the table that this stands beside.
    n_fleets : int
        Fleets; their cruises have the seeds after those of the twin and of its southern cruises.
    seed : int
        Of the folds and models.

    Returns
    -------
    DataFrame
        cruise_seed, and the columns of `over_deals`; one row per fleet. Their files have no mistakes, so that more
        values are kept than a fleet's raw files would give.
    """
    from seaofcarbon import twin

    first, out = twin.DEFAULT.cruise_seed + 2, []
    for own in range(first, first + n_fleets):
        table = thin(
            _further_cruises(covariates, target, names, own, depths_m=depths_m), validate.FIT_ROWS, seed
        ).reset_index(drop=True)
        deal, _ = over_deals(table, target, names, path, 1, n_trials, n_folds, seed, workers)
        out.append(deal.assign(cruise_seed=own))
    return pd.concat(out, ignore_index=True)[["cruise_seed", "seed", "values", "r2", "ceiling", "share"]]


# --- How much more would help --------------------------------------------------------------------------


def learning_curve(
    table, target, names, counts=(10, 20, 40, 80, 160), repeats=3, settings=None, n_folds=5, seed=0, workers=2,
    truth=None,
):  # fmt: skip
    """R2 on the same held-out campaigns of models that learn from few and from many other campaigns.

    Parameters
    ----------
    table, target, names, settings, seed, workers, truth
        As in `against_truth`.
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
    table, X, y = _prepared(table, target, names, truth)
    campaign = table["campaign"].to_numpy()
    pool, test = folds(table, "campaign", n_folds, seed)[0]
    there = np.unique(campaign[pool])
    counts = [*(count for count in sorted(set(counts)) if count < len(there)), len(there)]

    def work(job):
        count, draw = job
        drawn = np.random.default_rng([seed, count, draw]).choice(there, count, replace=False)
        train = pool[np.isin(campaign[pool], drawn)]
        weight = features.weights(table.iloc[train])
        guess = _fit(X[train], y["measured"][train], weight, settings, seed)[0](X[test])
        return [(judge, count, len(train), float(r2(y[judge][test], guess))) for judge in y]

    jobs = [(count, draw) for count in counts for draw in range(repeats if count < len(there) else 1)]
    with ThreadPoolExecutor(workers) as threads:
        found = [row for rows in threads.map(work, jobs) for row in rows]
    found = pd.DataFrame(found, columns=["judged_by", "campaigns", "values", "r2"])
    curve = found.groupby(["judged_by", "campaigns"], as_index=False).agg(
        values=("values", "mean"), draws=("r2", "size"), r2_sd=("r2", "std"), r2=("r2", "mean")
    )
    return curve[["judged_by", "campaigns", "values", "draws", "r2", "r2_sd"]]


def _further_cruises(covariates, target, names, seed, south=90.0, depths_m=FLUX_DEPTHS_M):
    """Training rows of further cruises of the twin that stay below a latitude, as 02-flux and 03-matchup make them."""
    from seaofcarbon import twin
    from seaofcarbon.twin.cruises import samples

    casts, bottles = samples(twin.with_seed(seed), CRUISES)
    stays = casts.groupby("cruise")["latitude"].max() < south
    bottles = bottles[bottles["cruise"].map(stays)]
    measured = bottles.filter(regex="^m_").rename(columns=lambda name: name.removeprefix("m_"))
    bottles = bottles[["cruise", "station", *PLACE]].join(measured)
    cruise = f"S{seed}-" + bottles["cruise"]
    bottles = bottles.assign(source_id="twin_further", cruise=cruise, cast_id=cruise + "/" + bottles["station"])
    found = flux.fluxes(bottles, depths_m, covariates=covariates)
    nothing = records.conform(pd.DataFrame())
    return features.for_target(features.training_table(bottles, found, nothing, covariates, names)[0], target)


def _southern_cruises(covariates, target, names, seed):
    return _further_cruises(covariates, target, names, seed, SOUTH_DEG)


def _random_sea(n, covariates, names, target, seed):
    """Random places of the sea, evenly over its area, on random days and at random depths, with their truth."""
    points = features.random_sea(3 * n, covariates, names, FLUX_DEPTHS_M, seed)
    points["truth"] = features.transform(climatology(points, target), target)
    return points[np.isfinite(points["truth"])].head(n).reset_index(drop=True)


def denser_southern_ocean(
    table, target, names, covariates, extra=(0, 10, 20, 40), repeats=3, settings=None, seed=0, n_points=6000,
    max_rows=6000, workers=2,
):  # fmt: skip
    """What more cruises south of 40 S would buy: skill against the climatological truth at random points of the sea.

    Parameters
    ----------
    table, target, names, settings, workers
        As in `against_truth`; the table of the usual cruises of the twin.
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
    further = _southern_cruises(covariates, target, names, twin.DEFAULT.cruise_seed + 1)
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
        predict, importance = _fit(own, y, features.weights(known), settings, seed)
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
