"""The twin ocean: a sea whose carbon export is known, on real climatology, and the cruises that sample it.

`covariates` are the fields that a model may see, `truth` answers for any place, day and depth, `truth_maps` draws it,
`write_raw` sends cruises to sea and writes what they bring home as raw files of the field, with mistakes.
Nothing here integrates a flux from samples: that is the method which the twin judges.
"""

from seaofcarbon.twin.ranges import ceiling, nothing_hidden, ranges
from seaofcarbon.twin.raw import write_raw
from seaofcarbon.twin.recipe import DEFAULT, Parameters, with_seed
from seaofcarbon.twin.sea import covariates
from seaofcarbon.twin.truth import truth, truth_maps

__all__ = [
    "DEFAULT", "Parameters", "ceiling", "covariates", "nothing_hidden", "ranges", "truth", "truth_maps", "with_seed",
    "write_raw",
]  # fmt: skip
