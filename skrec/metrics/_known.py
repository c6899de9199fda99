"""The fitted model that a scorer asks, what it has seen, and users of whom it knows nothing."""

from __future__ import annotations

import warnings
from typing import Any, Literal, TypeAlias

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skrec.exceptions import SkrecWarning
from skrec.interactions import Interactions, different_ids
from skrec.metrics._check import as_pattern
from skrec.typing import Array, CSRMatrix
from skrec.utils import check_choice, check_finite

__all__ = [
    "UnknownUsers",
    "check_items",
    "check_unknown_users",
    "fitted_model",
    "keep_known",
    "predicts_ratings",
    "seen_in_fit",
]

UnknownUsers: TypeAlias = Literal["warn", "include", "skip", "error"]
"""What a scorer does with users of whom the model knows nothing."""

_MANY = 0.2  # share of unknown users that is hardly meant


def check_unknown_users(unknown_users: Any) -> UnknownUsers:
    """Return the parameter ``unknown_users`` after a check."""
    check_choice(unknown_users, "unknown_users", ("warn", "include", "skip", "error"))
    return unknown_users


def fitted_model(est: Any, method: str) -> Any:
    """Return the recommender to score, that of a fitted search, after a check of its kind."""
    while hasattr(est, "best_estimator_"):  # a fitted search, inside another cross-validation
        est = est.best_estimator_
    if isinstance(est, type) or not hasattr(est, "fit"):
        raise TypeError(f"estimator must be a fitted recommender; got {est!r}")
    if not callable(getattr(est, method, None)):
        check_is_fitted(est)
        raise TypeError(f"estimator must have {method}; got {type(est).__name__}, which has none")
    return est


def predicts_ratings(est: Any) -> bool:
    """Return whether a model, or the last step of a pipeline, predicts ratings."""
    while hasattr(est, "steps"):
        est = est.steps[-1][1]
    tags = est.__sklearn_tags__() if hasattr(est, "__sklearn_tags__") else None
    return getattr(tags, "feedback", "implicit") == "explicit"


def seen_in_fit(est: Any, X: Interactions) -> CSRMatrix:
    """Return the pattern of the interactions of fit, after a check that X is in their frame."""
    if not hasattr(est, "interactions_"):
        check_is_fitted(est)
        raise TypeError(
            "estimator must have interactions_, those of fit, where X is an Interactions; got "
            f"{type(est).__name__}, which has none. Give histories and targets as matrices"
        )
    if getattr(est, "_lacks_interactions_", False):
        raise NotFittedError(
            "X must be histories, and y their targets: this estimator was saved with "
            "training_data=False, without the interactions of fit"
        )
    seen = as_pattern(est.interactions_, "interactions_", keep_zeros=True)
    if X.frame != seen.shape:
        raise ValueError(f"X must have the frame seen in fit, {seen.shape}, got {X.frame}.")
    _check_ids(different_ids(getattr(est, "encoder_", None), X.encoder), "X")
    check_finite(X.value, "X")
    return seen


def check_items(est: Any, y: Any) -> None:
    """Check that targets of given histories, an `Interactions`, have the items of the model.

    Their users are the rows of the histories, who need not be those of fit.
    """
    if isinstance(y, Interactions):
        encoder = getattr(est, "encoder_", None)
        _check_ids(different_ids(encoder, y.encoder, items_only=True), "y")


def _check_ids(side: str | None, name: str) -> None:
    if side is not None:
        raise ValueError(
            f"{name} must have the {side} ids of fit; got Interactions whose encoder gives the "
            f"{side} ids other codes, so that the scores would be of other {side}s. Make {name} "
            "with the encoder of fit: estimator.encoder_.transform(table)"
        )


def keep_known(known: Array, rule: UnknownUsers, *, of_fit: bool) -> Array:
    """Return which of the users with targets are evaluated, as a boolean array.

    Parameters
    ----------
    known : ndarray of bool of shape (n_users,)
        Whether the model knows something of each user with targets.
    rule : {"warn", "include", "skip", "error"}
        What to do with the others.
    of_fit : bool
        Whether they were to be known from fit. Many unknown ones are then hardly meant.
    """
    n_unknown, n = int(np.count_nonzero(~known)), len(known)
    if rule == "error" and n_unknown:
        raise ValueError(
            f"X must hold users that the model knows (unknown_users='error'); got {n_unknown} of "
            f"{n} users with targets that have no interactions "
            f"{'in fit' if of_fit else 'in their histories'}"
        )
    if rule == "warn" and of_fit and n_unknown > _MANY * n:
        warnings.warn(_warning(n_unknown, n), SkrecWarning, stacklevel=2)
    return known if rule == "skip" else np.ones(n, dtype=bool)


def _warning(n_unknown: int, n: int) -> str:
    return (
        f"{n_unknown} of {n} users with targets have no interactions in fit: for them a model "
        "ranks by popularity (or predicts means), and settings hardly differ. Interactions in the "
        "order of users, split without shuffling (cv=5, or no cv), put whole users aside. Split at "
        "random, by InteractionKFold, InteractionHoldout or LeaveOneOut of skrec.model_selection, "
        "or by KFold(shuffle=True). For users that fit has not seen, give matrices (tocsr()) and "
        "cv=StrongGeneralization(). unknown_users='skip' leaves such users out of the mean, "
        "'include' takes them in"
    )
