"""Metrics of recommendations, and scorers for scikit-learn's model selection."""

from skrec.metrics._calibration import brier, expected_calibration_error, reliability_curve
from skrec.metrics._calibration_scorer import CalibrationScorer, make_calibration_scorer
from skrec.metrics._expected_ties import hit_rate, ndcg, precision, recall
from skrec.metrics._lists import coverage, diversity, gini, novelty
from skrec.metrics._pointwise import mae, rmse
from skrec.metrics._random_ties import average_precision as map
from skrec.metrics._random_ties import mrr
from skrec.metrics._ranking import evaluate_ranking
from skrec.metrics._rating_scorer import RatingScorer, make_rating_scorer
from skrec.metrics._scorer import RankingScorer, make_ranking_scorer

__all__ = [
    # rankings
    "evaluate_ranking",
    "hit_rate",
    "map",
    "mrr",
    "ndcg",
    "precision",
    "recall",
    # lists
    "coverage",
    "diversity",
    "gini",
    "novelty",
    # ratings and probabilities
    "brier",
    "expected_calibration_error",
    "mae",
    "reliability_curve",
    "rmse",
    # scorers
    "CalibrationScorer",
    "RankingScorer",
    "RatingScorer",
    "make_calibration_scorer",
    "make_ranking_scorer",
    "make_rating_scorer",
]
