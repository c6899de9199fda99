"""Names of metrics with their cut-offs, such as ``"ndcg@10"``."""

import numbers

from skrec.metrics._measures import MEASURES

__all__ = ["check_k", "parse_names"]


def check_k(k):
    """Give a cut-off back if it is a positive integer or None."""
    if k is None:
        return None
    if not isinstance(k, numbers.Integral) or isinstance(k, bool) or k < 1:
        raise ValueError(f"k must be a positive integer or None (no cut-off), got {k!r}.")
    return int(k)


def _split_name(name):
    """Split a metric's name into the metric and its own cut-off; "" where it has none."""
    if not isinstance(name, str):
        raise TypeError(f"A metric must be a string such as 'ndcg@10', got {name!r}.")
    metric, _, cut = name.partition("@")
    if metric not in MEASURES or ("@" in name and not (cut.isascii() and cut.isdigit())):
        raise ValueError(
            f"metrics must be among {sorted(MEASURES)}, with a cut-off as in 'ndcg@10' or "
            f"without one, got {name!r}."
        )
    return metric, cut


def parse_names(metrics, k=None):
    """Resolve names of metrics and cut-offs.

    Parameters
    ----------
    metrics : str or iterable of str
        Names; one with its own cut-off ("ndcg@100") keeps it.
    k : int, None or iterable of these, default=None
        Cut-offs for the names that have none.

    Returns
    -------
    specs : dict of str to (str, int or None)
        From the full name to metric and cut-off, in the order given.
    """
    metrics = [metrics] if isinstance(metrics, str) else list(metrics)
    cuts = [check_k(c) for c in ([k] if k is None or isinstance(k, numbers.Real) else k)]
    specs = {}
    for name in metrics:
        metric, own = _split_name(name)
        for cut in [check_k(int(own))] if own else cuts:
            specs[metric if cut is None else f"{metric}@{cut}"] = (metric, cut)
    if not specs:
        raise ValueError(f"metrics and k must name at least one metric, got {metrics!r}, {k!r}.")
    return specs
