"""Large maps block by block: the same numbers as in one piece, whatever happened on the way."""

import errno
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import learn_sea
from seaofcarbon import blocks, maps
from seaofcarbon.files import DATED, UserError, read_netcdf, sha256, write_netcdf
from seaofcarbon.learn.models import Model
from seaofcarbon.vocabulary import FEATURE_SETS

CALL = {"months": [3, 11], "depths_m": [0.0, 75.0], "rows_per_block": 4}
N_BLOCKS = 5  # of 18 rows, both months together


class Slow:
    """A model that is a formula, counts its blocks and may rest between them."""

    target = "poc_flux"
    features = FEATURE_SETS["seed"]

    def __init__(self, rest_s=0.0, offset=0.0):
        self.rest_s, self.offset, self.n_rows, self.card = rest_s, offset, 0, {"offset": offset}

    def predict_matrix(self, X, which):
        """A sum of features; no row depends on another one."""
        time.sleep(self.rest_s)
        self.n_rows += len(X)
        value = X[:, 0] * np.float32(0.3) + X[:, 1] * np.float32(0.01) + np.float32(5 + self.offset)
        layers = {"prediction": value, "lower": value - 1, "upper": value + 1, "rf": value + 0.5, "xgb": value - 0.5}
        return layers | {"applicable": X[:, 2] > -60}


@pytest.fixture
def sea():
    """The tiny sea, with a polar night and a hole in its temperature."""
    ds = learn_sea.covariates()
    ds["npp"] = ds["npp"].where(~((ds["lat"] > 80) & (ds["month"] == 11)), 0.0)
    ds["temperature"] = ds["temperature"].where(~((ds["lat"] == -5) & (ds["lon"] < -100)))
    return ds


def same(path, other):
    """Whether two finished stores hold the same bytes."""
    return sha256(path) == sha256(other)


def failing_after(model, n, problem):
    """Make a model raise at its n-th block."""
    plain, seen = model.predict_matrix, []

    def predict_matrix(X, which):
        seen.append(1)
        if len(seen) > n:
            raise problem
        return plain(X, which)

    model.predict_matrix = predict_matrix
    return model


def test_store_holds_what_the_map_in_one_piece_holds(sea, tmp_path):
    """Numbers, units, names and attributes are those of predict_grid and write_netcdf, to the bit, and so is NaN."""
    model = Model.fit(learn_sea.table(12, target="poc_flux"), "poc_flux", FEATURE_SETS["seed"])
    whole = maps.predict_grid(model, sea, months=CALL["months"], depths_m=CALL["depths_m"])
    assert 0 < int(whole["poc_flux"].notnull().sum()) < whole["poc_flux"].size
    for bits in (None, 10):
        path = tmp_path / f"{bits}" / "maps.zarr"
        write_netcdf(whole, path.with_suffix(".nc"), bits=bits)
        stored = blocks.read_zarr(blocks.write_zarr(model, sea, path, bits=bits, **CALL))
        expected = read_netcdf(path.with_suffix(".nc"))
        assert list(stored.sizes) == ["month", "depth", "lat", "lon"]
        assert set(stored.variables) == set(expected.variables)
        for name, da in expected.variables.items():
            assert stored[name].dtype == da.dtype
            np.testing.assert_array_equal(stored[name].to_numpy(), da.to_numpy())
            known = {key: value for key, value in da.attrs.items() if "uantiz" not in key}
            assert {k: np.asarray(v).tolist() for k, v in stored[name].attrs.items()} == {
                k: np.asarray(v).tolist() for k, v in known.items()
            }
        for key in expected.attrs.keys() - set(DATED):
            assert stored.attrs[key] == expected.attrs[key]
    raw = xr.open_zarr(tmp_path / "None" / "maps.zarr")
    assert raw["poc_flux"].attrs["units"] == "mol m-2 s-1"  # as CF wants it
    assert stored["poc_flux"].attrs["units"] == "mmol m-2 d-1"


def test_land_gaps_and_polar_night_stay_empty(sea, tmp_path):
    """Where an input is missing there is no number, and the model is not even asked."""
    model = Slow()
    stored = blocks.read_zarr(blocks.write_zarr(model, sea, tmp_path / "maps.zarr", **CALL)).load()
    land = sea["sst"].isnull().all("month")
    hole = (sea["lat"] == -5) & (sea["lon"] < -100)
    night = (sea["lat"] > 80) & (stored["month"] == 11)
    for empty in (land, hole, night):
        assert empty.any()
        assert stored["poc_flux"].where(empty).isnull().all()
        assert (stored["applicable"].where(empty, -1) == -1).all()
    assert stored["poc_flux"].notnull().sum() == (~(land | hole | night)).sum() * 2 * (
        1 if "month" in night.dims else 2
    )
    assert model.n_rows == int(stored["poc_flux"].notnull().sum())


def test_an_area_that_is_applicable_nowhere_is_still_written(sea, tmp_path):
    """Zarr would leave out a chunk of zeros, and readers would not know what stands there."""
    model = Slow()
    plain = model.predict_matrix
    model.predict_matrix = lambda X, which: plain(X, which) | {"applicable": np.zeros(len(X), bool)}
    path = blocks.write_zarr(model, sea, tmp_path / "maps.zarr", **CALL)
    chunks = [p for p in (path / "applicable").iterdir() if not p.name.startswith(".")]
    assert len(chunks) == 2 * N_BLOCKS


@pytest.mark.parametrize("chunks", [None, {"lat": 7, "lon": 10}])
def test_threads_and_serial_give_the_same_bytes(sea, tmp_path, chunks):
    """So do covariates in memory and lazy ones."""
    serial = blocks.write_zarr(Slow(), sea, tmp_path / "a" / "maps.zarr", scheduler="serial", **CALL)
    lazy = sea.chunk(chunks) if chunks else sea
    threads = blocks.write_zarr(Slow(), lazy, tmp_path / "b" / "maps.zarr", scheduler="threads", workers=3, **CALL)
    assert same(serial, threads)


def test_months_go_one_by_one_where_a_row_is_too_much(sea, tmp_path, monkeypatch):
    """Blocks stay within their rows on a wide grid, and the numbers are the same."""
    call = {key: CALL[key] for key in ("months", "depths_m")}
    one = blocks.read_zarr(blocks.write_zarr(Slow(), sea, tmp_path / "one.zarr", **call)).load()
    monkeypatch.setattr(maps.grid, "BLOCK_ROWS", 100)
    model = Slow()
    plain, sizes = model.predict_matrix, []
    model.predict_matrix = lambda X, which: (sizes.append(len(X)), plain(X, which))[1]
    many = blocks.read_zarr(blocks.write_zarr(model, sea, tmp_path / "many.zarr", **call)).load()
    assert max(sizes) <= 100
    for name in one.data_vars:
        np.testing.assert_array_equal(one[name], many[name])


def test_a_run_that_failed_goes_on_where_it_was(sea, tmp_path):
    """After a crash only the missing blocks are predicted; nothing has the name of the map before all are there."""
    whole, path = Slow(), tmp_path / "b" / "maps.zarr"
    expected = blocks.write_zarr(whole, sea, tmp_path / "a" / "maps.zarr", **CALL)
    first = failing_after(Slow(), 2, RuntimeError("crash"))
    with pytest.raises(RuntimeError, match="crash"):
        blocks.write_zarr(first, sea, path, scheduler="serial", **CALL)
    assert not path.exists()
    with pytest.raises(UserError, match="not finished"):
        blocks.read_zarr(path)
    second = Slow()
    blocks.write_zarr(second, sea, path, **CALL)
    assert second.n_rows > 0
    assert first.n_rows + second.n_rows == whole.n_rows
    assert same(path, expected)
    assert [p.name for p in path.parent.iterdir()] == ["maps.zarr"]
    third = Slow()
    blocks.write_zarr(third, sea, path, **CALL)  # a finished map is left as it is
    assert third.n_rows == 0


def test_a_killed_run_resumes_and_ends_identical(sea, tmp_path):
    """Kill -9 in the middle, for real."""
    path = tmp_path / "b" / "maps.zarr"
    call = CALL | {"rows_per_block": 1}
    expected = blocks.write_zarr(whole := Slow(), sea, tmp_path / "a" / "maps.zarr", **call)
    sea.to_netcdf(tmp_path / "sea.nc")
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import test_blocks, xarray as xr; from seaofcarbon import blocks\n"
        f"sea = xr.load_dataset({str(tmp_path / 'sea.nc')!r})\n"
        f"blocks.write_zarr(test_blocks.Slow(0.1), sea, {str(path)!r}, **{call!r})\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", code])
    journal, until = tmp_path / "b" / "maps.zarr.part" / blocks.JOURNAL, time.monotonic() + 60
    while (not journal.exists() or len(list(journal.iterdir())) < 3) and time.monotonic() < until:
        assert killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    done = len(list(journal.iterdir()))
    assert 3 <= done < 18
    (journal.parent / "poc_flux" / f"0.0.17.{'a' * 8}.partial").write_bytes(b"torn")  # what zarr leaves behind
    again = Slow()
    blocks.write_zarr(again, sea, path, **call)
    assert 0 < again.n_rows < whole.n_rows
    assert same(path, expected)


@pytest.mark.parametrize("finished", [True, False])
def test_another_map_in_the_same_place_is_refused(sea, tmp_path, finished):
    """Another model, grid, field, months, depths: one line that says which; the store is untouched."""
    path = tmp_path / "maps.zarr"
    if finished:
        blocks.write_zarr(Slow(), sea, path, **CALL)
    else:
        with pytest.raises(RuntimeError):
            blocks.write_zarr(failing_after(Slow(), 1, RuntimeError()), sea, path, scheduler="serial", **CALL)
    before = sha256(tmp_path)
    for other, word in (
        ((Slow(offset=1.0), sea, CALL), "model"),
        ((Slow(), sea.assign_coords(lon=sea["lon"] + 1), CALL), "grid"),
        ((Slow(), sea.assign(npp=sea["npp"] + 1), CALL), "covariates"),
        ((Slow(), sea, CALL | {"months": [3, 12]}), "months"),
        ((Slow(), sea, CALL | {"depths_m": [0, 80]}), "depths"),
        ((Slow(), sea, CALL | {"rows_per_block": 5}), "rows per block"),
    ):
        with pytest.raises(UserError, match=f"made with other .*{word}") as refusal:
            blocks.write_zarr(other[0], other[1], path, **other[2])
        assert "\n" not in str(refusal.value)
    assert sha256(tmp_path) == before
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match="no map of write_zarr"):
        blocks.write_zarr(Slow(), sea, tmp_path / "mine", **CALL)


def test_a_full_disk_is_one_line_and_keeps_finished_blocks(sea, tmp_path, monkeypatch):
    """The third block meets a full disk; with room the run goes on."""
    import zarr

    path, n, plain = tmp_path / "b" / "maps.zarr", [0], zarr.Array.__setitem__
    expected = blocks.write_zarr(whole := Slow(), sea, tmp_path / "a" / "maps.zarr", **CALL)

    def full(self, *args):
        n[0] += self.ndim == 4
        if n[0] > 2 * len(maps.LAYERS) + 3:  # in the middle of the third block
            raise OSError(errno.ENOSPC, "No space left on device")
        plain(self, *args)

    with monkeypatch.context() as patch, pytest.raises(UserError, match="No space left.*finished blocks are kept") as r:
        patch.setattr(zarr.Array, "__setitem__", full)
        blocks.write_zarr(first := Slow(), sea, path, scheduler="serial", **CALL)
    assert "\n" not in str(r.value)
    assert len(list((path.parent / "maps.zarr.part" / blocks.JOURNAL).iterdir())) == 2
    blocks.write_zarr(again := Slow(), sea, path, **CALL)
    assert 0 < again.n_rows < whole.n_rows < first.n_rows + again.n_rows
    assert same(path, expected)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"depths_m": [251]}, "250 m"),
        ({"depths_m": [-1.0]}, "250 m"),
        ({"depths_m": []}, "250 m"),
        ({"months": [0]}, "1 to 12"),
        ({"months": []}, "1 to 12"),
        ({"months": [13]}, "1 to 12"),
        ({"rows_per_block": 0}, "one row"),
        ({"scheduler": "everywhere"}, "threads, serial"),
        ({"scheduler": "tcp://127.0.0.1:9"}, "distributed|no Dask scheduler"),
        ({"layers": ["median"]}, "layers"),
    ],
)
def test_bad_calls_are_one_line_and_write_nothing(sea, tmp_path, change, told):
    """Depths, months, schedulers that do not exist; a scheduler that is silent is given up within seconds."""
    began = time.monotonic()
    with pytest.raises(UserError, match=told) as refusal:
        blocks.write_zarr(Slow(), sea, tmp_path / "maps.zarr", **CALL | change)
    assert "\n" not in str(refusal.value)
    assert time.monotonic() - began < 10
    assert not list(tmp_path.iterdir())


def test_covariates_without_an_input_or_a_month_are_refused(sea, tmp_path):
    """One line, before anything is written."""
    for cut, told in ((sea.drop_vars("npp"), "npp"), (sea.sel(month=[1, 2, 3]), r"do not have \[11\]")):
        with pytest.raises(UserError, match=told):
            blocks.write_zarr(Slow(), cut, tmp_path / "maps.zarr", **CALL)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        blocks.write_zarr(Slow(), sea, tmp_path / "file" / "maps.zarr", **CALL)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_dask_scheduler_gives_the_same_bytes(sea, tmp_path):
    """On a cluster of this machine, where distributed is installed."""
    distributed = pytest.importorskip("distributed")
    expected = blocks.write_zarr(Slow(), sea, tmp_path / "a" / "maps.zarr", **CALL)
    options = {"processes": False, "dashboard_address": None, "protocol": "tcp"}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster:
        address, path = cluster.scheduler_address, tmp_path / "b" / "maps.zarr"
        assert same(expected, blocks.write_zarr(Slow(), sea, path, scheduler=address, **CALL))
        with pytest.raises(RuntimeError, match="crash"):
            blocks.write_zarr(Broken(), sea, tmp_path / "c.zarr", scheduler=address, **CALL)


class Broken(Slow):
    """A model that fails wherever it is."""

    def predict_matrix(self, X, which):
        """Raise."""
        raise RuntimeError("crash")


@pytest.mark.parametrize("chunks", [None, {"lat": 5}])
def test_one_changed_value_anywhere_or_other_code_is_refused(sea, tmp_path, chunks, monkeypatch):
    """A store from inputs that differ in a single corner cell, or from another package, is not taken for the map."""
    path = blocks.write_zarr(Slow(), sea, tmp_path / "maps.zarr", **CALL)
    other = sea.copy(deep=True)
    other["npp"].loc[{"month": 11, "lat": -85, "lon": other["lon"][-1]}] = 7.0
    for inputs in (other, other.chunk(chunks) if chunks else other):
        with pytest.raises(UserError, match="made with other covariates: remove it"):
            blocks.write_zarr(Slow(), inputs, path, **CALL)
    blocks.write_zarr(asked := Slow(), sea.chunk(chunks) if chunks else sea, path, **CALL)
    assert asked.n_rows == 0
    monkeypatch.setattr(blocks, "_code", lambda: "another")
    with pytest.raises(UserError, match="made with other code"):
        blocks.write_zarr(Slow(), sea, path, **CALL)
