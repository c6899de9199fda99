"""Validation of what the metrics are given."""

import numbers

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array, check_random_state

from skrec.interactions import Interactions

__all__ = ["as_pattern", "as_seed", "check_ranked", "check_scores", "mean_over_targets", "no_nan"]


def as_pattern(X, name, shape=None, *, keep_zeros=False):
    """Give a canonical boolean CSR matrix of the non-zero entries (all of an `Interactions`)."""
    if isinstance(X, Interactions):
        pairs = (np.ones(len(X), dtype=bool), (X.user, X.item))
        X = sp.csr_matrix(pairs, shape=X.frame)
    else:
        X = check_array(X, accept_sparse="csr", dtype=None, input_name=name, ensure_min_samples=0)
        X = sp.csr_matrix(X)
        X = sp.csr_matrix(
            ((X.data != 0) | keep_zeros, X.indices, X.indptr), shape=X.shape, copy=True
        )
    if shape is not None and X.shape != tuple(shape):
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {X.shape}.")
    X.sum_duplicates()
    X.eliminate_zeros()
    return X


def as_seed(random_state):
    """Give an int for any random state of scikit-learn's kind."""
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def no_nan(scores, name):
    """Raise if scores hold a NaN, which has no place in a ranking."""
    # max carries NaN along and needs no temporary array
    if scores.size and np.isnan(scores.max()):
        raise ValueError(f"{name} must not hold NaN: it has no place in a ranking.")


def check_scores(y_score, shape, name="y_score"):
    """Give scores as a float array of the wanted shape."""
    if sp.issparse(y_score):
        raise TypeError(f"{name} must be a dense array, got {type(y_score).__name__}.")
    scores = np.asarray(y_score)
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float32 if scores.dtype == np.float16 else np.float64)
    if scores.shape != tuple(shape):
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {scores.shape}.")
    return scores


def check_ranked(ranked, n_items, n_users=None):
    """Give ranked lists as int64 after a look at their items."""
    ranked = np.asarray(ranked)
    if ranked.ndim != 2 or ranked.dtype.kind not in "iu":
        raise ValueError(
            "ranked must be a two-dimensional array of integers, (n_users, m), "
            f"got {ranked.ndim} dimensions of {ranked.dtype}."
        )
    ranked = ranked.astype(np.int64)
    if n_users is not None and len(ranked) != n_users:
        raise ValueError(f"ranked must have a row for each of {n_users} users, got {len(ranked)}.")
    if ranked.size and (ranked.min() < -1 or ranked.max() >= n_items):
        raise ValueError(
            f"ranked must hold item indices below {n_items}, or -1 as padding, got "
            f"{ranked.min()} to {ranked.max()}."
        )
    in_order = np.sort(ranked, axis=1)
    if ((in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] >= 0)).any():
        raise ValueError("ranked must name an item at most once in a user's list.")
    return ranked


def mean_over_targets(values, reason="no user in y_true has a target"):
    """Average over the users that have a value."""
    if np.isnan(values).all():
        raise ValueError(f"The mean is not defined: {reason}.")
    return float(np.nanmean(values))
