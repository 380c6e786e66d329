"""The model of the edition: it sees only the fields that come with the package, so that it runs on a fresh machine."""

import numpy as np
import pandas as pd

from seaofcarbon import catalog, files
from seaofcarbon.edition.sources import TARGET
from seaofcarbon.learn import features, models, rivals, seeds, validate
from seaofcarbon.vocabulary import FEATURE_SETS

FEATURES = (
    "temperature", "depth_m", "latitude", "longitude_sin", "longitude_cos", "day_sin", "day_cos", "sst",
    "mixed_layer_depth", "nitrate", "bottom_depth",
)  # fmt: skip
"""Inputs of the model: place, depth, season, and the embedded climatology; no satellite chlorophyll, no production."""

N_FOLDS = 5
SETTINGS = dict.fromkeys(("0", "1", "2", "all"), models.DEFAULTS)
"""Settings that every tuning starts from, for all parts of the campaigns: nothing is tuned, nothing need be nested."""

SCHEME = (
    f"{N_FOLDS} folds of whole campaigns, blocks of 20 degrees, and random rows beside them as a warning; settings are "
    "those that tuning starts from in chapter 4, none was tuned here."
)
KEPT = ("mean", "rf", "xgb", rivals.HENSON, "constant")
"""Models and rivals in the table of skill."""


def known(table):
    """Rows of the training table that have every input of this model and of the usual one."""
    have = np.isfinite(features.matrix(table, tuple(dict.fromkeys([*FEATURES, *FEATURE_SETS["seed"]])))).all(axis=1)
    return table[have].reset_index(drop=True)


def skill(table, seed, n_seeds):
    """Scores over several ways to deal the folds, of this model, the usual inputs and two rivals, on the same rows.

    Parameters
    ----------
    table : DataFrame
        From `known`.
    seed, n_seeds : int
        Folds are dealt with `seed`, `seed` + 1, ...

    Returns
    -------
    DataFrame
        As `learn.seeds.table`: inputs ("embedded", "usual", or "none" of a rival), model, split, r2, ...
    """
    frames, leaks = [], []
    for own in range(seed, seed + n_seeds):
        leaks += [{"seed": own, "split": s, "leakage": x} for s, x in validate.leakages(table, N_FOLDS, own).items()]
        for inputs, names in {"embedded": FEATURES, "usual": FEATURE_SETS["seed"]}.items():
            first = inputs == "embedded"
            found = validate.cross_validate(table, TARGET, names, SETTINGS, N_FOLDS, own, with_rivals=first)
            y, predicted = (features.transform(found[name], TARGET) for name in ("value", "prediction"))
            own_inputs = np.where(found["model"].isin(models.MEMBERS), inputs, "none")
            frames.append(found[["model", "split", "campaign"]].assign(
                seed=own, inputs=own_inputs, y=y, predicted=predicted
            ))  # fmt: skip
    rows = pd.concat(frames, ignore_index=True)
    return seeds.table(rows[rows["model"].isin(KEPT)], pd.DataFrame(leaks))


def train(table, covariates, seed):
    """Learn the model, with its interval, its area of applicability and its card.

    Parameters
    ----------
    table : DataFrame
        From `known`.
    covariates : Dataset
        Of the run, for random places of the sea.
    seed : int

    Returns
    -------
    learn.models.Model
    """
    held = validate.cross_validate(table, TARGET, FEATURES, SETTINGS, N_FOLDS, seed, with_rivals=False)
    errors = validate.residuals(held, table, TARGET)
    places = features.random_sea(features.SEA_POINTS, covariates, FEATURES, table["depth_m"], seed)
    model = models.Model.fit(
        table, TARGET, FEATURES, models.DEFAULTS, validate.fold_numbers(table, N_FOLDS, seed), errors, seed, 2,
        features.matrix(places, FEATURES),
    )  # fmt: skip
    told = validate.card_of(validate.scores(held), validate.leakages(table, N_FOLDS, seed), N_FOLDS, 0)
    model.card |= {
        "profile": "real", "label": "", "covariates": covariates_of_card(),
        "folds": {"n_folds": N_FOLDS, "seed": seed}, "validation": told | {"scheme": SCHEME},
    }  # fmt: skip
    return model


def covariates_of_card():
    """Name the fields that the model needs, as `seaofcarbon predict` finds and checks them."""
    return {"entry": "climatology", "sha256": files.content_hash(catalog.path("climatology"))}


def save(model, folder):
    """Write the model as a run's model folder has it."""
    model.save(folder / TARGET)
    about = {"main_target": TARGET, "targets": [TARGET], "profile": "real", "label": ""}
    files.write_json(about | {"covariates": model.card["covariates"]}, folder / "card.json")
