"""Figures that were read: points over the picture, and a cast printed as a paper would, to see how well that works."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import yaml

from seaofcarbon import files
from seaofcarbon.digitise.figure import pixels
from seaofcarbon.vocabulary import FLAG_QUESTIONABLE

COLOURS = ("#d1495b", "#1f6f8b", "#edae49", "#574b90", "#66a182")

PRINTED = {"th234_total": ("#1f6f8b", "circle", "o"), "u238": ("#d1495b", "square", "s")}
"""What `print_cast` prints: variable -> colour, and the marker by our name and by that of matplotlib."""

LARGEST = 3.5
"""End of the axis of activity in `print_cast`, dpm per litre."""

_PLACE = r"series (?P<series>\d+), point (?P<point>\d+), pixel \((?P<x>[\d.]+), (?P<y>[\d.]+)\)$"


def overlay(image, records, axes=None):
    """Draw the points that were read over their figure.

    Parameters
    ----------
    image : str or Path
    records : DataFrame
        From `digitise.figure.read`.
    axes : Axes, optional

    Returns
    -------
    Axes
        Rings in a colour for each series, with the number of the point; doubtful ones are dashed.
    """
    picture = pixels(Path(image))
    axes = axes or plt.figure(figsize=(9, 9 * picture.shape[0] / picture.shape[1]), layout="none").add_axes(
        [0, 0, 1, 1]
    )
    axes.imshow(picture, alpha=0.55)
    place = records["locator"].str.extract(_PLACE).astype(float)
    for row, doubtful in zip(place.itertuples(), records["flag"] >= FLAG_QUESTIONABLE, strict=True):
        colour = COLOURS[int(row.series - 1) % len(COLOURS)]
        ring = {"facecolor": "none", "edgecolor": colour, "linewidth": 1.5, "linestyle": ":" if doubtful else "-"}
        axes.scatter(row.x, row.y, s=230, **ring)
        axes.annotate(
            f"{row.point:.0f}", (row.x, row.y), xytext=(8, 6), textcoords="offset points", fontsize=8, color=colour
        )
    axes.set_axis_off()
    return axes


def save(image, records, path):
    """Write the overlay as a picture."""
    axes = overlay(image, records)
    with files.atomic(path) as temporary:
        axes.figure.savefig(temporary, dpi=110)
    plt.close(axes.figure)


def print_cast(samples, folder):
    """Print the cast with most samples of 234Th as a paper would, with the sidecar that its reader would write.

    Parameters
    ----------
    samples : DataFrame
        As from `records.to_samples`.
    folder : str or Path

    Returns
    -------
    image, sidecar : Path
        profile.png at 150 dpi, and profile.yml.
    """
    cast = _longest(samples)
    figure = plt.figure(figsize=(5, 5.5), layout="none")
    axes = figure.add_axes([0.16, 0.06, 0.8, 0.84])
    series = []
    for name, (colour, marker, sign) in PRINTED.items():
        if name in cast and cast[name].notna().any():
            axes.plot(cast[name], cast["depth_m"], sign, color=colour, markersize=6)
            n = int(cast[name].notna().sum())
            series.append({"variable": name, "unit": "dpm/L", "colour": colour, "marker": marker, "n_points": n})
    deepest = _deepest(cast)
    axes.set(xlim=(0, LARGEST), ylim=(deepest, 0), ylabel="depth (m)")
    axes.xaxis.tick_top()
    axes.set_xlabel("activity (dpm per litre)")
    axes.xaxis.set_label_position("top")
    image = Path(folder) / "profile.png"
    figure.set_dpi(150)
    figure.canvas.draw()
    height = figure.canvas.get_width_height()[1]
    # matplotlib counts pixels from below and from their edges, pictures from above and from their middles
    (left, low), (right, high) = (axes.transData.transform([(0.0, deepest), (LARGEST, 0.0)]) - 0.5).tolist()
    top, bottom = height - 1 - high, height - 1 - low
    with files.atomic(image) as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)
    first = cast.iloc[0]
    constants = {name: str(first[name]) for name in ("cruise", "station") if pd.notna(first[name])}
    constants |= {name: round(float(first[name]), 4) for name in ("latitude", "longitude")}
    told = {
        "figure": "Figure 1",
        "source": {"citation": "printed by this chapter from its own records"},
        "constants": constants | {"time": first["time"].strftime("%Y-%m-%d")},
        "axes": {
            "x": {"quantity": "value", "pixels": [round(left, 1), round(right, 1)], "values": [0, LARGEST]},
            "y": {"quantity": "depth_m", "pixels": [round(top, 1), round(bottom, 1)], "values": [0, deepest]},
        },
        "series": series,
    }
    sidecar = image.with_suffix(".yml")
    with files.atomic(sidecar) as temporary:
        temporary.write_text(
            yaml.safe_dump(told, sort_keys=False, default_flow_style=None, width=110), encoding="utf-8"
        )
    return image, sidecar


def _longest(samples):
    """Samples of the upper 300 m of the cast that has most 234Th there, by depth."""
    upper = samples[(samples["depth_m"] <= 300) & samples["th234_total"].notna()]
    return upper[upper["cast_id"] == upper["cast_id"].value_counts().sort_index().idxmax()].sort_values("depth_m")


def compare(samples, records):
    """Set the points that were read from `print_cast` beside the nearest that were printed.

    Parameters
    ----------
    samples : DataFrame
        What `print_cast` printed.
    records : DataFrame
        What `digitise.figure.read` found.

    Returns
    -------
    DataFrame
        variable, depth_m and value as printed, depth_read, value_read, sigma, flag, and error_of_range (the larger
        error of both, as part of the range of its axis). `attrs["printed"]` is the number of points that were printed.
    """
    cast = _longest(samples)
    deepest = _deepest(cast)
    long = cast.melt("depth_m", [name for name in PRINTED if name in cast], "variable").dropna()
    names = {"depth_m": "depth_read", "value": "value_read"}
    found = records[["variable", *names, "sigma", "flag"]].rename(columns=names).sort_values("depth_read")
    columns = {"left_on": "depth_read", "right_on": "depth_m", "by": "variable"}
    both = pd.merge_asof(found, long.sort_values("depth_m"), direction="nearest", **columns)
    errors = (
        (both["depth_m"] - both["depth_read"]).abs() / deepest,
        (both["value"] - both["value_read"]).abs() / LARGEST,
    )
    both = both[["variable", "depth_m", "value", "depth_read", "value_read", "sigma", "flag"]]
    both = both.assign(error_of_range=np.maximum(*errors)).sort_values(["variable", "depth_m"], ignore_index=True)
    both.attrs["printed"] = len(long)
    return both


def _deepest(cast):
    """End of the axis of depth."""
    return float(50 * np.ceil(1.05 * cast["depth_m"].max() / 50))
