"""What readers and teachers meet: terms that say what they mean, costs of chapters, answers that the package gives."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from seaofcarbon.files import write_json
from seaofcarbon.publish import checks, facts, lessons
from seaofcarbon.publish.terms import first_sentence
from seaofcarbon.run import NOTEBOOKS

ROOT = Path(__file__).parents[1]

PAGES = {
    "index": "# Book\n\nIt clings: {term}`Thorium <234Th>`.\n\n```{toctree}\nbook/glossary\nbook/es/inicio\n```\n",
    "book/glossary": (
        "# Glossary\n\n```{glossary}\n234Th\nthorium-234\n  Made by {term}`238U`, at 24.1 days. It clings.\n\n"
        '238U\n  The *parent* of "all".\n```\n'
    ),
    "book/es/inicio": "# Inicio\n\nEl {term}`uranio <238U>`.\n",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A book of three pages, built with our extension."""
    from sphinx.application import Sphinx

    folder = tmp_path_factory.mktemp("book")
    for name, text in PAGES.items():
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "source" / f"{name}.md").write_text(text)
    options = {"extensions": ["myst_parser", "seaofcarbon.publish.extension"], "html_theme": "sphinx_book_theme"}
    out = folder / "html"
    Sphinx(folder / "source", None, out, folder / "trees", "html", options, None, None, warningiserror=True).build()
    return {name: (out / f"{name}.html").read_text() for name in PAGES}


def links(page):
    """Text and title of the links to terms."""
    found = re.findall(r'<a class="reference internal" href="[^"]*#term-[^"]*" title="([^"]*)">(.*?)</a>', page)
    return {re.sub("<[^>]*>", "", text): title for title, text in found}


def test_a_term_says_what_it_means(built):
    """Its link carries the first sentence of the definition, as plain text, also inside the glossary."""
    assert links(built["index"]) == {"Thorium": "Made by 238U, at 24.1 days."}
    assert links(built["book/es/inicio"]) == {"uranio": "The parent of “all”."}
    assert links(built["book/glossary"]) == {"238U": "The parent of “all”."}


def test_spanish_pages_say_that_they_are(built):
    """A screen reader would read Spanish with English sounds."""
    assert re.search(r'<html[^>]* lang="es"', built["book/es/inicio"])
    assert re.search(r'<html[^>]* lang="en"', built["index"])


def test_spanish_pages_know_the_months():
    """The page, its tables and the numbers of the edition name the same twelve; a site without a name would be lost."""
    import yaml

    from seaofcarbon.files import read_csv
    from seaofcarbon.publish import spanish
    from seaofcarbon.vocabulary import SITES

    page = (ROOT / "book" / "es" / "andalucia.md").read_text(encoding="utf-8")
    months = yaml.safe_load(page.split("---")[1])["myst"]["substitutions"]["mes"]
    assert [months[name] for name in spanish.ENGLISH] == list(spanish.MONTHS)
    assert set(spanish.SITES) <= set(SITES)
    edition = ROOT / "book" / "edition"
    sites = read_csv(edition / "sites.csv").dropna(subset="poc_flux")["site"]
    assert set(sites) <= set(spanish.SITES)
    told = json.loads((edition / "numbers.json").read_text(encoding="utf-8"))["andalusia"].values()
    assert {part["name"] for part in told if isinstance(part, dict) and "name" in part} <= set(spanish.SITES)
    assert spanish.months(edition).count("\n") == 13
    assert all(site in spanish.summary(edition) for site in spanish.SITES.values())


def test_first_sentence_ends_where_it_ends():
    """Not at a decimal point, nor at a short word."""
    assert (
        first_sentence("A half-life of 24.10\ndays, e.g. of thorium. More.")
        == "A half-life of 24.10 days, e.g. of thorium."
    )
    assert first_sentence("no end") == "no end"


def test_five_bottles_by_hand():
    """The flux of the exercise is the sum that a student makes with a pencil."""
    cast = lessons.five_bottles()
    decay = np.log(2) / 24.10
    np.testing.assert_allclose(cast.deficit, [600, 700, 400, 100, -50], atol=0.01)
    inventory = 10 * 600 + 20 * 650 + 30 * 550 + 40 * 250
    assert cast.flux[100.0] == pytest.approx(decay * inventory, rel=1e-5)
    assert cast.flux[150.0] == pytest.approx(decay * (inventory + 50 * 25), rel=1e-5)
    assert cast.equilibrium_m == pytest.approx(100 + 50 * 100 / 150, abs=0.01)
    assert cast.flux[cast.equilibrium_m] == max(cast.flux.values())
    assert cast.measurement[100.0] == pytest.approx(decay * 50 * np.linalg.norm([20, 25, 35, 20]))
    assert cast.common[100.0] == pytest.approx(decay * 47 * 100)
    assert cast.poc == pytest.approx(4 * decay * inventory / 1000, rel=1e-5)


def test_answers_show_the_numbers_of_the_package(tmp_path):
    """What the page prints is what the calculator gives: no number is typed."""
    told = lessons.FRAGMENTS["exercise-answers"][0](tmp_path, NOTEBOOKS)
    cast = lessons.five_bottles()
    for number in (cast.flux[100.0], cast.flux[150.0], cast.sigma[100.0]):
        assert f"{number:,.0f}" in told
    table = lessons.FRAGMENTS["exercise-csv"][0](tmp_path, NOTEBOOKS)
    assert table.count("\n") == len(lessons.FIVE_BOTTLES) + 2


def test_answers_of_the_twin_stay_out_of_the_real_book(tmp_path):
    """On open data the page says where the answers are, and reads nothing."""
    write_json({"profile": "real"}, tmp_path / "run.json")
    for name in (name for name in lessons.FRAGMENTS if name.startswith("lesson")):
        assert lessons.FRAGMENTS[name][0](tmp_path, NOTEBOOKS) == lessons.ELSEWHERE
    assert checks.FRAGMENTS["check-truth"][0](tmp_path, NOTEBOOKS) == checks.HIDDEN


def test_what_a_calculator_is_asked_it_answers():
    """Closed forms to rounding, and sigma within three standard errors of what noise does."""
    forms, noise = checks.closed_forms(), checks.monte_carlo(4000)
    np.testing.assert_allclose(forms["calculator"], forms["by_hand"], atol=1e-9)
    np.testing.assert_allclose(noise["found"] / noise["stated"], 1, atol=3 / np.sqrt(2 * 4000))


def test_fragments_of_the_pages_exist():
    """A page takes in only what some function makes."""
    from seaofcarbon.publish import FRAGMENTS

    for page in ("teach", "trust"):
        asked = re.findall(r"_generated/([\w-]+)\.md", (ROOT / "book" / f"{page}.md").read_text())
        assert set(asked) <= set(FRAGMENTS), page
        assert asked


def test_commands_of_the_lessons_are_accepted():
    """Each command of the teachers' page names a notebook and parameters that it has."""
    from seaofcarbon import notebook
    from seaofcarbon.run import parameters
    from seaofcarbon.run.chapters import select

    commands = re.findall(
        r"seaofcarbon run (\S+) --name \w+ -p (\w+)=([^\s`]+)", (ROOT / "book" / "teach.md").read_text()
    )
    assert len(commands) >= 6
    for chapter, name, value in commands:
        chosen = select([chapter])
        declared = {c: notebook.parameters(notebook.read(ROOT / "notebooks" / f"{c}.ipynb"), c) for c in chosen}
        assert any(str(given.get(name)) != "None" for given in parameters.assign({name: value}, declared).values())


@pytest.mark.parametrize(
    ("seconds", "memory", "words"),
    [(37.7, 874.8, "38 s and 875 MB of memory"), (190, None, "3 minutes in"), (150, 2115.5, "2 minutes and 2,116 MB")],
)
def test_a_chapter_says_what_it_cost(seconds, memory, words):
    """Under the title, from the manifest; the rest of the notebook stays as it is."""
    cells = [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# 1 Title\n", "\n", "# not this\n"]}]
    facts.with_cost({"cells": cells}, {"seconds": seconds, "peak_memory_mb": memory})
    text = cells[0]["source"]
    assert text.startswith("# 1 Title\n\n```{div} chapter-cost\n")
    assert words in text
    assert text.count("chapter-cost") == 1


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_chapter_has_its_parts(path):
    """The skeleton of a chapter, an answer to each exercise, figures that are told to those who do not see them."""
    cells = json.loads(path.read_text())["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    parts = ["What you will be able to do", "Before you start", "Summary", "Exercises", "What's next", "References"]
    assert [h for h in re.findall(r"^## (.*)$", text, re.M) if h in parts] == parts
    assert "| Concept | Importance | Where |" in text
    assert "**Time and memory**" in text
    exercises = text.split("## Exercises")[1].split("## What's next")[0]
    assert exercises.count("{dropdown} Answer") == len(re.findall(r"^\d+\. ", exercises, re.M)) >= 3
    figures = [cell["metadata"]["mystnb"] for cell in cells if "mystnb" in cell["metadata"]]
    assert all(f["figure"]["caption"] and f["figure"]["name"].startswith("fig-") for f in figures)
    assert all(len(f["image"]["alt"].split()) >= 8 for f in figures)
