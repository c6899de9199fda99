"""Turning scores into lists, block by block."""

from functools import partial
from numbers import Integral

import numpy as np
import scipy.sparse as sp

from skrec.base._validation import check_candidates, exclusion_keys, mask_entries
from skrec.utils import has_entries, row_blocks

__all__ = ["RankingRequest"]

STRATEGIES = ("mean", "ucb", "thompson")


class RankingRequest:
    """What a call of ``recommend`` asks for.

    Parameters
    ----------
    n_items, exclude_seen, candidates, exclude, strategy, return_std
        As in `BaseRecommender.recommend`.
    """

    def __init__(self, n_items, exclude_seen, candidates, exclude, strategy, return_std):
        if isinstance(n_items, bool) or not isinstance(n_items, Integral) or n_items < 1:
            raise ValueError(f"n_items must be an integer >= 1; got {n_items!r}")
        if strategy not in STRATEGIES:
            raise ValueError(f"strategy must be one of {STRATEGIES}; got {strategy!r}")
        self.n_items = int(n_items)
        self.exclude_seen = exclude_seen
        self.candidates = candidates
        self.exclude = exclude
        self.strategy = strategy
        self.return_std = return_std

    def check_strategy(self, model):
        """Refuse strategies that need a posterior where there is none."""
        if self.strategy != "mean" and not model.__sklearn_tags__().probabilistic:
            raise ValueError(
                "strategy must be 'mean' for a model without a posterior; got "
                f"{self.strategy!r} for {type(model).__name__}"
            )

    def run(self, model, queries):
        """Give indices, scores and deviations (None unless asked for) of all rows."""
        shape = (queries.n_rows, model.n_features_in_)
        self._prepare(*shape)
        size = (queries.n_rows, self.n_items)
        indices = np.full(size, -1, dtype=np.int64)
        values = np.full(size, np.nan, dtype=np.float32)
        std = np.full(size, np.nan, dtype=np.float32) if self.return_std else None
        for rows in row_blocks(queries.n_rows, self._row_bytes(model)):
            part = queries.take(rows)
            scores, deviation = self._scores(model, part, rows)
            self._mask(scores, part, rows)
            indices[rows], values[rows] = model._top_k(scores, self.n_items)
            if std is not None:
                std[rows] = _take(deviation, indices[rows], np.nan)
            if self.candidates is not None:
                indices[rows] = _take(self._columns(rows), indices[rows], -1)
        return indices, values, std

    def _prepare(self, n_rows, n_items):
        """Check what depends on the shape, and sort candidates so that ties go by index."""
        if self.candidates is not None:
            candidates = check_candidates(self.candidates, n_rows, n_items)
            self.candidates = np.unique(candidates) if candidates.ndim == 1 else np.sort(candidates)
        self.pairs = self.shared = None
        if self.exclude is not None:
            self.pairs, self.shared = exclusion_keys(self.exclude, n_rows, n_items)

    def _row_bytes(self, model):
        return model._row_bytes() * (3 if self.return_std or self.strategy != "mean" else 1)

    def _scores(self, model, queries, rows):
        """Give the scores to rank by, and the deviations where they are needed."""
        columns = None if self.candidates is None else self._columns(rows)
        score = partial(model._scores, candidates=columns)
        if self.strategy == "mean" and not self.return_std:
            return score(queries), None
        if self.strategy == "thompson" and not self.return_std:
            return score(queries, 0), None
        scores, std = model._with_std(score, queries)
        if self.strategy == "ucb":
            return scores + std, std
        return score(queries, 0) if self.strategy == "thompson" else scores, std

    def _columns(self, rows):
        """Give the candidates of a block."""
        return self.candidates if self.candidates.ndim == 1 else self.candidates[rows]

    def _mask(self, scores, queries, rows):
        """Set what must not be recommended to -inf, in place."""
        if np.isnan(scores).any():
            raise ValueError("the model's scores must be numbers; got NaN")
        masks = [queries.seen()] if self.exclude_seen else []
        if self.pairs is not None:
            masks.append(self.pairs[rows])
        columns = None if self.candidates is None else self._columns(rows)
        for X in masks:
            _mask_matrix(scores, X, columns)
        if self.shared is not None:
            chosen = self.shared if columns is None else np.isin(columns, self.shared)
            scores[chosen if chosen.shape == scores.shape else (slice(None), chosen)] = -np.inf
        if columns is not None and columns.ndim == 2:
            scores[columns < 0] = -np.inf
            scores[:, 1:][columns[:, 1:] == columns[:, :-1]] = -np.inf


def _mask_matrix(scores, X, columns):
    """Mask the entries of X in scores of all items, of shared or of per-row candidates."""
    if columns is None:
        mask_entries(scores, X)
    elif columns.ndim == 1:
        mask_entries(scores, sp.csr_matrix(X[:, columns]))
    else:
        row = np.broadcast_to(np.arange(len(columns))[:, None], columns.shape)
        scores[has_entries(X, row, columns)] = -np.inf


def _take(array, places, missing):
    """Take places of shared or per-row values; place -1 gives ``missing``."""
    if array.ndim == 1:
        array = np.broadcast_to(array, (len(places), len(array)))
    if array.shape[1] == 0:
        return np.full(places.shape, missing)
    taken = np.take_along_axis(array, np.maximum(places, 0), axis=1)
    return np.where(places < 0, missing, taken)
