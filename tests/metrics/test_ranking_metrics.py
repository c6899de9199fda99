"""Ranking metrics against their definitions, written out for one user and one order."""

from itertools import permutations
from math import comb, log2

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.metrics import ndcg_score

from skrec import Interactions, metrics
from skrec.metrics import evaluate_ranking
from skrec.utils import top_k

EXPECTED = ["ndcg", "recall", "precision", "hit_rate"]  # ties count in expectation
SEEDED = ["mrr", "map"]  # ties are broken at random
ALL = EXPECTED + SEEDED
K = st.one_of(st.none(), st.integers(1, 8))


def metric(name):
    return getattr(metrics, name)


def value_of_order(name, order, targets, k, truncated=True):
    """Compute a metric of one list and one set of targets, by the book."""
    length = len(order) if k is None else k
    cut = 10**9 if k is None else k
    hits = [item in targets for item in order[:cut]]
    best = min(cut, len(targets))
    if name == "ndcg":
        ideal = sum(1 / log2(r + 2) for r in range(best))
        return sum(1 / log2(r + 2) for r, hit in enumerate(hits) if hit) / ideal
    if name == "recall":
        return sum(hits) / (best if truncated else len(targets))
    if name == "precision":
        return sum(hits) / max(length, 1)
    if name == "hit_rate":
        return float(any(hits))
    if name == "mrr":
        return max([1 / (r + 1) for r, hit in enumerate(hits) if hit], default=0.0)
    return sum(sum(hits[: r + 1]) / (r + 1) for r, hit in enumerate(hits) if hit) / best


def orders(scores):
    """List all orders that scores allow; -inf is not ranked."""
    ranked = [i for i, s in enumerate(scores) if s > -np.inf]
    falling = sorted((scores[i] for i in ranked), reverse=True)
    return [p for p in permutations(ranked) if [scores[i] for i in p] == falling]


def slow(name, y, scores, k, exclude, truncated=True):
    """Return all values that a user's metric can have, one for each order of equal scores."""
    targets = {i for i in range(len(y)) if y[i] and not exclude[i]}
    if not targets:
        return [np.nan]
    scores = [-np.inf if exclude[i] else scores[i] for i in range(len(y))]
    return [value_of_order(name, p, targets, k, truncated) for p in orders(scores)]


@st.composite
def problems(draw, max_items=5, ties=True):
    """Draw targets, scores, excluded pairs, and a cut-off."""
    shape = draw(st.integers(1, 3)), draw(st.integers(1, max_items))
    y = draw(hnp.arrays(bool, shape))
    exclude = draw(hnp.arrays(bool, shape, fill=st.just(False)))
    if ties:
        values = st.sampled_from([-np.inf, -1.5, 0.0, 0.25, 2.0])
        scores = draw(
            hnp.arrays(draw(st.sampled_from([np.float32, np.float64])), shape, elements=values)
        )
    else:
        orders = [draw(st.permutations(range(shape[1]))) for _ in range(shape[0])]
        scores = np.array(orders, dtype=np.float64)
    return y, scores, exclude, draw(K)


@given(problems(), st.booleans())
def test_ties_count_in_expectation(problem, truncated):
    y, scores, exclude, k = problem
    for name in EXPECTED:
        options = {"truncated": truncated} if name == "recall" else {}
        ours = metric(name)(y, scores, k=k, exclude=sp.csr_array(exclude), per_user=True, **options)
        every = [slow(name, *rows, k, e, truncated) for *rows, e in zip(y, scores, exclude)]
        assert_allclose(ours, [np.mean(values) for values in every], atol=1e-12)


@given(problems(), st.integers(0, 2**31))
def test_seeded_ties_take_one_of_the_orders(problem, seed):
    y, scores, exclude, k = problem
    for name in SEEDED:
        ours = metric(name)(
            y, scores, k=k, exclude=sp.csr_matrix(exclude), per_user=True, random_state=seed
        )
        for value, y_u, s_u, e_u in zip(ours, y, scores, exclude):
            possible = slow(name, y_u, s_u, k, e_u)
            assert np.isnan(value) if np.isnan(possible[0]) else np.isclose(possible, value).any()


@pytest.mark.parametrize("name", SEEDED)
@pytest.mark.parametrize("k", [2, None])
def test_seeded_ties_take_every_order_equally_often(name, k):
    y, scores = [1, 1, 0, 0, 0], [0.0, 0.0, 0.0, 1.0, 0.0]
    possible = slow(name, y, scores, k, [0] * 5)
    n = 4000
    ours = metric(name)([y] * n, [scores] * n, k=k, per_user=True)
    assert abs(ours.mean() - np.mean(possible)) < 4 * np.std(possible) / np.sqrt(n)
    other = metric(name)([y] * n, [scores] * n, k=k, per_user=True, random_state=1)
    assert (ours != other).any()


@given(problems(ties=False), st.data())
def test_lists_agree_with_scores(problem, data):
    y, scores, exclude, k = problem
    n_items = y.shape[1]
    ranked, _ = top_k(scores, n_items)
    padding = np.full((len(y), data.draw(st.integers(0, 2))), -1)
    for name in ALL:
        options = {"k": k, "exclude": sp.csr_matrix(exclude), "per_user": True}
        of_scores = metric(name)(y, scores, **options)
        assert_array_equal(
            metric(name)(y, ranked=np.hstack([ranked, padding]), **options), of_scores
        )
        assert_array_equal(
            metric(name)(y, ranked=np.hstack([padding, ranked]), **options), of_scores
        )


@given(problems(), st.data())
def test_a_better_place_for_a_target_never_hurts(problem, data):
    y, scores, exclude, k = problem
    user = data.draw(st.integers(0, len(y) - 1))
    item = data.draw(st.integers(0, y.shape[1] - 1))
    y[user, item], exclude[user, item] = True, False
    better = scores.copy()
    better[user, item] = data.draw(
        st.sampled_from([v for v in (0.0, 0.25, 2.0, 3.0) if v >= scores[user, item]])
    )
    for name in ALL:
        options = {"k": k, "exclude": sp.csr_matrix(exclude), "per_user": True}
        before = metric(name)(y, scores, **options)[user]
        if scores[user, item] > -np.inf or k is not None or name != "precision":
            # (an item that enters the ranking makes it longer: precision without a cut-off)
            assert metric(name)(y, better, **options)[user] >= before - 1e-12


@given(problems(), problems(ties=False), st.data())
def test_names_of_users_and_items_do_not_matter(tied, distinct, data):
    for (y, scores, exclude, k), names in ((tied, EXPECTED), (distinct, ALL)):
        users = data.draw(st.permutations(range(y.shape[0])))
        items = data.draw(st.permutations(range(y.shape[1])))
        for name in names:
            before = metric(name)(y, scores, k=k, exclude=sp.csr_matrix(exclude), per_user=True)
            after = metric(name)(
                y[users][:, items],
                scores[users][:, items],
                k=k,
                exclude=sp.csr_matrix(exclude[users][:, items]),
                per_user=True,
            )
            assert_allclose(after, before[users], atol=1e-12)


@given(problems(max_items=12))
def test_bounds(problem):
    y, scores, exclude, k = problem
    for name in ALL:
        values = metric(name)(y, scores, k=k, exclude=sp.csr_matrix(exclude), per_user=True)
        has_target = (y & ~exclude).any(axis=1)
        assert_array_equal(np.isnan(values), ~has_target)
        assert ((values[has_target] >= 0) & (values[has_target] <= 1)).all()


@given(problems(max_items=12))
def test_agrees_with_scikit_learn(problem):
    y, scores, _, k = problem
    y, scores = np.pad(y, ((0, 0), (1, 1)), constant_values=True), np.pad(scores, ((0, 0), (1, 1)))
    scores[scores == -np.inf] = -9  # scikit-learn ranks everything
    assert metrics.ndcg(y, scores, k=k) == pytest.approx(ndcg_score(y, scores, k=k))


@given(problems(), st.integers(0, 20))
def test_cut_off_beyond_the_catalogue(problem, more):
    y, scores, _, _ = problem
    for name in ALL:
        n_items = y.shape[1]
        beyond = metric(name)(y, scores, k=n_items + more, per_user=True)
        whole = metric(name)(y, scores, k=n_items, per_user=True)
        shrunk = n_items / (n_items + more) if name == "precision" else 1
        assert_allclose(beyond, whole * shrunk)


@given(st.integers(1, 60), st.data())
def test_a_constant_scorer_is_worth_a_random_ranking(n_items, data):
    n_targets = data.draw(st.integers(1, n_items))
    k = data.draw(st.integers(1, n_items))
    y = (np.arange(n_items) < n_targets)[None]
    scores = np.full((1, n_items), 0.3, dtype=np.float32)
    assert metrics.recall(y, scores, k=k, truncated=False) == pytest.approx(k / n_items)
    assert metrics.precision(y, scores, k=k) == pytest.approx(n_targets / n_items)
    missed = comb(n_items - n_targets, k) / comb(n_items, k)
    assert metrics.hit_rate(y, scores, k=k) == pytest.approx(1 - missed)


@given(problems(), st.booleans())
def test_one_ranking_gives_every_metric(problem, truncated):
    y, scores, exclude, _ = problem
    names = [f"{name}{cut}" for name in ALL for cut in ("", "@1", "@3")]
    exclude = sp.csr_matrix(exclude)
    together = evaluate_ranking(y, scores, metrics=names, exclude=exclude, truncated=truncated)
    assert list(together) == names
    for name in names:
        plain, _, cut = name.partition("@")
        options = {"truncated": truncated} if plain == "recall" else {}
        k = int(cut) if cut else None
        alone = metric(plain)(y, scores, k=k, exclude=exclude, per_user=True, **options)
        assert_array_equal(together[name], alone)


def test_blocks_do_not_matter():
    rng = np.random.default_rng(0)
    y = sp.random(3000, 50, density=0.1, format="csr", random_state=0)
    scores = rng.integers(0, 4, (3000, 50)).astype(np.float32)
    exclude = sp.random(3000, 50, density=0.2, format="csr", random_state=1)
    names = [f"{name}@5" for name in ALL]
    whole = evaluate_ranking(y, scores, metrics=names, exclude=exclude)
    with config_context(working_memory=0.05):
        parts = evaluate_ranking(y, scores, metrics=names, exclude=exclude)
    for name in names:
        assert_array_equal(parts[name], whole[name])


def test_input_is_left_alone():
    y, scores = sp.coo_matrix([[1, 0, 3], [0, 0, 1]]), np.array([[3.0, 2, 1], [1, 2, 3]])
    exclude = sp.csr_matrix([[1, 1, 0], [0, 0, 0]])
    before = y.toarray(), scores.copy(), exclude.toarray()
    scores.flags.writeable = False
    assert metrics.ndcg(y, scores, exclude=exclude) == 1
    assert_array_equal(y.toarray(), before[0])
    assert_array_equal(scores, before[1])
    assert_array_equal(exclude.toarray(), before[2])


Y = np.array([[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
STORED_ZERO = sp.csr_matrix(([1, 1, 1, 0], ([0, 0, 1, 2], [1, 3, 0, 2])), shape=(3, 4))
REPEATED = sp.coo_matrix(([1, 2, 1, 1], ([0, 0, 0, 1], [1, 1, 3, 0])), shape=(3, 4))


@pytest.mark.parametrize(
    "y_true",
    [
        Y.tolist(),
        Y.astype(float) * 4,
        Y == 1,
        sp.csr_matrix(Y),
        sp.csc_array(Y),
        STORED_ZERO,
        REPEATED,
        Interactions(sp.csr_matrix(Y)),
    ],
    ids=["list", "float", "bool", "csr_matrix", "csc_array", "zero", "repeated", "interactions"],
)
def test_kinds_of_targets(y_true):
    scores = [[4, 3, 2, 1], [1, 2, 3, 4], [1, 2, 3, 4]]
    assert_allclose(metrics.recall(y_true, scores, k=2, per_user=True), [0.5, 0, np.nan])
    assert metrics.recall(y_true, scores, k=2) == 0.25


def test_scores_may_be_integers_beyond_float32():
    assert metrics.mrr([[0, 1]], [[2**24, 2**24 + 1]], k=1) == 1


def test_infinite_scores_rank():
    assert metrics.mrr([[0, 1, 0]], [[1.0, np.inf, -np.inf]], k=1) == 1
    assert metrics.recall([[0, 0, 1]], [[1.0, np.inf, -np.inf]], k=3) == 0


def test_known_values():
    y, ranked = [[1, 0, 1, 0, 1, 0]], [[1, 0, 3, 2, -1]]
    assert metrics.ndcg(y, ranked=ranked, k=4) == pytest.approx(
        (1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / 2)
    )
    assert metrics.recall(y, ranked=ranked, k=2) == 1 / 2
    assert metrics.recall(y, ranked=ranked, k=2, truncated=False) == 1 / 3
    assert metrics.precision(y, ranked=ranked, k=4) == 1 / 2
    assert metrics.hit_rate(y, ranked=ranked, k=1) == 0
    assert metrics.mrr(y, ranked=ranked) == 1 / 2
    assert metrics.map(y, ranked=ranked) == pytest.approx((1 / 2 + 2 / 4) / 3)


def test_no_users_with_targets():
    values = metrics.ndcg(np.zeros((2, 3)), np.ones((2, 3)), per_user=True)
    assert_array_equal(values, [np.nan, np.nan])
    with pytest.raises(ValueError, match="no user in y_true has a target"):
        metrics.ndcg(np.zeros((2, 3)), np.ones((2, 3)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y_score": [[1.0, np.nan]]}, "y_score must not hold NaN"),
        ({"y_score": [[1.0, 2.0, 3.0]]}, r"y_score must have shape \(1, 2\), got \(1, 3\)"),
        ({}, "Exactly one of y_score and ranked"),
        ({"y_score": [[1.0, 2.0]], "ranked": [[1, 0]]}, "Exactly one of y_score and ranked"),
        ({"ranked": [[1, 1]]}, "at most once"),
        ({"ranked": [[1, 2]]}, "item indices below 2"),
        ({"ranked": [[1, -2]]}, "item indices or -1 as padding; got -2 to 1"),
        ({"ranked": [[0.5, 1.0]]}, "array of integers"),
        ({"ranked": [[1], [0]]}, "a row for each of 1 users, got 2"),
        ({"y_score": [[1.0, 2.0]], "k": 0}, "k must be a positive integer or None"),
        ({"y_score": [[1.0, 2.0]], "k": 2.5}, "k must be a positive integer or None"),
        ({"y_score": [[1.0, 2.0]], "exclude": sp.csr_matrix((1, 3))}, "exclude must have shape"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        metrics.ndcg([[0, 1]], **options)


def test_sparse_scores_are_refused():
    with pytest.raises(TypeError, match="y_score must be a dense array"):
        metrics.ndcg([[0, 1]], sp.csr_matrix([[0, 1]]))


@pytest.mark.parametrize("name", ["nDCG@10", "ndcg@", "ndcg@-1", "ndcg@0", "ndcg@1.5", "auc"])
def test_unknown_names(name):
    with pytest.raises(ValueError, match="must be"):
        evaluate_ranking([[0, 1]], [[1.0, 2.0]], metrics=name)
