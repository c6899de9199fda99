"""Gaussian vectors of users and items."""

from skrec.gaussian._ger import GERRanker
from skrec.gaussian._gerec import GeRecClassifier, GeRecRanker, GeRecRegressor
from skrec.gaussian._mog import MoGClassifier

__all__ = ["GERRanker", "GeRecClassifier", "GeRecRanker", "GeRecRegressor", "MoGClassifier"]
