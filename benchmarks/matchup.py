"""Match-up of 60,000 points with the climatology, and with a field of twenty real years: seconds, memory, and ratios.

The plain way beside it: xarray's own pointwise interpolation of one field, which knows neither land nor the date line.
"""

import time
import tracemalloc

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon import catalog, ocean
from seaofcarbon.vocabulary import COVARIATES

N_POINTS = 60_000
NAMES = tuple(name for name in COVARIATES if name not in ("npp", "chlorophyll", "euphotic_depth"))


def points(seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "time": pd.Timestamp("2003-02-01") + pd.to_timedelta(rng.uniform(0, 6500, N_POINTS), unit="D"),
        "latitude": np.degrees(np.arcsin(rng.uniform(-1, 1, N_POINTS))), "longitude": rng.uniform(-180, 180, N_POINTS),
        "depth_m": rng.uniform(0, 250, N_POINTS),
    })  # fmt: skip


def years(sea):
    """Made-up NPP of 240 months on the grid of the climatology."""
    when = pd.date_range("2003-01-01", periods=240, freq="MS") + pd.Timedelta(days=14)
    values = np.random.default_rng(1).gamma(2.0, 200.0, (240, sea.sizes["lat"], sea.sizes["lon"])).astype("f4")
    dims = {"time": when, "lat": sea["lat"], "lon": sea["lon"]}
    return xr.Dataset({"npp": (tuple(dims), values, {"units": "mg m-2 d-1"})}, coords=dims)


def timed(work):
    tracemalloc.start()
    begin = time.perf_counter()
    work()
    seconds, peak = time.perf_counter() - begin, tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return seconds, peak


def plain(sea, table):
    pick = {name: xr.DataArray(table[column].to_numpy(), dims="point") for name, column in
            (("lat", "latitude"), ("lon", "longitude"), ("depth", "depth_m"))}  # fmt: skip
    month = xr.DataArray(table["time"].dt.month.to_numpy(), dims="point")
    return sea["temperature"].interp(month=month, **pick)


def main():
    sea, table = catalog.climatology(), points()
    real = ocean.year_matched(sea.assign(npp=sea["sst"] * 0 + 1.0), years(sea))
    rows = {
        f"{len(NAMES)} fields of the climatology": lambda: ocean.match(table, sea, names=NAMES),
        "the same and NPP of its own month": lambda: ocean.match(table, real, names=(*NAMES, "npp")),
        "one field by xarray.interp": lambda: plain(sea, table),
    }
    print(f"match-up of {N_POINTS:,} points")
    for name, work in rows.items():
        seconds, peak = timed(work)
        print(f"{name:38s} {seconds:6.2f} s {peak:7.0f} MB")


if __name__ == "__main__":
    main()
