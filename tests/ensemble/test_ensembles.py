"""Blends and rank fusion: their formulas, their parts, and what stays as it was."""

import pickle

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from skrec import (
    BiasedMFRegressor,
    BlendedRecommender,
    CalibratedRecommender,
    EASERecommender,
    GERRanker,
    GraphFilterRecommender,
    InfiniteAERecommender,
    InteractionEncoder,
    ItemKNNRecommender,
    MultVAERecommender,
    RankFusionRecommender,
    RP3betaRecommender,
    SLIMRecommender,
    UserKNNRecommender,
    WMFRecommender,
)
from skrec.base import BaseRecommender, Link
from skrec.datasets import make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization
from skrec.testing import estimator_checks
from skrec.utils import hide_entries

BOTH = pytest.mark.parametrize("cls", [BlendedRecommender, RankFusionRecommender])
N_ITEMS = 12


class Given(BaseRecommender):
    """Scores that are given for all users alike, times a number for each user."""

    scores: object = None

    def _fit(self, X):
        pass

    def _score_block(self, queries):
        lengths = np.diff(queries.history.indptr)
        return np.outer(1 + lengths, np.asarray(self.scores, dtype=float))


class Told(Given):
    """The same, with deviations that are given too."""

    std: object = None
    n_samples: int = 3
    _probabilistic = True

    def _score_std(self, queries, candidates=None):
        std = np.tile(np.asarray(self.std, dtype=np.float32), (queries.n_rows, 1))
        if candidates is None:
            return std
        return np.take_along_axis(
            std, np.broadcast_to(candidates, (len(std), candidates.shape[-1])), 1
        )

    def _draw_block(self, queries, draw):
        return self._score_block(queries) + (draw - 1) * self._score_std(queries)


@pytest.fixture(scope="module")
def X():
    return make_interactions(200, 30, 1800, n_clusters=3, random_state=0).X


@pytest.fixture(scope="module")
def parts():
    return [("ease", EASERecommender(l2=20.0)), ("knn", ItemKNNRecommender(n_neighbors=5))]


def few(n_items=N_ITEMS):
    """Return histories, of which one is full and one lacks a single item."""
    rows = np.random.RandomState(0).rand(6, n_items) < 0.4
    rows[0], rows[1], rows[1, 3] = True, True, False
    rows[2:, 0] = True
    return sp.csr_matrix(rows.astype(np.float32))


# the formulas, one row and one item at a time


def standardised(scores, unseen):
    values = [s for s, u in zip(scores, unseen) if u]
    mean = sum(values) / len(values)
    deviation = (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5
    return [(s - mean) / deviation if deviation > 1e-5 else 0.0 for s in scores]


def in_range(scores, unseen):
    values = [s for s, u in zip(scores, unseen) if u]
    extent = max(values) - min(values)
    return [(s - min(values)) / extent if extent > 1e-5 else 0.0 for s in scores]


def reciprocal(scores, unseen, k=60):
    ranks = [
        1 + sum(u and (t, -j) > (s, -i) for j, (t, u) in enumerate(zip(scores, unseen)))
        for i, s in enumerate(scores)
    ]
    return [1 / (k + rank) for rank in ranks]


FORMULAS = [
    (BlendedRecommender, {}, standardised),
    (BlendedRecommender, {"method": "range"}, in_range),
    (BlendedRecommender, {"method": "none"}, lambda scores, unseen: scores),
    (RankFusionRecommender, {}, reciprocal),
    (RankFusionRecommender, {"k": 3}, lambda scores, unseen: reciprocal(scores, unseen, 3)),
]


@pytest.mark.parametrize(("cls", "options", "formula"), FORMULAS)
@pytest.mark.parametrize("weights", [None, [3, 1, 0]])
def test_scores_are_the_formula(cls, options, formula, weights, X, parts):
    flat = [*parts, ("flat", Given(scores=np.ones(X.shape[1])))]
    est = cls(flat, weights=weights, **options).fit(X)
    rows = sp.vstack([X[:20], few(X.shape[1])], format="csr")
    shares = np.ones(3) / 3 if weights is None else np.array(weights) / 4
    expected = np.zeros(rows.shape)
    for u, row in enumerate(rows.toarray()):
        unseen = [row[i] == 0 or row.all() for i in range(len(row))]
        for share, part in zip(shares, est.estimators_):
            scores = part.decision_function(rows)[u].astype(float).tolist()
            expected[u] += share * np.array(formula(scores, unseen))
    np.testing.assert_allclose(est.decision_function(rows), expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize(("cls", "winner"), [(BlendedRecommender, 1), (RankFusionRecommender, 0)])
def test_known_answers(cls, winner):
    """An item that both put second leads by scores; once first and once third by ranks."""
    first, second = [9, 8, 1, 0.0], [0, 8, 1, 9.0]
    est = cls([("a", Given(scores=first)), ("b", Given(scores=second))])
    X = np.eye(5)[:, :4] + np.eye(5, 4, -4)
    assert est.fit(X).recommend([[0, 0, 1, 0]], n_items=1).tolist() == [[winner]]


# properties


@st.composite
def tables(draw):
    """Draw scores of some models for some items; few values, so that many are equal."""
    n_models = draw(st.integers(1, 3))
    values = st.lists(st.integers(-4, 4), min_size=N_ITEMS, max_size=N_ITEMS)
    return [draw(values) for _ in range(n_models)]


def joined(cls, tables, **options):
    parts = [(f"m{i}", Given(scores=scores)) for i, scores in enumerate(tables)]
    return cls(parts, **options).fit(few())


@BOTH
@given(tables=tables(), scale=st.sampled_from([1e-30, 0.3, 7, 1e30]), data=st.data())
def test_only_shares_of_the_weights_matter(cls, tables, scale, data):
    weights = np.array(
        data.draw(st.lists(st.integers(1, 9), min_size=len(tables), max_size=len(tables)))
    )
    one, other = (joined(cls, tables, weights=w) for w in (weights, weights * scale))
    assert other.weights_.sum() == pytest.approx(1)
    np.testing.assert_allclose(
        other.decision_function(few()), one.decision_function(few()), rtol=1e-6, atol=1e-6
    )


@BOTH
@given(scores=tables())
def test_one_recommender_ranks_as_alone(cls, scores):
    est, alone = joined(cls, scores[:1]), Given(scores=scores[0]).fit(few())
    for query in ({"X": few()}, {"users": np.arange(6)}):
        lists = [model.recommend(**query, n_items=N_ITEMS) for model in (est, alone)]
        np.testing.assert_array_equal(*lists)


@given(tables=tables(), power=st.sampled_from([1, 3, 5]), shift=st.integers(-9, 9))
def test_fusion_knows_the_order_alone(tables, power, shift):
    moved = [np.array(scores, dtype=float) ** power + shift for scores in tables]
    one, other = (
        joined(RankFusionRecommender, t).decision_function(few()) for t in (tables, moved)
    )
    np.testing.assert_array_equal(one, other)


@given(tables=tables(), scale=st.sampled_from([0.25, 1, 64]), shift=st.integers(-9, 9))
@pytest.mark.parametrize("method", ["standardize", "range"])
def test_blends_know_no_scale(method, tables, scale, shift):
    moved = [scale * (np.array(scores, dtype=float) + shift) for scores in tables]
    one, other = (
        joined(BlendedRecommender, t, method=method).decision_function(few())
        for t in (tables, moved)
    )
    np.testing.assert_allclose(one, other, atol=1e-5)


@BOTH
@given(tables=tables(), seed=st.integers(0, 9))
def test_the_order_of_the_recommenders_does_not_matter(cls, tables, seed):
    order = np.random.RandomState(seed).permutation(len(tables))
    one, other = joined(cls, tables), joined(cls, [tables[i] for i in order])
    np.testing.assert_allclose(
        one.decision_function(few()), other.decision_function(few()), atol=1e-6
    )


# the parts


@BOTH
def test_clones_are_fitted_and_frozen_ones_are_taken(cls, X, parts):
    frozen = EASERecommender(l2=20.0).fit(X)
    before = pickle.dumps(frozen)
    est = cls([("ease", FrozenEstimator(frozen)), parts[1]]).fit(X)
    assert est.named_estimators_.ease.estimator is frozen
    assert not hasattr(parts[1][1], "interactions_")
    for query in ({"X": X}, {"users": [3, 1]}):
        np.testing.assert_array_equal(
            est.decision_function(**query), cls(parts).fit(X).decision_function(**query)
        )
    np.testing.assert_array_equal(est.predict_proba(X[:5]), cls(parts).fit(X).predict_proba(X[:5]))
    assert pickle.dumps(frozen) == before


@BOTH
def test_users_of_a_stranger_are_an_error(cls, X, parts):
    frozen = FrozenEstimator(UserKNNRecommender().fit(X[:150]))
    est = cls([("far", frozen), parts[1]]).fit(X)
    assert est.strangers_ == ["far"]
    assert est.recommend(X[:3], n_items=2).shape == (3, 2)
    proba = est.predict_proba(X[:3])
    assert ((proba > 0) & (proba < 1)).all()
    with pytest.raises(ValueError, match=r"users must be None.* the frozen 'far' was fitted to"):
        est.recommend(users=[1])


@BOTH
def test_frozen_ones_must_fit(cls, X):
    def joined(inner):
        return cls([("a", FrozenEstimator(inner))])

    with pytest.raises(NotFittedError):
        joined(EASERecommender()).fit(X)
    with pytest.raises(ValueError, match="X must have the 30 items of the frozen 'a'; got 12"):
        joined(EASERecommender().fit(X)).fit(few())
    table = {"user": ["u", "v", "u"], "item": ["i", "j", "j"]}
    turned = {name: values[::-1] for name, values in table.items()}
    one, other = (InteractionEncoder().fit_transform(t) for t in (table, turned))
    with pytest.raises(ValueError, match="X must have the item ids of the frozen 'a'"):
        joined(EASERecommender().fit(one)).fit(other)
    assert joined(EASERecommender().fit(one)).fit(one).recommend(users=[1]).shape == (1, 10)


WRONG = [
    (None, "must be a list of pairs .*got None"),
    ([], "must be a list of pairs .*got \\[\\]"),
    ([EASERecommender()], "must be a list of pairs .*EASERecommender"),
    ([(1, EASERecommender())], "must be a list of pairs"),
    ([("a", 5)], "must be recommenders of skrec; 'a' is 5"),
    ([("a", "pass")], "must be recommenders or 'drop'; got \\['pass'\\]"),
    ([("a", "drop")], "at least one recommender"),
    ([("a", BiasedMFRegressor())], "of implicit feedback; 'a' predicts ratings"),
    ([("a", EASERecommender()), ("a", EASERecommender())], "not unique"),
    ([("a__b", EASERecommender())], "must not contain __"),
    ([("weights", EASERecommender())], "conflict with constructor arguments"),
]


@BOTH
@pytest.mark.parametrize(("estimators", "message"), WRONG)
def test_wrong_estimators(cls, estimators, message, X):
    with pytest.raises(ValueError, match=message):
        cls(estimators).fit(X)


@BOTH
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1], "weights must have one entry a recommender, 2; got 1"),
        ([1, -1], "weights must be at least 0"),
        ([0, 0], "weights must be at least 0"),
        ([1, np.nan], "weights"),
        ([[1, 2]], "weights"),
        (["a", "b"], "weights"),
    ],
)
def test_wrong_weights(cls, weights, message, X, parts):
    with pytest.raises(ValueError, match=message):
        cls(parts, weights=weights).fit(X)


@BOTH
def test_one_can_be_dropped(cls, X, parts):
    est = cls(parts, weights=[1, 5]).set_params(knn="drop").fit(X)
    alone = cls(parts[:1]).fit(X)
    np.testing.assert_array_equal(est.decision_function(X), alone.decision_function(X))
    assert list(est.named_estimators_) == ["ease"]


@BOTH
def test_weights_and_parameters_inside_can_be_searched(cls, X, parts):
    grid = {"weights": [[1, 0], [1, 1]], "ease__l2": [5.0, 50.0]}
    scoring = make_ranking_scorer("ndcg", k=5)
    cv = StrongGeneralization(test_users=50)
    search = GridSearchCV(cls(parts), grid, cv=cv, scoring=scoring).fit(X)
    assert len(np.unique(search.cv_results_["mean_test_score"])) == 4
    inside = cls([("search", GridSearchCV(parts[0][1], {"l2": [5.0, 50.0]}, cv=cv)), parts[1]])
    assert inside.fit(X).named_estimators_.search.best_params_["l2"] in (5.0, 50.0)
    assert inside.recommend(users=[3], n_items=2).shape == (1, 2)


@BOTH
def test_fits_at_the_same_time_are_the_same(cls, X, parts):
    with joblib.parallel_config(backend="threading"):
        one, other = (cls(parts, n_jobs=n).fit(X) for n in (None, 2))
    np.testing.assert_array_equal(one.decision_function(X), other.decision_function(X))


def test_the_tag_of_fold_in_is_that_of_the_weakest():
    exact = BlendedRecommender([("a", EASERecommender())])
    assert exact.__sklearn_tags__().fold_in == "exact"
    approximate = BlendedRecommender([("a", EASERecommender()), ("b", GERRanker())])
    assert approximate.__sklearn_tags__().fold_in == "approximate"


@BOTH
def test_strengths_reach_only_those_that_weigh_them(cls, X, parts):
    weighed = X.copy()
    weighed.data[:] = 1 + np.arange(X.nnz) % 3 / 2
    wmf = WMFRecommender(n_factors=4, max_epochs=3, weighting="confidence", random_state=0)
    est = cls([parts[0], ("wmf", wmf)], weights=[1, 0]).fit(weighed)  # and no warning
    ones = cls(parts[:1]).fit(X)
    np.testing.assert_array_equal(est.decision_function(weighed), ones.decision_function(X))
    np.testing.assert_array_equal(est.estimators_[1].user_factors_, wmf.fit(weighed).user_factors_)


# probabilities and deviations


@BOTH
@pytest.mark.parametrize(
    "inner",
    [
        ItemKNNRecommender(),
        UserKNNRecommender(),
        EASERecommender(l2=1.0),
        RP3betaRecommender(),
        GraphFilterRecommender(),
        InfiniteAERecommender(),
    ],
    ids=lambda e: type(e).__name__,
)
def test_sums_of_probabilities_are_right_where_parts_know_the_users(cls, inner):
    """A model that has learnt from what is hidden would be taken for better than it is."""
    X = make_interactions(400, 200, 9600, n_clusters=6, random_state=0).X
    history, hidden = hide_entries(X[300:], 0.1, np.random.RandomState(0))
    p = cls([("a", inner)]).fit(X[:300]).predict_proba(history)
    # 0.72 to 0.78 for EASE where only the pairs that are asked for leave the hidden ones out
    assert p[history.toarray() == 0].sum() == pytest.approx(hidden.nnz, rel=0.12)


@BOTH
def test_parts_that_draw_are_calibrated_as_they_were_fitted(cls, X):
    """A generator draws other landmarks when it is asked once more."""
    seeds = 0, np.random.RandomState(0)
    parts = [InfiniteAERecommender(max_landmarks=30, random_state=seed) for seed in seeds]
    one, other = (cls([("a", part)]).fit(X).predict_proba(X[:5]) for part in parts)
    np.testing.assert_array_equal(one, other)


def test_where_each_pair_costs_some_are_left_out_of(X, parts):
    """SLIM would need a system for each pair of a row."""
    est = BlendedRecommender([("slim", SLIMRecommender(l1=0.1, l2=5.0)), parts[1]])
    assert est._calibrated_items == 0.25
    p = est.fit(X[:150]).predict_proba(X[150:])
    assert 0.5 < p[X[150:].toarray() == 0].sum() / (X[150:].nnz / 9) < 1.5


def test_a_blend_can_be_calibrated_and_calibrated_ones_blended(X, parts):
    outer = CalibratedRecommender(BlendedRecommender(parts)).fit(X)
    inner = BlendedRecommender([("c", CalibratedRecommender(parts[0][1])), parts[1]]).fit(X)
    for est in (outer, inner):
        assert np.isfinite(est.predict_proba(X[:4])).all()
    np.testing.assert_array_equal(
        outer.recommend(X[:9]), BlendedRecommender(parts).fit(X).recommend(X[:9])
    )


def test_variances_of_independent_errors_add_up():
    a, b = np.arange(N_ITEMS), np.sqrt(np.arange(N_ITEMS))
    std = np.linspace(1, 2, N_ITEMS), np.linspace(3, 0, N_ITEMS)
    parts = [("a", Told(scores=a, std=std[0])), ("b", Told(scores=b, std=std[1]))]
    est = BlendedRecommender(parts, weights=[1, 3]).fit(few())
    assert est.__sklearn_tags__().probabilistic
    values, found = est.decision_function(few(), return_std=True)
    np.testing.assert_array_equal(values, est.decision_function(few()))
    for row, history in zip(found[2:], few().toarray()[2:]):
        scale = [(1 + history.sum()) * s[history == 0].std() for s in (a, b)]
        expected = (std[0] / scale[0] / 4) ** 2 + (3 * std[1] / scale[1] / 4) ** 2
        np.testing.assert_allclose(row, np.sqrt(expected), rtol=1e-5)
    both = est.recommend(few(), 2, candidates=[5, 8, 9], return_std=True)
    picked = np.take_along_axis(found, np.maximum(both[0], 0), axis=1)
    np.testing.assert_allclose(both[1], np.where(both[0] < 0, np.nan, picked), rtol=1e-6)


def test_deviations_need_all(X, parts):
    told = Told(scores=np.arange(30), std=np.ones(30))
    for est in (BlendedRecommender([("a", told), parts[0]]), RankFusionRecommender([("a", told)])):
        with pytest.raises(ValueError, match="return_std must be False"):
            est.fit(X).decision_function(X, return_std=True)


@pytest.fixture(scope="module")
def uncertain(X):
    settings = {"hidden_sizes": (), "latent_size": 4, "lr": 0.01, "n_samples": 3}
    vae = MultVAERecommender(**settings, max_epochs=20, random_state=0, device="cpu")
    other = GERRanker(n_factors=4, max_epochs=5, lr=0.02, random_state=0, device="cpu")
    return BlendedRecommender([("vae", vae), ("ger", other)]).fit(X)


def test_return_std_changes_nothing_else(X, uncertain):
    assert uncertain.n_samples == 3
    for method in (uncertain.decision_function, uncertain.predict_proba):
        value, std = method(X[:9], return_std=True)
        np.testing.assert_array_equal(value, method(X[:9]))
        assert std.min() >= 0
        assert std.mean() > 0
        np.testing.assert_allclose(method(X[3:5], return_std=True)[1], std[3:5], atol=1e-5)


def test_draws_spread_as_the_deviations_say(X, uncertain):
    queries = uncertain._queries(X[:20], None)
    spread = uncertain._spread(lambda draw: uncertain._scores(queries, draw))
    std = uncertain.decision_function(X[:20], return_std=True)[1]
    assert 0.5 < spread.mean() / std.mean() < 1.5
    lists = uncertain.recommend(X[:20], 5, strategy="thompson")
    assert (lists != uncertain.recommend(X[:20], 5)).any()


@pytest.mark.parametrize("check", ["strategies", "fold_in", "probabilities"])
def test_common_checks_of_probabilistic_parts(check, uncertain):
    run = next(c for c in estimator_checks(uncertain) if c.__name__ == f"check_{check}")
    run("BlendedRecommender", uncertain)


def test_links_of_parts_do_not_matter(X):
    class Certain(EASERecommender):
        _link = Link

    one, other = (BlendedRecommender([("a", c(l2=9.0))]).fit(X) for c in (Certain, EASERecommender))
    np.testing.assert_array_equal(one.predict_proba(X[:9]), other.predict_proba(X[:9]))
