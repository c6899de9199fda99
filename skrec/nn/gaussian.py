"""Gaussian vectors, and scores of pairs of them from draws.

Jiang, J., Yang, D., Xiao, Y., & Shen, C. (2019). Convolutional Gaussian embeddings for personalized
recommendation with uncertainty. IJCAI. https://doi.org/10.24963/ijcai.2019/367
"""

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any, Self, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from skrec.nn._huge_pages import use_huge_pages
from skrec.nn._random import randn
from skrec.nn.encoders import EmbeddingTable
from skrec.nn.interactions import Interaction, chunk_size
from skrec.nn.losses import gaussian_kl
from skrec.nn.pairs import PairBatch, PairModel

__all__ = [
    "GaussianInteraction",
    "GaussianPairModel",
    "make_gaussian_table",
    "mean_logit",
    "reparameterised",
    "split_gaussian",
    "variance_of",
]

VARIANCE_FLOOR = 1e-4


def variance_of(raw: Tensor) -> Tensor:
    r"""Return the variance of a free parameter, :math:`\mathrm{ELU}(x) + 1` and a floor above zero.

    Parameters
    ----------
    raw : Tensor
        Free parameters.

    Returns
    -------
    variance : Tensor of the same shape
        Not below 1e-4, where the exponential alone would underflow.
    """
    return F.elu(raw) + (1 + VARIANCE_FLOOR)


def split_gaussian(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Split vectors into means and variances.

    Parameters
    ----------
    vectors : Tensor of shape (..., 2 * size)
        Means, and free parameters of variances.

    Returns
    -------
    mean, variance : Tensor of shape (..., size)
        Those of diagonal Gaussians.
    """
    mean, raw = vectors.chunk(2, dim=-1)
    return mean, variance_of(raw)


def make_gaussian_table(n_rows: int, size: int, std: float, variance: float) -> EmbeddingTable:
    """Make a table of Gaussians (equations 4 and 5).

    Parameters
    ----------
    n_rows : int
        Number of Gaussians.
    size : int
        Their dimensions.
    std : float
        Deviation of the means at the start.
    variance : float
        Middle of the variances at the start, which are 0.5 to 1.5 times as large.

    Returns
    -------
    table : EmbeddingTable
        Of width ``2 * size``: means, then free parameters of variances.
    """
    use_huge_pages()
    table = EmbeddingTable(n_rows, 2 * size)
    with torch.no_grad():
        table.weight[:, :size].normal_(0, std)
        start = torch.empty(n_rows, size).uniform_(0.5 * variance, 1.5 * variance)
        start = (start - VARIANCE_FLOOR).clamp(min=VARIANCE_FLOOR)
        table.weight[:, size:] = torch.where(start < 1, start.log(), start - 1)
    return table


class GaussianInteraction(Interaction):
    r"""Base of scores of two Gaussians that are computed from draws.

    In training each row has fresh noise for its user, the same for all items of the row unless
    ``shared_draws`` is False, and for each of its items. Otherwise noise is fixed by the number of
    the draw, and the same for all users and for all items, so that the scores of a row do not
    depend on other rows. The scores of several draws are averaged.

    Parameters
    ----------
    size : int
        Dimensions of the Gaussians.
    n_draws : int, default=9
        Vectors K drawn from each Gaussian for one score; with 0 the means stand for their
        Gaussians.
    average : {"probability", "score"}, default="probability"
        The quantity that is averaged over draws: with ``"probability"`` the score is the logit of
        the mean probability.
    shared_draws : bool, default=True
        Whether the items of a row share the noise of their user in training.
    """

    def __init__(
        self,
        size: int,
        n_draws: int = 9,
        average: str = "probability",
        *,
        shared_draws: bool = True,
    ) -> None:
        super().__init__(2 * size, 2 * size)
        self.size = size
        self.n_draws = n_draws
        self.average = average
        self.shared_draws = shared_draws
        self.draws: tuple[int, ...] = (0,)

    def under(self, draws: Iterable[int]) -> Self:
        """Return the same interaction under other draws; the weights are shared.

        Parameters
        ----------
        draws : iterable of int
            Numbers of draws.

        Returns
        -------
        interaction : GaussianInteraction
            For use outside training.
        """
        other = copy.copy(self)
        other.draws = tuple(draws)
        return other

    def without_draws(self) -> Interaction:
        """Return a function that needs no draws and ranks nearly as this one does.

        Returns
        -------
        interaction : Interaction
            For use outside training; here the score of the means.
        """
        other = copy.copy(self)
        other.n_draws = 0
        return other

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user.

        Parameters
        ----------
        users : Tensor of shape (B, 1, 2 * size) or (B, m, 2 * size)
            Gaussians of users, one for all items of a row or one an item.
        items : Tensor of shape (B, m, 2 * size)
            Gaussians of items.

        Returns
        -------
        scores : Tensor of shape (B, m)
            The scores.
        """
        if self.training and self.n_draws:
            if not self.shared_draws:
                users = users.expand(-1, items.shape[1], -1)
            noise = [
                randn(*side.shape[:2], self.n_draws, self.size).to(side) for side in (users, items)
            ]
            return self._drawn(users, items, *noise)
        return self._averaged(lambda noise: self._drawn(users, items, *noise), users)

    def _drawn(
        self, users: Tensor, items: Tensor, user_noise: Tensor, item_noise: Tensor
    ) -> Tensor:
        user_side = self.user_side(reparameterised(users, user_noise))
        return self.pair(user_side, self.items_side(reparameterised(items, item_noise)))

    def cross(self, users: Tensor, side: Tensor) -> Tensor:
        """Score all pairs of some users and items, streaming over the items.

        The side of the users is computed once a draw, that of the items once a draw and block of
        users.

        Parameters
        ----------
        users : Tensor of shape (R, 2 * size)
            Gaussians of users.
        side : Tensor of shape (n_items, 2 * size)
            Gaussians of items.

        Returns
        -------
        scores : Tensor of shape (R, n_items)
            The scores.
        """
        return self._averaged(lambda noise: self._crossed(users, side, *noise), users)

    def _crossed(
        self, users: Tensor, items: Tensor, user_noise: Tensor, item_noise: Tensor
    ) -> Tensor:
        user_side = self.user_side(reparameterised(users[:, None], user_noise))
        parts = []
        for chunk in items.split(chunk_size(len(users) * self._pair_bytes(users))):
            item_side = self.items_side(reparameterised(chunk[None], item_noise))
            parts.append(self.pair(user_side, item_side))  # (R, c)
        return torch.cat(parts, dim=1)

    def _averaged(self, score: Callable[[tuple[Tensor, Tensor]], Tensor], like: Tensor) -> Tensor:
        """Average a function of the noise over the draws."""
        draws = self.draws if self.n_draws else (0,)
        parts = [score(self.noise(draw, like)) for draw in draws]
        if len(parts) == 1:
            return parts[0]
        scores = torch.stack(parts)  # (n_draws, ...)
        return scores.mean(0) if self.average == "score" else mean_logit(scores)

    def noise(self, draw: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """Sample the noise of a draw.

        Parameters
        ----------
        draw : int
            Its number.
        like : Tensor
            A tensor of the type and device that are wanted.

        Returns
        -------
        user_noise, item_noise : Tensor of shape (n_draws, size)
            Standard normal; of shape (1, size) and zero where the means stand for Gaussians.
        """
        if not self.n_draws:
            zero = like.new_zeros(1, self.size)
            return zero, zero
        generator = torch.Generator().manual_seed(draw)
        both = torch.randn(2, self.n_draws, self.size, generator=generator)
        user_noise, item_noise = both.to(like).unbind()
        return user_noise, item_noise

    def user_side(self, z: Tensor) -> Tensor:
        """Compute what depends on draws of users alone.

        Parameters
        ----------
        z : Tensor of shape (..., n_draws, size)
            Draws.

        Returns
        -------
        side : Tensor of shape (..., n, width)
            The argument of `pair`.
        """
        return z

    def items_side(self, z: Tensor) -> Tensor:
        """Compute what depends on draws of items alone.

        Parameters
        ----------
        z : Tensor of shape (..., n_draws, size)
            Draws.

        Returns
        -------
        side : Tensor of shape (..., n, width)
            The argument of `pair`.
        """
        return z

    def pair(self, users: Tensor, items: Tensor) -> Tensor:
        """Score pairs of sides.

        Parameters
        ----------
        users : Tensor of shape (B, 1, n, width) or (B, m, n, width)
            Sides of users.
        items : Tensor of shape (B, m, n, width) or (1, m, n, width)
            Sides of items.

        Returns
        -------
        scores : Tensor of shape (B, m)
            The scores.
        """
        raise NotImplementedError


class GaussianPairModel(PairModel):
    """Pairs of Gaussians; the penalties are those of the means.

    Parameters
    ----------
    users : torch.nn.Module
        Encoder of users, of width twice the dimensions.
    items : torch.nn.Embedding
        Gaussians of the items.
    interaction : GaussianInteraction or ExpectedLikelihood
        The function that makes a score of two Gaussians.
    """

    interaction: Any

    def forward(self, batch: PairBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Score a batch.

        Parameters
        ----------
        batch : PairBatch
            Positives and their negatives.

        Returns
        -------
        scores : Tensor of shape (B, 1 + K)
            The scores.
        user_means : Tensor of shape (B, 1 or 1 + K, size)
            Means of the users.
        item_means : Tensor of shape (B, 1 + K, size)
            Means of the items.
        """
        scores, users, items = super().forward(batch)
        users, items = cast("Tensor", users), cast("Tensor", items)  # those of free vectors
        size = self.interaction.size
        return scores, users[..., :size], items[..., :size]

    def under(self, draws: Iterable[int]) -> "GaussianPairModel":
        """Return the same model under other draws; the weights are shared.

        Parameters
        ----------
        draws : iterable of int
            Numbers of draws.

        Returns
        -------
        model : GaussianPairModel
            For use outside training.
        """
        model = GaussianPairModel(self.users, self.items, self.interaction.under(draws))
        return model.train(self.training)

    def without_draws(self) -> PairModel:
        """Return a model that needs no draws and ranks nearly as this one does.

        Returns
        -------
        model : PairModel
            For use outside training.
        """
        return PairModel(self.users, self.items, self.interaction.without_draws()).eval()

    def divergence(self, prior_variance: float) -> Tensor:
        r"""Sum the divergences of all Gaussians, of users and of items, from a prior.

        .. math:: \sum_e \mathrm{KL}(\mathcal N(\mu_e, \Sigma_e) \,\|\, \mathcal N(0, s^2 I))

        Parameters
        ----------
        prior_variance : float
            The variance :math:`s^2`.

        Returns
        -------
        divergence : Tensor
            A scalar.
        """
        total = self.items.weight.new_zeros(())
        prior = total, total + math.log(prior_variance)
        for table in (self.users.free, self.items):
            mean, variance = split_gaussian(table.weight)
            total = total + gaussian_kl(mean, variance.log(), *prior).sum()
        return total


def reparameterised(vectors: Tensor, noise: Tensor) -> Tensor:
    """Sample from Gaussians (equation 6).

    Parameters
    ----------
    vectors : Tensor of shape (B, m, 2 * size)
        Gaussians.
    noise : Tensor of shape (n_draws, size) or (B, m, n_draws, size)
        Standard normal.

    Returns
    -------
    z : Tensor of shape (B, m, n_draws, size)
        Draws.
    """
    mean, variance = split_gaussian(vectors)
    return torch.addcmul(mean[..., None, :], variance.sqrt()[..., None, :], noise)


def mean_logit(logits: Tensor, dim: int = 0) -> Tensor:
    """Compute the logit of the mean of probabilities, without leaving the logarithmic scale.

    Parameters
    ----------
    logits : Tensor
        Logits of the probabilities.
    dim : int, default=0
        Dimension to average over.

    Returns
    -------
    logit : Tensor
        Without that dimension.
    """
    ones, zeros = F.logsigmoid(logits), F.logsigmoid(-logits)
    return ones.logsumexp(dim) - zeros.logsumexp(dim)
