"""Starting a model of pairs from what simpler ones have learnt."""

from typing import Any

import torch
from sklearn.base import clone
from torch import Tensor

from skrec.nn import PairModel
from skrec.typing import CSRMatrix

__all__ = ["copy_factors", "factor_tables", "fit_start", "fit_starts", "twin"]


def fit_starts(start: Any, X: CSRMatrix, seed: int, checkpoint: Any = None) -> Any:
    """Fit a clone of an estimator, or of each of several.

    Parameters
    ----------
    start : estimator, tuple or list of estimators, or None
        What to fit.
    X : csr_matrix of shape (n_users, n_items)
        The interactions to train on.
    seed : int
        Seed of those without a ``random_state`` of their own; each takes another.
    checkpoint : str or path-like, default=None
        Folder of those that have no ``checkpoint`` of their own.

    Returns
    -------
    fitted : estimator, tuple of estimators or None
        The fitted clones.
    """
    if isinstance(start, tuple | list):
        return tuple(fit_start(each, X, seed + k, checkpoint) for k, each in enumerate(start))
    return None if start is None else fit_start(start, X, seed, checkpoint)


def fit_start(estimator: Any, X: CSRMatrix, seed: int, checkpoint: Any = None) -> Any:
    """Fit a clone of an estimator.

    Parameters
    ----------
    estimator : estimator
        What to fit; without a ``random_state`` of its own it takes ``seed``.
    X : csr_matrix of shape (n_users, n_items)
        The interactions to train on.
    seed : int
        Seed.
    checkpoint : str or path-like, default=None
        Folder for its checkpoints, if it has none of its own.

    Returns
    -------
    estimator : estimator
        The fitted clone.

    Raises
    ------
    TypeError
        If it is no estimator.
    """
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        raise TypeError(f"pretrain must be an estimator, or a pair of them; got {estimator!r}")
    estimator = clone(estimator)
    given = {"random_state": seed, "checkpoint": checkpoint}
    own = estimator.get_params(deep=False)
    estimator.set_params(**{k: v for k, v in given.items() if k in own and own[k] is None})
    return estimator.fit(X, None)


def twin(estimator: Any, cls: type, **parameters: Any) -> Any:
    """Make an estimator with the parameters of another.

    Parameters
    ----------
    estimator : estimator
        Whose parameters are taken, those of its training included.
    cls : type
        Class of the new one; parameters that it does not have are left out.
    **parameters
        What is different.

    Returns
    -------
    twin : estimator
        Not fitted; without pre-training, callbacks and a seed of its own.
    """
    own = {"pretrain": None, "warm_start": False, "callbacks": None, "random_state": None}
    shared = {**estimator.get_params(deep=False), **own}
    names = set(cls().get_params(deep=False))
    return cls(**{**{k: v for k, v in shared.items() if k in names}, **parameters})


def factor_tables(model: PairModel) -> dict[str, Tensor]:
    """Return the tables of a model by the names that estimators have for them.

    Parameters
    ----------
    model : PairModel
        The model.

    Returns
    -------
    tables : dict of str to Tensor of shape (n_rows, width)
        The weights ``user_factors_``, ``history_factors_`` and ``item_factors_``, where there are
        such.
    """
    tables = {
        "user_factors_": getattr(model.users, "free", None),
        "history_factors_": getattr(model.users, "history", None),
        "item_factors_": model.items,
    }
    return {name: table.weight for name, table in tables.items() if table is not None}


def copy_factors(model: PairModel, estimator: Any, columns: slice = slice(None)) -> None:
    """Copy an estimator's vectors into the tables of a model.

    Parameters
    ----------
    model : PairModel
        The model, which is changed.
    estimator : estimator
        Fitted; with ``user_factors_``, ``item_factors_`` and, for a model that sums histories,
        ``history_factors_``.
    columns : slice, default=slice(None)
        Columns of the tables to write to.

    Raises
    ------
    ValueError
        If the estimator lacks vectors, or has ones of another shape.
    """
    for name, weight in factor_tables(model).items():
        _copy(weight[:, columns], getattr(estimator, name, None), name, estimator)


def _copy(weight: Tensor, values: Any, name: str, estimator: Any) -> None:
    """Copy one table, in place."""
    wanted = tuple(weight.shape)
    found = None if values is None else values.shape
    if found != wanted:
        raise ValueError(f"pretrain must have {name} of shape {wanted}; got {found} ({estimator})")
    with torch.no_grad():
        weight.copy_(torch.as_tensor(values))
