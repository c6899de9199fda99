"""Ranking scorers for scikit-learn's model selection."""

import numpy as np
import pandas as pd

from skrec.metrics._check import as_seed
from skrec.metrics._engine import bytes_per_row, measure_scores
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
from skrec.metrics._tasks import make_task
from skrec.utils import row_blocks

__all__ = ["RankingScorer", "make_ranking_scorer"]

# what a scorer's repr leaves out
_DEFAULTS = {
    "n_negatives": None,
    "candidates": "all",
    "relevance_threshold": None,
    "min_held_out": 1,
    "truncated": True,
}


class RankingScorer:
    """Callable ``scorer(estimator, X, y=None)``, made by `make_ranking_scorer`.

    Parameters
    ----------
    metrics : str or iterable of str
        Names of metrics.
    k : int, None or iterable of these
        Cut-offs for names that have none.
    n_negatives : int or None
        Negatives to draw for each user.
    negatives : array of shape (n_users, m) or None
        Negatives of each user.
    candidates : {"all", "own"}
        What is ranked where there are no negatives.
    relevance_threshold : float or None
        Least rating of a target.
    min_held_out : int
        Least number of held-out items of a user.
    truncated : bool
        Kind of recall.
    random_state : int, RandomState instance or None
        Source of hidden entries, negatives, and the order within ties.

    Attributes
    ----------
    names : list of str
        Names of the values, as in the dict that a scorer of several metrics returns.
    sampled : bool
        Whether targets are ranked among negatives only.

    See Also
    --------
    make_ranking_scorer : Says what the parameters, X and y mean.

    Examples
    --------
    >>> from skrec.metrics import RankingScorer, make_ranking_scorer
    >>> isinstance(make_ranking_scorer("mrr"), RankingScorer)
    True
    """

    def __init__(
        self,
        metrics,
        k,
        n_negatives,
        negatives,
        candidates,
        relevance_threshold,
        min_held_out,
        truncated,
        random_state,
    ):
        self._specs = parse_names(metrics, k)
        check_sampling(n_negatives, negatives, candidates, relevance_threshold)
        self._relevance = Relevance(relevance_threshold, min_held_out)
        self.n_negatives = n_negatives
        self.negatives = None if negatives is None else check_negatives(negatives)
        self.candidates = candidates
        self.relevance_threshold = relevance_threshold
        self.min_held_out = min_held_out
        self.truncated = truncated
        self.random_state = random_state

    @property
    def sampled(self):
        """Whether targets are ranked among negatives only."""
        return self.n_negatives is not None or self.negatives is not None

    @property
    def names(self):
        """Names of the values."""
        prefix = "sampled_" if self.sampled else "own_" if self.candidates == "own" else ""
        return [prefix + name for name in self._specs]

    def __repr__(self):
        parts = [repr(self.names[0] if len(self.names) == 1 else self.names)]
        if self.negatives is not None:
            parts.append(f"negatives=<array of shape {self.negatives.shape}>")
        parts += [
            f"{name}={getattr(self, name)!r}"
            for name, default in _DEFAULTS.items()
            if getattr(self, name) != default
        ]
        return f"RankingScorer({', '.join(parts)}, random_state={self.random_state!r})"

    def __call__(self, estimator, X, y=None):
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : object
            Recommender fitted before.
        X : {array-like, sparse matrix} of shape (n_rows, n_items) or Interactions
            See `make_ranking_scorer`.
        y : None, array-like or sparse matrix, default=None
            See `make_ranking_scorer`.

        Returns
        -------
        value : float or dict of str to float
            Means over the users that have targets.
        """
        means = self.per_user(estimator, X, y).mean()
        if len(means) == 1:
            return float(means.iloc[0])
        return {name: float(value) for name, value in means.items()}

    def per_user(self, estimator, X, y=None):
        """Give the value of each user that has targets.

        Parameters
        ----------
        estimator : object
            Recommender fitted before.
        X : {array-like, sparse matrix} of shape (n_rows, n_items) or Interactions
            See `make_ranking_scorer`.
        y : None, array-like or sparse matrix, default=None
            See `make_ranking_scorer`.

        Returns
        -------
        values : DataFrame of shape (n_users_with_targets, n_metrics)
            A column for each of `names`; the index "user" holds rows of the frame, or of X. Its
            ``mean()`` is what the scorer returns, its ``sem()`` the standard errors over users.
        """
        seed = as_seed(self.random_state)
        task = make_task(estimator, X, y, seed, self._relevance)
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

    def _blocks(self, task, seed):
        if self.sampled:
            lists = candidate_lists(task.targets, self._negative_keys(task, seed))
            return self._listed_blocks(task, lists)
        if self.candidates == "own":
            return self._listed_blocks(task, task.held_out)
        return self._full_blocks(task)

    def _full_blocks(self, task):
        """Score all items that a user has not seen, block by block."""
        for rows in row_blocks(len(task.users), bytes_per_row(task.targets.shape[1])):
            yield rows.start, task.scores(rows), task.targets[rows], task.seen[rows]

    def _listed_blocks(self, task, candidates):
        """Score the candidates of each user, block by block."""
        for rows in row_blocks(len(task.users), task.pair_bytes(candidates)):
            block = candidates[rows]
            scores = task.pair_scores(rows, block)
            yield rows.start, *as_matrix(block, scores, task.targets[rows]), None

    def _negative_keys(self, task, seed):
        if self.negatives is None:
            return draw_negatives(task.seen + task.held_out, self.n_negatives, seed)
        if len(self.negatives) != task.n_rows or self.negatives.max() >= task.seen.shape[1]:
            raise ValueError(
                f"negatives must have a row for each of {task.n_rows} users and item indices below "
                f"{task.seen.shape[1]}, got shape {self.negatives.shape} and a largest index of "
                f"{self.negatives.max()}."
            )
        return given_negatives(self.negatives[task.users], task.seen)


def make_ranking_scorer(
    metrics="ndcg",
    k=10,
    *,
    n_negatives=None,
    negatives=None,
    candidates="all",
    relevance_threshold=None,
    min_held_out=1,
    truncated=True,
    random_state=0,
):
    """Make a scorer for the ``scoring`` parameter of scikit-learn's model selection.

    It ranks once for all its metrics and cut-offs, in blocks of users.

    Parameters
    ----------
    metrics : str or iterable of str, default="ndcg"
        Any of "ndcg", "recall", "precision", "hit_rate", "mrr", "map"; a name such as "ndcg@100"
        has a cut-off of its own.
    k : int, None or iterable of these, default=10
        Cut-offs for the names that have none; None looks at the whole ranking.
    n_negatives : int, default=None
        Rank the targets of a user among this many items only, drawn at random from those that the
        user has no interaction with. None ranks all items.
    negatives : array-like of int of shape (n_users, m), default=None
        Rank the targets among these items of each user, padded with -1. Targets, items that the
        user has been seen with, and repetitions are dropped from the lists.
    candidates : {"all", "own"}, default="all"
        What is ranked where there are no negatives: all items that the user has not been seen
        with, or the user's own held-out items alone, those that reach `relevance_threshold` against
        those that do not.
    relevance_threshold : float, default=None
        Held-out ratings of at least this are the targets (4 where ratings of 1 to 5 count if they
        are greater than 3); None makes every held-out entry one. Held-out items below it are ranked
        like any other item.
    min_held_out : int, default=1
        Users with fewer held-out entries, targets or not, are skipped.
    truncated : bool, default=True
        Recall divides by min(k, number of targets) if True, by the number of targets otherwise.
    random_state : int, RandomState instance or None, default=0
        Source of hidden entries, negatives, and the order within ties.

    Returns
    -------
    scorer : RankingScorer
        Callable ``scorer(estimator, X, y=None)``. With one metric and one cut-off it returns a
        float, otherwise a dict with keys such as "ndcg@10" (choose one as ``refit``). Where only
        negatives are ranked the names start with "sampled\\_", where a user's own held-out items
        are with "own\\_".
        ``scorer.per_user(estimator, X, y)`` gives the values of the users.

    Raises
    ------
    ValueError
        If a metric or cut-off is unknown, if `n_negatives` and `negatives` are both given, or if
        `candidates` is "own" without a threshold or with negatives.
        The scorer itself raises one if no user has a target or a score is NaN.

    Notes
    -----
    What X and y mean to the scorer:

    - X is an `Interactions`: its entries are the targets of users known from fit, who are scored by
      ``decision_function(users=...)``. Interactions seen in fit are not ranked, unless they are
      targets.
    - X is a matrix of users' rows, and y None or one-dimensional (ignored): of each row 20 % is
      hidden at random and to be found from the rest.
    - X and y are matrices of one shape: histories and targets.

    With a threshold, stored zeros of a sparse matrix are ratings, and a pair given twice is a
    target if one of its ratings is good. Among a user's own held-out items recall is 1, whatever
    the model says, where k is no less than their number, and so is every metric of a user who likes
    them all: such figures are high for any model, and comparable with nothing but each other.

    Rows without targets are skipped. Equal scores count in expectation over their orders (in "mrr"
    and "map" by one random order).

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

    For models of ratings:

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
    )
