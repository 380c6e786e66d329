"""Units convert as the field says, doubts are flagged with words and nothing is dropped."""

import numpy as np
import pandas as pd
import pytest

from seaofcarbon import records
from seaofcarbon.digitise import quality, units
from seaofcarbon.digitise.cells import depths, numbers, times


def table(*rows):
    """Good records of total 234Th, or what each row makes of them."""
    base = {
        "source_id": "S", "cruise": "C", "station": "1", "time": pd.Timestamp("2010-05-01"), "time_precision": "day",
        "latitude": 10.0, "longitude": 20.0, "depth_m": 50.0, "variable": "th234_total", "value": 2.0, "sigma": 0.05,
    }  # fmt: skip
    rows = [base | {"locator": f"row {i}", "depth_m": 10.0 * (i + 1)} | row for i, row in enumerate(rows)]
    return records.conform(pd.DataFrame(rows))


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
    df = pd.concat([traps.assign(depth_m=500.0), thorium, traps.head(1).assign(value=450.0)], ignore_index=True)
    noted = quality.check(df)["note"].fillna("").str.contains("1000 times")
    assert noted[noted].index.tolist() == [len(df) - 1]


def test_exact_duplicates_are_flagged_once():
    """The second of two equal values of a cast is flagged, the first is kept good."""
    df = table({"depth_m": 5.0}, {"depth_m": 5.0})
    assert quality.check(df)["flag"].tolist() == [2, 3]


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


def cruise(longitudes):
    """One value at each stop of a cruise along 30 N."""
    stops = [{"station": str(i), "latitude": 30.0, "longitude": x} for i, x in enumerate(longitudes)]
    return table(*stops)


def test_wrong_sign_of_longitude_is_told_from_a_long_way():
    """A stop that fits with the other sign is flagged; a lone stop far away and a cruise across Greenwich are not."""
    wrong = quality.check(cruise([-40.0, -41.0, 42.0, -43.0]))
    assert wrong["flag"].tolist() == [2, 2, 3, 2] and "sign of the longitude" in wrong["note"][2]
    assert (quality.check(cruise([-40.0, -41.0, 170.0]))["flag"] == 2).all()
    assert (quality.check(cruise([-8.0, -5.0, 4.8, 8.0]))["flag"] == 2).all()
