"""Figures of learning: held-out values, scores of the splits, tuning, coverage, importance, partial dependence."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator, PercentFormatter

from seaofcarbon.learn.features import ASINH_SCALE_DPM, LOGARITHMIC
from seaofcarbon.learn.models import MEMBERS
from seaofcarbon.plot.style import add_label
from seaofcarbon.vocabulary import VARIABLES

NAMES = {"mean": "mean of both", "rf": "Random Forest", "xgb": "XGBoost"}
SPLIT_COLOURS = {"random": "#d1495b", "campaign": "#1f6f8b", "block": "#66a182"}
SPLIT_NAMES = {
    "random": "random rows (leaks)", "campaign": "leave campaigns out", "block": "leave 20° blocks out",
}  # fmt: skip
SHORT = {
    "th234_flux": "$^{234}$Th flux", "poc_flux": "POC flux", "th234_total": "total $^{234}$Th", "c_th": "C:$^{234}$Th",
}  # fmt: skip
UNITS = {
    "dpm m-2 d-1": "dpm m$^{-2}$ d$^{-1}$", "mmol m-2 d-1": "mmol m$^{-2}$ d$^{-1}$", "dpm L-1": "dpm L$^{-1}$",
    "umol dpm-1": "µmol dpm$^{-1}$", "mg m-2 d-1": "mg m$^{-2}$ d$^{-1}$", "mg m-3": "mg m$^{-3}$",
    "degree_Celsius": "°C",
}  # fmt: skip


def _axis_name(target):
    unit = VARIABLES[target].unit
    return f"{SHORT[target]}, {UNITS.get(unit, unit)}"


def _plain_log(axis):
    """Few and plain numbers on a logarithmic axis of a decade or two."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def _model_scale(axes, target):
    """Both axes on the scale on which the target is modelled, with plain numbers."""
    for axis, set_scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
        if target in LOGARITHMIC:
            set_scale("log")
            _plain_log(axis)
        elif target == "th234_flux":
            set_scale("asinh", linear_width=ASINH_SCALE_DPM)
            axis.set_major_locator(FixedLocator([-2000, -1000, -500, 0, 500, 1000, 2000, 4000]))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_locator(NullLocator())


def observed_predicted(validation, target, model="mean", splits=("random", "campaign"), label=""):
    """Held-out values against their predictions, one panel per split, coloured by how many lie there.

    Parameters
    ----------
    validation : DataFrame
        From `learn.validate.cross_validate`.
    target, model : str
    splits : sequence of str
    label : str
        The twin's label, or nothing.

    Returns
    -------
    array of Axes
    """
    from seaofcarbon.learn.validate import scores

    rows = validation[(validation["target"] == target) & (validation["model"] == model)]
    size = (4.2 * len(splits), 4.2)
    figure, axes = plt.subplots(1, len(splits), figsize=size, sharex=True, sharey=True, squeeze=False)
    ends = np.nanpercentile(rows[["value", "prediction"]].to_numpy(float), [0.2, 99.8])
    for ax, split in zip(axes[0], splits, strict=True):
        part = rows[rows["split"] == split]
        _model_scale(ax, target)
        ax.plot(part["prediction"], part["value"], ".", ms=3.5, alpha=min(1.0, 30 / np.sqrt(len(part)) / 2),
                color=SPLIT_COLOURS[split], mew=0, rasterized=True)  # fmt: skip
        ax.plot(ends, ends, color="#333333", lw=0.8)
        score = scores(part, draws=2).iloc[0]
        ax.set(xlim=ends, ylim=ends, title=f"{SPLIT_NAMES[split]}: R² = {score['r2']:.2f}")
        ax.set_xlabel(f"predicted {_axis_name(target)}")
    axes[0, 0].set_ylabel(f"observed {_axis_name(target)}")
    add_label(figure, label)
    return axes[0]


def r2_by_split(scores, target, label=""):
    """Bars of R2 of each model in each split, with the 95 % interval of a bootstrap over campaigns.

    Parameters
    ----------
    scores : DataFrame
        From `learn.validate.scores`.
    target : str
    label : str

    Returns
    -------
    Axes
    """
    rows = scores[scores["target"] == target]
    models = list(dict.fromkeys(rows["model"]))
    splits = [split for split in SPLIT_NAMES if split in set(rows["split"])]
    figure, ax = plt.subplots(figsize=(8, 0.55 * len(models) + 1.6))
    height, left = 0.8 / len(splits), max(-0.6, rows["r2_low"].min() - 0.02)
    for k, split in enumerate(splits):
        part = rows[rows["split"] == split].set_index("model").reindex(models)
        y = np.arange(len(models)) + (k - (len(splits) - 1) / 2) * height
        error = np.maximum([part["r2"] - part["r2_low"], part["r2_high"] - part["r2"]], 0)
        ax.barh(y, part["r2"], height, color=SPLIT_COLOURS[split], label=SPLIT_NAMES[split], xerr=error,
                error_kw={"lw": 0.8, "ecolor": "#444444"})  # fmt: skip
        for place, score in zip(y, part["r2"], strict=True):
            if score < left:  # a bar that goes on beyond the edge says how far
                ax.text(left + 0.01, place, f"← {score:.2f}", va="center", fontsize=7.5, color="white", zorder=5)
    ax.axvline(0, color="#333333", lw=0.8)
    ax.set_xlim(left, 1.0)
    ax.set_yticks(range(len(models)), [NAMES.get(model, model) for model in models])
    ax.invert_yaxis()
    ax.set_xlabel(f"R² of {SHORT[target]} (0: no better than the mean of all values)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=len(splits))
    add_label(figure, label)
    return ax


def tuning_history(trials, target, label=""):
    """Score of each trial of the studies of all campaigns, and the best so far.

    Parameters
    ----------
    trials : DataFrame
        From `learn.tune.tune`.
    target : str
    label : str

    Returns
    -------
    Axes
    """
    rows = trials[(trials["target"] == target) & (trials["part"] == "all")]
    figure, ax = plt.subplots(figsize=(7, 3.4))
    low = rows["r2"].min()
    for k, model in enumerate(("rf", "xgb")):
        part, colour = rows[rows["model"] == model].sort_values("trial"), f"C{k}"
        ax.plot(part["trial"] + 1, part["r2"], "o", color=colour, label=NAMES[model])
        ax.plot(part["trial"] + 1, part["r2"].cummax().ffill(), "-", drawstyle="steps-post", color=colour, lw=1)
        cut = part["state"] == "pruned"
        ax.plot(part["trial"][cut] + 1, np.full(cut.sum(), low - 0.02 * (1 + k)), "x", color=colour, ms=5)
    ax.set(xlabel="trial (cross: stopped early)", ylabel="R², campaigns left out", title=SHORT[target])
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    add_label(figure, label)
    return ax


def coverage_bars(scores, by, level=0.9, label=""):
    """Share of held-out values inside their 90 % interval, by a group such as the basin.

    Parameters
    ----------
    scores : DataFrame
        From `learn.validate.scores` with `by`; one row per group.
    by : str
        Column of the group.
    level : float
        What was promised.
    label : str

    Returns
    -------
    Axes
    """
    rows = scores.sort_values("coverage")
    figure, ax = plt.subplots(figsize=(7, 0.35 * len(rows) + 1.2))
    ax.barh(np.arange(len(rows)), rows["coverage"], color="#1f6f8b", height=0.7)
    ax.axvline(level, color="#d1495b", lw=1.2)
    ax.set_yticks(range(len(rows)), [f"{g}  ({n:,})" for g, n in zip(rows[by], rows["values"], strict=True)])
    ax.set(xlim=(0, 1), xlabel="share of held-out values inside their 90 % interval (red: promised)")
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    add_label(figure, label)
    return ax


def importance_bars(importances, label=""):
    """Bars of importance by feature, one panel per way of asking.

    Parameters
    ----------
    importances : dict of DataFrame
        Title -> feature, importance and, if known, importance_low, importance_high.
    label : str

    Returns
    -------
    array of Axes
    """
    figure, axes = plt.subplots(1, len(importances), figsize=(4.0 * len(importances), 3.4), squeeze=False)
    for ax, (title, rows) in zip(axes[0], importances.items(), strict=True):
        rows = rows.sort_values("importance")
        error = None
        if "importance_low" in rows:
            middle = rows["importance"]
            error = np.array([middle - rows["importance_low"], rows["importance_high"] - middle])
        ax.barh(rows["feature"], rows["importance"], xerr=error, color="#1f6f8b",
                error_kw={"lw": 0.8, "ecolor": "#444444"})  # fmt: skip
        ax.axvline(0, color="#333333", lw=0.8)
        ax.set_title(title)
    add_label(figure, label)
    return axes[0]


def dependence(curves, target, label=""):
    """Partial dependence of each covariate, with the density of the data that it rests on below.

    Parameters
    ----------
    curves : list of DataFrame
        From `learn.explain.partial_dependence`.
    target : str
    label : str

    Returns
    -------
    array of Axes
    """
    figure, axes = plt.subplots(1, len(curves), figsize=(3.1 * len(curves), 3.3), sharey=True, squeeze=False)
    for ax, curve in zip(axes[0], curves, strict=True):
        name = curve["feature"].iloc[0]
        ax.fill_between(curve["value"], curve["low"], curve["high"], color="#1f6f8b", alpha=0.2, lw=0)
        ax.plot(curve["value"], curve["prediction"], color="#1f6f8b")
        if name in ("npp", "chlorophyll"):
            ax.set_xscale("log")
            _plain_log(ax.xaxis)
        if target in LOGARITHMIC:
            ax.set_yscale("log")
            _plain_log(ax.yaxis)
        below = ax.twinx()
        below.fill_between(curve["value"], curve["density"], color="#6b6558", alpha=0.35, step="mid", lw=0)
        below.set_ylim(0, 5 * curve["density"].max())
        below.set_yticks([])
        below.spines["right"].set_visible(False)
        ax.set_xlabel(_feature_name(name))
    axes[0, 0].set_ylabel(f"mean predicted {_axis_name(target)}")
    add_label(figure, label)
    return axes[0]


def _feature_name(name):
    if name == "latitude":
        return "latitude, °N"
    unit = "m" if name == "depth_m" else VARIABLES[name].unit
    words = {"npp": "NPP", "sst": "surface temperature", "depth_m": "depth"}.get(name, name.replace("_", " "))
    return f"{words}, {UNITS.get(unit, unit)}"


def campaigns_map(table, label=""):
    """Where the values of a target lie, one colour per campaign, neighbours in unlike colours.

    Parameters
    ----------
    table : DataFrame
        latitude, longitude, campaign.
    label : str

    Returns
    -------
    GeoAxes
    """
    import cartopy.crs as ccrs

    from seaofcarbon.plot.style import ocean_axes

    axes = ocean_axes()
    casts = table.drop_duplicates("cast_id")
    axes.scatter(casts["longitude"], casts["latitude"], c=casts["campaign"] * 7 % 20, cmap="tab20", s=7, lw=0,
                 transform=ccrs.PlateCarree(), zorder=4)  # fmt: skip
    add_label(axes.figure, label)
    return axes


def score_table(scores, target):
    """The table model x split that counts: R2, its interval, RMSE, coverage, in words and two decimals.

    Parameters
    ----------
    scores : DataFrame
        From `learn.validate.scores`.
    target : str

    Returns
    -------
    DataFrame
        One row per model, two columns per split (R2 and RMSE), and the coverage where campaigns are left out.
    """
    rows = scores[scores["target"] == target]
    order = list(dict.fromkeys(rows["model"]))
    out = {}
    for split in (s for s in ("random", "campaign", "block") if s in set(rows["split"])):
        part = rows[rows["split"] == split].set_index("model").reindex(order)
        out[f"R², {split}"] = part["r2"].map("{:.2f}".format) + part.apply(
            lambda r: f" ({r['r2_low']:.2f} to {r['r2_high']:.2f})", axis=1
        )
        out[f"RMSE, {split}"] = part["rmse"].map("{:.2f}".format)
        if split == "campaign":
            out["coverage"] = [f"{c:.2f}" if m in MEMBERS else "" for m, c in part["coverage"].items()]
    return pd.DataFrame(out).rename(index=NAMES).rename_axis("model").replace("nan (nan to nan)", "").replace("nan", "")


def sampled_sea(table, covariates, names=("sst", "npp", "chlorophyll"), label=""):
    """What the data have seen of the sea: distribution of covariates at the values, and over all sea and months.

    Parameters
    ----------
    table : DataFrame
        One column for each of `names`.
    covariates : Dataset
        `ocean.covariates`.
    names : sequence of str
    label : str

    Returns
    -------
    array of Axes
    """
    figure, axes = plt.subplots(1, len(names), figsize=(3.4 * len(names), 3.0), squeeze=False)
    for ax, name in zip(axes[0], names, strict=True):
        field = covariates[name]
        area = np.cos(np.deg2rad(field["lat"])).broadcast_like(field).to_numpy().ravel()
        sea = field.to_numpy().ravel()
        known = np.isfinite(sea)
        low, high = np.percentile(sea[known], [1, 99.5])
        logarithmic = name in ("npp", "chlorophyll")
        edges = np.geomspace(max(low, high / 1000), high, 25) if logarithmic else np.linspace(low, high, 25)
        whole = np.histogram(sea[known], edges, weights=area[known])[0]
        seen = np.histogram(table[name], edges)[0]
        ax.stairs(whole / whole.sum(), edges, fill=True, alpha=0.5, color="#6b6558", label="all sea, all months")
        ax.stairs(seen / seen.sum(), edges, color="#1f6f8b", lw=1.6, label="where values are")
        if logarithmic:
            ax.set_xscale("log")
            ax.xaxis.set_major_formatter("{x:g}")
        ax.set(xlabel=_feature_name(name), yticks=[])
    axes[0, 0].set_ylabel("share")
    axes[0, 0].legend(loc="upper left", fontsize=8)
    add_label(figure, label)
    return axes[0]
