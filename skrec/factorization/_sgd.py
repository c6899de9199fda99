"""Inner products trained with torch, or by compiled steps of stochastic gradient descent."""

import copy
import time
from collections.abc import Iterator
from functools import partial
from numbers import Integral
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from skorch.history import History
from torch import Tensor

from skrec import kernels
from skrec.base import item_vectors, user_vectors
from skrec.exceptions import DivergenceError
from skrec.neural import (
    Dropped,
    Epochs,
    ModuleOf,
    SampledPairRecommender,
    check_model_memory,
    check_weights,
    graph_scores,
    likely_cause,
)
from skrec.nn import Dot, PairModel, SeededCalls, seeded
from skrec.training import (
    NegativeSampler,
    ProgressBar,
    Resuming,
    StopTraining,
    decayed,
    draws_state,
    prepare_process,
    restore_draws,
)
from skrec.typing import Array, CSRMatrix
from skrec.utils import Checkpoint

__all__ = ["DescentRecommender", "LevelDot", "Steps", "table_arrays"]

_POSITIVES_AT_ONCE = 2**18  # in one call of a kernel, which cannot be interrupted

# what the other solver does not read: the values that are accepted, and what to use instead
_NOT_UNDER_SGD = {
    "optimizer": (("adam",), 'the steps are those of plain descent; use solver="torch"'),
    "optimizer_options": ((None, {}), 'the steps are those of plain descent; use solver="torch"'),
    "weight_decay": ((0,), "use l2"),
    "device": (("auto", "cpu"), 'it runs on the CPU; use solver="torch"'),
    "shared_negatives": ((False,), 'its steps have no batches; use solver="torch"'),
    "callbacks": ((None, []), 'there is no net to call them with; use solver="torch"'),
}


class LevelDot(Dot):
    """Inner product with biases of users and items and a global one.

    Parameters
    ----------
    size : int
        Number of factors.
    """

    level: Tensor

    def __init__(self, size: int) -> None:
        super().__init__(size, user_bias=True, item_bias=True)
        self.register_buffer("level", torch.zeros(1))

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score some items of each user: (B, 1 or m, user_size), (B, m, item_size) -> (B, m)."""
        return super().forward(users, items) + self.level

    def cross(self, users: Tensor, side: Tensor) -> Tensor:
        """Score all pairs: (R, user_size), (n_items, item_size) -> (R, n_items).

        Parameters
        ----------
        users : Tensor of shape (R, user_size)
            Vectors of users.
        side : Tensor of shape (n_items, item_size)
            Vectors of items.

        Returns
        -------
        scores : Tensor of shape (R, n_items)
            The scores.
        """
        return super().cross(users, side) + self.level


class DescentRecommender(SampledPairRecommender):
    """Inner products that ``solver`` trains.

    A family writes ``_interaction()``, and ``_descend(...)`` by a kernel.
    """

    solver: Annotated[
        Literal["torch", "sgd"],
        '``"sgd"`` takes a step of plain gradient descent for each pair, compiled and on the CPU. '
        "The rate falls along straight lines within parts of an epoch of at most 2**18 positives, "
        'and ``batch_size`` is not read. ``"torch"`` takes steps of ``optimizer`` on batches, also '
        "on a GPU.",
    ] = "sgd"
    lr: float | Literal["auto"] = "auto"
    lr_decay: Literal["linear", "cosine"] | None = "linear"
    max_epochs: int = 50
    n_negatives: int = 8
    init_std: float = 0.1
    l2: float = 0.01
    early_stopping: bool = False
    n_jobs: Annotated[
        int | None,
        Integral,
        'Threads of ``solver="sgd"``, each with the users of a block of its own, while all change '
        "the items: two runs on several threads differ a little, even with one seed. None takes "
        "that of `joblib.parallel_config`, and one thread outside of it.",
    ] = None

    # with a net, as most checks of networks need one; tests of "sgd" run all that do not
    _fitted: ClassVar = {"module_": ModuleOf(), "history_": Epochs(), "descent_draws_": Dropped()}
    _test_parameters: ClassVar[dict[str, Any]] = {
        **SampledPairRecommender._test_parameters,
        "solver": "torch",
        "lr_decay": None,
        "l2": 0.0,
        "n_negatives": 4,
    }
    user_vectors, item_vectors = user_vectors, item_vectors
    _graph_scores = graph_scores

    # what lr="auto" stands for
    _descent_rate: ClassVar[float]
    _batch_rate: ClassVar[float] = 0.005

    # parameters

    @property
    def _learning_rate(self) -> float:
        if self.lr != "auto":
            return self.lr
        return self._descent_rate if self.solver == "sgd" else self._batch_rate

    def _validate_params(self) -> None:
        super()._validate_params()
        if self.solver == "torch":
            return
        for name, (accepted, advice) in _NOT_UNDER_SGD.items():
            value = getattr(self, name, accepted[0])
            compared = str(value) if name == "device" else value
            if not any(compared == each for each in accepted):
                raise ValueError(
                    f'{name} must be {accepted[0]!r} with solver="sgd"; got {value!r}: {advice}'
                )

    def _forget(self) -> None:
        own = self.__dict__
        last = (self.module_, self.history_) if self.warm_start and "module_" in own else None
        draws = own.get("descent_draws_")
        super()._forget()
        if last is not None:
            self._last_run = last
            self._last_draws = draws

    # training

    def _train(self, X: CSRMatrix, seed: int, device: str) -> None:
        last, draws = (self.__dict__.pop(name, None) for name in ("_last_run", "_last_draws"))
        self._check_same_solver(last)
        if self.solver == "torch":
            super()._train(X, seed, device)
            return
        prepare_process()
        rng = np.random.RandomState(seed)
        batches, watched = self._data(X, rng)
        callbacks = [callback for _, callback in self._callbacks(batches, watched)]
        pairs = SimpleNamespace(X=batches.X, sampler=batches.sampler)
        del batches  # its arrays of all positives are not read
        with seeded(seed), SeededCalls():
            run = self._new_run() if last is None else self._continued_run(*last)
        steps = Steps(pairs.X, pairs.sampler, rng, self._n_threads())
        if draws is not None:  # two halves are one whole
            restore_draws(steps, draws)
        self._descent(run, steps, callbacks, self._checkpoints.next())
        check_weights(self, run)
        self.module_, self.history_ = run.module_.eval(), run.history
        self.descent_draws_ = draws_state(steps) if self.warm_start else None
        self._finish(pairs, rng)

    def _check_same_solver(self, last_run: Any) -> None:
        before = "sgd" if last_run else "torch" if "_last_net" in self.__dict__ else self.solver
        if before != self.solver:
            raise ValueError(
                "solver must be as in the last fit when warm_start=True; got "
                f"{self.solver!r} after {before!r}"
            )

    def _new_run(self) -> SimpleNamespace:
        """Return what callbacks see of a run, as of a net: it has no optimiser."""
        check_model_memory(self, self._modules)
        model = self._model(*self.interactions_.shape)
        with torch.no_grad():
            for table in (model.users.free, model.items):
                table.weight[:, self.n_factors :] = 0  # biases
        return _run_of(model, History(), self._learning_rate)

    def _continued_run(self, module: PairModel, history: History) -> SimpleNamespace:
        run: Any = _run_of(module, history, self._learning_rate)
        self._check_warm_start(run)
        self._renew_module(run)
        return copy.deepcopy(run)

    def _descent(
        self, run: SimpleNamespace, steps: "Steps", callbacks: list[Any], checkpoint: Checkpoint
    ) -> None:
        """Train a module in place."""
        if self.verbose:
            total = len(steps) * self.max_epochs
            callbacks = [*callbacks, ProgressBar(total, type(self).__name__)]
        run.callbacks_ = [(type(callback).__name__, callback) for callback in callbacks]
        resuming: Any = Resuming(checkpoint, steps)  # a run serves as a net
        if resuming.is_finished(run):
            return
        for callback in [*callbacks, resuming]:
            callback.on_train_begin(run)
        try:
            for epoch in range(resuming.n_done, self.max_epochs):
                self._epoch(run, steps, [*callbacks, resuming], epoch)
        except StopTraining:
            pass
        finally:
            for callback in callbacks:
                callback.on_train_end(run)
        resuming.on_train_end(run)  # not where something else ended it

    def _epoch(
        self, run: SimpleNamespace, steps: "Steps", callbacks: list[Any], epoch: int
    ) -> None:
        start, cost = time.perf_counter(), 0.0
        run.history.new_epoch()
        for parts, begin, end in steps:
            rates = self._rate(epoch + begin), self._rate(epoch + end)
            descend = partial(self._descend, run.module_, steps.rows, rates)
            cost += sum(kernels.in_threads(descend, parts, len(parts), shared=True))
            for callback in callbacks:
                callback.on_batch_end(run, training=True)
        n_epochs = len(run.history)
        if not np.isfinite(cost):
            raise DivergenceError(
                f"the loss became {cost} in epoch {n_epochs} with lr={self._learning_rate:g}; "
                f"{likely_cause(self)}"
            )
        n_terms = max(1, steps.n_positives) * self._terms_per_positive
        run.history.record("epoch", n_epochs)
        run.history.record("train_loss", cost / n_terms)
        run.history.record("dur", time.perf_counter() - start)
        for callback in callbacks:
            callback.on_epoch_end(run)

    def _rate(self, n_epochs: float) -> float:
        """Return the learning rate after a number of epochs of this fit."""
        return decayed(self._learning_rate, self.lr_decay, n_epochs / max(1, self.max_epochs))

    def _n_threads(self) -> int:
        return kernels.count_jobs(self.n_jobs, shared=True)

    def _descend(
        self,
        module: PairModel,
        rows: "kernels.Positives",
        rates: tuple[float, float],
        order: Array,
        state: Array,
    ) -> float:
        """Take the steps of some entries with a kernel, and return what they cost before."""
        raise NotImplementedError

    @property
    def _terms_per_positive(self) -> int:
        """The number of terms of the loss that a positive takes part in."""
        return self.n_negatives

    @property
    def _module(self) -> PairModel:
        return self.module_ if "module_" in self.__dict__ else super()._module


class Steps:
    """The positives of each epoch in another order, in parts, as the kernels take them.

    Users who have every item are left out: nothing can be sampled.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        The positives, with sorted indices.
    sampler : NegativeSampler
        What knows the distribution of the negatives.
    rng : RandomState
        Source of the seeds.
    n_blocks : int
        Blocks of users with about as many positives each, one a thread.

    Attributes
    ----------
    rows : Positives
        What users have.
    n_positives : int
        How many of them an epoch takes.
    """

    def __init__(
        self, X: CSRMatrix, sampler: NegativeSampler, rng: np.random.RandomState, n_blocks: int
    ) -> None:
        indptr = sampler.rows.indptr
        users = np.repeat(np.arange(X.shape[0], dtype=np.int32), np.diff(indptr))
        self.rows = sampler.rows._replace(users=users)
        order = np.arange(X.nnz, dtype=np.int32 if X.nnz < 2**31 else np.int64)
        able = sampler.n_free > 0
        order = order if able.all() else order[able[users]]
        self.rng, self.n_positives = rng, len(order)
        # a user is in one block only
        ends = len(order) * np.arange(1, n_blocks) // n_blocks
        cuts = np.searchsorted(order, indptr[users[order[ends]]]) if len(order) else ends
        self._blocks = [
            (block, rng.randint(1, 2**63 - 1, size=1, dtype=np.int64).astype(np.uint64))
            for block in np.split(order, cuts)
        ]

    def state(self) -> dict[str, Any]:
        """Return what the next epochs depend on.

        Returns
        -------
        state : dict
            The order of the positives of each block, and its generator's state.
        """
        return {"blocks": [list(block) for block in self._blocks]}

    def restore(self, state: dict[str, Any]) -> None:
        """Put a state back.

        Parameters
        ----------
        state : dict
            From `state`.
        """
        for block, kept in zip(self._blocks, state["blocks"]):
            for array, before in zip(block, kept, strict=True):
                if array.shape == before.shape:  # or there are other data now
                    array[:] = before

    def __len__(self) -> int:
        return max(1, -(-self.n_positives // _POSITIVES_AT_ONCE))

    def __iter__(self) -> Iterator[tuple[list[tuple[Array, Array]], float, float]]:
        """Shuffle, and iterate over parts with the shares of the epoch before and behind them."""
        kernels.in_threads(kernels.shuffle, self._blocks, len(self._blocks), shared=True)
        n_parts = len(self)
        for part in range(n_parts):
            begin, end = part / n_parts, (part + 1) / n_parts
            parts = [
                (order[int(begin * len(order)) : int(end * len(order))], state)
                for order, state in self._blocks
            ]
            yield parts, begin, end


def _run_of(module: PairModel, history: History, lr: float) -> SimpleNamespace:
    """Return what callbacks see of a run, as they see a net: it has no optimiser."""
    return SimpleNamespace(
        module_=module, history=history, lr=lr, criterion_=None, optimizer_=None, callbacks_=[]
    )


def table_arrays(module: PairModel) -> tuple[Array, Array]:
    """Return the vectors of users and items as arrays that share the memory of the module.

    Parameters
    ----------
    module : PairModel
        A module on the CPU.

    Returns
    -------
    users, items : ndarray of float32 of shape (n, width)
        Its tables.
    """
    return module.users.free.weight.detach().numpy(), module.items.weight.detach().numpy()
