"""Names of metrics with their cut-offs, such as ``"ndcg@10"``."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from skrec.metrics._measures import MEASURES

__all__ = ["Specs", "check_k", "parse_names"]

Specs: TypeAlias = dict[str, tuple[str, int | None]]
"""The metric and the cut-off of each full name."""


def check_k(k: int | None) -> int | None:
    """Return a cut-off, after a check that it is a positive integer or None."""
    if k is None:
        return None
    if not isinstance(k, numbers.Integral) or isinstance(k, bool) or k < 1:
        raise ValueError(f"k must be a positive integer or None (no cut-off), got {k!r}.")
    return int(k)


def _split_name(name: str) -> tuple[str, str]:
    """Split a name into the metric and its own cut-off, which is "" where there is none."""
    if not isinstance(name, str):
        raise TypeError(f"metrics must be strings such as 'ndcg@10', got {name!r}.")
    metric, _, cut = name.partition("@")
    if metric not in MEASURES or ("@" in name and not (cut.isascii() and cut.isdigit())):
        raise ValueError(
            f"metrics must be among {sorted(MEASURES)}, with a cut-off as in 'ndcg@10' or "
            f"without one, got {name!r}."
        )
    return metric, cut


def _listed(value: Any) -> list[Any]:
    """Return the parts of a list, and of anything else the thing itself."""
    scalar = isinstance(value, np.ndarray) and value.ndim == 0
    whole = scalar or isinstance(value, str | bytes) or not isinstance(value, Iterable)
    return [value] if whole else list(value)


def parse_names(metrics: str | Iterable[str], k: int | Iterable[int | None] | None = None) -> Specs:
    """Return the metric and the cut-off that each name stands for.

    Parameters
    ----------
    metrics : str or iterable of str
        Names; a name with its own cut-off ("ndcg@100") keeps it.
    k : int, None or iterable of these, default=None
        Cut-offs of the names that have none of their own.

    Returns
    -------
    specs : dict of str to (str, int or None)
        Metric and cut-off of each full name, in the order of the input.
    """
    names: list[Any] = _listed(metrics)
    cuts = [check_k(cut) for cut in _listed(k)]
    specs: Specs = {}
    for name in names:
        metric, own = _split_name(name)
        for cut in [check_k(int(own))] if own else cuts:
            specs[metric if cut is None else f"{metric}@{cut}"] = (metric, cut)
    if not specs:
        raise ValueError(f"metrics and k must name at least one metric, got {names!r}, {k!r}.")
    return specs
