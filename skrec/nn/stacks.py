"""Stacks of dense layers with tanh or gated linear units, and encoders of rows.

Units: Dauphin, Y. N., Fan, A., Auli, M., & Grangier, D. (2017). Language modeling with gated
convolutional networks. ICML.
"""

from itertools import pairwise

from torch import nn
from torch.nn import functional as F

from skrec.nn.rows import SparseLinear, xavier_

__all__ = ["RowEncoder", "make_hidden", "make_linear", "make_units", "outputs_of"]


def make_units(gated):
    r"""Make hidden units.

    Parameters
    ----------
    gated : bool
        Whether they are gated linear units, :math:`a \otimes \sigma(b)`; else tanh.

    Returns
    -------
    units : torch.nn.Module
        What comes after a linear layer; gated units take twice their number of inputs.
    """
    return nn.GLU(dim=1) if gated else nn.Tanh()


def make_linear(n_in, n_out, gated=False, bias=True):
    """Make a linear layer that starts as Xavier has it.

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
        With a bias of zero.
    """
    parts = 2 if gated else 1
    layer = nn.Linear(n_in, parts * n_out, bias=bias)
    xavier_(layer.weight, parts)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def make_hidden(sizes, gated=False):
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
        Linear layer and units in turn.
    """
    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [make_linear(n_in, n_out, gated), make_units(gated)]
    return nn.Sequential(*layers)


def outputs_of(layer, hidden, columns=None):
    """Give the outputs of a linear layer, all or some.

    Parameters
    ----------
    layer : torch.nn.Linear
        The layer, with a bias.
    hidden : Tensor of shape (B, n_in)
        Its input.
    columns : Tensor of int64 of shape (m,), default=None
        Which outputs to give.

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

    def __init__(self, n_items, hidden_sizes, code_size, gated=False, side_size=None):
        super().__init__()
        sizes = [*hidden_sizes, code_size]
        is_gated = [gated] * len(hidden_sizes) + [False]
        self.first = SparseLinear(n_items, sizes[0], parts=2 if is_gated[0] else 1)
        self.side = None
        if side_size is not None:
            self.side = make_linear(side_size, sizes[0], is_gated[0], bias=False)
        rest = []
        for (n_in, n_out), next_is_gated in zip(pairwise(sizes), is_gated[1:]):
            rest += [make_units(gated), make_linear(n_in, n_out, next_is_gated)]
        self.rest = nn.Sequential(*rest)

    def forward(self, rows, side=None):
        """Encode rows.

        Parameters
        ----------
        rows : SparseRows
            B rows.
        side : Tensor of shape (B, side_size), default=None
            What stands beside them.

        Returns
        -------
        code : Tensor of shape (B, code_size)
            The output.
        """
        hidden = self.first(rows)
        if side is not None:
            hidden = hidden + self.side(side)
        return self.rest(hidden)  # (B, code_size)

    def dense(self, rows):
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

    def with_dense(self, rows, dense):
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
        return tuple(self.rest(hidden) for hidden in self.first(rows, dense))
