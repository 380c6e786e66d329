"""Prediction on a grid, at any depth and month, with interval and area of applicability."""

import contextlib

import dask
import numpy as np
import xarray as xr

from seaofcarbon import ocean
from seaofcarbon.files import UserError
from seaofcarbon.learn.features import learnable
from seaofcarbon.maps.means import MONTHS, area_weighted_mean
from seaofcarbon.vocabulary import MAX_DEPTH_M, VARIABLES

BLOCK_ROWS = 400_000
"""Rows predicted at a time: large enough for speed, small enough for memory. Blocks do not depend on the workers."""

LAYERS = {
    "prediction": "{}",
    "lower": "{}_lower",
    "upper": "{}_upper",
    "rf": "{}_rf",
    "xgb": "{}_xgb",
    "applicable": "applicable",
}
"""What can be mapped, and the name it has in the file."""

ALSO = ("prediction", "applicable")
"""Layers of a quantity that is mapped beside the main one; the second is named applicable_<target>."""

CONNECT_S = 5
"""How long to wait for a scheduler, in seconds."""

LOCAL = {"threads": "threads", "serial": "synchronous", "synchronous": "synchronous"}

DEPTH_KINDS = {
    "ez": "base of the euphotic zone (0.1 % light)",
    "ppz": "base of the primary production zone",
    "mld": "base of the mixed layer",
}
"""Depths that follow the sea, by cell and month."""

APPLICABLE_ATTRS = {
    "flag_values": np.array([-1, 0, 1], "int8"),
    "flag_meanings": "no_prediction outside inside",
}


def depth_levels(text, depth_m):
    """Depths of a map: those of a list, united with the depth that is shown.

    Parameters
    ----------
    text : str
        Depths in m with commas, as "0,50,100".
    depth_m : float
        Depth that must be among them.

    Returns
    -------
    tuple of float
        Ascending.

    Raises
    ------
    UserError
        When a depth is no number or outside 0-250 m.

    Examples
    --------
    >>> depth_levels("0,50,100", 75)
    (0.0, 50.0, 75.0, 100.0)
    """
    try:
        levels = {float(item) for item in str(text).split(",") if item.strip()}
    except ValueError:
        raise UserError(
            f"depth_levels_m={text!r} is no list of depths: write numbers with commas, as 0,50,100"
        ) from None
    return _checked(levels | {float(depth_m)})


def _checked(depths_m):
    wrong = [depth for depth in depths_m if not 0 <= depth <= MAX_DEPTH_M]
    if wrong or not len(depths_m):
        raise UserError(f"depth {wrong} m is off the map: maps reach from 0 to {MAX_DEPTH_M:.0f} m")
    return tuple(sorted(float(depth) for depth in depths_m))


def depth_used(covariates, kind):
    """Depth of each cell and month that follows the light or the mixed layer.

    Parameters
    ----------
    covariates : Dataset
        As `ocean.covariates` gives it.
    kind : {"ez", "ppz", "mld"} or DataArray, dims (month, lat, lon)
        `ez`: 0.1 % light; `ppz`: primary production zone. A climatology has no fluorescence profile, so the deeper of
        the 1 % light depth and the mixed layer stands for it; `mld`: mixed layer. A field is a depth of its own, m.

    Returns
    -------
    DataArray, shape (month, lat, lon)
        m; missing where it is deeper than 250 m: there the maps say nothing.

    Raises
    ------
    UserError
        When the kind is unknown.
    """
    if isinstance(kind, xr.DataArray):
        depth = kind.sel(month=covariates["month"])
        return depth.where(depth <= MAX_DEPTH_M).rename("depth_used")
    if kind not in DEPTH_KINDS:
        raise UserError(f"depth_kind={kind!r} is unknown: use fixed, {', '.join(DEPTH_KINDS)}")
    if kind == "ez":
        depth = covariates["euphotic_depth_01"]
    elif kind == "ppz":
        depth = np.maximum(covariates["euphotic_depth"], covariates["mixed_layer_depth"])
    else:
        depth = covariates["mixed_layer_depth"]
    return (
        depth.where(depth <= MAX_DEPTH_M)
        .rename("depth_used")
        .assign_attrs(units="m", long_name=f"depth of the map: {DEPTH_KINDS[kind]}", kind_name=DEPTH_KINDS[kind])
    )


def grid_features(covariates, depth, names):
    """Inputs of a model on a grid, each of a shape that broadcasts to (lat, lon, month, depth).

    Parameters
    ----------
    covariates : Dataset
        Fields of the months wanted, as `ocean.covariates` gives them.
    depth : ndarray (depth,) or DataArray (month, lat, lon)
        m; an array of levels, or the one depth of each cell and month.
    names : sequence of str
        Features of the model, see `vocabulary.FEATURE_SETS`.

    Returns
    -------
    dict of str to ndarray, float32
        By name, in the order of `names`.

    Raises
    ------
    UserError
        When a feature is no field of the covariates.
    """
    longitude = np.radians(covariates["lon"])
    day = xr.DataArray(ocean.month_day()[covariates["month"].to_numpy() - 1], dims="month")
    season = xr.apply_ufunc(ocean.season_angle, day, covariates["lat"])
    made = {
        "depth_m": depth if isinstance(depth, xr.DataArray) else xr.DataArray(depth, dims="depth"),
        "latitude": covariates["lat"],
        "longitude_sin": np.sin(longitude),
        "longitude_cos": np.cos(longitude),
        "day_sin": np.sin(season),
        "day_cos": np.cos(season),
    }
    order = ("lat", "lon", "month", "depth")
    found = {}
    for name in names:
        if name not in made and name not in covariates:
            raise UserError(f"the model needs {name}, which the covariates do not have: make them with 01-digitise")
        field = made[name] if name in made else ocean.at_depth(covariates, name, depth)
        field = field.transpose(*[d for d in order if d in field.dims])
        found[name] = field.to_numpy().astype("float32").reshape([field.sizes.get(d, 1) for d in order])
    return found


def predict_block(model, covariates, depth, layers):
    """Predict every month and depth of some rows of latitude: a dict of arrays (month, depth, lat, lon).

    Rows are ordered cell, month, depth: neighbours take the same way through a tree, which is twice as fast.
    """
    columns = list(grid_features(covariates, depth, model.features).values())
    shape = np.broadcast_shapes(*(column.shape for column in columns))
    known = np.ones(shape, bool)
    for name, column in zip(model.features, columns, strict=True):
        known &= learnable(name, column)
    matrix = np.empty((int(known.sum()), len(columns)), "float32")
    for k, column in enumerate(columns):
        matrix[:, k] = np.broadcast_to(column, shape)[known]
    predicted = model.predict_matrix(matrix, which=layers) if len(matrix) else {}
    blocks = {}
    for layer in layers:
        block = np.full(shape, -1, "int8") if layer == "applicable" else np.full(shape, np.nan, "float32")
        if len(matrix):
            block[known] = predicted[layer]
        blocks[layer] = np.ascontiguousarray(block.transpose(2, 3, 0, 1))
    return blocks


def layer_names(models, layers):
    """Name in the file of each layer, a dict for each model: the first is the main one, others have `ALSO`."""
    first, *others = models
    also = [dict(zip(ALSO, (m.target, f"applicable_{m.target}"), strict=True)) for m in others]
    return [{layer: LAYERS[layer].format(first.target) for layer in layers}, *also]


def predict_blocks(models, covariates, depth, layers):
    """`predict_block` for a main model and others beside it: a dict of arrays (month, depth, lat, lon) by name."""
    named = zip(models, layer_names(models, layers), strict=True)
    return {
        names[layer]: block
        for model, names in named
        for layer, block in predict_block(model, covariates, depth, tuple(names)).items()
    }


@contextlib.contextmanager
def computing(scheduler, workers):
    """Give the options of `dask.compute` for this machine or for the Dask scheduler at an address.

    Parameters
    ----------
    scheduler : str
        "threads", "serial", or an address such as tcp://host:8786 (needs the package distributed).
    workers : int
        Threads on this machine.

    Raises
    ------
    UserError
        When the word is unknown or no scheduler answers.
    """
    if scheduler in LOCAL:
        yield {"scheduler": LOCAL[scheduler], "num_workers": workers}
        return
    if "://" not in str(scheduler):
        raise UserError(f"scheduler={scheduler!r} is unknown: use threads, serial or an address as tcp://host:8786")
    try:
        from distributed import Client
    except ImportError:
        raise UserError(f"{scheduler} needs the package distributed: pip install distributed, or use threads") from None
    try:
        client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except Exception as problem:  # whatever is at that address may answer anything
        raise UserError(
            f"no Dask scheduler answers at {scheduler} ({type(problem).__name__}): start one with 'dask scheduler', or "
            "use threads"
        ) from None
    with client:
        yield {"scheduler": client}


def predict_grid(
    model, covariates, months=MONTHS, depths_m=(100.0,), kind="fixed", layers=None, workers=2, also=(),
    scheduler="threads",
):  # fmt: skip
    """Predict a quantity and its 90 % interval on the grid of the covariates.

    Parameters
    ----------
    model : learn.models.Model
        Anything with `target`, `features` and `predict_matrix`.
    covariates : Dataset, dims (month, depth, lat, lon)
        As `ocean.covariates` gives it.
    months : sequence of int
        1 to 12.
    depths_m : sequence of float
        m, for kind `fixed`.
    kind : {"fixed", "ez", "ppz", "mld"} or DataArray, dims (month, lat, lon)
        With another kind than `fixed` the depth varies by cell and month: see `depth_used`.
    layers : sequence of str, optional
        Some of `LAYERS`; all by default.
    workers : int
        Threads. The result is the same to the bit for any number.
    also : sequence of models
        Other quantities, without interval.
    scheduler : str
        See `computing`. The result is the same to the bit.

    Returns
    -------
    Dataset, dims (month, depth, lat, lon), float32
        `<target>`, `<target>_lower`, `<target>_upper`, `<target>_rf`, `<target>_xgb` and `applicable` (1 inside,
        0 outside, -1 no prediction); of the others `<target>` and `applicable_<target>`. Land, and sea whose inputs
        are missing or which is dark, is NaN. For another kind than `fixed` also `depth_used` (month, lat, lon), and
        the one depth is its mean over the sea.

    Raises
    ------
    UserError
        When a month, depth or kind does not exist.
    """
    if not len(months) or not set(months) <= set(MONTHS):
        raise UserError(f"months={list(months)}: months are numbers from 1 to 12")
    layers = tuple(layers or LAYERS)
    covariates = covariates.sel(month=list(months))
    fixed = isinstance(kind, str) and kind == "fixed"
    if fixed:
        depth = levels = np.asarray(_checked(depths_m))
    else:
        depth = depth_used(covariates, kind)
        levels = np.array([float(area_weighted_mean(depth))])
    step = max(1, BLOCK_ROWS // (covariates.sizes["lon"] * len(months) * len(levels)))
    bands = [slice(start, start + step) for start in range(0, covariates.sizes["lat"], step)]
    models = (model, *also)
    shared = dask.delayed(models, pure=False, traverse=False)
    jobs = [
        dask.delayed(predict_blocks, pure=False, traverse=False)(
            shared, covariates.isel(lat=band), depth if fixed else depth.isel(lat=band), layers
        )
        for band in bands
    ]
    with computing(scheduler if workers > 1 else "serial", workers) as options:
        blocks = dask.compute(*jobs, **options)
    ds = xr.Dataset(
        coords={
            "month": list(months),
            "depth": levels.astype(float),
            "lat": covariates["lat"],
            "lon": covariates["lon"],
        }
    )
    for one, names in zip(models, layer_names(models, layers), strict=True):
        for layer, name in names.items():
            if layer == "applicable":
                attrs = APPLICABLE_ATTRS | {"long_name": f"inside the area of applicability of the {one.target} model"}
            else:
                attrs = {"units": VARIABLES[one.target].unit}
            values = np.concatenate([block[name] for block in blocks], axis=2)
            ds[name] = (("month", "depth", "lat", "lon"), values, attrs)
    return ds if fixed else ds.assign(depth_used=depth)
