"""Markers of a figure: which pixels have the ink of a series, and where its markers stand, to a part of a pixel."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import ndimage, optimize, signal
from scipy.spatial import cKDTree

from seaofcarbon.files import UserError

_H, _LONG, _SHORT = np.sqrt([0.5, 0.8, 0.2])

_UP = ((0, 1, 1), (_LONG, -_SHORT, _SHORT), (-_LONG, -_SHORT, _SHORT))

SHAPES = {
    "circle": (),
    "square": ((1, 0, 1), (-1, 0, 1), (0, 1, 1), (0, -1, 1)),
    "diamond": ((_H, _H, _H), (-_H, _H, _H), (_H, -_H, _H), (-_H, -_H, _H)),
    "triangle": _UP,
    "triangle_down": tuple((x, -y, d) for x, y, d in _UP),
    "triangle_left": tuple((y, x, d) for x, y, d in _UP),
    "triangle_right": tuple((-y, x, d) for x, y, d in _UP),
}
"""Sides of each marker of half-width 1, as outward normals (y down) and distances from the middle of its box."""

PIXELS = 4_000_000
"""Larger pictures are made coarser first: it costs nothing, for their markers are larger too."""

LEVELS = 16
"""Steps in which the share of ink in a pixel is told."""

FAR, SAME = 25.0, 8.0
"""Colours further than FAR (CIELAB) from any mixture of paper and ink are other; those nearer than SAME are one ink."""

LARGEST = 0.08
"""Half-width of the largest marker, as a part of the shorter side of the picture."""

FITS = 0.65
"""A marker is there where its ink less the paper inside it is this part of what can be seen of it."""

VISIBLE = 0.1
"""Less of a marker than this is not recognised; twice as much is needed where markers of one ink are told apart."""

AROUND = 0.3
"""What ink around a marker costs: between two that overlap there is more of it than at either."""

CLOSED = 0.35
"""Pixels with more ink than this close an outline."""

MOST_BLOBS = 40
"""Places of ink from which the size of markers is learnt."""

ENOUGH = 1500
"""No figure that can be read has more markers of one ink."""


@dataclass(frozen=True)
class Look:
    """How the markers of a series look; `shape` and `width` (pixels across) are found out where they are None."""

    colour: tuple
    shape: str | None = None
    filled: bool = True
    width: float | None = None


def find(rgb, looks, allowed, seen, ignored):
    """Find the markers of all series.

    A marker is where its ink, less the paper it would cover, is most; other ink may hide it and counts neither way.
    The clearest is taken first, and what it explains is not looked at again.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (rows, columns, 3)
    looks : list of Look
    allowed, seen, ignored : ndarray of bool, shape (rows, columns)
        Where centres may be; where blank is paper (beyond the axes, markers are cut); what is not looked at.

    Returns
    -------
    DataFrame
        look (position in `looks`), shape, width, x, y (pixels; whole numbers are centres of pixels), sigma_x, sigma_y
        (pixels, of the fit), hidden (part of it under another ink), overlap (part of it shared with its own).

    Raises
    ------
    UserError
        When a series has the colour of the paper, or there are more markers than a figure can have.
    """
    coarse = int(np.ceil(np.sqrt(rgb[:, :, 0].size / PIXELS)))
    if coarse > 1:
        return _found_coarsely(rgb, looks, (allowed, seen, ignored), coarse)
    owner, level, inks = _inks(rgb, [look.colour for look in looks])
    owner[ignored], level[ignored] = -1, 1.0
    faces = np.zeros(owner.shape, dtype=int)
    while True:
        found = []
        for ink in dict.fromkeys(inks):
            members = {number: look for number, look in enumerate(looks) if inks[number] == ink}
            over = (faces > 0) & (faces != ink)
            found += _Search(owner, level, ink, over, allowed, seen, members).markers()
        # what lies under the blank faces of open markers of another ink is seen only when these are known
        if faces.any() or len(set(inks)) == 1 or all(looks[marker[0]].filled for marker in found):
            break
        for number, shape, width, x, y, *_ in found:
            if not looks[number].filled:
                place, dx, dy = _window(owner.shape, x, y, width)
                faces[place][_cover(shape, dx, dy, width / 2) > 0.5] = inks[number]
    names = ["look", "shape", "width", "x", "y", "sigma_x", "sigma_y", "hidden", "overlap"]
    return pd.DataFrame(found, columns=names)


def _found_coarsely(rgb, looks, masks, coarse):
    """Find markers in a picture of which `coarse` x `coarse` pixels are made one."""
    rows, columns = (size // coarse for size in rgb.shape[:2])
    blocks = rgb[: rows * coarse, : columns * coarse].reshape(rows, coarse, columns, coarse, 3)
    small = np.stack([blocks[..., band].mean(axis=(1, 3), dtype=np.float32) for band in range(3)], axis=2)
    masks = (mask[coarse // 2 :: coarse, coarse // 2 :: coarse][:rows, :columns] for mask in masks)
    looks = [replace(look, width=look.width and look.width / coarse) for look in looks]
    found = find(small.round().astype(np.uint8), looks, *masks)
    found[["x", "y"]] += 0.5 - 0.5 / coarse
    found[["x", "y", "width", "sigma_x", "sigma_y"]] *= coarse
    return found


def _inks(rgb, colours):
    """Tell the ink of each pixel (0 paper, 1... inks, -1 other) how much of it, and the ink of each colour."""
    packed = rgb.astype(np.int32) @ np.array([65536, 256, 1], dtype=np.int32)
    codes, where, count = np.unique(packed, return_inverse=True, return_counts=True)
    shades = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1) / 255.0
    paper = shades[count.argmax()]
    pure, inks = [], []
    for number, colour in enumerate([*colours, (0.0, 0.0, 0.0)], 1):  # axes and text are black, wanted or not
        if number <= len(colours) and np.linalg.norm(_lab(colour) - _lab(paper)) < SAME:
            raise UserError(f"series {number}: its colour is that of the paper")
        apart = [np.linalg.norm(_lab(colour) - _lab(known)) for known in pure]
        if not apart or min(apart) >= SAME:
            pure, apart = [*pure, np.array(colour, dtype=float)], [*apart, 0.0]
        inks.append(int(np.argmin(apart)) + 1)
    share = np.tile(np.arange(1, LEVELS + 1) / LEVELS, len(pure))
    ink = np.repeat(np.arange(1, len(pure) + 1), LEVELS)
    mixtures = _lab(paper + share[:, None] * (np.array(pure)[ink - 1] - paper))
    # grey is grey, though black mixed with paper is grey too
    apart = np.linalg.norm(mixtures[:, None] - _lab(np.array(pure)), axis=2)
    apart[np.arange(len(ink)), ink - 1] = np.inf
    clear = (share == 1) | (apart.min(axis=1) > SAME)
    ink, share = np.append(0, ink[clear]), np.append(0.0, share[clear])
    distance, nearest = cKDTree(np.concatenate([_lab(paper), mixtures[clear]])).query(_lab(shades))
    owner = np.where(distance > FAR, -1, ink[nearest])
    level = np.where(distance > FAR, 1.0, share[nearest])
    return owner[where].reshape(packed.shape), level[where].reshape(packed.shape), inks[:-1]


def _lab(colours):
    from skimage import color

    return color.rgb2lab(np.atleast_2d(colours))


def _cover(shape, dx, dy, half, grown=0.0):
    """Part of each pixel that a marker covers, `dx` and `dy` from its centre, when it is `grown` all around."""
    sides = SHAPES[shape]
    away = [nx * dx + ny * dy - d * half for nx, ny, d in sides]
    return np.clip(0.5 + grown - (np.max(away, axis=0) if sides else np.hypot(dx, dy) - half), 0.0, 1.0)


def _window(shape, x, y, reach):
    """Slices of the pixels within `reach` of a place, and their distances from it."""
    (top, bottom), (left, right) = (
        (max(int(at - reach), 0), min(int(at + reach) + 2, size)) for at, size in zip((y, x), shape, strict=True)
    )
    dy, dx = np.mgrid[top:bottom, left:right].astype(float)
    return np.s_[top:bottom, left:right], dx - x, dy - y


def _inner(shape, half):
    """Radius of the circle inside a marker."""
    return half * {"circle": 1.0, "square": 1.0, "diamond": _H}.get(shape, 0.618)


def _sum(values, stamp):
    return (values * stamp).sum()


def _sum_everywhere(values, stamp):
    return signal.correlate(values, stamp, mode="same", method="fft")


class _Search:
    """The search for the markers of all series of one ink; `known` are the pixels that still tell something."""

    def __init__(self, owner, level, ink, over, allowed, seen, looks):
        from skimage import measure

        self.looks, self.allowed = looks, allowed
        self.ink = np.where(owner == ink, level, 0.0)
        self.other = (owner != ink) & (owner != 0) & (level > 0.3) | over & (self.ink < 0.3)
        self.known = ~self.other & (seen | (self.ink > 0.5))
        self.largest = LARGEST * min(self.ink.shape)
        self.hole = np.zeros(self.ink.shape, dtype=bool)
        if not all(look.filled for look in looks.values()):
            blank = measure.label((self.ink <= CLOSED) & ~self.other, connectivity=1)
            area = np.bincount(blank.ravel())
            self.hole = ((area < 3 * self.largest**2) & (np.arange(len(area)) > 0))[blank]
        self.body = np.maximum(self.ink, self.hole)

    def markers(self):
        """Find all markers, as rows of the table of `find`."""
        sizes = self.sizes()
        if sizes:
            self.forget_lines(min(_inner(*size) for size in sizes.values()))
        known, found = self.known.copy(), []
        gains = {number: self.gains(number, *size, np.s_[:, :]) for number, size in sizes.items()}
        while sizes:
            number = max(gains, key=lambda n: gains[n].max())
            if gains[number].max() <= 0:
                break
            if len(found) == ENOUGH:
                raise UserError(f"series {number + 1}: more than {ENOUGH:,} markers: check its colour")
            (shape, half), peak = sizes[number], np.unravel_index(gains[number].argmax(), self.ink.shape)
            y, x = map(float, peak)
            found.append([number, shape, half, x, y])
            place, dx, dy = self.window(x, y, half + 2)
            self.known[place] &= _cover(shape, dx, dy, half + 0.5) < 0.5
            for other, size in sizes.items():
                place, dx, dy = self.window(x, y, half + 2 * size[1] + 9)
                near = np.maximum(np.abs(dx), np.abs(dy)) <= half + size[1] + 4
                gains[other][place][near] = self.gains(other, *size, place)[near]
        self.known = known
        return self.settled(found)

    def window(self, x, y, reach):
        """Slices of the pixels within `reach` of a place, and their distances from it."""
        return _window(self.ink.shape, x, y, reach)

    def tally(self, number, shape, half, place, dx, dy, add):
        """Weigh what is seen against a marker: its ink less its paper, the part of it that is seen, and all of it."""
        known, ink, body, hole = (values[place] for values in (self.known, self.ink, self.body, self.hole))
        told, known = known * (4 * ink - 2).clip(-1, 1), known.astype(float)
        weight = (2 * _cover(shape, dx, dy, half) - 1).clip(0)
        around = _cover(shape, dx, dy, half, 2.5) - _cover(shape, dx, dy, half, 0.5)
        seen = add(known, weight)
        if self.looks[number].filled:
            gain = add(told - 2 * known * hole, weight)
        else:  # an outline of ink, and an inside that is blank or crossed by a line: the worse of the two counts
            inside = np.minimum(weight, _cover(shape, dx, dy, half, -1.5))
            outline, core = weight - inside, inside * _cover(shape, dx, dy, half, -_inner(shape, half) / 2)
            blank = add(np.where(body > CLOSED, known, told), inside) - 0.5 * add(known * ink, core)
            parts = [(add(told, outline), add(known, outline)), (blank, add(known, inside))]
            gain = 0.9 * seen * np.min([(part + 1e-3) / np.maximum(of, 1e-3) for part, of in parts], axis=0)
        return gain - AROUND * add(known * ink, around), seen, weight.sum()

    def gains(self, number, shape, half, place):
        """Gain of a marker at each pixel of a window, 0 where there is none."""
        reach = int(np.ceil(half)) + 3
        dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(float)
        gain, seen, whole = self.tally(number, shape, half, place, dx, dy, _sum_everywhere)
        there = self.allowed[place] & (seen > VISIBLE * min(len(self.looks), 2) * whole) & (gain > FITS * seen)
        return np.where(there, gain, 0.0)

    def sizes(self):
        """Find shape and half-width of the markers of each series: those in which its clear markers agree."""
        trials = []
        for x, y, radius in self.blobs():
            fits = [self.trial(number, shape, x, y, radius) for number, shape in self.choices()]
            best = max(fits, key=lambda fit: fit[3])
            trials += [fit for fit in fits if fit[0] == best[0] and fit[3] > 0]
        table = pd.DataFrame(trials, columns=["number", "shape", "half", "worth"])
        sizes, most = {}, {}
        for (number, shape), some in table.groupby(["number", "shape"], sort=False):
            agree = np.abs(np.log(some["half"].to_numpy()[:, None] / some["half"].to_numpy())) < 0.12
            votes = agree @ some["worth"].to_numpy()
            if votes.max() > most.get(number, 0):
                half = float(some["half"][agree[votes.argmax()]].median())
                most[number], width = votes.max(), self.looks[number].width
                sizes[number] = shape, width / 2 if width else half
        return sizes

    def choices(self):
        """List the shapes that each series may have."""
        return [(n, shape) for n, look in self.looks.items() for shape in ([look.shape] if look.shape else SHAPES)]

    def trial(self, number, shape, x, y, radius):
        """Fit a marker of any size to a blob, and tell what that is worth; nothing, when it is no such marker."""
        fx, fy, half, _ = self.fit(number, shape, x, y, radius, free=True)
        if not (1.5 <= half <= self.largest and np.hypot(fx - x, fy - y) < half):
            return number, shape, half, 0.0
        gain, _, whole = self.tally(number, shape, half, *self.window(fx, fy, half + 4), _sum)
        return number, shape, half, gain * max(gain / whole - FITS, 0.0) ** 2

    def blobs(self):
        """Find the middles of the thickest places of ink: x, y, radius."""
        from skimage import feature

        places = []
        for filled in {look.filled for look in self.looks.values()}:
            thick = ndimage.distance_transform_edt((self.ink if filled else self.body) > CLOSED) * self.allowed
            peaks = feature.peak_local_max(thick, min_distance=3, threshold_abs=1.5)  # the thickest first
            kept = []
            while len(peaks) and len(kept) < MOST_BLOBS:
                (y, x), radius = peaks[0], thick[tuple(peaks[0])]
                if filled and len(kept) > 4 and radius < 0.4 * kept[4][2]:
                    break  # lines
                kept.append((float(x), float(y), radius))
                peaks = peaks[np.hypot(*(peaks - peaks[0]).T) > 1.5 * radius]  # a strip is thick all along
            places += kept
        return places

    def forget_lines(self, radius):
        """Take thin ink (lines, error bars, axes) for unknown: it says nothing about markers."""
        from skimage import morphology

        solid = self.body > CLOSED
        thick = ndimage.distance_transform_edt(solid)
        far = ndimage.distance_transform_edt(thick < 0.6 * radius) > 1.2 * radius
        # the rim of a marker that another ink hides is thin too, but no line
        beside = ndimage.distance_transform_edt(~self.other) < 3
        along = thick[morphology.skeletonize(solid) & far & ~beside]
        if len(along) < 4 * radius:
            return
        width = np.percentile(along, 90) + 0.3
        opened = ndimage.distance_transform_edt(thick <= width) <= width + 0.5
        # a marker that a line of another ink crosses is thick all the same; a line that crosses it is the lesser part
        either = solid | self.other
        thick = ndimage.distance_transform_edt(either)
        own, all_ink = (ndimage.uniform_filter(part.astype(float), int(2 * radius) | 1) for part in (solid, either))
        opened |= (ndimage.distance_transform_edt(thick <= width) <= width + 0.5) & (own > 0.5 * all_ink)
        self.known &= opened | (self.body < 0.15)

    def fit(self, number, shape, x, y, half, others=(), free=False):
        """Fit the centre of a marker, and its half-width where that is free.

        Returns
        -------
        x, y, half : float
        sigma : ndarray, shape (2,)
            Of the centre: noise, and what an error of the half-width does to a marker that is not seen whole.
        """
        place, dx, dy = self.window(x, y, 1.3 * half + 3)
        known = self.known[place] if self.looks[number].filled else self.known[place] & ~self.hole[place]
        if known.sum() < 9:
            return x, y, half, np.full(2, half)
        ink, blank = self.ink[place][known], 1.0
        for _, other, size, ox, oy in others:
            blank = blank * (1 - _cover(other, dx[known] + x - ox, dy[known] + y - oy, size))

        def misfit(p):
            return 1 - blank * (1 - _cover(shape, dx[known] - p[0], dy[known] - p[1], p[2] if free else half)) - ink

        best = optimize.least_squares(misfit, [0.0, 0.0, half][: 2 + free], method="lm", max_nfev=60)
        slope, size = best.jac[:, :2], best.x[2] if free else half
        inverse = np.linalg.pinv(slope.T @ slope)
        sizes = (_cover(shape, dx[known] - best.x[0], dy[known] - best.x[1], size + by) for by in (0.5, -0.5))
        lean = inverse @ slope.T @ (blank * np.subtract(*sizes)) * (0.2 + 0.03 * size)
        noise = np.sqrt(np.diag(inverse) * np.mean(best.fun**2))
        return x + best.x[0], y + best.x[1], size, np.hypot(noise, lean)

    def settled(self, found):
        """Fit all centres, those of neighbours in turn, and tell how much of each is hidden or shared."""
        from skimage import morphology

        places = np.array([marker[3:] for marker in found]).reshape(-1, 2)
        reach = np.array([marker[2] for marker in found])
        apart = np.linalg.norm(places[:, None] - places, axis=2) - reach[:, None] - reach
        near = [np.flatnonzero((row < 4) & (np.arange(len(found)) != i)) for i, row in enumerate(apart)]
        sigma = [np.zeros(2)] * len(found)
        for turn in range(4):
            for i, (number, shape, half, x, y) in enumerate(found):
                if turn == 0 or len(near[i]):
                    fx, fy, _, sigma[i] = self.fit(number, shape, x, y, half, [found[j] for j in near[i]])
                    if np.hypot(fx - x, fy - y) < half:
                        found[i][3:] = fx, fy
        rows = []
        for i, (number, shape, half, x, y) in enumerate(found):
            place, dx, dy = self.window(x, y, half + 2)
            cover, shared = _cover(shape, dx, dy, half), np.zeros(dx.shape)
            for _, other, size, ox, oy in (found[j] for j in near[i]):
                shared = np.maximum(shared, _cover(other, dx + x - ox, dy + y - oy, size))
            # a line that crosses a marker does not hide it
            over = morphology.opening(self.other[place], morphology.disk(max(1, int(0.3 * half))))
            parts = [float((cover * part).sum() / cover.sum()) for part in (over, shared)]
            rows.append([number, shape, 2 * half, x, y, *sigma[i], *parts])
        return rows
