"""Nodes of users who were not trained, fitted to their rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from skrec.nn import CDAE, SparseRows
from skrec.training._vector_fit import VectorFit, parts_of, take_rows

__all__ = ["NodeFoldIn"]

Term = Callable[[Tensor, Tensor, Tensor, Tensor, float], Tensor]

_MOST_ROWS = 64  # at a time: what they need stays in cache, and few columns come together
_COPIES = 6  # arrays of rows and columns that a step keeps
_LIMIT = 2**26
_LEAST_VARIANCE = 1e-6


class NodeFoldIn(VectorFit):
    r"""Fit the nodes of users to their rows, everything else frozen.

    Minimises, over the node v of a row x,

    .. math:: \ell(x, f(x, v)) + \tfrac12 \| (v - W\phi(x)) / \tau \|^2

    where :math:`\ell` is the negative log-likelihood, without corruption of the input. Of the
    columns that the row lacks one fixed sample takes part, weighed to stand for all of them. The
    Gaussian's variance is that of the entries of trained users around their scores. The start
    :math:`W\phi(x)` is a ridge regression of the trained nodes on what the hidden layer gets from
    their users' rows, and :math:`\tau` the deviation that it leaves.

    Parameters
    ----------
    model : CDAE
        The trained model, on the CPU and in evaluation mode.
    rows : SparseRows
        Rows of users that were trained.
    users : Tensor of shape (n,)
        Their numbers.
    sample : Tensor of shape (m,)
        The columns to take for those that a row lacks, each once.
    n_steps : int
        Steps of Adam.
    term : callable
        Negative log-likelihood of rows, summed over them: takes scores, what is stored, and the
        weights with which stored and other columns count, all of shape (n_rows, m), and a
        variance.
    estimates_variance : bool, default=False
        Whether the variance is that of trained users' entries around their scores; else it is 1.
    """

    def __init__(
        self,
        model: CDAE,
        rows: SparseRows,
        users: Tensor,
        *,
        sample: Tensor,
        n_steps: int,
        term: Term,
        estimates_variance: bool = False,
    ) -> None:
        super().__init__(n_steps)
        self.sample = sample
        self.term = term
        self.noise_variance = 1.0
        with torch.inference_mode(False), torch.no_grad():
            nodes = model.nodes.weight[users].double()
            self._regress(self._features(model, rows), nodes)
            if estimates_variance and n_steps:
                self.noise_variance = self._mean_square(model, rows, nodes)

    def _mean_square(self, model: CDAE, rows: SparseRows, nodes: Tensor) -> float:
        """Return the mean of the weighted squared errors of trained users."""
        total = 0.0
        for part in parts_of(rows, *self._bytes(model)):
            total += 2 * float(self._loss(model, take_rows(rows, part))(nodes[part]))
        return max(total / (len(rows) * len(model.last.bias)), _LEAST_VARIANCE)

    def _features(self, model: CDAE, rows: SparseRows) -> Tensor:
        code = model.encode(rows).double()
        return torch.cat([code, torch.ones_like(code[:, :1])], dim=1)

    def _frozen(self, model: CDAE) -> CDAE:
        return model

    def _loss(self, frozen: CDAE, rows: SparseRows) -> _NodeLoss:
        return _NodeLoss(frozen, rows, self)

    def _bytes(self, model: CDAE) -> tuple[int, int]:
        """Return the memory of an entry, which may bring a column of its own, and of a row."""
        n_items = len(model.last.bias)
        row = 8 * _COPIES * len(self.sample)
        entry = 8 * _COPIES * _MOST_ROWS if len(self.sample) < n_items else 0
        return entry, max(row, _LIMIT // _MOST_ROWS)


class _NodeLoss:
    """The loss of rows as a function of their nodes, what is fixed computed once."""

    def __init__(self, model: CDAE, rows: SparseRows, options: NodeFoldIn) -> None:
        self.code = model.encode(rows).double()  # (n_rows, size)
        columns, place = torch.unique(
            torch.cat([options.sample, rows.indices]), return_inverse=True
        )
        self.weight = model.last.weight[columns].double().T.contiguous()  # (size, m)
        self.bias = model.last.bias[columns].double()
        self.bounded = model.bounded
        self.term, self.noise_variance = options.term, options.noise_variance
        n_sampled = len(options.sample)
        self._compare(
            rows, len(model.last.bias), columns, place.split([n_sampled, len(rows.indices)])
        )

    def _compare(
        self, rows: SparseRows, n_items: int, columns: Tensor, places: Sequence[Tensor]
    ) -> None:
        """Keep the entries of each row, and the weights with which columns that it lacks count."""
        shape = len(rows), len(columns)
        own = torch.zeros(shape, dtype=torch.bool)
        self.x = torch.zeros(shape, dtype=torch.float64)
        own[rows.row, places[1]] = True
        self.x[rows.row, places[1]] = rows.values.double()
        lacks = torch.zeros(shape, dtype=torch.bool)
        lacks[:, places[0]] = True
        lacks &= ~own
        total = n_items - own.sum(1)
        share = (total / lacks.sum(1).clamp(min=1)).double()
        self.own, self.rest = own.double(), lacks * share[:, None]

    def __call__(self, nodes: Tensor) -> Tensor:
        scores = torch.addmm(self.bias, torch.tanh(self.code + nodes), self.weight)
        scores = torch.tanh(scores) if self.bounded else scores
        return self.term(scores, self.x, self.own, self.rest, self.noise_variance)
