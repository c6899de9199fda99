"""Metrics of single predictions: ratings and probabilities."""

import numbers

import numpy as np
import scipy.sparse as sp
from sklearn.metrics import mean_absolute_error, mean_squared_error, root_mean_squared_error
from sklearn.utils import column_or_1d

from skrec.metrics._check import as_pattern, check_scores
from skrec.utils import row_of_entry

__all__ = ["brier", "expected_calibration_error", "mae", "rmse"]


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


def brier(y_true, y_prob):
    """Mean squared difference between outcomes and their predicted probabilities.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n,) or (n_users, n_items)
        Outcomes 0 and 1; the non-zero entries of a sparse matrix are 1, all others 0.
    y_prob : array-like of the same shape
        Probabilities, dense.

    Returns
    -------
    value : float
        0 at best.

    Examples
    --------
    >>> from skrec.metrics import brier
    >>> brier([1, 0], [0.5, 0.5])
    0.25
    """
    outcome, prob, positive = _outcomes(y_true, y_prob)
    if outcome is not None:
        return float(mean_squared_error(outcome, prob))
    # (p - 1)^2 = p^2 + 1 - 2 p on the positives: no dense copy of the outcomes
    total = np.square(prob, dtype=np.float64).sum() + (1 - 2 * prob[positive]).sum()
    return float(total / prob.size)


def expected_calibration_error(y_true, y_prob, n_bins=10, strategy="uniform"):
    r"""Mean gap between predicted probability and observed rate over bins of the prediction.

    .. math::

        \mathrm{ECE} = \sum_b \frac{n_b}{n} \, |\bar y_b - \bar p_b|

    The bins are those of `sklearn.calibration.calibration_curve`.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n,) or (n_users, n_items)
        Outcomes 0 and 1; the non-zero entries of a sparse matrix are 1, all others 0.
    y_prob : array-like of the same shape
        Probabilities, dense.
    n_bins : int, default=10
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or of equally many predictions.

    Returns
    -------
    value : float
        Between 0 (calibrated) and 1.

    References
    ----------
    .. [1] M. Pakdaman Naeini, G. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities
       using Bayesian binning", AAAI 2015. :doi:`10.1609/aaai.v29i1.9602`

    Examples
    --------
    >>> from skrec.metrics import expected_calibration_error
    >>> round(expected_calibration_error([1, 1, 0, 0], [0.9, 0.9, 0.1, 0.3]), 2)
    0.15
    """
    outcome, prob, positive = _outcomes(y_true, y_prob)
    bins = np.searchsorted(_inner_edges(prob, n_bins, strategy), prob)
    gap = -np.bincount(bins, weights=prob, minlength=n_bins)
    if outcome is not None:
        gap += np.bincount(bins, weights=outcome, minlength=n_bins)
    else:
        gap += np.bincount(bins[positive], minlength=n_bins)
    return float(np.abs(gap).sum() / len(prob))


def _outcomes(y_true, y_prob):
    """Give flat outcomes and probabilities, or the places of the positives of a sparse matrix."""
    if sp.issparse(y_true):
        pattern = as_pattern(y_true, "y_true")
        prob = check_scores(y_prob, pattern.shape, "y_prob").ravel()
        positive = row_of_entry(pattern) * pattern.shape[1] + pattern.indices
        return None, _check_probabilities(prob), positive
    outcome, prob = np.asarray(y_true), np.asarray(y_prob)
    if outcome.shape != prob.shape:
        raise ValueError(f"y_prob must have y_true's shape {outcome.shape}, got {prob.shape}.")
    if not np.isin(outcome, (0, 1)).all():
        raise ValueError("y_true must hold 0 and 1 alone.")
    return outcome.ravel().astype(np.float64), _check_probabilities(prob.ravel()), None


def _check_probabilities(prob):
    if prob.size == 0:
        raise ValueError("y_prob must hold at least one probability, got none.")
    if not (prob.min() >= 0 and prob.max() <= 1):
        raise ValueError(f"y_prob must lie in [0, 1], got {prob.min()} to {prob.max()}.")
    return prob


def _inner_edges(prob, n_bins, strategy):
    """Give the edges between the bins."""
    if not isinstance(n_bins, numbers.Integral) or n_bins < 1:
        raise ValueError(f"n_bins must be a positive integer, got {n_bins!r}.")
    steps = np.linspace(0, 1, n_bins + 1)[1:-1]
    if strategy == "uniform":
        return steps
    if strategy == "quantile":
        return np.percentile(prob, steps * 100)  # in percent, as scikit-learn: roundings agree
    raise ValueError(f"strategy must be 'uniform' or 'quantile', got {strategy!r}.")
