"""Headline numbers of artefacts, by which two runs are compared."""

import pandas as pd

from seaofcarbon import files, maps, ocean, profiles
from seaofcarbon.vocabulary import VARIABLES


def _map(path, used):
    """Mean and sum of the map that chapter 5 draws."""
    quantity = profiles.resolve_target(used["profile"], used["target"])
    chosen = used.get("model", "mean")
    drawn_by = quantity if chosen == "mean" else f"{quantity}_{chosen}"
    with files.read_netcdf(path, chunks={}) as predicted:
        layer = maps.at_depth(predicted, used["depth_m"])
        layer = layer[[name for name in dict.fromkeys((drawn_by, "applicable", "poc_flux")) if name in layer]].load()
    field = layer[drawn_by]
    drawn = maps.in_season(field, used.get("season", "year"))
    applicable = maps.in_season(layer["applicable"], used.get("season", "year"))
    known = applicable >= 0
    outside = (applicable == 0).where(known)
    what = VARIABLES[quantity].long_name
    found = {
        f"{what}, mean over the sea and the time drawn, {VARIABLES[quantity].unit}": maps.area_weighted_mean(drawn),
        "Share of the mapped area and time outside the area of applicability, %": 100
        * maps.area_weighted_mean(outside),
    }
    if "poc_flux" in layer:
        carbon = maps.in_season(layer["poc_flux"], used.get("season", "year"))
        of_year = 1 if used.get("season", "year") == "year" else 1 / len(ocean.SEASONS)
        total = maps.integrate_poc(carbon)["total_pg_yr"].iloc[0] / of_year
        found["POC flux, sum of middle values over the globe at the rate of the time drawn, Pg C a year"] = total
    return {name: float(value) for name, value in found.items()}


def _seasons(path, used):
    ds = files.read_netcdf(path)
    quantity = profiles.resolve_target(used["profile"], used["target"])
    words = {"bloom": "in bloom", "non_bloom": "out of bloom"}
    means = {part: float(maps.area_weighted_mean(ds[f"{quantity}_{part}"])) for part in words}
    named = {
        f"{VARIABLES[quantity].long_name}, mean {words[part]}, {VARIABLES[quantity].unit}": mean
        for part, mean in means.items()
    }
    return named | {"Ratio of the two means": means["bloom"] / means["non_bloom"]}


def _totals(path, used):
    df = files.read_csv(path)
    ours = df[(df["region"] == "global") & (df["kind"] == "this book")]
    return {f"POC flux of the globe, {row.source}, Pg C a year": row.total_pg_yr for row in ours.itertuples()}


def _fluxes(path, used):
    df = pd.read_parquet(path, columns=["depth_m", "depth_kind", "th234_flux"])
    here = df.loc[(df["depth_kind"] == "fixed") & (df["depth_m"] == used["depth_m"]), "th234_flux"]
    return {
        "Fluxes with a value": int(df["th234_flux"].notna().sum()),
        f"Median flux at the depth that is compared, {VARIABLES['th234_flux'].unit}": here.median(),
    }


def _training(path, used):
    counts = pd.read_parquet(path, columns=["target"])["target"].value_counts().sort_index()
    return {f"Values of {VARIABLES[target].long_name} to learn from": int(n) for target, n in counts.items()}


def _records(path, used):
    return {"Records": len(pd.read_parquet(path, columns=["variable"]))}


def _validation(path, used):
    from seaofcarbon.learn import validate

    df = files.read_csv(path)
    main = profiles.resolve_target(used["profile"], used["target"])
    scores = validate.scores(df[(df["target"] == main) & (df["split"] == "campaign")])
    return {f"R² of {row.model} on campaigns left out": row.r2 for row in scores.itertuples()}


HEADLINES = {
    "records.parquet": _records,
    "fluxes.parquet": _fluxes,
    "training.parquet": _training,
    "validation.csv": _validation,
    "maps.nc": _map,
    "seasons.nc": _seasons,
    "totals.csv": _totals,
}
"""Artefact -> function of its path and the parameters of its notebook, which gives numbers by name."""
