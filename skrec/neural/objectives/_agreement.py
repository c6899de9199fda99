"""Whether unseen users are folded in under the loss of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from skrec.nn import PairBatch, SparseRows
from skrec.training import FoldIn, NodeFoldIn

__all__ = ["fold_in_disagreement"]

_N_ITEMS, _N_TRIALS = 12, 4
_HISTORIES = ((0, 3, 4), (7,), (1, 2, 5, 8, 11))


def fold_in_disagreement(estimator: Any) -> float:
    """Compare the loss of one row, under which users are folded in, with the criterion.

    Both are evaluated on the same random scores. The loss of a row is to be the sum over its
    entries of the criterion, expected over sampled negatives, up to a constant factor.

    Parameters
    ----------
    estimator : TorchRecommender
        Fitted without a penalty (``l2=0``).

    Returns
    -------
    disagreement : float
        Largest relative difference of the two, as changes from trial to trial; 0 for a model that
        folds in exactly.
    """
    folder = getattr(estimator, "folder_", None)
    if isinstance(folder, FoldIn):
        losses = [_pair_losses(estimator, folder, seed) for seed in range(_N_TRIALS)]
    elif isinstance(folder, NodeFoldIn):
        losses = [_row_losses(estimator, folder, seed) for seed in range(_N_TRIALS)]
    else:
        return 0.0
    of_row, of_criterion = np.diff(np.array(losses), axis=0).T
    factor = (of_row @ of_criterion) / (of_criterion @ of_criterion)
    return float(np.abs(of_row - factor * of_criterion).max() / np.abs(of_row).max())


def _rows(generator: torch.Generator) -> SparseRows:
    indices = torch.tensor([item for has in _HISTORIES for item in has])
    offsets = torch.tensor([0, *np.cumsum([len(has) for has in _HISTORIES])])
    values = torch.rand(len(indices), generator=generator) + 0.5
    return SparseRows(indices, offsets, values)


def _lacks(rows: SparseRows) -> Tensor:
    lacks = torch.ones(len(rows), _N_ITEMS, dtype=torch.bool)
    lacks[rows.row, rows.indices] = False
    return lacks


def _pair_losses(estimator: Any, folder: FoldIn, seed: int) -> tuple[float, float]:
    """Return the loss of rows, and the criterion, of random scores of pairs."""
    generator = torch.Generator().manual_seed(seed)
    rows = _rows(torch.Generator().manual_seed(0))
    lacks = _lacks(rows)
    positive = torch.randn(len(rows.indices), 1, generator=generator, dtype=torch.float64)
    negative = torch.randn(len(rows), _N_ITEMS, generator=generator, dtype=torch.float64)
    expected = 0.0
    for entry, row in enumerate(rows.row.tolist()):
        others = negative[row, lacks[row]]
        n_negatives, log_counts = _sampling(estimator, others)
        scores = _with_negatives(positive[entry], others, n_negatives)
        batch = PairBatch(
            torch.zeros(len(scores), dtype=torch.int64),
            torch.zeros(scores.shape, dtype=torch.int64),
            values=rows.values[entry].double().expand(len(scores)),
            log_counts=log_counts,
        )
        nothing = torch.zeros(1, dtype=torch.float64)
        expected += float(estimator.net_.criterion_((scores, nothing, nothing), batch))
    return float(folder.row_loss(rows, lacks)(positive, negative)), expected


def _sampling(estimator: Any, others: Tensor) -> tuple[int, Tensor | None]:
    """Return how many negatives the criterion is evaluated with, and how often each is expected.

    A criterion that does not average them is compared at all of them.
    """
    if getattr(estimator._objective, "averages_negatives", True):
        return getattr(estimator, "n_negatives", 0), None
    n_lacking = len(others) + estimator.n_features_in_ - _N_ITEMS
    return len(others), torch.full((1, 1), np.log(len(others) / n_lacking), dtype=torch.float64)


def _with_negatives(positive: Tensor, others: Tensor, n_negatives: int) -> Tensor:
    """Return rows of a positive and its negatives, in which each of the others is as frequent."""
    n = len(others)
    place = (torch.arange(n)[:, None] + torch.arange(n_negatives)) % n
    return torch.cat([positive.expand(n)[:, None], others[place]], dim=1)


def _row_losses(estimator: Any, folder: NodeFoldIn, seed: int) -> tuple[float, float]:
    """Return the loss of rows, and the criterion, of random scores of whole rows."""
    generator = torch.Generator().manual_seed(seed)
    rows = _rows(torch.Generator().manual_seed(0))
    rows = SparseRows(rows.indices, rows.offsets, torch.ones_like(rows.values))
    lacks = _lacks(rows).double()
    scores = torch.randn(len(rows), _N_ITEMS, generator=generator)
    of_row = folder.term(scores.double(), 1 - lacks, 1 - lacks, lacks, 1.0)
    return float(of_row), float(estimator.net_.criterion_((scores,), rows))
