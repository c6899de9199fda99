"""Bootstrap and significance tests, as functions of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from skrec.typing import Array, RandomState
from skrec.utils import as_numbers, check_count, check_rng, check_share, row_blocks

__all__ = [
    "bootstrap_means",
    "critical_difference",
    "friedman",
    "holm",
    "nemenyi_pvalues",
    "paired_pvalues",
]

_MOST_SYSTEMS = 10_000  # the distribution of more has no finite quantiles in SciPy


def bootstrap_means(values: Array, n_resamples: int, random_state: RandomState = 0) -> Array:
    """Resample rows with replacement, and return the column means of every resample.

    Parameters
    ----------
    values : ndarray of shape (n, m)
        A row for each user. All columns have the same resamples.
    n_resamples : int
        Number of resamples.
    random_state : int, RandomState instance or None, default=0
        Source of the draws.

    Returns
    -------
    means : ndarray of shape (n_resamples, m)
        Means of the resampled columns.
    """
    n = len(values)
    rng = np.random.default_rng(check_rng(random_state).randint(2**31))
    means = np.empty((n_resamples, values.shape[1]))
    for rows in row_blocks(n_resamples, 32 * n):
        size = rows.stop - rows.start
        drawn = rng.integers(n, size=(size, n))
        drawn += np.arange(size)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
        means[rows] = counts.astype(np.float64) @ values / n
    return means


def paired_pvalues(differences: Array) -> tuple[Array, Array]:
    """Test whether paired differences have mean 0 (t-test) and are symmetric about 0 (Wilcoxon).

    Parameters
    ----------
    differences : ndarray of shape (n, m)
        A column for each comparison.

    Returns
    -------
    t_pvalues, wilcoxon_pvalues : ndarray of shape (m,)
        Two-sided p-values, 1 where every difference is 0. Wilcoxon's test leaves out differences
        of 0.
    """
    n = len(differences)
    t_pvalues, wilcoxon_pvalues = np.ones((2, differences.shape[1]))
    some = differences.any(axis=0)
    if some.any():
        part = differences[:, some]
        with np.errstate(divide="ignore"):
            t = part.mean(axis=0) / (part.std(axis=0, ddof=1) / np.sqrt(n))
        t_pvalues[some] = 2 * stats.t.sf(np.abs(t), n - 1)
        signed_rank: Any = stats.wilcoxon(part, axis=0)
        wilcoxon_pvalues[some] = signed_rank.pvalue
    return t_pvalues, wilcoxon_pvalues


def holm(pvalues: ArrayLike) -> Array:
    """Correct p-values for the number of tests by Holm's step-down method.

    Parameters
    ----------
    pvalues : array-like of shape (m,)
        The p-value of each test.

    Returns
    -------
    corrected : ndarray of shape (m,)
        Corrected p-values. If all those below alpha are rejected, the probability of any false
        rejection is at most alpha.

    Raises
    ------
    ValueError
        If a p-value is NaN or not in [0, 1].

    References
    ----------
    Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6, 65-70.

    Examples
    --------
    >>> from skrec.model_selection import holm
    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    uncorrected = as_numbers(pvalues, "pvalues", ndim=1).astype(np.float64)
    if not ((uncorrected >= 0) & (uncorrected <= 1)).all():
        raise ValueError(
            f"pvalues must lie in [0, 1]; got {uncorrected.min()} to {uncorrected.max()}"
        )
    order = np.argsort(uncorrected, kind="stable")
    steps = uncorrected[order] * np.arange(len(uncorrected), 0, -1)
    corrected = np.empty_like(uncorrected)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def friedman(ranks: Array) -> tuple[float, float]:
    """Test whether all systems have the same expected rank over data sets.

    Parameters
    ----------
    ranks : ndarray of shape (n_datasets, n_systems)
        Rank of each system, ties averaged.

    Returns
    -------
    statistic, pvalue : float
        The chi-squared statistic, corrected for ties, and its p-value. They are 0 and 1 if all
        ranks are tied, and NaN for fewer than three systems.
    """
    if ranks.shape[1] < 3:
        return float("nan"), float("nan")
    if (ranks == ranks[:, :1]).all():
        return 0.0, 1.0
    result: Any = stats.friedmanchisquare(*ranks.T)
    return float(result.statistic), float(result.pvalue)


def critical_difference(n_systems: int, n_datasets: int, alpha: float = 0.05) -> float:
    """Return the least difference of average ranks that is significant by Nemenyi's test.

    .. math:: CD = q_\\alpha \\sqrt{k (k + 1) / (6 N)}

    for k systems and N data sets, where :math:`q_\\alpha` is the studentized range at infinite
    degrees of freedom over the square root of 2.

    Parameters
    ----------
    n_systems : int
        Number of systems, at least 2.
    n_datasets : int
        Number of data sets.
    alpha : float, default=0.05
        Probability of any false rejection among all pairs of systems.

    Returns
    -------
    difference : float
        The critical difference.

    Raises
    ------
    ValueError
        If a number is too small, or if alpha is not in (0, 1).

    References
    ----------
    Demsar (2006), "Statistical comparisons of classifiers over multiple data sets", Journal
    of Machine Learning Research 7, 1-30.

    Examples
    --------
    >>> from skrec.model_selection import critical_difference
    >>> round(critical_difference(4, 14), 2)
    1.25
    """
    check_count(n_systems, "n_systems", 2, _MOST_SYSTEMS)
    check_count(n_datasets, "n_datasets", 1)
    level = 1 - check_share(alpha, "alpha")
    q = stats.studentized_range.ppf(level, n_systems, np.inf) / np.sqrt(2)
    return float(q * _rank_error(n_systems, n_datasets))


def nemenyi_pvalues(differences: Array, n_systems: int, n_datasets: int) -> Array:
    """Return the p-values of Nemenyi's test for differences of average ranks.

    Parameters
    ----------
    differences : ndarray of shape (m,)
        Differences of average ranks.
    n_systems, n_datasets : int
        Numbers of systems and data sets that the ranks were taken over.

    Returns
    -------
    pvalues : ndarray of shape (m,)
        The p-values, which are already corrected for the number of pairs.
    """
    q = np.abs(differences) / _rank_error(n_systems, n_datasets) * np.sqrt(2)
    return stats.studentized_range.sf(q, n_systems, np.inf)


def _rank_error(n_systems: int, n_datasets: int) -> float:
    """Return the standard error of a difference of average ranks."""
    return np.sqrt(n_systems * (n_systems + 1) / (6 * n_datasets))
