"""Honest scores: every value predicted by models that had not seen its campaign, beside the splits that flatter."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from seaofcarbon import carbon, files
from seaofcarbon.learn import features
from seaofcarbon.learn.campaigns import SPLITS, folds, leakage
from seaofcarbon.learn.models import KINDS, MEMBERS, fit_estimator
from seaofcarbon.learn.tune import WHOLE, parts
from seaofcarbon.learn.uncertainty import conformal_half_width
from seaofcarbon.vocabulary import CARBON_G_PER_MOL

BASELINES = ("constant", "median by latitude and depth", "published, refitted", "XGBoost as it comes")

PUBLISHED = {
    "poc_flux": "Henson et al. (2011) with Martin's attenuation",
    "th234_flux": "Henson et al. (2011) with Martin's attenuation, over C:234Th of Owens et al. (2015)",
    "c_th": "Owens et al. (2015)",
}
"""The published form that stands behind `published, refitted`."""

MAX_ROWS = 5000
"""Rows of a target that are scored: beyond that, neighbours in a cast and a campaign repeat each other."""

FIT_ROWS = 12000
"""Rows that the final model of a target learns from; more bring next to nothing, and maps take longer."""

COLUMNS = [
    "target", "model", "split", "fold", "cast_id", "value", "prediction", "lower", "upper", "campaign", "depth_m",
]  # fmt: skip
"""What validation.csv holds."""

DEPTH_CLASSES_M = (0.0, 37.5, 75.0, 125.0, 175.0, np.inf)


# --- Folds -------------------------------------------------------------------------------------------


def fold_numbers(table, n_folds=5, seed=0):
    """Leave-campaign-out fold of each row, int array of shape (n,)."""
    number = np.empty(len(table), int)
    for k, (_, test) in enumerate(folds(table, "campaign", n_folds, seed)):
        number[test] = k
    return number


def splits(table, n_folds=5, seed=0):
    """The three splits, by name; the campaign split is that of `fold_numbers`."""
    return {kind: folds(table, kind, n_folds, seed) for kind in SPLITS}


def leakages(table, n_folds=5, seed=0):
    """Share of test rows that have a training row within 300 km and 20 days, by split."""
    return {kind: leakage(table, split) for kind, split in splits(table, n_folds, seed).items()}


# --- Baselines -----------------------------------------------------------------------------------------


def published(table, target):
    """What a published form says at each row, in the unit of the target; None if there is none for it."""
    depth = table["depth_m"].to_numpy(float)
    if target == "c_th":
        return carbon.ratio_owens2015(np.clip(depth, 30.0, 300.0))
    if target not in PUBLISHED:
        return None
    npp = table["npp"].to_numpy(float) / CARBON_G_PER_MOL
    at_100 = carbon.henson2011(table["sst"].to_numpy(float)) * np.maximum(npp, 0.1)
    poc = carbon.martin1987(at_100, np.maximum(depth, 10.0))
    return poc if target == "poc_flux" else 1000.0 * poc / carbon.ratio_owens2015(np.clip(depth, 30.0, 300.0))


def _refitted(x, y, weight, train, test):
    if x is None or not np.isfinite(x).all():
        return np.full(len(test), np.nan)
    design = np.column_stack([np.ones(len(x)), x])
    root = np.sqrt(weight)[:, None]
    return design[test] @ np.linalg.lstsq(design[train] * root, y[train] * root[:, 0], rcond=None)[0]


def _median_by_place(table, y, train, test):
    band = np.floor((table["latitude"].to_numpy(float) + 90.0) / 20.0).astype(int)
    layer = np.searchsorted(DEPTH_CLASSES_M, table["depth_m"].to_numpy(float), side="right")
    known = pd.DataFrame({"band": band[train], "layer": layer[train], "y": y[train]})
    place = pd.MultiIndex.from_arrays([band[test], layer[test]])
    result = known.groupby(["band", "layer"])["y"].median().reindex(place).to_numpy()
    by_layer = known.groupby("layer")["y"].median().reindex(layer[test]).to_numpy()
    result = np.where(np.isnan(result), by_layer, result)
    return np.where(np.isnan(result), np.median(y[train]), result)


# --- Cross-validation ------------------------------------------------------------------------------------


def cross_validate(table, target, names, settings, n_folds=5, seed=0, kinds=SPLITS, workers=2):
    """Predict every value from the training sides of each split.

    In the campaign and block splits a row is predicted with settings that were tuned without its third of the
    campaigns; random folds, which are no honest score anyhow, use the settings of all.

    Parameters
    ----------
    table : DataFrame
        Rows of `features.training_table` of this target.
    target : str
    names : sequence of str
        Features.
    settings : dict
        part ("0", "1", "2" or "all") -> "rf" or "xgb" -> settings, from `tune.tune`.
    n_folds, seed : int
        As in `fold_numbers`.
    kinds : sequence of str
        Splits to make.
    workers : int
        Fits that run side by side.

    Returns
    -------
    DataFrame
        One row per value, model and split: target, model, split, fold, cast_id, value, prediction, lower, upper, then
        campaign, time, latitude, longitude, depth_m. Intervals come from the residuals of the other folds.
    """
    X, y = features.matrix(table, names), features.transform(table["value"], target)
    guess = published(table, target)
    guess = None if guess is None else features.transform(guess, target)
    part = parts(fold_numbers(table, n_folds, seed))
    jobs = [(kind, k, *sides) for kind in kinds for k, sides in enumerate(folds(table, kind, n_folds, seed))]

    def tuned(member, train, test, weight, part):
        """Predict each part of the test side with its own settings; settings that parts share are fitted once."""
        out, fitted = np.empty(len(test)), {}
        for p in np.unique(part):
            chosen = settings[p][member]
            key = tuple(chosen.items())
            if key not in fitted:
                fitted[key] = fit_estimator(member, chosen, X[train], y[train], weight, seed)
            out[part == p] = fitted[key].predict(X[test[part == p]])
        return out

    def work(job):
        kind, _, train, test = job
        weight = features.weights(table.iloc[train])
        own = np.full(len(test), WHOLE) if kind == "random" else part[test]
        out = {member: tuned(member, train, test, weight, own) for member in KINDS}
        return {
            "mean": (out["rf"] + out["xgb"]) / 2, **out,
            "constant": np.full(len(test), np.average(y[train], weights=weight)),
            "median by latitude and depth": _median_by_place(table, y, train, test),
            "published, refitted": _refitted(guess, y, weight, train, test),
            "XGBoost as it comes": fit_estimator("xgb", {}, X[train], y[train], weight, seed).predict(X[test]),
        }  # fmt: skip

    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(work, jobs))
    frames = []
    for kind in kinds:
        fold, predicted = np.empty(len(y), int), {m: np.empty(len(y)) for m in (*MEMBERS, *BASELINES)}
        for (split, k, _, test), result in zip(jobs, results, strict=True):
            if split == kind:
                fold[test] = k
                for m, values in result.items():
                    predicted[m][test] = values
        frames += [_rows(table, target, kind, m, fold, y, p) for m, p in predicted.items() if np.isfinite(p).all()]
    return pd.concat(frames, ignore_index=True)


def _rows(table, target, split, model, fold, y, predicted):
    residual, campaign = y - predicted, table["campaign"].to_numpy()
    half = np.array([
        conformal_half_width(residual[fold != k], campaign[fold != k]) for k in range(fold.max() + 1)
    ])[fold]  # fmt: skip
    ends = {name: features.inverse(predicted + sign * half, target) for name, sign in (("lower", -1), ("upper", 1))}
    return pd.DataFrame({
        "target": target, "model": model, "split": split, "fold": fold, "cast_id": table["cast_id"],
        "value": table["value"], "prediction": features.inverse(predicted, target), **ends,
        "campaign": campaign, "time": table["time"], "latitude": table["latitude"], "longitude": table["longitude"],
        "depth_m": table["depth_m"],
    })  # fmt: skip


def write(validation, path):
    """Write validation.csv: every held-out prediction, numbers with the seven digits that they have."""
    numbers = dict.fromkeys(("value", "prediction", "lower", "upper", "depth_m"), np.float32)
    files.write_csv(validation[COLUMNS].astype(numbers), path)


def card_of(scores, leaks, n_folds, n_trials):
    """What a model card says of the validation: scheme, scores, leakage of each split, limits."""
    keep = [name for name in scores if name not in ("target", "bias")]
    return {
        "scheme": (
            f"{n_folds} folds of whole campaigns; settings of each third of the campaigns tuned on the other two "
            f"({n_trials} trials a study), so no campaign is scored with settings that it helped to choose."
        ),
        "scores": scores[keep].to_dict("records"), "leakage": leaks,
        "limits": [
            "0 to 250 m, and inside the area of applicability only, where the interval holds as well",
            "inputs are climatologies: what was special about a year cannot be predicted",
            "on a log scale a prediction is a middle value: means and totals need its residuals (smearing)",
            "the interval is for one measurement, not for a mean",
        ],
    }  # fmt: skip


def residuals(validation, target, split="campaign"):
    """Held-out errors, value minus prediction on the scale of the model, for `Model.fit`.

    Returns
    -------
    DataFrame
        campaign, mean, rf, xgb; one row per value.
    """
    rows = validation[(validation["target"] == target) & (validation["split"] == split)]
    out = {}
    for model in MEMBERS:
        one = rows[rows["model"] == model]
        out["campaign"] = one["campaign"].to_numpy()
        out[model] = features.transform(one["value"], target) - features.transform(one["prediction"], target)
    return pd.DataFrame(out)


# --- Scores --------------------------------------------------------------------------------------------


def _sums(y, p, campaign):
    """Sums per campaign that R2 and its bootstrap are made of, shape (campaigns, 4)."""
    _, member = np.unique(campaign, return_inverse=True)
    columns = (np.ones_like(y), y, y**2, (y - p) ** 2)
    return np.column_stack([np.bincount(member, weights=column) for column in columns])


def _r2_of_sums(sums):
    n, total, squares, error = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1.0 - error / (squares - total**2 / n)


def _score(rows, target, draws, seed):
    y, p = features.transform(rows["value"], target), features.transform(rows["prediction"], target)
    sums = _sums(y, p, rows["campaign"].to_numpy())
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=draws)
    low, high = np.nanpercentile(_r2_of_sums(counts @ sums), [2.5, 97.5])
    value, prediction = rows["value"].to_numpy(float), rows["prediction"].to_numpy(float)
    inside = (value >= rows["lower"].to_numpy()) & (value <= rows["upper"].to_numpy())
    return {
        "values": len(y), "campaigns": len(sums),
        "r2": float(_r2_of_sums(sums.sum(axis=0))), "r2_low": low, "r2_high": high,
        "rmse": float(np.sqrt(np.mean((y - p) ** 2))), "bias": float(np.mean(p - y)),
        "r2_in_unit": float(_r2_of_sums(_sums(value, prediction, np.zeros(len(y), int)).sum(axis=0))),
        "coverage": inside.mean(), "width": float(np.median(rows["upper"] - rows["lower"])),
    }  # fmt: skip


def scores(validation, by=(), draws=500, seed=0):
    """Skill of each target, model and split.

    Parameters
    ----------
    validation : DataFrame
        From `cross_validate`.
    by : sequence of str
        More columns to group by, such as a basin.
    draws, seed : int
        Bootstrap over campaigns.

    Returns
    -------
    DataFrame
        target, model, split, *by, values, campaigns; r2 with the ends of its 95 % bootstrap interval, rmse and bias on
        the scale of the model; r2_in_unit; coverage of the 90 % interval and its median width in the unit.
    """
    keys = ["target", "model", "split", *by]
    rows = [
        dict(zip(keys, key, strict=True)) | _score(group, key[0], draws, seed)
        for key, group in validation.groupby(keys, sort=False)
    ]
    return pd.DataFrame(rows)
