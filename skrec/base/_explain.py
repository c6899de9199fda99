"""Why this item: what each item of a history adds to a score.

A model whose scores are sums over the history writes ``_history_parts(queries, lists)``. It returns
the terms, of shape (nnz, m), and what is left of each score, of shape (n_rows, m); or None where
its parameters leave no such sum.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skrec.base._docs import shared_docs
from skrec.base._explanation import Explanation
from skrec.base._one_fit import of_one_fit
from skrec.base._queries import Queries
from skrec.base._validation import check_items
from skrec.interactions import Interactions
from skrec.typing import Array, CSRMatrix, MatrixLike
from skrec.utils import as_integers, check_memory, row_blocks, row_of_entry, take_rows

__all__ = ["explain", "product_parts"]


@of_one_fit
@shared_docs
def explain(
    self: Any,
    X: Interactions | MatrixLike | None = None,
    items: ArrayLike | None = None,
    *,
    users: ArrayLike | None = None,
) -> Explanation:
    """Return what each item of a history adds to the scores of some items.

    Where a score is a sum over the history, the parts are the terms of that sum: ``method`` is
    ``"exact"``, and the parts and the baseline add up to the score. So it is for EASE, SLIM,
    ItemKNN, RP3beta, graph filters, ELSA and WMF. It is also for FISM, SVD++, LightGCN and
    ``history="mean"``, whose baseline is what the user's free vector and the item's bias give; for
    UserKNN, where the neighbours stay who they are; for NAIS, where the attention stays; and for
    BiasedMF, where a rating counts by how far it is from what the biases say.

    All other models are asked again for each item of the history, with the history that lacks it:
    ``method`` is ``"leave-one-out"``, a part is the score less that score, and the baseline is what
    the parts leave of the score. Where users have learnt vectors both scores are those of an unseen
    user with that history.

    Parameters
    ----------
    X : Interactions, sparse matrix or array-like of shape (n_rows, n_items), default=None
        Histories of any users, a row each.
    items : array-like of int of shape (m,) or (n_rows, m), default=None
        Columns to explain, for all rows or for each its own, as ``recommend`` returns them; -1
        pads rows of the second form. None takes the ten that ``recommend`` returns.
    %(users)s

    Returns
    -------
    explanation : Explanation
        Scores, baselines and parts of all pairs; ``to_frame(titles)`` makes a table of them.

    Raises
    ------
    %(bad_input)s
    MemoryError
        If all parts cannot fit into memory.
    """
    queries = self._queries(X, users)
    lists = self.recommend(X, users=users) if items is None else items
    lists = check_lists(lists, queries.n_rows, self.n_features_in_)
    n_parts = queries.history.nnz * lists.shape[-1]
    check_memory(28.0 * n_parts, f"explain with {n_parts:,} parts", "explain fewer rows or items")
    answers = []
    for rows in list(row_blocks(queries.n_rows, self._row_bytes())) or [slice(0, 0)]:
        chosen = lists if lists.ndim == 1 else lists[rows]
        answers.append(_explained(self, queries.take(rows), chosen))
    *values, exact = zip(*answers)
    score, baseline, parts = (np.concatenate(each) for each in values)
    method = "exact" if all(exact) else "leave-one-out"
    given = score, baseline, parts, method, self.encoder_
    return Explanation.of_lists(queries.history, lists, *given)


def check_lists(items: ArrayLike, n_rows: int, n_items: int) -> Array:
    """Return items to explain as int64, shared ``(m,)`` or per row ``(n_rows, m)``.

    Parameters
    ----------
    items : array-like of int of shape (m,) or (n_rows, m)
        Columns; -1 pads a row of the second form.
    n_rows, n_items : int
        Shape of the scores.

    Returns
    -------
    items : ndarray of shape (m,) or (n_rows, m)
        The columns.
    """
    items = as_integers(items, "items", "integer columns")
    if items.ndim not in (1, 2):
        raise ValueError(f"items must have the shape (m,) or (n_rows, m); got {items.shape}")
    if items.ndim == 2 and len(items) != n_rows:
        raise ValueError(f"items must have {n_rows} rows, one a history; got {len(items)}")
    return check_items(items, n_items, lowest=1 - items.ndim)


def _explained(model: Any, queries: Queries, lists: Array) -> tuple[Array, Array, Array, bool]:
    """Return scores and baselines (n_rows, m), parts (nnz, m), and whether parts are exact."""
    score = model._scores(queries, candidates=lists).astype(np.float64)
    terms = getattr(model, "_history_parts", None)
    found = None if terms is None else terms(queries, np.maximum(lists, 0))
    if found is None:
        parts = _parts_left_out(model, queries.history, lists)
        baseline = score - _row_sums(queries.history, parts)
    else:
        parts, baseline = found
    unknown = queries.empty(model.__sklearn_tags__().fold_in)  # they have the prior
    baseline[unknown] = score[unknown]
    return score, baseline, parts, found is not None


def _row_sums(history: CSRMatrix, values: Array) -> Array:
    """Sum values of stored entries, of shape (nnz, m), over each row."""
    ones = np.ones(history.nnz), np.arange(history.nnz), history.indptr
    return sp.csr_matrix(ones, shape=(history.shape[0], history.nnz)) @ values


def _parts_left_out(model: Any, history: CSRMatrix, lists: Array) -> Array:
    """Return the scores of histories less those without each entry, of shape (nnz, m)."""
    whole = model._scores(Queries(history), candidates=lists).astype(np.float64)
    row = row_of_entry(history)
    parts = np.empty((history.nnz, lists.shape[-1]))
    longest = np.diff(history.indptr).max(initial=0)
    for some in row_blocks(history.nnz, model._row_bytes() + 32 * int(longest)):
        chosen = lists if lists.ndim == 1 else lists[row[some]]
        without = Queries(_without_entries(history, row, some))
        parts[some] = whole[row[some]] - model._scores(without, candidates=chosen)
    return parts


def _without_entries(history: CSRMatrix, row: Array, entries: slice) -> CSRMatrix:
    """Return for each of some entries its row without it."""
    some = np.arange(entries.start, entries.stop)
    rows = take_rows(history, row[some])
    keep = np.ones(rows.nnz, dtype=bool)
    keep[rows.indptr[:-1] + some - history.indptr[row[some]]] = False
    indptr = rows.indptr - np.arange(len(rows.indptr))
    return sp.csr_matrix((rows.data[keep], rows.indices[keep], indptr), shape=rows.shape)


def product_parts(history: CSRMatrix, vectors: Array, items: Array, lists: Array) -> Array:
    """Return the inner products of what each entry adds to its row's vector with some items.

    Parameters
    ----------
    history : csr_matrix of shape (n_rows, n_items)
        The rows.
    vectors : ndarray of shape (nnz, n_factors)
        What each stored entry adds.
    items : ndarray of shape (n_items, n_factors)
        Vectors of all items.
    lists : ndarray of int of shape (m,) or (n_rows, m)
        Which items, for all rows or for each its own.

    Returns
    -------
    parts : ndarray of shape (nnz, m)
        The products, float64.
    """
    if lists.ndim == 1:
        return (vectors @ items[lists].T).astype(np.float64)
    parts = np.empty((len(vectors), lists.shape[1]))
    for row, (start, stop) in enumerate(zip(history.indptr[:-1], history.indptr[1:])):
        parts[start:stop] = vectors[start:stop] @ items[lists[row]].T
    return parts
