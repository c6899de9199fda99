"""Pairs count by themselves: binary cross-entropy against sampled negatives."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional as F

from skrec.calibration import SamplingOdds
from skrec.neural.objectives._pairs import SampledObjective
from skrec.nn import PointwiseLoss, SparseRows

if TYPE_CHECKING:
    from skrec.neural._pairs import SampledPairRecommender

__all__ = ["Pointwise"]


class Pointwise(SampledObjective):
    r"""Binary cross-entropy: scores are log odds against the sampled negatives.

    .. math:: \sum_{i \in R} -\ln \sigma(f_{ui}) + K |R| \, \overline{-\ln \sigma(-f_{uj})}

    is the loss of a row with items R, the mean taken over sampled items that it lacks. The
    probabilities are those of interactions: the sampling of negatives is undone.
    """

    loss = PointwiseLoss
    average = "probability"

    def row_loss(self, estimator: SampledPairRecommender) -> partial:
        return partial(_row_loss, n_negatives=estimator.n_negatives)

    def link(self, estimator: SampledPairRecommender) -> SamplingOdds:
        return SamplingOdds(estimator.n_negatives)


def _row_loss(rows: SparseRows, free: Tensor, n_negatives: int) -> partial:
    # each row's negatives have the same total, an own item counts for none
    total = n_negatives * rows.offsets.diff()
    weight = free * (total / free.sum(1).clamp(min=1))[:, None]
    return partial(_cross_entropy, weight=weight)


def _cross_entropy(positive: Tensor, negative: Tensor, weight: Tensor) -> Tensor:
    return F.softplus(-positive).sum() + (weight * F.softplus(negative)).sum()
