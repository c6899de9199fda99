"""Learning rates that fall, and options of optimisers."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, LRScheduler

from skrec.model_selection import StrongGeneralization


def weights(est):
    return {k: v.numpy().copy() for k, v in est.net_.module_.state_dict().items()}


def same_weights(a, b):
    return all((a[name] == b[name]).all() for name in a)


def n_updates(est):
    return {int(state["step"]) for state in est.net_.optimizer_.state.values()}


class RateLog(Callback):
    """Keep the learning rate of each update."""

    def initialize(self):
        self.rates_ = []
        return self

    def on_batch_begin(self, net, training=None, **kwargs):
        self.rates_.append(net.optimizer_.param_groups[0]["lr"])


@pytest.mark.parametrize(
    ("decay", "formula"),
    [("linear", lambda s: 1 - s), ("cosine", lambda s: (1 + np.cos(np.pi * s)) / 2)],
)
def test_each_fit_lets_the_rate_fall_over_its_epochs(decay, formula, make, X):
    log = RateLog()
    est = make(lr_decay=decay, lr=0.02, callbacks=[log], warm_start=True).fit(X)
    per_epoch = est.net_.history[-1]["train_batch_count"]
    expected = 0.02 * formula(np.arange(3 * per_epoch) / (3 * per_epoch))
    assert log.rates_ == pytest.approx(expected)
    assert est.net_.optimizer_.param_groups[0]["lr"] == 0.02
    log.rates_.clear()
    est.set_params(max_epochs=2, lr=0.5).fit(X)
    assert log.rates_ == pytest.approx(0.5 * formula(np.arange(2 * per_epoch) / (2 * per_epoch)))


def test_early_stopping_does_not_shorten_the_decay(make, X):
    log = RateLog()
    options = {"early_stopping": True, "patience": 1, "max_epochs": 500, "lr": 0.02}
    est = make(lr_decay="linear", callbacks=[log], **options).fit(X)
    n_updates = len(log.rates_)
    assert len(est.net_.history) < 500
    planned = 500 * est.net_.history[-1]["train_batch_count"]
    assert log.rates_ == pytest.approx(0.02 * (1 - np.arange(n_updates) / planned))


def test_a_decay_changes_the_weights_and_nothing_is_the_default(make, X):
    first, same, other = (
        weights(make(**p).fit(X)) for p in ({}, {"lr_decay": None}, {"lr_decay": "linear"})
    )
    assert same_weights(first, same)
    assert not same_weights(first, other)
    assert same_weights(other, weights(make(lr_decay="linear").fit(X)))


@pytest.mark.parametrize("callbacks", [[LRScheduler()], [LRScheduler], [("own", LRScheduler())]])
def test_two_schedules_are_an_error(callbacks, make):
    with pytest.raises(ValueError, match=r"^lr_decay must be None beside .*got 'cosine'"):
        make(lr_decay="cosine", callbacks=callbacks).fit("no data is looked at")


# options of the optimiser


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        ("adam", {"betas": (0.5, 0.9), "eps": 1e-4}),
        ("adagrad", {"initial_accumulator_value": 0.1}),
        ("sgd", {"momentum": 0.9, "nesterov": True}),
        ("rmsprop", {"centered": True}),
        ("adamw", {"foreach": True}),
        (torch.optim.Adamax, {"betas": (0.5, 0.9)}),
    ],
)
def test_the_optimiser_is_made_with_the_options(optimizer, options, make, X):
    est = make(optimizer=optimizer, optimizer_options=options, warm_start=True).fit(X)
    (group,) = est.net_.optimizer_.param_groups
    assert options.items() <= group.items()
    assert clone(est).optimizer_options == options
    plain = make(optimizer=optimizer).fit(X)
    if options != {"foreach": True}:
        assert not same_weights(weights(plain), weights(est))


def test_the_first_step_of_adagrad_is_shorter_with_an_accumulator(make, X):
    def moved(options):
        now = {"batch_size": 10**6, "lr": 0.1}
        before, after = (
            make(optimizer="adagrad", optimizer_options=options, max_epochs=n, **now).fit(X)
            for n in (0, 1)
        )
        return np.abs(weights(after)["last.bias"] - weights(before)["last.bias"])

    # a whole rate, whatever the gradient
    np.testing.assert_allclose(moved(None), 0.1, rtol=1e-3)
    shorter = moved({"initial_accumulator_value": 0.1})
    assert shorter.max() < 0.095
    assert np.median(shorter) < 0.06


@pytest.mark.parametrize("options", [None, {}])
def test_without_options_nothing_changes(options, make, X):
    est = make(optimizer_options=options).fit(X)
    assert same_weights(weights(make().fit(X)), weights(est))


@pytest.mark.parametrize(
    ("optimizer", "options", "message"),
    [
        ("adam", {"momentum": 0.9}, r"^optimizer_options of Adam must be among \['amsgrad', 'b"),
        ("sgd", {"betas": (0.9, 0.9)}, r"^optimizer_options of SGD must be .*got \['betas'\]"),
        ("adam", {"lr": 0.9}, "^optimizer_options must be without 'lr', which is a parameter"),
        ("sgd", {"weight_decay": 1.0}, "^optimizer_options must be without 'weight_decay', which"),
        ("adam", {"params": []}, r"^optimizer_options of Adam must be among .*got \['params'\]"),
        ("adam", {1: 2}, r"^optimizer_options of Adam must be among .*got \[1\]"),
        ("adam", {"betas": (0.9, 1.5)}, "^optimizer_options of Adam must be .*Invalid beta"),
        ("sgd", {"nesterov": True}, "^optimizer_options of SGD must be .*momentum"),
        ("adam", {"betas": 3}, "^optimizer_options of Adam must be values that it takes"),
        ("adam", [("betas", 3)], "^The 'optimizer_options' parameter"),
    ],
)
def test_options_that_no_optimiser_takes_are_named(optimizer, options, message, make):
    with pytest.raises(ValueError, match=message):
        make(optimizer=optimizer, optimizer_options=options).fit(np.eye(3))


def test_options_can_be_searched(make, X):
    grid = {"optimizer_options": [None, {"betas": (0.5, 0.9)}]}
    search = GridSearchCV(make(), grid, cv=StrongGeneralization(test_users=50), n_jobs=1).fit(X)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert scores[0] != scores[1]


def test_a_restart_goes_on_with_the_same_options_and_anew_with_others(make, X):
    options = {"optimizer": "sgd", "optimizer_options": {"momentum": 0.9}, "warm_start": True}
    halves = make(**options).fit(X).fit(X)
    state = list(halves.net_.optimizer_.state.values())
    halves.fit(X)
    assert state[0]["momentum_buffer"] is not None
    assert halves.net_.optimizer_.param_groups[0]["momentum"] == 0.9
    halves.set_params(optimizer_options={"momentum": 0.5, "nesterov": True}).fit(X)
    (group,) = halves.net_.optimizer_.param_groups
    assert (group["momentum"], group["nesterov"]) == (0.5, True)
    halves.set_params(optimizer_options=None).fit(X)
    (group,) = halves.net_.optimizer_.param_groups
    assert (group["momentum"], group["nesterov"]) == (0, False)


def test_a_restart_takes_another_optimiser_and_penalty(make, X):
    est = make(warm_start=True).fit(X)
    est.set_params(weight_decay=0.5).fit(X)
    assert n_updates(est) == {2 * 3 * est.net_.history[-1]["train_batch_count"]}  # Adam went on
    assert est.net_.optimizer_.param_groups[0]["weight_decay"] == 0.5
    est.set_params(optimizer="sgd", lr=0.25).fit(X)
    assert type(est.net_.optimizer_) is torch.optim.SGD
    (group,) = est.net_.optimizer_.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.25, 0.5)
    assert len(est.net_.history) == 9
