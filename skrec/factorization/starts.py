"""What other models start from: matrix factorisation under an objective of the same kind."""

from typing import Annotated

from skrec.base import Doc
from skrec.factorization._biased_mf import BiasedMFRegressor
from skrec.factorization._bpr_mf import BPRMFRanker
from skrec.factorization._mf import MFClassifier
from skrec.neural import AutoPretrain, PairRecommender, RatedPairRecommender
from skrec.neural.objectives import Pairwise

__all__ = ["FactorPretrain", "Factorization", "factorization_of"]

Factorization = BPRMFRanker | MFClassifier | BiasedMFRegressor

FactorPretrain = Annotated[
    AutoPretrain,
    Doc(
        "Estimator with vectors of ``n_factors``, such as ``BPRMFRanker(n_factors=64)``, that is "
        "cloned, fitted on what is trained on, and gives the vectors to start from; "
        "`sklearn.frozen.FrozenEstimator` keeps a fitted one as it is. Its parameters are those of "
        'this estimator after ``pretrain__``. ``"auto"`` is matrix factorisation with as many '
        "factors, whose other parameters are its defaults: `BPRMFRanker` of a model that is "
        "trained to rank, `MFClassifier` without biases else. None starts at random.",
        '"auto", estimator or None',
    ),
]
"""The annotation of ``pretrain`` where ``"auto"`` is matrix factorisation."""


def factorization_of(estimator: PairRecommender, n_factors: int | None = None) -> Factorization:
    """Make the matrix factorisation that a model starts from.

    Parameters
    ----------
    estimator : estimator
        The model.
    n_factors : int, default=None
        Width of the vectors; None is that of the model.

    Returns
    -------
    start : estimator
        Not fitted, without biases and with an objective of the same kind.

    Examples
    --------
    >>> from skrec import GMFRanker
    >>> from skrec.factorization.starts import factorization_of
    >>> factorization_of(GMFRanker(n_factors=8))
    BPRMFRanker(n_factors=8)
    """
    width = estimator.n_factors if n_factors is None else n_factors
    if isinstance(estimator, RatedPairRecommender):
        return BiasedMFRegressor(n_factors=width, bias=False)
    if isinstance(estimator._objective, Pairwise):
        return BPRMFRanker(n_factors=width)
    return MFClassifier(n_factors=width, bias=False)
