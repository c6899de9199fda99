"""Annealing, validation by ranking, and the progress bar."""

import itertools

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, Checkpoint, LRScheduler

from skrec.training import (
    DelayedPenalties,
    LearningRateDecay,
    LinearAnnealing,
    ProgressBar,
    RankingValidation,
    RowBatches,
    decayed,
    run_training,
    sets_rates,
)


class BetaLog(Callback):
    """Keep beta and the weights' sum of each update and epoch."""

    def on_train_begin(self, net, **kwargs):
        self.betas_, self.sums_ = [], []

    def on_batch_end(self, net, **kwargs):
        self.betas_.append(net.criterion_.beta)

    def on_epoch_end(self, net, **kwargs):
        self.sums_.append(weight_sum(net.module_))


def weight_sum(module):
    return sum(p.double().sum().item() for p in module.parameters())


@pytest.fixture
def batches(X):
    """Return 5 batches an epoch."""
    return RowBatches(X, 5, np.random.RandomState(0))


@pytest.mark.parametrize("start", [0, 7])
def test_annealing_counts_updates_up_to_its_cap(start, batches, make_net):
    log = BetaLog()
    net = make_net(("annealing", LinearAnnealing(20, 0.4, start=start)), log)
    run_training(net, batches, 3)
    expected = [min(0.4, (start + t) / 20) for t in range(15)]
    assert log.betas_ == pytest.approx(expected)
    assert net.history[:, "beta"] == pytest.approx([expected[4], expected[9], expected[14]])


def test_annealing_of_no_length_begins_at_the_cap(batches, make_net):
    log = BetaLog()
    run_training(make_net(("annealing", LinearAnnealing(0, 0.4)), log), batches, 1)
    assert log.betas_ == [0.4] * 5


class RateLog(Callback):
    """Keep the learning rates of all groups at each update."""

    def on_train_begin(self, net, **kwargs):
        self.rates_ = []

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.rates_.append([group["lr"] for group in net.optimizer_.param_groups])


@pytest.mark.parametrize(
    ("schedule", "formula"),
    [("linear", lambda s: 1 - s), ("cosine", lambda s: (1 + np.cos(np.pi * s)) / 2)],
)
def test_the_rates_of_all_groups_fall_by_updates(schedule, formula, batches, make_net):
    log, groups = RateLog(), [("encoder*", {"lr": 0.5})]
    decay = ("decay", LearningRateDecay(schedule, 15))
    net = make_net(decay, log, lr=0.2, optimizer__param_groups=groups)
    run_training(net, batches, 4)  # one epoch more than planned
    shares = np.minimum(np.arange(20) / 15, 1)
    first, second = np.array(log.rates_).T
    np.testing.assert_allclose(first, 0.5 * formula(shares), atol=1e-12)
    np.testing.assert_allclose(second, 0.2 * formula(shares), atol=1e-12)
    assert [group["lr"] for group in net.optimizer_.param_groups] == [0.5, 0.2]


def test_a_decay_starts_anew_with_each_training(batches, make_net):
    log = RateLog()
    net = make_net(("decay", LearningRateDecay("linear", 5)), log, lr=0.2)
    for _ in range(2):
        run_training(net, batches, 1)
        assert np.ravel(log.rates_) == pytest.approx([0.2, 0.16, 0.12, 0.08, 0.04])


@pytest.mark.parametrize("schedule", [None, "linear", "cosine"])
def test_a_decayed_rate_falls_from_the_first_to_nothing(schedule):
    rates = [decayed(3.0, schedule, share) for share in np.linspace(0, 1, 9)]
    assert rates[0] == 3
    assert rates[4] == pytest.approx(3 if schedule is None else 1.5)
    assert rates[-1] == pytest.approx(0 if schedule else 3, abs=1e-12)
    assert all(a >= b for a, b in itertools.pairwise(rates))


@pytest.mark.parametrize(
    ("callbacks", "sets"),
    [
        (None, False),
        ([None, Checkpoint, ("own", BetaLog())], False),
        ([LRScheduler()], True),
        ([LRScheduler], True),
        ([BetaLog(), ("rate", LRScheduler())], True),
    ],
)
def test_callbacks_that_set_the_rate_are_found(callbacks, sets):
    assert sets_rates(callbacks) == sets


def given_values(*values):
    """Return an evaluation that gives one value after the other."""
    remaining = list(values)
    return lambda module: remaining.pop(0)


def train(make_net, batches, values, n_epochs=None, **parameters):
    """Train with given validation values; return the net and the log of its epochs."""
    log, watch = BetaLog(), RankingValidation(given_values(*values), "valid_m", **parameters)
    net = run_training(make_net(log, ("validation", watch)), batches, n_epochs or len(values))
    return net, log


def test_the_best_weights_are_restored(make_net, batches):
    net, log = train(make_net, batches, [0.1, 0.5, 0.3, 0.4])
    assert len(set(log.sums_)) == 4
    assert weight_sum(net.module_) == log.sums_[1]
    assert net.history[:, "valid_m"] == [0.1, 0.5, 0.3, 0.4]
    assert net.history[:, "valid_m_best"] == [True, True, False, False]


def test_of_equal_values_the_first_is_kept(make_net, batches):
    net, log = train(make_net, batches, [0.5, 0.5])
    assert weight_sum(net.module_) == log.sums_[0]


def test_patience_counts_epochs_without_a_new_best(make_net, batches):
    values = [0.2, 0.3, 0.1, 0.4, 0.35, 0.4, 0.39, 0.9]
    net, log = train(make_net, batches, values, patience=3)
    assert len(net.history) == 7
    assert weight_sum(net.module_) == log.sums_[3]


def test_without_patience_training_never_stops(make_net, batches):
    net, _ = train(make_net, batches, [0.9, 0.1, 0.1, 0.1, 0.1])
    assert len(net.history) == 5


def test_patience_does_not_run_at_the_level_of_popularity(make_net, batches):
    values = [0.5, 0.4, 0.4, 0.5, 0.4, 0.6, 0.55, 0.55, 0.9]
    net, _ = train(make_net, batches, values, patience=2, floor=0.5)
    assert len(net.history) == 8


def test_patience_does_not_run_at_that_level_after_a_lucky_first_epoch(make_net, batches):
    values = [0.6, 0.4, 0.4, 0.5, 0.4, 0.55, 0.7, 0.65, 0.65, 0.9]
    net, log = train(make_net, batches, values, patience=2, floor=0.5)
    assert len(net.history) == 9
    assert weight_sum(net.module_) == log.sums_[6]


def test_a_metric_that_is_no_number_is_never_the_best(make_net, batches):
    net, log = train(make_net, batches, [float("nan"), 0.1, float("nan")])
    assert weight_sum(net.module_) == log.sums_[1]


def test_validation_begins_anew_with_each_training(make_net, batches):
    values = given_values(0.9, 0.1, 0.2)
    log, watch = BetaLog(), RankingValidation(values, "valid_m")
    net = run_training(make_net(log, ("validation", watch)), batches, 1)
    run_training(net, batches, 2)
    assert weight_sum(net.module_) == log.sums_[1]


def test_training_goes_on_in_training_mode_after_an_evaluation(make_net, batches):
    modes = []

    class Modes(Callback):
        def on_batch_end(self, net, **kwargs):
            modes.append(net.module_.training)

    def evaluate(module):
        module.eval()
        return 0.0

    run_training(make_net(Modes(), RankingValidation(evaluate, "valid_m")), batches, 2)
    assert modes == [True] * 10


def test_the_bar_shows_updates_loss_and_metric(make_net, batches, capsys):
    watch = RankingValidation(lambda module: 0.125, "valid_ndcg@10")
    run_training(make_net(watch, ProgressBar(10, "a name")), batches, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "a name" in err
    assert "10/10" in err
    assert "epoch=2" in err
    assert "train_loss=" in err
    assert "valid_ndcg@10=0.1250" in err


def test_best_weights_are_kept_apart_from_the_modules(make_net, batches):
    class Spoil(Callback):
        def on_train_end(self, net, **kwargs):
            with torch.no_grad():
                for p in net.module_.parameters():
                    p.zero_()

    log, watch = BetaLog(), RankingValidation(given_values(0.5), "valid_m")
    net = run_training(make_net(Spoil(), log, ("validation", watch)), batches, 1)
    assert weight_sum(net.module_) == log.sums_[0] != 0


class Penalties(Callback):
    """Keep the penalties of each epoch."""

    def on_train_begin(self, net, **kwargs):
        self.seen_ = []

    def on_batch_begin(self, net, **kwargs):
        decay = net.optimizer_.param_groups[0]["weight_decay"]
        self.seen_.append((decay, net.criterion_.l2_users, net.criterion_.l2_items))


@pytest.mark.parametrize(("n_epochs", "free"), [(0, 0), (1, 1), (2, 2), (9, 3)])
def test_the_first_epochs_are_free_of_penalties(n_epochs, free, batches, make_net):
    log = Penalties()
    net = make_net(("delayed", DelayedPenalties(n_epochs)), log).initialize()
    net.optimizer_.param_groups[0]["weight_decay"] = 0.3
    net.criterion_.l2_users, net.criterion_.l2_items = 0.1, 0.2
    run_training(net, batches, 3)
    assert log.seen_ == [(0.0, 0.0, 0.0)] * 5 * free + [(0.3, 0.1, 0.2)] * 5 * (3 - free)
    assert net.optimizer_.param_groups[0]["weight_decay"] == 0.3
    assert (net.criterion_.l2_users, net.criterion_.l2_items) == (0.1, 0.2)
