"""The perceptron on two vectors as a classifier and as a ranker."""

import numpy as np
import pytest

from skrec import BPRMFRanker, NCFMLPClassifier, NCFMLPRanker


@pytest.fixture(params=[NCFMLPClassifier, NCFMLPRanker])
def cls(request):
    return request.param


def relu(x):
    return np.maximum(x, 0)


def test_scores_are_those_of_the_perceptron(cls, quick, X):
    est = quick(cls, hidden_sizes=(9, 4)).fit(X)
    w = {k: v.numpy() for k, v in est.net_.module_.interaction.state_dict().items()}
    p, q = est.user_factors_[3], est.item_factors_
    first = relu(q @ w["item_layer.weight"].T + w["user_layer.weight"] @ p + w["item_layer.bias"])
    second = relu(first @ w["tower.layers.0.weight"].T + w["tower.layers.0.bias"])
    expected = second @ w["tower.output.weight"][0] + w.get("tower.output.bias", 0)
    assert [w["item_layer.weight"].shape, w["tower.layers.0.weight"].shape] == [(9, 6), (4, 9)]
    np.testing.assert_allclose(est.decision_function(users=[3])[0], expected, rtol=1e-4, atol=1e-5)


def test_finds_what_is_missing(cls, quick, checkerboard):
    X, missing = checkerboard
    est = quick(cls, hidden_sizes=[16, 8], max_epochs=40).fit(X)
    hits = est.recommend(users=range(len(missing)), n_items=1)[:, 0] == missing
    assert hits.mean() > 0.9


def test_starts_from_vectors(cls, quick, X):
    est = quick(cls, max_epochs=0, pretrain=quick(BPRMFRanker)).fit(X)
    np.testing.assert_array_equal(est.user_factors_, est.pretrained_.user_factors_)
    np.testing.assert_array_equal(est.item_factors_, est.pretrained_.item_factors_)


def test_dropout_changes_training_and_no_answers(cls, quick, X):
    plain = quick(cls, random_state=1).fit(X)
    dropped = quick(cls, random_state=1, dropout=0.5).fit(X)
    assert np.abs(plain.item_factors_ - dropped.item_factors_).max() > 1e-3
    answers = [dropped.decision_function(users=range(9)) for _ in range(2)]
    np.testing.assert_array_equal(*answers)


def test_weight_decay_is_of_the_tower_alone(cls, quick, X):
    free = quick(cls, optimizer="sgd", lr=1e-9).fit(X)
    decayed = quick(cls, optimizer="sgd", lr=1e-9, weight_decay=1e8).fit(X)
    np.testing.assert_allclose(decayed.user_factors_, free.user_factors_, atol=1e-6)
    for name in ("item_layer", "user_layer"):
        before, after = (getattr(e.net_.module_.interaction, name).weight for e in (free, decayed))
        assert (after.abs() <= 0.5 * before.abs()).all()


def test_candidates_are_scored_as_in_full(cls, quick, X):
    est = quick(cls).fit(X)
    candidates = np.random.RandomState(0).randint(60, size=(200, 7))
    full = est.decision_function(users=range(200))
    _, scores = est.recommend(
        users=range(200), candidates=candidates, n_items=1, exclude_seen=False, return_scores=True
    )
    best = np.take_along_axis(full, candidates, axis=1).max(axis=1)
    np.testing.assert_allclose(scores[:, 0], best, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sizes", [(), (4, 0), (4, 2.5), ("a",)])
def test_wrong_hidden_sizes(cls, quick, X, sizes):
    with pytest.raises(ValueError, match="hidden_sizes must be one or more positive integers; got"):
        quick(cls, hidden_sizes=sizes).fit(X)
