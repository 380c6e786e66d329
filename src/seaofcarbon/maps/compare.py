"""Maps beside what others published."""

import numpy as np
import xarray as xr

from seaofcarbon import published
from seaofcarbon.maps.means import weights


def at_published(facts, ds, target):
    """Values of a map where and when others published one.

    Parameters
    ----------
    facts : DataFrame
        Catalogue entry `published_export_values`.
    ds : Dataset, dims (month, depth, lat, lon)
        From `predict_grid`, at fixed depths.
    target : str
        Quantity; rows of others are left out.

    Returns
    -------
    DataFrame
        key, doi, region, depth_m, method, published, published_low, published_high (in the unit inside), predicted,
        lower, upper (means over the box and months of the row), applicable (1 where at least half of them are inside).
        A row without a depth is compared at 100 m, one without a date with the year's mean; rows that meet no sea are
        left out.
    """
    df = published.values(facts, {"c_th": "c_th_ratio"}.get(target, target))
    out = df[["key", "doi", "region", "depth_m", "method", "published", "published_low", "published_high"]].copy()
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

    for name, column in ((target, "predicted"), (f"{target}_lower", "lower"), (f"{target}_upper", "upper")):
        out[column] = mean_of(ds[name])
    out["applicable"] = (mean_of(ds["applicable"].where(ds[target].notnull())) >= 0.5).astype(int)
    return out.dropna(subset=["predicted"]).reset_index(drop=True)
