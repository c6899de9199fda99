"""GMF as a classifier and as a ranker."""

import numpy as np
import pytest
from scipy.special import logit
from sklearn.frozen import FrozenEstimator

from skrec import BPRMFRanker, GMFClassifier, GMFRanker, MFClassifier
from skrec.calibration import sampling_log_odds


@pytest.fixture(params=[GMFClassifier, GMFRanker])
def cls(request):
    return request.param


def test_scores_are_weighted_products(cls, quick, X):
    est = quick(cls).fit(X)
    module = est.net_.module_.interaction
    h = module.weight.detach().numpy()
    expected = (est.user_factors_ * h) @ est.item_factors_.T
    if cls is GMFClassifier:
        expected = expected + module.bias.item()
    assert np.ptp(h) > 0.01
    np.testing.assert_allclose(
        est.decision_function(users=range(len(expected))), expected, rtol=1e-4, atol=1e-5
    )


def test_only_the_classifier_has_a_bias(quick, X):
    assert quick(GMFRanker).fit(X).net_.module_.interaction.bias is None
    assert abs(quick(GMFClassifier).fit(X).net_.module_.interaction.bias.item()) > 1e-3


def test_its_own_number_of_negatives():
    assert (GMFClassifier().n_negatives, GMFRanker().n_negatives) == (4, 1)


def test_finds_what_is_missing(cls, quick, checkerboard):
    X, missing = checkerboard
    est = quick(cls, max_epochs=15).fit(X)
    np.testing.assert_array_equal(
        est.recommend(users=range(len(missing)), n_items=1)[:, 0], missing
    )


def test_probabilities_undo_sampling(quick, X):
    est = quick(GMFClassifier).fit(X)
    odds = sampling_log_odds(est.interactions_, 4, est.negative_probabilities_)
    logits = est.decision_function(users=range(200)) + odds
    found = logit(est.predict_proba(users=range(200)).astype(float))
    offset = np.interp(
        np.log1p(np.diff(est.interactions_.indptr)), est.link_.knots_, est.link_.offsets_
    )
    np.testing.assert_allclose(found, est.link_.slope_ * logits + offset[:, None], atol=1e-3)


def test_weight_decay_is_of_the_weights_alone(cls, quick, X):
    free = quick(cls, optimizer="sgd", lr=1e-9).fit(X)
    decayed = quick(cls, optimizer="sgd", lr=1e-9, weight_decay=1e8).fit(X)
    weights = [est.net_.module_.interaction.weight.detach().numpy() for est in (free, decayed)]
    assert (weights[1] < 0.5 * weights[0]).all()
    np.testing.assert_allclose(decayed.item_factors_, free.item_factors_, atol=1e-6)


@pytest.mark.parametrize("source", [BPRMFRanker, MFClassifier])
def test_it_starts_as_matrix_factorisation(cls, quick, X, source):
    options = {"bias": False} if source is MFClassifier else {}
    est = quick(cls, max_epochs=0, pretrain=quick(source, **options)).fit(X)
    expected = est.pretrained_.decision_function(users=range(50))
    assert expected.std() > 0.05
    np.testing.assert_allclose(est.decision_function(users=range(50)), expected, atol=1e-5)


def test_training_helps_a_frozen_start(quick, X):
    start = FrozenEstimator(quick(BPRMFRanker, max_epochs=2).fit(X))
    alone = start.score(X)
    assert quick(GMFRanker, pretrain=start, max_epochs=30).fit(X).score(X) > alone


def test_biases_do_not_fit(quick, X):
    with pytest.raises(ValueError, match=r"user_factors_ of shape \(200, 6\); got \(200, 7\)"):
        quick(GMFClassifier, pretrain=quick(MFClassifier)).fit(X)
