"""Recommenders that know no taste."""

from skrec.baselines._popularity import PopularityRecommender

__all__ = ["PopularityRecommender"]
