"""Outside links: Sphinx asks for each whether it is there, those of the README and the catalogues among them."""

import json
import re
import sys
from contextlib import contextmanager
from pathlib import Path

import requests
import yaml

from seaofcarbon.files import UserError
from seaofcarbon.publish.site import jupyter_book
from seaofcarbon.publish.stage import stage
from seaofcarbon.run import LoggedError, home, run_folder

OTHERS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "catalogs/*.yml")
"""Files with links that are no pages of the book."""

WORD = r"""[^\s<>"'`()\]}|]"""
REST = rf"(?:{WORD}|\({WORD}*\))*(?:(?![.,;:]){WORD}|\({WORD}*\))"
"""What goes on an address: parentheses where they are closed, as in DOIs of Elsevier; no sign that ends a sentence."""

LINK = re.compile(rf"https?://{REST}")

DOI = re.compile(rf"\bdoi:\s*(10\.(?!1000/)\d{{4,9}}/{REST})")
"""DOI that is written without its address; 10.1000 is that of examples."""

PAGE = "elsewhere"

PROBE = "https://doi.org"
"""Asked first: does anything outside answer?"""

SETTINGS = {
    # a DOI is asked of its agency: the publisher's page, where it leads a person, turns programs away
    "linkcheck_request_headers": {"https://doi.org/": {"Accept": "application/vnd.citationstyles.csl+json"}},
    "linkcheck_anchors": False,
    "linkcheck_retries": 2,
    "linkcheck_timeout": 30,
    "linkcheck_workers": 4,
    "linkcheck_report_timeouts_as_broken": True,
}
"""How Sphinx asks: a few at a time, and once more where there was no answer."""


def elsewhere(root):
    """Return a page of the links that stand in no page of the book, as Markdown; each names its file and line.

    Parameters
    ----------
    root : Path
        The repository.

    Returns
    -------
    str
    """
    lines = ["# Links that stand elsewhere", ""]
    for path in sorted(path for pattern in OTHERS for path in Path(root).glob(pattern)):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            where = f"{path.relative_to(root)}:{number}"
            named = [f"https://doi.org/{doi}" for doi in DOI.findall(line)]
            lines += [f"- <{link}> `{where}`" for link in [*LINK.findall(line), *named] if "{" not in link]
    return "\n".join(lines) + "\n"


def unreached(profile="twin", root=None):
    """Ask every outside link of the book, the README, the citation and the catalogues whether it is there.

    Parameters
    ----------
    profile : {"twin", "real"}
        Whose book.
    root : Path, optional
        The repository.

    Returns
    -------
    (int, list of str)
        How many were asked, and those without an answer: where they stand, the link, why.

    Raises
    ------
    UserError
        When there is no network, or no run.
    """
    root = Path(root or home())
    online()
    folder, work = root / "book" / "_build" / "links-stage", root / "book" / "_build" / "links"
    stage(run_folder(profile, root), folder, root)
    prepare(folder, root)
    return answers(ask(folder, work), folder)


def prepare(folder, root):
    """Add to a stage the page of the links that stand elsewhere, and how Sphinx is to ask."""
    (folder / f"{PAGE}.md").write_text(elsewhere(root), encoding="utf-8")
    with changed(folder / "_toc.yml") as contents:
        contents["parts"].append({"chapters": [{"file": PAGE}]})
    with changed(folder / "_config.yml") as config:
        config.setdefault("sphinx", {}).setdefault("config", {}).update(SETTINGS)


def online():
    """Refuse to ask anything when nothing outside answers: then every link would seem lost."""
    try:
        requests.head(PROBE, timeout=10)
    except requests.RequestException as problem:
        raise UserError(f"no network ({type(problem).__name__} at {PROBE}): no link was asked") from None


@contextmanager
def changed(path):
    """Read a YAML file, and write it again as the caller left it."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    yield content
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def ask(folder, work):
    """Run Sphinx's link check over the stage, and return what it found of each link (list of dict)."""
    done = jupyter_book(folder, work, "--builder", "linkcheck")
    told = work / "_build" / "html" / "output.json"
    if not told.exists():
        raise LoggedError(f"the links could not be asked: {(done.stdout + done.stderr).strip()[-500:]}")
    return [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]


def answers(found, folder):
    """Return how many outside links were asked, and those that were not reached, as "where: link (why)"."""
    asked = [one for one in found if one["uri"].startswith("http") and one["status"] not in ("ignored", "unchecked")]
    there = (folder / f"{PAGE}.md").read_text(encoding="utf-8").splitlines()
    lost = []
    for one in asked:
        if one["status"] in ("broken", "timeout"):
            outside = one["filename"] == f"{PAGE}.md"
            where = there[one["lineno"] - 1].split("`")[1] if outside else f"{one['filename']}:{one['lineno']}"
            lost.append(f"{where}: {one['uri']} ({' '.join(one['info'].split())[:200]})")
    return len(asked), sorted(lost)


def main(profile=None):
    """Print the links that were not reached; return 0 (all were), 1, 2 (no network or run) or 70 (our fault).

    Without a profile only the network is tried.
    """
    try:
        if profile is None:
            online()
            return 0
        asked, lost = unreached(profile)
    except UserError as problem:
        print(f"links: {problem}", file=sys.stderr)
        return 2
    except LoggedError as problem:
        print(f"links: {' '.join(str(problem).split())}", file=sys.stderr)
        return 70
    print("\n".join([*lost, f"{asked} links asked, {len(lost)} not reached"]))
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
