"""Choice of the targets among held-out entries, and of the users to evaluate."""

from __future__ import annotations

import numbers
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from skrec.interactions import Interactions
from skrec.metrics._check import as_pattern
from skrec.typing import Array, CSRMatrix, MatrixLike
from skrec.utils import row_of_entry

__all__ = ["Relevance"]


@dataclass(frozen=True)
class Relevance:
    """Rule that chooses the targets among held-out entries.

    Parameters
    ----------
    threshold : float, default=None
        Least rating of a target; None makes every entry a target.
    min_held_out : int, default=1
        Least number of held-out entries of a user, targets or not. Users
        with fewer are not evaluated.
    """

    threshold: float | None = None
    min_held_out: int = 1

    def __post_init__(self) -> None:
        value, least = self.threshold, self.min_held_out
        if value is not None and not (isinstance(value, numbers.Real) and np.isfinite(value)):
            raise ValueError(f"relevance_threshold must be a finite number or None, got {value!r}.")
        if not isinstance(least, numbers.Integral) or least < 1:
            raise ValueError(f"min_held_out must be a positive integer, got {least!r}.")

    def split(
        self, X: Interactions | MatrixLike, name: str, shape: tuple[int, ...] | None = None
    ) -> tuple[CSRMatrix, CSRMatrix]:
        """Return the held-out entries, and the targets among them, as boolean CSR matrices.

        A stored zero is a rating if there is a threshold, and else no entry.
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
    def condition(self) -> str:
        """The condition on a user's held-out entries, in words for error messages."""
        if self.threshold is None and self.min_held_out == 1:
            return ""
        rated = "" if self.threshold is None else f" rated {self.threshold:g} or more"
        return f"{rated}, of a user with {self.min_held_out} or more held-out ones"

    def counts(self, held_out: CSRMatrix) -> Array:
        """Return which rows have enough held-out entries, as a boolean array."""
        return np.diff(held_out.indptr) >= self.min_held_out

    def _keep_zeros(self, X: Interactions | MatrixLike) -> bool:
        return self.threshold is not None and sp.issparse(X)


def _entries(X: Interactions | MatrixLike) -> tuple[Array, Array, Array]:
    """Return the row, the column and the value of each entry."""
    if isinstance(X, Interactions):
        return X.user, X.item, X.value
    matrix = sp.csr_matrix(X)
    return row_of_entry(matrix), matrix.indices, matrix.data
