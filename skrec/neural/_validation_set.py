"""Held-out users that training is watched on."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec.base import check_matrix
from skrec.exceptions import SkrecWarning
from skrec.interactions import Interactions, different_ids
from skrec.metrics import evaluate_ranking
from skrec.typing import Array, CSRMatrix
from skrec.utils import has_entries, row_blocks, row_of_entry, split_rows

__all__ = [
    "ValidationSet",
    "check_targets",
    "choose_rows",
    "given_validation",
    "hold_out_rows",
    "warn_unwatched",
]

_MAX_ROWS = 500


class ValidationSet:
    """Histories and targets, and the metric of any scorer of histories on them.

    Parameters
    ----------
    history, targets : csr_matrix of shape (n_rows, n_items)
        What is shown and what is to be found.
    metric : str
        Such as ``"ndcg@100"``.
    bytes_per_row : int
        Memory that a row of scores takes.
    trained : ndarray of bool of shape (n_users,)
        Which rows of the data are trained on.
    """

    def __init__(
        self,
        history: CSRMatrix,
        targets: CSRMatrix,
        metric: str,
        bytes_per_row: int,
        trained: Array,
    ) -> None:
        kept = np.diff(targets.indptr) > 0
        self.history = history[kept]
        self.targets = targets[kept]
        self.metric = metric
        self.bytes_per_row = bytes_per_row
        self.trained = trained

    def evaluate(self, score: Callable[[CSRMatrix], Array]) -> float:
        """Return the mean of the metric.

        Parameters
        ----------
        score : callable
            Takes histories and gives scores of shape (n_rows, n_items).

        Returns
        -------
        value : float
            The mean over users.
        """
        values = []
        for rows in row_blocks(self.history.shape[0], self.bytes_per_row):
            history, targets = self.history[rows], self.targets[rows]
            scores = np.array(score(history), dtype=np.float32)
            if not np.isfinite(scores).all():
                return float("nan")
            answer = evaluate_ranking(targets, scores, metrics=(self.metric,), exclude=history)
            values.append(answer[self.metric])
        return float(np.mean(np.concatenate(values)))


def choose_rows(X: CSRMatrix, fraction: float, rng: np.random.RandomState) -> Array:
    """Choose rows to validate on: a share of those with two entries or more, at most 500.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        All rows.
    fraction : float
        Share to hold out.
    rng : RandomState
        Source of the draw.

    Returns
    -------
    chosen : ndarray of bool of shape (n_users,)
        The mask.
    """
    able = np.flatnonzero(np.diff(X.indptr) >= 2)
    n_rows = min(max(1, round(fraction * len(able))), _MAX_ROWS)
    if len(able) == 0 or X.shape[0] < 2:
        raise ValueError(
            "X must have two users or more, one of them with two interactions or more, to hold "
            f"out validation_fraction={fraction}; got {X.shape[0]} users"
        )
    chosen = np.zeros(X.shape[0], dtype=bool)
    chosen[rng.permutation(able)[:n_rows]] = True
    return chosen


def hold_out_rows(
    X: CSRMatrix, fraction: float, rng: np.random.RandomState
) -> tuple[CSRMatrix, CSRMatrix]:
    """Split rows into those to train on and those to validate on, by `choose_rows`.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        All rows.
    fraction : float
        Share to hold out.
    rng : RandomState
        Source of the draw.

    Returns
    -------
    train : csr_matrix
        Rows to train on.
    held_out : csr_matrix
        Rows to validate on.
    """
    chosen = choose_rows(X, fraction, rng)
    return X[~chosen], X[chosen]


def warn_unwatched(why: str, fraction: float) -> None:
    """Warn that there is nothing to hold out, so that early stopping cannot stop.

    Parameters
    ----------
    why : str
        What the data lack.
    fraction : float
        The parameter ``validation_fraction``.

    Warns
    -----
    SkrecWarning
        Always.
    """
    warnings.warn(
        f"{why}, so that validation_fraction={fraction:g} holds out nothing: training takes all "
        "max_epochs, as with early_stopping=False",
        SkrecWarning,
        stacklevel=9,
    )


def check_targets(estimator: Any, data: Interactions) -> CSRMatrix:
    """Return the matrix of Interactions whose users and items are to be those of ``fit``."""
    side = different_ids(estimator.encoder_, data.encoder)
    if side is not None:
        raise ValueError(
            f"validation_data must have the {side} ids that X has, in their order; got "
            "Interactions of another encoder. Make both with one: encoder.fit(train), then "
            "encoder.transform(validation)."
        )
    return check_given(estimator, data)


def check_given(estimator: Any, data: Any) -> CSRMatrix:
    """Return the matrix of ``validation_data``, or of a part of it, checked as X is in ``fit``."""
    try:
        return check_matrix(estimator, data, reset=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"validation_data must be as X has to be: {error}") from error


def given_validation(estimator: Any, data: Any, X: CSRMatrix) -> tuple[CSRMatrix, CSRMatrix]:
    """Turn the parameter ``validation_data`` into histories and targets."""
    if isinstance(data, Interactions):
        if data.frame != X.shape:
            raise ValueError(
                f"validation_data must be in the frame of X, {X.shape}; got {data.frame}"
            )
        return _with_news(X, check_targets(estimator, data))
    if isinstance(data, tuple):
        if len(data) != 2:
            raise ValueError(
                "validation_data must be a pair of histories and targets, a matrix, or "
                f"Interactions; got a tuple of {len(data)}"
            )
        history, targets = (check_given(estimator, part) for part in data)
        if history.shape != targets.shape:
            raise ValueError(
                "validation_data must hold histories and targets of one shape; got "
                f"{history.shape} and {targets.shape}"
            )
        return _with_news(history, targets)
    return _with_news(*split_rows(sp.csr_matrix(check_given(estimator, data))))


def _with_news(history: CSRMatrix, targets: CSRMatrix) -> tuple[CSRMatrix, CSRMatrix]:
    """Return histories and targets after a check that a target is new to its history."""
    if has_entries(history, row_of_entry(targets), targets.indices).all():
        raise ValueError(
            "validation_data must hold a target that its history lacks; got "
            f"{targets.nnz} targets, none of them new"
        )
    return history, targets
