"""Bases of the splitters, with the checks and the choice of a test size."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from math import ceil
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.model_selection import BaseCrossValidator

from skrec.exceptions import SkrecWarning
from skrec.interactions import Interactions
from skrec.model_selection._pairs import Pairs, group_pairs
from skrec.typing import Array, MatrixLike
from skrec.utils import check_count, check_rng

__all__ = ["InteractionSplitter", "Splitter", "draw", "n_test_units"]


def n_test_units(size: float, n: int, name: str, unit: str) -> int:
    """Return the number of test units for a share, rounded up as scikit-learn does, or a count."""
    is_count = isinstance(size, Integral) and not isinstance(size, bool | np.bool_)
    if not is_count and not (isinstance(size, Real) and 0 < size < 1):
        raise ValueError(f"{name} must be a share in (0, 1) or a count of {unit}; got {size!r}")
    count = int(size) if is_count else ceil(size * n)
    if not 0 < count < n:
        raise ValueError(
            f"{name} must leave {unit} on both sides; got {name}={size!r}, "
            f"{count} of {n} {unit} for the test side"
        )
    return count


def draw(n: int, n_drawn: int, rng: np.random.RandomState) -> Array:
    """Return a mask of length n that is True at ``n_drawn`` random places."""
    mask = np.zeros(n, dtype=bool)
    mask[rng.permutation(n)[:n_drawn]] = True
    return mask


class Splitter(BaseCrossValidator):
    """Base of the splitters: it checks the data, and a subclass makes the masks."""

    n_splits: int = 1

    def split(
        self, X: Interactions | MatrixLike, y: object = None, groups: object = None
    ) -> Generator[tuple[Array, Array], None, None]:
        """Return the indices of the train and the test side of each split.

        Parameters
        ----------
        X : sparse matrix or array-like of shape (n_users, n_items), or Interactions
            The data. Each splitter documents whether it splits users or interactions.
        y : object
            Only its length is checked; exists for API compatibility.
        groups : object
            Ignored, exists for API compatibility.

        Returns
        -------
        splits : iterator of (train, test)
            Pairs of integer arrays, each in increasing order.

        Raises
        ------
        TypeError
            If the splitter cannot split data of the type of X.
        ValueError
            If X cannot be split as the parameters require.
        """
        if groups is not None:
            message = f"The groups parameter is ignored by {type(self).__name__}"
            warnings.warn(message, SkrecWarning, stacklevel=2)
        self._check(X)
        return super().split(X, y)

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return the number of splits.

        Parameters
        ----------
        X, y, groups : object
            Ignored, exist for API compatibility.

        Returns
        -------
        n_splits : int
            Number of (train, test) pairs that `split` returns.
        """
        return check_count(self.n_splits, "n_splits", 1)

    def _check(self, X: Any) -> None:
        raise NotImplementedError

    def _check_draws(self, least: int = 1) -> None:
        """Check the parameters that most splitters have."""
        check_count(self.n_splits, "n_splits", least)
        check_rng(getattr(self, "random_state", 0))


class InteractionSplitter(Splitter):
    """Base of the splitters of interactions.

    All interactions of one (user, item) pair are on the same side.
    """

    def _check(self, X: Any) -> None:
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

    def _check_interactions(self, X: Interactions) -> None:
        self._check_draws()

    def _iter_test_masks(
        self, X: Any = None, y: object = None, groups: object = None
    ) -> Generator[Array, None, None]:
        pairs = group_pairs(X)
        for test in self._iter_test_pairs(X, pairs):
            yield test[pairs.code]

    def _iter_test_pairs(self, X: Interactions, pairs: Pairs) -> Iterator[Array]:
        """Return the masks of the test pairs, of shape (n_pairs,), one for each split."""
        raise NotImplementedError

    def _check_timestamps(self, X: Interactions, setting: str) -> None:
        if X.timestamp is None:
            raise ValueError(
                f"X must have timestamps for {setting}; got Interactions without them. Give "
                "timestamps= (or timestamp=, the column's name, to Interactions.from_frame)"
            )
