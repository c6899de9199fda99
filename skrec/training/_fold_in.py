"""Vectors of users who were not trained, fitted to their histories."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec import kernels
from skrec.nn import Dot, PairModel, SparseRows
from skrec.training._vector_fit import LEAST_GRADIENT, MOMENTS, VectorFit
from skrec.typing import Array

__all__ = ["FoldIn", "PairDifferences", "ranked_places"]

# takes scores of what users have (nnz, 1) and of the sample for each user (n_rows, m)
RowLoss = Callable[[Tensor, Tensor], Tensor]

_SPREAD = 7919  # a prime: neighbouring items begin at distant places of the sample
_PAIRS_PER_POSITIVE = 16  # also numbers of an entry's row loss that are counted as memory


def ranked_places(items: Array, m: int) -> Array:
    """Return which of m sampled items each item of a history is compared with.

    Parameters
    ----------
    items : ndarray of int64 of shape (nnz,)
        The items.
    m : int
        Size of the sample.

    Returns
    -------
    places : ndarray of int64 of shape (nnz, n_pairs)
        Up to 16 places, spread over the sample, from one that depends on the item alone.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.training import ranked_places
    >>> ranked_places(np.array([0, 1]), 3)
    array([[0, 1, 2],
           [2, 0, 1]])
    """
    n_pairs = min(_PAIRS_PER_POSITIVE, m)
    steps = np.arange(n_pairs) * (m // n_pairs)
    return (items[:, None] * _SPREAD + steps) % m


@dataclass(frozen=True)
class PairDifferences:
    r"""The row loss of ranking: :math:`\sum w_{ij} \ln(1 + e^{f_{uj} - f_{ui}})`.

    Parameters
    ----------
    row : Tensor of shape (nnz, 1)
        The row of each entry.
    place : Tensor of shape (nnz, n_pairs)
        Which of the sampled items each entry is compared with.
    weight : Tensor of shape (nnz, n_pairs)
        The weights w, in float64.
    """

    row: Tensor
    place: Tensor
    weight: Tensor

    def __call__(self, positive: Tensor, negative: Tensor) -> Tensor:
        """Sum the losses: scores of (nnz, 1) and (n_rows, m) -> ()."""
        return (self.weight * F.softplus(negative[self.row, self.place] - positive)).sum()


class FoldIn(VectorFit):
    r"""Fit the free vectors of users to what they have, everything else frozen.

    Minimises, over the vector x of a user with items R,

    .. math:: L_R(x) + \tfrac12 \| (x - W\phi(R)) / \tau \|^2

    where :math:`L_R` is the loss of training for the user's items against one fixed sample of
    items. The start :math:`W\phi(R)` is a ridge regression of the trained vectors on sums of the
    vectors of what their users have, and :math:`\tau` the deviation that it leaves. Adam takes a
    fixed number of steps in float64, so that a row's answer does not depend on other rows. Where
    scores are inner products and the loss is `PairDifferences`, the steps are compiled.

    Parameters
    ----------
    model : PairModel
        The trained model, on the CPU.
    rows : SparseRows
        Histories of users that were trained.
    users : Tensor of shape (n,)
        Their numbers.
    sample : Tensor of shape (m,)
        The items to compare positives with.
    n_steps : int
        Steps of Adam.
    row_loss : callable
        Takes rows, and the boolean mask of shape (n_rows, m) of the sampled items that each row
        lacks. It returns the function :math:`L` of the scores of the rows' entries, of shape
        (nnz, 1), and of the sample, of shape (n_rows, m).
    reads_values : bool, default=False
        Whether the regression also reads sums that are weighted by the values of the rows.
    """

    def __init__(
        self,
        model: PairModel,
        rows: SparseRows,
        users: Tensor,
        *,
        sample: Tensor,
        n_steps: int,
        row_loss: Callable[[SparseRows, Tensor], RowLoss],
        reads_values: bool = False,
    ) -> None:
        super().__init__(n_steps)
        self.sample = sample
        self.row_loss = row_loss
        self.reads_values = reads_values
        with torch.no_grad():
            vectors = model.users.free.weight[users].double()
            self._regress(self._features(model, rows), vectors)

    def loss(self, model: PairModel, rows: SparseRows) -> Callable[[Tensor], Tensor]:
        """Return the loss of rows as a function of their users' vectors.

        Parameters
        ----------
        model : PairModel
            The trained model, on the CPU.
        rows : SparseRows
            The histories.

        Returns
        -------
        loss : callable
            Takes vectors of shape (n_rows, size) in float64 and returns a scalar, without the
            pull towards the start.
        """
        return self._loss(self._frozen(model), rows)

    def _features(self, model: PairModel, rows: SparseRows) -> Tensor:
        """Return what a user's vector is regressed on."""
        features = _features(model, rows)
        if not self.reads_values:
            return features
        return torch.cat([features, _features(model, rows, rows.values.double())], dim=1)

    def _bytes(self, model: PairModel) -> tuple[int, int]:
        """Return the memory that an entry, and a row beside its entries, take while fitted.

        A pair is kept for the gradient, so it counts twice.
        """
        pair = 2 * model.interaction.pair_bytes(self.weights)  # in float64
        entry = 8 * (4 * model.interaction.item_size + 4 * _PAIRS_PER_POSITIVE)
        return entry + pair, len(self.sample) * pair

    def _frozen(self, model: PairModel) -> _Frozen:
        return _Frozen(model)

    def _loss(self, frozen: _Frozen, rows: SparseRows) -> _RowsLoss:
        return _RowsLoss(frozen, rows, self)

    def _descend(self, loss: _RowsLoss, start: Tensor) -> Tensor:
        if not loss.ranks_products:
            return super()._descend(loss, start)
        dot, pairs = loss.model.interaction, loss.row_loss
        vectors = kernels.fit_ranked_vectors(
            start.numpy(),
            self.deviation.numpy(),
            _as_products(dot, loss.own[:, 0]),
            _as_products(dot, loss.shared),
            (loss.offsets.numpy(), pairs.place.numpy(), pairs.weight.numpy()),
            np.array(self.rates(), dtype=np.float64),
            (*MOMENTS, LEAST_GRADIENT),
        )
        return torch.from_numpy(vectors)


class _Frozen:
    """A model's parts in float64 without gradients of their own."""

    def __init__(self, model: PairModel) -> None:
        # what has no weights to take part need not be copied, which takes long for one user
        self.users, self.items, self.interaction = model.users, model.items, model.interaction
        if self.users.reads_history:
            self.users = _in_double(self.users)
        if not isinstance(self.interaction, Dot):
            self.interaction = _in_double(self.interaction)

    def item_vectors(self, items: Tensor) -> Tensor:
        if not isinstance(self.items, nn.Embedding):
            return self.items(items).detach().double()
        # NumPy wakes no threads, which takes longer than the vectors of one user do
        vectors = self.items.weight.detach().numpy()[items.numpy()]
        return torch.from_numpy(vectors.astype(np.float64))


def _in_double(module: nn.Module) -> Any:
    """Return a copy in float64 without gradients of its own.

    `copy.deepcopy` took longer than all else that is done for one user.
    """
    copied = copy.copy(module)
    copied._modules = {
        name: child if child is None else _in_double(child)
        for name, child in module._modules.items()
    }
    copied._parameters = {
        name: weight if weight is None else nn.Parameter(weight.double(), requires_grad=False)
        for name, weight in module._parameters.items()
    }
    copied._buffers = {
        name: value.double() if value is not None and value.is_floating_point() else value
        for name, value in module._buffers.items()
    }
    return copied


class _RowsLoss:
    """The loss of rows as a function of their users' vectors, what is fixed computed once."""

    def __init__(self, model: _Frozen, rows: SparseRows, options: FoldIn) -> None:
        self.model = model
        self.row, self.offsets = rows.row, rows.offsets
        self.shared = model.item_vectors(options.sample)  # (m, item_size)
        self.own = model.item_vectors(rows.indices)[:, None]  # (nnz, 1, item_size)
        self.history = self.share = None
        if model.users.reads_history:
            self.history = model.users.states(None, rows)
            scale = model.users.scale(rows)[self.row]
            self.share = model.users.share(rows.indices[:, None], scale)  # (nnz, 1, size)
        self.row_loss = options.row_loss(rows, ~_taken(rows, self.row, options.sample))

    @property
    def ranks_products(self) -> bool:
        """Whether the loss is one of ranking by inner products with the vectors alone."""
        products = isinstance(self.model.interaction, Dot) and self.history is None
        return products and isinstance(self.row_loss, PairDifferences)

    def __call__(self, vectors: Tensor) -> Tensor:
        users = vectors if self.history is None else vectors + self.history
        own = users[self.row, None]
        own = own if self.share is None else own - self.share
        positive = self.model.interaction(own, self.own)  # (nnz, 1)
        if not len(self.shared):
            return self.row_loss(positive, positive.new_empty(len(users), 0))
        side = self.model.interaction.item_side(self.shared)
        negative = self.model.interaction.cross(users, side)  # (n_rows, m)
        return self.row_loss(positive, negative)


def _features(model: PairModel, rows: SparseRows, weights: Tensor | None = None) -> Tensor:
    """Return sums of the vectors of what users have, divided two ways, and the length."""
    vectors = model.item_vectors(rows.indices).double()
    vectors = vectors if weights is None else vectors * weights[:, None]
    if len(rows) == 1:
        return _row_features(vectors)
    sums = vectors.new_zeros(len(rows), vectors.shape[1]).index_add_(0, rows.row, vectors)
    lengths = rows.offsets.diff().clamp(min=1).double()[:, None]
    ones = torch.ones_like(lengths)
    return torch.cat([sums / lengths, sums / lengths.sqrt(), lengths.log(), ones], dim=1)


def _row_features(vectors: Tensor) -> Tensor:
    """Return the same of a single row, in NumPy: torch takes longer for so little."""
    total, length = vectors.detach().numpy().sum(0), max(len(vectors), 1)
    ends = np.array([math.log(length), 1.0])
    features = np.concatenate([total / length, total / math.sqrt(length), ends])
    return torch.from_numpy(features)[None]


def _as_products(dot: Dot, items: Tensor) -> tuple[Array, Array]:
    """Return items as arrays q and b whose scores are q'x + b for a user's whole vector x.

    Where q is longer than x, what is beyond does not count.
    """
    vectors = items
    if dot.user_bias:  # what all items get alike makes no difference to a ranking
        users_bias = items.new_zeros(len(items), 1)
        vectors = torch.cat([items[:, : dot.size], users_bias], dim=1)
    offsets = items[:, dot.size] if dot.item_bias else items.new_zeros(len(items))
    return vectors.numpy(), offsets.contiguous().numpy()


def _taken(rows: SparseRows, row: Tensor, sample: Tensor) -> Tensor:
    """Return which items of a sample each row has, of shape (n_rows, m)."""
    if len(rows) == 1 and len(row) and len(sample):
        items, asked = rows.indices.numpy(), sample.numpy()
        has = np.zeros(max(items.max(), asked.max()) + 1, dtype=bool)
        has[items] = True
        return torch.from_numpy(has[asked])[None]
    taken = torch.zeros(len(rows), len(sample), dtype=torch.bool)
    if not taken.numel():
        return taken
    entry, place = _members(rows.indices, sample)
    taken[row[entry], place] = True
    return taken


def _members(values: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """Return where values occur in a table: places in both."""
    order = torch.argsort(table)
    ranked = table[order]
    place = torch.searchsorted(ranked, values).clamp(max=len(table) - 1)
    found = (ranked[place] == values).nonzero()[:, 0]
    return found, order[place[found]]
