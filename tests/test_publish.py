"""The book: a stage that equals the repository, numbers from the run, a banner on the twin, no other host."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from seaofcarbon import publish, run, twin
from seaofcarbon.files import UserError, write_json

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
    total = {"profile": "twin", "base": None, "notebooks": parts, "seconds": 122.0, "peak_memory_mb": 512.0}
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


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ('<script src="https://unpkg.com/x.js"></script>', True),
        ('<link rel="stylesheet" href="//fonts.host/a.css">', True),
        ('<link href="https://fonts.host/a.css" rel="preload">', True),
        ("<style>@import url('https://a.b/c.css');</style>", True),
        ('<img alt="x" src="http://a.b/c.png">', True),
        ('<a href="https://doi.org/10.1">a link</a> <link rel="canonical" href="https://a.b/">', False),
        ('<script>const URL = "https://unpkg.com/x"</script><img src="../_images/a.png">', False),
    ],
)
def test_outside_requests(tmp_path, page, found):
    """The book is read on ships: a page that asks another host hangs or looks broken there."""
    (tmp_path / "a.html").write_text(page)
    assert bool(publish.outside_requests(tmp_path)) is found


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
