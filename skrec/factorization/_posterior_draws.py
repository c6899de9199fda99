"""The draws that are kept of a posterior, and users given the draws of the items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from tqdm.auto import tqdm

from skrec import kernels
from skrec.factorization._gibbs import Draw, HyperPrior, Sampler, implicit_features
from skrec.typing import Array, CSRMatrix
from skrec.utils import Checkpoint

__all__ = ["PosteriorDraws", "run_chain"]


class PosteriorDraws(NamedTuple):
    """Draws from the posterior of a matrix factorisation.

    Parameters
    ----------
    user_factors : ndarray of shape (n_users, n_draws * n_factors)
        For each draw the mean of the users' vectors given all else, one draw after the other.
    user_biases : ndarray of shape (n_users, n_draws)
        The same of the users' biases.
    item_factors : ndarray of shape (n_items, n_draws * n_factors)
        The items' vectors in each draw.
    item_biases : ndarray of shape (n_items, n_draws)
        The items' biases in each draw, the mean of all ratings included.
    weights : ndarray of shape (n_items, n_draws, n_factors + 1) or None
        In each draw what a rated item adds to a user's centre.
    prior_means, prior_precisions : ndarray of shape (n_draws, n_factors + 1)
        Of the users, the bias last.
    noise_stds : ndarray of shape (n_draws,)
        Deviation of the noise.
    """

    user_factors: Array
    user_biases: Array
    item_factors: Array
    item_biases: Array
    weights: Array | None
    prior_means: Array
    prior_precisions: Array
    noise_stds: Array

    @classmethod
    def empty(
        cls, shape: tuple[int, int], n_draws: int, n_factors: int, implicit: bool
    ) -> PosteriorDraws:
        """Return room for draws.

        Parameters
        ----------
        shape : tuple of int
            Numbers of users and items.
        n_draws, n_factors : int
            Number of draws, and length of the vectors.
        implicit : bool
            Whether there are weights.

        Returns
        -------
        draws : PosteriorDraws
            To be filled by `put`.
        """
        n_users, n_items = shape
        return cls(
            np.empty((n_users, n_draws * n_factors), np.float32),
            np.empty((n_users, n_draws), np.float32),
            np.empty((n_items, n_draws * n_factors), np.float32),
            np.empty((n_items, n_draws), np.float32),
            np.empty((n_items, n_draws, n_factors + 1), np.float32) if implicit else None,
            np.empty((n_draws, n_factors + 1)),
            np.empty((n_draws, n_factors + 1)),
            np.empty(n_draws),
        )

    @classmethod
    def joined(cls, parts: list[PosteriorDraws]) -> PosteriorDraws:
        """Return the draws of several parts, one part after the other.

        Parameters
        ----------
        parts : list of PosteriorDraws
            Draws of the same users and items.

        Returns
        -------
        draws : PosteriorDraws
            All of them.
        """
        if len(parts) == 1:
            return parts[0]
        axes = 1, 1, 1, 1, 1, 0, 0, 0
        fields = zip(axes, *parts, strict=True)
        joined: Any = (None if a[0] is None else np.concatenate(a, axis) for axis, *a in fields)
        return cls(*joined)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return len(self.noise_stds)

    def put(self, number: int, draw: Draw) -> None:
        """Put a draw into its place."""
        place = self._place(number)
        self.user_factors[:, place] = draw.users[:, :-1]
        self.item_factors[:, place] = draw.items[:, :-1]
        self.user_biases[:, number] = draw.users[:, -1]
        self.item_biases[:, number] = draw.items[:, -1]
        if self.weights is not None:
            self.weights[:, number] = draw.weights
        self.prior_means[number], self.prior_precisions[number] = draw.mean, draw.precision
        self.noise_stds[number] = draw.noise**-0.5

    def arrays(self) -> list[Array]:
        """Return the arrays, those of absent weights left out.

        Returns
        -------
        arrays : list of ndarray
            Writable; the weights are last.
        """
        *first, weights, means, precisions, noise_stds = self
        arrays = [*first, means, precisions, noise_stds]
        return arrays if weights is None else [*arrays, weights]

    def items(self, number: int, items: Any = slice(None)) -> tuple[Array, Array]:
        """Return the vectors and the biases of some items in a draw."""
        return self.item_factors[items, self._place(number)], self.item_biases[items, number]

    def _place(self, number: int) -> slice:
        n_factors = self.prior_means.shape[1] - 1
        return slice(number * n_factors, (number + 1) * n_factors)

    def users(
        self, history: CSRMatrix, numbers: Iterable[int], n_jobs: int | None
    ) -> Iterator[tuple[Array, Array]]:
        """Yield for each draw of the items the users' means, and how far a draw of theirs is off.

        One set of standard normal numbers serves all users of a draw, so that a user does not
        depend on the others.

        Parameters
        ----------
        history : csr_matrix of shape (n_rows, n_items)
            Ratings of users that need not be known.
        numbers : iterable of int
            Which draws.
        n_jobs : int or None
            Threads over users.

        Yields
        ------
        means, spreads : ndarray of float32 of shape (n_rows, n_factors + 1)
            The bias is last.
        """
        used, columns = np.unique(history.indices, return_inverse=True)
        shape = history.shape[0], len(used)
        history = sp.csr_matrix((history.data, columns, history.indptr), shape=shape)
        entries = history.indptr, history.indices, history.data
        features = implicit_features(history)
        for number in numbers:
            vectors = np.column_stack(self.items(number, used)).astype(np.float64)
            centres = np.tile(self.prior_means[number], (shape[0], 1))
            if self.weights is not None:
                centres += features @ self.weights[used, number].astype(np.float64)
            normals = np.random.default_rng(number).standard_normal(centres.shape[1])
            normals = np.tile(normals, (shape[0], 1))
            given = centres, self.prior_precisions[number], self.noise_stds[number] ** -2
            means, drawn, _ = kernels.draw_rows(entries, vectors, *given, normals, n_jobs)
            yield means.astype(np.float32), (drawn - means).astype(np.float32)


def run_chain(
    X: CSRMatrix, params: Any, seed: np.random.SeedSequence, checkpoint: Checkpoint
) -> tuple[Array, PosteriorDraws]:
    """Run a chain, and return the deviations of the noise and the draws that are kept.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Ratings.
    params : BayesianMFRegressor
        Whose parameters count.
    seed : SeedSequence
        Of the chain.
    checkpoint : Checkpoint
        Where the chain goes on from.

    Returns
    -------
    trace : ndarray of shape (n_sweeps,)
        The deviation of the noise after each sweep.
    draws : PosteriorDraws
        Those of this chain.
    """
    shape, n_samples, implicit = (X.shape[0], X.shape[1]), params.n_samples, params.implicit
    draws = PosteriorDraws.empty(shape, n_samples, params.n_factors, implicit != "none")
    trace = np.empty(params.burn_in + params.thin * n_samples)
    n_jobs = params.n_jobs if params.n_chains == 1 else 1
    rng = np.random.Generator(np.random.Philox(seed))
    sampler = Sampler(X, params.n_factors, implicit, HyperPrior(), rng, n_jobs)
    kept = [trace, *draws.arrays()]
    n_done, state, before = checkpoint.load() or (0, None, [])
    if state is not None:
        sampler.restore(state)
    for array, values in zip(kept, before):
        array[...] = values
    sweeps = range(n_done, len(trace))
    for sweep in tqdm(sweeps, type(params).__name__, disable=not params.verbose):
        sampler.sweep()
        trace[sweep] = sampler.noise_std
        number, left = divmod(sweep + 1 - params.burn_in, params.thin)
        if number > 0 and not left:
            draws.put(number - 1, sampler.draw())
        last = sweep + 1 == len(trace)
        if last or checkpoint.is_due:
            checkpoint.save((sweep + 1, sampler.state(), kept), must=last)
    return trace, draws
