"""The formulas of the ranking metrics, from the places of the targets."""

import numpy as np
from scipy.special import gammaln

__all__ = ["MEASURES"]


def _cut(hits, k):
    """Give the cut-off as a place, at most the longest possible ranking."""
    return hits.n_columns if k is None else min(k, hits.n_columns)


def _ratio(value, divisor, hits):
    """Divide per user; NaN for users without targets."""
    out = np.full(len(hits.n_targets), np.nan)
    np.divide(value, divisor, out=out, where=hits.n_targets > 0)
    return out


def _expected_hits(hits, k):
    """Give the expected number of targets among the first k of each user."""
    k = _cut(hits, k)
    places = np.minimum(hits.end, k) - np.minimum(hits.start, k)
    return hits.sum_groups(hits.n_relevant / (hits.end - hits.start) * places)


def _ndcg(hits, k, truncated):
    k = _cut(hits, k)
    discount = np.append(0.0, np.cumsum(1 / np.log2(np.arange(k) + 2)))
    places = discount[np.minimum(hits.end, k)] - discount[np.minimum(hits.start, k)]
    dcg = hits.sum_groups(hits.n_relevant / (hits.end - hits.start) * places)
    ideal = discount[np.minimum(hits.n_targets, k)]
    return np.minimum(_ratio(dcg, ideal, hits), 1.0)


def _recall(hits, k, truncated):
    best = np.minimum(hits.n_targets, _cut(hits, k)) if truncated else hits.n_targets
    return np.minimum(_ratio(_expected_hits(hits, k), best, hits), 1.0)


def _precision(hits, k, truncated):
    length = np.maximum(hits.n_ranked, 1) if k is None else k
    return np.minimum(_ratio(_expected_hits(hits, k), length, hits), 1.0)


def _hit_rate(hits, k, truncated):
    """Give the chance of a target among the first k: hypergeometric in the group at the cut."""
    size = hits.end - hits.start
    places = np.clip(_cut(hits, k) - hits.start, 0, size)
    missed = size - hits.n_relevant
    chance = np.where(hits.n_relevant == 1, places / size, 1.0)  # exact for one target
    part = (places <= missed) & (hits.n_relevant > 1)  # not all places can go to others otherwise
    chance[part] = 1 - _share_of_draws(size[part], missed[part], places[part])
    out = np.zeros(len(hits.n_targets))
    np.maximum.at(out, hits.row, chance)
    return _ratio(out, 1.0, hits)


def _share_of_draws(size, missed, places):
    """Give C(missed, places) / C(size, places)."""
    log_share = gammaln(missed + 1) - gammaln(missed - places + 1)
    log_share += gammaln(size - places + 1) - gammaln(size + 1)
    return np.exp(np.minimum(log_share, 0))


def _hit_number(hits):
    """Number the targets of each user by rank, from 1."""
    counts = np.bincount(hits.hit_row, minlength=len(hits.n_targets))
    first = np.cumsum(counts) - counts
    return np.arange(len(hits.hit_row)) - first[hits.hit_row] + 1


def _mrr(hits, k, truncated):
    counted = (_hit_number(hits) == 1) & (hits.hit_rank < _cut(hits, k))
    return _ratio(hits.sum_hits(counted / (hits.hit_rank + 1)), 1.0, hits)


def _average_precision(hits, k, truncated):
    k = _cut(hits, k)
    at_hit = _hit_number(hits) / (hits.hit_rank + 1)
    total = hits.sum_hits(at_hit * (hits.hit_rank < k))
    return np.minimum(_ratio(total, np.minimum(hits.n_targets, k), hits), 1.0)


MEASURES = {
    "ndcg": _ndcg,
    "recall": _recall,
    "precision": _precision,
    "hit_rate": _hit_rate,
    "mrr": _mrr,
    "map": _average_precision,
}
