"""Where runs and their artefacts are: in the run folder, or else in that of its base."""

import os
import re
from pathlib import Path

from seaofcarbon import catalog
from seaofcarbon.files import UserError, content_hash, read_json, read_netcdf, safe_join, sha256, suggest, write_json
from seaofcarbon.run.chapters import NOTEBOOKS, of_profile
from seaofcarbon.vocabulary import PROFILES


def home():
    """Return the root of the repository: `SEAOFCARBON_HOME`, where the package stands, or the working folder.

    Raises
    ------
    UserError
        When there is no `notebooks` folder in any of them.
    """
    given = os.environ.get("SEAOFCARBON_HOME")
    for folder in [Path(given)] if given else [Path(__file__).parents[3], Path.cwd()]:
        if (folder / "notebooks").is_dir():
            return folder.resolve()
    raise UserError("no notebooks folder found: work in a clone of the repository, or set SEAOFCARBON_HOME to one")


def run_folder(name, root=None):
    """Return the folder of a run, `runs/NAME` in the repository.

    Parameters
    ----------
    name : str
    root : Path, optional
        The repository.

    Returns
    -------
    Path

    Raises
    ------
    UserError
        When the name is not a plain folder name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", str(name)):
        raise UserError(f"{name!r} cannot name a run: use letters, digits, '-', '_' and '.', at most 64")
    return Path(root or home()) / "runs" / name


def read_run(folder):
    """Return the `run.json` of a run folder, or {} where there is none.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    dict
    """
    path = Path(folder) / "run.json"
    return read_json(path) if path.exists() else {}


def mark(name, published, root=None):
    """Say in run.json whether the book shows a run, and return its profile.

    Raises
    ------
    UserError
        When there is no such run, or it is the walk of the book itself.
    """
    check_own(name)
    folder = run_folder(name, root)
    if not (this := read_run(folder)):
        raise no_run(name, root)
    write_json(this | {"published": published}, folder / "run.json")
    return this["profile"]


def check_own(name):
    """Refuse to publish a run that has no name of its own, or to take it out of the book."""
    if name is None:
        raise UserError("--publish and --no-publish need the --name of a run, such as --name spring")
    if name in PROFILES:
        raise UserError(f"run {name} is the walk of the book itself, which always shows it: give another --name")


def no_run(name, root=None):
    """Return the error for a run that is not there, naming those that are."""
    known = sorted(path.parent.name for path in (Path(root or home()) / "runs").glob("*/run.json"))
    return UserError(f"there is no run {name}{suggest(name, known)} (runs: {', '.join(known) or 'none yet'})")


def artefact(run_dir, name):
    """Return the path of an artefact: from the run folder, or else from the base of the run.

    Parameters
    ----------
    run_dir : str or Path
        Folder of the run.
    name : str
        Such as "training.parquet" or "model/card.json".

    Returns
    -------
    Path

    Raises
    ------
    UserError
        When neither run has it (names the command that makes it), or when the notebook that asks did not declare it.
    """
    run_dir = Path(run_dir) if Path(run_dir).is_dir() else home() / run_dir
    declared = os.environ.get("SEAOFCARBON_ARTEFACTS")
    if declared is not None and name.split("/")[0] not in declared.split(","):
        raise UserError(f"{name} is not declared for this notebook: add it to its row in seaofcarbon.run.NOTEBOOKS")
    path = find_in(name, _with_base(run_dir))
    if path is None:
        profile = read_run(run_dir).get("profile", "twin")
        raise UserError(f"{run_dir.name} has no {name}: {command_for(name, run_dir, profile)}")
    return path


def covariates_of(model, card):
    """Open the fields that a model was trained with: of its run, or of the catalogue; their content is checked.

    Parameters
    ----------
    model : Path
        Folder of the models of a run, or of one of them.
    card : dict
        Of the model.

    Returns
    -------
    Dataset

    Raises
    ------
    UserError
        When they are not there, or not those that the model was trained with.
    """
    folder = Path(model).resolve()
    if not (folder / card["target"]).is_dir():  # the folder of one target, inside `model`
        folder = folder.parent
    named = card.get("covariates", {"entry": "covariates"})
    own = named["entry"] == "covariates"
    if own and not any((folder.parent / name).exists() for name in ("run.json", "covariates.nc")):
        raise UserError(
            f"{model} is not in the folder of its run, whose covariates.nc it needs: put it back, or give its inputs "
            "as columns of the points"
        )
    path = artefact(folder.parent, "covariates.nc") if own else catalog.path(named["entry"])
    # the same fields written on another day are the same; cards may also hold the hash of the bytes
    if "sha256" in named and named["sha256"] not in (content_hash(path), sha256(path)):
        raise UserError(f"{path} is not the file that the model was trained with (sha256): run 04-tune again")
    return catalog.climatology() if named["entry"] == "climatology" else read_netcdf(path)


def find_in(name, folders):
    """Return the path of an artefact in the first of some folders that has it, or None."""
    return next((path for folder in folders if (path := safe_join(folder, name)).exists()), None)


def _with_base(run_dir):
    """Return the folder of a run, and that of its base when it has one."""
    base = read_run(run_dir).get("base")
    return [run_dir, *([run_dir.parent / base] if base else [])]


def command_for(name, run_dir, profile, table=NOTEBOOKS):
    """Say which command makes an artefact in a run."""
    maker = next((n for n, row in table.items() if name.split("/")[0] in row.makes), "all")
    folders = _with_base(run_dir)
    if maker != "all" and not all(find_in(need, folders) for need in of_profile(table[maker].needs, profile)):
        maker = "all"
    named = "" if run_dir.name == profile else f" --name {run_dir.name}"
    return f"make it with `seaofcarbon run {maker} --profile {profile}{named}`"
