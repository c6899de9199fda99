"""A metric by the activity of users."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from skrec.typing import Array
from skrec.utils import as_numbers, check_count, check_finite

__all__ = ["activity_quintiles"]


def activity_quintiles(
    n_interactions: ArrayLike,
    values: Mapping[str, ArrayLike] | pd.DataFrame,
    *,
    reference: str | None = None,
    n_groups: int = 5,
) -> pd.DataFrame:
    """Compare systems on the same users, separately for each quintile of activity.

    Parameters
    ----------
    n_interactions : array-like of shape (n_users,)
        The activity of each user, such as the length of the given history.
    values : dict of str to array-like of shape (n_users,)
        A metric of each user, by system. Users without targets, which are NaN in all systems, are
        left out.
    reference : str, default=None
        The system to compare the others with; None takes the first.
    n_groups : int, default=5
        Number of groups.

    Returns
    -------
    table : DataFrame
        A row for each ``(quintile, system)``; quintile 1 is the least active. The columns are
        ``n_users``; their activity from ``least`` to ``most``; ``mean`` and ``std_error`` of the
        metric; the mean ``difference`` from the reference; and ``t_pvalue``, the two-sided p-value
        of the paired t-test against the reference (NaN for the reference itself).

    Raises
    ------
    ValueError
        If arrays differ in length, are NaN for different users, or leave no users.

    Notes
    -----
    Users of equal activity are in the same group. So groups may differ in size, and there may be
    fewer than ``n_groups`` if many users share an activity. The p-values are not corrected for the
    number of groups; use `skrec.model_selection.holm` for that.

    References
    ----------
    Liang, D., Krishnan, R. G., Hoffman, M. D., & Jebara, T. (2018). Variational autoencoders for
    collaborative filtering. WWW. Figure 3. https://doi.org/10.1145/3178876.3186150

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.inspection import activity_quintiles
    >>> rng = np.random.default_rng(0)
    >>> activity, ndcg = rng.integers(5, 100, size=300), rng.random(300)
    >>> better = ndcg + 0.1 * rng.random(300)
    >>> table = activity_quintiles(activity, {"EASE": ndcg, "Mult-VAE": better})
    >>> table.loc[(1, "Mult-VAE"), "difference"].round(3)
    np.float64(0.048)
    >>> bool((table["t_pvalue"].dropna() < 0.001).all())
    True
    """
    activity, table = _check(n_interactions, values, n_groups)
    reference = table.columns[0] if reference is None else reference
    if not isinstance(reference, Hashable) or reference not in table:
        raise ValueError(f"reference must be one of {list(table)}; got {reference!r}")
    # where there are more groups than users by far, each distinct activity is one
    groups = activity_groups(activity, min(int(n_groups), 10 * len(activity)))
    tables = {
        group: _one_group(activity[groups == group], table.loc[groups == group], reference)
        for group in np.unique(groups)
    }
    return pd.concat(tables, names=["quintile"])


def activity_groups(activity: Array, n_groups: int) -> Array:
    """Return each user's group, 1 the least active; equals share one, sizes are nearly equal."""
    shares = np.arange(1, n_groups) / n_groups
    cuts = np.quantile(activity, shares, method="inverted_cdf")
    groups = np.searchsorted(np.unique(cuts), activity, side="left")
    return groups + 1


def paired_t_pvalues(differences: Array) -> Array:
    """Return the two-sided p-value that each column's mean is 0; 1 where the whole column is 0."""
    n = len(differences)
    if n < 2:
        return np.full(differences.shape[1], np.nan)
    mean, error = differences.mean(axis=0), stats.sem(differences, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = mean / error
    return np.where(differences.any(axis=0), 2 * stats.t.sf(np.abs(t), n - 1), 1.0)


def _one_group(activity: Array, values: pd.DataFrame, reference: Any) -> pd.DataFrame:
    differences = values.sub(values[reference], axis=0)
    pvalues = pd.Series(paired_t_pvalues(differences.to_numpy()), values.columns)
    pvalues[reference] = np.nan
    return pd.DataFrame(
        {
            "n_users": len(values),
            "least": activity.min(),
            "most": activity.max(),
            "mean": values.mean(),
            "std_error": values.sem(),
            "difference": differences.mean(),
            "t_pvalue": pvalues,
        }
    )


def _check(n_interactions: ArrayLike, values: Any, n_groups: int) -> tuple[Array, pd.DataFrame]:
    """Return the activity and a table of the users that have values."""
    check_count(n_groups, "n_groups", 1)
    if not isinstance(values, Mapping | pd.DataFrame) or not len(values.keys()):
        raise ValueError(f"values must be a dict of system to array; got {values!r}")
    activity = as_numbers(n_interactions, "n_interactions")
    check_finite(activity, "n_interactions")
    table = {
        name: as_numbers(column, f"values[{name!r}]").astype(np.float64)
        for name, column in values.items()
    }
    for name, column in table.items():
        check_finite(column[~np.isnan(column)], f"values[{name!r}]")
    shapes = {name: column.shape for name, column in table.items()}
    if activity.ndim != 1 or any(shape != activity.shape for shape in shapes.values()):
        raise ValueError(
            "values must have one number for each entry of n_interactions, of shape "
            f"{activity.shape}; got {shapes}"
        )
    return _with_targets(activity, pd.DataFrame(table).rename_axis(columns="system"))


def _with_targets(activity: Array, values: pd.DataFrame) -> tuple[Array, pd.DataFrame]:
    missing = values.isna()
    if (missing.any(axis=1) & ~missing.all(axis=1)).any():
        raise ValueError("values must be NaN for the same users in every system")
    there = ~missing.all(axis=1).to_numpy()
    if not there.any():
        raise ValueError("values must hold a user with targets; got none")
    return activity[there], values.loc[there]
