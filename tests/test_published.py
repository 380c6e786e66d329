"""Published values meet ours at the same place, months and depth, or not at all."""

import numpy as np
import pandas as pd
import pytest

from seaofcarbon import catalog, published


def facts(**columns):
    """A table of published values like the catalogue's, one row for each entry of the longest column."""
    usual = {
        "key": "a", "doi": "", "region": "", "lat": 0.0, "lon": 0.0, "lat_span_deg": 2.0, "lon_span_deg": 2.0,
        "date_start": "2001-11", "date_end": "2002-02", "depth_m": 100.0, "depth_note": "", "quantity": "th234_flux",
        "value": 1000.0, "value_low": np.nan, "value_high": np.nan, "uncertainty": np.nan, "unit": "dpm m-2 d-1",
        "method": "ss",
    }  # fmt: skip
    length = max((len(column) for column in columns.values() if isinstance(column, list)), default=1)
    return pd.DataFrame(usual | columns, index=range(length))


def test_ranges_win_over_uncertainties():
    """A stated range is kept; else value and uncertainty make one; milligrams of carbon become millimoles."""
    found = published.values(
        facts(value_low=[800.0, np.nan], value_high=[1500.0, np.nan], uncertainty=50.0), "th234_flux"
    )
    assert found[["published_low", "published_high"]].to_numpy().tolist() == [[800.0, 1500.0], [950.0, 1050.0]]
    found = published.values(
        facts(quantity="poc_flux", unit="mg C m-2 d-1", value=12.011, depth_m=[np.nan]), "poc_flux"
    )
    assert found.loc[0, "published"] == pytest.approx(1.0)
    assert found.loc[0, "depth_m"] == 100.0


def test_months_run_over_the_end_of_the_year():
    """November to February are four months; a value without a date stands for all twelve."""
    found = published.in_months(facts(date_start=["2001-11", None], date_end=["2002-02", None]))
    assert (np.flatnonzero(found[0]) + 1).tolist() == [1, 2, 11, 12]
    assert found[1].all()


def test_casts_beside_a_value():
    """Only fluxes in the box (across the date line), in its months, at its depth: two of five here, one flagged."""
    rows = {
        "longitude": [-179.5, -179.5, -179.5, -179.5, 170.0], "latitude": 0.0,
        "time": pd.to_datetime(["2010-01-05", "2010-06-05", "2010-01-05", "2010-01-05", "2010-01-05"]),
        "depth_kind": "fixed", "depth_m": [100.0, 100.0, 50.0, 100.0, 100.0],
        "th234_flux": [700.0, 1.0, 2.0, 300.0, 4.0], "flag": [1, 1, 1, 3, 1],
    }  # fmt: skip
    found = published.beside_casts(published.values(facts(lon=[180.0, 90.0]), "th234_flux"), pd.DataFrame(rows))
    assert found[["casts", "flagged"]].to_numpy().tolist() == [[2, 1], [0, 0]]
    assert found.loc[0, ["median", "lowest", "highest"]].tolist() == [500.0, 300.0, 700.0]
    assert found.loc[1, ["median", "lowest", "highest"]].isna().all()


def test_values_at_the_equilibrium_depth_meet_fluxes_there():
    """A value "at Eq" is never compared with the flux at 100 m, even where that is the equilibrium depth."""
    rows = {"longitude": 0.0, "latitude": 0.0, "time": pd.Timestamp("2001-12-01"), "flag": 1}
    rows = pd.DataFrame(
        rows | {"depth_kind": ["fixed", "equilibrium"], "depth_m": [100.0, 100.0], "th234_flux": [1.0, 900.0]}
    )
    eq = published.values(facts(depth_m=[np.nan], depth_note="depth of export (Eq)"), "th234_flux")
    assert published.beside_casts(eq, rows).loc[0, ["casts", "median"]].tolist() == [1, 900.0]


@pytest.mark.parametrize("quantity", ["th234_flux", "poc_flux", "export_efficiency"])
def test_every_published_value_has_a_place_a_range_and_a_month(quantity):
    """The embedded facts: each row can be drawn, and its range holds its value."""
    found = published.values(catalog.open_entry("published_export_values"), quantity)
    assert len(found)
    assert found["lat"].between(-90, 90).all() and found["lon"].between(-180, 180).all()
    assert (found["published_low"] <= found["published"]).all()
    assert (found["published"] <= found["published_high"]).all()
    assert published.in_months(found).any(axis=1).all()
