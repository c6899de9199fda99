"""Optimisers by name, and what a class must be to serve as one."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn, optim

from skrec.training import ROW_WISE

__all__ = ["FUSED", "OPTIMIZERS", "WAYS", "check_optimizer", "check_options", "row_wise"]

OPTIMIZERS = {
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "adagrad": optim.Adagrad,
    "rmsprop": optim.RMSprop,
    "sgd": optim.SGD,
}
# one pass over the weights in place of one a term of the update, where torch has it
FUSED = {
    "cpu": {optim.Adam, optim.AdamW, optim.SGD, optim.Adagrad},
    "cuda": {optim.Adam, optim.AdamW, optim.SGD},
}
# options that choose how a step is computed; with one of them the choice is the user's
WAYS = {"capturable", "differentiable", "foreach", "fused"}


def check_optimizer(optimizer: Any) -> type[optim.Optimizer]:
    """Return a class after a check that it serves as an optimiser.

    Parameters
    ----------
    optimizer : type
        What a user passed in place of a name.

    Returns
    -------
    optimizer : type
        The same.

    Raises
    ------
    ValueError
        If it is none of torch's kind, or does not take a learning rate and a weight decay, as
        those do not that need closures or sparse gradients.
    """
    if isinstance(optimizer, type) and issubclass(optimizer, optim.Optimizer):
        parameters = inspect.signature(optimizer).parameters
        anything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        if anything or {"lr", "weight_decay"} <= set(parameters):
            return optimizer
    raise ValueError(
        f"optimizer must be one of {sorted(OPTIMIZERS)} or a class of torch.optim that takes lr "
        f"and weight_decay; got {optimizer!r}"
    )


def check_options(optimizer: type[optim.Optimizer], options: Mapping[str, Any]) -> None:
    """Check that an optimiser takes options, by name and by value.

    Parameters
    ----------
    optimizer : type
        The optimiser.
    options : dict
        What a user passed as ``optimizer_options``.

    Raises
    ------
    ValueError
        If it does not, or if one of them has a parameter of its own.
    """
    for name in ("lr", "weight_decay"):
        if name in options:
            raise ValueError(
                f"optimizer_options must be without {name!r}, which is a parameter of its own; "
                f"got {options!r}"
            )
    known, what = _option_names(optimizer), f"optimizer_options of {optimizer.__name__} must be"
    unknown = [] if known is None else [name for name in options if name not in known]
    if unknown:
        raise ValueError(f"{what} among {known}; got {unknown}")
    try:
        optimizer([torch.zeros(1)], lr=1.0, weight_decay=0.0, **options)  # type: ignore[call-arg]
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{what} values that it takes; got {options!r}: {error}") from error


def _option_names(optimizer: type[optim.Optimizer]) -> list[str] | None:
    """Return the options that an optimiser takes; None where it takes any name."""
    parameters = inspect.signature(optimizer).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return None
    return sorted(set(parameters) - {"params", "lr", "weight_decay"})


def row_wise(optimizer: type[optim.Optimizer], module: Any) -> type[optim.Optimizer]:
    """Return the optimiser that a module needs: one of rows where it has sparse gradients.

    Parameters
    ----------
    optimizer : type
        One of those with a name.
    module : torch.nn.Module or type
        What is trained, or its class.

    Returns
    -------
    optimizer : type
        The same, or its subclass.
    """
    parts = module.modules() if isinstance(module, nn.Module) else ()
    sparse = any(isinstance(part, nn.Embedding) and part.sparse for part in parts)
    return ROW_WISE[optimizer] if sparse else optimizer
