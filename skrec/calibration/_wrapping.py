"""Recommenders around another one, which answers for itself where it can."""

from typing import Any

from numpy.typing import ArrayLike
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skrec.base import (
    BaseRecommender,
    Explanation,
    Queries,
    RecommenderTags,
    check_ids,
    check_matrix,
    shared_docs,
)
from skrec.interactions import Interactions
from skrec.typing import Array, MatrixLike

__all__ = ["WrappingRecommender", "recommender_in"]

Answer = Array | tuple[Array, Array]


def recommender_in(estimator: Any) -> BaseRecommender | None:
    """Return the recommender that is frozen or was searched for, or None.

    Parameters
    ----------
    estimator : object
        A recommender, or a `sklearn.frozen.FrozenEstimator` or search around one.

    Returns
    -------
    recommender : BaseRecommender or None
        The fitted one where the search has one; None where there is none inside.

    Examples
    --------
    >>> from sklearn.frozen import FrozenEstimator
    >>> from skrec import EASERecommender
    >>> from skrec.calibration import recommender_in
    >>> recommender_in(FrozenEstimator(EASERecommender(l2=9.0)))
    EASERecommender(l2=9.0)
    """
    if isinstance(estimator, FrozenEstimator):
        return recommender_in(estimator.estimator)
    if isinstance(estimator, BaseRecommender):
        return estimator
    inner = getattr(estimator, "best_estimator_", getattr(estimator, "estimator", None))
    return None if inner is None else recommender_in(inner)


def _predicts_ratings(self: Any) -> bool:
    return self._predicts_ratings()


def _knows_similar_items(self: Any) -> bool:
    return hasattr(self._inner(), "similar_items")


def _has_vectors(self: Any) -> bool:
    return hasattr(self._inner(), "user_vectors")


class WrappingRecommender(BaseRecommender):
    """Base of recommenders with a parameter ``estimator`` that ranks as that one does."""

    def __sklearn_tags__(self) -> RecommenderTags:
        tags, inner = super().__sklearn_tags__(), self._inner()
        if inner is not None:
            own = inner.__sklearn_tags__()
            for name in ("fold_in", "feedback", "probabilistic"):
                setattr(tags, name, getattr(own, name))
            tags.input_tags.positive_only = own.input_tags.positive_only
        return tags

    def _inner(self: Any) -> Any:
        """Return the recommender, the fitted one where there is one."""
        return recommender_in(getattr(self, "estimator_", self.estimator))

    @property
    def _weighs_strengths(self) -> bool:
        inner = self._inner()
        return getattr(inner, "_weighs_strengths", False)

    def _predicts_ratings(self) -> bool:
        return self.__sklearn_tags__().feedback == "explicit"

    @property
    def n_samples(self) -> int:
        """Posterior draws of the recommender."""
        return self._inner().n_samples

    @property
    def relevance_threshold(self) -> float:
        """Rating that counts as good, of a rating model."""
        return self._inner().relevance_threshold

    # for those who hold this one inside

    def _scores(
        self, queries: Queries, draw: int | None = None, candidates: Array | None = None
    ) -> Array:
        return self._inner()._scores(queries, draw, candidates)

    def _score_std(self, queries: Queries, candidates: Array | None = None) -> Array:
        return self._inner()._score_std(queries, candidates)

    def _untidied(self) -> Any:
        return self._inner()._untidied()

    def _asked(self, X: Interactions | MatrixLike | None, *, histories: bool = False) -> Any:
        """Return X as the recommender takes it; ids, names and numbers of items are checked."""
        check_is_fitted(self)
        if X is None:
            return X
        if isinstance(X, Interactions):
            check_ids(X, self.encoder_, items_only=histories)
            return X
        return check_matrix(self, X, reset=False)

    @shared_docs
    def decision_function(
        self,
        X: Interactions | MatrixLike | None = None,
        *,
        users: ArrayLike | None = None,
        return_std: bool = False,
    ) -> Answer:
        """Return the scores that rank, which are the recommender's own.

        Parameters
        ----------
        %(histories_or_pairs)s
        %(users)s
        %(return_std)s

        Returns
        -------
        scores : ndarray of shape (n_rows, n_items) or (n_pairs,)
            Larger is better, float32.
        %(std)s

        Raises
        ------
        %(bad_input)s
        """
        X = self._asked(X)
        return self._inner().decision_function(X, users=users, return_std=return_std)

    @available_if(_predicts_ratings)
    @shared_docs
    def predict(
        self,
        X: Interactions | MatrixLike | None = None,
        *,
        users: ArrayLike | None = None,
        return_std: bool = False,
    ) -> Answer:
        """Predict ratings, as the recommender does (rating models).

        Parameters
        ----------
        %(histories_or_pairs)s
        %(users)s
        %(return_std)s

        Returns
        -------
        ratings : ndarray of shape (n_rows, n_items) or (n_pairs,)
            float32.
        %(std)s

        Raises
        ------
        %(bad_input)s
        """
        X = self._asked(X)
        return self._inner().predict(X, users=users, return_std=return_std)

    @shared_docs
    def recommend(
        self,
        X: Interactions | MatrixLike | None = None,
        n_items: int = 10,
        *,
        users: ArrayLike | None = None,
        **options: Any,
    ) -> Array | tuple[Array, ...]:
        """Return the best items of each user, as the recommender does.

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_rows, n_items), default=None
            Histories of any users, a row each.
        n_items : int, default=10
            Length of the lists.
        %(users)s
        **options : dict
            The other arguments of `BaseRecommender.recommend`.

        Returns
        -------
        answer : ndarray of shape (n_rows, n_items) or tuple of these
            As of `BaseRecommender.recommend`.

        Raises
        ------
        %(bad_input)s
        """
        return self._inner().recommend(
            self._asked(X, histories=True), n_items, users=users, **options
        )

    @shared_docs
    def score(self, X: Interactions | MatrixLike, y: Any = None) -> float:
        """Return the recommender's own score: NDCG@10, or of ratings minus the RMSE.

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_users, n_items)
            As of the recommender.
        %(targets)s

        Returns
        -------
        score : float
            Larger is better.
        """
        return self._inner().score(self._asked(X), y)

    @available_if(_knows_similar_items)
    def similar_items(self, items: ArrayLike, n_items: int = 10) -> tuple[Array, Array]:
        """Return similar items, as the recommender does (where it does).

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

    @shared_docs
    def explain(
        self,
        X: Interactions | MatrixLike | None = None,
        items: ArrayLike | None = None,
        *,
        users: ArrayLike | None = None,
    ) -> Explanation:
        """Return what each item of a history adds to scores, as the recommender does.

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_rows, n_items), default=None
            Histories of any users, a row each.
        items : array-like of int of shape (m,) or (n_rows, m), default=None
            Columns to explain.
        %(users)s

        Returns
        -------
        explanation : Explanation
            As of `BaseRecommender.explain`.

        Raises
        ------
        %(bad_input)s
        """
        return self._inner().explain(self._asked(X, histories=True), items, users=users)

    @available_if(_has_vectors)
    @shared_docs
    def user_vectors(
        self, X: Interactions | MatrixLike | None = None, *, users: ArrayLike | None = None
    ) -> Array:
        """Return vectors of users, as the recommender does (where it does).

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_rows, n_items), default=None
            Histories of any users, a row each.
        %(users)s

        Returns
        -------
        vectors : ndarray of shape (n_rows, n_dimensions)
            Their products with `item_vectors` rank as the scores do.

        Raises
        ------
        %(bad_input)s
        """
        return self._inner().user_vectors(self._asked(X, histories=True), users=users)

    @available_if(_has_vectors)
    def item_vectors(self) -> Array:
        """Return vectors of all items, as the recommender does (where it does).

        Returns
        -------
        vectors : ndarray of shape (n_items, n_dimensions)
            To put into an index of inner products.
        """
        check_is_fitted(self)
        return self._inner().item_vectors()
