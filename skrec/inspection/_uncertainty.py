"""The uncertainty of a model about groups of users."""

from collections.abc import Hashable
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike
from scipy import stats
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from skrec.base import BaseRecommender, check_matrix
from skrec.inspection._rank_correlation import partial_spearman
from skrec.inspection._uncertainty_measures import measure_uncertainty
from skrec.inspection._user_groups import cut, log_activity, pairwise_diversity
from skrec.interactions import Interactions
from skrec.typing import Array, CSRMatrix, MatrixLike
from skrec.utils import as_integers, check_share

__all__ = ["user_uncertainty"]

GROUPS = ("activity", "diversity")


def user_uncertainty(
    est: BaseRecommender,
    X: Interactions | MatrixLike | None = None,
    *,
    users: ArrayLike | None = None,
    groups: str | ArrayLike = "activity",
    item_groups: MatrixLike | None = None,
    measure: str | ArrayLike = "variance",
    n_items: int = 10,
    n_bins: int = 6,
    strategy: Literal["uniform", "quantile"] = "uniform",
    edges: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Bunch:
    r"""Compute the uncertainty of a model by groups of users, and what it is correlated with.

    Users can be grouped in the two ways of the GeRec paper, which expects high uncertainty for
    users with few interactions (o1) and for users of many genres (o2):

    .. math:: o_1(u) = \log_{10} |I_u|, \qquad
        o_2(u) = \operatorname*{mean}_{i \ne j \in I_u} 1 - |G_i \cap G_j| \, / \, |G_i \cup G_j|

    Parameters
    ----------
    est : estimator
        A fitted recommender.
    X : Interactions, sparse matrix or array-like of shape (n_rows, n_items), default=None
        The histories by which users are grouped; None takes those of ``fit``. With
        ``measure="spread"`` and without ``users`` they may be of any users, and the model is asked
        about these histories. Otherwise the rows are users of ``fit``, either all of them in order
        or those of ``users``, and the model is asked about the users as it knows them from ``fit``.
    users : array-like of int of shape (n_rows,), default=None
        Rows of the fitted matrix; if both this and X are None, all of them.
    groups : {"activity", "diversity"} or array-like of shape (n_rows,), default="activity"
        What to group users by: the logarithm o1 of their number of items, the diversity o2 of the
        genres of their items, or your own labels (users whose label is missing are left out).
    item_groups : array-like or sparse matrix of shape (n_items, n_genres), default=None
        Genres of the items, for "diversity": not zero where the item has the genre. Items without
        a genre do not count.
    measure : {"variance", "spread"} or array-like of shape (n_rows,), default="variance"
        The uncertainty of a user. "variance" is the mean of ``user_variances_`` over dimensions.
        "spread", for any probabilistic model, is the standard deviation of a score over posterior
        draws, averaged over the first `n_items` recommended items. Or pass your own numbers.
    n_items : int, default=10
        Number of recommended items for "spread".
    n_bins : int, default=6
        Number of groups for "activity" and "diversity".
    strategy : {"uniform", "quantile"}, default="uniform"
        Groups of equal width in o1 or o2, or of (nearly) equal size.
    edges : array-like of shape (n_groups + 1,), default=None
        Edges of the groups, instead of `n_bins`. Users outside are in no group, but count for the
        correlations.
    confidence : float, default=0.95
        Coverage of the intervals.

    Returns
    -------
    result : Bunch
        An object with these attributes.

        table : DataFrame
            A row for each group that has users. The index "group" is a label, or an interval that
            is closed on the left (the last one on both sides). The columns are ``n_users``;
            ``least`` and ``most`` of o1, o2 or the label; the ``mean`` uncertainty; and its
            interval from ``low`` to ``high`` by Student's t, NaN for a single user.
        correlation, pvalue : float
            Spearman's correlation of the uncertainty with o1, o2 or numeric labels, and its
            two-sided p-value; NaN for other labels.
        partial_correlation, partial_pvalue : float
            The same with the number of interactions held fixed, since active users have more
            genres; NaN for "activity".
        per_user : DataFrame
            A row for each user. The index "user" is the row of ``fit`` (of X for other users). The
            columns are ``uncertainty``, ``value`` (o1, o2 or numeric label), ``n_interactions``
            and ``group``.

    Raises
    ------
    ValueError
        If the model has no uncertainty of this kind, or the shapes of the arrays do not match.

    See Also
    --------
    uncertainty_excess : Compares the correlation with that of a placebo.
    UncertaintyDisplay : Plots the table.
    partial_spearman : Computes the correlation.

    Notes
    -----
    Users with more interactions are updated more often by stochastic gradients. This alone orders
    their variances, whatever the data say. So compare the correlation with that of the same model
    fitted to `skrec.preprocessing.permute_items` of the data; `uncertainty_excess` does this.

    References
    ----------
    Jiang, J., Yang, D., Xiao, Y., & Shen, C. (2019). Convolutional Gaussian embeddings for
    personalized recommendation with uncertainty. IJCAI. Table 4.
    https://doi.org/10.24963/ijcai.2019/367

    Examples
    --------
    >>> from skrec import MultVAERecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import user_uncertainty
    >>> X = make_interactions(200, 50, 3000, random_state=0).X
    >>> est = MultVAERecommender(hidden_sizes=(), latent_size=8, max_epochs=5, random_state=0)
    >>> result = user_uncertainty(est.fit(X), groups="activity", measure="spread", n_bins=3)
    >>> result.table["n_users"].sum()
    np.int64(200)
    >>> bool(result.correlation < 0)
    True
    """
    check_is_fitted(est)
    rows, history, index = _rows(est, X, users)
    n_interactions = np.diff(history.indptr)
    per_user = pd.DataFrame(
        {
            "uncertainty": measure_uncertainty(est, X, rows, measure, n_items, len(index)),
            "value": np.nan,
            "n_interactions": n_interactions,
        },
        index=pd.Index(index, name="user"),
    )
    per_user["value"], group = _grouping(groups, history, item_groups, n_bins, strategy, edges)
    per_user["group"] = group.array
    by_activity = isinstance(groups, str) and groups == "activity"
    return Bunch(
        table=_table(per_user, confidence),
        **_correlations(per_user, by_activity),
        per_user=per_user,
    )


# which users


def _rows(
    est: BaseRecommender, X: Interactions | MatrixLike | None, users: ArrayLike | None
) -> tuple[Array | None, CSRMatrix, Array]:
    """Return the rows of fit (None: other users), their histories, and their index."""
    fitted: Any = est.interactions_
    rows = None
    if users is not None:
        rows = _check_users(users, fitted.shape[0])
    elif X is None:
        rows = np.arange(fitted.shape[0])
    history: Any = fitted[rows] if X is None else check_matrix(est, X, reset=False)
    if rows is not None and history.shape[0] != len(rows):
        raise ValueError(
            f"users must have one entry a row of X, {history.shape[0]}; got {len(rows)}"
        )
    index = np.arange(history.shape[0]) if rows is None else rows
    return rows, sp.csr_matrix(history), index


def _check_users(users: ArrayLike, n_users: int) -> Array:
    expected = f"rows of the fitted matrix, in [0, {n_users})"
    rows = np.atleast_1d(as_integers(users, "users", expected))
    if rows.ndim != 1 or (rows.size and (rows.min() < 0 or rows.max() >= n_users)):
        raise ValueError(f"users must be {expected}; got {rows}")
    return rows


# groups


def _grouping(
    groups: str | ArrayLike,
    history: CSRMatrix,
    item_groups: MatrixLike | None,
    n_bins: int,
    strategy: str,
    edges: ArrayLike | None,
) -> tuple[Array, pd.Series]:
    """Return the number that users are ordered by, and their groups."""
    if not isinstance(groups, str):
        return _labels(groups, len(history.indptr) - 1)
    if groups not in GROUPS:
        raise ValueError(f"groups must be one of {GROUPS} or an array of labels; got {groups!r}")
    activity = groups == "activity"
    value = log_activity(history) if activity else pairwise_diversity(history, item_groups)
    if not np.isfinite(value).any():
        needed = "an interaction" if activity else "two items of known genres"
        raise ValueError(f"X must hold a user with {needed}; got none")
    return value, cut(value, n_bins, strategy, edges)


def _labels(groups: Any, n_rows: int) -> tuple[Array, pd.Series]:
    is_list = isinstance(groups, list | tuple | range | np.ndarray | pd.Series | pd.Index)
    shape = np.shape(groups) if hasattr(groups, "shape") else (len(groups) if is_list else 0,)
    if shape != (n_rows,):
        raise ValueError(
            f"groups must have one label a user, of shape ({n_rows},); got shape {shape}"
        )
    labels: Any = pd.Series(groups).reset_index(drop=True)
    labels = labels.astype(np.float32) if labels.dtype == np.float16 else labels
    if labels.dtype.kind == "c" or not labels.map(lambda label: isinstance(label, Hashable)).all():
        raise ValueError(f"groups must be labels, such as text or numbers; got {labels.dtype}")
    numeric = pd.api.types.is_numeric_dtype(labels)
    value = labels.to_numpy(np.float64, na_value=np.nan) if numeric else np.full(n_rows, np.nan)
    return value, labels


# results


def _table(per_user: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return a row for each group."""
    confidence = check_share(confidence, "confidence")
    there = per_user[np.isfinite(per_user["uncertainty"])]
    by_group = there.groupby("group", observed=True)
    uncertainty = by_group["uncertainty"]
    table = pd.DataFrame({"n_users": by_group.size()})
    table["least"], table["most"] = by_group["value"].min(), by_group["value"].max()
    table["mean"] = uncertainty.mean()
    quantile = stats.t.ppf((1 + confidence) / 2, np.maximum(table["n_users"] - 1, 1))
    half = quantile * uncertainty.sem()
    table["low"], table["high"] = table["mean"] - half, table["mean"] + half
    return table.set_axis(_intervals(table.index), axis="index")


def _intervals(index: pd.Index) -> pd.Index:
    """Return an index of intervals or labels in place of one of categories."""
    if not isinstance(index, pd.CategoricalIndex):
        return index
    return pd.Index(index.astype(index.categories.dtype), name=index.name)


def _correlations(per_user: pd.DataFrame, by_activity: bool) -> dict[str, float]:
    there: Any = per_user[np.isfinite(per_user[["uncertainty", "value"]]).all(axis=1)]
    x, y, n = (there[name].to_numpy() for name in ("uncertainty", "value", "n_interactions"))
    nothing = np.nan, np.nan
    correlation, pvalue = partial_spearman(x, y) if len(there) else nothing
    partial = nothing if by_activity or not len(there) else partial_spearman(x, y, n)
    return {
        "correlation": correlation,
        "pvalue": pvalue,
        "partial_correlation": partial[0],
        "partial_pvalue": partial[1],
    }
