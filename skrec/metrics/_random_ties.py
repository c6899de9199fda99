"""Ranking metrics that put equal scores in a random order."""

from __future__ import annotations

from typing import Literal, overload

from numpy.typing import ArrayLike

from skrec.interactions import Interactions
from skrec.metrics._ranking import one_metric
from skrec.metrics._shared_docs import shared_docs
from skrec.typing import Array, MatrixLike, RandomState

__all__ = ["average_precision", "mrr"]


@overload
def mrr(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    random_state: RandomState = 0,
    per_user: Literal[False] = False,
) -> float: ...
@overload
def mrr(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    random_state: RandomState = 0,
    per_user: Literal[True],
) -> Array: ...
@shared_docs
def mrr(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    random_state: RandomState = 0,
    per_user: bool = False,
) -> float | Array:
    r"""Return the reciprocal rank of the first target, 0 if it is below the cut-off.

    Parameters
    ----------
    %(targets)s
    %(random_ties)s
    %(lists)s
    %(cut_off)s
    %(exclude)s
    %(tie_source)s
    %(per_user)s

    Returns
    -------
    %(value)s

    Raises
    ------
    %(ranking_errors)s

    Examples
    --------
    >>> from skrec.metrics import mrr
    >>> mrr([[0, 1, 1, 0]], ranked=[[3, 2, 1, 0]])
    0.5
    """
    return one_metric(
        "mrr",
        k,
        per_user,
        y_true,
        y_score,
        ranked=ranked,
        exclude=exclude,
        random_state=random_state,
    )


@overload
def average_precision(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    random_state: RandomState = 0,
    per_user: Literal[False] = False,
) -> float: ...
@overload
def average_precision(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    random_state: RandomState = 0,
    per_user: Literal[True],
) -> Array: ...
@shared_docs
def average_precision(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    random_state: RandomState = 0,
    per_user: bool = False,
) -> float | Array:
    r"""Return the mean average precision, exported as ``skrec.metrics.map``.

    .. math::

        \mathrm{AP@}k = \frac{1}{\min(k, |I_u|)} \sum_{r=1}^{k}
        [r\text{-th item is a target}] \, \mathrm{precision@}r

    Parameters
    ----------
    %(targets)s
    %(random_ties)s
    %(lists)s
    %(cut_off)s
    %(exclude)s
    %(tie_source)s
    %(per_user)s

    Returns
    -------
    %(value)s

    Raises
    ------
    %(ranking_errors)s

    Examples
    --------
    >>> from skrec.metrics import map
    >>> map([[0, 1, 1, 0]], ranked=[[1, 3, 2, 0]])  # (1/1 + 2/3) / 2
    0.8333333333333333
    """
    return one_metric(
        "map",
        k,
        per_user,
        y_true,
        y_score,
        ranked=ranked,
        exclude=exclude,
        random_state=random_state,
    )
