"""The command line: what it promises to scripts and to people, and its one line when something is wrong."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import seaofcarbon
from digitise_files import PANGAEA
from learn_sea import SEED, covariates, table
from seaofcarbon import cli, files, records
from seaofcarbon.vocabulary import LAMBDA_TH234_PER_D


@pytest.fixture
def call(capsys):
    """Call the command line; return exit code, stdout and stderr."""

    def go(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return go


def test_help_is_quick():
    """Help in under a second: nothing heavy is imported before a command needs it."""
    heavy = {"numpy", "pandas", "xarray", "scipy", "sklearn", "matplotlib"}
    code = f"import sys, seaofcarbon.cli; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], "rnu"),
        (["run", "--naem", "x"], "--name"),
        (["run", "05-mpas"], "did you mean 05-maps?"),
        (["run", "05-maps", "-p", "dpeth_m=150"], "did you mean depth_m?"),
        (["run", "05-maps", "-p", "depth_m=abc"], "not a number"),
        (["run", "05-maps", "-p", "depth_m"], "NAME=VALUE"),
        (["run", "--profile", "tiwn"], "did you mean twin?"),
        (["run", "ALL"], "did you mean all?"),
        (["run", "all", "--name", "../x"], "cannot name a run"),
        (["run", "--name", "deep"], "all, or notebooks, as in `run 05-maps --name deep`"),
        (["run", "--name", "deep", "--publish"], "say what to run"),
        (["run", "--name", "real", "-p", "profile=twin"], "say what to run"),
        (["run", "05-maps", "--publish"], "need the --name of a run"),
        (["run", "--no-publish"], "need the --name of a run"),
        (["run", "--name", "twin", "--no-publish"], "run twin is the walk of the book itself"),
        (["run", "05-maps", "--name", "deep", "--no-publish"], "--no-publish runs nothing"),
        (["book", "--profile", "reel"], "did you mean real?"),
        (["digitise", "a.tab", "--out", "a.xlsx"], "--out a.xlsx"),
        (["digitise", "no-such-file.tab", "--out", "a.parquet"], "no-such-file.tab"),
        (["digitise", "no-such-file.tab", "--check"], "no-such-file.tab"),
        (["digitise", "a.tab"], "--check"),
        (["digitise", __file__, "--check", "--format", "tdy"], "did you mean tidy?"),
        (["digitise", "a.tab", "--check", "--out", "a.csv"], "writes no records"),
        (["flux", "no-such-file.csv", "--out", "a.csv"], "no-such-file.csv"),
        (["flux", "x.csv", "--out", "a.csv", "--u238", "owens"], "did you mean owens2011?"),
        (["flux", "x.csv", "--out", "a.csv", "--depth", "-5"], "metres"),
        (["flux", "x.csv", "--out", "a.csv", "--method", "nsss"], "did you mean nss?"),
        (["flux", "x.csv", "--out", "a.csv", "--depth", "equilibrum"], "did you mean equilibrium?"),
        (["flux", "x.csv", "--out", "a.csv", "--window", "60,10"], "such as 10,60"),
        (["flux", "x.csv", "--out", "a.csv", "--upwelling", "much"], "--upwelling much"),
        (["flux", __file__, "--out", "a.csv"], "`seaofcarbon digitise` reads other files"),
        (["predict", "no.csv", "--model", "m", "--out", "a.csv"], "no.csv"),
        (["predict"], "POINTS.csv"),
        (["catalog", "show", "mouw"], "did you mean mouw2016?"),
        (["catalog", "cite", "owen2011"], "did you mean owens2011?"),
        (["catalog", "show", "../x"], "`catalog list` names them all"),
        (["catalog", "cite", "--run", "no-such-run"], "no-such-run"),
        (["catalog", "cite"], "--run"),
    ],
)
def test_wrong_use_is_one_line_and_2(call, arguments, words):
    """Bad input: exit 2, nothing on stdout, one line that helps, no traceback."""
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("seaofcarbon: ")
    assert err.count("\n") == 1
    assert words in err


def test_a_bug_is_70_with_a_log(call, monkeypatch):
    """Our own faults look different from the user's: 70, one line, and the traceback in a file."""
    from seaofcarbon import catalog

    monkeypatch.setattr(catalog, "fetch", lambda name: 1 / 0)
    code, _, err = call("catalog", "fetch", "climatology")
    assert code == 70
    assert err.count("\n") == 1
    log = err.split("(see ")[1].rstrip(")\n")
    with open(log) as stream:
        assert "Traceback" in stream.read()


@pytest.mark.parametrize("command", [["run"], ["digitise"], ["flux"], ["predict"], ["book"], ["catalog", "cite"], []])
def test_help_works_for_each_command(call, command):
    """Help is no error, and the commands that take or give numbers tell their units."""
    code, out, _ = call(*command, "--help")
    assert code == 0
    if command and command[0] in ("digitise", "flux", "predict"):
        assert "dpm m-2 d-1" in " ".join(out.split())


def test_version(call):
    """The version is told, as reports of bugs ask for it."""
    assert call("--version")[:2] == (0, f"seaofcarbon {seaofcarbon.__version__}\n")


def test_digitise_says_what_was_set_aside(call, tmp_path):
    """Exit 1 when rows were set aside, with the file that lists them; the account adds up in the message."""
    (tmp_path / "a.tab").write_text(PANGAEA, encoding="utf-8")
    (tmp_path / "empty.tab").write_text("")
    out = tmp_path / "records.parquet"
    code, said, err = call("digitise", tmp_path / "a.tab", tmp_path / "empty.tab", "--out", out)
    assert code == 1
    assert f"{len(records.read(out))} records" in said
    assert "empty.tab" in err
    rejects = files.read_csv(tmp_path / "records-rejects.csv")
    assert f"{len(rejects)} values set aside" in err
    assert set(rejects.columns) >= {"file", "row", "column", "value", "reason"}


def test_digitise_check_tells_and_writes_nothing(call, tmp_path):
    """Before a file is sent in: 1 where there is something to mend, 0 where not, and no file beside it either way."""
    name = "a.tab"
    (tmp_path / name).write_text(PANGAEA, encoding="utf-8")
    code, said, _ = call("digitise", "--check", tmp_path / name)
    assert code == 1 and "4 records (28 cells" in said and said.endswith("\n3 set aside\n")
    assert "15 used as place, time, name or uncertainty; 4 not read)" in said
    assert "depth is no number (a.tab, row 20: bottom); give depths in metres" in said
    mended = PANGAEA.replace("bottom", "100").replace("<0.1", "0.1")
    (tmp_path / name).write_text(mended, encoding="utf-8")
    code, said, _ = call("digitise", "--check", tmp_path / name)
    assert code == 0 and "6 records" in said and "noted" in said and "nothing was doubted" in said
    assert [path.name for path in tmp_path.iterdir()] == [name]


CLUMSY = """cruise,station,time,latitude,longitude,depth [m],bottom depth [m],Th234 total [dpm/L],nitrate [foo],x [bar]
C,1,2014-05-21T10:30,40,-20,0,4000,1.4,3,5
C,1,2014-05-21T10:30,40,-20,50,4000,nd,3,5
C,1,2014-05-21T10:30,40,-20,100,4000,nd,3,5
C,1,2014-05-21T10:30,40,-20,150,120,2.3,3,5
C,1,2014-05-21T10:30,40,-20,200
C,1,2014-05-21T10:30,40,-20,300,4000,2.41,3,5
C,1,2014-05-21T10:30,40,-20,300,4000,2.41,3,5
"""


def test_digitise_check_shows_what_it_doubts(call, tmp_path):
    """The kept copy, both depths, a short row in one line, the words for missing, the units that are known."""
    (tmp_path / "a.csv").write_text(CLUMSY)
    lines = call("digitise", "--check", tmp_path / "a.csv")[1].splitlines()

    def line(words):
        (found,) = [line for line in lines if words in line]
        return found

    copied, kept = line("duplicate").split("kept is")
    assert ("row 7, " in copied and "row 8, " in kept) or ("row 8, " in copied and "row 7, " in kept)
    assert "150 m, sea floor 120 m" in line("below the sea floor of its file")
    assert "row has 6 cells, the table 10 columns" in line("(a.csv, row 6)")
    assert "noted, 2: Th234 total [dpm/L]: 'nd' taken as missing (a.csv, row 3)" in line("'nd'")
    assert "unit 'foo' is not known for nitrate" in line("'foo'") and "umol/L, mmol/L" in line("'foo'")
    assert line("columns not read").endswith(": x [bar]")
    assert "values without uncertainty (first: a.csv, row 2, " in line("without uncertainty")
    kinds = [found[1] for found in (re.match(r"  ([a-z ]+), \d", line) for line in lines) if found]
    order = ["record flagged", "duplicate", "set aside", "noted"]
    assert kinds == sorted(kinds, key=order.index) and set(kinds) == set(order)
    assert re.fullmatch(r"\d+ doubted by us, \d+ set aside", lines[-1])


def test_a_word_for_missing_in_many_columns_is_one_line(call, tmp_path):
    """NaN in two columns is told once, with their number."""
    (tmp_path / "a.csv").write_text(CLUMSY.replace(",3,5", ",NaN,5").replace("nitrate [foo]", "salinity"))
    (line,) = [line for line in call("digitise", "--check", tmp_path / "a.csv")[1].splitlines() if "'NaN'" in line]
    assert line.startswith("  noted, 6: salinity: 'NaN' taken as missing")
    (tmp_path / "a.csv").write_text(CLUMSY.replace(",3,5", ",nd,5").replace("nitrate [foo]", "salinity"))
    (line,) = [line for line in call("digitise", "--check", tmp_path / "a.csv")[1].splitlines() if "'nd'" in line]
    assert line.startswith("  noted, 8: 'nd' taken as missing in 2 columns")


def test_run_taken_out_twice(call, tmp_path, monkeypatch):
    """A run without pages is told so, and no book is built for it."""
    monkeypatch.setenv("SEAOFCARBON_HOME", str(tmp_path))
    (tmp_path / "notebooks").mkdir()
    files.write_json({"profile": "twin", "published": False}, tmp_path / "runs" / "deep" / "run.json")
    code, said, _ = call("run", "--name", "deep", "--no-publish")
    assert code == 0 and said == "runs/deep has no page in the book: nothing to take out\n"


def test_book_that_fails_leaves_the_run_as_it_was(call, tmp_path, monkeypatch):
    """A page that could not be built is not asked for by the next book, and one that stayed can be taken out again."""
    monkeypatch.setenv("SEAOFCARBON_HOME", str(tmp_path))
    (tmp_path / "notebooks").mkdir()
    path = tmp_path / "runs" / "deep" / "run.json"
    files.write_json({"profile": "twin", "published": True}, path)
    for _ in range(2):
        code, _, said = call("run", "--name", "deep", "--no-publish")
        assert code == 2 and "twin" in said, "there is no run of the twin to make a book of"
        assert files.read_json(path)["published"] is True


def test_catalog_check_opens_what_is_at_hand(call, tmp_path, monkeypatch):
    """Embedded entries open; what is not there is no fault; a file with other bytes than the catalogue's is one."""
    monkeypatch.setenv("SEAOFCARBON_DATA", str(tmp_path))
    code, said, _ = call("catalog", "check")
    assert code == 0 and "climatology               opens" in said
    assert "mouw2016                  not at hand: `seaofcarbon catalog fetch mouw2016` fetches it" in said
    here = sum(" opens as " in line for line in said.splitlines())
    absent = sum(" not at hand: " in line for line in said.splitlines())
    assert said.splitlines()[-1] == f"{here} entries opened, 0 not, {absent} not at hand"
    (tmp_path / "pangaea").mkdir()
    (tmp_path / "pangaea" / "GO_flux.tab").write_text("not this one")
    code, said, _ = call("catalog", "check")
    assert code == 1 and "mouw2016                  DOES NOT OPEN" in said
    assert said.splitlines()[-1] == f"{here} entries opened, 1 not, {absent - 1} not at hand"


def test_flux_of_a_known_profile(call, tmp_path):
    """A deficit of 1 dpm L-1 down to 100 m is a flux of lambda x 1000 L m-3 x 100 m."""
    depth = np.arange(0.0, 201.0, 25.0)
    wide = pd.DataFrame({
        "cruise": "C", "station": "1", "time": "2014-05-21T10:30", "latitude": 40.0, "longitude": -20.0,
        "depth_m": depth, "th234_total": 1.4, "th234_total_sigma": 0.05, "u238": 2.4, "u238_sigma": 0.05,
    })  # fmt: skip
    files.write_csv(wide, tmp_path / "wide.csv")
    out = tmp_path / "fluxes.csv"
    code, said, _ = call("flux", tmp_path / "wide.csv", "--depth", "100", "--depth", "equilibrium", "--out", out)
    assert code == 0
    assert "1 of 2 fluxes of 1 cast; 1 flux without a number" in said
    found = files.read_csv(out)
    assert found["depth_kind"].tolist() == ["fixed", "equilibrium"]
    assert found["th234_flux"].iloc[0] == pytest.approx(LAMBDA_TH234_PER_D * 1e5)
    assert found["reason"].iloc[1]


@pytest.mark.parametrize("zone", ["Z", "+02:00"])
def test_flux_takes_times_with_a_zone(call, tmp_path, zone):
    """Instruments write Z or an offset: the cast is the same, in UTC."""
    lines = [f"C,1,2014-05-21T01:30{zone},40,-20,{depth},1.4,2.4" for depth in (0, 50, 100, 150)]
    head = "cruise,station,time,latitude,longitude,depth_m,th234_total,u238"
    (tmp_path / "wide.csv").write_text("\n".join([head, *lines]))
    code, _, _ = call("flux", tmp_path / "wide.csv", "--out", tmp_path / "fluxes.csv")
    assert code == 0
    hours = {"Z": 0, "+02:00": 2}[zone]
    time = files.read_csv(tmp_path / "fluxes.csv")["time"]
    assert time.tolist() == [pd.Timestamp("2014-05-21T01:30") - pd.Timedelta(hours=hours)]


def test_predict_at_points(call, tmp_path):
    """Fields of the run, checked by hash; a point on land or too deep has a reason and no number."""
    from seaofcarbon.learn.models import Model

    run_dir = tmp_path / "runs" / "small"
    files.write_netcdf(covariates(), run_dir / "covariates.nc")
    model = Model.fit(table(n_cruises=20), "th234_flux", SEED)
    model.card["covariates"] = {"entry": "covariates", "sha256": files.content_hash(run_dir / "covariates.nc")}
    model.save(run_dir / "model" / "th234_flux")
    files.write_json({"main_target": "th234_flux", "targets": ["th234_flux"]}, run_dir / "model" / "card.json")
    points = pd.DataFrame({
        "name": ["sea", "land", "deep"], "time": "2010-05-01", "latitude": [5.0, 45.0, 5.0],
        "longitude": [-145.0, 30.0, -145.0], "depth_m": [100.0, 100.0, 400.0],
    })  # fmt: skip
    files.write_csv(points, tmp_path / "points.csv")
    out = tmp_path / "out.csv"
    code, said, _ = call("predict", tmp_path / "points.csv", "--model", run_dir / "model", "--out", out)
    assert code == 0
    assert "1 prediction of th234_flux; 2 points without a number" in said
    found = files.read_csv(out)
    assert found["name"].tolist() == points["name"].tolist()
    assert found["prediction"].notna().tolist() == [True, False, False]
    assert found["reason"].fillna("").tolist() == ["", "land", "below 250 m"]
    assert set(found["unit"]) == {"dpm m-2 d-1"}

    one = call("predict", tmp_path / "points.csv", "--model", run_dir / "model" / "th234_flux", "--out", out)
    assert one[0] == 0

    # written again on another day, the fields are the same; times with a zone are the same times
    files.write_netcdf(covariates(), run_dir / "covariates.nc", {"date_created": "2001-01-01", "history": "anew"})
    for time in ("2010-05-01T00:00Z", "2010-05-01T02:00+02:00"):
        files.write_csv(points.assign(time=time), tmp_path / "zoned.csv")
        assert call("predict", tmp_path / "zoned.csv", "--model", run_dir / "model", "--out", out)[0] == 0
        pd.testing.assert_frame_equal(files.read_csv(out), found)
    rows = (tmp_path / "points.csv").read_text().replace("45.0,30.0", "120,30.0").splitlines()
    (tmp_path / "slip.csv").write_text("\n".join([rows[0], "", *rows[1:]]))
    code, said, err = call("predict", tmp_path / "slip.csv", "--model", run_dir / "model", "--out", out)
    assert code == 1 and "1 prediction of" in said and "1 point could not be read" in err
    assert files.read_csv(out)["reason"][1] == "latitude: '120' is outside -90 to 90 degrees: mend it"
    (tmp_path / "slip.csv").write_text("\n".join([rows[0], "", rows[2]]))
    code, _, err = call("predict", tmp_path / "slip.csv", "--model", run_dir / "model", "--out", out)
    assert code == 2
    assert "slip.csv, row 3, column latitude: '120' is outside -90 to 90 degrees" in err
    (tmp_path / "slip.csv").write_text(rows[0])
    code, _, err = call("predict", tmp_path / "slip.csv", "--model", run_dir / "model", "--out", out)
    assert code == 2 and "slip.csv holds no points" in err

    files.write_netcdf(covariates() + 1, run_dir / "covariates.nc")
    code, _, err = call("predict", tmp_path / "points.csv", "--model", run_dir / "model", "--out", out)
    assert code == 2
    assert "sha256" in err
    (run_dir / "covariates.nc").unlink()
    code, _, err = call("predict", tmp_path / "points.csv", "--model", run_dir / "model", "--out", out)
    assert code == 2
    assert "is not in the folder of its run" in err


def test_catalog(call):
    """The catalogue can be listed, shown and cited."""
    code, out, _ = call("catalog", "list")
    assert code == 0
    assert "mouw2016" in out
    assert "licence:" in call("catalog", "show", "mouw2016")[1]
    assert "@" in call("catalog", "cite", "mouw2016", "owens2011")[1]


def test_no_input_is_written_over(call, tmp_path):
    """An output that has the name of an input is refused before anything is written."""
    (tmp_path / "a.csv").write_text(PANGAEA, encoding="utf-8")
    code, _, err = call("digitise", tmp_path / "a.csv", "--out", tmp_path / "a.csv")
    assert code == 2 and "would write over the input" in err
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == PANGAEA


# --- What is carried through, and what would be lost --------------------------------------------------------------


def test_predict_carries_text_through_and_keeps_the_input(call, tmp_path, monkeypatch):
    """Identifiers keep their digits; a column that is to be added, one there twice, or the input as output stop."""
    head = "time,latitude,longitude,depth_m,id"
    for text, words in (
        (f"{head},reason\n2010-05-01,30,-30,100,1,x\n", "column reason is one that predict adds"),
        (f"{head},depth_m\n2010-05-01,30,-30,100,1,200\n", "column depth_m is there twice"),
        (f"{head}\n2010,30,-30,100,1\n".replace(",", ";"), "separated by commas"),
    ):  # fmt: skip
        path = tmp_path / "points.csv"
        path.write_text(text)
        code, _, err = call("predict", path, "--model", tmp_path, "--out", tmp_path / "p.csv")
        assert code == 2 and words in err
    code, _, err = call("predict", path, "--model", tmp_path, "--out", path)
    assert code == 2 and "would write over the input" in err
    from seaofcarbon.learn.predict import read_points

    path.write_text(
        f"{head}\n2010-05-01,30.123456789012345,-30,100,12345678901234567890\n,,,,\n2010-05,30,-30,100,1.10\n"
    )
    table = read_points(path)
    assert table["id"].tolist() == ["12345678901234567890", "1.10"] and table["latitude"][0] == "30.123456789012345"
    assert table.index.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("text", "words"), [("2010", "is a year"), ("3000-01-01", "is no time of measurement"), ("tomorrow", "is no time")]
)
def test_times_that_are_none(text, words):
    """A year is no day; the year 3000 is a slip; each is named with its row."""
    with pytest.raises(files.UserError, match=words):
        files.checked_times(pd.Series([text], index=[1], name="time"), "points.csv")


def test_a_month_stands_at_its_middle():
    """2010-05 is the fifteenth, as in records."""
    assert files.checked_times(pd.Series(["2010-05"], name="time"), "x")[0] == pd.Timestamp("2010-05-15")
