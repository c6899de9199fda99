"""Is one system better than another over data sets? Ranks, Friedman's and Nemenyi's tests."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from skrec.model_selection._significance import critical_difference, friedman, nemenyi_pvalues

__all__ = ["RankComparison", "compare_over_datasets", "pair_index", "rank_tables"]


@dataclass(frozen=True, kw_only=True)
class RankComparison:
    """What `compare_over_datasets` finds.

    Parameters
    ----------
    ranks : DataFrame of shape (n_datasets, n_systems)
        Rank of each system on each data set; 1 is best, ties are averaged.
    average_ranks : Series of shape (n_systems,)
        Their means, best first.
    friedman_statistic, friedman_pvalue : float
        Friedman's test that all systems are alike, corrected for ties; NaN for two systems.
    critical_difference : float
        Difference of average ranks that is significant by Nemenyi's test.
    nemenyi : DataFrame
        A row for each pair of systems: ``rank_difference``, ``pvalue``, ``significant``.
    groups : list of tuple of str
        The largest sets of two or more systems that do not differ, best first: neighbours in the
        order of average ranks, the first and the last less than the critical difference apart.
    alpha : float
        Level of the critical difference.

    Examples
    --------
    >>> from skrec.model_selection import RankComparison, compare_over_datasets
    >>> isinstance(compare_over_datasets([[0.9, 0.8], [0.7, 0.6]]), RankComparison)
    True
    """

    ranks: pd.DataFrame
    average_ranks: pd.Series
    friedman_statistic: float
    friedman_pvalue: float
    critical_difference: float
    nemenyi: pd.DataFrame
    groups: list
    alpha: float

    def __str__(self):
        groups = [", ".join(map(str, group)) for group in self.groups]
        return "\n".join([
            f"Average ranks over {len(self.ranks)} data sets "
            f"(Friedman p = {self.friedman_pvalue:.4g}, "
            f"critical difference {self.critical_difference:.3f} at {self.alpha:g})",
            self.average_ranks.to_string(float_format="{:.3f}".format),
            *(f"not different: {group}" for group in groups),
        ])  # fmt: skip


def compare_over_datasets(table, *, alpha=0.05, greater_is_better=True):
    """Compare systems by one figure a data set, such as those of a paper's table.

    Friedman's test asks whether the systems rank alike; where they do not, Nemenyi's tells which
    differ.

    Parameters
    ----------
    table : DataFrame, dict or array-like of shape (n_datasets, n_systems)
        A row for each data set and a column for each system, without gaps. Columns of an array
        are named by their numbers.
    alpha : float, default=0.05
        Level of the tests.
    greater_is_better : bool, default=True
        Whether a larger figure ranks first; False for errors such as RMSE.

    Returns
    -------
    comparison : RankComparison
        Ranks, tests, the critical difference and the groups of systems that do not differ.

    Raises
    ------
    ValueError
        If there are fewer than two data sets or systems, or a figure is missing or infinite.

    See Also
    --------
    compare : Compares by the metric for each user, on a data set and over data sets.
    skrec.inspection.CriticalDifferenceDisplay : The diagram.

    Notes
    -----
    Data sets are taken as independent, and only the order of the systems counts. With hardly any
    data sets the tests have hardly any power: five of them can tell apart the first and the last of
    four systems, and little else.

    References
    ----------
    Demsar (2006), "Statistical comparisons of classifiers over multiple data sets", Journal
    of Machine Learning Research 7, 1-30.

    Examples
    --------
    >>> from skrec.model_selection import compare_over_datasets
    >>> errors = {"MF": [0.86, 0.80, 0.79, 0.91], "KNN": [0.91, 0.85, 0.84, 0.99],
    ...           "mean": [0.98, 0.95, 0.94, 1.10]}
    >>> result = compare_over_datasets(errors, greater_is_better=False)
    >>> result.average_ranks.to_dict()
    {'MF': 1.0, 'KNN': 2.0, 'mean': 3.0}
    >>> result.groups
    [('MF', 'KNN'), ('KNN', 'mean')]
    """
    table = _check_table(table)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1); got {alpha!r}")
    pairs = list(combinations(table.columns, 2))
    return RankComparison(**rank_tables(table, pairs, alpha, greater_is_better), alpha=alpha)


def _check_table(table):
    table = pd.DataFrame(table, dtype=np.float64)
    n_datasets, n_systems = table.shape
    if n_datasets < 2 or n_systems < 2:
        raise ValueError(
            "table must hold at least 2 data sets (rows) and 2 systems (columns); "
            f"got {n_datasets} data sets and {n_systems} systems"
        )
    if not table.columns.is_unique:
        raise ValueError(f"table must name each system once; got {list(table.columns)}")
    wrong = ~np.isfinite(table.to_numpy())
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            "table must hold a finite number for each data set and system; got "
            f"{table.iat[row, column]} for {table.index[row]!r}, {table.columns[column]!r}"
        )
    return table


def rank_tables(table, pairs, alpha, greater_is_better):
    """Give ranks, tests and groups by name, of a table with a row a data set."""
    sign = -1 if greater_is_better else 1
    ranks = pd.DataFrame(
        stats.rankdata(sign * table.to_numpy(), axis=1),
        index=table.index.rename("data_set"),
        columns=table.columns.rename("system"),
    )
    average, shape = ranks.mean(), (ranks.shape[1], ranks.shape[0])
    left, right = (list(side) for side in zip(*pairs, strict=True))
    difference = average[left].to_numpy() - average[right].to_numpy()
    critical = critical_difference(*shape, alpha)
    nemenyi = {
        "rank_difference": difference,
        "pvalue": nemenyi_pvalues(difference, *shape),
        "significant": np.abs(difference) >= critical,
    }
    statistic, pvalue = friedman(ranks.to_numpy())
    in_order = average.sort_values(kind="stable")
    return {
        "ranks": ranks,
        "average_ranks": in_order,
        "friedman_statistic": statistic,
        "friedman_pvalue": pvalue,
        "critical_difference": critical,
        "nemenyi": pd.DataFrame(nemenyi, pair_index(pairs)),
        "groups": _groups(in_order, critical),
    }


def pair_index(pairs):
    """Give the index of a table with a row a pair of systems."""
    return pd.MultiIndex.from_tuples(pairs, names=["system", "other"])


def _groups(average_ranks, critical):
    """Give the longest runs of systems, in order of rank, whose ends do not differ."""
    ranks = average_ranks.to_numpy()
    ends = np.searchsorted(ranks, ranks + critical)  # the first place that is too far away
    new = np.append(True, ends[1:] > ends[:-1])  # else within the run of the one before
    runs = [(start, end) for start, end in zip(np.flatnonzero(new), ends[new]) if end > start + 1]
    return [tuple(average_ranks.index[start:end]) for start, end in runs]
