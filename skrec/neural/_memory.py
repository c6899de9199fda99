"""What a model would take in memory, asked before it is made."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import torch

from skrec.utils import check_memory

__all__ = ["check_model_memory"]

_COPIES = 4  # weights, gradients and the two moments of Adam
_ROW_COPIES = 2  # weights and one moment of tables that are updated by rows
_SMALL = 2**30  # bytes; below, nothing is worth a closer look
_SIZE = re.compile("(factors|size|sizes|filters|maps|inputs|draws)$")


def check_model_memory(estimator: Any, make: Callable[[], Iterable[torch.nn.Module]]) -> None:
    """Refuse a model that the machine cannot hold in training.

    Parameters
    ----------
    estimator : TorchRecommender
        Whose parameters name the sizes.
    make : callable
        Makes the modules; it is called where tensors take no memory.

    Raises
    ------
    MemoryError
        If weights, gradients and the optimiser's state are more than the machine has.
    """
    sizes = _sizes(estimator)
    total = sum(size for values in sizes.values() for size in values)
    n_rows = sum(estimator.interactions_.shape)
    if not sizes or 4 * _COPIES * total * (n_rows + total) < _SMALL:
        return
    name = max(sizes, key=lambda each: max(sizes[each]))
    given = f"{name}={getattr(estimator, name)!r}"
    try:
        with torch.device("meta"):
            n_bytes = sum(map(_module_bytes, make()))
    except (RuntimeError, TypeError, OverflowError):  # torch cannot even count so many
        n_bytes = float(4 * _COPIES * total * n_rows)
    what = f"{given}, with gradients and the state of the optimiser,"
    check_memory(n_bytes, what, f"choose a smaller {name}")


def _module_bytes(module: torch.nn.Module) -> int:
    """Return the least memory that a module takes in training."""
    tables = [part for part in module.modules() if isinstance(part, torch.nn.Embedding)]
    by_rows = {id(table.weight) for table in tables if table.sparse}
    return sum(
        (_ROW_COPIES if id(weight) in by_rows else _COPIES) * weight.numel() * weight.element_size()
        for weight in module.parameters()
    )


def _sizes(estimator: Any) -> dict[str, list[int]]:
    """Return the parameters that are sizes of the model, each as a list."""
    found = {}
    for name, value in estimator.get_params(deep=False).items():
        values = [*value] if isinstance(value, tuple | list) else [value]
        if _SIZE.search(name) and "batch" not in name and values:
            if all(isinstance(each, int) for each in values):
                found[name] = values
    return found
