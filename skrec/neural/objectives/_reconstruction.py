"""Whole rows rebuilt as directions: a criterion without a likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skrec.calibration import HeldOut
from skrec.neural.objectives._likelihoods import RowLikelihood
from skrec.nn import CosineReconstruction

if TYPE_CHECKING:
    from skrec.neural._rows import RowRecommender

__all__ = ["Reconstruction"]


class Reconstruction(RowLikelihood):
    """Squared distance of rows and reconstructions that are both divided by their norms.

    Scores have no unit, so that probabilities come from held-out pairs.
    """

    name = "reconstruction"
    link_class = HeldOut

    def network(self, estimator: RowRecommender) -> dict[str, Any]:
        return {"criterion": CosineReconstruction}
