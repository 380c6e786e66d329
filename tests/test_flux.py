"""The table of fluxes: contract, flags and reasons, depths of a cast, wide CSV files, a real section."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from seaofcarbon import cli, files, flux, records, thorium
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
    parts = found[["sigma_measurement", "sigma_common", "sigma_integration"]].astype(float)
    assert found["th234_flux_sigma"] == pytest.approx(np.sqrt((parts**2).sum()))
    assert (found["n_samples"], found["flag"], found["reason"], found["u238_source"]) == (3, 1, "", "owens2011")


def test_depths_of_the_cast_itself(samples):
    """Equilibrium where the deficit ends; the production zone where fluorescence falls to a tenth of its maximum."""
    table = flux.fluxes(samples, ["equilibrium", "ppz"])
    assert row(table, depth_kind="equilibrium")["depth_m"] == pytest.approx(80)
    assert row(table, depth_kind="ppz")["depth_m"] == pytest.approx(100)  # 0.2 at 80 m, 0 at 120 m: 0.1 half-way
    assert row(table, "B", depth_kind="equilibrium")["reason"] == "no equilibrium above the last sample"
    assert "fluorescence" in row(table, "B", depth_kind="ppz")["reason"]


def sea_of(**fields):
    """Fields that are the same all year in two cells: that of cast A, and one that is nearest to B if it is sea."""
    field = xr.DataArray(np.full((12, 1, 2), 60.0), {"month": np.arange(1, 13), "lat": [0.5], "lon": [0.5, 1.5]},
                         ("month", "lat", "lon"))  # fmt: skip
    sea = xr.Dataset({"sst": field, "euphotic_depth_01": field, "mixed_layer_depth": field / 2})
    sea = sea.assign({name: (("lat", "lon"), [values]) for name, values in fields.items()})
    return sea.assign_coords(depth=[0.0, 300.0])


def test_depths_from_the_sea_around(samples):
    """Ez is the 0.1 % depth and the mixed layer is the climatology's; on land, or without covariates, a reason."""
    table = flux.fluxes(samples, ["ez", "mld"], covariates=sea_of())
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


def test_near_words_are_suggested():
    """A slip in the name of a depth is answered with the name."""
    with pytest.raises(UserError, match="did you mean equilibrium"):
        flux.parse_depths(["equilibrum"])


def test_shelf_is_flagged_and_the_flux_stays(samples):
    """A bottom above 200 m, or within 50 m of the cast; a cast far below the bottom of the grid disproves the grid."""
    sea = sea_of(bottom_depth=[240.0, 5000.0])
    table, plain = flux.fluxes(samples, [50], covariates=sea), flux.fluxes(samples, [50])
    assert row(table)["flag"] == 3 and row(table)["reason"] == "shelf"
    assert "shelf" not in row(table, "B")["reason"]
    pd.testing.assert_series_equal(table["th234_flux"], plain["th234_flux"])
    for bottom, word in ((260.0, ""), (199.0, "shelf"), (100.0, "")):
        assert row(flux.fluxes(samples, [50], covariates=sea_of(bottom_depth=[bottom, 5000.0])))["reason"] == word


def test_replicates_are_told_and_copies_count_once(samples):
    """Two values at one depth are averaged, in words; a row that is there twice is one sample, with its sigma."""
    twice = pd.concat([samples, samples.iloc[[1]].assign(th234_total=1.7)], ignore_index=True)
    copied = pd.concat([samples, samples.iloc[[1]]], ignore_index=True)
    found, plain = flux.fluxes(twice, [80]), flux.fluxes(samples, [80])
    assert row(found)["reason"] == "replicates averaged" and row(found)["flag"] == 1
    assert row(found)["sigma_measurement"] < row(plain)["sigma_measurement"]
    found = flux.fluxes(copied, [80])
    assert row(found)["reason"] == "copied samples counted once"
    assert row(found)["th234_flux_sigma"] == pytest.approx(row(plain)["th234_flux_sigma"])


def test_order_of_the_samples_means_nothing(samples):
    """Unsorted files give the same table."""
    shuffled = samples.iloc[[3, 0, 4, 2, 1, 7, 5, 6]]
    pd.testing.assert_frame_equal(flux.fluxes(shuffled, [50, 100]), flux.fluxes(samples, [50, 100]))


def test_impossible_values_are_refused(samples):
    """Activities in dpm m-3, a salinity of 350: one line with cast, depth and what to do; noise below 0 is possible."""
    for name, values, words in (
        ("th234_total", samples["th234_total"] * 1000, r"cast A, 10 m: th234_total is 16\d\d.*divide the col"),
        ("u238", 2436.0, "divide the column by 1000"), ("salinity", 350.0, "outside 0 to 45: mend it"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=words):
            flux.fluxes(samples.assign(**{name: values}))
    assert np.isfinite(row(flux.fluxes(samples.assign(th234_total=-0.02), [50]))["th234_flux"])


def test_choices_table(samples):
    """The reference does not differ from itself; Pates & Muir adds 171 per 100 m; density left out looks like flux."""
    table = flux.choices(samples.assign(temperature=10.0), 60)
    change = table[table["cast_id"] == "A"].set_index("choice")["change"]
    assert change["owens2011, trapezoid"] == 0
    assert change["238U: pates_muir2007"] == pytest.approx(171 * 0.6, abs=0.5)
    assert 60 < change["mistake: density left out"] < 120 and abs(change["density at depth"]) < 2


# --- Two occupations ------------------------------------------------------------------------------------------


def visit(samples, name, days, km=0.0, **values):
    """Cast A again, so many days later and km to the north, with other values."""
    again = samples[samples["cast_id"] == "A"].assign(cast_id=name, station=name, **values)
    again["time"] += pd.Timedelta(days=days)
    return again.assign(latitude=again["latitude"] + km / 111.2)


def test_revisits_finds_the_planted_pairs(samples):
    """The nearest earlier cast in the window, the longest ago among equals, and none of another water mass."""
    warm = samples.assign(temperature=10.0)
    casts = pd.concat([
        warm, visit(warm, "A20", 20), visit(warm, "A35", 35, km=1), visit(warm, "A41", 41, km=30),
        visit(warm, "far", 20, km=90), visit(warm, "late", 200), visit(warm, "front", 42, temperature=12.0),
        visit(warm, "warm", 22, temperature=12.5),
    ])  # fmt: skip
    found = flux.revisits(casts).set_index("cast_id")
    # A35 could go with A20 too, which is as near; A41 is 29 km from A35, too soon; far is nearer to no one
    assert found["earlier_id"].to_dict() == {"A20": "A", "A35": "A", "A41": "A", "front": "warm"}
    assert found.loc["A35", "interval_d"] == 35 and found.loc["A35", "distance_km"] == pytest.approx(1, rel=0.01)
    order = np.random.default_rng(0).permutation(len(casts))
    again = flux.revisits(casts.iloc[order]).sort_values("cast_id", ignore_index=True)
    pd.testing.assert_frame_equal(again, flux.revisits(casts).sort_values("cast_id", ignore_index=True))


def test_non_steady_table(samples):
    """Equal occupations give the steady state; casts that were not revisited say so; short intervals are flagged."""
    casts = pd.concat([samples, visit(samples, "A20", 20), visit(samples, "A26", 26)])
    found, steady = (flux.fluxes(casts, [50, 100], method=method, window_d=(3, 60)) for method in ("nss", "ss"))
    assert list(found.columns) == [*flux.COLUMNS, "earlier_id", "interval_d", "distance_km"] and set(
        found["method"]
    ) == {"th234_nss"}
    for name in ("A20", "A26"):
        for depth in (50.0, 100.0):
            one = row(found, name, depth_m=depth)
            assert one["th234_flux"] == pytest.approx(row(steady, name, depth_m=depth)["th234_flux"])
            assert one["sigma_measurement"] > 1.5 * row(steady, name, depth_m=depth)["sigma_measurement"]
    assert row(found, "A20", depth_m=50.0)["interval_d"] == 20 and row(found, "A20", depth_m=50.0)["flag"] == 1
    alone = found[found["cast_id"].isin(["A", "B"])]
    assert set(alone["reason"]) == {"no earlier occupation within 3 to 60 d and 50 km"} and set(alone["flag"]) == {9}
    soon = flux.fluxes(casts[casts["cast_id"] != "A"], [50], method="nss", window_d=(3, 60))
    assert row(soon, "A26")["reason"] == "nss_noise" and row(soon, "A26")["flag"] == 3


def test_visits_across_the_date_line_and_what_was_not_checked(samples):
    """Two visits 2 km apart across the date line are a pair; without T and S nobody compared the water."""
    here = samples.assign(longitude=179.99, u238=2.4).drop(columns="salinity")
    there = visit(here, "back", 20).assign(longitude=-179.99)
    found = row(flux.fluxes(pd.concat([here, there]), [50], method="nss"), "back")
    assert found["earlier_id"] == "A" and found["distance_km"] == pytest.approx(2.22, rel=0.01)
    assert "water mass not checked" in found["reason"] and found["flag"] == 1
    salty = pd.concat([part.assign(salinity=35.0) for part in (here, there)])
    assert "not checked" not in row(flux.fluxes(salty, [50], method="nss"), "back")["reason"]


def test_far_visits_are_questionable(samples):
    """30 km apart may be the next station of a survey; a cast alone without an equilibrium depth says the latter."""
    deficit = samples.assign(th234_total=1.5)
    found = flux.fluxes(pd.concat([deficit, visit(deficit, "A20", 20, km=30)]), [50, "equilibrium"], method="nss")
    assert row(found, "A20", depth_kind="fixed")["flag"] == 3
    assert row(found, "A20", depth_kind="fixed")["reason"] == "nss_distance"
    assert row(found, "B", depth_kind="equilibrium")["reason"] == "no equilibrium above the last sample"


def test_non_steady_uses_the_earlier_occupation(samples):
    """With more 234Th before, more has sunk: the layer formula, by hand, on a constant profile."""
    before = samples.assign(th234_total=1.8)
    found = flux.fluxes(pd.concat([before, visit(before, "later", 20, th234_total=1.5)]), [100], method="nss")
    u = float(1000 * thorium.u238_from_salinity(35.0))
    expected = thorium.non_steady_layer(u, 1800, 1500, 20, 100)
    assert row(found, "later")["th234_flux"] == pytest.approx(float(expected), rel=1e-9)
    shallow = sea_of(bottom_depth=[100.0, 5000.0])
    doubted = pd.concat([before[before["depth_m"] < 100], visit(before, "later", 20)])
    assert "earlier occupation: shelf" in row(flux.fluxes(doubted, [50], covariates=shallow, method="nss"), "later")[
        "reason"]  # fmt: skip
    short = pd.concat([before[before["depth_m"] < 100], visit(before, "later", 20)])
    assert "the earlier occupation" in row(flux.fluxes(short, [100], method="nss"), "later")["reason"]


@pytest.mark.parametrize("bad", [{"min_days": 1}, {"min_days": 60, "max_days": 10}, {"max_km": 0}])
def test_windows_that_make_no_sense_are_refused(samples, bad):
    """Days under three multiply the noise by more than 16."""
    with pytest.raises(UserError, match="give"):
        flux.revisits(samples, **bad)


# --- Upwelling, divergence, budget ----------------------------------------------------------------------------


def test_upwelling_is_stated(samples):
    """A rate for all casts, or for each with its error; the reason tells it, and a cast without a rate has no flux."""
    still, found = flux.fluxes(samples, [80]), flux.fluxes(samples, [80], upwelling_m_d=0.5)
    gained = row(found)["th234_flux"] - row(still)["th234_flux"]
    assert gained == pytest.approx(0.5 * 800) and row(found)["flag"] == 1
    assert row(found)["reason"] == "upwelling 0.5 m d-1"
    one = flux.fluxes(samples, [50], upwelling_m_d=(pd.Series({"A": 0.5}), 0.2), diffusivity_m2_d=0.864)
    assert row(one)["reason"] == "upwelling 0.5 m d-1 (sigma 0.2); diffusivity 0.864 m2 d-1"
    assert row(one, "B")["reason"].startswith("no rate") and row(one, "B")["flag"] == 9
    for bad in ({"diffusivity_m2_d": -1.0}, {"upwelling_m_d": (1.0, -0.1)}, {"upwelling_m_d": (1.0, 0.1, 2.0)}):
        with pytest.raises(UserError, match="give"):
            flux.fluxes(samples, **bad)


def test_divergence_is_the_difference_of_two_fluxes(samples):
    """What is lost between 80 and 200 m, surer than the two fluxes apart; per metre; words for what cannot be."""
    lost = row(flux.divergence(samples, 80, 200))
    upper, lower = (row(flux.fluxes(samples, [z])) for z in (80, 200))
    assert lost["remineralisation"] == pytest.approx(upper["th234_flux"] - lower["th234_flux"])
    assert lost["remineralisation_per_m"] == pytest.approx(lost["remineralisation"] / 120)
    assert lost["sigma_common"] == pytest.approx(thorium.decay_constant() * 47 * 120)
    assert lost["remineralisation_sigma"] < np.hypot(upper["th234_flux_sigma"], lower["th234_flux_sigma"])
    assert row(flux.divergence(samples, "equilibrium", 200))["upper_m"] == pytest.approx(80)
    assert row(flux.divergence(samples, 80, 20))["reason"] == "the upper depth is below the lower one"
    assert row(flux.divergence(samples, 80, 300))["reason"] == "below the last sample"


def test_budget_by_hand(samples):
    """Inventory over flux is the residence time; the deficit is what lambda turns into the flux."""
    found = row(flux.budget(samples, [40]))
    u = 1000 * float(thorium.u238_from_salinity(35.0))
    assert found["deficit_inventory"] == pytest.approx(800 * 40)
    assert found["th234_inventory"] == pytest.approx((u - 800) * 40)
    assert found["residence_time_d"] == pytest.approx((u - 800) / 800 / thorium.decay_constant())
    assert np.isnan(row(flux.budget(samples, [300]))["th234_inventory"])


# --- Labelled arrays ------------------------------------------------------------------------------------------


def grid_of(samples, factor=1.0, units="dpm L-1"):
    """The two casts as a grid (cast, depth) with gaps; S = 35, one 238U measured."""
    wide = samples.assign(u238=[2.5] + [np.nan] * 7, u238_sigma=[0.05] + [np.nan] * 7).pivot(
        index="cast_id", columns="depth_m"
    )
    names = ("th234_total", "th234_total_sigma", "u238", "u238_sigma", "salinity")
    scale = {name: 1.0 if name == "salinity" else factor for name in names}
    return xr.Dataset(
        {n: (("cast", "depth"), scale[n] * wide[n].to_numpy(float), {"units": "1" if n == "salinity" else units})
         for n in names}, {"cast": ["A", "B"], "depth": np.unique(samples["depth_m"])},
    )  # fmt: skip


def test_grids_give_the_fluxes_of_tables(samples):
    """The same numbers in memory, in blocks, in other units, with more dimensions and depths that follow the bottom."""
    table = flux.fluxes(samples.assign(u238=[2.5] + [np.nan] * 7, u238_sigma=[0.05] + [np.nan] * 7), [50.0, 150])
    grid = grid_of(samples)
    found = flux.from_dataset(grid, [50.0, 150])
    names = ["th234_flux", "th234_flux_sigma", "sigma_measurement", "sigma_common", "sigma_integration"]
    for name in names:
        grid_name = name.replace("sigma_", "th234_flux_sigma_")
        np.testing.assert_allclose(found[grid_name].to_numpy().ravel(), table[name], rtol=1e-9)
        assert found[grid_name].attrs["units"] == "dpm m-2 d-1"
    words = found["reason"].attrs["flag_meanings"].split()
    assert words[found["reason"].sel(cast="B", target_depth=150).item()] == "below_the_last_sample"
    sloping = grid.rename_dims(depth="s").reset_index("depth").reset_coords("depth")
    sloping["depth"] = sloping["depth"] + xr.zeros_like(grid["cast"], dtype=float)
    others = {
        "blocks": flux.from_dataset(grid.chunk({"cast": 1, "depth": 2}), [50.0, 150]),
        "dpm m-3": flux.from_dataset(grid_of(samples, 1000.0, "dpm m-3"), [50.0, 150]),
        "Bq m-3": flux.from_dataset(grid_of(samples, 1000 / 60, "Bq m-3"), [50.0, 150]),
        "months": flux.from_dataset(grid.expand_dims(month=[1, 2]), [50.0, 150]).isel(month=1),
        "levels of their own": flux.from_dataset(sloping, [50.0, 150], level="s"),
    }  # fmt: skip
    assert others["blocks"].chunks
    for name, other in others.items():
        np.testing.assert_allclose(other["th234_flux"], found["th234_flux"], rtol=1e-9, err_msg=name)
        np.testing.assert_allclose(other["th234_flux_sigma"], found["th234_flux_sigma"], rtol=1e-9, err_msg=name)


def test_grids_that_say_too_little_are_refused(samples):
    """No unit, an unknown one, heights for depths, no uranium: one line each."""
    grid = grid_of(samples)
    bad = {
        "units ''": grid.assign(th234_total=grid["th234_total"].drop_attrs()),
        "units 'dpm/kg'": grid.assign(th234_total=grid["th234_total"].assign_attrs(units="dpm/kg")),
        "outside -0.5 to 6": grid.assign(th234_total=(1000 * grid["th234_total"]).assign_attrs(units="dpm L-1")),
        "positive down": grid.assign_coords(depth=-grid["depth"]),
        "salinity is -999, outside": grid.assign(salinity=0 * grid["salinity"] - 999),
        "th234_total_sigma is -0.05": grid.assign(th234_total_sigma=-grid["th234_total_sigma"]),
        "no salinity or u238": grid.drop_vars(["u238", "salinity"]),
        "level=...": grid.rename_dims(depth="s").assign_coords(depth=0.0),
    }  # fmt: skip
    for words, ds in bad.items():
        with pytest.raises(UserError, match=words):
            flux.from_dataset(ds)


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
    samples, _ = flux.read_samples(write(tmp_path, HEADER + "\n".join(LINES)))
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
    ],
)
def test_a_wide_csv_without_its_columns_is_one_clear_line(tmp_path, old, new, says):
    """File and column of what is wrong, and what would mend it."""
    path = write(tmp_path, (HEADER + "".join(LINES)).replace(old, new, 1))
    with pytest.raises(UserError) as caught:
        flux.read_wide_csv(path)
    message = str(caught.value)
    assert says in message and str(path) in message and "\n" not in message


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (",50,2.0,", ",50,2.0x,", "2 th234_total is no number"),
        (",10,1.8,", ",10,1800,", "3 th234_total is outside -0.5 to 6 dpm L-1: it may be dpm m-3"),
        ("35.0\n", "350\n", "3 salinity is outside 0 to 45"),
        (",10,1.8,", ",-10,1.8,", "3 depth_m is outside"),
        (",10,1.8,", ",,1.8,", "3 depth_m is empty"),
        ("40.3,349.9,100", "94,349.9,100", "4 latitude"),
        ("2014-05-21T10:30,40.3,349.9,100", "yesterday,40.3,349.9,100", "4 time is no time"),
    ],
)
def test_a_bad_row_of_a_wide_csv_is_set_aside(tmp_path, old, new, says):
    """Row, column and reason of what cannot be read; the other rows are samples. Alone, it is one clear line."""
    path = write(tmp_path, (HEADER + "".join(LINES)).replace(old, new, 1))
    samples, set_aside = flux.read_wide_csv(path)
    (cell,) = set_aside.itertuples()
    assert f"{cell.row} {cell.column} {cell.reason}".startswith(says)
    assert len(samples) == 2 and cell.cast_id == samples["cast_id"].iloc[0]
    lines = path.read_text().splitlines()
    with pytest.raises(UserError, match="row 2, column .*no row can be read") as caught:
        flux.read_wide_csv(write(tmp_path, f"{lines[0]}\n{lines[cell.row - 1]}\n"))
    assert "\n" not in str(caught.value)


def test_the_command_line_says_which_rows_it_left_out(tmp_path, capsys):
    """Two bad cells in a row and one in another station: three lines, two casts, and fluxes of the other bottles."""
    lines = [f"X1,{station},2014-05-01,40.3,-10.1,{z},1.8,0.05,35\n" for station in "12" for z in (0, 50, 100, 150)]
    lines[1] = lines[1].replace("1.8,0.05", "1.8x,-1")
    lines[6] = lines[6].replace("2014-05-01", "soon")
    out = tmp_path / "fluxes.csv"
    assert cli.main(["flux", str(write(tmp_path, HEADER + "".join(lines))), "--out", str(out)]) == 1
    assert "2 rows of 2 casts set aside" in capsys.readouterr().err
    assert files.read_csv(out)["n_samples"].tolist() == [2, 3]  # those down to 100 m, and the next
    cells = files.read_csv(tmp_path / "fluxes-rejects.csv")
    assert cells[["row", "column", "value"]].to_numpy().tolist() == [
        [3, "th234_total", "1.8x"], [3, "th234_total_sigma", "-1"], [8, "time", "soon"]]  # fmt: skip


def test_the_command_line_pairs_visits_and_says_what_has_no_sigma(tmp_path, capsys):
    """Two visits in one file, 238U without its sigma: a flux between them, and a word on the terminal."""
    lines = [
        f"X1,{station},2014-05-{day},40.3,-10.1,{depth},{th},0.05,2.4\n"
        for station, day, th in (("1", "01", 1.8), ("2", "21", 1.5)) for depth in (0, 50, 100)
    ]  # fmt: skip
    path = write(tmp_path, HEADER.replace("salinity", "u238") + "".join(lines))
    out = tmp_path / "fluxes.csv"
    assert cli.main(["flux", str(path), "--out", str(out), "--method", "nss", "--window", "5,30", "--radius", "9"]) == 0
    assert "no sigma of 238U for 2 casts" in capsys.readouterr().err
    found = files.read_csv(out).set_index("station")
    assert found["th234_flux"].iloc[1] == pytest.approx(3698.2313249699805)
    assert found["reason"].tolist() == [
        "no earlier occupation within 5 to 30 d and 9 km",
        "no sigma of 234Th or 238U; water mass not checked"]  # fmt: skip
    assert cli.main(["flux", str(path), "--out", str(out), "--upwelling", "1,0.3", "--diffusivity", "0.9"]) == 0
    assert files.read_csv(out)["reason"].str.endswith("upwelling 1 m d-1 (sigma 0.3); diffusivity 0.9 m2 d-1").all()


def test_an_empty_or_absent_file_is_told(tmp_path):
    """No rows, nothing at all, no file."""
    for path in (write(tmp_path, HEADER), tmp_path / "nowhere.csv"):
        with pytest.raises(UserError, match=r"holds no samples|cannot be read|is not there"):
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


# --- What must not pass without a word --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("th234_total_sigma", -0.05, "outside 0 to 6 dpm L-1"), ("th234_total_sigma", 1e20, "outside 0 to 6 dpm L-1"),
        ("salinity", -999.0, "salinity is -999"), ("depth_m", np.nan, "depth_m is nan"),
        ("depth_m", -5.0, "depth_m is -5"),
        ("depth_m", 1e20, "outside 0 to 11500 m"),
    ],
)  # fmt: skip
def test_one_absurd_value_is_refused_not_spread(samples, name, value, words):
    """A fill value would take the digits of all other casts, or drop a bottle: the cast is named."""
    samples.loc[2, name] = value
    with pytest.raises(UserError, match=f"cast A.*{words}"):
        flux.fluxes(samples, [100])


def test_a_deep_first_sample_is_doubted(samples):
    """One bottle at 140 m says little of the 140 m above it."""
    deep = samples.assign(depth_m=samples["depth_m"] + 45)
    found = row(flux.fluxes(deep, [100]))
    assert found["flag"] == 3 and found["reason"] == "no sample above 50 m"


def test_interpolated_salinity_is_told_and_has_a_limit(samples):
    """Between neighbours up to 50 m away salinity is interpolated, and the row says so; further away it is missing."""
    samples.loc[1, "salinity"] = np.nan
    assert row(flux.fluxes(samples, [80]))["reason"] == "salinity interpolated"
    samples.loc[3, "salinity"] = np.nan  # 40 m below and 80 m above a known one
    assert row(flux.fluxes(samples, [150]))["n_samples"] == 5
    samples.loc[4, "salinity"] = np.nan  # 120 m below
    assert row(flux.fluxes(samples, [150]))["reason"] == "no 238U"


def test_replicates_that_disagree_are_flagged(samples):
    """Two values of 0.05 dpm L-1 sigma that differ by 0.9 cannot both be right; by 0.1 they can."""
    for apart, flag, words in ((0.9, 3, "replicates disagree; replicates averaged"), (0.1, 1, "replicates averaged")):
        twice = samples.iloc[[2]].assign(th234_total=samples.loc[2, "th234_total"] + apart)
        found = row(flux.fluxes(pd.concat([samples, twice]), [80]))
        assert (found["flag"], found["reason"]) == (flag, words)


def as_records(samples):
    """The same samples as records of total 234Th and salinity."""
    long = [
        samples.assign(variable=name, value=samples[name], sigma=samples.get(f"{name}_sigma", np.nan), unit=unit)
        for name, unit in (("th234_total", "dpm L-1"), ("salinity", "1"))
    ]
    return records.conform(pd.concat(long, ignore_index=True).assign(flag=1, sigma_kind="1sd"))


def test_replicates_and_left_out_records_on_the_way_through_the_archive(samples, tmp_path, capsys):
    """What `to_samples` averages is told; flagged records and those without a day are listed, with exit code 1."""
    archive = as_records(samples)
    again = archive[archive["depth_m"] == 80].iloc[[0]].assign(value=2.9, locator="again")
    flagged = archive[(archive["depth_m"] == 40) & (archive["variable"] == "th234_total")].assign(flag=4)
    undated = archive[(archive["station"] == "2") & (archive["depth_m"] == 60)].assign(time=pd.NaT)
    archive = pd.concat([archive.drop([*flagged.index, *undated.index]), again, flagged, undated])
    records.write(records.conform(archive.drop(columns="record_id")), tmp_path / "r.parquet")
    out = tmp_path / "f.csv"
    assert cli.main(["flux", str(tmp_path / "r.parquet"), "--depth", "80", "--out", str(out)]) == 1
    assert "2 records of total 234Th left out" in capsys.readouterr().err
    assert files.read_csv(tmp_path / "f-rejects.csv")["reason"].tolist() == ["flag 4", "no time"]
    found = files.read_csv(out).set_index("station").loc[1]
    assert found["flag"] == 3 and "replicates disagree; replicates averaged" in found["reason"]


def test_choices_use_the_same_bottles(samples):
    """A bottle without temperature leaves every choice, so that density is not blamed for it; nor does it crash."""
    warm = samples.assign(temperature=12.0)
    warm.loc[1, "temperature"] = np.nan
    changes = flux.choices(warm, 80.0).set_index(["cast_id", "choice"])["change"]
    assert abs(changes["A", "density at depth"]) < 20
    warm.loc[warm["cast_id"] == "B", "temperature"] = np.nan
    assert set(flux.choices(warm, 50.0)["cast_id"]) == {"A"}


def test_negative_thorium_and_lost_bottles_are_told(samples):
    """-0.3 +- 0.05 dpm L-1 is no noise: questionable. 234Th without 238U is left out, and the row says so."""
    samples.loc[0, "th234_total"] = -0.3
    assert row(flux.fluxes(samples, [80]))[["flag", "reason"]].tolist() == [3, "negative 234Th"]
    hole = samples.assign(th234_total=1.5, u238=2.4).drop(columns="salinity")
    hole.loc[2, "u238"] = np.nan
    found = row(flux.fluxes(hole, [150]))
    assert found["n_samples"] == 4 and found["reason"].endswith("234Th without 238U left out")


def test_hints_name_the_likely_unit(tmp_path):
    """24 is mBq kg-1, 1636 is dpm m-3, 3.3 is a concentration of uranium; a column of sigmas is never the activity."""
    for th, u, words in (
        (24.4, 2.4, "mBq kg-1"), (1636, 2.4, "divide the column by 1000"), (1.6, 3.3, "ug kg-1 of uranium"),
    ):  # fmt: skip
        path = write(tmp_path, HEADER.replace("salinity", "u238") + f"X1,1,2014-05-01,40,-10,10,{th},0.05,{u}\n")
        with pytest.raises(UserError, match=words):
            flux.read_samples(path)
    with pytest.raises(UserError, match="rename the column 'Th234'"):
        flux.read_samples(
            write(tmp_path, HEADER.replace("th234_total,", "Th234,") + "X1,1,2014-05-01,40,-10,10,2,0.05,35\n")
        )
    with pytest.raises(UserError, match="separated by commas"):
        flux.read_samples(write(tmp_path, HEADER.replace(",", ";") + "X1;1;2014-05-01;40;-10;10;2;0.05;35\n"))
    with pytest.raises(UserError, match="is no day"):
        flux.read_samples(write(tmp_path, HEADER + "X1,1,2014-05,40,-10,10,2,0.05,35\n"))


def test_the_input_is_not_written_over(tmp_path, capsys):
    """A slip of the hand must not cost the data."""
    path = write(tmp_path, HEADER + "\n".join(LINES))
    before = path.read_bytes()
    assert cli.main(["flux", str(path), "--out", str(path)]) == 2
    assert path.read_bytes() == before and "would write over the input" in capsys.readouterr().err


def test_one_unknown_depth_does_not_cost_the_others(tmp_path, capsys):
    """Without chlorophyll there is no Ez: its rows say so, the flux at 100 m is there."""
    path = write(tmp_path, HEADER + "\n".join(LINES))
    assert cli.main(["flux", str(path), "--out", str(tmp_path / "f.csv"), "--depth", "ez", "--depth", "50"]) == 0
    assert "give --covariates" in capsys.readouterr().err
    found = files.read_csv(tmp_path / "f.csv").set_index("depth_kind")
    assert found.loc["ez", "reason"] == "no covariate: euphotic_depth_01" and found.loc["fixed", "th234_flux"] > 0
