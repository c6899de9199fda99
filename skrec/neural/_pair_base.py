"""The base of models of pairs: vectors of users and items under an interaction function."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from skrec.neural._base import TorchRecommender
from skrec.neural._pair_scores import PairScores
from skrec.neural._similar_items import SimilarItems
from skrec.training import FoldIn, cpu_copy, sparse_rows

__all__ = ["PairRecommender"]

_PRIOR_USERS = 5000


class PairRecommender(PairScores, SimilarItems, TorchRecommender):
    """Train vectors of users and items on pairs.

    A family writes ``_model(n_users, n_items)``, which gives a `PairModel`. Users whose vectors
    are free are folded in; where the history alone makes the vector, fold-in is exact. What pairs
    are trained on, and watched, the bases beside it say.
    """

    n_factors: int = 64
    l2: float = 0.0
    init_std: float = 0.01
    batch_size: int = 2048
    lr: float = 2e-3
    fold_in_steps: int = 20

    _loss: ClassVar[type]
    _scores_few_cheaply: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_factors": [Interval(Integral, 1, None, closed="left")],
        "l2": [Interval(Real, 0, None, closed="left")],
        "init_std": [Interval(Real, 0, None, closed="neither")],
        "fold_in_steps": [Interval(Integral, 0, None, closed="left")],
    }
    _parameter_docs: ClassVar[dict[str, str]] = {
        "n_factors": """
            n_factors : int, default=64
                Width of the vectors of users and items.""",
        "l2": """
            l2 : float, default=0.0
                Weight of the squared norms of the vectors that take part in a loss term.""",
        "init_std": """
            init_std : float, default=0.01
                Deviation of the vectors' entries at the start.""",
        "batch_size": """
            batch_size : int, default=2048
                Positives a batch.""",
        "lr": """
            lr : float, default=0.002
                Learning rate.""",
        "weight_decay": """
            weight_decay : float, default=0.0
                The optimiser's penalty on squared weights other than the vectors'.""",
        "fold_in_steps": """
            fold_in_steps : int, default=20
                Steps in which the vector of an unseen user is fitted; 0 leaves it at its start.""",
    }
    _test_parameters: ClassVar[dict[str, Any]] = {
        "n_factors": 8,
        "batch_size": 64,
        "max_epochs": 12,
        "lr": 0.02,
        "init_std": 0.1,
        "fold_in_steps": 5,
        "device": "cpu",
        "random_state": 0,
    }

    def _model(self, n_users, n_items):
        """Give the new module."""
        raise NotImplementedError

    # training

    def _network(self):
        return {
            "module": self._model(*self.interactions_.shape),
            "criterion": self._loss,
            "criterion__l2_users": self.l2,
            "criterion__l2_items": self.l2,
        }

    def _optimizer_options(self):
        free = [(pattern, {"weight_decay": 0.0}) for pattern in ("users.*", "items.*")]
        return {**super()._optimizer_options(), "optimizer__param_groups": free}

    def _train(self, X, seed, device):
        rng = np.random.RandomState(seed)
        batches, validation = self._data(X, rng)
        self._prepare(batches.X, seed)
        self.net_ = self._run(batches, self._watch(validation), seed, device)
        self._finish(batches, rng)

    def _prepare(self, X, seed):
        """Do what comes before the net is made, such as training what it starts from."""

    def _finish(self, batches, rng):
        """Prepare what unseen users need."""
        self.folder_ = None
        if self.__sklearn_tags__().fold_in == "exact":
            return
        known = np.flatnonzero(np.diff(batches.X.indptr))
        known = np.sort(rng.permutation(known)[:_PRIOR_USERS])
        self.folder_ = FoldIn(
            cpu_copy(self._module),
            sparse_rows(self._fold_in_rows(batches.X[known])),
            torch.from_numpy(known),
            n_steps=self.fold_in_steps,
            **self._fold_in_options(batches, rng),
        )

    def _fold_in_rows(self, X):
        """Give histories as `FoldIn` takes them."""
        return X

    def _fold_in_options(self, batches, rng):
        """Give the options of `FoldIn` that depend on the loss."""
        raise NotImplementedError

    def _check_warm_start(self, net):
        model = self._model(*self.interactions_.shape)
        sizes = [{k: v.shape for k, v in m.state_dict().items()} for m in (model, net.module_)]
        if sizes[0] != sizes[1]:
            raise ValueError(
                "X and the parameters of size must be as in the last fit when warm_start=True; "
                f"got a model of {sizes[0]} after one of {sizes[1]}"
            )

    @property
    def user_factors_(self):
        """Free vectors of the users, ndarray of shape (n_users, width); None without any."""
        table = self._module.users.free
        return None if table is None else table.weight.detach().cpu().numpy()

    @property
    def item_factors_(self):
        """Vectors of the items, ndarray of shape (n_items, width)."""
        return self._module.items.weight.detach().cpu().numpy()

    @property
    def history_factors_(self):
        """Vectors of items in a history, ndarray of shape (n_items, width); None without any."""
        table = getattr(self._module.users, "history", None)
        return None if table is None else table.weight.detach().cpu().numpy()
