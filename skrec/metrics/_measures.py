"""The formulas of the ranking metrics, computed from the places of the targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from scipy.special import gammaln

from skrec.metrics._hits import Hits
from skrec.typing import Array

__all__ = ["MEASURES", "Measure"]

Measure: TypeAlias = Callable[[Hits, int | None, bool], Array]
"""From hits, cut-off and ``truncated`` to the value of each user."""


def _cut(hits: Hits, k: int | None) -> int:
    """Return the cut-off, at most the length of the longest possible ranking."""
    return hits.n_columns if k is None else min(k, hits.n_columns)


def _ratio(value: Array, divisor: Array | float, hits: Hits) -> Array:
    """Return the ratio for each user, NaN for users without targets."""
    out = np.full(len(hits.n_targets), np.nan)
    np.divide(value, divisor, out=out, where=hits.n_targets > 0)
    return out


def _expected_hits(hits: Hits, k: int | None) -> Array:
    """Return the expected number of targets among the first k places of each user."""
    cut = _cut(hits, k)
    places = np.minimum(hits.end, cut) - np.minimum(hits.start, cut)
    return hits.sum_groups(hits.n_relevant / (hits.end - hits.start) * places)


def _ndcg(hits: Hits, k: int | None, truncated: bool) -> Array:
    cut = _cut(hits, k)
    discount = np.append(0.0, np.cumsum(1 / np.log2(np.arange(cut) + 2)))
    places = discount[np.minimum(hits.end, cut)] - discount[np.minimum(hits.start, cut)]
    dcg = hits.sum_groups(hits.n_relevant / (hits.end - hits.start) * places)
    ideal = discount[np.minimum(hits.n_targets, cut)]
    return np.minimum(_ratio(dcg, ideal, hits), 1.0)


def _recall(hits: Hits, k: int | None, truncated: bool) -> Array:
    best = np.minimum(hits.n_targets, _cut(hits, k)) if truncated else hits.n_targets
    return np.minimum(_ratio(_expected_hits(hits, k), best, hits), 1.0)


def _precision(hits: Hits, k: int | None, truncated: bool) -> Array:
    length = np.maximum(hits.n_ranked, 1) if k is None else float(min(k, 2**53))
    return np.minimum(_ratio(_expected_hits(hits, k), length, hits), 1.0)


def _hit_rate(hits: Hits, k: int | None, truncated: bool) -> Array:
    """Return the probability of a target among the first k places.

    In the tie group at the cut-off the number of targets above it is hypergeometric.
    """
    size = hits.end - hits.start
    places = np.clip(_cut(hits, k) - hits.start, 0, size)
    missed = size - hits.n_relevant
    chance = np.where(hits.n_relevant == 1, places / size, 1.0)  # exact for one target
    # with fewer other items than places, a target is certain: the chance stays 1
    part = (places <= missed) & (hits.n_relevant > 1)
    chance[part] = 1 - _share_of_draws(size[part], missed[part], places[part])
    out = np.zeros(len(hits.n_targets))
    np.maximum.at(out, hits.row, chance)
    return _ratio(out, 1.0, hits)


def _share_of_draws(size: Array, missed: Array, places: Array) -> Array:
    """Return C(missed, places) / C(size, places)."""
    log_share = gammaln(missed + 1) - gammaln(missed - places + 1)
    log_share += gammaln(size - places + 1) - gammaln(size + 1)
    return np.exp(np.minimum(log_share, 0))


def _hit_number(hits: Hits) -> Array:
    """Return the number of each target among those of its user, by rank and from 1."""
    counts = np.bincount(hits.hit_row, minlength=len(hits.n_targets))
    first = np.cumsum(counts) - counts
    return np.arange(len(hits.hit_row)) - first[hits.hit_row] + 1


def _mrr(hits: Hits, k: int | None, truncated: bool) -> Array:
    counted = (_hit_number(hits) == 1) & (hits.hit_rank < _cut(hits, k))
    return _ratio(hits.sum_hits(counted / (hits.hit_rank + 1)), 1.0, hits)


def _average_precision(hits: Hits, k: int | None, truncated: bool) -> Array:
    cut = _cut(hits, k)
    at_hit = _hit_number(hits) / (hits.hit_rank + 1)
    total = hits.sum_hits(at_hit * (hits.hit_rank < cut))
    return np.minimum(_ratio(total, np.minimum(hits.n_targets, cut), hits), 1.0)


MEASURES: dict[str, Measure] = {
    "ndcg": _ndcg,
    "recall": _recall,
    "precision": _precision,
    "hit_rate": _hit_rate,
    "mrr": _mrr,
    "map": _average_precision,
}
