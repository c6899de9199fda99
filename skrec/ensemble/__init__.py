"""Several recommenders as one."""

from skrec.ensemble._blended import BlendedRecommender
from skrec.ensemble._rank_fusion import RankFusionRecommender

__all__ = ["BlendedRecommender", "RankFusionRecommender"]
