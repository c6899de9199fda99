"""Adam that updates single rows of wide layers."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, optim

from skrec import kernels

__all__ = ["LazyAdam"]


class LazyAdam(optim.Adam):
    """Adam whose sparse gradients update the rows that they hold, and no others.

    Other rows stand still, also where Adam would move them on by earlier gradients; what they miss
    is made up for with their next gradient, as `skrec.kernels.update_rows` says. The penalty
    ``weight_decay`` acts on a row when it has a gradient. Dense gradients are those of
    `torch.optim.Adam`.
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
        if "last" not in state:  # dense steps until now
            state["last"] = weight.new_full((len(weight),), float(state["step"]))
        state["step"] += 1
        update = _compiled_update if weight.device.type == "cpu" else _gathered_update
        update(weight.detach(), state, *_unique_rows(grad), group)


def _compiled_update(
    weight: Tensor, state: dict[str, Any], rows: Tensor, grad: Tensor, group: dict[str, Any]
) -> None:
    kernels.update_rows(
        (weight.numpy(), state["exp_avg"].numpy(), state["exp_avg_sq"].numpy()),
        state["last"].numpy(),
        rows.numpy(),
        grad.numpy(),
        int(state["step"]),
        group["lr"],
        group["betas"],
        group["eps"],
        group["weight_decay"],
        n_jobs=torch.get_num_threads(),
    )


def _gathered_update(
    weight: Tensor, state: dict[str, Any], rows: Tensor, grad: Tensor, group: dict[str, Any]
) -> None:
    """Do what `skrec.kernels.update_rows` does, on any device."""
    (beta1, beta2), step = group["betas"], state["step"].to(weight.dtype)
    gap = (step - state["last"][rows])[:, None]
    state["last"][rows] = step
    own = weight[rows]
    grad = grad.add(own, alpha=group["weight_decay"])
    keep = beta1**gap
    mean = state["exp_avg"][rows].mul_(keep).add_((1 - keep).mul(grad))
    square = state["exp_avg_sq"][rows].mul_(beta2**gap).addcmul_(grad, grad, value=1 - beta2)
    state["exp_avg"][rows], state["exp_avg_sq"][rows] = mean, square
    root = (square / (1 - beta2**step)).sqrt_().add_(group["eps"])
    weight[rows] = own - group["lr"] / (1 - beta1**step) * mean / root


def _unique_rows(grad: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of a sparse gradient, each once, and their values."""
    rows, values = grad._indices()[0], grad._values()
    if (rows.diff() > 0).all():  # autograd forgets that they are
        return rows, values
    grad = grad.coalesce()
    return grad.indices()[0], grad.values()
