"""Weighted matrix factorisation: both objectives in NumPy, their minima, and unseen users."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec import CalibratedRecommender, WMFRecommender
from skrec.datasets import make_interactions
from skrec.exceptions import SkrecWarning

WEIGHTINGS = {
    "unobserved": {"unobserved_weight": 0.3, "l2": 0.02},
    "exponent": {"unobserved_weight": 0.3, "l2": 0.3, "frequency_exponent": 0.5},
    "confidence": {"weighting": "confidence", "alpha": 3.0, "l2": 0.7},
}


@pytest.fixture(params=WEIGHTINGS.values(), ids=WEIGHTINGS)
def wmf(request):
    """Return a function that makes a quick estimator."""
    options = {"n_factors": 5, "max_epochs": 4, "random_state": 0, "device": "cpu"}
    return lambda **parameters: WMFRecommender(**options | request.param | parameters)


@pytest.fixture(scope="module")
def R():
    """Return strengths; the first user has nothing, the second everything, the last item none."""
    rng = np.random.RandomState(0)
    R = rng.poisson(0.4, size=(40, 25)).astype(float)
    R[0], R[1] = 0, np.maximum(R[1], 1)
    R[:, -1] = 0
    return R


def weights_and_ridges(est, R):
    """Return the weights c of the pairs, their targets, and the ridges of users and items."""
    S = (R > 0).astype(float)
    if est.weighting == "confidence":
        C = 1 + est.alpha * R
        return C, S, np.full(len(R), est.l2), np.full(R.shape[1], est.l2)
    # (s - 1)^2 + a s^2 is (1 + a) (s - 1 / (1 + a))^2 and a constant
    a = est.unobserved_weight
    frequencies = S.sum(axis=1) + a * R.shape[1], S.sum(axis=0) + a * len(R)
    ridges = (est.l2 * f**est.frequency_exponent for f in frequencies)
    return a + S, S / (1 + a), *ridges


def objective(est, R):
    C, T, user_ridge, item_ridge = weights_and_ridges(est, R)
    P, Q = (a.astype(np.float64) for a in (est.user_factors_, est.item_factors_))
    penalty = user_ridge @ (P**2).sum(axis=1) + item_ridge @ (Q**2).sum(axis=1)
    return (C * (P @ Q.T - T) ** 2).sum() + penalty


def solved(C, T, ridges, vectors):
    """Solve each row by dense normal equations over all columns."""
    V = vectors.astype(np.float64)
    ridges = ridges[:, None, None] * np.eye(V.shape[1])
    parts = zip(C, T, ridges)
    return np.array(
        [np.linalg.solve(V.T @ (c[:, None] * V) + r, V.T @ (c * t)) for c, t, r in parts]
    )


def numpy_users(est, R):
    C, T, ridges, _ = weights_and_ridges(est, R)
    return solved(C, T, ridges, est.item_factors_)


# what it is


def test_users_solve_the_normal_equations_of_the_paper(wmf, R):
    est = wmf().fit(R)
    np.testing.assert_allclose(est.user_factors_, numpy_users(est, R), rtol=1e-5, atol=1e-6)
    assert est.user_factors_.dtype == est.item_factors_.dtype == np.float32


def test_unseen_users_too(wmf, R):
    est = wmf().fit(R[:30])
    scores = est.decision_function(R[30:])
    expected = numpy_users(est, R[30:]) @ est.item_factors_.T
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


def test_an_epoch_solves_users_then_items(wmf, R):
    start, est = (wmf(max_epochs=n).fit(R) for n in (0, 1))
    C, T, _, ridges = weights_and_ridges(est, R)
    expected = solved(C.T, T.T, ridges, numpy_users(start, R))
    np.testing.assert_allclose(est.item_factors_, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("solver", ["cholesky", "ials++"])
def test_the_objective_does_not_rise_over_epochs(solver, wmf, R):
    blocks = {"solver": solver, "block_size": 2}
    values = [objective(wmf(max_epochs=n, **blocks).fit(R), R) for n in range(9)]
    assert (np.diff(values) <= 1e-5 * values[0]).all()
    assert values[-1] < 0.9 * values[0]


@pytest.mark.parametrize("block_size", [5, 100])
def test_one_block_of_all_factors_is_the_exact_solution(block_size, wmf, R):
    exact, block = (wmf(**p).fit(R) for p in ({}, {"solver": "ials++", "block_size": block_size}))
    np.testing.assert_array_equal(block.user_factors_, exact.user_factors_)
    np.testing.assert_array_equal(block.item_factors_, exact.item_factors_)


def test_blocks_reach_the_exact_solution_in_more_epochs(wmf, R):
    exact, blocks = (
        wmf(max_epochs=60, **p).fit(R) for p in ({}, {"solver": "ials++", "block_size": 2})
    )
    assert objective(blocks, R) == pytest.approx(objective(exact, R), rel=1e-3)


@pytest.mark.filterwarnings("ignore:X holds weights")
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), density=st.floats(0.02, 1), n_factors=st.integers(1, 20))
def test_any_matrix(seed, density, n_factors):
    R = np.asarray(sp.random_array((12, 15), density=density, rng=seed).toarray()) * 4
    if not R.any():
        return
    for parameters in WEIGHTINGS.values():
        options = {"n_factors": n_factors, "max_epochs": 2, "random_state": 0, "device": "cpu"}
        est = WMFRecommender(**options, **parameters)
        X = R if est.weighting == "confidence" else (R > 0).astype(float)
        users = numpy_users(est.fit(X), X)
        np.testing.assert_allclose(est.user_factors_, users, rtol=1e-4, atol=1e-5)


# the contract


def test_a_training_row_is_the_stored_user(wmf, R):
    est = wmf().fit(R)
    stored, folded = est.decision_function(users=range(40)), est.decision_function(R)
    np.testing.assert_allclose(folded, stored, rtol=0, atol=1e-5)


def test_an_automatic_weight_falls_with_the_density(R):
    R = sp.csr_matrix(R)
    settings = {"n_factors": 4, "max_epochs": 3, "device": "cpu", "random_state": 0}
    auto = WMFRecommender(unobserved_weight="auto", **settings).fit(R)
    assert auto.unobserved_weight_ == pytest.approx(1.4 * (R.nnz / R.shape[0] / R.shape[1]) ** 0.5)
    assert type(auto.unobserved_weight_) is float
    same = WMFRecommender(unobserved_weight=auto.unobserved_weight_, **settings).fit(R)
    np.testing.assert_array_equal(auto.decision_function(R), same.decision_function(R))
    doubled = sp.csr_matrix(sp.hstack([R, sp.csr_matrix(R.shape)]))
    wider = WMFRecommender(unobserved_weight="auto", **settings).fit(doubled)
    assert wider.unobserved_weight_ == pytest.approx(auto.unobserved_weight_ / 2**0.5)


def test_strengths_count_by_confidence_alone(wmf, R):
    strong, ones = wmf().fit(R), wmf().fit(R > 0)
    same = np.allclose(strong.item_factors_, ones.item_factors_)
    assert same == (strong.weighting == "unobserved")
    assert (strong.interactions_.data.max() > 1) == (strong.weighting == "confidence")
    answers = strong.decision_function(R[5:9]), strong.decision_function(3 * R[5:9])
    assert np.allclose(*answers) == (strong.weighting == "unobserved")


def test_strengths_reach_the_model_that_calibration_wraps(wmf, R):
    est = CalibratedRecommender(wmf(), random_state=0).fit(R)
    weighs = est.estimator.weighting == "confidence"
    assert (est.estimator_.interactions_.data.max() > 1) == weighs
    answers = est.decision_function(R[5:9]), est.decision_function(3 * R[5:9])
    assert np.allclose(*answers) != weighs


def test_it_ranks_by_taste(checkerboard):
    shown, hidden = checkerboard
    for parameters in WEIGHTINGS.values():
        est = WMFRecommender(n_factors=4, max_epochs=8, random_state=0, **parameters).fit(shown)
        lists = est.recommend(shown, n_items=1)
        assert hidden[np.arange(40), lists[:, 0]].all()


def test_edges(edge):
    for parameters in WEIGHTINGS.values():
        est = WMFRecommender(n_factors=6, max_epochs=3, random_state=0, **parameters).fit(edge)
        assert np.isfinite(est.decision_function(edge)).all()
        proba = est.predict_proba(edge)
        assert ((proba >= 0) & (proba <= 1)).all()


def test_lists_of_candidates_get_the_scores_of_all_items(wmf, R):
    est = wmf().fit(R)
    full = est.decision_function(R)
    lists, scores = est.recommend(R, 2, candidates=[3, 7, 11], return_scores=True)
    row = np.flatnonzero(lists[:, 0] >= 0)
    np.testing.assert_allclose(scores[row, 0], full[row, lists[row, 0]], rtol=1e-5, atol=1e-6)


def test_similar_items_are_of_the_same_kind(checkerboard):
    est = WMFRecommender(n_factors=4, max_epochs=8, random_state=0).fit(checkerboard[0])
    indices, _ = est.similar_items([0, 1], n_items=5)
    assert (indices[0] % 2 == 0).all()
    assert (indices[1] % 2 == 1).all()


def test_what_is_stored_is_numpy_and_small(wmf, R):
    est = wmf().fit(R)
    again = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(again.decision_function(R), est.decision_function(R))
    assert not [k for k, v in vars(est).items() if type(v).__module__.startswith("torch")]


def test_the_seed_decides_where_items_start(wmf, R):
    first, second = (wmf(max_epochs=0, random_state=s, n_factors=20).fit(R) for s in (0, 1))
    assert not np.allclose(first.item_factors_, second.item_factors_)
    assert first.item_factors_.std() == pytest.approx(0.1 / np.sqrt(20), rel=0.1)
    assert wmf(max_epochs=0, init_std=2.0).fit(R).item_factors_.std() == pytest.approx(2, rel=0.2)


def test_verbose_shows_a_bar(wmf, R, capsys):
    wmf(verbose=1).fit(R)
    assert "WMFRecommender" in capsys.readouterr().err
    wmf().fit(R)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["l2", "alpha", "unobserved_weight", "n_factors", "solver"])
def test_a_bad_parameter_is_named(name, R):
    with pytest.raises(ValueError, match=f"'{name}' parameter of WMFRecommender"):
        WMFRecommender(**{name: 0}).fit(R)


EDGES = [
    ({"l2": 1e38}, r"the penalties must be at most 1e\+30; got up to .* from l2=1e\+38"),
    ({"frequency_exponent": 1e3}, r"got up to inf from l2=0.005, .* and frequency_exponent=1000"),
    ({"weighting": "confidence", "alpha": 1e-300}, "alpha times the strengths of X must be at"),
]


@pytest.mark.parametrize(("parameters", "words"), EDGES)
@pytest.mark.parametrize("solver", ["cholesky", "ials++"])
def test_numbers_beyond_float32_are_named(parameters, words, solver):
    X = make_interactions(60, 40, 500, random_state=0).X
    est = WMFRecommender(n_factors=4, max_epochs=3, device="cpu", solver=solver, **parameters)
    with pytest.raises(ValueError, match=words):
        est.fit(X)


def test_small_integers_of_numpy_are_integers():
    X = make_interactions(60, 40, 500, random_state=0).X
    options = {"device": "cpu", "random_state": 0}
    small = {"n_factors": np.int8(100), "max_epochs": np.int8(2), "block_size": np.int8(20)}
    usual = {name: int(value) for name, value in small.items()}
    for solver in ("cholesky", "ials++"):
        scores = [
            WMFRecommender(solver=solver, **numbers, **options).fit(X).decision_function(X)
            for numbers in (small, usual)
        ]
        np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize(
    "parameters", [{"unobserved_weight": 1e30, "l2": 1e-3}, {"init_std": 1e-300}]
)
def test_parameters_that_leave_nothing_are_warned_of(parameters):
    X = make_interactions(60, 40, 500, random_state=0).X
    est = WMFRecommender(n_factors=4, max_epochs=3, device="cpu", **parameters)
    with pytest.warns(SkrecWarning, match="all vectors are 0"):
        est.fit(X)


# going on from the last fit


def test_two_halves_are_one_fit(wmf, R):
    whole = wmf(max_epochs=6).fit(R)
    est = wmf(max_epochs=2, warm_start=True).fit(R).set_params(max_epochs=4).fit(R)
    np.testing.assert_array_equal(est.item_factors_, whole.item_factors_)
    np.testing.assert_array_equal(est.user_factors_, whole.user_factors_)
    assert whole.__dict__.keys() == est.__dict__.keys()
    np.testing.assert_array_equal(
        est.set_params(warm_start=False).fit(R).item_factors_,
        wmf(max_epochs=4).fit(R).item_factors_,
    )


@pytest.mark.parametrize("solver", ["cholesky", "ials++"])
def test_what_is_new_starts_as_unseen_users_and_cold_items(solver, wmf, R):
    old = wmf(warm_start=True, solver=solver, block_size=2).fit(R[:30, :20])
    before = old.item_factors_
    est = old.set_params(max_epochs=0).fit(R)
    np.testing.assert_array_equal(est.item_factors_[:20], before)
    assert not est.item_factors_[20:].any()
    assert est.user_factors_.shape == (40, 5)
    np.testing.assert_allclose(
        est.decision_function(users=np.arange(1, 40)), est.decision_function(R[1:]), atol=1e-5
    )


def test_an_epoch_learns_new_items_from_where_the_old_ones_are(wmf, R):
    est = wmf(max_epochs=20, warm_start=True).fit(R[:30, :20]).set_params(max_epochs=1).fit(R)
    assert est.item_factors_[20:24].any(axis=1).all()
    assert objective(est, R) < objective(wmf(max_epochs=1).fit(R), R)


def test_a_warm_start_must_fit(wmf, R):
    est = wmf(warm_start=True).fit(R)
    with pytest.raises(ValueError, match=r"at least the 25 items of the last fit .* got 20"):
        est.fit(R[:, :20])
    with pytest.raises(ValueError, match=r"n_factors must be as in the last fit, 5, .*; got 6"):
        est.set_params(n_factors=6).fit(R)
    assert est.n_features_in_ == 25
    assert est.set_params(n_factors=5).fit(R[:10]).user_factors_.shape == (10, 5)
