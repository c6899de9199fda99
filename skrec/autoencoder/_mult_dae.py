"""Mult-DAE."""

from typing import Annotated, ClassVar

from skrec.autoencoder._parameters import HiddenSizes
from skrec.base import ScoreGraph
from skrec.neural import SampledRowRecommender, score_graphs
from skrec.nn import MultDAE

__all__ = ["MultDAERecommender"]


class MultDAERecommender(SampledRowRecommender):
    r"""Denoising autoencoder with a multinomial likelihood (Mult-DAE).

    The row is normalised, half of its entries are dropped, and the network must reconstruct the
    whole row:

    .. math:: \min_{\theta, \phi} \; \frac1B \sum_u
        - \sum_i x_{ui} \log \operatorname{softmax}(f_\theta(g_\phi(x_u)))_i
        + \frac{w}{2} \lVert \theta, \phi \rVert^2

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    item_factors_ : ndarray of shape (n_items, width of the last layer)
        Decoder weights of the items.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    MultVAERecommender : The variational model.

    Notes
    -----
    Differences from the paper: biases start at zero, and the penalty covers biases too. The paper
    keeps the epoch with the best validation NDCG@100; so does ``early_stopping=True``, while the
    default trains for ``max_epochs``. The paper's network has ``hidden_sizes=(600,)``; none is as
    good where data are many, and better where they are few.

    References
    ----------
    Liang, D., Krishnan, R. G., Hoffman, M. D., & Jebara, T. (2018). Variational autoencoders for
    collaborative filtering. WWW. https://doi.org/10.1145/3178876.3186150

    Examples
    --------
    >>> from skrec import MultDAERecommender
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = MultDAERecommender(hidden_sizes=(), latent_size=16, max_epochs=5, random_state=0)
    >>> est.fit(X).recommend(X[:2], n_items=3).shape
    (2, 3)
    """

    hidden_sizes: HiddenSizes = ()
    weight_decay: Annotated[
        float,
        "Penalty w on squared weights. The paper's decay of 0.01 is 0.01 / 500 on the squared "
        "weights in the released code, whose gradient is that of w = 4e-5.",
    ] = 4e-5

    _module_class: ClassVar[type] = MultDAE
    _module_parameters: ClassVar = ("latent_size", "dropout", "hidden_sizes")
    _test_parameters: ClassVar = {**SampledRowRecommender._test_parameters, "hidden_sizes": (16,)}

    def _graph_scores(self, graph: ScoreGraph) -> str:
        module = self._module
        code = graph.add("Tanh", score_graphs.row_code(graph, module.encoder))
        hidden = score_graphs.layers(graph, code, module.decoder)
        return score_graphs.last_layer(graph, hidden, module.last)
