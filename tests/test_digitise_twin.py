"""What the twin's cruises wrote comes back: each value within rounding, each planted mistake noticed."""

import numpy as np
import pandas as pd
import pytest

from seaofcarbon import digitise, files, records, twin
from seaofcarbon.digitise import quality
from seaofcarbon.twin.cruises import samples
from seaofcarbon.twin.raw import SECOND_WORKBOOK, WORKBOOK

N_CRUISES = 20
SAMPLE = ["cruise", "station", "depth_m"]


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Raw files of a few cruises."""
    folder = tmp_path_factory.mktemp("raw")
    return folder, twin.write_raw(folder, n_cruises=N_CRUISES)


@pytest.fixture(scope="module")
def result(raw):
    """What the readers make of them."""
    return digitise.read_many(raw[1], progress=False)


@pytest.fixture(scope="module")
def mistakes(raw):
    """The planted mistakes."""
    return files.read_csv(raw[0] / "mistakes.csv", dtype={"station": str})


def kind_of(path):
    """Kind of layout of a file, from its first characters: what a person would see."""
    if path.suffix in (".xlsx", ".sb", ".gz", ".zip", ".tab"):
        return {".sb": "seabass", ".xlsx": "workbook", ".gz": "geotraces"}.get(path.suffix, "pangaea")
    lines = path.read_text(encoding="utf-8").splitlines()
    if "obs_uncert" in lines[0]:
        return "exports"
    kinds = {"QV": "geotraces", "SEADATANET": "geotraces", "ISO_DateTime": "bcodmo", ";": "tidy"}
    return next((kind for sign, kind in kinds.items() if sign in lines[0]), "erddap")


@pytest.fixture(scope="module")
def measured(raw, mistakes):
    """What was measured and not spoiled, as each layout can tell it: one value a row, counted by no reader."""
    table = samples(n_cruises=N_CRUISES)[1]
    kinds = {path.name[5:10]: kind_of(path) for path in raw[1] if path.suffix != ".xlsx"}
    table["kind"] = table["cruise"].map(kinds).fillna("workbook")
    # line 1 of the sheet holds the names of the columns
    compiled = table["kind"] == "workbook"
    spoiled = mistakes.loc[mistakes["file"] == WORKBOOK, "row"]
    table = table[~(compiled & (compiled.cumsum() + 1).isin(spoiled))]
    values = [name for name in table if name.startswith("m_") and not name.endswith("_sigma")]
    told = ["kind", *SAMPLE]
    long = pd.concat([
        table[told].assign(variable=name[2:], value=table[name], sigma=table.get(f"{name}_sigma")) for name in values
    ])  # fmt: skip
    poc = [
        table[told].assign(variable=f"poc_{size}", value=table[f"m_th234_particulate_{size}"] * table[f"m_c_th_{size}"])
        for size in ("small", "large")
    ]
    long = pd.concat([long, *poc]).dropna(subset="value").reset_index(drop=True)
    exports, geotraces, total = (
        long["kind"] == "exports",
        long["kind"] == "geotraces",
        long["variable"] == "th234_total",
    )
    long["variable"] = long["variable"].mask(exports & (long["variable"] == "c_th_large"), "c_th")
    per_mass = total | long["variable"].str.contains("particulate|poc")
    bulk = long["variable"].isin(["th234_total", "salinity", "u238", "c_th"])
    long = long[np.select([geotraces, exports], [per_mass, bulk], ~long["variable"].str.contains("poc"))]
    without = (long["kind"] == "geotraces") & ~total | (long["kind"] == "exports") & (long["variable"] == "u238")
    return long.assign(sigma=long["sigma"].astype(float).mask(without))


def test_account_of_all_layouts(raw, result):
    """All layouts are there and recognised by content, no file refused, every cell accounted for."""
    kinds = {path.name: kind_of(path) for path in raw[1]}
    for source in result.meta["sources"]:
        assert source["format"] == kinds[source["file"]].replace("exports", "workbook"), source["file"]
        assert source["account"]["cells"] == sum(v for k, v in source["account"].items() if k != "cells")
    assert set(kinds.values()) == {*digitise.FORMATS, "exports"}
    assert not result.meta["problems"] and len(result.meta["sources"]) == len(raw[1])
    assert result.account["cells"] == sum(v for k, v in result.account.items() if k != "cells")


def test_every_value_comes_back(result, measured, mistakes):
    """Of each cruise and variable as many records as were measured, and each the same within rounding."""
    cell = quality.cells(result.records)
    spoiled = cell.merge(mistakes[["file", "row"]].drop_duplicates(), how="left", indicator=True)["_merge"] == "both"
    found = result.records[~spoiled.to_numpy() & (cell["file"] != SECOND_WORKBOOK)]
    around = found["unit_source"].str.lower().isin(["pss-78", "degc"])  # GEOTRACES has a sensor for these
    by = ["cruise", "variable"]
    pd.testing.assert_series_equal(found[~around].groupby(by).size(), measured.groupby(by).size())
    both = measured.merge(found[~around], on=[*SAMPLE, "variable"], suffixes=("", "_read"), validate="one_to_one")
    assert len(both) == len(measured)
    np.testing.assert_allclose(both["value_read"], both["value"], atol=0.00051)
    np.testing.assert_allclose(both["sigma_read"], both["sigma"], atol=0.00051)
    assert both["time"].notna().all() and both[["latitude", "longitude"]].notna().all(axis=None)


def test_samples_meet_their_truth(raw, result, measured):
    """Each sample finds its truth by cruise, station and depth; measured minus true is the counting error."""
    truth = pd.read_parquet(raw[0] / "truth_samples.parquet")
    table = records.to_samples(result.records).dropna(subset=["th234_total"])
    joined = table.merge(truth, on=SAMPLE, suffixes=("", "_true"))
    assert len(joined) > 0.99 * len(table)
    np.testing.assert_allclose(joined["latitude"], joined["latitude_true"], atol=1e-4)
    np.testing.assert_allclose(joined["longitude"], joined["longitude_true"], atol=1e-4)
    score = (joined["th234_total"] - joined["th234_total_true"]) / joined["th234_total_sigma"]
    assert abs(score.mean()) < 0.15 and score.std() == pytest.approx(1.0, abs=0.1)
    with_uranium = table[["salinity", "u238"]].notna().any(axis=1).groupby(table["cruise"]).mean()
    assert set(measured["cruise"]) <= set(with_uranium.index) and with_uranium.min() > 0.9


def test_units_per_mass_come_back(raw, result):
    """Values that were written per kilogram agree with the truth as well as those written per litre."""
    truth = pd.read_parquet(raw[0] / "truth_samples.parquet")
    total = result.records[result.records["variable"] == "th234_total"]
    joined = total.merge(truth, on=SAMPLE, suffixes=("", "_true"))
    score = ((joined["value"] - joined["th234_total"]) / joined["sigma"])[joined["flag"] < 3]
    by_unit = score.groupby(joined["unit_source"].str.lower()).mean()
    assert set(by_unit.index) == {"dpm/l", "mbq/kg"} and by_unit.abs().max() < 0.2


def test_planted_mistakes_are_noticed(mistakes, result):
    """All planted mistakes are set aside, flagged or noted, and no good record is flagged."""
    table, missed = quality.confusion(mistakes, result.records, result.rejects)
    assert missed.empty, missed
    assert table.loc["false alarms", "flagged"] <= 0.001 * len(result.records)
