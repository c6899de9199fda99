"""The perceptron on the product of two vectors."""

import numpy as np
import pytest

from skrec import BPRMFRanker, JRLRanker


def relu(x):
    return np.maximum(x, 0)


def test_scores_are_those_of_the_perceptron(quick, X):
    # of four hidden units all may die: no user's scores then depend on the item
    est = quick(JRLRanker, hidden_sizes=(16, 8), pretrain=None).fit(X)
    w = {k: v.numpy() for k, v in est.net_.module_.interaction.state_dict().items()}
    first = relu((est.user_factors_[3] * est.item_factors_) @ w["first.weight"].T + w["first.bias"])
    second = relu(first @ w["tower.layers.0.weight"].T + w["tower.layers.0.bias"])
    expected = second @ w["tower.output.weight"][0]
    assert expected.std() > 1e-3
    np.testing.assert_allclose(est.decision_function(users=[3])[0], expected, 1e-4, 1e-5)


def test_finds_what_is_missing(quick, checkerboard):
    X, missing = checkerboard
    est = quick(JRLRanker, hidden_sizes=(16, 8), max_epochs=15, pretrain=None).fit(X)
    hits = est.recommend(users=range(len(missing)), n_items=1)[:, 0] == missing
    assert hits.mean() > 0.9


def test_starts_from_vectors(quick, X):
    est = quick(JRLRanker, max_epochs=0, pretrain=quick(BPRMFRanker)).fit(X)
    np.testing.assert_array_equal(est.user_factors_, est.pretrained_.user_factors_)
    np.testing.assert_array_equal(est.item_factors_, est.pretrained_.item_factors_)


def test_vectors_of_matrix_factorisation_help(quick, X):
    options = {"n_factors": 8, "max_epochs": 3, "init_std": 0.01, "hidden_sizes": (16,)}
    alone = quick(JRLRanker, **options, pretrain=None).fit(X).score(X)
    start = quick(BPRMFRanker, n_factors=8, max_epochs=30)
    assert quick(JRLRanker, **options, pretrain=start).fit(X).score(X) > alone


def test_wrong_hidden_sizes(quick, X):
    with pytest.raises(ValueError, match="hidden_sizes must be one or more positive integers; got"):
        quick(JRLRanker, hidden_sizes=()).fit(X)


def test_a_perceptron_may_start_with_the_inner_product(quick, X):
    options = {"hidden_sizes": (16, 8), "init_network": "product", "pretrain": quick(BPRMFRanker)}
    est = quick(JRLRanker, max_epochs=0, **options).fit(X)
    right = est.user_factors_ @ est.item_factors_.T
    np.testing.assert_allclose(est.decision_function(users=range(len(right))), right, 1e-4, 1e-5)
    est = quick(JRLRanker, max_epochs=5, **options).fit(X)
    assert est.net_.history[-1, "train_loss"] < est.net_.history[0, "train_loss"]
    with pytest.raises(ValueError, match=r"must have hidden_sizes of 2 or more; got \(4, 1\)"):
        quick(JRLRanker, hidden_sizes=(4, 1), init_network="product").fit(X)


def test_a_perceptron_starts_with_the_product_of_what_it_starts_from(quick, X):
    sizes = {"hidden_sizes": (16, 8), "max_epochs": 0}
    est = quick(JRLRanker, **sizes).fit(X)
    scores, own = (m.decision_function(users=range(20)) for m in (est, est.pretrained_))
    np.testing.assert_allclose(scores, own, 1e-4, 1e-5)
    for options in ({"pretrain": None}, {"hidden_sizes": (4, 1)}):
        est = quick(JRLRanker, **sizes | options)
        scores = est.fit(X).decision_function(users=range(20))
        np.testing.assert_array_equal(
            scores, est.set_params(init_network=None).fit(X).decision_function(users=range(20))
        )
