"""The map of the edition: POC flux by month at 100 m and at the base of the euphotic zone, in one small file."""

import xarray as xr

from seaofcarbon import maps
from seaofcarbon.edition.sources import TARGET
from seaofcarbon.maps.means import BLOOM_MONTHS
from seaofcarbon.vocabulary import VARIABLES

BITS = 7
"""Bits of the mantissa that are kept: a value to 1 in 256, far less than its interval."""

SHORT_YEAR = "months that have a value (winter has none at high latitudes)"
"""What a mean of the year is over: satellites see no light in a polar winter."""

WORDS = {"": "at 100 m", "_ez": "at the base of the euphotic zone (0.1 % light)"}


def dataset(whole, ez):
    """Map file of the edition.

    Parameters
    ----------
    whole, ez : Source
        From `sources.opened`.

    Returns
    -------
    Dataset, dims (month, lat, lon)
        poc_flux (middle value) with _lower, _upper (90 % interval of a measurement) and applicable; poc_flux_year,
        _bloom, _non_bloom and months_with_value (lat, lon); the same with the ending _ez. mmol m-2 d-1 inside. The
        depth of Ez by cell and month is not among them: it would give back the chlorophyll, whose licence keeps it
        here.
    """
    found = {}
    for ending, source in (("", whole), ("_ez", ez)):
        name, layer, words = f"{TARGET}{ending}", source.layer, WORDS[ending]
        about = {"units": VARIABLES[TARGET].unit}
        quantity = f"{VARIABLES[TARGET].long_name} {words}"
        told = {"": "middle value", "_lower": "lower end of the 90 % interval of a measurement",
                "_upper": "upper end of the 90 % interval of a measurement"}  # fmt: skip
        for end, text in told.items():
            found[name + end] = layer[TARGET + end].assign_attrs(about, long_name=f"{quantity}, {text}")
        inside = layer["applicable"]
        found[f"applicable{ending}"] = inside.assign_attrs(
            long_name=f"inside the area of applicability of the model, {words}"
        )
        found[f"{name}_year"] = source.year[0].assign_attrs(
            about, long_name=f"{quantity}, mean of the {SHORT_YEAR} (mean, not middle value)"
        )
        months = layer[TARGET].notnull().sum("month").astype("int8").drop_attrs()
        found[f"months_with_value{ending}"] = months.assign_attrs(
            long_name=f"number of months that have a value, {words}", units="1"
        )
        for part, text in BLOOM_MONTHS.items():
            found[f"{name}_{part}"] = source.split[part].assign_attrs(
                about, long_name=f"{quantity}, mean of the {text} (middle values)"
            )
    kept = {name: da.drop_vars([c for c in da.coords if c not in da.dims]) for name, da in found.items()}
    return xr.Dataset(kept).drop_attrs(deep=False)


def embedded_year(model, climatology, known):
    """Mean of the year at 100 m by the model of the edition, where the map of the run has a value."""
    ds = maps.predict_grid(model, climatology, layers=["prediction", "applicable"])
    middle = ds[TARGET].isel(depth=0).where(known)
    return maps.annual_mean(maps.to_mean(middle, model))
