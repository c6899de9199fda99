"""Held-out pairs that training is watched on."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec.base import Queries
from skrec.interactions import Interactions
from skrec.metrics import evaluate_ranking
from skrec.neural._validation_set import check_targets, warn_unwatched
from skrec.training import NegativeSampler
from skrec.typing import Array, CSRMatrix
from skrec.utils import check_memory, has_entries, row_blocks, row_of_entry, take_entries

__all__ = ["PairValidation", "given_pairs", "hold_out_pairs"]

_MAX_USERS = 500


class PairValidation:
    """Pairs to be found, among all items or among drawn candidates.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        What is trained on.
    targets : csr_matrix of shape (n_users, n_items)
        The pairs.
    metric : str
        Such as ``"ndcg@10"``.
    n_candidates : int or None
        Rank each target among so many items that the user lacks; None ranks all items.
    rng : RandomState
        Source of the candidates.
    """

    def __init__(
        self,
        X: CSRMatrix,
        targets: CSRMatrix,
        metric: str,
        n_candidates: int | None,
        rng: np.random.RandomState,
    ) -> None:
        self.metric = metric
        self.name = f"valid_{metric}" if n_candidates is None else f"valid_sampled_{metric}"
        if n_candidates is None:
            self.users = np.flatnonzero(np.diff(targets.indptr))
            self.targets, self.candidates = targets[self.users], None
        else:
            users = row_of_entry(targets)
            sampler = NegativeSampler(sp.csr_matrix(X + targets))
            able = sampler.n_free[users] > 0
            if not able.any():
                raise ValueError(
                    "X must leave a validated user an item to draw where validation_candidates="
                    f"{n_candidates}; got users who have everything"
                )
            self.users = users[able]
            what = f"validation_candidates={n_candidates}"
            n_bytes = 32.0 * len(self.users) * n_candidates
            check_memory(n_bytes, what, "choose fewer, or None for all items")
            drawn = sampler.draw(self.users, n_candidates, rng)
            self.candidates = np.column_stack([targets.indices[able], drawn]).astype(np.int64)
            hit = np.zeros(self.candidates.shape)
            hit[:, 0] = 1
            self.targets = sp.csr_matrix(hit)
        self.history = X[self.users]

    def evaluate(
        self, score: Callable[[Queries, Array | None], Array], bytes_per_row: int
    ) -> float:
        """Return the mean of the metric.

        Parameters
        ----------
        score : callable
            Takes queries and candidates (None for all items) and returns their scores.
        bytes_per_row : int
            Memory that a row of scores takes.

        Returns
        -------
        value : float
            The mean over users.
        """
        values = []
        for rows in row_blocks(len(self.users), bytes_per_row):
            history = self.history[rows]
            queries = Queries(history, history, self.users[rows])
            candidates = None if self.candidates is None else self.candidates[rows]
            scores = np.array(score(queries, candidates), dtype=np.float32)
            if not np.isfinite(scores).all():
                return float("nan")
            seen = history if candidates is None else None
            answer = evaluate_ranking(
                self.targets[rows], scores, metrics=(self.metric,), exclude=seen
            )
            values.append(answer[self.metric])
        return float(np.mean(np.concatenate(values))) if values else float("nan")


def hold_out_pairs(
    X: CSRMatrix, fraction: float, rng: np.random.RandomState
) -> tuple[CSRMatrix, CSRMatrix]:
    """Choose one entry each of a share of the users with two or more, of at most 500.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        All entries.
    fraction : float
        Share of the users.
    rng : RandomState
        Source of the draw.

    Returns
    -------
    train, targets : csr_matrix of shape (n_users, n_items)
        Entries to train on, and those held out: none where no user has two.

    Warns
    -----
    SkrecWarning
        If no user has two.
    """
    able = np.flatnonzero(np.diff(X.indptr) >= 2)
    if len(able) == 0:
        warn_unwatched("no user in X has two interactions or more", fraction)
        return X, sp.csr_matrix(X.shape, dtype=X.dtype)
    users = rng.permutation(able)[: min(max(1, round(fraction * len(able))), _MAX_USERS)]
    chosen = X.indptr[users] + rng.randint(np.diff(X.indptr)[users])
    kept = np.ones(X.nnz, dtype=bool)
    kept[chosen] = False
    hidden = np.zeros(X.shape[0], dtype=X.indptr.dtype)
    hidden[users] = 1
    return _part(X, kept, np.diff(X.indptr) - hidden), _part(X, np.sort(chosen), hidden)


def _part(X: CSRMatrix, entries: Array, lengths: Array) -> CSRMatrix:
    """Return the matrix of some entries, of which each row has a number; no row of each is made."""
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    return sp.csr_matrix((X.data[entries], X.indices[entries], indptr), shape=X.shape)


def given_pairs(estimator: Any, data: Any, X: CSRMatrix) -> tuple[CSRMatrix, CSRMatrix]:
    """Turn the parameter ``validation_data`` into what is trained on and targets."""
    if not isinstance(data, Interactions) or data.frame != X.shape:
        came = data.frame if isinstance(data, Interactions) else type(data).__name__
        raise ValueError(
            f"validation_data must be Interactions in the frame of X, {X.shape}, for "
            f"{type(estimator).__name__}, which learns a vector for each user of X; got {came}"
        )
    targets = check_targets(estimator, data)
    row = row_of_entry(targets)
    new = ~has_entries(X, row, targets.indices)
    if not new.any():
        raise ValueError(
            f"validation_data must hold a pair that X lacks; got {len(data)}, none of them new"
        )
    return X, take_entries(targets, row, new)
