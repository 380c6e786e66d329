"""From samples to a table of 234Th fluxes: one row for each cast and depth, each missing flux with its reason.

The arithmetic is in `thorium`; here samples become arrays, depths become targets, and words become of codes.
"""

import difflib
from pathlib import Path

import numpy as np
import pandas as pd

from seaofcarbon import ocean, records, thorium
from seaofcarbon.files import KEY_RANGES, UserError, checked_numbers, checked_times, read_csv, refuse_cells
from seaofcarbon.vocabulary import FLAG_GOOD, FLAG_MISSING, FLAG_QUESTIONABLE, LITRES_PER_M3, U238_RELATIONS, VARIABLES

DEPTH_KINDS = ("equilibrium", "ez", "ppz", "mld")
"""Depths that belong to a cast: Th = U, base of the euphotic zone (0.1 % light), of primary production, mixed layer."""
_FIELDS = {"ez": "euphotic_depth_01", "mld": "mixed_layer_depth"}

MIN_SAMPLES = 3
MAX_GAP_M = 150.0  # wider than that between samples, and the flux below is flagged
DEEPEST_TARGET_M = 1000.0
PPZ_SHARE = 0.1  # of the fluorescence maximum

KEYS = ["cast_id", "source_id", "cruise", "station", "time", "latitude", "longitude"]
COLUMNS = [
    *KEYS, "depth_kind", "depth_m", "th234_flux", "th234_flux_sigma", "sigma_measurement", "sigma_common", "method",
    "integration", "u238_source", "n_samples", "flag", "reason",
]  # fmt: skip


# --- Samples -> arrays -----------------------------------------------------------------------------------


def uranium(samples, relation="owens2011", measured=True):
    """238U of each sample: measured where there is a value, else from salinity.

    Missing salinities between known ones of the same cast are interpolated (`thorium.fill_gaps`).

    Parameters
    ----------
    samples : DataFrame
        cast_id, depth_m, and u238 (+ u238_sigma) or salinity, or both.
    relation : str
        A name in `vocabulary.U238_RELATIONS`.
    measured : bool
        False leaves measured values aside.

    Returns
    -------
    DataFrame
        u238, u238_sigma (measurement), u238_common (error of the relation, shared by the cast), dpm L-1; u238_source.

    Raises
    ------
    UserError
        If the relation is unknown.
    """
    if relation not in U238_RELATIONS:
        raise UserError(f"238U relation {relation!r} is unknown: use one of {', '.join(U238_RELATIONS)}")
    salinity = _column(samples, "salinity")
    salinity = thorium.fill_gaps(samples["depth_m"], salinity, pd.factorize(samples["cast_id"])[0])
    seen = _column(samples, "u238") if measured else np.full(len(samples), np.nan)
    has = np.isfinite(seen)
    u238 = np.where(has, seen, thorium.u238_from_salinity(salinity, relation))
    source = np.where(has, "measured", np.where(np.isfinite(u238), relation, ""))
    return pd.DataFrame({
        "u238": u238, "u238_sigma": np.where(has, _column(samples, "u238_sigma"), 0.0),
        "u238_common": np.where(has, 0.0, U238_RELATIONS[relation].sigma_dpm_l), "u238_source": source,
    }, index=samples.index)  # fmt: skip


def _column(df, name):
    return df[name].to_numpy(float) if name in df else np.full(len(df), np.nan)


def _with_thorium(samples):
    """Casts that have any total 234Th: their samples, the index of the cast of each, and one head row per cast."""
    has = np.isfinite(_column(samples, "th234_total"))
    samples = samples[samples["cast_id"].isin(samples["cast_id"][has])]
    cast, _ = pd.factorize(samples["cast_id"])
    heads = samples.reindex(columns=KEYS)[~samples["cast_id"].duplicated()].reset_index(drop=True)
    return samples, cast, heads


# --- Depths ----------------------------------------------------------------------------------------------


def parse_depths(depths):
    """Check the depths that are wanted: numbers in m (also as text) and the words in `DEPTH_KINDS`.

    Raises
    ------
    UserError
        Naming the depth that is neither.

    Examples
    --------
    >>> parse_depths(["100", 50, "equilibrium", 100.0])
    [100.0, 50.0, 'equilibrium']
    """
    wanted = []
    for depth in [depths] if np.ndim(depths) == 0 else depths:
        if depth in DEPTH_KINDS:
            wanted.append(depth)
            continue
        try:
            number = float(depth)
        except (TypeError, ValueError):
            number = np.nan
        if not 0 <= number <= DEEPEST_TARGET_M:
            words = ", ".join(DEPTH_KINDS)
            raise UserError(f"depth {depth!r}: give metres from 0 to {DEEPEST_TARGET_M:.0f}, or one of {words}")
        wanted.append(number)
    return list(dict.fromkeys(wanted))


def _production_zone(samples, cast, n_casts):
    """Depth below the fluorescence maximum at which fluorescence falls to a tenth of it."""
    light, depth = _column(samples, "fluorescence"), samples["depth_m"].to_numpy(float)
    top = np.full(n_casts, -np.inf)
    np.maximum.at(top, cast[np.isfinite(light)], light[np.isfinite(light)])
    at_top = np.full(n_casts, np.inf)
    peak = light == top[cast]
    np.minimum.at(at_top, cast[peak], depth[peak])
    below = np.where(depth >= at_top[cast], light, np.nan)
    return thorium.equilibrium_depth(depth, PPZ_SHARE * top[cast], below, cast, n_casts)


def _targets(wanted, samples, cast, heads, u238, covariates):
    """Target depths (n_casts, n_depths), and why one is unknown."""
    fields = [_FIELDS[kind] for kind in wanted if kind in _FIELDS]
    if fields and covariates is not None:
        sea = ocean.match(heads.assign(depth_m=0.0), covariates, names=fields)
    columns, reasons = [], []
    for kind in wanted:
        reason = np.full(len(heads), "", dtype=object)
        if kind == "equilibrium":
            depth = thorium.equilibrium_depth(samples["depth_m"], samples["th234_total"], u238, cast, len(heads))
            reason[:] = "no equilibrium above the last sample"
        elif kind == "ppz":
            depth = _production_zone(samples, cast, len(heads))
            reason[:] = "no fall of fluorescence to a tenth of its maximum" if "fluorescence" in samples else (
                "no fluorescence")  # fmt: skip
        elif kind in _FIELDS and covariates is None:
            depth = np.full(len(heads), np.nan)
            reason[:] = f"no covariate: {_FIELDS[kind]}"
        elif kind in _FIELDS:
            depth = sea[_FIELDS[kind]].to_numpy(float)
            reason[:] = np.where(sea["covariate_reason"] == "land", "land", f"no covariate: {_FIELDS[kind]}")
        else:
            depth = np.full(len(heads), kind)
        columns.append(depth)
        reasons.append(np.where(np.isnan(depth), reason, ""))
    return np.stack(columns, axis=1), np.stack(reasons, axis=1)


# --- Fluxes ------------------------------------------------------------------------------------------------


def deep_ratio(samples, relation="owens2011", measured=True):
    """Th/U of each cast below 300 m (below 500 m where three samples or more lie there): 1 if all is well.

    Parameters
    ----------
    samples : DataFrame
        As in `fluxes`.

    Returns
    -------
    DataFrame
        By cast_id: n (samples), ratio (mean Th/U), sigma (of the mean, from measurement; NaN if unknown). Casts without
        a deep sample are left out.
    """
    u = uranium(samples, relation, measured)["u238"].to_numpy()
    deep = samples.reindex(columns=["cast_id", "depth_m"]).assign(
        ratio=_column(samples, "th234_total") / u, square=(_column(samples, "th234_total_sigma") / u) ** 2
    )
    deep = deep[(deep["depth_m"] > 300) & np.isfinite(deep["ratio"])]
    deeper = deep["depth_m"] > 500
    enough = deeper.groupby(deep["cast_id"]).transform("sum") >= 3
    by_cast = deep[deeper | ~enough].groupby("cast_id")
    mean = by_cast.agg(
        n=("ratio", "size"), ratio=("ratio", "mean"), square=("square", "mean"), known=("square", "count")
    )
    sigma = np.sqrt(mean["square"] / mean["n"]).where(mean["known"] == mean["n"])
    return mean[["n", "ratio"]].assign(sigma=sigma)


def _deep_words(samples, heads, relation, measured, tolerance):
    """Words for the casts whose deep 234Th is not in equilibrium: off by more than `tolerance` and than two sigma."""
    deep = deep_ratio(samples, relation, measured).reindex(heads["cast_id"])
    off = (deep["ratio"] - 1).abs()
    off = (off > tolerance) & ~(off < 2 * deep["sigma"])
    words = deep["ratio"].map("deep_equilibrium {:.2f}".format)
    return np.where(off, words, "").astype(object)


def fluxes(
    samples, depths=(100.0,), relation="owens2011", rule="trapezoid", covariates=None, *, measured=True,
    min_samples=MIN_SAMPLES, max_gap_m=MAX_GAP_M, deep_tolerance=0.05,
):  # fmt: skip
    """Steady-state 234Th flux of each cast at each depth.

    Parameters
    ----------
    samples : DataFrame
        One row per cast and depth, as from `records.to_samples` or `read_wide_csv`: cast_id, source_id, cruise,
        station, time, latitude, longitude, depth_m (m), th234_total, th234_total_sigma, u238, u238_sigma (dpm L-1),
        salinity.
    depths : sequence of float or str
        Metres, "equilibrium", "ez", "ppz", "mld".
    relation : str
        238U from salinity where it was not measured: a name in `vocabulary.U238_RELATIONS`.
    rule : {"trapezoid", "layers"}
        Integration, see `thorium.integrate`.
    covariates : Dataset, optional
        As from `ocean.covariates`; needed for "ez" and "mld".
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
        in dpm m-2 d-1: th234_flux_sigma joins sigma_measurement (independent between bottles) and sigma_common (error
        of the 238U relation). flag: 1 good, 3 questionable, 9 missing; `reason` says why, also where only sigma is
        missing.

    Raises
    ------
    UserError
        If a depth, relation or rule is unknown.
    """
    wanted = parse_depths(depths)
    if rule not in thorium.RULES:
        raise UserError(f"integration rule {rule!r} is unknown: use one of {', '.join(thorium.RULES)}")
    samples, cast, heads = _with_thorium(samples)
    u = uranium(samples, relation, measured)
    targets, unknown = _targets(wanted, samples, cast, heads, u["u238"], covariates)
    found = thorium.steady_state_flux(
        samples["depth_m"], LITRES_PER_M3 * _column(samples, "th234_total"), LITRES_PER_M3 * u["u238"], cast, targets,
        th_sigma=LITRES_PER_M3 * _column(samples, "th234_total_sigma"), u_sigma=LITRES_PER_M3 * u["u238_sigma"],
        u_common_sigma=LITRES_PER_M3 * u["u238_common"], rule=rule, n_casts=len(heads), min_samples=min_samples,
    )  # fmt: skip
    reason = np.array(thorium.REASONS, dtype=object)[found.reason]
    reason = np.where(reason == "no target depth", unknown, reason)
    missing = np.isnan(found.flux)
    doubts = [
        np.where(found.gap > max_gap_m, f"gap of more than {max_gap_m:.0f} m", ""),
        _deep_words(samples, heads, relation, measured, deep_tolerance)[:, None],
    ]
    flag = np.full(reason.shape, FLAG_GOOD, dtype=np.int8)
    for doubt in doubts:
        doubt = np.where(missing, "", doubt)
        flag[doubt != ""] = FLAG_QUESTIONABLE
        reason = reason + np.where((doubt != "") & (reason != ""), "; ", "") + doubt
    flag[missing] = FLAG_MISSING

    n = len(wanted)
    table = heads.loc[heads.index.repeat(n)].reset_index(drop=True)
    kinds = [kind if isinstance(kind, str) else "fixed" for kind in wanted]
    sigma = np.hypot(found.sigma_measurement, found.sigma_common)
    return table.assign(
        depth_kind=np.tile(kinds, len(heads)), depth_m=targets.ravel(), th234_flux=found.flux.ravel(),
        th234_flux_sigma=sigma.ravel(), sigma_measurement=found.sigma_measurement.ravel(),
        sigma_common=found.sigma_common.ravel(), method="th234_ss", integration=rule,
        u238_source=np.repeat(_sources(samples, cast, u["u238_source"], len(heads)), n),
        n_samples=found.n_samples.ravel(), flag=flag.ravel(), reason=reason.ravel().astype(str),
    )[COLUMNS]  # fmt: skip


def _sources(samples, cast, source, n_casts):
    """How the 238U beside the 234Th of each cast was had: measured, a relation, or both joined by +."""
    has = np.isfinite(_column(samples, "th234_total"))
    seen = np.bincount(cast[has & (source == "measured")], minlength=n_casts) > 0
    derived = np.bincount(cast[has & (source != "measured") & (source != "")], minlength=n_casts) > 0
    relation = next((s for s in source if s not in ("", "measured")), "")
    return np.select([seen & derived, seen, derived], [f"measured+{relation}", "measured", relation], default="")


# --- What a choice does --------------------------------------------------------------------------------------


def choices(samples, depth_m=100.0, relation="owens2011", rule="trapezoid"):
    """What each choice, and two mistakes, do to the flux of each cast at one depth.

    Parameters
    ----------
    samples : DataFrame
        As in `fluxes`; with temperature and salinity the choices of density and pressure are there too.
    depth_m : float
        m.

    Returns
    -------
    DataFrame
        cast_id, choice, th234_flux, and change against `relation`, `rule` (dpm m-2 d-1). 238U is from salinity
        throughout, so that the relations can be compared.
    """
    import gsw

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
        base.assign(choice=name, th234_flux=fluxes(s, [depth_m], r, i, measured=False)["th234_flux"].to_numpy())
        for name, (s, r, i) in variants.items()
    ]
    table = pd.concat([base.assign(choice=f"{relation}, {rule}"), *parts], ignore_index=True)
    reference = np.tile(base["th234_flux"].to_numpy(), len(parts) + 1)
    return table.assign(change=table["th234_flux"] - reference)[["cast_id", "choice", "th234_flux", "change"]]


def _density(samples, pressure):
    """Density of sea water in kg L-1."""
    import gsw

    lat, lon = samples["latitude"].to_numpy(float), samples["longitude"].to_numpy(float)
    salinity = gsw.SA_from_SP(samples["salinity"].to_numpy(float), pressure, lon, lat)
    return gsw.rho_t_exact(salinity, samples["temperature"].to_numpy(float), pressure) / 1000.0


# --- Files ---------------------------------------------------------------------------------------------------

_NEEDED = ("cruise", "station", "time", "latitude", "longitude", "depth_m", "th234_total")
_MISSING = ["", "nd", "n.d.", "ND", "NA", "nan", "NaN", "-999", "-999.0", "-9999", "-9999.0"]


def _check_columns(names, path):
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise UserError(f"{path}: column {twice[0]} is there twice: rename or remove one")
    wanted = [name for name in _NEEDED if name not in names]
    if not wanted and not {"u238", "salinity"} & set(names):
        wanted = ["u238 or salinity"]
    if wanted:
        near = difflib.get_close_matches(wanted[0], [name for name in names if name not in _NEEDED], 1, 0.5)
        mend = f"rename the column {near[0]!r}" if near else f"add it (columns here: {', '.join(names)})"
        raise UserError(f"{path}: column {wanted[0]} is missing: {mend}")


def read_wide_csv(path):
    """Read a table with one row per sample and one column per quantity.

    Parameters
    ----------
    path : str or Path
        CSV with cruise, station, time (ISO 8601), latitude, longitude, depth_m, th234_total (dpm L-1), and u238
        (dpm L-1) or salinity; th234_total_sigma, u238_sigma, temperature, fluorescence if known. Empty, nd, NA and -999
        are missing.

    Returns
    -------
    DataFrame
        Samples as from `records.to_samples`.

    Raises
    ------
    UserError
        One line with file, row (1 is the header) and column, and what would mend it.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no file {path}: check its name")
    # Without a header to pandas, the index is the row in the file less one, and times are still text.
    options = {"header": None, "dtype": str, "skip_blank_lines": False, "skipinitialspace": True}
    table = read_csv(path, na_values=_MISSING, encoding="utf-8-sig", **options)
    names = [str(name).strip() for name in table.iloc[0].fillna("")]
    _check_columns(names, path)
    df = table.iloc[1:].set_axis(names, axis=1).dropna(how="all")
    if df.empty:
        raise UserError(f"{path} holds no samples: add rows below the header")
    times = checked_times(df["time"], path)
    known = [name for name in names if name in KEY_RANGES or name.removesuffix("_sigma") in VARIABLES]
    numbers = {name: checked_numbers(df[name], path) for name in known}
    for name in ("time", "latitude", "longitude", "depth_m"):
        refuse_cells(df[name].isna(), df[name], path, "and has to be filled, or the row left out")
    df = df.assign(**numbers, time=times, source_id=path.name)
    df["longitude"] = ocean.wrap(df["longitude"])
    df["cast_id"] = records.cast_ids(df)
    rest = [name for name in known if name not in KEY_RANGES]
    return df[[*KEYS, "depth_m", *rest]].sort_values(["cast_id", "depth_m"], kind="stable").reset_index(drop=True)


def read_samples(path):
    """Read samples from a file of records (Parquet, or CSV with a column `variable`) or from a wide CSV.

    Raises
    ------
    UserError
        If the file is neither, or holds no total 234Th.
    """
    path = Path(path)
    if path.suffix == ".csv":
        if not path.is_file():
            raise UserError(f"no file {path}: check its name")
        if "variable" not in read_csv(path, nrows=0).columns:
            return read_wide_csv(path)
    samples = records.to_samples(records.read(path))
    if "th234_total" not in samples or samples["th234_total"].isna().all():
        raise UserError(f"{path} has no usable total 234Th: a flux needs records of th234_total")
    return samples
