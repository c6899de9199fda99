"""The fit of a free vector to each row: a regression to start from, and steps of Adam."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from skrec.nn import SparseRows

__all__ = ["LEAST_GRADIENT", "MOMENTS", "VectorFit", "parts_of", "take_rows"]

MOMENTS = 0.9, 0.99  # decay of Adam's averages: the second forgets soon, for runs are short
_RATE = 0.2  # Adam's, in units of the prior's deviation
LEAST_GRADIENT = 1e-2  # below it steps shrink, so that rounding noise is not blown up to a step


class VectorFit:
    r"""Fit a free vector to each row, everything else frozen.

    Minimises, over the vector x of a row R,

    .. math:: L_R(x) + \tfrac12 \| (x - W\phi(R)) / \tau \|^2

    The start :math:`W\phi(R)` is a ridge regression of the trained vectors on features of their
    rows, and :math:`\tau` the deviation that it leaves. Adam takes a fixed number of steps in
    float64, so that a row's answer does not depend on other rows.

    A subclass writes ``_features(model, rows)``, ``_frozen(model)``, which returns what the loss
    needs of the model, ``_loss(frozen, rows)``, which returns L as a function of the vectors, and
    ``_bytes(model)``; it calls ``_regress`` when it is made.

    Parameters
    ----------
    n_steps : int
        Steps of Adam.
    """

    def __init__(self, n_steps: int) -> None:
        self.n_steps = n_steps

    def __call__(self, model: Any, rows: SparseRows) -> Tensor:
        """Fit the free vectors of histories.

        Parameters
        ----------
        model : torch.nn.Module
            The trained model, on the CPU.
        rows : SparseRows
            The histories.

        Returns
        -------
        free : Tensor of shape (n_rows, size)
            float32.
        """
        with torch.inference_mode(False):
            # tensors made in inference mode cannot take part in gradients
            rows = type(rows)(*(part.clone() for part in (rows.indices, rows.offsets, rows.values)))
            exact = self._frozen(model)
            if len(rows) == 1:
                return self._fit(exact, rows).float()
            free = torch.empty(len(rows), self.weights.shape[1])
            for part in parts_of(rows, *self._bytes(model)):
                free[part] = self._fit(exact, take_rows(rows, part)).float()
        return free

    def _regress(self, features: Tensor, vectors: Tensor) -> None:
        """Learn the start, and the deviation that it leaves, from trained vectors in float64."""
        gram = features.T @ features
        ridge = (1e-3 * gram.diagonal().mean() + 1e-9) * torch.eye(len(gram), dtype=gram.dtype)
        self.weights = torch.linalg.solve(gram + ridge, features.T @ vectors)
        residual = vectors - features @ self.weights
        self.deviation = residual.square().mean(0).sqrt().clamp(min=1e-4)

    def _features(self, model: Any, rows: SparseRows) -> Tensor:
        """Return what a row's vector is regressed on, of shape (n_rows, n_features)."""
        raise NotImplementedError

    def _frozen(self, model: Any) -> Any:
        """Return the model's parts that do not change, without gradients of their own."""
        raise NotImplementedError

    def _loss(self, frozen: Any, rows: SparseRows) -> Callable[[Tensor], Tensor]:
        """Return the loss of rows as a function of their vectors."""
        raise NotImplementedError

    def _bytes(self, model: Any) -> tuple[int, int]:
        """Return the memory that an entry, and a row beside its entries, take while fitted."""
        raise NotImplementedError

    def _fit(self, model: Any, rows: SparseRows) -> Tensor:
        """Fit the vectors of a few rows, of shape (n_rows, size)."""
        with torch.no_grad():
            start = self._features(model, rows) @ self.weights
            loss = self._loss(model, rows)
        return self._descend(loss, start)

    def _descend(self, loss: Any, start: Tensor) -> Tensor:
        """Take the steps of Adam."""
        x = torch.zeros_like(start)  # in units of the prior's deviation
        first, second = torch.zeros_like(x), torch.zeros_like(x)
        for step, rate in enumerate(self.rates(), start=1):
            gradient = self._gradient(loss, start, x)
            first.lerp_(gradient, 1 - MOMENTS[0])
            second.lerp_(gradient.square(), 1 - MOMENTS[1])
            size = (second / (1 - MOMENTS[1] ** step)).sqrt_().add_(LEAST_GRADIENT)
            x -= rate / (1 - MOMENTS[0] ** step) * first / size
        return start + x * self.deviation

    def rates(self) -> list[float]:
        """Return the rate of each step, which falls to 0.

        Returns
        -------
        rates : list of float
            One a step.
        """
        angles = (math.pi * step / self.n_steps for step in range(self.n_steps))
        return [_RATE * 0.5 * (1 + math.cos(angle)) for angle in angles]

    def _gradient(self, loss: Callable[[Tensor], Tensor], start: Tensor, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            total = loss(start + x * self.deviation) + 0.5 * x.square().sum()
            return torch.autograd.grad(total, x)[0]


def parts_of(
    rows: SparseRows, entry_bytes: int, row_bytes: int, limit: int = 2**26
) -> Iterator[slice]:
    """Split rows into slices of about ``limit`` bytes."""
    cost = (rows.offsets * entry_bytes + torch.arange(len(rows) + 1) * row_bytes).tolist()
    start = 0
    while start < len(rows):
        stop = start + 1
        while stop < len(rows) and cost[stop + 1] - cost[start] <= limit:
            stop += 1
        yield slice(start, stop)
        start = stop


def take_rows(rows: SparseRows, part: slice) -> SparseRows:
    """Return a slice of rows."""
    offsets = rows.offsets[part.start : part.stop + 1]
    entries = slice(int(offsets[0]), int(offsets[-1]))
    return type(rows)(rows.indices[entries], offsets - offsets[0], rows.values[entries])
