"""What the edition is made of: artefacts of a run on open data, and of the same at the base of the euphotic zone."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from seaofcarbon import catalog, files, maps, run
from seaofcarbon.files import UserError
from seaofcarbon.learn import features, models
from seaofcarbon.vocabulary import CARBON_G_PER_MOL

TARGET, DEPTH_M = "poc_flux", 100.0
COMMAND = "`seaofcarbon run all --profile real`"
COMMAND_EZ = "`seaofcarbon run 05-maps+ --profile real --name real-ez -p depth_kind=ez`"
FROZEN = ("maps.nc", "seasons.nc", "totals.csv", "sites.csv")
"""Artefacts that both runs must have made themselves."""


@dataclass(frozen=True)
class Source:
    """A run of the real profile, and the layer of its map that is frozen."""

    run_dir: Path

    def table(self, name):
        """Return a table of the run."""
        path = run.artefact(self.run_dir, name)
        return pd.read_parquet(path) if path.suffix == ".parquet" else files.read_csv(path)

    def dataset(self, name):
        """Return a Dataset of the run, in units inside."""
        return files.read_netcdf(run.artefact(self.run_dir, name))

    @cached_property
    def covariates(self):
        """Fields of the sea that the run's models see."""
        return self.dataset("covariates.nc")

    @cached_property
    def predicted(self):
        """Whole map file."""
        return self.dataset("maps.nc")

    @cached_property
    def seasons(self):
        """Means in bloom and out of bloom."""
        return self.dataset("seasons.nc")

    @cached_property
    def training(self):
        """Values that the models learnt from."""
        return features.for_target(self.table("training.parquet"), TARGET)

    @cached_property
    def learner(self):
        """Model of POC flux."""
        return models.load(run.artefact(self.run_dir, "model"), TARGET)

    @property
    def layer(self):
        """The map at 100 m, or at the depth that it follows."""
        return maps.at_depth(self.predicted, DEPTH_M)

    @property
    def follows_light(self):
        """Whether the map is at the base of the euphotic zone."""
        return "depth_used" in self.predicted

    @cached_property
    def mean(self):
        """Means (month, lat, lon) of what the map gives as middle values, mmol m-2 d-1."""
        return maps.to_mean(self.layer[TARGET], self.learner, self.layer.get("depth_used"))

    @cached_property
    def year(self):
        """Mean of the year, and where the model extrapolates in most months."""
        inside = self.layer["applicable"]
        return maps.annual_mean(self.mean), (inside == 0).sum("month") > (inside >= 0).sum("month") / 2

    @property
    def npp(self):
        """Production in mmol m-2 d-1."""
        return self.covariates["npp"] / CARBON_G_PER_MOL

    @cached_property
    def split(self):
        """Flux in bloom and out of bloom (middle values), as `plot.fields.bloom_maps` takes it."""
        names = {f"{TARGET}_bloom": "bloom", f"{TARGET}_non_bloom": "non_bloom", f"{TARGET}_no_bloom": "no_bloom"}
        split = self.seasons[[*names, "bloom_ratio"]].rename(names | {"bloom_ratio": "ratio"})
        return split.assign_attrs(target=TARGET)

    @cached_property
    def published(self):
        """Published values beside the map, fluxes and efficiencies."""
        facts = catalog.open_entry("published_export_values")
        pair = [maps.at_published(facts, self.predicted, TARGET, per) for per in (None, self.npp)]
        return pd.concat(pair, ignore_index=True)

    @cached_property
    def products(self):
        """Agreement with published maps (`maps.compare_products`), or None where they are not on this machine."""
        if not catalog.list_entries().set_index("name").loc[maps.PRODUCTS_ENTRY, "here"]:
            return None
        sea = self.covariates["sst"].notnull().any("month")
        theirs = maps.product_maps(catalog.open_entry(maps.PRODUCTS_ENTRY), sea["lat"], sea["lon"])
        # as in the total, a month without a value counts as nothing: theirs are means of whole years
        ours = maps.annual_mean(self.mean.fillna(0.0).where(self.mean.notnull().any("month")))
        return maps.compare_products(theirs, ours)


def opened(run_dir, ez_run_dir):
    """Open both runs, and refuse those that cannot make an edition.

    Returns
    -------
    (Source, Source)
        At 100 m, and at the base of the euphotic zone.

    Raises
    ------
    UserError
        When a run is absent, incomplete, of the twin, or not at the depth that is wanted; when the two do not belong
        together.
    """
    pair = []
    for folder, command in ((Path(run_dir), COMMAND), (Path(ez_run_dir), COMMAND_EZ)):
        told = run.read_run(folder)
        if told.get("profile") != "real":
            raise UserError(f"{folder} is no run on open data: make it with {command}")
        for name in FROZEN:  # an artefact of its base would not do
            if not (folder / name).exists():
                raise UserError(f"{folder} has no {name} of its own: make it with {command}")
        pair.append(Source(folder))
    whole, ez = pair
    if whole.follows_light or not ez.follows_light:
        raise UserError(f"the edition needs a run at fixed depths and one at Ez: {COMMAND}, then {COMMAND_EZ}")
    check_together(run.read_run(whole.run_dir), run.read_run(ez.run_dir), run.package_hash())
    return whole, ez


def check_together(whole, ez, code_now):
    """Refuse two runs of which the second does not stand on what the first holds, or that other code made.

    Parameters
    ----------
    whole, ez : dict
        run.json of both: every input of a notebook must be what a notebook of its own run made, or else one of `whole`.
    code_now : str
        Hash of the code that would freeze them (`run.package_hash`): it makes the maps and figures of the edition.

    Raises
    ------
    UserError
        Names the inputs that changed since, or the hashes of the code.
    """
    made, old, code = {}, set(), set()
    for told in (whole, ez):
        parts = told["notebooks"].values()
        made |= {name: sha for part in parts for name, sha in part["outputs"].items()}
        old |= {name for part in parts for name, used in part["inputs"].items() if made.get(name) != used["sha256"]}
        code |= {part["package"] for part in parts}
    if old:
        raise UserError(
            f"run {ez['name']} does not belong to run {whole['name']}: its {', '.join(sorted(old))} changed since; "
            "make both again with `make edition`"
        )
    if code != {code_now}:
        raise UserError(
            f"the notebooks of runs {whole['name']} and {ez['name']} were not run by the code of today (sha256 "
            f"{', '.join(sorted(sha[:8] for sha in code))}; now {code_now[:8]}): make both again with `make edition`"
        )
