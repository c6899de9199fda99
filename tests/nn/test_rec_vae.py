"""RecVAE against NumPy written from the formulas of the paper."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, log_softmax, logsumexp
from scipy.stats import norm

from skrec.nn import (
    EncodedRows,
    RecVAE,
    UserScaledELBO,
    composite_log_density,
    gaussian_log_density,
    sample,
    standard_normal_kl,
)

N_ITEMS, HIDDEN, LATENT = 8, 6, 3


def make(dropout=0.5):
    """Return a float64 module whose biases are not zero and whose norms differ."""
    torch.manual_seed(0)
    module = RecVAE(N_ITEMS, HIDDEN, LATENT, dropout).double()
    with torch.no_grad():
        for name, p in module.named_parameters():
            if name.endswith("bias") or ".norms." in name:
                p.uniform_(0.2, 1.5)
    return module


def old_posterior(n_rows):
    """Return means and log-variances that belong to no encoder."""
    generator = torch.Generator().manual_seed(1)
    shape = (2, n_rows, LATENT)
    return torch.randn(shape, generator=generator, dtype=torch.float64).unbind()


def to_batch(rows, updates):
    return EncodedRows(rows, *old_posterior(len(rows)), updates)


# the formulas


def normalise(X):
    norms = np.sqrt((X**2).sum(axis=1, keepdims=True))
    return np.divide(X, norms, out=np.zeros_like(X), where=norms > 0)


def numpy_encode(module, X):
    """Return mean and log-variance of rows that are normalised already."""
    state = {k: v.detach().numpy() for k, v in module.state_dict().items()}

    def layer_norm(h, number):
        centred = h - h.mean(axis=1, keepdims=True)
        h = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 0.1)
        return h * state[f"encoder.norms.{number}.weight"] + state[f"encoder.norms.{number}.bias"]

    a = X @ state["encoder.first.weight"] + state["encoder.first.bias"]
    outputs = [layer_norm(a * expit(a), 0)]
    for number in range(4):
        weight = state[f"encoder.layers.{number}.weight"]
        a = outputs[-1] @ weight.T + state[f"encoder.layers.{number}.bias"] + sum(outputs)
        outputs.append(layer_norm(a * expit(a), number + 1))
    code = outputs[-1] @ state["encoder.code.weight"].T + state["encoder.code.bias"]
    return np.split(code, 2, axis=1)


def numpy_decode(module, z):
    return z @ module.last.weight.detach().numpy().T + module.last.bias.detach().numpy()


def log_normal(z, mean, log_variance):
    return norm.logpdf(z, mean, np.exp(log_variance / 2))


def numpy_log_prior(z, mean, log_variance, weights=(0.15, 0.75, 0.1)):
    """Return the logarithm of the composite prior's density, one value a row."""
    components = [log_normal(z, 0, 0), log_normal(z, mean, log_variance), log_normal(z, 0, 10)]
    return logsumexp(components, axis=0, b=np.reshape(weights, (3, 1, 1))).sum(axis=1)


# the network


def test_the_posterior_is_that_of_five_densely_connected_layers(to_rows, dense):
    module = make()
    assert len(module.encoder.norms) == 5
    for training in (True, False):  # no dropout in it, also in training
        got = module.train(training).posterior(to_rows(dense))
        for part, expected in zip(got, numpy_encode(module, normalise(dense)), strict=True):
            np.testing.assert_allclose(part.detach().numpy(), expected, rtol=1e-10)


def test_rows_are_scored_by_their_means(to_rows, dense):
    module = make()
    (logits,) = module.eval()(to_rows(dense))
    mean, _ = numpy_encode(module, normalise(dense))
    np.testing.assert_allclose(logits.detach().numpy(), numpy_decode(module, mean), rtol=1e-10)


def test_columns_on_request_are_those_of_the_full_logits(to_rows, dense):
    module, rows, items = make().eval(), to_rows(dense), torch.tensor([5, 0, 5, 7])
    torch.testing.assert_close(module(rows, items)[0], module(rows)[0][:, items])


def test_draws_are_posterior_means_and_scaled_noise(to_rows, dense):
    module, rows = make().eval(), to_rows(dense)
    mean, log_variance = numpy_encode(module, normalise(dense))
    noise = torch.tensor([0.0, 1.0, -2.0], dtype=torch.float64)
    expected = mean + np.exp(log_variance / 2) * noise.numpy()
    np.testing.assert_allclose(module.draw(rows, noise).detach().numpy(), expected, rtol=1e-10)


def test_layers_start_as_xavier_with_zero_bias():
    torch.manual_seed(0)
    module = RecVAE(300, 100, 40)
    named = [(n, p) for n, p in module.named_parameters() if ".norms." not in n]
    weights = [p for n, p in named if n.endswith("weight")]
    assert len(weights) == 7
    for weight in weights:
        bound = np.sqrt(6 / sum(weight.shape))
        assert 0.95 * bound < weight.abs().max() <= bound
    assert not any(p.any() for n, p in named if n.endswith("bias"))


# the prior


@settings(max_examples=25)
@given(st.integers(0, 2**31 - 1), st.floats(0.1, 5))
def test_the_composite_prior_is_a_mixture_of_three_in_each_coordinate(seed, scale):
    z, mean, log_variance = np.random.RandomState(seed).normal(scale=scale, size=(3, 7, LATENT))
    got = composite_log_density(*(torch.from_numpy(part) for part in (z, mean, log_variance)))
    np.testing.assert_allclose(got.numpy(), numpy_log_prior(z, mean, log_variance), rtol=1e-10)


def test_the_divergence_tends_to_the_closed_form_under_the_standard_gaussian_alone():
    torch.manual_seed(0)
    mean, log_variance = torch.tensor([[0.5, -1.0, 0.0]]), torch.tensor([[-1.0, 0.3, -0.5]])
    z = sample(mean, log_variance, torch.randn(200_000, LATENT))
    log_prior = composite_log_density(z, mean, log_variance, weights=(1.0, 0.0, 0.0))
    draws = gaussian_log_density(z, mean, log_variance) - log_prior
    error = draws.std().item() / np.sqrt(len(z))
    expected = standard_normal_kl(mean, log_variance).item()
    assert abs(draws.mean().item() - expected) < 4 * error < 0.02


def test_nothing_diverges_from_the_posterior_that_is_the_whole_prior():
    mean, log_variance = old_posterior(5)
    z = sample(mean, log_variance)
    log_prior = composite_log_density(z, mean, log_variance, weights=(0.0, 1.0, 0.0))
    torch.testing.assert_close(log_prior, gaussian_log_density(z, mean, log_variance))


# the two kinds of update


@pytest.fixture
def noise(monkeypatch):
    """Make the draws of codes known, and return them."""
    noise = torch.randn(5, LATENT, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    monkeypatch.setattr("skrec.nn.mult_vae.randn_like", lambda like: noise)
    return noise.numpy()


@pytest.mark.parametrize("gamma", [0.0, 0.005, 0.3])
def test_the_encoders_loss_is_the_formula(gamma, to_rows, dense, noise):
    module, rows = make(dropout=0.0).train(), to_rows(dense)
    output = module(to_batch(rows, "encoder"))
    mean, log_variance = numpy_encode(module, normalise(dense))
    z = mean + np.exp(log_variance / 2) * noise
    old = [part.numpy() for part in old_posterior(5)]
    divergence = log_normal(z, mean, log_variance).sum(axis=1) - numpy_log_prior(z, *old)
    np.testing.assert_allclose(output[1].detach().numpy(), divergence, rtol=1e-8)
    nll = -(dense * log_softmax(numpy_decode(module, z), axis=1)).sum(axis=1)
    expected = (nll + gamma * dense.sum(axis=1) * divergence).mean()
    assert UserScaledELBO(gamma)(output, rows).item() == pytest.approx(expected, rel=1e-8)


def test_the_decoders_loss_is_the_likelihood_of_draws_from_given_posteriors(to_rows, dense, noise):
    module, rows = make().train(), to_rows(dense)
    output = module(to_batch(rows, "decoder"))
    mean, log_variance = (part.numpy() for part in old_posterior(5))
    logits = numpy_decode(module, mean + np.exp(log_variance / 2) * noise)
    expected = -(dense * log_softmax(logits, axis=1)).sum(axis=1).mean()
    assert UserScaledELBO(gamma=1.0)(output, rows).item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("updates", ["encoder", "decoder"])
def test_gradients_reach_every_weight_of_one_part_alone(updates, to_rows, dense):
    module, rows = make(dropout=0.2).train(), to_rows(dense)
    UserScaledELBO(0.1)(module(to_batch(rows, updates)), rows).backward()
    reached = {n for n, p in module.named_parameters() if p.grad is not None and p.grad.any()}
    none = {n for n, p in module.named_parameters() if p.grad is None}
    encoder = {n for n, _ in module.named_parameters() if n.startswith("encoder.")}
    decoder = {"last.weight", "last.bias"}
    assert reached == (encoder if updates == "encoder" else decoder)
    assert none == (decoder if updates == "encoder" else encoder)


def test_the_encoder_reads_corrupted_rows_in_its_updates_alone(to_rows):
    module, seen = make(dropout=0.4).train(), []
    module.encoder.first.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    X = np.random.RandomState(0).uniform(0.5, 3, size=(2000, N_ITEMS))
    rows = to_rows(X)
    module(to_batch(rows, "decoder"))
    assert not seen
    module(to_batch(rows, "encoder"))
    module.posterior(rows)
    corrupted, clean = (part.values.numpy().reshape(X.shape) for part in seen)
    np.testing.assert_allclose(clean, normalise(X), rtol=1e-10)
    kept = corrupted != 0
    assert abs(kept.mean() - 0.6) < 0.02
    np.testing.assert_allclose(corrupted[kept], normalise(X)[kept] / 0.6, rtol=1e-10)


def test_a_batch_has_a_length_and_moves_as_a_whole(to_rows, dense):
    batch = to_batch(to_rows(dense), "decoder")
    moved = batch.to("meta")
    assert len(batch) == 5
    assert moved.updates == "decoder"
    parts = (moved.rows.values, moved.mean, moved.log_variance)
    assert {part.device.type for part in parts} == {"meta"}
