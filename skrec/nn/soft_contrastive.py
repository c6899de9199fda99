"""The mean over pairs of draws of a probability by their distance (MoG).

Oh, S. J., Murphy, K., Pan, J., Roth, J., Schroff, F., & Gallagher, A. (2019). Modeling uncertainty
with hedged instance embedding. ICLR. https://arxiv.org/abs/1810.00319
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.nn.gaussian import GaussianInteraction, mean_logit, split_gaussian
from skrec.nn.interactions import Interaction

__all__ = ["SoftContrastive"]


class SoftContrastive(GaussianInteraction):
    r"""Mean over all pairs of draws of a probability that falls with their distance (MoG).

    .. math:: p_{ui} = \frac{1}{K^2} \sum_{k, l} \sigma(-a \|z_u^k - z_i^l\|_2 + b), \qquad a > 0

    The score is the logit of this mean.

    Parameters
    ----------
    size : int
        Dimensions of the Gaussians.
    n_draws : int, default=9
        Vectors K drawn from each Gaussian; with 0 the distance is that of the means.
    average : {"probability", "score"}, default="probability"
        The quantity that is averaged over several draws of K vectors.
    distance : float, default=1.0
        The distance at which the probability starts at one half.

    References
    ----------
    Oh, S. J., Murphy, K., Pan, J., Roth, J., Schroff, F., & Gallagher, A. (2019). Modeling
    uncertainty with hedged instance embedding. ICLR. https://arxiv.org/abs/1810.00319
    """

    def __init__(
        self,
        size: int,
        n_draws: int = 9,
        average: str = "probability",
        distance: float = 1.0,
    ) -> None:
        super().__init__(size, n_draws, average)
        self.raw_slope = nn.Parameter(torch.tensor(math.log(math.expm1(1.0))))  # a = 1
        self.bias = nn.Parameter(torch.tensor(float(distance)))

    def pair(self, users: Tensor, items: Tensor) -> Tensor:
        """Score pairs of draws.

        Parameters
        ----------
        users : Tensor of shape (B, 1, K, size) or (B, m, K, size)
            Draws of users.
        items : Tensor of shape (B, m, K, size) or (1, m, K, size)
            Draws of items.

        Returns
        -------
        scores : Tensor of shape (B, m)
            The scores.
        """
        logits = self.bias - F.softplus(self.raw_slope) * distances(users, items)  # (B, m, K, K)
        return mean_logit(logits.flatten(-2), dim=-1)

    def _pair_bytes(self, users: Tensor) -> int:
        return 6 * users.element_size() * max(1, self.n_draws) ** 2

    def without_draws(self) -> Interaction:
        """Return the function of the expected squared distance in place of drawn ones.

        Returns
        -------
        interaction : ExpectedDistance
            For use outside training.
        """
        if not self.n_draws:  # exact as it is
            return self
        return ExpectedDistance(self.size, F.softplus(self.raw_slope), self.bias)


class ExpectedDistance(Interaction):
    r"""Log odds that fall with the root of the expected squared distance of two Gaussians.

    .. math:: f_{ui} = b - a \sqrt{\|\mu_u - \mu_i\|^2 + \mathrm{tr}(\Sigma_u + \Sigma_i)}

    Parameters
    ----------
    size : int
        Dimensions of the Gaussians.
    slope, bias : Tensor
        The numbers a and b.
    """

    def __init__(self, size: int, slope: Tensor, bias: Tensor) -> None:
        super().__init__(2 * size, 2 * size)
        self.slope, self.bias = slope.detach(), bias.detach()

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user: (B, 1 or m, 2 size), (B, m, 2 size) -> (B, m)."""
        mean, variance = split_gaussian(users)
        item_mean, item_variance = split_gaussian(items)
        squares = (mean - item_mean).square() + variance + item_variance
        return self.bias - self.slope * squares.sum(-1).sqrt()

    def _cross_chunk(self, users: Tensor, side: Tensor) -> Tensor:
        mean, variance = split_gaussian(users)
        item_mean, item_variance = split_gaussian(side)
        own = (mean.square() + variance).sum(-1)[:, None]
        others = (item_mean.square() + item_variance).sum(-1)
        squares = own + others - 2 * mean @ item_mean.T  # (R, c): one matrix product
        return self.bias - self.slope * squares.clamp(min=1e-12).sqrt()


def distances(users: Tensor, items: Tensor) -> Tensor:
    """Compute the distances of all draws of users and of items.

    Parameters
    ----------
    users : Tensor of shape (B, 1, K, size) or (B, m, K, size)
        Draws of users.
    items : Tensor of shape (B, m, K, size) or (1, m, K, size)
        Draws of items.

    Returns
    -------
    distances : Tensor of shape (B, m, K, K)
        Euclidean, with a row for each draw of the user.
    """
    squares = users.square().sum(-1)[..., None] + items.square().sum(-1)[..., None, :]
    if users.shape[1] == 1 and items.shape[0] == 1:  # all pairs: one matrix product
        products = torch.einsum("rkd,cld->rckl", users[:, 0], items[0])
    else:
        products = users @ items.transpose(-1, -2)
    return (squares - 2 * products).clamp(min=1e-12).sqrt()
