"""Freeze a run on open data: whole or not at all, under 8 MB."""

import warnings
from pathlib import Path

import numpy as np

from seaofcarbon import __version__, catalog, files, provenance, run
from seaofcarbon.edition import layers, learner, told
from seaofcarbon.edition.sources import opened
from seaofcarbon.files import UserError

MAX_BYTES = 8_000_000
N_SEEDS = 10
DIGITS = 6
"""Significant digits of numbers.json."""

TITLE = "Downward POC flux by month at 100 m and at the base of the euphotic zone"
SUMMARY = (
    "Learnt from 234Th-derived fluxes of open compilations, with the 90 % interval of a measurement and the area where "
    "the model may speak. Predictions, no measurements; outside of that area they are extrapolation."
)


def folder():
    """Return where the edition lies: book/edition of the repository."""
    return catalog.REPOSITORY / "book" / "edition"


def freeze(run_dir, ez_run_dir, folder, n_seeds=N_SEEDS):
    """Freeze two runs on open data into a folder.

    Parameters
    ----------
    run_dir : Path
        Run of all notebooks of the real profile, at fixed depths.
    ez_run_dir : Path
        Run of 05-maps and what depends on it, at the base of the euphotic zone.
    folder : Path
        Replaced as a whole when everything is made; it must be new, empty or an edition.
    n_seeds : int
        Ways to deal the folds that the skill of the edition's model is the mean of.

    Returns
    -------
    dict
        edition.json: date, versions, data, files.

    Raises
    ------
    UserError
        When a run is absent or of another kind, the two do not belong together, a source of the training rows is not
        open, the folder holds something else, or it would be larger than 8 MB.
    """
    import matplotlib

    matplotlib.use("Agg")
    from seaofcarbon.edition import pictures

    _check_place(Path(folder))
    whole, ez = opened(run_dir, ez_run_dir)
    check_open(whole)
    seed = run.read_run(whole.run_dir)["notebooks"]["04-tune"]["parameters"]["seed"]
    table = learner.known(whole.training)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="sklearn.utils.parallel")  # forests that are fitted in threads
        model, over_seeds = learner.train(table, whole.covariates, seed), learner.skill(table, seed, n_seeds)
    tables = {
        "skill": told.skill_table(whole, over_seeds, n_seeds),
        "totals": told.totals_table(whole, ez), "sites": told.sites_table(whole, ez), "published": whole.published,
    }  # fmt: skip
    if whole.products is not None:
        tables["products"] = whole.products.rename_axis("map").reset_index()
    model_year = layers.embedded_year(model, catalog.climatology(), whole.layer["poc_flux"].notnull())
    numbers = told.numbers(whole, ez, tables, model, model_year)
    with files.atomic(Path(folder)) as temporary:
        temporary.mkdir()
        learner.save(model, temporary / "model")
        for name, rows in tables.items():
            files.write_csv(rows.round(6), temporary / f"{name}.csv")
        about = _about(whole, ez, n_seeds)
        attrs = {"title": TITLE, "summary": SUMMARY, "id": "seaofcarbon-edition"}
        attrs |= provenance.attrs(whole.run_dir, "maps.nc", "real")
        files.write_netcdf(layers.dataset(whole, ez), temporary / "maps.nc", attrs, bits=layers.BITS)
        pictures.write(temporary / "figures", whole, ez, tables)
        files.write_json(rounded(numbers | {"date": about["date"]}), temporary / "numbers.json")
        made = sorted(path for path in temporary.rglob("*") if path.is_file())
        about["files"] = {
            path.relative_to(temporary).as_posix(): {"bytes": path.stat().st_size, "sha256": files.sha256(path)}
            for path in made
        }
        size = sum(entry["bytes"] for entry in about["files"].values())
        if size > MAX_BYTES:
            raise UserError(
                f"the edition would be {size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:.0f}: keep fewer bits"
            )
        files.write_json(about, temporary / "edition.json")
    return about


def _check_place(folder):
    """Refuse to replace a folder of something else."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "edition.json").exists():
        raise UserError(f"{folder} holds files and is no edition (no edition.json): give a new or an empty folder")


def check_open(whole):
    """Refuse training rows of a source whose values may not be passed on: a forest remembers single values.

    Parameters
    ----------
    whole : Source

    Raises
    ------
    UserError
        Names the sources, with their licences.
    """
    package = files.read_json(run.artefact(whole.run_dir, "datapackage.json"))
    entries = [catalog.show(name) for name in told.data_entries(whole.run_dir)]
    sources = catalog.sources_of(whole.training, package, "real", entries)
    closed = sources[~sources["open"]]
    if len(closed):
        names = "; ".join(closed["source_id"] + " (" + closed["licence"] + ")")
        raise UserError(
            f"the model of run {whole.run_dir.name} learnt from closed data, which an edition would pass on: {names}; "
            "leave these files out and run it again"
        )


def _about(whole, ez, n_seeds):
    """What edition.json says: when, from which runs and data, with which versions."""
    parts = {name: run.read_run(source.run_dir)["notebooks"] for name, source in (("run", whole), ("ez_run", ez))}
    with files.read_netcdf(run.artefact(whole.run_dir, "maps.nc"), chunks={}) as ds:
        made = ds.attrs["date_created"]
    first = next(iter(parts["run"].values()))
    return {
        "title": "Sea of Carbon: the edition", "licence": "CC-BY-4.0", "date": made[:10], "profile": "real",
        "seaofcarbon": __version__, "code_sha256": first["package"], "versions": first["versions"],
        "data": told.data_entries(whole.run_dir), "seeds": n_seeds,
        "parameters": {
            name: {c: {k: v for k, v in part["parameters"].items() if k != "run_dir"} for c, part in chapters.items()}
            for name, chapters in parts.items()
        },
    }  # fmt: skip


def rounded(value):
    """Numbers of nested dicts to six significant digits, as plain Python; what is no number is null."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
