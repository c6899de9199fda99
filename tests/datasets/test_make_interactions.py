"""Synthetic interactions: exact counts, known law, taste that can be learnt."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec import Interactions
from skrec.datasets import make_interactions
from skrec.utils import split_rows


@st.composite
def parameters(draw):
    n_users, n_items = draw(st.integers(1, 40)), draw(st.integers(1, 30))
    return {
        "n_users": n_users,
        "n_items": n_items,
        "n_interactions": draw(st.integers(1, n_users * n_items)),
        "n_clusters": draw(st.integers(1, n_items)),
        "affinity": draw(st.sampled_from([0.0, 0.5, 1.0])),
        "popularity_exponent": draw(st.sampled_from([0, 1.0, 3.0])),
        "activity_exponent": draw(st.sampled_from([0.0, 0.8])),
        "ratings": draw(st.booleans()),
        "timestamps": draw(st.booleans()),
        "random_state": draw(st.integers(0, 2**31)),
    }


def within_reach(parameters):
    """Return the parameters with as many interactions as tastes of full affinity allow."""
    if parameters["affinity"] == 1:
        u, i, c = (parameters[name] for name in ("n_users", "n_items", "n_clusters"))
        own = (np.arange(u)[:, None] % c == np.arange(i) % c).sum()
        parameters["n_interactions"] = min(parameters["n_interactions"], int(own))
    return parameters


def global_state():
    """Return NumPy's global random state in a form that can be compared."""
    return pickle.dumps(np.random.get_state())  # noqa: NPY002


@given(parameters().map(within_reach))
@settings(max_examples=60)
def test_counts_bounds_and_state(parameters):
    before = global_state()
    data = make_interactions(**parameters)
    assert global_state() == before
    frame = (parameters["n_users"], parameters["n_items"])
    interactions = data.interactions
    assert isinstance(interactions, Interactions)
    assert interactions.frame == data.X.shape == frame
    assert len(interactions) == data.X.nnz == parameters["n_interactions"]
    assert len(np.unique(interactions.user * frame[1] + interactions.item)) == len(interactions)
    assert data.X.has_canonical_format
    assert (interactions.tocsr() != data.X).nnz == 0
    allowed = {1, 2, 3, 4, 5} if parameters["ratings"] else {1}
    assert set(data.X.data) <= allowed
    assert (interactions.timestamp is not None) == parameters["timestamps"]
    assert set(data.user_clusters) | set(data.item_clusters) <= set(range(parameters["n_clusters"]))
    assert len(set(data.item_clusters)) == parameters["n_clusters"]
    assert len(data.item_names) == frame[1]


@given(parameters().map(within_reach))
@settings(max_examples=20)
def test_reproducible(parameters):
    one, two = make_interactions(**parameters), make_interactions(**parameters)
    for name in ("user", "item", "value", "timestamp"):
        np.testing.assert_array_equal(
            getattr(one.interactions, name), getattr(two.interactions, name)
        )
    assert one.n_draws == two.n_draws


def test_seed_matters():
    one, two = (make_interactions(50, 40, 300, random_state=seed) for seed in (0, 1))
    assert (one.X != two.X).nnz


def probabilities(data):
    """Return the probability that a pair is among the interactions."""
    rates = data.cluster_rates[data.user_clusters][:, data.item_clusters]
    return 1 - np.exp(-data.n_draws * data.user_activity[:, None] * data.item_popularity * rates)


def test_rates_are_a_distribution():
    data = make_interactions(60, 50, 100)
    rates = data.cluster_rates[data.user_clusters][:, data.item_clusters]
    assert np.allclose((rates * data.item_popularity).sum(axis=1), 1)
    assert data.user_activity.sum() == pytest.approx(1)


@pytest.mark.parametrize("seed", range(3))
def test_pairs_follow_the_stated_law(seed):
    data = make_interactions(random_state=seed)
    X, p = data.X.toarray(), probabilities(data)
    assert p.sum() == pytest.approx(60_000, rel=0.02)
    for low, high in ((0, 0.02), (0.02, 0.1), (0.1, 0.5), (0.5, 1)):
        part = (p > low) & (p <= high)
        deviation = np.sqrt((p * (1 - p))[part].sum())
        assert abs(X[part].sum() - p[part].sum()) < 5 * deviation


def test_both_ways_of_drawing_follow_one_law(monkeypatch):
    data = make_interactions(random_state=3)
    monkeypatch.setattr("skrec.datasets._synthetic._MAX_CELLS_AT_ONCE", 0)
    other = make_interactions(random_state=3)
    assert (data.X != other.X).nnz  # it is another way
    assert other.X.nnz == 60_000
    np.testing.assert_array_equal(data.user_clusters, other.user_clusters)
    assert other.n_draws == pytest.approx(data.n_draws, rel=0.03)
    X, p = other.X.toarray(), probabilities(other)
    for axis in (0, 1):
        deviation = np.sqrt((p * (1 - p)).sum(axis=axis))
        z = (X.sum(axis=axis) - p.sum(axis=axis)) / deviation
        assert np.abs(z).max() < 5
        assert np.mean(z**2) < 1.2
    own = data.user_clusters[:, None] == data.item_clusters
    assert X[own].sum() == pytest.approx(p[own].sum(), rel=0.01)


def test_power_laws():
    data = make_interactions(2000, 500, 20_000, affinity=0, popularity_exponent=1.0)
    popularity = np.sort(data.item_popularity)[::-1]
    assert popularity[0] / popularity[9] == pytest.approx(10)
    activity = np.sort(data.user_activity)[::-1]
    assert activity[0] / activity[99] == pytest.approx(10)  # the default exponent is a half
    counts = data.X.getnnz(axis=0)
    assert np.corrcoef(data.item_popularity, counts)[0, 1] > 0.9


def ndcg(scores, history, targets, k=10):
    """Return mean NDCG@k over the users with targets."""
    scores = np.where(history.toarray() > 0, -np.inf, scores)
    top = np.argsort(-scores, axis=1)[:, :k]
    discount = 1 / np.log2(np.arange(k) + 2)
    gain = (np.take_along_axis(targets.toarray(), top, axis=1) * discount).sum(axis=1)
    n_targets = np.minimum(targets.getnnz(axis=1), k)
    ideal = np.append(0, np.cumsum(discount))[n_targets]
    return (gain[n_targets > 0] / ideal[n_targets > 0]).mean()


def test_taste_can_be_learnt():
    history, targets = split_rows(make_interactions().X)
    counts = history.T @ history
    popularity = np.tile(history.sum(axis=0), (2000, 1))
    similarity = counts.toarray() - np.diag(counts.diagonal())
    norm = np.sqrt(counts.diagonal())
    knn = history @ (similarity / norm[:, None] / norm)
    base = ndcg(popularity, history, targets)
    assert base > 0.05
    assert ndcg(knn, history, targets) > 1.5 * base


def test_ratings_follow_their_formula():
    data = make_interactions(500, 300, 40_000, ratings=True)
    user, item, value = data.interactions.user, data.interactions.item, data.interactions.value
    own = data.user_clusters[user] == data.item_clusters[item]
    mean = 3 + data.user_bias[user] + data.item_bias[item] + own
    inner = (mean > 2.5) & (mean < 3.5)  # where clipping does not matter
    assert np.abs((value - mean)[inner].mean()) < 0.02
    assert np.corrcoef(value, mean)[0, 1] > 0.6
    assert set(value) == {1, 2, 3, 4, 5}


def test_timestamps_are_seconds():
    times = make_interactions(200, 100, 2000, timestamps=True).interactions.timestamp
    assert times.dtype == np.int64
    assert times.min() > 1_400_000_000
    assert len(np.unique(times)) > 1990


def test_large_and_sparse():
    data = make_interactions(20_000, 5_000, 300_000)
    assert data.X.nnz == 300_000
    assert np.diff(data.X.indptr).sum() == 300_000
    assert data.X.has_canonical_format


def test_all_pairs():
    assert make_interactions(30, 20, 600).X.toarray().all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_users": 0}, "n_users must be an integer >= 1; got 0"),
        ({"n_items": 5.0}, "n_items must be an integer"),
        ({"n_users": len}, "n_users must be an integer"),
        ({"n_clusters": 501}, r"n_clusters must be an integer in \[1, 500\]; got 501"),
        ({"n_interactions": 10**6 + 1}, r"n_interactions must be an integer in \[1, 1000000\]"),
        ({"n_interactions": True}, "n_interactions must"),
        ({"affinity": 1.5}, r"affinity must be a number in \[0, 1\]; got 1.5"),
        ({"affinity": float("nan")}, "affinity must"),
        ({"popularity_exponent": -1}, "popularity_exponent must"),
        ({"activity_exponent": "steep"}, "activity_exponent must"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_interactions(**parameters)


def test_out_of_reach():
    with pytest.raises(ValueError, match=r"n_interactions=300000 .* too many for such steep"):
        make_interactions(20_000, 5_000, 300_000, activity_exponent=5, popularity_exponent=5)
    with pytest.raises(ValueError, match=r"at most 50, .* at affinity 1; got 60"):
        make_interactions(10, 10, 60, n_clusters=2, affinity=1)


def test_small_integers_of_numpy_are_sizes():
    plain, given = (make_interactions(kind(100), kind(50), 800) for kind in (int, np.int8))
    assert (plain.X != given.X).nnz == 0


@pytest.mark.parametrize("name", ["n_users", "n_items"])
def test_sizes_that_no_memory_holds_are_named(name):
    with pytest.raises(MemoryError, match=f"{name}=9,223,372,036,854,775,808 .*needs at least"):
        make_interactions(**{name: 2**63})


def test_fractions_are_numbers():
    plain = make_interactions(100, 50, 800, affinity=0.5, popularity_exponent=0.5)
    given = make_interactions(
        100, 50, 800, affinity=Fraction(1, 2), popularity_exponent=Fraction(1, 2)
    )
    assert (plain.X != given.X).nnz == 0
