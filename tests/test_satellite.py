"""Files of Ocean Productivity: what is written comes back as area means, what is broken is one line."""

import gzip
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from seaofcarbon import files, ocean, satellite
from seaofcarbon.files import UserError


def fine(per_degree=2, missing=True):
    """A field (lat, lon), from the north and 180 W as published, with cells finer than a degree; a corner missing."""
    step = 1 / per_degree
    lat, lon = np.arange(90 - step / 2, -90, -step), np.arange(-180 + step / 2, 180, step)
    values = np.round(500 + 3 * lat[:, None] + np.abs(lon)[None], 3)
    if missing:
        values[: 10 * per_degree, : 20 * per_degree] = np.nan  # north of 80 N, west of 160 W
        values[50 * per_degree, 50 * per_degree] = np.nan  # one cell among those of a degree
    return xr.DataArray(values, {"lat": lat, "lon": lon}, ("lat", "lon"), "npp")


def lines(field):
    """The text of an xyz file."""
    lat, lon = (axis.ravel() for axis in np.meshgrid(field["lat"], field["lon"], indexing="ij"))
    table = pd.DataFrame({"lon": lon, "lat": lat, "value": field.fillna(-9999).to_numpy().ravel()})
    return table.to_csv(sep=" ", index=False, float_format="%.3f", lineterminator="\n")


def write(path, text):
    """Write text, compressed where the name says so."""
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)
    return path


def refused(*arguments, **options):
    """The one line with which a file is refused."""
    with pytest.raises(UserError) as problem:
        satellite.read_npp(*arguments, **options)
    assert "\n" not in str(problem.value)
    return str(problem.value)


@pytest.fixture(scope="module")
def text():
    """One file with cells of half a degree."""
    return lines(fine())


def area_mean(field):
    """Mean over the globe of a field without gaps, weighted by area."""
    return float(field.weighted(np.cos(np.radians(field["lat"]))).mean())


@pytest.mark.parametrize("name", ["vgpm.2010032.all.xyz.gz", "vgpm.2010032.all.xyz"])
def test_text_round_trip(tmp_path, text, name, monkeypatch):
    """Each cell of a degree is the area mean of its cells; blocks of lines are cut anywhere; time is mid-February."""
    monkeypatch.setattr(satellite, "BLOCK_BYTES", 100_001)
    ds = satellite.read_npp(write(tmp_path / name, text))
    four = fine().sortby("lat").coarsen(lat=2, lon=2)
    weight = np.cos(np.radians(fine()["lat"])).broadcast_like(fine()).where(fine().notnull())
    expected = (fine() * weight).sortby("lat").coarsen(lat=2, lon=2).sum()
    expected = expected / weight.sortby("lat").coarsen(lat=2, lon=2).sum()
    np.testing.assert_allclose(ds["npp"][0], expected, rtol=1e-6)
    np.testing.assert_array_equal(ds["npp"][0].isnull(), four.count() == 0)
    assert ds["npp"].dtype == np.float32 and ds["npp"].attrs["units"] == "mg m-2 d-1"
    assert ds["time"].values[0] == np.datetime64("2010-02-15T00") and ds.attrs["source_files"] == name


def test_files_of_a_folder_are_put_in_order(tmp_path, text):
    """Months of several years in the order of time, the model named, other files left alone; CF netCDF and back."""
    for name in ("eppley.2011001.all.xyz", "eppley.2010335.all.xyz", "readme.txt"):
        write(tmp_path / name, text)
    ds = satellite.read_npp(tmp_path)
    assert list(ds["time"].values) == [np.datetime64("2010-12-16T12"), np.datetime64("2011-01-16T12")]
    assert ds.attrs["model"] == "Eppley"
    files.write_netcdf(ds, tmp_path / "npp.nc")
    back = files.read_netcdf(tmp_path / "npp.nc")
    np.testing.assert_allclose(back["npp"], ds["npp"], rtol=1e-6)
    assert back["npp"].attrs["units"] == "mg m-2 d-1" and back["npp"].attrs["step_d"] == 31


def test_eight_days_are_told_from_months(tmp_path, text):
    """The days of the year tell; the last period of a year is short; the first of January alone tells nothing."""
    paths = [write(tmp_path / f"cbpm.2010{day}.all.xyz", text) for day in ("001", "009", "361")]
    ds = satellite.read_npp(paths)
    assert list(ds["time"].values.astype("datetime64[h]").astype(str)) == ["2010-01-05T00", "2010-01-13T00",
                                                                        "2010-12-29T12"]  # fmt: skip
    assert ds["npp"].attrs["step_d"] == 8 and ds.attrs["model"] == "CbPM"
    assert "period=" in refused(paths[0])
    assert satellite.read_npp(paths[0], "month")["time"].values[0] == np.datetime64("2010-01-16T12")
    assert "cbpm.2010009" in refused(paths[:2], period="month")


@pytest.mark.parametrize("name", ["npp.nc", "vgpm.2010400.all.xyz", "vgpm.2010366.all.xyz", "vgpm.9999001.all.xyz"])
def test_names_that_say_no_time_are_refused(tmp_path, name):
    """Model and time stand in the name alone."""
    assert name in refused(write(tmp_path / name, ""))


def test_files_that_do_not_go_together_are_refused(tmp_path):
    """Two models, one time twice, months with 8 days, no file at all."""
    names = ("vgpm.2010001.all.xyz", "vgpm.2010001.hdf", "cbpm.2010032.all.xyz", "vgpm.2010009.all.xyz",
             "vgpm.2010032.all.xyz")  # fmt: skip
    one, twice, other, eight, month = (write(tmp_path / name, "") for name in names)
    assert "one time" in refused([one, twice])
    assert "each model by itself" in refused([one, other])
    assert "by themselves" in refused([one, eight, month])
    assert "no such file" in refused(tmp_path / "vgpm.2011001.all.xyz")
    (tmp_path / "empty").mkdir()
    assert "no NPP files" in refused(tmp_path / "empty")


@pytest.mark.parametrize(
    "line",
    ["0.25 89.75", "0.25 89.75 1 2", "0.25 89.75 1 2 3", "0.25 89.75 x", "0.25 89.75 nan", "0.25 89.75 inf",
     "0.25 95.0 1.0", "0.25 89.75 -5", "0.25 89.75 1e9", "__import__('os') 1 2", "\xff\xfe\x00 1 2", "1\r2 3 4"],
)  # fmt: skip
@pytest.mark.parametrize("number", [2, 5000])
def test_a_bad_line_is_named(tmp_path, text, monkeypatch, line, number):
    """Whatever is not three numbers in range is refused with its line, in whichever block it stands."""
    monkeypatch.setattr(satellite, "BLOCK_BYTES", 50_000)
    rows = text.split("\n")
    rows[number - 1] = line
    path = write(tmp_path / "vgpm.2010032.all.xyz.gz", "\n".join(rows).encode("latin-1"))
    assert f"{path}, line {number}: " in refused(path)


def test_line_ends_and_blank_lines_do_no_harm(tmp_path, text):
    """Windows' line ends and a blank line at the end are no faults."""
    plain = satellite.read_npp(write(tmp_path / "vgpm.2010032.all.xyz", text))
    other = write(tmp_path / "vgpm.2010032.all.xyz.gz", text.replace("\n", "\r\n") + "\n  \n")
    xr.testing.assert_equal(satellite.read_npp(other)["npp"], plain["npp"])


def test_damaged_files_are_refused(tmp_path, text, monkeypatch):
    """No header, half the rows, half the gzip, no gzip at all, more than the limit when unpacked, one endless line."""
    path = tmp_path / "vgpm.2010032.all.xyz.gz"
    assert "line 1" in refused(write(path, text.partition("\n")[2]))
    assert "fetch it again" in refused(write(path, text[: text.index("\n", len(text) // 2)]))
    write(path, text)
    path.write_bytes(path.read_bytes()[:-2000])
    assert "damaged or truncated" in refused(path)
    path.write_bytes(b"not gzip at all")
    assert "damaged or truncated" in refused(path)
    monkeypatch.setattr(satellite, "BLOCK_BYTES", 50_000)
    assert "longer than" in refused(write(path, b"lon lat value\n" + b"1" * 200_000))
    monkeypatch.setattr(satellite, "MAX_BYTES", 300_000)
    assert path.stat().st_size < 300_000 and "unpacks to more" in refused(
        write(path, b"lon lat value\n" + b"0.5 0.5 1.0\n" * 30_000)
    )
    assert "larger than" in refused(write(tmp_path / "vgpm.2010032.all.xyz", text))


def test_hdf_without_pyhdf_says_what_to_do(tmp_path, monkeypatch):
    """One line with both ways out, before anything is unpacked."""
    monkeypatch.setitem(sys.modules, "pyhdf", None)
    for name in ("vgpm.2010032.hdf", "vgpm.2010032.hdf.gz"):
        problem = refused(write(tmp_path / name, b"\x0e\x03\x13\x01"))
        assert ".all.xyz.gz" in problem and "install pyhdf" in problem and name in problem


def install_pyhdf(monkeypatch, values):
    """A stand-in for pyhdf (not installed here) whose files all hold `values`; returns the bytes it was given."""
    seen = []

    class Reader:
        def __init__(self, path):
            seen.append(Path(path).read_bytes())

        def select(self, name):
            if name != "npp" or values is None:
                raise HDF4Error("no such dataset")
            return types.SimpleNamespace(info=lambda: ("npp", 2, list(values.shape), 5, 0), get=lambda: values)

        def end(self):
            pass

    class HDF4Error(Exception):
        pass

    module = types.ModuleType("pyhdf")
    module.SD, module.error = types.SimpleNamespace(SD=Reader), types.SimpleNamespace(HDF4Error=HDF4Error)
    monkeypatch.setitem(sys.modules, "pyhdf", module)
    return seen


@pytest.mark.parametrize("name", ["vgpm.2010032.hdf", "vgpm.2010032.hdf.gz"])
def test_hdf_and_text_agree(tmp_path, monkeypatch, text, name):
    """The same field through either kind of file, which has its first row in the north."""
    seen = install_pyhdf(monkeypatch, fine().fillna(-9999).to_numpy().astype(np.float32))
    found = satellite.read_npp(write(tmp_path / name, b"bytes of HDF4"))
    expected = satellite.read_npp(write(tmp_path / "vgpm.2010032.all.xyz", text))
    np.testing.assert_allclose(found["npp"], expected["npp"], rtol=1e-5)
    assert seen == [b"bytes of HDF4"]


@pytest.mark.parametrize("values", [None, np.zeros((7, 14)), np.full((180, 360), -5.0), np.zeros(5)])
def test_hdf_with_other_content_is_refused(tmp_path, monkeypatch, values):
    """No npp, another shape, values below zero."""
    install_pyhdf(monkeypatch, values)
    assert "vgpm.2010032.hdf" in refused(write(tmp_path / "vgpm.2010032.hdf", b"x"))


def test_from_files_to_match(tmp_path):
    """End to end: two files, a year-matched climatology, a cruise between the two months."""
    field = fine(1, missing=False)
    write(tmp_path / "vgpm.2010001.all.xyz.gz", lines(field))
    write(tmp_path / "vgpm.2010032.all.xyz.gz", lines(field + 100))
    month = xr.DataArray(np.ones(12), {"month": np.arange(1, 13)}, ("month",))
    grid = (month * fine(1, missing=False) * 0).sortby("lat").astype(np.float32)
    ds = ocean.year_matched(xr.Dataset({"sst": grid, "npp": grid}), satellite.read_npp(tmp_path))
    points = pd.DataFrame({"time": pd.to_datetime(["2010-01-31T06:00", "2010-03-05T00:00"]), "latitude": 10.5,
                           "longitude": 200.5, "depth_m": 10.0})  # fmt: skip
    found = ocean.match(points, ds, names=["npp"])
    assert found["npp"][0] == pytest.approx(500 + 31.5 + 159.5 + 100 * (14.75 / 29.5), rel=1e-5)
    assert found["covariate_reason"][1] == "no covariate: npp (outside the record 2010-01-16 to 2010-02-15)"
    assert area_mean(ds["npp"][0]) == pytest.approx(area_mean(field), rel=1e-5)
