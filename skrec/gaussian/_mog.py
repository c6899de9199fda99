"""MoG: the mean probability of pairs of draws."""

import math
from typing import Any, ClassVar

from skrec.gaussian._base import GaussianRecommender, NDraws
from skrec.neural import SampledPairRecommender
from skrec.neural.objectives import Pointwise
from skrec.nn import SoftContrastive

__all__ = ["MoGClassifier"]


class MoGClassifier(GaussianRecommender, SampledPairRecommender):
    r"""Gaussian embeddings under the mean of a soft contrastive probability (MoG).

    A user and an item are Gaussians, K vectors are drawn from each, and the probability of a pair
    falls with the distance of its vectors. Minimises over pairs of a user u and an item i, each
    one that u has (:math:`y_{ui} = 1`) with sampled ones that u lacks (:math:`y_{ui} = 0`),

    .. math:: \sum_{(u, i)} -y_{ui} \ln p_{ui} - (1 - y_{ui}) \ln (1 - p_{ui})
        + \lambda (\|\mu_u\|^2 + \|\mu_i\|^2),

    .. math:: p_{ui} = \frac{1}{K^2} \sum_{k, l} \sigma(-a \|z_u^k - z_i^l\| + b), \quad a > 0.

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
    GeRecClassifier : A CNN over the pairs of draws.
    GERRanker : The integral of the product of both densities.

    Notes
    -----
    Predictions average the probabilities of ``n_samples`` times K draws with fixed seeds;
    ``return_std`` gives the deviation of one such draw of K. The log odds of `predict_proba` are
    the scores with the sampling of negatives undone, set right on held-out pairs: see
    `skrec.calibration.HeldOut`. Oh et al. add a divergence from the standard normal, of weight
    1e-4, and draw a Gaussian from features of an image; here it is a vector by number, with the
    variance of `GeRecClassifier`.

    References
    ----------
    Oh, S. J., Murphy, K., Pan, J., Roth, J., Schroff, F., & Gallagher, A. (2019). Modeling
    uncertainty with hedged instance embedding. ICLR. https://arxiv.org/abs/1810.00319

    Examples
    --------
    >>> from skrec import MoGClassifier
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = MoGClassifier(n_factors=8, n_draws=3, max_epochs=5, random_state=0).fit(X)
    >>> est.predict_proba(X[:2]).shape
    (2, 50)
    """

    n_draws: NDraws = 9
    n_negatives: int = 4

    _objective: ClassVar = Pointwise()
    _fold_in_items: ClassVar[int] = 256
    _test_parameters: ClassVar[dict[str, Any]] = {
        **SampledPairRecommender._test_parameters,
        "n_draws": 2,
        "n_samples": 2,
        "max_epochs": 30,
        "init_std": 0.3,
    }

    def _interaction(self) -> SoftContrastive:
        # half way between what belongs together and what does not, at the start
        spread = 2 * self.n_factors * (self.init_std**2 + self.init_variance)
        average = self._objective.average
        return SoftContrastive(self.n_factors, self.n_draws, average, math.sqrt(spread))
