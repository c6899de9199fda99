"""Dense Gram matrices of sparse rows."""

from functools import partial

import numpy as np
import scipy.sparse as sp

from skrec.kernels._compile import compiled, read_only
from skrec.kernels._threads import in_threads
from skrec.typing import Array, CSRMatrix
from skrec.utils import entry_blocks, holds_ones

__all__ = ["dense_gram", "mirror"]

_ENTRIES = 2**24  # of X that are turned at once, 28 bytes each
_COLUMNS = 256  # of X, that one task multiplies by the others
_TILE = 32  # rows and columns that are turned at once, so that both stay in the cache


def dense_gram(X: CSRMatrix, dtype: type = np.float64, n_jobs: int | None = None) -> Array:
    """Return X'X of a CSR matrix as a dense array.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_columns)
        float32 or float64, without duplicates.
    dtype : type, default=np.float64
        Of the result, in which it is summed: float32 holds counts up to 2 ** 24.
    n_jobs : int, default=None
        Threads over columns.

    Returns
    -------
    gram : ndarray of shape (n_columns, n_columns)
        The products. The work is half a product for each pair of entries of a row.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec.kernels import dense_gram
    >>> dense_gram(sp.csr_matrix([[1.0, 2.0], [0.0, 3.0]]))
    array([[ 1.,  2.],
           [ 2., 13.]])
    """
    X = X if X.has_sorted_indices else X.sorted_indices()
    gram = np.zeros((X.shape[1], X.shape[1]), dtype=dtype)
    ones = holds_ones(X.data)
    # cells are summed row by row, so that blocks of rows change no bit
    for block in entry_blocks(X.indptr, _ENTRIES):
        whole = block == slice(0, X.shape[0])
        _add_rows(X if whole else X[block], ones, gram, n_jobs)
    mirror(gram)
    return gram


def _add_rows(X: CSRMatrix, ones: bool, gram: Array, n_jobs: int | None) -> None:
    """Add the products of some rows to what is above the diagonal."""
    data = X.data[:0] if ones else X.data
    rows = data, X.indices.astype(np.int32, copy=False), X.indptr.astype(np.int64)
    # a column's entries by row, as their places in X: those that follow in the row are multiplied
    numbered = sp.csr_matrix((np.arange(X.nnz), X.indices, X.indptr), shape=X.shape)
    places = sp.csr_matrix(numbered.T)
    columns = places.data, places.indices.astype(np.int32), places.indptr.astype(np.int64)
    starts = range(0, X.shape[1], _COLUMNS)
    blocks = ((start, min(start + _COLUMNS, X.shape[1])) for start in starts)
    in_threads(partial(_gram_block, rows, columns, gram), blocks, n_jobs, shared=True)


def mirror(matrix: Array) -> None:
    """Copy what is above the diagonal of a square matrix to below, in place.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        float32 or float64.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.kernels import mirror
    >>> matrix = np.array([[1.0, 2.0], [0.0, 3.0]])
    >>> mirror(matrix)
    >>> matrix
    array([[1., 2.],
           [2., 3.]])
    """
    _mirror(matrix)


def _gram_block(rows, columns, gram, start, stop):
    _gram(read_only(*rows), read_only(*columns), gram, start, stop)


@compiled
def _gram(rows, columns, gram, start, stop):
    """Write the products of some columns with themselves and with those that follow."""
    data, indices, indptr = rows
    places, owners, starts = columns
    one = gram.dtype.type(1)
    for column in range(start, stop):
        total = gram[column]
        for p in range(starts[column], starts[column + 1]):
            first, last = places[p], indptr[owners[p] + 1]
            if len(data):
                factor = gram.dtype.type(data[first])
                for q in range(first, last):
                    total[indices[q]] += factor * data[q]
            else:
                for q in range(first, last):
                    total[indices[q]] += one


@compiled
def _mirror(matrix):
    """Turn the tiles above the diagonal, one after the other."""
    n = len(matrix)
    for top in range(0, n, _TILE):
        for left in range(top, n, _TILE):
            for j in range(left, min(left + _TILE, n)):
                for i in range(top, min(top + _TILE, j)):
                    matrix[j, i] = matrix[i, j]
