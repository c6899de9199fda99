"""The base of models that read and rebuild whole rows."""

from functools import partial

import numpy as np
import torch

from skrec.neural._base import TorchRecommender
from skrec.neural._validation_set import ValidationSet, choose_rows, given_validation
from skrec.training import RankingValidation, RowBatches, sparse_rows
from skrec.utils import split_rows

__all__ = ["RowRecommender"]


class RowRecommender(TorchRecommender):
    """Train on batches of rows; score a row by what the net makes of it.

    The module takes `SparseRows` (and columns to score) and gives a tuple whose first entry are
    the logits.
    """

    def _data(self, X, rng):
        kept, validation = np.ones(X.shape[0], dtype=bool), None
        if self._validates():
            kept, validation = self._hold_out(X, rng)
        return self._batches(X, kept, rng), validation

    def _batches(self, X, kept, rng):
        """Give the batches of an epoch, of the rows that a mask keeps."""
        return RowBatches(X if kept.all() else X[kept], self.batch_size, rng)

    def _validates(self):
        return self.early_stopping

    def _hold_out(self, X, rng):
        """Give the mask of the rows to train on, and the validation set."""
        kept = np.ones(X.shape[0], dtype=bool)
        if self.validation_data is not None:
            history, targets = given_validation(self, self.validation_data, X)
        else:
            kept = ~choose_rows(X, self.validation_fraction, rng)
            history, targets = split_rows(X[~kept], random_state=rng)
        validation = ValidationSet(history, targets, self.validation_metric, self._row_bytes())
        return kept, validation

    def _validation_callback(self, validation, patience):
        prior = np.log(self._popularity())
        floor = validation.evaluate(lambda history: np.broadcast_to(prior, history.shape))

        def evaluate(module):
            module.eval()
            with torch.inference_mode():
                return validation.evaluate(self._validation_scorer(module))

        return RankingValidation(evaluate, f"valid_{self.validation_metric}", floor, patience)

    def _validation_scorer(self, module):
        """Give the function from histories to scores by which training is watched."""
        return partial(module_scores, module)

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
        return self._row_scores(queries)

    def _score_candidates(self, queries, candidates):
        shared = candidates.ndim == 1
        if shared and not queries.empty(self.__sklearn_tags__().fold_in).any():
            return self._row_scores(queries, candidates)
        return super()._score_candidates(queries, candidates)

    def _row_scores(self, queries, items=None):
        """Give the scores of all items or of shared candidates."""
        with torch.inference_mode():
            return module_scores(self._module, queries.history, items)


def module_scores(module, history, items=None, **given):
    """Give the logits of histories.

    Parameters
    ----------
    module : torch.nn.Module
        A module of rows.
    history : csr_matrix of shape (n_rows, n_items)
        The rows.
    items : ndarray of int64 of shape (m,), default=None
        Columns to score.
    **given : Tensor of shape (n_rows, size)
        What else the module takes.

    Returns
    -------
    scores : ndarray of shape (n_rows, n_items) or (n_rows, m)
        float32.
    """
    device = next(module.parameters()).device
    items = None if items is None else torch.from_numpy(items).to(device)
    given = {name: value.to(device) for name, value in given.items()}
    logits, *_ = module(sparse_rows(history).to(device), items, **given)
    return logits.cpu().numpy()
