"""The base of models of pairs that are trained on ratings."""

from functools import partial
from typing import ClassVar

import numpy as np
import torch

from skrec.base import RatingRecommender
from skrec.neural._pair_base import PairRecommender
from skrec.neural._rating_validation import (
    WatchedRatings,
    hold_out_ratings,
    watch_rmse,
)
from skrec.nn import RatingLoss
from skrec.training import RatedBatches

__all__ = ["PairRegressor"]

_PAIRS_A_STEP = 2**14


class PairRegressor(WatchedRatings, RatingRecommender, PairRecommender):
    """Ratings are predicted: squared error.

    The net learns what is above or below the mean of all ratings, ``rating_mean_``.
    """

    _loss = RatingLoss
    _links_pairs: ClassVar[bool] = True

    def _data(self, X, rng):
        self.rating_mean_ = float(X.data.mean(dtype=np.float64))
        validation = None
        if self.early_stopping:
            X, targets = hold_out_ratings(self, X, rng)
            validation = RatedBatches(targets, _PAIRS_A_STEP, rng, self.rating_mean_)
        return RatedBatches(X, self.batch_size, rng, self.rating_mean_), validation

    def _fold_in_rows(self, X):
        X = X.copy()
        X.data -= self.rating_mean_
        return X

    def _validation_callback(self, validation, patience):
        return watch_rmse(partial(_rmse, batches=validation), validation.pairs[2], patience)

    def _fold_in_options(self, batches, rng):
        variance = _rmse(self._module, batches) ** 2
        sample = torch.empty(0, dtype=torch.int64)
        return {"sample": sample, "noise_variance": max(variance, 1e-3)}

    def _model_scores(self, module, queries, candidates=None, seen_matter=True, **options):
        scores = super()._model_scores(module, queries, candidates, seen_matter, **options)
        return scores + np.float32(self.rating_mean_)

    def _proba_candidates(self, scores, queries, candidates):
        return self._proba_block(scores, queries)


def _rmse(module, batches):
    """Give the root mean squared error of a module."""
    device = next(module.parameters()).device
    module.eval()
    total = 0.0
    with torch.inference_mode():
        for start in range(0, batches.X.nnz, _PAIRS_A_STEP):
            batch = batches.batch(slice(start, start + _PAIRS_A_STEP)).to(device)
            scores, _, _ = module(batch)
            total += float((scores[:, 0] - batch.values).double().square().sum())
    return np.sqrt(total / max(1, batches.X.nnz))
