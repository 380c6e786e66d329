"""The pages: the stage built with warnings as errors, readable with no network."""

import hashlib
import importlib.metadata
import importlib.util
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

from PIL import Image

from seaofcarbon.files import UserError, read_json, sha256, write_json
from seaofcarbon.publish.runs import published
from seaofcarbon.publish.stage import addresses, stage
from seaofcarbon.run import NOTEBOOKS, LoggedError, home, read_run, run_folder

ASKED = re.compile(r"preload|preconnect|prefetch|stylesheet|icon", re.IGNORECASE)
"""Kinds of <link> that a browser follows by itself (dns-prefetch, modulepreload and apple-touch-icon among them)."""

ELSEWHERE = re.compile(r"\s*(?:https?:)?[/\\]{2}", re.IGNORECASE)
"""How the address of another host begins."""

STYLE = re.compile(r"""(?:@import\s*|\burl\(\s*)["']?(?:https?:)?//[^"')\s]+""", re.IGNORECASE)
"""What makes a style ask another host (in `@import url(...)` it is the second)."""

IMPORT = re.compile(r"""\b(?:import\s*\(?|from)\s*["'`](?:https?:)?//[^"'`]+""")
"""What makes a module of script ask another host."""

UNUSED = re.compile(
    r"\.(map|ttf)$"  # for those who write the theme's scripts; browsers take the woff2 beside a ttf
    r"|^_static/locales/"  # words of the theme in other languages, read when the book is built
    r"|mathjax/[^/]+\.js$|mathjax/(input/(mml|asciimath|tex-\w+\.js|tex\.js|tex/extensions/all-packages\.js)|output/(svg|chtml\.js)|sre/mathmaps/)"
)
"""Files of a built book that no page loads (tex-chtml.js holds what it needs of MathJax's input and output)."""

REPOSITORY = ("book", "catalogs", "notebooks", "CITATION.cff")
"""What of the repository the pages are made from, beside the package."""

UNREAD = {"_build", "__pycache__", "logs"}
"""Folders that no page is made from."""

SPOKEN = ("base.json", "en.json", "nemeth.json")
"""Languages in which MathJax reads formulas aloud: the book's, and braille."""


class BookError(LoggedError):
    """The book could not be built: one line, with the first warning and where the others stand."""


def inputs_hash(run_dir, root):
    """Return a hash of all that the pages are made from: runs, pages, package, programs and addresses.

    Taken before anything is staged, so that a book that is up to date costs only the reading of its files.
    """
    programs = sorted({f"{one.name} {one.version}" for one in importlib.metadata.distributions()})
    profile = read_run(run_dir).get("profile", run_dir.name)
    folders = [Path(__file__).parents[1], *(root / name for name in REPOSITORY), run_dir]
    for folder, run in published(root, profile, run_dir.name).items():
        folders += [folder, root / "runs" / (run["base"] or profile) / "run.json"]
    parts = [part for folder in folders for part in _contents(folder)]
    return hashlib.sha256(json.dumps([programs, addresses(), parts]).encode()).hexdigest()


def _contents(folder):
    """Return name and hash of each file in a folder, by paths that are the same wherever the folder stands."""
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    named = {path: path.relative_to(folder.parent) for path in paths}
    return [f"{name} {sha256(path)}" for path, name in named.items() if not UNREAD.intersection(name.parts[1:])]


def outside_requests(folder):
    """Return what in built pages and styles would make a browser ask another host, as "file: what".

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    list of str
    """
    pages = [p for p in Path(folder).rglob("*") if p.suffix in (".html", ".css") and "mathjax" not in p.parts]
    return [
        f"{page.relative_to(folder)}: {found[:160]}"
        for page in sorted(pages)
        for found in asked_elsewhere(page.read_text(encoding="utf-8", errors="replace"), page.suffix)
    ]


def asked_elsewhere(text, kind=".html"):
    """Return what makes a browser ask another host when it opens a page; links that a reader may click are no part.

    Parameters
    ----------
    text : str
        A page or a style.
    kind : {".html", ".css"}
        Which of them.

    Returns
    -------
    list of str

    >>> asked_elsewhere("<img src=//a.b/c.png> <a href='https://a.b'>a link</a> <style>p {color: red}</style>")
    ['<img src="//a.b/c.png">']
    """
    if kind == ".css":
        return STYLE.findall(text)
    page = _Requests()
    page.feed(text)
    page.close()
    style, script = ("\n".join(parts) for parts in page.inside.values())
    return [*page.found, *STYLE.findall(style), *IMPORT.findall(script)]


class _Requests(HTMLParser):
    """What the tags of a page ask of other hosts, and the styles and scripts inside it."""

    def __init__(self):
        super().__init__()
        self.found, self.inside, self.tag = [], {"style": [], "script": []}, None

    def handle_starttag(self, tag, attrs):
        self.tag, told = tag, {name: value or "" for name, value in attrs}
        self.inside["style"].append(told.get("style", ""))
        for name, value in told.items():
            if any(map(ELSEWHERE.match, _addresses(tag, name, value, told.get("rel", "")))):
                self.found.append(f'<{tag} {name}="{value}">')

    def handle_endtag(self, tag):
        self.tag = None

    def handle_data(self, data):
        if self.tag in self.inside:
            self.inside[self.tag].append(data)


def _addresses(tag, name, value, rel):
    """Return the addresses in an attribute that a browser asks by itself."""
    if name in ("srcset", "imagesrcset"):  # an address and its size, then a comma and the next
        return re.findall(r"[\s,]*(\S*[^\s,])[^,]*(?:,|$)", value)
    if name in ("href", "xlink:href"):
        asks = tag in ("image", "use") or (tag == "link" and ASKED.search(rel))  # the first two are of SVG
    else:
        asks = name in ("src", "poster") or (tag, name) == ("object", "data")
    return [value] if asks else []


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
        When the run is not complete, or another process is building a book here.
    BookError
        When Sphinx warns, or a page would ask another host.
    """
    root = Path(root or home())
    build = root / "book" / "_build"
    folder, html, mark = build / "stage", build / "html", build / "html.json"
    run_dir, index = run_folder(name or profile, root), html / "index.html"
    digest = inputs_hash(run_dir, root)
    if index.exists() and mark.exists() and read_json(mark).get("inputs") == digest:
        return index, False
    with _alone(build):
        stage(run_dir, folder, root, table)
        mark.unlink(missing_ok=True)
        made = _build(folder, build / "work", build / "build.log")
        _sources_without_outputs(made / "_sources", root)
        _figures_as_webp(made)
        if outside := outside_requests(made):
            raise BookError(f"the built pages ask another host: {outside[0]} (and {len(outside) - 1} more)")
        old = build / "old"
        shutil.rmtree(old, ignore_errors=True)
        if html.exists():
            html.rename(old)
        made.rename(html)  # the mark comes last: a book without it is built again
        for folder_done in (old, build / "work"):
            shutil.rmtree(folder_done, ignore_errors=True)
        write_json({"inputs": digest, "profile": profile}, mark)
    return index, True


@contextmanager
def _alone(build):
    """Hold the folder of the build until the block ends, or the process: the system frees the lock of a file then."""
    build.mkdir(parents=True, exist_ok=True)
    lock = sqlite3.connect(build / "lock", timeout=0, isolation_level=None)  # locks files on every system
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        raise UserError(f"another process is building a book in {build}: ask again when it is done") from error
    else:
        yield
    finally:
        lock.close()


def jupyter_book(folder, work, *options):
    """Run Jupyter Book on the staged book in an emptied folder, and return the finished process with what it said."""
    if not importlib.util.find_spec("jupyter_book"):
        raise UserError("jupyter-book is not installed: the book needs `pip install seaofcarbon[book]`")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    program = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", program, "build", str(folder), "--path-output", str(work), *options]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace")


def _build(folder, work, log):
    """Build the staged book with Jupyter Book and return the folder of its pages; any warning is an error."""
    paths = ["--config", str(folder / "_config.yml"), "--toc", str(folder / "_toc.yml")]
    done = jupyter_book(folder, work, *paths, "-W", "--keep-going")
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
    for path in sorted(static.rglob("*"), reverse=True):  # folders after what is in them
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    return html


def _sources_without_outputs(sources, root):
    """Let the button "download" give the notebook that git tracks: figures stand in the page already."""
    for path in sources.rglob("*.ipynb"):
        own = root / path.relative_to(sources)
        text = (own if own.exists() else path).read_text(encoding="utf-8")
        notebook = json.loads(text)
        if done := [cell for cell in notebook["cells"] if cell.get("outputs")]:  # of a run that git does not hold
            for cell in done:
                cell |= {"outputs": [], "execution_count": None}
            text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf-8")


def _figures_as_webp(html):
    """Keep the figures as WebP without loss, the same pixels in little more than half the bytes, and name them so."""
    figures = sorted((html / "_images").glob("*.png"))
    with ThreadPoolExecutor() as pool:
        smaller = [figure for figure, less in zip(figures, pool.map(_webp, figures), strict=True) if less]
    names = {figure.name: figure.with_suffix(".webp").name for figure in smaller}
    for page in html.rglob("*.html") if names else ():
        text = page.read_text(encoding="utf-8")
        page.write_text(re.sub(r"(?<=_images/)[\w.-]+", lambda m: names.get(m[0], m[0]), text), encoding="utf-8")
    for figure in smaller:
        figure.unlink()


def _webp(figure):
    """Write a figure as WebP beside itself; return whether that is smaller (else nothing is left)."""
    path = figure.with_suffix(".webp")
    with Image.open(figure) as image:
        image.save(path, lossless=True, method=2)
    if path.stat().st_size < figure.stat().st_size:
        return True
    path.unlink()
    return False
