"""The page of the data: only what may be passed on leaves, each file opens, others' tools accept the description."""

import html
import io
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import learn_sea
from seaofcarbon import catalog, cli, files, maps, records
from seaofcarbon.learn.models import Model
from seaofcarbon.publish import datapage, downloads, platform, runs
from seaofcarbon.publish.site import UNUSED, asked_elsewhere
from seaofcarbon.vocabulary import FLAG_BAD, TWIN_LABEL

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

PACKAGE = {
    "sources": [
        {"title": "Open, A. (2020)", "path": "10.1594/PANGAEA.1", "licence": "CC-BY-3.0"},
        {"title": "GEOTRACES", "path": "GA99.csv", "licence": "GEOTRACES IDP terms"},
    ]
}


def table(closed=True):
    """Records of three casts: two of an open source in two oceans, one of a source that is only cited."""
    places = {"X7": (45.0, -30.0, "2012-05-01"), "P1": (30.0, 170.0, "2005-07-01"), "G1": (-20.0, -20.0, "2011-01-02")}
    rows = [
        {"source_id": "GA99" if station == "G1" else "PANGAEA.1", "cruise": f"C{station}", "station": station,
         "time": pd.Timestamp(day), "latitude": lat, "longitude": lon, "depth_m": depth, "variable": variable,
         "value": value + depth / 1000, "unit": "dpm L-1", "sigma": 0.05, "flag": flag,
         "locator": f"{station}, {depth}, {variable}"}
        for station, (lat, lon, day) in places.items()
        for depth, flag in ((10.0, 1), (50.0, 2), (100.0, 4 if station == "P1" else 1))
        for variable, value in (("th234_total", 2.125), ("u238", 2.5))
        if closed or station != "G1"
    ]  # fmt: skip
    return records.conform(pd.DataFrame(rows))


def fluxes(of):
    """One flux for each cast of some records."""
    casts = of.assign(cast_id=records.cast_ids(of)).drop_duplicates("cast_id")
    keys = casts[["cast_id", "source_id", "cruise", "station", "time", "latitude", "longitude"]]
    told = {"depth_kind": "fixed", "depth_m": 100.0, "th234_flux": 1234.5, "th234_flux_sigma": 99.0, "flag": 1,
            "reason": "", "n_samples": 3}  # fmt: skip
    return keys.assign(**told).reset_index(drop=True)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """What the page reads of a run on open data; its model learnt from the open source only."""
    folder = tmp_path_factory.mktemp("runs") / "real"
    (folder / "model" / "poc_flux").mkdir(parents=True)
    both = table()
    files.write_json({"profile": "real", "notebooks": {}, "base": None}, folder / "run.json")
    files.write_json({"main_target": "poc_flux"}, folder / "model" / "card.json")
    files.write_json(
        {"target": "poc_flux", "features": ["depth_m", "npp"]}, folder / "model" / "poc_flux" / "card.json"
    )
    files.write_json(PACKAGE, folder / "datapackage.json")
    both.to_parquet(folder / "records.parquet")
    fluxes(both).to_parquet(folder / "fluxes.parquet")
    learnt = pd.DataFrame({"target": ["poc_flux", "th234_flux"], "source_id": ["PANGAEA.1", "GA99"]})
    learnt.to_parquet(folder / "training.parquet")
    files.write_csv(pd.DataFrame({"region": ["global"], "total_pg_yr": [7.5]}), folder / "totals.csv")
    coords = {"month": np.arange(1, 13), "depth": [50.0, 100.0], "lat": [-5.0, 5.0], "lon": [10.0, 20.0]}
    value = xr.DataArray(np.arange(96.0).reshape(12, 2, 2, 2), coords, tuple(coords))
    parts = {f"poc_flux{end}": value for end in ("", "_lower", "_upper")}
    ds = xr.Dataset(parts | {"applicable": (value * 0 + 1).astype("int8")}, attrs={"title": "Maps"})
    files.write_netcdf(ds, folder / "maps.nc")
    return folder


@pytest.fixture(scope="module")
def site(run_dir, tmp_path_factory):
    """Folder of static files, and the Markdown of the page."""
    static = tmp_path_factory.mktemp("site") / "_static"
    static.mkdir()
    return static, platform.write(run_dir, static, ("", "https://host/repository"))


def description(text):
    """The description that search engines read."""
    return json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', text)[1])


@pytest.mark.parametrize(
    "licence, may",
    [("CC-BY-4.0", True), ("CC-BY-3.0", True), ("CC0-1.0", True), ("public domain (NOAA)", True), ("", False),
     ("CC-BY-NC-4.0", False), ("CC-BY-SA-4.0", False), ("CC-BY-ND-4.0", False), ("GPL-3.0", False),
     ("see CC-BY-4.0", False), ("GEOTRACES IDP terms", False), ("not stated", False),
     ("as stated on the data set's page", False)],
)  # fmt: skip
def test_only_open_licences_pass(licence, may):
    """What is not clearly open is cited and linked, no more."""
    assert catalog.may_pass_on(licence) is may


def test_a_source_without_its_licence_is_closed():
    """Unknown, or two of one name of which one is closed: no value of it leaves; the twin is all our own."""
    both = table()
    told = catalog.sources_of(both, PACKAGE, "real").set_index("source_id")
    assert told["open"].to_dict() == {"GA99": False, "PANGAEA.1": True} and told["n_records"].tolist() == [6, 12]
    assert not catalog.sources_of(both, {"sources": []}, "real")["open"].any()
    twice = {"sources": [*PACKAGE["sources"], {"title": "b", "path": "PANGAEA.1.csv", "licence": "CC-BY-4.0"},
                         {"title": "c", "path": "x/GA99.tab", "licence": "CC-BY-4.0"}]}  # fmt: skip
    assert not catalog.sources_of(both, twice, "real").set_index("source_id").loc["GA99", "open"]
    assert catalog.sources_of(both, PACKAGE, "twin")["open"].all()
    entry = {"doi": "10.1594/PANGAEA.1", "citation": "A. Open: Data", "licence": "see the repository"}
    listed = catalog.sources_of(both, PACKAGE, "real", [entry]).set_index("source_id").loc["PANGAEA.1"]
    assert listed["cite"] == "A. Open: Data" and not listed["open"]


def test_no_value_of_a_closed_source_is_in_any_file(site):
    """Tables, fluxes and the interactive page hold the open source only; of the other, counts and the citation."""
    static, text = site
    got = pd.read_parquet(static / "download" / "records.parquet")
    assert set(got["source_id"]) == {"PANGAEA.1"} and len(got) == 12
    derived = pd.read_parquet(static / "download" / "fluxes.parquet")
    assert set(derived["source_id"]) == {"PANGAEA.1"} and derived["th234_flux"].dtype == "float32"
    for name in ("records", "fluxes"):
        assert set(files.read_csv(static / "download" / f"{name}.csv.gz")["source_id"]) == {"PANGAEA.1"}
    both = table()
    facts, arrays = datapage.content(both, fluxes(both), catalog.sources_of(both, PACKAGE, "real"))
    closed = arrays["source"] == [name for name, _, _ in facts["sources"]].index("GA99")
    assert arrays["n"][closed].sum() == 6 and arrays["n"].sum() == 18
    assert np.isnan([arrays[name][closed] for name in ("value", "depth", "sigma")]).all()
    assert len(arrays["flux"]) == 2
    assert "6 records of 1 source," in text and "no: cite and fetch" in text


def test_a_model_that_learnt_from_closed_data_is_not_offered(run_dir, tmp_path):
    """A forest remembers single values: its licence is that of what it learnt."""
    sources = catalog.sources_of(table(), PACKAGE, "real")
    (offered,) = downloads._model(run_dir, tmp_path, "poc_flux", sources)
    assert offered.licence == "CC-BY-4.0 and CC-BY-3.0"
    with zipfile.ZipFile(tmp_path / offered.name) as packed:
        assert packed.namelist() == ["card.json"]
    assert downloads._model(run_dir, tmp_path, "th234_flux", sources) == []
    assert downloads._model(run_dir, tmp_path, "c_th", sources) == []


def test_depths_that_follow_light_stay_here(run_dir, tmp_path):
    """On the real profile they are the chlorophyll in other words: cut from map and sites, kept on the twin."""
    folder = tmp_path / "real-ez"
    with xr.open_dataset(run_dir / "maps.nc") as ds:
        one = ds[["poc_flux"]].isel(depth=[1]).load()
    files.write_netcdf(one.assign(depth_used=one["poc_flux"].isel(depth=0, drop=True) + 1), folder / "maps.nc")
    files.write_csv(pd.DataFrame({"site": ["x"], "depth_m": [99.0], "depth_used_m": [77.0]}), folder / "sites.csv")
    asked = {"target": "poc_flux", "depth_m": 100.0}
    for profile in ("real", "twin"):
        files.write_json({"profile": profile}, folder / "run.json")
        static = tmp_path / profile
        static.mkdir()
        part = {"parameters": asked | {"profile": profile}, "outputs": {"maps.nc": "a", "sites.csv": "b"}}
        text = runs._links(folder, part, static)
        made = static / ("map-poc_flux-100m.nc" if profile == "real" else "maps.nc")
        assert {path.name for path in static.iterdir()} == {made.name, "sites.csv"} and made.name in text
        with xr.open_dataset(made) as ds:
            assert ("depth_used" in ds) == (profile == "twin") and "poc_flux" in ds
        assert ("depth_used_m" in pd.read_csv(static / "sites.csv")) == (profile == "twin")


@pytest.mark.parametrize("season, model", [("winter", "mean"), ("spring", "rf")])
def test_lines_make_the_mean_of_a_season(run_dir, tmp_path, monkeypatch, season, model):
    """What the page of a run draws comes out of the file that it offers, also where that is cut from the map."""
    with xr.open_dataset(run_dir / "maps.nc") as ds:
        field = ds["poc_flux"].where(ds["lat"] < 0, np.sin(ds["poc_flux"])).rename("poc_flux_rf").load()
        files.write_netcdf(ds.assign(poc_flux_rf=field, depth_used=field[:, 0]).load(), tmp_path / "maps.nc")
    files.write_json({"profile": "real"}, tmp_path / "run.json")
    used = {"target": "poc_flux", "profile": "real", "depth_m": 100.0, "season": season, "model": model}
    (tmp_path / "made").mkdir()
    text = runs._links(tmp_path, {"parameters": used, "outputs": {"maps.nc": "a"}}, tmp_path / "made")
    monkeypatch.chdir(tmp_path / "made")
    found = {}
    exec("\n".join(re.findall(r"```python\n(.*?)\n```", text, re.DOTALL)), found)
    name = "poc_flux" if model == "mean" else "poc_flux_rf"
    wanted = maps.annual_mean(maps.in_season(files.read_netcdf(tmp_path / "maps.nc")[name].sel(depth=100), season))
    np.testing.assert_allclose(found["mean"].to_numpy(), wanted.to_numpy(), rtol=1e-6)


def assert_complete(told):
    """What issue and search engines ask of a description is there, and as long as they want it."""
    wanted = "name description license creator identifier variableMeasured spatialCoverage temporalCoverage"
    assert told["@type"] == "Dataset" and all(told[name] for name in wanted.split())
    assert 50 <= len(told["description"]) <= 5000 and told["license"].startswith("https://")
    assert told["distribution"] and all(part["contentUrl"] for part in told["distribution"])


def test_description_for_search_engines(site):
    """The JSON-LD has what Google's data set search and schema.org ask, and its addresses are files that are there."""
    static, text = site
    told = description(text)
    assert_complete(told)
    assert told["url"] == "https://host/repository"
    assert told["temporalCoverage"] == "2005-07-01/2012-05-01"
    south, west, north, east = map(float, told["spatialCoverage"]["geo"]["box"].split())
    assert (south, west, north, east) == (-20, -30, 45, 170)
    assert {v["name"] for v in told["variableMeasured"]} == {"th234_total", "u238"}
    for part in told["distribution"]:
        path = static / part["contentUrl"].removeprefix("../_static/")
        assert part["sha256"] == files.sha256(path) and part["contentSize"] == f"{path.stat().st_size} B"


def test_a_known_address_makes_whole_addresses(tmp_path):
    """With the book's address the description stands by itself; a hostile word does not end its script."""
    both = table(closed=False)
    both.loc[0, "variable"] = "th234_total"
    (tmp_path / "a.csv").write_text("x")
    offered = [downloads.Download("a.csv", "</script><img src=x>", "CC-BY-4.0")]
    told = platform.dataset(both, offered, tmp_path, ("https://host/book/", "https://host/repository"), TWIN_LABEL)
    assert_complete(told)
    assert told["distribution"][0]["contentUrl"] == "https://host/book/_static/download/a.csv"
    assert told["url"] == "https://host/book/book/data.html" and told["name"].startswith(TWIN_LABEL)
    assert "url" not in platform.dataset(both, offered, tmp_path)  # nobody told an address: none is made up
    script = platform._json_ld(told)
    assert script.count("</script>") == 1 and description(script) == told


def test_links_point_at_files(site):
    """Each link of the page to a static file has its file, and nothing is asked of another host."""
    static, text = site
    links = re.findall(r'href="\.\./_static/([^"]+)"', text)
    names = {path.name for path in (static / "download").iterdir()}
    assert {link.removeprefix("download/") for link in links if link.startswith("download/")} == names
    assert all((static / link).is_file() for link in links) and "data.html" in links
    assert not asked_elsewhere(text)
    for path in (static / "download").iterdir():
        assert path.name == "datapackage.json" or files.sha256(path) in text


def test_every_column_is_told_in_words(site):
    """A title that repeats the name tells nothing; every column of totals.csv has its unit or what it may hold."""
    package = files.read_json(site[0] / "download" / "datapackage.json")
    fields = [field for resource in package["resources"] for field in resource.get("schema", {}).get("fields", [])]
    assert len(fields) > 50
    assert not [
        f["name"] for f in fields if f["title"].lower().replace("_", " ") == f["name"].lower().replace("_", " ")
    ]
    frozen = pd.read_csv(catalog.REPOSITORY / "book" / "edition" / "totals.csv", nrows=1)
    assert set(frozen) - {"layer"} == set(downloads.TOTAL_FIELDS)


def test_datapackage_validates(site):
    """Frictionless accepts the package and the tables that it can open: hashes, sizes, schema."""
    frictionless = pytest.importorskip("frictionless", reason="the Frictionless validator is not installed")
    path = site[0] / "download" / "datapackage.json"
    package = frictionless.Package(str(path))
    assert len(package.resources) == 8
    report = package.validate()
    assert report.valid, report.to_summary()


def test_lines_open_what_they_stand_beside(site, monkeypatch):
    """Each Python line of the page runs in a folder with the downloads (the model's needs a real one: see below)."""
    static, text = site
    monkeypatch.chdir(static / "download")
    lines = [line for line in re.findall(r"```python\n(.*?)\n```", text, re.DOTALL) if "models.load" not in line]
    assert len(lines) == 8 and sum("duckdb" in line for line in lines) == 2
    for line in lines:
        found = {}
        exec(line, found)
        if "xr" in found:
            assert found["ds"]["depth"].item() == 100 and found["ds"].sizes["month"] == 12
            assert (found["ds"]["poc_flux"].to_numpy() > 0).all() and "cut to poc_flux at 100 m" in found["ds"].history
        if "df" in found:
            assert len(found["df"])


@pytest.mark.skipif(not shutil.which("Rscript"), reason="R is not installed")
def test_lines_of_r_open_what_they_stand_beside(site):
    """Each line of R runs, with no package but ncdf4, and finds as many rows and months as there are."""
    static, text = site
    lines = re.findall(r"```r\n(.*?)\n```", text, re.DOTALL)
    assert len(lines) == 4 and sum("read.csv" in line for line in lines) == 3
    shown = [f"{line}\ncat({'dim(x)' if 'ncdf4' in line else 'nrow(df)'}, '\\n')" for line in lines]
    has_ncdf4 = not subprocess.run(["Rscript", "-e", "library(ncdf4)"], capture_output=True).returncode
    for line, wanted in zip(shown, ("12", "2", "1", "2 2 12"), strict=True):
        if "ncdf4" in line and not has_ncdf4:
            continue
        done = subprocess.run(["Rscript", "-e", line], cwd=static / "download", capture_output=True, text=True)
        assert done.stdout.strip() == wanted, done.stderr


def test_a_packed_model_predicts(tmp_path, monkeypatch):
    """The lines beside a model: unpacked where there is no run, it answers from the columns that they name."""
    trained = Model.fit(learn_sea.table(n_cruises=20), "th234_flux", learn_sea.SEED)
    trained.save(tmp_path / "runs" / "twin" / "model" / "th234_flux")
    files.write_json({"base": None, "notebooks": {}}, tmp_path / "runs" / "twin" / "run.json")
    learnt = pd.DataFrame({"target": ["th234_flux"], "source_id": ["a"]})
    learnt.to_parquet(tmp_path / "runs" / "twin" / "training.parquet")
    sources = pd.DataFrame({"source_id": ["a"], "licence": "CC-BY-4.0", "open": True})
    (told,) = downloads._model(tmp_path / "runs" / "twin", tmp_path, "th234_flux", sources)
    monkeypatch.chdir(tmp_path)
    found = {}
    exec(told.lines["Python"], found)
    assert found["model"].target == "th234_flux"
    comment, command = told.lines["shell"].splitlines()
    names = re.sub(r" \([^)]*\)", "", comment.removeprefix("# columns of points.csv: ")).split(", ")
    values = {"time": "2010-05-01", "latitude": 5.0, "longitude": -145.0, "depth_m": 100.0}
    files.write_csv(pd.DataFrame([{name: values.get(name, 1.0) for name in names}]), tmp_path / "points.csv")
    assert cli.main(command.split()[1:]) == 0
    answer = files.read_csv(tmp_path / "predictions.csv").iloc[0]
    assert answer["lower"] < answer["prediction"] < answer["upper"]


def test_same_run_same_bytes(run_dir, site, tmp_path):
    """The book is built anew only when something changed, so files may not carry the hour they were made."""
    platform.write(run_dir, tmp_path, ("", "https://host/repository"))
    for path in (site[0] / "download").iterdir():
        assert files.sha256(path) == files.sha256(tmp_path / "download" / path.name), path.name


def test_hostile_words_are_text(tmp_path):
    """Cruises, sources and titles are never HTML or script."""
    hostile = "</script><img src=x onerror=alert(1)>{{code}}"
    both = table(closed=False).assign(cruise=hostile)
    sources = pd.DataFrame({"source_id": ["PANGAEA.1"], "cite": hostile, "open": True})
    datapage.data_page(both, fluxes(both), sources, tmp_path / "x.html", hostile, hostile)
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "<img" not in text and len(re.findall("</script>", text)) == 2
    assert text.count(html.escape(hostile)) == 3 and not asked_elsewhere(text)


def test_a_record_without_a_place_is_kept(tmp_path):
    """It has no ocean and no point on the map, but it counts."""
    both = table(closed=False).assign(latitude=np.nan, longitude=np.nan, time=pd.NaT)
    sources = pd.DataFrame({"source_id": ["PANGAEA.1"], "cite": "a", "open": True})
    facts, arrays = datapage.content(both, fluxes(both), sources)
    assert facts["oceans"] == [datapage.NOWHERE] and set(facts["casts"]["lat"]) == {None}
    assert set(facts["casts"]["time"]) == {""} and arrays["n"].sum() == 12


@pytest.mark.parametrize(
    "path, unused",
    [("_static/mathjax/tex-svg.js", True), ("_static/mathjax/sre/mathmaps/fr.json", True),
     ("_static/mathjax/output/svg/fonts/tex.js", True), ("_static/scripts/bootstrap.js.map", True),
     ("_static/mathjax/output/chtml/fonts/woff-v2/MathJax_Main.woff", False), ("_static/data.html", False),
     ("_static/mathjax/input/tex/extensions/color.js", False), ("_static/map.html", False),
     ("_static/download/map-poc_flux-100m.nc", False), ("_static/mathjax/ui/menu.js", False)],
)  # fmt: skip
def test_what_no_page_loads_is_left_out(path, unused):
    """The site stays small, and loses nothing that a page shows."""
    assert bool(UNUSED.search(path)) is unused


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (chromium, chromium-browser or google-chrome)")
def test_filters_and_a_click_in_a_browser(tmp_path):
    """The page drives its own controls: filters change the count, a click opens a cast, nothing is fetched."""
    both = table()
    path = tmp_path / "data.html"
    sources = catalog.sources_of(both, PACKAGE, "real").sort_values("source_id", ascending=False)
    datapage.data_page(both, fluxes(both), sources, path, "Records", TWIN_LABEL)
    options = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    options += " --disable-component-update --disable-sync --virtual-time-budget=4000 --window-size=390,800 --dump-dom"
    command = [CHROMIUM, *options.split(), f"--user-data-dir={tmp_path / 'user'}", f"file://{path}#selftest"]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    found = json.loads(html.unescape(re.search(r'data-selftest="([^"]*)"', dom)[1]))
    assert found["all"] == "18 records of 3 casts, 3 cruises, 2 sources."
    assert found["ocean"] == "6 records of 1 cast, 1 cruise, 1 source."
    assert found["variable"] == found["year"] == "3 records of 1 cast, 1 cruise, 1 source." and found["rows"] == 3
    assert found["flag"] == "2 records of 1 cast, 1 cruise, 1 source."
    assert found["source"] == "12 records of 2 casts, 2 cruises, 1 source."
    assert found["cast"] == "CX7, station X7, 2012-05-01" and "Open, A. (2020)" in found["facts"]
    assert found["values"][0] == "total ²³⁴Th activity102.135 ± 0.05dpm L⁻¹good" and len(found["values"]) == 6
    assert found["fluxes"] == ["100fixed1234.5 ± 99good"]
    assert found["least"] == "2.135 ± 0.05" and found["next"] != found["fromTable"]
    assert found["requests"] == 0 and found["overflow"] <= 0
    assert found["years"] == ["2005", "2012"]
    saved = pd.read_csv(io.StringIO(found["csv"]))
    assert len(saved) == 16 and saved["n_values"].sum() == 18 and set(saved["label"]) == {TWIN_LABEL}
    assert saved.loc[saved["station"] == "X7", "value"].max() == 2.6 and saved["depth_m"].max() == 100


def test_the_years_asked_for_are_those_of_sound_dates(tmp_path):
    """A date in the next century that is flagged bad does not stretch the filter; it can be chosen all the same."""
    both = table(closed=False)
    late = both["station"] == "P1"
    both.loc[late, "time"] = pd.Timestamp("2103-09-04")
    sources = pd.DataFrame({"source_id": ["PANGAEA.1"], "cite": "a", "open": True})
    assert datapage.content(both, fluxes(both), sources)[0]["years"] == [2012, 2103]
    both.loc[late, "flag"] = FLAG_BAD
    facts, _ = datapage.content(both, fluxes(both), sources)
    assert facts["years"] == [2012, 2012] and "2103-09-04" in facts["casts"]["time"]
    for label in (TWIN_LABEL, ""):
        datapage.data_page(both, fluxes(both), sources, tmp_path / "x.html", "Records", label)
        assert (datapage.PLANTED in (tmp_path / "x.html").read_text(encoding="utf-8")) == bool(label)


def test_sources_of_the_twin_are_cited_as_simulated(run_dir, tmp_path):
    """A file in the layout of GEOTRACES is no data of GEOTRACES: on the page, in the map and in the package."""
    twin = tmp_path / "twin"
    shutil.copytree(run_dir, twin)
    files.write_json({"profile": "twin", "notebooks": {}, "base": None}, twin / "run.json")
    (tmp_path / "_static").mkdir()
    text = platform.write(twin, tmp_path / "_static")
    said = f"simulated, in the layout of GEOTRACES; {TWIN_LABEL}"
    assert f"| {said} |" in text and "| GEOTRACES |" not in text
    titles = [source["title"] for source in files.read_json(tmp_path / "_static/download/datapackage.json")["sources"]]
    assert f"GA99: {said} (CC-BY-4.0)" in titles and all(TWIN_LABEL in title for title in titles)


def test_the_page_of_the_book_takes_it_in():
    """Prose and generated part are one page of the contents."""
    root = Path(__file__).parents[1] / "book"
    assert "_generated/data.md" in (root / "data.md").read_text(encoding="utf-8")
    assert "book/data" in (root / "_toc.yml").read_text(encoding="utf-8")
