"""Units convert as the field says, doubts are flagged with words and nothing is dropped."""

import numpy as np
import pandas as pd
import pytest

from seaofcarbon import digitise, records
from seaofcarbon.digitise import quality, units
from seaofcarbon.digitise.cells import depths, numbers, times
from seaofcarbon.files import UserError
from seaofcarbon.vocabulary import VARIABLES


def table(*rows):
    """Good records of total 234Th, or what each row makes of them."""
    base = {
        "source_id": "S", "cruise": "C", "station": "1", "time": pd.Timestamp("2010-05-01"), "time_precision": "day",
        "latitude": 10.0, "longitude": -30.0, "depth_m": 50.0, "variable": "th234_total", "value": 2.0, "sigma": 0.05,
    }  # fmt: skip
    rows = [base | {"locator": f"row {i}", "depth_m": 10.0 * (i + 1)} | row for i, row in enumerate(rows)]
    df = pd.DataFrame(rows)
    return records.conform(df.assign(unit=df["variable"].map({name: v.unit for name, v in VARIABLES.items()})))


@pytest.mark.parametrize(
    ("unit", "variable", "factor"),
    [
        ("dpm/L", "th234_total", 1.0),
        ("dpm/100L", "th234_total", 0.01),
        ("dpm m-3", "u238", 0.001),
        ("mBq/l", "th234_total", 0.06),
        ("µmol/dpm", "c_th", 1.0),
        ("mg/m**2/day", "poc_flux", 1 / 12.011),
        ("mg/m2/d", "npp", 1.0),
        ("", "salinity", 1.0),
        ("°C", "temperature", 1.0),
    ],
)
def test_units(unit, variable, factor):
    """Printed units convert by their factor; mg is kept for NPP and becomes mmol for a POC flux."""
    assert units.conversion(unit, variable).factor == pytest.approx(factor)


def test_units_of_another_quantity_are_not_taken():
    """A temperature in dpm/L, or 234Th without a unit, is not converted."""
    assert units.conversion("dpm/L", "temperature") is None
    assert units.conversion("", "th234_total") is None


def test_density_on_deck():
    """Density at p = 0 is that of gsw; leaving it out would be the bug that peers have (2.6 %)."""
    rho = units.density(np.array([35.0, np.nan]), np.array([15.0, 1.0]), np.array([40.0, 0.0]), np.array([-10.0, 0.0]))
    assert rho[0] == pytest.approx(1.02597, abs=2e-5) and np.isnan(rho[1])


def test_fill_along_depth_keeps_groups_apart():
    """Gaps are linear between neighbours, flat beyond the ends, and never filled from another group."""
    values = np.array([np.nan, 1.0, np.nan, 3.0, np.nan, np.nan, 9.0, np.nan])
    depth = np.array([0.0, 10.0, 15.0, 20.0, 500.0, 10.0, 10.0, 5.0])
    group = np.array(["a", "a", "a", "a", "a", "b", "c", "c"], dtype=object)
    filled = units.fill_along_depth(values, depth, group)
    np.testing.assert_allclose(filled, [1, 1, 2, 3, 3, np.nan, 9, 9])


def test_numbers_and_dirt():
    """Stray commas and blanks go, ambiguous commas and words stay out with a reason."""
    _, value, reason, note = numbers(np.array(["1.5", " 2.0 ,", "nd", "1,5", "inf", "", "1e-3", "#N/A"], dtype=object))
    np.testing.assert_allclose(value, [1.5, 2.0, np.nan, np.nan, np.nan, np.nan, 1e-3, np.nan])
    assert note[1] == "stray signs around 2.0" and [bool(n) for n in note].count(True) == 1
    assert [bool(r) for r in reason] == [False, False, False, True, True, False, False, True]


def test_depth_ranges_become_their_middle():
    """`0_10` is 5 m with a note; words have a reason; a minus sign is no range."""
    _, value, reason, note = depths(np.array(["0_10", "surface", "-5", "20"], dtype=object))
    np.testing.assert_allclose(value, [5.0, np.nan, -5.0, 20.0])
    assert note[0] == "middle of depth range 0_10" and reason[1] and not reason[2]


def test_times_and_their_precision():
    """What of a time is known is kept; a month stands at its middle; nonsense is told from missing."""
    time, precision, unread = times(
        pd.Series(["2001-02-03T04:05:06", "2001-02-03", "2001-02", "2001", "nd", "soon", "0001-01-01"])
    )
    assert [str(t)[:10] for t in time[:4]] == ["2001-02-03", "2001-02-03", "2001-02-15", "2001-07-02"]
    assert precision.tolist() == ["second", "day", "month", "year", None, None, None]
    assert unread.tolist() == [False] * 5 + [True, True]


@pytest.mark.parametrize(
    ("change", "flag", "words"),
    [
        ({"latitude": 95.0}, 4, "off the globe"),
        ({"longitude": -200.0}, 4, "off the globe"),
        ({"latitude": 48.0, "longitude": 20.0}, 3, "on land"),
        ({"latitude": 25.0, "longitude": 80.0}, 3, "on land"),
        ({"depth_m": 9000.0}, 3, "below the sea floor"),
        ({"latitude": 55.0, "longitude": 3.0, "depth_m": 600.0}, 3, "below the sea floor"),
        ({"depth_m": -5.0}, 4, "depth"),
        ({"time": pd.Timestamp("2090-01-01")}, 4, "future"),
        ({"time": pd.Timestamp("1950-01-01")}, 4, "1967"),
        ({"time": None}, 3, "time unknown"),
        ({"time_precision": "year"}, 3, "month unknown"),
        ({"value": 2000.0}, 3, "1000 times too large"),
        ({"value": 0.002}, 3, "1000 times too small"),
        ({"value": 9.0}, 3, "out of range"),
        ({"variable": "th234_particulate", "value": 2.5, "depth_m": 10.0}, 3, "above total"),
    ],
)
def test_doubts_are_flagged_and_kept(change, flag, words):
    """Each planted slip raises the flag of its record alone, with the reason in words."""
    df = table({}, {"value": 2.1}, {"value": 2.2}, change)
    checked = quality.check(df, now=pd.Timestamp("2026-01-01"))
    assert len(checked) == 4 and checked["flag"].tolist() == [2, 2, 2, flag]
    assert words in checked["note"][3] and checked["note"][:3].isna().all()
    pd.testing.assert_series_equal(checked["value"], df["value"])


def test_particulate_within_sigma_of_total_is_good():
    """Particulate above total by less than twice the joint sigma is noise, not a slip."""
    df = table({}, {"variable": "th234_particulate", "value": 2.1, "depth_m": 10.0})
    assert quality.check(df)["flag"].tolist() == [2, 2]


def test_slips_are_told_within_a_method():
    """234Th fluxes of 150 beside thousands of trap fluxes of 0.45 are no slip; one 1000 times its like is."""
    traps = table(*[{"variable": "poc_flux", "method": "trap", "value": 0.45, "station": str(i)} for i in range(3000)])
    thorium = table(*[{"variable": "poc_flux", "method": "th234_ss", "value": v} for v in (150.0, 140.0, 0.15, 160.0)])
    slip = traps.head(1).assign(value=450.0)
    df = pd.concat([traps.assign(depth_m=500.0), thorium, slip], ignore_index=True)
    df = df.assign(record_id=df.index.astype(str))
    noted = quality.check(df)["note"].fillna("").str.contains("1000 times")
    assert noted[noted].index.tolist() == [len(df) - 1]


def test_nature_is_no_slip():
    """Nitrate of the deep sea is 1000 times that of the surface, in the same unit."""
    df = table(*[{"variable": "nitrate", "value": v} for v in (*[0.03] * 20, 25.0)])
    assert (quality.check(df)["flag"] == 2).all()


@pytest.mark.parametrize(
    "place",
    [
        {"latitude": 10.3, "longitude": -64.4, "depth_m": 1300.0},  # Cariaco basin, inside a coarse coast
        {"latitude": 40.0, "longitude": 51.0},  # Caspian Sea
        {"latitude": -77.5, "longitude": -175.0},  # Ross Sea
        {"latitude": 10.0, "longitude": -30.0, "depth_m": 5600.0},
        {"latitude": 36.0, "longitude": -5.4, "depth_m": 400.0},  # Strait of Gibraltar
        {"longitude": -180.0},
    ],
)
def test_coasts_and_slopes_are_sea(place):
    """Maps of 1 degree and 1:110 million are coarse: what lies near the coast or the floor is not doubted."""
    assert quality.check(table(place))["flag"].tolist() == [2]


@pytest.mark.parametrize(
    ("sigma", "words"), [(0.0, "uncertainty of 0"), (5.0, "above the value"), (0.5, None), (None, None)]
)
def test_doubtful_uncertainties_are_noted(sigma, words):
    """A sigma that cannot be is noted; the value keeps its flag."""
    checked = quality.check(table({}, {}, {"sigma": sigma}))
    assert checked["flag"].tolist() == [2, 2, 2]
    assert checked["note"][2] is words or words in checked["note"][2] if words else checked["note"].isna().all()


def test_checks_do_not_depend_on_order_nor_repetition():
    """Shuffled records get the same flags, and a second check changes nothing."""
    df = table({}, {"value": 3000.0}, {"latitude": 95.0}, {"depth_m": 9000.0}, {"depth_m": 10.0}, {"sigma": 0.0})
    checked = quality.check(df)
    pd.testing.assert_frame_equal(quality.check(checked), checked)
    shuffled = quality.check(df.sample(frac=1, random_state=1))
    order = ["record_id"]
    pd.testing.assert_frame_equal(
        shuffled.sort_values(order, ignore_index=True), checked.sort_values(order, ignore_index=True)
    )
    assert (checked["flag"] > 2).sum() == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"variable": "thorium"}, "variable: 'thorium' is none of"),
        ({"method": "bucket"}, "method: 'bucket' is none of"),
        ({"sigma_kind": "3sd"}, "sigma_kind"),
        ({"time_precision": "hour"}, "time_precision"),
        ({"flag": 7}, "flag: .*7.* is none of"),
        ({"origin": "dream"}, "origin"),
        ({"unit": "Bq"}, "unit: 'Bq' is not the unit of its variable, in 1 of 3"),
        ({"sigma": -0.1}, "sigma: .* is a negative uncertainty"),
        ({"record_id": "x"}, None),
        ({"record_id": None}, "record_id: missing in 1 of 3"),
        ({"longitude": 200.0}, "longitude: .*200.0"),
        ({"longitude": 200.0, "flag": 4}, None),
        ({"latitude": -91.0}, "latitude"),
    ],
)
def test_schema_names_what_breaks_it(change, words):
    """One line with the column, the first value and how many; what is flagged as bad may lie off the globe."""
    df = table({}, {}, {})
    for name, value in change.items():
        df.loc[1, name] = value
    if words is None:
        records.check_schema(df)
    else:
        with pytest.raises(UserError, match=words) as caught:
            records.check_schema(df)
        assert "\n" not in str(caught.value)


def test_schema_of_columns():
    """A column that is missing or of another type is named, and so are two records with one id."""
    df = table({}, {})
    with pytest.raises(UserError, match="column curator is missing"):
        records.check_schema(df.drop(columns="curator"))
    with pytest.raises(UserError, match="value is of type str, not float64"):
        records.check_schema(df.assign(value="2"))
    with pytest.raises(UserError, match="record_id: 'a' is there more than once"):
        records.check_schema(df.assign(record_id="a"))


def deep(ratio, cruise="C", depths=(350.0, 450.0, 600.0, 800.0, 900.0), **more):
    """A cast with salinity and with 234Th that is `ratio` of 238U below 500 m, and far from it above."""
    rows = []
    for z in depths:
        at = {"cruise": cruise, "depth_m": z} | more
        u238 = 0.0786 * 35.0 - 0.315
        rows.append(at | {"value": u238 * (ratio if z > 500 else 1.5)})
        rows.append(at | {"variable": "salinity", "value": 35.0})
    return rows


def test_deep_equilibrium_by_cruise():
    """Three samples below 500 m leave those above aside; a cruise off by more than 5 % is named, none is flagged."""
    far = {"latitude": 20.0, "cruise": "D"}
    df = quality.check(table(*deep(1.08), *deep(1.1, station="2", longitude=-31.0), *deep(1.02, **far)))
    found = quality.deep_equilibrium(df)
    assert found["cruise"].tolist() == ["C", "D"] and found["words"].tolist() == ["deep_equilibrium 1.09", ""]
    assert found.loc[0, ["n_casts", "n_samples", "u238"]].tolist() == [2, 6, "owens2011"]
    assert found.loc[0, ["lowest", "highest"]].tolist() == pytest.approx([1.08, 1.10]) and (df["flag"] == 2).all()
    assert quality.deep_equilibrium(df, tolerance=0.1)["words"].tolist() == ["", ""]
    assert quality.deep_equilibrium(table({})).empty


def test_a_missing_flag_stays():
    """A value that its source flags as missing (9) is not raised to bad."""
    assert quality.check(table({"flag": 9, "latitude": 99.0}))["flag"].tolist() == [9]


def test_confusion_counts_each_planted_mistake_once():
    """A rejected cell is set aside, a flagged one flagged, a mended one noted, and the rest missed."""
    locators = [f"w.xlsx, sheet s, row {i}, column 3: Th(dpm/L)" for i in range(2, 7)]
    df = table(*[{"locator": locator} for locator in locators])
    df = df.assign(flag=[3, 1, 1, 3, 1], note=["out of range", "middle of depth range 1_3", None, "doubt", None])
    mistakes = pd.DataFrame(
        {
            "file": "w.xlsx",
            "row": [2, 3, 4, 9],
            "column": ["Th(dpm/L)", "depth(m)", "Th(dpm/L)", "depth(m)"],
            "kind": ["slip", "range", "slip", "word"],
        }
    )
    rejects = pd.DataFrame({"file": ["w.xlsx"], "row": [9], "column": ["depth(m)"], "value": ["x"], "reason": ["no"]})
    found, missed = quality.confusion(mistakes, df, rejects)
    assert found.loc["slip", ["planted", "flagged", "missed"]].tolist() == [2, 1, 1]
    assert found.loc["range", "noted"] == 1 and found.loc["word", "set_aside"] == 1
    assert found.loc["false alarms", "flagged"] == 1 and missed["row"].tolist() == [4]
    reasons = {"slip": "1000 times", "range": "middle of"}
    assert quality.confusion(mistakes, df, rejects, reasons)[1]["row"].tolist() == [2, 4]


def cruise(longitudes):
    """One value at each stop of a cruise along the equator."""
    stops = [{"station": str(i), "latitude": 0.0, "longitude": x, "depth_m": 20.0} for i, x in enumerate(longitudes)]
    return table(*stops)


def test_wrong_sign_of_longitude_is_told_from_a_long_way():
    """A stop that fits with the other sign is flagged; a lone stop far away and a cruise across Greenwich are not."""
    wrong = quality.check(cruise([-40.0, -41.0, 42.0, -43.0]))
    assert wrong["flag"].tolist() == [2, 2, 3, 2] and "sign of the longitude" in wrong["note"][2]
    assert (quality.check(cruise([-40.0, -41.0, 170.0]))["flag"] == 2).all()
    assert (quality.check(cruise([-8.0, -5.0, 4.8, 8.0]))["flag"] == 2).all()
    # of a cast told with both signs, the records with the wrong one, whatever their order
    df = cruise([-40.0, -41.0, 42.0, -42.0, -43.0]).assign(station=["1", "2", "3", "3", "4"])
    for order in (df, df[::-1]):
        assert (quality.check(order)["flag"] > 2).tolist() == (order["longitude"] > 0).tolist()


@pytest.mark.real
def test_no_false_alarms_on_sections(real_data):
    """In the sections GA01 and GA03 nothing is doubted but what their own flags doubt."""
    for name in ("GA01", "GA03"):
        found = digitise.read(real_data / "geotraces" / f"{name}bottpump.csv").records
        own = found["flag_source"].map({"3": 3, "4": 4, "6": 3, "8": 3, "A": 3, "5": 3, "7": 3, "9": 9}).fillna(2)
        assert ((found["flag"] > 2) == (own > 2)).all() and found["duplicate_of"].isna().all()


@pytest.mark.real
def test_mistakes_of_a_real_compilation(real_data):
    """In the compilation of traps five stations are deeper than their sea (of three the sign of longitude is wrong)."""
    found = digitise.read(real_data / "pangaea" / "GO_flux.tab").records
    noted = found["note"].fillna("")
    assert not noted.str.contains("land|globe|1967|future|1000 times|range").any()
    below = found[noted.str.contains("depth below the sea floor")]
    assert set(below["station"]) == {"17", "203", "204", "205", "831"}
    copies = found[found["duplicate_of"].notna()]
    kept = found.set_index("record_id").loc[copies["duplicate_of"]].reset_index()
    assert 300 < len(copies) < 500 and (found["flag"] > 2).mean() < 0.04
    assert np.allclose(copies["depth_m"], kept["depth_m"], rtol=0.01, atol=1.0)
    assert np.allclose(copies["value"], kept["value"], rtol=0.05)
