"""The bases of models of pairs: vectors of users and items under an interaction function."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from torch import Tensor

from skrec.base import Doc, Queries, RatingRecommender
from skrec.base.fields import Anything, Both, Floats, Maybe, Model
from skrec.neural._base import TorchRecommender
from skrec.neural._fields import Folder
from skrec.neural._pretraining import copy_factors, fit_starts
from skrec.neural._rating_validation import RatedData, RatedFraction, RatedMetric
from skrec.neural.objectives import PairObjective, PairRatings, SampledObjective
from skrec.nn import Dot, HistoryEncoder, Interaction, PairModel, UserTable, make_table
from skrec.training import FoldIn, cpu_copy, sparse_rows
from skrec.typing import Array, CSRMatrix
from skrec.utils import has_entries, row_blocks, row_of_entry

__all__ = [
    "AutoPretrain",
    "PairRecommender",
    "Pretrain",
    "RatedPairRecommender",
    "SampledPairRecommender",
    "SharedNegatives",
]

_PRIOR_USERS = 5000
_ROWS_A_READ_ONE = 16  # of a table that is updated by rows; where more are read, whole is faster
_SEEN_AT_ONCE = 2**14

Pretrain = Annotated[
    Any,
    HasMethods(["fit", "get_params"]),
    None,
    Doc(
        "Estimator with vectors of the same widths, such as ``BPRMFRanker(n_factors=64)``, or on "
        "ratings ``BiasedMFRegressor(n_factors=64, bias=False)``. It is cloned, fitted on what is "
        "trained on, and gives the vectors to start from; `sklearn.frozen.FrozenEstimator` keeps "
        "a fitted one as it is. Its parameters are those of this estimator after ``pretrain__``. "
        "None starts at random.",
        "estimator or None",
    ),
]
"""The annotation of ``pretrain``, a parameter of models that may start from a simpler one."""

AutoPretrain = Annotated[Any, HasMethods(["fit", "get_params"]), StrOptions({"auto"}), None]
"""That of models which know a start of their own, without the text that says which."""

SharedNegatives = Annotated[
    bool,
    "Whether all positives of a batch have the same negatives: ``n_negatives`` different items, "
    "whose scores are one matrix product, so that hundreds cost little. The chance of an item to "
    "be among them is proportional to its count to the power ``negative_power``, as far as none "
    "exceeds 1. What a user has is masked: it does not count as a negative of that user.",
]
"""The annotation of ``shared_negatives``, a parameter of models whose scores are products."""


_START = Model(is_asked=False)


class PairRecommender(TorchRecommender):
    """Train vectors of users and items on pairs.

    A family writes ``_interaction()``, or ``_model(n_users, n_items)``, which returns a
    `PairModel`. Users whose vectors are free are folded in under the objective; where the history
    alone makes the vector, fold-in is exact. With a parameter ``pretrain`` the net starts from the
    vectors of another estimator, which is kept as ``pretrained_``; a model that knows
    ``pretrain="auto"`` writes ``_twin``, and one that copies more than vectors writes ``_start``.
    """

    n_factors: Annotated[
        int, Interval(Integral, 1, None, closed="left"), "Width of the vectors of users and items."
    ] = 64
    l2: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Weight of the squared norms of the vectors that take part in a loss term.",
    ] = 0.01
    init_std: Annotated[
        float,
        Interval(Real, 0, None, closed="neither"),
        "Deviation of the vectors' entries at the start.",
    ] = 0.01
    batch_size: Annotated[int, "Positives a batch."] = 2048
    lr: float = 2e-3
    optimizer: Annotated[
        Literal["adam", "adamw", "adagrad", "rmsprop", "sgd"] | type,
        type,
        Doc(
            "Optimiser, by name or as a class of `torch.optim` that takes ``lr`` and "
            "``weight_decay``. With a name, a table of vectors of which a batch reads less than a "
            "sixteenth is updated by rows, so that a step costs the same however many users there "
            "are. Vectors that are not in a batch stand still; under Adam they make up for what "
            "they missed at their next turn, else the numbers are those of whole tables. A class, "
            "a callback that reads gradients, or an option that rows cannot follow, such as "
            "momentum, has whole tables.",
            '{"adam", "adamw", "adagrad", "rmsprop", "sgd"} or class',
        ),
    ] = "adam"
    weight_decay: Annotated[
        float, "The optimiser's penalty on squared weights other than the vectors'."
    ] = 0.0
    fold_in_steps: Annotated[
        int,
        Interval(Integral, 0, None, closed="left"),
        "Steps in which the vector of an unseen user is fitted; 0 leaves it at its start.",
    ] = 20

    _objective: ClassVar[PairObjective]
    _fitted: ClassVar = {
        "pretrained_": Anything(Both(_START, _START), Maybe(_START)),
        "folder_": Folder,
    }
    _scores_few_cheaply: ClassVar[bool] = True
    _calibrates_late: ClassVar[bool] = True
    _fold_in: ClassVar = "approximate"
    _grows: ClassVar[bool] = True
    # size of the sample of items that positives are compared with in fold-in
    _fold_in_items: ClassVar[int] = 512
    # whether batches bring the histories of their users
    _histories: ClassVar[bool] = False
    _test_parameters: ClassVar[dict[str, Any]] = {
        "n_factors": 8,
        "batch_size": 64,
        "max_epochs": 12,
        "lr": 0.02,
        "init_std": 0.1,
        "early_stopping": False,
        "fold_in_steps": 5,
        "device": "cpu",
        "random_state": 0,
    }

    # the model

    def _interaction(self) -> Interaction:
        """Return the new interaction function."""
        raise NotImplementedError

    def _model(self, n_users: int, n_items: int) -> PairModel:
        """Return the new module: free vectors under the interaction function."""
        interaction = self._interaction()
        return PairModel(
            self._encoder(n_users, n_items, interaction.user_size),
            make_table(n_items, interaction.item_size, self.init_std),
            interaction,
        )

    def _encoder(self, n_users: int, n_items: int, size: int) -> UserTable | HistoryEncoder:
        """Return what makes the vectors of users."""
        return UserTable(n_users, size, self.init_std)

    def _twin(self) -> Any:
        """Return the estimator, or a tuple of them, that ``pretrain="auto"`` stands for."""
        raise NotImplementedError

    def _start(self, model: PairModel) -> None:
        """Copy what the fitted ``pretrained_`` knows into a new model."""
        copy_factors(model, self.pretrained_)

    # training

    def _forget(self) -> None:
        before = self.__dict__.get("pretrained_") if self.warm_start else None
        super()._forget()
        if hasattr(self, "pretrain"):
            self.pretrained_ = before

    def _prepare(self, batches: Any, seed: int) -> None:
        if hasattr(self, "pretrain") and "_last_net" not in self.__dict__:
            pretrain = getattr(self, "pretrain", None)
            start = self._twin() if isinstance(pretrain, str) else pretrain
            self.pretrained_ = fit_starts(start, batches.X, seed, self.checkpoint)

    def _network(self) -> dict[str, Any]:
        model = self._model(*self.interactions_.shape)
        if getattr(self, "pretrained_", None) is not None:
            self._start(model)
        self._choose_updates(model)
        return {"module": model}

    def _choose_updates(self, model: PairModel) -> None:
        n_pairs = min(self.batch_size, self.interactions_.nnz)
        n_negatives = getattr(self, "n_negatives", 0)
        shared = getattr(self, "shared_negatives", False)
        n_items = n_pairs + n_negatives if shared else n_pairs * (1 + n_negatives)
        for table in _tables(model):
            n_read = n_items if table is model.items else n_pairs
            few = n_read * _ROWS_A_READ_ONE < table.num_embeddings
            table.sparse = few and self._allows_row_updates

    def _parameter_groups(self) -> list[tuple[str, dict[str, Any]]]:
        free = [(pattern, {"weight_decay": 0.0}) for pattern in ("users.*", "items.*")]
        return [*super()._parameter_groups(), *free]

    def _network_to_go_on(self) -> dict[str, Any]:
        return {"module": self._model(*self.interactions_.shape)}  # not started again

    def _renew_module(self, net: Any) -> None:
        last = net.module_
        super()._renew_module(net)
        for table, before in zip(_tables(net.module_), _tables(last), strict=True):
            table.sparse = before.sparse and self._allows_row_updates

    def _finish(self, batches: Any, rng: np.random.RandomState) -> None:
        self.folder_: Any = None
        if self.__sklearn_tags__().fold_in == "exact":
            return
        known = np.flatnonzero(np.diff(batches.X.indptr))
        known = np.sort(rng.permutation(known)[:_PRIOR_USERS])
        self.folder_ = FoldIn(
            cpu_copy(self._module),
            sparse_rows(self._objective.fold_in_rows(self, batches.X[known])),
            torch.from_numpy(known),
            n_steps=self.fold_in_steps,
            **self._objective.fold_in(self, batches, rng),
        )

    # scores

    def _score_block(self, queries: Queries) -> Array:
        return self._model_scores(self._module, queries)

    def _score_candidates(self, queries: Queries, candidates: Array, **options: Any) -> Array:
        m = candidates.shape[-1]
        scores = np.empty((queries.n_rows, m), dtype=np.float32)
        for rows in row_blocks(queries.n_rows, m * self._pair_bytes()):
            # a row's padding of -1 is scored as if it were the first item, and masked later
            part = np.maximum(candidates if candidates.ndim == 1 else candidates[rows], 0)
            scores[rows] = self._model_scores(self._module, queries.take(rows), part, **options)
        return self._with_prior(scores, queries, candidates, self._prior_scores)

    def _pair_bytes(self) -> int:
        """Return the memory that one pair of a user and a candidate takes while it is scored."""
        interaction = self._module.interaction
        return 12 * (interaction.user_size + interaction.item_size)

    def _model_scores(
        self,
        module: PairModel,
        queries: Queries,
        candidates: Array | None = None,
        seen_matter: bool = True,
    ) -> Array:
        """Return the scores of all items, or of shared or per-row candidates.

        Where seen items do not matter, they are not scored without themselves in the history.
        """
        free = self._free_vectors(module, queries)
        if queries.n_rows == 1 and candidates is None and _is_product(module):
            return self._objective.scores(self, module.interaction.row(free, module.items.weight))
        device = module.items.weight.device
        rows = sparse_rows(queries.history).to(device)
        items = None if candidates is None else torch.from_numpy(candidates).to(device)
        with torch.inference_mode():
            states = module.states(free, rows)
            if items is None or items.ndim == 1:
                scores = module.score_all(states, items)
            else:
                scores = module.score(states, items)
            if module.reads_history and seen_matter:
                place = _seen_places(queries.history, candidates, scores.shape)
                row, column, item = (torch.from_numpy(index).to(device) for index in place)
                # as in training, an item that a user has is scored without it in the history
                for part in torch.arange(len(item), device=device).split(_SEEN_AT_ONCE):
                    score = module.score_inside(states, rows, row[part], item[part])
                    scores[row[part], column[part]] = score
        return self._objective.scores(self, scores.cpu().numpy())

    def _watched_scores(
        self, module: PairModel, queries: Queries, candidates: Array | None
    ) -> Array:
        """Return the scores by which training is watched."""
        return self._model_scores(module, queries, candidates, False)

    def _free_vectors(self, module: PairModel, queries: Queries) -> Tensor | None:
        """Return the free vectors of users, trained or folded in; None where none are free."""
        table = module.users.free
        if table is None:
            return None
        known, users = queries.known()
        if len(users) == len(known) == 1:  # a slice is faster than a gather
            return table.weight.detach()[users[0] : users[0] + 1]
        trained = table.weight.detach()[torch.from_numpy(users).to(table.weight.device)]
        if known.all():  # masks take long for one user
            return trained
        unseen = queries.history if not known.any() else queries.history[~known]
        rows = sparse_rows(self._objective.fold_in_rows(self, unseen))
        folded = self.folder_(cpu_copy(module), rows).to(trained.device)
        if not known.any():
            return folded
        free = trained.new_empty(queries.n_rows, table.embedding_dim)
        free[torch.from_numpy(known)] = trained
        free[torch.from_numpy(~known)] = folded
        return free

    def _user_vectors(self, queries: Queries) -> Array:
        """Return vectors for products, of models whose scores are such."""
        module = self._module
        free = self._free_vectors(module, queries)
        with torch.inference_mode():
            rows = sparse_rows(queries.history).to(module.items.weight.device)
            return module.interaction.user_factors(module.states(free, rows)).cpu().numpy()

    def _item_vectors(self) -> Array:
        module = self._module
        with torch.inference_mode():
            vectors = module.interaction.item_factors(module.item_vectors()).cpu().numpy()
        return self._score_scale() * vectors

    def _score_scale(self) -> float:
        """Return what the objective multiplies the scores of the module with."""
        zero, one = self._objective.scores(self, np.arange(2, dtype=np.float32))
        return one - zero

    @property
    def user_factors_(self) -> Array | None:
        """Free vectors of the users, ndarray of shape (n_users, width); None without any."""
        table = self._module.users.free
        return None if table is None else table.weight.detach().cpu().numpy()

    @property
    def item_factors_(self) -> Array:
        """Vectors of the items, ndarray of shape (n_items, width)."""
        return self._module.items.weight.detach().cpu().numpy()

    @property
    def history_factors_(self) -> Array | None:
        """Vectors of items in a history, ndarray of shape (n_items, width); None without any."""
        table = getattr(self._module.users, "history", None)
        return None if table is None else table.weight.detach().cpu().numpy()


def _tables(model: PairModel) -> list[torch.nn.Embedding]:
    """Return the tables of a model that can be updated by rows."""
    both = model.users.free, model.items
    return [table for table in both if isinstance(table, torch.nn.Embedding)]


def _is_product(module: Any) -> bool:
    """Return whether scores are inner products of tables in memory that NumPy reads too."""
    return (
        type(module) is PairModel
        and type(module.interaction) is Dot
        and type(module.users) is UserTable
        and module.items.weight.is_cpu
    )


def _seen_places(
    history: CSRMatrix, candidates: Array | None, shape: Sequence[int]
) -> tuple[Array, Array, Array]:
    """Return row, column and item of the scores of what users have."""
    if candidates is None:
        items = history.indices.astype(np.int64)
        return row_of_entry(history), items, items
    candidates = np.broadcast_to(candidates, shape)
    users = np.arange(len(candidates))[:, None]
    row, column = np.nonzero(has_entries(history, users + 0 * candidates, candidates))
    return row, column, candidates[row, column]


class SampledPairRecommender(PairRecommender):
    """Positives and sampled negatives to train on, held-out interactions to watch."""

    n_negatives: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Items that a user lacks, drawn anew each epoch for each positive.",
    ] = 1
    negative_power: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Negatives are drawn in proportion to their counts to this power; 0 is uniform.",
    ] = 0.0
    early_stopping: bool = True
    validation_fraction: Annotated[
        float,
        "Share of the users of whom one interaction is held out, at most 500 of them. Where no "
        "user has two, nothing is: all epochs are trained, with a warning.",
    ] = 0.5
    validation_data: Annotated[
        Any,
        Doc(
            "Pairs to validate on in place of held-out ones, in the frame of ``X``. Without "
            "``early_stopping`` they are only watched: each epoch's metric is in "
            "``net_.history``, the last weights are kept.",
            "Interactions",
        ),
    ] = None
    validation_metric: str = "ndcg@100"
    validation_candidates: Annotated[
        int | None,
        Interval(Integral, 1, None, closed="left"),
        "Rank each validation item among so many drawn ones, a sampled metric; None ranks all "
        "items.",
    ] = None

    _objective: ClassVar[SampledObjective]
    _fitted: ClassVar = {"negative_probabilities_": Maybe(Floats("items"))}
    _test_parameters: ClassVar[dict[str, Any]] = {
        **PairRecommender._test_parameters,
        "l2": 0.0,
    }

    def _finish(self, batches: Any, rng: np.random.RandomState) -> None:
        self.negative_probabilities_ = batches.sampler.probabilities
        super()._finish(batches, rng)


class RatedPairRecommender(PairRecommender, RatingRecommender):
    """Ratings are predicted.

    The net learns what is above or below the mean of all ratings, ``rating_mean_``.
    """

    validation_fraction: RatedFraction = 0.1
    validation_data: RatedData = None
    validation_metric: RatedMetric = "rmse"

    _objective: ClassVar[PairObjective] = PairRatings()

    def _data(self, X: CSRMatrix, rng: np.random.RandomState) -> tuple[Any, Any]:
        self.rating_mean_ = float(X.data.mean(dtype=np.float64))
        return super()._data(X, rng)
