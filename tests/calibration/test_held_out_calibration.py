"""What probabilities mean, on data drawn from known ones."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.special import expit
from sklearn.base import clone

from skrec import (
    EASERecommender,
    ItemKNNRecommender,
    MultDAERecommender,
    PopularityRecommender,
    UserKNNRecommender,
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
}


@pytest.mark.parametrize(
    ("name", "users"),
    [(name, users) for name in MODELS for users in ("training", "new")],
)
def test_rates_of_unseen_pairs_are_recovered(name, users, X):
    """One entry in ten is hidden: p must match how often an unseen pair is one of those."""
    est = clone(MODELS[name])
    assert est.__sklearn_tags__().proba_pairs == "unseen"
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


def test_the_logistic_likelihood_recovers_the_true_probabilities(X, truth):
    est = MultDAERecommender(
        likelihood="logistic", hidden_sizes=(64,), latent_size=8, max_epochs=40, batch_size=100
    )
    est.set_params(lr=0.01, random_state=0, device="cpu", weight_decay=0.0).fit(X[:1000])
    p, true = est.predict_proba(X[1000:]).astype(float), truth[1000:]
    assert p.sum() / true.sum() == pytest.approx(1, abs=0.1)
    by_score = ratios(p.ravel(), true.ravel(), np.array_split(np.argsort(p.ravel()), 10))
    # the lowest tenth is full of users who by chance have less than their rates add up to
    assert by_score[0] > 1 / 1.6
    assert by_score[1:].min() > 0.75
    assert by_score.max() < 1.25
    by_activity = ratios(p, true, quintiles(X[1000:]))
    assert by_activity.min() > 0.75
    assert by_activity.max() < 1.25
    # the data tell pairs apart that the average does not
    assert np.corrcoef(p.ravel(), true.ravel())[0, 1] > 0.6


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


@pytest.mark.parametrize(("s1", "s0"), [(1.0, 1.0), (1.0, 0.02), (0.5, 0.05), (0.1, 1.0)])
def test_the_intercept_is_corrected_for_the_sampling_rates(s1, s0):
    features, labels, p, rng = draw(200_000, 0.7, 0.4, -5.0)
    kept = rng.uniform(size=len(labels)) < np.where(labels, s1, s0)
    coef, intercept = fit_logistic(features[kept], labels[kept], np.log(s1 / s0))
    np.testing.assert_allclose(coef, [0.7, 0.4], atol=0.12)
    calibrated = expit(features @ coef + intercept)
    assert calibrated.sum() / p.sum() == pytest.approx(1, abs=0.06)
    order = np.array_split(np.argsort(p), 10)
    np.testing.assert_allclose(ratios(calibrated, p, order), 1, atol=0.15)


def test_features_of_any_scale():
    features, labels, p, _ = draw(100_000, 0.7, 0.4, -5.0)
    scaled = features * [1e-4, 1]
    coef, intercept = fit_logistic(scaled, labels, 0.0)
    np.testing.assert_allclose(coef * [1e-4, 1], [0.7, 0.4], atol=0.1)
    assert expit(scaled @ coef + intercept).mean() == pytest.approx(p.mean(), rel=0.05)


def test_a_calibration_never_turns_the_ranking_round():
    features, labels, _, _ = draw(50_000, -0.5, 0.0, -1.0)
    coef, _ = fit_logistic(features, labels, 0.0)
    assert coef[0] == 0


def test_the_rate_stays_right_where_the_slope_is_cut_off():
    features, labels, p, _ = draw(50_000, -0.5, 0.0, -1.0)
    coef, intercept = fit_logistic(features, labels, 0.0)
    assert expit(features @ coef + intercept).mean() == pytest.approx(p.mean(), rel=0.25)
