"""The small data that all checks share, models fitted to it, and helpers that compare."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeAlias

import joblib
import numpy as np
import scipy.sparse as sp
from sklearn.base import clone

from skrec.typing import Array, MatrixLike

__all__ = [
    "BLOCK",
    "AnyRecommender",
    "Check",
    "Histories",
    "assert_close",
    "board",
    "error_message",
    "fitted",
    "is_explicit",
    "quick",
    "scores_of",
    "stored",
    "tiny",
]

AnyRecommender: TypeAlias = Any
"""What a check is given: it may lack any method of a recommender, or return anything."""

Histories: TypeAlias = Any
"""A CSR matrix. Type checkers take the shape of scipy's class for None."""

Check: TypeAlias = Callable[[str, AnyRecommender], None]
"""A check takes the name of an estimator and the estimator, and raises AssertionError."""

BLOCK = 8  # items in a block of the checkerboard
_MOST_MODELS = 12
_QUICK = ("max_epochs", "pretrain_epochs", "fold_in_steps", "n_samples", "n_draws")
_MODELS: OrderedDict[tuple[Any, ...], AnyRecommender] = OrderedDict()


def is_explicit(estimator: AnyRecommender) -> bool:
    """Return whether the estimator learns from ratings."""
    return estimator.__sklearn_tags__().feedback == "explicit"


def board(
    estimator: AnyRecommender, n_users: int = 40, n_missing: int = 1
) -> tuple[Histories, Array]:
    """Return a checkerboard: users of two blocks have the items of their block but a few.

    Users of rating models also rate the other block, low, but for as many items.

    Returns
    -------
    X : csr_matrix of shape (n_users, 16)
        The histories.
    missing : ndarray of shape (n_users, n_missing)
        Items of the own block that each user lacks, the right answer, in increasing order.
    """
    user = np.arange(n_users)
    lacks = np.sort((user[:, None] // 2 + 3 * np.arange(n_missing)) % BLOCK, axis=1)
    own = user % 2
    X = np.zeros((n_users, 2, BLOCK), dtype=np.float32)
    X[user, own] = 5 if is_explicit(estimator) else 1
    X[user, 1 - own] = 1 if is_explicit(estimator) else 0
    X[user[:, None], :, lacks] = 0
    return sp.csr_matrix(X.reshape(n_users, -1)), own[:, None] * BLOCK + lacks


def tiny(
    estimator: AnyRecommender, n_users: int = 30, n_items: int = 20, seed: int = 0
) -> Histories:
    """Return random histories, of which the first is empty and the second is full."""
    rng = np.random.RandomState(seed)
    X = (rng.rand(n_users, n_items) < 0.25).astype(np.float32)
    X[np.arange(n_users), rng.randint(n_items, size=n_users)] = 1
    X[0], X[1] = 0, 1
    if is_explicit(estimator):
        X *= rng.randint(1, 6, size=X.shape)
    return sp.csr_matrix(X)


def stored(X: MatrixLike) -> Array:
    """Return a boolean array that is True where a matrix is not zero."""
    return sp.csr_matrix(X).toarray() != 0


def quick(estimator: AnyRecommender, **params: Any) -> AnyRecommender:
    """Clone an estimator for a check in which it need not learn: two epochs, two draws."""
    copy: AnyRecommender = clone(estimator)
    own = estimator.get_params()
    fewer = {name: min(2, own[name]) for name in _QUICK if own.get(name) is not None}
    return copy.set_params(**{**fewer, **params})


def fitted(
    estimator: AnyRecommender, data: Callable[[AnyRecommender], Any] = tiny
) -> AnyRecommender:
    """Return a fitted clone, which other checks share and no check may change.

    It is fitted to the checkerboard with its own parameters, and to other data by `quick`.
    """
    key = (type(estimator), joblib.hash(estimator.get_params()), data)
    if key not in _MODELS:
        X = data(estimator)
        if data is board:
            model: AnyRecommender = clone(estimator)
            _MODELS[key] = model.fit(X[0])
        else:
            _MODELS[key] = quick(estimator).fit(X)
    _MODELS.move_to_end(key)
    while len(_MODELS) > _MOST_MODELS:
        _MODELS.popitem(last=False)
    return _MODELS[key]


def scores_of(estimator: AnyRecommender, seed: int = 1) -> Array:
    """Return what identifies a fitted model: scores and probabilities of known and other users."""
    n_users, n_items = estimator.interactions_.shape
    rows = tiny(estimator, 12, n_items, seed)
    users = np.arange(min(n_users, 12))
    parts = [estimator.decision_function(rows), estimator.decision_function(users=users)]
    parts += [estimator.predict_proba(rows), estimator.predict_proba(users=users)]
    return np.concatenate(parts)


def assert_close(actual: Any, desired: Any, message: str = "", tolerance: float = 1e-5) -> None:
    """Check that scores are equal, with a tolerance relative to the largest of them."""
    actual, desired = np.asarray(actual), np.asarray(desired)
    assert actual.shape == desired.shape, f"{message}: {actual.shape} is not {desired.shape}"
    scale = max(1.0, np.abs(desired).max(initial=0))
    np.testing.assert_allclose(actual, desired, rtol=0, atol=tolerance * scale, err_msg=message)


def error_message(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """Return the message of the error that a call must raise."""
    try:
        function(*args, **kwargs)
    except (TypeError, ValueError, MemoryError) as error:
        return str(error)
    raise AssertionError("no error was raised")
