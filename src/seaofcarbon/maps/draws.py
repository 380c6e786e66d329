"""How sure a total is: whole maps are drawn whose errors go together in space and season, and each is added up.

Had each cell an error of its own, a sum over so many would be known almost exactly. Errors of a model are not like
that: a sea and a season share them. What they share is read from blocks of the sea and campaigns that the model had not
seen.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from seaofcarbon import carbon, ocean
from seaofcarbon.files import UserError
from seaofcarbon.learn import features
from seaofcarbon.learn.campaigns import blocks, redrawn
from seaofcarbon.learn.uncertainty import LEVEL
from seaofcarbon.maps.budgets import LAW_TOP_M, PG_PER_MMOL, regions
from seaofcarbon.maps.means import weights
from seaofcarbon.vocabulary import EARTH_RADIUS_KM

N_DRAWS = 200
"""Maps that are drawn: enough for the ends of a 90 % interval to hold to about a tenth of its width."""

MIN_CAMPAIGNS = 10
"""Below this nothing can be said of errors that campaigns share."""

DEPTH_FACTOR = 2.0
"""A cast tells of a depth by its value nearest to it, no further than this factor above or below."""

LAW_FOLDS = 5
"""Folds of blocks of casts that make pairs about a law: as many as of a model, so that pairs stay few."""

DISTANCE_EDGES_KM = (0, 150, 300, 600, 1000, 1500, 2000, 3000, 4000, 6000, 9000, 13000)
SEASON_EDGES_D = (0, 30, 60, 120, 183)
"""Classes of pairs of casts: how far apart in space (chord) and in the year (chord of its circle, reaches 117 d)."""

LENGTHS_KM = (500.0, 1000.0, 2000.0, 4000.0)
SEASONS_D = (30.0, 60.0, 120.0, 1e6)
"""Scales among which the field of errors is looked for; the last season: the same error all year."""

N_WAVES = 32
"""Waves of a drawn field. Each draw has waves of its own, so that few do: over draws the correlation is exact."""

_KNOTS = 256
_SHORTEST, _TINY = 1e-2, 1e-12


class ErrorField(NamedTuple):
    """Error that neighbours share: `variance` exp(-h), h^2 = (km / length_km)^2 + (d / season_d)^2, chords both."""

    variance: float
    length_km: float
    season_d: float
    anomaly: float = 0.0
    """Variance that casts of a campaign share beyond the field: of that cruise and year, it does not come back."""


# --- Errors at casts --------------------------------------------------------------------------------


def cast_errors(validation, training, target, depth_m):
    """Held-out errors of each cast near a depth: with its campaign left out, and with its block of 20 degrees left out.

    Where casts are few, most of the sea lies as far from them as a block that was left out, and not as a campaign that
    was: blocks tell how errors of a map go together. Campaigns tell of the models themselves, with the settings that
    they have.

    Parameters
    ----------
    validation : DataFrame
        validation.csv, or what `learn.validate.cross_validate` gave.
    training : DataFrame
        training.parquet, for place and time of the casts.
    target : str
    depth_m : float
        m. Of each cast the value nearest to it counts (in log depth), within a factor of two.

    Returns
    -------
    DataFrame
        cast_id, campaign, latitude, longitude, time, prediction and error (value minus prediction, both on the scale of
        the model; campaign left out), block_error and block_fold (the same with the block left out, and which fold it
        was).

    Raises
    ------
    UserError
        When the errors come from fewer than ten campaigns.
    """
    rows = validation.query("target == @target and model == 'mean' and split in ('campaign', 'block')")
    value, prediction = (features.transform(rows[name], target) for name in ("value", "prediction"))
    rows = rows[["split", "cast_id", "depth_m", "campaign", "fold"]].assign(error=value - prediction)
    rows["prediction"] = prediction
    keys = ["cast_id", "depth_m"]
    block = rows[rows["split"] == "block"].set_index(keys)[["error", "fold"]]
    places = training[training["target"] == target].drop_duplicates("cast_id").set_index("cast_id")
    rows = rows[rows["split"] == "campaign"].drop(columns=["split", "fold"])
    rows = rows.join(block.rename(columns=lambda name: f"block_{name}"), on=keys)
    return _nearest(rows.join(places[["latitude", "longitude", "time"]], on="cast_id"), depth_m, target)


def law_errors(training, laws, depth_m):
    """Error of each cast near a depth about power laws of C:Th, in the columns that `cast_errors` gives for a model.

    The laws were fitted to the same ratios: these errors are in-sample, and a little too small. Nothing is left out, so
    both errors are the same, and the folds of blocks only say which casts make pairs.

    Parameters
    ----------
    training : DataFrame
        training.parquet.
    laws : dict of str to carbon.PowerLaw
        By basin, as `carbon.fit_regional_laws` gives them; a row takes the law of its basin, else the global one.
    depth_m : float
        m.

    Returns
    -------
    DataFrame
        As `cast_errors` gives it.
    """
    rows = training[training["target"] == "c_th"].reset_index(drop=True)
    law = carbon.law_of_region(ocean.basin(rows["latitude"], rows["longitude"]), laws)
    law_ratio = carbon.power_law(np.maximum(rows["depth_m"], LAW_TOP_M), law)
    value, prediction = (features.transform(ratio, "c_th") for ratio in (rows["value"], law_ratio))
    error = value - prediction
    near = _nearest(rows.assign(prediction=prediction, error=error, block_error=error, block_fold=0), depth_m, "c_th")
    return near.assign(block_fold=np.unique(blocks(near), return_inverse=True)[1] % LAW_FOLDS)


def error_correlation(one, other):
    """How errors of two quantities go together at the casts that have both, each campaign with the weight of the fit.

    Parameters
    ----------
    one, other : DataFrame
        From `cast_errors` or `law_errors`.

    Returns
    -------
    r, casts, campaigns
        r is NaN below ten campaigns that have both.
    """
    both = one.merge(other[["cast_id", "error"]], on="cast_id", suffixes=("", "_other"))
    campaigns = both["campaign"].nunique()
    if campaigns < MIN_CAMPAIGNS:
        return np.nan, len(both), campaigns
    (a, ab), (_, b) = np.cov(both["error"], both["error_other"], aweights=features.weights(both))
    return float(ab / np.sqrt(a * b)), len(both), campaigns


def _nearest(rows, depth_m, target):
    away = np.abs(np.log(np.maximum(rows["depth_m"], 1.0) / max(depth_m, 1.0)))
    known = np.isfinite(rows["error"]) & np.isfinite(rows["block_error"])
    near = rows.assign(away=away)[known & (away <= np.log(DEPTH_FACTOR) + 1e-9)]
    near = near.sort_values(["away", "cast_id"], kind="stable").drop_duplicates("cast_id").sort_values("cast_id")
    found = near["campaign"].nunique()
    if found < MIN_CAMPAIGNS:
        raise UserError(
            f"held-out errors of {target} near {depth_m:g} m come from {found} campaigns; the interval of a total "
            f"needs {MIN_CAMPAIGNS}: choose another depth, or add data"
        )
    columns = [
        "cast_id",
        "campaign",
        "latitude",
        "longitude",
        "time",
        "prediction",
        "error",
        "block_error",
        "block_fold",
    ]
    return near[columns].reset_index(drop=True)


# --- What errors share ------------------------------------------------------------------------------


def _place(lat, lon):
    """Points on the sphere, km, shape (n, 3)."""
    return EARTH_RADIUS_KM * ocean.unit_vectors(lat, lon)


def _season(day):
    """Points on the circle of the year, d, shape (n, 2)."""
    angle = 2 * np.pi * np.asarray(day, float) / ocean.YEAR_D
    return ocean.YEAR_D / (2 * np.pi) * np.column_stack([np.cos(angle), np.sin(angle)])


def error_pairs(errors):
    """Products of errors of two casts, summed by pair of campaigns and class of distance.

    Only casts of the same fold of blocks make pairs. Their predictions come from one model, which knew neither. Across
    folds one cast has taught the model that judges the other: a high value there lifts the prediction here, and errors
    that truly go together seem to be unrelated.

    Parameters
    ----------
    errors : DataFrame
        From `cast_errors`.

    Returns
    -------
    DataFrame
        a, b (campaigns, counted from 0 in sorted order), cls (class of distance and season; those within a campaign are
        classes of their own), weight, and weighted sums product, km, days.
    """
    member = np.unique(errors["campaign"], return_inverse=True)[1]
    w = features.weights(errors)
    centred = errors["block_error"].to_numpy() - np.average(errors["block_error"], weights=w)
    place, season = _place(errors["latitude"], errors["longitude"]), _season(ocean.day_of_year(errors["time"]))
    tables = []
    for fold in np.unique(errors["block_fold"]):
        rows = np.flatnonzero(errors["block_fold"] == fold)
        i, j = (rows[k] for k in np.triu_indices(len(rows), 1))
        km = np.linalg.norm(place[i] - place[j], axis=1)
        days = np.linalg.norm(season[i] - season[j], axis=1)
        far, late = np.searchsorted(DISTANCE_EDGES_KM, km, "right"), np.searchsorted(SEASON_EDGES_D, days, "right")
        cls = (far * len(SEASON_EDGES_D) + late) * 2 + (member[i] == member[j])
        weight = w[i] * w[j]
        df = pd.DataFrame({"a": member[i], "b": member[j], "cls": cls, "weight": weight})
        df = df.assign(product=weight * centred[i] * centred[j], km=weight * km, days=weight * days)
        tables.append(df.groupby(["a", "b", "cls"], as_index=False).sum())
    return pd.concat(tables, ignore_index=True)


def fit_field(pairs, counts=None):
    """Field of errors that explains the products of errors best, by weighted least squares over classes of pairs.

    Within a campaign casts share more than the field: the anomaly of that cruise and year. It has a variance of its
    own, so that only what different campaigns share counts as an error of the map.

    Parameters
    ----------
    pairs : DataFrame
        From `error_pairs`.
    counts : array of int, shape (campaigns,), optional
        How often each campaign counts, for a bootstrap.

    Returns
    -------
    ErrorField
    """
    within, sums = pairs["a"] == pairs["b"], pairs[["weight", "product", "km", "days"]].to_numpy()
    if counts is not None:
        times = np.where(within, counts[pairs["a"]], counts[pairs["a"]] * counts[pairs["b"]])
        sums = sums * times[:, None]
    cls = pairs["cls"].to_numpy()
    weight, product, km, days = (np.bincount(cls, column) for column in sums.T)
    there = np.flatnonzero(weight > 0)
    weight, inside = weight[there], (there % 2).astype(float)
    product, km, days = (column[there] / weight for column in (product, km, days))
    root, best = np.sqrt(weight), (np.inf, ErrorField(0.0, LENGTHS_KM[0], SEASONS_D[-1]))
    if not len(there):
        return best[1]
    for length in LENGTHS_KM:
        for season in SEASONS_D:
            shape = np.exp(-np.hypot(km / length, days / season))
            (variance, anomaly), miss = nnls(np.column_stack([shape, inside]) * root[:, None], product * root)
            if miss < best[0]:
                best = (miss, ErrorField(float(variance), length, season, float(anomaly)))
    return best[1]


def random_field(rng, place, season, field, n_waves=N_WAVES):
    """One draw of a field of variance 1 with the correlation of an `ErrorField`, as a sum of waves.

    Waves in the space of place and season have random phases and wave numbers from the spectrum of the correlation:
    exp(-h) is the characteristic function of a Cauchy distribution (random Fourier features, Rahimi & Recht 2007).
    There is no grid in it and no matrix of covariances: any cells will do.

    Parameters
    ----------
    rng : numpy Generator
    place : array, shape (cells, 3)
        Points on the sphere, km.
    season : array, shape (months, 2)
        Points on the circle of the year, d.
    field : ErrorField
    n_waves : int

    Returns
    -------
    float32 array, shape (cells, months)
    """
    # the same Cauchy divisor in all five directions, for a correlation that depends on h alone; waves much shorter than
    # the field is long are noise to any cell
    wave = rng.normal(size=(5, n_waves)) / np.maximum(np.abs(rng.normal(size=n_waves)), _SHORTEST)
    start = rng.uniform(0, 2 * np.pi, n_waves)
    a, b = place @ (wave[:3] / field.length_km) + start, season @ (wave[3:] / field.season_d)
    a, b = a.astype(np.float32), b.astype(np.float32)
    return np.sqrt(np.float32(2.0 / n_waves)) * (np.cos(a) @ np.cos(b).T - np.sin(a) @ np.sin(b).T)


# --- Draws ------------------------------------------------------------------------------------------


def _spread(error, prediction, weight):
    """Spread of errors as a straight line of the prediction, in units of the mean: small fluxes err by larger factors.

    Returns
    -------
    function of the prediction, between a half and two
    """
    middle, root = np.average(prediction, weights=weight), np.sqrt(weight)
    design = np.column_stack([np.ones_like(prediction), prediction - middle]) * root[:, None]
    level, slope = np.linalg.lstsq(design, np.abs(error) * root, rcond=None)[0]
    relative = slope / level if level > 0 else 0.0
    return lambda at: np.clip(1.0 + relative * (at - middle), 0.5, 2.0)


class _Source:
    """Errors of one target, ready to be drawn, and its map on the scale of its model."""

    def __init__(self, prediction, errors, target):
        self.target, self.at = target, features.transform(prediction, target).astype(np.float32)
        self.error, self.prediction = errors["error"].to_numpy(float), errors["prediction"].to_numpy(float)
        self.weight, self.pairs = features.weights(errors), error_pairs(errors)
        self.member = np.unique(errors["campaign"], return_inverse=True)[1]
        self.ends = np.nanmin(self.at), np.nanmax(self.at)

    def draw(self, rng, place, season):
        """One map in the unit of the target: campaigns drawn anew, a field of errors, and the mean over the rest."""
        n = self.member.max() + 1
        counts = redrawn(n, seed=rng)
        weight = self.weight * counts[self.member]
        constant = np.average(self.error, weights=weight)
        rest = self.error - constant
        spread = _spread(rest, self.prediction, weight)
        rest = rest / spread(self.prediction)
        variance = np.average(rest**2, weights=weight)
        field = fit_field(self.pairs, counts)
        shared = min(field.variance, variance)
        at, reach = self.at + np.float32(constant), 0.0
        if shared > 0:
            error = random_field(rng, place, season, field) * np.float32(np.sqrt(shared))
            at, reach = at + error, np.abs(error).max()
        # mean over the rest (Duan 1983), which depends on the value alone: computed at knots, interpolated to the cells
        knots = np.linspace(self.ends[0] + constant - reach, self.ends[1] + constant + reach + _TINY, _KNOTS)
        left = np.sqrt(np.maximum(spread(knots) ** 2 - shared / variance, 0.0)) if variance > 0 else np.zeros(_KNOTS)
        once, where = np.nonzero(weight)[0], weight[weight > 0] / weight.sum()
        mean = features.inverse(knots[:, None] + left[:, None] * rest[once], self.target) @ where
        return np.interp(at, knots, mean)


def draw_totals(predictions, errors, n_draws=N_DRAWS, seed=0):
    """Interval of the carbon that sinks in a year, over the globe, by basin and by latitude band, from drawn maps.

    A drawn map is the prediction, on the scale of the model, plus (1) one constant for all cells: the mean held-out
    error of campaigns drawn anew with replacement; (2) a field that is correlated in space and season (`fit_field` on
    the same campaigns); turned back to the unit as the mean over (3) the rest of the held-out errors, which is that of
    single cruises, casts and measurements and averages out. Its spread follows the prediction (small fluxes err by
    larger factors), not depth, to which all errors are near, nor the area of applicability. Of two targets both are
    drawn, one independent of the other, and multiplied: that their errors do not go together is assumed
    (`error_correlation` says how far it holds).

    The interval says how far a sum may be off by errors like those seen on campaigns left out. That ships go where it
    blooms, other years, and places unlike any that were sampled are not in it.

    Parameters
    ----------
    predictions : dict of str to DataArray, dims (month, lat, lon)
        Middle values as mapped, by target: poc_flux (mmol m-2 d-1), or th234_flux (dpm m-2 d-1) and c_th (umol dpm-1).
    errors : dict of str to DataFrame
        By target, from `cast_errors` or `law_errors`.
    n_draws, seed : int

    Returns
    -------
    DataFrame
        region_kind, region, total_pg_yr (mean of the draws), lower_pg_yr, upper_pg_yr (90 % interval), n_draws; the
        regions of `integrate_poc`.

    Raises
    ------
    UserError
        When the maps have no value in common.
    """
    maps = {target: da.transpose("month", "lat", "lon") for target, da in predictions.items()}
    first = next(iter(maps.values()))
    known = np.logical_and.reduce([np.isfinite(da.to_numpy()) for da in maps.values()])
    cell = known.any(axis=0)
    if not cell.any():
        raise UserError(f"no cell has a value of {' and '.join(maps)}: there is nothing to add up")
    known = known[:, cell].T
    lat, lon = (axis[cell] for axis in np.meshgrid(first["lat"], first["lon"], indexing="ij"))
    place, season = _place(lat, lon), _season(ocean.month_day()[first["month"].to_numpy() - 1])
    sources = [
        _Source(np.where(known, da.to_numpy()[:, cell].T, np.nan), errors[target], target)
        for target, da in maps.items()
    ]
    area = weights(first).transpose("lat", "month").to_numpy()[np.nonzero(cell)[0]]
    index, member = _members(regions(first), cell)
    rng, sums = np.random.default_rng(seed), np.empty((n_draws, len(index)))
    for draw in range(n_draws):
        values = [source.draw(rng, place, season) for source in sources]
        poc = values[0] if len(values) == 1 else carbon.poc_flux(*values)
        sums[draw] = member @ np.where(known, poc * area, 0.0).sum(axis=1) * PG_PER_MMOL
    lower, upper = np.percentile(sums, [50 * (1 - LEVEL), 50 * (1 + LEVEL)], axis=0)
    columns = {"total_pg_yr": sums.mean(axis=0), "lower_pg_yr": lower, "upper_pg_yr": upper, "n_draws": n_draws}
    return index.assign(**columns)


def interval_about(totals, drawn):
    """Intervals of totals: as wide as those of drawn maps, in proportion, about the sums of the map itself.

    Parameters
    ----------
    totals : DataFrame
        From `integrate_poc`.
    drawn : DataFrame
        From `draw_totals` of the same map.

    Returns
    -------
    DataFrame
        region_kind, region, total_pg_yr of `totals`, lower_pg_yr, upper_pg_yr, n_draws.
    """
    keys = ["region_kind", "region"]
    both = totals[[*keys, "total_pg_yr"]].merge(drawn, on=keys, suffixes=("", "_drawn"))
    scale = both["total_pg_yr"] / both.pop("total_pg_yr_drawn")
    return both.assign(**{name: both[name] * scale for name in ("lower_pg_yr", "upper_pg_yr")})


def _members(names, cell):
    """Regions as rows of a table, and which cells each holds, bool array of shape (regions, cells)."""
    found = {kind: pd.unique(of[cell]) for kind, of in names.items()}
    index = pd.DataFrame([(kind, region) for kind, some in found.items() for region in some])
    member = np.concatenate([found[kind][:, None] == of[cell] for kind, of in names.items()])
    return index.set_axis(["region_kind", "region"], axis=1), member
