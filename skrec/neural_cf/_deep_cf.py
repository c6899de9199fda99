"""Representation learning and a matching function on rows and columns."""

from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skrec.base import Doc
from skrec.neural import SampledPairRecommender, as_sizes, twin
from skrec.neural.objectives import Pointwise
from skrec.nn import PairModel
from skrec.nn.deep_cf import DeepCF
from skrec.training import RecommenderNet, csr_of, sparse_rows
from skrec.typing import CSRMatrix

__all__ = ["DeepCFClassifier"]


class DeepCFClassifier(SampledPairRecommender):
    r"""DeepCF (CFNet) with sampled binary cross-entropy.

    A user is the row :math:`x_u` of the matrix, an item its column :math:`x_i`. Two MLPs give
    representations, two linear maps embeddings that a third MLP matches:

    .. math:: f_{ui} = w^\top \bigl[\, \mathrm{MLP}_U(x_u) \odot \mathrm{MLP}_I(x_i) \,;\,
        \mathrm{MLP}([P^\top x_u ; Q^\top x_i]) \,\bigr] + b.

    Minimises over pairs, each one that a user has (:math:`y_{ui} = 1`) with K sampled ones that the
    user lacks (:math:`y_{ui} = 0`),

    .. math:: \sum_{(u, i)} -y_{ui} \ln \sigma(f_{ui}) - (1 - y_{ui}) \ln \sigma(-f_{ui}).

    With ``parts="representation"`` (CFNet-rl) the third MLP is left out, with
    ``parts="matching"`` (CFNet-ml) the product.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    item_factors_ : ndarray of shape (n_items, representation_sizes[-1] + n_factors)
        Representations and embeddings of the items, or one of them.
    pretrained_ : tuple of estimators or None
        The halves that it started from, fitted.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    NeuMFClassifier : Free vectors in place of rows and columns.

    Notes
    -----
    As in the paper a user's row includes the target in training, so that scores of items that a
    user has are of no use. The columns of items stay those of the matrix that was trained on: rows
    of unseen users are folded in exactly, and change no item.

    Pre-training joins the output weights as
    :math:`w = [\alpha w^R; (1 - \alpha) w^M]` with :math:`\alpha` = ``pretrain_alpha``, so that the
    first scores are the weighted mean of those of the halves. The paper trains these with Adam,
    and goes on with plain gradient descent. Differences from the paper: Adam throughout, and
    smaller layers. On MovieLens-1M the authors use ``n_factors=256``,
    ``matching_sizes=(256, 128, 64)``, ``representation_sizes=(512, 64)`` and
    ``item_sizes=(1024, 64)``. ``init_std`` has no effect: layers start as Glorot has it. The log
    odds of `predict_proba` are the scores with the sampling of negatives undone, set right on
    held-out pairs: see `skrec.calibration.HeldOut`.

    References
    ----------
    Deng, Z.-H., Huang, L., Wang, C.-D., Lai, J.-H., & Yu, P. S. (2019). DeepCF: a unified framework
    of representation learning and matching function learning in recommender system. AAAI, 33,
    61-68. https://doi.org/10.1609/aaai.v33i01.330161

    Examples
    --------
    >>> from skrec import DeepCFClassifier
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = DeepCFClassifier(representation_sizes=(16, 8), max_epochs=3, random_state=0).fit(X)
    >>> est.recommend(X[:2], n_items=3).shape
    (2, 3)
    """

    representation_sizes: Annotated[
        tuple[int, ...] | list[int],
        tuple,
        list,
        "Widths of the layers that represent users. The first is linear, the others end in a ReLU.",
    ] = (512, 64)
    item_sizes: Annotated[
        tuple[int, ...] | list[int] | None,
        tuple,
        list,
        "Widths of the layers that represent items, the last as for users; None takes those of "
        "users.",
    ] = None
    matching_sizes: Annotated[
        tuple[int, ...] | list[int],
        tuple,
        list,
        "Widths of the matching function's layers, each with a ReLU.",
    ] = (128, 64)

    parts: Annotated[
        Literal["both", "representation", "matching"],
        "Both halves, or one alone.",
    ] = "both"
    pretrain: Annotated[
        Any,
        StrOptions({"auto"}),
        tuple,
        list,
        None,
        Doc(
            '``"auto"`` trains both halves alone, with the parameters of this estimator, and joins '
            "them to start from; a half itself starts at random. A pair (representation, matching) "
            "of estimators of this class does so with parameters of their own. They are cloned and "
            "fitted on what is trained on; `sklearn.frozen.FrozenEstimator` keeps a fitted one as "
            "it is. None starts at random.",
            '"auto", tuple of estimators or None',
        ),
    ] = "auto"
    pretrain_alpha: Annotated[
        float,
        Interval(Real, 0, 1, closed="both"),
        "Share of the representations in the scores at the start.",
    ] = 0.5
    pretrain_epochs: Annotated[
        int | None,
        Interval(Integral, 0, None, closed="left"),
        'Epochs of both halves with ``pretrain="auto"``; None is ``max_epochs``.',
    ] = None

    n_factors: Annotated[int, "Width of the embeddings that are matched."] = 64
    l2: Annotated[
        float,
        "Weight of the squared norms of the vectors that take part in a loss term: representation "
        "and embedding of users and items.",
    ] = 0.0
    weight_decay: Annotated[
        float,
        "The optimiser's penalty on squared weights of the matching function and the output.",
    ] = 0.0
    n_negatives: int = 4

    _objective: ClassVar = Pointwise()
    _fold_in: ClassVar = "exact"
    _histories: ClassVar[bool] = True
    _test_parameters: ClassVar[dict[str, Any]] = {
        **SampledPairRecommender._test_parameters,
        "representation_sizes": (16, 8),
        "matching_sizes": (16, 8),
        "pretrain_epochs": 4,
    }

    def _validate_params(self) -> None:
        super()._validate_params()
        if isinstance(self.pretrain, tuple | list) and self.parts != "both":
            raise ValueError(
                f'pretrain must be "auto" or None unless parts="both"; got {self.pretrain!r} with '
                f"parts={self.parts!r}"
            )

    def _sizes(self) -> list[tuple[int, ...]]:
        """Return the widths of the layers for users, items and pairs."""
        items = self.representation_sizes if self.item_sizes is None else self.item_sizes
        sizes = {
            "representation_sizes": self.representation_sizes,
            "item_sizes": items,
            "matching_sizes": self.matching_sizes,
        }
        checked = [as_sizes(name, values, least=1) for name, values in sizes.items()]
        if items[-1] != self.representation_sizes[-1]:
            raise ValueError(
                "item_sizes must end in the last of representation_sizes, "
                f"{self.representation_sizes[-1]}; got {items!r}"
            )
        return checked

    def _prepare(self, batches: Any, seed: int) -> None:
        super()._prepare(batches, seed)
        self._matrix = sparse_rows(batches.X.T.tocsr()), sparse_rows(batches.X)

    def _finish(self, batches: Any, rng: np.random.RandomState) -> None:
        super()._finish(batches, rng)
        del self._matrix

    def _matrix_of(self, module: DeepCF) -> CSRMatrix:
        rows = module.items.rows
        return csr_of(rows.indices, rows.offsets, self.n_features_in_)

    def _network_of(self, matrix: CSRMatrix) -> dict[str, Any]:
        self._matrix = sparse_rows(matrix.T.tocsr()), sparse_rows(matrix)
        try:
            return super()._network_of(matrix)
        finally:
            del self._matrix

    def _check_warm_start(self, net: RecommenderNet) -> None:
        super()._check_warm_start(net)
        net.module_.items.read(*(rows.to(net.device) for rows in self._matrix))

    def _model(self, n_users: int, n_items: int) -> DeepCF:
        user_sizes, item_sizes, matching_sizes = self._sizes()
        if self.parts == "matching":
            user_sizes = item_sizes = ()
        embedding_size = self.n_factors
        if self.parts == "representation":
            embedding_size, matching_sizes = 0, ()
        return DeepCF(*self._matrix, user_sizes, item_sizes, embedding_size, matching_sizes)

    def _twin(self) -> tuple[Any, ...] | None:
        if self.parts != "both":
            return None
        epochs = self.max_epochs if self.pretrain_epochs is None else self.pretrain_epochs
        halves = "representation", "matching"
        return tuple(twin(self, type(self), parts=half, max_epochs=epochs) for half in halves)

    def _start(self, model: PairModel) -> None:
        halves: Any = self.pretrained_
        joined: Any = model
        nets = [getattr(half, "net_", None) for half in halves]
        modules = [getattr(net, "module_", None) for net in nets]
        if len(modules) != 2 or not all(isinstance(module, DeepCF) for module in modules):
            raise ValueError(
                "pretrain must be a pair of DeepCFClassifier, the first with "
                f'parts="representation" and the second with parts="matching"; got {halves}'
            )
        try:
            joined.join_(*modules, self.pretrain_alpha)
        except ValueError as error:
            raise ValueError(
                'pretrain must be a pair with parts="representation" and parts="matching", and the '
                f"widths of this estimator: {error}"
            ) from error
