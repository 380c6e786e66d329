"""Figures of what the models have learnt, condensed: the closed form beside the lookup table."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from seaofcarbon.learn.parameterise import apply_closed_form
from seaofcarbon.plot.skill import SHORT, UNITS
from seaofcarbon.plot.style import add_label
from seaofcarbon.vocabulary import VARIABLES

COLOURS = ("#574b90", "#1f6f8b", "#edae49")


def form_and_table(form, lookup, target, label=""):
    """Middle value against depth by the closed form (lines) and by the table (points), for few seas.

    Parameters
    ----------
    form : DataFrame
        From `learn.parameterise.closed_form`; a season is taken at the middle of its wave.
    lookup : Dataset
        From `learn.parameterise.lookup_table`.
    target : str
    label : str
        The twin's label, or nothing.

    Returns
    -------
    array of Axes
        A panel for each of three temperatures, a colour for each of three productions. Points of the table that have
        no value of the data nearby are hollow.
    """
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.8), sharex=True, sharey=True)
    depth = lookup["depth"].to_numpy()
    fine = np.geomspace(depth[0], depth[-1], 60)
    for ax, i in zip(axes, _three(lookup.sizes["temperature"]), strict=True):
        for colour, k in zip(COLOURS, _three(lookup.sizes["npp"]), strict=True):
            column = lookup.isel(temperature=i, npp=k)
            sea = float(column["temperature"]), float(column["npp"])
            ax.plot(apply_closed_form(form, target, *sea, fine, mean=False), fine, color=colour,
                    label=f"{sea[1]:.0f} mg m$^{{-2}}$ d$^{{-1}}$")  # fmt: skip
            known = column["density"].to_numpy() > 0
            ax.scatter(column[target], depth, s=26, edgecolor=colour, facecolor=np.where(known, colour, "none"), lw=1.2)
        ax.set_title(f"{sea[0]:.0f} °C")
    axes[0].invert_yaxis()
    axes[0].set_ylabel("depth, m")
    axes[1].set_xlabel(f"middle value of {SHORT[target]}, {UNITS[VARIABLES[target].unit]}")
    axes[2].legend(title="NPP", loc="center left", bbox_to_anchor=(1, 0.5))
    add_label(figure, label)
    return axes


def _three(n):
    """Positions of a low, a middle and a high value among n."""
    return [round(share * (n - 1)) for share in (0.15, 0.5, 0.85)]


def cost_table(skill):
    """The table of `learn.parameterise.compare` in words and two decimals: R2, RMSE, and R2 lost, with intervals.

    Parameters
    ----------
    skill : DataFrame
        As `learn.parameterise.compare` gives it.

    Returns
    -------
    DataFrame
        Text.
    """
    shown = {name: skill[name].map("{:.2f}".format) for name in skill.columns.drop("form")}
    lost = shown["lost"] + " (" + shown["lost_low"] + " to " + shown["lost_high"] + ")"
    out = {
        "R²": shown["r2"] + " (" + shown["r2_low"] + " to " + shown["r2_high"] + ")", "RMSE": shown["rmse"],
        "lost": lost.where(skill.index > 0, ""),
    }  # fmt: skip
    return pd.DataFrame(out).replace("-0.00", "0.00", regex=True).set_axis(skill["form"])
