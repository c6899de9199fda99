"""What a call of ``recommend`` asks for: which items may be listed, and in what order."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from tqdm.auto import tqdm

from skrec.base._queries import Queries
from skrec.base._validation import check_candidates, exclusion_keys, places_of
from skrec.typing import Array, CSRMatrix
from skrec.utils import check_count, check_flag, check_list_memory, has_entries

__all__ = ["ListRequest", "Lists", "check_strategy", "watched_blocks"]

STRATEGIES = ("mean", "ucb", "thompson")


def check_strategy(strategy: str, model: Any) -> None:
    """Check that a model can rank by a strategy.

    Parameters
    ----------
    strategy : str
        As in `BaseRecommender.recommend`.
    model : BaseRecommender
        The model.
    """
    if not isinstance(strategy, str) or strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {STRATEGIES}; got {strategy!r}")
    if strategy != "mean" and not model.__sklearn_tags__().probabilistic:
        raise ValueError(
            "strategy must be 'mean' for a model without a posterior; got "
            f"{strategy!r} for {type(model).__name__}"
        )


def watched_blocks(blocks: Iterable[slice], model: Any) -> Iterator[slice]:
    """Yield blocks of rows, with a progress bar over rows if a model is verbose.

    Parameters
    ----------
    blocks : iterable of slice
        Consecutive slices; of a single one no bar is shown.
    model : BaseRecommender
        The model; not all have ``verbose``.

    Yields
    ------
    block : slice
        The same blocks.
    """
    blocks = list(blocks)
    if len(blocks) < 2 or not getattr(model, "verbose", 0):
        yield from blocks
        return
    with tqdm(total=blocks[-1].stop, desc=type(model).__name__, unit="user") as bar:
        for block in blocks:
            yield block
            bar.update(block.stop - block.start)


class ListRequest:
    """The arguments of ``recommend``, checked against the rows that are asked for.

    Parameters
    ----------
    n_items, exclude_seen, candidates, exclude, strategy, return_std
        As in `BaseRecommender.recommend`.
    shape : tuple of int
        Numbers of rows and of items.
    """

    def __init__(
        self,
        n_items: int,
        exclude_seen: bool,
        candidates: Any,
        exclude: Any,
        shape: tuple[int, int],
    ) -> None:
        self.n_items = check_count(n_items, "n_items", 1)
        self.exclude_seen = check_flag(exclude_seen, "exclude_seen")
        self.candidates = None
        if candidates is not None:
            # sorted, so that ties go by index
            candidates = check_candidates(candidates, *shape)
            self.candidates = np.unique(candidates) if candidates.ndim == 1 else np.sort(candidates)
        self.pairs = self.shared = None
        if exclude is not None:
            self.pairs, self.shared = exclusion_keys(exclude, *shape)

    def columns(self, rows: slice) -> Array | None:
        """Return the candidates of a block, None where all items are.

        Parameters
        ----------
        rows : slice
            The block.

        Returns
        -------
        columns : ndarray of int64 of shape (m,) or (n_rows, m), or None
            Sorted.
        """
        if self.candidates is None or self.candidates.ndim == 1:
            return self.candidates
        return self.candidates[rows]

    def mask(self, scores: Array, queries: Queries, rows: slice) -> None:
        """Set what must not be recommended to -inf, in place.

        Parameters
        ----------
        scores : ndarray of shape (n_rows, n_items) or (n_rows, m)
            Scores of all items or of the candidates.
        queries : Queries
            The users of the block.
        rows : slice
            The block.
        """
        columns = self.columns(rows)
        masks = [queries.seen()] if self.exclude_seen else []
        if self.pairs is not None:
            masks.append(self.pairs[rows])
        for X in masks:
            _mask_matrix(scores, X, columns)
        if self.shared is not None:
            chosen = self.shared if columns is None else np.isin(columns, self.shared)
            _forbid(scores, chosen if chosen.shape == scores.shape else (slice(None), chosen))
        if columns is not None and columns.ndim == 2:
            _forbid(scores, columns < 0)
            _forbid(scores[:, 1:], columns[:, 1:] == columns[:, :-1])


class Lists:
    """The lists of all rows, filled block by block.

    Parameters
    ----------
    n_rows, n_items : int
        Their number and length.
    with_scores, with_std : bool
        Whether scores and deviations are kept.
    """

    def __init__(self, n_rows: int, n_items: int, with_scores: bool, with_std: bool) -> None:
        check_list_memory(n_rows, n_items, 8 + 4 * with_scores + 4 * with_std)
        size = (n_rows, n_items)
        self.indices = np.full(size, -1, dtype=np.int64)
        self.scores = np.full(size, np.nan, dtype=np.float32) if with_scores else None
        self.std = np.full(size, np.nan, dtype=np.float32) if with_std else None

    def put(
        self, rows: slice, best: tuple[Array, Array], std: Array | None, columns: Array | None
    ) -> None:
        """Keep the best places of a block.

        Parameters
        ----------
        rows : slice
            The block.
        best : tuple of ndarray of shape (n_rows, width)
            Places among the scored items, -1 where there are too few, and their scores.
        std : ndarray of shape (n_rows, m) or None
            Deviations of what was scored.
        columns : ndarray of int64 of shape (m,) or (n_rows, m), or None
            The items that were scored; None for all.
        """
        places, scores = best
        width = places.shape[1]  # at most as many as were scored
        if self.scores is not None:
            self.scores[rows, :width] = scores
        if self.std is not None and std is not None:
            self.std[rows, :width] = _take(std, places, np.nan)
        self.indices[rows, :width] = places if columns is None else _take(columns, places, -1)


def _mask_matrix(scores: Array, X: CSRMatrix, columns: Array | None) -> None:
    """Mask the entries of X in scores of all items, of shared or of per-row candidates."""
    if columns is None:
        _forbid(scores, places_of(X))
    elif columns.ndim == 1:
        _forbid(scores, places_of(sp.csr_matrix(X[:, columns])))
    else:
        row = np.broadcast_to(np.arange(len(columns))[:, None], columns.shape)
        _forbid(scores, has_entries(X, row, columns))


def _forbid(scores: Array, places: Any) -> None:
    """Set places to -inf; NaN there is an error, as it is elsewhere when scores are ranked."""
    if np.isnan(scores[places]).any():
        raise ValueError("the model's scores must be numbers; got NaN")
    scores[places] = -np.inf


def _take(array: Array, places: Array, missing: float) -> Array:
    """Take places of shared or per-row values; place -1 gives ``missing``."""
    if array.ndim == 1:
        array = np.broadcast_to(array, (len(places), len(array)))
    if array.shape[1] == 0:
        return np.full(places.shape, missing)
    taken = np.take_along_axis(array, np.maximum(places, 0), axis=1)
    return np.where(places < 0, missing, taken)
