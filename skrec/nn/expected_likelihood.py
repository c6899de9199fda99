"""The inner product of two Gaussians (GER).

Vilnis, L., & McCallum, A. (2015). Word representations via Gaussian embedding. ICLR.
https://arxiv.org/abs/1412.6623
"""

import copy
import math
from collections.abc import Iterable

import torch
from torch import Tensor

from skrec.nn.gaussian import split_gaussian
from skrec.nn.interactions import Interaction

__all__ = ["ExpectedLikelihood"]


class ExpectedLikelihood(Interaction):
    r"""Logarithm of the inner product of two Gaussians (GER).

    .. math:: f_{ui} = \ln \int \mathcal N(x; \mu_u, \Sigma_u) \, \mathcal N(x; \mu_i, \Sigma_i)
        \, dx = \ln \mathcal N(0; \mu_u - \mu_i, \Sigma_u + \Sigma_i)

    Under a draw the user is a point: :math:`\ln \mathcal N(z_u; \mu_i, \Sigma_i)`, whose
    exponential has the inner product as its mean.

    Parameters
    ----------
    size : int
        Dimensions of the Gaussians.
    """

    def __init__(self, size: int) -> None:
        super().__init__(2 * size, 2 * size)
        self.size = size
        self.draw: int | None = None

    def under(self, draws: Iterable[int]) -> "ExpectedLikelihood":
        """Return the same interaction, under one draw of the users if draws has one.

        Parameters
        ----------
        draws : iterable of int
            Numbers of draws; with one the user is that draw, else the inner product is exact.

        Returns
        -------
        interaction : ExpectedLikelihood
            For use outside training.
        """
        other, numbers = copy.copy(self), tuple(draws)
        other.draw = numbers[0] if len(numbers) == 1 else None
        return other

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user: (B, 1 or m, 2 size), (B, m, 2 size) -> (B, m)."""
        mean, variance = split_gaussian(users)
        item_mean, item_variance = split_gaussian(items)
        if self.draw is not None:
            generator = torch.Generator().manual_seed(self.draw)
            noise = torch.randn(self.size, generator=generator).to(mean)
            mean, variance = mean + noise * variance.sqrt(), torch.zeros_like(variance)
        variance = variance + item_variance
        exponent = (mean - item_mean).square() / variance + variance.log()
        return -0.5 * (exponent.sum(-1) + self.size * math.log(2 * math.pi))

    def _pair_bytes(self, users: Tensor) -> int:
        return 4 * users.element_size() * self.size
