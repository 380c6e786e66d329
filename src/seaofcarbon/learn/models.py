"""Random Forest and XGBoost side by side, with their interval, the area they may speak for, and a card that says so."""

import json
import zipfile
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from xgboost import XGBRegressor
from xgboost.core import XGBoostError

from seaofcarbon import files
from seaofcarbon.files import UserError
from seaofcarbon.learn import features
from seaofcarbon.learn.uncertainty import LEVEL, Area, Width
from seaofcarbon.vocabulary import TARGETS, VARIABLES

KINDS = ("rf", "xgb")
MEMBERS = ("mean", *KINDS)
"""The two models, and their mean on the scale of the model, which is what `prediction` is."""

LAYERS = ("prediction", "lower", "upper", "rf", "xgb", "applicable")

DEFAULTS = {
    "rf": {"min_samples_leaf": 15, "max_features": 0.4, "max_samples": 0.7},
    # shrunk hard: on clustered data the model that looks best on random folds is the worst at sea
    "xgb": {
        "n_estimators": 120, "learning_rate": 0.03, "max_depth": 2, "min_child_weight": 15.0, "reg_lambda": 20.0,
        "subsample": 0.6, "colsample_bytree": 0.6,
    },
}  # fmt: skip
"""Settings that every tuning starts from."""

N_TREES = 100
FACTOR_DEPTHS_M = (0, 10, 25, 50, 75, 100, 125, 150, 175, 200, 225, 250)
FILES = ("rf.skops", "xgb.ubj", "applicability.npz")
TRUSTED = ("sklearn.tree._tree.Tree",)
"""The one type that skops does not know and that a forest cannot do without."""


def estimator(kind, settings, seed=0, n_trees=N_TREES, threads=1):
    """A model that is not fitted yet.

    Parameters
    ----------
    kind : "rf" | "xgb"
    settings : dict
        Names of the library; `DEFAULTS[kind]` has them all.
    threads : int
        For fitting a forest; its trees have seeds of their own, so the result is the same for any number.
    """
    if kind == "rf":
        return RandomForestRegressor(n_trees, random_state=seed, n_jobs=threads, **settings)
    return XGBRegressor(random_state=seed, n_jobs=1, tree_method="hist", **settings)


def fit_estimator(kind, settings, X, y, weight, seed=0, n_trees=N_TREES, threads=1):
    """A fitted model that predicts with one thread: sums over threads differ in their last bits."""
    model = estimator(kind, settings, seed, n_trees, threads).fit(X, y, sample_weight=weight)
    return model.set_params(n_jobs=1)


@dataclass(repr=False)
class Model:
    """A target's Random Forest and XGBoost, on the scale of `features.transform`.

    Attributes
    ----------
    target : str
    features : tuple of str
    rf, xgb : fitted estimators
    width : Width
        Half width of the 90 % interval about the mean of both, on the scale of the model.
    area : Area
    card : dict
        What the model is made of and what it is worth; kept as card.json.
    """

    target: str
    features: tuple
    rf: RandomForestRegressor
    xgb: XGBRegressor
    width: Width
    area: Area
    card: dict = field(default_factory=dict)

    def __repr__(self):
        values = self.card.get("data", {}).get("values", "?")
        return f"Model({self.target}, {values} values, features: {', '.join(self.features)})"

    @classmethod
    def fit(cls, table, target, names, settings=None, fold=None, residuals=None, seed=0, threads=1, sea=None):
        """Learn a target.

        Parameters
        ----------
        table : DataFrame
            Rows of `features.training_table` of this target.
        target : str
        names : sequence of str
            Features.
        settings : dict of dict, optional
            Settings of "rf" and "xgb"; `DEFAULTS` if none.
        fold : array of int, shape (n,), optional
            Fold of each row, whole campaigns together; each campaign is a fold of its own if none are given.
        residuals : DataFrame, optional
            `validate.residuals`. Without them there is no interval.
        seed, threads : int
        sea : array, shape (m, len(names)), optional
            `features.random_sea`: with it the interval is made for the sea as it is, not as ships sample it.

        Returns
        -------
        Model

        Raises
        ------
        UserError
            If the values are all the same or a feature is missing.
        """
        X, y = features.matrix(table, names), features.transform(table["value"], target)
        check_learnable(y, X, names, target)
        weight, settings = features.weights(table), settings or DEFAULTS
        rf, xgb = (fit_estimator(kind, settings[kind], X, y, weight, seed, threads=threads) for kind in KINDS)
        campaign = table["campaign"].to_numpy()
        area = Area.fit(X, rf.feature_importances_ + 1e-6, campaign if fold is None else fold, seed)
        width = Width(np.inf)
        if residuals is not None:
            share = None if sea is None else area.shares(features.matrix(residuals, names), sea)
            width = Width.fit(residuals["residual"], residuals["campaign"], residuals["depth_m"], share=share)
        card = _card(table, target, names, settings, width, residuals, seed)
        return cls(target, tuple(names), rf, xgb, width, area, card)

    def predict_scaled(self, X, kind):
        """Prediction of "rf" or "xgb" on the scale of the model, float32, shape (n,)."""
        return getattr(self, kind).predict(X).astype(np.float32)

    def predict_matrix(self, X, which=LAYERS):
        """Predict rows of a feature matrix: the fast path of maps.

        Parameters
        ----------
        X : float32 array, C order, shape (n, len(features))
            No missing values. Blocks of some 100,000 rows in which neighbours stand together are fastest.
        which : sequence of str
            Some of `LAYERS`; what is not asked for is not computed.

        Returns
        -------
        dict of array, shape (n,)
            In the unit of the target, float32; `applicable` is bool.
        """
        which = (which,) if isinstance(which, str) else tuple(which)
        both = {"prediction", "lower", "upper"} & set(which)
        scaled = {kind: self.predict_scaled(X, kind) for kind in KINDS if both or kind in which}
        if both:
            half = self._half_width(X)
            scaled["prediction"] = (scaled["rf"] + scaled["xgb"]) * np.float32(0.5)
            scaled["lower"], scaled["upper"] = scaled["prediction"] - half, scaled["prediction"] + half
        out = {name: features.inverse(scaled[name], self.target) for name in which if name in scaled}
        if "applicable" in which:
            out["applicable"] = self.applicable(X)
        return out

    def _half_width(self, X):
        """Half width of the interval about the mean of both, for each row of features; float32."""
        at = self.width.at_100_m
        if self.width.slope:
            at = self.width.at(X[:, self.features.index("depth_m")])
        return np.asarray(at, np.float32)

    def mean_factor(self, depth_m):
        """Factor that makes means of middle values at each depth (m): see `features.mean_factor`.

        Raises
        ------
        UserError
            When the card holds none.
        """
        known = self.card.get("residuals", {}).get("mean_factor_at")
        if known is None:
            raise UserError(f"the card of the {self.target} model holds no residuals: run 04-tune again")
        return np.interp(depth_m, known["depth_m"], known["factor"])

    def applicable(self, X):
        """Whether the training data can speak for each row of features, bool, shape (n,)."""
        return self.area.inside(X)

    def predict(self, frame):
        """Predict the rows of a table that has the columns of the features.

        Parameters
        ----------
        frame : DataFrame

        Returns
        -------
        DataFrame, with the index of `frame`
            prediction, lower, upper, applicable, rf, xgb. Rows with a missing feature have NaN and are not applicable.
        """
        X = features.matrix(frame, self.features)
        known = np.isfinite(X).all(axis=1)
        out = pd.DataFrame(np.nan, index=frame.index, columns=["prediction", "lower", "upper", "rf", "xgb"])
        out.insert(3, "applicable", False)
        if known.any():
            for name, values in self.predict_matrix(np.ascontiguousarray(X[known])).items():
                out.loc[known, name] = values if values.dtype == bool else values.astype(float)
        return out

    def save(self, folder):
        """Write rf.skops, xgb.ubj, applicability.npz and card.json, which holds the hashes of the others."""
        import skops.io

        with files.atomic(Path(folder)) as temporary:
            temporary.mkdir()
            skops.io.dump(self.rf, temporary / "rf.skops", compression=zipfile.ZIP_DEFLATED, compresslevel=6)
            self.xgb.save_model(temporary / "xgb.ubj")
            width = np.array([self.width.at_100_m, self.width.slope])
            # what a prediction hangs on stands here, under a hash; the card only tells of it
            kept = {"features": np.array(self.features), "target": np.array(self.target), "width": width}
            np.savez_compressed(temporary / "applicability.npz", **self.area.arrays(), **kept)
            hashes = {name: files.sha256(temporary / name) for name in FILES}
            files.write_json(self.card | {"files": hashes}, temporary / "card.json")


def check_learnable(y, X, names, target):
    """Refuse what nothing can be learnt from, in one line."""
    if not len(y):
        raise UserError(f"there is no value of {target} to learn from: see the counts of 03-matchup")
    if not np.isfinite(y).all() or np.ptp(y) == 0:
        raise UserError(f"{target} is constant or not finite in the training table: nothing can be learnt from it")
    empty = [name for name, column in zip(names, X.T, strict=True) if not np.isfinite(column).all()]
    if empty:
        raise UserError(f"the training table misses values of {', '.join(empty)}: run 03-matchup with this feature set")


def _card(table, target, names, settings, width, residuals, seed):
    """What can be said of a model without having tested it; the notebook adds the skill."""
    depths, sources = table["depth_m"], table["source_id"].dropna().astype(str).unique()
    card = {
        "format": 1, "feature_version": features.FEATURE_VERSION,
        "target": target, "long_name": VARIABLES[target].long_name, "unit": VARIABLES[target].unit,
        "scale": features.SCALES[target],
        "features": list(names), "settings": settings, "n_trees": N_TREES, "seed": seed,
        "data": {
            "values": len(table), "casts": table["cast_id"].nunique(), "campaigns": table["campaign"].nunique(),
            "from": str(table["time"].min().date()), "to": str(table["time"].max().date()),
            "latitude": [table["latitude"].min(), table["latitude"].max()], "depth_m": [depths.min(), depths.max()],
            "sources": sorted(sources)[:50],
        },
        "weights": "size of the campaign to the power -1/2",
        "interval": {
            "level": LEVEL, "method": f"conformal, {width.counting}",
            "half_width_at_100_m": width.at_100_m, "depth_slope": width.slope,
        },
        "versions": {name: version(name) for name in ("scikit-learn", "skops", "numpy", "seaofcarbon")
                     if _installed(name)} | {"xgboost": _xgboost_version()},
    }  # fmt: skip
    if residuals is not None:
        card["residuals"] = {
            "what": "sum of held-out values over the sum of their predictions, weighted by campaign as in the fit: of "
            "all, and near each depth",
            "mean_factor": features.mean_factor(residuals),
            "mean_factor_at": {
                "depth_m": list(FACTOR_DEPTHS_M),
                "factor": features.mean_factor(residuals, FACTOR_DEPTHS_M),
            },
        }
    return card


def _installed(name):
    from importlib.metadata import PackageNotFoundError

    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def _xgboost_version():
    import xgboost

    return xgboost.__version__


# --- Reading ----------------------------------------------------------------------------------------


def load(folder, target=None):
    """Read a model that `Model.save` wrote; nothing in the files is run.

    Parameters
    ----------
    folder : str or Path
        Folder of one model, or the `model` folder of a run, whose main target is taken.
    target : str, optional
        Another target of the run.

    Returns
    -------
    Model

    Raises
    ------
    UserError
        If files are missing or changed, hold other types than a forest's, or come from another version of the features.
    """
    folder = Path(folder)
    card = _read_card(folder)
    if "main_target" in card:
        listed = card.get("targets")
        target = target or card["main_target"]
        if not isinstance(listed, list) or target not in listed:
            has = list(map(str, listed or ["none"]))
            raise UserError(f"{folder} has no model of {target}; it has {', '.join(has)}{files.suggest(target, has)}")
        folder = files.safe_join(folder, target)
        card = _read_card(folder)
    if target and card.get("target") != target:
        raise UserError(f"{folder} is a model of {card.get('target')}, not of {target}")
    _check_card(card, folder)
    rf, xgb = _read_forest(folder / "rf.skops"), _read_xgb(folder / "xgb.ubj")
    try:
        with np.load(folder / "applicability.npz", allow_pickle=False) as kept:
            area, names, own = Area.from_arrays(kept), tuple(kept["features"].tolist()), str(kept["target"])
            width = Width(*kept["width"].tolist())
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, json.JSONDecodeError):
        raise UserError(f"{folder}/applicability.npz cannot be read: run 04-tune again") from None
    if list(names) != card["features"] or own != card["target"]:
        raise UserError(
            f"{folder}/card.json names other features or another target than the model has: run 04-tune again"
        )
    model = Model(own, names, rf, xgb, width, area, card)
    if not rf.n_features_in_ == xgb.n_features_in_ == area.centre.size == len(model.features):
        raise UserError(f"{folder}: the files of the model do not belong together; run 04-tune again")
    return model


def _read_card(folder):
    card = files.read_json(folder / "card.json")
    if not isinstance(card, dict):
        raise UserError(f"{folder}/card.json is not the card of a model: run 04-tune again")
    return card


def _check_card(card, folder):
    if card.get("feature_version") != features.FEATURE_VERSION:
        raise UserError(
            f"{folder} was made with version {card.get('feature_version')} of the features, this is "
            f"{features.FEATURE_VERSION}: run 04-tune again"
        )
    whole = isinstance(card.get("features"), list) and isinstance(card.get("files"), dict)
    if card.get("target") not in TARGETS or not whole or not isinstance(card.get("settings"), dict):
        raise UserError(f"{folder}/card.json is not the card of a model: run 04-tune again")
    for name in FILES:
        if not (folder / name).is_file():
            raise UserError(f"{folder}/{name} is missing: run 04-tune again")
        if files.sha256(folder / name) != card["files"].get(name):
            raise UserError(f"{folder}/{name} is not the file that its card describes (sha256): run 04-tune again")


def _read_forest(path):
    import skops.io

    try:
        strange = set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED)
        if strange:
            raise UserError(f"{path} holds {', '.join(sorted(strange))}, which no forest needs: it is not opened")
        forest = skops.io.load(path, trusted=list(TRUSTED))
    except UserError:
        raise
    except Exception as problem:  # skops raises many kinds for a broken archive; none of them may reach a user
        raise UserError(f"{path} cannot be read ({type(problem).__name__}): run 04-tune again") from None
    if not isinstance(forest, RandomForestRegressor):
        raise UserError(f"{path} is not a random forest: run 04-tune again")
    return forest


def _read_xgb(path):
    model = XGBRegressor()
    try:
        model.load_model(path)
    except (XGBoostError, ValueError, KeyError, TypeError) as problem:
        raise UserError(f"{path} cannot be read ({type(problem).__name__}): run 04-tune again") from None
    return model.set_params(n_jobs=1)
