"""The bases of estimators that are trained with torch."""

from skrec.neural import _score_graphs as score_graphs
from skrec.neural._base import TorchRecommender
from skrec.neural._divergence import check_range, check_scores, check_weights, likely_cause
from skrec.neural._fields import Dropped, Epochs, Folder, ModuleOf
from skrec.neural._fit_graph import descend
from skrec.neural._history_parts import history_parts
from skrec.neural._memory import check_model_memory
from skrec.neural._pair_graph import graph_scores
from skrec.neural._pairs import (
    AutoPretrain,
    PairRecommender,
    Pretrain,
    RatedPairRecommender,
    SampledPairRecommender,
    SharedNegatives,
)
from skrec.neural._pretraining import copy_factors, factor_tables, fit_start, twin
from skrec.neural._rating_validation import (
    RatedData,
    RatedFraction,
    RatedMetric,
    hold_out_ratings,
    watch_rmse,
)
from skrec.neural._rows import (
    LikelihoodRecommender,
    RatedRowRecommender,
    RowRecommender,
    SampledRowRecommender,
    module_scores,
)
from skrec.neural._similar_items import similar_items
from skrec.neural._sizes import Sizes, as_sizes
from skrec.neural._validation_set import ValidationSet, hold_out_rows

__all__ = [
    "AutoPretrain",
    "Dropped",
    "Epochs",
    "Folder",
    "ModuleOf",
    "LikelihoodRecommender",
    "PairRecommender",
    "Pretrain",
    "RatedData",
    "RatedFraction",
    "RatedMetric",
    "RatedPairRecommender",
    "RatedRowRecommender",
    "RowRecommender",
    "SampledPairRecommender",
    "SampledRowRecommender",
    "SharedNegatives",
    "Sizes",
    "TorchRecommender",
    "ValidationSet",
    "as_sizes",
    "check_model_memory",
    "check_range",
    "check_scores",
    "check_weights",
    "copy_factors",
    "descend",
    "factor_tables",
    "fit_start",
    "graph_scores",
    "history_parts",
    "hold_out_ratings",
    "hold_out_rows",
    "likely_cause",
    "module_scores",
    "score_graphs",
    "similar_items",
    "twin",
    "watch_rmse",
]
