"""Rank correlations of two quantities, given a third one or not."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from skrec.typing import Array
from skrec.utils import as_numbers

__all__ = ["partial_spearman", "spearman_along"]

_NOTHING = 1e-12  # rounding alone, where the third quantity orders the users as one of the two


class RankCorrelation(NamedTuple):
    """A rank correlation and its p-value.

    Parameters
    ----------
    statistic : float
        The correlation, in [-1, 1].
    pvalue : float
        Two-sided p-value of the hypothesis that there is no correlation.
    """

    statistic: float
    pvalue: float


def partial_spearman(x: ArrayLike, y: ArrayLike, given: ArrayLike | None = None) -> RankCorrelation:
    r"""Return Spearman's rank correlation of two quantities, with a third one held fixed.

    .. math:: \rho_{xy \cdot z} = \frac{\rho_{xy} - \rho_{xz} \rho_{yz}}
        {\sqrt{(1 - \rho_{xz}^2) (1 - \rho_{yz}^2)}}

    Parameters
    ----------
    x, y : array-like of shape (n,)
        The two quantities.
    given : array-like of shape (n,), default=None
        The quantity to hold fixed; None computes Spearman's correlation itself.

    Returns
    -------
    statistic : float
        The correlation; NaN where it is undefined, such as that of a constant.
    pvalue : float
        Two-sided p-value by Student's t with n - 2 degrees of freedom, n - 3 with ``given``.

    Raises
    ------
    ValueError
        If the arrays differ in shape or are not finite.

    See Also
    --------
    scipy.stats.spearmanr : Computes the correlation of two quantities.

    References
    ----------
    Conover, W. J. (1999). Practical nonparametric statistics, 3rd edition. Wiley. Section 5.4.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.inspection import partial_spearman
    >>> rng = np.random.default_rng(0)
    >>> z = rng.standard_normal(500)
    >>> x, y = z + rng.standard_normal(500), z + rng.standard_normal(500)
    >>> round(partial_spearman(x, y).statistic, 2)
    0.49
    >>> abs(partial_spearman(x, y, given=z).statistic) < 0.05
    True
    """
    arrays = _check({"x": x, "y": y} | ({} if given is None else {"given": given}))
    statistic = float(spearman_along(*arrays))
    dof = len(arrays[0]) - len(arrays)
    if dof < 1:
        return RankCorrelation(statistic, np.nan)
    with np.errstate(divide="ignore"):  # a correlation of one is certain
        t = statistic * np.sqrt(dof / np.maximum(1 - statistic**2, 0))
    return RankCorrelation(statistic, float(2 * stats.t.sf(np.abs(t), dof)))


def spearman_along(x: Array, y: Array, given: Array | None = None) -> Array:
    """Return the rank correlations along the last axis, NaN where one of the three is constant."""
    x, y = _standard_ranks(x), _standard_ranks(y)
    xy = np.mean(x * y, axis=-1)
    if given is None:
        return np.clip(xy, -1, 1)
    z = _standard_ranks(given)
    xz, yz = np.mean(x * z, axis=-1), np.mean(y * z, axis=-1)
    left = (1 - xz**2) * (1 - yz**2)
    some = left > _NOTHING
    partial = (xy - xz * yz) / np.sqrt(np.where(some, left, np.nan))
    return np.clip(partial, -1, 1)


def _standard_ranks(x: Array) -> Array:
    """Return ranks with mean 0 and variance 1, NaN of a constant."""
    ranks: Array = stats.rankdata(x, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    std = ranks.std(axis=-1, keepdims=True)
    return np.divide(ranks, std, out=np.full_like(ranks, np.nan), where=std > 0)


def _check(quantities: Mapping[str, ArrayLike]) -> list[Array]:
    arrays = {name: as_numbers(a, name).astype(np.float64) for name, a in quantities.items()}
    shape = arrays["x"].shape
    for name, array in arrays.items():
        if array.ndim != 1 or array.shape != shape:
            raise ValueError(f"{name} must have the shape of x, (n,); got {array.shape}, {shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must hold finite numbers; got NaN or infinity")
    return list(arrays.values())
