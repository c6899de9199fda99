"""Exact top-k of the rows of a score matrix, in NumPy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skrec.typing import Array
from skrec.utils._check import check_count
from skrec.utils._memory import check_list_memory
from skrec.utils._rows import row_blocks

__all__ = ["most_similar", "top_candidates", "top_k"]

_CHUNK = 64  # columns whose maximum stands for them in the first pass


def _thresholds(scores: Array, k: int) -> Array:
    """Return for each row a value that at least k of its entries reach (or -inf).

    The k-th largest of the chunk maxima is such a value, and is close to the k-th largest
    entry where k is much smaller than the number of chunks.
    """
    n_rows, n_columns = scores.shape
    n_chunks = n_columns // _CHUNK
    if n_chunks < 2 * k:
        return np.partition(scores, n_columns - k, axis=1)[:, n_columns - k]
    whole = scores[:, : n_chunks * _CHUNK].reshape(n_rows, _CHUNK, n_chunks)
    maxima = whole.max(axis=1)
    return np.partition(maxima, n_chunks - k, axis=1)[:, n_chunks - k]


def _sort_flat(row: Array, column: Array, score: Array) -> tuple[Array, Array, Array]:
    """Sort by row, then falling score, then column (the input is in order of row and column)."""
    order = np.argsort(-score, kind="stable")
    order = order[np.argsort(row[order], kind="stable")]
    return row[order], column[order], score[order]


def _positions(row: Array, n_rows: int) -> tuple[Array, Array]:
    """Return the place of each flat entry within its row, and the entries per row."""
    counts = np.bincount(row, minlength=n_rows)
    starts = np.cumsum(counts) - counts
    return np.arange(len(row)) - starts[row], counts


def top_candidates(scores: ArrayLike, k: int) -> tuple[Array, Array, Array]:
    """Return every entry that is at least as large as the k-th best of its row.

    Entries tied with the k-th best are all there, so that a caller can treat a group of equal
    scores as a whole. Entries of ``-inf`` are not eligible and never listed.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_columns)
        Floating-point scores without NaN; larger is better.
    k : int
        How many of the best entries to cover; more than ``n_columns`` means all.

    Returns
    -------
    row, column : ndarray of shape (n_candidates,)
        The places of the entries, int64, in order of row, falling score, and column.
    score : ndarray of shape (n_candidates,)
        Their scores.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.utils import top_candidates
    >>> row, column, score = top_candidates(np.array([[3.0, 1.0, 2.0, 2.0]]), 2)
    >>> column.tolist()
    [0, 2, 3]
    """
    scores = np.asarray(scores)
    n_rows, n_columns = scores.shape
    k = min(int(k), n_columns)
    if n_rows == 0 or k <= 0:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, np.empty(0, dtype=scores.dtype)
    threshold = np.maximum(_thresholds(scores, k), np.finfo(scores.dtype).min)
    flat = np.flatnonzero(scores >= threshold[:, None])
    if flat.size == 0:
        return flat, flat, np.empty(0, dtype=scores.dtype)
    row, column = np.divmod(flat, n_columns)
    row, column, score = _sort_flat(row, column, scores[row, column])
    position, counts = _positions(row, n_rows)
    # the first threshold may let more than k through: cut at the true k-th best, ties kept
    starts = np.cumsum(counts) - counts
    last = np.minimum(starts + k, starts + counts) - 1
    keep = (position < k) | (score == score[np.maximum(last, 0)][row])
    return row[keep], column[keep], score[keep]


def top_k(scores: ArrayLike, k: int) -> tuple[Array, Array]:
    """Return the k best columns of each row, best first, ties to the lower index.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_columns)
        Floating-point scores without NaN; ``-inf`` marks columns that are not eligible.
    k : int
        Length of the lists.

    Returns
    -------
    indices : ndarray of shape (n_rows, k)
        int64 column indices, -1 where a row has too few eligible columns.
    values : ndarray of shape (n_rows, k)
        Their scores, NaN where the index is -1.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.utils import top_k
    >>> top_k(np.array([[3.0, 1.0, 2.0, 2.0]]), 2)[0]
    array([[0, 2]])
    """
    scores = np.asarray(scores)
    row, column, score = top_candidates(scores, k)
    position, _ = _positions(row, scores.shape[0])
    keep = position < k
    indices = np.full((scores.shape[0], k), -1, dtype=np.int64)
    values = np.full((scores.shape[0], k), np.nan, dtype=scores.dtype)
    indices[row[keep], position[keep]] = column[keep]
    values[row[keep], position[keep]] = score[keep]
    return indices, values


def most_similar(vectors: Array, items: ArrayLike, k: int) -> tuple[Array, Array]:
    """Return the k rows of a matrix that point most in the direction of given rows (cosine).

    Parameters
    ----------
    vectors : ndarray of shape (n_items, n_dimensions)
        One vector an item.
    items : ndarray of int of shape (n,)
        Rows to compare with all others.
    k : int
        Length of the lists, ``n_items`` to the user.

    Returns
    -------
    indices : ndarray of shape (n, k)
        Rows, best first, without the row itself; -1 where there are too few.
    similarities : ndarray of shape (n, k)
        Cosines; NaN where the index is -1.

    Raises
    ------
    MemoryError
        If lists of that length cannot fit into memory.
    """
    items, k = np.atleast_1d(items), check_count(k, "n_items", 1)
    check_list_memory(len(items), k, 8 + vectors.dtype.itemsize)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(norms, np.finfo(vectors.dtype).tiny)
    indices = np.full((len(items), k), -1, dtype=np.int64)
    similarities = np.full((len(items), k), np.nan, dtype=vectors.dtype)
    width = min(k, len(vectors))  # the rest of longer lists stays empty
    for rows in row_blocks(len(items), 12 * len(vectors)):
        cosines = unit[items[rows]] @ unit.T
        cosines[np.arange(len(cosines)), items[rows]] = -np.inf
        indices[rows, :width], similarities[rows, :width] = top_k(cosines, width)
    return indices, similarities
