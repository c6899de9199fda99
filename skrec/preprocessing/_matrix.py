"""One view on the three kinds of input: sparse matrix, dense array, interactions."""

import numpy as np
import scipy.sparse as sp

from skrec.interactions import Interactions

__all__ = ["as_matrix", "stored_pairs", "take_frame"]


def as_matrix(X):
    """Give a matrix that can be worked on without touching X.

    Parameters
    ----------
    X : sparse matrix, array-like of shape (n_users, n_items) or Interactions
        What a user passed.

    Returns
    -------
    X : csr_matrix, csr_array, ndarray or Interactions
        A sparse input becomes a CSR copy with duplicates summed and stored zeros kept.

    Raises
    ------
    ValueError
        If X is no numeric matrix.
    """
    if isinstance(X, Interactions):
        return X
    if sp.issparse(X):
        X = X.tocsr(copy=True)
        X.sum_duplicates()
        return X
    X = np.asarray(X)
    if X.ndim != 2 or X.dtype.kind not in "buif":
        raise ValueError(
            "X must be a sparse matrix, a numeric array of shape (n_users, n_items) or "
            f"Interactions; got an array of shape {X.shape} and dtype {X.dtype} "
            "(a table of raw ids goes through Interactions.from_frame)"
        )
    return X


def stored_pairs(X):
    """Give the distinct (user, item) pairs of a matrix or of interactions.

    Parameters
    ----------
    X : csr_matrix, csr_array, ndarray or Interactions
        Data from `as_matrix`.

    Returns
    -------
    user, item : ndarray of shape (n_pairs,)
        Row and column of each pair.
    frame : tuple of int
        ``(n_users, n_items)``.
    """
    if isinstance(X, Interactions):
        return *_distinct(X.user, X.item, X.frame[1]), X.frame
    if sp.issparse(X):
        return *X.tocoo().coords, X.shape
    return *np.nonzero(X), X.shape


def take_frame(X, rows, columns):
    """Keep some rows and columns.

    Parameters
    ----------
    X : csr_matrix, csr_array, ndarray or Interactions
        Data from `as_matrix`.
    rows, columns : ndarray of int
        Increasing indices of the rows and columns to keep.

    Returns
    -------
    X : csr_matrix, csr_array, ndarray or Interactions
        The reduced data, of the same kind.
    """
    if not isinstance(X, Interactions):
        return X[rows][:, columns]
    new_row, new_column = _positions(rows, X.frame[0]), _positions(columns, X.frame[1])
    keep = (new_row[X.user] >= 0) & (new_column[X.item] >= 0)
    part = X[keep]
    return Interactions.from_arrays(
        new_row[part.user],
        new_column[part.item],
        part.value,
        part.timestamp,
        frame=(len(rows), len(columns)),
    )


def _distinct(user, item, n_items):
    return np.divmod(np.unique(user * np.int64(n_items) + item), max(1, n_items))


def _positions(kept, size):
    """Give the new index of each old one, -1 where it is not kept."""
    position = np.full(size, -1, dtype=np.int64)
    position[kept] = np.arange(len(kept))
    return position
