"""FISM, SVD++ and NAIS as estimators: their formulas, fold-in, parameters and real data."""

import itertools
import os

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.special import expit

from skrec import FISMClassifier, FISMRanker, NAISClassifier, SVDppRanker
from skrec.calibration import user_offsets
from skrec.datasets import fetch_amazon_music, make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import LeaveOneOut
from skrec.nn import HistoryEncoder, PairBatch, SparseRows
from skrec.utils import hide_entries

EXACT = ["fism", "fism-pointwise", "nais-prod", "nais-concat"]
NAMES = [*EXACT, "svdpp"]


def pooled(est, histories, left_out, alpha):
    """Return the sums of equations 10 and 11, of shape (n_users, n_items, n_factors)."""
    q = est.history_factors_
    items = range(len(q))
    return np.array(
        [[left_out(q, h, i) * max(len(h), 1) ** -alpha for i in items] for h in histories]
    )


@pytest.mark.parametrize(("name", "alpha"), [("fism", 0.7), ("fism-pointwise", 0.4)])
def test_fism_is_equation_10(name, alpha, fitted, X, histories, left_out):
    est = fitted[name]
    users, items = pooled(est, histories, left_out, alpha), est.item_factors_
    expected = np.einsum("uif,if->ui", users, items[:, :6]) + items[:, 6]
    np.testing.assert_allclose(est.decision_function(X), expected, rtol=1e-4, atol=1e-5)
    assert est.user_factors_ is None


def test_svdpp_is_equation_11(fitted, X, histories, left_out):
    est = fitted["svdpp"]
    users = pooled(est, histories, left_out, 0.3) + est.user_factors_[:, None]
    expected = np.einsum("uif,if->ui", users, est.item_factors_)
    got = est.decision_function(users=np.arange(X.shape[0]))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["nais-prod", "nais-concat"])
def test_nais_is_its_formula(name, fitted, X, histories, left_out):
    est, users = fitted[name], [0, 7, 50]
    w = {k: v.numpy().astype(float) for k, v in est.net_.module_.state_dict().items()}
    got = est.decision_function(X[users])
    for row, user in enumerate(users):
        for i in range(X.shape[1]):
            others, q = histories[user][histories[user] != i], est.item_factors_[i]
            mine = est.history_factors_[others]
            pairs = q[:6] * mine
            if est.attention == "concat":
                pairs = np.concatenate([np.tile(q[:6], (len(mine), 1)), mine], axis=1)
            hidden = np.maximum(pairs @ w["attention.weight"] + w["attention.bias"], 0)
            powers = np.exp(hidden @ w["attention.out"])
            weights = powers / powers.sum() ** est.beta
            expected = left_out(est.history_factors_, histories[user], i, weights) @ q[:6]
            expected += q[6] if est.item_bias else 0
            assert got[row, i] == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", EXACT)
def test_history_is_enough(name, fitted, X):
    est, users = fitted[name], np.arange(X.shape[0])
    by_row, by_history = est.decision_function(users=users), est.decision_function(X)
    np.testing.assert_allclose(by_history, by_row, rtol=1e-5, atol=1e-6)


def test_svdpp_folds_a_user_in_near_the_learnt_vector(fitted, X):
    est, users = fitted["svdpp"], np.arange(X.shape[0])
    learnt, folded = est.decision_function(users=users), est.decision_function(X)
    agreement = [np.corrcoef(a, b)[0, 1] for a, b in zip(learnt, folded, strict=True)]
    assert np.mean(agreement) > 0.9
    assert not np.array_equal(learnt, folded)


@pytest.mark.parametrize("name", NAMES)
def test_candidates_score_as_among_all(name, fitted, X):
    est = fitted[name]
    candidates = np.random.default_rng(0).permuted(np.tile(np.arange(50), (20, 1)), axis=1)[:, :9]
    every = est.decision_function(users=np.arange(20))
    items, scores = est.recommend(
        n_items=9,
        users=np.arange(20),
        candidates=candidates,
        exclude_seen=False,
        return_scores=True,
    )
    assert np.array_equal(np.sort(items), np.sort(candidates))
    np.testing.assert_allclose(
        scores, np.take_along_axis(every, items, axis=1), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", NAMES)
def test_empty_history_gets_the_prior(name, fitted, X):
    scores = fitted[name].decision_function(sp.csr_matrix((1, X.shape[1])))[0]
    order = np.argsort(np.asarray(X.sum(0)).ravel(), kind="stable")
    assert np.all(np.diff(scores[order]) >= -1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_one_item_left_out_of_itself(name, fitted, X):
    row = sp.csr_matrix(([1.0], ([0], [3])), shape=(1, X.shape[1]))
    assert np.isfinite(fitted[name].decision_function(row)).all()


@pytest.mark.parametrize("name", ["nais-prod", "fism-pointwise"])
def test_pointwise_models_undo_the_sampling_of_negatives(name, fitted, X, set_right):
    est = fitted[name]
    n = np.diff(X.indptr)[:, None]
    odds = est.decision_function(X) + np.log(est.n_negatives * n / (X.shape[1] - n))
    np.testing.assert_allclose(est.predict_proba(X), set_right(est, odds, X), rtol=1e-3)


@pytest.mark.parametrize("name", ["fism", "svdpp"])
def test_rankers_give_each_user_an_offset(name, fitted, X, set_right):
    est, users = fitted[name], np.arange(X.shape[0])
    scores = est.decision_function(users=users)
    odds = scores + user_offsets(scores, np.diff(X.indptr))[:, None]
    np.testing.assert_allclose(expit(odds).sum(axis=1), np.diff(X.indptr), rtol=1e-6)
    np.testing.assert_allclose(est.predict_proba(users=users), set_right(est, odds, X), rtol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_of_unseen_pairs_add_up_to_what_is_hidden(name, fitted, X):
    rows = X[np.tile(np.arange(X.shape[0]), 3)]  # each hides other entries
    history, hidden = hide_entries(rows, 0.1, np.random.RandomState(1))
    proba = fitted[name].predict_proba(history)
    assert proba[history.toarray() == 0].sum() == pytest.approx(hidden.nnz, rel=0.15)


@pytest.mark.parametrize(
    ("cls", "parameters", "match"),
    [
        (FISMRanker, {"alpha": -0.1}, "alpha"),
        (SVDppRanker, {"item_bias": 3}, "item_bias"),
        (NAISClassifier, {"attention": "dot"}, "attention"),
        (NAISClassifier, {"beta": 1.5}, "beta"),
        (NAISClassifier, {"attention_size": 0}, "attention_size"),
        (NAISClassifier, {"init_attention": "zero"}, "init_attention"),
        (NAISClassifier, {"pretrain": "fism"}, "pretrain"),
    ],
)
def test_wrong_parameters_are_named(cls, parameters, match, X):
    with pytest.raises(ValueError, match=match):
        cls(**parameters).fit(X)


@pytest.mark.skipif("SKREC_DATA" not in os.environ, reason="SKREC_DATA is not set")
def test_fism_beats_popularity_on_amazon_music():
    data = fetch_amazon_music()
    train, held_out = next(LeaveOneOut("random", random_state=0).split(data.loo_train))
    targets = data.loo_train[held_out]
    est = FISMRanker(n_factors=32, max_epochs=8, lr=5e-3, device="cpu", random_state=0)
    scorer = make_ranking_scorer("ndcg", k=10, n_negatives=99)
    assert scorer(est.fit(data.loo_train[train]), targets) > 0.25


def test_pointwise_fism_learns_the_level_of_its_negatives(fitted):
    assert fitted["fism-pointwise"].item_factors_[:, -1].mean() < -0.1  # 8 a positive


def test_nais_starts_at_the_scores_of_fism(X, histories):
    start = FISMClassifier(n_factors=6, init_std=0.3, max_epochs=5, lr=0.02, alpha=0.4)
    est = NAISClassifier(n_factors=6, beta=0.4, max_epochs=0, pretrain=start, random_state=0)
    est.set_params(init_attention=1.0).fit(X)
    w = {k: v.numpy().astype(float) for k, v in est.net_.module_.attention.state_dict().items()}
    q, own, got = est.item_factors_[:, :6], est.history_factors_, est.decision_function(X)
    bias = est.item_factors_[:, 6]
    fism = est.pretrained_.decision_function(X) - bias
    for user, item in itertools.product([0, 7, 50], range(X.shape[1])):
        others = histories[user][histories[user] != item]
        products = own[others] @ q[item]
        g = np.maximum((own[others] * q[item]) @ w["weight"] + w["bias"], 0) @ w["out"]
        assert fism[user, item] == pytest.approx(
            products.sum() * len(histories[user]) ** -0.4, rel=1e-3, abs=1e-5
        )
        # of FISM's sum, with weights that a normaliser keeps near n ** -beta
        weights = np.exp(g) / np.exp(g).sum() ** 0.4
        assert got[user, item] - bias[item] == pytest.approx(weights @ products, rel=1e-3, abs=1e-5)
    est.set_params(init_attention="auto").fit(X)  # no attention: FISM's scores but for the lengths
    n = np.diff(X.indptr)[:, None]
    others = n - (X.toarray() > 0)
    expected = fism * (n / others) ** 0.4 + bias
    np.testing.assert_allclose(est.decision_function(X), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("item_bias", [True, False])
def test_nais_starts_from_a_fism_of_its_own_shape(item_bias, X):
    est = NAISClassifier(n_factors=6, beta=0.3, item_bias=item_bias, max_epochs=0, random_state=0)
    fism = est.fit(X).pretrained_
    shape = {"n_factors": 6, "alpha": 0.3, "item_bias": item_bias}
    own = {"device": est.device, "random_state": fism.random_state}
    assert type(fism) is FISMClassifier
    assert own["random_state"] is not None
    assert fism.get_params() == {**FISMClassifier().get_params(), **shape, **own}
    np.testing.assert_array_equal(est.item_factors_, fism.item_factors_)
    np.testing.assert_array_equal(est.history_factors_, fism.history_factors_)


@pytest.mark.parametrize(("pretrain", "start"), [("auto", 0.0), (None, 1.0)])
def test_attention_starts_at_nothing_where_vectors_are_trained(pretrain, start, X):
    est = NAISClassifier(n_factors=4, pretrain=pretrain, max_epochs=0, random_state=0).fit(X)
    assert (est.net_.module_.attention.out == start).all()


def test_attention_that_starts_at_nothing_is_learnt(X):
    est = NAISClassifier(n_factors=6, max_epochs=3, lr=0.02, random_state=0)
    est.set_params(init_attention=0, pretrain=None)
    attention = est.fit(X).net_.module_.attention
    assert (attention.out != 0).all()
    assert (attention.bias != 0).any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_negatives", [1, 3])
def test_loss_and_penalty_are_those_of_the_docstring(name, n_negatives, fitted, X, histories):
    cls, options = type(fitted[name]), fitted[name].get_params()
    est = cls(**{**options, "l2": 0.03, "n_negatives": n_negatives, "max_epochs": 2}).fit(X)
    p, q, own = est.user_factors_, est.item_factors_.astype(float), est.history_factors_
    scores = est.decision_function(users=range(X.shape[0]))

    def norm(u, items, of_history):
        free = 0 if p is None else (p[u].astype(float) ** 2).sum()
        return free + (q[items] ** 2).sum() + (own[of_history].astype(float) ** 2).sum()

    batches = est._objective.batches(est, X, np.random.RandomState(0))
    for batch, _ in itertools.islice(batches, 3):
        users, items = batch.users.numpy()[batch.group.numpy()], batch.items.numpy()
        terms = []
        for u, (i, *negatives) in zip(users, items, strict=True):
            without = histories[u][histories[u] != i]
            if isinstance(est, FISMRanker | SVDppRanker):
                for j in negatives:
                    terms.append(np.logaddexp(0, scores[u, j] - scores[u, i]))
                    terms[-1] += 0.03 * norm(u, [i, j], histories[u])
                continue
            terms.append(np.logaddexp(0, -scores[u, i]) + 0.03 * norm(u, [i], without))
            for j in negatives:
                terms.append(np.logaddexp(0, scores[u, j]) + 0.03 * norm(u, [j], histories[u]))
        with torch.no_grad():
            loss = est.net_.criterion_(est.net_.module_(batch), batch)
        assert float(loss) == pytest.approx(np.mean(terms), rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_penalty_shrinks_every_table(name, fitted, X):
    cls, options = type(fitted[name]), {**fitted[name].get_params(), "max_epochs": 8}
    free, held = (cls(**{**options, "l2": l2}).fit(X) for l2 in (0.0, 0.05))
    for table in ("user_factors_", "item_factors_", "history_factors_"):
        if getattr(free, table) is not None:
            norms = [np.square(getattr(est, table)[:, :6]).sum() for est in (free, held)]
            assert norms[1] < norms[0]


def test_parts_of_a_user_that_cancel_are_not_free():
    encoder = HistoryEncoder(1, 2, 3).double()
    with torch.no_grad():
        encoder.free.weight[:] = -5.0
        encoder.history.weight[:] = torch.tensor([[0.0], [5.0]])
    history = SparseRows(torch.tensor([1]), torch.tensor([0, 1]), torch.ones(1).double())
    batch = PairBatch(torch.tensor([0]), torch.tensor([[1, 0]]), history=history)
    assert encoder.states(encoder.free.weight, history).tolist() == [[0.0] * 3]
    assert encoder.squares(batch).tolist() == [75.0, 150.0]  # the first is without the target


def test_nais_starts_from_the_vectors_of_fism():
    X = make_interactions(60, 30, 600, random_state=0).X
    start = FISMRanker(n_factors=4, item_bias=True, max_epochs=3)
    est = NAISClassifier(n_factors=4, max_epochs=0, pretrain=start, random_state=0).fit(X)
    np.testing.assert_array_equal(est.item_factors_, est.pretrained_.item_factors_)
    np.testing.assert_array_equal(est.history_factors_, est.pretrained_.history_factors_)


def test_nais_refuses_vectors_of_another_width():
    X = make_interactions(60, 30, 600, random_state=0).X
    with pytest.raises(ValueError, match="pretrain must have history_factors_"):
        NAISClassifier(n_factors=4, pretrain=FISMRanker(n_factors=8), random_state=0).fit(X)
