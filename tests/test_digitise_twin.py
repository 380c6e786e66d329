"""What the twin's cruises wrote comes back: each value within rounding, each planted mistake noticed."""

import numpy as np
import pandas as pd
import pytest

from seaofcarbon import digitise, files, records, twin
from seaofcarbon.digitise import quality


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Raw files of a few cruises."""
    folder = tmp_path_factory.mktemp("raw")
    return folder, twin.write_raw(folder, n_cruises=20)


@pytest.fixture(scope="module")
def result(raw):
    """What the readers make of them."""
    return digitise.read_many(raw[1], progress=False)


def test_account_of_all_layouts(raw, result):
    """Three layouts, no file refused, every cell accounted for."""
    assert {source["format"] for source in result.meta["sources"]} == set(digitise.FORMATS)
    assert not result.meta["problems"] and len(result.meta["sources"]) == len(raw[1])
    assert result.account["cells"] == sum(v for k, v in result.account.items() if k != "cells")


def test_samples_meet_their_truth(raw, result):
    """Each sample finds its truth by cruise, station and depth; measured minus true is the counting error."""
    truth = pd.read_parquet(raw[0] / "truth_samples.parquet")
    samples = records.to_samples(result.records).dropna(subset=["th234_total"])
    joined = samples.merge(truth, on=["cruise", "station", "depth_m"], suffixes=("", "_true"))
    assert len(joined) > 0.99 * len(samples)
    np.testing.assert_allclose(joined["latitude"], joined["latitude_true"], atol=1e-4)
    np.testing.assert_allclose(joined["longitude"], joined["longitude_true"], atol=1e-4)
    score = (joined["th234_total"] - joined["th234_total_true"]) / joined["th234_total_sigma"]
    assert abs(score.mean()) < 0.15 and score.std() == pytest.approx(1.0, abs=0.1)


def test_units_per_mass_come_back(raw, result):
    """Values that were written per kilogram agree with the truth as well as those written per litre."""
    truth = pd.read_parquet(raw[0] / "truth_samples.parquet")
    total = result.records[result.records["variable"] == "th234_total"]
    joined = total.merge(truth, on=["cruise", "station", "depth_m"], suffixes=("", "_true"))
    score = ((joined["value"] - joined["th234_total"]) / joined["sigma"])[joined["flag"] < 3]
    by_unit = score.groupby(joined["unit_source"].str.lower()).mean()
    assert set(by_unit.index) == {"dpm/l", "mbq/kg"} and by_unit.abs().max() < 0.2


def test_planted_mistakes_are_noticed(raw, result):
    """All planted mistakes are set aside, flagged or noted, and no good record is flagged."""
    mistakes = files.read_csv(raw[0] / "mistakes.csv")
    table, missed = quality.confusion(mistakes, result.records, result.rejects)
    assert missed.empty and table["planted"].sum() == len(mistakes)
    assert table.loc["false alarms", "flagged"] <= 0.001 * len(result.records)
