"""Interaction functions of neural collaborative filtering: GMF, MLP, NeuMF and JRL."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from skrec.nn._product_start import start_at_sum
from skrec.nn._random import dropout
from skrec.nn.interactions import (
    Dot,
    Interaction,
    ItemSide,
    square_gradient,
    table_gradient,
    total_square,
)

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


class _FirstLayer(torch.autograd.Function):
    r"""From tables to the weighted products of GMF, the perceptron's first layer, and squares.

    .. math:: h^\top (p^G_u \odot q^G_i), \qquad A p^M_u + B q^M_i + b

    Vectors of either table are read once, and their gradients are written once, whole: penalty,
    products and layer, where separate functions cut vectors into parts, and pad and add what comes
    back. A gradient of a user is summed over the items before it is multiplied with A.
    """

    @staticmethod
    def forward(
        ctx: Any,
        user_table: Tensor,
        item_table: Tensor,
        weight: Tensor,
        user_weight: Tensor,
        item_weight: Tensor,
        bias: Tensor,
        users: Tensor,
        items: Tensor,
        sparse: tuple[bool, bool],
    ) -> tuple[Tensor, ...]:
        size, columns = len(weight), items.T.reshape(-1)
        p = user_table.index_select(0, users)  # (B, size + mlp_size)
        q = item_table.index_select(0, columns)  # (m B, size + mlp_size), by column
        by_column = q.view(*items.T.shape, -1)
        hidden = torch.addmm(bias, q[:, size:], item_weight.T)  # (m B, hidden)
        hidden.view(*items.T.shape, -1).add_(p[:, size:] @ user_weight.T)
        weighted = (p[:, :size] * weight)[:, :, None]
        products = torch.bmm(by_column[:, :, :size].transpose(0, 1), weighted)[:, :, 0]  # (B, m)
        ctx.save_for_backward(p, q, weight, user_weight, item_weight, users, columns)
        ctx.shapes, ctx.sparse = (user_table.shape, item_table.shape), sparse
        squares = torch.stack([total_square(part) for part in by_column])
        return products, hidden, total_square(p)[None], squares

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, products: Tensor, hidden: Tensor, user_grad: Tensor, item_grad: Tensor
    ) -> tuple[Tensor | None, ...]:
        p, q, weight, user_weight, item_weight, users, columns = ctx.saved_tensors
        size, shape = len(weight), (products.shape[1], len(p), -1)
        by_column, summed = q.view(shape), hidden.view(shape).sum(0)
        # the products' part of a user, a term an item: batched products of single rows are slow
        part = by_column[0, :, :size] * products[:, :1]
        for k in range(1, len(by_column)):
            part.addcmul_(by_column[k, :, :size], products[:, k : k + 1])
        user_rows = square_gradient(p, user_grad)
        user_rows[:, :size].addcmul_(part, weight)
        user_rows[:, size:].addmm_(summed, user_weight)
        item_rows = square_gradient(by_column, item_grad[:, None, None])
        item_rows[:, :, :size].addcmul_(products.T[:, :, None], p[:, :size] * weight)
        item_rows = item_rows.flatten(0, 1)
        item_rows[:, size:].addmm_(hidden, item_weight)
        return (
            table_gradient(ctx.shapes[0], ctx.sparse[0], users, user_rows),
            table_gradient(ctx.shapes[1], ctx.sparse[1], columns, item_rows),
            (part * p[:, :size]).sum(0),
            summed.T @ p[:, size:],
            hidden.T @ q[:, size:],
            hidden.sum(0),
            None,
            None,
            None,
        )


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

    def user_factors(self, users: Tensor) -> Tensor:
        """Return the users' side of products that are the scores less the bias.

        Parameters
        ----------
        users : Tensor of shape (R, size)
            Vectors of users.

        Returns
        -------
        factors : Tensor of shape (R, size)
            The vectors times h.
        """
        return users * self.weight

    def item_factors(self, items: Tensor) -> Tensor:
        """Return the items' side of these products.

        Parameters
        ----------
        items : Tensor of shape (n_items, size)
            Vectors of items.

        Returns
        -------
        factors : Tensor of shape (n_items, size)
            The vectors themselves.
        """
        return items

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

    def start_at_product(self) -> None:
        """Begin with the inner product of the vectors.

        Raises
        ------
        ValueError
            If a layer has one unit alone, which cannot hold both signs.
        """
        layers = [self.first, *self.tower.layers]
        kernels = [torch.ones(self.first.in_features), *[torch.ones(1)] * len(self.tower.layers)]
        start_at_sum(layers, kernels, self.tower.output)


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

    def score_tables(
        self,
        user_table: Tensor,
        item_table: Tensor,
        users: Tensor,
        items: Tensor,
        sparse: tuple[bool, bool] = (False, False),
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Score pairs by their numbers.

        Parameters
        ----------
        user_table : Tensor of shape (n_users, user_size)
            Vectors of all users.
        item_table : Tensor of shape (n_items, item_size)
            Vectors of all items.
        users : Tensor of shape (B,)
            Numbers of users.
        items : Tensor of shape (B, m)
            Numbers of items.
        sparse : tuple of bool, default=(False, False)
            Whether the gradients of the tables hold only the rows that took part.

        Returns
        -------
        answer : tuple of Tensor
            Scores of shape (B, m), sums of squares of shape (1,) and (m,).
        """
        mlp = self.mlp
        layers = mlp.user_layer.weight, mlp.item_layer.weight, mlp.item_layer.bias
        products, hidden, *squares = _FirstLayer.apply(
            user_table, item_table, self.gmf.weight, *layers, users, items, sparse
        )
        towers = mlp.tower(hidden).view(items.T.shape)  # by column
        return products + towers.T, squares[0], squares[1]

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
