"""GeRec: Gaussian vectors under a CNN."""

from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal, cast

import torch
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skrec.base import Doc
from skrec.factorization.starts import factorization_of
from skrec.gaussian._base import GaussianRecommender, NCandidates
from skrec.neural import (
    RatedPairRecommender,
    SampledPairRecommender,
    Sizes,
    as_sizes,
    twin,
)
from skrec.neural.objectives import Pairwise, Pointwise
from skrec.nn import GeRec, MeanProduct, PairModel

__all__ = ["GeRecClassifier", "GeRecRanker", "GeRecRegressor"]


_TWIN = {"optimizer": "adam", "optimizer_options": None, "lr": 2e-3, "init_std": 0.01}


class _GeRec(GaussianRecommender):
    """Gaussian vectors under a CNN, whatever it is trained for."""

    n_draws: Annotated[
        int,
        Interval(Integral, 0, None, closed="left"),
        "Vectors K drawn from each Gaussian for one score. With 0 there is no CNN: the score is "
        "the inner product of the means, and variances stay where they start unless ``kl_weight`` "
        "moves them. That is the shallow twin, plain matrix factorisation.",
    ] = 9
    n_filters: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Filters T of each layer.",
    ] = 64
    kernel_sizes: Annotated[
        Sizes,
        "Sides of the layers' kernels; one larger than the map that reaches it is cut.",
    ] = (1, 2)
    hidden_size: Annotated[
        int | tuple[int, ...] | list[int],
        Interval(Integral, 1, None, closed="left"),
        tuple,
        list,
        Doc("Width D' of the hidden layer on the last map, or of several.", "int or tuple of int"),
    ] = 64
    interaction: Annotated[
        Literal["concat", "product", "concat+product", "inner"],
        "What the cube holds of two draws: both, their element-wise product, all three, or their "
        "inner product.",
    ] = "product"
    aggregate: Annotated[
        Literal["cnn", "mean"],
        '``"mean"`` averages the probabilities of the pairs of draws in place of convolutions '
        "over neighbouring ones.",
    ] = "cnn"
    activation: Annotated[Literal["relu", "elu"], "What follows each layer."] = "relu"
    dropout: Annotated[
        float,
        Interval(Real, 0, 1, closed="left"),
        "Share of the last map, and of the hidden layers' outputs, that is dropped in training.",
    ] = 0.0
    shared_draws: Annotated[
        bool,
        "Whether a positive and its negatives share the draws of their user in training; if not, "
        "each pair has its own.",
    ] = True
    init_network: Annotated[
        Literal["auto", "product"] | None,
        'How the CNN starts. None is at random. With ``"product"`` its score is the mean inner '
        "product of the draws, which is what vectors from ``pretrain`` were trained for, and "
        "training goes on from there; the cube must hold products, under ReLU. "
        '``"auto"`` is ``"product"`` where there is such a cube and a ``pretrain``, and None '
        "elsewhere.",
    ] = "auto"
    n_candidates: NCandidates = None
    pretrain: Annotated[
        Any,
        HasMethods(["fit", "get_params"]),
        StrOptions({"auto", "twin"}),
        None,
        Doc(
            "Estimator with vectors of ``n_factors``, such as ``MFClassifier(bias=False)``, that "
            "is cloned, fitted on what is trained on, and gives the means to start from; "
            "`sklearn.frozen.FrozenEstimator` keeps a fitted one as it is. Its parameters are "
            'those of this estimator after ``pretrain__``. ``"auto"`` is matrix factorisation with '
            "as many factors, whose other parameters are its defaults: `BPRMFRanker` of a model "
            "that is trained to rank, `BiasedMFRegressor` on ratings and `MFClassifier` else, "
            'without biases. ``"twin"`` is this model without draws, ``n_draws=0``, under the same '
            "loss and penalties and trained with Adam. None starts at random.",
            '"auto", "twin", estimator or None',
        ),
    ] = "auto"
    pretrain_epochs: Annotated[
        int,
        Interval(Integral, 0, None, closed="left"),
        'Epochs of ``pretrain="twin"``.',
    ] = 20
    l2: float = 0.01
    max_epochs: int = 20
    batch_size: int = 512
    lr: float = 1e-3
    fold_in_steps: int = 5

    _fold_in_items: ClassVar[int] = 64
    _test_parameters: ClassVar[dict[str, Any]] = {
        "pretrain": "twin",  # matrix factorisation learns a tiny board by heart
        "pretrain_epochs": 5,
        "n_factors": 8,
        "n_draws": 3,
        "n_filters": 8,
        "hidden_size": 8,
        "n_samples": 3,
        "batch_size": 64,
        "max_epochs": 24,
        "lr": 0.02,
        "init_std": 0.3,
        "early_stopping": False,
        "fold_in_steps": 5,
        "device": "cpu",
        "random_state": 0,
    }

    def _twin(self) -> Any:
        if not self.n_draws:
            return None
        if self.pretrain == "auto":
            return factorization_of(self)
        return twin(self, type(self), n_draws=0, max_epochs=self.pretrain_epochs, **_TWIN)

    def _interaction(self) -> GeRec | MeanProduct:
        if not self.n_draws:
            return MeanProduct(self.n_factors, self._objective.fixes_level)
        network = GeRec(
            self.n_factors,
            self.n_draws,
            self._objective.average,
            n_filters=self.n_filters,
            kernel_sizes=as_sizes("kernel_sizes", self.kernel_sizes, least=1),
            hidden_size=self._hidden_sizes,
            interaction=self.interaction,
            aggregate=self.aggregate,
            bias=self._objective.fixes_level,
            activation=self.activation,
            dropout=self.dropout,
            shared_draws=self.shared_draws,
        )
        if self._starts_at_product:
            network.start_at_product()
        return network

    @property
    def _starts_at_product(self) -> bool:
        lacks = self._lacks_for_product()
        if self.init_network == "product" and lacks:
            raise ValueError(f'init_network="product" must have {lacks}')
        of_itself = self.init_network == "auto" and self.pretrain is not None
        return not lacks and (of_itself or self.init_network == "product")

    def _lacks_for_product(self) -> str:
        """Return what a start at the product would need and what there is instead, if anything."""
        if self.interaction == "concat":
            return 'interaction "product", "concat+product" or "inner"; got "concat"'
        if self.activation != "relu":
            return f'activation="relu"; got "{self.activation}"'
        if min(self.n_filters, *self._hidden_sizes) < 2:
            got = f"{self.n_filters} and {self.hidden_size}"
            return f"n_filters and hidden_size of 2 or more; got {got}"
        return ""

    def _start(self, model: PairModel) -> None:
        super()._start(model)
        net = getattr(self.pretrained_, "net_", None)
        twin = getattr(getattr(net, "module_", None), "interaction", None)
        if isinstance(twin, MeanProduct) and self._starts_at_product:
            output = cast("GeRec", model.interaction).output
            if twin.bias is not None and output.bias is not None:
                with torch.no_grad():
                    output.bias.fill_(twin.bias)

    @property
    def _hidden_sizes(self) -> tuple[int, ...]:
        sizes = self.hidden_size
        sizes = sizes if isinstance(sizes, tuple | list) else (sizes,)
        return as_sizes("hidden_size", sizes, least=1)


class GeRecClassifier(_GeRec, SampledPairRecommender):
    r"""Convolutional Gaussian embeddings (GeRec).

    A user and an item are Gaussians; K vectors are drawn from each, and a CNN reads all
    :math:`K^2` pairs of them. Minimises over pairs of a user u and an item i, each one that u has
    (:math:`y_{ui} = 1`) with sampled ones that u lacks (:math:`y_{ui} = 0`),

    .. math:: \sum_{(u, i)} -y_{ui} \ln \sigma(f_{ui}) - (1 - y_{ui}) \ln \sigma(-f_{ui})
        + \lambda (\|\mu_u\|^2 + \|\mu_i\|^2)
        + \kappa \sum_e \mathrm{KL}(\mathcal N(\mu_e, \Sigma_e) \,\|\, \mathcal N(0, s^2 I)),

    .. math:: f_{ui} = \mathrm{CNN}(E), \qquad E_{kl} = z_u^k \odot z_i^l,
        \qquad z_u^k = \mu_u + \Sigma_u^{1/2} \epsilon, \qquad \Sigma_u = \mathrm{ELU}(P_u) + 1.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    user_means_, user_variances_ : ndarray of shape (n_users, n_factors)
        Gaussians of the users.
    item_means_, item_variances_ : ndarray of shape (n_items, n_factors)
        Gaussians of the items.
    pretrained_ : estimator or None
        The fitted estimator whose vectors were the means at the start.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    GeRecRanker : The same, trained to rank.
    GeRecRegressor : The same, trained on ratings.
    MoGClassifier : The mean over pairs of draws of a probability by distance.
    GERRanker : Gaussians under their inner product.

    Notes
    -----
    Predictions average the probabilities of ``n_samples`` times K draws with fixed seeds, so the
    same call gives the same answer; ``return_std`` gives the deviation of the scores, or of the
    probabilities, of one such draw of K. All users have the same noise, and all items, so that a
    row's answer does not depend on other rows. The log odds of `predict_proba` are the scores with
    the sampling of negatives undone, set right on held-out pairs: see `skrec.calibration.HeldOut`.
    ``n_samples`` can be changed after ``fit``.

    The divergence of each user and item e from a prior counts once an epoch (``kl_weight``,
    ``prior_variance``), so that a variance means how little is known; see `MoGClassifier`. It is
    no part of the paper. Without it nothing restrains a variance: the CNN sees K draws at once and
    averages their noise away, and what a variance then holds depends on the start and the cube.

    ``recommend`` costs ``n_samples`` cubes a pair. With ``n_candidates`` a first stage ranks all
    items by the expectation of the first layer's map, which is known without draws and costs one
    of its entries, and the draws rank the best of them. A list is that of all items where all of
    it is among what passes; nothing bounds how far down an item may come from.

    Differences from the paper: its cube holds both vectors side by side, :math:`[z_u^k, z_i^l]`
    (``interaction="concat"``), and everything starts at random (``pretrain=None``). Such a model
    has to learn what a product is, and ranks below popularity until it has. By default the cube
    holds products, the means start from the vectors of matrix factorisation
    (``pretrain="auto"``), and the CNN starts with the sum of them (``init_network="auto"``), so
    that the first scores are those of the means, under a small penalty (``l2``). The variance has a
    floor of 1e-4, and starts near 0.1 and not near 1, where noise drowns the means and training
    stays at popularity for epochs. A positive and its negatives share the draws of their user
    (``shared_draws``); kernels are cut where K is smaller than they are.

    The paper's released code differs from the paper: it takes the variance for a deviation, and
    multiplies the draws as here; D = 128, kernels of sides 1 and 3, two hidden
    layers of 512 and 64 (``hidden_size=(512, 64)``), ELU for ReLU (``activation="elu"``), dropout
    of 0.2 (``dropout``), its own draws for each pair (``shared_draws=False``), and batch
    normalisation. The last is not offered: a batch is computed in parts that fit into the cache,
    and its statistics would be those of a part.

    The vector of an unseen user starts at a regression on what the user has, mean and variance,
    as trained users have it.

    References
    ----------
    Jiang, J., Yang, D., Xiao, Y., & Shen, C. (2019). Convolutional Gaussian embeddings for
    personalized recommendation with uncertainty. IJCAI. https://doi.org/10.24963/ijcai.2019/367

    Examples
    --------
    >>> from skrec import GeRecClassifier
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(60, 40, 600, random_state=0).X
    >>> est = GeRecClassifier(n_factors=8, n_draws=3, n_filters=8, max_epochs=2, random_state=0)
    >>> proba, std = est.fit(X).predict_proba(X[:2], return_std=True)
    >>> proba.shape, bool((std > 0).all())
    ((2, 40), True)
    >>> type(est.pretrained_).__name__  # its vectors were the means that training started from
    'MFClassifier'
    >>> of_the_paper = est.set_params(interaction="concat", pretrain=None, l2=0.0).fit(X)
    """

    validation_candidates: Annotated[
        int | None,
        "Rank each validation item among so many drawn ones, a sampled metric; None ranks all "
        "items, which takes long.",
    ] = 100
    n_negatives: int = 4

    _objective: ClassVar = Pointwise()
    _averages_pairs: ClassVar[bool] = True


class GeRecRanker(_GeRec, SampledPairRecommender):
    r"""Convolutional Gaussian embeddings, trained to rank (GeRec with BPR).

    The model of `GeRecClassifier` under the pairwise loss, which the paper says it allows:
    minimises over triplets of a user u, an item i that u has and a sampled item j that u lacks

    .. math:: \sum_{(u, i, j)} -\ln \sigma(f_{ui} - f_{uj})
        + \lambda (\|\mu_u\|^2 + \|\mu_i\|^2 + \|\mu_j\|^2)
        + \kappa \sum_e \mathrm{KL}(\mathcal N(\mu_e, \Sigma_e) \,\|\, \mathcal N(0, s^2 I)),

    .. math:: f_{ui} = \mathrm{CNN}(E), \qquad E_{kl} = z_u^k \odot z_i^l,
        \qquad z_u^k = \mu_u + \Sigma_u^{1/2} \epsilon, \qquad \Sigma_u = \mathrm{ELU}(P_u) + 1.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    user_means_, user_variances_ : ndarray of shape (n_users, n_factors)
        Gaussians of the users.
    item_means_, item_variances_ : ndarray of shape (n_items, n_factors)
        Gaussians of the items.
    pretrained_ : estimator or None
        The fitted estimator whose vectors were the means at the start.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    GeRecClassifier : The same, trained on pairs; its notes describe draws.
    GERRanker : Gaussians under their inner product.

    Notes
    -----
    Scores are averaged over ``n_samples`` times K draws with fixed seeds. The log odds of
    `predict_proba` are the scores and a constant of each user, set right on held-out pairs: see
    `skrec.calibration.HeldOut`. Differences from the paper are those of `GeRecClassifier`.

    References
    ----------
    Jiang, J., Yang, D., Xiao, Y., & Shen, C. (2019). Convolutional Gaussian embeddings for
    personalized recommendation with uncertainty. IJCAI. https://doi.org/10.24963/ijcai.2019/367

    Examples
    --------
    >>> from skrec import GeRecRanker
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(60, 40, 600, random_state=0).X
    >>> est = GeRecRanker(n_factors=8, n_draws=3, n_filters=8, max_epochs=2, random_state=0).fit(X)
    >>> est.recommend(X[:2], n_items=3, strategy="thompson").shape
    (2, 3)
    """

    validation_candidates: Annotated[
        int | None,
        "Rank each validation item among so many drawn ones, a sampled metric; None ranks all "
        "items, which takes long.",
    ] = 100

    _objective: ClassVar = Pairwise()


class GeRecRegressor(_GeRec, RatedPairRecommender):
    r"""Convolutional Gaussian embeddings, trained on ratings (GeRec with a squared loss).

    The model of `GeRecClassifier` under the loss of rating prediction, which the paper says it
    allows: minimises over the ratings :math:`r_{ui}`

    .. math:: \sum_{(u, i)} (m + f_{ui} - r_{ui})^2 + \lambda (\|\mu_u\|^2 + \|\mu_i\|^2)
        + \kappa \sum_e \mathrm{KL}(\mathcal N(\mu_e, \Sigma_e) \,\|\, \mathcal N(0, s^2 I)),

    .. math:: f_{ui} = \mathrm{CNN}(E), \qquad E_{kl} = [z_u^k, z_i^l],
        \qquad z_u^k = \mu_u + \Sigma_u^{1/2} \epsilon, \qquad \Sigma_u = \mathrm{ELU}(P_u) + 1.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    rating_mean_ : float
        The mean m of all ratings.
    user_means_, user_variances_ : ndarray of shape (n_users, n_factors)
        Gaussians of the users.
    item_means_, item_variances_ : ndarray of shape (n_items, n_factors)
        Gaussians of the items.
    pretrained_ : estimator or None
        The fitted estimator whose vectors were the means at the start.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    GeRecClassifier : The same, trained on interactions; its notes describe draws.

    Notes
    -----
    Predictions are averaged over ``n_samples`` times K draws with fixed seeds; ``return_std`` gives
    the deviation of one such draw of K, not that of a rating around its prediction, which
    `predict_proba` takes from held-out ratings. The cube and the start are those of the paper;
    what differs elsewhere is what differs in `GeRecClassifier`.

    References
    ----------
    Jiang, J., Yang, D., Xiao, Y., & Shen, C. (2019). Convolutional Gaussian embeddings for
    personalized recommendation with uncertainty. IJCAI. https://doi.org/10.24963/ijcai.2019/367

    Examples
    --------
    >>> from skrec import GeRecRegressor
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(60, 40, 600, random_state=0).X
    >>> X.data = X.indices % 5 + 1.0
    >>> est = GeRecRegressor(n_factors=8, n_draws=3, n_filters=8, max_epochs=2, random_state=0)
    >>> est.fit(X).predict(X[:2]).shape
    (2, 40)
    """

    interaction: str = "concat"
    pretrain: Any = None
    l2: float = 0.0
