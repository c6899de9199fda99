"""Metrics of rankings: how high the targets of each user stand."""

import numpy as np

from skrec.metrics._check import (
    as_pattern,
    as_seed,
    check_ranked,
    check_scores,
    mean_over_targets,
    no_nan,
)
from skrec.metrics._engine import bytes_per_row, measure_lists, measure_scores
from skrec.metrics._hits import without
from skrec.metrics._names import check_k, parse_names
from skrec.utils import row_blocks

__all__ = [
    "average_precision",
    "evaluate_ranking",
    "hit_rate",
    "mrr",
    "ndcg",
    "precision",
    "recall",
]


def evaluate_ranking(
    y_true,
    y_score=None,
    *,
    ranked=None,
    metrics=("ndcg@10", "recall@10"),
    exclude=None,
    truncated=True,
    random_state=0,
):
    """Compute several ranking metrics per user from one ranking.

    Ten metrics and cut-offs cost about as much as one.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_users, n_items) or Interactions
        Non-zero entries are the targets (relevant items) of a user.
    y_score : array-like of shape (n_users, n_items), default=None
        Scores, larger is better; ``-inf`` is never ranked. Equal scores count in expectation over
        their orders, in "mrr" and "map" by one random order.
    ranked : array-like of int of shape (n_users, m), default=None
        Item indices, best first, padded with -1, in place of `y_score`.
    metrics : str or iterable of str, default=("ndcg@10", "recall@10")
        Any of "ndcg", "recall", "precision", "hit_rate", "mrr", "map", with a cut-off after an "@";
        a name without one looks at the whole ranking.
    exclude : sparse matrix of shape (n_users, n_items), default=None
        Pairs that are not eligible: they are neither ranked nor targets.
    truncated : bool, default=True
        Recall divides by min(k, number of targets) if True, by the number of targets otherwise.
    random_state : int, RandomState instance or None, default=0
        Order within ties for "mrr" and "map"; it does not depend on how the users are blocked.

    Returns
    -------
    values : dict of str to ndarray of shape (n_users,)
        Values by name, as given; NaN for users without targets.

    Raises
    ------
    ValueError
        If a score is NaN, if shapes differ, or if a list names an item twice.

    Examples
    --------
    >>> from skrec.metrics import evaluate_ranking
    >>> y_true = [[0, 1, 0], [1, 0, 0]]
    >>> y_score = [[0.1, 0.9, 0.2], [0.3, 0.3, 0.5]]
    >>> values = evaluate_ranking(y_true, y_score, metrics=["recall@1", "recall@2"])
    >>> values["recall@2"].tolist()
    [1.0, 0.5]
    """
    specs = parse_names(metrics)
    targets = as_pattern(y_true, "y_true")
    if (y_score is None) == (ranked is None):
        raise ValueError("Exactly one of y_score and ranked must be given.")
    if exclude is not None:
        exclude = as_pattern(exclude, "exclude", targets.shape)
        targets = without(targets, exclude)
    if ranked is not None:
        ranked = check_ranked(ranked, targets.shape[1], targets.shape[0])
        return measure_lists(ranked, targets, specs, exclude=exclude, truncated=truncated)
    scores = check_scores(y_score, targets.shape)
    return _measure_blocks(scores, targets, specs, exclude, truncated, as_seed(random_state))


def _measure_blocks(scores, targets, specs, exclude, truncated, seed):
    """Rank scores block by block."""
    out = {name: np.empty(len(scores)) for name in specs}
    for rows in row_blocks(len(scores), bytes_per_row(scores.shape[1], scores.itemsize)):
        block = scores[rows]
        no_nan(block, "y_score")
        # scores of the caller are not written to, not even for a while
        block = block if exclude is None else block.copy()
        values = measure_scores(
            block,
            targets[rows],
            specs,
            exclude=None if exclude is None else exclude[rows],
            truncated=truncated,
            seed=seed,
            first_row=rows.start,
        )
        for name in specs:
            out[name][rows] = values[name]
    return out


def _one_metric(metric, k, per_user, y_true, y_score, **options):
    """Compute one metric, per user or as the mean."""
    name = metric if check_k(k) is None else f"{metric}@{k}"
    values = evaluate_ranking(y_true, y_score, metrics=name, **options)[name]
    return values if per_user else mean_over_targets(values)


def ndcg(y_true, y_score=None, *, ranked=None, k=10, exclude=None, per_user=False):
    r"""Normalized discounted cumulative gain with binary relevance.

    .. math::

        \mathrm{NDCG@}k = \sum_{r=1}^{k} \frac{[r\text{-th item is a target}]}{\log_2(r + 1)} \Big/
        \sum_{r=1}^{\min(k, |I_u|)} \frac{1}{\log_2(r + 1)}

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_users, n_items) or Interactions
        Non-zero entries are the targets (relevant items) of a user.
    y_score : array-like of shape (n_users, n_items), default=None
        Scores, larger is better; ``-inf`` is never ranked. Equal scores count in
        expectation over their orders.
    ranked : array-like of int of shape (n_users, m), default=None
        Item indices, best first, padded with -1, in place of `y_score`.
    k : int or None, default=10
        Cut-off; None looks at the whole ranking.
    exclude : sparse matrix of shape (n_users, n_items), default=None
        Pairs that are not eligible: they are neither ranked nor targets.
    per_user : bool, default=False
        Whether to return a value for each user, NaN for users without targets.

    Returns
    -------
    value : float or ndarray of shape (n_users,)
        The mean over the users that have targets, or the value of each user.

    Raises
    ------
    ValueError
        If no user has a target (and `per_user` is False), a score is NaN, or shapes differ.

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
    return _one_metric("ndcg", k, per_user, y_true, y_score, ranked=ranked, exclude=exclude)


def recall(
    y_true, y_score=None, *, ranked=None, k=10, exclude=None, truncated=True, per_user=False
):
    r"""Share of a user's targets among the first k items.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_users, n_items) or Interactions
        Non-zero entries are the targets (relevant items) of a user.
    y_score : array-like of shape (n_users, n_items), default=None
        Scores, larger is better; ``-inf`` is never ranked. Equal scores count in
        expectation over their orders.
    ranked : array-like of int of shape (n_users, m), default=None
        Item indices, best first, padded with -1, in place of `y_score`.
    k : int or None, default=10
        Cut-off; None looks at the whole ranking.
    exclude : sparse matrix of shape (n_users, n_items), default=None
        Pairs that are not eligible: they are neither ranked nor targets.
    truncated : bool, default=True
        Divide by min(k, number of targets), as papers on autoencoders do, so that 1 can be
        reached; False divides by the number of targets.
    per_user : bool, default=False
        Whether to return a value for each user, NaN for users without targets.

    Returns
    -------
    value : float or ndarray of shape (n_users,)
        The mean over the users that have targets, or the value of each user.

    Raises
    ------
    ValueError
        If no user has a target (and `per_user` is False), a score is NaN, or shapes differ.

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
    return _one_metric(
        "recall", k, per_user, y_true, y_score, ranked=ranked, exclude=exclude, truncated=truncated
    )


def precision(y_true, y_score=None, *, ranked=None, k=10, exclude=None, per_user=False):
    r"""Share of targets among the first k items.

    Places that a short ranking leaves empty count as misses; ``k=None`` divides by the length of
    the ranking.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_users, n_items) or Interactions
        Non-zero entries are the targets (relevant items) of a user.
    y_score : array-like of shape (n_users, n_items), default=None
        Scores, larger is better; ``-inf`` is never ranked. Equal scores count in
        expectation over their orders.
    ranked : array-like of int of shape (n_users, m), default=None
        Item indices, best first, padded with -1, in place of `y_score`.
    k : int or None, default=10
        Cut-off; None looks at the whole ranking.
    exclude : sparse matrix of shape (n_users, n_items), default=None
        Pairs that are not eligible: they are neither ranked nor targets.
    per_user : bool, default=False
        Whether to return a value for each user, NaN for users without targets.

    Returns
    -------
    value : float or ndarray of shape (n_users,)
        The mean over the users that have targets, or the value of each user.

    Raises
    ------
    ValueError
        If no user has a target (and `per_user` is False), a score is NaN, or shapes differ.

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
    return _one_metric("precision", k, per_user, y_true, y_score, ranked=ranked, exclude=exclude)


def hit_rate(y_true, y_score=None, *, ranked=None, k=10, exclude=None, per_user=False):
    r"""Whether at least one target is among the first k items.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_users, n_items) or Interactions
        Non-zero entries are the targets (relevant items) of a user.
    y_score : array-like of shape (n_users, n_items), default=None
        Scores, larger is better; ``-inf`` is never ranked. Equal scores count in
        expectation over their orders.
    ranked : array-like of int of shape (n_users, m), default=None
        Item indices, best first, padded with -1, in place of `y_score`.
    k : int or None, default=10
        Cut-off; None looks at the whole ranking.
    exclude : sparse matrix of shape (n_users, n_items), default=None
        Pairs that are not eligible: they are neither ranked nor targets.
    per_user : bool, default=False
        Whether to return a value for each user, NaN for users without targets.

    Returns
    -------
    value : float or ndarray of shape (n_users,)
        The mean over the users that have targets, or the value of each user.

    Raises
    ------
    ValueError
        If no user has a target (and `per_user` is False), a score is NaN, or shapes differ.

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
    return _one_metric("hit_rate", k, per_user, y_true, y_score, ranked=ranked, exclude=exclude)


def mrr(y_true, y_score=None, *, ranked=None, k=10, exclude=None, random_state=0, per_user=False):
    r"""Reciprocal rank of the first target, 0 where it stands below the cut-off.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_users, n_items) or Interactions
        Non-zero entries are the targets (relevant items) of a user.
    y_score : array-like of shape (n_users, n_items), default=None
        Scores, larger is better; ``-inf`` is never ranked. Equal scores are put in a random order.
    ranked : array-like of int of shape (n_users, m), default=None
        Item indices, best first, padded with -1, in place of `y_score`.
    k : int or None, default=10
        Cut-off; None looks at the whole ranking.
    exclude : sparse matrix of shape (n_users, n_items), default=None
        Pairs that are not eligible: they are neither ranked nor targets.
    random_state : int, RandomState instance or None, default=0
        Draws the order of equal scores.
    per_user : bool, default=False
        Whether to return a value for each user, NaN for users without targets.

    Returns
    -------
    value : float or ndarray of shape (n_users,)
        The mean over the users that have targets, or the value of each user.

    Raises
    ------
    ValueError
        If no user has a target (and `per_user` is False), a score is NaN, or shapes differ.

    Examples
    --------
    >>> from skrec.metrics import mrr
    >>> mrr([[0, 1, 1, 0]], ranked=[[3, 2, 1, 0]])
    0.5
    """
    return _one_metric(
        "mrr",
        k,
        per_user,
        y_true,
        y_score,
        ranked=ranked,
        exclude=exclude,
        random_state=random_state,
    )


def average_precision(
    y_true, y_score=None, *, ranked=None, k=10, exclude=None, random_state=0, per_user=False
):
    r"""Mean average precision, exported as ``skrec.metrics.map``.

    .. math::

        \mathrm{AP@}k = \frac{1}{\min(k, |I_u|)} \sum_{r=1}^{k}
        [r\text{-th item is a target}] \, \mathrm{precision@}r

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_users, n_items) or Interactions
        Non-zero entries are the targets (relevant items) of a user.
    y_score : array-like of shape (n_users, n_items), default=None
        Scores, larger is better; ``-inf`` is never ranked. Equal scores are put in a random order.
    ranked : array-like of int of shape (n_users, m), default=None
        Item indices, best first, padded with -1, in place of `y_score`.
    k : int or None, default=10
        Cut-off; None looks at the whole ranking.
    exclude : sparse matrix of shape (n_users, n_items), default=None
        Pairs that are not eligible: they are neither ranked nor targets.
    random_state : int, RandomState instance or None, default=0
        Draws the order of equal scores.
    per_user : bool, default=False
        Whether to return a value for each user, NaN for users without targets.

    Returns
    -------
    value : float or ndarray of shape (n_users,)
        The mean over the users that have targets, or the value of each user.

    Raises
    ------
    ValueError
        If no user has a target (and `per_user` is False), a score is NaN, or shapes differ.

    Examples
    --------
    >>> from skrec.metrics import map
    >>> map([[0, 1, 1, 0]], ranked=[[1, 3, 2, 0]])  # (1/1 + 2/3) / 2
    0.8333333333333333
    """
    return _one_metric(
        "map",
        k,
        per_user,
        y_true,
        y_score,
        ranked=ranked,
        exclude=exclude,
        random_state=random_state,
    )
