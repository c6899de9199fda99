"""Weights of an output of a network, fitted to the ratings of a row."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from skrec.nn import SparseRows, stored_products
from skrec.training._vector_fit import VectorFit, parts_of, take_rows

__all__ = ["DecoderFoldIn"]

_COPIES = 8  # arrays of entries, and of weights, that a step keeps
_LEAST_VARIANCE = 1e-4


class DecoderFoldIn(VectorFit):
    r"""Fit the weights and the bias that turn codes of items into a user's ratings.

    Minimises, over the weights w of a user with ratings x between 0 and 1,

    .. math:: \sum_{i \in R} \frac{(\sigma(w^\top [c_i, 1]) - x_i)^2}{2 s^2}
        + \tfrac12 \| (w - W\phi(R)) / \tau \|^2

    where :math:`c_i` are the codes of items, frozen, and :math:`s^2` what trained users leave. The
    start :math:`W\phi(R)` is a ridge regression of trained weights on sums of the codes of what
    their users have rated, and :math:`\tau` the deviation that it leaves. Adam takes a fixed number
    of steps in float64, so that a row's answer does not depend on other rows.

    Parameters
    ----------
    codes : Tensor of shape (n_items, size)
        Codes of the items.
    rows : SparseRows
        Ratings, between 0 and 1, of users that were trained.
    weights : Tensor of shape (n, size + 1)
        Their weights, the bias last.
    n_steps : int
        Steps of Adam.
    """

    def __init__(self, codes: Tensor, rows: SparseRows, weights: Tensor, *, n_steps: int) -> None:
        super().__init__(n_steps)
        self.noise_variance = 1.0
        with torch.inference_mode(False), torch.no_grad():
            weights = weights.double()
            self._regress(self._features(codes, rows), weights)
            if n_steps and len(rows.indices):
                self.noise_variance = max(self._mean_square(codes, rows, weights), _LEAST_VARIANCE)

    def _mean_square(self, codes: Tensor, rows: SparseRows, weights: Tensor) -> float:
        total, frozen = 0.0, self._frozen(codes)
        for part in parts_of(rows, *self._bytes(codes)):
            total += 2 * float(self._loss(frozen, take_rows(rows, part))(weights[part]))
        return total / len(rows.indices)

    def _features(self, codes: Tensor, rows: SparseRows) -> Tensor:
        codes = codes.double()
        lengths = rows.offsets.diff().clamp(min=1).double()[:, None]
        centred = rows.values.double() - 0.5
        ones = torch.ones_like(centred)
        sums = [_sums(codes, rows, ones), _sums(codes, rows, centred), rows.sum(centred)[:, None]]
        by_length = [part / scale for part in sums for scale in (lengths, lengths.sqrt())]
        return torch.cat([*by_length, lengths.log(), torch.ones_like(lengths)], dim=1)

    def _frozen(self, codes: Tensor) -> Tensor:
        return codes.double()

    def _loss(self, codes: Tensor, rows: SparseRows) -> Callable[[Tensor], Tensor]:
        row, ratings = rows.row, rows.values.double()

        def loss(weights: Tensor) -> Tensor:
            products = stored_products(weights[:, :-1].contiguous(), codes, rows)
            predicted = torch.sigmoid(products + weights[:, -1].index_select(0, row))
            return (predicted - ratings).square().sum() / (2 * self.noise_variance)

        return loss

    def _bytes(self, codes: Tensor) -> tuple[int, int]:
        return 8 * _COPIES, 8 * _COPIES * codes.shape[1]


def _sums(codes: Tensor, rows: SparseRows, weights: Tensor) -> Tensor:
    """Sum the weighed codes of what rows have, of shape (n_rows, size)."""
    options = {"mode": "sum", "per_sample_weights": weights, "include_last_offset": True}
    return F.embedding_bag(rows.indices, codes, rows.offsets, **options)
