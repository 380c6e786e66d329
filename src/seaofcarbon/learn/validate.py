"""Honest scores: every value predicted by models that had not seen its campaign, beside the splits that flatter."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from seaofcarbon import files
from seaofcarbon.learn import features, rivals
from seaofcarbon.learn.campaigns import SPLITS, folds, leakage, redrawn
from seaofcarbon.learn.models import DEFAULTS, KINDS, fit_estimator
from seaofcarbon.learn.tune import WHOLE, parts
from seaofcarbon.learn.uncertainty import LEVEL, Width, conformal_half_width, interval_score

MAX_ROWS = 5000
"""Rows of a target that are scored: beyond that, neighbours in a cast and a campaign repeat each other."""

UNTUNED = "untuned"
"""Stands for `DEFAULTS` among the parts of the campaigns."""

FIT_ROWS = 12000
"""Rows that the final model of a target learns from; more bring next to nothing, and maps take longer."""

COLUMNS = [
    "target", "model", "split", "fold", "cast_id", "value", "prediction", "lower", "upper", "campaign", "depth_m",
]  # fmt: skip
"""What validation.csv holds."""


# --- Folds -------------------------------------------------------------------------------------------


def fold_numbers(table, n_folds=5, seed=0):
    """Leave-campaign-out fold of each row, int array of shape (n,).

    Parameters
    ----------
    table : DataFrame
        With the columns that `campaigns.folds` needs.
    n_folds : int
    seed : int

    Returns
    -------
    ndarray of int (n,)
    """
    number = np.empty(len(table), int)
    for k, (_, test) in enumerate(folds(table, "campaign", n_folds, seed)):
        number[test] = k
    return number


def splits(table, n_folds=5, seed=0):
    """The three splits, by name; the campaign split is that of `fold_numbers`."""
    return {kind: folds(table, kind, n_folds, seed) for kind in SPLITS}


def leakages(table, n_folds=5, seed=0):
    """Share of test rows that have a training row within 300 km and 20 days, by split.

    Parameters
    ----------
    table : DataFrame
        With the columns that `campaigns.folds` needs.
    n_folds : int
    seed : int

    Returns
    -------
    dict of str to float
        By split, from 0 to 1.
    """
    return {kind: leakage(table, split) for kind, split in splits(table, n_folds, seed).items()}


# --- Cross-validation ------------------------------------------------------------------------------------


def cross_validate(
    table, target, names, settings, n_folds=5, seed=0, kinds=SPLITS, workers=2, with_rivals=True, every_form=False
):
    """Predict every value from the training sides of each split.

    With campaigns left out a row is predicted with settings that were tuned without its third of the campaigns. With
    blocks left out it is predicted with `DEFAULTS`, the settings that tuning starts from: tuned ones have seen other
    campaigns of the block. Random folds, which are no honest score anyhow, use the settings of all.

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
    with_rivals, every_form : bool
        Also predict with `rivals.predict`.

    Returns
    -------
    DataFrame
        One row per value, model and split: target, model, split, fold, cast_id, value, prediction, lower, upper, then
        campaign, time, latitude, longitude, depth_m. Intervals come from the residuals of other campaigns in the other
        folds (cross-conformal: the models behind these residuals had learnt from this fold, as in CV+ of Barber et al.
        2021, which makes them a little narrow).
    """
    X, y = features.matrix(table, names), features.transform(table["value"], target)
    part = parts(fold_numbers(table, n_folds, seed))
    jobs = [(kind, k, *sides) for kind in kinds for k, sides in enumerate(folds(table, kind, n_folds, seed))]

    def tuned(member, train, test, weight, part):
        """Predict each part of the test side with its own settings; settings that parts share are fitted once."""
        out, fitted = np.empty(len(test)), {}
        for p in np.unique(part):
            chosen = (settings | {UNTUNED: DEFAULTS})[p][member]
            key = tuple(chosen.items())
            if key not in fitted:
                fitted[key] = fit_estimator(member, chosen, X[train], y[train], weight, seed)
            out[part == p] = fitted[key].predict(X[test[part == p]])
        return out

    def work(job):
        kind, _, train, test = job
        weight = features.weights(table.iloc[train])
        own = part[test] if kind == "campaign" else np.full(len(test), WHOLE if kind == "random" else UNTUNED)
        out = {member: tuned(member, train, test, weight, own) for member in KINDS}
        others = rivals.predict(table, target, names, train, test, seed, every_form) if with_rivals else {}
        return {"mean": (out["rf"] + out["xgb"]) / 2, **out, **others}

    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(work, jobs))
    frames = []
    for kind in kinds:
        fold, predicted = np.empty(len(y), int), {m: np.empty(len(y)) for m in results[0]}
        for (split, k, _, test), result in zip(jobs, results, strict=True):
            if split == kind:
                fold[test] = k
                for m, values in result.items():
                    predicted[m][test] = values
        frames += [_rows(table, target, kind, m, fold, y, p) for m, p in predicted.items()]
    return pd.concat(frames, ignore_index=True)


def _rows(table, target, split, model, fold, y, predicted):
    residual, campaign, depth = y - predicted, table["campaign"].to_numpy(), table["depth_m"].to_numpy(float)
    half = np.empty(len(y))
    for k in range(fold.max() + 1):
        test = fold == k
        other = ~test if split == "random" else ~np.isin(campaign, campaign[test])
        half[test] = Width.fit(residual[other], campaign[other], depth[other]).at(depth[test])
    ends = {name: features.inverse(predicted + sign * half, target) for name, sign in (("lower", -1), ("upper", 1))}
    return pd.DataFrame({
        "target": target, "model": model, "split": split, "fold": fold, "cast_id": table["cast_id"],
        "value": table["value"], "prediction": features.inverse(predicted, target), **ends,
        "campaign": campaign, "time": table["time"], "latitude": table["latitude"], "longitude": table["longitude"],
        "depth_m": depth,
    })  # fmt: skip


def write(validation, path):
    """Write validation.csv: every held-out prediction, numbers with the seven digits that they have.

    Parameters
    ----------
    validation : DataFrame
        As `cross_validate` gives it.
    path : str or Path
    """
    numbers = dict.fromkeys(("value", "prediction", "lower", "upper", "depth_m"), np.float32)
    files.write_csv(validation[COLUMNS].astype(numbers), path)


def card_of(scores, leaks, n_folds, n_trials):
    """What a model card says of the validation: scheme, scores, leakage of each split, limits.

    Parameters
    ----------
    scores : DataFrame
        As `scores` gives it.
    leaks : dict of str to float
        As `leakages` gives it.
    n_folds, n_trials : int

    Returns
    -------
    dict
    """
    keep = [name for name in scores if name not in ("target", "bias")]
    return {
        "scheme": (
            f"{n_folds} folds of whole campaigns; settings of each third of the campaigns tuned on the other two "
            f"({n_trials} trials a study), so no campaign is scored with settings that it helped to choose; blocks are "
            "scored with the settings that tuning starts from."
        ),
        "scores": scores[keep].to_dict("records"), "leakage": leaks,
        "limits": [
            "0 to 250 m, and inside the area of applicability only, where the interval holds as well",
            "inputs are climatologies: what was special about a year cannot be predicted",
            "on a log scale a prediction is a middle value: means and totals need the factor of its held-out sums",
            "the interval is for one measurement, not for a mean",
        ],
    }  # fmt: skip


def residuals(validation, table, target, split="campaign"):
    """Held-out errors of the mean of both models, for `Model.fit`.

    Parameters
    ----------
    validation : DataFrame
        From `cross_validate`.
    table : DataFrame
        What was validated: its rows of this target, in the same order.
    target, split : str

    Returns
    -------
    DataFrame
        The columns of the table, `prediction`, and `residual`, value minus prediction on the scale of the model.
    """
    rows = validation.query("target == @target and split == @split and model == 'mean'")
    error = features.transform(rows["value"], target) - features.transform(rows["prediction"], target)
    given = {"prediction": rows["prediction"].to_numpy(), "residual": np.asarray(error)}
    return table.reset_index(drop=True).assign(**given)


# --- Scores --------------------------------------------------------------------------------------------


def campaign_sums(y, predicted, campaign, n_campaigns=None):
    """Sums per campaign that R2 and its bootstrap are made of, shape (campaigns, 4); `campaign` counts from 0."""
    columns = (np.ones_like(y), y, y**2, (y - predicted) ** 2)
    return np.column_stack([np.bincount(campaign, column, n_campaigns or 0) for column in columns])


def r2_of_sums(sums):
    """R2 of sums of `campaign_sums` over campaigns, shape (..., 4)."""
    n, total, squares, error = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1.0 - error / (squares - total**2 / n)


def _score(rows, target, draws, seed):
    y, p, low, high = (features.transform(rows[n], target) for n in ("value", "prediction", "lower", "upper"))
    _, campaign = np.unique(rows["campaign"], return_inverse=True)
    sums = campaign_sums(y, p, campaign)
    counts = redrawn(len(sums), draws, seed)
    r2_ends = np.nanpercentile(r2_of_sums(counts @ sums), [2.5, 97.5])
    value, prediction = rows["value"].to_numpy(float), rows["prediction"].to_numpy(float)
    inside = (value >= rows["lower"].to_numpy()) & (value <= rows["upper"].to_numpy())
    met = np.column_stack([np.bincount(campaign, inside), sums[:, 0]])
    covered, of = np.moveaxis(counts @ met, -1, 0)
    coverage_ends = np.nanpercentile(covered / np.where(of > 0, of, np.nan), [2.5, 97.5])
    return {
        "values": len(y), "campaigns": len(sums),
        "r2": float(r2_of_sums(sums.sum(axis=0))), "r2_low": r2_ends[0], "r2_high": r2_ends[1],
        "rmse": float(np.sqrt(np.mean((y - p) ** 2))), "bias": float(np.mean(p - y)),
        "r2_in_unit": float(r2_of_sums(campaign_sums(value, prediction, np.zeros(len(y), int)).sum(axis=0))),
        "coverage": inside.mean(), "coverage_low": coverage_ends[0], "coverage_high": coverage_ends[1],
        "width": float(np.median(rows["upper"] - rows["lower"])),
        "interval_score": float(np.mean(interval_score(y, low, high))),
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
        target, model, split, those of `by`, values, campaigns; r2 with the ends of its 95 % bootstrap interval, rmse
        and bias on the scale of the model; r2_in_unit; coverage of the 90 % interval with the ends of its bootstrap
        interval, its median width in the unit, and its mean interval score on the scale of the model.
    """
    keys = ["target", "model", "split", *by]
    rows = [
        dict(zip(keys, key, strict=True)) | _score(group, key[0], draws, seed)
        for key, group in validation.groupby(keys, sort=False)
    ]
    return pd.DataFrame(rows)


def interval_table(validation, target, model="mean"):
    """Our intervals beside those of one width for all, where campaigns were left out.

    Parameters
    ----------
    validation : DataFrame
        As `cross_validate` gives it.
    target : str
    model : str

    Returns
    -------
    DataFrame
        By interval: coverage, mean width and mean interval score, on the scale of the model (small scores are good).
    """
    rows = validation.query("target == @target and model == @model and split == 'campaign'")
    y, p, low, high = (features.transform(rows[n], target) for n in ("value", "prediction", "lower", "upper"))
    fold, campaign, same = rows["fold"].to_numpy(), rows["campaign"].to_numpy(), np.empty(len(y))
    for k in np.unique(fold):
        other = fold != k
        same[fold == k] = conformal_half_width((y - p)[other], campaign[other], LEVEL)
    out = {}
    for name, (lower, upper) in {"ours": (low, high), "one width for all": (p - same, p + same)}.items():
        out[name] = {
            "coverage": np.mean((y >= lower) & (y <= upper)), "mean width": np.mean(upper - lower),
            "interval score": np.mean(interval_score(y, lower, upper)),
        }  # fmt: skip
    return pd.DataFrame(out).T
