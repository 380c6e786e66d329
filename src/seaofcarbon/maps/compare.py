"""Maps beside what others published."""

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon import published
from seaofcarbon.maps.means import weights

KEPT = (
    "key", "doi", "region", "lat", "lon", "date_start", "depth_m", "depth_stated", "method", "quantity", "unit",
    "published", "published_low", "published_high",
)  # fmt: skip
"""What is kept of a published value."""


def at_published(facts, ds, target, per=None):
    """Values of a map where and when others published one.

    Parameters
    ----------
    facts : DataFrame
        Catalogue entry `published_export_values`.
    ds : Dataset, dims (month, depth, lat, lon)
        From `predict_grid`, at fixed depths.
    target : str
        Quantity; rows of others are left out.
    per : DataArray, dims (month, lat, lon), optional
        Production in the unit of the target: its rows of export efficiency are compared with the ratio of the means.

    Returns
    -------
    DataFrame
        `KEPT` (published values in the unit inside), predicted, lower, upper (means over the box and months of the
        row), applicable (1 where at least half of them are inside).
        A row without a depth is compared at 100 m, one without a date with the year's mean; rows that meet no sea are
        left out.
    """
    quantity = {"c_th": "c_th_ratio"}.get(target, target) if per is None else "export_efficiency"
    df = published.values(facts, quantity)
    out = df[list(KEPT)].copy()
    months = published.in_months(df)[:, ds["month"].to_numpy() - 1].astype(float)
    lat, lon = np.meshgrid(ds["lat"], ds["lon"], indexing="ij")
    area = weights(ds["lat"]).to_numpy()[:, None].repeat(ds.sizes["lon"], axis=1).ravel()
    box = published.in_box(df, lat.ravel(), lon.ravel()) * area
    depth = df["depth_m"].to_numpy()

    def mean_of(da):
        """Mean over box and months at each depth of the map, then linear in depth: shape (rows,)."""
        values = da.transpose("depth", "month", "lat", "lon").to_numpy().astype(float)
        values = values.reshape(*values.shape[:2], -1)
        known = np.isfinite(values)
        top = np.einsum("fm,dmc,fc->fd", months, np.where(known, values, 0.0), box, optimize=True)
        bottom = np.einsum("fm,dmc,fc->fd", months, known.astype(float), box, optimize=True)
        table = xr.DataArray(
            top / np.where(bottom > 0, bottom, np.nan), dims=("row", "depth"), coords={"depth": ds["depth"]}
        )
        if table.sizes["depth"] == 1:
            return np.where(np.isclose(depth, ds["depth"][0]), table[:, 0], np.nan)
        return table.interp(depth=xr.DataArray(depth, dims="row")).to_numpy()

    below = 1.0 if per is None else mean_of(per.where(ds[target].notnull()))
    for name, column in ((target, "predicted"), (f"{target}_lower", "lower"), (f"{target}_upper", "upper")):
        out[column] = mean_of(ds[name]) / below
    out["applicable"] = (mean_of(ds["applicable"].where(ds[target].notnull())) >= 0.5).astype(int)
    return out.dropna(subset=["predicted"]).reset_index(drop=True)


def meeting(df):
    """How well a map meets published values: in all, and inside and outside of the area of applicability.

    Parameters
    ----------
    df : DataFrame
        From `at_published`.

    Returns
    -------
    DataFrame, index (quantity, where)
        values, studies; of the values above 0: factor (half of them lie within it), ratio (median of map over
        published), correlation of the logarithms; overlap (share whose range meets the 90 % interval of the map).
    """
    meets = (df["upper"] >= df["published_low"]) & (df["lower"] <= df["published_high"])
    positive = (df["published"] > 0) & (df["predicted"] > 0)
    logs = np.log(df[["predicted", "published"]].where(positive))
    df = df.assign(meets=meets, ours=logs["predicted"], theirs=logs["published"])
    rows = {}
    for quantity, whole in df.groupby("quantity", sort=False):
        parts = {"all": whole, "inside": whole[whole["applicable"] == 1], "outside": whole[whole["applicable"] != 1]}
        for where, part in parts.items():
            away = (part["ours"] - part["theirs"]).dropna()
            rows[quantity, where] = {
                "values": len(part), "studies": part["key"].nunique(), "factor": np.exp(away.abs().median()),
                "ratio": np.exp(away.median()), "overlap": part["meets"].mean() if len(part) else np.nan,
                "correlation": part["ours"].corr(part["theirs"]) if len(away) > 2 else np.nan,
            }  # fmt: skip
    table = pd.DataFrame(rows).T.rename_axis(["quantity", "where"])
    return table.astype({"values": int, "studies": int})
