"""Carbon from 234Th: closed forms, error propagation, published parameterisations."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from seaofcarbon import carbon, ocean

DAYS = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def test_poc_flux_and_its_variance():
    """The ratio's sigma is squared (a peer forgets it): the case of the GP15 model, in its units of 1000."""
    flux, sigma = np.array([100.0, 70.0]), np.sqrt([100.0, 136.0])
    np.testing.assert_allclose(1000 * carbon.poc_flux(flux, 0.04), [4.0, 2.8], rtol=1e-12)
    variance = (1000 * carbon.poc_flux_sigma(flux, sigma, 0.04, 0.006)) ** 2
    np.testing.assert_allclose(variance, [0.52, 0.394], rtol=1e-9)


def test_transfer_efficiency_with_covariance():
    """T100 and R100 of the GP15 model: the sigmas hold with the covariance of the two fluxes."""
    change, change_sigma = carbon.flux_change(100.0, 70.0, 100.0, 136.0, 100.0)
    efficiency, sigma = carbon.transfer_efficiency(100.0, 70.0, 100.0, 136.0, 100.0)
    assert (change, change_sigma) == (-30, 6)
    assert efficiency == pytest.approx(0.7) and sigma == pytest.approx(0.0670820393249937, rel=1e-9)


def test_transfer_efficiency_is_undefined_for_a_flux_that_is_noise():
    """Nothing is divided by a flux below two of its sigmas."""
    assert np.isnan(carbon.transfer_efficiency([15.0, -50.0], [10.0, 10.0], 100.0, 100.0, 0.0)[0]).all()


@given(st.floats(-1.8, 30), st.floats(1, 5000), st.floats(10, 180))
def test_efficiencies_are_shares(sst, npp, zeu):
    """Export is never negative, and none of the particle exports is above production."""
    exports = {name: form(sst, npp, zeu) * 12.011 / npp for name, form in carbon.PARAMETERISATIONS.items()}
    assert all(0 <= e < 1 for e in exports.values())


def test_parameterisations_by_hand():
    """One value of each formula, at 10 degrees, 600 mg m-2 d-1, 60 m."""
    assert carbon.henson2011(10.0) == pytest.approx(0.23 * np.exp(-0.8))
    assert carbon.laws2000(40.0) == 0 and carbon.laws2000(10.0) == pytest.approx(0.42)
    assert carbon.laws2011(10.0, 600.0) == pytest.approx(0.04756 * 0.6366666667 * 600**0.307)
    assert carbon.dunne2005(10.0, 600.0, 60.0) == pytest.approx(-0.101 + 0.0582 * np.log(49.95421 / 60) + 0.419)
    assert carbon.li_cassar2016(10.0, 600.0) == pytest.approx(8.57 * 49.95421 / 27.9, rel=1e-6)
    assert carbon.martin1987(10.0, 200.0) == pytest.approx(10 * 2**-0.858)


def test_dunne_without_production_is_zero_and_silent():
    """No production, no export, no warning."""
    assert carbon.PARAMETERISATIONS["dunne2005"](5.0, np.array([0.0]), 100.0)[0] == 0


def test_parameterisation_at_another_depth():
    """Henson is at 100 m as it is, Dunne at the base of the euphotic zone."""
    henson, dunne = carbon.PARAMETERISATIONS["henson2011"], carbon.PARAMETERISATIONS["dunne2005"]
    assert henson.at(100.0, 10.0, 600.0, 60.0) == henson(10.0, 600.0, 60.0)
    assert dunne.at(60.0, 10.0, 600.0, 60.0) == dunne(10.0, 600.0, 60.0) > dunne.at(100.0, 10.0, 600.0, 60.0)


def test_owens_ratio_is_not_extrapolated():
    """3.5 umol dpm-1 at 100 m, nothing above 30 m or below 300 m."""
    np.testing.assert_allclose(
        carbon.ratio_owens2015([10, 100, 301]), [np.nan, 135.3 * 100**-0.795, np.nan], rtol=1e-12
    )


@given(st.floats(0.1, 100), st.floats(-2, 0))
def test_a_perfect_power_law_comes_back(a, b):
    """Values on a power law give its two numbers and no scatter; missing and non-positive ones do not count."""
    depth = np.array([30.0, 60, 100, 250, 100, 50])
    ratio = a * depth**b * np.array([1, 1, 1, 1, np.nan, -1])
    law = carbon.fit_power_law(depth, ratio)
    np.testing.assert_allclose(law, [a, b, 1], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(carbon.power_law(depth[:4], law), ratio[:4], rtol=1e-6)


def test_two_values_make_no_law():
    """Too few values give NaN, not a line through two points."""
    assert np.isnan(carbon.fit_power_law([10, 20], [1, 2]).a)


def test_export_efficiency_is_a_share_of_carbon():
    """12.011 g of carbon are a mole; without production there is no efficiency."""
    np.testing.assert_allclose(carbon.export_efficiency([10.0, 1.0], [1201.1, 0.0]), [0.1, np.nan])


def test_memory_of_thorium():
    """A constant year is remembered as it is; after a rise the memory is still below it; rows sum to one."""
    weights = carbon.memory_weights(ocean.month_day(), 30.0)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    rising = np.arange(12.0)
    assert (weights @ rising)[6] == pytest.approx(6 - 30 / 30.4, abs=0.1)


@pytest.mark.real
def test_global_totals_of_the_parameterisations(real_data):
    """With the real fields: Henson about 3, Dunne about 12, Laws 2011 9 to 13 Pg C/yr (science.md)."""
    climatology = xr.open_dataset(real_data / "climatology" / "ocean_climatology_1deg.nc")
    climatology = climatology[["sst", "par", "bottom_depth"]]
    with xr.open_dataset(real_data / "satellite" / "Sweeney_2005.nc", decode_times=False) as ds:
        fields = ocean.covariates(climatology.load(), ds["chl"].load())
    area_days = ocean.cell_area(fields["lat"]) * xr.DataArray(DAYS, dims="month")
    ranges = {"henson2011": (2.5, 5.0), "dunne2005": (9, 13), "laws2011": (8, 13), "laws2000": (8, 15)}
    for name, (low, high) in ranges.items():
        export = carbon.PARAMETERISATIONS[name](fields["sst"], fields["npp"], fields["euphotic_depth"])
        total = float((export.astype(float) * area_days).sum()) * 12.011e-3 * 1e-15
        assert low < total < high, (name, total)
