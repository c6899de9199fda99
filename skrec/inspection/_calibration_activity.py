"""Calibration by the activity of users."""

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skrec.inspection._activity import activity_groups
from skrec.metrics import expected_calibration_error
from skrec.typing import Array
from skrec.utils import as_numbers, check_count, check_finite

__all__ = ["calibration_by_activity"]

_MOST_PARTS = 20  # of the jackknife


def calibration_by_activity(
    y_true: ArrayLike,
    y_prob: ArrayLike,
    users: ArrayLike,
    n_interactions: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    n_groups: int = 5,
    n_bins: int = 10,
    strategy: Literal["uniform", "quantile"] = "quantile",
) -> pd.DataFrame:
    """Compare predicted probabilities with outcomes, separately for each group of activity.

    Parameters
    ----------
    y_true : array-like of shape (n_pairs,)
        Outcomes, 0 or 1.
    y_prob : array-like of shape (n_pairs,)
        Probabilities.
    users : array-like of int of shape (n_pairs,)
        The user of each pair, an index into ``n_interactions``.
    n_interactions : array-like of shape (n_users,)
        The activity of each user, such as the length of the given history. Users without pairs are
        left out.
    sample_weight : array-like of shape (n_pairs,), default=None
        The number of pairs that each pair represents; None means 1.
    n_groups : int, default=5
        Number of groups, of nearly equal numbers of users.
    n_bins : int, default=10
        Number of bins of the calibration error.
    strategy : {"uniform", "quantile"}, default="quantile"
        Bins of equal width, or with equal numbers of pairs.

    Returns
    -------
    table : DataFrame
        A row for each group, 1 the least active. The columns are ``n_users``; their activity from
        ``least`` to ``most``; the total ``weight`` of the pairs; the mean prediction ``predicted``
        and the mean outcome ``observed``; their ``difference``; the expected calibration ``error``;
        and the standard errors of these, ``predicted_se``, ``observed_se``, ``difference_se`` and
        ``error_se``.

    Raises
    ------
    ValueError
        If arrays do not fit each other, or hold what is no outcome or no probability.

    See Also
    --------
    CalibrationByActivityDisplay : Plots the numbers.
    skrec.metrics.expected_calibration_error : The calibration error of all pairs.

    Notes
    -----
    Standard errors are over users, because the pairs of a user are not independent: of the means by
    the delta method for ratios, of the calibration error by a jackknife that leaves out a twentieth
    of the users at a time. They are NaN for a group of one user. The calibration error of few pairs
    is too large on average, so compare groups of like weight. Where a model is calibrated, the
    standard error of the calibration error is too large as well.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.inspection import calibration_by_activity
    >>> rng = np.random.default_rng(0)
    >>> activity, users = np.arange(1, 101), np.repeat(np.arange(100), 50)
    >>> rate = rng.random(5000) / 4
    >>> outcome = rng.random(5000) < rate
    >>> proba = np.where(users < 50, rate, 2 * rate)  # twice too high for the active
    >>> table = calibration_by_activity(outcome, proba, users, activity, n_groups=2)
    >>> table[["least", "most", "difference"]].round(1).to_numpy().tolist()
    [[1.0, 50.0, -0.0], [51.0, 100.0, 0.1]]
    """
    check_count(n_groups, "n_groups", 1)
    outcome, proba, user, activity, weight = _check(
        y_true, y_prob, users, n_interactions, sample_weight
    )
    # this checks the values too, before any group is taken apart
    expected_calibration_error(outcome, proba, n_bins, strategy, sample_weight=weight)
    judged = np.unique(user)
    group = np.zeros(len(activity), dtype=np.int64)
    group[judged] = activity_groups(activity[judged], min(int(n_groups), 10 * len(judged)))
    rows = {}
    for number in np.unique(group[judged]):
        mine = group[user] == number
        part = outcome[mine], proba[mine], user[mine], weight[mine]
        if part[3].sum() > 0:
            rows[int(number)] = {**_about(activity, *part), **_errors(*part, n_bins, strategy)}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")
    return table.astype({"n_users": np.int64})


def _about(activity: Array, outcome: Array, proba: Array, user: Array, weight: Array) -> dict:
    mine = activity[np.unique(user)]
    about = {"n_users": len(mine), "least": mine.min(), "most": mine.max(), "weight": weight.sum()}
    for name, values in {
        "predicted": proba,
        "observed": outcome,
        "difference": proba - outcome,
    }.items():
        about[name], about[f"{name}_se"] = _weighted_mean(values, user, weight)
    return about


def _weighted_mean(values: Array, user: Array, weight: Array) -> tuple[float, float]:
    """Return a mean and its standard error over users."""
    _, place = np.unique(user, return_inverse=True)
    n, total = place.max() + 1, weight.sum()
    mean = (weight * values).sum() / total
    if n < 2:
        return float(mean), np.nan
    residuals = np.bincount(place, weights=weight * (values - mean))
    return float(mean), float(np.sqrt(n / (n - 1) * (residuals**2).sum()) / total)


def _errors(
    outcome: Array, proba: Array, user: Array, weight: Array, n_bins: int, strategy: Any
) -> dict[str, float]:
    """Return the calibration error and its standard error, by a jackknife over users."""

    def error(kept: Any) -> float:
        parts = outcome[kept], proba[kept]
        return expected_calibration_error(*parts, n_bins, strategy, sample_weight=weight[kept])

    part = np.unique(user, return_inverse=True)[1] % _MOST_PARTS
    left = [part != p for p in range(part.max() + 1)]
    without = np.array([error(kept) for kept in left if weight[kept].sum() > 0])
    n = len(without)
    spread = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()) if n > 1 else np.nan
    return {"error": error(slice(None)), "error_se": float(spread)}


def _check(
    y_true: Any, y_prob: Any, users: Any, n_interactions: Any, sample_weight: Any
) -> tuple[Array, ...]:
    """Return the columns of the pairs and the activity of the users, as arrays."""
    activity = as_numbers(n_interactions, "n_interactions", ndim=1)
    check_finite(activity, "n_interactions")
    outcome, proba = as_numbers(y_true, "y_true", ndim=1), as_numbers(y_prob, "y_prob", ndim=1)
    user = as_numbers(users, "users", ndim=1)
    weight = np.ones(len(outcome))
    if sample_weight is not None:
        weight = as_numbers(sample_weight, "sample_weight", ndim=1).astype(np.float64)
    columns = {"y_prob": proba, "users": user, "sample_weight": weight}
    for name, column in columns.items():
        if column.shape != outcome.shape:
            raise ValueError(f"{name} must have y_true's shape {outcome.shape}; got {column.shape}")
    whole = user.astype(np.int64)
    if (whole != user).any() or (len(user) and not 0 <= whole.min() <= whole.max() < len(activity)):
        raise ValueError(
            f"users must be whole numbers from 0 to {len(activity) - 1}, indices into "
            f"n_interactions; got {user.min()} to {user.max()}"
        )
    return outcome.astype(np.float64), proba.astype(np.float64), whole, activity, weight
