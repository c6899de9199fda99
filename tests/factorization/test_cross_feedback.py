"""CrossFeedbackBMF as an estimator."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from skrec import CrossFeedbackBMF, Interactions
from skrec.datasets import fetch_movielens
from skrec.metrics import make_rating_scorer
from skrec.model_selection import InteractionHoldout

SMALL = {"n_factors": 4, "hidden_sizes": (8,), "joined_size": 8, "device": "cpu", "random_state": 0}
UNWATCHED = {**SMALL, "early_stopping": False}


def low_rank(n_users=80, n_items=40, density=0.5, noise=0.1, seed=0):
    """Return ratings of rank two, and the ones that are not stored."""
    rng = np.random.default_rng(seed)
    full = 3 + rng.normal(size=(n_users, 2)) @ rng.normal(size=(2, n_items))
    full += noise * rng.normal(size=full.shape)
    seen = rng.random(full.shape) < density
    row, column = np.nonzero(seen)
    return sp.csr_matrix((full[seen], (row, column)), full.shape), full, seen


@pytest.fixture(scope="module")
def problem():
    return low_rank()


@pytest.fixture(scope="module")
def fitted(problem):
    return CrossFeedbackBMF(
        **UNWATCHED, max_epochs=150, lr=0.01, beta_user=0.01, beta_item=0.01
    ).fit(problem[0])


def test_it_learns_a_low_rank_matrix(fitted, problem):
    X, full, seen = problem
    error = fitted.decision_function(X) - full
    assert np.sqrt(np.mean(error[~seen] ** 2)) < 0.6 * full[~seen].std()


SWITCHES = [
    {"data_input": False},
    {"cross_feedback": False},
    {"latent_input": "mean"},
    {"attention": "all"},
    {"attention": None},
    {"attention_on": "means"},
    {"attention_on": "logits"},
    {"attention_weights": "ratio"},
    {"merge": "add"},
    {"iteration": "sequential"},
    {"clip": True},
    {"hidden_sizes": (), "head_sizes": (6, 5)},
    {"batch_size": 30, "item_batch_size": 17, "max_epochs": 20},
]


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda s: ",".join(map(str, s.items())))
def test_every_part_can_be_switched(switch, problem):
    X, learns = problem[0], "data_input" not in switch  # what was rated says nothing here
    options = {"max_epochs": 60 if learns else 5, "lr": 0.01, "beta_user": 0.01}
    est = CrossFeedbackBMF(**{**UNWATCHED, **options, **switch}).fit(X)
    assert np.isfinite(est.net_.history[:, "train_loss"]).all()
    if learns:
        assert -est.score(Interactions(X)) < X.data.std()
    np.testing.assert_allclose(
        est.decision_function(X),
        est.decision_function(users=np.arange(len(X.indptr) - 1)),
        atol=1e-5,
    )


def test_without_anything_to_read_it_says_so(problem):
    est = CrossFeedbackBMF(data_input=False, cross_feedback=False)
    with pytest.raises(ValueError, match="data_input or cross_feedback must be True"):
        est.fit(problem[0])


def test_deviations_are_those_of_a_product_of_gaussians(fitted, problem):
    X = problem[0][:5]
    rng = np.random.default_rng(0)
    n = 20_000
    users = fitted.user_means_[:5] + rng.normal(size=(n, 5, 4)) * fitted.user_variances_[:5] ** 0.5
    items = fitted.item_means_[7] + rng.normal(size=(n, 4)) * fitted.item_variances_[7] ** 0.5
    drawn = np.einsum("nuk,nk->nu", users, items).std(axis=0)
    _, spread = fitted.decision_function(X, return_std=True)
    np.testing.assert_allclose(spread[:, 7], drawn, rtol=0.05)
    _, std = fitted.predict(X, return_std=True)
    np.testing.assert_allclose(std[:, 7], np.hypot(drawn, fitted.noise_std_), rtol=0.05)


def test_clipped_embeddings_are_clipped_in_draws_too(problem):
    est = CrossFeedbackBMF(**UNWATCHED, clip=True, max_epochs=3, n_samples=10).fit(problem[0])
    scores, std = est.predict_proba(problem[0][:3], return_std=True)
    assert scores.shape == std.shape
    assert (est.user_means_ >= 0).all()
    drawn = est.recommend(problem[0], 5, strategy="thompson", return_scores=True)[1]
    assert drawn.min() >= est.rating_mean_ - 1e-5  # products of what is not negative


def test_pairs_and_lists_have_the_deviations_of_rows(fitted, problem):
    X = problem[0]
    _, spread = fitted.decision_function(users=np.arange(80), return_std=True)
    user, item = np.arange(80), np.arange(80) % 40
    pairs = Interactions.from_arrays(user, item, frame=X.shape)
    _, std = fitted.decision_function(pairs, return_std=True)
    np.testing.assert_allclose(std, spread[user, item], rtol=1e-4)
    lists, _, std = fitted.recommend(X[:3], 4, return_scores=True, return_std=True)
    np.testing.assert_allclose(std, np.take_along_axis(spread[:3], lists, axis=1), rtol=1e-4)


def test_attributes_are_posteriors(fitted, problem):
    X = problem[0]
    assert fitted.user_means_.shape == fitted.user_variances_.shape == (80, 4)
    assert fitted.item_means_.shape == fitted.item_variances_.shape == (40, 4)
    for variances in (fitted.user_variances_, fitted.item_variances_):
        assert (variances > 0).all()
    expected = fitted.rating_mean_ + fitted.user_means_ @ fitted.item_means_.T
    np.testing.assert_allclose(fitted.decision_function(X), expected, atol=1e-4)


def test_users_without_ratings_get_item_means(fitted, problem):
    X = problem[0]
    scores = fitted.decision_function(sp.csr_matrix((2, 40)))
    mean = X.data.mean()
    expected = (np.asarray(X.sum(axis=0))[0] + 5 * mean) / (np.bincount(X.indices) + 5)
    np.testing.assert_allclose(scores, np.broadcast_to(expected, (2, 40)), rtol=1e-4)


@pytest.mark.parametrize(
    "scale", [lambda r: r, lambda r: 2 * r, lambda r: np.round(2 * r) / 2, lambda r: 4 * r - 12]
)
def test_any_scale_will_do(scale, problem):
    X = problem[0].copy()
    X.data = scale(X.data)
    est = CrossFeedbackBMF(**UNWATCHED, max_epochs=60, lr=0.01, beta_user=0.01, beta_item=0.01).fit(
        X
    )
    assert -est.score(Interactions(X)) < 0.9 * X.data.std()
    ratings = est.predict(X)
    assert ratings.min() >= X.data.min() - 1e-5
    assert ratings.max() <= X.data.max() + 1e-5


def test_equal_ratings_are_predicted_with_a_warning():
    X = sp.csr_matrix(np.full((6, 5), 3.0))  # users who rated everything, too
    with pytest.warns(UserWarning, match="rating"):
        est = CrossFeedbackBMF(**UNWATCHED, max_epochs=3).fit(X)
    np.testing.assert_allclose(est.predict(X), 3.0)


def test_one_rating_is_enough():
    X = sp.csr_matrix(([4.0], ([1], [2])), (3, 4))
    est = CrossFeedbackBMF(**UNWATCHED, max_epochs=3).fit(X)
    assert np.isfinite(est.decision_function(X)).all()


def test_nan_is_an_error():
    X = sp.csr_matrix(np.array([[1.0, np.nan], [2.0, 3.0]]))
    with pytest.raises(ValueError, match="NaN"):
        CrossFeedbackBMF().fit(X)


def test_raw_attention_stays_finite_at_a_high_rate(problem):
    est = CrossFeedbackBMF(**UNWATCHED, attention_weights="ratio", max_epochs=100, lr=0.05)
    est.fit(problem[0])
    assert np.isfinite(est.decision_function(problem[0])).all()


def test_early_stopping_watches_ratings(problem):
    X = problem[0]
    est = CrossFeedbackBMF(**SMALL, max_epochs=30, lr=0.01, early_stopping=True, patience=3).fit(X)
    errors = est.net_.history[:, "valid_neg_rmse"]
    assert len(errors) <= 30
    assert np.isfinite(errors).all()


def test_given_ratings_are_watched_and_the_best_pass_is_kept(problem):
    X = Interactions(problem[0])
    train, held_out = next(InteractionHoldout(0.2, random_state=0).split(X))
    est = CrossFeedbackBMF(
        **SMALL, max_epochs=40, lr=0.02, early_stopping=True, validation_data=X[held_out]
    ).fit(X[train])
    best = max(est.net_.history[:, "valid_neg_rmse"])
    ours = est.predict(X[held_out]) - X[held_out].value
    assert -np.sqrt(np.mean(ours**2)) == pytest.approx(best, abs=1e-4)


def test_training_goes_on_after_a_warm_start(problem):
    X = problem[0]
    est = CrossFeedbackBMF(**UNWATCHED, max_epochs=5, lr=0.01, warm_start=True).fit(X)
    first = est.net_.history[-1, "train_loss"]
    assert est.fit(X).net_.history[-1, "train_loss"] < first
    with pytest.raises(ValueError, match="shape of the last fit"):
        est.fit(X[:50])


def test_it_can_be_searched(problem):
    est = CrossFeedbackBMF(**UNWATCHED, max_epochs=3)
    grid, cv = {"attention": ["rated", None]}, KFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(est, grid, scoring=make_rating_scorer(), cv=cv, error_score="raise")
    search.fit(Interactions(problem[0]))
    assert search.best_score_ < 0
    assert clone(search.best_estimator_).get_params()["n_factors"] == 4


@pytest.mark.slow
def test_it_beats_item_means_on_real_ratings(data_home):
    X = fetch_movielens("100k", data_home=data_home).interactions
    train, test = next(InteractionHoldout(0.15, random_state=0).split(X))
    est = CrossFeedbackBMF(
        batch_size=400, item_batch_size=800, max_epochs=12, lr=3e-3, attention=None, random_state=0
    ).fit(X[train])
    known = X[train]
    totals = np.bincount(known.item, known.value, minlength=X.frame[1])
    counts = np.bincount(known.item, minlength=X.frame[1])
    means = ((totals + 5 * known.value.mean()) / (counts + 5))[X[test].item]
    baseline = np.sqrt(np.mean((means - X[test].value) ** 2))
    assert -est.score(X[test]) < 0.96 * baseline
