"""The table of fluxes: contract, flags and reasons, depths of a cast, wide CSV files, a real section."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from seaofcarbon import flux, records, thorium
from seaofcarbon.files import UserError
from seaofcarbon.vocabulary import METHODS, U238_RELATIONS


@pytest.fixture
def samples():
    """Two casts at S = 35: A with a deficit of 0.8 dpm L-1 that ends at 80 m; B shallow, without sigma."""
    depth = np.array([10.0, 40, 80, 120, 200, 10, 30, 60])
    u = float(thorium.u238_from_salinity(35.0))
    deficit = np.array([0.8, 0.8, 0.0, -0.1, 0.0, 0.5, 0.5, 0.5])
    n = len(depth)
    return pd.DataFrame({
        "cast_id": ["A"] * 5 + ["B"] * 3, "source_id": "test", "cruise": "C", "station": ["1"] * 5 + ["2"] * 3,
        "time": pd.Timestamp("2015-06-01"), "latitude": 0.5, "longitude": [0.5] * 5 + [10.5] * 3, "depth_m": depth,
        "th234_total": u - deficit, "th234_total_sigma": [0.05] * 5 + [np.nan] * 3, "salinity": np.full(n, 35.0),
        "fluorescence": [0.5, 1.0, 0.2, 0.0, 0.0] + [np.nan] * 3,
    })  # fmt: skip


def row(table, cast="A", **where):
    """The one row of a cast with these values."""
    keep = table["cast_id"] == cast
    for name, value in where.items():
        keep &= table[name] == value
    return table[keep].squeeze()


def test_contract(samples):
    """Columns, order and words of the contract; one row per cast and depth."""
    table = flux.fluxes(samples, [100, "equilibrium"])
    assert list(table.columns) == flux.COLUMNS and len(table) == 4
    assert set(table["method"]) <= set(METHODS) and set(table["u238_source"]) <= {*U238_RELATIONS, "measured"}
    assert table["depth_kind"].tolist() == ["fixed", "equilibrium"] * 2
    assert table["th234_flux"].isna().equals(table["flag"] == 9)
    assert (table.loc[table["flag"] == 9, "reason"] != "").all()


def test_flux_of_a_cast_by_hand(samples):
    """0.8 dpm L-1 down to 40 m, then a straight line to 0 at 80 m."""
    found = row(flux.fluxes(samples, [80]))
    decay = thorium.decay_constant()
    assert found["th234_flux"] == pytest.approx(decay * 800 * (40 + 20))
    weights = np.array([25.0, 35.0, 20.0])
    assert found["sigma_measurement"] == pytest.approx(decay * 50 * np.sqrt((weights**2).sum()))
    assert found["sigma_common"] == pytest.approx(decay * 47 * 80)
    assert found["th234_flux_sigma"] == pytest.approx(np.hypot(found["sigma_measurement"], found["sigma_common"]))
    assert (found["n_samples"], found["flag"], found["reason"], found["u238_source"]) == (3, 1, "", "owens2011")


def test_depths_of_the_cast_itself(samples):
    """Equilibrium where the deficit ends; the production zone where fluorescence falls to a tenth of its maximum."""
    table = flux.fluxes(samples, ["equilibrium", "ppz"])
    assert row(table, depth_kind="equilibrium")["depth_m"] == pytest.approx(80)
    assert row(table, depth_kind="ppz")["depth_m"] == pytest.approx(100)  # 0.2 at 80 m, 0 at 120 m: 0.1 half-way
    assert row(table, "B", depth_kind="equilibrium")["reason"] == "no equilibrium above the last sample"
    assert "fluorescence" in row(table, "B", depth_kind="ppz")["reason"]


def test_depths_from_the_sea_around(samples):
    """Ez is the 0.1 % depth and the mixed layer is the climatology's; on land, or without covariates, a reason."""
    lon = np.array([0.5, 1.5])
    field = xr.DataArray(np.full((12, 1, 2), 60.0), {"month": np.arange(1, 13), "lat": [0.5], "lon": lon},
                         ("month", "lat", "lon"))  # fmt: skip
    sea = xr.Dataset({"sst": field, "euphotic_depth_01": field, "mixed_layer_depth": field / 2})
    sea = sea.assign_coords(depth=[0.0, 300.0])
    table = flux.fluxes(samples, ["ez", "mld"], covariates=sea)
    assert row(table, depth_kind="ez")["depth_m"] == 60 and row(table, depth_kind="mld")["depth_m"] == 30
    assert row(table, "B", depth_kind="ez")["reason"] == "land"
    assert "no covariate" in row(flux.fluxes(samples, ["ez"]))["reason"]


def test_missing_fluxes_and_sigmas_say_why(samples):
    """Below the last sample there is no flux; without sigmas there is a flux with a reason for its missing sigma."""
    table = flux.fluxes(samples, [50, 100])
    deep, shallow = row(table, "B", depth_m=100.0), row(table, "B", depth_m=50.0)
    assert deep["reason"] == "below the last sample" and deep["flag"] == 9
    assert shallow["reason"] == "no sigma of 234Th or 238U" and shallow["flag"] == 1
    assert np.isfinite(shallow["th234_flux"]) and np.isnan(shallow["th234_flux_sigma"])


def test_too_few_samples(samples):
    """A cast of two bottles gives no flux unless that is asked for."""
    two = samples[samples["cast_id"] == "B"].iloc[:2]
    assert flux.fluxes(two, [20])["reason"].tolist() == ["too few samples"]
    assert np.isfinite(flux.fluxes(two, [20], min_samples=2)["th234_flux"]).all()


def test_a_wide_gap_is_flagged(samples):
    """Nothing is known of the water in a wide gap: the flux below it stays, flagged."""
    samples.loc[4, "depth_m"] = 400.0
    found = flux.fluxes(samples, [100, 300], deep_tolerance=1.0)
    assert row(found, depth_m=100.0)["flag"] == 1
    assert row(found, depth_m=300.0)["flag"] == 3 and "gap" in row(found, depth_m=300.0)["reason"]


def test_deep_water_out_of_equilibrium_is_flagged(samples):
    """Ten per cent too much 234Th at depth is more than two sigma: flagged with the ratio, not scaled."""
    samples.loc[4, ["depth_m", "th234_total"]] = 350.0, 1.10 * thorium.u238_from_salinity(35.0)
    found = row(flux.fluxes(samples, [100], max_gap_m=500.0))
    assert found["flag"] == 3 and found["reason"] == "deep_equilibrium 1.10"
    samples.loc[4, "th234_total_sigma"] = 0.2  # within two sigma of 1
    assert row(flux.fluxes(samples, [100], max_gap_m=500.0))["flag"] == 1


def test_measured_uranium_wins(samples):
    """Measured 238U is taken before salinity, without the error of a relation; the source says so."""
    mixed = samples.assign(u238=[2.5, np.nan] + [2.5] * 6, u238_sigma=0.02)
    found = flux.fluxes(mixed, [30])
    assert found["u238_source"].tolist() == ["measured+owens2011", "measured"]
    assert row(found, "B")["sigma_common"] == 0
    assert set(flux.fluxes(mixed, [30], measured=False)["u238_source"]) == {"owens2011"}


def test_salinity_gaps_are_filled_and_absent_salinity_is_told(samples):
    """A missing salinity between two others is interpolated; a cast without any has no 238U."""
    samples.loc[1, "salinity"] = np.nan
    samples.loc[5:, "salinity"] = np.nan
    found, whole = flux.fluxes(samples, [60]), flux.fluxes(samples.assign(salinity=35.0), [60])
    assert row(found)["th234_flux"] == pytest.approx(row(whole)["th234_flux"])
    assert row(found, "B")["reason"] == "no 238U" and row(found, "B")["u238_source"] == ""


def test_casts_without_thorium_make_no_rows(samples):
    """A CTD cast is no failed flux."""
    samples.loc[5:, "th234_total"] = np.nan
    assert flux.fluxes(samples, [50])["cast_id"].tolist() == ["A"]
    assert flux.fluxes(samples.assign(th234_total=np.nan), [50, "equilibrium"]).columns.tolist() == flux.COLUMNS


@pytest.mark.parametrize("bad", [{"depths": ["ezz"]}, {"depths": [-5]}, {"relation": "owen"}, {"rule": "simpson"}])
def test_unknown_choices_are_refused(samples, bad):
    """A mistyped choice is one line that lists the right ones."""
    with pytest.raises(UserError, match=r"one of|unknown"):
        flux.fluxes(samples, **bad)


def test_choices_table(samples):
    """The reference does not differ from itself; Pates & Muir adds 171 per 100 m; density left out looks like flux."""
    table = flux.choices(samples.assign(temperature=10.0), 60)
    change = table[table["cast_id"] == "A"].set_index("choice")["change"]
    assert change["owens2011, trapezoid"] == 0
    assert change["238U: pates_muir2007"] == pytest.approx(171 * 0.6, abs=0.5)
    assert 60 < change["mistake: density left out"] < 120 and abs(change["density at depth"]) < 2


# --- Wide CSV --------------------------------------------------------------------------------------------

HEADER = "cruise,station,time,latitude,longitude,depth_m,th234_total,th234_total_sigma,salinity\n"
LINES = [
    "X1,007,2014-05-21T10:30,40.3,349.9,50,2.0,0.05,35.1\n",
    "X1,007,2014-05-21T10:30,40.3,349.9,10,1.8,0.05,35.0\n",
    "X1,007,2014-05-21T10:30,40.3,349.9,100,2.4,nd,35.2\n",
]


def write(tmp_path, text):
    """A file with this text."""
    path = tmp_path / "casts.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_wide_csv(tmp_path):
    """Rows in any order, blank lines, nd for missing, 0-360 longitudes; a station named 007 keeps its name."""
    samples = flux.read_samples(write(tmp_path, HEADER + "\n".join(LINES)))
    assert samples["depth_m"].tolist() == [10, 50, 100] and set(samples["station"]) == {"007"}
    np.testing.assert_allclose(samples["longitude"], -10.1)
    assert samples["cast_id"].iloc[0] == "X1/007/2014-05-21" and np.isnan(samples["th234_total_sigma"].iloc[2])
    assert flux.fluxes(samples, [50])["flag"].tolist() == [1]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("depth_m", "depth", "column depth_m is missing: rename the column 'depth'"),
        ("salinity", "sal", "u238 or salinity"),
        ("station", "cruise", "column cruise is there twice"),
        (",50,2.0,", ",50,2.0x,", "row 2, column th234_total: '2.0x' is no number"),
        (",10,1.8,", ",10,1800,", "row 3, column th234_total: '1800' is outside -0.5 to 6 dpm L-1: it may be dpm m-3"),
        (",10,1.8,", ",-10,1.8,", "row 3, column depth_m: '-10' is outside"),
        (",10,1.8,", ",,1.8,", "row 3, column depth_m: is empty"),
        ("40.3,349.9,100", "94,349.9,100", "row 4, column latitude"),
        ("2014-05-21T10:30,40.3,349.9,100", "yesterday,40.3,349.9,100", "row 4, column time: 'yesterday' is no time"),
    ],
)
def test_a_bad_wide_csv_is_one_clear_line(tmp_path, old, new, says):
    """File, row and column of what is wrong, and what would mend it."""
    path = write(tmp_path, (HEADER + "".join(LINES)).replace(old, new, 1))
    with pytest.raises(UserError) as caught:
        flux.read_wide_csv(path)
    message = str(caught.value)
    assert says in message and str(path) in message and "\n" not in message


def test_an_empty_or_absent_file_is_told(tmp_path):
    """No rows, nothing at all, no file."""
    for path in (write(tmp_path, HEADER), tmp_path / "nowhere.csv"):
        with pytest.raises(UserError, match=r"holds no samples|cannot be read|no file"):
            flux.read_samples(path)
    with pytest.raises(UserError):
        flux.read_samples(write(tmp_path, ""))


# --- A real section --------------------------------------------------------------------------------------


def independent_fluxes(path, target):
    """GA01 with pandas and gsw alone: DEPTH column, CTD salinity, density at p = 0, trapezoid, Owens 2011."""
    import gsw

    df = pd.read_csv(path, low_memory=False)
    df = df[df["Th_234_T_CONC_BOTTLE_mBq_kg_"].notna()].sort_values("DEPTH_m_")
    found = {}
    for station, cast in df.groupby("Station_METAVAR_INDEXED_TEXT"):
        s, t = cast["CTDSAL_D_CONC_SENSOR_pss_78_"], cast["CTDTMP_T_VALUE_SENSOR_degC_"]
        absolute = gsw.SA_from_SP(s, 0, cast["Longitude_degrees_east_"], cast["Latitude_degrees_north_"])
        th = cast["Th_234_T_CONC_BOTTLE_mBq_kg_"] * 0.06 * gsw.rho_t_exact(absolute, t, 0)
        deficit = 1000 * (0.0786 * s - 0.315) - th
        z = np.append(cast["DEPTH_m_"][cast["DEPTH_m_"] < target], target)
        d = np.interp(z, cast["DEPTH_m_"], deficit)
        found[str(station)] = np.log(2) / 24.10 * np.trapezoid(np.append(d[0], d), np.append(0.0, z))
    return found, len(df)


@pytest.mark.real
def test_ga01_against_an_independent_calculation(real_data):
    """12 casts, 172 samples of GEOVIDE from the raw file: within 1 % or 2 dpm m-2 d-1; sigma missing with a reason."""
    digitise = pytest.importorskip("seaofcarbon.digitise")
    from seaofcarbon import records

    path = real_data / "geotraces" / "GA01bottpump.csv"
    samples = records.to_samples(digitise.read(path).records)
    table = flux.fluxes(samples, [100.0])
    expected, n = independent_fluxes(path, 100.0)
    assert n == samples["th234_total"].notna().sum() == 172 and len(table) == len(expected) == 12
    wanted = table["station"].map(expected)
    assert ((table["th234_flux"] - wanted).abs() <= np.maximum(2.0, 0.01 * wanted.abs())).all()
    assert table["th234_flux_sigma"].isna().all() and table["reason"].str.contains("no sigma").all()


def test_records_without_thorium_are_refused(tmp_path):
    """Pumps alone, or fluxes that came as such, hold no profile of total 234Th: one line, no crash."""
    rows = {"variable": ["poc_flux"], "value": [3.0], "depth_m": [100.0], "cruise": ["A"], "station": ["1"]}
    records.write(records.conform(pd.DataFrame(rows)), tmp_path / "r.parquet")
    with pytest.raises(UserError, match="no usable total 234Th"):
        flux.read_samples(tmp_path / "r.parquet")
