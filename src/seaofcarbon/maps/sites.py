"""The year at named places, and what can be said of each in a plain sentence."""

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon import ocean
from seaofcarbon.maps.means import DAYS_IN_MONTH
from seaofcarbon.vocabulary import SITES, VARIABLES, Site

MAX_SITE_KM = 100.0
"""A site whose nearest sea cell is further away is on land for this grid."""


def site_cells(covariates, extra=None):
    """Cell of the grid that stands for each site, and why, where none does.

    Parameters
    ----------
    covariates : Dataset
    extra : dict of str to Site, optional
        Sites besides those of the vocabulary.

    Returns
    -------
    DataFrame
        site, latitude, longitude, note, reason, cell_latitude, cell_longitude, distance_km, bottom_depth_m. A site
        with a `reason` gets no number.
    """
    sites = SITES | (extra or {})
    df = pd.DataFrame(
        {
            "site": list(sites),
            "latitude": [s.latitude for s in sites.values()],
            "longitude": [ocean.wrap(s.longitude) for s in sites.values()],
            "note": [s.note for s in sites.values()],
            "reason": [s.no_number for s in sites.values()],
        }
    )
    ilat, ilon, distance = ocean.nearest_sea_cell(df["latitude"].to_numpy(), df["longitude"].to_numpy(), covariates)
    df["cell_latitude"], df["cell_longitude"] = covariates["lat"].to_numpy()[ilat], covariates["lon"].to_numpy()[ilon]
    df["distance_km"] = distance
    df["bottom_depth_m"] = covariates["bottom_depth"].to_numpy()[ilat, ilon]
    far = (df["distance_km"] > MAX_SITE_KM) & (df["reason"] == "")
    df.loc[far, "reason"] = (
        "on land, " + df["distance_km"].round().astype(int).astype(str) + " km from the nearest sea cell"
    )
    return df


def site_year(ds, sites, target):
    """The year at each site: one row per site, month and depth.

    Parameters
    ----------
    ds : Dataset, dims (month, depth, lat, lon)
        From `predict_grid`.
    sites : DataFrame
        From `site_cells`; sites with a reason give no row.
    target : str

    Returns
    -------
    DataFrame
        site, latitude, longitude, cell_latitude, cell_longitude, distance_km, bottom_depth_m, month, depth_m, the
        target, its `_lower` and `_upper`, applicable. Where the map follows light or mixed layer, depth_m is that of
        its one layer (the mean over the sea), and depth_used_m is the depth of this cell and month.
    """
    open_sites = sites[sites["reason"] == ""]
    at = {
        axis: xr.DataArray(
            open_sites[f"cell_{name}"].to_numpy(), dims="site", coords={"site": open_sites["site"].to_numpy()}
        )
        for axis, name in (("lat", "latitude"), ("lon", "longitude"))
    }
    names = [n for n in (target, f"{target}_lower", f"{target}_upper", "applicable", "depth_used") if n in ds]
    values = (
        ds[names].sel(at).drop_vars(["lat", "lon"]).transpose("site", "month", "depth").to_dataframe().reset_index()
    )
    keep = ["site", "latitude", "longitude", "cell_latitude", "cell_longitude", "distance_km", "bottom_depth_m"]
    return open_sites[keep].merge(values.rename(columns={"depth": "depth_m", "depth_used": "depth_used_m"}), on="site")


def own_site(latitude, longitude):
    """A place of one's own, as `site_cells` takes it; nothing where it is one of the vocabulary's sites.

    Parameters
    ----------
    latitude, longitude : float
        Degrees.

    Returns
    -------
    dict of str to vocabulary.Site

    Examples
    --------
    >>> own_site(36.5, -7.5)  # the Gulf of Cadiz
    {}
    """
    longitude = ocean.wrap(longitude)
    if any((site.latitude, site.longitude) == (latitude, longitude) for site in SITES.values()):
        return {}
    return {f"{_degrees(latitude, 'NS')} {_degrees(longitude, 'EW')}": Site(latitude, longitude, "your place")}


def _number(value):
    """Three digits without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _degrees(value, letters):
    return f"{abs(value):g}°{letters[int(value < 0)] if abs(value) != 180 else ''}"  # 180 degrees are east and west


def site_sentences(sites, year, target, depth_m):
    """What can be said of each site, one plain sentence or two.

    Parameters
    ----------
    sites : DataFrame
        From `site_cells`.
    year : DataFrame
        From `site_year`.
    target : str
    depth_m : float
        m, one of the depths of `year`.

    Returns
    -------
    list of str
        Markdown, one item a site.
    """
    unit = VARIABLES[target].unit
    names = [target, f"{target}_lower", f"{target}_upper"]
    here = year[np.isclose(year["depth_m"], depth_m)].dropna(subset=[target])
    days = pd.Series(DAYS_IN_MONTH.sel(month=here["month"].to_numpy()).to_numpy(), here.index)
    means = here[names].mul(days, axis=0).groupby(here["site"]).sum().div(days.groupby(here["site"]).sum(), axis=0)
    here = here.groupby("site")
    months, inside = here.size(), here["applicable"].sum()
    sentences = []
    for site in sites.itertuples():
        place = (
            f"cell {_degrees(site.cell_latitude, 'NS')} {_degrees(site.cell_longitude, 'EW')}, "
            f"{site.distance_km:.0f} km away, sea floor at {site.bottom_depth_m:.0f} m"
        )
        if site.reason:
            text = f"no number: {site.reason}."
        elif site.site not in means.index:
            text = f"no number: inputs are missing at this depth, or the sea floor is above it ({place})."
        else:
            mean, low, high = means.loc[site.site]
            text = (
                f"{_number(mean)} {unit}, mean of {months[site.site]} months; monthly 90 % intervals reach from "
                f"{_number(low)} to {_number(high)} on average ({place})."
            )
            outside = months[site.site] - inside[site.site]
            if outside:
                text += f" In {outside} of these months this is extrapolation: no training data are like this sea."
        sentences.append(f"- **{site.site}**: {text}")
    return sentences
