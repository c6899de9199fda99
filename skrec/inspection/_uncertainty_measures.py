"""One number a user that says how unsure a model is."""

import numpy as np
from sklearn.utils import get_tags

__all__ = ["measure_uncertainty"]

MEASURES = ("variance", "spread")


def measure_uncertainty(est, X, users, measure, n_items, n_rows):
    """Give one number a user."""
    if not isinstance(measure, str):
        return _check_numbers(measure, n_rows)
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {MEASURES} or an array; got {measure!r}")
    return _spread(est, X, users, n_items) if measure == "spread" else _variance(est, users, n_rows)


def _variance(est, users, n_rows):
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


def _spread(est, X, users, n_items):
    if not getattr(get_tags(est), "probabilistic", False):
        raise ValueError(
            "measure='spread' needs a model with a posterior, whose tag probabilistic is True; "
            f"got {type(est).__name__}"
        )
    # X is for those of whom nothing is stored: a placebo has rows of its own
    _, std = est.recommend(X if users is None else None, n_items, users=users, return_std=True)
    found = np.isfinite(std)
    n_found = found.sum(axis=1)
    total = np.where(found, std, 0).sum(axis=1, dtype=np.float64)
    return np.divide(total, n_found, out=np.full(len(std), np.nan), where=n_found > 0)


def _check_numbers(measure, n_rows):
    measure = np.asarray(measure)
    if measure.shape != (n_rows,) or measure.dtype.kind not in "buif":
        raise ValueError(
            f"measure must have one number a user, of shape ({n_rows},); got {measure.dtype} of "
            f"shape {measure.shape}"
        )
    return measure.astype(np.float64)
