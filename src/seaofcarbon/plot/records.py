"""Pictures of what was digitised: where, when, what, and what was doubted."""

import cartopy.crs as ccrs
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from seaofcarbon.digitise.report import reasons
from seaofcarbon.plot.style import ocean_axes
from seaofcarbon.vocabulary import FLAGS

KINDS = {
    "bottle": "bottles",
    "pump": "pumps",
    "trap": "sediment traps",
    "th234_ss": "234Th flux",
    "th234_nss": "234Th flux",
    "th234_unspecified": "234Th flux",
    "model": "models",
}
"""Method of a record -> how it is named in figures; no method is a sensor."""

COLOURS = {
    "bottles": "#1f6f8b",
    "pumps": "#d1495b",
    "sediment traps": "#edae49",
    "234Th flux": "#574b90",
    "sensors": "#6b6558",
    "models": "#66a182",
}

SIZES = {"pumps": 2.5, "234Th flux": 5}
"""Dots drawn on top of others are smaller."""

FLAG_COLOURS = {1: "#66a182", 2: "#c9d6df", 3: "#edae49", 4: "#d1495b", 9: "#6b6558"}


def kind(records):
    """Name how each record was measured.

    Returns
    -------
    Series of str
    """
    return records["method"].map(KINDS).fillna("sensors")


def station_map(records, axes=None):
    """Draw where the records were measured, one dot for each place and kind.

    Parameters
    ----------
    records : DataFrame
        Universal records.
    axes : GeoAxes, optional

    Returns
    -------
    GeoAxes
    """
    axes = axes or ocean_axes()
    places = records.assign(kind=kind(records))[["kind", "longitude", "latitude"]].round(1)
    places = places[places["latitude"].between(-90, 90)].drop_duplicates()
    order = ("sediment traps", "bottles", "234Th flux", "pumps")  # the rarer on top
    for name in order:
        some = places[places["kind"] == name]
        if len(some):
            axes.scatter(
                some["longitude"], some["latitude"], s=SIZES.get(name, 8), color=COLOURS[name], linewidth=0, alpha=0.8,
                transform=ccrs.PlateCarree(), zorder=4 + order.index(name), label=f"{name} ({len(some):,})",
            )  # fmt: skip
    axes.legend(title="places", loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=4, markerscale=2.5, fontsize=9)
    return axes


def years(records, axes=None):
    """Draw in which years the values were measured, by kind.

    Parameters
    ----------
    records : DataFrame
    axes : Axes, optional

    Returns
    -------
    Axes
    """
    axes = axes or plt.figure().add_subplot()
    table = pd.crosstab(records["time"].dt.year, kind(records))
    table = table[[name for name in COLOURS if name in table.columns]]
    span = np.arange(int(table.index.min()), int(table.index.max()) + 1)
    table = table.reindex(span, fill_value=0)
    bottom = np.zeros(len(span))
    for name in table.columns:
        axes.bar(span, table[name], bottom=bottom, width=0.9, color=COLOURS[name], label=name)
        bottom += table[name].to_numpy()
    axes.set(xlabel="year", ylabel="values")
    axes.legend(fontsize=9)
    return axes


def variables(records, axes=None):
    """Draw how many values there are of each variable, by kind.

    Parameters
    ----------
    records : DataFrame
    axes : Axes, optional

    Returns
    -------
    Axes
    """
    return bars(pd.crosstab(records["variable"], kind(records)), COLOURS, "values", axes)


def doubts(records, axes=None):
    """Draw how often each doubt was noted, coloured by the flag it led to.

    Parameters
    ----------
    records : DataFrame
        Checked records.
    axes : Axes, optional

    Returns
    -------
    Axes
    """
    found = reasons(records.reset_index(drop=True))
    found = found[found["kind"] != "noted"]
    flag = records["flag"].reset_index(drop=True)[found.index].map({n: f"{n} {word}" for n, word in FLAGS.items()})
    what = found["what"].str.replace("(duplicate of a record) in .*", r"\1", regex=True)  # of all sources together
    colours = {f"{flag} {FLAGS[flag]}": colour for flag, colour in FLAG_COLOURS.items()}
    return bars(pd.crosstab(what.to_numpy(), flag.to_numpy()), colours, "records", axes, "flag")


def bars(table, colours, xlabel, axes=None, title=None):
    """Draw a table of counts as stacked bars, the longest on top, each with its sum."""
    axes = axes or plt.figure().add_subplot()
    table = table.loc[table.sum(axis=1).sort_values(kind="stable").index, [n for n in colours if n in table.columns]]
    left = np.zeros(len(table))
    for name in table.columns:
        axes.barh(table.index, table[name], left=left, color=colours[name], label=name)
        left += table[name].to_numpy()
    for row, total in enumerate(left):
        axes.annotate(f" {total:,.0f}", (total, row), va="center", fontsize=8)
    axes.set(xlabel=xlabel, ylabel="")
    if len(table):
        axes.set_xlim(0, 1.12 * left.max())  # room for the sums
        axes.legend(title=title, loc="lower right", fontsize=9)
    return axes
