"""What a scorer asks of an estimator: users, their targets, and scores for them."""

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array

from skrec.interactions import Interactions
from skrec.metrics._check import as_pattern, check_scores, no_nan
from skrec.metrics._engine import bytes_per_row
from skrec.metrics._hits import without
from skrec.metrics._relevance import Relevance
from skrec.utils import split_rows

__all__ = ["Histories", "KnownUsers", "as_csr", "histories_and_targets", "is_matrix", "make_task"]

_EVERYTHING = Relevance()


def is_matrix(y):
    """Tell whether y holds targets, rather than labels that are ignored."""
    return isinstance(y, Interactions) or sp.issparse(y) or np.ndim(y) == 2


def as_csr(X, name, *, keep_zeros=False):
    """Give a canonical CSR copy of a matrix, values as they are."""
    X = sp.csr_matrix(check_array(X, accept_sparse="csr", input_name=name), copy=True)
    X.sum_duplicates()
    if not keep_zeros:
        X.eliminate_zeros()
    return X


def make_task(est, X, y, seed, relevance=_EVERYTHING):
    """Choose the task that (X, y) stand for; rows without targets are left out."""
    if isinstance(X, Interactions):
        if is_matrix(y):
            raise ValueError("y must be None where X is an Interactions: its entries are targets.")
        return KnownUsers(est, X, relevance)
    history, held_out, name = _histories_and_held_out(X, y, seed, relevance.threshold is not None)
    return Histories(est, history, *relevance.split(held_out, name, history.shape), relevance)


def histories_and_targets(X, y, seed):
    """Give what is shown of each row, and the boolean matrix of what is to be found."""
    history, targets, name = _histories_and_held_out(X, y, seed)
    return history, as_pattern(targets, name, history.shape)


def _histories_and_held_out(X, y, seed, keep_zeros=False):
    """Give what is shown of each row, what is not as it came, and the name of that."""
    if is_matrix(y):
        return as_csr(X, "X", keep_zeros=True), y, "y"
    return *split_rows(as_csr(X, "X", keep_zeros=keep_zeros), 0.2, seed), "targets"


class _Task:
    """Users with targets; row r of all arrays belongs to user ``users[r]``."""

    def _keep_users(self, held_out, targets, seen, relevance):
        self.n_rows = targets.shape[0]
        self.users = np.flatnonzero((np.diff(targets.indptr) > 0) & relevance.counts(held_out))
        self.held_out, self.targets = held_out[self.users], targets[self.users]
        self.seen = without(seen[self.users], self.targets)
        if len(self.users) == 0:
            raise ValueError(
                "No user has a target: X must leave at least one interaction to be found"
                f"{relevance.condition}."
            )


class KnownUsers(_Task):
    """Users of fit, whose targets are the entries of an `Interactions`."""

    def __init__(self, est, X, relevance):
        while hasattr(est, "best_estimator_"):  # a fitted search, in nested cross-validation
            est = est.best_estimator_
        seen = as_pattern(est.interactions_, "interactions_", keep_zeros=True)
        if X.frame != seen.shape:
            raise ValueError(f"X must have the frame seen in fit, {seen.shape}, got {X.frame}.")
        self.est, self.frame = est, X.frame
        self._keep_users(*relevance.split(X, "X"), seen, relevance)

    def scores(self, rows):
        """Score all items for a slice of the users."""
        users = self.users[rows]
        scores = self.est.decision_function(users=users)
        return _checked(scores, (len(users), self.frame[1]))

    def pair_scores(self, rows, candidates):
        """Score the stored entries of a block of candidates."""
        user = np.repeat(self.users[rows], np.diff(candidates.indptr))
        pairs = Interactions.from_arrays(user, candidates.indices, frame=self.frame)
        return _checked(self.est.decision_function(pairs), (len(pairs),))

    def pair_bytes(self, candidates):
        """Give the memory that the candidates of one user need."""
        return 64 * int(np.diff(candidates.indptr).max(initial=1))


class Histories(_Task):
    """Users given by their histories, whose targets are entries of a second matrix."""

    def __init__(self, est, history, held_out, targets, relevance):
        self.est = est
        seen = as_pattern(history, "X", keep_zeros=True)
        self._keep_users(held_out, targets, seen, relevance)
        self.history = history[self.users]

    def scores(self, rows):
        """Score all items for a slice of the users."""
        block = self.history[rows]
        return _checked(self.est.decision_function(block), block.shape)

    def pair_scores(self, rows, candidates):
        """Score the stored entries of a block of candidates."""
        row = np.repeat(np.arange(candidates.shape[0]), np.diff(candidates.indptr))
        return self.scores(rows)[row, candidates.indices]

    def pair_bytes(self, candidates):
        """Give the memory that the scores of one user need."""
        return bytes_per_row(candidates.shape[1])


def _checked(scores, shape):
    """Look at what decision_function returned."""
    scores = check_scores(scores, shape, "The result of decision_function")
    no_nan(scores, "The result of decision_function")
    return scores
