"""Convolutions of 2 x 2 with stride 2 over outer products, as matrix products on small chunks.

The entries of a map lie in Morton order: the bits of row and column alternate in the place of an
entry, so the four entries of a block are adjacent on every layer. A layer over (n, 4 C) is then
one matrix product whose result, seen as (n / 4, 4 C), is the input of the next.
"""

from collections.abc import Sequence
from itertools import product
from math import isqrt
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["MAP_PARTS", "CellTables", "convolve_outer_product", "make_tables", "map_mask"]

MAP_PARTS = ("full", "diagonal", "off_diagonal")

# The first layer's output is the largest and is not kept: it is computed again in the backward
# pass. A chunk of it of this size for each thread stays in the cache, and is still large beside the
# cost of a call. An accelerator needs larger chunks.
_CPU_CHUNK_BYTES = 2**22
_DEVICE_CHUNK_BYTES = 2**28


class CellTables(NamedTuple):
    """Where the entries of a map come from, and go to.

    Parameters
    ----------
    rows, columns : Tensor of int64 of shape (5 * size**2 / 4,)
        For each block its four entries and a fifth that is 1 and stands for the bias: places in a
        vector after which a one and a zero were written.
    places : Tensor of int64 of shape (size**2,)
        For each entry of the map, row by row, its place in Morton order.
    mask : Tensor of shape (size, size) or None
        0 where an entry is left out; None where all are kept.
    """

    rows: Tensor
    columns: Tensor
    places: Tensor
    mask: Tensor | None


def map_mask(size: int, part: str) -> Tensor | None:
    """Return which entries of the map are kept.

    Parameters
    ----------
    size : int
        Rows of the map.
    part : {"full", "diagonal", "off_diagonal"}
        Which entries.

    Returns
    -------
    mask : Tensor of bool of shape (size, size) or None
        True where an entry is kept; None where all are.

    Raises
    ------
    ValueError
        For another part.
    """
    if part not in MAP_PARTS:
        raise ValueError(f"map_part must be one of {MAP_PARTS}, got {part!r}.")
    diagonal = torch.eye(size, dtype=torch.bool)
    return {"full": None, "diagonal": diagonal, "off_diagonal": ~diagonal}[part]


def _morton(size: int) -> tuple[Tensor, Tensor]:
    """Return the rows and columns of the entries of a map in Morton order."""
    place = torch.arange(size**2)
    rows, columns = torch.zeros_like(place), torch.zeros_like(place)
    for bit in range(size.bit_length() - 1):
        columns |= (place >> 2 * bit & 1) << bit
        rows |= (place >> 2 * bit + 1 & 1) << bit
    return rows, columns


def make_tables(size: int, part: str) -> CellTables:
    """Compute where the entries of a map come from.

    Parameters
    ----------
    size : int
        Rows of the map, a power of two.
    part : {"full", "diagonal", "off_diagonal"}
        Which entries are kept.

    Returns
    -------
    tables : CellTables
        The places.
    """
    mask = map_mask(size, part)
    rows, columns = _morton(size)
    places = torch.argsort(rows * size + columns)
    if mask is not None:
        rows = rows.where(mask[rows, columns], size + 1)
    ones = torch.full((size**2 // 4, 1), size)
    rows, columns = (torch.cat([t.view(-1, 4), ones], 1).flatten() for t in (rows, columns))
    return CellTables(rows, columns, places, mask)


def convolve_outer_product(
    users: Tensor,
    items: Tensor,
    tables: CellTables,
    first: Tensor,
    layers: Sequence[tuple[Tensor, Tensor]],
) -> Tensor:
    """Apply layers of 2 x 2 convolutions with stride 2 and ReLU to outer products.

    Parameters
    ----------
    users : Tensor of shape (B or 1, m or 1, size)
        The vectors on the left.
    items : Tensor of shape (B or 1, m or 1, size)
        The vectors on the right.
    tables : CellTables
        Those of the size.
    first : Tensor of shape (5, C)
        The first layer: the kernel's four places and the bias.
    layers : list of tuple of Tensor of shapes (4 * C, C) and (C,)
        Kernels, as (row, column, map below) by map, and biases of further layers.

    Returns
    -------
    maps : Tensor of shape (B, m, C)
        The last layer's output.
    """
    tensors = (users, items, first, *(t for layer in layers for t in layer))
    keep = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    return _Tower.apply(keep, tables, *tensors)


class _Tower(torch.autograd.Function):
    """Both passes run over chunks of few pairs; else most of the time goes to moving layer 1."""

    @staticmethod
    def forward(
        ctx: Any,
        keep: bool,
        tables: CellTables,
        users: Tensor,
        items: Tensor,
        first: Tensor,
        *layers: Tensor,
    ) -> Tensor:
        tower = _Chunked(tables, users, items, first, layers)
        maps, kept = tower.forward(keep)
        ctx.tables, ctx.n_layers = tables, len(layers)
        ctx.save_for_backward(users, items, first, *layers, *kept)
        return maps

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        users, items, first, *rest = ctx.saved_tensors
        layers, kept = rest[: ctx.n_layers], rest[ctx.n_layers :]
        tower = _Chunked(ctx.tables, users, items, first, layers)
        needs_users, needs_items, *needs_weights = ctx.needs_input_grad[2:]
        gradients = tower.backward(grad, kept, needs_users or needs_items, any(needs_weights))
        return None, None, *gradients


class _Chunked:
    """The passes over one batch.

    Parameters
    ----------
    tables : CellTables
        Places of the entries.
    users, items : Tensor
        The vectors, of shapes that broadcast.
    first : Tensor of shape (5, C)
        The first layer.
    layers : sequence of Tensor
        Kernel and bias of each further layer, in turn.
    """

    def __init__(
        self,
        tables: CellTables,
        users: Tensor,
        items: Tensor,
        first: Tensor,
        layers: Sequence[Tensor],
    ) -> None:
        self.tables, self.users, self.items, self.first = tables, users, items, first
        self.kernels, self.biases = layers[::2], layers[1::2]
        self.size, self.n_maps = users.shape[-1], first.shape[1]
        self.shape = torch.broadcast_shapes(users.shape[:2], items.shape[:2])
        self.padded = [_with_one_and_zero(users), _with_one_and_zero(items)]
        self.buffers: dict[str, Tensor] = {}

    def forward(self, keep: bool) -> tuple[Tensor, list[Tensor]]:
        """Compute the last layer's output, and those of layers 2 on if they are to be kept."""
        maps = self.users.new_empty(*self.shape, self.n_maps)
        kept = []
        for part in self._parts():
            outputs = self._upper(self._first_layer(self._cells(part)))
            maps[part] = outputs[-1].view(maps[part].shape)
            kept += outputs[1:] if keep else []
        return maps, kept

    def backward(
        self, grad: Tensor, kept: Sequence[Tensor], needs_vectors: bool, needs_weights: bool
    ) -> tuple[Tensor | None, ...]:
        """Compute the gradients of users, items, first layer and further layers."""
        vectors: list[Any] = [
            torch.zeros_like(t) if needs_vectors else None for t in (self.users, self.items)
        ]
        tensors = [self.first, *(t for pair in zip(self.kernels, self.biases) for t in pair)]
        weights: list[Any] = [torch.zeros_like(t) if needs_weights else None for t in tensors]
        n_kept = len(self.kernels)
        for number, part in enumerate(self._parts()):
            cells = self._cells(part)
            outputs = [self._first_layer(cells), *kept[number * n_kept : (number + 1) * n_kept]]
            delta = self._upper_back(grad[part].reshape(-1, self.n_maps), outputs, weights[1:])
            if needs_weights:
                weights[0].addmm_(cells.T, delta)
            if needs_vectors:
                self._vectors_back(delta, part, vectors)
        return *vectors, *weights

    def _parts(self) -> list[tuple[slice, slice]]:
        """Cut the batch into blocks of pairs, as slices of its two dimensions."""
        n_users, n_items = (max(1, n) for n in self.shape)
        pair_bytes = self.size**2 // 4 * self.n_maps * self.users.element_size()
        n_pairs = max(1, _chunk_bytes(self.users.device) // pair_bytes)
        # as square as can be: a row or column of pairs shares the part that comes from its vector
        width = min(n_items, max(isqrt(n_pairs), n_pairs // n_users))
        height = n_pairs // width
        starts = product(range(0, self.shape[0], height), range(0, self.shape[1], width))
        return [(slice(i, i + height), slice(j, j + width)) for i, j in starts]

    def _cells(self, part: tuple[slice, slice]) -> Tensor:
        """Compute blocks of four entries and a one, of shape (pairs * size**2 / 4, 5)."""
        left, right = (_take(t, part) for t in self.padded)
        return (_pick(left, self.tables.rows) * _pick(right, self.tables.columns)).view(-1, 5)

    def _first_layer(self, cells: Tensor) -> Tensor:
        out = self._buffer("first", len(cells), self.n_maps)
        return torch.mm(cells, self.first, out=out).relu_()

    def _upper(self, x: Tensor) -> list[Tensor]:
        """Compute the outputs of all layers, from that of the first on."""
        outputs = [x]
        for kernel, bias in zip(self.kernels, self.biases, strict=True):
            x = torch.addmm(bias, x.view(-1, len(kernel)), kernel).relu_()
            outputs.append(x)
        return outputs

    def _upper_back(
        self, delta: Tensor, outputs: Sequence[Tensor], weights: Sequence[Any]
    ) -> Tensor:
        """Go down to the input of the first ReLU, adding to the gradients on the way."""
        for number in reversed(range(len(self.kernels))):
            kernel = self.kernels[number]
            below, delta = outputs[number], _through_relu(delta, outputs[number + 1])
            if weights[0] is not None:
                weights[2 * number].addmm_(below.view(-1, len(kernel)).T, delta)
                weights[2 * number + 1].add_(delta.sum(0))
            out = self._buffer("delta", len(delta), len(kernel)) if number == 0 else None
            delta = torch.mm(delta, kernel.T, out=out).view(-1, self.n_maps)
        return _through_relu(delta, outputs[0])

    def _vectors_back(
        self, delta: Tensor, part: tuple[slice, slice], gradients: Sequence[Tensor]
    ) -> None:
        """Add a chunk's gradients of the vectors."""
        entries = torch.mm(delta, self.first[:4].T).view(-1, self.size**2)
        entries = entries.index_select(1, self.tables.places)
        left, right = _take(self.users, part), _take(self.items, part)
        shape = torch.broadcast_shapes(left.shape, right.shape)
        entries = entries.view(*shape, self.size)
        if self.tables.mask is not None:
            entries *= self.tables.mask
        for own, other, matrix in ((0, right, entries), (1, left, entries.mT)):
            gradient = _take(gradients[own], part)
            gradient += (matrix @ other[..., None]).squeeze(-1).sum_to_size(gradient.shape)

    def _buffer(self, name: str, n_rows: int, n_columns: int) -> Tensor:
        """Return memory that is used again; the first touch of fresh memory costs as much."""
        if name not in self.buffers:
            self.buffers[name] = self.first.new_empty(n_rows * n_columns)
        return self.buffers[name][: n_rows * n_columns].view(n_rows, n_columns)


def _chunk_bytes(device: torch.device) -> int:
    if device.type == "cpu":
        return _CPU_CHUNK_BYTES * torch.get_num_threads()
    return _DEVICE_CHUNK_BYTES


def _with_one_and_zero(vectors: Tensor) -> Tensor:
    padded = torch.nn.functional.pad(vectors, (0, 2))
    padded[..., -2] = 1
    return padded


def _take(tensor: Tensor, part: tuple[slice, slice]) -> Tensor:
    """Take a block of a tensor that may be broadcast over it."""
    whole = slice(None)
    return tensor[tuple(whole if n == 1 else s for n, s in zip(tensor.shape, part))]


def _pick(vectors: Tensor, places: Tensor) -> Tensor:
    """Pick entries of vectors; over one leading dimension, where torch has a fast path."""
    flat = vectors.flatten(0, 1).index_select(1, places)
    return flat.view(*vectors.shape[:2], len(places))


def _through_relu(delta: Tensor, output: Tensor) -> Tensor:
    """Set the gradient to 0 where the output is, in place and in one go."""
    return torch.ops.aten.threshold_backward.grad_input(delta, output, 0, grad_input=delta)
