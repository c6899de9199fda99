"""DeepCF against its formula, written out in NumPy."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skrec.nn import PairBatch, SparseRows
from skrec.nn.deep_cf import DeepCF, DeepMatching

N_USERS, N_ITEMS, EMBEDDING = 9, 14, 5
SIZES = {"one": ((4,), (4,), (6,)), "deep": ((7, 6, 4), (8, 4), (6, 3))}


def to_rows(X):
    """Return a sparse matrix as sparse rows of float64."""
    X = sp.csr_matrix(X)
    parts = X.indices.astype(np.int64), X.indptr.astype(np.int64), X.data.astype(np.float64)
    return SparseRows(*(torch.from_numpy(part) for part in parts))


@pytest.fixture
def X():
    X = np.random.default_rng(0).random((N_USERS, N_ITEMS)) < 0.3
    X[2] = X[:, 4] = False
    return X.astype(float)


def make(X, depth="deep"):
    """Return a module all of whose weights are random."""
    torch.manual_seed(0)
    user_sizes, item_sizes, matching_sizes = SIZES[depth]
    module = DeepCF(to_rows(X.T), to_rows(X), user_sizes, item_sizes, EMBEDDING, matching_sizes)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, 0.6)
    return module.double()


def relu(x):
    return np.maximum(x, 0)


def oracle(module, x, columns):
    """Return the scores of rows and columns as the paper has them: layer after layer."""
    w = {k: v.detach().numpy() for k, v in module.state_dict().items()}

    def representation(side, x):
        x = x @ w[f"{side}.net.first.weight"] + w[f"{side}.net.first.bias"]
        for layer in range(len([k for k in w if k.startswith(f"{side}.net.layers")]) // 2):
            name = f"{side}.net.layers.{layer}"
            x = relu(x @ w[f"{name}.weight"].T + w[f"{name}.bias"])
        return x

    def embedding(side, x):
        return x @ w[f"{side}.net.embedding.weight"] + w[f"{side}.net.embedding.bias"]

    def together(a, b):
        shape = len(a), len(b), a.shape[1]
        return np.broadcast_to(a[:, None], shape), np.broadcast_to(b, shape)

    product = np.multiply(*together(representation("users", x), representation("items", columns)))
    hidden = np.concatenate(together(embedding("users", x), embedding("items", columns)), axis=2)
    hidden = relu(hidden @ w["interaction.first.weight"].T + w["interaction.first.bias"])
    for layer in range(len([k for k in w if k.startswith("interaction.layers")]) // 2):
        name = f"interaction.layers.{layer}"
        hidden = relu(hidden @ w[f"{name}.weight"].T + w[f"{name}.bias"])
    both = np.concatenate([product, hidden], axis=2)
    return (both @ w["interaction.out.weight"].T + w["interaction.out.bias"])[..., 0]


def make_batch(X):
    group = torch.tensor([0, 0, 1, 2, 2])
    users = torch.tensor([4, 1, 6])
    items = torch.from_numpy(np.random.default_rng(1).integers(N_ITEMS, size=(5, 3)))
    return PairBatch(users, items, group, to_rows(X[users]))


@pytest.mark.parametrize("depth", SIZES)
def test_forward_is_the_formula(depth, X):
    module, batch = make(X, depth), make_batch(X)
    scores, users, items = module(batch)
    every = oracle(module, X, X.T)
    rows = batch.users[batch.group].numpy()[:, None]
    np.testing.assert_allclose(scores.detach(), every[rows, batch.items.numpy()], rtol=1e-10)
    torch.testing.assert_close(module.interaction(users, items), scores)


@pytest.mark.parametrize("depth", SIZES)
def test_every_way_to_score_gives_the_formula(depth, X):
    module, fresh = make(X, depth).eval(), (np.arange(3 * N_ITEMS) % 5 == 0).reshape(3, N_ITEMS)
    rows = np.vstack([X, fresh])  # of users in training, one of them empty, and of others
    expected = oracle(module, rows, X.T)
    with torch.inference_mode():
        states = module.states(None, to_rows(rows))
        every = module.score_all(states)
        np.testing.assert_allclose(every, expected, rtol=1e-10)
        some = torch.tensor([5, 2, 13])
        torch.testing.assert_close(module.score_all(states, some), every[:, some])
        candidates = torch.arange(N_ITEMS).flip(0).expand(len(rows), -1)
        torch.testing.assert_close(module.score(states, candidates), every.flip(1))


def test_nothing_is_left_out_of_histories(X):
    assert make(X).reads_history is False


def test_gradients_are_those_of_a_dense_matrix(X):
    module, batch = make(X), make_batch(X)
    module(batch)[0].square().sum().backward()
    got = {name: p.grad.clone() for name, p in module.named_parameters()}
    module.zero_grad()
    history, columns = torch.from_numpy(X[batch.users]), torch.from_numpy(X.T.copy())
    users = module.users.net(lambda weight: history @ weight)[batch.group][:, None]
    items = module.items.net(lambda weight: columns @ weight)[batch.items]
    module.interaction(users, items).square().sum().backward()
    for name, parameter in module.named_parameters():
        torch.testing.assert_close(got[name], parameter.grad, msg=name)
        assert got[name].any(), name


def test_columns_are_not_in_the_state_dict_but_in_copies(X):
    module = make(X).eval()
    assert {*module.state_dict()} == {name for name, _ in module.named_parameters()}
    copies = [copy.deepcopy(module), pickle.loads(pickle.dumps(module))]
    for other in copies:
        torch.testing.assert_close(other.items.weight, module.items.weight)


def test_vectors_are_kept_only_while_weights_stay(X):
    module = make(X).eval()
    size = len(pickle.dumps(module))
    with torch.no_grad():
        first = module.items.weight
        assert len(pickle.dumps(module)) == size
        assert module.items.weight is first
        module.train()
        module.items.net.embedding.bias += 1
        changed = first[:, -EMBEDDING:] + 1
        torch.testing.assert_close(module.items.weight[:, -EMBEDDING:], changed)
        module.eval()
        torch.testing.assert_close(module.items.weight[:, -EMBEDDING:], changed)
    assert module.items.weight.requires_grad


def test_another_matrix_can_be_read(X):
    module, other = make(X), 1 - X
    module.items.read(to_rows(other.T), to_rows(other))
    with torch.no_grad():
        torch.testing.assert_close(module.items.weight, make(other).items.weight)


def test_dtype_goes_with_the_module(X):
    module = make(X).float().eval()
    with torch.inference_mode():
        assert module.score_all(module.states(None, to_rows(X))).dtype == torch.float32


@pytest.mark.parametrize("n_items", [1, 400])
def test_cross_is_forward_on_all_pairs(n_items):
    torch.manual_seed(0)
    interaction = DeepMatching(4, 3, (300, 8)).double()
    users, items = torch.randn(50, 7).double(), torch.randn(n_items, 7).double()
    crossed = interaction.cross(users, interaction.item_side(items))
    torch.testing.assert_close(crossed, interaction(users[:, None], items.expand(50, -1, -1)))
