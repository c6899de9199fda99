"""Towers that start from the vectors of matrix factorisation."""

from typing import Any, ClassVar

from skrec.factorization.starts import Factorization, FactorPretrain, factorization_of
from skrec.neural_cf._base import TowerRecommender

__all__ = ["StartedTowerRecommender"]


class StartedTowerRecommender(TowerRecommender):
    """A tower whose vectors start from matrix factorisation if not told else."""

    pretrain: FactorPretrain = "auto"

    _test_parameters: ClassVar[dict[str, Any]] = {**TowerRecommender._test_parameters, "l2": 0.0}

    def _twin(self) -> Factorization:
        return factorization_of(self)
