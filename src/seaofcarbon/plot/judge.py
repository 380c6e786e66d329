"""Figures of the twin's verdict on the models: scores beside what is possible, and what more campaigns bring."""

import matplotlib.pyplot as plt
import numpy as np

from seaofcarbon.plot.style import add_label

JUDGES = {"measured": "held-out measured values", "truth": "climatological truth"}
COLOURS = {"measured": "#1f6f8b", "truth": "#edae49"}
LEARNT = {
    "measured": ("measured values", "#1f6f8b"), "noise-free": ("the same, free of noise", "#66a182"),
    "truth": ("climatological truth", "#edae49"),
}  # fmt: skip
AREAS = {"all": "all", "inside": "inside the area\nof applicability", "outside": "outside"}


def learning_curve(df, label=""):
    """R2 on the same held-out campaigns against the number of campaigns learnt from, with the spread between draws.

    Parameters
    ----------
    df : DataFrame
        From `learn.effort.learning_curve`.
    label : str
        The twin's label, or nothing.

    Returns
    -------
    Axes
    """
    figure, ax = plt.subplots(figsize=(7, 3.8))
    for judge, name in JUDGES.items():
        rows = df[df["judged_by"] == judge].sort_values("campaigns")
        spread = rows["r2_sd"].fillna(0.0)
        ax.fill_between(rows["campaigns"], rows["r2"] - spread, rows["r2"] + spread, color=COLOURS[judge], alpha=0.2,
                        lw=0)  # fmt: skip
        ax.plot(rows["campaigns"], rows["r2"], "o-", color=COLOURS[judge], label=f"against {name}")
    ax.set_xscale("log")
    ax.set_xticks(np.unique(df["campaigns"]), [f"{n}" for n in np.unique(df["campaigns"])])
    ax.minorticks_off()
    ax.axhline(0, color="#333333", lw=0.8)
    ax.set(xlabel="campaigns learnt from (band: one standard deviation between draws)", ylabel="R², campaigns left out")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    add_label(figure, label)
    return ax


def scores(df, label=""):
    """Bars of R2 by area, one panel per judge, for models that learnt from measured values and from the truth.

    Parameters
    ----------
    df : DataFrame
        From `learn.judge.against_truth`.
    label : str

    Returns
    -------
    Axes
        The left one, where measured values judge; a line across its bars is the ceiling.
    """
    areas = [area for area in AREAS if area in set(df["area"])]
    learnt = [trained for trained in LEARNT if trained in set(df["trained_on"])]
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.2), sharey=True)
    width = 0.8 / len(learnt)
    for ax, (judge, name) in zip(axes, JUDGES.items(), strict=True):
        for k, trained in enumerate(learnt):
            rows = df[(df["judged_by"] == judge) & (df["trained_on"] == trained)].set_index("area").loc[areas]
            x = np.arange(len(areas)) + (k - (len(learnt) - 1) / 2) * width
            bars = ax.bar(
                x, rows["r2"], 0.96 * width, color=LEARNT[trained][1], label=f"learnt from {LEARNT[trained][0]}"
            )
            ax.bar_label(bars, fmt="%.2f", padding=2, fontsize=8, label_type="center", color="white" if not k else None)
        if judge == "measured":
            middle = np.arange(len(areas))
            ax.hlines(rows["ceiling"], middle - 0.4, middle + 0.4, color="#333333", lw=1.6, label="ceiling")
        ax.axhline(0, color="#333333", lw=0.8)
        counts = [f"{AREAS[area]}\n({n:,} values)" for area, n in rows["values"].items()]
        ax.set_xticks(range(len(areas)), counts, fontsize=9)
        ax.set_title(f"judged by {name}", pad=8)
    axes[0].set_ylabel("R², campaigns left out")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=2)
    add_label(figure, label)
    return axes[0]
