"""Choice of the targets among held-out entries, and of the users to evaluate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from skrec.interactions import Interactions
from skrec.metrics._check import as_pattern, entries_of
from skrec.typing import Array, CSRMatrix, MatrixLike
from skrec.utils import check_count, check_number

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
        if self.threshold is not None:
            check_number(self.threshold, "relevance_threshold")
        check_count(self.min_held_out, "min_held_out", 1)

    def split(
        self,
        X: Interactions | MatrixLike,
        name: str,
        shape: tuple[int, ...] | None = None,
        *,
        strengths: bool = False,
    ) -> tuple[CSRMatrix, CSRMatrix]:
        """Return the held-out entries, and the targets among them, as boolean CSR matrices.

        A stored zero is a rating if there is a threshold, and else no entry. With ``strengths``,
        entries without a threshold may not be negative.
        """
        if self.threshold is None:
            held_out = as_pattern(X, name, shape, strengths=strengths)
            return held_out, held_out
        held_out = as_pattern(X, name, shape, keep_zeros=sp.issparse(X))
        row, column, value = entries_of(X, name)
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
