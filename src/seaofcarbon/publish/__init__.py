"""The book: staged from executed notebooks and pages, built with warnings as errors, readable with no network."""

import hashlib
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

from seaofcarbon.files import UserError, read_csv, read_json, write_json
from seaofcarbon.publish import platform
from seaofcarbon.publish.markdown import markdown_table
from seaofcarbon.run import NOTEBOOKS, LoggedError, artefact, home, read_run, run_folder
from seaofcarbon.vocabulary import TWIN_LABEL

BANNER = (
    f"{TWIN_LABEL}. The measurements, fluxes and maps of this book come from a model ocean whose truth is known. "
    "<code>make book PROFILE=real</code> builds the book from open data."
)
"""Stands on top of every page of the twin's book."""

BUILDERS = ("jupyter-book", "sphinx", "myst-nb", "sphinx-book-theme", "sphinxcontrib-bibtex", "sphinx-mathjax-offline")
"""Distributions whose version changes the pages."""

OUTSIDE = re.compile(
    r"""<(?:script|img|iframe|video|audio|source|embed)\b[^>]*\ssrc=["'](?:https?:)?//[^"']+"""
    r"""|<link\b(?=[^>]*rel=["'](?:stylesheet|preload|preconnect|dns-prefetch|icon))[^>]*\shref=["'](?:https?:)?//[^"']+"""
    r"""|@import\s+(?:url\()?["']?(?:https?:)?//[^"')]+|url\(["']?(?:https?:)?//[^"')]+""",
    re.IGNORECASE,
)
"""What makes a browser ask another host when it opens a page; links that a reader may click are no part of it."""


UNUSED = re.compile(
    r"\.(map|ttf)$"  # for those who write the theme's scripts; browsers take the woff2 beside a ttf
    r"|^_static/locales/"  # words of the theme in other languages, read when the book is built
    r"|mathjax/[^/]+\.js$|mathjax/(input/(mml|asciimath|tex-\w+\.js|tex\.js)|output/(svg|chtml\.js)|sre/mathmaps/)"
)
"""Files of a built book that no page loads (tex-chtml.js holds what it needs of MathJax's input and output)."""

SPOKEN = ("base.json", "en.json", "nemeth.json")
"""Languages in which MathJax reads formulas aloud: the book's, and braille."""


class BookError(LoggedError):
    """The book could not be built: one line, with the first warning and where the others stand."""


# --- Fragments: numbers of the run as Markdown -------------------------------------------------------


def _status(run_dir, table):
    run = read_run(run_dir)
    rows = []
    for chapter in table:
        part = run["notebooks"][chapter]
        used = {k: v for k, v in part["parameters"].items() if k not in ("run_dir", "profile")}
        rows.append(
            {
                "Notebook": f"[{chapter}](../notebooks/{chapter}.ipynb)",
                "Time, s": round(part["seconds"]),
                "Peak memory, MB": round(part["peak_memory_mb"] or 0) or None,
                "Parameters": ", ".join(f"`{name}={value}`" for name, value in used.items()),
            }
        )
    whole = f"All notebooks together took {run['seconds'] / 60:.1f} minutes of computing (two run side by side); "
    whole += f"the largest needed {run['peak_memory_mb']:,.0f} MB. Profile: `{run['profile']}`."
    versions = next(iter(run["notebooks"].values()))["versions"]
    libraries = pd.DataFrame({"Library": list(versions), "Version": list(versions.values())})
    return f"{whole}\n\n{markdown_table(pd.DataFrame(rows))}\n\n## Versions\n\n{markdown_table(libraries)}"


def _skill(run_dir, table):
    from seaofcarbon.learn import validate
    from seaofcarbon.plot.skill import NAMES

    scores = validate.scores(read_csv(artefact(run_dir, "validation.csv")))
    scores["model"] = scores["model"].replace(NAMES)
    r2 = scores.pivot_table("r2", ["target", "model"], "split", sort=False)[["random", "block", "campaign"]]
    outside = scores[scores["split"] == "campaign"].set_index(["target", "model"])[["r2_low", "r2_high", "coverage"]]
    number = r2.join(outside).rename(columns={"block": "blocks", "campaign": "campaigns"})
    number = number.rename(columns={"r2_low": "from", "r2_high": "to"})
    # adding zero turns -0.00 into 0.00
    return markdown_table(number.map(lambda x: "" if pd.isna(x) else f"{round(x, 2) + 0.0:.2f}").reset_index())


TOTALS = {
    "kind": "Kind", "source": "Source", "depth_m": "Depth, m", "total_pg_yr": "Pg C a year",
    "mean_flux": "Mean, mmol m-2 d-1", "area_share": "Sea covered, %",
}  # fmt: skip
"""Columns of totals.csv that pages show."""


def _totals(run_dir, table):
    totals = read_csv(artefact(run_dir, "totals.csv"))
    shown = totals[totals["region"] == "global"].filter(list(TOTALS)).round(2)
    if "area_share" in shown:
        shown["area_share"] = (100 * shown["area_share"]).round()
    return markdown_table(shown.rename(columns=TOTALS))


def _counts(run_dir, table):
    records = pd.read_parquet(artefact(run_dir, "records.parquet"), columns=["variable", "source_id", "cruise"])
    counts = records.groupby("variable").agg(
        records=("variable", "size"), sources=("source_id", "nunique"), cruises=("cruise", "nunique")
    )
    rejects = len(read_csv(artefact(run_dir, "rejects.csv")))
    training = pd.read_parquet(artefact(run_dir, "training.parquet"), columns=["target", "campaign", "cast_id"])
    targets = training.groupby("target").agg(
        values=("target", "size"), casts=("cast_id", "nunique"), campaigns=("campaign", "nunique")
    )
    return (
        f"Records digitised: {len(records):,}. Cells set aside: {rejects:,}.\n\n"
        f"{markdown_table(counts.reset_index())}\n\nOf these the models could learn from:\n\n"
        f"{markdown_table(targets.reset_index())}"
    )


def _twin(run_dir, table):
    from seaofcarbon import twin

    maker = next(chapter for chapter, row in table.items() if "raw" in row.makes)
    used = read_json(run_dir / "manifest" / f"{maker}.json")["parameters"]
    ranges = twin.ranges(twin.with_seed(used["seed"]), used["n_cruises"])
    wanted = [
        f"{low:g} to {high:g}" if high == high else f"at least {low:,.0f}" if low == low else ""
        for low, high in zip(ranges["low"], ranges["high"], strict=True)
    ]
    shown = ranges.assign(value=ranges["value"].map(lambda v: f"{v:,.0f}" if v >= 1000 else f"{v:.3g}"), wanted=wanted)
    return markdown_table(shown[["quantity", "value", "wanted", "unit"]])


FRAGMENTS = {
    "status": (_status, ()),
    "skill": (_skill, ("validation.csv",)),
    "totals": (_totals, ("totals.csv",)),
    "twin": (_twin, ("raw",)),
    "counts": (_counts, ("records.parquet", "rejects.csv", "training.parquet")),
}
"""Fragment -> (function, artefacts it reads). Pages take them in with `{include} _generated/NAME.md`."""

STATUS_PAGE = """# Status of this book

This page is written by the program that built the book, from the manifests that each notebook left.

```{include} _generated/status.md
```
"""


# --- The stage ---------------------------------------------------------------------------------------


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
    profile = read_run(run_dir).get("profile", run_dir.name)
    marks = {c: (run_dir / "notebooks" / f"{c}.ipynb", run_dir / "manifest" / f"{c}.json") for c in table}
    absent = [chapter for chapter, paths in marks.items() if not all(path.exists() for path in paths)]
    if absent:
        named = "" if run_dir.name == profile else f" --name {run_dir.name}"
        command = f"`seaofcarbon run all --profile {profile}{named}`"
        raise UserError(f"run {run_dir.name} has no result of {', '.join(absent)}: run {command} first")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(root / "book", folder / "book", ignore=shutil.ignore_patterns("_build", "_generated", ".*"))
    (folder / "notebooks").mkdir()
    for chapter in table:
        shutil.copyfile(run_dir / "notebooks" / f"{chapter}.ipynb", folder / "notebooks" / f"{chapter}.ipynb")
    generated = folder / "book" / "_generated"
    generated.mkdir()
    made = {name for row in table.values() for name in row.makes}
    for name, (write, reads) in FRAGMENTS.items():
        if made.issuperset(reads):
            (generated / f"{name}.md").write_text(write(run_dir, table) + "\n", encoding="utf-8")
    if "map.html" in made:
        shutil.copyfile(artefact(run_dir, "map.html"), folder / "book" / "_static" / "map.html")
    if made.issuperset(platform.READS):
        written = platform.write(run_dir, folder / "book" / "_static", _site(folder / "book" / "_config.yml"))
        (generated / "data.md").write_text(written, encoding="utf-8")
    if not (folder / "book" / "status.md").exists():
        (folder / "book" / "status.md").write_text(STATUS_PAGE, encoding="utf-8")
    (folder / "_config.yml").write_text(configuration(folder / "book" / "_config.yml", profile), encoding="utf-8")
    shutil.move(folder / "book" / "_toc.yml", folder / "_toc.yml")
    (folder / "book" / "_config.yml").unlink()


def _site(path):
    """Return the address where the book will stand (empty: nobody knows yet), and that of its repository."""
    import yaml

    config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    return config.get("html", {}).get("baseurl", ""), config.get("repository", {}).get("url", "")


def configuration(path, profile):
    """Return the text of the book's configuration for a profile: the twin's has a banner on every page."""
    import yaml

    config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    if profile == "twin":
        config.setdefault("html", {})["announcement"] = BANNER
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def stage_hash(folder):
    """Return a hash of the stage and of the programs that turn it into pages."""
    try:
        programs = [f"{name} {importlib.metadata.version(name)}" for name in BUILDERS]
    except importlib.metadata.PackageNotFoundError as absent:
        raise UserError(f"{absent.name} is not installed: the book needs `pip install seaofcarbon[book]`") from None
    parts = [Path(__file__).read_bytes(), json.dumps(programs).encode()]
    for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
        parts += [path.relative_to(folder).as_posix().encode(), path.read_bytes()]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


# --- The pages ---------------------------------------------------------------------------------------


def setup(app):
    """Be a Sphinx extension that cures two slips of the theme: a second search box, and scripts that stand twice."""
    app.config.html_theme_options["navbar_persistent"] = []  # in _config.yml it would erase the launch buttons
    app.connect("html-page-context", _scripts_once, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _scripts_once(app, pagename, templatename, context, doctree):
    """Keep the first of equal inline scripts; a constant that is declared twice is an error in the browser."""
    first = {}
    for script in context.get("script_files", []):  # the same inline script comes once as None and once as ""
        first.setdefault((str(script.filename or ""), script.attributes.get("body")), script)
    context["script_files"] = list(first.values())


def outside_requests(folder):
    """Return what in built pages and styles would make a browser ask another host, as "file: match"."""
    pages = [p for p in Path(folder).rglob("*") if p.suffix in (".html", ".css") and "mathjax" not in p.parts]
    return [
        f"{page.relative_to(folder)}: {match[:160]}"
        for page in sorted(pages)
        for match in OUTSIDE.findall(page.read_text(encoding="utf-8", errors="replace"))
    ]


def book(profile="twin", name=None, root=None, table=NOTEBOOKS):
    """Stage and build the book of a run; nothing is built when nothing changed.

    Parameters
    ----------
    profile : {"twin", "real"}
        Which profile's run is bound.
    name : str, optional
        Another run, when all notebooks ran in it.
    root : Path, optional
        The repository.
    table : dict of str to Chapter
        The notebooks.

    Returns
    -------
    (Path, bool)
        First page, and whether the book was built anew.

    Raises
    ------
    UserError
        When the run is not complete.
    BookError
        When Sphinx warns, or a page would ask another host.
    """
    root = Path(root or home())
    build = root / "book" / "_build"
    folder, html, mark = build / "stage", build / "html", build / "html.json"
    stage(run_folder(name or profile, root), folder, root, table)
    digest = stage_hash(folder)
    index = html / "index.html"
    if index.exists() and mark.exists() and read_json(mark).get("stage") == digest:
        return index, False
    mark.unlink(missing_ok=True)
    made = _build(folder, build / "work", build / "build.log")
    if outside := outside_requests(made):
        raise BookError(f"the built pages ask another host: {outside[0]} (and {len(outside) - 1} more)")
    shutil.rmtree(html, ignore_errors=True)
    shutil.move(made, html)
    shutil.rmtree(build / "work", ignore_errors=True)
    write_json({"stage": digest, "profile": profile}, mark)
    return index, True


def _build(folder, work, log):
    """Build the staged book with Jupyter Book and return the folder of its pages; any warning is an error."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    program = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", program, "build", str(folder), "--path-output", str(work)]
    command += ["--config", str(folder / "_config.yml"), "--toc", str(folder / "_toc.yml"), "-W", "--keep-going"]
    pipes = {"stdin": subprocess.DEVNULL, "capture_output": True, "encoding": "utf-8", "errors": "replace"}
    done = subprocess.run(command, **pipes)
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).replace(f"{folder}/", "")
    log.write_text(said, encoding="utf-8")
    warnings = [line for line in said.splitlines() if re.search(r"\b(WARNING|ERROR|CRITICAL)\b", line)]
    if done.returncode or warnings:
        first = warnings[0] if warnings else said.strip().split("\n")[-1]
        raise BookError(f"the book does not build, {len(warnings)} warnings; the first: {first} (see {log})")
    return _without_unused(work / "_build" / "html")


def _without_unused(html):
    """Remove from a built book what no page loads: 25 MB of other bundles, languages and maps of scripts."""
    static = html / "_static"
    kept = {static / "mathjax" / "tex-chtml.js", *(static / "mathjax" / "sre" / "mathmaps" / name for name in SPOKEN)}
    for path in [*static.rglob("*"), *html.glob("*.map")]:
        if path.is_file() and path not in kept and UNUSED.search(path.relative_to(html).as_posix()):
            path.unlink()
    return html
