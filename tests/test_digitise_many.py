"""Many files are digitised as one table: what comes out is the same as file by file."""

import gzip

import pandas as pd
import pytest

import digitise_files as raw
from seaofcarbon import digitise, records


@pytest.fixture
def paths(tmp_path):
    """One file of each of three layouts, the second of them twice under other names."""
    texts = {"a.tab": raw.PANGAEA, "b.csv": raw.geotraces(False), "c.csv": raw.geotraces(True)}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return [*(tmp_path / name for name in texts), raw.workbook(tmp_path / "d.xlsx")]


UNLINKED = ["flag", "note", "duplicate_of"]
"""Columns that look across files."""


def test_together_is_as_one_by_one(paths):
    """Records, rejects and accounts of many files are those of each file, one after the other."""
    together = digitise.read_many(paths, progress=False)
    single = [digitise.read(path) for path in paths]
    apart = records.conform(pd.concat([one.records for one in single]))
    pd.testing.assert_frame_equal(together.records.drop(columns=UNLINKED), apart.drop(columns=UNLINKED))
    pd.testing.assert_frame_equal(together.rejects, pd.concat([one.rejects for one in single], ignore_index=True))
    for about, one in zip(together.meta["sources"], single, strict=True):
        assert about["account"] == one.account and about["rows"] == one.meta["rows"]
    assert {name: sum(one.account[name] for one in single) for name in together.account} == together.account


def test_batches_do_not_matter(paths, monkeypatch):
    """However many files are digitised in one go, the same comes out."""
    whole = digitise.read_many(paths, progress=False)
    monkeypatch.setattr(digitise, "BATCH_CELLS", 10)
    parts = digitise.read_many(paths, progress=False)
    pd.testing.assert_frame_equal(parts.records, whole.records)
    pd.testing.assert_frame_equal(parts.rejects, whole.rejects)
    assert parts.account == whole.account and parts.not_wanted == whole.not_wanted


def test_file_without_records_does_not_stop_the_others(paths, tmp_path):
    """A broken file among many is a problem in one line; the others are read."""
    (tmp_path / "empty.tab").write_text("")
    found = digitise.read_many([tmp_path / "empty.tab", *paths], progress=False)
    assert len(found.meta["problems"]) == 1 and len(found.meta["sources"]) == len(paths)
    assert len(found.records) == found.account["records"]


def test_one_name_in_two_folders(tmp_path):
    """Files of one name are told apart by their folders, and a file that is given twice is read once."""
    for folder, total in (("one", "2.10"), ("two", "2.11")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.tab").write_text(raw.PANGAEA.replace("2.10", total), encoding="utf-8")
    both = [tmp_path / "one" / "a.tab", tmp_path / "two" / "a.tab"]
    found = digitise.read_many([*both, both[0]], progress=False)
    turned = digitise.read_many(both[::-1], progress=False)
    assert set(turned.records["record_id"]) == set(found.records["record_id"])
    assert found.records["locator"].str.partition(",")[0].unique().tolist() == ["one/a.tab", "two/a.tab"]
    assert found.records["record_id"].is_unique


def test_what_is_written_validates(paths, tmp_path):
    """Records, rejects and package of the command line are what Frictionless accepts."""
    frictionless = pytest.importorskip("frictionless", reason="the Frictionless validator is not installed")
    found = digitise.read_many(paths, progress=False)
    rejects = digitise.write(found, tmp_path / "all.csv", "all-")
    assert rejects.name == "all-rejects.csv"
    report = frictionless.validate(str(tmp_path / "all-datapackage.json"))
    assert report.valid, report.to_summary()
    pd.testing.assert_frame_equal(records.read(tmp_path / "all.csv"), found.records)


def test_same_content_under_another_name_is_read_once(paths, tmp_path):
    """A copy of a file, packed or renamed, is named as one and gives no records of its own."""
    with gzip.open(tmp_path / "copy.tab.gz", "wb") as stream:
        stream.write(paths[0].read_bytes())
    found = digitise.read_many([*paths, tmp_path / "copy.tab.gz"], progress=False)
    assert "the same content as" in found.meta["problems"][0]
    assert len(found.records) == len(digitise.read_many(paths, progress=False).records)


def test_names_that_qualify_a_quantity_are_not_it(tmp_path):
    """A detection limit, a model or a difference is not the measurement; UTF-16 as spreadsheets write it is read."""
    header = "latitude,longitude,depth_m,234Th (dpm/L),234Th detection limit (dpm/L),modelled 234Th (dpm/L)"
    (tmp_path / "a.csv").write_text(header + "\n40,-30,5,2.0,0.3,2.4\n", encoding="utf-16")
    assert digitise.read(tmp_path / "a.csv").records["value"].tolist() == [2.0]
