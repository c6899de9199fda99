"""What probabilities mean, on data drawn from known ones."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skrec import (
    BPRMFRanker,
    EASERecommender,
    ItemKNNRecommender,
    MFClassifier,
    MultDAERecommender,
    PopularityRecommender,
    UserKNNRecommender,
    WMFRecommender,
)
from skrec.calibration import fit_logistic

N_USERS, N_ITEMS = 1500, 150


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def truth():
    """Return the probability of each pair: low-rank logits, quiet and busy users, popularity."""
    rng = np.random.RandomState(0)
    taste = rng.normal(size=(N_USERS, 4)) @ rng.normal(size=(4, N_ITEMS))
    activity = rng.normal(-2.6, 0.7, size=(N_USERS, 1))
    popularity = rng.normal(0, 0.8, size=(1, N_ITEMS))
    return expit(0.9 * taste + activity + popularity)


@pytest.fixture(scope="module")
def X(truth):
    return sp.csr_matrix(np.random.RandomState(1).uniform(size=truth.shape) < truth, dtype=float)


def ratios(expected, happened, groups):
    """Return sum p / sum y of each group."""
    return np.array([expected[g].sum() / happened[g].sum() for g in groups])


def hide(X, share):
    """Hide each entry with the same chance; return what stays and what is hidden."""
    dense = X.toarray()
    hidden = dense * (np.random.RandomState(5).uniform(size=dense.shape) < share)
    return sp.csr_matrix(dense - hidden), sp.csr_matrix(hidden)


def quintiles(history):
    """Group rows by the length of the history."""
    return np.array_split(np.argsort(np.diff(history.indptr), kind="stable"), 5)


MODELS = {
    "EASE": EASERecommender(l2=500.0),
    "ItemKNN": ItemKNNRecommender(),
    "UserKNN": UserKNNRecommender(),
    "Gaussian": MultDAERecommender(
        likelihood="gaussian", hidden_sizes=(), latent_size=8, max_epochs=15, batch_size=100
    ).set_params(lr=0.01, random_state=0, device="cpu"),
    "logistic": MultDAERecommender(
        likelihood="logistic", hidden_sizes=(), latent_size=8, max_epochs=15, batch_size=100
    ).set_params(lr=0.01, random_state=0, device="cpu"),
    "WMF": WMFRecommender(n_factors=4, max_epochs=5, random_state=0),
    "MF": MFClassifier(n_factors=4, max_epochs=5, random_state=0),
    "BPR": BPRMFRanker(n_factors=4, max_epochs=5, random_state=0),
}


@pytest.mark.parametrize(
    ("name", "users"),
    [(name, users) for name in MODELS for users in ("training", "new")],
)
def test_rates_of_unseen_pairs_are_recovered(name, users, X):
    """One entry in ten is hidden: p must match how often an unseen pair is one of those."""
    est = clone(MODELS[name])
    history, hidden = hide(X, 0.1)
    train, rows = (history, slice(None)) if users == "training" else (X[:1000], slice(1000, None))
    est = est.fit(train)
    history, hidden = history[rows], hidden[rows]
    p = est.predict_proba(history).astype(float)
    assert p.shape == history.shape
    p[history.toarray() > 0] = 0  # the pairs that are shown are not asked for
    y = hidden.toarray()
    by_activity = ratios(p, y, quintiles(history))
    assert by_activity.min() > 1 / 1.5
    assert by_activity.max() < 1.5
    scores = est.decision_function(history)
    unseen = np.flatnonzero(history.toarray().ravel() == 0)
    order = unseen[np.argsort(scores.ravel()[unseen], kind="stable")]
    by_score = ratios(p.ravel(), y.ravel(), np.array_split(order, 10)[5:])
    # a logistic curve is only near to the truth along the score
    assert by_score.min() > 1 / 2
    assert by_score.max() < 2


@pytest.mark.parametrize("cls", [PopularityRecommender, MultDAERecommender])
def test_categorical_probabilities_are_shares_of_the_users_interactions(cls, X, truth):
    est = cls()
    if cls is MultDAERecommender:
        est.set_params(hidden_sizes=(), latent_size=8, max_epochs=20, random_state=0, device="cpu")
        est.set_params(batch_size=100, lr=0.01)
    p = est.fit(X[:1000]).predict_proba(X[1000:]).astype(float)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-4)
    shares = truth[1000:] / truth[1000:].sum(axis=1, keepdims=True)
    order = np.array_split(np.argsort(p.ravel(), kind="stable"), 10)
    by_score = ratios(p.ravel(), shares.ravel(), order[3:])
    assert by_score.min() > 1 / 1.5
    assert by_score.max() < 1.5


def test_calibration_is_reproducible_and_leaves_the_global_generator(X):
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    one, two = (EASERecommender().fit(X[:200]).predict_proba(X[:9]) for _ in range(2))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", ["MF", "BPR", "UserKNN"])
def test_what_is_calibrated_late_is_the_same_in_every_copy(name, X):
    est = clone(MODELS[name]).fit(X[:200])
    assert not hasattr(est.link_, "slope_")  # the fit does not pay
    copy = pickle.loads(pickle.dumps(est))
    with ThreadPoolExecutor(4) as pool:
        several = list(pool.map(lambda _: est.predict_proba(X[:9]), range(4)))
    for p in (*several, est.predict_proba(X[:9]), copy.predict_proba(X[:9])):
        np.testing.assert_array_equal(p, several[0])


def test_users_of_one_interaction_are_sampled_too():
    """Else all users with short histories would be such of whom something is hidden."""
    rng = np.random.RandomState(0)
    n = rng.choice([1, 2, 12], p=[0.6, 0.2, 0.2], size=3000)
    X = sp.csr_matrix(rng.uniform(size=(3000, 50)).argsort(1).argsort(1) < n[:, None], dtype=float)
    history, hidden = hide(X, 0.1)
    p = EASERecommender().fit(X).predict_proba(history).astype(float)
    p[history.toarray() > 0] = 0
    short = np.flatnonzero(np.diff(history.indptr) == 1)
    assert p[short].sum() / hidden[short].sum() == pytest.approx(1, abs=0.33)


def test_probabilities_rank_as_the_scores_do(X):
    est = EASERecommender().fit(X[:200])
    scores, p = est.decision_function(X[:50]), est.predict_proba(X[:50])
    order = np.argsort(scores, axis=1)
    assert (np.diff(np.take_along_axis(p, order, axis=1)) >= 0).all()


@pytest.mark.parametrize(
    "X", [np.eye(6), np.ones((5, 4)), [[1.0, 0.0]]], ids=["singles", "full", "one"]
)
def test_data_that_leave_nothing_to_calibrate_on_give_rates(X):
    p = ItemKNNRecommender().fit(X).predict_proba(X)
    assert np.isfinite(p).all()
    assert p.min() >= 0
    assert p.max() <= 1


# the fit itself


def draw(n, slope, activity, intercept, seed=0):
    """Draw pairs whose labels follow a known logistic model."""
    rng = np.random.RandomState(seed)
    features = np.column_stack([rng.normal(2, 3, size=n), np.log1p(rng.poisson(20, size=n))])
    p = expit(features @ [slope, activity] + intercept)
    return features, rng.uniform(size=n) < p, p, rng


def oracle(features, labels, weight):
    """Return scikit-learn's fit of the same model, with the same small penalty."""
    scaler = StandardScaler().fit(features, sample_weight=weight)
    model = LogisticRegression(C=1e4, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    model.fit(scaler.transform(features), labels, weight)
    coef = model.coef_[0] / scaler.scale_
    return coef, model.intercept_[0] - coef @ scaler.mean_


@given(
    st.integers(0, 2**31), st.integers(20, 400), st.floats(0.1, 3), st.floats(-6, 0), st.booleans()
)
def test_the_fit_is_that_of_scikit_learn(seed, n, slope, intercept, weighted):
    features, labels, _, rng = draw(n, slope, 0.4, intercept, seed)
    assume(0 < labels.sum() < n)
    weight = rng.uniform(0.5, 50, n) if weighted else np.ones(n)
    coef, level = oracle(features, labels, weight)
    assume(coef[0] >= 0)
    found = fit_logistic(features, labels, weight)
    np.testing.assert_allclose(np.append(*found), np.append(coef, level), rtol=1e-5, atol=1e-6)


@given(st.integers(0, 2**31), st.integers(20, 300))
def test_weighted_sums_agree_whatever_the_true_curve(seed, n):
    rng = np.random.RandomState(seed)
    features = rng.standard_cauchy((n, 2))
    labels = rng.uniform(size=n) < np.where(features[:, 0] > 1, 0.7, 0.1)
    assume(0 < labels.sum() < n)
    weight = rng.uniform(1, 100, n)
    coef, intercept = fit_logistic(features, labels, weight)
    expected = weight @ expit(features @ coef + intercept)
    assert expected == pytest.approx(weight @ labels, rel=1e-6)


@pytest.mark.parametrize(("s1", "s0"), [(1.0, 1.0), (1.0, 0.02), (0.5, 0.05), (0.1, 1.0)])
def test_weights_make_up_for_the_sampling_rates(s1, s0):
    features, labels, p, rng = draw(200_000, 0.7, 0.4, -5.0)
    rate = np.where(labels, s1, s0)
    kept = rng.uniform(size=len(labels)) < rate
    coef, intercept = fit_logistic(features[kept], labels[kept], 1 / rate[kept])
    np.testing.assert_allclose(coef, [0.7, 0.4], atol=0.12)
    calibrated = expit(features @ coef + intercept)
    assert calibrated.sum() / p.sum() == pytest.approx(1, abs=0.06)
    order = np.array_split(np.argsort(p), 10)
    np.testing.assert_allclose(ratios(calibrated, p, order), 1, atol=0.15)


def test_separable_pairs_have_a_finite_fit():
    coef, intercept = fit_logistic(np.arange(-5.0, 5)[:, None], np.arange(-5, 5) >= 0)
    assert np.isfinite([*coef, intercept]).all()
    assert coef[0] > 1


def test_a_constant_feature_counts_for_nothing():
    features, labels, _, _ = draw(5000, 0.7, 0.0, -2.0)
    features[:, 1] = 0.1
    coef, _ = fit_logistic(features, labels)
    assert abs(coef[1]) < 1e-6


def test_features_of_any_scale():
    features, labels, p, _ = draw(100_000, 0.7, 0.4, -5.0)
    scaled = features * [1e-4, 1]
    coef, intercept = fit_logistic(scaled, labels)
    np.testing.assert_allclose(coef * [1e-4, 1], [0.7, 0.4], atol=0.1)
    assert expit(scaled @ coef + intercept).mean() == pytest.approx(p.mean(), rel=0.05)


def test_a_calibration_never_turns_the_ranking_round():
    features, labels, _, _ = draw(50_000, -0.5, 0.0, -1.0)
    coef, _ = fit_logistic(features, labels)
    assert coef[0] == 0


def test_the_rate_stays_right_where_the_slope_is_cut_off():
    features, labels, p, _ = draw(50_000, -0.5, 0.0, -1.0)
    coef, intercept = fit_logistic(features, labels)
    assert expit(features @ coef + intercept).mean() == pytest.approx(p.mean(), rel=0.25)
