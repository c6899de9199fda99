"""The cosine of a user's and an item's vector."""

import torch
from torch import Tensor
from torch.nn import functional as F

from skrec.nn.interactions import Interaction

__all__ = ["Cosine"]

_LEAST_NORM = 1e-6  # a zero vector has cosine 0 with all


class Cosine(Interaction):
    r"""Cosine of two vectors.

    .. math:: f_{ui} = \frac{p_u^\top q_i}{\|p_u\| \, \|q_i\|}

    Parameters
    ----------
    size : int
        Number of factors.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size, size)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user: (B, 1 or m, size), (B, m, size) -> (B, m)."""
        if users.shape[1] == 1:
            products = torch.bmm(items, users[:, 0, :, None])[:, :, 0]  # (B, m)
        else:
            products = (users * items).sum(-1)
        return products / (_norms(users) * _norms(items))

    def item_side(self, items: Tensor) -> Tensor:  # unit vectors, (n_items, size)
        return F.normalize(items, dim=-1, eps=_LEAST_NORM)

    def cross(self, users: Tensor, side: Tensor) -> Tensor:  # (R, size) -> (R, n_items)
        return self.user_factors(users) @ side.T

    def user_factors(self, users: Tensor) -> Tensor:
        """Return the users' side of products that are the cosines.

        Parameters
        ----------
        users : Tensor of shape (R, size)
            Vectors of users.

        Returns
        -------
        factors : Tensor of shape (R, size)
            The vectors, of norm 1.
        """
        return F.normalize(users, dim=-1, eps=_LEAST_NORM)

    def item_factors(self, items: Tensor) -> Tensor:
        """Return the items' side of these products.

        Parameters
        ----------
        items : Tensor of shape (n_items, size)
            Vectors of items.

        Returns
        -------
        factors : Tensor of shape (n_items, size)
            The vectors, of norm 1.
        """
        return self.item_side(items)

    def _pair_bytes(self, users: Tensor) -> int:
        return 4 * users.element_size()  # the score and what is done with it


def _norms(vectors: Tensor) -> Tensor:
    return torch.linalg.vector_norm(vectors, dim=-1).clamp_min(_LEAST_NORM)
