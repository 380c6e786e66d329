"""Figures of the edition, as small PNG files."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image

from seaofcarbon.edition.sources import DEPTH_M, TARGET
from seaofcarbon.edition.told import SITES, shown_skill
from seaofcarbon.plot import carbon, fields, skill, style
from seaofcarbon.vocabulary import PUBLISHED_TOTALS

BAR = fields.axis_name(TARGET)
AT = {"100m": "100 m", "ez": "the base of the euphotic zone"}


def write(folder, whole, ez, tables):
    """Draw all figures into a folder.

    Parameters
    ----------
    folder : Path
    whole, ez : Source
    tables : dict of DataFrame
        skill, totals, sites.
    """
    style.use_style()
    folder.mkdir()
    limits = style.limits(np.concatenate([source.year[0].to_numpy().ravel() for source in (whole, ez)]))
    for name, source in (("100m", whole), ("ez", ez)):
        year, outside = source.year
        look = {"vmin": limits[0], "vmax": limits[1]}
        fields.one_map(
            year.rename(TARGET), f"Mean of the months that have a value, at {AT[name]}", BAR, outside, **look
        )
        _save(folder / f"annual-{name}.png")
        fields.bloom_maps(source.split, f"{BAR}, {AT[name]}")
        _save(folder / f"bloom-{name}.png")
        _sites(tables["sites"], name)
        _save(folder / f"andalusia-{name}.png")
    _skill(tables["skill"])
    _save(folder / "skill.png")
    fields.published_values(whole.published[whole.published["quantity"] == TARGET], TARGET)
    _save(folder / "published.png")
    flux = whole.published[whole.published["quantity"] == TARGET]
    carbon.published_on_map(
        whole.year[0].rename(TARGET), flux, BAR, "POC flux at 100 m, mean of the months that have a value"
    )
    _save(folder / "published-map.png")
    fields.totals(_totals(tables["totals"]))
    _save(folder / "totals.png")


def _save(path):
    """Write the current figure without transparency and as small as PNG can be (a palette would shift colours)."""
    buffer = io.BytesIO()
    plt.savefig(buffer, format="png", bbox_inches="tight")
    plt.close("all")
    Image.open(buffer).convert("RGB").save(path, optimize=True)


def _sites(sites, name):
    layer = "100 m" if name == "100m" else "Ez"
    rows = sites[(sites["layer"] == layer) & sites[TARGET].notna()]
    rows = rows.assign(depth_m=DEPTH_M, month=rows["month"].astype(int))  # one axis, whatever the depth of the month
    rows = rows.astype({"applicable": int})
    _, grid = fields.site_intervals(rows, TARGET, DEPTH_M, columns=len(SITES))
    top = 1.05 * rows[f"{TARGET}_upper"].max()
    for ax in grid.ravel():
        ax.set_ylim(0, top)
    grid[0, 0].figure.set_size_inches(8.0, 2.9)


def _skill(table):
    rows = shown_skill(table)
    ax = skill.r2_by_split(rows.assign(model=rows["name"], target=TARGET), TARGET)
    ax.set_xlim(right=0.8)


def _totals(table):
    """Our totals at both depths with their interval, formulas on the same fields at 100 m, and published totals."""
    globe = table[table["region"] == "global"]
    ours = globe[(globe["kind"] == "this book") & globe["source"].str.endswith("mean")]
    ours = ours.assign(name="this book, " + ours["layer"] + ", 90 % interval", value=ours["total_pg_yr"],
                       low=ours["lower_pg_yr"], high=ours["upper_pg_yr"])  # fmt: skip
    forms = globe[(globe["kind"] == "same grid") & (globe["layer"] == "100 m")]
    forms = forms.assign(name=forms["source"], **dict.fromkeys(("value", "low", "high"), forms["total_pg_yr"]))
    others = pd.DataFrame([
        {"name": f"{name} ({p.where})", "kind": "published", "low": p.low, "high": p.high}
        for name, p in PUBLISHED_TOTALS.items()
    ])  # fmt: skip
    return pd.concat([ours, forms, others], ignore_index=True)[["name", "kind", "low", "high", "value"]]
