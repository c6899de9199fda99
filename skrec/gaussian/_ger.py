"""GER: Gaussian vectors under their inner product."""

from typing import Annotated, Any, ClassVar

from skrec.base import Doc
from skrec.factorization.starts import Factorization, factorization_of
from skrec.gaussian._base import GaussianRecommender
from skrec.neural import AutoPretrain, SampledPairRecommender
from skrec.neural.objectives import Pairwise
from skrec.nn import ExpectedLikelihood

__all__ = ["GERRanker"]


class GERRanker(GaussianRecommender, SampledPairRecommender):
    r"""Gaussian embeddings under their inner product, trained to rank (GER).

    Minimises over triplets of a user u, an item i that u has and a sampled item j that u lacks

    .. math:: \sum_{(u, i, j)} -\ln \sigma(f_{ui} - f_{uj})
        + \lambda (\|\mu_u\|^2 + \|\mu_i\|^2 + \|\mu_j\|^2)
        + \kappa \sum_e \mathrm{KL}(\mathcal N(\mu_e, \Sigma_e) \,\|\, \mathcal N(0, s^2 I)),

    .. math:: f_{ui} = \ln \int \mathcal N(x; \mu_u, \Sigma_u) \mathcal N(x; \mu_i, \Sigma_i) dx
        = \ln \mathcal N(0; \mu_u - \mu_i, \Sigma_u + \Sigma_i).

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
    MoGClassifier : Draws in place of the integral, trained on pairs.
    GeRecRanker : A CNN over pairs of draws.

    Notes
    -----
    The model as the GeRec paper describes it among those it compares with: the dot product of BPR
    becomes the inner product of two Gaussians, here on the logarithmic scale, where it does not
    underflow. The paper names no start; here the means start from BPR's vectors (``pretrain``). Dos
    Santos et al. compare draws of dot products instead. Scores are exact; ``return_std`` gives the
    deviation of :math:`\ln \mathcal N(z_u; \mu_i, \Sigma_i)` over draws :math:`z_u` of the user,
    whose exponential has the inner product as its mean. The log odds of `predict_proba` are the
    scores and a constant of each user, set right on held-out pairs: see
    `skrec.calibration.HeldOut`. Variances are ELU + 1 with a floor, as in `GeRecClassifier`.

    The divergence of each user and item e from a prior counts once an epoch (``kl_weight``,
    ``prior_variance``); it is no part of the papers. Without it a variance is one more term of the
    score: :math:`f_{ui}` falls with the logarithms of the variances, so that a popular item has
    small ones, and the variances of users say nothing of how much is known of them. See
    `MoGClassifier` for what the weight does.

    References
    ----------
    Dos Santos, L., Piwowarski, B., & Gallinari, P. (2017). Gaussian embeddings for collaborative
    filtering. SIGIR. https://doi.org/10.1145/3077136.3080722

    Vilnis, L., & McCallum, A. (2015). Word representations via Gaussian embedding. ICLR.
    https://arxiv.org/abs/1412.6623

    Examples
    --------
    >>> from skrec import GERRanker
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = GERRanker(n_factors=8, max_epochs=5, random_state=0).fit(X)
    >>> est.recommend(users=[0, 1], n_items=3).shape
    (2, 3)
    """

    l2: float = 0.05
    pretrain: Annotated[
        AutoPretrain,
        Doc(
            "Estimator with vectors of ``n_factors`` that is cloned, fitted on what is trained "
            "on, and gives the means to start from; `sklearn.frozen.FrozenEstimator` keeps a "
            "fitted one as it is. Its parameters are those of this estimator after "
            '``pretrain__``. ``"auto"`` is `BPRMFRanker` with as many factors, whose other '
            "parameters are its defaults. None starts at random.",
            '"auto", estimator or None',
        ),
    ] = "auto"

    _objective: ClassVar = Pairwise()
    _drawn: ClassVar[bool] = False
    _test_parameters: ClassVar[dict[str, Any]] = {
        **SampledPairRecommender._test_parameters,
        "init_std": 0.3,
        "pretrain": None,  # vectors of products are far from the distances of a tiny board
    }

    def _interaction(self) -> ExpectedLikelihood:
        return ExpectedLikelihood(self.n_factors)

    def _twin(self) -> Factorization:
        return factorization_of(self)
