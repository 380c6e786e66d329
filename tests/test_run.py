"""Strict runs: what is refused, what is found, what runs again and what does not."""

import errno
import json
import os
import re
from functools import partial
from pathlib import Path

import nbformat
import numpy as np
import pytest
import xarray as xr

from seaofcarbon import maps, notebook, run
from seaofcarbon.files import UserError, read_json, write_json
from seaofcarbon.run import beforehand

ROOT = Path(__file__).parents[1]

HEAD = 'run_dir: str = "runs/twin"  # folder of the run\nprofile: str = "twin"  # twin | real'

TABLE = {
    "01-one": run.Chapter((), ("one.txt",)),
    "02-two": run.Chapter(("one.txt",), ("two.txt",)),
    "03-three": run.Chapter(("one.txt",), ("three.txt",)),
}

CELLS = {
    "01-one": (
        f"{HEAD}\nseed: int = 3  # µ, not ASCII",
        "import warnings; from pathlib import Path\nwarnings.warn('noise')\n"
        "print('seed', seed)\n_ = Path(run_dir, 'one.txt').write_text(str(seed))",
    ),
    "02-two": (
        f"{HEAD}\ndepth_m: float = 100.0  # m",
        "from seaofcarbon import run\nrun.artefact(run_dir, 'one.txt')\nrun.artefact(run_dir, 'three.txt')",
    ),
    "03-three": (f"{HEAD}\nseed: int = 3", ""),
}


@pytest.fixture
def root(tmp_path):
    """A repository with three small notebooks."""
    (tmp_path / "notebooks").mkdir()
    for name, (parameters, code) in CELLS.items():
        cells = [nbformat.v4.new_code_cell(text) for text in (parameters, code)]
        cells[0].metadata["tags"] = ["parameters"]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / f"{name}.ipynb")
    return tmp_path


@pytest.fixture
def runner(root, monkeypatch):
    """Run in that repository, with an executor that writes what a notebook makes, and notes which it was."""
    executed = []

    def execute(this, chapter, bar, processes):
        executed.append(chapter)
        read = [this.find(name).read_text() for name in TABLE[chapter].needs]
        for name in TABLE[chapter].makes:
            (this.folder / name).write_text(json.dumps([this.parameters[chapter], read]))
        copy = this.folder / "logs" / f"{chapter}.ipynb"
        copy.parent.mkdir(exist_ok=True)
        copy.write_text("{}")
        return {"seconds": 1.0, "peak_memory_mb": 10.0, "warnings": 0}

    monkeypatch.setattr("seaofcarbon.run.runner._execute", execute)

    def go(*names, **options):
        executed.clear()
        done = run.run(names or ["all"], root=root, table=TABLE, progress=False, **options)
        return sorted(executed), done

    return go


# --- The plan --------------------------------------------------------------------------------------


def test_every_need_is_made_before():
    """A notebook that needs what only a later one makes could never run in a fresh clone."""
    made = set()
    for name, row in run.NOTEBOOKS.items():
        assert set(row.needs) <= made, name
        assert not set(row.makes) & made, name
        made |= set(row.makes)


def test_select():
    """Names in any order give notebooks in theirs; the plus takes what depends on it and nothing else."""
    assert run.select(["all"]) == list(run.NOTEBOOKS)
    assert run.select(["07-carbon", "02-flux"]) == ["02-flux", "07-carbon"]
    assert run.select(["05-maps+"]) == ["05-maps", "06-seasons", "07-carbon"]
    assert run.select(["04-tune+"]) == list(run.NOTEBOOKS)[3:]
    assert run.select(["02-flux+"]) == list(run.NOTEBOOKS)[1:]
    with pytest.raises(UserError, match="did you mean 05-maps"):
        run.select(["05-mpas"])


# --- Parameters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("depth_m", "abc", "not a number.*from 0 to 250 m"),
        ("depth_m", "nan", "out of range"),
        ("depth_m", "1e9", "out of range"),
        ("n_trials", "8.5", "not a whole number"),
        ("profile", "tiwn", "did you mean twin"),
        ("depth_levels_m", "0,10,999", "out of range"),
        ("depth_levels_m", "", "empty: give numbers from 0 to 250 m with commas"),
        ("depth_m", " ", "empty: give a number from 0 to 250 m"),
        ("target", "", "not one of auto, [^;]*$"),
        ("month", "13", "from 1 to 12"),
    ],
)
def test_absurd_values_are_refused(name, text, message):
    """Papermill itself takes anything; a run of an hour must not die of a typing error at its end."""
    with pytest.raises(UserError, match=message):
        run.check_value(name, text)


def test_values_get_their_type():
    """Text from the command line becomes what the notebook declares."""
    assert run.check_value("depth_m", "150") == 150.0
    assert run.check_value("n_trials", " 8 ") == 8
    assert run.check_value("depth_levels_m", "0, 25,1e2") == "0,25,100"


def test_parameter_goes_to_each_notebook_that_has_it():
    """One -p for all; at least one of the selected notebooks must know it."""
    declared = {
        "a": notebook.parameters(_cell("depth_m: float = 100.0")),
        "b": notebook.parameters(_cell("depth_m: float = 50.0\nseed: int = 1")),
    }
    assert run.assign({"depth_m": "150"}, declared) == {"a": {"depth_m": 150.0}, "b": {"depth_m": 150.0, "seed": 1}}
    with pytest.raises(UserError, match="did you mean depth_m"):
        run.assign({"dpeth_m": "150"}, declared)
    with pytest.raises(UserError, match="--name"):
        run.assign({"run_dir": "/etc"}, declared)
    place = {"c": notebook.parameters(_cell("site_latitude: float = 36.5\nsite_longitude: float = -7.5"))}
    assert run.assign({"site_latitude": "-12", "site_longitude": "-78"}, place)["c"]["site_latitude"] == -12
    for one in ("site_latitude", "site_longitude"):
        with pytest.raises(UserError, match=f"{one} needs site_.* beside it"):
            run.assign({one: "3"}, place)


def _cell(text):
    return {"cells": [{"cell_type": "code", "source": text, "metadata": {"tags": ["parameters"]}}]}


@pytest.mark.parametrize("text", ["import os", "a = 1", "a: float = b", "a: list = []", "a: int = "])
def test_parameters_cell_is_strict(text):
    """Whatever else stands in the cell would run before the checked values are in place."""
    with pytest.raises(UserError, match="parameters cell"):
        notebook.parameters(_cell(text))


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_declare_what_the_vocabulary_knows(path):
    """A default out of range, or a parameter without an entry, would be refused only when a user sets it."""
    declared = notebook.parameters(notebook.read(path), path.stem)
    run.check_declared(declared, path.stem)


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_table_says_what_notebooks_read(path):
    """Needs that are not read make a notebook run in vain; reads that are not declared are refused when it runs."""
    text = "\n".join(notebook.source(cell) for cell in notebook.read(path)["cells"])
    read = {name.split("/")[0] for name in re.findall(r"""artefact\(\s*run_dir,\s*["']([^"']+)""", text)}
    assert read == set(run.NOTEBOOKS[path.stem].needs)


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_table_says_which_entries_notebooks_open(path):
    """An entry that is not declared could come or change without its notebook running again."""
    text = "\n".join(notebook.source(cell) for cell in notebook.read(path)["cells"])
    named = re.findall(r"""catalog\.open_entry\(([^)]+)\)""", text)
    opened = {maps.PRODUCTS_ENTRY if name == "maps.PRODUCTS_ENTRY" else name.strip("\"'") for name in named}
    assert opened == set(run.NOTEBOOKS[path.stem].reads)


def test_an_entry_that_came_makes_its_notebook_run_again(runner, tmp_path, monkeypatch):
    """Published maps that were fetched later are compared with; the other notebooks stay as they are."""
    data = tmp_path / "data"
    monkeypatch.setenv("SEAOFCARBON_DATA", str(data))
    monkeypatch.setitem(TABLE, "03-three", run.Chapter(("one.txt",), ("three.txt",), (), ("poc_flux_products",)))
    monkeypatch.setitem(TABLE, "01-one", run.Chapter(("none.txt",), ("one.txt",)))
    for profile in ("twin", "real"):
        folder = tmp_path / "runs" / profile
        folder.mkdir(parents=True)
        (folder / "none.txt").write_text("[]")
        assert len(runner(profile=profile)[0]) == 3 and runner(profile=profile)[0] == []
    assert run.cited(folder).count("poc_flux_products") == 0
    (data / "products").mkdir(parents=True)
    (data / "products" / "poc_flux_products.csv.gz").write_text("x")
    assert runner(profile="real")[0] == ["03-three"]
    assert runner(profile="twin")[0] == []  # the twin does not open it
    assert run.cited(folder).count("poc_flux_products") == 1


def test_values_are_shown_where_they_are_declared():
    """Readers see the values that were used, once, with their units; non-ASCII text before them does no harm."""
    text = 'profile: str = "µ"  # twin | real\ndepth_m: float = 100.0  # m, Tiefe größer 0'
    shown = notebook.with_values(text, {"depth_m": 150.0, "profile": "real"})
    assert shown == "profile: str = 'real'  # twin | real\ndepth_m: float = 150.0  # m, Tiefe größer 0"


# --- Up to date, base runs ---------------------------------------------------------------------------


def test_what_did_not_change_is_not_run_again(runner, root):
    """Only what depends on a change runs: a parameter, an output that was lost or touched, the source."""
    assert runner()[0] == list(TABLE)
    assert runner()[0] == []
    assert runner(parameters={"depth_m": "150"})[0] == ["02-two"]
    (root / "runs" / "twin" / "three.txt").write_text("touched")
    assert runner(parameters={"depth_m": "150"})[0] == ["03-three"]
    (root / "runs" / "twin" / "two.txt").unlink()
    path = root / "notebooks" / "01-one.ipynb"
    path.write_text(path.read_text().replace("noise", "other noise"))
    # the first runs again, but writes the same bytes: what depends on it stands
    assert runner(parameters={"depth_m": "150"})[0] == ["01-one", "02-two"]
    assert runner(parameters={"seed": "4"})[0] == list(TABLE)


def test_package_change_makes_results_old(runner, monkeypatch):
    """Results of other code are not the results of this one."""
    runner()
    monkeypatch.setattr("seaofcarbon.run.state.package_hash", lambda: "other")
    assert runner()[0] == list(TABLE)


def test_run_stands_on_its_base(runner, root):
    """A run of one notebook reads the rest from its base, by path and hash, and copies nothing."""
    runner()
    executed, done = runner("02-two", name="deep", parameters={"depth_m": "150"})
    assert executed == ["02-two"]
    assert done["base"] == "twin"
    assert list(done["from_base"]) == ["one.txt"]
    assert done["from_base"]["one.txt"]["path"] == "runs/twin/one.txt"
    assert re.fullmatch("[0-9a-f]{64}", done["from_base"]["one.txt"]["sha256"])
    assert not (root / "runs" / "deep" / "one.txt").exists()
    assert runner("02-two", name="deep", parameters={"depth_m": "150"})[0] == []
    assert run.artefact(root / "runs" / "deep", "one.txt") == root / "runs" / "twin" / "one.txt"
    assert run.artefact(root / "runs" / "deep", "two.txt") == root / "runs" / "deep" / "two.txt"


def test_refusals_before_anything_runs(runner, root):
    """A missing input, a wrong base or an unsafe name is said at once, with the command that mends it."""
    with pytest.raises(UserError, match=r"needs one.txt.*seaofcarbon run 01-one --profile twin`"):
        runner("02-two")
    runner()
    runner("02-two", name="deep")
    with pytest.raises(UserError, match=r"there is no run tvin; did you mean twin\? \(runs: deep, twin\)"):
        runner("02-two", name="deeper", base="tvin")
    assert not (root / "runs" / "deeper").exists()
    with pytest.raises(UserError, match="itself stands on twin"):
        runner("02-two", name="deeper", base="deep")
    with pytest.raises(UserError, match="belongs to the twin profile"):
        runner("02-two", name="deep", profile="real")
    with pytest.raises(UserError, match="belongs to the real profile"):
        runner("02-two", name="real")
    with pytest.raises(UserError, match="disagree"):
        runner(profile="twin", parameters={"profile": "real"})
    for name in ("../out", "a/b", ".hidden", "", "x" * 65):
        with pytest.raises(UserError, match="cannot name a run"):
            run.run_folder(name, root)


def test_artefact_names_the_command_and_knows_what_is_declared(tmp_path, monkeypatch):
    """A notebook may only read what its row declares, or it would not be run again when that changes."""
    write_json({"profile": "twin", "base": None}, tmp_path / "run.json")
    with pytest.raises(UserError, match="seaofcarbon run all --profile twin --name"):
        run.artefact(tmp_path, "maps.nc")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "card.json").write_text("{}")
    assert run.artefact(tmp_path, "model/card.json").exists()
    monkeypatch.setenv("SEAOFCARBON_ARTEFACTS", "maps.nc,model")
    assert run.artefact(tmp_path, "model/card.json").exists()
    with pytest.raises(UserError, match=r"add it to its row in seaofcarbon\.run\.NOTEBOOKS"):
        run.artefact(tmp_path, "fluxes.parquet")
    with pytest.raises(UserError):
        run.artefact(tmp_path, "model/../../secret")


def test_output_that_a_notebook_forgot(runner, monkeypatch):
    """A notebook that ends well without its artefact would fail the next one, far from the cause."""
    monkeypatch.setitem(TABLE, "01-one", run.Chapter((), ("one.txt", "lost.txt")))
    monkeypatch.setattr(
        "seaofcarbon.run.runner._execute", lambda this, *rest: {"seconds": 1.0, "peak_memory_mb": None, "warnings": 0}
    )
    with pytest.raises(run.NotebookError, match=r"01-one ended without writing one.txt, lost.txt"):
        runner("01-one")


def test_real_data_folder_is_an_input(root, tmp_path, monkeypatch):
    """A file that was added to or changed in the data folder makes the first notebook run again, and it alone."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("SEAOFCARBON_DATA", str(data))
    this = run.Run(["01-one"], "real", None, None, {}, root, TABLE)
    before = this.fingerprint("01-one")
    (data / "new.csv").write_text("1")
    assert this.fingerprint("01-one")["data"] != before["data"]
    assert "data" not in run.Run(["01-one"], "twin", None, None, {}, root, TABLE).fingerprint("01-one")


def test_what_a_stopped_run_left_is_not_used(runner, root, capsys):
    """A file without the manifest of its notebook was made with parameters that nobody knows."""
    runner()
    (root / "runs" / "twin" / "manifest" / "01-one.json").unlink()  # as after a kill while it ran again
    write_json({}, root / "runs" / "twin" / "logs" / "01-one.json")
    with pytest.raises(UserError, match=r"one.txt of run twin is left over, .* 01-one did not finish: .*run 01-one"):
        runner("02-two", name="deep")
    assert not (root / "runs" / "deep").exists()
    options = {"root": root, "table": TABLE}
    run.run(["01-one"], **options)
    assert "again: it had been stopped" in capsys.readouterr().err
    assert runner("02-two", name="deep")[0] == ["02-two"]


def test_a_refused_run_leaves_no_folder(runner, root, monkeypatch):
    """An empty run would be listed, and could be taken for one that has results; results are never removed."""

    def refuse(this, chapter, *_):
        (this.folder / "logs").mkdir(exist_ok=True)
        raise UserError("a slip")

    runner()
    monkeypatch.setattr("seaofcarbon.run.runner._execute", refuse)
    for name, stays in {"new": False, "twin": True}.items():
        with pytest.raises(UserError, match="a slip"):
            runner("02-two", name=name, parameters={"depth_m": "7"})
        assert (root / "runs" / name).exists() is stays


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scheduler": "treads"}, "scheduler='treads' is unknown"),
        ({"covariates_file": "none.nc"}, "covariates_file=none.nc: there is no such file"),
        ({"grid_degrees": 0.7}, "grid_degrees=0.7 does not fill 180 degrees"),
    ],
)
def test_maps_are_refused_before_a_kernel_starts(tmp_path, values, message):
    """Grid, file and scheduler are looked at before anything runs."""
    write_json({"targets": ["c_th"]}, tmp_path / "model" / "card.json")
    write_json({"features": ["sst"]}, tmp_path / "model" / "c_th" / "card.json")
    lat, lon = np.arange(-89.5, 90), np.arange(-179.5, 180)
    sst = xr.DataArray(np.ones((12, 180, 360), "f4"), {"month": range(1, 13), "lat": lat, "lon": lon})
    sst.rename("sst").to_netcdf(tmp_path / "covariates.nc")
    beforehand.check({"grid_degrees": 0.5, "scheduler": "serial"}, lambda name: tmp_path / name, tmp_path)
    with pytest.raises(UserError, match=message):
        beforehand.check(values, lambda name: tmp_path / name, tmp_path)


def test_publishing_is_said_in_run_json(runner, root):
    """A run stays published when it is run again; the run of a profile is the book itself."""
    runner()
    runner("02-two", name="deep")
    assert run.mark("deep", True, root) == "twin"
    assert runner("02-two", name="deep", parameters={"depth_m": "50"})[1]["published"]
    run.mark("deep", False, root)
    assert not run.read_run(root / "runs" / "deep")["published"]
    with pytest.raises(UserError, match="give another --name"):
        run.mark("twin", True, root)
    with pytest.raises(UserError, match="did you mean deep"):
        run.mark("dep", True, root)


# --- With kernels --------------------------------------------------------------------------------------


def test_kernels(root):
    """Two kernels: a notebook that works, and one that asks for what its row does not declare."""
    folder = root / "runs" / "twin"
    with pytest.raises(UserError, match=r"^02-two, cell 3: three\.txt is not declared"):
        run.run(["01-one", "02-two"], root=root, table=TABLE, parameters={"seed": "7"}, progress=False)
    assert (folder / "one.txt").read_text() == "7"
    manifest = read_json(folder / "manifest" / "01-one.json")
    assert manifest["parameters"] == {"run_dir": "runs/twin", "profile": "twin", "seed": 7}
    assert manifest["peak_memory_mb"] > 20
    assert manifest["warnings"] == 1
    copy = nbformat.read(folder / "notebooks" / "01-one.ipynb", 4)
    assert "seed: int = 7  # µ" in copy.cells[0].source
    assert copy.cells[1].metadata["tags"] == ["injected-parameters", "remove-cell"]
    assert [output.text for output in copy.cells[2].outputs] == ["seed 7\n"]  # the warning is in the log
    assert "noise" in (folder / "logs" / "01-one.log").read_text()
    assert str(root) not in (folder / "notebooks" / "01-one.ipynb").read_text()

    assert not (folder / "manifest" / "02-two.json").exists()
    assert not (folder / "notebooks" / "02-two.ipynb").exists()
    assert nbformat.read(folder / "logs" / "02-two.ipynb", 4).cells[-1].outputs[0].ename == "UserError"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        ({"name": "KeyError", "message": "'npp'", "cell": 4}, run.NotebookError, "cell 4: KeyError: 'npp' (see "),
        ({"name": "UserError", "message": "no file x:\n get it", "cell": 2}, UserError, "cell 2: no file x: get it"),
        ({"name": "DeadKernelError", "message": "Kernel died", "cell": None}, run.NotebookError, "DeadKernelError"),
    ],
)
def test_failure_is_one_line(root, error, kind, words):
    """Notebook, cell, error and where to look; no traceback."""
    this = run.Run(["01-one"], "twin", None, None, {}, root, TABLE)
    failure = run.failure(this, "01-one", {"error": error}, 0)
    assert type(failure) is kind
    assert str(failure).startswith("01-one")
    assert words in str(failure)
    assert "\n" not in str(failure)


def test_no_failure(root):
    """A process that died without an answer is a failure, one that answered well is none."""
    this = run.Run(["01-one"], "twin", None, None, {}, root, TABLE)
    assert run.failure(this, "01-one", {"error": None}, 0) is None
    assert "exit code -9" in str(run.failure(this, "01-one", {}, -9))


def test_no_room_for_the_executed_notebook(tmp_path, monkeypatch):
    """A full disk is one line, and half a notebook is not left behind; other faults keep their name."""
    copy = tmp_path / "copy.ipynb"

    def full(*_, number=errno.ENOSPC, **__):
        copy.write_text('{"cells": [')
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("papermill.execute_notebook", full)
    job = {"notebook": "n.ipynb", "copy": copy, "parameters": {}, "cwd": tmp_path}
    error = notebook._papermill(job, tmp_path)
    assert error["name"] == "UserError"
    assert "No space left" in error["message"]
    assert not copy.exists()
    monkeypatch.setattr("papermill.execute_notebook", partial(full, number=errno.EACCES))
    assert notebook._papermill(job, tmp_path)["name"] == "PermissionError"
