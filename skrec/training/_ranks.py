"""Training in several processes at once, each of which takes its part of every batch."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

__all__ = ["Ranks", "current_ranks"]


@dataclass(frozen=True)
class Ranks:
    """The processes of torch's default process group, which all train one model.

    Each has all the data and makes the same batches from the same seed. It computes the gradients
    of its part of a batch; their sum over all processes, weighted by the sizes of the parts, is
    what one process would find, so that all take the same step.

    Parameters
    ----------
    rank : int
        Number of this process, from 0 on.
    size : int
        How many there are.
    """

    rank: int
    size: int

    def part(self, n: int) -> slice:
        """Return the rows of a batch that this process takes.

        Parameters
        ----------
        n : int
            Rows of the batch.

        Returns
        -------
        part : slice
            Adjacent ones, as many as others take, or one more.
        """
        return slice(self.rank * n // self.size, (self.rank + 1) * n // self.size)

    def share(self, value: Any) -> Any:
        """Return what the first process passes, in all.

        Parameters
        ----------
        value : object
            That of this process.

        Returns
        -------
        value : object
            That of the first.
        """
        values = [value]
        dist.broadcast_object_list(values, 0)
        return values[0]

    def agree(self, name: str, value: Any) -> None:
        """Check that a value is the same in all processes.

        Parameters
        ----------
        name : str
            What errors call it.
        value : object
            That of this process.

        Raises
        ------
        ValueError
            If it is not.
        """
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        wrong = [rank for rank, other in enumerate(values) if other != values[0]]
        if wrong:
            raise ValueError(
                f"{name} must be the same in all processes that train together; got another one "
                f"in rank {wrong[0]} than in rank 0"
            )

    def add_up(self, module: nn.Module, loss: Tensor, share: float) -> Tensor:
        """Sum gradients and loss over all processes, in place of those of this one.

        Parameters
        ----------
        module : torch.nn.Module
            With gradients of the mean loss of this process's part.
        loss : Tensor
            That loss, a scalar.
        share : float
            The part's share of the rows of the batch.

        Returns
        -------
        loss : Tensor
            The mean loss of the batch.
        """
        found = [weight for weight in module.parameters() if weight.grad is not None]
        dense = [grad for grad in map(_grad, found) if not grad.is_sparse]
        flat = torch.cat([loss.detach().reshape(1), *(grad.reshape(-1) for grad in dense)])
        flat.mul_(share)
        dist.all_reduce(flat)
        total, *sums = flat.split([1, *(grad.numel() for grad in dense)])
        for grad, own in zip(dense, sums, strict=True):
            grad.copy_(own.view_as(grad))
        for weight in found:
            grad = _grad(weight)
            if grad.is_sparse:
                weight.grad = self._joined(grad, share)
        return total[0]

    def _joined(self, grad: Any, share: float) -> Tensor:
        """Return the sparse gradients of all processes, one behind the other."""
        numbers, rows = grad._indices(), grad._values()
        counts: list[Any] = [numbers.new_empty(1) for _ in range(self.size)]
        dist.all_gather(counts, numbers.new_tensor([numbers.shape[1]]))
        counts = [int(count) for count in counts]
        numbers = torch.cat(self._gathered(numbers[0], counts))
        rows = torch.cat(self._gathered(rows * share, counts))
        return torch.sparse_coo_tensor(numbers[None], rows, grad.shape)

    def _gathered(self, values: Tensor, counts: list[int]) -> list[Tensor]:
        """Return the tensors of all processes, which have so many rows each."""
        padded = values.new_zeros((max(counts), *values.shape[1:]))
        padded[: len(values)] = values
        found = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(found, padded)
        return [part[:count] for part, count in zip(found, counts, strict=True)]


def _grad(weight: nn.Parameter) -> Tensor:
    """Return a gradient that is there."""
    assert weight.grad is not None
    return weight.grad


def current_ranks() -> Ranks | None:
    """Return the processes that train together.

    Returns
    -------
    ranks : Ranks or None
        Those of the default process group of `torch.distributed`, of which there are at least two;
        None where it has not been initialised.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() < 2:
        return None
    return Ranks(dist.get_rank(), dist.get_world_size())
