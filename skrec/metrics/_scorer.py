"""Ranking scorers for scikit-learn's model selection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Generic, Literal, TypeAlias, TypeVar, cast, overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skrec.interactions import Interactions
from skrec.metrics._check import as_seed
from skrec.metrics._engine import bytes_per_row, measure_scores
from skrec.metrics._known import UnknownUsers, check_unknown_users
from skrec.metrics._names import parse_names
from skrec.metrics._relevance import Relevance
from skrec.metrics._sampling import (
    as_matrix,
    candidate_lists,
    check_negatives,
    check_sampling,
    draw_negatives,
    given_negatives,
)
from skrec.metrics._tasks import Task, make_task
from skrec.typing import Array, CSRMatrix, MatrixLike, RandomState
from skrec.utils import check_flag, check_rng, row_blocks

__all__ = ["RankingScorer", "make_ranking_scorer"]

# the repr of a scorer shows a parameter only if it differs from this default
_DEFAULTS: dict[str, object] = {
    "n_negatives": None,
    "candidates": "all",
    "relevance_threshold": None,
    "min_held_out": 1,
    "truncated": True,
    "unknown_users": "warn",
}

_Block: TypeAlias = tuple[int, Array, CSRMatrix, CSRMatrix | None]
"""First user, scores, targets, and entries that are not ranked."""

_Result = TypeVar("_Result", bound=float | dict[str, float], covariant=True)


class RankingScorer(Generic[_Result]):
    """Callable ``scorer(estimator, X, y=None)``, made by `make_ranking_scorer`.

    Parameters
    ----------
    metrics : str or iterable of str
        Names of the metrics.
    k : int, None or iterable of these
        Cut-offs of the names that have none of their own.
    n_negatives : int or None
        Number of negatives to draw for each user.
    negatives : array of shape (n_users, m) or None
        Negatives of each user.
    candidates : {"all", "own"}
        Items to rank if there are no negatives.
    relevance_threshold : float or None
        Least rating of a target.
    min_held_out : int
        Least number of held-out items of a user.
    truncated : bool
        Whether recall divides by min(k, number of targets).
    random_state : int, RandomState instance or None
        Source of the hidden entries, the negatives and the order of ties.
    unknown_users : {"warn", "include", "skip", "error"}
        What to do with users of whom the model knows nothing.

    Attributes
    ----------
    names : list of str
        Names of the values, the keys of the dict that a scorer of several metrics returns.
    sampled : bool
        Whether the targets are ranked among negatives only.

    See Also
    --------
    make_ranking_scorer : Explains the parameters, X and y.

    Examples
    --------
    >>> from skrec.metrics import RankingScorer, make_ranking_scorer
    >>> isinstance(make_ranking_scorer("mrr"), RankingScorer)
    True
    """

    def __init__(
        self,
        metrics: str | Iterable[str],
        k: int | Iterable[int | None] | None,
        n_negatives: int | None,
        negatives: ArrayLike | None,
        candidates: Literal["all", "own"],
        relevance_threshold: float | None,
        min_held_out: int,
        truncated: bool,
        random_state: RandomState,
        unknown_users: UnknownUsers = "warn",
    ) -> None:
        self._specs = parse_names(metrics, k)
        check_sampling(n_negatives, negatives, candidates, relevance_threshold)
        self._relevance = Relevance(relevance_threshold, min_held_out)
        check_rng(random_state)
        self.n_negatives = n_negatives
        self.negatives = None if negatives is None else check_negatives(negatives)
        self.candidates = candidates
        self.relevance_threshold = relevance_threshold
        self.min_held_out = min_held_out
        self.truncated = check_flag(truncated, "truncated")
        self.random_state = random_state
        self.unknown_users: UnknownUsers = check_unknown_users(unknown_users)

    @property
    def sampled(self) -> bool:
        """Whether the targets are ranked among negatives only."""
        return self.n_negatives is not None or self.negatives is not None

    @property
    def names(self) -> list[str]:
        """Names of the values, such as "ndcg@10"."""
        prefix = "sampled_" if self.sampled else "own_" if self.candidates == "own" else ""
        return [prefix + name for name in self._specs]

    @property
    def __name__(self) -> str:
        """Names of the values in one string, the label of scikit-learn's curve displays."""
        return ", ".join(self.names)

    def __repr__(self) -> str:
        parts = [repr(self.names[0] if len(self.names) == 1 else self.names)]
        if self.negatives is not None:
            parts.append(f"negatives=<array of shape {self.negatives.shape}>")
        parts += [
            f"{name}={getattr(self, name)!r}"
            for name, default in _DEFAULTS.items()
            if getattr(self, name) != default
        ]
        return f"RankingScorer({', '.join(parts)}, random_state={self.random_state!r})"

    def __call__(
        self,
        estimator: Any,
        X: Interactions | MatrixLike,
        y: Interactions | MatrixLike | None = None,
    ) -> _Result:
        """Return the scores of a fitted estimator.

        Parameters
        ----------
        estimator : object
            Fitted recommender.
        X : {array-like, sparse matrix} of shape (n_rows, n_items) or Interactions
            See `make_ranking_scorer`.
        y : None, array-like or sparse matrix, default=None
            See `make_ranking_scorer`.

        Returns
        -------
        value : float or dict of str to float
            Means over the users that have targets: a float for one metric, or a dict with the keys
            `names`.
        """
        means = self.per_user(estimator, X, y).mean()
        values = {name: float(value) for name, value in zip(self.names, means)}
        return cast("_Result", values if len(values) > 1 else values[self.names[0]])

    def per_user(
        self,
        estimator: Any,
        X: Interactions | MatrixLike,
        y: Interactions | MatrixLike | None = None,
    ) -> pd.DataFrame:
        """Return the scores of each user that has targets.

        Parameters
        ----------
        estimator : object
            Fitted recommender.
        X : {array-like, sparse matrix} of shape (n_rows, n_items) or Interactions
            See `make_ranking_scorer`.
        y : None, array-like or sparse matrix, default=None
            See `make_ranking_scorer`.

        Returns
        -------
        values : DataFrame of shape (n_users_with_targets, n_metrics)
            A column for each of `names`. The index "user" holds rows of the frame of an
            `Interactions`, or rows of the matrix X. ``values.mean()`` is what the scorer returns,
            and ``values.sem()`` are the standard errors over users.
        """
        seed = as_seed(self.random_state)
        task = make_task(estimator, X, y, seed, self._relevance, self.unknown_users)
        parts = [
            measure_scores(
                scores,
                targets,
                self._specs,
                exclude=exclude,
                truncated=self.truncated,
                seed=seed,
                first_row=first,
            )
            for first, scores, targets, exclude in self._blocks(task, seed)
        ]
        columns = [np.concatenate([part[name] for part in parts]) for name in self._specs]
        index = pd.Index(task.users, name="user")
        return pd.DataFrame(dict(zip(self.names, columns)), index=index)

    def _blocks(self, task: Task, seed: int) -> Iterator[_Block]:
        """Return the scores to rank and the targets, in blocks of users."""
        if self.n_negatives is not None:
            keys = draw_negatives(task.seen + task.held_out, self.n_negatives, seed)
        elif self.negatives is not None:
            keys = _given_keys(self.negatives, task)
        else:
            own = self.candidates == "own"
            return self._listed_blocks(task, task.held_out) if own else self._full_blocks(task)
        return self._listed_blocks(task, candidate_lists(task.targets, keys))

    def _full_blocks(self, task: Task) -> Iterator[_Block]:
        """Score all items that a user has not seen, block by block."""
        n_listed = max(k or 1 for _, k in self._specs.values())
        for rows in row_blocks(len(task.users), bytes_per_row(task.targets.shape[1])):
            yield rows.start, task.scores(rows, n_listed), task.targets[rows], task.seen[rows]

    def _listed_blocks(self, task: Task, candidates: CSRMatrix) -> Iterator[_Block]:
        """Score the candidates of each user, block by block."""
        for rows in row_blocks(len(task.users), task.pair_bytes(candidates)):
            block = candidates[rows]
            scores = task.pair_scores(rows, block)
            yield rows.start, *as_matrix(block, scores, task.targets[rows]), None


def _given_keys(negatives: Array, task: Task) -> Array:
    """Return the pair keys of given negatives, after a check that they fit the task."""
    if len(negatives) != task.n_rows or negatives.max() >= task.seen.shape[1]:
        raise ValueError(
            f"negatives must have a row for each of {task.n_rows} users and item indices below "
            f"{task.seen.shape[1]}, got shape {negatives.shape} and a largest index of "
            f"{negatives.max()}."
        )
    return given_negatives(negatives[task.users], task.seen)


@overload
def make_ranking_scorer(
    metrics: str = "ndcg",
    k: int | None = 10,
    *,
    n_negatives: int | None = None,
    negatives: ArrayLike | None = None,
    candidates: Literal["all", "own"] = "all",
    relevance_threshold: float | None = None,
    min_held_out: int = 1,
    truncated: bool = True,
    random_state: RandomState = 0,
    unknown_users: UnknownUsers = "warn",
) -> RankingScorer[float]: ...
@overload
def make_ranking_scorer(
    metrics: str | Iterable[str] = "ndcg",
    k: int | Iterable[int | None] | None = 10,
    *,
    n_negatives: int | None = None,
    negatives: ArrayLike | None = None,
    candidates: Literal["all", "own"] = "all",
    relevance_threshold: float | None = None,
    min_held_out: int = 1,
    truncated: bool = True,
    random_state: RandomState = 0,
    unknown_users: UnknownUsers = "warn",
) -> RankingScorer[float | dict[str, float]]: ...
def make_ranking_scorer(
    metrics: str | Iterable[str] = "ndcg",
    k: int | Iterable[int | None] | None = 10,
    *,
    n_negatives: int | None = None,
    negatives: ArrayLike | None = None,
    candidates: Literal["all", "own"] = "all",
    relevance_threshold: float | None = None,
    min_held_out: int = 1,
    truncated: bool = True,
    random_state: RandomState = 0,
    unknown_users: UnknownUsers = "warn",
) -> RankingScorer[Any]:
    """Return a ranking scorer for the ``scoring`` parameter of scikit-learn's model selection.

    The items are ranked once for all metrics and cut-offs, in blocks of users.

    Parameters
    ----------
    metrics : str or iterable of str, default="ndcg"
        Any of "ndcg", "recall", "precision", "hit_rate", "mrr" and "map". A name such as "ndcg@100"
        has its own cut-off.
    k : int, None or iterable of these, default=10
        Cut-offs of the names that have none of their own; None uses the whole ranking.
    n_negatives : int, default=None
        Number of negatives of each user: the targets are ranked among them only. They are drawn at
        random from the items that the user has not interacted with. None ranks all items.
    negatives : array-like of int of shape (n_users, m), default=None
        Negatives of each user, padded with -1: the targets are ranked among them only. Targets,
        items that the user interacted with in fit or in the history, and repeated items are dropped
        from the lists.
    candidates : {"all", "own"}, default="all"
        Items to rank if there are no negatives. "all" ranks all items without the user's history.
        "own" ranks only the held-out items of the user, to see whether those that reach
        `relevance_threshold` are above the others.
    relevance_threshold : float, default=None
        Least held-out rating of a target, such as 4 to count ratings of 1 to 5 as relevant if they
        are greater than 3. Held-out items with a lower rating are ranked like any other item. None
        makes every held-out entry a target.
    min_held_out : int, default=1
        Least number of held-out entries of a user, targets or not. Users with fewer are skipped.
    truncated : bool, default=True
        Whether recall divides by min(k, number of targets), or else by the number of targets.
    random_state : int, RandomState instance or None, default=0
        Source of the hidden entries, the negatives and the order of ties.
    unknown_users : {"warn", "include", "skip", "error"}, default="warn"
        What to do with users that have targets, but of whom the model knows nothing: no
        interactions in fit if X is an `Interactions`, an empty history if X is a matrix. "include"
        evaluates them too. A model ranks by popularity for them. "warn" does the same, and warns if
        they are many. "skip" leaves them out of the
        mean, and "error" raises an error.

    Returns
    -------
    scorer : RankingScorer
        Callable ``scorer(estimator, X, y=None)``. With one metric and one cut-off it returns a
        float, otherwise a dict with keys such as "ndcg@10"; choose one of them as ``refit`` of a
        search. The names start with "sampled\\_" if only negatives are ranked, and with "own\\_" if
        only a user's own held-out items are.
        ``scorer.per_user(estimator, X, y)`` returns the values of each user.

    Raises
    ------
    ValueError
        If a metric or cut-off is unknown, if `n_negatives` and `negatives` are both given, or if
        `candidates` is "own" without a threshold or with negatives.
        The scorer itself raises one if no user has a target, if a score is NaN, or if X or y do not
        fit the model.

    Warns
    -----
    SkrecWarning
        By the scorer, if X is an `Interactions` and more than a fifth of the users with targets
        have no interactions in fit: a splitter that does not shuffle, such as ``cv=5``, puts whole
        users aside. Only with ``unknown_users="warn"``.

    Notes
    -----
    The targets depend on X and y:

    - X is an `Interactions`: its entries are the targets, of users seen in fit. Their scores are
      ``decision_function(users=...)``. Interactions seen in fit are not ranked, unless they are
      targets.
    - X is a matrix of users' rows, and y is None or one-dimensional (ignored): 20 % of each row are
      hidden at random, and are the targets. The rest is the history.
    - X and y are matrices of one shape: X holds the histories, and y the targets.

    With a threshold, the stored zeros of a sparse matrix are ratings. A pair that is given twice is
    a target if one of its ratings reaches the threshold.

    With ``candidates="own"`` the values are high for any model: recall is 1 if k is at least the
    number of held-out items, and NDCG is 1 if all of them are targets. Only compare such values
    with each other.

    Rows without targets are skipped. For equal scores, a metric is the mean over all their orders;
    "mrr" and "map" use one random order.

    GeRec and MoG with ``n_candidates`` are ranked in two stages, as ``recommend`` does: what the
    first one passes on has the scores of the draws, and all else ties at the end. Sampled negatives
    and ``candidates="own"`` are always scored by draws.

    References
    ----------
    .. [1] W. Krichene, S. Rendle, "On sampled metrics for item recommendation", KDD 2020.
       :doi:`10.1145/3394486.3403226`

    Examples
    --------
    >>> from skrec.metrics import make_ranking_scorer
    >>> make_ranking_scorer(["ndcg@100", "recall"], k=[20, 50]).names
    ['ndcg@100', 'recall@20', 'recall@50']
    >>> make_ranking_scorer("hit_rate", n_negatives=99)
    RankingScorer('sampled_hit_rate@10', n_negatives=99, random_state=0)

    For a rating model:

    >>> make_ranking_scorer("recall", k=20, candidates="own", relevance_threshold=4).names
    ['own_recall@20']
    """
    return RankingScorer(
        metrics,
        k,
        n_negatives,
        negatives,
        candidates,
        relevance_threshold,
        min_held_out,
        truncated,
        random_state,
        unknown_users,
    )
