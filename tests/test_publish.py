"""The book: a stage that equals the repository, numbers from the run, a banner on the twin, no other host."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml
from PIL import Image

from seaofcarbon import notebook, ocean, publish, run, twin
from seaofcarbon.files import UserError, read_json, write_json
from seaofcarbon.publish import checks, extension, headlines, markdown, parameters, runs

ROOT = Path(__file__).parents[1]

TABLE = {"01-one": run.Chapter((), ("records.parquet", "rejects.csv", "training.parquet")),
         "02-two": run.Chapter((), ("totals.csv",))}  # fmt: skip


@pytest.fixture
def root(tmp_path):
    """A repository with a small book and a finished run of two notebooks."""
    book, folder = tmp_path / "book", tmp_path / "runs" / "twin"
    (book / "_static").mkdir(parents=True)
    (book / "_build" / "old").mkdir(parents=True)
    (book / "_config.yml").write_text("title: Test\nonly_build_toc_files: true\nhtml:\n  home_page_in_navbar: true\n")
    (book / "_toc.yml").write_text("format: jb-book\nroot: book/intro\n")
    (book / "intro.md").write_text("# A book\n")
    parts = {}
    for name in TABLE:
        (folder / "notebooks").mkdir(parents=True, exist_ok=True)
        (folder / "notebooks" / f"{name}.ipynb").write_text(json.dumps({"cells": [], "name": name}))
        parts[name] = {
            "parameters": {"run_dir": "runs/twin", "profile": "twin", "depth_m": 150.0}, "seconds": 61.0,
            "peak_memory_mb": 512.0, "versions": {"python": "3.11", "numpy": "2.4"},
        }  # fmt: skip
        write_json(parts[name], folder / "manifest" / f"{name}.json")
    total = {
        "name": "twin",
        "profile": "twin",
        "base": None,
        "notebooks": parts,
        "seconds": 122.0,
        "peak_memory_mb": 512.0,
    }
    write_json(total, folder / "run.json")
    records = pd.DataFrame({"variable": ["u238", "u238", "c_th"], "source_id": "s", "cruise": ["a", "b", "b"]})
    records.to_parquet(folder / "records.parquet")
    training = {"target": ["c_th"] * 1234, "campaign": range(1234), "cast_id": "x"}
    pd.DataFrame(training).to_parquet(folder / "training.parquet")
    (folder / "rejects.csv").write_text("file,row\nf,1\n")
    (folder / "totals.csv").write_text("source,region,total_pg_yr\nours,global,7.123456\nours,band,3\n")
    return tmp_path


def test_stage_equals_the_repository(root):
    """Paths of the stage are those of the repository: launch and download links then point at files."""
    folder = root / "book" / "_build" / "stage"
    publish.stage(root / "runs" / "twin", folder, root, TABLE)
    assert json.loads((folder / "notebooks" / "01-one.ipynb").read_text())["name"] == "01-one"
    assert (folder / "book" / "intro.md").exists()
    assert not (folder / "book" / "_build").exists()
    assert (folder / "_toc.yml").exists()
    status = (folder / "book" / "_generated" / "status.md").read_text()
    assert "| [02-two](../notebooks/02-two.ipynb) | 61 | 512 | `depth_m=150.0` |" in status
    assert "_generated/status.md" in (folder / "book" / "status.md").read_text()
    counts = (folder / "book" / "_generated" / "counts.md").read_text()
    assert "Records digitised: 3. Cells set aside: 1." in counts
    assert "| c_th | 1,234 | 1 | 1,234 |" in counts
    totals = (folder / "book" / "_generated" / "totals.md").read_text()
    assert "| ours | 7.12 |" in totals
    assert "band" not in totals


def executed(folder, name, values, title="# 1 One: a chapter"):
    """An executed notebook with its manifest."""
    code = {"cell_type": "code", "id": "p", "metadata": {"tags": ["parameters"]}, "source": "depth_m: float = 100.0",
            "outputs": [], "execution_count": 1}  # fmt: skip
    text = f"{title}\n\nSee [two](02-two.ipynb) and [map](../_static/map.html)."
    cells = [{"cell_type": "markdown", "id": "t", "metadata": {}, "source": text}, code]
    figure = {"mystnb": {"figure": {"caption": "c", "name": "fig-one"}, "image": {"alt": "A map"}}}
    shown = [{"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBORw0KGgo="}},
             {"output_type": "display_data", "metadata": {"scrapbook": {"name": "share"}}, "data": {}}]  # fmt: skip
    cells.append(
        {"cell_type": "code", "id": "f", "metadata": figure, "source": "", "outputs": shown, "execution_count": 2}
    )
    nb = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    write_json(nb, folder / "notebooks" / f"{name}.ipynb")
    part = {"parameters": {"run_dir": "x", "profile": "twin"} | values, "outputs": {}, "inputs": {}}
    write_json(part, folder / "manifest" / f"{name}.json")
    return part | {"seconds": 1.0, "peak_memory_mb": 1.0, "versions": {}}


@pytest.fixture
def spring(root):
    """A published run of one notebook, with a table of totals, that stands on a run of the twin."""
    twin, deep = root / "runs" / "twin", root / "runs" / "deep"
    mine = executed(deep, "01-one", {"depth_m": 150.0}) | {"outputs": {"totals.csv": "b"}}
    mine["inputs"] = {"model": {"path": "runs/twin/model", "sha256": "old"}}
    theirs = executed(twin, "01-one", {"depth_m": 100.0}) | {"outputs": {"totals.csv": "a", "model": "old"}}
    shutil.copytree(twin / "notebooks", root / "notebooks")
    totals = "kind,source,region,total_pg_yr\nthis book,direct,global,{}\ntruth,x,global,9\n"
    (twin / "totals.csv").write_text(totals.format(8))
    (deep / "totals.csv").write_text(totals.format(6))
    run_json = read_json(twin / "run.json")
    run_json["notebooks"]["01-one"] = theirs
    write_json(run_json, twin / "run.json")
    told = {"name": "deep", "profile": "twin", "base": "twin", "from_base": mine["inputs"], "published": True}
    write_json(told | {"notebooks": {"01-one": mine}}, deep / "run.json")
    (root / "book" / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nparts:\n- chapters:\n  - file: notebooks/01-one\n- caption: Others\n"
    )
    return root


def staged(root):
    """Stage the twin's book; return its folder and its parts."""
    folder = root / "book" / "_build" / "stage"
    publish.stage(root / "runs" / "twin", folder, root, TABLE)
    return folder, yaml.safe_load((folder / "_toc.yml").read_text())["parts"]


def test_a_published_run_gets_a_page_and_the_chapters_stay(spring):
    """Title, command, what differs, numbers from the files, a file to fetch; no label of a figure stands twice."""
    run.mark("deep", False, spring)
    folder, parts = staged(spring)
    without = (folder / "notebooks" / "01-one.ipynb").read_bytes()
    assert [part.get("caption") for part in parts] == [None, "Others"]
    assert not (folder / "runs").exists()
    run.mark("deep", True, spring)
    folder, parts = staged(spring)
    assert (folder / "notebooks" / "01-one.ipynb").read_bytes() == without
    assert parts[-1] == {"caption": "Runs",
                        "chapters": [{"file": "runs/index", "sections": [{"file": "runs/deep-01-one"}]}]}  # fmt: skip
    page = read_json(folder / "runs" / "deep-01-one.ipynb")
    top, picture, box, first = page["cells"][:4]
    assert top["source"].startswith("# Run deep: 1 One\n\n**TWIN OCEAN, NOT OBSERVATIONS.**")
    drawn = page["cells"][5]["outputs"]
    assert picture["outputs"] == drawn[:1] and "image/png" in drawn[0]["data"] and len(drawn) == 2
    assert picture["metadata"] == {"tags": ["remove-input"], "mystnb": {"image": {"alt": "A map"}}}
    text = top["source"] + box["source"]
    assert "seaofcarbon run 01-one --name deep -p depth_m=150 --publish" in text
    assert "| `depth_m` | `150` m | `100` m | depth at" in text
    assert "| POC flux of the globe, direct, Pg C a year | 6 | 8 | -25.0 |" in text
    assert "changed since" not in text
    href = "../_static/runs/deep/totals.csv"
    assert f'<a href="{href}" download>' in text
    assert (folder / "book" / href.removeprefix("../")).read_text().startswith("kind,")
    assert "[two](../notebooks/02-two.ipynb) and [map](../_static/runs/deep/map.html)" in first["source"]
    assert "fig-one" not in json.dumps(page)
    assert "[deep](deep-01-one.ipynb)" in (folder / "runs" / "index.md").read_text()


def test_a_published_run_whose_base_changed_says_so(spring):
    """Numbers beside those of a default run that is another one by now would mislead."""
    path = spring / "runs" / "twin" / "run.json"
    told = read_json(path)
    told["notebooks"]["01-one"]["outputs"]["model"] = "new"
    write_json(told, path)
    folder, _ = staged(spring)
    assert "changed since: its model (run `twin`)" in (folder / "runs" / "deep-01-one.ipynb").read_text()
    assert "its base changed" in (folder / "runs" / "index.md").read_text()
    told = read_json(spring / "runs" / "deep" / "run.json")
    write_json(told | {"base": "gone"}, spring / "runs" / "deep" / "run.json")
    assert "(run `gone`)" in (staged(spring)[0] / "runs" / "deep-01-one.ipynb").read_text()


def test_numbers_of_a_base_that_is_nothing_or_gone(spring):
    """No change in percent of 0, nor of a file that was deleted."""
    deep, twin = spring / "runs" / "deep", spring / "runs" / "twin"
    part, theirs = (read_json(folder / "run.json")["notebooks"]["01-one"] for folder in (deep, twin))
    (twin / "totals.csv").write_text("kind,source,region,total_pg_yr\nthis book,direct,global,0\n")
    assert "| POC flux of the globe, direct, Pg C a year | 6 | 0 |  |" in runs._numbers(deep, twin, part, theirs)
    (twin / "totals.csv").unlink()
    assert "| POC flux of the globe, direct, Pg C a year | 6 |  |  |" in runs._numbers(deep, twin, part, theirs)


def test_the_page_of_a_chapter_shows_its_parameters_once(spring):
    """Value, unit, meaning and the command for another value; the cell that says the same is folded, not lost."""
    cells = read_json(staged(spring)[0] / "notebooks" / "01-one.ipynb")["cells"]
    box, cell = cells[1]["source"], cells[2]
    assert "seaofcarbon run 01-one --name mine -p depth_m=200\n" in box
    assert "| `depth_m` | `100` m | depth at which the flux is shown; from 0 to 250 |" in box
    assert cell["metadata"]["tags"] == ["parameters", "hide-input"]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_command_of_a_box_is_accepted(path):
    """A command that a reader copies from a chapter is one that the runner takes, and asks for something else."""
    declared = notebook.parameters(notebook.read(path))
    values = {name: item.default for name, item in declared.items()}
    box = parameters.chapter_box(path.stem, {"name": "real", "profile": "real", "base": None}, values)
    found = re.search(r"seaofcarbon run (\S+) --name mine --profile real (?:\\\n +)?-p (\w+)=(\S+)", box)
    assert found[1] == path.stem
    assert run.assign({found[2]: found[3]}, {found[1]: declared})[found[1]] != values


def test_no_launch_of_what_git_does_not_hold():
    """Binder and live code stay on chapters, and go from pages of runs."""
    for page, kept in {"notebooks/05-maps": 2, "runs/deep-05-maps": 1}.items():
        context = {"header_buttons": [{"label": "launch-buttons"}, {"label": "source-buttons"}], "use_thebe": True}
        extension._no_launch(None, page, "", context, None)
        assert len(context["header_buttons"]) == kept
        assert context["use_thebe"] is (kept == 2)


def test_unknown_and_partial_runs_are_no_book(spring):
    """Advice that fits: which runs there are; that a run of one notebook can give pages to the book."""
    with pytest.raises(UserError, match=r"there is no run depp; did you mean deep\? \(runs: deep, twin\)"):
        publish.book("twin", "depp", root=spring, table=TABLE)
    with pytest.raises(UserError, match="run deep has no result of 02-two.*--publish"):
        publish.book("twin", "deep", root=spring, table=TABLE)


def test_twin_table_is_of_the_cruises_of_the_run(tmp_path, monkeypatch):
    """The table tells the cruises that the run sampled, not those of the defaults."""
    asked = []

    def ranges(parameters, n_cruises):
        asked.append((parameters.cruise_seed, n_cruises))
        return pd.DataFrame({"quantity": ["Casts"], "value": [7.0], "low": [5.0], "high": [9.0], "unit": ["1"]})

    monkeypatch.setattr(twin, "ranges", ranges)
    write_json({"parameters": {"seed": 7, "n_cruises": 40}}, tmp_path / "manifest" / "01-digitise.json")
    assert "| Casts | 7 | 5 to 9 | 1 |" in publish.FRAGMENTS["twin"][0](tmp_path, run.NOTEBOOKS)
    assert asked == [(7, 40)]


def test_banner_only_on_the_twin(tmp_path):
    """Nobody may take the twin's maps for observations, nor the real ones for the twin's."""
    twin = yaml.safe_load(publish.configuration(ROOT / "book" / "_config.yml", "twin"))
    real = yaml.safe_load(publish.configuration(ROOT / "book" / "_config.yml", "real"))
    assert twin["html"]["announcement"].startswith("TWIN OCEAN, NOT OBSERVATIONS")
    assert "announcement" not in real["html"]
    assert "html_theme_options" not in twin["sphinx"]["config"]  # it would erase the launch buttons


def test_addresses_are_those_of_whoever_publishes(monkeypatch):
    """Launch buttons and canonical links of a fork point at the fork; where nobody tells, the file is left alone."""
    path = ROOT / "book" / "_config.yml"
    for name in ("SITE", "REPOSITORY"):
        monkeypatch.delenv(f"SEAOFCARBON_{name}", raising=False)
    told, asked = yaml.safe_load(publish.configuration(path, "real")), yaml.safe_load(path.read_text(encoding="utf-8"))
    assert "SEAOFCARBON_REPOSITORY" in told["html"].pop(
        "extra_footer"
    )  # the buttons lead nowhere, and the page says so
    assert (told["html"], told["repository"]) == (asked["html"], asked["repository"])
    monkeypatch.setenv("SEAOFCARBON_SITE", "https://user.example/sea")
    monkeypatch.setenv("SEAOFCARBON_REPOSITORY", "https://git.example/user/sea")
    told = yaml.safe_load(publish.configuration(path, "real"))
    assert told["html"]["baseurl"] == "https://user.example/sea/"  # without the slash, the last part would be lost
    assert "extra_footer" not in told["html"]
    assert told["repository"]["url"] == "https://git.example/user/sea" and told["repository"]["branch"] == "main"


def test_incomplete_run_is_not_published(root):
    """A notebook that failed, or whose old result counts no more, is named with the command that makes it."""
    (root / "runs" / "twin" / "manifest" / "02-two.json").unlink()
    with pytest.raises(UserError, match=r"no result of 02-two: run `seaofcarbon run all --profile twin`"):
        publish.book("twin", root=root, table=TABLE)
    with pytest.raises(UserError, match="--profile real"):
        publish.book("real", root=root, table=TABLE)


def test_built_once(root, monkeypatch):
    """Nothing changed, nothing is built; an edited page or a new result builds anew; a failure keeps the old."""
    built = []

    def build(folder, work, log):
        built.append(folder)
        (work / "html").mkdir(parents=True)
        (work / "html" / "index.html").write_text("<p>page</p>")
        return work / "html"

    monkeypatch.setattr(publish.site, "_build", build)
    index, anew = publish.book("twin", root=root, table=TABLE)
    assert index.read_text() == "<p>page</p>"
    assert anew
    assert not publish.book("twin", root=root, table=TABLE)[1]
    (root / "book" / "intro.md").write_text("# A better book\n")
    assert publish.book("twin", root=root, table=TABLE)[1]
    (root / "runs" / "twin" / "totals.csv").write_text("source,region,total_pg_yr\nours,global,8\n")

    def fail(folder, work, log):
        raise publish.BookError("a warning")

    monkeypatch.setattr(publish.site, "_build", fail)
    with pytest.raises(publish.BookError):
        publish.book("twin", root=root, table=TABLE)
    assert index.exists()
    monkeypatch.setattr(publish.site, "_build", build)
    assert publish.book("twin", root=root, table=TABLE)[1]
    assert len(built) == 3


def test_two_builds_do_not_tread_on_each_other(root, monkeypatch):
    """A second build in the same clone is refused and leaves the first alone; the lock goes with its end."""
    code = "import sys; from seaofcarbon.publish import site; held = site._alone(site.Path(sys.argv[1])); "
    code += "held.__enter__(); print('held', flush=True); input()"
    command = [sys.executable, "-c", code, str(root / "book" / "_build")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=r"another process is building a book in .*_build"):
            publish.book("twin", root=root, table=TABLE)
        assert not (root / "book" / "_build" / "stage").exists()
        first.kill()
    monkeypatch.setattr(publish.site, "_build", lambda *_: pytest.fail("built"))
    with pytest.raises(pytest.fail.Exception, match="built"):
        publish.book("twin", root=root, table=TABLE)


@pytest.mark.parametrize("above", ["plain", "logs", "_build"])
def test_a_change_is_seen_wherever_the_clone_stands(tmp_path, above):
    """Folders that no page is made from are named within the clone: the one above it may be called the same."""
    root = tmp_path / above / "clone"
    (root / "book").mkdir(parents=True)
    (root / "book" / "intro.md").write_text("# One\n")
    before = publish.site.inputs_hash(root / "runs" / "twin", root)
    (root / "book" / "_build").mkdir()
    (root / "book" / "_build" / "page.html").write_text("made")
    assert publish.site.inputs_hash(root / "runs" / "twin", root) == before
    (root / "book" / "intro.md").write_text("# Two\n")
    assert publish.site.inputs_hash(root / "runs" / "twin", root) != before


def test_text_of_others_is_text():
    """A citation with a tag, or with a template that Sphinx would run, stands on the page as it is written."""
    cite = "<script>alert(1)</script> {{ cycler.__init__ }} \\`{{ a }}` ``{{ b }}` {% c %} `code {{ d }}`"
    cell = markdown.markdown_table(pd.DataFrame({"Cite": [cite]})).split("\n")[-1]
    assert "<" not in cell and cell.count("{{") == 2 and "`code {{ d }}`" in cell and "{%" not in cell


def test_site_is_slimmed_without_loss(tmp_path):
    """Figures keep every pixel under a new name that the pages know; downloads carry no outputs, and are git's."""
    html, (own, ran) = tmp_path / "html", ("notebooks/01-one.ipynb", "runs/spring.ipynb")
    pixels = np.random.default_rng(0).integers(0, 9, (40, 60, 3)).astype("uint8") * 20
    (html / "_images").mkdir(parents=True)
    Image.fromarray(pixels).save(html / "_images" / "a.png", compress_level=0)
    (html / "page.html").write_text('<img src="_images/a.png"> <img src="_images/b.svg">')
    cell = {"cell_type": "code", "source": "1", "execution_count": 1, "outputs": [{"output_type": "stream"}]}
    for name in (own, ran):
        (html / "_sources" / name).parent.mkdir(parents=True)
        (html / "_sources" / name).write_text(json.dumps({"cells": [cell]}))
    (tmp_path / "notebooks").mkdir()
    (tmp_path / own).write_text('{"cells": [],   "metadata": {}}\n')
    publish.site._figures_as_webp(html)
    publish.site._sources_without_outputs(html / "_sources", tmp_path)
    assert np.array_equal(np.asarray(Image.open(html / "_images" / "a.webp").convert("RGB")), pixels)
    assert [path.name for path in (html / "_images").iterdir()] == ["a.webp"]
    assert (html / "page.html").read_text() == '<img src="_images/a.webp"> <img src="_images/b.svg">'
    assert (html / "_sources" / own).read_bytes() == (tmp_path / own).read_bytes()
    assert json.loads((html / "_sources" / ran).read_text())["cells"][0]["outputs"] == []


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ('<script src="https://unpkg.com/x.js"></script>', True),
        ('<link rel="stylesheet" href="//fonts.host/a.css">', True),
        ('<link href="https://fonts.host/a.css" rel="preload">', True),
        ("<style>@import url('https://a.b/c.css');</style>", True),
        ('<img alt="x" src="http://a.b/c.png">', True),
        ('<img srcset="a.png 1x, https://a.b/c.png 2x" src="a.png">', True),
        ("<img src=https://a.b/c.png>", True),
        ("<IMG SRC = '\n//a.b/c.png'>", True),
        ("<link rel=stylesheet href=https://fonts.host/a.css>", True),
        ('<link rel="modulepreload" href="https://a.b/c.js">', True),
        ('<object data="https://a.b/c.svg"></object>', True),
        ('<video poster="https://a.b/c.png"></video>', True),
        ('<svg><image xlink:href="https://a.b/c.png"/></svg>', True),
        ('<p style="background: url(https://a.b/c.png)">', True),
        ('<script type="module">import "https://a.b/c.js"</script>', True),
        ('<script type="module">import{x}from"https://a.b/c.js"</script>', True),
        ('<script>const x = await import("https://a.b/c.js")</script>', True),
        ('<img srcset="a.png, b.png 2x" src="data:image/png;base64,//aa"> <p>from "https://a.b" url(//a.b)</p>', False),
        ("<script>let a</script><p>import 'https://a.b'</p><style>p {color: red}</style>", False),
        ('<a href="https://doi.org/10.1">a link</a> <link rel="canonical" href="https://a.b/">', False),
        ('<script>const URL = "https://unpkg.com/x"</script><img src="../_images/a.png">', False),
    ],
)
def test_outside_requests(tmp_path, page, found):
    """The book is read on ships: a page that asks another host hangs or looks broken there."""
    (tmp_path / "a.html").write_text(page)
    assert bool(publish.outside_requests(tmp_path)) is found


@pytest.mark.parametrize(
    ("style", "found"),
    [("@import '//a.b/c.css';", 1), ("p {background: url( https://a.b/c.png)}", 1), ("p {background: url(c.png)}", 0)],
)
def test_outside_requests_of_styles(tmp_path, style, found):
    """A style asks as a page does."""
    (tmp_path / "a.css").write_text(style)
    assert len(publish.outside_requests(tmp_path)) == found


def test_pages_of_the_book_exist():
    """Each page of the contents is a notebook of the table, a page of the book, or the generated status page."""
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
    pages = [toc["root"], *(page["file"] for part in toc["parts"] for page in part["chapters"])]
    assert [page for page in pages if page.startswith("notebooks/")] == [f"notebooks/{name}" for name in run.NOTEBOOKS]
    for page in set(pages) - {"book/status"}:
        assert (ROOT / f"{page}.md").exists() or (ROOT / f"{page}.ipynb").exists(), page


def test_warnings_fail_the_build(root):
    """A link to nowhere is an error of ours: one line with the warning and the log (a real build of one page)."""
    (root / "book" / "intro.md").write_text("# A book\n\n[nowhere](nowhere.md)\n")
    with pytest.raises(publish.BookError, match=r"intro\.md.*nowhere.*build\.log"):
        publish.book("twin", root=root, table=TABLE)


def test_headlines_close_the_map_that_they_read(monkeypatch):
    """A file left open is a warning at best, and cannot be replaced on some systems."""
    cells = {"month": [1, 2], "depth": [100.0], "lat": [0.5, 1.5], "lon": [0.5, 1.5]}
    flux = xr.DataArray(np.full((2, 1, 2, 2), 3.0), cells, tuple(cells))
    ds, closed = xr.Dataset({"th234_flux": flux, "applicable": (flux > 0).astype("int8")}), []
    ds.set_close(lambda: closed.append(True))
    monkeypatch.setattr(headlines.files, "read_netcdf", lambda path, chunks=None: ds)
    found = headlines.HEADLINES["maps.nc"]("maps.nc", {"profile": "twin", "target": "auto", "depth_m": 100.0})
    assert closed and sorted(found.values()) == [0.0, 3.0]


def test_a_run_says_how_the_unit_of_its_map_turns_into_ours():
    """One becquerel is 60 dpm; a flux in mol and seconds comes back to mmol and days."""
    told = runs._unit({"profile": "twin", "target": "auto", "depth_m": 100.0})
    assert told == "`th234_flux` is in Bq m⁻² d⁻¹ (times 60: dpm m⁻² d⁻¹)."
    assert "(times 86,400,000: mmol m⁻² d⁻¹)" in runs._unit({"profile": "real", "target": "auto", "depth_m": 100.0})


def test_calibration_goes_down_in_depth(tmp_path):
    """Shallow intervals hold more here than deep ones, and yet the shallow layer comes first."""
    depth = np.repeat([20.0, 60.0, 100.0, 150.0, 200.0], 40)
    error = np.tile([-0.1, 0.1], 100) * np.where(np.arange(200) % 40 < depth / 10, 5, 1)
    value = np.linspace(500, 1500, 200)
    casts = pd.DataFrame({
        "cast_id": [f"c{k}" for k in range(200)], "latitude": 40.0, "longitude": -30.0,
        "time": pd.Timestamp("2020-05-01"),
    })  # fmt: skip
    held = casts[["cast_id"]].assign(
        target="th234_flux", model="mean", split="campaign", fold=0, campaign=[f"k{k % 7}" for k in range(200)],
        depth_m=depth, value=value, prediction=value * (1 + error), lower=value * (0.8 + error),
        upper=value * (1.2 + error),
    )  # fmt: skip
    write_json({"main_target": "th234_flux"}, tmp_path / "model" / "card.json")
    held.to_csv(tmp_path / "validation.csv", index=False)
    casts.to_parquet(tmp_path / "training.parquet")
    lines = checks.FRAGMENTS["check-calibration"][0](tmp_path, {}).split("\n")
    assert [line.split("|")[2].strip() for line in lines if line.startswith("| depth")] == list(checks.LAYERS)


def test_the_ratio_of_a_bloom_is_one_of_means():
    """Two months in bloom of four times the flux: 4, whatever the cells that never bloom do."""
    months = xr.DataArray([3.0] * 2 + [1.0] * 10, {"month": range(1, 13)}, "month")
    cells = xr.DataArray([[1.0, 1.0]], {"lat": [0.5], "lon": [0.5, 1.5]}, ("lat", "lon"))
    blooms = cells.where(cells["lon"] < 1, 0.0)
    green = months * blooms + (1 - blooms)
    flux = xr.where(green > 2, 4.0, 1.0) + 100 * (1 - blooms)
    assert checks.bloom_ratio(flux.rename("th234_flux"), ocean.bloom(green)) == pytest.approx(4.0)
