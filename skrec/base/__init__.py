"""The estimator contract: validation, scores, probabilities, ranking."""

from skrec.base._parameters import ParameterFields
from skrec.base._queries import Queries
from skrec.base._ratings import RatingRecommender, probability_at_least
from skrec.base._recommender import BaseRecommender
from skrec.base._tags import RecommenderTags
from skrec.base._validation import check_items, check_matrix

__all__ = [
    "BaseRecommender",
    "ParameterFields",
    "Queries",
    "RatingRecommender",
    "RecommenderTags",
    "check_items",
    "check_matrix",
    "probability_at_least",
]
