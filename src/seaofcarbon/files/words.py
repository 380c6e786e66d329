"""Words of messages: a count with its noun, the name that was meant."""

import difflib


def counted(number, noun, plural=None):
    """Return a count with its noun.

    >>> counted(1, "cast"), counted(1200, "cast"), counted(0, "entry", "entries")
    ('1 cast', '1,200 casts', '0 entries')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def printable(text):
    r"""Return a text of others without what a terminal would obey.

    >>> printable("cruise \x1b[31m7")
    'cruise ?[31m7'
    """
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in str(text))


def suggest(word, known):
    """Return "; did you mean X?" for the nearest known word, or an empty text.

    >>> suggest("05-mpas", ["04-tune", "05-maps"]), suggest("x", ["04-tune"])
    ('; did you mean 05-maps?', '')
    """
    near = difflib.get_close_matches(str(word), [str(k) for k in known], n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""
