"""AutoRec, and the autoencoders of ratings, against NumPy written from their formulas."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from skrec.nn import (
    AutoRec,
    ObservedELBO,
    RatingDAE,
    RatingVAE,
    SparseRows,
    observed_nll,
    stored_products,
)

N_ITEMS = 8
LOW, HIGH, MEAN = -2.0, 3.0, 0.75
SCALE = {"low": LOW, "high": HIGH, "mean": MEAN}
HIDDEN = [(), (6,), (6, 5)]
CLASSES = [AutoRec, RatingVAE, RatingDAE]


@pytest.fixture
def ratings():
    """Return ratings from -2 to 3, NaN where there is none; row 2 is empty, row 4 is full."""
    rng = np.random.RandomState(0)
    R = rng.randint(LOW, HIGH + 1, size=(5, N_ITEMS)).astype(float)
    R[rng.uniform(size=R.shape) < 0.5] = np.nan
    R[2] = np.nan
    R[4] = np.arange(N_ITEMS) % 6 - 2
    return R


def rows_of(R):
    """Return the batch of the ratings that are not NaN; some are 0."""
    row, column = np.nonzero(~np.isnan(R))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(R)))])
    return SparseRows(*(torch.from_numpy(part) for part in (column, offsets, R[row, column])))


def make(cls, hidden_sizes=(6,), **options):
    """Return a float64 module whose biases are not zero."""
    torch.manual_seed(0)
    options = {"dropout": 0.5, **SCALE, **options}
    module = cls(N_ITEMS, hidden_sizes, 3, **options).double()
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


def first_layer(layer, X):
    return X @ layer.weight.detach().numpy() + layer.bias.detach().numpy()


def inputs(R, shift, normalize=True):
    X = np.where(np.isnan(R), 0, (R - LOW) / (HIGH - LOW) + shift)
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(norms > 0, norms, 1) if normalize else X


def auto_rec(module, R, shift, normalize):
    """Return low + (high - low) sigma(W f(... f(V x + mu)) + b), f = max(0, .)."""
    h = first_layer(module.first, inputs(R, shift, normalize))
    for weight, bias in [*layers_of(module, "rest"), *layers_of(module, "last")]:
        h = np.maximum(h, 0) @ weight + bias
    return LOW + (HIGH - LOW) * expit(h)


def encoded(module, R):
    h = first_layer(module.encoder.first, inputs(R, 0.25))
    for weight, bias in layers_of(module, "encoder.rest"):
        h = np.tanh(h) @ weight + bias
    return h


def decoded(module, R, z):
    """Return the user's mean, with five ratings at that of all, and the deviations of the code."""
    for weight, bias in layers_of(module, "decoder"):
        z = np.tanh(z @ weight + bias)
    (weight, bias), *none = layers_of(module, "last")
    assert not none
    mean = (np.nansum(R, axis=1) + 5 * MEAN) / ((~np.isnan(R)).sum(axis=1) + 5)
    return mean[:, None] + (HIGH - LOW) * (z @ weight + bias)


def oracle(module, R):
    if isinstance(module, AutoRec):
        return auto_rec(module, R, module.shift, module.normalize)
    code = encoded(module, R)
    z = np.tanh(code) if isinstance(module, RatingDAE) else code[:, :3]
    return decoded(module, R, z)


# ratings


@pytest.mark.parametrize("hidden_sizes", HIDDEN, ids=["0-hidden", "1-hidden", "2-hidden"])
@pytest.mark.parametrize("cls", CLASSES)
def test_ratings_are_those_of_the_formula(cls, hidden_sizes, ratings):
    module = make(cls, hidden_sizes).eval()
    predicted, *_ = module(rows_of(ratings))
    np.testing.assert_allclose(predicted.detach(), oracle(module, ratings), rtol=1e-6)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("shift", [0.25, -0.5, 0.0])
def test_what_auto_rec_reads(shift, normalize, ratings):
    module = make(AutoRec, shift=shift, normalize=normalize).eval()
    ratings[3] = np.where(np.isnan(ratings[3]), np.nan, (LOW + HIGH) / 2)  # zeros at shift -1/2
    (predicted,) = module(rows_of(ratings))
    np.testing.assert_allclose(predicted.detach(), oracle(module, ratings), rtol=1e-6)


def test_the_posterior_is_what_the_encoder_gives(ratings):
    module = make(RatingVAE).eval()
    _, mean, log_variance = module(rows_of(ratings))
    code = np.hstack([mean.detach(), log_variance.detach()])
    np.testing.assert_allclose(code, encoded(module, ratings), rtol=1e-6)


def test_a_draw_of_the_code_gives_deviations_from_the_mean(ratings):
    module, rows = make(RatingVAE).eval(), rows_of(ratings)
    noise = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    drawn = module.decode(module.draw(rows, noise)) + module.means(rows)[:, None]
    mean, log_variance = np.split(encoded(module, ratings), 2, axis=1)
    z = mean + noise.numpy() * np.exp(log_variance / 2)
    np.testing.assert_allclose(drawn.detach(), decoded(module, ratings, z), rtol=1e-6)


@pytest.mark.parametrize("cls", CLASSES)
def test_some_items_and_some_entries_are_rated_as_all_are(cls, ratings):
    module, rows = make(cls).eval(), rows_of(ratings)
    every, *_ = module(rows)
    some, *_ = module(rows, torch.tensor([5, 2]))
    torch.testing.assert_close(some, every[:, [5, 2]])
    wanted = rows_of(np.where(np.eye(5, N_ITEMS) > 0, 1.0, np.nan)[::-1].copy())
    entries, *_ = module(rows, at=wanted)
    torch.testing.assert_close(entries, every[wanted.row, wanted.indices])


@pytest.mark.parametrize("cls", CLASSES)
def test_training_rates_the_stored_entries_of_rows_with_entries_dropped(cls, ratings):
    module, rows = make(cls).train(), rows_of(ratings)
    torch.manual_seed(3)
    predicted, *_ = module(rows)
    assert predicted.shape == rows.values.shape
    torch.manual_seed(3)
    kept = module.corrupt(rows).values
    read = inputs(ratings, 0.25)[rows.row, rows.indices]
    assert set(np.unique(np.round(kept.numpy() / read, 6))) == {0.0, 2.0}
    # the module that reads just that, without dropping more, and the same noise
    module.corrupt = lambda _: SparseRows(rows.indices, rows.offsets, kept)
    expected, *_ = module.eval()(rows, at=rows)
    if cls is not RatingVAE:
        torch.testing.assert_close(predicted, expected)


def test_the_scale_of_equal_ratings_has_width_one():
    module = AutoRec(N_ITEMS, low=3.0, high=3.0, mean=3.0)
    assert module.span == 1
    module.set_scale(1.0, 5.0, 3.5)
    assert (module.low, module.span, module.mean) == (1, 4, 3.5)


def test_outputs_of_the_codes_start_small_and_biases_at_zero():
    for cls in (RatingVAE, RatingDAE):
        module = cls(400, (), 100)
        limit = 0.1 * np.sqrt(6 / 500)
        assert module.last.weight.abs().max().item() == pytest.approx(limit, rel=0.01)
        assert not module.last.bias.any()
    assert AutoRec(400).last.weight.abs().max().item() == pytest.approx(np.sqrt(6 / 500), rel=0.01)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_weight_gets_a_gradient(cls, ratings):
    module, rows = make(cls), rows_of(ratings)
    criterion = ObservedELBO(span=HIGH - LOW)
    criterion.beta = 0.1
    criterion(module(rows), rows).backward()
    for name, p in module.named_parameters():
        assert p.grad.abs().sum() > 0, name


# losses


def test_the_loss_is_that_of_the_formula(ratings):
    module, rows = make(RatingVAE).eval(), rows_of(ratings)
    criterion = ObservedELBO(span=HIGH - LOW)
    criterion.beta = 0.3
    predicted, *posterior = module(rows, at=rows)
    squares = np.nansum(((ratings - oracle(module, ratings)) / 5) ** 2, axis=1) / 2
    mean, log_variance = np.split(encoded(module, ratings), 2, axis=1)
    divergence = 0.5 * (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(axis=1)
    loss = criterion((predicted, *posterior), rows).item()
    assert loss == pytest.approx((squares + 0.3 * divergence).mean(), rel=1e-6)
    assert criterion((predicted,), rows).item() == pytest.approx(squares.mean(), rel=1e-6)


def test_zeros_that_are_stored_are_ratings():
    rows = rows_of(np.array([[0.0, np.nan, 2.0], [np.nan] * 3]))
    loss = observed_nll(torch.tensor([3.0, 1.0], dtype=torch.float64), rows)
    assert loss.tolist() == [5.0, 0.0]


# products at stored entries


def dense_products(hidden, weight, rows):
    return (hidden @ weight.T)[rows.row, rows.indices]


@pytest.mark.parametrize("fixed", [False, True])
def test_stored_products_and_their_gradients_are_those_of_dense_ones(fixed, ratings):
    rng = np.random.RandomState(0)
    hidden = torch.tensor(rng.normal(size=(5, 3)), requires_grad=True)
    weight = torch.tensor(rng.normal(size=(N_ITEMS, 3)), requires_grad=not fixed)
    rows, given = rows_of(ratings), [hidden] if fixed else [hidden, weight]
    factor = torch.arange(1.0, len(rows.indices) + 1, dtype=torch.float64)
    answers = []
    for function in (stored_products, dense_products):
        products = function(hidden, weight, rows)
        answers.append([products, *torch.autograd.grad((factor * products).sum(), given)])
    torch.testing.assert_close(*answers)


def test_stored_products_of_empty_rows():
    rows = rows_of(np.full((2, N_ITEMS), np.nan))
    hidden = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.ones(N_ITEMS, 3, dtype=torch.float64, requires_grad=True)
    products = stored_products(hidden, weight, rows)
    assert products.shape == (0,)
    products.sum().backward()
    assert not hidden.grad.any()
    assert not weight.grad.any()
