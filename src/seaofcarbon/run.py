"""Strict runs of the notebooks: parameters checked, artefacts found, nothing run twice that did not change.

A run is a folder `runs/NAME` with the artefacts, the executed notebooks, `manifest/NN-name.json` for each notebook and
`run.json`, which sums them. A run of some notebooks reads what the others make from its base run.
"""

import difflib
import functools
import hashlib
import importlib.metadata
import json
import math
import os
import platform
import re
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from seaofcarbon import notebook
from seaofcarbon.files import UserError, content_hash, data_dir, read_json, safe_join, sha256, write_json
from seaofcarbon.vocabulary import PARAMETERS, PROFILES


@dataclass(frozen=True)
class Chapter:
    """What a notebook needs from those before it, and what it makes: files or folders in the run folder."""

    needs: tuple
    makes: tuple
    may_make: tuple = ()


NOTEBOOKS = {
    "01-digitise": Chapter(
        (), ("raw", "figure", "records.parquet", "rejects.csv", "datapackage.json", "casts.nc", "covariates.nc")
    ),
    "02-flux": Chapter(("raw", "records.parquet", "covariates.nc"), ("fluxes.parquet",)),
    "03-matchup": Chapter(("records.parquet", "fluxes.parquet", "covariates.nc"), ("training.parquet",)),
    "04-tune": Chapter(("training.parquet", "covariates.nc"), ("study.log", "model", "validation.csv")),
    "05-maps": Chapter(("covariates.nc", "model", "training.parquet"), ("maps.nc", "map.html"), ("maps.zarr",)),
    "06-seasons": Chapter(("covariates.nc", "maps.nc"), ("seasons.nc", "sites.csv")),
    "07-carbon": Chapter(
        (
            "covariates.nc",
            "training.parquet",
            "model",
            "validation.csv",
            "maps.nc",
            "records.parquet",
            "fluxes.parquet",
            "seasons.nc",
        ),
        ("carbon.nc", "totals.csv", "sensitivity.csv"),
    ),
    "08-drivers": Chapter(
        ("training.parquet", "model"),
        ("drivers.csv", "parameterisation.csv", "parameterisation.nc", "parameterisation.c", "parameterisation.f90"),
    ),
}
"""The eight notebooks in their order. `run.artefact` gives a notebook only what stands in its row."""

TWIN_ONLY = ("raw",)
"""Artefacts that the real profile does not have: its raw files stay in the data folder."""

VERSIONS_OF = (
    "numpy", "scipy", "pandas", "pyarrow", "xarray", "netcdf4", "scikit-learn", "xgboost-cpu", "optuna", "matplotlib",
    "cartopy", "papermill", "ipykernel",
)  # fmt: skip
"""Distributions whose version may change a result or a figure."""

NOT_HASHED = ("cli.py", "publish.py")
"""Modules that no notebook uses: a change there makes no result old."""

WORKERS = 2
"""Notebooks that run side by side."""


CITED = {
    "02-flux": ("coale1985", "buesseler1992"),
    "03-matchup": ("behrenfeld1997", "morel1989"),
    "04-tune": ("breiman2001", "chen2016xgboost", "akiba2019optuna", "sklearn", "vovk2005conformal", "meyer2021"),
}
"""Keys of the bibliography for the methods of a notebook."""

CITED_RELATION = {"owens2011": "owens2011", "pates_muir2007": "pates2007", "chen1986": "chen1986"}
"""Relation of 238U and salinity -> key of the bibliography."""


class LoggedError(Exception):
    """A failure of ours whose one line already says where to look."""


class NotebookError(LoggedError):
    """A notebook failed for a reason that is ours: one line with notebook, cell, error and where to look."""


# --- Places ----------------------------------------------------------------------------------------


def home():
    """Return the root of the repository: `SEAOFCARBON_HOME`, where the package stands, or the working folder.

    Raises
    ------
    UserError
        When there is no `notebooks` folder in any of them.
    """
    given = os.environ.get("SEAOFCARBON_HOME")
    for folder in [Path(given)] if given else [Path(__file__).parents[2], Path.cwd()]:
        if (folder / "notebooks").is_dir():
            return folder.resolve()
    raise UserError("no notebooks folder found: work in a clone of the repository, or set SEAOFCARBON_HOME to one")


def run_folder(name, root=None):
    """Return the folder of a run, `runs/NAME` in the repository.

    Raises
    ------
    UserError
        When the name is not a plain folder name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", str(name)):
        raise UserError(f"{name!r} cannot name a run: use letters, digits, '-', '_' and '.', at most 64")
    return Path(root or home()) / "runs" / name


def read_run(folder):
    """Return the `run.json` of a run folder, or {} where there is none."""
    path = Path(folder) / "run.json"
    return read_json(path) if path.exists() else {}


def artefact(run_dir, name):
    """Return the path of an artefact: from the run folder, or else from the base of the run.

    Parameters
    ----------
    run_dir : str or Path
        Folder of the run.
    name : str
        Such as "training.parquet" or "model/card.json".

    Raises
    ------
    UserError
        When neither run has it (names the command that makes it), or when the notebook that asks did not declare it.
    """
    run_dir = Path(run_dir) if Path(run_dir).is_dir() else home() / run_dir
    declared = os.environ.get("SEAOFCARBON_ARTEFACTS")
    if declared is not None and name.split("/")[0] not in declared.split(","):
        raise UserError(f"{name} is not declared for this notebook: add it to its row in seaofcarbon.run.NOTEBOOKS")
    path = _find(run_dir, name)
    if path is None:
        profile = read_run(run_dir).get("profile", "twin")
        raise UserError(f"{run_dir.name} has no {name}: {_command_for(name, run_dir, profile)}")
    return path


def cited(run_dir):
    """Return the names of catalogue entries and keys of the bibliography that a run used.

    Raises
    ------
    UserError
        When there is no such run.
    """
    run_dir = Path(run_dir)
    this = read_run(run_dir)
    if not this:
        known = sorted(path.parent.name for path in run_dir.parent.glob("*/run.json"))
        listed = ", ".join(known) or "none yet"
        raise UserError(f"there is no run {run_dir.name}{suggest(run_dir.name, known)} (runs: {listed})")
    base = read_run(run_dir.parent / this["base"]) if this.get("base") else {}
    chapters = base.get("notebooks", {}) | this["notebooks"]
    relation = chapters.get("02-flux", {}).get("parameters", {}).get("u238_relation")
    entries, keys = credited(this["profile"], chapters, relation)
    return [*entries, *keys]


def credited(profile, chapters, relation=None):
    """Return the catalogue entries that a profile reads, and the keys of the bibliography behind some notebooks."""
    from seaofcarbon import profiles

    entries = [*profiles.REAL_FILES, "sweeney_chlorophyll"] if profile == "real" else []
    keys = [key for chapter in chapters for key in CITED.get(chapter, ())]
    return [*entries, "climatology"], keys + ([CITED_RELATION[relation]] if relation else [])


def _find(run_dir, name):
    """Return the path of an artefact in a run or in its base, or None."""
    base = read_run(run_dir).get("base")
    for folder in [run_dir, *([run_dir.parent / base] if base else [])]:
        if (path := safe_join(folder, name)).exists():
            return path
    return None


def _command_for(name, run_dir, profile, table=NOTEBOOKS):
    """Say which command makes an artefact in a run."""
    maker = next((n for n, row in table.items() if name.split("/")[0] in row.makes), "all")
    if maker != "all" and any(_find(run_dir, need) is None for need in _needs(table[maker], profile)):
        maker = "all"
    named = "" if run_dir.name == profile else f" --name {run_dir.name}"
    return f"make it with `seaofcarbon run {maker} --profile {profile}{named}`"


def _needs(row, profile):
    return [name for name in row.needs if profile == "twin" or name not in TWIN_ONLY]


def _makes(row, profile):
    return [name for name in row.makes if profile == "twin" or name not in TWIN_ONLY]


# --- Which notebooks -------------------------------------------------------------------------------


def suggest(word, known):
    """Return "; did you mean X?" for the nearest known word, or an empty text."""
    near = difflib.get_close_matches(str(word), [str(k) for k in known], n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def select(names, table=NOTEBOOKS):
    """Return the notebooks that are meant, in order: "all", "05-maps", or "05-maps+" with what depends on it.

    >>> select(["05-maps+"])
    ['05-maps', '06-seasons', '07-carbon']

    Raises
    ------
    UserError
        For a name that is no notebook.
    """
    chosen = set()
    for name in names:
        stem = name.removesuffix("+")
        if stem == "all":
            chosen |= set(table)
        elif stem not in table:
            raise UserError(f"there is no notebook {stem!r}{suggest(stem, table)} (all, or {', '.join(table)})")
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


# --- Parameters ------------------------------------------------------------------------------------


def check_value(name, value):
    """Return the value of a parameter in its type; text, as it comes from a command line, is read.

    Parameters
    ----------
    name : str
        A name in `vocabulary.PARAMETERS`.
    value : str, int or float
        A list is a text with commas.

    Raises
    ------
    UserError
        For a wrong type, a value out of range, or a choice that is unknown.
    """
    parameter = PARAMETERS[name]
    if parameter.is_list:
        return ",".join(f"{_check_one(name, parameter, part):.10g}" for part in str(value).split(","))
    return _check_one(name, parameter, value)


def _check_one(name, parameter, value):
    text = str(value).strip()
    unit = "" if parameter.unit in ("", "1") else f" {parameter.unit}"
    if parameter.kind is str:
        if parameter.choices and text not in parameter.choices:
            choices = ", ".join(parameter.choices)
            raise UserError(f"{name}={text} is not one of {choices}{suggest(text, parameter.choices)}")
        return text
    allowed = f"from {parameter.low:g} to {parameter.high:g}{unit}"
    try:
        number = parameter.kind(text)
    except ValueError:
        word = "a whole number" if parameter.kind is int else "a number"
        raise UserError(f"{name}={text} is not {word}: give one {allowed}") from None
    if not math.isfinite(number) or not parameter.low <= number <= parameter.high:
        raise UserError(f"{name}={text} is out of range: give a value {allowed}")
    return number


def check_declared(declared, where):
    """Refuse a parameters cell that disagrees with the vocabulary (a slip of ours, found early)."""
    for item in declared.values():
        known = PARAMETERS.get(item.name)
        if known is None:
            raise UserError(f"{where}: parameter {item.name} has no entry in vocabulary.PARAMETERS")
        if item.kind is not (str if known.is_list else known.kind):
            raise UserError(f"{where}: parameter {item.name} is {item.kind.__name__}, against the vocabulary")
        if item.name != "run_dir":
            check_value(item.name, item.default)


def assign(parameters, declared):
    """Give each notebook the parameters that it has, checked.

    Parameters
    ----------
    parameters : dict of str to str
        As given by the user.
    declared : dict of str to dict of str to Declared
        Parameters of each selected notebook.

    Returns
    -------
    dict of str to dict
        The full parameters of each notebook.

    Raises
    ------
    UserError
        For a parameter that none of the notebooks has, or an absurd value.
    """
    known = sorted(set().union(*declared.values()) - {"run_dir"})
    for name in parameters:
        if name == "run_dir":
            raise UserError("run_dir is set by the run itself: give --name NAME instead")
        if name not in known:
            where = f"{', '.join(declared)}{suggest(name, known)} ({', '.join(known)})"
            raise UserError(f"there is no parameter {name!r} in {where}")
    given = {name: check_value(name, value) for name, value in parameters.items()}
    return {
        chapter: {name: given.get(name, item.default) for name, item in items.items()}
        for chapter, items in declared.items()
    }


# --- What a result depends on ------------------------------------------------------------------------


@functools.cache
def _hash_at(path, size, mtime_ns):
    return content_hash(path)


def _hash(path):
    """Return the content hash of a file or folder; a file that did not change since is not read again."""
    if path.is_dir():
        inside = sorted(p for p in path.rglob("*") if p.is_file())
        lines = "".join(f"{_hash(p)}  {p.relative_to(path).as_posix()}\n" for p in inside)
        return hashlib.sha256(lines.encode()).hexdigest()
    stat = path.stat()
    return _hash_at(path, stat.st_size, stat.st_mtime_ns)


def _listing_hash(folder):
    """Return a hash of names, sizes and times of a file or in a folder: cheap, where files are large."""
    folder = Path(folder)
    inside = (
        [folder]
        if folder.is_file()
        else sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    )
    lines = [f"{p.relative_to(folder).as_posix()} {p.stat().st_size} {p.stat().st_mtime_ns}" for p in inside]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@functools.cache
def package_hash():
    """Return a hash of the package's modules and embedded data."""
    root = Path(__file__).parent
    files = (p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts and p.name not in NOT_HASHED)
    return hashlib.sha256("".join(f"{p.relative_to(root)} {sha256(p)}\n" for p in sorted(files)).encode()).hexdigest()


@functools.cache
def versions():
    """Return the versions of Python and of the libraries that results depend on."""
    found = {"python": platform.python_version()}
    for name in VERSIONS_OF:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


# --- The run -----------------------------------------------------------------------------------------


class Run:
    """The state of one run: its folder, its base, and the parameters of its notebooks."""

    def __init__(self, names, profile, name, base, parameters, root, table):
        self.root, self.table = Path(root or home()), table
        self.profile, self.name = profile, name or profile
        self.folder = run_folder(self.name, self.root)
        self.chapters = select(names, table)
        self.notebooks = {c: notebook.read(self.root / "notebooks" / f"{c}.ipynb") for c in self.chapters}
        declared = {c: notebook.parameters(nb, c) for c, nb in self.notebooks.items()}
        for chapter, items in declared.items():
            check_declared(items, chapter)
        self.parameters = assign(parameters, declared)
        for values in self.parameters.values():
            fixed = {"run_dir": self._relative(self.folder), "profile": profile}
            values.update({key: value for key, value in fixed.items() if key in values})
        self.old = read_run(self.folder)
        self.base = self._checked_base(base)
        self._check_inputs()

    def _relative(self, path):
        """Name a path as seen from the repository, so that no page or file tells where that is."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def _checked_base(self, base):
        owner = self.name if self.name in PROFILES else self.old.get("profile", self.profile)
        if owner != self.profile:
            raise UserError(f"run {self.name} belongs to the {owner} profile: give another --name")
        base = base or self.old.get("base") or self.profile
        if base == self.name:
            return None
        theirs = read_run(run_folder(base, self.root))
        if theirs.get("profile", self.profile) != self.profile:
            raise UserError(f"base {base} is a run of the {theirs['profile']} profile: give a --base of {self.profile}")
        if theirs.get("base"):
            raise UserError(f"{base} itself stands on {theirs['base']}: give a --base that ran all notebooks")
        return base

    def _check_inputs(self):
        """Refuse to start when what no selected notebook makes is in neither run."""
        made = set()
        for chapter in self.chapters:
            row = self.table[chapter]
            for name in _needs(row, self.profile):
                if name not in made and self.find(name) is None:
                    where = run_folder(self.base or self.name, self.root)
                    command = _command_for(name, where, self.profile, self.table)
                    raise UserError(f"{chapter} needs {name}, which run {where.name} does not have: {command}")
            made |= set(row.makes)

    def find(self, name):
        """Return the path of an artefact in this run or its base, or None."""
        for folder in [self.folder, *([run_folder(self.base, self.root)] if self.base else [])]:
            if (folder / name).exists():
                return folder / name
        return None

    def waits_for(self, chapter):
        """Return the selected notebooks that make what a notebook needs."""
        needs = set(self.table[chapter].needs)
        return {c for c in self.chapters if needs & set(self.table[c].makes)} - {chapter}

    def fingerprint(self, chapter):
        """Return everything that the results of a notebook depend on."""
        inputs = {name: self.find(name) for name in _needs(self.table[chapter], self.profile)}
        entry = {
            "parameters": self.parameters[chapter],
            "inputs": {n: {"path": self._relative(p), "sha256": _hash(p)} for n, p in inputs.items()},
            "source": notebook.code_hash(self.notebooks[chapter]),
            "package": package_hash(),
            "versions": versions(),
        }
        if given := self.parameters[chapter].get("covariates_file"):
            entry["given"] = _listing_hash(self.root / given)
        if not self.table[chapter].needs:  # the first notebook reads what lies outside the run
            if (self.root / "catalogs").is_dir():
                entry["catalogs"] = _hash(self.root / "catalogs")
            if self.profile == "real" and data_dir().is_dir():
                entry["data"] = _listing_hash(data_dir())
        return entry

    def outputs(self, chapter):
        """Return the hashes of what a notebook made; absent ones are left out."""
        row = self.table[chapter]
        paths = {name: self.folder / name for name in (*_makes(row, self.profile), *row.may_make)}
        return {name: _hash(path) for name, path in paths.items() if path.exists()}

    def manifest(self, chapter):
        """Return the path of a notebook's manifest."""
        return self.folder / "manifest" / f"{chapter}.json"

    def executed(self, chapter):
        """Return the path of a notebook's executed copy."""
        return self.folder / "notebooks" / f"{chapter}.ipynb"

    def is_done(self, chapter):
        """Say whether a notebook ran before with the same inputs and its outputs still stand."""
        if not (self.manifest(chapter).exists() and self.executed(chapter).exists()):
            return False
        old, new = read_json(self.manifest(chapter)), json.loads(json.dumps(self.fingerprint(chapter)))
        for entry in (old, new):  # the same bytes from another run are the same input
            entry["inputs"] = {name: item["sha256"] for name, item in entry["inputs"].items()}
        return all(old.get(key) == value for key, value in new.items()) and old["outputs"] == self.outputs(chapter)

    def save(self):
        """Write run.json, the sum of the manifests."""
        parts = {c: read_json(p) for c in self.table if (p := self.manifest(c)).exists()}
        inputs = {name: item for part in parts.values() for name, item in part["inputs"].items()}
        base = self._relative(run_folder(self.base, self.root)) if self.base else None
        total = {
            "name": self.name,
            "profile": self.profile,
            "base": self.base,
            "from_base": {n: i for n, i in inputs.items() if base and i["path"].startswith(f"{base}/")},
            "seconds": round(sum(part["seconds"] for part in parts.values()), 2),
            "peak_memory_mb": max((part["peak_memory_mb"] or 0 for part in parts.values()), default=0),
            "notebooks": parts,
        }
        write_json(total, self.folder / "run.json")
        return total


def run(names=("all",), profile=None, name=None, base=None, parameters=None, root=None, table=NOTEBOOKS, progress=True):
    """Run notebooks with checked parameters; those whose inputs did not change are not run again.

    Parameters
    ----------
    names : sequence of str
        "all", or notebooks such as "05-maps"; "05-maps+" adds those that depend on it.
    profile : {"twin", "real"}, optional
        Where the data come from; the twin by default.
    name : str, optional
        Name of the run; the profile by default.
    base : str, optional
        Run from which artefacts are read that this one does not make; the profile's by default.
    parameters : dict of str to str, optional
        Values for the parameters of the notebooks.
    root : Path, optional
        Folder that holds `notebooks` and `runs`; the repository by default.
    table : dict of str to Chapter
        The notebooks with what they need and make.
    progress : bool
        Show a progress bar and a line per notebook on stderr.

    Returns
    -------
    dict
        What run.json holds.

    Raises
    ------
    UserError
        For what the user can mend, before anything runs, or from within a notebook.
    NotebookError
        When a notebook fails otherwise.
    """
    parameters = dict(parameters or {})
    asked = parameters.pop("profile", None)
    if asked and profile and asked != profile:
        raise UserError(f"--profile {profile} and -p profile={asked} disagree: give one of them")
    this = Run(names, check_value("profile", asked or profile or "twin"), name, base, parameters, root, table)
    this.folder.mkdir(parents=True, exist_ok=True)
    this.save()
    _schedule(this, progress)
    return this.save()


def _schedule(this, progress):
    """Run what is ready, two at a time, until all is done or one fails."""
    from tqdm import tqdm

    total, quiet = sum(map(notebook.size, this.notebooks.values())), None if progress else True
    bar = tqdm(total=total, unit="cell", desc=this.name, disable=quiet, file=sys.stderr)
    waiting, busy, done, processes = list(this.chapters), {}, set(), set()
    with bar, ThreadPoolExecutor(WORKERS) as pool:
        try:
            while waiting or busy:
                for chapter in [c for c in waiting if this.waits_for(c) <= done][: WORKERS - len(busy)]:
                    waiting.remove(chapter)
                    busy[pool.submit(_bring_up_to_date, this, chapter, bar, processes)] = chapter
                for future in wait(busy, return_when=FIRST_COMPLETED).done:
                    chapter = busy.pop(future)
                    line = future.result()
                    done.add(chapter)
                    if progress:
                        tqdm.write(f"{chapter:12} {line}", file=sys.stderr)
        except KeyboardInterrupt:  # after an error the other notebook may finish; here it stops too
            for process in processes:
                process.terminate()
            raise
        finally:
            this.save()


def _bring_up_to_date(this, chapter, bar, processes):
    """Execute a notebook unless it is up to date; return what to say of it."""
    if this.is_done(chapter):
        bar.update(notebook.size(this.notebooks[chapter]))
        return "up to date"
    this.manifest(chapter).unlink(missing_ok=True)  # from here on the old results count no more
    entry = this.fingerprint(chapter)
    result = _execute(this, chapter, bar, processes)
    outputs = this.outputs(chapter)
    absent = [name for name in _makes(this.table[chapter], this.profile) if name not in outputs]
    if absent:
        raise NotebookError(f"{chapter} ended without writing {', '.join(absent)} to {this._relative(this.folder)}")
    if "data" in entry:  # what the notebook itself fetched belongs to its inputs
        entry["data"] = _listing_hash(data_dir())
    result = {key: result[key] for key in ("seconds", "peak_memory_mb", "warnings")}
    this.executed(chapter).parent.mkdir(exist_ok=True)
    _log(this, chapter, ".ipynb").replace(this.executed(chapter))
    write_json(entry | {"outputs": outputs, "notebook": chapter} | result, this.manifest(chapter))
    memory = f", {result['peak_memory_mb']:.0f} MB" if result["peak_memory_mb"] else ""
    noise = f", {result['warnings']} warnings in its log" if result["warnings"] else ""
    return f"{result['seconds']:.0f} s{memory}{noise}"


def _log(this, chapter, suffix):
    return this.folder / "logs" / f"{chapter}{suffix}"


def _execute(this, chapter, bar, processes):
    """Execute a notebook in a process of its own; raise one clear line when it fails."""
    log, copy, answer = (_log(this, chapter, suffix) for suffix in (".log", ".ipynb", ".json"))
    for path in (log, copy, answer):
        path.unlink(missing_ok=True)
    source, row = this.root / "notebooks" / f"{chapter}.ipynb", this.table[chapter]
    job = {"notebook": source, "copy": copy, "result": answer, "cwd": this.root, "parameters": this.parameters[chapter]}
    write_json(job, answer)
    command = [sys.executable, "-m", "seaofcarbon.notebook", str(answer)]
    environment = notebook.environment(this.root, (*row.needs, *row.makes))
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            command, cwd=this.root, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
        processes.add(process)
        for line in process.stdout:
            if line.rstrip("\n") == notebook.CELL_DONE:
                bar.update(1)
            else:
                stream.write(line)
        process.wait()
        processes.discard(process)
    result = read_json(answer)
    answer.unlink()
    if problem := failure(this, chapter, result, process.returncode):
        raise problem
    return result


def failure(this, chapter, result, returncode):
    """Return what to raise when a notebook failed, or None: one line with notebook, cell, error and where to look."""
    error = result.get("error")
    if not error and not returncode:
        return None
    error = error or {"name": f"exit code {returncode}", "message": "its process ended early", "cell": None}
    cell = f"{chapter}, cell {error['cell']}" if error["cell"] else chapter
    message = " ".join(str(error["message"]).split())[:400]
    if error["name"] == "UserError":
        return UserError(f"{cell}: {message}")
    copy = _log(this, chapter, ".ipynb")
    where = this._relative(copy if copy.exists() else _log(this, chapter, ".log"))
    return NotebookError(f"{cell}: {error['name']}: {message} (see {where})")
