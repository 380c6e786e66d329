"""A score over many ways to deal the campaigns into folds: one seed of few campaigns is a lottery ticket."""

import numpy as np
import pandas as pd

from seaofcarbon.learn import features, rivals, tune, validate
from seaofcarbon.learn.campaigns import SPLITS, redrawn
from seaofcarbon.learn.models import KINDS, MEMBERS

N_SEEDS = 10
MAX_ROWS = 1500
"""A larger table needs no more than one seed: its score hardly depends on the folds."""

CHOSEN = "the better one in the inner folds"


def held_out(table, target, feature_sets, path, n_seeds=N_SEEDS, n_trials=8, n_folds=5, seed=0, workers=2):
    """Held-out predictions for each seed of the folds: tuning, and the choice of a model, nested inside.

    Parameters
    ----------
    table : DataFrame
        Rows of `features.training_table` of this target.
    target : str
    feature_sets : dict of str -> sequence of str
        Inputs by name; rivals are learnt with the first of them.
    path : str or Path
        Journal of the studies: a run that was stopped goes on.
    n_seeds, n_trials, n_folds, seed, workers : int
        Seeds of the folds (`seed`, `seed` + 1, ...); the rest as in `tune.tune`.

    Returns
    -------
    predictions : DataFrame
        seed, inputs, model, split, campaign, y, predicted (on the scale of the model), one row per value.
    leakage : DataFrame
        seed, split, leakage.
    """
    needed = features.columns_needed([name for names in feature_sets.values() for name in names])
    table = table.dropna(subset=[n for n in needed if n in table]).reset_index(
        drop=True
    )  # the same rows for all inputs
    frames, leaks = [], []
    for own in range(seed, seed + n_seeds):
        fold = validate.fold_numbers(table, n_folds, own)
        leaks += [{"seed": own, "split": s, "leakage": x} for s, x in validate.leakages(table, n_folds, own).items()]
        for first, (inputs, names) in zip([True, *[False] * len(feature_sets)], feature_sets.items(), strict=False):
            settings, trials = tune.tune({target: table}, names, {target: fold}, path, n_trials, own, workers)
            found = validate.cross_validate(
                table,
                target,
                names,
                settings[target],
                n_folds,
                own,
                workers=workers,
                with_rivals=first,
                every_form=True,
            )
            found = pd.concat([found, _chosen(found, trials, tune.parts(fold))])
            y, predicted = (features.transform(found[name], target) for name in ("value", "prediction"))
            frames.append(
                found[["model", "split", "campaign"]].assign(seed=own, inputs=inputs, y=y, predicted=predicted)
            )
    return pd.concat(frames, ignore_index=True), pd.DataFrame(leaks)


def _chosen(found, trials, part):
    """Predictions of the model that did better in the inner folds of each part, which the part has not seen."""
    best = trials.groupby(["part", "model"])["r2"].max().unstack()[list(KINDS)].idxmax(axis=1)
    of, left_out = best.loc[part].to_numpy(), found[found["split"] == "campaign"]
    return pd.concat([left_out[left_out["model"] == kind][of == kind] for kind in KINDS]).assign(model=CHOSEN)


def table(predictions, leakage, against=None, draws=500, seed=0):
    """R2 of each model and split: mean over seeds, spread, bootstrap over campaigns, and the gain over one rival.

    Parameters
    ----------
    predictions, leakage : DataFrame
        From `held_out`.
    against : str, optional
        Model that every other one is paired with, on the same folds and the same drawn campaigns; if none is given, the
        refitted published form (`rivals.REFITTED`), or the constant where there is no such form.
    draws, seed : int

    Returns
    -------
    DataFrame
        inputs, model, split, r2, spread (standard deviation over seeds; missing for one seed), r2_low, r2_high, gain,
        gain_low, gain_high (95 %), leakage (mean share of test rows with a training neighbour).
    """
    codes, campaign = np.unique(predictions["campaign"], return_inverse=True)
    predictions = predictions.assign(code=campaign)
    against = against or next(name for name in (*rivals.REFITTED, "constant") if (predictions["model"] == name).any())
    counts = redrawn(len(codes), draws, seed)
    of_rival = predictions[predictions["model"] == against].groupby("split")
    rival = {split: _drawn(rows, len(codes), counts) for split, rows in of_rival}
    out = []
    for (inputs, model, split), rows in predictions.groupby(["inputs", "model", "split"], sort=False):
        each, drawn = _drawn(rows, len(codes), counts)
        low, high = np.nanpercentile(drawn, [2.5, 97.5])
        one = {"inputs": inputs, "model": model, "split": split, "r2": each.mean(),
               "spread": each.std(ddof=1) if len(each) > 1 else np.nan, "r2_low": low, "r2_high": high}  # fmt: skip
        if split in rival and model != against:
            gain = drawn - rival[split][1]
            ends = np.nanpercentile(gain, [2.5, 97.5])
            one |= {"gain": each.mean() - rival[split][0].mean(), "gain_low": ends[0], "gain_high": ends[1]}
        out.append(one)
    return pd.DataFrame(out).merge(leakage.groupby("split")["leakage"].mean().reset_index(), on="split")


def _drawn(rows, n_campaigns, counts):
    """R2 of each seed, and R2 of the mean over seeds when campaigns are drawn again, shape (draws,)."""
    sums = np.stack([
        validate.campaign_sums(part["y"].to_numpy(), part["predicted"].to_numpy(), part["code"].to_numpy(), n_campaigns)
        for _, part in rows.groupby("seed")
    ])  # fmt: skip
    each = validate.r2_of_sums(sums.sum(axis=1))
    return each, validate.r2_of_sums(np.einsum("dc,scx->dsx", counts, sums)).mean(axis=1)


def shown(table):
    """The table for a page: one row per inputs and model, R2 with spread and range for each split, in two decimals.

    Parameters
    ----------
    table : DataFrame
        From `table`.

    Returns
    -------
    DataFrame
    """
    columns = {}
    for split in SPLITS:
        part = table[table["split"] == split].set_index(["inputs", "model"])
        spread = part["spread"].map(lambda x: "" if np.isnan(x) else f" ± {x:.2f}")
        ends = part.apply(lambda r: f" ({r['r2_low'] + 0.0:.2f} to {r['r2_high'] + 0.0:.2f})", axis=1)
        columns[f"R², {split}"] = part["r2"].map(lambda x: f"{x:.2f}") + spread + ends
    order = pd.MultiIndex.from_frame(table[["inputs", "model"]].drop_duplicates())
    return pd.DataFrame(columns).reindex(order).astype(object).fillna("").rename_axis(["inputs", "model"])


def variants(n_trials, n_seeds, feature_sets, models):
    """How many variants were tried, for the line below the table.

    Parameters
    ----------
    n_trials, n_seeds : int
    feature_sets, models : sequence of str

    Returns
    -------
    str
    """
    rows = len(set(models) - {*MEMBERS, CHOSEN})
    tuned = len(KINDS) * n_trials * len(feature_sets)
    return (
        f"{rows} rivals, and {tuned} settings of forest and XGBoost for each training side of each of {n_seeds} seeds"
    )
