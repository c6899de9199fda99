"""A graph of scores as a model of ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from skrec.base import LoopBody, Operation, ScoreGraph
from skrec.utils import taking_the_place_of

__all__ = ["import_onnx", "write_graph"]

# what onnxruntime 1.15 and later reads
_OPSET, _FORMAT = 17, 8


def import_onnx() -> ModuleType:
    """Return the package onnx.

    Returns
    -------
    onnx : module
        The package.

    Raises
    ------
    ImportError
        If it is not there; the message names the extra that brings it.
    """
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            "export_onnx needs onnx: pip install 'sklearn-recommenders[onnx]'"
        ) from error
    return onnx


def write_graph(
    graph: ScoreGraph,
    path: str,
    inputs: Mapping[str, tuple[type, list[Any]]],
    outputs: Mapping[str, tuple[type, list[Any]]],
    texts: Mapping[str, str],
) -> None:
    """Write a graph to a file, after a check by onnx, in place of the old one if there is one.

    Parameters
    ----------
    graph : ScoreGraph
        The graph.
    path : str
        The file.
    inputs, outputs : dict of str to tuple
        Type and shape of each by name; axes may have names.
    texts : dict of str to str
        What the file says about itself.

    Raises
    ------
    OSError
        If it cannot be written; the old file is then as it was.
    """
    onnx = import_onnx()
    nodes = [_node(onnx, each) for each in graph.operations]
    weights = [onnx.numpy_helper.from_array(a, name) for name, a in graph.constants.items()]
    given, returned = ([_value(onnx, n, *v) for n, v in each.items()] for each in (inputs, outputs))
    body = onnx.helper.make_graph(nodes, "scores", given, returned, weights)
    opset = [onnx.helper.make_opsetid("", _OPSET)]
    model = onnx.helper.make_model(
        body, opset_imports=opset, ir_version=_FORMAT, producer_name="skrec"
    )
    onnx.helper.set_model_props(model, dict(texts))
    onnx.checker.check_model(model)
    with taking_the_place_of(path) as file:
        file.write(model.SerializeToString())


def _node(onnx: Any, operation: Operation) -> Any:
    attributes = {name: _attribute(onnx, each) for name, each in operation.attributes.items()}
    return onnx.helper.make_node(operation.kind, operation.inputs, operation.outputs, **attributes)


def _attribute(onnx: Any, value: Any) -> Any:
    if isinstance(value, LoopBody):
        return _body(onnx, value)
    if isinstance(value, np.dtype):
        return onnx.helper.np_dtype_to_tensor_dtype(value)
    return onnx.numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value


def _body(onnx: Any, body: LoopBody) -> Any:
    number, condition, *states = body.inputs
    goes_on, *results = body.outputs
    given = [_value(onnx, number, np.int64, []), _value(onnx, condition, np.bool_, [])]
    given += [_value(onnx, name, np.float64, None) for name in states]
    returned = [_value(onnx, goes_on, np.bool_, [])]
    returned += [_value(onnx, name, np.float64, None) for name in results]
    nodes = [_node(onnx, each) for each in body.operations]
    return onnx.helper.make_graph(nodes, "step", given, returned)


def _value(onnx: Any, name: str, dtype: type, shape: list[Any] | None) -> Any:
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return onnx.helper.make_tensor_value_info(name, kind, shape)
