"""What a result depends on: hashes of files, folders and the package, versions of libraries."""

import functools
import hashlib
import importlib.metadata
import platform
from pathlib import Path

from seaofcarbon.files import content_hash, sha256

VERSIONS_OF = (
    "numpy", "scipy", "pandas", "pyarrow", "xarray", "netcdf4", "scikit-learn", "xgboost-cpu", "optuna", "matplotlib",
    "cartopy", "papermill", "ipykernel",
)  # fmt: skip
"""Distributions whose version may change a result or a figure."""

NOT_HASHED = ("cli.py", "publish", "edition")
"""Rooms that no notebook uses: a change there makes no result old."""


def hash_of(path):
    """Return the content hash of a file or folder; a file that did not change since is not read again."""
    if path.is_dir():
        inside = sorted(p for p in path.rglob("*") if p.is_file())
        lines = "".join(f"{hash_of(p)}  {p.relative_to(path).as_posix()}\n" for p in inside)
        return hashlib.sha256(lines.encode()).hexdigest()
    stat = path.stat()
    return _hash_at(path, stat.st_size, stat.st_mtime_ns)


@functools.cache
def _hash_at(path, size, mtime_ns):
    return content_hash(path)


def listing_hash(folder):
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
    root = Path(__file__).parents[1]
    files = (p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    files = (p for p in files if p.relative_to(root).parts[0] not in NOT_HASHED)
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
