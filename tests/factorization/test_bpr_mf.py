"""BPR-MF against NumPy, on data with a known answer, and on the edge of what can be learnt."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit, logit

from skrec import BPRMFRanker
from skrec.calibration import user_offsets
from skrec.metrics import evaluate_ranking
from skrec.utils import hide_entries, split_rows


def numpy_scores(est):
    """Return p_u q_i + b_i of all users and items."""
    p, q = est.user_factors_.astype(np.float64), est.item_factors_.astype(np.float64)
    return p @ q[:, : p.shape[1]].T + (q[:, p.shape[1]] if est.item_bias else 0)


@pytest.mark.parametrize("item_bias", [False, True])
def test_scores_are_the_formula(item_bias, quick, X):
    est = quick(BPRMFRanker, item_bias=item_bias).fit(X)
    assert est.user_factors_.shape == (200, 6)
    assert est.item_factors_.shape == (60, 6 + item_bias)
    scores = est.decision_function(users=range(200))
    np.testing.assert_allclose(scores, numpy_scores(est), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_negatives", [1, 3])
@pytest.mark.parametrize("item_bias", [False, True])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_the_loss_is_that_of_the_docstring(l2, item_bias, n_negatives, quick, all_but_one):
    X, lacking = all_but_one
    options = {"l2": l2, "item_bias": item_bias, "n_negatives": n_negatives}
    start = quick(BPRMFRanker, max_epochs=0, **options).fit(X)
    p, q, f = start.user_factors_, start.item_factors_, numpy_scores(start)
    total = []
    for u, i in np.argwhere(X.toarray()):
        j = lacking[u]
        norms = (p[u] ** 2).sum() + (q[i] ** 2).sum() + (q[j] ** 2).sum()
        total.append(-np.log(expit(f[u, i] - f[u, j])) + l2 * norms)
    est = quick(BPRMFRanker, max_epochs=1, **options).fit(X)
    assert est.net_.history[0, "train_loss"] == pytest.approx(np.mean(total), rel=1e-5)


def test_the_first_step_goes_down_the_gradient(quick, all_but_one):
    X, lacking = all_but_one
    options = {"optimizer": "sgd", "lr": 0.5, "l2": 0.05}
    start = quick(BPRMFRanker, max_epochs=0, **options).fit(X)
    p, q, f = start.user_factors_, start.item_factors_, numpy_scores(start)
    step = np.zeros_like(p)
    pairs = np.argwhere(X.toarray())
    for u, i in pairs:
        miss = expit(f[u, lacking[u]] - f[u, i])
        step[u] += (miss * (q[i] - q[lacking[u]]) - 2 * 0.05 * p[u]) / len(pairs)
    est = quick(BPRMFRanker, max_epochs=1, **options).fit(X)
    np.testing.assert_allclose(est.user_factors_, p + 0.5 * step, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("unseen", [False, True])
def test_the_checkerboard_is_completed(unseen, quick, checkerboard):
    X, hidden = checkerboard
    est = quick(BPRMFRanker, max_epochs=60, l2=1e-3).fit(X)
    top = est.recommend(X, 1) if unseen else est.recommend(users=range(40), n_items=1)
    # an item of the user's own parity: the only one left
    np.testing.assert_array_equal(top[:, 0], hidden.argmax(axis=1))


def test_it_ranks_better_than_popularity(quick, X):
    history, targets = split_rows(X, 0.2, random_state=0)
    est = quick(BPRMFRanker, max_epochs=40, l2=1e-2, n_factors=8).fit(history)
    popularity = np.tile(est.item_counts_, (200, 1)).astype(np.float32)
    ndcg = [
        np.nanmean(evaluate_ranking(targets, s, metrics=("ndcg@10",), exclude=history)["ndcg@10"])
        for s in (
            est.decision_function(users=range(200)),
            est.decision_function(history),
            popularity,
        )
    ]
    assert min(ndcg[:2]) > 1.2 * ndcg[2]


def test_an_item_bias_learns_popularity(quick):
    X = sp.csr_matrix(np.random.RandomState(0).uniform(size=(300, 20)) < np.linspace(0.05, 0.9, 20))
    est = quick(BPRMFRanker, n_factors=1, item_bias=True, max_epochs=30).fit(X)
    bias = est.item_factors_[:, 1]
    assert np.corrcoef(bias, np.argsort(np.argsort(est.item_counts_)))[0, 1] > 0.9


# probabilities


def offset_scores(scores, n):
    """Return the log odds: scores and the offset under which a user's probabilities sum to n."""
    n = np.clip(n, 0.5, scores.shape[1] - 0.5)
    return scores + user_offsets(scores, n)[:, None]


@pytest.mark.parametrize("unseen", [False, True])
def test_probabilities_are_offset_scores_set_right(unseen, quick, X, set_right):
    X = X[np.diff(X.indptr) > 0]
    est = quick(BPRMFRanker).fit(X)
    given = {"X": X} if unseen else {"users": range(X.shape[0])}
    proba = est.predict_proba(**given)
    odds = offset_scores(est.decision_function(**given), np.diff(X.indptr))
    np.testing.assert_allclose(expit(odds).sum(axis=1), np.diff(X.indptr), rtol=1e-6)
    np.testing.assert_allclose(
        logit(proba.astype(float)), logit(set_right(est, odds, X)), atol=1e-3
    )


def test_probabilities_of_unseen_pairs_add_up_to_what_is_hidden(quick, X):
    est = quick(BPRMFRanker).fit(X[:100])
    rows = X[np.tile(np.arange(100, 200), 5)]  # each hides other entries
    history, hidden = hide_entries(rows, 0.1, np.random.RandomState(1))
    proba = est.predict_proba(history)
    assert proba[history.toarray() == 0].sum() == pytest.approx(hidden.nnz, rel=0.2)


def test_probabilities_rank_as_the_scores_do(quick, X):
    est = quick(BPRMFRanker).fit(X)
    order = np.argsort(est.decision_function(X), axis=1)
    assert (np.diff(np.take_along_axis(est.predict_proba(X), order, axis=1)) >= 0).all()


def test_a_newer_history_sets_the_offset(quick, X, set_right):
    est = quick(BPRMFRanker).fit(X)
    given = {"X": X[[8]], "users": [3]}
    assert X[[8]].nnz != X[[3]].nnz
    odds = offset_scores(est.decision_function(**given), [X[[8]].nnz])
    proba = est.predict_proba(**given)
    np.testing.assert_allclose(proba, set_right(est, odds, X[[8]]), rtol=1e-3)


def test_a_full_row_stays_below_one(quick, X, set_right):
    est, full = quick(BPRMFRanker).fit(X), np.ones((1, 60))
    proba = est.predict_proba(full)
    assert proba.max() < 1
    odds = offset_scores(est.decision_function(full), [60])  # as if half an item lacked
    np.testing.assert_allclose(1 - proba, 1 - set_right(est, odds, full), rtol=1e-2)


# edges


def test_edges_give_finite_answers(edge, check_edge):
    check_edge(BPRMFRanker, edge)


def test_nothing_is_learnt_where_everybody_has_everything(quick):
    start, est = (quick(BPRMFRanker, max_epochs=n).fit(np.ones((4, 5))) for n in (0, 5))
    np.testing.assert_array_equal(start.item_factors_, est.item_factors_)
    assert len(est.net_.history) == 5
    assert (est.recommend(users=range(4)) == -1).all()


def test_a_user_who_has_everything_is_left_out_of_training(quick):
    X = np.vstack([np.ones((1, 6)), np.eye(5, 6), np.tri(4, 6)])
    start, est = (quick(BPRMFRanker, max_epochs=n).fit(X) for n in (0, 5))
    np.testing.assert_array_equal(start.user_factors_[0], est.user_factors_[0])
    assert (start.user_factors_[1:] != est.user_factors_[1:]).all()


@pytest.mark.parametrize("n_candidates", [None, 3])
def test_one_user_can_be_validated(n_candidates, quick):
    options = {"early_stopping": True, "validation_candidates": n_candidates}
    est = quick(BPRMFRanker, **options).fit([[1, 0, 1, 0, 0, 1]])
    assert np.isfinite(est.predict_proba(users=[0])).all()
