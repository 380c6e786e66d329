"""The closed form, its source code and the lookup table: they say what they were made from, and nothing else."""

import ctypes
import re
import shutil
import subprocess

import numpy as np
import pytest
import xarray as xr

from learn_sea import SEED, table
from seaofcarbon import carbon, files, ocean
from seaofcarbon.files import UserError
from seaofcarbon.learn import features, modelcode, parameterise, tune, validate
from seaofcarbon.learn.models import DEFAULTS, Model

TARGET = "th234_flux"
LAW = {"intercept": 1.0 + 0.5 * np.log(500 / 400), "temperature": -0.05, "ln_npp": 0.5, "ln_depth": -0.5}
"""The law of `learn_sea.table`, with NPP counted from 500."""


@pytest.fixture(scope="module")
def data():
    """240 values in 30 campaigns."""
    return table(n_cruises=30, casts=2)


@pytest.fixture(scope="module")
def fold(data):
    """Folds of campaigns."""
    return validate.fold_numbers(data, 5, 1)


@pytest.fixture(scope="module")
def model(data, fold):
    """A model as 04-tune leaves it: with held-out residuals, settings by part, and its folds."""
    settings = dict.fromkeys(("0", "1", "2", "all"), DEFAULTS)
    found = validate.cross_validate(data, TARGET, SEED, settings, 5, 1, kinds=("campaign",), with_rivals=False)
    model = Model.fit(data, TARGET, SEED, DEFAULTS, fold, validate.residuals(found, data, TARGET), seed=1)
    model.card |= {"settings_by_part": settings, "folds": {"n_folds": 5, "seed": 1}}
    return model, features.transform(found.loc[found["model"] == "mean", "prediction"], TARGET)


@pytest.fixture(scope="module")
def without(data, fold, model):
    """The models without each fold."""
    return parameterise.fold_models(model[0], data, fold)


@pytest.fixture(scope="module")
def surface(data, model, without):
    """What the models say of every row, without each fold, and with all."""
    return parameterise.learned_surface(model[0], data, without)


# --- The form --------------------------------------------------------------------------------------------


def test_closed_form_finds_its_own_law():
    """Fitted to the values it finds the law within three standard errors, and no term that is not in it."""
    data = table(noise=0.05)
    form, held_out = parameterise.closed_form(data, TARGET, validate.fold_numbers(data, 5, 0))
    rows = form.set_index("term").loc[list(LAW)]
    assert list(form["term"]) == [*LAW, parameterise.MEAN_FACTOR]
    assert (np.abs(rows["coefficient"] - np.array(list(LAW.values()))) < 3 * rows["sigma"] + 2e-3).all()
    assert tune.r2(features.transform(data["value"], TARGET), held_out) > 0.9


def test_a_term_that_is_in_the_law_is_taken(data, fold):
    """A bend with depth and a season of half a year's shift in the south are found, with their size."""
    known = parameterise.design(data, ("ln_depth_squared", "season_sin"))
    y = features.transform(data["value"], TARGET) + known @ [-0.6, 0.4]
    form, _ = parameterise.closed_form(data.assign(value=features.inverse(y, TARGET)), TARGET, fold)
    found = form.set_index("term")["coefficient"]
    assert found["ln_depth_squared"] == pytest.approx(-0.6, abs=0.05)
    assert found["season_sin"] == pytest.approx(0.4, abs=0.1) and "temperature_ln_npp" not in found


def test_surface_is_that_of_the_validation(data, fold, model, surface):
    """The models without a fold are those that the validation scored; the last row is the model itself."""
    assert surface.shape == (6, len(data))
    np.testing.assert_allclose(surface[fold, np.arange(len(data))], model[1], atol=1e-5)
    whole = features.transform(model[0].predict(data)["prediction"], TARGET)
    np.testing.assert_allclose(surface[-1], whole, atol=1e-5)


def test_form_of_the_surface_never_saw_the_fold(data, fold, surface):
    """Values of a fold may be anything: the form's predictions for it, made of other models, do not move."""
    plain = parameterise.closed_form(data, TARGET, fold, surface)[1]
    wild = data.assign(value=data["value"].where(fold != 2, 1e5))
    changed = surface.copy()
    changed[[0, 1, 3, 4, 5]] += 10.0
    again = parameterise.closed_form(wild, TARGET, fold, changed)[1]
    assert np.array_equal(again[fold == 2], plain[fold == 2])
    assert not np.allclose(again[fold != 2], plain[fold != 2])


def test_comparison_is_paired(data):
    """The same predictions lose nothing, with no spread; the mean of all values has R2 0."""
    y = features.transform(data["value"], TARGET)
    known = {"models": 0.5 * y, "again": 0.5 * y, "mean": np.full(len(y), y.mean())}
    found = parameterise.compare(known, data, TARGET, draws=50).set_index("form")
    assert found.loc["again", ["lost", "lost_low", "lost_high"]].tolist() == [0.0, 0.0, 0.0]
    assert found.loc["mean", "r2"] == pytest.approx(0.0, abs=1e-12)
    assert found.loc["models", "r2"] == pytest.approx(tune.r2(y, 0.5 * y))


def test_refitted_henson_explains_what_it_made():
    """Values that are three times Henson's, with Martin's curve, are explained wholly."""
    data = table(target="poc_flux")
    depth, sst, npp = (data[name].to_numpy() for name in ("depth_m", "sst", "npp"))
    data["value"] = 3.0 * carbon.PARAMETERISATIONS["henson2011"].at(depth, sst, npp, 60.0)
    found = parameterise.henson_refitted(data, "poc_flux", validate.fold_numbers(data, 5, 0))
    np.testing.assert_allclose(found, np.log10(data["value"]), atol=1e-9)


def test_efficiency_is_flux_over_production():
    """Subtracting log10 NPP from the form gives the efficiency, POC as carbon over NPP."""
    form = parameterise.closed_form(data := table(target="poc_flux"), "poc_flux", validate.fold_numbers(data, 5, 0))[0]
    inputs = 10.0, 700.0, 120.0
    flux = parameterise.apply_closed_form(form, "poc_flux", *inputs, mean=False)
    found = parameterise.apply_closed_form(parameterise.as_efficiency(form), "poc_flux", *inputs, mean=False)
    assert found == pytest.approx(carbon.export_efficiency(flux, 700.0))


# --- Means --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["th234_flux", "poc_flux", "th234_total"])
def test_held_out_means_add_up_to_what_was_measured(target):
    """Times the factor, the form's held-out middle values sum up to the values; its sigma is the jackknife's."""
    data = table(target=target)
    fold = validate.fold_numbers(data, 5, 0)
    form, held_out = parameterise.closed_form(data, target, fold)
    factor, sigma = form.set_index("term").loc[parameterise.MEAN_FACTOR, ["coefficient", "sigma"]]
    weight, middle = features.weights(data), features.inverse(held_out, target)
    assert factor * weight @ middle == pytest.approx(weight @ data["value"]) and factor != 1.0
    left = [weight[fold != k] @ data["value"][fold != k] / (weight[fold != k] @ middle[fold != k]) for k in range(5)]
    assert sigma == pytest.approx(np.sqrt(4 * np.var(left)))
    inputs = 10.0, 700.0, np.array([50.0, 120.0])
    means, middles = (parameterise.apply_closed_form(form, target, *inputs, mean=kind) for kind in (True, False))
    np.testing.assert_allclose(means, factor * middles)


# --- Source code ----------------------------------------------------------------------------------------------


def forms():
    """A form of each target, with and without a season, as it comes back from its CSV."""
    for target, terms in (
        ("th234_flux", tuple(parameterise.TERMS)), ("poc_flux", tuple(parameterise.TERMS)),
        ("c_th", parameterise.BASE), ("th234_total", parameterise.BASE),
    ):  # fmt: skip
        data = table(target=target)
        yield target, parameterise.closed_form(data, target, validate.fold_numbers(data, 5, 0), terms=terms)[0]


def asked(n=200):
    """Inputs in, above and below any range, and one that is missing."""
    rng = np.random.default_rng(3)
    temperature, depth, day = rng.uniform(-10, 45, n), rng.uniform(1, 900, n), rng.uniform(1, 550, n)
    temperature[0] = np.nan
    return temperature, np.exp(rng.uniform(1, 10, n)), depth, day


def compiled(command, path):
    """The library that a compiler makes of a source, without one warning; skipped where there is no compiler."""
    compiler = next((found for found in map(shutil.which, command[0]) if found), None)
    if not compiler:
        pytest.skip(f"no {' or '.join(command[0])} on this machine: the code is not compiled")
    library = path.with_suffix(".so")
    done = subprocess.run([compiler, *command[1], "-shared", "-fPIC", "-o", library, path, "-lm"], capture_output=True,
                          text=True, timeout=60)  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr
    return ctypes.CDLL(str(library))


C = ("gcc", "cc", "clang"), ("-std=c99", "-Wall", "-Wextra", "-pedantic")
FORTRAN = ("gfortran",), ("-std=f2008", "-Wall")


@pytest.mark.parametrize("language", ["c", "f90"])
def test_source_says_what_the_form_says(tmp_path, language):
    """Compiled without a warning, it gives the form's numbers to 1e-6, in the range, outside, and for NaN."""
    made = list(forms())
    modelcode.write(dict(made), path := tmp_path / f"parameterisation.{language}", "TWIN", {"c_th": "R2 0.5"})
    assert path.read_text().count("TWIN") == len(made) and path.read_text().count("R2 0.5") == 1
    library = compiled(C if language == "c" else FORTRAN, path)
    inputs = asked()
    for target, form in made:
        seasonal = "season_cos" in set(form["term"])
        given = inputs if seasonal else inputs[:3]
        function = getattr(library, target if language == "c" else f"{target}_")
        function.restype = ctypes.c_double
        wrap = ctypes.c_double if language == "c" else lambda x: ctypes.byref(ctypes.c_double(x))
        found = [function(*map(wrap, row)) for row in zip(*given, strict=True)]
        expected = parameterise.apply_closed_form(form, target, *given)
        assert np.isnan(found[0]) and np.isnan(expected[0])
        np.testing.assert_allclose(found[1:], expected[1:], rtol=1e-6, atol=1e-6)


def test_code_tells_the_day_of_the_south():
    """The rule in the comment, from a day and a latitude to the northern day, is that of the models' season."""
    _, form = next(forms())
    rule = re.search(r"day = day of the year \+ (.*)", modelcode.as_c(form, TARGET)).group(1)
    for latitude in (50.0, 0.0, -12.0, -20.0, -40.0):
        northern = 100.0 + eval(rule, {"latitude": latitude, "min": min, "max": max})
        angle = ocean.season_angle(100.0, latitude) - ocean.season_angle(northern, 90.0)
        assert angle == pytest.approx(0.0, abs=1e-6)


def test_fortran_is_plain():
    """Every number is double, no line is too long, no two signs meet: checked where no compiler is there."""
    for target, form in forms():
        text = modelcode.as_fortran(form, target)
        code = [line.split("!")[0] for line in text.splitlines()]
        numbers = re.findall(r"(?<![\w.])\d+\.?\d*(?:d[+-]?\d+)?", "\n".join(code))
        assert numbers and all(re.fullmatch(r"\d+(\.\d+)?d[+-]?\d+", number) for number in numbers)
        assert max(map(len, text.splitlines())) <= 132 and not re.search(
            r"[-+*/]\s*&?\s*[-+*/]\s*[-+]", "\n".join(code)
        )
        assert text.rstrip().endswith(f"end function {target}")


def test_form_outside_of_its_range_is_that_of_its_end(tmp_path):
    """Inputs are taken to the end of the range; the table that was written and read says the same."""
    target, form = next(forms())
    files.write_csv(form, tmp_path / "form.csv")
    again = files.read_csv(tmp_path / "form.csv")
    (_, cold), (_, warm) = form.set_index("term").loc["temperature", ["valid_from", "valid_to"]].items()
    for beyond, end in ((cold - 50, cold), (warm + 50, warm)):
        expected = parameterise.apply_closed_form(form, target, end, 400.0, 100.0, 10.0)
        assert parameterise.apply_closed_form(again, target, beyond, 400.0, 100.0, 10.0) == pytest.approx(expected)


# --- The table --------------------------------------------------------------------------------------------------


def test_lookup_at_a_point_is_the_mean_of_the_models_predictions(model, data):
    """With all rows in it, a point is the mean prediction of the data moved there; the mean has the factor."""
    few = data.iloc[::8].reset_index(drop=True)
    lookup = parameterise.lookup_table(model[0], few, sizes=(4, 3, 3), max_rows=len(few))
    point = lookup.isel(temperature=2, npp=1, depth=0)
    moved = few.assign(**{name: float(point[dim]) for name, dim in
                          (("temperature", "temperature"), ("npp", "npp"), ("depth_m", "depth"))})  # fmt: skip
    scaled = features.transform(model[0].predict(moved)["prediction"], TARGET)
    assert features.transform(point[TARGET], TARGET) == pytest.approx(scaled.mean(), abs=1e-5)
    mean = model[0].mean_factor(float(point["depth"])) * features.inverse(scaled, TARGET).mean()
    assert float(point[f"{TARGET}_mean"]) == pytest.approx(mean, rel=1e-4)


def test_lookup_table_has_axes_that_rise(model, data, tmp_path):
    """What another model interpolates in: axes ascend, no value is missing, all data are counted, units are written."""
    lookup = parameterise.lookup_table(model[0], data, sizes=(4, 3, 3), max_rows=20)
    assert all((np.diff(lookup[dim]) > 0).all() for dim in lookup.dims)
    assert lookup[TARGET].notnull().all() and int(lookup["density"].sum()) == len(data)
    files.write_netcdf(lookup, tmp_path / "table.nc")
    kept = files.read_netcdf(tmp_path / "table.nc")
    for name in (TARGET, f"{TARGET}_mean"):
        np.testing.assert_allclose(kept[name], lookup[name], rtol=1e-5)
    with xr.open_dataset(tmp_path / "table.nc") as raw:
        assert raw[f"{TARGET}_mean"].attrs["ancillary_variables"] == "density"
    assert all(kept[name].attrs.get("units") and kept[name].attrs.get("long_name") for name in kept.variables)


def test_lookup_needs_residuals(model, data):
    """Without held-out residuals there is no mean: the command that makes them is named."""
    bare = Model(**(vars(model[0]) | {"card": {}}))
    with pytest.raises(UserError, match="run 04-tune again"):
        parameterise.lookup_table(bare, data)


def test_table_left_out_averages_all_but_three(model, data, fold, without):
    """Rows of one fold with the same three inputs get the same number, whatever else differs."""
    same = data.assign(temperature=10.0, npp=400.0, depth_m=100.0)
    found = parameterise.table_left_out(model[0], same, fold, without, max_rows=10)
    assert all(np.ptp(found[fold == k]) < 1e-6 for k in range(5)) and np.ptp(found) > 0
