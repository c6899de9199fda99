"""Vamp, H+Vamp and H+Vamp (Gated)."""

from numbers import Integral, Real
from typing import Annotated, Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval

from skrec.autoencoder._parameters import AnnealEpochs, AnnealSteps, HiddenSizes, annealing
from skrec.autoencoder._variational import VariationalAutoencoder
from skrec.base import ScoreGraph
from skrec.neural import SampledRowRecommender, score_graphs
from skrec.nn import HierarchicalVampVAE, VampVAE
from skrec.typing import Array

__all__ = ["VampVAERecommender"]


class VampVAERecommender(VariationalAutoencoder, SampledRowRecommender):
    r"""Variational autoencoder whose prior is a mixture of its own posteriors (EVCF).

    Vamp, and with ``hierarchical=True`` H+Vamp; ``gated=True`` is H+Vamp (Gated). Maximises, by
    stochastic gradients over whole rows, with a draw of the codes,

    .. math:: \sum_i x_{ui} \log \operatorname{softmax}(f_\theta(z_u))_i
        - \beta \Big( \log q_\phi(z_u \mid x_u)
        - \log \frac1K \sum_k q_\phi(z_u \mid p_k) \Big)

    over the network and K rows :math:`p_k`, the pseudo-inputs, with beta raised linearly by updates
    up to a cap. The hierarchy has two codes with :math:`q(z_1 \mid x, z_2) \, q(z_2 \mid x)` and
    :math:`p(x \mid z_1, z_2) \, p(z_1 \mid z_2)`; the mixture is the prior of the second.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    pseudo_inputs_ : ndarray of shape (n_pseudo_inputs, n_items)
        Rows between 0 and 1, of each component the one that it is the posterior of.
    prior_means_, prior_log_variances_ : ndarray of shape (n_pseudo_inputs, latent_size)
        Components of the prior, of the second code where there are two; all weigh the same.
    prior_scores_ : ndarray of shape (n_pseudo_inputs, n_items)
        Scores that the components' means decode to.
    item_factors_ : ndarray of shape (n_items, width of the last layer)
        Decoder weights of the items.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    MultVAERecommender : The model under a standard Gaussian, gated or not.
    RecVAERecommender : A prior that holds the encoder near its last state.
    skrec.inspection.PriorDisplay : The prior beside the posteriors of users.

    Notes
    -----
    Differences from the paper, which leaves these open: the pseudo-inputs start near 0.05 and are
    put back into [0, 1] after each update, and log-variances are held in [-12, 4], about as in the
    released code; pseudo-inputs are normalised as the rows of users are, and not dropped out; the
    encoder of the first code reads row and second code in its first hidden layer, as the decoder
    reads both codes; of the divergence only the part against the mixture is a draw, that of the
    first code given the second is in closed form. The paper raises beta over 100 epochs and stops
    50 epochs after the best validation NDCG@100: ``anneal_epochs=100``, ``early_stopping`` and
    ``patience``. A draw for ``return_std`` uses the same noise for every row.

    References
    ----------
    Kim, D., & Suh, B. (2019). Enhancing VAEs for collaborative filtering: flexible priors & gating
    mechanisms. RecSys. https://doi.org/10.1145/3298689.3347015

    Tomczak, J. M., & Welling, M. (2018). VAE with a VampPrior. AISTATS.

    Examples
    --------
    >>> from skrec import VampVAERecommender
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = VampVAERecommender(
    ...     hierarchical=True, gated=True, hidden_sizes=(32,), latent_size=8, n_pseudo_inputs=10,
    ...     max_epochs=5, random_state=0,
    ... )
    >>> est.fit(X).recommend(X[:2], n_items=3).shape
    (2, 3)
    """

    hierarchical: Annotated[
        bool,
        "Whether there are two layers of codes, each ``latent_size`` wide.",
    ] = False
    gated: Annotated[
        bool,
        "Whether hidden units are gated linear units; else they are tanh.",
    ] = False
    n_pseudo_inputs: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Components K of the prior.",
    ] = 1000
    beta: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Cap of the divergence's weight.",
    ] = 0.3
    batch_size: Annotated[int, "Users a batch."] = 200
    lr: float = 5e-4

    hidden_sizes: HiddenSizes = (600,)
    anneal_epochs: AnnealEpochs = 80.0
    anneal_steps: AnnealSteps = None

    _module_parameters: ClassVar = (
        "latent_size",
        "dropout",
        "hidden_sizes",
        "gated",
        "n_pseudo_inputs",
    )
    _test_parameters: ClassVar[dict[str, Any]] = {
        "hidden_sizes": (16,),
        "latent_size": 8,
        "n_pseudo_inputs": 10,
        "batch_size": 20,  # more than one update an epoch: beta is 0 in the first
        "max_epochs": 15,
        "anneal_epochs": 12,
        "lr": 0.01,
        "device": "cpu",
        "random_state": 0,
    }

    @property
    def _module_class(self) -> type[VampVAE]:
        return HierarchicalVampVAE if self.hierarchical else VampVAE

    def _graph_scores(self, graph: ScoreGraph) -> str:
        module, size = self._module, self.latent_size
        code = score_graphs.row_code(graph, module.encoder)
        hidden = graph.columns(code, 0, size)  # the means
        if self.hierarchical:
            first = score_graphs.row_code(graph, module.first_encoder, hidden)
            hidden = graph.add("Concat", graph.columns(first, 0, size), hidden, axis=1)
        hidden = score_graphs.layers(graph, hidden, module.decoder)
        return score_graphs.last_layer(graph, hidden, module.last)

    def _callbacks(self, batches: Any, watched: Any) -> list[tuple[str, Any]]:
        rising = annealing(self, batches, self.beta)
        return [rising, *super()._callbacks(batches, watched)]

    @property
    def pseudo_inputs_(self) -> Array:
        """Rows of the prior's components, ndarray of shape (n_pseudo_inputs, n_items)."""
        return self._module.pseudo_inputs.detach().clamp(0, 1).cpu().numpy()

    @property
    def prior_means_(self) -> Array:
        """Means of the prior's components, ndarray of shape (n_pseudo_inputs, latent_size)."""
        return self._prior()[0]

    @property
    def prior_log_variances_(self) -> Array:
        """Log-variances of the prior's components, shape (n_pseudo_inputs, latent_size)."""
        return self._prior()[1]

    @property
    def prior_scores_(self) -> Array:
        """Scores that the mean of each component decodes to, shape (n_pseudo_inputs, n_items)."""
        with torch.inference_mode():
            return self._module.decode_prior().cpu().numpy()

    def _prior(self) -> list[Array]:
        with torch.inference_mode():
            return [part.cpu().numpy() for part in self._module.prior()]
