"""Ranking metrics of each user, several from one ranking."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from skrec.interactions import Interactions
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
from skrec.metrics._names import Specs, check_k, parse_names
from skrec.metrics._shared_docs import shared_docs
from skrec.typing import Array, CSRMatrix, MatrixLike, RandomState
from skrec.utils import check_flag, check_rng, row_blocks

__all__ = ["evaluate_ranking", "one_metric"]


@shared_docs
def evaluate_ranking(
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None = None,
    *,
    ranked: ArrayLike | None = None,
    metrics: str | Iterable[str] = ("ndcg@10", "recall@10"),
    exclude: MatrixLike | None = None,
    truncated: bool = True,
    random_state: RandomState = 0,
) -> dict[str, Array]:
    """Compute several ranking metrics of each user from one ranking.

    The items are ranked once, so ten metrics and cut-offs cost about as much as one.

    Parameters
    ----------
    %(targets)s
    y_score : array-like of shape (n_users, n_items), default=None
        Scores; larger is better, and an item with ``-inf`` is not ranked. For equal scores, a
        metric is the mean over all their orders; "mrr" and "map" use one random order.
    %(lists)s
    metrics : str or iterable of str, default=("ndcg@10", "recall@10")
        Any of "ndcg", "recall", "precision", "hit_rate", "mrr" and "map", with a cut-off after an
        "@". A name without cut-off uses the whole ranking.
    %(exclude)s
    truncated : bool, default=True
        Whether recall divides by min(k, number of targets), or else by the number of targets.
    random_state : int, RandomState instance or None, default=0
        Source of the order of equal scores in "mrr" and "map". The order does not depend on the
        working memory.

    Returns
    -------
    values : dict of str to ndarray of shape (n_users,)
        Values of the users by the names of the metrics, as given; NaN for users without targets.

    Raises
    ------
    ValueError
        If a score is NaN, if shapes differ, or if a list has an item twice.

    Examples
    --------
    >>> from skrec.metrics import evaluate_ranking
    >>> y_true = [[0, 1, 0], [1, 0, 0]]
    >>> y_score = [[0.1, 0.9, 0.2], [0.3, 0.3, 0.5]]
    >>> values = evaluate_ranking(y_true, y_score, metrics=["recall@1", "recall@2"])
    >>> values["recall@2"].tolist()
    [1.0, 0.5]
    """
    specs, truncated = parse_names(metrics), check_flag(truncated, "truncated")
    check_rng(random_state)
    targets = as_pattern(y_true, "y_true", strengths=True)
    if (y_score is None) == (ranked is None):
        raise ValueError("Exactly one of y_score and ranked must be given.")
    excluded = None if exclude is None else as_pattern(exclude, "exclude", targets.shape)
    if excluded is not None:
        targets = without(targets, excluded)
    if y_score is None:
        lists = check_ranked(cast("ArrayLike", ranked), targets.shape[1], targets.shape[0])
        return measure_lists(lists, targets, specs, exclude=excluded, truncated=truncated)
    scores = check_scores(y_score, targets.shape)
    return _measure_blocks(scores, targets, specs, excluded, truncated, as_seed(random_state))


def _measure_blocks(
    scores: Array,
    targets: CSRMatrix,
    specs: Specs,
    exclude: CSRMatrix | None,
    truncated: bool,
    seed: int,
) -> dict[str, Array]:
    """Rank scores block by block, and compute the metrics of each user."""
    out = {name: np.empty(len(scores)) for name in specs}
    for rows in row_blocks(len(scores), bytes_per_row(scores.shape[1], scores.itemsize)):
        block = scores[rows]
        no_nan(block, "y_score")
        # excluding writes to the block for a while, and the user's scores must stay as they are
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


def one_metric(
    metric: str,
    k: int | None,
    per_user: bool,
    y_true: Interactions | MatrixLike,
    y_score: ArrayLike | None,
    **options: Any,
) -> float | Array:
    """Compute one metric, for each user or as the mean."""
    per_user = check_flag(per_user, "per_user")
    name = metric if check_k(k) is None else f"{metric}@{k}"
    values = evaluate_ranking(y_true, y_score, metrics=name, **options)[name]
    return values if per_user else mean_over_targets(values)
