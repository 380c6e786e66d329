"""What runs on the forge is what runs here: steps are make targets, actions are pinned, rights are few."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split())

STEP = re.compile(
    r"make (?P<target>[\w-]+)( 2>&1 \| tee -a said\.txt)?|bash \.github/issue\.sh \"[^\"]+\" said/said\.txt"
)
"""A step is a target of the Makefile, told to a file where an issue may need it, or opens that issue."""


def jobs(workflow):
    """Return the jobs of a workflow."""
    return yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda p: p.stem)
def test_each_step_runs_the_same_here(workflow):
    """What is typed there and nowhere else breaks unseen."""
    steps = [step for job in jobs(workflow) for step in job["steps"]]
    called = [STEP.fullmatch(step["run"]) for step in steps if "run" in step]
    assert called and all(called)
    assert {found["target"] for found in called} - {None} <= TARGETS


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda p: p.stem)
def test_actions_are_pinned_and_rights_are_few(workflow):
    """A tag can be moved to other code; a commit cannot. Each job ends, and writes only what it must."""
    told = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    assert told["permissions"] == {"contents": "read"} and "concurrency" in told
    pins = re.findall(r"uses: (\S+)(.*)", workflow.read_text(encoding="utf-8"))
    for action, comment in pins:
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
    rights = [job.get("permissions", {}) for job in jobs(workflow)]
    writes = {what for right in rights for what, how in right.items() if how == "write"}
    assert writes == {"book": {"pages", "id-token"}, "tests": set()}.get(workflow.stem, {"issues"})
    assert all(job["timeout-minutes"] <= 120 for job in jobs(workflow))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda p: p.stem)
def test_packages_run_where_nothing_can_be_written(workflow):
    """A package that was taken over finds no token in its job; where there is one, nothing but ours runs."""
    for job in jobs(workflow):
        if "write" in job.get("permissions", {}).values():
            assert not any("make" in step.get("run", "") for step in job["steps"])
            assert "needs" in job


def test_the_site_is_opened_before_it_is_published():
    """A book that was not looked at in a browser is not put on Pages."""
    steps = next(iter(jobs(ROOT / ".github" / "workflows" / "book.yml")))["steps"]
    done = [step.get("run") or step["uses"].partition("@")[0] for step in steps]
    assert done[-3:] == ["make book", "make site", "actions/upload-pages-artifact"]
    assert "SEAOFCARBON_SITE_REQUIRED" in steps[-2]["env"]


def test_uv_has_one_version():
    """What installs from the lock is itself fixed."""
    assert re.findall(r"^UV := (.*)$", MAKEFILE, re.MULTILINE)[0].startswith("uv==")
    assert set(re.findall(r"pip install --quiet ([^-\s;]+)", MAKEFILE)) == {"$(UV)"}


def test_each_action_has_one_version():
    """The same action at two versions is one that was forgotten."""
    pins = {pin for path in WORKFLOWS for pin in re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))}
    assert len(pins) == len({pin.split("@")[0] for pin in pins})


def test_the_pythons_are_those_of_the_package():
    """Each Python that the package promises is tried, and the caches follow the lock."""
    (job,) = jobs(ROOT / ".github" / "workflows" / "tests.yml")
    low, high = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text()).groups()
    assert job["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in range(int(low), int(high))]
    keys = [
        step["with"]["key"]
        for path in WORKFLOWS
        for one in jobs(path)
        for step in one["steps"]
        if "cache@" in step.get("uses", "")
    ]
    assert len(keys) == 2 and all("hashFiles('requirements.lock')" in key for key in keys)
    for name in ("weekly", "newest"):
        assert "actions/cache" not in (ROOT / ".github" / "workflows" / f"{name}.yml").read_text()


def test_help_lists_every_target():
    """`make` alone says what there is."""
    said = re.findall(r'@echo "make ([\w-]+)', MAKEFILE)
    assert set(said) == TARGETS - {"help"} and len(said) == len(set(said))
    assert all(re.search(rf"^{target}:", MAKEFILE, re.MULTILINE) for target in TARGETS)


@pytest.mark.parametrize(("open_now", "wanted"), [("[]", "issue create --title Lost"),
                                                  ('[{"title": "Lost!", "number": 3}, {"title": "Lost", "number": 7}]',
                                                   "issue comment 7")])  # fmt: skip
def test_one_issue_for_one_trouble(tmp_path, open_now, wanted):
    """An issue that is open is added to; no second one is opened each week."""
    gh = tmp_path / "gh"
    tell = "for last; do :; done; cat $last"
    gh.write_text(f"#!/bin/sh\nif [ $2 = list ]; then echo '{open_now}'; else echo $@; {tell}; fi\n")
    gh.chmod(0o755)
    (tmp_path / "said.txt").write_bytes(b"page.md:3: lost\n```\r@all\n")
    paths = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "RUN_ADDRESS": "https://git.example/runs/1"}
    done = subprocess.run(
        ["bash", str(ROOT / ".github" / "issue.sh"), "Lost", "said.txt"], cwd=tmp_path, env=os.environ | paths,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0].startswith(wanted)
    assert said[1:] == [paths["RUN_ADDRESS"], "", "    page.md:3: lost", "    ```", "    @all"]
