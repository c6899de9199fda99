"""Mult-VAE's split of the users."""

from typing import TypeAlias

from skrec.interactions import Interactions
from skrec.model_selection import StrongGeneralization
from skrec.preprocessing import binarize, min_interactions
from skrec.typing import CSRMatrix, RandomState
from skrec.utils import split_rows

__all__ = ["strong_generalization_parts"]

_Pair: TypeAlias = tuple[CSRMatrix, CSRMatrix]


def strong_generalization_parts(
    interactions: Interactions,
    test_users: int,
    random_state: RandomState = 0,
    threshold: float | None = 4.0,
) -> tuple[CSRMatrix, _Pair, _Pair]:
    """Hold users out as Mult-VAE's paper does.

    Ratings of a threshold or more count as 1, of users with 5 or more of them; items that nobody
    then has are dropped. Validation users serve early stopping and are not trained on.

    Parameters
    ----------
    interactions : Interactions
        Ratings.
    test_users : int
        Users to test on, and as many to validate on.
    random_state : int, default=0
        Source of the split.
    threshold : float, default=4.0
        Least rating that counts; None takes every entry as 1, where there are no ratings.

    Returns
    -------
    train : csr_matrix of shape (n_train_users, n_items)
        Rows to train on.
    validation, test : tuple of two csr_matrix
        80 % of the history of each user, and the rest.

    Examples
    --------
    >>> from skrec.datasets import make_interactions
    >>> from skrec.reproduce import strong_generalization_parts
    >>> ratings = make_interactions(400, 60, 8000, ratings=True, random_state=0).interactions
    >>> train, validation, test = strong_generalization_parts(ratings, 50)
    >>> test[0].shape
    (50, 60)
    """
    X = interactions.tocsr()
    X = min_interactions(X if threshold is None else binarize(X, threshold), user=5, item=1)
    splitter = StrongGeneralization(test_users, random_state=random_state)
    rest, test = next(splitter.split(X))
    train, validation = next(splitter.split(X[rest]))
    return (
        X[rest][train],
        split_rows(X[rest][validation], random_state=random_state),
        split_rows(X[test], random_state=random_state),
    )
