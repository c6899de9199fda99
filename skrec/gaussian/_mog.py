"""MoG: the mean probability of pairs of draws."""

import math
from numbers import Integral
from typing import Annotated, Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from skrec.base import Doc
from skrec.gaussian._base import GaussianRecommender, NCandidates
from skrec.neural import AutoPretrain, SampledPairRecommender, twin
from skrec.neural.objectives import Pointwise
from skrec.nn import PairModel, SoftContrastive

__all__ = ["MoGClassifier"]


class MoGClassifier(GaussianRecommender, SampledPairRecommender):
    r"""Gaussian embeddings under the mean of a soft contrastive probability (MoG).

    A user and an item are Gaussians, K vectors are drawn from each, and the probability of a pair
    falls with the distance of its vectors. Minimises over pairs of a user u and an item i, each
    one that u has (:math:`y_{ui} = 1`) with sampled ones that u lacks (:math:`y_{ui} = 0`),

    .. math:: \sum_{(u, i)} -y_{ui} \ln p_{ui} - (1 - y_{ui}) \ln (1 - p_{ui})
        + \lambda (\|\mu_u\|^2 + \|\mu_i\|^2)
        + \kappa \sum_e \mathrm{KL}(\mathcal N(\mu_e, \Sigma_e) \,\|\, \mathcal N(0, s^2 I)),

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
        The fitted estimator whose vectors were the means at the start; a `MoGClassifier` without
        draws where ``pretrain`` is ``"auto"``.
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
    `skrec.calibration.HeldOut`. Oh et al. draw a Gaussian from features of an image; here it is a
    vector by number, with the variance of `GeRecClassifier`.

    The divergence from the prior is summed over users and items e: it counts once an epoch for
    each, however many pairs there are of it (``kl_weight`` is :math:`\kappa`, ``prior_variance``
    :math:`s^2`). With :math:`\kappa = 1` that is Bayes' rule for the sampled pairs: the variance of
    one of whom little is known stays near :math:`s^2`, and each pair makes it smaller. Oh et al.
    add 1e-4 of the divergence to the loss of each pair. There the balance is the same for all,
    and the variance does not depend on the number of pairs. Without a divergence the variances are
    free; they hold whatever lowers the loss, the popularity of an item before all.

    ``recommend`` costs ``n_samples`` times :math:`K^2` distances a pair. With ``n_candidates`` a
    first stage ranks all items by the root of the expected squared distance,
    :math:`\|\mu_u - \mu_i\|^2 + \mathrm{tr}(\Sigma_u + \Sigma_i)`, and the draws rank the best of
    them. A list is that of all items where all of it is among what passes; nothing bounds how far
    down an item may come from.

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

    n_draws: Annotated[
        int,
        Interval(Integral, 0, None, closed="left"),
        "Vectors K drawn from each Gaussian for one score. With 0 the means stand for their "
        "Gaussians, and variances stay where they start unless ``kl_weight`` moves them: a model "
        "of points whose scores are distances.",
    ] = 9
    n_negatives: int = 4
    n_candidates: NCandidates = None
    pretrain: Annotated[
        AutoPretrain,
        Doc(
            "Estimator with vectors of ``n_factors`` that is cloned, fitted on what is trained "
            "on, and gives the means to start from; `sklearn.frozen.FrozenEstimator` keeps a "
            "fitted one as it is. Its parameters are those of this estimator after "
            '``pretrain__``. ``"auto"`` is this model on its means alone, ``n_draws=0``, so that '
            "vectors are trained by distance as they are used: then a and b start there too. None "
            "starts at random, as a model without draws always does.",
            '"auto", estimator or None',
        ),
    ] = "auto"
    pretrain_epochs: Annotated[
        int | None,
        Interval(Integral, 0, None, closed="left"),
        'Epochs of the start with ``pretrain="auto"``; None is ``max_epochs``.',
    ] = None

    _objective: ClassVar = Pointwise()
    _averages_pairs: ClassVar[bool] = True
    _fold_in_items: ClassVar[int] = 256
    _test_parameters: ClassVar[dict[str, Any]] = {
        **SampledPairRecommender._test_parameters,
        "n_draws": 2,
        "n_samples": 2,
        "max_epochs": 30,
        "pretrain_epochs": 5,
        "init_std": 0.3,
    }

    def _interaction(self) -> SoftContrastive:
        # half way between what belongs together and what does not, at the start
        variance = self.init_variance if self.n_draws else 0.0
        spread = 2 * self.n_factors * (self.init_std**2 + variance)
        average = self._objective.average
        return SoftContrastive(self.n_factors, self.n_draws, average, math.sqrt(spread))

    def _twin(self) -> "MoGClassifier | None":
        if not self.n_draws:
            return None
        epochs = self.max_epochs if self.pretrain_epochs is None else self.pretrain_epochs
        return twin(self, MoGClassifier, n_draws=0, max_epochs=epochs)

    def _start(self, model: PairModel) -> None:
        super()._start(model)
        pretrained: Any = self.pretrained_
        if getattr(pretrained, "n_draws", None) == 0:
            start = pretrained.net_.module_.interaction
            _copy_threshold(model.interaction, start, 2 * self.n_factors * self.init_variance)


def _copy_threshold(interaction: SoftContrastive, start: SoftContrastive, added: float) -> None:
    """Copy slope and threshold, whose square grows as much as the mean squared distance."""
    with torch.no_grad():
        slope = F.softplus(start.raw_slope)
        threshold = (start.bias / slope).clamp(min=0)
        interaction.raw_slope.copy_(start.raw_slope)
        interaction.bias.copy_(start.bias + slope * ((threshold**2 + added).sqrt() - threshold))
