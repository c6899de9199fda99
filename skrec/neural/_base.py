"""The base of every estimator that is trained with torch."""

import copy
from contextlib import nullcontext
from fnmatch import fnmatchcase
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from torch import optim

from skrec.base import BaseRecommender, CheckpointFolder, Doc, Link, checkpoints_of, kept_seed
from skrec.exceptions import DivergenceError
from skrec.interactions import Interactions
from skrec.neural._continuation import has_grown, take_weights
from skrec.neural._divergence import check_range, check_scores, check_weights, likely_cause
from skrec.neural._fields import NetOf
from skrec.neural._memory import check_model_memory
from skrec.neural._optimizers import (
    FUSED,
    OPTIMIZERS,
    WAYS,
    check_optimizer,
    check_options,
    row_wise,
)
from skrec.neural._similar_items import similar_items
from skrec.neural.objectives import Objective
from skrec.nn import SeededCalls, seeded
from skrec.training import (
    ROW_WISE,
    LearningRateDecay,
    ProgressBar,
    RecommenderNet,
    Resuming,
    as_arrays,
    check_callbacks,
    copy_callback,
    current_ranks,
    draws_state,
    prepare_process,
    reads_gradients,
    resolve_device,
    restore_draws,
    rows_follow,
    run_training,
    sets_rates,
)
from skrec.typing import CSRMatrix, RandomState
from skrec.utils import Checkpoints, fingerprint

__all__ = ["TorchRecommender"]


class TorchRecommender(BaseRecommender):
    """Shared parameters, the skorch net, devices, seeds and restarts.

    A family holds what it is trained for as ``_objective`` and writes ``_network()``, which
    returns the net's module and its parameters.
    """

    max_epochs: Annotated[
        int,
        Interval(Integral, 0, None, closed="left"),
        "Passes over the training data.",
    ] = 100
    batch_size: Annotated[int, Interval(Integral, 1, None, closed="left"), "Size of a batch."] = 500
    lr: Annotated[float, Interval(Real, 0, None, closed="neither"), "Learning rate."] = 1e-3
    lr_decay: Annotated[
        Literal["linear", "cosine"] | None,
        "Let all learning rates fall to 0, update by update: after t of the T updates that "
        "``max_epochs`` take, they are those of the start times 1 - t / T (linear) or "
        "(1 + cos(pi t / T)) / 2 (cosine). Early stopping does not shorten T, and with "
        "``warm_start`` each ``fit`` has a schedule of its own. None keeps the rates.",
    ] = None
    optimizer: Annotated[
        Literal["adam", "adamw", "adagrad", "rmsprop", "sgd"] | type,
        type,
        Doc(
            "Optimiser, by name or as a class of `torch.optim` that takes ``lr`` and "
            "``weight_decay``.",
            '{"adam", "adamw", "adagrad", "rmsprop", "sgd"} or class',
        ),
    ] = "adam"
    optimizer_options: Annotated[
        dict | None,
        dict,
        'More arguments of the optimiser by name, such as ``{"initial_accumulator_value": 0.1}`` '
        'of Adagrad, or ``{"momentum": 0.9}`` of SGD. With others than in the last ``fit``, or '
        "another optimiser, ``warm_start`` goes on from the weights alone.",
    ] = None
    weight_decay: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "The optimiser's penalty on squared weights.",
    ] = 0.0
    device: Annotated[
        str | torch.device,
        str,
        torch.device,
        Doc(
            'Where to train and predict; ``"auto"`` takes CUDA where there is one.',
            "str or torch.device",
        ),
    ] = "auto"
    early_stopping: Annotated[
        bool,
        "Validate each epoch, stop when it no longer helps, and keep the best weights.",
    ] = False
    patience: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Epochs without a new best after which early stopping ends the training.",
    ] = 10
    validation_fraction: Annotated[
        float,
        Interval(Real, 0, 1, closed="neither"),
        "Share of the users that is held out to validate on, at most 500 of them.",
    ] = 0.1
    validation_data: Annotated[
        Any,
        tuple,
        "sparse matrix",
        "array-like",
        Interactions,
        None,
        Doc(
            "Data to validate on in place of held-out users: histories and targets, rows of which "
            "20 % are hidden, or targets of the users of ``X``. Without ``early_stopping`` it is "
            "only watched: each epoch's metric is in ``net_.history``, the last weights are kept.",
            "tuple, sparse matrix or Interactions",
        ),
    ] = None
    validation_metric: Annotated[str, str, "Ranking metric to validate by."] = "ndcg@100"
    callbacks: Annotated[
        list | None,
        list,
        "skorch callbacks, used as they are: after ``fit`` each holds what it has seen, and each "
        "``fit`` initialises them anew. `sklearn.base.clone` copies them, but not what they refer "
        "to.",
    ] = None
    verbose: Annotated[int, "verbose", "1 shows a progress bar."] = 0
    random_state: Annotated[RandomState, "random_state", "Seed of weights, batches and noise."] = (
        None
    )
    warm_start: Annotated[
        bool,
        "Go on from the weights and the optimiser's state of the last ``fit``. All else is as the "
        "parameters say now, penalties and ``dropout`` too. Parameters of size must be as they "
        "were, and those of the start, such as ``init_std`` or ``pretrain``, have no effect. Where "
        "a model takes a larger X, its first users and items are those of the last ``fit``: they "
        "keep their weights, new ones start at random, and the optimiser anew.",
    ] = False

    checkpoint: CheckpointFolder = None

    # while a fit lasts, see `checkpoints_of`
    _checkpoints: ClassVar[Checkpoints]
    _fitted: ClassVar = {"net_": NetOf()}
    _objective: ClassVar[Objective]
    _net_class: ClassVar[type] = RecommenderNet
    # whether a warm start may have more users or items, whose weights come after those of others
    _grows: ClassVar[bool] = False

    similar_items = similar_items

    def _new_link(self) -> Link:
        return self._objective.link(self)

    # parameters

    def _validate_params(self) -> None:
        super()._validate_params()
        check_range(self)
        resolve_device(self.device)
        optimizer = self._optimizer_class()
        if self.optimizer_options:
            check_options(optimizer, self.optimizer_options)
        check_callbacks(self.callbacks)
        if self.lr_decay is not None and sets_rates(self.callbacks):
            raise ValueError(
                "lr_decay must be None beside a callback that sets the learning rate too, "
                f"LRScheduler; got {self.lr_decay!r}"
            )
        self._objective.check_metric(self.validation_metric)

    def __sklearn_clone__(self) -> Self:
        # scikit-learn would copy what callbacks refer to, and make them of their attributes
        bare = copy.copy(self)
        bare.callbacks = None
        new: Any = super(TorchRecommender, bare).__sklearn_clone__()
        new.callbacks = self.callbacks and [copy_callback(each) for each in self.callbacks]
        return new

    def _forget(self) -> None:
        own = self.__dict__
        net = own.get("net_") if self.warm_start else None
        seen = own.get("interactions_") if self.warm_start else None
        super()._forget()
        if net is not None:
            self._last_net = net
        if seen is not None:
            self._last_frame_: tuple[int, int] = seen.shape

    # training

    def _fit(self, X: CSRMatrix) -> None:
        # None takes fresh entropy: NumPy's global state is left alone
        rng = np.random.RandomState() if self.random_state is None else self.random_state
        seed = check_random_state(rng).randint(2**31 - 1)
        last: Any = self.__dict__.get("_last_net")
        start = None if last is None else (as_arrays(last.module_.state_dict()), last.draws_)
        with checkpoints_of(self, X, start) as checkpoints:
            seed = kept_seed(self, checkpoints, seed)
            self._train(X, self._shared_seed(X, seed), resolve_device(self.device))
        self.__dict__.pop("_last_frame_", None)
        check_scores(self)

    def _shared_seed(self, X: CSRMatrix, seed: int) -> int:
        """Return the seed, that of the first of all processes which train together."""
        ranks = current_ranks()
        if ranks is None:
            return seed
        ranks.agree("X", fingerprint(X))
        return ranks.share(seed)

    def _train(self, X: CSRMatrix, seed: int, device: str) -> None:
        """Train on X and keep the net as ``net_``."""
        rng = np.random.RandomState(seed)
        batches, watched = self._data(X, rng)
        self._prepare(batches, seed)
        self.net_ = self._run(batches, self._callbacks(batches, watched), seed, device)
        self._finish(batches, rng)

    def _data(self, X: CSRMatrix, rng: np.random.RandomState) -> tuple[Any, Any]:
        """Return the batches of an epoch, and what training is watched on or None."""
        watched = None
        if self._watches():
            X, watched = self._objective.hold_out(self, X, rng)
        elif self.validation_data is not None:
            # what is only watched leaves training as it is: it draws from a generator of its own
            X, watched = self._objective.hold_out(self, X, copy.deepcopy(rng))
        return self._objective.batches(self, X, rng), watched

    def _watches(self) -> bool:
        """Return whether what is watched decides on the weights."""
        return self.early_stopping

    def _prepare(self, batches: Any, seed: int) -> None:
        """Do what comes before the net is made, such as training what it starts from."""

    def _finish(self, batches: Any, rng: np.random.RandomState) -> None:
        """Do what comes after training, such as preparing what unseen users need."""

    def _callbacks(self, batches: Any, watched: Any) -> list[tuple[str, Any]]:
        """Return the callbacks of the training, as pairs of name and callback."""
        if watched is None:
            return []
        patience = self.patience if self.early_stopping else None
        watch = self._objective.watch(self, watched, batches, patience)
        watch.keep_best = self._watches()
        return [("validation", watch)]

    def _run(
        self, batches: Any, callbacks: list[tuple[str, Any]], seed: int, device: str
    ) -> RecommenderNet:
        """Train a net, new or from the last fit, and return it without what training needs."""
        total = len(batches) * self.max_epochs
        checkpoint = self._checkpoints.next()
        resuming = None if checkpoint.path is None else Resuming(checkpoint, batches)
        if self.lr_decay is not None:
            callbacks = [*callbacks, ("lr_decay", LearningRateDecay(self.lr_decay, max(1, total)))]
        if self.verbose and getattr(current_ranks(), "rank", 0) == 0:  # one bar for all processes
            callbacks = [*callbacks, ("progress", ProgressBar(total, type(self).__name__))]
        prepare_process()
        with seeded(seed, device):
            with SeededCalls():
                net = self._starting_net(device, callbacks)
            if getattr(net, "draws_", None) is not None:  # two halves are one whole
                restore_draws(batches, net.draws_)
            try:
                with self._seeded_calls():
                    run_training(net, batches, self.max_epochs, resuming)
            except DivergenceError as error:
                raise DivergenceError(f"{error}; {likely_cause(self, net)}") from None
            net.draws_ = draws_state(batches) if self.warm_start else None
        check_weights(self, net)
        own = {name for name, _ in callbacks} | {"resuming"}
        net.callbacks_ = [(name, cb) for name, cb in net.callbacks_ if name not in own]
        net.callbacks = self._user_callbacks()
        if not self.warm_start:
            net.optimizer_ = None
        net.module_.eval()
        return net

    def _seeded_calls(self) -> Any:
        """Return the context of training: an optimiser that is not torch's may draw by itself."""
        known = self._optimizer_class().__module__.startswith("torch.")
        return nullcontext() if known else SeededCalls()

    @property
    def _learning_rate(self) -> float:
        """The rate at the start; a parameter may leave it to a solver."""
        return self.lr

    def _user_callbacks(self) -> list:
        return [*(self.callbacks or [])]

    # the net

    def _network(self) -> dict[str, Any]:
        """Return skorch's ``module`` and its parameters."""
        raise NotImplementedError

    def _starting_net(self, device: str, callbacks: list) -> RecommenderNet:
        """Return the net to train, new or from the last fit."""
        callbacks = [*callbacks, *self._user_callbacks()]
        last = self.__dict__.pop("_last_net", None)
        if last is None:
            net = self._new_net(device, callbacks)
        else:
            own = {id(callback): callback for _, callback in last.callbacks_}  # not copied
            net = self._continued_net(copy.deepcopy(last, own), callbacks)
        self._objective.started(self, net)
        return net

    def _new_net(self, device: str, callbacks: list) -> RecommenderNet:
        check_model_memory(self, self._modules)
        return self._net(self._network(), device, callbacks).initialize()

    def _net(self, network: dict[str, Any], device: str, callbacks: list) -> RecommenderNet:
        """Return a net without a module yet."""
        return self._net_class(
            lr=self._learning_rate,
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            train_split=None,
            callbacks=callbacks,
            callbacks__print_log=None,
            callbacks__valid_loss=None,
            device=device,
            verbose=0,
            **self._optimizer_parameters(network["module"], device),
            **network,
            **self._objective.network(self),
        )

    def _continued_net(self, net: RecommenderNet, callbacks: list) -> RecommenderNet:
        self._check_warm_start(net)
        self._renew_module(net)
        self._renew_criterion(net)
        net.callbacks = callbacks
        net.initialize_callbacks()
        self._continue_optimizer(net)
        net.set_params(lr=self._learning_rate, optimizer__weight_decay=self.weight_decay)
        self._set_group_options(net)
        return net

    def _continue_optimizer(self, net: RecommenderNet) -> None:
        """Let the optimiser go on; another one, or one with other options, begins anew."""
        wanted = self._optimizer_parameters(net.module_, net.device)
        if _identity(wanted) != _identity(vars(net)):
            self._choose_updates(net.module_)
            for name in [name for name in vars(net) if name.startswith("optimizer__")]:
                delattr(net, name)
            vars(net).update(self._optimizer_parameters(net.module_, net.device))
            net.optimizer_ = None
        if net.optimizer_ is None:  # or the last fit did not know that another would follow
            net.initialize_optimizer()

    def _check_warm_start(self, net: RecommenderNet) -> None:
        """Refuse to go on with a net of other data."""

    def _renew_module(self, net: Any) -> None:
        """Make the module by the parameters of now; of the last fit's the weights go on."""
        network, last = self._network_to_go_on(), net.module_
        with seeded(0):  # the weights are replaced: drawing them must not change what follows
            module = self._built(network)
        now, before = ({k: v.shape for k, v in m.state_dict().items()} for m in (module, last))
        if now != before:
            frame = self.interactions_.shape
            last_frame = self.__dict__.get("_last_frame_", frame)
            if not (self._grows and has_grown(now, before, frame, last_frame)):
                raise ValueError(
                    "X and the parameters of size must be as in the last fit when "
                    f"warm_start=True; got a model of {now} after one of {before}"
                )
            module = self._built(network)  # some of these weights stay
            net.optimizer_ = None
        module.to(next(last.parameters()).device)
        take_weights(module, last)
        vars(net).update({k: v for k, v in network.items() if k in vars(net)})
        net.module_ = module

    def _network_to_go_on(self) -> dict[str, Any]:
        """Return what ``_network()`` does, but its weights are replaced."""
        return self._network()

    def _network_of(self, matrix: CSRMatrix | None) -> dict[str, Any]:
        """Return the same for a module that reads a matrix, of which ``_matrix_of`` is one."""
        check_model_memory(self, self._modules)
        return self._network_to_go_on()

    def _matrix_of(self, module: Any) -> CSRMatrix | None:
        """Return the interactions that a module holds beside its weights."""
        return None

    def _renew_criterion(self, net: RecommenderNet) -> None:
        """Make the criterion, which has no weights, by the parameters of now."""
        own = self._objective.network(self)
        for name in [name for name in vars(net) if name.startswith("criterion__")]:
            delattr(net, name)  # another loss has other parameters
        vars(net).update({k: v for k, v in own.items() if k.startswith("criterion")})
        net.initialize_criterion()

    def _set_group_options(self, net: RecommenderNet) -> None:
        """Set the options of groups of weights that have their own, such as a learning rate."""
        names = {id(weight): name for name, weight in net.module_.named_parameters()}
        patterns = self._parameter_groups()
        for group in net.optimizer_.param_groups:
            name = names[id(group["params"][0])]
            group.update(next((own for p, own in patterns if fnmatchcase(name, p)), {}))

    def _optimizer_class(self) -> type[optim.Optimizer]:
        if isinstance(self.optimizer, str):
            return OPTIMIZERS[self.optimizer]
        return check_optimizer(self.optimizer)

    def _optimizer_for(self, module: Any) -> type[optim.Optimizer]:
        """Return the optimiser of a module, or of its class: by rows where gradients are sparse."""
        return row_wise(self._optimizer_class(), module)

    def _optimizer_parameters(self, module: Any, device: str) -> dict[str, Any]:
        """Return skorch's parameters of the optimiser, fused where torch has it on the device."""
        options = self.optimizer_options or {}
        fused = self._optimizer_class() in FUSED.get(torch.device(device).type, ())
        if fused and WAYS.isdisjoint(options):
            options = {"fused": True, **options}
        return {
            "optimizer": self._optimizer_for(module),
            "optimizer__weight_decay": self.weight_decay,
            "optimizer__param_groups": self._parameter_groups(),
            **{f"optimizer__{name}": value for name, value in options.items()},
        }

    def _choose_updates(self, model: Any) -> None:
        """Let those tables of a model be updated by rows of which a batch reads few."""

    @property
    def _allows_row_updates(self) -> bool:
        """Whether nothing that was passed expects the gradients of whole tables."""
        return (
            isinstance(self.optimizer, str)
            and not reads_gradients(self.callbacks)
            and rows_follow(self._optimizer_class(), self.optimizer_options or {})
        )

    def _parameter_groups(self) -> list[tuple[str, dict[str, Any]]]:
        """Return groups of weights: patterns of names, and the optimiser's options for them."""
        return self._objective.parameter_groups(self)

    def _modules(self) -> list[torch.nn.Module]:
        """Return new modules of the net."""
        return [self._built(self._network())]

    def _built(self, network: dict[str, Any]) -> torch.nn.Module:
        module, start = network["module"], "module__"
        own = {k.removeprefix(start): v for k, v in network.items() if k.startswith(start)}
        own |= {
            k.removeprefix(start): v
            for k, v in self._objective.network(self).items()
            if k.startswith(start)
        }
        return module if isinstance(module, torch.nn.Module) else module(**own)

    @property
    def _module(self) -> Any:
        """The trained module, of the family's class."""
        return self.net_.module_


def _identity(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return what makes an optimiser another one: whether by rows, or its penalty, does not."""
    whole = {by_rows: optimizer for optimizer, by_rows in ROW_WISE.items()}
    own = {k: v for k, v in parameters.items() if k.startswith("optimizer__")}
    for name in ("weight_decay", "param_groups"):
        own.pop(f"optimizer__{name}", None)
    return {**own, "optimizer": whole.get(parameters["optimizer"], parameters["optimizer"])}
