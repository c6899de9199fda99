"""Dropping users and items with few interactions."""

from __future__ import annotations

import warnings
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from skrec.exceptions import SkrecWarning
from skrec.interactions import Interactions
from skrec.preprocessing._matrix import (
    Kept,
    Worked,
    as_matrix,
    in_format_of,
    stored_pairs,
    take_frame,
)
from skrec.typing import Array, MatrixLike
from skrec.utils import check_count, check_flag

__all__ = ["k_core", "min_interactions"]


@overload
def k_core(
    X: Kept,
    k: int | None = None,
    *,
    user_k: int | None = None,
    item_k: int | None = None,
    return_indices: Literal[False] = False,
) -> Kept: ...


@overload
def k_core(
    X: Kept,
    k: int | None = None,
    *,
    user_k: int | None = None,
    item_k: int | None = None,
    return_indices: Literal[True],
) -> tuple[Kept, Array, Array]: ...


@overload
def k_core(
    X: ArrayLike,
    k: int | None = None,
    *,
    user_k: int | None = None,
    item_k: int | None = None,
    return_indices: Literal[False] = False,
) -> Array: ...


@overload
def k_core(
    X: ArrayLike,
    k: int | None = None,
    *,
    user_k: int | None = None,
    item_k: int | None = None,
    return_indices: Literal[True],
) -> tuple[Array, Array, Array]: ...


def k_core(
    X: Interactions | MatrixLike,
    k: int | None = None,
    *,
    user_k: int | None = None,
    item_k: int | None = None,
    return_indices: bool = False,
) -> Any:
    """Drop users and items with few interactions until every one that is left has enough.

    This is the largest part of X in which each user has at least ``user_k`` items and each
    item at least ``item_k`` users. A repeated pair counts once.

    Parameters
    ----------
    X : sparse matrix, array-like of shape (n_users, n_items) or Interactions
        The data; of a sparse matrix every stored entry counts, a stored zero too.
    k : int, default=None
        Fewest items of a user and fewest users of an item.
    user_k, item_k : int, default=None
        The same for users and items apart; None takes ``k``, or 0 without one.
    return_indices : bool, default=False
        Whether to return the kept rows and columns too.

    Returns
    -------
    X : sparse matrix, ndarray or Interactions
        The core, of the same kind and format, without the dropped rows and columns.
        Interactions have the smaller frame and keep their order.
    rows, columns : ndarray of int
        Only with ``return_indices=True``: the old index of each row and column that is left.
        `reduce_encoder` brings an encoder into line.

    Raises
    ------
    ValueError
        If neither ``k`` nor ``user_k`` nor ``item_k`` is given, one is no count, or X is no
        sound and finite matrix.

    Warns
    -----
    SkrecWarning
        If nothing is left.

    References
    ----------
    Seidman (1983), "Network structure and minimum degree",
    :doi:`10.1016/0378-8733(83)90028-X`.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec.preprocessing import k_core
    >>> X = sp.csr_matrix([[1, 1, 0], [1, 1, 0], [0, 1, 1]])
    >>> core, rows, columns = k_core(X, 2, return_indices=True)
    >>> core.toarray().tolist(), rows.tolist(), columns.tolist()
    ([[1, 1], [1, 1]], [0, 1], [0, 1])
    """
    if k is None and user_k is None and item_k is None:
        raise ValueError("k must be given, or user_k or item_k; got none of them")
    least = check_count(k, "k") if k is not None else 0
    user_k = check_count(user_k, "user_k") if user_k is not None else least
    item_k = check_count(item_k, "item_k") if item_k is not None else least
    return_indices = check_flag(return_indices, "return_indices")
    matrix = as_matrix(X)
    user, item, frame = stored_pairs(matrix)
    keep = _core(user, item, frame, user_k, item_k)
    return _reduced(X, matrix, *keep, return_indices)


@overload
def min_interactions(
    X: Kept, user: int = 5, item: int = 0, *, return_indices: Literal[False] = False
) -> Kept: ...


@overload
def min_interactions(
    X: Kept, user: int = 5, item: int = 0, *, return_indices: Literal[True]
) -> tuple[Kept, Array, Array]: ...


@overload
def min_interactions(
    X: ArrayLike, user: int = 5, item: int = 0, *, return_indices: Literal[False] = False
) -> Array: ...


@overload
def min_interactions(
    X: ArrayLike, user: int = 5, item: int = 0, *, return_indices: Literal[True]
) -> tuple[Array, Array, Array]: ...


def min_interactions(
    X: Interactions | MatrixLike,
    user: int = 5,
    item: int = 0,
    *,
    return_indices: bool = False,
) -> Any:
    """Drop items with few users, then users with few of the items that are left, once.

    Every user that is left has at least ``user`` items. An item may have lost users to the
    second step; `k_core` repeats both steps until that cannot be.

    Parameters
    ----------
    X : sparse matrix, array-like of shape (n_users, n_items) or Interactions
        The data; of a sparse matrix every stored entry counts, a stored zero too.
    user : int, default=5
        Fewest items of a user, a repeated pair counted once; 0 keeps empty rows.
    item : int, default=0
        Fewest users of an item; 0 keeps empty columns, 1 drops them.
    return_indices : bool, default=False
        Whether to return the kept rows and columns too.

    Returns
    -------
    X : sparse matrix, ndarray or Interactions
        What is left, of the same kind and format, without the dropped rows and columns.
        Interactions have the smaller frame and keep their order.
    rows, columns : ndarray of int
        Only with ``return_indices=True``: the old index of each row and column that is left.

    Raises
    ------
    ValueError
        If ``user`` or ``item`` is no count, or X is no sound and finite matrix.

    Warns
    -----
    SkrecWarning
        If nothing is left.

    References
    ----------
    Liang et al. (2018), "Variational autoencoders for collaborative filtering",
    :doi:`10.1145/3178876.3186150` (the order of the two steps).

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec.preprocessing import min_interactions
    >>> min_interactions(sp.csr_matrix([[1, 1, 0], [0, 1, 0]]), user=2).shape
    (1, 3)
    """
    min_user, min_item = check_count(user, "user"), check_count(item, "item")
    return_indices = check_flag(return_indices, "return_indices")
    matrix = as_matrix(X)
    users, items, frame = stored_pairs(matrix)
    keep_item = np.bincount(items, minlength=frame[1]) >= min_item
    left = keep_item[items]
    keep_user = np.bincount(users[left], minlength=frame[0]) >= min_user
    return _reduced(X, matrix, keep_user, keep_item, return_indices)


def _core(
    user: Array, item: Array, frame: tuple[int, int], user_k: int, item_k: int
) -> tuple[Array, Array]:
    """Return masks of the users and items of the core."""
    while True:
        keep_user = np.bincount(user, minlength=frame[0]) >= user_k
        keep_item = np.bincount(item, minlength=frame[1]) >= item_k
        left = keep_user[user] & keep_item[item]
        if left.all():
            return keep_user, keep_item
        user, item = user[left], item[left]


def _reduced(
    X: Interactions | MatrixLike,
    matrix: Worked,
    keep_user: Array,
    keep_item: Array,
    return_indices: bool,
) -> Any:
    rows, columns = np.flatnonzero(keep_user), np.flatnonzero(keep_item)
    if not len(rows) or not len(columns):
        warnings.warn(
            f"no interactions are left of a frame of {len(keep_user)} users and "
            f"{len(keep_item)} items: the required counts are too high",
            SkrecWarning,
            stacklevel=3,
        )
    reduced = in_format_of(X, take_frame(matrix, rows, columns))
    return (reduced, rows, columns) if return_indices else reduced
