"""Sidecars: a YAML file beside a figure or a table that says what the file itself does not."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from seaofcarbon.files import UserError

MAX_BYTES = 1_000_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, where it was built


class Model(BaseModel):
    """A part of a sidecar; a name that is not known is refused, for it is likely a slip."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True)


class Source(Model):
    """Where the numbers were published, and who took them from there."""

    doi: str = ""
    citation: str = ""
    licence: str = ""
    curator: str = ""


def beside(path):
    """Return the sidecar of a file, `FILE.csv.yml` or `FILE.yml`; None when there is none."""
    path = Path(path)
    candidates = (path.with_name(f"{path.name}.yml"), path.with_suffix(".yml"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def read(path, model):
    """Read a sidecar.

    Parameters
    ----------
    path : str or Path
    model : type
        The `Model` that it should fit.

    Returns
    -------
    Model

    Raises
    ------
    UserError
        When there is no such file, it is no YAML, or does not fit: the first entry that is wrong is named.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: larger than a sidecar can be ({MAX_BYTES // 1_000_000} MB)")
        text = path.read_text(encoding="utf-8")
        # a few lines of aliases to aliases can stand for more memory than there is
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=_LOADER)):
            raise UserError(f"{path}: uses YAML aliases (*name): write the values out")
        told = yaml.load(text, Loader=_LOADER)
    except OSError as problem:
        raise UserError(f"{path}: no readable sidecar ({problem.strerror})") from None
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as problem:
        raise UserError(f"{path}: no YAML: {' '.join(str(problem).split())}") from None
    try:
        return model.model_validate(told)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the sidecar"
        known = ", ".join(model.model_fields) if first["type"] == "extra_forbidden" and len(first["loc"]) == 1 else ""
        message = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{path}: {where}: {message}" + (f" (known are {known})" if known else "")) from None
