"""Scores of products and cosines of vectors as a graph, where histories make users' vectors."""

from typing import Any

import numpy as np

from skrec.base import ScoreGraph
from skrec.neural._fit_graph import descend, ranking_slopes
from skrec.neural._score_graphs import as_weights
from skrec.neural.objectives import Pairwise
from skrec.nn import Cosine, HistoryEncoder, MeanEncoder
from skrec.typing import Array

__all__ = ["graph_scores"]

_LEAST_NORM = 1e-6  # as of the cosine


def graph_scores(self: Any, graph: ScoreGraph) -> str:
    """Add scores of `Dot` or `Cosine`.

    It is a method of pair models. A free vector is fitted where the objective ranks and scores are
    inner products, or where fold-in leaves it at its start, a regression.

    Parameters
    ----------
    graph : ScoreGraph
        The graph.

    Returns
    -------
    scores : str
        Name of the scores.

    Raises
    ------
    ValueError
        If vectors of unseen users take steps of another loss.
    """
    module = self._module
    is_cosine = isinstance(module.interaction, Cosine)
    ranks = isinstance(self._objective, Pairwise) and not is_cosine
    if self.folder_ is not None and self.folder_.n_steps and not ranks:
        raise ValueError(
            f"inputs must be 'vectors' for a {type(self).__name__} that fits the vectors of unseen "
            f"users in steps; got 'history': with fold_in_steps=0 in fit, here "
            f"{self.fold_in_steps}, a graph can compute them"
        )
    parts = [*_free_part(self, graph), *_history_part(module.users, graph)]
    users = parts[0] if len(parts) == 1 else graph.add("Add", *parts)
    scores = (_cosines if is_cosine else _products)(self, graph, users)
    level = self._objective.scores(self, np.zeros(1, dtype=np.float32))[0]
    return graph.add("Add", scores, level) if level else scores


def _free_part(model: Any, graph: ScoreGraph) -> list[str]:
    """Add free vectors, float32 of shape (n_rows, size), if there are any."""
    folder = model.folder_
    if folder is None:
        return []
    start = _start(model, graph)
    if not folder.n_steps:
        return [graph.cast(start, np.float32)]
    module = model._module
    history = left_out = None
    if isinstance(module.users, HistoryEncoder):
        weights = _history_weights(module.users).astype(np.float64)
        scale = graph.add("Pow", _lengths(graph), np.array(-float(module.users.alpha)))
        history = graph.add("Mul", graph.product(weights, np.float64), scale)
        if module.reads_history:
            size = module.interaction.size
            left_out = (weights * as_weights(module.item_vectors())[:, :size]).sum(axis=1)
    slopes = ranking_slopes(graph, module, folder, history, left_out)
    return [graph.cast(descend(graph, start, folder, slopes), np.float32)]


def _start(model: Any, graph: ScoreGraph) -> str:
    """Add the regression on sums of the vectors of what users have, float64."""
    sums = graph.product(as_weights(model._module.item_vectors()), np.float64)
    lengths = _lengths(graph)
    means = graph.add("Div", sums, lengths)
    others = graph.add("Div", sums, graph.add("Sqrt", lengths))
    logs, ones = graph.add("Log", lengths), graph.add("Div", lengths, lengths)
    features = graph.add("Concat", means, others, logs, ones, axis=1)
    return graph.add("MatMul", features, as_weights(model.folder_.weights))


def _lengths(graph: ScoreGraph) -> str:
    return graph.add("Max", graph.cast(graph.lengths, np.float64), np.array(1.0))


def _scale(users: Any, graph: ScoreGraph) -> str:
    """Add the factors of the sums over histories, float32 of shape (n_rows, 1)."""
    return graph.add("Pow", graph.add("Max", graph.lengths, 1.0), float(-users.alpha))


def _history_weights(users: Any) -> Array:
    """Return what each item adds to the vector of a user, before the factor of the length."""
    weights = as_weights(users.history.weight)
    if not isinstance(users, MeanEncoder):
        return weights
    return np.float32(users.ratio) * (weights @ as_weights(users.map.weight).T)


def _history_part(users: Any, graph: ScoreGraph) -> list[str]:
    """Add the part of users' vectors that is a sum over their history, if there is one."""
    if not isinstance(users, HistoryEncoder):
        return []
    return [graph.add("Mul", graph.product(_history_weights(users)), _scale(users, graph))]


def _products(model: Any, graph: ScoreGraph, users: str) -> str:
    """Add inner products and biases."""
    module, scale = model._module, float(model._score_scale())
    dot, items = module.interaction, scale * as_weights(module.item_vectors())
    vectors = graph.columns(users, 0, dot.size)
    bias = items[:, dot.size] if dot.item_bias else None
    scores = graph.linear(vectors, np.ascontiguousarray(items[:, : dot.size]), bias)
    if dot.user_bias:
        own = graph.add("Mul", graph.columns(users, dot.size, dot.size + 1), scale)
        scores = graph.add("Add", scores, own)
    if hasattr(dot, "level"):
        scores = graph.add("Add", scores, scale * as_weights(dot.level))
    if not (module.reads_history and graph.seen_matter):
        return scores
    own = (_history_weights(module.users) * items[:, : dot.size]).sum(axis=1)[None]
    left_out = graph.add("Mul", _scale(module.users, graph), own)
    return graph.add("Where", graph.seen, graph.add("Sub", scores, left_out), scores)


def _cosines(model: Any, graph: ScoreGraph, users: str) -> str:
    """Add cosines."""
    module, unit = model._module, model._item_vectors()  # scaled already
    lengths = graph.add("Sqrt", _square(graph, users))
    users_unit = graph.add("Div", users, graph.add("Max", lengths, _LEAST_NORM))
    scores = graph.linear(users_unit, unit)
    if not (module.reads_history and graph.seen_matter):
        return scores
    inside = _cosines_without(graph, users, unit, module.users)
    return graph.add("Where", graph.seen, graph.cast(inside, np.float32), scores)


def _cosines_without(graph: ScoreGraph, users: str, unit: Array, encoder: Any) -> str:
    """Add the cosines with each item where the user's vector lacks it, float64: norms cancel."""
    users, scale = (graph.cast(each, np.float64) for each in (users, _scale(encoder, graph)))
    own, unit = _history_weights(encoder).astype(np.float64), unit.astype(np.float64)
    share = graph.add("Mul", scale, (own * unit).sum(axis=1)[None])
    products = graph.add("Sub", graph.add("MatMul", users, unit.T), share)
    across = graph.add("Mul", graph.add("MatMul", users, own.T), scale)
    across = graph.add("Mul", across, np.array(2.0))
    added = graph.add("Mul", graph.add("Mul", scale, scale), (own * own).sum(axis=1)[None])
    squares = graph.add("Add", graph.add("Sub", _square(graph, users), across), added)
    lengths = graph.add("Sqrt", graph.add("Max", squares, np.array(_LEAST_NORM**2)))
    return graph.add("Div", products, lengths)


def _square(graph: ScoreGraph, users: str) -> str:
    return graph.add("ReduceSum", graph.add("Mul", users, users), np.array([1]), keepdims=1)
