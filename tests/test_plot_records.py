"""Pictures of records count what the records say."""

import matplotlib

matplotlib.use("Agg")

import pandas as pd
import pytest

from seaofcarbon import records
from seaofcarbon.files import UserError
from seaofcarbon.plot import records as pictures
from seaofcarbon.plot import reports


@pytest.fixture
def some():
    """Three good values of two kinds and a doubted one."""
    rows = {
        "variable": ["th234_total", "th234_total", "poc_flux", "th234_total"],
        "method": ["bottle", "bottle", "trap", "bottle"],
        "time": pd.to_datetime(["2001-01-01", "2003-01-01", "2003-01-01", "2003-01-01"]),
        "latitude": 10.0,
        "longitude": [0.0, 5.0, 9.0, 5.0],
        "depth_m": 10.0,
        "value": 2.0,
        "flag": [1, 1, 1, 3],
        "note": [None, None, None, "value out of range"],
        "locator": ["1", "2", "3", "4"],
    }
    return records.conform(pd.DataFrame(rows))


def widths(axes):
    """Lengths of all bars of a figure."""
    return sorted(bar.get_width() for bar in axes.patches if bar.get_width() > 0)


def test_counts_by_variable_and_doubt(some):
    """Bars are as long as there are values."""
    assert widths(pictures.variables(some)) == [1, 3]
    axes = pictures.doubts(some)
    assert widths(axes) == [1] and [t.get_text() for t in axes.get_yticklabels()] == ["value out of range"]


def test_years_without_data_leave_a_gap(some):
    """The year between has a bar of height 0, so that gaps show."""
    heights = [bar.get_height() for bar in pictures.years(some).patches]
    assert sum(heights) == 4 and len(heights) == 6


def test_map_has_one_dot_for_each_place(some):
    """Bottles were taken at two places, a trap stood at one."""
    names = [text.get_text() for text in pictures.station_map(some).get_legend().get_texts()]
    assert names == ["sediment traps (1)", "bottles (2)"]


def test_one_page_of_a_source(some):
    """The page counts stations and values of its source only, and names what was doubted."""
    other = some.assign(source_id="T", unit="dpm L-1")
    here = some.assign(source_id="S")
    rejects = pd.DataFrame({"file": ["S"], "row": [3], "column": ["Th"], "value": ["x"], "reason": ["not a number"]})
    figure = reports.page(pd.concat([here, other]), rejects, "S")
    axes = [axes for part in figure.subfigs for axes in (*part.axes, *(a for p in part.subfigs for a in p.axes))]
    figure.canvas.draw()
    words = [text.get_text() for a in axes for text in a.texts]
    assert any("4 values; positions: 3" in text for text in words) and words[0] == "S"
    titles = [a.get_title(loc) for a in axes for loc in ("left", "center")]
    assert "Stations" in titles and "3 values" in titles
    with pytest.raises(UserError, match="source 'X'"):
        reports.page(here, rejects, "X")
