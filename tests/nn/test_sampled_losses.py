"""Losses over sampled negatives against NumPy written from the formulas, in float64."""

import numpy as np
import pytest
import torch

from skrec.nn import (
    PairBatch,
    PairwiseLoss,
    PointwiseLoss,
    SoftmaxLoss,
    bpr_nll,
    pointwise_nll,
    softmax_nll,
)
from skrec.nn.pairs import MASKED

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


# negatives that do not count, and the sampled softmax


def test_masked_negatives_do_not_count():
    scores = draw(B, 5)
    masked = scores.detach().clone()
    taken = [[], [1], [0, 3], [0, 1, 2, 3], [2]]
    for row, places in enumerate(taken):
        masked[row, [1 + place for place in places]] = MASKED
    masked.requires_grad_()
    loss = bpr_nll(masked, torch.tensor([4 - len(places) for places in taken]))
    for row, places in enumerate(taken):
        left = [k for k in range(5) if k - 1 not in places]
        expected = numpy_bpr(scores.detach().numpy()[[row]][:, left])[0] if len(left) > 1 else 0.0
        assert float(loss[row].detach()) == pytest.approx(expected, rel=1e-12)
    loss.sum().backward()
    assert torch.isfinite(masked.grad).all()
    assert (masked.grad[3] == 0).all()


def numpy_softmax(scores, log_counts):
    """Return the loss of each row by its formula, term by term."""
    rows = []
    for row, logs in zip(scores, np.broadcast_to(log_counts, scores[:, 1:].shape), strict=True):
        others = sum(np.exp(f) / np.exp(c) for f, c in zip(row[1:], logs, strict=True))
        rows.append(-np.log(np.exp(row[0]) / (np.exp(row[0]) + others)))
    return np.array(rows)


@pytest.mark.parametrize("shape", [(1, 4), (B, 1), (B, 4)])
def test_the_softmax_is_the_formula(shape):
    scores, log_counts = draw(B, 5), draw(*shape, seed=1).detach()
    expected = numpy_softmax(scores.detach().numpy(), log_counts.numpy())
    loss = softmax_nll(scores, log_counts)
    np.testing.assert_allclose(loss.detach().numpy(), expected, rtol=1e-12)
    assert torch.autograd.gradcheck(lambda f: softmax_nll(f, log_counts), (scores,))
    plain = softmax_nll(scores).detach().numpy()
    np.testing.assert_allclose(plain, numpy_softmax(scores.detach().numpy(), 0.0), rtol=1e-12)


def test_the_softmax_loss_divides_by_the_temperature_and_adds_penalties():
    scores, users, items = draw(B, 3), draw(B, 1, SIZE, seed=1), draw(B, 3, SIZE, seed=2)
    batch = PairBatch(torch.arange(B), torch.zeros(B, 3), log_counts=torch.full((1, 1), 0.5))
    got = SoftmaxLoss(0.2, l2_users=0.3, l2_items=0.7)((scores, users, items), batch)
    expected = numpy_softmax(scores.detach().numpy() / 0.2, 0.5).mean()
    expected += 0.3 * (users.detach().numpy() ** 2).sum() / B
    squares = (items.detach().numpy() ** 2).sum((0, 2))
    expected += 0.7 * (squares[0] + squares[1:].mean()) / B
    assert float(got.detach()) == pytest.approx(expected, rel=1e-6)


def test_a_row_without_negatives_costs_no_softmax():
    scores = torch.tensor([[0.3, MASKED, MASKED]], dtype=torch.float64, requires_grad=True)
    loss = SoftmaxLoss(0.01).nll(scores)
    loss.sum().backward()
    assert float(loss.detach()) == 0
    assert (scores.grad == 0).all()
