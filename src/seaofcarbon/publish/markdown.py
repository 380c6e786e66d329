"""Tables as Markdown; text of others stands in them as text."""

import re

import pandas as pd

_CODE = r"(?P<kept>\\.|(?<!`)(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))"
TAGS = re.compile(_CODE + r"|<|\{(?=[{%#])")
"""What would be a tag or a template in Markdown, outside of code."""

ACTIVE = re.compile(_CODE + r"|[<{[]")
"""What would be a tag, a template, a role, a link or an image."""


def markdown_table(df):
    """Return a table as Markdown; numbers to four significant digits, missing as an empty cell.

    >>> print(markdown_table(pd.DataFrame({"model": ["rf"], "R2": [0.123456]})))
    | model | R2 |
    | :--- | ---: |
    | rf | 0.1235 |
    """
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in df.dtypes]
    rows = [df.columns, ["---:" if n else ":---" for n in numeric], *df.itertuples(index=False)]
    return "\n".join("| " + " | ".join(_cell(value) for value in row) + " |" for row in rows)


def _cell(value):
    if not isinstance(value, str) and pd.isna(value):
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    return _escaped(TAGS, str(value)).replace("|", "\\|").replace("\n", " ")


def plain(text):
    """Return text in which all is only characters: citations and names of sources come from files of others.

    >>> plain("<b> `a<b` {{ run }} {foo}`x` [here](nowhere.md)")
    '&#60;b> `a<b` &#123;&#123; run }} &#123;foo}`x` &#91;here](nowhere.md)'
    """
    return _escaped(ACTIVE, text)


def _escaped(active, text):
    return active.sub(lambda found: found["kept"] or f"&#{ord(found[0])};", text)
