"""Layers of modules of rows as parts of graphs of scores."""

from collections.abc import Iterable

from torch import Tensor, nn

from skrec.base import ScoreGraph
from skrec.nn import DenseEncoder, RowEncoder, SparseLinear
from skrec.typing import Array

__all__ = ["as_weights", "dense_code", "first_layer", "last_layer", "layers", "row_code"]

_LEAST_NORM = 1e-12  # as of `SparseRows`


def as_weights(tensor: Tensor) -> Array:
    """Return a weight as an array on the CPU.

    Parameters
    ----------
    tensor : Tensor
        The weight.

    Returns
    -------
    weights : ndarray
        In its type.
    """
    return tensor.detach().cpu().numpy()


def first_layer(graph: ScoreGraph, layer: SparseLinear) -> str:
    """Add the layer that reads rows of norm 1.

    Parameters
    ----------
    graph : ScoreGraph
        The graph.
    layer : SparseLinear
        The layer.

    Returns
    -------
    output : str
        Its name, of shape (n_rows, width).
    """
    norms = graph.add("Max", graph.add("Sqrt", graph.lengths), _LEAST_NORM)
    product = graph.add("Div", graph.product(as_weights(layer.weight)), norms)
    return graph.add("Add", product, as_weights(layer.bias))


def last_layer(graph: ScoreGraph, hidden: str, layer: nn.Linear) -> str:
    """Add a linear layer.

    Parameters
    ----------
    graph : ScoreGraph
        The graph.
    hidden : str
        Name of its input.
    layer : torch.nn.Linear
        The layer.

    Returns
    -------
    output : str
        Its name.
    """
    bias = None if layer.bias is None else as_weights(layer.bias)
    return graph.linear(hidden, as_weights(layer.weight), bias)


def layers(graph: ScoreGraph, value: str, modules: Iterable[nn.Module]) -> str:
    """Add linear layers and hidden units in turn.

    Parameters
    ----------
    graph : ScoreGraph
        The graph.
    value : str
        Name of the input of the first one.
    modules : iterable of torch.nn.Module
        `torch.nn.Linear`, `torch.nn.Tanh` and `torch.nn.GLU`.

    Returns
    -------
    output : str
        Name of the output of the last one.
    """
    for module in modules:
        if isinstance(module, nn.Linear):
            value = last_layer(graph, value, module)
        elif isinstance(module, nn.Tanh):
            value = graph.add("Tanh", value)
        elif isinstance(module, nn.GLU):
            values, gates = graph.add_several("Split", 2, value, axis=1)
            value = graph.add("Mul", values, graph.add("Sigmoid", gates))
        else:
            raise TypeError(f"modules must be linear, Tanh or GLU; got {module!r:.80}")
    return value


def row_code(graph: ScoreGraph, encoder: RowEncoder, side: str | None = None) -> str:
    """Add an encoder of rows, which are divided by their norms.

    Parameters
    ----------
    graph : ScoreGraph
        The graph.
    encoder : RowEncoder
        The encoder.
    side : str, default=None
        Name of the vectors beside the rows.

    Returns
    -------
    code : str
        Name of the output.
    """
    hidden = first_layer(graph, encoder.first)
    if side is not None:
        hidden = graph.add("Add", hidden, last_layer(graph, side, encoder.side))
    return layers(graph, hidden, encoder.rest)


def dense_code(graph: ScoreGraph, encoder: DenseEncoder) -> str:
    """Add an encoder whose layers read all those before them.

    Parameters
    ----------
    graph : ScoreGraph
        The graph.
    encoder : DenseEncoder
        The encoder.

    Returns
    -------
    code : str
        Name of the output.
    """
    first, *norms = encoder.norms
    hidden = total = _normalised(graph, first_layer(graph, encoder.first), first)
    for layer, norm in zip(encoder.layers, norms, strict=True):
        inside = graph.add("Add", layers(graph, hidden, [layer]), total)
        hidden = _normalised(graph, inside, norm)
        total = graph.add("Add", total, hidden)
    return last_layer(graph, hidden, encoder.code)


def _normalised(graph: ScoreGraph, value: str, norm: nn.Module) -> str:
    """Add the swish of values, and their normalisation."""
    assert isinstance(norm, nn.LayerNorm)
    swish = graph.add("Mul", value, graph.add("Sigmoid", value))
    weights = as_weights(norm.weight), as_weights(norm.bias)
    return graph.add("LayerNormalization", swish, *weights, axis=-1, epsilon=float(norm.eps))
