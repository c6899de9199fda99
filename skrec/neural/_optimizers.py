"""Optimisers by name, and what a class must be to serve as one."""

import inspect
from typing import Any

from torch import nn, optim

from skrec.training import ROW_WISE

__all__ = ["FUSED", "OPTIMIZERS", "check_optimizer", "row_wise"]

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
