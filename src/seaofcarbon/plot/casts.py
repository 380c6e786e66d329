"""Figures of casts and of the fluxes that come from them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

TH_COLOUR, U_COLOUR, DEFICIT_COLOUR, EXCESS_COLOUR = "#1f6f8b", "#1b1b1b", "#8ec3d6", "#edae49"
DOUBT_COLOUR = "#d1495b"
FLUX_UNIT = "dpm m$^{-2}$ d$^{-1}$"
TH234 = "$^{234}$Th"


def cast(samples, profile, equilibrium_m=np.nan, mark_m=100.0, title=""):
    """Draw one cast: activities with the deficit shaded, and the flux that follows from it, against depth.

    Parameters
    ----------
    samples : DataFrame
        One cast: depth_m (m), th234_total, th234_total_sigma, u238 (dpm L-1).
    profile : DataFrame
        Fluxes of the same cast at many depths: depth_m, th234_flux, th234_flux_sigma, and its parts sigma_measurement,
        sigma_common, sigma_integration (dpm m-2 d-1).
    equilibrium_m : float
        Depth where 234Th meets 238U, drawn if known.
    mark_m : float
        Depth at which the flux is read off.
    title : str
        Name of the cast.

    Returns
    -------
    matplotlib Figure
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.0, 5.0), sharey=True)
    known = samples.dropna(subset=["th234_total", "u238"]).sort_values("depth_m")
    deepest = profile["depth_m"].max()
    _activities(left, known, deepest)
    _flux_profile(right, profile, mark_m)
    for axes in (left, right):
        if np.isfinite(equilibrium_m):
            axes.axhline(equilibrium_m, color="0.55", linewidth=0.8, linestyle="--")
    if np.isfinite(equilibrium_m):
        words = {"ha": "left", "va": "top", "fontsize": 8, "color": "0.3", "xycoords": ("axes fraction", "data")}
        left.annotate(f" equilibrium depth {equilibrium_m:.0f} m", (0.0, equilibrium_m), **words)
    left.set_ylim(deepest, 0)
    left.set_ylabel("depth, m")
    left.set_title(title)
    return figure


def _activities(axes, known, deepest):
    """Samples of 234Th and 238U with the lines that the trapezoid rule draws, and the area between them."""
    depth = known["depth_m"].to_numpy()
    fine = np.linspace(0, min(deepest, depth[-1]), 1000)
    th, u = (np.interp(fine, depth, known[name]) for name in ("th234_total", "u238"))
    axes.fill_betweenx(fine, th, u, where=u >= th, color=DEFICIT_COLOUR, alpha=0.6, linewidth=0, label="deficit")
    if (th > u).any():
        axes.fill_betweenx(fine, th, u, where=th > u, color=EXCESS_COLOUR, alpha=0.6, linewidth=0, label="excess")
    axes.plot(th, fine, color=TH_COLOUR, linewidth=1)
    axes.plot(u, fine, color=U_COLOUR, linewidth=1, label="$^{238}$U")
    sigma = known["th234_total_sigma"].fillna(0.0) if "th234_total_sigma" in known else 0.0
    axes.errorbar(known["th234_total"], depth, xerr=sigma, fmt="o", color=TH_COLOUR, markersize=5, label=TH234)
    axes.set_xlabel("activity, dpm L$^{-1}$")
    axes.legend(loc="lower left", fontsize=9)


def _flux_profile(axes, profile, mark_m):
    depth, flux = profile["depth_m"].to_numpy(), profile["th234_flux"].to_numpy()
    known = np.isfinite(profile["th234_flux_sigma"].to_numpy(float))
    inner = np.zeros(len(depth))  # from the inside out: a band is drawn beside the last one, if it adds to it
    parts = {"integration": 0.6, "measurement": 0.38, "common": 0.2}
    for name, alpha in parts.items():
        outer = np.hypot(inner, np.where(known, profile[f"sigma_{name}"].to_numpy(float), 0.0))
        if (outer > inner + 1e-6).any():
            words = {"color": TH_COLOUR, "alpha": alpha, "linewidth": 0}
            axes.fill_betweenx(depth, flux + inner, flux + outer, label=f"and {name}" if inner.any() else name, **words)
            axes.fill_betweenx(depth, flux - outer, flux - inner, **words)
            inner = outer
    axes.plot(flux, depth, color=TH_COLOUR, linewidth=1.8)
    axes.axvline(0, color="0.7", linewidth=0.8, zorder=0)
    found, band = np.interp(mark_m, depth, flux), np.interp(mark_m, depth, inner)
    axes.plot(found, mark_m, "o", color=DOUBT_COLOUR, zorder=5)
    side = -1 if found - band > 0.45 * np.nanmax(flux) else 1  # the words stand beside the band, where there is room
    axes.annotate(f"{found:,.0f} at {mark_m:.0f} m", (found + side * band, mark_m), (8 * side, 0), va="center",
                  textcoords="offset points", ha="right" if side < 0 else "left", color=DOUBT_COLOUR)  # fmt: skip
    axes.set_xlabel(f"{TH234} flux, {FLUX_UNIT}")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best", fontsize=9, title="$\\pm 1\\,\\sigma$", title_fontsize=9)


def by_depth(table, axes=None):
    """Draw the fluxes of all casts against depth: median, middle half and middle 90 %.

    Parameters
    ----------
    table : DataFrame
        Fluxes at fixed depths: depth_m, th234_flux (dpm m-2 d-1), NaN where missing.
    axes : matplotlib Axes, optional
        A new figure by default.

    Returns
    -------
    matplotlib Axes
    """
    axes = axes or plt.subplots(figsize=(6.0, 4.8))[1]
    parts = table.groupby("depth_m")["th234_flux"].quantile([0.05, 0.25, 0.5, 0.75, 0.95]).unstack().dropna()
    for low, high, alpha, name in ((0.05, 0.95, 0.15, "middle 90 %"), (0.25, 0.75, 0.3, "middle half")):
        shade = {"color": TH_COLOUR, "alpha": alpha, "linewidth": 0, "label": name}
        axes.fill_betweenx(parts.index, parts[low], parts[high], **shade)
    axes.plot(parts[0.5], parts.index, "o-", color=TH_COLOUR, markersize=4, label="median")
    axes.axvline(0, color="0.7", linewidth=0.8, zorder=0)
    axes.set_ylim(parts.index.max(), 0)
    axes.set_xlabel(f"{TH234} flux, {FLUX_UNIT}")
    axes.set_ylabel("depth, m")
    axes.legend()
    return axes


def recovered(true, found, true_name="true flux", axes=None):
    """Draw found against true fluxes, and the 1:1 line.

    Parameters
    ----------
    true, found : array_like (n,)
        dpm m-2 d-1.
    true_name : str
        Name on the axis.
    axes : matplotlib Axes, optional
        A new figure by default.

    Returns
    -------
    matplotlib Axes
    """
    axes = axes or plt.subplots(figsize=(5.2, 4.8))[1]
    true, found = np.asarray(true, dtype=float), np.asarray(found, dtype=float)
    good = np.isfinite(true + found)
    low, high = np.percentile(np.concatenate([true[good], found[good]]), [0.2, 99.8])
    density = axes.hexbin(true[good], found[good], gridsize=45, extent=(low, high, low, high), mincnt=1, bins="log",
                          cmap="YlGnBu", linewidths=0.1)  # fmt: skip
    axes.figure.colorbar(density, ax=axes, label="casts", shrink=0.8)
    axes.plot([low, high], [low, high], color="0.2", linewidth=1, linestyle="--")
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.set_xlabel(f"{true_name}, {FLUX_UNIT}")
    axes.set_ylabel(f"flux from the samples, {FLUX_UNIT}")
    return axes


def bias_by_phase(phase_d, ratios, axes=None, width_d=5.0):
    """Draw how far a flux is from the true one, by days since the peak of the bloom: median and middle half.

    Parameters
    ----------
    phase_d : array_like (n,)
        Days since the peak, negative before it.
    ratios : dict of str to array_like (n,)
        Flux over true flux, by name of the curve.
    axes : matplotlib Axes, optional
        A new figure by default.
    width_d : float
        Width of the classes of days.

    Returns
    -------
    matplotlib Axes
    """
    axes = axes or plt.subplots(figsize=(8.0, 4.2))[1]
    phase_d = np.asarray(phase_d, dtype=float)
    low, high = np.round(np.nanpercentile(phase_d, [0.5, 99.5]) / width_d)
    centres = width_d * np.arange(low, high + 1)
    classes = pd.Categorical(np.where(np.isfinite(phase_d), width_d * np.round(phase_d / width_d), np.nan), centres)
    for i, (name, ratio) in enumerate(ratios.items()):
        parts = pd.Series(np.asarray(ratio, dtype=float)).groupby(classes, observed=False).quantile([0.25, 0.5, 0.75])
        parts = parts.unstack()
        colour = f"C{i}"
        axes.fill_between(centres, parts[0.25], parts[0.75], color=colour, alpha=0.18, linewidth=0)
        axes.plot(centres, parts[0.5], "o-", color=colour, label=name)
    axes.axhline(1, color="0.4", linewidth=0.8, linestyle="--")
    axes.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.set(xlabel="days since the peak of the bloom", ylabel="flux / true flux", xlim=(centres[0], centres[-1]))
    axes.legend()
    return axes


def tornado(choices, axes=None):
    """Draw what each choice does to the flux: the middle 90 % of the casts as a bar, their median as a line and number.

    Parameters
    ----------
    choices : DataFrame
        choice, change (dpm m-2 d-1), one row per cast and choice; choices that change nothing are left out.
    axes : matplotlib Axes, optional
        A new figure by default.

    Returns
    -------
    matplotlib Axes
    """
    spread = choices.groupby("choice")["change"].quantile([0.05, 0.5, 0.95]).unstack()
    spread = spread[spread.abs().max(axis=1) > 0]
    spread = spread.loc[spread.abs().max(axis=1).sort_values().index]
    axes = axes or plt.subplots(figsize=(8.0, 0.8 + 0.45 * len(spread)))[1]
    mistake = spread.index.str.startswith("mistake")
    colours = np.where(mistake, DOUBT_COLOUR, TH_COLOUR)
    rows = np.arange(len(spread))
    width = (spread[0.95] - spread[0.05]).clip(lower=1.0)
    axes.barh(rows, width, left=spread[0.05], color=colours, alpha=0.45, height=0.6)
    axes.vlines(spread[0.5], rows - 0.3, rows + 0.3, color=colours, linewidth=2.5)
    axes.axvline(0, color="0.3", linewidth=0.8)
    for row, median, end in zip(rows, spread[0.5], spread[0.95].clip(lower=0.0), strict=True):
        number = f"{median:+,.0f}".replace("-", "\N{MINUS SIGN}")
        axes.annotate(number, (end, row), (5, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(rows, spread.index)
    axes.use_sticky_edges = False
    axes.margins(x=0.09)
    axes.set_xlabel(f"change of the {TH234} flux, {FLUX_UNIT}")
    return axes


def two_visits(true, found, sigma, true_name="true flux"):
    """Draw fluxes by several methods against the same true ones, a panel each, with their standard errors.

    Parameters
    ----------
    true : array_like (n,)
        dpm m-2 d-1.
    found, sigma : dict of str to array_like (n,)
        Fluxes and their standard errors, dpm m-2 d-1, by name of the method.
    true_name : str
        Name on the axes.

    Returns
    -------
    matplotlib Figure
    """
    figure, panels = plt.subplots(1, len(found), figsize=(4.2 * len(found), 4.3), sharex=True, sharey=True)
    true = np.asarray(true, dtype=float)
    low, high = np.nanmin(true), np.nanmax(true)
    for axes, (name, flux) in zip(np.atleast_1d(panels), found.items(), strict=True):
        style = {"fmt": "o", "markersize": 3, "elinewidth": 0.6, "alpha": 0.5, "color": TH_COLOUR}
        axes.errorbar(true, flux, yerr=sigma[name], **style)
        axes.plot([low, high], [low, high], color="0.2", linewidth=1, linestyle="--")
        axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        axes.set_title(name)
        axes.set_xlabel(f"{true_name}, {FLUX_UNIT}")
    np.atleast_1d(panels)[0].set_ylabel(f"flux from the samples, {FLUX_UNIT}")
    return figure
