"""Where a file comes from, told in its attributes: its run, the versions of its data, the works to cite."""

import re
from pathlib import Path

from seaofcarbon import __version__, catalog, files, run
from seaofcarbon.vocabulary import TWIN_LABEL

SHOWN = 16
"""Digits of a SHA-256 that are shown."""


def attrs(run_dir, name, profile, table=run.NOTEBOOKS):
    """Return the global attributes that tell where an artefact of a run comes from.

    `source` (data, with version) and `references` are the same each time the run is made; the run, the code and the
    hashes of what went in stand in `history`, which `files.content_hash` leaves out.

    Parameters
    ----------
    run_dir : str or Path
        Folder of the run.
    name : str
        Such as "maps.nc".
    profile : {"twin", "real"}
    table : dict of str to run.Chapter
        The notebooks with what they need and make.

    Returns
    -------
    dict
        source, references, history: for `files.write_netcdf(ds, path, attrs)`.

    Raises
    ------
    UserError
        When no notebook makes it.
    """
    run_dir = Path(run_dir) if Path(run_dir).is_dir() else run.home() / run_dir
    chapter = next((c for c, row in table.items() if name in row.makes), None)
    if chapter is None:
        raise files.UserError(
            f"no notebook makes {name}{files.suggest(name, [n for r in table.values() for n in r.makes])}"
        )
    manifests = {c: _manifest(run_dir, c) for c in _before(chapter, table)}
    own = run_dir / "manifest" / f"{chapter}.json"  # is absent while the notebook runs
    code = files.read_json(own)["package"] if own.exists() else run.package_hash()
    relation = manifests.get("02-flux", {}).get("parameters", {}).get("u238_relation")
    entries, keys = run.credited(profile, [*manifests, chapter], relation)
    data = [catalog.show(entry) for entry in entries]
    made_of = {n: sha for part in manifests.values() for n, sha in part.get("outputs", {}).items()}
    used = [f"{n} {made_of[n][:SHOWN]}" for n in table[chapter].needs if n in made_of]
    return {
        "source": "; ".join([*([f"{TWIN_LABEL}: simulated casts"] if profile == "twin" else []), *map(_version, data)]),
        "references": "; ".join(map(_work, dict.fromkeys([*(key for entry in data for key in entry["cite"]), *keys]))),
        "history": f"notebook {chapter} of run {run_dir.name}, {profile} profile, seaofcarbon {__version__}, "
        f"code sha256 {code[:SHOWN]}" + (f", from (sha256) {', '.join(used)}" if used else ""),
    }


def _before(chapter, table):
    """Return the notebooks that a notebook stands on, in order."""
    needs, found = set(table[chapter].needs), []
    for other, row in reversed(table.items()):
        if needs & set(row.makes) and other != chapter:
            needs |= set(row.needs)
            found.append(other)
    return found[::-1]


def _manifest(run_dir, chapter):
    """Return the manifest of a notebook, in the run or else in its base; {} where it never ran."""
    base = run.read_run(run_dir).get("base")
    for folder in [run_dir, *([run_dir.parent / base] if base else [])]:
        if (path := folder / "manifest" / f"{chapter}.json").exists():
            return files.read_json(path)
    return {}


def _version(entry):
    """Name an entry of the catalogue with what pins its version."""
    doi = f", doi:{entry['doi']}" if entry.get("doi") and entry["doi"] not in entry["citation"] else ""
    return f"{entry['citation']}{doi} (sha256 {entry['sha256'][:SHOWN]})"


def _work(key):
    """Return a work of the bibliography as one line: who, when, what, DOI."""
    told = dict(re.findall(r"^\s*(\w+)\s*=\s*\{(.*?)\},?$", catalog.cite(key), flags=re.MULTILINE))
    told = {name: re.sub(r"[{}]", "", text) for name, text in told.items()}
    authors = [author.split(",")[0] for author in told.get("author", key).split(" and ")]
    who = " & ".join(authors) if len(authors) < 3 else f"{authors[0]} et al."
    doi = f", doi:{told['doi']}" if "doi" in told else ""
    return f"{who} {told.get('year', '')}: {told.get('title', '')}{doi}"
