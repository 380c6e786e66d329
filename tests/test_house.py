"""The house stands as it was drawn: imports point one way, notebooks tell and do not define, rooms stay small."""

import ast
import json
from pathlib import Path

import pytest

from seaofcarbon import vocabulary

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "seaofcarbon"

ROOMS = (
    "vocabulary", "files", "records", "catalog", "ocean", "satellite", "published", "thorium", "carbon", "flux", "twin",
    "digitise", "profiles", "learn", "maps", "blocks", "sensitivity", "plot", "notebook", "run", "provenance",
    "edition", "publish", "cli",
)  # fmt: skip
"""Each room imports only from those before it (and from itself, when it is a folder)."""

ARRAYS_ONLY = ("thorium", "carbon")
"""Rooms that know no tables."""

MODULES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SHORT = {"argvalues": MODULES, "ids": [str(path.relative_to(SOURCE)) for path in MODULES]}


def room(path):
    """Name of the room a module belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path):
    """Rooms and packages that a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by full name"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms_of(path):
    """Rooms that a module imports from."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("seaofcarbon.")}


@pytest.mark.parametrize("path", **SHORT)
def test_imports_point_upwards_only(path):
    """Data flows one way: a room that imports from one below it would close a circle sooner or later."""
    assert room(path) in ROOMS, "a new room needs its place in ROOMS"
    allowed = {*ROOMS[: ROOMS.index(room(path)) + 1], "__version__"}
    assert rooms_of(path) <= allowed


def test_the_judge_does_not_use_what_it_judges():
    """The twin ocean may know 238U from salinity, but not the integrators of flux that it is there to test."""
    for path in (path for path in MODULES if room(path) == "twin"):
        names = imported(path)
        assert {n for n in names if n.startswith("seaofcarbon.thorium")} <= {"seaofcarbon.thorium.u238_from_salinity"}
        assert not {n for n in names if n.startswith("seaofcarbon.flux")} | names & {"seaofcarbon.thorium"}


def lines_of_code(text):
    """Count the lines of a module that are neither blank nor docstring."""
    told = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            told |= set(range(node.lineno, node.end_lineno + 1))
    return sum(bool(line.strip()) for n, line in enumerate(text.splitlines(), 1) if n not in told)


@pytest.mark.parametrize("path", **SHORT)
def test_rooms_are_small_and_documented(path):
    """No module over 400 lines of code; arrays-only rooms know no tables; every module says what it is."""
    text = path.read_text()
    assert lines_of_code(text) <= 400, "make it a folder, or give something back to a library"
    assert ast.get_docstring(ast.parse(text)), "a first line that says what the module is"
    if room(path) in ARRAYS_ONLY:
        assert not {name.split(".")[0] for name in imported(path)} & {"pandas", "xarray", "sklearn"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_notebook_is_clean(path):
    """Outputs stripped, no analysis function, and the parameters cell as the runner expects it."""
    notebook = json.loads(path.read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    assert all("id" in cell for cell in notebook["cells"])
    sources = ["".join(cell["source"]) for cell in code]
    for source in sources:
        defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, defined)]
    parameters = [s for s, c in zip(sources, code, strict=True) if "parameters" in c["metadata"].get("tags", [])]
    assert len(parameters) == 1
    lines = ast.parse(parameters[0]).body
    assert all(isinstance(line, ast.AnnAssign) for line in lines)
    names = {line.target.id: ast.literal_eval(line.value) for line in lines}
    assert names.keys() <= vocabulary.PARAMETERS.keys()
    assert "run_dir" in names and names.get("profile") == "twin"
