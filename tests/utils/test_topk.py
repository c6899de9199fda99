"""top_k, top_candidates and most_similar against sorting."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skrec.utils import _topk, most_similar, top_candidates, top_k

QUICK = settings(deadline=None, max_examples=80)
# few different values, so that most rows have ties; -0.0 equals 0.0
VALUES = st.sampled_from([-np.inf, -2.5, -1.0, -0.0, 0.0, 1.0, 3.0, 1e30])


@st.composite
def score_matrices(draw, max_columns=12):
    shape = draw(st.tuples(st.integers(0, 4), st.integers(1, max_columns)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return draw(hnp.arrays(dtype, shape, elements=VALUES.map(lambda v: dtype(v).item())))


def sorted_columns(row):
    """Return the eligible columns of a row, best first, ties to the lower index."""
    return [j for j in sorted(range(len(row)), key=lambda j: (-row[j], j)) if row[j] > -np.inf]


def check_top_k(scores, k):
    indices, values = top_k(scores, k)
    assert indices.shape == values.shape == (len(scores), k)
    assert indices.dtype == np.int64
    assert values.dtype == scores.dtype
    for row, got, value in zip(scores, indices, values):
        best = sorted_columns(row)[:k]
        assert got.tolist() == best + [-1] * (k - len(best))
        np.testing.assert_array_equal(value[: len(best)], row[best])
        assert np.isnan(value[len(best) :]).all()


def check_top_candidates(scores, k):
    row, column, score = top_candidates(scores, k)
    expected = []
    for u, values in enumerate(scores):
        order = sorted_columns(values)
        kth = values[order[min(k, len(order)) - 1]] if order else np.inf
        expected += [(u, j, values[j]) for j in order if values[j] >= kth]
    assert list(zip(row.tolist(), column.tolist(), score)) == expected
    assert score.dtype == scores.dtype


@QUICK
@given(score_matrices(), st.integers(1, 15))
def test_top_k_is_sorting(scores, k):
    check_top_k(scores, k)


@QUICK
@given(score_matrices(), st.integers(1, 15))
def test_top_candidates_are_the_best_with_complete_ties(scores, k):
    check_top_candidates(scores, k)


# wider than 64 x 2k columns, where columns are looked at in groups first
@pytest.mark.parametrize(("n_columns", "k"), [(128, 1), (129, 1), (700, 5), (1000, 3), (1291, 10)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_values", [1, 3, 50, None])
def test_wide_rows(n_columns, k, dtype, n_values):
    rng = np.random.RandomState(n_columns)
    scores = rng.normal(size=(7, n_columns)).astype(dtype)
    if n_values is not None:
        scores = rng.randint(n_values, size=scores.shape).astype(dtype)
    scores[1, rng.permutation(n_columns)[: n_columns - k + 1]] = -np.inf  # too few are left
    scores[2] = -np.inf
    scores[3, :-1] = -np.inf
    scores[4, :-k] = -1e30  # the best ones come last
    check_top_k(scores, k)
    check_top_candidates(scores, k)


def test_scores_are_left_as_they_are():
    scores = np.random.RandomState(0).normal(size=(3, 400))
    before = scores.copy()
    top_k(scores, 2)
    np.testing.assert_array_equal(scores, before)


@QUICK
@given(
    hnp.arrays(np.float64, (7, 3), elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0])),
    st.lists(st.integers(0, 6), min_size=1, max_size=4),
    st.integers(1, 9),
)
def test_most_similar_is_sorting_by_cosine(vectors, items, k):
    indices, similarities = most_similar(vectors, np.array(items), k)
    assert indices.shape == similarities.shape == (len(items), k)
    for item, got, value in zip(items, indices, similarities):
        n = min(k, 6)
        cosine = [cosine_of(vectors[item], v) for v in vectors]
        others = np.delete(np.arange(7), item)
        assert len(set(got[:n])) == n
        assert item not in got[:n]
        assert (got[n:] == -1).all()
        assert np.isnan(value[n:]).all()
        np.testing.assert_allclose(value[:n], np.array(cosine)[got[:n]], atol=1e-12)
        expected = np.sort(np.array(cosine)[others])[::-1][:n]
        np.testing.assert_allclose(value[:n], expected, atol=1e-12)


def cosine_of(a, b):
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    return a @ b / norms if norms else 0.0


def test_most_similar_takes_one_item_and_breaks_ties_by_index():
    vectors = np.array([[1.0, 0], [0, 1], [2, 0], [3, 0]], dtype=np.float32)
    indices, similarities = most_similar(vectors, 2, 2)
    assert indices.tolist() == [[0, 3]]
    np.testing.assert_allclose(similarities, [[1, 1]], rtol=1e-6)


def test_lists_longer_than_the_catalogue_are_work_on_the_catalogue_alone(monkeypatch):
    asked = []
    real = _topk.top_k
    monkeypatch.setattr(_topk, "top_k", lambda scores, k: asked.append(k) or real(scores, k))
    indices, similarities = most_similar(np.eye(4), np.array([2, 0]), 1000)
    assert asked == [4]
    assert indices[:, :3].tolist() == [[0, 1, 3], [1, 2, 3]]
    assert (indices[:, 3:] == -1).all()
    assert np.isnan(similarities[:, 3:]).all()
    with pytest.raises(MemoryError, match="n_items"):
        most_similar(np.eye(4), np.array([0]), 2**63)
