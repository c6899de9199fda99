"""Interaction functions of neural collaborative filtering: GMF, MLP, NeuMF and JRL."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.nn._random import dropout
from skrec.nn.interactions import Dot, Interaction, ItemSide

__all__ = ["GMF", "JRL", "NCFMLP", "NeuMF", "Tower"]


class Tower(nn.Module):
    r"""The part of a perceptron above its first layer: ReLUs, more layers, and the output.

    .. math:: \phi_1 = \mathrm{relu}(x), \quad \phi_l = \mathrm{relu}(W_l \phi_{l-1} + b_l),
        \quad f = h^\top \phi_L \; [+ b]

    Parameters
    ----------
    hidden_sizes : sequence of int
        Widths of the hidden layers, the first included.
    dropout : float, default=0.0
        Share of the entries of hidden layers that is dropped in training.
    bias : bool, default=False
        Whether the output has a bias.
    """

    def __init__(
        self, hidden_sizes: Sequence[int], dropout: float = 0.0, bias: bool = False
    ) -> None:
        super().__init__()
        self.dropout = dropout
        layers = [nn.Linear(a, b) for a, b in pairwise(hidden_sizes)]
        self.layers = nn.ModuleList(layers)
        self.output = nn.Linear(hidden_sizes[-1], 1, bias=bias)
        for layer in layers:
            init_relu_(layer, layer.in_features)

    def forward(self, x: Tensor) -> Tensor:
        """Compute scores from the first layer's output, (..., hidden_sizes[0]) -> (...).

        The input is overwritten. It should be no view, for autograd copies where views are
        overwritten; the output of a layer on two dimensions is none.
        """
        shape = x.shape[:-1]
        x = self._activate(x).flatten(0, -2)
        for layer in self.layers:
            x = self._activate(layer(x))  # (n, hidden_sizes[l])
        return self.output(x).view(shape)

    def _activate(self, x: Tensor) -> Tensor:
        x = F.relu_(x)
        return dropout(x, self.dropout, self.training) if self.dropout else x


def init_relu_(layer: nn.Linear, fan_in: int) -> None:
    """Initialise a layer before a ReLU so that the size of signals stays, in place."""
    nn.init.normal_(layer.weight, 0, (2 / fan_in) ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class GMF(Interaction):
    r"""Generalised matrix factorisation.

    .. math:: f_{ui} = h^\top (p_u \odot q_i) \; [+ b]

    The weights h start at 1, where it is an inner product.

    Parameters
    ----------
    size : int
        Width of the vectors.
    bias : bool, default=False
        Whether there is a bias.
    """

    def __init__(self, size: int, bias: bool = False) -> None:
        super().__init__(size, size)
        self.dot = Dot(size)
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(1)) if bias else None

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user: (B, 1 or m, size), (B, m, size) -> (B, m)."""
        return self._shift(self.dot(users * self.weight, items))

    def cross(self, users: Tensor, side: Tensor) -> Tensor:
        """Score all pairs of some users and items.

        Parameters
        ----------
        users : Tensor of shape (R, size)
            Vectors of users.
        side : Tensor of shape (n_items, size)
            The side of the items.

        Returns
        -------
        scores : Tensor of shape (R, n_items)
            The scores.
        """
        return self._shift(self.dot.cross(users * self.weight, side))

    def _shift(self, scores: Tensor) -> Tensor:
        return scores if self.bias is None else scores + self.bias


class Perceptron(Interaction):
    """Base of interaction functions that end in a tower.

    Parameters
    ----------
    size : int
        Width of the vectors.
    hidden_sizes : sequence of int
        Widths of the hidden layers, at least one.
    dropout : float, default=0.0
        Share of the entries of hidden layers that is dropped in training.
    bias : bool, default=False
        Whether the output has a bias.
    """

    def __init__(
        self, size: int, hidden_sizes: Sequence[int], dropout: float = 0.0, bias: bool = False
    ) -> None:
        super().__init__(size, size)
        self.hidden_sizes = tuple(hidden_sizes)
        self.tower = Tower(self.hidden_sizes, dropout, bias)

    def _pair_bytes(self, users: Tensor) -> int:
        return users.element_size() * (self.user_size + sum(self.hidden_sizes))


class NCFMLP(Perceptron):
    r"""A perceptron on the two vectors side by side.

    .. math:: f_{ui} = h^\top \phi_L(\dots \phi_1([p_u; q_i])) \; [+ b], \qquad
        \phi_l(x) = \mathrm{relu}(W_l x + b_l)

    The first layer is computed as :math:`W_1 [p; q] = A p + B q`, once for each vector.

    Parameters
    ----------
    size : int
        Width of the vectors.
    hidden_sizes : sequence of int
        Widths of the hidden layers, at least one.
    dropout : float, default=0.0
        Share of the entries of hidden layers that is dropped in training.
    bias : bool, default=False
        Whether the output has a bias.
    """

    def __init__(
        self, size: int, hidden_sizes: Sequence[int], dropout: float = 0.0, bias: bool = False
    ) -> None:
        super().__init__(size, hidden_sizes, dropout, bias)
        self.user_layer = nn.Linear(size, self.hidden_sizes[0], bias=False)
        self.item_layer = nn.Linear(size, self.hidden_sizes[0])
        for layer in (self.user_layer, self.item_layer):
            init_relu_(layer, 2 * size)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user: (B, 1 or m, size), (B, m, size) -> (B, m)."""
        return self.tower(self.user_layer(users) + self.item_layer(items))

    def item_side(self, items: Tensor) -> Tensor:
        """Compute the items' part of the first layer.

        Parameters
        ----------
        items : Tensor of shape (n_items, size)
            Vectors of items.

        Returns
        -------
        side : Tensor of shape (n_items, hidden_sizes[0])
            With the layer's bias.
        """
        return self.item_layer(items)

    def cross(self, users: Tensor, side: Tensor) -> Tensor:
        """Score all pairs of some users and items, streaming over the items.

        Parameters
        ----------
        users : Tensor of shape (R, size)
            Vectors of users.
        side : Tensor of shape (n_items, hidden_sizes[0])
            The side of the items.

        Returns
        -------
        scores : Tensor of shape (R, n_items)
            The scores.
        """
        return super().cross(self.user_layer(users), side)

    def _cross_chunk(self, users: Tensor, side: Tensor) -> Tensor:
        return self.tower(users[:, None] + side)  # (R, c, hidden_sizes[0]) inside


class JRL(Perceptron):
    r"""A perceptron on the element-wise product of the two vectors.

    .. math:: f_{ui} = h^\top \phi_L(\dots \phi_1(p_u \odot q_i)) \; [+ b], \qquad
        \phi_l(x) = \mathrm{relu}(W_l x + b_l)

    Parameters
    ----------
    size : int
        Width of the vectors.
    hidden_sizes : sequence of int
        Widths of the hidden layers, at least one.
    dropout : float, default=0.0
        Share of the entries of hidden layers that is dropped in training.
    bias : bool, default=False
        Whether the output has a bias.
    """

    def __init__(
        self, size: int, hidden_sizes: Sequence[int], dropout: float = 0.0, bias: bool = False
    ) -> None:
        super().__init__(size, hidden_sizes, dropout, bias)
        self.first = nn.Linear(size, self.hidden_sizes[0])
        init_relu_(self.first, size)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user: (B, 1 or m, size), (B, m, size) -> (B, m)."""
        product = users * items  # (B, m, size)
        return self.tower(self.first(product.flatten(0, -2))).view(product.shape[:-1])


class NeuMF(Interaction):
    r"""GMF and a perceptron, each on its own part of the vectors, under one output layer.

    .. math:: f_{ui} = h^\top [p^G_u \odot q^G_i; \; \phi_L(\dots \phi_1([p^M_u; q^M_i]))]
        \; [+ b], \qquad p_u = [p^G_u; p^M_u], \quad q_i = [q^G_i; q^M_i]

    Parameters
    ----------
    gmf_size, mlp_size : int
        Widths of the parts of the vectors.
    hidden_sizes : sequence of int
        Widths of the perceptron's hidden layers, at least one.
    dropout : float, default=0.0
        Share of the entries of hidden layers that is dropped in training.
    bias : bool, default=False
        Whether the output has a bias.
    """

    def __init__(
        self,
        gmf_size: int,
        mlp_size: int,
        hidden_sizes: Sequence[int],
        dropout: float = 0.0,
        bias: bool = False,
    ) -> None:
        super().__init__(gmf_size + mlp_size, gmf_size + mlp_size)
        self.sizes = gmf_size, mlp_size
        self.gmf = GMF(gmf_size)
        self.mlp = NCFMLP(mlp_size, hidden_sizes, dropout, bias)  # its bias is the only one

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user: (B, 1 or m, user_size), (B, m, item_size) -> (B, m)."""
        (p_gmf, p_mlp), (q_gmf, q_mlp) = users.split(self.sizes, -1), items.split(self.sizes, -1)
        return self.gmf(p_gmf, q_gmf) + self.mlp(p_mlp, q_mlp)

    def item_side(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """Compute what depends on the items alone.

        Parameters
        ----------
        items : Tensor of shape (n_items, item_size)
            Vectors of items.

        Returns
        -------
        side : tuple of Tensor
            GMF's vectors and the perceptron's side.
        """
        q_gmf, q_mlp = items.split(self.sizes, -1)
        return q_gmf, self.mlp.item_side(q_mlp)

    def cross(self, users: Tensor, side: ItemSide) -> Tensor:
        """Score all pairs of some users and items, streaming over the items.

        Parameters
        ----------
        users : Tensor of shape (R, user_size)
            Vectors of users.
        side : tuple of Tensor
            The side of the items.

        Returns
        -------
        scores : Tensor of shape (R, n_items)
            The scores.
        """
        p_gmf, p_mlp = users.split(self.sizes, -1)
        return self.mlp.cross(p_mlp, side[1]) + self.gmf.cross(p_gmf, side[0])

    @torch.no_grad()
    def blend_(self, gmf: GMF, mlp: NCFMLP, alpha: float) -> None:
        r"""Start from a trained GMF and a trained perceptron, in place.

        .. math:: h \leftarrow [\alpha h^G; (1 - \alpha) h^M]

        Parameters
        ----------
        gmf : GMF
            Of the same size.
        mlp : NCFMLP
            Of the same sizes.
        alpha : float
            Weight of GMF's scores.
        """
        self.gmf.weight.copy_(alpha * gmf.weight)
        ours, theirs = self.mlp.state_dict(), mlp.state_dict()
        for name in ours.keys() - {"tower.output.bias"}:
            ours[name].copy_(theirs[name])
        self.mlp.tower.output.weight.mul_(1 - alpha)
        self._blend_bias((alpha, gmf.bias), (1 - alpha, mlp.tower.output.bias))

    def _blend_bias(self, *parts: tuple[float, Tensor | None]) -> None:
        bias = self.mlp.tower.output.bias
        if bias is None:
            return
        bias.zero_()
        for weight, theirs in parts:
            if theirs is not None:
                bias += weight * theirs.to(bias.device)
