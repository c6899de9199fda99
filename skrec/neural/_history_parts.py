"""What the items of a history add to the scores of models that sum their vectors."""

from typing import Any

import numpy as np
import torch

from skrec.base import Queries
from skrec.nn import Cosine
from skrec.training import sparse_rows
from skrec.typing import Array

__all__ = ["history_parts"]

_LEAST_NORM = 1e-6  # as of the cosine


def history_parts(self: Any, queries: Queries, lists: Array) -> tuple[Array, Array]:
    """Return the terms of the scores, and what is left of these without a history.

    It is a method of pair models whose users have a `HistoryEncoder`, under `Dot` or `Cosine`.

    Parameters
    ----------
    queries : Queries
        The users.
    lists : ndarray of int64 of shape (m,) or (n_rows, m)
        Items to explain.

    Returns
    -------
    parts : ndarray of shape (nnz, m)
        What each stored entry of the histories adds; an item adds nothing to its own score, where
        the model leaves it out.
    baseline : ndarray of shape (n_rows, m)
        What the free vector and the bias of the item give.
    """
    module, history = self._module, queries.history
    free = self._free_vectors(module, queries)
    with torch.inference_mode():
        rows = sparse_rows(history).to(module.items.weight.device)
        terms = module.users.terms(rows).cpu().double().numpy()  # (nnz, size)
        rest = np.zeros(terms.shape[1]) if free is None else free.cpu().double().numpy()
        items = module.item_vectors().cpu().double().numpy()
    size = terms.shape[1]
    rest = np.broadcast_to(rest, (queries.n_rows, size))
    lists = np.broadcast_to(lists, (queries.n_rows, lists.shape[-1]))
    parts, baseline = np.empty((history.nnz, lists.shape[1])), np.empty(lists.shape)
    for row, (start, stop) in enumerate(zip(history.indptr[:-1], history.indptr[1:])):
        chosen, some = items[lists[row]], terms[start:stop]
        inside = history.indices[start:stop, None] == lists[row]  # (n, m)
        kept = ~inside if module.reads_history else np.ones_like(inside)
        parts[start:stop] = kept * (some @ chosen[:, :size].T)
        baseline[row] = chosen[:, :size] @ rest[row] + chosen[:, size:].sum(axis=1)
        if isinstance(module.interaction, Cosine):
            users = rest[row] + kept.T.astype(np.float64) @ some  # (m, size)
            lengths = _norms(users) * _norms(chosen)
            parts[start:stop] /= lengths
            baseline[row] /= lengths
    scale = self._score_scale()
    return scale * parts, scale * baseline


def _norms(vectors: Array) -> Array:
    return np.maximum(np.linalg.norm(vectors, axis=1), _LEAST_NORM)
