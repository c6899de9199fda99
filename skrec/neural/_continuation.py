"""Weights of the last fit in a new module, which may have more users and items."""

from collections.abc import Mapping

import torch

__all__ = ["has_grown", "take_weights"]

Sizes = Mapping[str, torch.Size]
Frame = tuple[int, int]


def has_grown(sizes: Sizes, before: Sizes, frame: Frame, last_frame: Frame) -> bool:
    """Return whether weights differ from those before by more users or items alone.

    Parameters
    ----------
    sizes, before : mapping of torch.Size
        Those of the weights by name, now and in the last fit.
    frame, last_frame : tuple of int
        The numbers of users and items, now and in the last fit.

    Returns
    -------
    has_grown : bool
        False where another size differs too, or one is smaller.
    """
    grown = {(now, last) for now, last in zip(frame, last_frame, strict=True) if now > last}
    if sizes.keys() != before.keys():
        return False
    return all(
        len(size) == len(before[name])
        and all(a == b or (a, b) in grown for a, b in zip(size, before[name], strict=True))
        for name, size in sizes.items()
    )


def take_weights(module: torch.nn.Module, last: torch.nn.Module) -> None:
    """Let a module have the weights of another, in place.

    Weights of the same size are the very tensors of the other module, to which an optimiser
    refers. Larger ones, of more users or items, have them in their first rows and columns. Buffers
    that are saved count as weights; the others follow from parameters of the estimator.

    Parameters
    ----------
    module : torch.nn.Module
        Whose weights are replaced.
    last : torch.nn.Module
        The module of the last fit.
    """
    parts = dict(last.named_modules())
    for name, part in module.named_modules():
        own = parts.get(name)
        if own is not None:
            derived = own._non_persistent_buffers_set
            _take(part._parameters, own._parameters)
            _take(part._buffers, {k: v for k, v in own._buffers.items() if k not in derived})


def _take(tensors: dict, last: Mapping) -> None:
    """Replace tensors by those of before, or fill their first rows and columns."""
    for name, value in last.items():
        now = tensors.get(name)
        if value is None or now is None or now.shape == value.shape:
            tensors[name] = value
        else:
            with torch.no_grad():
                now[tuple(slice(0, n) for n in value.shape)] = value
