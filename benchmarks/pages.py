"""Time how long each page of the built book takes to load from file in Chromium.

Run with `python benchmarks/pages.py` after `make book`. Goal: every page under 2 s on two quiet cores. A page counts as
loaded at its load event, the two interactive ones when they have drawn; prints the median of three loads, each in a
context of its own, slowest page first.
"""

import os
import shutil
import statistics
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

HTML = Path(__file__).parents[1] / "book" / "_build" / "html"
GOAL, TIMES = 2.0, 3  # s
DRAWN = {"data.html": "body[data-ready]", "map.html": "#month-name:not(:empty)"}


def seconds(browser, page):
    """Return how long a page takes in a fresh context, s."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    start = time.perf_counter()
    tab.goto(page.as_uri(), wait_until="load")
    if page.name in DRAWN and page.parent.name == "_static":
        tab.wait_for_selector(DRAWN[page.name], state="attached")
    taken = time.perf_counter() - start
    context.close()
    return taken


def main():
    """Print the seconds of each page and how many miss the goal."""
    names = ("SEAOFCARBON_BROWSER", "chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, (os.environ.get(names[0]), *map(shutil.which, names[1:]))), None)
    pages = [path for path in sorted(HTML.rglob("*.html")) if not path.name.endswith("webpack-macros.html")]
    arguments = ["--disable-gpu", "--disable-quic", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        seconds(browser, pages[0])  # the first start of the browser's own parts
        taken = {page: statistics.median(seconds(browser, page) for _ in range(TIMES)) for page in pages}
        browser.close()
    for page, time_s in sorted(taken.items(), key=lambda row: -row[1]):
        print(f"{time_s:6.2f} s  {page.relative_to(HTML)}")
    print(f"{sum(time_s > GOAL for time_s in taken.values())} of {len(taken)} pages take more than {GOAL:g} s")


if __name__ == "__main__":
    main()
