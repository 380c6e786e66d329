"""One notebook: its parameters, its execution in a process of its own, and a clean executed copy.

`python -m seaofcarbon.notebook JOB.json` is the process in which `seaofcarbon.run` executes one with papermill. It
imports little, so that it starts fast and its kernel's peak memory can be told from everything else's.
"""

import ast
import errno
import hashlib
import json
import os
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KINDS = {"str": str, "int": int, "float": float}
"""Types that a parameter of a notebook may have."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says when there is no room for a file."""

CELL_DONE = "@cell"
"""Line that the process prints after each code cell, for the progress bar."""


@dataclass(frozen=True)
class Declared:
    """A parameter as a notebook declares it: `depth_m: float = 100.0  # m, depth of the flux`."""

    name: str
    kind: type
    default: object


def read(path):
    """Return a notebook as plain JSON objects.

    Raises
    ------
    UserError
        When the file is absent or is not a notebook.
    """
    from seaofcarbon.files import UserError, read_json

    nb = read_json(path)
    if not isinstance(nb, dict) or not isinstance(nb.get("cells"), list):
        raise UserError(f"{path} is not a notebook: it has no cells")
    return nb


def source(cell):
    """Return the text of a cell."""
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def tagged(nb, tag):
    """Return the cells that carry a tag."""
    return [cell for cell in nb["cells"] if tag in cell.get("metadata", {}).get("tags", [])]


def code_hash(nb):
    """Return a hash of what a notebook says and does; its stored outputs do not count."""
    cells = [(cell["cell_type"], source(cell), cell.get("metadata", {})) for cell in nb["cells"]]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()


def size(nb):
    """Return the number of cells that are executed, the injected one included."""
    return sum(cell["cell_type"] == "code" for cell in nb["cells"]) + 1


def parameters(nb, where="notebook"):
    """Return what the cell tagged `parameters` declares.

    Parameters
    ----------
    nb : dict
        The notebook.
    where : str
        Its name, for messages.

    Returns
    -------
    dict of str to Declared

    Raises
    ------
    UserError
        When the cell holds anything else than lines `name: type = value`.
    """
    from seaofcarbon.files import UserError

    declared = {}
    for cell in tagged(nb, "parameters"):
        try:
            for node in ast.parse(source(cell)).body:
                kind = KINDS[node.annotation.id]
                declared[node.target.id] = Declared(node.target.id, kind, kind(ast.literal_eval(node.value)))
        except (SyntaxError, AttributeError, KeyError, TypeError, ValueError):
            raise UserError(f"{where}: its parameters cell may only hold lines like `depth_m: float = 100.0`") from None
    return declared


def with_values(text, values):
    """Return the text of a parameters cell with the values that were used; types and comments stay.

    >>> with_values("depth_m: float = 100.0  # m", {"depth_m": 150.0})
    'depth_m: float = 150.0  # m'
    """
    lines = text.encode().split(b"\n")
    for node in ast.parse(text).body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", None) in values:
            line, value = lines[node.lineno - 1], node.value  # columns of ast count bytes
            new = repr(values[node.target.id]).encode()
            lines[node.lineno - 1] = line[: value.col_offset] + new + line[value.end_col_offset :]
    return b"\n".join(lines).decode()


def tidy(nb, values):
    """Make an executed notebook fit to be read, in place, and return what its cells wrote to stderr.

    The parameters cell shows the values that were used (and the injected cell is hidden); warnings and progress bars
    leave the page; times and paths that papermill noted leave the metadata.
    """
    for cell in tagged(nb, "parameters"):
        cell["source"] = with_values(source(cell), values)
    for cell in tagged(nb, "injected-parameters"):
        cell["metadata"]["tags"] = sorted({*cell["metadata"]["tags"], "remove-cell"})
    said = []
    for part in (nb, *nb["cells"]):
        for key in ("papermill", "execution"):
            part["metadata"].pop(key, None)
        outputs = part.get("outputs", [])
        aside = [o for o in outputs if o["output_type"] == "stream" and o["name"] == "stderr"]
        said += ["".join(o["text"]) for o in aside]
        if aside:
            part["outputs"] = [o for o in outputs if o not in aside]
    return "".join(said)


def environment(root, artefacts):
    """Return the environment in which a notebook runs: the same for everybody, without noise.

    Parameters
    ----------
    root : Path
        The repository.
    artefacts : sequence of str
        What the notebook may ask `run.artefact` for.
    """
    package, path = str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")
    data = os.environ.get("SEAOFCARBON_DATA")  # may be relative to where the user stands, not to the repository
    return os.environ | {
        **({"SEAOFCARBON_DATA": str(Path(data).expanduser().resolve())} if data else {}),
        "PYTHONPATH": f"{package}{os.pathsep}{path}" if path else package,
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "JUPYTER_PLATFORM_DIRS": "1",
        "SEAOFCARBON_HOME": str(root),
        "SEAOFCARBON_ARTEFACTS": ",".join(artefacts),
    }


# --- In the process of its own ---------------------------------------------------------------------


@contextmanager
def _own_jupyter():
    """Give Jupyter a scratch folder with one kernel, this interpreter's: nothing of the user's set-up is read."""
    with tempfile.TemporaryDirectory(prefix="soc-") as scratch:
        spec = {
            "argv": [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "Python 3",
            "language": "python",
        }
        folder = Path(scratch, "kernels", "python3")
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        for name in ("JUPYTER_PATH", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            os.environ[name] = scratch
        yield scratch


def _end_with_parent():
    """End this process (and with it the kernel) when the one that started it is gone."""
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _peak_memory_mb():
    """Return the largest resident memory of a finished child (the kernel) in MB, or None where it cannot be known."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def _papermill(job, scratch):
    """Execute the notebook; return None or what went wrong."""
    import papermill
    from traitlets.config import Config

    config = Config()
    if os.name != "nt":  # sockets that are files: no ports, so it also works with the network cut off
        config.KernelManager.transport = "ipc"
        config.KernelManager.ip = str(Path(scratch, "k"))
    try:
        papermill.execute_notebook(
            job["notebook"],
            job["copy"],
            parameters=job["parameters"],
            kernel_name="python3",
            language="python",
            progress_bar=False,
            cwd=job["cwd"],
            config=config,
            on_cell_executed=lambda **_: print(CELL_DONE, flush=True),
        )
    except papermill.PapermillExecutionError as failure:
        return {"name": failure.ename, "message": failure.evalue, "cell": failure.exec_count}
    except OSError as failure:
        if failure.errno not in FULL:
            return {"name": type(failure).__name__, "message": str(failure), "cell": None}
        Path(job["copy"]).unlink(missing_ok=True)  # half of it was written
        why = f"{job['copy']} cannot be written ({failure.strerror}): make room on the disk and run it again"
        return {"name": "UserError", "message": why, "cell": None}
    except Exception as failure:  # the kernel died, or did not start
        return {"name": type(failure).__name__, "message": str(failure), "cell": None}


def execute(job):
    """Execute one notebook as a job says, and leave `result` beside the executed `copy`.

    Parameters
    ----------
    job : dict
        notebook, copy, result (paths), parameters (dict), cwd (path of the repository).
    """
    began = time.perf_counter()
    with _own_jupyter() as scratch:
        error = _papermill(job, scratch)
    result = {"error": error, "seconds": round(time.perf_counter() - began, 2), "peak_memory_mb": _peak_memory_mb()}
    copy = Path(job["copy"])
    if copy.exists():
        nb = json.loads(copy.read_text(encoding="utf-8"))
        said = tidy(nb, job["parameters"])
        copy.write_text(json.dumps(nb, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        result["warnings"] = said.count("Warning")
        print(said, flush=True)
    Path(job["result"]).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    _end_with_parent()
    execute(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
