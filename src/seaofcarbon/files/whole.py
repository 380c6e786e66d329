"""Files written whole or not at all, their hashes, and the places where they lie."""

import contextlib
import errno
import hashlib
import os
import shutil
import uuid
from pathlib import Path

EMBEDDED = Path(__file__).parents[1] / "data"
"""Folder of the data that come with the package."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No room: on the disk, in the user's share of it, or for a file of that size."""


class UserError(Exception):
    """What a user can mend: one line that says what is wrong, where, and what would mend it."""


@contextlib.contextmanager
def atomic(path):
    """Give a temporary path beside `path`, which takes its name when the block ends well.

    Parameters
    ----------
    path : str or Path
        File or folder to be written; its parent folders are made.

    Yields
    ------
    Path
        Temporary path with the same suffix. Nothing of it is left when the block raises.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UserError(f"{path} cannot be written ({problem.strerror}): give another place") from None
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"{path} cannot be written (no permission in {path.parent}): give another place")
    temporary = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:12]}{path.suffix}")
    try:
        yield temporary
        if path.is_dir() and temporary.is_dir():  # a folder cannot be renamed over a full one
            shutil.rmtree(path)
        temporary.replace(path)
    except OSError as problem:
        if problem.errno not in FULL and temporary.name not in str(problem.filename):
            raise  # of another file
        why = problem.strerror or " ".join(str(problem).split())
        mend = "make room, or give another place" if problem.errno in FULL else "give another place"
        raise UserError(f"{path} cannot be written ({why}): {mend}") from None
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def sha256(path):
    """Return the SHA-256 of a file, or of a folder's names and contents, as hexadecimal text.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    str

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     empty = Path(folder, "empty")
    ...     empty.touch()
    ...     sha256(empty)[:8]
    'e3b0c442'
    """
    path = Path(path)
    if path.is_dir():
        inside = sorted(p for p in path.rglob("*") if p.is_file())
        lines = "".join(f"{sha256(p)}  {p.relative_to(path).as_posix()}\n" for p in inside)
        return hashlib.sha256(lines.encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def safe_join(folder, name):
    """Return `folder/name`, and refuse a name that would leave the folder.

    Parameters
    ----------
    folder : str or Path
    name : str
        Relative path, such as a catalogue or a user gives it.

    Returns
    -------
    Path

    Raises
    ------
    UserError
        When the name is absolute, climbs with `..`, or follows a link out of the folder.

    Examples
    --------
    >>> safe_join("runs/twin", "model/card.json").as_posix()
    'runs/twin/model/card.json'
    """
    root = Path(folder).resolve()
    inside = (root / str(name)).resolve() if "\0" not in str(name) else root
    if inside == root or not inside.is_relative_to(root):
        raise UserError(f"{name!r} is not a file name inside {folder}: give a relative name without '..'")
    return Path(folder) / str(name)


def data_dir():
    """Return the folder of fetched data: `SEAOFCARBON_DATA`, or the user's cache.

    Returns
    -------
    Path
    """
    given = os.environ.get("SEAOFCARBON_DATA")
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("seaofcarbon")
