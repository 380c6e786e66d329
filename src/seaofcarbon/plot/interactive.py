"""One page with a map that answers: months, depths, intervals, the year of any place; a file that needs no network."""

import base64
import html
import json
import re
import zlib
from pathlib import Path

import cartopy.io.shapereader as shapereader
import numpy as np

from seaofcarbon import maps
from seaofcarbon.files import UserError, atomic
from seaofcarbon.plot import fields, style
from seaofcarbon.vocabulary import SITES, VARIABLES

PARTS = Path(__file__).parents[1] / "data" / "interactive"

STEP = 0.01
"""Width of a class of numbers on the asinh scale: large numbers are kept to half of it, 0.5 %."""

LINEAR_SHARE = 0.02
"""Share of the largest numbers below which the asinh scale is linear, and the precision no longer relative."""

END_ERROR = 0.015
"""Error of an end of the interval that is let be, as a share of the end or of the value, whichever is larger."""

WEST = 20.0
"""Left edge of a map of the world, degrees east: it keeps the Pacific whole, as the maps of the book do."""

REDUCTIONS = ((1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 8))
"""What is tried until the page is small enough: cells put together (per side), and every how many-th depth is kept."""

COAST_TOLERANCE = 0.1
"""Degrees by which the drawn coast may differ from the embedded one."""

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def map_page(ds, target, path, title="", label="", max_bytes=15_000_000, depth_m=100.0):
    """Write a map of every month and depth, with its interval, as one HTML file that needs no network.

    Parameters
    ----------
    ds : Dataset, dims (month, depth, lat, lon)
        As `maps.predict_grid` gives it: `<target>`, `<target>_lower`, `<target>_upper` and `applicable`.
    target : str
        Quantity that is shown.
    path : str or Path
        File to write.
    title : str
        Heading; by default the name of the quantity. It is text, never HTML.
    label : str
        The twin's label, or nothing.
    max_bytes : int
        Largest size of the file. A larger map is shown with coarser cells, then with fewer depths; the page says so.
    depth_m : float
        Depth that is shown first (m), kept when depths are left out.

    Returns
    -------
    int
        Size of the file in bytes.

    Raises
    ------
    UserError
        When the map has no interval or no value of the target, or cannot be made small enough.
    """
    maps.check_interval(ds, target)
    depths = [maps.depth_name(ds, z) for z in ds["depth"].to_numpy().tolist()]
    names = {"value": target, "lower": f"{target}_lower", "upper": f"{target}_upper", "applicable": "applicable"}
    ds = ds[list(names.values())].rename({name: role for role, name in names.items()} if target != "value" else {})
    ds = ds.transpose("month", "depth", "lat", "lon").sortby(["lat", "lon"])
    if not bool(ds["value"].notnull().any()):
        raise UserError(f"the map has no value of {target}: nothing can be shown")
    first = int(np.abs(ds["depth"].to_numpy() - depth_m).argmin())
    start = next(iter(SITES.values()))
    words = {
        "name": fields.NAMES.get(target, VARIABLES[target].long_name).replace("$^{234}$", "²³⁴"),
        "unit": unit_text(VARIABLES[target].unit),
        "label": label,
        "colours": "".join(f"{r:02x}{g:02x}{b:02x}" for r, g, b in _colours(target)),
        "start": [start.latitude, start.longitude],
    }
    for cells, every in REDUCTIONS:
        kept = range(first % every, ds.sizes["depth"], every)
        reduced = coarsen(ds.isel(depth=list(kept)), cells)
        facts = {
            "size": f"{_degrees(reduced)}° cells, {_count(len(kept), 'depth')}, {_count(ds.sizes['month'], 'month')}",
            "reduced": _reduction(ds, cells, len(kept), max_bytes),
            "end_error": f"{100 * (END_ERROR + STEP / 2):.0f} %",
            "near_zero": f"{style_number(_scale(ds) * STEP / 2)} {words['unit']}",
        }
        text = _page(
            reduced,
            words | {"depths": [depths[k] for k in kept], "depth": kept.index(first)},
            facts,
            title or VARIABLES[target].long_name.replace("234Th", "²³⁴Th"),
        )
        if len(text) <= max_bytes:
            with atomic(path) as temporary:
                temporary.write_bytes(text)
            return len(text)
    raise UserError(f"the page cannot be made smaller than {len(text):,} bytes: max_bytes={max_bytes:,} is too small")


# --- Numbers -----------------------------------------------------------------------------------------


def quantise(values, scale):
    """Classes of numbers on the asinh scale, see `STEP`; missing numbers take the class of the one before.

    Examples
    --------
    >>> quantise([0.0, 1.0, float("nan"), -50.0], scale=1.0).tolist()
    [0, 88, 88, -461]
    """
    values = np.asarray(values, dtype=float)
    known = np.isfinite(values).ravel()
    last = np.maximum.accumulate(np.where(known, np.arange(known.size), 0))  # equal neighbours cost nothing
    filled = np.nan_to_num(values.ravel()[last])
    return np.rint(np.arcsinh(filled / scale) / STEP).astype(int).reshape(values.shape)


def restore(codes, scale):
    """Numbers of classes: within sqrt(x^2 + scale^2) STEP / 2 of what `quantise` was given."""
    return scale * np.sinh(np.asarray(codes) * STEP)


def pack(layer, sea, scale):
    """Pack one depth: a byte of state for each month and sea cell, then numbers in 16 bits, low bytes before high ones.

    At one depth an interval is as wide as its value says, or nearly: a table tells it for each class of values, and
    what is kept of a cell is how far it is off (nothing, within `END_ERROR`). Of the values the step from one sea cell
    to the next is kept. Deflated, all this is a tenth of 16-bit numbers.

    Parameters
    ----------
    layer : Dataset, dims (month, lat, lon): value, lower, upper, applicable
    sea : ndarray of bool (lat, lon)
    scale : float
        Of `quantise`.

    Returns
    -------
    str
        Base64 of the deflated bytes: state (0 for no value, 1 for extrapolation, 2 for inside the area), then steps of
        the value, value - lower less its table, upper - value less its table, the two tables, the first class.
    """
    at_sea = {name: layer[name].to_numpy()[:, sea] for name in ("value", "lower", "upper", "applicable")}
    known = np.isfinite(at_sea["value"] + at_sea["lower"] + at_sea["upper"])
    value, lower, upper = (
        quantise(np.where(known, at_sea[n], np.nan), scale).ravel() for n in ("value", "lower", "upper")
    )
    first = value.min()
    below, off_below = _tabulated(value - first, value - lower, value, -1, scale)
    above, off_above = _tabulated(value - first, upper - value, value, 1, scale)
    raw = np.where(known, 1 + (at_sea["applicable"] == 1), 0).astype("u1").tobytes()
    for codes in (np.diff(value, prepend=0), off_below, off_above, below, above, np.array([first])):
        codes = (codes << 1) ^ (codes >> 63)  # zigzag: small numbers of either sign are small
        raw += (codes & 255).astype("u1").tobytes() + (codes >> 8).astype("u1").tobytes()
    return base64.b64encode(zlib.compress(raw, 6)).decode()


def _tabulated(index, width, value, side, scale):
    """Table of the mean width of each class of values, and how far each width is off where that matters."""
    n = np.bincount(index)
    table = np.rint(np.bincount(index, width) / np.maximum(n, 1)).astype(int)
    told, true = (restore(value + side * w, scale) for w in (table[index], width))
    allowed = END_ERROR * np.hypot(np.maximum(np.abs(true), np.abs(restore(value, scale))), scale)
    return table, np.where(np.abs(told - true) <= allowed, 0, width - table[index])


def coarsen(ds, cells):
    """Means over blocks of `cells` x `cells` cells that have a value; inside the area where most of them are."""
    if cells == 1:
        return ds
    inside = (ds["applicable"] == 1).astype("float32").where(ds["applicable"] >= 0)
    means = ds.assign(applicable=inside).coarsen(lat=cells, lon=cells, boundary="pad").mean()
    for name in ("lat", "lon"):  # the padding would pull the last centre inwards
        start, step = float(ds[name][0]), float(ds[name][1] - ds[name][0])
        means = means.assign_coords({name: start + step * (cells * np.arange(means.sizes[name]) + (cells - 1) / 2)})
    return means.assign(applicable=(means["applicable"] >= 0.5).where(means["value"].notnull(), -1).astype("int8"))


def _scale(ds):
    return LINEAR_SHARE * float(np.nanpercentile(np.abs(ds["value"].to_numpy()), 98)) or 1.0


# --- The page ----------------------------------------------------------------------------------------


def _page(ds, words, facts, title):
    """Return the bytes of the page."""
    if ds.sizes["lon"] * float(ds["lon"][1] - ds["lon"][0]) > 359:
        ds = ds.assign_coords(lon=(ds["lon"] - WEST) % 360 + WEST).sortby("lon")
    sea = np.isfinite(ds["value"].to_numpy()).any((0, 1))
    edges = np.flatnonzero(np.diff(sea.ravel(), prepend=False, append=False)).reshape(-1, 2)
    low, high = style.limits(ds["value"].to_numpy())
    scale = _scale(ds)
    layers = [ds.isel(depth=k) for k in range(ds.sizes["depth"])]
    data = words | {
        "months": [fields.MONTH_NAMES[month - 1] for month in ds["month"].to_numpy()],
        "south": float(ds["lat"][0]), "west": float(ds["lon"][0]),  # centres of the first cells
        "dlat": float(ds["lat"][1] - ds["lat"][0]), "dlon": float(ds["lon"][1] - ds["lon"][0]),
        "rows": ds.sizes["lat"], "columns": ds.sizes["lon"],
        "runs": np.column_stack([edges[:, 0], edges[:, 1] - edges[:, 0]]).ravel().tolist(),  # sea cells: from, how many
        "scale": scale, "step": STEP, "low": float(low), "high": float(high),
        "land": _lines("land") + _lakes(), "coast": _lines("coastline"),
    }  # fmt: skip
    blobs = (f'<script type="text/plain" id="depth-{k}">{pack(a, sea, scale)}</script>' for k, a in enumerate(layers))
    parts = {
        "title": html.escape(title),
        "label": f'<p class="label" role="note">{html.escape(words["label"])}</p>' if words["label"] else "",
        "quantity": html.escape(f"{words['name']}, {words['unit']}"),
        "page": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "layers": "\n".join(blobs),
        "style": (PARTS / "page.css").read_text(encoding="utf-8"),
    } | {name: html.escape(text) for name, text in facts.items()}
    return filled(PARTS, parts)


def filled(folder, parts):
    """Return a self-contained page: the head and the code that all share, and the template and code of the folder.

    Parameters
    ----------
    folder : Path
        With page.html and page.js.
    parts : dict of str
        What stands for each `{{name}}` of the template.

    Returns
    -------
    bytes
    """
    code, template = (
        "\n".join(path.read_text(encoding="utf-8") for path in paths)
        for paths in ((PARTS / "common.js", folder / "page.js"), (PARTS / "head.html", folder / "page.html"))
    )
    parts = parts | {"code": code}
    # in one pass: what is put in is never searched again
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template).encode()


def unit_text(unit):
    """Return a unit with raised exponents.

    >>> unit_text("umol dpm-1")
    'µmol dpm⁻¹'
    """
    raised = re.sub(r"(?<=[A-Za-z])-?\d+", lambda power: power[0].translate(SUPERSCRIPT), unit)
    return re.sub(r"\bu(?=mol\b)", "µ", raised)


def style_number(x):
    """Return a number to one significant digit, as 0.003."""
    return f"{x:.1g}" if x < 1 else f"{x:.0f}"


def _count(n, noun):
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _degrees(ds):
    return f"{float(ds['lon'][1] - ds['lon'][0]):.3g}"


def _reduction(ds, cells, n_depths, max_bytes):
    """Sentence that says what was made coarser or left out, or nothing."""
    said = []
    if cells > 1:
        said.append(f"each cell is the mean of {cells} × {cells} cells of {_degrees(ds)}°, and so is its interval")
    if n_depths < ds.sizes["depth"]:
        said.append(f"it shows {n_depths} of {_count(ds.sizes['depth'], 'depth')}")
    return (
        f"To stay under {max_bytes / 1e6:.3g} MB, this page is coarser than the map: {'; '.join(said)}." if said else ""
    )


def _colours(target):
    colour_map = style.COLOUR_MAPS.get(target, style.COLOUR_MAPS["th234_flux"])
    return np.rint(255 * colour_map(np.linspace(0, 1, 256))[:, :3]).astype(int)


def _shapes(kind):
    folder = style.NATURAL_EARTH / "shapefiles" / "natural_earth" / "physical"
    return [s.simplify(COAST_TOLERANCE) for s in shapereader.Reader(folder / f"ne_110m_{kind}.shp").geometries()]


def _lakes():
    """Coasts that lie within the land, as the Caspian's, which Natural Earth's land does not leave out."""
    within = [land.buffer(-COAST_TOLERANCE) for land in _shapes("land")]
    return [line for shape, line in zip(_shapes("coastline"), _lines("coastline"), strict=True)
            if any(land.contains(shape) for land in within)]  # fmt: skip


def _lines(kind):
    """Embedded land or coast as lists of longitude, latitude, ... in hundredths of a degree."""
    shapes = _shapes(kind)
    lines = [line for shape in shapes for line in getattr(shape, "geoms", [shape])]
    rings = [ring for p in lines for ring in ([p] if kind == "coastline" else [p.exterior, *p.interiors])]
    return [np.rint(100 * np.asarray(ring.coords)[:, :2]).astype(int).ravel().tolist() for ring in rings]
