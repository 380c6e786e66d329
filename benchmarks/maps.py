"""Time maps against naive uses of the same models with the same predictions, and measure the memory of large grids.

Run with `python benchmarks/maps.py` after `make book` (it takes model and covariates of runs/twin), some minutes.
Goals: rows in order and in large blocks at least 2 times as fast as shuffled rows, or as small chunks, for the forest;
spread over trees at least 2.5 times as fast as the stack of all trees; under 3 GB whatever the grid.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import xarray as xr

from seaofcarbon import blocks, files, maps
from seaofcarbon.learn import models

CHUNK, SPREAD_ROWS, SPREAD_CHUNK = 20_000, 100_000, 4_000
STEP = 1 / 24  # degrees, about 4 km
OCEAN_CELLS = 20e6  # of a 4-km grid
LEVELS = np.linspace(0.0, 250.0, 26)


def rows_of(model, covariates, n):
    """Feature rows of the sea as maps make them: cell, month, depth innermost."""
    lat = covariates["lat"].size // 3
    part = covariates.isel(lat=slice(lat, lat + 20))
    columns = list(maps.grid_features(part, LEVELS[::5], model.features).values())
    shape = np.broadcast_shapes(*(column.shape for column in columns))
    matrix = np.stack([np.broadcast_to(column, shape).ravel() for column in columns], axis=1)
    return np.ascontiguousarray(matrix[np.isfinite(matrix).all(axis=1)][:n])


def in_chunks(predict, X):
    """Predict 20,000 rows at a time."""
    return np.concatenate([predict(X[k : k + CHUNK]) for k in range(0, len(X), CHUNK)])


def best_of(function, *args, times=2):
    """Shortest of several runs, in seconds, and the result."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        result = function(*args)
        seconds.append(time.perf_counter() - began)
    return min(seconds), result


def order_and_blocks(model, covariates, n):
    """Rows in order and one block, against shuffled rows and against small chunks."""
    X = rows_of(model, covariates, n)
    mixed = np.random.default_rng(0).permutation(len(X))
    for kind in models.KINDS:
        predict = getattr(model, kind).predict
        plain, expected = best_of(predict, X)
        print(f"{kind}: {len(X):,} rows, ordered, one float32 block {plain:7.2f} s, {len(X) / plain:,.0f} rows/s")
        for what, other, order in (
            ("row-shuffled", lambda rows, p=predict: p(rows), mixed),
            ("20k chunks, ordered", lambda rows, p=predict: in_chunks(p, rows), np.arange(len(X))),
            ("20k chunks, shuffled", lambda rows, p=predict: in_chunks(p, rows), mixed),
        ):
            seconds, found = best_of(other, np.ascontiguousarray(X[order]))
            assert np.array_equal(found, expected[order])
            print(f"    {what:22s} {seconds:7.2f} s, ratio {seconds / plain:.2f}")


def naive_spread(forest, X):
    """Standard deviation and two quantiles over trees from one array of all of them."""
    values = np.stack([tree.predict(X) for tree in forest.estimators_])
    return values.std(axis=0), *np.quantile(values, [0.05, 0.95], axis=0, method="inverted_cdf")


def bounded_spread(forest, X, threads=2):
    """The same in chunks of some 1,000 rows, with a partition instead of a sort: memory does not grow with the rows."""
    trees = [tree.tree_ for tree in forest.estimators_]
    ranks = [int(np.ceil(q * len(trees))) - 1 for q in (0.05, 0.95)]

    def of(start):
        values = np.stack([tree.predict(X[start : start + SPREAD_CHUNK])[:, 0] for tree in trees])
        sd = values.std(axis=0)
        return sd, *np.partition(values, ranks, axis=0)[ranks]

    with ThreadPoolExecutor(threads) as pool:
        return tuple(map(np.concatenate, zip(*pool.map(of, range(0, len(X), SPREAD_CHUNK)), strict=True)))


def peak_mb(function, *args):
    """Most memory that arrays of a call take."""
    tracemalloc.start()
    function(*args)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return peak


def spread(model, covariates):
    """Spread over trees against the naive stack."""
    X = rows_of(model, covariates, SPREAD_ROWS)
    slow, naive = best_of(naive_spread, model.rf, X, times=1)
    fast, bounded = best_of(bounded_spread, model.rf, X)
    for a, b in zip(naive, bounded, strict=True):
        assert np.array_equal(a, b)
    few = X[: len(X) // 4]
    print(f"spread over {len(model.rf.estimators_)} trees, {len(X):,} rows, standard deviation and two quantiles")
    for what, seconds, function in (("stack of all trees", slow, naive_spread), ("chunks", fast, bounded_spread)):
        memory = peak_mb(function, model.rf, few), peak_mb(function, model.rf, X)
        print(f"    {what:22s} {seconds:7.2f} s, {memory[1]:,.0f} MB (a quarter of the rows: {memory[0]:,.0f} MB)")
    print(f"    ratio                  {slow / fast:7.2f}")


def between(ds, dim, at):
    """Linear between the cells of a grid, lazily."""
    here = np.interp(at, ds[dim], np.arange(ds.sizes[dim]))
    low = np.minimum(here.astype(int), ds.sizes[dim] - 2)
    weight = xr.DataArray((here - low).astype("float32"), dims=dim)
    lower, upper = (ds.isel({dim: k}).drop_vars(dim) for k in (low, low + 1))
    return (lower * (1 - weight) + upper * weight).assign_coords({dim: at})


def year_1_degree(model, path, n_depths):
    """Twelve months with interval and both models on the grid of the run."""
    covariates = files.read_netcdf(path)
    with tempfile.TemporaryDirectory() as folder:
        store = blocks.write_zarr(model, covariates, f"{folder}/maps.zarr", depths_m=np.linspace(0, 250, n_depths))
        return int(blocks.read_zarr(store)[model.target].notnull().sum())


def part_4_km(model, path, n_lat):
    """One month at 100 m on rows of latitude of a 1/24-degree grid from 40 S northward, interpolated lazily."""
    covariates = files.read_netcdf(path, chunks={})
    covariates = covariates[[name for name in covariates.data_vars if name in model.features]].sel(month=[6])
    lat = -40 + STEP * (np.arange(n_lat) + 0.5)
    fine = between(covariates, "lat", lat).chunk(lat=50)
    fine = between(fine, "lon", -180 + STEP * (np.arange(8640) + 0.5)).transpose(*covariates["temperature"].dims)
    with tempfile.TemporaryDirectory() as folder:
        store = blocks.write_zarr(model, fine, f"{folder}/maps.zarr", months=[6], depths_m=[100.0])
        return int(blocks.read_zarr(store)[model.target].notnull().sum())


ALONE = {"year": year_1_degree, "part": part_4_km}


def alone(what, size, run):
    """Run one of `ALONE` in a process of its own: numbers predicted, seconds, peak memory in GB."""
    command = [sys.executable, __file__, "--run", str(run), "--alone", what, "--size", str(size)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("runs/twin"), help="folder with model and covariates.nc")
    parser.add_argument("--rows", type=int, default=400_000, help="rows predicted in comparisons")
    parser.add_argument("--depths", type=int, default=4, help="depths of the 1-degree year; the goal is for 26")
    parser.add_argument("--lat-rows", type=int, default=100, help="rows of 1/24 degree; 960 are 40 degrees")
    parser.add_argument("--alone", choices=ALONE, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    model, path = models.load(args.run / "model"), args.run / "covariates.nc"
    if args.alone:
        began = time.perf_counter()
        n = ALONE[args.alone](model, path, args.size)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # kB on Linux
        print(json.dumps([n, time.perf_counter() - began, peak]))
        return
    covariates = files.read_netcdf(path)
    order_and_blocks(model, covariates, args.rows)
    spread(model, covariates)
    print(
        f"1-degree year, 12 months, {model.target} with interval, both models and applicability, two threads, to Zarr"
    )
    n, seconds, peak = alone("year", args.depths, args.run)
    print(
        f"    {args.depths} depths: {n:,} predictions, {seconds:.0f} s, {n / seconds:,.0f} a second, peak {peak:.2f} GB"
    )
    print(f"    26 depths, linear extrapolation: {seconds * 26 / args.depths:.0f} s (blocks and peak stay as they are)")
    print(
        f"part of a 1/24-degree grid (inputs interpolated from 1 degree), one month, one depth, {model.target} as above"
    )
    for n_lat in (args.lat_rows // 2, args.lat_rows):
        n, seconds, peak = alone("part", n_lat, args.run)
        print(f"    {n_lat} rows x 8640: {n:,} predictions, {seconds:.0f} s, peak {peak:.2f} GB")
    print(f"    {OCEAN_CELLS:,.0f} cells, linear extrapolation: {seconds * OCEAN_CELLS / n / 60:.0f} minutes a month")


if __name__ == "__main__":
    main()
