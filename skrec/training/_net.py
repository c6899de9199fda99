"""skorch's net with batches that come ready, a guard against NaN, and honest interrupts."""

import copy
import linecache
import sys

import numpy as np
import torch
from skorch import NeuralNet

from skrec.exceptions import DivergenceError

__all__ = ["RecommenderNet", "StopTraining", "cpu_copy", "run_training"]


class StopTraining(KeyboardInterrupt):
    """Raised by a callback to end training with what was learnt so far."""


class RecommenderNet(NeuralNet):
    """A skorch net that is given an iterable of ready batches in place of a data set.

    A batch is a pair of input and target; both have a length and ``to(device)``. Everything else,
    such as history, callbacks, checkpoints and mixins, is skorch's.
    """

    def get_dataset(self, X, y=None):
        """Give the batches as they are."""
        return X

    def get_split_datasets(self, X, y=None, **fit_params):
        """Give the batches for training, and nothing for validation."""
        return X, None

    def get_iterator(self, dataset, training=False):
        """Give the batches as they are."""
        return dataset

    def infer(self, x, **fit_params):
        """Run the module on an input batch."""
        return self.module_(x.to(self.device), **fit_params)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Give the criterion's loss of a target batch."""
        return self.criterion_(y_pred, y_true.to(self.device))

    def train_step(self, batch, **fit_params):
        """Do one update; a loss that is not finite stops the training with an error."""
        step = super().train_step(batch, **fit_params)
        loss = step["loss"].item()
        if not np.isfinite(loss):
            raise DivergenceError(
                f"the loss became {loss} in epoch {len(self.history)} with lr={self.lr:g}; "
                "a smaller lr usually helps"
            )
        return step


def run_training(net, batches, n_epochs):
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

    Returns
    -------
    net : RecommenderNet
        The trained net.
    """
    if not net.initialized_:
        net.initialize()
    net.notify("on_train_begin", X=batches, y=None)
    try:
        net.fit_loop(batches, epochs=n_epochs)
    except StopTraining:
        pass
    except KeyboardInterrupt:
        if not _raised_by_skorch():
            raise
    net.notify("on_train_end", X=batches, y=None)
    return net


def _raised_by_skorch():
    """Tell whether the exception at hand comes from a raise in skorch's callbacks."""
    traceback = sys.exc_info()[2]
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    frame = traceback.tb_frame
    # a signal can arrive in a line of skorch's too, but not in one that raises by itself
    line = linecache.getline(frame.f_code.co_filename, traceback.tb_lineno)
    in_skorch = frame.f_globals.get("__name__", "").startswith("skorch.callbacks")
    return in_skorch and "raise KeyboardInterrupt" in line


def cpu_state(module):
    """Copy the weights of a module to the CPU."""
    return {
        name: value.detach().to("cpu", copy=True) for name, value in module.state_dict().items()
    }


def load_state(module, state):
    """Put weights that `cpu_state` copied back in place."""
    with torch.no_grad():
        module.load_state_dict(state)


def cpu_copy(module):
    """Give a module on the CPU: itself if it is there, else a copy.

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
