"""Models of a user as a sum of what the user has."""

from skrec.item_based._fism import FISMRanker
from skrec.item_based._nais import NAISClassifier
from skrec.item_based._svdpp import SVDppRanker

__all__ = ["FISMRanker", "NAISClassifier", "SVDppRanker"]
