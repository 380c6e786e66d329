"""From samples to a table of 234Th fluxes: one row for each cast and depth, each missing flux with its reason.

The arithmetic is in `thorium`; here samples become arrays, depths become targets, and words become of codes.
"""

from seaofcarbon.flux.depths import DEPTH_KINDS, parse_depths
from seaofcarbon.flux.doubts import DEEP_M, MAX_GAP_M, deep_ratio
from seaofcarbon.flux.grids import from_dataset
from seaofcarbon.flux.reading import read_samples, read_wide_csv
from seaofcarbon.flux.samples import KEYS, METHODS, MIN_SAMPLES, uranium, without_sigma
from seaofcarbon.flux.table import COLUMNS, budget, choices, divergence, fluxes
from seaofcarbon.flux.visits import check_window, revisits

__all__ = [
    "COLUMNS", "DEEP_M", "DEPTH_KINDS", "KEYS", "MAX_GAP_M", "METHODS", "MIN_SAMPLES", "budget", "check_window",
    "choices", "deep_ratio", "divergence", "fluxes", "from_dataset", "parse_depths", "read_samples", "read_wide_csv",
    "revisits", "uranium", "without_sigma",
]  # fmt: skip
