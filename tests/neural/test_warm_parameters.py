"""What may change between two fits with ``warm_start``: all that is no size is taken."""

import numpy as np
import pytest
import torch

from skrec import BPRMFRanker, ConvNCFRanker, MFRecommender, MultDAERecommender
from skrec.datasets import make_interactions
from skrec.neural import TorchRecommender
from skrec.testing import all_estimators

# a value far from all defaults, for whatever estimator has the parameter
WEIGHTS = {"l2": 10.0, "kl_weight": 50.0, "gamma": 5.0, "beta_user": 5.0, "beta_item": 5.0}
WEIGHTS |= {"tower_l2": 5.0, "output_l2": 5.0, "margin": 0.9, "negative_weight": 9.0}
WEIGHTS |= {"dropout": 0.9, "n_negatives": 3, "negative_power": 1.0}
TORCH = {name: cls for name, cls in all_estimators() if issubclass(cls, TorchRecommender)}
CASES = [
    (name, parameter)
    for name, cls in TORCH.items()
    for parameter in WEIGHTS
    if parameter in cls().get_params(deep=False)
]
ROWS = ["MultDAERecommender", "RecVAERecommender", "CDAERecommender", "VAERegressor"]


def quick(name, **parameters):
    short = {"max_epochs": 1, "warm_start": True, "random_state": 0, "pretrain_epochs": 1}
    short |= {"loss": "ccl"}  # under which margin and negative_weight count
    known = TORCH[name]().get_params(deep=False)
    short = {k: v for k, v in short.items() if k in known}
    return TORCH[name](**TORCH[name]._test_parameters | short | parameters)


@pytest.fixture(scope="module")
def data():
    """Return a function that gives what a class is fitted on."""
    X = make_interactions(40, 30, 300, random_state=0).X
    rated = X.copy()
    rated.data = (X.indices % 5 + 1).astype(np.float32)
    return lambda name: rated if "Regressor" in name or "BMF" in name else X


def weights(est):
    return torch.cat([v.flatten().float() for v in est._module.state_dict().values()])


@pytest.fixture(scope="module")
def as_before(data):
    """Return a function that gives what a class has learnt after one fit and after another."""
    found = {}

    def fit_twice(name):
        if name not in found:
            est = quick(name)
            found[name] = [weights(est.fit(data(name))) for _ in range(2)]
        return found[name]

    return fit_twice


@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_the_weights_of_a_loss_are_those_of_now(name, parameter, data, as_before):
    first, second = as_before(name)
    changed = quick(name).fit(data(name)).set_params(**{parameter: WEIGHTS[parameter]})
    torch.testing.assert_close(weights(changed), first, rtol=0, atol=0)
    assert not torch.equal(weights(changed.fit(data(name))), second)


def test_a_penalty_of_now_gives_the_numbers_of_a_net_that_always_had_it(data):
    X = data("BPRMFRanker")
    late = quick("BPRMFRanker", l2=0.0, max_epochs=0).fit(X).set_params(l2=0.5, max_epochs=2)
    early = quick("BPRMFRanker", l2=0.5, max_epochs=0).fit(X).set_params(max_epochs=2)
    assert torch.equal(weights(late.fit(X)), weights(early.fit(X)))
    assert late.net_.criterion_.l2_users == 0.5


def test_settings_of_the_module_are_those_of_now(data):
    X = data("ConvNCFRanker")
    for before, after in (({"alpha": 0.5}, {"alpha": 0.0}), ({}, {"map_part": "diagonal"})):
        options = {"embedding": "fism", "permute_dims": True, "max_epochs": 0}
        est = quick("ConvNCFRanker", **options | before).fit(X)
        old = est.decision_function(X)
        order = est._module.interaction.order.clone()
        est.set_params(**after).fit(X)
        assert isinstance(est, ConvNCFRanker)
        assert not np.allclose(old, est.decision_function(X))
        assert torch.equal(order, est._module.interaction.order)


def test_the_optimiser_goes_on_with_the_weights_of_the_module(data):
    X = data("MultDAERecommender")
    est = quick("MultDAERecommender").fit(X).set_params(dropout=0.1).fit(X)
    assert isinstance(est, MultDAERecommender)
    assert est.net_.module_.dropout == 0.1
    known = {id(weight) for weight in est.net_.module_.parameters()}
    groups = est.net_.optimizer_.param_groups
    assert {id(weight) for group in groups for weight in group["params"]} == known


@pytest.mark.parametrize("name", ROWS)
def test_another_size_is_an_error_and_leaves_the_model_alone(name, data):
    X = data(name)
    est = quick(name).fit(X)
    before = est.decision_function(X)
    with pytest.raises(ValueError, match="parameters of size must be as in the last fit"):
        est.set_params(latent_size=5).fit(X)
    est.set_params(latent_size=TORCH[name]._test_parameters["latent_size"])
    np.testing.assert_array_equal(before, est.decision_function(X))


def test_tables_updated_by_rows_can_have_a_divergence_later():
    X = make_interactions(600, 40, 1500, random_state=0).X
    est = quick("GERRanker", batch_size=4).fit(X)
    assert est._module.users.free.sparse
    est.set_params(kl_weight=1.0).fit(X)
    assert not est._module.users.free.sparse


def test_the_loss_of_sgd_goes_on_with_another_penalty(data):
    X = data("BPRMFRanker")
    fits = [BPRMFRanker(n_factors=4, solver="sgd", max_epochs=2, warm_start=True, random_state=0)]
    fits += [fits[0].__sklearn_clone__()]
    for est, l2 in zip(fits, (0.0, 0.5), strict=True):
        est.fit(X).set_params(l2=l2).fit(X)
    assert np.linalg.norm(fits[1].item_factors_) < np.linalg.norm(fits[0].item_factors_)


def test_the_margin_is_seen_by_fold_in_and_training_alike(data):
    X = data("MFRecommender")
    est = quick("MFRecommender").fit(X).set_params(margin=0.9).fit(X)
    assert isinstance(est, MFRecommender)
    assert est.net_.criterion_.margin == est.folder_.row_loss.keywords["margin"] == 0.9
