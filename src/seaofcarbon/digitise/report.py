"""What was doubted, set aside or mended, source by source, in a table for the author of the data."""

import re

import pandas as pd

from seaofcarbon import flux
from seaofcarbon.digitise.duplicates import TRACERS
from seaofcarbon.digitise.quality import cells, deep_equilibrium
from seaofcarbon.digitise.units import spellings
from seaofcarbon.vocabulary import FLAG_QUESTIONABLE, VARIABLES

COLUMNS = ["source_id", "kind", "what", "variable", "n", "share", "example", "mend"]

KINDS = ("record flagged", "duplicate", "deep equilibrium", "set aside", "noted", "cells")

NOTED = (
    "flag of the source, scheme",
    "sigma is that of",
    "middle of depth range",
    "stray signs around",
    "density from",
    "longitude wrapped",
    "uncertainty ",
    "unit not told",
)
"""How notes begin that tell what was mended or taken, and do not doubt the value."""

BY_SOURCE = "flagged by the source"
"""How a reason begins that is no doubt of ours."""

MENDS = {
    "position off the globe": "give latitude from -90 to 90 and longitude from -180 to 360, in decimal degrees",
    "position on land": "check latitude and longitude: signs, order, degrees and minutes",
    "far from its cruise": "check the sign of the longitude: west is negative",
    "depth above the surface": "give depths in metres, positive down",
    "depth below the sea floor": "check depth and position: sign of the longitude, wire out, pressure",
    "below the sea floor of its file": "check the depth of the sample and of the sea floor",
    "time in the future": "check the year",
    "time before 1967": "check the year",
    "time unknown": "give date and time of sampling (ISO 8601, UTC)",
    "month unknown": "give at least year and month of sampling",
    "likely 1000 times": "check the unit of this value",
    "value out of range": "check value and unit",
    "particulate above total": "check which value is the total, and the decimal points",
    "uncertainty of 0": "leave it empty if it is unknown",
    "uncertainty above the value": "give uncertainties in the unit of the value, not in per cent",
    "duplicate of": "give each value once, or a replicate or bottle number with each",
    "flag of the source, scheme not told": "tell the scheme of the flags (IODE, SEADATANET, WOCE)",
    "flagged in a copy": "check the flag with its author",
    "flagged by the source": "nothing, if the flag is meant: such values are left out of casts",
    "middle of depth range": "give one depth, and the range in columns of its own",
    "stray signs around": "leave only the number in the cell",
    "density from": "give salinity and temperature of the sample itself",
    "longitude wrapped": "write all longitudes of a file one way",
    "234Th/238U below": "check calibration, density (per kg or per litre) and 238U: deep 234Th should equal it",
    "error value of a spreadsheet": "mend the formula, or leave the cell empty",
    "a limit of detection": "name the limit in a column of its own",
    "outside the limits": "name the limit in a column of its own",
    "a range, not a value": "give one value",
    "comma inside the number": "write decimal points and no separators of thousands",
    "not a number": "leave only numbers in columns of values",
    "depth is no number": "give depths in metres",
    "row has no": "give position and depth of every row",
    "row has": "give every row as many cells as the header",
    "unit": "name the unit in the header of the column",
    "no salinity": "give salinity and temperature, or values per litre",
    "no ISO 8601 time": "write times as YYYY-MM-DDThh:mm:ss",
    "negative uncertainty": "check the sign of the uncertainty",
    "misspelt": "correct the name",
}
"""How a reason begins -> what would mend it."""


_PLAIN = {
    r"^duplicate of \S+": "duplicate of a record",
    r"^(middle of depth range|stray signs around) .*": r"\1",
    r" \((?:at most )?[\d.]+ m\)$": "",
}
"""What belongs to a single record in a note -> what is left of it when notes are counted."""

SHOWN = {
    "position": "latitude {latitude:g}, longitude {longitude:g}",
    "far from its cruise": "latitude {latitude:g}, longitude {longitude:g}",
    "depth": "{depth_m:g} m",
    "below the sea floor of its file": "{depth_m:g} m",
    "time in": "{time:%Y-%m-%d}",
    "time before": "{time:%Y-%m-%d}",
    "likely 1000 times": "{value:g}{unit}",
    "value out of range": "{value:g}{unit}, expected {low:g} to {high:g}",
    "particulate above total": "{value:g}{unit}",
    "uncertainty": "sigma {sigma:g}, value {value:g}{unit}",
}
"""How a doubt begins -> the numbers of the record that it is about."""

_SHORT_ROW = r"row has \d+ cells, "
_NO_VALUES = rf"^{_SHORT_ROW}| taken as missing$"
"""What is counted in rows or in empty cells, not in values."""


def reasons(records):
    """Name what was doubted or noted of each record, one row for each.

    Parameters
    ----------
    records : DataFrame
        Checked records.

    Returns
    -------
    DataFrame
        kind ("record flagged", "duplicate" or "noted") and what (words without the numbers of a single record), indexed
        like `records`, whose labels come once for each reason.
    """
    flagged = records["flag"] >= FLAG_QUESTIONABLE
    said = records["note"].dropna().str.split("; ").explode().astype("str")
    what = said
    for pattern, plain in _PLAIN.items():
        what = what.str.replace(pattern, plain, regex=True)
    noted = said.str.startswith(NOTED) | ~flagged[said.index]
    kind = pd.Series("record flagged", said.index).mask(said.str.startswith("duplicate of"), "duplicate")
    table = pd.DataFrame({"kind": kind.mask(noted, "noted"), "what": what})
    bare = records[flagged & ~records.index.isin(table.index[table["kind"] != "noted"])]
    by_source = f"{BY_SOURCE} (" + (bare["flag_scheme"].fillna("") + " " + bare["flag_source"].fillna("")) + ")"
    by_source = by_source.str.replace(" ( )", "", regex=False)
    return pd.concat([table, pd.DataFrame({"kind": "record flagged", "what": by_source})])


def report(records, rejects=None, account=None, words=None):
    """Tell the author of each source what was found in the data, and what would mend it.

    Parameters
    ----------
    records : DataFrame or Digitised
        Checked records; or all that came out of the files, which brings its own rejects and account.
    rejects : DataFrame, optional
        file, row, column, value, reason.
    account : dict, optional
        The five numbers of the cell account, told in rows of their own (of all sources together).
    words : DataFrame, optional
        file, column, value, n, row: words that were taken as missing.

    Returns
    -------
    DataFrame
        One row per source, kind (see `KINDS`), what and variable (for cells set aside: their column): n, share (of the
        values of the source; of all cells for the account; missing for what is not counted in values), an example
        (where in the file with which numbers, or which cruise) and mend (what to do about it). The most frequent come
        first.
    """
    if hasattr(records, "records"):
        records, rejects, account, words = records.records, records.rejects, account or records.account, records.words
    found = [_of_records(records), _of_rejects(records, rejects), _of_words(records, words), _of_cruises(records)]
    table = pd.concat([part for part in found if len(part)] or [pd.DataFrame(columns=COLUMNS)])
    of_values = (table["kind"] != "deep equilibrium") & ~table["what"].astype("str").str.contains(_NO_VALUES)
    set_aside = table["n"].where((table["kind"] == "set aside") & of_values).groupby(table["source_id"]).sum()
    values = records["source_id"].fillna("").value_counts().add(set_aside, fill_value=0)
    share = table["n"] / table["source_id"].map(values)
    table = table.assign(share=share.where(of_values))
    order = table["kind"].map({kind: number for number, kind in enumerate(KINDS)})
    # what we doubt comes first, then what the source does
    order = order.mask(table["what"].astype("str").str.startswith(BY_SOURCE), KINDS.index("set aside") - 0.5)
    table = table.assign(order=order, few=-table["n"]).sort_values(["source_id", "order", "few", "what", "variable"])
    table["mend"] = table["what"].map(_mend)
    if account:
        cells = pd.Series({name: account[name] for name in ("records", "missing", "rejects", "not_wanted")}, name="n")
        rows = cells.rename_axis("what").reset_index().assign(kind="cells", share=cells.to_numpy() / account["cells"])
        table = pd.concat([table, rows])
    text = dict.fromkeys(("source_id", "variable", "example", "mend"), "")
    return table.reindex(columns=COLUMNS).fillna(text).reset_index(drop=True)


def checked(found):
    """Tell what `digitise --check` shows: the report, and which values of tracers have no uncertainty.

    Parameters
    ----------
    found : Digitised

    Returns
    -------
    DataFrame
        As of `report`. Of each source our doubts come first, then what the source flagged, what was set aside, and what
        was noted; a word that was taken as missing in many columns is one row.
    """
    table = report(found.records, found.rejects, words=found.words)
    word = table["what"].str.endswith(" taken as missing")
    words = table[word].groupby(["source_id", "kind", "what"], sort=False).agg(
        n=("n", "sum"), variable=("variable", "first"), many=("variable", "size"), example=("example", "first")
    ).reset_index().assign(mend="")  # fmt: skip
    many = words["many"] > 1
    words["what"] += (" in " + words["many"].astype("str") + " columns").where(many, "")
    words["variable"] = words["variable"].mask(many, "")
    bare = found.records[found.records["sigma"].isna() & found.records["variable"].isin((*TRACERS, "u238"))]
    bare = bare.groupby(["source_id", "variable"], sort=False)["locator"].agg(n="size", example="first").reset_index()
    bare = bare.assign(kind="noted", what="values without uncertainty", example="first: " + bare["example"], mend="")
    parts = [part for part in (table[~word], words.drop(columns="many"), bare) if len(part)]
    return pd.concat(parts or [table]).sort_values("source_id", kind="stable", ignore_index=True)


def _mend(what):
    """Find what would mend a reason."""
    if unit := re.fullmatch(r"no unit is told for (\w+)", what):
        example = f"write it in the header, as [{spellings(unit[1])[0]}]"
        return f"{example}, or in a sidecar FILE.yml (units: {{column: unit}})"
    if unit := re.fullmatch(r"unit '.*' is not known for (\w+)", what):
        return f"write a unit that is: {', '.join(dict.fromkeys(spellings(unit[1])))}"
    return next((words for start, words in MENDS.items() if what.startswith(start)), "")


def _counted(table):
    """Count equal rows, with the first of their examples."""
    keys = ["source_id", "kind", "what", "variable"]
    counted = table.fillna(dict.fromkeys(keys, "")).groupby(keys, sort=False)["example"].agg(n="size", example="first")
    return counted.reset_index()


def _of_records(records):
    """Count doubts and notes of records."""
    records = records.reset_index(drop=True)
    found = reasons(records)
    of = records.loc[found.index, ["source_id", "variable"]]
    table = _counted(found.assign(**of, example=found.index))
    first, kept = records.loc[table["example"]], records.drop_duplicates("record_id").set_index("record_id")["locator"]
    copied = first["duplicate_of"].map(kept).where((table["kind"] == "duplicate").to_numpy())
    return table.assign(
        example=[_shown(*each) for each in zip(first.to_dict("records"), table["what"], copied, strict=True)]
    )


def _shown(record, what, kept):
    """Say where a record stands, with the numbers that a doubt is about, or where the record stands that is kept."""
    if isinstance(kept, str):
        return f"{record['locator']}; kept is {kept}"
    form = next((form for start, form in SHOWN.items() if what.startswith(start)), "")
    if not form:
        return record["locator"]
    limits = {end: getattr(VARIABLES[record["variable"]], end) for end in ("low", "high")}
    floor = re.search(re.escape(what) + r" \(([^()]* m)\)", str(record["note"]))
    unit = {"unit": "" if pd.isna(record["unit"]) or record["unit"] == "1" else f" {record['unit']}"}
    numbers = form.format_map(record | limits | unit) + (f", sea floor {floor[1]}" if floor else "")
    return f"{record['locator']}: {numbers}"


def _of_rejects(records, rejects):
    """Count cells that were set aside; rows with too few or too many are told as rows."""
    if rejects is None or rejects.empty:
        return pd.DataFrame()
    cut = rejects["reason"].str.match(_SHORT_ROW)
    each = rejects[~cut]
    example = each["file"] + ", row " + each["row"].astype("str") + ": " + each["value"].astype("str")
    single = pd.DataFrame({"what": each["reason"], "variable": each["column"], "example": example})
    single["source_id"] = _sources(records, each["file"])
    rows = rejects[cut].groupby(["file", "reason"], sort=False)["row"].agg(n="nunique", rows="unique").reset_index()
    example = rows["file"] + ", row " + rows["rows"].map(_listed).astype("str")
    whole = pd.DataFrame({"what": rows["reason"], "variable": "", "example": example, "n": rows["n"]})
    whole["source_id"] = _sources(records, rows["file"])
    return pd.concat([_counted(single.assign(kind="set aside")), whole.assign(kind="set aside")])


def _of_words(records, words):
    """Tell the words that were taken as missing."""
    if words is None or words.empty:
        return pd.DataFrame()
    table = pd.DataFrame({"source_id": _sources(records, words["file"]), "variable": words["column"], "n": words["n"]})
    return table.assign(
        kind="noted",
        what=words["value"].map("{!r} taken as missing".format),
        example=words["file"] + ", row " + words["row"].astype("str"),
    )


def _sources(records, file):
    """The source of each file; a file that gave no record stands for its source."""
    known = records["source_id"].groupby(cells(records)["file"]).first()
    return file.map(known).astype("str").fillna(file)


def _listed(rows):
    """List the first rows.

    >>> _listed([3, 5, 8, 9])
    '3, 5, 8 and 1 more'
    """
    more = f" and {len(rows) - 3:,} more" if len(rows) > 3 else ""
    return ", ".join(map(str, rows[:3])) + more


def _of_cruises(records):
    """Cruises whose deep 234Th is off the equilibrium."""
    found = deep_equilibrium(records)
    found = found[found["words"] != ""]
    u238 = " (238U " + found["u238"] + ")"
    what = found["ratio"].map(f"234Th/238U below {flux.DEEP_M:.0f} m is {{:.2f}} (median)".format)
    return pd.DataFrame({
        "source_id": found["source_id"], "kind": "deep equilibrium", "what": what, "variable": "th234_total",
        "n": found["n_samples"], "example": "cruise " + found["cruise"].fillna("unknown") + u238,
    })  # fmt: skip
