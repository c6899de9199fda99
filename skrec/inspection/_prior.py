"""A learnt mixture prior beside the posteriors of users, in two dimensions."""

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

__all__ = ["prior_components"]


def prior_components(estimator, X=None, *, users=None, n_items=5, popularity_discount=0.0):
    r"""Compare the components of a learnt prior with the posteriors of users.

    Parameters
    ----------
    estimator : estimator
        A fitted recommender with ``prior_means_``, `VampVAERecommender`.
    X : sparse matrix or array-like of shape (n_users, n_items), default=None
        Histories of the users; None takes the users of ``fit``.
    users : array-like of int of shape (n_users,), default=None
        Rows of the fitted matrix, in place of ``X``.
    n_items : int, default=5
        Items to name for each component.
    popularity_discount : float, default=0.0
        Items of a component are those with the highest score less this times the logarithm of
        their popularity: with 0 what the decoder would recommend, with 1 what is peculiar to it.

    Returns
    -------
    result : Bunch
        - ``table``: DataFrame of shape (K, ...) with, for each component, ``share``, the part of
          the users to whose posterior mean it gives the highest density of all components, and
          ``items``, a list of column indices, best first; the largest share first.
        - ``posterior``: ndarray of shape (n_users, 2), posterior means on the first two principal
          axes of themselves.
        - ``prior``: ndarray of shape (K, 2), means of the components there, as in ``table``.
        - ``deviation``: ndarray of shape (K, 2), deviations of the components there.
        - ``component``: ndarray of shape (n_users,), each user's component, by its index.
        - ``explained``: ndarray of shape (2,), parts of the posterior means' variance.

    Raises
    ------
    ValueError
        If the model has no learnt prior, or codes of one dimension.

    See Also
    --------
    PriorDisplay : The plot.

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
    check_is_fitted(estimator)
    if not hasattr(estimator, "prior_means_"):
        raise ValueError(
            "estimator must have a learnt prior, prior_means_; "
            f"got {type(estimator).__name__}, which has none"
        )
    if X is None and users is None:
        users = np.arange(estimator.interactions_.shape[0])
    codes, _ = estimator.posterior(X, users=users)
    means, variances = estimator.prior_means_, np.exp(estimator.prior_log_variances_)
    if codes.shape[1] < 2:
        raise ValueError(f"latent_size must be 2 or more to draw; got {codes.shape[1]}")
    pca = PCA(2, svd_solver="full").fit(codes)
    component = _nearest(codes, means, variances)
    table = pd.DataFrame(
        {
            "share": np.bincount(component, minlength=len(means)) / len(codes),
            "items": _items(estimator, n_items, popularity_discount).tolist(),
        }
    ).rename_axis("component")
    table = table.sort_values("share", ascending=False, kind="stable")
    order = table.index.to_numpy()
    return Bunch(
        table=table,
        posterior=pca.transform(codes),
        prior=pca.transform(means[order]),
        deviation=np.sqrt(variances[order] @ (pca.components_.T**2)),
        component=component,
        explained=pca.explained_variance_ratio_,
    )


def _nearest(codes, means, variances):
    """Give each code's component of the highest density."""
    log_density = np.stack(
        [-((codes - m) ** 2 / v + np.log(v)).sum(axis=1) for m, v in zip(means, variances)],
        axis=1,
    )
    return log_density.argmax(axis=1)


def _items(estimator, n_items, popularity_discount):
    """Give the items of each component, of shape (K, n_items)."""
    popularity = np.log(np.asarray(estimator.interactions_.sum(axis=0)).ravel() + 1)
    scores = estimator.prior_scores_ - popularity_discount * popularity
    return np.argsort(-scores, axis=1, kind="stable")[:, :n_items]
