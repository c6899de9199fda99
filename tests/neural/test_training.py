"""How estimators are trained with torch: the net, callbacks, failures, restarts, seeds."""

import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest
import skorch
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, LRScheduler

from skrec import MultDAERecommender, MultVAERecommender
from skrec.exceptions import DivergenceError
from skrec.model_selection import StrongGeneralization


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
        return np.abs(weights(after)["last.bias"] - weights(before)["last.bias"]).max()

    assert moved(None) == pytest.approx(0.1, rel=1e-4)  # a whole rate, whatever the gradient
    assert moved({"initial_accumulator_value": 0.1}) < 0.05


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


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"lr": 0.0}, "lr"),
        ({"lr_decay": "exponential"}, "lr_decay"),
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


# what it shows


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
