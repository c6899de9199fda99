"""Validation of what users pass to the metrics."""

from __future__ import annotations

import numbers

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_random_state

from skrec.interactions import Interactions
from skrec.typing import Array, CSRMatrix, MatrixLike, RandomState

__all__ = ["as_pattern", "as_seed", "check_ranked", "check_scores", "mean_over_targets", "no_nan"]


def as_pattern(
    X: Interactions | MatrixLike,
    name: str,
    shape: tuple[int, ...] | None = None,
    *,
    keep_zeros: bool = False,
) -> CSRMatrix:
    """Return the non-zero entries of a matrix as a boolean CSR matrix in canonical form.

    All entries of an `Interactions` count, and with ``keep_zeros`` the stored zeros of a matrix.
    """
    if isinstance(X, Interactions):
        pairs = (np.ones(len(X), dtype=bool), (X.user, X.item))
        pattern = sp.csr_matrix(pairs, shape=X.frame)
    else:
        matrix = check_array(
            X,
            accept_sparse="csr",  # pyright: ignore[reportArgumentType]
            dtype=None,  # pyright: ignore[reportArgumentType]
            input_name=name,
            ensure_min_samples=0,
        )
        matrix = sp.csr_matrix(matrix)
        pattern = sp.csr_matrix(
            ((matrix.data != 0) | keep_zeros, matrix.indices, matrix.indptr),
            shape=matrix.shape,
            copy=True,
        )
    if shape is not None and pattern.shape != tuple(shape):
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {pattern.shape}.")
    pattern.sum_duplicates()
    pattern.eliminate_zeros()
    return pattern


def as_seed(random_state: RandomState) -> int:
    """Return an integer seed for a ``random_state`` of any kind that scikit-learn accepts."""
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def no_nan(scores: Array, name: str) -> None:
    """Check that no score is NaN, because NaN cannot be ranked."""
    # the maximum is NaN if any score is, and needs no temporary array
    if scores.size and np.isnan(scores.max()):
        raise ValueError(f"{name} must not hold NaN: it has no place in a ranking.")


def check_scores(y_score: MatrixLike, shape: tuple[int, ...], name: str = "y_score") -> Array:
    """Return scores as a dense array of floats, after a check of their shape."""
    if sp.issparse(y_score):
        raise TypeError(f"{name} must be a dense array, got {type(y_score).__name__}.")
    scores = np.asarray(y_score)
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float32 if scores.dtype == np.float16 else np.float64)
    if scores.shape != tuple(shape):
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {scores.shape}.")
    return scores


def check_ranked(ranked: ArrayLike, n_items: int, n_users: int | None = None) -> Array:
    """Return ranked lists as an int64 array, after a check of their items."""
    lists = np.asarray(ranked)
    if lists.ndim != 2 or lists.dtype.kind not in "iu":
        raise ValueError(
            "ranked must be a two-dimensional array of integers, (n_users, m), "
            f"got {lists.ndim} dimensions of {lists.dtype}."
        )
    lists = lists.astype(np.int64)
    if n_users is not None and len(lists) != n_users:
        raise ValueError(f"ranked must have a row for each of {n_users} users, got {len(lists)}.")
    if lists.size and (lists.min() < -1 or lists.max() >= n_items):
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
