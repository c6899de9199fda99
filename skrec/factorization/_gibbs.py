"""The Gibbs sampler of Bayesian matrix factorisation with implicit features of both sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from skrec import kernels
from skrec.typing import Array, CSRMatrix

__all__ = ["Draw", "HyperPrior", "Sampler", "Side", "implicit_features"]

Rng = np.random.Generator

# of a side, what the next sweep depends on
_STATE = "vectors", "means", "mean", "precision", "weight_precision", "weights", "squared_error"


class HyperPrior(NamedTuple):
    """Priors of means and precisions, in units of the deviation of all ratings.

    Parameters
    ----------
    shape, rate : float
        Of the Gamma distributions of all precisions.
    strength : float
        Ratings, as it were, that say that a mean is 0.
    """

    shape: float = 1.0
    rate: float = 1.0
    strength: float = 1.0


class Draw(NamedTuple):
    """What is kept of a sweep, in units of ratings.

    Parameters
    ----------
    users : ndarray of shape (n_users, size)
        Means of the users' vectors given all else, the bias last.
    items : ndarray of shape (n_items, size)
        Vectors of the items, the bias last.
    weights : ndarray of shape (n_items, size) or None
        What each item rated adds to a user's centre.
    mean, precision : ndarray of shape (size,)
        Of the users' prior.
    noise : float
        Precision of the ratings.
    """

    users: Array
    items: Array
    weights: Array | None
    mean: Array
    precision: Array
    noise: float


def implicit_features(X: CSRMatrix) -> CSRMatrix:
    """Return each row's entries with the value 1 / sqrt(n), n the number of them.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_columns)
        Ratings, of which the values do not matter.

    Returns
    -------
    features : csr_matrix of float64 of shape (n_rows, n_columns)
        Rows of length 1.
    """
    counts = np.diff(X.indptr)
    values = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts)
    return sp.csr_matrix((values, X.indices, X.indptr), shape=X.shape)


class Side:
    """One side of the matrix, users or items: its vectors, their prior, and implicit features.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_columns)
        Ratings less their mean, in units of their deviation, a row for each of this side.
    size : int
        Length of the vectors, the bias included, which is the last entry.
    implicit : bool
        Whether a row's centre has a sum over the weights of the columns that it has rated.
    prior : HyperPrior
        Of the prior's parameters.
    rng : numpy.random.Generator
        Source of the first vectors.

    Attributes
    ----------
    vectors, means : ndarray of shape (n_rows, size)
        What was drawn last, and its mean.
    weights : ndarray of shape (n_columns, size) or None
        Of the implicit features.
    mean, precision : ndarray of shape (size,)
        Of the vectors around their centres.
    weight_precision : ndarray of shape (size,)
        Of the weights, around 0.
    squared_error : float
        Of all ratings under the vectors.
    """

    def __init__(
        self, X: CSRMatrix, size: int, implicit: bool, prior: HyperPrior, rng: Rng
    ) -> None:
        self.X, self.prior = X, prior
        self._rated = np.diff(X.indptr) > 0
        self.vectors = 0.1 * rng.standard_normal((X.shape[0], size))
        self.means = np.zeros_like(self.vectors)
        self.mean, self.precision = np.zeros(size), np.ones(size)
        self.weight_precision = np.ones(size)
        self.weights: Array | None = None
        self.squared_error = 0.0
        if implicit:
            self.features = implicit_features(X)
            self._by_feature = sp.csr_matrix(self.features.T)
            self.weights = np.zeros((X.shape[1], size))

    def centres(self) -> Array:
        """Return the centre of each row's prior, of shape (n_rows, size)."""
        centres = np.tile(self.mean, (len(self.vectors), 1))
        return centres if self.weights is None else centres + self.features @ self.weights

    def draw_prior(self, rng: Rng) -> None:
        """Draw the prior's parameters given the vectors; rows without ratings say nothing."""
        deviations = self.vectors - (self.centres() - self.mean)
        self.mean, self.precision = draw_normal_gamma(deviations[self._rated], self.prior, rng)
        if self.weights is not None:
            self._draw_weights(self.weights, rng)

    def _draw_weights(self, weights: Array, rng: Rng) -> None:
        """Draw the precision of the weights, and then the weights in place."""
        by_feature = self._by_feature
        used = weights[np.diff(by_feature.indptr) > 0]  # the others are drawn from the prior
        self.weight_precision = draw_precision(used, self.prior, rng)
        residuals = self.vectors - self.centres()
        entries = by_feature.indptr, by_feature.indices, by_feature.data
        normals = rng.standard_normal(weights.shape)
        precisions = self.precision, self.weight_precision
        kernels.draw_weights(entries, residuals, weights, *precisions, normals)

    def draw_vectors(self, other: Array, noise: float, rng: Rng, n_jobs: int | None) -> None:
        """Draw the vectors of all rows given those of the other side."""
        entries = self.X.indptr, self.X.indices, self.X.data
        normals = rng.standard_normal(self.vectors.shape)
        given = other, self.centres(), self.precision, noise
        self.means, self.vectors, errors = kernels.draw_rows(entries, *given, normals, n_jobs)
        self.squared_error = float(errors.sum())


def draw_normal_gamma(values: Array, prior: HyperPrior, rng: Rng) -> tuple[Array, Array]:
    r"""Draw the mean and the precision of each column of Gaussian values.

    The prior is :math:`\lambda \sim \mathrm{Gamma}(a, b)`, :math:`\mu \sim N(0, 1 / (s \lambda))`.

    Parameters
    ----------
    values : ndarray of shape (n, size)
        Independent draws of the Gaussians.
    prior : HyperPrior
        The a, b and s.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    mean, precision : ndarray of shape (size,)
        Drawn from their posterior.
    """
    n, strength = len(values), prior.strength
    average = values.sum(axis=0) / (n + strength)
    spread = np.square(values - average).sum(axis=0) + strength * average**2
    rate = prior.rate + spread / 2
    precision = rng.standard_gamma(prior.shape + n / 2, len(rate)) / rate
    scale = np.sqrt((n + strength) * precision)
    return average + rng.standard_normal(len(rate)) / scale, precision


def draw_precision(values: Array, prior: HyperPrior, rng: Rng) -> Array:
    """Draw the precision of each column of Gaussian values around 0, of shape (size,)."""
    rate = prior.rate + np.square(values).sum(axis=0) / 2
    return rng.standard_gamma(prior.shape + len(values) / 2, len(rate)) / rate


class Sampler:
    """A chain of draws from the posterior.

    A sweep draws the prior of the items and their vectors, the noise, and the prior of the users
    and their vectors.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Ratings.
    n_factors : int
        Length of the vectors without the bias.
    implicit : {"none", "svdpp", "flipped"}
        Whether users, or users and items, have implicit features.
    prior : HyperPrior
        Of all means and precisions.
    rng : numpy.random.Generator
        Source of all draws.
    n_jobs : int, default=None
        Threads; the draws do not depend on it.

    Attributes
    ----------
    users, items : Side
        The two sides.
    noise : float
        Precision of the ratings, in the sampler's units.
    """

    def __init__(
        self,
        X: CSRMatrix,
        n_factors: int,
        implicit: str,
        prior: HyperPrior,
        rng: Rng,
        n_jobs: int | None = None,
    ) -> None:
        values = X.data.astype(np.float64)
        self.centre, self.scale = float(values.mean()), float(values.std()) or 1.0
        standard = (values - self.centre) / self.scale
        X = sp.csr_matrix((standard, X.indices, X.indptr), shape=X.shape)
        size = n_factors + 1
        self.users = Side(X, size, implicit != "none", prior, rng)
        self.items = Side(sp.csr_matrix(X.T), size, implicit == "flipped", prior, rng)
        self.noise, self.prior, self.rng, self.n_jobs = 1.0, prior, rng, n_jobs

    def sweep(self) -> None:
        """Draw everything once."""
        rng, users, items = self.rng, self.users, self.items
        items.draw_prior(rng)
        items.draw_vectors(users.vectors, self.noise, rng, self.n_jobs)
        rate = self.prior.rate + items.squared_error / 2
        self.noise = rng.standard_gamma(self.prior.shape + items.X.nnz / 2) / rate
        users.draw_prior(rng)
        users.draw_vectors(items.vectors, self.noise, rng, self.n_jobs)

    def state(self) -> dict[str, object]:
        """Return what the next sweeps depend on.

        Returns
        -------
        state : dict
            Arrays and numbers.
        """
        sides = [{name: getattr(side, name) for name in _STATE} for side in self._sides]
        return {"sides": sides, "noise": self.noise, "rng": self.rng.bit_generator.state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put a state back.

        Parameters
        ----------
        state : dict
            From `state`.
        """
        for side, own in zip(self._sides, state["sides"], strict=True):
            vars(side).update(own)
        self.noise, self.rng.bit_generator.state = state["noise"], state["rng"]

    @property
    def _sides(self) -> tuple[Side, Side]:
        return self.users, self.items

    def draw(self) -> Draw:
        """Return the current draw in units of ratings."""
        users, scale = self.users, self.scale
        unit = np.ones_like(users.mean)  # of users' vectors: only their biases are ratings
        unit[-1] = scale
        items = scale * self.items.vectors
        items[:, -1] += self.centre
        weights = None if users.weights is None else users.weights * unit
        prior = users.mean * unit, users.precision / unit**2
        return Draw(users.means * unit, items, weights, *prior, self.noise / scale**2)

    @property
    def noise_std(self) -> float:
        """Deviation of the noise in units of ratings, float."""
        return self.scale * self.noise**-0.5
