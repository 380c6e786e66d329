"""Maps on a finer grid: inputs between cells, inputs of one's own, and area means back on the coarse grid."""

import numpy as np
import pytest
import xarray as xr

import learn_sea
from seaofcarbon import blocks, files, maps
from seaofcarbon.files import UserError
from seaofcarbon.vocabulary import EARTH_RADIUS_KM
from test_blocks import Slow


def ordered_sea():
    """The tiny sea with its dimensions in the order of covariates.nc."""
    return learn_sea.covariates().transpose("month", "depth", "lat", "lon")


def plane(sea):
    """The tiny sea with a temperature that is a plane of latitude and longitude, as high as 100."""
    return sea.assign(sst=(sea["sst"] * 0 + sea["lat"] * 0.1 + sea["lon"] * 0.2).astype("f4"))


def test_a_plane_stays_a_plane_and_land_stays_land():
    """Bilinear is exact on a plane away from coasts, the date line and the poles; a land cell's fine cells are land."""
    sea = plane(ordered_sea())
    fine = maps.finer(sea, 2.5).compute()
    assert fine.sizes["lat"] == 72 and fine.sizes["lon"] == 144
    land = sea["sst"].isnull().to_numpy().repeat(4, axis=1).repeat(4, axis=2)
    np.testing.assert_array_equal(fine["sst"].isnull(), land)
    inner = fine["sst"].sel(lat=slice(-80, 5), lon=slice(-170, 170))
    np.testing.assert_allclose(inner, inner * 0 + inner["lat"] * 0.1 + inner["lon"] * 0.2, atol=2e-4)
    assert set(fine.data_vars) == set(sea.data_vars) and fine["temperature"].dims == sea["temperature"].dims


def test_longitude_is_a_circle():
    """Across the date line a value lies between those of both sides, not beyond them."""
    sea = ordered_sea()
    sea["sst"] = (sea["sst"] * 0 + np.where(sea["lon"] > 0, 10, 20)).astype("f4")
    fine = maps.finer(sea, 5.0)["sst"].sel(month=1, lat=-42.5).compute()
    np.testing.assert_allclose(fine.sel(lon=[-177.5, 177.5]), [17.5, 12.5])


def test_nothing_is_made_of_the_polar_night():
    """Where the coarse cell is dark the fine cells are, and light does not leak into them from the south."""
    sea = ordered_sea()
    sea["npp"] = sea["npp"].where(sea["lat"] < 70, 0.0)
    fine = maps.finer(sea, 5.0)["npp"].compute()
    assert fine.sel(lat=slice(70, 90)).isnull().all()
    np.testing.assert_allclose(fine.sel(lat=slice(-90, 15)), 400, rtol=1e-6)


@pytest.mark.parametrize(("degrees", "told"), [(20.0, "coarser"), (7.0, "whole cells")])
def test_grids_that_do_not_fit_are_refused(degrees, told):
    """One line; the same spacing is no finer grid."""
    sea = ordered_sea()
    with pytest.raises(UserError, match=told):
        maps.finer(sea, degrees)
    assert maps.finer(sea, 10.0) is sea and maps.fine_inputs(sea, [Slow()], 10.0) is None


def test_cells_need_not_be_square():
    """Of cells of 10 by 20 degrees both axes are refined, each by its own step, and the area of the sea stays."""
    sea = plane(ordered_sea()).isel(lon=slice(None, None, 2))
    fine = maps.finer(sea, 5.0)
    assert fine.sizes["lat"] == 36 and fine.sizes["lon"] == 72 and float(abs(fine["lat"]).max()) == 87.5
    inner = fine["sst"].sel(lat=slice(-80, 5), lon=slice(-160, 140)).compute()
    np.testing.assert_allclose(inner, inner * 0 + inner["lat"] * 0.1 + inner["lon"] * 0.2, atol=2e-4)
    whole = 4 * np.pi * (1000 * EARTH_RADIUS_KM) ** 2
    for grid in (sea, fine):
        everywhere = xr.zeros_like(grid["sst"].isel(month=0, drop=True))
        area = maps.weights(everywhere) * everywhere.sizes["lon"]
        assert float(area.sum()) == pytest.approx(whole, rel=1e-6)
    with pytest.raises(UserError, match="coarser"):
        maps.finer(sea, 15.0)


def test_a_fine_run_writes_both_maps_and_keeps_the_mean(tmp_path, monkeypatch):
    """maps.nc has the area means of maps.zarr, in any number of bands; a coarse run keeps its hands off."""
    sea = ordered_sea()
    other = Slow(offset=3.0)
    other.target = "c_th"
    call = {"depths_m": (0.0, 50.0), "also": (other,), "attrs": {"title": "fine"}}
    fine = maps.fine_inputs(sea, [Slow(), other], 5.0)
    found = blocks.write_maps(Slow(), sea, tmp_path, fine=fine, **call)
    stored = blocks.read_zarr(tmp_path / "maps.zarr")
    assert {"poc_flux", "applicable", "c_th", "applicable_c_th"} < set(stored) and "c_th_lower" not in stored
    assert found.sizes == {"month": 12, "depth": 2, "lat": 18, "lon": 36}
    here = stored["poc_flux"].isel(month=4, depth=1).sel(lat=slice(-70, -60), lon=slice(20, 30)).load()
    weight = np.cos(np.radians(here["lat"]))
    mean = (here * weight).sum() / (weight.sum() * here.sizes["lon"])
    np.testing.assert_allclose(found["poc_flux"].isel(month=4, depth=1).sel(lat=-65, lon=25), mean, rtol=1e-5)
    np.testing.assert_array_equal(found["poc_flux"].notnull().isel(depth=0), sea["sst"].notnull())
    assert set(np.unique(found["applicable"])) <= {-1, 0, 1} and found["applicable"].dtype == "int8"
    kept = files.read_netcdf(tmp_path / "maps.nc")
    np.testing.assert_allclose(kept["c_th"], found["c_th"], rtol=1e-6)
    assert "maps.zarr" in kept.attrs["comment"] and kept.attrs["title"] == "fine"
    monkeypatch.setattr(maps.fine, "BAND_VALUES", 20_000)
    xr.testing.assert_identical(maps.coarse_means(stored, sea), found.drop_attrs(deep=False).assign_attrs(stored.attrs))
    with pytest.raises(UserError, match="holds a finer map"):
        blocks.write_maps(Slow(), sea, tmp_path, **call)
    with pytest.raises(UserError, match="finer grid"):
        blocks.write_maps(Slow(), sea, tmp_path, fine=fine, kind="mld", **call)


def test_quantities_side_by_side_are_those_of_each(tmp_path):
    """What is mapped beside another one is the same as alone."""
    sea, other = ordered_sea(), Slow(offset=3.0)
    other.target = "c_th"
    both, alone = maps.predict_grid(Slow(), sea, also=(other,)), maps.predict_grid(other, sea)
    np.testing.assert_array_equal(both["c_th"], alone["c_th"])
    np.testing.assert_array_equal(both["applicable_c_th"], alone["applicable"])


def test_depths_in_any_order_are_the_same_inputs(tmp_path):
    """A file whose depths fall is sorted, so that a value stays at its depth."""
    own_inputs().isel(depth=slice(None, None, -1)).to_netcdf(tmp_path / "mine.nc")
    own_inputs().to_netcdf(tmp_path / "other.nc")
    found, expected = (maps.inputs_from_file(tmp_path / f"{n}.nc", Slow.features) for n in ("mine", "other"))
    assert (np.diff(found["depth"]) > 0).all()
    xr.testing.assert_equal(found.compute(), expected.compute())


def own_inputs():
    """Inputs as a user may give them: 5-degree cells, 0 to 360, north first, CF attributes."""
    sea = maps.finer(ordered_sea(), 5.0).compute()[["temperature", "npp", "chlorophyll"]]
    sea["npp"] = sea["npp"] / 1000
    for name, unit in (("temperature", "degC"), ("npp", "g m-2 d-1"), ("chlorophyll", "mg m-3")):
        sea[name].attrs["units"] = unit
    return sea.assign_coords(lon=sea["lon"] % 360).sortby("lon").isel(lat=slice(None, None, -1))


@pytest.mark.parametrize("suffix", ["nc", "zarr"])
def test_inputs_of_ones_own(tmp_path, suffix):
    """Whatever their order and longitudes, netCDF or Zarr: they are the same inputs."""
    given, path = own_inputs(), tmp_path / f"mine.{suffix}"
    given.to_netcdf(path) if suffix == "nc" else given.to_zarr(path)
    found = maps.fine_inputs(ordered_sea(), [Slow()], 10.0, str(path))
    expected = maps.finer(ordered_sea(), 5.0)
    for name in found.data_vars:
        xr.testing.assert_allclose(found[name].drop_attrs(), expected[name].transpose(*found[name].dims).drop_attrs())
    assert maps.fine_inputs(ordered_sea(), [Slow()], 2.5, str(path)).sizes["lon"] == 144


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda ds: ds.isel(lat=[0, 1, 2, 5, 6]), "gaps along lat"),
        (lambda ds: ds.isel(lon=list(range(10)) + list(range(20, 72))), "gaps along lon"),
        (lambda ds: ds.drop_vars("npp"), "has no npp"),
        (lambda ds: ds.isel(month=slice(0, 11)), "all of 1 to 12"),
        (lambda ds: ds.assign(npp=ds["npp"].assign_attrs(units="mg m-3")), "unit of npp is mg m-3"),
        (lambda ds: ds.assign(chlorophyll=ds["chlorophyll"].drop_attrs()), "chlorophyll is missing"),
        (lambda ds: ds.assign_coords(lat=ds["lat"] + 5), "-90 to 90"),
        (lambda ds: ds.assign_coords(depth=-ds["depth"]), "positive down"),
        (lambda ds: ds.assign(npp=(ds["npp"] * np.nan).assign_attrs(ds["npp"].attrs)), "no cell has a value of all"),
    ],
)
def test_inputs_with_gaps_are_one_line(tmp_path, spoil, told):
    """A grid with gaps, a missing input or month, another unit."""
    spoil(own_inputs()).to_netcdf(tmp_path / "mine.nc")
    with pytest.raises(UserError, match=told) as refusal:
        maps.inputs_from_file(tmp_path / "mine.nc", Slow.features)
    assert "\n" not in str(refusal.value)


def test_a_map_that_the_disk_cannot_hold_is_not_begun(tmp_path, monkeypatch):
    """The size is known beforehand: a typo does not fill the disk."""
    monkeypatch.setattr(
        blocks.shutil, "disk_usage", lambda folder: blocks.shutil._ntuple_diskusage(10**6, 10**6, 10**4)
    )
    with pytest.raises(UserError, match="GB free"):
        blocks.write_zarr(Slow(), ordered_sea(), tmp_path / "maps.zarr")
    assert not list(tmp_path.iterdir())
