"""Losses over sampled negatives against NumPy written from the formulas, in float64."""

import numpy as np
import pytest
import torch

from skrec.nn import PairwiseLoss, PointwiseLoss, bpr_nll, pointwise_nll

B, SIZE = 5, 3
KS = [1, 3]


def draw(*shape, seed=0):
    return torch.from_numpy(np.random.RandomState(seed).normal(size=shape)).requires_grad_()


def sigma(x):
    return 1 / (1 + np.exp(-x))


def numpy_bpr(scores):
    """Sum the triplets of a row one by one; several negatives count as their mean."""
    rows = []
    for row in scores:
        terms = [-np.log(sigma(row[0] - negative)) for negative in row[1:]]
        rows.append(sum(terms) / len(terms))
    return np.array(rows)


def numpy_pointwise(scores):
    rows = []
    for row in scores:
        labels = [1] + [0] * (len(row) - 1)
        terms = [
            -y * np.log(sigma(f)) - (1 - y) * np.log(1 - sigma(f))
            for f, y in zip(row, labels, strict=True)
        ]
        rows.append(sum(terms) / len(terms))
    return np.array(rows)


@pytest.mark.parametrize("K", KS)
@pytest.mark.parametrize(
    ("nll", "oracle"), [(bpr_nll, numpy_bpr), (pointwise_nll, numpy_pointwise)]
)
def test_each_row_has_the_loss_of_the_formula(nll, oracle, K):
    scores = draw(B, 1 + K)
    got = nll(scores)
    np.testing.assert_allclose(got.detach().numpy(), oracle(scores.detach().numpy()), rtol=1e-12)
    assert torch.autograd.gradcheck(nll, (scores,))


@pytest.mark.parametrize("nll", [bpr_nll, pointwise_nll])
def test_scores_far_out_stay_finite(nll):
    scores = torch.tensor([[-1e4, 1e4], [1e4, -1e4]], dtype=torch.float64, requires_grad=True)
    loss = nll(scores)
    assert loss[0] >= 1e4
    assert loss[1] == 0
    loss.sum().backward()
    assert torch.isfinite(scores.grad).all()


def numpy_norm(vector):
    return sum(v * v for v in vector)


def numpy_pairwise_loss(scores, users, items, l2_users, l2_items):
    """Return the mean over rows of the mean triplet: BPR, and the norms of all three vectors."""
    total = 0
    for f, p, q in zip(scores, users, items, strict=True):
        K = len(f) - 1
        own = [p[0]] * (K + 1) if len(p) == 1 else p
        loss = sum(-np.log(sigma(f[0] - f[k])) for k in range(1, K + 1)) / K
        norm_items = sum(numpy_norm(q[0]) + numpy_norm(q[k]) for k in range(1, K + 1)) / K
        norm_users = sum(numpy_norm(v) for v in own[1:]) / K  # a triplet has the negative's
        total += loss + l2_users * norm_users + l2_items * norm_items
    return total / len(scores)


def numpy_pointwise_loss(scores, users, items, l2_users, l2_items):
    """Return the mean over all pairs of cross-entropy, the user's norm and the item's."""
    pairs = []
    for f, p, q in zip(scores, users, items, strict=True):
        own = [p[0]] * len(f) if len(p) == 1 else p
        for k in range(len(f)):
            cost = -np.log(sigma(f[k] if k == 0 else -f[k]))
            pairs.append(cost + l2_users * numpy_norm(own[k]) + l2_items * numpy_norm(q[k]))
    return np.mean(pairs)


LOSSES = [(PairwiseLoss, numpy_pairwise_loss), (PointwiseLoss, numpy_pointwise_loss)]


@pytest.mark.parametrize("K", KS)
@pytest.mark.parametrize("one_user", [True, False])
@pytest.mark.parametrize("l2", [(0.0, 0.0), (0.3, 0.0), (0.0, 0.7), (0.3, 0.7)])
@pytest.mark.parametrize(("cls", "oracle"), LOSSES)
def test_loss_and_penalty_are_the_formula(cls, oracle, l2, one_user, K):
    scores = draw(B, 1 + K)
    users = draw(B, 1 if one_user else 1 + K, SIZE, seed=1)
    items = draw(B, 1 + K, SIZE + 1, seed=2)
    criterion = cls(*l2)
    expected = oracle(*(t.detach().numpy() for t in (scores, users, items)), *l2)
    assert criterion((scores, users, items)).item() == pytest.approx(expected, rel=1e-12)
    assert torch.autograd.gradcheck(lambda *output: criterion(output), (scores, users, items))


@pytest.mark.parametrize("cls", [PairwiseLoss, PointwiseLoss])
def test_a_penalty_of_vectors_that_are_views_is_the_same(cls):
    scores, users, items = draw(B, 3), draw(1, B, SIZE).transpose(0, 1), draw(B, SIZE, 3)
    criterion = cls(0.5, 0.25)
    strided = criterion((scores, users, items.transpose(1, 2)))
    copied = criterion((scores, users.contiguous(), items.transpose(1, 2).contiguous()))
    assert strided.item() == pytest.approx(copied.item(), rel=1e-12)


@pytest.mark.parametrize("cls", [PairwiseLoss, PointwiseLoss])
def test_there_is_no_penalty_unless_asked_for(cls):
    scores = draw(B, 2)
    vectors = draw(B, 1, SIZE), draw(B, 2, SIZE)
    loss = cls()((scores, *vectors))
    assert loss.item() == cls()((scores, *(100 * v for v in vectors))).item()
