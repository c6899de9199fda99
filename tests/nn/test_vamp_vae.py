"""Vamp and H+Vamp against NumPy written from the formulas of the paper."""

import numpy as np
import pytest
import torch
from scipy.special import expit, logsumexp
from scipy.stats import multivariate_normal, norm

from skrec.nn import (
    ELBO,
    HierarchicalVampVAE,
    VampVAE,
    gaussian_kl,
    gaussian_log_density,
    mixture_log_density,
    standard_normal_kl,
)

N_ITEMS, LATENT, K = 8, 3, 4
BOTH = pytest.mark.parametrize("cls", [VampVAE, HierarchicalVampVAE])


@pytest.fixture(params=[False, True], ids=["tanh", "gated"])
def gated(request):
    return request.param


def make(cls, gated=False, hidden_sizes=(6,), dropout=0.5):
    """Return a float64 module whose biases are not zero and whose rows differ."""
    torch.manual_seed(0)
    module = cls(N_ITEMS, hidden_sizes, LATENT, dropout, gated, K).double()
    with torch.no_grad():
        module.pseudo_inputs.uniform_(-0.3, 1.3)
        for name, p in module.named_parameters():
            if name.endswith("bias"):
                p.uniform_(-0.5, 0.5)
    return module


class Oracle:
    """The networks in NumPy, read from a module's state."""

    def __init__(self, module, gated):
        self.state = {k: v.detach().numpy() for k, v in module.state_dict().items()}
        self.gated = gated

    def units(self, h):
        if not self.gated:
            return np.tanh(h)
        a, b = np.split(h, 2, axis=1)
        return a * expit(b)

    def linear(self, h, name):
        return h @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    def encode(self, X, name, side=None):
        X = X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-300)
        h = X @ self.state[f"{name}.first.weight"] + self.state[f"{name}.first.bias"]
        h = h if side is None else h + side @ self.state[f"{name}.side.weight"].T
        return self.gaussian(self.linear(self.units(h), f"{name}.rest.1"))

    def gaussian(self, code):
        mean, log_variance = np.split(code, 2, axis=1)
        return mean, np.clip(log_variance, -12, 4)

    def first_prior(self, z2):
        h = self.units(self.linear(z2, "first_prior.0"))
        return self.gaussian(self.linear(h, "first_prior.2"))

    def decode(self, z):
        return self.linear(self.units(self.linear(z, "decoder.0")), "last")

    def log_prior(self, z):
        U = np.clip(self.state["pseudo_inputs"], 0, 1)
        means, log_variances = self.encode(U, "encoder")
        densities = [
            norm.logpdf(z, m, np.exp(s / 2)).sum(axis=1) for m, s in zip(means, log_variances)
        ]
        return logsumexp(densities, axis=0) - np.log(K)


def test_outside_training_codes_are_means(gated, to_rows, dense):
    module, hierarchy = make(VampVAE, gated).eval(), make(HierarchicalVampVAE, gated).eval()
    oracle = Oracle(module, gated)
    (logits,) = module(to_rows(dense))
    mean, _ = oracle.encode(dense, "encoder")
    np.testing.assert_allclose(logits.detach().numpy(), oracle.decode(mean), rtol=1e-9)
    oracle = Oracle(hierarchy, gated)
    z2, _ = oracle.encode(dense, "encoder")
    z1, _ = oracle.encode(dense, "first_encoder", z2)
    (logits,) = hierarchy(to_rows(dense))
    expected = oracle.decode(np.hstack([z1, z2]))
    np.testing.assert_allclose(logits.detach().numpy(), expected, rtol=1e-9)


def test_training_with_given_draws_is_the_formula(gated, to_rows, dense, monkeypatch):
    module = make(VampVAE, gated, dropout=0.0).train()
    noise = torch.from_numpy(np.random.RandomState(1).normal(size=(5, LATENT)))
    monkeypatch.setattr("skrec.nn.mult_vae.randn_like", lambda *args: noise)
    logits, divergence = (t.detach().numpy() for t in module(to_rows(dense)))
    oracle = Oracle(module, gated)
    mean, log_variance = oracle.encode(dense, "encoder")
    z = mean + noise.numpy() * np.exp(log_variance / 2)
    np.testing.assert_allclose(logits, oracle.decode(z), rtol=1e-9)
    log_q = norm.logpdf(z, mean, np.exp(log_variance / 2)).sum(axis=1)
    np.testing.assert_allclose(divergence, log_q - oracle.log_prior(z), rtol=1e-8, atol=1e-10)


def test_hierarchy_with_given_draws_is_the_formula(gated, to_rows, dense, monkeypatch):
    module = make(HierarchicalVampVAE, gated, dropout=0.0).train()
    noise = torch.from_numpy(np.random.RandomState(1).normal(size=(5, LATENT)))
    monkeypatch.setattr("skrec.nn.mult_vae.randn_like", lambda *args: noise)
    logits, divergence = (t.detach().numpy() for t in module(to_rows(dense)))
    oracle = Oracle(module, gated)
    m2, s2 = oracle.encode(dense, "encoder")
    z2 = m2 + noise.numpy() * np.exp(s2 / 2)
    m1, s1 = oracle.encode(dense, "first_encoder", z2)
    z1 = m1 + noise.numpy() * np.exp(s1 / 2)
    np.testing.assert_allclose(logits, oracle.decode(np.hstack([z1, z2])), rtol=1e-9)
    mp, sp = oracle.first_prior(z2)
    inner = 0.5 * (sp - s1 - 1 + (np.exp(s1) + (m1 - mp) ** 2) / np.exp(sp)).sum(axis=1)
    outer = norm.logpdf(z2, m2, np.exp(s2 / 2)).sum(axis=1) - oracle.log_prior(z2)
    np.testing.assert_allclose(divergence, inner + outer, rtol=1e-8, atol=1e-10)


@BOTH
def test_no_hidden_layer_is_linear(cls, to_rows, dense):
    module = make(cls, hidden_sizes=()).eval()
    names = [n for n, _ in module.named_parameters() if n.endswith("weight")]
    assert len(names) == {VampVAE: 2, HierarchicalVampVAE: 5}[cls]
    assert module(to_rows(dense))[0].shape == dense.shape


@BOTH
def test_draws_are_means_plus_noise(cls, to_rows, dense):
    module, rows = make(cls).eval(), to_rows(dense)
    mean, log_variance = module.posterior(rows)
    noise = torch.randn(module.noise_size, dtype=torch.float64)
    z = module.draw(rows, noise)
    assert z.shape == (5, module.noise_size)
    last = noise[-LATENT:]
    torch.testing.assert_close(z[:, -LATENT:], mean + last * (0.5 * log_variance).exp())
    assert not torch.allclose(z, module.draw(rows, 0 * noise))


@BOTH
def test_columns_on_request_are_those_of_the_full_logits(cls, gated, to_rows, dense):
    module, rows, items = make(cls, gated).eval(), to_rows(dense), torch.tensor([5, 0, 7])
    torch.testing.assert_close(module(rows, items)[0], module(rows)[0][:, items])


@BOTH
def test_every_weight_gets_a_gradient(cls, gated, to_rows, dense):
    module, rows, loss = make(cls, gated).train(), to_rows(dense), ELBO()
    loss.beta = 0.5
    loss(module(rows), rows).backward()
    assert [n for n, p in module.named_parameters() if p.grad is None or not p.grad.any()] == []


@BOTH
def test_elbo_takes_the_divergence_of_the_module(cls, to_rows, dense):
    module, rows, loss = make(cls).train(), to_rows(dense), ELBO()
    logits, divergence = module(rows)
    alone = loss((logits,), rows)
    loss.beta = 0.7
    torch.testing.assert_close(loss((logits, divergence), rows), alone + 0.7 * divergence.mean())


def test_pseudo_inputs_start_near_a_twentieth_and_stay_between_0_and_1():
    torch.manual_seed(0)
    module = VampVAE(500, (4,), LATENT, n_pseudo_inputs=40)
    start = module.pseudo_inputs.detach()
    assert start.shape == (40, 500)
    assert abs(start.mean() - 0.05) < 1e-3
    assert abs(start.std() - 0.01) < 1e-3
    with torch.no_grad():
        module.pseudo_inputs[0, :2] = torch.tensor([-1.0, 2.0])
    module.prior()
    assert module.pseudo_inputs[0, :2].tolist() == [0, 1]


def test_components_are_posteriors_of_the_pseudo_inputs(to_rows):
    module = make(VampVAE).eval()
    prior = module.prior()
    rows = to_rows(module.pseudo_inputs.detach().numpy())
    torch.testing.assert_close(prior, module.posterior(rows))


def test_log_variances_are_bounded(to_rows, dense):
    module = make(VampVAE).eval()
    with torch.no_grad():
        module.encoder.rest[1].bias[LATENT:] = torch.tensor([-100.0, 0, 100])
    _, log_variance = module.posterior(to_rows(dense))
    assert (log_variance[:, 0] == -12).all()
    assert (log_variance[:, 2] == 4).all()
    assert ((log_variance[:, 1] > -12) & (log_variance[:, 1] < 4)).all()


# densities


def mixture(dtype=np.float64, spread=1.0):
    rng = np.random.RandomState(0)
    z = rng.normal(size=(6, 5)) * 2
    means, log_variances = rng.normal(size=(7, 5)) * spread, rng.uniform(-6, 3, size=(7, 5))
    return [a.astype(dtype) for a in (z, means, log_variances)]


@pytest.mark.parametrize("weights", [None, np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05])])
def test_mixture_is_a_log_sum_exp_over_components(weights):
    z, means, log_variances = mixture()
    parts = [
        multivariate_normal(m, np.diag(np.exp(s))).logpdf(z) for m, s in zip(means, log_variances)
    ]
    w = np.full(7, 1 / 7) if weights is None else weights
    expected = logsumexp(np.array(parts).T, b=w, axis=1)
    log_weights = None if weights is None else torch.from_numpy(np.log(w))
    args = (torch.from_numpy(a) for a in (z, means, log_variances))
    np.testing.assert_allclose(mixture_log_density(*args, log_weights), expected, rtol=1e-10)


def test_mixture_far_from_all_components_is_finite():
    z, means, log_variances = (torch.from_numpy(a) for a in mixture())
    far = mixture_log_density(z + 1e3, means, log_variances)
    assert torch.isfinite(far).all()
    assert (far < -1e3).all()


def test_mixture_in_single_precision_far_from_the_origin_is_close():
    z, means, log_variances = mixture()
    args = (torch.from_numpy(a) for a in (z + 100, means + 100, log_variances))
    expected = mixture_log_density(*args)
    args = (torch.from_numpy(a).float() for a in (z + 100, means + 100, log_variances))
    torch.testing.assert_close(mixture_log_density(*args).double(), expected, rtol=1e-3, atol=1e-2)


def test_density_of_one_gaussian():
    z, means, log_variances = mixture()
    expected = norm.logpdf(z, means[:6], np.exp(log_variances[:6] / 2)).sum(axis=1)
    args = (torch.from_numpy(a) for a in (z, means[:6], log_variances[:6]))
    np.testing.assert_allclose(gaussian_log_density(*args), expected, rtol=1e-10)


def test_closed_form_from_a_standard_gaussian_and_from_itself():
    _, means, log_variances = (torch.from_numpy(a) for a in mixture())
    zero = torch.zeros_like(means)
    got = gaussian_kl(means, log_variances, zero, zero)
    torch.testing.assert_close(got, standard_normal_kl(means, log_variances))
    same = gaussian_kl(means, log_variances, means, log_variances)
    torch.testing.assert_close(same, torch.zeros(7, dtype=torch.float64), rtol=0, atol=1e-12)


def test_closed_form_is_the_mean_over_draws():
    _, means, log_variances = (torch.from_numpy(a) for a in mixture(spread=0.5))
    q, p = (means[:1], log_variances[:1] / 2), (means[1:2], log_variances[1:2] / 2)
    torch.manual_seed(0)
    z = q[0] + torch.randn(200_000, 5, dtype=torch.float64) * (q[1] / 2).exp()
    logs = gaussian_log_density(z, *q) - gaussian_log_density(z, *p)
    error = 5 * logs.std() / len(logs) ** 0.5
    assert abs(gaussian_kl(*q, *p).item() - logs.mean()) < error


def test_monte_carlo_divergence_under_one_standard_gaussian_is_the_closed_form(to_rows, dense):
    module = make(VampVAE, dropout=0.0).train()
    encoder, standard = module.encoder, torch.zeros(1, 2 * LATENT).double()
    with torch.no_grad():  # one component that is N(0, I), whatever the pseudo-input
        encoder.with_dense = lambda rows, pseudo_inputs: (encoder(rows), standard)
        rows = to_rows(np.repeat(dense[:1], 100_000, axis=0))
        _, divergence = module(rows)
        expected = standard_normal_kl(*module.posterior(to_rows(dense[:1]))).item()
    assert abs(divergence.mean() - expected) < 5 * divergence.std() / len(divergence) ** 0.5


def test_densities_pass_gradcheck():
    z, means, log_variances = (torch.from_numpy(a).requires_grad_() for a in mixture())
    short = [t[:, :2].detach().clamp(-2, 2).requires_grad_() for t in (z, means, log_variances)]
    # the centre is a constant that changes nothing, so that it needs no gradient
    assert torch.autograd.gradcheck(mixture_log_density, short)
    rows = [t[:6].detach().requires_grad_() for t in short]
    assert torch.autograd.gradcheck(gaussian_log_density, rows)
    assert torch.autograd.gradcheck(gaussian_kl, [*rows[1:], *rows[1:]])
