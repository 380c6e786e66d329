"""The stage: pages, executed notebooks and generated parts, under the relative paths of the repository."""

import json
import os
import shutil
from pathlib import Path

from seaofcarbon.files import UserError
from seaofcarbon.publish import facts, fragments, frozen, parameters, platform, reference, runs
from seaofcarbon.run import NOTEBOOKS, artefact, no_run, read_run
from seaofcarbon.vocabulary import PROFILES, TWIN_LABEL

BANNER = (
    f"{TWIN_LABEL}. The measurements, fluxes and maps of this book come from a model ocean whose truth is known. "
    "<code>make book PROFILE=real</code> builds the book from open data."
)
"""Stands on top of every page of the twin's book."""

NO_ADDRESS = (
    '<p lang="en">The buttons for Binder, live code and GitHub work once the book is published with its own address, '
    "which <code>SEAOFCARBON_REPOSITORY</code> tells.</p>"
)
"""Stands at the foot of every page as long as nobody told the address of the repository."""

STATUS_PAGE = """# Status of this book

This page is written by the program that built the book, from the manifests that each notebook left.

```{include} _generated/status.md
```
"""


def stage(run_dir, folder, root, table=NOTEBOOKS):
    """Lay out everything that the book is built from, under the relative paths of the repository.

    Parameters
    ----------
    run_dir : Path
        Run whose executed notebooks are bound.
    folder : Path
        The stage; replaced when it exists.
    root : Path
        The repository.
    table : dict of str to Chapter
        The notebooks.

    Raises
    ------
    UserError
        When the run is not complete.
    """
    if not (this := read_run(run_dir)) and run_dir.name not in PROFILES:
        raise no_run(run_dir.name, root)
    profile = this.get("profile", run_dir.name)
    marks = {c: (run_dir / "notebooks" / f"{c}.ipynb", run_dir / "manifest" / f"{c}.json") for c in table}
    absent = [chapter for chapter, paths in marks.items() if not all(path.exists() for path in paths)]
    if absent:
        named = "" if run_dir.name == profile else f" --name {run_dir.name}"
        command = f"`seaofcarbon run all --profile {profile}{named}`"
        pages = ", or add its pages to the book with `--publish`" if this.get("base") else ""
        raise UserError(f"run {run_dir.name} has no result of {', '.join(absent)}: run {command} first{pages}")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(root / "book", folder / "book", ignore=shutil.ignore_patterns("_build", "_generated", ".*"))
    (folder / "notebooks").mkdir()
    for chapter in table:
        _stage_chapter(run_dir, chapter, this, folder / "notebooks", table)
    generated = folder / "book" / "_generated"
    generated.mkdir()
    made = {name for row in table.values() for name in row.makes}
    fragments.write(run_dir, generated, table)
    reference.write(generated)
    frozen.write(folder / "book" / "edition", generated)
    if "map.html" in made:
        shutil.copyfile(artefact(run_dir, "map.html"), folder / "book" / "_static" / "map.html")
    if made.issuperset(platform.READS):
        written = platform.write(run_dir, folder / "book" / "_static", addresses())
        (generated / "data.md").write_text(written, encoding="utf-8")
    if not (folder / "book" / "status.md").exists():
        (folder / "book" / "status.md").write_text(STATUS_PAGE, encoding="utf-8")
    (folder / "_config.yml").write_text(configuration(folder / "book" / "_config.yml", profile), encoding="utf-8")
    part = runs.write(folder, Path(root), profile, run_dir.name, table)
    (folder / "_toc.yml").write_text(_contents(folder / "book" / "_toc.yml", part), encoding="utf-8")
    (folder / "book" / "_toc.yml").unlink()
    (folder / "book" / "_config.yml").unlink()


def _stage_chapter(run_dir, chapter, this, folder, table):
    """Copy an executed notebook, with what it cost and the box of its parameters."""
    nb = json.loads((run_dir / "notebooks" / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    facts.with_cost(nb, this["notebooks"][chapter])
    parameters.with_box(nb, parameters.chapter_box(chapter, this, this["notebooks"][chapter]["parameters"], table))
    (folder / f"{chapter}.ipynb").write_text(json.dumps(nb, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _contents(path, part):
    """Return the text of the table of contents; published runs stand last, so that other figures keep their numbers."""
    import yaml

    contents = yaml.safe_load(path.read_text(encoding="utf-8"))
    if part:
        contents["parts"].append(part)
    return yaml.safe_dump(contents, sort_keys=False, allow_unicode=True)


def addresses():
    """Return the address where the book will stand, and that of its repository, as whoever publishes it told them."""
    site, repository = (os.environ.get(f"SEAOFCARBON_{what}", "").rstrip("/") for what in ("SITE", "REPOSITORY"))
    return site and f"{site}/", repository


def configuration(path, profile):
    """Return the text of the book's configuration for a profile: the twin's has a banner on every page.

    SEAOFCARBON_SITE and SEAOFCARBON_REPOSITORY replace the addresses of the file: canonical links and launch buttons
    are then right in every fork.
    """
    import yaml

    config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    for section, key, address in zip(("html", "repository"), ("baseurl", "url"), addresses(), strict=True):
        if address:
            config.setdefault(section, {})[key] = address
    if not addresses()[1]:
        config.setdefault("html", {})["extra_footer"] = NO_ADDRESS
    if profile == "twin":
        config.setdefault("html", {})["announcement"] = BANNER
    if told := frozen.numbers(Path(path).parent / "edition"):
        config.setdefault("sphinx", {}).setdefault("config", {})["myst_substitutions"] = {"edition": told}
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
