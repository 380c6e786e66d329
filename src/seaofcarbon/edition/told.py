"""What the pages of the edition say: every number of their prose, and the tables behind them."""

from pathlib import Path

import numpy as np
import pandas as pd

from seaofcarbon import catalog, maps, ocean, profiles, published, run
from seaofcarbon.edition.learner import N_FOLDS
from seaofcarbon.edition.sources import DEPTH_M, TARGET
from seaofcarbon.learn import features, rivals, validate
from seaofcarbon.learn.models import MEMBERS
from seaofcarbon.maps import DAYS_IN_MONTH
from seaofcarbon.plot.fields import MONTH_NAMES
from seaofcarbon.sensitivity import SITES
from seaofcarbon.vocabulary import CARBON_G_PER_MOL, EARTH_RADIUS_KM, PUBLISHED_TOTALS
from seaofcarbon.vocabulary import SITES as PLACES

ANDALUSIA = (*SITES, "Malaga shelf", "Strait of Gibraltar")
"""Sites of the coast of Andalusia; the last two get a reason and no number."""

TUNED, UNTUNED = "tuned, nested", "not tuned"

MODELS = pd.DataFrame(
    [
        ("run", "usual", TUNED, "mean", "model of the maps, tuned"),
        ("usual", "usual", UNTUNED, "mean", "the same, not tuned"),
        ("embedded", "embedded", UNTUNED, "mean", "model of the edition"),
        ("henson", "none", "", rivals.HENSON, rivals.HENSON),
        ("constant", "none", "", "constant", "constant"),
    ],
    columns=["row", "inputs", "settings", "model", "name"],
)
"""Rows of the table of skill that pages show, in their order: key in numbers.json, what skill.csv has, and the name."""

MIN_COVERED = 0.5
"""Share of its area and months that the map must have before a basin is called the highest or the lowest."""
GRAMS_A_YEAR = 365.25 * CARBON_G_PER_MOL / 1000
"""mmol m-2 d-1 to g C m-2 yr-1."""

ENDS = [TARGET, f"{TARGET}_lower", f"{TARGET}_upper"]


# --- Tables ------------------------------------------------------------------------------------------


def skill_table(whole, over_seeds, n_seeds):
    """Skill of the model behind the maps, of that of the edition and of two rivals, by split.

    Parameters
    ----------
    whole : Source
    over_seeds : DataFrame
        From `learner.skill`.
    n_seeds : int

    Returns
    -------
    DataFrame
        inputs, settings, model, split, seeds, r2, spread, r2_low, r2_high, coverage, values, campaigns, leakage.
    """
    held = whole.table("validation.csv")
    scores = validate.scores(held[(held["target"] == TARGET) & held["model"].isin(MEMBERS)])
    tuned = scores.assign(inputs="usual", settings=TUNED, seeds=1)
    settings = np.where(over_seeds["inputs"] == "none", "", UNTUNED)
    rows = pd.concat([tuned, over_seeds.assign(settings=settings, seeds=n_seeds)], ignore_index=True)
    first = ["inputs", "settings", "model", "split", "seeds", "r2", "spread", "r2_low", "r2_high"]
    more = ["gain", "gain_low", "gain_high", "coverage", "values", "campaigns", "leakage"]
    return rows.reindex(columns=first + more)


def shown_skill(table):
    """Return the rows of the table of skill that pages show, in the order of `MODELS`, with their `row` and `name`."""
    return MODELS.merge(table, on=["inputs", "settings", "model"])


def totals_table(whole, ez):
    """Totals of both runs, by globe, basin and latitude band."""
    parts = [source.table("totals.csv").assign(layer=name) for name, source in (("100 m", whole), ("Ez", ez))]
    table = pd.concat(parts, ignore_index=True)
    return table[["layer", *(name for name in table if name != "layer")]]


def sites_table(whole, ez):
    """The year at each Andalusian site, at both depths.

    Returns
    -------
    DataFrame
        site, layer ("100 m" or "Ez"), month, depth_m, poc_flux (middle value) with its 90 % interval (mmol m-2 d-1),
        applicable (1 inside, 0 outside), bottom_depth_m, distance_km; or a reason in place of a number. At Ez depth_m
        is the mean of the months with a number: a depth for each month would give back the chlorophyll.
    """
    parts = []
    for name, source in (("100 m", whole), ("Ez", ez)):
        year = source.table("sites.csv")
        year = year[year["site"].isin(ANDALUSIA)]
        if source.follows_light:
            depth = year["depth_used_m"].where(year[TARGET].notna())
            mean = depth.groupby(year["site"]).transform("mean")
            year = year.assign(depth_m=mean.where(year["reason"].isna()))
        else:
            year = year[year["reason"].notna() | np.isclose(year["depth_m"], DEPTH_M)]
        parts.append(year.assign(layer=name))
    columns = ["site", "layer", "month", "depth_m", *ENDS, "applicable", "bottom_depth_m", "distance_km", "reason"]
    table = pd.concat(parts, ignore_index=True)[columns]
    return table.astype({"month": "Int64", "applicable": "Int64"})


# --- Numbers -----------------------------------------------------------------------------------------


def numbers(whole, ez, tables, model, model_year):
    """Every number that the pages quote.

    Parameters
    ----------
    whole, ez : Source
    tables : dict of DataFrame
        skill, totals, sites.
    model : learn.models.Model
        Of the edition.
    model_year : DataArray, dims (lat, lon)
        Its mean of the year at 100 m.

    Returns
    -------
    dict
        Nested; pages read it as `edition.total.ez.low`.
    """
    return {
        "counts": _counts(whole),
        "total": {"at100": _total(tables["totals"], "100 m"), "ez": _total(tables["totals"], "Ez")},
        "published_totals": _published_totals(),
        "map": {
            "at100": _map(whole) | _basins(tables["totals"], "100 m"),
            "ez": _map(ez) | _basins(tables["totals"], "Ez") | {"depth": float(ez.layer["depth"])},
        },
        "between": _between(whole.year[0], ez.year[0])
        | {"middle": _between(*(maps.annual_mean(source.layer[TARGET]) for source in (whole, ez)))},
        "bloom": {"at100": _bloom(whole), "ez": _bloom(ez)},
        "skill": _skill(tables["skill"]),
        "model": _model(model, whole.year[0], model_year),
        "published": _published(whole),
        "products": _products(whole),
        "andalusia": _andalusia(tables["sites"], model_year, whole),
    }


def _counts(whole):
    records = whole.table("records.parquet")
    kept, training = features.enough(whole.table("training.parquet")).set_index("target"), whole.training
    casts = records[records["variable"] == "th234_total"]
    sections = [Path(catalog.show(n)["filename"]).stem for n in profiles.REAL_FILES if n.startswith("geotraces")]
    return {
        "records": len(records), "rejects": len(whole.table("rejects.csv")),
        "geotraces": int(records["source_id"].isin(sections).sum()), "sections": len(sections),
        "sources": int(records["source_id"].nunique()), "th234_total": len(casts),
        "values": len(training), "casts": int(training["cast_id"].nunique()),
        "campaigns": int(training["campaign"].nunique()),
        "first_year": int(training["time"].dt.year.min()), "last_year": int(training["time"].dt.year.max()),
        "near_andalusia": int(_near_andalusia(training)),
        "one_depth": float((training.groupby("cast_id")["depth_m"].nunique() == 1).mean()),
        "th234_flux": {name: int(kept.loc["th234_flux", name]) for name in ("values", "campaigns")},
        "needed": {"values": features.MIN_VALUES, "campaigns": features.MIN_CAMPAIGNS},
    }  # fmt: skip


def _near_andalusia(training):
    """Number of values that were learnt from in the Gulf of Cadiz and the Alboran Sea."""
    return (training["latitude"].between(35.0, 38.0) & training["longitude"].between(-9.0, -1.0)).sum()


def _total(totals, layer):
    globe = totals[(totals["layer"] == layer) & (totals["region"] == "global")].set_index("source")
    mean, middle = globe.loc["learnt directly, mean"], globe.loc["learnt directly, middle value"]
    return {
        "mean": mean["total_pg_yr"], "low": mean["lower_pg_yr"], "high": mean["upper_pg_yr"],
        "middle": middle["total_pg_yr"], "flux": mean["mean_flux"], "covered": mean["area_share"],
        "outside": mean["share_outside"], "shelf": mean["share_shelf"],
    }  # fmt: skip


def _published_totals():
    near = [p for p in PUBLISHED_TOTALS.values() if p.depth == "100 m" and p.kind != "new production"]
    low, high = min(p.low for p in near), max(p.high for p in near)
    (models,) = (p for p in near if p.kind == "models")
    return {
        "low": low, "high": high, "factor": high / low, "singles": len(near) - 1,
        "models": {"low": models.low, "high": models.high},
    }  # fmt: skip


def _map(source):
    layer = source.layer
    known, outside = layer["applicable"] >= 0, layer["applicable"] == 0
    ratio = (layer[f"{TARGET}_upper"] / layer[TARGET]).where(known)
    factor = float(maps.area_weighted_mean(source.mean) / maps.area_weighted_mean(layer[TARGET]))
    low, high = np.nanquantile(source.year[0], [0.05, 0.95])
    return {
        "mean": float(maps.area_weighted_mean(source.mean)), "factor": factor, "low": low, "high": high,
        "outside": float(maps.area_weighted_mean(outside.where(known))), "width": float(ratio.median()),
        "short_year": _short_year(layer[TARGET]),
    }  # fmt: skip


def _short_year(da):
    """Share of the mapped area that has a value in some months and not in all."""
    known = da.notnull()
    return float(maps.area_weighted_mean((~known.all("month")).where(known.any("month"))))


def _basins(totals, layer):
    """Basins with the highest and the lowest mean flux, of those that the map covers well enough."""
    rows = totals[(totals["layer"] == layer) & (totals["region_kind"] == "basin")]
    rows = rows[rows["source"] == "learnt directly, mean"].set_index("region")
    known = rows["area_share"] >= MIN_COVERED
    keys = {"mean_flux": "flux", "area_share": "covered", "share_outside": "outside"}
    told = rows.loc[known, list(keys)].rename(columns=keys)
    ends = {"most": told["flux"].idxmax(), "least": told["flux"].idxmin()}
    left_out = [f"{basin} ({100 * share:.0f} %)" for basin, share in rows.loc[~known, "area_share"].items()]
    found = {word: {"name": basin} | told.loc[basin].to_dict() for word, basin in ends.items()}
    return found | {"needed": MIN_COVERED, "left_out": ", ".join(left_out)}


def _between(at100, ez):
    """Share of the area that has both maps where that at Ez is the larger one, and the ratio of their means there."""
    both = np.isfinite(at100) & np.isfinite(ez)
    larger = maps.area_weighted_mean((ez > at100).where(both))
    means = (maps.area_weighted_mean(field.where(both)) for field in (ez, at100))
    return {"larger_at_ez": float(larger), "ratio": float(next(means) / next(means))}


def _bloom(source):
    blooming = (source.seasons["bloom_class"] == 1).where(source.seasons["bloom_class"].notnull())
    inside, outside, none = (
        float(maps.area_weighted_mean(source.split[name])) for name in ("bloom", "non_bloom", "no_bloom")
    )
    share = float(maps.area_weighted_mean(blooming))
    return {"inside": inside, "outside": outside, "none": none, "ratio": inside / outside, "area": share}


def _skill(table):
    rows = shown_skill(table).set_index(["row", "split"])
    found = {}
    for name in ("run", "embedded", "usual", "henson"):
        found[name] = {}
        for split in ("campaign", "block", "random"):
            row = rows.loc[(name, split)]
            told = {"r2": row["r2"], "low": row["r2_low"], "high": row["r2_high"], "spread": row["spread"]}
            found[name][split] = told | ({"coverage": row["coverage"]} if name == "run" else {"gain": row["gain"]})
    seeds = int(table["seeds"].max())
    leaks = table.dropna(subset="leakage").groupby("split")["leakage"].first()
    return found | {"seeds": seeds, "folds": N_FOLDS, "leakage": {name: leaks[name] for name in leaks.index}}


def _model(model, ours, theirs):
    both = np.isfinite(ours) & np.isfinite(theirs)
    met = maps.agreement(np.log(theirs.where(both)), np.log(ours.where(both)))
    data = model.card["data"]
    return {
        "values": data["values"],
        "campaigns": data["campaigns"],
        "inputs": len(model.card["features"]),
        "correlation": met["correlation"],
        "mean": float(maps.area_weighted_mean(theirs.where(both)) / maps.area_weighted_mean(ours.where(both))),
    }


def _published(whole):
    flux = whole.published[whole.published["quantity"] == TARGET]
    met = maps.meeting(whole.published)
    keys = ("values", "studies", "factor", "ratio", "overlap", "correlation")
    parts = {where: {key: met.loc[(TARGET, where), key] for key in keys} for where in ("all", "inside", "outside")}
    return parts | {"no_depth": int((~flux["depth_stated"]).sum()), "assumed_depth": published.DEPTH_M}


def _products(whole):
    table = whole.products
    if table is None:
        return None
    ours, others = table.loc["this book"], table.drop(index="this book")
    ends = {
        name: {"low": others[name].min(), "high": others[name].max()}
        for name in ("total_pg_yr", "correlation", "correlation_others", "within_2_others")
    }
    own = {name: ours[name] for name in ("total_pg_yr", "correlation_others", "within_2_others")}
    worse = int((others["correlation_others"] < ours["correlation_others"]).sum())
    return {"count": len(others), "area": table.attrs["area_share"], "ours": own, "worse": worse} | ends


def _andalusia(sites, model_year, whole):
    days = pd.Series(DAYS_IN_MONTH.to_numpy(), DAYS_IN_MONTH["month"].to_numpy())
    found = {}
    for site in SITES:
        key = site.lower().replace(" ", "_")
        found[key] = {"name": site}
        for layer, name in (("100 m", "at100"), ("Ez", "ez")):
            year = sites[(sites["site"] == site) & (sites["layer"] == layer)].dropna(subset=[TARGET])
            by_month = year.set_index("month")[TARGET]
            mean, low, high = (np.average(year[end], weights=days[year["month"]]) for end in ENDS)
            found[key][name] = {
                "mean": mean, "low": low, "high": high, "months": len(year), "inside": int(year["applicable"].sum()),
                "most": MONTH_NAMES[by_month.idxmax() - 1], "least": MONTH_NAMES[by_month.idxmin() - 1],
                "swing": by_month.max() / by_month.min(), "depth": float(year["depth_m"].mean()),
                "floor": float(year["bottom_depth_m"].iloc[0]),
            }  # fmt: skip
        place = {"lat": PLACES[site].latitude, "lon": PLACES[site].longitude}
        green = whole.covariates["chlorophyll"].sel(place, method="nearest")
        found[key] |= {
            "model_year": float(model_year.sel(place, method="nearest")),
            "green": MONTH_NAMES[int(green.argmax("month"))], "nearest_km": _nearest_km(whole.training, **place),
        }  # fmt: skip
    means = [found[key]["at100"]["mean"] for key in found]
    months = sum(found[key]["at100"]["months"] for key in found)
    inside = sum(found[key]["at100"]["inside"] for key in found)
    widths = [found[key]["at100"]["high"] / found[key]["at100"]["mean"] for key in found]
    spans = [found[key]["at100"]["high"] / found[key]["at100"]["low"] for key in found]
    return found | {
        "nearest_km": min(found[key]["nearest_km"] for key in found),
        "lowest": min(means), "highest": max(means), "months": months, "inside": inside, "width": max(widths),
        "swing": max(found[key]["at100"]["swing"] for key in found), "span": min(spans),
        "grams": {"lowest": min(means) * GRAMS_A_YEAR, "highest": max(means) * GRAMS_A_YEAR},
    }  # fmt: skip


def _nearest_km(training, lat, lon):
    """Distance to the nearest value that was learnt from, km."""
    away = ocean.unit_vectors(training["latitude"], training["longitude"]) - ocean.unit_vectors(lat, lon)
    chord = np.sqrt((away**2).sum(axis=-1)).min()
    return 2 * EARTH_RADIUS_KM * float(np.arcsin(chord / 2))


def data_entries(run_dir):
    """Entries of the catalogue that a run used, with what pins their version."""
    names = set(catalog.list_entries()["name"])
    keep = ("citation", "licence", "doi", "url", "sha256", "cite")
    used = [name for name in run.cited(run_dir) if name in names]
    return {name: {key: entry[key] for key in keep if key in entry} for name in used for entry in [catalog.show(name)]}
