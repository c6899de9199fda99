"""What models of neural collaborative filtering start from, if they are not told."""

import numpy as np
import pytest

from skrec import (
    BiasedMFRegressor,
    BPRMFRanker,
    DeepCFClassifier,
    GMFClassifier,
    GMFRanker,
    JRLRanker,
    MFClassifier,
    NCFMLPClassifier,
    NCFMLPRanker,
    NCFMLPRegressor,
    NeuMFClassifier,
    NeuMFRanker,
    NeuMFRegressor,
)


@pytest.mark.parametrize(
    ("cls", "factorisation"),
    [
        (GMFRanker, BPRMFRanker()),
        (GMFClassifier, MFClassifier(bias=False)),
        (JRLRanker, BPRMFRanker()),
        (NCFMLPRanker, BPRMFRanker()),
        (NCFMLPClassifier, MFClassifier(bias=False)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_vectors_start_from_matrix_factorisation(cls, factorisation, quick, X):
    est = quick(cls, max_epochs=0).fit(X)
    own = {"n_factors": 6, "random_state": est.pretrained_.random_state}
    assert own["random_state"] is not None
    assert type(est.pretrained_) is type(factorisation)
    assert est.pretrained_.get_params() == {**factorisation.get_params(), **own}
    np.testing.assert_array_equal(est.user_factors_, est.pretrained_.user_factors_)
    np.testing.assert_array_equal(est.item_factors_, est.pretrained_.item_factors_)


@pytest.mark.parametrize("widths", [(6, 6), (6, 4)])
@pytest.mark.parametrize(
    ("cls", "factorisation"),
    [
        (NeuMFClassifier, MFClassifier),
        (NeuMFRanker, BPRMFRanker),
        (NeuMFRegressor, BiasedMFRegressor),
    ],
)
def test_neumf_starts_from_vectors_of_both_widths(cls, factorisation, widths, quick, X):
    ratings = X.copy()
    ratings.data = X.indices % 5 + 1.0 if cls is NeuMFRegressor else X.data
    est = quick(cls, pretrain="auto", mlp_factors=widths[1], max_epochs=0).fit(ratings)
    starts = est.pretrained_ if isinstance(est.pretrained_, tuple) else (est.pretrained_,) * 2
    assert {type(start) for start in starts} == {factorisation}
    assert not any(start.bias for start in starts if hasattr(start, "bias"))
    assert (starts[0] is starts[1]) == (widths[0] == widths[1])
    for name in ("user_factors_", "item_factors_"):
        parts = [getattr(start, name) for start in starts]
        assert [part.shape[1] for part in parts] == [*widths]
        np.testing.assert_array_equal(getattr(est, name), np.hstack(parts))


@pytest.mark.parametrize(
    ("cls", "halves"),
    [
        (NeuMFClassifier, (GMFClassifier, NCFMLPClassifier)),
        (NeuMFRanker, (GMFRanker, NCFMLPRanker)),
    ],
)
def test_neumf_starts_from_its_halves_that_start_at_random(cls, halves, quick, X):
    est = quick(cls, pretrain="halves", max_epochs=0, pretrain_epochs=2).fit(X)
    assert tuple(type(half) for half in est.pretrained_) == halves
    for half in est.pretrained_:
        assert half.max_epochs == 2
        assert half.pretrained_ is None
    scores, *own = (m.decision_function(users=range(20)) for m in (est, *est.pretrained_))
    np.testing.assert_allclose(scores, sum(own) / 2, rtol=1e-4, atol=1e-5)


def test_deep_cf_starts_from_its_halves_that_start_at_random(X):
    options = {"representation_sizes": (16, 8), "matching_sizes": (8,), "random_state": 0}
    est = DeepCFClassifier(**options, max_epochs=0, pretrain_epochs=2, device="cpu").fit(X)
    assert [half.parts for half in est.pretrained_] == ["representation", "matching"]
    assert [half.pretrained_ for half in est.pretrained_] == [None, None]
    alone = DeepCFClassifier(**options, max_epochs=0, parts="matching", device="cpu").fit(X)
    assert alone.pretrain == "auto"
    assert alone.pretrained_ is None


@pytest.mark.parametrize("cls", [NCFMLPRegressor, NeuMFRegressor])
def test_models_of_ratings_start_at_random(cls, quick, X):
    ratings = X.copy()
    ratings.data = X.indices % 5 + 1.0
    assert quick(cls, max_epochs=0).fit(ratings).pretrained_ is None
