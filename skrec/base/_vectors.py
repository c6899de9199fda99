"""Vectors of users and items whose inner products rank as the scores do.

A model whose scores are such products takes both functions as methods, and writes
``_user_vectors(queries)`` and ``_item_vectors()``, of shape (n, size).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skrec.base._docs import shared_docs
from skrec.base._one_fit import of_one_fit
from skrec.interactions import Interactions
from skrec.typing import Array, MatrixLike
from skrec.utils import row_blocks

__all__ = ["item_vectors", "user_vectors"]

# the largest entry of the dimension of unknown users: it is small beside the others, so that it
# does not decide which items an approximate index takes for neighbours
_LARGEST = 1e-3


@of_one_fit
@shared_docs
def user_vectors(
    self: Any,
    X: Interactions | MatrixLike | None = None,
    *,
    users: ArrayLike | None = None,
) -> Array:
    """Return vectors of users, whose products with `item_vectors` rank as the scores do.

    In each row the products differ from `decision_function` by a constant. Both are float32, so
    that this holds to about 1e-6 of the largest score. There are two exceptions. Where scores pass
    a bounded function (AutoRec; CDAE unless its likelihood is multinomial), the products are what
    it is applied to, in the same order. And what a row has is scored without itself in the history
    by some models (FISM, SVD++, ELSA, ``history="mean"``), where the product counts it.

    Parameters
    ----------
    X : Interactions, sparse matrix or array-like of shape (n_rows, n_items), default=None
        Histories of any users, a row each.
    %(users)s

    Returns
    -------
    vectors : ndarray of shape (n_rows, n_dimensions)
        float32. The last dimension is that of users of whom nothing is known, who are ranked by
        popularity; all others have 0 there. Biases of items are a dimension too.

    Raises
    ------
    %(bad_input)s
    """
    queries, fold_in = self._queries(X, users), self.__sklearn_tags__().fold_in
    _, scale = _prior_column(self)
    parts = []
    for rows in list(row_blocks(queries.n_rows, self._row_bytes())) or [slice(0, 0)]:
        part = queries.take(rows)
        vectors, unknown = self._user_vectors(part), part.empty(fold_in)
        vectors = np.column_stack([vectors, np.zeros(part.n_rows)]).astype(np.float32)
        vectors[unknown] = 0
        vectors[unknown, -1] = scale
        parts.append(vectors)
    return np.concatenate(parts)


@of_one_fit
def item_vectors(self: Any) -> Array:
    """Return vectors of all items, to put into an index; see `user_vectors`.

    Returns
    -------
    vectors : ndarray of shape (n_items, n_dimensions)
        float32. The metric is the inner product, not the cosine.
    """
    self._check_is_fitted()
    column, _ = _prior_column(self)
    return np.column_stack([self._item_vectors(), column]).astype(np.float32)


def _prior_column(model: Any) -> tuple[Array, float]:
    """Return the last dimension of the items, and that of a user of whom nothing is known."""
    prior = np.asarray(model._prior_scores(), dtype=np.float64)
    prior = prior - prior.mean()
    largest = abs(prior).max(initial=0)
    scale = largest / _LARGEST if largest else 1.0
    return prior / scale, scale
