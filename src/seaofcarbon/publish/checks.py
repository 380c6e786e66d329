"""Numbers for the page "Should you trust these maps?": closed forms, Monte Carlo, the twin's truth, calibration."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from seaofcarbon import thorium
from seaofcarbon.files import read_csv, read_json, read_netcdf
from seaofcarbon.publish.markdown import markdown_table
from seaofcarbon.run import artefact, read_run
from seaofcarbon.vocabulary import PUBLISHED_TOTALS, TWIN_LABEL

CLOSED_FORMS = (
    ("a constant deficit of 500", [0, 40, 100], [500, 500, 500], 100, 50_000),
    ("the same, between two bottles", [0, 40, 100], [500, 500, 500], 73, 36_500),
    ("a straight line from 800 at the surface to 0 at 100 m", [0, 50, 100], [800, 400, 0], 100, 40_000),
    ("the same, between two bottles", [0, 50, 100], [800, 400, 0], 75, 37_500),
    ("a deficit of 600 that turns into an excess of 200 at 200 m", [0, 50, 150, 200], [600, 400, 0, -200], 200, 40_000),
    ("equilibrium", [0, 100, 200], [0, 0, 0], 200, 0),
)
"""Words, depths in m, deficits in dpm m-3, target in m, and the inventory above it in dpm m-2 as worked out by hand."""

NOISE = SimpleNamespace(casts=20_000, th_sigma=50.0, common=47.0, depths=(100.0, 200.0), seed=2026)
"""Monte Carlo: casts with the same truth, noise of a bottle and of the 238U relation in dpm m-3."""

LAYERS = ("0 to 37 m", "38 to 75 m", "76 to 125 m", "126 to 175 m", "176 to 250 m")
"""Layers in which the coverage is counted, as in chapter 4."""

HIDDEN = "On the twin this table says how well the known truth came back. On open data nobody knows it."


def closed_forms():
    """Fluxes of profiles that can be worked out by hand.

    Returns
    -------
    DataFrame
        profile, depth_m, by_hand and calculator, dpm m-2 d-1.
    """
    rows = []
    for words, depth, deficit, target, inventory in CLOSED_FORMS:
        th, cast = 2400.0 - np.asarray(deficit, dtype=float), np.zeros(len(depth), dtype=int)
        found = thorium.steady_state_flux(depth, th, 2400.0, cast, float(target)).flux.item()
        rows.append((words, target, thorium.decay_constant() * inventory, found))
    return pd.DataFrame(rows, columns=["profile", "depth_m", "by_hand", "calculator"])


def monte_carlo(casts=NOISE.casts):
    """Spread of fluxes when the samples of one profile are drawn again, beside the sigma that is stated.

    Parameters
    ----------
    casts : int
        Draws.

    Returns
    -------
    DataFrame
        what, stated and found: sigma of the flux at each depth and of their difference, dpm m-2 d-1.
    """
    z = np.array([5.0, 25, 50, 75, 100, 150, 200, 300])
    u, rng = 2400.0, np.random.default_rng(NOISE.seed)
    truth = u - 600 * np.exp(-((z / 90) ** 2))
    cast = np.repeat(np.arange(casts), len(z))
    drawn = truth + rng.normal(0, NOISE.th_sigma, (casts, len(z)))
    uranium = u + np.repeat(rng.normal(0, NOISE.common, casts), len(z))
    depth, targets = np.tile(z, casts), np.array(NOISE.depths)
    found = thorium.steady_state_flux(depth, drawn.ravel(), uranium, cast, targets).flux
    one = np.zeros(len(z), dtype=int)
    told = thorium.steady_state_flux(
        z, truth, u, one, targets, th_sigma=NOISE.th_sigma, u_common_sigma=NOISE.common
    )  # fmt: skip
    shared = thorium.flux_covariance(z, truth, u, one, *targets, th_sigma=NOISE.th_sigma).item()
    measured, common = told.sigma_measurement[0], told.sigma_common[0]
    apart = np.hypot(np.sqrt((measured**2).sum() - 2 * shared), np.diff(common)[0])
    rows = [(f"flux at {z:.0f} m", s, f) for z, s, f in
            zip(targets, np.hypot(measured, common), found.std(axis=0, ddof=1), strict=True)]  # fmt: skip
    rows.append(("difference of the two", apart, np.diff(found, axis=1).std(ddof=1)))
    return pd.DataFrame(rows, columns=["what", "stated", "found"])


def _arithmetic(run_dir, table):
    forms, noise = closed_forms(), monte_carlo()
    off = (forms["calculator"] - forms["by_hand"]).abs().max()
    shown = pd.DataFrame({
        "Deficit, dpm m⁻³": forms["profile"], "Down to, m": forms["depth_m"],
        "By hand, dpm m⁻² d⁻¹": forms["by_hand"].map("{:,.2f}".format),
        "Calculator": forms["calculator"].map("{:,.2f}".format),
    })  # fmt: skip
    spread = pd.DataFrame({
        "Sigma of the": noise["what"], "Stated, dpm m⁻² d⁻¹": noise["stated"].map("{:.1f}".format),
        "Found": noise["found"].map("{:.1f}".format),
        "Found over stated": (noise["found"] / noise["stated"]).map("{:.3f}".format),
    })  # fmt: skip
    return (
        f"{markdown_table(shown)}\n\nWith the rule `trapezoid` the largest difference is {off:.1g} dpm m⁻² d⁻¹.\n\n"
        f"The spread of {NOISE.casts:,} casts of one profile, with a noise of {NOISE.th_sigma:g} dpm m⁻³ in each "
        f"bottle and of {NOISE.common:g} dpm m⁻³ in the ²³⁸U of each cast:\n\n{markdown_table(spread)}"
    )


def _truth(run_dir, table):
    if read_run(run_dir).get("profile", run_dir.name) != "twin":
        return HIDDEN
    rows = [*_flux_rows(run_dir), *_map_rows(run_dir), *_carbon_rows(run_dir)]
    return f"{markdown_table(pd.DataFrame(rows, columns=['Question', 'Answer']))}\n\n*{TWIN_LABEL}.*"


def _flux_rows(run_dir):
    place = ["cruise", "station", "depth_m"]
    fluxes = pd.read_parquet(artefact(run_dir, "fluxes.parquet"))
    fluxes = fluxes[(fluxes["depth_kind"] == "fixed") & (fluxes["depth_m"] == 100) & (fluxes["flag"] == 1)]
    truth = pd.read_parquet(artefact(run_dir, "raw") / "truth_fluxes.parquet")
    both = fluxes.merge(truth[[*place, "th234_flux", "th234_flux_memory", "bloom_phase_d"]], on=place,
                        suffixes=("", "_day"))  # fmt: skip
    memory = both[both["th234_flux_memory"] > 0]
    bias = (memory["th234_flux"] / memory["th234_flux_memory"]).median() - 1
    sure = both[both["th234_flux_sigma"].notna()]
    within = ((sure["th234_flux"] - sure["th234_flux_memory"]).abs() <= sure["th234_flux_sigma"]).mean()
    peak = both[both["bloom_phase_d"].between(-5, 5) & (both["th234_flux_day"] > 100)]
    lag = (peak["th234_flux"] / peak["th234_flux_day"]).median()
    return [
        (
            "Flux of a cast at 100 m against λ times the true deficit",
            f"median bias {100 * bias:+.1f} % ({len(memory):,})",
        ),
        ("Such fluxes within one sigma of it (68 % promised)", f"{100 * within:.0f} %"),
        ("Flux of a cast around the peak of a bloom, over the flux of that day", f"median {lag:.2f}"),
    ]


def bloom_ratio(flux, bloom):
    """Flux in bloom over that out of bloom, as chapter 6 has it: means over the area of all cells that bloom.

    Parameters
    ----------
    flux : DataArray, dims (month, lat, lon)
    bloom : Dataset
        From `ocean.bloom`.

    Returns
    -------
    float
    """
    from seaofcarbon import maps

    means = maps.area_weighted_mean(maps.bloom_split(flux, bloom).drop_vars("ratio"))
    return float(means["bloom"] / means["non_bloom"])


def chlorophyll_of(run_dir):
    """Return the chlorophyll that a run used, dims (month, lat, lon)."""
    with read_netcdf(artefact(run_dir, "covariates.nc"), chunks={}) as covariates:
        return covariates["chlorophyll"].load()


def bloom_of(run_dir):
    """Return the months in bloom (`ocean.bloom`) by the definition that chapter 6 of a run used."""
    from seaofcarbon import ocean

    with read_netcdf(artefact(run_dir, "seasons.nc"), chunks={}) as seasons:
        used = seasons.attrs
    chlorophyll = chlorophyll_of(run_dir)
    return ocean.bloom(chlorophyll, float(used["bloom_threshold"]), definition=used["bloom_definition"])


def _map_rows(run_dir):
    from seaofcarbon import maps, twin
    from seaofcarbon.learn import models

    predicted = read_netcdf(artefact(run_dir, "maps.nc"), chunks={})
    names = ["th234_flux", "th234_flux_lower", "th234_flux_upper", "applicable"]
    layer = maps.at_depth(predicted, 100.0)[names].load()
    predicted.close()
    shown = layer["th234_flux"].where(layer["applicable"] == 1)
    everywhere = twin.truth_maps(list(maps.MONTHS), [100.0])["th234_flux"].isel(depth=0)
    truth, bloom = everywhere.where(shown.notnull()), bloom_of(run_dir)
    mapped = layer["th234_flux"]
    found, true = (bloom_ratio(flux, bloom) for flux in (mapped, everywhere.where(mapped.notnull())))
    year, month = maps.agreement(maps.annual_mean(shown), maps.annual_mean(truth)), maps.agreement(shown, truth)
    mean = maps.to_mean(shown, models.load(artefact(run_dir, "model"), "th234_flux"))
    mean = maps.agreement(maps.annual_mean(mean), maps.annual_mean(truth))
    return [
        ("Map of the ²³⁴Th flux at 100 m, mean of the year, inside the area", f"R² {year['r2']:.2f}"),
        ("The same, turned from middle values into means", f"R² {mean['r2']:.2f}"),
        ("Middle values, month by month", f"R² {month['r2']:.2f}"),
        ("²³⁴Th flux at 100 m in bloom over that out of bloom", f"{found:.2f}; the truth is {true:.2f}"),
        (
            "What cruises measure at random places inside the area, in the 90 % interval of the map",
            f"{100 * _held_at_sea(run_dir, layer):.0f} %",
        ),
    ]


def _held_at_sea(run_dir, layer):
    """Share of what cruises would measure at random places that lies in the interval of a map, as in chapter 5."""
    from seaofcarbon import maps
    from seaofcarbon.learn import features

    training = features.for_target(pd.read_parquet(artefact(run_dir, "training.parquet")), "th234_flux")
    sigma = training.loc[training["depth_m"].between(90, 110), "sigma"].dropna()
    held = maps.coverage_at_sea(layer, "th234_flux", 100.0, sigma).set_index(["what", "area"])
    return held.loc[("what a cruise measures", "inside"), "coverage"]


def _carbon_rows(run_dir):
    whole = read_csv(artefact(run_dir, "totals.csv")).query("region == 'global'").set_index("source")
    ours, truth = whole.loc["234Th × C:Th, mean"], whole.loc["truth of the twin, where the map has values"]
    choices = read_csv(artefact(run_dir, "sensitivity.csv")).set_index("choice")
    found, true = (choices.loc[name, "bloom_ratio"] for name in ("choices of this run", "truth of the twin"))
    inside = ours["lower_pg_yr"] <= truth["total_pg_yr"] <= ours["upper_pg_yr"]
    total = f"{ours['total_pg_yr']:.1f} ({ours['lower_pg_yr']:.1f} to {ours['upper_pg_yr']:.1f}); "
    total += f"the truth is {truth['total_pg_yr']:.1f}, {'inside' if inside else '**outside**'}"
    return [
        ("POC flux at 100 m in bloom over that out of bloom", f"{found:.2f}; the truth is {true:.2f}"),
        ("Global total at 100 m, Pg C a year", total),
    ]


def _calibration(run_dir, table):
    from seaofcarbon import ocean
    from seaofcarbon.learn import validate

    target = read_json(artefact(run_dir, "model") / "card.json")["main_target"]
    held = read_csv(artefact(run_dir, "validation.csv"))
    held = held[(held["target"] == target) & (held["model"] == "mean") & (held["split"] == "campaign")]
    cast = pd.read_parquet(artefact(run_dir, "training.parquet"), columns=["cast_id", "latitude", "longitude", "time"])
    held = held.merge(cast.drop_duplicates("cast_id"), on="cast_id", how="left")
    season = np.array(ocean.SEASONS)[ocean.season_of(held["time"].dt.month, held["latitude"])]
    layer = pd.cut(held["depth_m"], [-1, 37.5, 75, 125, 175, 250], labels=LAYERS).astype(str)
    kinds = {"all": "all", "basin": ocean.basin(held["latitude"], held["longitude"]), "depth": layer, "season": season}
    scores = [
        validate.scores(held.assign(group=np.broadcast_to(group, len(held))), by=["group"], draws=100).assign(by=kind)
        for kind, group in kinds.items()
    ]
    rows = pd.concat(scores, ignore_index=True)
    order = rows["group"].map({name: i for i, name in enumerate(LAYERS)}).fillna(rows["coverage"])
    rows = rows[rows["values"] >= 30].assign(order=order).sort_values(["by", "order"], kind="stable")
    percent = (100 * rows[["coverage", "coverage_low", "coverage_high"]]).round().astype("Int64").astype(str)
    shown = pd.DataFrame({
        "By": rows["by"], "Group": rows["group"], "Values": rows["values"], "Campaigns": rows["campaigns"],
        "Inside, %": percent["coverage"], "from": percent["coverage_low"], "to": percent["coverage_high"],
    })  # fmt: skip
    return markdown_table(shown)


def _published(run_dir, table):
    whole = read_csv(artefact(run_dir, "totals.csv")).query("region == 'global' and kind == 'this book'")
    rows = [
        ("**this book**", f"{row.source}, {row.depth_m:.0f} m", f"{row.total_pg_yr:.1f}")
        for row in whole.itertuples() if "mean" in row.source
    ]  # fmt: skip
    rows += [
        (name, f"{one.kind}, {one.depth}", f"{one.low:g}" + (f" to {one.high:g}" if one.high > one.low else ""))
        for name, one in PUBLISHED_TOTALS.items()
    ]
    return markdown_table(pd.DataFrame(rows, columns=["Source", "What, and where", "Pg C a year"]))


FRAGMENTS = {
    "check-arithmetic": (_arithmetic, ()),
    "check-truth": (
        _truth,
        (
            "fluxes.parquet",
            "training.parquet",
            "model",
            "maps.nc",
            "covariates.nc",
            "seasons.nc",
            "totals.csv",
            "sensitivity.csv",
        ),
    ),
    "check-calibration": (_calibration, ("model", "validation.csv", "training.parquet")),
    "check-published": (_published, ("carbon.nc", "totals.csv")),
}
"""Fragment -> (function, artefacts it reads), as in `publish.fragments`."""
