"""Maps: predict on a grid at any depth and month, and what maps are read for: means, seasons, blooms, sites, budgets.

Months are weighted by their days, cells by their area. Sums of carbon are in Pg C yr-1.
"""

from seaofcarbon.maps.budgets import (
    PG_PER_MMOL,
    SHELF_M,
    integrate_poc,
    latitude_band,
    ratio_of_law,
    region_ratio,
    regions,
    to_mean,
)
from seaofcarbon.maps.compare import at_published, meeting
from seaofcarbon.maps.draws import (
    ErrorField,
    cast_errors,
    draw_totals,
    error_correlation,
    error_pairs,
    fit_field,
    interval_about,
    law_errors,
    random_field,
)
from seaofcarbon.maps.fine import coarse_means, fine_inputs, finer, inputs_from_file, open_zarr, steps
from seaofcarbon.maps.grid import (
    APPLICABLE_ATTRS,
    DEPTH_KINDS,
    LAYERS,
    computing,
    depth_levels,
    depth_used,
    grid_features,
    predict_block,
    predict_blocks,
    predict_grid,
)
from seaofcarbon.maps.judging import coverage_at_sea, taught
from seaofcarbon.maps.laws import ML_MODEL, judge_laws, law_table
from seaofcarbon.maps.means import (
    DAYS_IN_MONTH,
    MONTHS,
    agreement,
    annual_mean,
    area_weighted_mean,
    bloom_split,
    in_season,
    seasonal_mean,
    weights,
)
from seaofcarbon.maps.products import ENTRY as PRODUCTS_ENTRY
from seaofcarbon.maps.products import LEFT_OUT, compare_products, own_totals, product_maps, zonal_mean
from seaofcarbon.maps.reading import applicable, at_depth, check_interval, depth_name, implied_thorium
from seaofcarbon.maps.sites import MAX_SITE_KM, own_site, site_cells, site_sentences, site_year

__all__ = [
    "APPLICABLE_ATTRS", "DAYS_IN_MONTH", "DEPTH_KINDS", "ErrorField", "LAYERS", "LEFT_OUT", "MAX_SITE_KM",
    "ML_MODEL", "MONTHS", "PG_PER_MMOL", "PRODUCTS_ENTRY", "SHELF_M", "agreement", "annual_mean", "applicable",
    "area_weighted_mean", "at_depth", "at_published", "bloom_split", "cast_errors", "check_interval",
    "coarse_means", "compare_products", "computing", "coverage_at_sea", "depth_levels", "depth_name", "depth_used",
    "draw_totals", "error_correlation", "error_pairs", "fine_inputs", "finer", "fit_field", "grid_features",
    "implied_thorium", "in_season", "inputs_from_file", "integrate_poc", "interval_about", "judge_laws",
    "latitude_band", "law_errors", "law_table", "meeting", "open_zarr", "own_site", "own_totals", "predict_block",
    "predict_blocks", "predict_grid", "product_maps", "random_field", "ratio_of_law", "region_ratio", "regions",
    "seasonal_mean", "site_cells", "site_sentences", "site_year", "steps", "taught", "to_mean", "weights", "zonal_mean",
]  # fmt: skip
