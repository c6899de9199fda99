"""Positives are drawn near and negatives pushed beyond a margin: the cosine contrastive loss."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor

from skrec.calibration import HeldOut
from skrec.neural.objectives._pairs import SampledObjective
from skrec.nn import SampledLoss, SparseRows, mean_of_negatives

__all__ = ["Contrastive", "ContrastiveLoss"]


class ContrastiveLoss(SampledLoss):
    r"""Cosine contrastive loss.

    A positive i with negatives j costs

    .. math:: 1 - f_{ui} + \frac{w}{K} \sum_j \max(0, f_{uj} - m)
        + \lambda_u |u|^2 + \lambda_i (|i|^2 + \overline{|j|^2})

    where the scores f are cosines.

    Parameters
    ----------
    margin : float, default=0.5
        Cosine m below which a negative costs nothing.
    negative_weight : float, default=1.0
        Weight w of the negatives beside the positive.
    l2_users, l2_items : float, default=0.0
        The weights :math:`\lambda_u` and :math:`\lambda_i`.
    """

    def __init__(
        self,
        margin: float = 0.5,
        negative_weight: float = 1.0,
        l2_users: float = 0.0,
        l2_items: float = 0.0,
    ) -> None:
        super().__init__(l2_users, l2_items)
        self.margin = margin
        self.negative_weight = negative_weight

    def nll(self, scores: Tensor, n_lacking: Tensor | None = None) -> Tensor:
        """Compute the loss without penalties.

        Parameters
        ----------
        scores : Tensor of shape (B, 1 + K)
            Cosines, the positive's first.
        n_lacking : Tensor of shape (B,), default=None
            How many negatives count in each row; None means all.

        Returns
        -------
        loss : Tensor of shape (B,)
            One value a row.
        """
        beyond = mean_of_negatives((scores[:, 1:] - self.margin).clamp_min(0), n_lacking)
        return 1 - scores[:, 0] + self.negative_weight * beyond

    @staticmethod
    def norms(squares: Tensor) -> Tensor:
        """Sum the squares of positives and the mean squares of their negatives.

        Parameters
        ----------
        squares : Tensor of shape (1 + K,)
            Sums of squares, the positives' first.

        Returns
        -------
        total : Tensor
            A scalar.
        """
        return squares[0] + squares[1:].mean()


class Contrastive(SampledObjective):
    r"""Cosine contrastive loss (CCL of SimpleX).

    .. math:: \sum_{i \in R} (1 - f_{ui}) + w |R| \, \overline{\max(0, f_{uj} - m)}

    is the loss of a row with items R, the mean taken over sampled items that it lacks. A margin
    is no likelihood: the probabilities come from held-out pairs.
    """

    loss = ContrastiveLoss
    fixes_level = False

    def network(self, estimator: Any) -> dict[str, Any]:
        return {
            **super().network(estimator),
            "criterion__margin": estimator.margin,
            "criterion__negative_weight": estimator.negative_weight,
        }

    def row_loss(self, estimator: Any) -> partial:
        return partial(_row_loss, margin=estimator.margin, weight=estimator.negative_weight)

    def link(self, estimator: Any) -> HeldOut:
        return HeldOut()


def _row_loss(rows: SparseRows, free: Tensor, margin: float, weight: float) -> partial:
    # each row's negatives have the same total, an own item counts for none
    total = weight * rows.offsets.diff()
    weights = free * (total / free.sum(1).clamp(min=1))[:, None]
    return partial(_cosines, weights=weights, margin=margin)


def _cosines(positive: Tensor, negative: Tensor, weights: Tensor, margin: float) -> Tensor:
    return (1 - positive).sum() + (weights * (negative - margin).clamp_min(0)).sum()
