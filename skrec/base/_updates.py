"""Models whose statistic is a sum over users: they take in more users, and merge."""

from collections.abc import Callable
from functools import update_wrapper
from types import MethodType
from typing import Any, ParamSpec, Self, TypeVar, cast

import numpy as np

from skrec.base._more_users import joined_users, more_users
from skrec.base._one_fit import view_of
from skrec.base._parameters import plain_numbers
from skrec.base._queries import check_has_interactions
from skrec.base._recommender import BaseRecommender
from skrec.interactions import InteractionEncoder, Interactions
from skrec.typing import CSRMatrix, MatrixLike
from skrec.utils import column_counts

__all__ = ["UpdatableRecommender"]

_FREE = ("n_jobs", "verbose", "checkpoint")  # parameters that change no model

P = ParamSpec("P")
R = TypeVar("R")


class _Offered:
    """A method that is there only where the parameters leave the model a sum over users."""

    def __init__(self, method: Callable) -> None:
        self.method = method
        update_wrapper(cast(Any, self), method)

    def __get__(self, model: Any, owner: type | None = None) -> Any:
        if model is None:
            return self.method
        wanted = model._no_sum()
        if wanted is not None:
            name = type(model).__name__
            raise AttributeError(f"{name} has {self.method.__name__} only with {wanted}")
        return MethodType(self.method, model)


def offered(method: Callable[P, R]) -> Callable[P, R]:
    """Let a method be an attribute only where the parameters leave a sum over users.

    Parameters
    ----------
    method : callable
        A method of an `UpdatableRecommender`.

    Returns
    -------
    method : callable
        The same; type checkers see no difference.
    """
    return cast(Any, _Offered(method))


class UpdatableRecommender(BaseRecommender):
    """Base of models whose statistic is a sum over users.

    A model writes ``_fit_more(X, new)``, which fits to X as ``_fit(X)`` does but may add the last
    users to sums that it keeps, and ``_no_sum`` where parameters can leave it without a sum.
    """

    def _no_sum(self) -> str | None:
        """Return the parameter, and what it must be, that leaves no sum over users, or None."""
        return None

    def _fit_more(self, X: CSRMatrix, new: CSRMatrix) -> None:
        """Fit to all users X, of whom ``new`` are those that the last fit has not seen."""
        self._fit(X)

    @offered
    def partial_fit(self, X: Interactions | MatrixLike, y: Any = None) -> Self:
        """Learn from more users; the model is then that of one ``fit`` to all users so far.

        The rows of X are users that the model has not seen: they come after those that it has, for
        ``users=`` too. An unfitted model is fitted. A later X may be wider; users from before have
        nothing of its new items.

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_new_users, n_items)
            Interactions of new users. Interactions whose ids continue those of the model, as
            `InteractionEncoder.partial_fit` lets them, keep their rows.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The model of all users so far.

        Raises
        ------
        AttributeError
            If the parameters leave no sum over users.
        ValueError
            If ``X`` or a parameter cannot be used, ``X`` has fewer items than the model, or users
            whom it has; the model is then as it was before.

        Notes
        -----
        The first call costs a ``fit``. The second sums over the users from before once more, and
        keeps what later calls add to; the class says how much memory that takes. Probabilities are
        set right on held-out pairs when they are first asked for after a call. These are drawn
        from all users, so that blocks in their order give the probabilities of one ``fit``, and
        others those of another sample.

        Examples
        --------
        >>> import scipy.sparse as sp
        >>> from skrec import EASERecommender
        >>> X = sp.csr_matrix([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
        >>> model = EASERecommender(l2=1.0).partial_fit(X[:2]).partial_fit(X[2:])
        >>> model.recommend(users=[0, 3], n_items=1, exclude_seen=False).shape
        (2, 1)
        >>> model.recommend(sp.csr_matrix([[0, 0, 1, 0]]), n_items=1)
        array([[3]])
        """
        twin = _twin(self)
        with plain_numbers(twin):
            if "link_" in twin.__dict__:
                twin._validate_params()
                check_has_interactions(twin, "partial_fit must have the users from before")
                twin._take_in(*more_users(twin, X))
            else:
                twin._learn(X)
        self.__dict__ = twin.__dict__
        return self

    @offered
    def merge(self, other: Self) -> Self:
        """Join a model of other users; the model is then that of one ``fit`` to all of them.

        Parameters
        ----------
        other : object
            A fitted model of the same class, items and parameters, but for ``n_jobs``, ``verbose``
            and ``checkpoint``. It is not changed. Its users come after those of this model.

        Returns
        -------
        self : object
            The model of the users of both.

        Raises
        ------
        AttributeError
            If the parameters leave no sum over users.
        TypeError
            If ``other`` is of another class.
        ValueError
            If ``other`` has other parameters, other items, or users whom this model has; the model
            is then as it was before.

        Examples
        --------
        >>> import scipy.sparse as sp
        >>> from skrec import EASERecommender
        >>> X = sp.csr_matrix([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
        >>> model = EASERecommender(l2=1.0).fit(X[:2]).merge(EASERecommender(l2=1.0).fit(X[2:]))
        >>> model.recommend(sp.csr_matrix([[0, 0, 1, 0]]), n_items=1)
        array([[3]])
        """
        twin = _twin(self)
        twin._check_is_fitted()
        _check_alike(twin, other)
        for model in (twin, other):
            check_has_interactions(model, "merge must have the users of both models")
        with plain_numbers(twin):
            twin._take_in(*joined_users(twin, other.interactions_, other.encoder_, "other"))
        self.__dict__ = twin.__dict__
        return self

    def _take_in(self, X: CSRMatrix, new: CSRMatrix, encoder: InteractionEncoder | None) -> None:
        """Learn from all users, of whom the last fit has not seen the new ones."""
        self.interactions_, self.encoder_ = X, encoder
        self.n_features_in_: int = X.shape[1]
        self.item_counts_ = column_counts(X)
        self._fit_more(X, new)
        # calibrated when probabilities are first asked for: not at each of many calls
        self.link_ = self._new_link()
        for name in self._working_arrays:
            self.__dict__.pop(name, None)


def _twin(model: Any) -> Any:
    """Return a model with the same attributes, to learn aside and then take the model's place."""
    twin = view_of(model)
    twin.__dict__ = dict(model.__dict__)
    return twin


def _check_alike(model: BaseRecommender, other: Any) -> None:
    """Refuse to merge models that one fit could not be."""
    if type(other) is not type(model):
        raise TypeError(f"other must be another {type(model).__name__}; got {type(other).__name__}")
    other._check_is_fitted()
    ours, theirs = model.get_params(), other.get_params()
    for name, value in ours.items():
        if name not in _FREE and repr(value) != repr(theirs[name]):
            raise ValueError(
                f"other must have the parameters of this model, {name}={value!r}; "
                f"got {name}={theirs[name]!r}"
            )
    names: Any = [getattr(each, "feature_names_in_", None) for each in (model, other)]
    if other.n_features_in_ != model.n_features_in_:
        raise ValueError(
            f"other must have the {model.n_features_in_} items of this model; "
            f"got {other.n_features_in_}"
        )
    if any(each is not None for each in names) and not np.array_equal(names[0], names[1]):
        raise ValueError("other must have the items of this model, in their order; got others")
