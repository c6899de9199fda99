"""What of the held-out entries is to be found, and whose rankings count."""

import numbers
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from skrec.interactions import Interactions
from skrec.metrics._check import as_pattern
from skrec.utils import row_of_entry

__all__ = ["Relevance"]


@dataclass(frozen=True)
class Relevance:
    """A rule that makes targets of held-out entries.

    Parameters
    ----------
    threshold : float, default=None
        Ratings of at least this are targets; None takes every entry.
    min_held_out : int, default=1
        Users with fewer held-out entries, targets or not, do not count.
    """

    threshold: float | None = None
    min_held_out: int = 1

    def __post_init__(self):
        value, least = self.threshold, self.min_held_out
        if value is not None and not (isinstance(value, numbers.Real) and np.isfinite(value)):
            raise ValueError(f"relevance_threshold must be a finite number or None, got {value!r}.")
        if not isinstance(least, numbers.Integral) or least < 1:
            raise ValueError(f"min_held_out must be a positive integer, got {least!r}.")

    def split(self, X, name, shape=None):
        """Give boolean CSR matrices of the held-out entries and of the targets among them.

        A stored zero is no entry without a threshold, and a rating with one.
        """
        held_out = as_pattern(X, name, shape, keep_zeros=self._keep_zeros(X))
        if self.threshold is None:
            return held_out, held_out
        row, column, value = _entries(X)
        if np.isnan(value).any():
            raise ValueError(f"{name} must not hold NaN: ratings are compared to a threshold.")
        good = value >= self.threshold
        pairs = (np.ones(np.count_nonzero(good), dtype=bool), (row[good], column[good]))
        return held_out, as_pattern(sp.csr_matrix(pairs, shape=held_out.shape), name)

    @property
    def condition(self):
        """Say what must hold for a user to count, for errors."""
        if self.threshold is None and self.min_held_out == 1:
            return ""
        rated = "" if self.threshold is None else f" rated {self.threshold:g} or more"
        return f"{rated}, of a user with {self.min_held_out} or more held-out ones"

    def counts(self, held_out):
        """Tell which rows of the held-out entries are enough."""
        return np.diff(held_out.indptr) >= self.min_held_out

    def _keep_zeros(self, X):
        return self.threshold is not None and sp.issparse(X)


def _entries(X):
    """Give row, column and value of each entry."""
    if isinstance(X, Interactions):
        return X.user, X.item, X.value
    X = sp.csr_matrix(X)
    return row_of_entry(X), X.indices, X.data
