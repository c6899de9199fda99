"""A learnt mixture prior and the posteriors of users, in two dimensions."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from skrec.base import BaseRecommender
from skrec.typing import Array, MatrixLike
from skrec.utils import check_count, check_number

__all__ = ["prior_components"]


def prior_components(
    estimator: BaseRecommender,
    X: MatrixLike | None = None,
    *,
    users: ArrayLike | None = None,
    n_items: int = 5,
    popularity_discount: float = 0.0,
) -> Bunch:
    r"""Compare the components of a learnt prior with the posteriors of users.

    Parameters
    ----------
    estimator : estimator
        A fitted recommender that has ``prior_means_``, such as `VampVAERecommender`.
    X : sparse matrix or array-like of shape (n_users, n_items), default=None
        Histories of the users; None takes the users of ``fit``.
    users : array-like of int of shape (n_users,), default=None
        Rows of the fitted matrix, instead of ``X``.
    n_items : int, default=5
        Number of items to list for each component.
    popularity_discount : float, default=0.0
        Factor of the log popularity of an item that is subtracted from its score before the best
        items are listed. With 0 they are those that the decoder recommends, with 1 those that
        distinguish the component.

    Returns
    -------
    result : Bunch
        - ``table``: DataFrame with a row for each of the K components, largest share first.
          ``share`` is the fraction of the users at whose posterior mean the component has the
          highest density of all; ``items`` is a list of column indices, best first.
        - ``posterior``: ndarray of shape (n_users, 2), posterior means, projected on their first
          two principal axes.
        - ``prior``: ndarray of shape (K, 2), projected means of the components, in the order of
          ``table``.
        - ``deviation``: ndarray of shape (K, 2), standard deviations of the components along the
          axes, in the same order.
        - ``component``: ndarray of shape (n_users,), each user's component, an index of ``table``.
        - ``explained``: ndarray of shape (2,), fractions of the variance of the posterior means
          that the axes explain.

    Raises
    ------
    ValueError
        If the model has no learnt prior, or codes of one dimension.

    See Also
    --------
    PriorDisplay : Plots the result.

    Examples
    --------
    >>> from skrec import VampVAERecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import prior_components
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = VampVAERecommender(hidden_sizes=(), latent_size=8, n_pseudo_inputs=10, max_epochs=5)
    >>> result = prior_components(est.fit(X), n_items=3)
    >>> result.posterior.shape, result.prior.shape
    ((100, 2), (10, 2))
    """
    if not isinstance(estimator, BaseRecommender):
        raise TypeError(f"estimator must be a recommender of skrec; got {estimator!r}")
    check_is_fitted(estimator)
    n_items = check_count(n_items, "n_items", 1)
    check_number(popularity_discount, "popularity_discount")
    if not hasattr(estimator, "prior_means_"):
        raise ValueError(
            "estimator must have a learnt prior, prior_means_; "
            f"got {type(estimator).__name__}, which has none"
        )
    model: Any = estimator  # its class has more attributes than the base
    if X is None and users is None:
        users = np.arange(model.interactions_.shape[0])
    if users is not None and np.size(users) == 0:
        raise ValueError("users must name a user or more; got none")
    codes, _ = model.posterior(X, users=users)
    means, variances = model.prior_means_, np.exp(model.prior_log_variances_)
    if codes.shape[1] < 2:
        raise ValueError(f"latent_size must be 2 or more to draw; got {codes.shape[1]}")
    pca = PCA(2, svd_solver="full").fit(codes)
    component = _nearest(codes, means, variances)
    table = pd.DataFrame(
        {
            "share": np.bincount(component, minlength=len(means)) / len(codes),
            "items": _items(model, n_items, popularity_discount).tolist(),
        }
    ).rename_axis("component")
    table = table.sort_values("share", ascending=False, kind="stable")
    order = table.index.to_numpy()
    axes = np.asarray(pca.components_)
    return Bunch(
        table=table,
        posterior=pca.transform(codes),
        prior=pca.transform(means[order]),
        deviation=np.sqrt(variances[order] @ (axes.T**2)),
        component=component,
        explained=pca.explained_variance_ratio_,
    )


def _nearest(codes: Array, means: Array, variances: Array) -> Array:
    """Return the component of the highest density at each code."""
    log_density = np.stack(
        [-((codes - m) ** 2 / v + np.log(v)).sum(axis=1) for m, v in zip(means, variances)],
        axis=1,
    )
    return log_density.argmax(axis=1)


def _items(estimator: Any, n_items: int, popularity_discount: float) -> Array:
    """Return the items of each component, of shape (K, n_items)."""
    popularity = np.log(np.asarray(estimator.interactions_.sum(axis=0)).ravel() + 1)
    scores = estimator.prior_scores_ - popularity_discount * popularity
    return np.argsort(-scores, axis=1, kind="stable")[:, :n_items]
