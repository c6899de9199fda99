"""Going on from the last fit with more users and more items."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skrec import (
    AutoRecRegressor,
    BPRMFRanker,
    CDAERecommender,
    CrossFeedbackBMF,
    ELSARecommender,
    FISMClassifier,
    GMFClassifier,
    LightGCNRanker,
    MFClassifier,
    MFRecommender,
    MultDAERecommender,
    MultVAERecommender,
    NeuMFRanker,
    RecVAERecommender,
    VampVAERecommender,
    load_model,
    save_model,
)
from skrec.neural._continuation import has_grown
from skrec.testing import all_estimators, make_estimator
from skrec.testing._data import assert_close, quick, tiny

N_USERS, N_ITEMS = 30, 14
ROWS = [
    ELSARecommender,
    MultDAERecommender,
    MultVAERecommender,
    RecVAERecommender,
    VampVAERecommender,
]
PAIRS = [BPRMFRanker, GMFClassifier, MFClassifier, MFRecommender, NeuMFRanker]
OTHERS = [AutoRecRegressor, CDAERecommender, FISMClassifier, LightGCNRanker]


def make(cls, **parameters):
    return quick(make_estimator(cls), warm_start=True, **parameters)


def grown(est):
    """Return 40 x 20 data, and the first 30 x 14 of them: nobody of these has a later item."""
    X = tiny(est, 40, 20).tolil()
    X[:N_USERS, N_ITEMS:] = 0
    X = sp.csr_matrix(X)
    return X, X[:N_USERS, :N_ITEMS]


def goes_on(cls):
    return "warm_start" in make_estimator(cls).get_params()


@pytest.mark.parametrize("cls", [cls for _, cls in all_estimators() if goes_on(cls)])
def test_every_model_goes_on_from_a_file_and_with_more_or_says_why_not(cls, tmp_path):
    est = make(cls, max_epochs=1)
    X, first = grown(est)
    save_model(est.fit(first), tmp_path / "model")
    again = load_model(tmp_path / "model").fit(first)
    assert np.isfinite(again.decision_function(first)).all()
    if cls is CrossFeedbackBMF:  # the encoders of its sides read each other
        with pytest.raises(ValueError, match=r"^X "):
            est.fit(X)
        return
    assert est.fit(X).decision_function(users=[39]).shape == (1, 20)


@pytest.mark.parametrize("cls", ROWS)
def test_known_items_keep_their_scores_for_any_row(cls):
    est = make(cls)
    X, first = grown(est)
    before = est.fit(first).decision_function(first[2:])
    est.set_params(max_epochs=0).fit(X)
    assert_close(est.decision_function(X[2:N_USERS])[:, :N_ITEMS], before, tolerance=1e-6)
    assert est.decision_function(users=[39]).shape == (1, 20)


@pytest.mark.parametrize("cls", PAIRS)
def test_known_pairs_keep_their_scores(cls):
    est = make(cls)
    X, first = grown(est)
    known = np.arange(2, N_USERS)
    before = est.fit(first).decision_function(users=known)
    est.set_params(max_epochs=0).fit(X)
    assert_close(est.decision_function(users=known)[:, :N_ITEMS], before, tolerance=1e-6)
    assert est.user_factors_.shape[0] == 40
    assert est.user_factors_[N_USERS:].any(axis=1).all()  # they start at random


@pytest.mark.parametrize("cls", [*ROWS, *PAIRS, *OTHERS])
def test_training_goes_on_and_new_weights_learn(cls):
    est, other = make(cls), make(cls)
    X, first = grown(est)
    est.fit(first).set_params(max_epochs=0).fit(X)
    start = [weight.clone() for weight in est._module.parameters()]
    est.set_params(max_epochs=2).fit(X)
    moved = [bool((a != b).any()) for a, b in zip(start, est._module.parameters(), strict=True)]
    assert all(moved)
    other.fit(first)  # the seed decides what new weights are
    scores = (each.fit(X).decision_function(X) for each in (other, make(cls).fit(first)))
    np.testing.assert_array_equal(*scores)


def test_new_weights_depend_on_the_seed():
    est = make(MultDAERecommender)
    X, first = grown(est)
    scores = [
        make(MultDAERecommender, max_epochs=0, random_state=0)
        .fit(first)
        .set_params(random_state=seed)
        .fit(X)
        .item_factors_
        for seed in (1, 2)
    ]
    np.testing.assert_array_equal(scores[0][:N_ITEMS], scores[1][:N_ITEMS])
    assert (scores[0][N_ITEMS:] != scores[1][N_ITEMS:]).all()


@pytest.mark.parametrize("solver", ["sgd", "torch"])
def test_both_solvers_grow(solver):
    est = make(BPRMFRanker, solver=solver)
    X, first = grown(est)
    est.fit(first)
    items = est.item_factors_.copy()
    est.set_params(max_epochs=0).fit(X)
    np.testing.assert_array_equal(est.item_factors_[:N_ITEMS], items)
    assert est.set_params(max_epochs=2).fit(X).item_factors_.shape == (20, items.shape[1])


@pytest.mark.parametrize("cls", [MultVAERecommender, MFClassifier, CDAERecommender])
def test_what_is_smaller_or_of_another_size_is_an_error(cls):
    est = make(cls)
    X, first = grown(est)
    est.fit(X)
    with pytest.raises(ValueError, match="when warm_start=True"):
        est.fit(first)
    name = "latent_size" if "latent_size" in est.get_params() else "n_factors"
    with pytest.raises(ValueError, match="parameters of size must be as in the last fit"):
        est.set_params(**{name: 11}).fit(X)
    assert est.n_features_in_ == 20


def test_a_model_that_cannot_grow_says_so():
    est = make(CrossFeedbackBMF)
    X, first = grown(est)
    with pytest.raises(ValueError, match="X must have the shape of the last fit"):
        est.fit(first).fit(X)


@pytest.mark.parametrize(
    ("size", "result"),
    [((7, 5), True), ((9, 5), True), ((9, 8), False), ((6, 5), False), ((9, 5, 1), False)],
)
def test_what_has_grown(size, result):
    sizes, before = {"w": torch.Size(size)}, {"w": torch.Size((7, 5))}
    assert has_grown(sizes, before, (20, 9), (20, 7)) is result
    assert not has_grown({"v": torch.Size((7, 5))}, before, (20, 9), (20, 7))
