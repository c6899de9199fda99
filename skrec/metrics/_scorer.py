"""Ranking scorers for scikit-learn's model selection."""

import numbers

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec.metrics._check import as_seed
from skrec.metrics._engine import bytes_per_row, measure_scores
from skrec.metrics._hits import contains, keys_of
from skrec.metrics._names import parse_names
from skrec.metrics._sampling import candidate_lists, draw_negatives, given_negatives
from skrec.metrics._tasks import make_task
from skrec.utils import row_blocks

__all__ = ["RankingScorer", "make_ranking_scorer"]


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
    truncated : bool
        Kind of recall.
    random_state : int, RandomState instance or None
        Source of hidden entries, negatives, and the order within ties.

    Attributes
    ----------
    names : list of str
        Names of the values, as in the dict that a scorer of several metrics returns.
    sampled : bool
        Whether only some items are ranked.

    See Also
    --------
    make_ranking_scorer : Says what the parameters, X and y mean.

    Examples
    --------
    >>> from skrec.metrics import RankingScorer, make_ranking_scorer
    >>> isinstance(make_ranking_scorer("mrr"), RankingScorer)
    True
    """

    def __init__(self, metrics, k, n_negatives, negatives, truncated, random_state):
        self._specs = parse_names(metrics, k)
        _check_sampling(n_negatives, negatives)
        self.n_negatives = n_negatives
        self.negatives = None if negatives is None else _check_negatives(negatives)
        self.truncated = truncated
        self.random_state = random_state

    @property
    def sampled(self):
        """Whether only some items are ranked."""
        return self.n_negatives is not None or self.negatives is not None

    @property
    def names(self):
        """Names of the values."""
        return [f"sampled_{name}" if self.sampled else name for name in self._specs]

    def __repr__(self):
        parts = [repr(self.names[0] if len(self.names) == 1 else self.names)]
        if self.n_negatives is not None:
            parts.append(f"n_negatives={self.n_negatives}")
        if self.negatives is not None:
            parts.append(f"negatives=<array of shape {self.negatives.shape}>")
        if not self.truncated:
            parts.append("truncated=False")
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
        task = make_task(estimator, X, y, seed)
        blocks = self._sampled_blocks(task, seed) if self.sampled else self._full_blocks(task)
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
            for first, scores, targets, exclude in blocks
        ]
        columns = [np.concatenate([part[name] for part in parts]) for name in self._specs]
        index = pd.Index(task.users, name="user")
        return pd.DataFrame(dict(zip(self.names, columns)), index=index)

    def _full_blocks(self, task):
        """Score all items that a user has not seen, block by block."""
        for rows in row_blocks(len(task.users), bytes_per_row(task.targets.shape[1])):
            yield rows.start, task.scores(rows), task.targets[rows], task.seen[rows]

    def _sampled_blocks(self, task, seed):
        """Score the candidates of each user, block by block."""
        candidates = candidate_lists(task.targets, self._negative_keys(task, seed))
        for rows in row_blocks(len(task.users), task.pair_bytes(candidates)):
            block = candidates[rows]
            scores = task.pair_scores(rows, block)
            yield rows.start, *_as_matrix(block, scores, task.targets[rows]), None

    def _negative_keys(self, task, seed):
        if self.negatives is None:
            return draw_negatives(task.seen + task.targets, self.n_negatives, seed)
        if len(self.negatives) != task.n_rows or self.negatives.max() >= task.seen.shape[1]:
            raise ValueError(
                f"negatives must have a row for each of {task.n_rows} users and item indices below "
                f"{task.seen.shape[1]}, got shape {self.negatives.shape} and a largest index of "
                f"{self.negatives.max()}."
            )
        return given_negatives(self.negatives[task.users], task.seen)


def _as_matrix(candidates, scores, targets):
    """Write scores of candidates into rows as long as the longest list, and mark the targets."""
    lengths = np.diff(candidates.indptr)
    row = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(row)) - candidates.indptr[row]
    matrix = np.full((len(lengths), lengths.max()), -np.inf, dtype=scores.dtype)
    matrix[row, place] = scores
    hit = contains(keys_of(targets), keys_of(candidates))
    ones = np.ones(np.count_nonzero(hit), dtype=bool)
    return matrix, sp.csr_matrix((ones, (row[hit], place[hit])), shape=matrix.shape)


def _check_sampling(n_negatives, negatives):
    if n_negatives is not None and negatives is not None:
        raise ValueError("At most one of n_negatives and negatives may be given.")
    if n_negatives is not None and (
        not isinstance(n_negatives, numbers.Integral) or n_negatives < 1
    ):
        raise ValueError(f"n_negatives must be a positive integer or None, got {n_negatives!r}.")


def _check_negatives(negatives):
    negatives = np.asarray(negatives)
    if negatives.ndim != 2 or negatives.dtype.kind not in "iu" or negatives.size == 0:
        raise ValueError(
            "negatives must be a two-dimensional array of item indices, (n_users, m), got "
            f"{negatives.dtype} of shape {negatives.shape}."
        )
    if negatives.min() < -1:
        raise ValueError(f"negatives must be item indices or -1, got {negatives.min()}.")
    return negatives.astype(np.int64)


def make_ranking_scorer(
    metrics="ndcg", k=10, *, n_negatives=None, negatives=None, truncated=True, random_state=0
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
    truncated : bool, default=True
        Recall divides by min(k, number of targets) if True, by the number of targets otherwise.
    random_state : int, RandomState instance or None, default=0
        Source of hidden entries, negatives, and the order within ties.

    Returns
    -------
    scorer : RankingScorer
        Callable ``scorer(estimator, X, y=None)``. With one metric and one cut-off it returns a
        float, otherwise a dict with keys such as "ndcg@10" (choose one as ``refit``). Where only
        negatives are ranked the names start with "sampled\\_".
        ``scorer.per_user(estimator, X, y)`` gives the values of the users.

    Raises
    ------
    ValueError
        If a metric or cut-off is unknown, or if `n_negatives` and `negatives` are both given.
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
    """
    return RankingScorer(metrics, k, n_negatives, negatives, truncated, random_state)
