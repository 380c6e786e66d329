"""Values that came twice, in one file or in two: one is kept, and the others say which."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.special import betaln

from seaofcarbon.digitise.places import in_space
from seaofcarbon.vocabulary import FLAG_MISSING, VARIABLES

PLACE_KM = 2.0
"""A ship drifts this far during a cast, and tables tell its start, bottom or end, often to 0.01 degree (0.8 km)."""

COARSE_KM = 8.0
"""What rounding to 0.1 degree adds: half a tenth, north and east. Coarser positions could be any station's."""

DEPTH_M, DEPTH_SHARE = 1.0, 0.01
"""Depths agree within 1 m, or within 1 % where tables tell pressure, wire or rounded depths."""

VALUE_SHARE = 0.005
"""Values agree within 0.5 %: another density for mBq/kg, or another molar mass, moves them less."""

MAX_ROUNDING = 0.05
"""Rounding to two digits moves a value by up to 5 %; values printed coarser agree by chance."""

TELLING_DIGITS = 4
"""Among replicates that differ, equal values are copies if they have so many digits; two digits repeat by chance."""

SHARE_BETWEEN, SHARE_WITHIN, SAMPLES_WITHIN = 0.5, 0.8, 3
"""Stations are copies if at least this share of the samples of the same day and depth agrees. Within a file, where the
station has two names, more is asked."""

CHANCE, LEAST_CHANCE = 0.003, 4e-5
"""Chance may bring what agrees in so few of all pairs of stations; a value tells no more than 4 digits."""

STEADY = ("th234_total", "th234_dissolved")
NEIGHBOURS_STEADY, NEIGHBOURS = 60.0, 10.0
"""Chance that values of neighbours agree within x is at most so many x: 56 x if both err by 1 %, 9 x if by 6 %."""

MAX_NEIGHBOURS = 40
"""Neighbours of a value above which (a towed sensor, junk) its copy cannot be told from them."""

ROUNDS = 10
"""Times that values whose best partner has a better one may look for the next."""

TRACERS = [name for name in VARIABLES if name.startswith(("th234", "c_th", "poc"))]
"""Quantities that tell samples apart. Others, such as salinity, are the same in any two casts nearby: they are copies
where the tracers of their stations are."""

_FINER = {"second": 0, "day": 0, "month": 1, "year": 2}


def kept(df, cast):
    """Find for each record the one that is kept of all that say the same.

    Copies agree in variable, method, size, place, day (or month, or year, if one of the two is known no better), depth
    and value, within the constants of this module. Replicates (same cast and depth; other value, number or bottle) are
    none. Kept is one that is no copy yet, of the station whose flags are best, then with more sigmas, the better known
    time, the cast of more variables, the more digits, and the first source and record_id: the order of the records
    plays no role.

    Parameters
    ----------
    df : DataFrame
        Universal records.
    cast : Series of str, shape (n,)
        Name of the cast of each record, as from `records.cast_ids`.

    Returns
    -------
    ndarray of int, shape (n,)
        Position of the kept record: that of the record itself if it is the one, or the only one.
    """
    order = np.argsort(df["record_id"].to_numpy(object), kind="stable")
    table = _table(df.take(order), cast.to_numpy(object)[order])
    edges = np.vstack([_repeated(table), _copied(table)])
    best = np.arange(len(table))
    if len(edges):
        graph = coo_matrix((np.ones(len(edges), dtype=bool), edges.T), shape=(len(table), len(table)))
        group = connected_components(graph, directed=False)[1]
        ranked = np.lexsort([table[name].to_numpy() for name in reversed(_PREFERENCE)])
        first = np.zeros(len(table), dtype=int)
        first[group[ranked[::-1]]] = ranked[::-1]  # the best is written last
        best = first[group]
    out = np.empty(len(table), dtype=int)
    out[order] = order[best]
    return out


_PREFERENCE = ["linked", "flags", "no_sigmas", "finer", "few_variables", "few_digits", "source"]


def _table(df, cast):
    """Numbers and codes of the records that decide, in the order of their ids; casts of different files differ."""
    file = df["source_id"].fillna("") + "\t" + df["locator"].fillna("").str.replace(",.*", "", regex=True)
    numbers = ["latitude", "longitude", "depth_m", "value", "sigma", "size_min_um", "size_max_um", "flag", "time"]
    table = df[numbers].reset_index(drop=True)
    for name in ("variable", "method", "sample_id", "unit_source"):
        table[name] = pd.factorize(df[name])[0]
    table["tracer"] = df["variable"].isin(TRACERS).to_numpy()
    table["common"] = np.where(df["variable"].isin(STEADY), NEIGHBOURS_STEADY, NEIGHBOURS)
    table["name"] = pd.factorize(cast)[0]
    table["loose"] = df["method"].isna().to_numpy() | (df["method"] == "th234_unspecified").to_numpy()
    table["th234_method"] = df["method"].str.startswith("th234").fillna(False).to_numpy(bool)
    table["replicate"] = df["replicate"].astype("float64").to_numpy()
    table["source"] = pd.factorize(df["source_id"], sort=True)[0]
    table["file"] = pd.factorize(file)[0]
    cast = pd.Series(cast, dtype="str")
    for name, words in {"cast": cast, "station": cast.str.replace("/[^/]*$", "", regex=True)}.items():  # less the day
        table[name] = pd.factorize(pd.factorize(words)[0] + len(table) * table["file"].to_numpy())[0]
    table["finer"] = df["time_precision"].map(_FINER).fillna(0).to_numpy()
    table["linked"] = df["duplicate_of"].notna().to_numpy()
    table["few_variables"] = -table.groupby("cast")["variable"].transform("nunique")
    table["rounding"], table["digits"] = _printed(df["value_source"])
    # of the whole station, so that a profile or time series is not kept half from one source and half from another
    each = {"flags": table["flag"], "no_sigmas": table["sigma"].isna(), "few_digits": -table["digits"]}
    whole = pd.DataFrame(each).groupby([table["station"], table["variable"]]).transform("mean").round(1)
    return table.join(whole)


def _printed(value_source):
    """Half of the last printed digit as a share of the value (at most `MAX_ROUNDING`), and the digits that tell."""
    code, texts = pd.factorize(value_source.to_numpy(object))
    texts = pd.Series(texts, dtype="str")
    parts = texts.str.extract(r"^[^\d.]*(\d*)[.]?(\d*)(?:[eE]([+-]?\d+))?").fillna("")
    value = pd.to_numeric(texts.str.extract(r"(\d*[.]?\d+(?:[eE][+-]?\d+)?)")[0], errors="coerce").to_numpy(float)
    power = pd.to_numeric(parts[2], errors="coerce").fillna(0).clip(-300, 300) - parts[1].str.len()
    rounding = np.divide(0.5 * 10.0**power, value, out=np.full(len(texts), np.inf), where=value > 0)
    digits = (parts[0] + parts[1]).str.strip("0").str.len().clip(upper=6)  # more are noise of binary numbers
    # a value without print is taken as exact
    rounding, digits = (np.append(part, 0.0)[code] for part in (rounding, digits))
    return np.minimum(rounding, MAX_ROUNDING), digits


def _repeated(table):
    """Pairs of equal values of one sample in one file; equal ones among replicates only with `TELLING_DIGITS`."""
    sample = ["cast", "variable", "method", "size_min_um", "size_max_um", "sample_id", "replicate", "depth_m", "time"]
    sample = table.groupby([*sample, "latitude", "longitude"], dropna=False, sort=False).ngroup()
    same = table.groupby([sample, "value", "sigma"], dropna=False, sort=False).ngroup()
    times = same.map(same.value_counts())
    copy = (
        table["value"].notna()
        & (times > 1)
        & ((times.groupby(sample).transform("min") > 1) | (table["digits"] >= TELLING_DIGITS))
    )
    first = pd.Series(table.index, index=table.index).groupby(same).transform("first")
    copy &= first != table.index
    table["copy"] = copy
    return np.column_stack([first[copy], table.index[copy]])


def _copied(table):
    """Pairs of agreeing values of different files, or stations of one file, that tell of one sample."""
    usable = table["latitude"].between(-90, 90) & table["longitude"].notna() & table["depth_m"].notna()
    usable &= table["time"].notna() & (table["flag"] != FLAG_MISSING) & ~table["copy"]
    near = _with_company(table[usable & table["value"].notna() & (table["value"] != 0)])
    left, right = (near.take(side) for side in _neighbours(near))
    same = _comparable(left, right)
    left, right = left[same], right[same]
    a, b, mine, other = (side[name].to_numpy() for name in ("value", "rounding") for side in (left, right))
    # what was rounded differs by half of its last digit; what was also converted, by that of both
    converted = left["unit_source"].to_numpy() != right["unit_source"].to_numpy()
    rounding = np.where(converted, mine + other, np.maximum(mine, other)) + 1e-9
    off = np.abs(a - b) / np.maximum(np.abs(a), np.abs(b))
    # nothing but a copy has all of these
    exact = ["name", "latitude", "longitude", "depth_m", "time", "value", "sigma"]
    same = (left[exact].to_numpy() == right[exact].to_numpy()).all(axis=1)
    within = np.where(off <= rounding, np.maximum(rounding, LEAST_CHANCE), VALUE_SHARE)
    pairs = pd.DataFrame({
        "left": left.index, "right": right.index, "tracer": left["tracer"].to_numpy(), "off": off,
        "agree": off <= within + 1e-9, "chance": np.where(same, LEAST_CHANCE, within * left["common"]),
        "casts": left["cast"].to_numpy() * len(table) + right["cast"].to_numpy(),
        "left_file": left["file"].to_numpy(), "right_file": right["file"].to_numpy(),
        "stations": left["station"].to_numpy() * len(table) + right["station"].to_numpy(),
    })  # fmt: skip
    return _one_to_one(_of_copied_stations(pairs))


def _with_company(table):
    """Values at places that another place or station is near to: the others have no copy, and are most."""
    spots = table.drop_duplicates(["station", "latitude", "longitude"])
    points = in_space(spots["latitude"].to_numpy(), spots["longitude"].to_numpy())
    company = cKDTree(points).query_ball_point(points, PLACE_KM + COARSE_KM, return_length=True) > 1
    keys = ["station", "latitude", "longitude"]
    return table[pd.MultiIndex.from_frame(table[keys]).isin(pd.MultiIndex.from_frame(spots[keys][company]))]


def _neighbours(near):
    """Positions of pairs of values of one variable and different stations that are close in place, time and depth.

    Each pair comes once, the station with the lower number first.
    """
    latitude, longitude, depth = (near[name].to_numpy() for name in ("latitude", "longitude", "depth_m"))
    coarse = np.all([np.abs(10 * x - np.round(10 * x)) < 1e-6 for x in (latitude, longitude)], axis=0)
    space, bend = in_space(latitude, longitude), DEPTH_M / DEPTH_SHARE
    # a length in which the tolerance is 1 everywhere: linear down to 100 m, logarithmic below
    down = np.where(depth < bend, depth / DEPTH_M, bend * (1 + np.log(np.maximum(depth, bend) / bend)))
    radius = PLACE_KM + COARSE_KM * coarse.any()
    where = np.column_stack([space / radius, down])
    time, finer = near["time"].to_numpy(), near["finer"].to_numpy()
    found = []
    for known, unit in enumerate("DMY"):
        # days may differ by one; other months or years are no match
        when = time.astype(f"datetime64[{unit}]").astype(float) * (1 if unit == "D" else 2)
        points = np.column_stack([where, when])
        for variable in near.reset_index().groupby("variable").indices.values():
            some, others = variable[finer[variable] == known], variable[finer[variable] <= known]
            found.append(_pairs(some, others, points))
    pairs = np.unique(np.sort(np.vstack([np.empty((0, 2), dtype=int), *found]), axis=1), axis=0)
    station = near["station"].to_numpy()
    i, j = pairs[station[pairs[:, 0]] != station[pairs[:, 1]]].T
    close = np.linalg.norm(space[i] - space[j], axis=1) <= PLACE_KM + COARSE_KM * (coarse[i] | coarse[j])
    turned = station[i] > station[j]
    return np.where(turned, j, i)[close], np.where(turned, i, j)[close]


def _pairs(some, others, points):
    """Pairs of two sets of points that differ by at most 1 in each direction, but for points in a crowd of others."""
    tree, reach = cKDTree(points[others]), 1 + 1e-9
    some = some[tree.query_ball_point(points[some], reach, p=np.inf, return_length=True) <= MAX_NEIGHBOURS]
    found = cKDTree(points[some]).sparse_distance_matrix(tree, reach, p=np.inf, output_type="ndarray")
    return np.column_stack([some[found["i"]], others[found["j"]]])


def _comparable(left, right):
    """Tell pairs that could be one sample: by method, size of particles and number of the replicate."""
    a, b = ({name: side[name].to_numpy() for name in side.columns} for side in (left, right))
    kin = (a["method"] < 0) | (b["method"] < 0) | (a["th234_method"] & b["th234_method"])
    same = (a["method"] == b["method"]) | ((a["loose"] | b["loose"]) & kin)
    for name in ("size_min_um", "size_max_um"):  # 51 and 53 um are one mesh
        same &= ~(np.abs(a[name] - b[name]) > 0.1 * np.maximum(a[name], b[name]))
    same &= ~(np.abs(a["replicate"] - b["replicate"]) > 0)
    same &= (a["file"] != b["file"]) | (a["sample_id"] == b["sample_id"]) | (a["sample_id"] < 0) | (b["sample_id"] < 0)
    return same


def _of_copied_stations(pairs):
    """Pairs of agreeing values of stations of which enough agrees, and more than chance would bring (log10: `luck`)."""
    tracers, sides = pairs[pairs["tracer"]], []
    for side, other in (("left", "right_file"), ("right", "left_file")):
        tries = tracers.groupby([side, other])["off"].transform("size")
        luck = np.log10((tracers["chance"] * tries).clip(upper=1.0)).where(tracers["agree"], 0.0)
        each = tracers.assign(luck=luck).groupby(["stations", side]).agg({"agree": "max", "luck": "min"})
        sides.append(each.groupby("stations").agg(n=("agree", "size"), k=("agree", "sum"), luck=("luck", "sum")))
    # if one tells more samples than the other, the poorer one decides
    of = pd.concat(sides).sort_values(["n", "k"], kind="stable").groupby("stations").head(1)
    of["luck"] -= (np.log1p(of["n"]) + betaln(of["n"] - of["k"] + 1, of["k"] + 1)) / np.log(10)  # any k of n
    n, k, luck = (pairs["stations"].map(of[name]) for name in of)
    within = pairs["left_file"] == pairs["right_file"]
    enough = np.where(within, (k >= SHARE_WITHIN * n) & (n >= SAMPLES_WITHIN), k >= SHARE_BETWEEN * n)
    share = pairs.groupby("casts")["agree"].transform("mean")
    return pairs.assign(luck=luck, share=share)[enough & pairs["agree"] & (luck <= np.log10(CHANCE))]


def _one_to_one(pairs):
    """The best pairs, so that no value has two partners in one file: replicates and neighbouring casts stay apart."""
    pairs = pairs.sort_values(["luck", "share", "off", "left", "right"], ascending=[True, False, True, True, True])
    number = np.arange(len(pairs))
    ends = [pairs[["left", "right_file"]], pairs[["right", "left_file"]]]
    both = pd.concat([end.set_axis(["value", "file"], axis=1).assign(pair=number) for end in ends])
    both["end"] = both.groupby(["value", "file"], sort=False).ngroup()
    both, chosen = both.sort_values("pair", kind="stable"), [np.array([], dtype=int)]
    for _ in range(ROUNDS):
        best = both["pair"][~both["end"].duplicated()].value_counts()
        chosen.append(best.index[best == 2].to_numpy())
        taken = both["end"][both["pair"].isin(chosen[-1])]
        both = both[~both["pair"].isin(both["pair"][both["end"].isin(taken)])]
    return pairs[["left", "right"]].to_numpy()[np.concatenate(chosen)]
