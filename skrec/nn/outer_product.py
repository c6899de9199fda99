"""Towers over the outer product of a user's and an item's vector.

Du, X., He, X., Yuan, F., Tang, J., Qin, Z., & Chua, T.-S. (2019). Modeling embedding dimension
correlations via convolutional neural collaborative filtering. ACM Transactions on Information
Systems, 37(4). https://doi.org/10.1145/3357154
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.nn._outer_product_kernel import (
    MAP_PARTS,
    CellTables,
    convolve_outer_product,
    make_tables,
    map_mask,
)
from skrec.nn._product_start import start_at_sum
from skrec.nn.interactions import Interaction, halving_sizes, he_normal_

__all__ = ["MAP_PARTS", "ConvTower", "MapMLP"]


class _MapInteraction(Interaction):
    """Base of towers over the map: the order of the dimensions and the start."""

    order: Tensor | None
    output: nn.Linear

    def __init__(self, size: int, order: Any) -> None:
        super().__init__(size, size)
        self.size = size
        self.register_buffer("order", _check_order(order, size))

    def reset_parameters(self) -> None:
        """Start as He et al. do before a ReLU, without biases."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif not name.startswith("output"):
                he_normal_(parameter)
        nn.init.normal_(self.output.weight, 0, self.output.in_features**-0.5)

    def _ordered(self, vectors: Tensor) -> Tensor:
        if vectors.shape[-1] != self.size:
            raise ValueError(f"Vectors must be {self.size} wide, got {vectors.shape[-1]}.")
        return vectors if self.order is None else vectors.index_select(-1, self.order)


class ConvTower(_MapInteraction):
    r"""Convolutions over the outer product, of 2 x 2 with stride 2 (equations 5 to 7).

    .. math:: E^0 = p_u q_i^\top, \quad
        e^{l+1}_{ijc} = \mathrm{ReLU}\Big(b^{l+1}_c + \sum_{a=0}^1 \sum_{b=0}^1 \sum_d
        e^l_{2i+a,\,2j+b,\,d}\, t^{l+1}_{abdc}\Big), \quad f_{ui} = w^\top e^L

    Parameters
    ----------
    size : int
        Width of the vectors, a power of two: a layer halves the map until one entry is left.
    n_feature_maps : int, default=32
        Feature maps of each layer.
    map_part : {"full", "diagonal", "off_diagonal"}, default="full"
        Entries of the outer product that are kept; the others are 0.
    order : Tensor of int64 of shape (size,), default=None
        A permutation of the dimensions of both vectors; None leaves them as they are.

    Raises
    ------
    ValueError
        For a size that is no power of two, another map_part, or an order that is no permutation.

    Notes
    -----
    A convolution whose blocks do not overlap is a matrix product over the blocks. The entries of
    the outer product are written such that blocks are adjacent on every layer, so there is nothing
    to rearrange between the products, and chunks of few pairs pass through all layers while they
    are in the cache.

    References
    ----------
    .. [1] Du, X., He, X., Yuan, F., Tang, J., Qin, Z., & Chua, T.-S. (2019). Modeling embedding
       dimension correlations via convolutional neural collaborative filtering. ACM Transactions
       on Information Systems, 37(4). https://doi.org/10.1145/3357154

    Examples
    --------
    >>> import torch
    >>> from skrec.nn.outer_product import ConvTower
    >>> tower = ConvTower(8, n_feature_maps=4)
    >>> tower(torch.randn(5, 1, 8), torch.randn(5, 3, 8)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        size: int,
        n_feature_maps: int = 32,
        map_part: str = "full",
        order: Tensor | None = None,
    ) -> None:
        widths = [1] + [n_feature_maps] * _count_halvings(size)
        super().__init__(size, order)
        self.convolutions = nn.ModuleList(nn.Conv2d(n, m, 2, 2) for n, m in pairwise(widths))
        self.output = nn.Linear(n_feature_maps, 1, bias=False)
        for name, table in make_tables(size, map_part)._asdict().items():
            self.register_buffer(name, table, persistent=False)
        self.reset_parameters()

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user.

        Parameters
        ----------
        users : Tensor of shape (B, 1, size) or (B, m, size)
            Vectors of users, one for all items of a row or one an item.
        items : Tensor of shape (B, m, size) or (1, m, size)
            Vectors of items, those of a row or the same for all.

        Returns
        -------
        scores : Tensor of shape (B, m)
            The scores.
        """
        tables = CellTables(*(getattr(self, name) for name in CellTables._fields))
        (kernel, bias), *layers = [
            (layer.weight.permute(2, 3, 1, 0).flatten(0, 2), layer.bias)  # (4 C_in, C), (C,)
            for layer in cast("Sequence[Any]", self.convolutions)
        ]
        first = torch.cat([kernel, bias[None]])  # (5, C)
        users, items = self._ordered(users), self._ordered(items)
        maps = convolve_outer_product(users, items, tables, first, layers)  # (B, m, C)
        return self.output(maps).squeeze(-1)  # (B, m)

    def start_at_product(self) -> None:
        """Begin with the inner product of the vectors: the sum of the diagonal of the map.

        Raises
        ------
        ValueError
            With one feature map alone, which cannot hold both signs.
        """
        layers = cast("Sequence[Any]", self.convolutions)
        start_at_sum(layers, [torch.eye(2)] * len(layers), self.output)

    def _pair_bytes(self, users: Tensor) -> int:
        return users.element_size() * 2 * self.output.in_features  # the rest is cut finer

    def _cross_chunk(self, users: Tensor, side: Tensor) -> Tensor:
        return self(users[:, None], side[None])


class MapMLP(_MapInteraction):
    r"""A multi-layer perceptron over the flattened outer product (ONCF-mlp, section 6.3.2).

    .. math:: f_{ui} = w^\top \mathrm{MLP}(\mathrm{vec}(p_u q_i^\top))

    Parameters
    ----------
    size : int
        Width of the vectors.
    hidden_sizes : tuple of int, default=None
        Widths of the layers; None has three that halve from ``size**2 / 2`` on.
    map_part : {"full", "diagonal", "off_diagonal"}, default="full"
        Entries of the outer product that are kept; the others are 0.
    order : Tensor of int64 of shape (size,), default=None
        A permutation of the dimensions of both vectors; None leaves them as they are.

    Raises
    ------
    ValueError
        For another map_part, no layers, or an order that is no permutation.

    References
    ----------
    .. [1] Du, X., He, X., Yuan, F., Tang, J., Qin, Z., & Chua, T.-S. (2019). Modeling embedding
       dimension correlations via convolutional neural collaborative filtering. ACM Transactions
       on Information Systems, 37(4). https://doi.org/10.1145/3357154

    Examples
    --------
    >>> import torch
    >>> from skrec.nn.outer_product import MapMLP
    >>> tower = MapMLP(8)
    >>> [layer.out_features for layer in tower.layers]
    [32, 16, 8]
    >>> tower(torch.randn(5, 1, 8), torch.randn(5, 3, 8)).shape
    torch.Size([5, 3])
    """

    mask: Tensor | None

    def __init__(
        self,
        size: int,
        hidden_sizes: Sequence[int] | None = None,
        map_part: str = "full",
        order: Tensor | None = None,
    ) -> None:
        super().__init__(size, order)
        if hidden_sizes is None:
            hidden_sizes = halving_sizes(max(1, size**2 // 2), 3)
        if not len(hidden_sizes):
            raise ValueError("hidden_sizes must name at least one layer, got none.")
        widths = [size**2, *hidden_sizes]
        self.layers = nn.ModuleList(nn.Linear(n, m) for n, m in pairwise(widths))
        self.output = nn.Linear(widths[-1], 1, bias=False)
        self.register_buffer("mask", map_mask(size, map_part), persistent=False)
        self.reset_parameters()

    @property
    def _first(self) -> nn.Linear:
        return cast("nn.Linear", self.layers[0])

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user: (B, 1 or m, size), (B, m, size) -> (B, m)."""
        users, items = self._ordered(users), self._ordered(items)
        maps = users[..., :, None] * items[..., None, :]  # (B, m, size, size)
        if self.mask is not None:
            maps = maps * self.mask
        return self._upper(self._first(maps.flatten(-2)))  # (B, m)

    def start_at_product(self) -> None:
        """Begin with the inner product of the vectors: the sum of the diagonal of the map.

        Raises
        ------
        ValueError
            If a layer has one unit alone, which cannot hold both signs.
        """
        layers = cast("Sequence[Any]", self.layers)
        kernels = [torch.eye(self.size).flatten(), *[torch.ones(1)] * (len(layers) - 1)]
        start_at_sum(layers, kernels, self.output)

    def _upper(self, x: Tensor) -> Tensor:
        """Compute the scores from the first layer's output, before its ReLU."""
        x = F.relu(x)
        for layer in self.layers[1:]:
            x = F.relu(layer(x))
        return self.output(x).squeeze(-1)

    def _pair_bytes(self, users: Tensor) -> int:
        # a chunk of items also holds the first layer folded into each of them
        width = self._first.out_features
        return users.element_size() * (self.size * width // max(1, len(users)) + 2 * width)

    def _cross_chunk(self, users: Tensor, side: Tensor) -> Tensor:
        users, items, first = self._ordered(users), self._ordered(side), self._first
        weight: Tensor = first.weight.view(-1, self.size, self.size)  # (H, size, size)
        if self.mask is not None:
            weight = weight * self.mask
        folded = items @ weight.flatten(0, 1).T  # (n, H * size)
        folded = folded.view(-1, self.size)  # (n * H, size)
        hidden = (users @ folded.T).view(len(users), len(items), -1)  # (R, n, H)
        return self._upper(hidden + first.bias)  # (R, n)


def _count_halvings(size: int) -> int:
    if size < 2 or size & (size - 1):
        raise ValueError(
            "The size of the vectors under a tower of convolutions must be a power of two, such as "
            f"32 or 64, so that layers can halve it down to 1; got {size}."
        )
    return size.bit_length() - 1


def _check_order(order: Any, size: int) -> Tensor | None:
    if order is None:
        return None
    order = torch.as_tensor(order, dtype=torch.int64)
    if not torch.equal(order.sort().values, torch.arange(size, device=order.device)):
        raise ValueError(f"order must be a permutation of 0 to {size - 1}, got {order.tolist()}.")
    return order.clone()
