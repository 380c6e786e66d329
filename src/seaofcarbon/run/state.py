"""The state of a run: what its notebooks read and made, and which of them are up to date."""

import json
from pathlib import Path

from seaofcarbon import notebook
from seaofcarbon.files import UserError, data_dir, read_json, write_json
from seaofcarbon.run.artefacts import command_for, find_in, home, no_run, read_run, run_folder
from seaofcarbon.run.chapters import of_profile, select
from seaofcarbon.run.hashes import hash_of, listing_hash, package_hash, versions
from seaofcarbon.run.parameters import assign, check_declared
from seaofcarbon.vocabulary import PROFILES


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
            fixed = {"run_dir": self.relative(self.folder), "profile": profile}
            values.update({key: value for key, value in fixed.items() if key in values})
        self.old = read_run(self.folder)
        self.base = self._checked_base(base)
        self._check_inputs()

    def relative(self, path):
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
        if not theirs and base != self.profile:  # without the profile's, inputs are missing: that has its own advice
            raise no_run(base, self.root)
        if theirs.get("profile", self.profile) != self.profile:
            raise UserError(f"base {base} is a run of the {theirs['profile']} profile: give a --base of {self.profile}")
        if theirs.get("base"):
            raise UserError(f"{base} itself stands on {theirs['base']}: give a --base that ran all notebooks")
        return base

    def _check_inputs(self):
        """Refuse to start when what no selected notebook makes is in neither run, or left of a stopped one."""
        made = set()
        for chapter in self.chapters:
            row = self.table[chapter]
            for name in of_profile(row.needs, self.profile):
                if name not in made and self.find(name) is None:
                    where = run_folder(self.base or self.name, self.root)
                    command = command_for(name, where, self.profile, self.table)
                    raise UserError(f"{chapter} needs {name}, which run {where.name} does not have: {command}")
                if name not in made:
                    self._check_finished(name)
            made |= set(row.makes)

    def _check_finished(self, name):
        """Refuse a file whose notebook was stopped, or is running: nobody knows with which parameters it was made."""
        folder = self.folder if find_in(name, [self.folder]) else run_folder(self.base, self.root)
        maker = next((chapter for chapter, row in self.table.items() if name in row.makes), None)
        if maker and not (folder / "manifest" / f"{maker}.json").exists():
            command = command_for(name, folder, self.profile, self.table)
            raise UserError(f"{name} of run {folder.name} is left over, its notebook {maker} did not finish: {command}")

    def find(self, name):
        """Return the path of an artefact in this run or its base, or None."""
        return find_in(name, [self.folder, *([run_folder(self.base, self.root)] if self.base else [])])

    def waits_for(self, chapter):
        """Return the selected notebooks that make what a notebook needs."""
        needs = set(self.table[chapter].needs)
        return {c for c in self.chapters if needs & set(self.table[c].makes)} - {chapter}

    def fingerprint(self, chapter):
        """Return everything that the results of a notebook depend on."""
        inputs = {name: self.find(name) for name in of_profile(self.table[chapter].needs, self.profile)}
        entry = {
            "parameters": self.parameters[chapter],
            "inputs": {n: {"path": self.relative(p), "sha256": hash_of(p)} for n, p in inputs.items()},
            "source": notebook.code_hash(self.notebooks[chapter]),
            "package": package_hash(),
            "versions": versions(),
        }
        if given := self.parameters[chapter].get("covariates_file"):
            entry["given"] = listing_hash(self.root / given)
        if self.table[chapter].reads:
            entry["reads"] = self.reads(chapter)
        if not self.table[chapter].needs:  # the first notebook reads what lies outside the run
            if (self.root / "catalogs").is_dir():
                entry["catalogs"] = hash_of(self.root / "catalogs")
            if self.profile == "real" and data_dir().is_dir():
                entry["data"] = listing_hash(data_dir())
        return entry

    def reads(self, chapter):
        """Return the SHA-256 of each entry of the catalogue that a notebook reads; None where it is not here."""
        from seaofcarbon import catalog

        entries = catalog.list_entries().set_index("name")["here"]
        names = of_profile(self.table[chapter].reads, self.profile)
        return {name: catalog.show(name)["sha256"] if entries[name] else None for name in names}

    def outputs(self, chapter):
        """Return the hashes of what a notebook made; absent ones are left out."""
        row = self.table[chapter]
        paths = {name: self.folder / name for name in (*of_profile(row.makes, self.profile), *row.may_make)}
        return {name: hash_of(path) for name, path in paths.items() if path.exists()}

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
        base = self.relative(run_folder(self.base, self.root)) if self.base else None
        total = {
            "name": self.name,
            "profile": self.profile,
            "base": self.base,
            "published": read_run(self.folder).get("published", False),
            "from_base": {n: i for n, i in inputs.items() if base and i["path"].startswith(f"{base}/")},
            "seconds": round(sum(part["seconds"] for part in parts.values()), 2),
            "peak_memory_mb": max((part["peak_memory_mb"] or 0 for part in parts.values()), default=0),
            "notebooks": parts,
        }
        write_json(total, self.folder / "run.json")
        return total
