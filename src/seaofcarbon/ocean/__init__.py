"""The sea at a place and time: light, production, seasons, blooms, and the match-up of points with gridded fields.

Grids have the dimensions `month` (1..12), `depth` (m, positive down), `lat` and `lon` ([-180, 180)); land is NaN.
Monthly means stand in the middle of their month, and time is cyclic: from mid-December one goes on to mid-January.
A field of real years has `time` (datetime64) instead of `month`: its record begins and ends, and nothing is cyclic.
"""

from seaofcarbon.ocean.basins import BASINS, basin
from seaofcarbon.ocean.blooms import bloom, observable
from seaofcarbon.ocean.grids import at_depth, cell_area, on_grid, wrap, wrap_grid
from seaofcarbon.ocean.hemispheres import hemispheres
from seaofcarbon.ocean.matchup import match, nearest_sea_cell, unit_vectors, year_matched
from seaofcarbon.ocean.production import CHLOROPHYLL_FLOOR, covariates, euphotic_depth, npp_vgpm
from seaofcarbon.ocean.year import (
    MONTH_LENGTHS_D,
    SEASONS,
    YEAR_D,
    day_length,
    day_of_year,
    days_between,
    declination,
    month_day,
    monthly_to_day,
    season_angle,
    season_of,
)  # fmt: skip

__all__ = [
    "BASINS", "CHLOROPHYLL_FLOOR", "MONTH_LENGTHS_D", "SEASONS", "YEAR_D", "at_depth", "basin", "bloom", "cell_area",
    "covariates", "day_length", "day_of_year", "days_between", "declination", "euphotic_depth", "hemispheres", "match",
    "month_day", "monthly_to_day", "nearest_sea_cell", "npp_vgpm", "observable", "on_grid", "season_angle",
    "season_of", "unit_vectors", "wrap", "wrap_grid", "year_matched",
]  # fmt: skip
