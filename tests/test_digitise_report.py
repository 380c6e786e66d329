"""The report tells the author of a source what was found, how often, where, and what would mend it."""

import pandas as pd
import pytest

import digitise_files as raw
from seaofcarbon import digitise, records
from seaofcarbon.digitise import report
from seaofcarbon.digitise.quality import check
from seaofcarbon.vocabulary import VARIABLES


def table(*rows):
    """Records of two sources, or what each row makes of them."""
    base = {
        "source_id": "S", "cruise": "C", "station": "1", "time": pd.Timestamp("2010-05-01"), "time_precision": "day",
        "latitude": 10.0, "longitude": -30.0, "variable": "th234_total", "value": 2.0, "unit": "dpm L-1",
    }  # fmt: skip
    own = [{"depth_m": 10.0 + i, "locator": f"S.csv, row {i}, column 5: Th"} for i in range(len(rows))]
    told = [base | at | row for at, row in zip(own, rows, strict=True)]
    return records.conform(pd.DataFrame(told))


def one(found, **where):
    """The only row of a report with these cells."""
    for name, value in where.items():
        found = found[found[name] == value]
    assert len(found) == 1
    return found.iloc[0]


def test_each_kind_has_its_row():
    """Doubts, flags of the source, duplicates and mended cells are counted apart, each with an example and a remedy."""
    df = check(
        table(
            {}, {"note": "middle of depth range 1_3"}, {"value": 9.0}, {"value": 9.5, "note": "density from its cast"},
            {"flag": 4, "flag_source": "4", "flag_scheme": "SEADATANET"}, {"depth_m": 10.0}, {"sigma": 0.0},
            {"value": -3.0, "time": None}, {"source_id": "T", "latitude": 20.0},
        )
    )  # fmt: skip
    found = report.report(df)
    assert found.columns.tolist() == report.COLUMNS and set(found["source_id"]) == {"S"}
    row = one(found, what="value out of range")
    assert row[["kind", "variable", "n", "share"]].tolist() == ["record flagged", "th234_total", 3, 3 / 8]
    assert row["example"] == "S.csv, row 2, column 5: Th: 9 dpm L-1, expected -0.5 to 6" and "unit" in row["mend"]
    assert one(found, what="flagged by the source (SEADATANET 4)")["n"] == 1
    copied = one(found, kind="duplicate")
    assert copied["what"] == "duplicate of a record in S"
    rows = [f"S.csv, row {n}, column 5: Th" for n in (0, 5)]
    assert copied["example"] in ("; kept is ".join(rows), "; kept is ".join(rows[::-1]))
    noted = found[found["kind"] == "noted"]
    assert set(noted["what"]) == {"middle of depth range", "density from its cast", "uncertainty of 0"}
    assert (found["mend"] != "").all() and found["kind"].is_monotonic_increasing is False
    assert one(found, what="time unknown")["n"] == 1


def test_cells_set_aside_and_the_account(tmp_path):
    """All that came out of a file: its rejects by column with an example, and the five numbers, which add up."""
    data = digitise.read(raw.workbook(tmp_path / "w.xlsx"))
    found = report.report(data)
    aside = found[found["kind"] == "set aside"]
    assert aside["n"].sum() == len(data.rejects) and set(aside["variable"]) == set(data.rejects["column"])
    assert aside["example"].str.startswith("w.xlsx, row ").all() and set(aside["source_id"]) == {"w"}
    cells = found[found["kind"] == "cells"]
    assert cells["n"].sum() == data.account["cells"] and cells["share"].sum() == pytest.approx(1.0)
    pd.testing.assert_frame_equal(found, report.report(data.records, data.rejects, data.account, data.words))
    words = found[found["what"].str.endswith(" taken as missing")]
    assert set(words["kind"]) == {"noted"} and words["n"].sum() == data.words["n"].sum() > 0


def test_short_rows_are_told_as_rows():
    """However many cells a short row has, it is one line; four of one length are one line, too."""
    rejects = pd.DataFrame({
        "file": "S.csv", "row": [2, 2, 4, 4, 6, 6, 9, 9], "column": ["a", "b"] * 4, "value": "1",
        "reason": "row has 2 cells, the table 3 columns: is the file complete there?",
    })  # fmt: skip
    row = one(report.report(table({}), rejects), kind="set aside")
    assert row[["n", "example", "variable"]].tolist() == [4, "S.csv, row 2, 4, 6 and 1 more", ""] and row["mend"]
    assert pd.isna(row["share"]), "rows are no share of the values"


def test_deep_equilibrium_is_told():
    """A cruise that is off stands in the report, with its ratio; one that is not does not."""
    deep = [{"depth_m": 600.0 + z, "cruise": c, "latitude": y, "value": v, "flag": 1}
            for c, y, v in (("C", 10.0, 2.6), ("D", 20.0, 2.44)) for z in (0, 100, 200)]  # fmt: skip
    salt = [
        row | {"variable": "salinity", "value": 35.0, "unit": "1", "locator": f"s {i}"} for i, row in enumerate(deep)
    ]
    row = one(report.report(table(*deep, *salt)), kind="deep equilibrium")
    assert row["what"] == "234Th/238U below 300 m is 1.07 (median)"
    assert row["n"] == 3 and row["example"].startswith("cruise C")


def test_nothing_to_tell():
    """Good records give an empty table with the same columns."""
    found = report.report(check(table({}, {})), pd.DataFrame())
    assert found.empty and found.columns.tolist() == report.COLUMNS


def test_every_doubt_has_a_remedy():
    """What the checks write is known to the report."""
    words = [
        (df, text) for df, text in (
            (table({"latitude": 95.0}), "globe"), (table({"depth_m": -1.0}), "depth"), (table({"time": None}), "time"),
            (table({"latitude": 48.0, "longitude": 20.0}), "land"), (table({"depth_m": 9000.0}), "floor"),
            (table({"time_precision": "year"}), "month"), (table({}, {"value": 3000.0}, {}), "1000 times"),
        )
    ]  # fmt: skip
    for df, text in words:
        found = report.report(check(df))
        assert len(found) == 1 and text in found["what"][0] and found["mend"][0]
        assert found["what"][0].endswith("unknown") or found["example"][0].count(": ") == 2  # with the numbers
    assert all(v.unit for v in VARIABLES.values())
