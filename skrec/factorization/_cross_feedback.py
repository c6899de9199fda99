"""Bayesian matrix factorisation whose encoders read each other's embeddings."""

from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skrec.base import RatingRecommender
from skrec.factorization._products import inner_products
from skrec.neural import (
    SimilarItems,
    TorchRecommender,
    WatchedRatings,
    hold_out_ratings,
    watch_rmse,
)
from skrec.nn import CrossFeedbackVAE, RatingELBO
from skrec.training import NestedBatches, Resampling, centred, encode_side
from skrec.utils import row_of_entry

__all__ = ["CrossFeedbackBMF"]

_NOISE_PACE = 20  # times the learning rate of the rest
_ROUNDS = 2  # in which posteriors settle


class CrossFeedbackBMF(WatchedRatings, SimilarItems, RatingRecommender, TorchRecommender):
    r"""Bayesian matrix factorisation by encoders with cross feedback and attention (VAE-BMF).

    An encoder gives the posterior of each user's embedding from the user's ratings and the
    embeddings of the items rated, another does so for items. Maximises over observed ratings

    .. math:: \mathbb{E}_q \Big[ \sum_{(i, j)} \log N(x_{ij}; m + u_i^\top v_j, s^2) \Big]
        - \beta_u \sum_i \operatorname{KL}(q(u_i \mid V_i, X_i) \,\|\, N(0, I))
        - \beta_v \sum_j \operatorname{KL}(q(v_j \mid U_j, X_j) \,\|\, N(0, I)).

    Embeddings that encoders read are drawn once a pass, from the posteriors under those of the
    pass before.

    Parameters
    ----------
    n_factors : int, default=25
        Width K of the embeddings.
    hidden_sizes : tuple of int, default=(50,)
        Widths of the hidden layers that ratings, and embeddings, pass by themselves.
    joined_size : int, default=50
        Width K' of what ratings and embeddings give, where they are joined.
    head_sizes : tuple of int, default=()
        Widths of the hidden layers after that.
    data_input : bool, default=True
        Whether encoders read ratings.
    cross_feedback : bool, default=True
        Whether encoders read embeddings; without them there is no attention either.
    latent_input : {"concat", "mean"}, default="concat"
        Whether each embedding has weights of its own, or their mean is read.
    attention : {"rated", "all", None}, default="rated"
        Whether posteriors attend to the embeddings of what is rated, to all, or to none.
    attention_weights : {"softmax", "ratio"}, default="softmax"
        How attention is normalised; ``"ratio"`` is eq. 9.
    merge : {"concat", "add"}, default="concat"
        Whether what is attended to passes a linear layer beside the parameter, or is added to it.
    iteration : {"nested", "sequential"}, default="nested"
        Whether every batch of users meets every batch of items, both encoded; or batches of users
        come before batches of items, each against the drawn embeddings of the other side.
    clip : bool, default=False
        Whether drawn embeddings are made non-negative.
    beta_user, beta_item : float, default=0.1
        Weights of the divergences.
    batch_size : int, default=1000
        Users a batch.
    item_batch_size : int, default=1000
        Items a batch.
    n_samples : int, default=20
        Posterior draws for the deviation of probabilities.
    lr : float, default=0.003
        Learning rate; that of the noise is twenty times as large. It suits a few batches a pass;
        with many of them a tenth of it is better.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    rating_mean_ : float
        The mean m of all ratings.
    noise_std_ : float
        The deviation s of ratings.
    user_means_, user_variances_ : ndarray of shape (n_users, n_factors)
        Posteriors of the users.
    item_means_, item_variances_ : ndarray of shape (n_items, n_factors)
        Posteriors of the items.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    BiasedMFRegressor : Matrix factorisation without encoders.
    VAERegressor : An encoder of users alone.

    Notes
    -----
    Predictions are inner products of posterior means, of which those of users are encoded from
    their rows and the items' means, so that unseen users are no others. ``predict(...,
    return_std=True)`` is the deviation of a rating under both posteriors and the noise, in closed
    form; `decision_function` gives that of the inner product alone. With ``clip=True`` closed
    forms are those of the Gaussians before they are clipped; draws are clipped.

    Differences from the paper: attention is normalised by a softmax, since sums of raw weights
    come near zero; attended variances pass a sigmoid again; ratings lose their mean, and a row's
    sums, of ratings or of weighted embeddings, are divided by the root of its length, without
    which they explode where items have thousands of ratings; the noise is estimated; the
    divergence of a user counts once a pass, not once a batch of items.

    References
    ----------
    Jin, Y., Zhao, H., Liu, M., Zhu, Y., Du, L., Gao, L., Zhang, H., & Li, Y. (2021). Leveraging
    cross feedback of user and item embeddings with attention for variational autoencoder based
    collaborative filtering. https://arxiv.org/abs/2002.09145

    Examples
    --------
    >>> from skrec import CrossFeedbackBMF
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(60, 40, 600, random_state=0).X
    >>> X.data = X.indices % 5 + 1.0
    >>> est = CrossFeedbackBMF(n_factors=8, max_epochs=5, random_state=0).fit(X)
    >>> ratings, std = est.predict(X[:2], return_std=True)
    >>> ratings.shape
    (2, 40)
    """

    n_factors: int = 25
    hidden_sizes: tuple = (50,)
    joined_size: int = 50
    head_sizes: tuple = ()
    data_input: bool = True
    cross_feedback: bool = True
    latent_input: str = "concat"
    attention: str | None = "rated"
    attention_weights: str = "softmax"
    merge: str = "concat"
    iteration: str = "nested"
    clip: bool = False
    beta_user: float = 0.1
    beta_item: float = 0.1
    batch_size: int = 1000
    item_batch_size: int = 1000
    n_samples: int = 20
    lr: float = 3e-3

    _probabilistic: ClassVar[bool] = True
    _scores_few_cheaply: ClassVar[bool] = True
    _links_pairs: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_factors": [Interval(Integral, 1, None, closed="left")],
        "hidden_sizes": [tuple, list],
        "joined_size": [Interval(Integral, 1, None, closed="left")],
        "head_sizes": [tuple, list],
        "data_input": ["boolean"],
        "cross_feedback": ["boolean"],
        "latent_input": [StrOptions({"concat", "mean"})],
        "attention": [StrOptions({"rated", "all"}), None],
        "attention_weights": [StrOptions({"softmax", "ratio"})],
        "merge": [StrOptions({"concat", "add"})],
        "iteration": [StrOptions({"nested", "sequential"})],
        "clip": ["boolean"],
        "beta_user": [Interval(Real, 0, None, closed="left")],
        "beta_item": [Interval(Real, 0, None, closed="left")],
        "item_batch_size": [Interval(Integral, 1, None, closed="left")],
        "n_samples": [Interval(Integral, 1, None, closed="left")],
    }
    _test_parameters: ClassVar[dict[str, Any]] = {
        "n_factors": 4,
        "hidden_sizes": (8,),
        "joined_size": 8,
        "max_epochs": 40,
        "lr": 0.01,
        "n_samples": 3,
        "device": "cpu",
        "random_state": 0,
    }

    # training

    def _network(self):
        if not (self.data_input or self.cross_feedback):
            raise ValueError(
                "data_input or cross_feedback must be True, or encoders have nothing to read; got "
                "False for both"
            )
        values = self.interactions_.data.astype(np.float64)
        return {
            "module": CrossFeedbackVAE,
            "module__n_users": self.interactions_.shape[0],
            "module__n_items": self.n_features_in_,
            "module__n_factors": self.n_factors,
            "module__clip": self.clip,
            "module__noise_std": max(float(values.std()), 1e-3),
            "module__hidden_sizes": self._sizes("hidden_sizes"),
            "module__joined_size": self.joined_size,
            "module__head_sizes": self._sizes("head_sizes"),
            "module__data_input": self.data_input,
            "module__latent_input": self.latent_input if self.cross_feedback else None,
            "module__attention": self.attention if self.cross_feedback else None,
            "module__merge": self.merge,
            "module__normalization": self.attention_weights,
            "criterion": RatingELBO,
            "criterion__beta_user": self.beta_user,
            "criterion__beta_item": self.beta_item,
        }

    def _sizes(self, name):
        sizes = tuple(getattr(self, name))
        if not all(isinstance(size, Integral) and size > 0 for size in sizes):
            raise ValueError(f"{name} must be positive integers; got {sizes!r}")
        return sizes

    def _optimizer_options(self):
        # a single number that has far to go; no penalty pulls the noise towards 1
        noise = ("log_noise", {"lr": _NOISE_PACE * self.lr, "weight_decay": 0.0})
        return {**super()._optimizer_options(), "optimizer__param_groups": [noise]}

    def _data(self, X, rng):
        self.rating_mean_ = float(X.data.mean(dtype=np.float64))
        targets = None
        if self.early_stopping:
            X, targets = hold_out_ratings(self, X, rng)
        options = self.rating_mean_, self.iteration == "nested"
        return NestedBatches(X, self.batch_size, self.item_batch_size, rng, *options), targets

    def _train(self, X, seed, device):
        batches, targets = self._data(X, np.random.RandomState(seed))
        callbacks = [("resampling", Resampling(batches))]
        if targets is not None:
            callbacks.append(("validation", self._watch_targets(batches, targets)))
        self.net_ = self._run(batches, callbacks, seed, device)
        self._settle(centred(X, self.rating_mean_))

    def _watch_targets(self, batches, targets):
        values = targets.data - self.rating_mean_
        pairs = row_of_entry(targets), targets.indices, values
        low, high = batches.X.data.min(initial=0), batches.X.data.max(initial=0)
        rmse = partial(_rmse, batches=batches, pairs=pairs, scale=(low, high))
        return watch_rmse(rmse, values, self.patience)

    def _settle(self, X):
        """Keep the posteriors: those of items as the users' encoder reads them."""
        users, items = settled(self._module, X, X.T.tocsr())
        names = "user_means_", "user_variances_", "item_means_", "item_variances_"
        for name, part in zip(names, (*users, *items), strict=True):
            setattr(self, name, part.cpu().numpy())

    def _check_warm_start(self, net):
        shape = len(net.module_.user_embeddings), len(net.module_.item_embeddings)
        if shape != self.interactions_.shape:
            raise ValueError(
                f"X must have the shape of the last fit, {shape}, when warm_start=True; "
                f"got {self.interactions_.shape}"
            )

    # answers

    @property
    def noise_std_(self):
        """Deviation of ratings around the inner product, float."""
        return float(self._module.log_noise.detach().exp())

    @property
    def item_factors_(self):
        """Means of the items, ndarray of shape (n_items, n_factors)."""
        return self.item_means_

    def _posterior(self, queries):
        """Give means and variances of the users of a block."""
        items = torch.from_numpy(self.item_means_).to(self.net_.device)
        X = centred(queries.history, self.rating_mean_)
        users = _encoded(self._module, self._module.users, X, items)
        return tuple(part.cpu().numpy() for part in users)

    def _score_block(self, queries):
        return self._products(self._posterior(queries)[0], self.item_means_)

    def _score_candidates(self, queries, candidates):
        scores = self._products(self._posterior(queries)[0], self.item_means_, candidates)
        return self._with_prior(scores, queries, candidates, self._prior_scores())

    def _products(self, users, items, candidates=None):
        return self.rating_mean_ + inner_products(users, items, candidates)

    def _with_prior(self, values, queries, candidates, prior):
        """Give users of whom nothing is known the prior, in place."""
        empty = queries.empty("exact")
        if empty.any():
            prior = prior if candidates is None else prior[candidates]
            values[empty] = prior[empty] if prior.ndim == 2 else prior
        return values

    def _draw_block(self, queries, draw):
        rng = np.random.default_rng(draw)
        shape = self.item_means_.shape
        items = self.item_means_ + rng.standard_normal(shape) * np.sqrt(self.item_variances_)
        means, variances = self._posterior(queries)
        # one draw for all users, so that a row does not depend on the others
        users = means + rng.standard_normal(shape[1]) * np.sqrt(variances)
        if self.clip:
            users, items = np.maximum(users, 0), np.maximum(items, 0)
        return self._products(users, items)

    def _proba_candidates(self, scores, queries, candidates):
        return self._proba_block(scores, queries)

    def _with_std(self, function, queries):
        # scores, of all items or as a partial of candidates, have their deviation in closed form
        if getattr(function, "func", function) != self._scores:
            return super()._with_std(function, queries)
        candidates = getattr(function, "keywords", {}).get("candidates")
        means, variances = self._posterior(queries)
        second = variances + means**2
        spread = inner_products(second, self.item_variances_, candidates)
        spread += inner_products(variances, self.item_means_**2, candidates)
        spread = self._with_prior(spread, queries, candidates, self._prior_variances())
        return function(queries), np.sqrt(spread).astype(np.float32)

    def _prior_variances(self):
        """Give the variance of the score of a user of whom nothing is known: u is N(0, I)."""
        return (self.item_variances_ + self.item_means_**2).sum(axis=1)

    def predict(self, X=None, *, users=None, return_std=False):
        """Predict ratings, within the scale seen in ``fit``.

        Parameters
        ----------
        X : sparse matrix or array-like of shape (n_rows, n_items), or Interactions, default=None
            Ratings of any users, a row each; or pairs of users known from ``fit``.
        users : array-like of int of shape (n_rows,), default=None
            Rows of the fitted matrix. With ``X`` too, those are their newer ratings.
        return_std : bool, default=False
            Also give the deviation of the posterior predictive distribution: of a rating, the
            noise included.

        Returns
        -------
        ratings : ndarray of shape (n_rows, n_items) or (n_pairs,)
            float32.
        std : ndarray of the same shape
            Only with ``return_std``.

        Raises
        ------
        ValueError
            If an input does not fit the matrix of ``fit``.
        """
        answer = super().predict(X, users=users, return_std=return_std)
        if not return_std:
            return answer
        return answer[0], np.hypot(answer[1], np.float32(self.noise_std_))


def _encoded(module, encoder, X, embeddings):
    """Give the means, clipped as draws are, and the variances of all rows."""
    means, variances = encode_side(encoder, X, embeddings)
    return module.clipped(means), variances


def settled(module, X, transposed):
    """Give the posteriors of users and items that belong together.

    Items are encoded with the embeddings that users had, users with the means of items, and both
    once more, so that little is left of the draws that training ended with.
    """
    module.eval()
    read = module.user_embeddings
    for _ in range(_ROUNDS):
        items = _encoded(module, module.items, transposed, read)
        users = _encoded(module, module.users, X, items[0])
        read = users[0]
    return users, items


def _rmse(module, batches, pairs, scale):
    """Give the error of held-out ratings, predicted within the scale."""
    users, items = settled(module, batches.X, batches.transposed)
    user, item, values = pairs
    means = users[0].cpu().numpy()[user], items[0].cpu().numpy()[item]
    predicted = np.clip(np.einsum("nk,nk->n", *means), *scale)
    return np.sqrt(np.mean(np.square(predicted - values)))
