"""Models: the same to the bit, kept safely, honest about what they do not know."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from learn_sea import SEED, covariates, table
from seaofcarbon import files
from seaofcarbon.files import UserError
from seaofcarbon.learn import explain, features, journal, models, rivals, seeds, tune, uncertainty, validate
from seaofcarbon.learn.models import DEFAULTS, KINDS, LAYERS, MEMBERS, Model
from seaofcarbon.learn.predict import is_far, is_set_aside, predict_points
from seaofcarbon.maps import predict_grid

TARGET = "th234_flux"
SETTINGS = dict.fromkeys(("0", "1", "2", "all"), DEFAULTS)


@pytest.fixture(scope="module")
def data():
    """800 values in 40 campaigns."""
    return table()


@pytest.fixture(scope="module")
def validation(data):
    """Held-out predictions in all splits, with the settings that tuning starts from."""
    return validate.cross_validate(data, TARGET, SEED, SETTINGS, 5, 1)


@pytest.fixture(scope="module")
def model(data, validation):
    """A model with its interval."""
    fold = validate.fold_numbers(data, 5, 1)
    return Model.fit(data, TARGET, SEED, DEFAULTS, fold, validate.residuals(validation, data, TARGET), seed=1)


@pytest.fixture
def saved(model, tmp_path):
    """The folder of a saved model."""
    model.save(tmp_path / "model")
    return tmp_path / "model"


# --- Models ----------------------------------------------------------------------------------------------


def test_two_runs_with_one_seed_are_identical(model, data, validation):
    """To the bit, with one thread or two."""
    fold = validate.fold_numbers(data, 5, 1)
    again = Model.fit(
        data, TARGET, SEED, DEFAULTS, fold, validate.residuals(validation, data, TARGET), seed=1, threads=2
    )
    pd.testing.assert_frame_equal(again.predict(data), model.predict(data), check_exact=True)


def test_mean_factor_makes_held_out_sums_right(model, data, validation):
    """A model of the log gives middle values; times the factor, they add up to what was measured at sea."""
    held = validate.residuals(validation, data, TARGET)
    factor, weight = model.card["residuals"]["mean_factor"], features.weights(held)
    assert (weight * factor * held["prediction"]).sum() == pytest.approx((weight * held["value"]).sum())
    assert factor != 1.0


def test_mean_factor_follows_depth_where_values_tell():
    """Predictions half of what is measured at 50 m and right at 200 m; far from all values, the factor of all."""
    depth = np.tile([50.0, 200.0], 400)
    held = pd.DataFrame({"campaign": np.arange(800) // 2, "depth_m": depth, "prediction": 1.0})
    held["value"] = np.where(depth == 50, 2.0, 1.0)
    assert features.mean_factor(held) == pytest.approx(1.5)
    near = features.mean_factor(held, [50.0, 200.0, 5000.0])
    assert near == pytest.approx([2.0, 1.0, 1.5], abs=0.06)


def test_a_model_without_held_out_errors_gives_no_means(data):
    """One line, and the chapter to run."""
    with pytest.raises(UserError, match="run 04-tune again"):
        Model.fit(data, TARGET, SEED, DEFAULTS, seed=1).mean_factor(100.0)


def test_saved_model_predicts_the_same(model, data, saved):
    """To the bit, after skops, UBJ and npz."""
    pd.testing.assert_frame_equal(models.load(saved).predict(data), model.predict(data), check_exact=True)


def test_mean_lies_between_the_members_and_the_interval_around_it(model, data):
    """The mean is taken on the scale of the model; the interval is asymmetric in the unit."""
    p = model.predict(data)
    assert (
        (p["prediction"] <= p[["rf", "xgb"]].max(axis=1) + 1e-3)
        & (p["prediction"] >= p[["rf", "xgb"]].min(axis=1) - 1e-3)
    ).all()
    assert ((p["lower"] < p["prediction"]) & (p["prediction"] < p["upper"])).all()


def test_fast_path_computes_what_is_asked_for(model, data):
    """Layers alone equal the layers together; rows in any order give the same numbers."""
    X = features.matrix(data, SEED)
    whole = model.predict_matrix(X)
    assert set(whole) == set(LAYERS)
    for layer in LAYERS:
        assert np.array_equal(model.predict_matrix(X, (layer,))[layer], whole[layer])
    assert np.array_equal(model.predict_matrix(X[::-1].copy(), "prediction")["prediction"][::-1], whole["prediction"])


def test_missing_feature_gives_no_number(model, data):
    """NaN in, NaN out, and not applicable; the other rows are as before."""
    holed = data.assign(npp=data["npp"].where(data.index != 3))
    p = model.predict(holed)
    assert p.loc[3, ["prediction", "lower", "upper", "rf", "xgb"]].isna().all()
    assert not p.loc[3, "applicable"]
    pd.testing.assert_frame_equal(p.drop(3), model.predict(data).drop(3))


@pytest.mark.parametrize("name", models.FILES)
def test_changed_file_is_refused(saved, name):
    """One byte more, and the hash of the card does not fit."""
    with (saved / name).open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(UserError, match="is not the file that its card describes"):
        models.load(saved)


def test_forest_file_with_other_types_is_not_opened(saved):
    """A skops file that needs a type beyond trees is named and refused, even with the right hash."""
    import skops.io

    class Strange:
        pass

    skops.io.dump(Strange(), saved / "rf.skops")
    card = json.loads((saved / "card.json").read_text())
    card["files"]["rf.skops"] = files.sha256(saved / "rf.skops")
    files.write_json(card, saved / "card.json")
    with pytest.raises(UserError, match="which no forest needs"):
        models.load(saved)


@pytest.mark.parametrize(
    "name, content", [("rf.skops", pickle.dumps(1)), ("xgb.ubj", b"{}"), ("applicability.npz", b"PK")]
)
def test_file_of_another_kind_is_refused_in_one_line(saved, name, content):
    """Nothing is unpickled, and no library's error reaches the user."""
    (saved / name).write_bytes(content)
    card = json.loads((saved / "card.json").read_text())
    card["files"][name] = files.sha256(saved / name)
    files.write_json(card, saved / "card.json")
    with pytest.raises(UserError, match="run 04-tune again"):
        models.load(saved)


def test_model_of_another_version_or_target_is_refused(saved):
    """Features of the same name may mean something else in another version."""
    with pytest.raises(UserError, match="not of c_th"):
        models.load(saved, "c_th")
    card = json.loads((saved / "card.json").read_text())
    files.write_json(card | {"feature_version": "0"}, saved / "card.json")
    with pytest.raises(UserError, match="version 0 of the features"):
        models.load(saved)
    with pytest.raises(UserError, match="cannot be read"):
        models.load(saved / "nowhere")


@pytest.mark.parametrize(
    "change",
    [
        {"features": [*reversed(SEED)]}, {"features": ["npp"] * len(SEED)}, {"features": 5}, {"target": "th234_total"},
        {"files": []}, {"settings": None},
    ],
)  # fmt: skip
def test_card_that_tells_otherwise_is_refused(saved, change):
    """What a prediction hangs on stands in hashed files; a card that names something else is one line."""
    card = files.read_json(saved / "card.json")
    files.write_json(card | change, saved / "card.json")
    with pytest.raises(UserError, match="run 04-tune again"):
        models.load(saved)


@pytest.mark.parametrize("width", [-1.0, "wide", None, 0.001])
def test_widths_in_the_card_are_told_not_used(saved, model, data, width):
    """A card with another width changes no interval: the widths in use are those of the hashed file."""
    card = files.read_json(saved / "card.json")
    card["interval"]["half_width_at_100_m"] = width
    files.write_json(card, saved / "card.json")
    pd.testing.assert_frame_equal(models.load(saved).predict(data), model.predict(data), check_exact=True)


def test_run_folder_opens_its_main_target(saved, tmp_path):
    """The model folder of a run has a card that names the main target."""
    (tmp_path / "models").mkdir()
    saved.rename(tmp_path / "models" / TARGET)
    files.write_json({"main_target": TARGET, "targets": [TARGET]}, tmp_path / "models" / "card.json")
    assert models.load(tmp_path / "models").target == TARGET
    with pytest.raises(UserError, match="has no model of poc_flux; it has th234_flux"):
        models.load(tmp_path / "models", "poc_flux")


def test_nothing_to_learn_is_said(data):
    """A constant target, a feature that is missing."""
    with pytest.raises(UserError, match="constant"):
        Model.fit(data.assign(value=1.0), TARGET, SEED)
    with pytest.raises(UserError, match="npp"):
        Model.fit(data.assign(npp=np.nan), TARGET, SEED)


# --- Uncertainty -----------------------------------------------------------------------------------------


def test_interval_covers_new_campaigns():
    """Residuals with a strong campaign effect: intervals of 60 campaigns hold 0.9 of a new one."""
    rng, inside = np.random.default_rng(0), []
    for _ in range(300):
        group = np.repeat(np.arange(61), rng.integers(1, 40, 61))
        residual = rng.normal(size=61)[group] + 0.3 * rng.normal(size=group.size)
        half = uncertainty.conformal_half_width(residual[group < 60], group[group < 60])
        inside.append(np.mean(np.abs(residual[group == 60]) <= half))
    assert 0.87 < np.mean(inside) < 0.95


def test_too_few_campaigns_give_an_infinite_interval():
    """Of five campaigns no one can say what nine in ten will do."""
    assert uncertainty.conformal_half_width(np.ones(50), np.repeat(np.arange(5), 10)) == np.inf


def test_interval_is_that_of_a_kept_library():
    """With one value a campaign ours is the usual conformal interval: crepes gives the same."""
    from crepes import ConformalRegressor

    residual = np.random.default_rng(3).standard_t(3, 250)
    theirs = ConformalRegressor().fit(residual).predict_int(np.zeros(1), confidence=0.9)
    assert uncertainty.conformal_half_width(residual, np.arange(250)) == pytest.approx(theirs[0, 1], rel=1e-12)


def test_interval_is_made_for_the_sea_and_not_for_the_ships():
    """Ships go where errors are small: only an interval that knows how much sea each cast stands for holds there."""
    rng = np.random.default_rng(2)

    def sea(n, rough):
        """Places, a share of them in rough water, and the errors made there."""
        x = np.where(rng.random(n) < rough, rng.normal(3, 0.3, n), rng.normal(0, 0.3, n))
        return x[:, None], np.where(x > 1.5, 3.0, 1.0) * rng.normal(size=n)

    X, residual = sea(2000, 0.05)
    everywhere, error = sea(4000, 0.5)
    group, depth = np.arange(2000) // 4, np.full(2000, 100.0)
    area = uncertainty.Area.fit(X, [1.0], group)
    share = area.shares(X, everywhere)
    assert share.sum() == pytest.approx(1.0)
    widths = [uncertainty.Width.fit(residual, group, depth, share=s) for s in (None, share)]
    assert [width.counting for width in widths] == [uncertainty.BY_CAMPAIGN, uncertainty.BY_SEA]
    inside = [np.mean(np.abs(error) <= width.at_100_m) for width in widths]
    assert inside[0] < 0.75
    assert 0.86 < inside[1] < 0.95


def test_equal_shares_change_no_interval():
    """When each cast stands for as much sea as any other, and each campaign has one, nothing changes."""
    residual, group = np.random.default_rng(4).normal(size=300), np.arange(300)
    plain = uncertainty.conformal_half_width(residual, group)
    assert uncertainty.conformal_half_width(residual, group, share=np.full(300, 1 / 300)) == plain


def test_few_campaigns_that_stand_for_the_sea_count_as_few():
    """Forty campaigns of which ten stand for all of the sea give the interval of those ten, and five give none."""
    residual, group = np.random.default_rng(5).normal(size=40), np.arange(40)
    for n, known in ((10, True), (5, False)):
        share = np.where(group < n, 1 / n, 0.0)
        half = uncertainty.conformal_half_width(residual, group, share=share)
        assert half == uncertainty.conformal_half_width(residual[:n], group[:n]) and np.isfinite(half) == known
    width = uncertainty.Width.fit(residual, group, np.full(40, 100.0), share=share)
    assert np.isfinite(width.at_100_m) and width.counting == uncertainty.NOT_BY_SEA


@pytest.mark.parametrize("slope", [0.0, 0.35])
def test_width_follows_depth_where_errors_do(slope):
    """Errors that grow with depth make intervals that do; then nine in ten are inside at each depth, and not before."""
    rng = np.random.default_rng(1)
    depth, group = np.tile([10.0, 50.0, 100.0, 250.0], 600), np.repeat(np.arange(120), 20)
    residual = uncertainty.spread(depth, slope) * rng.normal(size=depth.size)
    fitted = uncertainty.Width.fit(residual[:1200], group[:1200], depth[:1200])
    inside = pd.Series(np.abs(residual) <= fitted.at(depth))[1200:].groupby(depth[1200:]).mean()
    assert inside.between(0.85, 0.96).all()
    assert fitted.slope == pytest.approx(slope, abs=0.08)


def test_interval_score_by_hand():
    """Width 2; a value 0.5 outside is fined 20 x 0.5."""
    found = uncertainty.interval_score(np.array([0.0, 1.5]), np.array([-1.0, -1.0]), np.array([1.0, 1.0]))
    assert found.tolist() == pytest.approx([2.0, 12.0])


def test_area_knows_what_it_never_saw_change():
    """Trained at 100 m only, a model may not speak for 250 m, even if depth seemed not to matter."""
    X = np.random.default_rng(0).normal(size=(500, 2)).astype("f4")
    X[:, 1] = 100.0
    area = uncertainty.Area.fit(X, [1.0, 1e-3], np.arange(500) // 10)
    assert area.inside(X).all()
    assert not area.inside(np.column_stack([X[:50, 0], np.full(50, 250.0, "f4")])).any()


def test_area_holds_the_data_and_not_the_moon():
    """Training-like rows are inside, far ones outside, and what does not matter does not count."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 3)).astype("f4")
    area = uncertainty.Area.fit(X, [1.0, 1.0, 1e-6], np.arange(3000) // 30)
    assert area.inside(rng.normal(size=(500, 3)).astype("f4")).mean() > 0.85
    assert not area.inside(np.float32([[9, 0, 0]]))[0]
    assert area.inside(np.float32([[0, 0, 99]]))[0]
    assert np.array_equal(area.inside(X), area.dissimilarity(X) <= area.threshold * (1 + 1e-6))
    assert len(area.reference) == uncertainty.MAX_REFERENCE


# --- Validation --------------------------------------------------------------------------------------------


def test_held_out_values_do_not_reach_their_predictions(data, validation):
    """Change the values of the campaigns of one fold: its predictions stay, to the bit."""
    fold = validate.fold_numbers(data, 5, 1)
    wild = data.assign(value=np.where(fold == 2, -data["value"] + 3, data["value"]))
    again = validate.cross_validate(wild, TARGET, SEED, SETTINGS, 5, 1, kinds=("campaign",))
    for name in ("mean", *rivals.SIMPLE, rivals.NAIVE, rivals.HENSON):
        pick = {"before": validation, "after": again}
        a, b = (v[(v["split"] == "campaign") & (v["model"] == name)]["prediction"].to_numpy() for v in pick.values())
        assert np.array_equal(a[fold == 2], b[fold == 2])
        assert not np.array_equal(a[fold != 2], b[fold != 2])


def test_scores_of_the_perfect_and_of_the_mean():
    """A perfect model scores 1, the mean 0; a campaign bootstrap of a perfect model is 1 as well."""
    value = np.random.default_rng(0).normal(size=300)
    rows = pd.DataFrame({"value": value, "lower": value - 1, "upper": value + 1, "campaign": np.arange(300) // 5})
    rows = rows.assign(target="th234_total", split="campaign")
    both = pd.concat(
        [rows.assign(model="perfect", prediction=value), rows.assign(model="mean", prediction=value.mean())]
    )
    score = validate.scores(both).set_index("model")
    assert score.loc["perfect", ["r2", "r2_low", "r2_high", "coverage"]].tolist() == [1.0] * 4
    assert score.loc["mean", "r2"] == pytest.approx(0.0, abs=1e-12)


def test_random_folds_flatter(validation):
    """With an anomaly per campaign random folds look better than they are."""
    r2 = validate.scores(validation, draws=20).set_index(["model", "split"])["r2"]
    assert r2["rf", "random"] > r2["rf", "campaign"] + 0.03
    assert r2["mean", "campaign"] > r2["constant", "campaign"] + 0.3


def test_validation_has_every_value_once_per_model_and_split(validation, data):
    """The contract of validation.csv, and intervals that hold about what they promise."""
    assert list(validation.columns[:9]) == [
        "target", "model", "split", "fold", "cast_id", "value", "prediction", "lower", "upper",
    ]  # fmt: skip
    assert (validation.groupby(["model", "split"]).size() == len(data)).all()
    coverage = validate.scores(validation, draws=2).set_index(["model", "split"])["coverage"]
    assert all(0.84 < coverage[m, "campaign"] <= 0.97 for m in MEMBERS)


# --- Explanation --------------------------------------------------------------------------------------------


def test_importance_finds_what_the_law_is_made_of(data):
    """Temperature, NPP and depth make the law; shuffling the day costs next to nothing."""
    part = tune.parts(validate.fold_numbers(data, 3, 0))
    names = explain.without_coordinates(SEED)
    lost = explain.permutation_importance(data, TARGET, names, SETTINGS, part, repeats=1)
    assert lost["importance"].between(lost["importance_low"], lost["importance_high"]).all()
    lost = lost.set_index("feature")["importance"]
    assert "position" not in lost
    assert lost["depth"] > 0.05 > lost["day of year"]


def test_shap_adds_up_to_xgboost(model, data):
    """Contributions and the expected value sum to the prediction."""
    values = explain.shap_values(model, data[:50])
    assert np.allclose(values.sum(axis=1), model.predict_scaled(features.matrix(data[:50], SEED), "xgb"), atol=1e-4)


def test_partial_dependence_falls_with_depth(model, data):
    """The law says less flux deeper down; densities are shares of the data."""
    curve = explain.partial_dependence(model, data, "depth_m", n=8, max_rows=100)
    assert curve["prediction"].iloc[0] > curve["prediction"].iloc[-1]
    assert curve["density"].sum() == pytest.approx(1.0)


# --- Rivals and seeds --------------------------------------------------------------------------------------


def test_a_published_form_that_holds_scores_one():
    """Values made by Henson et al. with Martin's curve, times 3: refitted it is perfect, as published it is not."""
    data = table(target="poc_flux")
    data["value"] = 3.0 * rivals.published(data, "poc_flux")["Henson et al. 2011"]
    train, test = np.arange(400), np.arange(400, 800)
    found = rivals.predict(data, "poc_flux", SEED, train, test, every_form=True)
    y = features.transform(data["value"], "poc_flux")[test]
    np.testing.assert_allclose(found[rivals.HENSON], y, atol=1e-9)
    np.testing.assert_allclose(y - found["Henson et al. 2011, as published"], np.log10(3.0), atol=1e-9)


def test_nearest_neighbour_is_near_in_season_and_across_the_date_line():
    """179.9 E in December is next to 179.9 W in January, and not to the same place in July."""
    places = pd.DataFrame({
        "latitude": 0.0, "longitude": [-179.9, 179.9, 170.0, 179.9], "depth_m": 100.0,
        "time": pd.to_datetime(["2001-01-05", "2005-07-05", "2003-12-28", "2009-12-28"]),
    })  # fmt: skip
    assert rivals._nearest(places, np.array([0, 1, 2]), np.array([3])).tolist() == [0]


def test_seeds_table_of_a_perfect_and_a_mean_model():
    """A perfect model has R2 1 without spread; the mean of all 0; the gain is paired campaign by campaign."""
    rng = np.random.default_rng(0)
    y, campaign = rng.normal(size=200), np.repeat(np.arange(20), 10)
    rows = [
        pd.DataFrame({"model": model, "split": "campaign", "campaign": campaign, "seed": seed, "inputs": "seed", "y": y,
                      "predicted": y if model == "perfect" else y.mean()})
        for seed in (1, 2) for model in ("perfect", "mean")
    ]  # fmt: skip
    leakage = pd.DataFrame({"seed": [1, 2], "split": "campaign", "leakage": [0.0, 0.5]})
    found = seeds.table(pd.concat(rows), leakage, against="mean", draws=50).set_index("model")
    assert found.loc["perfect", ["r2", "spread", "r2_low", "gain"]].tolist() == pytest.approx([1.0, 0.0, 1.0, 1.0])
    assert found.loc["perfect", "gain_low"] > 0.9 and np.isnan(found.loc["mean", "gain"])
    assert found["leakage"].tolist() == [0.25, 0.25]
    assert "1.00 ± 0.00" in seeds.shown(found.reset_index())["R², campaign"].iloc[0]


def test_choice_between_models_follows_the_inner_folds_only():
    """Each part takes the kind that its own studies, of the other parts, found better, even if it then does worse."""
    part = np.array(["0", "0", "1", "1"])
    trials = pd.DataFrame({"part": ["0", "0", "1", "1"], "model": ["rf", "xgb"] * 2, "r2": [0.3, 0.1, 0.1, 0.3]})
    rows = [
        pd.DataFrame({"model": kind, "split": split, "value": 1.0, "prediction": number + np.arange(4.0)})
        for split in ("campaign", "block", "random") for kind, number in (("rf", 10.0), ("xgb", 20.0))
    ]  # fmt: skip
    found = seeds._chosen(pd.concat(rows, ignore_index=True), trials, part)
    assert set(found["split"]) == {"campaign"}  # with blocks left out nothing is tuned, and nothing chosen
    assert sorted(found["prediction"]) == [10.0, 11.0, 22.0, 23.0]


def test_seeds_have_folds_and_searches_of_their_own(data, tmp_path):
    """Two seeds deal other folds, and no trial but the first repeats one of the other seed."""
    small = data[data["campaign"] < 15].reset_index(drop=True)
    found, leakage = seeds.held_out(small, TARGET, {"seed": SEED}, tmp_path / "s.log", n_seeds=2, n_trials=3, n_folds=3)
    assert found["seed"].nunique() == 2 and (leakage.query("split != 'random'")["leakage"] == 0).all()
    assert (found.groupby(["seed", "model", "split"]).size() == len(small)).all()
    storage = journal.open_storage(tmp_path / "s.log")
    names = [study.study_name for study in storage.get_all_studies() if f"{TARGET}/rf/all/" in study.study_name]
    tried = [
        [t.params["max_features"] for t in storage.get_all_trials(storage.get_study_id_from_name(n))] for n in names
    ]
    assert len(names) == 2 and not set(tried[0][1:]) & set(tried[1][1:])


def test_blocks_are_scored_with_settings_that_saw_no_campaign(data):
    """Tuned settings have seen other campaigns of a block: whatever they are, the block score does not move."""
    wild = {part: {kind: DEFAULTS[kind] | {"max_depth": 3} if kind == "xgb" else DEFAULTS[kind] for kind in KINDS}
            for part in ("0", "1", "2", "all")}  # fmt: skip
    calm, other = (
        validate.cross_validate(data, TARGET, SEED, settings, 5, 1, kinds=("block", "campaign"), with_rivals=False)
        for settings in (SETTINGS, wild)
    )
    same = calm["prediction"].to_numpy() == other["prediction"].to_numpy()
    assert same[calm["split"] == "block"].all() and not same[calm["split"] == "campaign"].all()


def test_intervals_are_compared_on_the_same_predictions(validation):
    """Coverage near nine in ten for both; ours is never much worse than one width for all."""
    found = validate.interval_table(validation, TARGET)
    assert found["coverage"].between(0.85, 0.97).all()
    assert found.loc["ours", "interval score"] < 1.05 * found.loc["one width for all", "interval score"]


# --- Prediction at points ----------------------------------------------------------------------------------


def points(**changes):
    """Four points: open sea, land, below 250 m, no day."""
    df = pd.DataFrame({"time": ["2010-06-01"] * 3 + [""], "latitude": [-20.0, 40.0, 0.0, 0.0]})
    df = df.assign(longitude=[-30.0, 30.0, -30.0, -30.0], depth_m=[100.0, 100.0, 400.0, 100.0], note=list("abcd"))
    return df.assign(**changes)


def test_predict_gives_a_number_or_a_reason(model):
    """The contract of `seaofcarbon predict`: other columns carried through, a reason where there is no number."""
    answer = predict_points(points(), model, covariates(), max_distance_km=800)
    assert answer["reason"].tolist() == ["", "land", "below 250 m", "time is empty"]
    assert answer["prediction"].notna().tolist() == [True, False, False, False]
    assert answer["note"].tolist() == list("abcd")
    assert set(answer["unit"]) == {"dpm m-2 d-1"}
    assert list(answer.columns[5:]) == [
        "prediction",
        "lower",
        "upper",
        "applicable",
        "unit",
        "reason",
        "covariate_distance_km",
    ]
    assert answer["applicable"].dtype == bool


def test_a_point_says_what_it_lacks(model):
    """An empty longitude is named; names of columns that are nearly right are told; a cell far away is counted."""
    answer = predict_points(points(time="2010-06-01", longitude=[np.nan, 30.0, -30.0, -30.0]), model, covariates())
    assert answer["reason"][0] == "longitude is empty" and not is_set_aside(answer).any()
    with pytest.raises(UserError, match="rename Time to time, Lat to latitude, Lon to longitude, Depth to depth_m"):
        predict_points(points().set_axis(["Time", "Lat", "Lon", "Depth", "note"], axis=1), model, covariates())
    grid = xr.Dataset(coords={"lat": [59.5, 60.5]})  # half a diagonal: 111.2 km / 2 * sqrt(1 + 0.25) = 62.2 km
    found = pd.DataFrame({"latitude": ["60"] * 3, "prediction": [1, 1, np.nan], "covariate_distance_km": [62, 63, 63]})
    assert is_far(found, grid).tolist() == [False, True, False]


def test_a_model_is_shown_in_a_line(model):
    """Target, number of values and features, not the trees."""
    shown = repr(model)
    assert shown.startswith(f"Model({model.target}, {model.card['data']['values']} values, ") and len(shown) < 300


def test_own_covariates_are_used_and_others_asked_for(model):
    """Columns of the points win over the grid; with all of them no grid is needed; what is missing is named."""
    own = points(temperature=10.0, npp=400.0, chlorophyll=[0.4, 0.4, 0.4, np.nan])
    answer = predict_points(own, model)
    assert answer["reason"].tolist() == ["", "", "below 250 m", "time is empty"]
    warm = predict_points(own.assign(temperature=25.0), model)
    assert warm["prediction"][0] != answer["prediction"][0]
    with pytest.raises(UserError, match="needs temperature, npp, chlorophyll"):
        predict_points(points(), model)
    with pytest.raises(UserError, match="no column depth_m"):
        predict_points(points().drop(columns="depth_m"), model, covariates())


@pytest.mark.parametrize(
    ("change", "row", "says"),
    [
        ({"latitude": [0.0, 120.0, 0.0, 0.0]}, 1, "latitude: '120.0' is outside -90 to 90 degrees: mend it"),
        ({"longitude": [-30.0, 600.0, -30.0, -30.0]}, 1, "longitude: '600.0' is outside -180 to 540 degrees: mend it"),
        ({"depth_m": [5.0, 5.0, -5.0, 5.0]}, 2, "depth_m: '-5.0' is outside 0 to 11500 m: depths are positive down"),
        ({"depth_m": ["5", "5 m", "", "5"]}, 1, "depth_m: '5 m' is no number: mend it, or leave it empty"),
        (
            {"temperature": [9, 300, 9, 9]},
            1,
            "temperature: '300' is outside -3 to 40 degree_Celsius: mend it, or leave it empty",
        ),
        ({"time": ["2010-06-01", "soon", "", ""]}, 1, "time: 'soon' is no time: write it as 2014-05-21T10:30"),
    ],
)
def test_predict_sets_aside_what_cannot_be(model, change, row, says):
    """A slip in a cell costs its own row alone; latitude 120 does not fold over the pole."""
    answer = predict_points(points(**change), model, covariates(), max_distance_km=800)
    assert answer["reason"][row] == says and is_set_aside(answer).sum() == 1
    assert np.isfinite(answer["prediction"][0]) and np.isnan(answer["prediction"][row])


def test_predict_refuses_points_none_of_which_can_be_read(model):
    """Decimal commas in all rows: nothing is done, and the first cell is named."""
    with pytest.raises(UserError, match="points, row 2, column latitude: '40,5' is no number"):
        predict_points(points(latitude="40,5"), model, covariates())


def test_points_and_maps_agree_on_the_polar_night(model):
    """Where nothing grows, a map is empty, and so is the answer at a point; the places beside keep their numbers."""
    sea = covariates()
    sea["npp"] = sea["npp"].where(sea["lat"] < 80, 0.0)
    here = points(latitude=[85.0, 75.0, -85.0, 5.0], time="2010-06-15")[["time", "latitude", "longitude", "depth_m"]]
    here = here.assign(longitude=-25.0 - 0.001, depth_m=100.0)
    answer = predict_points(here, model, sea, max_distance_km=800)
    assert answer["reason"].tolist() == ["polar night", "", "", ""] and not is_set_aside(answer).any()
    mapped = predict_grid(model, sea, [6], [100.0], layers=("prediction",), workers=1)[model.target]
    at = {name: here[column].to_xarray() for name, column in (("lat", "latitude"), ("lon", "longitude"))}
    there = mapped.sel(at, method="nearest").squeeze().to_numpy()
    assert np.isnan(there).tolist() == answer["prediction"].isna().tolist()
    assert there[1:] == pytest.approx(
        answer["prediction"][1:].to_numpy(), rel=0.02
    )  # the map stands at the middle of June


def test_predict_does_not_mind_longitude_convention_or_row_order(model):
    """Longitudes a turn further east and shuffled rows give the same numbers."""
    many = pd.concat([points()] * 5, ignore_index=True).assign(latitude=np.linspace(-60, 10, 20))
    plain = predict_points(many, model, covariates(), 800)["prediction"]
    turned = predict_points(many.assign(longitude=many["longitude"] + 360)[::-1], model, covariates(), 800)[
        "prediction"
    ]
    pd.testing.assert_series_equal(turned.sort_index(), plain)


def test_kinds_and_members_agree():
    """The members of the mean are the models that are tuned."""
    assert ("mean", *KINDS) == MEMBERS
    assert set(DEFAULTS) == set(KINDS)
