"""What a sidecar says of a table: units of its columns, or what each column is."""

import difflib
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from seaofcarbon.digitise import units
from seaofcarbon.digitise.cells import times
from seaofcarbon.digitise.names import squeeze
from seaofcarbon.digitise.sidecar import Model, Source
from seaofcarbon.files import UserError
from seaofcarbon.vocabulary import FLAG_SCHEMES, METHODS, VARIABLES

NUMBERS = ("latitude", "longitude", "depth_m", "bottom_depth")
TEXTS = ("cruise", "station", "sample_id", "source_doi")
FIELDS = (*NUMBERS, "time", "time_end", "year", "month", "day", "clock", *TEXTS, "replicate")
"""Fields of the record that a column can hold; `clock` is the time of day, UTC, beside a `time` that is a date."""


def one_of(known):
    """A text that must be one of the known words; the error names the nearest."""

    def check(word):
        if word not in known:
            near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
            meant = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise ValueError(f"{word!r} is unknown: {meant}")
        return word

    return Annotated[str, AfterValidator(check)]


class Units(Model):
    """The sidecar of a table whose names are understood, but tell no units."""

    units: dict[str, str] = {}
    source: Source = Source()


class Values(Model):
    """A column of values."""

    variable: one_of(tuple(VARIABLES))
    unit: str = ""
    sigma: str = ""
    sigma_kind: Literal["1sd", "2sd", "se"] = "1sd"
    flag: str = ""
    method: one_of(METHODS) | None = None
    size_min_um: float = float("nan")
    size_max_um: float = float("nan")


def _time(word):
    if times(pd.Series([word]))[2][0]:
        raise ValueError(f"{word!r} is no ISO 8601 time")
    return word


Time = Annotated[str, BeforeValidator(str), AfterValidator(_time)]


class Constants(Model):
    """What is the same in all rows of a table."""

    latitude: float | None = None
    longitude: float | None = None
    depth_m: float | None = None
    bottom_depth: float | None = None
    time: Time | None = None
    time_end: Time | None = None
    cruise: str | None = None
    station: str | None = None
    sample_id: str | None = None
    source_doi: str | None = None
    source_id: str | None = None
    method: one_of(METHODS) | None = None


def spread(constants, n):
    """Lay constants out as texts of a table, and as fields with a cell for each of n rows."""
    told = {key: value for key, value in constants if value is not None and key != "method"}
    texts = {key: told.pop(key) for key in (*TEXTS, "source_id") if key in told}
    return texts, {key: np.full(n, str(value), dtype=object) for key, value in told.items()}


_IS_FIELD = Discriminator(lambda told: "field" if isinstance(told, str) else "values")


class Tidy(Model):
    """The sidecar of any table: what each of its columns is."""

    columns: dict[
        str, Annotated[Annotated[Values, Tag("values")] | Annotated[one_of(FIELDS), Tag("field")], _IS_FIELD]
    ] = {}
    source: Source = Source()
    constants: Constants = Constants()
    sheet: str = ""
    header_row: int = Field(default=1, ge=1, le=10_000)
    delimiter: Literal["", ",", ";", "\t", "|"] = ""
    decimal: Literal[".", ","] = "."
    missing: list[str] = []
    below_detection: list[str] = []
    flag_scheme: Literal[("", *FLAG_SCHEMES)] = ""

    @model_validator(mode="after")
    def _flags_have_a_scheme(self):
        """A 2 is good, probably good or not evaluated: the scheme must be told."""
        if not self.flag_scheme and any(getattr(each, "flag", "") for each in self.columns.values()):
            raise ValueError(f"flag needs flag_scheme, one of {', '.join(FLAG_SCHEMES)}")
        return self


def positions(path, source, names, wanted):
    """Find columns by name, blind to case and blanks.

    Parameters
    ----------
    path : Path
        Of the sidecar, for messages.
    source : Opened
    names : list of str
        Headers of the table.
    wanted : iterable of str

    Returns
    -------
    dict of str -> int

    Raises
    ------
    UserError
        When a name is not in the table: the nearest are named.
    """
    exact = {name.strip(): p for p, name in reversed(list(enumerate(names)))}
    short = {squeeze(name): p for p, name in reversed(list(enumerate(names)))}
    found = {name: exact.get(name.strip(), short.get(squeeze(name))) for name in wanted}
    for name in (name for name, position in found.items() if position is None):
        near = difflib.get_close_matches(squeeze(name), short, n=3, cutoff=0.4)
        told = "near are " + ", ".join(repr(names[short[each]]) for each in near) if near else f"it has {names[:20]}"
        raise UserError(f"{path}: column {name!r} is not in {source.name}: {told}")
    return found


def check_units(path, columns):
    """Refuse units that are not known for their quantity.

    Raises
    ------
    UserError
        With the units that are.
    """
    for name, column in columns.items():
        if units.conversion(column.unit, column.variable) is None:
            known = ", ".join(units.spellings(column.variable))
            raise UserError(
                f"{path}: column {name!r}: unit {column.unit!r} is not known for {column.variable}: use {known}"
            )
