"""Cruises in the twin ocean: where ships go, when, at which depths they sample, and what the instruments read."""

import numpy as np
import pandas as pd

from seaofcarbon import ocean
from seaofcarbon.twin.recipe import DEFAULT
from seaofcarbon.twin.sea import covariates
from seaofcarbon.twin.truth import truth
from seaofcarbon.vocabulary import EARTH_RADIUS_KM

REGIONS = pd.DataFrame(
    [
        # region, ocean as cruises write it, south, north, west, east, share of the cruises
        ("Northeast Atlantic", "Atlantic Ocean", 40, 62, -32, -10, 0.13),
        ("Irminger and Labrador Seas", "Atlantic Ocean", 52, 63, -52, -28, 0.05),
        ("Sargasso Sea", "Atlantic Ocean", 25, 38, -70, -50, 0.07),
        ("Northwest Africa", "Atlantic Ocean", 12, 32, -26, -11, 0.05),
        ("Tropical Atlantic", "Atlantic Ocean", -10, 12, -40, -5, 0.03),
        ("Benguela", "Atlantic Ocean", -34, -15, 2, 17, 0.03),
        ("Gulf of Cadiz", "Atlantic Ocean", 34, 37, -13, -7, 0.01),
        ("Alboran Sea", "Mediterranean Sea", 35, 37, -5, -1, 0.015),
        ("Western Mediterranean", "Mediterranean Sea", 37, 44, 1, 9, 0.035),
        ("Eastern Mediterranean", "Mediterranean Sea", 32, 37, 17, 33, 0.02),
        ("Equatorial Pacific", "Pacific Ocean", -10, 10, -175, -95, 0.11),
        ("Peru and Chile", "Pacific Ocean", -35, -8, -88, -71, 0.04),
        ("North Pacific gyre", "Pacific Ocean", 18, 32, -170, -140, 0.05),
        ("Subarctic Pacific", "Pacific Ocean", 44, 57, -165, -132, 0.05),
        ("Northwest Pacific", "Pacific Ocean", 36, 52, 145, 178, 0.06),
        ("South China Sea", "Pacific Ocean", 10, 22, 111, 119, 0.03),
        ("Arabian Sea", "Indian Ocean", 8, 24, 55, 72, 0.03),
        ("South Indian Ocean", "Indian Ocean", -40, -10, 50, 105, 0.02),
        ("Southern Ocean, Atlantic sector", "Southern Ocean", -66, -48, -62, 10, 0.05),
        ("Southern Ocean, Pacific sector", "Southern Ocean", -68, -50, -180, -110, 0.05),
        ("Southern Ocean, Indian sector", "Southern Ocean", -62, -44, 50, 145, 0.03),
        ("Ross Sea", "Southern Ocean", -78, -66, -180, -155, 0.015),
        ("Fram Strait and Barents Sea", "Arctic Ocean", 70, 82, -8, 45, 0.045),
        ("Western Arctic", "Arctic Ocean", 70, 80, -175, -140, 0.03),
    ],
    columns=["region", "ocean", "south", "north", "west", "east", "share"],
)

_STATIONS = (5, 28)  # fewest and most stations of a cruise
_HEADINGS = np.radians([0, 15, -15, 30, -30, 50, -50, 75, -75, 100, -100, 130, -130, 160, -160, 180])
_SPEED_KM_D = 440.0  # ten knots
_SHALLOWEST_M = 90.0  # ships of this kind of work stay off the shallow shelf
_MOST_BOTTLES = 14


# --- Tracks ------------------------------------------------------------------------------------------------


def _open_sea(p):
    """Cells where ships work: sea with water under the keel."""
    bottom = covariates(p)["bottom_depth"].to_numpy()
    return np.nan_to_num(bottom) > _SHALLOWEST_M


def _cell(lat, lon):
    return np.clip(np.floor(lat + 90), 0, 179).astype(int), np.floor(ocean.wrap(lon) + 180).astype(int) % 360


def _move(lat, lon, heading, km):
    """Position after `km` on a heading (0 north, clockwise, radians), along the rhumb line."""
    new = np.clip(lat + np.degrees(km / EARTH_RADIUS_KM * np.cos(heading)), -89, 89)
    middle = np.cos(np.radians((lat + new) / 2))
    return new, ocean.wrap(lon + np.degrees(km / EARTH_RADIUS_KM * np.sin(heading) / middle))


def _tracks(region, length, spacing, p, rng):
    """Latitudes and longitudes of the stations of each cruise, shape (2, cruises, stations), as ships go.

    A ship keeps its heading, wanders a little, stays near its region where it can and never crosses land.
    """
    open_sea, n = _open_sea(p), len(region)
    row, col = np.nonzero(open_sea)
    cell_lat, cell_lon = row - 89.5, col - 179.5
    boxes = REGIONS[["south", "north", "west", "east"]].to_numpy(float).T[..., None]
    within = (cell_lat > boxes[0]) & (cell_lat < boxes[1]) & (cell_lon > boxes[2]) & (cell_lon < boxes[3])
    start = np.stack([rng.choice(np.flatnonzero(cells), n) for cells in within])[region, np.arange(n)]
    south, north, west, east = boxes[:, region]
    lat = cell_lat[start] + rng.uniform(-0.45, 0.45, n)
    lon = cell_lon[start] + rng.uniform(-0.45, 0.45, n)
    heading = rng.uniform(0, 2 * np.pi, n)
    track = [(lat, lon)]
    for _ in range(length - 1):
        km = spacing * rng.uniform(0.6, 1.4, n)
        heading = heading + np.where(spacing < 50, 0.9, 0.15) * rng.normal(size=n)
        tries = heading[:, None] + _HEADINGS
        cost = np.abs(_HEADINGS) + np.zeros_like(tries)
        for part in (0.25, 0.5, 0.75, 1.0):
            to_lat, to_lon = _move(lat[:, None], lon[:, None], tries, part * km[:, None])
            cost += 100.0 * ~open_sea[_cell(to_lat, to_lon)]
        far = np.abs(to_lat - (south + north) / 2) > north - south  # as far outside the box as half of its size
        far |= np.abs(ocean.wrap(to_lon - (west + east) / 2)) > east - west
        best = (cost + 3.0 * far).argmin(axis=1)
        each = np.arange(n)
        stay = cost[each, best] >= 100  # hemmed in: another cast at the same place
        heading = np.where(stay, heading + np.pi, tries[each, best])
        lat, lon = np.where(stay, lat, to_lat[each, best]), np.where(stay, lon, to_lon[each, best])
        track.append((lat, lon))
    return np.stack(track, axis=-1)


def _departures(lat, p, rng):
    """Dates of departure: more in later years, and in the summer the nearer to the pole."""
    n = len(lat)
    year = 1988 + np.floor(30 * rng.beta(1.6, 1.2, n)).astype(int)
    summer = np.where(lat > 0, 175.0, 0.0)
    spread = np.select([np.abs(lat) > 60, np.abs(lat) > 38], [24.0, 55.0], 150.0)
    day = (summer + spread * rng.normal(size=n)) % 365
    return year.astype("U4").astype("datetime64[Y]").astype("datetime64[m]") + (day * 1440).astype("timedelta64[m]")


def stations(parameters=DEFAULT, n_cruises=250):
    """Plan the casts of all cruises.

    Parameters
    ----------
    parameters : Parameters
    n_cruises : int

    Returns
    -------
    DataFrame, a row per cast, by cruise and time
        cruise ("TW001"), station ("12", and "12-2" when it is occupied again), region, ocean, time (to the minute),
        latitude, longitude, bottom_depth (m).
    """
    p, rng = parameters, np.random.default_rng([parameters.cruise_seed, 1])
    region = rng.choice(len(REGIONS), n_cruises, p=REGIONS["share"] / REGIONS["share"].sum())
    count = np.clip(rng.lognormal(np.log(12.5), 0.4, n_cruises).round(), *_STATIONS).astype(int)
    process = rng.random(n_cruises) < 0.35  # a study of one place; the others are sections
    spacing = np.where(process, rng.uniform(12, 50, n_cruises), rng.uniform(70, 220, n_cruises))
    width = (REGIONS[["north", "east"]].to_numpy() - REGIONS[["south", "west"]].to_numpy()).min(axis=1)
    spacing = np.minimum(spacing, 28.0 * width[region])  # at least four stations across a small region
    lat, lon = _tracks(region, count.max(), spacing, p, rng)
    days = spacing[:, None] / _SPEED_KM_D + rng.uniform(0.25, 1.2, lat.shape)
    days = np.cumsum(days, axis=1) - days[:, :1]
    time = _departures(lat[:, 0], p, rng)[:, None] + (days * 1440).astype("timedelta64[m]")

    number, leg = np.nonzero(np.arange(count.max()) < count[:, None])
    at = number, leg
    plan = pd.DataFrame({"number": number, "leg": leg, "again": False, "latitude": lat[at], "longitude": lon[at]})
    plan["time"] = time[at].astype("datetime64[ns]")
    again = plan.sample(n=round(p.revisited * len(plan)), random_state=rng).sort_index().assign(again=True)
    wait = rng.uniform(10, 40, len(again))
    again["time"] += pd.to_timedelta((wait * 1440).astype(int), unit="min")
    again["latitude"] += rng.normal(0, 0.02, len(again))
    again["longitude"] += rng.normal(0, 0.02, len(again))
    plan = pd.concat([plan, again]).sort_values(["number", "time"], kind="stable", ignore_index=True)
    plan["latitude"] = plan["latitude"].round(4)
    plan["longitude"] = ocean.wrap(plan["longitude"].round(4)).round(4)
    ilat, ilon, _ = ocean.nearest_sea_cell(plan["latitude"], plan["longitude"], covariates(p))
    digits = max(3, len(str(n_cruises)))
    return pd.DataFrame({
        "cruise": "TW" + (plan["number"] + 1).astype(str).str.zfill(digits),
        "station": (plan["leg"] + 1).astype(str) + np.where(plan["again"], "-2", ""),
        "region": REGIONS["region"].to_numpy()[region[plan["number"]]],
        "ocean": REGIONS["ocean"].to_numpy()[region[plan["number"]]],
        "time": plan["time"], "latitude": plan["latitude"], "longitude": plan["longitude"],
        "bottom_depth": covariates(p)["bottom_depth"].to_numpy()[ilat, ilon].round(),
    })  # fmt: skip


# --- Samples -------------------------------------------------------------------------------------------------


def _bottles(casts, rng):
    """Depths of the bottles, shape (casts, 14): dense where the deficit is, to 250-1000 m; NaN where there is none."""
    n = len(casts)
    kind = rng.choice(5, n, p=[0.2, 0.3, 0.1, 0.28, 0.12])
    deepest, power = np.array([250, 300, 400, 500, 1000])[kind], np.array([1.3, 1.4, 1.6, 1.75, 2.4])[kind]
    count = np.clip(rng.integers(8, 13, n) + (kind > 2) + (kind > 3), 8, _MOST_BOTTLES)
    top = rng.choice([2.0, 5.0, 5.0, 10.0], n)
    step = np.arange(_MOST_BOTTLES)
    share = step / (count - 1)[:, None]
    depth = top[:, None] + (deepest - top)[:, None] * share ** power[:, None]
    nominal = np.where(depth > 20, 5 * np.round(depth / 5), np.round(depth))
    depth = (nominal + rng.normal(0, 0.4, depth.shape) * (nominal > 20)).round(1)
    wet = (step < count[:, None]) & (depth < casts["bottom_depth"].to_numpy()[:, None] - 5)
    return np.where(wet, depth, np.nan)


def samples(parameters=DEFAULT, n_cruises=250):
    """Send the cruises to sea: what is true at each bottle, and what was measured.

    Parameters
    ----------
    parameters, n_cruises
        As in `stations`.

    Returns
    -------
    casts : DataFrame
        As `stations`.
    samples : DataFrame
        A row per bottle: the columns of the cast, depth_m, what `truth` tells (noise-free), and measured values with
        their standard errors in columns that begin with `m_`; NaN where a cruise did not measure a quantity.
    """
    p = parameters
    casts = stations(p, n_cruises)
    rng = np.random.default_rng([p.cruise_seed, 2])
    depth = _bottles(casts, rng)
    which, bottle = np.nonzero(np.isfinite(depth))
    table = casts.iloc[which].reset_index(drop=True).assign(depth_m=depth[which, bottle])
    table = pd.concat([table, truth(table, p)], axis=1)
    return casts, pd.concat([table, _measure(table, bottle, p, rng)], axis=1)


def _measure(t, bottle, p, rng):
    """What the instruments read: true values with counting errors, and gaps."""
    n = len(t)
    cruise = pd.factorize(t["cruise"])[0]

    def per_cruise(draw):
        return draw[cruise]

    def read(true, relative, kept):
        """A measured value and its standard error where it was kept and not lost."""
        error = np.abs(relative * true)
        kept = kept & (rng.random(n) > p.lost)
        return np.where(kept, true + error * rng.normal(size=n), np.nan), np.where(kept, error, np.nan)

    cruises = cruise.max() + 1
    counting = per_cruise(rng.uniform(p.counting_low, p.counting_high, cruises)) * rng.uniform(0.85, 1.15, n)
    kind = per_cruise(rng.random(cruises))  # what stands for uranium: salinity, 238U or both
    pumps = per_cruise(rng.random(cruises) < 0.5) & (bottle % 2 == 1)
    sized = per_cruise(rng.random(cruises) < 0.6)
    filtered = per_cruise(rng.random(cruises) < 0.2)

    # particles: many where export is high, fewer with depth; the large ones are a small part
    share = 0.06 + 0.30 * np.exp(-t["depth_m"] / 120) * (1 - np.exp(-t["th234_flux_memory"] / 1500))
    share = np.clip(share * rng.lognormal(0, 0.2, n), 0.02, 0.6)
    large = np.clip(per_cruise(rng.uniform(0.1, 0.3, cruises)) * rng.lognormal(0, 0.25, n), 0.03, 0.6)
    particulate = share * np.maximum(t["th234_total"], 0.05)
    small_ratio = t["c_th"] * per_cruise(rng.lognormal(0.15, 0.25, cruises))

    out = {}
    out["m_th234_total"], out["m_th234_total_sigma"] = read(t["th234_total"], counting, np.ones(n, dtype=bool))
    out["m_u238"], out["m_u238_sigma"] = read(t["u238"], p.u238_measured_sd, kind > 0.6)
    salinity, _ = read(t["salinity"], p.salinity_sd / t["salinity"], kind < 0.85)
    out["m_salinity"] = np.where(kind < 0.85, np.where(np.isnan(salinity), t["salinity"], salinity), np.nan)
    dissolved = t["th234_total"] - particulate
    out["m_th234_dissolved"], out["m_th234_dissolved_sigma"] = read(dissolved, 1.1 * counting, filtered & ~pumps)
    for size, part, ratio, kept in (
        ("small", particulate * (1 - large), small_ratio, pumps & sized),
        ("large", particulate * large, t["c_th"], pumps),
    ):
        name = f"m_th234_particulate_{size}"
        out[name], out[f"{name}_sigma"] = read(part, p.particulate_sd, kept)
        out[f"m_c_th_{size}"], out[f"m_c_th_{size}_sigma"] = read(ratio, p.ratio_sd, kept)
    return pd.DataFrame(out, index=t.index)
