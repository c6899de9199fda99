"""Metrics of predicted ratings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, overload

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from skrec.metrics._check import as_csr, check_scores
from skrec.typing import Array, MatrixLike
from skrec.utils import as_numbers, check_finite, check_flag, row_of_entry

__all__ = ["mae", "rmse"]


@overload
def rmse(y_true: MatrixLike, y_pred: ArrayLike, *, per_user: Literal[False] = False) -> float: ...
@overload
def rmse(y_true: MatrixLike, y_pred: ArrayLike, *, per_user: Literal[True]) -> Array: ...
def rmse(y_true: MatrixLike, y_pred: ArrayLike, *, per_user: bool = False) -> float | Array:
    """Return the root mean squared error of predicted ratings.

    Parameters
    ----------
    y_true : array-like of shape (n,) or sparse matrix of shape (n_users, n_items)
        Ratings. Every stored entry of a sparse matrix is a rating, also a stored zero.
    y_pred : array-like of shape (n,) or (n_users, n_items)
        Predicted ratings, dense.
    per_user : bool, default=False
        Whether to return the error of each user, NaN for users without ratings. It needs matrices.

    Returns
    -------
    value : float or ndarray of shape (n_users,)
        The error over all ratings; with ``per_user`` the error of each user.

    Examples
    --------
    >>> from skrec.metrics import rmse
    >>> rmse([4.0, 2.0], [3.0, 3.0])
    1.0
    """
    if check_flag(per_user, "per_user"):
        return np.sqrt(_error_per_user(y_true, y_pred, np.square))
    return float(root_mean_squared_error(*_rating_pairs(y_true, y_pred)))


@overload
def mae(y_true: MatrixLike, y_pred: ArrayLike, *, per_user: Literal[False] = False) -> float: ...
@overload
def mae(y_true: MatrixLike, y_pred: ArrayLike, *, per_user: Literal[True]) -> Array: ...
def mae(y_true: MatrixLike, y_pred: ArrayLike, *, per_user: bool = False) -> float | Array:
    """Return the mean absolute error of predicted ratings.

    Parameters
    ----------
    y_true : array-like of shape (n,) or sparse matrix of shape (n_users, n_items)
        Ratings. Every stored entry of a sparse matrix is a rating, also a stored zero.
    y_pred : array-like of shape (n,) or (n_users, n_items)
        Predicted ratings, dense.
    per_user : bool, default=False
        Whether to return the error of each user, NaN for users without ratings. It needs matrices.

    Returns
    -------
    value : float or ndarray of shape (n_users,)
        The error over all ratings; with ``per_user`` the error of each user.

    Examples
    --------
    >>> from skrec.metrics import mae
    >>> mae([4.0, 2.0], [3.5, 3.0])
    0.75
    """
    if check_flag(per_user, "per_user"):
        return _error_per_user(y_true, y_pred, np.abs)
    return float(mean_absolute_error(*_rating_pairs(y_true, y_pred)))


def _rating_pairs(y_true: MatrixLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    """Return true and predicted ratings as two flat float64 arrays."""
    if not sp.issparse(y_true):
        true, pred = _column(y_true, "y_true"), _column(y_pred, "y_pred")
        if true.shape != pred.shape:
            raise ValueError(f"y_pred must have y_true's shape {true.shape}, got {pred.shape}.")
    else:
        ratings = as_csr(y_true, "y_true", keep_zeros=True, ratings=True)
        dense = check_scores(y_pred, ratings.shape, "y_pred")
        true, pred = ratings.data, dense[row_of_entry(ratings), ratings.indices]
    if not len(true):
        raise ValueError("y_true must hold at least one rating; got none")
    check_finite(true, "y_true")
    check_finite(pred, "y_pred")
    return np.asarray(true, dtype=np.float64), np.asarray(pred, dtype=np.float64)


def _column(ratings: MatrixLike, name: str) -> Array:
    """Return ratings as a one-dimensional array, also those of a table with one column."""
    array = as_numbers(ratings, name)  # pyright: ignore[reportArgumentType]
    if array.ndim == 1 or array.shape[1:] == (1,):
        return array.ravel()
    raise ValueError(
        f"{name} must have shape (n,); got {array.shape}. Ratings of users and items are a sparse "
        "y_true and a dense y_pred of shape (n_users, n_items)"
    )


def _error_per_user(y_true: MatrixLike, y_pred: ArrayLike, loss: Callable[[Array], Array]) -> Array:
    """Return the mean of a loss over the ratings of each row of a sparse matrix."""
    if not sp.issparse(y_true):
        raise ValueError("per_user=True needs a sparse y_true of shape (n_users, n_items).")
    true, pred = _rating_pairs(y_true, y_pred)
    ratings = as_csr(y_true, "y_true", keep_zeros=True)
    counts = np.diff(ratings.indptr)
    total = np.bincount(row_of_entry(ratings), weights=loss(pred - true), minlength=len(counts))
    return np.divide(total, counts, out=np.full(len(counts), np.nan), where=counts > 0)
