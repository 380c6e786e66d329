"""Files of any known layout in, universal records out, every cell accounted for.

A layout is a module with `recognise(opened)` and `read(opened) -> list of Table`, named in `FORMATS`.
"""

import hashlib
from collections import Counter
from itertools import count
from pathlib import Path

import pandas as pd

from seaofcarbon import records as rec
from seaofcarbon.digitise import bcodmo, erddap, geotraces, pangaea, quality, seabass, tidy, workbook
from seaofcarbon.digitise.opening import opened
from seaofcarbon.digitise.table import ACCOUNT, Digitised
from seaofcarbon.digitise.values import digitise
from seaofcarbon.files import UserError, suggest, write_csv

__all__ = ["FORMATS", "Digitised", "read", "read_many", "write"]

FORMATS = {
    "pangaea": pangaea, "geotraces": geotraces, "seabass": seabass, "erddap": erddap, "tidy": tidy, "bcodmo": bcodmo,
    "workbook": workbook,
}  # fmt: skip
"""Layouts by name, in the order in which they are tried."""

BATCH_CELLS = 2_000_000
"""Files are digitised together until they have this many cells: enough to be fast, little enough for memory."""


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
        `meta` is what the file says about itself.

    Raises
    ------
    UserError
        When the file cannot be read, or its layout is not known.
    """
    result = read_many([path], format, progress=False)
    result.meta = result.meta["sources"][0]
    return result


def read_many(paths, format="auto", progress=True):
    """Digitise files into one table of records.

    A file that cannot be read does not stop the others: its one-line reason is in `meta["problems"]`. A file that is
    given twice is read once; two of one name are told apart by their folders.

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

    done, tables, sources, problems, waiting, contents = [], [], [], [], 0, {}
    paths = list({Path(path).resolve(): path for path in paths}.values())
    names, often = set(), Counter(Path(path).name for path in paths)
    for path in tqdm(paths, desc="digitise", unit="file", disable=not progress):
        try:
            found, about = _tables(path, format, names, often[Path(path).name] > 1)
        except UserError as problem:
            problems.append(str(problem))
            continue
        if (same := contents.setdefault(about.pop("content"), path)) != path:
            problems.append(f"{path}: the same content as {same}; read once")
            continue
        problems += [about.pop("problem")] if "problem" in about else []
        tables += [(len(sources), table) for table in found]
        sources.append(about)
        waiting += sum(table.cells.size for table in found)
        if waiting > BATCH_CELLS:
            done, tables, waiting = [*done, _digitised(tables, sources)], [], 0
    if not sources:
        raise UserError(problems[0] if problems else "no file to digitise was given")
    if tables or not done:
        done.append(_digitised(tables, sources))
    frames, rejects, words = zip(*done, strict=True)
    frame = frames[0] if len(done) == 1 else rec.conform(pd.concat(frames, ignore_index=True))
    rejects, words = pd.concat(rejects, ignore_index=True), pd.concat(words, ignore_index=True)
    account = {name: sum(source["account"][name] for source in sources) for name in ACCOUNT}
    not_wanted = _summed(source.pop("not_wanted") for source in sources)
    meta = {"sources": sources, "problems": problems}
    return Digitised(quality.check(frame), rejects, account, not_wanted, meta, words)


def write(found, out, prefix="", title="234Th records"):
    """Write what came out of files: the records, beside them the rejects and a Frictionless data package.

    Parameters
    ----------
    found : Digitised
        Of `read_many` or `figure.read`.
    out : str or Path
        File of the records, .parquet or .csv; the others are PREFIXrejects.csv and PREFIXdatapackage.json.
    prefix, title : str

    Returns
    -------
    Path
        The file of the rejects.
    """
    out = Path(out)
    rejects = out.with_name(f"{prefix}rejects.csv")
    rec.write(found.records, out)
    write_csv(found.rejects, rejects)
    sources = [
        {
            "title": source.get("citation") or source["file"],
            "path": source.get("doi") or source["file"],
            "licence": source.get("licence") or "not stated",
        }
        for source in found.meta.get("sources", [found.meta])
    ]
    account = found.account | {"not_wanted_columns": found.not_wanted}
    rec.datapackage(out.with_name(f"{prefix}datapackage.json"), [out, rejects], account, sources, title)
    return rejects


def _tables(path, format, taken, ambiguous=False):
    """Read the tables of a file, and what it says about itself; a name that others have, too, gets its folder."""
    source = opened(path)
    if ambiguous or source.name in taken:
        inside = f"{Path(path).resolve().parent.name}/{source.name}"
        source.name = next(name for n in count(1) if (name := inside + f" ({n})" * (n > 1)) not in taken)
    taken.add(source.name)
    layout = _layout(source, format)
    tables = FORMATS[layout].read(source)
    for table in tables:
        table.constants.setdefault("curator", "seaofcarbon")
    content = source.text.encode() if source.text is not None else Path(path).read_bytes()
    about = {
        "content": hashlib.sha256(content).digest(),
        "file": Path(path).name,
        "format": layout,
        "encoding": source.encoding,
    } | tables[0].meta
    about |= {"rows": sum(len(table.cells) for table in tables), "account": dict.fromkeys(ACCOUNT, 0)}
    return tables, about | {"not_wanted": {}}


def _digitised(tables, sources):
    """Digitise tables, each with the number of its source, and add their accounts to those of the sources."""
    frame, rejects, accounts, words = digitise([table for _, table in tables])
    for (number, _), account in zip(tables, accounts, strict=True):
        about = sources[number]
        about["account"] = {name: about["account"][name] + account[name] for name in ACCOUNT}
        about["not_wanted"] = _summed([about["not_wanted"], account["not_wanted_columns"]])
    return frame, rejects, words


def _summed(counts):
    """Add up counts by name."""
    total = Counter()
    for part in counts:
        total.update(part)
    return dict(total)


def _layout(source, format):
    if format != "auto":
        if format not in FORMATS:
            near = suggest(format, FORMATS)
            raise UserError(f"format {format!r} is unknown: use one of auto, {', '.join(FORMATS)}{near}")
        return format
    for name, module in FORMATS.items():
        if module.recognise(source):
            return name
    raise UserError(f"{source.path}: no known layout ({', '.join(FORMATS)}); give --format, or see CONTRIBUTING")
