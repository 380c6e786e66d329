"""Time maps against naive uses of the same models and against Abil, and measure the memory of large grids.

Run with `python benchmarks/maps.py` after `make book` (it takes table, model and covariates of runs/twin): minutes.
Goals: rows in order and in large blocks at least 2 times as fast as shuffled rows, or as small chunks, for the forest;
spread over trees at least 2.5 times as fast as the stack of all trees; with intervals at least 8 times the rows per
second of Abil, a peer with the same kind of forest; under 3 GB whatever the grid, and time in step with its cells.
Abil has an environment of its own, made here (some 500 MB in the temporary folder); where that fails, one line says so.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from timing import best_of

from seaofcarbon import blocks, files, maps
from seaofcarbon.learn import features, models

CHUNK, SPREAD_ROWS, SPREAD_CHUNK = 20_000, 100_000, 4_000
STEP = 1 / 24  # degrees, about 4 km
OCEAN_CELLS = 20e6  # of a 4-km grid
LEVELS = np.linspace(0.0, 250.0, 26)
ABIL = "abil==26.5.4.post2"
ABIL_HOME = Path(tempfile.gettempdir()) / "seaofcarbon-abil"

BY_ABIL = """
import json, pathlib, sys, time
import numpy as np, pandas as pd
from joblib import parallel_backend
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import KFold
from abil.unified_tree_or_bag import estimate_prediction_quantiles

kept, settings, n_trees, threads = np.load(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
names = [f"x{k}" for k in range(kept["X"].shape[1])]
table, y = pd.DataFrame(kept["X"], columns=names), pd.Series(kept["y"])
forest = RandomForestRegressor(n_trees, random_state=0, **settings).fit(table, y)
found = []
for n in (1000, len(kept["rows"]) // 4, len(kept["rows"])):  # as abil.predict.export_prediction does it, less the file
    rows, began = pd.DataFrame(kept["rows"][:n], columns=names), time.perf_counter()
    with parallel_backend("loky", n_jobs=threads):
        out = estimate_prediction_quantiles(forest, rows, table, y, cv=KFold(5), random_state=0)["predict_stats"]
        out["mean"] = forest.predict(rows)
    found.append([n, time.perf_counter() - began])
told = pathlib.Path("/proc/self/status").read_text()
print(json.dumps([*found[1:], int(told.split("VmHWM:")[1].split()[0]) / 2**20]))  # the first call starts the workers
"""
"""What Abil does in its own environment."""


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


def abil_python():
    """Python of Abil's environment, which is made when it is not there; a line instead of it when that fails."""
    python = ABIL_HOME / "bin" / "python"
    steps = [sys.executable, "-m", "venv", ABIL_HOME], [python, "-m", "pip", "install", "--quiet", ABIL]
    try:
        if subprocess.run([python, "-c", "import abil"], capture_output=True).returncode == 0:
            return python, ""
    except OSError:
        pass
    for step in steps:
        try:
            subprocess.run(step, check=True, capture_output=True, timeout=600)
        except (OSError, subprocess.SubprocessError) as problem:
            return None, f"{ABIL} cannot be installed ({type(problem).__name__})"
    return python, ""


def in_threads(function, X, threads=2, block=100_000):
    """Call a function on blocks of rows, some at a time, as maps do."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda start: function(X[start : start + block]), range(0, len(X), block)))


def against_abil(model, covariates, table, n):
    """Rows per second with intervals: ours and Abil's, one after the other, two threads each."""
    print(f"intervals, side by side with {ABIL}: the same table and settings of the forest, two threads")
    X = rows_of(model, covariates, 4 * n)
    rates = []
    for layers in (("prediction", "lower", "upper"), ("prediction", "lower", "upper", "applicable")):
        seconds, _ = best_of(in_threads, lambda rows, which=layers: model.predict_matrix(rows, which=which), X)
        rate = len(X) / seconds
        print(f"    Sea of Carbon          {seconds:7.2f} s, {rate:,.0f} rows/s (forest, XGBoost, {', '.join(layers)})")
        rates.append(rate)
    python, why = abil_python()
    if not python:
        print(f"    not compared: {why}")
        return
    table = table[table["target"] == model.target]
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "kept.npz"
        table_X, y = features.matrix(table, model.features), features.transform(table["value"], model.target)
        np.savez(kept, X=table_X, y=y, rows=X[:n])
        settings = [json.dumps(model.card["settings"]["rf"]), str(len(model.rf.estimators_)), "2"]
        try:
            done = subprocess.run(
                [python, "-c", BY_ABIL, kept, *settings], check=True, capture_output=True, text=True, timeout=1200
            )
        except (OSError, subprocess.SubprocessError) as problem:
            print(f"    not compared: Abil did not end well ({type(problem).__name__})")
            return
    (few, short), (many, long), peak = json.loads(done.stdout.splitlines()[-1])
    slope = (many - few) / (long - short)
    print(f"    Abil                   {long:7.2f} s, {many / long:,.0f} rows/s, peak {peak:.2f} GB (forest only)")
    print(f"    Abil, less its start   {slope:,.0f} rows/s (from {few:,} and {many:,} rows)")
    print(f"    ratio                  {rates[0] * long / many:7.1f} in all, {rates[0] / slope:.1f} less its start")


def year_1_degree(model, path, n_depths):
    """Twelve months with interval and both models on the grid of the run."""
    covariates = files.read_netcdf(path)
    with tempfile.TemporaryDirectory() as folder:
        store = blocks.write_zarr(model, covariates, f"{folder}/maps.zarr", depths_m=np.linspace(0, 250, n_depths))
        return int(blocks.read_zarr(store)[model.target].notnull().sum())


def part_4_km(model, path, degrees):
    """One month at 100 m on a 1/24-degree grid, 60 degrees of longitude wide in the Pacific, from 40 S northward."""
    covariates = files.read_netcdf(path, chunks={}).sel(lat=slice(-40, -40 + degrees), lon=slice(-180, -120))
    with tempfile.TemporaryDirectory() as folder:
        store = blocks.write_zarr(model, maps.finer(covariates, STEP), f"{folder}/maps.zarr", months=[6])
        return int(blocks.read_zarr(store)[model.target].notnull().sum())


def row_4_km(model, path, rows):
    """The same on some rows of the whole earth, as wide as a map of 4 km is."""
    covariates = files.read_netcdf(path, chunks={}).sel(lat=slice(-40, -40 + rows))
    with tempfile.TemporaryDirectory() as folder:
        store = blocks.write_zarr(model, maps.finer(covariates, STEP), f"{folder}/maps.zarr", months=[6])
        return int(blocks.read_zarr(store)[model.target].notnull().sum())


ALONE = {"year": year_1_degree, "part": part_4_km, "wide": row_4_km}


def alone(what, size, run):
    """Run one of `ALONE` in a process of its own: numbers predicted, seconds, peak memory in GB."""
    command = [sys.executable, __file__, "--run", str(run), "--alone", what, "--size", str(size)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("runs/twin"), help="folder with model and covariates.nc")
    parser.add_argument("--rows", type=int, default=400_000, help="rows predicted in comparisons")
    parser.add_argument("--depths", type=int, default=4, help="depths of the 1-degree year; the goal is for 26")
    parser.add_argument("--parts", type=int, nargs="+", default=[6, 12, 24], help="degrees of latitude at 4 km")
    parser.add_argument("--abil-rows", type=int, default=200_000, help="rows that Abil predicts too")
    parser.add_argument("--alone", choices=ALONE, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    model, path = models.load(args.run / "model"), args.run / "covariates.nc"
    if args.alone:
        began = time.perf_counter()
        n = ALONE[args.alone](model, path, args.size)
        # not ru_maxrss, which a process inherits from the one that started it
        peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 2**20
        print(json.dumps([n, time.perf_counter() - began, peak]))
        return
    covariates = files.read_netcdf(path)
    order_and_blocks(model, covariates, args.rows)
    spread(model, covariates)
    against_abil(model, covariates, pd.read_parquet(args.run / "training.parquet"), args.abil_rows)
    print(
        f"1-degree year, 12 months, {model.target} with interval, both models and applicability, two threads, to Zarr"
    )
    n, seconds, peak = alone("year", args.depths, args.run)
    print(
        f"    {args.depths} depths: {n:,} predictions, {seconds:.0f} s, {n / seconds:,.0f} a second, peak {peak:.2f} GB"
    )
    print(f"    26 depths, linear extrapolation: {seconds * 26 / args.depths:.0f} s (blocks and peak stay as they are)")
    print(f"1/24-degree grid (inputs interpolated from 1 degree), June, 100 m, {model.target} as above, two threads")
    for what, width, sizes in (("part", 60, args.parts), ("wide", 360, args.parts[::2])):
        for size in sizes:
            n, seconds, peak = alone(what, size, args.run)
            print(
                f"    {size} x {width} degrees: {n:,} predictions, {seconds:.0f} s, {n / seconds:,.0f} a second, "
                f"peak {peak:.2f} GB"
            )
    minutes = seconds * OCEAN_CELLS / n / 60
    print(f"    {OCEAN_CELLS:,.0f} cells of the world, extrapolated in a straight line: {minutes:.0f} minutes a month")


if __name__ == "__main__":
    main()
