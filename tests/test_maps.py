"""Maps: what is predicted where, how it is summed, and that the year, the date line and the hemispheres are right."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from seaofcarbon import carbon, maps, ocean
from seaofcarbon.files import UserError, read_netcdf, write_netcdf
from seaofcarbon.learn import features
from seaofcarbon.plot import fields, style
from seaofcarbon.vocabulary import FEATURE_SETS, LAMBDA_TH234_PER_D, PARAMETERS, SITES, TWIN_LABEL

mpl.use("agg")
STEP = 5.0


@pytest.fixture(scope="module")
def sea():
    """Covariates on a coarse grid: a continent, a shallow shelf, a polar night without production."""
    lat, lon = np.arange(-87.5, 90, STEP), np.arange(-177.5, 180, STEP)
    depth = np.array([0.0, 50, 100, 200, 300])
    rng = np.random.default_rng(1)
    land = (np.abs(lat[:, None]) < 40) & (np.abs(lon[None]) < 30)

    def field(*levels):
        values = rng.uniform(1, 20, (12, *levels, len(lat), len(lon))).astype("float32")
        return np.where(land, np.nan, values)

    surface = ("month", "lat", "lon")
    names = ("sst", "npp", "chlorophyll", "mixed_layer_depth", "euphotic_depth", "euphotic_depth_01")
    ds = xr.Dataset(
        {name: (surface, field()) for name in names}
        | {name: (("month", "depth", "lat", "lon"), field(len(depth))) for name in ("temperature", "nitrate")},
        coords={"month": list(range(1, 13)), "depth": depth, "lat": lat, "lon": lon},
    )
    ds["bottom_depth"] = (("lat", "lon"), np.where(land, np.nan, 3000.0))
    shelf = (ds["lon"] == 32.5) & (abs(ds["lat"]) < 40)
    ds["bottom_depth"] = ds["bottom_depth"].where(~shelf, 75.0)
    ds["temperature"] = ds["temperature"].where(~shelf | (ds["depth"] <= 50))
    ds["npp"] = ds["npp"].where(~((ds["lat"] > 80) & (ds["month"] == 1)))
    ds["euphotic_depth_01"] = 10 * ds["euphotic_depth_01"] + 60
    return ds


class Formula:
    """A model whose prediction is a known function of its features."""

    target = "poc_flux"
    features = FEATURE_SETS["seed"]
    mean_factor = staticmethod(lambda depth_m: 1.0 + np.asarray(depth_m) / 500)

    def predict_matrix(self, X, which):
        """A weighted sum of the features."""
        value = X @ np.linspace(0.1, 1.0, X.shape[1]).astype("float32") + 100
        layers = {"prediction": value, "lower": value - 1, "upper": value + 1, "rf": value + 0.5, "xgb": value - 0.5}
        return layers | {"applicable": X[:, 2] > -60}


def test_prediction_is_the_model_at_the_features_of_the_match_up(sea):
    """A map holds what the model says at the place, mid-month and depth, with the features of the match-up."""
    grid = maps.predict_grid(Formula(), sea, months=[3, 11], depths_m=[0, 75, 100])
    points = grid["poc_flux"].to_dataframe().reset_index().rename(columns={"lat": "latitude", "lon": "longitude"})
    day = pd.to_timedelta(ocean.month_day()[points["month"] - 1] - 1, unit="D")
    points = points.assign(time=pd.Timestamp("2005-01-01") + day, depth_m=points["depth"])
    matched = ocean.match(points.dropna(subset="poc_flux"), sea)
    expected = Formula().predict_matrix(features.matrix(matched, Formula.features), ())["prediction"]
    np.testing.assert_allclose(matched["poc_flux"], expected, rtol=1e-5)


def test_land_and_sea_below_the_floor_are_never_predicted(sea):
    """Land, water below the sea floor and months without an input stay empty."""
    grid = maps.predict_grid(Formula(), sea, depths_m=[0, 100])
    land = sea["sst"].isnull().all("month")
    assert grid["poc_flux"].where(land).isnull().all()
    assert (grid["applicable"].where(land, -1) == -1).all()
    shelf = grid["poc_flux"].sel(lon=32.5, lat=slice(-35, 35))
    assert shelf.sel(depth=0).notnull().all()
    assert shelf.sel(depth=100).isnull().all()
    assert grid["poc_flux"].sel(month=1, lat=82.5).isnull().all()  # no production, no prediction


def test_the_polar_night_is_not_predicted(sea):
    """Where nothing grows no one has sampled: no number, rather than one from the edge of the training data."""
    dark = sea.assign(npp=sea["npp"].where(sea["lat"] < 70, 0.0))
    grid = maps.predict_grid(Formula(), dark, months=[1], depths_m=[50])
    assert grid["poc_flux"].sel(lat=slice(70, 90)).isnull().all()


def test_serial_and_parallel_are_the_same_to_the_bit(sea, monkeypatch):
    """One thread or three: the same bytes."""
    monkeypatch.setattr(maps.grid, "BLOCK_ROWS", 3000)
    serial, parallel = (maps.predict_grid(Formula(), sea, depths_m=[50, 100], workers=n) for n in (1, 3))
    assert serial.identical(parallel)


def test_blocks_leave_no_seam(sea, monkeypatch):
    """The size of the blocks does not show."""
    whole = maps.predict_grid(Formula(), sea)
    monkeypatch.setattr(maps.grid, "BLOCK_ROWS", 1)
    assert maps.predict_grid(Formula(), sea).identical(whole)


def test_depth_coordinate_holds_the_depth_that_is_shown(sea):
    """Levels are united with the depth asked for."""
    levels = maps.depth_levels("0,25,50,75,100", 62.5)
    grid = maps.predict_grid(Formula(), sea, months=[6], depths_m=levels, layers=["prediction"])
    assert grid["depth"].to_numpy().tolist() == [0, 25, 50, 62.5, 75, 100]
    assert list(grid.data_vars) == ["poc_flux"]


@pytest.mark.parametrize("kind", ["ez", "ppz", "mld"])
def test_a_depth_that_follows_the_sea_equals_the_fixed_one_where_they_meet(sea, kind):
    """A euphotic zone of 80 m everywhere is the map at 80 m."""
    flat = sea.assign({n: xr.full_like(sea["sst"], 80.0).where(sea["sst"].notnull())
                       for n in ("euphotic_depth_01", "euphotic_depth", "mixed_layer_depth")})  # fmt: skip
    following = maps.predict_grid(Formula(), flat, months=[7], kind=kind)
    fixed = maps.predict_grid(Formula(), flat, months=[7], depths_m=[80])
    assert following["depth"].item() == pytest.approx(80)
    np.testing.assert_allclose(following["poc_flux"], fixed["poc_flux"], rtol=1e-6)


def test_where_the_mixed_layer_is_deeper_than_250_m_nothing_is_said(sea):
    """Depths beyond the training are missing, not clipped."""
    deep = sea.assign(mixed_layer_depth=sea["mixed_layer_depth"].where(sea["lat"] < 60, 400.0))
    grid = maps.predict_grid(Formula(), deep, months=[2], kind="mld")
    assert grid["poc_flux"].sel(lat=slice(60, 90)).isnull().all()


def test_longitudes_join_at_the_date_line(sea):
    """A grid from 0 to 360 gives the same map, and its cells close the circle."""
    rolled = ocean.wrap_grid(sea.assign_coords(lon=sea["lon"] % 360).sortby("lon"))
    assert maps.predict_grid(Formula(), rolled).identical(maps.predict_grid(Formula(), sea))
    edges = style._edges(sea["lon"].to_numpy())
    assert edges[-1] - edges[0] == 360


def test_sums_are_area_weighted_sums(sea):
    """Totals equal the sum of flux, area and days, and regions add up to the globe, to 1e-6."""
    flux = maps.predict_grid(Formula(), sea)["poc_flux"].sel(depth=100)
    table = maps.integrate_poc(flux)
    radius, north, south = 6.371e6, np.radians(flux["lat"] + STEP / 2), np.radians(flux["lat"] - STEP / 2)
    area = radius**2 * np.radians(STEP) * (np.sin(north) - np.sin(south))
    by_hand = float((flux.astype(float) * area * maps.DAYS_IN_MONTH).sum()) * 12.011e-3 * 1e-15
    assert table.loc[table["region"] == "global", "total_pg_yr"].item() == pytest.approx(by_hand, rel=1e-6)
    for kind in ("basin", "band"):
        assert table.loc[table["region_kind"] == kind, "total_pg_yr"].sum() == pytest.approx(by_hand, rel=1e-6)


def test_areas_add_up_to_the_globe():
    """Cells cover the sphere once."""
    ones = xr.DataArray(
        np.ones((180, 360)), dims=("lat", "lon"), coords={"lat": np.arange(-89.5, 90), "lon": np.arange(-179.5, 180)}
    )
    assert float(maps.weights(ones).sum()) * 360 == pytest.approx(4 * np.pi * 6.371e6**2, rel=1e-9)


def test_shares_of_a_total_tell_shelf_and_extrapolation(sea):
    """A uniform flux splits as the area does."""
    flux = xr.ones_like(sea["sst"]).where(sea["sst"].notnull())
    outside = (sea["lat"] > 0).broadcast_like(flux)
    table = maps.integrate_poc(flux, sea["sst"].notnull().all("month"), (~outside).astype("int8"), sea["bottom_depth"])
    globe = table.iloc[0]
    assert globe["share_outside"] == pytest.approx(0.5)
    area = maps.weights(sea["bottom_depth"]).where(sea["bottom_depth"].notnull())
    shelf = area.where(sea["bottom_depth"] < 200).sum() / area.sum()
    assert globe["share_shelf"] == pytest.approx(float(shelf))
    assert globe["area_share"] == pytest.approx(1.0)


def test_ratio_of_a_region_is_the_ratio_of_sums_not_the_mean_of_ratios():
    """Sums over cells that have both, then one division."""
    lat, lon = [0.5, 0.5 + 1], [10.5, 11.5]
    npp = xr.DataArray(
        [[[1.0, 9.0], [np.nan, 5.0]]], dims=("month", "lat", "lon"), coords={"month": [1], "lat": lat, "lon": lon}
    )
    ratio = maps.region_ratio(0 * npp + [[[1.0, 1.0], [1.0, np.nan]]], npp)
    assert ratio.loc[0, "ratio"] == pytest.approx(2 / 10)


def test_southern_seasons_are_southern(sea):
    """Summer is June to August north and December to February south (peers have this bug)."""
    month = sea["month"].broadcast_like(sea["sst"]).astype(float).rename("month_number")
    season = maps.seasonal_mean(month)
    assert float(season.sel(season="summer").sel(lat=-42.5, lon=102.5)) < 6.0  # December to February
    assert float(season.sel(season="summer").sel(lat=42.5, lon=102.5)) == pytest.approx((6 * 30 + 7 * 31 + 8 * 31) / 92)
    assert season["season"].to_numpy().tolist() == list(ocean.SEASONS)
    spring = maps.in_season(month, "spring").sel(lon=102.5)
    for lat, months in {42.5: [3, 4, 5], -42.5: [9, 10, 11]}.items():
        assert spring.sel(lat=lat).dropna("month")["month"].to_numpy().tolist() == months
    assert maps.in_season(month, "year") is month
    assert PARAMETERS["season"].choices == ("year", *ocean.SEASONS)


def test_the_date_line_is_neither_east_nor_west():
    """Inside, longitudes end below 180: a place that was given as 180 east would be named 180 west."""
    assert list(maps.own_site(-12.5, 180.0)) == ["12.5°S 180°"]
    assert list(maps.own_site(12.5, 190.0)) == ["12.5°N 170°W"]


def test_bloom_and_non_bloom_are_told_apart():
    """Two bloom months of six stand against ten of two."""
    coords = {"month": list(range(1, 13)), "lat": [0.5], "lon": [0.5, 1.5]}
    inside = np.zeros((12, 1, 2), bool)
    inside[3:5, :, 0] = True
    bloom = xr.Dataset(
        {"in_bloom": (("month", "lat", "lon"), inside), "bloom_class": (("lat", "lon"), [[1.0, 0.0]])}, coords
    )
    split = maps.bloom_split(
        xr.DataArray(np.where(inside, 6.0, 2.0), dims=("month", "lat", "lon"), coords=coords), bloom
    )
    assert split.sel(lon=0.5)[["bloom", "non_bloom", "ratio"]].to_array().to_numpy().ravel().tolist() == [6.0, 2.0, 3.0]
    assert float(split["no_bloom"].sel(lon=1.5).item()) == 2.0
    assert np.isnan(split["bloom"].sel(lon=1.5)).all()


def test_a_perfect_map_agrees(sea):
    """A perfect map scores 1; a shifted one shows its bias."""
    truth = sea["sst"]
    assert maps.agreement(truth, truth)["r2"] == 1.0
    shifted = maps.agreement(truth + 1, truth)
    assert shifted["bias"] == pytest.approx(1.0, rel=1e-5)
    assert shifted["correlation"] == pytest.approx(1.0, rel=1e-5)


def test_means_need_the_factor_of_their_depth():
    """Middle values times the factor at the depth of the coordinate, or of each cell."""
    middle = xr.DataArray(np.array([1.0, 5.0], "float32"), dims="x", coords={"depth": 100.0}, attrs={"units": "1"})
    mean = maps.to_mean(middle, Formula())
    np.testing.assert_allclose(mean, [1.2, 6.0], rtol=1e-6)
    assert mean.attrs == middle.attrs
    ez = xr.DataArray([50.0, 250.0], dims="x")
    np.testing.assert_allclose(maps.to_mean(middle, Formula(), ez), [1.1, 7.5], rtol=1e-6)
    column = middle.drop_vars("depth").expand_dims(depth=[0.0, 100.0])
    np.testing.assert_allclose(maps.to_mean(column, Formula()), [[1.0, 5.0], [1.2, 6.0]], rtol=1e-6)
    np.testing.assert_allclose(maps.to_mean(middle, Formula(), factor=2.0), [2.0, 10.0], rtol=1e-6)


def test_strait_and_malaga_get_a_reason_and_no_number(sea):
    """Sites without a usable cell are silent and say why; a place across the date line is found."""
    cells = maps.site_cells(sea, maps.own_site(0.0, 0.0) | maps.own_site(-42.5, 182.5))
    year = maps.site_year(maps.predict_grid(Formula(), sea, depths_m=[0, 100]), cells, "poc_flux")
    silent = set(cells.loc[cells["reason"] != "", "site"])
    assert {"Malaga shelf", "Strait of Gibraltar", "0°N 0°E"} <= silent
    assert silent.isdisjoint(year["site"])
    own = year[year["site"] == "42.5°S 177.5°W"]
    assert len(own) == 24
    assert own["poc_flux"].notna().all()


def test_every_site_of_the_vocabulary_lies_where_it_says():
    """The Andalusian sites are on the right sides of the Strait."""
    assert ocean.basin(SITES["Alboran Sea"].latitude, SITES["Alboran Sea"].longitude) == "Mediterranean"
    assert ocean.basin(SITES["Gulf of Cadiz"].latitude, SITES["Gulf of Cadiz"].longitude) == "North Atlantic"


def test_a_depth_that_was_not_mapped_names_the_command_that_maps_it(sea):
    """Later chapters ask for a depth; a file without it says how to make one."""
    grid = maps.predict_grid(Formula(), sea, months=[6], depths_m=[0, 100])
    assert float(maps.at_depth(grid, 100)["depth"]) == 100
    with pytest.raises(UserError, match="run 05-maps with -p depth_m=150"):
        maps.at_depth(grid, 150)
    assert maps.depth_name(maps.predict_grid(Formula(), sea, months=[6], kind="ez"), 100).startswith("the base of the")


def test_each_model_says_where_it_is_applicable(sea):
    """A product of two maps is inside where both models are; a map that does not know is refused."""
    ds = maps.predict_grid(Formula(), sea, months=[6], depths_m=[100])
    ds["applicable_c_th"] = ds["applicable"].where(ds["lat"] < 60, 0).where(ds["applicable"] >= 0, -1).astype("int8")
    both, own = maps.applicable(ds, "poc_flux", "c_th"), maps.applicable(ds, "poc_flux")
    np.testing.assert_array_equal(own, ds["applicable"])
    np.testing.assert_array_equal(both == 1, (ds["applicable"] == 1) & (ds["applicable_c_th"] == 1))
    np.testing.assert_array_equal(both == -1, ds["poc_flux"].isnull())
    assert both.dtype == "int8"
    assert "poc_flux and the c_th" in both.attrs["long_name"]
    with pytest.raises(UserError, match="th234_flux"):
        maps.applicable(ds, "th234_flux")


def test_a_target_without_interval_names_the_command_that_maps_it(sea):
    """Chapter 6 shows intervals; of the targets of a map only the main one has them."""
    ds = maps.predict_grid(Formula(), sea, months=[6]).assign(c_th=0)
    maps.check_interval(ds, "poc_flux")
    with pytest.raises(UserError, match="run 05-maps 06-seasons --profile real --name c_th -p target=c_th"):
        maps.check_interval(ds, "c_th", "real")


def test_mean_ratio_of_a_law_is_that_of_its_scatter():
    """Of ratios scattered about a power law, the middle value is the law and the mean lies above it."""
    rng = np.random.default_rng(0)
    law = carbon.PowerLaw(100.0, -0.7, 2.0)
    depth = xr.DataArray([0.0, 10.0, 150.0, np.nan], dims="x", attrs={"units": "m"})
    middle, mean = maps.ratio_of_law(depth, law)
    drawn = carbon.power_law(150.0, law) * np.exp(rng.normal(0, np.log(2.0), 200_000))
    assert float(middle[2]) == pytest.approx(np.median(drawn), rel=0.01)
    assert float(mean[2]) == pytest.approx(drawn.mean(), rel=0.01)
    assert float(middle[0]) == float(middle[1])
    assert np.isnan(mean[3])
    assert mean.attrs["units"] == "umol dpm-1"


def test_published_values_meet_the_map_at_their_place_and_months(sea):
    """A value of a box across the date line, October to February, at 75 m; one on land is left out."""
    facts = pd.DataFrame(
        {"key": ["box", "land"], "doi": "", "region": "", "method": "ss", "quantity": "poc_flux",
         "unit": "mg C m-2 d-1", "value": 12.011, "value_low": np.nan,
         "value_high": np.nan, "uncertainty": np.nan,
         "depth_m": 75.0,
         "lat": [-42.5, 0.0], "lon": [180.0, 0.0], "lat_span_deg": 1.0, "lon_span_deg": [5.0, 1.0],
         "date_start": "2003-10", "date_end": "2004-02-15"}
    )  # fmt: skip
    grid = maps.predict_grid(Formula(), sea, depths_m=[50, 100])
    found = maps.at_published(facts, grid, "poc_flux")
    cells = grid["poc_flux"].sel(lat=-42.5, lon=[-177.5, 177.5], month=[10, 11, 12, 1, 2])
    assert found["key"].tolist() == ["box"]
    assert found.loc[0, "published"] == pytest.approx(1.0)
    assert found.loc[0, "predicted"] == pytest.approx(float(cells.mean()), rel=1e-5)


def test_sentences_tell_extrapolation(sea):
    """A site south of 60 S is outside the area of the formula, and its sentence says so."""
    cells = maps.site_cells(sea, maps.own_site(-62.5, 102.5))
    grid = maps.predict_grid(Formula(), sea, depths_m=[100])
    said = maps.site_sentences(cells, maps.site_year(grid, cells, "poc_flux"), "poc_flux", 100)
    assert "12 of these months this is extrapolation" in said[-1]
    assert all("no number" in line for line in said if "Strait" in line or "Malaga" in line)


def test_sentence_of_a_site_is_a_mean_over_days_and_of_land_one_reason(sea):
    """February counts less than January; a place on land gets its distance once."""
    cells = maps.site_cells(sea, maps.own_site(-42.5, 102.5) | maps.own_site(0.0, 0.0))
    year = maps.site_year(maps.predict_grid(Formula(), sea, months=[1, 2], depths_m=[100]), cells, "poc_flux")
    said = maps.site_sentences(cells, year.assign(poc_flux=year["month"].map({1: 0.0, 2: 5925.0})), "poc_flux", 100)
    assert "2,825 mmol" in said[-2]  # 28.25 days of 59.25
    assert said[-1].endswith("km from the nearest sea cell.")
    assert said[-1].count("km") == 1


def test_site_of_a_map_that_follows_light_has_the_depth_of_its_cell(sea):
    """One layer, of which depth_m is the mean; the depth of the cell and month stands beside it."""
    cells = maps.site_cells(sea, maps.own_site(-42.5, 102.5))
    grid = maps.predict_grid(Formula(), sea, kind="ez")
    year = maps.site_year(grid, cells, "poc_flux").set_index("site").loc["42.5°S 102.5°E"]
    np.testing.assert_allclose(year["depth_m"], float(grid["depth"][0]))
    np.testing.assert_allclose(year["depth_used_m"], grid["depth_used"].sel(lat=-42.5, lon=102.5))


@pytest.mark.parametrize(
    "call",
    [
        lambda sea: maps.depth_levels("0,abc", 100),
        lambda sea: maps.depth_levels("0,50", 260),
        lambda sea: maps.predict_grid(Formula(), sea, months=[13]),
        lambda sea: maps.predict_grid(Formula(), sea, depths_m=[-5]),
        lambda sea: maps.predict_grid(Formula(), sea, kind="deep"),
        lambda sea: maps.predict_grid(Formula(), sea.drop_vars("npp")),
    ],
)
def test_bad_input_is_one_clear_line(sea, call):
    """Depths, months, kinds and inputs that do not exist are refused in one line."""
    with pytest.raises(UserError) as refusal:
        call(sea)
    assert "\n" not in str(refusal.value)


def test_file_keeps_units_interval_and_applicability(sea, tmp_path):
    """What is written comes back in the units inside."""
    grid = maps.predict_grid(Formula(), sea, months=[1, 2], depths_m=[100])
    write_netcdf(grid, tmp_path / "maps.nc", bits=12)
    back = read_netcdf(tmp_path / "maps.nc")
    np.testing.assert_allclose(back["poc_flux_lower"], grid["poc_flux_lower"], rtol=2e-4)
    np.testing.assert_array_equal(back["applicable"], grid["applicable"])
    assert back["poc_flux"].attrs["units"] == "mmol m-2 d-1"


def test_every_figure_of_the_twin_says_so(sea):
    """The label is on each kind of figure."""
    grid = maps.predict_grid(Formula(), sea, depths_m=[0, 100])
    shown = grid["poc_flux"].sel(depth=100)
    year = maps.site_year(grid, maps.site_cells(sea, maps.own_site(-42.5, 102.5)), "poc_flux")
    drawn = [
        fields.one_map(maps.annual_mean(shown), "Annual mean", "POC flux", label=TWIN_LABEL)[0],
        fields.site_years(year, "poc_flux", label=TWIN_LABEL)[0],
        fields.site_intervals(year, "poc_flux", 100, label=TWIN_LABEL)[0],
        fields.predicted_vs_truth(shown, shown + 1, "poc_flux", TWIN_LABEL).figure,
    ]
    for figure in drawn:
        assert TWIN_LABEL in figure.get_supxlabel()
    plt.close("all")


@pytest.mark.real
def test_henson_on_the_open_data_exports_three_to_five_pg(real_data):
    """A published form on real fields gives its published total (3-4 Pg C a year)."""
    from seaofcarbon import carbon, profiles

    sea = profiles.covariates("real")
    flux = carbon.PARAMETERISATIONS["henson2011"](sea["sst"], sea["npp"], sea["euphotic_depth"])
    assert 3 < maps.integrate_poc(flux).loc[0, "total_pg_yr"] < 5


def test_implied_concentration_is_that_of_the_flux():
    """A deficit of 1 dpm L-1 down to 100 m and none below makes a flux, and the flux gives the deficit back."""
    depth = np.arange(0.0, 201.0, 25.0)
    lost = 1000 * LAMBDA_TH234_PER_D * np.minimum(depth, 100.0)
    flux = xr.DataArray(lost, dims="depth", coords={"depth": depth})
    salinity = xr.DataArray([35.0, 35.0], dims="depth", coords={"depth": [0.0, 300.0]})
    found = maps.implied_thorium(flux, salinity)
    uranium = 0.0786 * 35 - 0.315
    np.testing.assert_allclose(found["depth"], depth[:-1] + 12.5)
    np.testing.assert_allclose(found, np.where(found["depth"] < 100, uranium - 1.0, uranium), atol=1e-12)
