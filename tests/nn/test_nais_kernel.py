"""The chunks, weights and gradients that NAIS works with."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec.nn import SparseRows
from skrec.nn._nais_kernel import Attended, attend, padded_chunks

N_ITEMS, SIZE, HIDDEN = 12, 3, 4


def to_rows(lengths, seed=0):
    """Return sparse rows with these numbers of items."""
    rng = np.random.default_rng(seed)
    items = [np.sort(rng.permutation(N_ITEMS)[:n]) for n in lengths]
    indices = np.concatenate([np.zeros(0), *items]).astype(np.int64)
    offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
    return SparseRows(torch.from_numpy(indices), offsets, torch.ones(len(indices)))


def random_targets(n_rows, n_targets, seed=0):
    rng = np.random.default_rng(seed)
    row, items = rng.integers(n_rows, size=n_targets), rng.integers(N_ITEMS, size=n_targets)
    return torch.from_numpy(row), torch.from_numpy(items)


@given(
    lengths=st.lists(st.integers(0, N_ITEMS), min_size=1, max_size=6),
    n_targets=st.integers(0, 150),
    pair_bytes=st.sampled_from([1, 2**10, 2**14, 2**30]),
    seed=st.integers(0, 9),
)
@settings(deadline=None, max_examples=50)
def test_chunks_hold_each_pair_once(lengths, n_targets, pair_bytes, seed):
    rows = to_rows(lengths, seed)
    row, items = random_targets(len(lengths), n_targets, seed)
    found, seen = [], []
    for columns, places, allowed in padded_chunks(rows, items, row, pair_bytes):
        block, entry, place = allowed.nonzero(as_tuple=True)
        real = places[block, place] < n_targets
        found += zip(
            places[block, place][real].tolist(), columns[block, entry][real].tolist(), strict=True
        )
        seen += places[places < n_targets].tolist()
    offsets = rows.offsets.tolist()
    expected = [
        (place, item)
        for place, (r, target) in enumerate(zip(row.tolist(), items.tolist(), strict=True))
        for item in rows.indices[offsets[r] : offsets[r + 1]].tolist()
        if item != target
    ]
    assert sorted(found) == sorted(expected)
    assert sorted(seen) == list(range(n_targets))


def test_chunks_stay_small():
    rows = to_rows([12] * 40)
    row, items = random_targets(40, 2000)
    small = padded_chunks(rows, items, row, 2**12)
    assert len(small) > 10
    assert max(allowed.numel() for *_, allowed in small) * 2**12 <= 2**21


@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_weights_are_the_smoothed_softmax(beta):
    rng = np.random.default_rng(0)
    logits, allowed = rng.normal(0, 3, (2, 5, 4)), rng.random((2, 5, 4)) < 0.6
    allowed[0, :, 1] = False
    powers, total, scale = attend(torch.from_numpy(logits), torch.from_numpy(allowed), beta)
    exponentials = np.exp(logits) * allowed
    sums = exponentials.sum(1, keepdims=True)
    expected = exponentials / np.where(sums > 0, sums, 1) ** beta
    np.testing.assert_allclose(powers * scale, expected, rtol=1e-12)
    np.testing.assert_allclose(powers / total, exponentials / np.where(sums > 0, sums, 1))


@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("kind", ["prod", "concat"])
def test_gradients_are_the_slopes(kind, beta):
    torch.manual_seed(0)
    rows = to_rows([5, 0, 1, 8])
    row, items = random_targets(4, 14)
    chunks = padded_chunks(rows, items, row, 2**13)
    assert len(chunks) > 1
    n_inputs = SIZE if kind == "prod" else 2 * SIZE
    shapes = [(N_ITEMS, SIZE), (14, SIZE), (n_inputs, HIDDEN), (HIDDEN,), (HIDDEN,)]
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(lambda *x: Attended.apply(kind, beta, chunks, *x), inputs)
