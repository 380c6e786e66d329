"""Figures of seasons: when blooms begin, by more than one definition."""

import matplotlib.pyplot as plt
import numpy as np

from seaofcarbon.ocean import YEAR_D
from seaofcarbon.plot import fields, style


def _map(figure, position, da, title, **look):
    """One map on which sea without a value is grey."""
    ax = style.ocean_axes(figure, position)
    ax.set_facecolor(fields.NO_VALUE_COLOUR)
    return style.ocean_map(da, ax, title, bar=False, **look)


def onset_maps(onsets, difference, title, label=""):
    """Day of the year on which blooms begin by two definitions, and by how much they differ.

    Parameters
    ----------
    onsets : dict of str to DataArray, dims (lat, lon)
        Day of the year by title, two of them; NaN is grey.
    difference : DataArray, dims (lat, lon)
        Days.
    title : str
        Of the difference.
    label : str
        The twin's label, or nothing.

    Returns
    -------
    figure : Figure
    axes : list of GeoAxes
    """
    figure = plt.figure(figsize=(8.0, 7.3), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.2))
    figure.get_layout_engine().set(hspace=0.02)
    look = {"colour_map": style.COLOUR_MAPS["month"], "vmin": 1.0, "vmax": 1 + YEAR_D}
    pair = [_map(above, (1, 2, k), da, name, **look) for k, (name, da) in enumerate(onsets.items(), 1)]
    bar = _bar(above, pair, shrink=0.7)
    bar.set_ticks(1 + YEAR_D / 12 * np.arange(12), labels=[name[:3] for name in fields.MONTH_NAMES])
    span = max(10.0, 10 * np.ceil(style.limits(np.abs(difference.values), 0, 90)[1] / 10))
    look = {"colour_map": style.COLOUR_MAPS["difference"], "vmin": -span, "vmax": span}
    single = [_map(below, (1, 1, 1), difference, title, **look)]
    _bar(below, single, shrink=0.6, extend="both", label="days")
    style.add_label(figure, label)
    return figure, [ax for ax, _ in pair + single]


def _bar(figure, maps, **look):
    """Colour bar below some maps."""
    axes = [ax for ax, _ in maps]
    return figure.colorbar(maps[0][1], ax=axes, orientation="horizontal", aspect=40, pad=0.04, **look)
