"""Maps: predict on a grid at any depth and month, and what maps are read for: means, seasons, blooms, sites, budgets.

Months are weighted by their days, cells by their area. Sums of carbon are in Pg C yr-1.
"""

from functools import reduce

import dask
import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon import carbon, ocean, published, thorium
from seaofcarbon.files import UserError
from seaofcarbon.learn import features
from seaofcarbon.vocabulary import (
    CARBON_G_PER_MOL,
    LAMBDA_TH234_PER_D,
    LITRES_PER_M3,
    MAX_DEPTH_M,
    SITES,
    VARIABLES,
    Site,
)

MONTHS = tuple(range(1, 13))

DAYS_IN_MONTH = xr.DataArray(
    [31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31],
    dims="month",
    coords={"month": list(MONTHS)},
    attrs={"units": "d"},
)
"""Days of each month of a mean Gregorian year; they add up to 365.25."""

BLOCK_ROWS = 400_000
"""Rows predicted at a time: large enough for speed, small enough for memory. Blocks do not depend on the workers."""

SHELF_M = 200.0
"""Where the sea floor is shallower, a cell counts as shelf."""

MAX_SITE_KM = 100.0
"""A site whose nearest sea cell is further away is on land for this grid."""

LAW_TOP_M = 10.0
"""A power law of depth has no end at the surface: above this depth it keeps the value it has here."""

BAND_EDGES = (-90, -60, -40, -23, -10, 10, 23, 40, 60, 90)
"""Latitude bands, in degrees north, in which 234Th-derived fluxes have been summarised."""

PG_PER_MMOL = CARBON_G_PER_MOL * 1e-3 * 1e-15

LAYERS = {
    "prediction": "{}",
    "lower": "{}_lower",
    "upper": "{}_upper",
    "rf": "{}_rf",
    "xgb": "{}_xgb",
    "applicable": "applicable",
}
"""What can be mapped, and the name it has in the file."""

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


# --- Depths ------------------------------------------------------------------------------------------


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
    kind : {"ez", "ppz", "mld"}
        `ez`: 0.1 % light; `ppz`: primary production zone. A climatology has no fluorescence profile, so the deeper of
        the 1 % light depth and the mixed layer stands for it; `mld`: mixed layer.

    Returns
    -------
    DataArray, shape (month, lat, lon)
        m; missing where it is deeper than 250 m: there the maps say nothing.

    Raises
    ------
    UserError
        When the kind is unknown.
    """
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


# --- Prediction --------------------------------------------------------------------------------------


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
    day = (
        2 * np.pi / ocean.YEAR_D * covariates["month"].copy(data=ocean.month_day()[covariates["month"].to_numpy() - 1])
    )
    made = {
        "depth_m": depth if isinstance(depth, xr.DataArray) else xr.DataArray(depth, dims="depth"),
        "latitude": covariates["lat"],
        "longitude_sin": np.sin(longitude),
        "longitude_cos": np.cos(longitude),
        "day_sin": np.sin(day),
        "day_cos": np.cos(day),
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
        known &= np.isfinite(column)
        if name == "npp":
            known &= column > 0  # polar night: nothing grows, and no ship was there
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


def predict_grid(model, covariates, months=MONTHS, depths_m=(100.0,), kind="fixed", layers=None, workers=2):
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
    kind : {"fixed", "ez", "ppz", "mld"}
        With another kind than `fixed` the depth varies by cell and month: see `depth_used`.
    layers : sequence of str, optional
        Some of `LAYERS`; all by default.
    workers : int
        Threads. The result is the same to the bit for any number.

    Returns
    -------
    Dataset, dims (month, depth, lat, lon), float32
        `<target>`, `<target>_lower`, `<target>_upper`, `<target>_rf`, `<target>_xgb` and `applicable` (1 inside,
        0 outside, -1 no prediction). Land, and sea whose inputs are missing or which is dark, is NaN. For another kind
        than `fixed` also `depth_used` (month, lat, lon), and the one depth is its mean over the sea.

    Raises
    ------
    UserError
        When a month, depth or kind does not exist.
    """
    if not len(months) or not set(months) <= set(MONTHS):
        raise UserError(f"months={list(months)}: months are numbers from 1 to 12")
    layers = tuple(layers or LAYERS)
    covariates = covariates.sel(month=list(months))
    if kind == "fixed":
        depth = levels = np.asarray(_checked(depths_m))
    else:
        depth = depth_used(covariates, kind)
        levels = np.array([float(area_weighted_mean(depth))])
    step = max(1, BLOCK_ROWS // (covariates.sizes["lon"] * len(months) * len(levels)))
    bands = [slice(start, start + step) for start in range(0, covariates.sizes["lat"], step)]
    jobs = [
        dask.delayed(predict_block, pure=False, traverse=False)(
            model, covariates.isel(lat=band), depth if kind == "fixed" else depth.isel(lat=band), layers
        )
        for band in bands
    ]
    blocks = dask.compute(*jobs, scheduler="threads" if workers > 1 else "synchronous", num_workers=workers)
    ds = xr.Dataset(
        coords={
            "month": list(months),
            "depth": levels.astype(float),
            "lat": covariates["lat"],
            "lon": covariates["lon"],
        }
    )
    for layer in layers:
        if layer == "applicable":
            attrs = APPLICABLE_ATTRS | {"long_name": f"inside the area of applicability of the {model.target} model"}
        else:
            attrs = {"units": VARIABLES[model.target].unit}
        values = np.concatenate([block[layer] for block in blocks], axis=2)
        ds[LAYERS[layer].format(model.target)] = (("month", "depth", "lat", "lon"), values, attrs)
    return ds if kind == "fixed" else ds.assign(depth_used=depth)


def at_depth(ds, depth_m):
    """Layer of a map file at the depth that is shown; the only layer, where the map follows light or mixed layer.

    Raises
    ------
    UserError
        When the map has no such depth.
    """
    if "depth_used" in ds:
        return ds.isel(depth=0)
    if not np.isclose(ds["depth"], depth_m).any():
        there = ", ".join(f"{depth:g}" for depth in ds["depth"].to_numpy())
        raise UserError(f"the map has no depth {depth_m:g} m (it has {there}): run 05-maps with -p depth_m={depth_m:g}")
    return ds.sel(depth=depth_m, method="nearest")


def applicable(ds, *targets):
    """Where the models of all the targets may speak, as for a product of two of them.

    Parameters
    ----------
    ds : Dataset
        Map file: `applicable` belongs to the target that has an interval, `applicable_<target>` to each other one.
    *targets : str

    Returns
    -------
    DataArray of int8
        1 inside for all, 0 outside for one or more, -1 no prediction.

    Raises
    ------
    UserError
        When the map does not say it for a target.
    """
    layers = {t: "applicable" if f"{t}_lower" in ds else f"applicable_{t}" for t in targets}
    for target, name in layers.items():
        if name not in ds:
            raise UserError(f"the map does not say where the {target} model is applicable: run 05-maps again")
    long_name = f"inside the area of applicability of the {' and the '.join(targets)} model"
    inside = reduce(np.minimum, [ds[name] for name in layers.values()])
    return inside.rename("applicable").assign_attrs(APPLICABLE_ATTRS | {"long_name": long_name})


def check_interval(ds, target, profile="twin"):
    """Refuse a map file without the interval of a target: only the main target of 05-maps has one.

    Raises
    ------
    UserError
        Naming the command that maps the target.
    """
    if f"{target}_lower" not in ds:
        raise UserError(
            f"the map has no 90 % interval of {target}, which was not the main target of its 05-maps: use `seaofcarbon "
            f"run 05-maps 06-seasons --profile {profile} --name {target} -p target={target}`"
        )


def depth_name(ds, depth_m):
    """Words for the depth that is shown, as "100 m" or "the base of the mixed layer (58 m on average)"."""
    if "depth_used" in ds:
        kind = ds["depth_used"].attrs.get("kind_name", "depth of its own")
        return f"the {kind} ({float(ds['depth'][0]):.0f} m on average)"
    return f"{depth_m:g} m"


# --- Means over the sea and the year -----------------------------------------------------------------


def implied_thorium(flux, salinity):
    """Concentration of 234Th that maps of its flux imply: what a layer loses downward is its deficit times lambda.

    Steady state without transport: Th = U - (dP/dz) / lambda, with 238U from salinity (Owens et al. 2011). A flux and a
    concentration that were learnt apart need not agree.

    Parameters
    ----------
    flux : DataArray, dims (..., depth)
        234Th flux, dpm m-2 d-1, at fixed depths (m).
    salinity : DataArray, dims (depth, ...)
        Practical salinity at depths of its own.

    Returns
    -------
    DataArray
        dpm L-1, at the middles of the depths of `flux`.
    """
    step, middle = flux["depth"].diff("depth", label="upper"), flux["depth"].rolling(depth=2).mean().dropna("depth")
    loss = flux.diff("depth", label="upper") / step
    loss = loss.assign_coords(depth=middle.to_numpy())
    uranium = xr.apply_ufunc(thorium.u238_from_salinity, salinity.interp(depth=loss["depth"]))
    implied = uranium - loss / LAMBDA_TH234_PER_D / LITRES_PER_M3
    return implied.rename("th234_total").assign_attrs(units=VARIABLES["th234_total"].unit)


def weights(da):
    """Area of each cell (m2) times the days of each month, where the field has months."""
    step = float(abs(da["lon"][1] - da["lon"][0])) if da.sizes.get("lon", 1) > 1 else 1.0
    area = ocean.cell_area(da["lat"], step)
    return area * DAYS_IN_MONTH.sel(month=da["month"]) if "month" in da.dims else area


def area_weighted_mean(da):
    """Mean over the cells (and months) that have a value; other dimensions are kept."""
    return da.weighted(weights(da)).mean([d for d in ("month", "lat", "lon") if d in da.dims])


def annual_mean(da):
    """Mean over the months that have a value, each weighted by its days."""
    return da.weighted(DAYS_IN_MONTH.sel(month=da["month"])).mean("month", keep_attrs=True)


def seasonal_mean(da):
    """Mean of each season of the hemisphere a cell is in: winter is December to February north, June to August south.

    Parameters
    ----------
    da : DataArray, dims (month, lat, ...)

    Returns
    -------
    DataArray, dims (season, lat, ...)
    """
    season = xr.DataArray(
        ocean.season_of(da["month"].to_numpy()[:, None], da["lat"].to_numpy()[None, :]),
        dims=("month", "lat"),
        coords={"month": da["month"], "lat": da["lat"]},
    )
    return (
        xr.concat(
            [annual_mean(da.where(season == index)) for index in range(4)],
            dim=xr.Variable("season", list(ocean.SEASONS)),
        )
        .rename(da.name)
        .assign_attrs(da.attrs)
    )


def bloom_split(da, bloom):
    """Means in bloom and out of bloom of the cells that bloom, their ratio, and the mean of the cells that never do.

    Parameters
    ----------
    da : DataArray, dims (month, lat, lon)
    bloom : Dataset
        As `ocean.bloom` gives it.

    Returns
    -------
    Dataset, dims (lat, lon): bloom, non_bloom, ratio, no_bloom
    """
    blooms = bloom["bloom_class"] == 1
    inside = annual_mean(da.where(bloom["in_bloom"] & blooms))
    outside = annual_mean(da.where(~bloom["in_bloom"] & blooms))
    ratio = (inside / outside).where(outside > 0)
    return xr.Dataset(
        {
            "bloom": inside,
            "non_bloom": outside,
            "ratio": ratio.drop_attrs().assign_attrs(units="1", long_name="flux in bloom over flux out of bloom"),
            "no_bloom": annual_mean(da.where(~blooms)),
        },
        attrs={"target": da.name},
    )


def agreement(predicted, truth):
    """How well a map meets another, over the area: R2, bias, root mean square error, correlation.

    Parameters
    ----------
    predicted, truth : DataArray, same dims
        Cells where either is missing do not count.

    Returns
    -------
    dict
        r2, bias, rmse, correlation, mean_predicted, mean_truth; bias is predicted minus truth.
    """
    both = np.isfinite(predicted) & np.isfinite(truth)
    w = weights(both).broadcast_like(both).where(both, 0.0).to_numpy()
    w = w / w.sum()
    p, t = predicted.transpose(*both.dims).fillna(0).to_numpy(), truth.transpose(*both.dims).fillna(0).to_numpy()
    mean_p, mean_t = (w * p).sum(), (w * t).sum()
    error, spread_p, spread_t = (w * (p - t) ** 2).sum(), (w * (p - mean_p) ** 2).sum(), (w * (t - mean_t) ** 2).sum()
    covariance = (w * (p - mean_p) * (t - mean_t)).sum()
    return {
        "r2": 1 - error / spread_t,
        "bias": mean_p - mean_t,
        "rmse": error**0.5,
        "correlation": covariance / (spread_p * spread_t) ** 0.5,
        "mean_predicted": mean_p,
        "mean_truth": mean_t,
    }


# --- Sites -------------------------------------------------------------------------------------------


def site_cells(covariates, extra=None):
    """Cell of the grid that stands for each site, and why, where none does.

    Parameters
    ----------
    covariates : Dataset
    extra : dict of str to Site, optional
        Sites besides those of the vocabulary.

    Returns
    -------
    DataFrame
        site, latitude, longitude, note, reason, cell_latitude, cell_longitude, distance_km, bottom_depth_m. A site
        with a `reason` gets no number.
    """
    sites = SITES | (extra or {})
    df = pd.DataFrame(
        {
            "site": list(sites),
            "latitude": [s.latitude for s in sites.values()],
            "longitude": [ocean.wrap(s.longitude) for s in sites.values()],
            "note": [s.note for s in sites.values()],
            "reason": [s.no_number for s in sites.values()],
        }
    )
    ilat, ilon, distance = ocean.nearest_sea_cell(df["latitude"].to_numpy(), df["longitude"].to_numpy(), covariates)
    df["cell_latitude"], df["cell_longitude"] = covariates["lat"].to_numpy()[ilat], covariates["lon"].to_numpy()[ilon]
    df["distance_km"] = distance
    df["bottom_depth_m"] = covariates["bottom_depth"].to_numpy()[ilat, ilon]
    far = (df["distance_km"] > MAX_SITE_KM) & (df["reason"] == "")
    df.loc[far, "reason"] = (
        "on land: the nearest sea cell is " + df["distance_km"].round().astype(int).astype(str) + " km away"
    )
    return df


def site_year(ds, sites, target):
    """The year at each site: one row per site, month and depth.

    Parameters
    ----------
    ds : Dataset, dims (month, depth, lat, lon)
        From `predict_grid`.
    sites : DataFrame
        From `site_cells`; sites with a reason give no row.
    target : str

    Returns
    -------
    DataFrame
        site, latitude, longitude, cell_latitude, cell_longitude, distance_km, bottom_depth_m, month, depth_m, the
        target, its `_lower` and `_upper`, applicable.
    """
    open_sites = sites[sites["reason"] == ""]
    at = {
        axis: xr.DataArray(
            open_sites[f"cell_{name}"].to_numpy(), dims="site", coords={"site": open_sites["site"].to_numpy()}
        )
        for axis, name in (("lat", "latitude"), ("lon", "longitude"))
    }
    names = [n for n in (target, f"{target}_lower", f"{target}_upper", "applicable") if n in ds]
    values = (
        ds[names].sel(at).drop_vars(["lat", "lon"]).transpose("site", "month", "depth").to_dataframe().reset_index()
    )
    keep = ["site", "latitude", "longitude", "cell_latitude", "cell_longitude", "distance_km", "bottom_depth_m"]
    return open_sites[keep].merge(values.rename(columns={"depth": "depth_m"}), on="site")


def own_site(latitude, longitude):
    """A place of one's own, as `site_cells` takes it; nothing where it is one of the vocabulary's sites."""
    longitude = ocean.wrap(longitude)
    if any((site.latitude, site.longitude) == (latitude, longitude) for site in SITES.values()):
        return {}
    return {f"{_degrees(latitude, 'NS')} {_degrees(longitude, 'EW')}": Site(latitude, longitude, "your place")}


def _number(value):
    """Three digits without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _degrees(value, letters):
    return f"{abs(value):g}°{letters[int(value < 0)]}"


def site_sentences(sites, year, target, depth_m):
    """What can be said of each site, one plain sentence or two.

    Parameters
    ----------
    sites : DataFrame
        From `site_cells`.
    year : DataFrame
        From `site_year`.
    target : str
    depth_m : float
        m, one of the depths of `year`.

    Returns
    -------
    list of str
        Markdown, one item a site.
    """
    unit = VARIABLES[target].unit
    here = year[np.isclose(year["depth_m"], depth_m)].dropna(subset=[target]).groupby("site")
    means = here[[target, f"{target}_lower", f"{target}_upper"]].mean()
    months, inside = here.size(), here["applicable"].sum()
    sentences = []
    for site in sites.itertuples():
        place = (
            f"cell {_degrees(site.cell_latitude, 'NS')} {_degrees(site.cell_longitude, 'EW')}, "
            f"{site.distance_km:.0f} km away, sea floor at {site.bottom_depth_m:.0f} m"
        )
        if site.reason:
            text = f"no number: {site.reason} ({place})."
        elif site.site not in means.index:
            text = f"no number: inputs are missing at this depth, or the sea floor is above it ({place})."
        else:
            mean, low, high = means.loc[site.site]
            text = (
                f"{_number(mean)} {unit}, mean of {months[site.site]} months; monthly 90 % intervals reach from "
                f"{_number(low)} to {_number(high)} on average ({place})."
            )
            outside = months[site.site] - inside[site.site]
            if outside:
                text += f" In {outside} of these months this is extrapolation: no training data are like this sea."
        sentences.append(f"- **{site.site}**: {text}")
    return sentences


# --- Budgets -----------------------------------------------------------------------------------------


def latitude_band(lat):
    """Name of the latitude band of each latitude, as "40-60N"; the tropical one is "10S-10N".

    Examples
    --------
    >>> latitude_band([-75.0, 0.0, 45.5]).tolist()
    ['60-90S', '10S-10N', '40-60N']
    """
    names = [
        f"{-low}S-{high}N" if low < 0 < high else f"{-high}-{-low}S" if high <= 0 else f"{low}-{high}N"
        for low, high in zip(BAND_EDGES[:-1], BAND_EDGES[1:], strict=True)
    ]
    return np.array(names)[np.clip(np.searchsorted(BAND_EDGES, lat, side="right") - 1, 0, len(names) - 1)]


def regions(da):
    """Region names of each cell, by kind: the globe, basins, latitude bands.

    Returns
    -------
    dict of str to ndarray of str, shape (lat, lon)
    """
    lat, lon = np.meshgrid(da["lat"].to_numpy(), da["lon"].to_numpy(), indexing="ij")
    return {"global": np.full(lat.shape, "global"), "basin": ocean.basin(lat, lon), "band": latitude_band(lat)}


def integrate_poc(poc_flux, sea=None, applicable=None, bottom_depth=None):
    """Carbon that sinks in a year, over the globe, by basin and by latitude band.

    Parameters
    ----------
    poc_flux : DataArray, dims (month, lat, lon)
        mmol m-2 d-1. A month and cell without a value adds nothing; `area_share` says how much that is.
    sea : DataArray of bool, dims (lat, lon), optional
        Sea cells, for the share of area and months that has a value.
    applicable : DataArray, dims (month, lat, lon), optional
        1 inside the area of applicability, 0 outside.
    bottom_depth : DataArray, dims (lat, lon), optional
        m.

    Returns
    -------
    DataFrame
        region_kind, region, total_pg_yr, area_m2 (mean over the year), mean_flux (mmol m-2 d-1), area_share,
        share_outside (share of the total that lies outside the area of applicability), share_shelf (share above a
        bottom of 200 m).
    """
    poc_flux = poc_flux.transpose("month", "lat", "lon")
    w = weights(poc_flux).transpose("month", "lat").to_numpy()[:, :, None]
    value = poc_flux.to_numpy().astype("float64")
    known = np.isfinite(value)
    flux = np.where(known, value, 0.0) * w
    parts = {"flux": flux.sum(0), "known": (known * w).sum(0)}
    if sea is not None:
        parts["sea"] = w.sum(0) * sea.transpose("lat", "lon").to_numpy()
    if applicable is not None:
        parts["outside"] = np.where(applicable.transpose("month", "lat", "lon").to_numpy() == 0, flux, 0.0).sum(0)
    if bottom_depth is not None:
        parts["shelf"] = np.where(bottom_depth.transpose("lat", "lon").to_numpy() < SHELF_M, parts["flux"], 0.0)
    cells = pd.DataFrame({name: part.ravel() for name, part in parts.items()})
    tables = []
    for kind, names in regions(poc_flux).items():
        table = cells.groupby(names.ravel(), sort=False).sum().rename_axis("region").reset_index()
        tables.append(table.assign(region_kind=kind))
    df = pd.concat(tables, ignore_index=True)
    df = df[df.get("sea", df["known"]) > 0].reset_index(drop=True)
    nothing = pd.Series(np.nan, df.index)
    return pd.DataFrame(
        {
            "region_kind": df["region_kind"],
            "region": df["region"],
            "total_pg_yr": df["flux"] * PG_PER_MMOL,
            "area_m2": df["known"] / float(DAYS_IN_MONTH.sel(month=poc_flux["month"]).sum()),
            "mean_flux": df["flux"] / df["known"],
            "area_share": df["known"] / df.get("sea", nothing),
            "share_outside": df.get("outside", nothing) / df["flux"],
            "share_shelf": df.get("shelf", nothing) / df["flux"],
        }
    )


def region_ratio(numerator, denominator):
    """Ratio of two fields by region as the ratio of their area-weighted sums, over the cells and months that have both.

    Parameters
    ----------
    numerator, denominator : DataArray, dims (month, lat, lon)
        In the same unit.

    Returns
    -------
    DataFrame
        region_kind, region, ratio.
    """
    both = np.isfinite(numerator) & np.isfinite(denominator)
    top, bottom = (integrate_poc(field.where(both)) for field in (numerator, denominator))
    return top[["region_kind", "region"]].assign(ratio=top["total_pg_yr"] / bottom["total_pg_yr"])


def at_published(facts, ds, target):
    """Values of a map where and when others published one.

    Parameters
    ----------
    facts : DataFrame
        Catalogue entry `published_export_values`.
    ds : Dataset, dims (month, depth, lat, lon)
        From `predict_grid`, at fixed depths.
    target : str
        Quantity; rows of others are left out.

    Returns
    -------
    DataFrame
        key, doi, region, depth_m, method, published, published_low, published_high (in the unit inside), predicted,
        lower, upper (means over the box and months of the row), applicable (1 where at least half of them are inside).
        A row without a depth is compared at 100 m, one without a date with the year's mean; rows that meet no sea are
        left out.
    """
    df = published.values(facts, {"c_th": "c_th_ratio"}.get(target, target))
    out = df[["key", "doi", "region", "depth_m", "method", "published", "published_low", "published_high"]].copy()
    months = published.in_months(df)[:, ds["month"].to_numpy() - 1].astype(float)
    lat, lon = np.meshgrid(ds["lat"], ds["lon"], indexing="ij")
    area = weights(ds["lat"]).to_numpy()[:, None].repeat(ds.sizes["lon"], axis=1).ravel()
    box = published.in_box(df, lat.ravel(), lon.ravel()) * area
    depth = df["depth_m"].to_numpy()

    def mean_of(da):
        """Mean over box and months at each depth of the map, then linear in depth: shape (rows,)."""
        values = da.transpose("depth", "month", "lat", "lon").to_numpy().astype(float)
        values = values.reshape(*values.shape[:2], -1)
        known = np.isfinite(values)
        top = np.einsum("fm,dmc,fc->fd", months, np.where(known, values, 0.0), box, optimize=True)
        bottom = np.einsum("fm,dmc,fc->fd", months, known.astype(float), box, optimize=True)
        table = xr.DataArray(
            top / np.where(bottom > 0, bottom, np.nan), dims=("row", "depth"), coords={"depth": ds["depth"]}
        )
        if table.sizes["depth"] == 1:
            return np.where(np.isclose(depth, ds["depth"][0]), table[:, 0], np.nan)
        return table.interp(depth=xr.DataArray(depth, dims="row")).to_numpy()

    for name, column in ((target, "predicted"), (f"{target}_lower", "lower"), (f"{target}_upper", "upper")):
        out[column] = mean_of(ds[name])
    out["applicable"] = (mean_of(ds["applicable"].where(ds[target].notnull())) >= 0.5).astype(int)
    return out.dropna(subset=["predicted"]).reset_index(drop=True)


def ratio_of_law(depth, law):
    """C:Th on a map from a power law of depth: its middle value, and its mean.

    The ratio scatters about the law by a factor. Taken as lognormal, its mean is exp(s^2 / 2) times the middle value,
    with s the logarithm of that factor: for the ratio what `smear` is for a model.

    Parameters
    ----------
    depth : DataArray
        m; above 10 m the ratio is that of 10 m.
    law : carbon.PowerLaw

    Returns
    -------
    middle, mean : DataArray, of the shape of `depth`
        umol dpm-1.
    """
    attrs = {"units": VARIABLES["c_th"].unit}
    ratio = carbon.power_law(np.maximum(depth.to_numpy(), LAW_TOP_M), law)
    middle = depth.copy(data=ratio).rename("c_th").drop_attrs().assign_attrs(attrs)
    return middle, (middle * np.exp(np.log(law.scatter) ** 2 / 2)).assign_attrs(attrs)


def smear(prediction, model):
    """Mean of a quantity from a model that predicts it on another scale (Duan 1983).

    A model trained on the log of a flux gives, turned back, a middle value, which lies below the mean when the scatter
    is wide. Means and totals need the mean: the residuals of campaigns that the model had not seen are added to the
    prediction on the model's scale, and the results averaged. Scatter of the measurements themselves is in those
    residuals too, so that this is an upper bound where they are noisy.

    Parameters
    ----------
    prediction : DataArray
        In the unit of the quantity.
    model : learn.models.Model
        Its card holds the quantiles of the held-out residuals.

    Returns
    -------
    DataArray, of the shape of `prediction`

    Raises
    ------
    UserError
        When the card has no residuals.
    """
    if "residuals" not in model.card:
        raise UserError(f"the card of the {model.target} model holds no residuals: run 04-tune again")
    quantiles = np.asarray(model.card["residuals"]["quantiles"], "float32")
    at = features.transform(prediction.to_numpy(), model.target).astype("float32")
    total = np.zeros(at.shape)
    for quantile in quantiles:
        total += features.inverse(at + quantile, model.target)
    return prediction.copy(data=(total / len(quantiles)).astype(prediction.dtype))
