"""What a model can be trained for: one file an objective, which an estimator holds."""

from skrec.neural.objectives._agreement import fold_in_disagreement
from skrec.neural.objectives._base import Objective
from skrec.neural.objectives._contrastive import Contrastive, ContrastiveLoss
from skrec.neural.objectives._likelihoods import (
    LIKELIHOODS,
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
