"""Validation of what users pass to the metrics."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skrec.interactions import Interactions
from skrec.typing import Array, CSRMatrix, MatrixLike, RandomState
from skrec.utils import (
    as_integers,
    as_numbers,
    canonical_csr,
    check_dense,
    check_finite,
    check_rng,
    check_structure,
    row_of_entry,
)

__all__ = [
    "as_csr",
    "as_pattern",
    "as_seed",
    "check_lists",
    "check_ranked",
    "check_scores",
    "entries_of",
    "mean_over_targets",
    "no_nan",
]


def as_pattern(
    X: Interactions | MatrixLike,
    name: str,
    shape: tuple[int, ...] | None = None,
    *,
    keep_zeros: bool = False,
    strengths: bool = False,
) -> CSRMatrix:
    """Return the non-zero entries of a matrix as a boolean CSR matrix in canonical form.

    All entries of an `Interactions` count, and with ``keep_zeros`` the stored zeros of a matrix.
    With ``strengths``, a negative value is an error.
    """
    if isinstance(X, Interactions):
        pairs = (np.ones(len(X), dtype=bool), (X.user, X.item))
        pattern = sp.csr_matrix(pairs, shape=X.frame)
        values = X.value
    else:
        matrix = _as_sparse(X, name)
        values = matrix.data
        check_finite(values, name)
        stored = (values != 0) | keep_zeros
        where = (matrix.indices, matrix.indptr) if matrix.format == "csr" else (matrix.coords,)
        pattern = sp.csr_matrix((stored, *where), shape=matrix.shape, copy=True)
    if strengths and values.size and values.min() < 0:
        raise ValueError(
            f"Negative values in data: {name} must hold strengths >= 0, whose non-zero entries "
            f"are targets; got {values.min():g}. Of ratings, choose the targets first, such as by "
            "skrec.preprocessing.binarize."
        )
    if shape is not None and pattern.shape != tuple(shape):
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {pattern.shape}.")
    if pattern.shape[1] == 0:
        raise ValueError(f"{name} must have at least one item; got shape {pattern.shape}.")
    pattern.sum_duplicates()
    pattern.eliminate_zeros()
    return pattern


def entries_of(X: Interactions | MatrixLike, name: str) -> tuple[Array, Array, Array]:
    """Return the row, the column and the value of each entry, repeated ones too."""
    if isinstance(X, Interactions):
        row, column, value = X.user, X.item, X.value
    else:
        matrix = _as_sparse(X, name)
        value = matrix.data
        if matrix.format == "csr":
            row, column = row_of_entry(matrix), matrix.indices
        else:
            row, column = matrix.coords
    check_finite(value, name)
    return row, column, value


def _as_sparse(X: MatrixLike, name: str) -> Any:
    """Return a matrix as CSR, or as COO where CSR would sum its repeated entries."""
    if not sp.issparse(X):
        return sp.csr_matrix(_dense(X, name))
    matrix: Any = check_structure(X, name)
    if matrix.dtype.kind not in "buif":
        kind = "Complex data not supported: " if matrix.dtype.kind == "c" else ""
        raise ValueError(f"{kind}{name} must hold real numbers; got {matrix.dtype}")
    if matrix.format != "csr":
        return check_structure(matrix.tocoo(), name)
    if matrix.nnz != len(matrix.data):  # room for more entries
        return sp.csr_matrix(
            (matrix.data[: matrix.nnz], matrix.indices[: matrix.nnz], matrix.indptr),
            shape=matrix.shape,
        )
    return matrix


def _dense(X: Any, name: str) -> Array:
    if isinstance(X, Interactions):
        raise TypeError(f"{name} must be a matrix; got Interactions, use their tocsr()")
    return check_dense(X, name)


def as_csr(
    X: MatrixLike, name: str, *, keep_zeros: bool = False, ratings: bool = False
) -> CSRMatrix:
    """Return a copy of a matrix in canonical CSR form, with its values as they are.

    Repeated entries are summed; of ``ratings`` they are an error.
    """
    matrix = canonical_csr(X if sp.issparse(X) else _dense(X, name), name)
    if 0 in matrix.shape:
        raise ValueError(f"{name} must hold a user and an item or more; got shape {matrix.shape}")
    check_finite(matrix.data, name)
    if ratings and getattr(X, "format", None) in ("csr", "csc", "coo"):
        n_repeated = getattr(X, "nnz", 0) - matrix.nnz
        if n_repeated:
            raise ValueError(
                f"{name} must hold one rating of each pair; got {n_repeated} repeated pairs"
            )
    if not keep_zeros:
        matrix.eliminate_zeros()
    return matrix


def as_seed(random_state: RandomState) -> int:
    """Return an integer seed for a ``random_state`` of any kind that scikit-learn accepts."""
    rng = check_rng(random_state)
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    return int(rng.randint(2**31 - 1))


def no_nan(scores: Array, name: str) -> None:
    """Check that no score is NaN, because NaN cannot be ranked."""
    # the maximum is NaN if any score is, and needs no temporary array
    if scores.size and np.isnan(scores.max()):
        raise ValueError(f"{name} must not hold NaN: it has no place in a ranking.")


def check_scores(y_score: MatrixLike, shape: tuple[int, ...], name: str = "y_score") -> Array:
    """Return scores as a dense array of floats, after a check of their shape."""
    scores = as_numbers(y_score, name)  # pyright: ignore[reportArgumentType]
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float64)
    if scores.shape != tuple(shape):
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {scores.shape}.")
    return scores


def check_lists(lists: ArrayLike, name: str) -> Array:
    """Return lists of items that are padded with -1 as a two-dimensional array of integers."""
    expected = "a two-dimensional array of integers, (n_users, m)"
    if isinstance(lists, Interactions):
        raise TypeError(f"{name} must be {expected}; got Interactions")
    array = as_integers(lists, name, expected)
    if array.ndim != 2:
        raise ValueError(f"{name} must be {expected}; got shape {array.shape}")
    if array.size and not -1 <= array.min() <= array.max() < 2**63:
        raise ValueError(
            f"{name} must be item indices or -1 as padding; got {array.min()} to {array.max()}"
        )
    return array.astype(np.int64)


def check_ranked(ranked: ArrayLike, n_items: int, n_users: int | None = None) -> Array:
    """Return ranked lists as an int64 array, after a check of their items."""
    lists = check_lists(ranked, "ranked")
    if n_users is not None and len(lists) != n_users:
        raise ValueError(f"ranked must have a row for each of {n_users} users, got {len(lists)}.")
    if lists.size and lists.max() >= n_items:
        raise ValueError(
            f"ranked must hold item indices below {n_items}, or -1 as padding, got "
            f"{lists.min()} to {lists.max()}."
        )
    in_order = np.sort(lists, axis=1)
    if ((in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] >= 0)).any():
        raise ValueError("ranked must name an item at most once in a user's list.")
    return lists


def mean_over_targets(values: Array, reason: str = "no user in y_true has a target") -> float:
    """Return the mean over the users whose value is not NaN."""
    if np.isnan(values).all():
        raise ValueError(f"The mean is not defined: {reason}.")
    return float(np.nanmean(values))
