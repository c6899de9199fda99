"""Formulas for the cost of a model by the size of the data, fitted to measurements."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls

from skrec.typing import Array

__all__ = ["UNKNOWN", "Formula", "Size", "fit_formula", "term_value"]

_TERM = "a term is a product such as 'entries factors^2' of {}; got {!r}"


@dataclass(frozen=True)
class Size:
    """The size of data and model.

    Parameters
    ----------
    users, items, entries : float
        Rows, columns and stored entries of the matrix.
    factors : float
        Length of the model's vectors, or the width of its layers.
    length : float, default=None
        Entries in the row of a random entry, which is what pairs of items in a row cost; None
        means that of rows with lognormal lengths: 2.7 times the mean.
    """

    users: float
    items: float
    entries: float
    factors: float = 64
    length: float | None = None

    def values(self) -> dict[str, float]:
        """Return the numbers by name."""
        length = self.length or min(np.e * self.entries / self.users, self.items)
        known = {"users": self.users, "items": self.items, "entries": self.entries}
        return {**known, "factors": self.factors, "length": length}


@dataclass(frozen=True)
class Formula:
    """A sum of products of powers.

    Parameters
    ----------
    weights : dict of str to float
        Factor of each term, such as ``"entries factors^2"``; ``"1"`` is a constant.
    median_error, worst_error : float
        Relative distances to the measurements that it was fitted to.
    """

    weights: Mapping[str, float]
    median_error: float
    worst_error: float

    def __call__(self, size: Size) -> float:
        """Return the value at a size."""
        return sum(weight * term_value(term, size) for term, weight in self.weights.items())

    def __str__(self) -> str:
        parts = [f"{weight:.2g} {_pretty(term)}".strip() for term, weight in self.weights.items()]
        return " + ".join(parts) or "0"


UNKNOWN = Formula({}, math.inf, math.inf)
"""Of what was not measured well enough."""


def _pretty(term: str) -> str:
    return "" if term == "1" else term.replace("^2", "²").replace("^3", "³")


def term_value(term: str, size: Size) -> float:
    """Return the product that a term names.

    Parameters
    ----------
    term : str
        Names with powers, separated by spaces, such as ``"items^2 factors"``; or ``"1"``.
    size : Size
        The numbers.

    Returns
    -------
    value : float
        The product.
    """
    known, value = size.values(), 1.0
    for part in term.split() if term != "1" else ():
        name, _, power = part.partition("^")
        if name not in known:
            raise ValueError(_TERM.format(list(known), term))
        value *= known[name] ** float(power or 1)
    return value


def fit_formula(terms: Sequence[str], sizes: Sequence[Size], measured: Any) -> Formula:
    """Fit the factors of terms, none below 0, so that relative errors are smallest.

    Parameters
    ----------
    terms : sequence of str
        See `term_value`.
    sizes : sequence of Size
        Where it was measured.
    measured : array-like of shape (n,)
        Seconds or bytes, above 0.

    Returns
    -------
    formula : Formula
        Terms that got a factor above 0.
    """
    y = np.asarray(measured, dtype=float)
    design: Array = np.array([[term_value(term, size) for term in terms] for size in sizes])
    scale = design.max(axis=0)  # terms differ by many orders of magnitude
    found, _ = nnls(design / scale / y[:, None], np.ones(len(y)))
    weights = {term: w / s for term, w, s in zip(terms, found, scale, strict=True) if w > 0}
    errors = np.abs(design @ (found / scale) / y - 1)
    return Formula(weights, float(np.median(errors)), float(errors.max()))
