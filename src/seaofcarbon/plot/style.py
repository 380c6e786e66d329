"""What all figures share: fonts, the twin's label, and maps of the ocean with the embedded coast."""

import warnings
from pathlib import Path

import cartopy
import cartopy.crs as ccrs
import cartopy.feature as cfeature
import cmocean
import matplotlib.pyplot as plt
import numpy as np

NATURAL_EARTH = Path(__file__).parents[1] / "data" / "natural_earth"
cartopy.config["pre_existing_data_dir"] = str(NATURAL_EARTH)

LAND_COLOUR, COAST_COLOUR = "#e8dfca", "#6b6558"

COLOUR_MAPS = {
    "th234_flux": cmocean.cm.matter,
    "poc_flux": cmocean.cm.tempo,
    "th234_total": cmocean.cm.ice,
    "c_th": cmocean.cm.amp,
    "chlorophyll": cmocean.cm.algae,
    "npp": cmocean.cm.algae,
    "temperature": cmocean.cm.thermal,
    "difference": cmocean.cm.balance,
    "ratio": cmocean.cm.curl,
    "month": cmocean.cm.phase,
}
"""Perceptually uniform colour map of each quantity."""


def use_style():
    """Set the fonts, sizes and colours of all figures, and make pictures crisp but small."""
    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "figure.figsize": (8.0, 4.5),
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": False,
            "legend.frameon": False,
            "axes.prop_cycle": plt.cycler(color=["#1f6f8b", "#d1495b", "#66a182", "#edae49", "#574b90", "#6b6558"]),
        }
    )
    # A projection warps empty polygons at the poles: harmless, and no reader's concern.
    warnings.filterwarnings("ignore", module=r"(cartopy|shapely)\..*")


def add_label(figure, label):
    """Write `label` (the twin's, or nothing) below the figure, where no crop loses it.

    Parameters
    ----------
    figure : matplotlib Figure
    label : str
        Empty text writes nothing.
    """
    if label:
        figure.supxlabel(label, fontsize=8, color="#a03030", weight="bold", ha="right", x=0.995)


def ocean_axes(figure=None, position=111, central_longitude=-160.0):
    """One Robinson map with land and coast.

    Parameters
    ----------
    figure : matplotlib Figure, optional
        A new one by default.
    position : int, tuple or SubplotSpec
        As `Figure.add_subplot` takes it.
    central_longitude : float
        Meridian in the middle, degrees east; the default keeps the Pacific whole.

    Returns
    -------
    cartopy.mpl.geoaxes.GeoAxes
    """
    figure = figure or plt.figure()
    position = position if isinstance(position, tuple) else (position,)
    axes = figure.add_subplot(*position, projection=ccrs.Robinson(central_longitude=central_longitude))
    axes.set_global()
    axes.add_feature(cfeature.LAND, facecolor=LAND_COLOUR, edgecolor="none", zorder=2)
    axes.coastlines(resolution="110m", color=COAST_COLOUR, linewidth=0.5, zorder=3)
    axes.spines["geo"].set_linewidth(0.5)
    return axes


def limits(values, low=2.0, high=98.0):
    """Colour limits that outliers do not stretch: the percentiles `low` and `high` of the finite values."""
    finite = np.asarray(values)[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    bottom, top = np.percentile(finite, [low, high])
    return (bottom, top) if top > bottom else (bottom, bottom + 1.0)


def ocean_map(da, axes=None, title="", colour_map=None, label="", vmin=None, vmax=None, hatch=None, bar=True):
    """Draw one field of dims (lat, lon) on a Robinson map.

    Parameters
    ----------
    da : xarray.DataArray, shape (lat, lon)
        Cell centres in degrees; NaN is left blank.
    axes : GeoAxes, optional
        From `ocean_axes`; a new figure by default.
    title, label : str
        Title of the map; name and unit on the colour bar.
    colour_map : matplotlib Colormap, optional
        By default that of `da.name` in `COLOUR_MAPS`.
    vmin, vmax : float, optional
        Colour limits, by default the 2nd and 98th percentile.
    hatch : xarray.DataArray of bool, optional
        Cells to hatch: outside the area of applicability.
    bar : bool
        False leaves the colour bar to the caller, who may share one.

    Returns
    -------
    axes : GeoAxes
    mesh : QuadMesh
        For a shared colour bar.
    """
    axes = axes or ocean_axes()
    bottom, top = limits(da.values)
    mesh = axes.pcolormesh(
        _edges(da["lon"].values),
        _edges(da["lat"].values),
        np.ma.masked_invalid(da.values),
        cmap=colour_map or COLOUR_MAPS.get(da.name, cmocean.cm.matter),
        vmin=bottom if vmin is None else vmin,
        vmax=top if vmax is None else vmax,
        transform=ccrs.PlateCarree(),
        zorder=1,
        rasterized=True,
    )
    if hatch is not None and bool(hatch.any()):
        _hatch(axes, hatch)
    if bar:
        axes.figure.colorbar(
            mesh, ax=axes, orientation="horizontal", shrink=0.6, pad=0.03, aspect=40, extend="both", label=label
        )
    axes.set_title(title)
    return axes, mesh


def _edges(centres):
    """Edges of cells from their centres, n + 1 of n."""
    step = centres[1] - centres[0]
    return np.append(centres - step / 2, centres[-1] + step / 2)


def _hatch(axes, where):
    """Hatch the cells that are True, without a fill."""
    with plt.rc_context({"hatch.linewidth": 0.4, "hatch.color": "#555555"}):
        axes.contourf(
            where["lon"],
            where["lat"],
            where.astype(float),
            levels=[0.5, 1.5],
            colors="none",
            hatches=["////"],
            transform=ccrs.PlateCarree(),
            zorder=1.5,
        )
