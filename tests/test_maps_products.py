"""Published maps and values beside ours, laws of the ratio by basin, and a flux at a depth of each cell."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from seaofcarbon import carbon, catalog, maps, ocean
from seaofcarbon.files import UserError
from seaofcarbon.plot import carbon as figures
from seaofcarbon.vocabulary import CARBON_G_PER_MOL

mpl.use("agg")
LAT, LON = np.arange(-89.5, 90), np.arange(-179.5, 180)


def published_map(name, value, step=1.0, depth=100.0, longest=180.0):
    """Rows of one map as the file of products has them, in mg m-2 d-1; `value` is a number or a function of lat."""
    lat, lon = np.arange(-90 + step / 2, 90, step), np.arange(-180 + step / 2, 180, step)
    lat, lon = (c.ravel() for c in np.meshgrid(lat, lon, indexing="ij"))
    flux = np.broadcast_to(value(lat) if callable(value) else value, lat.shape)
    rows = pd.DataFrame({"lon": lon, "lat": lat, "depth": depth, "poc_flux": flux * CARBON_G_PER_MOL, "model": name})
    return rows.assign(poc_flux=rows["poc_flux"].where(rows["lon"] < longest))


@pytest.fixture(scope="module")
def table():
    """Two maps of a known flux, one of them on 2 degrees and half the globe; one at 1000 m and one to leave out."""
    steep = published_map("coarse", lambda lat: 2.0 + np.abs(lat) // 2 / 10, step=2.0, longest=0.0)
    return pd.concat([
        published_map("fine", lambda lat: 1.0 + np.abs(lat) // 2 / 20), steep,
        published_map("coarse", 9.0, step=2.0, depth=1000.0), published_map("Laws 2011", 5.0, step=2.0),
    ], ignore_index=True)  # fmt: skip


def test_products_keep_their_totals_on_our_grid(table):
    """A map on 2 degrees has the same total on ours; other depths and maps that contradict themselves are left out."""
    products = maps.product_maps(table, LAT, LON)
    assert products["product"].to_numpy().tolist() == ["coarse", "fine"]
    own = maps.own_totals(table)
    area = ocean.cell_area(products["lat"])
    for name in own.index:
        here = float((products.sel(product=name).astype(float) * area).sum()) * 365.25 * maps.PG_PER_MMOL
        assert here == pytest.approx(own[name], rel=1e-5)
    flat = maps.own_totals(published_map("flat", 1.0, step=2.0))["flat"]
    assert flat == pytest.approx(4 * np.pi * 6371e3**2 * 365.25 * 12.011e-18, rel=1e-3)


def test_agreement_over_common_cells_only(table):
    """The coarse map is twice the fine one where both have values, so half a globe counts, and r is 1."""
    products = maps.product_maps(table, LAT, LON)
    ours = (products.sel(product="fine", drop=True) * 1.5).rename("poc_flux")
    found = maps.compare_products(products, ours)
    assert found.attrs["area_share"] == pytest.approx(0.5)
    assert found["correlation"][["coarse", "fine"]].tolist() == pytest.approx([1.0, 1.0])
    assert found["ratio"][["coarse", "fine"]].tolist() == pytest.approx([0.75, 1.5], rel=1e-5)
    assert found.loc["fine", "ratio_others"] == pytest.approx(0.5, rel=1e-5)
    assert found.loc["coarse", "within_2"] == 1.0
    assert found.loc["coarse", "total_pg_yr"] == pytest.approx(maps.own_totals(table)["coarse"], rel=1e-5)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda df: df.drop(columns="model"), "no column model"),
        (lambda df: pd.concat([df, df[:1]]), "two values for one cell"),
        (lambda df: df.assign(depth=50.0), "no map at 100 m"),
        (lambda df: df[(df["lat"] != 3) & (df["lat"] != 7)], "not a regular axis"),
    ],
)
def test_a_spoilt_table_of_products_is_one_line(spoil, says):
    """A file of another shape is refused with what is wrong."""
    with pytest.raises(UserError, match=says):
        maps.product_maps(spoil(published_map("a", 1.0, step=2.0)), LAT, LON)


def test_zonal_mean_asks_for_a_part_of_the_circle():
    """Bands of 5 degrees; a band with 5 % of its cells has no mean."""
    field = xr.DataArray(np.ones((180, 360)), {"lat": LAT, "lon": LON}, ("lat", "lon")) * abs(LAT)[:, None]
    bands = maps.zonal_mean(field.where((field["lat"] > 0) | (field["lon"] > 162)))
    assert bands.sel(lat=2.5) == pytest.approx(2.5) and np.isnan(bands.sel(lat=-2.5))


def ratios(n=400, seed=0):
    """Ratios on a law of their own in each of two basins, in 10 campaigns and 5 folds."""
    rng = np.random.default_rng(seed)
    campaign, depth = rng.integers(0, 10, n), rng.uniform(30, 250, n)
    south = campaign % 2 == 1
    value = np.where(south, 900.0, 300.0) * depth ** np.where(south, -1.0, -0.5) * np.exp(rng.normal(0, 0.1, n))
    return pd.DataFrame({
        "value": value, "depth_m": depth, "latitude": np.where(south, -60.0, 40.0), "longitude": -40.0,
        "campaign": campaign, "fold": campaign // 2,
    })  # fmt: skip


def test_each_basin_gets_its_law_back_and_the_others_that_of_all():
    """The exponent of each basin comes back; a basin without values takes the global law, also on a map."""
    df = ratios()
    laws = carbon.fit_regional_laws(
        df["depth_m"], df["value"], ocean.basin(df["latitude"], df["longitude"]), df["campaign"]
    )
    assert set(laws) == {"global", "North Atlantic", "Southern Ocean"}
    assert laws["North Atlantic"].b == pytest.approx(-0.5, abs=0.03)
    assert laws["Southern Ocean"].b == pytest.approx(-1.0, abs=0.03)
    depth = xr.DataArray(
        np.full((2, 3, 1), 100.0), {"lat": [-60.0, -20.0, 40.0], "lon": [-40.0]}, ("month", "lat", "lon")
    )
    middle, mean = maps.ratio_of_law(depth, carbon.law_of_region(maps.regions(depth)["basin"], laws))
    expected = [carbon.power_law(100.0, laws[name]) for name in ("Southern Ocean", "global", "North Atlantic")]
    assert middle[1, :, 0].to_numpy().tolist() == pytest.approx(expected)
    scatter = np.log(laws["global"].scatter)
    assert float(mean[0, 1, 0] / middle[0, 1, 0]) == pytest.approx(np.exp(scatter**2 / 2))
    shown = maps.law_table(df.assign(longitude=np.where(df["campaign"] == 0, -150.0, -40.0)), laws)
    assert shown["own"].to_dict() == {
        "global": True, "North Pacific": False, "Southern Ocean": True, "North Atlantic": True,
    }  # fmt: skip


def test_laws_are_judged_on_campaigns_they_have_not_seen():
    """Where basins differ their own laws win; a law of one campaign is not tested on it; a perfect model leads."""
    df = ratios()
    judged = maps.judge_laws(df, df["value"])
    r2 = judged["r2"]
    assert r2[maps.ML_MODEL] == 1 and judged.attrs["better"] == 1
    assert r2["a power law of each basin"] > 0.9 > r2["one power law"]
    assert judged.loc["a power law of each basin", "factor"] == pytest.approx(np.exp(0.1), rel=0.05)
    odd = df.assign(value=df["value"].where(df["fold"] != 0, 100 * df["value"]))
    assert maps.judge_laws(odd)["r2"]["a power law of each basin"] < 0.5


class Depth:
    """A model that predicts the depth."""

    target, features = "poc_flux", ("depth_m", "npp")

    def predict_matrix(self, X, which):
        """The first column."""
        return dict.fromkeys(which, X[:, 0])


def test_prediction_at_a_depth_of_each_cell():
    """Ez + 100 m is met to the cell, and missing below 250 m; the share that is left is stated by region."""
    lat, lon = np.array([-10.5, 10.5]), np.array([-30.5, -29.5])
    ez = xr.DataArray(
        np.array([[[20.0, 140.0], [149.0, 160.0]]]), {"month": [6], "lat": lat, "lon": lon}, ("month", "lat", "lon")
    )
    sea = xr.Dataset({"npp": xr.ones_like(ez)})
    sea = sea.reindex(month=list(maps.MONTHS))
    sea["npp"] = sea["npp"].fillna(1.0)
    found = maps.predict_grid(Depth(), sea, months=[6], kind=ez + 100.0, layers=["prediction"])["poc_flux"]
    found = found.isel(depth=0)
    assert found.to_numpy().ravel()[:3].tolist() == [120.0, 240.0, 249.0]
    assert np.isnan(found.to_numpy().ravel()[3])
    table = maps.region_ratio(found, ez).set_index("region")
    assert table.loc["global", "ratio"] == pytest.approx(609 / 309)
    assert table.loc["North Atlantic", "area_share"] == pytest.approx(0.5)
    assert table.loc["global", "area_share"] == pytest.approx(0.75)


def test_efficiency_is_the_ratio_of_means_over_the_box():
    """Published export efficiencies meet POC flux over production; the score knows inside from outside."""
    facts = catalog.open_entry("published_export_values")
    grid = {"month": list(maps.MONTHS), "depth": [0.0, 100.0, 250.0], "lat": LAT, "lon": LON}
    flux = xr.DataArray(np.full([len(c) for c in grid.values()], 3.0, "float32"), grid, list(grid))
    ds = xr.Dataset({"poc_flux": flux, "poc_flux_lower": flux / 3, "poc_flux_upper": 3 * flux})
    ds["applicable"] = xr.where(flux["lat"] > 0, 1, 0).broadcast_like(flux).astype("int8")
    npp = flux.isel(depth=0, drop=True) * 10
    found = maps.at_published(facts, ds, "poc_flux", per=npp)
    assert (found["quantity"] == "export_efficiency").all() and len(found) > 20
    assert found["predicted"].tolist() == pytest.approx([0.1] * len(found))
    assert not found["depth_stated"].all()
    met = maps.meeting(found.assign(published=0.2, published_low=0.2, published_high=0.2))
    assert met.loc[("export_efficiency", "all"), ["factor", "ratio", "overlap"]].tolist() == pytest.approx([2, 0.5, 1])
    parts = met.loc["export_efficiency", "values"]
    assert parts["inside"] + parts["outside"] == parts["all"] and parts["outside"] == (found["lat"] < 0).sum()


def test_figures_of_carbon_draw(table):
    """Each figure draws with its unit; circles and map share one scale."""
    products = maps.product_maps(table, LAT[2::5], LON[2::5])
    df = ratios()
    laws = carbon.fit_regional_laws(
        df["depth_m"], df["value"], np.where(df["latitude"] < 0, "Southern Ocean", ""), 0 * df["depth_m"]
    )
    ax = figures.ratio_laws(df, laws)
    assert "global" in ax.get_legend_handles_labels()[1] and ax.yaxis_inverted()
    points = pd.DataFrame({"lat": [0.0, -40.0], "lon": [0.0, 90.0], "published": [1.0, 5.0], "applicable": [1, 0]})
    _, (ax,) = figures.published_on_map(products.sel(product="fine"), points, "mmol", "")
    assert len({c.norm for c in ax.collections if c.get_array() is not None}) == 1
    _, axes = figures.flux_maps({name: products.sel(product=name) for name in ("fine", "coarse")}, "mmol", 2)
    assert len({c.norm for ax in axes for c in ax.collections if c.get_array() is not None}) == 1
    lines = maps.zonal_mean(products)
    ax = figures.zonal_lines(lines, (lines[1] / 2, lines[1]), "mmol")
    assert ax.get_legend_handles_labels()[1][1:] == ["coarse", "fine"]
    plt.close("all")


@pytest.mark.real
def test_published_maps_come_with_their_totals(real_data, monkeypatch):
    """The real file: each map adds up to the total that its own table gives, within 2 %."""
    monkeypatch.setenv("SEAOFCARBON_DATA", str(real_data))
    own = maps.own_totals(catalog.open_entry(maps.PRODUCTS_ENTRY))
    told = catalog.open_entry("poc_flux_totals").query("depth == 100").set_index("model")["poc_flux_int"]
    assert len(own) == 7 and own.to_numpy() == pytest.approx(told[own.index].to_numpy(), rel=0.02)
