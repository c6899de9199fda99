"""What the autoencoders of ratings promise as estimators."""

import functools

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.special import expit
from sklearn.metrics import root_mean_squared_error

from skrec import AutoRecRegressor, DAERegressor, Interactions, VAERegressor
from skrec.datasets import fetch_movielens
from skrec.exceptions import SkrecWarning
from skrec.model_selection import InteractionHoldout
from skrec.testing import estimator_checks, make_estimator
from skrec.training import sparse_rows

MODELS = {
    "I-Rec": (AutoRecRegressor, {"side": "item"}),
    "U-Rec": (AutoRecRegressor, {"side": "user"}),
    "VAE": (VAERegressor, {"beta": 0.002, "lr": 0.02, "dropout": 0.2}),
    "DAE": (DAERegressor, {"weight_decay": 1e-4}),
}
QUICK = {"latent_size": 8, "batch_size": 10, "lr": 0.01, "max_epochs": 60}
QUICK |= {"random_state": 0, "device": "cpu"}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


def make(name, **parameters):
    cls, own = MODELS[name]
    return cls(**QUICK | own | parameters)


def taste(n_users=60, n_items=30):
    return np.arange(n_users)[:, None] % 2 == np.arange(n_items) % 2


@pytest.fixture(scope="module")
def X():
    """Return ratings 1 or 5: users and items of one colour like each other."""
    X = sp.random(60, 30, 0.4, format="csr", random_state=0, dtype=np.float32)
    X.data[:] = np.where(taste()[X.nonzero()], 5, 1)
    return X


def rescaled(X, low, high):
    """Give the same taste on another scale; a rating of 0 stays stored."""
    X = X.copy()
    X.data = (low + (X.data - 1) / 4 * (high - low)).astype(np.float32)
    return X


@pytest.fixture(scope="module")
def fitted(X):
    """Return a function that fits a model once."""
    models = {}

    def get(name):
        if name not in models:
            models[name] = make(name).fit(X)
        return models[name]

    return get


# what is learnt


def test_taste_is_learnt_of_known_and_of_unseen_users(name, fitted, X):
    est = fitted(name)
    for ratings in (est.predict(users=np.arange(60)), est.predict(X)):
        assert ratings[taste()].mean() > 4
        assert ratings[~taste()].mean() < 2


def test_the_opposite_taste_gives_the_opposite_ratings(name, fitted, X):
    turned = X.copy()
    turned.data = 6 - turned.data  # the same items
    ratings = fitted(name).predict(turned)
    assert ratings[taste()].mean() < ratings[~taste()].mean() - 1.5


@pytest.fixture(scope="module")
def few_epochs(X):
    return functools.cache(lambda name: make(name, max_epochs=15).fit(X))


@pytest.mark.parametrize("scale", [(0.5, 5), (-10, 10), (0, 1)])
def test_a_scale_is_only_a_scale(name, scale, few_epochs, X):
    low, high = scale
    est = make(name, max_epochs=15).fit(rescaled(X, low, high))
    assert est.interactions_.nnz == X.nnz
    ratings = est.predict(users=np.arange(60))
    expected = low + (few_epochs(name).predict(users=np.arange(60)) - 1) / 4 * (high - low)
    # the same up to rounding, which training may blow up
    np.testing.assert_allclose(ratings, expected, atol=0.05 * (high - low))
    assert ratings.min() >= low
    assert ratings.max() <= high


def test_the_tag_of_fold_in_goes_by_the_side(name, fitted, X):
    est = fitted(name)
    exact = est.__sklearn_tags__().fold_in == "exact"
    assert exact == (name != "I-Rec")
    known, unseen = est.decision_function(users=np.arange(60)), est.decision_function(X)
    assert (np.abs(known - unseen).max() < 1e-5) == exact


SIDED = ["checkerboard_of_known_users", "checkerboard_of_unseen_rows", "users_with_histories"]
SIDED += ["rows_do_not_depend_on_each_other", "candidates", "fold_in", "pairs", "empty_rows"]
SIDED += ["every_weight_learns", "fit_starts_anew", "copies_are_the_same_model", "similar_items"]
SIDED += ["failed_fit_changes_nothing", "predicted_ratings", "score", "grid_search_over_users"]


@pytest.mark.parametrize("check", SIDED)
def test_checks_of_autorec_over_users(check):
    est = make_estimator(AutoRecRegressor, side="user")
    checks = {c.__name__: c for c in estimator_checks(est)}
    checks[f"check_{check}"]("AutoRecRegressor", est)


# AutoRec over items


def test_ratings_are_made_of_codes_of_items_and_weights_of_users(fitted, X):
    est, module = fitted("I-Rec"), fitted("I-Rec").net_.module_
    with torch.no_grad():
        codes = module.codes(sparse_rows(X.T.tocsr())).numpy()
        (whole,) = module(sparse_rows(X.T.tocsr()))
    np.testing.assert_allclose(est.item_factors_, codes, rtol=1e-5)
    bias = module.last.bias.detach().numpy()
    expected = 1 + 4 * expit(est.user_factors_ @ codes.T + bias[:, None])
    np.testing.assert_allclose(est.decision_function(users=np.arange(60)), expected, rtol=1e-5)
    np.testing.assert_allclose(expected, whole.numpy().T, rtol=1e-5)


def test_users_keep_their_weights_whatever_they_rate_now(fitted, X):
    est, users = fitted("I-Rec"), np.array([3, 8])
    known = est.decision_function(users=users)
    np.testing.assert_array_equal(est.decision_function(X[[20, 31]], users=users), known)


def test_unseen_users_have_fitted_weights(fitted, X):
    est = fitted("I-Rec")
    rows = X[:4].copy()
    rows.data = (rows.data - 1) / 4
    weights = est.folder_(torch.from_numpy(est.item_codes_), sparse_rows(rows)).numpy()
    expected = 1 + 4 * expit(weights[:, :-1] @ est.item_codes_.T + weights[:, -1:])
    np.testing.assert_allclose(est.decision_function(X[:4]), expected, rtol=1e-5)


def test_a_user_whose_ratings_were_all_held_out_is_folded_in(X):
    hidden = sp.lil_matrix(X)
    hidden[7] = 0
    shown, pairs = sp.csr_matrix(hidden), Interactions(X)
    est = make("I-Rec", early_stopping=True, validation_data=pairs[pairs.user == 7]).fit(shown)
    assert 7 not in est.trained_users_
    np.testing.assert_array_equal(
        est.decision_function(X[[7]], users=[7]), est.decision_function(X[[7]])
    )


@pytest.mark.parametrize("candidates", [[5, 2, 20], np.array([[5, 2, 20], [7, 1, 0]])])
def test_candidates_are_scored_as_all_items_are(name, candidates, fitted, X):
    asked = {"X": X[[3, 8]], "users": [1, 2], "exclude_seen": False, "return_scores": True}
    lists, scores = fitted(name).recommend(n_items=3, candidates=candidates, **asked)
    every = fitted(name).decision_function(X[[3, 8]], users=[1, 2])
    np.testing.assert_allclose(scores, np.take_along_axis(every, lists, axis=1), rtol=1e-5)


def test_weights_of_outputs_are_what_there_is_of_users_and_items(fitted):
    assert fitted("I-Rec").user_factors_.shape == (60, 8)
    assert fitted("I-Rec").item_factors_.shape == (30, 8)
    assert fitted("U-Rec").user_factors_ is None
    for name in ("U-Rec", "VAE", "DAE"):
        weight = fitted(name).net_.module_.last.weight.detach()
        np.testing.assert_array_equal(fitted(name).item_factors_, weight)


def test_input_is_normalised_or_not(X):
    scores = []
    for normalize in (True, False):
        est = make("U-Rec", normalize=normalize, max_epochs=2).fit(X)
        assert est.net_.module_.normalize == normalize
        scores.append(est.decision_function(X[:3]))
    assert np.abs(scores[0] - scores[1]).max() > 1e-3


# the posterior


def test_deviations_are_those_of_draws_of_the_code(fitted, X):
    est = fitted("VAE")
    ratings, std = est.predict(X[:5], return_std=True)
    np.testing.assert_array_equal(ratings, est.predict(X[:5]))
    mean, log_variance = (torch.from_numpy(part) for part in est.posterior(X[:5]))
    assert mean.shape == log_variance.shape == (5, 8)
    module, rows = est.net_.module_, sparse_rows(X[:5])
    drawn = []
    with torch.no_grad():
        for _ in range(2000):
            z = mean + torch.exp(log_variance / 2) * torch.randn(8)
            drawn.append((module.decode(z) + module.means(rows)[:, None]).numpy())
    expected = np.std(drawn, axis=0)
    # 20 draws with the same noise for every item
    assert 0.5 < np.median(std / expected) < 1.7
    assert np.corrcoef(std.ravel(), expected.ravel())[0, 1] > 0.3


def test_a_heavier_prior_makes_the_posterior_wider(X):
    spreads = [
        make("VAE", beta=beta, anneal_steps=1).fit(X).posterior(X)[1].mean() for beta in (1e-3, 0.1)
    ]
    assert spreads[0] < spreads[1] < 0.1


def test_only_the_variational_model_has_deviations(name, fitted, X):
    assert fitted(name).__sklearn_tags__().probabilistic == (name == "VAE")
    if name != "VAE":
        with pytest.raises(ValueError, match="return_std must be False"):
            fitted(name).predict(X, return_std=True)


# training


def test_early_stopping_watches_held_out_ratings_and_keeps_the_best(name, X):
    options = {"early_stopping": True, "validation_fraction": 0.2, "patience": 3}
    est = make(name, **options).fit(X)
    watched = est.net_.history[:, "valid_neg_rmse"]
    assert max(watched) > -1
    assert len(watched) == 60 or np.argmax(watched) == len(watched) - 4


def test_what_is_watched_is_the_error_of_what_is_predicted(name, X):
    pairs = Interactions(X)
    shown, hidden = pairs[::2], pairs[1::2]
    est = make(name, early_stopping=True, validation_data=hidden, max_epochs=30).fit(shown)
    error = root_mean_squared_error(hidden.value, est.predict(hidden))
    assert max(est.net_.history[:, "valid_neg_rmse"]) == pytest.approx(-error, rel=1e-4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"validation_metric": "ndcg@10"}, 'validation_metric must be "rmse"'),
        ({"validation_data": sp.csr_matrix((3, 30))}, "validation_data must be Interactions"),
    ],
)
def test_what_cannot_be_watched_is_refused(name, wrong, message, X):
    with pytest.raises(ValueError, match=message):
        make(name, early_stopping=True, **wrong).fit(X)


def test_the_loss_of_an_epoch_is_the_squared_error_of_what_is_rated(X):
    options = {"dropout": 0.0, "batch_size": 60, "weight_decay": 0.0}
    est = make("DAE", max_epochs=30, **options).fit(rescaled(X, 0, 2))
    again = make("DAE", max_epochs=31, **options).fit(rescaled(X, 0, 2))
    # full batches: the loss of epoch 31 is that of the model after 30; half of the ratings are 0
    error = est.decision_function(Interactions(rescaled(X, 0, 2))) - rescaled(X, 0, 2).data
    expected = (error / 2) @ (error / 2) / 2 / 60
    assert again.net_.history[-1]["train_loss"] == pytest.approx(expected, rel=1e-4)


def sum_of_squares(module, kind):
    parts = [p for name, p in module.named_parameters() if name.endswith(kind)]
    return sum(float(p.detach().square().sum()) for p in parts)


def test_weight_decay_shrinks_weights_but_no_bias(name, X):
    loose, tight = (make(name, weight_decay=w).fit(X).net_.module_ for w in (0.0, 0.02))
    assert sum_of_squares(tight, "weight") < 0.7 * sum_of_squares(loose, "weight")
    assert sum_of_squares(tight, "bias") > 0.2 * sum_of_squares(loose, "bias")


def test_warm_start_goes_on_also_on_a_wider_scale(name, X):
    est = make(name, warm_start=True, max_epochs=20).fit(X)
    est.fit(rescaled(X, -10, 10))
    assert len(est.net_.history) == 40
    ratings = est.predict(users=np.arange(60))
    assert ratings[taste()].mean() > 3
    assert ratings[~taste()].mean() < -3
    other = X[:, 1:] if name != "I-Rec" else X[1:]
    with pytest.raises(ValueError, match="of the last fit when warm_start=True"):
        est.fit(other)


# edges


def test_all_ratings_equal(name, X):
    with pytest.warns(SkrecWarning, match="All ratings in X are equal to 3"):
        est = make(name).fit(rescaled(X, 3, 3))
    np.testing.assert_array_equal(est.predict(X), 3)
    assert np.isfinite(est.predict_proba(X)).all()


def test_one_rating(name):
    X = sp.csr_matrix(([4.0], ([1], [2])), shape=(3, 4))
    est = make(name).fit(X)
    np.testing.assert_array_equal(est.predict(users=[0, 1, 2]), 4)
    np.testing.assert_array_equal(est.predict(X), 4)


def test_a_single_rating_is_trained_on_unwatched(name):
    X = sp.csr_matrix(([3.0], ([0], [1])), shape=(2, 3))
    with pytest.warns(SkrecWarning, match=r"single rating, .* validation_fraction=0\.1 .* nothing"):
        est = make(name, early_stopping=True).fit(X)
    assert len(est.net_.history) == 60
    np.testing.assert_array_equal(est.predict(X), make(name).fit(X).predict(X))


def test_nan_is_an_error(name, X):
    X = X.copy()
    X.data[4] = np.nan
    with pytest.raises(ValueError, match="X must hold finite values; got NaN"):
        make(name).fit(X)


def test_a_user_who_rated_everything_and_one_who_always_rates_the_middle(name, X):
    X = sp.lil_matrix(X)
    X[0], X[2] = np.where(taste()[0], 5, 1), 3
    est = make(name).fit(sp.csr_matrix(X))
    ratings = est.predict(users=[0, 2])
    assert np.isfinite(ratings).all()
    assert ratings[0][taste()[0]].mean() > 4
    assert (est.recommend(users=[0], n_items=3) == -1).all()


def test_nobody_knows_a_user_or_an_item_without_ratings(name, X):
    X = sp.lil_matrix(X)
    X[4], X[:, 9] = 0, 0
    X = sp.csr_matrix(X)
    est = make(name).fit(X)
    means = (X.sum(axis=0).A1 + 5 * X.data.mean()) / (X.getnnz(axis=0) + 5)
    np.testing.assert_allclose(est.predict(users=[4])[0], means, rtol=1e-5)
    np.testing.assert_allclose(est.predict(sp.csr_matrix((1, 30)))[0], means, rtol=1e-5)
    assert np.isfinite(est.predict(X)[:, 9]).all()


# real data


@pytest.fixture(scope="module")
def movielens(data_home):
    ratings = fetch_movielens("100k", data_home=data_home, download_if_missing=False).interactions
    (rest, test), *_ = InteractionHoldout(test_size=0.15, random_state=0).split(ratings)
    rest, test = ratings[rest], ratings[test]
    (train, valid), *_ = InteractionHoldout(test_size=0.15 / 0.85, random_state=0).split(rest)
    return rest[train], rest[valid], test


# measured: .891, .929, .924, .917; item means come to 1.030
BOUNDS = {"I-Rec": 0.905, "U-Rec": 0.94, "VAE": 0.935, "DAE": 0.93}


@pytest.mark.slow
def test_movielens(name, movielens):
    train, valid, test = movielens
    cls, own = MODELS[name]
    own = {"side": own["side"]} if "side" in own else {}
    options = {"early_stopping": True, "patience": 3, "validation_data": valid}
    est = cls(random_state=0, device="cpu", **own, **options).fit(train)
    assert root_mean_squared_error(test.value, est.predict(test)) < BOUNDS[name]
    means = est._prior_scores()[test.item]
    assert root_mean_squared_error(test.value, means) > BOUNDS[name] + 0.05
