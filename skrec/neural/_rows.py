"""The base of models that read and rebuild whole rows."""

import numpy as np
import torch

from skrec.neural._base import TorchRecommender
from skrec.neural._validation_set import ValidationSet, given_validation, hold_out_rows
from skrec.training import RankingValidation, RowBatches, sparse_rows
from skrec.utils import split_rows

__all__ = ["RowRecommender"]


class RowRecommender(TorchRecommender):
    """Train on batches of rows; score a row by what the net makes of it.

    The module takes `SparseRows` (and columns to score) and gives a tuple whose first entry are
    the logits.
    """

    def _data(self, X, rng):
        validation = None
        if self._validates():
            X, validation = self._hold_out(X, rng)
        return RowBatches(X, self.batch_size, rng), validation

    def _validates(self):
        return self.early_stopping

    def _hold_out(self, X, rng):
        """Give the rows to train on, and the validation set."""
        if self.validation_data is not None:
            history, targets = given_validation(self, self.validation_data, X)
        else:
            X, held_out = hold_out_rows(X, self.validation_fraction, rng)
            history, targets = split_rows(held_out, random_state=rng)
        return X, ValidationSet(history, targets, self.validation_metric, self._row_bytes())

    def _validation_callback(self, validation, patience):
        prior = np.log(self._popularity())
        floor = validation.evaluate(lambda history: np.broadcast_to(prior, history.shape))

        def evaluate(module):
            module.eval()
            with torch.inference_mode():
                return validation.evaluate(lambda history: module_scores(module, history))

        return RankingValidation(evaluate, f"valid_{self.validation_metric}", floor, patience)

    def _check_warm_start(self, net):
        n_items = net.module__n_items
        if n_items != self.n_features_in_:
            raise ValueError(
                f"X must have the {n_items} items of the last fit when warm_start=True; "
                f"got {self.n_features_in_}"
            )

    def _row_bytes(self):
        # an entry of the last hidden layers is small beside the scores
        return super()._row_bytes() + 8 * 4096

    def _score_block(self, queries):
        with torch.inference_mode():
            return module_scores(self._module, queries.history)

    def _score_candidates(self, queries, candidates):
        if candidates.ndim == 1 and not queries.empty("exact").any():
            with torch.inference_mode():
                return module_scores(self._module, queries.history, candidates)
        return super()._score_candidates(queries, candidates)


def module_scores(module, history, items=None):
    """Give the logits of histories.

    Parameters
    ----------
    module : torch.nn.Module
        A module of rows.
    history : csr_matrix of shape (n_rows, n_items)
        The rows.
    items : ndarray of int64 of shape (m,), default=None
        Columns to score.

    Returns
    -------
    scores : ndarray of shape (n_rows, n_items) or (n_rows, m)
        float32.
    """
    device = next(module.parameters()).device
    items = None if items is None else torch.from_numpy(items).to(device)
    logits, *_ = module(sparse_rows(history).to(device), items)
    return logits.cpu().numpy()
