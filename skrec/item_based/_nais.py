"""Item similarities with attention over the history."""

from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from skrec.base import Doc, Queries
from skrec.item_based._fism import FISMClassifier
from skrec.neural import AutoPretrain, SampledPairRecommender
from skrec.neural.objectives import Pointwise
from skrec.nn.nais import NAIS
from skrec.training import sparse_rows
from skrec.typing import Array

__all__ = ["NAISClassifier"]


class NAISClassifier(SampledPairRecommender):
    r"""Neural attentive item similarity model (NAIS) with sampled binary cross-entropy.

    A user is, for each target, a sum of what they have in which attention weighs the items:

    .. math:: f_{ui} = q_i^\top \sum_{j \in R_u \setminus \{i\}} a_{ij} q'_j \; [+ b_i], \qquad
        a_{ij} = \frac{\exp g(q_i, q'_j)}
        {\bigl( \sum_{k \in R_u \setminus \{i\}} \exp g(q_i, q'_k) \bigr)^\beta},

    where :math:`g` is :math:`h^\top \mathrm{ReLU}(W (q_i \odot q'_j) + b)` for ``"prod"`` and
    :math:`h^\top \mathrm{ReLU}(W [q_i; q'_j] + b)` for ``"concat"``. Minimises over pairs, each
    one that a user has (:math:`y_{ui} = 1`) with K sampled ones that the user lacks
    (:math:`y_{ui} = 0`),

    .. math:: \sum_{(u, i)} -y_{ui} \ln \sigma(f_{ui}) - (1 - y_{ui}) \ln \sigma(-f_{ui})
        + \lambda \Bigl( \|q_i\|^2 \; [+ b_i^2]
        + \sum_{j \in R_u \setminus \{i\}} \|q'_j\|^2 \Bigr).

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    history_factors_ : ndarray of shape (n_items, n_factors)
        Vectors :math:`q'` of the items that users have.
    item_factors_ : ndarray of shape (n_items, n_factors)
        Vectors :math:`q` of the items, with ``item_bias`` one entry longer.
    pretrained_ : estimator or None
        What training started from, fitted.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    FISMClassifier : The same without attention.

    Notes
    -----
    A user's own items are scored without themselves at prediction as in training. The attention
    starts with :math:`b = 0`, and :math:`h = 1` where vectors are random: small vectors are then
    near FISM with exponent :math:`\beta`. As in the paper, it starts from FISM that is trained with
    the same loss (``pretrain``). Trained vectors are not small, and :math:`h = 1` would weigh by
    large powers, which loses most of what FISM knew; with ``init_attention=0``, the default then,
    the first scores of what users lack are those of FISM with :math:`\alpha = \beta`. Differences
    from the paper: that start of h, Adam in place of Adagrad, and batches over several users. The
    log odds of `predict_proba` are the scores with the sampling of negatives undone, set right on
    held-out pairs: see `skrec.calibration.HeldOut`.

    References
    ----------
    He, X., He, Z., Song, J., Liu, Z., Jiang, Y.-G., & Chua, T.-S. (2018). NAIS: neural attentive
    item similarity model for recommendation. IEEE TKDE, 30(12), 2354-2366.
    https://doi.org/10.1109/TKDE.2018.2831682

    Examples
    --------
    >>> from skrec import NAISClassifier
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = NAISClassifier(n_factors=8, max_epochs=5, random_state=0).fit(X)
    >>> est.recommend(X[:2], n_items=3).shape
    (2, 3)
    """

    n_factors: Annotated[int, "Width of the vectors of items."] = 64
    attention: Annotated[
        Literal["prod", "concat"],
        "What the attention reads: the element-wise product of two vectors, or both.",
    ] = "prod"
    attention_size: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Width of the attention's hidden layer.",
    ] = 16
    init_attention: Annotated[
        float | Literal["auto"],
        Interval(Real, None, None, closed="neither"),
        Doc(
            "The value of h at the start; 0 gives all items the same weight, as in FISM. "
            '``"auto"`` is 0 where the vectors are those of ``pretrain``, else 1.',
            'float or "auto"',
        ),
    ] = "auto"
    beta: Annotated[
        float,
        Interval(Real, 0, 1, closed="both"),
        "Exponent of the sum of weights, from 0 to 1, which is a softmax. Less than 1 lets a long "
        "history count more.",
    ] = 0.5
    item_bias: Annotated[
        bool,
        "Whether each item has a bias, which is the last entry of its vector.",
    ] = True

    l2: Annotated[
        float,
        "Weight of the squared norms of the vectors that take part in a loss term: the item's, and "
        "each of the history's.",
    ] = 1e-4
    lr: float = 5e-4
    weight_decay: Annotated[
        float, "The optimiser's penalty on squared weights of the attention."
    ] = 0.0
    n_negatives: int = 4
    pretrain: Annotated[
        AutoPretrain,
        Doc(
            "Estimator with ``history_factors_``, such as ``FISMClassifier(n_factors=64)``, that "
            "is cloned, fitted on what is trained on, and gives the vectors to start from; "
            "`sklearn.frozen.FrozenEstimator` keeps a fitted one as it is. Its parameters are "
            'those of this estimator after ``pretrain__``. ``"auto"`` is `FISMClassifier` with as '
            "many factors, biases where these are, and ``alpha`` of ``beta``, whose other "
            "parameters are its defaults. None starts at random.",
            '"auto", estimator or None',
        ),
    ] = "auto"

    _objective: ClassVar = Pointwise()
    _fold_in: ClassVar = "exact"
    _histories: ClassVar[bool] = True
    _test_parameters: ClassVar[dict[str, Any]] = {
        **SampledPairRecommender._test_parameters,
        "pretrain": None,
    }

    def _history_parts(self, queries: Queries, lists: Array) -> tuple[Array, Array]:
        module, history = self._module, queries.history
        lists = np.broadcast_to(lists, (queries.n_rows, lists.shape[-1]))
        parts = np.empty((history.nnz, lists.shape[1]))
        rows = sparse_rows(history).to(module.items.weight.device)
        with torch.inference_mode():
            for row in np.flatnonzero(np.diff(history.indptr)):
                items = torch.from_numpy(lists[row].copy()).to(rows.indices.device)
                own = slice(history.indptr[row], history.indptr[row + 1])
                parts[own] = module.terms(rows, row, items).cpu().numpy()
        biases = self.item_factors_[:, self.n_factors :].sum(axis=1, dtype=np.float64)
        return parts, biases[lists]

    def _model(self, n_users: int, n_items: int) -> NAIS:
        return NAIS(
            n_items,
            self.n_factors,
            self.attention_size,
            self.attention,
            self.beta,
            self.item_bias,
            self.init_std,
            self._attention_at_start(),
        )

    def _twin(self) -> FISMClassifier:
        return FISMClassifier(
            n_factors=self.n_factors,
            alpha=self.beta,
            item_bias=self.item_bias,
            device=self.device,
        )

    def _attention_at_start(self) -> float:
        if isinstance(self.init_attention, str):
            return 1.0 if self.pretrain is None else 0.0
        return self.init_attention
