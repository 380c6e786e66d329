"""The twin as judge of a map: what better lessons would have taught the same models; whether intervals hold at sea."""

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon.learn import judge
from seaofcarbon.learn.models import Model
from seaofcarbon.maps.grid import predict_grid

LESSONS = {
    "noise-free values": judge.noise_free,
    "the ordinary year": judge.climatology,
}
"""What the casts would have told without noise and gaps, and without the anomalies of campaign and station as well."""

YEARS = (1990, 2020)
"""Years in which cruises are sent out to try the intervals: pulses fall on other days in each."""


def taught(learner, table, covariates, depth_m):
    """Maps of the same models, had they learnt the truth at the same casts.

    Parameters
    ----------
    learner : learn.models.Model
        The model of the map: its settings, features and seed are used again.
    table : DataFrame
        The rows that it learnt from.
    covariates : Dataset
        `ocean.covariates`.
    depth_m : float
        m.

    Returns
    -------
    dict of str to DataArray, dims (month, lat, lon)
        By lesson, see `LESSONS`.
    """
    found = {}
    for lesson, truth in LESSONS.items():
        known = table.assign(value=truth(table, learner.target)).dropna(subset="value").reset_index(drop=True)
        card = learner.card
        model = Model.fit(known, learner.target, learner.features, card["settings"], seed=card["seed"], threads=2)
        drawn = predict_grid(model, covariates, depths_m=(depth_m,), layers=["prediction"])
        found[lesson] = drawn[learner.target].isel(depth=0)
    return found


def coverage_at_sea(layer, target, depth_m, sigma, n=20_000, seed=0):
    """Share of truths that lie in the intervals of a map, at random places and months of the twin.

    Parameters
    ----------
    layer : Dataset, dims (month, lat, lon)
        A map at one depth, with `<target>_lower`, `<target>_upper` and `applicable`.
    target : "th234_flux" | "poc_flux"
    depth_m : float
        m.
    sigma : array
        Standard errors of measured values (unit of the target), of which each cruise draws one.
    n : int
        Cruises sent out, evenly over the globe; those on land find nothing.
    seed : int

    Returns
    -------
    DataFrame
        what, area (all | inside), places, coverage, below, above (shares).
    """
    rng = np.random.default_rng(seed)
    month = rng.choice(layer["month"].to_numpy(), n)
    where = {"lat": np.degrees(np.arcsin(rng.uniform(-1, 1, n))), "lon": rng.uniform(-180, 180, n)}
    at = {axis: xr.DataArray(values, dims="cruise") for axis, values in (where | {"month": month}).items()}
    layers = layer[[f"{target}_lower", f"{target}_upper", "applicable"]]
    # all three at once: by month alone there would be a map for each cruise
    cells = layers.sel(at, method="nearest").to_dataframe()
    day = [f"{year}-{m:02d}-15" for year, m in zip(rng.integers(*YEARS, n), month, strict=True)]
    points = pd.DataFrame({
        "cruise": [f"J{k:05d}" for k in range(n)], "station": "1", "time": pd.to_datetime(day),
        "latitude": cells["lat"].to_numpy(), "longitude": cells["lon"].to_numpy(), "depth_m": depth_m,
    })  # fmt: skip
    met = judge.noise_free(points, target)
    truths = {
        "the ordinary year": judge.climatology(points, target),
        "what a cruise meets": met,
        "what a cruise measures": met + rng.normal(size=n) * rng.choice(np.asarray(sigma), n),
    }
    lower, upper = cells[f"{target}_lower"].to_numpy(), cells[f"{target}_upper"].to_numpy()
    rows = []
    for what, truth in truths.items():
        known = np.isfinite(truth) & np.isfinite(lower)
        for area, here in {"all": known, "inside": known & (cells["applicable"].to_numpy() == 1)}.items():
            low, high = truth[here] < lower[here], truth[here] > upper[here]
            rows.append({
                "what": what, "area": area, "places": int(here.sum()), "coverage": float(1 - (low | high).mean()),
                "below": float(low.mean()), "above": float(high.mean()),
            })  # fmt: skip
    return pd.DataFrame(rows)
