"""What a metric or a scorer is given is checked as strictly as what fit is given."""

import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skrec import EASERecommender, InteractionEncoder, Interactions, metrics
from skrec.inspection import user_uncertainty
from skrec.metrics import make_calibration_scorer, make_ranking_scorer, make_rating_scorer
from skrec.model_selection import StrongGeneralization, check_split

RNG = np.random.RandomState(0)
Y = (RNG.random_sample((12, 8)) < 0.5).astype(float)
Y[:, 0] = 1
SCORES = RNG.random_sample(Y.shape)
RANKED = np.argsort(-SCORES, axis=1)[:, :4]
EASE = EASERecommender(l2=1.0).fit(Y)
RANKINGS = ["ndcg", "recall", "precision", "hit_rate", "mrr", "map"]


def corrupt():
    """Return matrices whose arrays do not fit each other, by the fault."""
    matrices = {}
    for fault, index in (("large", 10**6), ("negative", -3)):
        for kind in (sp.csr_matrix, sp.csc_matrix):
            X = kind(Y)
            X.indices[3] = index
            matrices[f"{X.format} {fault}"] = X
        X = sp.coo_matrix(Y)
        X.col[3] = index
        matrices[f"coo {fault}"] = X
    X = sp.csr_matrix(Y)
    X.indptr[4] = X.indptr[-1] + 5
    matrices["csr falling"] = X
    return matrices


# each takes a matrix of shape (12, 8)
DOORS = {
    "y_true": lambda X: metrics.ndcg(X, SCORES),
    "exclude": lambda X: metrics.ndcg(Y, SCORES, exclude=X),
    "y_true of brier": lambda X: metrics.brier(X, SCORES),
    "y_true of rmse": lambda X: metrics.rmse(X, SCORES),
    "y_true of mae": lambda X: metrics.mae(X, SCORES, per_user=True),
    "features": lambda X: metrics.diversity(RANKED, X),
    "X": lambda X: make_ranking_scorer()(EASE, X),
    "y": lambda X: make_ranking_scorer()(EASE, sp.csr_matrix(Y.shape), X),
    "y and a threshold": lambda X: make_ranking_scorer(relevance_threshold=1)(EASE, Y, X),
    "X of calibration": lambda X: make_calibration_scorer()(EASE, X),
    "X of a splitter": lambda X: next(StrongGeneralization().split(X)),
    "train": lambda X: check_split(X, Y),
    "test": lambda X: check_split(Y, X),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("fault", corrupt())
def test_corrupt_matrices_are_refused_before_compiled_code(door, fault):
    with pytest.raises(ValueError, match=f"{door.split()[0]} must be a sound sparse matrix"):
        DOORS[door](corrupt()[fault])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.0, 0.0], [1.0]], "must have rows of one length"),
        (np.full(Y.shape, "1"), "must hold numbers"),
        (np.full(Y.shape, None), "must hold finite values; got NaN"),
        (Y + 1j, "Complex data not supported"),
        (np.where(Y > 2, Y, np.nan), "must hold finite values; got NaN"),
        (np.where(Y > 2, Y, np.inf), "must hold finite values .*got infinity"),
        (sp.csr_matrix(np.where(Y > 2, Y, np.nan)), "must hold finite values; got NaN"),
        (Y[0], "matrix"),
        (Y[None], "matrix"),
        (np.full(Y.shape, np.datetime64("2020-01-01")), "must hold numbers"),
    ],
)
@pytest.mark.parametrize("door", ["y_true", "exclude", "X", "train", "test"])
def test_what_is_no_matrix_of_numbers_is_refused_by_name(door, values, message):
    with pytest.raises(ValueError, match=message) as caught:
        DOORS[door](values)
    assert re.search(rf"\b{door}\b", str(caught.value))


@pytest.mark.parametrize("name", RANKINGS)
@pytest.mark.parametrize(
    ("argument", "values", "error"),
    [
        ("y_score", np.ma.masked_less(SCORES, 0.5), ValueError),
        ("y_score", SCORES.astype(str), ValueError),
        ("y_score", SCORES + 1j, ValueError),
        ("y_score", SCORES[:, :3], ValueError),
        ("y_score", SCORES[None], ValueError),
        ("y_score", Interactions(Y), TypeError),
        ("y_score", "abc", ValueError),
        ("y_true", -Y, ValueError),
        ("per_user", "no", ValueError),
        ("per_user", 1, ValueError),
        ("k", True, ValueError),
        ("k", "10", ValueError),
        ("k", [5], ValueError),
        ("k", np.nan, ValueError),
    ],
)
def test_every_ranking_metric_names_what_is_wrong(name, argument, values, error):
    arguments = {"y_true": Y, "y_score": SCORES, argument: values}
    with pytest.raises(error, match=rf"\b{argument}\b"):
        getattr(metrics, name)(**arguments)


@pytest.mark.parametrize(
    "values",
    [[], [[1], [1, 2]], RANKED + 0.5, RANKED.astype(str), RANKED > 1, np.ma.masked_less(RANKED, 2),
     RANKED[None], RANKED.astype(np.uint64) + 2**63, sp.csr_matrix(RANKED), None, "abc"],
)  # fmt: skip
def test_lists_are_integers(values):
    calls = [
        lambda: metrics.coverage(values, 8),
        lambda: metrics.gini(values, 8),
        lambda: metrics.novelty(values, np.ones(8)),
        lambda: metrics.diversity(values, np.eye(8)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="ranked must"):
            call()
    if values is not None:
        with pytest.raises(ValueError, match="ranked must"):
            metrics.ndcg(Y, ranked=values)
        with pytest.raises(ValueError, match="negatives must"):
            make_ranking_scorer(negatives=values)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "x", True, np.nan, [1], np.random.default_rng(0)])
def test_a_seed_that_is_none_is_named(seed):
    for make in (make_ranking_scorer, make_rating_scorer, make_calibration_scorer):
        with pytest.raises(ValueError, match="random_state must be"):
            make(random_state=seed)
    for name in ("mrr", "map"):
        with pytest.raises(ValueError, match="random_state must be"):
            getattr(metrics, name)(Y, SCORES, random_state=seed)


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (make_ranking_scorer, {"n_negatives": True}),
        (make_ranking_scorer, {"n_negatives": 2.0}),
        (make_ranking_scorer, {"min_held_out": True}),
        (make_ranking_scorer, {"truncated": "no"}),
        (make_ranking_scorer, {"relevance_threshold": True}),
        (make_ranking_scorer, {"relevance_threshold": 10**400}),
        (make_ranking_scorer, {"candidates": ["all"]}),
        (make_ranking_scorer, {"k": [5, True]}),
        (make_ranking_scorer, {"k": np.array(2.5)}),
        (make_rating_scorer, {"metric": ["neg_rmse"]}),
        (make_calibration_scorer, {"metric": "neg_neg_brier"}),
        (make_calibration_scorer, {"n_unstored": True}),
        (make_calibration_scorer, {"n_bins": 0}),
        (make_calibration_scorer, {"n_bins": 10**9}),
        (make_calibration_scorer, {"strategy": "bins"}),
    ],
)
def test_scorers_check_their_parameters_when_they_are_made(make, options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name} must be"):
        make(**options)


@given(
    st.sampled_from(RANKINGS), st.integers(1, 20), st.sampled_from([np.int8, np.uint8, np.int64])
)
def test_numpy_integers_are_integers(name, k, kind):
    metric = getattr(metrics, name)
    assert metric(Y, SCORES, k=kind(k)) == metric(Y, SCORES, k=k)
    scorer, plain = (make_ranking_scorer(name, k=3, n_negatives=n) for n in (kind(k), k))
    assert scorer(EASE, Y) == plain(EASE, Y)
    scorer, plain = (make_calibration_scorer(n_unstored=n) for n in (kind(k), k))
    assert scorer(EASE, Y) == plain(EASE, Y)


@pytest.mark.parametrize("name", RANKINGS)
def test_a_cut_off_beyond_the_catalogue_is_the_whole_ranking(name):
    metric = getattr(metrics, name)
    huge = metric(Y, SCORES, k=10**30)
    assert huge == (0 if name == "precision" else metric(Y, SCORES, k=8)) or huge < 1e-10
    assert make_ranking_scorer(n_negatives=10**30)(EASE, Y) == make_ranking_scorer()(EASE, Y)
    everything = make_calibration_scorer(n_unstored=None)(EASE, Y)
    assert make_calibration_scorer(n_unstored=10**30)(EASE, Y) == everything


@given(st.permutations(range(8)), st.integers(0, 8))
def test_infinite_scores_are_the_first_or_not_ranked(order, n_first):
    scores = np.zeros(8)
    scores[order] = -np.arange(8)
    best, rest = order[:n_first], order[n_first:]
    scores[best] = np.inf
    target = np.zeros((1, 8))
    target[0, order[n_first - 1 if n_first else 0]] = 1
    expected = 1.0 if n_first <= 1 else np.mean(1 / np.log2(np.arange(n_first) + 2))
    assert metrics.ndcg(target, scores[None], k=None) == pytest.approx(expected)
    scores[rest] = -np.inf
    if len(rest):
        target = np.zeros((1, 8))
        target[0, rest[0]] = 1
        assert metrics.recall(target, scores[None], k=None) == 0


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix, sp.coo_matrix, sp.coo_array])
def test_targets_that_are_counted_in_bytes_do_not_vanish(kind):
    places = (np.zeros(257, int), np.append(np.zeros(256, int), 1))
    counts = sp.coo_matrix((np.ones(257, np.uint8), places), shape=(1, 3))
    if kind is sp.csr_matrix:  # repeats and all
        counts = sp.csr_matrix((counts.data, counts.col, [0, 257]), shape=(1, 3))
    elif kind is sp.csc_matrix:
        counts = sp.csc_matrix((counts.data, counts.row, [0, 256, 257, 257]), shape=(1, 3))
    assert metrics.recall(kind(counts), [[0.0, 2.0, 1.0]], k=1) == 1
    assert metrics.recall(kind(counts), ranked=[[2, 0]], k=2) == 0.5
    assert check_split(counts, np.eye(1, 3)).overlap == 1


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.coo_matrix, sp.csc_matrix])
def test_repeated_ratings_are_refused_as_by_fit(kind):
    twice = sp.coo_matrix(([3.0, 5.0, 1.0], ([0, 0, 1], [0, 0, 1])), shape=(2, 2))
    if kind is sp.csr_matrix:
        twice = sp.csr_matrix((twice.data, twice.col, [0, 2, 3]), shape=(2, 2))
    elif kind is sp.csc_matrix:
        twice = sp.csc_matrix((twice.data, twice.row, [0, 2, 3]), shape=(2, 2))
    for metric in (metrics.rmse, metrics.mae):
        with pytest.raises(ValueError, match="y_true must hold one rating of each pair"):
            metric(twice, np.ones((2, 2)))


def test_a_repeated_pair_is_a_target_by_its_best_rating_in_any_format():
    coo = sp.coo_matrix(([2.0, 3.0, 1.0], ([0, 0, 0], [0, 0, 1])), shape=(1, 8))
    csr = sp.csr_matrix((coo.data, coo.col, [0, 3]), shape=(1, 8))
    history = np.eye(1, 8, 7)
    for y in (coo, csr):  # 2 + 3 is no rating of 4
        with pytest.raises(ValueError, match="No user has a target"):
            make_ranking_scorer(relevance_threshold=4)(EASE, history, y)
        assert 0 <= make_ranking_scorer(relevance_threshold=3)(EASE, history, y) <= 1


@pytest.mark.parametrize(
    "values",
    [
        Y.astype(np.float16),
        pd.DataFrame(Y),
        np.ma.array(Y),
        Y.astype(object),
        pd.DataFrame(Y).astype("Int64"),
        Y > 0,
    ],
)
def test_other_types_of_numbers_are_taken(values):
    assert metrics.ndcg(values, SCORES) == metrics.ndcg(Y, SCORES)
    assert metrics.brier(values, SCORES) == metrics.brier(Y, SCORES)
    assert make_ranking_scorer()(EASE, values) == make_ranking_scorer()(EASE, Y)


def test_masked_targets_are_no_targets():
    masked = np.ma.array(Y, mask=np.tile(np.arange(8) < 4, (12, 1)))
    expected = np.where(np.arange(8) < 4, 0, Y)
    assert metrics.ndcg(masked, SCORES) == metrics.ndcg(expected, SCORES)


def test_catalogues_of_any_size_cost_what_the_lists_cost():
    huge = 10**12
    assert metrics.coverage([[0, 5], [5, -1]], huge) == 2 / huge
    assert metrics.gini([[0], [0]], huge) == pytest.approx(1 - 1 / huge)
    lists = np.arange(12).reshape(3, 4) % 7
    counts = np.sort(np.bincount(lists.ravel(), minlength=9))
    expected = (2 * np.arange(1, 10) - 10) @ counts / (9 * counts.sum())
    assert metrics.gini(lists, 9) == expected
    for wrong in (0, -1, True, 2.0, "8", np.nan):
        with pytest.raises(ValueError, match="n_items must be"):
            metrics.coverage([[0]], wrong)


@pytest.mark.parametrize("estimator", [None, 1, "EASE", EASERecommender, object(), metrics])
@pytest.mark.parametrize("make", [make_ranking_scorer, make_rating_scorer, make_calibration_scorer])
def test_what_is_no_model_is_a_type_error(make, estimator):
    with pytest.raises(TypeError, match="estimator must be a fitted recommender"):
        make()(estimator, Y)


def test_a_model_without_ratings_is_named():
    with pytest.raises(TypeError, match="estimator must have predict; got EASERecommender"):
        make_rating_scorer()(EASE, Y)


def test_ids_of_another_encoder_are_refused():
    table = pd.DataFrame({"user": ["a", "b", "c", "a", "b"], "item": ["x", "x", "y", "y", "z"]})
    encoder = InteractionEncoder().fit(table)
    model = EASERecommender(l2=1.0).fit(encoder.transform(table))
    same, other = encoder.transform(table), InteractionEncoder().fit(table[::-1]).transform(table)
    scorers = [make_ranking_scorer(), make_calibration_scorer(), make_ranking_scorer(n_negatives=1)]
    for scorer in scorers:
        assert np.isfinite(scorer(model, same))
        with pytest.raises(ValueError, match=r"X must have the user ids.*encoder_\.transform"):
            scorer(model, other)
        # the rows of histories are any users, but the items are those of the model
        with pytest.raises(ValueError, match=r"y must have the item ids.*encoder_\.transform"):
            scorer(model, sp.csr_matrix((3, 3)), other)
    with pytest.raises(ValueError, match="X must have the user ids"):
        make_ranking_scorer().per_user(model, other)
    assert check_split(same, same).overlap == 5
    with pytest.raises(ValueError, match="train and test must have the same user ids"):
        check_split(same, other)


def test_weights_and_probabilities_are_numbers():
    for name in ("brier", "expected_calibration_error", "reliability_curve"):
        metric = getattr(metrics, name)
        for values in (SCORES.astype(str), SCORES + 0j, sp.csr_matrix(SCORES), [[1], [1, 2]]):
            with pytest.raises((ValueError, TypeError), match="y_prob"):
                metric(Y, values)
            with pytest.raises((ValueError, TypeError), match="sample_weight"):
                metric(Y, SCORES, sample_weight=values)
        assert_array_equal(metric(Y, SCORES.astype(np.longdouble)), metric(Y, SCORES))


def test_groups_of_genres_are_a_sound_matrix():
    wrong = sp.csr_matrix(np.eye(8))
    wrong.indices[0] = 99
    with pytest.raises(ValueError, match="item_groups must be a sound sparse matrix"):
        user_uncertainty(EASE, measure=np.ones(12), groups="diversity", item_groups=wrong)


@pytest.mark.parametrize("metrics", [3, None, b"ndcg", [3], ["ndcg", None]])
def test_names_of_metrics_are_text(metrics):
    with pytest.raises(TypeError, match="metrics must be strings such as 'ndcg@10', got"):
        make_ranking_scorer(metrics)
