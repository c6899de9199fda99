"""MF and BPR by stochastic descent: formula, schedule, watching, warm starts, refusals."""

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from scipy.special import expit
from sklearn.base import clone
from sklearn.utils.estimator_checks import estimator_checks_generator

from skrec import BPRMFRanker, GMFClassifier, Interactions, MFClassifier, NeuMFClassifier
from skrec.exceptions import DivergenceError
from skrec.neural_cf import GMFRanker
from skrec.testing import estimator_checks, make_estimator
from skrec.testing._checks_fit import TORCH_CHECKS
from skrec.testing._checks_search import CHECKS as SEARCH_CHECKS
from skrec.testing._checks_threads import TORCH_CHECKS as THREAD_CHECKS
from skrec.testing._data import quick as quick_copy

BOTH = pytest.mark.parametrize("cls", [MFClassifier, BPRMFRanker])
BIAS = {MFClassifier: "bias", BPRMFRanker: "item_bias"}


@pytest.fixture
def sgd(quick):
    """Return a function that makes a quick estimator of a class, trained by descent."""
    options = {"solver": "sgd", "lr": 0.05}
    options |= {"validation_fraction": 0.1, "validation_metric": "ndcg@10"}
    return lambda cls, **parameters: quick(cls, **options | parameters)


def numpy_scores(est):
    """Return the docstring's formula for all users and items."""
    p, q = est.user_factors_.astype(np.float64), est.item_factors_.astype(np.float64)
    scores = p[:, :6] @ q[:, :6].T + getattr(est, "global_bias_", 0)
    if p.shape[1] > 6:
        scores += p[:, 6:]
    return scores + q[:, 6] if q.shape[1] > 6 else scores


# the formula


@BOTH
@pytest.mark.parametrize("bias", [False, True])
def test_scores_are_the_formula(bias, cls, sgd, X):
    est = sgd(cls, **{BIAS[cls]: bias}).fit(X)
    assert est.user_factors_.shape == (200, 6 + (bias and cls is MFClassifier))
    assert est.item_factors_.shape == (60, 6 + bias)
    assert not hasattr(est, "net_")
    scores = est.decision_function(users=range(200))
    np.testing.assert_allclose(scores, numpy_scores(est), rtol=1e-4, atol=1e-5)


@BOTH
def test_biases_start_at_zero_and_vectors_as_with_torch(cls, sgd, X):
    options = {"max_epochs": 0, BIAS[cls]: True}
    est, torch_est = (sgd(cls, solver=solver, **options).fit(X) for solver in ("sgd", "torch"))
    assert getattr(est, "global_bias_", 0) == 0
    for name in ("user_factors_", "item_factors_"):
        table = getattr(est, name)
        assert (table[:, 6:] == 0).all()
        np.testing.assert_array_equal(table[:, :6], getattr(torch_est, name)[:, :6])


def test_a_global_bias_is_learnt_where_there_are_biases(sgd, X):
    assert sgd(MFClassifier, max_epochs=20).fit(X).global_bias_ < -0.3  # 4 negatives a positive
    assert sgd(MFClassifier, bias=False).fit(X).global_bias_ == 0
    assert sgd(MFClassifier, solver="torch").fit(X).global_bias_ == 0


# the rates of three steps, as shares of the first
RATES = {None: [1, 1, 1], "linear": [1, 2 / 3, 1 / 3], "cosine": [1, 0.75, 0.25]}


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("decay", RATES)
def test_pointwise_steps_are_those_of_the_docstring(decay, bias, sgd):
    # one positive, and one item to draw: nothing is left to chance
    options = {"l2": 0.05, "lr": 0.4, "lr_decay": decay, "bias": bias, "n_negatives": 2}
    start = sgd(MFClassifier, max_epochs=0, **options).fit([[1, 0]])
    p, (i, j), b = start.user_factors_[0].copy(), start.item_factors_.copy(), 0.0
    for rate in [0.4 * share for share in RATES[decay]]:
        for q, y in ((i, 1), (j, 0), (j, 0)):
            f = p[:6] @ q[:6] + (p[6] + q[6] + b if bias else 0)
            slope, before = expit(f) - y, p.copy()
            toward = [*q[:6], 1.0][: len(p)], [*before[:6], 1.0][: len(p)]
            p -= rate * (slope * np.array(toward[0]) + 2 * 0.05 * p)
            q -= rate * (slope * np.array(toward[1]) + 2 * 0.05 * q)
            b -= rate * slope
    est = sgd(MFClassifier, max_epochs=3, **options).fit([[1, 0]])
    np.testing.assert_allclose(est.user_factors_[0], p, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(est.item_factors_, [i, j], rtol=1e-4, atol=1e-6)
    assert est.global_bias_ == pytest.approx(b if bias else 0, rel=1e-4)


@pytest.mark.parametrize("decay", RATES)
def test_pairwise_steps_are_those_of_the_docstring(decay, sgd):
    options = {"l2": 0.05, "lr": 0.4, "lr_decay": decay}
    start = sgd(BPRMFRanker, max_epochs=0, **options).fit([[1, 0]])
    p, (i, j) = start.user_factors_[0].copy(), start.item_factors_.copy()
    for rate in [0.4 * share for share in RATES[decay]]:
        miss, before = expit(p @ (j - i)), p.copy()
        p += rate * (miss * (i - j) - 2 * 0.05 * p)
        i += rate * (miss * before - 2 * 0.05 * i)
        j -= rate * (miss * before + 2 * 0.05 * j)
    est = sgd(BPRMFRanker, max_epochs=3, **options).fit([[1, 0]])
    np.testing.assert_allclose(est.user_factors_[0], p, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(est.item_factors_, [i, j], rtol=1e-4, atol=1e-6)


@BOTH
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_history_holds_the_mean_loss(n_jobs, cls, sgd, all_but_one):
    X, lacking = all_but_one
    options = {"max_epochs": 1, "lr": 1e-12, "n_negatives": 3}  # it stays where it starts
    est = sgd(cls, n_jobs=n_jobs, **options).fit(X)
    f, (u, i) = numpy_scores(est), X.nonzero()
    cost = np.logaddexp(0, f[u, lacking[u]] - f[u, i])
    if cls is MFClassifier:
        cost = (np.logaddexp(0, -f[u, i]) + 3 * np.logaddexp(0, f[u, lacking[u]])) / 4
    assert est.history_[0]["train_loss"] == pytest.approx(cost.mean(), rel=1e-5)
    assert est.history_[-1]["epoch"] == 1


# rates

RATE = {
    (MFClassifier, "sgd"): 0.06,
    (BPRMFRanker, "sgd"): 0.1,
    (MFClassifier, "torch"): 0.005,
    (BPRMFRanker, "torch"): 0.005,
}


@pytest.mark.parametrize(("cls", "solver"), RATE)
def test_the_automatic_rate_is_the_documented_one_of_the_solver(cls, solver, quick, X):
    auto, given = (quick(cls, solver=solver, lr=lr).fit(X) for lr in ("auto", RATE[cls, solver]))
    np.testing.assert_array_equal(auto.item_factors_, given.item_factors_)
    np.testing.assert_array_equal(auto.decision_function(X), given.decision_function(X))
    assert f"{RATE[cls, solver]:g}" in cls.__doc__
    other = quick(cls, solver=solver, lr=1.01 * RATE[cls, solver]).fit(X)
    assert (other.item_factors_ != auto.item_factors_).any()


@BOTH
def test_the_rate_may_be_automatic_again_after_a_number(cls, X):
    est = cls(max_epochs=1, n_factors=4, random_state=0)
    first = est.fit(X).item_factors_.copy()
    est.set_params(lr=0.5).fit(X)
    assert (est.item_factors_ != first).any()
    np.testing.assert_array_equal(est.set_params(lr="auto").fit(X).item_factors_, first)


@BOTH
@pytest.mark.parametrize("lr", ["automatic", 0.0, None])
def test_a_rate_that_is_none_is_named(lr, cls, X):
    with pytest.raises(ValueError, match=f"'lr' parameter of {cls.__name__}"):
        cls(lr=lr).fit(X)


# what is learnt


@BOTH
@pytest.mark.parametrize(("power", "n_jobs"), [(0.0, None), (0.75, None), (0.0, 2)])
def test_the_checkerboard_is_completed(power, n_jobs, cls, sgd, checkerboard):
    X, hidden = checkerboard
    est = sgd(cls, max_epochs=80, l2=1e-3, negative_power=power, n_jobs=n_jobs).fit(X)
    for top in (est.recommend(X, 1), est.recommend(users=range(40), n_items=1)):
        np.testing.assert_array_equal(top[:, 0], hidden.argmax(axis=1))


@BOTH
def test_unseen_users_are_folded_in_as_they_would_be_trained(cls, sgd, X):
    est = sgd(cls, max_epochs=40, l2=0.01, fold_in_steps=50).fit(X)
    known, unseen = est.decision_function(users=range(200)), est.decision_function(X)
    correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(known, unseen, strict=True)]
    assert np.median(correlations) > 0.9
    assert np.abs(known - unseen).mean() < 0.5  # the global bias is not lost


@BOTH
def test_a_user_who_has_everything_is_left_out_of_training(cls, sgd):
    X = np.vstack([np.ones((1, 6)), np.eye(5, 6), np.tri(4, 6)])
    start, est = (sgd(cls, max_epochs=n).fit(X) for n in (0, 5))
    np.testing.assert_array_equal(start.user_factors_[0], est.user_factors_[0])
    assert (start.user_factors_[1:, :6] != est.user_factors_[1:, :6]).all()


@BOTH
@pytest.mark.parametrize("power", [0.0, 0.75])
def test_edges_give_finite_answers(power, cls, edge, check_edge):
    check_edge(cls, edge, solver="sgd", negative_power=power)


# seeds and threads


@BOTH
def test_threads_learn_as_much(cls, sgd, X):
    # on a row less than the blocks, and on users who have everything, a block may be empty
    losses = [sgd(cls, max_epochs=20, n_jobs=n).fit(X).history_[-1]["train_loss"] for n in (1, -1)]
    assert losses[1] == pytest.approx(losses[0], rel=0.2)  # of .69 and more at the start
    sgd(cls, n_jobs=2).fit(X[:1])
    sgd(cls, n_jobs=2).fit(np.ones((2, 3)))


@BOTH
def test_threads_are_a_number_but_zero(cls, sgd, X):
    with pytest.raises(ValueError, match="n_jobs"):
        sgd(cls, n_jobs=0).fit(X)


@BOTH
def test_a_seed_gives_the_same_model_also_from_threads(cls, sgd, X):
    est = sgd(cls).fit(X)
    unfitted: list[Any] = [clone(est) for _ in range(2)]
    others: Any = Parallel(2, prefer="threads")(delayed(each.fit)(X) for each in unfitted)
    for other in others:
        np.testing.assert_array_equal(other.item_factors_, est.item_factors_)
    assert (sgd(cls, random_state=1).fit(X).item_factors_ != est.item_factors_).any()


@BOTH
def test_a_pickled_model_is_the_same(cls, sgd, X):
    est = sgd(cls).fit(X)
    copy = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(copy.predict_proba(X), est.predict_proba(X))


@BOTH
def test_indices_of_64_bits_give_the_same_model(cls, sgd, X):
    long = X.copy()
    long.indptr, long.indices = long.indptr.astype(np.int64), long.indices.astype(np.int64)
    one, other = sgd(cls).fit(X), sgd(cls).fit(long)
    np.testing.assert_array_equal(one.item_factors_, other.item_factors_)


# watching


@BOTH
def test_early_stopping_keeps_the_best_weights(cls, sgd, X):
    options = {"early_stopping": True, "max_epochs": 200, "patience": 3, "lr": 0.2}
    est = sgd(cls, **options).fit(X)
    values = [row["valid_ndcg@10"] for row in est.history_]
    best = int(np.argmax(values)) + 1
    assert best < len(values) < 200
    again = sgd(cls, **options | {"max_epochs": best}).fit(X)
    np.testing.assert_array_equal(est.item_factors_, again.item_factors_)
    assert getattr(est, "global_bias_", 0) == getattr(again, "global_bias_", 0)


@BOTH
def test_given_pairs_are_only_watched(cls, sgd, X):
    pairs = Interactions(X[:, ::-1])
    est = sgd(cls, validation_data=pairs).fit(X)
    assert all(0 <= row["valid_ndcg@10"] <= 1 for row in est.history_)
    np.testing.assert_array_equal(est.item_factors_, sgd(cls).fit(X).item_factors_)


@BOTH
def test_verbose_shows_a_bar(cls, sgd, X, capsys):
    sgd(cls, verbose=1).fit(X)
    shown = capsys.readouterr().err
    assert f"{cls.__name__}: 100%" in shown
    assert "train_loss" in shown


# going on


@BOTH
def test_a_warm_start_goes_on(cls, sgd, X):
    est = sgd(cls, warm_start=True).fit(X)
    before, n_rows = est.item_factors_.copy(), len(est.history_)
    bias = getattr(est, "global_bias_", 0)
    est.set_params(max_epochs=0).fit(X)
    np.testing.assert_array_equal(est.item_factors_, before)
    assert getattr(est, "global_bias_", 0) == bias
    est.set_params(max_epochs=2).fit(X)
    assert [row["epoch"] for row in est.history_] == [1, 2, 3, 4, 5, 6, 7]
    assert n_rows == 5
    assert est.history_[-1]["train_loss"] < est.history_[4]["train_loss"]


@BOTH
def test_a_warm_start_must_fit(cls, sgd, X):
    est = sgd(cls, warm_start=True).fit(X)
    with pytest.raises(ValueError, match=r"solver must be as in the last fit.*'torch' after 'sgd'"):
        est.set_params(solver="torch").fit(X)
    with pytest.raises(ValueError, match="X and the parameters of size"):
        est.set_params(solver="sgd", n_factors=7).fit(X)
    torch_est = sgd(cls, warm_start=True, solver="torch").fit(X)
    with pytest.raises(ValueError, match=r"solver must be as in the last fit.*'sgd' after 'torch'"):
        torch_est.set_params(solver="sgd").fit(X)
    est.set_params(warm_start=False, solver="torch").fit(X)
    assert not hasattr(est, "history_")


@BOTH
def test_other_models_start_from_it(cls, sgd, X):
    source = sgd(cls, **{BIAS[cls]: False})
    gmf = {MFClassifier: GMFClassifier, BPRMFRanker: GMFRanker}[cls]
    est = gmf(n_factors=6, max_epochs=0, pretrain=source, random_state=0, device="cpu").fit(X)
    np.testing.assert_array_equal(est.user_factors_, est.pretrained_.user_factors_)
    np.testing.assert_array_equal(est.item_factors_, est.pretrained_.item_factors_)
    options = {"n_factors": 6, "max_epochs": 0, "random_state": 0, "device": "cpu"}
    both: Any = NeuMFClassifier(pretrain=source, **options).fit(X)
    np.testing.assert_array_equal(both.item_factors_[:, :6], both.pretrained_.item_factors_)


# refusals


@BOTH
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("optimizer", "adagrad"),
        ("optimizer_options", {"betas": (0.5, 0.9)}),
        ("weight_decay", 0.1),
        ("device", "cuda"),
        ("callbacks", [("name", None)]),
    ],
)
def test_what_only_torch_reads_is_refused(name, value, cls, sgd, X, monkeypatch):
    monkeypatch.setattr("skrec.neural._base.resolve_device", lambda device: "cpu")
    with pytest.raises(ValueError, match=f'{name} must be .* with solver="sgd"; got'):
        sgd(cls, **{name: value}).fit(X)


@BOTH
@pytest.mark.parametrize("device", ["cpu", torch.device("cpu"), "auto"])
def test_a_cpu_is_accepted(device, cls, sgd, X):
    assert len(sgd(cls, device=device).fit(X).history_) == 5


@BOTH
def test_divergence_names_epoch_and_rate_and_changes_nothing(cls, sgd, X):
    est = sgd(cls).fit(X)
    before = est.item_factors_.copy()
    with pytest.raises(DivergenceError, match=r"in epoch 1 with lr=300; .*smaller lr"):
        est.set_params(lr=300.0).fit(X)
    np.testing.assert_array_equal(est.item_factors_, before)


# common checks

OF_TORCH = {check.__name__ for check in [*TORCH_CHECKS, *THREAD_CHECKS]}  # they read net_
OF_CLASSIFIERS = {"check_estimator_sparse_array", "check_estimator_sparse_matrix"}
# scikit-learn's searches read no solver, and `tests.test_common` runs them for both classes
OF_SEARCHES = {check.__name__ for check in SEARCH_CHECKS} - {"check_parallel"}


def descending(cls):
    """Return one that learns the checkerboard, but not by heart: unseen rows are judged too."""
    return make_estimator(cls, solver="sgd", lr=0.05, l2=0.002)


def cases() -> Iterator[Any]:
    """Return a case for each check that needs no net."""
    for cls in (MFClassifier, BPRMFRanker):
        est = descending(cls)
        for check in estimator_checks(est):
            if check.__name__ not in OF_TORCH | OF_SEARCHES:
                yield pytest.param(
                    est,
                    lambda e, c=check: c(type(e).__name__, e),
                    id=f"{cls.__name__}-{check.__name__}",
                )
        # scikit-learn asks nothing in which the two differ
        pairs: Any = estimator_checks_generator(quick_copy(est)) if cls is MFClassifier else ()
        for instance, check in pairs:
            name = getattr(check, "func", check).__name__
            if name not in OF_CLASSIFIERS:
                yield pytest.param(instance, check, id=f"{cls.__name__}-sklearn-{name}")


@pytest.mark.filterwarnings("ignore:X holds weights:skrec.exceptions.SkrecWarning")
@pytest.mark.parametrize(("estimator", "check"), list(cases()))
def test_common(estimator, check):
    check(estimator)
