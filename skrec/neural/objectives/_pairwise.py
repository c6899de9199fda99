"""Pairs are ranked: Bayesian personalised ranking."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from skrec.calibration import UserOffset
from skrec.neural.objectives._pairs import SampledObjective
from skrec.nn import PairwiseLoss, SparseRows
from skrec.training import PairDifferences, ranked_places

if TYPE_CHECKING:
    from skrec.neural._pairs import SampledPairRecommender

__all__ = ["Pairwise"]


class Pairwise(SampledObjective):
    r"""Bayesian personalised ranking (BPR).

    .. math:: \sum_{i \in R} \overline{-\ln \sigma(f_{ui} - f_{uj})}

    is the loss of a row with items R, the mean taken over up to 16 sampled items that it lacks.
    Scores are known up to a constant of each user, see `UserOffset`.
    """

    loss = PairwiseLoss
    fixes_level = False

    def row_loss(self, estimator: SampledPairRecommender) -> Callable:
        return _row_loss

    def link(self, estimator: SampledPairRecommender) -> UserOffset:
        return UserOffset()


def _row_loss(rows: SparseRows, free: Tensor) -> PairDifferences:
    row = rows.row[:, None]
    # in NumPy, since torch takes longer for one user
    place = ranked_places(rows.indices.numpy(), free.shape[1])  # (nnz, n_pairs)
    lacks = free.numpy()[row.numpy(), place]
    weight = lacks / np.maximum(lacks.sum(1, keepdims=True), 1)
    return PairDifferences(row, torch.from_numpy(place), torch.from_numpy(weight))
