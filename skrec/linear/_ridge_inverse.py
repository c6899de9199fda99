"""Inverses of Gram matrices with a ridge, for EASE and others."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import blas, cholesky, lapack, solve_triangular

from skrec import kernels
from skrec.typing import Array, CSRMatrix
from skrec.utils import holds_ones

__all__ = ["SURE", "TOO_SMALL", "add_rows", "invert", "regularized_inverse", "trace"]

SURE = 1e-10  # a penalty of at least this share of the trace bounds the error of the inverse
TOO_SMALL = "l2 must be large enough that X'X + l2 can be inverted; take a larger l2"
_LAPACK_COLUMNS = 8192
_MOST_ERROR = 1e-3


def regularized_inverse(
    X: CSRMatrix, l2: float, done: Callable[[], Any], gram: Array | None = None
) -> Array:
    r"""Return :math:`(X^\top X + \lambda I)^{-1}` as a dense float64 matrix.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_columns)
        Interactions, or their transpose.
    l2 : float
        The :math:`\lambda`.
    done : callable
        Called after the Gram matrix and after the inverse.
    gram : ndarray of shape (n_columns, n_columns), default=None
        X'X; None computes it.

    Returns
    -------
    inverse : ndarray of shape (n_columns, n_columns)
        The inverse.

    Raises
    ------
    ValueError
        If the sum cannot be inverted, or not with half of the digits of float32.
    """
    inverse = kernels.dense_gram(X) if gram is None else gram.astype(np.float64)
    inverse[np.diag_indices_from(inverse)] += l2
    done()
    invert(inverse)
    if l2 < SURE * trace(X):  # no eigenvalue of X'X is above its trace
        probe = np.random.RandomState(0).uniform(-1, 1, len(inverse))
        solved = inverse @ probe
        error = abs(X.T @ (X @ solved) + l2 * solved - probe).max()
        if not error < _MOST_ERROR:
            raise ValueError(TOO_SMALL)
    done()
    return inverse


def add_rows(inverse: Array, new: CSRMatrix, columns: Array, l2: float) -> Array:
    r"""Return the inverse with more rows of X, from the inverse without them.

    With P the inverse without them, and N the new rows (Woodbury),

    .. math:: P - P N^\top (I + N P N^\top)^{-1} N P.

    Parameters
    ----------
    inverse : ndarray of shape (n, n)
        P. It is left as it is.
    new : csr_matrix of shape (n_new_rows, n_columns)
        N; there may be more columns than in P.
    columns : ndarray of int of shape (n,)
        The columns of N that P has, increasing; nobody had the others.
    l2 : float
        The penalty in P.

    Returns
    -------
    inverse : ndarray of shape (n_columns, n_columns)
        float64.
    """
    n_columns = new.shape[1]
    if len(columns) == n_columns:
        whole = inverse.copy()
    else:
        whole = np.zeros((n_columns, n_columns))
        whole[np.diag_indices(n_columns)] = 1 / l2
        whole[np.ix_(columns, columns)] = inverse
    new = new.astype(np.float64)
    product = kernels.sum_rows(new, whole)  # N P
    inner = np.eye(new.shape[0]) + new @ product.T
    half = solve_triangular(cholesky(inner, lower=True), product, lower=True)
    routines: Any = blas
    # BLAS's columns are our rows: what it writes below the diagonal is above it here
    routines.dsyrk(-1.0, half.T, beta=1.0, c=whole.T, lower=1, overwrite_c=1)
    kernels.mirror(whole)
    return whole


def trace(X: CSRMatrix) -> float:
    """Return the trace of X'X."""
    return float(X.nnz if holds_ones(X.data) else np.square(X.data, dtype=np.float64).sum())


def invert(matrix: Array) -> None:
    """Invert a symmetric positive definite float64 matrix in its own memory.

    By halves, so that the work is in matrix products: OpenBLAS's threaded Cholesky crashes on
    20,000 columns. LAPACK does what is smaller, with a quarter less work.
    """
    n_columns = len(matrix)
    if n_columns <= _LAPACK_COLUMNS:
        _invert_by_cholesky(matrix)
        return
    half = n_columns // 2
    first, below, second = matrix[:half, :half], matrix[half:, :half], matrix[half:, half:]
    invert(first)
    product = below @ first
    second -= product @ below.T  # the Schur complement
    invert(second)
    below[...] = second @ product
    first += product.T @ below
    np.negative(below, out=below)
    matrix[:half, half:] = below.T


def _invert_by_cholesky(matrix: Array) -> None:
    """Do the same by LAPACK, whose columns are our rows."""
    routines: Any = lapack
    factor, info = routines.dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
    if info:
        raise ValueError(TOO_SMALL)
    inverse, _ = routines.dpotri(factor, lower=1, overwrite_c=1)
    if not np.may_share_memory(inverse, matrix):  # a corner of a larger matrix was copied
        matrix[...] = inverse.T
    kernels.mirror(matrix)
