"""What a model would take in memory, asked before it is made."""

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

import torch

__all__ = ["check_memory", "check_model_memory", "memory_of"]

_COPIES = 4  # weights, gradients and the two moments of Adam
_SMALL = 2**30  # bytes; below, nothing is worth a closer look
_SIZE = re.compile("(factors|size|sizes|filters|inputs|draws)$")


def memory_of(device: str = "cpu") -> int | None:
    """Return the bytes that a device has in all.

    Parameters
    ----------
    device : str, default="cpu"
        The device.

    Returns
    -------
    n_bytes : int or None
        None where the system does not tell.
    """
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def check_memory(given: str, what: str, n_bytes: float, device: str = "cpu") -> None:
    """Refuse what a machine cannot hold.

    Parameters
    ----------
    given : str
        Parameter and value, such as ``"n_negatives=5"``.
    what : str
        What takes the memory, for the message.
    n_bytes : float
        How much it takes.
    device : str, default="cpu"
        Where.

    Raises
    ------
    ValueError
        If it is more than the device has in all.
    """
    available = memory_of(device)
    if available is not None and n_bytes > available:
        raise ValueError(
            f"{given} asks for more memory than there is: {what} would take {n_bytes / 1e9:.4g} "
            f"GB, the {torch.device(device).type} has {available / 1e9:.4g} GB"
        )


def check_model_memory(
    estimator: Any, make: Callable[[], Iterable[torch.nn.Module]], device: str
) -> None:
    """Refuse a model that a device cannot hold in training.

    Parameters
    ----------
    estimator : TorchRecommender
        Whose parameters name the sizes.
    make : callable
        Makes the modules; it is called where tensors take no memory.
    device : str
        Where training runs.

    Raises
    ------
    ValueError
        If weights, gradients and the optimiser's state are more than the device has.
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
            weights = [p for module in make() for p in module.parameters()]
        n_bytes = _COPIES * sum(p.numel() * p.element_size() for p in weights)
    except (RuntimeError, TypeError, OverflowError):  # torch cannot even count so many
        n_bytes = float(4 * _COPIES * total * n_rows)
    check_memory(given, "the model in training", n_bytes, device)


def _sizes(estimator: Any) -> dict[str, list[int]]:
    """Return the parameters that are sizes of the model, each as a list."""
    found = {}
    for name, value in estimator.get_params(deep=False).items():
        values = [*value] if isinstance(value, tuple | list) else [value]
        if _SIZE.search(name) and "batch" not in name and values:
            if all(isinstance(each, int) for each in values):
                found[name] = values
    return found
