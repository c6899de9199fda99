"""Mult-VAE on ratings."""

from numbers import Real
from typing import Annotated, Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval

from skrec.autoencoder._parameters import AnnealEpochs, AnnealSteps, HiddenSizes, annealing
from skrec.autoencoder._variational import VariationalAutoencoder
from skrec.base import Queries
from skrec.neural import RatedRowRecommender
from skrec.nn import RatingVAE
from skrec.training import sparse_rows
from skrec.typing import Array

__all__ = ["VAERegressor"]


class VAERegressor(VariationalAutoencoder, RatedRowRecommender):
    r"""Variational autoencoder of users' ratings (VAE-CF).

    Mult-VAE with a squared error in place of the multinomial likelihood, on what was rated alone.
    Minimises, by stochastic gradients over whole rows,

    .. math:: \mathbb{E}_{q_\phi(z_u \mid r_u)} \Big[ \tfrac12 \sum_{i \in R_u}
        \Big( \frac{r_{ui} - \hat r_{ui}}{s} \Big)^2 \Big]
        + \beta \operatorname{KL}(q_\phi(z_u \mid r_u) \,\|\, N(0, I)),
        \qquad \hat r_u = m_u + s f_\theta(z_u)

    with s the width of the scale, :math:`m_u` the user's mean, and beta raised linearly by updates
    up to a cap.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    rating_mean_ : float
        The mean of all ratings.
    item_factors_ : ndarray of shape (n_items, width of the last layer)
        Decoder weights of the items.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    DAERegressor : The denoising model without a prior.
    AutoRecRegressor : The plain autoencoder, of users or of items.
    MultVAERecommender : The model of implicit feedback.

    Notes
    -----
    How ratings enter, what the network gives and what early stopping watches are as in
    `DAERegressor`. A draw for ``return_std`` uses the same noise for every row, so that a row's
    answer does not depend on the others; it is the deviation of the prediction under the posterior
    of the code, not that of a rating around it, which `predict_proba` takes from hidden ratings.

    References
    ----------
    Liang, D., Krishnan, R. G., Hoffman, M. D., & Jebara, T. (2018). Variational autoencoders for
    collaborative filtering. WWW. https://doi.org/10.1145/3178876.3186150

    Jin, Y., Zhao, H., Liu, M., Zhu, Y., Du, L., Gao, L., Zhang, H., & Li, Y. (2021). Leveraging
    cross feedback of user and item embeddings with attention for variational autoencoder based
    collaborative filtering. https://arxiv.org/abs/2002.09145

    Examples
    --------
    >>> from skrec import VAERegressor
    >>> import scipy.sparse as sp
    >>> X = sp.csr_matrix([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5.0]])
    >>> est = VAERegressor(latent_size=4, batch_size=2, max_epochs=50, random_state=0).fit(X)
    >>> ratings, std = est.predict(X[:1], return_std=True)
    >>> ratings.shape, bool((std > 0).all())
    ((1, 4), True)
    """

    beta: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Cap of the divergence's weight. The squared error is that of ratings scaled to [0, 1], "
        "so a beta of 1 would be a residual as wide as the scale.",
    ] = 0.01
    hidden_sizes: HiddenSizes = ()
    anneal_epochs: AnnealEpochs = 80.0
    anneal_steps: AnnealSteps = None
    latent_size: int = 100
    max_epochs: int = 100
    lr: float = 5e-4

    _module_class: ClassVar[type] = RatingVAE
    _module_parameters: ClassVar = ("latent_size", "dropout", "hidden_sizes")
    _test_parameters: ClassVar[dict[str, Any]] = {
        "latent_size": 8,
        "batch_size": 10,
        "max_epochs": 40,
        "anneal_epochs": 32,
        "lr": 0.01,
        "device": "cpu",
        "random_state": 0,
    }

    def _callbacks(self, batches: Any, watched: Any) -> list[tuple[str, Any]]:
        rising = annealing(self, batches, self.beta)
        return [rising, *super()._callbacks(batches, watched)]

    def _draw_block(self, queries: Queries, draw: int) -> Array:
        deviations = super()._draw_block(queries, draw)
        with torch.inference_mode():
            means = self._module.means(sparse_rows(queries.history).to(self.net_.device))
        return deviations + means.cpu().numpy()[:, None]
