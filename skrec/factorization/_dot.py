"""An inner product of free vectors, with biases if wanted."""

from typing import Any, ClassVar

from skrec.base import ParameterFields
from skrec.nn import Dot, PairModel, UserTable, make_table

__all__ = ["BiasedDot"]


class BiasedDot(ParameterFields):
    """The module of matrix factorisation, and its parameter."""

    bias: bool = True

    _parameter_constraints: ClassVar[dict[str, Any]] = {"bias": ["boolean"]}
    _parameter_docs: ClassVar[dict[str, str]] = {
        "bias": """
            bias : bool, default=True
                Whether users and items have biases, the last entries of their vectors.""",
    }

    def _model(self, n_users, n_items):
        interaction = Dot(self.n_factors, user_bias=self.bias, item_bias=self.bias)
        return PairModel(
            UserTable(n_users, interaction.user_size, self.init_std),
            make_table(n_items, interaction.item_size, self.init_std),
            interaction,
        )
