"""What the models of neural collaborative filtering share as estimators."""

from numbers import Integral, Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval

from skrec.base import ParameterFields
from skrec.neural import Pretrained
from skrec.nn import PairModel, UserTable, make_table

__all__ = ["NeuralCF", "RatedCF", "TowerCF"]


class NeuralCF(Pretrained):
    """Free vectors of users and items under an interaction function.

    A model writes ``_interaction()``. Scores that rank need no bias.
    """

    _fold_in: ClassVar[str] = "approximate"

    def _interaction(self):
        """Give the new interaction function."""
        raise NotImplementedError

    def _model(self, n_users, n_items):
        interaction = self._interaction()
        return PairModel(
            UserTable(n_users, interaction.user_size, self.init_std),
            make_table(n_items, interaction.item_size, self.init_std),
            interaction,
        )

    @property
    def _has_bias(self):
        return not self._loss.pairwise


class TowerCF(NeuralCF):
    """Parameters of the models with a tower of hidden layers."""

    hidden_sizes: tuple = (64, 32, 16)
    dropout: float = 0.0

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "hidden_sizes": [tuple, list],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }
    _parameter_docs: ClassVar[dict[str, str]] = {
        "hidden_sizes": """
            hidden_sizes : tuple of int, default=(64, 32, 16)
                Widths of the hidden layers, one or more.""",
        "dropout": """
            dropout : float, default=0.0
                Share of the entries of hidden layers that is dropped in training.""",
    }
    _test_parameters: ClassVar[dict[str, Any]] = {
        "n_factors": 8,
        "hidden_sizes": (16, 8),
        "batch_size": 64,
        "max_epochs": 12,
        "lr": 0.02,
        "init_std": 0.1,
        "device": "cpu",
        "random_state": 0,
    }

    def _tower(self):
        """Give the options of the tower."""
        sizes = tuple(self.hidden_sizes)
        if not sizes or not all(isinstance(size, Integral) and size > 0 for size in sizes):
            raise ValueError(
                f"hidden_sizes must be one or more positive integers; got {self.hidden_sizes!r}"
            )
        return {"hidden_sizes": sizes, "dropout": self.dropout, "bias": self._has_bias}


class RatedCF(ParameterFields):
    """What changes where the models are trained on ratings.

    It stands first among the bases, so that its defaults and docs win.
    """

    l2: float = 0.05
    lr: float = 1e-3
    max_epochs: int = 20

    _parameter_docs: ClassVar[dict[str, str]] = {
        "l2": """
            l2 : float, default=0.05
                Weight of the squared norms of the vectors that take part in a loss term.""",
        "lr": """
            lr : float, default=0.001
                Learning rate.""",
        "max_epochs": """
            max_epochs : int, default=20
                Passes over the training data.""",
        "pretrain": """
            pretrain : estimator or None, default=None
                Estimator with vectors of the same widths, such as
                ``BiasedMFRegressor(n_factors=64, bias=False)``, that is cloned, fitted on what is
                trained on, and gives the vectors to start from; `sklearn.frozen.FrozenEstimator`
                keeps a fitted one as it is. Its parameters are those of this estimator after
                ``pretrain__``. None starts at random.""",
    }
