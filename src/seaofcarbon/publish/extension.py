"""A Sphinx extension: what the theme does not do as the book wants it."""

from seaofcarbon.publish import reference, terms

OPEN_DATA = (
    "OPEN DATA. The numbers and maps of this page were learnt from measurements at sea, not from the twin ocean of the "
    "chapters."
)
"""Stands in the twin's book on pages whose front matter says `open_data: true`, in place of the twin's banner."""

FIRST = """document.documentElement.dataset.mode ||= "auto"; // the theme calls an empty one an error
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false; // no page may be fetched there"""
"""Script of every page that runs before those of the theme and of the search."""

REACHED = """const boxes = ".bd-article :is(figure, .cell_output .output, .pst-scrollable-table-container)";
const reach = () => document.querySelectorAll(boxes).forEach((box) => {
  const scrolls = box.scrollWidth > box.clientWidth;
  box.classList.toggle("scrolls", scrolls);
  if (scrolls) box.tabIndex = 0; else box.removeAttribute("tabindex");
});
["load", "resize", "toggle"].forEach((event) => addEventListener(event, reach, true)); // of images and folds, too"""
"""Script that marks figures and tables that scroll, so that the style can say so, and lets the keyboard reach them."""

SPANISH = "book/es/"
"""Folder of the pages that are written in Spanish."""

BANNERS_ES = {
    True: "DATOS ABIERTOS. Esta página procede de un cálculo con datos abiertos. Los capítulos que llevan "
    "otra franja son de un océano gemelo; esta página no.",
    False: "OCÉANO GEMELO, NO SON OBSERVACIONES. Las medidas, los flujos y los mapas de este libro salen de un océano "
    "inventado cuya verdad se conoce. <code>make book PROFILE=real</code> hace el libro con datos abiertos.",
}
"""The two banners of the twin's book on pages in Spanish: on those of open data, and on the others."""


UNFOLDS = """const name = (mark) => "Pages of " + mark.closest("li").querySelector("a").textContent.trim();
addEventListener("DOMContentLoaded", () => document.querySelectorAll(".bd-sidebar summary").forEach((mark) => {
  mark.setAttribute("aria-label", name(mark));
}));"""
"""Script that names the marks which unfold the contents, for those who hear the page."""


def setup(app):
    """Be a Sphinx extension that cures slips of the theme, and tells banner, language and terms of a page."""
    for script in (FIRST, REACHED, UNFOLDS):
        app.add_js_file(None, body=script)
    app.config.html_theme_options["navbar_persistent"] = []  # in _config.yml it would erase the launch buttons
    app.connect("html-page-context", _no_launch, priority=900)
    app.connect("html-page-context", _scripts_once, priority=900)
    app.connect("html-page-context", _banner)
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-skip-member", _skip_fields)
    app.connect("autodoc-process-docstring", _exponents)
    app.connect("html-page-context", _language)
    app.connect("doctree-resolved", terms.define)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _no_launch(app, pagename, templatename, context, doctree):
    """Take the launch buttons from pages of published runs: they would point at files that git does not track."""
    if pagename.startswith("runs/"):
        buttons = context.get("header_buttons", [])
        context["header_buttons"] = [button for button in buttons if button.get("label") != "launch-buttons"]
        context["use_thebe"] = False


def _banner(app, pagename, templatename, context, doctree):
    """Say on a page of open data that it is one, where the banner of the book would say that it is of the twin."""
    if context.get("theme_announcement") and (context.get("meta") or {}).get("open_data"):
        context["theme_announcement"] = OPEN_DATA


def _scripts_once(app, pagename, templatename, context, doctree):
    """Keep the first of equal inline scripts; a constant that is declared twice is an error in the browser."""
    first = {}
    for script in context.get("script_files", []):  # the same inline script comes once as None and once as ""
        first.setdefault((str(script.filename or ""), script.attributes.get("body")), script)
    context["script_files"] = list(first.values())


def _language(app, pagename, templatename, context, doctree):
    """Say in the `lang` of a page what it is written in, so that screen readers pronounce it right; so its banner."""
    context["language"] = "es" if pagename.startswith(SPANISH) else "en"
    if context["language"] == "es" and context.get("theme_announcement"):
        context["theme_announcement"] = BANNERS_ES[bool((context.get("meta") or {}).get("open_data"))]


def _skip_fields(app, what, name, obj, skip, options):
    """Leave out fields of named tuples: of them Python only says "alias for field number 0"."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def _exponents(app, what, name, obj, options, lines):
    """Write units of docstrings with exponents; examples stay as they are typed."""
    lines[:] = [line if line.lstrip().startswith((">>>", "...")) else reference.with_exponents(line) for line in lines]
