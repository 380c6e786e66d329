"""What a model does not know: intervals that hold on campaigns it has not seen, and where it has never been."""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial import cKDTree

LEVEL = 0.9
"""Nominal coverage of the intervals."""

MAX_REFERENCE = 2000
"""Training points that stand for all in the area of applicability: enough for the shape, small enough for maps."""


def conformal_half_width(residuals, groups, level=LEVEL):
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

    Returns
    -------
    float
        Infinite when there are too few campaigns for the level.

    Examples
    --------
    >>> conformal_half_width(np.arange(1.0, 20.0), np.arange(19))
    18.0
    """
    residuals = np.abs(np.asarray(residuals, float))
    _, member, size = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(residuals, kind="stable")
    mass = np.cumsum(1.0 / size[member][order]) / (len(size) + 1)
    enough = np.searchsorted(mass, level - 1e-12)
    return float(residuals[order][enough]) if enough < len(order) else np.inf


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
        weight = np.asarray(importance, float) / np.mean(importance)
        scale = np.where(spread > 0, weight / np.where(spread > 0, spread, 1.0), 0.0)
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
