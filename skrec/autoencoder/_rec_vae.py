"""RecVAE."""

from numbers import Integral, Real
from typing import Annotated, Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skrec.autoencoder._variational import VariationalAutoencoder
from skrec.base import ScoreGraph
from skrec.neural import score_graphs
from skrec.neural.objectives import Multinomial, Objective
from skrec.nn import RecVAE, UserScaledELBO
from skrec.training import AlternatingBatches, PosteriorRenewal, RecommenderNet
from skrec.typing import CSRMatrix

__all__ = ["RecVAERecommender"]


class _UserScaled(Multinomial):
    """The multinomial likelihood, its divergence scaled by the length of the row."""

    def network(self, estimator: Any) -> dict[str, Any]:
        return {"criterion": UserScaledELBO, "criterion__gamma": estimator.gamma}

    def started(self, estimator: Any, net: RecommenderNet) -> None:
        net.criterion_.gamma = estimator.gamma  # a warm start may have changed it

    def batches(
        self, estimator: Any, X: CSRMatrix, rng: np.random.RandomState
    ) -> AlternatingBatches:
        passes = estimator.n_encoder_passes, estimator.n_decoder_passes
        return AlternatingBatches(X, estimator.batch_size, rng, *passes)


class RecVAERecommender(VariationalAutoencoder):
    r"""Variational autoencoder whose prior remembers its last posteriors (RecVAE).

    Maximises, by stochastic gradients over whole rows, with a draw of the code,

    .. math:: \sum_i x_{ui} \log \operatorname{softmax}(W z_u + b)_i
        - \gamma \Big( \sum_i x_{ui} \Big)
        \Big( \log q_\phi(z_u \mid \tilde x_u) - \log p(z_u \mid x_u) \Big)

    under the composite prior, of each coordinate k of the code

    .. math:: p(z_k \mid x) = \tfrac{3}{20} N(z_k; 0, 1)
        + \tfrac34 \, q_{\phi_{old}}(z_k \mid x) + \tfrac{1}{10} N(z_k; 0, e^{10})

    where :math:`\tilde x` is a row of which entries are dropped and :math:`\phi_{old}` the encoder
    of the last renewal. An epoch is some passes that train the encoder, the renewal of the prior,
    and some passes that train the decoder, without dropout and without the second term.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history; ``train_loss`` is a mean over passes of both kinds.
    item_factors_ : ndarray of shape (n_items, latent_size)
        Decoder weights of the items.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    MultVAERecommender : The model under a standard Gaussian, trained as a whole.
    VampVAERecommender : A prior that mixes posteriors of learnt rows.

    Notes
    -----
    The encoder stands still while the decoder is trained, so the posteriors that the prior
    remembers are also the decoder's input. They are computed once an epoch and take
    ``8 * n_users * latent_size`` bytes while ``fit`` runs.

    Differences from the paper: weights start as Xavier has it and biases at zero, and the prior
    first remembers the encoder at its start; each ``fit`` with ``warm_start`` begins with the
    posteriors of the current weights. The paper's formula mixes densities of whole codes,
    its released code those of each coordinate by itself, as is done here: under the former the
    remembered posterior is all that counts, and rankings on MovieLens were worse when it was
    tried. From that code are also the third component, the weights of all three, and layers
    normalised with an epsilon of 0.1. A draw for ``return_std``
    uses the same noise for every row, so that a row's answer does not depend on the others.

    References
    ----------
    Shenbin, I., Alekseev, A., Tutubalina, E., Malykh, V., & Nikolenko, S. I. (2020). RecVAE: a new
    variational autoencoder for top-N recommendations with implicit feedback. WSDM.
    https://doi.org/10.1145/3336191.3371831

    Examples
    --------
    >>> from skrec import RecVAERecommender
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = RecVAERecommender(hidden_size=32, latent_size=16, max_epochs=3, random_state=0)
    >>> est.fit(X).recommend(X[:2], n_items=3).shape
    (2, 3)
    """

    hidden_size: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Width of the encoder's five hidden layers, each of which reads all before it.",
    ] = 600
    gamma: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Weight of the divergence for each interaction of a user.",
    ] = 0.005
    n_encoder_passes: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Passes over the rows of each kind in an epoch.",
    ] = 3
    n_decoder_passes: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Passes over the rows of each kind in an epoch.",
    ] = 1
    max_epochs: Annotated[
        int,
        "Epochs, each of ``n_encoder_passes + n_decoder_passes`` passes over the rows.",
    ] = 50
    lr: Annotated[float, "Learning rate."] = 5e-4

    _objective: ClassVar[Objective] = _UserScaled()
    _module_class: ClassVar[type] = RecVAE
    _module_parameters: ClassVar = ("latent_size", "dropout", "hidden_size")
    _test_parameters: ClassVar[dict[str, Any]] = {
        **VariationalAutoencoder._test_parameters,
        "hidden_size": 16,
        "max_epochs": 15,
    }

    def _callbacks(self, batches: Any, watched: Any) -> list[tuple[str, Any]]:
        return [("renewal", PosteriorRenewal()), *super()._callbacks(batches, watched)]

    def _graph_scores(self, graph: ScoreGraph) -> str:
        module = self._module
        code = score_graphs.dense_code(graph, module.encoder)
        means = graph.columns(code, 0, module.noise_size)
        return score_graphs.last_layer(graph, means, module.last)
