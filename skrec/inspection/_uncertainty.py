"""How unsure a model is of its users, by how much and how mixed what they have is."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy import stats
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from skrec.base import check_matrix
from skrec.inspection._rank_correlation import partial_spearman
from skrec.inspection._uncertainty_excess import check_confidence
from skrec.inspection._uncertainty_measures import measure_uncertainty
from skrec.inspection._user_groups import cut, log_activity, pairwise_diversity

__all__ = ["user_uncertainty"]

GROUPS = ("activity", "diversity")


def user_uncertainty(
    est,
    X=None,
    *,
    users=None,
    groups="activity",
    item_groups=None,
    measure="variance",
    n_items=10,
    n_bins=6,
    strategy="uniform",
    edges=None,
    confidence=0.95,
):
    r"""Give how unsure a model is of groups of users, and what its uncertainty goes along with.

    The two ways to group users are those of the GeRec paper, where users of few interactions and
    users of many genres are expected to be uncertain:

    .. math:: o_1(u) = \log_{10} |I_u|, \qquad
        o_2(u) = \operatorname*{mean}_{i \ne j \in I_u} 1 - |G_i \cap G_j| \, / \, |G_i \cup G_j|

    Parameters
    ----------
    est : estimator
        A fitted recommender.
    X : Interactions, sparse matrix or array-like of shape (n_rows, n_items), default=None
        What the users have, by which they are grouped; None takes what ``fit`` saw. With
        ``measure="spread"`` and without ``users`` it holds histories of any users, whom the model
        is asked about. Otherwise its rows are users of ``fit``, all of them in order or those of
        ``users``, and the model is asked about what it has stored of them.
    users : array-like of int of shape (n_rows,), default=None
        Rows of the fitted matrix; None and no X takes all of them.
    groups : {"activity", "diversity"} or array-like of shape (n_rows,), default="activity"
        What users are grouped by: the logarithm o1 of their number of items, the diversity o2 of
        the genres of their items, or labels of one's own (a missing one leaves the user out).
    item_groups : array-like or sparse matrix of shape (n_items, n_genres), default=None
        For "diversity": not zero where the item is of the genre. Items without a genre do not
        count.
    measure : {"variance", "spread"} or array-like of shape (n_rows,), default="variance"
        The uncertainty of a user: the mean of ``user_variances_`` over dimensions; the mean
        deviation of the scores over posterior draws, of the first `n_items` recommended (any
        probabilistic model); or numbers of one's own.
    n_items : int, default=10
        Length of the lists of "spread".
    n_bins : int, default=6
        Number of groups for "activity" and "diversity".
    strategy : {"uniform", "quantile"}, default="uniform"
        Groups of equal width in o1 or o2, or (nearly) equal size.
    edges : array-like of shape (n_groups + 1,), default=None
        Where groups end, in place of `n_bins`; users outside are in no group, but count for the
        correlations.
    confidence : float, default=0.95
        Coverage of the intervals.

    Returns
    -------
    result : Bunch
        With these attributes.

        table : DataFrame
            A row a group that has users, the index "group" being an interval that is closed on
            the left (the last one on both sides) or a label: ``n_users``; ``least`` and ``most``
            of o1, o2 or the label; ``mean`` uncertainty and its interval (Student's t over the
            users) from ``low`` to ``high``, NaN for one user.
        correlation, pvalue : float
            Spearman's correlation of uncertainty with o1, o2 or numeric labels, and its two-sided
            p-value; NaN for other labels.
        partial_correlation, partial_pvalue : float
            The same with the number of interactions held fixed, NaN for "activity". Active users
            have more genres.
        per_user : DataFrame
            A row a user, the index "user" being the row of ``fit`` (of X for other users):
            ``uncertainty``, ``value`` (o1, o2 or numeric label), ``n_interactions``, ``group``.

    Raises
    ------
    ValueError
        If the model has no such uncertainty, or the arrays do not fit each other.

    See Also
    --------
    uncertainty_excess : What is left beside a placebo.
    UncertaintyDisplay : The plot.
    partial_spearman : The correlation.

    Notes
    -----
    Update counts alone order the variances that are trained by stochastic gradients: users with
    more interactions are updated more often. So compare with the same model fitted to
    `skrec.preprocessing.permute_items` of the data, by `uncertainty_excess`.

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
    users, history, index = _rows(est, X, users)
    n_interactions = np.diff(history.indptr)
    per_user = pd.DataFrame(
        {
            "uncertainty": measure_uncertainty(est, X, users, measure, n_items, len(index)),
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


def _rows(est, X, users):
    """Give the rows of fit (None: other users), what they have, and their names."""
    n_users = est.interactions_.shape[0]
    if users is not None:
        users = _check_users(users, n_users)
    elif X is None:
        users = np.arange(n_users)
    history = est.interactions_[users] if X is None else check_matrix(est, X, reset=False)
    if users is not None and history.shape[0] != len(users):
        raise ValueError(
            f"users must have one entry a row of X, {history.shape[0]}; got {len(users)}"
        )
    history = sp.csr_matrix(history)
    return users, history, np.arange(history.shape[0]) if users is None else users


def _check_users(users, n_users):
    users = np.atleast_1d(np.asarray(users))
    inside = users.dtype.kind in "iu" and users.ndim == 1
    if not inside or (users.size and (users.min() < 0 or users.max() >= n_users)):
        raise ValueError(f"users must be rows of the fitted matrix, in [0, {n_users}); got {users}")
    return users


# by what


def _grouping(groups, history, item_groups, n_bins, strategy, edges):
    """Give the number that users are ordered by, and their groups."""
    if not isinstance(groups, str):
        return _labels(groups, history.shape[0])
    if groups not in GROUPS:
        raise ValueError(f"groups must be one of {GROUPS} or an array of labels; got {groups!r}")
    activity = groups == "activity"
    value = log_activity(history) if activity else pairwise_diversity(history, item_groups)
    if not np.isfinite(value).any():
        needed = "an interaction" if activity else "two items of known genres"
        raise ValueError(f"X must hold a user with {needed}; got none")
    return value, cut(value, n_bins, strategy, edges)


def _labels(groups, n_rows):
    labels = pd.Series(groups).reset_index(drop=True)
    if np.ndim(groups) != 1 or len(labels) != n_rows:
        raise ValueError(
            f"groups must have one label a user, of shape ({n_rows},); got shape {np.shape(groups)}"
        )
    numeric = pd.api.types.is_numeric_dtype(labels)
    value = labels.to_numpy(np.float64, na_value=np.nan) if numeric else np.full(n_rows, np.nan)
    return value, labels


# what comes out


def _table(per_user, confidence):
    """Give a row a group."""
    confidence = check_confidence(confidence)
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


def _intervals(index):
    """Turn categories back into what they are."""
    if not isinstance(index, pd.CategoricalIndex):
        return index
    return pd.Index(index.astype(index.categories.dtype), name=index.name)


def _correlations(per_user, by_activity):
    there = per_user[np.isfinite(per_user[["uncertainty", "value"]]).all(axis=1)]
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
