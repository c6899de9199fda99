"""Lists that are ranked in two stages, of which only the second one draws."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skrec import GERRanker, Interactions
from skrec.datasets import make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.utils import split_rows

USERS = range(200)


@pytest.fixture
def staged(drawn_cls, fit):
    """Return a function that sets ``n_candidates`` of each class with draws."""
    est = fit(drawn_cls)
    yield lambda n: est.set_params(n_candidates=n)
    est.set_params(n_candidates=None)


REQUESTS = {
    "all": {},
    "seen too": {"exclude_seen": False},
    "shared candidates": {"candidates": np.arange(0, 60, 2)},
    "own candidates": {"candidates": np.tile([3, -1, 5, 7, 9, 7, 20], (200, 1))},
    "excluded items": {"exclude": [1, 2, 3, 40]},
    "excluded pairs": {"exclude": sp.csr_matrix(np.arange(12000).reshape(200, 60) % 3 == 0)},
    "ucb": {"strategy": "ucb"},
    "thompson": {"strategy": "thompson"},
}


@pytest.mark.parametrize("request_", REQUESTS)
def test_lists_are_exact_where_all_pass(request_, staged):
    options = {**REQUESTS[request_], "n_items": 5, "return_scores": True, "return_std": True}
    right = staged(None).recommend(users=USERS, **options)
    for n in (60, 1000):
        answer = staged(n).recommend(users=USERS, **options)
        np.testing.assert_array_equal(answer[0], right[0])
        for values, expected in zip(answer[1:], right[1:], strict=True):
            np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("request_", REQUESTS)
def test_what_is_listed_may_be_listed_and_is_ranked_by_draws(request_, staged):
    options = {**REQUESTS[request_], "n_items": 5, "return_scores": True}
    allowed = staged(None).recommend(users=USERS, **{**options, "n_items": 60})[0]
    lists, scores = staged(8).recommend(users=USERS, **options)
    for own, may in zip(lists, allowed, strict=True):
        assert set(own[own >= 0]) <= set(may)
        assert (own >= 0).sum() == min(5, (may >= 0).sum())
    found = np.nan_to_num(scores, nan=-np.inf)
    assert (found[:, 1:] <= found[:, :-1]).all()
    if "strategy" not in options:
        all_scores = staged(None).decision_function(users=USERS)
        right = np.take_along_axis(all_scores, np.maximum(lists, 0), axis=1)
        np.testing.assert_allclose(scores[lists >= 0], right[lists >= 0], rtol=1e-3, atol=1e-4)


HELD_OUT = split_rows(make_interactions(200, 60, 3000, n_clusters=4, random_state=0).X, 0.3)
FORMS = {"histories": HELD_OUT, "known users": (Interactions(HELD_OUT[1]),)}


@pytest.mark.parametrize("form", FORMS)
def test_scorers_rank_as_lists_do(form, staged, monkeypatch):
    scorer = make_ranking_scorer(["ndcg@5", "hit_rate@5"])
    right = scorer.per_user(staged(None), *FORMS[form])
    pd.testing.assert_frame_equal(scorer.per_user(staged(60), *FORMS[form]), right, rtol=1e-6)
    monkeypatch.setattr(type(staged(8)), "_score_block", None)  # scores of all items
    found = scorer.per_user(staged(8), *FORMS[form])
    history, targets = HELD_OUT
    if form == "histories":
        lists = staged(8).recommend(history[found.index], n_items=5, exclude_seen=True)
    else:  # what was seen in fit is ranked where it is a target
        lists = staged(8).recommend(
            users=found.index, n_items=5, exclude_seen=False, exclude=history[found.index]
        )
    hits = [targets[[u]].toarray()[0, own].any() for u, own in zip(found.index, lists)]
    np.testing.assert_array_equal(found["hit_rate@5"], hits)
    few = make_ranking_scorer("hit_rate@60").per_user(staged(1), *FORMS[form])
    assert few.to_numpy().all()  # as many as are asked for


def test_a_first_stage_finds_nearly_the_same(staged):
    right = staged(None).recommend(users=USERS, n_items=5)
    shares = []
    for n in (5, 10, 20):
        lists = staged(n).recommend(users=USERS, n_items=5)
        found = [np.isin(a, b).mean() for a, b in zip(lists, right, strict=True)]
        shares.append(np.mean(found))
    assert shares == sorted(shares)
    assert shares[1] > 0.9
    assert shares[2] > 0.98


def test_at_least_what_is_asked_for_passes(staged):
    lists = staged(1).recommend(users=USERS, n_items=7)
    assert (lists >= 0).all()
    assert (staged(1).recommend(users=USERS, n_items=100) >= 0).sum() > 200 * 7


def test_unseen_users_and_blocks_are_as_one(staged, X, monkeypatch):
    history, _ = split_rows(X, 0.3, random_state=1)
    rows = sp.vstack([history[:9], sp.csr_matrix((1, 60))]).tocsr()
    est = staged(12)
    right = est.recommend(rows, n_items=4)
    np.testing.assert_array_equal(right[-1], np.argsort(-est.item_counts_, kind="stable")[:4])
    one_by_one = np.concatenate([est.recommend(rows[[k]], n_items=4) for k in range(10)])
    np.testing.assert_array_equal(one_by_one, right)
    monkeypatch.setattr(
        "skrec.gaussian._base.row_blocks", lambda n, *_: (slice(k, k + 1) for k in range(n))
    )
    np.testing.assert_array_equal(est.recommend(rows, n_items=4), right)


def test_only_what_passes_is_drawn(staged, monkeypatch):
    est, widths = staged(10), []
    draw = type(est)._score_candidates

    def spy(self, queries, candidates, **options):
        widths.append(candidates.shape)
        return draw(self, queries, candidates, **options)

    monkeypatch.setattr(type(est), "_score_candidates", spy)
    monkeypatch.setattr(type(est), "_score_block", None)  # scores of all items
    est.recommend(users=range(30), n_items=5)
    assert widths == [(30, 10)]


@pytest.mark.parametrize("n_candidates", [0, -1, 2.5, "all"])
def test_bad_numbers_are_named(n_candidates, drawn_cls, quick, X):
    with pytest.raises(ValueError, match="'n_candidates' parameter"):
        quick(drawn_cls, n_candidates=n_candidates).fit(X)


def test_scores_that_are_exact_need_no_stages():
    assert "n_candidates" not in GERRanker().get_params()
