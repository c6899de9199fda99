"""What Vamp, H+Vamp and gating promise as estimators."""

import pickle

import numpy as np
import pytest
import torch

from skrec import MultVAERecommender, PopularityRecommender, VampVAERecommender
from skrec.datasets import fetch_movielens, make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization
from skrec.preprocessing import binarize, min_interactions
from skrec.training import sparse_rows
from skrec.utils import split_rows

VARIANTS = [(False, False), (False, True), (True, False), (True, True)]
ALL = pytest.mark.parametrize(("hierarchical", "gated"), VARIANTS)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def X():
    return make_interactions(150, 40, 2000, n_clusters=4, random_state=0).X


def make(**parameters):
    quick = {"hidden_sizes": (10,), "latent_size": 6, "n_pseudo_inputs": 7, "batch_size": 50}
    quick |= {"max_epochs": 3, "lr": 0.01, "random_state": 0, "device": "cpu"}
    return VampVAERecommender(**quick | parameters)


@ALL
@pytest.mark.parametrize("hidden_sizes", [(), (10,), (12, 8)])
def test_variants_fit_and_score(hierarchical, gated, hidden_sizes, X):
    est = make(hierarchical=hierarchical, gated=gated, hidden_sizes=hidden_sizes).fit(X)
    assert np.isfinite(est.decision_function(X)).all()
    np.testing.assert_allclose(est.predict_proba(X).sum(axis=1), 1, rtol=1e-4)
    codes = 12 if hierarchical else 6
    assert est.item_factors_.shape == (40, hidden_sizes[0] if hidden_sizes else codes)


@ALL
def test_scores_are_the_modules_logits_at_the_means(hierarchical, gated, X):
    est = make(hierarchical=hierarchical, gated=gated).fit(X)
    with torch.no_grad():
        logits, *none = est.net_.module_(sparse_rows(X))
    assert none == []
    np.testing.assert_allclose(est.decision_function(X), logits.numpy(), rtol=1e-6)


@pytest.mark.parametrize("hierarchical", [False, True])
def test_the_prior_is_the_posterior_of_the_pseudo_inputs(hierarchical, X):
    est = make(hierarchical=hierarchical).fit(X)
    assert est.pseudo_inputs_.shape == (7, 40)
    assert est.prior_means_.shape == est.prior_log_variances_.shape == (7, 6)
    rows = torch.from_numpy(est.pseudo_inputs_)
    from scipy.sparse import csr_matrix

    with torch.no_grad():
        mean, log_variance = est.net_.module_.posterior(sparse_rows(csr_matrix(rows.numpy())))
    np.testing.assert_allclose(est.prior_means_, mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(est.prior_log_variances_, log_variance, rtol=1e-4, atol=1e-6)


def test_pseudo_inputs_are_trained_by_the_divergence_alone(X):
    start, without, trained = (
        make(max_epochs=n, beta=beta).fit(X).pseudo_inputs_
        for n, beta in [(0, 1.0), (5, 0.0), (5, 1.0)]
    )
    np.testing.assert_array_equal(start, without)
    assert np.abs(trained - start).mean() > 1e-3
    assert trained.min() >= 0
    assert trained.max() <= 1


def test_the_prior_comes_to_where_the_posteriors_are(X):
    """The mixture gives the codes of users a higher density than a standard Gaussian does."""
    from skrec.nn import gaussian_log_density, mixture_log_density

    est = make(max_epochs=80, beta=0.3, anneal_steps=1).fit(X)
    with torch.no_grad():
        mean, log_variance = est.net_.module_.posterior(sparse_rows(X))
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        prior = mixture_log_density(
            z, *map(torch.from_numpy, (est.prior_means_, est.prior_log_variances_))
        )
        zero = torch.zeros(6)
        standard = gaussian_log_density(z, zero, zero)
    assert (prior - standard).mean() > 0


def test_beta_rises_by_updates_to_its_cap(X):
    est = make(beta=0.3, anneal_steps=20, max_epochs=4).fit(X)
    assert est.net_.history[:, "beta"] == pytest.approx([2 / 20, 5 / 20, 0.3, 0.3])
    betas = make(beta=0.5, anneal_epochs=8, max_epochs=10).fit(X).net_.history[:, "beta"]
    assert betas[0] < 0.1 < betas[6] < 0.5
    assert betas[8:] == [0.5, 0.5]


@pytest.mark.parametrize("hierarchical", [False, True])
def test_return_std_is_the_spread_of_draws(hierarchical, X):
    est = make(hierarchical=hierarchical, max_epochs=20, n_samples=5).fit(X)
    value, std = est.decision_function(X, return_std=True)
    np.testing.assert_array_equal(value, est.decision_function(X))
    assert (std > 0).all()
    module, draws = est.net_.module_, []
    with torch.no_grad():
        for draw in range(5):
            generator = torch.Generator().manual_seed(draw)
            noise = torch.randn(module.noise_size, generator=generator)
            draws.append(module.decode(module.draw(sparse_rows(X), noise)).numpy())
    np.testing.assert_allclose(std, np.std(draws, axis=0), rtol=1e-3)
    np.testing.assert_allclose(
        est.decision_function(X[7:9], return_std=True)[1], std[7:9], rtol=1e-3
    )


def test_early_stopping_watches_held_out_users(X):
    est = make(early_stopping=True, patience=2, max_epochs=60, validation_metric="ndcg@5").fit(X)
    assert "valid_ndcg@5" in est.net_.history[-1]


def test_a_pickle_gives_the_same_scores(X):
    est = make(hierarchical=True, gated=True).fit(X)
    again = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(again.decision_function(X), est.decision_function(X))
    np.testing.assert_array_equal(again.prior_means_, est.prior_means_)


@pytest.mark.parametrize(
    ("name", "value"), [("beta", -1), ("beta", "auto"), ("n_pseudo_inputs", 0)]
)
def test_bad_parameters_are_errors(name, value, X):
    with pytest.raises(ValueError, match=f"'{name}' parameter of VampVAERecommender"):
        make(**{name: value}).fit(X)


def test_gated_mult_vae_has_values_and_gates_in_every_hidden_layer(X):
    options = {"hidden_sizes": (10, 8), "latent_size": 6, "max_epochs": 3, "lr": 0.01}
    plain, gated = (
        MultVAERecommender(gated=g, random_state=0, device="cpu", **options).fit(X)
        for g in (False, True)
    )
    shapes = [
        sorted(tuple(p.shape) for p in est.net_.module_.parameters() if p.ndim == 2)
        for est in (plain, gated)
    ]
    assert shapes[0] == sorted([(40, 10), (8, 10), (12, 8), (8, 6), (10, 8), (40, 10)])
    assert shapes[1] == sorted([(40, 20), (16, 10), (12, 8), (16, 6), (20, 8), (40, 10)])
    assert not np.allclose(plain.decision_function(X), gated.decision_function(X))


# do they learn?


@pytest.mark.slow
@ALL
def test_taste_beats_popularity_on_unseen_users(hierarchical, gated):
    X = make_interactions(800, 120, 16_000, n_clusters=6, random_state=0).X
    history, targets = split_rows(X[:150])
    scorer = make_ranking_scorer("ndcg@10")
    base = scorer(PopularityRecommender().fit(X[150:]), history, targets)
    est = make(hierarchical=hierarchical, gated=gated, max_epochs=60, latent_size=16, lr=5e-3)
    assert scorer(est.fit(X[150:]), history, targets) > 1.6 * base


@pytest.mark.slow
@pytest.mark.parametrize("hierarchical", [False, True])
def test_strong_generalisation_on_movielens(hierarchical, data_home):
    ratings = fetch_movielens("100k", data_home=data_home, download_if_missing=False).interactions
    X = min_interactions(binarize(ratings, 4), user=5).tocsr()
    (train, test), *_ = StrongGeneralization(test_users=150, random_state=0).split(X)
    scorer = make_ranking_scorer("ndcg@100")
    base = scorer(PopularityRecommender().fit(X[train]), X[test])
    est = VampVAERecommender(hierarchical=hierarchical, gated=True, hidden_sizes=(100,))
    est.set_params(latent_size=50, n_pseudo_inputs=100, max_epochs=40, lr=2e-3, batch_size=100)
    est.set_params(random_state=0, device="cpu")
    assert scorer(est.fit(X[train]), X[test]) > 1.6 * base
