"""A perceptron on the element-wise product of the vectors of user and item."""

from typing import Annotated, ClassVar, Literal

from skrec.neural import SampledPairRecommender
from skrec.neural.objectives import Pairwise
from skrec.neural_cf._started import StartedTowerRecommender
from skrec.nn.neural_cf import JRL

__all__ = ["JRLRanker"]


class JRLRanker(StartedTowerRecommender, SampledPairRecommender):
    r"""Perceptron on the product of the vectors of user and item, trained to rank (JRL).

    Minimises over triplets of a user u, an item i that u has and a sampled item j that u lacks

    .. math:: \sum_{(u, i, j)} -\ln \sigma(f_{ui} - f_{uj})
        + \lambda (\|p_u\|^2 + \|q_i\|^2 + \|q_j\|^2),

    .. math:: f_{ui} = h^\top \phi_L(\dots \phi_1(p_u \odot q_i)), \qquad
        \phi_l(x) = \mathrm{relu}(W_l x + b_l).

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    user_factors_ : ndarray of shape (n_users, n_factors)
        Vectors of the users.
    item_factors_ : ndarray of shape (n_items, n_factors)
        Vectors of the items.
    pretrained_ : estimator or None
        The fitted estimator that it started from.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    GMFRanker : Without hidden layers.
    NCFMLPRanker : A perceptron on the vectors side by side.

    Notes
    -----
    This is the interaction function alone, as the second reference compares with it; the first one
    learns vectors from reviews, images and ratings. As in the second reference it starts from
    matrix factorisation (``pretrain``); unlike there the first scores are its inner products
    (``init_network``), and training goes on from what the vectors know together. Without a start,
    large vectors (``init_std=0.1``) are learnt by heart. The log odds of `predict_proba` are the
    scores and a constant of each user, set right on held-out pairs: see
    `skrec.calibration.HeldOut`.

    References
    ----------
    Zhang, Y., Ai, Q., Chen, X., & Croft, W. B. (2017). Joint representation learning for top-N
    recommendation with heterogeneous information sources. CIKM.
    https://doi.org/10.1145/3132847.3132892

    Du, X., He, X., Yuan, F., Tang, J., Qin, Z., & Chua, T.-S. (2019). Modeling embedding dimension
    correlations via convolutional neural collaborative filtering. ACM TOIS.
    https://doi.org/10.1145/3357154

    Examples
    --------
    >>> from skrec import JRLRanker
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = JRLRanker(n_factors=8, hidden_sizes=(8, 4), max_epochs=5, random_state=0).fit(X)
    >>> est.recommend(users=[0, 1], n_items=3).shape
    (2, 3)
    >>> from skrec import BPRMFRanker  # another start
    >>> est = est.set_params(pretrain=BPRMFRanker(n_factors=8, random_state=0)).fit(X)
    """

    init_network: Annotated[
        Literal["auto", "product"] | None,
        'How the perceptron starts. None is at random. With ``"product"`` its score is the inner '
        "product, which is what vectors from ``pretrain`` were trained for, and training goes on "
        'from there. ``"auto"`` is ``"product"`` where there is a ``pretrain`` and layers of two '
        "or more, and None elsewhere.",
    ] = "auto"

    _objective: ClassVar = Pairwise()
    _interaction_class: ClassVar = JRL

    def _interaction(self) -> JRL:
        network = JRL(self.n_factors, **self._tower())
        if self._starts_at_product(network):
            network.start_at_product()
        return network

    def _starts_at_product(self, network: JRL) -> bool:
        fits = min(network.hidden_sizes) >= 2
        if self.init_network == "product" and not fits:
            raise ValueError(
                'init_network="product" must have hidden_sizes of 2 or more; got '
                f"{self.hidden_sizes}"
            )
        if self.init_network == "auto":
            return self.pretrain is not None and fits
        return self.init_network == "product"
