"""Values that came twice are found across rounding, units and longitudes; replicates and neighbours are left alone."""

import numpy as np
import pandas as pd
import pytest

from seaofcarbon import digitise, records
from seaofcarbon.digitise import quality

HEAD = "/* DATA DESCRIPTION:\nCitation:\tAuthor, A (2001): A test.\nLicense:\tCC-BY-4.0\n*/\n"
PROFILE = {10.0: 1.987, 25.0: 2.134, 50.0: 2.316, 100.0: 2.428, 200.0: 2.467}


def source(name, rows, **more):
    """Records of one file: total 234Th of one cast, printed with 3 decimals, or what each row makes of it."""
    base = {
        "source_id": name, "cruise": "C", "station": "1", "time": pd.Timestamp("2010-05-01"), "time_precision": "day",
        "latitude": 10.1234, "longitude": -30.5678, "variable": "th234_total", "unit": "dpm L-1",
        "unit_source": "dpm/L", "sigma": 0.05, "method": "bottle",
    }  # fmt: skip
    rows = [base | more | {"locator": f"{name}.csv, row {i}, column 5: Th"} | row for i, row in enumerate(rows)]
    df = pd.DataFrame(rows)
    df["value_source"] = df.get("value_source", pd.Series(index=df.index, dtype=object)).fillna(df["value"].astype(str))
    return df


def cast(name, digits=3, **more):
    """The profile as one source tells it."""
    rows = [{"depth_m": z, "value": round(value, digits)} for z, value in PROFILE.items()]
    return source(name, rows, **more)


def checked(*parts):
    """All parts in one table, checked."""
    return quality.check(records.conform(pd.concat(parts, ignore_index=True)))


def copies(df):
    """Number of records that are called duplicates, by source."""
    return df[df["duplicate_of"].notna()]["source_id"].value_counts().to_dict()


def test_a_copy_in_other_units_through_the_readers(tmp_path):
    """Rounded, in mBq/l, with longitudes of 0-360, under another name: found, linked to the finer one, kept once."""
    lines = {"a": ["Event\tDate/Time\tLatitude\tLongitude\tDepth water [m]\t234Th [dpm/l] (total)"]}
    lines["b"] = [lines["a"][0].replace("dpm/l", "mBq/l")]
    for z, value in PROFILE.items():
        lines["a"].append(f"X1\t2010-05-01T10:00\t10.1234\t-30.5678\t{z}\t{value}")
        lines["b"].append(f"CTD 7\t2010-05-01\t10.12\t329.43\t{z:.0f}\t{value / 0.06:.1f}")
    paths = [tmp_path / f"{name}.tab" for name in lines]
    for path, text in zip(paths, lines.values(), strict=True):
        path.write_text(HEAD + "\n".join(text) + "\n")
    df = digitise.read_many(paths, progress=False).records
    copy = df[df["source_id"] == "b"]
    assert copies(df) == {"b": 5} and (copy["flag"] == 3).all()
    kept = df.set_index("record_id").loc[copy["duplicate_of"]]
    assert kept["depth_m"].tolist() == copy["depth_m"].tolist() and kept["flag"].max() < 3
    assert copy["note"].tolist() == [f"duplicate of {one} in a" for one in copy["duplicate_of"]]
    other = digitise.read_many(paths[::-1], progress=False).records
    by_id = [table.set_index("record_id").sort_index() for table in (df, other)]
    pd.testing.assert_frame_equal(*by_id)


@pytest.mark.parametrize(
    ("change", "n"),
    [
        ({}, 5),
        ({"digits": 2}, 5),
        ({"latitude": 10.1, "longitude": -30.6}, 5),  # rounded to a tenth
        ({"latitude": 10.135}, 5),  # 1.3 km
        ({"latitude": 10.2234}, 0),  # 11 km
        ({"time": pd.Timestamp("2010-05-02")}, 5),
        ({"time": pd.Timestamp("2010-05-04")}, 0),
        ({"time": pd.Timestamp("2010-05-15"), "time_precision": "month"}, 5),
        ({"time": pd.Timestamp("2010-06-15"), "time_precision": "month"}, 0),
        ({"time": pd.Timestamp("2010-07-02"), "time_precision": "year"}, 5),
        ({"time": pd.Timestamp("2011-07-02"), "time_precision": "year"}, 0),
        ({"method": None}, 5),
        ({"method": "pump"}, 0),
        ({"variable": "th234_dissolved"}, 0),
        ({"size_min_um": 51.0}, 5),
    ],
)
def test_what_is_a_copy(change, n):
    """Copies may be rounded, moved within a station, and known to the month; another day, place or method is none."""
    assert sum(copies(checked(cast("a"), cast("b", **change))).values()) == n


def test_depths_and_values_agree_within_their_tolerance():
    """A depth 0.8 m off or a value 0.4 % off is a copy; 3 m or 3 % are not."""
    a = cast("a")
    assert copies(checked(a, cast("b").assign(depth_m=a["depth_m"] + 0.8))) == {"b": 5}
    assert copies(checked(a, cast("b").assign(depth_m=a["depth_m"] + 3.0))) == {}
    assert copies(checked(a, cast("b").assign(value=a["value"] * 1.004))) == {"b": 5}
    assert copies(checked(a, cast("b").assign(value=a["value"] * 1.03))) == {}


def test_neighbouring_casts_are_no_copies():
    """Two ships on one day: salinity is the same, and one 234Th of five by chance; nothing is called a copy."""
    other = [1.8, 2.316, 2.2, 2.5, 2.3]
    ships = [cast("a"), cast("b").assign(value=other, value_source=[str(v) for v in other])]
    salt = [
        s.assign(variable="salinity", value=35.12, value_source="35.12", unit="1", locator=s["locator"] + "S")
        for s in ships
    ]
    assert copies(checked(*ships, *salt)) == {}
    # but where the 234Th is a copy, so is the salinity beside it
    ships[1] = cast("b", digits=2)
    assert copies(checked(*ships, *salt)) == {"b": 10}


def test_replicates_are_no_copies():
    """Other values, other bottles or replicate numbers are replicates; the same line twice is a copy."""
    two = [{"depth_m": 10.0, "value": v} for v in (2.31, 2.32)]
    same = [{"depth_m": 10.0, "value": 2.31}] * 2
    assert copies(checked(source("a", two))) == {}
    assert copies(checked(source("a", [row | {"replicate": i} for i, row in enumerate(same)]))) == {}
    assert copies(checked(source("a", [row | {"sample_id": str(i)} for i, row in enumerate(same)]))) == {}
    assert copies(checked(source("a", same))) == {"a": 1}
    # 2.3 and 2.3 among other replicates agree by chance, 2.3456 and 2.3456 do not
    assert copies(checked(source("a", [{"depth_m": 9.0, "value": v} for v in (2.1, 2.3, 2.3)]))) == {}
    assert copies(checked(source("a", [{"depth_m": 9.0, "value": v} for v in (2.1, 2.3456, 2.3456)]))) == {"a": 1}


def test_copied_replicates_find_one_partner_each():
    """Two replicates that nearly agree, copied: two copies, not three."""
    two = [{"depth_m": 10.0, "value": v} for v in (2.31, 2.32)]
    df = checked(source("a", two), source("b", two))
    assert copies(df) == {"b": 2} and df["duplicate_of"].nunique() == 2


def test_one_station_under_two_names_in_one_file():
    """A time series that a compilation tells twice is found; two traps that share one value are not."""
    days = [{"time": pd.Timestamp("2010-05-01") + pd.Timedelta(days=20 * i), "depth_m": 500.0} for i in range(6)]
    series = [
        day | {"value": v, "station": "1"} for day, v in zip(days, (0.31, 0.45, 0.52, 0.6, 0.41, 0.3), strict=True)
    ]
    flux = {"variable": "poc_flux", "unit": "mmol m-2 d-1", "method": "trap", "sigma": None}
    again = [row | {"station": "2"} for row in series]
    assert copies(checked(source("a", series + again, **flux))) == {"a": 6}
    chance = [row | {"value": row["value"] + (0.1 if i else 0.0)} for i, row in enumerate(again)]
    assert copies(checked(source("a", series + chance, **flux))) == {}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({}, {"flag": 3}),
        ({"flag": 1}, {}),
        ({}, {"sigma": None}),
        ({"time_precision": "second"}, {"time_precision": "month", "time": pd.Timestamp("2010-05-15")}),
        ({}, {"digits": 2}),
    ],
)
@pytest.mark.parametrize("names", ["ab", "ba"])
def test_the_better_one_is_kept(better, worse, names):
    """By flag, sigma, precision of time and digits, whatever the name of the source or the order of the files."""
    parts = [cast(names[0], **better), cast(names[1], **worse)]
    for order in (parts, parts[::-1]):
        assert copies(checked(*order)) == {names[1]: 5}


def test_the_cast_with_salinity_is_kept():
    """A cast keeps what belongs together: of two equal ones, that with more variables."""
    salt = cast("b").assign(variable="salinity", value=35.1, value_source="35.1", unit="1")
    assert copies(checked(cast("a"), cast("b"), salt.assign(locator=salt["locator"] + "S"))) == {"a": 5}


def test_three_sources_keep_one():
    """Of three that say the same, two name the third."""
    df = checked(cast("c"), cast("a", digits=2), cast("b", digits=2))
    assert copies(df) == {"a": 5, "b": 5} and set(df["duplicate_of"].dropna()) == set(df["record_id"][:5])


def test_shuffling_changes_nothing():
    """The same links come from any order of the records."""
    df = records.conform(pd.concat([cast("a"), cast("b", digits=2), cast("a", station="2")], ignore_index=True))
    df = df.assign(record_id=[f"{i:02}" for i in range(len(df))])
    links = quality.check(df).set_index("record_id")["duplicate_of"]
    for seed in range(5):
        other = quality.check(df.sample(frac=1, random_state=seed)).set_index("record_id")["duplicate_of"]
        pd.testing.assert_series_equal(other.sort_index(), links)


def lab(name, days, rng=None, digits=3, **more):
    """Casts of the profile on several days, as a laboratory with errors of 2 % finds it."""
    parts = []
    for day in days:
        errors = 1 + 0.02 * rng.normal(size=len(PROFILE))
        rows = [
            {"time": day, "depth_m": z, "value": round(v * e, digits)}
            for (z, v), e in zip(PROFILE.items(), errors, strict=True)
        ]
        parts.append(source(name, rows, **more))
    df = pd.concat(parts, ignore_index=True)
    return df.assign(locator=[f"{name}.csv, row {i}, column 5: Th" for i in range(len(df))])


DAILY = pd.date_range("2010-05-01", periods=7)
MONTHLY = pd.date_range("2010-01-10", periods=12, freq="30D")
YEAR = {"days": [pd.Timestamp("2010-07-02")], "time_precision": "year"}


@pytest.mark.parametrize(
    ("days", "other"),
    [(DAILY, {"days": DAILY}), (DAILY, {"days": DAILY, "digits": 2}), (MONTHLY, YEAR)],
)
def test_neighbours_in_time_are_no_copies(days, other):
    """Two laboratories at one place, each day or in one year, agree in some values by chance: none is a copy."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert copies(checked(lab("a", days, rng), lab("b", rng=rng, **other))) == {}


def test_copies_among_daily_casts():
    """Daily casts that are told again, rounded, find each its own day; a year tells one of 12 casts by its digits."""
    a = lab("a", DAILY, np.random.default_rng(1))
    b = lab("b", DAILY, np.random.default_rng(1), digits=2, latitude=10.12, cruise="other")
    df = checked(a, b)
    assert copies(df) == {"b": 35}
    assert df.loc[df["duplicate_of"].notna(), "duplicate_of"].tolist() == df["record_id"][:35].tolist()
    a = lab("a", MONTHLY, np.random.default_rng(1), digits=4)
    b = a[15:20].assign(source_id="b", time=YEAR["days"][0], time_precision="year", locator=cast("b")["locator"].array)
    assert copies(checked(a, b)) == {"b": 5}


def test_a_profile_is_kept_whole():
    """One sigma that is missing does not tear a profile: the station with more sigmas is kept, whatever the order."""
    a, b = cast("a"), cast("b", cruise="C compiled")
    a.loc[2, "sigma"] = None
    assert copies(checked(a, b)) == {"a": 5}


def test_a_bad_flag_goes_with_the_value():
    """What its author flags as bad stays bad where a copy without flags is kept, and a second check changes nothing."""
    author, copy = cast("a", flag=2), cast("b", flag=2)
    author.loc[1, "flag"] = 4
    df = checked(author, copy)
    kept = df[df["duplicate_of"].isna()]
    assert set(kept["source_id"]) == {"b"} and kept["flag"].tolist() == [2, 4, 2, 2, 2]
    assert kept["note"].tolist()[1] == "flagged in a copy"
    pd.testing.assert_frame_equal(quality.check(df), df)


def test_a_crowd_elsewhere_changes_nothing():
    """3,000 values of a towed sensor, far away, leave true copies alone."""
    crowd = source("towed", [{"depth_m": 10.0, "value": 2.0, "latitude": 40.0}]).loc[np.zeros(3000, dtype=int)]
    crowd = crowd.assign(
        station=np.arange(3000).astype(str), value=np.random.default_rng(1).normal(2.0, 0.2, 3000),
        locator=[f"towed.csv, row {i}, column 5: Th" for i in range(3000)],
    )  # fmt: skip
    crowd["value_source"] = crowd["value"].astype(str)
    assert copies(checked(cast("a"), cast("b"), crowd)) == {"b": 5}


def test_dense_values_cost_no_square():
    """20,000 values at one place and hour: only equal ones are looked for, and memory stays small."""
    rng = np.random.default_rng(1)
    n = 20_000
    rows = source("a", [{"depth_m": 10.0, "value": 2.0}]).loc[np.zeros(n, dtype=int)].reset_index(drop=True)
    values = rng.normal(2.0, 0.2, n)
    rows = rows.assign(
        value=values, value_source=[str(v) for v in values], station=np.arange(n).astype(str),
        locator=[f"a.csv, row {i}, column 5: Th" for i in range(n)],
    )  # fmt: skip
    assert copies(checked(rows)) == {}
