"""Early stopping on held-out users or given data."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from skorch.callbacks import Callback

from skrec import (
    AutoRecRegressor,
    BiasedMFRegressor,
    BPRMFRanker,
    CDAERecommender,
    CrossFeedbackBMF,
    FISMRanker,
    GeRecClassifier,
    GMFClassifier,
    Interactions,
    MultVAERecommender,
    RecVAERecommender,
    VAERegressor,
)
from skrec.metrics import evaluate_ranking
from skrec.utils import split_rows


class RowCount(Callback):
    """Count the rows that are trained on."""

    def on_train_begin(self, net, X=None, **kwargs):
        self.n_rows_ = X.X.shape[0]


class Weights(Callback):
    """Keep the weights of each epoch."""

    def on_train_begin(self, net, **kwargs):
        self.sums_ = []

    def on_epoch_end(self, net, **kwargs):
        self.sums_.append(weight_sum(net.module_))


def weight_sum(module):
    return sum(p.double().sum().item() for p in module.parameters())


def used(est, cls):
    """Return the callback of a class that the net was trained with."""
    return next(cb for _, cb in est.net_.callbacks_ if isinstance(cb, cls))


@pytest.mark.parametrize(("fraction", "n_held_out"), [(0.1, 20), (0.5, 100), (0.001, 1)])
def test_a_share_of_the_users_is_held_out(fraction, n_held_out, make, X):
    est = make(early_stopping=True, validation_fraction=fraction, callbacks=[RowCount()]).fit(X)
    assert used(est, RowCount).n_rows_ == 200 - n_held_out
    assert np.isfinite(est.net_.history[:, "valid_ndcg@100"]).all()
    assert est.interactions_.shape == X.shape  # users= still answers for all


def test_at_most_500_users_are_held_out(make):
    X = sp.csr_matrix(np.random.RandomState(0).uniform(size=(1500, 20)) < 0.3)
    est = make(early_stopping=True, validation_fraction=0.5, max_epochs=1, callbacks=[RowCount()])
    assert used(est.fit(X), RowCount).n_rows_ == 1000


def test_users_of_one_interaction_are_trained_on(make):
    X = np.eye(40, 12)
    X[:4, :3] = 1
    est = make(early_stopping=True, validation_fraction=0.5, callbacks=[RowCount()]).fit(X)
    assert used(est, RowCount).n_rows_ == 38


def test_nobody_to_hold_out_is_an_error(make):
    with pytest.raises(ValueError, match=r"to hold out validation_fraction=0\.1"):
        make(early_stopping=True).fit(np.eye(5))


def test_any_metric_may_be_watched(make, X):
    est = make(early_stopping=True, validation_metric="recall@5").fit(X)
    assert "valid_recall@5" in est.net_.history[-1]


def test_patience_ends_the_training_with_the_best_weights(make, X):
    est = make(early_stopping=True, patience=3, max_epochs=200, lr=0.05, callbacks=[Weights()])
    history = est.fit(X).net_.history
    values = history[:, "valid_ndcg@100"]
    best = int(np.argmax(values))
    assert len(values) == best + 1 + 3 < 200
    assert weight_sum(est.net_.module_) == used(est, Weights).sums_[best]


def test_a_model_at_the_level_of_popularity_is_not_stopped(make, X):
    # so slow that nothing is learnt: the metric stays below that of item counts
    est = make(early_stopping=True, patience=1, max_epochs=12, lr=1e-9).fit(X)
    assert len(est.net_.history) == 12


@pytest.fixture
def given(X):
    history, targets = split_rows(X[:30], random_state=3)
    return {"tuple": (history, targets), "matrix": X[:30], "dense": X[:30].toarray()}


@pytest.mark.parametrize("kind", ["tuple", "matrix", "dense"])
def test_all_users_are_trained_on_where_validation_data_is_given(kind, given, make, X):
    est = make(early_stopping=True, validation_data=given[kind], callbacks=[RowCount()])
    assert used(est.fit(X[30:]), RowCount).n_rows_ == 170


def test_given_histories_and_targets_are_what_is_measured(given, make, X):
    history, targets = given["tuple"]
    est = make(early_stopping=True, validation_data=(history, targets), validation_metric="ndcg@5")
    recorded = est.fit(X[30:]).net_.history[:, "valid_ndcg@5"]
    scores = est.decision_function(history)
    value = evaluate_ranking(targets, scores, metrics=("ndcg@5",), exclude=history)["ndcg@5"]
    assert np.nanmean(value) == pytest.approx(max(recorded), rel=1e-5)


def test_given_rows_are_split(given, make, X):
    as_pair = make(early_stopping=True, validation_data=split_rows(X[:30])).fit(X[30:])
    as_rows = make(early_stopping=True, validation_data=X[:30]).fit(X[30:])
    key = "valid_ndcg@100"
    assert as_pair.net_.history[:, key] == as_rows.net_.history[:, key]


def test_given_interactions_are_targets_of_the_users_of_fit(make, data):
    rng = np.random.RandomState(0)
    held_out = rng.uniform(size=len(data.interactions)) < 0.2
    train, test = data.interactions[~held_out], data.interactions[held_out]
    est = make(early_stopping=True, validation_data=test, callbacks=[RowCount()]).fit(train)
    assert used(est, RowCount).n_rows_ == 200
    scores = est.decision_function(train.tocsr())
    metrics = {"metrics": ("ndcg@100",), "exclude": train.tocsr()}
    value = evaluate_ranking(test.tocsr(), scores, **metrics)["ndcg@100"]
    recorded = max(est.net_.history[:, "valid_ndcg@100"])
    assert np.nanmean(value) == pytest.approx(recorded, rel=1e-5)


@pytest.mark.parametrize("cls", [MultVAERecommender, BPRMFRanker, VAERegressor])
def test_interactions_of_other_ids_are_an_error(cls):
    columns = {"user": "user", "item": "item", "rating": "rating"}
    user, item = np.divmod(np.arange(48), 4)
    train = pd.DataFrame({"user": user, "item": item, "rating": user % 5 + 1.0})
    train = train[train["user"] % 3 != train["item"]]
    X, _ = Interactions.from_frame(train, **columns)
    same = Interactions.from_arrays(X.user, 3 - X.item, X.value, frame=X.frame)
    est = cls(max_epochs=1, device="cpu", random_state=0)
    est.set_params(validation_data=same).fit(X)  # nothing is known of its ids
    given, _ = Interactions.from_frame(train.assign(user=99 - train["user"]), **columns)
    with pytest.raises(ValueError, match="validation_data must have the user ids that X has"):
        est.set_params(validation_data=given).fit(X)


WATCHED = {
    "rows": MultVAERecommender(hidden_sizes=(8,), latent_size=4, batch_size=50),
    "rows, in turns": RecVAERecommender(hidden_size=8, latent_size=4, batch_size=50),
    "rows and nodes": CDAERecommender(latent_size=4, batch_size=50),
    "pairs": BPRMFRanker(n_factors=4, batch_size=400, solver="torch"),
    "candidates": GMFClassifier(n_factors=4, batch_size=400, validation_candidates=20),
    "histories": FISMRanker(n_factors=4, batch_size=400),
    "draws": GeRecClassifier(n_factors=4, n_draws=2, n_filters=2, batch_size=400, n_samples=2),
    "rated pairs": BiasedMFRegressor(n_factors=4, batch_size=400),
    "rated rows": VAERegressor(latent_size=4),
    "rated items": AutoRecRegressor(latent_size=4),
    "both sides": CrossFeedbackBMF(n_factors=3, hidden_sizes=(4,), joined_size=4),
}


def state(est):
    return {k: v.numpy().copy() for k, v in est.net_.module_.state_dict().items()}


@pytest.mark.parametrize("name", WATCHED)
def test_data_to_validate_on_without_early_stopping_is_watched_and_changes_nothing(name, data):
    est = clone(WATCHED[name]).set_params(max_epochs=3, random_state=0, device="cpu")
    est.set_params(early_stopping=False)
    X = data.X.copy()
    if est.__sklearn_tags__().feedback == "explicit":
        X.data = (X.indices + 2.0 * np.repeat(np.arange(200), np.diff(X.indptr))) % 5 + 1
    pairs = Interactions(X.astype(np.float64))
    held_out = np.random.RandomState(0).uniform(size=len(pairs)) < 0.2
    train, test = pairs[~held_out], pairs[held_out]
    plain = clone(est).fit(train)
    watched = clone(est).set_params(validation_data=test).fit(train)
    metric = est.validation_metric
    key = {"rmse": "valid_neg_rmse"}.get(metric, f"valid_{metric}")
    if est.get_params().get("validation_candidates") is not None:
        key = key.replace("valid_", "valid_sampled_")
    assert np.isfinite(watched.net_.history[:, key]).all()
    assert len(watched.net_.history) == 3
    one, other = state(plain), state(watched)
    for weight, values in one.items():
        np.testing.assert_array_equal(values, other[weight], err_msg=weight)
    for answer in ("decision_function", "predict_proba"):
        np.testing.assert_array_equal(
            getattr(plain, answer)(users=[0, 1]), getattr(watched, answer)(users=[0, 1])
        )


def test_the_last_weights_are_kept_where_training_is_only_watched(make, X):
    # the rate is so large that the metric has its best before the end
    options = {"lr": 0.3, "max_epochs": 8, "validation_data": X[:30], "patience": 1}
    est = make(callbacks=[Weights()], **options).fit(X[30:])
    assert len(est.net_.history) == 8
    assert weight_sum(est.net_.module_) == used(est, Weights).sums_[-1]
    best = make(early_stopping=True, **options).fit(X[30:])
    assert weight_sum(best.net_.module_) != weight_sum(est.net_.module_)


@pytest.mark.parametrize(
    ("validation_data", "message"),
    [
        ((np.eye(3, 60),), "validation_data must be a pair .* got a tuple of 1"),
        ((np.eye(3, 60), np.eye(4, 60)), "validation_data must hold .* of one shape"),
        (Interactions.from_arrays([0], [0], frame=(7, 60)), "validation_data must be in the frame"),
        (np.eye(3, 59), "59"),
        (-np.eye(3, 60), "validation_data must be as X has to be: Negative values"),
        (np.full((3, 60), np.nan), "validation_data must be as X has to be: .*NaN"),
        ((np.eye(3, 60), np.full((3, 60), np.inf)), "validation_data .*: .*infinity"),
        (np.array([["a"] * 60]), "validation_data must be as X has to be"),
        ((np.eye(3, 60), np.eye(3, 60)), "a target that its history lacks; got 3"),
        ((np.eye(3, 60), np.zeros((3, 60))), "a target that its history lacks; got 0"),
        (np.zeros((3, 60)), "a target that its history lacks; got 0"),
        ((), "got a tuple of 0"),
        (([[1]], [[1]], [[1]]), "got a tuple of 3"),
    ],
)
@pytest.mark.parametrize("early_stopping", [True, False])
def test_bad_validation_data_is_an_error(validation_data, message, early_stopping, make, X):
    est = make(early_stopping=early_stopping, validation_data=validation_data)
    est.set_params(callbacks=[counting := RowCount()])
    with pytest.raises(ValueError, match=message):
        est.fit(X)
    assert not hasattr(counting, "n_rows_")  # nothing was trained


@pytest.mark.parametrize("metric", ["x", "ndcg@", "ndcg@0", "ndcg@-1", "ndcg@010", "NDCG@10", ""])
def test_a_metric_that_is_none_is_named_before_training(metric, make):
    with pytest.raises(ValueError, match=r"^validation_metric"):
        make(validation_metric=metric).fit("no data is looked at")


def test_the_split_comes_from_the_seed(make, X):
    def values(seed):
        return make(early_stopping=True, random_state=seed).fit(X).net_.history[:, "valid_ndcg@100"]

    assert values(0) == values(0) != values(1)


def test_warm_start_validates_on_the_same_users(make, X):
    est = make(early_stopping=True, warm_start=True).fit(X)
    best = max(est.net_.history[:, "valid_ndcg@100"])
    est.set_params(max_epochs=1, lr=1e-12).fit(X)
    # nearly the best weights of the first fit, measured on the same users again
    assert est.net_.history[-1]["valid_ndcg@100"] == pytest.approx(best, rel=1e-3)
