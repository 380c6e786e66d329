"""The tables: fluxes, what is lost between two depths, the budget of 234Th, and what each choice does."""

import numpy as np
import pandas as pd

from seaofcarbon import thorium
from seaofcarbon.files import UserError
from seaofcarbon.flux.depths import parse_depths, sea_around, target_depths
from seaofcarbon.flux.doubts import MAX_GAP_M, all_words, judge
from seaofcarbon.flux.samples import KEYS, MIN_SAMPLES, check_names, gather, join_words, sources
from seaofcarbon.flux.visits import NEAR_KM, QUIET_D, RADIUS_KM, WINDOW_D, non_steady, revisits
from seaofcarbon.vocabulary import U238_RELATIONS

COLUMNS = [
    *KEYS, "depth_kind", "depth_m", "th234_flux", "th234_flux_sigma", "sigma_measurement", "sigma_common",
    "sigma_integration", "method",
    "integration", "u238_source", "n_samples", "flag", "reason",
]  # fmt: skip


def fluxes(
    samples, depths=(100.0,), relation="owens2011", rule="trapezoid", covariates=None, *, method="ss",
    window_d=WINDOW_D, max_km=RADIUS_KM, upwelling_m_d=0.0, diffusivity_m2_d=0.0, measured=True,
    min_samples=MIN_SAMPLES, max_gap_m=MAX_GAP_M, deep_tolerance=0.05,
):  # fmt: skip
    """234Th flux of each cast at each depth.

    Parameters
    ----------
    samples : DataFrame
        One row per cast and depth, as from `records.to_samples` or `read_samples`: cast_id, source_id, cruise,
        station, time, latitude, longitude, depth_m (m), th234_total, th234_total_sigma, u238, u238_sigma (dpm L-1),
        salinity.
    depths : sequence of float or str
        Metres, "equilibrium", "ez", "ppz", "mld".
    relation : str
        238U from salinity where it was not measured: a name in `vocabulary.U238_RELATIONS`.
    rule : {"trapezoid", "layers"}
        Integration, see `thorium.integrate`.
    covariates : Dataset, optional
        As from `ocean.covariates`; needed for "ez" and "mld". With its bottom_depth, casts on the shelf are flagged.
    method : {"ss", "nss"}
        Steady state, or the mean between two occupations (`revisits`): casts that were not revisited have none.
    window_d : tuple of float
        Shortest and longest time between two occupations, days. Under 10 d a flux is flagged `nss_noise`.
    max_km : float
        Furthest distance between two occupations. Beyond 10 km a flux is flagged `nss_distance`.
    upwelling_m_d, diffusivity_m2_d : float or Series by cast_id, or a pair of these
        Velocity (positive upward) and vertical diffusivity, as a pair with their standard errors; see
        `thorium.add_transport`. Off by default; when on, `reason` tells the rates.
    measured : bool
        False derives 238U from salinity even where it was measured.
    min_samples : int
        Least number of samples with 234Th and 238U in a cast.
    max_gap_m : float
        Fluxes below a wider gap between samples are flagged.
    deep_tolerance : float
        Casts whose deep Th/U is further from 1 than this, and than two sigma, are flagged.

    Returns
    -------
    DataFrame
        `COLUMNS`, one row per cast that has 234Th and depth wanted, casts in the order of `samples`. Fluxes and sigmas
        in dpm m-2 d-1: th234_flux_sigma joins sigma_measurement (independent between bottles), sigma_common (error of
        the 238U relation and of rates) and sigma_integration (what lies between the bottles). flag: 1 good,
        3 questionable, 9 missing; `reason` says why, also where only sigma is missing, and tells what else is to be
        known. "nss" adds earlier_id, interval_d and distance_km of the earlier occupation; its time is that of the
        second one.

    Raises
    ------
    UserError
        If a depth, relation, rule, method or window is unknown, or a value is impossible.
    """
    wanted = parse_depths(depths)
    check_names(rule=rule, method=method)
    casts = gather(samples, relation, measured)
    sea = sea_around(casts.heads, covariates, wanted)
    targets, unknown = target_depths(wanted, casts, sea)
    doubts = all_words(casts, sea, relation, measured, deep_tolerance)
    n_casts = len(casts.heads)
    visits = pd.DataFrame({"interval_d": np.full(n_casts, np.inf)})
    options = {"rule": rule, "n_casts": n_casts, "min_samples": min_samples}
    if method == "ss":
        found = thorium.steady_state_flux(*casts.balance, targets, **casts.sigmas, **options)
    else:
        pairs = revisits(casts.samples, *window_d, max_km, min_samples=min_samples)
        visits = pairs.set_index("cast_id").reindex(casts.heads["cast_id"]).reset_index(drop=True)
        found, before = non_steady(casts, targets, pairs, **options)
        doubts = join_words(doubts, *_doubts_of_visits(visits, doubts, before))
    interval = visits["interval_d"].to_numpy()
    found, notes = _transported(found, casts, targets, upwelling_m_d, diffusivity_m2_d, rule, interval)
    if method == "nss":
        unseen = visits["checked"].isin([False])
        notes = join_words(notes, np.where(unseen, "water mass not checked", "").astype(object))
    reason, flag = judge(found, unknown, doubts, join_words(casts.notes, notes), max_gap_m)
    nobody = "no earlier occupation within {:g} to {:g} d and {:g} km".format(*window_d, max_km)
    reason = np.where(np.isnan(interval)[:, None], np.where(unknown == "", nobody, unknown), reason)

    kinds = [kind if isinstance(kind, str) else "fixed" for kind in wanted]
    table = _rows(casts, targets.shape[1]).assign(depth_kind=np.tile(kinds, n_casts), depth_m=targets.ravel())
    table = _filled(table, "th234_flux", found, reason, flag).assign(method=f"th234_{method}", integration=rule)
    if method == "ss":
        return table[COLUMNS]
    which = ["earlier_id", "interval_d", "distance_km"]
    return table[COLUMNS].join(visits[which].loc[visits.index.repeat(len(wanted))].reset_index(drop=True))


def _doubts_of_visits(visits, doubts, before):
    """What makes a non-steady flux questionable: doubts of the earlier visit, visits too close in time or too far."""
    then = np.append(doubts, "")[before]
    hasty, far = visits["interval_d"] < QUIET_D, visits["distance_km"] > NEAR_KM
    return (
        np.where(then == "", "", "earlier occupation: " + then), np.where(hasty, "nss_noise", "").astype(object),
        np.where(far, "nss_distance", "").astype(object),
    )  # fmt: skip


def _rows(casts, n_depths):
    """Head rows of the casts, one for each depth."""
    table = casts.heads.loc[casts.heads.index.repeat(n_depths)].reset_index(drop=True)
    return table.assign(u238_source=np.repeat(sources(casts), n_depths))


def _filled(table, name, found, reason, flag):
    """The table with a flux under this name, its sigmas, and what is to be said of it."""
    parts = {part: getattr(found, part).ravel() for part in ("sigma_measurement", "sigma_common", "sigma_integration")}
    sigma = np.sqrt(sum(part**2 for part in parts.values()))
    return table.assign(**{name: found.flux.ravel(), f"{name}_sigma": sigma}, **parts).assign(
        n_samples=found.n_samples.ravel(), flag=flag.ravel(), reason=reason.ravel().astype(str)
    )


def _rate(rate, heads):
    """A rate and its standard error by cast, of a number, a Series by cast_id, or a pair of these."""
    pair = rate if isinstance(rate, (tuple, list)) else (rate,)
    both = [
        part.reindex(heads["cast_id"]).to_numpy(float)
        if isinstance(part, pd.Series)
        else np.full(len(heads), part, dtype=float)
        for part in (*pair, *([0.0] if len(pair) == 1 else []))
    ]
    if len(both) != 2 or (both[1] < 0).any():
        raise UserError("a rate of upwelling or diffusion: give it alone, or with a standard error of zero or more")
    return both


def _transported(found, casts, targets, upwelling, diffusivity, rule, interval):
    """Add upwelling and diffusion where they are asked for, and say so."""
    (w, w_sigma), (kz, kz_sigma) = (_rate(rate, casts.heads) for rate in (upwelling, diffusivity))
    if (kz < 0).any():
        raise UserError("a diffusivity is negative: give m2 d-1 of zero or more")
    notes = np.full(len(w), "", dtype=object)
    if not (np.any([w, kz, w_sigma, kz_sigma])):
        return found, notes
    found = thorium.add_transport(
        found, *casts.balance, targets, velocity=w, velocity_sigma=w_sigma, diffusivity=kz, diffusivity_sigma=kz_sigma,
        th_sigma=casts.th_sigma, rule=rule, interval_d=interval,
    )  # fmt: skip
    for name, unit, rate, sigma in (("upwelling", "m d-1", w, w_sigma), ("diffusivity", "m2 d-1", kz, kz_sigma)):
        words = [f"{name} {r:g} {unit}" + f" (sigma {s:g})" * bool(s) for r, s in zip(rate, sigma, strict=True)]
        notes = join_words(notes, np.where((rate != 0) | (sigma != 0), words, "").astype(object))
    return found, notes


# --- Between two depths, and the budget ------------------------------------------------------------------------


def divergence(
    samples, upper=100.0, lower=200.0, relation="owens2011", rule="trapezoid", covariates=None, *, measured=True,
    min_samples=MIN_SAMPLES, max_gap_m=MAX_GAP_M, deep_tolerance=0.05,
):  # fmt: skip
    """What the steady-state 234Th flux loses between two depths of each cast: remineralisation, if positive.

    Both fluxes share the samples above, so most of their errors cancel: the sigmas are those of the water between.

    Parameters
    ----------
    samples : DataFrame
        As in `fluxes`.
    upper, lower : float or str
        Metres or a word, as in `fluxes`, which explains the rest.
    relation, rule, covariates, measured, min_samples, max_gap_m, deep_tolerance
        As there.

    Returns
    -------
    DataFrame
        One row per cast: KEYS, upper_m, lower_m, remineralisation, remineralisation_sigma, sigma_measurement,
        sigma_common, sigma_integration (dpm m-2 d-1), remineralisation_per_m, remineralisation_per_m_sigma
        (dpm m-3 d-1), method, integration, u238_source, n_samples, flag, reason.
    """
    ends = [*parse_depths(upper), *parse_depths(lower)]
    check_names(rule=rule)
    casts = gather(samples, relation, measured)
    sea = sea_around(casts.heads, covariates, ends)
    (top, base), (no_top, no_base) = (part.T[..., None] for part in target_depths(ends, casts, sea))
    found = thorium.steady_state_flux(
        *casts.balance, base, start=top, **casts.sigmas, rule=rule, n_casts=len(casts.heads), min_samples=min_samples
    )
    found = found._replace(flux=-found.flux)
    unknown = join_words(no_top, no_base)
    unknown = np.where(top > base, "the upper depth is below the lower one", unknown)
    doubts = all_words(casts, sea, relation, measured, deep_tolerance)
    reason, flag = judge(found, unknown, doubts, casts.notes, max_gap_m)
    table = _rows(casts, 1).assign(upper_m=top[:, 0], lower_m=base[:, 0], method="th234_ss", integration=rule)
    table = _filled(table, "remineralisation", found, reason, flag)
    thickness = (table["lower_m"] - table["upper_m"]).where(lambda metres: metres > 0)
    for name in ("remineralisation", "remineralisation_sigma"):
        table[name.replace("remineralisation", "remineralisation_per_m")] = table[name] / thickness
    return table[[
        *KEYS, "upper_m", "lower_m", "remineralisation", "remineralisation_sigma", "sigma_measurement", "sigma_common",
        "sigma_integration", "remineralisation_per_m", "remineralisation_per_m_sigma", "method", "integration",
        "u238_source", "n_samples", "flag", "reason",
    ]]  # fmt: skip


def budget(
    samples, depths=(100.0,), relation="owens2011", rule="trapezoid", covariates=None, *, measured=True,
    min_samples=MIN_SAMPLES,
):  # fmt: skip
    """Steady-state fluxes with the inventories of 234Th behind them and the time it stays.

    Parameters
    ----------
    samples, depths, relation, rule, covariates, measured, min_samples
        As in `fluxes`.

    Returns
    -------
    DataFrame
        As `fluxes`, and th234_inventory, deficit_inventory, deficit_inventory_sigma (dpm m-2, from 0 m to depth_m) and
        residence_time_d (days until 234Th sinks out; missing where there is no flux downward).
    """
    table = fluxes(samples, depths, relation, rule, covariates, measured=measured, min_samples=min_samples)
    casts = gather(samples, relation, measured)
    targets = table["depth_m"].to_numpy().reshape(len(casts.heads), len(parse_depths(depths)))
    th = np.where(np.isfinite(casts.u), casts.th, np.nan)
    total = thorium.integrate(casts.depth, th, casts.cast, targets, rule=rule, n_casts=len(casts.heads)).value
    inventory = np.where(table["th234_flux"].isna(), np.nan, total.ravel())
    return table.assign(
        th234_inventory=inventory, deficit_inventory=thorium.deficit_inventory(table["th234_flux"]),
        deficit_inventory_sigma=thorium.deficit_inventory(table["th234_flux_sigma"]),
        residence_time_d=thorium.residence_time(inventory, table["th234_flux"]),
    )  # fmt: skip


# --- What a choice does --------------------------------------------------------------------------------------


def choices(samples, depth_m=100.0, relation="owens2011", rule="trapezoid"):
    """What each choice, and two mistakes, do to the flux of each cast at one depth.

    Parameters
    ----------
    samples : DataFrame
        As in `fluxes`; with temperature and salinity the choices of density and pressure are there too.
    depth_m : float
        m.
    relation, rule : str
        As in `fluxes`: what the others are compared with.

    Returns
    -------
    DataFrame
        cast_id, choice, th234_flux, and change against `relation`, `rule` (dpm m-2 d-1). 238U is from salinity
        throughout, so that the relations can be compared. Where temperature or salinity is known at all, samples
        without them are left out of every choice, the base included: a bottle less would look like an effect.
    """
    import gsw

    plain = samples.copy()
    if {"salinity", "temperature"} <= set(samples):
        plain = plain[plain[["salinity", "temperature"]].notna().all(axis=1)]
        samples = plain if plain["th234_total"].notna().any() else samples.drop(columns="temperature")
        plain = samples.copy()
    variants = {f"238U: {name}": (plain, name, rule) for name in U238_RELATIONS if name != relation}
    variants |= {f"rule: {name}": (plain, relation, name) for name in thorium.RULES if name != rule}
    if {"salinity", "temperature"} <= set(samples):
        pressure = gsw.p_from_z(-samples["depth_m"].to_numpy(float), samples["latitude"].to_numpy(float))
        on_deck, in_situ = _density(samples, 0.0), _density(samples, pressure)
        total = samples["th234_total"]
        variants["density at depth"] = plain.assign(th234_total=total * in_situ / on_deck), relation, rule
        variants["pressure taken for depth"] = plain.assign(depth_m=pressure), relation, rule
        variants["mistake: density left out"] = plain.assign(th234_total=total / on_deck), relation, rule
    base = fluxes(plain, [depth_m], relation, rule, measured=False)[["cast_id", "th234_flux"]]
    parts = [
        fluxes(s, [depth_m], r, i, measured=False)[["cast_id", "th234_flux"]].assign(choice=name)
        for name, (s, r, i) in variants.items()
    ]
    table = pd.concat([base.assign(choice=f"{relation}, {rule}"), *parts], ignore_index=True)
    change = table["th234_flux"] - table["cast_id"].map(base.set_index("cast_id")["th234_flux"])
    return table.assign(change=change)[["cast_id", "choice", "th234_flux", "change"]]


def _density(samples, pressure):
    """Density of sea water in kg L-1."""
    import gsw

    lat, lon = samples["latitude"].to_numpy(float), samples["longitude"].to_numpy(float)
    salinity = gsw.SA_from_SP(samples["salinity"].to_numpy(float), pressure, lon, lat)
    return gsw.rho_t_exact(salinity, samples["temperature"].to_numpy(float), pressure) / 1000.0
