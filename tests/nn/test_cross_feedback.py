"""Encoders with cross feedback against NumPy written from eq. 7 to 10 of the paper."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.special import expit, softmax

from skrec.nn import CrossFeedbackVAE, NestedBatch, RatingELBO, SideEncoder
from skrec.nn.cross_feedback import LatentLinear
from skrec.training import sparse_rows

N_USERS, N_ITEMS, K = 7, 5, 3


def ratings(n_rows=N_USERS, n_columns=N_ITEMS, density=0.6, seed=0):
    """Return ratings of a mean near zero, with an empty row."""
    rng = np.random.default_rng(seed)
    X = np.where(rng.random((n_rows, n_columns)) < density, rng.normal(size=(n_rows, n_columns)), 0)
    X[0] = 0
    return X


def rows_of(X):
    rows = sparse_rows(sp.csr_matrix(X))
    return replace(rows, values=torch.from_numpy(X[X != 0]))


def state_of(module):
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


def shaken(module):
    """Set every weight to a value of its own, so that no term is zero by chance."""
    torch.manual_seed(3)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return module


class Oracle:
    """One side's encoder, the latent input built as a dense matrix."""

    def __init__(self, encoder, parts, **options):
        self.state = state_of(encoder)
        self.parts = parts  # whether ratings and embeddings are read
        self.options = {"over": "rated", "merge": "concat", "weights": "softmax", **options}

    def layer(self, x, name, relu):
        x = x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]
        return np.maximum(x, 0) if relu else x

    def inputs(self, X, V):
        """Return eq. 8's inputs: ratings, and masked embeddings side by side."""
        mask = (X != 0).astype(float)
        root = np.sqrt(np.maximum(mask.sum(axis=1, keepdims=True), 1))
        Z = np.stack([np.concatenate([m * v for m, v in zip(row, V)]) for row in mask])
        return X / root, Z / root

    def hidden(self, X, V, which):
        """Return H and G after all their layers, joined."""
        joined = []
        names = [name for name, there in zip(("data", "latent"), self.parts) if there]
        for branch, name in enumerate(names):
            x = dict(zip(("data", "latent"), self.inputs(X, V)))[name]
            W = self.state[f"{name}.weight"].reshape(x.shape[1], -1)
            h = np.split(x @ W + self.state[f"{name}.bias"], 2, axis=1)[which == "variance"]
            h = np.maximum(h, 0)
            joined.append(self.layer(h, f"{which}.branches.{branch}.1", relu=True))
        return np.concatenate(joined, axis=1)

    def attend(self, mu, X, V, which):
        theta = self.state[f"{which}.attention.theta"]
        out = np.zeros_like(mu)
        for i, row in enumerate(X):
            own = V[row != 0] if self.options["over"] == "rated" else V
            if len(own) == 0:
                continue
            scores = np.array([mu[i] @ theta @ v for v in own])
            a = softmax(scores) if self.options["weights"] == "softmax" else scores / scores.sum()
            out[i] = sum(weight * v for weight, v in zip(a, own))
        if self.options["merge"] == "add":
            return mu + out
        return self.layer(np.concatenate([mu, out], axis=1), f"{which}.attention.merge", False)

    def posterior(self, X, V, on="both"):
        mean = self.layer(self.hidden(X, V, "mean"), "mean.fusion.0", False)
        logit = self.layer(self.hidden(X, V, "variance"), "variance.fusion.0", False)
        if on is None:
            return mean, expit(logit)
        mean = self.attend(mean, X, V, "mean")
        if on == "means":
            return mean, expit(logit)
        if on == "logits":
            return mean, expit(self.attend(logit, X, V, "variance"))
        return mean, expit(4 * self.attend(expit(logit), X, V, "variance") - 2)


def make(attention="rated", data_input=True, latent_input="concat", **options):
    torch.manual_seed(0)
    encoder = SideEncoder(
        N_ITEMS, K, (6,), 4, (), data_input, latent_input, attention, **options
    ).double()
    return shaken(encoder)


@pytest.mark.parametrize("attention", ["rated", "all", None])
@pytest.mark.parametrize("merge", ["concat", "add"])
@pytest.mark.parametrize("on", ["both", "logits", "means"])
def test_posteriors_are_those_of_the_paper(attention, merge, on):
    encoder = make(attention, merge=merge, attention_on=on)
    X, V = ratings(), np.random.default_rng(1).normal(size=(N_ITEMS, K))
    oracle = Oracle(encoder, (True, True), over=attention, merge=merge)
    expected = oracle.posterior(X, V, attention and on)
    answer = encoder(rows_of(X), torch.from_numpy(V))
    for part, other in zip(answer, expected, strict=True):
        np.testing.assert_allclose(part.detach(), other, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("parts", [(True, False), (False, True)], ids=["data", "latent"])
def test_parts_can_be_left_out(parts):
    encoder = make(None, data_input=parts[0], latent_input="concat" if parts[1] else None)
    X, V = ratings(), np.random.default_rng(1).normal(size=(N_ITEMS, K))
    expected = Oracle(encoder, parts).posterior(X, V, on=None)
    answer = encoder(rows_of(X), torch.from_numpy(V))
    for part, other in zip(answer, expected, strict=True):
        np.testing.assert_allclose(part.detach(), other, rtol=1e-6, atol=1e-9)


def test_the_mean_of_embeddings_can_be_read():
    encoder = make(None, data_input=False, latent_input="mean")
    X, V = ratings(), np.random.default_rng(1).normal(size=(N_ITEMS, K))
    oracle = Oracle(encoder, (False, True))
    mask = X != 0
    mean = mask @ V / np.maximum(mask.sum(axis=1, keepdims=True), 1)
    h = np.maximum(oracle.layer(mean, "latent.linear", False)[:, :6], 0)
    expected = oracle.layer(oracle.layer(h, "mean.branches.0.1", True), "mean.fusion.0", False)
    answer, _ = encoder(rows_of(X), torch.from_numpy(V))
    np.testing.assert_allclose(answer.detach(), expected, rtol=1e-6)


def test_the_latent_input_need_not_be_built():
    # a 500 x 500 corner: the dense input has 500 * 25 columns
    n, n_factors, width = 500, 25, 50
    X = sp.random(n, n, 0.05, format="csr", random_state=0, dtype=np.float32)
    torch.manual_seed(0)
    layer, V = LatentLinear(n, n_factors, width, parts=2), torch.randn(n, n_factors)
    mask = torch.from_numpy((X.toarray() != 0).astype(np.float32))
    mask = mask / mask.sum(dim=1, keepdim=True).clamp(min=1).sqrt()
    Z = (mask[:, :, None] * V).flatten(1)  # (n, n * n_factors)
    weight = layer.weight.detach().flatten(0, 1).requires_grad_()
    target = torch.randn(n, 2 * width)
    naive, ours = Z @ weight, layer(sparse_rows(X), V)
    np.testing.assert_allclose(ours.detach(), naive.detach(), atol=1e-5)
    (naive - target).square().mean().backward()
    (ours - target).square().mean().backward()
    grad = layer.weight.grad.flatten(0, 1)
    np.testing.assert_allclose(grad, weight.grad, atol=1e-5)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return shaken(CrossFeedbackVAE(N_USERS, N_ITEMS, K, hidden_sizes=(6,), joined_size=4).double())


def whole_batch(X):
    user, item = np.nonzero(X)
    pairs = [torch.from_numpy(part) for part in (user, item, X[user, item])]
    return NestedBatch(rows_of(X), rows_of(X.T), *pairs, n_expected=float(len(user)))


def test_the_bound_is_eq_7(model):
    X = ratings()
    torch.manual_seed(7)
    loss = RatingELBO(0.3, 0.7)(model(whole_batch(X)), whole_batch(X))
    torch.manual_seed(7)  # the same draws
    total, embeddings = 0.0, []
    for encoder, rows, read, beta in (
        (model.users, X, model.item_embeddings, 0.3),
        (model.items, X.T, model.user_embeddings, 0.7),
    ):
        oracle = Oracle(encoder, (True, True))
        mean, variance = oracle.posterior(rows, read.numpy())
        embeddings.append(
            mean + torch.randn(mean.shape, dtype=torch.float64).numpy() * variance**0.5
        )
        total += beta * 0.5 * np.sum(variance + mean**2 - 1 - np.log(variance))
    s = np.exp(model.log_noise.item())
    seen = X != 0
    error = (X - embeddings[0] @ embeddings[1].T)[seen]
    total += np.sum(error**2 / (2 * s**2) + np.log(s))
    np.testing.assert_allclose(loss.item(), total / seen.sum(), rtol=1e-6)


def test_the_batches_of_a_pass_add_up_to_the_bound(model):
    from skrec.training import NestedBatches

    X = sp.csr_matrix(ratings().astype(np.float32))
    model = model.float()
    for encoder in (model.users, model.items):  # no noise, so that passes can be compared
        encoder.variance.attention = None
        torch.nn.init.constant_(encoder.variance.fusion[-1].bias, -1e3)
    criterion = RatingELBO(0.3, 0.7)
    losses = []
    for sizes in ((N_USERS, N_ITEMS), (3, 2)):
        batches = NestedBatches(X, *sizes, np.random.RandomState(0))
        values = [criterion(model(batch), batch).item() for batch, _ in batches]
        losses.append(np.mean(values))
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)


def test_a_side_may_stay_as_it_is(model):
    X = ratings()
    user, item = np.nonzero(X)
    pairs = [torch.from_numpy(part) for part in (user, item, X[user, item])]
    predicted, _, divergence, _ = model(NestedBatch(rows_of(X), None, *pairs))
    assert divergence == 0
    predicted.sum().backward()
    assert all(p.grad is None for p in model.items.parameters())
    assert any(p.grad is not None for p in model.users.parameters())


def test_clipped_embeddings_are_not_negative():
    torch.manual_seed(0)
    model = CrossFeedbackVAE(N_USERS, N_ITEMS, K, clip=True)
    assert (model.user_embeddings >= 0).all()
    drawn = model.draw(torch.zeros(50, K), torch.ones(50, K))
    assert (drawn >= 0).all()
    assert (drawn == 0).any()


@pytest.mark.parametrize("n_factors", [1, 4])
def test_variances_are_positive(n_factors):
    encoder = SideEncoder(N_ITEMS, n_factors)
    torch.nn.init.constant_(encoder.variance.fusion[-1].bias, -1e4)
    mean, variance = encoder(sparse_rows(sp.csr_matrix(ratings())), torch.zeros(N_ITEMS, n_factors))
    assert mean.shape == (N_USERS, n_factors)
    assert (variance > 0).all()
    assert (variance < 1).all()


@pytest.mark.parametrize(
    ("on", "least"), [("both", expit(-2)), ("logits", expit(-8)), ("means", expit(-8))]
)
def test_variances_that_attend_can_be_as_small_as_others(on, least):
    encoder = SideEncoder(N_ITEMS, K, merge="add", attention_on=on)
    last = encoder.variance.fusion[-1]
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.constant_(last.bias, -8)
    _, variance = encoder(sparse_rows(sp.csr_matrix(ratings())), torch.zeros(N_ITEMS, K))
    np.testing.assert_allclose(variance.detach(), least, rtol=2e-3)


def test_where_only_means_attend_nothing_of_the_variances_is_left_of_it():
    names = {name for name, _ in make("rated", attention_on="means").named_parameters()}
    assert "mean.attention.theta" in names
    assert not any(name.startswith("variance.attention") for name in names)
