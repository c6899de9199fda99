"""Comparison of systems over data sets: ranks, Friedman's test and Nemenyi's test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike
from scipy import stats

from skrec.model_selection._significance import critical_difference, friedman, nemenyi_pvalues
from skrec.utils import as_numbers, check_flag, check_share

__all__ = [
    "RankComparison",
    "as_table",
    "compare_over_datasets",
    "pair_index",
    "rank_tables",
    "ranks_as_text",
]


@dataclass(frozen=True, kw_only=True)
class RankComparison:
    """Result of `compare_over_datasets`.

    Parameters
    ----------
    ranks : DataFrame of shape (n_datasets, n_systems)
        Rank of each system on each data set. 1 is best, and ties are averaged.
    average_ranks : Series of shape (n_systems,)
        Mean rank of each system, best first.
    friedman_statistic, friedman_pvalue : float
        Friedman's test of the hypothesis that all systems have the same expected rank, corrected
        for ties. NaN for two systems.
    critical_difference : float
        Least difference of average ranks that is significant by Nemenyi's test.
    nemenyi : DataFrame
        A row for each pair of systems, with the columns ``rank_difference``, ``pvalue`` and
        ``significant``.
    groups : list of tuple of str
        The largest groups of two or more systems that do not differ significantly, best first. The
        systems of a group are neighbours in the order of average ranks, and the first and the last
        are closer than the critical difference.
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
    groups: list[tuple[str, ...]]
    alpha: float

    def __str__(self) -> str:
        groups = [", ".join(map(str, group)) for group in self.groups]
        return "\n".join([
            f"Average ranks over {len(self.ranks)} data sets "
            f"(Friedman p = {self.friedman_pvalue:.4g}, "
            f"critical difference {self.critical_difference:.3f} at {self.alpha:g})",
            ranks_as_text(self.average_ranks),
            *(f"not different: {group}" for group in groups),
        ])  # fmt: skip


def ranks_as_text(average_ranks: pd.Series) -> str:
    """Return average ranks as a table of text."""
    return average_ranks.to_string(float_format="{:.3f}".format)  # pyright: ignore[reportArgumentType]


def compare_over_datasets(
    table: pd.DataFrame | Mapping[str, ArrayLike] | ArrayLike,
    *,
    alpha: float = 0.05,
    greater_is_better: bool = True,
) -> RankComparison:
    """Compare systems by one figure for each data set, such as the table of a paper.

    Friedman's test checks whether the systems differ at all. If they do, Nemenyi's test shows which
    of them differ.

    Parameters
    ----------
    table : DataFrame, dict or array-like of shape (n_datasets, n_systems)
        A row for each data set and a column for each system, without missing figures. The systems
        of an array are named by their column numbers.
    alpha : float, default=0.05
        Level of the tests.
    greater_is_better : bool, default=True
        Whether the largest figure ranks first; use False for errors such as RMSE.

    Returns
    -------
    comparison : RankComparison
        Ranks, tests, the critical difference, and the groups of systems that do not differ
        significantly.

    Raises
    ------
    ValueError
        If there are fewer than two data sets or systems, or if a figure is missing or infinite.

    See Also
    --------
    compare : Compare by the metric for each user, on one data set or on several.
    skrec.inspection.CriticalDifferenceDisplay : Diagram of the ranks and groups.

    Notes
    -----
    The tests assume independent data sets, and use only the order of the systems. With few data
    sets they have little power: five data sets can separate the first and the last of four systems,
    and hardly more.

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
    figures = _check_table(table)
    alpha = check_share(alpha, "alpha")
    greater_is_better = check_flag(greater_is_better, "greater_is_better")
    pairs = list(combinations(figures.columns, 2))
    return RankComparison(**rank_tables(figures, pairs, alpha, greater_is_better), alpha=alpha)


def as_table(data: Any, name: str) -> pd.DataFrame:
    """Return a table of float64 with a column for each system."""
    # sparse matrices may be mappings of places to values
    if sp.issparse(data) or not isinstance(data, pd.DataFrame | Mapping):
        figures: Any = data
        return pd.DataFrame(as_numbers(figures, name, ndim=2).astype(np.float64))
    keys = list(data)
    if len(set(keys)) < len(keys):
        raise ValueError(f"{name} must name each system once; got {keys}")
    columns: dict[Any, Any] = {}
    for key, part in data.items():
        column = as_numbers(part, f"{name}[{key!r}]", ndim=1).astype(np.float64)
        # Series are put side by side by their index
        columns[key] = pd.Series(column, part.index) if isinstance(part, pd.Series) else column
    if len({len(column) for column in columns.values()}) > 1:
        lengths = {key: len(column) for key, column in columns.items()}
        raise ValueError(f"{name} must be of the same users or data sets; got lengths {lengths}")
    return pd.DataFrame(columns)


def _check_table(data: Any) -> pd.DataFrame:
    """Return figures as a table, after a check that they are complete."""
    table = as_table(data, "table")
    n_datasets, n_systems = table.shape
    if n_datasets < 2 or n_systems < 2:
        raise ValueError(
            "table must hold at least 2 data sets (rows) and 2 systems (columns); "
            f"got {n_datasets} data sets and {n_systems} systems"
        )
    wrong = ~np.isfinite(table.to_numpy())
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            "table must hold a finite number for each data set and system; got "
            f"{table.iat[row, column]} for {table.index[row]!r}, {table.columns[column]!r}"
        )
    return table


def rank_tables(
    table: pd.DataFrame, pairs: Sequence[tuple[Any, Any]], alpha: float, greater_is_better: bool
) -> dict[str, Any]:
    """Return ranks, tests and groups by name, for a table with a row for each data set."""
    sign = -1 if greater_is_better else 1
    ranks = pd.DataFrame(
        stats.rankdata(sign * table.to_numpy(), axis=1),
        index=table.index.rename("data_set"),
        columns=table.columns.rename("system"),
    )
    average: pd.Series = ranks.mean()
    shape = ranks.shape[1], ranks.shape[0]
    left, right = (list(side) for side in zip(*pairs, strict=True))
    difference = average.loc[left].to_numpy() - average.loc[right].to_numpy()
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


def pair_index(pairs: Sequence[tuple[Any, Any]]) -> pd.MultiIndex:
    """Return the index of a table with a row for each pair of systems."""
    return pd.MultiIndex.from_tuples(pairs, names=["system", "other"])


def _groups(average_ranks: pd.Series, critical: float) -> list[tuple[Any, ...]]:
    """Return the longest runs of systems, in order of rank, whose ends do not differ."""
    ranks = average_ranks.to_numpy()
    ends = np.searchsorted(
        ranks, ranks + critical
    )  # the first place at the critical difference or beyond
    new = np.append(True, ends[1:] > ends[:-1])  # any other run is a part of the run before
    runs = [(start, end) for start, end in zip(np.flatnonzero(new), ends[new]) if end > start + 1]
    return [tuple(average_ranks.index[start:end]) for start, end in runs]
