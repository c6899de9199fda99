"""Ratings are predicted: squared error of pairs or of rows, and what watches it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from skrec.base import Threshold
from skrec.neural._rating_validation import (
    hold_out_ratings,
    pairs_rmse,
    rows_rmse,
    watch_rmse,
    watched_rmse,
)
from skrec.neural.objectives._base import Objective
from skrec.neural.objectives._pairs import PairObjective
from skrec.nn import ObservedELBO, RatingLoss, SparseRows
from skrec.training import RankingValidation, RatedBatches, RecommenderNet, RowBatches
from skrec.typing import Array, CSRMatrix

if TYPE_CHECKING:
    from skrec.neural._base import TorchRecommender
    from skrec.neural._pairs import RatedPairRecommender
    from skrec.neural._rows import RatedRowRecommender

__all__ = ["PairRatings", "Ratings", "RowRatings"]

_PAIRS_A_STEP = 2**14


class Ratings(Objective):
    """What objectives of ratings share: held-out ratings are watched, a Gaussian is the link."""

    def check_metric(self, metric: str) -> None:
        if metric != "rmse":
            raise ValueError(f'validation_metric must be "rmse"; got {metric!r}')

    def link(self, estimator: TorchRecommender) -> Threshold:
        return Threshold(watched_rmse(estimator))


class PairRatings(Ratings, PairObjective):
    r"""Squared error of the ratings of pairs.

    .. math:: \sum_{i \in R} \frac{(m + f_{ui} - r_{ui})^2}{2 s^2}

    is the loss of a row with ratings r, :math:`s^2` the mean squared error of training. The net
    learns what is above or below the mean m of all ratings, ``rating_mean_``.
    """

    loss = RatingLoss

    def hold_out(
        self, estimator: RatedPairRecommender, X: CSRMatrix, rng: np.random.RandomState
    ) -> tuple[CSRMatrix, RatedBatches | None]:
        X, targets = hold_out_ratings(estimator, X, rng)
        if targets.nnz == 0:
            return X, None
        return X, RatedBatches(targets, _PAIRS_A_STEP, rng, estimator.rating_mean_)

    def batches(
        self, estimator: RatedPairRecommender, X: CSRMatrix, rng: np.random.RandomState
    ) -> RatedBatches:
        return RatedBatches(X, estimator.batch_size, rng, estimator.rating_mean_)

    def watch(
        self,
        estimator: RatedPairRecommender,
        watched: RatedBatches,
        batches: Any,
        patience: int | None,
    ) -> RankingValidation:
        return watch_rmse(partial(pairs_rmse, batches=watched), watched.pairs[2], patience)

    def scores(self, estimator: RatedPairRecommender, scores: Array) -> Array:
        return scores + np.float32(estimator.rating_mean_)

    def fold_in_rows(self, estimator: RatedPairRecommender, X: CSRMatrix) -> CSRMatrix:
        X = X.copy()
        X.data -= estimator.rating_mean_
        return X

    def fold_in(
        self, estimator: RatedPairRecommender, batches: RatedBatches, rng: np.random.RandomState
    ) -> dict[str, Any]:
        variance = max(pairs_rmse(estimator._module, batches) ** 2, 1e-3)
        return {
            "sample": torch.empty(0, dtype=torch.int64),
            "row_loss": partial(_row_loss, noise_variance=variance),
            "reads_values": True,
        }


def _row_loss(rows: SparseRows, free: Tensor, noise_variance: float) -> partial:
    return partial(_squares, ratings=rows.values.double(), noise_variance=noise_variance)


def _squares(positive: Tensor, negative: Tensor, ratings: Tensor, noise_variance: float) -> Tensor:
    return (positive[:, 0] - ratings).square().sum() / (2 * noise_variance)


class RowRatings(Ratings):
    """Squared error of the observed ratings of rows, which the module gives within their scale."""

    def network(self, estimator: RatedRowRecommender) -> dict[str, Any]:
        low, high, mean = estimator._scale()
        return {
            "module__low": low,
            "module__high": high,
            "module__mean": mean,
            "criterion": ObservedELBO,
            "criterion__span": estimator._span(),
        }

    def started(self, estimator: RatedRowRecommender, net: RecommenderNet) -> None:
        net.module_.set_scale(*estimator._scale())  # a warm start may have other ratings

    def parameter_groups(self, estimator: TorchRecommender) -> list[tuple[str, dict[str, Any]]]:
        return [("*bias", {"weight_decay": 0.0})]

    def hold_out(
        self, estimator: RatedRowRecommender, X: CSRMatrix, rng: np.random.RandomState
    ) -> tuple[CSRMatrix, tuple[CSRMatrix, CSRMatrix] | None]:
        X, targets = hold_out_ratings(estimator, X, rng)
        if targets.nnz == 0:
            return X, None
        return X, (estimator._rows(X), estimator._rows(targets))

    def batches(
        self, estimator: RatedRowRecommender, X: CSRMatrix, rng: np.random.RandomState
    ) -> RowBatches:
        return RowBatches(estimator._rows(X), estimator.batch_size, rng)

    def watch(
        self,
        estimator: RatedRowRecommender,
        watched: tuple[CSRMatrix, CSRMatrix],
        batches: Any,
        patience: int | None,
    ) -> RankingValidation:
        rmse = partial(rows_rmse, validation=watched, row_bytes=estimator._row_bytes())
        return watch_rmse(rmse, watched[1].data - estimator.rating_mean_, patience)
