"""The best columns of rows of scores, and sums of the rows of weights that histories name."""

import numpy as np
import scipy.sparse as sp

from skrec.kernels._compile import compiled, read_only
from skrec.typing import Array, CSRMatrix

__all__ = ["sum_rows", "top_k"]

_CHUNK = 64  # columns that are compared with the k-th best at once


def top_k(scores: Array, k: int) -> tuple[Array, Array]:
    """Return the k best columns of each row, best first, ties to the lower index.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_columns)
        float32 or float64; ``-inf`` marks columns that are not eligible.
    k : int
        Length of the lists.

    Returns
    -------
    indices : ndarray of shape (n_rows, k)
        int64 columns, -1 where a row has too few eligible ones.
    values : ndarray of shape (n_rows, k)
        Their scores, NaN where the index is -1.

    Raises
    ------
    ValueError
        If a score is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.kernels import top_k
    >>> top_k(np.array([[3.0, 1.0, 2.0, 2.0]]), 2)[0]
    array([[0, 2]])
    """
    scores = np.ascontiguousarray(scores)
    indices = np.empty((len(scores), int(k)), dtype=np.int64)
    values = np.empty(indices.shape, dtype=scores.dtype)
    # the kernel selects from lists that hold something
    if _top_k(scores, indices, values) if k else np.isnan(scores).any():
        raise ValueError("the model's scores must be numbers; got NaN")
    return indices, values


def sum_rows(history: CSRMatrix, weights: Array | CSRMatrix) -> Array:
    """Return the product of sparse rows with weights, as a dense array.

    Parameters
    ----------
    history : csr_matrix of shape (n_rows, n_items)
        Sparse rows.
    weights : ndarray or csr_matrix of shape (n_items, n_columns)
        float32 or float64.

    Returns
    -------
    sums : ndarray of shape (n_rows, n_columns)
        Of the type of scipy's product. Each row is summed in the order of its entries, so that it
        is the same, to the last bit, alone and among others.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> from skrec.kernels import sum_rows
    >>> sum_rows(sp.csr_matrix([[1.0, 0.0, 1.0]]), np.array([[1.0, 2.0], [4.0, 8.0], [0.5, 0.5]]))
    array([[1.5, 2.5]])
    """
    dtype = np.result_type(history.dtype, weights.dtype)
    sums = np.zeros((history.shape[0], weights.shape[1]), dtype=dtype)
    rows = read_only(history.data, history.indices, history.indptr)
    if isinstance(weights, np.ndarray):
        _sum_dense(*rows, *read_only(np.ascontiguousarray(weights)), sums)
    else:
        weights = sp.csr_matrix(weights)
        given = read_only(weights.data, weights.indices, weights.indptr)
        _sum_sparse(*rows, *given, sums)
    return sums


@compiled
def _top_k(scores, indices, values):
    """Write the best columns of each row, and their scores; return whether there is NaN."""
    n_columns, k = scores.shape[1], values.shape[1]
    size = 2 * k + _CHUNK
    best, columns = np.empty(size, scores.dtype), np.empty(size, np.int64)
    is_nan = False
    for i in range(len(scores)):
        row, n, least = scores[i], 0, scores.dtype.type(-np.inf)
        for start in range(0, n_columns, _CHUNK):
            chunk = row[start : start + _CHUNK]
            larger = np.int32(0)  # as wide as what is counted, for vector instructions
            for p in range(len(chunk)):
                larger += np.int32(not chunk[p] <= least)  # or NaN
            if larger == 0:
                continue
            for p in range(len(chunk)):
                best[n], columns[n] = chunk[p], start + p
                n += chunk[p] > least  # of equal ones, those before are better
                is_nan |= chunk[p] != chunk[p]
            if n >= 2 * k:
                n, least = k, _select(best[:n], columns[:n], k)
        if n > k:
            _select(best[:n], columns[:n], k)
            n = k
        _sort(best[:n], columns[:n])
        values[i, :n], indices[i, :n] = best[:n], columns[:n]
        values[i, n:], indices[i, n:] = np.nan, -1
    return is_nan


@compiled
def _select(values, columns, k):
    """Move the k best entries to the front, the worst of them last; return its value."""
    low, high = 0, len(values) - 1
    while low < high:
        value, column, i, j = values[k - 1], columns[k - 1], low, high
        while i <= j:
            while values[i] > value or (values[i] == value and columns[i] < column):
                i += 1
            while value > values[j] or (value == values[j] and column < columns[j]):
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                columns[i], columns[j] = columns[j], columns[i]
                i, j = i + 1, j - 1
        if j < k - 1:
            low = i
        if i > k - 1:
            high = j
    return values[k - 1]


@compiled
def _sort(values, columns):
    """Sort entries, best first, by a heap whose worst is the first."""
    n = len(values)
    for place in range(n // 2 - 1, -1, -1):
        _sink(values, columns, place, n)
    for last in range(n - 1, 0, -1):
        values[0], values[last] = values[last], values[0]
        columns[0], columns[last] = columns[last], columns[0]
        _sink(values, columns, 0, last)


@compiled
def _sink(values, columns, place, n):
    """Let an entry of a heap of n entries sink below those that are worse."""
    value, column, child = values[place], columns[place], 2 * place + 1
    while child < n:
        other = child + 1
        if other < n and (
            values[other] < values[child]
            or (values[other] == values[child] and columns[other] > columns[child])
        ):
            child = other
        if values[child] > value or (values[child] == value and columns[child] < column):
            break
        values[place], columns[place] = values[child], columns[child]
        place, child = child, 2 * child + 1
    values[place], columns[place] = value, column


@compiled
def _sum_dense(data, indices, indptr, weights, sums):
    """Add rows of dense weights, four at a time: memory is what they wait for."""
    n_columns = sums.shape[1]
    for i in range(len(sums)):
        total, p, stop = sums[i], indptr[i], indptr[i + 1]
        while p + 4 <= stop:
            a, b = weights[indices[p]], weights[indices[p + 1]]
            c, d = weights[indices[p + 2]], weights[indices[p + 3]]
            x, y, z, w = data[p], data[p + 1], data[p + 2], data[p + 3]
            for k in range(n_columns):
                total[k] = (((total[k] + x * a[k]) + y * b[k]) + z * c[k]) + w * d[k]
            p += 4
        while p < stop:
            a, x = weights[indices[p]], data[p]
            for k in range(n_columns):
                total[k] += x * a[k]
            p += 1


@compiled
def _sum_sparse(data, indices, indptr, weights, columns, starts, sums):
    """Add rows of sparse weights."""
    for i in range(len(sums)):
        total = sums[i]
        for p in range(indptr[i], indptr[i + 1]):
            item, factor = indices[p], data[p]
            for q in range(starts[item], starts[item + 1]):
                total[columns[q]] += factor * weights[q]
