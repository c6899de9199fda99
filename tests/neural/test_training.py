"""How estimators are trained with torch: the net, callbacks, failures, restarts, seeds."""

import os
import pickle
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import skorch
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

from skrec import MultDAERecommender, MultVAERecommender
from skrec.exceptions import DivergenceError


class Interrupt(Callback):
    """Interrupt the second epoch, as a user's callback or as Ctrl-C does."""

    def __init__(self, by_signal=False):
        self.by_signal = by_signal

    def on_batch_end(self, net, **kwargs):
        if len(net.history) < 2:
            return
        if self.by_signal:
            os.kill(os.getpid(), signal.SIGINT)
        else:
            raise KeyboardInterrupt


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


def n_updates(est):
    return {int(state["step"]) for state in est.net_.optimizer_.state.values()}


# the net


def test_the_net_is_skorchs_with_its_history(make, X):
    est = make().fit(X)
    assert isinstance(est.net_, skorch.NeuralNet)
    assert len(est.net_.history) == 3
    losses = est.net_.history[:, "train_loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    assert not est.net_.module_.training


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("adam", torch.optim.Adam),
        ("adamw", torch.optim.AdamW),
        ("adagrad", torch.optim.Adagrad),
        ("rmsprop", torch.optim.RMSprop),
        ("sgd", torch.optim.SGD),
        (torch.optim.Adamax, torch.optim.Adamax),
    ],
)
def test_optimizers_by_name_or_class(name, cls, make, X):
    est = make(optimizer=name, weight_decay=0.25, lr=0.003, warm_start=True).fit(X)
    assert type(est.net_.optimizer_) is cls
    (group,) = est.net_.optimizer_.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.003, 0.25)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"lr": 0.0}, "lr"),
        ({"lr": -1.0}, "lr"),
        ({"max_epochs": -1}, "max_epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"optimizer": "adm"}, "optimizer"),
        ({"patience": 0}, "patience"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"callbacks": "print"}, "callbacks"),
        ({"early_stopping": 3}, "early_stopping"),
        ({"hidden_sizes": (8, 0)}, "hidden_sizes"),
        ({"hidden_sizes": (2.5,)}, "hidden_sizes"),
        ({"dropout": 1.0}, "dropout"),
        ({"likelihood": "poisson"}, "likelihood"),
        ({"confidence": (0.1, 1.0), "likelihood": "gaussian"}, "confidence"),
    ],
)
def test_bad_parameters_are_named(parameters, name, make, X):
    with pytest.raises(ValueError, match=name):
        make(**parameters).fit(X)


@pytest.mark.parametrize(
    "optimizer",
    [
        torch.optim.LBFGS,
        torch.optim.SparseAdam,
        torch.optim.Rprop,
        torch.optim.Optimizer,
        torch.nn.Linear,
        dict,
    ],
)
def test_a_class_that_is_no_optimizer_of_this_kind_is_named_before_training(optimizer, make):
    with pytest.raises(ValueError, match=f"^optimizer must be .*{optimizer.__name__}"):
        make(optimizer=optimizer).fit("no data is looked at")


def test_a_class_of_the_users_own_is_an_optimizer(make, X):
    class Slow(torch.optim.SGD):
        def __init__(self, params, **options):
            super().__init__(params, **options)

    assert np.isfinite(make(optimizer=Slow).fit(X).net_.history[-1, "train_loss"])


def test_an_optimizer_that_is_made_already_is_an_error(make, X):
    made = torch.optim.Adam([torch.zeros(1)])
    with pytest.raises(ValueError, match="'optimizer' parameter"):
        make(optimizer=made).fit(X)


def test_a_device_of_torchs_is_taken(make, X):
    est = make(device=torch.device("cpu"))
    assert same_weights(weights(est.fit(X)), weights(make().fit(X)))
    assert clone(est).device == torch.device("cpu")


@pytest.mark.parametrize("device", ["gpu", "", "cuda:77"])
def test_a_device_that_is_not_here_is_named_before_training(device, make):
    with pytest.raises(ValueError, match=r"^device must be"):
        make(device=device).fit("no data is looked at")


def test_weight_decay_shrinks_the_weights(make, X):
    free, bound = (make(weight_decay=w, max_epochs=20).fit(X) for w in (0.0, 0.05))
    norm = [sum((w**2).sum() for w in weights(est).values()) for est in (free, bound)]
    assert norm[1] < 0.8 * norm[0]


def test_zero_epochs_give_a_model(make, X):
    assert make(max_epochs=0).fit(X).recommend(X[:2], n_items=3).shape == (2, 3)


def test_early_stopping_has_to_be_asked_for(make, X):
    assert "valid_ndcg@100" not in make().fit(X).net_.history[-1]


# callbacks


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


def test_verbose_shows_a_bar_on_stderr(make, X, capsys):
    make(verbose=1, early_stopping=True).fit(X)
    out, err = capsys.readouterr()
    assert out == ""
    assert "MultDAERecommender" in err
    assert "12/12" in err
    assert "valid_ndcg@100=" in err


def test_silent_by_default(make, X, capsys):
    make(early_stopping=True).fit(X)
    assert capsys.readouterr() == ("", "")


# failures


FAILURES = {
    "divergence": ({"lr": 1e30}, DivergenceError),
    "interrupt": ({"callbacks": [Interrupt()]}, KeyboardInterrupt),
    "signal": ({"callbacks": [Interrupt(True)]}, KeyboardInterrupt),
    "parameter": ({"likelihood": "poisson"}, ValueError),
    "sizes": ({"dropout": 2.0}, ValueError),
    "metric": ({"early_stopping": True, "validation_metric": "x"}, ValueError),
}


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize(("parameters", "error"), FAILURES.values(), ids=FAILURES)
def test_a_failed_fit_leaves_the_estimator_as_it_was(parameters, error, warm_start, make, X):
    est = make(warm_start=warm_start).fit(X)
    net, names, before = est.net_, set(vars(est)), weights(est)
    scores = est.decision_function(X)
    steps = n_updates(est) if warm_start else None
    est.set_params(max_epochs=5, **parameters)
    with pytest.raises(error):
        est.fit(X[::-1])
    assert est.net_ is net
    assert set(vars(est)) == names
    assert same_weights(weights(est), before)
    assert len(est.net_.history) == 3
    np.testing.assert_array_equal(est.decision_function(X), scores)
    np.testing.assert_array_equal(est.interactions_.toarray(), X.toarray())
    if warm_start:
        assert n_updates(est) == steps


def test_a_failed_first_fit_leaves_an_unfitted_estimator(make, X):
    est = make(lr=1e30)
    before = set(vars(est))
    with pytest.raises(DivergenceError, match=r"in epoch 1 with lr=1e\+30"):
        est.fit(X)
    assert set(vars(est)) == before


def test_training_can_be_repeated_after_a_failure(make, X):
    est = make(lr=1e30)
    with pytest.raises(DivergenceError):
        est.fit(X)
    again = est.set_params(lr=0.01).fit(X)
    assert same_weights(weights(again), weights(make().fit(X)))


# restarts


def test_warm_start_goes_on(make, X):
    est = make(max_epochs=5, warm_start=True).fit(X)
    first = weights(est)
    est.fit(X)
    assert len(est.net_.history) == 10
    assert n_updates(est) == {40}
    losses = est.net_.history[:, "train_loss"]
    assert losses[5] < losses[0]
    assert not same_weights(first, weights(est))


def test_warm_start_with_no_epochs_changes_nothing(make, X):
    est = make(warm_start=True).fit(X)
    before = weights(est)
    est.set_params(max_epochs=0).fit(X)
    assert same_weights(before, weights(est))


def test_warm_start_takes_a_new_lr(make, X):
    est = make(warm_start=True).fit(X).set_params(lr=0.125).fit(X)
    assert est.net_.optimizer_.param_groups[0]["lr"] == 0.125


def test_warm_start_is_a_new_net(make, X):
    est = make(warm_start=True).fit(X)
    net, before = est.net_, weights(est)
    est.fit(X)
    assert est.net_ is not net
    assert same_weights(before, {k: v.numpy() for k, v in net.module_.state_dict().items()})


def test_warm_start_on_other_users_learns_from_them(make, X):
    est = make(warm_start=True).fit(X[:100]).fit(X[100:])
    assert est.interactions_.shape == (100, 60)
    assert len(est.net_.history) == 6


def test_warm_start_with_other_items_is_an_error(make, X):
    est = make(warm_start=True).fit(X)
    with pytest.raises(ValueError, match="60 items of the last fit when warm_start=True; got 59"):
        est.fit(X[:, :59])
    assert est.n_features_in_ == 60


def test_without_warm_start_fit_begins_anew(make, X):
    est = make().fit(X)
    before = weights(est)
    est.fit(X)
    assert len(est.net_.history) == 3
    assert same_weights(before, weights(est))
    assert est.fit(X[:, :50]).n_features_in_ == 50


def test_the_optimizers_state_is_dropped_unless_it_is_needed_again(make, X):
    assert make().fit(X).net_.optimizer_ is None
    assert n_updates(make(warm_start=True).fit(X)) == {12}


def test_warm_start_after_a_fit_without_it_goes_on_with_a_new_optimizer(make, X):
    est = make().fit(X).set_params(warm_start=True)
    est.fit(X)
    assert len(est.net_.history) == 6
    assert n_updates(est) == {12}


# seeds and copies


def test_the_seed_fixes_the_model(make, X):
    one, same, other = (make(random_state=s).fit(X) for s in (0, 0, 1))
    assert same_weights(weights(one), weights(same))
    assert not same_weights(weights(one), weights(other))


def test_global_generators_are_neither_used_nor_changed(make, X):
    def fit(seed):
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
        est = make(early_stopping=True).fit(X)
        est.recommend(X)
        after = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
        assert before == after
        return weights(est)

    assert same_weights(fit(1), fit(2))


def test_a_randomstate_is_drawn_from(make, X):
    est = make(random_state=np.random.RandomState(0))
    assert not same_weights(weights(est.fit(X)), weights(est.fit(X)))


@pytest.mark.parametrize("cls", [MultDAERecommender, MultVAERecommender])
@pytest.mark.parametrize("warm_start", [False, True])
def test_pickle_gives_the_same_model(cls, warm_start, X):
    est = cls(hidden_sizes=(8,), latent_size=4, max_epochs=2, random_state=0, device="cpu")
    est.set_params(warm_start=warm_start, early_stopping=True).fit(X)
    again = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(est.predict_proba(X), again.predict_proba(X))
    assert again.net_.history == est.net_.history
    est.fit(X)
    again.fit(X)
    assert same_weights(weights(est), weights(again))


def test_a_fitted_model_holds_no_training_data_but_its_own(make):
    from skrec.datasets import make_interactions

    X = make_interactions(2000, 60, 40_000, random_state=0).X
    est = make(early_stopping=True, max_epochs=1).fit(X)
    size = len(pickle.dumps(est)) - len(pickle.dumps(est.interactions_))
    assert size < 50_000


LOAD = """
import pickle, sys, warnings
import torch
warnings.simplefilter("ignore")  # skorch says that it loads on the CPU
assert not torch.cuda.is_available()
with open(sys.argv[1], "rb") as file:
    est, X, top = pickle.load(file)
assert next(est.net_.module_.parameters()).device.type == "cpu"
assert (est.recommend(X, n_items=3) == top).mean() > 0.99
"""


@pytest.mark.gpu
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "adagrad", "rmsprop", "sgd"])
def test_every_optimizer_trains_on_cuda(optimizer, make, X):
    est = make(device="cuda", optimizer=optimizer, lr=1e-3).fit(X)
    assert np.isfinite(est.predict_proba(X[:3])).all()


@pytest.mark.gpu
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_model_fitted_on_cuda_loads_on_cpu(warm_start, make, X, tmp_path):
    est = make(device="cuda", warm_start=warm_start).fit(X)
    assert next(est.net_.module_.parameters()).device.type == "cuda"
    file = tmp_path / "model.pkl"
    with open(file, "wb") as out:
        pickle.dump((est, X, est.recommend(X, n_items=3)), out)
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", LOAD, file]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
