"""The built book as its readers meet it: every page in a browser, wide and narrow, light and dark, and as plain files.

`make site` runs this after `make book`; the plain run of the tests leaves it out, since it judges what was built last.
Without a book or a browser it skips; where SEAOFCARBON_SITE_REQUIRED is set it fails.
"""

import functools
import importlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).parents[1]
HTML = ROOT / "book" / "_build" / "html"
PAGES = sorted(
    path.relative_to(HTML).as_posix() for path in HTML.rglob("*.html") if not path.name.endswith("webpack-macros.html")
)
"""All pages; the macros are files of the theme that no page links to."""

CHROMIUM = os.environ.get("SEAOFCARBON_BROWSER") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
INTERACTIVE = {
    "_static/data.html": "() => document.body.dataset.ready",
    "_static/map.html": "() => document.getElementById('month-name').textContent",
}
"""Pages that carry their data with them, and what a browser sees there once they are drawn."""

MAIN = ["book/intro.html", "notebooks/02-flux.html", "notebooks/05-maps.html", "book/data.html", "book/trust.html",
        "book/glossary.html", "search.html", *INTERACTIVE]  # fmt: skip
LOOKS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
MEGABYTE = 1e6

REQUIRED = bool(os.environ.get("SEAOFCARBON_SITE_REQUIRED"))
"""Whether the pages must be looked at: nothing that is absent is an excuse then."""

pytestmark = pytest.mark.site


def absent(what):
    """Skip, or fail where the pages must be looked at."""
    (pytest.fail if REQUIRED else pytest.skip)(what)


def needed(module):
    """Import a module that may be absent."""
    return importlib.import_module(module) if REQUIRED else pytest.importorskip(module)


@pytest.fixture(scope="module", autouse=True)
def built():
    """Nothing can be judged before a book is built."""
    if not (HTML / "index.html").exists():
        absent("no book is built here: run `make book` first")


def soup(page):
    """A page as a tree, read once."""
    return _soup(page, (HTML / page).stat().st_mtime_ns)


@functools.cache
def _soup(page, _):
    return needed("bs4").BeautifulSoup((HTML / page).read_text(encoding="utf-8"), "html.parser")


@functools.cache
def anchors(page):
    """Names in a page that a link may point at."""
    return {tag.get("id") or tag.get("name") for tag in soup(page).find_all(lambda t: t.get("id") or t.get("name"))}


def tracked():
    """Files that git tracks, as paths from the root of the repository."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no clone, or git is not installed: nobody knows what is tracked")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(listed.stdout.splitlines())


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium under Playwright."""
    sync_api = needed("playwright.sync_api")
    if CHROMIUM is None:
        absent("no Chromium found; SEAOFCARBON_BROWSER may name one")
    arguments = ["--disable-quic", "--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def tabs(browser):
    """One tab for each look: a width of the window and a colour scheme."""
    opened = {}
    for width, scheme in LOOKS:
        phone = width < 600
        screen = {"viewport": {"width": width, "height": 900}, "is_mobile": phone, "has_touch": phone}
        context = browser.new_context(color_scheme=scheme, **screen)
        context.set_default_timeout(120_000)  # ms: on a busy machine a page may take long, and that is no fault of it
        opened[width, scheme] = context.new_page()
    return opened


class Watch:
    """Open a page in a tab and write down what goes wrong there until the block ends."""

    def __init__(self, tab, page, query=""):
        self.tab, self.address, self.faults = tab, (HTML / page).as_uri() + query, []
        self.drawn = INTERACTIVE.get(page)

    def __enter__(self):
        self.listeners = {
            "console": lambda said: said.type == "error" and self.faults.append(f"console: {said.text}"),
            "pageerror": lambda error: self.faults.append(f"error: {error}"),
            "request": lambda asked: (
                urlsplit(asked.url).scheme in ("file", "data", "blob")
                or self.faults.append(f"asks another host: {asked.url}")
            ),
            "requestfailed": lambda asked: self.faults.append(f"not loaded: {asked.url}"),
        }
        for event, listener in self.listeners.items():
            self.tab.on(event, listener)
        self.tab.goto(self.address, wait_until="load")
        if self.drawn:
            self.tab.wait_for_function(self.drawn)
        return self

    def __exit__(self, *_):
        for event, listener in self.listeners.items():
            self.tab.remove_listener(event, listener)


LOOK = """async (limit) => {
  const images = [...document.images], shown = (e) => e.outerHTML.slice(0, 160);
  images.forEach((image) => (image.loading = "eager"));
  await Promise.allSettled(images.map((image) => image.decode()));
  const decorative = "[role=none], [role=presentation], [aria-hidden=true], [aria-hidden=true] *";
  const named = ["alt", "aria-label", "aria-labelledby"];
  const unnamed = [...document.querySelectorAll("img, canvas, [role=img]")].filter(
    (e) => !e.matches(decorative) && !named.some((name) => e.getAttribute(name)));
  const wide = document.scrollingElement.scrollWidth - limit;
  const sticks = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > limit + 1);
  dispatchEvent(new Event("resize"));
  const inside = [...document.querySelectorAll(".bd-article *:not(pre, .math, .math *, mjx-container *)")];
  const silent = inside.filter((e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX)
    && e.scrollWidth > e.clientWidth && !e.matches(".scrolls"));
  const broken = [...document.querySelectorAll(".bd-article :not(pre) > code .pre")].filter((e) => {
    const range = document.createRange(), block = e.closest("p, li, td, th, dd, dt, figcaption, div");
    range.selectNodeContents(e);
    const parts = [...range.getClientRects()], long = parts.reduce((sum, part) => sum + part.width, 0);
    return parts.some((part) => part.top > parts[0].bottom) && (e.closest("td, th") || long < block.clientWidth);
  });
  const theme = document.documentElement.dataset.theme || getComputedStyle(document.documentElement).colorScheme;
  return [
    ...(wide > 0 ? [`scrolls sideways by ${wide} px: ${sticks.slice(0, 3).map(shown).join(" | ")}`] : []),
    ...images.filter((image) => !image.naturalWidth).map((image) => `broken image: ${image.src}`),
    ...unnamed.map((e) => `no alternative text: ${shown(e)}`),
    ...silent.map((e) => `scrolls and does not say so: ${shown(e)}`),
    ...broken.map((e) => `a word of code is broken: ${e.textContent}`),
    `theme: ${theme}`,
  ];
}"""
"""What a browser sees of a page, as a list of faults and the theme that the page took."""


def test_first_page_leads_to_the_book(tabs):
    """The page that a server or a reader opens first goes on to the introduction."""
    for tab in tabs.values():
        tab.goto((HTML / "index.html").as_uri(), wait_until="commit")
        tab.wait_for_url("**/book/intro.html")


@pytest.mark.parametrize("page", [page for page in PAGES if page != "index.html"])
def test_page_opens_without_fault(tabs, page):
    """Wide and narrow, light and dark: no error, no other host, no sideways scroll, every image there and named."""
    faults = []
    for (width, scheme), tab in tabs.items():
        with Watch(tab, page) as watch:
            found = tab.evaluate(LOOK, width)
        seen = [fault for fault in watch.faults + found if fault != f"theme: {scheme}"]
        faults += [f"{width} px, {scheme}: {fault}" for fault in seen]
    assert not faults, "\n".join(faults)


def test_search_finds_thorium(tabs):
    """The search works from a memory stick, where a page may not fetch."""
    for tab in tabs.values():
        with Watch(tab, "search.html", "?q=thorium") as watch:
            tab.locator("#search-results li a").first.wait_for()
            links = tab.locator("#search-results li > a").evaluate_all("all => all.map((a) => a.href)")
        assert not watch.faults
        assert any("02-flux" in link for link in links)
        assert all((HTML / unquote(urlsplit(link).path)).exists() for link in links)


def test_table_of_records_filters(tabs):
    """A chosen ocean leaves its rows alone, and all come back."""
    for tab in tabs.values():
        with Watch(tab, "_static/data.html") as watch:
            everything = tab.inner_text("#count")
            tab.select_option("#ocean", index=2)
            sea = tab.locator("#ocean option").nth(2).inner_text()
            shown = set(tab.locator("#rows tr td:nth-child(3)").all_inner_texts())
            fewer = tab.inner_text("#count")
            tab.click("#clear")
            tab.wait_for_function("text => document.getElementById('count').textContent === text", arg=everything)
        assert not watch.faults
        assert shown == {sea}
        assert fewer != everything


def test_chosen_records_open_in_pandas(tabs, tmp_path):
    """What the button saves is a plain table, with the names of its columns first: one row for each row shown."""
    tab = tabs[1280, "light"]
    with Watch(tab, "_static/data.html") as watch:
        tab.select_option("#ocean", index=2)
        with tab.expect_download() as download:
            tab.click("#save")
        label, rows = tab.evaluate("() => [page.label, rows.length]")
    download.value.save_as(tmp_path / "chosen.csv")
    saved = pd.read_csv(tmp_path / "chosen.csv")
    assert not watch.faults
    assert len(saved) == rows and saved["depth_m"].dtype == float and saved["ocean"].nunique() == 1
    assert set(saved.get("label", [])) == ({label} if label else set())


STATION = """() => {
  const { left, top } = $("map").getBoundingClientRect();
  const at = (c) => { const [x, y] = spot(c) || [NaN, NaN]; return [x + left, y + top]; };
  const c = page.casts.lat.findLastIndex((_, k) => spot(k) && document.elementFromPoint(...at(k)) === $("map"));
  return [c, ...at(c)];
}"""
"""The last station of the data page that no button lies over, and where it is in the window."""


def test_station_map_opens_a_cast(tabs):
    """A click on a station shows its cast and its numbers."""
    for tab in tabs.values():
        with Watch(tab, "_static/data.html") as watch:
            tab.locator("#map").scroll_into_view_if_needed()
            before = tab.inner_text("#cast-name")
            last, x, y = tab.evaluate(STATION)
            tab.mouse.click(x, y)
            after, near = tab.inner_text("#cast-name"), tab.evaluate("() => [open, ...near]")
            numbers = tab.locator("#cast-rows tr").count()
        assert not watch.faults
        assert before != after != "No cast matches"
        assert last in near
        assert numbers > 0


def test_map_slider_moves(tabs):
    """The month changes by the keyboard, and the picture with it."""
    for tab in tabs.values():
        with Watch(tab, "_static/map.html") as watch:
            picture = "() => document.getElementById('map').toDataURL()"
            month, before = tab.inner_text("#month-name"), tab.evaluate(picture)
            tab.focus("#month")
            for _ in range(3):
                tab.keyboard.press("ArrowRight")
            tab.wait_for_function("text => document.getElementById('month-name').textContent !== text", arg=month)
            after = tab.evaluate(picture)
        assert not watch.faults
        assert after != before


@pytest.mark.parametrize("look", [look for look in LOOKS if look != (390, "dark")], ids="{0[0]}-{0[1]}".format)
@pytest.mark.parametrize("page", [page for page in MAIN if page in PAGES])
def test_axe_finds_no_serious_fault(tabs, page, look):
    """Readers who use a keyboard, a screen reader or poor screens: axe-core finds nothing serious or critical."""
    axe = needed("axe_playwright_python.sync_playwright").Axe()
    tab = tabs[look]
    with Watch(tab, page, "?q=thorium" if page == "search.html" else ""):
        found = axe.run(tab).response["violations"]
    faults = [
        f"{one['id']} ({one['impact']}): {' '.join(node['target'])}: {node['failureSummary'].splitlines()[-1].strip()}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    """Links, anchors, images, styles and scripts within the site are there."""
    dead = []
    for tag in soup(page).select("[href], [src]"):
        link = urlsplit(tag.get("href") or tag.get("src") or "")
        if link.scheme or link.netloc or tag.name in ("base", "form"):
            continue
        target = ((HTML / page).parent / unquote(link.path)).resolve() if link.path else HTML / page
        if not target.is_relative_to(HTML.resolve()) or not target.is_file():
            dead.append(f"{link.geturl()}: no such file in the site")
        elif link.fragment and target.suffix == ".html":
            name = target.relative_to(HTML.resolve()).as_posix()
            if name not in INTERACTIVE and unquote(link.fragment) not in anchors(name):
                dead.append(f"{link.geturl()}: no such place in the page")
    assert not dead, "\n".join(dead)


@functools.cache
def repository():
    """Address of the repository that the book was built with: what the button of its first page opens."""
    return soup("book/intro.html").select_one("a.btn-source-repository-button")["href"].rstrip("/")


def test_the_repository_is_the_one_that_was_told():
    """Who publishes the book elsewhere tells its address; it stands in the pages."""
    if told := os.environ.get("SEAOFCARBON_REPOSITORY", "").rstrip("/"):
        assert repository() == told
    assert urlsplit(repository()).scheme == "https"


@pytest.mark.parametrize("page", PAGES)
def test_launch_links_name_tracked_files(page):
    """Binder, Thebe and the buttons of the repository open files that git tracks; an issue names a page of the site."""
    config = yaml.safe_load((ROOT / "book" / "_config.yml").read_text())
    branch, path = config["repository"]["branch"], urlsplit(repository()).path
    files, wrong, launches = tracked(), [], 0
    for link in {tag["href"] for tag in soup(page).select("a[href]")}:
        parts = urlsplit(link)
        asked = parse_qs(parts.query)
        if link.startswith(config["launch_buttons"]["binderhub_url"]):
            name = asked.get("urlpath", [""])[0].removeprefix("lab/tree/")
            ours = parts.path == f"/v2/gh{path}/{branch}"
            launches += 1
        elif match := re.match(rf"{re.escape(repository())}/(?:blob|edit|raw|tree)/([^/]+)/([^?#]+)", link):
            name, ours = unquote(match[2]), match[1] == branch
        elif link.startswith(f"{repository()}/issues/new"):
            name, ours = "README.md", not asked or (HTML / asked["title"][0].split("/", 1)[1]).is_file()
        else:
            continue
        if name not in files or not ours:
            wrong.append(link)
    for config_of_thebe in soup(page).select("script[type='text/x-thebe-config']"):
        if f'repo: "{path.strip("/")}"' not in config_of_thebe.text:
            wrong.append(config_of_thebe.text)
    assert not wrong, "\n".join(wrong)
    assert launches or not page.startswith("notebooks/")


def test_downloaded_notebooks_are_those_of_the_repository():
    """The button "download" gives the notebook that git tracks, byte for byte; others carry no outputs."""
    files = tracked()
    for path in (HTML / "_sources").rglob("*.ipynb"):
        name = path.relative_to(HTML / "_sources").as_posix()
        if name in files:
            assert path.read_bytes() == (ROOT / name).read_bytes(), name
        else:
            assert '"output_type"' not in path.read_text(encoding="utf-8"), name


PLACEHOLDER = re.compile(r"\b(TODO|TBD|FIXME|XXX|Lorem ipsum)\b|\bplaceholder\b")
TEMPLATE = re.compile(r"\{\{|\}\}")
RAW = re.compile(r"Traceback \(most recent call last\)|\b\w*Warning: ")


@pytest.mark.parametrize("page", PAGES)
def test_text_is_finished(page):
    """No placeholder, traceback or warning is left in a page, and no output that nobody reads to its end."""
    tree = soup(page)
    outputs = tree.select(".cell_output pre, .output pre")
    faults = [f"output of {n} lines" for n in (len(pre.text.splitlines()) for pre in outputs) if n > 100]
    faults += [f"written to stderr: {pre.text[:200]}" for pre in tree.select(".output.stderr pre")]
    text = " ".join(part for part in tree.strings if part.parent.name not in ("script", "style"))
    faults += [f"... {text[max(0, m.start() - 60) : m.end() + 60]} ..." for m in PLACEHOLDER.finditer(text)]
    faults += [f"... {text[max(0, m.start() - 60) : m.end() + 60]} ..." for m in RAW.finditer(text)]
    prose = (part for part in tree.strings if not part.find_parent(["script", "style", "pre", "code"]))
    faults += [
        f"not filled in: {part}" for part in prose if TEMPLATE.search(part) and not part.find_parent(class_="math")
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in INTERACTIVE])
def test_page_is_light(page):
    """A page with its images stays under 5 MB: readers on ships pay by the megabyte."""
    images = {((HTML / page).parent / unquote(tag["src"])).resolve() for tag in soup(page).select("img[src]")}
    assert (HTML / page).stat().st_size + sum(path.stat().st_size for path in images) < 5 * MEGABYTE


def test_site_is_light():
    """The whole site stays under 40 MB: it fits where books are kept."""
    assert sum(path.stat().st_size for path in HTML.rglob("*") if path.is_file()) < 40 * MEGABYTE
