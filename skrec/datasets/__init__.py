"""Public data sets, tables of one's own, and synthetic interactions with known tastes."""

from skrec.datasets._cached import list_cached, load_cached
from skrec.datasets._fetch import fetch_amazon_music, fetch_gowalla, fetch_movielens
from skrec.datasets._load import load_interactions
from skrec.datasets._synthetic import make_interactions

__all__ = [
    "fetch_amazon_music",
    "fetch_gowalla",
    "fetch_movielens",
    "list_cached",
    "load_cached",
    "load_interactions",
    "make_interactions",
]
