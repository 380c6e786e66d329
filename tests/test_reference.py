"""The reference: whatever the program and the package offer stands on its pages, with all that they take and give."""

import ast
import inspect
import json
import pkgutil
import re
import shlex
import textwrap
from pathlib import Path

import pytest
import yaml

from seaofcarbon import cli, vocabulary
from seaofcarbon.publish import reference
from seaofcarbon.run import LoggedError
from seaofcarbon.vocabulary import LAMBDA_TH234_PER_D

ROOT = Path(__file__).parents[1]


def entries(page):
    """Return the public functions and classes of a page, as "seaofcarbon.maps:annual_mean"."""
    modules = reference.PAGES[page]
    return [f"seaofcarbon.{module}:{name}" for module, names in modules.items() for name in names.split()]


ENTRIES = [name for page in reference.PAGES for name in entries(page)]


def section(doc, title):
    """Return the lines of a section of a numpydoc docstring that stand at its margin."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[\w ]*\n-+$|\Z)", doc, re.MULTILINE | re.DOTALL)
    return [line for line in found[1].splitlines() if line[:1].strip()] if found else []


def gives_something(function):
    """Tell whether a function returns or yields a value, less those of functions inside it."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    inner = {
        id(n)
        for f in ast.walk(tree)
        if f is not tree and isinstance(f, ast.FunctionDef | ast.Lambda)
        for n in ast.walk(f)
    }
    return any(isinstance(n, ast.Return | ast.Yield) and n.value and id(n) not in inner for n in ast.walk(tree))


def lacking(name):
    """Return what the docstring of a public thing lacks, in words; nothing if it is complete."""
    found = pkgutil.resolve_name(name)
    doc = inspect.getdoc(found)
    if not doc or inspect.isclass(found):
        return "" if doc else f"{name}: no docstring"
    told = [word.strip(" *") for line in section(doc, "Parameters") for word in line.split(" : ")[0].split(",")]
    if sorted(told) != sorted(inspect.signature(found).parameters):
        return f"{name}: parameters {told}"
    gives = bool(section(doc, "Returns") or section(doc, "Yields"))
    return "" if gives == gives_something(inspect.unwrap(found)) else f"{name}: what it returns"


@pytest.mark.parametrize("page", reference.PAGES)
def test_docstrings_are_complete(page):
    """Each parameter of a public function stands in its docstring, none that it does not have, and what it returns."""
    assert [told for name in entries(page) if (told := lacking(name))] == []


def test_a_docstring_that_lacks_something_is_found():
    """The judge of docstrings is not blind: private helpers in one line lack what public functions have."""
    assert "parameters []" in lacking("seaofcarbon.ocean.year:month_weights")
    assert section("Do.\n\nReturns\n-------\nfloat\n    m.\n\nRaises\n------\nValueError\n", "Returns") == ["float"]


def test_command_line_is_complete():
    """Each command, argument and option of `--help` stands on the page."""
    page = reference.command_line()
    for name, (command, context) in reference.commands().items():
        part = page.partition(f"## `seaofcarbon {name}`\n")[2].partition("\n## ")[0]
        assert command.help.split("\n")[0] in part
        for parameter in command.params:
            if parameter.name != "help":
                assert all(option in part for option in parameter.opts if option.startswith("-"))
                assert f"`{parameter.get_help_record(context)[0]}`" in part
    assert len(reference.commands()) == page.count("\n## ") + 1


@pytest.mark.parametrize("name", reference.EXAMPLES)
def test_examples_parse(name):
    """The parser takes each example: no option that is gone, nothing that is needed left out."""
    command, context = reference.commands()[name]
    words = shlex.split(reference.EXAMPLES[name])[len(name.split()) :]
    assert command.make_context(name, words, parent=context.parent)
    with pytest.raises(Exception, match="--no-such"):
        command.make_context(name, [*words, "--no-such"], parent=context.parent)


def test_every_command_has_an_example():
    """No command is left without one, and no example without its command."""
    assert reference.EXAMPLES.keys() == reference.commands().keys()


def test_examples_print_what_the_program_prints():
    """The flux of the page is that of four bottles: the layer formula the trapezoids by hand."""
    said = reference.printed(reference.EXAMPLES["flux"])
    header, first, *_ = said.partition("\nfluxes.csv:\n")[2].splitlines()
    row = dict(zip(header.split(","), first.split(","), strict=True))
    u = [0.0786 * s - 0.315 for s in (36.2, 36.2, 36.3)]
    a, b, c = (1000 * (x - th) for x, th in zip(u, (1.8, 1.9, 2.3), strict=True))
    by_hand = LAMBDA_TH234_PER_D * (10 * a + 40 * (a + b) / 2 + 50 * (b + c) / 2)
    assert float(row["th234_flux"]) == pytest.approx(by_hand, rel=1e-6)
    assert reference.printed("catalog cite owens2011").startswith("@article{owens2011")


def test_an_example_that_fails_stops_the_page():
    """An error shown as what the program prints would teach it."""
    with pytest.raises(LoggedError, match="`seaofcarbon catalog show nothing` ends with 2: .*no entry .nothing"):
        reference.printed("catalog show nothing")


def test_exit_codes_on_the_page():
    """The page tells every exit code that the program has."""
    page = (ROOT / "book" / "reference" / "cli.md").read_text(encoding="utf-8")
    told = [int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)]
    assert told == [cli.DONE, cli.SET_ASIDE, cli.MEND, cli.OURS, 130]


def test_vocabulary_is_complete():
    """Each variable with its unit, each parameter, flag and relation stands in the tables."""
    page = reference.words()
    for name, one in vocabulary.VARIABLES.items():
        assert re.search(rf"^\| `{name}` \| {re.escape(one.long_name)} \| {re.escape(one.unit)} \|", page, re.MULTILINE)
        assert one.standard_name in page.replace("\u200b", "")
    for name in (*vocabulary.PARAMETERS, *vocabulary.U238_RELATIONS, "HALF_LIFE_TH234_D", "CARBON_G_PER_MOL"):
        assert f"| `{name}` |" in page
    for number, meaning in vocabulary.FLAGS.items():
        assert f"| {number} | {meaning} |" in page


def test_pages_and_lists_are_the_same():
    """Each list of functions has a page that takes it in, in the contents of the book; no name stands twice."""
    contents = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter for part in contents["parts"] for chapter in part["chapters"]]
    files = {row["file"] for chapter in chapters for row in (chapter, *chapter.get("sections", []))}
    for page in reference.PAGES:
        assert f"_generated/api-{page}.md" in (ROOT / "book" / "reference" / f"{page}.md").read_text(encoding="utf-8")
        assert f"book/reference/{page}" in files
    assert len(set(ENTRIES)) == len(ENTRIES)


def called(tree):
    """Return the functions of the package that code calls, as "maps.annual_mean"."""
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("seaofcarbon"):
            room = node.module.removeprefix("seaofcarbon").strip(".")
            modules |= {a.asname or a.name: f"{room}.{a.name}".strip(".") for a in node.names}
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        f"{modules[f.value.id]}.{f.attr}"
        for f in calls
        if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name) and f.value.id in modules
    }


def test_what_the_chapters_call_is_there():
    """A reader who meets a function in a chapter finds it in the reference."""
    known = {name.removeprefix("seaofcarbon.").replace(":", ".") for name in ENTRIES}
    missing = set()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        missing |= {name for name in called(ast.parse(code)) if not name.startswith("vocabulary.")} - known
    assert not missing, "name them in PAGES of publish/reference.py"
