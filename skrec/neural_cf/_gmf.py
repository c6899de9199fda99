"""Generalised matrix factorisation."""

from typing import ClassVar

from skrec.neural import PairClassifier, PairRanker, PairRegressor
from skrec.neural_cf._base import NeuralCF, RatedCF
from skrec.nn.neural_cf import GMF

__all__ = ["GMFClassifier", "GMFRanker", "GMFRegressor"]


class _GMF(NeuralCF):
    def _interaction(self):
        return GMF(self.n_factors, bias=self._has_bias)


class GMFClassifier(_GMF, PairClassifier):
    r"""Generalised matrix factorisation, trained on sampled pairs (GMF).

    An inner product whose dimensions have weights. Minimises over pairs of a user u and an item i,
    each one that u has (:math:`y_{ui} = 1`) with K sampled ones that u lacks (:math:`y_{ui} = 0`),

    .. math:: \sum_{(u, i)} -y_{ui} \ln \sigma(f_{ui}) - (1 - y_{ui}) \ln \sigma(-f_{ui})
        + \lambda (\|p_u\|^2 + \|q_i\|^2), \qquad f_{ui} = h^\top (p_u \odot q_i) + b.

    Parameters
    ----------

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
    The weights h start at 1, where the model is matrix factorisation, and not at random as in the
    paper. `predict_proba` undoes the sampling of negatives in the odds.

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


class GMFRanker(_GMF, PairRanker):
    r"""Generalised matrix factorisation, trained to rank (GMF with BPR).

    An inner product whose dimensions have weights. Minimises over triplets of a user u, an item i
    that u has and a sampled item j that u lacks

    .. math:: \sum_{(u, i, j)} -\ln \sigma(f_{ui} - f_{uj})
        + \lambda (\|p_u\|^2 + \|q_i\|^2 + \|q_j\|^2), \qquad f_{ui} = h^\top (p_u \odot q_i).

    Parameters
    ----------

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
    The weights h start at 1, where the model is matrix factorisation, and not at random as in the
    paper, which trains on pairs. `predict_proba` is :math:`\sigma(f_{ui} + b_u)` with the
    :math:`b_u` under which the probabilities of a user add up to the number of interactions.

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


class GMFRegressor(RatedCF, _GMF, PairRegressor):
    r"""Generalised matrix factorisation, trained on ratings (GMF with a squared loss).

    An inner product whose dimensions have weights. Minimises over the ratings :math:`r_{ui}`

    .. math:: \sum_{(u, i)} (m + f_{ui} - r_{ui})^2 + \lambda (\|p_u\|^2 + \|q_i\|^2), \qquad
        f_{ui} = h^\top (p_u \odot q_i) + b.

    Parameters
    ----------

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
    weight_decay: float = 1e-3

    _parameter_docs: ClassVar[dict[str, str]] = {
        "l2": """
            l2 : float, default=0.1
                Weight of the squared norms of the vectors that take part in a loss term.""",
        "weight_decay": """
            weight_decay : float, default=0.001
                The optimiser's penalty on the squares of h: without it h grows as ``l2`` shrinks
                the vectors.""",
    }
