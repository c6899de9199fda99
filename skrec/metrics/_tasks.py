"""The users that a scorer evaluates, with their targets and the scores of an estimator."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeGuard

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array

from skrec.interactions import Interactions
from skrec.metrics._check import as_pattern, check_scores, no_nan
from skrec.metrics._engine import bytes_per_row
from skrec.metrics._hits import without
from skrec.metrics._relevance import Relevance
from skrec.typing import Array, CSRMatrix, MatrixLike
from skrec.utils import split_rows

__all__ = [
    "Histories",
    "KnownUsers",
    "Task",
    "as_csr",
    "histories_and_targets",
    "is_matrix",
    "make_task",
]

_EVERYTHING = Relevance()


def is_matrix(y: Any) -> TypeGuard[MatrixLike]:
    """Return whether y holds targets. One-dimensional labels are ignored by the scorers."""
    return isinstance(y, Interactions) or sp.issparse(y) or np.ndim(y) == 2


def as_csr(X: MatrixLike, name: str, *, keep_zeros: bool = False) -> CSRMatrix:
    """Return a copy of a matrix in canonical CSR form, with its values as they are."""
    matrix = check_array(
        X,
        accept_sparse="csr",  # pyright: ignore[reportArgumentType]
        input_name=name,
    )
    matrix = sp.csr_matrix(matrix, copy=True)
    matrix.sum_duplicates()
    if not keep_zeros:
        matrix.eliminate_zeros()
    return matrix


def make_task(
    est: Any,
    X: Interactions | MatrixLike,
    y: Interactions | MatrixLike | None,
    seed: int,
    relevance: Relevance = _EVERYTHING,
) -> Task:
    """Return the users and targets that X and y stand for, without users that have no target."""
    if isinstance(X, Interactions):
        if is_matrix(y):
            raise ValueError("y must be None where X is an Interactions: its entries are targets.")
        return KnownUsers(est, X, relevance)
    history, held_out, name = _histories_and_held_out(X, y, seed, relevance.threshold is not None)
    return Histories(est, history, *relevance.split(held_out, name, history.shape), relevance)


def histories_and_targets(
    X: MatrixLike, y: Interactions | MatrixLike | None, seed: int
) -> tuple[CSRMatrix, CSRMatrix]:
    """Return the part of each row that the model sees, and the targets as a boolean matrix."""
    history, targets, name = _histories_and_held_out(X, y, seed)
    return history, as_pattern(targets, name, history.shape)


def _histories_and_held_out(
    X: MatrixLike, y: Interactions | MatrixLike | None, seed: int, keep_zeros: bool = False
) -> tuple[CSRMatrix, Interactions | MatrixLike, str]:
    """Return the part of each row that the model sees, the held-out part, and a name for it.

    A held-out part that the user passed as y is returned unchanged.
    """
    if is_matrix(y):
        return as_csr(X, "X", keep_zeros=True), y, "y"
    return *split_rows(as_csr(X, "X", keep_zeros=keep_zeros), 0.2, seed), "targets"


class _UsersWithTargets:
    """Base of the tasks: row r of each matrix belongs to user ``users[r]``."""

    n_rows: int
    users: Array
    held_out: CSRMatrix
    targets: CSRMatrix
    seen: CSRMatrix

    def _keep_users(
        self, held_out: CSRMatrix, targets: CSRMatrix, seen: CSRMatrix, relevance: Relevance
    ) -> None:
        self.n_rows = targets.shape[0]
        self.users = np.flatnonzero((np.diff(targets.indptr) > 0) & relevance.counts(held_out))
        self.held_out, self.targets = held_out[self.users], targets[self.users]
        self.seen = without(seen[self.users], self.targets)
        if len(self.users) == 0:
            raise ValueError(
                "No user has a target: X must leave at least one interaction to be found"
                f"{relevance.condition}."
            )


class KnownUsers(_UsersWithTargets):
    """Users seen in fit, whose targets are the entries of an `Interactions`."""

    def __init__(self, est: Any, X: Interactions, relevance: Relevance) -> None:
        while hasattr(est, "best_estimator_"):  # a fitted search, inside another cross-validation
            est = est.best_estimator_
        seen = as_pattern(est.interactions_, "interactions_", keep_zeros=True)
        if X.frame != seen.shape:
            raise ValueError(f"X must have the frame seen in fit, {seen.shape}, got {X.frame}.")
        self.est, self.frame = est, X.frame
        self._keep_users(*relevance.split(X, "X"), seen, relevance)

    def scores(self, rows: slice) -> Array:
        """Return the scores of all items for a slice of the users."""
        users = self.users[rows]
        scores = self.est.decision_function(users=users)
        return _checked(scores, (len(users), self.frame[1]))

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
    ) -> None:
        self.est = est
        seen = as_pattern(history, "X", keep_zeros=True)
        self._keep_users(held_out, targets, seen, relevance)
        self.history = history[self.users]

    def scores(self, rows: slice) -> Array:
        """Return the scores of all items for a slice of the users."""
        block = self.history[rows]
        return _checked(self.est.decision_function(block), block.shape)

    def pair_scores(self, rows: slice, candidates: CSRMatrix) -> Array:
        """Return the scores of the stored entries of a block of candidates."""
        row = np.repeat(np.arange(candidates.shape[0]), np.diff(candidates.indptr))
        return self.scores(rows)[row, candidates.indices]

    def pair_bytes(self, candidates: CSRMatrix) -> int:
        """Return the bytes of memory that the scores of one user need."""
        return bytes_per_row(candidates.shape[1])


Task: TypeAlias = KnownUsers | Histories
"""Users with targets, of either kind."""


def _checked(scores: MatrixLike, shape: tuple[int, ...]) -> Array:
    """Return the result of decision_function as an array, after a check of it."""
    checked = check_scores(scores, shape, "The result of decision_function")
    no_nan(checked, "The result of decision_function")
    return checked
