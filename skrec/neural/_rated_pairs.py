"""The base of models of pairs that are trained on ratings."""

from typing import ClassVar

import numpy as np
import torch

from skrec.base import RatingRecommender
from skrec.neural._pair_base import PairRecommender
from skrec.neural._pair_validation import given_pairs
from skrec.nn import RatingLoss
from skrec.training import RankingValidation, RatedBatches
from skrec.utils import row_of_entry, take_entries

__all__ = ["PairRegressor"]

_PAIRS_A_STEP = 2**14


class PairRegressor(RatingRecommender, PairRecommender):
    """Ratings are predicted: squared error.

    The net learns what is above or below the mean of all ratings, ``rating_mean_``.
    """

    validation_metric: str = "rmse"

    _loss = RatingLoss
    _links_pairs: ClassVar[bool] = True
    _parameter_docs: ClassVar[dict[str, str]] = {
        "validation_fraction": """
            validation_fraction : float, default=0.1
                Share of the ratings that is held out to validate on.""",
        "validation_data": """
            validation_data : Interactions, default=None
                Ratings to validate on in place of held-out ones, in the frame of ``X``.""",
        "validation_metric": """
            validation_metric : {"rmse"}, default="rmse"
                What to validate by.""",
    }

    def _data(self, X, rng):
        self.rating_mean_ = float(X.data.mean(dtype=np.float64))
        validation = None
        if self.early_stopping:
            if self.validation_metric != "rmse":
                raise ValueError(
                    f'validation_metric must be "rmse"; got {self.validation_metric!r}'
                )
            X, targets = self._hold_out(X, rng)
            validation = RatedBatches(targets, _PAIRS_A_STEP, rng, self.rating_mean_)
        return RatedBatches(X, self.batch_size, rng, self.rating_mean_), validation

    def _hold_out(self, X, rng):
        if self.validation_data is not None:
            return given_pairs(self, self.validation_data, X)
        chosen = rng.random_sample(X.nnz) < self.validation_fraction
        if chosen.all() or not chosen.any():
            raise ValueError(
                "X must have ratings to train on and to hold out validation_fraction="
                f"{self.validation_fraction}; got {X.nnz} in all"
            )
        row = row_of_entry(X)
        return take_entries(X, row, ~chosen), take_entries(X, row, chosen)

    def _fold_in_rows(self, X):
        X = X.copy()
        X.data -= self.rating_mean_
        return X

    def _validation_callback(self, validation, patience):
        values = validation.pairs[2]
        floor = -float(np.sqrt(np.mean(values**2)))  # the mean rating for everything
        return RankingValidation(
            lambda module: -_rmse(module, validation), "valid_neg_rmse", floor, patience
        )

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
