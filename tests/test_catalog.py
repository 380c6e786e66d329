"""Every entry of the catalogue opens, says what it is, and its bytes are the ones that are named."""

import functools
import http.server
import shutil
import threading

import intake
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

from seaofcarbon import catalog, files

REQUIRED = {"description", "citation", "cite", "licence", "units"}
PLACES = ({"embedded", "sha256"}, {"artefact"}, {"frozen"}, {"filename", "get"})
OPTIONAL = {"doi", "url", "sha256", "pattern"}

NAMES = catalog.list_entries()["name"].tolist()
PRODUCTS = [name for name in NAMES if "artefact" in catalog.show(name)]
FROZEN = [name for name in NAMES if "frozen" in catalog.show(name)]
EMBEDDED = [name for name in NAMES if "embedded" in catalog.show(name)]
REMOTE = [name for name in NAMES if "filename" in catalog.show(name)]


@pytest.mark.parametrize("name", NAMES)
def test_entry_says_what_it_is(name):
    """Fields that are missing or surplus (a misspelt one is both) are refused."""
    fields = set(catalog.show(name)) - {"name", "catalogue"}
    assert not REQUIRED - fields
    assert any(place <= fields and not fields - REQUIRED - place - OPTIONAL for place in PLACES)
    assert "url" not in fields or "sha256" in fields, "what is fetched must be checked"
    assert catalog.cite(name).count("@") >= len(catalog.show(name)["cite"])


@pytest.mark.parametrize("catalogue", catalog.CATALOGUES)
def test_catalogue_lists_each_entry_once(catalogue):
    """Aliases, entries and data of an intake file go together; names are unique over all catalogues."""
    content = yaml.safe_load((catalog.folder() / f"{catalogue}.yml").read_text())
    assert content["aliases"] == {name: name for name in content["entries"]}
    assert set(content["data"]) == {f"{name}_file" for name in content["entries"]}
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_entry_opens(name, monkeypatch, tmp_path):
    """What comes with the package needs neither a network nor a data folder, through either door."""
    monkeypatch.setenv("SEAOFCARBON_DATA", str(tmp_path))
    ours = catalog.open_entry(name)
    plain = intake.open_catalog(str(catalog.folder() / "main.yml"))[catalog.show(name)["catalogue"]].read()[name].read()
    assert ours.equals(plain)


@pytest.mark.real
@pytest.mark.parametrize("name", REMOTE)
def test_remote_entry_opens(name, real_data, monkeypatch):
    """The file in the data folder is the one of the catalogue, and intake reads it as a table or a Dataset."""
    if name == "ceballos2022" and not list(real_data.glob(catalog.show(name)["pattern"])):
        pytest.skip("the Ceballos-Romero workbook needs a person to fetch it")
    monkeypatch.setenv("SEAOFCARBON_DATA", str(real_data))
    ours = catalog.open_entry(name)
    plain = intake.open_catalog(str(catalog.folder() / "main.yml"))[catalog.show(name)["catalogue"]].read()[name].read()
    assert ours.equals(plain)
    assert {"mouw2016": 15792, "poc_flux_totals": 31}.get(name, len(ours)) == len(ours)


@pytest.mark.parametrize("name", PRODUCTS)
def test_product_opens_for_the_run_that_is_named(name, tmp_path):
    """`run` chooses the folder; an older intake ignored the parameter and gave the default."""
    shutil.copytree(catalog.folder(), tmp_path / "catalogs")
    for run, value in (("twin", 1.0), ("deep", 2.0)):
        path = tmp_path / "runs" / run / catalog.show(name)["artefact"]
        if path.suffix == ".nc":
            files.write_netcdf(xr.Dataset({"x": ("lat", [value])}, coords={"lat": [0.5]}), path)
        else:
            {".csv": files.write_csv, ".parquet": files.write_parquet}[path.suffix](pd.DataFrame({"x": [value]}), path)
    products = intake.open_catalog(str(tmp_path / "catalogs" / "main.yml")).products.read()
    assert float(products[name].read()["x"].iloc[0] if path.suffix != ".nc" else products[name].read()["x"][0]) == 1.0
    deep = products(run="deep")[name].read()["x"]
    assert float(np.asarray(deep)[0]) == 2.0


def test_missing_product_names_the_command(tmp_path, monkeypatch):
    """A run that was not made is one line that says how to make it; a run's name cannot climb out of runs/."""
    shutil.copytree(catalog.folder(), tmp_path / "catalogs")
    monkeypatch.setattr(catalog, "REPOSITORY", tmp_path)
    with pytest.raises(files.UserError, match="seaofcarbon run"):
        catalog.path("maps", run="nowhere")
    with pytest.raises(files.UserError, match="not a file name inside"):
        catalog.path("maps", run="../../etc")


def test_unknown_entry_is_one_line():
    """A misspelt name is answered with the names there are."""
    with pytest.raises(files.UserError, match="climatology"):
        catalog.path("climatolgy")
    with pytest.raises(files.UserError):
        catalog.cite("nobody1999")


# --- Fetching: a small server on this machine stands for the archive -------------------------------


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A server with one file, and an entry that points at it; returns the folder it serves and the data folder."""
    served, data = tmp_path / "served", tmp_path / "data"
    served.mkdir()
    (served / "a.csv").write_text("x\n1\n")
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=str(served)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    entry = {
        "catalogue": "observations", "url": f"http://127.0.0.1:{server.server_port}/a.csv",
        "filename": "sub/a.csv", "sha256": files.sha256(served / "a.csv"), "get": "free download", "cite": [],
    }  # fmt: skip
    monkeypatch.setattr(catalog, "_entries", lambda: {"a": entry})
    monkeypatch.setenv("SEAOFCARBON_DATA", str(data))
    yield server, served, data, entry
    server.shutdown()
    server.server_close()


def test_remote_file_is_fetched_once_and_reused(archive):
    """The second call needs no network: the server is gone by then."""
    server, _, data, _ = archive
    assert catalog.fetch("a") == data / "sub" / "a.csv"
    server.shutdown()
    server.server_close()
    assert catalog.path("a").read_text() == "x\n1\n"
    assert [p.name for p in (data / "sub").iterdir()] == ["a.csv"]


def test_wrong_bytes_are_refused(archive):
    """Neither a changed download nor a changed copy passes for the file of the catalogue."""
    _, served, data, _ = archive
    (served / "a.csv").write_text("x\n2\n")
    with pytest.raises(files.UserError, match="not those of the catalogue"):
        catalog.fetch("a")
    assert not (data / "sub" / "a.csv").exists()
    (data / "sub" / "a.csv").write_text("x\n3\n")
    with pytest.raises(files.UserError, match="sha256"):
        catalog.path("a")


def test_no_network_and_no_copy_says_what_to_do(archive):
    """The line names the file, where it can be got and where to put it."""
    server, _, data, entry = archive
    server.shutdown()
    server.server_close()
    with pytest.raises(files.UserError) as problem:
        catalog.fetch("a")
    for text in ("a: ", str(data / "sub" / "a.csv"), entry["url"]):
        assert text in str(problem.value)
    assert "\n" not in str(problem.value)


def test_file_that_needs_a_person_says_how(archive):
    """Without an address there is still a way to get the file; a copy under the person's own name is found."""
    _, _, data, entry = archive
    del entry["url"], entry["sha256"]
    entry["pattern"] = "sub/*.csv"
    with pytest.raises(files.UserError, match="free download, and put it there"):
        catalog.fetch("a")
    (data / "sub").mkdir(parents=True)
    (data / "sub" / "my copy.csv").write_text("x\n")
    assert catalog.path("a").name == "my copy.csv"


@pytest.mark.parametrize("name", ["../a.csv", "/tmp/a.csv", "sub/../../a.csv"])
def test_fetch_never_leaves_its_folder(archive, name):
    """A catalogue from elsewhere must not write where it likes."""
    _, _, data, entry = archive
    entry["filename"] = name
    with pytest.raises(files.UserError, match="inside"):
        catalog.fetch("a")
    assert not data.exists()


# --- The embedded climatology --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def climatology():
    """The embedded fields."""
    return catalog.climatology()


def test_climatology_has_the_agreed_shape(climatology):
    """Twelve months, twelve depths, one degree, float32, no value on land, less than 10 MB on disk."""
    assert dict(climatology.sizes) == {"month": 12, "depth": 12, "lat": 180, "lon": 360}
    assert all(da.dtype == np.float32 for da in climatology.data_vars.values())
    assert climatology["lon"].values[0] == -179.5 and climatology["depth"].values[-1] == 300.0
    land = climatology["bottom_depth"].isnull()
    assert all(da.where(land).isnull().all() for da in climatology.data_vars.values())
    assert catalog.path("climatology").stat().st_size < 10e6


def test_climatology_is_the_sea_as_known(climatology):
    """Warm pool above 27 degrees, cold Southern Ocean, salty Mediterranean, nitrate that rises with depth."""
    point = climatology.sel(lat=0.5, lon=150.5)
    assert point["temperature"].sel(depth=0).min() > 27.0
    assert climatology["sst"].sel(lat=-60.5, lon=0.5).max() < 4.0
    assert climatology["salinity"].sel(lat=34.5, lon=20.5, depth=0) > 37.0
    assert (point["nitrate"].sel(depth=200) > point["nitrate"].sel(depth=0)).all()
    assert (climatology["nitrate"].notnull() == climatology["temperature"].notnull()).all()


def test_embedded_coast_is_whole():
    """Land is 29 % of the globe, reaches the South Pole, and no shape leaps across the map at the date line."""
    from cartopy.io import shapereader
    from shapely import Point, union_all

    folder = files.EMBEDDED / "natural_earth" / "shapefiles" / "natural_earth" / "physical"
    land = union_all(list(shapereader.Reader(folder / "ne_110m_land.shp").geometries()))
    lon, lat = np.meshgrid(np.arange(-178.0, 180.0, 4.0), np.arange(-88.0, 90.0, 4.0))
    inside = np.array([land.contains(Point(x, y)) for x, y in zip(lon.ravel(), lat.ravel(), strict=True)])
    assert np.average(inside, weights=np.cos(np.deg2rad(lat.ravel()))) == pytest.approx(0.29, abs=0.02)
    assert land.contains(Point(10.0, -89.9)) and not land.contains(Point(-150.0, 0.0))
    for line in shapereader.Reader(folder / "ne_110m_coastline.shp").geometries():
        parts = getattr(line, "geoms", [line])
        assert all(np.abs(np.diff(np.array(part.coords)[:, 0])).max() < 20.0 for part in parts)


@pytest.mark.real
def test_climatology_agrees_with_its_source(climatology, real_data):
    """Packing keeps 0.01 degrees and 0.05 umol/L; nitrate between the four depths is linear to 0.6 on average."""
    source = xr.open_dataset(real_data / "climatology" / "ocean_climatology_1deg.nc")
    assert abs(climatology["temperature"] - source["temperature"]).max() < 0.0101
    difference = climatology["nitrate"] - source["nitrate"]
    assert abs(difference.sel(depth=[0, 50, 100, 200])).max() < 0.0501
    assert abs(difference.sel(depth=slice(0, 200))).mean() < 0.6
    source.close()


@pytest.mark.real
def test_chlorophyll_is_on_the_grid_of_the_climatology(climatology, real_data, monkeypatch):
    """Longitudes are wrapped, not shifted: the Benguela upwelling is green, the South Pacific gyre is not."""
    monkeypatch.setenv("SEAOFCARBON_DATA", str(real_data))
    chlorophyll = catalog.chlorophyll()
    assert (chlorophyll["lon"] == climatology["lon"]).all() and (chlorophyll["lat"] == climatology["lat"]).all()
    assert chlorophyll.sel(lat=-22.5, lon=13.5).mean() > 1.0
    assert chlorophyll.sel(lat=-25.5, lon=-115.5).mean() < 0.08
    assert (chlorophyll.isel(month=0).isnull() == climatology["bottom_depth"].isnull()).all()
