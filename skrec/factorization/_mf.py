"""Matrix factorisation with a pointwise loss, or with one of choice."""

from numbers import Real
from typing import Annotated, Any, ClassVar, Literal

import torch
from sklearn.utils._param_validation import Interval

from skrec import kernels
from skrec.base import Queries, item_vectors, user_vectors
from skrec.factorization._sgd import DescentRecommender, LevelDot, table_arrays
from skrec.neural import SampledPairRecommender, SharedNegatives, graph_scores, history_parts
from skrec.neural.objectives import Contrastive, Pointwise, SampledObjective, SampledSoftmax
from skrec.nn import Cosine, Dot, MeanEncoder, PairModel
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


_OBJECTIVES: dict[str, SampledObjective] = {"ccl": Contrastive(), "softmax": SampledSoftmax()}


class MFRecommender(SampledPairRecommender):
    r"""Matrix factorisation by cosines under a loss of choice (MF-CCL, sampled softmax, SimpleX).

    With the cosine f of the vectors of a user u and an item i,

    .. math:: f_{ui} = \frac{p_u^\top q_i}{\|p_u\| \, \|q_i\|},

    the cosine contrastive loss ``loss="ccl"`` is, over pairs of a user u and an item i that u has,
    each with K sampled items j that u lacks,

    .. math:: \sum_{(u, i)} 1 - f_{ui} + \frac{w}{K} \sum_j \max(0, f_{uj} - m).

    The sampled softmax ``loss="softmax"`` is, with a temperature t and the expected count
    :math:`c_{uj}` of j in the sample, by which the sum estimates that over all that u lacks,

    .. math:: \sum_{(u, i)} -\ln \frac{e^{f_{ui} / t}}{e^{f_{ui} / t}
        + \sum_j e^{f_{uj} / t} / c_{uj}}.

    To both comes :math:`\lambda` times the squared norms of the vectors that take part. With
    ``history="mean"`` the vector of a user is that of SimpleX,

    .. math:: g p_u + (1 - g) \, V \frac{1}{|R_u|} \sum_{t \in R_u \setminus \{i\}} q_t.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    user_factors_ : ndarray of shape (n_users, n_factors)
        Free vectors of the users; without a history their lengths do not matter.
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
    The scores are cosines, with ``loss="softmax"`` the logits f / t. Negatives are drawn for each
    positive among what its user lacks; with ``shared_negatives``, as in the paper, a batch shares
    them, and what a user has is masked. A penalty then falls on each of them once a positive.
    Differences of the history from the paper: the target is left out of the mean where it is
    scored, and counted in its length; all of a history is read, not its first hundred items; a
    plain mean alone, no attention; and the penalty is on :math:`p_u` and items, not on V, on which
    is ``weight_decay``. Unseen users are folded in under the same loss. `predict_proba` is
    calibrated on held-out pairs: scores of ``"ccl"`` have no meaning of their own, logits of
    ``"softmax"`` lack a constant of each user.

    References
    ----------
    Mao, K., Zhu, J., Wang, J., Dai, Q., Dong, Z., Xiao, X., & He, X. (2021). SimpleX: a simple and
    strong baseline for collaborative filtering. CIKM. https://doi.org/10.1145/3459637.3482297

    Bengio, Y., & Senécal, J.-S. (2008). Adaptive importance sampling to accelerate training of a
    neural probabilistic language model. IEEE Transactions on Neural Networks, 19(4), 713-722.
    https://doi.org/10.1109/TNN.2007.912312

    Examples
    --------
    >>> from skrec import MFRecommender
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = MFRecommender(n_factors=8, n_negatives=20, max_epochs=5, random_state=0).fit(X)
    >>> est.recommend(X[:2], n_items=3).shape
    (2, 3)
    """

    loss: Annotated[
        Literal["ccl", "softmax"], "The loss: cosine contrastive, or sampled softmax."
    ] = "softmax"
    margin: Annotated[
        float,
        Interval(Real, -1, 1, closed="both"),
        'Cosine m below which a negative costs nothing under ``"ccl"``.',
    ] = 0.5
    negative_weight: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        'Weight w of all negatives of a positive beside it under ``"ccl"``.',
    ] = 10.0
    temperature: Annotated[
        float,
        Interval(Real, 1e-4, None, closed="left"),
        'What cosines are divided by under ``"softmax"``.',
    ] = 0.15
    max_epochs: int = 50
    lr: float = 5e-3
    lr_decay: Literal["linear", "cosine"] | None = "linear"
    early_stopping: bool = False
    n_negatives: int = 1000
    shared_negatives: SharedNegatives = True
    history: Annotated[
        Literal["mean"] | None,
        "What of the history takes part in the vector of a user: the mean of its items, or None.",
    ] = None
    history_weight: Annotated[
        float,
        Interval(Real, 0, 1, closed="left"),
        "Share 1 - g of the history in the vector of a user.",
    ] = 0.5
    l2: float = 0.0  # cosines do not know lengths

    _test_parameters: ClassVar[dict[str, Any]] = {
        **SampledPairRecommender._test_parameters,
        "n_negatives": 10,
    }

    user_vectors, item_vectors = user_vectors, item_vectors
    _graph_scores = graph_scores

    def _history_parts(self, queries: Queries, lists: Array) -> tuple[Array, Array] | None:
        return None if self.history is None else history_parts(self, queries, lists)

    @property
    def _objective(self) -> SampledObjective:
        return _OBJECTIVES.get(self.loss, _OBJECTIVES["ccl"])

    @property
    def _histories(self) -> bool:
        return self.history is not None

    def _interaction(self) -> Cosine:
        return Cosine(self.n_factors)

    def _model(self, n_users: int, n_items: int) -> PairModel:
        model = super()._model(n_users, n_items)
        if self.history is not None:
            model.users = MeanEncoder(n_users, model.items, self.history_weight, self.init_std)
        return model

    def _choose_updates(self, model: PairModel) -> None:
        super()._choose_updates(model)
        if self.history is not None:
            model.items.sparse = False  # histories read many of them

    def _parameter_groups(self) -> list[tuple[str, dict[str, Any]]]:
        mapped = [("users.map.*", {})] if self.history is not None else []
        return [*mapped, *super()._parameter_groups()]
