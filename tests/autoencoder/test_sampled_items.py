"""Autoencoders of rows whose softmax is taken over samples of the items."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skorch.callbacks import GradientNormClipping

from skrec import (
    MultDAERecommender,
    MultVAERecommender,
    PopularityRecommender,
    VampVAERecommender,
)
from skrec.datasets import make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.training import ROW_WISE, ItemSampler, inclusion_probabilities
from skrec.utils import split_rows

ALL = pytest.mark.parametrize("cls", [MultVAERecommender, MultDAERecommender, VampVAERecommender])


@pytest.fixture(scope="module")
def X():
    return make_interactions(150, 40, 2000, n_clusters=4, random_state=0).X


def make(cls, **parameters):
    quick = {"hidden_sizes": (10,), "latent_size": 6, "batch_size": 50, "max_epochs": 3}
    quick |= {"lr": 0.01, "random_state": 0, "device": "cpu", "n_sampled_items": 12}
    quick |= {"n_pseudo_inputs": 8} if cls is VampVAERecommender else {}
    return cls(**quick | parameters)


# samples


@settings(deadline=None, max_examples=60)
@given(
    weights=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30),
    size=st.integers(1, 35),
    seed=st.integers(0, 100),
)
def test_a_sample_has_its_size_and_its_probabilities_their_sum(weights, size, seed):
    weights = np.array(weights)
    inclusion = inclusion_probabilities(weights, size)
    n_drawn = min(size, len(weights))
    assert inclusion.sum() == pytest.approx(n_drawn)
    assert (inclusion > 0).all()
    assert (inclusion <= 1).all()
    free = inclusion < 1
    if free.any():  # proportional, and none of the others would be below 1
        ratio = (inclusion / weights)[free]
        np.testing.assert_allclose(ratio, ratio[0])
        assert (ratio[0] * weights[~free] >= 1 - 1e-9).all()
    items = ItemSampler(weights, size, np.random.RandomState(seed)).draw()
    assert len(items) == n_drawn
    assert (np.diff(items) > 0).all()
    assert np.isin(np.flatnonzero(~free), items).all()


def test_items_are_drawn_with_their_probabilities():
    weights = np.array([1.0, 2.0, 3.0, 4.0, 50.0, 5.0])
    sampler = ItemSampler(weights, 3, np.random.RandomState(0))
    n_draws = 20_000
    counts = np.bincount(np.concatenate([sampler.draw() for _ in range(n_draws)]), minlength=6)
    deviation = np.sqrt(n_draws * sampler.inclusion * (1 - sampler.inclusion))
    assert (np.abs(counts - n_draws * sampler.inclusion) <= 5 * deviation).all()
    assert counts[4] == n_draws


# training


@ALL
def test_a_sample_of_all_items_is_the_exact_model(cls, X):
    exact, sampled = (make(cls, n_sampled_items=n).fit(X) for n in (None, 40))
    # the loss reads the same numbers in another order; all items are in each batch, so that rows
    # are updated by the rule of the whole layer
    assert sampled.net_.history[0]["train_loss"] == pytest.approx(
        exact.net_.history[0]["train_loss"], rel=1e-4
    )
    np.testing.assert_allclose(sampled.decision_function(X), exact.decision_function(X), atol=2e-2)


@ALL
def test_taste_beats_popularity_on_unseen_users(cls):
    X = make_interactions(800, 120, 16_000, n_clusters=6, random_state=0).X
    history, targets = split_rows(X[:150])
    scorer = make_ranking_scorer("ndcg@10")
    base = scorer(PopularityRecommender().fit(X[150:]), history, targets)
    est = make(cls, max_epochs=40, hidden_sizes=(), latent_size=16, n_sampled_items=30)
    assert scorer(est.fit(X[150:]), history, targets) > 1.6 * base


@ALL
@pytest.mark.parametrize("optimizer", ["adam", "sgd", torch.optim.Adam])
def test_one_seed_gives_one_model(cls, optimizer, X):
    first, again = (make(cls, optimizer=optimizer).fit(X) for _ in range(2))
    np.testing.assert_array_equal(first.decision_function(X), again.decision_function(X))
    other = make(cls, optimizer=optimizer, n_sampled_items=None).fit(X)
    assert (first.decision_function(X) != other.decision_function(X)).any()


def test_rows_are_updated_by_name_and_where_nothing_reads_gradients(X):
    def optimizer(**parameters):
        return type(make(MultDAERecommender, warm_start=True, **parameters).fit(X).net_.optimizer_)

    assert optimizer() is ROW_WISE[torch.optim.Adam]
    assert optimizer(n_sampled_items=None) is torch.optim.Adam
    assert optimizer(optimizer=torch.optim.Adam) is torch.optim.Adam
    assert optimizer(callbacks=[GradientNormClipping(1.0)]) is torch.optim.Adam


def test_items_that_no_batch_reads_stand_still():
    X = make_interactions(60, 200, 300, random_state=0).X
    est = make(MultDAERecommender, n_sampled_items=2, batch_size=60, max_epochs=1, warm_start=True)
    before = est.fit(X).item_factors_.copy()
    est.fit(X)
    moved = (est.item_factors_ != before).any(axis=1)
    assert moved[np.unique(X.indices)].all()
    assert moved.sum() <= len(np.unique(X.indices)) + 2
    assert not moved.all()


def test_a_warm_start_goes_from_one_loss_to_the_other_and_back(X):
    est = make(MultVAERecommender, n_sampled_items=None, warm_start=True, max_epochs=5).fit(X)
    for n in (12, None, 40):
        est.set_params(n_sampled_items=n).fit(X)
    assert len(est.net_.history) == 20
    losses = est.net_.history[:, "train_loss"]
    assert losses[-1] < losses[0]


def test_a_warm_start_takes_a_new_likelihood(X):
    """The criterion went on with the likelihood of the last fit."""
    est = make(MultDAERecommender, n_sampled_items=None, warm_start=True).fit(X)
    est.set_params(likelihood="gaussian").fit(X)
    fresh = make(MultDAERecommender, n_sampled_items=None, likelihood="gaussian").fit(X)
    late, new = est.net_.history[-1]["train_loss"], fresh.net_.history[-1]["train_loss"]
    assert late < 3 * new  # of the multinomial one it was ten times as large


@ALL
def test_another_likelihood_is_an_error(cls, X):
    with pytest.raises(ValueError, match=r"n_sampled_items must be None unless .*='logistic'"):
        make(cls, likelihood="logistic").fit(X)


@pytest.mark.parametrize("n", [0, -1, 2.5, "all"])
def test_a_bad_number_is_an_error(n, X):
    with pytest.raises(ValueError, match="'n_sampled_items' parameter of MultVAERecommender"):
        make(MultVAERecommender, n_sampled_items=n).fit(X)


def test_early_stopping_and_the_search_for_beta(X):
    est = make(MultVAERecommender, beta="auto", early_stopping=True, max_epochs=4).fit(X)
    assert np.isfinite(est.decision_function(X)).all()
    assert "valid_ndcg@100" in est.net_.history[-1]


def test_empty_rows_are_trained_on_without_harm(X):
    X = X.copy()
    X.data[: X.indptr[3]] = 0
    X.eliminate_zeros()
    est = make(MultVAERecommender).fit(X)
    assert np.isfinite(est.decision_function(X)).all()
