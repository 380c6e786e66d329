"""Figures of carbon: laws of the ratio, published maps beside ours, and published values on the map."""

import cartopy.crs as ccrs
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from seaofcarbon import carbon, ocean
from seaofcarbon.plot import fields, style

REGION_COLOURS = {
    "Arctic": "#574b90", "North Atlantic": "#1f6f8b", "South Atlantic": "#59a5c2", "Mediterranean": "#d1495b",
    "Indian": "#edae49", "North Pacific": "#2f6b3f", "South Pacific": "#8cc084", "Southern Ocean": "#8a5a44",
}  # fmt: skip
"""Colour of each basin, as lines."""

LINE_COLOURS = [colour for name, colour in REGION_COLOURS.items() if name != "Mediterranean"]
"""Colours of lines that stand beside ours, which is red."""

FLUX_STEPS = (1.0, 2.0, 5.0)
"""Ticks of a decade of a logarithmic scale of flux."""


def ratio_laws(df, laws, label=""):
    """C:Th against depth, both logarithmic: values, the law of each basin, of all, and the published one.

    Parameters
    ----------
    df : DataFrame
        value (umol dpm-1), depth_m, latitude, longitude.
    laws : dict of str to carbon.PowerLaw
        From `carbon.fit_regional_laws`, by basin.
    label : str
        The twin's label, or nothing.

    Returns
    -------
    Axes
    """
    figure, ax = plt.subplots(figsize=(7.0, 4.8))
    basin, depth = ocean.basin(df["latitude"], df["longitude"]), df["depth_m"].to_numpy(float)
    size = 6 if len(df) > 1000 else 20
    ax.scatter(df["value"], depth, s=size, color="#9aa7b1", alpha=0.5, lw=0, rasterized=True, label="values")
    for name in (carbon.EVERYWHERE, *REGION_COLOURS):
        if name in laws:
            own = depth if name == carbon.EVERYWHERE else depth[basin == name]
            reach = np.geomspace(max(own.min(), 5.0), own.max(), 30)
            look = {"color": "#1b1b1b", "lw": 3.5} if name == carbon.EVERYWHERE else {"color": REGION_COLOURS[name]}
            ax.plot(carbon.power_law(reach, laws[name]), reach, label=name, **look)
    reach = np.geomspace(*carbon.OWENS2015_RANGE_M, 30)
    ax.plot(carbon.ratio_owens2015(reach), reach, color="#1b1b1b", ls="--", label="Owens et al. 2015, published")
    low, high = style.limits(df["value"], 0.2, 99.8)
    ax.set(xscale="log", yscale="log", xlim=(low / 1.2, high * 1.2), xlabel=fields.axis_name("c_th"), ylabel="depth, m")
    ax.set_ylim(1.15 * max(depth.max(), reach.max()), max(depth[depth > 0].min(), 5.0) / 1.15)
    for axis in (ax.xaxis, ax.yaxis):
        _plain_ticks(axis)
    ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    style.add_label(figure, label)
    return ax


def _plain_ticks(axis):
    """1, 2, 5, 10 … on a logarithmic axis, written out."""
    axis.set_major_locator(LogLocator(subs=FLUX_STEPS))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _log_scale(axes, norm):
    """Put the maps that share a bar on one logarithmic scale."""
    coloured = [
        c for ax in axes for c in ax.collections if c.get_array() is not None
    ]  # cells at the rim are a second one
    for cells in coloured:
        cells.set_norm(norm)
    bar = next(cells.colorbar for cells in coloured if cells.colorbar)
    _plain_ticks(bar.ax.xaxis)
    return bar


def flux_maps(maps, bar_label, columns=3, hatch=None, label=""):
    """Maps of a flux on one logarithmic scale.

    Parameters
    ----------
    maps : dict of str to DataArray, dims (lat, lon)
        By title; what is not above 0 is grey.
    bar_label : str
    columns : int
    hatch : dict of str to DataArray of bool, optional
    label : str

    Returns
    -------
    figure, axes
    """
    maps = {title: field.where(field > 0) for title, field in maps.items()}
    figure, axes = fields.panel_maps(maps, bar_label, columns, hatch, label)
    low, high = style.limits(np.concatenate([field.values.ravel() for field in maps.values()]))
    _log_scale(axes, LogNorm(low, high))
    for ax in axes:
        ax.title.set_fontsize(10)
    return figure, axes


def published_on_map(field, df, bar_label, title, label=""):
    """Published values as circles in the colours of the map below them.

    Parameters
    ----------
    field : DataArray, dims (lat, lon)
        Mean of the year.
    df : DataFrame
        lat, lon, published (unit of the map), applicable (0 has a red rim).
    bar_label, title : str
    label : str
        The twin's label, or nothing.

    Returns
    -------
    figure, axes
    """
    figure, axes = fields.one_map(field.where(field > 0), title, bar_label, label=label)
    ends = [style.limits(values, 5.0, 95.0) for values in (field.where(field > 0).values, df["published"].to_numpy())]
    high = max(end[1] for end in ends)
    norm = LogNorm(max(min(end[0] for end in ends), high / 500), high)
    _log_scale(axes, norm)
    for inside, rim, name in ((1, "#1b1b1b", "inside"), (0, "#d1495b", "outside")):
        rows = df[df["applicable"] == inside]
        axes[0].scatter(
            rows["lon"], rows["lat"], c=rows["published"].clip(lower=norm.vmin), s=34, norm=norm,
            cmap=style.COLOUR_MAPS[field.name], edgecolors=rim, linewidths=0.9, transform=ccrs.PlateCarree(), zorder=5,
            label=f"{name} the area of applicability",
        )  # fmt: skip
    axes[0].legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2)
    return figure, axes


def zonal_lines(lines, band, bar_label, label=""):
    """Mean around the globe by latitude: ours as a band, others as lines.

    Parameters
    ----------
    lines : DataArray, dims (product, lat)
        Of others.
    band : tuple of DataArray, dims (lat,)
        Ours, from middle value to mean.
    bar_label : str
    label : str
        The twin's label, or nothing.

    Returns
    -------
    Axes
    """
    figure, ax = plt.subplots(figsize=(8.0, 4.0))
    ax.fill_between(band[0]["lat"], *band, color="#d1495b", alpha=0.3, lw=0, label="this book, middle value to mean")
    ax.plot(band[1]["lat"], band[1], color="#d1495b", lw=2)
    for name, colour in zip(lines["product"].to_numpy(), LINE_COLOURS, strict=False):
        ax.plot(lines["lat"], lines.sel(product=name), color=colour, lw=1.2, label=str(name))
    ax.set(ylabel=bar_label, ylim=(0, None), xlim=(-80, 90), xlabel="latitude")
    ax.set_xticks(range(-60, 90, 30), labels=["60°S", "30°S", "0°", "30°N", "60°N"])
    ax.legend(fontsize=8, ncols=2)
    style.add_label(figure, label)
    return ax
