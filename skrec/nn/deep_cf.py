"""DeepCF (CFNet): representation learning and a matching function on rows and columns."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.nn.interactions import Interaction
from skrec.nn.pairs import PairBatch, PairModel
from skrec.nn.rows import SparseLinear, SparseRows

__all__ = ["DeepCF", "DeepMatching", "HistoryNet", "ItemNet"]


def linear_layers(sizes: Sequence[int]) -> list[nn.Linear]:
    """Return dense layers between widths, with Xavier weights and zero biases."""
    layers = [nn.Linear(n, m) for n, m in itertools.pairwise(sizes)]
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return layers


def bag(rows: SparseRows, weight: Tensor) -> Tensor:
    """Multiply binary rows with a weight."""
    return F.embedding_bag(rows.indices, weight, rows.offsets, mode="sum", include_last_offset=True)


class BinaryProduct(torch.autograd.Function):
    """Multiply a binary matrix, given by rows and by columns, with a weight.

    With the columns at hand the gradient is a sum over rows too, many times as fast as sorting.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, rows: SparseRows, columns: SparseRows) -> Tensor:
        """Return rows @ weight."""
        ctx.columns = columns
        return bag(rows, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return columns @ grad."""
        return bag(ctx.columns, grad.contiguous()), None, None


class TwoViews(nn.Module):
    r"""Two views of a binary row: a representation by an MLP, and a linear embedding.

    The MLP's first layer is linear, as in the paper, and so goes into the second one before either
    meets the row: :math:`\mathrm{ReLU}(x W_1 W_2 + b)` costs the narrow width in place of the wide.

    Parameters
    ----------
    n_inputs : int
        Length of the rows.
    sizes : sequence of int
        Widths of the MLP's layers; without any there is no representation.
    embedding_size : int
        Width of the embedding; with 0 there is none.
    """

    def __init__(self, n_inputs: int, sizes: Sequence[int], embedding_size: int) -> None:
        super().__init__()
        self.first = SparseLinear(n_inputs, sizes[0]) if sizes else None
        self.layers = nn.ModuleList(linear_layers(sizes))
        self.embedding = SparseLinear(n_inputs, embedding_size) if embedding_size else None
        self.embedding_size = embedding_size

    def forward(self, product: Callable[[Tensor], Tensor]) -> Tensor:
        """Compute both views of rows.

        Parameters
        ----------
        product : callable
            Multiplies the rows with a weight.

        Returns
        -------
        vectors : Tensor of shape (n_rows, sizes[-1] + embedding_size)
            The representations, and the embeddings.
        """
        weights, biases = zip(*self._linear_maps(), strict=True)
        both = product(torch.cat(weights, dim=1)) + torch.cat(biases)
        size = self.embedding_size
        seen, embedding = both.split([both.shape[1] - size, size], dim=1)
        if len(self.layers):
            seen = seen.relu()
        for layer in self.layers[1:]:
            seen = layer(seen).relu()
        return torch.cat([seen, embedding], dim=1)

    def _linear_maps(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Iterate over weight and bias of the linear maps of rows that both views begin with."""
        if self.first is not None:
            weight, bias = self.first.weight, self.first.bias
            for layer in cast("Sequence[nn.Linear]", self.layers[:1]):
                weight, bias = weight @ layer.weight.T, layer(bias)
            yield weight, bias
        if self.embedding is not None:
            yield self.embedding.weight, self.embedding.bias


class HistoryNet(nn.Module):
    """Users by their rows of the matrix.

    Parameters
    ----------
    n_items : int
        Number of items.
    sizes : sequence of int
        Widths of the representation's layers.
    embedding_size : int
        Width of the embedding.
    """

    reads_history = False  # in the sense that no target is left out of it
    free = None

    def __init__(self, n_items: int, sizes: Sequence[int], embedding_size: int) -> None:
        super().__init__()
        self.net = TwoViews(n_items, sizes, embedding_size)

    def forward(self, batch: PairBatch) -> Tensor:
        """Compute the vectors of the users of a batch, of shape (B, 1, size)."""
        history = cast("SparseRows", batch.history)
        return batch.by_row(self.states(None, history))[:, None]

    def states(self, free: None, rows: SparseRows) -> Tensor:
        """Compute the vectors of users.

        Parameters
        ----------
        free : None
            Not used: there are no free vectors.
        rows : SparseRows of length R
            Histories.

        Returns
        -------
        states : Tensor of shape (R, size)
            The vectors.
        """
        return self.net(lambda weight: bag(rows, weight))


class ItemNet(nn.Module):
    """Items by the columns of the matrix that was trained on.

    It is used like a table: ``weight`` holds all vectors. Batches of random negatives need most of
    the items, so all vectors are computed at once; outside training they are kept until the
    weights may change. Neither they nor the matrix belong to the ``state_dict``.

    Parameters
    ----------
    columns : SparseRows of length n_items
        The columns.
    rows : SparseRows of length n_users
        The same matrix by rows.
    sizes : sequence of int
        Widths of the representation's layers.
    embedding_size : int
        Width of the embedding.
    """

    columns: SparseRows
    rows: SparseRows
    _kept: tuple[list[int], Tensor] | None

    def __init__(
        self, columns: SparseRows, rows: SparseRows, sizes: Sequence[int], embedding_size: int
    ) -> None:
        super().__init__()
        self.net = TwoViews(len(rows), sizes, embedding_size)
        self.read(columns, rows)

    def read(self, columns: SparseRows, rows: SparseRows) -> None:
        """Set the matrix to read.

        Parameters
        ----------
        columns : SparseRows of length n_items
            The columns.
        rows : SparseRows of length n_users
            The same matrix by rows.
        """
        self.columns, self.rows = columns, rows
        self._kept = None

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        device = next(self.net.parameters()).device
        self.read(self.columns.to(device), self.rows.to(device))
        return self

    def train(self, mode: bool = True) -> Self:
        """Set the mode, and forget the vectors."""
        self._kept = None
        return super().train(mode)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": None}

    @property
    def weight(self) -> Tensor:
        """Vectors of all items, of shape (n_items, size)."""
        if self.training or torch.is_grad_enabled():
            return self._vectors()
        now = [weight._version for weight in self.net.parameters()]
        if self._kept is None or self._kept[0] != now:
            with torch.inference_mode(False), torch.no_grad():
                self._kept = now, self._vectors()
        return self._kept[1]

    def _vectors(self) -> Tensor:
        return self.net(lambda weight: BinaryProduct.apply(weight, self.columns, self.rows))

    def forward(self, index: Tensor) -> Tensor:
        """Look vectors up by their numbers: index of any shape -> (*shape, size)."""
        vectors = self.weight
        return vectors.index_select(0, index.reshape(-1)).view(*index.shape, vectors.shape[1])


class DeepMatching(Interaction):
    r"""Logit of the product of two representations and of an MLP over two embeddings.

    .. math:: f = w^\top [\, r_u \odot r_i \,;\, \mathrm{MLP}([e_u; e_i]) \,] + b

    The MLP's first layer is a part for users plus a part for items. Either half may be left out.

    Parameters
    ----------
    representation_size, embedding_size : int
        Widths of both parts of a vector; with 0 there is none.
    sizes : sequence of int
        Widths of the MLP's layers; none where there are no embeddings.
    """

    def __init__(self, representation_size: int, embedding_size: int, sizes: Sequence[int]) -> None:
        super().__init__(*2 * [representation_size + embedding_size])
        self.representation_size = representation_size
        self.first = linear_layers((2 * embedding_size, sizes[0]))[0] if sizes else None
        self.layers = nn.ModuleList(linear_layers(sizes))
        self.out = nn.Linear(representation_size + sum(sizes[-1:]), 1)
        self._units = sum(sizes)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user: (B, 1 or m, size), (B, m, size) -> (B, m)."""
        (seen, left), (other, right) = self._user_side(users), self.item_side(items)
        return (seen * other).sum(-1) + self._match(left + right)

    def item_side(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """Compute what depends on the items alone.

        Parameters
        ----------
        items : Tensor of shape (..., item_size)
            Vectors of items.

        Returns
        -------
        seen : Tensor of shape (..., representation_size)
            The representations.
        part : Tensor of shape (..., sizes[0])
            The items' part of the first layer.
        """
        seen, embedding = self._split(items)
        if self.first is None:
            return seen, embedding  # of width 0
        return seen, F.linear(embedding, self.first.weight[:, embedding.shape[-1] :])

    def _user_side(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the weighted representations, and the users' part of the first layer."""
        seen, embedding = self._split(users)
        seen = seen * self.out.weight[0, : self.representation_size]
        if self.first is None:
            return seen, embedding
        weight = self.first.weight[:, : embedding.shape[-1]]
        return seen, F.linear(embedding, weight, self.first.bias)

    def _split(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Split vectors into representations and embeddings."""
        size = self.representation_size
        return vectors[..., :size], vectors[..., size:]

    def _match(self, hidden: Tensor) -> Tensor:
        """Apply the MLP above its first layer: (..., sizes[0]) -> (...)."""
        hidden = hidden.relu_()
        for layer in self.layers:
            hidden = layer(hidden).relu_()
        return F.linear(hidden, self.out.weight[:, self.representation_size :], self.out.bias)[
            ..., 0
        ]

    def _pair_bytes(self, users: Tensor) -> int:
        return 2 * users.element_size() * self._units

    def _cross_chunk(self, users: Tensor, side: tuple[Tensor, Tensor]) -> Tensor:
        """Score all pairs of (R, size) and two parts of m items -> (R, m)."""
        (seen, left), (other, right) = self._user_side(users), side
        return (seen @ other.T).add_(self._match(left[:, None] + right))


class DeepCF(PairModel):
    """Score pairs by rows and columns of the matrix that was trained on.

    Parameters
    ----------
    columns : SparseRows of length n_items
        The columns.
    rows : SparseRows of length n_users
        The same matrix by rows.
    user_sizes, item_sizes : sequence of int
        Widths of the representations' layers, the last of which is the same; none leave that half
        out.
    embedding_size : int
        Width of the embeddings.
    matching_sizes : sequence of int
        Widths of the matching function's layers; none, with an ``embedding_size`` of 0, leave that
        half out.
    """

    def __init__(
        self,
        columns: SparseRows,
        rows: SparseRows,
        user_sizes: Sequence[int],
        item_sizes: Sequence[int],
        embedding_size: int,
        matching_sizes: Sequence[int],
    ) -> None:
        super().__init__(
            HistoryNet(len(columns), user_sizes, embedding_size),
            ItemNet(columns, rows, item_sizes, embedding_size),
            DeepMatching(sum(user_sizes[-1:]), embedding_size, matching_sizes),
        )

    @torch.no_grad()
    def join_(self, representation: "DeepCF", matching: "DeepCF", alpha: float) -> None:
        r"""Start from trained halves, in place.

        .. math:: w \leftarrow [\alpha w^R; (1 - \alpha) w^M], \qquad
            b \leftarrow \alpha b^R + (1 - \alpha) b^M

        Parameters
        ----------
        representation, matching : DeepCF
            A model with that half alone, of the same sizes.
        alpha : float
            Weight of the scores of the first.

        Raises
        ------
        ValueError
            If the halves are not those of this model.
        """
        own, outs = self.state_dict(), []
        for half, wanted in ((representation, False), (matching, True)):
            theirs = half.state_dict()
            outs.append([theirs.pop(f"interaction.out.{name}") for name in ("weight", "bias")])
            mine = {k: v for k, v in own.items() if _matches(k) == wanted and ".out." not in k}
            shapes = [{k: tuple(v.shape) for k, v in part.items()} for part in (mine, theirs)]
            if shapes[0] != shapes[1]:
                raise ValueError(f"a half must have weights of {shapes[0]}; got {shapes[1]}")
            for name, value in theirs.items():
                own[name].copy_(value)
        device = self.interaction.out.bias.device
        weights, biases = (
            [share * part.to(device) for share, part in zip((alpha, 1 - alpha), both, strict=True)]
            for both in zip(*outs, strict=True)
        )
        self.interaction.out.weight.copy_(torch.cat(weights, dim=1))
        self.interaction.out.bias.copy_(sum(biases))


def _matches(name: str) -> bool:
    """Return whether a weight belongs to the matching function, its embeddings included."""
    return ".embedding." in name or name.startswith("interaction.")
