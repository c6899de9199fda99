"""skorch's net with batches that come ready, a guard against NaN, and honest interrupts."""

import copy
import linecache
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor, nn

from skrec.exceptions import DivergenceError
from skrec.nn import Part, part_of_a_batch
from skrec.training._ranks import current_ranks

__all__ = ["RecommenderNet", "StopTraining", "cpu_copy", "run_training"]

_UNCHECKED = 64  # steps whose losses are read together where the device works ahead

M = TypeVar("M", bound=nn.Module)


class StopTraining(KeyboardInterrupt):
    """Raised by a callback to end training with what was learnt so far."""


class RecommenderNet(NeuralNet):
    """A skorch net that is given an iterable of ready batches in place of a data set.

    A batch is a pair of input and target; both have a length and ``to(device)``. Everything else,
    such as history, callbacks, checkpoints and mixins, is skorch's.
    """

    module_: Any
    criterion_: Any
    optimizer_: Any
    history: Any

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return a parameter of a component, such as ``module__n_items``."""

    def get_dataset(self, X: Any, y: Any = None) -> Any:
        """Return the batches as they are."""
        return X

    def get_split_datasets(self, X: Any, y: Any = None, **fit_params: Any) -> tuple[Any, None]:
        """Return the batches for training, and nothing for validation."""
        return X, None

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return the batches as they are."""
        return dataset

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Run the module on an input batch."""
        return self.module_(x.to(self.device), **fit_params)

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Return the criterion's loss of a target batch."""
        return self.criterion_(y_pred, y_true.to(self.device))

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Do one update; a loss that is not finite stops the training with an error."""
        step: Any = super().train_step(batch, **fit_params)
        if not self._works_ahead:
            self._check_losses([step["loss"].item()])
        return step

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute loss and gradients, of a part of the batch where other processes have the rest.

        A batch with fewer rows than processes is computed by all.
        """
        ranks, n_rows = current_ranks(), len(batch[0])
        if ranks is None or n_rows < ranks.size:
            return super().train_step_single(batch, **fit_params)
        rows = ranks.part(n_rows)
        parts = tuple(_part(each, rows) for each in batch)
        with part_of_a_batch(*_places(batch[0], rows)):
            step: Any = super().train_step_single(parts, **fit_params)
        share = (rows.stop - rows.start) / n_rows
        return {**step, "loss": ranks.add_up(self.module_, step["loss"], share)}

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> None:
        """Run an epoch as skorch does; it does not wait for the loss of each step on CUDA.

        There the losses of an epoch come into the history when they are read, some steps at once,
        and a loss that is not finite is found as late.
        """
        if iterator is None or not self._works_ahead:
            super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)
            return
        losses: list[Tensor] = []
        n_batches = 0
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            losses.append(step["loss"].detach())
            self.history.record_batch(f"{prefix}_batch_size", len(batch[0]))
            self.notify("on_batch_end", batch=batch, training=training, **step)
            n_batches += 1
            if len(losses) == _UNCHECKED:
                self._record_losses(losses, prefix)
        self._record_losses(losses, prefix)
        self.history.record(f"{prefix}_batch_count", n_batches)

    @property
    def _works_ahead(self) -> bool:
        """Whether a step ends before the device has done it."""
        return torch.device(self.device).type != "cpu"

    def _record_losses(self, losses: list[Tensor], prefix: str) -> None:
        """Read losses, write them to the last batches of the history, and forget them."""
        values = torch.stack(losses).tolist() if losses else []
        batches = self.history[-1]["batches"]
        for batch, value in zip(batches[len(batches) - len(values) :], values, strict=True):
            batch[f"{prefix}_loss"] = value
        losses.clear()
        self._check_losses(values)

    def _check_losses(self, losses: list[float]) -> None:
        wrong = [loss for loss in losses if not np.isfinite(loss)]
        if wrong:
            raise DivergenceError(
                f"the loss became {wrong[0]} in epoch {len(self.history)} with lr={self.lr:g}"
            )


def _part(batch: Any, rows: slice) -> Any:
    """Return some rows of a batch."""
    if not hasattr(batch, "part"):
        raise NotImplementedError(
            f"the batches of this model, {type(batch).__name__}, cannot be shared by several "
            "processes; fit it before torch.distributed is initialised, or in one process"
        )
    return batch.part(rows)


def _places(batch: Any, rows: slice) -> tuple[Part, Part | None]:
    """Return where rows and their entries are in a batch."""
    entries = batch.entries(rows)
    where = Part(rows.start, rows.stop, len(batch))
    if entries is None:
        return where, None
    return where, Part(entries.start, entries.stop, batch.entries(slice(0, len(batch))).stop)


def run_training(
    net: RecommenderNet, batches: Iterable[Any], n_epochs: int, resuming: Any = None
) -> RecommenderNet:
    """Train a net, and keep what it is afterwards.

    skorch takes a KeyboardInterrupt as the wish to stop, and its own early stopping raises one.
    Here one from a callback of skorch ends the training, and any other is raised again, so that a
    search does not go on with half a model.

    Parameters
    ----------
    net : RecommenderNet
        Initialised or not.
    batches : iterable
        Batches; each iteration is an epoch.
    n_epochs : int
        Epochs to run.
    resuming : Resuming, default=None
        What knows epochs that an earlier process has run.

    Returns
    -------
    net : RecommenderNet
        The trained net.
    """
    if not net.initialized_:
        net.initialize()
    if resuming is not None:
        if resuming.is_finished(net):
            return net
        net.callbacks_.append(("resuming", resuming))  # behind all others
    net.notify("on_train_begin", X=batches, y=None)
    try:
        net.fit_loop(batches, epochs=n_epochs - (0 if resuming is None else resuming.n_done))
    except StopTraining:
        pass
    except KeyboardInterrupt:
        if not _raised_by_skorch():
            raise
    net.notify("on_train_end", X=batches, y=None)
    return net


def _raised_by_skorch() -> bool:
    """Return whether the exception at hand comes from a raise in skorch's callbacks."""
    traceback: Any = sys.exc_info()[2]
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    frame = traceback.tb_frame
    # a signal can arrive in a line of skorch's too, but not in one that raises by itself
    line = linecache.getline(frame.f_code.co_filename, traceback.tb_lineno)
    in_skorch = frame.f_globals.get("__name__", "").startswith("skorch.callbacks")
    return in_skorch and "raise KeyboardInterrupt" in line


def cpu_state(module: nn.Module) -> dict[str, Tensor]:
    """Copy the weights of a module to the CPU."""
    return {
        name: value.detach().to("cpu", copy=True) for name, value in module.state_dict().items()
    }


def load_state(module: nn.Module, state: dict[str, Tensor]) -> None:
    """Put weights that `cpu_state` copied back in place."""
    with torch.no_grad():
        module.load_state_dict(state)


def cpu_copy(module: M) -> M:
    """Return a module on the CPU: itself if it is there, else a copy.

    Parameters
    ----------
    module : torch.nn.Module
        The module.

    Returns
    -------
    module : torch.nn.Module
        On the CPU.
    """
    if all(weight.device.type == "cpu" for weight in module.parameters()):
        return module
    return copy.deepcopy(module).to("cpu")
