"""Filters of signals on the graph of items: polynomials of P, and projections on smooth vectors."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse.linalg import svds

from skrec import kernels
from skrec.linear._walks import degrees
from skrec.typing import Array, CSRMatrix
from skrec.utils import row_of_entry

__all__ = [
    "chebyshev",
    "normalized",
    "plateau_coefficients",
    "powers",
    "product_without",
    "projections_without",
    "right_vectors",
    "scale_entries",
]

_SMALL = 256  # of matrices with a side of no more, and where vectors are many, all are computed
_TOLERANCE = 1e-4  # of ARPACK, in float32; less has the same vectors to four digits
_RANK = 1e-6  # values of less than this share of the largest are rounding
_MOST_LEVERAGE = 0.9  # so much of a user is taken out of vectors that rest on nobody else


def normalized(X: CSRMatrix, alpha: float) -> CSRMatrix:
    r"""Return :math:`D_u^{-\alpha} X D_i^{-(1 - \alpha)}`, float64.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Interactions, of ones.
    alpha : float
        The share of the users' numbers of entries :math:`D_u`; the rest is that of the items.

    Returns
    -------
    R : csr_matrix of shape (n_users, n_items)
        Where alpha is 1/2, no singular value is above 1.
    """
    users, items = degrees(X)
    values = np.repeat(users**-alpha, np.diff(X.indptr)) * (items ** (alpha - 1))[X.indices]
    return sp.csr_matrix((values, X.indices, X.indptr), shape=X.shape)


def scale_entries(X: CSRMatrix, factors: Array) -> CSRMatrix:
    """Return a CSR matrix whose columns are multiplied by factors, of their type."""
    return sp.csr_matrix((X.data * factors[X.indices], X.indices, X.indptr), shape=X.shape)


def right_vectors(R: CSRMatrix, k: int) -> tuple[Array, Array]:
    """Return the right singular vectors of the largest values, and these, largest first.

    Parameters
    ----------
    R : csr_matrix of shape (n_rows, n_columns)
        float64.
    k : int
        How many; there are fewer where the rank is less.

    Returns
    -------
    vectors : ndarray of shape (n_columns, k)
        The entry of each that is largest in size is positive.
    values : ndarray of shape (k,)
        Their singular values, which are not 0.
    """
    least = min(R.shape)
    k = min(k, least)
    decompose: Any = svds
    if least <= _SMALL or 4 * k > least:
        _, values, rows = scipy.linalg.svd(R.toarray(), full_matrices=False)
    else:
        start = np.random.RandomState(0).uniform(-1, 1, least).astype(np.float32)
        R = R.astype(np.float32)
        _, values, rows = decompose(R, k, v0=start, tol=_TOLERANCE, return_singular_vectors="vh")
    order = np.argsort(-values, kind="stable")[:k]
    order = order[values[order] > _RANK * values[order[:1]]]
    vectors = rows[order].T
    largest = vectors[abs(vectors).argmax(axis=0), np.arange(len(order))]
    return vectors * np.sign(largest), values[order]


def plateau_coefficients(order: int, flatness: float) -> Array:
    r"""Return Chebyshev coefficients of a filter that is flat about the middle of the spectrum.

    .. math:: f(x) = \tfrac12 - \tfrac12 \operatorname{sign}(x) |x|^\phi,
        \qquad x = 1 - 2 \lambda

    Parameters
    ----------
    order : int
        The degree K of the polynomial, which agrees with f at the K + 1 Chebyshev nodes.
    flatness : float
        The :math:`\phi`; 1 is the linear filter :math:`\lambda`.

    Returns
    -------
    coefficients : ndarray of shape (order + 1,)
        Those of :math:`T_0, \dots, T_K`.
    """
    angles = np.pi * (np.arange(order + 1) + 0.5) / (order + 1)
    nodes = np.cos(angles)
    values = 0.5 - 0.5 * np.sign(nodes) * abs(nodes) ** flatness
    coefficients = np.cos(np.outer(np.arange(order + 1), angles)) @ values * 2 / (order + 1)
    coefficients[0] /= 2
    return coefficients


def chebyshev(
    apply: Callable[[Array], Array], signals: Array, once: Array, coefficients: Array
) -> Array:
    r"""Return :math:`\sum_k c_k T_k(I - 2 P)` times signals.

    Parameters
    ----------
    apply : callable
        Multiplies signals by P.
    signals : ndarray of shape (n_items, n_signals)
        One a column.
    once : ndarray of shape (n_items, n_signals)
        The signals times P.
    coefficients : ndarray of shape (order + 1,)
        The c, of :math:`T_0` first; the order is at least 1.

    Returns
    -------
    filtered : ndarray of shape (n_items, n_signals)
        Of the type of the signals.
    """
    c = coefficients.astype(signals.dtype)
    before, now = signals, signals - 2 * once
    total = c[0] * before + c[1] * now
    for factor in c[2:]:
        # T_k = 2 x T_{k-1} - T_{k-2} at x = I - 2 P
        following = apply(now)
        following *= -4
        following += 2 * now
        following -= before
        before, now = now, following
        total += factor * now
    return total


def powers(
    apply: Callable[[Array], Array], once: Array, coefficients: Sequence[float] | Array
) -> Array:
    r"""Return :math:`\sum_k a_k P^k` times signals, from P times the signals.

    Parameters
    ----------
    apply : callable
        Multiplies signals by P.
    once : ndarray of shape (n_items, n_signals)
        The signals times P.
    coefficients : array-like of float
        The a, that of P first.

    Returns
    -------
    filtered : ndarray of shape (n_items, n_signals)
        Of the type of ``once``.
    """
    a = np.asarray(coefficients, dtype=once.dtype)
    total, now = a[0] * once, once
    for factor in a[1:]:
        now = apply(now)
        total += factor * now
    return total


def product_without(
    graph: CSRMatrix, transposed: CSRMatrix, own: CSRMatrix, rows: Array, counts: Array, rest: float
) -> Callable[[Array], Array]:
    r"""Return the product with P of signals, each as it is without one user.

    Parameters
    ----------
    graph, transposed : csr_matrix of shape (n_users, n_items) and (n_items, n_users)
        :math:`\tilde R` and its transpose, float32.
    own : csr_matrix of shape (n_signals, n_items)
        The items of each signal's user.
    rows : ndarray of int of shape (n_signals,)
        These users' rows of ``graph``.
    counts : ndarray of shape (n_items,)
        The items' numbers of users.
    rest : float
        The exponent of these in ``graph``.

    Returns
    -------
    apply : callable
        Takes and returns signals of shape (n_items, n_signals).
    """
    items = counts[own.indices].astype(np.float64)
    gain = np.ones((own.shape[1], own.shape[0]), dtype=np.float32)
    gains = (1 - 1 / np.maximum(items, 2)) ** -rest
    gain[own.indices, row_of_entry(own)] = np.where(items > 1, gains, 0)
    signal = np.arange(len(rows))

    def apply(x: Array) -> Array:
        on_users = graph @ (x * gain)
        on_users[rows, signal] = 0
        return (transposed @ on_users) * gain

    return apply


def projections_without(history: CSRMatrix, own: CSRMatrix, vectors: Array, values: Array) -> Array:
    r"""Project histories on singular vectors as they are without the history's user.

    With r the user's row of the matrix, and :math:`w = r V \Sigma^{-1}` its left vector, the
    others' rows are multiplied by what is left of the left vectors. This is a step of subspace
    iteration: the vectors without the user span the columns of

    .. math:: Z = V \Sigma - r^\top w, \qquad
        Z^\top Z = \Sigma^2 - \Sigma t^\top w - w^\top t \Sigma + \lVert r \rVert^2 w^\top w,
        \qquad t = r V,

    whose inverse differs from that of :math:`\Sigma^2` by a matrix of rank 2.

    Parameters
    ----------
    history : csr_matrix of shape (n_rows, n_items)
        What is projected.
    own : csr_matrix of shape (n_rows, n_items)
        The users' rows r.
    vectors : ndarray of shape (n_items, k)
        V.
    values : ndarray of shape (k,)
        The diagonal of :math:`\Sigma`.

    Returns
    -------
    projections : ndarray of shape (n_rows, n_items)
        float64.
    """
    t = kernels.sum_rows(own, vectors)
    w = t / values
    leverage = np.maximum((w**2).sum(axis=1), _MOST_LEVERAGE)
    w *= np.sqrt(_MOST_LEVERAGE / leverage)[:, None]  # all of it would leave a vector of 0
    common = np.asarray(history.multiply(own).sum(axis=1))
    left = kernels.sum_rows(history, vectors) * values - common * w  # history Z
    # Woodbury, with the 2 x 2 matrices of all rows at once
    w2, t2 = w / values**2, t / values
    cross = (w * t2).sum(axis=1) - 1
    squares = np.asarray(own.multiply(own).sum(axis=1)).ravel()
    rest = (t**2).sum(axis=1) - squares
    a, b = (w2 * left).sum(axis=1), (t2 * left).sum(axis=1)
    curve = (w2 * w).sum(axis=1)
    determinant = curve * rest - cross**2
    first = (rest * a - cross * b) / determinant
    second = (curve * b - cross * a) / determinant
    solved = left / values**2 - first[:, None] * w2 - second[:, None] * t2
    back = sp.csr_matrix(own.multiply((solved * w).sum(axis=1)[:, None])).toarray()
    return (solved * values) @ vectors.T - back
