"""Splitters of interactions at random."""

from __future__ import annotations

from collections.abc import Iterator

from skrec.interactions import Interactions
from skrec.model_selection._base import InteractionSplitter, draw, n_test_units
from skrec.model_selection._pairs import Pairs
from skrec.typing import Array, RandomState
from skrec.utils import check_rng

__all__ = ["InteractionHoldout", "InteractionKFold"]


class InteractionKFold(InteractionSplitter):
    """Split (user, item) pairs at random into folds, each of which is the test side once.

    Every interaction is in the test side exactly once. All interactions of one pair are in the same
    fold. The pairs are shuffled over all users: interactions that come from a matrix are sorted by
    user, so folds without shuffling would hold out whole users.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2. Their numbers of pairs differ by at most 1.
    random_state : int, RandomState instance or None, default=0
        Source of the folds. With an integer every call of `split` returns the same folds.

    See Also
    --------
    InteractionHoldout : Hold out one random part of a chosen size.

    Notes
    -----
    The indices are in the order of the input. Pass ``shuffle=True`` to scikit-learn's
    ``learning_curve``: otherwise its small train parts hold the interactions of the first users.

    Examples
    --------
    >>> from skrec import Interactions
    >>> from skrec.model_selection import InteractionKFold
    >>> I = Interactions.from_arrays([0, 0, 1, 1], [0, 1, 0, 1])
    >>> [len(test) for _, test in InteractionKFold(2).split(I)]
    [2, 2]
    """

    def __init__(self, n_splits: int = 5, *, random_state: RandomState = 0) -> None:
        self.n_splits = n_splits
        self.random_state = random_state

    def _check_interactions(self, X: Interactions) -> None:
        self._check_draws(least=2)

    def _iter_test_pairs(self, X: Interactions, pairs: Pairs) -> Iterator[Array]:
        n_pairs = len(pairs.user)
        if self.n_splits > n_pairs:
            raise ValueError(
                f"n_splits must be at most the number of (user, item) pairs, {n_pairs}; "
                f"got {self.n_splits}"
            )
        fold = check_rng(self.random_state).permutation(n_pairs) % self.n_splits
        for test in range(self.n_splits):
            yield fold == test


class InteractionHoldout(InteractionSplitter):
    """Hold out a random part of all (user, item) pairs.

    All interactions of one pair are on the same side. The pairs are drawn over all users at once,
    so a user may have none on one of the sides.

    Parameters
    ----------
    test_size : float or int, default=0.15
        Share (rounded up) or number of the pairs to hold out.
    n_splits : int, default=1
        Number of independent draws.
    random_state : int, RandomState instance or None, default=0
        Source of the draws. With an integer every call of `split` returns the same pairs.

    See Also
    --------
    InteractionKFold : Hold out every interaction once.
    TemporalHoldout : Hold out the newest interactions.

    Notes
    -----
    The indices are in the order of the input. Pass ``shuffle=True`` to scikit-learn's
    ``learning_curve``: otherwise its small train parts hold the interactions of the first users.

    Examples
    --------
    Two splits give 70 % for training, 15 % for validation and 15 % for testing:

    >>> import numpy as np
    >>> from skrec import Interactions
    >>> from skrec.model_selection import InteractionHoldout
    >>> I = Interactions(np.ones((10, 10)))
    >>> rest, test = next(InteractionHoldout(15).split(I))
    >>> train, validation = next(InteractionHoldout(15).split(I[rest]))
    >>> len(train), len(validation), len(test)
    (70, 15, 15)
    """

    def __init__(
        self, test_size: float = 0.15, *, n_splits: int = 1, random_state: RandomState = 0
    ) -> None:
        self.test_size = test_size
        self.n_splits = n_splits
        self.random_state = random_state

    def _iter_test_pairs(self, X: Interactions, pairs: Pairs) -> Iterator[Array]:
        n_pairs = len(pairs.user)
        n_test = n_test_units(self.test_size, n_pairs, "test_size", "(user, item) pairs")
        rng = check_rng(self.random_state)
        for _ in range(self.n_splits):
            yield draw(n_pairs, n_test, rng)
