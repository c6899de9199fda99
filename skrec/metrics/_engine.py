"""One ranking of a block of users, and every metric from it."""

from contextlib import contextmanager, nullcontext

import numpy as np

from skrec.metrics._hits import find_hits, keys_of
from skrec.metrics._measures import MEASURES
from skrec.utils import row_of_entry, top_candidates

__all__ = ["bytes_per_row", "measure_lists", "measure_scores"]


def bytes_per_row(n_columns, itemsize=4):
    """Give the memory that a row of scores needs while it is ranked."""
    return n_columns * (3 * itemsize + 12)


@contextmanager
def _masked(scores, exclude):
    """Have -inf at the stored entries of a CSR matrix for a while.

    The scores are as they were afterwards; a copy would take as long as half a ranking.
    """
    scores = scores if scores.flags.writeable else scores.copy()
    places = row_of_entry(exclude), exclude.indices
    kept = scores[places]
    scores[places] = -np.inf
    try:
        yield scores
    finally:
        scores[places] = kept


def _measure_hits(hits, specs, truncated=True):
    """Compute metrics, given as name -> (metric, k), per user."""
    return {name: MEASURES[metric](hits, k, truncated) for name, (metric, k) in specs.items()}


def measure_scores(scores, targets, specs, *, exclude=None, truncated=True, seed=0, first_row=0):
    """Rank a block of scores once and compute all metrics per user.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_columns)
        Without NaN; -inf is not eligible.
    targets : csr_matrix of shape (n_rows, n_columns)
        Canonical; the stored entries are the targets.
    specs : dict of str to (str, int or None)
        As of `parse_names`.
    exclude : csr_matrix of shape (n_rows, n_columns), default=None
        Its stored entries are not ranked; no targets among them.
    truncated : bool, default=True
        Whether recall divides by min(k, number of targets).
    seed, first_row : int, default=0
        Order within ties, see `find_hits`.

    Returns
    -------
    values : dict of str to ndarray of shape (n_rows,)
    """
    cuts = [k for _, k in specs.values()]
    deepest = scores.shape[1] if None in cuts else max(cuts)
    with nullcontext(scores) if exclude is None else _masked(scores, exclude) as eligible:
        row, column, score = top_candidates(eligible, deepest)
    hits = find_hits(row, column, score, targets, seed, first_row)
    return _measure_hits(hits, specs, truncated)


def measure_lists(ranked, targets, specs, *, exclude=None, truncated=True):
    """Compute all metrics per user from ranked lists that are padded with -1."""
    keep = ranked >= 0
    if exclude is not None:
        keep &= ~_listed_pairs(ranked, exclude)
    row, _ = np.nonzero(keep)
    place = np.cumsum(keep, axis=1)[keep]
    return _measure_hits(find_hits(row, ranked[keep], -place, targets), specs, truncated)


def _listed_pairs(ranked, exclude):
    """Tell which entries of lists are stored in a CSR matrix."""
    keys = np.arange(len(ranked))[:, None] * exclude.shape[1] + ranked
    return np.isin(keys, keys_of(exclude)) & (ranked >= 0)
