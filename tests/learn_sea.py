"""A small sea and a table to learn from, with a known law, for the tests of learning."""

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon.learn.campaigns import campaigns
from seaofcarbon.vocabulary import FEATURE_SETS

SEED = FEATURE_SETS["seed"]


def table(n_cruises=40, casts=5, depths=(25, 50, 100, 150), target="th234_flux", seed=0, noise=0.3):
    """Values of one target in well separated campaigns: a law of temperature and NPP plus an anomaly per campaign."""
    rng = np.random.default_rng(seed)
    n, d = n_cruises * casts, len(depths)
    cruise = np.repeat(np.arange(n_cruises), casts)
    # a lattice of places 30 degrees apart and two months between cruises: no two are one campaign by chance
    latitude = (-60 + 20 * (cruise % 7) + rng.uniform(-1, 1, n)).repeat(d)
    longitude = ((-170 + 37 * cruise + rng.uniform(-1, 1, n) + 180) % 360 - 180).repeat(d)
    time = (pd.Timestamp("1995-01-03") + pd.to_timedelta(61 * cruise + rng.integers(0, 5, n), unit="D")).repeat(d)
    depth = np.tile(depths, n).astype(float)
    npp = np.exp(rng.normal(6, 0.6, n)).repeat(d)
    temperature = np.clip(28 - 0.4 * np.abs(latitude) - 0.02 * depth + rng.normal(0, 1, n * d), -2, 30)
    law = 1.0 - 0.05 * temperature + 0.5 * np.log(npp / 400) - 0.5 * np.log(depth / 100)
    y = law + noise * rng.normal(size=n_cruises)[cruise].repeat(d) + 0.1 * rng.normal(size=n * d)
    value = 500 * np.sinh(y) if target == "th234_flux" else 10**y
    cast = np.char.add("cast", np.arange(n).astype(str)).repeat(d)
    out = pd.DataFrame({
        "cast_id": cast, "source_id": "made", "cruise": cruise.repeat(d).astype(str), "station": "1", "time": time,
        "latitude": latitude, "longitude": longitude, "depth_m": depth, "target": target, "value": value,
        "sigma": np.nan, "method": "th234_ss",
        "temperature": temperature, "npp": npp, "chlorophyll": npp / 1000, "sst": temperature,
        "euphotic_depth": 60.0,
    })  # fmt: skip
    return out.assign(campaign=campaigns(out))


def covariates():
    """A 10-degree sea without land but in the box 20-60 N, 0-60 E, with fields that are easy to know."""
    lat, lon, depth = np.arange(-85.0, 90, 10), np.arange(-175.0, 180, 10), np.array([0.0, 100.0, 300.0])
    ones = xr.DataArray(np.ones((12, 18, 36), "f4"), {"month": np.arange(1, 13), "lat": lat, "lon": lon})
    land = (ones["lat"] > 20) & (ones["lat"] < 60) & (ones["lon"] > 0) & (ones["lon"] < 60)
    sst = (28 - 0.4 * np.abs(ones["lat"])) * ones
    warm = sst.expand_dims(depth=depth) - 0.02 * xr.DataArray(depth, dims="depth", coords={"depth": depth})
    fields = {
        "sst": sst, "temperature": warm.transpose("month", "depth", "lat", "lon"),
        "npp": 400 * ones, "chlorophyll": 0.4 * ones,
        "mixed_layer_depth": 30 * ones, "nitrate": warm * 0 + 1, "bottom_depth": 4000 * ones.isel(month=0, drop=True),
        "euphotic_depth": 60 * ones,
    }  # fmt: skip
    return xr.Dataset(fields).where(~land).astype("f4")
