"""The quality report of a source: a page for the author of the data, and the table behind it."""

import re
import textwrap
from itertools import count
from pathlib import Path

import cartopy.crs as ccrs
import cartopy.feature as cfeature
import matplotlib.pyplot as plt
import numpy as np

from seaofcarbon import files
from seaofcarbon.digitise.duplicates import TRACERS
from seaofcarbon.digitise.report import report
from seaofcarbon.files import UserError
from seaofcarbon.plot.records import bars
from seaofcarbon.plot.style import COAST_COLOUR, LAND_COLOUR, limits
from seaofcarbon.vocabulary import FLAG_BAD, FLAG_QUESTIONABLE, VARIABLES

# --- One page for the author of a source -----------------------------------------------------------------

GOOD_COLOUR, DOUBT_COLOUR = "#1f6f8b", "#d1495b"

REASON_COLOURS = {
    "record flagged": DOUBT_COLOUR,
    "duplicate": "#574b90",
    "set aside": "#6b6558",
    "noted": "#c9d6df",
    "deep equilibrium": "#edae49",
}

WRAP = 45
"""Characters of a reason in a line, of two: longer lines would leave no room for its bar."""

MAX_REASONS = 12
"""More bars than these cannot be read on a page; the table of the report has all."""


def page(records, rejects, source_id):
    """Draw one page on a source, for its author: where, how deep, how many, and what was doubted.

    Parameters
    ----------
    records : DataFrame
        Checked records, of this source and others.
    rejects : DataFrame
        file, row, column, value, reason.
    source_id : str

    Returns
    -------
    Figure
        A map of the stations with the doubtful ones marked, a profile of the tracer with most values (of another
        variable, if there is none), the reasons as bars, and the numbers in words.

    Raises
    ------
    UserError
        When there are no records of this source.
    """
    table = report(records, rejects)
    table = table[table["source_id"] == source_id]
    records = records[records["source_id"] == source_id].reset_index(drop=True)
    if records.empty:
        raise UserError(f"no records of source {source_id!r}: use one of those in the column source_id")
    figure = plt.figure(figsize=(8.3, 10.0), layout="constrained")
    figure.get_layout_engine().set(rect=(0.02, 0.01, 0.96, 0.98))
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=[0.6, 3, 2.6])  # each with margins of its own
    _told(top.add_subplot(), records, table)
    places, depths = middle.subfigures(1, 2, width_ratios=[1.4, 1])
    _doubtful_map(places, records)
    _doubtful_profile(depths.add_subplot(), records)
    axes = bottom.add_subplot()
    reasons = table[table["kind"] != "deep equilibrium"]
    short = [textwrap.fill(what, WRAP, max_lines=2, placeholder=" …") for what in reasons["what"]]
    counts = reasons.assign(what=short).groupby(["what", "kind"])["n"].sum().unstack(fill_value=0)
    counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    hidden = len(counts) - MAX_REASONS
    bars(counts.head(MAX_REASONS), REASON_COLOURS, "values or cells", axes)
    axes.tick_params(axis="y", labelsize=8)
    if len(counts):
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=len(counts.columns), fontsize=8)
    more = f" (the {MAX_REASONS} most frequent of {len(counts)})" if hidden > 0 else ""
    axes.set_title("Why" + more if len(counts) else "Nothing was doubted, set aside or noted")
    return figure


def _told(axes, records, table):
    """Write the numbers of a source above its pictures."""
    set_aside = int(table["n"][table["kind"] == "set aside"].sum())
    flagged, copies = records["flag"] >= FLAG_QUESTIONABLE, records["duplicate_of"].notna()
    year = records["time"][records["flag"] < FLAG_BAD].dt.year.dropna().astype(int)
    years = " to ".join(dict.fromkeys([str(year.min()), str(year.max())])) if len(year) else "unknown"
    n = len(records)
    lines = [
        f"{n:,} values; positions: {len(records[['latitude', 'longitude']].drop_duplicates()):,}, "
        f"variables: {records['variable'].nunique()}, years: {years}",
        f"{flagged.sum():,} flagged questionable, bad or missing ({flagged.mean():.1%}), of these {copies.sum():,} "
        f"duplicates; {set_aside:,} cells set aside",
        f"{records['sigma'].isna().sum():,} values without uncertainty, {records['time'].isna().sum():,} without time, "
        f"{records['station'].isna().sum():,} without station",
        *(f"{row.example}: {row.what}" for row in table.itertuples() if row.kind == "deep equilibrium"),
    ]
    doi = records["source_doi"].dropna()
    title = records["source_id"].iloc[0] + (f", doi:{doi.iloc[0]}" if len(doi) else "")
    axes.set_axis_off()
    axes.text(0, 1, title, fontsize=13, weight="bold", va="top", transform=axes.transAxes)
    axes.text(0, 0.62, "\n".join(lines[:3] + lines[3:][:2]), fontsize=9, va="top", transform=axes.transAxes)


def _doubtful_map(figure, records):
    """Draw the stations of a source around their middle, those with doubtful records in red."""
    doubtful = records["flag"] >= FLAG_QUESTIONABLE
    spots = records.assign(doubtful=doubtful)[["longitude", "latitude", "doubtful"]]
    spots = spots[spots["latitude"].between(-90, 90) & spots["longitude"].between(-180, 360)]
    spots = spots.groupby(["longitude", "latitude"], as_index=False)["doubtful"].any().sort_values("doubtful")
    middle, reach = _around(spots)
    near = reach < 60.0
    projection = ccrs.LambertAzimuthalEqualArea(*middle) if near else ccrs.Robinson(middle[0])
    axes = figure.add_subplot(projection=projection)
    axes.set_global()
    if near:
        half = 2 * 6.371e6 * np.sin(np.radians(reach) / 2)
        axes.set(xlim=(-half, half), ylim=(-half, half))
    land = cfeature.LAND.with_scale("110m")  # the embedded one: a closer one would be fetched
    axes.add_feature(land, facecolor=LAND_COLOUR, edgecolor=COAST_COLOUR, linewidth=0.5)
    lines = axes.gridlines(
        draw_labels=["bottom", "left"] if near else False, linewidth=0.3, color=COAST_COLOUR, alpha=0.5
    )
    lines.xlabel_style = lines.ylabel_style = {"size": 7}
    for bad, colour, name in (
        (False, GOOD_COLOUR, "good or not evaluated"),
        (True, DOUBT_COLOUR, "with doubtful values"),
    ):
        some = spots[spots["doubtful"] == bad]
        if len(some):
            axes.scatter(some["longitude"], some["latitude"], s=12, color=colour, linewidth=0, zorder=4,
                         transform=ccrs.PlateCarree(), label=f"{name} ({len(some):,})")  # fmt: skip
    axes.set_title("Stations")
    if len(spots):
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), fontsize=8)


def _around(spots):
    """Middle (longitude, latitude) of places on the globe, and the reach of a map that shows all, in degrees."""
    if spots.empty:
        return (0.0, 0.0), 180.0
    lon, lat = np.radians(spots["longitude"]), np.radians(spots["latitude"])
    points = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    mean = points.mean(axis=1)
    mean /= max(np.linalg.norm(mean), 1e-9)
    far = np.degrees(np.arccos(np.clip(mean @ points, -1, 1).min()))
    middle = np.degrees(np.arctan2(mean[1], mean[0])), np.degrees(np.arcsin(mean[2]))
    return middle, 1.15 * far + 8.0


def _doubtful_profile(axes, records):
    """Draw the tracer with most values against depth; what lies far outside stands at the edge, as a triangle."""
    counts = records["variable"].value_counts()
    tracers = counts[counts.index.isin(TRACERS)]
    name = (tracers if len(tracers) else counts).index[0]
    some = records[records["variable"] == name]
    doubtful = (some["flag"] >= FLAG_QUESTIONABLE).to_numpy()
    trusted = some["value"][~doubtful] if (~doubtful).any() else some["value"]
    low, high = limits(trusted, 0.5, 99.5)
    low, high = low - 0.2 * (high - low), high + 0.2 * (high - low)
    deepest = 1.03 * max(some["depth_m"][~doubtful].max() if (~doubtful).any() else some["depth_m"].max(), 10.0)
    value, depth = some["value"].to_numpy(), some["depth_m"].to_numpy()
    outside = (value < low) | (value > high) | (depth < 0) | (depth > deepest)
    value, depth = np.clip(value, low, high), np.clip(depth, 0, deepest)
    for bad, colour in ((False, GOOD_COLOUR), (True, DOUBT_COLOUR)):
        for beyond, marker in ((False, "o"), (True, ">")):
            here = (doubtful == bad) & (outside == beyond)
            axes.scatter(value[here], depth[here], s=18 if beyond else 9, color=colour, marker=marker, linewidth=0,
                         alpha=0.7, clip_on=not beyond)  # fmt: skip
    axes.set(xlim=(low, high), ylim=(deepest, -0.03 * deepest), ylabel="depth (m)")
    axes.set_xlabel(f"{VARIABLES[name].long_name}\n({VARIABLES[name].unit})", fontsize=9)
    axes.set_title(f"{len(some):,} values" + (f", {outside.sum():,} beyond the axes" if outside.any() else ""))


def write(found, folder):
    """Write the report of each source into a folder, as SOURCE-quality.csv and SOURCE-quality.png.

    Parameters
    ----------
    found : Digitised
    folder : str or Path
        Made if it is not there.

    Yields
    ------
    Path
        Each file, when it is written.
    """
    table = report(found)
    used = set()
    for source_id in found.records["source_id"].dropna().unique():
        stem = re.sub(r"[^A-Za-z0-9.-]+", "_", source_id).strip("._")[:80] or "source"
        stem = next(name for n in count(1) if (name := stem + f"-{n}" * (n > 1)).lower() not in used)
        used.add(stem.lower())
        path = Path(folder) / f"{stem}-quality.csv"
        files.write_csv(table[table["source_id"] == source_id], path)
        yield path
        own = found.records[found.records["source_id"] == source_id]
        figure = page(own, found.rejects, source_id)
        with files.atomic(path.with_suffix(".png")) as temporary:
            figure.savefig(temporary, dpi=110)
        plt.close(figure)
        yield path.with_suffix(".png")
