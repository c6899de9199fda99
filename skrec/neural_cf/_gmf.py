"""Generalised matrix factorisation."""

from typing import Annotated, ClassVar

from skrec.base import item_vectors, user_vectors
from skrec.factorization.starts import Factorization, FactorPretrain, factorization_of
from skrec.neural import (
    PairRecommender,
    Pretrain,
    RatedPairRecommender,
    SampledPairRecommender,
)
from skrec.neural.objectives import Pairwise, Pointwise
from skrec.nn.neural_cf import GMF

__all__ = ["GMFClassifier", "GMFRanker", "GMFRegressor"]


class _GMF(PairRecommender):
    """Free vectors under a weighted inner product, whatever it is trained for."""

    pretrain: Pretrain = None

    user_vectors, item_vectors = user_vectors, item_vectors

    def _interaction(self) -> GMF:
        return GMF(self.n_factors, bias=self._objective.fixes_level)


class _StartedGMF(_GMF):
    """Vectors that start from matrix factorisation if not told else."""

    pretrain: FactorPretrain = "auto"

    def _twin(self) -> Factorization:
        return factorization_of(self)


class GMFClassifier(_StartedGMF, SampledPairRecommender):
    r"""Generalised matrix factorisation, trained on sampled pairs (GMF).

    An inner product whose dimensions have weights. Minimises over pairs of a user u and an item i,
    each one that u has (:math:`y_{ui} = 1`) with K sampled ones that u lacks (:math:`y_{ui} = 0`),

    .. math:: \sum_{(u, i)} -y_{ui} \ln \sigma(f_{ui}) - (1 - y_{ui}) \ln \sigma(-f_{ui})
        + \lambda (\|p_u\|^2 + \|q_i\|^2), \qquad f_{ui} = h^\top (p_u \odot q_i) + b.

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
    GMFRanker : The same, trained to rank.
    GMFRegressor : The same, trained on ratings.
    MFClassifier : Without the weights h, with biases of users and items.
    NeuMFClassifier : Joined with a perceptron.

    Notes
    -----
    The weights h start at 1, where the model is matrix factorisation, and vectors at those of a
    trained one (``pretrain``), not at random as in the paper. The log odds of `predict_proba` are
    the scores with the sampling of negatives undone, set right on held-out pairs: see
    `skrec.calibration.HeldOut`.

    References
    ----------
    He, X., Liao, L., Zhang, H., Nie, L., Hu, X., & Chua, T.-S. (2017). Neural collaborative
    filtering. WWW. https://doi.org/10.1145/3038912.3052569

    Examples
    --------
    >>> from skrec import GMFClassifier
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = GMFClassifier(n_factors=8, max_epochs=5, random_state=0).fit(X)
    >>> est.predict_proba(X[:2]).shape
    (2, 50)
    """

    n_negatives: int = 4

    _objective: ClassVar = Pointwise()


class GMFRanker(_StartedGMF, SampledPairRecommender):
    r"""Generalised matrix factorisation, trained to rank (GMF with BPR).

    An inner product whose dimensions have weights. Minimises over triplets of a user u, an item i
    that u has and a sampled item j that u lacks

    .. math:: \sum_{(u, i, j)} -\ln \sigma(f_{ui} - f_{uj})
        + \lambda (\|p_u\|^2 + \|q_i\|^2 + \|q_j\|^2), \qquad f_{ui} = h^\top (p_u \odot q_i).

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
    GMFClassifier : The same, trained on pairs.
    BPRMFRanker : Without the weights h.
    JRLRanker : With hidden layers on the product.

    Notes
    -----
    The weights h start at 1, where the model is matrix factorisation, and vectors at those of a
    trained one (``pretrain``), not at random as in the paper, which trains on pairs. The log odds
    of `predict_proba` are the scores and a constant of each user, set right on held-out pairs: see
    `skrec.calibration.HeldOut`.

    References
    ----------
    He, X., Liao, L., Zhang, H., Nie, L., Hu, X., & Chua, T.-S. (2017). Neural collaborative
    filtering. WWW. https://doi.org/10.1145/3038912.3052569

    Examples
    --------
    >>> from skrec import GMFRanker
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = GMFRanker(n_factors=8, max_epochs=5, random_state=0).fit(X)
    >>> est.recommend(users=[0, 1], n_items=3).shape
    (2, 3)
    """

    lr: float = 5e-4

    _objective: ClassVar = Pairwise()


class GMFRegressor(_GMF, RatedPairRecommender):
    r"""Generalised matrix factorisation, trained on ratings (GMF with a squared loss).

    An inner product whose dimensions have weights. Minimises over the ratings :math:`r_{ui}`

    .. math:: \sum_{(u, i)} (m + f_{ui} - r_{ui})^2 + \lambda (\|p_u\|^2 + \|q_i\|^2), \qquad
        f_{ui} = h^\top (p_u \odot q_i) + b.

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
    BiasedMFRegressor : Without the weights h, with biases of users and items.
    NeuMFRegressor : Joined with a perceptron.
    GMFClassifier : The same, trained on interactions.

    Notes
    -----
    The weights h start at 1, where the model is matrix factorisation, and not at random as in the
    paper, which trains on interactions.

    References
    ----------
    He, X., Liao, L., Zhang, H., Nie, L., Hu, X., & Chua, T.-S. (2017). Neural collaborative
    filtering. WWW. https://doi.org/10.1145/3038912.3052569

    Examples
    --------
    >>> from skrec import GMFRegressor
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(60, 40, 600, random_state=0).X
    >>> X.data = X.indices % 5 + 1.0
    >>> est = GMFRegressor(n_factors=8, max_epochs=5, random_state=0)
    >>> est.fit(X).predict(X[:2]).shape
    (2, 40)
    """

    l2: float = 0.1
    lr: float = 1e-3
    max_epochs: int = 20
    weight_decay: Annotated[
        float,
        "The optimiser's penalty on the squares of h: without it h grows as ``l2`` shrinks the "
        "vectors.",
    ] = 1e-3
