"""A ridge regression for each row on all columns at once, of which few are stored (WMF).

Rendle, S., Krichene, W., Zhang, L., & Koren, Y. (2021). iALS++: Speeding up matrix factorization
with subspace optimization. https://arxiv.org/abs/2110.14044
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg.cython_lapack  # noqa: F401  numba calls its BLAS, whose threads are limited
from threadpoolctl import ThreadpoolController

from skrec.kernels._compile import compiled, read_only
from skrec.kernels._threads import in_threads
from skrec.typing import Array

__all__ = ["WeightedRidge", "eigenbasis"]

_PIECE = 512  # entries of a row that are gathered at once, so that they stay in the cache
_OVERHEAD = 16  # what a row costs beside its entries, in entries
_ENTRIES = 2**15  # of one task, with that overhead; a few milliseconds with 64 factors


def eigenbasis(vectors: Array) -> tuple[Array, Array]:
    r"""Return the eigenvalues and eigenvectors of :math:`V^\top V`, in float64.

    Parameters
    ----------
    vectors : ndarray of shape (n_columns, n_factors)
        V.

    Returns
    -------
    spectrum : ndarray of shape (n_factors,)
        The eigenvalues, none of them negative.
    rotation : ndarray of shape (n_factors, n_factors)
        An eigenvector in each column.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.kernels import eigenbasis
    >>> eigenbasis(np.array([[2.0, 0.0], [0.0, 1.0]]))[0]
    array([1., 4.])
    """
    with _blas_on_one_core:  # more, which wait for each other, take many times as long
        spectrum, rotation = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
    return spectrum.clip(min=0), rotation


class WeightedRidge(NamedTuple):
    r"""Rows of a sparse matrix, each a weighted least squares problem over all columns.

    With the vectors :math:`v_i` of the columns, the weight w of every column, and the row's ridge
    :math:`\lambda_u`, a row's vector minimises

    .. math:: \sum_{i \in R_u} (a_{ui} v_i^\top x - b_{ui})^2 + w \sum_i (v_i^\top x)^2
        + \lambda_u \|x\|^2.

    Parameters
    ----------
    entries : tuple of ndarray
        ``indptr``, ``indices`` and ``data`` of a CSR matrix of the stored r.
    alpha : float or None
        :math:`a = \sqrt{\alpha r}` and :math:`b = (1 + \alpha r) / a`; None for 1 both.
    ridge : ndarray of shape (n_rows,)
        The :math:`\lambda_u`, positive.
    weight : float
        The w.
    n_jobs : int, default=None
        Threads over rows.

    Notes
    -----
    In the eigenbasis of :math:`V^\top V` the sum over all columns is diagonal, whatever the ridge
    of a row. With each coordinate in units of the root of its diagonal, a row is
    :math:`\|S z - b\|^2 + \|z\|^2`. Where it has fewer entries than factors, it needs a system of
    its own length only (Woodbury).

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> from skrec.kernels import WeightedRidge
    >>> X = sp.csr_matrix([[1.0, 0.0], [1.0, 1.0]])
    >>> rows = WeightedRidge((X.indptr, X.indices, X.data), None, np.ones(2), 0.5)
    >>> rows.solve(np.eye(2)).round(2)
    array([[0.4, 0. ],
           [0.4, 0.4]])
    """

    entries: tuple[Array, Array, Array]
    alpha: float | None
    ridge: Array
    weight: float
    n_jobs: int | None = None

    def solve(
        self,
        vectors: Array,
        basis: tuple[Array, Array] | None = None,
        *,
        start: Array | None = None,
        block_size: int | None = None,
    ) -> Array:
        """Compute the vectors of the rows.

        Parameters
        ----------
        vectors : ndarray of shape (n_columns, n_factors)
            The v, float32 or float64.
        basis : tuple of ndarray, default=None
            What `eigenbasis` returned, where ``vectors`` holds some of the columns only.
        start : ndarray of shape (n_rows, n_factors), default=None
            Where blocks start; None starts at 0.
        block_size : int, default=None
            Solve for so many unknowns at a time, one block after the other, where a row has more
            entries than that; None, or as many as there are factors, solves exactly.

        Returns
        -------
        solved : ndarray of shape (n_rows, n_factors)
            The x, of the type of the vectors; zero where a row is empty.
        """
        block = vectors.shape[1] if block_size is None else min(int(block_size), vectors.shape[1])
        start = None if block == vectors.shape[1] else start
        tasks = list(_tasks(self.entries[0]))
        with _quiet(), _blas_on_one_core if len(tasks) > 1 else nullcontext():
            spectrum, rotation = eigenbasis(vectors) if basis is None else basis
            rotation = rotation.astype(vectors.dtype, copy=False)
            spectrum = (self.weight * spectrum).astype(vectors.dtype)
            common = rotation, spectrum, vectors @ rotation, float(self.alpha or 0.0), block
            calls = list(self._calls(tasks, rotation.dtype, start))
            if len(calls) == 1:
                return _solve_some(*common, *calls[0])
            return np.concatenate(in_threads(_solve_alone, calls, self.n_jobs, common=common))

    def _calls(
        self,
        tasks: list[slice],
        dtype: Any,
        start: Array | None,
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of each task: entries, ridges, and where they start."""
        indptr, indices, strengths = self.entries
        indptr = indptr.astype(np.int64)
        strengths = strengths if self.alpha is not None else strengths[:0]
        ridge = self.ridge.astype(dtype, copy=False)
        for rows in tasks:
            ends = indptr[rows.start : rows.stop + 1]
            own = slice(ends[0], ends[-1])
            # of another type, kernels would be compiled once more
            columns = indices[own].astype(np.int32, copy=False)
            entries = ends - ends[0], columns, strengths[own]
            first = np.zeros((0, 0), dtype) if start is None else start[rows]
            yield ((entries, ridge[rows], first),)


def _quiet() -> np.errstate:
    # what is beyond the type ends in an error, or in a vector that callers can check
    return np.errstate(over="ignore", invalid="ignore")


def _tasks(indptr: Array) -> Iterator[slice]:
    """Yield consecutive slices of rows, of like costs."""
    ends = indptr[1:] + _OVERHEAD * np.arange(1, len(indptr))
    start = 0
    while start < len(ends) or not start:
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _ENTRIES, side="right")))
        yield slice(start, min(stop, len(ends)))
        start = stop


def _solve_alone(*arguments: Any) -> Array:
    with _blas_on_one_core:  # of this process, which may not be that of the caller
        return _solve_some(*arguments)


def _solve_some(
    rotation: Array,
    spectrum: Array,
    vectors: Array,
    alpha: float,
    block: int,
    rows: tuple[tuple[Array, ...], Array, Array],
) -> Array:
    entries, ridge, first = rows
    first = first @ rotation if len(first) else first
    entries, given = read_only(*entries), read_only(ridge, first, spectrum, vectors)
    solved = _solve_rows(entries, *given, alpha, block)
    with _quiet():
        return solved @ rotation.T


class _OneCore:
    """Keeps the linear algebra of the process on one core while anyone is inside.

    Each of our threads calls it on matrices that are too small for more. Those who come and go in
    turn must not restore what others have set, so that the last one does.
    """

    def __init__(self) -> None:
        self._lock, self._n_inside = Lock(), 0
        self._limits: AbstractContextManager[Any] = nullcontext()
        self._controller: ThreadpoolController | None = None  # looking for libraries takes a while

    def __enter__(self) -> None:
        with self._lock:
            if not self._n_inside:
                self._controller = self._controller or ThreadpoolController()
                self._limits = self._controller.limit(limits=1, user_api="blas")
            self._n_inside += 1

    def __exit__(self, *exception: Any) -> None:
        with self._lock:
            self._n_inside -= 1
            if not self._n_inside:
                self._limits.__exit__(*exception)


_blas_on_one_core = _OneCore()


def _inlined(function):
    return compiled(function, inline=True)


@compiled
def _solve_rows(entries, ridge, first, spectrum, vectors, alpha, block):
    """Return the vectors of rows in the eigenbasis."""
    indptr, indices, strengths = entries
    n_rows, n_factors = len(ridge), vectors.shape[1]
    longest = 0
    for row in range(n_rows):
        longest = max(longest, indptr[row + 1] - indptr[row])
    room = max(min(longest, block) * n_factors, min(longest, _PIECE) * block)
    gathered = np.empty(room, vectors.dtype)
    system = np.empty(block * block, vectors.dtype)
    product = np.empty_like(system)
    scales = np.empty(longest, vectors.dtype)
    residual = np.empty_like(scales)
    solved = np.zeros((n_rows, n_factors), vectors.dtype)
    root, one = np.empty(n_factors, vectors.dtype), vectors.dtype.type(1)
    for row in range(n_rows):
        if row == 0 or ridge[row] != ridge[row - 1]:  # or it is there
            for k in range(n_factors):
                root[k] = one / np.sqrt(spectrum[k] + ridge[row])
        own = indices[indptr[row] : indptr[row + 1]]
        n = len(own)
        if n == 0:
            continue
        _weigh(strengths, indptr[row], alpha, scales[:n], residual[:n])
        z = solved[row]
        if n <= block:
            _solve_short(vectors, own, scales, residual, root, gathered, system, z)
        else:
            if len(first):
                _start(vectors, own, scales, residual[:n], root, first[row], z)
            for k in range(0, n_factors, block):
                columns = k, min(k + block, n_factors)
                _descend(
                    vectors, own, scales, residual, root, columns, gathered, system, product, z
                )
        for k in range(n_factors):
            z[k] *= root[k]
    return solved


@_inlined
def _weigh(strengths, start, alpha, scales, targets):
    """Set scales and targets of a row's entries."""
    for p in range(len(scales)):
        if len(strengths):
            added = alpha * strengths[start + p]
            scale = np.sqrt(added)
            scales[p], targets[p] = scale, (1 + added) / scale
        else:
            scales[p] = targets[p] = 1


@_inlined
def _gather(vectors, items, scales, root, columns, gathered):
    """Return some columns of the S of some entries."""
    start, stop = columns
    S = gathered[: len(items) * (stop - start)].reshape((len(items), stop - start))
    for p in range(len(items)):
        item, scale = items[p], scales[p]
        for k in range(start, stop):
            S[p, k - start] = scale * root[k] * vectors[item, k]
    return S


@compiled
def _solve_short(vectors, items, scales, targets, root, gathered, system, z):
    """Solve a row through a system of its own length; z is 0 before."""
    n = len(items)
    S = _gather(vectors, items, scales, root, (0, len(root)), gathered)
    A = system[: n * n].reshape((n, n))
    np.dot(S, S.T, A)
    y = targets[:n]
    _solve_positive(A, y)
    for p in range(n):
        for k in range(len(z)):
            z[k] += y[p] * S[p, k]


@compiled
def _start(vectors, items, scales, residual, root, first, z):
    """Set z to a first vector, and lessen the residual by what it explains."""
    for k in range(len(z)):
        z[k] = first[k] / root[k]
    for p in range(len(items)):
        residual[p] -= scales[p] * _dot(vectors, items[p], first)


@compiled
def _descend(vectors, items, scales, residual, root, columns, gathered, system, product, z):
    """Solve for some of the unknowns with the others as they are, and keep the residual."""
    start, stop = columns
    size, n = stop - start, len(items)
    A = system[: size * size].reshape((size, size))
    part = product[: size * size].reshape((size, size))
    change = np.empty(size, z.dtype)
    for k in range(size):
        change[k] = -z[start + k]
    for p in range(0, n, _PIECE):
        q = min(p + _PIECE, n)
        S = _gather(vectors, items[p:q], scales[p:q], root, columns, gathered)
        np.dot(S.T, S, part)
        for k in range(size * size):
            system[k] = product[k] if p == 0 else system[k] + product[k]
        for i in range(q - p):
            for k in range(size):
                change[k] += S[i, k] * residual[p + i]
    _solve_positive(A, change)
    for k in range(size):
        z[start + k] += change[k]
    if stop == len(z):
        return  # nothing comes after
    for p in range(0, n, _PIECE):
        q = min(p + _PIECE, n)
        S = _gather(vectors, items[p:q], scales[p:q], root, columns, gathered)
        for i in range(q - p):
            residual[p + i] -= _dot(S, i, change)


def _reordering(function):
    return compiled(function, reorders=True)


@_reordering
def _solve_positive(A, b):
    """Turn b into the solution of (1 + A) x = b by Cholesky; A is changed.

    Of A, the diagonal and what is above it count, and become the factor, with the inverse of its
    diagonal. LAPACK takes twice as long or more for systems of these sizes.
    """
    n, one = len(b), b.dtype.type(1)
    for first in range(0, n, 4):  # rows at once, which the loop at the end spells out
        last = min(first + 4, n)
        for k in range(first, last):
            own = A[k, k:]
            pivot = own[0] + one
            if not 0 < pivot < np.inf:  # numbers beyond the type
                raise np.linalg.LinAlgError("Matrix is not positive definite.")
            scale = one / np.sqrt(pivot)
            for p in range(len(own)):
                own[p] *= scale
            own[0] = scale
            b[k] *= scale
            for i in range(k + 1, last):
                x, y, f = A[k, i:], A[i, i:], A[k, i]
                b[i] -= f * b[k]
                for p in range(len(y)):
                    y[p] -= f * x[p]
        if last == n:
            break
        b0, b1, b2, b3 = b[first], b[first + 1], b[first + 2], b[first + 3]
        for i in range(last, n):
            y, x0, x1 = A[i, i:], A[first, i:], A[first + 1, i:]
            x2, x3 = A[first + 2, i:], A[first + 3, i:]
            f0, f1, f2, f3 = x0[0], x1[0], x2[0], x3[0]
            b[i] -= f0 * b0 + f1 * b1 + f2 * b2 + f3 * b3
            for p in range(len(y)):
                y[p] -= f0 * x0[p] + f1 * x1[p] + f2 * x2[p] + f3 * x3[p]
    for k in range(n - 1, -1, -1):
        x, y, total = A[k, k + 1 :], b[k + 1 :], b.dtype.type(0)
        for p in range(len(y)):
            total += x[p] * y[p]
        b[k] = (b[k] - total) * A[k, k]


@_reordering
def _dot(vectors, row, x):
    total = x.dtype.type(0)
    for k in range(len(x)):
        total += vectors[row, k] * x[k]
    return total
