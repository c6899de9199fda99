"""Updates by rows: the numbers of updates of whole tables, at the cost of a batch."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn, optim

from skrec.nn.encoders import EmbeddingTable
from skrec.training import ROW_WISE

# what takes the same steps on whole tables
PARENTS = {
    optim.SGD: {},
    optim.Adagrad: {},
    optim.RMSprop: {},
    optim.Adam: {"betas": (0.0, 0.999)},
    optim.AdamW: {"betas": (0.0, 0.999)},
}
FUSED = (optim.SGD, optim.Adagrad, optim.Adam, optim.AdamW)


def tables(n_rows, size, seed):
    torch.manual_seed(seed)
    whole = EmbeddingTable(n_rows, size)
    by_rows = copy.deepcopy(whole)
    by_rows.sparse = True
    return whole, by_rows


def optimizer(cls, table, weight, fused, **options):
    options |= {"fused": True} if fused else {}
    groups = [{"params": [table.weight], "weight_decay": 0.0}, {"params": [weight]}]
    return cls(groups, lr=0.02, weight_decay=0.01, **options)


def step(run, numbers, targets):
    optimizer, table, weight = run

    def loss():
        optimizer.zero_grad()
        loss = ((table(numbers) * weight - targets) ** 2).sum() + table(numbers[:1]).sum()
        loss.backward()
        return loss

    return float(optimizer.step(loss).detach())


@settings(deadline=None, max_examples=60)
@given(
    cls=st.sampled_from(list(PARENTS)),
    n_rows=st.integers(1, 12),
    size=st.integers(1, 3),
    n_steps=st.integers(1, 8),
    batch=st.integers(1, 9),
    seed=st.integers(0, 99),
    fused=st.booleans(),
)
def test_the_numbers_are_those_of_whole_tables(cls, n_rows, size, n_steps, batch, seed, fused):
    whole, by_rows = tables(n_rows, size, seed)
    weights = [nn.Parameter(torch.ones(size)) for _ in range(2)]
    fused = fused and cls in FUSED
    runs = [
        (optimizer(cls, whole, weights[0], fused, **PARENTS[cls]), whole, weights[0]),
        (optimizer(ROW_WISE[cls], by_rows, weights[1], fused), by_rows, weights[1]),
    ]
    if "betas" in PARENTS[cls]:  # the dense weight keeps its first moment in one of the two
        for run, _, _ in runs:
            run.param_groups[1]["lr"] = 0.0
    rng = np.random.RandomState(seed)
    for _ in range(n_steps):
        numbers = torch.from_numpy(rng.randint(n_rows, size=batch))
        targets = torch.from_numpy(rng.normal(size=(batch, size)).astype(np.float32))
        first, second = (step(run, numbers, targets) for run in runs)
        assert first == pytest.approx(second, rel=1e-4, abs=1e-5)
    torch.testing.assert_close(whole.weight, by_rows.weight, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(*weights, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cls", PARENTS)
def test_rows_that_are_not_in_the_batch_stand_still(cls):
    _, table = tables(6, 2, 0)
    weight = nn.Parameter(torch.ones(2))
    run = optimizer(ROW_WISE[cls], table, weight, False)
    before = table.weight.detach().clone()
    step((run, table, weight), torch.tensor([4, 1, 4]), torch.zeros(3, 2))
    moved = (table.weight != before).any(1)
    assert moved.tolist() == [False, True, False, False, True, False]
    kept = table.weight.detach().clone()
    step((run, table, weight), torch.tensor([0]), torch.zeros(1, 2))
    torch.testing.assert_close(table.weight[1:], kept[1:], rtol=0, atol=0)


@pytest.mark.parametrize("cls", PARENTS)
@pytest.mark.parametrize("way", ["copy", "pickle", "state"])
def test_a_copy_goes_on_as_the_original_does(cls, way):
    _, table = tables(7, 2, 1)
    weight = nn.Parameter(torch.ones(2))
    run = optimizer(ROW_WISE[cls], table, weight, False)
    rng = np.random.RandomState(0)
    batches = [(rng.randint(7, size=4), rng.normal(size=(4, 2))) for _ in range(6)]
    batches = [(torch.from_numpy(i), torch.from_numpy(t).float()) for i, t in batches]
    for numbers, targets in batches[:3]:
        step((run, table, weight), numbers, targets)
    state = (run, table, weight)
    if way == "copy":
        other = copy.deepcopy(state)
    elif way == "pickle":
        other = pickle.loads(pickle.dumps(state))
    else:
        own, own_weight = copy.deepcopy((table, weight))
        new = optimizer(ROW_WISE[cls], own, own_weight, False)
        new.load_state_dict(copy.deepcopy(run.state_dict()))
        other = (new, own, own_weight)
    for numbers, targets in batches[3:]:
        for each in (state, other):
            step(each, numbers, targets)
    torch.testing.assert_close(state[1].weight, other[1].weight, rtol=0, atol=0)


@pytest.mark.parametrize("cls", PARENTS)
def test_no_state_is_kept_of_whole_tables_beyond_one_moment(cls):
    _, table = tables(50, 8, 0)
    weight = nn.Parameter(torch.ones(8))
    run = optimizer(ROW_WISE[cls], table, weight, False)
    step((run, table, weight), torch.tensor([3, 3]), torch.zeros(2, 8))
    kept = [each for each in run.state[table.weight].values() if torch.is_tensor(each)]
    assert sum(each.numel() for each in kept) <= 50 * 8 + 50 + 1
    assert table.weight.grad is None
