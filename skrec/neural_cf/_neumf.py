"""GMF and a perceptron under one output layer."""

from numbers import Integral, Real
from typing import Annotated, Any, ClassVar

from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skrec.base import Doc
from skrec.factorization.starts import factorization_of
from skrec.neural import (
    RatedPairRecommender,
    SampledPairRecommender,
    copy_factors,
    twin,
)
from skrec.neural.objectives import Pairwise, Pointwise
from skrec.neural_cf._base import TowerRecommender
from skrec.neural_cf._gmf import GMFClassifier, GMFRanker, GMFRegressor
from skrec.neural_cf._mlp import NCFMLPClassifier, NCFMLPRanker, NCFMLPRegressor
from skrec.nn import PairModel
from skrec.nn.neural_cf import GMF, NCFMLP, NeuMF

__all__ = ["NeuMFClassifier", "NeuMFRanker", "NeuMFRegressor"]


class _NeuMF(TowerRecommender):
    """GMF and a perceptron under one output layer, whatever it is trained for."""

    n_factors: Annotated[int, "Width of the vectors of GMF."] = 64
    mlp_factors: Annotated[
        int | None,
        Interval(Integral, 1, None, closed="left"),
        "Width of the vectors of the perceptron; None is ``n_factors``.",
    ] = None
    pretrain: Annotated[
        Any,
        HasMethods(["fit", "get_params"]),
        StrOptions({"auto", "halves"}),
        None,
        tuple,
        list,
        Doc(
            "One estimator, such as ``BPRMFRanker(n_factors=64)``, provides the vectors of both "
            'parts. ``"auto"`` is matrix factorisation, whose other parameters are its defaults: '
            "`BPRMFRanker` of a model that is trained to rank, `BiasedMFRegressor` on ratings and "
            '`MFClassifier` else, without biases. ``"halves"`` trains a GMF and a perceptron with '
            "the parameters of this estimator, from random numbers, and starts from their "
            "vectors, layers and output weights. A pair (GMF, perceptron) of estimators does so "
            "with parameters of their own, which a search then varies by pairs. All are cloned "
            "and fitted on what is trained on; `sklearn.frozen.FrozenEstimator` keeps a fitted "
            "one as it is. None starts at random.",
            '"auto", "halves", estimator, tuple of estimators or None',
        ),
    ] = "auto"
    pretrain_alpha: Annotated[
        float,
        Interval(Real, 0, 1, closed="both"),
        'Share of GMF in the scores at the start, with ``"halves"`` or a pair.',
    ] = 0.5
    pretrain_epochs: Annotated[
        int | None,
        Interval(Integral, 0, None, closed="left"),
        'Epochs of both with ``pretrain="halves"``; None is ``max_epochs``.',
    ] = None

    _twin_classes: ClassVar[tuple[type, type]]
    _test_parameters: ClassVar[dict[str, Any]] = {
        **TowerRecommender._test_parameters,
        "pretrain": "halves",  # vectors of products do not fit a perceptron on a tiny board
        "pretrain_epochs": 4,
    }

    @property
    def _widths(self) -> tuple[int, int]:
        """Widths of the parts of the vectors."""
        return self.n_factors, self.n_factors if self.mlp_factors is None else self.mlp_factors

    @property
    def _starts_at_factors(self) -> bool:
        """Whether matrix factorisation of each width provides the vectors."""
        return bool(self.pretrain == "auto")

    def _interaction(self) -> NeuMF:
        return NeuMF(*self._widths, **self._tower())

    def _twin(self) -> Any:
        if self._starts_at_factors:
            starts = tuple(factorization_of(self, width) for width in self._widths)
            return starts if len({*self._widths}) > 1 else starts[0]
        epochs = self.max_epochs if self.pretrain_epochs is None else self.pretrain_epochs
        return tuple(
            twin(self, cls, n_factors=width, max_epochs=epochs)
            for cls, width in zip(self._twin_classes, self._widths, strict=True)
        )

    def _start(self, model: PairModel) -> None:
        start: Any = self.pretrained_
        pair = start if isinstance(start, tuple) else (start, start)
        joined = isinstance(start, tuple) and not self._starts_at_factors
        interactions = _trained_interactions(pair, model.interaction) if joined else None
        copy_factors(model, pair[0], slice(0, self.n_factors))
        copy_factors(model, pair[1], slice(self.n_factors, None))
        if interactions is not None:
            model.interaction.blend_(*interactions, self.pretrain_alpha)


def _trained_interactions(pair: tuple[Any, ...], own: NeuMF) -> list[Any]:
    """Return the interaction functions of a pre-trained pair, which must fit."""
    classes = GMF, NCFMLP
    nets = [getattr(estimator, "net_", None) for estimator in pair]
    found: list[Any] = [getattr(getattr(n, "module_", None), "interaction", None) for n in nets]
    if len(pair) != 2 or not all(map(isinstance, found, classes)):
        raise ValueError(f"pretrain must be a GMF and a perceptron when a pair; got {pair}")
    if found[1].hidden_sizes != own.mlp.hidden_sizes:
        raise ValueError(
            f"pretrain must have a perceptron of hidden_sizes {own.mlp.hidden_sizes}; "
            f"got {found[1].hidden_sizes}"
        )
    return found


class NeuMFClassifier(_NeuMF, SampledPairRecommender):
    r"""Neural matrix factorisation, trained on sampled pairs (NeuMF).

    GMF and a perceptron with vectors of their own under one output layer. Minimises over pairs of a
    user u and an item i, each one that u has (:math:`y_{ui} = 1`) with K sampled ones that u lacks
    (:math:`y_{ui} = 0`),

    .. math:: \sum_{(u, i)} -y_{ui} \ln \sigma(f_{ui}) - (1 - y_{ui}) \ln \sigma(-f_{ui})
        + \lambda (\|p_u\|^2 + \|q_i\|^2),

    .. math:: f_{ui} = h^\top [p^G_u \odot q^G_i; \; \phi_L(\dots \phi_1([p^M_u; q^M_i]))] + b,
        \qquad \phi_l(x) = \mathrm{relu}(W_l x + b_l).

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    user_factors_ : ndarray of shape (n_users, n_factors + mlp_factors)
        Vectors of the users, GMF's part first.
    item_factors_ : ndarray of shape (n_items, n_factors + mlp_factors)
        Vectors of the items, GMF's part first.
    pretrained_ : estimator, tuple of estimators or None
        What it started from, fitted.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    NeuMFRanker : The same, trained to rank.
    NeuMFRegressor : The same, trained on ratings.
    GMFClassifier : The first part alone.
    NCFMLPClassifier : The second part alone.

    Notes
    -----
    By default both parts start from the vectors of matrix factorisation. The paper joins a trained
    GMF and a trained perceptron, ``pretrain="halves"`` or a pair: the output weights are
    :math:`h = [\alpha h^G; (1 - \alpha) h^M]` with :math:`\alpha` = ``pretrain_alpha``, so that the
    first scores are the weighted mean of those of the two. It trains them with Adam and then goes
    on with plain gradient descent:

    ``NeuMFClassifier(pretrain=(GMFClassifier(pretrain=None), NCFMLPClassifier(pretrain=None)),
    optimizer="sgd", lr=0.01)``

    The paper's sizes for 64 predictive factors are
    ``n_factors=64, mlp_factors=128, hidden_sizes=(128, 64)``. Without pre-training the weights of
    GMF start at 1 and those before a ReLU with variance 2 / fan-in. The log odds of `predict_proba`
    are the scores with the sampling of negatives undone, set right on held-out pairs: see
    `skrec.calibration.HeldOut`.

    References
    ----------
    He, X., Liao, L., Zhang, H., Nie, L., Hu, X., & Chua, T.-S. (2017). Neural collaborative
    filtering. WWW. https://doi.org/10.1145/3038912.3052569

    Examples
    --------
    >>> from skrec import NeuMFClassifier
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = NeuMFClassifier(n_factors=8, hidden_sizes=(8, 4), max_epochs=3, random_state=0)
    >>> est.fit(X).predict_proba(X[:2]).shape
    (2, 50)
    """

    n_negatives: int = 4

    _objective: ClassVar = Pointwise()
    _twin_classes: ClassVar = (GMFClassifier, NCFMLPClassifier)


class NeuMFRanker(_NeuMF, SampledPairRecommender):
    r"""Neural matrix factorisation, trained to rank (NeuMF with BPR).

    GMF and a perceptron with vectors of their own under one output layer. Minimises over triplets
    of a user u, an item i that u has and a sampled item j that u lacks

    .. math:: \sum_{(u, i, j)} -\ln \sigma(f_{ui} - f_{uj})
        + \lambda (\|p_u\|^2 + \|q_i\|^2 + \|q_j\|^2),

    .. math:: f_{ui} = h^\top [p^G_u \odot q^G_i; \; \phi_L(\dots \phi_1([p^M_u; q^M_i]))],
        \qquad \phi_l(x) = \mathrm{relu}(W_l x + b_l).

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    user_factors_ : ndarray of shape (n_users, n_factors + mlp_factors)
        Vectors of the users, GMF's part first.
    item_factors_ : ndarray of shape (n_items, n_factors + mlp_factors)
        Vectors of the items, GMF's part first.
    pretrained_ : estimator, tuple of estimators or None
        What it started from, fitted.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    NeuMFClassifier : The same, trained on pairs.
    GMFRanker : The first part alone.
    NCFMLPRanker : The second part alone.

    Notes
    -----
    As in the second reference, both parts start from the vectors of matrix factorisation by
    default. The first joins a trained GMF and a trained perceptron, ``pretrain="halves"`` or a
    pair: the output weights are :math:`h = [\alpha h^G; (1 - \alpha) h^M]` with :math:`\alpha` =
    ``pretrain_alpha``, so that the first scores are the weighted mean of those of the two. Else the
    weights of GMF start at 1 and those before a ReLU with variance 2 / fan-in. The log odds of
    `predict_proba` are the scores and a constant of each user, set right on held-out pairs: see
    `skrec.calibration.HeldOut`.

    References
    ----------
    He, X., Liao, L., Zhang, H., Nie, L., Hu, X., & Chua, T.-S. (2017). Neural collaborative
    filtering. WWW. https://doi.org/10.1145/3038912.3052569

    Du, X., He, X., Yuan, F., Tang, J., Qin, Z., & Chua, T.-S. (2019). Modeling embedding dimension
    correlations via convolutional neural collaborative filtering. ACM TOIS.
    https://doi.org/10.1145/3357154

    Examples
    --------
    >>> from skrec import NeuMFRanker
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = NeuMFRanker(n_factors=8, hidden_sizes=(8, 4), max_epochs=3, random_state=0).fit(X)
    >>> est.recommend(users=[0, 1], n_items=3).shape
    (2, 3)
    """

    lr: float = 5e-4

    _objective: ClassVar = Pairwise()
    _twin_classes: ClassVar = (GMFRanker, NCFMLPRanker)


class NeuMFRegressor(_NeuMF, RatedPairRecommender):
    r"""Neural matrix factorisation, trained on ratings (NeuMF with a squared loss).

    GMF and a perceptron with vectors of their own under one output layer. Minimises over the
    ratings :math:`r_{ui}`

    .. math:: \sum_{(u, i)} (m + f_{ui} - r_{ui})^2 + \lambda (\|p_u\|^2 + \|q_i\|^2),

    .. math:: f_{ui} = h^\top [p^G_u \odot q^G_i; \; \phi_L(\dots \phi_1([p^M_u; q^M_i]))] + b,
        \qquad \phi_l(x) = \mathrm{relu}(W_l x + b_l).

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    rating_mean_ : float
        The mean m of all ratings.
    user_factors_ : ndarray of shape (n_users, n_factors + mlp_factors)
        Vectors of the users, GMF's part first.
    item_factors_ : ndarray of shape (n_items, n_factors + mlp_factors)
        Vectors of the items, GMF's part first.
    pretrained_ : estimator, tuple of estimators or None
        What it started from, fitted.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    GMFRegressor : The first part alone.
    NCFMLPRegressor : The second part alone.
    NeuMFClassifier : The same, trained on interactions; its notes describe pre-training.

    Notes
    -----
    Pre-training joins the output weights as
    :math:`h = [\alpha h^G; (1 - \alpha) h^M]` with :math:`\alpha` = ``pretrain_alpha``, so that the
    first predictions are the weighted mean of those of the two. Without it the weights of GMF start
    at 1 and those before a ReLU with variance 2 / fan-in. The paper trains on interactions.

    References
    ----------
    He, X., Liao, L., Zhang, H., Nie, L., Hu, X., & Chua, T.-S. (2017). Neural collaborative
    filtering. WWW. https://doi.org/10.1145/3038912.3052569

    Examples
    --------
    >>> from skrec import NeuMFRegressor
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(60, 40, 600, random_state=0).X
    >>> X.data = X.indices % 5 + 1.0
    >>> est = NeuMFRegressor(n_factors=8, hidden_sizes=(8, 4), max_epochs=3, random_state=0)
    >>> est.fit(X).predict(X[:2]).shape
    (2, 40)
    """

    l2: float = 0.05
    weight_decay: float = 0.01
    lr: float = 1e-3
    max_epochs: int = 20
    early_stopping: bool = True
    pretrain: Any = None

    _twin_classes: ClassVar = (GMFRegressor, NCFMLPRegressor)
