"""The interactive page: numbers come back as exact as it says, nothing is asked of the network, its controls work."""

import base64
import html
import json
import re
import shutil
import subprocess
import zlib

import numpy as np
import pytest
import xarray as xr

from seaofcarbon.files import UserError
from seaofcarbon.plot import fields, interactive, style
from seaofcarbon.publish.site import asked_elsewhere
from seaofcarbon.vocabulary import TWIN_LABEL

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def toy_map(noise=0.0):
    """A map of the open Pacific, 5-degree cells, with its interval; January is outside the area, December has gaps."""
    lat, lon = np.arange(-87.5, 90, 5), np.arange(-177.5, 180, 5)
    coords = {"month": np.arange(1, 13), "depth": [50.0, 100.0, 150.0], "lat": lat, "lon": lon}
    shape = tuple(map(len, coords.values()))
    month, depth, y, x = np.meshgrid(*coords.values(), indexing="ij")
    value = 5 + 3 * np.cos(np.radians(y)) + np.sin(month / 2) + 0.01 * x - depth / 100
    value = value * np.exp(noise * np.random.default_rng(0).standard_normal(shape))
    known = (np.abs(y) < 45) & ((x < -130) | (x > 165)) & ~((month == 12) & (y > 30))
    dims = tuple(coords)
    field = xr.DataArray(np.where(known, value, np.nan).astype("float32"), coords, dims)
    applicable = xr.DataArray(np.where(known, month > 1, -1).astype("int8"), coords, dims)
    parts = {"": field, "_lower": field / 4 - 1.5, "_upper": field * 4}
    return xr.Dataset({f"poc_flux{name}": part for name, part in parts.items()} | {"applicable": applicable})


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Toy map, its page and the page's text."""
    ds, path = toy_map(), tmp_path_factory.mktemp("page") / "map.html"
    size = interactive.map_page(ds, "poc_flux", path, title="Carbon that sinks", label=TWIN_LABEL)
    assert size == path.stat().st_size < 1_000_000
    return ds, path, path.read_text(encoding="utf-8")


def data_of(text):
    """What a page says of its grid and colours."""
    return json.loads(re.search(r'<script type="application/json" id="page">(.*?)</script>', text)[1])


def unpacked(text, depth):
    """State, value, lower and upper of one depth, dims (month, sea cell), as the page's script unpacks them."""
    data = data_of(text)
    raw = zlib.decompress(base64.b64decode(re.search(rf'id="depth-{depth}">(.*?)</script>', text)[1]))
    n = len(data["months"]) * sum(data["runs"][1::2])
    bytes_ = np.frombuffer(raw, "u1")
    classes = (bytes_.size - 7 * n - 2) // 4
    codes, at = [], n
    for size in (n, n, n, classes, classes, 1):
        low, high = (bytes_[at + j * size :][:size].astype(int) for j in (0, 1))
        code = low | (high << 8)
        codes.append((code >> 1) ^ -(code & 1))
        at += 2 * size
    assert at == bytes_.size
    value, below, above, table_below, table_above, first = codes
    value = np.cumsum(value)
    below, above = below + table_below[value - first], above + table_above[value - first]
    numbers = [interactive.restore(c, data["scale"]) for c in (value, value - below, value + above)]
    return [part.reshape(len(data["months"]), -1) for part in (bytes_[:n], *numbers)]


def test_numbers_are_as_exact_as_the_page_says():
    """Large numbers to 0.5 %, small ones of either sign to half a class at zero."""
    x = np.concatenate([-np.geomspace(1e-6, 1e5, 500), [0], np.geomspace(1e-6, 1e5, 500)])
    for scale in (0.1, 20.0):
        error = np.abs(interactive.restore(interactive.quantise(x, scale), scale) - x)
        assert (error <= 1.003 * np.hypot(x, scale) * interactive.STEP / 2).all()
        assert (error[np.abs(x) > 20 * scale] <= 0.0051 * np.abs(x[np.abs(x) > 20 * scale])).all()


def test_sea_cells_only_and_all_layers_come_back(page):
    """Value, interval and state of each month and sea cell, in the order of the grid that begins at 20 E."""
    ds, _, text = page
    data = data_of(text)
    assert data["west"] == 22.5 and data["depths"] == ["50 m", "100 m", "150 m"] and data["depth"] == 1
    turned = ds.assign_coords(lon=(ds["lon"] - 20) % 360 + 20).sortby("lon")
    sea = turned["poc_flux"].notnull().any(("month", "depth")).to_numpy()
    runs = np.array(data["runs"]).reshape(-1, 2)
    cells = np.concatenate([np.arange(start, start + n) for start, n in runs])
    np.testing.assert_array_equal(cells, np.flatnonzero(sea))
    for depth in range(3):
        layer = turned.isel(depth=depth)
        state, *numbers = unpacked(text, depth)
        expected = layer["poc_flux"].to_numpy()[:, sea]
        known = np.isfinite(expected)
        np.testing.assert_array_equal(state, np.where(known, 1 + layer["applicable"].to_numpy()[:, sea], 0))
        for name, found in zip(("", "_lower", "_upper"), numbers, strict=True):
            expected = layer[f"poc_flux{name}"].to_numpy()[:, sea]
            value = layer["poc_flux"].to_numpy()[:, sea]
            share = interactive.STEP / 2 + (interactive.END_ERROR if name else 0)
            exact = 1.01 * np.hypot(np.maximum(np.abs(expected), np.abs(value)), data["scale"]) * share
            assert (np.abs(found - expected) <= exact)[known].all()


def test_no_value_is_grey_and_looks_as_in_the_figures(page):
    """Captions say "Grey: no value": a neutral grey, far from the land, the same in figures and on the page."""
    empty, land = (
        np.frombuffer(bytes.fromhex(c.lstrip("#")), "u1").astype(int)
        for c in (fields.NO_VALUE_COLOUR, style.LAND_COLOUR)
    )
    assert np.ptp(empty) == 0 and 100 < empty[0] < 200 and (land - empty).max() > 50
    light = page[2].partition('data-theme="dark"')[0]
    assert f"--land: {style.LAND_COLOUR};" in light and f"--empty: {fields.NO_VALUE_COLOUR};" in light


def test_nothing_is_asked_of_another_host(page):
    """No address at all, and a policy that forbids what a browser would ask."""
    text = page[2]
    assert not asked_elsewhere(text) and "://" not in text
    assert "default-src 'none'" in text and "{{" not in text


def test_label_units_and_no_label(page, tmp_path):
    """The twin's label stands on the page and in the picture; without one there is no empty box."""
    ds, _, text = page
    assert f'<p class="label" role="note">{TWIN_LABEL}</p>' in text and data_of(text)["label"] == TWIN_LABEL
    assert "POC flux, mmol m⁻² d⁻¹" in text and "<h1>Carbon that sinks</h1>" in text
    assert "5° cells, 3 depths, 12 months" in text and "To stay under" not in text
    interactive.map_page(ds, "poc_flux", tmp_path / "real.html")
    assert 'role="note"' not in (tmp_path / "real.html").read_text(encoding="utf-8")


def test_hostile_words_are_text(tmp_path):
    """Title and label are never HTML, script or a place for more data."""
    hostile = "</title></script><script>alert('x')</script><img src=x onerror=alert(1)>{{page}}\"'&"
    interactive.map_page(toy_map(), "poc_flux", tmp_path / "x.html", title=hostile, label=hostile)
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "<img" not in text and "<script>alert" not in text
    assert len(re.findall(r"<script\b", text)) == len(re.findall(r"</script>", text)) == 5  # page, 3 depths, code
    assert text.count(html.escape(hostile)) == 3 and data_of(text)["label"] == hostile


def test_a_page_too_large_is_made_coarser_and_says_so(tmp_path):
    """First cells are put together, then depths left out (never the one shown first); at last one line says no."""
    ds, path = toy_map(noise=0.5), tmp_path / "small.html"
    full = interactive.map_page(ds, "poc_flux", path)
    smaller = interactive.map_page(ds, "poc_flux", path, max_bytes=full - 1)
    text = path.read_text(encoding="utf-8")
    assert smaller < full and "each cell is the mean of 2 × 2 cells of 5°" in text and "10° cells, 3 depths" in text
    least = interactive.map_page(ds, "poc_flux", path, max_bytes=smaller - 1)
    text = path.read_text(encoding="utf-8")
    assert least < smaller and "it shows 1 of 3 depths" in text and data_of(text)["depths"] == ["100 m"]
    with pytest.raises(UserError, match="cannot be made smaller"):
        interactive.map_page(ds, "poc_flux", tmp_path / "none.html", max_bytes=1000)
    assert not (tmp_path / "none.html").exists()


def test_a_depth_that_follows_the_sea_has_its_name(tmp_path):
    """A map at the base of the mixed layer has one depth, and the page says which."""
    ds = toy_map().isel(depth=[0])
    ds["depth_used"] = ds["poc_flux"].isel(depth=0, drop=True).assign_attrs(kind_name="base of the mixed layer")
    interactive.map_page(ds, "poc_flux", tmp_path / "mld.html")
    depths = data_of((tmp_path / "mld.html").read_text(encoding="utf-8"))["depths"]
    assert depths == ["the base of the mixed layer (50 m on average)"]


def test_coarse_cells_are_means_of_those_with_a_value():
    """Centres lie in the middle of the blocks, also of one that the edge of the grid cuts."""
    ds = toy_map().isel(lat=slice(10, 25), lon=slice(0, 10)).rename({"poc_flux": "value"})
    coarse = interactive.coarsen(ds, 2)
    np.testing.assert_allclose(coarse["lat"], ds["lat"].to_numpy()[::2] + 2.5)
    block = ds["value"].isel(month=6, depth=0, lat=slice(2, 4), lon=slice(0, 2))
    np.testing.assert_allclose(coarse["value"].isel(month=6, depth=0, lat=1, lon=0), block.mean(), rtol=1e-6)
    assert set(np.unique(coarse["applicable"].isel(month=0))) <= {-1, 0}
    assert ((coarse["applicable"] >= 0) == coarse["value"].notnull()).all()


@pytest.mark.parametrize("spoil, message", [("poc_flux_lower", "no 90 % interval"), ("poc_flux", "no value")])
def test_a_map_that_cannot_be_shown_is_refused(spoil, message, tmp_path):
    """Without interval or without any value there is one clear line and no file."""
    ds = toy_map()
    ds = ds.drop_vars(spoil) if spoil.endswith("lower") else ds.assign(poc_flux=ds["poc_flux"] * np.nan)
    with pytest.raises(UserError, match=message):
        interactive.map_page(ds, "poc_flux", tmp_path / "x.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (chromium, chromium-browser or google-chrome)")
def test_slider_depth_and_click_in_a_browser(page, tmp_path):
    """The page drives its own controls and says what it saw; the map says what it should have seen."""
    ds, path, text = page
    options = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    options += " --disable-component-update --disable-sync --virtual-time-budget=4000 --window-size=390,800 --dump-dom"
    command = [CHROMIUM, *options.split(), f"--user-data-dir={tmp_path / 'user'}", f"file://{path}#selftest"]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    found = json.loads(html.unescape(re.search(r'data-selftest="([^"]*)"', dom)[1]))
    assert found["month"] == "July" and found["depth"] == "150 m" and found["requests"] == 0 and found["overflow"] <= 0
    here = ds.sel(depth=150, lat=found["lat"], lon=found["lon"])
    for name, role in (("", "value"), ("_lower", "lower"), ("_upper", "upper")):
        expected = here[f"poc_flux{name}"].to_numpy()
        series = [np.nan if month is None else month[role] for month in found["year"]]
        largest = np.maximum(np.abs(expected), np.abs(here["poc_flux"].to_numpy()))
        exact = (0.0201 if name else 0.0051) * largest + 0.001
        known = np.isfinite(expected)
        assert (np.isfinite(series) == known).all() and (np.abs(series - expected) <= exact)[known].all()
        assert found["here"][role] == series[6]
    assert [month["inside"] for month in found["year"] if month][:2] == [False, True] and found["table"] == 12
    shown = f"{found['here']['value']:.3g} mmol m⁻² d⁻¹"
    assert shown in found["tip"] and shown in found["readout"] and "90 % interval" in found["tip"]
    colours = np.frombuffer(bytes.fromhex(data_of(text)["colours"]), "u1").reshape(-1, 3).astype(int)
    data = data_of(text)
    share = np.clip((found["here"]["value"] - data["low"]) / (data["high"] - data["low"]), 0, 1)
    assert np.abs(colours[round(255 * share)] - found["pixel"][:3]).max() <= 2  # the cell has the colour of its number
    assert (found["east"] - found["lon"]) % 360 == 5  # an arrow key moved the chosen cell
