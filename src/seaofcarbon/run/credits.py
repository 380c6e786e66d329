"""What a run used: entries of the catalogue and works of the bibliography."""

from pathlib import Path

from seaofcarbon.run.artefacts import no_run, read_run

CITED = {
    "02-flux": ("bhat1969", "coale1985", "savoye2006", "buesseler1992", "owens2015"),
    "03-matchup": ("behrenfeld1997", "morel1989"),
    "04-tune": (
        "breiman2001", "chen2016xgboost", "akiba2019optuna", "sklearn", "vovk2005conformal", "tibshirani2019",
        "meyer2021", "henson2011", "martin1987", "owens2015",
    ),
    "05-maps": ("meyer2021",),
    "06-seasons": ("brody2013",),
    "07-carbon": (
        "owens2015", "snowdon1991", "duan1983", "buesseler2020metrics", "martin1987", "laws2000", "laws2011",
        "dunne2005", "henson2011", "licassar2016", "schlitzer2000", "dunne2007", "henson2012", "siegel2014",
        "wang2019", "nowicki2022", "wang2023",
    ),
    "08-drivers": ("lundberg2017", "henson2011", "snowdon1991"),
}  # fmt: skip
"""Keys of the bibliography for the methods of a notebook, published formulas and totals that it uses among them."""

CITED_RELATION = {"owens2011": "owens2011", "pates_muir2007": "pates2007", "chen1986": "chen1986"}
"""Relation of 238U and salinity -> key of the bibliography."""


def cited(run_dir):
    """Return the names of catalogue entries and keys of the bibliography that a run used, each once.

    Parameters
    ----------
    run_dir : str or Path
        Folder of the run.

    Returns
    -------
    list of str

    Raises
    ------
    UserError
        When there is no such run.
    """
    run_dir = Path(run_dir)
    this = read_run(run_dir)
    if not this:
        raise no_run(run_dir.name, run_dir.parents[1])
    base = read_run(run_dir.parent / this["base"]) if this.get("base") else {}
    chapters = base.get("notebooks", {}) | this["notebooks"]
    relation = chapters.get("02-flux", {}).get("parameters", {}).get("u238_relation")
    entries, keys = credited(this["profile"], chapters, relation)
    opened = [name for part in chapters.values() for name, sha in part.get("reads", {}).items() if sha]
    return list(dict.fromkeys([*entries, *opened, *keys]))


def credited(profile, chapters, relation=None):
    """Return the catalogue entries that a profile reads, and the keys of the bibliography behind some notebooks."""
    from seaofcarbon import profiles

    entries = [*profiles.REAL_FILES, "sweeney_chlorophyll"] if profile == "real" else []
    keys = [key for chapter in chapters for key in CITED.get(chapter, ())]
    return [*entries, "climatology"], keys + ([CITED_RELATION[relation]] if relation else [])
