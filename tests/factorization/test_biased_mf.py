"""Biased matrix factorisation on ratings: its users against NumPy's ridge, scales, and edges."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from skorch.callbacks import Callback

from skrec import BiasedMFRegressor, Interactions
from skrec.datasets import load_interactions
from skrec.exceptions import SkrecWarning
from skrec.factorization._row_ridge import solve_rows
from skrec.model_selection import InteractionHoldout


class KeepStart(Callback):
    """Keep the vectors that training starts from."""

    def on_train_begin(self, net, **kwargs):
        self.users_ = net.module_.users.free.weight.detach().numpy().copy()
        self.items_ = net.module_.items.weight.detach().numpy().copy()


def rated(n_users=80, n_items=30, density=0.4, noise=0.3, seed=0):
    """Return ratings around known biases and tastes, and what they would be without noise."""
    rng = np.random.RandomState(seed)
    taste = rng.normal(size=(n_users, 2)) @ rng.normal(size=(2, n_items))
    mean = 3 + 0.5 * rng.normal(size=(n_users, 1)) + 0.7 * rng.normal(size=n_items) + 0.5 * taste
    ratings = mean + noise * rng.normal(size=mean.shape)
    seen = rng.uniform(size=mean.shape) < density
    return sp.csr_matrix(np.where(seen, ratings, 0)), mean


@pytest.fixture(scope="module")
def R():
    return rated()[0]


@pytest.fixture(scope="module")
def mf():
    """Return a function that makes a quick estimator."""
    options = {"n_factors": 4, "l2": 0.05, "lr": 0.02, "batch_size": 128, "init_std": 0.1}
    options |= {"max_epochs": 30, "random_state": 0, "device": "cpu"}
    return lambda **parameters: BiasedMFRegressor(**options | parameters)


def numpy_scores(est):
    """Return m + b_u + b_i + p_u q_i of all users and items."""
    p, q = est.user_factors_.astype(np.float64), est.item_factors_.astype(np.float64)
    if not est.bias:
        return est.rating_mean_ + p @ q.T
    return est.rating_mean_ + p[:, :-1] @ q[:, :-1].T + p[:, -1:] + q[:, -1]


def numpy_users(est, R):
    """Solve each user by least squares over stacked rows, the penalty as rows of its own."""
    q, k = est.item_factors_.astype(np.float64), est.n_factors
    vectors = []
    for row in R:
        items = row.indices
        design = np.column_stack([q[items, :k], np.ones((len(items), int(est.bias)))])
        target = row.data - est.rating_mean_ - (q[items, k] if est.bias else 0)
        penalty = np.sqrt(est.l2 * len(items)) * np.eye(design.shape[1])
        stacked = np.vstack([design, penalty]), np.append(target, np.zeros(len(penalty)))
        vectors.append(np.linalg.lstsq(*stacked, rcond=None)[0])
    return np.array(vectors)


# what it is


@pytest.mark.parametrize("bias", [False, True])
def test_scores_are_the_formula(bias, mf, R):
    est = mf(bias=bias, max_epochs=2).fit(R)
    assert est.user_factors_.shape == (80, 4 + bias)
    assert est.item_factors_.shape == (30, 4 + bias)
    assert est.rating_mean_ == pytest.approx(R.data.mean())
    scores = est.decision_function(users=range(80))
    np.testing.assert_allclose(scores, numpy_scores(est), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("l2", [0.01, 1.0])
def test_users_are_the_ridge_solution(l2, bias, mf, R):
    est = mf(l2=l2, bias=bias, max_epochs=3).fit(R)
    expected = numpy_users(est, R)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(est.user_factors_, expected, rtol=1e-3, atol=1e-5)


def test_fold_in_is_exact(mf, R):
    est = mf().fit(R)
    known = est.decision_function(users=range(80))
    np.testing.assert_allclose(est.decision_function(R), known, atol=1e-5)
    alone = np.vstack([est.decision_function(R[[u]]) for u in range(10)])
    np.testing.assert_allclose(alone, known[:10], atol=1e-5)
    assert est.__sklearn_tags__().fold_in == "exact"


def test_a_newer_history_is_what_counts(mf, R):
    est = mf(max_epochs=3).fit(R)
    newer = est.decision_function(R[[5, 6]], users=[1, 2])
    np.testing.assert_allclose(newer, est.decision_function(users=[5, 6]), atol=1e-5)


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_the_loss_is_that_of_the_docstring(l2, mf):
    R = sp.csr_matrix([[1.0, 0, 4], [5, 2, 3]])
    est = mf(l2=l2, max_epochs=1, init_std=1.0, callbacks=[KeepStart()]).fit(R)
    kept = dict(est.net_.callbacks_)["KeepStart"]
    p, q = kept.users_.astype(np.float64), kept.items_.astype(np.float64)
    costs = []
    for u, i in zip(*R.nonzero(), strict=True):
        score = 3 + p[u, :-1] @ q[i, :-1] + p[u, -1] + q[i, -1]
        costs.append((score - R[u, i]) ** 2 + l2 * (p[u] @ p[u] + q[i] @ q[i]))
    assert est.net_.history[0, "train_loss"] == pytest.approx(np.mean(costs), rel=1e-5)


def test_taste_and_biases_are_learnt(mf):
    R, mean = rated(n_users=200, density=0.5)
    est = mf(max_epochs=60).fit(R)
    unseen = R.toarray() == 0
    error = (est.decision_function(users=range(200)) - mean)[unseen]
    assert np.sqrt(np.mean(error**2)) < 0.6 * mean[unseen].std()


def test_ratings_turned_around_turn_predictions(mf, R):
    est = mf().fit(R)
    turned = R.copy()
    turned.data = 6 - turned.data
    taste, opposite = (est.decision_function(x) for x in (R, turned))
    own = [np.corrcoef(a, b)[0, 1] for a, b in zip(taste, opposite, strict=True)]
    assert np.mean(own) < 0.8


# validation


def test_validation_judges_users_as_they_are_used(mf, R):
    pairs = Interactions(R)
    held = np.arange(len(pairs)) % 5 == 0
    shown, hidden = pairs[~held], pairs[held]
    est = mf(early_stopping=True, validation_data=hidden, max_epochs=12, patience=12).fit(shown)
    best = max(est.net_.history[:, "valid_neg_rmse"])
    error = est.decision_function(hidden) - hidden.value
    assert -np.sqrt(np.mean(error**2)) == pytest.approx(best, rel=1e-5)


def test_training_goes_on_from_its_own_vectors(mf, R):
    watched = mf(early_stopping=True, validation_data=Interactions(R)[:9], patience=99)
    hidden = Interactions(R)[9:]
    plain = mf(max_epochs=6).fit(hidden).net_.history[:, "train_loss"]
    assert watched.set_params(max_epochs=6).fit(hidden).net_.history[:, "train_loss"] == plain


def test_held_out_ratings_count_in_the_last_step(mf, R):
    est = mf(early_stopping=True, validation_fraction=0.3, max_epochs=3).fit(R)
    np.testing.assert_allclose(est.user_factors_, numpy_users(est, R), rtol=1e-3, atol=1e-5)


# scales and edges


@pytest.mark.parametrize(("shift", "factor"), [(0, 2), (-3, 1), (-30, 4), (0.25, 0.5)])
def test_scales(shift, factor, mf, R):
    other = R.copy()
    other.data = (other.data + shift) * factor
    # vectors grow with the root of the ratings, so their penalty grows with the ratings
    a, b = mf(max_epochs=40).fit(R), mf(max_epochs=40, l2=0.05 * factor).fit(other)
    corr = np.corrcoef(a.predict(R)[R.nonzero()], b.predict(other)[R.nonzero()])[0, 1]
    assert corr > 0.95
    low, high = b.rating_range_
    assert other.data.min() == pytest.approx(low)
    assert (b.predict(other) >= low).all()
    assert (b.predict(other) <= high).all()


def test_equal_ratings_warn_and_are_predicted(mf):
    with pytest.warns(SkrecWarning, match="All ratings"):
        est = mf().fit(sp.csr_matrix([[4.0, 4, 0], [0, 4, 4]]))
    np.testing.assert_allclose(est.predict(users=[0, 1]), 4)


def test_one_rating(mf):
    est = mf().fit(sp.csr_matrix(([3.0], ([0], [1])), shape=(2, 3)))
    np.testing.assert_allclose(est.predict(sp.csr_matrix((2, 3))), 3)
    assert np.isfinite(est.predict_proba(users=[0, 1])).all()


def test_nan_is_an_error(mf):
    with pytest.raises(ValueError, match="NaN"):
        mf().fit([[1.0, np.nan], [2.0, 3.0]])


def test_a_user_who_rated_everything_and_one_who_rated_nothing(mf, R):
    X = sp.csr_matrix(sp.vstack([np.arange(30) % 5 + 1.0, sp.csr_matrix((1, 30)), R]))
    est = mf().fit(X)
    assert (est.recommend(users=[0], n_items=3) == -1).all()
    assert np.isfinite(est.predict(users=range(82))).all()
    np.testing.assert_array_equal(est.user_factors_[1], 0)


def test_no_penalty_has_a_solution_too(mf):
    X = sp.csr_matrix([[1.0, 0, 5], [0, 2, 0], [3, 4, 1]])
    est = mf(l2=0.0, n_factors=8).fit(X)
    assert np.isfinite(est.predict(X)).all()


def test_warm_start_goes_on(mf, R):
    est = mf(warm_start=True, max_epochs=3).fit(R)
    before = est.score(R, R)
    assert len(est.fit(R).net_.history) == 6
    assert est.score(R, R) > before


# the rows' ridge alone


@settings(max_examples=30, deadline=None)
@given(
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=12),
    size=st.integers(1, 5),
    l2=st.sampled_from([1e-3, 0.1, 3.0]),
    seed=st.integers(0, 99),
)
def test_rows_are_solved_one_by_one(counts, size, l2, seed):
    rng = np.random.RandomState(seed)
    vectors = rng.normal(size=(12, size))
    indices = np.concatenate([np.sort(rng.permutation(12)[:n]) for n in counts]).astype(int)
    offsets = np.append(0, np.cumsum(counts))
    X = sp.csr_matrix((rng.normal(size=len(indices)), indices, offsets), shape=(len(counts), 12))
    solved = solve_rows(X, vectors, l2)
    for row, n, x in zip(X, counts, solved, strict=True):
        v = vectors[row.indices]
        # the gradient of the ridge is zero at its minimum
        np.testing.assert_allclose(v.T @ (v @ x - row.data) + n * l2 * x, 0, atol=1e-9)
        assert n or not x.any()


# real data


def test_rmse_on_real_ratings(data_home):
    ratings = load_interactions(data_home / "ml-100k" / "ratings.csv.gz", timestamp=False)
    splitter = InteractionHoldout(test_size=0.15, random_state=0)
    train, test = next(splitter.split(ratings.interactions))
    shown, hidden = ratings.interactions[train], ratings.interactions[test]
    options = {"batch_size": 1024, "max_epochs": 20, "random_state": 0, "device": "cpu"}
    est = BiasedMFRegressor(**options, early_stopping=True, patience=3)
    error = est.fit(shown).predict(hidden) - hidden.value
    assert np.sqrt(np.mean(error**2)) < 0.935
