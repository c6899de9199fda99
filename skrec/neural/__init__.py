"""The bases of estimators that are trained with torch."""

from skrec.neural._base import TorchRecommender
from skrec.neural._rows import RowRecommender

__all__ = ["RowRecommender", "TorchRecommender"]
