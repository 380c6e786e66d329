"""Figures of tuning: which settings count, what was tried, and what leaky folds would have chosen."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from seaofcarbon.learn.tune import WHOLE, position, space
from seaofcarbon.plot.skill import NAMES, SHORT, SPLIT_COLOURS
from seaofcarbon.plot.style import add_label

SETTINGS = {
    "min_samples_leaf": "rows in a leaf", "max_features": "share of features\nat a split",
    "max_samples": "share of rows\nfor a tree", "n_estimators": "trees", "learning_rate": "learning rate",
    "max_depth": "depth of trees", "min_child_weight": "weight in a leaf", "reg_lambda": "shrinkage λ",
    "subsample": "share of rows\nfor a tree", "colsample_bytree": "share of features\nfor a tree",
}  # fmt: skip
"""Settings in words, in lines that are short enough for the foot of an axis."""


def importance(importances, target, label=""):
    """Bars of how much each setting matters for the score of a trial, one panel per model.

    Thin lines show the range when one of the studies is left out.

    Parameters
    ----------
    importances : DataFrame
        From `learn.tune.importance`.
    target : str
    label : str
        The twin's label, or nothing.

    Returns
    -------
    array of Axes
    """
    models = list(dict.fromkeys(importances["model"]))
    figure, axes = plt.subplots(1, len(models), figsize=(4.4 * len(models), 3.6), squeeze=False, sharex=True)
    for ax, model in zip(axes[0], models, strict=True):
        rows = importances[importances["model"] == model].sort_values("importance")
        middle = rows["importance"].to_numpy()
        ends = [middle - rows["importance_low"], rows["importance_high"] - middle]
        ax.barh([_one_line(name) for name in rows["setting"]], middle, xerr=np.maximum(ends, 0), color="#1f6f8b",
                error_kw={"lw": 0.8, "ecolor": "#444444"})  # fmt: skip
        ax.set_title(f"{NAMES[model]}, {SHORT[target]}")
        ax.set_xlabel(f"share in the variance of R²\n({rows['trials'].iloc[0]} trials in all: rough)")
    axes[0, 0].set_xlim(0, 1)
    add_label(figure, label)
    return axes[0]


def _one_line(name):
    return SETTINGS.get(name, name).replace("\n", " ")


def parallel_coordinates(trials, target, model, part=WHOLE, label=""):
    """One line per trial across its settings, coloured by its score; the best one is thick, stopped ones are dotted.

    Parameters
    ----------
    trials : DataFrame
        From `learn.tune.tune`.
    target : str
    model : "rf" | "xgb"
    part : str
        Study to show; by default that of all campaigns.
    label : str

    Returns
    -------
    Axes
    """
    rows = trials[(trials["target"] == target) & (trials["model"] == model) & (trials["part"] == part)]
    drawn = space(model)
    places = np.column_stack([position(rows[name], one) for name, one in drawn.items()])
    score = rows["r2"].to_numpy(float)
    figure, ax = plt.subplots(figsize=(1.25 * len(drawn) + 3.2, 4.0))
    low, high = np.nanmin(score), np.nanmax(score)
    colours = plt.cm.ScalarMappable(plt.Normalize(low, high if high > low else low + 0.01), "viridis_r")
    # stopped ones lie below, the best on top; argsort puts NaN last, so it is turned into the lowest
    for k in np.argsort(np.where(np.isnan(score), -np.inf, score), kind="stable"):
        stopped, best = np.isnan(score[k]), score[k] == high
        colour = "#b5b0a5" if stopped else colours.to_rgba(score[k])
        ax.plot(places[k], ":" if stopped else "-", color=colour, lw=3.0 if best else 1.3, marker="o", ms=4)
    for k, one in enumerate(drawn.values()):
        _setting_axis(ax, k, one)
    ax.set_xticks(range(len(drawn)), [SETTINGS.get(name, name) for name in drawn])
    ax.tick_params(axis="x", length=0, pad=14)
    ax.set(xlim=(-0.3, len(drawn) - 0.35), ylim=(-0.04, 1.04), yticks=[], title=f"{NAMES[model]}, {SHORT[target]}")
    ax.spines[["left", "bottom"]].set_visible(False)
    bar = figure.colorbar(colours, ax=ax, shrink=0.85, pad=0.02, label="R², campaigns left out (dotted: stopped)")
    bar.locator = MaxNLocator(5)
    bar.update_ticks()
    add_label(figure, label)
    return ax


def _setting_axis(ax, k, drawn):
    """An upright axis at x = k with numbers at its ends and in the middle, as the setting is drawn."""
    ax.axvline(k, color="#333333", lw=0.8, zorder=1)
    low, high = drawn.low, drawn.high
    numbers = [low, np.sqrt(low * high) if drawn.log else (low + high) / 2, high]
    if isinstance(low, int):
        numbers = range(low, high + 1) if high - low < 6 else [round(number) for number in numbers]
    for number in numbers:
        place = position(number, drawn)
        ax.plot([k - 0.03, k + 0.03], [place, place], color="#333333", lw=0.8, zorder=1)
        text = f"{number:.2g}" if number < 100 else f"{number:.0f}"
        box = {"fc": "white", "ec": "none", "alpha": 0.75, "pad": 0.5}
        ax.annotate(text, (k + 0.07, place), fontsize=8, va="center", color="#333333", zorder=5, bbox=box)


def leaky_choice(tried, target, label=""):
    """Score of each trial on random folds against its score on campaigns left out, and the two choices.

    What a choice is worth was found on other folds of campaigns, on which neither was made.

    Parameters
    ----------
    tried : DataFrame
        From `learn.tune.leaky`.
    target : str
    label : str

    Returns
    -------
    array of Axes
    """
    models = list(dict.fromkeys(tried["model"]))
    figure, axes = plt.subplots(1, len(models), figsize=(4.4 * len(models), 4.2), squeeze=False)
    for ax, model in zip(axes[0], models, strict=True):
        rows = tried[tried["model"] == model].reset_index(drop=True)
        ax.plot(rows["r2_leaky"], rows["r2_honest"], "o", color="#6b6558", ms=5, alpha=0.7, label="a trial")
        for score, split, name in (("r2_leaky", "random", "random folds"), ("r2_honest", "campaign", "campaigns")):
            best = rows.loc[rows[score].idxmax()]
            size = 13 if split == "random" else 9  # rings of two sizes, for the choice may be the same
            ax.plot(best["r2_leaky"], best["r2_honest"], "o", ms=size, mfc="none", mew=2.0, color=SPLIT_COLOURS[split],
                    label=f"choice of {name}: worth {best['r2_fresh']:.2f}")  # fmt: skip
        ax.margins(0.12)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(5))
        ax.set(xlabel="R², random folds (leaks)", title=f"{NAMES[model]}, {SHORT[target]}")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize=9)
    axes[0, 0].set_ylabel("R², campaigns left out")
    add_label(figure, label)
    return axes[0]
