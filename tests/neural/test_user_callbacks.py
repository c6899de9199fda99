"""Callbacks of skorch that a user hands to an estimator."""

import threading

import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    Freezer,
    LRScheduler,
)


class Count(Callback):
    """Count the events of a training."""

    def initialize(self):
        self.counts_ = {}
        return self

    def _count(self, name):
        self.counts_[name] = self.counts_.get(name, 0) + 1

    def on_train_begin(self, net, **kwargs):
        self._count("train_begin")

    def on_train_end(self, net, **kwargs):
        self._count("train_end")

    def on_batch_end(self, net, **kwargs):
        self._count("batch_end")

    def on_epoch_end(self, net, **kwargs):
        self._count("epoch_end")


def weights(est):
    return {k: v.numpy().copy() for k, v in est.net_.module_.state_dict().items()}


def same_weights(a, b):
    return all((a[name] == b[name]).all() for name in a)


def test_callbacks_are_used_as_given_and_see_every_batch_and_epoch(make, X):
    mine = Count()
    given = [mine]
    est = make(callbacks=given).fit(X)
    assert est.get_params()["callbacks"] is given
    assert given == [mine]
    assert mine in [cb for _, cb in est.net_.callbacks_]
    expected = {"train_begin": 1, "batch_end": 3 * 4, "epoch_end": 3, "train_end": 1}
    assert mine.counts_ == expected


class Trial:
    """A trial of a search, as Optuna has it: it is reported to, and prunes."""

    def __init__(self, prune_at=None):
        self.reported = []
        self.prune_at = prune_at
        self.lock = threading.Lock()  # cannot be copied, as a connection to a storage cannot

    def report(self, value, step):
        self.reported.append((step, value))

    def should_prune(self):
        return len(self.reported) == self.prune_at


class Pruned(Exception):
    """What a pruning callback raises."""


class Pruning(Callback):
    """Report to a trial, as the callback of Optuna does: its fields have other names."""

    def __init__(self, trial, monitor):
        self._trial = trial
        self._monitor = monitor

    def on_epoch_end(self, net, **kwargs):
        self._trial.report(net.history[-1, self._monitor], len(net.history) - 1)
        if self._trial.should_prune():
            raise Pruned


def test_a_callback_prunes_the_trial_that_it_was_given(make, X):
    trial = Trial(prune_at=2)
    est = make(early_stopping=True, max_epochs=50)
    est.set_params(callbacks=[Pruning(trial, "valid_ndcg@100")])
    with pytest.raises(Pruned):
        est.fit(X)
    assert [step for step, _ in trial.reported] == [0, 1]
    assert not hasattr(est, "net_")


@pytest.mark.parametrize("named", [False, True])
def test_a_clone_reports_to_the_same_trial(named, make, X):
    trial = Trial()
    pruning = Pruning(trial, "train_loss")
    est = make(callbacks=[("pruning", pruning) if named else pruning])
    again = clone(est)
    copied = again.callbacks[0][1] if named else again.callbacks[0]
    assert copied is not pruning
    again.fit(X)
    assert len(trial.reported) == 3
    cross_val_score(est, X, cv=2)
    assert len(trial.reported) == 3 + 2 * 3


def test_a_clone_has_callbacks_with_a_state_of_their_own(make, X):
    mine, stop = Count(), EarlyStopping(monitor="train_loss", patience=5)
    other = clone(make(callbacks=[mine, stop, None, Count, ("none", None)])).fit(X)
    assert not hasattr(mine, "counts_")
    assert other.callbacks[0].counts_["epoch_end"] == 3
    assert other.callbacks[1] is not stop
    assert other.callbacks[1].get_params() == stop.get_params()
    assert other.callbacks[2:] == [None, Count, ("none", None)]
    assert clone(make(callbacks=None)).callbacks is None


def test_warm_starts_go_on_with_the_callbacks_that_were_given(make, X):
    trial = Trial()
    est = make(warm_start=True, callbacks=[Pruning(trial, "train_loss")]).fit(X).fit(X)
    assert [step for step, _ in trial.reported] == [0, 1, 2, 3, 4, 5]
    assert len(est.net_.history) == 6


@pytest.mark.parametrize(
    "callback",
    [
        EarlyStopping(monitor="train_loss", patience=2, threshold=1e9, threshold_mode="abs"),
        LRScheduler("StepLR", step_size=1, gamma=0.5),
        EpochScoring(lambda net, X, y: 0.0, name="zero", on_train=True, use_caching=False),
        Freezer("last.bias", at=2),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_a_second_fit_with_callbacks_of_skorch_is_as_the_first(callback, make, X):
    est = make(callbacks=[callback], max_epochs=6)
    first = weights(est.fit(X))
    n_epochs = len(est.net_.history)
    assert same_weights(first, weights(est.fit(X)))
    assert len(est.net_.history) == n_epochs


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        (["print"], "got 'print'"),
        ([3], "got 3"),
        ([dict], "got <class 'dict'>"),
        ([lambda net: None], "got <function"),
        ([("name",)], r"got the pair \('name',\)"),
        ([("name", Count(), 1)], "got the pair"),
        ([(1, Count())], "got the pair"),
        ([("name", "print")], r"got \('name', 'print'\)"),
        ([("twice", Count()), ("twice", Count())], r"\['twice'\] more than once"),
    ],
)
def test_what_is_no_list_of_callbacks_is_named_before_training(callbacks, message, make):
    with pytest.raises(ValueError, match=f"^callbacks must .*{message}"):
        make(callbacks=callbacks).fit("no data is looked at")


@pytest.mark.parametrize("callbacks", [Count(), Count, (Count(),), {"count": Count()}])
def test_callbacks_are_a_list(callbacks, make, X):
    with pytest.raises(ValueError, match=r"'callbacks' parameter .* instance of 'list'"):
        make(callbacks=callbacks).fit(X)


def test_named_and_nameless_callbacks_and_classes_go_together(make, X):
    est = make(callbacks=[Count(), ("mine", Count()), ["other", Count], Count]).fit(X)
    names = dict(est.net_.callbacks_)
    assert {"mine", "other", "Count_1", "Count_2"} <= set(names)


def test_a_second_fit_begins_with_fresh_callbacks(make, X):
    est = make(callbacks=[("counter", Count())]).fit(X)
    est.fit(X)
    used = dict(est.net_.callbacks_)["counter"]
    assert used.counts_["epoch_end"] == 3


def test_estimators_with_callbacks_are_cloned(make, X):
    est = clone(make(callbacks=[Count()]))
    assert est.fit(X).net_.history[-1]["epoch"] == 3


def test_skorchs_checkpoint_works(make, X, tmp_path):
    checkpoint = Checkpoint(monitor="train_loss_best", dirname=tmp_path)
    est = make(callbacks=[checkpoint]).fit(X)
    names = {f.name for f in tmp_path.iterdir()}
    assert {"params.pt", "optimizer.pt", "history.json"} <= names
    saved = torch.load(tmp_path / "params.pt")
    # the loss falls in each of the three epochs, so the last one is saved
    assert {k: v.numpy().tolist() for k, v in saved.items()} == {
        k: v.tolist() for k, v in weights(est).items()
    }


def test_skorchs_epoch_scoring_works(make, X):
    def bias(net, X, y):
        return float(net.module_.last.bias.detach().abs().sum())

    scoring = EpochScoring(bias, name="bias", on_train=True, use_caching=False)
    history = make(callbacks=[scoring]).fit(X).net_.history
    assert len(set(history[:, "bias"])) == 3


def test_skorchs_early_stopping_ends_the_training(make, X):
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=1e9, threshold_mode="abs")
    est = make(callbacks=[stop], max_epochs=20).fit(X)
    assert 1 < len(est.net_.history) < 20
    assert est.predict_proba(X[:2]).shape == (2, 60)
