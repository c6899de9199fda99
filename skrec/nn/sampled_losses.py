"""Losses over a positive and its sampled negatives, scores of shape (B, 1 + K)."""

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

__all__ = ["PairwiseLoss", "PointwiseLoss", "RatingLoss", "SampledLoss", "bpr_nll", "pointwise_nll"]


def bpr_nll(scores):
    r"""Bayesian personalised ranking: the mean of -ln sigma(f_positive - f_negative).

    Parameters
    ----------
    scores : Tensor of shape (B, 1 + K)
        The positive's first.

    Returns
    -------
    loss : Tensor of shape (B,)
        One value a row.
    """
    return F.softplus(scores[:, 1:] - scores[:, :1]).mean(dim=1)


def pointwise_nll(scores):
    r"""Binary cross-entropy: the mean of -ln sigma(f_positive) and -ln sigma(-f_negative).

    Parameters
    ----------
    scores : Tensor of shape (B, 1 + K)
        The positive's first.

    Returns
    -------
    loss : Tensor of shape (B,)
        One value a row.
    """
    positive, negatives = F.softplus(-scores[:, 0]), F.softplus(scores[:, 1:])
    return (positive + negatives.sum(dim=1)) / scores.shape[1]


class _SquaredNorm(torch.autograd.Function):
    """The sum of squares in one pass forward and one backward."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        flat = x.reshape(-1)
        return torch.dot(flat, flat)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return ctx.saved_tensors[0] * (2 * grad)


squared_norm = _SquaredNorm.apply


class SampledLoss(nn.Module):
    """Mean loss of a batch, and the penalty on the vectors that took part.

    Parameters
    ----------
    l2_users, l2_items : float, default=0.0
        Weights of the squared norms.
    """

    def __init__(self, l2_users=0.0, l2_items=0.0):
        super().__init__()
        self.l2_users = l2_users
        self.l2_items = l2_items

    def forward(self, output, target=None):
        """Give the loss of what a `PairModel` gave for a batch.

        Parameters
        ----------
        output : tuple of Tensor
            Scores of shape (B, 1 + K), vectors of users and of items.
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
            loss = loss + self.l2_users / (len(users) * users.shape[1]) * squared_norm(users)
        if self.l2_items:
            loss = loss + self.l2_items / len(items) * self.norms(items)
        return loss

    def _data_term(self, scores, target):
        return self.nll(scores).mean()


class PairwiseLoss(SampledLoss):
    r"""Bayesian personalised ranking.

    A triplet costs :math:`-\ln\sigma(f_{ui} - f_{uj}) + \lambda_u |u|^2 + \lambda_i (|i|^2 +
    |j|^2)`; several negatives count as the mean of their triplets.

    Parameters
    ----------
    l2_users, l2_items : float, default=0.0
        The weights :math:`\lambda_u` and :math:`\lambda_i`.
    """

    pairwise = True
    nll = staticmethod(bpr_nll)

    @staticmethod
    def norms(items):
        """Sum the squared norms of positives and the mean one of their negatives.

        Parameters
        ----------
        items : Tensor of shape (B, 1 + K, size)
            Vectors of items.

        Returns
        -------
        total : Tensor
            A scalar.
        """
        if items.shape[1] == 2:
            return squared_norm(items)
        negatives = squared_norm(items[:, 1:]) / (items.shape[1] - 1)
        return squared_norm(items[:, 0]) + negatives


class PointwiseLoss(SampledLoss):
    r"""Binary cross-entropy.

    A pair costs :math:`-\ln p + \lambda_u |u|^2 + \lambda_i |i|^2`, where p is the probability of
    what it is; the K + 1 pairs of a row are averaged.

    Parameters
    ----------
    l2_users, l2_items : float, default=0.0
        The weights :math:`\lambda_u` and :math:`\lambda_i`.
    """

    pairwise = False
    nll = staticmethod(pointwise_nll)

    @staticmethod
    def norms(items):
        """Sum the mean squared norm of each row's items.

        Parameters
        ----------
        items : Tensor of shape (B, 1 + K, size)
            Vectors of items.

        Returns
        -------
        total : Tensor
            A scalar.
        """
        return squared_norm(items) / items.shape[1]


class RatingLoss(SampledLoss):
    r"""Squared error of ratings.

    A rating costs :math:`(f_{ui} - r_{ui})^2 + \lambda_u |u|^2 + \lambda_i |i|^2`.

    Parameters
    ----------
    l2_users, l2_items : float, default=0.0
        The weights :math:`\lambda_u` and :math:`\lambda_i`.
    """

    pairwise = False
    norms = staticmethod(PointwiseLoss.norms)

    def _data_term(self, scores, target):
        return F.mse_loss(scores[:, 0], target.values)
