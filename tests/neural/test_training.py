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
from skorch.callbacks import Callback

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
