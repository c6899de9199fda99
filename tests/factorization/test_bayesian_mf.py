"""Predictions of the kept draws against NumPy, and what the sampler finds in made ratings."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import norm

from skrec import BayesianMFRegressor, Interactions
from skrec.utils import _memory

KINDS = ("none", "svdpp", "flipped")
QUICK = {"n_factors": 3, "burn_in": 5, "n_samples": 6, "thin": 1, "random_state": 0}


def made(n_users=150, n_items=80, density=0.3, noise=0.5, seed=0):
    """Return ratings of a model with three factors, the rest of them, and both patterns."""
    rng = np.random.default_rng(seed)
    P, Q = rng.normal(0, 0.6, (n_users, 3)), rng.normal(0, 0.6, (n_items, 3))
    b, c = rng.normal(0, 0.4, n_users), rng.normal(0, 0.4, n_items)
    R = 3 + P @ Q.T + b[:, None] + c + rng.normal(0, noise, (n_users, n_items))
    known = rng.random(R.shape) < density
    return sp.csr_matrix(R * known), R, known


@pytest.fixture(scope="module")
def ratings():
    return made(40, 25)[0]


@pytest.fixture(scope="module", params=KINDS)
def model(request, ratings):
    return BayesianMFRegressor(implicit=request.param, n_chains=2, **QUICK).fit(ratings)


def draws_of(model, X):
    """Return scores in all draws by the docstring: means given the items, and what is added.

    Both are of shape (n_draws, n_users, n_items); the second is of the normal numbers that the
    model takes.
    """
    X = sp.csr_matrix(X)
    S, K = model.n_draws_, model.n_factors
    Q = model.item_factors_.astype(np.float64).reshape(-1, S, K)
    means, added = [], []
    for s in range(S):
        V = np.column_stack([Q[:, s], np.ones(len(Q))])
        c, alpha = (
            model.draws_.item_biases[:, s].astype(np.float64),
            model.draws_.noise_stds[s] ** -2,
        )
        precision = model.draws_.prior_precisions[s]
        normals = np.random.default_rng(s).standard_normal(K + 1)
        rows = []
        for row in X:
            centre = model.draws_.prior_means[s].copy()
            if model.draws_.weights is not None and row.nnz:
                centre += model.draws_.weights[row.indices, s].sum(axis=0) / np.sqrt(row.nnz)
            own = V[row.indices]
            A = np.diag(precision) + alpha * own.T @ own
            g = precision * centre + alpha * own.T @ (row.data - c[row.indices])
            off = np.linalg.solve(np.linalg.cholesky(A).T, normals)
            rows.append((V @ np.linalg.solve(A, g) + c, V @ off))
        means.append([mean for mean, _ in rows])
        added.append([off for _, off in rows])
    return np.array(means), np.array(added)


def test_scores_are_means_over_draws(model, ratings):
    unseen = made(5, 25, seed=3)[0]
    for X, asked in ((ratings, {"users": np.arange(40)}), (unseen, {"X": unseen})):
        means, _ = draws_of(model, X)
        np.testing.assert_allclose(model.decision_function(**asked), means.mean(axis=0), atol=2e-6)
    candidates = np.array([4, 2, 2])
    lists, scores = model.recommend(unseen, 3, candidates=candidates, return_scores=True)
    rows = np.arange(5)[:, None]
    right = np.where(lists < 0, np.nan, means.mean(axis=0)[rows, lists])
    np.testing.assert_allclose(scores, right, atol=2e-6)


def test_stored_means_are_those_of_the_formula(model, ratings):
    S, K = model.n_draws_, model.n_factors
    P = model.user_factors_.reshape(40, S, K).swapaxes(0, 1)
    Q = model.item_factors_.reshape(25, S, K).swapaxes(0, 1)
    scores = (
        P @ Q.swapaxes(1, 2)
        + model.draws_.user_biases.T[:, :, None]
        + model.draws_.item_biases.T[:, None]
    )
    np.testing.assert_allclose(scores, draws_of(model, ratings)[0], atol=2e-6)


def test_deviations_are_between_draws_and_within(model, ratings):
    X = sp.csr_matrix(ratings[:6])
    means, added = draws_of(model, X)
    std = np.sqrt(means.var(axis=0) + np.square(added).mean(axis=0))
    np.testing.assert_allclose(model.decision_function(X, return_std=True)[1], std, atol=1e-5)
    noise = np.sqrt(np.mean(model.draws_.noise_stds**2))
    assert model.noise_std_ == pytest.approx(noise)
    predicted, total = model.predict(X, return_std=True)
    np.testing.assert_allclose(total, np.hypot(std, noise), atol=1e-5)
    np.testing.assert_array_equal(predicted, model.predict(X))
    drawn = model.recommend(X, 25, exclude_seen=False, strategy="thompson", return_scores=True)[1]
    np.testing.assert_allclose(drawn, -np.sort(-(means + added)[0], axis=1), atol=1e-5)


def test_probabilities_are_averages_over_mirrored_draws(model, ratings):
    X = sp.csr_matrix(ratings[:6])
    means, added = draws_of(model, X)
    noise = model.draws_.noise_stds[:, None, None]
    cut = model.relevance_threshold - model.link_.step_ / 2
    each = np.concatenate([norm.sf((cut - means - sign * added) / noise) for sign in (1, -1)])
    proba, std = model.predict_proba(X, return_std=True)
    np.testing.assert_allclose(proba, each.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(std, each.std(axis=0), atol=1e-5)
    pairs = Interactions(ratings)[:20]
    right = model.predict_proba(users=np.arange(40))[pairs.user, pairs.item]
    np.testing.assert_allclose(model.predict_proba(pairs), right, atol=1e-5)


def test_intervals_are_quantiles_of_the_predictive_gaussian(model, ratings):
    pairs = Interactions(ratings)[:30]
    mean, std = model.decision_function(pairs, return_std=True)
    for level in (0.5, 0.95):
        lower, upper = model.predict_interval(pairs, level)
        half = norm.ppf((1 + level) / 2) * np.hypot(std, model.noise_std_)
        scale = ratings.data.min(), ratings.data.max()
        np.testing.assert_allclose(lower, np.clip(mean - half, *scale), atol=1e-5)
        np.testing.assert_allclose(upper, np.clip(mean + half, *scale), atol=1e-5)
    with pytest.raises(ValueError, match="level must be a number in"):
        model.predict_interval(pairs, 1.0)
    dense = model.predict_interval(users=[3, 1], level=0.5)
    assert dense[0].shape == dense[1].shape == (2, 25)


def test_r_hat_compares_halves_of_chains(model, ratings):
    X = sp.csr_matrix(ratings[:4])
    means, added = draws_of(model, X)
    chains = (means + added).reshape(2, 6, 4, 25)
    halves = np.concatenate([chains[:, :3], chains[:, 3:]])
    W, B = halves.var(axis=1, ddof=1).mean(axis=0), halves.mean(axis=1).var(axis=0, ddof=1)
    np.testing.assert_allclose(model.r_hat(X), np.sqrt(1 - 1 / 3 + B / W), rtol=1e-3)
    pairs = Interactions(ratings)[:9]
    right = model.r_hat(users=np.arange(40))[pairs.user, pairs.item]
    np.testing.assert_allclose(model.r_hat(pairs), right, rtol=1e-3)


def test_r_hat_needs_a_few_draws(ratings):
    few = BayesianMFRegressor(**{**QUICK, "n_samples": 3}).fit(ratings)
    with pytest.raises(ValueError, match=r"n_samples must be at least 4 for r_hat.*got 3"):
        few.r_hat(ratings)


def test_chains_agree_in_the_end():
    X, *_ = made(60, 30, 0.4)
    settings = {"n_factors": 3, "burn_in": 100, "n_samples": 300, "thin": 1, "random_state": 0}
    model = BayesianMFRegressor(n_chains=2, **settings).fit(X)
    assert np.quantile(model.r_hat(users=np.arange(60)), 0.95) < 1.05


def test_the_first_chain_is_that_of_one_chain(ratings):
    one, three = (BayesianMFRegressor(n_chains=n, **QUICK).fit(ratings) for n in (1, 3))
    np.testing.assert_array_equal(three.item_factors_[:, : 6 * 3], one.item_factors_)
    np.testing.assert_array_equal(three.draws_.user_biases[:, :6], one.draws_.user_biases)
    assert not np.array_equal(three.draws_.user_biases[:, :6], three.draws_.user_biases[:, 6:12])
    np.testing.assert_array_equal(three.noise_trace_[0], one.noise_trace_[0])
    assert three.noise_trace_.shape == (3, 11)


def test_draws_do_not_depend_on_threads(ratings):
    for n_chains in (1, 2):
        one, two = (
            BayesianMFRegressor(n_chains=n_chains, n_jobs=n, **QUICK).fit(ratings) for n in (1, 2)
        )
        np.testing.assert_array_equal(one.user_factors_, two.user_factors_)
        np.testing.assert_array_equal(one.draws_.noise_stds, two.draws_.noise_stds)


def test_every_thin_th_sweep_is_kept(ratings):
    all_of_them = BayesianMFRegressor(**QUICK).fit(ratings)
    third = BayesianMFRegressor(**{**QUICK, "n_samples": 2, "thin": 3}).fit(ratings)
    np.testing.assert_array_equal(
        third.draws_.item_biases, all_of_them.draws_.item_biases[:, [2, 5]]
    )
    np.testing.assert_allclose(third.draws_.noise_stds, third.noise_trace_[0, [7, 10]])


def test_it_finds_the_noise_and_its_intervals_hold_what_they_say():
    X, R, known = made(noise=0.5)
    model = BayesianMFRegressor(n_factors=4, burn_in=60, n_samples=60, random_state=0).fit(X)
    assert model.noise_std_ == pytest.approx(0.5, abs=0.03)
    hidden = ~known & (X.data.min() < R) & (X.data.max() > R)
    for level in (0.5, 0.8, 0.95):
        lower, upper = model.predict_interval(users=np.arange(len(R)), level=level)
        covered = ((lower <= R) & (upper >= R))[hidden].mean()
        assert covered == pytest.approx(level, abs=0.03), level
    error = np.sqrt(np.mean(np.square(model.predict(X) - R)[hidden]))
    assert error < 0.62  # .5 is the noise


@pytest.mark.parametrize(("better", "worse"), [("svdpp", "none"), ("flipped", "svdpp")])
def test_what_is_rated_tells_how(better, worse):
    """Users of two kinds show by what they rate how they rate; or items by who rates them."""
    rng = np.random.default_rng(0)
    kind, group = rng.integers(2, size=200), rng.integers(2, size=60)
    own = kind[:, None] == group
    R = 3 + 1.5 * kind[:, None] + rng.normal(0, 0.3, own.shape)
    known = rng.random(own.shape) < np.where(own, 0.12, 0.01)
    if better == "flipped":
        R, known = R.T, known.T
    errors = []
    for implicit in (better, worse):
        settings = {"n_factors": 2, "burn_in": 60, "n_samples": 60, "thin": 1, "random_state": 0}
        model = BayesianMFRegressor(implicit=implicit, **settings).fit(sp.csr_matrix(R * known))
        off = model.predict(users=np.arange(len(R))) - R
        errors.append(np.sqrt(np.mean(np.square(off)[~known])))
    assert errors[0] < 0.97 * errors[1], errors


def test_another_scale_of_ratings_changes_nothing_but_the_scale(ratings):
    other = ratings.copy()
    other.data = 8 * ratings.data - 16
    one, two = (BayesianMFRegressor(**QUICK).fit(X) for X in (ratings, other))
    users = np.arange(40)
    np.testing.assert_allclose(
        two.predict(users=users), 8 * one.predict(users=users) - 16, atol=1e-3
    )
    assert two.noise_std_ == pytest.approx(8 * one.noise_std_, rel=1e-4)


def test_a_stored_zero_is_a_rating(ratings):
    other = ratings.copy()
    other.data = ratings.data - ratings.data[0]
    one, two = (BayesianMFRegressor(**QUICK).fit(X) for X in (ratings, other))
    shift = ratings.data[0]
    users = np.arange(40)
    np.testing.assert_allclose(
        one.predict(users=users), two.predict(users=users) + shift, atol=1e-3
    )


def test_what_does_not_fit_into_memory_names_what_to_change(ratings, monkeypatch):
    monkeypatch.setattr(_memory, "memory_limit", lambda: 10**9)
    large = BayesianMFRegressor(n_samples=10**6, n_chains=2)
    message = r"2000000 draws of n_factors=20.*40 users and 25 items.*GB.*smaller n_samples"
    with pytest.raises(MemoryError, match=message):
        large.fit(ratings)


def test_similar_items_come_from_all_draws(model):
    Q = model.item_factors_ / np.linalg.norm(model.item_factors_, axis=1, keepdims=True)
    items, cosines = model.similar_items([3], 4)
    right = Q @ Q[3]
    right[3] = -np.inf
    np.testing.assert_array_equal(items[0], np.argsort(-right)[:4])
    np.testing.assert_allclose(cosines[0], np.sort(right)[::-1][:4], rtol=1e-5)
