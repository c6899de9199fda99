"""ConvNCF: a tower of convolutions over the outer product of two vectors."""

from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal

import torch
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skrec.base import Doc, RecommenderTags
from skrec.factorization.starts import factorization_of
from skrec.neural import (
    PairRecommender,
    RatedPairRecommender,
    SampledPairRecommender,
    twin,
)
from skrec.neural.objectives import Pairwise
from skrec.nn import (
    ConvTower,
    Dot,
    HistoryEncoder,
    Interaction,
    MapMLP,
    PairModel,
    UserTable,
    make_table,
)
from skrec.training import DelayedPenalties

__all__ = ["ConvNCFRanker", "ConvNCFRegressor"]

_TWIN = {"optimizer": "adam", "optimizer_options": None, "lr": 2e-3, "init_std": 0.01}


class _ConvNCF(PairRecommender):
    """A tower over the outer product of two free vectors, whatever it is trained for."""

    tower: Annotated[
        Literal["cnn", "mlp", "dot"],
        "Convolutions, a multi-layer perceptron over the flattened map (ONCF-mlp), or the inner "
        "product, which is the shallow twin: plain matrix factorisation.",
    ] = "cnn"
    n_feature_maps: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Feature maps of each convolution.",
    ] = 32
    map_part: Annotated[
        Literal["full", "diagonal", "off_diagonal"],
        "Entries of the map that the tower sees; the others are 0.",
    ] = "full"
    permute_dims: Annotated[
        bool,
        "Shuffle the dimensions of both vectors below the tower, with ``random_state``.",
    ] = False
    init_network: Annotated[
        Literal["auto", "product"] | None,
        'How the tower starts. None is at random. With ``"product"`` its score is the inner '
        "product, the sum of the map's diagonal, which is what vectors from ``pretrain`` were "
        'trained for, and training goes on from there. ``"auto"`` is ``"product"`` where there is '
        "a ``pretrain`` and a tower that can hold it, and None elsewhere.",
    ] = "auto"
    pretrain: Annotated[
        Any,
        HasMethods(["fit", "get_params"]),
        StrOptions({"auto", "twin"}),
        None,
        Doc(
            "Estimator with vectors of the same widths, such as ``BPRMFRanker(n_factors=64)``, "
            "that is cloned, fitted on what is trained on, and gives the vectors to start from; "
            "`sklearn.frozen.FrozenEstimator` keeps a fitted one as it is. Its parameters are "
            'those of this estimator after ``pretrain__``. ``"twin"`` is this model with '
            '``tower="dot"``, trained with Adam. ``"auto"`` is matrix factorisation with as many '
            "factors, whose other parameters are its defaults, `BPRMFRanker` or on ratings "
            "`BiasedMFRegressor` without biases, and the twin where the history makes the vector "
            "of a user. None starts at random.",
            '"auto", "twin", estimator or None',
        ),
    ] = "auto"
    pretrain_epochs: Annotated[
        int,
        Interval(Integral, 0, None, closed="left"),
        "Epochs of the twin.",
    ] = 20
    max_epochs: int = 20
    batch_size: int = 512
    optimizer: str | type = "adagrad"
    lr: Annotated[
        float | Literal["auto"],
        Interval(Real, 0, None, closed="neither"),
        'Learning rate of the vectors. ``"auto"`` is 1e-4 where the tower starts with the product, '
        "and 5e-3 elsewhere; on ratings 1e-5 and 3e-4.",
    ] = "auto"
    tower_lr: Annotated[
        float | Literal["auto"],
        Interval(Real, 0, None, closed="neither"),
        'Learning rate of the tower. ``"auto"`` is 1e-4 where it starts with the product, and 0.01 '
        "elsewhere; on ratings 1e-5 and 1e-3.",
    ] = "auto"
    tower_l2: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Weight of the squared norm of the tower's weights other than those of its last layer, "
        "beside the *mean* loss of a batch.",
    ] = 0.0
    output_l2: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Weight of the squared norm of the last layer, beside the *mean* loss of a batch.",
    ] = 0.0
    init_std: float = 0.1
    fold_in_steps: int = 5

    # of "auto": at the product, and elsewhere those of vectors and tower
    _rates: ClassVar[tuple[float, float, float]] = (1e-4, 5e-3, 0.01)
    _fold_in_items: ClassVar[int] = 64
    _test_parameters: ClassVar[dict[str, Any]] = {
        **PairRecommender._test_parameters,
        "n_feature_maps": 4,
        "max_epochs": 4,
        "pretrain_epochs": 8,
    }

    def _model(self, n_users: int, n_items: int) -> PairModel:
        users = self._encoder(n_users, n_items, self.n_factors)
        items = make_table(n_items, self.n_factors, self.init_std)
        return PairModel(users, items, self._interaction())

    def _interaction(self) -> Interaction:
        if self.tower == "dot":
            return Dot(self.n_factors)
        order = torch.randperm(self.n_factors) if self.permute_dims else None
        tower: MapMLP | ConvTower
        if self.tower == "mlp":
            tower = MapMLP(self.n_factors, map_part=self.map_part, order=order)
        else:
            tower = ConvTower(self.n_factors, self.n_feature_maps, self.map_part, order)
        lacking = self._lacks_for_product()
        if lacking and self.init_network == "product":
            raise ValueError(f'init_network="product" must have {lacking}')
        if self._starts_at_product:
            tower.start_at_product()
        return tower

    @property
    def _starts_at_product(self) -> bool:
        if self.tower == "dot":
            return False
        if self.init_network == "auto":
            return self.pretrain is not None and not self._lacks_for_product()
        return self.init_network == "product"

    def _lacks_for_product(self) -> str:
        """Return what a tower lacks to hold the inner product; nothing where it can."""
        if self.map_part == "off_diagonal":
            return 'the diagonal; got map_part="off_diagonal"'
        if self.tower == "cnn" and self.n_feature_maps < 2:
            return "n_feature_maps of 2 or more; got 1"
        if self.tower == "mlp" and self.n_factors < 4:
            return f'n_factors of 4 or more with tower="mlp"; got {self.n_factors}'
        return ""

    def _twin(self) -> Any:
        """Return what the two strings of ``pretrain`` stand for."""
        if self.tower == "dot":
            return None
        if self.pretrain == "auto" and not self._histories:
            return factorization_of(self)
        return twin(self, type(self), tower="dot", max_epochs=self.pretrain_epochs, **_TWIN)

    @property
    def _learning_rate(self) -> float:
        return self._rate(self.lr, elsewhere=self._rates[1])

    @property
    def _tower_rate(self) -> float:
        return self._rate(self.tower_lr, elsewhere=self._rates[2])

    def _rate(self, given: float | Literal["auto"], elsewhere: float) -> float:
        if not isinstance(given, str):
            return given
        return self._rates[0] if self._starts_at_product else elsewhere

    def _parameter_groups(self) -> list[tuple[str, dict[str, Any]]]:
        free = super()._parameter_groups()
        if self.tower == "dot":
            return free
        tower = {"lr": self._tower_rate, "weight_decay": 2 * self.tower_l2}
        output = {"lr": self._tower_rate, "weight_decay": 2 * self.output_l2}
        return [*free, ("interaction.output.*", output), ("interaction.*", tower)]

    def _callbacks(self, batches: Any, watched: Any) -> list[tuple[str, Any]]:
        delayed = [] if self.tower == "dot" else [("delayed_penalties", DelayedPenalties())]
        return [*super()._callbacks(batches, watched), *delayed]


class ConvNCFRanker(_ConvNCF, SampledPairRecommender):
    r"""Convolutional neural collaborative filtering, and the models beside it.

    A user's vector and an item's make a map, their outer product, which a tower turns into a score:

    .. math:: f_{ui} = w^\top \operatorname{tower}(f^U(u) \otimes q_i).

    Minimises over triplets of a user u, an item i that u has and a sampled item j that u lacks

    .. math:: \sum_{(u, i, j)} -\ln \sigma(f_{ui} - f_{uj}) + \lambda (\|\Theta_u\|^2 + \|q_i\|^2
        + \|q_j\|^2) + \lambda_3 \|\Theta_{CNN}\|^2 + \lambda_4 \|w\|^2,

    where :math:`\Theta_u` are the vectors that :math:`f^U(u)` is made of: a free one, those of the
    items that u has, or both.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    pretrained_ : estimator
        What the vectors started from; None without pre-training.
    user_factors_ : ndarray of shape (n_users, n_factors)
        Free vectors of the users; None without any.
    item_factors_ : ndarray of shape (n_items, n_factors)
        Vectors of the items.
    history_factors_ : ndarray of shape (n_items, n_factors)
        Vectors of items in a history; None without any.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    BPRMFRanker, FISMRanker, SVDppRanker : The shallow twins.
    ConvNCFRegressor : The same on free vectors, trained on ratings.

    Notes
    -----
    The vectors start from matrix factorisation, and with an estimator its parameters can be
    searched, such as ``pretrain__lr`` of ``pretrain=BPRMFRanker()``. Unlike in the paper the tower
    starts with the inner product (``init_network``) and goes on in small steps (``lr``,
    ``tower_lr``). Nothing is penalised in the first epoch of a tower (section 5.4). Adagrad's
    accumulator starts at .1 in the authors' framework, and here at 0, where each first step is as
    long as the rate: ``optimizer_options={"initial_accumulator_value": 0.1}`` spares vectors that
    were trained.

    The paper adds its penalties to the summed loss of a batch, so its :math:`\lambda_3` and
    :math:`\lambda_4` over the batch size are the ones here. It reports the mean of the last ten
    epochs; here the best epoch counts, or the last one with ``early_stopping=False``. Weights start
    as He et al. (2015) for layers before a ReLU; with ``init_network=None``, as in the paper, the
    tower has to learn what the vectors know by their products. Fold-in is exact for FISM
    and an optimised vector else. The log odds of `predict_proba` are the scores and a constant of
    each user, set right on held-out pairs: see `skrec.calibration.HeldOut`.

    The permutation and the parts of the map repeat the questions of Ferrari Dacrema et al. (2020).

    References
    ----------
    Du, X., He, X., Yuan, F., Tang, J., Qin, Z., & Chua, T.-S. (2019). Modeling embedding dimension
    correlations via convolutional neural collaborative filtering. ACM TOIS, 37(4).
    https://doi.org/10.1145/3357154

    Ferrari Dacrema, M., Parroni, F., Cremonesi, P., & Jannach, D. (2020). Critically examining the
    claimed value of convolutions over user-item embedding maps for recommender systems. CIKM.
    https://doi.org/10.1145/3340531.3411901

    Examples
    --------
    >>> from skrec import ConvNCFRanker
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = ConvNCFRanker(n_factors=8, n_feature_maps=4, max_epochs=2, random_state=0).fit(X)
    >>> est.recommend(X[:2], n_items=3).shape
    (2, 3)
    """

    tower: Annotated[
        Literal["cnn", "mlp", "dot"],
        "Convolutions, a multi-layer perceptron over the flattened map (ONCF-mlp), or the inner "
        "product, which is the shallow twin: MF-BPR, FISM, or SVD++.",
    ] = "cnn"
    embedding: Annotated[
        Literal["mf", "fism", "svdpp"],
        "The vector of a user: a free one, the sum of vectors of what the user has, or both.",
    ] = "mf"
    alpha: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Exponent of the history's length by which its sum is divided.",
    ] = 0.5
    validation_candidates: int | None = 100

    _objective: ClassVar = Pairwise()
    _test_parameters: ClassVar[dict[str, Any]] = {
        **_ConvNCF._test_parameters,
        "pretrain": "twin",  # matrix factorisation learns a tiny board by heart
        "init_network": None,
        "tower_lr": 0.01,
    }

    def __sklearn_tags__(self) -> RecommenderTags:
        tags = super().__sklearn_tags__()
        tags.fold_in = "exact" if self.embedding == "fism" else "approximate"
        return tags

    @property
    def _histories(self) -> bool:
        return self.embedding != "mf"

    def _encoder(self, n_users: int, n_items: int, size: int) -> UserTable | HistoryEncoder:
        if self.embedding == "mf":
            return super()._encoder(n_users, n_items, size)
        free = None if self.embedding == "fism" else n_users
        return HistoryEncoder(free, n_items, size, self.alpha, self.init_std)


class ConvNCFRegressor(_ConvNCF, RatedPairRecommender):
    r"""Convolutional neural collaborative filtering, trained on ratings (ConvNCF, CNN-CF).

    The outer product of a user's vector and an item's, and a tower that makes a score of it:

    .. math:: f_{ui} = w^\top \operatorname{tower}(p_u \otimes q_i).

    Minimises over the ratings :math:`r_{ui}`

    .. math:: \sum_{(u, i)} (m + f_{ui} - r_{ui})^2 + \lambda (\|p_u\|^2 + \|q_i\|^2)
        + \lambda_3 \|\Theta_{CNN}\|^2 + \lambda_4 \|w\|^2.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    rating_mean_ : float
        The mean m of all ratings.
    pretrained_ : estimator
        What the vectors started from; None without pre-training.
    user_factors_ : ndarray of shape (n_users, n_factors)
        Vectors of the users.
    item_factors_ : ndarray of shape (n_items, n_factors)
        Vectors of the items.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    ConvNCFRanker : The same, trained to rank; its notes describe the tower.
    GMFRegressor : An inner product with weights.
    BiasedMFRegressor : The plain model of ratings.

    Notes
    -----
    The second reference compares with this form under the name CNN-CF: the ranking loss becomes a
    squared error, and the rest stays. ``pretrain="twin"`` trains the shallow twin (``tower="dot"``)
    first. Unlike in the paper the tower starts with the inner product (``init_network``), goes on
    in small steps, and stops early: on few ratings it soon learns them by heart. Nothing is
    penalised in the first epoch of a tower. Adam with small steps takes the place of Adagrad, whose
    first ones are large: under a squared error they can switch all of a layer's ReLUs off, so that
    the mean is predicted for everything. So can a large ``tower_lr``, or too few feature maps.

    References
    ----------
    Du, X., He, X., Yuan, F., Tang, J., Qin, Z., & Chua, T.-S. (2019). Modeling embedding dimension
    correlations via convolutional neural collaborative filtering. ACM TOIS, 37(4).
    https://doi.org/10.1145/3357154

    Jin, Y., Zhao, H., Liu, M., Zhu, Y., Du, L., Gao, L., Zhang, H., & Li, Y. (2021). Leveraging
    cross feedback of user and item embeddings with attention for variational autoencoder based
    collaborative filtering. https://arxiv.org/abs/2002.09145

    Examples
    --------
    >>> from skrec import ConvNCFRegressor
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(60, 40, 600, random_state=0).X
    >>> X.data = X.indices % 5 + 1.0
    >>> est = ConvNCFRegressor(n_factors=8, n_feature_maps=4, max_epochs=2, random_state=0)
    >>> est.fit(X).predict(X[:2]).shape
    (2, 40)
    """

    l2: float = 0.05
    pretrain: Any = "twin"
    pretrain_epochs: int = 10
    max_epochs: int = 10
    early_stopping: bool = True
    optimizer: str | type = "adam"
    tower_l2: float = 0.01
    output_l2: float = 0.01

    _rates: ClassVar = (1e-5, 3e-4, 1e-3)
    _test_parameters: ClassVar[dict[str, Any]] = {
        **_ConvNCF._test_parameters,
        "n_feature_maps": 16,
        "tower_lr": 0.02,
        "tower_l2": 0.0,
        "output_l2": 0.0,
        "l2": 1e-3,
    }
