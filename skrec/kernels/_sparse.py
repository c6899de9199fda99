"""The largest similarities of each row of a sparse product."""

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from skrec.kernels._compile import compiled, read_only
from skrec.kernels._threads import in_threads
from skrec.typing import Array, CSRMatrix
from skrec.utils import holds_ones, row_blocks

__all__ = ["index_arrays", "nearest_rows", "similarity_blocks"]

_SCANNED = 8  # rows with more products than 1/8 of the columns read the sums of all columns
_PRODUCTS = 2**24  # those that one task sums, about 40 ms
_BYTES = 24  # of one similarity, while blocks are joined


def nearest_rows(
    A: CSRMatrix,
    B: CSRMatrix,
    own: Array,
    other: Array,
    shrinkage: float = 0.0,
    *,
    k: int,
    least: float = 0.0,
    itself: Array | None = None,
    n_jobs: int | None = None,
    description: str | None = None,
) -> CSRMatrix:
    r"""Return the largest similarities of each row of a sparse product.

    .. math:: s_{ij} = \frac{(A B)_{ij}}{o_i p_j + h} \quad\text{where}\; (A B)_{ij} > t

    Parameters
    ----------
    A : csr_matrix of shape (n_a, n_features)
        float32 or float64. Nothing is negative.
    B : csr_matrix of shape (n_features, n_b)
        Of the same type. Nothing is negative.
    own : ndarray of shape (n_a,)
        The factors o of rows.
    other : ndarray of shape (n_b,)
        The factors p of columns.
    shrinkage : float, default=0.0
        h.
    k : int
        The most that a row keeps; of equal ones, those of lower columns.
    least : float, default=0.0
        t, at least 0.
    itself : ndarray of int of shape (n_a,), default=None
        The column that each row leaves out.
    n_jobs : int, default=None
        Threads over rows.
    description : str, default=None
        What stands before a progress bar over blocks of rows; None shows none.

    Returns
    -------
    similarities : csr_matrix of shape (n_a, n_b)
        S, of the type of A, columns increasing. The work and the memory go with the stored
        entries. Sums have the order of scipy's product, so that they are the same to the last bit.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> from skrec.kernels import nearest_rows
    >>> A = sp.csr_matrix(np.array([[1, 1, 0], [0, 1, 1]], dtype=np.float32))
    >>> nearest_rows(A, sp.csr_matrix(A.T), np.ones(2), np.ones(2), k=1).toarray()
    array([[2., 0.],
           [0., 2.]], dtype=float32)
    """
    binary = holds_ones(A.data) and holds_ones(B.data)
    a, b = (read_only(X.data[:0] if binary else X.data, *index_arrays(X)) for X in (A, B))
    itself = np.full(A.shape[0], -1) if itself is None else itself
    of_rows = own.astype(A.dtype, copy=False), itself.astype(np.int32), _products_of_rows(a, b)
    k = min(int(k), B.shape[1])
    with np.errstate(over="ignore"):
        rest = other.astype(A.dtype, copy=False), A.dtype.type(shrinkage), float(least), k
    blocks = similarity_blocks(of_rows[2], k)
    calls = (((_rows(a, r), *(x[r] for x in of_rows)),) for r in blocks)
    common = *b, *rest
    parts = in_threads(_nearest, calls, n_jobs, description=description, common=common)
    data, indices, lengths = (np.concatenate(part) for part in zip(*parts))
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    return sp.csr_matrix((data, indices, indptr), shape=(A.shape[0], B.shape[1]))


def similarity_blocks(n_products: Array, k: int) -> Iterator[slice]:
    """Cut rows into blocks of bounded work whose similarities fit into the working memory.

    Parameters
    ----------
    n_products : ndarray of int of shape (n_rows,)
        How many products each row sums.
    k : int
        The most similarities that a row keeps.

    Yields
    ------
    rows : slice
        Consecutive slices; one empty one where there are no rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.kernels import similarity_blocks
    >>> [(s.start, s.stop) for s in similarity_blocks(np.full(5, 8_000_000), k=100)]
    [(0, 2), (2, 4), (4, 5)]
    """
    # the first block of rows of one byte each is what the working memory holds
    most = max(1, next(row_blocks(2**62, 1)).stop // _BYTES)
    share = n_products / _PRODUCTS + np.minimum(n_products, k) / most
    ends, start = np.cumsum(share), 0
    while start < len(ends) or not start:
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + 1, side="right")))
        yield slice(start, stop)
        start = stop


def index_arrays(X: CSRMatrix) -> tuple[Array, Array]:
    """Return the index arrays of a CSR matrix in the types that kernels are compiled for.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_columns)
        The matrix.

    Returns
    -------
    indices, indptr : ndarray
        int32 and int64, whatever scipy chose.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec.kernels import index_arrays
    >>> index_arrays(sp.csr_matrix([[0, 1], [1, 1]]))
    (array([1, 0, 1], dtype=int32), array([0, 1, 3]))
    """
    return X.indices.astype(np.int32, copy=False), X.indptr.astype(np.int64)


def _rows(a: tuple[Array, Array, Array], rows: slice) -> tuple[Array, Array, Array]:
    """Return the arrays of some rows of a CSR matrix, views where they are large."""
    data, indices, indptr = a
    ends = indptr[rows.start : rows.stop + 1]
    own = slice(ends[0], ends[-1])
    return data[own] if len(data) else data, indices[own], ends - ends[0]


def _nearest(data, indices, indptr, other, shrinkage, least, k, rows):
    a, *of_rows = rows
    a, b = read_only(*a), read_only(data, indices, indptr)
    given = *read_only(*of_rows, other), shrinkage, least, k
    data, indices, lengths = _nearest_rows(a, b, *given)
    return data.copy(), indices.copy(), lengths  # without the room that was not needed


@compiled
def _products_of_rows(a, b):
    """Return how many products each row of A B sums."""
    counts = np.zeros(len(a[2]) - 1, np.int64)
    for i in range(len(counts)):
        for p in range(a[2][i], a[2][i + 1]):
            feature = a[1][p]
            counts[i] += b[2][feature + 1] - b[2][feature]
    return counts


@compiled
def _nearest_rows(a, b, own, itself, n_products, other, shrinkage, least, k):
    """Return the similarities of some rows: data, columns, and how many each row has."""
    n_rows, n_columns = len(own), len(other)
    sums, values = np.zeros(n_columns, own.dtype), np.empty(n_columns, own.dtype)
    columns = np.empty(n_columns, np.int32)
    buffer = np.empty(min(2 * k + 1, n_columns), own.dtype)
    most = 0
    for n in n_products:
        most += min(n, k)
    data, indices = np.empty(most, own.dtype), np.empty(most, np.int32)
    lengths, start = np.zeros(n_rows, np.int64), 0
    for i in range(n_rows):
        if n_products[i] * _SCANNED > n_columns:
            n = _scan(a, b, i, sums, columns)
        else:
            n = _collect(a, b, i, sums, columns)
        n = _similar(sums, columns[:n], own[i], other, shrinkage, itself[i], least, values)
        if n > k:
            n = _keep(values[:n], columns, k, buffer)
        stop = start + n
        _put(values[:n], columns[:n], sums, data[start:stop], indices[start:stop])
        lengths[i], start = n, stop
    return data[:start], indices[:start], lengths


@compiled
def _scan(a, b, i, sums, columns):
    """Sum a row's products; return how many columns have any, which come first, increasing."""
    one = sums.dtype.type(1)
    for p in range(a[2][i], a[2][i + 1]):
        feature = a[1][p]
        row = b[1][b[2][feature] : b[2][feature + 1]]
        if len(b[0]):
            factors, factor = b[0][b[2][feature] : b[2][feature + 1]], a[0][p]
            for q in range(len(row)):
                sums[row[q]] += factor * factors[q]
        else:
            for column in row:
                sums[column] += one
    n = 0
    for column in range(len(sums)):
        columns[n] = column
        n += sums[column] > 0
    return n


@compiled
def _collect(a, b, i, sums, columns):
    """Do the same without a look at all columns; they come in any order."""
    n = 0
    for p in range(a[2][i], a[2][i + 1]):
        feature = a[1][p]
        for q in range(b[2][feature], b[2][feature + 1]):
            column = b[1][q]
            product = a[0][p] * b[0][q] if len(b[0]) else sums.dtype.type(1)
            if sums[column] == 0 < product:
                columns[n] = column
                n += 1
            sums[column] += product
    return n


@compiled
def _similar(sums, columns, own, other, shrinkage, itself, least, values):
    """Turn sums into similarities; return how many columns are left, which come first."""
    n = 0
    for column in columns:
        total = sums[column]
        sums[column] = 0
        columns[n] = column
        values[n] = total / (own * other[column] + shrinkage)
        n += total > least and column != itself
    return n


@compiled
def _keep(values, columns, k, buffer):
    """Move the k largest values to the front, of equal ones those of lower columns."""
    least = _kth_largest(values, k, buffer)
    equal = np.empty(len(values), np.int32)
    n, n_equal = 0, 0
    for p in range(len(values)):
        value, column = values[p], columns[p]
        equal[n_equal] = column
        n_equal += value == least
        values[n], columns[n] = value, column
        n += value > least
    equal[:n_equal].sort()
    for p in range(min(k - n, n_equal)):
        values[n], columns[n] = least, equal[p]
        n += 1
    return n


@compiled
def _put(values, columns, places, data, indices):
    """Put values by increasing column; ``places`` is 0 for each column before and after."""
    for p in range(len(columns)):
        places[columns[p]] = values[p]
        indices[p] = columns[p]
    indices.sort()
    for p in range(len(columns)):
        data[p] = places[indices[p]]
        places[indices[p]] = 0


@compiled
def _kth_largest(values, k, buffer):
    """Return the k-th largest of more than k values, which are positive."""
    n, least = 0, values.dtype.type(-1)
    for value in values:
        if not value <= least:
            buffer[n] = value
            n += 1
            if n == len(buffer):
                least = _select(buffer, k)
                n = k
    return _select(buffer[:n], k)


@compiled
def _select(values, k):
    """Move the k largest to the front, the least of them last; return that."""
    low, high = 0, len(values) - 1
    while low < high:
        pivot, i, j = values[k - 1], low, high
        while i <= j:
            while values[i] > pivot:
                i += 1
            while pivot > values[j]:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i, j = i + 1, j - 1
        if j < k - 1:
            low = i
        if i > k - 1:
            high = j
    return values[k - 1]
