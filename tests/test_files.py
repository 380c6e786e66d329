"""Files come out whole, come back equal, and never leave their folder."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from seaofcarbon import files
from seaofcarbon.vocabulary import VARIABLES


def test_atomic_leaves_the_old_file_when_the_writer_fails(tmp_path):
    """A run that dies while it writes must not leave half a file."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), files.atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_atomic_replaces_a_folder(tmp_path):
    """Models and Zarr stores are folders: the new one takes the place of the old one as a whole."""
    for text in ("old", "new"):
        with files.atomic(tmp_path / "model") as temporary:
            temporary.mkdir()
            (temporary / text).write_text(text)
    assert [p.name for p in (tmp_path / "model").iterdir()] == ["new"]


def test_sha256_of_file_and_folder(tmp_path):
    """The digest of `abc` is the one of FIPS 180-2; a folder's digest knows names as well as contents."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_bytes(b"abc")
    assert files.sha256(tmp_path / "d" / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    before = files.sha256(tmp_path / "d")
    (tmp_path / "d" / "a").rename(tmp_path / "d" / "b")
    assert files.sha256(tmp_path / "d") != before


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "", ".", "link/x", "a\0b"])
def test_safe_join_stays_inside(tmp_path, name):
    """A name out of a catalogue or an archive must not climb out of the folder."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    with pytest.raises(files.UserError):
        files.safe_join(tmp_path / "in", name)


def test_safe_join_allows_what_is_inside(tmp_path):
    """Ordinary names pass, folders and dots in them included."""
    assert files.safe_join(tmp_path, "pangaea/GO_flux..tab") == tmp_path / "pangaea" / "GO_flux..tab"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), min_size=1, max_size=5))
def test_csv_text_comes_back(tmp_path_factory, texts):
    """Any text survives the guard against spreadsheet formulas; only empty text becomes missing."""
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    df = pd.DataFrame({"station": texts, "n": range(len(texts))})
    files.write_csv(df, path)
    back = files.read_csv(path, dtype={"station": "str"})
    assert back["station"].astype(object).fillna("").tolist() == texts


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_csv_numbers_come_back_to_the_bit(tmp_path_factory, numbers):
    """A table that was written and read again holds the same numbers, not almost the same."""
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    files.write_csv(pd.DataFrame({"value": numbers}), path)
    assert files.read_csv(path)["value"].tolist() == numbers


def test_csv_guards_formulas_and_keeps_types(tmp_path):
    """Formulas are defused on disk; numbers come back to the bit, times to the fraction, and NA is a name."""
    time = pd.to_datetime(["2014-05-15T12:00:00.123", None]).astype("datetime64[ns]")
    df = pd.DataFrame({"station": ["=cmd()", "NA"], "value": [-0.1, np.nan], "time": time})
    files.write_csv(df, tmp_path / "a.csv")
    assert "'=cmd()" in (tmp_path / "a.csv").read_text()
    pd.testing.assert_frame_equal(files.read_csv(tmp_path / "a.csv"), df, check_dtype=False)


def test_csv_times_are_utc_without_a_zone(tmp_path):
    """Z and offsets are understood, also mixed; what is no time is told with its row."""
    (tmp_path / "a.csv").write_text('time\n2014-05-21T10:30Z\n2014-05-21T12:30+02:00\n2014-05-21T10:30\n""\n')
    time = files.read_csv(tmp_path / "a.csv", skip_blank_lines=False)["time"]
    assert time.dtype == "datetime64[ns]" and time.isna().tolist() == [False] * 3 + [True]
    assert set(time.dropna()) == {pd.Timestamp("2014-05-21T10:30")}
    (tmp_path / "a.csv").write_text("time\n2014-05-21\nsoon\n")
    with pytest.raises(files.UserError, match="row 3, column time: 'soon' is no time"):
        files.read_csv(tmp_path / "a.csv")


def test_parquet_comes_back_with_its_types(tmp_path):
    """Parquet keeps dtypes, and the same table gives the same bytes."""
    df = pd.DataFrame({"time": pd.to_datetime(["2014-05-15"]).astype("datetime64[ns]"), "flag": np.array([1], "int8")})
    files.write_parquet(df, tmp_path / "a.parquet")
    files.write_parquet(df, tmp_path / "b.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), df)
    assert files.sha256(tmp_path / "a.parquet") == files.sha256(tmp_path / "b.parquet")


def test_json_holds_numpy_and_no_nan(tmp_path):
    """NaN is not JSON: strict readers elsewhere must be able to open our files."""
    files.write_json({"n": np.int64(3), "x": [np.nan, np.float32(0.5)], "p": tmp_path}, tmp_path / "a.json")
    assert files.read_json(tmp_path / "a.json") == {"n": 3, "x": [None, 0.5], "p": str(tmp_path)}


@pytest.mark.parametrize("reader", [files.read_csv, files.read_json, files.read_netcdf])
def test_missing_and_broken_files_are_one_line(tmp_path, reader):
    """No traceback of a library for a file that is not there or not what it should be."""
    (tmp_path / "junk").write_bytes(b"\x89\x00\xff{")
    for name in ("absent", "junk"):
        with pytest.raises(files.UserError) as problem:
            reader(tmp_path / name)
        assert name in str(problem.value) and "\n" not in str(problem.value)


def test_netcdf_speaks_cf_outside_and_dpm_inside(tmp_path):
    """1,200 dpm m-2 d-1 is 20 Bq m-2 d-1 in the file, 10 mmol m-2 d-1 is 1.1574e-7 mol m-2 s-1; both come back."""
    ds = xr.Dataset(
        {
            "th234_flux": ("lat", [1200.0, np.nan]),
            "th234_flux_lower": ("lat", [600.0, np.nan]),
            "poc_flux_sigma": ("lat", np.array([10.0, 1.0], "f4")),
            "applicable": ("lat", np.array([1, 0], "i1"), {"flag_values": [0, 1]}),
        },
        coords={"lat": [0.5, 1.5], "time": np.datetime64("2014-05-15T12:00:00", "ns")},
    )
    files.write_netcdf(ds, tmp_path / "a.nc", attrs={"title": "a title"})
    raw = xr.open_dataset(tmp_path / "a.nc")
    assert raw.th234_flux.values[0] == pytest.approx(20.0)
    assert raw.th234_flux_lower.values[0] == pytest.approx(10.0)
    assert raw.th234_flux.units == "Bq m-2 d-1" and "dpm" in raw.th234_flux.comment
    assert raw.poc_flux_sigma.values[0] == pytest.approx(1.1574e-7, rel=1e-4)
    assert raw.poc_flux_sigma.standard_name.endswith(" standard_error")
    assert raw.title == "a title" and raw.Conventions == "CF-1.11, ACDD-1.3" and raw.geospatial_lat_max == 1.5
    raw.close()
    back = files.read_netcdf(tmp_path / "a.nc")
    assert back.poc_flux_sigma.units == "mmol m-2 d-1" and back.time.values == ds.time.values
    for name in ds.data_vars:
        np.testing.assert_allclose(back[name], ds[name], rtol=1e-6)


def test_content_hash_ignores_the_day_of_writing_only(tmp_path):
    """Equal fields written twice have one hash; another value, attribute, name or dimension has another."""
    npp, word = (("month", "lat"), [[1.0, 2.0], [3.0, np.nan]]), ("lat", ["a", "b"])
    ds = xr.Dataset({"npp": npp, "word": word}, coords={"lat": [0.5, 1.0]})

    def written(name, ds, **attrs):
        (tmp_path / name).mkdir()
        files.write_netcdf(ds, tmp_path / name / "a.nc", attrs)
        return files.content_hash(tmp_path / name / "a.nc")

    first = written("0", ds)
    assert written("1", ds, date_created="2001-01-01", history="long ago, by another version") == first
    assert files.sha256(tmp_path / "0" / "a.nc") != files.sha256(tmp_path / "1" / "a.nc")
    others = [
        ds.assign(npp=ds.npp + 1), ds.assign(word=("lat", ["a", "c"])), ds.assign_coords(lat=[0.5, 1.5]),
        ds.rename(npp="sst"), ds.assign_attrs(title="x"), ds.rename(month="depth"),
    ]  # fmt: skip
    assert len({first, *(written(f"other-{n}", other) for n, other in enumerate(others))}) == 7
    (tmp_path / "junk.nc").write_text("no netCDF")
    assert files.content_hash(tmp_path / "junk.nc") == files.sha256(tmp_path / "junk.nc")


def test_netcdf_leaves_other_units_alone(tmp_path):
    """Someone who already computed in SI units does not get them converted a second time."""
    ds = xr.Dataset({"npp": ("lat", [1.0], {"units": "kg m-2 s-1"})}, coords={"lat": [0.5]})
    files.write_netcdf(ds, tmp_path / "a.nc")
    assert files.read_netcdf(tmp_path / "a.nc").npp.item() == 1.0


def test_netcdf_written_again_describes_itself_anew(tmp_path):
    """A Dataset that was read, cut and written again keeps its title, not its old extent; the caller's is untouched."""
    ds = xr.Dataset({"npp": ("lat", [1.0, 2.0])}, coords={"lat": [0.5, 60.5]}, attrs={"title": "a title"})
    files.write_netcdf(ds, tmp_path / "a.nc")
    assert ds.attrs == {"title": "a title"} and not ds["lat"].attrs and not ds["npp"].attrs
    files.write_netcdf(files.read_netcdf(tmp_path / "a.nc").isel(lat=[0]), tmp_path / "b.nc")
    again = files.read_netcdf(tmp_path / "b.nc")
    assert again.title == "a title" and again.geospatial_lat_max == 0.5 and again.id == "seaofcarbon-b"
    assert len(again.history.splitlines()) == 2


def test_netcdf_keeps_the_bits_that_are_asked_for(tmp_path):
    """Twelve bits of mantissa hold any value to one part in 8,000."""
    values = np.random.default_rng(0).lognormal(size=500)
    files.write_netcdf(xr.Dataset({"npp": ("lat", values)}), tmp_path / "a.nc", bits=12)
    back = files.read_netcdf(tmp_path / "a.nc")["npp"].values
    assert 1e-6 < np.abs(back / values - 1).max() < 1 / 8000


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_every_unit_of_the_vocabulary_comes_back(tmp_path, name):
    """Conversion and back is the identity for each quantity, within float32."""
    ds = xr.Dataset({name: ("lat", [VARIABLES[name].high])}, coords={"lat": [0.5]})
    files.write_netcdf(ds, tmp_path / "a.nc")
    back = files.read_netcdf(tmp_path / "a.nc")[name]
    assert back.item() == pytest.approx(VARIABLES[name].high, rel=1e-6)
    assert back.units == VARIABLES[name].unit


def test_data_dir_is_the_variable_or_the_cache(monkeypatch, tmp_path):
    """SEAOFCARBON_DATA wins; without it the user's cache is used."""
    monkeypatch.setenv("SEAOFCARBON_DATA", str(tmp_path))
    assert files.data_dir() == tmp_path
    monkeypatch.delenv("SEAOFCARBON_DATA")
    assert files.data_dir().name == "seaofcarbon"


def test_numbers_that_are_text_stay_numbers(tmp_path):
    """A column that a user brings as text holds longitudes, too: pandas alone must read them as numbers."""
    table = pd.DataFrame({"longitude": ["-64.2", "+1e-3", "3"], "note": ["-64.2 W", "=1", "-"]})
    files.write_csv(table, tmp_path / "points.csv")
    plain = pd.read_csv(tmp_path / "points.csv")
    assert plain["longitude"].tolist() == [-64.2, 0.001, 3.0] and plain["note"].str.startswith("'").all()
    assert files.read_csv(tmp_path / "points.csv")["note"].tolist() == table["note"].tolist()
