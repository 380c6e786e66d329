"""Records survive every round trip, and casts are what the records say."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seaofcarbon import files, records

TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
NUMBERS = st.floats(allow_nan=True, allow_infinity=False)
TIMES = st.none() | st.datetimes(pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01"))
KINDS = {
    records.TEXT: TEXTS,
    records.NUMBER: NUMBERS,
    records.TIME: TIMES,
    "Int64": st.none() | st.integers(0, 99),
    "int8": st.sampled_from([1, 2, 3, 4, 9]),
}
ROWS = st.fixed_dictionaries({name: KINDS[dtype] for name, dtype in records.COLUMNS.items()})


def record(**values):
    """One good value of total 234Th, or what `values` make of it."""
    base = {
        "source_id": "S",
        "cruise": "C1",
        "station": "7",
        "time": pd.Timestamp("2010-05-01T10:00"),
        "latitude": 10.0,
        "longitude": -20.0,
        "depth_m": 50.0,
        "variable": "th234_total",
        "value": 2.0,
        "sigma": 0.1,
        "locator": "row 1",
        "flag": 1,
    }
    return base | values


def table(*rows):
    """Records that differ from the good one as told."""
    return records.conform(pd.DataFrame([record(locator=f"row {i}", **row) for i, row in enumerate(rows)]))


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, max_size=4))
def test_any_record_comes_back(tmp_path, suffix, rows):
    """Parquet and CSV give back any record with its dtypes."""
    df = records.conform(pd.DataFrame(rows, columns=list(records.COLUMNS)))
    path = tmp_path / f"records{suffix}"
    records.write(df, path)
    pd.testing.assert_frame_equal(records.read(path), df)


def test_conform_fills_what_is_missing():
    """A bare value gets all columns, an id and the flag `not evaluated`."""
    df = records.conform(pd.DataFrame({"variable": ["u238"], "value": [2.4]}))
    assert list(df.columns) == list(records.COLUMNS)
    assert {name: str(dtype) for name, dtype in df.dtypes.items()} == records.COLUMNS
    assert df["flag"][0] == 2 and len(df["record_id"][0]) == 16
    assert records.conform(pd.DataFrame()).empty


def test_ids_depend_on_source_cell_and_variable_only():
    """The same cell has the same id whatever its value, other cells have others."""
    a, b = table({}, {}), table({"value": 9.0}, {"variable": "u238"})
    assert a["record_id"][0] == b["record_id"][0]
    assert len(set(a["record_id"]) | set(b["record_id"])) == 3


def test_replicates_are_averaged_with_independent_sigmas():
    """Two replicates of sigma 0.1 have a mean of sigma 0.1 / sqrt(2); a sigma of 2sd is halved."""
    samples = records.to_samples(table({"value": 2.0}, {"value": 2.4, "sigma": 0.2, "sigma_kind": "2sd"}))
    assert len(samples) == 1
    assert samples["th234_total"][0] == pytest.approx(2.2)
    assert samples["th234_total_sigma"][0] == pytest.approx(0.1 / np.sqrt(2))


def test_bottle_and_pump_share_a_row_within_half_a_metre():
    """Values 0.4 m apart are one sample at the depth of total 234Th, values 0.6 m apart are two."""
    near = table({}, {"depth_m": 50.4, "variable": "poc_large", "method": "pump"})
    far = table({}, {"depth_m": 50.6, "variable": "poc_large", "method": "pump"})
    assert records.to_samples(near)["depth_m"].tolist() == [50.0]
    assert records.to_samples(far)["depth_m"].tolist() == [50.0, 50.6]


def test_flags_are_honoured_and_fluxes_are_no_samples():
    """Questionable, bad and missing values and fluxes do not enter casts."""
    rows = [{"flag": f} for f in (3, 4, 9)] + [{"variable": "poc_flux"}]
    assert records.to_samples(table(*rows)).empty
    assert len(records.to_samples(table(*rows, {"flag": 2}))) == 1


def test_casts_are_sorted_and_have_one_time_and_place():
    """A cast is named cruise/station/day; its rows are sorted by depth and share the earliest time."""
    later = {"depth_m": 10.0, "time": pd.Timestamp("2010-05-01T12:00"), "latitude": 10.1}
    samples = records.to_samples(table({"depth_m": 100.0}, later, {"station": None}))
    cast = samples[samples["station"] == "7"]
    assert cast["cast_id"].unique().tolist() == ["C1/7/2010-05-01"]
    assert cast["depth_m"].tolist() == [10.0, 100.0]
    assert (
        cast["latitude"].unique().tolist() == [10.1] and cast["time"].tolist() == [pd.Timestamp("2010-05-01T10:00")] * 2
    )
    assert "C1/10.0N -20.0E/2010-05-01" in set(samples["cast_id"])


def test_casts_file_is_cf_profiles_in_becquerel(tmp_path):
    """casts.nc holds 2 dpm L-1 as 33.3 Bq m-3, counts its samples and comes back in dpm L-1."""
    rows = [{"depth_m": d} for d in (10.0, 20.0)] + [{"station": "8"}]
    files.write_netcdf(records.to_dataset(table(*rows)), tmp_path / "casts.nc")
    import xarray as xr

    with xr.open_dataset(tmp_path / "casts.nc", engine="netcdf4") as ds:
        assert ds.attrs["featureType"] == "profile"
        assert ds["row_size"].to_numpy().tolist() == [2, 1] and ds["row_size"].attrs["sample_dimension"] == "obs"
        assert ds["th234_total"].attrs["units"] == "Bq m-3"
        np.testing.assert_allclose(ds["th234_total"], 2000 / 60, rtol=1e-6)
    np.testing.assert_allclose(files.read_netcdf(tmp_path / "casts.nc")["th234_total"], 2.0, rtol=1e-6)


def test_datapackage_validates_and_refuses_lost_cells(tmp_path):
    """Frictionless accepts the package; an account that does not add up is refused."""
    frictionless = pytest.importorskip("frictionless", reason="the Frictionless validator is not installed")
    account = {"cells": 4, "records": 2, "missing": 1, "rejects": 1, "not_wanted": 0}
    records.write(table({"cruise": "=1+1"}, {}), tmp_path / "records.csv")
    rejects = pd.DataFrame({"file": ["a"], "row": [2], "column": ["Th"], "value": ["bottom"], "reason": ["no number"]})
    files.write_csv(rejects, tmp_path / "rejects.csv")
    tables = [tmp_path / "records.csv", tmp_path / "rejects.csv"]
    records.datapackage(tmp_path / "datapackage.json", tables, account, [{"title": "a"}])
    report = frictionless.validate(str(tmp_path / "datapackage.json"))
    assert report.valid, report.to_summary()
    with pytest.raises(files.UserError, match="does not add up"):
        records.datapackage(tmp_path / "datapackage.json", tables, account | {"missing": 0}, [])


def test_junk_is_refused_in_one_line(tmp_path):
    """Files that hold no records say so."""
    (tmp_path / "a.parquet").write_bytes(b"junk")
    (tmp_path / "b.csv").write_text("x,y\n1,2\n")
    for name, words in {"a.parquet": "no Parquet", "b.csv": "holds no records", "c.csv": "no file"}.items():
        with pytest.raises(files.UserError, match=words):
            records.read(tmp_path / name)


def test_close_depths_do_not_chain_into_one_sample():
    """Bottles beside a sensor that reads every half metre stay samples of their own, each with its salinity."""
    sensor = [{"variable": "salinity", "value": 35.0, "depth_m": z} for z in np.arange(5.0, 150.0, 0.5)]
    bottles = [{"depth_m": z, "value": 2.0 + z / 1000} for z in (10.0, 25.2, 50.0, 100.0, 149.0)]
    samples = records.to_samples(table(*sensor, *bottles)).dropna(subset=["th234_total"])
    assert samples["depth_m"].tolist() == [10.0, 25.2, 50.0, 100.0, 149.0] and samples["salinity"].notna().all()


# --- Casts -----------------------------------------------------------------------------------------------------


def places(**columns):
    """Rows of one cruise and station."""
    usual = {"cruise": "A", "station": "1", "source_id": "s", "latitude": 40.0, "longitude": -20.0}
    rows = pd.DataFrame(usual | columns)
    return rows.assign(time=pd.to_datetime(rows["time"]))


def test_a_cast_under_way_at_midnight_is_one_cast():
    """Bottles from 23:40 to 00:20 belong together; the next morning's cast, and one of the next night, do not."""
    times = ["2020-05-01T23:40", "2020-05-02T00:20", "2020-05-02T10:00", "2020-05-03T00:20", "2020-05-03T00:30"]
    rows = places(time=times)
    ids = records.cast_ids(rows)
    assert ids.tolist() == ["A/1/2020-05-01"] * 2 + ["A/1/2020-05-02"] + ["A/1/2020-05-03"] * 2
    order = [3, 1, 4, 0, 2]
    assert records.cast_ids(rows.iloc[order]).tolist() == ids.iloc[order].tolist()


def test_far_places_are_no_one_cast():
    """A station's name that came twice on one day, 9,000 km apart, is two casts; a ship that drifts 2 km is one."""
    rows = places(time=["2020-05-01"] * 3, latitude=[41.0, 41.02, -41.0], longitude=[179.99, -179.99, 0.0])
    ids = records.cast_ids(rows)
    assert ids[0] != ids[2] and ids.nunique() == 3 - (ids[0] == ids[1])
    drifting = places(time=["2020-05-01"] * 2, latitude=[41.0, 41.02], longitude=[179.99, -179.99])
    assert records.cast_ids(drifting).nunique() == 1


def test_salinity_of_the_sample_wins_over_that_of_the_next_bottle():
    """A bottle 30 cm below the 234Th sample has another salinity: the sample's own is taken, not the mean."""
    rows = pd.DataFrame({
        "source_id": "s", "cruise": "A", "station": "1", "time": pd.Timestamp("2020-05-01"), "latitude": 40.0,
        "longitude": -20.0, "depth_m": [39.8, 39.8, 40.1], "variable": ["th234_total", "salinity", "salinity"],
        "value": [2.0, 35.55, 35.70], "unit": ["dpm L-1", "1", "1"], "flag": 1, "sigma_kind": "1sd",
        "locator": ["a", "b", "c"],
    })  # fmt: skip
    found = records.to_samples(records.conform(rows))
    assert found["salinity"].tolist() == [35.55] and found["depth_m"].tolist() == [39.8]
