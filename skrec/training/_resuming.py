"""Training that goes on where it was ended, bit for bit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor

from skrec.nn import generator_states, set_generator_states
from skrec.training._net import RecommenderNet
from skrec.training._ranks import current_ranks
from skrec.utils import Checkpoint

__all__ = ["Resuming", "as_arrays", "as_tensors", "draws_state", "restore_draws"]

_PLAIN = bool | int | float | str | None


class Resuming(Callback):
    """Keep the state of a training after each epoch, and put it back where there is one.

    It must be the last callback, so that it sees what the others have done. Of each other callback
    the plain values and tensors in attributes that end with an underscore belong to the state, and
    what has a ``state_dict``.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where the state is.
    batches : iterable
        Batches of the training.
    """

    def __init__(self, checkpoint: Checkpoint, batches: Any) -> None:
        self.checkpoint = checkpoint
        self.batches = batches
        self.n_done = 0

    def is_finished(self, net: RecommenderNet) -> bool:
        """Return whether the training had ended, and is put back.

        Parameters
        ----------
        net : RecommenderNet
            Initialised.

        Returns
        -------
        finished : bool
            If not, nothing is changed.
        """
        state = self._kept()
        if state is None or not state["finished"]:
            return False
        self._put_back(net, state)
        return True

    def on_train_begin(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Put the state back."""
        state = self._kept()
        if state is not None:
            self._put_back(net, state)

    def on_epoch_end(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Keep the state."""
        self.n_done += 1
        if _writes() and self.checkpoint.is_due:
            self.checkpoint.save(self._state(net))

    def on_train_end(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Keep the last state, with the weights that the other callbacks chose."""
        if _writes():
            self.checkpoint.save(self._state(net) | {"finished": True}, must=True)

    def _kept(self) -> Any:
        """Return the state that is kept, in all processes that of the first."""
        state, ranks = self.checkpoint.load() if _writes() else None, current_ranks()
        return ranks.share(state) if ranks else state

    def _state(self, net: Any) -> dict[str, Any]:
        others = [cb for _, cb in net.callbacks_ if cb is not self]
        optimizer = net.optimizer_
        return {
            "finished": False,
            "n_done": self.n_done,
            "module": as_arrays(net.module_.state_dict()),
            "optimizer": None if optimizer is None else as_arrays(optimizer.state_dict()),
            "criterion": {} if net.criterion_ is None else _plain_values(net.criterion_),
            "history": [as_arrays(row) for row in net.history],
            "callbacks": [_callback_state(each) for each in others],
            "draws": draws_state(self.batches),
        }

    def _put_back(self, net: Any, state: Mapping[str, Any]) -> None:
        self.n_done = state["n_done"]
        with torch.no_grad():
            net.module_.load_state_dict(as_tensors(state["module"]))
        if net.optimizer_ is not None:
            net.optimizer_.load_state_dict(as_tensors(state["optimizer"]))
            vars(net.criterion_).update(state["criterion"])
        net.history[:] = as_tensors(state["history"])
        others = [cb for _, cb in net.callbacks_ if cb is not self]
        for callback, own in zip(others, state["callbacks"], strict=True):
            _restore_callback(callback, own)
        restore_draws(self.batches, state["draws"])


def _writes() -> bool:
    """Return whether this process is the only one, or the first of those that train together."""
    ranks = current_ranks()
    return ranks is None or ranks.rank == 0


def as_arrays(value: Any) -> Any:
    """Return a tree with arrays in place of tensors, which `as_tensors` takes back.

    Parameters
    ----------
    value : object
        Dicts, lists, tuples and what they hold.

    Returns
    -------
    value : object
        A tensor is a dict with the key ``"tensor"``.
    """
    if isinstance(value, Tensor):
        return {"tensor": value.detach().cpu().numpy().copy()}
    if isinstance(value, Mapping):
        return {name: as_arrays(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(as_arrays(inner) for inner in value)
    return value


def as_tensors(value: Any) -> Any:
    """Return a tree with the tensors that `as_arrays` has replaced.

    Parameters
    ----------
    value : object
        From `as_arrays`.

    Returns
    -------
    value : object
        The tree.
    """
    if isinstance(value, Mapping):
        if set(value) == {"tensor"}:
            return torch.from_numpy(np.array(value["tensor"]))
        return {name: as_tensors(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(as_tensors(inner) for inner in value)
    return value


def draws_state(batches: Any) -> dict[str, Any]:
    """Return what the draws of the next epochs depend on.

    Parameters
    ----------
    batches : iterable
        With a generator ``rng``, and perhaps a state of their own.

    Returns
    -------
    state : dict
        Of the batches, and of the generators of this thread.
    """
    own = batches.state() if hasattr(batches, "state") else {}
    return {
        "rng": batches.rng.get_state(legacy=False),
        "own": as_arrays(own),
        "generators": as_arrays(generator_states()),
    }


def restore_draws(batches: Any, state: Mapping[str, Any]) -> None:
    """Let the draws of the next epochs go on from a state.

    Parameters
    ----------
    batches : iterable
        Of the same kind.
    state : dict
        From `draws_state`.
    """
    batches.rng.set_state(state["rng"])
    if state["own"]:
        batches.restore(as_tensors(state["own"]))
    set_generator_states(as_tensors(state["generators"]))


def _plain_values(holder: Any) -> dict[str, Any]:
    """Return attributes that are numbers, or pairs of such."""
    plain = {k: v for k, v in vars(holder).items() if not k.startswith("_")}
    return {k: v for k, v in plain.items() if _is_plain(v)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    if isinstance(value, list | tuple):
        return type(value) in (list, tuple) and all(map(_is_plain, value))
    return isinstance(value, _PLAIN | Tensor | np.ndarray | np.generic)


def _callback_state(callback: Callback) -> dict[str, Any]:
    state: dict[str, Any] = {"plain": {}, "state_dict": {}}
    for name, value in vars(callback).items():
        if not name.endswith("_") or name.startswith("_"):
            continue
        if _is_plain(value):
            state["plain"][name] = as_arrays(value)
        elif hasattr(value, "state_dict") and hasattr(value, "load_state_dict"):
            own = as_arrays(value.state_dict())
            if _is_plain(own):
                state["state_dict"][name] = own
    return state


def _restore_callback(callback: Callback, state: Mapping[str, Any]) -> None:
    vars(callback).update(as_tensors(state["plain"]))
    for name, own in state["state_dict"].items():
        if hasattr(callback, name):
            getattr(callback, name).load_state_dict(as_tensors(own))
