"""The sea at a place and time: light, production, match-up, blooms, basins."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from seaofcarbon import ocean
from seaofcarbon.vocabulary import BLOOM_DEFINITIONS, COVARIATES

DAYS = xr.DataArray([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dims="month")


@pytest.fixture
def grid():
    """A sea of 10-degree cells with an island at 5 N, 5 E; temperature = 20 - depth/10 + month, others the month."""
    lat, lon, depth = np.arange(-85.0, 90, 10), np.arange(-175.0, 180, 10), np.array([0.0, 100, 200, 300])
    month = xr.DataArray(np.arange(1.0, 13), dims="month", coords={"month": np.arange(1, 13)})
    sea = xr.DataArray(np.ones((18, 36)), {"lat": lat, "lon": lon}, ("lat", "lon"))
    sea.loc[5.0, 5.0] = np.nan
    ds = xr.Dataset({name: month * sea for name in COVARIATES if name != "bottom_depth"})
    level = xr.DataArray(depth, dims="depth", coords={"depth": depth})
    ds["temperature"] = (20 - level / 10 + month) * sea
    ds["nitrate"] = (level + 0 * month) * sea
    ds["bottom_depth"] = 4000 * sea
    return ds


def points(**columns):
    """One point in the middle of a cell in July, or as many as the columns have."""
    n = max([1, *(len(v) for v in columns.values() if isinstance(v, list))])
    frame = pd.DataFrame(
        {"latitude": -5.0, "longitude": -5.0, "depth_m": 50.0, "time": "2015-07-17"} | columns, index=range(n)
    )
    return frame.assign(time=pd.to_datetime(frame["time"], format="ISO8601"))


def test_day_is_twelve_hours_on_the_equator():
    """On the equator every day has twelve hours."""
    np.testing.assert_allclose(ocean.day_length(0.0, np.arange(1, 366)), 12)


def test_day_is_twelve_hours_everywhere_at_the_equinox():
    """At the equinox every place has twelve hours, nearly."""
    lat = np.arange(-80.0, 81, 10)
    np.testing.assert_allclose(ocean.day_length(lat, 80.0), 12, atol=0.35)


def test_polar_night_and_polar_day():
    """At the solstice the sun stays down at 80 N and up at 80 S."""
    assert ocean.day_length(80.0, 355) == 0 and ocean.day_length(-80.0, 355) == 24


@given(st.floats(-89, 89), st.floats(1, 366))
def test_hemispheres_share_the_day(lat, day):
    """One hemisphere has day while the mirrored place has night."""
    assert ocean.day_length(lat, day) + ocean.day_length(-lat, day) == pytest.approx(24)


def test_day_of_year_starts_at_one_and_keeps_missing_times():
    """The first of January is day 1, and a missing time stays missing."""
    days = ocean.day_of_year(["2015-01-01", "2016-12-31T12:00", "NaT"])
    np.testing.assert_allclose(days, [1, 366.5, np.nan])


def test_seasons_are_hemispheric():
    """South of the equator the year is shifted by half, in every month (a peer forgets a pair of brackets)."""
    months = np.arange(1, 13)
    north = ocean.season_of(months, 45.0)
    south = ocean.season_of(months, -45.0)
    np.testing.assert_array_equal(north, [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0])
    np.testing.assert_array_equal(south, np.roll(north, 6))
    # The peer's `(m == 12) | (m == 1) | (m == 2) & (lat > 0)` calls a southern December winter.
    assert ocean.SEASONS[ocean.season_of(12, -45.0)] == "summer"


def test_missing_light_is_zero_in_the_polar_night_only():
    """Missing light means no production in the polar night and an unknown one elsewhere."""
    npp = ocean.npp_vgpm(np.ones(2), np.ones(2), np.full(2, np.nan), np.array([0.0, 8.0]), np.full(2, 50.0))
    np.testing.assert_array_equal(npp, [0, np.nan])


def test_vgpm_by_hand():
    """One value of the production model, worked out by hand."""
    # Pb at 28.6 C is 4.0; 4.1 mol of light halve the light term
    assert ocean.npp_vgpm(2.0, 28.6, 4.1, 12.0, 40.0) == pytest.approx(0.66125 * 4.0 * 0.5 * 40 * 2 * 12)


def test_production_refuses_an_unknown_form():
    """A mistyped form is refused."""
    with pytest.raises(ValueError, match="form"):
        ocean.npp_vgpm(1.0, 10.0, 30.0, 12.0, 50.0, form="vgmp")


def test_euphotic_depth_by_hand():
    """Both branches of the euphotic depth, the floor of chlorophyll, and the 0.1 % depth."""
    total = 38 * 0.1**0.425
    np.testing.assert_allclose(ocean.euphotic_depth(0.1), 568.2 * total**-0.746)
    np.testing.assert_allclose(ocean.euphotic_depth(1e-9), 200 * (38 * 0.01**0.425) ** -0.293)  # floored at 0.01
    np.testing.assert_allclose(ocean.euphotic_depth(0.1, 0.001), 1.5 * ocean.euphotic_depth(0.1))


def test_cells_cover_the_sphere():
    """All cells together are the surface of the sphere."""
    assert ocean.cell_area(np.arange(-89.5, 90)).sum() * 360 == pytest.approx(4 * np.pi * 6.371e6**2)


@given(st.floats(-1000, 1000))
def test_longitudes_are_wrapped_not_shifted(lon):
    """A wrapped longitude is the same place (peers shift 0-360 by 180)."""
    wrapped = ocean.wrap(lon)
    assert -180 <= wrapped < 180
    assert np.cos(np.radians(wrapped)) == pytest.approx(np.cos(np.radians(lon)), abs=1e-9)


def test_wrap_grid_moves_greenwich_to_the_middle():
    """Wrapping a grid carries the values with their longitudes."""
    field = xr.DataArray(np.arange(4.0), {"lon": [45.0, 135.0, 225.0, 315.0]}, ("lon",))
    wrapped = ocean.wrap_grid(field)
    np.testing.assert_array_equal(wrapped["lon"], [-135, -45, 45, 135])
    np.testing.assert_array_equal(wrapped, [2, 3, 0, 1])


def test_match_is_linear_in_depth_and_time(grid):
    """A field that is linear in depth and month comes back exactly."""
    days = ocean.month_day()
    middle = pd.Timestamp("2015-01-01") + pd.Timedelta(days=(days[5] + days[6]) / 2 - 1)
    found = ocean.match(points(time=middle, depth_m=150.0), grid).iloc[0]
    assert found["temperature"] == pytest.approx(20 - 15 + 6.5, abs=1e-5)
    assert found["nitrate"] == pytest.approx(150, abs=1e-4)


def test_match_goes_from_december_to_january(grid):
    """New year lies half-way between December and January, not between December and nothing."""
    found = ocean.match(points(time=["2015-12-31T12:00", "2015-01-01"]), grid)
    np.testing.assert_allclose(found["sst"], 6.5, atol=0.3)  # half-way from 12 back to 1


def test_match_crosses_the_date_line(grid):
    """The nearest sea may lie across the date line."""
    grid["sst"][:, :, 0] = np.nan  # the cells at 175 W are land: the nearest sea is at 175 E
    found = ocean.match(points(latitude=5.0, longitude=-179.5), grid, max_distance_km=2000)
    _, ilon, distance = ocean.nearest_sea_cell([5.0], [-179.5], grid)
    assert grid["lon"][ilon[0]] == 175 and distance[0] == pytest.approx(5.5 * 111.19 * np.cos(np.radians(5)), rel=1e-3)
    assert found["covariate_distance_km"].iloc[0] == distance[0]


def test_match_takes_the_nearest_sea_cell_of_an_island(grid):
    """A point on an island takes the next sea cell and says how far; too far is land."""
    found = ocean.match(points(latitude=5.0, longitude=8.0), grid, max_distance_km=2000).iloc[0]
    assert found["covariate_distance_km"] == pytest.approx(7 * 111.19 * np.cos(np.radians(5)), rel=1e-3)
    assert ocean.match(points(latitude=5.0, longitude=5.0), grid)["covariate_reason"].iloc[0] == "land"


def test_match_never_gives_nan_without_a_reason(grid):
    """Each missing covariate carries its reason."""
    grid["npp"][:, 0] = np.nan
    frame = points(
        latitude=[0.0, -85.0, np.nan, 0.0, 0.0, 5.0, 0.0], depth_m=[50, 50, 50, 280, np.nan, 50, 50],
        longitude=[0.0, 0, 0, 0, 0, 5, 360], time=["2015-07-17"] * 6 + [None],
    )  # fmt: skip
    found = ocean.match(frame, grid, max_distance_km=800)
    missing = found[list(COVARIATES)].isna().any(axis=1)
    assert (found.loc[missing, "covariate_reason"] != "").all()
    assert found["covariate_reason"].tolist() == [
        "", "no covariate: npp", "no covariate: position", "below 250 m", "no covariate: depth_m", "land",
        "no covariate: time",
    ]  # fmt: skip


@pytest.mark.parametrize("latitude", [120.0, -90.5])
def test_match_beyond_the_pole_is_no_position(grid, latitude):
    """Latitude 120 is a slip, not latitude 60 on the other side: a reason and no numbers."""
    found = ocean.match(points(latitude=latitude), grid, max_distance_km=20_000).iloc[0]
    assert found["covariate_reason"] == "no covariate: position" and np.isnan(found["sst"])


def test_match_of_nothing_is_empty(grid):
    """No points give no rows, with all columns."""
    assert list(ocean.match(points().iloc[:0], grid).columns)[-1] == "covariate_reason"


def test_at_depth_with_a_depth_for_each_cell(grid):
    """Each cell may have its own depth; below the deepest level there is nothing."""
    depth = 100 + 0 * grid["sst"] + 10 * grid["month"]
    found = ocean.at_depth(grid, "temperature", depth)
    expected = (20 - depth / 10 + grid["month"]).where(np.isfinite(grid["sst"]))
    xr.testing.assert_allclose(found, expected.transpose(*found.dims).drop_attrs())
    assert not np.isfinite(ocean.at_depth(grid, "temperature", 301.0)).any()


def bloom_grid(cycle):
    """One cell at 5 N with this cycle of chlorophyll."""
    return xr.DataArray(np.asarray(cycle)[:, None, None], {"month": np.arange(1, 13), "lat": [5.0], "lon": [0.0]},
                        ("month", "lat", "lon"))  # fmt: skip


def test_bloom_runs_over_the_year_end():
    """A bloom from November to February is one bloom."""
    cycle = np.array([5.0, 3, 1, 1, 1, 2, 1, 1, 1, 1, 2, 4])
    found = ocean.bloom(bloom_grid(cycle)).squeeze()
    assert [int(found[k]) for k in ("onset", "peak", "end", "bloom_class")] == [11, 1, 2, 1]
    np.testing.assert_array_equal(np.nonzero(found["in_bloom"].values)[0] + 1, [1, 2, 11, 12])


def test_no_bloom_in_a_flat_year():
    """A year without amplitude has no bloom, not a bloom of noise."""
    found = ocean.bloom(bloom_grid(1 + 0.2 * np.sin(np.arange(12)))).squeeze()
    assert found["bloom_class"] == 0 and np.isnan(found["peak"]) and not found["in_bloom"].any()


@pytest.mark.parametrize(("lat", "middle"), [(40.0, 4), (-40.0, 12)])
def test_half_amplitude_of_a_cosine(lat, middle):
    """A cosine is above the middle of its amplitude for half a year around its peak, over the turn of the year too."""
    day = ocean.month_day()
    top = day[middle - 1]
    cycle = bloom_grid(2 + 1.5 * np.cos(2 * np.pi * (day - top) / ocean.YEAR_D)).assign_coords(lat=[lat])
    found = ocean.bloom(cycle, definition="half_amplitude").squeeze()
    quarter = ocean.YEAR_D / 4
    expected = [(top - quarter - 1) % ocean.YEAR_D + 1, (top + quarter - 1) % ocean.YEAR_D + 1, 2 * quarter]
    # the highest and lowest of twelve months, and straight lines between them, are off by a day or two
    np.testing.assert_allclose([found["onset_day"], found["end_day"], found["length"]], expected, atol=3)
    assert found["peak"] == middle and found["in_bloom"].sum() in (5, 6, 7)


@pytest.mark.parametrize("definition", BLOOM_DEFINITIONS)
def test_the_year_is_a_circle(definition):
    """A cycle k months later has its bloom k months later; on its first and last day it crosses the level."""
    cycles = np.random.default_rng(0).lognormal(0, 0.6, (12, 1, 300))
    grid = xr.DataArray(
        cycles, {"month": np.arange(1, 13), "lat": [5.0], "lon": np.arange(300.0)}, ("month", "lat", "lon")
    )
    first = ocean.bloom(grid, definition=definition)
    blooms = first["bloom_class"].values == 1
    assert blooms.sum() > 200
    for k in range(1, 12):
        later = ocean.bloom(grid.copy(data=np.roll(cycles, k, axis=0)), definition=definition)
        np.testing.assert_array_equal(later["in_bloom"].sum("month"), first["in_bloom"].sum("month"))
        if definition == "half_amplitude":  # of two runs of equal length the threshold takes the earlier in the year
            for name in ("onset", "peak", "end"):
                np.testing.assert_array_equal(later[name], (first[name] + k - 1) % 12 + 1)
    level = 1.05 * np.median(cycles, 0) if definition == "threshold" else (cycles.min(0) + cycles.max(0)) / 2
    for cell in np.flatnonzero(blooms)[:20]:
        crossed = ocean.monthly_to_day(
            cycles[:, 0, cell], first[["onset_day", "end_day"]].to_array()[:, 0, cell].values
        )
        np.testing.assert_allclose(crossed, level[0, cell], rtol=1e-4)


def test_two_definitions_by_hand():
    """A small early rise is a bloom by the median, not by half the amplitude; both see the same bloom in May."""
    cycle = bloom_grid([1.0, 1, 1.2, 1.4, 5, 2, 1, 1, 1, 1, 1, 1])
    wide, narrow = (ocean.bloom(cycle, definition=name).squeeze() for name in BLOOM_DEFINITIONS)
    assert [int(wide[k]) for k in ("onset", "peak", "end")] == [3, 5, 6]
    assert [int(narrow[k]) for k in ("onset", "peak", "end")] == [5, 5, 5]
    day = ocean.month_day()
    assert narrow["onset_day"] == pytest.approx(day[3] + (3 - 1.4) / 3.6 * (day[4] - day[3]), abs=1e-4)
    assert narrow["end_day"] == pytest.approx(day[4] + 2 / 3 * (day[5] - day[4]), abs=1e-4)
    assert wide["amplitude"] == narrow["amplitude"] == 5


def test_a_bloom_out_of_the_polar_night_begins_when_it_is_seen():
    """Next to a month without sun no crossing is known: the middle of the first month that is seen stands for it."""
    cycle = bloom_grid([9.0, 4, 4, 4, 3, 2, 1, 1, 1, 1, 9, 9]).assign_coords(lat=[75.0])
    found = ocean.bloom(cycle, definition="half_amplitude").squeeze()
    first = np.flatnonzero(ocean.observable([75.0])[:, 0])[0]
    assert found["onset"] == first + 1 and found["onset_day"] == pytest.approx(ocean.month_day()[first])


def test_phenology_is_no_concentration():
    """Months, days and ratios do not carry the unit of chlorophyll; every field says what it is."""
    cycle = bloom_grid([1.0, 1, 1, 1, 5, 2, 1, 1, 1, 1, 1, 1]).assign_attrs(units="mg m-3", standard_name="chl")
    found = ocean.bloom(cycle)
    assert not any("standard_name" in da.attrs or da.attrs.get("units") == "mg m-3" for da in found.values())
    assert all(da.attrs["long_name"] for da in found.values())
    with pytest.raises(ValueError, match="half_amplitude"):
        ocean.bloom(cycle, definition="median")


def test_months_without_sun_are_no_bloom():
    """Chlorophyll that a product fills in for the polar night is not a bloom."""
    cycle = bloom_grid([9.0, 1, 1, 1, 1, 3, 1, 1, 1, 1, 1, 9]).assign_coords(lat=[75.0])
    found = ocean.bloom(cycle).squeeze()
    assert found["peak"] == 6 and found["amplitude"] == 3


def test_basins_of_well_known_places():
    """Well-known places fall into their basins, and each place has one."""
    places = {
        "Arctic": (80, 0), "North Atlantic": (15, -75), "South Atlantic": (-30, 10), "North Pacific": (8, -79),
        "South Pacific": (-40, 160), "Indian": (-40, 100), "Southern Ocean": (-60, 0), "Mediterranean": (43, 7.9),
    }  # fmt: skip
    lat, lon = np.array(list(places.values())).T
    assert ocean.basin(lat, lon).tolist() == list(places)
    assert ocean.basin(45, -4).item() == "North Atlantic"  # the Bay of Biscay
    assert set(ocean.basin(*np.meshgrid(np.arange(-90, 91.0), np.arange(0, 360.0))).ravel()) == set(ocean.BASINS)


def test_a_map_with_one_calendar_for_both_hemispheres_is_found_out():
    """The sun's year goes by season, a calendar by month; a cell that is dark for a month counts for neither."""
    month, lat = np.arange(1, 13), np.array([-75.0, -45, -30, 30, 45, 75])
    coords = {"month": month, "lat": lat, "lon": [0.0, 1.0]}
    cycle = np.cos(2 * np.pi * (month - 7) / 12)[:, None, None] * np.ones((1, 6, 2))
    calendar = xr.DataArray(cycle, coords, ("month", "lat", "lon"))
    assert ocean.hemispheres(calendar) == pytest.approx((1, -1))
    sun = calendar * np.sign(calendar["lat"])
    sun[:6, 1, 0], sun[6, 1, 0] = 50, np.nan
    assert ocean.hemispheres(sun) == pytest.approx((-1, 1))
    assert np.isnan(ocean.hemispheres(sun.where(sun["lat"] > 0))).all()  # nothing to compare is no verdict


# --- Fields of real years ------------------------------------------------------------------------------


def record(grid, first="2010-01", months=24, name="npp"):
    """A field that rises by one a day, month by month from `first`, on the grid; the middles of the months as times."""
    begin = np.datetime64(first, "M") + np.arange(months + 1)
    edges = begin.astype("datetime64[ns]")
    time = edges[:-1] + np.diff(edges) // 2
    day = xr.DataArray((time - np.datetime64("2010-01-01")) / np.timedelta64(1, "D"), {"time": time}, ("time",))
    sea = grid["bottom_depth"].notnull()
    return day.where(sea).transpose("time", "lat", "lon").astype(np.float32).rename(name)


def days_after_2010(times):
    """Days since the first of January 2010."""
    return (pd.to_datetime(times, format="ISO8601") - pd.Timestamp("2010-01-01")) / pd.Timedelta(days=1)


def test_record_is_linear_in_time(grid):
    """A field that rises evenly through two years comes back exactly, across the new year and in the dry of a leap."""
    times = ["2010-03-03T07:00", "2010-12-31T23:00", "2011-01-01", "2011-11-20"]
    found = ocean.match(points(time=times), ocean.year_matched(grid, record(grid)))
    np.testing.assert_allclose(found["npp"], days_after_2010(times), atol=1e-3)
    assert (found["covariate_reason"] == "").all()


def test_record_ends_and_is_not_cyclic(grid):
    """Half a step beyond the ends the nearest step counts, further out nothing, and the reason names the record."""
    times = ["2009-12-31T23:00", "2010-01-01T01:00", "2011-12-31T23:00", "2012-01-01T01:00", "1998-07-01", "2030-07-01"]
    found = ocean.match(points(time=times), ocean.year_matched(grid, record(grid)))
    np.testing.assert_allclose(found["npp"], [np.nan, 15.5, 729 - 14.5, np.nan, np.nan, np.nan], atol=1e-3)
    reasons = found["covariate_reason"]
    assert (reasons[[0, 3, 4, 5]] == "no covariate: npp (outside the record 2010-01-16 to 2011-12-16)").all()
    assert (reasons[[1, 2]] == "").all() and found["sst"].notna().all()


@pytest.mark.parametrize("gap", ["cloud", "file", "both"])
def test_a_missing_month_is_not_bridged(grid, gap):
    """A month missing in the cell, or without a file: its neighbours count for half a step; no line joins them."""
    field = record(grid)
    if gap != "file":
        field[5] = np.nan if gap == "both" else field[5].where(field["lat"] > 0)
    field = field.drop_isel(time=5) if gap == "file" else field
    times = ["2010-05-20", "2010-05-31T06:00", "2010-06-15", "2010-06-30T20:00", "2010-07-20"]
    found = ocean.match(points(time=times), ocean.year_matched(grid, field))
    may, july = days_after_2010(["2010-05-16T12:00", "2010-07-16T12:00"])
    expected = [may, may, np.nan, np.nan, days_after_2010(times)[4]]
    np.testing.assert_allclose(found["npp"], expected, atol=1e-3)
    assert found["covariate_reason"][2] == "no covariate: npp (missing at that time)"
    late = ocean.match(points(time="2010-07-02"), ocean.year_matched(grid, field))["npp"]
    np.testing.assert_allclose(late, july, atol=1e-3)


def test_one_month_stands_for_itself(grid):
    """A record of one step needs its length; with it, it counts for its own month."""
    field = record(grid, months=1)
    with pytest.raises(ValueError, match="step_d"):
        ocean.match(points(), ocean.year_matched(grid, field))
    ds = ocean.year_matched(grid, field.assign_attrs(step_d=31.0))
    found = ocean.match(points(time=["2010-01-01T01:00", "2010-01-31", "2010-02-02"]), ds)
    np.testing.assert_allclose(found["npp"], [15.5, 15.5, np.nan])


def test_climatology_may_stand_in_and_says_so(grid):
    """Only where it was asked for, only where there is nothing of the year, marked row by row; never on land."""
    times = ["2010-06-10", "1998-07-17", None, "1998-07-17"]
    frame = points(time=times, longitude=[-5.0, -5, -5, 5], latitude=[-5.0, -5, -5, 5])
    found = ocean.match(frame, ocean.year_matched(grid, record(grid), fall_back=True))
    assert found["npp_is_climatology"].tolist() == [False, True, False, False]
    usual = ocean.match(frame, grid)
    assert found["npp"][1] == usual["npp"][1] and found["npp"][0] != usual["npp"][0]
    assert found["covariate_reason"].tolist() == ["", "", "no covariate: time", "land"]
    assert "npp_is_climatology" not in ocean.match(frame, ocean.year_matched(grid, record(grid)))


def test_other_fields_are_as_before(grid):
    """Replacing npp changes neither the other covariates nor the cell; without records nothing new appears."""
    frame = points(time=["2010-06-10", "1998-12-30"], depth_m=[50, 150])
    usual = ocean.match(frame, grid)
    found = ocean.match(frame, ocean.year_matched(grid, record(grid)))
    same = [name for name in usual if name not in ("npp", "covariate_reason")]
    pd.testing.assert_frame_equal(found[same], usual[same])
    assert list(found.columns) == list(usual.columns) == [*frame, *COVARIATES, "covariate_distance_km",
                                                          "covariate_reason"]  # fmt: skip


def test_records_with_times_of_their_own(grid):
    """Two records of different years and steps stand side by side, each with its own ends and steps."""
    weeks = record(grid, months=3, name="chlorophyll").resample(time="8D").interpolate("linear")
    ds = ocean.year_matched(ocean.year_matched(grid, record(grid)), weeks.astype(np.float32))
    found = ocean.match(points(time=["2010-02-20T05:00", "2011-05-02"]), ds)
    days = days_after_2010(["2010-02-20T05:00", "2011-05-02"])
    np.testing.assert_allclose(found["npp"], days, atol=1e-3)
    np.testing.assert_allclose(found["chlorophyll"], [days[0], np.nan], atol=1e-3)
    assert "chlorophyll (outside the record" in found["covariate_reason"][1]


def test_all_fields_may_be_records(grid):
    """Any Dataset with the same names: all with time, one with depth too, and no month anywhere."""
    day = record(grid)
    ds = xr.Dataset({name: day.rename(name) for name in COVARIATES})
    ds["temperature"] = (day + grid["depth"]).transpose("time", "depth", "lat", "lon").astype(np.float32)
    found = ocean.match(points(time="2010-09-09", depth_m=150.0), ds).iloc[0]
    assert found["sst"] == pytest.approx(251, abs=1e-3) and found["temperature"] == pytest.approx(401, abs=1e-3)
    assert ocean.match(points().iloc[:0], ds).empty
    with pytest.raises(ValueError, match="do not rise"):
        ocean.match(points(), ds.isel(time=slice(None, None, -1)))


def degrees(step):
    """A field on a global grid of that many degrees, from the south and 180 W."""
    lat, lon = np.arange(-90 + step / 2, 90, step), np.arange(-180 + step / 2, 180, step)
    values = 100 + lat[:, None] + 30 * np.sin(np.radians(lon))[None] + np.cos(7 * np.radians(lon + lat[:, None]))
    return xr.DataArray(values, {"lat": lat, "lon": lon}, ("lat", "lon"), "npp")


def area_mean(field):
    """Mean weighted by the exact area of the cells."""
    step = 180 / field.sizes["lat"]
    return float(field.astype(float).weighted(ocean.cell_area(field["lat"], step)).mean())


@pytest.mark.parametrize("step", [1.0, 2.5, 4.0, 7.5])
def test_finer_cells_are_averaged_by_area(grid, step):
    """The area mean of the globe is kept, also where the cells do not nest."""
    fine = degrees(step)
    coarse = ocean.on_grid(fine, grid["lat"], grid["lon"])
    assert area_mean(coarse) == pytest.approx(area_mean(fine), rel=1e-6)
    assert coarse.dtype == np.float32 and coarse.notnull().all()


def test_one_cell_averaged_by_hand(grid):
    """Of the cells of 5 degrees the northern ones weigh less; a missing one is left out, not zero."""
    fine = degrees(5.0) * 0 + xr.DataArray(np.arange(36.0), dims="lat")
    fine.loc[2.5, 2.5] = np.nan
    coarse = ocean.on_grid(fine, grid["lat"], grid["lon"])
    sine = np.sin(np.radians([70, 75, 80]))
    north = (32 * (sine[1] - sine[0]) + 33 * (sine[2] - sine[1])) / (sine[2] - sine[0])
    assert float(coarse.sel(lat=75, lon=5)) == pytest.approx(north, rel=1e-6)
    sine = np.sin(np.radians([0, 5, 10]))
    left = (18 * (sine[1] - sine[0]) + 2 * 19 * (sine[2] - sine[1])) / ((sine[1] - sine[0]) + 2 * (sine[2] - sine[1]))
    assert float(coarse.sel(lat=5, lon=5)) == pytest.approx(left, rel=1e-6)


@pytest.mark.parametrize("step", [5.0, 10.0, 20.0])
def test_conventions_of_a_grid_make_no_difference(grid, step):
    """0 to 360 or -180 to 180, from the north or the south, dimensions in any order: the same field."""
    field = degrees(step)
    expected = ocean.on_grid(field, grid["lat"], grid["lon"])
    other = field.assign_coords(lon=field["lon"] % 360).sortby("lon").sortby("lat", ascending=False).transpose()
    xr.testing.assert_allclose(ocean.on_grid(other, grid["lat"], grid["lon"]), expected, rtol=1e-6)
    if step == 10.0:
        np.testing.assert_allclose(expected, field, rtol=1e-6)


def test_coarser_cells_give_their_value(grid):
    """The nearest coarse cell, across the date line too; a regional field ends where it ends."""
    coarse = degrees(20.0)
    found = ocean.on_grid(coarse, grid["lat"], grid["lon"])
    assert float(found.sel(lat=-85, lon=-175)) == pytest.approx(float(coarse.sel(lat=-80, lon=-170)))
    region = coarse.assign_coords(lon=coarse["lon"] % 360).sortby("lon").sel(lon=slice(150, 200))
    there = ocean.on_grid(region, grid["lat"], grid["lon"])
    assert set(there["lon"].values[there.notnull().any("lat")]) == {145, 155, 165, 175, -175, -165}
    xr.testing.assert_allclose(there.sel(lon=[-175, 165]), found.sel(lon=[-175, 165]))


@pytest.mark.parametrize("axis", [[0.0, 1, 3], [5.0], [2.0, 2, 2]])
def test_irregular_grids_are_refused(grid, axis):
    """What is not regular cannot be averaged by its cells."""
    field = xr.DataArray(np.zeros((len(axis), 2)), {"lat": axis, "lon": [0.0, 1]}, ("lat", "lon"))
    with pytest.raises(ValueError, match="regular"):
        ocean.on_grid(field, grid["lat"], grid["lon"])


def test_what_cannot_be_replaced_is_refused(grid):
    """Another name, unit or shape, a time that is none, a field with levels: never a wrong field in silence."""
    field = record(grid)
    for wrong, words in (
        (field.rename("nppp"), "nothing to replace"), (field.rename("temperature"), "nothing to replace"),
        (field.isel(time=0, drop=True), "needs the dimensions"), (field.assign_attrs(units="mol m-2 s-1"), "convert"),
        (field.assign_coords(time=np.arange(24)), "datetime64"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            ocean.year_matched(grid, wrong)


@pytest.mark.real
def test_global_production_of_the_real_fields(real_data):
    """54.5 Pg C/yr (Eppley form 57.7) where there is light, with the wrapped real chlorophyll."""
    climatology = xr.open_dataset(real_data / "climatology" / "ocean_climatology_1deg.nc")
    with xr.open_dataset(real_data / "satellite" / "Sweeney_2005.nc", decode_times=False) as ds:
        chlorophyll = ds["chl"].load()
    climatology = climatology[["sst", "par", "bottom_depth"]].load()
    for form, expected in {"vgpm": 54.5, "eppley": 57.7}.items():
        fields = ocean.covariates(climatology, chlorophyll, form)
        total = (fields["npp"].astype(float) * ocean.cell_area(fields["lat"]) * DAYS).sum() * 1e-18
        assert float(total) == pytest.approx(expected, abs=0.1)
