"""Checks of fitting: reproducible, complete, without side effects, and undone when it fails."""

import copy
import pickle
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skrec.interactions import Interactions
from skrec.testing._checks_errors import wrong_data
from skrec.testing._data import (
    AnyRecommender,
    Histories,
    assert_close,
    board,
    fitted,
    is_explicit,
    quick,
    scores_of,
    tiny,
)
from skrec.typing import Array

__all__ = ["CHECKS", "TORCH_CHECKS"]


def _random_states() -> tuple[bytes, int, bytes]:
    """Return the state of the global sources of random numbers, which changes with every draw."""
    state: Any = np.random.get_state()  # noqa: NPY002
    _, keys, place, *_ = state
    torch = sys.modules.get("torch")  # there is none where no model needs it
    return keys.tobytes(), place, b"" if torch is None else torch.get_rng_state().numpy().tobytes()


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """Seed NumPy's and torch's global source, and restore their states at the end."""
    torch = sys.modules.get("torch")
    before = np.random.get_state(), None if torch is None else torch.get_rng_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    if torch is not None:
        torch.random.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before[0])  # noqa: NPY002
        if torch is not None:
            torch.set_rng_state(before[1])


def check_same_seed_same_model(name: str, estimator: AnyRecommender) -> None:
    """Check that two fits make the same model, whatever the global random state."""
    right = scores_of(fitted(estimator))
    for seed in (1, 2):
        with _global_seed(seed):
            model = quick(estimator).fit(tiny(estimator))
            assert_close(scores_of(model), right, f"{name}: another fit")


def check_global_random_state_is_left_alone(name: str, estimator: AnyRecommender) -> None:
    """Check that neither fit nor prediction draws from NumPy's or torch's global source."""
    X = tiny(estimator)
    model = quick(estimator)
    calls = [model.fit, model.decision_function, model.predict_proba, model.recommend, model.score]
    for call in calls:
        before = _random_states()
        call(X)
        assert _random_states() == before, f"{name}.{call.__name__} used a global random state"


def check_copies_are_the_same_model(name: str, estimator: AnyRecommender) -> None:
    """Check that pickle, joblib and deepcopy make the same model."""
    model = fitted(estimator)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.joblib"
        joblib.dump(model, file)
        copies = [joblib.load(file), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    for other in copies:
        assert_close(scores_of(other), scores_of(model), name, tolerance=1e-7)
        assert other.get_params().keys() == model.get_params().keys(), name


def _scores_elsewhere(estimator: AnyRecommender, model: AnyRecommender) -> tuple[Array, Array]:
    """Return the scores of an estimator fitted here, and of a model fitted in another process."""
    return scores_of(quick(estimator).fit(tiny(estimator))), scores_of(model)


def check_another_process_gives_the_same_model(name: str, estimator: AnyRecommender) -> None:
    """Check that a fit in another process, and a model sent there, score as they do here."""
    model = fitted(estimator)
    job = joblib.delayed(_scores_elsewhere)(estimator, model)
    other_job: Any = joblib.delayed(int)()
    # the workers live on, so that many estimators pay once for starting them
    results: Any = joblib.Parallel(n_jobs=2, backend="loky")([job, other_job])
    (again, sent), _ = results
    assert_close(again, scores_of(model), f"{name}: fitted in another process")
    assert_close(sent, scores_of(model), f"{name}: sent to another process")


def check_fit_starts_anew(name: str, estimator: AnyRecommender) -> None:
    """Check that nothing of an earlier fit, on other users and items, is left."""
    model = quick(estimator).fit(tiny(estimator, 11, 13, seed=5))
    model.decision_function(users=[1])
    model.fit(tiny(estimator))
    assert_close(scores_of(model), scores_of(fitted(estimator)), name)
    assert model.__dict__.keys() == fitted(estimator).__dict__.keys(), name
    assert model.fit(tiny(estimator)) is model, f"{name}.fit does not return self"


def check_refitting_leaves_no_names(name: str, estimator: AnyRecommender) -> None:
    """Check that fitted attributes end in an underscore, and n_features_in_ counts the items."""
    model = fitted(estimator)
    new = model.__dict__.keys() - model.get_params().keys()
    wrong = [attribute for attribute in new if not attribute.endswith("_")]
    assert not wrong, f"{name}: fit leaves {wrong}"
    assert model.n_features_in_ == tiny(estimator).shape[1], name
    assert model.interactions_.dtype == np.float32, name


def check_failed_fit_changes_nothing(name: str, estimator: AnyRecommender) -> None:
    """Check that a fit on bad data, or one that fails at its very end, leaves the old model."""
    model = quick(estimator).fit(tiny(estimator))
    scores, errors = scores_of(model), (TypeError, ValueError)
    for case, (X, _) in wrong_data(estimator).items():
        _assert_unchanged_by_failing(model, X, errors, f"{name}: {case}")
    # what all of them might have changed in place
    assert_close(scores_of(model), scores, f"{name}: bad data", tolerance=1e-7)
    model, X = _failing_at_the_end(estimator).fit(tiny(estimator)), tiny(estimator, 9, 7)
    model.fails_ = True
    scores, what = scores_of(model), f"{name}: at the end"
    _assert_unchanged_by_failing(model, X, _MeantError, what)
    assert_close(scores_of(model), scores, what, tolerance=1e-7)


class _MeantError(RuntimeError):
    """The error that the checks raise themselves."""


def _failing_at_the_end(estimator: AnyRecommender) -> AnyRecommender:
    """Return an estimator that fails, when it is told to, after everything was learnt."""
    base: Any = type(estimator)

    def _tidy(self: Any) -> None:
        base._tidy(self)
        if self.__dict__.pop("told_", False):
            raise _MeantError

    def _forget(self: Any) -> None:
        told = self.__dict__.get("fails_", False)
        base._forget(self)
        self.told_ = told

    names = {"_tidy": _tidy, "_forget": _forget, "__module__": base.__module__}
    cls = type(base.__name__, (base,), names)
    return cls(**quick(estimator).get_params(deep=False))


def _assert_unchanged_by_failing(
    model: AnyRecommender,
    X: Any,
    errors: type[BaseException] | tuple[type[BaseException], ...],
    what: str,
) -> None:
    before = dict(model.__dict__)
    try:
        model.fit(X)
    except errors:
        pass
    else:
        raise AssertionError(f"{what}: fit raised no error")
    assert model.__dict__.keys() == before.keys(), f"{what}: {model.__dict__.keys()}"
    changed = [k for k, v in before.items() if model.__dict__[k] is not v]
    assert not changed, f"{what}: {changed} are not what they were"


def check_unfitted_estimators_say_so(name: str, estimator: AnyRecommender) -> None:
    """Check that everything that needs a fit raises NotFittedError without one."""
    X = tiny(estimator)
    model: AnyRecommender = clone(estimator)
    methods = [model.decision_function, model.predict_proba, model.recommend, model.score]
    methods += [model.explain]
    methods += [model.user_vectors] if hasattr(model, "user_vectors") else []
    methods += [model.similar_items] if hasattr(model, "similar_items") else []
    for method in methods:
        what = f"{name}.{method.__name__}"
        try:
            method([0] if method.__name__ == "similar_items" else X)
        except NotFittedError:
            continue
        except Exception as error:
            raise AssertionError(f"{what} raised {error!r}, not NotFittedError") from error
        raise AssertionError(f"{what} raised no error")


def check_parameters(name: str, estimator: AnyRecommender) -> None:
    """Check that get_params, clone, set_params and repr return what was put in."""
    params = estimator.get_params(deep=False)
    cls = type(estimator)
    again = {"clone": clone(estimator), "class": cls(**params), "set": cls().set_params(**params)}
    parts = estimator.get_params().values()  # also what lists of estimators hold
    names = {type(value).__name__: type(value) for value in (estimator, *parts)}
    again["repr"] = eval(repr(estimator), {**names, "nan": np.nan, "inf": np.inf})
    for way, other in again.items():
        assert type(other) is cls, f"{name}: {way} gives {type(other)}"
        assert repr(other) == repr(estimator), f"{name}: {way} gives {other!r}"
        assert other.get_params(deep=False).keys() == params.keys(), f"{name}: {way}"
    message = _message_of_unknown_parameter(cls)
    assert "no_such_parameter" in message, f"{name}: {message}"


def _message_of_unknown_parameter(cls: type[AnyRecommender]) -> str:
    try:
        cls(no_such_parameter=1)
    except TypeError as error:
        return str(error)
    return "no error"


def check_score(name: str, estimator: AnyRecommender) -> None:
    """Check that the score is one finite float, and larger where the model is right."""
    model, (X, _) = fitted(estimator, board), board(estimator)
    answers = (model.score(X), model.score(X, np.ones(X.shape[0])), model.score(X, X))
    assert all(isinstance(s, float) and np.isfinite(s) for s in answers), f"{name}: {answers}"
    assert answers[0] == answers[1], f"{name}: a one-dimensional y is not ignored"
    right, wrong = (model.score(X, y) for y in _right_and_wrong(model, X))
    assert right > wrong, f"{name}: {right} where it is right, {wrong} where it is wrong"
    known = model.score(Interactions(X))
    assert isinstance(known, float), f"{name}: {known!r}"
    assert np.isfinite(known), f"{name}: {known}"


def _right_and_wrong(model: AnyRecommender, X: Histories) -> tuple[Histories, Histories]:
    """Return targets that agree with the model's own predictions, and targets that contradict."""
    if is_explicit(model):
        own = model.predict(X)
        return sp.csr_matrix(own), sp.csr_matrix(own.min() + own.max() - own)
    row = np.arange(X.shape[0])
    ranked = model.recommend(X, n_items=X.shape[1])
    last = (ranked >= 0).sum(axis=1) - 1
    ones = np.ones(len(row))
    first, final = (
        sp.csr_matrix((ones, (row, items)), shape=X.shape)
        for items in (ranked[:, 0], ranked[row, last])
    )
    return first, final


def _failing_callback(error: BaseException) -> Any:
    """Return a callback of skorch that raises after an update."""

    def on_batch_end(self: Any, net: Any, **kwargs: Any) -> None:
        raise error

    # skorch is there where an estimator has callbacks, and nothing else here needs it
    base = sys.modules["skorch.callbacks"].Callback
    return type("FailingCallback", (base,), {"on_batch_end": on_batch_end})()


def check_training_that_fails_changes_nothing(name: str, estimator: AnyRecommender) -> None:
    """Check that an error or an interrupt in the middle of training leaves the old model."""
    for warm_start in (False, True):
        model = quick(estimator, warm_start=warm_start).fit(tiny(estimator))
        scores = scores_of(model)
        for error in (_MeantError("meant"), KeyboardInterrupt("meant")):
            model.set_params(callbacks=[_failing_callback(error)])
            what = f"{name}: {error!r} with warm_start={warm_start}"
            _assert_unchanged_by_failing(model, tiny(estimator), type(error), what)
            model.set_params(callbacks=None)
        what = f"{name}: errors with warm_start={warm_start}"
        assert_close(scores_of(model), scores, what, tolerance=1e-7)


def check_every_weight_learns(name: str, estimator: AnyRecommender) -> None:
    """Check that no weight of the network stays as it was initialised."""
    params = {"weight_decay": 0.0} if "weight_decay" in estimator.get_params() else {}
    before, after = (
        quick(estimator, max_epochs=n, **params).fit(tiny(estimator)).net_.module_ for n in (0, 1)
    )
    pairs = zip(before.named_parameters(), after.parameters(), strict=True)
    idle = [key for (key, a), b in pairs if a.requires_grad and bool((a == b).all())]
    assert not idle, f"{name}: {idle} are never updated"


def _snapshots(states: list[dict[str, Any]]) -> Any:
    """Return a callback of skorch that adds the weights of every epoch to a list."""

    def on_epoch_end(self: Any, net: Any, **kwargs: Any) -> None:
        states.append({key: value.clone() for key, value in net.module_.state_dict().items()})

    base = sys.modules["skorch.callbacks"].Callback
    return type("Snapshots", (base,), {"on_epoch_end": on_epoch_end})()


def check_a_longer_limit_leaves_the_first_epochs(name: str, estimator: AnyRecommender) -> None:
    """Check that the epochs of a short training are those that a longer one begins with."""
    constant = {"lr_decay": None} if "lr_decay" in estimator.get_params() else {}
    runs: list[list[dict[str, Any]]] = []
    for n_epochs in (2, 4):
        runs.append([])
        changed = {**constant, "max_epochs": n_epochs, "callbacks": [_snapshots(runs[-1])]}
        quick(estimator, **changed).fit(tiny(estimator))
    short, long = runs
    assert len(short) == 2, f"{name}: {len(short)} epochs where there should be 2"
    for epoch, (one, other) in enumerate(zip(short, long, strict=False), start=1):
        changed = [key for key in one if not bool((one[key] == other[key]).all())]
        assert not changed, f"{name}: max_epochs changes {changed} of epoch {epoch}"


CHECKS = [
    check_same_seed_same_model,
    check_global_random_state_is_left_alone,
    check_copies_are_the_same_model,
    check_another_process_gives_the_same_model,
    check_fit_starts_anew,
    check_refitting_leaves_no_names,
    check_failed_fit_changes_nothing,
    check_unfitted_estimators_say_so,
    check_parameters,
    check_score,
]


def check_fold_in_minimises_the_loss_of_training(name: str, estimator: AnyRecommender) -> None:
    """Check that unseen users are folded in under the criterion, not under another loss."""
    from skrec.neural.objectives import fold_in_disagreement  # with torch

    unpenalised = {"l2": 0.0} if "l2" in estimator.get_params() else {}
    model = quick(estimator, **unpenalised).fit(tiny(estimator))
    disagreement = fold_in_disagreement(model)
    assert disagreement < 1e-5, f"{name}: the loss of a row is off by {disagreement:.2g}"


TORCH_CHECKS = [
    check_training_that_fails_changes_nothing,
    check_every_weight_learns,
    check_a_longer_limit_leaves_the_first_epochs,
    check_fold_in_minimises_the_loss_of_training,
]
