"""Vectors of users fitted to rankings, against steps of Adam in NumPy."""

from itertools import pairwise

import numpy as np
import pytest

from skrec import kernels
from skrec.kernels import _ranked_vectors

CONSTANTS = (0.9, 0.99, 0.01)


def adam(start, deviation, owned, sampled, places, weights, rates):
    """Take the steps for one row."""
    x = first = second = np.zeros_like(start)
    for step, rate in enumerate(rates, 1):
        user = start + x * deviation
        own, other = (q @ user + b for q, b in (owned, sampled))
        slope = weights / (1 + np.exp(own[:, None] - other[places]))
        gradient = np.zeros_like(start) - slope.sum(axis=1) @ owned[0]
        for pair, place in np.ndenumerate(places):
            gradient = gradient + slope[pair] * sampled[0][place]
        gradient = gradient * deviation + x
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        size = np.sqrt(second / (1 - 0.99**step)) + 0.01
        x = x - rate / (1 - 0.9**step) * first / size
    return start + x * deviation


def problem(seed, offsets=(0, 4, 4, 5, 11)):
    rng = np.random.RandomState(seed)
    n_own, n_sampled, size, n_pairs = offsets[-1], 7, 3, 4
    owned = rng.randn(n_own, size), rng.randn(n_own)
    sampled = rng.randn(n_sampled, size), rng.randn(n_sampled)
    places = rng.randint(n_sampled, size=(n_own, n_pairs))
    weights = rng.uniform(size=places.shape) * (rng.uniform(size=places.shape) < 0.7)
    starts, deviation = rng.randn(len(offsets) - 1, size), rng.uniform(0.5, 2, size)
    rows = np.array(offsets), places, weights
    return starts, deviation, owned, sampled, rows, np.linspace(0.2, 0.01, 12)


@pytest.mark.parametrize("seed", range(5))
def test_steps_are_those_of_numpy(seed):
    starts, deviation, owned, sampled, rows, rates = problem(seed)
    before = starts.copy()
    args = deviation, owned, sampled, rows, rates, CONSTANTS
    vectors = kernels.fit_ranked_vectors(starts, *args)
    np.testing.assert_array_equal(starts, before)
    offsets, places, weights = rows
    for i, (begin, end) in enumerate(pairwise(offsets)):
        own = owned[0][begin:end], owned[1][begin:end]
        pairs = places[begin:end], weights[begin:end]
        expected = adam(starts[i], deviation, own, sampled, *pairs, rates)
        np.testing.assert_allclose(vectors[i], expected, rtol=1e-10, atol=1e-12)
        alone = kernels.fit_ranked_vectors(
            starts[i : i + 1],
            deviation,
            own,
            sampled,
            (np.array([0, end - begin]), *pairs),
            rates,
            CONSTANTS,
        )
        np.testing.assert_array_equal(alone[0], vectors[i])


def test_scores_far_apart_have_no_gradient_or_a_whole_one():
    starts, deviation, owned, sampled, rows, rates = problem(0)
    for offset in (1e4, -1e4):
        far = sampled[0], sampled[1] + offset
        vectors = kernels.fit_ranked_vectors(starts, deviation, owned, far, rows, rates, CONSTANTS)
        assert np.isfinite(vectors).all()


@pytest.mark.parametrize("offset", [250, -250, 350, -350, 800, -800])
def test_scores_far_apart_are_compared_as_others_are(offset):
    # below 300 by an exponential for each item, beyond by one for each pair
    starts, deviation, owned, sampled, rows, rates = problem(3, offsets=(0, 11))
    owned[0][::2] /= 10
    owned[1][::2] += offset
    vectors = kernels.fit_ranked_vectors(starts, deviation, owned, sampled, rows, rates, CONSTANTS)
    with np.errstate(over="ignore"):
        expected = adam(starts[0], deviation, owned, sampled, *rows[1:], rates)
    np.testing.assert_allclose(vectors[0], expected, rtol=1e-10, atol=1e-12)


def test_more_columns_than_a_vector_has_do_not_count():
    starts, deviation, owned, sampled, rows, rates = problem(2)
    wider = [(np.column_stack([q, np.full(len(q), 9.0)]), b) for q, b in (owned, sampled)]
    answers = [
        kernels.fit_ranked_vectors(starts, deviation, *each, rows, rates, CONSTANTS)
        for each in ((owned, sampled), wider)
    ]
    np.testing.assert_array_equal(*answers)


def test_python_takes_the_same_steps():
    starts, deviation, owned, sampled, rows, rates = problem(1)
    vectors = starts.copy()
    kernel = _ranked_vectors._descend
    args = vectors, deviation, owned, sampled, rows, rates, CONSTANTS
    getattr(kernel, "py_func", kernel)(*args)
    expected = kernels.fit_ranked_vectors(starts, *args[1:])
    np.testing.assert_allclose(vectors, expected, rtol=1e-12)
