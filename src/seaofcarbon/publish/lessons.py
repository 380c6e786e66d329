"""Answers for the teachers' page: a cast worked out by hand, and what the exercises of a class give on a run."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from seaofcarbon import notebook, thorium
from seaofcarbon.files import read_csv, read_json, read_netcdf
from seaofcarbon.publish.checks import bloom_of, bloom_ratio, chlorophyll_of
from seaofcarbon.publish.markdown import markdown_table
from seaofcarbon.run import artefact, home, read_run
from seaofcarbon.vocabulary import CARBON_G_PER_MOL, LITRES_PER_M3, TWIN_LABEL, U238_RELATIONS

FIVE_BOTTLES = pd.DataFrame(
    {"depth_m": [10.0, 30.0, 60.0, 100.0, 150.0], "th234_total": [1.80, 1.70, 2.00, 2.30, 2.45]}
).assign(th234_total_sigma=0.05, salinity=34.542)
"""A made-up cast with numbers that are easy by hand: m, dpm L-1, dpm L-1, and the salinity that gives 238U 2.40."""

C_TH = 4.0
"""Made-up ratio of POC to 234Th on large particles at 100 m, umol dpm-1."""

SITE, MONTH = "Gulf of Cadiz", 6
"""The place and month whose interval is read aloud."""

MORE_RELATION, DEEPER_M, STRICTER = "pates_muir2007", 150.0, 1.5
"""What the commands of the page change: the relation of 238U, the depth of the map, the threshold of a bloom."""

ELSEWHERE = (
    "These answers are numbers of the twin ocean with the parameters as they come; this book was built from another "
    "run: they stand on the same page of the book that `make book` builds."
)


def five_bottles():
    """Fluxes of `FIVE_BOTTLES` by the package, with the deficits that lead to them.

    Returns
    -------
    SimpleNamespace
        deficit (5,) in dpm m-3; flux, measurement, common, integration and sigma, dict of depth in m to dpm m-2 d-1;
        equilibrium_m; poc, mmol C m-2 d-1 at 100 m.

    Examples
    --------
    >>> round(five_bottles().flux[100.0])
    1309
    """
    relation = U238_RELATIONS["owens2011"]
    uranium = LITRES_PER_M3 * thorium.u238_from_salinity(FIVE_BOTTLES["salinity"])
    th, z, cast = LITRES_PER_M3 * FIVE_BOTTLES["th234_total"], FIVE_BOTTLES["depth_m"], np.zeros(5, dtype=int)
    meets = float(thorium.equilibrium_depth(z, th, uranium, cast)[0])
    depths = [100.0, 150.0, meets]
    found = thorium.steady_state_flux(
        z, th, uranium, cast, depths, th_sigma=LITRES_PER_M3 * FIVE_BOTTLES["th234_total_sigma"],
        u_common_sigma=LITRES_PER_M3 * relation.sigma_dpm_l,
    )  # fmt: skip
    of_depth = {
        name: dict(zip(depths, column[0], strict=True))
        for name, column in zip(("flux", "measurement", "common", "integration"), found[:4], strict=True)
    }
    sigma = {d: float(np.linalg.norm([of_depth[n][d] for n in list(of_depth)[1:]])) for d in depths}
    poc = of_depth["flux"][100.0] * C_TH / 1000  # umol dpm-1 times dpm is umol
    return SimpleNamespace(deficit=(uranium - th).to_numpy(), equilibrium_m=meets, sigma=sigma, poc=poc, **of_depth)


def _exercise(run_dir, table):
    words = {
        "depth_m": ("Depth, m", ".0f"), "th234_total": ("²³⁴Th, dpm L⁻¹", ".2f"),
        "th234_total_sigma": ("Its sigma, dpm L⁻¹", ".2f"), "salinity": ("Salinity", ".3f"),
    }  # fmt: skip
    shown = pd.DataFrame({word: FIVE_BOTTLES[name].map(f"{{:{how}}}".format) for name, (word, how) in words.items()})
    return (
        f"{markdown_table(shown)}\n\nOn large particles at 100 m the ratio C:Th is {C_TH:g} µmol dpm⁻¹. "
        "The cast is made up, so that the numbers are easy."
    )


def _cast_csv(run_dir, table):
    cast = FIVE_BOTTLES.assign(
        cruise="CLASS", station="1", time="2020-05-15T12:00", latitude=47.0, longitude=-20.0
    )  # fmt: skip
    order = ["cruise", "station", "time", "latitude", "longitude", *FIVE_BOTTLES.columns]
    return f"```text\n{cast[order].to_csv(index=False).strip()}\n```"


def _answers(run_dir, table):
    cast, z = five_bottles(), FIVE_BOTTLES["depth_m"].to_numpy()
    decay, d = thorium.decay_constant(), cast.deficit.round(6)
    top, middle = np.append(0.0, z[:-1]), np.append(d[0], (d[:-1] + d[1:]) / 2)
    steps = pd.DataFrame({
        "Layer, m": [f"{a:g} to {b:g}" for a, b in zip(top, z, strict=True)],
        "Metres": [f"{h:g}" for h in z - top],
        "Deficit, dpm m⁻³": [f"{x:,.0f}" for x in middle],
        "Product, dpm m⁻²": [f"{x:,.0f}" for x in (z - top) * middle],
    })  # fmt: skip
    whole = float(((z - top) * middle)[:4].sum())
    at, deep, meets, sigma = cast.flux[100.0], cast.flux[150.0], cast.equilibrium_m, cast.sigma[100.0]
    uranium = d[0] / LITRES_PER_M3 + FIVE_BOTTLES["th234_total"][0]
    measured, common, between = (part[100.0] for part in (cast.measurement, cast.common, cast.integration))
    lines = [
        f"1. ²³⁸U is {uranium:.3f} dpm L⁻¹ in each bottle. The deficits are {', '.join(f'{x:,.0f}' for x in d)} "
        "dpm m⁻³. The last one is an excess.",
        "2. The first layer has the deficit of the first bottle up to the surface; the others have the mean of two:\n\n"
        + "\n".join(f"   {line}" for line in markdown_table(steps).split("\n"))
        + f"\n\n   Down to 100 m this is {whole:,.0f} dpm m⁻². Times λ = {decay:.5f} d⁻¹: **{at:,.0f} dpm m⁻² d⁻¹**.",
        f"3. The last layer adds {(z - top)[4] * middle[4]:,.0f} dpm m⁻²: {deep:,.0f} dpm m⁻² d⁻¹ at 150 m. "
        f"The deficit is zero at {meets:.1f} m, on the line between the last two bottles. There the flux is greatest, "
        f"{cast.flux[meets]:,.0f} dpm m⁻² d⁻¹. Below it particles give ²³⁴Th back; the excess counts with its sign.",
        "4. Measurement: the bottles stand for 20, 25, 35 and 20 m, each with 50 dpm m⁻³. As squares, times λ: "
        f"{measured:.0f} dpm m⁻² d⁻¹. Common: {U238_RELATIONS['owens2011'].sigma_dpm_l:g} dpm L⁻¹ over 100 m, added in "
        f"a line, times λ: {common:.0f}. Together, as squares: {np.hypot(measured, common):.0f}. The package adds "
        f"{between:.0f} for what lies between the bottles: {sigma:.0f} in all.",
        f"5. {at:,.0f} × {C_TH:g} / 1000 = **{cast.poc:.2f} mmol C m⁻² d⁻¹**, or "
        f"{cast.poc * CARBON_G_PER_MOL:.0f} mg C m⁻² d⁻¹. If the ratio is known to a factor of two, so is the carbon, "
        f"whatever the {100 * sigma / at:.0f} % of the thorium.",
    ]
    return "\n".join(lines)


def _of_twin(answer):
    """Make a fragment that stands in the book of the default run only; other books say where the answers are."""

    def fragment(run_dir, table):
        return f"{answer(run_dir)}\n\n*{TWIN_LABEL}.*" if _is_default(read_run(run_dir)) else ELSEWHERE

    return fragment


def _is_default(this):
    """Whether a run is of the twin, with the parameters as the notebooks declare them."""
    used = {chapter: part["parameters"] for chapter, part in this.get("notebooks", {}).items()}
    declared = {c: notebook.parameters(notebook.read(home() / "notebooks" / f"{c}.ipynb"), c) for c in used}
    return this.get("profile") == "twin" and all(
        used[c].get(name) == told.default
        for c, own in declared.items()
        for name, told in own.items()
        if name != "run_dir"
    )


def _flux(run_dir):
    from seaofcarbon import flux, records

    fluxes = pd.read_parquet(artefact(run_dir, "fluxes.parquet"))
    ours = fluxes[(fluxes["depth_kind"] == "fixed") & (fluxes["depth_m"] == 100)].set_index("cast_id")["th234_flux"]
    samples = records.to_samples(records.read(artefact(run_dir, "records.parquet")))
    other = flux.fluxes(samples, [100.0], MORE_RELATION).set_index("cast_id")["th234_flux"]
    usual, more = (float(thorium.u238_from_salinity(35.0, name)) for name in ("owens2011", MORE_RELATION))
    return (
        f"The median at 100 m goes from **{ours.median():,.0f} to {other.median():,.0f} dpm m⁻² d⁻¹** "
        f"({ours.notna().sum():,} casts have a flux there). Half of the casts move by "
        f"{(other - ours).median():,.0f} or more. At a salinity of 35 the two relations differ by "
        f"{100 * (more / usual - 1):.1f} % in ²³⁸U; the flux differs by "
        f"{100 * (other.median() / ours.median() - 1):.0f} %, because it is a small difference of two large numbers."
    )


def _splits(run_dir):
    card = read_json(artefact(run_dir, "model") / "card.json")
    card = read_json(artefact(run_dir, "model") / card["main_target"] / "card.json")["validation"]
    score = {(row["model"], row["split"]): row for row in card["scores"]}
    naive, mean = ({split: score[name, split]["r2"] for split in ("random", "campaign", "block")}
                   for name in ("XGBoost as it comes", "mean"))  # fmt: skip
    low, high = (score["mean", "campaign"][end] for end in ("r2_low", "r2_high"))
    order = "reversed" if naive["random"] > mean["random"] and naive["campaign"] < mean["campaign"] else "kept"
    leak = 100 * card["leakage"]["random"]
    return (
        f"On random rows *XGBoost as it comes* has R² {naive['random']:.2f} and the tuned mean of both "
        f"{mean['random']:.2f}. With campaigns left out they have {naive['campaign']:.2f} and "
        f"**{mean['campaign']:.2f}**, with blocks left out {naive['block']:.2f} and {mean['block']:.2f}: the order is "
        f"{order}. {leak:.0f} % of the test rows of random folds have a training neighbour. With another seed of the "
        f"folds expect a number near the range {low:.2f} to {high:.2f}."
    )


def _maps(run_dir):
    from seaofcarbon import maps

    predicted = read_netcdf(artefact(run_dir, "maps.nc"), chunks={})
    layers = {z: maps.at_depth(predicted, z)[["th234_flux", "applicable"]].load() for z in (100.0, DEEPER_M)}
    mean = {z: float(maps.area_weighted_mean(layer["th234_flux"])) for z, layer in layers.items()}
    known = layers[DEEPER_M]["applicable"] >= 0
    outside = float(maps.area_weighted_mean((layers[DEEPER_M]["applicable"] == 0).where(known)))
    predicted.close()
    more = mean[DEEPER_M] > mean[100.0]
    return (
        f"The mean over sea and year is {mean[100.0]:,.0f} dpm m⁻² d⁻¹ at 100 m and **{mean[DEEPER_M]:,.0f} at "
        f"{DEEPER_M:.0f} m**: particles {'are still gathered' if more else 'give ²³⁴Th back'} on the way. "
        f"{100 * outside:.0f} % of the deeper map is hatched: there the number is extrapolated."
    )


def _bloom(run_dir):
    from seaofcarbon import maps, ocean

    predicted = read_netcdf(artefact(run_dir, "maps.nc"), chunks={})
    shown = maps.at_depth(predicted, 100.0)["th234_flux"].load()
    predicted.close()
    choices, stricter = _choices(run_dir), f"{STRICTER:g} medians"
    own = 100 * choices.loc["choices of this run", "share_in_bloom"]
    said = f"The months of bloom hold {own:.0f} % of the year's carbon by the definition of the run in this book"
    ratio = bloom_ratio(shown, bloom_of(run_dir))
    if stricter not in choices.index:  # it is the definition of the run
        return f"{said}. The ²³⁴Th flux in bloom over that out of bloom is {ratio:.2f} (section 6.2)."
    other = bloom_ratio(shown, ocean.bloom(chlorophyll_of(run_dir), STRICTER))
    return (
        f"{said} and **{100 * choices.loc[stricter, 'share_in_bloom']:.0f} % with {stricter}** (section 7.8). The "
        f"²³⁴Th flux in bloom over that out of bloom is {ratio:.2f} and {other:.2f} (section 6.2). "
        "Not one particle sank more or less: the word *bloom* changed."
    )


def _choices(run_dir):
    """Choices of chapter 7, by the alternative; the choices of the run by that name."""
    choices = read_csv(artefact(run_dir, "sensitivity.csv"))
    first = choices["choice"].isin(["choices of this run", "truth of the twin"])
    return choices.set_index(choices["alternative"].where(~first, choices["choice"]))


def _carbon(run_dir):
    choices = _choices(run_dir)
    total, law = (choices.loc[name, "total_pg_yr"] for name in ("choices of this run", "power_law"))
    cadiz = choices.loc["power_law", f"{SITE}, change_percent"]
    whole = read_csv(artefact(run_dir, "totals.csv")).query("region == 'global'").set_index("source")
    ours, truth = whole.loc["234Th × C:Th, mean"], whole.loc["truth of the twin, where the map has values"]
    return (
        f"The total goes from {total:.1f} to **{law:.1f} Pg C a year**, while the mean of the year in the {SITE} "
        f"changes by {cadiz:+.0f} %. The truth is {truth['total_pg_yr']:.1f}, and the 90 % interval of the default is "
        f"{ours['lower_pg_yr']:.1f} to {ours['upper_pg_yr']:.1f}. A law of depth alone knows no rich and no poor seas."
    )


def _aloud(run_dir):
    cast = five_bottles()
    year = read_csv(artefact(run_dir, "sites.csv"))
    cell = year[(year["site"] == SITE) & (year["depth_m"] == 100) & (year["month"] == MONTH)].iloc[0]
    whole = read_csv(artefact(run_dir, "totals.csv")).query("region == 'global'").set_index("source")
    total = whole.loc["234Th × C:Th, mean"]
    inside = "inside" if cell["applicable"] == 1 else "outside"
    cruise = (
        f"{cast.flux[100.0]:,.0f} ± {cast.sigma[100.0]:,.0f} dpm m⁻² d⁻¹ at 100 m (one sigma; steady state, "
        "trapezoid, ²³⁸U by Owens et al. 2011): the mean of about the last five weeks at this place."
    )
    place = (
        f"About {cell['th234_flux']:,.0f} dpm m⁻² d⁻¹ at 100 m in the {SITE} in June. Nine of ten measurements there "
        f"should lie between {cell['th234_flux_lower']:,.0f} and {cell['th234_flux_upper']:,.0f}; the place is "
        f"{inside} the area of applicability."
    )
    globe = (
        f"{total['total_pg_yr']:.1f} Pg C a year at 100 m ({total['lower_pg_yr']:.1f} to {total['upper_pg_yr']:.1f}, "
        f"90 % interval of drawn maps), over {100 * total['area_share']:.0f} % of the sea and its months; "
        f"{100 * total['share_outside']:.0f} % of it is extrapolated."
    )
    said = {"a cast": cruise, "a place on the map": place, "the globe": globe}
    return markdown_table(pd.DataFrame({"Of": list(said), "Say": list(said.values())}))


FRAGMENTS = {
    "exercise": (_exercise, ()),
    "exercise-csv": (_cast_csv, ()),
    "exercise-answers": (_answers, ()),
    "lesson-flux": (_of_twin(_flux), ("records.parquet", "fluxes.parquet")),
    "lesson-splits": (_of_twin(_splits), ("model",)),
    "lesson-maps": (_of_twin(_maps), ("maps.nc",)),
    "lesson-bloom": (_of_twin(_bloom), ("maps.nc", "covariates.nc", "sensitivity.csv")),
    "lesson-carbon": (_of_twin(_carbon), ("totals.csv", "sensitivity.csv")),
    "lesson-aloud": (_of_twin(_aloud), ("sites.csv", "totals.csv")),
}
"""Fragment -> (function, artefacts it reads), as in `publish.fragments`."""
