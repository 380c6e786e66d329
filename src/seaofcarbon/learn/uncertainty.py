"""What a model does not know: intervals that hold on campaigns it has not seen, and where it has never been."""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial import cKDTree

BY_CAMPAIGN, BY_SEA = "each campaign counting once", "each value counting by the share of the sea that it stands for"
"""The two ways in which held-out values count for an interval."""

NOT_BY_SEA = f"{BY_CAMPAIGN}: too few campaigns stand for most of the sea to count by its shares"

LEVEL = 0.9
"""Nominal coverage of the intervals."""

WIDTH_PARTS = 5
"""Parts of the campaigns that are left out in turn to see whether intervals should follow depth."""

WORTH_IT = 0.03
"""Share by which the score of intervals has to fall for them to follow depth; less is luck."""

MAX_REFERENCE = 2000
"""Training points that stand for all in the area of applicability: enough for the shape, small enough for maps."""


def conformal_half_width(residuals, groups, level=LEVEL, share=None):
    """Half width of the interval that holds a share `level` of the values of a campaign not yet seen.

    The quantile of the absolute out-of-fold residuals in which each campaign counts as one, not each row, with one more
    campaign of unknown (infinite) residual: hierarchical conformal prediction (Lee, Barber & Willett 2023).

    Parameters
    ----------
    residuals : array, shape (n,)
        Value minus prediction of a model that had not seen the campaign, on the scale of the model.
    groups : array, shape (n,)
        Campaign of each residual.
    level : float
    share : array, shape (n,), optional
        How much of the sea each value stands for. Then each counts by its share, not by its campaign: conformal
        prediction where values were not taken as they will be asked for (Tibshirani et al. 2019). The unseen campaign
        has the share of one of 1 / sum(share of a campaign ** 2), so many as there are when all stand for as much.

    Returns
    -------
    float
        Infinite when there are too few campaigns, or too few of them stand for most of the sea, for the level.

    Examples
    --------
    >>> conformal_half_width(np.arange(1.0, 20.0), np.arange(19))
    18.0
    """
    residuals = np.abs(np.asarray(residuals, float))
    _, member, size = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(residuals, kind="stable")
    weight = 1.0 / size[member] if share is None else np.asarray(share, float)
    of_campaign = np.bincount(member, weight) / weight.sum()
    mass = np.cumsum(weight[order]) / (weight.sum() * (1 + np.sum(of_campaign**2)))
    enough = np.searchsorted(mass, level - 1e-12)
    return float(residuals[order][enough]) if enough < len(order) else np.inf


def interval_score(value, lower, upper, level=LEVEL):
    """Score of intervals (Gneiting & Raftery 2007), shape (n,): their width, and a fine for each value outside.

    Small is good. It rewards narrow intervals, and fines a miss by its distance times 2 / (1 - level).

    Parameters
    ----------
    value, lower, upper : ndarray (n,)
        In one unit.
    level : float
        Share of values that should be inside.

    Returns
    -------
    ndarray (n,)
        In the unit of the values.

    Examples
    --------
    >>> interval_score(np.array([1.0, 4.0]), 0.0, 3.0).round(6)  # width 3; one misses by 1, which costs 20
    array([ 3., 23.])
    """
    fine = 2.0 / (1.0 - level)
    return upper - lower + fine * (np.maximum(lower - value, 0.0) + np.maximum(value - upper, 0.0))


def spread(depth_m, slope):
    """How wide intervals are at a depth, against 100 m: 1 + slope ln((z + 10) / 110), from a half to twice as wide."""
    return np.clip(1.0 + slope * np.log((np.asarray(depth_m) + 10.0) / 110.0), 0.5, 2.0)


@dataclass(frozen=True)
class Width:
    """Half width of an interval on the scale of the model: `at_100_m` times `spread(depth, slope)`.

    `counting` says how held-out values counted for it: `BY_CAMPAIGN`, `BY_SEA` or `NOT_BY_SEA`.
    """

    at_100_m: float
    slope: float = 0.0
    counting: str = field(default=BY_CAMPAIGN, compare=False)

    def at(self, depth_m):
        """Half width at each depth (m)."""
        return self.at_100_m * spread(depth_m, self.slope)

    @classmethod
    def fit(cls, residuals, groups, depth_m, level=LEVEL, share=None):
        """Width from held-out residuals; it changes with depth only if that scores better on campaigns left out.

        A width made for the sea as it is, and not as ships sample it, is taken where it is the wider one. Where too few
        campaigns stand for most of the sea it would have no end: then that of the campaigns is kept, and says so.

        Parameters
        ----------
        residuals : array, shape (n,)
            As in `conformal_half_width`.
        groups : array, shape (n,)
            Campaign of each residual.
        depth_m : array, shape (n,)
        level : float
        share : array, shape (n,), optional
            `Area.shares` of the rows.

        Returns
        -------
        Width
        """
        rows = [np.asarray(a) for a in (residuals, groups, depth_m)]
        part = np.unique(rows[1], return_inverse=True)[1] % WIDTH_PARTS  # whole campaigns
        ways, score = (cls._same, cls._scaled), np.zeros(2)
        for k in range(part.max() + 1):
            errors, names, depth = (a[part == k] for a in rows)
            for way, fitted in enumerate(ways):
                half = fitted(*(a[part != k] for a in rows), level).at(depth)
                score[way] += np.sum(interval_score(errors, -half, half, level) * _weights(names))
        best = ways[int(score[1] < (1 - WORTH_IT) * score[0])]
        fitted = best(*rows, level)
        if share is None:
            return fitted
        by_sea = replace(best(*rows, level, share), counting=BY_SEA)
        if not np.isfinite(by_sea.at_100_m):
            return replace(fitted, counting=NOT_BY_SEA)
        return max(fitted, by_sea, key=lambda width: width.at_100_m)

    @classmethod
    def _same(cls, residuals, groups, depth_m, level, share=None):
        return cls(conformal_half_width(residuals, groups, level, share))

    @classmethod
    def _scaled(cls, residuals, groups, depth_m, level, share=None):
        slope = _slope(residuals, groups, depth_m)
        return cls(conformal_half_width(residuals / spread(depth_m, slope), groups, level, share), slope)


def _weights(groups):
    """Weight of rows of which each group has as much as the root of its size."""
    _, member, size = np.unique(groups, return_inverse=True, return_counts=True)
    return size[member] ** -0.5


def _slope(residuals, groups, depth_m):
    """Relative growth of the absolute residual with ln depth, a weighted straight line; 0 without any residual."""
    x, weight = np.log((np.asarray(depth_m, float) + 10.0) / 110.0), np.sqrt(_weights(groups))
    design = np.column_stack([np.ones_like(x), x])
    a, b = np.linalg.lstsq(design * weight[:, None], np.abs(residuals) * weight, rcond=None)[0]
    return float(b / a) if a > 0 else 0.0


@dataclass
class Area:
    """Area of applicability after Meyer & Pebesma (2021): where the training data can speak for a place.

    The dissimilarity of a place is its distance to the nearest training point, in scaled features weighted by their
    importance, over the mean distance between training points. A place is inside when its dissimilarity is no greater
    than that of the training points themselves to the nearest one of other campaigns (outer whisker of the box plot).
    """

    centre: np.ndarray
    scale: np.ndarray
    reference: np.ndarray
    mean_distance: float
    threshold: float
    _tree: cKDTree = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        self._tree = cKDTree(self.reference)

    @classmethod
    def fit(cls, X, importance, fold, seed=0, max_reference=MAX_REFERENCE):
        """Learn the area from training features.

        Parameters
        ----------
        X : array, shape (n, p)
        importance : array, shape (p,)
            Not negative; only its proportions matter.
        fold : array of int, shape (n,)
            Rows of one fold share campaigns with no other fold.
        seed : int
            Chooses which points are kept when there are more than `max_reference`.

        Returns
        -------
        Area
        """
        X, fold = np.asarray(X, float), np.asarray(fold)
        centre, spread = X.mean(axis=0), X.std(axis=0)
        # what never changed in training says nothing of other values: the smallest step off it counts
        spread = np.where(spread > 1e-6 * np.abs(centre), spread, 1e-3 * np.maximum(np.abs(centre), 1.0))
        weight = np.asarray(importance, float) / np.mean(importance)
        scale = weight / spread
        if len(X) > max_reference:
            chosen = np.sort(np.random.default_rng(seed).choice(len(X), max_reference, replace=False))
            X, fold = X[chosen], fold[chosen]
        points = ((X - centre) * scale).astype(np.float32)
        apart = np.empty(len(points))
        for k in np.unique(fold):
            apart[fold == k] = cKDTree(points[fold != k]).query(points[fold == k])[0]
        # mean distance of pairs: a point to the points shifted against it, for 50 shifts, is close enough and quick
        shifts = np.unique(np.linspace(1, len(points) - 1, 50).astype(int))
        mean = float(np.mean([np.linalg.norm(points - np.roll(points, s, axis=0), axis=1).mean() for s in shifts]))
        low, high = np.percentile(apart / mean, [25, 75])
        whisker = apart[apart / mean <= high + 1.5 * (high - low)].max() / mean
        return cls(centre, scale, points, mean, float(whisker))

    def dissimilarity(self, X):
        """Dissimilarity index of each row of features, shape (n,); 0 is a training point."""
        return self._tree.query(self._scaled(X))[0] / self.mean_distance

    def inside(self, X):
        """Whether each row of features lies inside the area, shape (n,)."""
        reach = self.threshold * self.mean_distance * (1 + 1e-6)
        return np.isfinite(self._tree.query(self._scaled(X), distance_upper_bound=reach)[0])

    def shares(self, X, sea, neighbours=20):
        """How much of the sea each row stands for: the share of sea points to which it is among the nearest.

        Parameters
        ----------
        X : array, shape (n, p)
            Features of the values.
        sea : array, shape (m, p)
            Features at random places of the sea, `features.random_sea`.
        neighbours : int
            So many rows stand for each point of the sea.

        Returns
        -------
        array, shape (n,)
            They add up to 1.
        """
        nearest = cKDTree(self._scaled(X)).query(self._scaled(sea), min(neighbours, len(X)))[1]
        return np.bincount(np.ravel(nearest), minlength=len(X)) / np.size(nearest)

    def _scaled(self, X):
        return (np.asarray(X) - self.centre.astype(np.float32)) * self.scale.astype(np.float32)

    def arrays(self):
        """What has to be kept, by name."""
        kept = {"centre": self.centre, "scale": self.scale, "reference": self.reference}
        return kept | {"numbers": np.array([self.mean_distance, self.threshold])}

    @classmethod
    def from_arrays(cls, kept):
        """The area that `arrays` came from."""
        return cls(kept["centre"], kept["scale"], kept["reference"], *(float(number) for number in kept["numbers"]))
