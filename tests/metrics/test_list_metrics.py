"""Coverage, Gini, novelty and diversity against loops over lists."""

from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.metrics.pairwise import cosine_similarity

from skrec.metrics import coverage, diversity, gini, novelty


@st.composite
def lists(draw):
    """Draw lists of distinct items, padded with -1, and the size of the catalogue."""
    n_items = draw(st.integers(2, 8))
    items = [draw(st.permutations(range(n_items))) for _ in range(draw(st.integers(1, 5)))]
    lengths = [draw(st.integers(0, n_items)) for _ in items]
    lengths[0] = max(lengths[0], 2)
    ranked = [row[:n] + [-1] * (n_items - n) for row, n in zip(items, lengths)]
    return np.array(ranked), n_items


@given(lists())
def test_coverage(drawn):
    ranked, n_items = drawn
    assert coverage(ranked, n_items) == len(set(ranked.ravel()) - {-1}) / n_items


@given(lists(), st.data())
def test_gini(drawn, data):
    ranked, n_items = drawn
    counts = np.bincount(ranked[ranked >= 0], minlength=n_items)
    differences = np.abs(counts[:, None] - counts).sum()
    expected = differences / (2 * n_items * counts.sum())  # half the relative mean difference
    assert gini(ranked, n_items) == pytest.approx(expected)
    assert -1e-12 <= gini(ranked, n_items) <= 1 - 1 / n_items + 1e-12
    renamed = np.append(data.draw(st.permutations(range(n_items))), -1)[ranked]
    assert gini(renamed, n_items) == pytest.approx(gini(ranked, n_items))


@given(lists(), st.data())
def test_novelty(drawn, data):
    ranked, n_items = drawn
    popularity = np.array([data.draw(st.integers(0, 5)) for _ in range(n_items)]) + 0.0
    popularity[0] = 3
    share = np.maximum(popularity, popularity[popularity > 0].min()) / popularity.sum()
    expected = [
        -np.log2(share[row[row >= 0]]).mean() if row.max() >= 0 else np.nan for row in ranked
    ]
    assert_allclose(novelty(ranked, popularity, per_user=True), expected, atol=1e-12)
    assert novelty(ranked, popularity * 7) == pytest.approx(np.nanmean(expected))


@given(lists(), st.integers(0, 1000))
def test_diversity(drawn, seed):
    ranked, n_items = drawn
    features = np.random.default_rng(seed).integers(0, 2, (n_items, 3)).astype(float)
    similarity = cosine_similarity(features)
    expected = []
    for row in ranked:
        pairs = [similarity[i, j] for i, j in combinations(row[row >= 0], 2)]
        expected.append(1 - np.mean(pairs) if pairs else np.nan)
    for given_as in (
        {"features": features},
        {"features": sp.csc_array(features)},
        {"similarity": similarity},
        {"similarity": sp.coo_matrix(similarity)},
    ):
        assert_allclose(diversity(ranked, per_user=True, **given_as), expected, atol=1e-9)
        assert diversity(ranked, **given_as) == pytest.approx(np.nanmean(expected))
        with config_context(working_memory=1e-4):
            assert_allclose(diversity(ranked, per_user=True, **given_as), expected, atol=1e-9)


def test_extremes():
    same, apart = np.ones((4, 1)), np.eye(4)
    assert diversity([[0, 1, 2, 3]], same) == pytest.approx(0)
    assert diversity([[0, 1, 2, 3]], apart) == pytest.approx(1)
    assert coverage(np.empty((2, 0), dtype=int), 3) == 0
    assert gini([[0, 1], [2, 3]], 4) == 0
    assert_array_equal(novelty([[1], [-1]], [1, 1], per_user=True), [1, np.nan])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gini([[-1]], 3), "at least one item"),
        (lambda: coverage([[3]], 3), "item indices below 3"),
        (lambda: coverage([[1, 1]], 3), "at most once"),
        (lambda: coverage([1, 2], 3), "two-dimensional array of integers"),
        (lambda: novelty([[0]], [0, 0]), "popularity must be"),
        (lambda: novelty([[0]], [1, -1]), "popularity must be"),
        (lambda: novelty([[-1]], [1, 1]), "every list of ranked is empty"),
        (lambda: diversity([[0, 1]]), "Exactly one of features and similarity"),
        (lambda: diversity([[0, -1]], np.eye(2)), "no list of ranked has two items"),
        (lambda: diversity([[0, 1]], similarity=np.ones((2, 3))), "similarity must be square"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
