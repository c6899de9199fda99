"""Mult-VAE."""

from numbers import Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from sklearn.utils._param_validation import Interval

from skrec.autoencoder._parameters import AnnealEpochs, AnnealSteps, HiddenSizes, annealing
from skrec.autoencoder._variational import VariationalAutoencoder
from skrec.base import ScoreGraph
from skrec.base.fields import Floats, Number
from skrec.neural import SampledRowRecommender, score_graphs
from skrec.nn import MultVAE
from skrec.typing import CSRMatrix

__all__ = ["MultVAERecommender"]


class MultVAERecommender(VariationalAutoencoder, SampledRowRecommender):
    r"""Variational autoencoder with a multinomial likelihood (Mult-VAE, partially regularised).

    Maximises, by stochastic gradients over whole rows,

    .. math:: \mathbb{E}_{q_\phi(z_u \mid x_u)} \Big[ \sum_i x_{ui}
        \log \operatorname{softmax}(f_\theta(z_u))_i \Big]
        - \beta \operatorname{KL}(q_\phi(z_u \mid x_u) \,\|\, N(0, I))

    with beta raised linearly by updates up to a cap.

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
    and its code stops at 0.2, which on ML-20M is reached after 86 of 100 or 172 of 200 epochs;
    smaller data has far fewer updates, so the length here is in epochs. It does not depend on
    ``max_epochs``: where these are few, beta may end below its cap, and ``anneal_epochs`` should be
    fewer, too. The paper keeps the epoch with
    the best validation NDCG@100; so does ``early_stopping=True``, while the default trains for
    ``max_epochs``. A draw for ``return_std`` uses the same noise for every row, so that a row's
    answer does not depend on the others.

    With ``n_sampled_items`` the normaliser of the softmax is, for each row, the sum over the row's
    own items and over the others of a sample, divided by the probability of each to be in it. Its
    expected value is the normaliser, but the expected logarithm lies below that of the normaliser,
    by about half of the squared coefficient of variation; the bias vanishes as more items are
    drawn. Gradients are noisier than the exact ones, so that it takes more epochs.

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

    beta: Annotated[
        float | Literal["auto"],
        Interval(Real, 0, None, closed="left"),
        'Cap of the divergence\'s weight. ``"auto"`` is the search of section 2.2.2: anneal to '
        "1, take the beta at which the validation metric peaked, and train again up to it, from "
        "new weights even with ``warm_start``.",
    ] = 0.2
    gated: Annotated[
        bool,
        "Whether hidden units are gated linear units, Mult-VAE (Gated) of [2]_; else they are "
        "tanh.",
    ] = False

    hidden_sizes: HiddenSizes = (600,)
    anneal_epochs: AnnealEpochs = 80.0
    anneal_steps: AnnealSteps = None

    _module_class: ClassVar[type] = MultVAE
    _module_parameters: ClassVar = ("latent_size", "dropout", "hidden_sizes", "gated")
    _fitted: ClassVar = {"best_beta_": Number(), "beta_path_": Floats(None, 2)}
    _test_parameters: ClassVar = {
        **SampledRowRecommender._test_parameters,
        "hidden_sizes": (16,),
        "anneal_epochs": 24,
    }

    def _watches(self) -> bool:
        return super()._watches() or self.beta == "auto"

    def _train(self, X: CSRMatrix, seed: int, device: str) -> None:
        if isinstance(self.beta, str):
            self.__dict__.pop("_last_net", None)  # a search begins anew, warm start or not
            self.best_beta_ = self._search_beta(X, seed, device)
        else:
            self.best_beta_ = self.beta
        super()._train(X, seed, device)

    def _callbacks(self, batches: Any, watched: Any) -> list[tuple[str, Any]]:
        pace = 1.0 if self.beta == "auto" else None
        rising = annealing(self, batches, self.best_beta_, pace)
        return [rising, *super()._callbacks(batches, watched)]

    def _search_beta(self, X: CSRMatrix, seed: int, device: str) -> float:
        """Anneal to 1 and return the beta of the epoch with the best validation metric."""
        batches, watched = self._data(X, np.random.RandomState(seed))
        watch = self._objective.watch(self, watched, batches, patience=None)
        callbacks = [annealing(self, batches, cap=1.0), ("validation", watch)]
        history = self._run(batches, callbacks, seed, device).history
        self.beta_path_ = np.array(history[:, ("beta", f"valid_{self.validation_metric}")])
        return float(self.beta_path_[np.nanargmax(self.beta_path_[:, 1]), 0])

    def _graph_scores(self, graph: ScoreGraph) -> str:
        module = self._module
        code = score_graphs.row_code(graph, module.encoder)
        hidden = graph.columns(code, 0, module.noise_size)  # the means
        hidden = score_graphs.layers(graph, hidden, module.decoder)
        return score_graphs.last_layer(graph, hidden, module.last)
