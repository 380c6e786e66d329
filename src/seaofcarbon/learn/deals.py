"""Share of the ceiling of `learn.judge` for other deals of the folds and other fleets of the twin: how much is luck."""

import numpy as np
import pandas as pd

from seaofcarbon.learn import judge, tune, validate
from seaofcarbon.learn.campaigns import redrawn, thin
from seaofcarbon.learn.effort import FLUX_DEPTHS_M, further_cruises
from seaofcarbon.learn.tune import r2

N_DEALS = 3
"""Ways to deal the campaigns into folds that a share of the ceiling is told for."""

N_FLEETS = 3
"""Other fleets of as many cruises that the same share is told for."""

TRIED = 60
"""About so many settings, inputs and learners were scored on this sea before those of chapter 4 were kept."""


def _share_of_sums(sums):
    """Share of the ceiling of sums of `over_deals` over campaigns, shape (..., 7)."""
    n, y, yy, error, known, square, both = np.moveaxis(sums, -1, 0)
    ceiling = (both - y * known / n) ** 2 / (yy - y**2 / n) / (square - known**2 / n)
    return validate.r2_of_sums(np.stack([n, y, yy, error], axis=-1)) / ceiling


def over_deals(
    table, target, names, path, n_deals=N_DEALS, n_trials=8, n_folds=5, seed=0, workers=2, draws=500, truth=None,
):  # fmt: skip
    """Share of the ceiling inside the area of applicability for several deals of the folds, tuned anew in each.

    Parameters
    ----------
    table, target, names, n_folds, workers, truth
        As in `judge.against_truth`.
    path : str or Path
        Journal of the studies: a deal that was tuned before costs nothing.
    n_deals : int
        Deals, with the seeds `seed`, `seed` + 1, ...; settings of each part are tuned without it, as `tune.tune` says.
    n_trials, seed : int
    draws : int
        Bootstrap over campaigns; the same ones are drawn for all deals, for values and ceiling alike.

    Returns
    -------
    deals : DataFrame
        seed, values (inside), r2 (against measured values), ceiling, share; one row per deal.
    ends : array, shape (2,)
        95 % range of the mean share when campaigns are drawn again.
    """
    truth = judge.climatology(table, target) if truth is None else truth
    rows, sums = [], []
    for own in range(seed, seed + n_deals):
        fold = validate.fold_numbers(table, n_folds, own)
        tuned, _ = tune.tune({target: table}, names, {target: fold}, path, n_trials, own, workers, whole=False)
        found = judge.held_out(
            table, target, names, tuned[target], n_folds, own, workers, truth, teachers=("measured",)
        )
        campaign, y, predicted, inside = found
        value, known, guess = (each[inside] for each in (y["measured"], y["truth"], predicted["measured"]))
        code = np.unique(campaign, return_inverse=True)[1]
        of_line = np.column_stack([
            np.bincount(code[inside], column, code.max() + 1) for column in (known, known**2, value * known)
        ])  # fmt: skip
        sums.append(np.hstack([validate.campaign_sums(value, guess, code[inside], code.max() + 1), of_line]))
        score, best = float(r2(value, guess)), judge.explained(value, known)
        rows.append({"seed": own, "values": len(value), "r2": score, "ceiling": best, "share": score / best})
    counts = redrawn(sums[0].shape[0], draws, seed)
    drawn = _share_of_sums(np.einsum("dc,scx->dsx", counts, np.stack(sums))).mean(axis=1)
    return pd.DataFrame(rows), np.percentile(drawn, [2.5, 97.5])


def over_fleets(
    target, names, covariates, path, depths_m=FLUX_DEPTHS_M, n_fleets=N_FLEETS, n_trials=8, n_folds=5, seed=0, workers=2
):  # fmt: skip
    """`over_deals`, one deal each, for other fleets that sample the same sea: what the luck of the cruises does.

    Parameters
    ----------
    target, names, path, n_trials, n_folds, workers
        As in `over_deals`.
    covariates : Dataset
        `ocean.covariates`.
    depths_m : sequence of float
        Depths of the fluxes, m: other depths have another ceiling, so give those of the table that this stands beside.
    n_fleets : int
        Fleets; their cruises have the seeds after those of the twin and of its southern cruises.
    seed : int
        Of the folds and models.

    Returns
    -------
    DataFrame
        cruise_seed, and the columns of `over_deals`; one row per fleet. Their files have no mistakes, so that more
        values are kept than a fleet's raw files would give.
    """
    from seaofcarbon import twin

    first, out = twin.DEFAULT.cruise_seed + 2, []
    for own in range(first, first + n_fleets):
        table = thin(
            further_cruises(covariates, target, names, own, depths_m=depths_m), validate.FIT_ROWS, seed
        ).reset_index(drop=True)
        deal, _ = over_deals(table, target, names, path, 1, n_trials, n_folds, seed, workers)
        out.append(deal.assign(cruise_seed=own))
    return pd.concat(out, ignore_index=True)[["cruise_seed", "seed", "values", "r2", "ceiling", "share"]]
