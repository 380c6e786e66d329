"""Layouts of repositories, and anyone's table: each cell found, set aside with a reason, or named as not wanted."""

import csv
import io
import math
import random
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import digitise_files as raw
from digitise_files import adds_up, written
from seaofcarbon import digitise
from seaofcarbon.digitise import names, units
from seaofcarbon.files import UserError
from seaofcarbon.vocabulary import UNIT_CONVERSIONS, VARIABLES

ROUNDS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def one(result, **where):
    """Return the only record with these values."""
    df = result.records
    for name, value in where.items():
        df = df[df[name] == value]
    assert len(df) == 1, result.records[["variable", "depth_m", "station", "value"]]
    return df.iloc[0]


def reasons(result):
    """Value and reason of all rejects."""
    return dict(zip(result.rejects["value"], result.rejects["reason"], strict=True))


def counted(text, delimiter=","):
    """Cells of a table by the csv module, without its header."""
    return sum(map(len, list(csv.reader(io.StringIO(text), delimiter=delimiter))[1:]))


# --- SeaBASS --------------------------------------------------------------------------------------


def test_seabass(tmp_path):
    """Fields, units, sizes in names, words for missing and for limits of detection of the file itself."""
    result = digitise.read(written(tmp_path, "pumps.sb", raw.SEABASS))
    assert result.meta["format"] == "seabass" and "Ada Author, Ben Author" in result.meta["citation"]
    total = one(result, variable="th234_total", depth_m=5.0)
    assert (total["value"], total["sigma"], total["station"], total["cruise"]) == (1.90, 0.05, "S1", "EX99")
    assert str(total["time"]) == "2018-08-14 09:30:00" and total["time_precision"] == "second"
    assert total["locator"] == "pumps.sb, row 24, column 9: conc_Th_234"
    large = one(result, variable="th234_particulate_large", depth_m=5.0)
    assert (large["value"], large["sigma"], large["size_min_um"], large["size_max_um"]) == (0.10, 0.01, 51.0, 335.0)
    assert large["method"] == "pump" and one(result, variable="th234_particulate_small", depth_m=50.0)["value"] == 0.30
    poc = one(result, variable="poc_large", depth_m=5.0)
    assert poc["value"] == pytest.approx(1.0) and poc["unit_source"] == "mg/m^3"  # 12.011 mg of carbon are a mmol
    assert one(result, variable="temperature", depth_m=5.0)["value"] == 14.1
    assert str(one(result, variable="th234_total", station="S2")["time"]) == "2018-08-16 00:00:00"
    detection = [value for value, reason in reasons(result).items() if "limit" in reason]
    assert sorted(detection) == ["-7777", "-8888"]
    assert reasons(result)["1.9.1"] == "not a number"
    assert result.account["cells"] == 4 * 15 and adds_up(result)
    assert result.account["missing"] == 3 and result.not_wanted["POC"] == 4  # bulk POC is no variable


def test_seabass_rows_are_counted_by_line(tmp_path):
    """The row of a reject is the line of the file, remarks included."""
    result = digitise.read(written(tmp_path, "pumps.sb", raw.SEABASS))
    row = result.rejects.set_index("value").loc["1.9.1", "row"]
    assert raw.SEABASS.split("\n")[row - 1].startswith("S2")


@pytest.mark.parametrize(("word", "sign"), [("space", "   "), ("tab", "\t")])
def test_seabass_delimiters(tmp_path, word, sign):
    """Blanks in any number and tabs part the same cells as commas."""
    head, _, body = raw.SEABASS.partition("/end_header\n")
    text = head.replace("=comma", f"={word}") + "/end_header\n" + body.replace(",", sign).replace("\nS", "\n S")
    other = digitise.read(written(tmp_path, "a.sb", raw.SEABASS))
    result = digitise.read(written(tmp_path, "b.sb", text))
    assert result.account == other.account and result.records["value"].equals(other.records["value"])


def without(text, *fields):
    """Drop fields of a SeaBASS file, with their units and cells."""
    lines = text.split("\n")
    names = next(line for line in lines if line.startswith("/fields=")).removeprefix("/fields=").split(",")
    keep = [i for i, name in enumerate(names) if name not in fields]
    out, data = [], False
    for line in lines:
        key, equals, rest = line.partition("=")
        if key in ("/fields", "/units"):
            line = key + equals + ",".join(rest.split(",")[i] for i in keep)
        elif data and line and not line.startswith("!"):
            line = ",".join(line.split(",")[i] for i in keep)
        data |= line == "/end_header"
        out.append(line)
    return "\n".join(out)


def test_seabass_header_stands_in_for_columns(tmp_path):
    """Place, day and depth of the floor come from the header when no column tells them; a track is no place."""
    text = without(raw.SEABASS, "date", "time", "lat", "lon", "station").replace("/station=NA", "/station=S9")
    with pytest.raises(UserError, match="no column of latitude, longitude"):
        digitise.read(written(tmp_path, "a.sb", text))
    text = text.replace("50.500[DEG]", "50.140[DEG]").replace("-144.900[DEG]", "-145.020[DEG]")
    result = digitise.read(written(tmp_path, "a.sb", text))
    first = one(result, variable="th234_total", depth_m=5.0)
    assert (first["latitude"], first["longitude"], first["station"]) == (50.12, -145.06, "S9")
    assert str(first["time"]) == "2018-08-14 01:00:00" and str(first["time_end"]) == "2018-08-16 09:00:00"
    deep = digitise.read(written(tmp_path, "b.sb", text.replace("/water_depth=4200", "/water_depth=30"))).records
    assert deep.loc[deep["depth_m"] > 45, "note"].str.contains("below the sea floor").all()


def test_seabass_dates_in_parts(tmp_path):
    """Year, month, day, hour, minute and second in columns of their own make one time."""
    head = "/begin_header\n/missing=-9999\n/delimiter=space\n/fields=year,month,day,hour,minute,second,lat,lon,depth,"
    head += "flux_Th_234,flux_Th_234_sd,flux_POC,flux_sampling_method\n"
    head += (
        "/units=yyyy,mo,dd,hh,mn,ss,degrees,degrees,m,dpm_m^-2_d^-1,dpm_m^-2_d^-1,mmol_m^-2_d^-1,none\n/end_header\n"
    )
    rows = "2018 8 4 9 5 7 50.1 -145 100 1200 90 2.5 direct_trap\n"
    rows += "2018 8 4 -9999 5 7 50.1 -145 150 900 80 -9999 radiotracer\n"
    result = digitise.read(written(tmp_path, "a.sb", head + rows))
    trap = one(result, variable="th234_flux", depth_m=100.0)
    assert str(trap["time"]) == "2018-08-04 09:05:07" and trap["method"] == "trap" and trap["sigma"] == 90
    other = one(result, variable="th234_flux", depth_m=150.0)
    assert str(other["time"]) == "2018-08-04 00:00:00" and other["method"] == "th234_unspecified"
    assert one(result, variable="poc_flux")["value"] == 2.5 and adds_up(result)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("/end_header", "/fin", "not closed"),
        ("/fields=", "/columns=", "no /fields"),
        (",mg/m^3\n", "\n", "15 columns, /units 14"),
        ("=comma", "=semicolon", "delimiter=semicolon is unknown"),
        ("depth,", "dep,", "no column of depth_m; near are 'dep'"),
        ("conc_", "amount_of_Po_210_", "no column"),
    ],
)
def test_seabass_slips_of_the_header(tmp_path, old, new, words):
    """A broken header costs one line that says what to mend."""
    text = raw.SEABASS.replace(old, new)
    if "Po_210" in new:
        text = without(text.replace("Th_234", "x"), "POC_51umfilt", "Wt", "sal")
    with pytest.raises(UserError, match=words) as caught:
        digitise.read(written(tmp_path, "a.sb", text))
    assert "\n" not in str(caught.value)


# --- ERDDAP ---------------------------------------------------------------------------------------


def test_erddap(tmp_path):
    """Units from the second row, times with Z, NaN as missing; other isotopes are not wanted."""
    result = digitise.read(written(tmp_path, "d.csv", raw.ERDDAP))
    assert result.meta["format"] == "erddap" and result.meta["rows"] == 3
    first = one(result, variable="th234_total", depth_m=10.0)
    assert (first["value"], first["sigma"], str(first["time"])) == (2.11, 0.05, "2012-03-01 10:20:00")
    assert first["unit_source"].endswith("(dpm/L)") and first["locator"].startswith("d.csv, row 3, column 6")
    assert one(result, variable="th234_total", depth_m=25.0)["longitude"] == -29.5
    assert reasons(result)["<0.1"] == "a limit of detection, not a value"
    assert result.rejects["reason"].str.contains("density").sum() == 3  # nitrate per kg, and no salinity
    assert result.not_wanted["Th_228"] == 3 and adds_up(result)
    assert result.account["cells"] == counted(raw.ERDDAP) - 11  # the row of units is no data


def test_erddap_names_with_units(tmp_path):
    """The .csvp flavour, units behind the names, gives the same records."""
    header, told, rows = raw.ERDDAP.split("\n", 2)
    pairs = zip(header.split(","), told.split(","), strict=True)
    text = ",".join(f"{name} ({unit})" if unit else name for name, unit in pairs) + "\n" + rows
    one_line = digitise.read(written(tmp_path, "d.csvp", text))
    two_lines = digitise.read(written(tmp_path, "d.csv", raw.ERDDAP))
    assert one_line.meta["format"] == "erddap" and one_line.account == two_lines.account
    columns = ["variable", "value", "sigma", "time", "latitude", "longitude", "depth_m"]
    assert one_line.records[columns].equals(two_lines.records[columns])


# --- BCO-DMO --------------------------------------------------------------------------------------

BCODMO_SIDECAR = "units: {Th234_total: dpm/L, u238: dpm/100L}\nsource: {doi: 10.1575/x}\n"


def test_bcodmo_units_are_never_guessed(tmp_path):
    """Without a sidecar the values are set aside, and the user is told what to give."""
    result = digitise.read(written(tmp_path, "b.csv", raw.BCODMO))
    assert result.meta["format"] == "bcodmo" and set(result.records["variable"]) == {"salinity"}
    assert result.rejects["column"].value_counts()["U238"] == 3 and adds_up(result)
    many = digitise.read_many([tmp_path / "b.csv"], progress=False)
    assert "no unit is told for Th234_total, U238: give it in a sidecar b.csv.yml" in many.meta["problems"][0]


OWN_NAMES = "cruise,station,time,latitude,longitude,depth_m,th234_total,th234_total_sigma,u238\n"


def test_names_of_the_vocabulary_carry_its_units(tmp_path):
    """A table that `flux` takes, `digitise` takes: in our units, with a note; one that only shares a name does not."""
    row = "C,1,2014-05-21,40,-20,10,2.1,0.05,2.4\n"
    result = digitise.read(written(tmp_path, "own.csv", OWN_NAMES + row))
    first = one(result, variable="th234_total")
    assert (first["value"], first["sigma"], len(result.records)) == (2.1, 0.05, 2) and pd.isna(first["unit_source"])
    assert first["note"] == "unit not told: taken as dpm L-1, the unit of th234_total here"
    assert result.rejects.empty and "problem" not in result.meta
    for other in (OWN_NAMES.replace("depth_m", "depth"), OWN_NAMES.replace("th234_total", "Th234_total")):
        kept = digitise.read(written(tmp_path, "other.csv", other + row)).records["variable"]
        assert "th234_total" not in set(kept)
    written(tmp_path, "own.csv.yml", "units: {th234_total: dpm/100L}\n")
    told = one(digitise.read(tmp_path / "own.csv"), variable="th234_total")
    assert told["value"] == pytest.approx(0.021) and told["unit_source"] == "dpm/100L" and pd.isna(told["note"])


def test_bcodmo_with_units_in_a_sidecar(tmp_path):
    """The sidecar tells units; nd is missing; uncertainties by suffix and by prefix."""
    written(tmp_path, "b.csv.yml", BCODMO_SIDECAR)
    result = digitise.read(written(tmp_path, "b.csv", raw.BCODMO))
    first = one(result, variable="th234_total", depth_m=10.0)
    assert (first["value"], first["sigma"], first["unit_source"]) == (2.11, 0.05, "dpm/L")
    assert str(first["time"]) == "2010-02-03 04:05:00" and first["source_doi"] == "10.1575/x"
    uranium = one(result, variable="u238", depth_m=10.0)
    assert uranium["value"] == pytest.approx(0.0240) and uranium["sigma"] == pytest.approx(0.0004)
    assert one(result, variable="u238", depth_m=40.0)["time_precision"] == "day"
    assert set(reasons(result).values()) == {"row has no depth", "negative uncertainty"}
    assert result.account["cells"] == counted("\n".join(raw.BCODMO.split("\n")[2:])) and adds_up(result)
    assert first["locator"] == "b.csv, row 4, column 7: Th234_total"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("units: {Th234_totl: dpm/L}", "column 'Th234_totl' is not in b.csv: near are 'Th234_total'"),
        ("units: {U238: dpm/L}\nsorce: {doi: x}", "sorce: Extra inputs"),
        ("units: [1, 2]", "units"),
        ("unit: {U238: dpm/L}", "unit: Extra inputs"),
        ("source: {doi: x}", "has no columns:"),
        ("units: {", "no YAML"),
    ],
)
def test_bcodmo_sidecar_slips(tmp_path, told, words):
    """A sidecar that does not fit is refused with the entry that is wrong."""
    written(tmp_path, "b.yml", told)
    with pytest.raises(UserError, match=words) as caught:
        digitise.read(written(tmp_path, "b.csv", raw.BCODMO))
    assert "\n" not in str(caught.value)


# --- Tables whose headers tell all ----------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_exports_tables(tmp_path, delimiter):
    """Units in names, an uncertainty with a blank in its name, and one that only says st dev."""
    cells = csv.reader(io.StringIO(raw.EXPORTS))
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(cells)
    result = digitise.read(written(tmp_path, "t.csv", "A table from a paper\n" + stream.getvalue()))
    assert result.meta["format"] == "workbook"
    assert (one(result, variable="th234_total", depth_m=5.0)["sigma"], len(result.records)) == (0.05, 6)
    ratio = one(result, variable="c_th", depth_m=20.0)
    assert (ratio["value"], ratio["sigma"], ratio["unit_source"]) == (3.0, 0.3, "μmol/dpm")
    assert reasons(result) == {
        "2,30": "comma inside the number: decimal or thousands?",
        "#DIV/0!": "error value of a spreadsheet",
    }
    assert result.account["cells"] == counted(raw.EXPORTS) and adds_up(result)
    assert one(result, variable="u238", depth_m=5.0)["locator"].startswith("t.csv, row 3")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Latitude", "Latitud", "no column of latitude; near are 'Latitud'"),
        ("Longitude", "Longitude_W", "no column of longitude; near are 'Longitude_W'"),
        ("Bottle Depth", "Profundidad", "no column of depth_m: say"),
        ("Bottle Depth", "Depth (ft)", "no column of depth_m; near are 'Depth \\(ft\\)'"),
        (
            ",238U_dpm/L,234Th_dpm/L,234Th_ obs_uncert,POC/234Th_",
            ",u,Th-230,e,PON/234Th_",
            "no column of a known quantity",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_a_table_lacks_is_told(tmp_path, old, new, words, kind):
    """A table without place or quantity is refused: which is missing, what looks near, and how to mend it."""
    text = raw.EXPORTS.replace(old, new)
    path = written(tmp_path, "t.csv", text)
    if kind == "xlsx":
        header, *rows = csv.reader(io.StringIO(text))
        path = raw.workbook(tmp_path / "t.xlsx", header, rows)
    with pytest.raises(UserError, match=words) as caught:
        digitise.read(path)
    assert "\n" not in str(caught.value) and "sidecar" in str(caught.value)


@pytest.mark.parametrize(
    "header",
    [
        "Th-228 (dpm/L)", "Th 230 (dpm/L)", "234Th/238U ratio", "234Th:238U", "U-235 (dpm/L)", "C flux (mmol/m2/d)",
        "Chl flux (mg/m2/d)", "PON (umol/L)", "PON/234Th (umol/dpm)", "Th/POC (dpm/umol)", "C/Th-230", "lat error",
        "date of analysis", "Longitude_W", "Depth (dbar)", "234Th deficit (dpm/L)", "Th234_flag", "sigma_theta",
        "Nitrate+Nitrite (umol/L)", "Chl c2 (mg/m3)", "POC (umol/L)", "234Th error (%)", "234Th (<53 um)",
        "Temp pot (C)",
    ],
)  # fmt: skip
def test_false_friends(header):
    """Headers that look like a quantity or a field of ours, and are not."""
    what = names.meaning(header)
    assert not what.variable and not what.field


@pytest.mark.parametrize(
    ("header", "variable", "sizes"),
    [
        ("Thorium-234 total (dpm L-1)", "th234_total", ()),
        ("totalTh234", "th234_total", ()),
        ("234Th (<0.45 um)", "th234_dissolved", (math.nan, 0.45)),
        ("234Th [dpm/l] (>53 µm)", "th234_particulate_large", (53, math.nan)),
        ("Th234_1_51um", "th234_particulate_small", (1, 51)),
        ("conc_Th_234_335umfilt", "th234_particulate_large", (335, math.nan)),
        ("conc_Th_234_1umfilt", "th234_particulate", (1, math.nan)),
        ("POC flux [mmol/m**2/d] (from 234Th)", "poc_flux", ()),
        ("LSF POC/Th (umol/dpm)", "c_th_large", ()),
        ("POC_SPT", "poc_small", ()),
        ("Particulate_234Th_dpm_L", "th234_particulate", ()),
        ("[NO3]- [µmol/l]", "nitrate", ()),
    ],
)
def test_quantities_and_sizes(header, variable, sizes):
    """Sizes decide what a 234Th of particles is; what a comment says does not make a flux of another kind."""
    what = names.meaning(header)
    assert what.variable == variable
    np.testing.assert_equal((what.size_min_um, what.size_max_um), sizes or (math.nan, math.nan))


def test_uncertainties_find_their_values(tmp_path):
    """By quantity and size, before or after; one in per cent or in another unit is nobody's."""
    header = "lat,lon,depth,date,uncert_238U,238U (dpm/L),Th234_1_51um (dpm/L),Th234_gt51um (dpm/L),Th234_gt51um_2sd,"
    header += "Th234_1_51um_se,total Th234 (dpm/L),total Th234 err (%),total Th234 sd (mBq/kg),POC (umol/L),st dev"
    row = "45,-30,10,2001-01-01,0.04,2.4,0.3,0.1,0.02,0.03,2.1,5,0.9,1,0.5"
    result = digitise.read(written(tmp_path, "t.csv", f"{header}\n{row}\n"))
    sigma = result.records.set_index("variable")[["sigma", "sigma_kind"]].T.to_dict("list")
    assert sigma["u238"] == [0.04, "1sd"] and sigma["th234_particulate_large"] == [0.02, "2sd"]
    assert sigma["th234_particulate_small"] == [0.03, "se"] and np.isnan(sigma["th234_total"][0])
    assert adds_up(result)


def test_date_and_time_of_day_are_joined(tmp_path):
    """A column of dates, also compact ones, and one of times in UTC make one time."""
    text = "lat,lon,depth,Date,Time (UTC),234Th (dpm/L)\n45,-30,1,20050607,9:30,2\n45,-30,2,20050607,,2\n"
    text += "45,-30,3,2005-06-07,1015,2\n45,-30,4,7 June,10:15,2\n"
    result = digitise.read(written(tmp_path, "t.csv", text))
    times = result.records.sort_values("depth_m")["time"].astype(str).tolist()
    assert times[:3] == ["2005-06-07 09:30:00", "2005-06-07 00:00:00", "2005-06-07 10:15:00"]
    assert result.records["time"].isna().sum() == 1


# --- Any table with a sidecar ---------------------------------------------------------------------


def test_tidy(tmp_path):
    """Columns by the sidecar: own words, decimal commas, words for missing, flags, constants, source."""
    written(tmp_path, "datos.csv.yml", raw.TIDY_SIDECAR)
    result = digitise.read(written(tmp_path, "datos.csv", raw.TIDY))
    assert result.meta["format"] == "tidy" and result.meta["licence"] == "CC-BY-4.0"
    first = one(result, variable="th234_total", depth_m=5.0)
    assert (first["value"], first["sigma"], first["sigma_kind"], first["flag"]) == (2.10, 0.10, "2sd", 1)
    assert (first["latitude"], first["longitude"], first["cruise"], first["station"]) == (36.5, -7.5, "GIB05", "A")
    assert (first["source_doi"], first["curator"], first["flag_source"]) == ("10.1000/xyz", "A. Autora", "2")
    assert first["locator"] == "datos.csv, row 3, column 6: Torio total"
    assert one(result, variable="th234_total", depth_m=20.0)["value"] == 1.95  # no thousands: it is a point
    assert one(result, variable="c_th_large", depth_m=5.0)["size_min_um"] == 53
    told = set(reasons(result).values())
    assert told == {"depth is no number", "row has no depth", "outside the limits of detection", "no ISO 8601 time"}
    assert result.account["missing"] == 1 and adds_up(result)
    assert result.account["cells"] == counted(raw.TIDY.partition("\n")[2], ";")


def test_tidy_workbook(tmp_path):
    """The same sidecar serves a workbook: sheet and row of the header are named, numbers need no decimal sign."""
    book = xlsxwriter.Workbook(str(tmp_path / "datos.xlsx"))
    book.add_worksheet("notas")
    sheet = book.add_worksheet("hoja 2")
    header, *rows = list(csv.reader(io.StringIO(raw.TIDY), delimiter=";"))[1:]
    sheet.write_row(1, 0, header)
    for i, row in enumerate(rows, 2):
        for j, cell in enumerate(row):
            number = cell.replace(",", ".")
            sheet.write(i, j, float(number) if j > 1 and number.replace(".", "").lstrip("-").isdigit() else cell)
    book.close()
    written(tmp_path, "datos.yml", raw.TIDY_SIDECAR.replace('delimiter: ";"', "sheet: hoja 2"))
    result = digitise.read(tmp_path / "datos.xlsx")
    assert one(result, variable="th234_total", depth_m=5.0)["locator"].startswith("datos.xlsx, sheet hoja 2, row 3")
    assert one(result, variable="th234_total", depth_m=1.0)["value"] == 2.45 and adds_up(result)
    assert result.account["cells"] == 30


def test_tidy_constants(tmp_path):
    """What a table of one station does not say in columns, the sidecar says once."""
    told = (
        "columns: {z: depth_m, th: {variable: th234_total, unit: dpm/m3}}\nconstants: {latitude: 45, longitude: 330.0, "
    )
    written(tmp_path, "a.yml", told + "time: 2005-06-07, station: 12, method: pump, bottom_depth: 20}\n")
    result = digitise.read(written(tmp_path, "a.txt", "z|th\n10|2000\n50|2100\n"))
    first = one(result, depth_m=10.0)
    assert (first["value"], first["latitude"], first["longitude"], first["method"]) == (2.0, 45.0, -30.0, "pump")
    assert str(first["time"])[:10] == "2005-06-07" and first["time_precision"] == "day" and first["station"] == "12"
    assert "below the sea floor" in one(result, depth_m=50.0)["note"] and adds_up(result)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Torio total:", "Torio totl:", "column 'Torio totl' is not in datos.csv: near are 'Torio total'"),
        ("sigma: Err torio", "sigma: Error", "column 'Error' is not in"),
        ("th234_total", "th234_totl", "'th234_totl' is unknown: did you mean 'th234_total'"),
        ("unit: dpm/L", "unit: dpm/cup", "unit 'dpm/cup' is not known for th234_total: use dpm/L"),
        ("unit: dpm/L,", "", "unit '' is not known"),
        ("Prof: depth_m", "Prof: depth", "did you mean 'depth_m'"),
        ("  Prof: depth_m\n", "", "no column of depth_m; near are 'Prof'|no column of depth_m"),
        ("columns:", "colums:", "colums: Extra inputs .*known are columns"),
        ('decimal: ","', "decimal: comma", "decimal: Input should be"),
        ("WOCE", "WOZE", "flag_scheme"),
        ("header_row: 2", "header_row: 1", "is not in datos.csv"),
        ("header_row: 2", "header_row: 99", "beyond the end"),
        ("header_row: 2", "header_row: 0", "header_row: Input should be"),
        ("cruise: GIB05", "latitude: north", "constants.latitude: Input should be a valid number"),
        ("cruise: GIB05", "time: 7/6/2005", "constants.time: .*'7/6/2005' is no ISO 8601 time"),
        ("cruise: GIB05", "boat: x", "constants.boat: Extra inputs"),
        ("cruise: GIB05", "method: botle", "did you mean 'bottle'"),
        ("cruise: GIB05", "cruise: *x", "alias"),
        ("missing: [s.d.]", "missing: {a: b}", "missing"),
    ],
)
def test_tidy_sidecar_slips(tmp_path, old, new, words):
    """Each slip of a sidecar costs one line that names the entry, and what was meant if that can be told."""
    assert old in raw.TIDY_SIDECAR
    written(tmp_path, "datos.csv.yml", raw.TIDY_SIDECAR.replace(old, new))
    with pytest.raises(UserError, match=words) as caught:
        digitise.read(written(tmp_path, "datos.csv", raw.TIDY))
    assert "\n" not in str(caught.value)


def test_tidy_needs_its_sidecar(tmp_path):
    """Asked for by name, the format says what is missing."""
    with pytest.raises(UserError, match="needs a sidecar a.csv.yml"):
        digitise.read(written(tmp_path, "a.csv", "a,b\n1,2\n"), format="tidy")


@pytest.mark.parametrize("layout", ["seabass", "erddap", "bcodmo", "workbook"])
def test_a_format_forced_on_another_file_is_one_line(tmp_path, layout):
    """--format on a file that is not of it: refused, not crashed."""
    with pytest.raises(UserError):
        digitise.read(written(tmp_path, "a.csv", "a,b\n1,2\n"), format=layout)


# --- Units ----------------------------------------------------------------------------------------

PRINTED = sorted({printed for told in UNIT_CONVERSIONS.values() for printed in told})


@given(unit=st.sampled_from(PRINTED), value=st.floats(1e-6, 1e6))
def test_units_fold_once_and_convert_back(unit, value):
    """Folding twice changes nothing; a value converted and converted back is itself; each unit stands once."""
    assert units.fold(units.fold(unit)) == units.fold(unit)
    rules = [units.conversion(unit, variable) for variable in VARIABLES]
    assert any(rules)
    for rule in filter(None, rules):
        assert (
            value * rule.factor / rule.factor == pytest.approx(value) and math.isfinite(rule.factor) and rule.factor > 0
        )


@given(unit=st.text(max_size=20))
def test_any_text_folds(unit):
    """No text breaks the folding, and folding twice changes nothing more."""
    once = units.fold(unit)
    assert units.fold(once) == units.fold(units.fold(once))


@given(unit=st.sampled_from(PRINTED), style=st.integers(0, 5), seed=st.integers(0, 99))
def test_spellings_of_a_unit_are_one(unit, style, seed):
    """a/b, a b-1, a b^-1, a b**-1, a.b-1 and a_b^-1 are one unit, in any order of what it is per."""
    above, *below = unit.split("/")
    random.Random(seed).shuffle(below)
    powers = [(part.rstrip("23"), int(part[-1]) if part[-1] in "23" else 1) for part in below]
    signs = ("", "^", "**", "", "^", "")[style]
    between = (" ", " ", " ", ".", "_", " · ")[style]
    spelled = between.join([above, *(f"{name}{signs}-{power}" for name, power in powers)])
    assert units.fold(spelled) == units.fold(unit)


def test_each_unit_stands_once():
    """No two spellings of one unit in the table of conversions."""
    for told in UNIT_CONVERSIONS.values():
        assert len({units.fold(printed) for printed in told}) == len(told)


@pytest.mark.parametrize(
    ("unit", "variable", "factor"),
    [
        ("mBq/kg", "th234_total", 0.06), ("µBq kg⁻¹", "th234_total", 6e-5), ("Bq m-3", "u238", 0.06),
        ("dpm 100L-1", "th234_total", 0.01), ("dpm/dm^3", "th234_total", 1.0), ("dpm m-3", "th234_total", 1e-3),
        ("disintegrations per minute per liter", "u238", 1.0), ("micromoles per liter", "poc_small", 1.0),
        ("millimoles per cubic meter", "nitrate", 1.0), ("mg/m3", "poc_large", 1 / 12.011),
        ("µg/L", "chlorophyll", 1.0), ("µmol C/dpm", "c_th", 1.0), ("umol/Bq", "c_th", 1 / 60),
        ("mol m-2 yr-1", "poc_flux", 1000 / 365.25), ("g C m-2 a-1", "poc_flux", 1000 / 12.011 / 365.25),
        ("mmol C m-2 d-1", "npp", 12.011), ("°C", "temperature", 1.0),
        # of another quantity, of two meanings, or none
        ("MBq/kg", "th234_total", None), ("mg/m3", "nitrate", None), ("g/kg", "salinity", None),
        ("K", "temperature", None), ("dpm", "th234_total", None), ("dpm/umol", "c_th", None), ("dpm/L", "c_th", None),
        ("umolC/kg", "nitrate", None), ("mol/m2/d", "th234_flux", None), ("mg/m3/d", "npp", None),
        ("dpm/L (x 10)", "th234_total", None), ("pmol/kg", "u238", None), ("mmol/m-2/d-1", "poc_flux", None),
        ("", "th234_total", None), ("%", "th234_total", None),
    ],
)  # fmt: skip
def test_factors(unit, variable, factor):
    """Factors that can be checked by hand; a unit of another quantity or of two meanings has none."""
    rule = units.conversion(unit, variable)
    assert rule is None if factor is None else rule.factor == pytest.approx(factor)


# --- Anything may be broken -----------------------------------------------------------------------

WHOLE = {"a.sb": raw.SEABASS, "a.csv": raw.ERDDAP, "b.csv": raw.BCODMO, "c.csv": raw.EXPORTS, "datos.csv": raw.TIDY}


def mangled(text, seed):
    """Cut, repeat, overwrite or shuffle pieces of a text."""
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 6)):
        i, j = sorted(rng.randint(0, len(text)) for _ in range(2))
        j = min(j, i + rng.choice([1, 5, 200]))
        pieces = [
            "",
            text[i:j] * 3,
            "\t",
            ",",
            ";",
            "\n",
            '"',
            "\u00e9",
            "=1+1",
            "9e999",
            "-9999",
            "\r",
            "/",
            "(",
            "[",
            "|",
        ]
        text = text[:i] + rng.choice(pieces) + text[j:]
    return text


@ROUNDS
@given(seed=st.integers(0, 10**9), name=st.sampled_from(sorted(WHOLE)), also_sidecar=st.booleans())
def test_mangled_files_never_crash_or_lose_a_cell(tmp_path, seed, name, also_sidecar):
    """Mangled copies, and mangled sidecars, are refused in one line or read with an account that adds up."""
    sidecars = {"datos.csv": raw.TIDY_SIDECAR, "b.csv": BCODMO_SIDECAR}
    for other, told in sidecars.items():
        written(tmp_path, f"{other}.yml", mangled(told, seed) if also_sidecar else told)
    try:
        result = digitise.read(written(tmp_path, name, mangled(WHOLE[name], seed)))
    except UserError as problem:
        assert "\n" not in str(problem)
        return
    assert adds_up(result)


HEAD_LINES = {"a.csv": 2, "b.csv": 3, "c.csv": 1, "datos.csv": 2}


@ROUNDS
@given(seed=st.integers(0, 10**9), name=st.sampled_from(sorted(HEAD_LINES)))
def test_mangled_data_are_counted_as_the_csv_module_counts(tmp_path, seed, name):
    """Below a whole header any data are read: as many cells as the csv module sees, each accounted for."""
    written(tmp_path, "datos.csv.yml", raw.TIDY_SIDECAR)
    written(tmp_path, "b.csv.yml", BCODMO_SIDECAR)
    lines = WHOLE[name].split("\n")
    head, data = lines[: HEAD_LINES[name]], mangled("\n".join(lines[HEAD_LINES[name] :]), seed)
    result = digitise.read(written(tmp_path, name, "\n".join([*head, data])))
    sign = ";" if name == "datos.csv" else ","
    width = len(next(csv.reader([head[-1]], delimiter=sign)))
    seen = csv.reader(io.StringIO(data.replace("\r", " ")), delimiter=sign)
    assert result.account["cells"] == sum(len(row) for row in seen if len(row) >= width or "".join(row).strip())
    assert adds_up(result)


def test_sidecars_are_not_loaded_without_need(tmp_path):
    """Files without a sidecar do not wait for what reads sidecars."""
    path = written(tmp_path, "t.csv", raw.EXPORTS)
    code = [
        "import sys",
        "from seaofcarbon.digitise import bcodmo, opening, tidy, workbook",
        f"source = opening.opened({str(path)!r})",
        "assert not tidy.recognise(source) and not bcodmo.recognise(source) and workbook.read(source)",
        "print('pydantic' in sys.modules)",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(code)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
