"""The fitted attributes of estimators with a module of torch, as they are written to a file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch.history import History
from torch import nn

from skrec.base import Place
from skrec.base import fields as kinds
from skrec.neural.objectives import ROW_LOSSES, ROW_TERMS
from skrec.nn import SeededCalls, seeded
from skrec.training import DecoderFoldIn, FoldIn, NodeFoldIn, resolve_device
from skrec.typing import Array

__all__ = ["Dropped", "Epochs", "Folder", "ModuleOf", "NetOf"]


class Function(kinds.Field):
    """One of some functions, with values for some of its arguments."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self.functions = functions

    def pack(self, value: Any, at: Place) -> dict[str, Any]:
        called = value.func if isinstance(value, partial) else value
        given = value.keywords if isinstance(value, partial) else {}
        for name, function in self.functions.items():
            if called is function:
                numbers = {k: kinds.Number().check(v, at.inside(k)) for k, v in given.items()}
                return {"function": name, "arguments": numbers}
        at.refuse(f"one of {[*self.functions]}", value)

    def unpack(self, packed: Any, at: Place) -> Callable[..., Any]:
        if not isinstance(packed, dict) or set(packed) != {"function", "arguments"}:
            at.refuse("a function and its arguments", packed)
        name = kinds.Text(tuple(self.functions)).check(packed["function"], at.inside("function"))
        function, given = self.functions[name], packed["arguments"]
        if not isinstance(given, dict) or not set(given) <= set(
            inspect.signature(function).parameters
        ):
            at.refuse(f"arguments of {name}", given)
        numbers = {k: kinds.Number().check(v, at.inside(k)) for k, v in given.items()}
        return partial(function, **numbers) if numbers else function


class TensorOf(kinds.Field):
    """A tensor, written as an array of a kind."""

    def __init__(self, kind: kinds.Floats) -> None:
        self.kind = kind

    def pack(self, value: Any, at: Place) -> Array:
        if not isinstance(value, torch.Tensor):
            at.refuse("a tensor", value)
        return self.kind.check(as_array(value), at)

    def unpack(self, packed: Any, at: Place) -> torch.Tensor:
        return torch.from_numpy(self.kind.check(packed, at))


_FITTED_VECTORS = {
    "n_steps": kinds.Number(),
    "weights": TensorOf(kinds.Floats("features", "vector")),
    "deviation": TensorOf(kinds.Floats("vector")),
}
_SAMPLE = TensorOf(kinds.Integers(None, below="items"))

Folder = kinds.Maybe(
    kinds.OneOf(
        pairs=kinds.Made(
            FoldIn,
            **_FITTED_VECTORS,
            sample=_SAMPLE,
            row_loss=Function(ROW_LOSSES),
            reads_values=kinds.Flag(),
        ),
        nodes=kinds.Made(
            NodeFoldIn,
            **_FITTED_VECTORS,
            sample=_SAMPLE,
            term=Function(ROW_TERMS),
            noise_variance=kinds.Number(),
        ),
        outputs=kinds.Made(DecoderFoldIn, **_FITTED_VECTORS, noise_variance=kinds.Number()),
    )
)


class ModuleOf(kinds.Field):
    """A trained module: its weights, which go into a new one that the estimator makes."""

    def pack(self, value: nn.Module, at: Place) -> dict[str, Any]:
        matrix = at.model._matrix_of(value)
        return {
            "weights": {name: as_array(each) for name, each in value.state_dict().items()},
            "by_rows": [table.sparse for table in _tables(value)],
            "matrix": None if matrix is None else _MATRIX.pack(matrix, at.inside("matrix")),
        }

    def unpack(self, packed: Any, at: Place) -> nn.Module:
        return _rebuilt(packed, at)[0]


_MATRIX = kinds.Matrix("users", "items")


class Dropped(kinds.Field):
    """What only the next fit of the same object goes on from; a file has None in its place."""

    def pack(self, value: Any, at: Place) -> None:
        return None

    def check(self, value: Any, at: Place) -> None:
        return None if value is None else at.refuse("None", value)


class NetOf(kinds.Field):
    """A net of skorch: its module, its history and, where it was kept, the optimiser's state."""

    def pack(self, value: Any, at: Place) -> dict[str, Any]:
        optimizer, names = value.optimizer_, _names_of_weights(value.module_)
        state = {}
        if optimizer is not None:
            state = {
                names[id(weight)]: {name: _state_array(each) for name, each in own.items()}
                for weight, own in optimizer.state.items()
            }
        return {
            "module": ModuleOf().pack(value.module_, at.inside("module_")),
            "history": Epochs().pack(value.history, at.inside("history")),
            "optimizer": None if optimizer is None else state,
        }

    def unpack(self, packed: Any, at: Place) -> Any:
        check_names(packed, {"module", "history", "optimizer"}, at)
        module, network = _rebuilt(packed["module"], at.inside("module_"))
        net = _net_of(at.model, module, network)
        net.draws_ = None
        net.history_ = Epochs().unpack(packed["history"], at.inside("history"))
        _set_optimizer(net, packed["optimizer"], at.inside("optimizer_"))
        return net


class Epochs(kinds.Field):
    """A history of skorch; the rows of its batches are kept in columns."""

    def pack(self, value: Any, at: Place) -> list[dict[str, Any]]:
        return [self._packed(row, at) for row in value]

    def _packed(self, row: dict[str, Any], at: Place) -> dict[str, Any]:
        batches = row.get("batches", [])
        names = [*batches[0]] if batches else []
        own = {name: value for name, value in row.items() if name != "batches"}
        for name, each in own.items():
            _plain(each, at.inside(name))
        columns = {}
        if all([*batch] == names for batch in batches):
            columns = {name: np.array([batch[name] for batch in batches]) for name in names}
            columns = {name: each for name, each in columns.items() if each.dtype.kind in "biuf"}
        return {"epoch": own, "n_batches": len(batches), "batches": columns}

    def unpack(self, packed: Any, at: Place) -> History:
        if not isinstance(packed, list):
            at.refuse("a list of epochs", packed)
        history = History()
        for each in packed:
            check_names(each, {"epoch", "n_batches", "batches"}, at)
            row, columns, n = each["epoch"], each["batches"], each["n_batches"]
            if not isinstance(row, dict) or not isinstance(columns, dict):
                at.refuse("rows of epochs and columns of batches", each)
            for column in columns.values():
                if not isinstance(column, np.ndarray) or column.shape != (n,):
                    at.refuse(f"columns of {n} batches", column)
            values = {name: column.tolist() for name, column in columns.items()}
            batches = [
                dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)
            ]
            plain = {name: _plain(value, at.inside(name)) for name, value in row.items()}
            history.append({"batches": batches, **plain})
        return history


def _rebuilt(packed: Any, at: Place) -> tuple[nn.Module, dict[str, Any]]:
    """Return a module with the weights that were written, and what its estimator makes it of."""
    check_names(packed, {"weights", "by_rows", "matrix"}, at)
    matrix = kinds.Maybe(_MATRIX).unpack(packed["matrix"], at.inside("matrix"))
    with seeded(0), SeededCalls():  # the weights are replaced: drawing them must change nothing
        network = at.model._network_of(matrix)
        module = at.model._built(network)
    _set_weights(module, packed["weights"], at)
    tables, by_rows = _tables(module), packed["by_rows"]
    if not isinstance(by_rows, list) or len(by_rows) != len(tables):
        at.refuse(f"{len(tables)} flags of tables", by_rows)
    for table, sparse in zip(tables, by_rows, strict=True):
        table.sparse = kinds.Flag().check(sparse, at.inside("by_rows"))
    return module.eval(), network


def _net_of(estimator: Any, module: nn.Module, network: dict[str, Any]) -> Any:
    """Return a net around a trained module."""
    net = estimator._net(network, _device_of(estimator), estimator._user_callbacks())
    made = {name: value for name, value in vars(net).items() if name.startswith("module")}
    for name in made:  # skorch would make another module of its class
        del vars(net)[name]
    vars(net)["module"] = module
    net.initialize()
    vars(net).update(made)
    return net


def _plain(value: Any, at: Place) -> Any:
    if value is None or isinstance(value, bool | int | float | str | np.generic):
        return value
    at.refuse("a number or a text", value)


def check_names(packed: Any, names: set[str], at: Place) -> None:
    """Check that a dict has some names and no others."""
    if not isinstance(packed, dict) or set(packed) != names:
        at.refuse(f"values by the names {sorted(names)}", packed)


def as_array(tensor: torch.Tensor) -> Array:
    """Return a tensor as an array."""
    return tensor.detach().cpu().numpy()


def _state_array(value: Any) -> Any:
    return as_array(value) if isinstance(value, torch.Tensor) else value


def _tables(module: nn.Module) -> list[nn.Embedding]:
    return [part for part in module.modules() if isinstance(part, nn.Embedding)]


def _names_of_weights(module: nn.Module) -> dict[int, str]:
    return {id(weight): name for name, weight in module.named_parameters()}


def _device_of(estimator: Any) -> str:
    """Return the device of an estimator, the CPU where that one is not here."""
    try:
        return resolve_device(estimator.device)
    except ValueError:
        return "cpu"


def _set_weights(module: nn.Module, weights: Any, at: Place) -> None:
    """Let the weights of a module be some arrays, after a check of their shapes."""
    own = module.state_dict(keep_vars=True)
    if not isinstance(weights, dict) or set(weights) != set(own):
        at.refuse(f"weights by the names {sorted(own)}", weights)
    for name, weight in own.items():
        array, wanted = weights[name], as_array(weight)
        right = isinstance(array, np.ndarray) and array.dtype == wanted.dtype
        if not right or array.shape != wanted.shape:
            at.inside(name).refuse(f"an array of {wanted.dtype} of shape {wanted.shape}", array)
        weight.data = torch.from_numpy(array)


def _set_optimizer(net: Any, state: Any, at: Place) -> None:
    """Let an optimiser have a state, or the net none where there is no state."""
    if state is None:
        net.optimizer_ = None
        return
    weights = dict(net.module_.named_parameters())
    if not isinstance(state, dict) or not set(state) <= set(weights):
        at.refuse("a state of weights by name", state)
    for name, own in state.items():
        weight, inside = weights[name], at.inside(name)
        if not isinstance(own, dict):
            inside.refuse("values by name", own)
        for key, value in own.items():
            shape = {"step": (), "last": weight.shape[:1]}.get(key, weight.shape)
            kinds.Floats(*shape).check(value, inside.inside(key))
        net.optimizer_.state[weight] = {k: torch.from_numpy(v) for k, v in own.items()}
