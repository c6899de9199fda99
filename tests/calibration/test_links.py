"""Probabilities recovered from the logits of sampled and pairwise losses."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skrec.calibration import sampling_log_odds, user_offsets


def known_probabilities(rng, n_users=12, n_items=400):
    """Rates of users that differ by a factor of ten, and items of very different popularity."""
    logits = rng.normal(size=(n_users, 1)) - 2 + rng.normal(size=n_items)
    return 1 / (1 + np.exp(-logits))


@pytest.mark.parametrize("weighted", [False, True])
def test_pointwise_logits_shift_to_the_true_rates(weighted):
    """The best logit on the sample, plus the shift, gives the true rate of each pair."""
    rng = np.random.default_rng(0)
    proba, n_negatives = known_probabilities(rng), 4
    n_items = proba.shape[1]
    q = rng.random(n_items) + 0.2 if weighted else np.ones(n_items)
    q /= q.sum()
    positive, negative = np.zeros(proba.shape), np.zeros(proba.shape)
    recovered = np.zeros(proba.shape)
    n_rounds = 400
    for _ in range(n_rounds):
        X = rng.random(proba.shape) < proba
        free = ~X * q
        rate = n_negatives * X.sum(1, keepdims=True) * free / free.sum(1, keepdims=True)
        positive += X
        negative += rate  # expected number of times that the pair is drawn as a negative
        recovered += sampling_log_odds(sp.csr_matrix(X), n_negatives, q if weighted else None)
    often = positive >= 20
    logit = np.log(positive[often] / negative[often]) + (recovered / n_rounds)[often]
    ratio = 1 / (1 + np.exp(-logit)) / (positive[often] / n_rounds)
    assert np.quantile(np.abs(ratio - 1), 0.95) < 0.1
    # one global shift instead misses by far: the shift differs between quiet and busy users
    assert np.ptp(recovered[:, 0] / n_rounds) > 1


def test_uniform_shift_is_the_closed_form():
    X = sp.csr_matrix([[1, 0, 0, 0], [1, 1, 1, 0]])
    expected = np.log([[3 * 1 / 3], [3 * 3 / 1]])
    np.testing.assert_allclose(sampling_log_odds(X, 3), expected)
    # equal weights are the uniform distribution, one column an item
    same = sampling_log_odds(X, 3, np.full(4, 7.0))
    np.testing.assert_allclose(same, np.tile(expected, 4))


def test_a_user_with_everything_has_a_finite_shift():
    assert np.isfinite(sampling_log_odds(sp.csr_matrix(np.ones((1, 3))), 2)).all()


@given(
    hnp.arrays(np.float64, (3, 7), elements=st.floats(-30, 30)),
    hnp.arrays(np.float64, 3, elements=st.floats(0.05, 6.95)),
)
def test_offsets_make_probabilities_add_up(logits, totals):
    proba = 1 / (1 + np.exp(-(logits + user_offsets(logits, totals)[:, None])))
    np.testing.assert_allclose(proba.sum(axis=1), totals, rtol=1e-6)


def test_offsets_recover_known_rates():
    rng = np.random.default_rng(1)
    proba = known_probabilities(rng)
    logits = np.log(proba / (1 - proba))
    shifted = logits - rng.normal(size=(len(proba), 1)) * 3
    offsets = user_offsets(shifted, proba.sum(axis=1))
    np.testing.assert_allclose(shifted + offsets[:, None], logits, atol=1e-6)
