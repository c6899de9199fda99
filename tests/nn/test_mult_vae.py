"""Mult-VAE and Mult-DAE against NumPy written from the formulas of the paper."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.special import log_expit, log_softmax

from skrec.nn import (
    ELBO,
    MultDAE,
    MultVAE,
    gaussian_nll,
    logistic_nll,
    multinomial_nll,
    sample,
)

N_ITEMS = 8
HIDDEN = [(), (6,), (6, 5)]
LATENT = 3
NLLS = {
    "multinomial": multinomial_nll,
    "logistic": logistic_nll,
    "gaussian": partial(gaussian_nll, c1=2.0, c0=0.25),
}


@pytest.fixture(params=HIDDEN, ids=["0-hidden", "1-hidden", "2-hidden"])
def hidden_sizes(request):
    return request.param


def make(cls, hidden_sizes=(6,), dropout=0.5):
    """Return a float64 module whose biases are not zero."""
    torch.manual_seed(0)
    module = cls(N_ITEMS, hidden_sizes, LATENT, dropout).double()
    with torch.no_grad():
        for name, p in module.named_parameters():
            if name.endswith("bias"):
                p.uniform_(-0.5, 0.5)
    return module


def layers_of(module, part):
    """Return weights (n_in, n_out) and biases of the dense layers of a part, in order."""
    state = {k: v.detach().numpy() for k, v in module.state_dict().items()}
    weights = [k for k in state if k.startswith(part) and k.endswith("weight")]
    return [(state[k].T, state[k.replace("weight", "bias")]) for k in weights]


def numpy_encode(module, X):
    norms = np.sqrt((X**2).sum(axis=1, keepdims=True))
    h = np.divide(X, norms, out=np.zeros_like(X), where=norms > 0)
    state = {k: v.detach().numpy() for k, v in module.state_dict().items()}
    h = h @ state["encoder.first.weight"] + state["encoder.first.bias"]
    for weight, bias in layers_of(module, "encoder.rest"):
        h = np.tanh(h) @ weight + bias
    return h


def numpy_decode(module, z):
    h = z
    for weight, bias in layers_of(module, "decoder"):
        h = np.tanh(h @ weight + bias)
    (weight, bias), *none = layers_of(module, "last")
    assert not none
    return h @ weight + bias


def test_layers_have_the_sizes_of_the_paper(hidden_sizes):
    vae, dae = make(MultVAE, hidden_sizes), make(MultDAE, hidden_sizes)
    widths = [N_ITEMS, *hidden_sizes, 2 * LATENT]
    shapes = [vae.encoder.first.weight.shape, *(w.shape for w, _ in layers_of(vae, "encoder.rest"))]
    assert shapes == list(pairwise(widths))
    widths[-1] = LATENT
    shapes = [dae.encoder.first.weight.shape, *(w.shape for w, _ in layers_of(dae, "encoder.rest"))]
    assert shapes == list(pairwise(widths))
    for module in (vae, dae):
        shapes = [w.shape for p in ("decoder", "last") for w, _ in layers_of(module, p)]
        assert shapes == list(pairwise(widths[::-1]))


def test_vae_outside_training_is_the_formula(hidden_sizes, to_rows, dense):
    module = make(MultVAE, hidden_sizes).eval()
    logits, mean, log_variance = (t.detach().numpy() for t in module(to_rows(dense)))
    code = numpy_encode(module, dense)
    np.testing.assert_allclose(mean, code[:, :LATENT], rtol=1e-10)
    np.testing.assert_allclose(log_variance, code[:, LATENT:], rtol=1e-10)
    np.testing.assert_allclose(logits, numpy_decode(module, code[:, :LATENT]), rtol=1e-10)


def test_dae_outside_training_is_the_formula_with_a_tanh_on_the_code(hidden_sizes, to_rows, dense):
    module = make(MultDAE, hidden_sizes).eval()
    (logits,) = module(to_rows(dense))
    expected = numpy_decode(module, np.tanh(numpy_encode(module, dense)))
    np.testing.assert_allclose(logits.detach().numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize("cls", [MultVAE, MultDAE])
def test_columns_on_request_are_those_of_the_full_logits(cls, hidden_sizes, to_rows, dense):
    module, rows = make(cls, hidden_sizes).eval(), to_rows(dense)
    items = torch.tensor([5, 0, 5, 7])
    full, *posterior = module(rows)
    some, *same = module(rows, items)
    torch.testing.assert_close(some, full[:, items])
    torch.testing.assert_close(same, posterior)


@pytest.mark.parametrize("cls", [MultVAE, MultDAE])
def test_nothing_is_random_outside_training(cls, to_rows, dense):
    module, rows = make(cls).eval(), to_rows(dense)
    torch.testing.assert_close(module(rows), module(rows), rtol=0, atol=0)


@pytest.mark.parametrize("cls", [MultVAE, MultDAE])
def test_training_drops_entries_of_the_normalised_input_and_scales_the_rest(cls, to_rows):
    module, seen = make(cls, dropout=0.4).train(), []
    module.encoder.first.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    X = np.random.RandomState(0).uniform(0.5, 3, size=(2000, N_ITEMS))
    module(to_rows(X))
    values = seen[0].values.numpy().reshape(X.shape)
    kept = values != 0
    assert abs(kept.mean() - 0.6) < 0.02
    # normalised first: what is left of a row does not have norm 1 again
    expected = X / np.linalg.norm(X, axis=1, keepdims=True) / 0.6
    np.testing.assert_allclose(values[kept], expected[kept], rtol=1e-10)


def test_without_dropout_the_dae_is_not_random_in_training(to_rows, dense):
    module, rows = make(MultDAE, dropout=0.0), to_rows(dense)
    torch.testing.assert_close(module.train()(rows), module.eval()(rows))


def test_the_code_is_drawn_from_the_posterior_in_training(to_rows, dense):
    module, codes = make(MultVAE, hidden_sizes=(), dropout=0.0).train(), []
    module.last.register_forward_pre_hook(lambda _, args: codes.append(args[0].detach()))
    rows = to_rows(np.repeat(dense[:1], 20_000, axis=0))
    _, mean, log_variance = module(rows)
    deviation = (0.5 * log_variance[0]).exp().detach().numpy()
    noise = (codes[0] - mean).detach().numpy() / deviation
    assert np.abs(noise.mean(axis=0)).max() < 0.05
    assert np.abs(noise.std(axis=0) - 1).max() < 0.03
    assert np.abs(np.corrcoef(noise.T) - np.eye(LATENT)).max() < 0.05


def test_sample_shifts_and_scales_given_noise():
    mean = torch.tensor([[1.0, 2.0, 3.0]])
    log_variance = torch.tensor([[5.0, 0.0, float(np.log(9.0))]])
    got = sample(mean, log_variance, noise=torch.tensor([[0.0, 1.0, -2.0]]))
    torch.testing.assert_close(got, torch.tensor([[1.0, 3.0, -3.0]]))


@pytest.mark.parametrize("cls", [MultVAE, MultDAE])
def test_every_weight_gets_a_gradient(cls, hidden_sizes, to_rows, dense):
    module, rows, loss = make(cls, hidden_sizes).train(), to_rows(dense), ELBO()
    loss.beta = 0.5
    loss(module(rows), rows).backward()
    assert [n for n, p in module.named_parameters() if p.grad is None or not p.grad.any()] == []


def oracle_nll(likelihood, f, x):
    if likelihood == "multinomial":
        return -(x * log_softmax(f, axis=1)).sum(axis=1)
    if likelihood == "logistic":
        return -(x * log_expit(f) + (1 - x) * log_expit(-f)).sum(axis=1)
    return (np.where(x > 0, 2.0, 0.25) / 2 * (x - f) ** 2).sum(axis=1)


@pytest.mark.parametrize("likelihood", NLLS)
@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_elbo_is_the_mean_of_likelihood_and_weighted_divergence(likelihood, beta, to_rows, dense):
    module, rows = make(MultVAE).eval(), to_rows(dense)
    criterion = ELBO(NLLS[likelihood])
    criterion.beta = beta
    got = criterion(module(rows), rows).item()
    code = numpy_encode(module, dense)
    mean, log_variance = code[:, :LATENT], code[:, LATENT:]
    kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)
    nll = oracle_nll(likelihood, numpy_decode(module, mean), dense)
    assert got == pytest.approx((nll + beta * kl).mean(), rel=1e-10)


@pytest.mark.parametrize("likelihood", NLLS)
def test_elbo_of_a_model_without_posterior_is_the_likelihood(likelihood, to_rows, dense):
    module, rows = make(MultDAE).eval(), to_rows(dense)
    criterion = ELBO(NLLS[likelihood])
    criterion.beta = 1.0
    logits = numpy_decode(module, np.tanh(numpy_encode(module, dense)))
    expected = oracle_nll(likelihood, logits, dense).mean()
    assert criterion(module(rows), rows).item() == pytest.approx(expected, rel=1e-10)


def test_elbo_without_annealing_has_no_divergence():
    assert ELBO().beta == 0


def test_elbo_is_multinomial_unless_told_otherwise():
    assert ELBO().nll is multinomial_nll


def test_dense_layers_start_as_xavier_with_zero_bias():
    torch.manual_seed(0)
    module = MultVAE(300, (100,), 40)
    weights = {n: p for n, p in module.named_parameters() if n.endswith("weight")}
    assert len(weights) == 4
    for weight in weights.values():
        bound = np.sqrt(6 / sum(weight.shape))
        assert 0.95 * bound < weight.abs().max() <= bound
    assert not any(p.any() for n, p in module.named_parameters() if n.endswith("bias"))
