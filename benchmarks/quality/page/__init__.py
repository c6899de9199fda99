"""The page of results: all tables of all papers, written from finished cells."""

from benchmarks.quality.page._page import make_page

__all__ = ["make_page"]
