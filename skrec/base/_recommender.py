"""The contract of every estimator."""

from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skrec.base._parameters import ParameterFields
from skrec.base._queries import Queries, lists_of_pairs, pair_blocks, pairs_by_user
from skrec.base._ranking import RankingRequest
from skrec.base._tags import recommender_tags
from skrec.base._validation import check_matrix, check_pairs, check_users
from skrec.interactions import Interactions
from skrec.metrics import make_ranking_scorer
from skrec.utils import row_blocks, top_k

__all__ = ["BaseRecommender"]


class BaseRecommender(ParameterFields, BaseEstimator):
    """Base of all estimators: validation, blocks, ranking, and the hooks that a model fills in.

    A model writes ``_fit(X)`` and ``_score_block(queries)``, and where they pay off
    ``_score_candidates``, ``_proba_block``, ``_draw_block`` and ``_row_bytes``.
    """

    _fold_in: ClassVar[str] = "exact"
    _proba: ClassVar[str] = "bernoulli"
    _proba_pairs: ClassVar[str] = "all"
    _feedback: ClassVar[str] = "implicit"
    # whether the strengths of implicit feedback are kept, or every entry is a 1
    _weighs_strengths: ClassVar[bool] = False
    _probabilistic: ClassVar[bool] = False
    # whether _score_candidates of lists, padded with -1, costs less than the scores of all items
    _scores_few_cheaply: ClassVar[bool] = False
    # whether _proba_candidates needs the scores of the candidates alone
    _links_pairs: ClassVar[bool] = False
    # settings with which the common checks of skrec.testing run in a fraction of a second
    _test_parameters: ClassVar[dict[str, Any]] = {}

    def __sklearn_tags__(self):
        tags = recommender_tags(
            super().__sklearn_tags__(),
            fold_in=self._fold_in,
            proba=self._proba,
            proba_pairs=self._proba_pairs,
            feedback=self._feedback,
            probabilistic=self._probabilistic,
        )
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = self._feedback == "implicit"
        return tags

    # fitting

    def fit(self, X, y=None):
        """Learn from interactions.

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_users, n_items)
            Interactions or ratings; a copy is made.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If ``X`` or a parameter cannot be used; the estimator is then as it was before.
        """
        with self._unchanged_on_failure():
            self._validate_params()
            self._forget()
            self.interactions_ = check_matrix(self, X, reset=True)
            counts = np.bincount(self.interactions_.indices, minlength=self.n_features_in_)
            self.item_counts_ = counts
            self._fit(self.interactions_)
            self._fit_proba(self.interactions_)
        return self

    @contextmanager
    def _unchanged_on_failure(self):
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _forget(self):
        """Drop what an earlier fit left: by convention all names that end in an underscore."""
        for name in [name for name in self.__dict__ if name.endswith("_")]:
            del self.__dict__[name]

    def _fit(self, X):
        raise NotImplementedError

    def _fit_proba(self, X):
        """Fit what `predict_proba` needs beyond the scores."""

    # what a row is

    def _queries(self, X, users):
        """Turn X and users into queries."""
        check_is_fitted(self)
        if X is None and users is None:
            raise ValueError("X or users must be given: histories, or rows of the fitted matrix")
        history = None if X is None else check_matrix(self, X, reset=False)
        if users is None:
            return Queries(history)
        users = check_users(users, self.interactions_.shape[0])
        stored = self.interactions_[users]
        if history is not None and history.shape[0] != len(users):
            raise ValueError(
                f"users must have one entry a row of X, {history.shape[0]}; got {len(users)}"
            )
        return Queries(stored if history is None else history, stored, users)

    # scores

    def _score_block(self, queries):
        """Give the scores of a block of rows, float of shape (n_rows, n_items)."""
        raise NotImplementedError

    def _draw_block(self, queries, draw):
        """Give the scores under posterior draw number ``draw`` (probabilistic models)."""
        raise NotImplementedError

    def _prior_scores(self):
        """Give the scores of a user of whom nothing is known: the log of smoothed popularity."""
        return np.log(self._popularity()).astype(np.float32)

    def _popularity(self):
        """Give the share of each item in all interactions, smoothed by one interaction an item."""
        return (self.item_counts_ + 1) / (self.item_counts_.sum() + len(self.item_counts_))

    def _row_bytes(self):
        """Memory that one row of scores takes while it is worked on."""
        return 12 * self.n_features_in_

    def _scores(self, queries, draw=None, candidates=None):
        """Give the scores of a block, the prior for users of whom nothing is known."""
        if candidates is not None and draw is None:
            return self._score_candidates(queries, candidates)
        if candidates is not None:
            return self._draw_candidates(queries, candidates, draw)
        block = self._score_block(queries) if draw is None else self._draw_block(queries, draw)
        scores = np.asarray(block, dtype=np.float32)
        empty = queries.empty(self.__sklearn_tags__().fold_in)
        if empty.any():
            scores[empty] = self._prior_scores()
        return scores

    def _score_candidates(self, queries, candidates):
        """Give the scores of shared or per-row candidates, of shape (n_rows, m)."""
        return _pick(self._scores(queries), candidates)

    def _draw_candidates(self, queries, candidates, draw):
        """Give the scores of candidates under posterior draw number ``draw``."""
        return _pick(self._scores(queries, draw), candidates)

    def _top_k(self, scores, k):
        """Give the best k columns and their scores; torch models on CUDA may do it there."""
        return top_k(scores, k)

    # probabilities

    def _proba_block(self, scores, queries):
        """Turn the scores of a block into probabilities."""
        if self.__sklearn_tags__().proba == "categorical":
            return softmax(scores, axis=1)
        return expit(scores)

    def _proba_candidates(self, scores, queries, candidates):
        """Turn the scores of candidates into probabilities, where a link needs no others."""
        raise NotImplementedError

    def _prior_proba(self):
        """Give the probabilities of a user of whom nothing is known."""
        if self.__sklearn_tags__().proba == "categorical":
            return self._popularity()
        return (self.item_counts_ + 0.5) / (self.interactions_.shape[0] + 1)

    def _probabilities(self, queries, draw=None, candidates=None):
        """Give the probabilities of a block, the prior for users of whom nothing is known."""
        scores = self._scores(queries, draw, candidates)
        if candidates is None:
            proba = self._proba_block(scores, queries)
        else:
            proba = self._proba_candidates(scores, queries, candidates)
        proba = np.asarray(proba, np.float32)
        empty = queries.empty(self.__sklearn_tags__().fold_in)
        if empty.any():
            prior = self._prior_proba()
            proba[empty] = prior if candidates is None else prior[candidates[empty]]
        return np.clip(proba, 0, 1, out=proba)

    # answering in blocks

    def _with_std(self, function, queries):
        """Give a block's values and their deviation over posterior draws."""
        total = square = 0.0
        for draw in range(self.n_samples):
            value = function(queries, draw).astype(np.float64)
            total, square = total + value, square + value**2
        variance = square / self.n_samples - (total / self.n_samples) ** 2
        return function(queries), np.sqrt(np.maximum(variance, 0)).astype(np.float32)

    def _check_std(self, return_std):
        if return_std and not self.__sklearn_tags__().probabilistic:
            raise ValueError(
                "return_std must be False for a model without a posterior; got "
                f"{return_std!r} for {type(self).__name__}"
            )

    def _values(self, function, queries, return_std):
        """Give the arrays that answer for a block."""
        return self._with_std(function, queries) if return_std else (function(queries),)

    def _block_bytes(self, return_std):
        return self._row_bytes() * (3 if return_std else 1)

    def _answer(self, function, X, users, return_std):
        """Evaluate a function of blocks on rows, or on the pairs of Interactions."""
        check_is_fitted(self)
        self._check_std(return_std)
        if isinstance(X, Interactions):
            answer = self._answer_pairs(function, X, users, return_std)
        else:
            queries = self._queries(X, users)
            shape = (queries.n_rows, self.n_features_in_)
            answer = tuple(np.empty(shape, np.float32) for _ in range(1 + bool(return_std)))
            for rows in row_blocks(queries.n_rows, self._block_bytes(return_std)):
                arrays = self._values(function, queries.take(rows), return_std)
                if rows == slice(0, queries.n_rows):
                    answer = arrays  # all rows in one block: no copy
                    break
                for out, array in zip(answer, arrays, strict=True):
                    out[rows] = array
        return answer if return_std else answer[0]

    def _answer_pairs(self, function, pairs, users, return_std):
        if users is not None:
            raise ValueError("users must be None where X is Interactions, which name their users")
        check_pairs(pairs, self.interactions_.shape)
        known, place = pairs_by_user(pairs)
        queries = self._queries(None, known)
        longest = np.bincount(place).max(initial=0)
        if self._few_are_cheap(function) and 4 * longest <= self.n_features_in_:
            blocks = self._list_blocks(function, queries, place, pairs.item, return_std)
        else:
            blocks = self._dense_blocks(function, queries, place, pairs.item, return_std)
        answer = tuple(np.empty(len(place), np.float32) for _ in range(1 + bool(return_std)))
        for chosen, arrays in blocks:
            for out, array in zip(answer, arrays, strict=True):
                out[chosen] = array
        return answer

    def _few_are_cheap(self, function):
        return self._scores_few_cheaply and (function == self._scores or self._links_pairs)

    def _dense_blocks(self, function, queries, place, items, return_std):
        """Yield pairs and their values, out of whole rows."""
        for rows, chosen in pair_blocks(place, queries.n_rows, self._block_bytes(return_std)):
            at = place[chosen] - rows.start, items[chosen]
            arrays = self._values(function, queries.take(rows), return_std)
            yield chosen, [array[at] for array in arrays]

    def _list_blocks(self, function, queries, place, items, return_std):
        """Yield pairs and their values, the items of each user alone."""
        n_bytes = 32 * np.bincount(place).max(initial=1)
        for rows, chosen in pair_blocks(place, queries.n_rows, n_bytes):
            row = place[chosen] - rows.start
            lists, column = lists_of_pairs(row, items[chosen], rows.stop - rows.start)
            listed = partial(function, candidates=lists)
            arrays = self._values(listed, queries.take(rows), return_std)
            yield chosen, [array[row, column] for array in arrays]

    def decision_function(self, X=None, *, users=None, return_std=False):
        """Give the scores that rank.

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
        return self._answer(self._scores, X, users, return_std)

    def predict_proba(self, X=None, *, users=None, return_std=False):
        """Give probabilities; the tag ``proba`` says of what.

        ``"categorical"``: an item's share of the user's interactions, rows sum to 1.
        ``"bernoulli"``: the probability that the user interacts with the item.

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
        proba : ndarray of shape (n_rows, n_items) or (n_pairs,)
            In [0, 1], float32.
        std : ndarray of the same shape
            Only with ``return_std``.

        Raises
        ------
        ValueError
            If an input does not fit the matrix of ``fit``.
        """
        return self._answer(self._probabilities, X, users, return_std)

    def recommend(
        self,
        X=None,
        n_items=10,
        *,
        users=None,
        exclude_seen=True,
        candidates=None,
        exclude=None,
        strategy="mean",
        return_scores=False,
        return_std=False,
    ):
        """Give the best items of each user, best first, ties to the lower index.

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_rows, n_items), default=None
            Histories of any users, a row each.
        n_items : int, default=10
            Length of the lists.
        users : array-like of int of shape (n_rows,), default=None
            Rows of the fitted matrix. With ``X`` too, that is their newer history.
        exclude_seen : bool, default=True
            Leave out what the user has.
        candidates : array-like of int of shape (m,) or (n_rows, m), default=None
            The only items to choose from; -1 pads rows of the second form.
        exclude : sparse matrix of shape (n_rows, n_items) or array-like of int, default=None
            Pairs, or items for all, never to recommend.
        strategy : {"mean", "ucb", "thompson"}, default="mean"
            Rank by the score, by score plus deviation, or by the scores of one posterior draw
            (the last two: probabilistic models).
        return_scores : bool, default=False
            Also give the scores.
        return_std : bool, default=False
            Also give the deviations of the scores (probabilistic models).

        Returns
        -------
        indices : ndarray of shape (n_rows, n_items)
            int64 columns, -1 where a row has too few eligible items.
        scores : ndarray of shape (n_rows, n_items)
            Only with ``return_scores``; NaN where the index is -1.
        std : ndarray of shape (n_rows, n_items)
            Only with ``return_std``; NaN where the index is -1.

        Raises
        ------
        ValueError
            If an input does not fit the matrix of ``fit``.
        """
        check_is_fitted(self)
        request = RankingRequest(n_items, exclude_seen, candidates, exclude, strategy, return_std)
        self._check_std(return_std)
        request.check_strategy(self)
        lists = request.run(self, self._queries(X, users))
        chosen = (True, return_scores, return_std)
        answer = tuple(array for array, wanted in zip(lists, chosen, strict=True) if wanted)
        return answer if len(answer) > 1 else answer[0]

    def score(self, X, y=None):
        """Give NDCG@10.

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_users, n_items)
            Histories, when ``y`` holds targets; without them 20 % of each row is hidden and
            predicted from the rest. The entries of Interactions are the targets of users known
            from ``fit``, masked with what ``fit`` saw except the targets.
        y : sparse matrix or array-like of shape (n_users, n_items), default=None
            Targets. None or 1-D is ignored.

        Returns
        -------
        score : float
            Mean over the users that have targets; larger is better.
        """
        check_is_fitted(self)
        if not isinstance(X, Interactions):
            X = check_matrix(self, X, reset=False)
        return make_ranking_scorer("ndcg", k=10)(self, X, y)


def _pick(scores, candidates):
    """Take the columns of shared or per-row candidates."""
    if candidates.ndim == 1:
        return scores[:, candidates]
    return np.take_along_axis(scores, candidates, axis=1)
