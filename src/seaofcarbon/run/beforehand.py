"""What can be refused before a kernel starts: a grid, a file of inputs or a scheduler that cannot be."""

from types import SimpleNamespace

from seaofcarbon.files import UserError, read_json, read_netcdf


def check(values, find, root):
    """Refuse values of the maps that their notebook would refuse after half a minute.

    Parameters
    ----------
    values : dict
        Full parameters of a notebook; those without maps have nothing to check.
    find : callable
        Gives the path of an artefact by name, or None while it is to be made.
    root : Path
        The repository; `covariates_file` is relative to it.

    Raises
    ------
    UserError
        As `maps.fine_inputs` and `maps.computing` raise it, or when there is no such file.
    """
    if values.get("scheduler", "threads") not in ("threads", "serial"):
        from seaofcarbon import maps  # slow to import, seldom needed

        with maps.computing(values["scheduler"], 1):
            pass
    degrees, path = values.get("grid_degrees", 1.0), values.get("covariates_file", "")
    if path and not (root / path).exists():
        raise UserError(f"covariates_file={path}: there is no such file or folder in {root}")
    covariates, model = find("covariates.nc"), find("model")
    if (path or degrees != 1.0) and covariates and model:
        from seaofcarbon import maps

        cards = [read_json(model / name / "card.json") for name in read_json(model / "card.json")["targets"]]
        models = [SimpleNamespace(features=card["features"]) for card in cards]
        maps.fine_inputs(read_netcdf(covariates, chunks={}), models, degrees, str(root / path) if path else "")
