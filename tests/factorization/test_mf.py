"""Pointwise MF against NumPy, its probabilities against the formula, and edges."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit, logit

from skrec import MFClassifier
from skrec.utils import hide_entries


def numpy_scores(est):
    """Return p_u q_i + b_u + b_i of all users and items."""
    p, q = est.user_factors_.astype(np.float64), est.item_factors_.astype(np.float64)
    if not est.bias:
        return p @ q.T
    return p[:, :-1] @ q[:, :-1].T + p[:, -1:] + q[:, -1]


@pytest.mark.parametrize("bias", [False, True])
def test_scores_are_the_formula(bias, quick, X):
    est = quick(MFClassifier, bias=bias).fit(X)
    assert est.user_factors_.shape == (200, 6 + bias)
    assert est.item_factors_.shape == (60, 6 + bias)
    scores = est.decision_function(users=range(200))
    np.testing.assert_allclose(scores, numpy_scores(est), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_negatives", [1, 4])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_the_loss_is_that_of_the_docstring(l2, bias, n_negatives, quick, all_but_one):
    X, lacking = all_but_one
    options = {"l2": l2, "bias": bias, "n_negatives": n_negatives}
    start = quick(MFClassifier, max_epochs=0, **options).fit(X)
    p, q, f = start.user_factors_, start.item_factors_, numpy_scores(start)
    total = []
    for u, positive in np.argwhere(X.toarray()):
        for i in [positive] + [lacking[u]] * n_negatives:
            y = float(i == positive)
            cost = -y * np.log(expit(f[u, i])) - (1 - y) * np.log(1 - expit(f[u, i]))
            total.append(cost + l2 * ((p[u] ** 2).sum() + (q[i] ** 2).sum()))
    est = quick(MFClassifier, max_epochs=1, **options).fit(X)
    assert est.net_.history[0, "train_loss"] == pytest.approx(np.mean(total), rel=1e-5)


@pytest.mark.parametrize("unseen", [False, True])
def test_the_checkerboard_is_completed(unseen, quick, checkerboard):
    X, hidden = checkerboard
    est = quick(MFClassifier, max_epochs=40, l2=1e-3).fit(X)
    top = est.recommend(X, 1) if unseen else est.recommend(users=range(40), n_items=1)
    np.testing.assert_array_equal(top[:, 0], hidden.argmax(axis=1))


# probabilities


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n_negatives", [1, 4])
@pytest.mark.parametrize("given", ["rows", "users", "both"])
def test_probabilities_undo_the_sampling(given, n_negatives, power, quick, X, set_right):
    est = quick(MFClassifier, n_negatives=n_negatives, negative_power=power).fit(X)
    rows = {"rows": {"X": X[10:30]}, "users": {"users": range(10, 30)}}
    rows["both"] = {"X": X[50:70], "users": range(10, 30)}
    history = X[50:70] if given == "both" else X[10:30]
    proba = est.predict_proba(**rows[given]).astype(np.float64)
    odds = est.decision_function(**rows[given]).astype(np.float64)
    counts = np.asarray(X.sum(axis=0), dtype=np.float64).ravel() ** power
    q = counts / counts.sum()
    some = np.diff(history.indptr) > 0
    for row in np.flatnonzero(some):
        has = history[[row]].indices
        for i in range(60):
            q_u = q[i] / (1 - sum(q[j] for j in has))
            odds[row, i] += np.log(n_negatives * len(has) * q_u)
    expected = set_right(est, odds, history)
    np.testing.assert_allclose(logit(proba[some]), logit(expected[some]), atol=2e-3)


def test_uniform_negatives_leave_the_ranking(quick, X, set_right):
    X = X[np.diff(X.indptr) > 0]
    est = quick(MFClassifier).fit(X)
    scores, proba = est.decision_function(X), est.predict_proba(X)
    order = np.argsort(scores, axis=1)
    assert (np.diff(np.take_along_axis(proba, order, axis=1)) >= 0).all()
    n = np.diff(X.indptr)[:, None]
    expected = set_right(est, scores + np.log(4 * n / (60 - n)), X)
    np.testing.assert_allclose(logit(proba.astype(float)), logit(expected), atol=1e-3)


@pytest.mark.parametrize("power", [0.0, 0.75])
@pytest.mark.parametrize("n_negatives", [1, 4])
def test_probabilities_are_of_the_true_rate(n_negatives, power, quick):
    # items of very different popularity and nothing else to learn
    rates = np.linspace(0.03, 0.5, 40)
    X = sp.csr_matrix(np.random.RandomState(0).uniform(size=(2000, 40)) < rates, dtype=np.float32)
    options = {"n_factors": 1, "max_epochs": 4, "init_std": 0.01, "l2": 1e-2}
    est = quick(MFClassifier, n_negatives=n_negatives, negative_power=power, **options).fit(X)
    history, _ = hide_entries(X, 0.1, np.random.RandomState(1))
    unseen = history.toarray() == 0
    proba = est.predict_proba(history) * unseen
    expected = 0.1 * rates / (1 - 0.9 * rates) * unseen  # what is not shown is hidden, or not there
    assert proba.sum() == pytest.approx(expected.sum(), rel=0.1)
    for quarter in np.split(np.arange(40), 4):
        assert 0.67 < proba[:, quarter].sum() / expected[:, quarter].sum() < 1.5
    # the log odds are nearly right before: with the sampling left in, 1.4 to 1.6 at power 0.75
    assert 0.8 < est.link_.slope_ < 1.3


# edges


@pytest.mark.parametrize("power", [0.0, 0.75])
def test_edges_give_finite_answers(power, edge, check_edge):
    check_edge(MFClassifier, edge, negative_power=power)


def test_nothing_is_learnt_where_everybody_has_everything(quick):
    start, est = (quick(MFClassifier, max_epochs=n).fit(np.ones((4, 5))) for n in (0, 5))
    np.testing.assert_array_equal(start.item_factors_, est.item_factors_)
    assert (est.recommend(users=range(4)) == -1).all()


def test_a_full_row_stays_below_one(quick, X):
    est = quick(MFClassifier).fit(X)
    proba = est.predict_proba(np.ones((1, 60)))
    assert proba.max() < 1
    assert proba.min() > 0.5


@pytest.mark.parametrize("n_candidates", [None, 3])
def test_one_user_can_be_validated(n_candidates, quick):
    options = {"early_stopping": True, "validation_candidates": n_candidates}
    est = quick(MFClassifier, **options).fit([[1, 0, 1, 0, 0, 1]])
    assert np.isfinite(est.predict_proba(users=[0])).all()
