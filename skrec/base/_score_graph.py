"""Scores as operations of ONNX, written down without the package of that name.

A model that can be exported writes ``_graph_scores(graph)``, which adds to a `ScoreGraph` what
leads from histories to its scores, and returns their name.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from skrec.typing import Array, CSRMatrix
from skrec.utils import row_of_entry

__all__ = ["LoopBody", "Operation", "ScoreGraph"]

MOST_BYTES = 2**31 - 2**20  # of a file in the format of protocol buffers, and room for the rest
_ENTRY_BYTES = 8  # of sparse weights: value and column
MOST_UNPACKED = 2**26  # entries of sparse weights that runtimes make dense: 256 MiB of memory


class Operation(NamedTuple):
    """An operation, and what goes in and comes out.

    Parameters
    ----------
    kind : str
        Its name in ONNX.
    inputs, outputs : tuple of str
        Names of values; an empty one for an input that is left out.
    attributes : dict of str to object
        Its attributes; an array, a type of NumPy or a `LoopBody` among them.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


class LoopBody(NamedTuple):
    """What a loop repeats.

    Parameters
    ----------
    operations : list of Operation
        The operations; they also read values from outside.
    inputs : tuple of str
        Names of the number of the repetition, of the last condition, and of the states.
    outputs : tuple of str
        Names of the condition, whether to go on, and of the new states.
    """

    operations: list[Operation]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class ScoreGraph:
    """Operations from histories to scores, and the weights that they read.

    Where an operation takes the name of a value it also takes an array. Numbers of Python become
    float32 or int64.

    Parameters
    ----------
    n_items : int
        Number of columns of histories.
    reads_values : bool, default=False
        Whether the model reads the values of histories; else every entry is a 1.
    seen_matter : bool, default=True
        Whether what is in the histories needs its right scores.

    Attributes
    ----------
    operations : list of Operation
        In the order in which they are run.
    constants : dict of str to ndarray
        The weights by name.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.base import ScoreGraph
    >>> graph = ScoreGraph(n_items=2)
    >>> scores = graph.add("Tanh", graph.product(np.eye(2, dtype=np.float32)))
    >>> graph.operations[-1].kind
    'Tanh'
    """

    def __init__(self, n_items: int, reads_values: bool = False, seen_matter: bool = True) -> None:
        self.n_items, self.reads_values, self.seen_matter = n_items, reads_values, seen_matter
        self.operations: list[Operation] = []
        self.constants: dict[str, Array] = {}
        self._n_bytes = self._n_names = 0

    # building

    def add(self, kind: str, *inputs: Any, **attributes: Any) -> str:
        """Add an operation.

        Parameters
        ----------
        kind : str
            Its name in ONNX.
        *inputs : str, array-like or None
            Names of values, or constants; None leaves an optional input out.
        **attributes : object
            Its attributes.

        Returns
        -------
        output : str
            The name of what comes out.
        """
        return self.add_several(kind, 1, *inputs, **attributes)[0]

    def add_several(self, kind: str, n_outputs: int, *inputs: Any, **attributes: Any) -> list[str]:
        """Add an operation with several outputs; see `add`.

        Parameters
        ----------
        kind : str
            Its name in ONNX.
        n_outputs : int
            How many values come out.
        *inputs : str, array-like or None
            Names of values, or constants; None leaves an optional input out.
        **attributes : object
            Its attributes.

        Returns
        -------
        outputs : list of str
            Their names.
        """
        names = tuple(self._named(each) for each in inputs)
        outputs = [self._new_name() for _ in range(n_outputs)]
        self.operations.append(Operation(kind, names, tuple(outputs), attributes))
        return outputs

    def add_output(self, name: str, kind: str, *inputs: Any) -> None:
        """Add the operation that makes an output of the whole graph.

        Parameters
        ----------
        name : str
            Name of the output.
        kind : str
            Name of the operation in ONNX.
        *inputs : str or array-like
            Names of values, or constants.
        """
        names = tuple(self._named(each) for each in inputs)
        self.operations.append(Operation(kind, names, (name,), {}))

    def constant(self, value: Any) -> str:
        """Add weights.

        Parameters
        ----------
        value : array-like
            The weights.

        Returns
        -------
        name : str
            Their name.

        Raises
        ------
        ValueError
            If a file cannot hold all weights.
        """
        array = np.asarray(value, dtype={float: np.float32, int: np.int64}.get(type(value)))
        self.check_room(array.nbytes)
        self._n_bytes += array.nbytes
        name = self._new_name()
        self.constants[name] = array
        return name

    def check_room(self, n_bytes: int) -> None:
        """Check that a file can hold more weights.

        Parameters
        ----------
        n_bytes : int
            Their size.

        Raises
        ------
        ValueError
            If it cannot.
        """
        if self._n_bytes + n_bytes > MOST_BYTES:
            raise ValueError(
                "model must have weights that fit into one ONNX file, of at most 2 GiB; got "
                f"{(self._n_bytes + n_bytes) / 2**30:.1f} GiB or more: choose a model with sparse "
                "weights or with vectors, or save_model for the serving in Python"
            )

    def loop(
        self, limit: int, states: Sequence[str], body: Callable[..., tuple[str, list[str]]]
    ) -> list[str]:
        """Repeat operations on float64 states.

        Parameters
        ----------
        limit : int
            The most repetitions.
        states : sequence of str
            Names of the first states.
        body : callable
            Takes the names of the number of the repetition, from 0, and of the states, adds
            operations, and returns the names of a boolean scalar, whether to go on, and of the
            new states.

        Returns
        -------
        states : list of str
            Names of the last states.
        """
        outer, self.operations = self.operations, []
        inputs = [self._new_name() for _ in range(2 + len(states))]  # number, condition, states
        goes_on, results = body(inputs[0], *inputs[2:])
        inner = LoopBody(self.operations, tuple(inputs), (goes_on, *results))
        self.operations = outer
        start = np.array(limit), np.array(True), *states
        return self.add_several("Loop", len(states), *start, body=inner)

    def _named(self, value: Any) -> str:
        if value is None:
            return ""
        return value if isinstance(value, str) else self.constant(value)

    def _new_name(self) -> str:
        self._n_names += 1
        return f"v{self._n_names}"

    # histories

    @cached_property
    def seen(self) -> str:
        """What is in the histories, bool of shape (n_rows, n_items)."""
        return self.add("Not", self.add("Equal", "history", 0.0))

    @cached_property
    def history(self) -> str:
        """The histories as the model reads them, float32 of shape (n_rows, n_items)."""
        return "history" if self.reads_values else self.cast(self.seen, np.float32)

    @cached_property
    def lengths(self) -> str:
        """Numbers of entries, float32 of shape (n_rows, 1)."""
        ones = self.cast(self.seen, np.float32)
        return self.add("ReduceSum", ones, np.array([1]), keepdims=1)

    @cached_property
    def used(self) -> str:
        """Items that any of the histories has, and the first one, int64 of shape (n_used,)."""
        counts = self.add("ReduceSum", self.cast(self.seen, np.float32), np.array([0]), keepdims=0)
        one = np.zeros(self.n_items, dtype=np.float32)
        one[:1] = 1  # no runtime need know how to multiply with nothing
        return self.add("Squeeze", self.add("NonZero", self.add("Add", counts, one)), np.array([0]))

    @cached_property
    def used_history(self) -> str:
        """The columns of the histories that are `used`, float32 of shape (n_rows, n_used)."""
        return self.add("Gather", self.history, self.used, axis=1)

    # operations that several models share

    def cast(self, value: str, dtype: type) -> str:
        """Convert values.

        Parameters
        ----------
        value : str
            Name of the values.
        dtype : type
            A type of NumPy.

        Returns
        -------
        value : str
            Name of the converted values.
        """
        return self.add("Cast", value, to=np.dtype(dtype))

    def product(self, weights: Array | CSRMatrix, dtype: type = np.float32) -> str:
        """Multiply the histories with weights; the rows of items that nobody has are not read.

        Parameters
        ----------
        weights : ndarray or csr_matrix of shape (n_items, n_columns)
            Weights; sparse ones stay so in the file.
        dtype : type, default=numpy.float32
            In what to multiply dense ones.

        Returns
        -------
        product : str
            Name of the products, of shape (n_rows, n_columns).
        """
        size = int(np.prod(weights.shape))
        if not sp.issparse(weights):
            dense: Any = weights
        elif _ENTRY_BYTES * weights.nnz > weights.dtype.itemsize * size:
            self.check_room(weights.dtype.itemsize * size)
            dense = weights.toarray()
        elif size <= MOST_UNPACKED:
            dense = self._unpacked(sp.csr_matrix(weights))
        else:
            return self._sparse_product(sp.csr_matrix(weights))
        rows = self.add("Gather", dense, self.used, axis=0)
        history = self.used_history
        if dtype is not np.float32:
            rows, history = self.cast(rows, dtype), self.cast(history, dtype)
        return self.add("MatMul", history, rows)

    def linear(self, value: str, weight: Array, bias: Array | None = None) -> str:
        """Multiply values with a transposed weight, and add a bias.

        Parameters
        ----------
        value : str
            Name of values of shape (n_rows, n_in).
        weight : ndarray of shape (n_out, n_in)
            The weight.
        bias : ndarray of shape (n_out,), default=None
            The bias.

        Returns
        -------
        output : str
            Name of the output, of shape (n_rows, n_out).
        """
        return self.add("Gemm", value, weight, *([] if bias is None else [bias]), transB=1)

    def columns(self, value: str, start: int, stop: int) -> str:
        """Take consecutive columns.

        Parameters
        ----------
        value : str
            Name of values of shape (n_rows, n_columns).
        start, stop : int
            The first column, and that after the last.

        Returns
        -------
        part : str
            Name of the values of shape (n_rows, stop - start).
        """
        return self.add("Slice", value, np.array([start]), np.array([stop]), np.array([1]))

    def _unpacked(self, weights: CSRMatrix) -> str:
        """Make sparse weights dense; runtimes do so once, as nothing but constants is read."""
        place = row_of_entry(weights) * weights.shape[1] + weights.indices
        size = np.array([weights.shape[0] * weights.shape[1]])
        zeros = self.add("ConstantOfShape", size, value=np.zeros(1, dtype=np.float32))
        places = self.cast(self.constant(place.astype(np.int32)), np.int64)
        flat = self.add("ScatterElements", zeros, places, weights.data.astype(np.float32), axis=0)
        return self.add("Reshape", flat, np.array(weights.shape))

    def _sparse_product(self, weights: CSRMatrix) -> str:
        """Add up the stored weights of the items of each history, in their order."""
        n_columns, width = weights.shape[1], np.diff(weights.indptr).astype(np.int64)
        places = self.add("NonZero", self.seen)  # row and item of each entry
        rows = self.add("Gather", places, np.array(0), axis=0)
        items = self.add("Gather", places, np.array(1), axis=0)
        values = self.add("GatherND", self.history, self.add("Transpose", places, perm=[1, 0]))
        widths = self.add("Gather", width, items)
        ends = self.add("CumSum", widths, np.array(0))
        begins = self.add("Sub", ends, widths)
        total = self.add("ReduceSum", widths, keepdims=1)  # (1,)
        entry = self._repeated(begins, widths, total)
        count = self.add("Range", np.array(0), self.add("Squeeze", total), np.array(1))
        shift = self.add(
            "Sub", self.add("Gather", weights.indptr[:-1].astype(np.int64), items), begins
        )
        place = self.add("Add", count, self.add("Gather", shift, entry))
        column = self.cast(self.add("Gather", weights.indices.astype(np.int32), place), np.int64)
        weight = self.add("Gather", weights.data.astype(np.float32), place)
        added = self.add("Mul", weight, self.add("Gather", values, entry))
        start = self.add("Mul", self.add("Gather", rows, entry), n_columns)
        n_rows = self.add("Slice", self.add("Shape", "history"), *map(np.array, ([0], [1])))
        size = self.add("Mul", n_rows, n_columns)
        zeros = self.add("ConstantOfShape", size, value=np.zeros(1, dtype=np.float32))
        at = self.add("Add", start, column)
        sums = self.add("ScatterElements", zeros, at, added, axis=0, reduction="add")
        return self.add("Reshape", sums, np.array([-1, n_columns]))

    def _repeated(self, begins: str, widths: str, total: str) -> str:
        """Repeat the number of each entry as often as its width says."""
        size = self.add("Add", total, 1)  # entries without weights at the end begin there
        zeros = self.add("ConstantOfShape", size, value=np.zeros(1, dtype=np.int64))
        ones = self.add("Add", self.add("Mul", widths, 0), 1)
        marks = self.add("ScatterElements", zeros, begins, ones, axis=0, reduction="add")
        number = self.add("Sub", self.add("CumSum", marks, np.array(0)), 1)
        return self.add("Slice", number, np.array([0]), total)
