"""What the field's readers are told in a netCDF or Zarr file: units, names and attributes of CF-1.11 and ACDD-1.3."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from seaofcarbon import __version__
from seaofcarbon.vocabulary import CLIMATOLOGY_YEARS, VARIABLES

DATED = ("date_created", "history")
"""Attributes of a netCDF file that say when it was written, and nothing of what is in it."""

SUFFIXES = {
    "sigma": "standard uncertainty of {}",
    "lower": "{}, lower end of the 90 % interval",
    "upper": "{}, upper end of the 90 % interval",
    "rf": "{}, random forest",
    "xgb": "{}, XGBoost",
    "truth": "{}, truth of the twin ocean",
}
"""Endings of variable names (`th234_flux_sigma`) and what they say of the quantity."""

COORDINATES = {
    "lat": {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north", "axis": "Y"},
    "lon": {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east", "axis": "X"},
    "latitude": {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north"},
    "longitude": {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east"},
    "depth": {"standard_name": "depth", "long_name": "depth", "units": "m", "positive": "down", "axis": "Z"},
    "depth_m": {"standard_name": "depth", "long_name": "depth", "units": "m", "positive": "down"},
    "month": {"long_name": "month of the year, 1 is January", "units": "1"},
    # what archives give as UTC may or may not count leap seconds
    "time": {"standard_name": "time", "long_name": "time", "units_metadata": "leap_seconds: unknown"},
}


def _quantity(name):
    """Return (Variable, suffix) of the longest vocabulary name that begins `name`, or (None, "")."""
    parts = str(name).split("_")
    for n in range(len(parts), 0, -1):
        if (stem := "_".join(parts[:n])) in VARIABLES:
            return VARIABLES[stem], "_".join(parts[n:])
    return None, ""


def _content(da):
    """Return the ACDD type of what a variable holds."""
    if "flag_values" in da.attrs:
        return "qualityInformation"
    return "physicalMeasurement" if {"obs", "cast"} & set(da.dims) else "modelResult"


def to_cf(name, da):
    """Return the variable in the unit and with the names of CF files.

    Parameters
    ----------
    name : str
        A name of the vocabulary, or one that begins with it (`th234_flux_sigma`); others come back as they are.
    da : DataArray
        In the unit inside; one with another `units` attribute is not converted.

    Returns
    -------
    DataArray

    Examples
    --------
    >>> import xarray as xr
    >>> da = to_cf("th234_total", xr.DataArray([2.4]))
    >>> float(da[0]), da.attrs["units"]  # 2.4 dpm L-1 are 40 Bq m-3
    (40.0, 'Bq m-3')
    """
    if da.dtype.kind in "biuf":
        da = da.assign_attrs({"coverage_content_type": _content(da)} | da.attrs)
    quantity, suffix = _quantity(name)
    if quantity is None or not np.issubdtype(da.dtype, np.floating):
        return da
    if da.attrs.get("units", quantity.unit) != quantity.unit:
        return da  # the caller chose another unit and answers for it
    unit, own = quantity.cf_unit or quantity.unit, dict(quantity.attrs)
    attrs = {"long_name": SUFFIXES.get(suffix, "{}").format(quantity.long_name)}
    if quantity.standard_name:
        attrs["standard_name"] = quantity.standard_name + (" standard_error" if suffix == "sigma" else "")
    if suffix == "sigma" and "units_metadata" in own:
        own["units_metadata"] = "temperature: difference"
    attrs |= own | da.attrs | {"units": unit}
    if unit != quantity.unit:
        attrs["comment"] = "; ".join(filter(None, [_way_back(quantity), da.attrs.get("comment")]))
    factor = quantity.cf_factor if unit != quantity.unit else 1.0
    return (da * factor if factor != 1.0 else da).assign_attrs(attrs)


def from_cf(name, da):
    """Return the variable in its unit inside.

    Parameters
    ----------
    name : str
    da : DataArray
        As `to_cf` gives it.

    Returns
    -------
    DataArray

    Examples
    --------
    >>> import xarray as xr
    >>> float(from_cf("th234_total", xr.DataArray([40.0], attrs={"units": "Bq m-3"}))[0])
    2.4
    """
    quantity, _ = _quantity(name)
    if quantity is None or da.attrs.get("units") != quantity.cf_unit or quantity.cf_unit == quantity.unit:
        return da
    attrs = {key: value for key, value in da.attrs.items() if key != "comment"}
    if rest := da.attrs.get("comment", "").removeprefix(_way_back(quantity)).removeprefix("; "):
        attrs["comment"] = rest
    inside = (da / quantity.cf_factor).astype(da.dtype)  # which would keep the comment
    return inside.drop_attrs(deep=False).assign_attrs(attrs | {"units": quantity.unit})


def _way_back(quantity):
    """Return the comment that says how to come from the CF unit to the one inside."""
    return f"multiply by {1 / quantity.cf_factor:.10g} for {quantity.unit}"


def _extent(ds):
    """Return the ACDD attributes that say which part of space and time the data cover."""
    attrs = {}
    for names, key in ((("lat", "latitude"), "lat"), (("lon", "longitude"), "lon"), (("depth", "depth_m"), "vertical")):
        for name in names:
            if name in ds.variables and ds[name].size:
                attrs[f"geospatial_{key}_min"] = float(ds[name].min())
                attrs[f"geospatial_{key}_max"] = float(ds[name].max())
                attrs[f"geospatial_{key}_units"] = COORDINATES[name]["units"]
                if key == "vertical":
                    attrs["geospatial_vertical_positive"] = "down"
    if "time" in ds.variables and np.issubdtype(ds["time"].dtype, np.datetime64) and ds["time"].size:
        attrs["time_coverage_start"] = str(ds["time"].min().values.astype("datetime64[s]")) + "Z"
        attrs["time_coverage_end"] = str(ds["time"].max().values.astype("datetime64[s]")) + "Z"
    elif "month" in ds.dims:
        first, last = CLIMATOLOGY_YEARS
        attrs["time_coverage_start"], attrs["time_coverage_end"] = f"{first}-01-01T00:00:00Z", f"{last}-12-31T23:59:59Z"
        attrs["time_coverage_duration"] = f"P{last - first + 1}Y"
        attrs["time_coverage_resolution"] = "P1M"
    if {"geospatial_lat_min", "geospatial_lon_min"} <= set(attrs):
        south, north, west, east = (
            f"{attrs[f'geospatial_{end}']:g}" for end in ("lat_min", "lat_max", "lon_min", "lon_max")
        )
        corners = f"{south} {west}, {north} {west}, {north} {east}, {south} {east}, {south} {west}"
        attrs["geospatial_bounds"], attrs["geospatial_bounds_crs"] = f"POLYGON (({corners}))", "EPSG:4326"
    return attrs


def global_attrs(ds, path, attrs=None):
    """Return the CF-1.11 and ACDD-1.3 attributes of a file.

    What the Dataset says of itself goes over the defaults, `attrs` over both; their histories are kept, not replaced.
    """
    given, now = attrs or {}, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = list(dict.fromkeys(q.long_name for name in ds.data_vars if (q := _quantity(name)[0])))
    described = {
        "title": f"Sea of Carbon: {Path(path).stem}",
        "summary": "Ocean carbon export from 234Th: " + "; ".join(names),
        "keywords": ", ".join(["ocean", "carbon export", "234Th", *(name.replace(",", "") for name in names)]),
        "creator_name": "Sea of Carbon contributors",
        "creator_type": "group",
        "institution": "Sea of Carbon",
        "project": "Sea of Carbon",
        "license": "CC-BY-4.0",
        "acknowledgement": "To all who measured, compiled and shared the data that source and references name",
        "source": f"seaofcarbon {__version__}",
        "references": "see the book's bibliography",
        "standard_name_vocabulary": "CF Standard Name Table",
    }
    measured = {
        "Conventions": "CF-1.11, ACDD-1.3",
        "id": f"seaofcarbon-{Path(path).stem}",
        "date_created": now,
        **_extent(ds),
    }
    past = [told["history"] for told in (given, ds.attrs) if told.get("history")]
    own = {key: text for key, text in ds.attrs.items() if not key.startswith(("geospatial_", "time_coverage_"))}
    history = {"history": "\n".join([f"{now}: written by seaofcarbon {__version__}", *past])}
    return described | own | measured | given | history
