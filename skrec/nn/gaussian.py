"""Gaussian vectors, and scores of pairs of them from draws.

Jiang, J., Yang, D., Xiao, Y., & Shen, C. (2019). Convolutional Gaussian embeddings for personalized
recommendation with uncertainty. IJCAI. https://doi.org/10.24963/ijcai.2019/367
"""

import copy

import torch
from torch.nn import functional as F

from skrec.nn._huge_pages import use_huge_pages
from skrec.nn.encoders import Table
from skrec.nn.interactions import Interaction, chunk_size
from skrec.nn.pairs import PairModel

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


def variance_of(raw):
    r"""Give the variance of a free parameter, :math:`\mathrm{ELU}(x) + 1` and a floor above zero.

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


def split_gaussian(vectors):
    """Give the means and variances that vectors hold.

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


def make_gaussian_table(n_rows, size, std, variance):
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
        Middle of the variances at the start, which lie within half of it around.

    Returns
    -------
    table : Table
        Of width ``2 * size``: means, then free parameters of variances.
    """
    use_huge_pages()
    table = Table(n_rows, 2 * size)
    with torch.no_grad():
        table.weight[:, :size].normal_(0, std)
        start = torch.empty(n_rows, size).uniform_(0.5 * variance, 1.5 * variance)
        start = (start - VARIANCE_FLOOR).clamp(min=VARIANCE_FLOOR)
        table.weight[:, size:] = torch.where(start < 1, start.log(), start - 1)
    return table


class GaussianInteraction(Interaction):
    r"""Base of scores of two Gaussians that are worked out from draws.

    In training each row has fresh noise for its user, the same for all items of the row, and for
    each of its items. Otherwise noise is fixed by the
    number of the draw and the same for all users, and for all items, so that the answer for a row
    does not depend on other rows; the scores of several draws are averaged.

    Parameters
    ----------
    size : int
        Dimensions of the Gaussians.
    n_draws : int, default=9
        Vectors K drawn from each Gaussian for one score.
    average : {"probability", "score"}, default="probability"
        What is averaged over draws: with ``"probability"`` the score is the logit of the mean
        probability.
    """

    def __init__(self, size, n_draws=9, average="probability"):
        super().__init__(2 * size, 2 * size)
        self.size = size
        self.n_draws = n_draws
        self.average = average
        self.draws = (0,)

    def under(self, draws):
        """Give the same interaction under other draws; the weights are shared.

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

    def forward(self, users, items):
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
        if self.training:
            noise = [
                torch.randn(*side.shape[:2], self.n_draws, self.size).to(side)
                for side in (users, items)
            ]
            return self._drawn(users, items, *noise)
        return self._averaged(lambda noise: self._drawn(users, items, *noise), users)

    def _drawn(self, users, items, user_noise, item_noise):
        user_side = self.user_side(reparameterised(users, user_noise))
        return self.pair(user_side, self.items_side(reparameterised(items, item_noise)))

    def cross(self, users, side):
        """Score all pairs of some users and items, streaming over the items.

        The side of the users is worked out once a draw, that of the items once a draw and block
        of users.

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

    def _crossed(self, users, items, user_noise, item_noise):
        user_side = self.user_side(reparameterised(users[:, None], user_noise))
        parts = []
        for chunk in items.split(chunk_size(len(users) * self._pair_bytes(users))):
            item_side = self.items_side(reparameterised(chunk[None], item_noise))
            parts.append(self.pair(user_side, item_side))  # (R, c)
        return torch.cat(parts, dim=1)

    def _averaged(self, score, like):
        """Average what a function of the noise gives over the draws."""
        scores = [score(self.noise(draw, like)) for draw in self.draws]
        if len(scores) == 1:
            return scores[0]
        scores = torch.stack(scores)  # (n_draws, ...)
        return scores.mean(0) if self.average == "score" else mean_logit(scores)

    def noise(self, draw, like):
        """Give the noise of a draw.

        Parameters
        ----------
        draw : int
            Its number.
        like : Tensor
            Of the type and device that are wanted.

        Returns
        -------
        user_noise, item_noise : Tensor of shape (n_draws, size)
            Standard normal.
        """
        generator = torch.Generator().manual_seed(draw)
        both = torch.randn(2, self.n_draws, self.size, generator=generator)
        return both.to(like).unbind()

    def user_side(self, z):
        """Work out what depends on draws of users alone.

        Parameters
        ----------
        z : Tensor of shape (..., n_draws, size)
            Draws.

        Returns
        -------
        side : Tensor of shape (..., n, width)
            What `pair` takes.
        """
        return z

    def items_side(self, z):
        """Work out what depends on draws of items alone.

        Parameters
        ----------
        z : Tensor of shape (..., n_draws, size)
            Draws.

        Returns
        -------
        side : Tensor of shape (..., n, width)
            What `pair` takes.
        """
        return z

    def pair(self, users, items):
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
        What makes a score of two Gaussians.
    """

    def forward(self, batch):
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
        size = self.interaction.size
        return scores, users[..., :size], items[..., :size]

    def under(self, draws):
        """Give the same model under other draws; the weights are shared.

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


def reparameterised(vectors, noise):
    """Draw from Gaussians (equation 6).

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


def mean_logit(logits, dim=0):
    """Give the logit of the mean of probabilities, without leaving the logarithmic scale.

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
