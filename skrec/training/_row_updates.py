"""Optimisers that update the rows of a table that a batch has read, and leave the others alone."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, optim

__all__ = ["ROW_WISE"]


class RowWise(optim.Optimizer):
    """Base of optimisers that take sparse gradients, beside the dense ones of their parent.

    A step costs what the batch does, however many rows there are. The numbers are those of the
    parent under the dense gradient, in which the rows that are not in the batch are zero; but Adam
    takes the gradient for its moving average (beta_1 = 0), which would move all rows that have
    ever been in a batch. There is no weight decay of such a table.
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step.

        Parameters
        ----------
        closure : callable, default=None
            Computes the gradients and returns the loss.

        Returns
        -------
        loss : object
            What the closure returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._step_rows()
        super().step()  # which skips what has no gradient
        return loss

    @torch.no_grad()
    def _step_rows(self) -> None:
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is None or not table.grad.is_sparse:
                    continue
                numbers, total = self._totals(table)
                scale = self._scale(table, numbers, total, group)
                rows = table.index_select(0, numbers)
                if scale is None:
                    rows.add_(total, alpha=-group["lr"])
                else:
                    rows.addcdiv_(total, scale, value=-group["lr"])
                table.index_copy_(0, numbers, rows)
                table.grad = None

    def _totals(self, table: Tensor) -> tuple[Tensor, Tensor]:
        """Return the numbers of the rows in a gradient, and for each the sum over its repetitions.

        Where a number repeats, so does the sum: whatever is computed from it is the same, so that
        no place needs to be left out, for which a device would have to wait.
        """
        grad: Any = table.grad
        numbers, rows = grad._indices()[0], grad._values()
        # a place in the batch for each row; no state, which would be saved and cast to floats
        kept = self.__dict__.setdefault("_places", {})
        if id(table) not in kept:
            kept[id(table)] = torch.empty(len(table), dtype=torch.int32, device=table.device)
        places = kept[id(table)]
        places[numbers] = torch.arange(len(numbers), dtype=torch.int32, device=table.device)
        first = places.index_select(0, numbers)
        total = torch.zeros_like(rows).index_add_(0, first, rows)
        return numbers, total.index_select(0, first)

    def _scale(
        self, table: Tensor, numbers: Tensor, total: Tensor, group: dict[str, Any]
    ) -> Tensor | None:
        """Return what the gradients of rows are divided by, and update what is kept of them."""
        return None

    def _mean_square(
        self, table: Tensor, numbers: Tensor, total: Tensor, decay: float
    ) -> tuple[Tensor, int]:
        """Return moving averages of squares, of rows that had none since, and the steps so far."""
        state = self.state[table]
        if not state:
            state["step"] = torch.tensor(0.0)  # a tensor on the CPU, as the parents have it
            state["square"] = torch.zeros_like(table)
            state["last"] = table.new_zeros(len(table))  # step of the last update of each row
        state["step"] += 1
        n_steps = int(state["step"])
        missed = n_steps - state["last"].index_select(0, numbers)
        square = state["square"].index_select(0, numbers).mul_((decay**missed)[:, None])
        square.addcmul_(total, total, value=1 - decay)
        state["square"].index_copy_(0, numbers, square)
        state["last"].index_fill_(0, numbers, n_steps)
        return square, n_steps


class RowSGD(RowWise, optim.SGD):
    """Stochastic gradient descent."""


class RowAdagrad(RowWise, optim.Adagrad):
    """Adagrad."""

    def _scale(
        self, table: Tensor, numbers: Tensor, total: Tensor, group: dict[str, Any]
    ) -> Tensor:
        sums = self.state[table]["sum"]  # the parent has made it
        square = sums.index_select(0, numbers).addcmul_(total, total)
        sums.index_copy_(0, numbers, square)
        return square.sqrt_().add_(group["eps"])


class RowRMSprop(RowWise, optim.RMSprop):
    """RMSprop."""

    def _scale(
        self, table: Tensor, numbers: Tensor, total: Tensor, group: dict[str, Any]
    ) -> Tensor:
        square, _ = self._mean_square(table, numbers, total, group["alpha"])
        return square.sqrt_().add_(group["eps"])


class RowAdam(RowWise, optim.Adam):
    """Adam, on rows without a first moment."""

    def _scale(
        self, table: Tensor, numbers: Tensor, total: Tensor, group: dict[str, Any]
    ) -> Tensor:
        decay = group["betas"][1]
        square, n_steps = self._mean_square(table, numbers, total, decay)
        return square.div_(1 - decay**n_steps).sqrt_().add_(group["eps"])


class RowAdamW(RowWise, optim.AdamW):
    """AdamW, on rows without a first moment."""

    _scale = RowAdam._scale


ROW_WISE: dict[type[optim.Optimizer], type[RowWise]] = {
    optim.SGD: RowSGD,
    optim.Adagrad: RowAdagrad,
    optim.RMSprop: RowRMSprop,
    optim.Adam: RowAdam,
    optim.AdamW: RowAdamW,
}
