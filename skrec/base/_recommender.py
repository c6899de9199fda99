"""The contract of every estimator."""

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any, ClassVar, Literal, Self, dataclass_transform

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skrec import kernels
from skrec.base._answers import answer_pairs, answer_rows, pick, pick_rows, spread
from skrec.base._docs import shared_docs
from skrec.base._explain import explain
from skrec.base._fitted import FITTED, empty_like
from skrec.base._links import Link
from skrec.base._one_fit import of_one_fit, view_of
from skrec.base._parameters import make_parameters, plain_numbers
from skrec.base._queries import Queries, lists_of_pairs, pairs_by_user, queries_of
from skrec.base._ranking import ListRequest, Lists, check_strategy, watched_blocks
from skrec.base._tags import RecommenderTags, recommender_tags
from skrec.base._validation import check_matrix, check_pairs
from skrec.base.fields import Field
from skrec.interactions import Interactions, MappedCSR
from skrec.metrics import make_ranking_scorer
from skrec.typing import Array, CSRMatrix, MatrixLike
from skrec.utils import check_flag, column_counts, row_blocks

__all__ = ["BaseRecommender"]

_SCORES_AT_ONCE = 6_000_000  # while they are ranked: larger blocks leave the cache

Answer = Array | tuple[Array, Array]
Of = Literal["scores", "probabilities"]
Strategy = Literal["mean", "ucb", "thompson"]


@dataclass_transform(kw_only_default=True, eq_default=False)
class BaseRecommender(BaseEstimator):
    """Base of all estimators: validation, blocks, ranking, and the hooks that a model fills in.

    The annotated fields of a subclass are its parameters. A model writes ``_fit(X)`` and
    ``_score_block(queries)``, names its link, and where they pay off writes
    ``_score_candidates``, ``_draw_block``, ``_history_parts`` and ``_row_bytes``.
    """

    _link: ClassVar[type[Link]] = Link
    _fold_in: ClassVar[Literal["exact", "approximate"]] = "exact"
    _feedback: ClassVar[Literal["implicit", "explicit"]] = "implicit"
    # whether the strengths of implicit feedback are kept, or every entry is a 1
    _weighs_strengths: ClassVar[bool] = False
    _probabilistic: ClassVar[bool] = False
    # whether _score_candidates of lists, padded with -1, costs less than the scores of all items
    _scores_few_cheaply: ClassVar[bool] = False
    # whether probabilities are calibrated when they are first asked for: it costs beside the fit
    _calibrates_late: ClassVar[bool] = False
    # share of the items whose pairs it is calibrated on, at least 500: each may cost by itself
    _calibrated_items: ClassVar[float] = 1.0
    # attributes that only fitting and held-out pairs need, dropped at the end of fit
    _working_arrays: ClassVar[tuple[str, ...]] = ()
    # what fit sets, as it is written to a file
    _fitted: ClassVar[dict[str, Field]] = FITTED
    # settings with which the common checks of skrec.testing run in a fraction of a second
    _test_parameters: ClassVar[dict[str, Any]] = {}
    _parameter_constraints: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        make_parameters(cls)

    def __sklearn_tags__(self) -> RecommenderTags:
        tags = recommender_tags(
            super().__sklearn_tags__(),
            fold_in=self._fold_in,
            proba=self._new_link().proba,
            feedback=self._feedback,
            probabilistic=self._probabilistic,
        )
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = self._feedback == "implicit"
        return tags

    # fitting

    def fit(self, X: Interactions | MatrixLike, y: Any = None) -> Self:
        """Learn from interactions.

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_users, n_items)
            Interactions or ratings; a copy is made, but of what `interactions.open_csr` opens.
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
        # a twin learns, and then takes the place of this model in one step: whoever reads
        # meanwhile finds the old model whole, and a failure leaves it
        twin = view_of(self)
        twin.__dict__ = dict(self.__dict__)
        with plain_numbers(twin):
            twin._learn(X)
        self.__dict__ = twin.__dict__
        return self

    def _learn(self, X: Interactions | MatrixLike) -> None:
        self._validate_params()
        self._forget()
        self.n_features_in_: int  # check_matrix sets it
        self.interactions_ = check_matrix(self, X, reset=True)
        self.encoder_ = X.encoder if isinstance(X, Interactions | MappedCSR) else None
        self.item_counts_ = column_counts(self.interactions_)
        self._fit(self.interactions_)
        self.link_ = self._new_link().fit(self, self.interactions_)
        self._tidy()

    def _forget(self) -> None:
        """Drop what an earlier fit left: by convention all names that end in an underscore."""
        for name in [name for name in self.__dict__ if name.endswith("_")]:
            del self.__dict__[name]

    def _fit(self, X: CSRMatrix) -> None:
        raise NotImplementedError

    def _tidy(self) -> None:
        """Drop what only fitting needs."""
        for name in self._working_arrays:
            delattr(self, name)

    def _untidied(self) -> Self:
        """Return a model that has what was dropped, to ask for held-out pairs after the fit."""
        if not self._working_arrays:
            return self
        again = copy(self)
        again._fit(self.interactions_)
        return again

    def _new_link(self) -> Link:
        """Return the link that the parameters ask for, not fitted."""
        return self._link()

    def _check_is_fitted(self) -> None:
        if "link_" not in self.__dict__:  # what fit sets last; scikit-learn's check is slower
            check_is_fitted(self)

    def _without_interactions(self) -> dict[str, Any]:
        """Return the attributes that are others where the interactions of fit are left out."""
        start = {"pretrained_": None} if "pretrained_" in self.__dict__ else {}
        own = {"interactions_": empty_like(self.interactions_), "_lacks_interactions_": True}
        return {**own, **start}

    # what a row is

    def _queries(self, X: MatrixLike | None, users: ArrayLike | None) -> Queries:
        """Turn X and users into queries."""
        self._check_is_fitted()
        return queries_of(self, X, users)

    # scores

    def _score_block(self, queries: Queries) -> Array:
        """Return the scores of a block of rows, float of shape (n_rows, n_items)."""
        raise NotImplementedError

    def _draw_block(self, queries: Queries, draw: int) -> Array:
        """Return the scores under posterior draw number ``draw`` (probabilistic models)."""
        raise NotImplementedError

    def _prior_scores(self) -> Array:
        """Return the scores of a user of whom nothing is known: the log of smoothed popularity."""
        return np.log(self._popularity()).astype(np.float32)

    def _popularity(self) -> Array:
        """Return each item's share of all interactions, smoothed by one interaction an item."""
        return (self.item_counts_ + 1) / (self.item_counts_.sum() + len(self.item_counts_))

    def _row_bytes(self) -> int:
        """Return the memory that one row of scores takes while it is worked on."""
        return 12 * self.n_features_in_

    def _scores(
        self, queries: Queries, draw: int | None = None, candidates: Array | None = None
    ) -> Array:
        """Return the scores of a block, the prior for users of whom nothing is known."""
        if candidates is not None:
            if draw is None:
                return self._score_candidates(queries, candidates)
            return self._draw_candidates(queries, candidates, draw)
        block = self._score_block(queries) if draw is None else self._draw_block(queries, draw)
        scores = np.asarray(block, dtype=np.float32)
        return self._with_prior(scores, queries, None, self._prior_scores)

    def _score_candidates(self, queries: Queries, candidates: Array) -> Array:
        """Return the scores of shared or per-row candidates, of shape (n_rows, m)."""
        return pick(self._scores(queries), candidates)

    def _draw_candidates(self, queries: Queries, candidates: Array, draw: int) -> Array:
        """Return the scores of candidates under posterior draw number ``draw``."""
        return pick(self._scores(queries, draw), candidates)

    def _with_prior(
        self,
        values: Array,
        queries: Queries,
        candidates: Array | None,
        prior: Callable[[], Array],
    ) -> Array:
        """Set the values of users of whom nothing is known to the prior of all items, in place."""
        if not queries.empty("exact").any():  # no history is
            return values
        empty = queries.empty(self.__sklearn_tags__().fold_in)
        if empty.any():
            values[empty] = pick_rows(prior(), candidates, empty)
        return values

    def _held_out_scores(self, history: CSRMatrix, rows: Array) -> Array:
        """Score histories that lack some of what ``rows`` of ``fit`` have.

        A model that has learnt from what is hidden leaves these users out of what it knows.
        """
        return self._scores(Queries(history))

    def _held_out_pairs(self, history: CSRMatrix, rows: Array, row: Array, column: Array) -> Array:
        """Return the held-out scores of pairs (row of ``history``, column), sorted by row."""
        scores = np.empty(len(row))
        longest = np.bincount(row, minlength=1).max()
        if self._scores_few_cheaply and 4 * longest <= history.shape[1]:
            lists, place = lists_of_pairs(row, column, history.shape[0])
            return self._scores(Queries(history), candidates=lists)[row, place]
        for block in row_blocks(history.shape[0], self._row_bytes()):
            inside = slice(*np.searchsorted(row, [block.start, block.stop]))
            dense = self._held_out_scores(history[block], rows[block])
            scores[inside] = dense[row[inside] - block.start, column[inside]]
        return scores

    # probabilities

    def _probabilities(
        self, queries: Queries, draw: int | None = None, candidates: Array | None = None
    ) -> Array:
        """Return the probabilities of a block, the prior for users of whom nothing is known.

        Candidates may be given where the link needs the scores of no other items.
        """
        scores = self._scores(queries, draw, candidates)
        proba = np.asarray(self.link_.probabilities(self, scores, queries, candidates), np.float32)
        proba = self._with_prior(proba, queries, candidates, partial(self.link_.prior, self))
        return np.clip(proba, 0, 1, out=proba)

    # deviations over posterior draws

    def _score_std(self, queries: Queries, candidates: Array | None = None) -> Array:
        """Return the deviations of the scores of a block (probabilistic models)."""
        return self._spread(partial(self._scores, queries, candidates=candidates))

    def _proba_std(self, queries: Queries, candidates: Array | None = None) -> Array:
        """Return the deviations of the probabilities of a block (probabilistic models)."""
        return self._spread(partial(self._probabilities, queries, candidates=candidates))

    def _spread(self: Any, values: Callable[[int], Array]) -> Array:
        return spread(values, self.n_samples)

    def _check_std(self, return_std: bool) -> bool:
        if check_flag(return_std, "return_std") and not self.__sklearn_tags__().probabilistic:
            raise ValueError(
                "return_std must be False for a model without a posterior; got "
                f"{return_std!r} for {type(self).__name__}"
            )
        return bool(return_std)

    # answering in blocks

    @of_one_fit
    def _answer(self, of: Of, X: Any, users: ArrayLike | None, return_std: bool) -> Answer:
        """Answer with scores or probabilities of rows, or of the pairs of Interactions."""
        self._check_is_fitted()
        self._check_std(return_std)
        if isinstance(X, Interactions):
            answer = self._answer_pairs(of, X, users, return_std)
        else:
            queries, n_bytes = self._queries(X, users), self._block_bytes(return_std)
            answer = answer_rows(partial(self._values, of, return_std), queries, n_bytes)
        return (answer[0], answer[1]) if return_std else answer[0]

    def _values(
        self, of: Of, return_std: bool, queries: Queries, candidates: Array | None = None
    ) -> tuple[Array, ...]:
        """Return the scores or probabilities of a block, and their deviations if wanted."""
        if of == "scores":
            values, std = self._scores, self._score_std
        else:
            values, std = self._probabilities, self._proba_std
        spread = (std(queries, candidates),) if return_std else ()
        return values(queries, candidates=candidates), *spread

    def _block_bytes(self, return_std: bool) -> int:
        return self._row_bytes() * (3 if return_std else 1)

    def _answer_pairs(
        self, of: Of, pairs: Interactions, users: ArrayLike | None, return_std: bool
    ) -> tuple[Array, ...]:
        if users is not None:
            raise ValueError("users must be None where X is Interactions, which name their users")
        check_pairs(pairs, self.interactions_.shape, self.encoder_)
        known, place = pairs_by_user(pairs)
        values = partial(self._values, of, return_std)
        n_bytes = self._block_bytes(return_std)
        longest = np.bincount(place).max(initial=0)
        if self._few_are_cheap(of) and 4 * longest <= self.n_features_in_:
            n_bytes = None
        queries = self._queries(None, known)
        return answer_pairs(values, queries, place, pairs.item, 1 + bool(return_std), n_bytes)

    def _few_are_cheap(self, of: Of) -> bool:
        return self._scores_few_cheaply and (of == "scores" or self.link_.by_pair)

    @shared_docs
    def decision_function(
        self,
        X: Interactions | MatrixLike | None = None,
        *,
        users: ArrayLike | None = None,
        return_std: bool = False,
    ) -> Answer:
        """Return the scores that rank.

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
        return self._answer("scores", X, users, return_std)

    @shared_docs
    def predict_proba(
        self,
        X: Interactions | MatrixLike | None = None,
        *,
        users: ArrayLike | None = None,
        return_std: bool = False,
    ) -> Answer:
        """Return probabilities, whose meaning is the tag ``proba``.

        ``"categorical"``: an item's share of the user's interactions, rows sum to 1.
        ``"bernoulli"``: the probability that a pair which the history lacks is an interaction,
        where a tenth of what the user has is hidden.

        Parameters
        ----------
        %(histories_or_pairs)s
        %(users)s
        %(return_std)s

        Returns
        -------
        proba : ndarray of shape (n_rows, n_items) or (n_pairs,)
            In [0, 1], float32.
        %(std)s

        Raises
        ------
        %(bad_input)s
        """
        return self._answer("probabilities", X, users, return_std)

    # lists

    explain = explain

    @of_one_fit
    @shared_docs
    def recommend(
        self,
        X: Interactions | MatrixLike | None = None,
        n_items: int = 10,
        *,
        users: ArrayLike | None = None,
        exclude_seen: bool = True,
        candidates: ArrayLike | None = None,
        exclude: MatrixLike | None = None,
        strategy: Strategy = "mean",
        return_scores: bool = False,
        return_std: bool = False,
    ) -> Array | tuple[Array, ...]:
        """Return the best items of each user, best first, ties to the lower index.

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_rows, n_items), default=None
            Histories of any users, a row each.
        n_items : int, default=10
            Length of the lists.
        %(users)s
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
            Also return the scores.
        return_std : bool, default=False
            Also return the deviations of the scores (probabilistic models).

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
        %(bad_input)s
        """
        self._check_is_fitted()
        check_strategy(strategy, self)
        with_std = self._check_std(return_std)
        with_scores = check_flag(return_scores, "return_scores")
        queries = self._queries(X, users)
        shape = queries.n_rows, self.n_features_in_
        request = ListRequest(n_items, exclude_seen, candidates, exclude, shape)
        lists = Lists(queries.n_rows, request.n_items, with_scores, with_std)
        self._rank(request, queries, strategy, lists)
        answer = [a for a in (lists.indices, lists.scores, lists.std) if a is not None]
        return tuple(answer) if len(answer) > 1 else answer[0]

    def _rank(
        self, request: ListRequest, queries: Queries, strategy: Strategy, lists: Lists
    ) -> None:
        """Rank what may be recommended, block by block, into lists."""
        with_std = lists.std is not None
        row_bytes = self._block_bytes(with_std or strategy != "mean")
        width = self.n_features_in_ if request.candidates is None else request.candidates.shape[-1]
        most_rows = _SCORES_AT_ONCE // max(1, width)
        blocks = row_blocks(queries.n_rows, row_bytes, most_rows=most_rows)
        for rows in watched_blocks(blocks, self):
            part, columns = queries.take(rows), request.columns(rows)
            std = self._score_std(part, columns) if with_std or strategy == "ucb" else None
            scores = self._scores(part, 0 if strategy == "thompson" else None, columns)
            if strategy == "ucb" and std is not None:
                scores = scores + std
            request.mask(scores, part, rows)
            # what is longer than the catalogue is padding
            best = self._top_k(scores, min(request.n_items, scores.shape[1]))
            lists.put(rows, best, std, columns)

    def _top_k(self, scores: Array, k: int) -> tuple[Array, Array]:
        """Return the best k columns and their scores; torch models on CUDA may do it there."""
        return kernels.top_k(scores, k)

    @of_one_fit
    @shared_docs
    def score(self, X: Interactions | MatrixLike, y: Any = None) -> float:
        """Return NDCG@10.

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_users, n_items)
            Histories, when ``y`` holds targets; without them 20 % of each row is hidden and
            predicted from the rest. The entries of Interactions are the targets of users known
            from ``fit``, masked with what ``fit`` saw except the targets.
        %(targets)s

        Returns
        -------
        score : float
            Mean over the users that have targets; larger is better.
        """
        check_is_fitted(self)
        if not isinstance(X, Interactions):
            X = check_matrix(self, X, reset=False)
        return make_ranking_scorer("ndcg", k=10)(self, X, y)
