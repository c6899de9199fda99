"""The rows that one call asks for, and pairs picked from their scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.exceptions import NotFittedError

from skrec.base._validation import check_matrix, check_users
from skrec.typing import Array, CSRMatrix, MatrixLike
from skrec.utils import row_blocks, take_rows

if TYPE_CHECKING:
    from skrec.interactions import Interactions

__all__ = ["Queries", "check_has_interactions", "queries_of"]


class Queries(NamedTuple):
    """Users to answer for, by their history, their row in ``fit``, or both.

    Parameters
    ----------
    history : csr_matrix of shape (n_rows, n_items)
        What each user has; the stored row of ``fit`` where the caller gave none.
    stored : csr_matrix of shape (n_rows, n_items) or None
        The rows of ``fit``, where the caller named users by row.
    users : ndarray of shape (n_rows,) or None
        Rows of ``fit``, or None for users that need not have been there.
    """

    history: CSRMatrix
    stored: CSRMatrix | None = None
    users: Array | None = None

    @property
    def n_rows(self) -> int:
        """Number of users."""
        return self.history.shape[0]

    def take(self, rows: slice | Array) -> Queries:
        """Return the queries of some rows.

        Parameters
        ----------
        rows : slice or ndarray
            Which ones.

        Returns
        -------
        queries : Queries
            Theirs.
        """
        if isinstance(rows, slice) and rows == slice(0, self.n_rows):
            return self
        history = self.history[rows]
        if self.stored is None or self.users is None:
            return Queries(history)
        stored = history if self.stored is self.history else self.stored[rows]
        return Queries(history, stored, self.users[rows])

    def known(self) -> tuple[Array, Array]:
        """Return which of the users ``fit`` saw something of, and their rows.

        Returns
        -------
        mask : ndarray of bool of shape (n_rows,)
            True where a user has something in the fitted matrix.
        rows : ndarray of int64 of shape (mask.sum(),)
            Rows of ``fit``.
        """
        if self.stored is None or self.users is None:
            return np.zeros(self.n_rows, dtype=bool), np.empty(0, dtype=np.int64)
        mask = np.diff(self.stored.indptr) > 0
        return mask, self.users[mask]

    def seen(self) -> CSRMatrix:
        """Return whatever each user has, in the history or in ``fit``.

        Returns
        -------
        seen : csr_matrix of shape (n_rows, n_items)
            The stored entries are what was seen.
        """
        if self.stored is None or self.stored is self.history:
            return self.history
        both = self.history.copy()
        both.data = np.ones_like(both.data)
        stored = self.stored.copy()
        stored.data = np.ones_like(stored.data)
        return sp.csr_matrix(both + stored)

    def empty(self, fold_in: Literal["exact", "approximate"]) -> Array:
        """Return a mask of the users of whom nothing is known.

        Parameters
        ----------
        fold_in : {"exact", "approximate"}
            Whether only the history counts, or the stored row too.

        Returns
        -------
        empty : ndarray of bool of shape (n_rows,)
            True where a user has nothing.
        """
        empty = self.history.indptr[1:] == self.history.indptr[:-1]
        if fold_in == "approximate" and self.stored is not None:
            empty &= self.stored.indptr[1:] == self.stored.indptr[:-1]
        return empty


def queries_of(model: Any, X: MatrixLike | None, users: ArrayLike | None) -> Queries:
    """Turn X and users into queries.

    Parameters
    ----------
    model : BaseRecommender
        The fitted model.
    X : sparse matrix or array-like of shape (n_rows, n_items) or None
        Histories.
    users : array-like of int of shape (n_rows,) or None
        Rows of ``fit``.

    Returns
    -------
    queries : Queries
        The users.
    """
    if X is None and users is None:
        raise ValueError("X or users must be given: histories, or rows of the fitted matrix")
    history = None if X is None else check_matrix(model, X, reset=False)
    if users is None:
        return Queries(cast(CSRMatrix, history))
    check_has_interactions(model, "users must be None, and X their histories")
    rows = check_users(users, model.interactions_.shape[0])
    stored = take_rows(model.interactions_, rows)
    if history is not None and history.shape[0] != len(rows):
        raise ValueError(
            f"users must have one entry a row of X, {history.shape[0]}; got {len(rows)}"
        )
    return Queries(stored if history is None else history, stored, rows)


def check_has_interactions(model: Any, otherwise: str) -> None:
    """Check that a model still has what it was fitted to.

    Parameters
    ----------
    model : BaseRecommender
        The fitted model.
    otherwise : str
        What the error says first.

    Raises
    ------
    NotFittedError
        If it was saved without.
    """
    if "_lacks_interactions_" in vars(model):
        raise NotFittedError(
            f"{otherwise}: this {type(model).__name__} was saved with training_data=False, without "
            "the interactions of fit"
        )


def pairs_by_user(interactions: Interactions) -> tuple[Array, Array]:
    """Group the pairs of Interactions by user.

    Parameters
    ----------
    interactions : Interactions
        Pairs in any order.

    Returns
    -------
    users : ndarray of shape (n_users,)
        The users that occur.
    place : ndarray of shape (n,)
        For each pair the place of its user in ``users``.
    """
    users, place = np.unique(interactions.user, return_inverse=True)
    return users, place


def lists_of_pairs(place: Array, items: Array, n_users: int) -> tuple[Array, Array]:
    """Write pairs, sorted by user, into a list for each user.

    Parameters
    ----------
    place, items : ndarray of shape (n,)
        User and item of each pair; users do not fall.
    n_users : int
        Number of users.

    Returns
    -------
    lists : ndarray of int64 of shape (n_users, longest)
        Items of each user, padded with -1.
    column : ndarray of shape (n,)
        Where in its user's list each pair is.
    """
    counts = np.bincount(place, minlength=n_users)
    column = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
    lists = np.full((n_users, counts.max(initial=0)), -1, dtype=np.int64)
    lists[place, column] = items
    return lists, column


def pair_blocks(place: Array, n_rows: int, bytes_per_row: int) -> Iterator[tuple[slice, Array]]:
    """Cut rows into blocks, each with the pairs that lie in it.

    Parameters
    ----------
    place : ndarray of shape (n,)
        Row of each pair.
    n_rows : int
        Number of rows.
    bytes_per_row : int
        Memory that a row takes.

    Yields
    ------
    rows : slice
        Consecutive rows.
    chosen : ndarray of int64
        Their pairs, by row.
    """
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(n_rows + 1))
    for rows in row_blocks(n_rows, bytes_per_row):
        yield rows, order[starts[rows.start] : starts[rows.stop]]
