"""Optimisers that update the rows of a table that a batch has read, and leave the others alone."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, optim

from skrec import kernels

__all__ = ["ROW_WISE", "rows_follow", "update_anywhere", "update_on_cpu"]


class RowWise(optim.Optimizer):
    """Base of optimisers that take sparse gradients, beside the dense ones of their parent.

    A step costs what the batch does, however many rows there are: rows that are not in it stand
    still. SGD, Adagrad and RMSprop give the numbers of their parent under the dense gradient, in
    which these rows are zero. Adam would move all rows that have ever been in a batch; here a row
    makes up for what it has missed with its next gradient, as `skrec.kernels.update_rows` says.
    Only Adam has a penalty ``weight_decay`` on such a table, and only on rows of the batch. Options
    other than the rate, the penalty and those in ``options`` must be at their defaults.
    """

    options: ClassVar[frozenset[str]] = frozenset()

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
                if table.grad is not None and table.grad.is_sparse:
                    self._update_rows(table, *self._totals(table), group)
                    table.grad = None

    def _totals(self, table: Tensor) -> tuple[Tensor, Tensor]:
        """Return the numbers of the rows in a gradient, and for each the sum over its repetitions.

        On a CPU each number comes once. Elsewhere repeated numbers stay, and the sums with them:
        whatever is computed from these is the same, and the device need not be asked how many
        there are.
        """
        grad: Any = table.grad
        numbers, rows = grad._indices()[0], grad._values()
        # a place in the batch for each row; no state, which would be saved and cast to floats
        kept = self.__dict__.setdefault("_places", {})
        if id(table) not in kept:
            kept[id(table)] = torch.empty(len(table), dtype=torch.int32, device=table.device)
        places = kept[id(table)]
        order = torch.arange(len(numbers), dtype=torch.int32, device=table.device)
        places[numbers] = order
        chosen = places.index_select(0, numbers)
        if table.device.type != "cpu":
            total = torch.zeros_like(rows).index_add_(0, chosen, rows)
            return numbers, total.index_select(0, chosen)
        own = chosen == order
        if own.all():
            return numbers, rows
        total = torch.zeros_like(rows).index_add_(0, chosen, rows)
        return numbers[own], total[own]

    def _update_rows(
        self, table: Tensor, numbers: Tensor, total: Tensor, group: dict[str, Any]
    ) -> None:
        """Update some rows by their gradients."""
        scale = self._scale(table, numbers, total, group)
        rows = table.index_select(0, numbers)
        if scale is None:
            rows.add_(total, alpha=-group["lr"])
        else:
            rows.addcdiv_(total, scale, value=-group["lr"])
        table.index_copy_(0, numbers, rows)

    def _scale(
        self, table: Tensor, numbers: Tensor, total: Tensor, group: dict[str, Any]
    ) -> Tensor | None:
        """Return what the gradients of rows are divided by, and update what is kept of them."""
        return None


class RowSGD(RowWise, optim.SGD):
    """Stochastic gradient descent."""


class RowAdagrad(RowWise, optim.Adagrad):
    """Adagrad."""

    options = frozenset({"eps", "initial_accumulator_value"})

    def _scale(
        self, table: Tensor, numbers: Tensor, total: Tensor, group: dict[str, Any]
    ) -> Tensor:
        sums = self.state[table]["sum"]  # the parent has made it
        square = sums.index_select(0, numbers).addcmul_(total, total)
        sums.index_copy_(0, numbers, square)
        return square.sqrt_().add_(group["eps"])


class RowRMSprop(RowWise, optim.RMSprop):
    """RMSprop."""

    options = frozenset({"alpha", "eps"})

    def _scale(
        self, table: Tensor, numbers: Tensor, total: Tensor, group: dict[str, Any]
    ) -> Tensor:
        state, decay = _moments(self.state[table], table, ("square",)), group["alpha"]
        step = float(state["step"])
        missed = step - state["last"].index_select(0, numbers)
        square = state["square"].index_select(0, numbers).mul_((decay**missed)[:, None])
        square.addcmul_(total, total, value=1 - decay)
        state["square"].index_copy_(0, numbers, square)
        state["last"].index_fill_(0, numbers, step)
        return square.sqrt_().add_(group["eps"])


class RowAdam(RowWise, optim.Adam):
    """Adam."""

    options = frozenset({"betas", "eps"})

    def _update_rows(
        self, table: Tensor, numbers: Tensor, total: Tensor, group: dict[str, Any]
    ) -> None:
        state = _moments(self.state[table], table, ("exp_avg", "exp_avg_sq"))
        penalty = 0.0 if isinstance(self, optim.AdamW) else group["weight_decay"]
        update = update_on_cpu if table.device.type == "cpu" else update_anywhere
        update(table.detach(), state, numbers, total, group, penalty)


class RowAdamW(RowWise, optim.AdamW):
    """AdamW."""

    options = RowAdam.options
    _update_rows = RowAdam._update_rows


def _moments(state: dict[str, Any], table: Tensor, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the state of a table, which is made where there is none, at its next step."""
    if not state:
        state["step"] = torch.tensor(0.0)  # a tensor on the CPU, as the parents have it
        state.update({name: torch.zeros_like(table) for name in names})
    if "last" not in state:  # the step of each row's last update; whole tables until now
        state["last"] = table.new_full((len(table),), float(state["step"]))
    state["step"] += 1
    return state


def update_on_cpu(
    table: Tensor,
    state: dict[str, Any],
    numbers: Tensor,
    total: Tensor,
    group: dict[str, Any],
    penalty: float,
) -> None:
    """Do what `skrec.kernels.update_rows` does; each number comes once."""
    kernels.update_rows(
        (table.numpy(), state["exp_avg"].numpy(), state["exp_avg_sq"].numpy()),
        state["last"].numpy(),
        numbers.numpy(),
        total.numpy(),
        int(state["step"]),
        group["lr"],
        group["betas"],
        group["eps"],
        penalty,
        n_jobs=torch.get_num_threads(),
    )


def update_anywhere(
    table: Tensor,
    state: dict[str, Any],
    numbers: Tensor,
    total: Tensor,
    group: dict[str, Any],
    penalty: float,
) -> None:
    """Do the same on any device; numbers may repeat, with the same total each time."""
    (beta1, beta2), step = group["betas"], float(state["step"])
    missed = (step - state["last"].index_select(0, numbers))[:, None]
    state["last"].index_fill_(0, numbers, step)
    rows = table.index_select(0, numbers)
    total = total.add(rows, alpha=penalty)
    keep = beta1**missed
    mean = state["exp_avg"].index_select(0, numbers).mul_(keep).add_((1 - keep).mul(total))
    square = state["exp_avg_sq"].index_select(0, numbers).mul_(beta2**missed)
    square.addcmul_(total, total, value=1 - beta2)
    state["exp_avg"].index_copy_(0, numbers, mean)
    state["exp_avg_sq"].index_copy_(0, numbers, square)
    root = (square / (1 - beta2**step)).sqrt_().add_(group["eps"])
    rows.addcdiv_(mean, root, value=-group["lr"] / (1 - beta1**step))
    table.index_copy_(0, numbers, rows)


ROW_WISE: dict[type[optim.Optimizer], type[RowWise]] = {
    optim.SGD: RowSGD,
    optim.Adagrad: RowAdagrad,
    optim.RMSprop: RowRMSprop,
    optim.Adam: RowAdam,
    optim.AdamW: RowAdamW,
}

# how a step is computed, which changes no number of a row
_WAYS = {"foreach", "fused"}


def rows_follow(optimizer: type[optim.Optimizer], options: Mapping[str, Any]) -> bool:
    """Return whether updates by rows follow the options of an optimiser.

    Parameters
    ----------
    optimizer : type
        A key of ``ROW_WISE``.
    options : dict
        Its options by name.

    Returns
    -------
    follow : bool
        False for one that only updates of whole tables know, such as the momentum of SGD.
    """
    known, parameters = ROW_WISE[optimizer].options | _WAYS, inspect.signature(optimizer).parameters
    return all(k in known or value == parameters[k].default for k, value in options.items())
