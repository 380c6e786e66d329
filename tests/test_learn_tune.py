"""Tuning: a study that was killed, shared or cut short ends as it should; settings have not seen what they score."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from learn_sea import SEED, table
from seaofcarbon.files import UserError
from seaofcarbon.learn import journal, tune, validate
from seaofcarbon.learn.models import DEFAULTS

pytestmark = pytest.mark.filterwarnings("error::optuna.exceptions.ExperimentalWarning")

TARGET, N, STUDY_SEED = "th234_flux", 8, 7

WORKER = """
import sys
sys.path.insert(0, {here!r})
import test_learn_tune as here
from seaofcarbon.learn import journal, tune
here.study(journal.open_storage({path!r}), {seconds}, {workers})
"""
"""A process of its own that works on the study; relative paths are its own matter."""


def cheap(trial, seconds=0.0):
    """A hill in the settings of XGBoost, climbed in two reported steps with time to be killed in."""
    settings = tune.suggest(trial, "xgb")
    value = -((settings["max_depth"] - 3) ** 2) - np.log(settings["learning_rate"] / 0.05) ** 2
    time.sleep(seconds / 2)
    trial.report(value, 0)
    if trial.should_prune():
        raise tune.optuna.TrialPruned
    time.sleep(seconds / 2)
    return value


def meet(workers):
    """Wait until so many processes are inside a trial: however slowly one starts, it finds work left."""
    Path(f"{os.getpid()}.here").touch()
    end = time.monotonic() + 60
    while len(list(Path().glob("*.here"))) < workers:
        assert time.monotonic() < end, "the other worker did not come"
        time.sleep(0.02)


def study(storage, seconds=0.0, workers=1):
    """The study of these tests, brought to its end; beside others each trial waits until they have come."""

    def objective(trial):
        if workers > 1:
            meet(workers)
        return cheap(trial, seconds)

    return journal.run_study(storage, "s", objective, "xgb", N, STUDY_SEED)


def worker(path, seconds, workers=1):
    """Start a process that works on the study at `path`."""
    code = WORKER.format(here=str(Path(__file__).parent), path=path.name, seconds=seconds, workers=workers)
    return subprocess.Popen([sys.executable, "-c", code], cwd=path.parent, stderr=subprocess.PIPE, text=True)


def states(path):
    """Names of the states of all trials in a journal, as another process sees them."""
    if not path.exists():
        return []
    try:
        seen = tune.optuna.load_study(study_name="s", storage=journal.open_storage(path))
    except KeyError:  # not begun yet
        return []
    return [trial.state.name for trial in seen.get_trials(deepcopy=False)]


def wait_for(path, finished, process):
    """Wait until so many trials are finished and one is running."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, process.stderr.read()
        now = states(path)
        if sum(state in ("COMPLETE", "PRUNED") for state in now) >= finished and "RUNNING" in now:
            return
        time.sleep(0.02)
    raise AssertionError("the study does not move")


def history(done):
    """What must be the same of two studies: number of trials, sequence of settings, states and scores."""
    return tune._history(tune.finished(done, 10 * N))


@pytest.fixture(scope="module")
def through():
    """The study that ran through."""
    return study(tune.optuna.storages.InMemoryStorage())


# --- Killed, cut short, shared --------------------------------------------------------------------------


def test_killed_study_ends_as_one_that_ran_through(tmp_path, through):
    """Kill -9 in the middle of a trial, begun again: the same number, sequence, scores and best; nothing is lost.

    While the process lives, its trial is its own; when it is gone, the trial is done again.
    """
    path = tmp_path / "study.log"
    process = worker(path, 0.5)
    wait_for(path, 3, process)
    seen = tune.optuna.load_study(study_name="s", storage=journal.open_storage(path))
    assert len(journal._running(seen)) == 1
    process.send_signal(signal.SIGKILL)
    process.wait()
    journal._running(seen)
    assert "RUNNING" not in states(path)
    assert 3 <= sum(state in ("COMPLETE", "PRUNED") for state in states(path)) < N
    again = study(journal.open_storage(path))
    pd.testing.assert_frame_equal(history(again), history(through), check_exact=True)
    assert len(history(again)) == N
    assert again.best_value == through.best_value
    assert "FAIL" in states(path) and "RUNNING" not in states(path)


def test_journal_cut_in_its_last_line_goes_on(tmp_path, through):
    """A kill may leave half a line, and a trial that never said whose it is."""
    path = tmp_path / "study.log"
    study(journal.open_storage(path))
    lines = path.read_bytes().splitlines(keepends=True)
    for cut in (len(lines) // 2, len(lines) - 1, 1):
        path.write_bytes(b"".join(lines[:cut]) + lines[cut][: len(lines[cut]) // 2])
        _pretend_another_process(path)
        again = study(journal.open_storage(path))
        pd.testing.assert_frame_equal(history(again), history(through), check_exact=True)


def _pretend_another_process(path):
    """Let the trials of a journal belong to a process that had our number and died long ago."""
    text = path.read_text().replace(journal.OWNER["token"], "another")
    path.write_text(text.replace('"datetime_start":"20', '"datetime_start":"19'))


def test_two_processes_share_a_study(tmp_path):
    """Together they finish exactly the trials that were asked for; none is made twice, none is taken from the other."""
    path = tmp_path / "study.log"
    processes = [worker(path, 0.2, workers=2) for _ in range(2)]
    for process in processes:
        assert process.wait(120) == 0, process.stderr.read()
    shared = tune.optuna.load_study(study_name="s", storage=journal.open_storage(path))
    done = shared.get_trials(states=journal.DONE)
    assert len(done) == N
    assert len({trial.number for trial in done}) == N
    assert len({tuple(trial.params.values()) for trial in done}) == N
    assert {trial.user_attrs["owner"]["pid"] for trial in done} == {process.pid for process in processes}
    given_back = shared.get_trials(states=(tune.TrialState.FAIL,))
    assert not [trial for trial in given_back if trial.params], "a running trial was taken from its worker"


@pytest.mark.parametrize("change, gone", [({}, False), ({"since": 0.0}, True)])
def test_worker_on_another_machine_is_given_time(change, gone):
    """Of another machine nobody knows whether a process lives: only its age counts."""
    owner = {"host": "elsewhere", "pid": os.getpid(), "token": "x", "since": time.time()} | change
    trial = tune.optuna.trial.create_trial(state=tune.TrialState.RUNNING, user_attrs={"owner": owner})
    assert journal._abandoned(trial, longest_s=1.0) is gone


def test_trial_that_was_taken_away_does_not_stop_its_worker():
    """A worker that was given up, but lives, drops the trial and goes on."""
    storage, calls = tune.optuna.storages.InMemoryStorage(), []

    def slow(trial):
        calls.append(trial.number)
        if len(calls) == 3:
            storage.set_trial_state_values(trial._trial_id, tune.TrialState.FAIL)
        return cheap(trial)

    done = journal.run_study(storage, "s", slow, "xgb", N, STUDY_SEED)
    assert len(history(done)) == N
    assert len(calls) == N + 1


@pytest.mark.parametrize(
    "content",
    [b"not a journal\nat all\n", b"no line", b"\x00\xff\xfe\n", b'{"a": 1}\n', b"[1]\n", b'{"op_code":\n{}\n'],
)
def test_broken_journal_is_one_line(tmp_path, content):
    """What is no journal is named, with the way out."""
    (tmp_path / "study.log").write_bytes(content)
    with pytest.raises(UserError, match="is no journal of studies") as problem:
        journal.open_storage(tmp_path / "study.log")
    assert "\n" not in str(problem.value)


# --- Tuning of models ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data():
    """480 values in 24 campaigns."""
    return table(n_cruises=24)


@pytest.fixture
def few_trees(monkeypatch):
    """Forests of five trees, for tests of what is done with them."""
    monkeypatch.setattr(tune, "TUNING_TREES", 5)


def test_study_is_not_begun_again(data, tmp_path, few_trees):
    """A second call finds all trials done and gives the same settings; its first trial is the default."""
    tables, fold = {TARGET: data[:400]}, {TARGET: validate.fold_numbers(data[:400], 3, 0)}
    first = tune.tune(tables, SEED, fold, tmp_path / "study.log", 2, seed=1)
    second = tune.tune(tables, SEED, fold, tmp_path / "study.log", 2, seed=1)
    assert second[0] == first[0]
    pd.testing.assert_frame_equal(second[1], first[1])
    studies = tune.optuna.get_all_study_summaries(journal.open_storage(tmp_path / "study.log"))
    assert sum(study.n_trials for study in studies) == 2 * 2 * 4
    tune.tune(tables, SEED, fold, tmp_path / "study.log", 4, seed=1)  # a longer run leaves no trace
    assert tune.tune(tables, SEED, fold, tmp_path / "study.log", 2, seed=1)[0] == first[0]
    begin = first[1][first[1]["trial"] == 0].iloc[0]
    assert begin["min_samples_leaf"] == DEFAULTS["rf"]["min_samples_leaf"]


def test_settings_of_a_part_have_not_seen_it(data, tmp_path, few_trees):
    """Values of one third of the campaigns may change as they like: the settings that score it stay the same."""
    fold = {TARGET: validate.fold_numbers(data, 3, 0)}
    part = tune.parts(fold[TARGET])
    wild = data.assign(value=np.where(part == "1", data["value"] * -3 + 7, data["value"]))
    a = tune.tune({TARGET: data}, SEED, fold, tmp_path / "a.log", 3, seed=1)[0][TARGET]
    b = tune.tune({TARGET: wild}, SEED, fold, tmp_path / "b.log", 3, seed=1)[0][TARGET]
    assert a["1"] == b["1"]
    assert (tmp_path / "a.log").exists()


def test_leaky_folds_flatter_every_trial(data, tmp_path, few_trees):
    """Random folds score higher than campaigns left out; the honest one is what tuning gives these settings."""
    tried = tune.leaky(data, TARGET, SEED, tmp_path / "study.log", 3, seed=1)
    assert tried.groupby("model").size().to_dict() == {"rf": 3, "xgb": 3}
    assert (tried["r2_leaky"] > tried["r2_honest"]).mean() > 0.8
    first = tried[(tried["model"] == "xgb") & (tried["trial"] == 0)].iloc[0]
    assert first["r2_honest"] == tune.scorer(data, TARGET, SEED, "xgb", 1)(DEFAULTS["xgb"])
    again = tune.leaky(data, TARGET, SEED, tmp_path / "study.log", 3, seed=1)
    pd.testing.assert_frame_equal(again, tried)


def made_up_trials(n=24):
    """Trials whose score is the learning rate, on a log scale, in two studies of unlike level."""
    rng = np.random.default_rng(0)
    rows = []
    for part, level in (("0", 0.1), ("all", 0.6)):
        for k in range(n):
            trial = tune.optuna.trial.FixedTrial(DEFAULTS["xgb"])
            settings = tune.suggest(trial, "xgb") | {"learning_rate": float(np.exp(rng.uniform(-4.19, -1.9)))}
            settings |= {"subsample": rng.uniform(0.4, 0.9), "max_depth": int(rng.integers(2, 7))}
            score = level + 0.05 * np.log(settings["learning_rate"])
            rows.append(settings | {"trial": k, "part": part, "r2": score, "state": "complete"})
    return pd.DataFrame(rows).assign(target=TARGET, model="xgb")


def test_importance_finds_the_setting_that_counts():
    """What makes the score has nearly all the importance, whatever the level of the study; shares sum to 1."""
    found = tune.importance(made_up_trials(), TARGET).set_index("setting")
    assert found["importance"].sum() == pytest.approx(1.0)
    assert found["importance"].idxmax() == "learning_rate"
    assert found.loc["learning_rate", "importance"] > 0.8
    assert (found["trials"] == 48).all()
    pd.testing.assert_frame_equal(tune.importance(made_up_trials(), TARGET).set_index("setting"), found)


def test_importance_of_hardly_any_trials_is_not_told():
    """Three trials say nothing."""
    assert tune.importance(made_up_trials(1), TARGET)["importance"].isna().all()


def test_figures_of_tuning_can_be_drawn(data, tmp_path, few_trees):
    """One panel per model, one upright axis per setting, rings around two choices."""
    import matplotlib.pyplot as plt

    from seaofcarbon.plot import tuning

    trials = made_up_trials()
    trials.loc[3, ["r2", "state"]] = np.nan, "pruned"
    bars = tuning.importance(tune.importance(trials, TARGET), TARGET, "TWIN")
    lines = tuning.parallel_coordinates(trials, TARGET, "xgb", label="TWIN")
    tried = tune.leaky(data, TARGET, SEED, tmp_path / "study.log", 2, seed=1)
    rings = tuning.leaky_choice(tried, TARGET, "TWIN")
    assert len(bars) == 1 and len(rings) == 2
    assert lines.get_xticklabels()[0].get_text() == "trees"
    for figure in (bars[0].figure, lines.figure, rings[0].figure):
        assert figure.get_supxlabel() == "TWIN"
    plt.close("all")
