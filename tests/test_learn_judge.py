"""The twin as judge: what is possible is known, nothing that is held out is learnt, and more campaigns help."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from learn_sea import SEED, table
from seaofcarbon import ocean
from seaofcarbon.files import UserError
from seaofcarbon.learn import deals, effort, features, judge
from seaofcarbon.learn.campaigns import folds
from seaofcarbon.plot import judge as pictures

TARGET = "th234_flux"


def made(n_cruises=40, noise=0.3, seed=0):
    """A table of measured values and its law, without the anomalies, in dpm m-2 d-1."""
    rows = table(n_cruises, seed=seed, noise=noise)
    law = 1.0 - 0.05 * rows["temperature"] + 0.5 * np.log(rows["npp"] / 400) - 0.5 * np.log(rows["depth_m"] / 100)
    return rows, features.inverse(law.to_numpy(), TARGET)


def one(scores, trained_on, judged_by, area="all"):
    """The row of scores that is meant."""
    keys = scores.set_index(["trained_on", "judged_by", "area"])
    return keys.loc[(trained_on, judged_by, area)]


def test_ceiling_is_what_anomalies_leave():
    """It is 1 where values are the law, and the share of the law's variance where they are not."""
    rows, law = made()
    assert judge.ceiling(rows.assign(value=law), TARGET, law) == pytest.approx(1.0)
    y, known = features.transform(rows["value"], TARGET), features.transform(law, TARGET)
    assert judge.ceiling(rows, TARGET, law) == pytest.approx(1 - np.var(y - known) / np.var(y), abs=0.1)
    assert judge.ceiling(rows, TARGET, law) < 0.9
    shuffled = np.random.default_rng(0).permutation(law)
    assert judge.ceiling(rows, TARGET, shuffled) < 0.05


def test_a_perfect_model_reaches_the_ceiling(monkeypatch):
    """A model that knows the law has the ceiling's score, on values with nothing but the law and on others."""
    rows, law = made(noise=0.5)
    X, known = features.matrix(rows, SEED), features.transform(law, TARGET)
    place = {row.tobytes(): value for row, value in zip(X, known, strict=True)}

    def perfect(X, y, *_):
        return lambda new: np.array([place[row.tobytes()] for row in new]), np.ones(X.shape[1])

    monkeypatch.setattr(judge, "fit_both", perfect)
    pure = one(judge.against_truth(rows.assign(value=law), TARGET, SEED, truth=law), "measured", "measured")
    assert pure["share"] == pytest.approx(1.0) and pure["ceiling"] == pytest.approx(1.0)
    noisy = one(judge.against_truth(rows, TARGET, SEED, truth=law), "measured", "measured")
    assert noisy["ceiling"] < 0.9 and noisy["share"] == pytest.approx(1.0, abs=0.05)


def test_truth_teaches_the_truth_best():
    """Against the truth, models that learnt from it are ahead of those that learnt from values with anomalies."""
    rows, law = made(noise=0.8)
    scores = judge.against_truth(rows, TARGET, SEED, truth=law)
    best, usual = one(scores, "truth", "truth"), one(scores, "measured", "truth")
    assert best["share"] == 1.0 and usual["r2"] < best["r2"] and usual["rmse"] > best["rmse"]
    assert usual["share"] == pytest.approx(usual["r2"] / best["r2"])
    assert usual["values"] == len(rows) and usual["campaigns"] == rows["campaign"].nunique()
    parts = scores[scores["area"] != "all"].groupby(["trained_on", "judged_by"])["values"].sum()
    assert (parts == len(rows)).all(), "every row is inside or outside"


def test_held_out_rows_are_never_learnt(monkeypatch):
    """Values of the held-out campaigns are moved far away: no prediction of them moves."""
    rows, law = made(20)
    X = features.matrix(rows, SEED)
    fit = judge.fit_both
    seen = []

    def spied(*given):
        predict, importance = fit(*given)

        def remember(new):
            seen.append((new.tobytes(), predict(new)))
            return seen[-1][1]

        return remember, importance

    monkeypatch.setattr(judge, "fit_both", spied)
    for _, test in folds(rows, "campaign", 2, 0)[:1]:
        found = []
        for shift in (0.0, 1e5):
            moved, true = rows["value"].to_numpy().copy(), law.copy()
            moved[test] += shift
            true[test] += shift
            seen.clear()
            judge.against_truth(rows.assign(value=moved), TARGET, SEED, n_folds=2, truth=true, workers=1)
            found.append([guess for place, guess in seen if place == X[test].tobytes()])
        assert len(found[0]) == 2, "one model from measured values, one from the truth"
        np.testing.assert_array_equal(found[0], found[1])


def test_more_campaigns_teach_more():
    """With a known law the curve rises from few to many campaigns, on the same held-out ones."""
    rows, law = made(60, noise=0.5)
    curve = effort.learning_curve(rows, TARGET, SEED, counts=(5, 500), repeats=3, truth=law)
    against = curve.pivot(index="campaigns", columns="judged_by", values="r2")
    assert against.index.tolist()[0] == 5 and len(against) == 2 and against.index[-1] < 60
    assert against["truth"].is_monotonic_increasing and against["truth"].iloc[-1] > against["truth"].iloc[0] + 0.2
    assert against["measured"].iloc[-1] > against["measured"].iloc[0]
    assert curve["draws"].tolist() == [3, 1] * 2 and curve["r2_sd"].isna().tolist() == [False, True] * 2
    again = effort.learning_curve(rows, TARGET, SEED, counts=(5, 500), repeats=3, truth=law, workers=1)
    pd.testing.assert_frame_equal(curve, again)


def test_rows_without_truth_are_left_out():
    """Where the twin has land, nothing is judged."""
    rows, law = made(20)
    law[:20] = np.nan
    scores = judge.against_truth(rows, TARGET, SEED, n_folds=2, truth=law)
    assert one(scores, "measured", "truth")["values"] == len(rows) - 20
    with pytest.raises(UserError, match="c_th"):
        judge.climatology(rows, "c_th")


def test_climatology_of_the_twin_has_no_anomalies():
    """The name of the cruise does not matter, the unobserved field does; POC flux is the ratio times the 234Th flux."""
    from seaofcarbon import twin

    rows = table(6).query("depth_m == 100")
    truth = judge.climatology(rows, TARGET)
    there = np.isfinite(truth)
    assert there.any()
    np.testing.assert_array_equal(truth, judge.climatology(rows.assign(cruise="other"), TARGET))
    assert not np.allclose(truth[there], judge.climatology(rows, TARGET, unobserved=False)[there])
    ratio = twin.truth(rows[judge.PLACE])["c_th"].to_numpy()
    np.testing.assert_allclose(judge.climatology(rows, "poc_flux")[there], (ratio * truth / 1000)[there])


def test_more_southern_cruises(monkeypatch):
    """Further cruises lie in the south, the places are those of the sea, and what they add is learnt from."""
    from seaofcarbon import twin

    monkeypatch.setattr(effort, "CRUISES", 60)
    sea = twin.covariates()
    south = effort.further_cruises(sea, TARGET, SEED, 7, effort.SOUTH_DEG)
    assert south["cruise"].nunique() >= 3 and (south["latitude"] < effort.SOUTH_DEG).all()
    true = features.transform(judge.climatology(south, TARGET), TARGET)
    assert np.corrcoef(true, features.transform(south["value"], TARGET))[0, 1] > 0.3, "values of that sea"
    rows = ocean.match(table(30).drop(columns=["temperature", "npp", "chlorophyll", "sst"]), sea)
    rows = rows[np.isfinite(features.matrix(rows, SEED)).all(axis=1)]
    rows = rows.assign(value=judge.climatology(rows, TARGET)).dropna(subset="value")
    found = effort.denser_southern_ocean(rows, TARGET, SEED, sea, (0, 2), repeats=1, n_points=800, max_rows=500)
    assert found.groupby("region")["extra_campaigns"].apply(list).tolist() == [[0, 2]] * 2
    assert found["inside"].between(0, 1).all() and found["rmse"].gt(0).all()
    by = found.set_index(["region", "extra_campaigns"])
    assert by.loc[("elsewhere", 0), "points"] + by.loc[("south of 40 S", 0), "points"] == 800
    assert by.loc[("elsewhere", 2), "values"] > by.loc[("elsewhere", 0), "values"]


def test_figures():
    """Each draws what it is given, and names what it shows."""
    rows, law = made(20)
    ax = pictures.scores(judge.against_truth(rows, TARGET, SEED, n_folds=2, truth=law), "TWIN")
    assert "R²" in ax.get_ylabel() and len(ax.figure.axes) == 2
    ax = pictures.learning_curve(effort.learning_curve(rows, TARGET, SEED, (4, 8), 2, n_folds=4, truth=law), "TWIN")
    assert len(ax.lines[0].get_xdata()) == 3 and "campaigns" in ax.get_xlabel()
    plt.close("all")


def test_share_over_deals_is_what_single_deals_say(tmp_path):
    """Each deal is scored with settings tuned without its campaigns, as one alone; the range holds the mean."""
    rows, law = made(40, noise=0.5)
    log = tmp_path / "study.log"
    dealt, (low, high) = deals.over_deals(rows, TARGET, SEED, log, 2, 1, 3, 5, truth=law, draws=100)
    assert dealt["seed"].tolist() == [5, 6] and dealt["share"].nunique() == 2, "the folds are dealt anew"
    alone = one(judge.against_truth(rows, TARGET, SEED, None, 3, 6, truth=law), "measured", "measured", "inside")
    assert dealt["share"].iloc[1] == pytest.approx(alone["share"]), "a single trial is the settings it starts from"
    assert dealt["values"].iloc[1] == alone["values"] and low < dealt["share"].mean() < high
    y, known = np.random.default_rng(0).normal(size=9), np.arange(9.0)
    columns = np.column_stack([np.ones(9), y, y**2, (y - 0.1 * known) ** 2, known, known**2, y * known]).sum(axis=0)
    assert deals._share_of_sums(columns) == pytest.approx(judge.r2(y, 0.1 * known) / judge.explained(y, known))
