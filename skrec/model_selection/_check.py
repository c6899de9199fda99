"""What may be wrong with a split."""

from dataclasses import dataclass

import numpy as np

from skrec.interactions import Interactions
from skrec.utils import pair_keys

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
    """The counts that `check_split` takes.

    Parameters
    ----------
    n_train, n_test : int
        Interactions on each side.
    overlap : int
        Distinct (user, item) pairs that are on both sides.
    train_duplicates, test_duplicates : int
        Interactions beyond the first of their pair.
    users_without_targets : int
        Users that have interactions in train and none in test.
    cold_users : int
        Users that have targets but no interactions in train.
    cold_items : int
        Items that are targets but do not occur in train.
    cold_targets : int
        Distinct test pairs with such an item.
    train_positives_among_negatives, test_positives_among_negatives : int or None
        Negatives that the same user has in train, or in test; None without negatives.
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
    def leaks(self):
        """The counts above 0 that make a measurement wrong, a dict of str to int."""
        return {name: getattr(self, name) for name in _LEAKS if getattr(self, name)}

    def __str__(self):
        counts = {name: getattr(self, name) for name in _LINES}
        lines = [
            f"{count:>10,} {_LINES[name]}{'  <- leak' if name in self.leaks else ''}"
            for name, count in counts.items()
            if count is not None
        ]
        return "\n".join(lines)


def check_split(train, test, negatives=None, *, raise_on_leak=False):
    """Count what is wrong, or worth knowing, about a train and a test part.

    Parameters
    ----------
    train, test : Interactions, sparse matrix or array-like of shape (n_users, n_items)
        What a model sees and what it has to predict, in the same frame. Every stored entry
        of a sparse matrix is an interaction.
    negatives : array-like of int of shape (n_users, m), default=None
        Items that each user is ranked against, padded with -1.
    raise_on_leak : bool, default=False
        Whether overlap and positives among the negatives are an error.

    Returns
    -------
    report : SplitReport
        The counts; ``print(report)`` shows them and marks the leaks.

    Raises
    ------
    ValueError
        If the frames differ, the negatives do not fit them, or, with ``raise_on_leak=True``,
        there is a leak.

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
    train, test = (X if isinstance(X, Interactions) else Interactions(X) for X in (train, test))
    if train.frame != test.frame:
        raise ValueError(
            "train and test must have the same frame of users and items; "
            f"got {train.frame} and {test.frame}"
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


def _pairs(X):
    return np.unique(pair_keys(X.user, X.item, X.frame[1]))


def _cold(train, test_pairs):
    item = test_pairs % max(1, train.frame[1])
    cold = item[~np.isin(item, train.item)]
    return {"cold_items": len(np.unique(cold)), "cold_targets": len(cold)}


def _among_negatives(negatives, train_pairs, test_pairs, frame):
    if negatives is None:
        return {}
    negatives = np.asarray(negatives)
    if negatives.ndim != 2 or len(negatives) != frame[0] or negatives.dtype.kind not in "iu":
        raise ValueError(
            f"negatives must be integers of shape ({frame[0]}, m), a row for each user; "
            f"got {negatives.dtype} of shape {negatives.shape}"
        )
    if negatives.size and (negatives.min() < -1 or negatives.max() >= frame[1]):
        raise ValueError(
            f"negatives must lie in [-1, {frame[1]}); got {negatives.min()} to {negatives.max()}"
        )
    row, place = np.nonzero(negatives >= 0)
    keys = pair_keys(row, negatives[row, place], frame[1])
    return {
        "train_positives_among_negatives": int(np.isin(keys, train_pairs).sum()),
        "test_positives_among_negatives": int(np.isin(keys, test_pairs).sum()),
    }
