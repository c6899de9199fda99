"""Matrix factorisation with a pointwise loss, or with one of choice."""

from numbers import Real
from typing import Annotated, Any, ClassVar, Literal

import torch
from sklearn.utils._param_validation import Interval

from skrec import kernels
from skrec.factorization._sgd import DescentRecommender, LevelDot, table_arrays
from skrec.neural import SampledPairRecommender
from skrec.neural.objectives import Contrastive, Pointwise, SampledObjective
from skrec.nn import Cosine, Dot, PairModel
from skrec.typing import Array

__all__ = ["MFClassifier", "MFRecommender"]


class MFClassifier(DescentRecommender):
    r"""Matrix factorisation with sampled binary cross-entropy (the dot product of Rendle 2020).

    Minimises over pairs of a user u and an item i, each one that u has (:math:`y_{ui} = 1`) with K
    sampled ones that u lacks (:math:`y_{ui} = 0`),

    .. math:: \sum_{(u, i)} -y_{ui} \ln \sigma(f_{ui}) - (1 - y_{ui}) \ln \sigma(-f_{ui})
        + \lambda (\|p_u\|^2 + b_u^2 + \|q_i\|^2 + b_i^2), \qquad
        f_{ui} = p_u^\top q_i + b_u + b_i + b.

    With ``solver="torch"`` there is no global bias, b = 0. With ``solver="sgd"`` b is learnt
    without a penalty, and all biases start at 0.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history, with ``solver="torch"``.
    module_ : torch.nn.Module
        The trained module, with ``solver="sgd"``.
    history_ : list of dict
        A row for each epoch, with ``solver="sgd"``; ``train_loss`` is the mean of a pair, without
        penalties.
    global_bias_ : float
        The global bias b.
    user_factors_ : ndarray of shape (n_users, n_factors)
        Vectors of the users, with ``bias`` one entry longer.
    item_factors_ : ndarray of shape (n_items, n_factors)
        Vectors of the items, with ``bias`` one entry longer.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    BPRMFRanker : The same with a pairwise loss.
    MFRecommender : With other losses.

    Notes
    -----
    ``solver="sgd"``, the default, is the paper's training: single steps of gradient descent and a
    global bias; but the rate falls to 0. Differences of ``solver="torch"``: mini-batches with Adam,
    biases that start at random, and no global one, which those of users and items hold. With
    ``solver="sgd"`` a seed gives the same model on one thread, also beside other threads; on
    several (``n_jobs``) items and the global bias change without locks. The log odds of
    `predict_proba` are the scores with the sampling of negatives undone, set right on held-out
    pairs: see `skrec.calibration.HeldOut`.

    References
    ----------
    Rendle, S., Krichene, W., Zhang, L., & Anderson, J. (2020). Neural collaborative filtering vs.
    matrix factorization revisited. RecSys. https://doi.org/10.1145/3383313.3412488

    Examples
    --------
    >>> from skrec import MFClassifier
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = MFClassifier(n_factors=8, max_epochs=5, random_state=0).fit(X)
    >>> est.predict_proba(X[:2]).shape
    (2, 50)
    """

    bias: Annotated[
        bool, "Whether users and items have biases, the last entries of their vectors."
    ] = True
    lr: Annotated[
        float | Literal["auto"],
        Interval(Real, 0, None, closed="neither"),
        'Learning rate. ``"auto"`` is 0.06 with ``solver="sgd"``, 0.005 with ``"torch"``.',
    ] = "auto"

    _objective: ClassVar = Pointwise()
    _descent_rate: ClassVar[float] = 0.06

    def _interaction(self) -> Dot:
        if self.bias and self.solver == "sgd":
            return LevelDot(self.n_factors)
        return Dot(self.n_factors, user_bias=self.bias, item_bias=self.bias)

    def _descend(
        self,
        module: PairModel,
        rows: "kernels.Positives",
        rates: tuple[float, float],
        order: Array,
        state: Array,
    ) -> float:
        level = module.interaction.level if self.bias else torch.zeros(0)
        return kernels.descend_pairs(
            rows,
            order,
            (*table_arrays(module), level.numpy()),
            int(self.n_negatives),
            rates,
            float(self.l2),
            state,
        )

    @property
    def _terms_per_positive(self) -> int:
        return 1 + self.n_negatives

    @property
    def global_bias_(self) -> float:
        """The global bias; 0 where there is none."""
        return float(getattr(self._module.interaction, "level", 0))


class MFRecommender(SampledPairRecommender):
    r"""Matrix factorisation with the cosine contrastive loss (MF-CCL).

    Minimises over pairs of a user u and an item i that u has, each with K sampled items j that u
    lacks,

    .. math:: \sum_{(u, i)} 1 - f_{ui} + \frac{w}{K} \sum_j \max(0, f_{uj} - m), \qquad
        f_{ui} = \frac{p_u^\top q_i}{\|p_u\| \, \|q_i\|},

    and :math:`\lambda` times the squared norms of the vectors that take part.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    user_factors_ : ndarray of shape (n_users, n_factors)
        Vectors of the users; their lengths do not matter.
    item_factors_ : ndarray of shape (n_items, n_factors)
        Vectors of the items; their lengths do not matter.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    BPRMFRanker : Inner products under the loss of BPR.
    MFClassifier : Inner products under cross-entropy.

    Notes
    -----
    Difference from the paper: negatives are drawn for each positive among what its user lacks, not
    shared by a batch. Unseen users are folded in under the same loss. `predict_proba` is
    calibrated on held-out pairs.

    References
    ----------
    Mao, K., Zhu, J., Wang, J., Dai, Q., Dong, Z., Xiao, X., & He, X. (2021). SimpleX: a simple and
    strong baseline for collaborative filtering. CIKM. https://doi.org/10.1145/3459637.3482297

    Examples
    --------
    >>> from skrec import MFRecommender
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = MFRecommender(n_factors=8, n_negatives=20, max_epochs=5, random_state=0).fit(X)
    >>> est.recommend(X[:2], n_items=3).shape
    (2, 3)
    """

    loss: Annotated[Literal["ccl"], "The loss: cosine contrastive."] = "ccl"
    margin: Annotated[
        float,
        Interval(Real, -1, 1, closed="both"),
        "Cosine m below which a negative costs nothing.",
    ] = 0.5
    negative_weight: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Weight w of all negatives of a positive beside it.",
    ] = 10.0
    n_negatives: int = 100

    _objective: ClassVar[SampledObjective] = Contrastive()
    _test_parameters: ClassVar[dict[str, Any]] = {
        **SampledPairRecommender._test_parameters,
        "n_negatives": 10,
    }

    def _interaction(self) -> Cosine:
        return Cosine(self.n_factors)
