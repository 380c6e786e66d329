"""What each choice does: what is known beforehand comes out, and what cannot be chosen has a reason and no number."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from learn_sea import SEED, covariates, table
from seaofcarbon import carbon, flux, maps, ocean, sensitivity, thorium
from seaofcarbon.files import UserError
from seaofcarbon.learn.models import DEFAULTS, Model
from seaofcarbon.plot import sensitivity as figures
from seaofcarbon.sensitivity import BASELINE, DIRECT, PRODUCT, SITES, TITLES, TRUTH, Choices, Study
from seaofcarbon.vocabulary import LAMBDA_TH234_PER_D

mpl.use("agg")
SALINITY = 35.0
OFF = {"mean": 1.2, "rf": 1.1, "xgb": 1.5}
HEAD = ["cast_id", "source_id", "cruise", "station", "time", "latitude", "longitude"]


def profiles(training):
    """Samples under the casts of a table: 234Th the same at all depths, other in each cast, 238U from salinity only."""
    heads = training.drop_duplicates("cast_id")[HEAD]
    th = np.random.default_rng(0).uniform(1.0, 2.0, len(heads))
    return heads.assign(th234_total=th, salinity=SALINITY).merge(
        pd.DataFrame({"depth_m": [0.0, 100, 200, 300]}), "cross"
    )


@pytest.fixture(scope="module")
def sea():
    """The small sea with a year of chlorophyll."""
    ds = covariates()
    year = 1 + 0.9 * np.cos(2 * np.pi * (ds["month"] - 5) / 12)
    return ds.assign(chlorophyll=(ds["chlorophyll"] * year).astype("f4").transpose("month", "lat", "lon"))


def study(sea, training, base, samples=None, cls=Study):
    """A study of models that were fitted to a table; at sea was measured so many times what a model gave: `OFF`."""
    learners, held_out = {}, []
    for target, rows in training.groupby("target"):
        rows = rows.reset_index(drop=True)
        learners[target] = Model.fit(rows, target, SEED, DEFAULTS, seed=base.seed)
        for member, off in OFF.items():
            held_out.append(rows.assign(model=member, split="campaign", prediction=rows["value"] / off))
    samples = profiles(training).iloc[:0] if samples is None else samples
    fluxes = flux.fluxes(samples, [25.0, 50.0, 100.0, 150.0])
    archive = pd.DataFrame({"variable": pd.Series(dtype=str), "method": pd.Series(dtype=str)}).reindex(
        columns=["variable", "method", "value", "sigma", "flag", "source_id", "cruise", "station", "time", "latitude",
                 "longitude", "depth_m"]
    )  # fmt: skip
    archive["time"] = pd.to_datetime(archive["time"])
    blooms = {f"{x:g}": ocean.bloom(sea["chlorophyll"], x) for x in (1.05, 1.5)}
    return cls(base, learners, training, samples, fluxes, archive, sea, blooms, pd.concat(held_out))


@pytest.fixture(scope="module")
def direct(sea):
    """POC flux as others published it, and nothing else."""
    training = table(target="poc_flux", n_cruises=24).assign(feature_set="seed")
    return study(sea, training, Choices(way=DIRECT, bloom="1.05", seed=3))


@pytest.fixture(scope="module")
def product(sea):
    """Fluxes of 234Th from the profiles, and ratios."""
    thorium_rows = table(n_cruises=24)
    samples = profiles(thorium_rows)
    found = flux.fluxes(samples, [25.0, 50.0, 100.0, 150.0]).set_index(["cast_id", "depth_m"])["th234_flux"]
    at = pd.MultiIndex.from_frame(thorium_rows[["cast_id", "depth_m"]])
    thorium_rows["value"] = found.reindex(at).to_numpy()
    ratios = table(target="c_th", n_cruises=24, seed=1)
    training = pd.concat([thorium_rows, ratios], ignore_index=True)
    pumps = ratios[["cast_id", "depth_m", "value"]].rename(columns={"value": "c_th_large"})
    samples = pd.concat([samples, samples.drop_duplicates("cast_id")[HEAD].merge(pumps, "left", "cast_id")])
    samples = samples.sort_values(["cast_id", "depth_m"], kind="stable", ignore_index=True)
    return study(sea, training.assign(feature_set="seed"), Choices(bloom="1.05", seed=3), samples)


@pytest.fixture(scope="module")
def found(direct):
    """Its table."""
    return sensitivity.table(direct, n_seeds=1)


def test_ten_percent_more_of_each_flux_is_ten_percent_more_of_the_total(sea):
    """A factor on all values is a shift of their logarithm: models, correction and sums pass it on."""

    class Tenth(Study):
        def _recomputed(self, choices):
            return self.training.assign(value=1.1 * self.training["value"])

    training = table(target="poc_flux", n_cruises=24).assign(feature_set="seed")
    case = study(sea, training, Choices(way=DIRECT, bloom="1.05"), cls=Tenth)
    before, after = (case.summed(replace(case.base, u238_relation=name)) for name in ("owens2011", "chen1986"))
    assert after["total_pg_yr"] / before["total_pg_yr"] == pytest.approx(1.1, rel=3e-3)
    # cells and months feel how ties between splits fall, which hangs on the last bits of the values
    assert after["Alboran Sea"] / before["Alboran Sea"] == pytest.approx(1.1, rel=0.02)
    assert after["bloom_ratio"] == pytest.approx(before["bloom_ratio"], rel=0.02)


def test_another_relation_moves_each_flux_by_what_it_says_of_238u(product):
    """Lambda times the change of 238U times the depth, the same in every cast; the ratios stay."""
    old, new = product.training, product.values(replace(product.base, u238_relation="pates_muir2007"))
    u = [float(thorium.u238_from_salinity(SALINITY, name)) for name in ("owens2011", "pates_muir2007")]
    expected = LAMBDA_TH234_PER_D * 1000 * (u[1] - u[0]) * old["depth_m"]
    is_flux = old["target"] == "th234_flux"
    np.testing.assert_allclose((new["value"] - old["value"])[is_flux], expected[is_flux], rtol=1e-9)
    assert new.loc[~is_flux, "value"].equals(old.loc[~is_flux, "value"])
    assert (
        product.summed(replace(product.base, u238_relation="pates_muir2007"))["total_pg_yr"]
        > (product.summed(product.base)["total_pg_yr"])
    )


def test_the_same_choices_give_the_model_of_the_run(direct):
    """Fitted again with its own values and seed, a model is the same to the bit."""
    own, rows = direct.learners["poc_flux"], direct.training
    again = sensitivity.refit(own, rows, SEED, direct.base.seed)
    assert (again.predict(rows)["prediction"] == own.predict(rows)["prediction"]).all()
    assert direct.learner("poc_flux", replace(direct.base, average="middle")) is own


def test_every_choice_has_a_number_or_a_reason(found):
    """The first row changes nothing; a choice that cannot be made has no number anywhere, and says why."""
    assert set(found["choice"]) == {BASELINE, *TITLES.values()}
    first = found.iloc[0]
    assert first["choice"] == BASELINE
    assert first["change_percent"] == 0 == first["Alboran Sea, change_percent"]
    silent = found["total_pg_yr"].isna()
    numbers = found.select_dtypes("number").columns
    assert found.loc[silent, numbers].isna().all(axis=None)
    assert (found.loc[silent, "note"] != "").all()
    reasons = found.set_index("choice")["note"]
    assert reasons[TITLES["u238_relation"]].str.startswith("not ours to change: all 480 POC fluxes").all()
    assert reasons[TITLES["way"]].startswith("too few for a model: 0 values of th234_flux in 0 campaigns")
    assert not silent[found["choice"].isin([TITLES[name] for name in ("model", "average", "bloom", "seed")])].any()


def test_a_definition_of_bloom_moves_no_carbon(found):
    """A higher threshold leaves the total and puts less of it into the bloom; a far cell gives a site no number."""
    bloom = found[found["choice"] == TITLES["bloom"]].iloc[0]
    assert bloom["change_percent"] == 0
    assert 0 < bloom["share_in_bloom"] < found["share_in_bloom"].iloc[0] < 1
    assert np.isfinite(bloom["Alboran Sea"])
    assert np.isnan(bloom["Gulf of Cadiz"])


def test_middle_values_are_less_than_means_and_truth_is_its_own_row(product, sea):
    """A product of means; the published law gives its ratio everywhere; a true map is summed on the same cells."""
    base = replace(product.base, average="middle", c_th="owens2015")
    ratio = product.poc_flux(base) * 1000 / product.predicted("th234_flux", base)["globe"]["th234_flux"]
    np.testing.assert_allclose(ratio.min(), carbon.ratio_owens2015(100.0), rtol=1e-5)
    np.testing.assert_allclose(ratio.max(), carbon.ratio_owens2015(100.0), rtol=1e-5)
    assert (
        product.summed(replace(product.base, average="middle"))["total_pg_yr"]
        < (product.summed(product.base)["total_pg_yr"])
    )
    assert product.obstacle("way", DIRECT).startswith("too few for a model: 0 values of poc_flux")
    assert product.obstacle("particles", "small") == "too few for a model: 0 C:Th of small particles"
    assert product.base.way == PRODUCT
    twice = 2 * product.poc_flux(product.base).reindex_like(sea["sst"], method="nearest")
    last = sensitivity.table(product, n_seeds=1, truth=twice.where(twice["lat"] < 40)).iloc[-1]
    assert last["choice"] == TRUTH
    assert last["change_percent"] == pytest.approx(100)


def test_each_model_has_its_own_factor_to_means(direct):
    """Measured over predicted, of campaigns left out; at each depth where the map follows the sea."""
    for member, off in OFF.items():
        middle, mean = (direct.poc_flux(replace(direct.base, model=member, average=a)) for a in ("middle", "mean"))
        np.testing.assert_allclose((mean / middle).mean(), off, rtol=1e-5)
    rows = direct.validation.assign(value=lambda df: df["value"] * np.where(df["depth_m"] > 90, 2.0, 1.0))
    depth = xr.DataArray([[30.0, 110.0], [np.nan, 140.0]], dims=("lat", "lon"))
    factor = sensitivity.held_out_factor(rows, "poc_flux", "rf", depth)
    assert factor.shape == (2, 2)
    assert 1.1 < factor[0, 0] < factor[0, 1] < factor[1, 1] < 2.2
    assert np.isnan(factor[1, 0])
    with pytest.raises(UserError, match="no held-out poc_flux of the model 'sum'"):
        sensitivity.held_out_factor(rows, "poc_flux", "sum", 100.0)


def test_laws_of_basins_differ_from_the_law_of_all_only_where_a_basin_has_its_own(product):
    """Regional is not one law under another name; a word that is no way to C:Th is refused."""
    training = product.training.copy()
    ratios = training["target"] == "c_th"
    basin = ocean.basin(training["latitude"], training["longitude"])
    north = pd.Series(basin[ratios]).mode()[0]
    training.loc[ratios & (basin == north), "value"] *= 3
    case = replace(product, training=training)
    assert north in case.laws()
    one, regional = (case.poc_flux(replace(case.base, c_th=word)) for word in ("power_law", "regional"))
    ratio, own = regional / one, np.isin(maps.regions(one)["basin"], list(case.laws()))
    np.testing.assert_allclose(
        ratio.max("month").to_numpy()[~own & one.notnull().any("month").to_numpy()], 1, rtol=1e-5
    )
    assert ratio.where(own).max() > 1.2
    assert not case.obstacle("c_th", "regional")
    with pytest.raises(UserError, match="c_th='martin' is no way to C:Th: use one of ml, power_law, regional"):
        case.poc_flux(replace(case.base, c_th="martin"))


def test_choices_are_those_that_the_chapter_took(product, direct):
    """A run with a model of the 234Th flux and none of C:Th can still have taken the direct way, or a law."""
    flux_only = {"th234_flux": product.learners["th234_flux"]}
    taken = sensitivity.choices_of_run(product.fluxes, flux_only, product.training, PRODUCT, "regional", "1.05")
    assert (taken.way, taken.c_th, taken.seed) == (PRODUCT, "regional", 3)
    both = flux_only | direct.learners
    assert sensitivity.choices_of_run(product.fluxes, both, product.training, DIRECT, "power_law").way == DIRECT


def test_a_bloom_that_is_not_there_is_refused(direct):
    """By name, with those that are."""
    with pytest.raises(UserError, match=r"bloom '7' is none of the definitions given: 1.05, 1.5"):
        replace(direct, base=replace(direct.base, bloom="7"))


def test_table_to_look_at_has_no_nan_and_says_no_choice_twice(found):
    """Blank where there is no number; the kind of depth is read from the map."""
    shown = figures.shown(found)
    assert not shown.isna().any(axis=None)
    assert shown.index.is_unique
    assert (shown["total, Pg C a year"] == "").sum() == found["total_pg_yr"].isna().sum()
    assert sensitivity.kind_of(xr.Dataset()) == "fixed"
    assert sensitivity.kind_of(xr.Dataset({"depth_used": ((), 50.0, {"kind_name": maps.DEPTH_KINDS["mld"]})})) == "mld"


def test_figure_draws_a_bar_for_each_number(found):
    """And words where there is none; the band is the noise of the seeds."""
    total, sites, bloom = figures.tornado(found, "label")
    drawn = found[~found["choice"].isin([BASELINE, TITLES["seed"], TITLES["bloom"]])]
    words = [text.get_text() for text in total.texts]
    assert words.count("not in this run") == drawn["total_pg_yr"].isna().sum()
    assert len(sites.get_yticklabels()) == drawn["total_pg_yr"].notna().sum()
    assert len(bloom.get_yticklabels()) == 2
    assert sensitivity.noise(found) > 0
    assert set(SITES) <= {text.get_text() for text in sites.get_legend().get_texts()}
