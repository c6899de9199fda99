"""Vectors of users under which what they have ranks above what they lack."""

import numpy as np

from skrec.kernels._compile import compiled
from skrec.typing import Array

__all__ = ["fit_ranked_vectors"]

_FAR = 300.0  # between scores; the exponentials of larger differences come to leave float64


def fit_ranked_vectors(
    starts: Array,
    deviation: Array,
    owned: tuple[Array, Array],
    sampled: tuple[Array, Array],
    rows: tuple[Array, Array, Array],
    rates: Array,
    constants: tuple[float, float, float],
) -> Array:
    r"""Return the vectors of rows after steps of Adam on a loss of ranking.

    .. math:: \sum_{i, j} w_{ij} \ln(1 + e^{f_j - f_i}) + \tfrac12 \| (x - x_0) / \tau \|^2,
        \qquad f_i = q_i^\top x + b_i

    Parameters
    ----------
    starts : ndarray of float64 of shape (n_rows, size)
        :math:`x_0`, where the steps begin.
    deviation : ndarray of float64 of shape (size,)
        :math:`\tau`, in units of which steps are taken.
    owned, sampled : tuple of ndarray
        Vectors q and numbers b, in float64: those of each entry of the rows, and of the items that
        they are compared with. Of a q, as much counts as a row's vector has.
    rows : tuple of ndarray
        Where the entries of each row start, and the end, int64; with which of the sampled items
        each entry is compared, int64 of shape (nnz, n_pairs), and the weights w of these pairs.
    rates : ndarray of float64 of shape (n_steps,)
        The rate of each step.
    constants : tuple of float
        Decay of the averages of gradients and of their squares; the least size of a gradient.

    Returns
    -------
    vectors : ndarray of float64 of shape (n_rows, size)
        A row does not depend on the others.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.kernels import fit_ranked_vectors
    >>> owned, sampled = np.eye(2)[:1], np.eye(2)[1:]
    >>> rows = np.array([0, 1]), np.zeros((1, 1), dtype=int), np.ones((1, 1))
    >>> fit_ranked_vectors(
    ...     np.zeros((1, 2)), np.ones(2), (owned, np.zeros(1)), (sampled, np.zeros(1)), rows,
    ...     np.full(50, 0.1), (0.9, 0.99, 0.01),
    ... ).round(2)
    array([[ 0.36, -0.36]])
    """
    vectors = starts.copy()
    _descend(vectors, deviation, owned, sampled, rows, rates, constants)
    return vectors


@compiled
def _descend(vectors, deviation, owned, sampled, rows, rates, constants):
    """Move the vectors of all rows, one row after the other."""
    offsets = rows[0]
    for i in range(len(vectors)):
        begin, end = offsets[i], offsets[i + 1]
        own = owned[0][begin:end], owned[1][begin:end]
        pairs = rows[1][begin:end], rows[2][begin:end]
        _descend_row(vectors[i], deviation, own, sampled, pairs, rates, constants)


@compiled
def _descend_row(vector, deviation, own, sampled, pairs, rates, constants):
    """Move one vector by steps of Adam."""
    size, n_own, n_sampled = len(vector), len(own[0]), len(sampled[0])
    x, first, second = np.zeros(size), np.zeros(size), np.zeros(size)
    user, gradient = np.empty(size), np.empty(size)
    pull, push = np.empty(n_own), np.empty(n_sampled)
    for step in range(len(rates)):
        for k in range(size):
            user[k] = vector[k] + x[k] * deviation[k]
        _score(user, own, pull)
        _score(user, sampled, push)
        _compare(pairs[0], pairs[1], pull, push)
        gradient[:] = 0
        _add(own[0], pull, gradient)
        _add(sampled[0], push, gradient)
        left_first, left_second = constants[0] ** (step + 1), constants[1] ** (step + 1)
        for k in range(size):
            g = gradient[k] * deviation[k] + x[k]
            first[k] += (1 - constants[0]) * (g - first[k])
            second[k] += (1 - constants[1]) * (g * g - second[k])
            scale = np.sqrt(second[k] / (1 - left_second)) + constants[2]
            x[k] -= rates[step] / (1 - left_first) * first[k] / scale
    for k in range(size):
        vector[k] += x[k] * deviation[k]


def _score(user, items, scores):
    """Write the scores of items."""
    vectors, offsets = items
    for i in range(len(scores)):
        total, vector = 0.0, vectors[i]
        for k in range(len(user)):
            total += user[k] * vector[k]
        scores[i] = total + offsets[i]


_score = compiled(_score, reorders=True)


@compiled
def _compare(places, weights, own, sampled):
    """Turn the scores of what a row has, and of the sample, into the loss's derivatives."""
    derivatives = np.zeros(len(sampled))
    own_powers, powers = np.empty_like(own), np.empty_like(sampled)
    # an exponential for each item is less than one for each pair
    fewer = len(own) + len(sampled) < places.size
    fewer = fewer and _powers(own, sampled[0], own_powers) and _powers(sampled, sampled[0], powers)
    for i in range(len(own)):
        total = 0.0
        for p in range(places.shape[1]):
            place, weight = places[i, p], weights[i, p]
            if weight > 0:
                if fewer:
                    slope = weight * powers[place] / (powers[place] + own_powers[i])
                else:
                    slope = weight / (1 + np.exp(own[i] - sampled[place]))
                derivatives[place] += slope
                total -= slope
        own[i] = total
    sampled[:] = derivatives


@compiled
def _powers(scores, middle, powers):
    """Write the exponentials of scores; return whether all are far inside of float64."""
    inside = True
    for i in range(len(scores)):
        distance = scores[i] - middle
        inside &= abs(distance) < _FAR
        powers[i] = np.exp(distance)
    return inside


@compiled
def _add(vectors, factors, into):
    """Add multiples of vectors."""
    for i in range(len(factors)):
        factor, vector = factors[i], vectors[i]
        if factor != 0:
            for k in range(len(into)):
                into[k] += factor * vector[k]
