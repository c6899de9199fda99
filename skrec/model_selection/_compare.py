"""Is one system better than another, on a data set and over data sets?"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from numbers import Integral

import numpy as np
import pandas as pd

from skrec.model_selection._over_datasets import pair_index, rank_tables
from skrec.model_selection._significance import bootstrap_means, holm, paired_pvalues

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The tables that `compare` makes.

    Where several data sets are compared, the first level of the index of ``summary`` and
    ``pairwise`` is the data set, and the tables over data sets are there, else None.

    Parameters
    ----------
    summary : DataFrame
        A row for each system: ``n_users``, ``mean``, its ``std_error`` over users, and the
        bootstrap interval from ``ci_low`` to ``ci_high``.
    pairwise : DataFrame
        A row for each pair of systems ``(a, b)``: the ``difference`` of means a - b, its paired
        bootstrap interval, and two-sided p-values of the paired t-test and of Wilcoxon's
        signed-rank test, as they are and corrected by Holm's method over the pairs of the
        data set.
    alpha : float
        Level of the intervals and of the critical difference.
    ranks : DataFrame or None
        Rank of each system (column) on each data set (row); 1 is best, ties are averaged.
    average_ranks : Series or None
        Their means, best first.
    friedman_statistic, friedman_pvalue : float or None
        Friedman's test that all systems are alike, corrected for ties; NaN for two systems.
    critical_difference : float or None
        Difference of average ranks that is significant by Nemenyi's test.
    nemenyi : DataFrame or None
        A row for each pair of systems: ``rank_difference``, ``pvalue``, ``significant``.
    groups : list of tuple of str or None
        The largest sets of systems that do not differ, see `RankComparison`.
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
    groups: list | None = None

    def __str__(self):
        parts = [
            f"Means ({1 - self.alpha:.0%} bootstrap intervals)",
            self.summary.to_string(float_format="{:.4f}".format),
            "\nPaired differences",
            self.pairwise.to_string(float_format="{:.4g}".format),
        ]
        if self.ranks is not None:
            parts += [
                f"\nAverage ranks over {len(self.ranks)} data sets "
                f"(Friedman p = {self.friedman_pvalue:.4g}, "
                f"critical difference {self.critical_difference:.3f})",
                self.average_ranks.to_string(float_format="{:.3f}".format),
            ]
        return "\n".join(parts)


def compare(
    scores,
    *,
    names=None,
    reference=None,
    n_resamples=10_000,
    random_state=0,
    alpha=0.05,
    greater_is_better=True,
):
    """Compare systems by their metric for each user, on one data set or on several.

    Parameters
    ----------
    scores : dict, DataFrame or array-like of shape (n_users, n_systems)
        The metric for each user: a dict of system to array of shape ``(n_users,)``, or a
        table with a column for each system. For several data sets a dict of data set to any
        of these. All systems of a data set are for the same users in the same order; users
        that are NaN for all of them (no targets) are left out.
    names : list of str, default=None
        Names of the systems, in order; needed where arrays bring none.
    reference : str, default=None
        Compare every system with this one alone, as ``(system, reference)``; None compares
        all pairs.
    n_resamples : int, default=10_000
        Number of bootstrap resamples of the users.
    random_state : int, RandomState instance or None, default=0
        Source of the resamples.
    alpha : float, default=0.05
        Level: intervals cover 1 - alpha.
    greater_is_better : bool, default=True
        Whether a larger mean ranks first; False for errors such as RMSE.

    Returns
    -------
    comparison : Comparison
        Tables of means, paired differences and, over data sets, ranks.

    Raises
    ------
    ValueError
        If there are fewer than two systems or users, arrays differ in length, NaN does not
        fall on the same users, or data sets differ in their systems.

    See Also
    --------
    compare_over_datasets : Ranks over data sets from a table of figures.

    Notes
    -----
    Intervals are percentile intervals; every system sees the same resamples. Users are taken
    as independent, and the models as fixed: variation between training runs is not in these
    numbers. With hardly any data sets the rank tests have hardly any power.

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
    _check_settings(n_resamples, alpha)
    several = isinstance(scores, Mapping) and any(
        np.ndim(s) == 2 or isinstance(s, Mapping) for s in scores.values()
    )
    tables = {
        key: _as_table(table, names, f"scores[{key!r}]" if several else "scores")
        for key, table in (scores.items() if several else [(None, scores)])
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


def _check_settings(n_resamples, alpha):
    if not isinstance(n_resamples, Integral) or n_resamples < 1:
        raise ValueError(f"n_resamples must be a positive integer; got {n_resamples!r}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1); got {alpha!r}")


def _as_table(scores, names, what):
    """Give the users with targets as rows and the systems as columns."""
    lengths = {len(s) for s in scores.values()} if isinstance(scores, Mapping) else {1}
    if len(lengths) > 1:
        raise ValueError(f"{what} must be of the same users; got lengths {sorted(lengths)}")
    table = pd.DataFrame(scores, dtype=np.float64).rename_axis(columns="system")
    if names is not None:
        if len(names) != table.shape[1]:
            raise ValueError(f"names must name {table.shape[1]} systems; got {len(names)}")
        table.columns = pd.Index(names, name="system")
    elif isinstance(table.columns, pd.RangeIndex) and not isinstance(scores, Mapping):
        raise ValueError(f"names must be given where {what} is an array; got None")
    missing = table.isna()
    if (missing.any(axis=1) & ~missing.all(axis=1)).any():
        raise ValueError(f"{what} must be NaN for the same users in every system")
    table = table[~missing.all(axis=1)]
    if table.shape[1] < 2 or len(table) < 2:
        raise ValueError(
            f"{what} must hold at least 2 systems and 2 users with targets; "
            f"got {table.shape[1]} systems and {len(table)} users"
        )
    return table


def _pairs_of(tables, reference):
    systems = next(iter(tables.values())).columns
    for key, table in tables.items():
        if set(table.columns) != set(systems):
            raise ValueError(
                f"scores must have the same systems for every data set, {list(systems)}; "
                f"got {list(table.columns)} for {key!r}"
            )
    if reference is None:
        return list(combinations(systems, 2))
    if reference not in systems:
        raise ValueError(f"reference must be one of {list(systems)}; got {reference!r}")
    return [(system, reference) for system in systems if system != reference]


def _one_data_set(table, pairs, n_resamples, random_state, alpha):
    """Give the summary and the pairwise table of one data set."""
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


def _interval(resampled, alpha):
    low, high = np.quantile(resampled, [alpha / 2, 1 - alpha / 2], axis=0)
    return {"ci_low": low, "ci_high": high}


def _over_data_sets(tables, pairs, alpha, greater_is_better):
    """Give the rank tables of `Comparison`."""
    means = pd.DataFrame({key: table.mean() for key, table in tables.items()}).T
    return rank_tables(means, pairs, alpha, greater_is_better)
