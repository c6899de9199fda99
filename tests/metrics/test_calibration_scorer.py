"""Calibration scorers: which pairs are judged, what they weigh, and what is compared."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrec import EASERecommender, Interactions, PopularityRecommender
from skrec.base import RatingRecommender
from skrec.datasets import make_interactions
from skrec.metrics import brier, expected_calibration_error, make_calibration_scorer
from skrec.model_selection import InteractionHoldout, StrongGeneralization
from skrec.utils import hide_entries, split_rows


@pytest.fixture(scope="module")
def X():
    return make_interactions(200, 60, 3000, n_clusters=3, random_state=0).X


@pytest.fixture(scope="module")
def hidden(X):
    return hide_entries(X[150:], 0.2, 0)


@pytest.fixture(scope="module")
def est(X):
    return EASERecommender(l2=20.0).fit(X[:150])


def judged(history, targets, proba):
    """Return outcomes and probabilities of all pairs that the histories lack."""
    free = (history.toarray() == 0) & (history + targets).getnnz(axis=1).astype(bool)[:, None]
    return (targets.toarray() != 0)[free], proba[free]


ERRORS = {
    "neg_brier": brier,
    "neg_ece": lambda y, p: expected_calibration_error(y, p, strategy="quantile"),
    "neg_log_loss": lambda y, p: -np.mean(np.log(np.where(y, p, 1 - p))),
}


@pytest.mark.parametrize("metric", ERRORS)
@pytest.mark.parametrize("case", ["targets", "dense", "hidden here", "interactions"])
def test_all_pairs_are_those_that_the_history_lacks(metric, case, X, hidden, est):
    scorer = make_calibration_scorer(metric, n_unstored=None, random_state=4)
    history, targets = hidden
    given = (history, targets.toarray() if case == "dense" else targets)
    if case == "hidden here":
        history, targets = split_rows(X[150:], 0.2, 4)
        given = (X[150:], np.ones(50))
    proba = None
    if case == "interactions":
        train, test = next(InteractionHoldout(0.2).split(Interactions(X)))
        pairs = Interactions(X)
        est = EASERecommender(l2=20.0).fit(pairs[train])
        history, targets, given = est.interactions_, pairs[test].tocsr(), (pairs[test],)
        proba = est.predict_proba(users=np.arange(200))
    proba = est.predict_proba(history) if proba is None else proba
    y, p = judged(history, targets, proba.astype(float))
    assert scorer(est, *given) == pytest.approx(-ERRORS[metric](y, p), rel=1e-5)
    with config_context(working_memory=1e-3):
        assert scorer(est, *given) == pytest.approx(-ERRORS[metric](y, p), rel=1e-5)
    assert make_calibration_scorer(metric.removeprefix("neg_")).metric == metric


def test_pairs_and_their_weights(hidden, est):
    history, targets = hidden
    pairs = make_calibration_scorer(n_unstored=7).pairs(est, history, targets)
    assert [*pairs.columns] == ["user", "item", "outcome", "proba", "weight"]
    assert not pairs.duplicated(["user", "item"]).any()
    key = pairs["user"].to_numpy(), pairs["item"].to_numpy()
    assert not np.asarray(history[key] != 0).any()
    assert_array_equal(np.asarray(targets[key] != 0).ravel(), pairs["outcome"])
    assert pairs["outcome"].sum() == targets.nnz
    assert_allclose(pairs["proba"], est.predict_proba(history)[key])
    free = 60 - np.diff((history + targets).indptr)
    by_user = pairs[~pairs["outcome"]].groupby("user")["weight"].agg(["sum", "size"])
    assert_array_equal(by_user["size"], 7)
    assert_allclose(by_user["sum"], free)
    assert (pairs.loc[pairs["outcome"], "weight"] == 1).all()


def test_sampled_errors_are_unbiased(hidden, est):
    full = make_calibration_scorer(n_unstored=None)(est, *hidden)
    sampled = [
        make_calibration_scorer(n_unstored=10, random_state=seed)(est, *hidden)
        for seed in range(40)
    ]
    error = np.std(sampled) / np.sqrt(len(sampled))
    assert abs(np.mean(sampled) - full) < 3.5 * error
    assert np.std(sampled) < 0.1 * abs(full)


def test_users_without_targets_are_judged_and_empty_rows_are_not(est):
    history = sp.csr_matrix(([1, 1], ([0, 1], [3, 5])), shape=(3, 60))
    targets = sp.csr_matrix(([1], ([0], [8])), shape=(3, 60))
    pairs = make_calibration_scorer(n_unstored=None).pairs(est, history, targets)
    assert_array_equal(np.unique(pairs["user"]), [0, 1])
    assert len(pairs) == 2 * 59


def test_a_share_becomes_the_probability_of_one_draw_or_more(X, hidden):
    history, targets = hidden
    model = PopularityRecommender().fit(X[:150])
    pairs = make_calibration_scorer().pairs(model, history, targets)
    share = model.predict_proba(history)[pairs["user"], pairs["item"]].astype(float)
    n = np.diff(history.indptr)[pairs["user"]]
    assert_allclose(pairs["proba"], 1 - (1 - share) ** n, rtol=1e-6)


class Means(RatingRecommender):
    """Mean rating of each item."""

    def _fit(self, X):
        self.means_ = self._prior_scores().astype(np.float32)

    def _score_block(self, queries):
        return np.tile(self.means_, (queries.n_rows, 1))


@pytest.mark.parametrize("case", ["rows", "targets", "interactions"])
def test_rating_models_are_judged_on_ratings_alone(case):
    rng = np.random.default_rng(0)
    X = sp.csr_matrix(rng.integers(1, 6, (80, 30)) * (rng.random((80, 30)) < 0.4))
    history, targets = split_rows(X, 0.2, 0)
    model = Means(relevance_threshold=3.0).fit(history)
    given = {"rows": (X,), "targets": (history, targets), "interactions": (Interactions(targets),)}
    pairs = make_calibration_scorer(random_state=0).pairs(model, *given[case])
    coo = targets.tocoo()
    right = pd.Series(coo.data >= 3, index=pd.MultiIndex.from_arrays([coo.row, coo.col]))
    found = pairs.set_index(["user", "item"])["outcome"]
    assert_array_equal(found.sort_index(), right.sort_index())
    assert (pairs["weight"] == 1).all()
    assert_allclose(pairs["proba"], model.predict_proba(history)[pairs["user"], pairs["item"]])


def test_searches_and_pipelines(X):
    scorer = make_calibration_scorer("neg_log_loss", n_unstored=20)
    cv = StrongGeneralization(test_users=60)
    search = GridSearchCV(EASERecommender(), {"l2": [5.0, 5000.0]}, scoring=scorer, cv=cv).fit(X)
    train, test = next(cv.split(X))
    values = [scorer(EASERecommender(l2=l2).fit(X[train]), X[test]) for l2 in (5.0, 5000.0)]
    assert_allclose(search.cv_results_["mean_test_score"], values)
    assert scorer(search, X) == scorer(search.best_estimator_, X)
    pipe = make_pipeline(FunctionTransformer(accept_sparse=True), search.best_estimator_)
    assert scorer(pipe, X) == scorer(search.best_estimator_, X)


def test_the_same_seed_gives_the_same_pairs_and_scorers_can_be_sent(X, est):
    scorer = make_calibration_scorer(n_unstored=5, random_state=3)
    again = pickle.loads(pickle.dumps(scorer))
    pd.testing.assert_frame_equal(scorer.pairs(est, X), again.pairs(est, X))
    other = make_calibration_scorer(n_unstored=5, random_state=4).pairs(est, X)
    assert not scorer.pairs(est, X)["item"].equals(other["item"])


class Wrong(PopularityRecommender):
    """Probabilities above 1."""

    def predict_proba(self, X=None, **options):
        return super().predict_proba(X, **options) + 1


def test_bad_input(X, est):
    for options, message in (
        ({"metric": "auc"}, "metric must be one of"),
        ({"n_unstored": 0}, "n_unstored must be"),
        ({"n_unstored": 2.5}, "n_unstored must be"),
    ):
        with pytest.raises(ValueError, match=message):
            make_calibration_scorer(**options)
    scorer = make_calibration_scorer()
    pairs = Interactions(X[:150])
    with pytest.raises(ValueError, match="y must be None"):
        scorer(est, pairs, X[:150])
    with pytest.raises(ValueError, match="frame seen in fit"):
        scorer(est, Interactions(X))
    with pytest.raises(ValueError, match="at least one pair"):
        scorer(est, sp.csr_matrix((2, 60)))
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        scorer(Wrong().fit(X), X)
