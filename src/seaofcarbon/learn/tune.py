"""Tuning with Optuna: seeded, kept in a journal that survives a kill, scored on campaigns that were left out.

Any number of processes, on one machine or on several that share the file, may run the same call at once: they divide
the trials of each study among themselves and all return the same result.
"""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import numpy as np
import optuna
import pandas as pd
from optuna.trial import TrialState

from seaofcarbon.learn import features
from seaofcarbon.learn.campaigns import folds, thin
from seaofcarbon.learn.journal import DONE, open_storage, run_study
from seaofcarbon.learn.models import DEFAULTS, KINDS, check_learnable, fit_estimator

STUDY_VERSION = 2
"""Changes when trials are made or stopped in another way: studies of another version are not gone on with."""

FRESH = 7919
"""Added to a seed for folds on which nothing was chosen."""

INNER_FOLDS = 3
TUNING_ROWS = 3000
TUNING_TREES = 40
"""A forest of 40 trees ranks settings as one of 100 does, in less than half the time."""

N_PARTS = 3
"""Parts of the campaigns that are scored with settings tuned on the other parts."""

WHOLE = "all"
"""Name of the study of all campaigns, whose settings the final model has."""


def suggest(trial, kind):
    """Settings of a trial; only strongly regularised ones are offered, because campaigns are few."""
    if kind == "rf":
        return {
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", 5, 30, log=True),
            "max_features": trial.suggest_float("max_features", 0.2, 0.7),
            "max_samples": trial.suggest_float("max_samples", 0.3, 0.8),
        }
    return {
        "n_estimators": trial.suggest_int("n_estimators", 60, 400, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.015, 0.15, log=True),
        "max_depth": trial.suggest_int("max_depth", 2, 6),
        "min_child_weight": trial.suggest_float("min_child_weight", 5.0, 60.0, log=True),
        "reg_lambda": trial.suggest_float("reg_lambda", 1.0, 60.0, log=True),
        "subsample": trial.suggest_float("subsample", 0.4, 0.9),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.4, 1.0),
    }


def r2(value, prediction):
    """Share of the variance that a prediction explains; 0 is the mean of the values, negative is worse.

    Parameters
    ----------
    value, prediction : ndarray (n,)
        In one unit.

    Returns
    -------
    float
        1 at most.

    Examples
    --------
    >>> float(r2(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])))
    0.0
    """
    value = np.asarray(value, float)
    return 1.0 - np.sum((value - prediction) ** 2) / np.sum((value - value.mean()) ** 2)


def scorer(table, target, names, kind, seed, split="campaign"):
    """How well settings do on the inner folds of a table.

    Parameters
    ----------
    table : DataFrame
        Rows of `features.training_table` of one target.
    target : str
    names : sequence of str
        Features.
    kind : "rf" | "xgb"
    seed : int
        Of the folds and of the model.
    split : "campaign" | "block" | "random"
        Of the inner folds; all but "campaign" are there to show what they do.

    Returns
    -------
    callable
        (settings, watch) -> R2 of all held-out rows; `watch(R2 so far, number of the fold)` hears of each fold.
    """
    X, y = features.matrix(table, names), features.transform(table["value"], target)
    check_learnable(y, X, names, target)
    inner = folds(table, split, INNER_FOLDS, seed)
    weight = [features.weights(table.iloc[train]) for train, _ in inner]

    def score(settings, watch=lambda so_far, step: None):
        tested, predicted = np.empty(0, int), np.empty(0)
        for step, (train, test) in enumerate(inner):
            model = fit_estimator(kind, settings, X[train], y[train], weight[step], seed, TUNING_TREES)
            tested, predicted = np.append(tested, test), np.append(predicted, model.predict(X[test]))
            watch(r2(y[tested], predicted), step)
        return r2(y[tested], predicted)

    return score


def _objective(table, target, names, kind, seed):
    """Score of a trial on inner folds of campaigns, given up as soon as it falls behind."""
    score = scorer(table, target, names, kind, seed)

    def objective(trial):
        def watch(so_far, step):
            trial.report(so_far, step)
            if step < INNER_FOLDS - 1 and trial.should_prune():
                raise optuna.TrialPruned

        return score(suggest(trial, kind), watch)

    return objective


# --- Studies ----------------------------------------------------------------------------------------------


def _way():
    """Eight letters that change with the way of tuning: settings tried, trees, folds, code of trials, libraries."""
    import xgboost

    libraries = [version("optuna"), version("scikit-learn"), xgboost.__version__]
    told = [STUDY_VERSION, INNER_FOLDS, TUNING_TREES, DEFAULTS, {kind: str(space(kind)) for kind in KINDS}, libraries]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]


def parts(fold):
    """Part of the campaigns that each row belongs to, "0" to "2": whole folds of the validation together.

    Parameters
    ----------
    fold : array_like of int (n,)
        Of each row, as `learn.validate.fold_numbers` gives it.

    Returns
    -------
    ndarray of str (n,)
    """
    return (np.asarray(fold) % min(N_PARTS, int(np.max(fold)) + 1)).astype(str)


def tune(tables, names, fold, path, n_trials=8, seed=0, workers=2, max_rows=TUNING_ROWS, whole=True):
    """Tune both models of every target, on all campaigns and on all but each third of them.

    Settings tuned without a third of the campaigns are what that third is scored with (`validate.cross_validate`): no
    campaign is ever scored with settings that it helped to choose.

    Parameters
    ----------
    tables : dict of DataFrame
        Rows of `features.training_table` by target.
    names : sequence of str
        Features.
    fold : dict of int arrays
        Fold of the validation of each row, by target.
    path : str or Path
        Journal, shared by all studies; a study belongs to its data by a fingerprint in its name.
    n_trials, seed, workers : int
        Trials of each study; seed; studies that run side by side.
    max_rows : int
        Rows that a study sees at most.
    whole : bool
        Whether there is a study of all campaigns, whose settings a final model needs and a score does not.

    Returns
    -------
    settings : dict
        target -> part ("0", "1", "2" or "all") -> "rf" or "xgb" -> settings.
    trials : DataFrame
        target, model, part, trial, state, r2, and the settings, one row per finished trial.
    """
    storage, jobs = open_storage(path), []
    for target, table in tables.items():
        part = parts(fold[target])
        for p in [*np.unique(part).tolist(), *[WHOLE] * whole]:
            side = table if p == WHOLE else table[part != p]
            side = thin(side, max_rows, seed).reset_index(drop=True)
            mark = features.fingerprint(side, names)
            jobs += [(target, kind, p, side, f"{target}/{kind}/{p}/{mark}/{_way()}/{seed}") for kind in KINDS]

    def work(job):
        target, kind, _, side, name = job
        return run_study(storage, name, _objective(side, target, names, kind, seed), kind, n_trials, seed)

    with ThreadPoolExecutor(workers) as pool:
        studies = list(pool.map(work, jobs))
    settings, trials = {}, []
    for (target, kind, p, *_), study in zip(jobs, studies, strict=True):
        done = finished(study, n_trials)
        best = max((t for t in done if t.state == TrialState.COMPLETE), key=lambda t: t.value)
        settings.setdefault(target, {}).setdefault(p, {})[kind] = dict(best.params)
        trials.append(_history(done).assign(target=target, model=kind, part=p))
    return settings, pd.concat(trials, ignore_index=True)


def finished(study, n_trials):
    """The first `n_trials` finished trials: a journal may hold more, from a longer run, and they must not count."""
    return study.get_trials(deepcopy=False, states=DONE)[:n_trials]


def _history(done):
    out = pd.DataFrame([t.params for t in done])
    score = [t.value if t.state == TrialState.COMPLETE else np.nan for t in done]
    return out.assign(trial=np.arange(len(done)), state=[t.state.name.lower() for t in done], r2=score)


def leaky(table, target, names, path, n_trials=8, seed=0, workers=2):
    """Tune as one should not, on random folds, and look what each trial is worth on campaigns that were left out.

    Parameters
    ----------
    table : DataFrame
        Rows of `features.training_table` of one target.
    target, names, path, n_trials, seed, workers
        As in `tune`; the studies have names of their own in the journal.

    Returns
    -------
    DataFrame
        model, trial, r2_leaky (random folds), r2_honest (folds of campaigns), r2_fresh (other folds of campaigns, on
        which neither choice was made: what it is worth), and the settings; one row per trial.
    """
    table = thin(table, TUNING_ROWS, seed).reset_index(drop=True)
    storage, mark = open_storage(path), features.fingerprint(table, names)

    def work(kind):
        ways = ("random", seed), ("campaign", seed), ("campaign", seed + FRESH)
        flatters, honest, fresh = (scorer(table, target, names, kind, own, split) for split, own in ways)

        def objective(trial):
            settings = suggest(trial, kind)
            trial.set_user_attr("r2_honest", honest(settings))
            trial.set_user_attr("r2_fresh", fresh(settings))
            return flatters(settings)

        name = f"{target}/{kind}/leaky/{mark}/{_way()}/{seed}"
        done = finished(run_study(storage, name, objective, kind, n_trials, seed), n_trials)
        worth = {name: [t.user_attrs[name] for t in done] for name in ("r2_honest", "r2_fresh")}
        return _history(done).drop(columns="state").rename(columns={"r2": "r2_leaky"}).assign(**worth, model=kind)

    with ThreadPoolExecutor(workers) as pool:
        rows = pd.concat(pool.map(work, KINDS), ignore_index=True)
    first = ["model", "trial", "r2_leaky", "r2_honest", "r2_fresh"]
    return rows[first + [name for name in rows if name not in first]]


# --- What the trials say -------------------------------------------------------------------------------------


def space(kind):
    """Distributions that `suggest` draws from, by setting."""
    trial = optuna.create_study().ask()
    suggest(trial, kind)
    return trial.distributions


def position(values, distribution):
    """Where settings lie in their range, 0 to 1, on a log scale where they are drawn on one."""
    ends = np.array([distribution.low, distribution.high], float)
    values = np.asarray(values, float)
    if distribution.log:
        values, ends = np.log(values), np.log(ends)
    return np.clip((values - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0)


def _fanova(rows, kind, seed):
    """Share of each setting in the variance of the score (fANOVA, Hutter et al. 2014); NaN if trials do not tell."""
    unit = optuna.distributions.FloatDistribution(0.0, 1.0)
    places = {name: position(rows[name], drawn) for name, drawn in space(kind).items()}
    study = optuna.create_study(direction="maximize")
    for k, value in enumerate(rows["centred"]):
        params = {name: place[k] for name, place in places.items()}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=dict.fromkeys(params, unit), value=value)
        )
    if len(rows) < 4 or np.ptp(rows["centred"]) == 0:
        return dict.fromkeys(places, np.nan)
    try:
        return optuna.importance.get_param_importances(
            study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=seed)
        )
    except RuntimeError:  # no tree found a split
        return dict.fromkeys(places, np.nan)


def importance(trials, target, seed=0):
    """Which settings the score depends on, from the completed trials of all studies of a target together.

    Studies differ in level because their campaigns differ, so each is centred on its median first.

    Parameters
    ----------
    trials : DataFrame
        From `tune`.
    target : str
    seed : int
        Of the forests of fANOVA.

    Returns
    -------
    DataFrame
        model, setting, importance (shares that sum to 1), the range of it when one study is left out
        (importance_low, importance_high), trials (how many it rests on).
    """
    done, out = trials[(trials["target"] == target) & (trials["state"] == "complete")], []
    for kind, rows in done.groupby("model", sort=False):
        rows = rows.assign(centred=rows["r2"] - rows.groupby("part")["r2"].transform("median"))
        shares = pd.DataFrame([_fanova(rows[rows["part"] != part], kind, seed) for part in rows["part"].unique()])
        one = pd.Series(_fanova(rows, kind, seed), name="importance").rename_axis("setting").reset_index()
        ends = {"importance_low": shares.min(), "importance_high": shares.max()}
        one = one.assign(**{name: end.reindex(one["setting"]).to_numpy() for name, end in ends.items()})
        out.append(one.assign(model=kind, trials=len(rows)))
    return pd.concat(out, ignore_index=True)
