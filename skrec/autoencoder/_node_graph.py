"""The fit of a node to a row as part of a graph of scores, which knows no gradients."""

from typing import Any

import numpy as np

from skrec.base import ScoreGraph
from skrec.neural import descend, score_graphs
from skrec.nn import CDAE
from skrec.training import NodeFoldIn

__all__ = ["fitted_nodes"]


def fitted_nodes(
    graph: ScoreGraph, code: str, module: CDAE, folder: NodeFoldIn, objective: tuple[str, Any]
) -> str:
    """Add the steps of Adam that fit nodes, with the gradient of the loss of `NodeFoldIn`.

    Parameters
    ----------
    graph : ScoreGraph
        The graph.
    code : str
        Name of the encoded rows, float32 of shape (n_rows, latent_size).
    module : CDAE
        The trained model.
    folder : NodeFoldIn
        What fits nodes to rows.
    objective : tuple
        Name of the likelihood, and the weights of stored and other entries.

    Returns
    -------
    nodes : str
        Their name, float32 of shape (n_rows, latent_size).
    """
    code = graph.cast(code, np.float64)
    weights = folder.weights.numpy()
    start = graph.add("Add", graph.add("MatMul", code, weights[:-1]), weights[-1])
    if not folder.n_steps:
        return graph.cast(start, np.float32)
    last = graph.cast(graph.constant(score_graphs.as_weights(module.last.weight)), np.float64)
    across = graph.add("Transpose", last, perm=[1, 0])
    bias = score_graphs.as_weights(module.last.bias).astype(np.float64)
    slope = _slope(graph, folder, objective)

    def slopes(nodes: str) -> str:
        hidden = graph.add("Tanh", graph.add("Add", code, nodes))
        scores = graph.add("Add", graph.add("MatMul", hidden, across), bias)
        scores = graph.add("Tanh", scores) if module.bounded else scores
        above = slope(scores)
        above = graph.add("Mul", above, _slope_of_tanh(graph, scores)) if module.bounded else above
        inside = graph.add("MatMul", above, last)
        return graph.add("Mul", inside, _slope_of_tanh(graph, hidden))

    return graph.cast(descend(graph, start, folder, slopes), np.float32)


def _slope_of_tanh(graph: ScoreGraph, value: str) -> str:
    return graph.add("Sub", np.array(1.0), graph.add("Mul", value, value))


def _slope(graph: ScoreGraph, folder: NodeFoldIn, objective: tuple[str, Any]) -> Any:
    """Return the function that adds the derivative of the loss by the scores."""
    name, (stored_weight, other_weight) = objective
    own = graph.cast(graph.seen, np.float64)
    rest = _rest(graph, folder)

    def difference(one: str, other: str) -> str:
        return graph.add("Sub", one, other)

    if name == "gaussian":
        variance = folder.noise_variance
        weight = graph.add(
            "Add",
            graph.add("Mul", own, np.array(stored_weight / variance)),
            graph.add("Mul", rest, np.array(other_weight / variance)),
        )
        return lambda scores: graph.add("Mul", weight, difference(scores, own))
    both = graph.add("Add", own, rest)
    if name == "logistic":
        return lambda scores: difference(graph.add("Mul", both, graph.add("Sigmoid", scores)), own)
    lengths = graph.cast(graph.lengths, np.float64)

    def of_softmax(scores: str) -> str:
        largest = graph.add("ReduceMax", scores, axes=[1], keepdims=1)
        shares = graph.add("Mul", both, graph.add("Exp", difference(scores, largest)))
        total = graph.add("ReduceSum", shares, np.array([1]), keepdims=1)
        shares = graph.add("Mul", shares, graph.add("Div", lengths, total))
        return difference(shares, own)

    return of_softmax


def _rest(graph: ScoreGraph, folder: NodeFoldIn) -> str:
    """Add the weights of sampled columns, which stand for all that a row lacks."""
    sampled = np.zeros((1, graph.n_items), dtype=np.float64)
    sampled[0, folder.sample.numpy()] = 1
    lacks = graph.cast(graph.add("Not", graph.seen), np.float64)
    inside = graph.add("Mul", lacks, sampled)
    sums = [graph.add("ReduceSum", each, np.array([1]), keepdims=1) for each in (lacks, inside)]
    share = graph.add("Div", sums[0], graph.add("Max", sums[1], np.array(1.0)))
    return graph.add("Mul", inside, share)
