"""Comparison of systems by their metrics for each user, on one data set or on several."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skrec.model_selection._over_datasets import as_table, pair_index, rank_tables, ranks_as_text
from skrec.model_selection._significance import bootstrap_means, holm, paired_pvalues
from skrec.typing import Array, RandomState
from skrec.utils import (
    as_numbers,
    check_count,
    check_finite,
    check_flag,
    check_rng,
    check_share,
)

__all__ = ["Comparison", "compare"]

_MOST_RESAMPLES = 10**7


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Tables that are the result of `compare`.

    For several data sets, the first level of the index of ``summary`` and ``pairwise`` is the data
    set. For one data set, the tables over data sets are None.

    Parameters
    ----------
    summary : DataFrame
        A row for each system, with the columns ``n_users``, ``mean``, ``std_error`` (of the mean,
        over users), and ``ci_low`` and ``ci_high``, the bounds of the bootstrap interval.
    pairwise : DataFrame
        A row for each pair of systems ``(a, b)``: the ``difference`` of the means a - b, its paired
        bootstrap interval, and the two-sided p-values of the paired t-test and of Wilcoxon's
        signed-rank test. Both are given uncorrected, and corrected by Holm's method over the pairs
        of the data set.
    alpha : float
        Error level: the intervals cover 1 - alpha, and the critical difference is for this level.
    ranks : DataFrame or None
        Rank of each system (column) on each data set (row). 1 is best, and ties are averaged.
    average_ranks : Series or None
        Mean rank of each system, best first.
    friedman_statistic, friedman_pvalue : float or None
        Friedman's test of the hypothesis that all systems have the same expected rank, corrected
        for ties. NaN for two systems.
    critical_difference : float or None
        Least difference of average ranks that is significant by Nemenyi's test.
    nemenyi : DataFrame or None
        A row for each pair of systems, with the columns ``rank_difference``, ``pvalue`` and
        ``significant``.
    groups : list of tuple of str or None
        The largest groups of systems that do not differ significantly, see `RankComparison`.
    """

    summary: pd.DataFrame
    pairwise: pd.DataFrame
    alpha: float
    ranks: pd.DataFrame | None = None
    average_ranks: pd.Series | None = None
    friedman_statistic: float | None = None
    friedman_pvalue: float | None = None
    critical_difference: float | None = None
    nemenyi: pd.DataFrame | None = None
    groups: list[tuple[str, ...]] | None = None

    def __str__(self) -> str:
        parts = [
            f"Means ({1 - self.alpha:.0%} bootstrap intervals)",
            _as_text(self.summary, "{:.4f}"),
            "\nPaired differences",
            _as_text(self.pairwise, "{:.4g}"),
        ]
        if self.ranks is not None and self.average_ranks is not None:
            parts += [
                f"\nAverage ranks over {len(self.ranks)} data sets "
                f"(Friedman p = {self.friedman_pvalue:.4g}, "
                f"critical difference {self.critical_difference:.3f})",
                ranks_as_text(self.average_ranks),
            ]
        return "\n".join(parts)


def _as_text(table: pd.DataFrame, number: str) -> str:
    """Return a table as text, with a format for its numbers."""
    return table.to_string(float_format=number.format)


def compare(
    scores: Mapping[str, Any] | pd.DataFrame | ArrayLike,
    *,
    names: Sequence[str] | None = None,
    reference: str | None = None,
    n_resamples: int = 10_000,
    random_state: RandomState = 0,
    alpha: float = 0.05,
    greater_is_better: bool = True,
) -> Comparison:
    """Compare systems by their metric for each user, on one data set or on several.

    Parameters
    ----------
    scores : dict, DataFrame or array-like of shape (n_users, n_systems)
        The metric for each user: a dict of system to array of shape ``(n_users,)``, or a table with
        a column for each system. For several data sets, a dict of data set to any of these. All
        systems of a data set must have the same users in the same order. Users that are NaN in all
        systems (without targets) are left out.
    names : list of str, default=None
        Names of the systems, in order. Arrays without names need it.
    reference : str, default=None
        System to compare every other one with, as ``(system, reference)``. None compares all pairs.
    n_resamples : int, default=10_000
        Number of bootstrap resamples of the users.
    random_state : int, RandomState instance or None, default=0
        Source of the resamples.
    alpha : float, default=0.05
        Error level: the intervals cover 1 - alpha.
    greater_is_better : bool, default=True
        Whether the largest mean ranks first; use False for errors such as RMSE.

    Returns
    -------
    comparison : Comparison
        Tables of means and paired differences, and of ranks for several data sets.

    Raises
    ------
    ValueError
        If there are fewer than two systems or users, if arrays differ in length, if the systems are
        not NaN for the same users, or if data sets differ in their systems.

    See Also
    --------
    compare_over_datasets : Compare by one figure for each data set.

    Notes
    -----
    The intervals are percentile intervals. Every system has the same resamples. The users are taken
    as independent and the models as fixed, so the variation between training runs is not included.
    With few data sets the rank tests have little power.

    References
    ----------
    Demsar (2006), "Statistical comparisons of classifiers over multiple data sets", Journal
    of Machine Learning Research 7, 1-30.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.model_selection import compare
    >>> rng = np.random.default_rng(0)
    >>> a = rng.random(200)
    >>> result = compare({"a": a, "b": a + 0.1 * rng.random(200)}, n_resamples=500)
    >>> bool(result.pairwise.loc[("a", "b"), "ci_high"] < 0)
    True
    """
    check_rng(random_state)
    check_count(n_resamples, "n_resamples", 1, _MOST_RESAMPLES)
    alpha = check_share(alpha, "alpha")
    greater_is_better = check_flag(greater_is_better, "greater_is_better")
    several = (
        isinstance(scores, Mapping)
        and not sp.issparse(scores)
        and any(_is_table(part, f"scores[{key!r}]") for key, part in scores.items())
    )
    parts = cast("Mapping[Any, Any]", scores if several else {None: scores})
    tables = {
        key: _as_table(part, names, f"scores[{key!r}]" if several else "scores")
        for key, part in parts.items()
    }
    pairs = _pairs_of(tables, reference)
    results = [_one_data_set(t, pairs, n_resamples, random_state, alpha) for t in tables.values()]
    summary, pairwise = zip(*results, strict=True)
    if not several:
        return Comparison(summary=summary[0], pairwise=pairwise[0], alpha=alpha)
    keys = {"keys": list(tables), "names": ["data_set"]}
    return Comparison(
        summary=pd.concat(summary, **keys),
        pairwise=pd.concat(pairwise, **keys),
        alpha=alpha,
        **_over_data_sets(tables, pairs, alpha, greater_is_better),
    )


def _is_table(part: Any, name: str) -> bool:
    """Return whether a part of scores is a data set, and not the column of a system."""
    if isinstance(part, Mapping | pd.DataFrame):
        return True
    return as_numbers(part, name).ndim == 2


def _as_table(scores: Any, names: Sequence[str] | None, what: str) -> pd.DataFrame:
    """Return a table with the users that have targets as rows and the systems as columns."""
    table = as_table(scores, what).rename_axis(columns="system")
    if names is not None:
        _check_names(names, table.shape[1])
        table.columns = pd.Index(names, name="system")
    elif isinstance(table.columns, pd.RangeIndex) and not isinstance(scores, Mapping):
        raise ValueError(f"names must be given where {what} is an array; got None")
    missing = table.isna()
    check_finite(table.to_numpy()[~missing.to_numpy(dtype=bool)], what)
    if (missing.any(axis=1) & ~missing.all(axis=1)).any():
        raise ValueError(f"{what} must be NaN for the same users in every system")
    table = table.loc[~missing.all(axis=1)]
    if table.shape[1] < 2 or len(table) < 2:
        raise ValueError(
            f"{what} must hold at least 2 systems and 2 users with targets; "
            f"got {table.shape[1]} systems and {len(table)} users"
        )
    return table


def _check_names(names: Any, n_systems: int) -> None:
    listed = isinstance(names, Sequence | pd.Index) or np.ndim(names) == 1
    if isinstance(names, str) or not listed:
        raise ValueError(f"names must be a list of names; got {names!r}")
    if len(names) != n_systems:
        raise ValueError(f"names must name {n_systems} systems; got {len(names)}")
    if not all(isinstance(name, Hashable) for name in names) or len(set(names)) < n_systems:
        raise ValueError(f"names must name each system once; got {names!r}")


def _pairs_of(tables: Mapping[Any, pd.DataFrame], reference: str | None) -> list[tuple[Any, Any]]:
    """Return the pairs of systems to compare."""
    systems = next(iter(tables.values())).columns
    for key, table in tables.items():
        if set(table.columns) != set(systems):
            raise ValueError(
                f"scores must have the same systems for every data set, {list(systems)}; "
                f"got {list(table.columns)} for {key!r}"
            )
    if reference is None:
        return list(combinations(systems, 2))
    if not isinstance(reference, Hashable) or reference not in systems:
        raise ValueError(f"reference must be one of {list(systems)}; got {reference!r}")
    return [(system, reference) for system in systems if system != reference]


def _one_data_set(
    table: pd.DataFrame,
    pairs: Sequence[tuple[Any, Any]],
    n_resamples: int,
    random_state: RandomState,
    alpha: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the summary and the pairwise table of one data set."""
    means = bootstrap_means(table.to_numpy(), n_resamples, random_state)
    means = pd.DataFrame(means, columns=table.columns)
    left, right = (list(side) for side in zip(*pairs, strict=True))
    differences = table[left].to_numpy() - table[right].to_numpy()
    resampled = means[left].to_numpy() - means[right].to_numpy()
    t_pvalues, wilcoxon_pvalues = paired_pvalues(differences)
    summary = {
        "n_users": len(table),
        "mean": table.mean(),
        "std_error": table.sem(),
        **_interval(means.to_numpy(), alpha),
    }
    pairwise = {
        "difference": differences.mean(axis=0),
        **_interval(resampled, alpha),
        "t_pvalue": t_pvalues,
        "t_pvalue_holm": holm(t_pvalues),
        "wilcoxon_pvalue": wilcoxon_pvalues,
        "wilcoxon_pvalue_holm": holm(wilcoxon_pvalues),
    }
    return pd.DataFrame(summary, index=table.columns), pd.DataFrame(pairwise, pair_index(pairs))


def _interval(resampled: Array, alpha: float) -> dict[str, Array]:
    """Return the bounds of the percentile interval of each column of resampled values."""
    low, high = np.quantile(resampled, [alpha / 2, 1 - alpha / 2], axis=0)
    return {"ci_low": low, "ci_high": high}


def _over_data_sets(
    tables: Mapping[Any, pd.DataFrame],
    pairs: Sequence[tuple[Any, Any]],
    alpha: float,
    greater_is_better: bool,
) -> dict[str, Any]:
    """Return the rank tables of `Comparison`."""
    means = pd.DataFrame({key: table.mean() for key, table in tables.items()}).T
    return rank_tables(means, pairs, alpha, greater_is_better)
