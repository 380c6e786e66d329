"""Figure of what each choice does: the global total, the sites, and the share of the bloom."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from seaofcarbon import sensitivity
from seaofcarbon.plot import style
from seaofcarbon.sensitivity import BASELINE, SITES, TITLES, TRUTH

COLOUR, TRUTH_COLOUR, NOISE_COLOUR = "#1f6f8b", "#1b1b1b", "#e8e4da"

SITE_STYLES = dict(zip(SITES, (("#d1495b", "o"), ("#1f6f8b", "s"), ("#edae49", "D")), strict=True))
"""Colour and marker of each site."""

WORDS = {
    "owens2011": "Owens 2011", "pates_muir2007": "Pates & Muir 2007", "chen1986": "Chen 1986",
    "trapezoid": "trapezoids", "small": "small", "large": "large", "ml": "its own model",
    "power_law": "fitted power law", "regional": "fitted laws of basins", "owens2015": "law of Owens 2015",
    "rf": "random forest only", "xgb": "XGBoost only", "mean": "mean", "middle": "middle values",
}  # fmt: skip
"""Alternatives as the figure prints them; others as they are."""


COLUMNS = {
    "total_pg_yr": ("total, Pg C a year", "{:.2f}"), "change_percent": ("change, %", "{:+.1f}"),
    **{f"{site}, change_percent": (f"{site}, %", "{:+.1f}") for site in SITES},
    "share_in_bloom": ("share in bloom", "{:.2f}"), "bloom_ratio": ("bloom ratio", "{:.2f}"), "note": ("note", "{}"),
}  # fmt: skip
"""Columns of the table that is shown: its name there and the form of a number."""


def shown(df):
    """Table of `sensitivity.table` to be looked at: rounded, blank where there is no number, changes in percent.

    Parameters
    ----------
    df : DataFrame
        As `sensitivity.table` gives it.

    Returns
    -------
    DataFrame
        Text.
    """
    first = df["choice"] == BASELINE  # its long list of choices stands in the text
    table = df.assign(alternative=df["alternative"].mask(first, "")).set_index(["choice", "alternative"])
    columns = {
        name: [form.format(value) if value == value else "" for value in table[column]]
        for column, (name, form) in COLUMNS.items()
    }
    return pd.DataFrame(columns, index=table.index)


def _names(rows):
    """Kind of choice and alternative, as the axis prints them."""
    words = rows["alternative"].replace(WORDS)
    names = rows["choice"].where(words == "", rows["choice"] + ": " + words)
    return names.replace({"238U": "$^{238}$U", "234Th": "$^{234}$Th"}, regex=True)


def _ordered(df):
    """Rows to draw: kinds of choice by their greatest effect on the total, then those without a number, then truth."""
    rows = df[~df["choice"].isin([BASELINE, TITLES["seed"], TITLES["bloom"]])]
    size = rows["change_percent"].abs().groupby(rows["choice"]).transform("max").fillna(-1.0)
    size = size.mask(rows["choice"] == TRUTH, -2.0)
    return rows.assign(size=size).sort_values("size", ascending=False, kind="stable").drop(columns="size")


def _frame(ax, rows, noise, title):
    """Rows, zero and the band of other seeds."""
    y = np.arange(len(rows))[::-1]
    ax.axvspan(-noise, noise, color=NOISE_COLOUR, zorder=0)
    ax.axvline(0, color="0.3", lw=0.8, zorder=1)
    ax.set_yticks(y, labels=_names(rows))
    ax.set_ylim(-0.7, len(rows) - 0.3)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_title(title)
    ax.set_xlabel("change, %")
    return y


def _limits(ax, change, noise, room):
    """Limits that leave `room` (share of the width) for a number at either end."""
    low, high = min(np.nanmin(change), -noise), max(np.nanmax(change), noise)
    ax.set_xlim(low - room * (high - low), high + room * (high - low))


def _total(ax, rows, df):
    noise, change = sensitivity.noise(df), rows["change_percent"].to_numpy()
    y = _frame(ax, rows, noise, "Global total")
    _limits(ax, change, noise, 0.25)
    colours = np.where(rows["choice"] == TRUTH, TRUTH_COLOUR, COLOUR)
    known = np.isfinite(change)
    ax.barh(y[known], change[known], height=0.62, color=colours[known], zorder=2)
    for height, value, there in zip(y, change, known, strict=True):
        text = f"{value:+.1f} %".replace("-", "\N{MINUS SIGN}") if there else "not in this run"
        side = -1 if there and value < 0 else 1
        ax.annotate(
            text, (value if there else 0.0, height), (4 * side, 0), textcoords="offset points", va="center",
            ha="left" if side > 0 else "right", fontsize=8.5, color="0.1" if there else "0.55",
        )  # fmt: skip


def _sites(ax, rows, df):
    columns = {site: f"{site}, change_percent" for site in SITES}
    noise = np.nanmax([sensitivity.noise(df, column) for column in columns.values()])
    y = _frame(ax, rows, noise, "Mean of the year at the Andalusian sites")
    ends = rows[list(columns.values())]
    _limits(ax, ends.to_numpy(), noise, 0.06)
    ax.hlines(y, ends.min(axis=1).clip(upper=0), ends.max(axis=1).clip(lower=0), color="#cfcabd", lw=1.2, zorder=1)
    for (site, column), shift in zip(columns.items(), (0.2, 0.0, -0.2), strict=True):
        colour, marker = SITE_STYLES[site]
        ax.plot(rows[column], y + shift, marker, color=colour, ms=5.5, ls="", label=site, zorder=3)
    handles, labels = ax.get_legend_handles_labels()
    band = plt.Rectangle((0, 0), 1, 1, color=NOISE_COLOUR)
    ax.legend([*handles, band], [*labels, "other seeds"], ncol=2, fontsize=8.5, loc="lower left",
              bbox_to_anchor=(0.0, 1.0), borderaxespad=0)  # fmt: skip
    ax.set_title(ax.get_title(loc="left"), pad=34)


def _bloom(ax, df):
    """Share of the year's sinking carbon in months of bloom, by definition."""
    rows = df[df["choice"].isin([BASELINE, TITLES["bloom"], TRUTH])]
    names = rows["alternative"].mask(rows["choice"] == BASELINE, "this run").mask(rows["choice"] == TRUTH, TRUTH)
    y = np.arange(len(rows))[::-1]
    share = 100 * rows["share_in_bloom"].to_numpy()
    ax.barh(y, share, height=0.62, color=np.where(rows["choice"] == TRUTH, TRUTH_COLOUR, COLOUR))
    for height, value, ratio in zip(y, share, rows["bloom_ratio"], strict=True):
        ax.annotate(f"{value:.0f} %, ratio {ratio:.2f}", (value, height), (4, 0), textcoords="offset points",
                    va="center", fontsize=8.5)  # fmt: skip
    ax.set_yticks(y, labels=names)
    ax.set(xlabel="share of the year's total, %", xlim=(0, 1.35 * share.max()), ylim=(-0.7, len(rows) - 0.3))
    ax.set_title("In months of bloom")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def tornado(df, label=""):
    """Draw what each choice does, one at a time: the total, the sites, and how much of the total sinks in bloom.

    Parameters
    ----------
    df : DataFrame
        From `sensitivity.table`. The grey band is as wide as the greatest change that another seed makes.
    label : str
        Of the twin, or nothing.

    Returns
    -------
    array of Axes, shape (3,)
    """
    rows = _ordered(df)
    known = rows[rows["change_percent"].notna()]
    blooms = 1 + df["choice"].isin([TITLES["bloom"], TRUTH]).sum()
    heights = [len(rows) + 2, len(known) + 4, blooms + 2]
    figure, axes = plt.subplots(3, 1, figsize=(6.6, 0.27 * sum(heights) + 0.4), height_ratios=heights)
    _total(axes[0], rows, df)
    _sites(axes[1], known, df)
    _bloom(axes[2], df)
    style.add_label(figure, label)
    return axes
