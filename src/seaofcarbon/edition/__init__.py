"""The edition: what a run on open data found, frozen into a small folder that comes with the book.

It holds products of this project only: maps, tables, figures, and a model that needs no data folder. No measurement is
in it, closed ones are only counted.
"""

from seaofcarbon.edition.freezing import MAX_BYTES, folder, freeze
from seaofcarbon.edition.learner import FEATURES

__all__ = ["FEATURES", "MAX_BYTES", "folder", "freeze"]
