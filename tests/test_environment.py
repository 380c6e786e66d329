"""The three lists of dependencies (pyproject, lock, conda) say the same, and the lock names no host."""

import os
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]

CONDA_NAMES = {
    "dask": "dask-core",
    "duckdb": "python-duckdb",
    "matplotlib": "matplotlib-base",
    "playwright": "playwright-python",
    "xgboost-cpu": "py-xgboost-cpu",
}
"""Where conda-forge calls a package by another name."""

PIP_ONLY = {"axe-playwright-python", "sphinx-mathjax-offline"}

PLATFORM_TWINS = {"xgboost"}
"""Stands in for xgboost-cpu on macOS; conda-forge's py-xgboost-cpu is there for both."""


def declared():
    """Name -> version specifier of every requirement in pyproject, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + sum(project["optional-dependencies"].values(), [])
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r.specifier for r in requirements}


def locked():
    """Requirements of the lock, one for each version and marker."""
    text = (ROOT / "requirements.lock").read_text()
    return [Requirement(line.split("\\")[0]) for line in text.splitlines() if re.match(r"[A-Za-z]", line)]


def test_conda_environment_matches_pyproject():
    """environment.yml cannot be solved without a network, so names and bounds are held against pyproject."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = {r.name: r.specifier for r in map(Requirement, environment["dependencies"][:-1])}
    pip = {r.name: r.specifier for r in map(Requirement, environment["dependencies"][-1]["pip"])}
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    wanted = {name: spec for name, spec in declared().items() if name not in PLATFORM_TWINS}
    assert pip == {name: spec for name, spec in wanted.items() if name in PIP_ONLY}
    assert str(conda.pop("python")) == str(Requirement(f"python{python}").specifier)
    assert conda.pop("pip") == ""
    assert conda == {CONDA_NAMES.get(name, name): spec for name, spec in wanted.items() if name not in PIP_ONLY}


def test_binder_installs_the_lock():
    """Binder looks into .binder alone: a file that it does not find there would leave it without packages."""
    binder = ROOT / ".binder"
    line = (binder / "requirements.txt").read_text().splitlines()[-1]
    assert (binder / line.removeprefix("-r ")).resolve() == ROOT / "requirements.lock"
    version = (binder / "runtime.txt").read_text().strip().removeprefix("python-")
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert Requirement(f"python{python}").specifier.contains(version)
    assert os.access(binder / "postBuild", os.X_OK)
    assert {"hatchling", "editables", "jupyterlab"} <= {canonicalize_name(one.name) for one in locked()}


def test_lock_has_every_dependency_in_its_bounds():
    """A dependency that was added to pyproject but not locked would only fail on the newcomer's machine."""
    versions = {}
    for one in locked():
        versions.setdefault(canonicalize_name(one.name), []).append(str(one.specifier).removeprefix("=="))
    for name, specifier in declared().items():
        assert name in versions, f"{name} is not in requirements.lock: run `make lock`"
        assert all(specifier.contains(version) for version in versions[name]), (name, versions[name])


def test_lock_is_hashed_and_names_no_host():
    """Addresses of registries and paths of a machine would tie the lock to where it was made."""
    text = (ROOT / "requirements.lock").read_text()
    blocks = re.split(r"\n(?=[A-Za-z])", text)
    assert all("--hash=sha256:" in block for block in blocks if re.match(r"[A-Za-z]", block))
    assert not re.search(r"://|^--|(^|\s)/|\.org|\.io\b", text, re.MULTILINE)


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_lock_is_one_version_on_each_platform(python, platform):
    """The lock forks by Python and platform; on each of them every package has one version, and XGBoost is there."""
    where = {
        "python_version": python, "python_full_version": f"{python}.9", "sys_platform": platform, "os_name": "posix",
        "platform_system": platform.capitalize(), "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }  # fmt: skip
    names = [r.name for r in locked() if r.marker is None or r.marker.evaluate(where)]
    assert len(names) == len(set(names))
    assert ("xgboost" if platform == "darwin" else "xgboost-cpu") in names
