"""One ranking of a block of users, and every metric from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np

from skrec.metrics._hits import Hits, find_hits, keys_of
from skrec.metrics._measures import MEASURES
from skrec.metrics._names import Specs
from skrec.typing import Array, CSRMatrix
from skrec.utils import row_of_entry, top_candidates

__all__ = ["bytes_per_row", "measure_lists", "measure_scores"]


def bytes_per_row(n_columns: int, itemsize: int = 4) -> int:
    """Return the bytes of memory that a row of scores needs while it is ranked."""
    return n_columns * (3 * itemsize + 12)


@contextmanager
def _masked(scores: Array, exclude: CSRMatrix) -> Iterator[Array]:
    """Set scores to -inf at the stored entries of a CSR matrix, and restore them at the end.

    A copy of the scores would take half as long as the ranking.
    """
    scores = scores if scores.flags.writeable else scores.copy()
    places = row_of_entry(exclude), exclude.indices
    kept = scores[places]
    scores[places] = -np.inf
    try:
        yield scores
    finally:
        scores[places] = kept


def _measure_hits(hits: Hits, specs: Specs, truncated: bool = True) -> dict[str, Array]:
    """Compute the metrics of each user."""
    return {name: MEASURES[metric](hits, k, truncated) for name, (metric, k) in specs.items()}


def measure_scores(
    scores: Array,
    targets: CSRMatrix,
    specs: Specs,
    *,
    exclude: CSRMatrix | None = None,
    truncated: bool = True,
    seed: int = 0,
    first_row: int = 0,
) -> dict[str, Array]:
    """Rank a block of scores once, and compute all metrics of each user.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_columns)
        Scores without NaN; an entry of -inf is not ranked.
    targets : csr_matrix of shape (n_rows, n_columns)
        Canonical matrix whose stored entries are the targets.
    specs : dict of str to (str, int or None)
        Metrics and cut-offs, as `parse_names` returns them.
    exclude : csr_matrix of shape (n_rows, n_columns), default=None
        Matrix whose stored entries are not ranked. None of them may be a target.
    truncated : bool, default=True
        Whether recall divides by min(k, number of targets).
    seed, first_row : int, default=0
        Order of ties, see `find_hits`.

    Returns
    -------
    values : dict of str to ndarray of shape (n_rows,)
        The value of each user, by the names in ``specs``.
    """
    deepest = max(scores.shape[1] if k is None else k for _, k in specs.values())
    with nullcontext(scores) if exclude is None else _masked(scores, exclude) as eligible:
        row, column, score = top_candidates(eligible, deepest)
    hits = find_hits(row, column, score, targets, seed, first_row)
    return _measure_hits(hits, specs, truncated)


def measure_lists(
    ranked: Array,
    targets: CSRMatrix,
    specs: Specs,
    *,
    exclude: CSRMatrix | None = None,
    truncated: bool = True,
) -> dict[str, Array]:
    """Compute all metrics of each user from ranked lists that are padded with -1."""
    keep = ranked >= 0
    if exclude is not None:
        keep &= ~_listed_pairs(ranked, exclude)
    row, _ = np.nonzero(keep)
    place: Array = np.cumsum(keep, axis=1)[keep]
    return _measure_hits(find_hits(row, ranked[keep], -place, targets), specs, truncated)


def _listed_pairs(ranked: Array, exclude: CSRMatrix) -> Array:
    """Return which entries of ranked lists are stored in a CSR matrix, as a boolean array."""
    keys = np.arange(len(ranked))[:, None] * exclude.shape[1] + ranked
    return np.isin(keys, keys_of(exclude)) & (ranked >= 0)
