"""Matrix factorisation with implicit feedback, learnt to rank."""

from numbers import Real
from typing import Annotated, ClassVar, Literal

from sklearn.utils._param_validation import Interval

from skrec.base import item_vectors, user_vectors
from skrec.neural import SampledPairRecommender, graph_scores, history_parts
from skrec.neural.objectives import Pairwise
from skrec.nn import Dot, HistoryEncoder

__all__ = ["SVDppRanker"]


class SVDppRanker(SampledPairRecommender):
    r"""SVD++ trained to rank.

    A user is a free vector plus the sum of what they have. Minimises over triplets of a user u, an
    item i that u has and a sampled item j that u lacks

    .. math:: \sum_{(u, i, j)} -\ln \sigma(f_{ui} - f_{uj}) + \lambda \Bigl( \|p_u\|^2
        + \|q_i\|^2 \; [+ b_i^2] + \|q_j\|^2 \; [+ b_j^2] + \sum_{t \in R_u} \|q'_t\|^2 \Bigr),

    .. math:: f_{ui} = q_i^\top \Bigl(
        p_u + |R_u|^{-\alpha} \sum_{t \in R_u \setminus \{i\}} q'_t \Bigr) \; [+ b_i].

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    user_factors_ : ndarray of shape (n_users, n_factors)
        The free vectors :math:`p` of the users.
    history_factors_ : ndarray of shape (n_items, n_factors)
        Vectors :math:`q'` of the items that users have.
    item_factors_ : ndarray of shape (n_items, n_factors)
        Vectors :math:`q` of the items, with ``item_bias`` one entry longer.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    FISMRanker : The same without free vectors, so that a history is enough to score.
    BPRMFRanker : The same without histories.

    Notes
    -----
    :math:`|R_u|` counts the target, which the sum leaves out: a user's own items are scored
    without themselves at prediction as in training. Differences from the paper: it predicts
    ratings; here items are ranked, so nothing but the items has a bias. The free vector of an
    unseen user is fitted to the history. The log odds of `predict_proba` are the scores and a
    constant of each user, set right on held-out pairs: see `skrec.calibration.HeldOut`.

    References
    ----------
    Koren, Y. (2008). Factorization meets the neighborhood: a multifaceted collaborative filtering
    model. KDD. https://doi.org/10.1145/1401890.1401944

    Examples
    --------
    >>> from skrec import SVDppRanker
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = SVDppRanker(n_factors=8, max_epochs=5, random_state=0).fit(X)
    >>> est.recommend(users=[0, 1], n_items=3).shape
    (2, 3)
    """

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
        "Weight of the squared norms of the vectors that take part in a loss term: free vector, "
        "items, and each item of the history.",
    ] = 1e-4
    max_epochs: int = 50
    lr: float = 5e-3
    lr_decay: Literal["linear", "cosine"] | None = "linear"
    n_negatives: int = 4
    early_stopping: bool = False

    _objective: ClassVar = Pairwise()
    _histories: ClassVar[bool] = True

    user_vectors, item_vectors = user_vectors, item_vectors
    _history_parts, _graph_scores = history_parts, graph_scores

    def _interaction(self) -> Dot:
        return Dot(self.n_factors, item_bias=self.item_bias)

    def _encoder(self, n_users: int, n_items: int, size: int) -> HistoryEncoder:
        return HistoryEncoder(n_users, n_items, size, self.alpha, self.init_std)
