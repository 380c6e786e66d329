"""The edition in the book: its numbers for the prose of pages, its tables as Markdown.

A page says `{{ edition.total.at100.mean | round(1) }}` for a number of `book/edition/numbers.json`, and takes in a
table with `{include} _generated/edition-NAME.md`. It carries `open_data: true` in its front matter: see `extension`.
"""

import pandas as pd

from seaofcarbon.edition.told import shown_skill
from seaofcarbon.files import read_csv, read_json
from seaofcarbon.publish import spanish
from seaofcarbon.publish.markdown import markdown_table


def numbers(folder):
    """Return the numbers of the edition, or {} where the book has none.

    Parameters
    ----------
    folder : Path
        The edition.
    """
    path = folder / "numbers.json"
    return read_json(path) if path.exists() else {}


def write(folder, generated):
    """Write the tables of the edition, where the book has one.

    Parameters
    ----------
    folder, generated : Path
        The edition, and where the files go.
    """
    if not numbers(folder):
        return
    for name, table in TABLES.items():
        text = table(folder)
        (generated / f"edition-{name}.md").write_text(text + "\n", encoding="utf-8")


def _skill(folder):
    table = read_csv(folder / "skill.csv", keep_default_na=False, na_values={"r2": [""], "r2_low": [""]})
    table = shown_skill(table)
    said = table.apply(lambda r: f"{_two(r['r2'])} ({_two(r['r2_low'])} to {_two(r['r2_high'])})", axis=1)
    wide = table.assign(said=said).pivot(index="name", columns="split", values="said").loc[table["name"].unique()]
    names = {"campaign": "Campaigns left out", "block": "Blocks left out", "random": "Random rows (leaks)"}
    wide.index = wide.index.str[:1].str.upper() + wide.index.str[1:]
    return markdown_table(wide[list(names)].rename(columns=names).rename_axis("Model").reset_index())


def _two(value):
    return f"{round(float(value), 2) + 0.0:.2f}"  # adding zero turns -0.00 into 0.00


def _totals(folder):
    table = read_csv(folder / "totals.csv").query("kind == 'this book' and region_kind in ('global', 'basin')")
    table = table[table["source"].str.endswith("mean")]
    said = table.assign(said=[
        f"{total:.2f} ({low:.2f} to {high:.2f})"
        for total, low, high in zip(table["total_pg_yr"], table["lower_pg_yr"], table["upper_pg_yr"], strict=True)
    ])  # fmt: skip
    wide = said.pivot(index="region", columns="layer", values="said")
    shares = table[table["layer"] == "100 m"].set_index("region")[["area_share", "share_outside"]]
    shares = (100 * shares).round().astype(int)
    shares.columns = ["Sea covered at 100 m, %", "Extrapolated, %"]
    shown = wide.loc[shares.index, ["100 m", "Ez"]].add_suffix(", Pg C a year").join(shares)
    return markdown_table(shown.rename_axis("Region").reset_index())


def _products(folder):
    if not (folder / "products.csv").exists():
        return "The published maps were not on the machine that made this edition."
    table = read_csv(folder / "products.csv")
    share = (100 * table["within_2_others"]).round().astype(int)
    shown = pd.DataFrame({
        "Map": table["map"], "Pg C a year, common cells": table["total_pg_yr"].map("{:.1f}".format),
        "r with this book": table["correlation"].map(lambda r: "" if pd.isna(r) else f"{r:.2f}"),
        "r with the median of the others": table["correlation_others"].map("{:.2f}".format),
        "Within a factor 2 of that median, % of area": share,
    })  # fmt: skip
    return markdown_table(shown)


def _data(folder):
    about = read_json(folder / "edition.json")
    rows = [
        {"Entry": f"`{name}`", "What": entry["citation"], "Licence": entry["licence"],
         "Version (sha256)": f"`{entry.get('sha256', '')[:12]}`"}
        for name, entry in about["data"].items()
    ]  # fmt: skip
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    code = f"Made with seaofcarbon {about['seaofcarbon']} (code `{about['code_sha256'][:12]}`) on {versions}."
    return f"{markdown_table(pd.DataFrame(rows))}\n\n{code}"


def _sites(folder):
    from seaofcarbon.plot.fields import MONTH_NAMES

    table = read_csv(folder / "sites.csv")
    table = table[(table["layer"] == "100 m") & table["poc_flux"].notna()]
    said = [
        f"{value:.1f} ({low:.1f} to {high:.0f}){'' if inside else ' *'}"
        for value, low, high, inside in zip(
            table["poc_flux"], table["poc_flux_lower"], table["poc_flux_upper"], table["applicable"] == 1, strict=True
        )
    ]
    sites = list(dict.fromkeys(table["site"]))
    wide = table.assign(said=said).pivot(index="month", columns="site", values="said")[sites]
    wide.insert(0, "Month", [MONTH_NAMES[int(month) - 1] for month in wide.index])
    return markdown_table(wide)


def _silent(folder):
    table = read_csv(folder / "sites.csv").dropna(subset="reason").drop_duplicates("site")
    return "\n".join(f"- **{row.site}**: {row.reason}." for row in table.itertuples())


TABLES = {
    "skill": _skill, "totals": _totals, "products": _products, "data": _data, "sites": _sites, "silent": _silent,
    "sites-es": spanish.months, "summary-es": spanish.summary,
}  # fmt: skip
"""Name of a table -> function of the folder of the edition."""
