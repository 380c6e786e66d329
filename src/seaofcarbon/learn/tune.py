"""Tuning with Optuna: seeded, kept in a journal that survives a kill, scored on campaigns that were left out."""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import TrialState

from seaofcarbon.files import UserError
from seaofcarbon.learn import features
from seaofcarbon.learn.campaigns import folds, thin
from seaofcarbon.learn.models import DEFAULTS, KINDS, check_learnable, fit_estimator

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)

INNER_FOLDS = 3
TUNING_ROWS = 3000
TUNING_TREES = 40
"""A forest of 40 trees ranks settings as one of 100 does, in less than half the time."""

N_PARTS = 3
"""Parts of the campaigns that are scored with settings tuned on the other parts."""

WHOLE = "all"
"""Name of the study of all campaigns, whose settings the final model has."""

DONE = (TrialState.COMPLETE, TrialState.PRUNED)


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
    """Share of the variance that a prediction explains; 0 is the mean of the values, negative is worse."""
    value = np.asarray(value, float)
    return 1.0 - np.sum((value - prediction) ** 2) / np.sum((value - value.mean()) ** 2)


def _objective(table, target, names, kind, seed):
    X, y = features.matrix(table, names), features.transform(table["value"], target)
    check_learnable(y, X, names, target)
    inner = folds(table, "campaign", INNER_FOLDS, seed)
    weight = [features.weights(table.iloc[train]) for train, _ in inner]

    def score(trial):
        settings, tested, predicted = suggest(trial, kind), np.empty(0, int), np.empty(0)
        for step, (train, test) in enumerate(inner):
            model = fit_estimator(kind, settings, X[train], y[train], weight[step], seed, TUNING_TREES)
            tested, predicted = np.append(tested, test), np.append(predicted, model.predict(X[test]))
            trial.report(r2(y[tested], predicted), step)
            if step < INNER_FOLDS - 1 and trial.should_prune():
                raise optuna.TrialPruned
        return r2(y[tested], predicted)

    return score


def open_storage(path):
    """Open (or begin) the journal of studies; a last line that a kill cut short is taken off.

    Raises
    ------
    UserError
        If the file is not a journal.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalFileSymlinkLock(str(path))
    if path.exists():
        lock.acquire()
        text = path.read_bytes()
        if text.startswith(b"{") and not text.endswith(b"\n"):  # the next line would be glued to what is left of it
            os.truncate(path, text.rfind(b"\n") + 1)
        lock.release()
    try:
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except Exception as problem:  # whatever a broken line makes of the journal's replay
        raise UserError(
            f"{path} is no journal of studies ({type(problem).__name__}): delete it and run 04-tune again"
        ) from None


def run_study(storage, name, objective, kind, n_trials, seed):
    """Bring a study to `n_trials` finished trials, beginning it or going on where it was stopped.

    The sampler is seeded anew for each trial by the number of finished ones, and a trial that was running when the
    process was killed is done again: a study that was stopped ends as one that ran through.

    Parameters
    ----------
    storage : optuna storage
    name : str
    objective : callable
    kind : "rf" | "xgb"
        Model whose `DEFAULTS` are the first trial.
    n_trials, seed : int

    Returns
    -------
    optuna.Study
    """
    study = optuna.create_study(
        storage=storage, study_name=name, direction="maximize", load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
    )  # fmt: skip
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    while (n := len(study.get_trials(deepcopy=False, states=DONE))) < n_trials:
        if n == 0 and not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            study.enqueue_trial(DEFAULTS[kind])
        study.sampler = optuna.samplers.TPESampler(seed=seed + n, n_startup_trials=5)
        study.optimize(objective, n_trials=1)
    return study


def parts(fold):
    """Part of the campaigns that each row belongs to, "0" to "2": whole folds of the validation together."""
    return (np.asarray(fold) % min(N_PARTS, int(np.max(fold)) + 1)).astype(str)


def tune(tables, names, fold, path, n_trials=8, seed=0, workers=2):
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
        for p in [*np.unique(part).tolist(), WHOLE]:
            side = table if p == WHOLE else table[part != p]
            side = thin(side, TUNING_ROWS, seed).reset_index(drop=True)
            mark = features.fingerprint(side, names)
            jobs += [(target, kind, p, side, f"{target}/{kind}/{p}/{mark}/{seed}") for kind in KINDS]

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
