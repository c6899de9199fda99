"""Validation of estimators of pairs: what is held out, the metric, early stopping."""

import numpy as np
import pytest
import scipy.sparse as sp
from skorch.callbacks import Callback

from skrec import BPRMFRanker, FISMRanker, Interactions, MFClassifier, SVDppRanker
from skrec.base import Queries
from skrec.exceptions import SkrecWarning
from skrec.metrics import evaluate_ranking
from skrec.neural._pair_validation import PairValidation, hold_out_pairs

ALL = [BPRMFRanker, MFClassifier, FISMRanker, SVDppRanker]
QUICK = {"n_factors": 6, "max_epochs": 3, "lr": 0.02, "init_std": 0.1, "batch_size": 256}
QUICK |= {"l2": 0.0, "early_stopping": False, "lr_decay": None}
QUICK |= {"validation_fraction": 0.1, "validation_metric": "ndcg@10"}
QUICK |= {"random_state": 0, "device": "cpu"}
NETS = {
    BPRMFRanker: {"solver": "torch", "n_negatives": 1},
    MFClassifier: {"solver": "torch", "n_negatives": 4},
}


def quick(cls=BPRMFRanker, **parameters):
    return cls(**QUICK | NETS.get(cls, {}) | parameters)


@pytest.fixture(params=ALL, ids=lambda cls: cls.__name__)
def cls(request):
    return request.param


@pytest.fixture
def split(data):
    """Return interactions to train on, and held-out ones, of the same users."""
    held_out = np.random.RandomState(0).uniform(size=len(data.interactions)) < 0.2
    return data.interactions[~held_out], data.interactions[held_out]


class Epochs(Callback):
    """Keep the weights after each epoch, and what was trained on."""

    def on_train_begin(self, net, X=None, **kwargs):
        self.X_ = X.X
        self.weights_ = []

    def on_epoch_end(self, net, **kwargs):
        self.weights_.append(net.module_.items.weight.detach().cpu().numpy().copy())


def epochs(est):
    return next(cb for _, cb in est.net_.callbacks_ if isinstance(cb, Epochs))


# what is held out


@pytest.mark.parametrize(
    ("fraction", "n_held_out"), [(0.1, 18), (0.5, 90), (0.999, 180), (0.001, 1)]
)
def test_one_entry_each_of_a_share_of_the_users_is_held_out(fraction, n_held_out):
    X = np.random.RandomState(0).uniform(size=(200, 30)) < 0.4
    X[:, 0] = True
    X[:20, 1:] = False  # too short
    X = sp.csr_matrix(X, dtype=np.float32)
    train, targets = hold_out_pairs(X, fraction, np.random.RandomState(0))
    assert targets.nnz == n_held_out
    assert np.diff(targets.indptr).max() == 1
    assert np.diff(targets.indptr)[:20].sum() == 0
    np.testing.assert_array_equal((train + targets).toarray(), X.toarray())
    assert train.nnz + targets.nnz == X.nnz


def test_any_entry_of_a_user_may_be_held_out():
    X = sp.csr_matrix(np.ones((400, 4), dtype=np.float32))
    _, targets = hold_out_pairs(X, 0.9, np.random.RandomState(0))
    counts = np.bincount(targets.indices, minlength=4)
    assert counts.sum() == 360
    assert counts.min() > 60


def test_at_most_500_entries_are_held_out():
    X = sp.csr_matrix(np.ones((800, 3), dtype=np.float32))
    train, targets = hold_out_pairs(X, 0.9, np.random.RandomState(0))
    assert (train.nnz, targets.nnz) == (1900, 500)


def test_where_nobody_has_two_entries_training_goes_on_unwatched(cls):
    with pytest.warns(SkrecWarning, match=r"no user .* two .* validation_fraction=0\.1 .* nothing"):
        est = quick(cls, early_stopping=True).fit(np.eye(5))
    assert len(est.net_.history) == 3
    same = quick(cls).fit(np.eye(5))
    np.testing.assert_array_equal(est.item_factors_, same.item_factors_)


# validation against a ranking made by hand

HISTORY = np.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0]])
TARGETS = np.array([[0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0]])
SCORES = np.array(
    [
        [9.0, 8.0, 3.0, 4.0, 2.0, 5.0],  # two of the unseen are better: third
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],  # nothing to find
        [5.0, 4.0, 3.0, 2.0, 1.0, 9.0],  # first and fourth
        [9.0, 1.0, 2.0, 3.0, 4.0, 0.0],  # first
    ]
)


def validation(metric, n_candidates=None, seed=0):
    parts = (sp.csr_matrix(m, dtype=np.float32) for m in (HISTORY, TARGETS))
    return PairValidation(*parts, metric, n_candidates, np.random.RandomState(seed))


class Scorer:
    """Look scores up by the number of the user, and remember what was asked for."""

    def __init__(self):
        self.calls = []

    def __call__(self, queries, candidates):
        self.calls.append((queries, candidates))
        scores = SCORES[queries.users]
        return scores if candidates is None else np.take_along_axis(scores, candidates, axis=1)


GAIN = 1 / np.log2(np.arange(2, 8))
BY_HAND = {
    "hit_rate@1": [0, 1, 1],
    "hit_rate@3": [1, 1, 1],
    "mrr": [1 / 3, 1, 1],
    "recall@2": [0, 0.5, 1],
    "ndcg@10": [GAIN[2], (GAIN[0] + GAIN[3]) / (GAIN[0] + GAIN[1]), 1],
}


@pytest.mark.parametrize("metric", BY_HAND)
@pytest.mark.parametrize("bytes_per_row", [1, 2**30])
def test_the_full_ranking_is_the_one_by_hand(metric, bytes_per_row):
    got, scorer = validation(metric), Scorer()
    assert got.name == f"valid_{metric}"
    value = got.evaluate(scorer, bytes_per_row)
    assert value == pytest.approx(np.mean(BY_HAND[metric]), abs=1e-6)
    assert len(scorer.calls) == (3 if bytes_per_row > 1 else 1)
    users = np.concatenate([queries.users for queries, _ in scorer.calls])
    assert users.tolist() == [0, 2, 3]
    for queries, candidates in scorer.calls:
        assert isinstance(queries, Queries)
        assert candidates is None
        for part in (queries.history, queries.stored):
            np.testing.assert_array_equal(part.toarray(), HISTORY[queries.users])


@pytest.mark.parametrize("metric", ["hit_rate@1", "ndcg@10", "mrr"])
@pytest.mark.parametrize("n_candidates", [1, 3, 40])
def test_the_sampled_ranking_is_that_of_each_target_among_what_its_user_lacks(metric, n_candidates):
    got, scorer = validation(metric, n_candidates), Scorer()
    assert got.name == f"valid_sampled_{metric}"
    value = got.evaluate(scorer, 2**30)
    calls = list(scorer.calls)
    users = np.concatenate([queries.users for queries, _ in calls])
    candidates = np.concatenate([candidates for _, candidates in calls])
    expected = list(zip(*np.nonzero(TARGETS), strict=True))  # a row a pair: user 2 has two
    assert list(zip(users, candidates[:, 0], strict=True)) == expected
    assert candidates.shape == (4, 1 + n_candidates)
    known = HISTORY + TARGETS
    assert not known[users[:, None], candidates[:, 1:]].any()
    values = []
    for user, row in zip(users, candidates, strict=True):
        rank = 1 + np.sum(SCORES[user, row[1:]] > SCORES[user, row[0]])
        by_metric = {"hit_rate@1": rank == 1, "mrr": 1 / rank, "ndcg@10": 0.0}
        if rank <= 10:
            by_metric["ndcg@10"] = 1 / np.log2(1 + rank)
        values.append(by_metric[metric])
    assert value == pytest.approx(np.mean(values), abs=1e-6)


def test_candidates_stay_the_same_from_epoch_to_epoch():
    got, scorer = validation("mrr", 2), Scorer()
    assert got.evaluate(scorer, 1000) == got.evaluate(scorer, 1000)
    np.testing.assert_array_equal(scorer.calls[0][1], scorer.calls[1][1])


@pytest.mark.parametrize("n_candidates", [None, 2])
def test_scores_that_are_no_numbers_have_no_metric(n_candidates):
    def score(queries, candidates):
        return np.full((queries.n_rows, 6 if candidates is None else 3), np.nan)

    assert np.isnan(validation("mrr", n_candidates).evaluate(score, 1000))


# early stopping of an estimator


def test_patience_ends_the_training_with_the_best_weights(data):
    # so many factors and such steps that it overfits soon
    est = quick(max_epochs=200, lr=0.1, n_factors=16, early_stopping=True, patience=4)
    est.set_params(validation_fraction=0.9, callbacks=[Epochs()]).fit(data.X)
    values = est.net_.history[:, "valid_ndcg@10"]
    best = int(np.argmax(values))
    assert len(values) == best + 1 + 4 < 200
    assert best > 0
    np.testing.assert_array_equal(est.item_factors_, epochs(est).weights_[best])
    assert not np.array_equal(est.item_factors_, epochs(est).weights_[-1])


@pytest.mark.parametrize("n_candidates", [None, 20])
def test_what_is_held_out_is_not_trained_on(n_candidates, data, cls):
    options = {"early_stopping": True, "validation_fraction": 0.5, "callbacks": [Epochs()]}
    est = quick(cls, validation_candidates=n_candidates, **options).fit(data.X)
    n_able = np.count_nonzero(np.diff(data.X.indptr) >= 2)
    assert data.X.nnz - epochs(est).X_.nnz == round(0.5 * n_able)
    name = "valid_ndcg@10" if n_candidates is None else "valid_sampled_ndcg@10"
    values = est.net_.history[:, name]
    assert np.isfinite(values).all()
    assert 0 < max(values) < 1
    assert est.interactions_.nnz == data.X.nnz  # users= excludes what was held out too


def test_given_pairs_are_what_is_measured(split, cls):
    train, test = split
    est = quick(cls, early_stopping=True, validation_data=test, callbacks=[Epochs()]).fit(train)
    assert epochs(est).X_.nnz == train.tocsr().nnz
    scores = est.decision_function(users=np.arange(200))
    answer = evaluate_ranking(test.tocsr(), scores, metrics=("ndcg@10",), exclude=train.tocsr())
    recorded = max(est.net_.history[:, "valid_ndcg@10"])
    assert np.nanmean(answer["ndcg@10"]) == pytest.approx(recorded, rel=1e-4)


@pytest.mark.parametrize("n_candidates", [None, 20])
def test_given_pairs_that_are_trained_on_do_not_count(n_candidates, split):
    train, test = split
    both = Interactions(sp.csr_matrix(((train.tocsr() + test.tocsr()) > 0).astype(np.float32)))
    options = {"early_stopping": True, "validation_candidates": n_candidates}
    values = [
        quick(validation_data=data, **options).fit(train).net_.history[-1] for data in (test, both)
    ]
    name = "valid_ndcg@10" if n_candidates is None else "valid_sampled_ndcg@10"
    assert values[0][name] == values[1][name]


@pytest.mark.parametrize("n_candidates", [None, 20])
@pytest.mark.parametrize("what", ["known", "nothing"])
def test_given_pairs_of_which_none_is_new_are_an_error(what, n_candidates, split):
    train, _ = split
    data = train[:50] if what == "known" else train[:0]
    est = quick(early_stopping=True, validation_data=data, validation_candidates=n_candidates)
    with pytest.raises(ValueError, match="validation_data"):
        est.fit(train)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.eye(200, 60), r"in the frame of X, \(200, 60\), for BPRMFRanker.*; got ndarray"),
        ((np.eye(3, 60), np.eye(3, 60)), "must be Interactions .* got tuple"),
        (Interactions.from_arrays([0], [0], frame=(7, 60)), r"got \(7, 60\)"),
        (Interactions.from_arrays([0], [0], frame=(200, 61)), r"got \(200, 61\)"),
        (Interactions.from_arrays([0], [0], [np.nan], frame=(200, 60)), "validation_data .*NaN"),
        (Interactions.from_arrays([0], [0], [-1.0], frame=(200, 60)), "validation_data .*Negative"),
    ],
)
@pytest.mark.parametrize("early_stopping", [True, False])
def test_bad_validation_data_is_an_error(given, message, early_stopping, X):
    with pytest.raises(ValueError, match=message):
        quick(early_stopping=early_stopping, validation_data=given).fit(X)


@pytest.mark.parametrize(("metric", "message"), [("x@3", "x@3"), ("ndcg@0", "positive integer")])
def test_bad_metrics_are_an_error(metric, message, X):
    with pytest.raises(ValueError, match=message):
        quick(early_stopping=True, validation_metric=metric).fit(X)


def test_nobody_who_lacks_a_candidate_is_an_error():
    est = quick(early_stopping=True, validation_candidates=3)
    with pytest.raises(ValueError, match="validation_candidates"):
        est.fit(np.ones((4, 5)))


@pytest.mark.parametrize("n_candidates", [None, 30])
def test_a_model_at_the_level_of_popularity_is_not_stopped(n_candidates, X):
    options = {"early_stopping": True, "patience": 1, "max_epochs": 12, "init_std": 1e-9}
    est = quick(validation_candidates=n_candidates, lr=1e-12, **options).fit(X)
    assert len(est.net_.history) == 12


def test_the_split_comes_from_the_seed(X):
    def values(seed):
        est = quick(early_stopping=True, random_state=seed, validation_candidates=20)
        return est.fit(X).net_.history[:, "valid_sampled_ndcg@10"]

    assert values(0) == values(0) != values(1)
