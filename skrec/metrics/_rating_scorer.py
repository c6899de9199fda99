"""Scorers of rating models for scikit-learn's model selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec.interactions import Interactions
from skrec.metrics._check import as_csr, as_seed, check_scores
from skrec.metrics._engine import bytes_per_row
from skrec.metrics._known import (
    UnknownUsers,
    check_items,
    check_unknown_users,
    fitted_model,
    keep_known,
    seen_in_fit,
)
from skrec.metrics._tasks import is_matrix, refuse_targets
from skrec.typing import Array, CSRMatrix, MatrixLike, RandomState
from skrec.utils import (
    check_choice,
    check_finite,
    check_rng,
    row_blocks,
    row_of_entry,
    split_rows,
)

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
    unknown_users : {"warn", "include", "skip", "error"}
        What to do with users of whom the model knows nothing.

    See Also
    --------
    make_rating_scorer : Explains what X and y mean.

    Examples
    --------
    >>> from skrec.metrics import RatingScorer, make_rating_scorer
    >>> isinstance(make_rating_scorer(), RatingScorer)
    True
    """

    def __init__(
        self,
        metric: Literal["neg_rmse", "neg_mae"],
        random_state: RandomState,
        unknown_users: UnknownUsers = "warn",
    ) -> None:
        self.metric = check_choice(metric, "metric", sorted(_LOSSES))
        check_rng(random_state)
        self.random_state = random_state
        self.unknown_users: UnknownUsers = check_unknown_users(unknown_users)

    @property
    def __name__(self) -> str:
        """Name of the metric, the label of scikit-learn's curve displays."""
        return self.metric

    def __repr__(self) -> str:
        rule = "" if self.unknown_users == "warn" else f", unknown_users={self.unknown_users!r}"
        return f"RatingScorer({self.metric!r}, random_state={self.random_state!r}{rule})"

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
        est = fitted_model(est, "predict")
        if isinstance(X, Interactions):
            refuse_targets(y)
            user, error = _errors_of_pairs(est, X, self.unknown_users)
        else:
            check_items(est, y)
            history, ratings = _histories_and_ratings(X, y, self.random_state)
            user, error = _errors_of_rows(est, history, ratings, self.unknown_users)
        if len(error) == 0:
            raise ValueError("X must leave at least one rating to be found, got none.")
        if not np.isfinite(error).all():
            raise ValueError("The result of predict must be finite, got NaN or infinity.")
        return user, error


def _histories_and_ratings(
    X: MatrixLike, y: Interactions | MatrixLike | None, random_state: RandomState
) -> tuple[CSRMatrix, CSRMatrix]:
    """Return the part of each row that the model sees, and the ratings to predict."""
    history = as_csr(X, "X", keep_zeros=True, ratings=True)
    if not is_matrix(y):
        return split_rows(history, 0.2, as_seed(random_state))
    y = y.tocsr() if isinstance(y, Interactions) else y
    ratings = as_csr(y, "y", keep_zeros=True, ratings=True)
    if ratings.shape != history.shape:
        raise ValueError(f"y must have the shape of X, {history.shape}, got {ratings.shape}.")
    return history, ratings


def _errors_of_pairs(est: Any, X: Interactions, rule: UnknownUsers) -> tuple[Array, Array]:
    """Return the user and the error of each rating of users seen in fit."""
    check_finite(X.value, "X")
    users = np.unique(X.user)
    known = np.diff(seen_in_fit(est, X).indptr)[users] > 0
    X = X[np.isin(X.user, users[keep_known(known, rule, of_fit=True)])]
    pred = check_scores(est.predict(X), X.shape, "The result of predict") if len(X) else np.empty(0)
    return X.user, pred - X.value.astype(np.float64)


def _errors_of_rows(
    est: Any, history: CSRMatrix, ratings: CSRMatrix, rule: UnknownUsers
) -> tuple[Array, Array]:
    """Return the user and the error of each rating, predicted block by block."""
    users = np.flatnonzero(np.diff(ratings.indptr))
    users = users[keep_known(np.diff(history.indptr)[users] > 0, rule, of_fit=False)]
    history, ratings = history[users], sp.csr_matrix(ratings[users])
    errors = [np.empty(0)]
    for rows in row_blocks(len(users), bytes_per_row(history.shape[1])):
        block, true = history[rows], ratings[rows]
        pred = check_scores(est.predict(block), block.shape, "The result of predict")
        picked = pred[row_of_entry(true), true.indices]
        errors.append(picked - true.data.astype(np.float64))
    return users[row_of_entry(ratings)], np.concatenate(errors)


def make_rating_scorer(
    metric: Literal["neg_rmse", "neg_mae"] = "neg_rmse",
    *,
    random_state: RandomState = 0,
    unknown_users: UnknownUsers = "warn",
) -> RatingScorer:
    """Return a scorer of rating models for the ``scoring`` parameter of scikit-learn.

    Parameters
    ----------
    metric : {"neg_rmse", "neg_mae"}, default="neg_rmse"
        Minus the root mean squared error, or minus the mean absolute error, over all ratings to
        predict.
    random_state : int, RandomState instance or None, default=0
        Source of the hidden entries.
    unknown_users : {"warn", "include", "skip", "error"}, default="warn"
        What to do with users that have ratings to predict, but of whom the model knows nothing: no
        ratings in fit if X is an `Interactions`, an empty history if X is a matrix. "include"
        evaluates the predictions for them, which are those of an average user. "warn"
        does the same, and warns if they are many. "skip" leaves their
        ratings out of the mean, and "error" raises an error.

    Returns
    -------
    scorer : RatingScorer
        Callable ``scorer(estimator, X, y=None)`` that returns a float, larger is better.
        ``scorer.per_user(estimator, X, y)`` returns the score of each user.

    Raises
    ------
    ValueError
        If the metric is unknown. The scorer itself raises one if there is no rating to predict, if
        a prediction is not finite, or if X or y do not fit the model.

    Warns
    -----
    SkrecWarning
        By the scorer, if X is an `Interactions` and more than a fifth of its users have no ratings
        in fit. Only with ``unknown_users="warn"``.

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
    return RatingScorer(metric, random_state, unknown_users)
