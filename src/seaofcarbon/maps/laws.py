"""Power laws of C:Th with depth: one for all seas, one for each basin, and what they are worth beside a model."""

import numpy as np
import pandas as pd

from seaofcarbon import carbon, ocean
from seaofcarbon.learn import features
from seaofcarbon.learn.campaigns import redrawn

ONE_LAW, BASIN_LAWS, PUBLISHED_LAW = "one power law", "a power law of each basin", "Owens et al. 2015, as published"
ML_MODEL = "ML model"


def law_table(df, laws):
    """What a power law says in each basin, and how many values stand behind it.

    Parameters
    ----------
    df : DataFrame
        Ratios: value (umol dpm-1), latitude, longitude, campaign.
    laws : dict of str to carbon.PowerLaw
        From `carbon.fit_regional_laws`, by basin.

    Returns
    -------
    DataFrame, index region
        values, campaigns, a, b, at_100_m (umol dpm-1), scatter (factor), own (False: the global law stands for it).
    """
    basin = ocean.basin(df["latitude"], df["longitude"])
    both = pd.concat([df.assign(region=carbon.EVERYWHERE), df.assign(region=basin)])
    table = both.groupby("region", sort=False).agg(values=("value", "size"), campaigns=("campaign", "nunique"))
    law = carbon.law_of_region(table.index, laws)
    return table.assign(
        a=law.a, b=law.b, at_100_m=carbon.power_law(100.0, law), scatter=law.scatter, own=table.index.isin(list(laws))
    )


def judge_laws(df, model=None):
    """Skill of the laws on campaigns that they were not fitted to, beside a model on the same folds.

    Parameters
    ----------
    df : DataFrame
        Ratios: value (umol dpm-1), depth_m, latitude, longitude, campaign, fold (whole campaigns).
    model : array_like (n,), optional
        Held-out predictions of the model for the same rows, umol dpm-1.

    Returns
    -------
    DataFrame, index the way to C:Th
        r2 and its 95 % interval (bootstrap over campaigns) of log10 of the ratio, factor (about two thirds of the
        values lie within it), values, campaigns. `attrs["better"]` is the share of the bootstraps in which the model
        has a larger R2 than the best law; missing without a model.
    """
    from seaofcarbon.learn import validate

    value, depth, fold = (df[name].to_numpy() for name in ("value", "depth_m", "fold"))
    basin, campaign = ocean.basin(df["latitude"], df["longitude"]), df["campaign"].to_numpy()
    guess = {name: np.full(len(df), np.nan) for name in (ONE_LAW, BASIN_LAWS)}
    for k in np.unique(fold):
        test, train = fold == k, fold != k
        laws = carbon.fit_regional_laws(depth[train], value[train], basin[train], campaign[train])
        guess[ONE_LAW][test] = carbon.power_law(depth[test], laws[carbon.EVERYWHERE])
        guess[BASIN_LAWS][test] = carbon.power_law(depth[test], carbon.law_of_region(basin[test], laws))
    low, high = carbon.OWENS2015_RANGE_M
    guess[PUBLISHED_LAW] = carbon.ratio_owens2015(np.clip(depth, low, high))
    if model is not None:
        guess[ML_MODEL] = np.asarray(model, dtype=float)
    y = features.transform(value, "c_th")
    number = np.unique(campaign, return_inverse=True)[1]
    draws = redrawn(number.max() + 1, 500)
    rows, drawn = {}, {}
    for name, ratio in guess.items():
        predicted = features.transform(ratio, "c_th")
        sums = validate.campaign_sums(y, predicted, number)
        drawn[name] = validate.r2_of_sums(draws @ sums)
        ends = np.nanpercentile(drawn[name], [2.5, 97.5])
        rows[name] = {
            "r2": validate.r2_of_sums(sums.sum(axis=0)), "r2_low": ends[0], "r2_high": ends[1],
            "factor": 10 ** np.sqrt(np.mean((y - predicted) ** 2)), "values": len(y), "campaigns": len(sums),
        }  # fmt: skip
    table = pd.DataFrame(rows).T.astype({"values": int, "campaigns": int})
    if model is not None:
        best = table.drop(index=ML_MODEL)["r2"].idxmax()
        table.attrs["better"] = float(np.mean(drawn[ML_MODEL] > drawn[best]))
    return table
