"""From the logits of a sampled or pairwise loss to probabilities of interactions."""

from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import expit, logit

from skrec.base.fields import Floats, Maybe, Number
from skrec.calibration._held_out import HeldOut
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
    of_users = _user_odds(history, n_negatives, probabilities)
    return of_users if probabilities is None else of_users + _item_odds(probabilities)


def _user_odds(history: CSRMatrix, n_negatives: float, probabilities: Array | None) -> Array:
    """Return the part of `sampling_log_odds` that a user's items share, of shape (n_rows, 1)."""
    n_rows, n_items = history.shape
    # half an interaction stands for none, and below half an item for nothing left to sample
    counts = np.maximum(np.diff(history.indptr)[:, None], 0.5)  # (n_rows, 1)
    if probabilities is None:
        return np.log(n_negatives * counts / np.maximum(n_items - counts, 0.5))
    q = np.asarray(probabilities, dtype=np.float64) / np.sum(probabilities)
    lacking = 1 - np.asarray((history != 0) @ q).reshape(n_rows, 1)
    return np.log(n_negatives * counts / np.maximum(lacking, q.min() / 2))


def _item_odds(probabilities: Array) -> Array:
    """Return the part of `sampling_log_odds` that an item's users share, of shape (n_items,)."""
    return np.log(np.asarray(probabilities, dtype=np.float64) / np.sum(probabilities))


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


class UserOffset(HeldOut):
    """The link of scores that lack a constant of each user (BPR, rows read at norm 1).

    The log odds are the scores and the offset under which the probabilities of a user would add
    up to the length of the history, see `user_offsets`. Held-out pairs set them right, see
    `HeldOut`.
    """

    by_pair = False
    by_score = False

    def _log_odds(
        self, model: Any, scores: Array, history: CSRMatrix, candidates: Array | None
    ) -> Array:
        totals = np.clip(np.diff(history.indptr), 0.5, scores.shape[1] - 0.5)
        return scores + user_offsets(scores, totals)[:, None]


class SamplingOdds(HeldOut):
    """The link of logits that were trained on sampled negatives: the sampling is undone.

    The log odds are the scores and what `sampling_log_odds` returns. Held-out pairs set them
    right, see `HeldOut`.

    Parameters
    ----------
    n_negatives : int
        Negatives a positive.

    Attributes
    ----------
    probabilities_ : ndarray of shape (n_items,) or None
        With which items were drawn as negatives; None is uniform.
    """

    by_score = False
    _fitted: ClassVar = {"n_negatives": Number(), "probabilities_": Maybe(Floats("items"))}

    def __init__(self, n_negatives: int) -> None:
        self.n_negatives = n_negatives

    def fit(self, model: Any, X: CSRMatrix) -> Self:
        self.probabilities_ = model.negative_probabilities_
        return super().fit(model, X)

    def _log_odds(
        self, model: Any, scores: Array, history: CSRMatrix, candidates: Array | None
    ) -> Array:
        odds = scores + _user_odds(history, self.n_negatives, self.probabilities_)
        if self.probabilities_ is None:
            return odds
        of_items = _item_odds(self.probabilities_)
        return odds + (of_items if candidates is None else of_items[candidates])
