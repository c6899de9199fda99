"""Models whose scores are linear in what ``fit`` saw: item-item weights, or users' histories."""

from skrec.linear._ease import EASERecommender
from skrec.linear._graph_filter import GraphFilterRecommender
from skrec.linear._infinite_ae import InfiniteAERecommender
from skrec.linear._knn import ItemKNNRecommender, UserKNNRecommender
from skrec.linear._rp3beta import RP3betaRecommender
from skrec.linear._slim import SLIMRecommender

__all__ = [
    "EASERecommender",
    "GraphFilterRecommender",
    "InfiniteAERecommender",
    "ItemKNNRecommender",
    "RP3betaRecommender",
    "SLIMRecommender",
    "UserKNNRecommender",
]
