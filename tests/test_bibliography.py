"""The pages: every work cited exists, every DOI has a source, and constants in the text are those of the code."""

import json
import re
from pathlib import Path

import pytest
import yaml

import seaofcarbon
from seaofcarbon import catalog
from seaofcarbon.run import CITED, CITED_RELATION
from seaofcarbon.vocabulary import CARBON_G_PER_MOL, HALF_LIFE_TH234_D, LAMBDA_TH234_PER_D, U238_RELATIONS

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "book").glob("*.md"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NO_DOI = ("DOI not verified", "No DOI")


def entries():
    """Return key -> text of each entry of the bibliography."""
    text = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    parts = re.findall(r"^@(?!comment)\w+\{([\w-]+),\n(.*?)^\}", text, flags=re.M | re.S)
    assert len(parts) == len({key for key, _ in parts}), "a key stands twice"
    return dict(parts)


def prose(path):
    """Return the text of a page, or of the markdown cells of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = (c["source"] for c in json.loads(text)["cells"] if c["cell_type"] == "markdown")
    return "\n".join("".join(source) for source in cells)


def references(text, role):
    """Return what the text refers to through a MyST role."""
    return re.findall(rf"\{{{role}\}}`([^`]+)`", text)


@pytest.mark.parametrize("path", PAGES + NOTEBOOKS, ids=lambda p: p.name)
def test_every_work_cited_is_in_the_bibliography(path):
    """A key that does not exist would stop the book."""
    cited = {key.strip() for keys in references(prose(path), "cite(?::[a-z]+)?") for key in keys.split(",")}
    assert cited <= set(entries())


@pytest.mark.parametrize("path", PAGES + NOTEBOOKS, ids=lambda p: p.name)
def test_every_term_linked_is_in_the_glossary(path):
    """A term that is explained nowhere would stop the book."""
    glossary = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8").split("```{glossary}\n")[1].split("```")[0]
    known = {line.strip().lower() for line in glossary.splitlines() if line and not line.startswith(" ")}
    linked = {re.sub(r".*<(.+)>", r"\1", term).lower() for term in references(prose(path), "term")}
    assert linked <= known


@pytest.mark.parametrize(("key", "entry"), entries().items(), ids=entries().keys())
def test_every_work_has_a_doi_or_says_why_not(key, entry):
    """A DOI that nobody saw is not printed."""
    doi = re.search(r"^\s*doi\s*=\s*\{(.+?)\}", entry, flags=re.M)
    assert bool(doi) != any(words in entry for words in NO_DOI), key
    assert doi is None or re.fullmatch(r"10\.\d{4,9}/\S+", doi[1]), key


def test_what_a_run_cites_is_in_the_bibliography():
    """`seaofcarbon catalog cite --run NAME` looks these keys up."""
    cited = {*CITED_RELATION.values(), *(key for keys in CITED.values() for key in keys)}
    assert cited <= set(entries())


TOLD = {
    "06-seasons": {"xie2020"},  # 238U where oxygen is missing, in an exercise
    "07-carbon": {"buesseler2006", "puigcorbe2020"},  # scatter of ratios, in words
}
"""Works that a notebook tells of and does not use, and those behind its catalogue entries, are no method."""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)
def test_what_a_notebook_cites_stands_in_the_credits_of_a_run(path):
    """Each work in the text is a method in CITED, a relation, behind an entry of the catalogue, or only told of."""
    cited = {key.strip() for keys in references(prose(path), "cite(?::[a-z]+)?") for key in keys.split(",")}
    behind = {key for name in catalog.list_entries()["name"] for key in catalog.show(name)["cite"]}
    known = {*CITED.get(path.stem, ()), *CITED_RELATION.values(), *behind, *TOLD.get(path.stem, ())}
    assert cited <= known


def test_the_conventions_state_the_constants_of_the_code():
    """A number in the text that differs from the code's would be wrong twice."""
    text = (ROOT / "book" / "conventions.md").read_text(encoding="utf-8")
    for name, relation in U238_RELATIONS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}`"))
        intercept = f" − {abs(relation.intercept)}" if relation.intercept else ""
        assert f"| {relation.slope} *S*{intercept} | {relation.sigma_dpm_l}" in row
    for value in (f"{HALF_LIFE_TH234_D:.2f} d", f"{LAMBDA_TH234_PER_D:.7f} d", f"{CARBON_G_PER_MOL} g"):
        assert f"| {value}" in text


def test_the_citation_file_names_this_version():
    """Reference managers read CITATION.cff; a stale version there would be cited."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["title"] == "Sea of Carbon"
    assert citation["version"] == seaofcarbon.__version__
    assert {"message", "authors", "license", "type"} <= set(citation)
