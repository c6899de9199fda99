"""Convolutions over the cube of all pairs of draws of a user and of an item (GeRec).

Jiang, J., Yang, D., Xiao, Y., & Shen, C. (2019). Convolutional Gaussian embeddings for personalized
recommendation with uncertainty. IJCAI. https://doi.org/10.24963/ijcai.2019/367
"""

import copy
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from skrec.nn._product_start import start_at_sum
from skrec.nn._random import dropout
from skrec.nn.gaussian import GaussianInteraction, mean_logit, split_gaussian
from skrec.nn.interactions import Interaction, chunk_size

__all__ = ["INTERACTIONS", "GeRec", "MeanProduct"]

INTERACTIONS = ("concat", "product", "concat+product", "inner")


class GeRec(GaussianInteraction):
    r"""Score a user and an item by a CNN over all pairs of their draws (equations 7 to 10).

    .. math:: S_1 = \mathrm{ReLU}(G_1 \otimes E + b_1), \dots, \quad
        s = \mathrm{ReLU}(W \, \mathrm{vec}(S_L) + c), \quad f_{ui} = w^\top s + b

    with the cube :math:`E_{kl} = [z_u^k, z_i^l]`, or the element-wise or inner product of the two,
    or both vectors and their element-wise product.

    Parameters
    ----------
    size : int
        Dimensions D of the Gaussians.
    n_draws : int, default=9
        Vectors K drawn from each Gaussian.
    average : {"probability", "score"}, default="probability"
        The quantity that is averaged over several draws of K vectors.
    n_filters : int, default=64
        Filters T of each layer.
    kernel_sizes : tuple of int, default=(1, 2)
        Sides of the kernels; a kernel larger than the map that reaches it is cut to its size.
    hidden_size : int or tuple of int, default=64
        Width D' of the hidden layer on the last map, or of several.
    interaction : {"concat", "product", "concat+product", "inner"}, default="concat"
        The entries of the cube.
    aggregate : {"cnn", "mean"}, default="cnn"
        ``"mean"`` averages the probabilities (or scores) of the pairs, each by kernels of side 1
        and the same hidden layer (equation 2).
    bias : bool, default=True
        Whether the score has a bias; a score that only ranks needs none.
    activation : {"relu", "elu"}, default="relu"
        What follows each layer but the last.
    dropout : float, default=0.0
        Share of the last map, and of each hidden layer's output, that is dropped in training.
    shared_draws : bool, default=True
        Whether the items of a row share the noise of their user in training.

    Notes
    -----
    A convolution over concatenated draws is the sum of one over the draws of the user and one over
    those of the item, so the first layer takes K + K products in place of K x K, and each of the
    two sums serves all items of a user, or all users of an item. The cube is never built.
    """

    def __init__(
        self,
        size: int,
        n_draws: int = 9,
        average: str = "probability",
        *,
        n_filters: int = 64,
        kernel_sizes: Sequence[int] = (1, 2),
        hidden_size: int | Sequence[int] = 64,
        interaction: str = "concat",
        aggregate: str = "cnn",
        bias: bool = True,
        activation: str = "relu",
        dropout: float = 0.0,
        shared_draws: bool = True,
    ) -> None:
        super().__init__(size, n_draws, average, shared_draws=shared_draws)
        self.interaction = interaction
        self.aggregate = aggregate
        self.activation = activation
        self.dropout = dropout
        by_kind = {"concat": 2 * size, "product": size, "concat+product": 3 * size, "inner": 1}
        channels = by_kind[interaction]
        layers: list[nn.Conv2d] = []
        side = n_draws
        for kernel in kernel_sizes:
            kernel = 1 if aggregate == "mean" else min(kernel, side)
            layers.append(nn.Conv2d(channels, n_filters, kernel))
            channels, side = n_filters, side - kernel + 1
        self.layers = nn.ModuleList(layers)
        hidden = hidden_size if isinstance(hidden_size, Sequence) else [hidden_size]
        widths = [channels * (side**2 if aggregate == "cnn" else 1), *hidden]
        self.before = nn.ModuleList(nn.Linear(m, n) for m, n in pairwise(widths[:-1]))
        self.hidden = nn.Linear(widths[-2], widths[-1])
        self.output = nn.Linear(widths[-1], 1, bias=bias)
        self.reset_parameters()

    @property
    def _first(self) -> nn.Conv2d:
        return cast("nn.Conv2d", self.layers[0])

    @property
    def _dense(self) -> list[nn.Linear]:
        """The hidden layers on the last map."""
        return [*cast("list[nn.Linear]", self.before), self.hidden]

    def reset_parameters(self) -> None:
        """Start as He et al. do before a ReLU, without biases."""
        for module in (*cast("list[nn.Conv2d]", self.layers), *self._dense):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(cast("Tensor", module.bias))
        nn.init.normal_(self.output.weight, 0, self.output.in_features**-0.5)
        if self.output.bias is not None:
            nn.init.zeros_(self.output.bias)

    def start_at_product(self) -> None:
        """Begin with a weighted mean over the pairs of draws of their inner products.

        Where kernels overlap, pairs of the first and last draws weigh less than others. The entries
        of the cube must hold products, and the activation must be ReLU.

        Raises
        ------
        ValueError
            If a layer is one channel wide, which cannot hold both signs.
        """
        convolutions = [cast("nn.Conv2d", layer) for layer in self.layers]
        kernels = [torch.full(k.kernel_size, 1 / math.prod(k.kernel_size)) for k in convolutions]
        first = torch.zeros_like(self._first.weight[0])
        first[-self.size :] = kernels[0]
        entries = self._dense[0].in_features // convolutions[-1].out_channels
        dense = [torch.full((entries,), 1 / entries), *[torch.ones(1)] * len(self.before)]
        start_at_sum([*convolutions, *self._dense], [first, *kernels[1:], *dense], self.output)

    def without_draws(self) -> Interaction:
        """Return the score of an expected first map, which costs one pair of draws.

        The expectation of each entry of the first map over draws is known in closed form, and is
        the same for all entries. The layers above see it in place of what is drawn.

        Returns
        -------
        interaction : ExpectedMap
            For use outside training.
        """
        return ExpectedMap(self, self._of_constant_maps()).eval()

    def _of_constant_maps(self) -> Self:
        """Return the same function of maps whose entries are all alike.

        A kernel of any side is then one of side 1 that holds its sums, and the last map has a
        single entry.
        """
        other = copy.copy(self)
        other._modules = dict(self._modules)  # the copy shares it with this function
        other.layers = nn.ModuleList(_summed_kernel(cast("nn.Conv2d", k)) for k in self.layers)
        dense = self._dense
        channels = cast("nn.Conv2d", self.layers[-1]).out_channels
        dense[0] = _summed_columns(dense[0], channels)
        *before, other.hidden = dense
        other.before = nn.ModuleList(before)
        return other

    def user_side(self, z: Tensor) -> Tensor:
        """Convolve draws of users alone.

        Parameters
        ----------
        z : Tensor of shape (..., n_draws, size)
            Draws.

        Returns
        -------
        side : Tensor of shape (..., n, n_filters)
            Their part of the first map; the draws where the cube holds products.
        """
        return self._side(z, slice(None, self.size), dim=3)

    def items_side(self, z: Tensor) -> Tensor:
        """Convolve draws of items alone.

        Parameters
        ----------
        z : Tensor of shape (..., n_draws, size)
            Draws.

        Returns
        -------
        side : Tensor of shape (..., n, n_filters)
            Their part of the first map; the draws where the cube holds products.
        """
        side = self._side(z, slice(self.size, None), dim=2)
        return side + cast("Tensor", self._first.bias) if self.interaction == "concat" else side

    def _side(self, z: Tensor, channels: slice, dim: int) -> Tensor:
        """Compute one side of the cube: convolved where that serves all pairs, else the draws."""
        return self._convolved(z, channels, dim) if self.interaction == "concat" else z

    def _convolved(self, z: Tensor, channels: slice, dim: int) -> Tensor:
        """Convolve one side of the cube, along which the other side does not change."""
        weight = self._first.weight[:, channels].sum(dim)  # (T, size, k)
        if weight.shape[-1] == 1:
            return z @ weight[..., 0].T
        side = F.conv1d(z.flatten(0, -3).transpose(1, 2), weight)  # (N, T, K')
        return side.transpose(1, 2).unflatten(0, z.shape[:-2])

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
        rows = chunk_size(items.shape[1] * self._pair_bytes(users))
        # split and not sliced: the gradients of slices are each as large as the whole
        own = users.split(rows)
        others = items.split(rows) if len(items) == len(users) else [items] * len(own)
        return torch.cat([self._pair(*part) for part in zip(own, others, strict=True)])

    def _pair(self, users: Tensor, items: Tensor) -> Tensor:
        shape = torch.broadcast_shapes(users.shape[:2], items.shape[:2])
        maps = self._first_map(users, items)
        for layer in self.layers[1:]:
            maps = self._activated(layer(maps))  # (B m, T, n, n)
        if self.aggregate == "mean":
            pairs = self._head(maps.permute(0, 2, 3, 1).flatten(1, 2))  # (B m, K * K)
            mean = pairs.mean(1) if self.average == "score" else mean_logit(pairs, dim=1)
            return mean.view(shape)
        return self._head(maps.flatten(1)).view(shape)

    def _first_map(self, users: Tensor, items: Tensor) -> Tensor:
        """Compute the first layer's output: (B, 1 or m, n, width) and items' -> (B m, T, n, n).

        Channels come last in memory, which suits the kernels and the layers above.
        """
        if self.interaction == "concat":
            maps = self._activated(users[..., :, None, :] + items[..., None, :, :])
            return maps.flatten(0, 1).permute(0, 3, 1, 2)
        if self.interaction == "inner":
            cube = torch.einsum("...kd,...ld->...kl", users, items)[..., None]
        else:
            cube = users[..., :, None, :] * items[..., None, :, :]  # (B, m, K, K, size)
        cube = cube.flatten(0, 1).permute(0, 3, 1, 2)
        if self.interaction != "concat+product":
            return self._activated(self._first(cube))
        own = self._convolved(users, slice(None, self.size), dim=3)
        other = self._convolved(items, slice(self.size, 2 * self.size), dim=2)
        maps = F.conv2d(cube, self._first.weight[:, 2 * self.size :], self._first.bias)
        both = own[..., :, None, :] + other[..., None, :, :]
        return self._activated(maps + both.flatten(0, 1).permute(0, 3, 1, 2))

    def _activated(self, maps: Tensor) -> Tensor:
        """Write the activation over its input."""
        return _Rectified.apply(maps) if self.activation == "relu" else F.elu_(maps)

    def _head(self, features: Tensor) -> Tensor:
        function = F.relu if self.activation == "relu" else F.elu
        for layer in self._dense:
            features = function(layer(self._dropped(features)))
        return self.output(self._dropped(features))[..., 0]

    def _dropped(self, features: Tensor) -> Tensor:
        if not (self.dropout and self.training):
            return features
        return dropout(features, self.dropout, training=True)

    def _pair_bytes(self, users: Tensor) -> int:
        width = self._first.out_channels + (self.size if "product" in self.interaction else 0)
        return 2 * users.element_size() * max(1, self.n_draws) ** 2 * width


class ExpectedMap(Interaction):
    r"""Score a user and an item by the expectation of GeRec's first map.

    An entry before its activation is a sum over draws and dimensions,

    .. math:: x = b + \sum_{k} a_k^\top z_u^k + \sum_{l} c_l^\top z_i^l
        + \sum_{k, l} p_{kl}^\top (z_u^k \odot z_i^l)

    whose mean and variance are exact. It is taken for Gaussian, so that the mean of its activation
    is known too.

    Parameters
    ----------
    cnn : GeRec
        The function of draws.
    rest : GeRec
        The same of constant maps.
    """

    def __init__(self, cnn: GeRec, rest: GeRec) -> None:
        super().__init__(2 * cnn.size, 2 * cnn.size)
        self.size, self.rest = cnn.size, rest
        weight, size = cnn._first.weight.detach(), cnn.size  # (T, channels, k, k)
        self.own = self.other = self.both = None
        if "concat" in cnn.interaction:
            self.own, self.other = weight[:, :size].sum(3), weight[:, size : 2 * size].sum(2)
        if "product" in cnn.interaction:
            self.both = weight[:, -size:]
        elif cnn.interaction == "inner":
            self.both = weight.expand(-1, size, -1, -1)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user: (B, 1 or m, 2 size), (B, m, 2 size) -> (B, m)."""
        maps = self.first_map(users, items)  # (B, m, T)
        features = maps.flatten(0, -2)[..., None, None]
        for layer in self.rest.layers[1:]:
            features = self.rest._activated(layer(features))
        return self.rest._head(features.flatten(1)).view(maps.shape[:-1])

    def first_map(self, users: Tensor, items: Tensor) -> Tensor:
        """Compute the expected entry: (B, 1 or m, 2 size), (B, m, 2 size) -> (B, m, n_filters)."""
        mean, variance = split_gaussian(users)
        item_mean, item_variance = split_gaussian(items)
        x: Tensor = cast("Tensor", self.rest._first.bias)
        spread: Tensor | float = 0.0
        if self.own is not None and self.other is not None:
            x = x + mean @ self.own.sum(2).T + item_mean @ self.other.sum(2).T
            spread = variance @ self.own.square().sum(2).T
            spread = spread + item_variance @ self.other.square().sum(2).T
        if self.both is not None:
            x = x + (mean * item_mean) @ self.both.sum((2, 3)).T
            rows, columns = self.both.sum(3), self.both.sum(2)
            spread = spread + (variance * item_mean.square()) @ rows.square().sum(2).T
            spread = spread + (item_variance * mean.square()) @ columns.square().sum(2).T
            spread = spread + (variance * item_variance) @ self.both.square().sum((2, 3)).T
            if self.own is not None and self.other is not None:
                spread = spread + (variance * item_mean) @ (2 * self.own * rows).sum(2).T
                spread = spread + (item_variance * mean) @ (2 * self.other * columns).sum(2).T
        return _expected_activation(x, cast("Tensor", spread), self.rest.activation)

    def _cross_chunk(self, users: Tensor, side: Tensor) -> Tensor:
        return self(users[:, None], side[None])

    def _pair_bytes(self, users: Tensor) -> int:
        return 4 * users.element_size() * (self.size + self.rest._first.out_channels)


class MeanProduct(Interaction):
    r"""Score a user and an item by the inner product of their means: GeRec's shallow twin.

    .. math:: f_{ui} = \mu_u^\top \mu_i + b

    Parameters
    ----------
    size : int
        Dimensions of the Gaussians, whose variances are not read.
    bias : bool, default=True
        Whether there is a level b; a score that only ranks needs none.
    """

    n_draws = 0

    def __init__(self, size: int, bias: bool = True) -> None:
        super().__init__(2 * size, 2 * size)
        self.size = size
        self.bias = nn.Parameter(torch.zeros(())) if bias else None

    def under(self, draws: Iterable[int]) -> Self:
        """Return the same interaction: there is nothing to draw.

        Parameters
        ----------
        draws : iterable of int
            Numbers of draws.

        Returns
        -------
        interaction : MeanProduct
            This one.
        """
        return self

    def without_draws(self) -> Self:
        """Return the same interaction.

        Returns
        -------
        interaction : MeanProduct
            This one.
        """
        return self

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user: (B, 1 or m, 2 size), (B, m, 2 size) -> (B, m)."""
        return self._levelled((users[..., : self.size] * items[..., : self.size]).sum(-1))

    def cross(self, users: Tensor, side: Any) -> Tensor:
        """Score all pairs of some users and items: (R, 2 size), (n_items, 2 size) -> (R, n_items).

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
        return self._levelled(users[:, : self.size] @ side[:, : self.size].T)

    def _levelled(self, scores: Tensor) -> Tensor:
        return scores if self.bias is None else scores + self.bias


def _expected_activation(mean: Tensor, variance: Tensor, activation: str) -> Tensor:
    """Compute the mean of ReLU or ELU of a Gaussian."""
    deviation = variance.clamp(min=1e-12).sqrt()
    t = mean / deviation
    density = torch.exp(-0.5 * t.square()) / math.sqrt(2 * math.pi)
    expected = mean * torch.special.ndtr(t) + deviation * density
    if activation == "relu":
        return expected
    below = torch.exp(mean + variance / 2 + torch.special.log_ndtr(-t - deviation))
    return expected + below - torch.special.ndtr(-t)


def _summed_kernel(layer: nn.Conv2d) -> nn.Conv2d:
    """Return the layer of side 1 that does to a constant map what a layer does."""
    other = copy.copy(layer)
    weight = layer.weight.detach().sum((2, 3), keepdim=True)
    other._parameters = dict(layer._parameters, weight=nn.Parameter(weight, requires_grad=False))
    other.kernel_size = (1, 1)
    return other


def _summed_columns(layer: nn.Linear, channels: int) -> nn.Linear:
    """Return the layer that does to one entry a channel what a layer does to a constant map."""
    other = copy.copy(layer)
    weight = layer.weight.detach().unflatten(1, (channels, -1)).sum(2)
    other._parameters = dict(layer._parameters, weight=nn.Parameter(weight, requires_grad=False))
    other.in_features = channels
    return other


class _Rectified(torch.autograd.Function):
    """ReLU written over its input, and over its gradient in the same layout.

    Both must be of no use to anything else, as outputs and gradients of layers are. Fresh memory of
    this size, and a gradient in another layout than the output, cost a quarter of both passes.
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor) -> Tensor:
        ctx.mark_dirty(maps.relu_())
        ctx.save_for_backward(maps)
        return maps

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (maps,) = ctx.saved_tensors
        if grad.stride() != maps.stride():
            grad = torch.empty_like(maps).copy_(grad)
        return torch.ops.aten.threshold_backward.grad_input(grad, maps, 0, grad_input=grad)
