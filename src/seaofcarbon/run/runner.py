"""Execution: the notebooks of a run, two at a time, each in a process of its own."""

import shutil
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from seaofcarbon import notebook
from seaofcarbon.files import UserError, data_dir, read_json, write_json
from seaofcarbon.run.beforehand import check
from seaofcarbon.run.chapters import NOTEBOOKS, of_profile
from seaofcarbon.run.hashes import listing_hash
from seaofcarbon.run.parameters import check_value
from seaofcarbon.run.state import Run

WORKERS = 2
"""Notebooks that run side by side."""


class LoggedError(Exception):
    """A failure of ours whose one line already says where to look."""


class NotebookError(LoggedError):
    """A notebook failed for a reason that is ours: one line with notebook, cell, error and where to look."""


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
    to_make = {name for chapter in this.chapters for name in this.table[chapter].makes}
    for chapter in this.chapters:  # an artefact that will be made again says nothing yet
        check(this.parameters[chapter], lambda name: None if name in to_make else this.find(name), this.root)
    this.folder.mkdir(parents=True, exist_ok=True)
    this.save()
    try:
        _schedule(this, progress)
    except UserError:
        _without_empty(this.folder)
        raise
    return this.save()


def _without_empty(folder):
    """Remove a run folder in which a refused run left nothing but its log."""
    if not {path.name for path in folder.iterdir()} - {"run.json", "logs", "manifest"}:
        shutil.rmtree(folder)


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
    stopped = _log(this, chapter, ".json").exists()  # the job of a run that did not come to its end
    entry = this.fingerprint(chapter)
    result = _execute(this, chapter, bar, processes)
    outputs = this.outputs(chapter)
    absent = [name for name in of_profile(this.table[chapter].makes, this.profile) if name not in outputs]
    if absent:
        raise NotebookError(f"{chapter} ended without writing {', '.join(absent)} to {this.relative(this.folder)}")
    if "data" in entry:  # what the notebook itself fetched belongs to its inputs
        entry["data"] = listing_hash(data_dir())
    if "reads" in entry:
        entry["reads"] = this.reads(chapter)
    result = {key: result[key] for key in ("seconds", "peak_memory_mb", "warnings")}
    this.executed(chapter).parent.mkdir(exist_ok=True)
    _log(this, chapter, ".ipynb").replace(this.executed(chapter))
    write_json(entry | {"outputs": outputs, "notebook": chapter} | result, this.manifest(chapter))
    memory = f", {result['peak_memory_mb']:.0f} MB" if result["peak_memory_mb"] else ""
    noise = f", {result['warnings']} warnings in its log" if result["warnings"] else ""
    again = ", again: it had been stopped" if stopped else ""
    return f"{result['seconds']:.0f} s{memory}{noise}{again}"


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
    where = this.relative(copy if copy.exists() else _log(this, chapter, ".log"))
    return NotebookError(f"{cell}: {error['name']}: {message} (see {where})")
