"""What the models of Gaussian vectors share as estimators."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval

from skrec.base import Queries
from skrec.neural import PairRecommender, Pretrain, copy_factors
from skrec.nn import GaussianPairModel, PairModel, UserTable, make_gaussian_table, variance_of
from skrec.training import RecommenderNet
from skrec.typing import Array

__all__ = ["GaussianRecommender", "NDraws"]

_VALIDATION_DRAWS = 2

NDraws = Annotated[
    int,
    Interval(Integral, 1, None, closed="left"),
    "Vectors K drawn from each Gaussian for one score.",
]
"""The annotation of ``n_draws``, a parameter of models whose scores are computed from draws."""


class GaussianRecommender(PairRecommender):
    """A diagonal Gaussian for each user and each item.

    A model writes ``_interaction()``, a function of draws or of means and variances. Where scores
    are computed from draws, it has ``n_draws``; a score is then the average over ``n_samples``
    sets of draws, and fold-in sees one of them.
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

    def _model(self, n_users: int, n_items: int) -> GaussianPairModel:
        start = self.n_factors, self.init_std, self.init_variance
        users = UserTable(n_users, 2 * self.n_factors)
        users.free = make_gaussian_table(n_users, *start)
        items = make_gaussian_table(n_items, *start)
        return GaussianPairModel(users, items, self._interaction())

    def _start(self, model: PairModel) -> None:
        copy_factors(model, self.pretrained_, columns=slice(self.n_factors))

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
        # the same vectors whatever draws they are scored under
        return super()._free_vectors(module.under((0,) if self._drawn else ()), queries)

    def _draw_block(self, queries: Queries, draw: int) -> Array:
        return self._model_scores(self._module, queries, draws=(draw,))

    def _draw_candidates(self, queries: Queries, candidates: Array, draw: int) -> Array:
        return self._score_candidates(queries, candidates, draws=(draw,))

    def _row_bytes(self) -> int:
        if not self._drawn:
            return super()._row_bytes()
        # the scores of all draws, and two logarithms of each, are kept until they are averaged
        return super()._row_bytes() + 12 * int(self.n_samples) * self.n_features_in_

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
