"""The notebooks: what each needs and makes, and which of them a user means."""

from dataclasses import dataclass

from seaofcarbon.files import UserError, suggest


@dataclass(frozen=True)
class Chapter:
    """What a notebook needs from those before it, and what it makes: files or folders in the run folder.

    `reads` are entries of the catalogue that it opens to compare with.
    """

    needs: tuple
    makes: tuple
    may_make: tuple = ()
    reads: tuple = ()


NOTEBOOKS = {
    "01-digitise": Chapter(
        (), ("raw", "figure", "records.parquet", "rejects.csv", "datapackage.json", "casts.nc", "covariates.nc")
    ),
    "02-flux": Chapter(
        ("raw", "records.parquet", "covariates.nc"), ("fluxes.parquet",), (), ("published_export_values",)
    ),
    "03-matchup": Chapter(("records.parquet", "fluxes.parquet", "covariates.nc"), ("training.parquet",)),
    "04-tune": Chapter(("training.parquet", "covariates.nc"), ("study.log", "model", "validation.csv")),
    "05-maps": Chapter(("covariates.nc", "model", "training.parquet"), ("maps.nc", "map.html"), ("maps.zarr",)),
    "06-seasons": Chapter(("covariates.nc", "training.parquet", "maps.nc"), ("seasons.nc", "sites.csv")),
    "07-carbon": Chapter(
        (
            "records.parquet", "covariates.nc", "fluxes.parquet", "training.parquet", "model", "validation.csv",
            "maps.nc", "seasons.nc",
        ),
        ("carbon.nc", "totals.csv", "sensitivity.csv"),
        (),
        ("published_export_values", "poc_flux_products"),
    ),
    "08-drivers": Chapter(
        ("training.parquet", "model"),
        ("drivers.csv", "parameterisation.csv", "parameterisation.nc", "parameterisation.c", "parameterisation.f90"),
    ),
}  # fmt: skip
"""The eight notebooks in their order. `run.artefact` gives a notebook only what stands in its row."""

TWIN_ONLY = ("raw",)
"""Artefacts that the real profile does not have: its raw files stay in the data folder."""


REAL_ONLY = ("poc_flux_products",)
"""Entries of the catalogue that only the real profile opens."""


def of_profile(names, profile):
    """Return those artefacts and entries of the catalogue that a profile has."""
    return [name for name in names if name not in (REAL_ONLY if profile == "twin" else TWIN_ONLY)]


def select(names, table=NOTEBOOKS):
    """Return the notebooks that are meant, in order: "all", "05-maps", or "05-maps+" with what depends on it.

    Parameters
    ----------
    names : sequence of str
    table : dict of str to Chapter
        The notebooks.

    Returns
    -------
    list of str

    Raises
    ------
    UserError
        For a name that is no notebook.

    Examples
    --------
    >>> select(["05-maps+"])
    ['05-maps', '06-seasons', '07-carbon']
    """
    chosen = set()
    for name in names:
        stem = name.removesuffix("+")
        if stem == "all":
            chosen |= set(table)
        elif stem not in table:
            near = suggest(stem.lower(), ["all", *table])
            raise UserError(f"there is no notebook {stem!r}{near} (all, or {', '.join(table)})")
        else:
            chosen |= {stem} | (_dependents(stem, table) if name.endswith("+") else set())
    return [name for name in table if name in chosen]


def _dependents(name, table):
    made, found = set(table[name].makes), set()
    for other, row in table.items():  # in order: what a notebook needs is made before it
        if made & set(row.needs):
            found.add(other)
            made |= set(row.makes)
    return found
