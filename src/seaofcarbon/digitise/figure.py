"""Points of a printed figure -> records: axes are calibrated by a sidecar, markers found by colour and shape."""

import warnings
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, Field, model_validator

from seaofcarbon import records
from seaofcarbon.digitise import headers, markers, sidecar
from seaofcarbon.digitise.mapping import Constants, one_of, spread
from seaofcarbon.digitise.table import ACCOUNT, Column, Digitised
from seaofcarbon.digitise.values import digitise
from seaofcarbon.files import UserError
from seaofcarbon.vocabulary import FLAG_QUESTIONABLE, METHODS, VARIABLES

MAX_PIXELS = 40_000_000
"""A page of a paper at 600 dots per inch has 35 million."""

FORMATS = ("PNG", "JPEG", "TIFF")

PIXEL_SIGMA = 0.5
"""Standard error of a place in pixels: programs draw markers on whole pixels, some half a pixel beside."""

MARKER_SIGMA = 0.02
"""Standard error of the middle of a marker as part of its width: how well a plotting program draws it."""

HIDDEN = 0.1
"""Markers of which more than this part is hidden or shared are flagged."""

MARGIN, AROUND = 0.005, 0.1
"""Points may lie beyond the axes by the first part of their length; as far as the second, other markers are told."""

GREY = 0.15
"""Colours whose red, green and blue differ by less are those of axes and text."""

QUANTITIES = ("value", "depth_m", "latitude", "longitude", "time")

UNITS = {"depth_m": " m", "latitude": " degrees", "longitude": " degrees", "time": " s"}
"""What the quantities of axes are told in."""


class Axis(sidecar.Model):
    """Two pixels of an axis and their values; whole pixels are the middles of pixels, counted from 0, left or top."""

    quantity: Literal[QUANTITIES]
    pixels: tuple[float, float]
    values: tuple[float, float] | tuple[datetime, datetime] | tuple[date, date]
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _spans(self):
        """Refuse what calibrates nothing."""
        if self.pixels[0] == self.pixels[1] or self.values[0] == self.values[1]:
            raise ValueError("two different pixels and two different values are needed")
        if self.is_time != (self.quantity == "time"):
            raise ValueError("an axis of time needs dates (2001-05-03), others numbers")
        if self.scale == "log" and (self.is_time or min(self.values) <= 0):
            raise ValueError("a log axis needs values above 0")
        return self

    @property
    def is_time(self):
        """Whether the values are dates."""
        return isinstance(self.values[0], date)

    def read(self, pixel, sigma):
        """Value at a pixel and its standard error; times in days since 1970."""
        ends = self.values
        if self.is_time:
            ends = [pd.to_datetime(str(value), utc=True).timestamp() / 86400 for value in ends]
        first, last = np.log(ends) if self.scale == "log" else np.asarray(ends, dtype=float)
        slope = (last - first) / (self.pixels[1] - self.pixels[0])
        value, error = first + slope * (pixel - self.pixels[0]), np.abs(slope) * sigma
        return (np.exp(value), np.exp(value) * error) if self.scale == "log" else (value, error)


def _quoted(name):
    """Refuse a colour that is no text: YAML takes what follows a # for a comment."""
    if not isinstance(name, str):
        raise ValueError("write it in quotes, such as '#1f77b4'")
    return name


class Series(sidecar.Model):
    """The points of one series: what they are, and how they look."""

    variable: one_of(tuple(VARIABLES))
    unit: str = ""
    colour: Annotated[str, BeforeValidator(_quoted)]
    marker: Literal[tuple(markers.SHAPES)] | None = None
    filled: bool = True
    width: float | None = Field(default=None, gt=1)
    n_points: int | None = Field(default=None, ge=1)
    method: one_of(METHODS) | None = None
    size_min_um: float | None = None
    size_max_um: float | None = None
    constants: Constants = Constants()


class Axes(sidecar.Model):
    """The two axes of a figure."""

    x: Axis
    y: Axis

    @model_validator(mode="after")
    def _differ(self):
        """One axis has the values, the other something else."""
        if (self.x.quantity == "value") == (self.y.quantity == "value"):
            raise ValueError(
                f"one axis, and not both, has the quantity value (the others: {', '.join(QUANTITIES[1:])})"
            )
        return self


class Figure(sidecar.Model):
    """The sidecar of a figure."""

    figure: str
    source: sidecar.Source = sidecar.Source()
    constants: Constants = Constants()
    axes: Axes
    ignore: list[tuple[float, float, float, float]] = []
    series: list[Series] = Field(min_length=1)

    @model_validator(mode="after")
    def _points_have_places(self):
        """Each point needs a place, and series of one colour differ in their markers."""
        told = {self.axes.x.quantity, self.axes.y.quantity} | {k for k, v in self.constants if v is not None}
        for number, series in enumerate(self.series, 1):
            lacking = {*headers.NEEDED} - told - {k for k, v in series.constants if v is not None}
            if lacking:
                raise ValueError(f"series {number} has no {min(lacking)}: give it in `constants`")
            for other in self.series[: number - 1]:
                alike = (other.colour, other.filled) == (series.colour, series.filled)
                if alike and (other.marker == series.marker or None in (other.marker, series.marker)):
                    raise ValueError(f"series {number} looks like one before it: tell another `marker` of each")
        return self


def read(image, told):
    """Digitise a figure.

    Parameters
    ----------
    image : str or Path
        PNG, JPEG or TIFF.
    told : str or Path
        Sidecar, see `Figure`.

    Returns
    -------
    Digitised
        Records with origin "figure". Their sigma is that of reading the figure alone: pixel, marker and fit. Points
        whose marker is shared or hidden are flagged. `meta["problems"]` names series of which no point, or another
        number than `n_points`, was found, and markers outside the axes that were left.

    Raises
    ------
    UserError
        When image or sidecar cannot be read, or no point of any series is found.
    """
    about = sidecar.read(told, Figure)
    rgb = pixels(Path(image))
    looks = [
        markers.Look(_colour(told, i, s.colour), s.marker, s.filled, s.width) for i, s in enumerate(about.series, 1)
    ]
    box = _box(told, about, rgb.shape)
    ignored = np.zeros(rgb.shape[:2], dtype=bool)
    for (left, right), (top, bottom) in ((sorted(edges[::2]), sorted(edges[1::2])) for edges in about.ignore):
        ignored |= _inside(rgb.shape, (left, top, right, bottom), 0.0)
    masks = _inside(rgb.shape, box, AROUND) & ~ignored, _inside(rgb.shape, box, 0.0), ignored
    left, top, right, bottom = (int(edge) for edge in _grown(box, 1.2 * AROUND))
    window = np.s_[max(top, 0) : bottom + 1, max(left, 0) : right + 1]  # the rest of a page would fill memory
    points = markers.find(rgb[window], looks, *(mask[window] for mask in masks))
    points = points.assign(x=points["x"] + max(left, 0), y=points["y"] + max(top, 0))
    near = _between(points["x"], points["y"], box, MARGIN)
    coloured = np.array([np.ptp(look.colour) > GREY for look in looks])[points["look"].to_numpy(int)]  # grey is text
    problems = _problems(about, points[near], int((~near & coloured).sum()))
    points = points[near].sort_values(["look", "y", "x"], kind="stable", ignore_index=True)
    if points.empty:
        raise UserError(f"{image}: {problems[0]}: check its colour, the pixels of the axes, and `ignore`")
    return _digitised(Path(image), about, points, problems)


# --- The picture ---------------------------------------------------------------------------------------


def pixels(path):
    """Read an image as a viewer shows it.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
        On white.

    Raises
    ------
    UserError
        When it is no image that can be read, or too large, which is looked at before it is unpacked.
    """
    from PIL import Image, ImageOps

    if not path.is_file():
        raise UserError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}; give a PNG, JPEG or TIFF image")
    large = f"{path}: more than {MAX_PIXELS // 1_000_000} million pixels; cut out the figure"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our limit is lower
            image = Image.open(path, formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise UserError(large)
        if image.mode.startswith(("I", "F")):
            raise UserError(f"{path}: more than 8 bits a colour; save it with 8")
        image = ImageOps.exif_transpose(image).convert("RGBA")
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise UserError(large) from None
    except Exception as problem:  # the library raises many kinds for junk
        reason = "no PNG, JPEG or TIFF image" if "cannot identify" in str(problem) else f"damaged ({problem})"
        raise UserError(f"{path}: {reason}") from None
    paper = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(paper, image).convert("RGB"))


def _colour(told, number, name):
    """Read a colour by name or #rrggbb."""
    from matplotlib.colors import to_rgb

    try:
        return to_rgb(name)
    except ValueError:
        raise UserError(f"{told}: series {number}: {name!r} is no colour: give a name or #rrggbb") from None


def _box(told, about, shape):
    """Left, top, right and bottom of the calibrated axes, which must be in the picture."""
    ends = [sorted(axis.pixels) for axis in (about.axes.x, about.axes.y)]
    for name, (low, high), size in zip("xy", ends, (shape[1], shape[0]), strict=True):
        if low < 0 or high > size:
            raise UserError(f"{told}: axes.{name}.pixels: {low:g} to {high:g} are not in a picture of {size} pixels")
    return ends[0][0], ends[1][0], ends[0][1], ends[1][1]


def _inside(shape, box, margin):
    """Tell the pixels of a picture that are in a box, grown by a part of its size."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    return _between(x, y, box, margin)


def _between(x, y, box, margin):
    left, top, right, bottom = _grown(box, margin)
    return (x >= left) & (x <= right) & (y >= top) & (y <= bottom)


def _grown(box, margin):
    """A box that is larger by a part of its size on each side."""
    left, top, right, bottom = box
    wide, high = margin * (right - left), margin * (bottom - top)
    return left - wide, top - high, right + wide, bottom + high


# --- Points to records -----------------------------------------------------------------------------------


def _problems(about, points, outside):
    """Say in words what is not as the sidecar says."""
    counts = points["look"].value_counts()
    problems = []
    for number, series in enumerate(about.series):
        found, name = int(counts.get(number, 0)), f"series {number + 1} ({series.variable}, {series.colour})"
        if not found:
            problems.append(f"no point of {name} was found")
        elif series.n_points and found != series.n_points:
            problems.append(f"{name}: {found} points were found, the sidecar says {series.n_points}")
    if outside:
        problems.append(
            f"{outside} markers outside the calibrated axes were left: calibrate at their ends, or `ignore` them"
        )
    return problems


def _table(path, about, points, number):
    """Points of a series as a table: what the axes say, and the standard errors of it."""
    series = about.series[number]
    told = {}
    for name in ("x", "y"):
        axis, pixel = getattr(about.axes, name), points[name].to_numpy()
        value, sigma = axis.read(pixel, _sigma(points, name).to_numpy())
        if axis.quantity == "depth_m":  # a sample of the surface may be read a hair above it
            value = np.where((value < 0) & (value > -5 * sigma), 0.0, value)
        told[axis.quantity], told[f"{axis.quantity}_sigma"] = _printed(axis, value, sigma), [f"{s:.3g}" for s in sigma]
    names = list(told)
    texts, same = spread([*about.constants, *((k, v) for k, v in series.constants if v is not None)], len(points))
    sizes = [np.nan if size is None else size for size in (series.size_min_um, series.size_max_um)]
    method = series.method or series.constants.method or about.constants.method or headers.method(series.variable)
    column = Column(series.variable, series.unit, method, names.index("value_sigma"), "1sd", None, *sizes)
    about_source = about.source
    source = FileName(path, path.name)
    return headers.table(
        source,
        names,
        np.array(list(told.values()), dtype=object).T,
        np.arange(1, len(points) + 1),
        {names.index("value"): column},
        same | {name: names.index(name) for name in QUANTITIES[1:] if name in told},
        {"source_doi": about_source.doi, "curator": about_source.curator or "seaofcarbon"} | texts,
        place=f"series {number + 1}, ",
    )


def _sigma(points, name):
    """Standard error of the place of markers along x or y, in pixels."""
    return np.sqrt(PIXEL_SIGMA**2 + (MARKER_SIGMA * points["width"]) ** 2 + points[f"sigma_{name}"] ** 2)


class FileName(NamedTuple):
    """What a table needs to know of its file."""

    path: Path
    name: str


def _printed(axis, value, sigma):
    """Print values with the digits that can be read; times in ISO 8601."""
    if axis.is_time:
        return [pd.Timestamp(day * 86400, unit="s").isoformat(timespec="seconds") for day in value]
    digits = np.clip(2 - np.floor(np.log10(np.maximum(sigma, 1e-12))), 0, 12).astype(int)
    return [f"{v:.{d}f}" for v, d in zip(value, digits, strict=True)]


def _digitised(path, about, points, problems):
    """Give points their values, and make records of them."""
    tables = [_table(path, about, points[points["look"] == number], number) for number in points["look"].unique()]
    frame, *rest = digitise(tables)
    if frame.empty:
        return _result(path, about, points, problems, frame, *rest)
    number = frame["locator"].str.extract(r"series (\d+), row (\d+)").astype(int)
    order = points.groupby("look").cumcount() + 1
    keyed = points.assign(series=points["look"] + 1, point=order).set_index(["series", "point"])
    point = keyed.loc[list(number.itertuples(index=False, name=None))].reset_index()
    frame["locator"] = [
        f"{about.figure} of {path.name}, series {p.series}, point {p.point}, pixel ({p.x:.2f}, {p.y:.2f})"
        for p in point.itertuples()
    ]
    frame["origin"] = "figure"
    frame["record_id"] = pd.Series(dtype=str)
    doubts = {
        "marker partly hidden": point["hidden"] > HIDDEN,
        "marker overlaps another": point["overlap"] > HIDDEN,
    }
    note = frame["note"].fillna("").str.replace(r"^(?=.)", "; ", regex=True)
    for name in ("x", "y"):
        axis = getattr(about.axes, name)
        if axis.quantity != "value":
            sigma = axis.read(point[name], _sigma(point, name))[1] * (86400 if axis.is_time else 1)
            note = f"; {axis.quantity} is read to " + sigma.map("{:.2g}".format) + UNITS[axis.quantity] + note
    note = "sigma is that of reading the figure alone" + note
    for words, doubt in doubts.items():
        note = note + np.where(doubt, f"; {words}", "")
        frame["flag"] = frame["flag"].mask(doubt, FLAG_QUESTIONABLE).astype("int8")
    frame["note"] = note
    return _result(path, about, points, problems, records.conform(frame), *rest)


def _result(path, about, points, problems, frame, rejects, accounts, words):
    """Put together what came out of a figure."""
    account = {name: sum(each[name] for each in accounts) for name in ACCOUNT}
    not_wanted = dict(sum((Counter(each["not_wanted_columns"]) for each in accounts), Counter()))
    meta = about.source.model_dump(exclude={"curator"}) | {"file": path.name, "format": "figure", "rows": len(points)}
    return Digitised(frame, rejects, account, not_wanted, meta | {"problems": problems}, words)
