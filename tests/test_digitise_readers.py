"""Each layout comes back cell by cell, dirt is set aside with a reason, and every cell is accounted for."""

import csv
import gzip
import io
import zipfile

import pandas as pd
import pytest

import digitise_files as raw
from digitise_files import adds_up, written
from seaofcarbon import digitise, records
from seaofcarbon.digitise.cells import times
from seaofcarbon.digitise.names import meaning
from seaofcarbon.files import UserError


def one(result, **where):
    """Return the only record with these values."""
    df = result.records
    for name, value in where.items():
        df = df[df[name] == value]
    assert len(df) == 1, df
    return df.iloc[0]


def test_pangaea_events_repeated_names_and_sigmas(tmp_path):
    """Events give place and time, comments tell repeated names apart, ± columns follow their parent."""
    result = digitise.read(written(tmp_path, "a.tab", raw.PANGAEA))
    first = one(result, variable="th234_total", value=2.10)
    assert (first["latitude"], first["longitude"], first["station"], first["cruise"]) == (60.5, -10.25, "PS1_01", "PS1")
    assert str(first["time"]) == "2001-05-03 10:20:00" and first["sigma"] == 0.05 and first["sigma_source"] == "0.05"
    assert first["locator"] == "a.tab, row 17, column 3: 234Th [dpm/l] (total)"
    large = one(result, variable="th234_particulate_large")
    assert (large["value"], large["sigma"], large["size_min_um"], large["method"]) == (0.11, 0.01, 53.0, "pump")
    middle = one(result, variable="th234_total", depth_m=20.0)
    assert middle["value"] == 2.2 and middle["longitude"] == -10.0 and "10_30" in middle["note"]
    assert result.meta["doi"] == "10.1594/PANGAEA.123456" and result.meta["licence"] == "CC-BY-3.0"
    reasons = dict(zip(result.rejects["value"], result.rejects["reason"], strict=True))
    assert reasons == {
        "<0.1": "a limit of detection, not a value",
        "bottom": "depth is no number",
        "2.50": "row has no depth",
    }
    assert result.account == {"cells": 28, "records": 4, "missing": 2, "rejects": 3, "not_wanted": 19}
    assert result.not_wanted["Fish [#]"] == 4 and adds_up(result)


def test_pangaea_single_event_needs_no_event_column(tmp_path):
    """With one event in the header its position and date hold for all rows."""
    lines = [line for line in raw.PANGAEA.splitlines() if not line.startswith("\tPS1_02")]
    text = "\n".join(lines).replace("\nEvent\t", "\nCode\t")
    result = digitise.read(written(tmp_path, "a.tab", text))
    assert result.records["latitude"].unique().tolist() == [60.5] and len(result.records) == 4


@pytest.mark.parametrize("underscored", [False, True])
def test_geotraces_both_spellings(tmp_path, underscored):
    """Flags pair by position, longitudes wrap, mBq/kg become dpm/L with the density of the sample."""
    result = digitise.read(written(tmp_path, "GA99.csv", raw.geotraces(underscored)))
    first = one(result, variable="th234_total", depth_m=20.0)
    assert first["longitude"] == pytest.approx(-10.03601) and first["method"] == "bottle"
    assert first["value"] == pytest.approx(31.0 * 0.06 * 1.02597, rel=1e-4)  # density of S = 35, 15 C
    assert first["sigma"] == pytest.approx(first["value"] / 31.0) and first["unit_source"] == "mBq/kg"
    assert (first["flag"], first["flag_source"], first["flag_scheme"]) == (1, "1", "SEADATANET")
    assert one(result, variable="th234_total", depth_m=40.0)["flag"] == 3
    pump = one(result, variable="th234_particulate_large")
    assert "its cast" in pump["note"] and 1.02 < pump["value"] / (2.0 * 0.06) < 1.03
    assert one(result, variable="poc_large")["flag_source"] == "A" and one(result, variable="poc_large")["flag"] == 3
    assert one(result, variable="salinity", depth_m=40.0)["flag"] == 1  # 2 is "probably good" in this scheme
    assert result.account["cells"] == 3 * 21 and adds_up(result)
    assert [n for n in result.not_wanted if n.startswith("Fe")]


def test_geotraces_packed_copies_are_the_same(tmp_path):
    """A gzip or zip copy gives the same records."""
    text = raw.geotraces(False)
    plain = digitise.read(written(tmp_path, "GA99.csv", text))
    (tmp_path / "GA99.csv.gz").write_bytes(gzip.compress(text.encode()))
    with zipfile.ZipFile(tmp_path / "GA99.zip", "w") as archive:
        archive.writestr("GA99.csv", text)
    for name in ("GA99.csv.gz", "GA99.zip"):
        packed = digitise.read(tmp_path / name)
        assert packed.records.equals(plain.records) and packed.account == plain.account


def test_geotraces_station_names_of_two_legs_are_two_casts(tmp_path):
    """Legs of a cruise reuse station names: the density of one is not taken from the other."""
    other = raw.GEOTRACES_ROWS.splitlines()[2].replace("2014-05-19", "2015-05-19")
    result = digitise.read(written(tmp_path, "GA99.csv", raw.geotraces(True) + other + "\n"))
    pumps = result.records[result.records["variable"] == "th234_particulate_large"]
    assert pumps["note"].str.contains("its cruise").tolist() == [False, True]


def test_workbook_dirt(tmp_path):
    """Headers by alias, stray commas dropped, ranges and words set aside, months missing, longitudes mixed."""
    result = digitise.read(raw.workbook(tmp_path / "w.xlsx"))
    df = result.records
    assert df["longitude"].unique().tolist() == [-30.0, -179.0] and set(df["station"]) == {"12", "13"}
    assert one(result, variable="th234_total", depth_m=50.0)["value"] == 2.2
    assert one(result, variable="th234_total", depth_m=50.0)["value_source"] == "2.2 ,"
    middle = one(result, variable="c_th_large", depth_m=100.0)
    assert middle["sigma"] == 0.2 and middle["flag"] == 3 and "month unknown" in middle["note"]
    assert middle["locator"] == "w.xlsx, sheet metadata&data, row 5, column 15: POC/Th_large(umol/dpm)"
    reasons = dict(zip(result.rejects["value"], result.rejects["reason"], strict=True))
    assert reasons == {
        "2.40-2.45": "a range, not a value",
        "#DIV/0!": "error value of a spreadsheet",
        "#VALUE!": "error value of a spreadsheet",
        "surface": "depth is no number",
        "34": "row has no depth",
        "2.36": "row has no depth",
        "2": "row has no depth",
        "2,05": "comma inside the number: decimal or thousands?",
        "<0.1": "a limit of detection, not a value",
        "Pacifc Ocean": "misspelt: Pacific?",
        "Artic": "misspelt: Arctic?",
    }
    assert df["note"].str.contains("wrapped from 0-360").sum() == 6  # 350 and 181 stand beside -10
    assert result.account["cells"] == 5 * 16 and adds_up(result)
    assert result.account["missing"] == 3  # nd twice in value columns, and one blank
    assert result.not_wanted["Region"] == 5


@pytest.mark.parametrize("header", ["Total_234Th_dpm/L", "TOTAL 234Th (dpm/l)", "total_234Th(dpm/L)", "234Th_dpm/L"])
def test_workbook_headers_by_alias(tmp_path, header):
    """Variants of a header mean the same."""
    names = ["Latitude", "Longitude", "Bottle Depth", "Date", header, "uncert_total234Th"]
    rows = [(1.0, 2.0, 3.0, "2005-06-07", 2.5, 0.1)]
    result = digitise.read(raw.workbook(tmp_path / "w.xlsx", names, rows))
    record = one(result, variable="th234_total")
    assert (record["value"], record["sigma"], record["depth_m"]) == (2.5, 0.1, 3.0)


def test_formulas_are_never_run_or_kept(tmp_path):
    """Text that looks like a formula is no number, and stays text in rejects."""
    rows = [(1.0, 2.0, 3.0, "2005-06-07", "'=1+1", 0.1)]
    names = ["Latitude", "Longitude", "depth_m", "Date", "Total_234Th_dpm/L", "uncert_total234Th"]
    result = digitise.read(raw.workbook(tmp_path / "w.xlsx", names, rows))
    assert result.records.empty and result.rejects["reason"].tolist() == ["not a number"]


def test_account_agrees_with_an_independent_count(tmp_path):
    """The csv module counts the same cells as the reader's account."""
    table = raw.PANGAEA.partition("*/\n")[2]
    counted = list(csv.reader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    result = digitise.read(written(tmp_path, "a.tab", raw.PANGAEA))
    assert result.account["cells"] == sum(map(len, counted))
    column = [row[2] for row in counted]
    kept = (result.records["variable"] == "th234_total").sum() + result.rejects["column"].str.contains("total").sum()
    assert kept == sum(cell.strip() != "" for cell in column)


def test_many_files_go_on_past_a_bad_one(tmp_path):
    """A bad file leaves one line; accounts and records of the others are summed."""
    paths = [written(tmp_path, "a.tab", raw.PANGAEA), written(tmp_path, "b.csv", raw.geotraces(True))]
    both = digitise.read_many([*paths, written(tmp_path, "c.txt", "hello")], progress=False)
    parts = [digitise.read(path) for path in paths]
    assert len(both.records) == sum(len(p.records) for p in parts) and adds_up(both)
    assert both.account["cells"] == sum(p.account["cells"] for p in parts)
    assert len(both.meta["problems"]) == 1 and "no known layout" in both.meta["problems"][0]
    assert both.records["record_id"].is_unique
    with pytest.raises(UserError, match="no known layout"):
        digitise.read_many([tmp_path / "c.txt"], progress=False)


def test_ratios_of_two_sizes_stay_apart(tmp_path):
    """Small and large particles are two quantities and are never added."""
    assert meaning("POC/Th_small(umol/dpm)").variable == "c_th_small"
    result = digitise.read(raw.workbook(tmp_path / "w.xlsx"))
    assert set(records.to_samples(result.records).columns) >= {"c_th_large"}


@pytest.mark.parametrize(
    ("header", "variable"),
    [
        ("diss_234Th(dpm/L)", "th234_dissolved"),
        ("part_234Th_small(dpm/L)", "th234_particulate_small"),
        ("POC/234Th_μmol/dpm", "c_th"),
        ("POC:234Th_Ratio_Large(umol/dpm)", "c_th_large"),
        ("POC_Small(umol/L)", "poc_small"),
        ("POC flux [mg/m**2/day]", "poc_flux"),
        ("C flux [mg/m**2/day]", ""),
        ("Chl flux [mg/m**2/day]", ""),
        ("238U_dpm/L", "u238"),
        ("Ocean", ""),
    ],
)
def test_headers(header, variable):
    """Headers as people write them mean one quantity, or none."""
    assert meaning(header).variable == variable and not meaning(header).is_sigma
    assert meaning("uncert_" + header).is_sigma


def test_date_column_falls_back_on_year_and_month(tmp_path):
    """Where a date is blank, the columns of year, month and day tell what is known."""
    names = ["Latitude", "Longitude", "depth_m", "Date", "Year", "Month", "Day", "Total_234Th_dpm/L"]
    rows = [(1.0, 2.0, 3.0, "2005-06-07", 2005, 6, 7, 2.5), (1.0, 2.0, 9.0, "", 2005, 6, "", 2.5)]
    result = digitise.read(raw.workbook(tmp_path / "w.xlsx", names, rows))
    assert result.records["time_precision"].tolist() == ["day", "month"]
    assert result.records["time"].dt.strftime("%m-%d").tolist() == ["06-07", "06-15"]


def plain(tmp_path, header, *rows):
    """Digitise a csv whose headers tell quantity and unit."""
    first = "cruise,station,date,latitude,longitude,depth_m,"
    lines = [first + header, *("C,1,2010-05-01,40.0,-30.0," + row for row in rows)]
    (tmp_path / "plain.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return digitise.read(tmp_path / "plain.csv")


def test_numbers_that_stand_for_missing(tmp_path):
    """-999.00 is missing however it is printed; an activity of -0.01 is not."""
    found = plain(tmp_path, "total_234Th(dpm/L)", "5,-999.00", "10,-9999.0", "20,-99999", "30,-0.01", "40,2.1")
    assert found.records["value"].tolist() == [-0.01, 2.1] and found.account["missing"] == 3


def test_flags_of_a_plain_table_are_kept(tmp_path):
    """A column of flags travels with its values; a scheme that is not told is not guessed."""
    header = "total_234Th(dpm/L),Total_234Th_flag,salinity,salinity_qc"
    found = plain(tmp_path, header, "5,2.1,4,35.0,1.0", "9,2.2,,35.0,1")
    th = found.records[found.records["variable"] == "th234_total"]
    assert th["flag_source"].fillna("").tolist() == ["4", ""] and (th["flag"] == 2).all()
    assert th["note"].iloc[0] == "flag of the source, scheme not told: 4"
    assert found.records["flag_source"].dropna().tolist() == ["4", "1", "1"]


def test_halves_of_days_and_odd_times_are_no_times(tmp_path):
    """Day 12.5, a decimal year and a bare number are no ISO times: nothing is made up of them."""
    rows = ["40,-30,5,2005,6,12.5,2.1", "40,-30,9,2005.5,6,1,2.1"]
    text = "\n".join(["latitude,longitude,depth_m,year,month,day,total_234Th(dpm/L)", *rows, ""])
    (tmp_path / "a.csv").write_text(text)
    found = digitise.read(tmp_path / "a.csv")
    assert found.records["time_precision"].fillna("").tolist() == ["month", ""]
    _, precision, unread = times(pd.Series(["2005.9", "2005-06", "20180814", "2005-06-07T10:20Z", ""]))
    assert unread.tolist() == [True, False, True, False, False]
    assert list(precision) == [None, "month", None, "second", None]


def test_bad_salinity_sets_no_density(tmp_path):
    """A salinity that its source calls bad does not change the density of the sample."""
    bad = raw.GEOTRACES_ROWS.replace("15.0,1,35.0,1,31.0", "15.0,1,5.0,4,31.0")
    (tmp_path / "a.csv").write_text(raw.GEOTRACES_HEADER + "\n" + bad)
    (tmp_path / "b.csv").write_text(raw.geotraces(False))
    one, two = (digitise.read(tmp_path / name).records for name in ("a.csv", "b.csv"))
    total = [r[r["variable"] == "th234_total"]["value"].iloc[0] for r in (one, two)]
    assert total[0] == pytest.approx(total[1], rel=1e-3)
