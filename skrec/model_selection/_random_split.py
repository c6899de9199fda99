"""Splitting interactions at random."""

from sklearn.utils import check_random_state

from skrec.model_selection._base import InteractionSplitter, check_n_splits, draw, n_test_units

__all__ = ["InteractionHoldout", "InteractionKFold"]


class InteractionKFold(InteractionSplitter):
    """Split (user, item) pairs at random into folds that are the test side in turn.

    Every interaction is tested exactly once, and repeats of a pair share its fold. Pairs are
    shuffled over all users, since interactions made from a matrix are sorted by user and
    consecutive folds would put whole users aside.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2; their numbers of pairs differ by at most 1.
    random_state : int, RandomState instance or None, default=0
        An integer gives the same folds at every call of `split`.

    See Also
    --------
    InteractionHoldout : One random test part of a chosen size.

    Notes
    -----
    Indices come in the order of the input. Give ``shuffle=True`` to scikit-learn's
    ``learning_curve``, or its small train parts are the interactions of the first users.

    Examples
    --------
    >>> from skrec import Interactions
    >>> from skrec.model_selection import InteractionKFold
    >>> I = Interactions.from_arrays([0, 0, 1, 1], [0, 1, 0, 1])
    >>> [len(test) for _, test in InteractionKFold(2).split(I)]
    [2, 2]
    """

    def __init__(self, n_splits=5, *, random_state=0):
        self.n_splits = n_splits
        self.random_state = random_state

    def _check_interactions(self, X):
        check_n_splits(self.n_splits, 2)

    def _iter_test_pairs(self, X, pairs):
        n_pairs = len(pairs.user)
        if self.n_splits > n_pairs:
            raise ValueError(
                f"n_splits must be at most the number of (user, item) pairs, {n_pairs}; "
                f"got {self.n_splits}"
            )
        fold = check_random_state(self.random_state).permutation(n_pairs) % self.n_splits
        for test in range(self.n_splits):
            yield fold == test


class InteractionHoldout(InteractionSplitter):
    """Hold out a random part of all (user, item) pairs, repeats of a pair together.

    Pairs are drawn over all users at once, so a user may have none on either side.

    Parameters
    ----------
    test_size : float or int, default=0.15
        Share (rounded up) or number of the pairs that are held out.
    n_splits : int, default=1
        Number of independent draws.
    random_state : int, RandomState instance or None, default=0
        An integer gives the same pairs at every call of `split`.

    See Also
    --------
    InteractionKFold : Test every interaction once.
    TemporalHoldout : The newest part.

    Notes
    -----
    Indices come in the order of the input. Give ``shuffle=True`` to scikit-learn's
    ``learning_curve``, or its small train parts are the interactions of the first users.

    Examples
    --------
    70 % for training, 15 % for validation and 15 % for testing are two splits.

    >>> import numpy as np
    >>> from skrec import Interactions
    >>> from skrec.model_selection import InteractionHoldout
    >>> I = Interactions(np.ones((10, 10)))
    >>> rest, test = next(InteractionHoldout(15).split(I))
    >>> train, validation = next(InteractionHoldout(15).split(I[rest]))
    >>> len(train), len(validation), len(test)
    (70, 15, 15)
    """

    def __init__(self, test_size=0.15, *, n_splits=1, random_state=0):
        self.test_size = test_size
        self.n_splits = n_splits
        self.random_state = random_state

    def _iter_test_pairs(self, X, pairs):
        n_pairs = len(pairs.user)
        n_test = n_test_units(self.test_size, n_pairs, "test_size", "(user, item) pairs")
        rng = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            yield draw(n_pairs, n_test, rng)
