"""Interaction functions, which turn a user's vector and an item's vector into a score."""

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

__all__ = ["Dot", "Interaction", "chunk_size", "split_rows_of"]

_CHUNK_BYTES = 2**23  # temporaries of one step over the items

ItemSide: TypeAlias = Any
"""A tensor, or a tuple of tensors, with one row for each item; each function makes its own."""


def chunk_size(bytes_per_row: int) -> int:
    """Return the number of rows whose temporaries are small.

    Parameters
    ----------
    bytes_per_row : int
        Memory that a row takes.

    Returns
    -------
    n_rows : int
        At least 1.
    """
    return max(1, _CHUNK_BYTES // max(1, bytes_per_row))


def split_rows_of(side: ItemSide, size: int) -> Iterator[ItemSide]:
    """Split an item side into chunks of items.

    Parameters
    ----------
    side : Tensor or tuple of Tensor
        What `Interaction.item_side` returned; the leading dimension is the items.
    size : int
        Number of items in a chunk.

    Yields
    ------
    chunk : Tensor or tuple of Tensor
        The side of some items.
    """
    if isinstance(side, Tensor):
        yield from side.split(size)
    else:
        yield from zip(*(part.split(size) for part in side), strict=True)


class Interaction(nn.Module):
    """Base of interaction functions.

    A subclass implements ``forward``. Where a part of the work depends on the item alone, it also
    implements ``item_side`` and ``_cross_chunk``, so that a block of users shares that part.

    Parameters
    ----------
    user_size, item_size : int
        Widths of the vectors of users and items.
    """

    def __init__(self, user_size: int, item_size: int) -> None:
        super().__init__()
        self.user_size = user_size
        self.item_size = item_size

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user.

        Parameters
        ----------
        users : Tensor of shape (B, 1, user_size) or (B, m, user_size)
            Vectors of users, one for all items of a row or one an item.
        items : Tensor of shape (B, m, item_size)
            Vectors of items.

        Returns
        -------
        scores : Tensor of shape (B, m)
            The scores.
        """
        raise NotImplementedError

    def score_tables(
        self,
        user_table: Tensor,
        item_table: Tensor,
        users: Tensor,
        items: Tensor,
        sparse: tuple[bool, bool] = (False, False),
    ) -> tuple[Tensor, Tensor, Tensor] | None:
        """Score pairs by their numbers, where that is faster than by their vectors.

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
        answer : tuple of Tensor or None
            The scores of shape (B, m), and the sums of the squares of the vectors that took part,
            of shape (1,) for users and (m,) for items; None where there is no faster way.
        """
        return None

    def item_side(self, items: Tensor) -> ItemSide:
        """Compute what depends on the items alone.

        Parameters
        ----------
        items : Tensor of shape (n_items, item_size)
            Vectors of items.

        Returns
        -------
        side : Tensor or tuple of Tensor
            Its leading dimension is n_items.
        """
        return items

    def cross(self, users: Tensor, side: ItemSide) -> Tensor:
        """Score all pairs of some users and items, streaming over the items.

        Parameters
        ----------
        users : Tensor of shape (R, user_size)
            Vectors of users.
        side : Tensor or tuple of Tensor
            The side of the items.

        Returns
        -------
        scores : Tensor of shape (R, n_items)
            The scores.
        """
        size = chunk_size(len(users) * self.pair_bytes(users))
        parts = [self._cross_chunk(users, chunk) for chunk in split_rows_of(side, size)]
        return torch.cat(parts, dim=1)

    def pair_bytes(self, users: Tensor) -> int:
        """Return the temporary memory of a pair.

        Parameters
        ----------
        users : Tensor
            Vectors of users, of which only the type matters.

        Returns
        -------
        n_bytes : int
            Its size in bytes.
        """
        return self._pair_bytes(users)

    def _pair_bytes(self, users: Tensor) -> int:
        return users.element_size() * (self.user_size + self.item_size)

    def _cross_chunk(self, users: Tensor, side: ItemSide) -> Tensor:
        """Score all pairs of some users and a chunk of items."""
        shape = (len(users), len(side), self.item_size)
        return self(users[:, None], side[None].expand(shape))


class _InnerProducts(torch.autograd.Function):
    """Inner products of each user with some items, without a (B, m, size) product in between."""

    @staticmethod
    def forward(ctx: Any, users: Tensor, items: Tensor) -> Tensor:
        ctx.save_for_backward(users, items)
        return torch.bmm(items, users[:, :, None])[:, :, 0]  # (B, m)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        users, items = ctx.saved_tensors
        needs_users, needs_items = ctx.needs_input_grad
        grad_users = grad_items = None
        if needs_users:  # a term an item: batched products of single rows are slow
            grad_users = items[:, 0] * grad[:, :1]
            for k in range(1, items.shape[1]):
                grad_users.addcmul_(items[:, k], grad[:, k : k + 1])
        if needs_items:
            grad_items = grad[:, :, None] * users[:, None]
        return grad_users, grad_items


class _TableProducts(torch.autograd.Function):
    """Inner products of vectors in tables, and the sums of squares of their vectors by column.

    A gradient is written once in the size of the batch, its penalty included, where separate
    functions write it for the products and for the penalty and then add the two.
    """

    @staticmethod
    def forward(
        ctx: Any,
        user_table: Tensor,
        item_table: Tensor,
        users: Tensor,
        items: Tensor,
        sparse: tuple[bool, bool],
    ) -> tuple[Tensor, Tensor, Tensor]:
        columns = items.T.reshape(-1)
        p = user_table.index_select(0, users)  # (B, size)
        q = item_table.index_select(0, columns).view(*items.T.shape, -1)  # (m, B, size)
        ctx.save_for_backward(p, q, users, columns)
        ctx.shapes, ctx.sparse = (user_table.shape, item_table.shape), sparse
        ctx.set_materialize_grads(False)
        scores = torch.bmm(q.transpose(0, 1), p[:, :, None])[:, :, 0]  # (B, m)
        return scores, total_square(p)[None], torch.stack([total_square(part) for part in q])

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad: Tensor | None, user_grad: Tensor | None, item_grad: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        p, q, users, columns = ctx.saved_tensors
        grads: list[Tensor | None] = [None, None]
        if ctx.needs_input_grad[0]:
            rows = square_gradient(p, user_grad)
            if grad is not None:  # a term an item: batched products of single rows are slow
                for k, part in enumerate(q):
                    rows.addcmul_(part, grad[:, k : k + 1])
            grads[0] = table_gradient(ctx.shapes[0], ctx.sparse[0], users, rows)
        if ctx.needs_input_grad[1]:
            rows = square_gradient(q, None if item_grad is None else item_grad[:, None, None])
            if grad is not None:
                rows.addcmul_(grad.T[:, :, None], p)
            grads[1] = table_gradient(ctx.shapes[1], ctx.sparse[1], columns, rows.flatten(0, 1))
        return *grads, None, None, None


def table_gradient(shape: torch.Size, sparse: bool, numbers: Tensor, rows: Tensor) -> Tensor:
    """Return the gradient of a table from those of the rows that were read.

    Parameters
    ----------
    shape : torch.Size
        Shape of the table.
    sparse : bool
        Whether the gradient holds only these rows.
    numbers : Tensor of shape (n,)
        Their numbers, which may repeat.
    rows : Tensor of shape (n, size)
        Their gradients.

    Returns
    -------
    gradient : Tensor
        Of the table's shape.
    """
    if sparse:
        return torch.sparse_coo_tensor(numbers[None], rows, shape, check_invariants=False)
    return rows.new_zeros(shape).index_add_(0, numbers, rows)


def total_square(vectors: Tensor) -> Tensor:
    """Compute the sum of squares of contiguous vectors."""
    flat = vectors.view(-1)
    return torch.dot(flat, flat)


def square_gradient(vectors: Tensor, grad: Tensor | None) -> Tensor:
    """Compute the gradient of sums of squares, from that of the sums."""
    return torch.zeros_like(vectors) if grad is None else vectors * (2 * grad)


class Dot(Interaction):
    r"""Inner product, with biases if wanted.

    .. math:: f_{ui} = p_u^\top q_i \; [+ b_u] \; [+ b_i]

    A bias is the last entry of its vector, so that it takes part in whatever is done to vectors,
    such as folding a user in.

    Parameters
    ----------
    size : int
        Number of factors.
    user_bias, item_bias : bool, default=False
        Whether the vectors of users and items end in a bias.
    """

    def __init__(self, size: int, user_bias: bool = False, item_bias: bool = False) -> None:
        super().__init__(size + user_bias, size + item_bias)
        self.size = size
        self.user_bias = user_bias
        self.item_bias = item_bias

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user: (B, 1 or m, user_size), (B, m, item_size) -> (B, m)."""
        p, q = users[..., : self.size], items[..., : self.size]
        scores = _InnerProducts.apply(p[:, 0], q) if p.shape[1] == 1 else (p * q).sum(-1)
        if self.user_bias:
            scores = scores + users[..., self.size]
        if self.item_bias:
            scores = scores + items[..., self.size]
        return scores

    def score_tables(
        self,
        user_table: Tensor,
        item_table: Tensor,
        users: Tensor,
        items: Tensor,
        sparse: tuple[bool, bool] = (False, False),
    ) -> tuple[Tensor, Tensor, Tensor] | None:
        """Score pairs by their numbers, if there are no biases.

        Parameters
        ----------
        user_table : Tensor of shape (n_users, size)
            Vectors of all users.
        item_table : Tensor of shape (n_items, size)
            Vectors of all items.
        users : Tensor of shape (B,)
            Numbers of users.
        items : Tensor of shape (B, m)
            Numbers of items.
        sparse : tuple of bool, default=(False, False)
            Whether the gradients of the tables hold only the rows that took part.

        Returns
        -------
        answer : tuple of Tensor or None
            Scores of shape (B, m), sums of squares of shape (1,) and (m,); None with biases.
        """
        if self.user_bias or self.item_bias:
            return None
        return _TableProducts.apply(user_table, item_table, users, items, sparse)

    def _pair_bytes(self, users: Tensor) -> int:
        return 4 * users.element_size()  # the score and what is done with it

    def cross(self, users: Tensor, side: Tensor) -> Tensor:
        """Score all pairs of some users and items by one matrix product.

        Parameters
        ----------
        users : Tensor of shape (R, user_size)
            Vectors of users.
        side : Tensor of shape (n_items, item_size)
            Vectors of items.

        Returns
        -------
        scores : Tensor of shape (R, n_items)
            The scores.
        """
        scores = users[:, : self.size] @ side[:, : self.size].T
        if self.user_bias:
            scores += users[:, self.size :]
        if self.item_bias:
            scores += side[:, self.size]
        return scores

    def user_factors(self, users: Tensor) -> Tensor:
        """Return the users' side of products that are the scores up to the users' biases.

        Parameters
        ----------
        users : Tensor of shape (R, user_size)
            Vectors of users.

        Returns
        -------
        factors : Tensor of shape (R, item_size)
            With a 1 where items have their bias.
        """
        factors = users[:, : self.size]
        return F.pad(factors, (0, 1), value=1.0) if self.item_bias else factors

    def item_factors(self, items: Tensor) -> Tensor:
        """Return the items' side of these products.

        Parameters
        ----------
        items : Tensor of shape (n_items, item_size)
            Vectors of items.

        Returns
        -------
        factors : Tensor of shape (n_items, item_size)
            The vectors themselves.
        """
        return items

    def row(self, user: Tensor, items: Tensor) -> np.ndarray:
        """Score all items of one user in NumPy, which has less to do before and after.

        Parameters
        ----------
        user : Tensor of shape (1, user_size)
            Vector of the user, on the CPU.
        items : Tensor of shape (n_items, item_size)
            Vectors of items, on the CPU.

        Returns
        -------
        scores : ndarray of shape (1, n_items)
            The scores.
        """
        x, table = user.detach().numpy()[0], items.detach().numpy()
        vector = np.ones(self.item_size, dtype=x.dtype)  # an item's bias is taken once
        vector[: self.size] = x[: self.size]
        scores = table @ vector
        if self.user_bias:
            scores += x[self.size]
        return scores[None]


def halving_sizes(first: int, n_layers: int) -> list[int]:
    """Return the widths of a tower whose layers halve, from ``first`` on."""
    return [max(1, first // 2**layer) for layer in range(n_layers)]


def he_normal_(weight: Tensor) -> Tensor:
    """Initialise a weight of a layer before a ReLU, in place."""
    with torch.no_grad():
        return weight.normal_(0, math.sqrt(2 / weight[0].numel()))
