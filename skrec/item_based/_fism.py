"""Item similarities with factors, learnt to rank or from pairs."""

from numbers import Real
from typing import Annotated, ClassVar, Literal

from sklearn.utils._param_validation import Interval

from skrec.base import item_vectors, user_vectors
from skrec.neural import SampledPairRecommender, graph_scores, history_parts
from skrec.neural.objectives import Pairwise, Pointwise
from skrec.nn import Dot, HistoryEncoder

__all__ = ["FISMClassifier", "FISMRanker"]


class _FISM(SampledPairRecommender):
    """A user as the sum of what they have, whatever it is trained for."""

    alpha: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Exponent of the length of the history: 0 adds up, 1 averages.",
    ] = 0.5
    item_bias: Annotated[
        bool,
        "Whether each item has a bias, which is the last entry of its vector.",
    ] = False
    l2: Annotated[
        float,
        "Weight of the squared norms of the vectors that take part in a loss term, those of the "
        "history among them: their sum has as many terms as there are, so that it is smaller "
        "than where users are free.",
    ] = 1e-4
    max_epochs: int = 50
    lr: float = 5e-3
    lr_decay: Literal["linear", "cosine"] | None = "linear"
    n_negatives: int = 4
    early_stopping: bool = False

    _fold_in: ClassVar = "exact"
    _histories: ClassVar[bool] = True

    user_vectors, item_vectors = user_vectors, item_vectors
    _history_parts, _graph_scores = history_parts, graph_scores

    def _interaction(self) -> Dot:
        return Dot(self.n_factors, item_bias=self.item_bias)

    def _encoder(self, n_users: int, n_items: int, size: int) -> HistoryEncoder:
        return HistoryEncoder(None, n_items, size, self.alpha, self.init_std)


class FISMClassifier(_FISM):
    r"""Factored item similarity model with sampled binary cross-entropy (FISM).

    A user is the sum of what they have, so that a history is enough to score. Minimises over pairs
    of a user u and an item i, each one that u has (:math:`y_{ui} = 1`) with K sampled ones that u
    lacks (:math:`y_{ui} = 0`),

    .. math:: \sum_{(u, i)} -y_{ui} \ln \sigma(f_{ui}) - (1 - y_{ui}) \ln \sigma(-f_{ui})
        + \lambda \Bigl( \|q_i\|^2 \; [+ b_i^2]
        + \sum_{t \in R_u \setminus \{i\}} \|q'_t\|^2 \Bigr),

    .. math:: f_{ui} = q_i^\top |R_u|^{-\alpha} \sum_{t \in R_u \setminus \{i\}} q'_t \; [+ b_i].

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    history_factors_ : ndarray of shape (n_items, n_factors)
        Vectors :math:`q'` of the items that users have.
    item_factors_ : ndarray of shape (n_items, n_factors)
        Vectors :math:`q` of the items, with ``item_bias`` one entry longer.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    FISMRanker : The same, trained to rank.
    NAISClassifier : Weighs the items of a history by attention, and starts from this.
    MFClassifier : A free vector for each user.

    Notes
    -----
    :math:`|R_u|` counts the target, which the sum leaves out: a user's own items are scored
    without themselves at prediction as in training. The level of the scores, about
    :math:`-\ln K`, is held by the biases of the items, as in NAIS. Differences from the paper: the
    cross-entropy with which He et al. (2018) train it in place of a squared error, mini-batches
    with Adam in place of single steps, and no bias of the users, which would have to be learnt anew
    for each unseen one. The log odds of `predict_proba` are the scores with the sampling of
    negatives undone, set right on held-out pairs: see `skrec.calibration.HeldOut`.

    References
    ----------
    Kabbur, S., Ning, X., & Karypis, G. (2013). FISM: factored item similarity models for top-n
    recommender systems. KDD. https://doi.org/10.1145/2487575.2487589

    He, X., He, Z., Song, J., Liu, Z., Jiang, Y.-G., & Chua, T.-S. (2018). NAIS: neural attentive
    item similarity model for recommendation. IEEE TKDE, 30(12), 2354-2366.
    https://doi.org/10.1109/TKDE.2018.2831682

    Examples
    --------
    >>> from skrec import FISMClassifier
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = FISMClassifier(n_factors=8, max_epochs=5, random_state=0).fit(X)
    >>> est.predict_proba(X[:2]).shape
    (2, 50)
    """

    item_bias: bool = True
    n_negatives: int = 8

    _objective: ClassVar = Pointwise()


class FISMRanker(_FISM):
    r"""Factored item similarity model trained to rank (FISM).

    A user is the sum of what they have, so that a history is enough to score. Minimises over
    triplets of a user u, an item i that u has and a sampled item j that u lacks

    .. math:: \sum_{(u, i, j)} -\ln \sigma(f_{ui} - f_{uj}) + \lambda \Bigl( \|q_i\|^2 \; [+ b_i^2]
        + \|q_j\|^2 \; [+ b_j^2] + \sum_{t \in R_u} \|q'_t\|^2 \Bigr),

    .. math:: f_{ui} = q_i^\top |R_u|^{-\alpha} \sum_{t \in R_u \setminus \{i\}} q'_t \; [+ b_i].

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    history_factors_ : ndarray of shape (n_items, n_factors)
        Vectors :math:`q'` of the items that users have.
    item_factors_ : ndarray of shape (n_items, n_factors)
        Vectors :math:`q` of the items, with ``item_bias`` one entry longer.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    FISMClassifier : The same, trained on pairs.
    SVDppRanker : The same with a free vector for each user.
    NAISClassifier : Weighs the items of a history by attention.

    Notes
    -----
    :math:`|R_u|` counts the target, which the sum leaves out: a user's own items are scored
    without themselves at prediction as in training. Differences from the paper: mini-batches with
    Adam, each positive once an epoch, no bias of the users (it would not change their order). The
    log odds of `predict_proba` are the scores and a constant of each user, set right on held-out
    pairs: see `skrec.calibration.HeldOut`.

    References
    ----------
    Kabbur, S., Ning, X., & Karypis, G. (2013). FISM: factored item similarity models for top-n
    recommender systems. KDD. https://doi.org/10.1145/2487575.2487589

    Examples
    --------
    >>> from skrec import FISMRanker
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = FISMRanker(n_factors=8, max_epochs=5, random_state=0).fit(X)
    >>> est.recommend(X[:2], n_items=3).shape
    (2, 3)
    """

    _objective: ClassVar = Pairwise()
