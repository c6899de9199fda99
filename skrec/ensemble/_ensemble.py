"""What recommenders that join others share: the parts, their fits, and sums over them."""

from collections.abc import Iterable
from copy import copy
from dataclasses import field
from numbers import Integral
from typing import Annotated, Any, ClassVar, Self

import joblib
import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Bunch
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import check_is_fitted

from skrec.base import BaseRecommender, Doc, Link, Queries, RecommenderTags
from skrec.base.fields import Floats, Model, Several, Text
from skrec.calibration import HeldOut, recommender_in
from skrec.interactions import different_ids
from skrec.typing import Array, CSRMatrix, MatrixLike
from skrec.utils import as_numbers, check_finite, row_blocks, row_of_entry

__all__ = ["EnsembleRecommender"]

_PAIR = "estimators must be a list of pairs (name, recommender); got "


def unseen_items(queries: Queries) -> Array:
    """Return which items of each row are to choose from: those not seen, or all where all are.

    Parameters
    ----------
    queries : Queries
        The users.

    Returns
    -------
    unseen : ndarray of bool of shape (n_rows, n_items)
        At least one in each row is True.
    """
    seen = queries.seen()
    unseen = np.ones(seen.shape, dtype=bool)
    unseen[row_of_entry(seen), seen.indices] = False
    unseen[~unseen.any(axis=1)] = True
    return unseen


def with_ones(X: CSRMatrix) -> CSRMatrix:
    """Return a matrix of the same pattern that holds ones.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_items)
        Strengths.

    Returns
    -------
    X : csr_matrix of shape (n_rows, n_items)
        The pattern is shared with the argument.
    """
    entries = (np.ones_like(X.data), X.indices, X.indptr)
    return type(X)(entries, shape=X.shape)


def fit_part(estimator: Any, X: CSRMatrix) -> Any:
    """Return a fitted clone, and what is frozen as it is.

    Parameters
    ----------
    estimator : object
        A recommender, a search for one, or a frozen one.
    X : csr_matrix of shape (n_users, n_items)
        What to fit it to.

    Returns
    -------
    estimator : object
        Fitted.
    """
    if isinstance(estimator, FrozenEstimator):
        return estimator
    copy: Any = clone(estimator)
    return copy.fit(X)


class EnsembleRecommender(BaseRecommender, _BaseComposition):
    """Base of recommenders that rank by a weighted sum over others.

    A subclass writes ``_contribution(scores, unseen)``, which returns what the scores of one
    recommender add to the sum.
    """

    estimators: Annotated[
        Any,
        list,
        tuple,
        None,
        Doc(
            "Recommenders with their names, or searches for one. What is in a "
            "`sklearn.frozen.FrozenEstimator` is not fitted again; ``'drop'`` leaves one out.",
            "list of (str, estimator)",
        ),
    ] = field(default=None, kw_only=False)
    weights: Annotated[
        ArrayLike | None,
        "array-like",
        None,
        Doc(
            "Weights of the recommenders, not negative, of which only the shares matter; None "
            "takes equal ones.",
            "array-like of shape (n_estimators,) or None",
        ),
    ] = None
    n_jobs: Annotated[
        int | None,
        Integral,
        None,
        "Fits at the same time, as `joblib.Parallel` takes them.",
    ] = None

    _fitted: ClassVar = {
        "weights_": Floats("parts"),
        "strangers_": Several(Text()),
        "estimators_": Several(Model()),
    }
    _link: ClassVar[type[Link]] = HeldOut
    # it takes scores of all recommenders, which may cost more than their fits
    _calibrates_late: ClassVar[bool] = True

    def __sklearn_tags__(self) -> RecommenderTags:
        tags, parts = super().__sklearn_tags__(), self._parts()
        if any(part.__sklearn_tags__().fold_in == "approximate" for part in parts):
            tags.fold_in = "approximate"
        return tags

    # parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, with those of the recommenders by their names.

        Parameters
        ----------
        deep : bool, default=True
            Also return the recommenders and their parameters, ``name__parameter``.

        Returns
        -------
        params : dict
            Values by name.
        """
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also those of the recommenders.

        Parameters
        ----------
        **params
            Values by name: ``name`` replaces a recommender, ``name__parameter`` one of its
            parameters.

        Returns
        -------
        self : object
            The estimator.
        """
        return self._set_params("estimators", **params)

    def _validate_params(self) -> None:
        super()._validate_params()
        self._chosen_weights(len(self._chosen()))

    def _chosen(self) -> dict[str, Any]:
        """Return the recommenders that are not dropped, by name."""
        given: Any = self.estimators
        if not given:
            raise ValueError(f"{_PAIR}{given!r}")
        for pair in given:
            if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
                raise ValueError(f"{_PAIR}{pair!r} in it")
        self._validate_names([name for name, _ in given])
        chosen = {name: each for name, each in given if not isinstance(each, str)}
        dropped = {each for _, each in given if isinstance(each, str)}
        if dropped - {"drop"}:
            raise ValueError(f"estimators must be recommenders or 'drop'; got {sorted(dropped)}")
        if not chosen:
            raise ValueError("estimators must leave at least one recommender; all are 'drop'")
        for name, each in chosen.items():
            inner: Any = recommender_in(each)
            if inner is None:
                raise ValueError(f"estimators must be recommenders of skrec; {name!r} is {each!r}")
            if inner.__sklearn_tags__().feedback != "implicit":
                raise ValueError(
                    f"estimators must be recommenders of implicit feedback; {name!r} predicts "
                    f"ratings: {each!r}"
                )
        return chosen

    def _chosen_weights(self, n: int) -> Array:
        """Return a share for each recommender that is not dropped."""
        if self.weights is None:
            return np.full(n, 1 / n)
        weights = as_numbers(self.weights, "weights", ndim=1).astype(np.float64)
        check_finite(weights, "weights")
        given: Any = self.estimators
        if len(weights) != len(given):
            raise ValueError(
                f"weights must have one entry a recommender, {len(given)}; got {len(weights)}"
            )
        weights = weights[[not isinstance(each, str) for _, each in given]]
        if weights.min() < 0 or weights.max() == 0:
            raise ValueError(
                "weights must be at least 0, and one of them, of what is not dropped, larger; "
                f"got {self.weights!r}"
            )
        return weights / weights.max() / (weights / weights.max()).sum()

    # parts

    def _parts(self) -> list[BaseRecommender]:
        """Return the recommenders, the fitted ones where there are such."""
        own: Any = self.__dict__
        given = [each for each in own.get("estimators") or () if len(each) == 2]
        found = own.get("estimators_", [each for _, each in given])
        return [part for part in map(recommender_in, found) if part is not None]

    @property
    def _calibrated_items(self) -> float:
        return min((part._calibrated_items for part in self._parts()), default=1.0)

    @property
    def _weighs_strengths(self) -> bool:
        return any(part._weighs_strengths for part in self._parts())

    def _taken(self, part: Any, queries: Queries) -> Queries:
        """Return queries as a recommender takes them: most know no strengths."""
        if part._weighs_strengths or not self._weighs_strengths:
            return queries
        stored = queries.stored
        stored = stored if stored is None else with_ones(stored)
        return Queries(with_ones(queries.history), stored, queries.users)

    def _fit(self, X: CSRMatrix) -> None:
        chosen = self._chosen()
        for name, each in chosen.items():
            if isinstance(each, FrozenEstimator):
                self._check_frozen(name, each, X)
        ones = with_ones(X) if self._weighs_strengths else X
        inner: Any = {name: recommender_in(each) for name, each in chosen.items()}
        jobs = [
            joblib.delayed(fit_part)(each, X if inner[name]._weighs_strengths else ones)
            for name, each in chosen.items()
        ]
        parts: Any = joblib.Parallel(n_jobs=self.n_jobs)(jobs)
        self.weights_ = self._chosen_weights(len(chosen))
        self.strangers_ = [
            name
            for name, each in chosen.items()
            if isinstance(each, FrozenEstimator) and not _same(recommender_in(each), X)
        ]
        self.estimators_ = list(parts)

    def _check_frozen(self, name: str, estimator: Any, X: CSRMatrix) -> None:
        inner: Any = recommender_in(estimator)
        check_is_fitted(inner)
        if inner.n_features_in_ != X.shape[1]:
            raise ValueError(
                f"X must have the {inner.n_features_in_} items of the frozen {name!r}; "
                f"got {X.shape[1]}"
            )
        if different_ids(inner.encoder_, self.encoder_, items_only=True):
            raise ValueError(
                f"X must have the item ids of the frozen {name!r}, in their order; got "
                "Interactions of another encoder"
            )

    @property
    def named_estimators_(self) -> Bunch:
        """The fitted recommenders by name."""
        return Bunch(**dict(zip(self._chosen(), self.estimators_, strict=True)))

    def _queries(self, X: MatrixLike | None, users: ArrayLike | None) -> Queries:
        self._check_is_fitted()
        if users is not None and self.strangers_:
            raise ValueError(
                "users must be None, and X their histories: the frozen "
                f"{', '.join(map(repr, self.strangers_))} was fitted to other users than this model"
            )
        return super()._queries(X, users)

    # scores

    def _row_bytes(self) -> int:
        return max(part._row_bytes() for part in self._parts()) + 64 * self.n_features_in_

    def _contribution(self, scores: Array, unseen: Array) -> Array:
        """Return what the scores of one recommender add to the sum."""
        raise NotImplementedError

    def _sum(self, queries: Queries, scores: Iterable[Array]) -> Array:
        """Return the weighted sum of what the scores of each recommender add."""
        unseen, total = unseen_items(queries), np.zeros(queries.history.shape)
        for weight, each in zip(self.weights_, scores, strict=True):
            total += weight * self._contribution(each, unseen)
        return total

    def _score_block(self, queries: Queries) -> Array:
        scores = (part._scores(self._taken(part, queries)) for part in self._parts())
        return self._sum(queries, scores)

    def _untidied(self) -> Self:
        again = copy(self)
        again.estimators_ = [part._untidied() for part in self._parts()]
        return again

    def _held_out_pairs(self, history: CSRMatrix, rows: Array, row: Array, column: Array) -> Array:
        values, parts = np.empty(len(row)), [part._untidied() for part in self._parts()]
        for block in row_blocks(len(rows), self._row_bytes()):
            inside = slice(*np.searchsorted(row, [block.start, block.stop]))
            at, queries = (row[inside] - block.start, column[inside]), Queries(history[block])
            scores = (self._held_out_rows(part, queries, rows[block], at) for part in parts)
            values[inside] = self._sum(queries, scores)[at]
        return values

    def _held_out_rows(
        self, part: Any, queries: Queries, rows: Array, at: tuple[Array, Array]
    ) -> Array:
        """Return a recommender's scores of histories that lack some of what ``rows`` have.

        The scores of one item need those of all others: a row whose other scores know what is
        hidden from it would have another mean.
        """
        queries = self._taken(part, queries)
        if not _same(part, self.interactions_):  # nothing was fitted to these rows
            return part._scores(queries)
        if part._calibrated_items < 1:  # all pairs would take too long
            scores = np.array(part._held_out_scores(queries.history, rows))
            scores[at] = part._held_out_pairs(queries.history, rows, *at)
            return scores
        pairs = (each.ravel() for each in np.indices(queries.history.shape))
        scores = part._held_out_pairs(queries.history, rows, *pairs)
        return scores.reshape(queries.history.shape)


def _same(part: Any, X: CSRMatrix) -> bool:
    """Return whether a recommender was fitted to the users of X, whatever the strengths."""
    own = part.interactions_
    return (
        own.shape == X.shape
        and np.array_equal(own.indptr, X.indptr)
        and np.array_equal(own.indices, X.indices)
    )
