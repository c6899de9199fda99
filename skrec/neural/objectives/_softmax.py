"""Positives compete with sampled negatives: the sampled softmax."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from skrec.calibration import UserOffset
from skrec.neural.objectives._pairs import SampledObjective
from skrec.nn import SoftmaxLoss, SparseRows
from skrec.training import PairBatches
from skrec.typing import Array, CSRMatrix

__all__ = ["SampledSoftmax"]

_LEAST = -1e30  # the logarithm of no weight: finite, so that a row without negatives has gradients


class SampledSoftmax(SampledObjective):
    r"""Each positive competes with all that its user lacks, estimated from sampled negatives.

    .. math:: \sum_{i \in R} -\ln \frac{e^{f_{ui}}}{e^{f_{ui}} + \sum_{j \notin R} e^{f_{uj}}}

    is the loss of a row with items R and logits f, the scores divided by ``temperature``. The sum
    over what the row lacks is estimated without bias, whatever negatives are drawn by: each counts
    by how often it is expected in the sample (log-q correction). Logits are known up to a constant
    of each user, see `UserOffset`.
    """

    loss = SoftmaxLoss
    fixes_level = False
    averages_negatives = False

    def network(self, estimator: Any) -> dict[str, Any]:
        return {**super().network(estimator), "criterion__temperature": estimator.temperature}

    def batches(self, estimator: Any, X: CSRMatrix, rng: np.random.RandomState) -> PairBatches:
        batches = super().batches(estimator, X, rng)
        batches.log_counts = True
        return batches

    def scores(self, estimator: Any, scores: Array) -> Array:
        return scores / scores.dtype.type(estimator.temperature)

    def fold_in(
        self, estimator: Any, batches: PairBatches, rng: np.random.RandomState
    ) -> dict[str, Any]:
        n_items = batches.X.shape[1]
        size = min(estimator._fold_in_items, n_items)
        drawn = np.sort(rng.choice(n_items, size, replace=False))  # uniform: each counts alike
        return {"sample": torch.from_numpy(drawn), "row_loss": self.row_loss(estimator)}

    def row_loss(self, estimator: Any) -> partial:
        n_items = estimator.interactions_.shape[1]
        return partial(_row_loss, n_items=n_items, temperature=float(estimator.temperature))

    def link(self, estimator: Any) -> UserOffset:
        return UserOffset()


def _row_loss(rows: SparseRows, free: Tensor, n_items: int, temperature: float) -> partial:
    # sampled items stand for all that a row lacks, an own item counts for none
    n_lacking = (n_items - rows.offsets.diff()).clamp(min=1)
    weight = n_lacking / free.sum(1).clamp(min=1)
    log_weights = weight.double().log()[:, None].where(free, torch.tensor(_LEAST).double())
    return partial(_competition, row=rows.row, log_weights=log_weights, temperature=temperature)


def _competition(
    positive: Tensor, negative: Tensor, row: Tensor, log_weights: Tensor, temperature: float
) -> Tensor:
    if not negative.shape[1]:
        return 0 * positive.sum()
    others = torch.logsumexp(negative / temperature + log_weights, dim=1)  # (n_rows,)
    return F.softplus(others[row] - positive[:, 0] / temperature).sum()
