"""Bayesian matrix factorisation whose encoders read each other's embeddings."""

from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from skrec.base import Queries, RatingRecommender, item_vectors, user_vectors
from skrec.base.fields import Floats
from skrec.factorization._nested_ratings import NestedRatings, encoded, settled
from skrec.factorization._products import inner_products
from skrec.neural import RatedData, RatedFraction, RatedMetric, Sizes, TorchRecommender, as_sizes
from skrec.nn import CrossFeedbackVAE
from skrec.training import RecommenderNet, Resampling, centred
from skrec.typing import Array, CSRMatrix

__all__ = ["CrossFeedbackBMF"]

_NOISE_PACE = 20  # times the learning rate of the rest


class CrossFeedbackBMF(TorchRecommender, RatingRecommender):
    r"""Bayesian matrix factorisation by encoders with cross feedback and attention (VAE-BMF).

    An encoder computes the posterior of each user's embedding from the user's ratings and the
    embeddings of the items rated, another does so for items. Maximises over observed ratings

    .. math:: \mathbb{E}_q \Big[ \sum_{(i, j)} \log N(x_{ij}; m + u_i^\top v_j, s^2) \Big]
        - \beta_u \sum_i \operatorname{KL}(q(u_i \mid V_i, X_i) \,\|\, N(0, I))
        - \beta_v \sum_j \operatorname{KL}(q(v_j \mid U_j, X_j) \,\|\, N(0, I)).

    Embeddings that encoders read are drawn once a pass, from the posteriors under those of the
    pass before.

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
    come near zero; attended variances x pass a sigmoid again, as sigmoid(4 x - 2), where
    ``attention_on="both"``; ratings lose their mean, and a row's
    sums, of ratings or of weighted embeddings, are divided by the root of its length, without
    which they explode where items have thousands of ratings; the noise is estimated; the
    divergence of a user counts once a pass, not once a batch of items.

    That second sigmoid keeps variances above .12 where ``merge="add"`` adds nothing negative.
    ``attention_on="logits"`` joins what comes before the first sigmoid, l, with what is attended
    to, c: variances are sigmoid(l + c), or the sigmoid of a linear layer on both, and may be as
    small as without attention. ``"means"`` leaves variances alone, which costs half as much.

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

    n_factors: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Width K of the embeddings.",
    ] = 25
    hidden_sizes: Annotated[
        Sizes,
        "Widths of the hidden layers that ratings, and embeddings, pass by themselves.",
    ] = ()
    joined_size: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Width K' of what ratings and embeddings give, where they are joined.",
    ] = 50
    head_sizes: Annotated[Sizes, "Widths of the hidden layers after that."] = ()
    data_input: Annotated[bool, "Whether encoders read ratings."] = True
    cross_feedback: Annotated[
        bool,
        "Whether encoders read embeddings; without them there is no attention either.",
    ] = True
    latent_input: Annotated[
        Literal["concat", "mean"],
        "Whether each embedding has weights of its own, or their mean is read.",
    ] = "concat"
    attention: Annotated[
        Literal["rated", "all"] | None,
        "Whether posteriors attend to the embeddings of what is rated, to all, or to none.",
    ] = "rated"
    attention_on: Annotated[
        Literal["both", "logits", "means"],
        "Whether means and variances attend, means and the logits of variances, or means alone.",
    ] = "both"
    attention_weights: Annotated[
        Literal["softmax", "ratio"],
        'How attention is normalised; ``"ratio"`` is eq. 9.',
    ] = "softmax"
    merge: Annotated[
        Literal["concat", "add"],
        "Whether what is attended to passes a linear layer beside the parameter, or is added to "
        "it.",
    ] = "concat"
    iteration: Annotated[
        Literal["nested", "sequential"],
        "Whether every batch of users meets every batch of items, both encoded; or batches of "
        "users come before batches of items, each against the drawn embeddings of the other side.",
    ] = "nested"
    clip: Annotated[bool, "Whether drawn embeddings are made non-negative."] = False
    beta_user: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Weights of the divergences.",
    ] = 0.1
    beta_item: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Weights of the divergences.",
    ] = 0.1
    batch_size: Annotated[int, "Users a batch."] = 1000
    item_batch_size: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Items a batch.",
    ] = 1000
    n_samples: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Posterior draws for the deviation of probabilities.",
    ] = 20
    lr: Annotated[
        float,
        "Learning rate; that of the noise is twenty times as large. With a few batches a pass a "
        "larger one is faster, such as 3e-3; with many of them a smaller one is better.",
    ] = 1e-3
    early_stopping: bool = True

    validation_fraction: RatedFraction = 0.1
    validation_data: RatedData = None
    validation_metric: RatedMetric = "rmse"

    _fitted: ClassVar = {
        "user_means_": Floats("users", "factors"),
        "user_variances_": Floats("users", "factors"),
        "item_means_": Floats("items", "factors"),
        "item_variances_": Floats("items", "factors"),
    }
    _objective: ClassVar = NestedRatings()
    _probabilistic: ClassVar[bool] = True
    _scores_few_cheaply: ClassVar[bool] = True
    _test_parameters: ClassVar[dict[str, Any]] = {
        "n_factors": 4,
        "hidden_sizes": (8,),
        "joined_size": 8,
        "max_epochs": 40,
        "lr": 0.01,
        "early_stopping": False,
        "n_samples": 3,
        "device": "cpu",
        "random_state": 0,
    }

    user_vectors, item_vectors = user_vectors, item_vectors

    # training

    def _network(self) -> dict[str, Any]:
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
            "module__noise_std": max(float(values.std()), 1e-3) if len(values) else 1.0,
            "module__hidden_sizes": as_sizes("hidden_sizes", self.hidden_sizes),
            "module__joined_size": self.joined_size,
            "module__head_sizes": as_sizes("head_sizes", self.head_sizes),
            "module__data_input": self.data_input,
            "module__latent_input": self.latent_input if self.cross_feedback else None,
            "module__attention": self.attention if self.cross_feedback else None,
            "module__merge": self.merge,
            "module__normalization": self.attention_weights,
            "module__attention_on": self.attention_on,
        }

    def _parameter_groups(self) -> list[tuple[str, dict[str, Any]]]:
        # a single number that has far to go; no penalty pulls the noise towards 1
        noise = ("log_noise", {"lr": _NOISE_PACE * self.lr, "weight_decay": 0.0})
        return [*super()._parameter_groups(), noise]

    def _data(self, X: CSRMatrix, rng: np.random.RandomState) -> tuple[Any, Any]:
        self.rating_mean_ = float(X.data.mean(dtype=np.float64))
        return super()._data(X, rng)

    def _callbacks(self, batches: Any, watched: Any) -> list[tuple[str, Any]]:
        return [("resampling", Resampling(batches)), *super()._callbacks(batches, watched)]

    def _finish(self, batches: Any, rng: np.random.RandomState) -> None:
        self._settle(centred(self.interactions_, self.rating_mean_))

    def _settle(self, X: CSRMatrix) -> None:
        """Keep the posteriors: those of items as the users' encoder reads them."""
        users, items = settled(self._module, X, X.T.tocsr())
        self.user_means_, self.user_variances_ = (part.cpu().numpy() for part in users)
        self.item_means_, self.item_variances_ = (part.cpu().numpy() for part in items)

    def _check_warm_start(self, net: RecommenderNet) -> None:
        shape = len(net.module_.user_embeddings), len(net.module_.item_embeddings)
        if shape != self.interactions_.shape:
            raise ValueError(
                f"X must have the shape of the last fit, {shape}, when warm_start=True; "
                f"got {self.interactions_.shape}"
            )

    # answers

    @property
    def noise_std_(self) -> float:
        """Deviation of ratings around the inner product, float."""
        return float(self._module.log_noise.detach().exp())

    @property
    def item_factors_(self) -> Array:
        """Means of the items, ndarray of shape (n_items, n_factors)."""
        return self.item_means_

    def _posterior(self, queries: Queries) -> tuple[Array, Array]:
        """Return means and variances of the users of a block."""
        items = torch.from_numpy(self.item_means_).to(self.net_.device)
        X = centred(queries.history, self.rating_mean_)
        means, variances = encoded(self._module, self._module.users, X, items)
        return means.cpu().numpy(), variances.cpu().numpy()

    def _user_vectors(self, queries: Queries) -> Array:
        return self._posterior(queries)[0]

    def _item_vectors(self) -> Array:
        return self.item_means_

    def _score_block(self, queries: Queries) -> Array:
        return self._products(self._posterior(queries)[0], self.item_means_)

    def _score_candidates(self, queries: Queries, candidates: Array) -> Array:
        scores = self._products(self._posterior(queries)[0], self.item_means_, candidates)
        return self._with_prior(scores, queries, candidates, self._prior_scores)

    def _products(self, users: Array, items: Array, candidates: Array | None = None) -> Array:
        return self.rating_mean_ + inner_products(users, items, candidates)

    def _draw_block(self, queries: Queries, draw: int) -> Array:
        rng = np.random.default_rng(draw)
        shape = self.item_means_.shape
        items = self.item_means_ + rng.standard_normal(shape) * np.sqrt(self.item_variances_)
        means, variances = self._posterior(queries)
        # one draw for all users, so that a row does not depend on the others
        users = means + rng.standard_normal(shape[1]) * np.sqrt(variances)
        if self.clip:
            users, items = np.maximum(users, 0), np.maximum(items, 0)
        return self._products(users, items)

    def _score_std(self, queries: Queries, candidates: Array | None = None) -> Array:
        # in closed form, where probabilities take draws
        means, variances = self._posterior(queries)
        second = variances + means**2
        spread = inner_products(second, self.item_variances_, candidates)
        spread += inner_products(variances, self.item_means_**2, candidates)
        spread = self._with_prior(spread, queries, candidates, self._prior_variances)
        return np.sqrt(spread).astype(np.float32)

    def _prior_variances(self) -> Array:
        """Return the variance of the score of a user of whom nothing is known: u is N(0, I)."""
        return (self.item_variances_ + self.item_means_**2).sum(axis=1)
