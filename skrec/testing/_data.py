"""The small data that all checks share, models fitted to it, and what the checks compare with."""

from collections import OrderedDict

import joblib
import numpy as np
import scipy.sparse as sp
from sklearn.base import clone

__all__ = [
    "BLOCK",
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

BLOCK = 8  # items in a block of the checkerboard
_MOST_MODELS = 12
_QUICK = {"max_epochs": 2, "fold_in_steps": 2}
_MODELS = OrderedDict()


def is_explicit(estimator):
    """Tell whether the estimator learns from ratings."""
    return estimator.__sklearn_tags__().feedback == "explicit"


def board(estimator, n_users=40, n_missing=1):
    """Make a checkerboard: users of two blocks have the items of their block but a few.

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


def tiny(estimator, n_users=30, n_items=20, seed=0):
    """Make random histories, of which the first is empty and the second is full."""
    rng = np.random.RandomState(seed)
    X = (rng.rand(n_users, n_items) < 0.25).astype(np.float32)
    X[np.arange(n_users), rng.randint(n_items, size=n_users)] = 1
    X[0], X[1] = 0, 1
    if is_explicit(estimator):
        X *= rng.randint(1, 6, size=X.shape)
    return sp.csr_matrix(X)


def stored(X):
    """Give the boolean array of what a matrix stores."""
    return sp.csr_matrix(X).toarray() != 0


def quick(estimator, **params):
    """Clone an estimator for a check in which it need not learn: two epochs and fold-in steps."""
    own = estimator.get_params()
    fewer = {name: min(n, own[name]) for name, n in _QUICK.items() if name in own}
    return clone(estimator).set_params(**{**fewer, **params})


def fitted(estimator, data=tiny):
    """Give a fitted clone that other checks use too, so nothing may be done to it.

    On the checkerboard it is fitted as it stands, on other data quickly.
    """
    key = (type(estimator), joblib.hash(estimator.get_params()), data)
    if key not in _MODELS:
        X = data(estimator)
        if data is board:
            _MODELS[key] = clone(estimator).fit(X[0])
        else:
            _MODELS[key] = quick(estimator).fit(X)
    _MODELS.move_to_end(key)
    while len(_MODELS) > _MOST_MODELS:
        _MODELS.popitem(last=False)
    return _MODELS[key]


def scores_of(estimator, seed=1):
    """Give what identifies a fitted model: scores and probabilities of known and other users."""
    n_users, n_items = estimator.interactions_.shape
    rows = tiny(estimator, 12, n_items, seed)
    users = np.arange(min(n_users, 12))
    parts = [estimator.decision_function(rows), estimator.decision_function(users=users)]
    parts += [estimator.predict_proba(rows), estimator.predict_proba(users=users)]
    return np.concatenate(parts)


def assert_close(actual, desired, message="", tolerance=1e-5):
    """Compare scores, with a tolerance relative to the largest of them."""
    actual, desired = np.asarray(actual), np.asarray(desired)
    assert actual.shape == desired.shape, f"{message}: {actual.shape} is not {desired.shape}"
    scale = max(1.0, np.abs(desired).max(initial=0))
    np.testing.assert_allclose(actual, desired, rtol=0, atol=tolerance * scale, err_msg=message)


def error_message(function, *args, **kwargs):
    """Give the message of the error that a call must raise."""
    try:
        function(*args, **kwargs)
    except (TypeError, ValueError) as error:
        return str(error)
    raise AssertionError("no error was raised")
