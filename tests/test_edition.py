"""The edition: small, whole, opened and used without a data folder, said rightly by the pages, and true of the data."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import intake
import jinja2
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

from seaofcarbon import (
    catalog,
    digitise,
    edition,
    files,
    flux,
    maps,
    ocean,
    profiles,
    provenance,
    publish,
    records,
    run,
)
from seaofcarbon.edition import freezing, layers, learner, pictures, sources, told
from seaofcarbon.learn import features, models
from seaofcarbon.publish import extension, frozen
from seaofcarbon.vocabulary import FEATURE_SETS, PUBLISHED_TOTALS

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "book" / "edition"
FROZEN = [name for name in catalog.list_entries()["name"] if "frozen" in catalog.show(name)]
NUMBERS = json.loads((FOLDER / "numbers.json").read_text())
PAGES = [path for path in sorted((ROOT / "book").rglob("*.md")) if "edition." in path.read_text()]


def test_it_is_small_and_whole():
    """Under 8 MB; every file is the one that edition.json names, and none is there besides."""
    about = files.read_json(FOLDER / "edition.json")
    there = {p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*") if p.is_file()}
    assert there == {*about["files"], "edition.json"}
    assert sum((FOLDER / name).stat().st_size for name in there) < edition.MAX_BYTES
    assert {name: files.sha256(FOLDER / name) for name in about["files"]} == {
        name: entry["sha256"] for name, entry in about["files"].items()
    }
    assert about["date"] == NUMBERS["date"] and about["data"]["mouw2016"]["sha256"]


def test_no_measurement_is_in_it():
    """Only the open compilation taught the model; tables hold no casts, closed sections are but counted."""
    card = models.load(FOLDER / "model").card
    assert card["data"]["sources"] == ["PANGAEA.855594"]
    for path in FOLDER.glob("*.csv"):
        assert not {"cast_id", "cruise", "station", "value"} & set(pd.read_csv(path, nrows=1))


def test_map_is_whole_and_honest():
    """Twelve months, land empty, the interval about the value, what has no value has no applicability."""
    ds = files.read_netcdf(FOLDER / "maps.nc")
    assert {name: ds.sizes[name] for name in ds["poc_flux"].dims} == {"month": 12, "lat": 180, "lon": 360}
    land = catalog.climatology()["bottom_depth"].isnull()
    for ending in ("", "_ez"):
        flux, low, high = (ds[f"poc_flux{ending}{end}"] for end in ("", "_lower", "_upper"))
        assert flux.attrs["units"] == "mmol m-2 d-1"
        known = flux.notnull()
        assert 0.2 < float(known.mean()) < 0.71 and not bool((known & land).any())
        assert bool(((low <= flux) & (flux <= high)).where(known, True).all())
        assert bool(((ds[f"applicable{ending}"] >= 0) == known).all())
        assert bool((ds[f"poc_flux{ending}_year"].notnull() == known.any("month")).all())
    assert "Mouw" in ds.attrs["references"] and ds.attrs["Conventions"].startswith("CF")


def fluxes_of(depth):
    """A source of the edition with a map by month at a depth, and its means, as a run makes them; two cells bloom."""
    coords = {"month": list(maps.MONTHS), "lat": [0.5, 1.5], "lon": [0.5, 1.5], "depth": depth}
    value = np.arange(48.0).reshape(12, 2, 2) + 1
    flux = xr.DataArray(value, coords, ("month", "lat", "lon"), attrs={"units": "mmol m-2 d-1"}, name="poc_flux")
    layer = xr.Dataset({f"poc_flux{end}": flux for end in ("", "_lower", "_upper")})
    layer = layer.assign(applicable=(flux > 0).astype("int8"))
    mean = maps.to_mean(flux, SimpleNamespace(mean_factor=lambda z: 1 + z / 100), depth)
    by = {"comment": "a month is in bloom when its chlorophyll is high"}
    split = maps.bloom_split(flux, ocean.bloom(flux.drop_attrs()))
    split = split.assign({name: da.assign_attrs(by) for name, da in split.items()})
    return SimpleNamespace(layer=layer, year=(maps.annual_mean(mean), None), split=split)


def test_attributes_say_what_a_variable_is(tmp_path):
    """No axis, source or kind of another; how each mean was taken; the way back to the unit of the field."""
    fixed = xr.DataArray(100.0, attrs=files.COORDINATES["depth"])
    own = xr.DataArray(100.0, attrs={"units": "m", "source": "NOAA OI SST", "kind_name": "base of the euphotic zone"})
    made = layers.dataset(fluxes_of(fixed), fluxes_of(own.assign_coords(depth=fixed)))
    files.write_netcdf(made, tmp_path / "maps.nc")
    for path in (tmp_path / "maps.nc", FOLDER / "maps.nc"):
        with xr.open_dataset(path, decode_cf=False) as ds:
            for name, da in ds.data_vars.items():
                assert not {"axis", "positive", "source", "kind_name"} & set(da.attrs), name
                if str(name).startswith("poc_flux"):
                    words = {
                        "_non_bloom": "(months out of bloom)",
                        "_bloom": "(months in bloom)",
                        "_year": "time: mean",
                    }
                    wanted = next((text for end, text in words.items() if name.endswith(end)), "time: mean over years")
                    assert (
                        da.attrs["cell_methods"].endswith(wanted) and "sinking_mole_flux" in da.attrs["standard_name"]
                    )
                    assert da.attrs["comment"].startswith("multiply by 86400000 for mmol m-2 d-1")
                    assert ("a month is in bloom" in da.attrs["comment"]) == ("bloom" in name)


def test_a_mean_of_the_year_says_which_months_it_is_of():
    """Where winter has no light it is a mean of summer: the name says so, and the months are counted."""
    whole = fluxes_of(xr.DataArray(100.0, attrs=files.COORDINATES["depth"]))
    dark = whole.layer["poc_flux"].where((whole.layer["lat"] < 1) | (whole.layer["month"] > 3))
    whole.layer["poc_flux"] = dark.where(dark["lon"] < 1)  # two cells of land, one with a dark winter, one without
    made = layers.dataset(whole, whole)
    assert made["months_with_value"].values.tolist() == [[12, 0], [9, 0]]
    assert set(made["months_with_value"].attrs) == {"long_name", "units"}  # it is no flux
    assert "months that have a value" in made["poc_flux_year"].attrs["long_name"]
    assert told._short_year(whole.layer["poc_flux"]) == pytest.approx(0.5, abs=1e-3)


def test_two_maps_are_compared_in_one_quantity_by_area():
    """Half of the area at 60 degrees; what one map does not have counts in neither number."""
    coords = {"lat": [0.0, 60.0], "lon": [0.5, 1.5]}
    at100 = xr.DataArray([[1.0, np.nan], [2.0, 7.0]], coords, ("lat", "lon"))
    ez = xr.DataArray([[2.0, 9.0], [1.0, np.nan]], coords, ("lat", "lon"))
    found = told._between(at100, ez)
    assert found == pytest.approx({"larger_at_ez": 2 / 3, "ratio": (2 * 2 + 1) / (2 * 1 + 2)})


def test_nothing_in_it_gives_back_the_chlorophyll():
    """A depth of light by cell and month is the chlorophyll in other words, and its licence says: never passed on."""
    assert "never passed on" in catalog.show("sweeney_chlorophyll")["licence"]
    with xr.open_dataset(FOLDER / "maps.nc") as ds:
        own = {f"poc_flux{ez}{part}" for ez in ("", "_ez")
               for part in ("", "_lower", "_upper", "_year", "_bloom", "_non_bloom")}  # fmt: skip
        cf = {"lat_bnds", "lon_bnds", "climatology_bounds", "month", "time", "lat", "lon"}
        counts = {name for name in ds.variables if str(name).startswith("months_with_value")}
        assert set(ds.variables) - counts == own | {"applicable", "applicable_ez"} | cf
        for name in own | {"applicable", "applicable_ez"}:
            assert ("month" in ds[name].dims) != name.endswith(("_year", "_bloom"))
    sites = pd.read_csv(FOLDER / "sites.csv").dropna(subset="depth_m")
    assert (sites.groupby(["site", "layer"])["depth_m"].nunique() == 1).all()  # one depth for the whole year


@pytest.mark.parametrize("name", FROZEN)
def test_catalogue_opens_it_without_data(name, monkeypatch, tmp_path):
    """A fresh clone: no data folder, no run; intake alone and our own door give the same."""
    monkeypatch.setenv("SEAOFCARBON_DATA", str(tmp_path))
    ours = catalog.open_entry(name)
    plain = intake.open_catalog(str(catalog.folder() / "main.yml")).products.read()[name].read()
    assert ours == plain and json.loads(ours) if isinstance(ours, str) else ours.equals(plain)


def test_missing_edition_names_the_command(monkeypatch, tmp_path):
    """Whoever removed it is told how to get it back."""
    monkeypatch.setattr(catalog, "REPOSITORY", tmp_path)
    monkeypatch.setattr(catalog, "folder", lambda: ROOT / "catalogs")
    with pytest.raises(files.UserError, match="make edition"):
        catalog.path("edition_maps")


def test_model_predicts_on_a_fresh_machine(tmp_path):
    """The command of the README, with an empty data folder: numbers at sea, a reason on land."""
    points = tmp_path / "points.csv"
    points.write_text(
        "time,latitude,longitude,depth_m\n2020-05-15,36.5,-7.5,100\n2020-05-15,-45,-170,100\n2020-05-15,40,-4,100\n"
    )
    command = [sys.executable, "-c", "from seaofcarbon.cli import main; raise SystemExit(main())", "predict"]
    command += [str(points), "--model", str(FOLDER / "model"), "--out", str(tmp_path / "out.csv")]
    (tmp_path / "empty").mkdir()
    environment = os.environ | {"SEAOFCARBON_DATA": str(tmp_path / "empty"), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    out = pd.read_csv(tmp_path / "out.csv")
    assert out["reason"].fillna("").tolist() == ["", "", "land"]
    sea = out.iloc[:2]
    assert (sea["lower"] < sea["prediction"]).all() and (sea["prediction"] < sea["upper"]).all()
    assert sea["prediction"].between(0.5, 50).all() and (sea["unit"] == "mmol m-2 d-1").all()


def test_model_sees_embedded_fields_only():
    """Neither satellite nor production, or a fresh machine could not use it."""
    needed = set(features.covariates_needed(models.load(FOLDER / "model").features))
    assert needed <= set(catalog.climatology()) and not needed & {"chlorophyll", "npp", "euphotic_depth"}


# --- Pages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=[path.stem for path in PAGES])
def test_every_number_of_the_prose_is_there(path):
    """A name that numbers.json does not have, or a null, would be an empty word in a sentence."""
    jinja = jinja2.Environment(undefined=jinja2.StrictUndefined)
    page = path.read_text()
    front = yaml.safe_load(page.split("---")[1]) if page.startswith("---") else {}
    own = front.get("myst", {}).get("substitutions", {})  # such as the months in Spanish
    for text in re.findall(r"\{\{[^{}]*\bedition\.[^{}]*\}\}", page):
        said = jinja.from_string(text).render(edition=NUMBERS, **own)
        assert said.strip() and "None" not in said and "<" not in said, text


@pytest.mark.parametrize("path", PAGES, ids=[path.stem for path in PAGES])
def test_no_filter_stands_in_a_table(path):
    """The bar of a filter would end the cell, and the page would show the template."""
    rows = [line for line in path.read_text().split("\n") if line.startswith("|")]
    assert not [row for row in rows if re.search(r"\{\{[^}]*\|", row)]


@pytest.mark.parametrize("page", ["results", "andalusia"])
def test_prose_has_no_number_typed_by_hand(page):
    """What a reader takes for a result comes from the run: no decimal number and no per cent outside a substitution."""
    text = re.sub(r"\{\{.*?\}\}", "", (ROOT / "book" / f"{page}.md").read_text())
    text = re.sub(r"`[^`]*`|\{cite\}|\d+(\.\d+)?° [NSEW]", "", text)
    allowed = {"90", "95", "0.1"}  # the level of intervals, that of bootstrap ranges, the light that defines Ez
    assert set(re.findall(r"(\d+(?:\.\d+)?) %|(?<![\d.])(\d+\.\d+)(?! %)", text)) <= {(n, "") for n in allowed}


def test_pages_get_numbers_and_tables(tmp_path):
    """The configuration of either profile carries the numbers; a book without an edition has none."""
    for profile in ("twin", "real"):
        config = yaml.safe_load(publish.configuration(ROOT / "book" / "_config.yml", profile))
        assert config["sphinx"]["config"]["myst_substitutions"]["edition"] == NUMBERS
    frozen.write(FOLDER, tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {f"edition-{name}" for name in frozen.TABLES}
    total = NUMBERS["total"]["at100"]["mean"]
    assert f"| global | {total:.2f} (" in (tmp_path / "edition-totals.md").read_text()
    best = NUMBERS["skill"]["embedded"]["campaign"]["r2"]
    assert f"{best:.2f} (" in (tmp_path / "edition-skill.md").read_text()
    frozen.write(tmp_path / "nothing", tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_superlatives_are_of_basins_that_the_map_covers():
    """A small corner of a rich sea is not the richest sea; what is told comes with what is covered."""
    rows = {"region": ["A", "B", "C"], "mean_flux": [9.0, 5.0, 3.0], "area_share": [0.23, 0.5, 0.98]}
    totals = pd.DataFrame(rows | {"share_outside": [0.1, 0.2, 0.0], "layer": "100 m", "region_kind": "basin"})
    found = told._basins(totals.assign(source="learnt directly, mean"), "100 m")
    assert found["most"] == {"name": "B", "flux": 5.0, "covered": 0.5, "outside": 0.2}
    assert found["least"]["name"] == "C" and found["left_out"] == "A (23 %)" and found["needed"] == 0.5


def test_skill_of_the_pages_is_that_of_the_table():
    """The rows that pages, figure and numbers show are the same five, and each is in skill.csv for all splits."""
    table = files.read_csv(FOLDER / "skill.csv", keep_default_na=False, na_values={"r2": [""], "r2_low": [""]})
    shown = told.shown_skill(table)
    assert list(shown["row"].unique()) == ["run", "usual", "embedded", "henson", "constant"]
    assert (shown.groupby("row")["split"].nunique() == 3).all()
    assert told._skill(table)["run"]["campaign"]["r2"] == pytest.approx(NUMBERS["skill"]["run"]["campaign"]["r2"], 1e-4)
    first = frozen._skill(FOLDER).split("\n")[0]
    assert [first.index(word) for word in ("Campaigns", "Blocks", "Random")] == sorted(
        first.index(word) for word in ("Campaigns", "Blocks", "Random")
    )


def test_new_production_is_named_so():
    """Beside carbon that sinks, a published total of new production says what it is."""
    table = files.read_csv(FOLDER / "totals.csv")
    names = set(pictures._totals(table)["name"])
    for name, one in PUBLISHED_TOTALS.items():
        new = "new production, " if one.kind == "new production" else ""
        assert f"{name} ({new}{one.depth})" in names
    assert "Laws 2000 (new production, 100 m)" in names


def test_every_published_total_is_cited_by_its_name():
    """As many citations as totals that the pages count, and the same year in label and citation."""
    keys = {name: name.replace(" ", "").lower() for name, p in PUBLISHED_TOTALS.items() if p.kind != "models"}
    near = {keys[n] for n, p in PUBLISHED_TOTALS.items() if p.depth == "100 m" and p.kind not in
            ("models", "new production")}  # fmt: skip
    assert NUMBERS["published_totals"]["singles"] == len(near)
    pages = {name: (ROOT / "book" / f"{name}.md").read_text() for name in ("results", "trust")}
    said = re.search(r"published totals of sinking carbon at 100 m \{cite\}`([^`]*)`", pages["results"])
    assert set(said[1].split(",")) == near
    assert set(keys.values()) <= set(re.split("[`,]", pages["trust"]))


def test_pages_of_open_data_are_not_under_the_banner_of_the_twin():
    """The twin's banner would deny what these pages say; other pages keep it; the real book has none."""
    for meta, wanted in (({"open_data": True}, extension.OPEN_DATA), ({}, "TWIN"), (None, "TWIN")):
        context = {"theme_announcement": "TWIN", "meta": meta}
        extension._banner(None, "page", "page.html", context, None)
        assert context["theme_announcement"] == wanted
    context = {"meta": {"open_data": True}}
    extension._banner(None, "page", "page.html", context, None)
    assert "theme_announcement" not in context


def test_only_runs_on_open_data_are_frozen(tmp_path):
    """A run of the twin, or one that is not there, is refused with the command that makes the right one."""
    (tmp_path / "twin").mkdir()
    files.write_json({"profile": "twin"}, tmp_path / "twin" / "run.json")
    for name in ("twin", "nothing"):
        with pytest.raises(files.UserError, match="--profile real"):
            edition.freeze(tmp_path / name, tmp_path / name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def two_runs(code=("a" * 64, "a" * 64), model="m"):
    """Give run.json of a whole run, and of one at Ez that stands on a model."""
    tune = {"package": code[0], "inputs": {}, "outputs": {"model": "m", "covariates.nc": "c"}}
    inputs = {"model": {"sha256": model}, "covariates.nc": {"sha256": "c"}}
    maps = {"package": code[1], "inputs": inputs, "outputs": {"maps.nc": "z"}}
    season = {"package": code[1], "inputs": {"maps.nc": {"sha256": "z"}}, "outputs": {"seasons.nc": "s"}}
    return (
        {"name": "real", "notebooks": {"04-tune": tune}},
        {"name": "real-ez", "notebooks": {"05-maps": maps, "06-seasons": season}},
    )


def test_runs_that_do_not_belong_together_are_refused():
    """A model that was learnt again in between, or notebooks of two versions of the code."""
    code = "a" * 64
    sources.check_together(*two_runs(), code)
    with pytest.raises(files.UserError, match="real-ez does not belong to run real: its model changed.*make edition"):
        sources.check_together(*two_runs(model="older"), code)
    with pytest.raises(
        files.UserError, match=r"code of today \(sha256 aaaaaaaa, bbbbbbbb; now aaaaaaaa\).*make edition"
    ):
        sources.check_together(*two_runs(code=(code, "b" * 64)), code)
    with pytest.raises(files.UserError, match=r"aaaaaaaa; now cccccccc"):
        sources.check_together(*two_runs(), "c" * 64)


def test_the_code_of_a_file_is_that_of_its_notebook(tmp_path):
    """The edition is frozen later than its notebook ran, perhaps by other code; a running notebook has no manifest."""
    folder = tmp_path / "runs" / "real"
    files.write_json({"profile": "real"}, folder / "run.json")
    assert run.package_hash()[:16] in provenance.attrs(folder, "maps.nc", "real")["history"]
    files.write_json({"package": "0123456789abcdef" * 4}, folder / "manifest" / "05-maps.json")
    assert "code sha256 0123456789abcdef" in provenance.attrs(folder, "maps.nc", "real")["history"]


def test_closed_training_rows_are_refused(tmp_path):
    """A model remembers what it learnt: a source without an open licence is named, and nothing is frozen."""
    files.write_json({"profile": "real", "notebooks": {}}, tmp_path / "run.json")
    package = {"sources": [{"title": "A", "path": "10.1594/PANGAEA.1", "licence": "CC-BY-3.0"}]}
    files.write_json(package, tmp_path / "datapackage.json")
    rows = pd.DataFrame({"target": "poc_flux", "source_id": ["PANGAEA.1", "PANGAEA.1", "GA99"]})
    for kept, closed in ((rows[:2], False), (rows, True)):
        kept.assign(value=1.0).to_parquet(tmp_path / "training.parquet")
        if closed:
            with pytest.raises(files.UserError, match=r"closed data.*: GA99 \(not stated\)"):
                freezing.check_open(sources.Source(tmp_path))
        else:
            freezing.check_open(sources.Source(tmp_path))


def test_a_folder_of_something_else_is_not_replaced(tmp_path):
    """Before anything is computed, or `--out ~` would be the end of it."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(files.UserError, match="is no edition"):
        edition.freeze(tmp_path / "run", tmp_path / "run", tmp_path)
    (tmp_path / "edition.json").write_text("{}")
    with pytest.raises(files.UserError, match="no run on open data"):
        edition.freeze(tmp_path / "run", tmp_path / "run", tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_numbers_are_rounded_and_plain():
    """Six digits, no NaN in JSON, no numpy type."""
    found = freezing.rounded({"a": np.float32(1.23456789), "b": float("nan"), "c": np.int64(3), "d": {"e": "x"}})
    assert found == {"a": 1.23457, "b": None, "c": 3, "d": {"e": "x"}} and type(found["c"]) is int


# --- Against the data ------------------------------------------------------------------------------------


@pytest.mark.real
def test_frozen_model_is_what_the_data_teach(real_data, monkeypatch):
    """From raw files to the model again: the same counts, and the same predictions to 2 % (other library versions)."""
    monkeypatch.setenv("SEAOFCARBON_DATA", str(real_data))
    archive = digitise.read_many(profiles.raw_files("real", None), progress=False).records
    assert len(archive) == NUMBERS["counts"]["records"]
    samples, sea = records.to_samples(archive), profiles.covariates("real")
    names = FEATURE_SETS["seed"]
    table, _ = features.training_table(samples, flux.fluxes(samples, [50, 100, 150]), archive, sea, names)
    training = features.for_target(table, learner.TARGET)
    counts = {"values": len(training), "campaigns": training["campaign"].nunique()}
    assert counts == {name: NUMBERS["counts"][name] for name in counts}
    frozen_model = models.load(FOLDER / "model")
    again = learner.train(learner.known(training), sea, frozen_model.card["seed"])
    places = features.random_sea(500, sea, learner.FEATURES, np.array([100.0]), 1)
    ratio = again.predict(places)["prediction"] / frozen_model.predict(places)["prediction"]
    assert ratio.between(0.98, 1.02).all()
    assert again.width.at_100_m == pytest.approx(frozen_model.width.at_100_m, rel=0.02)


@pytest.mark.real
def test_frozen_numbers_are_those_of_a_new_run():
    """A run on this machine gives the frozen counts, totals within 5 % and scores within 0.05."""
    folder = run.run_folder("real", ROOT)
    if not (folder / "totals.csv").exists():
        pytest.skip("there is no runs/real here: `seaofcarbon run all --profile real` makes it")
    totals = pd.read_csv(folder / "totals.csv").query("region == 'global'").set_index("source")
    ours, told = totals.loc["learnt directly, mean"], NUMBERS["total"]["at100"]
    for name, column in {"mean": "total_pg_yr", "low": "lower_pg_yr", "high": "upper_pg_yr"}.items():
        assert ours[column] == pytest.approx(told[name], rel=0.05)
    validation = pd.read_csv(folder / "validation.csv").query("target == 'poc_flux' and model == 'mean'")
    assert len(validation.query("split == 'campaign'")) == NUMBERS["counts"]["values"]
    for split, rows in validation.groupby("split"):
        y, p = np.log10(rows["value"]), np.log10(rows["prediction"])
        r2 = 1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum()
        assert r2 == pytest.approx(NUMBERS["skill"]["run"][split]["r2"], abs=0.05)
