"""The dot product against NumPy, and what every interaction function inherits."""

import numpy as np
import pytest
import torch

from skrec.nn.interactions import (
    Dot,
    Interaction,
    chunk_size,
    halving_sizes,
    he_normal_,
    split_rows_of,
)

BIASES = [(False, False), (True, False), (False, True), (True, True)]
SIZE = 5


@pytest.fixture(params=BIASES, ids=["plain", "user-bias", "item-bias", "both"])
def dot(request):
    return Dot(SIZE, *request.param)


def draw(*shape, seed=0):
    """Return float64 vectors that want a gradient."""
    return torch.from_numpy(np.random.RandomState(seed).normal(size=shape)).requires_grad_()


def numpy_dot(dot, user, item):
    """Score one pair from the formula: the last entries are the biases."""
    score = sum(user[k] * item[k] for k in range(SIZE))
    return score + (user[SIZE] if dot.user_bias else 0) + (item[SIZE] if dot.item_bias else 0)


def numpy_scores(dot, users, items):
    users, items = users.detach().numpy(), items.detach().numpy()
    B, m = items.shape[:2]
    width = users.shape[1]
    return np.array(
        [
            [numpy_dot(dot, users[b, k if width > 1 else 0], items[b, k]) for k in range(m)]
            for b in range(B)
        ]
    )


# the dot product


def test_a_bias_widens_its_vector(dot):
    assert dot.user_size == SIZE + dot.user_bias
    assert dot.item_size == SIZE + dot.item_bias


@pytest.mark.parametrize("m", [1, 2, 4])
@pytest.mark.parametrize("one_user", [True, False])
def test_dot_is_the_formula(dot, m, one_user):
    users = draw(3, 1 if one_user else m, dot.user_size)
    items = draw(3, m, dot.item_size, seed=1)
    expected = numpy_scores(dot, users, items)
    np.testing.assert_allclose(dot(users, items).detach().numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("m", [1, 2, 4])
@pytest.mark.parametrize("one_user", [True, False])
def test_dot_has_the_gradient_of_finite_differences(dot, m, one_user):
    users = draw(3, 1 if one_user else m, dot.user_size)
    items = draw(3, m, dot.item_size, seed=1)
    assert torch.autograd.gradcheck(dot, (users, items))


@pytest.mark.parametrize("side", ["users", "items"])
def test_dot_gives_one_side_a_gradient_where_the_other_is_frozen(dot, side):
    vectors = {"users": draw(3, 1, dot.user_size), "items": draw(3, 4, dot.item_size, seed=1)}
    both = torch.autograd.grad(dot(**vectors).square().sum(), vectors[side])
    alone = {k: v if k == side else v.detach() for k, v in vectors.items()}
    torch.testing.assert_close(torch.autograd.grad(dot(**alone).square().sum(), alone[side]), both)


def test_cross_scores_all_pairs_and_is_differentiable(dot):
    users, items = draw(3, dot.user_size), draw(7, dot.item_size, seed=1)
    expected = numpy_scores(dot, users[:, None], items[None].expand(3, -1, -1))
    scores = dot.cross(users, dot.item_side(items))
    np.testing.assert_allclose(scores.detach().numpy(), expected, rtol=1e-12)
    assert torch.autograd.gradcheck(lambda u, i: dot.cross(u, dot.item_side(i)), (users, items))


def test_dot_keeps_float32(dot):
    users, items = draw(3, 1, dot.user_size).float(), draw(3, 2, dot.item_size).float()
    assert dot(users, items).dtype == torch.float32
    assert dot.cross(users[:, 0], items[0]).dtype == torch.float32


@pytest.mark.gpu
def test_dot_on_cuda_is_the_dot_on_the_cpu(dot):
    users, items = draw(3, 1, dot.user_size), draw(3, 2, dot.item_size, seed=1)
    there = dot(users.cuda(), items.cuda())
    torch.testing.assert_close(there.cpu(), dot(users, items))
    gradient = torch.autograd.grad(there.square().sum(), users)
    torch.testing.assert_close(
        gradient, torch.autograd.grad(dot(users, items).square().sum(), users)
    )


# what is inherited


class Distance(Interaction):
    """Minus the squared distance; remembers how many pairs each call scored."""

    def __init__(self, size):
        super().__init__(size, size)
        self.calls = []

    def forward(self, users, items):
        self.calls.append(items.shape[0] * items.shape[1])
        return -(users - items).square().sum(-1)


def test_an_interaction_must_say_how_it_scores():
    with pytest.raises(NotImplementedError):
        Interaction(2, 2)(draw(1, 1, 2), draw(1, 1, 2))


def test_cross_of_any_interaction_is_forward_of_all_pairs():
    users, items = draw(3, SIZE), draw(4, SIZE, seed=1)
    distance = Distance(SIZE)
    expected = [[-np.sum((u - i) ** 2) for i in items.tolist()] for u in np.array(users.tolist())]
    got = distance.cross(users, distance.item_side(items))
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-12)


def test_cross_streams_over_items_in_small_temporaries():
    users, items = draw(400, SIZE).detach(), draw(3000, SIZE, seed=1).detach()
    distance = Distance(SIZE)
    got = distance.cross(users, distance.item_side(items))
    assert got.shape == (400, 3000)
    assert len(distance.calls) > 1
    assert max(distance.calls) * 2 * SIZE * 8 <= 2**23
    torch.testing.assert_close(got[:, 2999], distance(users[:, None], items[None, 2999:])[:, 0])


def test_cross_of_so_many_users_that_one_item_fills_the_memory():
    users, items = torch.zeros(2**20, SIZE), torch.zeros(2, SIZE)
    assert Distance(SIZE).cross(users, items).shape == (2**20, 2)


@pytest.mark.parametrize(
    ("n_bytes", "expected"), [(2**23, 1), (2**24, 1), (2**22, 2), (3, 2796202), (0, 2**23)]
)
def test_chunk_size_keeps_to_8_mib_and_is_at_least_one(n_bytes, expected):
    assert chunk_size(n_bytes) == expected


def test_a_side_of_one_tensor_or_several_is_split_by_items():
    one, two = torch.arange(5), torch.arange(10).view(5, 2)
    assert [c.tolist() for c in split_rows_of(one, 2)] == [[0, 1], [2, 3], [4]]
    chunks = list(split_rows_of((one, two), 3))
    assert [len(a) for a, _ in chunks] == [3, 2]
    assert torch.cat([a for a, _ in chunks]).equal(one)
    assert torch.cat([b for _, b in chunks]).equal(two)


# towers


@pytest.mark.parametrize(
    ("first", "n_layers", "expected"), [(64, 3, [64, 32, 16]), (5, 4, [5, 2, 1, 1]), (8, 0, [])]
)
def test_halving_sizes(first, n_layers, expected):
    assert halving_sizes(first, n_layers) == expected


@pytest.mark.parametrize("shape", [(400, 50), (40, 20, 2, 5)])
def test_he_normal_has_variance_two_by_inputs(shape):
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(shape))
    assert he_normal_(weight) is weight
    n_inputs = np.prod(shape[1:])
    assert weight.detach().var().item() == pytest.approx(2 / n_inputs, rel=0.1)
    assert abs(weight.detach().mean()) < 0.05 * np.sqrt(2 / n_inputs)


# products of tables


def tables(n_users=5, n_items=7, size=3):
    generator = torch.Generator().manual_seed(0)
    parts = (torch.randn(n, size, generator=generator).double() for n in (n_users, n_items))
    return [part.requires_grad_() for part in parts]


USERS = torch.tensor([0, 3, 3, 4])  # repeated, as are items within and between rows
ITEMS = torch.tensor([[0, 1, 1], [6, 2, 0], [2, 2, 5], [1, 0, 6]])


def test_products_of_tables_are_those_of_vectors():
    dot, (p, q) = Dot(3), tables()
    scores, user_squares, item_squares = dot.score_tables(p, q, USERS, ITEMS)
    vectors = p.detach().numpy()[USERS], q.detach().numpy()[ITEMS]
    expected = (vectors[0][:, None] * vectors[1]).sum(-1)
    np.testing.assert_allclose(scores.detach(), expected)
    np.testing.assert_allclose(user_squares.detach(), [(vectors[0] ** 2).sum()])
    np.testing.assert_allclose(item_squares.detach(), (vectors[1] ** 2).sum((0, 2)))


def test_gradients_of_products_of_tables():
    dot, parts = Dot(3), tables()
    assert torch.autograd.gradcheck(lambda p, q: dot.score_tables(p, q, USERS, ITEMS), parts)
    for place in range(3):  # what is not asked for has no gradient, and needs none
        one = lambda p, q, place=place: dot.score_tables(p, q, USERS, ITEMS)[place]  # noqa: E731
        assert torch.autograd.gradcheck(one, parts)


def test_biases_have_no_products_of_tables():
    assert Dot(2, item_bias=True).score_tables(*tables(), USERS, ITEMS) is None


@pytest.mark.parametrize("sparse", [(True, False), (False, True), (True, True)])
def test_sparse_gradients_of_tables_are_the_dense_ones(sparse):
    p, q = tables()
    answers = [Dot(3).score_tables(p, q, USERS, ITEMS, each) for each in (sparse, (False, False))]
    totals = [sum(part.square().sum() for part in answer or ()) for answer in answers]
    ours, whole = (torch.autograd.grad(total, [p, q]) for total in totals)
    for one, other, expected in zip(ours, whole, sparse, strict=True):
        assert one.is_sparse == expected
        torch.testing.assert_close(one.to_dense(), other)


def test_one_row_in_numpy_is_that_of_cross(dot):
    users, items = draw(1, dot.user_size), draw(7, dot.item_size, seed=1)
    scores = dot.row(users, items)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, dot.cross(users, items).detach().numpy(), rtol=1e-12)
    assert dot.row(users.float(), items.float()).dtype == np.float32
