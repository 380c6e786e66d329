"""From samples to a matrix: scales, ratios, doubles, and an account of every value."""

import numpy as np
import pandas as pd
import pytest

from learn_sea import SEED, covariates, table
from seaofcarbon.files import UserError
from seaofcarbon.learn import features
from seaofcarbon.vocabulary import TARGETS


def samples():
    """One cast with pump ratios at 50 and 200 m and a bottle at 100 m, and one without ratios."""
    return pd.DataFrame({
        "cast_id": ["a"] * 3 + ["b"], "source_id": "s", "cruise": "c", "station": list("1112"),
        "time": pd.Timestamp("2010-06-01"), "latitude": -20.0, "longitude": [-30.0] * 3 + [-60.0],
        "depth_m": [50.0, 100.0, 200.0, 100.0], "th234_total": [1.5, 2.0, 2.4, 2.2], "th234_total_sigma": 0.1,
        "poc_large": [0.8, np.nan, 0.2, np.nan], "th234_particulate_large": [0.1, np.nan, 0.1, np.nan],
        "poc_small": 2.0, "th234_particulate_small": 0.3,
    })  # fmt: skip


def fluxes():
    """234Th fluxes at 100 m: positive, negative, flagged, and at a depth that is not fixed."""
    df = samples().iloc[[0, 3, 0, 0]].reset_index(drop=True)[features.KEYS]
    return df.assign(
        depth_m=[100.0, 100.0, 150.0, 80.0], depth_kind=["fixed", "fixed", "fixed", "equilibrium"],
        th234_flux=[1000.0, -300.0, 900.0, 800.0], th234_flux_sigma=100.0, method="th234_ss", flag=[1, 1, 3, 1],
    )  # fmt: skip


def records():
    """Compiled POC fluxes: a double of two sources, a zero, a trap, a deep one."""
    values = [(10.0, 4.0, "th234_unspecified", 100.0), (10.04, 5.0, "th234_unspecified", 100.0),
              (11.0, 0.0, "th234_unspecified", 100.0), (12.0, 9.0, "trap", 100.0),
              (13.0, 3.0, "th234_unspecified", 400.0)]  # fmt: skip
    lat, value, method, depth = map(list, zip(*values, strict=True))
    return pd.DataFrame({
        "source_id": "m", "cruise": "", "station": "", "time": pd.Timestamp("1992-05-03"),
        "latitude": lat, "longitude": -140.0, "depth_m": depth, "variable": "poc_flux",
        "method": method, "value": value, "sigma": np.nan, "flag": 2,
    })  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_scale_round_trip(target):
    """inverse(transform(x)) is x, and float32 stays float32."""
    values = np.array([0.01, 0.5, 3.0, 800.0, 5000.0]) * (np.array([-1, 1, 1, 1, -1]) if target == "th234_flux" else 1)
    assert np.allclose(features.inverse(features.transform(values, target), target), values, rtol=1e-12)
    assert features.inverse(np.float32([0.5]), target).dtype == np.float32


def test_longitude_and_day_are_circular():
    """1 W is 359 E, and the last of December stands beside the first of January."""
    df = (
        table(n_cruises=2)
        .iloc[:2]
        .assign(longitude=[-1.0, 359.0], time=pd.to_datetime(["2009-12-31T23:00", "2010-01-01T01:00"]))
    )
    a, b = features.matrix(df, ["longitude_sin", "longitude_cos", "day_sin", "day_cos"])
    assert np.allclose(a, b, atol=1e-2)


def test_the_day_is_that_of_the_hemisphere():
    """A southern day is the northern one half a year later; at the equator the calendar counts; no edge between."""
    day = pd.Timestamp("2009-01-10") + pd.to_timedelta([0, 182.625, 0, 0, 0], unit="D")
    df = table(n_cruises=2).iloc[:5].assign(latitude=[40.0, -40.0, 5.0, -5.0, -10.01], time=day)
    season = features.matrix(df, ["day_sin", "day_cos"])
    assert np.allclose(season[0], season[1], atol=1e-2)
    assert np.allclose(season[2], season[3])
    assert np.allclose(season[3], season[4], atol=1e-2)


def test_matrix_is_what_models_are_fast_on_and_names_what_is_missing():
    """float32, C order; a missing column is named."""
    X = features.matrix(table(n_cruises=3), SEED)
    assert X.dtype == np.float32
    assert X.flags.c_contiguous
    with pytest.raises(UserError, match="no column npp"):
        features.matrix(table(n_cruises=3).drop(columns="npp"), SEED)


def test_ratio_is_interpolated_within_the_cast_only():
    """Log-log interpolation of each of many casts equals numpy's, cast by cast; never beyond the samples."""
    rng = np.random.default_rng(0)
    cast = np.repeat([f"c{k}" for k in range(30)], 4)
    depth = np.tile([10.0, 40, 90, 220], 30) * rng.uniform(0.9, 1.1, 120)
    ratio = np.exp(rng.normal(1, 1, 120))
    mixed = rng.permutation(120)
    got = features.interpolate_ratio(cast[mixed], depth[mixed], cast, np.full(120, 100.0), ratio[mixed])
    expected = [np.exp(np.interp(np.log(100), np.log(depth[cast == c]), np.log(ratio[cast == c]))) for c in cast]
    assert np.allclose(got, expected)
    assert np.isnan(features.interpolate_ratio(cast, depth, cast[:1], [300.0], ratio)).all()
    at_sample = features.interpolate_ratio(cast, depth, cast, depth, ratio)
    assert np.allclose(at_sample, ratio)


def test_ratios_come_from_large_particles_only():
    """C:234Th is large POC over large 234Th; small and large are never added (a peer does)."""
    values = features.values_by_target(samples(), fluxes(), records())
    assert np.allclose(features.for_target(values, "c_th")["value"], [8.0, 2.0])


def test_poc_flux_of_a_cast_is_flux_times_its_own_ratio():
    """1000 dpm m-2 d-1 times the ratio at 100 m (4, between 8 and 2) is 4 mmol m-2 d-1."""
    values = features.values_by_target(samples(), fluxes(), records().iloc[:0])
    assert np.allclose(features.for_target(values, "poc_flux")["value"].iloc[0], 4.0)


def test_account_adds_up_and_doubles_are_merged():
    """Every value found is kept or counted where it was left; 4 and 5 at one place and day become 4.5."""
    made, account = features.training_table(samples(), fluxes(), records(), covariates(), SEED, 1000.0)
    steps = account.pivot(index="target", columns="step", values="rows")
    left = steps.drop(columns=["values found", "kept for learning"]).sum(axis=1)
    assert (steps["values found"] == left + steps["kept for learning"]).all()
    assert steps.loc["poc_flux", "not above zero (no logarithm)"] == 1
    assert steps.loc["th234_flux", "flagged as questionable or bad"] == 1
    assert features.for_target(made, "th234_flux")["value"].tolist() == [1000.0, -300.0]
    assert steps.loc["poc_flux", "below 250 m"] == 1
    assert sorted(features.for_target(made, "poc_flux")["value"].round(6)) == [4.0, 4.5]
    assert features.matrix(made, SEED).shape == (len(made), len(SEED))


def test_point_on_land_is_counted_not_filled():
    """A cast in the middle of the only continent has no sea within 300 km."""
    inland = samples().assign(latitude=[40.0, 40.0, 40.0, 41.0], longitude=30.0)
    _, account = features.training_table(inland, fluxes().iloc[:0], records().iloc[:0], covariates(), SEED, 300.0)
    assert account.set_index(["target", "step"]).loc[("th234_total", "on land"), "rows"] == 4


def test_enough_needs_values_and_campaigns():
    """12 casts of 172 samples are no training set: 100 values in 20 campaigns are asked for."""
    counts = features.enough(pd.concat([table(n_cruises=40), table(n_cruises=5, target="c_th", casts=9)]))
    assert counts.set_index("target")["enough"].to_dict() == {
        "th234_flux": True, "c_th": False, "poc_flux": False, "th234_total": False,
    }  # fmt: skip


def test_weights_hold_large_campaigns_back():
    """Four times as many rows weigh twice as much together, and the mean weight is 1."""
    df = pd.DataFrame({"campaign": [0] * 4 + [1] * 16})
    weight = features.weights(df)
    assert weight.mean() == pytest.approx(1.0)
    assert weight[4:].sum() / weight[:4].sum() == pytest.approx(2.0)


def test_random_places_are_in_the_sea_and_coasts_have_their_share():
    """No place lies in a cell of land, and each band of the sea has places by its area."""
    sea = covariates()
    points = features.random_sea(20000, sea, SEED, [100.0], 1)
    known = sea["sst"].notnull().any("month")
    place = {n: points[c].to_xarray() for n, c in (("lat", "latitude"), ("lon", "longitude"))}
    assert known.sel(place, method="nearest").all()
    area = np.cos(np.radians(known["lat"])) * known
    beside = known & ~known.rolling(lon=3, center=True, min_periods=1).min().astype(bool)  # east and west of land
    share = float(area.where(beside, 0).sum() / area.sum())
    assert share > 0
    assert float(beside.sel(place, method="nearest").mean()) == pytest.approx(share, abs=0.015)


def test_fingerprint_follows_the_data():
    """Another value, another row or another feature set gives another name of the study."""
    df = table(n_cruises=5)
    mark = features.fingerprint(df, SEED)
    assert mark == features.fingerprint(df.copy(), SEED)
    assert mark != features.fingerprint(df.assign(value=df["value"] + 1e-9), SEED)
    assert mark != features.fingerprint(df, SEED[1:])


def test_unit_of_the_file_does_not_matter(tmp_path):
    """The same casts in dpm/L and in Bq/m3: the same values to learn from, to rounding."""
    from seaofcarbon import digitise, flux, records

    found = []
    for name, unit, factor in (("a", "dpm/L", 1.0), ("b", "Bq/m3", 1000 / 60)):
        rows = [
            f"C1,S1,2015-06-01,40,-20,{z},{factor * th:.12g},{factor * 0.05:.12g},{factor * 2.4:.12g}"
            for z, th in ((10, 1.5), (40, 1.7), (80, 2.0), (120, 2.4))
        ]
        head = "cruise,station,date,latitude,longitude,depth [m],"
        head += f"total_234Th [{unit}],total_234Th_sd [{unit}],238U [{unit}]"
        path = tmp_path / name / "cast.csv"
        path.parent.mkdir()
        path.write_text("\n".join([head, *rows]) + "\n")
        archive = digitise.read_many([path]).records
        samples = records.to_samples(archive)
        found.append(features.values_by_target(samples, flux.fluxes(samples, [50, 100]), archive))
    assert len(found[0]) == 6 and set(found[0]["target"]) == {"th234_flux", "th234_total"}
    np.testing.assert_allclose(found[1]["value"], found[0]["value"], rtol=1e-9)
