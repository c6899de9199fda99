"""Why a training led to numbers that are not finite, and where that is found."""

from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from skrec.exceptions import DivergenceError
from skrec.typing import CSRMatrix

__all__ = ["check_range", "check_scores", "check_weights", "likely_cause"]

_HUGE = 1e6  # beyond this a parameter is more likely the cause than the learning rate
_HUGE_DATA = 1e4
_LARGEST = float(np.finfo(np.float32).max)
_ITEMS = 16  # that the trained model scores, for three users, before it is handed out


def check_range(estimator: Any) -> None:
    """Refuse numbers among the parameters that float32 cannot hold.

    Parameters
    ----------
    estimator : BaseRecommender
        The estimator; its parameters are valid.

    Raises
    ------
    ValueError
        If there is one.
    """
    for name, value in _numbers(estimator):
        if not abs(value) <= _LARGEST:
            raise ValueError(
                f"{name} must lie in the range of float32, up to {_LARGEST:.2g}; got {value:g}"
            )


def check_weights(estimator: Any, net: Any) -> None:
    """Refuse a net whose weights are not all finite.

    Parameters
    ----------
    estimator : TorchRecommender
        Whose net it is.
    net : RecommenderNet
        The net after its training.

    Raises
    ------
    DivergenceError
        If one is not.
    """
    state = net.module_.state_dict()
    bad = [name for name, value in state.items() if not bool(torch.isfinite(value).all())]
    if bad:
        raise DivergenceError(
            f"the weights {bad[0]} are not finite after epoch {len(net.history)} with "
            f"lr={net.lr:g}; {likely_cause(estimator)}"
        )


def check_scores(estimator: Any) -> None:
    """Refuse a trained model that gives scores which are not finite.

    Parameters
    ----------
    estimator : BaseRecommender
        The trained estimator; a few users and items are scored.

    Raises
    ------
    DivergenceError
        If a score is not finite.
    """
    known = np.flatnonzero(np.diff(estimator.interactions_.indptr))
    users = np.unique(known[[0, len(known) // 2, -1]])
    items = np.arange(min(_ITEMS, estimator.n_features_in_))
    with np.errstate(all="ignore"):
        scores = estimator._scores(estimator._queries(None, users), candidates=items)
    if not np.isfinite(scores).all():
        raise DivergenceError(
            f"the trained model gives scores that are not finite; {likely_cause(estimator)}"
        )


def likely_cause(
    estimator: Any, net: Any = None, default: str = "a smaller lr usually helps"
) -> str:
    """Return what most likely made training diverge.

    Parameters
    ----------
    estimator : BaseRecommender
        Whose parameters and data may be the cause.
    net : RecommenderNet, default=None
        Its net at the failure; where it was not updated yet, the learning rate is no cause.
    default : str, default="a smaller lr usually helps"
        The cause where nothing else stands out.

    Returns
    -------
    cause : str
        The end of a sentence.
    """
    huge = [f"{name}={value:g}" for name, value in _numbers(estimator) if abs(value) > _HUGE]
    if huge:
        return f"the cause is likely {', '.join(huge)}, far beyond what float32 can work with"
    largest = _largest(estimator.interactions_)
    if largest > _HUGE_DATA:
        return f"the cause is likely X, which holds values up to {largest:g}: scale them"
    if net is None or _is_updated(net):
        return default
    weights = max(float(p.detach().abs().max()) for p in net.module_.parameters() if p.numel())
    return (
        "no update was made before, so lr is not the cause: weights start at up to "
        f"{weights:.2g} (init_std), X holds values up to {largest:g}"
    )


def _is_updated(net: Any) -> bool:
    history = net.history
    return len(history) > 1 or len(history[-1]["batches"]) > 1


def _largest(X: CSRMatrix) -> float:
    return float(np.abs(X.data).max(initial=0))


def _numbers(estimator: Any) -> list[tuple[str, float]]:
    """Return the parameters that are real numbers, also inside tuples, by name."""
    found = []
    for name, value in estimator.get_params(deep=False).items():
        rules = estimator._parameter_constraints.get(name, [])
        real = any(isinstance(rule, Interval) and rule.type is not Integral for rule in rules)
        for each in value if isinstance(value, tuple | list) else [value]:
            if isinstance(each, float) or (real and isinstance(each, Real)):
                found.append((name, each))
    return found
