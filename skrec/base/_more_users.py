"""Rows of more users, put beside those that a model has."""

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from skrec.base._validation import check_ids, check_matrix
from skrec.interactions import InteractionEncoder, Interactions, different_ids, join_ids
from skrec.typing import CSRMatrix

if TYPE_CHECKING:
    from skrec.base._recommender import BaseRecommender

__all__ = ["joined_users", "more_users"]

Joined = tuple[CSRMatrix, CSRMatrix, InteractionEncoder | None]
"""All rows, those of new users among them, and the encoder of all."""


def more_users(model: "BaseRecommender", X: Any) -> Joined:
    """Return the rows that a model has with those that a user passed.

    Parameters
    ----------
    model : BaseRecommender
        A fitted model. Its ``n_features_in_`` and names of columns grow with X.
    X : Interactions, sparse matrix or array-like of shape (n_new_users, n_items)
        Interactions of users that the model has not seen, with as many items or more.

    Returns
    -------
    rows : csr_matrix of shape (n_users, n_items)
        All users' interactions.
    new : csr_matrix of shape (n_new_users, n_items)
        The rows of the new ones.
    encoder : InteractionEncoder or None
        That of all rows.
    """
    encoder = None
    if isinstance(X, Interactions):
        encoder = X.encoder
        check_ids(X, model.encoder_, items_only=True)
    names = getattr(model, "feature_names_in_", None)
    new = check_matrix(model, X, reset=False, more=True)
    now = getattr(model, "feature_names_in_", None)
    if names is not None and (now is None or not np.array_equal(names, now[: len(names)])):
        raise ValueError(
            f"X must have the names of the {len(names)} columns that the model has, and then "
            f"others, where it is wider; got {'none' if now is None else list(now[:5])}"
        )
    return joined_users(model, new, encoder, "X")


def joined_users(
    model: "BaseRecommender", new: CSRMatrix, encoder: InteractionEncoder | None, name: str
) -> Joined:
    """Return the rows that a model has with those of new users, see `more_users`.

    Where the new rows' ids continue those of the model, they are rows of one frame, in which the
    users whom the model has are empty. Else they come after those of the model.

    Parameters
    ----------
    model : BaseRecommender
        The model.
    new : csr_matrix of shape (n_new_users, n_items)
        Canonical rows; there may be more items than the model has.
    encoder : InteractionEncoder or None
        That of the new rows.
    name : str
        The parameter to name in errors.

    Returns
    -------
    rows, new, encoder : tuple
        As `more_users` returns them.
    """
    before, own = model.interactions_, model.encoder_
    before = _in_frame(before, before.shape[0], new.shape[1])
    if own is None:
        return sp.csr_matrix(sp.vstack([before, new])), new, None
    if encoder is None:
        raise ValueError(
            f"{name} must have raw ids, as the users of the model have: Interactions of an "
            "InteractionEncoder; got rows without"
        )
    if different_ids(own, encoder, items_only=True):
        raise ValueError(f"{name} must have the item ids of the model, in their order; got others")
    joined = join_ids(own, encoder)
    if different_ids(own, encoder):  # other users, who come after those of the model
        return sp.csr_matrix(sp.vstack([before, new])), new, joined
    n_users = max(before.shape[0], new.shape[0])
    before, new = (_in_frame(rows, n_users, new.shape[1]) for rows in (before, new))
    lengths = np.diff(new.indptr)
    both = np.flatnonzero((np.diff(before.indptr) > 0) & (lengths > 0))
    if len(both):
        raise ValueError(
            f"{name} must hold users that the model does not have; got {len(both)} that it has, "
            f"such as {joined.decode_users(both[:3]).tolist()}: fit to all interactions anew"
        )
    rows = sp.csr_matrix(before + new)
    rows.sort_indices()
    return rows, new[np.flatnonzero(lengths)], joined


def _in_frame(X: CSRMatrix, n_rows: int, n_columns: int) -> CSRMatrix:
    """Return a matrix with empty rows and columns after its own; it shares the entries."""
    if X.shape == (n_rows, n_columns):
        return X
    indptr = np.append(X.indptr, np.full(n_rows - X.shape[0], X.indptr[-1], dtype=X.indptr.dtype))
    return sp.csr_matrix((X.data, X.indices, indptr), shape=(n_rows, n_columns))
