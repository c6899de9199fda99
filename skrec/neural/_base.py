"""The base of every estimator that is trained with torch."""

import copy
from fnmatch import fnmatchcase
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from torch import optim

from skrec.base import BaseRecommender
from skrec.interactions import Interactions
from skrec.training import (
    ProgressBar,
    RecommenderNet,
    resolve_device,
    run_training,
    seeded,
)

__all__ = ["TorchRecommender"]

_OPTIMIZERS = {
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "adagrad": optim.Adagrad,
    "rmsprop": optim.RMSprop,
    "sgd": optim.SGD,
}
# one pass over the weights in place of one a term of the update, where torch has it
_FUSED = {
    "cpu": {optim.Adam, optim.AdamW, optim.SGD, optim.Adagrad},
    "cuda": {optim.Adam, optim.AdamW, optim.SGD},
}


class TorchRecommender(BaseRecommender):
    """Shared parameters, the skorch net, devices, seeds and restarts.

    A family writes ``_data(X, rng)``, which gives batches and what to validate on, ``_network()``,
    which gives the net's module, criterion and their parameters, and ``_validation_callback``.
    """

    max_epochs: int = 100
    batch_size: int = 500
    lr: float = 1e-3
    optimizer: str | type = "adam"
    weight_decay: float = 0.0
    device: str = "auto"
    early_stopping: bool = False
    patience: int = 10
    validation_fraction: float = 0.1
    validation_data: Any = None
    validation_metric: str = "ndcg@100"
    callbacks: list | None = None
    verbose: int = 0
    random_state: int | None = None
    warm_start: bool = False

    _net_class: ClassVar[type] = RecommenderNet
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "max_epochs": [Interval(Integral, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "optimizer": [StrOptions(set(_OPTIMIZERS)), type],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "device": [str],
        "early_stopping": ["boolean"],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "validation_data": [tuple, "sparse matrix", "array-like", Interactions, None],
        "validation_metric": [str],
        "callbacks": [list, None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
    }
    _parameter_docs: ClassVar[dict[str, str]] = {
        "max_epochs": """
            max_epochs : int, default=100
                Passes over the training data.""",
        "batch_size": """
            batch_size : int, default=500
                Size of a batch.""",
        "lr": """
            lr : float, default=0.001
                Learning rate.""",
        "optimizer": """
            optimizer : {"adam", "adamw", "adagrad", "rmsprop", "sgd"} or class, default="adam"
                Optimiser, by name or as a class of `torch.optim`.""",
        "weight_decay": """
            weight_decay : float, default=0.0
                The optimiser's penalty on squared weights.""",
        "device": """
            device : str, default="auto"
                Where to train and predict; ``"auto"`` takes CUDA where there is one.""",
        "early_stopping": """
            early_stopping : bool, default=False
                Validate each epoch, stop when it no longer helps, and keep the best weights.""",
        "patience": """
            patience : int, default=10
                Epochs without a new best after which early stopping ends the training.""",
        "validation_fraction": """
            validation_fraction : float, default=0.1
                Share of the users that is held out to validate on, at most 500 of them.""",
        "validation_data": """
            validation_data : tuple, sparse matrix or Interactions, default=None
                Data to validate on in place of held-out users: histories and targets, rows of
                which 20 % are hidden, or targets of the users of ``X``.""",
        "validation_metric": """
            validation_metric : str, default="ndcg@100"
                Ranking metric to validate by.""",
        "callbacks": """
            callbacks : list, default=None
                skorch callbacks; they are copied.""",
        "verbose": """
            verbose : int, default=0
                1 shows a progress bar.""",
        "random_state": """
            random_state : int, RandomState or None, default=None
                Seed of weights, batches and noise.""",
        "warm_start": """
            warm_start : bool, default=False
                Go on from the weights and the optimiser's state of the last ``fit``.""",
    }

    def _forget(self):
        net = self.__dict__.get("net_") if self.warm_start else None
        super()._forget()
        if net is not None:
            self._last_net = net

    def _fit(self, X):
        # None takes fresh entropy: NumPy's global state is left alone
        rng = np.random.RandomState() if self.random_state is None else self.random_state
        seed = check_random_state(rng).randint(2**31 - 1)
        self._train(X, seed, resolve_device(self.device))

    def _train(self, X, seed, device):
        """Train on X and keep the net as ``net_``."""
        batches, validation = self._data(X, np.random.RandomState(seed))
        self.net_ = self._run(batches, self._watch(validation), seed, device)

    def _run(self, batches, callbacks, seed, device):
        """Train a net, new or from the last fit, and give it without what only training needs."""
        if self.verbose:
            total = len(batches) * self.max_epochs
            callbacks = [*callbacks, ("progress", ProgressBar(total, type(self).__name__))]
        with seeded(seed, device):
            net = self._starting_net(device, callbacks)
            run_training(net, batches, self.max_epochs)
        own = {name for name, _ in callbacks}
        net.callbacks_ = [(name, cb) for name, cb in net.callbacks_ if name not in own]
        net.callbacks = self._user_callbacks()
        if not self.warm_start:
            net.optimizer_ = None
        net.module_.eval()
        return net

    def _watch(self, validation):
        """Give the callbacks that watch a validation set, as pairs of name and callback."""
        if validation is None:
            return []
        patience = self.patience if self.early_stopping else None
        return [("validation", self._validation_callback(validation, patience))]

    def _user_callbacks(self):
        return copy.deepcopy(self.callbacks) if self.callbacks else []

    def _starting_net(self, device, callbacks):
        callbacks = [*callbacks, *self._user_callbacks()]
        last = self.__dict__.pop("_last_net", None)
        if last is None:
            net = self._net_class(
                optimizer=self._optimizer_class(),
                lr=self.lr,
                max_epochs=self.max_epochs,
                batch_size=self.batch_size,
                optimizer__weight_decay=self.weight_decay,
                train_split=None,
                callbacks=callbacks,
                callbacks__print_log=None,
                callbacks__valid_loss=None,
                device=device,
                verbose=0,
                **self._fused(device),
                **self._optimizer_options(),
                **self._network(),
            )
            return net.initialize()
        net = copy.deepcopy(last)
        self._check_warm_start(net)
        net.callbacks = callbacks
        net.initialize_callbacks()
        if net.optimizer_ is None:  # the last fit did not know that it would be gone on from
            net.initialize_optimizer()
        net.set_params(lr=self.lr)
        self._set_group_options(net)
        return net

    def _set_group_options(self, net):
        """Give groups of weights the options of their own, such as another learning rate."""
        names = {id(weight): name for name, weight in net.module_.named_parameters()}
        patterns = self._optimizer_options().get("optimizer__param_groups", [])
        for group in net.optimizer_.param_groups:
            name = names[id(group["params"][0])]
            group.update(next((own for p, own in patterns if fnmatchcase(name, p)), {}))

    def _check_warm_start(self, net):
        """Refuse to go on with a net of another size."""

    def _optimizer_class(self):
        return _OPTIMIZERS.get(self.optimizer, self.optimizer)

    def _fused(self, device):
        """Give skorch's parameter for a fused optimizer, where torch has one on the device."""
        known = _FUSED.get(torch.device(device).type, ())
        return {"optimizer__fused": True} if self._optimizer_class() in known else {}

    def _optimizer_options(self):
        """Give the optimizer's further parameters, for skorch."""
        return {}

    def _network(self):
        """Give skorch's ``module``, ``criterion`` and their parameters as a dict."""
        raise NotImplementedError

    def _data(self, X, rng):
        """Give the batches of an epoch, and the validation set or None."""
        raise NotImplementedError

    def _validation_callback(self, validation, patience):
        """Give the callback that evaluates the net on a validation set."""
        raise NotImplementedError

    @property
    def _module(self):
        return self.net_.module_
