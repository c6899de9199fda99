"""Maps from probabilities to calibrated ones, and the pairs that they are fitted to."""

from typing import Any, NamedTuple, Self

import numpy as np
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from skrec.base import Place
from skrec.base.fields import Both, Field, Floats, Made, Number, OneOf
from skrec.calibration._logistic import fit_logistic
from skrec.typing import Array, CSRMatrix
from skrec.utils import has_entries, row_of_entry, take_entries

__all__ = ["MAP", "MAPS", "Sample", "draw_unstored", "evidence", "hide_in_rows"]

_LEAST = 1e-12  # probabilities below are float32's zeros
_MOST = 1 - 1e-7
_PAIRS_PER_RUN = 10


class Sample(NamedTuple):
    """Pairs to fit a map to."""

    evidence: Array  # (n,) what `evidence` returns
    n_history: Array  # (n,) length of the history
    outcome: Array  # (n,) bool
    weight: Array  # (n,) number of pairs that each stands for

    @property
    def n_hits(self) -> int:
        """Number of pairs with outcome 1."""
        return int(np.count_nonzero(self.outcome))


class SigmoidMap:
    """Logistic regression on the evidence and the user's activity, as by `HeldOut`.

    The slope of the evidence is kept from falling below zero: a calibration must not turn the
    ranking round. Users who are more or less active than all of the sample count as the nearest.
    """

    n_range_: tuple[float, float] = (0, np.inf)

    def fit(self, sample: Sample) -> Self:
        """Fit the coefficients; without both outcomes to the rate of the one there is."""
        n, n_hits = sample.weight.sum(), sample.weight @ sample.outcome
        self.coef_, self.intercept_ = np.zeros(3), float(logit((n_hits + 0.5) / (n + 1)))
        if len(sample.n_history):
            self.n_range_ = sample.n_history.min(), sample.n_history.max()
        if 0 < sample.n_hits < len(sample.outcome):
            features = np.column_stack([sample.evidence, *_activity(sample.n_history)])
            fitted = fit_logistic(features, sample.outcome, sample.weight)
            self.coef_, self.intercept_ = fitted
        return self

    def log_odds(self, evidence: Array, n_history: Array | int) -> Array:
        """Return the log odds of pairs, of shapes that broadcast."""
        linear, square = _activity(np.clip(n_history, *self.n_range_))
        offset = self.intercept_ + self.coef_[1] * linear + self.coef_[2] * square
        return self.coef_[0] * evidence + offset

    def predict(self, evidence: Array, n_history: Array | int) -> Array:
        """Return probabilities of pairs, of shapes that broadcast."""
        return expit(self.log_odds(evidence, n_history))


class IsotonicMap(SigmoidMap):
    """Isotonic regression on the log odds of a `SigmoidMap`, which rise within each user.

    It is fitted to means over runs of pairs, each with ten more hits and ten more misses counted
    from the most probable one: few pairs would end in steps to 0 and 1.
    """

    def fit(self, sample: Sample) -> Self:
        """Fit the steps."""
        super().fit(sample)
        x = self.log_odds(sample.evidence, sample.n_history)
        self.isotonic_ = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        x, rate, weight = _runs(x, sample.outcome, sample.weight)
        self.isotonic_.fit(x, rate, sample_weight=weight)
        return self

    def predict(self, evidence: Array, n_history: Array | int) -> Array:
        """Return probabilities of pairs, of shapes that broadcast."""
        x = self.log_odds(evidence, n_history)
        return self.isotonic_.predict(np.ravel(x)).reshape(x.shape)


MAPS = {"sigmoid": SigmoidMap, "isotonic": IsotonicMap}


class _Steps(Field):
    """An isotonic regression, which is between its thresholds as `numpy.interp` is."""

    def pack(self, value: Any, at: Place) -> dict[str, Any]:
        parts = {"x": value.X_thresholds_, "y": value.y_thresholds_}
        for name, part in parts.items():
            Floats("steps").check(part, at.inside(name))
        return {**parts, "ends": [float(value.X_min_), float(value.X_max_)]}

    def unpack(self, packed: Any, at: Place) -> IsotonicRegression:
        if not isinstance(packed, dict) or set(packed) != {"x", "y", "ends"}:
            at.refuse("steps by x, y and ends", packed)
        x, y = (Floats("steps").check(packed[name], at.inside(name)) for name in ("x", "y"))
        steps: Any = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        steps.X_thresholds_, steps.y_thresholds_ = x, y
        steps.X_min_, steps.X_max_ = Both(Number(), Number()).unpack(packed["ends"], at)
        steps.increasing_, steps.n_features_in_ = True, 1
        steps._build_f(x, y)  # which unpickling does too
        return steps


_LINE = {"coef_": Floats(3), "intercept_": Number(), "n_range_": Both(Number(), Number())}
_OPTIONAL = ("n_range_",)
MAP = OneOf(
    sigmoid=Made(SigmoidMap, _OPTIONAL, **_LINE),
    isotonic=Made(IsotonicMap, _OPTIONAL, **_LINE, isotonic_=_Steps()),
)


def _runs(x: Array, outcome: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Cut pairs, in falling order of x, into runs; return mean x, rate and weight of each."""
    order = np.argsort(-x, kind="stable")
    x, outcome, weight = x[order], outcome[order], weight[order]
    fewer = np.minimum(np.cumsum(outcome), np.cumsum(~outcome))
    run = np.minimum(fewer // _PAIRS_PER_RUN, max(1, fewer[-1] // _PAIRS_PER_RUN) - 1)
    total = np.bincount(run, weights=weight)
    mean, rate = (np.bincount(run, weights=weight * values) / total for values in (x, outcome))
    return mean, rate, total


def _activity(n_history: Array | float) -> tuple[Array, Array]:
    """Return the log of the history's length, and its square, which serves quiet users."""
    activity = np.log1p(n_history)
    return activity, activity**2


def evidence(proba: Array, n_history: Array, categorical: bool) -> Array:
    """Return what is calibrated: log odds, or for shares the log of the expected count.

    Both rise with the probability within a user, and both know how active the user is.

    Parameters
    ----------
    proba : ndarray
        Probabilities or shares.
    n_history : ndarray
        Lengths of the histories, of a shape that broadcasts.
    categorical : bool
        Whether they are shares.

    Returns
    -------
    evidence : ndarray
        float64, in the shape of ``proba``.
    """
    proba = np.clip(np.asarray(proba, dtype=np.float64), _LEAST, _MOST)
    return np.log(proba) + np.log(np.maximum(n_history, 0.5)) if categorical else logit(proba)


def draw_unstored(
    X: CSRMatrix, n_per_row: int | None, rng: np.random.RandomState
) -> tuple[Array, Array, float]:
    """Draw pairs that X does not store, about ``n_per_row`` a row.

    All are taken where the catalogue is not larger, or ``n_per_row`` is None. Returns rows,
    columns and the number of pairs that each stands for.
    """
    n_rows, n_items = X.shape
    size = n_items if n_per_row is None else min(n_per_row, n_items)
    row = np.repeat(np.arange(n_rows), size)
    drawn = size < n_items
    column = rng.randint(n_items, size=len(row)) if drawn else np.tile(np.arange(n_items), n_rows)
    free = ~has_entries(X, row, column)
    return row[free], column[free], n_items / size


def hide_in_rows(
    X: CSRMatrix, rows: slice | Array, rate: float, rng: np.random.RandomState
) -> tuple[CSRMatrix, CSRMatrix]:
    """Hide entries of some rows; return what is left, and what is hidden.

    If nothing were left, nothing is hidden.
    """
    row, chosen = row_of_entry(X), np.zeros(X.shape[0], dtype=bool)
    chosen[rows] = True
    hidden = (rng.random_sample(X.nnz) < rate) & chosen[row]
    hidden &= not hidden.all()
    return take_entries(X, row, ~hidden), take_entries(X, row, hidden)
