"""Scorers of rating models for scikit-learn's model selection."""

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec.interactions import Interactions
from skrec.metrics._check import as_seed, check_scores
from skrec.metrics._engine import bytes_per_row
from skrec.metrics._tasks import as_csr, is_matrix
from skrec.utils import row_blocks, row_of_entry, split_rows

__all__ = ["RatingScorer", "make_rating_scorer"]

_LOSSES = {"neg_rmse": (np.square, np.sqrt), "neg_mae": (np.abs, lambda mean: mean)}


class RatingScorer:
    """Callable ``scorer(estimator, X, y=None)``, made by `make_rating_scorer`.

    Parameters
    ----------
    metric : {"neg_rmse", "neg_mae"}
        What to return.
    random_state : int, RandomState instance or None
        Source of the hidden entries.

    See Also
    --------
    make_rating_scorer : Says what X and y mean.

    Examples
    --------
    >>> from skrec.metrics import RatingScorer, make_rating_scorer
    >>> isinstance(make_rating_scorer(), RatingScorer)
    True
    """

    def __init__(self, metric, random_state):
        if metric not in _LOSSES:
            raise ValueError(f"metric must be one of {sorted(_LOSSES)}, got {metric!r}.")
        self.metric = metric
        self.random_state = random_state

    def __repr__(self):
        return f"RatingScorer({self.metric!r}, random_state={self.random_state!r})"

    def __call__(self, estimator, X, y=None):
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : object
            Rating model fitted before.
        X : {array-like, sparse matrix} of shape (n_rows, n_items) or Interactions
            See `make_rating_scorer`.
        y : None, array-like or sparse matrix, default=None
            See `make_rating_scorer`.

        Returns
        -------
        value : float
            Minus the error over all ratings.
        """
        loss, root = _LOSSES[self.metric]
        _, error = self._errors(estimator, X, y)
        return -float(root(loss(error).mean()))

    def per_user(self, estimator, X, y=None):
        """Give the value of each user that has ratings to be found.

        Parameters
        ----------
        estimator : object
            Rating model fitted before.
        X : {array-like, sparse matrix} of shape (n_rows, n_items) or Interactions
            See `make_rating_scorer`.
        y : None, array-like or sparse matrix, default=None
            See `make_rating_scorer`.

        Returns
        -------
        values : DataFrame of shape (n_users_with_ratings, 1)
            Minus the error over each user's ratings; the index "user" holds rows of the frame, or
            of X. The mean over users is not the error over all ratings.
        """
        loss, root = _LOSSES[self.metric]
        user, error = self._errors(estimator, X, y)
        table = pd.DataFrame({"user": user, self.metric: loss(error)})
        return -root(table.groupby("user").mean())

    def _errors(self, est, X, y):
        """Give the user and the error of each rating."""
        if isinstance(X, Interactions):
            pred = check_scores(est.predict(X), X.shape, "The result of predict")
            user, error = X.user, pred - X.value.astype(np.float64)
        else:
            user, error = _errors_of_rows(est, *_histories_and_ratings(X, y, self.random_state))
        if len(error) == 0:
            raise ValueError("X must leave at least one rating to be found, got none.")
        if not np.isfinite(error).all():
            raise ValueError("The result of predict must be finite, got NaN or infinity.")
        return user, error


def _histories_and_ratings(X, y, random_state):
    """Give what is shown of each row, and the ratings to be found."""
    X = as_csr(X, "X", keep_zeros=True)
    if not is_matrix(y):
        return split_rows(X, 0.2, as_seed(random_state))
    ratings = as_csr(y.tocsr() if isinstance(y, Interactions) else y, "y", keep_zeros=True)
    if ratings.shape != X.shape:
        raise ValueError(f"y must have the shape of X, {X.shape}, got {ratings.shape}.")
    return X, ratings


def _errors_of_rows(est, history, ratings):
    """Predict block by block, and compare at the ratings."""
    users = np.flatnonzero(np.diff(ratings.indptr))
    history, ratings = history[users], sp.csr_matrix(ratings[users])
    errors = [np.empty(0)]
    for rows in row_blocks(len(users), bytes_per_row(history.shape[1])):
        block, true = history[rows], ratings[rows]
        pred = check_scores(est.predict(block), block.shape, "The result of predict")
        picked = pred[row_of_entry(true), true.indices]
        errors.append(picked - true.data.astype(np.float64))
    return users[row_of_entry(ratings)], np.concatenate(errors)


def make_rating_scorer(metric="neg_rmse", *, random_state=0):
    """Make a scorer of rating models for the ``scoring`` parameter of scikit-learn.

    Parameters
    ----------
    metric : {"neg_rmse", "neg_mae"}, default="neg_rmse"
        Minus the root mean squared, or the mean absolute, error over all ratings to be found.
    random_state : int, RandomState instance or None, default=0
        Source of the hidden entries.

    Returns
    -------
    scorer : RatingScorer
        Callable ``scorer(estimator, X, y=None)`` that returns a float, larger is better.
        ``scorer.per_user(estimator, X, y)`` gives the values of the users.

    Raises
    ------
    ValueError
        If the metric is unknown. The scorer itself raises one if there is no rating to be found or
        a prediction is not finite.

    Notes
    -----
    The entries of an `Interactions` X are ratings of users known from fit. Of the rows of a matrix
    X, 20 % are hidden at random and predicted from the rest, unless y is a matrix of X's shape: its
    stored entries are then the ratings, and X the histories.

    Examples
    --------
    >>> from skrec.metrics import make_rating_scorer
    >>> make_rating_scorer("neg_mae")
    RatingScorer('neg_mae', random_state=0)
    """
    return RatingScorer(metric, random_state)
