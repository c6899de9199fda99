"""What a file gives back: answers, parameters, ids, another fit."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import LRScheduler

from skrec import (
    AutoRecRegressor,
    BayesianMFRegressor,
    BiasedMFRegressor,
    BlendedRecommender,
    BPRMFRanker,
    CalibratedRecommender,
    CDAERecommender,
    DeepCFClassifier,
    EASERecommender,
    GMFClassifier,
    GraphFilterRecommender,
    InfiniteAERecommender,
    Interactions,
    LightGCNRanker,
    MFClassifier,
    MFRecommender,
    MultDAERecommender,
    MultVAERecommender,
    NAISClassifier,
    NeuMFClassifier,
    SLIMRecommender,
    UserKNNRecommender,
    WMFRecommender,
    load_model,
    recommend_frame,
    save_model,
)
from skrec.exceptions import PersistenceError, SkrecWarning
from skrec.testing import all_estimators, make_estimator
from skrec.testing._data import quick, scores_of, tiny

EASE = make_estimator(EASERecommender)


def made(cls, **params):
    """Return an estimator that is fitted in an instant."""
    return quick(make_estimator(cls), **params)


def fitted_ease():
    return make_estimator(EASERecommender).fit(tiny(EASE))


def draw_anew(model):
    """Let the next fit of a model draw as one from a file does."""
    if "net_" in vars(model):
        model.net_.draws_ = None
    if "descent_draws_" in vars(model):
        model.descent_draws_ = None


VARIANTS = {
    "sgd": lambda: made(MFClassifier, solver="sgd", warm_start=True),
    "bpr sgd": lambda: made(BPRMFRanker, solver="sgd"),
    "pretrained by a twin": lambda: made(NeuMFClassifier, pretrain="halves"),
    "pretrained by two": lambda: made(DeepCFClassifier, pretrain="auto"),
    "pretrained by a frozen one": lambda: made(
        GMFClassifier, pretrain=FrozenEstimator(made(BPRMFRanker).fit(tiny(EASE)))
    ),
    "softmax": lambda: made(MFRecommender, loss="softmax"),
    "history": lambda: made(MFRecommender, history="mean"),
    "beta searched": lambda: made(MultVAERecommender, beta="auto"),
    "gaussian": lambda: made(MultVAERecommender, likelihood="gaussian", hidden_sizes=[8, 4]),
    "nodes": lambda: made(CDAERecommender, likelihood="logistic"),
    "users side": lambda: made(AutoRecRegressor, side="user"),
    "popular negatives": lambda: made(GMFClassifier, negative_power=0.5),
    "isotonic": lambda: CalibratedRecommender(made(EASERecommender), method="isotonic"),
    "calibrated frozen": lambda: CalibratedRecommender(FrozenEstimator(fitted_ease())),
    "calibrated ratings": lambda: CalibratedRecommender(made(BiasedMFRegressor)),
    "blend": lambda: BlendedRecommender(
        [("frozen", FrozenEstimator(fitted_ease())), ("mf", made(MFClassifier)), ("no", "drop")],
        weights=[1, 2, 3],
    ),
    "sparse graph": lambda: made(GraphFilterRecommender, filter="power", n_neighbors=5),
    "powers of a graph": lambda: made(
        GraphFilterRecommender, filter="power", n_neighbors=5, coefficients=(1.0, 0.5)
    ),
    "landmarks": lambda: made(InfiniteAERecommender, max_landmarks=7, random_state=0),
    "bm25": lambda: made(UserKNNRecommender, weighting="bm25"),
    "no weighting": lambda: made(UserKNNRecommender, weighting=None),
    "generator": lambda: made(WMFRecommender, random_state=np.random.RandomState(3)),
    "no implicit": lambda: made(BayesianMFRegressor, implicit="none", n_chains=2),
    "adam goes on": lambda: made(MultVAERecommender, warm_start=True),
    "rows go on": lambda: made(GMFClassifier, warm_start=True, batch_size=1, max_epochs=1),
    "momentum goes on": lambda: made(
        MultVAERecommender, warm_start=True, optimizer="sgd", optimizer_options={"momentum": 0.9}
    ),
    "graph goes on": lambda: made(LightGCNRanker, warm_start=True),
    "columns go on": lambda: made(DeepCFClassifier, warm_start=True),
    "validated": lambda: made(
        MultDAERecommender, validation_data=(tiny(EASE)[:4], tiny(EASE)[4:8])
    ),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.filterwarnings("ignore::skrec.exceptions.SkrecWarning")
@pytest.mark.parametrize("variant", VARIANTS)
def test_equal_answers_and_an_equal_next_fit(variant, tmp_path):
    estimator = VARIANTS[variant]()
    X, path = tiny(estimator), tmp_path / "model"
    model = estimator.fit(X)
    save_model(model, path)
    same = load_model(path)
    np.testing.assert_array_equal(scores_of(same), scores_of(model))
    assert same.get_params().keys() == model.get_params().keys()
    save_model(model, path, training_data=False)
    rows = tiny(estimator, 12, 20, 1)
    np.testing.assert_array_equal(load_model(path).predict_proba(rows), model.predict_proba(rows))
    draw_anew(model)
    np.testing.assert_array_equal(scores_of(same.fit(X)), scores_of(model.fit(X)))


IN_ANOTHER_PROCESS = """
import sys
import numpy as np
from skrec import load_model
from skrec.testing._data import scores_of
import torch

torch.set_num_threads(1)
for path in sys.argv[1:]:
    np.save(path + ".npy", scores_of(load_model(path, mmap=True)))
"""


@pytest.mark.slow
def test_equal_answers_in_another_process(tmp_path):
    models = {}
    for name, cls in all_estimators():
        estimator = make_estimator(cls)
        models[str(tmp_path / name)] = quick(estimator).fit(tiny(estimator))
    for path, model in models.items():
        save_model(model, path)
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, *models]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for path, model in models.items():
        np.testing.assert_array_equal(np.load(path + ".npy"), scores_of(model), path)


USERS = {
    "text": [f"ü{n}" for n in range(30)],
    "integers": [*range(100, 130)],
    "dates": [*pd.date_range("2020", periods=30)],
    "tuples": [("a", n) for n in range(30)],
    "mixed": [f"u{n}" if n % 2 else n + 0.5 for n in range(30)],
}


@pytest.mark.parametrize("kind", USERS)
def test_raw_ids(kind, tmp_path):
    entries = tiny(EASE).tocoo()
    users = [USERS[kind][row] for row in entries.row]
    table = pd.DataFrame({"user": users, "item": [f"item {c}" for c in entries.col]})
    model = make_estimator(EASERecommender).fit(Interactions.from_frame(table)[0])
    save_model(model, tmp_path / "model")
    same = load_model(tmp_path / "model")
    for name in ("user_ids_", "item_ids_"):
        before, after = (getattr(each.encoder_, name) for each in (model, same))
        assert before.dtype == after.dtype
        assert before.tolist() == after.tolist()
    asked = [USERS[kind][3]]
    assert recommend_frame(same, users=asked).equals(recommend_frame(model, users=asked))


def test_ids_of_a_kind_that_no_file_holds(tmp_path):
    table = pd.DataFrame({"user": [frozenset([1]), frozenset([2])], "item": [1, 2]})
    model = EASERecommender().fit(Interactions.from_frame(table)[0])
    with pytest.raises(PersistenceError, match=r"encoder_\.users must be ids of .*; got frozenset"):
        save_model(model, tmp_path / "model")


def test_names_of_columns(tmp_path):
    frame = pd.DataFrame(tiny(EASE).toarray(), columns=[f"c{n}" for n in range(20)])
    save_model(make_estimator(EASERecommender).fit(frame), tmp_path / "model")
    same = load_model(tmp_path / "model")
    assert same.feature_names_in_.tolist() == [*frame]
    with pytest.raises(ValueError, match="feature names"):
        same.recommend(frame.iloc[:, ::-1])


def test_parameters_that_no_file_holds_are_named(tmp_path):
    model = made(
        MultVAERecommender,
        callbacks=[LRScheduler(policy="StepLR", step_size=1)],
        optimizer=torch.optim.Adam,
    ).fit(tiny(EASE))
    with pytest.warns(SkrecWarning) as caught:
        save_model(model, tmp_path / "model")
    (message,) = (str(each.message) for each in caught)
    assert "MultVAERecommender.callbacks (LRScheduler)" in message
    assert "MultVAERecommender.optimizer (the class Adam)" in message
    same = load_model(tmp_path / "model")
    assert (same.callbacks, same.optimizer) == (None, "adam")
    np.testing.assert_array_equal(scores_of(same), scores_of(model))


def test_a_search_is_saved_as_what_it_found(tmp_path):
    search = GridSearchCV(make_estimator(EASERecommender), {"l2": [1.0, 2.0]}, cv=2)
    model = BlendedRecommender([("search", search)]).fit(tiny(EASE))
    with pytest.warns(SkrecWarning) as caught:
        save_model(model, tmp_path / "model")
    first, second = (str(each.message) for each in caught)
    assert "estimators is a GridSearchCV, of which only its estimator is saved" in first
    assert "estimators_ is a GridSearchCV, of which only its best_estimator_ is saved" in second
    same = load_model(tmp_path / "model")
    np.testing.assert_array_equal(scores_of(same), scores_of(model))
    assert same.estimators_[0].l2 == model.estimators_[0].best_estimator_.l2
    same.fit(tiny(EASE))


def test_a_frozen_model_stays_frozen(tmp_path):
    save_model(FrozenEstimator(fitted_ease()), tmp_path / "model")
    same = load_model(tmp_path / "model")
    assert isinstance(same, FrozenEstimator)
    np.testing.assert_array_equal(scores_of(same.estimator), scores_of(fitted_ease()))


def test_generators_go_on_where_they_were(tmp_path):
    rng = np.random.RandomState(0)
    rng.standard_normal(3)  # an odd number leaves one in store
    save_model(made(WMFRecommender, random_state=rng).fit(tiny(EASE)), tmp_path / "model")
    other = load_model(tmp_path / "model").random_state
    np.testing.assert_array_equal(rng.standard_normal(5), other.standard_normal(5))


def test_saving_calibrates_first(tmp_path):
    model = make_estimator(SLIMRecommender).fit(tiny(EASE))
    assert not hasattr(model.link_, "slope_")
    save_model(model, tmp_path / "model", training_data=False)
    assert load_model(tmp_path / "model").link_.slope_ == model.link_.slope_


def test_without_training_data(tmp_path):
    model = make_estimator(SLIMRecommender).fit(tiny(EASE))
    sizes = []
    for training_data in (True, False):
        save_model(model, tmp_path / "model", training_data=training_data)
        sizes.append((tmp_path / "model").stat().st_size)
    assert sizes[1] < sizes[0]
    same = load_model(tmp_path / "model")
    assert same.interactions_.shape == model.interactions_.shape
    assert same.interactions_.nnz == 0
    pairs = Interactions.from_arrays([0], [1], frame=(30, 20))
    for ask in (
        lambda: same.recommend(users=[0]),
        lambda: same.decision_function(pairs),
        lambda: same.score(pairs),
    ):
        with pytest.raises(
            NotFittedError, match=r"must be .*histories.*saved with training_data=F"
        ):
            ask()
    same.fit(tiny(EASE))
    np.testing.assert_array_equal(same.recommend(users=[0]), model.recommend(users=[0]))


def test_vectors_that_need_the_interactions_say_so(tmp_path):
    save_model(made(LightGCNRanker).fit(tiny(EASE)), tmp_path / "model", training_data=False)
    with pytest.raises(NotFittedError, match="user_factors_ cannot be computed"):
        _ = load_model(tmp_path / "model").user_factors_


def test_validation_data_are_training_data(tmp_path):
    X = tiny(EASE)
    model = made(MultDAERecommender, validation_data=(X[2:6], X[6:10])).fit(X)
    save_model(model, tmp_path / "model", training_data=False)
    assert load_model(tmp_path / "model").validation_data is None


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (3, TypeError, "model must be an estimator of skrec; got 3"),
        (EASERecommender, TypeError, "model must be an estimator of skrec; got <class"),
        (EASERecommender(), NotFittedError, "not fitted"),
    ],
)
def test_what_cannot_be_saved(model, error, message, tmp_path):
    with pytest.raises(error, match=message):
        save_model(model, tmp_path / "model")


def test_classes_and_attributes_of_others_cannot_be_saved(tmp_path):
    class Mine(EASERecommender):
        pass

    with pytest.raises(PersistenceError, match="Mine is not one of the estimators of skrec"):
        save_model(Mine().fit(tiny(EASE)), tmp_path / "model")
    model = fitted_ease()
    model.mine_ = 3
    with pytest.raises(PersistenceError, match=r"attributes that it does not list: \['mine_'\]"):
        save_model(model, tmp_path / "model")
    assert [*tmp_path.iterdir()] == []


def test_arrays_that_share_memory_are_there_once(tmp_path):
    alone, around = fitted_ease(), CalibratedRecommender(FrozenEstimator(fitted_ease()))
    around.fit(tiny(EASE))
    save_model(alone, tmp_path / "alone")
    save_model(around, tmp_path / "around")
    same = load_model(tmp_path / "around")
    assert np.shares_memory(same.estimator.estimator._weights_, same.estimator_.estimator._weights_)


def test_no_larger_than_a_pickle_of_a_model_of_some_size(tmp_path):
    rng = np.random.default_rng(0)
    X = (rng.random((400, 200)) < 0.1).astype(np.float32)
    for cls in (EASERecommender, WMFRecommender, BPRMFRanker):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = made(cls).fit(X)
        model.predict_proba(X[:2])
        save_model(model, tmp_path / "model")
        assert (tmp_path / "model").stat().st_size < 1.05 * len(pickle.dumps(model))


def test_what_training_started_from_is_not_calibrated(tmp_path):
    model = made(NeuMFClassifier, pretrain="halves").fit(tiny(EASE))
    save_model(model, tmp_path / "model")
    assert not any(hasattr(start.link_, "slope_") for start in model.pretrained_)
    start = load_model(tmp_path / "model").pretrained_[0]
    np.testing.assert_array_equal(start.user_factors_, model.pretrained_[0].user_factors_)


@pytest.mark.parametrize("cls", [NeuMFClassifier, DeepCFClassifier, NAISClassifier])
def test_what_training_started_from_goes_with_the_training_data(cls, tmp_path):
    model = made(cls, pretrain="auto").fit(tiny(EASE))
    paths = tmp_path / "whole", tmp_path / "bare"
    for path, training_data in zip(paths, (True, False), strict=True):
        save_model(model, path, training_data=training_data)
    whole, bare = (load_model(path) for path in paths)
    assert model.pretrained_ is not None
    assert whole.pretrained_ is not None
    assert bare.pretrained_ is None
    expected = model.predict_proba(tiny(EASE))
    np.testing.assert_array_equal(bare.predict_proba(tiny(EASE)), expected)


def test_a_start_that_was_not_calibrated_needs_its_training_data(tmp_path):
    start = FrozenEstimator(made(BPRMFRanker).fit(tiny(EASE)))
    model = made(NeuMFClassifier, pretrain=start).fit(tiny(EASE))
    save_model(model, tmp_path / "model", training_data=False)
    start = load_model(tmp_path / "model").pretrain.estimator
    with pytest.raises(NotFittedError, match=r"probabilities .* saved with training_data=False"):
        start.predict_proba(tiny(EASE))


def test_updates_go_on_from_a_file(tmp_path):
    X = tiny(EASE)
    for cls in (EASERecommender, SLIMRecommender):
        model = make_estimator(cls)
        for part in (X[:10], X[10:18], X[18:24]):
            model.partial_fit(part)
        save_model(model, tmp_path / "model")
        same = load_model(tmp_path / "model").partial_fit(X[24:])
        np.testing.assert_array_equal(scores_of(same), scores_of(model.partial_fit(X[24:])))
        save_model(model, tmp_path / "bare", training_data=False)
        bare = load_model(tmp_path / "bare")
        with pytest.raises(NotFittedError, match="partial_fit must have the users from before"):
            bare.partial_fit(X[:2])
        for pair in ((bare, model), (model, bare)):
            with pytest.raises(NotFittedError, match="merge must have the users of both"):
                pair[0].merge(pair[1])


def test_where_fit_writes_is_not_in_a_file(tmp_path):
    model = made(MultDAERecommender, checkpoint=str(tmp_path / "states")).fit(tiny(EASE))
    save_model(model, tmp_path / "model")
    assert load_model(tmp_path / "model").checkpoint is None
    assert b"states" not in (tmp_path / "model").read_bytes()
