"""The meta-estimator: calibrated probabilities around a ranking that stays."""

import pickle
from typing import ClassVar

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import calibration_curve
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from skrec import (
    BPRMFRanker,
    CalibratedRecommender,
    EASERecommender,
    GMFClassifier,
    Interactions,
    ItemKNNRecommender,
    MultVAERecommender,
    PopularityRecommender,
)
from skrec.base import RatingRecommender, Threshold
from skrec.datasets import load_interactions, make_interactions
from skrec.metrics import make_calibration_scorer, make_ranking_scorer
from skrec.model_selection import InteractionHoldout, StrongGeneralization
from skrec.testing import estimator_checks
from skrec.utils import hide_entries

TORCH = {"device": "cpu", "random_state": 0}
VAE = MultVAERecommender(hidden_sizes=(), latent_size=8, max_epochs=6, lr=0.01, n_samples=5)
VAE.set_params(**TORCH)
BPR = BPRMFRanker(n_factors=8, max_epochs=5, **TORCH)
INNER = {"EASE": EASERecommender(l2=50.0), "VAE": VAE, "BPR": BPR, "Pop": PopularityRecommender()}
METHODS = pytest.mark.parametrize("method", ["sigmoid", "isotonic"])


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def X():
    """Users of widely different activity."""
    busy = make_interactions(300, 80, 7500, n_clusters=3, random_state=0).X
    both = sp.csr_matrix(sp.vstack([busy, hide_entries(busy, 0.7, 0)[0]]))
    return both[np.random.RandomState(0).permutation(600)]


@pytest.fixture(scope="module")
def fitted(X):
    kept = {}

    def fit(name, method="sigmoid"):
        if (name, method) not in kept:
            est = CalibratedRecommender(INNER[name], method=method)
            kept[name, method] = est.fit(X[:500])
        return kept[name, method]

    return fit


def as_likelihood(est):
    """Take a fitted recommender's log odds as they are, without what held-out pairs correct."""
    est.link_.slope_, est.link_.knots_, est.link_.offsets_ = 1.0, np.zeros(1), np.zeros(1)


@METHODS
@pytest.mark.parametrize("name", INNER)
def test_the_ranking_is_the_recommenders_own(name, method, X, fitted):
    est, alone = fitted(name, method), clone(INNER[name]).fit(X[:500])
    for query in ({"X": X[500:]}, {"users": [3, 9, 400]}):
        assert_array_equal(est.decision_function(**query), alone.decision_function(**query))
        assert_array_equal(est.recommend(**query), alone.recommend(**query))
        p = est.predict_proba(**query).astype(float)
        assert p.min() >= 0
        assert p.max() <= 1
        inner = alone.predict_proba(**query)
        in_order = np.take_along_axis(p, np.argsort(inner, axis=1, kind="stable"), axis=1)
        assert (np.diff(in_order, axis=1) >= -1e-6).all()
    pairs = Interactions(X[:500])[::50]
    assert_array_equal(est.decision_function(pairs), alone.decision_function(pairs))
    assert est.score(X[500:]) == alone.score(X[500:])
    assert est.score(pairs) == alone.score(pairs)


@METHODS
@pytest.mark.parametrize("name", INNER)
def test_rates_of_hidden_pairs_are_met(name, method, X, fitted):
    """A tenth hidden of new users' rows, and of what fit saw of its users."""
    est = fitted(name, method)
    history, hidden = hide_entries(X[500:], 0.1, 7)
    pairs = make_calibration_scorer(n_unstored=None).pairs(est, history, hidden)
    assert pairs["proba"].sum() / pairs["outcome"].sum() == pytest.approx(1, abs=0.3)
    history, hidden = hide_entries(X, 0.1, 8)
    est = clone(est).fit(history)
    pairs = make_calibration_scorer(n_unstored=None).pairs(est, Interactions(hidden))
    assert pairs["proba"].sum() / pairs["outcome"].sum() == pytest.approx(1, abs=0.25)


@METHODS
@pytest.mark.parametrize("name", ["VAE", "BPR", "Pop"])
def test_held_out_errors_fall(name, method, X):
    train, test = next(InteractionHoldout(0.1).split(Interactions(X)))
    train, test = Interactions(X)[train], Interactions(X)[test]
    alone = clone(INNER[name]).fit(train)
    est = CalibratedRecommender(INNER[name], method=method).fit(train)
    if name == "BPR":
        as_likelihood(alone)
    for metric, factor in (("neg_brier", 1.0), ("neg_ece", 0.5), ("neg_log_loss", 1.0)):
        scorer = make_calibration_scorer(metric)
        assert -scorer(est, test) < -factor * scorer(alone, test)


@METHODS
def test_the_curve_lies_on_the_diagonal(method, X, fitted):
    est = fitted("EASE", method)
    history, hidden = hide_entries(X[500:], 0.1, 1)
    pairs = make_calibration_scorer(n_unstored=None).pairs(est, history, hidden)
    options = {"n_bins": 4, "strategy": "quantile"}
    rate, mean = calibration_curve(pairs["outcome"], pairs["proba"], **options)
    assert_allclose(mean[-2:], rate[-2:], rtol=0.5)
    assert rate[-1] > 2 * rate[0]


def test_users_of_fit_have_a_map_of_their_own(X):
    """A regression that saw a user without an item has learnt that the item is not there."""
    history, hidden = hide_entries(X[:200], 0.1, 8)
    est = CalibratedRecommender(EASERecommender(l2=1.0)).fit(history)
    free = history.toarray() == 0
    asked = {"known": {"users": np.arange(200)}, "new": {"X": history}}
    off = {
        kind: abs(np.log(est.predict_proba(**query)[free].sum() / hidden.nnz))
        for kind, query in asked.items()
    }
    assert off["known"] < 0.1 < 0.2 < off["new"]


def test_more_hidden_means_more_probable(X):
    totals = [
        CalibratedRecommender(PopularityRecommender(), hidden=hidden).fit(X).predict_proba(X).sum()
        for hidden in (0.05, 0.2)
    ]
    assert 3 < totals[1] / totals[0] < 6


def test_drawn_and_all_unstored_pairs_give_one_calibration(X):
    models = [
        CalibratedRecommender(INNER["EASE"], n_unstored=n).fit(X[:500]) for n in (None, 80, 20)
    ]
    all_pairs, also_all, drawn = (est.predict_proba(X[500:]) for est in models)
    assert_array_equal(all_pairs, also_all)
    assert drawn.sum() / all_pairs.sum() == pytest.approx(1, abs=0.1)


@METHODS
def test_pairs_of_known_users_need_no_other_items(method, X):
    inner = GMFClassifier(n_factors=4, max_epochs=2, **TORCH)
    est = CalibratedRecommender(inner, method=method).fit(X)
    pairs = Interactions(X)[::40]
    rows = est.predict_proba(users=np.arange(X.shape[0]))
    assert_allclose(est.predict_proba(pairs), rows[pairs.user, pairs.item], rtol=1e-4, atol=1e-6)
    est.estimator_._score_block = None  # which all items would need
    assert est.predict_proba(pairs).shape == pairs.shape


@METHODS
def test_deviations_are_those_of_calibrated_draws(method, X, fitted):
    est = fitted("VAE", method)
    rows = X[500:520]
    proba, std = est.predict_proba(rows, return_std=True)
    assert_array_equal(proba, est.predict_proba(rows))
    assert std.shape == proba.shape
    assert (std > 0).any()
    draws = [est._probabilities(est._queries(rows, None), draw) for draw in range(VAE.n_samples)]
    assert_allclose(std, np.std(draws, axis=0, dtype=np.float64), atol=1e-6)
    for strategy in ("ucb", "thompson"):
        given = {"strategy": strategy, "return_std": True}
        for one, other in zip(
            est.recommend(rows, **given), est.estimator_.recommend(rows, **given), strict=True
        ):
            assert_array_equal(one, other)
    with pytest.raises(ValueError, match="return_std"):
        fitted("EASE").predict_proba(rows, return_std=True)


def test_tags_are_the_recommenders_but_for_probabilities():
    tags = CalibratedRecommender(VAE).__sklearn_tags__()
    assert tags.proba == "bernoulli"
    assert (tags.fold_in, tags.feedback, tags.probabilistic) == ("exact", "implicit", True)
    assert CalibratedRecommender(BPR).__sklearn_tags__().fold_in == "approximate"
    assert CalibratedRecommender().__sklearn_tags__().probabilistic is False


@pytest.mark.parametrize("name", ["Pop", "VAE"])
def test_the_common_checks(name):
    inner = clone(VAE).set_params(max_epochs=30) if name == "VAE" else INNER[name]
    est = CalibratedRecommender(inner, method="isotonic")
    names = {"check_probabilities", "check_strategies", "check_pairs"}
    names |= {"check_same_seed_same_model", "check_copies_are_the_same_model", "check_empty_rows"}
    for check in estimator_checks(est):
        if check.__name__ in names:
            check("CalibratedRecommender", est)


# frozen ones


@METHODS
def test_a_frozen_recommender_is_not_fitted_again(method, X):
    alone = EASERecommender(l2=50.0).fit(X[:250])
    before = pickle.dumps(alone)
    est = CalibratedRecommender(FrozenEstimator(alone), method=method).fit(X[250:500])
    assert pickle.dumps(alone) == before
    assert est.estimator_.estimator is alone
    assert est.interactions_ is alone.interactions_
    assert_array_equal(est.recommend(users=[7]), alone.recommend(users=[7]))
    history, hidden = hide_entries(X[500:], 0.1, 2)
    pairs = make_calibration_scorer(n_unstored=None).pairs(est, history, hidden)
    assert pairs["proba"].sum() / pairs["outcome"].sum() == pytest.approx(1, abs=0.3)
    assert est.predict_proba(users=[0]).shape == (1, 80)


def test_a_frozen_recommender_of_other_items_or_unfitted(X):
    frozen = FrozenEstimator(EASERecommender().fit(X))
    with pytest.raises(ValueError, match="80 items of the frozen estimator; got 70"):
        CalibratedRecommender(frozen).fit(X[:, :70])
    with pytest.raises(ValueError, match="not fitted"):
        CalibratedRecommender(FrozenEstimator(EASERecommender())).fit(X)


# parameters and copies


def test_clone_pickle_and_nested_parameters(X, fitted):
    est = fitted("EASE")
    assert clone(est).get_params()["estimator__l2"] == 50.0
    assert not hasattr(clone(est), "estimator_")
    again = pickle.loads(pickle.dumps(est))
    assert_array_equal(again.predict_proba(X[500:]), est.predict_proba(X[500:]))
    assert clone(est).set_params(estimator__l2=3.0).estimator.l2 == 3.0
    assert est.estimator.l2 == 50.0
    assert not hasattr(est.estimator, "interactions_")


def test_searches_around_and_inside(X):
    cv = StrongGeneralization(test_users=100)
    grid = {"estimator__l2": [5.0, 500.0], "method": ["sigmoid", "isotonic"]}
    est = CalibratedRecommender(EASERecommender())
    search = GridSearchCV(est, grid, scoring=make_calibration_scorer("log_loss"), cv=cv).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(np.unique(search.cv_results_["mean_test_score"])) == 4
    options = {"scoring": make_ranking_scorer("ndcg", k=10), "cv": cv}
    inside = GridSearchCV(EASERecommender(), {"l2": [5.0, 500.0]}, **options)
    est = CalibratedRecommender(inside).fit(X)
    best = est.estimator_.best_estimator_
    assert_array_equal(est.recommend(X[:9]), best.recommend(X[:9]))
    assert est.predict_proba(X[:9]).shape == (9, 80)


def test_the_seed_is_not_handed_on(X):
    inner = BPRMFRanker(n_factors=4, max_epochs=1, device="cpu", random_state=5)
    models = [CalibratedRecommender(inner, random_state=seed).fit(X[:99]) for seed in (0, 1)]
    scores = [est.decision_function(users=[0, 1]) for est in models]
    assert_array_equal(*scores)
    assert models[0].estimator_.random_state == 5
    assert not np.array_equal(*(est.predict_proba(users=[0, 1]) for est in models))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"estimator": None}, "estimator"),
        ({"estimator": RandomForestClassifier()}, "recommender"),
        ({"method": "temperature"}, "method"),
        ({"hidden": 0.0}, "hidden"),
        ({"hidden": 1.0}, "hidden"),
        ({"n_unstored": 0}, "n_unstored"),
    ],
)
def test_bad_parameters(params, message, X):
    with pytest.raises(ValueError, match=message):
        CalibratedRecommender(ItemKNNRecommender()).set_params(**params).fit(X)


@METHODS
@pytest.mark.parametrize(
    "X", [np.eye(6), np.ones((5, 4)), [[1.0, 0.0]], np.triu(np.ones((4, 4)))], ids=len
)
def test_data_that_leave_nothing_to_calibrate_on_give_rates(X, method):
    est = CalibratedRecommender(ItemKNNRecommender(), method=method).fit(X)
    p = est.predict_proba(X)
    assert np.isfinite(p).all()
    assert p.min() >= 0
    assert p.max() <= 1


def test_similar_items_where_there_are_any(X, fitted):
    est = fitted("EASE")
    for one, other in zip(
        est.similar_items([3], 4), est.estimator_.similar_items([3], 4), strict=True
    ):
        assert_array_equal(one, other)
    assert not hasattr(fitted("Pop"), "similar_items")


# ratings


class Overconfident(Threshold):
    def fit(self, model, X):
        super().fit(model, X)
        self.std_ *= 0.3
        return self


class ItemMean(RatingRecommender):
    """Item mean plus the user's mean deviation from it, and an overconfident deviation."""

    _link: ClassVar = Overconfident

    def _fit(self, X):
        self.means_ = self._prior_scores().astype(np.float32)

    def _score_block(self, queries):
        X = queries.history
        deviation = X.copy()
        deviation.data -= self.means_[X.indices]
        bias = np.asarray(deviation.sum(axis=1)).ravel() / np.maximum(np.diff(X.indptr), 1)
        return self.means_ + bias[:, None]


def rated(n_users=400, n_items=50):
    rng = np.random.default_rng(0)
    mean = 3.2 + 0.6 * rng.normal(size=(n_users, 1)) + 0.6 * rng.normal(size=n_items)
    ratings = np.clip(np.rint(mean + 0.8 * rng.normal(size=mean.shape)), 1, 5)
    return sp.csr_matrix(ratings * (rng.random(mean.shape) < 0.4))


@METHODS
def test_rating_models_are_calibrated_on_held_out_ratings(method):
    X = rated()
    alone, est = (e.fit(X[:300]) for e in (ItemMean(), CalibratedRecommender(ItemMean())))
    est.set_params(method=method).fit(X[:300])
    scorer = make_calibration_scorer("neg_ece", random_state=1)
    assert -scorer(est, X[300:]) < -0.6 * scorer(alone, X[300:])
    assert_array_equal(est.predict(X[300:]), alone.predict(X[300:]))
    assert est.score(X[300:]) == alone.score(X[300:]) < 0
    assert est.relevance_threshold == 4.0
    assert not hasattr(CalibratedRecommender(EASERecommender()), "predict")
    empty = est.predict_proba(sp.csr_matrix((1, 50)))
    assert ((empty >= 0) & (empty <= 1)).all()
    assert np.ptp(empty) > 0.3


@METHODS
def test_the_common_checks_of_rating_models(method):
    # the model knows no taste, and is of this file, which neither its repr nor processes know
    skipped = {"check_parameters", "check_another_process_gives_the_same_model"}
    skipped |= {"check_checkerboard_of_known_users", "check_checkerboard_of_unseen_rows"}
    skipped |= {"check_score"}
    est = CalibratedRecommender(ItemMean(), method=method)
    for check in estimator_checks(est):
        if check.__name__ not in skipped:
            check("CalibratedRecommender", est)


# real data


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("BPR", "VAE")]


@pytest.mark.parametrize("name", ["EASE", *SLOW])
def test_calibration_on_movielens(name, data_home):
    pairs = load_interactions(data_home / "ml-100k" / "ratings.csv.gz").interactions
    inner = {"VAE": VAE, "BPR": clone(BPR).set_params(max_epochs=15)}.get(name)
    inner = inner or EASERecommender(l2=200.0)
    train, test = (pairs[part] for part in next(InteractionHoldout(0.1).split(pairs)))
    alone = clone(inner).fit(train)
    if name == "BPR":
        as_likelihood(alone)
    est = CalibratedRecommender(inner, method="isotonic").fit(train)
    before, after = (
        [-make_calibration_scorer(m)(e, test) for m in ("brier", "ece")] for e in (alone, est)
    )
    assert after[0] < before[0]
    assert after[1] < 0.5 * before[1]
    assert after[1] < 0.003
