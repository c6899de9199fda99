"""Models that propagate vectors along the graph of users and items."""

from skrec.graph._light_gcn import LightGCNRanker

__all__ = ["LightGCNRanker"]
