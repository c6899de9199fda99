"""Adam that updates single rows of wide layers."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, optim
from torch.optim.adam import adam

from skrec import kernels

__all__ = ["LazyAdam"]


class LazyAdam(optim.Adam):
    """Adam whose sparse gradients update the rows that they hold, and no others.

    The moments of other rows stand still, so a row does not move on by itself between two of its
    gradients, and the penalty ``weight_decay`` acts on it when it has one. Updates are counted for
    the whole weight. Dense gradients are those of `torch.optim.Adam`.
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Do one update.

        Parameters
        ----------
        closure : callable, default=None
            Computes the gradients anew and returns the loss.

        Returns
        -------
        loss : object
            What the closure returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        sparse = [
            (weight, weight.grad, group)
            for group in self.param_groups
            for weight in group["params"]
            if weight.grad is not None and weight.grad.is_sparse
        ]
        for weight, _, _ in sparse:
            weight.grad = None  # which the parent skips
        super().step()
        with torch.no_grad():
            for weight, grad, group in sparse:
                self._update_rows(weight, grad, group)
                weight.grad = grad
        return loss

    def _update_rows(self, weight: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=weight.device)
            state["exp_avg"] = torch.zeros_like(weight)
            state["exp_avg_sq"] = torch.zeros_like(weight)
        whole = weight.detach(), state["exp_avg"], state["exp_avg_sq"]
        update = _compiled_update if weight.device.type == "cpu" else _gathered_update
        update(whole, *_unique_rows(grad), state["step"], group)


def _compiled_update(
    whole: tuple[Tensor, ...], rows: Tensor, grad: Tensor, step: Tensor, group: dict[str, Any]
) -> None:
    weight, first, second = (each.numpy() for each in whole)
    step += 1
    kernels.update_rows(
        (weight, first, second),
        rows.numpy(),
        grad.numpy(),
        int(step),
        group["lr"],
        group["betas"],
        group["eps"],
        group["weight_decay"],
        n_jobs=torch.get_num_threads(),
    )


def _gathered_update(
    whole: tuple[Tensor, ...], rows: Tensor, grad: Tensor, step: Tensor, group: dict[str, Any]
) -> None:
    weight, first, second = (each.index_select(0, rows) for each in whole)
    adam(
        [weight],
        [grad],
        [first],
        [second],
        [],
        [step],  # which it counts up
        amsgrad=False,
        beta1=group["betas"][0],
        beta2=group["betas"][1],
        lr=group["lr"],
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        maximize=False,
    )
    for each, part in zip(whole, (weight, first, second)):
        each.index_copy_(0, rows, part)


def _unique_rows(grad: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of a sparse gradient, each once, and their values."""
    rows, values = grad._indices()[0], grad._values()
    if (rows.diff() > 0).all():  # autograd forgets that they are
        return rows, values
    grad = grad.coalesce()
    return grad.indices()[0], grad.values()
