"""What each choice does: one choice of a run changed at a time, and what that does to the total and to single places.

A choice that changes what is learnt fits the models again, with the settings of the run and no new tuning; the rows of
the training table stay the same, and so does the sea beside them. Factors from middle values to means stay those of the
run: there are no held-out predictions of models that were fitted again.
"""

from dataclasses import dataclass, field, fields, replace

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon import carbon, flux, maps, ocean, thorium
from seaofcarbon.files import UserError, counted
from seaofcarbon.learn import features, models, validate
from seaofcarbon.learn.campaigns import thin
from seaofcarbon.vocabulary import FEATURE_SETS, U238_RELATIONS

PRODUCT, DIRECT = "234Th × C:Th", "learnt directly"
"""Two ways to carbon."""

SITES = ("Gulf of Cadiz", "Alboran Sea", "Eastern Alboran Sea")
"""The Andalusian sites of the vocabulary that have a cell."""

RATIO_LAWS = ("power_law", "regional", "owens2015")
"""C:Th from depth alone: one law fitted to the ratios of the run, one of each basin, or as published."""

TITLES = {
    "u238_relation": "238U from salinity", "integration": "rule of the integral", "particles": "particles of C:Th",
    "c_th": "C:Th", "way": "way to carbon", "model": "model", "feature_set": "inputs", "average": "what is added up",
    "bloom": "what a bloom is", "seed": "seed (noise)",
}  # fmt: skip
"""Each kind of choice, in the order of the table, as tables and figures name it."""

LAYER_OF = {"mean": "prediction", "rf": "rf", "xgb": "xgb"}

TAUGHT_BY = {
    "th234_flux": ("u238_relation", "integration", "feature_set", "seed"),
    "poc_flux": ("u238_relation", "integration", "feature_set", "seed"),
    "c_th": ("particles", "feature_set", "seed"),
}
"""Choices that change what the models of a target learn."""

FLUX_CHOICES = ("u238_relation", "integration")
"""Choices that are made when a flux of 234Th is computed from its profile."""

RUN_FACTOR = "means with the held-out factor of this run"

REMARKS = {
    "bloom": "moves no carbon, only what counts as bloom",
    "model": "means with the held-out factor of that model",
    "feature_set": RUN_FACTOR,
    "seed": RUN_FACTOR,
    ("c_th", "power_law"): "of depth alone, fitted to the ratios of this run",
    ("c_th", "regional"): "of depth alone, fitted to the ratios of each basin that has enough",
    ("c_th", "owens2015"): "of depth alone, as published",
    ("average", "middle"): "middle values added up, without the held-out factor",
}
"""What is to be said of alternatives."""

BASELINE, TRUTH = "choices of this run", "truth of the twin"
ROW_KEYS = ["target", "cast_id", "depth_m"]


@dataclass(frozen=True)
class Choices:
    """One choice of each kind; the words are those of the parameters of the chapters."""

    u238_relation: str = "owens2011"
    integration: str = "trapezoid"
    particles: str = "large"
    c_th: str = "ml"
    way: str = PRODUCT
    model: str = "mean"
    feature_set: str = "seed"
    average: str = "mean"
    bloom: str = ""
    seed: int = 0

    def others(self, n_seeds=2):
        """Alternatives of each kind but the bloom, whose definitions the study holds."""
        known = {
            "u238_relation": U238_RELATIONS, "integration": thorium.RULES, "particles": ("large", "small"),
            "c_th": ("ml", *RATIO_LAWS), "way": (PRODUCT, DIRECT), "model": LAYER_OF, "feature_set": FEATURE_SETS,
            "average": ("mean", "middle"), "seed": range(self.seed, self.seed + n_seeds + 1),
        }  # fmt: skip
        return {name: [word for word in words if word != getattr(self, name)] for name, words in known.items()}


def choices_of_run(fluxes, learners, training, way, c_th="ml", bloom=""):
    """Choices that a run was made with, as far as its files tell.

    Parameters
    ----------
    fluxes : DataFrame
        fluxes.parquet; its columns u238_source and integration say how the fluxes were made.
    learners : dict of str to Model
        By target.
    training : DataFrame
        training.parquet.
    way, c_th, bloom : str
        What the chapters of carbon and seasons took.

    Returns
    -------
    Choices
    """
    sources = fluxes["u238_source"].str.extract(f"({'|'.join(U238_RELATIONS)})", expand=False).mode()
    first = learners["poc_flux" if way == DIRECT else "th234_flux"]
    return Choices(
        u238_relation=sources.iloc[0] if len(sources) else "owens2011", integration=fluxes["integration"].iloc[0],
        c_th=c_th, way=way, feature_set=training["feature_set"].iloc[0], bloom=bloom,
        seed=first.card["seed"],
    )  # fmt: skip


def held_out_factor(validation, target, member, depth_m):
    """Factor from middle values to means of one of the models of a target, or of their mean, at each depth.

    Parameters
    ----------
    validation : DataFrame
        validation.csv.
    target : str
    member : {"mean", "rf", "xgb"}
    depth_m : float or DataArray
        m.

    Returns
    -------
    float or DataArray, of the shape of `depth_m`
        `features.mean_factor` of campaigns left out, at the depths of the cards of models, linear between them.
    """
    rows = validation.query("target == @target and model == @member and split == 'campaign'")
    if rows.empty:
        raise UserError(f"validation.csv has no held-out {target} of the model {member!r}: run 04-tune again")
    known = features.mean_factor(rows, models.FACTOR_DEPTHS_M)
    return xr.apply_ufunc(lambda z: np.interp(z, models.FACTOR_DEPTHS_M, known), depth_m)


def refit(model, table, names, seed, threads=2):
    """The forest and XGBoost of a model, fitted again to other values or inputs with the same settings.

    Interval, area and factors stay those of `model`: only its predictions are to be used.
    """
    rows = thin(table, validate.FIT_ROWS, seed).reset_index(drop=True)
    X, y = features.matrix(rows, names), features.transform(rows["value"], model.target)
    models.check_learnable(y, X, names, model.target)
    weight, settings = features.weights(rows), model.card["settings"]
    fitted = {
        kind: models.fit_estimator(kind, settings[kind], X, y, weight, seed, threads=threads) for kind in models.KINDS
    }
    return replace(model, features=tuple(names), **fitted)


def shifted(training, before, after):
    """Training values moved by what another calculation changes; the rows and the sea beside them stay.

    Parameters
    ----------
    training : DataFrame
        target, cast_id, depth_m, value.
    before, after : DataFrame
        The same columns (`features.values_by_target`), as the run calculated them and with the other choice.

    Returns
    -------
    DataFrame
        `training` with new values. Rows that only `before` can give are left out; rows that it does not know, such as
        fluxes that were compiled as such, keep their value.

    Examples
    --------
    >>> row = pd.DataFrame({"target": ["th234_flux"], "cast_id": ["a"], "depth_m": [100.0], "value": [500.0]})
    >>> shifted(row, row, row.assign(value=550.0))["value"].tolist()
    [550.0]
    """
    old, new = (df.drop_duplicates(ROW_KEYS).set_index(ROW_KEYS)["value"] for df in (before, after))
    at = pd.MultiIndex.from_frame(training[ROW_KEYS])
    known = at.isin(old.index)
    shift = np.where(known, (new.reindex(at) - old.reindex(at)).to_numpy(), 0.0)
    return training.assign(value=training["value"] + shift).dropna(subset="value")


@dataclass
class Study:
    """A run and its files, from which totals of other choices are made.

    Attributes
    ----------
    base : Choices
        Of the run.
    learners : dict of str to Model
        By target.
    training, samples, fluxes, archive : DataFrame
        training.parquet, `records.to_samples`, fluxes.parquet, records.parquet.
    covariates : Dataset
        `ocean.covariates`, dims (month, depth, lat, lon).
    blooms : dict of str to Dataset
        `ocean.bloom` by a name of its definition; that of the run is `base.bloom`.
    validation : DataFrame
        validation.csv, for the factors that turn middle values into means.
    depth_m : float
        m.
    kind : str
        fixed, or a depth that follows the sea (`maps.DEPTH_KINDS`).
    every : int
        Every so many rows and columns of the grid stand for the globe. The sites keep their own cells.
    """

    base: Choices
    learners: dict
    training: pd.DataFrame
    samples: pd.DataFrame
    fluxes: pd.DataFrame
    archive: pd.DataFrame
    covariates: xr.Dataset
    blooms: dict
    validation: pd.DataFrame
    depth_m: float = 100.0
    kind: str = "fixed"
    every: int = 2
    grids: dict = field(init=False, repr=False)
    _values: dict = field(init=False, repr=False, default_factory=dict)
    _maps: dict = field(init=False, repr=False, default_factory=dict)
    _factors: dict = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self):
        """Cut the two grids on which everything is predicted."""
        if self.base.bloom not in self.blooms:
            raise UserError(f"bloom {self.base.bloom!r} is none of the definitions given: {', '.join(self.blooms)}")
        self.every_cell = {"lat": slice(None, None, self.every), "lon": slice(None, None, self.every)}
        self.cells = maps.site_cells(self.covariates).set_index("site").loc[list(SITES)]
        box = {"lat": np.unique(self.cells["cell_latitude"]), "lon": np.unique(self.cells["cell_longitude"])}
        self.grids = {"globe": self.covariates.isel(self.every_cell), "sites": self.covariates.sel(box)}

    # --- what is learnt ---

    def values(self, choices):
        """Training table with the values that other choices give."""
        key = choices.u238_relation, choices.integration, choices.particles
        if key not in self._values:
            self._values[key] = self._recomputed(choices)
        return self._values[key]

    def _recomputed(self, choices):
        if choices.particles == self.base.particles:
            samples = self.samples
        else:
            names = ("poc", "th234_particulate", "c_th")
            other = {f"{name}_large": self.samples.get(f"{name}_{choices.particles}", np.nan) for name in names}
            samples = self.samples.assign(**other)
        calculated = self.fluxes
        if (choices.u238_relation, choices.integration) != (self.base.u238_relation, self.base.integration):
            fixed = self.fluxes.loc[self.fluxes["depth_kind"] == "fixed", "depth_m"].unique()
            # no covariates: flags do not matter, because the rows of the training table stay
            calculated = flux.fluxes(self.samples, sorted(fixed), choices.u238_relation, choices.integration)
        after = features.values_by_target(samples, calculated, self.archive)
        return shifted(self.training, self._found(), after)

    def _found(self):
        if "before" not in self._values:
            self._values["before"] = features.values_by_target(self.samples, self.fluxes, self.archive)
        return self._values["before"]

    def learner(self, target, choices):
        """Models of a target: the run's own, or fitted again where a choice changes what they learn."""
        own = self.learners[target]
        if all(getattr(choices, name) == getattr(self.base, name) for name in TAUGHT_BY[target]):
            return own
        names = FEATURE_SETS[choices.feature_set]
        rows = features.for_target(self.values(choices), target)
        rows = rows[np.isfinite(features.matrix(rows, names)).all(axis=1)]
        if target in features.LOGARITHMIC:
            rows = rows[rows["value"] > 0]
        return refit(own, rows, names, choices.seed)

    # --- what is mapped ---

    def predicted(self, target, choices):
        """Middle values of a target on both grids, each a Dataset (month, lat, lon) of the mean and both models."""
        key = target, *(getattr(choices, name) for name in TAUGHT_BY[target])
        if key not in self._maps:
            learner = self.learner(target, choices)
            self._maps[key] = {
                name: maps.predict_grid(
                    learner, grid, depths_m=[self.depth_m], kind=self.kind, layers=list(LAYER_OF.values())
                ).isel(depth=0, drop=True)
                for name, grid in self.grids.items()
            }
        return self._maps[key]

    def _quantity(self, target, choices, grid):
        """A target on one grid, as the mean or the middle value of one model or of both."""
        field_name = maps.LAYERS[LAYER_OF[choices.model]].format(target)
        layer = self.predicted(target, choices)[grid]
        middle = layer[field_name]
        if choices.average == "middle":
            return middle
        key = target, choices.model, grid  # a refit has no held-out predictions: the run's stand for them
        if key not in self._factors:
            depth = layer.get("depth_used", self.depth_m)
            self._factors[key] = held_out_factor(self.validation, target, choices.model, depth)
        return maps.to_mean(middle, self.learners[target], factor=self._factors[key])

    def _ratio(self, choices, grid):
        if choices.c_th == "ml":
            return self._quantity("c_th", choices, grid)
        like = self.predicted("th234_flux", choices)[grid]
        depth = like["depth_used"] if "depth_used" in like else xr.full_like(like["th234_flux"], self.depth_m)
        if choices.c_th == "owens2015":  # as published, so no mean and middle value
            return depth.copy(data=carbon.ratio_owens2015(depth))
        laws = self.laws()
        if choices.c_th == "regional":
            law = carbon.law_of_region(maps.regions(depth)["basin"], laws)
        elif choices.c_th == "power_law":
            law = laws[carbon.EVERYWHERE]
        else:
            raise UserError(f"c_th={choices.c_th!r} is no way to C:Th: use one of ml, {', '.join(RATIO_LAWS)}")
        return maps.ratio_of_law(depth, law)[choices.average == "mean"]

    def laws(self):
        """Power laws of depth through the ratios of the run: one of all and one of each basin that has enough."""
        ratios = features.for_target(self.training, "c_th")
        basin = ocean.basin(ratios["latitude"], ratios["longitude"])
        return carbon.fit_regional_laws(ratios["depth_m"], ratios["value"], basin, ratios["campaign"])

    def poc_flux(self, choices, grid="globe"):
        """POC flux on a grid, mmol m-2 d-1, dims (month, lat, lon)."""
        if choices.way == DIRECT:
            return self._quantity("poc_flux", choices, grid).rename("poc_flux")
        product = carbon.poc_flux(self._quantity("th234_flux", choices, grid), self._ratio(choices, grid))
        return product.rename("poc_flux")

    def summed(self, choices):
        """Total, sites, and the part of the bloom: one row of the table.

        Returns
        -------
        dict
            total_pg_yr; the mean of the year at each site, mmol m-2 d-1; share_in_bloom, the share of the yearly total
            that sinks in the months of bloom; bloom_ratio, mean flux in bloom over that out of bloom, of cells that
            bloom.
        """
        return self.measured(*(self.poc_flux(choices, grid) for grid in self.grids), choices.bloom)

    def measured(self, poc, places, bloom):
        """The same of any field: `poc` on the cells of the globe, `places` with those of the sites."""
        cells = {"lat": self.cells["cell_latitude"], "lon": self.cells["cell_longitude"]}
        at = {axis: xr.DataArray(values.to_numpy(), dims="site") for axis, values in cells.items()}
        years = maps.annual_mean(places).sel(at, method="nearest").to_numpy()
        years = np.where(self.cells["reason"] == "", years, np.nan)  # a cell too far away is not the site
        bloom = self.blooms[bloom].isel(self.every_cell)
        split = maps.area_weighted_mean(maps.bloom_split(poc, bloom).drop_vars("ratio"))
        sinks = poc * maps.weights(poc)
        return {
            "total_pg_yr": maps.integrate_poc(poc).set_index("region")["total_pg_yr"]["global"],
            **dict(zip(SITES, years.astype(float), strict=True)),
            "share_in_bloom": float(sinks.where(bloom["in_bloom"]).sum() / sinks.sum()),
            "bloom_ratio": float(split["bloom"] / split["non_bloom"]),
        }  # fmt: skip

    # --- what cannot be chosen, and what is to be said ---

    def obstacle(self, name, word):
        """Why a choice cannot be made with this run, in plain words; empty where it can."""
        direct = self.base.way == DIRECT
        if name in FLUX_CHOICES and not self._own(self._taught()).any():
            return self._not_ours()
        if name in ("c_th", "particles") and direct:
            return "no C:Th enters: carbon was learnt directly"
        if name == "particles":
            return self._too_few_of(word)
        needed = {"way": ["poc_flux"] if word == DIRECT else ["th234_flux"], "c_th": []}.get(name, [])
        if word == "ml" or (word == PRODUCT and self.base.c_th == "ml"):
            needed = [*needed, "c_th"]
        lacking = [target for target in needed if target not in self.learners]
        if lacking:
            counts = features.enough(self.training).set_index("target").loc[lacking]
            return "too few for a model: " + ", ".join(
                f"{counted(row.values, 'value')} of {target} in {counted(row.campaigns, 'campaign')}"
                for target, row in zip(lacking, counts.itertuples(), strict=True)
            )
        if word in ("power_law", "regional") and not np.isfinite(self.laws()[carbon.EVERYWHERE].a):
            return "too few ratios for a power law"
        low, high = carbon.OWENS2015_RANGE_M
        if word == "owens2015" and (self.kind != "fixed" or not low <= self.depth_m <= high):
            return f"the published law holds from {low:g} to {high:g} m"
        absent = [f for f in features.columns_needed(FEATURE_SETS.get(word, ())) if f not in self.training]
        return f"the training table has no {', '.join(absent)}" if name == "feature_set" and absent else ""

    def _taught(self):
        """Target whose values the choices of a flux change: carbon where it was learnt directly, else thorium."""
        return "poc_flux" if self.base.way == DIRECT else "th234_flux"

    def _not_ours(self):
        n, own = (len(features.for_target(self.training, target)) for target in (self._taught(), "th234_flux"))
        reason = f"not ours to change: all {n:,} POC fluxes were published as such by others"
        return reason + (f"; the {own:,} fluxes of 234Th from profiles are too few for a model" if own else "")

    def _too_few_of(self, particles):
        """Words where C:Th of such particles cannot carry a model, or is none."""
        if self.base.c_th != "ml":
            return "C:Th is no model in this run"
        rows = features.for_target(self.values(replace(self.base, particles=particles)), "c_th")
        found = features.enough(rows).set_index("target").loc["c_th"]
        return "" if found["enough"] else f"too few for a model: {len(rows):,} C:Th of {particles} particles"

    def _own(self, target):
        """Which training values of a target were calculated from the profiles of this run."""
        found = self._found()
        own = found[(found["target"] == target) & found["cast_id"].isin(self.fluxes["cast_id"])]
        rows = pd.MultiIndex.from_frame(features.for_target(self.training, target)[ROW_KEYS])
        return rows.isin(pd.MultiIndex.from_frame(own[ROW_KEYS]))

    def remark(self, name, choices):
        """What is to be known of a row: how many values moved, or were left out."""
        if name in FLUX_CHOICES:
            own = self._own(self._taught())
            old, new = (features.for_target(t, self._taught()) for t in (self.training, self.values(choices)))
            after = new.drop_duplicates(ROW_KEYS).set_index(ROW_KEYS)["value"]
            after = after.reindex(pd.MultiIndex.from_frame(old[ROW_KEYS])).to_numpy()
            down = own & (old["value"] > 0).to_numpy()
            moved = 100 * (np.nanmedian(after[down] / old["value"].to_numpy()[down]) - 1)
            return (
                f"{own.sum():,} of {len(old):,} values computed again, the median moves by {moved:+.1f} %; {RUN_FACTOR}"
            )
        if name == "particles":
            new, old = (len(features.for_target(t, "c_th")) for t in (self.values(choices), self.training))
            return f"learnt from the {new:,} of {old:,} ratios that have them; {RUN_FACTOR}"
        return REMARKS.get((name, getattr(choices, name)), REMARKS.get(name, ""))


def table(study, n_seeds=2, truth=None):
    """One choice changed at a time: what becomes of the total, of the sites and of the bloom.

    Parameters
    ----------
    study : Study
    n_seeds : int
        Other seeds that the models are fitted with: how much of a change is chance.
    truth : DataArray, dims (month, lat, lon), optional
        True POC flux on the grid of the covariates, mmol m-2 d-1; its row comes last.

    Returns
    -------
    DataFrame
        choice, alternative, total_pg_yr, change_percent; for each of `SITES` its mean of the year (mmol m-2 d-1) and,
        as `<site>, change_percent`, its change; share_in_bloom, bloom_ratio; note. The first row is the baseline. A
        choice that the run cannot make has no number, and its note says why. Changes are against the baseline on the
        same cells.
    """
    base = study.summed(study.base)
    kinds = study.base.others(n_seeds) | {"bloom": [name for name in study.blooms if name != study.base.bloom]}
    rows = [{"choice": BASELINE, "alternative": described(study.base), **base, "note": ""}]
    for name in (f.name for f in fields(Choices)):
        for word in kinds[name]:
            obstacle = study.obstacle(name, word)
            choices = replace(study.base, **{name: word})
            made = {"note": obstacle} if obstacle else study.summed(choices) | {"note": study.remark(name, choices)}
            rows.append({"choice": TITLES[name], "alternative": str(word), **made})
    if truth is not None:
        mapped, true = study.poc_flux(study.base), truth.isel(study.every_cell)
        known = study.measured(true.where(mapped.notnull()), truth, study.base.bloom)
        rows.append({"choice": TRUTH, "alternative": "", **known, "note": "change over the cells that both have"})
        there = maps.integrate_poc(mapped.where(true.notnull()))["total_pg_yr"][0]
    df = pd.DataFrame(rows)
    df.insert(
        df.columns.get_loc("total_pg_yr") + 1, "change_percent", 100 * (df["total_pg_yr"] / base["total_pg_yr"] - 1)
    )
    if truth is not None:  # which has no value in some cells of the map
        df.loc[df["choice"] == TRUTH, "change_percent"] = 100 * (known["total_pg_yr"] / there - 1)
    for site in SITES:
        df.insert(df.columns.get_loc(site) + 1, f"{site}, change_percent", 100 * (df[site] / base[site] - 1))
    return df


def described(choices):
    """The choices of a run in one line, without those that carbon does not depend on.

    Parameters
    ----------
    choices : Choices

    Returns
    -------
    str
    """
    idle = ("c_th", "particles") if choices.way == DIRECT else () if choices.c_th == "ml" else ("particles",)
    names = (f.name for f in fields(choices) if f.name not in idle)
    return "; ".join(f"{TITLES[name]}: {getattr(choices, name)}" for name in names)


def noise(df, column="change_percent"):
    """Greatest change that another seed makes, in percent: a smaller one of a choice means nothing.

    Parameters
    ----------
    df : DataFrame
        As `table` gives it.
    column : str
        Column with the changes, in percent.

    Returns
    -------
    float
    """
    return float(df.loc[df["choice"] == TITLES["seed"], column].abs().max())


def kind_of(layer):
    """Kind of depth of a layer of a map: fixed, or the word of `maps.DEPTH_KINDS` that it was made with.

    Parameters
    ----------
    layer : Dataset
        One depth of a map file.

    Returns
    -------
    str
    """
    words = {text: word for word, text in maps.DEPTH_KINDS.items()}
    return words[layer["depth_used"].attrs["kind_name"]] if "depth_used" in layer else "fixed"
