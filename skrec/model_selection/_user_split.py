"""A splitter of the users of a matrix."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import scipy.sparse as sp

from skrec.interactions import Interactions
from skrec.model_selection._base import Splitter, draw, n_test_units
from skrec.typing import Array, RandomState
from skrec.utils import check_dense, check_rng, check_structure

__all__ = ["StrongGeneralization"]

_OVER_INTERACTIONS = "InteractionKFold, InteractionHoldout, LeaveOneOut or TemporalHoldout"


class StrongGeneralization(Splitter):
    """Hold out whole users, the rows of a matrix, as test users.

    A model is trained on the other users. For the evaluation it sees a part of the history of each
    test user, and predicts the rest.

    Parameters
    ----------
    test_users : float or int, default=0.2
        Share (rounded up) or number of the users to hold out.
    n_splits : int, default=1
        Number of independent draws.
    random_state : int, RandomState instance or None, default=0
        Source of the draws. With an integer every call of `split` returns the same users.

    See Also
    --------
    InteractionHoldout : Hold out interactions of users that have others in train.
    LeaveOneOut : Hold out one item of every user.

    Notes
    -----
    Only the rows are split. The scorer decides how much of a test row the model sees; ``score`` of
    the estimators hides 20 % of each row. To get validation users and test users, split twice: the
    second time, split the train part.

    References
    ----------
    Marlin (2004), "Collaborative filtering: a machine learning perspective"; Liang et al.
    (2018), "Variational autoencoders for collaborative filtering",
    :doi:`10.1145/3178876.3186150`.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec.model_selection import StrongGeneralization
    >>> X = sp.random(10, 4, density=0.5, format="csr", random_state=0)
    >>> train, test = next(StrongGeneralization(test_users=3).split(X))
    >>> len(train), len(test)
    (7, 3)
    """

    def __init__(
        self, test_users: float = 0.2, *, n_splits: int = 1, random_state: RandomState = 0
    ) -> None:
        self.test_users = test_users
        self.n_splits = n_splits
        self.random_state = random_state

    def _check(self, X: Any) -> None:
        if isinstance(X, Interactions):
            raise TypeError(
                "X must be a matrix whose rows are users, because StrongGeneralization puts "
                "whole users aside, and the rows of Interactions are single interactions; got "
                f"Interactions. Split X.tocsr(), or use {_OVER_INTERACTIONS}"
            )
        self._check_draws()
        n_test_units(self.test_users, _n_rows(X), "test_users", "users")

    def _iter_test_masks(
        self, X: Any = None, y: object = None, groups: object = None
    ) -> Generator[Array, None, None]:
        n_users = _n_rows(X)
        n_test = n_test_units(self.test_users, n_users, "test_users", "users")
        rng = check_rng(self.random_state)
        for _ in range(self.n_splits):
            yield draw(n_users, n_test, rng)


def _n_rows(X: Any) -> int:
    """Return the number of rows of a matrix, after a check that X is one."""
    # a sparse matrix is cut into parts before fit sees any of it
    return (check_structure(X) if sp.issparse(X) else check_dense(X)).shape[0]
