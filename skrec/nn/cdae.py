"""Collaborative denoising autoencoder.

Wu, Y., DuBois, C., Zheng, A. X., & Ester, M. (2016). Collaborative denoising auto-encoders for
top-N recommender systems. WSDM. https://doi.org/10.1145/2835776.2835837
"""

from typing import Any

import torch
from torch import Tensor, nn

from skrec.nn.encoders import make_table
from skrec.nn.rows import SparseLinear, SparseRows
from skrec.nn.stacks import make_linear, outputs_of

__all__ = ["CDAE"]


class CDAE(nn.Module):
    r"""Denoising autoencoder of rows with a free vector, a node, for each user.

    .. math:: h_u = \tanh(W^\top \tilde x_u + V_u + b), \qquad f_u = W'^\top h_u + b'

    with a tanh around :math:`f_u` where the output is bounded.

    Parameters
    ----------
    n_users, n_items : int
        Number of rows and columns.
    latent_size : int, default=200
        Width of the hidden layer.
    dropout : float, default=0.5
        Share of the input's entries that is dropped in training.
    bounded : bool, default=True
        Whether scores pass tanh.
    """

    def __init__(
        self,
        n_users: int,
        n_items: int,
        latent_size: int = 200,
        dropout: float = 0.5,
        bounded: bool = True,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.bounded = bounded
        self.first = SparseLinear(n_items, latent_size)
        self.nodes = make_table(n_users, latent_size, 0.01)
        self.last = make_linear(latent_size, n_items)

    def encode(self, rows: SparseRows) -> Tensor:
        """Normalise, drop out in training, and return the code that is added to the node.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        code : Tensor of shape (B, latent_size)
            Without node and activation.
        """
        return self.first(rows.normalized().dropped_out(self.dropout, self.training))

    def hidden(self, rows: SparseRows, nodes: Tensor) -> Tensor:
        """Compute the input of the last layer.

        Parameters
        ----------
        rows : SparseRows
            B rows.
        nodes : Tensor of shape (B, latent_size)
            Nodes of the users.

        Returns
        -------
        hidden : Tensor of shape (B, latent_size)
            The units.
        """
        return torch.tanh(self.encode(rows) + nodes)

    def decode(self, code: Tensor, items: Tensor | None = None) -> Tensor:
        """Compute the scores of an encoded row with its node, of all items or of some.

        Parameters
        ----------
        code : Tensor of shape (B, latent_size)
            Without activation.
        items : Tensor of int64 of shape (m,), default=None
            Columns to return.

        Returns
        -------
        scores : Tensor of shape (B, n_items) or (B, m)
            The scores.
        """
        scores = outputs_of(self.last, torch.tanh(code), items)  # (B, n_items) or (B, m)
        return torch.tanh(scores) if self.bounded else scores

    def forward(
        self, rows: Any, items: Tensor | None = None, nodes: Tensor | None = None
    ) -> tuple[Tensor]:
        """Return scores as a tuple of one, as models with a posterior return more.

        Parameters
        ----------
        rows : SparseRows
            B rows; where no nodes are passed, with ``numbers``, those of their users.
        items : Tensor of int64 of shape (m,), default=None
            Columns to return scores of.
        nodes : Tensor of shape (B, latent_size), default=None
            Nodes of the users; None takes the trained ones.

        Returns
        -------
        output : tuple of Tensor
            Scores of shape (B, n_items) or (B, m).
        """
        beside: Tensor = self.nodes(rows.numbers) if nodes is None else nodes
        return (self.decode(self.encode(rows) + beside, items),)
