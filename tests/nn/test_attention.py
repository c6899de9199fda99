"""Attention to embeddings against loops written from eq. 9 and 10 of the paper."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.special import softmax

from skrec.nn import EmbeddingAttention
from skrec.training import sparse_rows

N_COLUMNS, K = 6, 3


@pytest.fixture
def mask():
    mask = np.random.default_rng(0).random((4, N_COLUMNS)) < 0.5
    mask[0] = False
    mask[1] = True
    return mask


def rows_of(mask):
    rows = sparse_rows(sp.csr_matrix(mask.astype(np.float32)))
    return replace(rows, values=rows.values.double())


def attend(over, normalization, mask):
    torch.manual_seed(0)
    module = EmbeddingAttention(K, over, normalization=normalization).double()
    vectors, embeddings = torch.randn(4, K).double(), torch.randn(N_COLUMNS, K).double()
    answer = module.attend(vectors, rows_of(mask), embeddings).detach().numpy()
    return answer, module.theta.detach().numpy(), vectors.numpy(), embeddings.numpy()


@pytest.mark.parametrize("over", ["rated", "all"])
@pytest.mark.parametrize("normalization", ["softmax", "ratio"])
def test_weighted_means_are_those_of_the_paper(over, normalization, mask):
    answer, theta, vectors, embeddings = attend(over, normalization, mask)
    for i in range(4):
        own = embeddings[mask[i]] if over == "rated" else embeddings
        scores = np.array([vectors[i] @ theta @ v for v in own])
        if len(own) == 0:
            expected = np.zeros(K)
        elif normalization == "softmax":
            expected = softmax(scores) @ own
        else:
            total = scores.sum()
            least = max(0.1 * np.abs(scores).sum(), 0.01)
            expected = scores / (np.sign(total) * max(abs(total), least)) @ own
        np.testing.assert_allclose(answer[i], expected, rtol=1e-9)


@pytest.mark.parametrize("over", ["rated", "all"])
def test_raw_weights_that_cancel_stay_finite(over):
    module = EmbeddingAttention(1, over, normalization="ratio")
    embeddings = torch.tensor([[1.0], [-1.0]])
    rows = sparse_rows(sp.csr_matrix(np.ones((1, 2), dtype=np.float32)))
    answer = module(torch.ones(1, 1), rows, embeddings)
    assert torch.isfinite(answer).all()
    answer.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters())


def test_large_scores_do_not_overflow():
    module = EmbeddingAttention(1)
    with torch.no_grad():
        module.theta.fill_(1e4)
    rows = sparse_rows(sp.csr_matrix(np.ones((1, 2), dtype=np.float32)))
    answer = module.attend(torch.ones(1, 1), rows, torch.tensor([[3.0], [2.0]]))
    np.testing.assert_allclose(answer.detach(), [[3.0]])


def test_it_starts_as_almost_the_vector_itself(mask):
    module = EmbeddingAttention(K).double()
    vectors = torch.randn(4, K).double()
    answer = module(vectors, rows_of(mask), torch.randn(N_COLUMNS, K).double())
    np.testing.assert_allclose(answer.detach(), vectors, atol=0.05)


def test_it_can_be_added(mask):
    module = EmbeddingAttention(K, merge="add").double()
    vectors, embeddings = torch.randn(4, K).double(), torch.randn(N_COLUMNS, K).double()
    expected = vectors + module.attend(vectors, rows_of(mask), embeddings)
    answer = module(vectors, rows_of(mask), embeddings)
    np.testing.assert_allclose(answer.detach(), expected.detach())
