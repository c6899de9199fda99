"""Models of a user as a sum of what the user has."""

from skrec.item_based._fism import FISMClassifier, FISMRanker
from skrec.item_based._nais import NAISClassifier
from skrec.item_based._svdpp import SVDppRanker

__all__ = ["FISMClassifier", "FISMRanker", "NAISClassifier", "SVDppRanker"]
