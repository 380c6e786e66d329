"""Figures of seasons: the year is a circle on them."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.collections import QuadMesh

from seaofcarbon.ocean import YEAR_D, days_between
from seaofcarbon.plot import seasons
from seaofcarbon.vocabulary import TWIN_LABEL

mpl.use("agg")


def test_onsets_share_a_circle_and_the_difference_is_centred():
    """New Year's Day and the last of December have one colour; no difference is white; the twin says what it is."""
    lat, lon = np.arange(-85.0, 90, 10), np.arange(-175.0, 180, 10)
    day = xr.DataArray(np.full((18, 36), 1.0), {"lat": lat, "lon": lon}, ("lat", "lon"))
    day[:, :18] = 1 + YEAR_D - 1e-6
    onsets = {"one": day, "two": day + 5}
    figure, axes = seasons.onset_maps(onsets, days_between(day, day + 5), "two minus one", TWIN_LABEL)
    one, two, difference = (next(c for c in ax.collections if isinstance(c, QuadMesh)) for ax in axes)
    np.testing.assert_allclose(one.cmap(one.norm(1.0)), one.cmap(one.norm(1 + YEAR_D - 1e-6)), atol=0.03)
    assert one.get_clim() == two.get_clim() and sum(difference.get_clim()) == 0
    assert TWIN_LABEL in figure.get_supxlabel()
    plt.close("all")
