"""Files of any known layout in, universal records out, every cell accounted for.

A layout is a module with `recognise(opened)` and `read(opened) -> list of Table`, named in `FORMATS`.
"""

from pathlib import Path

import pandas as pd

from seaofcarbon import records as rec
from seaofcarbon.digitise import geotraces, pangaea, quality, workbook
from seaofcarbon.digitise.opening import opened
from seaofcarbon.digitise.table import ACCOUNT, Digitised, digitise
from seaofcarbon.files import UserError

__all__ = ["FORMATS", "Digitised", "read", "read_many"]

FORMATS = {"pangaea": pangaea, "geotraces": geotraces, "workbook": workbook}
"""Layouts by name, in the order in which they are tried."""


def read(path, format="auto"):
    """Digitise one file.

    Parameters
    ----------
    path : str or Path
    format : str
        A key of `FORMATS`; "auto" recognises the layout by content, not by name.

    Returns
    -------
    Digitised

    Raises
    ------
    UserError
        When the file cannot be read, or its layout is not known.
    """
    result = _read(path, format)
    result.records = quality.check(result.records)
    return result


def read_many(paths, format="auto", progress=True):
    """Digitise files into one table of records.

    A file that cannot be read does not stop the others: its one-line reason is in `meta["problems"]`.

    Parameters
    ----------
    paths : iterable of str or Path
    format : str
        As in `read`.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Digitised
        With the sums of the accounts, and `meta` = {"sources": [...], "problems": [...]}.

    Raises
    ------
    UserError
        When there is no file, or none can be read.
    """
    from tqdm import tqdm

    parts, problems = [], []
    for path in tqdm(list(paths), desc="digitise", unit="file", disable=not progress):
        try:
            parts.append(_read(path, format))
        except UserError as problem:
            problems.append(str(problem))
    if not parts:
        raise UserError(problems[0] if problems else "no file to digitise was given")
    merged = _merged(parts)
    merged.records = quality.check(merged.records)
    merged.meta = {"sources": [part.meta for part in parts], "problems": problems}
    return merged


def _read(path, format):
    source = opened(path)
    layout = _layout(source, format)
    tables = FORMATS[layout].read(source)
    for table in tables:
        table.constants.setdefault("curator", "seaofcarbon")
    result = _merged([digitise(table) for table in tables])
    about = {"file": Path(path).name, "format": layout, "encoding": source.encoding, "account": result.account}
    result.meta = about | result.meta
    return result


def _layout(source, format):
    if format != "auto":
        if format not in FORMATS:
            raise UserError(f"format {format!r} is unknown: use one of auto, {', '.join(FORMATS)}")
        return format
    for name, module in FORMATS.items():
        if module.recognise(source):
            return name
    raise UserError(f"{source.path}: no known layout ({', '.join(FORMATS)}); give --format, or see CONTRIBUTING")


def _merged(parts):
    """Join what came out of several tables."""
    if len(parts) == 1:
        return parts[0]
    frame = rec.conform(pd.concat([part.records for part in parts], ignore_index=True))
    rejects = pd.concat([part.rejects for part in parts], ignore_index=True)
    account = {name: sum(part.account[name] for part in parts) for name in ACCOUNT}
    not_wanted = {}
    for part in parts:
        for name, count in part.not_wanted.items():
            not_wanted[name] = not_wanted.get(name, 0) + count
    return Digitised(frame, rejects, account, not_wanted, parts[0].meta | {"rows": sum(p.meta["rows"] for p in parts)})
