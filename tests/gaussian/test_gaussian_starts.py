"""Means that start from trained vectors, and unseen users who are folded in once."""

import numpy as np
import pytest
import scipy.sparse as sp

from skrec import (
    BiasedMFRegressor,
    BPRMFRanker,
    GeRecClassifier,
    GeRecRanker,
    GeRecRegressor,
    MFClassifier,
)
from skrec.training import FoldIn

SMALL = {"n_factors": 6, "n_draws": 3, "n_filters": 8, "hidden_size": 8, "n_samples": 3}
SMALL |= {"batch_size": 256, "random_state": 0, "device": "cpu", "max_epochs": 2}
SMALL |= {"early_stopping": False}
FACTORIZATIONS = {
    GeRecClassifier: MFClassifier(n_factors=6, bias=False),
    GeRecRanker: BPRMFRanker(n_factors=6),
    GeRecRegressor: BiasedMFRegressor(n_factors=6, bias=False),
}
CLASSES = [*FACTORIZATIONS]


@pytest.fixture(params=CLASSES, ids=lambda cls: cls.__name__)
def make(request):
    """Return a function that makes a quick estimator of each class."""
    return lambda **parameters: request.param(**SMALL | parameters)


@pytest.fixture
def data(X, make):
    """Return what a class is fitted on."""
    if not isinstance(make(), GeRecRegressor):
        return X
    rated = X.copy()
    rated.data = (X.indices % 5 + 1).astype(np.float32)
    return rated


def level(est):
    bias = est.net_.module_.interaction.bias
    return getattr(est, "rating_mean_", 0.0) + (0.0 if bias is None else float(bias.detach()))


def test_scores_of_the_twin_are_inner_products_of_means(make, data):
    est = make(n_draws=0, max_epochs=4).fit(data)
    right = est.user_means_ @ est.item_means_.T + level(est)
    scores, std = est.decision_function(users=range(200), return_std=True)
    np.testing.assert_allclose(scores, right, rtol=1e-4, atol=1e-5)
    assert (std == 0).all()
    lists = est.recommend(users=range(200), n_items=60, exclude_seen=False, return_scores=True)
    np.testing.assert_allclose(lists[1], np.sort(right, axis=1)[:, ::-1], rtol=1e-4, atol=1e-5)


def test_only_a_loss_that_knows_the_level_learns_one(make, data):
    bias = make(n_draws=0).fit(data).net_.module_.interaction.bias
    assert (bias is None) == isinstance(make(), GeRecRanker)


def test_training_starts_from_the_means_of_the_twin(make, data):
    est = make(pretrain="twin", pretrain_epochs=3, max_epochs=0, init_variance=0.2).fit(data)
    twin = est.pretrained_
    assert type(twin) is type(est)
    assert (twin.n_draws, twin.max_epochs, twin.pretrain, twin.optimizer) == (0, 3, None, "adam")
    np.testing.assert_array_equal(est.user_means_, twin.user_means_)
    np.testing.assert_array_equal(est.item_means_, twin.item_means_)
    for variances in (est.user_variances_, est.item_variances_):
        assert variances.mean() == pytest.approx(0.2, rel=0.05)
        assert ((variances > 0.09) & (variances < 0.31)).all()


def test_the_twin_is_trained(make, data):
    start, end = (make(n_draws=0, max_epochs=n, lr=0.02).fit(data) for n in (1, 15))
    assert end.net_.history[-1, "train_loss"] < start.net_.history[-1, "train_loss"]


def test_a_product_starts_better_from_the_twin(checkerboard):
    X, missing = checkerboard
    ranks = []
    for pretrain in (None, "twin"):
        est = GeRecRanker(**SMALL, interaction="product", pretrain=pretrain, pretrain_epochs=200)
        est.set_params(max_epochs=30).fit(X)
        scores = est.decision_function(users=range(40))
        scores[X.toarray() > 0] = -np.inf
        best = scores[np.arange(40), missing][:, None]
        ranks.append((scores > best).sum(axis=1).mean())
    assert ranks[1] < 0.7 * ranks[0]


def test_means_start_from_matrix_factorisation(make, data):
    est = make(pretrain="auto", max_epochs=0).fit(data)
    start, expected = est.pretrained_, FACTORIZATIONS[type(est)]
    assert type(start) is type(expected)
    assert start.get_params() == {**expected.get_params(), "random_state": start.random_state}
    np.testing.assert_array_equal(est.user_means_, start.user_factors_)
    np.testing.assert_array_equal(est.item_means_, start.item_factors_)


@pytest.mark.parametrize("pretrain", ["auto", "twin"])
def test_a_twin_has_no_twin(pretrain, data, make):
    est = make(n_draws=0, pretrain=pretrain, max_epochs=1).fit(data)
    assert est.pretrained_ is None


def test_draws_cannot_come_after_a_fit_without(make, data):
    est = make(n_draws=0, warm_start=True).fit(data)
    with pytest.raises(ValueError, match="n_draws must be as in the last fit, 0"):
        est.set_params(n_draws=3).fit(data)


# a network that starts with the inner product


def level_of_output(est):
    bias = est.net_.module_.interaction.output.bias
    return getattr(est, "rating_mean_", 0.0) + (0.0 if bias is None else float(bias.detach()))


@pytest.mark.parametrize("interaction", ["product", "concat+product", "inner"])
def test_a_network_starts_at_the_scores_of_the_twin(interaction, make, data):
    options = {"init_network": "product", "interaction": interaction, "init_variance": 1e-4}
    options |= {"pretrain": "twin", "pretrain_epochs": 8}
    est = make(max_epochs=0, **options).fit(data)
    scores, own = (m.decision_function(users=range(200)) for m in (est, est.pretrained_))
    assert level(est.pretrained_) == level_of_output(est)
    # what is left of the noise falls with the variance, whose floor is 1e-4
    assert np.corrcoef(scores.ravel(), own.ravel())[0, 1] > 0.99
    assert scores.mean() == pytest.approx(own.mean(), abs=0.02)
    est = make(**options).set_params(max_epochs=6).fit(data)
    assert est.net_.history[-1, "train_loss"] < est.net_.history[0, "train_loss"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interaction": "concat"}, 'interaction "product".*; got "concat"'),
        ({"activation": "elu"}, 'activation="relu"; got "elu"'),
        ({"n_filters": 1}, "n_filters and hidden_size of 2 or more; got 1 and 8"),
        ({"hidden_size": (4, 1)}, r"n_filters and hidden_size of 2 or more; got 8 and \(4, 1\)"),
    ],
)
def test_what_holds_no_product_cannot_start_with_one(options, message, make, data):
    options = {"interaction": "product", **options}
    with pytest.raises(ValueError, match=f'init_network="product" must have {message}'):
        make(init_network="product", **options).fit(data)
    start = make(**{"pretrain": "twin", "pretrain_epochs": 1, "max_epochs": 0, **options}).fit(data)
    random = start.set_params(init_network=None).fit(data)
    assert is_same(start, random)


def is_same(est, other):
    scores = (model.decision_function(users=range(20)) for model in (est, other))
    return np.array_equal(*scores)


@pytest.mark.parametrize("interaction", ["product", "concat+product", "inner"])
def test_a_network_starts_with_a_product_where_it_can(interaction, make, data):
    options = {"interaction": interaction, "max_epochs": 0, "pretrain_epochs": 1}
    for pretrain, start in ((None, None), ("twin", "product")):
        own, like, other = (
            make(pretrain=pretrain, init_network=init, **options).fit(data)
            for init in ("auto", start, "product" if start is None else None)
        )
        assert is_same(own, like)
        assert not is_same(own, other)


@pytest.mark.parametrize("cls", [GeRecClassifier, GeRecRanker], ids=lambda cls: cls.__name__)
def test_by_default_the_scores_start_at_those_of_the_vectors(cls, X):
    quick = {name: value for name, value in SMALL.items() if name != "early_stopping"}
    est = cls(**quick, init_variance=1e-4).set_params(max_epochs=0).fit(X)
    scores, own = (m.decision_function(users=range(200)) for m in (est, est.pretrained_))
    assert np.corrcoef(scores.ravel(), own.ravel())[0, 1] > 0.99


# fold-in


@pytest.fixture
def n_folded(monkeypatch):
    """Return the numbers of rows that each call of the folder gets."""
    rows, fold = [], FoldIn.__call__

    def counted(self, model, given):
        rows.append(len(given))
        return fold(self, model, given)

    monkeypatch.setattr(FoldIn, "__call__", counted)
    return rows


def of_each_draw(est, history, of):
    """Return deviations, users folded in anew for each draw."""
    values = est._scores if of == "decision_function" else est._probabilities
    queries = est._queries(history, None)
    return np.std([values(queries, draw).astype(float) for draw in range(est.n_samples)], axis=0)


@pytest.mark.parametrize("of", ["decision_function", "predict_proba"])
def test_draws_fold_unseen_users_in_once(fit, cls, X, of, n_folded):
    est, history = fit(cls), sp.vstack([X[:7], sp.csr_matrix((1, 60))]).tocsr()
    getattr(est, of)(history)  # the link is fitted late
    right = of_each_draw(est, history, of)
    n_folded.clear()
    _, std = getattr(est, of)(history, return_std=True)
    assert n_folded == [8]
    np.testing.assert_allclose(std[:7], right[:7], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("strategy", ["mean", "ucb", "thompson"])
def test_lists_fold_unseen_users_in_once(fit, cls, X, strategy, n_folded):
    est = fit(cls)
    options = {"n_items": 3, "strategy": strategy, "return_std": True}
    shared = est.recommend(X[:5], candidates=np.arange(40), **options)
    assert n_folded == [5]
    own = est.recommend(X[:5], candidates=np.tile(np.arange(40), (5, 1)), **options)
    assert n_folded == [5, 5]
    np.testing.assert_array_equal(shared[0], own[0])


def test_two_stages_fold_unseen_users_in_once(fit, drawn_cls, X, n_folded):
    est = fit(drawn_cls).set_params(n_candidates=10)
    try:
        est.recommend(X[:5], n_items=3)
    finally:
        est.set_params(n_candidates=None)
    assert n_folded == [5]


def test_known_users_are_not_folded_in(fit, cls, n_folded):
    fit(cls).decision_function(users=[1, 2], return_std=True)
    assert not n_folded
