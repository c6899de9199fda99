"""The estimator contract: validation, scores, probabilities, ranking."""

from skrec.base._checkpoints import CheckpointFolder, checkpoints_of, kept_seed
from skrec.base._docs import shared_docs
from skrec.base._explain import product_parts
from skrec.base._explanation import Explanation
from skrec.base._fitted import EncoderOf
from skrec.base._links import Link, Softmax
from skrec.base._one_fit import of_one_fit
from skrec.base._parameters import Doc
from skrec.base._place import Place
from skrec.base._queries import Queries, check_has_interactions, lists_of_pairs
from skrec.base._ratings import RatingRecommender, Threshold, probability_at_least
from skrec.base._recommender import BaseRecommender
from skrec.base._score_graph import LoopBody, Operation, ScoreGraph
from skrec.base._tags import RecommenderTags
from skrec.base._updates import UpdatableRecommender
from skrec.base._validation import check_ids, check_item_list, check_items, check_matrix
from skrec.base._vectors import item_vectors, user_vectors

__all__ = [
    "BaseRecommender",
    "CheckpointFolder",
    "Doc",
    "Explanation",
    "EncoderOf",
    "Link",
    "LoopBody",
    "Operation",
    "Place",
    "Queries",
    "RatingRecommender",
    "RecommenderTags",
    "ScoreGraph",
    "Softmax",
    "Threshold",
    "UpdatableRecommender",
    "check_has_interactions",
    "check_ids",
    "checkpoints_of",
    "kept_seed",
    "check_item_list",
    "check_items",
    "check_matrix",
    "item_vectors",
    "lists_of_pairs",
    "of_one_fit",
    "probability_at_least",
    "product_parts",
    "shared_docs",
    "user_vectors",
]
