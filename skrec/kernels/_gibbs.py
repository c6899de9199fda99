"""Draws of Gaussian vectors: rows given the columns' vectors, and weights of implicit features.

Salakhutdinov, R., & Mnih, A. (2008). Bayesian probabilistic matrix factorization using Markov chain
Monte Carlo. ICML. https://doi.org/10.1145/1390156.1390267
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from skrec.kernels._compile import compiled, read_only
from skrec.kernels._threads import in_threads
from skrec.typing import Array

__all__ = ["draw_rows", "draw_weights", "list_products"]

_PIECE = 256  # entries of a row that are gathered at once, so that they stay in the cache
_OVERHEAD = 32  # what a row costs beside its entries, in entries
_ENTRIES = 2**16  # of one task, with that overhead


def draw_rows(
    entries: tuple[Array, Array, Array],
    vectors: Array,
    centres: Array,
    precision: Array,
    noise: float,
    normals: Array,
    n_jobs: int | None = None,
) -> tuple[Array, Array, Array]:
    r"""Draw the vector of each row of ratings from what it is given all else.

    A row's vector is :math:`x = (p, b)`, a column's is :math:`(q_i, c_i)`, and ratings are
    :math:`r_i \sim N(p^\top q_i + b + c_i, 1 / \alpha)`. With :math:`v_i = (q_i, 1)` and the prior
    :math:`x \sim N(m, \mathrm{diag}(\lambda)^{-1})` it is drawn from

    .. math:: N(A^{-1} g, A^{-1}), \quad
        A = \mathrm{diag}(\lambda) + \alpha \sum_i v_i v_i^\top, \quad
        g = \lambda \odot m + \alpha \sum_i (r_i - c_i) v_i.

    Parameters
    ----------
    entries : tuple of ndarray
        ``indptr``, ``indices`` and ``data`` of a CSR matrix of the ratings.
    vectors : ndarray of float64 of shape (n_columns, size)
        Those of the columns, the bias last.
    centres : ndarray of float64 of shape (n_rows, size)
        The m of each row.
    precision : ndarray of float64 of shape (size,)
        The :math:`\lambda`, positive.
    noise : float
        The precision :math:`\alpha`.
    normals : ndarray of float64 of shape (n_rows, size)
        Standard normal numbers, which decide the draw.
    n_jobs : int, default=None
        Threads over rows; the draws do not depend on it.

    Returns
    -------
    means, draws : ndarray of float64 of shape (n_rows, size)
        The vectors :math:`A^{-1} g`, and what was drawn.
    errors : ndarray of float64 of shape (n_rows,)
        Sum of the squared errors of each row's ratings under what was drawn.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> from skrec.kernels import draw_rows
    >>> X = sp.csr_matrix([[2.0, 4.0]])
    >>> entries, zero = (X.indptr, X.indices, X.data), np.zeros((1, 1))
    >>> draw_rows(entries, np.zeros((2, 1)), zero, np.ones(1), 1.0, zero)  # a bias alone
    (array([[2.]]), array([[2.]]), array([4.]))
    """
    indptr, indices, ratings = entries
    indptr = indptr.astype(np.int64)
    shared = np.ascontiguousarray(vectors), np.ascontiguousarray(precision), float(noise)
    calls = []
    for rows in _tasks(indptr):
        ends = indptr[rows.start : rows.stop + 1]
        own = slice(ends[0], ends[-1])
        part = ends - ends[0], indices[own].astype(np.int32, copy=False), ratings[own]
        calls.append(((part, centres[rows], normals[rows]),))
    parts = in_threads(_draw_some, calls, n_jobs, common=shared)
    means, draws, errors = (np.concatenate(each) for each in zip(*parts, strict=True))
    return means, draws, errors


def draw_weights(
    entries: tuple[Array, Array, Array],
    residuals: Array,
    weights: Array,
    precision: Array,
    prior_precision: Array,
    normals: Array,
) -> None:
    r"""Draw the weights of sparse features, one feature after the other, in place.

    Row u has the vector :math:`x_u = m + \sum_j a_{uj} y_j + e_u` with
    :math:`e_{uk} \sim N(0, 1 / \lambda_k)` and :math:`y_{jk} \sim N(0, 1 / \gamma_k)`. With the
    residuals e of the current weights

    .. math:: y_{jk} \sim N\Big(\frac{\lambda_k \sum_u a_{uj} (e_{uk} + a_{uj} y_{jk})}{h_{jk}},
        \frac{1}{h_{jk}}\Big), \quad h_{jk} = \gamma_k + \lambda_k \sum_u a_{uj}^2.

    Parameters
    ----------
    entries : tuple of ndarray
        ``indptr``, ``indices`` and ``data`` of a CSR matrix of shape (n_features, n_rows): the a
        by feature.
    residuals : ndarray of float64 of shape (n_rows, size)
        The e, which are kept up to date.
    weights : ndarray of float64 of shape (n_features, size)
        The y, before and afterwards.
    precision, prior_precision : ndarray of float64 of shape (size,)
        The :math:`\lambda` and :math:`\gamma`.
    normals : ndarray of float64 of shape (n_features, size)
        Standard normal numbers, which decide the draw.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.kernels import draw_weights
    >>> feature = np.array([0, 1]), np.array([0], np.int32), np.ones(1)
    >>> residuals, weights, one = np.full((1, 1), 4.0), np.zeros((1, 1)), np.ones(1)
    >>> draw_weights(feature, residuals, weights, one, one, np.zeros((1, 1)))
    >>> weights, residuals
    (array([[2.]]), array([[2.]]))
    """
    indptr, indices, values = entries
    part = indptr.astype(np.int64), indices.astype(np.int32, copy=False), values.astype(np.float64)
    _draw_weights(*part, residuals, weights, precision, prior_precision, normals)


def list_products(users: Array, items: Array, lists: Array) -> Array:
    """Return the inner products of users with the items of their lists.

    Parameters
    ----------
    users : ndarray of shape (n_rows, size)
        Vectors of users.
    items : ndarray of shape (n_items, size)
        Vectors of all items.
    lists : ndarray of int of shape (n_rows, m)
        Items of each user, padded with -1.

    Returns
    -------
    products : ndarray of float32 of shape (n_rows, m)
        0 where a list is padded: unlike a product of matrices, padding costs nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.kernels import list_products
    >>> list_products(np.array([[2.0]]), np.array([[1.0], [3.0]]), np.array([[1, -1]]))
    array([[6., 0.]], dtype=float32)
    """
    users, items = (np.ascontiguousarray(each, dtype=np.float32) for each in (users, items))
    return _list_products(users, items, np.ascontiguousarray(lists, dtype=np.int64))


def _tasks(indptr: Array) -> Iterator[slice]:
    """Yield consecutive slices of rows, of like costs."""
    ends = indptr[1:] + _OVERHEAD * np.arange(1, len(indptr))
    start = 0
    while start < len(ends) or not start:
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _ENTRIES, side="right")))
        yield slice(start, min(stop, len(ends)))
        start = stop


def _draw_some(
    vectors: Array, precision: Array, noise: float, rows: tuple[Any, Array, Array]
) -> Any:
    entries, *rest = rows
    given = read_only(*entries, vectors, precision)
    return _draw_rows(*given, noise, *read_only(*rest))


def _reordering(function):
    return compiled(function, reorders=True)


@compiled
def _draw_rows(indptr, indices, ratings, vectors, precision, noise, centres, normals):
    """Return the means, the draws and the squared errors of rows."""
    n_rows, size = centres.shape
    gathered = np.empty((_PIECE, size + 1))  # regressors, and the target last
    system = np.empty((size, size + 1))  # the upper part of A, and g last
    means, draws = np.empty((n_rows, size)), np.empty((n_rows, size))
    errors = np.zeros(n_rows)
    for row in range(n_rows):
        start, stop = indptr[row], indptr[row + 1]
        for k in range(size):
            system[k, k:] = 0
            system[k, k] = precision[k] / noise
            system[k, size] = precision[k] / noise * centres[row, k]
        for p in range(start, stop, _PIECE):
            q = min(p + _PIECE, stop)
            _gather(vectors, indices[p:q], ratings[p:q], gathered)
            _add_products(gathered, q - p, system)
        _factorise(system)
        deviation = 1 / np.sqrt(noise)
        _substitute(system, 0.0, normals[row], means[row])
        _substitute(system, deviation, normals[row], draws[row])
        for p in range(start, stop):
            errors[row] += _squared_error(vectors, indices[p], ratings[p], draws[row])
    return means, draws, errors


@compiled
def _gather(vectors, columns, ratings, gathered):
    """Set the regressors of some entries, and their targets."""
    last = vectors.shape[1] - 1
    for p in range(len(columns)):
        column = columns[p]
        for k in range(last):
            gathered[p, k] = vectors[column, k]
        gathered[p, last] = 1
        gathered[p, last + 1] = ratings[p] - vectors[column, last]


@_reordering
def _add_products(gathered, n, system):
    """Add the inner products of columns, from the diagonal on."""
    size = len(system)
    p = 0
    while p + 4 <= n:
        for k in range(size):
            a, b, c, d = gathered[p, k], gathered[p + 1, k], gathered[p + 2, k], gathered[p + 3, k]
            out = system[k, k:]
            w, x = gathered[p, k:], gathered[p + 1, k:]
            y, z = gathered[p + 2, k:], gathered[p + 3, k:]
            for i in range(len(out)):
                out[i] += a * w[i] + b * x[i] + c * y[i] + d * z[i]
        p += 4
    for p in range(n - n % 4, n):
        for k in range(size):
            factor, out, x = gathered[p, k], system[k, k:], gathered[p, k:]
            for i in range(len(out)):
                out[i] += factor * x[i]


@_reordering
def _factorise(system):
    """Turn A into the R of A = R'R, above the diagonal, and g into the w of R'w = g."""
    size = len(system)
    for k in range(size):
        own = system[k, k:]
        pivot = own[0]
        if not 0 < pivot < np.inf:  # numbers beyond the type
            raise np.linalg.LinAlgError("Matrix is not positive definite.")
        scale = 1 / np.sqrt(pivot)
        for p in range(len(own)):
            own[p] *= scale
        for i in range(k + 1, size):
            factor, x, y = system[k, i], system[k, i:], system[i, i:]
            for p in range(len(y)):
                y[p] -= factor * x[p]


@_reordering
def _substitute(system, deviation, normals, solved):
    """Set solved to the x of R x = w + deviation * normals."""
    size = len(system)
    for k in range(size - 1, -1, -1):
        total = system[k, size] + deviation * normals[k]
        for p in range(k + 1, size):
            total -= system[k, p] * solved[p]
        solved[k] = total / system[k, k]


@_reordering
def _squared_error(vectors, column, rating, vector):
    last = len(vector) - 1
    predicted = vector[last] + vectors[column, last]
    for k in range(last):
        predicted += vector[k] * vectors[column, k]
    return (rating - predicted) ** 2


@_reordering
def _draw_weights(indptr, indices, values, residuals, weights, precision, prior, normals):
    n_features, size = weights.shape
    change = np.empty(size)
    for feature in range(n_features):
        square = 0.0
        change[:] = 0
        for p in range(indptr[feature], indptr[feature + 1]):
            value, own = values[p], residuals[indices[p]]
            square += value * value
            for k in range(size):
                change[k] += value * own[k]
        for k in range(size):
            total = prior[k] + precision[k] * square
            old = weights[feature, k]
            mean = precision[k] * (change[k] + square * old) / total
            weights[feature, k] = mean + normals[feature, k] / np.sqrt(total)
            change[k] = weights[feature, k] - old
        for p in range(indptr[feature], indptr[feature + 1]):
            value, own = values[p], residuals[indices[p]]
            for k in range(size):
                own[k] -= value * change[k]


@_reordering
def _list_products(users, items, lists):
    products = np.zeros(lists.shape, np.float32)
    for row in range(lists.shape[0]):
        user = users[row]
        for place in range(lists.shape[1]):
            if lists[row, place] >= 0:
                item, total = items[lists[row, place]], 0.0
                for k in range(len(user)):
                    total += user[k] * item[k]
                products[row, place] = total
    return products
