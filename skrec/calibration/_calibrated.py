"""Calibrated probabilities for any recommender."""

from collections.abc import Callable
from dataclasses import field
from functools import partial
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted

from skrec.base import Link, Queries
from skrec.base.fields import Model
from skrec.calibration._maps import (
    MAP,
    MAPS,
    Sample,
    SigmoidMap,
    draw_unstored,
    evidence,
    hide_in_rows,
)
from skrec.calibration._wrapping import WrappingRecommender, recommender_in
from skrec.interactions import Interactions
from skrec.typing import Array, CSRMatrix, RandomState
from skrec.utils import row_blocks, row_of_entry

__all__ = ["CalibratedRecommender"]

_MAX_ROWS = 2000
_NEW = 0.1  # share of the users whom the clone does not see
_KNOWN = 0.2  # share of those whom it sees without the hidden entries: most are as they were,
_LEAST_KNOWN = 200  # unless there are few
_TIMES = 5  # so often entries of each of these are hidden
_LEAST_HITS = 50  # hidden entries that a map of its own for new users needs


class _Mapped(Link):
    """The link of a calibrated recommender, which applies its maps itself."""

    by_score = True

    def prior(self, model: Any) -> Array:
        if not model._predicts_ratings():
            return super().prior(model)
        return model.calibrator_.predict(model._inner()._prior_scores(), 0)


class CalibratedRecommender(WrappingRecommender):
    r"""Any recommender, its probabilities calibrated on held-out pairs.

    A share of the entries is hidden, a clone is fitted to the rest, and a rising map g takes the
    clone's probabilities to the rate of hidden entries among the pairs that are left. Then the
    recommender is fitted to everything, as by ``CalibratedClassifierCV(ensemble=False)``:

    .. math:: \hat p_{ui} = g(a x_{ui} + b + c_1 \log(1 + n_u) + c_2 \log^2(1 + n_u)),
        \qquad a \geq 0,

    with :math:`n_u` the length of the history and x the log odds of the recommender's
    probability, for the shares p of a categorical model :math:`\log n_u p_{ui}`, and the score
    where the probability is a calibrated score already. The ranking, and all that is not a
    probability, are the recommender's own.

    Attributes
    ----------
    estimator_ : object
        The fitted recommender.
    calibrator_ : object
        The map for histories, of users that ``fit`` need not have seen.
    known_calibrator_ : object
        The map for users of ``fit`` (``users=`` and pairs).
    interactions_ : csr_matrix of shape (n_users, n_items)
        What the recommender was fitted to.

    Raises
    ------
    ValueError
        If ``estimator`` is no recommender, or X has other items than a frozen one.

    See Also
    --------
    skrec.metrics.make_calibration_scorer : Judges the probabilities.
    skrec.inspection.ReliabilityDisplay : Shows them.

    Notes
    -----
    There are two maps, since a model that was fitted to a user without the hidden entries has
    learnt that they are absent. The clone is fitted without a tenth of the users, and without
    the hidden entries of a fifth of them, or of 200. From the first, whose entries are hidden up
    to five times, comes the map for histories, from the others the one for users whom the model
    knows (``users=``). Of each kind at most 2,000 users are used; where less than 50 entries
    of the first are hidden, the second map serves both. A frozen estimator has one map, from the
    histories. The maps of the clone suit the recommender where the two are much alike. They are
    less so before training has converged: scores then grow with the number of updates, and so
    with the number of users.

    `predict_proba` with ``return_std`` gives the deviation of calibrated probabilities: each
    posterior draw goes through the map. A history that is empty gets the share of the users who
    have each item. For rating models the map is fitted to whether held-out ratings reach
    ``relevance_threshold``, and no unstored pairs are drawn. The estimator is fitted to the
    canonical matrix of X, without timestamps.

    References
    ----------
    Platt, J. (1999). Probabilistic outputs for support vector machines and comparisons to
    regularized likelihood methods. Advances in Large Margin Classifiers.

    Zadrozny, B., & Elkan, C. (2002). Transforming classifier scores into accurate multiclass
    probability estimates. KDD. https://doi.org/10.1145/775047.775151

    Examples
    --------
    >>> from skrec import CalibratedRecommender, EASERecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.metrics import make_calibration_scorer
    >>> X = make_interactions(300, 60, 4000, random_state=0).X
    >>> est = CalibratedRecommender(EASERecommender(l2=50.0), method="isotonic").fit(X[:200])
    >>> est.recommend(X[200:202], n_items=3).shape
    (2, 3)
    >>> make_calibration_scorer("neg_brier")(est, X[200:]) > -0.1
    True
    """

    estimator: Annotated[
        Any,
        HasMethods(["fit", "predict_proba"]),
        "Recommender, or a search for one. A `sklearn.frozen.FrozenEstimator` is not fitted "
        "again: the X of ``fit`` are then histories to calibrate on, which it should not have "
        "seen.",
    ] = field(default=None, kw_only=False)
    method: Annotated[
        Literal["sigmoid", "isotonic"],
        "Kind of g: the logistic function, or rising steps fitted to its argument, which need "
        "more pairs and may tie probabilities.",
    ] = "sigmoid"
    hidden: Annotated[
        float,
        Interval(Real, 0, 1, closed="neither"),
        "Chance of each entry to be hidden. The probabilities are those of the pairs that a "
        "history lacks where this share of what the user has is not in it.",
    ] = 0.1
    n_unstored: Annotated[
        int | None,
        Interval(Integral, 1, None, closed="left"),
        "Pairs drawn for each row among those that it does not store, weighted by the inverse of "
        "the rate; None takes all.",
    ] = 200
    random_state: Annotated[
        RandomState,
        "random_state",
        "Source of the hidden entries and the drawn pairs. It is not handed to the estimator.",
    ] = 0

    _fitted: ClassVar = {
        "estimator_": Model(),
        "calibrator_": MAP,
        "known_calibrator_": MAP,
    }
    _link: ClassVar[type[Link]] = _Mapped

    @property
    def _categorical(self) -> bool:
        return self._inner().__sklearn_tags__().proba == "categorical"

    @property
    def _by_score(self) -> bool:
        """Whether the recommender's probabilities are calibrated scores themselves."""
        return self._inner()._new_link().by_score

    # fitting

    def _fit(self, X: CSRMatrix) -> None:
        frozen = isinstance(self.estimator, FrozenEstimator)
        self._check_inner(X, frozen)
        rng = check_random_state(self.random_state)
        active = rng.permutation(np.flatnonzero(np.diff(X.indptr) >= 2))
        n_new = min(len(active) if frozen else round(_NEW * len(active)), _MAX_ROWS)
        new = np.sort(active[:n_new])
        if frozen:
            self._calibrate_frozen(X[new], rng)
            return
        n_known = np.clip(round(_KNOWN * len(active)), _LEAST_KNOWN, _MAX_ROWS)
        known = active[n_new : n_new + n_known]
        known = self._fit_clone(X, new, known, rng)
        sample = self._of_rows(X[new], rng)
        self.known_calibrator_ = self._fit_map(known)
        self.calibrator_ = self._fit_map(sample if sample.n_hits >= _LEAST_HITS else known)
        estimator: Any = clone(self.estimator)
        self.estimator_ = estimator.fit(X)

    def _calibrate_frozen(self, X: CSRMatrix, rng: np.random.RandomState) -> None:
        self.estimator_ = self.estimator
        self.calibrator_ = self.known_calibrator_ = self._fit_map(self._of_rows(X, rng))
        inner = self._inner()
        self.interactions_, self.item_counts_ = inner.interactions_, inner.item_counts_

    def _fit_clone(
        self, X: CSRMatrix, new: Array, known: Array, rng: np.random.RandomState
    ) -> Sample:
        """Fit a clone without some users and without entries of others, and sample the latter."""
        kept = np.setdiff1d(np.arange(X.shape[0]), new)
        X, places = X[kept], np.sort(np.searchsorted(kept, known))
        shown, hidden = hide_in_rows(X, places, self.hidden, rng)
        estimator: Any = clone(self.estimator)
        self.estimator_ = estimator.fit(shown)
        row, column, *rest = self._draw(X[places], hidden[places], rng)
        pairs = Interactions.from_arrays(places[row], column, frame=X.shape)
        values = self._ask()(pairs)
        n_history = np.diff(shown.indptr)[pairs.user]
        return Sample(self._evidence(values, n_history), n_history, *rest)

    def _of_rows(self, X: CSRMatrix, rng: np.random.RandomState) -> Sample:
        """Sample users whom the fitted estimator need not know, few users several times."""
        X = X[np.repeat(np.arange(X.shape[0]), np.clip(_MAX_ROWS // max(X.shape[0], 1), 1, _TIMES))]
        shown, hidden = hide_in_rows(X, slice(None), self.hidden, rng)
        row, column, *rest = self._draw(X, hidden, rng)
        ask, values = self._ask(), np.empty(len(row))
        for block in row_blocks(X.shape[0], self._inner()._row_bytes()):
            inside = (row >= block.start) & (row < block.stop)
            dense = ask(shown[block])
            values[inside] = dense[row[inside] - block.start, column[inside]]
        n_history = np.diff(shown.indptr)[row]
        return Sample(self._evidence(values, n_history), n_history, *rest)

    def _ask(self) -> Callable:
        """Return the method of the recommender whose answers are calibrated."""
        inner = self._inner()
        return inner.decision_function if self._by_score else inner.predict_proba

    def _evidence(self, values: Array, n_history: Array) -> Array:
        if self._by_score:
            return np.asarray(values, dtype=np.float64)
        return evidence(values, n_history, self._categorical)

    def _check_inner(self, X: CSRMatrix, frozen: bool) -> None:
        inner: Any = recommender_in(self.estimator)
        if inner is None:
            raise ValueError(f"estimator must be a recommender of skrec; got {self.estimator!r}")
        if frozen:
            check_is_fitted(inner)
            if inner.n_features_in_ != X.shape[1]:
                raise ValueError(
                    f"X must have the {inner.n_features_in_} items of the frozen estimator; "
                    f"got {X.shape[1]}"
                )

    def _draw(
        self, X: CSRMatrix, hidden: CSRMatrix, rng: np.random.RandomState
    ) -> tuple[Array, Array, Array, Array]:
        """Return rows, columns, outcomes and weights of the pairs to calibrate on."""
        row, column = row_of_entry(hidden), hidden.indices
        if self._predicts_ratings():
            return row, column, hidden.data >= self.relevance_threshold, np.ones(len(row))
        free_row, free_column, stands_for = draw_unstored(X, self.n_unstored, rng)
        sizes = len(row), len(free_row)
        row, column = np.append(row, free_row), np.append(column, free_column)
        return row, column, np.repeat([True, False], sizes), np.repeat([1.0, stands_for], sizes)

    def _fit_map(self, sample: Sample) -> SigmoidMap:
        both = 0 < sample.n_hits < len(sample.outcome)
        return MAPS[self.method if both else "sigmoid"]().fit(sample)

    # probabilities

    def _row_bytes(self) -> int:
        return self._inner()._row_bytes() + 24 * self.n_features_in_

    def _few_are_cheap(self, of: str) -> bool:
        return self._inner()._few_are_cheap("scores" if self._by_score else "probabilities")

    def _probabilities(
        self, queries: Queries, draw: int | None = None, candidates: Array | None = None
    ) -> Array:
        inner, n_history = self._inner(), np.diff(queries.history.indptr)[:, None]
        function = inner._scores if self._by_score else inner._probabilities
        evidence = self._evidence(function(queries, draw, candidates), n_history)
        calibrator = self.calibrator_ if queries.users is None else self.known_calibrator_
        proba = calibrator.predict(evidence, n_history).astype(np.float32)
        return self._with_prior(proba, queries, candidates, partial(self.link_.prior, self))
