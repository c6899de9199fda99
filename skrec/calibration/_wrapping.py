"""Recommenders around a recommender: all that the inner one answers for itself."""

from sklearn.frozen import FrozenEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skrec.base import BaseRecommender, check_matrix
from skrec.interactions import Interactions

__all__ = ["WrappingRecommender", "recommender_in"]


def recommender_in(estimator):
    """Give the recommender that is frozen or was searched for, or None."""
    if isinstance(estimator, FrozenEstimator):
        return recommender_in(estimator.estimator)
    if isinstance(estimator, BaseRecommender):
        return estimator
    inner = getattr(estimator, "best_estimator_", getattr(estimator, "estimator", None))
    return None if inner is None else recommender_in(inner)


def _predicts_ratings(self):
    return self._predicts_ratings()


def _knows_similar_items(self):
    return hasattr(self._inner(), "similar_items")


class WrappingRecommender(BaseRecommender):
    """Base of recommenders with a parameter ``estimator`` that ranks as that one does."""

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), self._inner()
        if inner is not None:
            own = inner.__sklearn_tags__()
            for name in ("fold_in", "feedback", "probabilistic"):
                setattr(tags, name, getattr(own, name))
            tags.input_tags.positive_only = own.input_tags.positive_only
        return tags

    def _inner(self):
        """Give the recommender, the fitted one where there is one."""
        return recommender_in(getattr(self, "estimator_", self.estimator))

    @property
    def _weighs_strengths(self):
        inner = self._inner()
        return getattr(inner, "_weighs_strengths", False)

    def _predicts_ratings(self):
        return self.__sklearn_tags__().feedback == "explicit"

    @property
    def n_samples(self):
        """Posterior draws of the recommender."""
        return self._inner().n_samples

    @property
    def relevance_threshold(self):
        """Rating that counts as good, of a rating model."""
        return self._inner().relevance_threshold

    def _asked(self, X):
        """Give X as the recommender takes it, after a look at names and numbers of items."""
        check_is_fitted(self)
        if X is None or isinstance(X, Interactions):
            return X
        return check_matrix(self, X, reset=False)

    def decision_function(self, X=None, *, users=None, return_std=False):
        """Give the scores that rank, which are the recommender's own.

        Parameters
        ----------
        X : sparse matrix or array-like of shape (n_rows, n_items), or Interactions, default=None
            Histories of any users, a row each; or pairs of users known from ``fit``.
        users : array-like of int of shape (n_rows,), default=None
            Rows of the fitted matrix. With ``X`` too, that is their newer history.
        return_std : bool, default=False
            Also give the deviation over posterior draws (probabilistic models).

        Returns
        -------
        scores : ndarray of shape (n_rows, n_items) or (n_pairs,)
            Larger is better, float32.
        std : ndarray of the same shape
            Only with ``return_std``.

        Raises
        ------
        ValueError
            If an input does not fit the matrix of ``fit``.
        """
        X = self._asked(X)
        return self._inner().decision_function(X, users=users, return_std=return_std)

    @available_if(_predicts_ratings)
    def predict(self, X=None, *, users=None, return_std=False):
        """Predict ratings, as the recommender does (rating models).

        Parameters
        ----------
        X : sparse matrix or array-like of shape (n_rows, n_items), or Interactions, default=None
            Ratings of any users, a row each; or pairs of users known from ``fit``.
        users : array-like of int of shape (n_rows,), default=None
            Rows of the fitted matrix. With ``X`` too, those are their newer ratings.
        return_std : bool, default=False
            Also give the deviation over posterior draws (probabilistic models).

        Returns
        -------
        ratings : ndarray of shape (n_rows, n_items) or (n_pairs,)
            float32.
        std : ndarray of the same shape
            Only with ``return_std``.

        Raises
        ------
        ValueError
            If an input does not fit the matrix of ``fit``.
        """
        X = self._asked(X)
        return self._inner().predict(X, users=users, return_std=return_std)

    def recommend(self, X=None, n_items=10, *, users=None, **options):
        """Give the best items of each user, as the recommender does.

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_rows, n_items), default=None
            Histories of any users, a row each.
        n_items : int, default=10
            Length of the lists.
        users : array-like of int of shape (n_rows,), default=None
            Rows of the fitted matrix. With ``X`` too, that is their newer history.
        **options : dict
            The other arguments of `BaseRecommender.recommend`.

        Returns
        -------
        answer : ndarray of shape (n_rows, n_items) or tuple of these
            As of `BaseRecommender.recommend`.

        Raises
        ------
        ValueError
            If an input does not fit the matrix of ``fit``.
        """
        return self._inner().recommend(self._asked(X), n_items, users=users, **options)

    def score(self, X, y=None):
        """Give the recommender's own score: NDCG@10, or of ratings minus the RMSE.

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_users, n_items)
            As of the recommender.
        y : sparse matrix or array-like of shape (n_users, n_items), default=None
            Targets. None or 1-D is ignored.

        Returns
        -------
        score : float
            Larger is better.
        """
        return self._inner().score(self._asked(X), y)

    @available_if(_knows_similar_items)
    def similar_items(self, items, n_items=10):
        """Give similar items, as the recommender does (where it does).

        Parameters
        ----------
        items : array-like of int of shape (n,)
            Columns.
        n_items : int, default=10
            Length of the lists.

        Returns
        -------
        indices : ndarray of shape (n, n_items)
            Columns, best first.
        values : ndarray of shape (n, n_items)
            How similar they are.
        """
        check_is_fitted(self)
        return self._inner().similar_items(items, n_items)
