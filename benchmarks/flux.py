"""Time the vectorised 234Th fluxes against a plain loop over casts with pandas: 5,000 casts, 12 samples, 26 depths.

Run with `python benchmarks/flux.py`. Goal: about 50 ms and 200 times the loop, with the same numbers.
"""

import tracemalloc

import numpy as np
import pandas as pd
from timing import best_of

from seaofcarbon import thorium

N_CASTS, N_SAMPLES, LOOP_CASTS = 5000, 12, 500
TARGETS = np.linspace(0.0, 250.0, 26)
SIGMA, COMMON = 50.0, 47.0  # dpm m-3


def made_up_casts(seed=0):
    """Ragged casts in dpm m-3, a deficit that fades with depth plus noise."""
    rng = np.random.default_rng(seed)
    depth = np.sort(rng.uniform(5, 500, (N_CASTS, N_SAMPLES)), axis=1)
    u = np.full(depth.shape, 2430.0)
    th = u * (1 - 0.4 * np.exp(-depth / 80)) + rng.normal(0, SIGMA, depth.shape)
    cast = np.repeat(np.arange(N_CASTS), N_SAMPLES)
    return pd.DataFrame({"cast": cast, "depth": depth.ravel(), "th": th.ravel(), "u": u.ravel()})


def loop(df):
    """Flux and the three sigmas the plain way: group by cast, and for each target cut, interpolate and add up."""
    decay, rows = thorium.decay_constant(), []
    for number, cast in df.groupby("cast"):
        cast = cast.sort_values("depth")
        z, deficit = cast["depth"].to_numpy(), (cast["u"] - cast["th"]).to_numpy()
        change = (1 - thorium.TRANSITION) ** 2 * np.maximum(np.diff(deficit) ** 2 - 2 * SIGMA**2, 0)
        for target in TARGETS:
            if target > z[-1]:
                rows.append((number, target, np.nan, np.nan, np.nan, np.nan))
                continue
            above = z[z < target]
            grid = np.concatenate([[0.0], above, [target]])
            flux = decay * np.trapezoid(np.interp(grid, z, deficit), grid)
            half = np.convolve(np.diff(grid), [0.5, 0.5])  # weight of each point of the grid
            weight = np.zeros(len(z))
            weight[: len(above)] = half[1:-1]
            weight[0] += half[0]
            k = min(len(above), len(z) - 1)
            share = (target - z[k - 1]) / (z[k] - z[k - 1]) if k else 1.0
            weight[k] += half[-1] * share
            weight[k - 1] += half[-1] * (1 - share)
            sigma = decay * SIGMA * np.sqrt((weight**2).sum())
            way = np.clip((target - z[:-1]) / np.diff(z), 0, 1)  # how far down each interval
            between = (change * np.diff(z) ** 2 * (way**3 / 3 - way**4 / 4)).sum()
            top = min(target, z[0])
            between += change[0] / max(z[1] - z[0], thorium.SHORTEST_STEP_M) * (top**2 * (z[0] - top) + top**3 / 3)
            rows.append((number, target, flux, sigma, decay * COMMON * weight.sum(), decay * np.sqrt(between)))
    return pd.DataFrame(rows, columns=["cast", "depth", "flux", "sigma", "common", "integration"])


def vectorised(df):
    """The same in one call."""
    return thorium.steady_state_flux(
        df["depth"].to_numpy(), df["th"].to_numpy(), df["u"].to_numpy(), df["cast"].to_numpy(), TARGETS,
        th_sigma=SIGMA, u_common_sigma=COMMON,
    )  # fmt: skip


def main():
    """Print times, their ratio, memory, and how far the two differ."""
    df = made_up_casts()
    fast, found = best_of(vectorised, df, times=5)
    slow, plain = best_of(loop, df[df["cast"] < LOOP_CASTS], times=1)
    slow *= N_CASTS / LOOP_CASTS
    tracemalloc.start()
    vectorised(df)
    memory = tracemalloc.get_traced_memory()[1] / 1e6
    shape = (LOOP_CASTS, len(TARGETS))
    pairs = (
        (found.flux, "flux"), (found.sigma_measurement, "sigma"), (found.sigma_common, "common"),
        (found.sigma_integration, "integration"),
    )  # fmt: skip
    worst = max(np.nanmax(np.abs(a[:LOOP_CASTS] - plain[b].to_numpy().reshape(shape))) for a, b in pairs)
    print(f"{N_CASTS:,} casts x {N_SAMPLES} samples x {len(TARGETS)} depths, flux and three sigmas")
    print(f"vectorised       {1000 * fast:8.0f} ms, at most {memory:.0f} MB")
    print(f"loop with pandas {1000 * slow:8.0f} ms (from {LOOP_CASTS} casts)")
    print(f"ratio            {slow / fast:8.0f}")
    print(f"largest difference {worst:.1e} dpm m-2 d-1")


if __name__ == "__main__":
    main()
