"""Terms of the glossary: each link to one carries its definition."""

import re
from functools import lru_cache


def define(app, doctree, docname):
    """Give each link to a term of the glossary its definition: browsers show it, screen readers read it."""
    from docutils import nodes

    for link in doctree.findall(nodes.reference):
        if any("std-term" in child.get("classes", ()) for child in link.children if isinstance(child, nodes.Element)):
            label = link.get("refid") or link.get("refuri", "").partition("#")[2]
            if label in (known := definitions(app.env)):
                link["reftitle"] = known[label]


@lru_cache(maxsize=1)
def definitions(env):
    """Return the first sentence of each term's definition by its label in the pages, as plain text.

    Parameters
    ----------
    env : sphinx.environment.BuildEnvironment
        With all pages read.
    """
    from docutils import nodes

    pages = {page for _, _, kind, page, *_ in env.get_domain("std").get_objects() if kind == "term"}
    found = {}
    for page in sorted(pages):
        for item in env.get_doctree(page).findall(nodes.definition_list_item):
            told = next(iter(item.findall(nodes.definition)), None)
            for term in item.findall(nodes.term) if told is not None else ():
                found |= dict.fromkeys(term["ids"], first_sentence(told.astext()))
    return found


def first_sentence(text):
    """Return the first sentence of a text on one line.

    >>> first_sentence("It lives 24.1 days.  Then it decays.")
    'It lives 24.1 days.'
    """
    return re.split(r"(?<=[.!?])\s+(?=[^a-z])", " ".join(text.split()), maxsplit=1)[0]
