"""A Sphinx extension: what the theme does not do as the book wants it."""


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
