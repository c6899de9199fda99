"""The learnt prior beside posteriors: numbers and plot."""

import sys

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.exceptions import NotFittedError

from skrec import MultVAERecommender, VampVAERecommender
from skrec.datasets import make_interactions
from skrec.inspection import PriorDisplay, prior_components

SMALL = {"hidden_sizes": (), "latent_size": 5, "n_pseudo_inputs": 9, "max_epochs": 20, "lr": 0.01}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def X():
    return make_interactions(120, 30, 1500, n_clusters=3, random_state=0).X


@pytest.fixture(scope="module", params=[False, True], ids=["vamp", "hvamp"])
def est(request, X):
    est = VampVAERecommender(hierarchical=request.param, random_state=0, device="cpu", **SMALL)
    return est.fit(X)


def test_shares_are_of_the_users_nearest_by_density(est, X):
    result = prior_components(est)
    means, _ = est.posterior(X)
    std = np.exp(est.prior_log_variances_ / 2)
    densities = [norm.logpdf(means, m, s).sum(axis=1) for m, s in zip(est.prior_means_, std)]
    expected = np.argmax(densities, axis=0)
    np.testing.assert_array_equal(result.component, expected)
    shares = result.table["share"]
    assert sorted(shares.index) == list(range(9))
    assert (np.diff(shares) <= 0).all()
    for component, share in shares.items():
        assert share == pytest.approx(np.mean(expected == component))


def test_points_lie_on_principal_axes_of_the_posteriors(est, X):
    result = prior_components(est)
    means, _ = est.posterior(X)
    centred = means - means.mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ axes[:2].T
    np.testing.assert_allclose(np.abs(result.posterior), np.abs(expected), atol=1e-3)
    part = singular**2 / (singular**2).sum()
    np.testing.assert_allclose(result.explained, part[:2], rtol=1e-3)
    order = result.table.index.to_numpy()
    expected = (est.prior_means_[order] - means.mean(axis=0)) @ axes[:2].T
    np.testing.assert_allclose(np.abs(result.prior), np.abs(expected), atol=1e-3)
    variance = np.exp(est.prior_log_variances_[order]) @ (axes[:2].T ** 2)
    np.testing.assert_allclose(result.deviation, np.sqrt(variance), rtol=1e-3)


def test_items_are_what_the_component_decodes_to(est, X):
    plain = prior_components(est, n_items=4).table["items"]
    expected = np.argsort(-est.prior_scores_, axis=1)[:, :4]
    for component, items in plain.items():
        assert items == expected[component].tolist()
    popularity = np.log(np.asarray(X.sum(axis=0)).ravel() + 1)
    rare = prior_components(est, n_items=4, popularity_discount=1.0).table["items"]
    mean = [np.mean([popularity[items].mean() for items in table]) for table in (plain, rare)]
    assert mean[1] < mean[0]


def test_scores_of_the_prior_are_decoded_means(X):
    est = VampVAERecommender(random_state=0, device="cpu", **SMALL).fit(X)
    module = est.net_.module_
    weight, bias = module.last.weight.detach().numpy(), module.last.bias.detach().numpy()
    np.testing.assert_allclose(
        est.prior_scores_, est.prior_means_ @ weight.T + bias, rtol=1e-4, atol=1e-5
    )


def test_other_users_by_row_and_by_history(est, X):
    by_row, by_history = prior_components(est, users=[3, 5, 8]), prior_components(est, X[[3, 5, 8]])
    np.testing.assert_allclose(by_row.posterior, by_history.posterior, atol=1e-4)
    assert by_row.posterior.shape == (3, 2)


def test_posterior_does_not_depend_on_other_rows(est, X):
    means, log_variances = est.posterior(X)
    assert means.shape == log_variances.shape == (120, 5)
    some = est.posterior(users=[7, 2])
    np.testing.assert_allclose(some[0], means[[7, 2]], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(some[1], log_variances[[7, 2]], rtol=1e-3, atol=1e-5)


def test_models_without_a_learnt_prior_are_errors(X):
    est = MultVAERecommender(hidden_sizes=(), latent_size=4, max_epochs=1, device="cpu")
    with pytest.raises(ValueError, match=r"must have a learnt prior.*got MultVAERecommender"):
        prior_components(est.fit(X))
    with pytest.raises(NotFittedError):
        prior_components(VampVAERecommender())
    flat = VampVAERecommender(**{**SMALL, "latent_size": 1, "max_epochs": 1}, device="cpu")
    with pytest.raises(ValueError, match="latent_size must be 2 or more to draw; got 1"):
        prior_components(flat.fit(X))


# the plot


@pytest.fixture
def plt():
    plt = pytest.importorskip("matplotlib.pyplot", reason="the displays need matplotlib")
    yield plt
    plt.close("all")


def test_points_are_users_and_components(est, plt):
    display = PriorDisplay.from_estimator(est, n_labels=3)
    result = prior_components(est, n_items=3)
    np.testing.assert_allclose(display.posterior_.get_offsets(), result.posterior, atol=1e-4)
    np.testing.assert_allclose(display.prior_.get_offsets(), result.prior, atol=1e-4)
    assert (np.diff(display.prior_.get_sizes()) <= 0).all()
    assert 1 <= len(display.texts_) <= 3
    assert display.texts_[0].get_text() == "\n".join(map(str, result.table["items"].iloc[0]))
    assert "of the variance" in display.ax_.get_xlabel()


def test_items_go_by_name_on_given_axes(est, plt):
    names = np.array([f"film {i}" for i in range(30)])
    _, ax = plt.subplots()
    display = PriorDisplay.from_estimator(est, item_names=names, n_items=2, ax=ax, alpha=0.2)
    assert display.ax_ is ax
    first = display.result.table["items"].iloc[0]
    assert display.texts_[0].get_text() == f"film {first[0]}\nfilm {first[1]}"
    assert display.prior_.get_alpha() == 0.2


def test_names_do_not_lie_on_each_other(est, plt):
    display = PriorDisplay.from_estimator(est, n_labels=9)
    places = np.array([text.xy for text in display.texts_])
    assert len(np.unique(places, axis=0)) == len(places)
    none = PriorDisplay.from_estimator(est, n_labels=0)
    assert none.texts_ == []


def test_without_matplotlib_the_error_says_how_to_get_it(est, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"PriorDisplay.plot needs matplotlib: pip install"):
        PriorDisplay.from_estimator(est)
