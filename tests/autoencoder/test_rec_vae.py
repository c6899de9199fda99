"""What RecVAE promises as an estimator."""

import inspect

import numpy as np
import pytest
import torch
from scipy.special import softmax

from skrec import PopularityRecommender, RecVAERecommender
from skrec.datasets import fetch_movielens, make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization
from skrec.preprocessing import binarize, min_interactions
from skrec.training import sparse_rows


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def X():
    return make_interactions(150, 40, 2000, n_clusters=4, random_state=0).X


def make(**parameters):
    quick = {"hidden_size": 10, "latent_size": 6, "batch_size": 50, "max_epochs": 3}
    quick |= {"lr": 0.01, "random_state": 0, "device": "cpu"}
    return RecVAERecommender(**quick | parameters)


def weights_of(est):
    return {k: v.numpy().copy() for k, v in est.net_.module_.state_dict().items()}


# scores, probabilities and parameters


def test_parameters_are_those_that_mean_something():
    names = set(inspect.signature(RecVAERecommender).parameters)
    assert {"hidden_size", "latent_size", "dropout", "gamma", "n_samples"} < names
    assert not names & {"hidden_sizes", "likelihood", "confidence", "beta", "anneal_steps"}


def test_sizes_are_those_asked_for(X):
    est = make(hidden_size=7, latent_size=4).fit(X)
    shapes = {name: weight.shape for name, weight in weights_of(est).items()}
    assert shapes["encoder.first.weight"] == (40, 7)
    assert shapes["encoder.layers.3.weight"] == (7, 7)
    assert shapes["encoder.code.weight"] == (8, 7)
    assert est.item_factors_.shape == (40, 4)


@pytest.mark.parametrize(
    ("name", "value"),
    [("hidden_size", 0), ("gamma", -0.1), ("n_encoder_passes", 0), ("n_decoder_passes", 1.5)],
)
def test_a_bad_parameter_is_an_error(name, value, X):
    with pytest.raises(ValueError, match=f"'{name}' parameter of RecVAERecommender"):
        make(**{name: value}).fit(X)


def test_scores_are_the_logits_of_posterior_means(X):
    est = make().fit(X)
    with torch.no_grad():
        mean, _ = est.net_.module_.posterior(sparse_rows(X))
        logits = est.net_.module_.decode(mean)
    np.testing.assert_allclose(est.decision_function(X), logits.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(est.predict_proba(X), softmax(logits.numpy(), axis=1), rtol=1e-4)


def test_tags(X):
    tags = make().__sklearn_tags__()
    assert (tags.fold_in, tags.proba) == ("exact", "categorical")
    assert tags.probabilistic


def test_users_of_fit_and_their_rows_score_alike(X):
    est = make().fit(X)
    np.testing.assert_allclose(
        est.decision_function(X[[3, 17]]), est.decision_function(users=[3, 17]), atol=1e-5
    )


def test_return_std_is_the_spread_of_posterior_draws(X):
    est = make(max_epochs=20, n_samples=2000).fit(X)
    value, std = est.decision_function(X[:5], return_std=True)
    np.testing.assert_array_equal(value, est.decision_function(X[:5]))
    with torch.no_grad():
        _, log_variance = est.net_.module_.posterior(sparse_rows(X[:5]))
    # logits are linear in the code
    expected = np.sqrt(log_variance.exp().numpy() @ (est.item_factors_**2).T)
    np.testing.assert_allclose(std, expected, rtol=0.15)


# training


def test_the_history_counts_updates_of_both_kinds(X):
    est = make(n_encoder_passes=2, n_decoder_passes=3).fit(X)
    assert est.net_.history[:, "train_batch_count"] == [3 * (2 + 3)] * 3


def test_weights_are_free_and_nothing_of_the_training_is_kept(X):
    est = make().fit(X)
    assert all(p.requires_grad for p in est.net_.module_.parameters())
    assert "renewal" not in dict(est.net_.callbacks_)
    assert sum(v.size for v in weights_of(est).values()) < 4000  # one encoder, not two


def test_training_raises_the_likelihood(X):
    losses = make(max_epochs=30).fit(X).net_.history[:, "train_loss"]
    assert losses[-1] < 0.95 * losses[0]


def test_gamma_holds_the_encoder_near_its_last_state(X):
    def step(gamma):
        start = make(gamma=gamma, max_epochs=20, dropout=0.0, warm_start=True, lr=2e-3).fit(X)
        with torch.no_grad():
            before, _ = start.net_.module_.posterior(sparse_rows(X))
            after, log_variance = (
                start.set_params(max_epochs=1).fit(X).net_.module_.posterior(sparse_rows(X))
            )
        return ((after - before).square() / log_variance.exp()).mean().item()

    assert step(1.0) < 0.5 * step(0.0)


def test_a_warm_start_goes_on_under_a_new_gamma(X):
    est = make(warm_start=True).fit(X)
    before, n_epochs = weights_of(est), len(est.net_.history)
    est.set_params(max_epochs=0).fit(X)
    for name, weight in weights_of(est).items():
        np.testing.assert_array_equal(weight, before[name])
    est.set_params(max_epochs=2, gamma=0.7).fit(X)
    assert len(est.net_.history) == n_epochs + 2
    assert est.net_.criterion_.gamma == 0.7


def test_early_stopping_restores_the_best_epoch(X):
    est = make(max_epochs=30, early_stopping=True, patience=2, validation_data=X[:40])
    est.fit(X[40:])
    values = est.net_.history[:, "valid_ndcg@100"]
    again = make(max_epochs=int(np.argmax(values)) + 1).fit(X[40:])
    # validating draws nothing: the best epoch is the last one of a shorter training
    np.testing.assert_array_equal(again.decision_function(X), est.decision_function(X))


def test_a_bad_learning_rate_is_told(X):
    from skrec.exceptions import DivergenceError

    with pytest.raises(DivergenceError, match="lr=1e\\+30"):
        make(lr=1e30).fit(X)


# does it learn?


def test_taste_beats_popularity_on_unseen_users():
    from skrec.utils import split_rows

    X = make_interactions(800, 120, 16_000, n_clusters=6, random_state=0).X
    history, targets = split_rows(X[:150])
    scorer = make_ranking_scorer("ndcg@10")
    base = scorer(PopularityRecommender().fit(X[150:]), history, targets)
    est = make(hidden_size=32, latent_size=16, max_epochs=15, lr=2e-3, batch_size=100)
    assert scorer(est.fit(X[150:]), history, targets) > 1.6 * base


def test_strong_generalisation_on_movielens(data_home):
    ratings = fetch_movielens("100k", data_home=data_home, download_if_missing=False).interactions
    X = min_interactions(binarize(ratings, 4), user=5).tocsr()
    (train, test), *_ = StrongGeneralization(test_users=150, random_state=0).split(X)
    scorer = make_ranking_scorer("ndcg@100")
    base = scorer(PopularityRecommender().fit(X[train]), X[test])
    est = make(hidden_size=100, latent_size=32, max_epochs=6, lr=4e-3, batch_size=100)
    assert scorer(est.fit(X[train]), X[test]) > 1.6 * base
