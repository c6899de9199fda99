"""Mult-VAE."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skrec.autoencoder._variational import AnnealedAutoencoder
from skrec.nn import MultVAE

__all__ = ["MultVAERecommender"]


class MultVAERecommender(AnnealedAutoencoder):
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
    gated : bool, default=False
        Whether hidden units are gated linear units, Mult-VAE (Gated) of [2]_; else they are tanh.

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
    .. [1] Liang, D., Krishnan, R. G., Hoffman, M. D., & Jebara, T. (2018). Variational autoencoders
       for collaborative filtering. WWW. https://doi.org/10.1145/3178876.3186150
    .. [2] Kim, D., & Suh, B. (2019). Enhancing VAEs for collaborative filtering: flexible priors &
       gating mechanisms. RecSys. https://doi.org/10.1145/3298689.3347015

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
    gated: bool = False

    _module_class: ClassVar[type] = MultVAE
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "beta": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "gated": ["boolean"],
    }

    def _network(self):
        return {**super()._network(), "module__gated": self.gated}

    def _validates(self):
        return super()._validates() or self.beta == "auto"

    def _train(self, X, seed, device):
        self.best_beta_ = self.beta
        if self.beta == "auto":
            self.__dict__.pop("_last_net", None)  # a search begins anew, warm start or not
            self.best_beta_ = self._search_beta(X, seed, device)
        batches, validation = self._data(X, np.random.RandomState(seed))
        annealing = self._annealing(batches, self.best_beta_, 1.0 if self.beta == "auto" else None)
        callbacks = [annealing, *self._watch(validation)]
        self.net_ = self._run(batches, callbacks, seed, device)

    def _search_beta(self, X, seed, device):
        """Anneal to 1 and give the beta of the epoch with the best validation metric."""
        batches, validation = self._data(X, np.random.RandomState(seed))
        watch = ("validation", self._validation_callback(validation, patience=None))
        callbacks = [self._annealing(batches, cap=1.0), watch]
        history = self._run(batches, callbacks, seed, device).history
        self.beta_path_ = np.array(history[:, ("beta", f"valid_{self.validation_metric}")])
        return float(self.beta_path_[np.nanargmax(self.beta_path_[:, 1]), 0])
