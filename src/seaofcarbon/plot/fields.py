"""Figures of maps: panels, seasons, blooms, the year at a place, budgets, and maps against what is known."""

import cmocean
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.ticker import MaxNLocator

from seaofcarbon.plot import style
from seaofcarbon.vocabulary import VARIABLES

UNITS = {
    "dpm m-2 d-1": "dpm m$^{-2}$ d$^{-1}$", "mmol m-2 d-1": "mmol m$^{-2}$ d$^{-1}$", "dpm L-1": "dpm L$^{-1}$",
    "umol dpm-1": "µmol dpm$^{-1}$", "mg m-2 d-1": "mg m$^{-2}$ d$^{-1}$", "mg m-3": "mg m$^{-3}$", "1": "",
}  # fmt: skip
"""Units as figures print them."""

NAMES = {
    "th234_flux": "$^{234}$Th flux", "poc_flux": "POC flux", "th234_total": "total $^{234}$Th",
    "c_th": "POC:$^{234}$Th",
}  # fmt: skip
"""Targets as figures print them."""

MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip

RATIO_TICKS = {
    1.5: (("0.67", "0.8", "1", "1.25", "1.5"), (1.25, 1.5)),
    2.0: (("0.5", "0.67", "1", "1.5", "2"), (1.5, 2.0)),
    4.0: (("0.25", "0.5", "1", "2", "4"), (2.0, 4.0)),
}
"""Limits of a logarithmic scale of ratios, and the ticks of each."""

NO_VALUE_COLOUR = "#a9a9a9"
"""Sea without a value."""

KIND_COLOURS = {
    "this book": "#d1495b",
    "truth": "#1b1b1b",
    "same grid": "#1f6f8b",
    "published": "#a8a294",
}
"""Whose number it is, in budgets."""


def axis_name(target):
    """Name and unit of a target as an axis prints them.

    Parameters
    ----------
    target : str
        One of `vocabulary.TARGETS`.

    Returns
    -------
    str

    Examples
    --------
    >>> axis_name("poc_flux")
    'POC flux, mmol m$^{-2}$ d$^{-1}$'
    """
    unit = VARIABLES[target].unit
    return f"{NAMES.get(target, VARIABLES[target].long_name)}, {UNITS.get(unit, unit)}"


# --- Maps --------------------------------------------------------------------------------------------


def panel_maps(fields, bar_label, columns=2, hatch=None, label="", colour_map=None, vmin=None, vmax=None):
    """Several maps that share one colour bar.

    Parameters
    ----------
    fields : dict of str to DataArray, dims (lat, lon)
        By title.
    bar_label : str
        Name and unit on the colour bar.
    columns : int
        Maps in a row.
    hatch : dict of str to DataArray of bool, optional
        Cells to hatch, by title.
    label : str
        The twin's label, or nothing.
    colour_map : Colormap, optional
        By default that of the first field's name.
    vmin, vmax : float, optional
        Colour limits; by default the 2nd and 98th percentile of all panels.

    Returns
    -------
    figure : Figure
    axes : list of GeoAxes
    """
    rows = -(-len(fields) // columns)
    values = np.concatenate([field.values[np.isfinite(field.values)] for field in fields.values()])
    low, high = style.limits(values)
    width = 8.0  # inches, a page of the book
    panel = width / columns
    figure = plt.figure(figsize=(width, rows * (0.5 * panel + 0.35) + 0.8))
    # maps of an unfinished last row stand in its middle
    grid, rest = figure.add_gridspec(rows, 2 * columns), len(fields) % columns
    axes = []
    for position, (title, field) in enumerate(fields.items()):
        row, column = divmod(position, columns)
        left = 2 * column + (columns - rest if rest and row == rows - 1 else 0)
        axes.append(_axes(figure, (grid[row, left : left + 2],)))
        _, mesh = style.ocean_map(
            field, axes[-1], title=title, colour_map=colour_map, bar=False, hatch=(hatch or {}).get(title),
            vmin=low if vmin is None else vmin, vmax=high if vmax is None else vmax,
        )  # fmt: skip
    _bar(mesh, axes, bar_label)
    style.add_label(figure, label)
    return figure, axes


def _axes(figure, position):
    """Axes of a map on which sea without a value is grey, so that it is not taken for a small one."""
    ax = style.ocean_axes(figure, position)
    ax.set_facecolor(NO_VALUE_COLOUR)
    return ax


def _two_above_one():
    figure = plt.figure(figsize=(8.0, 7.3))
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.2))
    figure.get_layout_engine().set(hspace=0.02)
    return figure, [_axes(above, (1, 2, 1)), _axes(above, (1, 2, 2)), _axes(below, (1, 1, 1))]


def _bar(mesh, axes, text):
    """Colour bar below some maps."""
    return axes[0].figure.colorbar(
        mesh,
        ax=axes,
        orientation="horizontal",
        shrink=0.5 if len(axes) > 1 else 0.6,
        aspect=40,
        pad=0.04,
        extend="both",
        label=text,
    )


def one_map(field, title, bar_label, hatch=None, label="", colour_map=None, vmin=None, vmax=None):
    """One large map: `panel_maps` with a single panel.

    Parameters
    ----------
    field : DataArray, dims (lat, lon)
    title : str
    bar_label : str
        Name and unit.
    hatch : DataArray of bool, optional
        Cells outside the area of applicability.
    label : str
        The twin's label, or nothing.
    colour_map, vmin, vmax
        As in `panel_maps`.

    Returns
    -------
    figure, axes
    """
    return panel_maps({title: field}, bar_label, 1, {title: hatch}, label, colour_map, vmin, vmax)


def peak_maps(month, title, label=""):
    """Months of the year on a map, with colours that run in a circle as the year does.

    Parameters
    ----------
    month : DataArray, dims (lat, lon)
        1 to 12; NaN is grey.
    title : str
    label : str
        The twin's label, or nothing.

    Returns
    -------
    figure, axes
    """
    figure = plt.figure(figsize=(8.0, 5.15))
    axes = [_axes(figure, (1, 1, 1))]
    _, mesh = style.ocean_map(
        month, axes[0], title, colour_map=style.COLOUR_MAPS["month"], bar=False, vmin=0.5, vmax=12.5
    )
    bar = figure.colorbar(mesh, ax=axes, orientation="horizontal", shrink=0.6, aspect=40, pad=0.04)
    bar.set_ticks(range(1, 13), labels=[name[:3] for name in MONTH_NAMES])
    style.add_label(figure, label)
    return figure, axes


def season_maps(da, bar_label, label=""):
    """Four maps, one a season of the hemisphere.

    Parameters
    ----------
    da : DataArray, dims (season, lat, lon)
        From `maps.seasonal_mean`.
    bar_label : str
        Name and unit.
    label : str
        The twin's label, or nothing.

    Returns
    -------
    figure, axes
    """
    months = {"winter": "Dec–Feb north, Jun–Aug south", "spring": "Mar–May north, Sep–Nov south",
              "summer": "Jun–Aug north, Dec–Feb south", "autumn": "Sep–Nov north, Mar–May south"}  # fmt: skip
    fields = {f"{name.capitalize()} ({months[name]})": da.sel(season=name) for name in da["season"].values}
    figure, axes = panel_maps(fields, bar_label, 2, None, label)
    for ax in axes:
        ax.title.set_fontsize(9)
    return figure, axes


def difference_maps(predicted, truth, bar_label, label="", hatch=None):
    """Predicted, true and their difference, one below the other pair.

    Parameters
    ----------
    predicted, truth : DataArray, dims (lat, lon)
    bar_label : str
        Name and unit.
    label : str
        The twin's label, or nothing.
    hatch : DataArray of bool, optional
        Cells outside the area of applicability, hatched on the predicted map.

    Returns
    -------
    figure, axes
    """
    figure, axes = _two_above_one()
    low, high = style.limits(np.concatenate([predicted.values.ravel(), truth.values.ravel()]))
    style.ocean_map(predicted, axes[0], "Predicted", bar=False, vmin=low, vmax=high, hatch=hatch)
    _, mesh = style.ocean_map(truth.rename(predicted.name), axes[1], "Truth", bar=False, vmin=low, vmax=high)
    _bar(mesh, axes[:2], bar_label)
    difference = predicted - truth
    span = style.limits(np.abs(difference.values))[1]
    _, mesh = style.ocean_map(difference, axes[2], "Predicted minus truth", colour_map=style.COLOUR_MAPS["difference"],
                              bar=False, vmin=-span, vmax=span)  # fmt: skip
    _bar(mesh, axes[2:], bar_label)
    style.add_label(figure, label)
    return figure, axes


def bloom_maps(split, bar_label, label=""):
    """Mean in bloom and out of bloom with one colour bar, and their ratio on a logarithmic scale.

    Parameters
    ----------
    split : Dataset
        From `maps.bloom_split`.
    bar_label : str
    label : str
        The twin's label, or nothing.

    Returns
    -------
    figure, axes
    """
    figure, axes = _two_above_one()
    low, high = style.limits(np.concatenate([split["bloom"].values.ravel(), split["non_bloom"].values.ravel()]))
    for ax, name, title in zip(axes, ("bloom", "non_bloom"), ("In bloom", "Out of bloom"), strict=False):
        colours = style.COLOUR_MAPS.get(split.attrs.get("target"))
        _, mesh = style.ocean_map(split[name], ax, title, bar=False, vmin=low, vmax=high, colour_map=colours)
    _bar(mesh, axes[:2], bar_label)
    _, mesh = style.ocean_map(split["ratio"], axes[2], "In bloom over out of bloom", bar=False,
                              colour_map=style.COLOUR_MAPS["difference"])  # fmt: skip
    reach = np.nanpercentile(np.exp(np.abs(np.log(split["ratio"].values))), 97)
    span = next((limit for limit in RATIO_TICKS if limit >= reach), max(RATIO_TICKS))
    mesh.set_norm(LogNorm(1 / span, span))
    bar = _bar(mesh, axes[2:], "ratio")
    names, high = RATIO_TICKS[span]
    bar.set_ticks([*(1 / tick for tick in reversed(high)), 1.0, *high], labels=names)
    bar.minorticks_off()
    style.add_label(figure, label)
    return figure, axes


# --- The year at a place -----------------------------------------------------------------------------


def site_years(df, target, columns=2, label=""):
    """Month and depth at each site, with the months hatched where the model extrapolates.

    Parameters
    ----------
    df : DataFrame
        From `maps.site_year`.
    target : str
    columns : int
    label : str

    Returns
    -------
    figure, axes
    """
    sites = list(dict.fromkeys(df["site"]))
    rows = -(-len(sites) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(8.2, 1.9 * rows + 0.5), sharex=True, sharey=True, squeeze=False)
    for ax, site in zip(grid.ravel(), sites, strict=False):
        here = df[df["site"] == site].pivot(index="depth_m", columns="month")
        levels = MaxNLocator(9).tick_values(*style.limits(here[target].to_numpy(), 0, 100))
        # January again after December, so that the year has no seam
        months = here[target].columns.to_numpy()
        at = np.concatenate([[months[0] - 1], months, [months[-1] + 1]])
        mesh = ax.contourf(at, here.index, _cyclic(here[target]), levels=levels, extend="both",
                           cmap=style.COLOUR_MAPS.get(target, cmocean.cm.matter))  # fmt: skip
        _hatch_outside(ax, at, here.index, _cyclic(here["applicable"]))
        ax.set_facecolor(NO_VALUE_COLOUR)
        ax.set_title(site, fontsize=10)
        figure.colorbar(mesh, ax=ax, aspect=14, pad=0.02, ticks=levels[::2])
    _end_grid(grid, len(sites))
    first = grid[0, 0]
    first.set(xlim=(0.5, 12.5), ylim=(df["depth_m"].max(), df["depth_m"].min()))
    first.set_xticks(range(1, 13), labels=[name[0] for name in MONTH_NAMES])
    figure.supylabel("depth, m", fontsize=10)
    figure.suptitle(axis_name(target), fontsize=10, x=0.99, ha="right")
    style.add_label(figure, label)
    return figure, grid


def _end_grid(grid, n):
    """Hide the panels after the first n, and give the last one of each column its months."""
    for ax in grid.ravel()[n:]:
        ax.set_visible(False)
    for ax in grid.ravel()[max(0, n - grid.shape[1]) : n]:
        ax.tick_params(labelbottom=True)


def _cyclic(table):
    return np.concatenate([table.iloc[:, -1:], table, table.iloc[:, :1]], axis=1)


def _hatch_outside(ax, months, depths, applicable):
    if (applicable == 0).any():
        with plt.rc_context({"hatch.linewidth": 0.4, "hatch.color": "#333333"}):
            ax.contourf(
                months, depths, (applicable == 0).astype(float), levels=[0.5, 1.5], colors="none", hatches=["////"]
            )


def site_intervals(df, target, depth_m, label="", columns=2):
    """The year at one depth at each site, with the 90 % interval.

    Parameters
    ----------
    df : DataFrame
        From `maps.site_year`.
    target : str
    depth_m : float
        One of the depths of the table, m.
    label : str
        The twin's label, or nothing.
    columns : int
        Panels side by side.

    Returns
    -------
    figure, axes
    """
    here = df[np.isclose(df["depth_m"], depth_m)]
    sites = list(dict.fromkeys(here["site"]))
    rows = -(-len(sites) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(8.0, 1.5 * rows + 0.7), sharex=True, squeeze=False)
    for ax, site in zip(grid.ravel(), sites, strict=False):
        at = here[here["site"] == site]
        ax.fill_between(at["month"], at[f"{target}_lower"], at[f"{target}_upper"], color="#1f6f8b", alpha=0.2, lw=0)
        ax.plot(at["month"], at[target], color="#1f6f8b")
        outside = at[at["applicable"] == 0]
        ax.plot(outside["month"], outside[target], "o", mfc="white", mec="#d1495b", ms=5)
        ax.set_title(site, fontsize=10)
        ax.set_ylim(min(0.0, at[f"{target}_lower"].min()), None)
    _end_grid(grid, len(sites))
    grid[0, 0].set_xlim(0.7, 12.3)
    grid[0, 0].set_xticks(range(1, 13), labels=[name[0] for name in MONTH_NAMES])
    figure.supylabel(axis_name(target), fontsize=10)
    style.add_label(figure, label)
    return figure, grid


# --- Against what is known ---------------------------------------------------------------------------


def latitude_year(da, bar_label, label=""):
    """Mean around the globe by latitude and month, so that the seasons of both hemispheres are seen.

    Parameters
    ----------
    da : DataArray, dims (month, lat, lon)
    bar_label : str
        Name and unit.
    label : str
        The twin's label, or nothing.

    Returns
    -------
    Axes
    """
    zonal = da.mean("lon").transpose("lat", "month")
    figure, ax = plt.subplots(figsize=(8.0, 3.9))
    low, high = style.limits(zonal.values)
    mesh = ax.pcolormesh(zonal["month"], zonal["lat"], zonal, cmap=style.COLOUR_MAPS.get(da.name, cmocean.cm.matter),
                         vmin=low, vmax=high, rasterized=True)  # fmt: skip
    ax.set_facecolor(NO_VALUE_COLOUR)
    ax.set_xticks(range(1, 13), labels=[name[:3] for name in MONTH_NAMES])
    ax.set_yticks(range(-60, 90, 30), labels=["60°S", "30°S", "0°", "30°N", "60°N"])
    figure.colorbar(mesh, ax=ax, pad=0.015, extend="both", label=bar_label)
    style.add_label(figure, label)
    return ax


def predicted_vs_truth(predicted, truth, target, label=""):
    """Map against map, cell by cell, as a density.

    Parameters
    ----------
    predicted, truth : DataArray, same dims
    target : str
        One of `vocabulary.TARGETS`.
    label : str
        The twin's label, or nothing.

    Returns
    -------
    Axes
    """
    both = np.isfinite(predicted.values) & np.isfinite(truth.values)
    x, y = truth.values[both], predicted.values[both]
    low, high = style.limits(np.concatenate([x, y]), 0.2, 99.8)
    figure, ax = plt.subplots(figsize=(5.2, 4.4))
    mesh = ax.hexbin(
        x, y, gridsize=60, extent=(low, high, low, high), bins="log", mincnt=1, cmap=cmocean.cm.dense, lw=0.1
    )
    ax.plot([low, high], [low, high], color="#d1495b", lw=1)
    ax.set(
        xlim=(low, high),
        ylim=(low, high),
        aspect="equal",
        xlabel=f"true {axis_name(target)}",
        ylabel=f"predicted {axis_name(target)}",
    )
    figure.colorbar(mesh, ax=ax, label="cells", shrink=0.8)
    style.add_label(figure, label)
    return ax


def depth_profiles(lines, target, label=""):
    """Area-weighted mean of a quantity against depth, one line each.

    Parameters
    ----------
    lines : dict of str to DataArray, dim depth
    target : str
        One of `vocabulary.TARGETS`.
    label : str
        The twin's label, or nothing.

    Returns
    -------
    Axes
    """
    figure, ax = plt.subplots(figsize=(4.8, 4.4))
    for name, line in lines.items():
        look = {"color": "#1b1b1b", "ls": "--"} if name == "truth" else {}
        ax.plot(line, line["depth"], marker="o", ms=3, label=name, **look)
    ax.invert_yaxis()
    ax.set(xlabel=axis_name(target), ylabel="depth, m")
    ax.legend()
    style.add_label(figure, label)
    return ax


def latitude_bands(df, bar_label, label=""):
    """Mean flux by latitude band: ours as dots, what others found as bars.

    Parameters
    ----------
    df : DataFrame
        band, source, mean_flux; the source called published is drawn as bars.
    bar_label : str
        Name and unit.
    label : str
        The twin's label, or nothing.

    Returns
    -------
    Axes
    """
    figure, ax = plt.subplots(figsize=(8.0, 3.8))
    bands = list(dict.fromkeys(df["band"]))
    at = {band: k for k, band in enumerate(bands)}
    for source, rows in df.groupby("source", sort=False):
        x = rows["band"].map(at)
        if source.startswith("published"):
            ax.bar(x, rows["mean_flux"], width=0.7, color=KIND_COLOURS["published"], alpha=0.6, label=source, zorder=1)
        else:
            look = {"color": KIND_COLOURS["truth"], "marker": "D"} if source == "truth" else {"marker": "o"}
            ax.plot(x, rows["mean_flux"], ls="-", lw=1, ms=6, label=source, zorder=2, **look)
    ax.set_xticks(range(len(bands)), labels=[_signed(band) for band in bands])
    ax.set(ylabel=bar_label, xlabel="latitude band", ylim=(0, None))
    ax.legend(fontsize=9)
    style.add_label(figure, label)
    return ax


def _signed(band):
    return band.replace("S", "°S").replace("N", "°N").replace("-", "–")


def totals(df, label=""):
    """Global totals side by side: one bar or range each, ordered as given.

    Parameters
    ----------
    df : DataFrame
        name, low, high (Pg C yr-1), kind (this book, truth, same grid, published); and `value`, where a range has one.
    label : str
        The twin's label, or nothing.

    Returns
    -------
    Axes
    """
    figure, ax = plt.subplots(figsize=(8.0, 0.27 * len(df) + 1.2))
    y = np.arange(len(df))[::-1]
    colours = df["kind"].map(KIND_COLOURS)
    ax.hlines(y, 0, df["low"], color="#e8e4da", lw=5, zorder=1)
    ax.hlines(y, df["low"], df["high"], color=colours, lw=5, zorder=2)
    single = df["low"].where(np.isclose(df["low"], df["high"]))
    ax.scatter(df["value"].fillna(single) if "value" in df else single, y, s=42, color=colours, zorder=3)
    for height, low, high in zip(y, df["low"], df["high"], strict=True):
        text = f"{low:.1f}" if np.isclose(low, high) else f"{low:.1f}–{high:.1f}"
        ax.annotate(text, (high, height), xytext=(8, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(y, labels=df["name"])
    ax.set(xlabel="Pg C yr$^{-1}$", xlim=(0, 1.12 * df["high"].max()), ylim=(-0.7, len(df) - 0.3))
    handles = [
        plt.Line2D([], [], marker="o", ls="", color=KIND_COLOURS[kind], label=kind)
        for kind in dict.fromkeys(df["kind"])
    ]
    ax.legend(handles=handles, loc="lower right", fontsize=9)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    style.add_label(figure, label)
    return ax


def _arms(rows, middle, low, high):
    """Lengths of error bars, none longer than a logarithmic axis can show."""
    return [(rows[middle] - rows[low].clip(lower=1e-2)).clip(lower=0), (rows[high] - rows[middle]).clip(lower=0)]


def published_values(df, target, label=""):
    """Published values against the map at their place and month.

    Parameters
    ----------
    df : DataFrame
        published, published_low, published_high, predicted, lower, upper, applicable.
    target : str
        One of `vocabulary.TARGETS`.
    label : str
        The twin's label, or nothing.

    Returns
    -------
    Axes
    """
    figure, ax = plt.subplots(figsize=(5.6, 4.8))
    positive = df[(df["published"] > 0) & (df["predicted"] > 0)]
    for inside, face, name in ((1, "#1f6f8b", "inside the area of applicability"), (0, "white", "outside")):
        rows = positive[positive["applicable"] == inside]
        if len(rows):
            ax.errorbar(
                rows["published"], rows["predicted"],
                xerr=_arms(rows, "published", "published_low", "published_high"),
                yerr=_arms(rows, "predicted", "lower", "upper"),
                fmt="o", ms=5, mfc=face, mec="#1f6f8b", ecolor="#9fb9c4", elinewidth=0.8, label=name,
            )  # fmt: skip
    ends = [min(positive[["published", "predicted"]].min()) / 2, max(positive[["published", "predicted"]].max()) * 2]
    ax.plot(ends, ends, color="#d1495b", lw=1, zorder=0)
    ax.set(
        xscale="log",
        yscale="log",
        xlim=ends,
        ylim=ends,
        xlabel=f"published {axis_name(target)}",
        ylabel=f"map: {axis_name(target)}",
    )
    ax.legend(fontsize=9, loc="upper left")
    style.add_label(figure, label)
    return ax
