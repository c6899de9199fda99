"""Stacks of dense layers with tanh or gated linear units, and encoders of rows.

Units: Dauphin, Y. N., Fan, A., Auli, M., & Grangier, D. (2017). Language modeling with gated
convolutional networks. ICML.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from skrec.nn.rows import SparseLinear, SparseRows, xavier_

__all__ = ["RowEncoder", "make_hidden", "make_linear", "make_units", "outputs_of"]


def make_units(gated: bool) -> nn.Module:
    r"""Make hidden units.

    Parameters
    ----------
    gated : bool
        Whether they are gated linear units, :math:`a \otimes \sigma(b)`; else tanh.

    Returns
    -------
    units : torch.nn.Module
        The activation after a linear layer; gated units read two inputs for each output.
    """
    return nn.GLU(dim=1) if gated else nn.Tanh()


def make_linear(n_in: int, n_out: int, gated: bool = False, bias: bool = True) -> nn.Linear:
    """Make a linear layer that starts with Xavier's weights.

    Parameters
    ----------
    n_in, n_out : int
        Widths.
    gated : bool, default=False
        Whether gated units follow, which need values and gates.
    bias : bool, default=True
        Whether there is a bias.

    Returns
    -------
    layer : torch.nn.Linear
        The layer; its bias starts at zero.
    """
    parts = 2 if gated else 1
    layer = nn.Linear(n_in, parts * n_out, bias=bias)
    xavier_(layer.weight, parts)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def make_hidden(sizes: Sequence[int], gated: bool = False) -> nn.Sequential:
    """Make layers of hidden units.

    Parameters
    ----------
    sizes : sequence of int
        Width of the input, and of each layer.
    gated : bool, default=False
        Whether units are gated.

    Returns
    -------
    layers : torch.nn.Sequential
        Linear layers and units in turn.
    """
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [make_linear(n_in, n_out, gated), make_units(gated)]
    return nn.Sequential(*layers)


def outputs_of(layer: nn.Linear, hidden: Tensor, columns: Tensor | None = None) -> Tensor:
    """Compute all or some outputs of a linear layer.

    Parameters
    ----------
    layer : torch.nn.Linear
        The layer, with a bias.
    hidden : Tensor of shape (B, n_in)
        Its input.
    columns : Tensor of int64 of shape (m,), default=None
        Which outputs to return; None means all.

    Returns
    -------
    outputs : Tensor of shape (B, n_out) or (B, m)
        The outputs.
    """
    if columns is None:
        return layer(hidden)
    return hidden @ layer.weight[columns].T + layer.bias[columns]


class RowEncoder(nn.Module):
    """Layers from rows, and a vector beside them if wanted, to a code.

    Parameters
    ----------
    n_items : int
        Number of columns.
    hidden_sizes : tuple of int
        Widths of the hidden layers, none, one or more.
    code_size : int
        Width of the output, which has no activation.
    gated : bool, default=False
        Whether hidden units are gated.
    side_size : int, default=None
        Width of a vector that the first layer reads together with the row.
    """

    side: Any  # a linear layer on the vector beside the row, or None

    def __init__(
        self,
        n_items: int,
        hidden_sizes: Sequence[int],
        code_size: int,
        gated: bool = False,
        side_size: int | None = None,
    ) -> None:
        super().__init__()
        sizes = [*hidden_sizes, code_size]
        is_gated = [gated] * len(hidden_sizes) + [False]
        self.first = SparseLinear(n_items, sizes[0], parts=2 if is_gated[0] else 1)
        self.side = None
        if side_size is not None:
            self.side = make_linear(side_size, sizes[0], is_gated[0], bias=False)
        rest: list[nn.Module] = []
        for (n_in, n_out), next_is_gated in zip(pairwise(sizes), is_gated[1:]):
            rest += [make_units(gated), make_linear(n_in, n_out, next_is_gated)]
        self.rest = nn.Sequential(*rest)

    def forward(self, rows: SparseRows, side: Tensor | None = None) -> Tensor:
        """Encode rows.

        Parameters
        ----------
        rows : SparseRows
            B rows.
        side : Tensor of shape (B, side_size), default=None
            The vectors beside them.

        Returns
        -------
        code : Tensor of shape (B, code_size)
            The output.
        """
        hidden = self.first(rows)
        if side is not None:
            hidden = hidden + self.side(side)
        return self.rest(hidden)  # (B, code_size)

    def dense(self, rows: Tensor) -> Tensor:
        """Encode dense rows, each divided by its Euclidean norm.

        Parameters
        ----------
        rows : Tensor of shape (K, n_items)
            The dense rows; one of zeros stays so.

        Returns
        -------
        code : Tensor of shape (K, code_size)
            The output.
        """
        return self.rest(F.normalize(rows, dim=1) @ self.first.weight + self.first.bias)

    def with_dense(self, rows: SparseRows, dense: Tensor) -> tuple[Tensor, Tensor]:
        """Encode rows, and dense ones as `dense` does; the gradient of both is written once.

        Parameters
        ----------
        rows : SparseRows
            B rows.
        dense : Tensor of shape (K, n_items)
            The dense rows; one of zeros stays so.

        Returns
        -------
        code : Tensor of shape (B, code_size)
            The output.
        dense_code : Tensor of shape (K, code_size)
            That of the dense rows.
        """
        hidden, dense_hidden = self.first(rows, dense)
        return self.rest(hidden), self.rest(dense_hidden)
