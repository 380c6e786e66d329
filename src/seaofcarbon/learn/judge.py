"""The twin ocean as judge: its truth is known everywhere, so a score can be held against what is possible.

Targets are th234_flux (dpm m-2 d-1) and poc_flux (mmol m-2 d-1). Scores are on the scale of `features.transform`.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.metrics import root_mean_squared_error as rmse

from seaofcarbon.files import UserError
from seaofcarbon.learn import features, tune, validate
from seaofcarbon.learn.models import DEFAULTS, KINDS, fit_estimator
from seaofcarbon.learn.tune import r2
from seaofcarbon.learn.uncertainty import Area

TARGETS = ("th234_flux", "poc_flux")
PLACE = ["time", "latitude", "longitude", "depth_m"]

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


def explained(y, known):
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
    return explained(y[there], known[there])


# --- Models -------------------------------------------------------------------------------------------


def fit_both(X, y, weight, settings, seed):
    """Both models; a function that predicts their mean, and the importances of the forest."""
    rf, xgb = (fit_estimator(kind, settings[kind], X, y, weight, seed) for kind in KINDS)
    return lambda new: (rf.predict(new) + xgb.predict(new)) / 2, rf.feature_importances_ + 1e-6


def prepared(table, target, names, truth, pure=None):
    """Rows whose truth is known, their features, and measured and true values on the scale of the model."""
    given = {"measured": table["value"], "truth": climatology(table, target) if truth is None else truth}
    given |= {} if pure is None else {"noise-free": pure}
    y = {name: features.transform(values, target) for name, values in given.items()}
    there = np.all([np.isfinite(values) for values in y.values()], axis=0)
    table = table[there].reset_index(drop=True)
    return table, features.matrix(table, names), {name: values[there] for name, values in y.items()}


def held_out(table, target, names, settings, n_folds, seed, workers, truth, pure=None, teachers=None):
    """Held-out predictions of models that learnt from measured and from true values.

    Parameters
    ----------
    table, target, names, settings, n_folds, seed, workers, truth, pure
        As in `against_truth`.
    teachers : sequence of str, optional
        Which of measured, noise-free and truth to learn from; all that are there, if not given.

    Returns
    -------
    campaign : ndarray (n,)
        Of each row whose truth is known.
    y, predicted : dict of ndarray (n,)
        Values, and predictions by the teacher, on the scale of the model.
    inside : ndarray of bool (n,)
        In the area of applicability of what was learnt from the measured values.
    """
    fold = validate.fold_numbers(table, n_folds, seed)
    given = table.assign(fold=fold, part=tune.parts(fold))  # of all rows, so that settings do not see what they judge
    table, X, y = prepared(given, target, names, truth, pure)
    campaign, teachers = table["campaign"].to_numpy(), teachers or tuple(y)

    def work(k):
        train, test = (np.flatnonzero(is_side) for is_side in (table["fold"] != k, table["fold"] == k))
        weight, out = features.weights(table.iloc[train]), {}
        groups = table["fold"].to_numpy()[train]  # as `Model.fit` does; of two folds only campaigns are left
        groups = groups if np.ptp(groups) else campaign[train]
        own = settings.get(table["part"].iloc[test[0]], settings)
        for name in teachers:
            predict, importance = fit_both(X[train], y[name][train], weight, own, seed)
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
    found = held_out(table, target, names, settings or DEFAULTS, n_folds, seed, workers, truth, pure)
    campaign, y, predicted, inside = found
    areas = {"all": np.ones(len(inside), bool), "inside": inside, "outside": ~inside}
    rows = []
    teacher = "truth" if pure is None else "noise-free"
    for judge in ("measured", "truth"):
        for area, here in areas.items():
            if not here.any():
                continue
            best = r2(y["truth"][here], predicted[teacher][here])
            best = best if judge == "truth" else explained(y["measured"][here], y["truth"][here])
            for name in y:
                value, guess = y[judge][here], predicted[name][here]
                score = float(r2(value, guess))
                rows.append({
                    "trained_on": name, "judged_by": judge, "area": area, "values": len(value),
                    "campaigns": len(np.unique(campaign[here])), "r2": score, "rmse": rmse(value, guess),
                    "ceiling": best, "share": score / best,
                })  # fmt: skip
    return pd.DataFrame(rows)
