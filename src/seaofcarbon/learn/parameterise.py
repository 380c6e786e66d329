"""What the models have learnt, condensed for other models: a closed form of their surface, and a lookup table."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon import ocean
from seaofcarbon.learn import features, rivals
from seaofcarbon.learn.campaigns import redrawn, thin
from seaofcarbon.learn.explain import background
from seaofcarbon.learn.models import KINDS, fit_estimator
from seaofcarbon.learn.tune import parts, r2
from seaofcarbon.learn.validate import MAX_ROWS, campaign_sums, fold_numbers, r2_of_sums
from seaofcarbon.vocabulary import CARBON_G_PER_MOL, VARIABLES

NPP_MG, DEPTH_M = 500.0, 100.0
"""Where the logarithms of the form are zero: slopes with one input hold there."""

TERMS = {
    "intercept": "", "temperature": "t", "ln_npp": "n", "ln_depth": "d", "ln_depth_squared": "dd",
    "ln_npp_ln_depth": "nd", "temperature_ln_depth": "td", "temperature_ln_npp": "tn", "season_cos": "c",
    "season_sin": "s",
}  # fmt: skip
"""Each term as a product: t temperature, n ln(NPP / NPP_MG), d ln(depth / DEPTH_M), c and s the wave of the year."""

BASE = ("intercept", "temperature", "ln_npp", "ln_depth")
EXTRA = (
    ("ln_depth_squared",), ("ln_npp_ln_depth",), ("temperature_ln_depth",), ("temperature_ln_npp",),
    ("season_cos", "season_sin"),
)  # fmt: skip
"""What may come to the base, if it earns its place."""

MARGIN = 0.01
"""R2 that a term must add on held-out campaigns: one per cent of the variance."""

RANGES = {"temperature": "temperature", "ln_npp": "npp", "ln_depth": "depth_m"}
RANGE_UNITS = {"temperature": "degree_Celsius", "npp": "mg m-2 d-1", "depth_m": "m"}
EFFICIENCY = "export_efficiency"
MEAN_FACTOR = "mean_factor"
"""Row of a form that is no term: the middle value times it is the mean."""


def fold_models(model, table, fold, threads=2):
    """Both models as they are when a fold of campaigns is left out, with the settings and the seed of the validation.

    Parameters
    ----------
    model : Model
        Its card holds settings and seed.
    table : DataFrame
        Rows of the target.
    fold : array of int, shape (n,)
        Leave-campaign-out folds of the validation.
    threads : int

    Returns
    -------
    list of list
        Fitted Random Forest and XGBoost, by fold.
    """
    X, y = features.matrix(table, model.features), features.transform(table["value"], model.target)
    part, out = parts(fold), []
    for k in np.unique(fold):
        train, settings = np.flatnonzero(fold != k), model.card["settings_by_part"][part[fold == k][0]]
        weight, seed = features.weights(table.iloc[train]), model.card["folds"]["seed"]
        out.append([fit_estimator(m, settings[m], X[train], y[train], weight, seed, threads=threads) for m in KINDS])
    return out


def _mean_of(fitted, X):
    return sum(one.predict(X).astype(float) for one in fitted) / len(fitted)


def learned_surface(model, table, without):
    """Predictions of the mean of both models for all rows, on the scale of the model.

    Parameters
    ----------
    model : Model
    table : DataFrame
    without : list
        From `fold_models`.

    Returns
    -------
    array, shape (n_folds + 1, n)
        Row k is from models that did not learn fold k; the last row is the model itself.
    """
    X = features.matrix(table, model.features)
    return np.array([_mean_of(fitted, X) for fitted in (*without, (model.rf, model.xgb))])


# --- A closed form ---------------------------------------------------------------------------------------


def _design(terms, temperature, npp, depth_m, angle):
    wave = (0.0, 0.0) if angle is None else (np.cos(angle), np.sin(angle))
    logs = np.log(np.asarray(npp, float) / NPP_MG), np.log(np.asarray(depth_m, float) / DEPTH_M)
    known = dict(zip("tndcs", np.broadcast_arrays(np.asarray(temperature, float), *logs, *wave), strict=True))
    one = np.ones_like(known["t"])
    return np.stack([np.prod([one, *(known[letter] for letter in TERMS[term])], axis=0) for term in terms], axis=-1)


def design(table, terms=tuple(TERMS)):
    """Terms of each row of a table, shape (n, terms); NPP and depth below 1 count as 1."""
    positive = (np.maximum(table[name].to_numpy(float), 1.0) for name in ("npp", "depth_m"))
    angle = ocean.season_angle(ocean.day_of_year(table["time"]), table["latitude"])
    return _design(terms, table["temperature"].to_numpy(float), *positive, angle)


def _solve(A, y, weight):
    root = np.sqrt(weight)
    return np.linalg.lstsq(A * root[:, None], y * root, rcond=None)[0]


def left_out(A, aim, weight, fold):
    """Prediction of each row by a linear form fitted to the other folds.

    Parameters
    ----------
    A : array, shape (n, terms)
    aim : array, shape (n,) or (n_folds + 1, n)
        What is fitted: values, or for each fold the surface of models that do not know it.
    weight, fold : arrays, shape (n,)

    Returns
    -------
    predicted : array, shape (n,)
    coefficients : array, shape (folds, terms)
    """
    predicted, coefficients = np.empty(len(A)), []
    for k in np.unique(fold):
        train, own = fold != k, aim if np.ndim(aim) == 1 else aim[k]
        coefficients.append(_solve(A[train], own[train], weight[train]))
        predicted[~train] = A[~train] @ coefficients[-1]
    return predicted, np.array(coefficients)


def choose_terms(A, aim, y, weight, fold, margin=MARGIN):
    """Terms of `BASE`, and of `EXTRA` the best one again and again, while R2 on held-out folds rises by the margin.

    Parameters
    ----------
    A : array, shape (n, len(TERMS))
    aim, weight, fold
        As in `left_out`.
    y : array, shape (n,)
        Values that count, on the scale of the model.
    margin : float

    Returns
    -------
    tuple of str
        In the order of `TERMS`.
    """
    place = {term: k for k, term in enumerate(TERMS)}

    def score(terms):
        return r2(y, left_out(A[:, [place[term] for term in terms]], aim, weight, fold)[0])

    chosen, best, rest = BASE, score(BASE), list(EXTRA)
    while rest:
        scores = [score((*chosen, *more)) for more in rest]
        if max(scores) < best + margin:
            break
        best = max(scores)
        chosen = (*chosen, *rest.pop(int(np.argmax(scores))))
    return tuple(sorted(chosen, key=place.get))


def closed_form(table, target, fold, surface=None, terms=None, margin=MARGIN):
    """A formula that fits into a model of the Earth system, on the scale of the model.

    Linear in temperature (degrees Celsius, at the depth), ln NPP and ln depth, and in those terms of `EXTRA` that earn
    their place on held-out campaigns. A prediction of a row comes from a form that knows nothing of the row's fold:
    neither its terms nor its coefficients nor the models behind it. Rows are weighted by campaign.

    Parameters
    ----------
    table : DataFrame
        Rows of one target.
    target : str
    fold : array of int, shape (n,)
        Leave-campaign-out folds.
    surface : array, shape (n_folds + 1, n), optional
        `learned_surface`, to which the form is fitted; without it, the form is fitted to the values.
    terms : sequence of str, optional
        Terms that are taken without a test.
    margin : float

    Returns
    -------
    coefficients : DataFrame
        term, coefficient, sigma, valid_from, valid_to (5 and 95 % of the data), valid_unit. Sigma is from leaving out
        each fold of campaigns in turn (jackknife). The last row, `mean_factor`, turns middle values into means: it is
        `features.mean_factor` of the form's own held-out middle values.
    held_out : array, shape (n,)
        On the scale of the model.
    """
    A, y, weight = design(table), features.transform(table["value"], target), features.weights(table)
    aim, place, numbers = y if surface is None else surface, list(TERMS).index, np.unique(fold)

    def columns(aim, rows):
        chosen = terms or choose_terms(A[rows], aim[..., rows], y[rows], weight[rows], fold[rows], margin)
        return [place(term) for term in chosen]

    held_out = np.empty(len(y))
    for k in numbers:
        train, own = fold != k, aim if surface is None else aim[k]
        used = columns(own, train)
        held_out[~train] = A[~train][:, used] @ _solve(A[train][:, used], own[train], weight[train])
    used = columns(aim, slice(None))
    without = left_out(A[:, used], aim, weight, fold)[1]
    middle = table.assign(prediction=features.inverse(held_out, target))
    factors = [features.mean_factor(middle[fold != k]) for k in numbers]
    ends = {term: np.percentile(table[column], [5, 95]) for term, column in RANGES.items()}
    coefficients = pd.DataFrame({
        "term": [*(list(TERMS)[k] for k in used), MEAN_FACTOR],
        "coefficient": [*_solve(A[:, used], aim if surface is None else aim[-1], weight),
                        features.mean_factor(middle)],
        "sigma": np.sqrt(len(numbers) - 1) * np.r_[without.std(axis=0), np.std(factors)],
    })  # fmt: skip
    for column, k in (("valid_from", 0), ("valid_to", 1)):
        coefficients[column] = coefficients["term"].map({term: end[k] for term, end in ends.items()}).astype(float)
    units = {term: RANGE_UNITS[column] for term, column in RANGES.items()}
    coefficients["valid_unit"] = coefficients["term"].map(units).fillna("")
    return coefficients, held_out


def apply_closed_form(coefficients, target, temperature, npp, depth_m, day=None, mean=True):
    """Value of the closed form, in the unit of the target; inputs outside of their range are taken to its end.

    Parameters
    ----------
    coefficients : DataFrame
        From `closed_form`.
    target : str
    temperature, npp, depth_m : array_like
        Degrees Celsius at the depth, mg m-2 d-1 as carbon, m. They broadcast.
    day : array_like, optional
        Day of the northern year: in the south, days are shifted as in `ocean.season_angle`. Without it, the middle of
        the year's wave.
    mean : bool
        The mean, which sums and budgets need; else the middle value.

    Returns
    -------
    array
    """
    known = coefficients.set_index("term")
    terms = [term for term in known.index if term in TERMS]
    inputs = [
        np.clip(value, known.loc[term, "valid_from"], known.loc[term, "valid_to"])
        for term, value in zip(RANGES, (temperature, npp, depth_m), strict=True)
    ]
    angle = None if day is None else ocean.season_angle(day, 90.0)
    middle = features.inverse(_design(terms, *inputs, angle) @ known.loc[terms, "coefficient"].to_numpy(float), target)
    return known.loc[MEAN_FACTOR, "coefficient"] * middle if mean else middle


def as_efficiency(coefficients):
    """The form of POC flux as one of export efficiency, POC flux / NPP, on the scale of log10: NPP is subtracted.

    Parameters
    ----------
    coefficients : DataFrame
        From `closed_form` of poc_flux.

    Returns
    -------
    DataFrame
        The same, for `formula` with the target `EFFICIENCY`.
    """
    shift = {"intercept": np.log10(CARBON_G_PER_MOL / NPP_MG), "ln_npp": -1 / np.log(10)}
    return coefficients.assign(coefficient=coefficients["coefficient"] + coefficients["term"].map(shift).fillna(0.0))


def formula(coefficients, target):
    """The closed form as LaTeX; T in degrees Celsius, NPP in mg m-2 d-1, z in m, D the day of the northern year.

    Parameters
    ----------
    coefficients : DataFrame
        term, coefficient: see `closed_form`.
    target : str
        One of `vocabulary.TARGETS`, or export_efficiency.

    Returns
    -------
    str
    """
    letters = {
        "t": "T", "n": rf"\ln\frac{{\mathrm{{NPP}}}}{{{NPP_MG:.0f}}}", "d": rf"\ln\frac{{z}}{{{DEPTH_M:.0f}}}",
        "c": rf"\cos\frac{{2\pi D}}{{{ocean.YEAR_D:g}}}", "s": rf"\sin\frac{{2\pi D}}{{{ocean.YEAR_D:g}}}",
    }  # fmt: skip
    twice, square = rf"\,{letters['d']}" * 2, r"\," + letters["d"].replace(r"\ln", r"\ln^2")
    left = {
        "th234_flux": rf"\mathrm{{asinh}}(F / {features.ASINH_SCALE_DPM:.0f})", "th234_total": "A",
        "c_th": r"\log_{10} R", "poc_flux": r"\log_{10} F", EFFICIENCY: r"\log_{10} e",
    }[target]  # fmt: skip
    rows = coefficients[coefficients["term"].isin(TERMS)]
    right = [
        rf"{value:+.4f}" + "".join(rf"\,{letters[letter]}" for letter in TERMS[term]).replace(twice, square)
        for term, value in zip(rows["term"], rows["coefficient"], strict=True)
    ]
    right[0] = right[0].lstrip("+")
    # three terms a line: so many fit on a phone
    lines = r" \\ &\quad ".join(" ".join(right[k : k + 3]) for k in range(0, len(right), 3))
    return rf"\begin{{aligned}}{left} &= {lines}\end{{aligned}}"


# --- What it costs --------------------------------------------------------------------------------------------


def henson_refitted(table, target, fold):
    """Held-out predictions of Henson et al. (2011) with a slope and a constant fitted, on the scale of the model.

    Returns
    -------
    array, shape (n,), or None for a target that it does not speak of
    """
    guess = rivals.published(table, target).get("Henson et al. 2011")
    if guess is None:
        return None
    scaled, y = (features.transform(values, target) for values in (guess, table["value"]))
    A = np.column_stack([np.ones(len(y)), scaled])
    return left_out(A, y, features.weights(table), fold)[0]


def compare(predictions, table, target, draws=500, seed=0):
    """Skill of several predictions of the same held-out values, and what each loses against the first.

    Parameters
    ----------
    predictions : dict of array, shape (n,)
        Name -> held-out prediction on the scale of the model.
    table : DataFrame
        value, campaign.
    target : str
    draws, seed : int
        Bootstrap over campaigns; all predictions are compared on the same draws.

    Returns
    -------
    DataFrame
        form, r2, r2_low, r2_high, rmse, lost, lost_low, lost_high; intervals are of 95 %.
    """
    y = features.transform(table["value"], target)
    _, campaign = np.unique(table["campaign"], return_inverse=True)
    sums = np.array([campaign_sums(y, predicted, campaign) for predicted in predictions.values()])
    n = sums.shape[1]
    counts = redrawn(n, draws, seed)
    score, drawn = r2_of_sums(sums.sum(axis=1)), r2_of_sums(np.einsum("dc,pcs->pds", counts, sums))
    ends, lost_ends = (np.percentile(values, [2.5, 97.5], axis=1) for values in (drawn, drawn[0] - drawn))
    error = [np.sqrt(np.mean((y - predicted) ** 2)) for predicted in predictions.values()]
    return pd.DataFrame({
        "form": list(predictions), "r2": score, "r2_low": ends[0], "r2_high": ends[1], "rmse": error,
        "lost": score[0] - score, "lost_low": lost_ends[0], "lost_high": lost_ends[1],
    })  # fmt: skip


# --- A lookup table ---------------------------------------------------------------------------------------------

AXES = ("temperature", "npp", "depth_m")


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
        The target in its unit: the middle value (mean of the predictions on the scale of the model); `_mean`, the mean
        that sums need, of all predictions times the factor at the depth; and `density`, the number of values in the
        cell of each grid point.

    Raises
    ------
    UserError
        If the card of the model holds no residuals.
    """
    rows, target = background(table, max_rows, seed), model.target
    ends = {name: np.percentile(table[name], [2, 98]) for name in AXES}
    axes = [
        np.linspace(*ends["temperature"], sizes[0]), np.geomspace(*np.maximum(ends["npp"], 1.0), sizes[1]),
        np.geomspace(*np.maximum(ends["depth_m"], 1.0), sizes[2]),
    ]  # fmt: skip
    places = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
    many = rows.loc[rows.index.repeat(len(places))]
    many = many.assign(**{name: np.tile(places[:, k], len(rows)) for k, name in enumerate(AXES)})
    predicted = model.predict(many)["prediction"].to_numpy().reshape(len(rows), *sizes)
    middle = features.inverse(features.transform(predicted, target).mean(axis=0), target)
    mean = model.mean_factor(axes[2]) * predicted.mean(
        axis=0
    )  # in the unit: rows with other inputs are scatter about a point, too
    edges = [np.r_[-np.inf, (axis[1:] + axis[:-1]) / 2, np.inf] for axis in axes]
    count = np.histogramdd(table[list(AXES)].to_numpy(float), bins=[np.clip(e, -1e9, 1e9) for e in edges])[0]
    dims, unit = ("temperature", "npp", "depth"), VARIABLES[target].unit
    by_ratio = "mean, for sums: predictions times a factor of the depth, by the ratio estimator of Snowdon (1991)"
    told = {"units": unit, "ancillary_variables": "density"}
    warmth = {"long_name": "sea water temperature at the depth", "standard_name": "sea_water_temperature",
              "units": "degree_Celsius"}  # fmt: skip
    production = {"long_name": "net primary production as carbon", "units": "mg m-2 d-1"}
    down = {"long_name": "depth", "standard_name": "depth", "units": "m", "positive": "down"}
    near = {"long_name": "number of values of the training data near this point", "units": "1"}
    return xr.Dataset(
        {
            target: (dims, middle, told | {"comment": "middle value: mean on the scale of the model"}),
            f"{target}_mean": (dims, mean, told | {"comment": by_ratio}),
            "density": (dims, count.astype("int32"), near),
        },
        coords={"temperature": ("temperature", axes[0], warmth), "npp": ("npp", axes[1], production),
                "depth": ("depth", axes[2], down)},
    )  # fmt: skip


def table_left_out(model, table, fold, without, max_rows=100, seed=0):
    """What a lookup table of models without the fold would say at each row: all inputs but three averaged out.

    Parameters
    ----------
    model, table, fold
        As in `fold_models`.
    without : list
        From `fold_models`.
    max_rows, seed : int
        Rows that stand for all else, drawn from the training side by campaign weight.

    Returns
    -------
    array, shape (n,)
        On the scale of the model. The three inputs are those of the row: nothing is interpolated.
    """
    X, out = features.matrix(table, model.features), np.empty(len(table))
    own = [list(model.features).index(name) for name in AXES]
    for k, fitted in enumerate(without):
        test = X[fold == k]
        others = features.matrix(background(table[fold != k], max_rows, seed), model.features)
        many = np.repeat(others, len(test), axis=0)
        many[:, own] = np.tile(test[:, own], (len(others), 1))
        out[fold == k] = _mean_of(fitted, many).reshape(len(others), -1).mean(axis=0)
    return out


# --- All of it ------------------------------------------------------------------------------------------------------

MODELS, OF_SURFACE, OF_VALUES = "both models, mean", "form of the learned surface", "form fitted to the values"
LINEAR, TABLE, HENSON = "linear form of the surface", "lookup table", rivals.HENSON


class Parameterisation(NamedTuple):
    """What `parameterise` returns: coefficients and skill, and how well the form reproduces held-out predictions."""

    form: pd.DataFrame
    skill: pd.DataFrame
    fidelity: float


def scored_rows(model, training):
    """Rows that the validation of a model scored, and their folds.

    Parameters
    ----------
    model : Model
    training : DataFrame
        From `features.training_table`.

    Returns
    -------
    table : DataFrame
    fold : array of int, shape (n,)
    """
    chosen = model.card["folds"]
    table = thin(features.for_target(training, model.target), MAX_ROWS, chosen["seed"]).reset_index(drop=True)
    return table, fold_numbers(table, chosen["n_folds"], chosen["seed"])


def parameterise(model, training, seed=0):
    """Fit the closed form to a model's surface and say what it costs, on the folds of the model's validation.

    Parameters
    ----------
    model : Model
    training : DataFrame
        From `features.training_table`.
    seed : int
        Of the bootstrap and of the rows of the lookup table.

    Returns
    -------
    Parameterisation
        form: from `closed_form`; skill: from `compare`, with the models first; fidelity: R2 of the form against the
        models' predictions, both of rows that neither knew.
    """
    target, (table, fold) = model.target, scored_rows(model, training)
    without = fold_models(model, table, fold)
    surface = learned_surface(model, table, without)
    form, of_surface = closed_form(table, target, fold, surface)
    models = surface[fold, np.arange(len(table))]
    predictions = {
        MODELS: models, OF_SURFACE: of_surface, OF_VALUES: closed_form(table, target, fold)[1],
        LINEAR: closed_form(table, target, fold, surface, terms=BASE)[1],
        TABLE: table_left_out(model, table, fold, without, seed=seed), HENSON: henson_refitted(table, target, fold),
    }  # fmt: skip
    known = {name: values for name, values in predictions.items() if values is not None}
    return Parameterisation(form, compare(known, table, target, seed=seed), float(r2(models, of_surface)))
