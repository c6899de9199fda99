"""Item similarities with factors, learnt to rank."""

from numbers import Real
from typing import Annotated, ClassVar

from sklearn.utils._param_validation import Interval

from skrec.neural import SampledPairRecommender
from skrec.neural.objectives import Pairwise
from skrec.nn import Dot, HistoryEncoder

__all__ = ["FISMRanker"]


class FISMRanker(SampledPairRecommender):
    r"""Factored item similarity model trained to rank (FISM).

    A user is the sum of what they have, so that a history is enough to score. Minimises over
    triplets of a user u, an item i that u has and a sampled item j that u lacks

    .. math:: \sum_{(u, i, j)} -\ln \sigma(f_{ui} - f_{uj}), \qquad
        f_{ui} = q_i^\top |R_u|^{-\alpha} \sum_{t \in R_u \setminus \{i\}} q'_t \; [+ b_i],

    and :math:`\lambda` times the squared norms of the vectors that take part.

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

    alpha: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Exponent of the length of the history: 0 adds up, 1 averages.",
    ] = 0.5
    item_bias: Annotated[
        bool,
        "Whether each item has a bias, which is the last entry of its vector.",
    ] = False

    _objective: ClassVar = Pairwise()
    _fold_in: ClassVar = "exact"
    _histories: ClassVar[bool] = True

    def _interaction(self) -> Dot:
        return Dot(self.n_factors, item_bias=self.item_bias)

    def _encoder(self, n_users: int, n_items: int, size: int) -> HistoryEncoder:
        return HistoryEncoder(None, n_items, size, self.alpha, self.init_std)
