"""From the logits of a sampled or pairwise loss to probabilities of interactions."""

from typing import Any, Self

import numpy as np
from scipy.special import expit, logit

from skrec.base import BaseRecommender, Link, Queries
from skrec.typing import Array, CSRMatrix

__all__ = ["SamplingOdds", "UserOffset", "sampling_log_odds", "user_offsets"]

_ITERATIONS = 60  # halvings of a bracket in float64, the Newton steps in between save most


def sampling_log_odds(
    history: CSRMatrix, n_negatives: int, probabilities: Array | None = None
) -> Array:
    r"""Return what sampled negatives leave out of the logits of a pointwise model.

    A model trained on every positive and on K negatives a positive, drawn from q among the items
    that the user lacks, learns the odds of that sample. The odds of an interaction follow with

    .. math:: \operatorname{logit} p_{ui} = f_{ui} + \log(K n_u q_u(i)), \qquad
        q_u(i) = \frac{q(i)}{1 - \sum_{j \in I_u} q(j)}.

    For uniform q the second term is :math:`\log(K n_u / (I - n_u))`, the same for all items of a
    user.

    Parameters
    ----------
    history : csr_matrix of shape (n_rows, n_items)
        What each user has.
    n_negatives : float
        Negatives K a positive.
    probabilities : ndarray of shape (n_items,), default=None
        The distribution q; None means uniform.

    Returns
    -------
    log_odds : ndarray of shape (n_rows, 1) or (n_rows, n_items)
        To be added to the logits.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec.calibration import sampling_log_odds
    >>> sampling_log_odds(sp.csr_matrix([[1, 1, 0, 0]]), n_negatives=1)
    array([[0.]])
    """
    n_rows, n_items = history.shape
    # half an interaction stands for none, and below half an item for nothing left to sample
    counts = np.maximum(np.diff(history.indptr)[:, None], 0.5)  # (n_rows, 1)
    if probabilities is None:
        return np.log(n_negatives * counts / np.maximum(n_items - counts, 0.5))
    q = np.asarray(probabilities, dtype=np.float64) / np.sum(probabilities)
    lacking = 1 - np.asarray((history != 0) @ q).reshape(n_rows, 1)
    return np.log(n_negatives * counts / np.maximum(lacking, q.min() / 2)) + np.log(q)


def user_offsets(logits: Array, totals: Array) -> Array:
    r"""Solve for the offset of each user under which the probabilities add up.

    A pairwise loss fixes logits up to a constant a user; :math:`b_u` is the root of
    :math:`\sum_i \sigma(s_{ui} + b_u) = n_u`.

    Parameters
    ----------
    logits : ndarray of shape (n_rows, n_items)
        The scores s, in units of logits.
    totals : ndarray of shape (n_rows,)
        What the probabilities of each row must add up to, in (0, n_items).

    Returns
    -------
    offsets : ndarray of shape (n_rows,)
        The roots.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.calibration import user_offsets
    >>> user_offsets(np.zeros((1, 4)), np.array([2.0])).round(6) + 0.0
    array([0.])
    """
    logits = np.asarray(logits, dtype=np.float64)
    rate = logit(np.asarray(totals, dtype=np.float64) / logits.shape[1])
    low, high = rate - logits.max(axis=1), rate - logits.min(axis=1)
    offset = (low + high) / 2
    for _ in range(_ITERATIONS):
        proba = expit(logits + offset[:, None])
        excess = proba.sum(axis=1) - totals
        low, high = np.where(excess < 0, offset, low), np.where(excess < 0, high, offset)
        if np.all(np.abs(excess) <= 1e-9 * totals):
            break
        slope = (proba * (1 - proba)).sum(axis=1)
        newton = offset - excess / np.maximum(slope, 1e-300)
        inside = (newton > low) & (newton < high)
        offset = np.where(inside, newton, (low + high) / 2)
    return offset


class UserOffset(Link):
    """The link of scores that lack a constant of each user (BPR, rows read at norm 1).

    The offset is that under which the probabilities of a user add up to the length of the history,
    see `user_offsets`.
    """

    def probabilities(
        self,
        model: BaseRecommender,
        scores: Array,
        queries: Queries,
        candidates: Array | None = None,
    ) -> Array:
        totals = np.clip(np.diff(queries.history.indptr), 0.5, scores.shape[1] - 0.5)
        return expit(scores + user_offsets(scores, totals)[:, None])


class SamplingOdds(Link):
    """The link of logits that were trained on sampled negatives: the sampling is undone.

    See `sampling_log_odds`.

    Parameters
    ----------
    n_negatives : int
        Negatives a positive.

    Attributes
    ----------
    probabilities_ : ndarray of shape (n_items,) or None
        With which items were drawn as negatives; None is uniform.
    """

    by_pair = True

    def __init__(self, n_negatives: int) -> None:
        self.n_negatives = n_negatives

    def fit(self, model: Any, X: CSRMatrix) -> Self:
        self.probabilities_ = model.negative_probabilities_
        return self

    def probabilities(
        self,
        model: BaseRecommender,
        scores: Array,
        queries: Queries,
        candidates: Array | None = None,
    ) -> Array:
        # of shape (n_rows, 1) or (n_rows, n_items)
        odds = sampling_log_odds(queries.history, self.n_negatives, self.probabilities_)
        if candidates is None:
            return expit(scores + odds)
        odds = np.broadcast_to(odds, (len(scores), queries.history.shape[1]))
        if candidates.ndim == 1:
            return expit(scores + odds[:, candidates])
        return expit(scores + np.take_along_axis(odds, candidates, axis=1))
