"""Files that others read: CF-1.11 and ACDD-1.3 as their checker sees them, where they come from, and a full disk."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import learn_sea
from seaofcarbon import catalog, files, maps, ocean, profiles, provenance
from seaofcarbon.vocabulary import FEATURE_SETS


class Formula:
    """A model whose prediction is a sum of features, for any target."""

    features = FEATURE_SETS["seed"]
    card = {}

    def __init__(self, target):
        self.target = target

    def predict_matrix(self, X, which):
        """Prediction, interval and area of applicability."""
        value = X[:, 0] + X[:, 1] / 100
        return {"prediction": value, "lower": value - 1, "upper": value + 1, "applicable": X[:, 2] > -60}


def grid(target, layers):
    """Maps of one target on the small sea."""
    return maps.predict_grid(Formula(target), learn_sea.covariates(), depths_m=[0, 100], layers=layers)


def made():
    """The kinds of files that a run leaves, small."""
    main = grid("th234_flux", ["prediction", "lower", "upper", "applicable"])
    other = grid("c_th", ["prediction", "applicable"])
    main = main.assign(c_th=other["c_th"], applicable_c_th=other["applicable"])
    carbon = grid("poc_flux", ["prediction", "applicable"]).isel(depth=0, drop=True)
    season = maps.seasonal_mean(main["th234_flux"].sel(depth=100))
    ratio = xr.ones_like(season.isel(season=0, drop=True)).assign_attrs(
        units="1", long_name="in bloom over out of bloom"
    )
    lookup = xr.Dataset(
        {
            "th234_flux": (("npp", "depth"), np.ones((2, 2))),
            "density": (("npp", "depth"), [[1, 2], [0, 3]], {"long_name": "values near", "units": "1"}),
        },
        coords={"npp": ("npp", [100.0, 200.0], {"long_name": "NPP", "units": "mg m-2 d-1"}), "depth": [50.0, 100.0]},
    )
    return {
        "maps": main,
        "carbon": carbon,
        "seasons": xr.Dataset({"bloom_ratio": ratio, "th234_flux_season": season}),
        "covariates": learn_sea.covariates().transpose("month", "depth", "lat", "lon"),
        "parameterisation": lookup,
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Those files on disk: name -> (Dataset, path)."""
    folder = tmp_path_factory.mktemp("cf")
    found = {name: (ds, folder / f"{name}.nc") for name, ds in made().items()}
    for ds, path in found.values():
        files.write_netcdf(ds, path)
    return found


WITHOUT_STANDARD_NAME = {
    "maps": {"th234_flux", "th234_flux_lower", "th234_flux_upper", "c_th"},
    "carbon": set(),
    "seasons": {"bloom_ratio", "th234_flux_season"},
    "covariates": {"euphotic_depth"},
    "parameterisation": {"th234_flux", "density"},
}
"""Quantities for which the standard name table (version 93) has no name in sea water."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WITHOUT_STANDARD_NAME)
def test_the_compliance_checker_finds_nothing_but_names_that_do_not_exist(written, tmp_path, name):
    """No finding of high or medium priority against CF-1.11; of ACDD only standard names that no table has."""
    runner = pytest.importorskip("compliance_checker.runner", reason="no compliance-checker on this platform")
    runner.CheckSuite.load_all_available_checkers()
    report = {}
    for standard in ("cf:1.11", "acdd:1.3"):
        out, path = tmp_path / "report.json", str(written[name][1])
        runner.ComplianceChecker.run_checker(path, [standard], 0, "normal", [], None, str(out), "json")
        report[standard] = files.read_json(out)[standard]
    assert report["cf:1.11"]["high_count"] == 0
    medium = [text for found in report["cf:1.11"]["medium_priorities"] for text in found["msgs"]]
    # CF 7.3.4 lets a standard name stand where the dimension is gone; the checker looks for dimensions only
    assert not [text for text in medium if "cell_methods name component time does not match" not in text]
    high = [found for found in report["acdd:1.3"]["high_priorities"] if found["msgs"]]
    assert {text for found in high for text in found["msgs"]} <= {"standard_name"}
    assert {found["name"].split('"')[1] for found in high} == WITHOUT_STANDARD_NAME[name]


@pytest.mark.parametrize("name", WITHOUT_STANDARD_NAME)
def test_what_cf_adds_does_not_come_back(written, tmp_path, name):
    """Inside, a file is what was written: no bounds, no second time axis, labels as coordinates; twice is the same."""
    ds, path = written[name]
    back = files.read_netcdf(path)
    assert set(back.variables) == set(ds.variables) and back.sizes == ds.sizes
    for each in ds.variables:
        if ds[each].dtype.kind in "OUT":
            assert back[each].to_numpy().tolist() == ds[each].to_numpy().tolist()
        else:
            np.testing.assert_allclose(back[each], ds[each], rtol=1e-6)
    assert set(back.indexes) == set(ds.indexes)
    made_for_files = {"bounds", "ancillary_variables", "cell_methods", "climatology"}
    assert not made_for_files & {
        key for each, da in back.variables.items() for key in set(da.attrs) - set(ds[each].attrs)
    }
    files.write_netcdf(back.assign_attrs(ds.attrs), tmp_path / path.name)
    again = files.read_netcdf(tmp_path / path.name)
    xr.testing.assert_allclose(again.drop_attrs(), back.drop_attrs(), rtol=1e-6)


def test_a_comment_and_the_way_back_stand_side_by_side():
    """What a variable says of itself does not take the place of its factor, and comes back alone."""
    split = xr.DataArray([8.64], attrs={"units": "mmol m-2 d-1", "comment": "months above the median"})
    out = files.to_cf("poc_flux_bloom", split)
    assert out.attrs["comment"] == "multiply by 86400000 for mmol m-2 d-1; months above the median"
    assert files.from_cf("poc_flux_bloom", out).attrs["comment"] == "months above the median"
    assert "comment" not in files.from_cf("poc_flux", files.to_cf("poc_flux", split.drop_attrs())).attrs


def test_a_product_has_not_the_attributes_of_its_factors():
    """Production is not from the files of temperature, and a flux times a factor of the depth is no depth."""
    depth = xr.DataArray(100.0, attrs=files.COORDINATES["depth"])
    flux = xr.DataArray([[1.0]], {"lat": [0.5], "lon": [0.5], "depth": depth}, ("lat", "lon"), attrs={"units": "dpm"})
    mean = maps.to_mean(flux, SimpleNamespace(mean_factor=lambda z: 1 + z / 100))
    assert mean.item() == 2 and mean.attrs == {"units": "dpm"}
    sea = catalog.climatology()
    found = ocean.covariates(sea, sea["sst"] * 0 + 1)
    assert found["sst"].attrs["source"] == sea["sst"].attrs["source"]
    for name in ("chlorophyll", "euphotic_depth", "euphotic_depth_01", "npp"):
        assert set(found[name].attrs) == {"units", "long_name"}, name


def test_a_month_is_a_climatological_one(written):
    """CF 7.4: February of 1991 to 2020 begins on 1991-02-01 and ends on 2020-03-01, December on 2021-01-01."""
    with xr.open_dataset(written["maps"][1]) as ds:
        assert ds["time"].dims == ("month",) and "bounds" not in ds["time"].attrs
        begin = np.datetime64("1991-01-01")
        bounds = begin + ds["climatology_bounds"].to_numpy().astype(int)
        assert bounds[1].tolist() == [np.datetime64(d).item() for d in ("1991-02-01", "2020-03-01")]
        assert bounds[11, 1] == np.datetime64("2021-01-01")
        inside = ds["time"].to_numpy().astype("datetime64[D]")
        assert ((bounds[:, 0] < inside) & (inside < bounds[:, 1])).all()
        assert "time: mean within years time: mean over years" in ds["th234_flux"].attrs["cell_methods"]
        assert "cell_methods" not in ds["applicable"].attrs


def test_cells_cover_the_sphere(written):
    """Bounds touch and leave no gap, from pole to pole and once round."""
    with xr.open_dataset(written["carbon"][1]) as ds:
        for axis, whole in (("lat", (-90, 90)), ("lon", (-180, 180))):
            bounds = ds[ds[axis].attrs["bounds"]].to_numpy()
            assert (bounds[0, 0], bounds[-1, 1]) == whole
            np.testing.assert_array_equal(bounds[1:, 0], bounds[:-1, 1])


def test_a_value_names_its_interval_and_where_it_holds(written, tmp_path):
    """Each quantity points at its own interval and flag, and never at what is not in the file."""
    ds, path = written["maps"]
    with xr.open_dataset(path) as raw:
        beside = {name: da.attrs.get("ancillary_variables", "").split() for name, da in raw.data_vars.items()}
    assert beside["th234_flux"] == ["th234_flux_lower", "th234_flux_upper", "applicable"]
    assert beside["c_th"] == ["applicable_c_th"] and not beside["th234_flux_lower"]
    files.write_netcdf(files.read_netcdf(path)[["th234_flux"]], tmp_path / "part.nc")
    with xr.open_dataset(tmp_path / "part.nc") as raw:
        assert "ancillary_variables" not in raw["th234_flux"].attrs


def test_one_map_is_one_chunk(written):
    """A map is read without the other months and depths."""
    with xr.open_dataset(written["maps"][1]) as raw:
        assert {da.encoding["chunksizes"] for da in raw.data_vars.values() if "lon" in da.dims and da.ndim == 4} == {
            (1, 1, 18, 36)
        }


def test_text_on_a_dimension_is_a_label(written):
    """CF knows no coordinate variable of text: the names of the seasons stand beside their dimension."""
    with xr.open_dataset(written["seasons"][1]) as raw:
        assert "season" not in raw.variables
        assert raw["season_name"].to_numpy().tolist() == list(ocean.SEASONS)


def test_files_of_two_days_have_one_content(written, tmp_path):
    """The same map and provenance written twice differ in date and history only."""
    ds, told = written["maps"][0], {"source": "s", "references": "r"}
    for day in ("1", "2"):
        files.write_netcdf(ds, tmp_path / day / "maps.nc", told | {"date_created": day, "history": f"run {day}"})
    assert files.content_hash(tmp_path / "1" / "maps.nc") == files.content_hash(tmp_path / "2" / "maps.nc")
    history = files.read_netcdf(tmp_path / "2" / "maps.nc").attrs["history"].splitlines()
    assert len(history) == 2 and history[1] == "run 2"


def test_provenance_names_data_versions_works_and_inputs(tmp_path):
    """The data have a hash each, the works stand behind this notebook and no later one, inputs are those of the run."""
    folder = tmp_path / "runs" / "mine"
    files.write_json({"profile": "real", "base": "real"}, folder / "run.json")
    flux = {"parameters": {"u238_relation": "chen1986"}, "outputs": {"fluxes.parquet": "a" * 64}}
    files.write_json(flux, tmp_path / "runs" / "real" / "manifest" / "02-flux.json")
    files.write_json({"outputs": {"model": "0123456789abcdef" * 4}}, folder / "manifest" / "04-tune.json")
    told = provenance.attrs(folder, "maps.nc", "real")
    assert told["source"].count("sha256") == len(profiles.REAL_FILES) + 2 and "10.1594/PANGAEA.855594" in told["source"]
    assert "Chen et al. 1986" in told["references"] and "doi:10.1023/A:1010933404324" in told["references"]
    assert "05-maps of run mine" in told["history"] and told["history"].endswith("from (sha256) model 0123456789abcdef")
    first = provenance.attrs(folder, "covariates.nc", "twin")
    assert first["source"].startswith("TWIN OCEAN, NOT OBSERVATIONS") and "Breiman" not in first["references"]
    with pytest.raises(files.UserError, match=r"no notebook makes map.nc; did you mean maps.nc"):
        provenance.attrs(folder, "map.nc", "twin")


FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np, pandas as pd, xarray as xr
from seaofcarbon import files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder, noise = Path(sys.argv[1]), np.random.default_rng(0).random((8, 100, 100))
(folder / "a.nc").write_text("old")
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
writers = {
    "a.nc": lambda path: files.write_netcdf(xr.Dataset({"npp": (("month", "lat", "lon"), noise)}), path),
    "a.csv": lambda path: files.write_csv(pd.DataFrame(noise[0]), path),
    "a.parquet": lambda path: files.write_parquet(pd.DataFrame(noise[0]).rename(columns=str), path),
    "a.json": lambda path: files.write_json(noise.tolist(), path),
}
for name, write in writers.items():
    try:
        write(folder / name)
    except files.UserError as problem:
        print(problem)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file size there")
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(tmp_path):
    """Where no more bytes can be written each writer says so in one line, and the old file stands."""
    found = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    lines = found.stdout.splitlines()
    assert [line.split(" cannot be written")[0].rsplit("/", 1)[-1] for line in lines] == [
        "a.nc", "a.csv", "a.parquet", "a.json",
    ]  # fmt: skip
    assert all("make room" in line or "disk full" in line for line in lines) and not found.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"] and (tmp_path / "a.nc").read_text() == "old"
