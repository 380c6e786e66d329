"""Predict at points: what stands behind `seaofcarbon predict`."""

import difflib

import numpy as np
import pandas as pd

from seaofcarbon import ocean
from seaofcarbon.files import UserError, read_csv, read_numbers, read_times
from seaofcarbon.learn.features import covariates_needed, learnable
from seaofcarbon.vocabulary import EARTH_RADIUS_KM, MAX_DEPTH_M, VARIABLES

REQUIRED = ("time", "latitude", "longitude", "depth_m")

ADDED = ("prediction", "lower", "upper", "applicable", "unit", "reason", "covariate_distance_km")
"""Columns of the answer."""

ANSWERS = ("land", "below ", "polar night", "no covariate: ")
"""How the reasons begin that are answers; any other names a cell that cannot be read."""

EMPTY = " is empty"
"""How the reason of a point ends that lacks its time, place or depth: an answer, too."""

LAND_KM = 120.0
"""A point further than this from the nearest sea cell (about one cell of the 1-degree grid and a half) is on land."""


def read_points(path):
    """Read a CSV file of points; cells stay text, so that what is carried through comes out as it went in.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    DataFrame
        The rows that are not blank; the index is the row in the file less two.

    Raises
    ------
    UserError
        When it is no table, holds no point, has a column twice, or one that will be added.
    """
    raw = read_csv(path, skip_blank_lines=False, dtype=str, header=None, skipinitialspace=True)
    names = [str(name).strip() for name in raw.iloc[0].fillna("")]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{path}: column {name} is there twice: rename or remove one")
        if name in ADDED:
            raise UserError(f"{path}: column {name} is one that predict adds: rename it")
    if len(names) == 1 and ";" in names[0]:
        raise UserError(f"{path}: columns have to be separated by commas, numbers have a point")
    points = raw.iloc[1:].set_axis(names, axis=1).reset_index(drop=True).dropna(how="all")
    if points.empty:
        raise UserError(f"{path} holds no points: add rows below the header")
    return points


def predict_points(points, model, covariates=None, max_distance_km=LAND_KM, path=None):
    """Predict at places, days and depths.

    Parameters
    ----------
    points : DataFrame
        time (UTC), latitude (-90 to 90 degrees), longitude (-180 to 360 degrees), depth_m (m). Columns with the
        names of the model's covariates are used as they are; other columns are carried through.
    model : learn.models.Model
    covariates : Dataset, optional
        `ocean.covariates`, for the covariates that `points` does not have, and to tell land from sea; without it
        nobody knows where land is.
    max_distance_km : float
        Furthest sea cell that a point is matched with.
    path : str or Path, optional
        File that `read_points` read, for messages; without it rows are counted as if the points stood in a file.

    Returns
    -------
    DataFrame
        `points` with prediction, lower, upper (90 % interval), applicable, unit, reason (empty, "land", "below 250 m",
        "polar night" as on the maps, "npp is not above zero" where the points bring it, "no covariate: NAME",
        "time is empty", or the cell that cannot be read: "latitude: '95' is outside …") and covariate_distance_km. A
        point with a reason has no number.

    Raises
    ------
    UserError
        If a required column is missing, or a covariate that is neither in `points` nor in `covariates`; if no point
        can be read (with the row and column of the first).
    """
    absent = [name for name in REQUIRED if name not in points]
    if absent:
        mend = _renames(absent, points) or f"points need {', '.join(REQUIRED)}"
        raise UserError(f"{path or 'points'}: no column {', '.join(absent)}; {mend}")
    needed = covariates_needed(model.features)
    own = [name for name in needed if name in points]
    fetched = [name for name in needed if name not in points]
    lacking = [name for name in fetched if covariates is None or name not in covariates]
    if lacking:
        raise UserError(f"the model needs {', '.join(lacking)}: give it as a column of the points, or give covariates")
    places, fault = _read(points, [*REQUIRED[1:], *own])
    if len(fault) and (fault != "").all():
        row = (points.index[0] if path else 0) + 2
        raise UserError(f"{path or 'points'}, row {row}, column {fault[0]} (no point can be read)")
    if covariates is not None:  # also where all covariates are given: a point on land has no flux
        sea = ocean.match(places, covariates, max_distance_km, names=fetched)
    else:
        sea = places.assign(covariate_distance_km=np.nan, covariate_reason=_reason_without_grid(places))
    reason = sea["covariate_reason"].astype(object)
    for name in REQUIRED:  # what the match-up calls a position that it does not know
        unknown = reason.isin([f"no covariate: {name}", "no covariate: position"])
        reason = reason.mask(unknown & places[name].isna(), f"{name}{EMPTY}")
    for name in own:
        reason = reason.mask((reason == "") & places[name].isna(), f"no covariate: {name}")
    if "npp" in needed:  # as on the maps
        word = "npp is not above zero" if "npp" in own else "polar night"
        reason = reason.mask((reason == "") & ~learnable("npp", sea["npp"]), word)
    reason = reason.mask(fault != "", fault)
    answer = model.predict(sea[reason == ""]).reindex(sea.index)
    out = points.copy()
    for name in ("prediction", "lower", "upper"):
        out[name] = answer[name].to_numpy(np.float32)  # the digits that there are
    out["applicable"] = answer["applicable"].eq(True).to_numpy()
    out["unit"] = VARIABLES[model.target].unit
    out["reason"] = reason.to_numpy()
    out["covariate_distance_km"] = sea["covariate_distance_km"].to_numpy()
    return out


def is_set_aside(found):
    """Tell the points of an answer that could not be read.

    Parameters
    ----------
    found : DataFrame
        Of `predict_points`.

    Returns
    -------
    Series of bool
    """
    return (found["reason"] != "") & ~found["reason"].str.startswith(ANSWERS) & ~found["reason"].str.endswith(EMPTY)


def is_far(found, covariates):
    """Tell the points whose inputs come from another cell of the grid than the one that they lie in.

    Where the own cell is land, or has no sea that is known, the nearest sea cell stands in for it.

    Parameters
    ----------
    found : DataFrame
        Of `predict_points`.
    covariates : Dataset
        The grid, with lat.

    Returns
    -------
    Series of bool
        True where a point has a number, and the centre of the cell is more than half the diagonal of a cell away.
    """
    step_km = EARTH_RADIUS_KM * np.radians(float(abs(covariates["lat"].diff("lat")).median()))
    latitude = np.radians(pd.to_numeric(found["latitude"], errors="coerce"))
    half_diagonal = step_km / 2 * np.hypot(1, np.cos(latitude))
    return found["prediction"].notna() & (found["covariate_distance_km"] > half_diagonal)


def _renames(absent, points):
    """Say which columns may be those that are absent."""
    lower = {str(name).lower(): name for name in points if name not in REQUIRED}
    near = {name: difflib.get_close_matches(name, lower, 1, 0.5) for name in absent}
    meant = [f"{lower[found[0]]} to {name}" for name, found in near.items() if found]
    return f"rename {', '.join(meant)}" if meant else ""


def _read(points, names):
    """The columns that a model reads, as numbers and times, and what is wrong with the first bad cell of each row."""
    cells = points.reset_index(drop=True).replace("", None)  # a table that was made, not read, may hold empty text
    columns = {"time": read_times(cells["time"])} | {name: read_numbers(cells[name]) for name in names}
    fault = pd.Series("", index=cells.index, dtype=object)
    for name, (_, wrong) in columns.items():
        fault = fault.mask((fault == "") & (wrong != ""), f"{name}: " + wrong)
    return pd.DataFrame({name: values for name, (values, _) in columns.items()}), fault


def _reason_without_grid(places):
    reason = pd.Series("", index=places.index, dtype=object)
    for name, word in (("time", "time"), ("latitude", "position"), ("longitude", "position"), ("depth_m", "depth_m")):
        reason = reason.mask(places[name].isna(), f"no covariate: {word}")
    return reason.mask(places["depth_m"] > MAX_DEPTH_M, f"below {MAX_DEPTH_M:.0f} m")
