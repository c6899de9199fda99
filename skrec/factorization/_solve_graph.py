"""The solve of a user's vector as part of a graph of scores, which knows no factorisations."""

from typing import NamedTuple

import numpy as np

from skrec.base import ScoreGraph

__all__ = ["RidgeSystem", "conjugate_gradients"]

_TOLERANCE = 1e-13  # of the residual beside the right side
_LEAST = 1e-300  # a divisor for rows that are solved, or have nothing to solve
_STEPS_A_FACTOR, _STEPS = 4, 50  # rounding takes more steps than there are unknowns


class RidgeSystem(NamedTuple):
    r"""The systems :math:`(I + D V^\top A V D) x = b` of a batch of rows, D and A diagonal.

    Parameters
    ----------
    vectors, transposed : str
        Names of V, of shape (n_columns, n_factors), and of its transpose.
    weights : str
        Name of the diagonals of A, of shape (n_rows, n_columns).
    roots : str
        Name of those of D, of shape (n_rows, n_factors).
    """

    vectors: str
    transposed: str
    weights: str
    roots: str

    def times(self, graph: ScoreGraph, value: str) -> str:
        """Multiply with the matrices.

        Parameters
        ----------
        graph : ScoreGraph
            The graph.
        value : str
            Name of a vector for each row, of shape (n_rows, n_factors).

        Returns
        -------
        product : str
            The name of theirs.
        """
        inside = graph.add("MatMul", graph.add("Mul", value, self.roots), self.transposed)
        inside = graph.add("MatMul", graph.add("Mul", inside, self.weights), self.vectors)
        return graph.add("Add", value, graph.add("Mul", inside, self.roots))


def conjugate_gradients(graph: ScoreGraph, system: RidgeSystem, right: str, n_factors: int) -> str:
    """Solve the systems of a batch of rows, all in float64.

    Parameters
    ----------
    graph : ScoreGraph
        The graph.
    system : RidgeSystem
        The systems.
    right : str
        Name of their right sides, of shape (n_rows, n_factors).
    n_factors : int
        Number of unknowns.

    Returns
    -------
    solution : str
        Name of the solutions.
    """

    def dot(one: str, other: str) -> str:
        return graph.add("ReduceSum", graph.add("Mul", one, other), np.array([1]), keepdims=1)

    def ratio(one: str, other: str) -> str:
        return graph.add("Div", one, graph.add("Max", other, np.array(_LEAST)))

    squares = dot(right, right)
    enough = graph.add("Mul", squares, np.array(_TOLERANCE**2))

    def step(
        _: str, solution: str, residual: str, direction: str, squares: str
    ) -> tuple[str, list[str]]:
        changed = system.times(graph, direction)
        size = ratio(squares, dot(direction, changed))
        solution = graph.add("Add", solution, graph.add("Mul", size, direction))
        residual = graph.add("Sub", residual, graph.add("Mul", size, changed))
        now = dot(residual, residual)
        kept = graph.add("Mul", ratio(now, squares), direction)
        far = graph.cast(graph.add("Greater", now, enough), np.float32)
        goes_on = graph.add("Greater", graph.add("ReduceSum", far, keepdims=0), 0.0)
        return goes_on, [solution, residual, graph.add("Add", residual, kept), now]

    zeros = graph.add("Mul", right, np.array(0.0))
    limit = _STEPS_A_FACTOR * n_factors + _STEPS
    return graph.loop(limit, [zeros, right, right, squares], step)[0]
