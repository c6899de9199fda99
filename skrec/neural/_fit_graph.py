"""The fit of free vectors to histories as parts of graphs of scores, which know no gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np

from skrec.base import ScoreGraph
from skrec.neural._score_graphs import as_weights
from skrec.nn import Dot
from skrec.training import LEAST_GRADIENT, MOMENTS, FoldIn, ranked_places
from skrec.typing import Array

__all__ = ["descend", "ranking_slopes"]


def descend(graph: ScoreGraph, start: str, folder: Any, slopes: Callable[[str], str]) -> str:
    """Add the steps of Adam of a `VectorFit`.

    Parameters
    ----------
    graph : ScoreGraph
        The graph.
    start : str
        Name of the vectors at the start, float64 of shape (n_rows, size).
    folder : VectorFit
        Numbers of steps, and deviations.
    slopes : callable
        Takes the name of vectors, and adds the gradient of the loss.

    Returns
    -------
    vectors : str
        Name of the vectors at the end, float64.
    """
    if not folder.n_steps:
        return start
    deviation = graph.constant(folder.deviation.numpy())
    numbers = np.arange(1, folder.n_steps + 1)
    rates = graph.constant(np.array(folder.rates()) / (1 - MOMENTS[0] ** numbers))
    growth = graph.constant(1 / (1 - MOMENTS[1] ** numbers))

    def vectors_at(x: str) -> str:  # x is in units of the deviation
        return graph.add("Add", start, graph.add("Mul", x, deviation))

    def mixed(mean: str, new: str, share: float) -> str:
        change = graph.add("Mul", graph.add("Sub", new, mean), np.array(share))
        return graph.add("Add", mean, change)

    def step(number: str, x: str, first: str, second: str) -> tuple[str, list[str]]:
        slope = graph.add("Mul", slopes(vectors_at(x)), deviation)
        slope = graph.add("Add", slope, x)
        first = mixed(first, slope, 1 - MOMENTS[0])
        second = mixed(second, graph.add("Mul", slope, slope), 1 - MOMENTS[1])
        size = graph.add("Mul", second, graph.add("Gather", growth, number))
        size = graph.add("Add", graph.add("Sqrt", size), np.array(LEAST_GRADIENT))
        change = graph.add("Mul", graph.add("Gather", rates, number), first)
        x = graph.add("Sub", x, graph.add("Div", change, size))
        return graph.add("GreaterOrEqual", number, 0), [x, first, second]

    zeros = graph.add("Mul", start, np.array(0.0))
    x = graph.loop(folder.n_steps, [zeros, zeros, zeros], step)[0]
    return vectors_at(x)


def ranking_slopes(
    graph: ScoreGraph, module: Any, folder: FoldIn, history: str | None, left_out: Array | None
) -> Callable[[str], str]:
    """Prepare the gradient of `PairDifferences` of inner products, what is fixed added once.

    Parameters
    ----------
    graph : ScoreGraph
        The graph.
    module : PairModel
        The trained model, under `Dot`.
    folder : FoldIn
        What fits vectors.
    history : str or None
        Name of the part of users' vectors that histories make, float64.
    left_out : ndarray of shape (n_items,) or None
        What the score of an item is less, beside the factor of the length, because it is not in its
        own history.

    Returns
    -------
    slopes : callable
        Takes the name of free vectors, float64 of shape (n_rows, size), and adds the gradient.
    """
    dot, items = module.interaction, as_weights(module.item_vectors())
    offsets, vectors = _offsets_and_vectors(dot, items)
    sample, used = folder.sample.numpy(), graph.used
    vectors = graph.cast(graph.constant(vectors), np.float64)
    own = graph.add("Gather", vectors, used, axis=0)  # (n_used, size)
    own_across = graph.add("Transpose", own, perm=[1, 0])
    shared = graph.add("Gather", vectors, sample, axis=0)  # (m, size)
    shared_across = graph.add("Transpose", shared, perm=[1, 0])
    own_offsets = graph.add("Gather", offsets[None], used, axis=1)
    if left_out is not None:
        scale = graph.add("Pow", _lengths(graph), np.array(-float(module.users.alpha)))
        less = graph.add("Mul", scale, graph.add("Gather", left_out[None], used, axis=1))
        own_offsets = graph.add("Sub", own_offsets, less)
    pairs = _Pairs(graph, sample)

    def slopes(free: str) -> str:
        users = free if history is None else graph.add("Add", free, history)
        positive = graph.add("Add", graph.add("MatMul", users, own_across), own_offsets)
        negative = graph.add("MatMul", users, shared_across)
        negative = graph.add("Add", negative, offsets[sample][None])
        of_own, of_shared = pairs.slopes(graph, positive, negative)
        across = graph.add("MatMul", of_shared, shared)
        return graph.add("Sub", across, graph.add("MatMul", of_own, own))

    return slopes


def _offsets_and_vectors(dot: Dot, items: Array) -> tuple[Array, Array]:
    """Return biases of items, and their vectors as wide as those of users.

    What all items get alike, the users' biases, makes no difference to a ranking.
    """
    offsets = items[:, dot.size] if dot.item_bias else np.zeros(len(items))
    return offsets.astype(np.float64), np.pad(
        items[:, : dot.size], ((0, 0), (0, int(dot.user_bias)))
    )


def _lengths(graph: ScoreGraph) -> str:
    return graph.add("Max", graph.cast(graph.lengths, np.float64), np.array(1.0))


class _Pairs:
    """The entries of histories, each beside some of the sampled items that its user lacks."""

    def __init__(self, graph: ScoreGraph, sample: Array) -> None:
        seen = graph.add("Gather", graph.seen, graph.used, axis=1)  # (n_rows, n_used)
        self.m = len(sample)
        self.nothing = graph.cast(graph.add("And", seen, np.array(False)), np.float64)
        entries = graph.add("NonZero", seen)
        self.entries = graph.add("Transpose", entries, perm=[1, 0])  # (nnz, 2)
        row = graph.add("Gather", entries, np.array([0]), axis=0)  # (1, nnz)
        column = graph.add("Gather", entries, np.array(1), axis=0)
        places = ranked_places(np.arange(graph.n_items), self.m).astype(np.int32)
        places = graph.add("Gather", graph.add("Gather", places, graph.used), column)
        places = graph.cast(places, np.int64)  # (nnz, n_pairs)
        start = graph.add("Mul", graph.add("Transpose", row, perm=[1, 0]), self.m)
        self.places = graph.add("Add", start, places)  # in all scores of the sample, flat
        self.flat = graph.add("Reshape", self.places, np.array([-1]))
        lacks = graph.add("Not", graph.add("Gather", graph.seen, sample, axis=1))
        lacks = self._of_pairs(graph, graph.cast(lacks, np.float64))
        total = graph.add("ReduceSum", lacks, np.array([1]), keepdims=1)
        self.weights = graph.add("Div", lacks, graph.add("Max", total, np.array(1.0)))

    def _of_pairs(self, graph: ScoreGraph, values: str) -> str:
        """Take values of shape (n_rows, m) at the sampled items of each entry."""
        return graph.add("Gather", graph.add("Reshape", values, np.array([-1])), self.places)

    def slopes(self, graph: ScoreGraph, positive: str, negative: str) -> tuple[str, str]:
        """Add minus the slopes by the scores of used items, and the slopes by those of the sample.

        Both are 0 where a user has no such pair.
        """
        own = graph.add("Unsqueeze", graph.add("GatherND", positive, self.entries), np.array([1]))
        above = graph.add("Sigmoid", graph.add("Sub", self._of_pairs(graph, negative), own))
        above = graph.add("Mul", self.weights, above)  # (nnz, n_pairs)
        sums = graph.add("ReduceSum", above, np.array([1]), keepdims=0)
        of_own = graph.add("ScatterND", self.nothing, self.entries, sums)
        zeros = graph.add("Mul", graph.add("Reshape", negative, np.array([-1])), np.array(0.0))
        above = graph.add("Reshape", above, np.array([-1]))
        added = graph.add("ScatterElements", zeros, self.flat, above, axis=0, reduction="add")
        return of_own, graph.add("Reshape", added, np.array([-1, self.m]))
