"""What the models have learnt: importance on campaigns they have not seen, SHAP, partial dependence."""

import numpy as np
import pandas as pd

from seaofcarbon.learn import features
from seaofcarbon.learn.campaigns import redrawn
from seaofcarbon.learn.models import KINDS, fit_estimator
from seaofcarbon.learn.validate import campaign_sums, r2_of_sums

GROUPS = {
    "temperature": ("temperature",), "depth": ("depth_m",), "position": ("latitude", "longitude_sin", "longitude_cos"),
    "NPP": ("npp",), "day of year": ("day_sin", "day_cos"), "chlorophyll": ("chlorophyll",), "SST": ("sst",),
    "mixed layer depth": ("mixed_layer_depth",), "nitrate": ("nitrate",), "bottom depth": ("bottom_depth",),
}  # fmt: skip
"""Features that say one thing together, and are shuffled together."""

COORDINATES = ("latitude", "longitude_sin", "longitude_cos")
"""A position stands for all that differs between regions; without it a model must use the sea itself."""


def groups_of(names):
    """Groups that the features `names` form, by name."""
    held = {group: tuple(n for n in members if n in names) for group, members in GROUPS.items()}
    return {group: members for group, members in held.items() if members}


# --- Importance ------------------------------------------------------------------------------------------


def permutation_importance(table, target, names, settings, part, repeats=3, seed=0, threads=2, draws=500):
    """How much skill is lost on held-out campaigns when a group of features is shuffled among their rows.

    Parameters
    ----------
    table : DataFrame
        Rows of one target.
    target : str
    names : sequence of str
        Features.
    settings : dict
        part -> "rf" or "xgb" -> settings, as in `validate.cross_validate`.
    part : array of str, shape (n,)
        Part of the campaigns of each row (`tune.parts`), scored by models that learnt, and were tuned, without it.
    repeats, seed, threads, draws : int
        Shuffles of each group; seed; threads of a fit; draws of campaigns for the interval.

    Returns
    -------
    DataFrame
        feature, importance (R2 lost, mean over repeats), importance_low, importance_high (95 % when campaigns are drawn
        again: the spread of repeats is small beside that), and r2 without shuffling, on the scale of the model; most
        important first.
    """
    X, y = features.matrix(table, names), features.transform(table["value"], target)
    part, groups, rng = np.asarray(part), groups_of(names), np.random.default_rng(seed)
    plain = np.empty(len(y))
    shuffled = {group: np.empty((repeats, len(y))) for group in groups}
    for own in np.unique(part):
        test, train = np.flatnonzero(part == own), np.flatnonzero(part != own)
        weight, chosen = features.weights(table.iloc[train]), settings[str(own)]
        fitted = [fit_estimator(k, chosen[k], X[train], y[train], weight, seed, threads=threads) for k in KINDS]
        plain[test] = _mean_of(fitted, X[test])
        for group, members in groups.items():
            columns = [list(names).index(member) for member in members]
            for repeat in range(repeats):
                mixed = X[test].copy()
                mixed[:, columns] = mixed[rng.permutation(len(test))][:, columns]
                shuffled[group][repeat, test] = _mean_of(fitted, mixed)
    _, campaign = np.unique(table["campaign"], return_inverse=True)
    plain_sums, n = campaign_sums(y, plain, campaign), campaign.max() + 1
    counts = redrawn(n, draws, rng)
    rows = []
    for group, predictions in shuffled.items():
        # the sums of repeats are averaged, and so is the error of their predictions
        sums = np.mean([campaign_sums(y, predicted, campaign) for predicted in predictions], axis=0)
        drawn = r2_of_sums(counts @ plain_sums) - r2_of_sums(counts @ sums)
        low, high = np.percentile(drawn, [2.5, 97.5])
        base = float(r2_of_sums(plain_sums.sum(axis=0)))
        rows.append({"feature": group, "importance": base - float(r2_of_sums(sums.sum(axis=0))), "importance_low": low,
                     "importance_high": high, "r2": base})  # fmt: skip
    return pd.DataFrame(rows).sort_values("importance", ascending=False, ignore_index=True)


def _mean_of(fitted, X):
    return sum(model.predict(X).astype(float) for model in fitted) / len(fitted)


def without_coordinates(names):
    """The features without latitude and longitude.

    Parameters
    ----------
    names : sequence of str
        Features.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> without_coordinates(("temperature", "latitude", "longitude_sin", "longitude_cos", "npp"))
    ('temperature', 'npp')
    """
    return tuple(name for name in names if name not in COORDINATES)


# --- SHAP ------------------------------------------------------------------------------------------------


def shap_values(model, table):
    """Contribution of each feature to each prediction of XGBoost, on the scale of the model (TreeSHAP).

    Parameters
    ----------
    model : learn.models.Model
    table : DataFrame
        With the features of the model.

    Returns
    -------
    DataFrame, shape (n, features + 1)
        One column per feature and `expected`; rows sum to the prediction of XGBoost.
    """
    import xgboost

    X = features.matrix(table, model.features)
    values = model.xgb.get_booster().predict(xgboost.DMatrix(X), pred_contribs=True)
    return pd.DataFrame(values, columns=[*model.features, "expected"], index=table.index)


def shap_importance(model, table):
    """Mean absolute SHAP value of each group of features: feature, importance; most important first.

    Parameters
    ----------
    model : learn.models.Model
    table : DataFrame
        With the features of the model.

    Returns
    -------
    DataFrame
        feature, importance (on the scale of the model).
    """
    values = shap_values(model, table)
    groups = groups_of(model.features)
    # the parts of a group work together: their contributions are added before the absolute value is taken
    rows = {group: values[list(members)].sum(axis=1).abs().mean() for group, members in groups.items()}
    out = pd.Series(rows, name="importance").rename_axis("feature").reset_index()
    return out.sort_values("importance", ascending=False, ignore_index=True)


# --- Partial dependence ------------------------------------------------------------------------------------


def partial_dependence(model, table, feature, n=30, max_rows=500, seed=0):
    """Mean prediction when one covariate is set to each of a row of values and everything else stays as it is.

    Parameters
    ----------
    model : Model
    table : DataFrame
        Rows of the target.
    feature : str
        A column such as temperature, npp, chlorophyll, depth_m, latitude.
    n : int
        Values, between the 2nd and 98th percentile of the data.
    max_rows, seed : int
        Rows that the mean is taken over, drawn by campaign weight.

    Returns
    -------
    DataFrame
        feature, value, prediction (in the unit of the target: mean taken on the scale of the model), low and high
        (25 and 75 % of the rows), density (share of the data in a bin about each value).
    """
    rows = background(table, max_rows, seed)
    low, high = np.percentile(table[feature], [2, 98])
    skewed = feature in ("npp", "chlorophyll") and low > 0
    grid = np.geomspace(low, high, n) if skewed else np.linspace(low, high, n)
    many = rows.loc[rows.index.repeat(n)].assign(**{feature: np.tile(grid, len(rows))})
    scaled = features.transform(model.predict(many)["prediction"], model.target).reshape(len(rows), n)
    middle = (grid[1:] + grid[:-1]) / 2
    count = np.histogram(table[feature], bins=np.r_[grid[0], middle, grid[-1]])[0]
    quartile = np.percentile(scaled, [25, 75], axis=0)
    ends = {"prediction": scaled.mean(axis=0), "low": quartile[0], "high": quartile[1]}
    return pd.DataFrame({"feature": feature, "value": grid}).assign(
        **{name: features.inverse(values, model.target) for name, values in ends.items()}, density=count / count.sum()
    )


def course(curve, target, spread, least=0.1):
    """How a curve goes, in words: it rises, falls, hardly changes, or has a greatest or least value inside.

    Parameters
    ----------
    curve : DataFrame
        From `partial_dependence`.
    target : str
    spread : float
        Standard deviation of the values, on the scale of the model.
    least : float
        Changes below this share of the spread are none.

    Returns
    -------
    str

    Examples
    --------
    >>> hill = pd.DataFrame({"value": [0.0, 50.0, 100.0], "prediction": [1.0, 10.0, 2.0]})
    >>> course(hill, "poc_flux", 1.0)
    'rises up to 50, then falls'
    """
    y, at = np.asarray(features.transform(curve["prediction"], target)), curve["value"].to_numpy()
    enough = least * spread
    for sign, up, down in ((1, "rises", "falls"), (-1, "falls", "rises")):
        top = int((sign * y).argmax())
        if min(sign * (y[top] - y[0]), sign * (y[top] - y[-1])) > enough:
            return f"{up} up to {at[top]:.3g}, then {down}"
    change = y[-1] - y[0]
    return "hardly changes" if abs(change) < enough else "rises" if change > 0 else "falls"


def background(table, max_rows, seed):
    """Rows that stand for the data, each campaign with its weight."""
    weight = features.weights(table)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(table), min(max_rows, len(table)), replace=False, p=weight / weight.sum())
    return table.iloc[np.sort(chosen)].reset_index(drop=True)
