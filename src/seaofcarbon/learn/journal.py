"""The journal of Optuna's studies: any number of processes share it, a kill leaves it readable.

Processes, on one machine or on several that share the file, divide the trials of each study among themselves.
"""

import os
import socket
import time
import uuid
from datetime import datetime
from pathlib import Path

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import TrialState

from seaofcarbon.files import UserError
from seaofcarbon.learn.models import DEFAULTS

optuna.logging.set_verbosity(optuna.logging.WARNING)

DONE = (TrialState.COMPLETE, TrialState.PRUNED)
TAKEN = (*DONE, TrialState.RUNNING)

OWNER = {"host": socket.gethostname(), "token": uuid.uuid4().hex}
"""Who runs a trial; the token tells this process from an earlier one that had its number."""

LOCK_S = 10
"""A lock of the journal that is held for so long is left from a worker that was killed: writing takes milliseconds."""

POLL_S = 0.2
PATIENCE_S, PATIENCE_TIMES = 600.0, 20.0
"""A worker on another machine is given up after this time, or so many times the longest finished trial."""


def open_storage(path):
    """Open (or begin) the journal of studies; a last line that a kill cut short is taken off.

    Raises
    ------
    UserError
        If the file is not a journal.
    """
    path = Path(path).resolve()  # the lock is a link to the journal: it must not depend on where one stands
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalFileSymlinkLock(str(path), grace_period=LOCK_S)
    try:
        if path.exists():
            _mend(path, lock)
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except Exception as problem:  # whatever a broken line makes of the journal's replay
        raise UserError(
            f"{path} is no journal of studies ({type(problem).__name__}): delete it and run 04-tune again"
        ) from None


def _mend(path, lock):
    """Take off a last line without an end: the next one would be glued to it."""
    lock.acquire()
    try:
        text = path.read_bytes()
        if text and not text.startswith(b"{"):
            raise ValueError
        if not text.endswith(b"\n"):
            os.truncate(path, text.rfind(b"\n") + 1)
    finally:
        lock.release()


def _process_lives(pid):
    if os.name != "posix":
        return True  # there is no harmless way to ask; patience will tell
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _abandoned(trial, longest_s):
    """Whether the worker of a running trial is gone."""
    owner = trial.user_attrs.get("owner")
    if owner is None:  # killed between two lines of the journal, or just about to write the second
        return (datetime.now() - trial.datetime_start).total_seconds() > LOCK_S
    if owner["host"] == OWNER["host"]:
        if owner["pid"] == os.getpid():
            return owner["token"] != OWNER["token"]
        if not _process_lives(owner["pid"]):
            return True
    return time.time() - owner["since"] > max(PATIENCE_S, PATIENCE_TIMES * longest_s)


def _running(study):
    """Running trials, after those of dead workers have been marked as failed."""
    done = study.get_trials(deepcopy=False, states=DONE)
    longest = max((t.duration.total_seconds() for t in done), default=0.0)
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    alive = [trial for trial in running if not _abandoned(trial, longest)]
    for trial in running:
        if trial not in alive:
            study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
    return alive


def stricter(n):
    """Pruner of trial `n`: the better half after each fold goes on, later only the best quarter.

    A few trials must not be thinned too hard, and take little time anyhow. Of thirty, stopping all but the best
    quarter about halves the time, and R2 of the best trial falls by 0.00 to 0.01 (benchmarks/tune.py); cheaper first
    looks, at a thinned table or at fewer trees, rank settings wrongly.
    """
    return optuna.pruners.PercentilePruner(50.0 if n < 8 else 25.0, n_startup_trials=3)


class _Given(optuna.samplers.TPESampler):
    """Takes the settings that are given; optuna's PartialFixedSampler does the same, and warns in every thread."""

    def __init__(self, settings, **options):
        super().__init__(**options)
        self.settings = settings

    def infer_relative_search_space(self, study, trial):
        space = super().infer_relative_search_space(study, trial)
        return {name: values for name, values in space.items() if name not in self.settings}

    def sample_independent(self, study, trial, param_name, param_distribution):
        if param_name in self.settings:
            return self.settings[param_name]
        return super().sample_independent(study, trial, param_name, param_distribution)


def _run_trial(study, objective, kind, n, seed):
    """Run trial `n` of those that count, unless another worker was quicker."""
    # trials of neighbouring seeds must not share their random numbers, as those of seed + n would
    own = int(np.random.SeedSequence([seed, n]).generate_state(1)[0])
    study.sampler = _Given({} if n else DEFAULTS[kind], seed=own, n_startup_trials=5)
    trial = study.ask()
    trial.set_user_attr("owner", OWNER | {"pid": os.getpid(), "since": time.time()})
    # the journal is one line after another: of two workers that ask for trial n at once, one sees the other before it
    earlier = [t for t in study.get_trials(deepcopy=False, states=TAKEN) if t.number < trial.number]
    if len(earlier) != n:
        study.tell(trial, state=TrialState.FAIL)
        return
    try:
        value = objective(trial)
        if not np.isfinite(value):
            raise UserError(f"trial {n} of {study.study_name} has no score: look for values that are not finite")
        study.tell(trial, value, skip_if_finished=True)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)
    except optuna.exceptions.UpdateFinishedTrialError:
        pass  # another worker lost patience and does it again
    except BaseException:
        study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
        raise


def run_study(storage, name, objective, kind, n_trials, seed, prune=True):
    """Bring a study to `n_trials` finished trials, together with whoever else works on it.

    A study begins, goes on where it was stopped, or is joined by one more worker. The sampler is seeded anew for each
    trial by the number of those before it, and a trial whose worker is gone is done again: with one worker, a study
    that was killed ends as one that ran through; with several, it has the same number of trials.

    Parameters
    ----------
    storage : optuna storage
    name : str
    objective : callable
    kind : "rf" | "xgb"
        Model whose `DEFAULTS` are the first trial.
    n_trials, seed : int
    prune : bool
        Whether trials that fall behind are stopped, as `stricter` says.

    Returns
    -------
    optuna.Study
    """
    study = optuna.create_study(
        storage=storage, study_name=name, direction="maximize", load_if_exists=True,
        pruner=None if prune else optuna.pruners.NopPruner(),
    )  # fmt: skip
    while True:
        running = _running(study)
        done = len(study.get_trials(deepcopy=False, states=DONE))
        if done >= n_trials:
            return study
        nameless = any("owner" not in trial.user_attrs for trial in running)
        if nameless or done + len(running) >= n_trials:
            time.sleep(POLL_S)
        else:
            n = done + len(running)
            if prune:
                study.pruner = stricter(n)
            _run_trial(study, objective, kind, n, seed)
