"""The users that a scorer evaluates, with their targets and the scores of an estimator."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeGuard

import numpy as np
import scipy.sparse as sp

from skrec.interactions import Interactions
from skrec.metrics._check import as_csr, as_pattern, check_scores, no_nan
from skrec.metrics._engine import bytes_per_row
from skrec.metrics._hits import without
from skrec.metrics._known import (
    UnknownUsers,
    check_items,
    fitted_model,
    keep_known,
    predicts_ratings,
    seen_in_fit,
)
from skrec.metrics._relevance import Relevance
from skrec.typing import Array, CSRMatrix, MatrixLike
from skrec.utils import split_rows

__all__ = [
    "Histories",
    "KnownUsers",
    "Task",
    "histories_and_targets",
    "is_matrix",
    "make_task",
    "refuse_targets",
]

_EVERYTHING = Relevance()


def is_matrix(y: Any) -> TypeGuard[MatrixLike]:
    """Return whether y holds targets. One-dimensional labels are ignored by the scorers."""
    if isinstance(y, Interactions) or sp.issparse(y):
        return True
    if isinstance(y, type):
        raise TypeError(f"y must be a matrix of targets; got the class {y.__name__}")
    try:
        n_dimensions = np.ndim(y)
    except ValueError as error:  # NumPy's words name no parameter
        raise ValueError("y must have rows of one length; got a ragged list") from error
    if n_dimensions > 2:
        raise ValueError(f"y must be a matrix of targets; got {n_dimensions} dimensions")
    return n_dimensions == 2


def make_task(
    est: Any,
    X: Interactions | MatrixLike,
    y: Interactions | MatrixLike | None,
    seed: int,
    relevance: Relevance = _EVERYTHING,
    unknown_users: UnknownUsers = "warn",
) -> Task:
    """Return the users and targets that X and y stand for, without users that have no target."""
    est = fitted_model(est, "decision_function")
    if isinstance(X, Interactions):
        refuse_targets(y)
        return KnownUsers(est, X, relevance, unknown_users)
    check_items(est, y)
    history, held_out, name = _histories_and_held_out(X, y, seed, relevance.threshold is not None)
    implicit = not predicts_ratings(est)
    parts = relevance.split(held_out, name, history.shape, strengths=implicit)
    return Histories(est, history, *parts, relevance, unknown_users)


def refuse_targets(y: Any) -> None:
    """Raise where targets are given beside an Interactions."""
    if is_matrix(y):
        raise ValueError("y must be None where X is an Interactions: its entries are targets.")


def histories_and_targets(
    X: MatrixLike, y: Interactions | MatrixLike | None, seed: int
) -> tuple[CSRMatrix, CSRMatrix]:
    """Return the part of each row that the model sees, and the targets as a boolean matrix."""
    history, targets, name = _histories_and_held_out(X, y, seed)
    return history, as_pattern(targets, name, history.shape, strengths=True)


def _histories_and_held_out(
    X: MatrixLike, y: Interactions | MatrixLike | None, seed: int, keep_zeros: bool = False
) -> tuple[CSRMatrix, Interactions | MatrixLike, str]:
    """Return the part of each row that the model sees, the held-out part, and a name for it.

    A held-out part that the user passed as y is returned unchanged.
    """
    if is_matrix(y):
        return as_csr(X, "X", keep_zeros=True), y, "y"
    return *split_rows(as_csr(X, "X", keep_zeros=keep_zeros), 0.2, seed), "X"


class _UsersWithTargets:
    """Base of the tasks: row r of each matrix belongs to user ``users[r]``."""

    n_rows: int
    users: Array
    held_out: CSRMatrix
    targets: CSRMatrix
    seen: CSRMatrix

    def _keep_users(
        self,
        held_out: CSRMatrix,
        targets: CSRMatrix,
        seen: CSRMatrix,
        relevance: Relevance,
        unknown_users: UnknownUsers,
    ) -> None:
        self.n_rows = targets.shape[0]
        users = np.flatnonzero((np.diff(targets.indptr) > 0) & relevance.counts(held_out))
        known, of_fit = np.diff(seen.indptr)[users] > 0, isinstance(self, KnownUsers)
        self.users = users[keep_known(known, unknown_users, of_fit=of_fit)]
        self.held_out, self.targets = held_out[self.users], targets[self.users]
        self.seen = without(seen[self.users], self.targets)
        if len(self.users) == 0:
            raise ValueError(
                "No user has a target: X must leave at least one interaction to be found"
                f"{relevance.condition}."
                + (" unknown_users='skip' left out all others." if len(users) else "")
            )


class KnownUsers(_UsersWithTargets):
    """Users seen in fit, whose targets are the entries of an `Interactions`."""

    def __init__(
        self, est: Any, X: Interactions, relevance: Relevance, unknown_users: UnknownUsers
    ) -> None:
        seen = seen_in_fit(est, X)
        self.est, self.frame = est, X.frame
        parts = relevance.split(X, "X", strengths=not predicts_ratings(est))
        self._keep_users(*parts, seen, relevance, unknown_users)

    def scores(self, rows: slice, n_listed: int = 1) -> Array:
        """Return the scores of all items for a slice of the users, see `_scores_to_rank`."""
        users = self.users[rows]
        return _scores_to_rank(self.est, self.seen[rows], n_listed, users=users)

    def pair_scores(self, rows: slice, candidates: CSRMatrix) -> Array:
        """Return the scores of the stored entries of a block of candidates."""
        user = np.repeat(self.users[rows], np.diff(candidates.indptr))
        pairs = Interactions.from_arrays(user, candidates.indices, frame=self.frame)
        return _checked(self.est.decision_function(pairs), (len(pairs),))

    def pair_bytes(self, candidates: CSRMatrix) -> int:
        """Return the bytes of memory that the candidates of one user need at most."""
        return 64 * int(np.diff(candidates.indptr).max(initial=1))


class Histories(_UsersWithTargets):
    """Users given by their histories, whose targets are the entries of a second matrix."""

    def __init__(
        self,
        est: Any,
        history: CSRMatrix,
        held_out: CSRMatrix,
        targets: CSRMatrix,
        relevance: Relevance,
        unknown_users: UnknownUsers,
    ) -> None:
        self.est = est
        seen = as_pattern(history, "X", keep_zeros=True)
        self._keep_users(held_out, targets, seen, relevance, unknown_users)
        self.history = history[self.users]

    def scores(self, rows: slice, n_listed: int = 1) -> Array:
        """Return the scores of all items for a slice of the users, see `_scores_to_rank`."""
        return _scores_to_rank(self.est, self.seen[rows], n_listed, X=self.history[rows])

    def pair_scores(self, rows: slice, candidates: CSRMatrix) -> Array:
        """Return the scores of the stored entries of a block of candidates."""
        row = np.repeat(np.arange(candidates.shape[0]), np.diff(candidates.indptr))
        block = self.history[rows]
        scores = _checked(self.est.decision_function(block), block.shape)
        return scores[row, candidates.indices]

    def pair_bytes(self, candidates: CSRMatrix) -> int:
        """Return the bytes of memory that the scores of one user need."""
        return bytes_per_row(candidates.shape[1])


Task: TypeAlias = KnownUsers | Histories
"""Users with targets, of either kind."""


def _scores_to_rank(est: Any, seen: CSRMatrix, n_listed: int, **of: Any) -> Array:
    """Return scores of all items, in the order in which `recommend` would list them.

    Where its first stage decides what is worth many draws, the rest ties at the end.
    """
    n_passed = getattr(est, "_n_passed", None)
    if n_passed is None:
        return _checked(est.decision_function(**of), seen.shape)
    n_items = min(max(n_passed, n_listed), seen.shape[1])
    lists, values = est.recommend(
        n_items=n_items, exclude_seen=False, exclude=seen, return_scores=True, **of
    )
    scores = np.full(seen.shape, np.finfo(values.dtype).min)
    row, place = np.nonzero(lists >= 0)
    scores[row, lists[row, place]] = _checked(values[row, place], (len(row),))
    return scores


def _checked(scores: MatrixLike, shape: tuple[int, ...]) -> Array:
    """Return the result of decision_function as an array, after a check of it."""
    checked = check_scores(scores, shape, "The result of decision_function")
    no_nan(checked, "The result of decision_function")
    return checked
