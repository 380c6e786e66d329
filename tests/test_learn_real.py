"""Learning on the open compilation of POC fluxes: the counts, the doubles, and what an honest score looks like."""

import pytest

from learn_sea import SEED
from seaofcarbon import digitise, files, flux, ocean, profiles, records
from seaofcarbon.learn import campaigns, features, rivals, validate
from seaofcarbon.learn.models import DEFAULTS

pytestmark = pytest.mark.real

TARGET = "poc_flux"


@pytest.fixture(scope="module")
def table_and_account(real_data):
    """The training table of the real profile."""
    archive = digitise.read_many(profiles.raw_files("real", None), progress=False).records
    samples = records.to_samples(archive)
    sea = profiles.covariates("real")
    return features.training_table(samples, flux.fluxes(samples, [50, 100, 150]), archive, sea, SEED)


def test_counts_of_the_compilation(table_and_account):
    """581 values from 234Th, 35 of them doubles of another source's, none at or below zero."""
    steps = table_and_account[1].set_index(["target", "step"])["rows"]
    assert steps[TARGET, "values found"] == 581
    assert steps[TARGET, "doubles merged"] == 35
    assert steps[TARGET, "not above zero (no logarithm)"] == 0


def test_only_the_poc_flux_can_carry_a_model(table_and_account):
    """12 casts of total 234Th are no training set."""
    counts = features.enough(table_and_account[0]).set_index("target")
    assert counts.index[counts["enough"]].tolist() == [TARGET]
    assert counts.loc["th234_total", "casts"] == 12


def test_honest_score_of_the_compilation(table_and_account):
    """Campaigns left out: above 0.16, without leakage; random rows flatter by 0.15 and more; intervals hold."""
    table = features.for_target(table_and_account[0], TARGET)
    settings = dict.fromkeys(("0", "1", "2", "all"), DEFAULTS)
    validation = validate.cross_validate(table, TARGET, SEED, settings, 5, 1, kinds=("campaign", "random"))
    scores = validate.scores(validation, draws=50).set_index(["model", "split"])
    assert campaigns.leakage(table, campaigns.folds(table, "campaign", 5, 1)) == 0
    assert scores.loc[("mean", "campaign"), "r2"] > 0.16
    assert scores.loc[("mean", "campaign"), "r2"] > scores.loc[(rivals.HENSON, "campaign"), "r2"]
    assert scores.loc[("mean", "random"), "r2"] > scores.loc[("mean", "campaign"), "r2"] + 0.15
    assert 0.87 <= scores.loc[("mean", "campaign"), "coverage"] <= 0.95


def test_blocks_and_basins_of_the_compilation(table_and_account):
    """Blocks left out: R2 above 0.11 in the mean of three deals; no basin of 30 values is surely covered below 85 %."""
    table = features.for_target(table_and_account[0], TARGET)
    settings = dict.fromkeys(("0", "1", "2", "all"), DEFAULTS)
    found = [
        validate.cross_validate(table, TARGET, SEED, settings, 5, s, kinds=("block", "campaign"), with_rivals=False)
        for s in (1, 2, 3)
    ]
    scores = [validate.scores(one, draws=20).set_index(["model", "split"])["r2"] for one in found]
    assert sum(score["mean", "block"] for score in scores) / 3 > 0.11
    for one in found:
        held = one.query("model == 'mean' and split == 'campaign'")
        held = held.assign(basin=ocean.basin(held["latitude"], held["longitude"]))
        basins = validate.scores(held, by=["basin"], draws=200).query("values >= 30")
        assert ((basins["coverage"] >= 0.80) | (basins["coverage_high"] >= 0.85)).all()


def test_units_inside(table_and_account):
    """The median flux is a few mmol m-2 d-1, not mg; the file that it came from is named."""
    values = features.for_target(table_and_account[0], TARGET)
    assert 2 < values["value"].median() < 10
    assert values["source_id"].str.contains("855594").all()
    assert files.data_dir().is_dir()
