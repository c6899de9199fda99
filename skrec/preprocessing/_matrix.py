"""One view on the three kinds of input: sparse matrix, dense array, interactions."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

import numpy as np
import scipy.sparse as sp

from skrec.interactions import Interactions
from skrec.preprocessing._encoder import reduce_encoder
from skrec.typing import Array, MatrixLike, SparseMatrix
from skrec.utils import canonical_csr, check_dense, refuse_long_table

__all__ = ["as_matrix", "stored_pairs", "take_frame"]
__all__ += ["Kept", "Worked", "in_format_of"]

Kept = TypeVar("Kept", bound=Interactions | SparseMatrix)
"""An input that comes out as its own kind; every other comes out as an array."""

Worked: TypeAlias = Interactions | sp.csr_matrix | sp.csr_array | Array
"""What the functions of this package work on."""


def as_matrix(X: Interactions | MatrixLike) -> Worked:
    """Return a matrix that can be worked on without touching X.

    Parameters
    ----------
    X : sparse matrix, array-like of shape (n_users, n_items) or Interactions
        What a user passed.

    Returns
    -------
    X : csr_matrix, csr_array, ndarray or Interactions
        A sparse input becomes a CSR copy with duplicates summed and stored zeros kept; masked
        entries of an array become 0.

    Raises
    ------
    ValueError
        If X is corrupt, no numeric matrix, a long table of ids, or not finite.
    """
    if isinstance(X, Interactions):
        _refuse_infinite(X.value)
        return X
    if sp.issparse(X):
        matrix = canonical_csr(X)
        _refuse_infinite(matrix.data)
        return sp.csr_array(matrix) if isinstance(X, sp.sparray) else matrix
    refuse_long_table(X)
    dense = check_dense(X)
    _refuse_infinite(dense)
    return dense


def _refuse_infinite(values: Array) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        kind = "NaN" if np.isnan(values).any() else "infinity"
        raise ValueError(
            f"X must hold finite values; got {kind} (what is missing is 0, or not stored)"
        )


def stored_pairs(X: Worked) -> tuple[Array, Array, tuple[int, int]]:
    """Return the distinct (user, item) pairs of a matrix or of interactions.

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
    user, item = np.nonzero(X)
    return user, item, X.shape


def take_frame(X: Worked, rows: Array, columns: Array) -> Worked:
    """Return some rows and columns.

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
    encoder = X.encoder
    if encoder is not None:
        some = len(rows) and len(columns)
        encoder = reduce_encoder(encoder, rows, columns) if some else None
    return Interactions.from_arrays(
        new_row[part.user],
        new_column[part.item],
        part.value,
        part.timestamp,
        frame=(len(rows), len(columns)),
        time_unit=part.time_unit,
        encoder=encoder,
    )


def in_format_of(X: Interactions | MatrixLike, worked: Worked) -> Any:
    """Return a result in the format of X where both are sparse.

    Parameters
    ----------
    X : sparse matrix, array-like of shape (n_users, n_items) or Interactions
        What a user passed.
    worked : csr_matrix, csr_array, ndarray or Interactions
        What has become of it.

    Returns
    -------
    X : sparse matrix, ndarray or Interactions
        The result.
    """
    if sp.issparse(X) and sp.issparse(worked):
        return worked.asformat(X.format)
    return worked


def _distinct(user: Array, item: Array, n_items: int) -> tuple[Array, Array]:
    return np.divmod(np.unique(user * np.int64(n_items) + item), max(1, n_items))


def _positions(kept: Array, size: int) -> Array:
    """Return the new index of each old one, -1 where it is not kept."""
    position = np.full(size, -1, dtype=np.int64)
    position[kept] = np.arange(len(kept))
    return position
