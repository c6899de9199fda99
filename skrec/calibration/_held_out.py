"""Probabilities from scores: a logistic fit on held-out pairs."""

from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import expit, logit
from sklearn.utils import check_random_state

from skrec.base import BaseRecommender, Link, Queries, check_has_interactions, lists_of_pairs
from skrec.base.fields import Floats, Number
from skrec.calibration._logistic import fit_logistic
from skrec.typing import Array, CSRMatrix
from skrec.utils import has_entries, hide_entries, row_blocks, row_of_entry

__all__ = ["HeldOut"]

_HIDDEN = 0.1  # each entry's chance to be hidden: a share of a short row would be at least one
_HITS = 5000  # hidden entries that are aimed at, within the bounds on rows:
_LEAST_ROWS, _MOST_ROWS = 400, 2000
_TIMES = 3  # at most so often entries of one row are hidden
_LEAST_ITEMS = 500
_UNSTORED_PER_ROW, _MOST_UNSTORED = 100, 40_000  # eight a hit: more would hardly tell more
# Users between these quantiles of activity share a line; few users allow no more than one line.
_KNOTS, _FEW_KNOTS = (0, 0.2, 0.4, 0.6, 0.8, 0.95, 1), (0, 1)
_USERS_PER_KNOT = 30
_MOST_ODDS = 16.0  # of more, float32 would make a certainty


class HeldOut(Link):
    r"""The link of every model of interactions: log odds, set right by held-out pairs.

    A tenth of the entries of 400 to 2,000 rows is hidden, as many rows as give 5,000 hidden
    entries; where there are fewer, each counts up to three times. The rows are scored without
    them, and :math:`\ln p / (1 - p)` is regressed on the log odds x that the scores stand for, and
    on the length of the history,

    .. math:: a x_{ui} + b(n_u), \qquad a \geq 0,

    for hidden pairs (1) and drawn pairs that are not stored (0). So the probability is that of a
    pair that the history lacks, where a tenth of what the user has is hidden. The function b is
    linear in :math:`\ln(1 + n)` between quintiles of activity, so that probabilities add up to
    what is hidden in each of them. The first line goes on to users who are less active than all
    of the sample; those who are more active count as the most active.

    Here x is the score. A subclass for a likelihood that gives more writes ``_log_odds``. A model
    that has learnt from what is hidden leaves these users out in ``_held_out_scores`` or
    ``_held_out_pairs``.

    Attributes
    ----------
    slope_ : float
        The coefficient a. Where the model ``_calibrates_late``, and after ``partial_fit``, this and
        the others are fitted by the first `probabilities`, to the same values.
    knots_ : ndarray of shape (n_knots,)
        Values of :math:`\ln(1 + n)`.
    offsets_ : ndarray of shape (n_knots,)
        The b there.
    """

    by_pair = True
    by_score = True
    _fitted: ClassVar = {"knots_": Floats("knots"), "offsets_": Floats("knots"), "slope_": Number()}

    def fit(self, model: BaseRecommender, X: CSRMatrix) -> Self:
        return self if model._calibrates_late else self._calibrate(model, X)

    def _calibrate(self, model: BaseRecommender, X: CSRMatrix) -> Self:
        rng = check_random_state(0)
        rows = _draw_rows(X, rng)
        history, hidden = hide_entries(X[rows], _HIDDEN, rng)
        left = np.flatnonzero(np.diff(history.indptr))  # the others get the prior
        rows, history, hidden = rows[left], history[left], hidden[left]
        lengths = np.diff(history.indptr)
        n_items = max(int(model._calibrated_items * X.shape[1]), min(_LEAST_ITEMS, X.shape[1]))
        pairs = _pairs(X[rows], hidden, n_items, rng)
        if pairs is None:
            density = X.nnz / np.prod(X.shape)
            knots, offsets = np.zeros(1), logit(np.clip([density], 1e-6, 1 - 1e-6))
            slope = 0.0
        else:
            row, column, labels, weight = pairs
            odds = self._held_out_odds(model, history, rows, row, column)
            knots = _knots(lengths, len(np.unique(rows)))
            features = np.column_stack([odds, _hats(lengths, knots)[row, 1:]])
            (slope, *rises), level = fit_logistic(features, labels, weight)
            offsets = level + np.append(0.0, rises)
        self.knots_, self.offsets_ = _down_to_one(knots, offsets)
        self.slope_ = float(slope)  # the last, by which other threads see that all are there
        return self

    def complete(self, model: BaseRecommender) -> None:
        if not hasattr(self, "slope_"):
            check_has_interactions(model, "probabilities must be calibrated before")
            # after partial_fit a model lacks what only held-out pairs need
            whole = model._untidied() if model._working_arrays else model
            self._calibrate(whole, model.interactions_)

    def _log_odds(
        self, model: Any, scores: Array, history: CSRMatrix, candidates: Array | None
    ) -> Array:
        """Return the log odds that scores of all items or of candidates stand for.

        Parameters
        ----------
        model : BaseRecommender
            The fitted model.
        scores : ndarray of shape (n_rows, n_items) or (n_rows, m)
            Scores of all items; of candidates only where ``by_pair`` is True.
        history : csr_matrix of shape (n_rows, n_items)
            What the users have.
        candidates : ndarray of int64 of shape (m,) or (n_rows, m) or None
            The items that were scored, padded with -1.

        Returns
        -------
        log_odds : ndarray of the shape of ``scores``
            They rise with the scores within a row, or the ranking would change.
        """
        return scores

    def _held_out_odds(
        self, model: BaseRecommender, history: CSRMatrix, rows: Array, row: Array, column: Array
    ) -> Array:
        """Return the log odds of pairs, sorted by row, of histories that lack some entries."""
        if self.by_pair:
            lists, place = lists_of_pairs(row, column, len(rows))
            scores = np.zeros(lists.shape)
            scores[row, place] = model._held_out_pairs(history, rows, row, column)
            return self._log_odds(model, scores, history, lists)[row, place]
        odds = np.empty(len(row))
        for block in row_blocks(len(rows), model._row_bytes()):
            inside = slice(*np.searchsorted(row, [block.start, block.stop]))
            scores = model._held_out_scores(history[block], rows[block])
            dense = self._log_odds(model, scores, history[block], None)
            odds[inside] = dense[row[inside] - block.start, column[inside]]
        return odds

    def probabilities(
        self,
        model: BaseRecommender,
        scores: Array,
        queries: Queries,
        candidates: Array | None = None,
    ) -> Array:
        self.complete(model)
        activity = np.log1p(np.diff(queries.history.indptr))
        offset = np.interp(activity, self.knots_, self.offsets_)[:, None]
        odds = self._log_odds(model, scores, queries.history, candidates)
        odds = odds.dtype.type(self.slope_) * odds + offset.astype(odds.dtype)
        return expit(np.minimum(odds, _MOST_ODDS, dtype=odds.dtype))


def _knots(lengths: Array, n_users: int) -> Array:
    """Return values of log(1 + n) between which offsets are lines, increasing."""
    quantiles = _KNOTS if n_users >= _USERS_PER_KNOT * len(_KNOTS) else _FEW_KNOTS
    return np.unique(np.quantile(np.log1p(lengths), quantiles))


def _down_to_one(knots: Array, offsets: Array) -> tuple[Array, Array]:
    """Draw the first line on to histories of one entry."""
    shortest = np.log(2.0)
    if len(knots) < 2 or knots[0] <= shortest:
        return knots, offsets
    rise = np.clip((offsets[1] - offsets[0]) / (knots[1] - knots[0]), -1, 2)
    first = offsets[0] - rise * (knots[0] - shortest)
    return np.append(shortest, knots), np.append(first, offsets)


def _hats(lengths: Array, knots: Array) -> Array:
    """Return the shares of the knots in each row's offset, of shape (n_rows, n_knots)."""
    activity = np.log1p(lengths)
    return np.column_stack([np.interp(activity, knots, unit) for unit in np.eye(len(knots))])


def _draw_rows(X: CSRMatrix, rng: np.random.RandomState) -> Array:
    """Draw rows with entries, fewer where they are long, each several times where all are few.

    Without those of one entry, short histories would all be of users of whom more is hidden.
    """
    lengths = np.diff(X.indptr)
    rows = np.flatnonzero(lengths)
    n_hidden = max(_HIDDEN * lengths[rows].mean(), 1e-9) if len(rows) else 1.0
    n_rows = int(np.clip(_HITS / n_hidden, _LEAST_ROWS, _MOST_ROWS))
    times = np.clip(n_rows // max(len(rows), 1), 1, _TIMES)
    return np.repeat(np.sort(rng.permutation(rows)[:n_rows]), times)


def _pairs(
    X: CSRMatrix, hidden: CSRMatrix, n_items: int, rng: np.random.RandomState
) -> tuple[Array, Array, Array, Array] | None:
    """Return held-out pairs of some items, all that are hidden and up to 40,000 others.

    They are sorted by row, with their labels and weights, the inverse of the rate at which a kind
    was drawn; None where one kind lacks.
    """
    items = np.sort(rng.permutation(X.shape[1])[:n_items])
    n_unstored = min(_UNSTORED_PER_ROW, _MOST_UNSTORED // X.shape[0])  # a row
    row, column = _draw_unstored(X, items, n_unstored, rng)
    chosen = np.isin(hidden.indices, items)
    n_hidden = int(np.count_nonzero(chosen))
    if n_hidden == 0 or len(row) == 0:
        return None
    labels = np.repeat([True, False], [n_hidden, len(row)])
    row = np.concatenate([row_of_entry(hidden)[chosen], row])
    column = np.concatenate([hidden.indices[chosen], column])
    order = np.argsort(row, kind="stable")
    weight = np.where(labels, 1.0, n_items / n_unstored)
    return row[order], column[order], labels[order], weight[order]


def _draw_unstored(
    X: CSRMatrix, items: Array, n: int, rng: np.random.RandomState
) -> tuple[Array, Array]:
    """Draw pairs of some items uniformly, n a row, and return those that X does not store."""
    row = np.repeat(np.arange(X.shape[0]), n)
    column = items[rng.randint(len(items), size=len(row))]
    free = ~has_entries(X, row, column)
    return row[free], column[free]
