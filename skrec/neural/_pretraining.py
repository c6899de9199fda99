"""Starting a model of pairs from what simpler ones have learnt."""

from typing import Any, ClassVar

import torch
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods

from skrec.base import ParameterFields

__all__ = ["Pretrained", "copy_factors", "factor_tables", "fit_start", "twin"]


class Pretrained(ParameterFields):
    """Start from the vectors of another estimator.

    It stands before `PairRanker` or `PairClassifier` among the bases of a class. What
    ``pretrain`` names is fitted on the part of the data that is trained on, and kept as
    ``pretrained_``; its vectors are copied where those of the new model are of the same widths.
    A model that knows ``pretrain="auto"`` says in ``_twin`` what that is, and one that copies more
    than vectors does so in ``_start``.

    Parameters
    ----------
    pretrain : estimator or None, default=None
        Estimator that is cloned and fitted first; None starts at random.
    """

    pretrain: Any = None

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "pretrain": [HasMethods(["fit", "get_params"]), None]
    }
    _parameter_docs: ClassVar[dict[str, str]] = {
        "pretrain": """
            pretrain : estimator or None, default=None
                Estimator with vectors of the same widths, such as
                ``BPRMFRanker(n_factors=64)``, that is cloned, fitted on what is trained on, and
                gives the vectors to start from; `sklearn.frozen.FrozenEstimator` keeps a fitted
                one as it is. Its parameters are those of this estimator after ``pretrain__``.
                None starts at random."""
    }

    def _twin(self):
        """Give the estimator, or a tuple of them, that ``pretrain="auto"`` stands for."""
        raise NotImplementedError

    def _start(self, model):
        """Copy what the fitted ``pretrained_`` knows into a new model."""
        copy_factors(model, self.pretrained_)

    def _forget(self):
        before = self.__dict__.get("pretrained_") if self.warm_start else None
        super()._forget()
        self.pretrained_ = before

    def _prepare(self, X, seed):
        super()._prepare(X, seed)
        if "_last_net" in self.__dict__:
            return  # it goes on from its own weights
        start = self._twin() if isinstance(self.pretrain, str) else self.pretrain
        if isinstance(start, tuple | list):
            self.pretrained_ = tuple(fit_start(e, X, seed + k) for k, e in enumerate(start))
        else:
            self.pretrained_ = None if start is None else fit_start(start, X, seed)

    def _network(self):
        network = super()._network()
        if self.pretrained_ is not None:
            self._start(network["module"])
        return network


def fit_start(estimator, X, seed):
    """Fit a clone of an estimator.

    Parameters
    ----------
    estimator : estimator
        What to fit; without a ``random_state`` of its own it takes ``seed``.
    X : csr_matrix of shape (n_users, n_items)
        The interactions to train on.
    seed : int
        Seed.

    Returns
    -------
    estimator : estimator
        The fitted clone.
    """
    estimator = clone(estimator)
    if estimator.get_params(deep=False).get("random_state", seed) is None:
        estimator.set_params(random_state=seed)
    return estimator.fit(X, None)


def twin(estimator, cls, **parameters):
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


def factor_tables(model):
    """Give the tables of a model by the names that estimators have for them.

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


def copy_factors(model, estimator, columns=slice(None)):
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


def _copy(weight, values, name, estimator):
    """Copy one table, in place."""
    wanted = tuple(weight.shape)
    found = None if values is None else values.shape
    if found != wanted:
        raise ValueError(f"pretrain must have {name} of shape {wanted}; got {found} ({estimator})")
    with torch.no_grad():
        weight.copy_(torch.as_tensor(values))
