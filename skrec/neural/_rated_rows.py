"""The base of models of rows that are trained on ratings."""

from functools import partial
from typing import ClassVar

import numpy as np
import torch

from skrec.base import RatingRecommender
from skrec.neural._rating_validation import (
    WatchedRatings,
    hold_out_ratings,
    watch_rmse,
)
from skrec.neural._rows import RowRecommender
from skrec.nn import ObservedELBO
from skrec.training import RowBatches, sparse_rows
from skrec.utils import row_blocks

__all__ = ["RowRegressor"]


class RowRegressor(WatchedRatings, RatingRecommender, RowRecommender):
    """Ratings are predicted from rows of ratings: squared error on what is rated.

    The module reads ratings and gives ratings; it has `set_scale`, and takes ``at``, the entries to
    predict. Early stopping watches ratings that are hidden from their rows, so every user is
    trained, as where ratings are split at random.
    """

    max_epochs: int = 50
    batch_size: int = 64

    _proba: ClassVar[str] = "bernoulli"
    _parameter_docs: ClassVar[dict[str, str]] = {
        "max_epochs": """
            max_epochs : int, default=50
                Passes over the training data.""",
        "batch_size": """
            batch_size : int, default=64
                Rows a batch.""",
    }

    def _rows(self, X):
        """Give what the net reads of a matrix of users and items."""
        return X

    def _scale(self):
        """Give the ends of the scale and the mean of the ratings of ``fit``."""
        data = self.interactions_.data
        return float(data.min()), float(data.max()), self.rating_mean_

    def _span(self):
        low, high, _ = self._scale()
        return high - low if high > low else 1.0

    def _data(self, X, rng):
        self.rating_mean_ = float(X.data.mean(dtype=np.float64))
        validation = None
        if self.early_stopping:
            X, targets = hold_out_ratings(self, X, rng)
            validation = self._rows(X), self._rows(targets)
        return RowBatches(self._rows(X), self.batch_size, rng), validation

    def _validation_callback(self, validation, patience):
        rmse = partial(_rmse, validation=validation, row_bytes=self._row_bytes())
        return watch_rmse(rmse, validation[1].data - self.rating_mean_, patience)

    def _network(self):
        low, high, mean = self._scale()
        scale = {"module__low": low, "module__high": high, "module__mean": mean}
        return {
            **super()._network(),
            **scale,
            "criterion": ObservedELBO,
            "criterion__span": self._span(),
        }

    def _starting_net(self, device, callbacks):
        net = super()._starting_net(device, callbacks)
        net.module_.set_scale(*self._scale())  # a warm start may have other ratings
        net.criterion_.span = self._span()
        return net

    def _optimizer_options(self):
        return {
            **super()._optimizer_options(),
            "optimizer__param_groups": [("*bias", {"weight_decay": 0.0})],
        }


def _rmse(module, validation, row_bytes):
    """Give the root mean squared error of a module, its ratings within the scale."""
    history, targets = validation
    device = next(module.parameters()).device
    module.eval()
    total = 0.0
    with torch.inference_mode():
        for part in row_blocks(history.shape[0], row_bytes):
            at = sparse_rows(targets[part]).to(device)
            ratings, *_ = module(sparse_rows(history[part]).to(device), at=at)
            ratings = ratings.clamp(module.low, module.low + module.span)
            total += float((ratings - at.values).double().square().sum())
    return np.sqrt(total / targets.nnz)
