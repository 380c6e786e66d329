"""Figures drawn by matplotlib come back: every point, within half a per cent of its axis and within its sigma."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import yaml
from PIL import Image

from seaofcarbon.digitise import figure, quality
from seaofcarbon.files import UserError
from seaofcarbon.plot import figures

MARKS = {"circle": "o", "square": "s", "diamond": "D", "triangle": "^"}
DEPTH = np.array([5.0, 20, 40, 60, 85, 110, 150, 200, 260, 330])
LOOKS = [("th234_total", "#1f77b4", "circle"), ("u238", "#ff7f0e", "square")]


def profiles(seed, apart=0.06):
    """Two series of ten points, a deficit with noise and 238U; their markers overlap, the middles are `apart`."""
    rng = np.random.default_rng(seed)
    u = 2.4 + 0.05 * rng.standard_normal(10)
    deficit = 1.2 * np.exp(-DEPTH / 70) + 0.1 * rng.standard_normal(10)
    return [u - np.where(np.abs(deficit) < apart, np.copysign(apart, deficit), deficit), u]


def draw(folder, series, looks=LOOKS, name="figure.png", line="", size=6, log=False, filled=True, **told):
    """Print a figure with an inverted depth axis and write its sidecar; x and y in whole pixels from the top left."""
    picture = plt.figure(figsize=(5, 5.5))
    axes = picture.add_axes([0.16, 0.08, 0.8, 0.82])
    fills = [filled] * len(looks) if isinstance(filled, bool) else filled
    for values, (_, colour, marker), full in zip(series, looks, fills, strict=True):
        face = {} if full else {"markerfacecolor": "white"}
        axes.plot(values, DEPTH, MARKS[marker] + line, color=colour, markersize=size, **face)
    low, high = (0.1, 100) if log else (0, 3.5)
    axes.set(xlim=(low, high), ylim=(350, 0), xlabel="activity", ylabel="depth")
    if log:
        axes.set_xscale("log")
    picture.set_dpi(150)
    picture.canvas.draw()
    height = picture.canvas.get_width_height()[1]
    (left, down), (right, up) = (axes.transData.transform([(low, 350), (high, 0)]) - 0.5).tolist()
    picture.savefig(folder / "drawn.png", dpi=150)
    plt.close(picture)
    image = Image.open(folder / "drawn.png").convert("RGB")
    image.save(folder / name, **({"quality": 75} if name.endswith(".jpg") else {}))
    scale = {"scale": "log"} if log else {}
    sidecar = {
        "figure": "Figure 1", "source": {"doi": "10.1000/x"},
        "constants": {"cruise": "C", "station": "1", "latitude": 10.0, "longitude": 200.0, "time": "2001-05-03"},
        "axes": {
            "x": {"quantity": "value", "pixels": [left, right], "values": [low, high]} | scale,
            "y": {"quantity": "depth_m", "pixels": [height - 1 - up, height - 1 - down], "values": [0, 350]},
        },
        "series": [
            {"variable": v, "unit": "dpm/L", "colour": c, "marker": m, "filled": f, "n_points": 10}
            for (v, c, m), f in zip(looks, fills, strict=True)
        ],
    } | told  # fmt: skip
    (folder / "figure.yml").write_text(yaml.safe_dump(sidecar))
    return folder / name, folder / "figure.yml"


def errors(found, series, looks=LOOKS, log=False):
    """Errors of value and depth as parts of their axes, and in sigma of the value, after the order of depths."""
    part, score = [], []
    for values, (variable, *_) in zip(series, looks, strict=True):
        read = found.records[found.records["variable"] == variable].sort_values("depth_m")
        assert len(read) == len(values), f"{variable}: {len(read)} points"
        value, depth = read["value"].to_numpy(), read["depth_m"].to_numpy()
        off = np.log10(value / values) / 3 if log else (value - values) / 3.5
        part += [*np.abs(off), *np.abs(depth - DEPTH) / 350]
        score += [*((value - values) / read["sigma"].to_numpy())]
    return np.array(part), np.array(score)


@pytest.mark.parametrize("name", ["figure.png", "figure.jpg", "figure.tif"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_series_come_back(tmp_path, name, seed):
    """PNG, JPEG of quality 75 and TIFF at 150 dpi: all 20 points within 0.5 % of the axes, sigma is honest."""
    series = profiles(seed)
    found = figure.read(*draw(tmp_path, series, name=name))
    part, score = errors(found, series)
    assert part.max() < 0.005 and not found.meta["problems"]
    assert 0.3 < np.sqrt(np.mean(score**2)) < 2


@pytest.mark.parametrize(
    "options",
    [{"line": "-"}, {"size": 4}, {"size": 10}, {"log": True}, {"filled": False}, {"filled": False, "line": "-"}],
    ids=str,
)
def test_other_ways_to_draw(tmp_path, options):
    """Lines between the markers, small and large ones, open ones, a log axis."""
    series = profiles(4, apart=0.15)
    series[1] *= 8 if options.get("log") else 1
    part, _ = errors(figure.read(*draw(tmp_path, series, **options)), series, log=options.get("log", False))
    assert part.max() < 0.005


def test_hidden_markers_are_flagged_or_said(tmp_path):
    """Where one series hides the other, what can still be seen is read and flagged; what cannot is told."""
    found = figure.read(*draw(tmp_path, profiles(4, apart=0.0), size=10))
    read = found.records["variable"].value_counts()
    assert read["u238"] == 10 and read["th234_total"] >= 8
    assert "the sidecar says 10" in found.meta["problems"][0]
    hidden = found.records["note"].str.contains("marker partly hidden")
    assert hidden.any() and (found.records["flag"][hidden] == 3).all()


@pytest.mark.parametrize(
    ("markers", "options"),
    [(("circle", "square"), {}), (("circle", "circle"), {"filled": (True, False), "line": "-", "name": "figure.jpg"})],
    ids=["by shape", "open and filled"],
)
def test_one_colour_two_markers(tmp_path, markers, options):
    """Two black series are told apart by their markers."""
    looks = [(variable, "black", marker) for variable, marker in zip(("th234_total", "u238"), markers, strict=True)]
    series = [values - (0.6 if i == 0 else 0) for i, values in enumerate(profiles(5))]
    part, _ = errors(figure.read(*draw(tmp_path, series, looks, **options)), series, looks)
    assert part.max() < 0.005


def test_records_of_a_figure(tmp_path):
    """A record says where in which figure it was, how well it was read, and passes the checks."""
    image, sidecar = draw(tmp_path, profiles(1))
    found = figure.read(image, sidecar)
    checked = quality.check(found.records)
    first = checked.iloc[0]
    assert first["origin"] == "figure" and first["source_doi"] == "10.1000/x" and first["longitude"] == -160
    assert first["locator"].startswith("Figure 1 of figure.png, series 1, point 1, pixel (")
    assert first["note"].startswith("sigma is that of reading the figure alone; depth_m is read to 0.3")
    assert first["time_precision"] == "day" and first["sigma_kind"] == "1sd" and checked["record_id"].is_unique
    assert found.account["cells"] == sum(v for k, v in found.account.items() if k != "cells")
    figures.save(image, checked, tmp_path / "check.png")
    assert Image.open(tmp_path / "check.png").size[0] > 500


def test_what_is_missing_is_said(tmp_path):
    """A colour that is not there, a count that differs, and markers beyond the axes are problems in words."""
    series = profiles(1)
    image, sidecar = draw(tmp_path, series)
    told = yaml.safe_load(sidecar.read_text())
    told["series"][0]["n_points"] = 12
    told["series"].append({"variable": "u238", "unit": "dpm/L", "colour": "lime"})
    sidecar.write_text(yaml.safe_dump(told))
    problems = figure.read(image, sidecar).meta["problems"]
    assert "10 points were found, the sidecar says 12" in problems[0] and "no point of series 3" in problems[1]
    told["series"] = told["series"][2:]
    sidecar.write_text(yaml.safe_dump(told))
    with pytest.raises(UserError, match="no point of series 1"):
        figure.read(image, sidecar)


@pytest.mark.parametrize("corners", [[0, 0, 2000, 200], [2000, 200, 0, 0]], ids=["in order", "turned round"])
def test_what_is_ignored_is_not_read(tmp_path, corners):
    """Points in a box of `ignore` are left, wherever its corners are named first, and no ink of it is used."""
    series = profiles(1)
    image, sidecar = draw(tmp_path, series, ignore=[corners])
    found = figure.read(image, sidecar)
    top = 82 + DEPTH * 676.5 / 350  # rows of the picture
    assert (found.records["variable"].value_counts() == (top > 200).sum()).all()
    assert found.records["depth_m"].min() > 60 and len(found.meta["problems"]) == 2


def test_transparent_pictures_are_seen_on_white(tmp_path):
    """A picture without a background is read, and drawn, as on white paper."""
    series = profiles(1)
    image, sidecar = draw(tmp_path, series)
    picture = np.asarray(Image.open(image).convert("RGBA")).copy()
    picture[(picture[..., :3] == 255).all(axis=2)] = 0
    Image.fromarray(picture).save(image)
    part, _ = errors(figure.read(image, sidecar), series)
    assert part.max() < 0.005 and figure.pixels(image).max() == 255 and figure.pixels(image)[0, 0].min() == 255


def test_units_that_are_not_known_are_set_aside(tmp_path):
    """Points in an unknown unit are rejects, and the account adds up."""
    image, sidecar = draw(tmp_path, profiles(1))
    sidecar.write_text(sidecar.read_text().replace("unit: dpm/L", "unit: dpm/cup"))
    found = figure.read(image, sidecar)
    assert found.records.empty and found.rejects["reason"].str.contains("dpm/cup").sum() == 20
    assert found.account["cells"] == sum(v for k, v in found.account.items() if k != "cells")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"seires": []}, "seires"),
        ({"series": []}, "series"),
        ({"axes": {"x": {"quantity": "value", "pixels": [1, 1], "values": [0, 1]}}}, "two different pixels"),
        ({"axes": {"x": {"quantity": "value", "pixels": [1, 90], "values": [0, 1], "scale": "log"}}}, "above 0"),
        ({"axes": {"x": {"quantity": "value", "pixels": [1, 9000], "values": [0, 1]}}}, "not in a picture"),
        ({"series": [{"variable": "th234_totl", "colour": "red"}]}, "did you mean 'th234_total'"),
        ({"series": [{"variable": "th234_total", "colour": "reddish"}]}, "is no colour"),
        ({"series": [{"variable": "th234_total", "colour": "white"}]}, "colour is that of the paper"),
        ({"series": [{"variable": "th234_total", "colour": None}]}, "in quotes"),
        ({"series": [{"variable": v, "colour": "red"} for v in ("th234_total", "u238")]}, "series 2 looks like one"),
        ({"constants": {"latitude": 10.0}}, "series 1 has no longitude: give it in `constants`"),
    ],
)
def test_wrong_sidecars_are_refused_in_one_line(tmp_path, wrong, words):
    """A slip in the sidecar is named with its place."""
    image, sidecar = draw(tmp_path, profiles(1))
    told = yaml.safe_load(sidecar.read_text())
    for key, value in wrong.items():
        told[key] = told["axes"] | value if key == "axes" else value
    sidecar.write_text(yaml.safe_dump(told))
    with pytest.raises(UserError, match=words) as caught:
        figure.read(image, sidecar)
    assert "\n" not in str(caught.value)


def test_hostile_pictures_are_refused(tmp_path):
    """Junk, folders, cut files and pictures that would fill memory are refused before they are unpacked."""
    image, sidecar = draw(tmp_path, profiles(1))
    (tmp_path / "junk.png").write_bytes(b"junk" * 50)
    (tmp_path / "cut.png").write_bytes(image.read_bytes()[:3000])
    Image.new("1", (30_000, 30_000)).save(tmp_path / "bomb.png")
    (tmp_path / "a.gif").write_bytes(b"GIF89a" + bytes(20))
    Image.fromarray(np.zeros((900, 900), dtype=np.uint16)).save(tmp_path / "deep.png")
    refused = {
        "deep.png": "8 bits",
        "junk.png": "no PNG",
        "cut.png": "damaged",
        "bomb.png": "more than 40 million",
        "a.gif": "no PNG",
    }
    for name, words in (refused | {"none.png": "no such file", ".": "a folder"}).items():
        with pytest.raises(UserError, match=words):
            figure.read(tmp_path / name, sidecar)


def test_yaml_that_unfolds_is_refused(tmp_path):
    """Aliases to aliases would fill memory."""
    image, sidecar = draw(tmp_path, profiles(1))
    sidecar.write_text("a: &a [x, x]\nb: &b [*a, *a]\nfigure: *b\n")
    with pytest.raises(UserError, match="aliases"):
        figure.read(image, sidecar)
