"""The interaction functions of neural collaborative filtering, against NumPy."""

import numpy as np
import pytest
import torch

from skrec.nn import PairBatch, PairModel, UserTable, make_table
from skrec.nn.interactions import Interaction
from skrec.nn.neural_cf import GMF, JRL, NCFMLP, NeuMF, Tower

B, M, SIZE, MLP_SIZE, HIDDEN = 5, 4, 6, 3, (8, 5, 3)
MAKE = {
    "gmf": lambda **options: GMF(SIZE, **options),
    "mlp": lambda **options: NCFMLP(SIZE, HIDDEN, **options),
    "jrl": lambda **options: JRL(SIZE, HIDDEN, **options),
    "neumf": lambda **options: NeuMF(SIZE, MLP_SIZE, HIDDEN, **options),
}


@pytest.fixture(params=[(name, bias) for name in MAKE for bias in (False, True)], ids=str)
def interaction(request):
    """Return each function with random weights in float64."""
    name, bias = request.param
    return randomised(MAKE[name](bias=bias))


def randomised(module, seed=0):
    """Set every weight, biases too, to a random value."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double()
    with torch.no_grad():
        for weight in module.parameters():
            weight.normal_(generator=generator)
    return module.eval()


def vectors(module, n_users=B, n_items=M, seed=1):
    """Return vectors of users and, for each of them, of items."""
    generator = torch.Generator().manual_seed(seed)
    users = torch.randn(n_users, 1, module.user_size, generator=generator, dtype=torch.float64)
    shape = (n_users, n_items, module.item_size)
    return users, torch.randn(shape, generator=generator, dtype=torch.float64)


def weights_of(module):
    """Return the weights as arrays, by name."""
    return {name: weight.numpy() for name, weight in module.state_dict().items()}


def relu(x):
    return np.where(x > 0, x, 0.0)


def hidden(w, phi):
    """Return the last hidden layer above the first one."""
    for layer in range(len(HIDDEN) - 1):
        phi = relu(w[f"tower.layers.{layer}.weight"] @ phi + w[f"tower.layers.{layer}.bias"])
    return phi


def gmf_oracle(w, p, q):
    return w["weight"] @ (p * q) + w.get("bias", np.zeros(1))[0]


def mlp_oracle(w, p, q):
    joined = np.concatenate([w["user_layer.weight"], w["item_layer.weight"]], axis=1)
    phi = relu(joined @ np.concatenate([p, q]) + w["item_layer.bias"])
    return w["tower.output.weight"][0] @ hidden(w, phi) + w.get("tower.output.bias", [0.0])[0]


def jrl_oracle(w, p, q):
    phi = relu(w["first.weight"] @ (p * q) + w["first.bias"])
    return w["tower.output.weight"][0] @ hidden(w, phi) + w.get("tower.output.bias", [0.0])[0]


def neumf_oracle(w, p, q):
    mlp = {name.removeprefix("mlp."): value for name, value in w.items()}
    joined = np.concatenate([mlp["user_layer.weight"], mlp["item_layer.weight"]], axis=1)
    phi = relu(joined @ np.concatenate([p[SIZE:], q[SIZE:]]) + mlp["item_layer.bias"])
    last = np.concatenate([p[:SIZE] * q[:SIZE], hidden(mlp, phi)])
    h = np.concatenate([w["gmf.weight"], mlp["tower.output.weight"][0]])
    return h @ last + mlp.get("tower.output.bias", [0.0])[0]


ORACLES = {GMF: gmf_oracle, NCFMLP: mlp_oracle, JRL: jrl_oracle, NeuMF: neumf_oracle}


def by_oracle(module, users, items):
    """Return the scores of each user's items, one pair at a time."""
    w, oracle = weights_of(module), ORACLES[type(module)]
    p, q = users.expand(-1, items.shape[1], -1).numpy(), items.numpy()
    return np.array([[oracle(w, *pair) for pair in zip(*row, strict=True)] for row in zip(p, q)])


def test_forward_is_the_formula(interaction):
    users, items = vectors(interaction)
    scores = interaction(users, items)
    assert scores.dtype == torch.float64
    expected = by_oracle(interaction, users, items)
    assert expected.std() > 0.1
    np.testing.assert_allclose(scores.detach().numpy(), expected, rtol=1e-10)


def test_a_vector_of_users_for_each_item(interaction):
    users, items = vectors(interaction)
    many = users + torch.arange(M)[:, None] / M  # (B, M, size)
    expected = by_oracle(interaction, many, items)
    np.testing.assert_allclose(interaction(many, items).detach().numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize("chunk", [2**25, 1000, 1])
def test_all_pairs_are_what_forward_gives(interaction, chunk, monkeypatch):
    monkeypatch.setattr("skrec.nn.interactions._CHUNK_BYTES", chunk)
    users, items = vectors(interaction, n_items=11)
    expected = interaction(users, items[:1].expand(B, -1, -1))
    crossed = interaction.cross(users[:, 0], interaction.item_side(items[0]))
    torch.testing.assert_close(crossed, expected)


def test_inputs_are_left_alone(interaction):
    users, items = vectors(interaction)
    before = users.clone(), items.clone()
    interaction(users, items)
    side = interaction.item_side(items[0])
    first = interaction.cross(users[:, 0], side)
    torch.testing.assert_close(interaction.cross(users[:, 0], side), first)
    assert torch.equal(users, before[0])
    assert torch.equal(items, before[1])


def test_gradients_of_vectors_are_right(interaction):
    users, items = (x.requires_grad_() for x in vectors(interaction, 2, 3))
    assert torch.autograd.gradcheck(interaction, (users, items))

    def crossed(users, items):
        return interaction.cross(users[:, 0], interaction.item_side(items[0]))

    assert torch.autograd.gradcheck(crossed, (users, items))


def test_every_weight_receives_a_gradient(interaction):
    users, items = vectors(interaction, 20)
    weights = dict(interaction.named_parameters())
    loss = (interaction(users, items) ** 2).sum()
    gradients = torch.autograd.grad(loss, list(weights.values()))
    assert {n for n, g in zip(weights, gradients, strict=True) if not g.abs().sum()} == set()


def test_without_bias_there_is_none():
    for make in MAKE.values():
        names = dict(make(bias=False).named_parameters())
        assert len(names) == len(dict(make(bias=True).named_parameters())) - 1


def test_gmf_starts_as_an_inner_product():
    module = GMF(SIZE, bias=True).double()
    users, items = vectors(module)
    torch.testing.assert_close(module(users, items), (users * items).sum(-1))


def test_layers_before_a_relu_keep_the_size_of_signals():
    torch.manual_seed(0)
    tower = Tower((400, 400, 400))
    x = torch.randn(300, 400)
    before = torch.relu(x).square().mean()
    for layer in tower.layers:
        x = layer(torch.relu(x))
    assert abs(torch.relu(x).square().mean() / before - 1) < 0.2
    mlp = NCFMLP(300, (500,))
    first = mlp.user_layer(torch.randn(200, 300)) + mlp.item_layer(torch.randn(200, 300))
    assert abs(first.var().item() / 2 - 1) < 0.1


@pytest.mark.parametrize("name", ["mlp", "jrl", "neumf"])
def test_dropout_in_training_alone(name):
    torch.manual_seed(0)
    module = randomised(MAKE[name](dropout=0.5))
    users, items = vectors(module, 200)
    right = module(users, items)
    torch.testing.assert_close(module(users, items), right)
    module.train()
    draws = torch.stack([module(users, items) for _ in range(3)])
    assert (draws[0] - draws[1]).abs().mean() > 0.1
    undropped = randomised(MAKE[name]()).train()
    torch.testing.assert_close(undropped(users, items), right)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("biases", [(True, True), (False, True), (False, False)])
def test_blend_is_the_weighted_mean(alpha, biases):
    gmf = randomised(GMF(SIZE, bias=biases[0]), 1)
    mlp = randomised(NCFMLP(MLP_SIZE, HIDDEN, bias=biases[1]), 2)
    both = randomised(NeuMF(SIZE, MLP_SIZE, HIDDEN, bias=any(biases)), 3)
    both.blend_(gmf, mlp, alpha)
    users, items = vectors(both)
    parts = gmf(users[..., :SIZE], items[..., :SIZE]), mlp(users[..., SIZE:], items[..., SIZE:])
    expected = alpha * parts[0] + (1 - alpha) * parts[1]
    torch.testing.assert_close(both(users, items), expected)


def test_float32_is_close_to_float64(interaction):
    users, items = vectors(interaction)
    expected = interaction(users, items)
    scores = interaction.float()(users.float(), items.float())
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores.double(), expected, rtol=1e-4, atol=1e-4)


def test_all_are_interactions(interaction):
    assert isinstance(interaction, Interaction)
    assert interaction.user_size == interaction.item_size


# NeuMF from its tables


USERS = torch.tensor([0, 3, 3, 1])  # repeated, as are items within and between rows
ITEMS = torch.tensor([[0, 1, 1], [5, 2, 0], [2, 2, 5], [1, 0, 4]])


def neumf_and_tables(bias=True):
    module = randomised(NeuMF(3, 2, (4, 3), bias=bias)).double()
    generator = torch.Generator().manual_seed(2)
    tables = [torch.randn(n, 5, generator=generator).double() for n in (4, 6)]
    return module, [table.requires_grad_() for table in tables]


def gradients(values, parts):
    parts = list(parts)
    total = sum((value * torch.arange(1.0, value.numel() + 1).view_as(value)).sum()
                for value in values)  # fmt: skip
    return torch.autograd.grad(total, parts)


@pytest.mark.parametrize("bias", [True, False])
def test_neumf_scores_tables_as_it_scores_vectors(bias):
    module, (p, q) = neumf_and_tables(bias)
    scores, *squares = module.score_tables(p, q, USERS, ITEMS)
    users, items = p[USERS][:, None], q[ITEMS]
    expected = module(users, items), users.square().sum()[None], items.square().sum((0, 2))
    for value, other in zip((scores, *squares), expected, strict=True):
        torch.testing.assert_close(value, other)
    parts = [p, q, *module.parameters()]
    pairs = gradients((scores, *squares), parts), gradients(expected, parts)
    for one, other in zip(*pairs, strict=True):
        torch.testing.assert_close(one, other)


def test_gradients_of_neumf_from_tables():
    module, tables = neumf_and_tables()
    weights = list(module.parameters())
    score = lambda p, q, *_: module.score_tables(p, q, USERS, ITEMS)  # noqa: E731
    assert torch.autograd.gradcheck(score, (*tables, *weights))
    for place in range(3):  # what is not asked for has no gradient
        one = lambda *parts, place=place: score(*parts)[place]  # noqa: E731
        assert torch.autograd.gradcheck(one, tables)


@pytest.mark.parametrize("sparse", [(True, False), (False, True), (True, True)])
def test_sparse_gradients_are_the_dense_ones(sparse):
    module, (p, q) = neumf_and_tables()
    answers = [module.score_tables(p, q, USERS, ITEMS, each) for each in (sparse, (False, False))]
    ours, whole = (gradients(answer, [p, q]) for answer in answers)
    for one, other, expected in zip(ours, whole, sparse, strict=True):
        assert one.is_sparse == expected
        torch.testing.assert_close(one.to_dense(), other)


def test_a_model_of_neumf_reads_its_tables():
    module, tables = neumf_and_tables()
    model = PairModel(UserTable(4, 5), make_table(6, 5, 0.1), module).double()
    with torch.no_grad():
        model.users.free.weight.copy_(tables[0])
        model.items.weight.copy_(tables[1])
    scores, users, items = model(PairBatch(USERS, ITEMS))
    assert users.shape == (1,)
    assert items.shape == (3,)
    grouped = PairBatch(torch.tensor([0, 3, 1]), ITEMS, group=torch.tensor([0, 1, 1, 2]))
    torch.testing.assert_close(scores, model(grouped)[0])
