"""Strict runs of the notebooks: parameters checked, artefacts found, nothing run twice that did not change.

A run is a folder `runs/NAME` with the artefacts, the executed notebooks, `manifest/NN-name.json` for each notebook and
`run.json`, which sums them. A run of some notebooks reads what the others make from its base run.
"""

from seaofcarbon.run.artefacts import artefact, check_own, covariates_of, home, mark, no_run, read_run, run_folder
from seaofcarbon.run.chapters import NOTEBOOKS, Chapter, select
from seaofcarbon.run.credits import CITED, CITED_RELATION, cited, credited
from seaofcarbon.run.hashes import package_hash
from seaofcarbon.run.parameters import assign, check_declared, check_value
from seaofcarbon.run.runner import LoggedError, NotebookError, failure, run
from seaofcarbon.run.state import Run

__all__ = [
    "CITED", "CITED_RELATION", "NOTEBOOKS", "Chapter", "LoggedError", "NotebookError", "Run", "artefact", "assign",
    "check_declared", "check_own", "check_value", "cited", "covariates_of", "credited", "failure", "home", "mark",
    "no_run", "package_hash", "read_run", "run", "run_folder", "select",
]  # fmt: skip
