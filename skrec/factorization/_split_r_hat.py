"""Whether chains of draws agree, computed draw by draw."""

import numpy as np

from skrec.typing import Array

__all__ = ["SplitRHat"]


class SplitRHat:
    r"""The split :math:`\hat R` of many quantities, of which one draw at a time is added.

    Gelman, A., Carlin, J. B., Stern, H. S., Dunson, D. B., Vehtari, A., & Rubin, D. B. (2013).
    Bayesian Data Analysis, 3rd edition, section 11.4. CRC Press.

    Parameters
    ----------
    n_chains : int
        Number of chains.
    n_samples : int
        Draws of each, at least 4; with an odd number the one in the middle does not count.

    Examples
    --------
    >>> from skrec.factorization._split_r_hat import SplitRHat
    >>> halves = SplitRHat(n_chains=1, n_samples=4)
    >>> for draw, value in enumerate([1.0, 2.0, 2.0, 1.0]):
    ...     halves.add(draw, value)
    >>> float(halves.result().round(4))  # both halves have the same mean
    0.7071
    """

    def __init__(self, n_chains: int, n_samples: int) -> None:
        self._n_halves, self._n_samples, self._length = 2 * n_chains, n_samples, n_samples // 2
        self._origin: Array | float | None = None  # or squares of large numbers lose all digits
        self._sum = self._square = 0.0  # of the current half
        self._within = self._means = self._squared_means = 0.0

    def add(self, draw: int, values: Array | float) -> None:
        """Add the values of the next draw.

        Parameters
        ----------
        draw : int
            Its number: those of the first chain come first.
        values : ndarray
            The quantities.
        """
        place, n = draw % self._n_samples, self._length
        if n <= place < self._n_samples - n:
            return
        if self._origin is None:
            self._origin = np.array(values, dtype=np.float64)
        centred = values - self._origin
        self._sum, self._square = self._sum + centred, self._square + centred**2
        if place in (n - 1, self._n_samples - 1):  # a half is complete
            mean = self._sum / n
            self._within = self._within + (self._square - n * mean**2) / (n - 1)
            self._means, self._squared_means = self._means + mean, self._squared_means + mean**2
            self._sum = self._square = 0.0

    def result(self) -> Array:
        """Return the value of each quantity; 1 where all draws are the same."""
        m = self._n_halves
        within = np.maximum(self._within, 0) / m
        between = (self._squared_means - np.square(self._means) / m) / (m - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.sqrt(1 - 1 / self._length + np.maximum(between, 0) / within)
        return np.where((within > 0) | (between > 0), ratio, 1.0)
