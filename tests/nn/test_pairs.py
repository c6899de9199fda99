"""Models of pairs against loops over the equations of the embedding functions."""

from itertools import chain

import numpy as np
import pytest
import torch

from skrec.nn import Dot, HistoryEncoder, PairBatch, PairModel, SparseRows, UserTable, make_table

N_USERS, N_ITEMS, SIZE = 6, 9, 4
HISTORIES = {0: [0, 3, 5], 1: [2], 2: [], 3: [0, 1, 2, 3, 4, 5, 6, 7], 4: [8, 1], 5: [4, 2, 6]}


def to_rows(users):
    """Return the histories of users as a batch of rows."""
    lists = [sorted(HISTORIES[u]) for u in users]
    offsets = np.cumsum([0, *(len(items) for items in lists)])
    indices = np.array([*chain.from_iterable(lists)], dtype=np.int64)
    parts = indices, offsets.astype(np.int64), np.ones(len(indices), np.float32)
    return SparseRows(*(torch.from_numpy(part) for part in parts))


def batch_of(users, items, group=None):
    group = None if group is None else torch.tensor(group)
    return PairBatch(torch.tensor(users), torch.tensor(items), group, to_rows(users))


# ungrouped: a user a row; grouped: three rows of user 3, one of user 1, one of user 4
BATCHES = {
    "rows": batch_of([0, 1, 3], [[3, 1, 2, 4], [2, 0, 0, 1], [7, 8, 8, 8]]),
    "one-negative": batch_of([0, 4], [[5, 6], [8, 0]]),
    "group": batch_of([3, 1, 4], [[0, 8], [7, 8], [2, 8], [2, 0], [1, 3]], [0, 0, 0, 1, 2]),
}


@pytest.fixture(params=BATCHES.values(), ids=BATCHES.keys())
def batch(request):
    return request.param


def make_encoder(free, alpha=0.5):
    torch.manual_seed(0)
    return HistoryEncoder(N_USERS if free else None, N_ITEMS, SIZE, alpha, std=1.0).double()


def make_model(users, item_bias=True):
    torch.manual_seed(1)
    interaction = Dot(SIZE, item_bias=item_bias)
    return PairModel(users, make_table(N_ITEMS, interaction.item_size, 1.0), interaction).double()


def numpy_user(encoder, user, target):
    """Return eq. 10, or 11 where there are free vectors: the target is left out, and counted."""
    q = encoder.history.weight.detach().numpy()
    total = np.zeros(SIZE)
    for t in HISTORIES[user]:
        if t != target:
            total += q[t]
    vector = total / max(len(HISTORIES[user]), 1) ** encoder.alpha
    if encoder.free is not None:
        vector = vector + encoder.free.weight.detach().numpy()[user]
    return vector


def users_of_rows(batch):
    places = range(len(batch)) if batch.group is None else batch.group.tolist()
    return [batch.users[g].item() for g in places]


def numpy_score(model, user_vector, item):
    q = model.items.weight.detach().numpy()[item]
    return user_vector @ q[:SIZE] + (q[SIZE] if model.interaction.item_bias else 0)


def encoder_of(kind):
    if kind == "table":
        torch.manual_seed(0)
        return UserTable(N_USERS, SIZE, std=1.0).double()
    return make_encoder(free=kind == "free-history")


@pytest.fixture(params=["table", "history", "free-history"])
def model(request):
    return make_model(encoder_of(request.param))


def oracle(model, user, target):
    """Return the vector of a user towards a target."""
    if model.reads_history:
        return numpy_user(model.users, user, target)
    return model.users.free.weight.detach().numpy()[user]


def states_of(model, users):
    free = model.users.free
    return model.states(None if free is None else free(torch.tensor(users)), to_rows(users))


def test_forward_scores_each_target_without_itself(model, batch):
    scores, users, items = model(batch)
    rows = list(zip(users_of_rows(batch), batch.items.tolist(), strict=True))
    expected = [[numpy_score(model, oracle(model, u, i), i) for i in row] for u, row in rows]
    np.testing.assert_allclose(scores.detach().numpy(), expected, rtol=1e-10)
    if model.reads_history:
        assert users().shape == batch.items.shape[1:]
    else:
        assert users.shape[-1] == SIZE
    assert items.shape == (*batch.items.shape, SIZE + 1)


def test_score_all_scores_every_item_or_some(model):
    users = [0, 3, 2]
    states = states_of(model, users)
    full = model.score_all(states).detach().numpy()
    expected = [
        [numpy_score(model, oracle(model, u, None), i) for i in range(N_ITEMS)] for u in users
    ]
    np.testing.assert_allclose(full, expected, rtol=1e-10)
    some = model.score_all(states, torch.tensor([8, 0, 8])).detach().numpy()
    np.testing.assert_allclose(some, full[:, [8, 0, 8]], rtol=1e-12)


def test_score_scores_the_items_of_each_row(model):
    states = states_of(model, [0, 3])
    items = torch.tensor([[1, 8, 1], [8, 8, 0]])
    picked = model.score_all(states).gather(1, items)
    torch.testing.assert_close(model.score(states, items), picked)


@pytest.mark.parametrize("kind", ["history", "free-history"])
def test_score_inside_is_what_training_saw(kind):
    model = make_model(encoder_of(kind))
    users = [0, 1, 3, 4]
    row = torch.tensor([0, 2, 2, 1, 3, 0])
    items = torch.tensor([5, 7, 0, 2, 8, 0])
    got = model.score_inside(states_of(model, users), to_rows(users), row, items)
    own = [users[r] for r in row.tolist()]
    in_training, _, _ = model(batch_of(own, items[:, None].tolist()))
    torch.testing.assert_close(got, in_training[:, 0])
    # and it is not what a target that counts for itself would get
    naive = model.score_all(states_of(model, users))[row, items]
    assert (got - naive).abs().min() > 1e-3


@pytest.mark.parametrize("kind", ["table", "history", "free-history"])
def test_every_weight_that_takes_part_gets_its_gradient(kind):
    model = make_model(encoder_of(kind))
    batch = BATCHES["group"]
    names = [n for n, _ in model.named_parameters()]
    weights = tuple(p.detach().requires_grad_() for p in model.parameters())

    def scores(*weights):
        state = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(model, state, (batch,))[0]

    assert torch.autograd.gradcheck(scores, weights)
    gradients = torch.autograd.grad(scores(*weights).square().sum(), weights)
    assert all(g.any() for g in gradients)


# batches


def test_a_batch_is_as_long_as_its_positives():
    assert [len(b) for b in BATCHES.values()] == [3, 2, 5]


def test_by_row_repeats_what_belongs_to_a_user():
    values = torch.tensor([10, 20, 30])
    assert BATCHES["group"].by_row(values).tolist() == [10, 10, 10, 20, 30]
    assert BATCHES["rows"].by_row(values).tolist() == [10, 20, 30]


def test_a_batch_on_its_device_is_itself(batch):
    assert batch.to("cpu") is batch


def test_all_parts_of_a_batch_go_to_another_device(batch):
    there = batch.to("meta")
    parts = [there.users, there.items, there.history.indices, there.history.offsets]
    parts += [] if there.group is None else [there.group]
    assert {part.device.type for part in parts} == {"meta"}
    assert (there.group is None) == (batch.group is None)
    assert len(there) == len(batch)


def test_a_batch_without_history_goes_to_another_device():
    there = PairBatch(torch.tensor([0]), torch.tensor([[1, 2]])).to("meta")
    assert there.history is None
    assert there.items.device.type == "meta"
