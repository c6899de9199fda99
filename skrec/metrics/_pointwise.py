"""Metrics of single ratings."""

import numpy as np
import scipy.sparse as sp
from sklearn.metrics import mean_absolute_error, root_mean_squared_error
from sklearn.utils import column_or_1d

from skrec.metrics._check import check_scores
from skrec.utils import row_of_entry

__all__ = ["mae", "rmse"]


def rmse(y_true, y_pred, *, per_user=False):
    """Root mean squared error of predicted ratings.

    Parameters
    ----------
    y_true : array-like of shape (n,) or sparse matrix of shape (n_users, n_items)
        Ratings; every stored entry of a sparse matrix is one, a stored zero too.
    y_pred : array-like of shape (n,) or (n_users, n_items)
        Predictions, dense.
    per_user : bool, default=False
        Whether to return the error of each user (needs matrices), NaN for users without ratings.

    Returns
    -------
    value : float or ndarray of shape (n_users,)
        The error over all ratings, or of each user.

    Examples
    --------
    >>> from skrec.metrics import rmse
    >>> rmse([4.0, 2.0], [3.0, 3.0])
    1.0
    """
    if per_user:
        return np.sqrt(_error_per_user(y_true, y_pred, np.square))
    return float(root_mean_squared_error(*_rating_pairs(y_true, y_pred)))


def mae(y_true, y_pred, *, per_user=False):
    """Mean absolute error of predicted ratings.

    Parameters
    ----------
    y_true : array-like of shape (n,) or sparse matrix of shape (n_users, n_items)
        Ratings; every stored entry of a sparse matrix is one, a stored zero too.
    y_pred : array-like of shape (n,) or (n_users, n_items)
        Predictions, dense.
    per_user : bool, default=False
        Whether to return the error of each user (needs matrices), NaN for users without ratings.

    Returns
    -------
    value : float or ndarray of shape (n_users,)
        The error over all ratings, or of each user.

    Examples
    --------
    >>> from skrec.metrics import mae
    >>> mae([4.0, 2.0], [3.5, 3.0])
    0.75
    """
    if per_user:
        return _error_per_user(y_true, y_pred, np.abs)
    return float(mean_absolute_error(*_rating_pairs(y_true, y_pred)))


def _rating_pairs(y_true, y_pred):
    """Give true and predicted ratings as two flat float64 arrays."""
    if not sp.issparse(y_true):
        true, pred = column_or_1d(y_true), column_or_1d(y_pred)
    else:
        y_true = sp.csr_matrix(y_true)
        y_pred = check_scores(y_pred, y_true.shape, "y_pred")
        true, pred = y_true.data, y_pred[row_of_entry(y_true), y_true.indices]
    return np.asarray(true, dtype=np.float64), np.asarray(pred, dtype=np.float64)


def _error_per_user(y_true, y_pred, loss):
    """Average a loss over the ratings of each row of a sparse matrix."""
    if not sp.issparse(y_true):
        raise ValueError("per_user=True needs a sparse y_true of shape (n_users, n_items).")
    true, pred = _rating_pairs(y_true, y_pred)
    y_true = sp.csr_matrix(y_true)
    counts = np.diff(y_true.indptr)
    total = np.bincount(row_of_entry(y_true), weights=loss(pred - true), minlength=len(counts))
    return np.divide(total, counts, out=np.full(len(counts), np.nan), where=counts > 0)
