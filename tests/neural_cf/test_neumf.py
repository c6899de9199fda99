"""NeuMF as a classifier and as a ranker, and how it starts from its parts."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from skrec import (
    BPRMFRanker,
    GMFClassifier,
    GMFRanker,
    NCFMLPClassifier,
    NCFMLPRanker,
    NeuMFClassifier,
    NeuMFRanker,
)
from skrec.model_selection import StrongGeneralization

TWINS = {NeuMFClassifier: (GMFClassifier, NCFMLPClassifier), NeuMFRanker: (GMFRanker, NCFMLPRanker)}
SIZES = {"n_factors": 6, "mlp_factors": 4, "hidden_sizes": (8, 3)}


@pytest.fixture(params=[NeuMFClassifier, NeuMFRanker])
def cls(request):
    return request.param


@pytest.fixture
def pair(cls, quick):
    """Return a GMF and a perceptron that fit."""
    gmf, mlp = TWINS[cls]
    return quick(gmf), quick(mlp, n_factors=4, hidden_sizes=(8, 3), random_state=1)


def scores_of(est):
    return est.decision_function(users=range(40))


def blended(est, alpha):
    return alpha * scores_of(est.pretrained_[0]) + (1 - alpha) * scores_of(est.pretrained_[1])


def test_scores_are_the_sum_of_both_parts(cls, quick, X):
    est = quick(cls, **SIZES).fit(X)
    module = est.net_.module_.interaction
    w = {k: v.numpy() for k, v in module.mlp.state_dict().items()}
    p, q = est.user_factors_[3], est.item_factors_
    joined = np.hstack([np.tile(p[6:], (len(q), 1)), q[:, 6:]])
    phi = joined @ np.hstack([w["user_layer.weight"], w["item_layer.weight"]]).T
    phi = np.maximum(phi + w["item_layer.bias"], 0)
    phi = np.maximum(phi @ w["tower.layers.0.weight"].T + w["tower.layers.0.bias"], 0)
    last = np.hstack([p[:6] * q[:, :6], phi])
    h = np.concatenate([module.gmf.weight.detach().numpy(), w["tower.output.weight"][0]])
    expected = last @ h + w.get("tower.output.bias", 0)
    np.testing.assert_allclose(est.decision_function(users=[3])[0], expected, 1e-4, 1e-5)


def test_widths_of_the_vectors(quick, X):
    est = quick(NeuMFRanker, max_epochs=0, mlp_factors=3).fit(X)
    assert (est.user_factors_.shape, est.item_factors_.shape) == ((200, 9), (60, 9))
    assert quick(NeuMFRanker, max_epochs=0).fit(X).item_factors_.shape == (60, 12)


def test_finds_what_is_missing(cls, quick, checkerboard):
    X, missing = checkerboard
    est = quick(cls, pretrain="halves", max_epochs=15).fit(X)
    hits = est.recommend(users=range(len(missing)), n_items=1)[:, 0] == missing
    assert hits.mean() > 0.9


@pytest.mark.parametrize("alpha", [0.5, 0.2])
def test_it_starts_as_the_blend_of_its_twins(cls, quick, X, alpha):
    options = {"pretrain": "halves", "pretrain_epochs": 2, "pretrain_alpha": alpha}
    est = quick(cls, **SIZES, **options, max_epochs=0).fit(X)
    assert tuple(type(e) for e in est.pretrained_) == TWINS[cls]
    assert [len(e.net_.history) for e in est.pretrained_] == [2, 2]
    expected = blended(est, alpha)
    assert expected.std() > 0.01
    np.testing.assert_allclose(scores_of(est), expected, rtol=1e-4, atol=1e-5)
    vectors = [e.item_factors_ for e in est.pretrained_]
    np.testing.assert_array_equal(est.item_factors_, np.hstack(vectors))


def test_twins_have_its_parameters(cls, quick, X):
    est = quick(cls, **SIZES, pretrain="halves", dropout=0.1, l2=0.02, max_epochs=1).fit(X)
    gmf, mlp = est.pretrained_
    assert (gmf.n_factors, mlp.n_factors, mlp.hidden_sizes) == (6, 4, (8, 3))
    assert (gmf.l2, mlp.l2, mlp.dropout, gmf.max_epochs, mlp.max_epochs) == (0.02, 0.02, 0.1, 1, 1)
    assert gmf.random_state != mlp.random_state


def test_it_starts_as_the_blend_of_a_pair(cls, quick, X, pair):
    est = quick(cls, **SIZES, pretrain=pair, max_epochs=0).fit(X)
    np.testing.assert_allclose(scores_of(est), blended(est, 0.5), rtol=1e-4, atol=1e-5)
    assert not hasattr(pair[0], "net_")


def test_frozen_pairs_stay_as_they_are(cls, quick, X, pair):
    frozen = tuple(FrozenEstimator(e.fit(X)) for e in pair)
    before = [scores_of(e) for e in pair]
    est = quick(cls, **SIZES, pretrain=frozen, optimizer="sgd").fit(X)
    assert est.pretrained_[1].estimator is pair[1]
    np.testing.assert_array_equal([scores_of(e) for e in pair], before)


def test_a_pair_of_the_other_kind_fits_too(cls, quick, X):
    other = next(classes for known, classes in TWINS.items() if known is not cls)
    pair = tuple(quick(kind) for kind in other)
    est = quick(cls, pretrain=pair, max_epochs=0).fit(X)
    expected = blended(est, 0.5)
    shift = (expected - scores_of(est)).mean() if cls is NeuMFRanker else 0  # it has no bias
    np.testing.assert_allclose(scores_of(est) + shift, expected, rtol=1e-3, atol=1e-5)


def test_one_estimator_gives_the_vectors_of_both_parts(cls, quick, X):
    est = quick(cls, pretrain=quick(BPRMFRanker), max_epochs=0).fit(X)
    np.testing.assert_array_equal(est.item_factors_, np.tile(est.pretrained_.item_factors_, 2))
    np.testing.assert_array_equal(est.user_factors_, np.tile(est.pretrained_.user_factors_, 2))


def test_pairs_can_be_searched(quick, X):
    kinds, random = (GMFRanker, NCFMLPRanker), {"pretrain": None}
    pairs = [tuple(quick(kind, max_epochs=n, **random) for kind in kinds) for n in (0, 15)]
    cv = StrongGeneralization(50, random_state=0)
    search = GridSearchCV(quick(NeuMFRanker, max_epochs=0), {"pretrain": pairs}, cv=cv).fit(X)
    assert search.best_index_ == 1


def test_wrong_widths(quick, X):
    pair = quick(GMFRanker, n_factors=5), quick(NCFMLPRanker)
    with pytest.raises(ValueError, match=r"user_factors_ of shape \(200, 6\); got \(200, 5\)"):
        quick(NeuMFRanker, pretrain=pair).fit(X)
    with pytest.raises(ValueError, match=r"user_factors_ of shape \(200, 4\); got \(200, 6\)"):
        quick(NeuMFRanker, pretrain=quick(BPRMFRanker), mlp_factors=4).fit(X)


def test_wrong_pairs(quick, X):
    match = "pretrain must be a GMF and a perceptron when a pair; got"
    gmf, mlp = quick(GMFRanker), quick(NCFMLPRanker)
    for wrong in ((mlp, gmf), (gmf, quick(BPRMFRanker)), (gmf,), (gmf, mlp, mlp), ()):
        with pytest.raises(ValueError, match=match):
            quick(NeuMFRanker, pretrain=wrong).fit(X)
    with pytest.raises(TypeError, match="pretrain must be an estimator, or a pair of them; got 3"):
        quick(NeuMFRanker, pretrain=(gmf, 3)).fit(X)


def test_wrong_hidden_sizes_of_a_pair(quick, X):
    pair = quick(GMFRanker), quick(NCFMLPRanker, hidden_sizes=(4,))
    match = r"pretrain must have a perceptron of hidden_sizes \(64, 32, 16\); got \(4,\)"
    with pytest.raises(ValueError, match=match):
        quick(NeuMFRanker, pretrain=pair).fit(X)
