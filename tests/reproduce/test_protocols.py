"""Protocols by name: options, splits, and tasks that hold what they say."""

import numpy as np
import pytest
from sklearn.utils import Bunch

from skrec.reproduce import (
    Protocol,
    list_protocols,
    load_data,
    make_protocol,
    run_system,
    with_leave_one_out,
)


def test_options_that_a_protocol_does_not_have_are_left_out():
    every = {"n_negatives": 9, "test_users": 20, "split_seed": 3, "train_share": 0.5}
    splits = [make_protocol(name, **every, ranked_users=5).split for name in list_protocols()]
    assert splits == ["given9n", "20u3", "given", "50r3"]


def test_defaults_are_those_of_the_data():
    assert make_protocol("strong").split == "500u0"
    assert make_protocol("strong", data="gowalla").split == "3000u0"
    assert make_protocol("strong", data="gowalla", test_users=7).split == "7u0"
    assert make_protocol("ncf").split == make_protocol("weak").split == "given"


def test_unknown_names_are_errors():
    with pytest.raises(ValueError, match=r"name must be among .*got 'loo'"):
        make_protocol("loo")
    with pytest.raises(ValueError, match=r"options must be among .*got \['seed'\]"):
        make_protocol("strong", seed=1)


@pytest.mark.parametrize("name", list_protocols())
def test_tuning_does_not_see_the_test_data(name):
    protocol = make_protocol(name, data="synthetic")
    assert isinstance(protocol, Protocol)
    assert protocol.describe().endswith(".")
    data = load_data("synthetic")
    tuning, test = protocol.tuning(data), protocol.test(data)
    if isinstance(test.evaluate, tuple):
        assert tuning.evaluate[0].shape == test.evaluate[0].shape
        assert (tuning.evaluate[0] != test.evaluate[0]).nnz
    else:
        pairs, held_out = (
            set(zip(part.user.tolist(), part.item.tolist()))
            for part in (tuning.evaluate, test.evaluate)
        )
        assert pairs
        assert not pairs & held_out


def test_negatives_are_items_that_a_user_does_not_have():
    interactions = load_data("synthetic").interactions
    data = with_leave_one_out(Bunch(interactions=interactions), 20)
    assert data.loo_negatives.shape == (300, 20)
    X = data.interactions.tocsr()
    for user, negatives in enumerate(data.loo_negatives[:50]):
        drawn = negatives[negatives >= 0]
        assert len(np.unique(drawn)) == len(drawn)
        assert not set(drawn) & set(X[user].indices)


@pytest.mark.parametrize("solver", ["torch", "sgd"])
def test_the_epochs_of_an_outcome_are_those_that_were_trained(solver):
    task = make_protocol("ncf").test(with_leave_one_out(load_data("synthetic"), 9))
    parameters = {"n_factors": 4, "max_epochs": 3, "solver": solver}
    assert run_system(task, "MFClassifier", parameters).n_epochs == 3


@pytest.mark.parametrize("part", ["tuning", "test"])
def test_a_data_set_without_a_split_of_its_own_is_refused(part):
    data = load_data("synthetic")
    data.train = data.test = None
    with pytest.raises(ValueError, match=r'data must come with .* for the protocol "weak"; got'):
        getattr(make_protocol("weak"), part)(data)
