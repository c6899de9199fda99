"""What the models of Gaussian vectors share as estimators."""

import copy
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from skrec.base import Queries
from skrec.neural import PairRecommender, Pretrain, copy_factors
from skrec.nn import GaussianPairModel, PairModel, UserTable, make_gaussian_table, variance_of
from skrec.training import RecommenderNet, sparse_rows
from skrec.typing import Array
from skrec.utils import row_blocks

__all__ = ["GaussianRecommender", "NCandidates"]

_VALIDATION_DRAWS = 2

NCandidates = Annotated[
    int | None,
    Interval(Integral, 1, None, closed="left"),
    None,
    "Items of each user that a first stage without draws passes on to the draws in ``recommend`` "
    "and in scorers of rankings, at least as many as are asked for; None scores all items by "
    "draws.",
]
"""The annotation of ``n_candidates``, a parameter of models whose scores cost many draws."""


class _RestrainedNet(RecommenderNet):
    """A net whose loss has a share of the divergence of all Gaussians from a prior."""

    # weight of the divergence beside the mean loss of a batch, and the variance of the prior
    restraint_ = 0.0, 1.0

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Any:
        loss = super().get_loss(y_pred, y_true, X, training)
        weight, prior_variance = self.restraint_
        return loss + weight * self.module_.divergence(prior_variance) if weight else loss


class GaussianRecommender(PairRecommender):
    """A diagonal Gaussian for each user and each item.

    A model writes ``_interaction()``, a function of draws or of means and variances. Where scores
    are computed from draws, it has ``n_draws``; a score is then the average over ``n_samples``
    sets of draws, and fold-in sees one of them. With ``n_candidates`` lists are ranked in two
    stages, and only the second one draws.

    The divergence of a Gaussian counts once an epoch, as in Bayes' rule, and not once a pair: so
    the more data there are of a user, the less does the prior keep the variance up.
    """

    n_factors: Annotated[int, "Dimensions D of the Gaussians of users and items."] = 64
    l2: Annotated[
        float, "Weight of the squared norms of the means that take part in a loss term."
    ] = 0.0
    init_std: Annotated[float, "Deviation of the means' entries at the start."] = 0.1
    init_variance: Annotated[
        float,
        Interval(Real, 0, None, closed="neither"),
        "Middle of the variances at the start, uniform within half of it around.",
    ] = 0.1
    kl_weight: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Weight of the divergence of each Gaussian from the prior, which counts once beside the "
        "losses of all its pairs: 1 is Bayes' rule, under which a variance falls with the number "
        "of interactions; 0 leaves variances free.",
    ] = 0.0
    prior_variance: Annotated[
        float,
        Interval(Real, 0, None, closed="neither"),
        "Variance of the prior, a Gaussian around zero that is the same in all dimensions.",
    ] = 1.0
    n_samples: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Draws for ``return_std``, and for predictions that are averages over draws; more take "
        "longer and are less noisy.",
    ] = 10
    pretrain: Annotated[
        Pretrain,
        "Estimator with vectors of ``n_factors``, such as ``MFClassifier(bias=False)``, that is "
        "cloned, fitted on what is trained on, and gives the means to start from; "
        "`sklearn.frozen.FrozenEstimator` keeps a fitted one as it is. Its parameters are those "
        "of this estimator after ``pretrain__``. None starts at random.",
    ] = None

    _probabilistic: ClassVar[bool] = True
    # whether scores are computed from draws
    _drawn: ClassVar[bool] = True
    # whether the loss of a positive is the mean over it and its negatives
    _averages_pairs: ClassVar[bool] = False
    _net_class: ClassVar[type] = _RestrainedNet

    def _model(self, n_users: int, n_items: int) -> GaussianPairModel:
        start = self.n_factors, self.init_std, self.init_variance
        users = UserTable(n_users, 2 * self.n_factors)
        users.free = make_gaussian_table(n_users, *start)
        items = make_gaussian_table(n_items, *start)
        return GaussianPairModel(users, items, self._interaction())

    def _start(self, model: PairModel) -> None:
        copy_factors(model, self.pretrained_, columns=slice(self.n_factors))

    # training

    def _prepare(self, batches: Any, seed: int) -> None:
        super()._prepare(batches, seed)
        self._n_trained = batches.X.nnz  # until the net starts

    def _starting_net(self, device: str, callbacks: list) -> RecommenderNet:
        net: Any = super()._starting_net(device, callbacks)
        n_terms = self.__dict__.pop("_n_trained")
        if self._averages_pairs:
            n_terms *= 1 + getattr(self, "n_negatives", 0)
        net.restraint_ = self.kl_weight / n_terms, self.prior_variance
        return net

    @property
    def _allows_row_updates(self) -> bool:
        # the divergence has gradients of whole tables
        return super()._allows_row_updates and not self.kl_weight

    def _check_warm_start(self, net: RecommenderNet) -> None:
        super()._check_warm_start(net)
        before = getattr(net.module_.interaction, "n_draws", None)
        now = getattr(self, "n_draws", None)
        if self._drawn and before != now:
            raise ValueError(
                f"n_draws must be as in the last fit, {before}, when warm_start=True; got {now}"
            )

    # scores

    @property
    def _mean_draws(self) -> Sequence[int]:
        """The draws that a score is averaged over; none where it is exact."""
        return range(self.n_samples) if self._drawn else ()

    def _model_scores(
        self,
        module: Any,
        queries: Queries,
        candidates: Array | None = None,
        seen_matter: bool = True,
        draws: Sequence[int] | None = None,
    ) -> Array:
        draws = self._mean_draws if draws is None else draws
        return super()._model_scores(module.under(draws), queries, candidates, seen_matter)

    def _watched_scores(
        self, module: PairModel, queries: Queries, candidates: Array | None
    ) -> Array:
        draws = self._mean_draws[:_VALIDATION_DRAWS]
        return self._model_scores(module, queries, candidates, False, draws)

    def _free_vectors(self, module: Any, queries: Queries) -> torch.Tensor | None:
        if isinstance(queries, _Folded) and queries.free is not None:
            return queries.free
        # the same vectors whatever draws they are scored under
        free = super()._free_vectors(module.under((0,) if self._drawn else ()), queries)
        if isinstance(queries, _Folded):
            queries.free = free
        return free

    def _folded(self, queries: Queries) -> Queries:
        """Return the queries with the vectors of their users, which all draws have in common."""
        queries = queries if isinstance(queries, _Folded) else _Folded(*queries)
        self._free_vectors(self._module, queries)
        return queries

    def _score_std(self, queries: Queries, candidates: Array | None = None) -> Array:
        return super()._score_std(self._folded(queries), candidates)

    def _values(
        self, of: Any, return_std: bool, queries: Queries, candidates: Array | None = None
    ) -> tuple[Array, ...]:
        queries = self._folded(queries) if return_std else queries
        return super()._values(of, return_std, queries, candidates)

    def _draw_block(self, queries: Queries, draw: int) -> Array:
        return self._model_scores(self._module, queries, draws=(draw,))

    def _draw_candidates(self, queries: Queries, candidates: Array, draw: int) -> Array:
        return self._score_candidates(queries, candidates, draws=(draw,))

    def _row_bytes(self) -> int:
        if not self._drawn:
            return super()._row_bytes()
        # the scores of all draws, and two logarithms of each, are kept until they are averaged
        return super()._row_bytes() + 12 * int(self.n_samples) * self.n_features_in_

    # lists in two stages

    @property
    def _n_passed(self) -> int | None:
        """The items that a first stage passes on, read by scorers too; None is all of them."""
        return getattr(self, "n_candidates", None)

    def _rank(
        self,
        request: Any,
        queries: Queries,
        strategy: Literal["mean", "ucb", "thompson"],
        lists: Any,
    ) -> None:
        queries = _Folded(*queries)
        if self._n_passed is None:
            super()._rank(request, queries, strategy, lists)
            return
        n_passed = min(max(self._n_passed, request.n_items), self.n_features_in_)
        for rows in row_blocks(queries.n_rows, super()._row_bytes()):
            part = self._folded(queries.take(rows))
            chosen = self._first_stage(request, part, rows, n_passed)
            super()._rank(_among(request, chosen, rows), part, strategy, _part_of(lists, rows))

    def _first_stage(self, request: Any, queries: Queries, rows: slice, n_passed: int) -> Array:
        """Return the best items without draws that may be listed, -1 where there are too few."""
        columns = request.columns(rows)
        scores = self._scores_without_draws(queries, columns)
        request.mask(scores, queries, rows)
        places, _ = self._top_k(scores, min(n_passed, scores.shape[1]))
        if columns is None:
            return places
        columns = np.broadcast_to(columns, scores.shape)
        return np.where(places < 0, -1, np.take_along_axis(columns, np.maximum(places, 0), axis=1))

    def _scores_without_draws(self, queries: Queries, columns: Array | None) -> Array:
        model = self._module.without_draws()
        free = self._free_vectors(self._module, queries)
        device = model.items.weight.device
        rows = sparse_rows(queries.history).to(device)
        items = None if columns is None else torch.from_numpy(np.maximum(columns, 0)).to(device)
        with torch.inference_mode():
            states = model.states(free, rows)
            if items is None or items.ndim == 1:
                scores = model.score_all(states, items)
            else:
                scores = model.score(states, items)
        return self._with_prior(scores.cpu().numpy(), queries, columns, self._prior_scores)

    # what was learnt

    def _gaussians(self, table: torch.nn.Embedding) -> tuple[Array, Array]:
        mean, raw = table.weight.detach().cpu().chunk(2, dim=1)
        return mean.numpy(), variance_of(raw).numpy()

    @property
    def user_means_(self) -> Array:
        """Means of the users, ndarray of shape (n_users, n_factors)."""
        return self._gaussians(self._module.users.free)[0]

    @property
    def user_variances_(self) -> Array:
        """Variances of the users, ndarray of shape (n_users, n_factors)."""
        return self._gaussians(self._module.users.free)[1]

    @property
    def item_means_(self) -> Array:
        """Means of the items, ndarray of shape (n_items, n_factors)."""
        return self._gaussians(self._module.items)[0]

    @property
    def item_variances_(self) -> Array:
        """Variances of the items, ndarray of shape (n_items, n_factors)."""
        return self._gaussians(self._module.items)[1]

    @property
    def user_factors_(self) -> Array:
        """Means of the users, ndarray of shape (n_users, n_factors)."""
        return self.user_means_

    @property
    def item_factors_(self) -> Array:
        """Means of the items, ndarray of shape (n_items, n_factors)."""
        return self.item_means_


class _Folded(Queries):
    """Queries that keep the vectors of their users, once these are looked up or folded in."""

    free: Any = None

    def take(self, rows: slice | Array) -> "_Folded":
        """Return the queries of some rows, with their vectors if these are known."""
        part = super().take(rows)
        if part is self:
            return self
        part = _Folded(*part)
        if self.free is not None:
            part.free = self.free[rows]
        return part


def _among(request: Any, chosen: Array, rows: slice) -> Any:
    """Return the request of a block of rows among items that were chosen for them."""
    other = copy.copy(request)
    other.candidates = np.sort(chosen, axis=1)  # so that ties go by index
    other.pairs = None if request.pairs is None else request.pairs[rows]
    return other


def _part_of(lists: Any, rows: slice) -> Any:
    """Return the lists of a block of rows; what is put there is put into all."""
    other = copy.copy(lists)
    for name in ("indices", "scores", "std"):
        values = getattr(lists, name)
        setattr(other, name, None if values is None else values[rows])
    return other
