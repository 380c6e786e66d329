"""The open files: counts, flags, units and ratios that are known from them."""

import csv

import numpy as np
import pytest

from seaofcarbon import digitise, records

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def ga01(real_data):
    """Section GA01."""
    return digitise.read(real_data / "geotraces" / "GA01bottpump.csv")


@pytest.fixture(scope="module")
def ga03(real_data):
    """Section GA03."""
    return digitise.read(real_data / "geotraces" / "GA03bottpump.csv")


def counted(path, delimiter=",", skip=0):
    """Rows of a file by the csv module, without the header."""
    with path.open(encoding="utf-8", newline="") as stream:
        lines = stream.readlines()[skip:]
    return list(csv.reader(lines, delimiter=delimiter))


def test_mouw_counts(real_data):
    """15,792 rows: 581 of 587 of 234Th and 13,474 of 15,205 of traps carry a POC flux; every cell is accounted for."""
    path = real_data / "pangaea" / "GO_flux.tab"
    result = digitise.read(path)
    assert result.meta["rows"] == 15792 and result.meta["rows_by_method"] == {"th234_unspecified": 587, "trap": 15205}
    assert result.records["method"].value_counts().to_dict() == {"trap": 13474, "th234_unspecified": 581}
    assert set(result.records["variable"]) == {"poc_flux"}
    header, *rows = counted(path, "\t", 87)
    assert result.account["cells"] == sum(map(len, rows))
    column = header.index("POC flux [mg/m**2/day]")
    assert len(result.records) == sum(row[column] != "" for row in rows)
    assert result.account["cells"] == sum(v for k, v in result.account.items() if k != "cells")
    assert result.records["value"].sum() * 12.011 == pytest.approx(sum(float(r[column]) for r in rows if r[column]))


def test_ga01_samples(ga01):
    """172 total 234Th samples in 12 casts, flags of the file, longitudes wrapped, density near 1.0275 kg/L."""
    total = ga01.records[ga01.records["variable"] == "th234_total"]
    assert len(total) == 172 and records.cast_ids(total).nunique() == 12
    assert total["flag_source"].unique().tolist() == ["1"] and set(total["flag_scheme"]) == {"SEADATANET"}
    assert total["longitude"].between(-60, 0).all() and total["sigma"].isna().all()
    factor = total["value"] / total["value_source"].astype(float)
    assert factor.between(0.0615, 0.0617).all()


def test_ga01_account(real_data, ga01):
    """All cells of the file are accounted for, and as many values kept as the csv module sees."""
    header, *rows = counted(real_data / "geotraces" / "GA01bottpump.csv")
    assert ga01.account["cells"] == sum(map(len, rows))
    assert ga01.account["cells"] == sum(v for k, v in ga01.account.items() if k != "cells")
    for name, variable in {
        "Th_234_T_CONC_BOTTLE_mBq_kg_": "th234_total",
        "CTDTMP_T_VALUE_SENSOR_degC_": "temperature",
    }.items():
        column = header.index(name)
        seen = sum(row[column] not in ("", "NaN") for row in rows)
        assert (ga01.records["variable"] == variable).sum() == seen


def test_ga01_deep_ratio(ga01):
    """Below 300 m Th/238U has a median of about 1.08 (Owens, with density): told, not scaled away."""
    samples = records.to_samples(ga01.records)
    deep = samples[samples["depth_m"] > 300].dropna(subset=["th234_total"])
    ratio = deep["th234_total"] / (0.0786 * deep["salinity"] - 0.315)
    assert ratio.median() == pytest.approx(1.08, abs=0.01)


def test_ga03_sizes_stay_apart(ga03):
    """Both size classes come with POC; the large one has a median C:Th of 3.6 at 80-200 m."""
    counts = ga03.records["variable"].value_counts()
    assert counts[["th234_particulate_small", "th234_particulate_large", "poc_small", "poc_large"]].min() > 200
    samples = records.to_samples(ga03.records)
    layer = samples[samples["depth_m"].between(80, 200)]
    assert (layer["poc_large"] / layer["th234_particulate_large"]).median() == pytest.approx(3.6, abs=0.1)
    assert (layer["poc_small"] / layer["th234_particulate_small"]).median() < 2.5


def test_ga03_legs_and_pumps(ga03):
    """Station names repeat on two legs; pumps without a sensor take the density of their cast or cruise."""
    pumps = ga03.records[ga03.records["variable"] == "th234_particulate_large"]
    assert pumps["note"].str.startswith("density from").all() and ga03.account["rejects"] == 0
    first = ga03.records[ga03.records["station"] == "Station 1"]
    assert first["time"].dt.year.nunique() == 2
    assert np.isfinite(pumps["value"]).all()
