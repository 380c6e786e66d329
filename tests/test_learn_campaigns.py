"""Campaigns and folds: nothing of a campaign may stand on both sides of a split."""

import time

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform

from learn_sea import table
from seaofcarbon.files import UserError
from seaofcarbon.learn.campaigns import SPLITS, campaigns, folds, leakage, thin


def casts(rows):
    """Casts from (latitude, longitude, day)."""
    df = pd.DataFrame(rows, columns=["latitude", "longitude", "time"])
    return df.assign(time=pd.to_datetime(df["time"]))


def cruises(n_cruises=250, n=5000, seed=0):
    """Casts along the tracks of cruises, some of which meet."""
    rng = np.random.default_rng(seed)
    c = rng.integers(0, n_cruises, n)
    start = rng.uniform([-70, -180, 0], [70, 180, 9000], (n_cruises, 3))[c]
    day = rng.integers(0, 30, n)
    when = pd.Timestamp("1990-01-01") + pd.to_timedelta(np.floor(start[:, 2]) + day, unit="D")
    longitude = (start[:, 1] + 0.8 * day + rng.normal(0, 1, n) + 180) % 360 - 180
    return pd.DataFrame(
        {"latitude": start[:, 0] + rng.normal(0, 1, n), "longitude": longitude, "time": when, "depth_m": 100.0}
    )


def test_chain_of_casts_is_one_campaign():
    """A cruise of 3,000 km in steps of 600 km is one campaign, though its ends are far apart."""
    assert len(set(campaigns(casts([(0, 5.4 * k, f"2010-03-{1 + 5 * k:02d}") for k in range(6)])))) == 1


def test_date_line_does_not_part_a_campaign():
    """179 E and 179 W are 222 km apart."""
    assert len(set(campaigns(casts([(0, 179, "2010-03-01"), (0, -179, "2010-03-02")])))) == 1


def test_dates_without_a_day_join_within_the_month():
    """The 1st and the 30th of a month, 100 km apart, may be one cruise whose days were not kept."""
    same, other = (
        casts([(0, 0, "2010-03-01"), (0, 1, "2010-03-30")]),
        casts([(0, 0, "2010-03-08"), (0, 1, "2010-04-06")]),
    )
    assert campaigns(same).tolist() == [0, 0]
    assert len(set(campaigns(other))) == 2


def test_labels_do_not_depend_on_row_order_or_longitude_convention():
    """Shuffled rows and longitudes from 0 to 360 get the same labels."""
    df = cruises(n=500)
    labels, mixed = campaigns(df), np.random.default_rng(1).permutation(len(df))
    other = df.iloc[mixed].assign(longitude=df["longitude"].iloc[mixed] % 360)
    assert (campaigns(other) == labels[mixed]).all()


def test_five_thousand_casts_in_a_second():
    """Neighbours are found with a tree, not by comparing all pairs."""
    df, start = cruises(), time.perf_counter()
    campaigns(df)
    assert time.perf_counter() - start < 1.0


def test_our_splits_do_not_leak_and_random_ones_do():
    """No test row has a training row within 300 km and 20 days; of random rows most have."""
    df = cruises(n=1500)
    df["campaign"] = campaigns(df)
    share = {kind: leakage(df, folds(df, kind, 5, seed=3)) for kind in SPLITS}
    assert share["campaign"] == share["block"] == 0.0
    assert share["random"] > 0.5


def test_leakage_is_what_all_pairs_say():
    """The tree finds what the full matrix of distances finds."""
    df = cruises(n_cruises=20, n=300)
    split = folds(df, "random", 4)
    lat, lon = np.deg2rad(df[["latitude", "longitude"]].to_numpy()).T
    xyz = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    near = squareform(2 * 6371.0 * np.arcsin(np.clip(pdist(xyz) / 2, 0, 1))) <= 300
    near &= squareform(pdist(df["time"].to_numpy("datetime64[D]").astype(float)[:, None])) <= 20
    expected = sum(near[np.ix_(test, train)].any(axis=1).sum() for train, test in split) / len(df)
    assert leakage(df, split) == expected


@pytest.mark.parametrize("kind", SPLITS)
def test_every_row_is_tested_once_by_models_that_did_not_see_it(kind):
    """Test sides are a partition, and apart from training; the split does not change with the order of the rows."""
    df = table(n_cruises=20)
    split = folds(df, kind, 4, seed=1)
    assert np.array_equal(np.sort(np.concatenate([test for _, test in split])), np.arange(len(df)))
    for train, test in split:
        assert not set(train) & set(test)
        if kind != "random":
            assert not set(df["campaign"].iloc[train]) & set(df["campaign"].iloc[test])
    mixed = df.sample(frac=1, random_state=0)
    again = {frozenset(mixed.index[test]) for _, test in folds(mixed, kind, 4, seed=1)}
    assert again == {frozenset(df.index[test]) for _, test in split}


def test_what_cannot_be_split_is_refused_in_one_line():
    """Too few campaigns, a cast without a day, an unknown kind."""
    df = table(n_cruises=3)
    with pytest.raises(UserError, match="3 campaign groups are too few for 5 folds"):
        folds(df, "campaign", 5)
    with pytest.raises(UserError, match="have no time"):
        campaigns(df.assign(time=pd.NaT))
    with pytest.raises(UserError, match="unknown"):
        folds(df, "leaky", 2)


def test_thinning_keeps_every_campaign_and_depth():
    """Of 200 casts of 4 depths 120 are left with 2 depths each, from all campaigns; 600 rows are 150 whole casts."""
    df = table()
    small, large = thin(df, 240, seed=1), thin(df, 600, seed=1)
    assert (len(small), len(large)) == (240, 600)
    assert (small.groupby("cast_id").size() == 2).all()
    assert (large.groupby("cast_id").size() == 4).all()
    assert set(small["campaign"]) == set(large["campaign"]) == set(df["campaign"])
    assert (small["depth_m"].value_counts() > 30).all()
