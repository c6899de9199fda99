"""Adam that updates single rows of wide layers."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, optim
from torch.optim.adam import adam

__all__ = ["RowAdam"]


class RowAdam(optim.Adam):
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
            weight.grad = None
        super().step()
        with torch.no_grad():
            for weight, grad, group in sparse:
                self._update_rows(weight, grad.coalesce(), group)
                weight.grad = grad
        return loss

    def _update_rows(self, weight: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=weight.device)
            state["exp_avg"] = torch.zeros_like(weight)
            state["exp_avg_sq"] = torch.zeros_like(weight)
        rows, whole = grad.indices()[0], (weight, state["exp_avg"], state["exp_avg_sq"])
        parts = [each.index_select(0, rows) for each in whole]
        beta1, beta2 = group["betas"]
        adam(
            *([part] for part in (parts[0], grad.values(), *parts[1:])),
            [],
            [state["step"]],
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )
        for each, part in zip(whole, parts):
            each.index_copy_(0, rows, part)
