"""What the models have learnt: importance on campaigns they have not seen, SHAP, partial dependence, a closed form."""

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon.learn import features
from seaofcarbon.learn.models import KINDS, fit_estimator
from seaofcarbon.learn.tune import r2
from seaofcarbon.vocabulary import VARIABLES

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


def permutation_importance(table, target, names, settings, part, repeats=3, seed=0, threads=2):
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
    repeats, seed, threads : int

    Returns
    -------
    DataFrame
        feature, importance (R2 lost), importance_low, importance_high (over repeats), and r2 without shuffling, on the
        scale of the model; most important first.
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
    base = r2(y, plain)
    rows = []
    for group, predictions in shuffled.items():
        lost = np.array([base - r2(y, p) for p in predictions])
        rows.append({"feature": group, "importance": lost.mean(), "importance_low": lost.min(),
                     "importance_high": lost.max(), "r2": base})  # fmt: skip
    return pd.DataFrame(rows).sort_values("importance", ascending=False, ignore_index=True)


def _mean_of(fitted, X):
    return sum(model.predict(X).astype(float) for model in fitted) / len(fitted)


def without_coordinates(names):
    """The features without latitude and longitude."""
    return tuple(name for name in names if name not in COORDINATES)


# --- SHAP ------------------------------------------------------------------------------------------------


def shap_values(model, table):
    """Contribution of each feature to each prediction of XGBoost, on the scale of the model (TreeSHAP).

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
    """Mean absolute SHAP value of each group of features: feature, importance; most important first."""
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
    rows = _background(table, max_rows, seed)
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


def _background(table, max_rows, seed):
    """Rows that stand for the data, each campaign with its weight."""
    weight = features.weights(table)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(table), min(max_rows, len(table)), replace=False, p=weight / weight.sum())
    return table.iloc[np.sort(chosen)].reset_index(drop=True)


# --- A closed form -----------------------------------------------------------------------------------------

TERMS = ("intercept", "temperature", "ln_npp", "ln_depth")


def _design(table):
    depth = np.maximum(table["depth_m"].to_numpy(float), 1.0)
    npp = np.maximum(table["npp"].to_numpy(float), 1.0)
    temperature = table["temperature"].to_numpy(float)
    return np.column_stack([np.ones(len(table)), temperature, np.log(npp), np.log(depth / 100.0)])


def closed_form(table, target, fold, draws=200, seed=0):
    """A formula that fits into a model of the Earth system: linear in temperature, ln NPP and ln depth.

    scale(target) = a + b temperature + c ln(npp) + d ln(depth / 100 m), with the scale of `features.transform`,
    temperature (degrees Celsius) at the depth, NPP in mg m-2 d-1. Fitted with campaign weights.

    Parameters
    ----------
    table : DataFrame
        Rows of one target.
    target : str
    fold : array of int, shape (n,)
        Leave-campaign-out folds for its score.
    draws, seed : int
        Bootstrap over campaigns.

    Returns
    -------
    coefficients : DataFrame
        term, coefficient, sigma, valid_from, valid_to (5 and 95 % of the data).
    score : dict
        r2 and rmse, leave-campaign-out, on the scale of the model.
    """
    A, y = _design(table), features.transform(table["value"], target)
    weight, campaign = features.weights(table), table["campaign"].to_numpy()
    held_out = np.empty(len(y))
    for k in np.unique(fold):
        train = fold != k
        held_out[~train] = A[~train] @ _solve(A[train], y[train], features.weights(table[train]))
    # normal equations per campaign, so that a draw of campaigns is a sum
    _, member = np.unique(campaign, return_inverse=True)
    square, side = np.zeros((member.max() + 1, 4, 4)), np.zeros((member.max() + 1, 4))
    np.add.at(square, member, weight[:, None, None] * A[:, :, None] * A[:, None, :])
    np.add.at(side, member, (weight * y)[:, None] * A)
    counts = np.random.default_rng(seed).multinomial(len(side), np.full(len(side), 1 / len(side)), size=draws)
    ridge = 1e-9 * np.eye(4)
    drawn = np.linalg.solve(np.tensordot(counts, square, 1) + ridge, (counts @ side)[:, :, None])[:, :, 0]
    range_of = {"temperature": table["temperature"], "ln_npp": table["npp"], "ln_depth": table["depth_m"]}
    ends = [np.percentile(range_of[term], [5, 95]) if term in range_of else (np.nan, np.nan) for term in TERMS]
    unit_of = {"temperature": "degree_Celsius", "ln_npp": "mg m-2 d-1", "ln_depth": "m"}
    coefficients = pd.DataFrame({
        "term": TERMS, "coefficient": _solve(A, y, weight), "sigma": drawn.std(axis=0),
        "valid_from": [float(e[0]) for e in ends], "valid_to": [float(e[1]) for e in ends],
        "valid_unit": [unit_of.get(term, "") for term in TERMS],
    })  # fmt: skip
    error = y - held_out
    return coefficients, {"r2": r2(y, held_out), "rmse": float(np.sqrt(np.mean(error**2)))}


def _solve(A, y, weight):
    root = np.sqrt(weight)
    return np.linalg.lstsq(A * root[:, None], y * root, rcond=None)[0]


def formula(coefficients, target):
    """The closed form as LaTeX; T in degrees Celsius, NPP in mg m-2 d-1, z in m."""
    a, b, c, d = coefficients.set_index("term")["coefficient"].loc[list(TERMS)]
    scale = {"th234_flux": rf"\mathrm{{asinh}}(F / {features.ASINH_SCALE_DPM:.0f})", "th234_total": "A"}
    left = scale.get(target, r"\log_{10} R" if target == "c_th" else r"\log_{10} F")
    return rf"{left} = {a:.3f} {b:+.4f}\,T {c:+.3f}\,\ln(\mathrm{{NPP}}) {d:+.3f}\,\ln(z/100)"


def apply_closed_form(coefficients, target, temperature, npp, depth_m):
    """Value of the closed form, in the unit of the target; arguments broadcast."""
    a, b, c, d = coefficients.set_index("term")["coefficient"].loc[list(TERMS)]
    scaled = a + b * temperature + c * np.log(npp) + d * np.log(np.asarray(depth_m) / 100.0)
    return features.inverse(np.asarray(scaled, float), target)


def lookup_table(model, table, sizes=(10, 8, 8), max_rows=100, seed=0):
    """Mean prediction on a grid of temperature, NPP and depth: a table that another model can interpolate in.

    Parameters
    ----------
    model : Model
    table : DataFrame
        Rows of the target; everything but the three is taken from them.
    sizes : tuple of int
        Values of temperature, NPP and depth between the 2nd and 98th percentile of the data.
    max_rows, seed : int

    Returns
    -------
    Dataset, dims (temperature, npp, depth)
        The target in its unit, and `density`, the number of values in the cell of each grid point.
    """
    rows = _background(table, max_rows, seed)
    ends = {name: np.percentile(table[name], [2, 98]) for name in ("temperature", "npp", "depth_m")}
    axes = [
        np.linspace(*ends["temperature"], sizes[0]), np.geomspace(*np.maximum(ends["npp"], 1.0), sizes[1]),
        np.geomspace(*np.maximum(ends["depth_m"], 1.0), sizes[2]),
    ]  # fmt: skip
    places = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
    many = rows.loc[rows.index.repeat(len(places))]
    many = many.assign(**{name: np.tile(places[:, k], len(rows)) for k, name in enumerate(ends)})
    scaled = features.transform(model.predict(many)["prediction"], model.target).reshape(len(rows), *sizes).mean(axis=0)
    edges = [np.r_[-np.inf, (axis[1:] + axis[:-1]) / 2, np.inf] for axis in axes]
    count = np.histogramdd(table[list(ends)].to_numpy(float), bins=[np.clip(e, -1e9, 1e9) for e in edges])[0]
    dims, variable = ("temperature", "npp", "depth"), VARIABLES[model.target]
    near = {"long_name": "values of the training data near this point", "units": "1"}
    warmth = {"long_name": "sea water temperature at the depth", "units": "degree_Celsius"}
    production = {"long_name": "net primary production as carbon", "units": "mg m-2 d-1"}
    return xr.Dataset(
        {
            model.target: (dims, features.inverse(scaled, model.target), {"units": variable.unit}),
            "density": (dims, count.astype("int32"), near),
        },
        coords={
            "temperature": ("temperature", axes[0], warmth), "npp": ("npp", axes[1], production), "depth": axes[2],
        },
    )  # fmt: skip
