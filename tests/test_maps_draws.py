"""Drawn maps: the fields have the correlation they were asked for, and intervals are as wide as theory says."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from seaofcarbon import carbon, maps
from seaofcarbon.files import UserError
from seaofcarbon.maps import draws

FIELD = maps.ErrorField(0.04, 2000.0, 120.0)


@pytest.fixture(scope="module")
def flux():
    """A POC flux that differs from place to place and month to month, with a gap, on a 10 degree grid."""
    lat, lon = np.arange(-85.0, 90, 10), np.arange(-175.0, 180, 10)
    value = 4 + 3 * np.cos(np.deg2rad(lat))[:, None] * np.cos(np.deg2rad(lon)) + np.arange(12)[:, None, None] / 10
    da = xr.DataArray(value, dims=("month", "lat", "lon"), coords={"month": list(maps.MONTHS), "lat": lat, "lon": lon})
    return da.where(da["lon"] > -160)


def casts(n, rng, per_campaign=1, folds=5):
    """Casts all over the sphere and the year, each campaign at one place, with no error."""
    places = -(-n // per_campaign)
    at = {"latitude": np.degrees(np.arcsin(rng.uniform(-1, 1, places))), "longitude": rng.uniform(-180, 180, places)}
    at |= {"time": pd.Timestamp("2010-01-01") + pd.to_timedelta(rng.integers(0, 365, places), "D")}
    df = pd.DataFrame(at | {"campaign": np.arange(places), "block_fold": np.arange(places) % folds})
    df = df.loc[np.repeat(np.arange(places), per_campaign)[:n]].reset_index(drop=True)
    return df.assign(prediction=rng.normal(size=n), error=0.0, block_error=0.0)


def with_field(df, field, rng):
    """Errors drawn from a field, another one in each fold."""
    error = np.zeros(len(df))
    season = draws._season(df["time"].dt.day_of_year)
    for fold in df["block_fold"].unique():
        rows = np.flatnonzero(df["block_fold"] == fold)
        place = draws._place(df["latitude"].iloc[rows], df["longitude"].iloc[rows])
        drawn = maps.random_field(rng, place, season[rows], field, 200)
        error[rows] = np.sqrt(field.variance) * drawn[np.arange(len(rows)), np.arange(len(rows))]
    return df.assign(error=error, block_error=error)


def width(table, region="global"):
    """Width of the interval of a region, of its total."""
    row = table[table["region"] == region].iloc[0]
    return (row["upper_pg_yr"] - row["lower_pg_yr"]) / row["total_pg_yr"]


def test_drawn_fields_have_unit_variance_and_the_correlation_asked_for():
    """Correlation falls as exp(-h) in space, in season, and in both."""
    rng = np.random.default_rng(1)
    place, season = draws._place([0, 0, 0, 0], [0, 5, 20, 60]), draws._season([15.0, 75.0])
    drawn = np.array([maps.random_field(rng, place, season, FIELD) for _ in range(3000)]).reshape(3000, 8)
    points = np.hstack([np.repeat(place / FIELD.length_km, 2, 0), np.tile(season / FIELD.season_d, (4, 1))])
    expected = np.exp(-np.linalg.norm(points[:, None] - points, axis=2))
    np.testing.assert_allclose(drawn.T @ drawn / 3000, expected, atol=0.08)


def test_field_of_errors_is_found_apart_from_the_anomalies_of_campaigns():
    """Variances come back; what casts of one campaign share alone is not taken for an error of the map."""
    rng, found = np.random.default_rng(2), []
    for _ in range(8):
        df = with_field(casts(3000, rng, per_campaign=3, folds=10), FIELD, rng)
        anomaly = rng.normal(0, 0.3, df["campaign"].nunique())[df["campaign"]]
        found.append(maps.fit_field(maps.error_pairs(df.assign(block_error=df["block_error"] + anomaly))))
    variance, length, _, own = np.mean(found, axis=0)
    assert variance == pytest.approx(FIELD.variance, rel=0.4)
    assert own == pytest.approx(0.09, rel=0.2)
    assert length == pytest.approx(FIELD.length_km, rel=0.6)


def test_without_errors_a_draw_is_the_plain_total(flux):
    """Zero errors: the sum of `integrate_poc` in every region, and an interval without width; products as well."""
    rng = np.random.default_rng(3)
    plain = maps.integrate_poc(flux).set_index("region")["total_pg_yr"]
    parts = {"th234_flux": 400 * flux**0.5, "c_th": 2.5 * flux**0.5}
    for predictions in ({"poc_flux": flux}, parts):
        errors = {target: casts(40, rng) for target in predictions}
        table = maps.draw_totals(predictions, errors, n_draws=3).set_index("region")
        assert set(table.index) == set(plain.index)
        np.testing.assert_allclose(table["total_pg_yr"], plain[table.index], rtol=1e-3)
        np.testing.assert_allclose(table["upper_pg_yr"], table["lower_pg_yr"])


def test_an_error_of_all_cells_gives_the_interval_of_theory(flux):
    """One cast a campaign and no pairs: the mean error is normal, and so is the logarithm of the total."""
    rng, n, sd = np.random.default_rng(4), 100, 0.2
    df = casts(n, rng, folds=n).assign(error=np.tile([-sd, sd], n // 2))
    globe = maps.draw_totals({"poc_flux": flux}, {"poc_flux": df}, n_draws=300).iloc[0]
    assert np.log10(globe["upper_pg_yr"] / globe["lower_pg_yr"]) == pytest.approx(2 * 1.645 * sd / n**0.5, rel=0.2)
    plain = maps.integrate_poc(flux)["total_pg_yr"][0]
    assert globe["total_pg_yr"] == pytest.approx(plain * np.cosh(sd * np.log(10)), rel=0.02)


def test_errors_that_neighbours_share_widen_a_sum_and_small_regions_more(flux):
    """Of the same variance, errors of single casts average out over the cells, those of a field do not."""
    rng = np.random.default_rng(5)
    df = casts(800, rng)
    alone = df.assign(error=rng.normal(0, FIELD.variance**0.5, len(df)))
    tables = [
        maps.draw_totals({"poc_flux": flux}, {"poc_flux": errors}, n_draws=100)
        for errors in (alone.assign(block_error=alone["error"]), with_field(df, FIELD, rng))
    ]
    assert width(tables[0]) < 0.1 < 2 * width(tables[0]) < width(tables[1])
    assert width(tables[1], "60-90N") > 1.5 * width(tables[1])


def test_a_finer_grid_narrows_nothing_that_is_shared(flux):
    """Four times the cells of the same sea: the same interval, because cells are no new evidence."""
    rng = np.random.default_rng(6)
    errors = {"poc_flux": with_field(casts(500, rng), FIELD, rng)}
    fine = flux.interp(lat=np.arange(-87.5, 90, 5), lon=np.arange(-177.5, 180, 5), method="nearest",
                       kwargs={"fill_value": "extrapolate"})  # fmt: skip
    coarse, fine = (width(maps.draw_totals({"poc_flux": da}, errors, n_draws=100)) for da in (flux, fine))
    assert fine == pytest.approx(coarse, rel=0.25)


def test_interval_lies_about_the_sum_of_the_map():
    """Draws that are a tenth too high on average still say how wide: in proportion, about the sum of means."""
    keys = {"region_kind": ["basin"], "region": ["Arctic"]}
    drawn = pd.DataFrame(keys | {"total_pg_yr": [1.1], "lower_pg_yr": [0.88], "upper_pg_yr": [1.43], "n_draws": [9]})
    row = maps.interval_about(pd.DataFrame(keys | {"total_pg_yr": [2.0]}), drawn).iloc[0]
    assert row[["total_pg_yr", "lower_pg_yr", "upper_pg_yr"]].tolist() == pytest.approx([2.0, 1.6, 2.6])


def test_the_same_seed_draws_the_same_maps(flux):
    """Runs can be repeated; another seed gives other draws."""
    rng = np.random.default_rng(7)
    errors = {"poc_flux": with_field(casts(200, rng), FIELD, rng)}
    one, two, other = (maps.draw_totals({"poc_flux": flux}, errors, n_draws=5, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert not np.allclose(one["total_pg_yr"], other["total_pg_yr"])


def held_out(n):
    """Validation and training of n campaigns with a cast of three depths each."""
    depth = np.tile([30.0, 90.0, 240.0], n)
    cast = np.repeat([f"c{k:02d}" for k in range(n)], 3)
    rows = {"target": "poc_flux", "model": "mean", "cast_id": cast, "campaign": np.repeat(np.arange(n), 3)}
    rows |= {"value": 10 * depth, "prediction": depth, "depth_m": depth, "fold": np.repeat(np.arange(n) % 5, 3)}
    one = pd.DataFrame(rows)
    training = one[["target", "cast_id"]].assign(latitude=10.0, longitude=20.0, time=pd.Timestamp("2010-06-01"))
    blocks = one.assign(split="block", prediction=one["prediction"] / 10, fold=(one["fold"] + 1) % 5)
    return pd.concat([one.assign(split="campaign"), blocks]), training


def test_one_error_a_cast_the_nearest_to_the_depth():
    """Of each cast the value near the depth counts, with the error of both splits on the scale of the model."""
    errors = maps.cast_errors(*held_out(12), "poc_flux", 100.0)
    assert len(errors) == 12
    np.testing.assert_allclose(errors["prediction"], np.log10(90.0))
    np.testing.assert_allclose(errors["error"], 1.0)
    np.testing.assert_allclose(errors["block_error"], 2.0)
    assert (errors["block_fold"] == (errors["campaign"] % 5 + 1) % 5).all()


def test_errors_about_a_power_law_are_its_scatter():
    """Values on the law have no error, those twice as large log10(2)."""
    law = carbon.PowerLaw(400.0, -1.0, 1.5)
    depth = np.full(40, 100.0)
    rows = pd.DataFrame({"target": "c_th", "cast_id": [f"c{k:02d}" for k in range(40)], "campaign": np.arange(40)})
    rows = rows.assign(depth_m=depth, value=np.tile([4.0, 8.0], 20), latitude=0.0, longitude=0.0)
    rows = rows.assign(time=pd.Timestamp("2010-06-01"))
    errors = maps.law_errors(rows, {carbon.EVERYWHERE: law}, 100.0)
    np.testing.assert_allclose(errors["error"], np.tile([0.0, np.log10(2.0)], 20), atol=1e-12)


def test_each_ratio_errs_about_the_law_of_its_basin():
    """A basin without a law of its own takes the global one; blocks of the sea are dealt to folds, so pairs are few."""
    n = 40
    rows = pd.DataFrame({"target": "c_th", "cast_id": [f"c{k:02d}" for k in range(n)], "campaign": np.arange(n)})
    rows = rows.assign(depth_m=100.0, value=4.0, latitude=np.tile([-60.0, 40.0], n // 2))
    rows = rows.assign(longitude=np.where(rows["latitude"] > 0, -40.0, np.linspace(-170, 170, n)))
    rows = rows.assign(time=pd.Timestamp("2010-06-01"))
    laws = {carbon.EVERYWHERE: carbon.PowerLaw(200.0, -1.0, 1.5), "Southern Ocean": carbon.PowerLaw(400.0, -1.0, 1.5)}
    errors = maps.law_errors(rows, laws, 100.0)
    np.testing.assert_allclose(errors["error"], np.where(errors["latitude"] < 0, 0.0, np.log10(2.0)), atol=1e-12)
    assert errors["block_fold"].nunique() > 2
    assert errors.groupby(["latitude", errors["longitude"] // 20])["block_fold"].nunique().max() == 1


def test_correlation_of_errors_is_that_of_the_casts_that_have_both():
    """Casts are met by name; campaigns that are too few give no number."""
    rng = np.random.default_rng(8)
    one = casts(300, rng).assign(cast_id=lambda df: df.index, error=rng.normal(size=300))
    other = one.assign(error=0.6 * one["error"] + 0.8 * rng.normal(size=300)).sample(frac=0.8, random_state=1)
    r, n, campaigns = maps.error_correlation(one, other)
    assert r == pytest.approx(one["error"].corr(other["error"]))  # campaigns of one cast weigh the same
    assert n == campaigns == 240
    assert np.isnan(maps.error_correlation(one, other.iloc[:9])[0])


def test_few_campaigns_are_refused():
    """Nine campaigns cannot say what campaigns share."""
    with pytest.raises(UserError, match="come from 9 campaigns"):
        maps.cast_errors(*held_out(9), "poc_flux", 100.0)
