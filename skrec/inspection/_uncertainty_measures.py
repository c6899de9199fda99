"""Measures of a model's uncertainty about each user."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import get_tags

from skrec.base import BaseRecommender
from skrec.interactions import Interactions
from skrec.typing import Array, MatrixLike
from skrec.utils import as_numbers, check_count

__all__ = ["measure_uncertainty"]

MEASURES = ("variance", "spread")


def measure_uncertainty(
    est: BaseRecommender,
    X: Interactions | MatrixLike | None,
    users: Array | None,
    measure: str | ArrayLike,
    n_items: int,
    n_rows: int,
) -> Array:
    """Return the uncertainty about each user."""
    if not isinstance(measure, str):
        return _check_numbers(measure, n_rows)
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {MEASURES} or an array; got {measure!r}")
    return _spread(est, X, users, n_items) if measure == "spread" else _variance(est, users, n_rows)


def _variance(est: Any, users: Array | None, n_rows: int) -> Array:
    if not hasattr(est, "user_variances_"):
        raise ValueError(
            "measure='variance' needs a model that has user_variances_, such as those of "
            f"skrec.gaussian; got {type(est).__name__} (measure='spread' asks any model with a "
            "posterior)"
        )
    variances = np.asarray(est.user_variances_, dtype=np.float64)
    if users is not None:
        return variances[users].mean(axis=1)
    if len(variances) != n_rows:
        raise ValueError(
            f"X must have a row for each of the {len(variances)} users of fit where users are not "
            f"given and measure is 'variance'; got {n_rows} rows"
        )
    return variances.mean(axis=1)


def _spread(est: Any, X: Any, users: Array | None, n_items: int) -> Array:
    if not getattr(get_tags(est), "probabilistic", False):
        raise ValueError(
            "measure='spread' needs a model with a posterior, whose tag probabilistic is True; "
            f"got {type(est).__name__}"
        )
    # X is only passed for users of whom nothing is stored: a placebo has rows of its own
    n_items = min(check_count(n_items, "n_items", 1), est.n_features_in_)  # the rest is padding
    _, std = est.recommend(X if users is None else None, n_items, users=users, return_std=True)
    found = np.isfinite(std)
    n_found = found.sum(axis=1)
    total = np.where(found, std, 0).sum(axis=1, dtype=np.float64)
    return np.divide(total, n_found, out=np.full(len(std), np.nan), where=n_found > 0)


def _check_numbers(measure: ArrayLike, n_rows: int) -> Array:
    numbers = as_numbers(measure, "measure")
    if numbers.shape != (n_rows,):
        raise ValueError(
            f"measure must have one number a user, of shape ({n_rows},); got {numbers.dtype} of "
            f"shape {numbers.shape}"
        )
    return numbers.astype(np.float64)
