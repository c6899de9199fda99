"""What a model can be trained for: one file an objective, which an estimator holds."""

from skrec.neural.objectives import (
    _contrastive,
    _pairwise,
    _pointwise,
    _ratings,
    _softmax,
)
from skrec.neural.objectives._agreement import fold_in_disagreement
from skrec.neural.objectives._base import Objective
from skrec.neural.objectives._contrastive import Contrastive, ContrastiveLoss
from skrec.neural.objectives._likelihoods import (
    LIKELIHOODS,
    ROW_TERMS,
    Gaussian,
    Logistic,
    Multinomial,
    RowLikelihood,
)
from skrec.neural.objectives._pairs import PairObjective, SampledObjective
from skrec.neural.objectives._pairwise import Pairwise
from skrec.neural.objectives._pointwise import Pointwise
from skrec.neural.objectives._ratings import PairRatings, Ratings, RowRatings
from skrec.neural.objectives._reconstruction import Reconstruction
from skrec.neural.objectives._sampled_softmax import SampledMultinomial
from skrec.neural.objectives._softmax import SampledSoftmax

__all__ = [
    "LIKELIHOODS",
    "ROW_LOSSES",
    "ROW_TERMS",
    "Contrastive",
    "ContrastiveLoss",
    "Gaussian",
    "Logistic",
    "Multinomial",
    "Objective",
    "PairObjective",
    "PairRatings",
    "Pairwise",
    "Pointwise",
    "Ratings",
    "Reconstruction",
    "RowLikelihood",
    "RowRatings",
    "SampledMultinomial",
    "SampledObjective",
    "SampledSoftmax",
    "fold_in_disagreement",
]

ROW_LOSSES = {
    "contrastive": _contrastive._row_loss,
    "pairwise": _pairwise._row_loss,
    "pointwise": _pointwise._row_loss,
    "ratings": _ratings._row_loss,
    "softmax": _softmax._row_loss,
}
"""What fold-in minimises, by the names that files have for it."""
