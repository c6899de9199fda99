r"""Coordinate descent for an elastic net on parts of a Gram matrix.

.. math:: \min_{w \geq 0} \tfrac12 w^\top G w - q^\top w + \tfrac12 y^\top y
    + l_1 \lVert w \rVert_1 + \tfrac12 l_2 \lVert w \rVert^2

No entry of G is negative here, so a column with :math:`q_j \leq l_1` has no weight. Of the others
a working set is solved on its own block of G, which stays in the cache, and grows by what the
conditions of Karush, Kuhn and Tucker ask for.
"""

import numpy as np

from skrec.kernels._compile import compiled, read_only
from skrec.typing import Array

__all__ = ["elastic_net"]

_FIRST = 64  # columns of the first working set; then as many again as it has
_ROUGH = 1e-2  # tolerance until the working set is complete


def elastic_net(
    gram: Array,
    columns: tuple[Array, Array],
    sums: Array,
    item: int,
    others: Array,
    l1: float,
    l2: float,
    tol: float,
    max_iter: int,
) -> tuple[Array, bool]:
    """Regress a binary column on others with weights that are not negative.

    Parameters
    ----------
    gram : ndarray of shape (n_items, n_items)
        X'X in a type that holds its entries, float32 up to 2^24 of them; of shape (0, 0) to count
        them from the columns. Weights and sums are in float64 whatever it is.
    columns : tuple of ndarray (indices, indptr)
        The rows that each column of X has, int32 and int64.
    sums : ndarray of float64 of shape (n_users,)
        Zeros, which it is again afterwards; may be empty where ``gram`` is not.
    item : int
        The column to regress.
    others : ndarray of int32 of shape (n,)
        Columns it is regressed on, those that share more than ``l1`` rows with it.
    l1, l2 : float
        Penalties.
    tol : float
        Weights change by at most this share of the largest one in the last pass, and the duality
        gap is at most this share of the square norm, as in scikit-learn.
    max_iter : int
        The most passes.

    Returns
    -------
    weights : ndarray of float64 of shape (n,)
        Those of ``others``.
    converged : bool
        Whether ``max_iter`` passes were enough.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> from skrec import kernels
    >>> X = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    >>> columns = kernels.index_arrays(sp.csr_matrix(X.T))
    >>> others, nothing = np.array([1, 2], dtype=np.int32), np.empty(0)
    >>> kernels.elastic_net(X.T @ X, columns, nothing, 0, others, 0.5, 1.0, 1e-4, 100)
    (array([0.375, 0.   ]), True)
    """
    gram, *columns, others = read_only(gram, *columns, others)
    return _elastic_net(gram, tuple(columns), sums, item, others, l1, l2, tol, max_iter)


@compiled
def _elastic_net(gram, columns, sums, item, others, l1, l2, tol, max_iter):
    """Let the working set grow until its weights are those of all."""
    n = len(others)
    products = _products(gram, columns, sums, item, others)
    squares, square = _squares(gram, columns, others), _square(gram, columns, item)
    weights, slope = np.zeros(n, np.float64), products.copy()
    if _gap(weights, slope, products, square, l1, l2) <= tol * square:
        return weights, True
    working, inside, size = np.empty(n, np.int64), np.zeros(n, np.bool_), 0
    within, n_passes = max(tol, _ROUGH), 0
    block = np.empty((0, 0), gram.dtype)
    while n_passes < max_iter:
        grown = _grow(working, size, inside, slope, squares, l1, l2)
        block = _extended(block, gram, columns, sums, others, working[:grown])
        size = grown
        part, rest = working[:size], max_iter - n_passes
        rule = (l1, l2, within, tol * square if within == tol else np.inf)
        n_passes += _descend(block, part, weights, slope, products, square, rule, rest)
        _set_slope(gram, columns, sums, item, others, products, weights, slope)
        if not _missed(inside, slope, squares, l1, l2, within * weights.max()):
            if within == tol and _gap(weights, slope, products, square, l1, l2) <= tol * square:
                return weights, True
            within = tol
    return weights, False


@compiled
def _products(gram, columns, sums, item, others):
    """Return the Gram matrix's entries between an item and others."""
    products = np.empty(len(others), np.float64)
    if len(gram):
        row = gram[item]
        for p in range(len(others)):
            products[p] = row[others[p]]
    else:
        _add(columns, sums, item, 1.0)
        for p in range(len(others)):
            products[p] = _sum(columns, sums, others[p])
        _clear(columns, sums, item)
    return products


@compiled
def _square(gram, columns, item):
    """Return the Gram matrix's entry of an item with itself."""
    if len(gram):
        return np.float64(gram[item, item])
    return np.float64(columns[1][item + 1] - columns[1][item])


@compiled
def _squares(gram, columns, items):
    """Return the Gram matrix's diagonal at some items."""
    squares = np.empty(len(items), np.float64)
    for p in range(len(items)):
        squares[p] = _square(gram, columns, items[p])
    return squares


@compiled
def _set_slope(gram, columns, sums, item, others, products, weights, slope):
    """Set q - G w of others."""
    if len(gram):
        row = gram[item].astype(np.float64)
        for p in range(len(others)):
            if weights[p] > 0:
                weight, of_other = weights[p], gram[others[p]]
                for j in range(len(row)):
                    row[j] -= weight * of_other[j]
        for p in range(len(others)):
            slope[p] = row[others[p]]
    else:
        for p in range(len(others)):
            if weights[p] > 0:
                _add(columns, sums, others[p], weights[p])
        for p in range(len(others)):
            slope[p] = products[p] - _sum(columns, sums, others[p])
        for p in range(len(others)):
            _clear(columns, sums, others[p])


@compiled
def _add(columns, sums, item, value):
    for p in range(columns[1][item], columns[1][item + 1]):
        sums[columns[0][p]] += value


@compiled
def _sum(columns, sums, item):
    total = 0.0
    for p in range(columns[1][item], columns[1][item + 1]):
        total += sums[columns[0][p]]
    return total


@compiled
def _clear(columns, sums, item):
    for p in range(columns[1][item], columns[1][item + 1]):
        sums[columns[0][p]] = 0


@compiled
def _extended(block, gram, columns, sums, others, working):
    """Return the block of the Gram matrix for a working set, from that of its first columns."""
    n, n_old = len(working), len(block)
    out = np.empty((n, n), block.dtype)
    for p in range(n_old):
        for q in range(n_old):
            out[p, q] = block[p, q]
    items = np.empty(n, np.int32)
    for p in range(n):
        items[p] = others[working[p]]
    for p in range(n_old, n):
        row = _products(gram, columns, sums, items[p], items[: p + 1])
        for q in range(p + 1):
            out[p, q] = row[q]
            out[q, p] = row[q]
    return out


@compiled
def _grow(working, size, inside, slope, squares, l1, l2):
    """Put the columns that would gain most by a weight; return how many there are then."""
    n, most = len(slope), max(_FIRST, size)
    gains, largest = np.zeros(n, np.float64), 0.0
    for p in range(n):
        if not inside[p]:
            gains[p] = max(0.0, slope[p] - l1) ** 2 / (squares[p] + l2)
    n_gaining = 0
    for p in range(n):
        largest = max(largest, gains[p])
        n_gaining += gains[p] > 0
    # whatever comes next to the best ones is not worth an order
    least, n_above = largest, 0
    while n_above < min(most, n_gaining):
        least /= 4
        n_above = 0
        for p in range(n):
            n_above += gains[p] > least
    stop = min(n, size + most)
    for p in range(n):
        if gains[p] > least and size < stop:
            working[size], inside[p] = p, True
            size += 1
    return size


@compiled
def _missed(inside, slope, squares, l1, l2, least):
    """Return whether a column outside the working set would have a weight of more than this."""
    for p in range(len(slope)):
        if not inside[p] and max(0.0, slope[p] - l1) / (squares[p] + l2) > least:
            return True
    return False


@compiled
def _gap(weights, slope, products, square, l1, l2):
    """Return the duality gap."""
    total, squares, explained, along, steepest = 0.0, 0.0, 0.0, 0.0, 0.0
    for p in range(len(weights)):
        weight = weights[p]
        steepest = max(steepest, slope[p] - l2 * weight)
        total += weight
        squares += weight * weight
        explained += weight * products[p]
        along += weight * slope[p]
    residual = square - explained - along
    scale = l1 / steepest if steepest > l1 else 1.0
    gap = 0.5 * residual * (1 + scale**2) + l1 * total - scale * (square - explained)
    return gap + 0.5 * l2 * (1 + scale**2) * squares


@compiled
def _descend(block, working, all_weights, all_slope, all_products, square, rule, max_iter):
    """Solve for the weights of a working set; return the number of passes."""
    l1, l2, within, most = rule
    n = len(working)
    weights, slope, products = np.empty(n), np.empty(n), np.empty(n)
    for p in range(n):
        weights[p], slope[p] = all_weights[working[p]], all_slope[working[p]]
        products[p] = all_products[working[p]]
    n_passes, done = 0, False
    while n_passes < max_iter and not done:
        n_passes += 1
        if _pass(block, weights, slope, l1, l2) <= within:
            done = _gap(weights, slope, products, square, l1, l2) <= most
    for p in range(n):
        all_weights[working[p]] = weights[p]
    return n_passes


@compiled
def _pass(block, weights, slope, l1, l2):
    """Set each weight to the best one; return the largest change as a share of the largest."""
    change, largest = 0.0, 0.0
    for p in range(len(weights)):
        row, old = block[p], weights[p]
        weights[p] = max(0.0, slope[p] + old * row[p] - l1) / (row[p] + l2)
        step = weights[p] - old
        if step != 0:
            for j in range(len(slope)):
                slope[j] -= step * row[j]
        change, largest = max(change, abs(step)), max(largest, weights[p])
    return change / largest if largest > 0 else 0.0
