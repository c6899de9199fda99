"""The chunks, weights, gradients and tables that NAIS works with."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec.nn import SparseRows
from skrec.nn import _nais_chunks as chunks
from skrec.nn import _nais_sums as sums
from skrec.nn._nais_chunks import padded_chunks
from skrec.nn._nais_kernel import LogitTable
from skrec.nn._nais_sums import attend, attended_sums

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
    for columns, places, left_out in padded_chunks(rows, items, row, pair_bytes):
        block, place, entry = (~left_out).nonzero(as_tuple=True)
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
    assert max(left_out.numel() for *_, left_out in small) * 2**12 <= 2**21


def test_cutting_asks_the_device_a_fixed_number_of_questions(monkeypatch):
    asked = []
    for name in ("item", "tolist", "__int__", "__bool__", "nonzero"):
        plain = getattr(torch.Tensor, name)
        monkeypatch.setattr(
            torch.Tensor, name, lambda *x, plain=plain: asked.append(plain) or plain(*x)
        )
    rows, (row, items) = to_rows([12] * 40), random_targets(40, 2000)
    assert len(padded_chunks(rows, items, row, 2**12)) > 10
    assert len(asked) == 2


@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_weights_are_the_smoothed_softmax(beta):
    rng = np.random.default_rng(0)
    logits, allowed = rng.normal(0, 3, (2, 4, 5)), rng.random((2, 4, 5)) < 0.6
    allowed[0, 1] = False
    powers, total, scale = attend(torch.from_numpy(logits.copy()), torch.from_numpy(~allowed), beta)
    exponentials = np.exp(logits) * allowed
    expected_total = exponentials.sum(2, keepdims=True)
    expected = exponentials / np.where(expected_total > 0, expected_total, 1) ** beta
    np.testing.assert_allclose(powers * scale, expected, rtol=1e-12)
    shares = exponentials / np.where(expected_total > 0, expected_total, 1)
    np.testing.assert_allclose(powers / total, shares)


def random_inputs(kind, dtype=torch.float64):
    """Return vectors of histories and targets, and a layer."""
    torch.manual_seed(0)
    n_inputs = SIZE if kind == "prod" else 2 * SIZE
    shapes = [(N_ITEMS, SIZE), (N_ITEMS, SIZE), (n_inputs, HIDDEN), (HIDDEN,), (HIDDEN,)]
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setitem(chunks._CHUNK_BYTES, "cpu", 2**13)


def use_table(patch, pays):
    """Let a table always pay, or never."""
    find = sums._find_table

    def forced(rows, row, items, n_items):
        many = row.new_zeros(10**6)  # a row so often that any table is smaller
        return find(rows, many, items, n_items) if pays else None

    patch.setattr(sums, "_find_table", forced)


@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("kind", ["prod", "concat"])
def test_gradients_are_the_slopes(kind, beta, table, small_chunks, monkeypatch):
    use_table(monkeypatch, table)
    rows = to_rows([5, 0, 1, 8])
    row, items = random_targets(4, 14)
    assert torch.autograd.gradcheck(
        lambda *x: attended_sums(kind, beta, rows, row, items, *x), random_inputs(kind)
    )


@pytest.mark.parametrize("kind", ["prod", "concat"])
def test_table_holds_the_logits_of_all_pairs(kind, small_chunks):
    history, targets, weight, bias, out = (x.detach() for x in random_inputs(kind))
    table = LogitTable.apply(kind, targets, history, weight, bias, out)
    for i, j in np.ndindex(*table.shape):
        q, p = targets[i].numpy(), history[j].numpy()
        pair = q * p if kind == "prod" else np.append(q, p)
        hidden = np.maximum(pair @ weight.numpy() + bias.numpy(), 0)
        assert table[i, j].item() == pytest.approx(hidden @ out.numpy(), rel=1e-9, abs=1e-12)


@given(
    lengths=st.lists(st.integers(0, N_ITEMS), min_size=1, max_size=6),
    n_targets=st.integers(1, 90),
    kind=st.sampled_from(["prod", "concat"]),
    seed=st.integers(0, 9),
)
@settings(deadline=None, max_examples=40)
def test_looking_logits_up_changes_nothing(lengths, n_targets, kind, seed):
    rows = to_rows(lengths, seed)
    row, items = random_targets(len(lengths), n_targets, seed)
    found = []
    for table in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            use_table(patch, table and sum(lengths))
            inputs = random_inputs(kind, torch.float32)
            output = attended_sums(kind, 0.5, rows, row, items, *inputs)
        found.append([output, *torch.autograd.grad(output.square().sum(), inputs)])
    for direct, looked_up in zip(*found, strict=True):
        torch.testing.assert_close(looked_up, direct, rtol=1e-4, atol=1e-4)


def test_a_table_pays_where_it_is_smaller_than_the_pairs():
    rows = to_rows([12, 12])
    row, items = random_targets(2, 40)
    some, columns, place, column = sums._find_table(rows, row, items, N_ITEMS)
    assert some.tolist() == sorted(set(items.tolist()))
    assert torch.equal(some[place[items]], items)
    assert torch.equal(columns[column[rows.indices]], rows.indices)
    few = torch.arange(2)
    assert sums._find_table(rows, row[:2], few, N_ITEMS) is None  # 2 * 12 of either
    assert sums._find_table(to_rows([0, 0]), row, items, N_ITEMS) is None
