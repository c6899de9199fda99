"""Working on the rows of a sparse matrix: blocks, hiding entries, taking parts."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn import get_config

from skrec.typing import Array, CSRMatrix, MatrixLike, RandomState
from skrec.utils._values import check_rng

__all__ = [
    "column_counts",
    "entry_blocks",
    "has_entries",
    "hide_entries",
    "holds_ones",
    "index_pointer",
    "pair_keys",
    "row_blocks",
    "row_matrix",
    "row_of_entry",
    "split_rows",
    "take_entries",
    "take_rows",
]

_MAX_BLOCK_MIB = 128
_ENTRIES = 2**20  # that are looked at together: more gains nothing, and takes memory


def row_blocks(
    n_rows: int,
    bytes_per_row: int,
    working_memory: float | None = None,
    most_rows: int | None = None,
) -> Iterator[slice]:
    """Cut a range of rows into slices whose temporaries fit into the working memory.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    bytes_per_row : int
        Memory that one row needs while it is worked on, temporaries included.
    working_memory : float, default=None
        Limit in MiB; None takes scikit-learn's ``working_memory``, at most 128 MiB.
    most_rows : int, default=None
        The most rows of a slice; None sets no limit.

    Yields
    ------
    rows : slice
        Consecutive slices that cover ``range(n_rows)``.

    Examples
    --------
    >>> from skrec.utils import row_blocks
    >>> [(s.start, s.stop) for s in row_blocks(5, 2**20, working_memory=2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    if working_memory is None:
        working_memory = min(get_config()["working_memory"], _MAX_BLOCK_MIB)
    size = int(working_memory * 2**20 // max(1, bytes_per_row))
    size = max(1, size if most_rows is None else min(size, most_rows))
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def entry_blocks(indptr: Array, n_entries: int = _ENTRIES) -> Iterator[slice]:
    """Cut the rows of a CSR matrix into slices of few stored entries.

    Parameters
    ----------
    indptr : ndarray of int of shape (n_rows + 1,)
        Where the rows begin, and the end.
    n_entries : int, default=2**20
        The most entries of a slice, unless a single row has more, and the most rows.

    Yields
    ------
    rows : slice
        Consecutive slices that cover all rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.utils import entry_blocks
    >>> [(s.start, s.stop) for s in entry_blocks(np.array([0, 1, 1, 5, 6]), 4)]
    [(0, 2), (2, 3), (3, 4)]
    """
    start, n_rows = 0, len(indptr) - 1
    while start < n_rows:
        stop = int(np.searchsorted(indptr, int(indptr[start]) + n_entries, side="right")) - 1
        stop = min(max(stop, start + 1), start + n_entries)
        yield slice(start, stop)
        start = stop


def column_counts(X: CSRMatrix) -> Array:
    """Return how many stored entries each column has, in a few MB beside the result.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_columns)
        The matrix.

    Returns
    -------
    counts : ndarray of int64 of shape (n_columns,)
        One a column.
    """
    n_columns, indices = X.shape[1], X.indices
    at_once = max(_ENTRIES, n_columns)
    counts = np.bincount(indices[:at_once], minlength=n_columns)
    for start in range(at_once, len(indices), at_once):
        counts += np.bincount(indices[start : start + at_once], minlength=n_columns)
    return counts


def holds_ones(data: Array) -> bool:
    """Return whether all numbers of an array are 1, without an array of the answers.

    Parameters
    ----------
    data : ndarray
        The numbers.

    Returns
    -------
    ones : bool
        True also where there are none.
    """
    return not len(data) or bool(data.min() == 1 == data.max())


def row_of_entry(X: CSRMatrix) -> Array:
    """Return the row of each stored entry of a CSR matrix.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_columns)
        The matrix.

    Returns
    -------
    row : ndarray of int64 of shape (nnz,)
        One a stored entry.
    """
    return np.repeat(np.arange(X.shape[0], dtype=np.int64), np.diff(X.indptr))


def row_matrix(data: Array, indices: Array, n_columns: int) -> CSRMatrix:
    """Return one row as a CSR matrix, without scipy's checks, which take longer than a model may.

    Parameters
    ----------
    data : ndarray of float32 of shape (nnz,)
        The entries.
    indices : ndarray of int of shape (nnz,)
        Their columns, increasing.
    n_columns : int
        Number of columns.

    Returns
    -------
    row : csr_matrix of shape (1, n_columns)
        It holds the arrays themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.utils import row_matrix
    >>> row_matrix(np.ones(2, np.float32), np.array([0, 2]), 3).toarray()
    array([[1., 0., 1.]], dtype=float32)
    """
    row = copy.copy(_empty_row(n_columns))
    row.data, row.indices = data, indices
    row.indptr = np.array([0, len(indices)], dtype=indices.dtype)
    row.has_canonical_format = True
    return row


@lru_cache(maxsize=64)
def _empty_row(n_columns: int) -> CSRMatrix:
    return sp.csr_matrix((1, n_columns), dtype=np.float32)


def take_rows(X: CSRMatrix, rows: Array) -> CSRMatrix:
    """Return rows of a canonical CSR matrix, one of them in a few microseconds.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_columns)
        float32, with sorted indices and no repeats.
    rows : ndarray of int of shape (n,)
        Which ones, in any order.

    Returns
    -------
    taken : csr_matrix of shape (n, n_columns)
        Copies.
    """
    if len(rows) != 1:
        return X[rows]
    start, stop = X.indptr[rows[0]], X.indptr[rows[0] + 1]
    return row_matrix(X.data[start:stop].copy(), X.indices[start:stop].copy(), X.shape[1])


def index_pointer(row: Array, n_rows: int) -> Array:
    """Return CSR's index pointer for entries that are sorted by row.

    Parameters
    ----------
    row : ndarray of int of shape (nnz,)
        Row of each entry, in order.
    n_rows : int
        Number of rows.

    Returns
    -------
    indptr : ndarray of int of shape (n_rows + 1,)
        Where each row starts, and the end.
    """
    return np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n_rows))])


def pair_keys(row: ArrayLike, column: ArrayLike, n_columns: int) -> Array:
    """Return one number a pair, in the order of (row, column).

    Parameters
    ----------
    row, column : array-like of int of shape (n,)
        The pairs.
    n_columns : int
        Number of columns.

    Returns
    -------
    keys : ndarray of int64 of shape (n,)
        Distinct for distinct pairs.
    """
    return np.asarray(row, dtype=np.int64) * n_columns + np.asarray(column, dtype=np.int64)


def has_entries(X: CSRMatrix, row: ArrayLike, column: ArrayLike) -> Array:
    """Return for each pair whether a canonical CSR matrix stores it.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_columns)
        Matrix with sorted indices.
    row, column : ndarray of int
        Pairs, arrays of one shape.

    Returns
    -------
    stored : ndarray of bool
        In the shape of ``row``.
    """
    if X.nnz == 0:
        return np.zeros(np.shape(row), dtype=bool)
    keys = pair_keys(row_of_entry(X), X.indices, X.shape[1])
    wanted = pair_keys(row, column, X.shape[1])
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return keys[place] == wanted


def split_rows(
    X: MatrixLike, fraction: float = 0.2, random_state: RandomState = 0
) -> tuple[CSRMatrix, CSRMatrix]:
    """Hide a part of every row at random.

    Of a row with n >= 2 entries ``round(fraction * n)`` are hidden, at least 1 and at most
    n - 1; a shorter row hides nothing.

    Parameters
    ----------
    X : sparse matrix of shape (n_rows, n_columns)
        Interactions; the matrix is left as it is.
    fraction : float, default=0.2
        Share of each row that is hidden.
    random_state : int, RandomState or None, default=0
        Source of the draw.

    Returns
    -------
    history, targets : csr_matrix of shape (n_rows, n_columns)
        What stays visible, and what is hidden.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec.utils import split_rows
    >>> history, targets = split_rows(sp.csr_matrix([[1, 1, 1, 1, 1], [0, 0, 1, 0, 0]]))
    >>> history.nnz, targets.nnz
    (5, 1)
    """
    X = sp.csr_matrix(X)
    counts = np.diff(X.indptr)
    n_hidden = np.clip(np.rint(fraction * counts), 1, np.maximum(counts - 1, 1)).astype(np.int64)
    n_hidden[counts < 2] = 0
    row = row_of_entry(X)
    shuffled = np.lexsort((check_rng(random_state).random_sample(X.nnz), row))
    rank = np.arange(X.nnz) - X.indptr[row]
    hidden = np.zeros(X.nnz, dtype=bool)
    hidden[shuffled] = rank < n_hidden[row]
    return take_entries(X, row, ~hidden), take_entries(X, row, hidden)


def hide_entries(
    X: CSRMatrix, rate: float, random_state: RandomState = 0
) -> tuple[CSRMatrix, CSRMatrix]:
    """Hide each stored entry independently with the same probability.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_columns)
        Interactions; the matrix is left as it is.
    rate : float
        Probability that an entry is hidden.
    random_state : int, RandomState or None, default=0
        Source of the draw.

    Returns
    -------
    history, hidden : csr_matrix of shape (n_rows, n_columns)
        What stays visible, and what is hidden.
    """
    hidden = check_rng(random_state).random_sample(X.nnz) < rate
    row = row_of_entry(X)
    return take_entries(X, row, ~hidden), take_entries(X, row, hidden)


def take_entries(X: CSRMatrix, row: Array, keep: Array) -> CSRMatrix:
    """Return the CSR matrix of some entries.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_columns)
        The matrix.
    row : ndarray of int of shape (nnz,)
        Row of each entry.
    keep : ndarray of bool of shape (nnz,)
        Which entries.

    Returns
    -------
    part : csr_matrix of shape (n_rows, n_columns)
        Only those.
    """
    indptr = index_pointer(row[keep], X.shape[0])
    return sp.csr_matrix((X.data[keep], X.indices[keep], indptr), shape=X.shape)
