"""The book: staged from executed notebooks and pages, built with warnings as errors, readable with no network."""

from seaofcarbon.publish.fragments import FRAGMENTS
from seaofcarbon.publish.site import BookError, book, outside_requests
from seaofcarbon.publish.stage import configuration, stage

__all__ = ["FRAGMENTS", "BookError", "book", "configuration", "outside_requests", "stage"]
