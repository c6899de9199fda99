"""Scorers of rating models for scikit-learn's model selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec.interactions import Interactions
from skrec.metrics._check import as_seed, check_scores
from skrec.metrics._engine import bytes_per_row
from skrec.metrics._tasks import as_csr, is_matrix
from skrec.typing import Array, CSRMatrix, MatrixLike, RandomState
from skrec.utils import row_blocks, row_of_entry, split_rows

__all__ = ["RatingScorer", "make_rating_scorer"]

# the loss of an error, and what is taken of the mean loss
_LOSSES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "neg_rmse": (np.square, np.sqrt),
    "neg_mae": (np.abs, lambda mean: mean),
}


class RatingScorer:
    """Callable ``scorer(estimator, X, y=None)``, made by `make_rating_scorer`.

    Parameters
    ----------
    metric : {"neg_rmse", "neg_mae"}
        Metric to return.
    random_state : int, RandomState instance or None
        Source of the hidden entries.

    See Also
    --------
    make_rating_scorer : Explains what X and y mean.

    Examples
    --------
    >>> from skrec.metrics import RatingScorer, make_rating_scorer
    >>> isinstance(make_rating_scorer(), RatingScorer)
    True
    """

    def __init__(self, metric: Literal["neg_rmse", "neg_mae"], random_state: RandomState) -> None:
        if metric not in _LOSSES:
            raise ValueError(f"metric must be one of {sorted(_LOSSES)}, got {metric!r}.")
        self.metric = metric
        self.random_state = random_state

    def __repr__(self) -> str:
        return f"RatingScorer({self.metric!r}, random_state={self.random_state!r})"

    def __call__(
        self,
        estimator: Any,
        X: Interactions | MatrixLike,
        y: Interactions | MatrixLike | None = None,
    ) -> float:
        """Return the score of a fitted estimator.

        Parameters
        ----------
        estimator : object
            Fitted rating model.
        X : {array-like, sparse matrix} of shape (n_rows, n_items) or Interactions
            See `make_rating_scorer`.
        y : None, array-like or sparse matrix, default=None
            See `make_rating_scorer`.

        Returns
        -------
        value : float
            Minus the error over all ratings.
        """
        loss, of_mean = _LOSSES[self.metric]
        _, error = self._errors(estimator, X, y)
        return -float(of_mean(loss(error).mean()))

    def per_user(
        self,
        estimator: Any,
        X: Interactions | MatrixLike,
        y: Interactions | MatrixLike | None = None,
    ) -> pd.DataFrame:
        """Return the score of each user that has ratings to predict.

        Parameters
        ----------
        estimator : object
            Fitted rating model.
        X : {array-like, sparse matrix} of shape (n_rows, n_items) or Interactions
            See `make_rating_scorer`.
        y : None, array-like or sparse matrix, default=None
            See `make_rating_scorer`.

        Returns
        -------
        values : DataFrame of shape (n_users_with_ratings, 1)
            Minus the error over the ratings of each user. The index "user" holds rows of the frame
            of an `Interactions`, or rows of the matrix X. The mean over users differs from the
            score, which is over all ratings.
        """
        loss, of_mean = _LOSSES[self.metric]
        user, error = self._errors(estimator, X, y)
        table = pd.DataFrame({"user": user, self.metric: loss(error)})
        return -of_mean(table.groupby("user").mean())

    def _errors(
        self, est: Any, X: Interactions | MatrixLike, y: Interactions | MatrixLike | None
    ) -> tuple[Array, Array]:
        """Return the user and the error of each rating."""
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


def _histories_and_ratings(
    X: MatrixLike, y: Interactions | MatrixLike | None, random_state: RandomState
) -> tuple[CSRMatrix, CSRMatrix]:
    """Return the part of each row that the model sees, and the ratings to predict."""
    history = as_csr(X, "X", keep_zeros=True)
    if not is_matrix(y):
        return split_rows(history, 0.2, as_seed(random_state))
    ratings = as_csr(y.tocsr() if isinstance(y, Interactions) else y, "y", keep_zeros=True)
    if ratings.shape != history.shape:
        raise ValueError(f"y must have the shape of X, {history.shape}, got {ratings.shape}.")
    return history, ratings


def _errors_of_rows(est: Any, history: CSRMatrix, ratings: CSRMatrix) -> tuple[Array, Array]:
    """Return the user and the error of each rating, predicted block by block."""
    users = np.flatnonzero(np.diff(ratings.indptr))
    history, ratings = history[users], sp.csr_matrix(ratings[users])
    errors = [np.empty(0)]
    for rows in row_blocks(len(users), bytes_per_row(history.shape[1])):
        block, true = history[rows], ratings[rows]
        pred = check_scores(est.predict(block), block.shape, "The result of predict")
        picked = pred[row_of_entry(true), true.indices]
        errors.append(picked - true.data.astype(np.float64))
    return users[row_of_entry(ratings)], np.concatenate(errors)


def make_rating_scorer(
    metric: Literal["neg_rmse", "neg_mae"] = "neg_rmse", *, random_state: RandomState = 0
) -> RatingScorer:
    """Return a scorer of rating models for the ``scoring`` parameter of scikit-learn.

    Parameters
    ----------
    metric : {"neg_rmse", "neg_mae"}, default="neg_rmse"
        Minus the root mean squared error, or minus the mean absolute error, over all ratings to
        predict.
    random_state : int, RandomState instance or None, default=0
        Source of the hidden entries.

    Returns
    -------
    scorer : RatingScorer
        Callable ``scorer(estimator, X, y=None)`` that returns a float, larger is better.
        ``scorer.per_user(estimator, X, y)`` returns the score of each user.

    Raises
    ------
    ValueError
        If the metric is unknown. The scorer itself raises one if there is no rating to predict or a
        prediction is not finite.

    Notes
    -----
    The ratings to predict depend on X and y:

    - X is an `Interactions`: its entries are the ratings, of users seen in fit.
    - X is a matrix of users' rows, and y is None or one-dimensional (ignored): 20 % of each row are
      hidden at random and predicted from the rest.
    - X and y are matrices of one shape: X holds the histories, and the stored entries of y are the
      ratings.

    Examples
    --------
    >>> from skrec.metrics import make_rating_scorer
    >>> make_rating_scorer("neg_mae")
    RatingScorer('neg_mae', random_state=0)
    """
    return RatingScorer(metric, random_state)
