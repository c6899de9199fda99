"""Checks of a train and a test part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skrec.interactions import Interactions, different_ids
from skrec.typing import Array, MatrixLike
from skrec.utils import (
    as_integers,
    check_dense,
    check_finite,
    check_flag,
    check_structure,
    pair_keys,
)

__all__ = ["SplitReport", "check_split"]

_LINES = {
    "n_train": "interactions in train",
    "n_test": "interactions in test",
    "overlap": "pairs in train and in test",
    "train_duplicates": "repeats of a pair within train",
    "test_duplicates": "repeats of a pair within test",
    "users_without_targets": "users of train without targets in test",
    "cold_users": "users of test that train does not know",
    "cold_items": "items of test that train does not know",
    "cold_targets": "pairs of test with such an item",
    "train_positives_among_negatives": "negatives that the user has in train",
    "test_positives_among_negatives": "negatives that the user has in test",
}
_LEAKS = ("overlap", "train_positives_among_negatives", "test_positives_among_negatives")


@dataclass(frozen=True, kw_only=True)
class SplitReport:
    """Counts of the problems of a split, the result of `check_split`.

    Parameters
    ----------
    n_train, n_test : int
        Interactions on each side.
    overlap : int
        Distinct (user, item) pairs that are on both sides.
    train_duplicates, test_duplicates : int
        Interactions beyond the first of their pair.
    users_without_targets : int
        Users with interactions in train, but none in test.
    cold_users : int
        Users with interactions in test, but none in train.
    cold_items : int
        Items with interactions in test, but none in train.
    cold_targets : int
        Distinct (user, item) pairs of test with a cold item.
    train_positives_among_negatives, test_positives_among_negatives : int or None
        Negatives that the user interacted with in train, or in test; None without negatives.
    """

    n_train: int
    n_test: int
    overlap: int
    train_duplicates: int
    test_duplicates: int
    users_without_targets: int
    cold_users: int
    cold_items: int
    cold_targets: int
    train_positives_among_negatives: int | None = None
    test_positives_among_negatives: int | None = None

    @property
    def leaks(self) -> dict[str, int]:
        """Counts above 0 that make an evaluation wrong, by their names."""
        return {name: getattr(self, name) for name in _LEAKS if getattr(self, name)}

    def __str__(self) -> str:
        counts = {name: getattr(self, name) for name in _LINES}
        lines = [
            f"{count:>10,} {_LINES[name]}{'  <- leak' if name in self.leaks else ''}"
            for name, count in counts.items()
            if count is not None
        ]
        return "\n".join(lines)


def check_split(
    train: Interactions | MatrixLike,
    test: Interactions | MatrixLike,
    negatives: ArrayLike | None = None,
    *,
    raise_on_leak: bool = False,
) -> SplitReport:
    """Check a train and a test part for leaks, repeats, and users or items without training data.

    Parameters
    ----------
    train, test : Interactions, sparse matrix or array-like of shape (n_users, n_items)
        The interactions to train on and those to predict, in the same frame of users and items.
        Every stored entry of a sparse matrix is an interaction.
    negatives : array-like of int of shape (n_users, m), default=None
        Items that the targets of each user are ranked against, padded with -1.
    raise_on_leak : bool, default=False
        Whether to raise an error for pairs on both sides and for positives among the negatives.

    Returns
    -------
    report : SplitReport
        The counts. ``print(report)`` shows them and marks the leaks.

    Raises
    ------
    ValueError
        If the frames or the ids of two encoders differ, if the negatives do not fit them, or if
        there is a leak and ``raise_on_leak`` is True.

    Examples
    --------
    >>> from skrec import Interactions
    >>> from skrec.model_selection import check_split
    >>> train = Interactions.from_arrays([0, 0, 1], [0, 1, 0], frame=(2, 3))
    >>> test = Interactions.from_arrays([0, 0], [1, 2], frame=(2, 3))
    >>> report = check_split(train, test)
    >>> report.overlap, report.users_without_targets, report.cold_items
    (1, 1, 1)
    """
    check_flag(raise_on_leak, "raise_on_leak")
    train, test = _as_interactions(train, "train"), _as_interactions(test, "test")
    if train.frame != test.frame:
        raise ValueError(
            "train and test must have the same frame of users and items; "
            f"got {train.frame} and {test.frame}"
        )
    side = different_ids(train.encoder, test.encoder)
    if side is not None:
        raise ValueError(
            f"train and test must have the same {side} ids; got encoders that give the {side} ids "
            "other codes. Make both with one encoder: encoder.transform(table)"
        )
    train_pairs, test_pairs = _pairs(train), _pairs(test)
    report = SplitReport(
        n_train=len(train),
        n_test=len(test),
        overlap=len(np.intersect1d(train_pairs, test_pairs, assume_unique=True)),
        train_duplicates=len(train) - len(train_pairs),
        test_duplicates=len(test) - len(test_pairs),
        users_without_targets=len(np.setdiff1d(train.user, test.user)),
        cold_users=len(np.setdiff1d(test.user, train.user)),
        **_cold(train, test_pairs),
        **_among_negatives(negatives, train_pairs, test_pairs, train.frame),
    )
    if raise_on_leak and report.leaks:
        raise ValueError(f"train and test must not leak into each other; got\n{report}")
    return report


def _as_interactions(X: Interactions | MatrixLike, name: str) -> Interactions:
    """Return the stored entries of a matrix, repeated ones too."""
    if isinstance(X, Interactions):
        return X
    matrix: Any = check_structure(X, name)
    matrix = matrix if sp.issparse(X) else sp.coo_matrix(check_dense(X, name))
    if matrix.dtype.kind not in "buif":
        raise ValueError(f"{name} must hold real numbers; got {matrix.dtype}")
    entries = matrix.tocoo()
    check_finite(entries.data, name)
    return Interactions(entries)


def _pairs(X: Interactions) -> Array:
    """Return the sorted keys of the distinct (user, item) pairs."""
    return np.unique(pair_keys(X.user, X.item, X.frame[1]))


def _cold(train: Interactions, test_pairs: Array) -> dict[str, int]:
    """Return the numbers of items and pairs of test whose items are not in train."""
    item = test_pairs % max(1, train.frame[1])
    cold = item[~np.isin(item, train.item)]
    return {"cold_items": len(np.unique(cold)), "cold_targets": len(cold)}


def _among_negatives(
    negatives: ArrayLike | None, train_pairs: Array, test_pairs: Array, frame: tuple[int, int]
) -> dict[str, int]:
    """Return the numbers of negatives that the user has in train and in test."""
    if negatives is None:
        return {}
    expected = f"integers of shape ({frame[0]}, m), a row for each user"
    if isinstance(negatives, Interactions):
        raise TypeError(f"negatives must be {expected}; got Interactions")
    lists = as_integers(negatives, "negatives", expected)
    if lists.ndim != 2 or len(lists) != frame[0]:
        raise ValueError(f"negatives must be {expected}; got shape {lists.shape}")
    if lists.size and (lists.min() < -1 or lists.max() >= frame[1]):
        raise ValueError(
            f"negatives must lie in [-1, {frame[1]}); got {lists.min()} to {lists.max()}"
        )
    row, place = np.nonzero(lists >= 0)
    keys = pair_keys(row, lists[row, place], frame[1])
    return {
        "train_positives_among_negatives": int(np.isin(keys, train_pairs).sum()),
        "test_positives_among_negatives": int(np.isin(keys, test_pairs).sum()),
    }
