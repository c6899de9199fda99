"""The net's loop: losses, divergence and interrupts; devices."""

import functools
import itertools
import os
import signal

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping, PrintLog

from skrec.exceptions import DivergenceError
from skrec.nn import MultDAE
from skrec.training import (
    RecommenderNet,
    RowBatches,
    resolve_device,
    run_training,
    sparse_rows,
)


@pytest.fixture
def batches(X):
    return RowBatches(X, 5, np.random.RandomState(0))


class Do(Callback):
    """Call a function at an event of skorch."""

    def __init__(self, event, action):
        setattr(self, event, lambda net, **kwargs: action(net))


def test_an_epoch_is_one_update_a_batch(make_net, batches):
    calls = {"batch": 0, "epoch": 0}

    def count(name):
        return lambda net: calls.update({name: calls[name] + 1})

    net = make_net(Do("on_batch_end", count("batch")), Do("on_epoch_end", count("epoch")))
    run_training(net, batches, 3)
    assert calls == {"batch": 15, "epoch": 3}
    assert {state["step"].item() for state in net.optimizer_.state.values()} == {15}
    assert len(net.history) == 3


def test_the_loss_in_the_history_is_the_mean_over_rows(make_net, X):
    net = make_net(module=MultDAE, module__dropout=0.0, lr=1e-12)
    run_training(net, RowBatches(X, 10, np.random.RandomState(0)), 1)
    rows = sparse_rows(X)
    expected = net.criterion_(net.module_(rows), rows).item()
    assert net.history[-1]["train_loss"] == pytest.approx(expected, rel=1e-5)


def test_training_lowers_the_loss(make_net, batches):
    net = run_training(make_net(lr=0.05), batches, 30)
    losses = net.history[:, "train_loss"]
    assert np.mean(losses[-5:]) < 0.95 * losses[0]


def test_no_epochs_give_an_initialised_net(make_net, batches):
    net = run_training(make_net(), batches, 0)
    assert net.initialized_
    assert len(net.history) == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_with_epoch_and_lr(value, make_net, batches):
    def spoil(net):
        if len(net.history) == 3:
            with torch.no_grad():
                net.module_.last.bias.fill_(value)

    net = make_net(Do("on_epoch_begin", spoil), lr=0.037)
    with pytest.raises(DivergenceError, match=r"in epoch 3 with lr=0\.037"):
        run_training(net, batches, 5)


def test_divergence_is_an_arithmetic_error():
    assert issubclass(DivergenceError, ArithmeticError)


@pytest.mark.parametrize("event", ["on_train_begin", "on_batch_begin", "on_epoch_end"])
def test_an_interrupt_from_a_callback_is_raised_again(event, make_net, batches):
    def interrupt(net):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(make_net(Do(event, interrupt)), batches, 2)


def test_an_interrupt_by_signal_is_raised_again(make_net, batches):
    def interrupt(net):
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_training(make_net(Do("on_batch_end", interrupt)), batches, 2)


def test_an_interrupt_by_signal_while_a_callback_of_skorch_runs_is_raised_again(make_net, batches):
    # takes any text and raises the signal, in C: the frame that it arrives in is skorch's
    sink = functools.partial(next, map(signal.raise_signal, itertools.repeat(signal.SIGINT)))
    with pytest.raises(KeyboardInterrupt):
        run_training(make_net(PrintLog(sink=sink)), batches, 2)


def test_skorchs_early_stopping_ends_the_training(make_net, batches):
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=1e9, threshold_mode="abs")
    net = run_training(make_net(stop), batches, 10)
    assert 1 < len(net.history) < 10


def test_the_end_of_training_is_announced_after_an_early_stop(make_net, batches):
    ends = []
    stop = EarlyStopping(monitor="train_loss", patience=1, threshold=1e9, threshold_mode="abs")
    run_training(make_net(stop, Do("on_train_end", ends.append)), batches, 10)
    assert len(ends) == 1


def test_infer_gives_what_the_module_gives(make_net, X):
    net = make_net().initialize()
    net.module_.eval()
    items = torch.tensor([3, 1])
    rows = sparse_rows(X)
    torch.testing.assert_close(net.infer(rows, items=items), net.module_(rows, items))


# devices


def test_auto_takes_cuda_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == "cpu"


def test_a_device_is_what_torch_knows_by_name_or_as_its_own():
    assert resolve_device("cpu") == resolve_device(torch.device("cpu")) == "cpu"


@pytest.mark.parametrize("device", ["gpu", "", "cuda:77", "meta", torch.device("cuda:77")])
def test_a_device_that_is_not_here_is_an_error_that_names_those_that_are(device):
    with pytest.raises(ValueError, match=r'^device must be .*"auto", "cpu".*; got .*'):
        resolve_device(device)


# where the device works ahead: losses are read some steps at once


@pytest.fixture
def ahead(monkeypatch):
    monkeypatch.setattr(RecommenderNet, "_works_ahead", True)
    monkeypatch.setattr("skrec.training._net._UNCHECKED", 3)


def test_losses_that_are_read_late_are_in_the_history(make_net, X, request):
    histories = []
    for late in (False, True):
        if late:
            request.getfixturevalue("ahead")
        torch.manual_seed(0)
        net = make_net(module=MultDAE, module__dropout=0.0)
        batches = RowBatches(X, 5, np.random.RandomState(0))
        histories.append(run_training(net, batches, 2).history)
    now, late = histories
    for key in ("train_loss", "train_batch_size"):
        assert now[:, "batches", :, key] == late[:, "batches", :, key]
    assert (
        now[:, ("train_loss", "train_batch_count")] == late[:, ("train_loss", "train_batch_count")]
    )


def test_a_loss_that_is_no_number_stops_the_epoch_where_it_is_read_late(make_net, batches, ahead):
    def spoil(net):
        if len(net.history) == 2:
            with torch.no_grad():
                net.module_.last.bias.fill_(float("nan"))

    net = make_net(Do("on_epoch_begin", spoil), lr=0.037)
    with pytest.raises(DivergenceError, match=r"became nan in epoch 2 with lr=0\.037"):
        run_training(net, batches, 5)
    assert len(net.history[-1]["batches"]) == 3
