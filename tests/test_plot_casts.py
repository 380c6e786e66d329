"""Figures of casts: what is drawn is what is true of the data."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from seaofcarbon import flux, thorium
from seaofcarbon.plot import casts

mpl.use("agg")


@pytest.fixture
def one():
    """A cast with a deficit down to 100 m, an excess below, and no sigma."""
    u = float(thorium.u238_from_salinity(35.0))
    return pd.DataFrame({
        "cast_id": "A", "source_id": "test", "cruise": "C", "station": "1", "time": pd.Timestamp("2015-06-01"),
        "latitude": 0.0, "longitude": 0.0, "depth_m": [10.0, 50, 100, 150, 300], "salinity": 35.0, "u238": u,
        "th234_total": u - np.array([0.8, 0.6, 0.0, -0.2, 0.0]), "th234_total_sigma": np.nan,
    })  # fmt: skip


def test_cast_goes_down_and_shades_what_is_there(one):
    """Depth is inverted on both panels, deficit and excess are in the legend, an unknown sigma draws no band."""
    profile = flux.fluxes(one, np.arange(0.0, 301, 10))
    figure = casts.cast(one, profile, equilibrium_m=100.0)
    left, right = figure.axes
    assert left.yaxis_inverted() and right.yaxis_inverted()
    assert {"deficit", "excess"} <= {t.get_text() for t in left.get_legend().get_texts()}
    assert right.get_legend() is None
    profile = profile.assign(th234_flux_sigma=100.0, sigma_measurement=50.0)
    assert len(casts.cast(one, profile).axes[1].get_legend().get_texts()) == 2


def test_perfect_fluxes_have_no_bias_in_any_phase():
    """A ratio of one is a straight line at one."""
    phase = np.linspace(-30, 30, 600)
    axes = casts.bias_by_phase(phase, {"perfect": np.ones(600)})
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 1)


def test_tornado_leaves_out_what_changes_nothing():
    """The reference is no choice; the greatest change stands on top."""
    choices = pd.DataFrame({"choice": ["reference", "small", "mistake: big"] * 5, "change": [0.0, -3, 150] * 5})
    axes = casts.tornado(choices)
    assert [t.get_text() for t in axes.get_yticklabels()] == ["small", "mistake: big"]


def test_recovered_and_by_depth_take_missing_values(one):
    """Missing fluxes are left out, not drawn at zero."""
    true = np.append(np.linspace(100, 2000, 50), np.nan)
    axes = casts.recovered(true, true)
    assert axes.get_xlim()[0] >= 99
    table = flux.fluxes(one, [50, 100, 400])
    assert list(casts.by_depth(table).lines[0].get_ydata()) == [50, 100]


def test_sigma_has_a_band_for_each_part(one):
    """Three parts of sigma are three bands, one beside the other; a part that is zero draws none."""
    profile = flux.fluxes(one, np.arange(0.0, 301, 10)).assign(
        th234_flux_sigma=100.0, sigma_measurement=50.0, sigma_common=40.0
    )
    words = [t.get_text() for t in casts.cast(one, profile).axes[1].get_legend().get_texts()]
    assert words == ["integration", "and measurement", "and common"]


def test_two_visits_share_their_axes():
    """A panel for each method, on the same axes, with the truth below."""
    true = np.linspace(0, 1000, 20)
    found = {"steady": true + 50, "non-steady": true - 200}
    left, right = casts.two_visits(true, found, {name: np.full(20, 100.0) for name in found}).axes
    assert left.get_xlim() == right.get_xlim() and left.get_ylim() == right.get_ylim()
    assert [axes.get_title() for axes in (left, right)] == ["steady", "non-steady"]
