"""The bases of estimators that are trained with torch."""

from skrec.neural._base import TorchRecommender
from skrec.neural._pair_base import PairRecommender
from skrec.neural._pairs import PairClassifier, PairRanker
from skrec.neural._pretraining import Pretrained, copy_factors, factor_tables, fit_start, twin
from skrec.neural._rated_pairs import PairRegressor
from skrec.neural._rated_rows import RowRegressor
from skrec.neural._rating_validation import (
    WatchedRatings,
    hold_out_ratings,
    watch_rmse,
)
from skrec.neural._rows import RowRecommender, module_scores
from skrec.neural._similar_items import SimilarItems
from skrec.neural._validation_set import ValidationSet, hold_out_rows

__all__ = [
    "PairClassifier",
    "PairRanker",
    "PairRecommender",
    "PairRegressor",
    "Pretrained",
    "RowRecommender",
    "RowRegressor",
    "SimilarItems",
    "TorchRecommender",
    "ValidationSet",
    "WatchedRatings",
    "copy_factors",
    "factor_tables",
    "fit_start",
    "hold_out_ratings",
    "hold_out_rows",
    "module_scores",
    "twin",
    "watch_rmse",
]
