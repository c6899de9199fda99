"""Negative log-likelihoods of whole rows, which take logits and `SparseRows`, and divergences.

Each returns one value for each row.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from skrec.nn.rows import SparseRows

__all__ = [
    "gaussian_kl",
    "gaussian_log_density",
    "gaussian_nll",
    "logistic_nll",
    "mixture_log_density",
    "multinomial_nll",
    "observed_nll",
    "standard_normal_kl",
]

_CHUNK = 2**20  # logits that stay in cache between two passes over them


class _MultinomialNLL(torch.autograd.Function):
    """One fused log-softmax forward; backward turns its own copy of it into the gradient."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, indices: Tensor, row: Tensor, values: Tensor) -> Tensor:
        log_proba = torch.log_softmax(logits, dim=1)  # (B, n_items)
        ctx.log_proba = log_proba
        ctx.save_for_backward(logits, indices, row, values)
        stored = values * log_proba[row, indices]  # (nnz,)
        return logits.new_zeros(len(logits)).index_add_(0, row, -stored)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        logits, indices, row, values = ctx.saved_tensors
        out, ctx.log_proba = ctx.log_proba, None
        if out is None:  # a second pass backward: the first one used the buffer up
            out = torch.log_softmax(logits, dim=1)
        weight = grad.new_zeros(len(grad)).index_add_(0, row, values) * grad  # (B,)
        size = max(1, _CHUNK // out.shape[1]) if out.device.type == "cpu" else len(out)
        for part, scale in zip(out.split(size), weight.split(size)):
            part.exp_().mul_(scale[:, None])
        out.index_put_((row, indices), -values * grad[row], accumulate=True)
        return out, None, None, None


def multinomial_nll(logits: Tensor, rows: SparseRows) -> Tensor:
    r"""Compute the negative multinomial log-likelihood, without the constant coefficient.

    .. math:: -\sum_i x_{ui} \log \operatorname{softmax}(f_u)_i

    Parameters
    ----------
    logits : Tensor of shape (B, n_items)
        The scores f.
    rows : SparseRows
        The batch x.

    Returns
    -------
    loss : Tensor of shape (B,)
        One value for each row.
    """
    return _MultinomialNLL.apply(logits, rows.indices, rows.row, rows.values)


def logistic_nll(logits: Tensor, rows: SparseRows) -> Tensor:
    r"""Compute the negative Bernoulli log-likelihood of every entry of the row.

    .. math:: -\sum_i x_{ui} \log \sigma(f_{ui}) + (1 - x_{ui}) \log (1 - \sigma(f_{ui}))

    Parameters
    ----------
    logits : Tensor of shape (B, n_items)
        The scores f.
    rows : SparseRows
        The batch x.

    Returns
    -------
    loss : Tensor of shape (B,)
        One value for each row.
    """
    stored = rows.values * logits[rows.row, rows.indices]
    return F.softplus(logits).sum(dim=1) - rows.sum(stored)


def gaussian_nll(logits: Tensor, rows: SparseRows, c1: float = 1.0, c0: float = 0.1) -> Tensor:
    r"""Compute the negative Gaussian log-likelihood with confidence weights, without its constant.

    .. math:: \sum_i \tfrac{c_{ui}}{2} (x_{ui} - f_{ui})^2,
        \qquad c_{ui} = c_1 \text{ if stored, else } c_0

    Parameters
    ----------
    logits : Tensor of shape (B, n_items)
        The scores f.
    rows : SparseRows
        The batch x.
    c1, c0 : float
        Weights of stored and of other entries, ``c1 > c0``.

    Returns
    -------
    loss : Tensor of shape (B,)
        One value for each row.
    """
    predicted = logits[rows.row, rows.indices]
    stored = c1 * (rows.values - predicted) ** 2 - c0 * predicted**2
    return 0.5 * (c0 * logits.square().sum(dim=1) + rows.sum(stored))


def observed_nll(predicted: Tensor, rows: SparseRows) -> Tensor:
    r"""Compute the negative Gaussian log-likelihood of the stored entries, without its constant.

    .. math:: \tfrac12 \sum_{i \in R_u} (x_{ui} - f_{ui})^2

    Parameters
    ----------
    predicted : Tensor of shape (nnz,)
        The scores f of the stored entries.
    rows : SparseRows
        The batch x; a stored zero is an entry.

    Returns
    -------
    loss : Tensor of shape (B,)
        One value for each row.
    """
    return 0.5 * rows.sum((rows.values - predicted).square())


def standard_normal_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    r"""Compute the Kullback-Leibler divergence of a diagonal Gaussian from N(0, I).

    .. math:: \tfrac12 \sum_k \sigma_k^2 + \mu_k^2 - 1 - \log \sigma_k^2

    Parameters
    ----------
    mean, log_variance : Tensor of shape (B, latent_size)
        Parameters of the Gaussians.

    Returns
    -------
    divergence : Tensor of shape (B,)
        One value for each row.
    """
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(dim=1)


def gaussian_kl(
    mean: Tensor, log_variance: Tensor, prior_mean: Tensor, prior_log_variance: Tensor
) -> Tensor:
    r"""Compute the Kullback-Leibler divergence of diagonal Gaussians from others.

    .. math:: \tfrac12 \sum_k \frac{\sigma_k^2 + (\mu_k - m_k)^2}{s_k^2} - 1
        - \log \frac{\sigma_k^2}{s_k^2}

    Parameters
    ----------
    mean, log_variance : Tensor of shape (B, latent_size)
        Parameters of the Gaussians.
    prior_mean, prior_log_variance : Tensor of shape (B, latent_size)
        Parameters of the others.

    Returns
    -------
    divergence : Tensor of shape (B,)
        One value for each row.
    """
    log_ratio = log_variance - prior_log_variance
    distance = (mean - prior_mean).square() * torch.exp(-prior_log_variance)
    return 0.5 * (log_ratio.exp() + distance - 1 - log_ratio).sum(dim=1)


def gaussian_log_density(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Compute the logarithm of the density of diagonal Gaussians.

    Parameters
    ----------
    z : Tensor of shape (B, latent_size)
        Points.
    mean, log_variance : Tensor of shape (B, latent_size) or (latent_size,)
        A Gaussian for each point, or one for all.

    Returns
    -------
    log_density : Tensor of shape (B,)
        One value for each row.
    """
    distance = (z - mean).square() * torch.exp(-log_variance)
    return -0.5 * (distance + log_variance + math.log(2 * math.pi)).sum(dim=1)


def mixture_log_density(
    z: Tensor, means: Tensor, log_variances: Tensor, log_weights: Tensor | None = None
) -> Tensor:
    r"""Compute the logarithm of the density of a mixture of diagonal Gaussians.

    .. math:: \log \sum_k w_k N(z; \mu_k, \operatorname{diag} \sigma_k^2)

    Squares are multiplied out, so that points and components meet in two matrix products.

    Parameters
    ----------
    z : Tensor of shape (B, latent_size)
        Points.
    means, log_variances : Tensor of shape (K, latent_size)
        The components.
    log_weights : Tensor of shape (K,), default=None
        Logarithms of their weights; None takes 1 / K for each.

    Returns
    -------
    log_density : Tensor of shape (B,)
        One value for each row.
    """
    centre = means.mean(dim=0).detach()  # near zero, so that little cancels
    z, means = z - centre, means - centre
    precision = torch.exp(-log_variances)
    constant = (means.square() * precision + log_variances).sum(dim=1)
    constant = constant + means.shape[1] * math.log(2 * math.pi)
    crossed = z.square() @ precision.T - 2 * z @ (means * precision).T  # (B, K)
    if log_weights is None:
        return torch.logsumexp(-0.5 * (crossed + constant), dim=1) - math.log(len(means))
    return torch.logsumexp(log_weights - 0.5 * (crossed + constant), dim=1)
