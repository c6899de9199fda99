"""A perceptron on the vectors of user and item."""

from typing import ClassVar

from skrec.neural import RatedPairRecommender, SampledPairRecommender
from skrec.neural.objectives import Pairwise, Pointwise
from skrec.neural_cf._base import TowerRecommender
from skrec.neural_cf._started import StartedTowerRecommender
from skrec.nn.neural_cf import NCFMLP

__all__ = ["NCFMLPClassifier", "NCFMLPRanker", "NCFMLPRegressor"]


class NCFMLPClassifier(StartedTowerRecommender, SampledPairRecommender):
    r"""Perceptron on the vectors of user and item, trained on sampled pairs (MLP of NCF).

    Minimises over pairs of a user u and an item i, each one that u has (:math:`y_{ui} = 1`) with K
    sampled ones that u lacks (:math:`y_{ui} = 0`),

    .. math:: \sum_{(u, i)} -y_{ui} \ln \sigma(f_{ui}) - (1 - y_{ui}) \ln \sigma(-f_{ui})
        + \lambda (\|p_u\|^2 + \|q_i\|^2),

    .. math:: f_{ui} = h^\top \phi_L(\dots \phi_1([p_u; q_i])) + b, \qquad
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
    NCFMLPRanker : The same, trained to rank.
    NCFMLPRegressor : The same, trained on ratings.
    NeuMFClassifier : Joined with GMF.
    JRLRanker : A perceptron on the product of the vectors.

    Notes
    -----
    The paper's tower for 64 predictive factors is ``n_factors=128, hidden_sizes=(128, 64)``: its
    widths 256, 128, 64 begin with the two vectors side by side. Unlike there the vectors start from
    those of matrix factorisation (``pretrain``). Weights before a ReLU start with variance 2 /
    fan-in; the paper starts them with deviation 0.01, as the vectors. The log odds of
    `predict_proba` are the scores with the sampling of negatives undone, set right on held-out
    pairs: see `skrec.calibration.HeldOut`.

    References
    ----------
    He, X., Liao, L., Zhang, H., Nie, L., Hu, X., & Chua, T.-S. (2017). Neural collaborative
    filtering. WWW. https://doi.org/10.1145/3038912.3052569

    Examples
    --------
    >>> from skrec import NCFMLPClassifier
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = NCFMLPClassifier(n_factors=8, hidden_sizes=(8, 4), max_epochs=5, random_state=0)
    >>> est.fit(X).predict_proba(X[:2]).shape
    (2, 50)
    """

    n_negatives: int = 4

    _objective: ClassVar = Pointwise()
    _interaction_class: ClassVar = NCFMLP


class NCFMLPRanker(StartedTowerRecommender, SampledPairRecommender):
    r"""Perceptron on the vectors of user and item, trained to rank (MLP with BPR).

    Minimises over triplets of a user u, an item i that u has and a sampled item j that u lacks

    .. math:: \sum_{(u, i, j)} -\ln \sigma(f_{ui} - f_{uj})
        + \lambda (\|p_u\|^2 + \|q_i\|^2 + \|q_j\|^2),

    .. math:: f_{ui} = h^\top \phi_L(\dots \phi_1([p_u; q_i])), \qquad
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
    NCFMLPClassifier : The same, trained on pairs.
    NeuMFRanker : Joined with GMF.
    JRLRanker : A perceptron on the product of the vectors.

    Notes
    -----
    The second reference compares with this form, which starts from the vectors of matrix
    factorisation there, as here (``pretrain``). Weights before a ReLU start with variance 2 /
    fan-in. The log odds of `predict_proba` are the scores and a constant of each user, set right on
    held-out pairs: see `skrec.calibration.HeldOut`.

    References
    ----------
    He, X., Liao, L., Zhang, H., Nie, L., Hu, X., & Chua, T.-S. (2017). Neural collaborative
    filtering. WWW. https://doi.org/10.1145/3038912.3052569

    Du, X., He, X., Yuan, F., Tang, J., Qin, Z., & Chua, T.-S. (2019). Modeling embedding dimension
    correlations via convolutional neural collaborative filtering. ACM TOIS.
    https://doi.org/10.1145/3357154

    Examples
    --------
    >>> from skrec import NCFMLPRanker
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = NCFMLPRanker(n_factors=8, hidden_sizes=(8, 4), max_epochs=5, random_state=0)
    >>> est.fit(X).recommend(users=[0, 1], n_items=3).shape
    (2, 3)
    """

    _objective: ClassVar = Pairwise()
    _interaction_class: ClassVar = NCFMLP


class NCFMLPRegressor(TowerRecommender, RatedPairRecommender):
    r"""Perceptron on the vectors of user and item, trained on ratings (NCF on ratings).

    Minimises over the ratings :math:`r_{ui}`

    .. math:: \sum_{(u, i)} (m + f_{ui} - r_{ui})^2 + \lambda (\|p_u\|^2 + \|q_i\|^2),

    .. math:: f_{ui} = h^\top \phi_L(\dots \phi_1([p_u; q_i])) + b, \qquad
        \phi_l(x) = \mathrm{relu}(W_l x + b_l).

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    rating_mean_ : float
        The mean m of all ratings.
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
    NCFMLPClassifier : The same, trained on interactions.
    NeuMFRegressor : Joined with GMF.
    BiasedMFRegressor : The plain model of ratings.

    Notes
    -----
    This is what the second reference compares with under the name NCF. Its penalty is on all
    weights; here ``l2`` is on the vectors and ``weight_decay`` on the others, so that they can be
    chosen apart. Weights before a ReLU start with variance 2 / fan-in.

    References
    ----------
    He, X., Liao, L., Zhang, H., Nie, L., Hu, X., & Chua, T.-S. (2017). Neural collaborative
    filtering. WWW. https://doi.org/10.1145/3038912.3052569

    Jin, Y., Zhao, H., Liu, M., Zhu, Y., Du, L., Gao, L., Zhang, H., & Li, Y. (2021). Leveraging
    cross feedback of user and item embeddings with attention for variational autoencoder based
    collaborative filtering. https://arxiv.org/abs/2002.09145

    Examples
    --------
    >>> from skrec import NCFMLPRegressor
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(60, 40, 600, random_state=0).X
    >>> X.data = X.indices % 5 + 1.0
    >>> est = NCFMLPRegressor(n_factors=8, hidden_sizes=(8, 4), max_epochs=5, random_state=0)
    >>> est.fit(X).predict(X[:2]).shape
    (2, 40)
    """

    l2: float = 0.05
    weight_decay: float = 0.01
    lr: float = 1e-3
    max_epochs: int = 20
    early_stopping: bool = True

    _interaction_class: ClassVar = NCFMLP
