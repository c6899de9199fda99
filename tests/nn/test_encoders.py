"""Tables, and vectors of users against the equations of the embedding functions."""

import numpy as np
import pytest
import torch

from skrec.nn import HistoryEncoder, MeanEncoder, PairBatch, UserTable, make_table

SIZE = 3


def test_a_table_starts_gaussian_and_looks_up_any_shape():
    torch.manual_seed(0)
    table = make_table(2000, 5, 0.2)
    assert table.weight.std().item() == pytest.approx(0.2, rel=0.05)
    index = torch.tensor([[3, 1, 3], [0, 2, 9]])
    torch.testing.assert_close(table(index), table.weight[index])
    assert table(index[:0]).shape == (0, 3, 5)


def test_the_gradient_of_a_table_adds_up_over_repeats():
    table = make_table(4, 2, 1.0)
    table(torch.tensor([[1, 1], [3, 1]])).sum().backward()
    assert table.weight.grad.tolist() == [[0, 0], [3, 3], [0, 0], [1, 1]]


def test_a_free_vector_is_given_to_each_row_of_its_user():
    users = UserTable(4, SIZE, 1.0)
    group = torch.tensor([0, 0, 1])
    batch = PairBatch(torch.tensor([2, 1]), torch.zeros(3, 2, dtype=torch.int64), group)
    torch.testing.assert_close(users(batch)[:, 0], users.free.weight[[2, 2, 1]])
    assert users.states(users.free.weight) is users.free.weight


def equation(encoder, row, user, target):
    """Return eq. 11, or 10 without free vectors: the target is left out, and counted."""
    q = encoder.history.weight.detach().numpy()
    kept = [t for t in np.flatnonzero(row) if t != target]
    vector = sum((q[t] for t in kept), np.zeros(SIZE)) / max(len(row.nonzero()[0]), 1) ** (
        encoder.alpha
    )
    return vector if encoder.free is None else vector + encoder.free.weight.detach().numpy()[user]


@pytest.mark.parametrize("free", [None, 9], ids=["eq10", "eq11"])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_a_history_is_the_equation(free, alpha, dense, to_rows):
    encoder = HistoryEncoder(free, dense.shape[1], SIZE, alpha, std=1.0).double()
    users = np.array([4, 0, 3, 1, 2])  # numbers of the rows of `dense` in the table
    vectors = None if free is None else encoder.free.weight[torch.from_numpy(users)]
    states = encoder.states(vectors, to_rows(dense)).detach().numpy()
    expected = [equation(encoder, row, u, None) for row, u in zip(dense, users, strict=True)]
    np.testing.assert_allclose(states, expected, rtol=1e-12)


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("free", [None, 9], ids=["eq10", "eq11"])
def test_squares_are_those_of_the_rows_that_take_part(free, grouped, dense, to_rows):
    encoder = HistoryEncoder(free, dense.shape[1], SIZE, 0.5, std=1.0).double()
    rows, users = [0, 3, 4], [7, 1, 8]
    group = [0, 0, 0, 2, 1] if grouped else [0, 1, 2]
    items = [[np.flatnonzero(dense[rows[g]])[0], 0, 1] for g in group]
    batch = PairBatch(
        torch.tensor(users),
        torch.tensor(items),
        torch.tensor(group) if grouped else None,
        to_rows(dense[rows]),
    )
    q = encoder.history.weight.detach().numpy()
    expected = np.zeros(3)
    for g, (target, *_) in zip(group, items, strict=True):
        history = np.flatnonzero(dense[rows[g]])
        left = history[history != target]
        expected += [(q[left] ** 2).sum(), (q[history] ** 2).sum(), (q[history] ** 2).sum()]
        if free is not None:
            expected += (encoder.free.weight.detach().numpy()[users[g]] ** 2).sum()
    np.testing.assert_allclose(encoder.squares(batch).detach().numpy(), expected, rtol=1e-12)
    tables = [encoder.history.weight, *([] if free is None else [encoder.free.weight])]
    assert torch.autograd.gradcheck(lambda *_: encoder.squares(batch), tables)


@pytest.mark.parametrize("free", [None, 9], ids=["eq10", "eq11"])
def test_a_target_is_left_out_of_its_own_vector_alone(free, dense, to_rows):
    encoder = HistoryEncoder(free, dense.shape[1], SIZE, 0.5, std=1.0).double()
    rows, users = [0, 3, 4], [7, 1, 8]
    items = torch.tensor([[np.flatnonzero(dense[r])[0], 0, 0] for r in rows])
    for place, r in enumerate(rows):
        items[place, 1:] = torch.from_numpy(np.flatnonzero(dense[r] == 0)[:2])
    batch = PairBatch(torch.tensor(users), items, None, to_rows(dense[rows]))
    found = encoder(batch).detach().numpy()
    for place, (r, u) in enumerate(zip(rows, users, strict=True)):
        for k in range(3):
            expected = equation(encoder, dense[r], u, items[place, k].item())
            np.testing.assert_allclose(found[place, k], expected, rtol=1e-12)


# SimpleX


def simplex(encoder, row, user, target):
    """Return 1 / g times g p_u + (1 - g) V of the mean, the target left out and counted."""
    q, V = encoder.history.weight.detach().numpy(), encoder.map.weight.detach().numpy()
    has = np.flatnonzero(row)
    mean = sum((q[t] for t in has if t != target), np.zeros(SIZE)) / max(len(has), 1)
    p, g = encoder.free.weight.detach().numpy()[user], 1 - WEIGHT
    return (g * p + (1 - g) * V @ mean) / g


WEIGHT = 0.3


def make_mean_encoder(n_items):
    items = make_table(n_items, SIZE, 1.0).double()
    return MeanEncoder(9, items, WEIGHT, std=1.0).double()


def test_a_mean_is_that_of_simplex(dense, to_rows):
    encoder, users = make_mean_encoder(dense.shape[1]), np.array([4, 0, 3, 1, 2])
    vectors = encoder.free.weight[torch.from_numpy(users)]
    states = encoder.states(vectors, to_rows(dense)).detach().numpy()
    expected = [simplex(encoder, row, u, None) for row, u in zip(dense, users, strict=True)]
    np.testing.assert_allclose(states, expected, rtol=1e-12)


@pytest.mark.parametrize("grouped", [False, True])
def test_a_target_is_left_out_of_the_mean_beside_itself(grouped, dense, to_rows):
    encoder, rows, users = make_mean_encoder(dense.shape[1]), [0, 3, 4], [7, 1, 8]
    group = [0, 0, 2, 1] if grouped else [0, 1, 2]
    targets = [np.flatnonzero(dense[rows[g]])[0] for g in group]
    parts = (torch.tensor(group),) if grouped else (None,)
    batch = PairBatch(
        torch.tensor(users), torch.tensor(targets)[:, None], *parts, to_rows(dense[rows])
    )
    inside, whole = encoder.both(batch)
    free = encoder.free.weight.detach().numpy()
    for place, (g, target) in enumerate(zip(group, targets, strict=True)):
        row, user = dense[rows[g]], users[g]
        expected = [simplex(encoder, row, user, left_out) for left_out in (target, None)]
        found = inside[place, 0].detach().numpy(), whole[place].detach().numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    squares = sum((free[users[g]] ** 2).sum() for g in group)
    assert float(encoder.squares(batch).detach()) == pytest.approx(squares, rel=1e-12)
