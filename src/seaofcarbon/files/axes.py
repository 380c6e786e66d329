"""What CF asks of the axes of a file: bounds of cells, time of a climatology, labels, and which variables go together.

All this is for files only: `without_axes` takes it away again, and inside a map is just (month, depth, lat, lon).
"""

import numpy as np

from seaofcarbon.vocabulary import CLIMATOLOGY_YEARS

CELL_METHODS = "area: mean time: mean within years time: mean over years"
"""Of monthly means over many years (CF 7.4), in cells that stand for their whole area."""

ANCILLARY = ("sigma", "lower", "upper")
"""Endings of the variables that tell how sure another one is."""

MADE = {"ancillary_variables", "_QuantizeBitRoundNumberOfSignificantBits"}
"""Attributes that are true of a file, and no more of what is computed from it."""

LIMITS = {"lat": (-90.0, 90.0), "lon": (-np.inf, np.inf)}


def with_axes(ds):
    """Return a Dataset with the bounds, times, labels and links that CF-1.11 asks for.

    Parameters
    ----------
    ds : xarray.Dataset
        Regular `lat` and `lon` get bounds; `month` (1 to 12) gets the auxiliary coordinate `time` with climatology
        bounds, and variables on it cell methods, unless the Dataset has a `time`; text on a dimension becomes a label.

    Returns
    -------
    xarray.Dataset
    """
    linked = {name: ds[name].assign_attrs(ancillary_variables=" ".join(n)) for name, n in _beside(ds).items()}
    return _with_labels(_with_climatology(_with_bounds(ds.assign(linked))))


def without_axes(ds):
    """Return a Dataset as it was before `with_axes`."""
    for name in set(LIMITS) & set(ds.variables):
        if bounds := ds[name].attrs.pop("bounds", None):
            ds = ds.drop_vars(bounds, errors="ignore")
    if "time" in ds.variables and "climatology" in ds["time"].attrs:
        ds = ds.drop_vars(["time", ds["time"].attrs["climatology"]], errors="ignore")
    for da in ds.data_vars.values():
        for key in MADE & set(da.attrs):
            del da.attrs[key]
        if da.attrs.get("cell_methods") == CELL_METHODS:
            del da.attrs["cell_methods"]
    labels = {dim: f"{dim}_name" for dim in ds.dims if dim not in ds.variables and f"{dim}_name" in ds.coords}
    return ds.assign_coords({dim: ds[name].to_numpy() for dim, name in labels.items()}).drop_vars(labels.values())


def _beside(ds):
    """Name the variables that tell how sure each one is: its uncertainty, and where its model applies.

    `applicable` belongs to the first quantity of the Dataset, `applicable_c_th` to c_th.
    """
    floats = [name for name, da in ds.data_vars.items() if da.dtype.kind == "f"]
    flags = {name.removeprefix("applicable").lstrip("_"): name for name in ds if str(name).startswith("applicable")}
    found = {}
    for name in floats:
        beside = [f"{name}_{ending}" for ending in ANCILLARY if f"{name}_{ending}" in ds]
        beside += [
            flag for of, flag in flags.items() if (name == floats[0] if not of else f"_{name}".endswith(f"_{of}"))
        ]
        beside += [n for n in ds[name].attrs.get("ancillary_variables", "").split() if n in ds]
        found[name] = dict.fromkeys(beside)
    return {name: beside for name, beside in found.items() if beside}


def _with_bounds(ds):
    for name, limits in LIMITS.items():
        if name not in ds.indexes or ds.sizes[name] < 2:
            continue
        middle = ds[name].to_numpy().astype(float)
        step = (middle[-1] - middle[0]) / (len(middle) - 1)
        if np.allclose(np.diff(middle), step, rtol=1e-3):
            edges = np.clip(np.stack([middle - step / 2, middle + step / 2], axis=1), *limits)
            axis = ds[name].assign_attrs(bounds=f"{name}_bnds")
            ds = ds.assign_coords({name: axis}).assign({f"{name}_bnds": ((name, "bnds"), edges)})
    return ds


def _with_climatology(ds):
    if "month" not in ds.indexes or "time" in ds.variables:
        return ds
    first, last = CLIMATOLOGY_YEARS
    months = ds["month"].to_numpy().astype(int) - 1

    def days(year, month):
        begin = (np.datetime64(f"{year}-01", "M") + month).astype("datetime64[D]")
        return (begin - np.datetime64(f"{first}-01-01")).astype(float)

    middle = (days(first, months) + days(first, months + 1)) / 2
    attrs = {
        "standard_name": "time",
        "long_name": "middle of the month, in the first year of the climatology",
        "units": f"days since {first}-01-01",
        "calendar": "standard",
        "units_metadata": "leap_seconds: none",
        "climatology": "climatology_bounds",
        "comment": f"{first} to {last} are the years of the sea surface temperature; "
        "other fields that went in are climatologies of other years",
    }
    bounds = np.stack([days(first, months), days(last, months + 1)], axis=1)
    methods = {
        name: da.assign_attrs({"cell_methods": CELL_METHODS} | da.attrs)
        for name, da in ds.data_vars.items()
        if "month" in da.dims and da.dtype.kind == "f"
    }
    return ds.assign(methods | {"climatology_bounds": (("month", "bnds"), bounds)}).assign_coords(
        time=("month", middle, attrs)
    )


def _with_labels(ds):
    """Text cannot be the coordinate variable of a dimension (CF 6.1): it becomes a label beside it."""
    for dim in [name for name in ds.indexes if name in ds.dims and ds[name].dtype.kind in "OUT"]:
        label = ds[dim].to_numpy()
        ds = ds.drop_vars(dim).assign_coords({f"{dim}_name": (dim, label, {"long_name": f"name of the {dim}"})})
    return ds
