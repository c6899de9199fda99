"""Models whose scores are a user's history times item-item weights, or neighbours' histories."""

from skrec.linear._ease import EASERecommender
from skrec.linear._graph_filter import GraphFilterRecommender
from skrec.linear._knn import ItemKNNRecommender, UserKNNRecommender
from skrec.linear._rp3beta import RP3betaRecommender
from skrec.linear._slim import SLIMRecommender

__all__ = [
    "EASERecommender",
    "GraphFilterRecommender",
    "ItemKNNRecommender",
    "RP3betaRecommender",
    "SLIMRecommender",
    "UserKNNRecommender",
]
