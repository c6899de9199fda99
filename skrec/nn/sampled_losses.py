"""Losses over a positive and its sampled negatives, scores of shape (B, 1 + K)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

__all__ = [
    "PairwiseLoss",
    "PointwiseLoss",
    "RatingLoss",
    "SampledLoss",
    "SoftmaxLoss",
    "bpr_nll",
    "mean_of_negatives",
    "pointwise_nll",
    "softmax_nll",
]


def mean_of_negatives(costs: Tensor, n_lacking: Tensor | None = None) -> Tensor:
    """Average the costs of negatives.

    Parameters
    ----------
    costs : Tensor of shape (B, K)
        One for each negative; 0 for those that do not count.
    n_lacking : Tensor of shape (B,), default=None
        How many count in each row; None means all.

    Returns
    -------
    mean : Tensor of shape (B,)
        One value for each row, 0 where none counts.
    """
    if n_lacking is None:
        return costs.mean(dim=1)
    return costs.sum(dim=1) / n_lacking.clamp(min=1)


def bpr_nll(scores: Tensor, n_lacking: Tensor | None = None) -> Tensor:
    r"""Compute the BPR loss, the mean of -ln sigma(f_positive - f_negative).

    Parameters
    ----------
    scores : Tensor of shape (B, 1 + K)
        The positive's first.
    n_lacking : Tensor of shape (B,), default=None
        How many negatives count in each row, see `mean_of_negatives`.

    Returns
    -------
    loss : Tensor of shape (B,)
        One value for each row.
    """
    return mean_of_negatives(F.softplus(scores[:, 1:] - scores[:, :1]), n_lacking)


def softmax_nll(scores: Tensor, log_counts: Tensor | None = None) -> Tensor:
    r"""Compute the sampled softmax loss of logits, the sampling undone.

    .. math:: -\ln \frac{e^{f_{ui}}}{e^{f_{ui}} + \sum_j e^{f_{uj}} / c_{uj}}

    where :math:`c_{uj}` is how often the negative j is expected in the sample, so that the sum is
    an unbiased estimate of that over all items which the user lacks.

    Parameters
    ----------
    scores : Tensor of shape (B, 1 + K)
        Logits f, the positive's first.
    log_counts : Tensor of shape (1, K), (B, 1) or (B, K), default=None
        Logarithms of the c; None means 0.

    Returns
    -------
    loss : Tensor of shape (B,)
        One value for each row.
    """
    others = scores[:, 1:] if log_counts is None else scores[:, 1:] - log_counts
    return F.softplus(torch.logsumexp(others, dim=1) - scores[:, 0])


def pointwise_nll(scores: Tensor) -> Tensor:
    r"""Compute the mean of -ln sigma(f_positive) and -ln sigma(-f_negative), a cross-entropy.

    Parameters
    ----------
    scores : Tensor of shape (B, 1 + K)
        The positive's first.

    Returns
    -------
    loss : Tensor of shape (B,)
        One value for each row.
    """
    positive, negatives = F.softplus(-scores[:, 0]), F.softplus(scores[:, 1:])
    return (positive + negatives.sum(dim=1)) / scores.shape[1]


class _ColumnSquares(torch.autograd.Function):
    """The sum of squares of each column of vectors, without a temporary of their size."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.linalg.vector_norm(x, dim=(0, 2)).square()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return ctx.saved_tensors[0] * (2 * grad[:, None])


def column_squares(vectors: Tensor | Callable[[], Tensor]) -> Tensor:
    """Compute the sums of squares of vectors by column.

    Parameters
    ----------
    vectors : Tensor of shape (B, m, size) or (m,), or callable
        Vectors, or the sums themselves, or a function that computes these.

    Returns
    -------
    squares : Tensor of shape (m,)
        The sums.
    """
    if not isinstance(vectors, Tensor):
        return vectors()
    return vectors if vectors.ndim == 1 else _ColumnSquares.apply(vectors)


class SampledLoss(nn.Module):
    """Mean loss of a batch, and the penalty on the vectors that took part.

    Parameters
    ----------
    l2_users, l2_items : float, default=0.0
        Weights of the squared norms.
    """

    nll: Callable[..., Tensor]
    norms: Callable[[Tensor], Tensor]

    @staticmethod
    def user_norm(squares: Tensor) -> Tensor:
        """Average the squares of users over the pairs of a row.

        Parameters
        ----------
        squares : Tensor of shape (1,) or (1 + K,)
            Sums of squares.

        Returns
        -------
        total : Tensor
            A scalar.
        """
        return squares.mean()

    def __init__(self, l2_users: float = 0.0, l2_items: float = 0.0) -> None:
        super().__init__()
        self.l2_users = l2_users
        self.l2_items = l2_items

    def forward(self, output: tuple[Tensor, Tensor, Tensor], target: Any = None) -> Tensor:
        """Compute the loss of the output of a `PairModel` for a batch.

        Parameters
        ----------
        output : tuple of Tensor
            Scores of shape (B, 1 + K), vectors of users and of items or sums of their squares, or
            a function that computes those.
        target : PairBatch, default=None
            The batch; not used where the first column is the positive.

        Returns
        -------
        loss : Tensor
            A scalar.
        """
        scores, users, items = output
        loss = self._data_term(scores, target)
        if self.l2_users:
            loss = loss + self.l2_users / len(scores) * self.user_norm(column_squares(users))
        if self.l2_items:
            loss = loss + self.l2_items / len(scores) * self.norms(column_squares(items))
        return loss

    def _data_term(self, scores: Tensor, target: Any) -> Tensor:
        n_lacking = None if target is None else target.n_lacking
        if n_lacking is None:
            return self.nll(scores).mean()
        return self.nll(scores, n_lacking).mean()


class PairwiseLoss(SampledLoss):
    r"""Bayesian personalised ranking.

    A triplet costs :math:`-\ln\sigma(f_{ui} - f_{uj}) + \lambda_u |u|^2 + \lambda_i (|i|^2 +
    |j|^2)`; several negatives count as the mean of their triplets.

    Parameters
    ----------
    l2_users, l2_items : float, default=0.0
        The weights :math:`\lambda_u` and :math:`\lambda_i`.
    """

    nll = staticmethod(bpr_nll)

    @staticmethod
    def user_norm(squares: Tensor) -> Tensor:
        """Average the squares of users over triplets, in which each user counts once.

        Parameters
        ----------
        squares : Tensor of shape (1,) or (1 + K,)
            Sums of squares; the first is that beside positives, which lacks what the others have.

        Returns
        -------
        total : Tensor
            A scalar.
        """
        return squares[1:].mean() if len(squares) > 1 else squares[0]

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


class PointwiseLoss(SampledLoss):
    r"""Binary cross-entropy.

    A pair costs :math:`-\ln p + \lambda_u |u|^2 + \lambda_i |i|^2`, where p is the probability of
    its label; the K + 1 pairs of a row are averaged.

    Parameters
    ----------
    l2_users, l2_items : float, default=0.0
        The weights :math:`\lambda_u` and :math:`\lambda_i`.
    """

    nll = staticmethod(pointwise_nll)

    @staticmethod
    def norms(squares: Tensor) -> Tensor:
        """Average the squares of all pairs of a row.

        Parameters
        ----------
        squares : Tensor of shape (1 + K,)
            Sums of squares.

        Returns
        -------
        total : Tensor
            A scalar.
        """
        return squares.mean()


class RatingLoss(SampledLoss):
    r"""Squared error of ratings.

    A rating costs :math:`(f_{ui} - r_{ui})^2 + \lambda_u |u|^2 + \lambda_i |i|^2`.

    Parameters
    ----------
    l2_users, l2_items : float, default=0.0
        The weights :math:`\lambda_u` and :math:`\lambda_i`.
    """

    norms = staticmethod(PointwiseLoss.norms)

    def _data_term(self, scores: Tensor, target: Any) -> Tensor:
        return F.mse_loss(scores[:, 0], target.values)


class SoftmaxLoss(SampledLoss):
    r"""Sampled softmax, corrected for the sampling.

    A positive costs :math:`\text{softmax\_nll}(f / t) + \lambda_u |u|^2 + \lambda_i (|i|^2 +
    \overline{|j|^2})` with the temperature t.

    Parameters
    ----------
    temperature : float, default=1.0
        What scores are divided by.
    l2_users, l2_items : float, default=0.0
        The weights :math:`\lambda_u` and :math:`\lambda_i`.
    """

    norms = staticmethod(PairwiseLoss.norms)

    def __init__(
        self, temperature: float = 1.0, l2_users: float = 0.0, l2_items: float = 0.0
    ) -> None:
        super().__init__(l2_users, l2_items)
        self.temperature = temperature

    def nll(self, scores: Tensor, log_counts: Tensor | None = None) -> Tensor:
        """Compute the loss without penalties.

        Parameters
        ----------
        scores : Tensor of shape (B, 1 + K)
            Scores, the positive's first.
        log_counts : Tensor, default=None
            What `softmax_nll` takes.

        Returns
        -------
        loss : Tensor of shape (B,)
            One value a row.
        """
        return softmax_nll(scores / self.temperature, log_counts)

    def _data_term(self, scores: Tensor, target: Any) -> Tensor:
        return self.nll(scores, None if target is None else target.log_counts).mean()
