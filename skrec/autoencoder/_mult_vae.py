"""Mult-VAE."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skrec.autoencoder._base import RowAutoencoder
from skrec.nn import MultVAE
from skrec.training import LinearAnnealing, sparse_rows

__all__ = ["MultVAERecommender"]

_CAP_AT = 0.8  # share of the planned updates after which beta has reached its cap


class MultVAERecommender(RowAutoencoder):
    r"""Variational autoencoder with a multinomial likelihood (Mult-VAE, partially regularised).

    Maximises, by stochastic gradients over whole rows,

    .. math:: \mathbb{E}_{q_\phi(z_u \mid x_u)} \Big[ \sum_i x_{ui}
        \log \operatorname{softmax}(f_\theta(z_u))_i \Big]
        - \beta \operatorname{KL}(q_\phi(z_u \mid x_u) \,\|\, N(0, I))

    with beta raised linearly by updates up to a cap.

    Parameters
    ----------
    beta : float or "auto", default=0.2
        Cap of the divergence's weight. ``"auto"`` is the search of section 2.2.2: anneal to 1,
        take the beta at which the validation metric peaked, and train again up to it, from new
        weights even with ``warm_start``.
    anneal_steps : int, default=None
        Updates in which beta would rise from 0 to 1. None makes it reach its cap after 80 % of
        the planned updates.
    n_samples : int, default=20
        Posterior draws for ``return_std``.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    best_beta_ : float
        The cap of beta that was used.
    beta_path_ : ndarray of shape (n_epochs, 2)
        Beta and validation metric of each epoch of the search (``beta="auto"``).
    item_factors_ : ndarray of shape (n_items, width of the last layer)
        Decoder weights of the items.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    MultDAERecommender : The denoising model without a prior.

    Notes
    -----
    Differences from the paper: biases start at zero. The paper anneals over 200,000 updates to 1
    and its code stops at 0.2, which on ML-20M is reached after 86 % of the training; smaller data
    has far fewer updates, so the length here is a share of them. The paper keeps the epoch with
    the best validation NDCG@100; so does ``early_stopping=True``, while the default trains for
    ``max_epochs``. A draw for ``return_std`` uses the same noise for every row, so that a row's
    answer does not depend on the others.

    References
    ----------
    Liang, D., Krishnan, R. G., Hoffman, M. D., & Jebara, T. (2018). Variational autoencoders for
    collaborative filtering. WWW. https://doi.org/10.1145/3178876.3186150

    Examples
    --------
    >>> from skrec import MultVAERecommender
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = MultVAERecommender(hidden_sizes=(), latent_size=16, max_epochs=5, random_state=0)
    >>> est.fit(X).recommend(X[:2], n_items=3).shape
    (2, 3)
    """

    beta: float | str = 0.2
    anneal_steps: int | None = None
    n_samples: int = 20

    _module_class: ClassVar[type] = MultVAE
    _probabilistic: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "beta": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "anneal_steps": [Interval(Integral, 1, None, closed="left"), None],
        "n_samples": [Interval(Integral, 1, None, closed="left")],
    }

    def _validates(self):
        return super()._validates() or self.beta == "auto"

    def _train(self, X, seed, device):
        self.best_beta_ = self.beta
        if self.beta == "auto":
            self.__dict__.pop("_last_net", None)  # a search begins anew, warm start or not
            self.best_beta_ = self._search_beta(X, seed, device)
        batches, validation = self._data(X, np.random.RandomState(seed))
        callbacks = [self._annealing(batches), *self._watch(validation)]
        self.net_ = self._run(batches, callbacks, seed, device)

    def _search_beta(self, X, seed, device):
        """Anneal to 1 and give the beta of the epoch with the best validation metric."""
        batches, validation = self._data(X, np.random.RandomState(seed))
        self.best_beta_ = 1.0
        watch = ("validation", self._validation_callback(validation, patience=None))
        history = self._run(batches, [self._annealing(batches), watch], seed, device).history
        self.beta_path_ = np.array(history[:, ("beta", f"valid_{self.validation_metric}")])
        return float(self.beta_path_[np.nanargmax(self.beta_path_[:, 1]), 0])

    def _annealing(self, batches):
        """Give the callback that raises beta, which goes on where a warm start begins."""
        done = len(self._last_net.history) if hasattr(self, "_last_net") else 0
        cap = 1.0 if self.beta == "auto" else self.best_beta_
        planned = max(1, len(batches) * (done + self.max_epochs))
        n_steps = self.anneal_steps or max(1.0, _CAP_AT * planned / max(cap, 1e-12))
        callback = LinearAnnealing(n_steps, self.best_beta_, start=done * len(batches))
        return "annealing", callback

    def _draw_block(self, queries, draw):
        module = self._module
        generator = torch.Generator().manual_seed(draw)
        noise = torch.randn(self.latent_size, generator=generator).to(self.net_.device)
        with torch.inference_mode():
            rows = sparse_rows(queries.history).to(self.net_.device)
            mean, log_variance = module.posterior(rows)
            return module.decode(module.sample(mean, log_variance, noise)).cpu().numpy()
