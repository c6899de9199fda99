"""Interactions without any taste in them: the items shuffled among the users."""

from __future__ import annotations

from typing import overload

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skrec.interactions import Interactions
from skrec.preprocessing._matrix import Kept, Worked, as_matrix, in_format_of, stored_pairs
from skrec.typing import Array, MatrixLike, RandomState, SparseMatrix
from skrec.utils import check_count, check_rng, pair_keys

__all__ = ["permute_items"]

_MOST_ROUNDS = 1_000_000  # far beyond any use, and days of work


@overload
def permute_items(X: Kept, *, n_rounds: int = 50, random_state: RandomState = 0) -> Kept: ...


@overload
def permute_items(X: ArrayLike, *, n_rounds: int = 50, random_state: RandomState = 0) -> Array: ...


def permute_items(
    X: Interactions | MatrixLike, *, n_rounds: int = 50, random_state: RandomState = 0
) -> Interactions | SparseMatrix | Array:
    """Shuffle the items among the users: all counts stay, tastes are lost.

    Every user keeps the number of items and every item the number of users, exactly; which user
    has which item is left to chance. A model that is fitted to it is a placebo: what it seems to
    have learnt comes from these counts alone.

    Parameters
    ----------
    X : sparse matrix, array-like of shape (n_users, n_items) or Interactions
        The data, with every pair at most once; of a sparse matrix every stored entry counts.
    n_rounds : int, default=50
        How often all users trade. Little of X is left after a few rounds, more bring the result
        nearer to a uniform draw from all data with these counts.
    random_state : int, RandomState instance or None, default=0
        Source of the trades.

    Returns
    -------
    X : sparse matrix, ndarray or Interactions
        Of the same kind and format. Users keep their values (and times), which go to their new
        items by chance.

    Raises
    ------
    ValueError
        If ``n_rounds`` is no count, Interactions hold a pair twice, or X is no sound and finite
        matrix.

    Notes
    -----
    In a round the users meet two by two, at random. What both have stays with both; the rest of
    the two is shuffled and dealt out again, so that both have as many items as before. These are
    the trades of [1]_, of all users at once as in [2]_.

    References
    ----------
    .. [1] Strona, G., Nappo, D., Boccacci, F., Fattorini, S., & San-Miguel-Ayanz, J. (2014). A
       fast and unbiased procedure to randomize ecological binary matrices with fixed row and
       column totals. Nature Communications 5. :doi:`10.1038/ncomms5114`
    .. [2] Carstens, C. J., Hamann, M., Meyer, U., Penschuck, M., Tran, H., & Wagner, D. (2018).
       Parallel and I/O-efficient randomisation of massive networks using global curveball trades.
       ESA. :doi:`10.4230/LIPIcs.ESA.2018.11`

    Examples
    --------
    >>> from skrec.datasets import make_interactions
    >>> from skrec.preprocessing import permute_items
    >>> X = make_interactions(200, 50, 2000, random_state=0).X
    >>> placebo = permute_items(X, random_state=0)
    >>> bool((placebo.getnnz(axis=0) == X.getnnz(axis=0)).all())
    True
    >>> bool((placebo.getnnz(axis=1) == X.getnnz(axis=1)).all())
    True
    """
    n_rounds = check_count(n_rounds, "n_rounds", 0, _MOST_ROUNDS)
    matrix = as_matrix(X)
    user, item = _pairs(matrix)
    frame = matrix.frame if isinstance(matrix, Interactions) else matrix.shape
    rng = np.random.default_rng(check_rng(random_state).randint(2**31 - 1))
    traded = item
    for _ in range(n_rounds):
        traded = _trade(user, traded, frame, rng)
    return _filled(X, matrix, user, _mixed(user, traded, rng))


def _pairs(X: Worked) -> tuple[Array, Array]:
    """Return user and item of each entry, in the order of its values."""
    if not isinstance(X, Interactions):
        return stored_pairs(X)[:2]
    n_distinct = len(np.unique(pair_keys(X.user, X.item, X.frame[1])))
    if n_distinct < len(X):
        raise ValueError(
            f"X must hold every pair once; got {len(X) - n_distinct} repetitions (tocsr() makes "
            "one of them)"
        )
    return X.user, X.item


def _trade(user: Array, item: Array, frame: tuple[int, int], rng: np.random.Generator) -> Array:
    """Let all users trade, two by two; entry e stays with its user."""
    table = np.empty(frame[0], dtype=np.int64)
    table[rng.permutation(frame[0])] = np.arange(frame[0]) // 2
    keys = pair_keys(table[user], item, frame[1])
    order = np.argsort(keys)
    twice = keys[order][1:] == keys[order][:-1]
    alone = np.ones(len(keys), dtype=bool)
    alone[order[1:][twice]] = alone[order[:-1][twice]] = False
    places = np.flatnonzero(alone)
    traded = item.copy()
    traded[_sorted_by(table[user[places]], places)] = item[_mixed_order(table[user], places, rng)]
    return traded


def _mixed(group: Array, item: Array, rng: np.random.Generator) -> Array:
    """Shuffle the items within each group."""
    places = np.arange(len(item))
    mixed = np.empty_like(item)
    mixed[_sorted_by(group, places)] = item[_mixed_order(group, places, rng)]
    return mixed


def _sorted_by(group: Array, places: Array) -> Array:
    return places[np.argsort(group, kind="stable")]


def _mixed_order(group: Array, places: Array, rng: np.random.Generator) -> Array:
    """Sort places by group, in random order within one."""
    return _sorted_by(group[places := rng.permutation(places)], places)


def _filled(
    X: Interactions | MatrixLike, matrix: Worked, user: Array, item: Array
) -> Interactions | SparseMatrix | Array:
    """Put the values of each user to the new items, in the container of X."""
    if isinstance(matrix, Interactions):
        parts = (matrix.user, item, matrix.value, matrix.timestamp)
        return Interactions.from_arrays(
            *parts, frame=matrix.frame, time_unit=matrix.time_unit, encoder=matrix.encoder
        )
    if not sp.issparse(matrix):
        out = np.zeros_like(matrix)
        out[user, item] = matrix[matrix != 0]
        return out
    entries = (matrix.data, (user, item))
    return in_format_of(X, type(matrix)(entries, shape=matrix.shape))
