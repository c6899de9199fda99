"""CDAE against NumPy written from the formulas of the paper."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.special import log_expit, log_softmax

from skrec.nn import CDAE, ELBO, gaussian_nll, logistic_nll, multinomial_nll
from skrec.training import NumberedRows, sparse_rows

N_USERS, N_ITEMS, SIZE = 9, 8, 3
USERS = np.array([4, 0, 7, 5])
NLLS = {
    "gaussian": partial(gaussian_nll, c1=2.0, c0=0.3),
    "logistic": logistic_nll,
    "multinomial": multinomial_nll,
}


def make(**options):
    """Return a float64 module whose biases are not zero."""
    torch.manual_seed(0)
    module = CDAE(N_USERS, N_ITEMS, SIZE, **options).double()
    with torch.no_grad():
        for name, p in module.named_parameters():
            if name.endswith("bias") or name.startswith("nodes"):
                p.uniform_(-0.5, 0.5)
    return module


def matrix():
    X = np.random.RandomState(0).uniform(size=(len(USERS), N_ITEMS)) < 0.4
    X[:, 0] = [True, True, False, True]
    X[2] = False  # an empty row
    return X.astype(float)


def batch(X=None, users=USERS):
    rows = sparse_rows(sp.csr_matrix(matrix() if X is None else X))
    parts = {**vars(rows), "values": rows.values.double()}
    return NumberedRows(**parts, numbers=torch.from_numpy(users))


def oracle(module, X, nodes, bounded=True):
    """Return f_u = tanh(W'^T tanh(W^T x_u + V_u + b) + b')."""
    state = {k: v.detach().numpy() for k, v in module.state_dict().items()}
    norms = np.sqrt((X**2).sum(axis=1, keepdims=True))
    x = np.divide(X, norms, out=np.zeros_like(X), where=norms > 0)
    hidden = np.tanh(x @ state["first.weight"] + nodes + state["first.bias"])
    scores = hidden @ state["last.weight"].T + state["last.bias"]
    return np.tanh(scores) if bounded else scores


def nodes_of(module, users=USERS):
    return module.nodes.weight.detach().numpy()[users]


@pytest.mark.parametrize("bounded", [True, False])
def test_scores_are_those_of_the_formula(bounded):
    module = make(bounded=bounded).eval()
    (scores,) = module(batch())
    expected = oracle(module, matrix(), nodes_of(module), bounded)
    np.testing.assert_allclose(scores.detach(), expected, rtol=1e-6)


def test_given_nodes_take_the_place_of_the_trained_ones():
    module = make().eval()
    nodes = np.random.RandomState(1).normal(size=(len(USERS), SIZE))
    (scores,) = module(batch(), nodes=torch.from_numpy(nodes))
    np.testing.assert_allclose(scores.detach(), oracle(module, matrix(), nodes), rtol=1e-6)


def test_some_items_are_scored_as_all_are():
    module = make().eval()
    (every,), (some,) = module(batch()), module(batch(), torch.tensor([5, 2]))
    torch.testing.assert_close(some, every[:, [5, 2]])


def test_training_drops_entries_and_scales_the_rest_but_spares_the_node():
    module = make(dropout=0.5).train()
    X = np.ones((1, N_ITEMS))
    rows = batch(X, USERS[:1])
    torch.manual_seed(3)
    (scores,) = module(rows)
    torch.manual_seed(3)
    kept = rows.normalized().dropped_out(0.5, True).values.numpy()
    assert set(np.round(kept * np.sqrt(N_ITEMS), 6)) == {0.0, 2.0}
    state = {k: v.detach().numpy() for k, v in module.state_dict().items()}
    hidden = np.tanh(kept @ state["first.weight"] + nodes_of(module)[0] + state["first.bias"])
    expected = np.tanh(hidden @ state["last.weight"].T + state["last.bias"])
    np.testing.assert_allclose(scores[0].detach(), expected, rtol=1e-6)


@pytest.mark.parametrize("likelihood", NLLS)
def test_the_loss_is_that_of_the_formula(likelihood):
    module = make(bounded=likelihood == "gaussian").eval()
    X, f = matrix(), oracle(module, matrix(), nodes_of(module), likelihood == "gaussian")
    terms = {
        "gaussian": np.where(X > 0, 2.0, 0.3) / 2 * (X - f) ** 2,
        "logistic": -X * log_expit(f) - (1 - X) * log_expit(-f),
        "multinomial": -X * log_softmax(f, axis=1),
    }
    loss = ELBO(NLLS[likelihood])(module(batch()), batch())
    assert loss.item() == pytest.approx(terms[likelihood].sum(axis=1).mean(), rel=1e-6)


def test_only_the_nodes_of_the_batch_get_a_gradient():
    module = make()
    ELBO(gaussian_nll)(module(batch()), batch()).backward()
    others = np.setdiff1d(np.arange(N_USERS), USERS)
    gradient = module.nodes.weight.grad
    assert (gradient[others] == 0).all()
    assert (gradient[USERS] != 0).any(dim=1).all()


def test_every_weight_gets_a_gradient():
    module = make()
    ELBO(gaussian_nll)(module(batch()), batch()).backward()
    for name, p in module.named_parameters():
        assert p.grad.abs().sum() > 0, name


def test_an_update_only_decays_other_nodes():
    module = make()
    before = module.nodes.weight.detach().clone()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, weight_decay=0.5)
    ELBO(gaussian_nll)(module(batch()), batch()).backward()
    optimizer.step()
    others = np.setdiff1d(np.arange(N_USERS), USERS)
    torch.testing.assert_close(module.nodes.weight.detach()[others], 0.95 * before[others])


def test_nodes_start_small_and_biases_at_zero():
    module = CDAE(2000, N_ITEMS, 20)
    assert module.nodes.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert not module.first.bias.any()
    assert not module.last.bias.any()
    assert module.first.weight.shape == (N_ITEMS, 20)
    assert module.last.weight.shape == (N_ITEMS, 20)


def test_the_numbers_of_users_stay_with_their_rows():
    rows = batch()
    assert rows.to("cpu") is rows
    assert rows.to("meta").numbers.device == rows.to("meta").values.device == torch.device("meta")
    assert rows.normalized().numbers.tolist() == USERS.tolist()
