"""Ranking metrics that are, for equal scores, the mean over all orders of them."""

from __future__ import annotations

from typing import Literal, overload

from numpy.typing import ArrayLike

from skrec.interactions import Interactions
from skrec.metrics._ranking import one_metric
from skrec.metrics._shared_docs import shared_docs
from skrec.typing import Array, MatrixLike

__all__ = ["hit_rate", "ndcg", "precision", "recall"]


@overload
def ndcg(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    per_user: Literal[False] = False,
) -> float: ...
@overload
def ndcg(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    per_user: Literal[True],
) -> Array: ...
@shared_docs
def ndcg(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    per_user: bool = False,
) -> float | Array:
    r"""Return the normalized discounted cumulative gain with binary relevance.

    .. math::

        \mathrm{NDCG@}k = \sum_{r=1}^{k} \frac{[r\text{-th item is a target}]}{\log_2(r + 1)} \Big/
        \sum_{r=1}^{\min(k, |I_u|)} \frac{1}{\log_2(r + 1)}

    Parameters
    ----------
    %(targets)s
    %(expected_ties)s
    %(lists)s
    %(cut_off)s
    %(exclude)s
    %(per_user)s

    Returns
    -------
    %(value)s

    Raises
    ------
    %(ranking_errors)s

    References
    ----------
    .. [1] K. Järvelin, J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques",
       ACM Transactions on Information Systems 20(4), 2002. :doi:`10.1145/582415.582418`

    Examples
    --------
    >>> from skrec.metrics import ndcg
    >>> round(ndcg([[0, 1, 0]], [[0.9, 0.5, 0.1]]), 4)
    0.6309
    """
    return one_metric("ndcg", k, per_user, y_true, y_score, ranked=ranked, exclude=exclude)


@overload
def recall(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    truncated: bool = True,
    per_user: Literal[False] = False,
) -> float: ...
@overload
def recall(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    truncated: bool = True,
    per_user: Literal[True],
) -> Array: ...
@shared_docs
def recall(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    truncated: bool = True,
    per_user: bool = False,
) -> float | Array:
    r"""Return the share of a user's targets that are among the first k items.

    Parameters
    ----------
    %(targets)s
    %(expected_ties)s
    %(lists)s
    %(cut_off)s
    %(exclude)s
    truncated : bool, default=True
        Whether to divide by min(k, number of targets), as papers on autoencoders do, so that 1 can
        always be reached. False divides by the number of targets.
    %(per_user)s

    Returns
    -------
    %(value)s

    Raises
    ------
    %(ranking_errors)s

    References
    ----------
    .. [1] F. McSherry, M. Najork, "Computing information retrieval performance measures
       efficiently in the presence of tied scores", ECIR 2008.
       :doi:`10.1007/978-3-540-78646-7_38`

    Examples
    --------
    >>> from skrec.metrics import recall
    >>> recall([[1, 1, 1, 0]], [[0.9, 0.5, 0.1, 0.7]], k=2)
    0.5
    """
    return one_metric(
        "recall", k, per_user, y_true, y_score, ranked=ranked, exclude=exclude, truncated=truncated
    )


@overload
def precision(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    per_user: Literal[False] = False,
) -> float: ...
@overload
def precision(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    per_user: Literal[True],
) -> Array: ...
@shared_docs
def precision(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    per_user: bool = False,
) -> float | Array:
    r"""Return the share of the first k items that are targets.

    A ranking shorter than k counts as if misses filled it up. With ``k=None`` the divisor is the
    length of the ranking.

    Parameters
    ----------
    %(targets)s
    %(expected_ties)s
    %(lists)s
    %(cut_off)s
    %(exclude)s
    %(per_user)s

    Returns
    -------
    %(value)s

    Raises
    ------
    %(ranking_errors)s

    References
    ----------
    .. [1] F. McSherry, M. Najork, "Computing information retrieval performance measures
       efficiently in the presence of tied scores", ECIR 2008.
       :doi:`10.1007/978-3-540-78646-7_38`

    Examples
    --------
    >>> from skrec.metrics import precision
    >>> precision([[1, 1, 0, 0]], [[0.9, 0.5, 0.1, 0.7]], k=2)
    0.5
    """
    return one_metric("precision", k, per_user, y_true, y_score, ranked=ranked, exclude=exclude)


@overload
def hit_rate(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    per_user: Literal[False] = False,
) -> float: ...
@overload
def hit_rate(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    per_user: Literal[True],
) -> Array: ...
@shared_docs
def hit_rate(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    k: int | None = 10,
    exclude: MatrixLike | None = None,
    per_user: bool = False,
) -> float | Array:
    r"""Return the hit rate: whether at least one target is among the first k items.

    Parameters
    ----------
    %(targets)s
    %(expected_ties)s
    %(lists)s
    %(cut_off)s
    %(exclude)s
    %(per_user)s

    Returns
    -------
    %(value)s

    Raises
    ------
    %(ranking_errors)s

    References
    ----------
    .. [1] F. McSherry, M. Najork, "Computing information retrieval performance measures
       efficiently in the presence of tied scores", ECIR 2008.
       :doi:`10.1007/978-3-540-78646-7_38`

    Examples
    --------
    >>> from skrec.metrics import hit_rate
    >>> hit_rate([[1, 0, 0, 0]], [[0.0, 0.0, 0.0, 0.0]], k=1)  # one in four
    0.25
    """
    return one_metric("hit_rate", k, per_user, y_true, y_score, ranked=ranked, exclude=exclude)
