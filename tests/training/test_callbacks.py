"""Annealing, validation by ranking, and the progress bar."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skrec.training import (
    DelayedPenalties,
    LinearAnnealing,
    ProgressBar,
    RankingValidation,
    RowBatches,
    run_training,
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
