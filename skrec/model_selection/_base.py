"""What all splitters share: the protocol, the checks, and the choice of a test size."""

import warnings
from math import ceil
from numbers import Integral, Real

import numpy as np
from sklearn.model_selection import BaseCrossValidator

from skrec.exceptions import SkrecWarning
from skrec.interactions import Interactions
from skrec.model_selection._pairs import group_pairs

__all__ = ["InteractionSplitter", "Splitter", "check_n_splits", "draw", "n_test_units"]


def n_test_units(size, n, name, unit):
    """Give the number of test units of a share (rounded up, as scikit-learn does) or a count."""
    is_count = isinstance(size, Integral) and not isinstance(size, bool)
    if not is_count and not (isinstance(size, Real) and 0 < size < 1):
        raise ValueError(f"{name} must be a share in (0, 1) or a count of {unit}; got {size!r}")
    count = int(size) if is_count else ceil(size * n)
    if not 0 < count < n:
        raise ValueError(
            f"{name} must leave {unit} on both sides; got {name}={size!r}, "
            f"{count} of {n} {unit} for the test side"
        )
    return count


def check_n_splits(n_splits, least):
    if not isinstance(n_splits, Integral) or n_splits < least:
        raise ValueError(f"n_splits must be an integer of at least {least}; got {n_splits!r}")


def draw(n, n_drawn, rng):
    """Mark ``n_drawn`` of n at random."""
    mask = np.zeros(n, dtype=bool)
    mask[rng.permutation(n)[:n_drawn]] = True
    return mask


class Splitter(BaseCrossValidator):
    """Base of the splitters: checks first, then masks from the subclass."""

    n_splits = 1

    def split(self, X, y=None, groups=None):
        """Give the indices of the train and the test side of each split.

        Parameters
        ----------
        X : sparse matrix or array-like of shape (n_users, n_items), or Interactions
            The data, of the kind that the splitter's description names.
        y : object
            Ignored but for its length, exists for API compatibility.
        groups : object
            Ignored, exists for API compatibility.

        Returns
        -------
        splits : iterator of (train, test)
            Pairs of integer arrays, each in increasing order.

        Raises
        ------
        TypeError
            If X is of the other kind.
        ValueError
            If X cannot be split as asked.
        """
        if groups is not None:
            message = f"The groups parameter is ignored by {type(self).__name__}"
            warnings.warn(message, SkrecWarning, stacklevel=2)
        self._check(X)
        return super().split(X, y)

    def get_n_splits(self, X=None, y=None, groups=None):
        """Give the number of splits.

        Parameters
        ----------
        X, y, groups : object
            Ignored, exist for API compatibility.

        Returns
        -------
        n_splits : int
            Number of (train, test) pairs that `split` yields.
        """
        return self.n_splits

    def _check(self, X):
        raise NotImplementedError


class InteractionSplitter(Splitter):
    """Base of the splitters of interactions: a pair goes to one side with all its repeats."""

    def _check(self, X):
        if not isinstance(X, Interactions):
            raise TypeError(
                f"X must be Interactions, because {type(self).__name__} puts single "
                "interactions aside, and a row of a matrix is the whole history of a user; "
                f"got {type(X).__name__}. Use Interactions(X), or StrongGeneralization "
                "to split users"
            )
        if not len(X):
            raise ValueError("X must hold at least one interaction; got none")
        self._check_interactions(X)

    def _check_interactions(self, X):
        check_n_splits(self.n_splits, 1)

    def _iter_test_masks(self, X=None, y=None, groups=None):
        pairs = group_pairs(X)
        for test in self._iter_test_pairs(X, pairs):
            yield test[pairs.code]

    def _iter_test_pairs(self, X, pairs):
        """Yield masks of shape (n_pairs,)."""
        raise NotImplementedError

    def _check_timestamps(self, X, setting):
        if X.timestamp is None:
            raise ValueError(
                f"X must have timestamps for {setting}; got Interactions without them. Give "
                "timestamps= (or timestamp=, the column's name, to Interactions.from_frame)"
            )
