"""What a model has to beat: simple rivals, and what others have published, each learnt from the same training side."""

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from seaofcarbon import carbon, ocean
from seaofcarbon.learn import features
from seaofcarbon.learn.models import fit_estimator
from seaofcarbon.vocabulary import EARTH_RADIUS_KM

SIMPLE = ("constant", "median by latitude and depth", "nearest neighbour", "ridge on log terms", "extra-trees")
NAIVE = "XGBoost as it comes"
HENSON = "Henson et al. 2011, refitted"
"""The published form of export that stands for all: it was fitted to 234Th-derived fluxes."""
REFITTED = (HENSON, "Owens et al. 2015, refitted")

BAND_DEG = 20.0
DEPTH_CLASSES_M = (0.0, 37.5, 75.0, 125.0, 175.0, np.inf)
RIDGE_ALPHA = 10.0
N_EXTRA_TREES = 100
YEAR_KM, DEPTH_KM_M = 18_000 / (2 * np.pi), 6.0
"""For the nearest neighbour: the circle of the year is 18,000 km long, a metre of depth counts as 6 km."""


def published(table, target):
    """What published forms say at each row, in the unit of the target.

    Exports of carbon are brought to the depth of the row with Martin's curve; a 234Th flux is that over the ratio of
    Owens et al. (2015). New and net community production stand there too: they are more than what sinks.

    Parameters
    ----------
    table : DataFrame
        depth_m; for fluxes also sst, npp, euphotic_depth.
    target : str

    Returns
    -------
    dict of array, shape (n,)
        By reference; empty for a target that has no published form.
    """
    depth = table["depth_m"].to_numpy(float)
    ratio = carbon.ratio_owens2015(np.clip(depth, 30.0, 300.0))
    if target == "c_th":
        return {"Owens et al. 2015": ratio}
    if target not in ("poc_flux", "th234_flux") or not {"sst", "npp", "euphotic_depth"} <= set(table):
        return {}
    sst, npp, zeu = (table[name].to_numpy(float) for name in ("sst", "npp", "euphotic_depth"))
    factor = 1.0 if target == "poc_flux" else 1000.0 / ratio
    forms = carbon.PARAMETERISATIONS.values()
    return {form.reference: factor * form.at(np.maximum(depth, 10.0), sst, np.maximum(npp, 1.0), zeu) for form in forms}


def predict(table, target, names, train, test, seed=0, every_form=False):
    """Predictions of all rivals for the test side, from what the training side knows.

    Parameters
    ----------
    table : DataFrame
        Rows of `features.training_table` of this target.
    target : str
    names : sequence of str
        Features.
    train, test : arrays of int
        Positions of rows.
    seed : int
    every_form : bool
        All published forms, as published and refitted (slope and constant); else the refitted `REFITTED` only.

    Returns
    -------
    dict of array, shape (len(test),)
        On the scale of the model: `SIMPLE`, `NAIVE`, and the published forms.
    """
    X, y = features.matrix(table, names), features.transform(table["value"], target)
    weight = features.weights(table.iloc[train])
    trees = ExtraTreesRegressor(N_EXTRA_TREES, min_samples_leaf=15, max_features=0.4, random_state=seed, n_jobs=1)
    out = {
        "constant": np.full(len(test), np.average(y[train], weights=weight)),
        "median by latitude and depth": _median_by_place(table, y, train, test),
        "nearest neighbour": y[train][_nearest(table, train, test)],
        "ridge on log terms": _ridge(_log_terms(table), y, weight, train, test),
        "extra-trees": trees.fit(X[train], y[train], sample_weight=weight).predict(X[test]),
        NAIVE: fit_estimator("xgb", {}, X[train], y[train], weight, seed).predict(X[test]),
    }
    for name, values in published(table, target).items():
        guess = features.transform(values, target)
        if every_form:
            out[f"{name}, as published"] = guess[test]
        if every_form or f"{name}, refitted" in REFITTED:
            out[f"{name}, refitted"] = _refitted(guess, y, weight, train, test)
    return out


def _refitted(guess, y, weight, train, test):
    design = np.column_stack([np.ones(len(guess)), guess])
    root = np.sqrt(weight)[:, None]
    return design[test] @ np.linalg.lstsq(design[train] * root, y[train] * root[:, 0], rcond=None)[0]


def _median_by_place(table, y, train, test):
    band = np.floor((table["latitude"].to_numpy(float) + 90.0) / BAND_DEG).astype(int)
    layer = np.searchsorted(DEPTH_CLASSES_M, table["depth_m"].to_numpy(float), side="right")
    known = pd.DataFrame({"band": band[train], "layer": layer[train], "y": y[train]})
    place = pd.MultiIndex.from_arrays([band[test], layer[test]])
    result = known.groupby(["band", "layer"])["y"].median().reindex(place).to_numpy()
    by_layer = known.groupby("layer")["y"].median().reindex(layer[test]).to_numpy()
    result = np.where(np.isnan(result), by_layer, result)
    return np.where(np.isnan(result), np.median(y[train]), result)


def _nearest(table, train, test):
    """Nearest training row in place, season and depth."""
    lat, lon = (np.radians(table[name].to_numpy(float)) for name in ("latitude", "longitude"))
    season = 2 * np.pi * ocean.day_of_year(table["time"]) / ocean.YEAR_D
    around = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    year = np.column_stack([np.cos(season), np.sin(season)])
    where = np.hstack([EARTH_RADIUS_KM * around, YEAR_KM * year, DEPTH_KM_M * table[["depth_m"]].to_numpy(float)])
    return cKDTree(where[train]).query(where[test])[1]


def _log_terms(table):
    """Logarithms of depth, NPP and chlorophyll, temperature, and the season of the hemisphere."""
    season = ocean.season_angle(ocean.day_of_year(table["time"]), table["latitude"])
    positive = [
        np.log(np.maximum(table[name].to_numpy(float), low))
        for name, low in (("depth_m", 5.0), ("npp", 1.0), ("chlorophyll", 0.01))
    ]
    warmth = table["temperature"].to_numpy(float), np.abs(table["latitude"].to_numpy(float))
    return np.column_stack([*positive, *warmth, np.cos(season), np.sin(season)])


def _ridge(terms, y, weight, train, test):
    model = make_pipeline(StandardScaler(), Ridge(RIDGE_ALPHA))
    return model.fit(terms[train], y[train], ridge__sample_weight=weight).predict(terms[test])
