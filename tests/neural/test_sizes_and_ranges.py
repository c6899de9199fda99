"""Parameters at the edges: NumPy's numbers, sizes, memory, and what ends in no number."""

import inspect

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from skrec import (
    AutoRecRegressor,
    BiasedMFRegressor,
    BPRMFRanker,
    ConvNCFRanker,
    CrossFeedbackBMF,
    DeepCFClassifier,
    GERRanker,
    GMFRegressor,
    MFClassifier,
    MultDAERecommender,
    NCFMLPClassifier,
    VAERegressor,
    WMFRecommender,
)
from skrec.exceptions import DivergenceError
from skrec.testing import all_estimators, make_estimator
from skrec.testing._data import quick, tiny

NETS = [cls for _, cls in all_estimators() if "callbacks" in inspect.signature(cls).parameters]
TORCH = [cls for _, cls in all_estimators() if "device" in inspect.signature(cls).parameters]


@pytest.fixture
def R(X):
    X.data = X.indices % 5 + 1.0
    return X


def small(cls, **parameters):
    names = set(cls().get_params())
    own = {"n_factors": 4, "latent_size": 4, "max_epochs": 2, "device": "cpu", "random_state": 0}
    own |= {"lr_decay": None, "early_stopping": False}
    own |= {"solver": "torch"} if issubclass(cls, MFClassifier | BPRMFRanker) else {}
    return cls(**{k: v for k, v in own.items() if k in names} | parameters)


# NumPy's numbers


@pytest.mark.parametrize("cls", TORCH, ids=lambda cls: cls.__name__)
def test_small_numbers_of_numpy_train_as_pythons_do(cls):
    plain = quick(make_estimator(cls), max_epochs=2)
    given = {}
    for name, value in plain.get_params(deep=False).items():
        if type(value) is int and 0 <= value < 128:
            given[name] = np.int8(value)
        elif type(value) is float:
            given[name] = np.longdouble(value)
    assert given
    X = tiny(plain)
    one, other = plain.fit(X), quick(make_estimator(cls), max_epochs=2).set_params(**given).fit(X)
    assert_array_equal(one.decision_function(X), other.decision_function(X))
    assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert all(other.get_params(deep=False)[name] is value for name, value in given.items())
    if one.__sklearn_tags__().probabilistic:
        for a, b in zip(*(e.predict_proba(X, return_std=True) for e in (one, other)), strict=True):
            assert_array_equal(a, b)


@pytest.mark.parametrize("cls", [MFClassifier, GERRanker, BiasedMFRegressor])
def test_a_batch_of_a_small_integer_is_a_batch(cls, R):
    one, other = (small(cls, batch_size=n).fit(R) for n in (100, np.int8(100)))
    assert_array_equal(one.item_factors_, other.item_factors_)


@pytest.mark.parametrize("name", ["batch_size", "max_epochs", "patience", "lr", "weight_decay"])
def test_a_number_is_no_boolean(name, X):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        small(MFClassifier, **{name: True}).fit(X)


# widths of layers


@pytest.mark.parametrize("sizes", [(True, 8), (np.True_,), (8.0,), (0,), (-3,), [[8], [4]], ("8",)])
@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (MultDAERecommender, "hidden_sizes"),
        (NCFMLPClassifier, "hidden_sizes"),
        (CrossFeedbackBMF, "head_sizes"),
        (DeepCFClassifier, "matching_sizes"),
    ],
)
def test_widths_are_positive_integers(cls, name, sizes, R):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        small(cls, **{name: sizes}).fit(R)


@pytest.mark.parametrize(
    "confidence",
    [(1,), (1, 0.5, 0.1), (True, False), ("a", "b"), (None, 0.1), (0.1, 1.0), [[1], [2]]],
)
def test_confidence_is_a_pair_of_numbers(confidence, X):
    with pytest.raises(ValueError, match=r"^confidence must be c1 > c0 >= 0; got"):
        small(MultDAERecommender, likelihood="gaussian", confidence=confidence).fit(X)


# memory


@pytest.mark.parametrize(
    ("cls", "parameter"),
    [
        (MultDAERecommender, {"latent_size": 10**9}),
        (MultDAERecommender, {"hidden_sizes": (10**10,)}),
        (MultDAERecommender, {"latent_size": 10**30}),
        (MFClassifier, {"n_factors": 10**9}),
        (MFClassifier, {"n_factors": 2**63}),
        (MFClassifier, {"n_negatives": 10**9}),
        (BPRMFRanker, {"validation_candidates": 10**9, "early_stopping": True}),
        (GERRanker, {"n_factors": 10**9}),
        (NCFMLPClassifier, {"hidden_sizes": (10**11,)}),
        (BiasedMFRegressor, {"n_factors": 10**9}),
        (ConvNCFRanker, {"n_feature_maps": 10**9}),
        (AutoRecRegressor, {"latent_size": 10**9}),
        (CrossFeedbackBMF, {"n_factors": 10**9}),
        (WMFRecommender, {"n_factors": 10**9}),
    ],
)
def test_what_the_machine_cannot_hold_is_named_with_its_bytes(cls, parameter, R):
    name = next(iter(parameter))
    with pytest.raises(
        MemoryError, match=rf"^{name}=.* needs at least .* this machine has .*choose"
    ):
        small(cls, **parameter).fit(R)


def test_large_models_that_fit_are_let_through(X):
    # so wide that it is looked at more closely: its square would be more than a machine has
    est = small(MultDAERecommender, latent_size=200_000, hidden_sizes=(), max_epochs=0).fit(X)
    assert est.item_factors_.shape == (60, 200_000)


@pytest.mark.parametrize("cls", NETS, ids=lambda cls: cls.__name__)
def test_the_weights_of_a_model_are_counted_without_memory(cls, monkeypatch):
    shapes = []

    def count(estimator, make):
        with torch.device("meta"):
            (module,) = make()
        assert all(weight.is_meta for weight in module.parameters())
        shapes.append([weight.shape for weight in module.parameters()])

    monkeypatch.setattr("skrec.neural._base.check_model_memory", count)
    est = quick(make_estimator(cls), max_epochs=1)
    est.fit(tiny(est))
    assert shapes[-1] == [weight.shape for weight in est.net_.module_.parameters()]


@pytest.mark.parametrize("size", [10**12, 10**30])
def test_a_batch_may_be_larger_than_the_data(size, X):
    one, other = (small(MFClassifier, batch_size=n, patience=n).fit(X) for n in (X.nnz, size))
    assert_array_equal(one.item_factors_, other.item_factors_)


@pytest.mark.parametrize("power", [1e3, 1e30])
def test_a_power_under_which_items_vanish_is_an_error(power, X):
    with pytest.raises(ValueError, match=r"^negative_power must be so small"):
        small(BPRMFRanker, negative_power=power).fit(X)


# what ends in no number


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (MultDAERecommender, "lr"),
        (MFClassifier, "init_std"),
        (GERRanker, "init_variance"),
        (BiasedMFRegressor, "l2"),
        (VAERegressor, "beta"),
        (CrossFeedbackBMF, "beta_user"),
        (WMFRecommender, "alpha"),
    ],
)
def test_a_number_that_float32_cannot_hold_is_named(cls, name, R):
    with pytest.raises(ValueError, match=rf"^{name} must lie in the range of float32.*1e\+300"):
        small(cls, **{name: 1e300}).fit(R)


@pytest.mark.parametrize("name", ["lr", "init_std"])
@pytest.mark.parametrize("cls", [MFClassifier, BiasedMFRegressor, GERRanker])
def test_a_parameter_that_is_the_cause_is_named(cls, name, R):
    start = {"pretrain": None} if cls is GERRanker else {}  # or its means start from others
    est = small(cls, **{name: 1e30}, **start, max_epochs=5)
    with pytest.raises(DivergenceError, match=rf"the cause is likely {name}=1e\+30, far beyond"):
        est.fit(R)


@pytest.mark.parametrize(
    "cls", [BiasedMFRegressor, GMFRegressor, VAERegressor, AutoRecRegressor, CrossFeedbackBMF]
)
def test_data_that_are_the_cause_are_named(cls, R):
    R.data[3] = 1e30
    with pytest.raises(DivergenceError, match=r"the cause is likely X, .* up to 1e\+30: scale"):
        small(cls).fit(R)


def test_a_rate_that_is_too_large_is_still_the_first_guess(X):
    with pytest.raises(DivergenceError, match=r"with lr=1000; a smaller lr usually helps"):
        small(GERRanker, lr=1e3, optimizer="sgd", max_epochs=50, init_variance=1e-4).fit(X)


class Wild(BPRMFRanker):
    """Starts with weights whose products overflow."""

    def _model(self, n_users, n_items):
        model = super()._model(n_users, n_items)
        model.items.weight.data.fill_(1e30)
        return model


def test_a_rate_is_no_cause_before_the_first_update(X):
    with pytest.raises(DivergenceError, match=r"lr is not the cause: weights start .* 1e\+30"):
        small(Wild, l2=0.1).fit(X)


@pytest.mark.parametrize("cls", [MultDAERecommender, MFClassifier, VAERegressor])
def test_weights_that_the_last_update_spoils_are_an_error(cls, R):
    # the loss is looked at before the update, so that no later one tells
    with pytest.raises(DivergenceError, match="not finite"):
        small(cls, lr=3e38, max_epochs=1, batch_size=10**6).fit(R)


class Spoiling(MFClassifier):
    """Ends its training with weights whose products overflow."""

    def _finish(self, batches, rng):
        super()._finish(batches, rng)
        self._module.items.weight.data.fill_(1e30)
        self._module.users.free.weight.data.fill_(1e30)


def test_scores_that_are_not_finite_are_an_error(X):
    with pytest.raises(DivergenceError, match="scores that are not finite"):
        small(Spoiling).fit(X)


def test_systems_that_cannot_be_solved_name_their_cause(X):
    with pytest.raises(ValueError, match=r"likely init_std=1e\+30"):
        small(WMFRecommender, init_std=1e30).fit(X)
    X.data[0] = 1e30
    with pytest.raises(ValueError, match=r"likely X, which holds values up to 1e\+30"):
        small(WMFRecommender, weighting="confidence").fit(X)


@pytest.mark.parametrize("kind", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("cls", [MultDAERecommender, MFClassifier, BiasedMFRegressor, GERRanker])
def test_values_that_are_no_numbers_are_named_at_every_door(cls, kind, R):
    model = small(cls).fit(R)
    bad = R.copy()
    bad.data[3] = kind
    for form in (bad, bad.toarray(), bad.tocoo()):
        for call in (small(cls).fit, model.decision_function, model.recommend, model.score):
            with pytest.raises(ValueError, match=r"finite|NaN|infinity"):
                call(form)
