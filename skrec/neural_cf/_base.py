"""What the models of neural collaborative filtering share as estimators."""

from numbers import Real
from typing import Annotated, Any, ClassVar

from sklearn.utils._param_validation import Interval

from skrec.neural import PairRecommender, Pretrain, Sizes, as_sizes
from skrec.nn import Interaction

__all__ = ["TowerRecommender"]


class TowerRecommender(PairRecommender):
    """Free vectors of users and items under a tower of hidden layers.

    A model names its interaction function in ``_interaction_class``.
    """

    hidden_sizes: Annotated[Sizes, "Widths of the hidden layers, one or more."] = (64, 32, 16)
    dropout: Annotated[
        float,
        Interval(Real, 0, 1, closed="left"),
        "Share of the entries of hidden layers that is dropped in training.",
    ] = 0.0
    pretrain: Pretrain = None

    _interaction_class: ClassVar[type[Interaction]]
    _test_parameters: ClassVar[dict[str, Any]] = {
        "n_factors": 8,
        "hidden_sizes": (16, 8),
        "batch_size": 64,
        "max_epochs": 12,
        "lr": 0.02,
        "init_std": 0.1,
        "early_stopping": False,
        "device": "cpu",
        "random_state": 0,
    }

    def _interaction(self) -> Interaction:
        return self._interaction_class(self.n_factors, **self._tower())

    def _tower(self) -> dict[str, Any]:
        """Return the options of the tower."""
        return {
            "hidden_sizes": as_sizes("hidden_sizes", self.hidden_sizes, least=1),
            "dropout": self.dropout,
            "bias": self._objective.fixes_level,
        }
