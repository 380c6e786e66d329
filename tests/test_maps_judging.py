"""The twin judges maps: the same models with other lessons, and intervals tried by cruises to anywhere."""

import numpy as np
import pytest
import xarray as xr

from learn_sea import SEED, covariates, table
from seaofcarbon import maps, twin
from seaofcarbon.learn.models import DEFAULTS, Model
from seaofcarbon.maps import judging

TARGET = "th234_flux"


def test_models_that_learn_twice_the_flux_draw_twice_the_map(monkeypatch):
    """On a logarithmic scale a factor is a shift, and trees follow a shift."""
    data, sea = table(n_cruises=20, target="poc_flux"), covariates()
    model = Model.fit(data, "poc_flux", SEED, DEFAULTS, seed=3)
    lessons = {"as it was": lambda rows, target: rows["value"], "twice": lambda rows, target: 2 * rows["value"]}
    monkeypatch.setattr(judging, "LESSONS", lessons)
    drawn = maps.taught(model, data, sea, 100.0)
    same = maps.predict_grid(model, sea, depths_m=(100.0,), layers=["prediction"])["poc_flux"].isel(depth=0)
    np.testing.assert_array_equal(drawn["as it was"], same)
    ratio = (drawn["twice"] / drawn["as it was"]).to_numpy()
    np.testing.assert_allclose(ratio[np.isfinite(ratio)], 2.0, rtol=0.02)


@pytest.fixture(scope="module")
def layer():
    """The twin's true map at 100 m, with an interval of a factor of two about it, south of 60 S none that is sure."""
    true = twin.truth_maps(list(maps.MONTHS), [100.0])[TARGET].isel(depth=0)
    sure = (true.notnull() & (true["lat"] > -60)).astype("int8")
    return xr.Dataset({f"{TARGET}_lower": true / 2, f"{TARGET}_upper": true * 2, "applicable": sure})


def test_cruises_find_the_coverage_that_was_built_in(layer):
    """The ordinary year lies within a factor of two, anomalies go beyond, and noise takes more of them out."""
    held = maps.coverage_at_sea(layer, TARGET, 100.0, [300.0], n=3000).set_index(["what", "area"])
    cover = held["coverage"].xs("inside", level="area")
    assert cover["the ordinary year"] > 0.97
    assert 0.5 < cover["what a cruise measures"] < cover["what a cruise meets"] < 0.97
    assert (held["coverage"] + held["below"] + held["above"]).to_numpy() == pytest.approx(1.0)
    places = held["places"].unstack()
    assert (places["inside"] < places["all"]).all()


def test_without_an_error_of_measurement_cruises_measure_what_they_meet(layer):
    """Both rows are the same."""
    held = maps.coverage_at_sea(layer, TARGET, 100.0, [0.0], n=500).set_index(["what", "area"])
    assert held.loc["what a cruise measures"].equals(held.loc["what a cruise meets"])
