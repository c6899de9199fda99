"""Objectives: the contrastive loss against NumPy, and fold-in under the loss of training."""

import pickle

import numpy as np
import pytest
import torch

from skrec import CDAERecommender, MFClassifier, MFRecommender
from skrec.datasets import make_interactions
from skrec.neural.objectives import (
    LIKELIHOODS,
    Contrastive,
    ContrastiveLoss,
    Pairwise,
    Pointwise,
    fold_in_disagreement,
)

MARGIN, WEIGHT = 0.3, 7.0
QUICK = {"n_factors": 6, "max_epochs": 2, "lr": 0.02, "batch_size": 128, "device": "cpu"}
QUICK |= {"l2": 0.0, "early_stopping": False}
CCL = {**QUICK, "loss": "ccl", "shared_negatives": False, "lr_decay": None}
NET = {**QUICK, "solver": "torch", "lr_decay": None, "n_negatives": 4, "init_std": 0.01}


@pytest.fixture(scope="module")
def X():
    return make_interactions(80, 40, 1000, random_state=0).X


def numpy_contrastive(scores, users, items, l2_users, l2_items):
    """Return the mean over rows of the loss by its formula, penalties included."""
    total = 0.0
    for row, user, of_row in zip(scores, users, items, strict=True):
        positive, negatives = row[0], row[1:]
        beyond = [max(0.0, score - MARGIN) for score in negatives]
        total += 1 - positive + WEIGHT / len(negatives) * sum(beyond)
        total += l2_users * (user**2).sum()
        norms = [(item**2).sum() for item in of_row]
        total += l2_items * (norms[0] + np.mean(norms[1:]))
    return total / len(scores)


@pytest.mark.parametrize(("l2_users", "l2_items"), [(0.0, 0.0), (0.1, 0.0), (0.2, 0.3)])
def test_the_contrastive_loss_is_the_formula(l2_users, l2_items):
    rng = np.random.default_rng(0)
    scores, users = rng.uniform(-1, 1, (5, 4)), rng.normal(size=(5, 1, 3))
    items = rng.normal(size=(5, 4, 3))
    loss = ContrastiveLoss(MARGIN, WEIGHT, l2_users, l2_items)
    got = loss(tuple(map(torch.from_numpy, (scores, users, items))))
    expected = numpy_contrastive(scores, users, items, l2_users, l2_items)
    assert float(got) == pytest.approx(expected, rel=1e-12)


def test_the_first_epoch_of_contrastive_training(X):
    options = {**CCL, "n_negatives": 5, "margin": MARGIN, "negative_weight": WEIGHT, "l2": 1e-3}
    est = MFRecommender(**{**options, "max_epochs": 1, "lr": 1e-12, "random_state": 0}).fit(X)
    p, q = est.user_factors_.astype(float), est.item_factors_.astype(float)
    cosines = (p @ q.T) / np.linalg.norm(p, axis=1)[:, None] / np.linalg.norm(q, axis=1)
    norms_p, norms_q = (p**2).sum(axis=1), (q**2).sum(axis=1)
    costs = []
    for u in range(X.shape[0]):
        own = X[u].indices
        others = np.setdiff1d(np.arange(X.shape[1]), own)
        beyond = np.maximum(0, cosines[u, others] - MARGIN).mean()
        for i in own:
            penalty = 1e-3 * (norms_p[u] + norms_q[i] + norms_q[others].mean())
            costs.append(1 - cosines[u, i] + WEIGHT * beyond + penalty)
    # negatives are drawn; the mean over all of them is the expectation
    assert est.net_.history[0, "train_loss"] == pytest.approx(np.mean(costs), rel=0.03)


def test_the_contrastive_loss_learns(X):
    est = MFRecommender(**{**CCL, "max_epochs": 30, "n_negatives": 20, "random_state": 0}).fit(X)
    losses = est.net_.history[:, "train_loss"]
    assert losses[-1] < 0.7 * losses[0]
    own = est.decision_function(users=range(80))[X.toarray() > 0].mean()
    others = est.decision_function(users=range(80))[X.toarray() == 0].mean()
    assert own > others + 0.2


def test_margin_and_weight_matter(X):
    base = {**CCL, "n_negatives": 5, "random_state": 0}
    scores = MFRecommender(**base).fit(X).decision_function(X[:5])
    for changed in ({"margin": 0.0}, {"negative_weight": 1.0}):
        other = MFRecommender(**base, **changed).fit(X).decision_function(X[:5])
        assert not np.allclose(scores, other)


@pytest.mark.parametrize(
    ("name", "value"), [("margin", 1.5), ("margin", "x"), ("negative_weight", -1), ("loss", "bpr")]
)
def test_wrong_values_are_refused(X, name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MFRecommender must be"):
        MFRecommender(**{name: value}).fit(X)


# fold-in


class OtherWeight(Contrastive):
    """Folds in under another weight of negatives."""

    def row_loss(self, estimator):
        from types import SimpleNamespace

        return super().row_loss(SimpleNamespace(margin=estimator.margin, negative_weight=1.0))


class OtherRows(Pointwise):
    """Folds in under BPR, as every new loss once was."""

    def row_loss(self, estimator):
        return Pairwise().row_loss(estimator)


def test_folding_in_under_another_loss_is_noticed(X):
    class Wrong(MFRecommender):
        _objective = OtherWeight()

    class Ranked(MFClassifier):
        _objective = OtherRows()

    assert fold_in_disagreement(MFRecommender(**CCL, n_negatives=5).fit(X)) < 1e-7
    assert fold_in_disagreement(Wrong(**QUICK, n_negatives=5).fit(X)) > 0.05
    assert fold_in_disagreement(MFClassifier(**NET).fit(X)) < 1e-7
    assert fold_in_disagreement(Ranked(**NET).fit(X)) > 0.05


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_nodes_are_folded_in_under_their_likelihood(X, likelihood):
    est = CDAERecommender(latent_size=4, max_epochs=1, likelihood=likelihood, device="cpu").fit(X)
    assert fold_in_disagreement(est) < 1e-5
    other = next(each for name, each in LIKELIHOODS.items() if name != likelihood)
    est.folder_.term = other.row_term(est)
    assert fold_in_disagreement(est) > 0.01


@pytest.mark.parametrize("loss", [MFRecommender, MFClassifier])
def test_what_folds_in_can_be_pickled(X, loss):
    est = loss(**QUICK, random_state=0).fit(X)
    copy = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(copy.decision_function(X[:4]), est.decision_function(X[:4]))
