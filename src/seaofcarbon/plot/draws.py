"""Figure of totals that were drawn: an interval for each region and way, beside the truth where it is known."""

import matplotlib.pyplot as plt
import numpy as np

from seaofcarbon.plot import style
from seaofcarbon.plot.fields import KIND_COLOURS

APART = 0.22
"""Distance of the ways within the row of a region."""


def region_totals(df, label="", truth=None):
    """Totals by region with their intervals, one row a region and one bar a way; basins and bands side by side.

    Parameters
    ----------
    df : DataFrame
        way, and what `maps.interval_about` gives of it.
    label : str
    truth : DataFrame, optional
        region_kind, region, total_pg_yr.

    Returns
    -------
    array of Axes, shape (2,)
    """
    kinds, ways = ("basin", "band"), list(dict.fromkeys(df["way"]))
    rows = max(df.loc[df["region_kind"] == kind, "region"].nunique() for kind in kinds)
    figure, axes = plt.subplots(1, 2, figsize=(9.0, 0.4 * rows + 1.4))
    for ax, kind in zip(axes, kinds, strict=True):
        some = df[df["region_kind"] == kind]
        at = {region: -k for k, region in enumerate(dict.fromkeys(some["region"]))}
        for k, way in enumerate(ways):
            one = some[some["way"] == way]
            y = one["region"].map(at) + APART * ((len(ways) - 1) / 2 - k)
            ax.hlines(y, one["lower_pg_yr"], one["upper_pg_yr"], color=f"C{k}", lw=3, alpha=0.6)
            ax.scatter(one["total_pg_yr"], y, s=22, color=f"C{k}", label=way, zorder=3)
        if truth is not None:
            true = truth[truth["region"].isin(at) & (truth["region_kind"] == kind)]
            ax.scatter(true["total_pg_yr"], true["region"].map(at), s=60, marker="|", color=KIND_COLOURS["truth"],
                       label="truth", zorder=4, linewidth=2)  # fmt: skip
        ax.set_yticks(list(at.values()), labels=list(at))
        ax.set(xlabel="Pg C yr$^{-1}$", xlim=(0, None), ylim=(-len(at) + 0.5, 0.5))
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), fontsize=9)
    style.add_label(figure, label)
    return np.asarray(axes)
