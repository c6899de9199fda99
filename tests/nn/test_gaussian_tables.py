"""Variances of free parameters, and tables of Gaussians at the start."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skrec.nn import make_gaussian_table, variance_of
from skrec.nn.gaussian import split_gaussian

FLOOR = 1e-4


def numpy_gaussian(vector):
    """Return mean and variance by the formula."""
    mean, raw = np.split(np.asarray(vector, dtype=np.float64), 2)
    variance = [r + 1 if r > 0 else np.exp(r) for r in raw]
    return mean, np.array(variance) + FLOOR


def test_variance_is_elu_plus_one():
    raw = torch.linspace(-30, 30, 601, dtype=torch.float64)
    right = numpy_gaussian(np.concatenate([raw, raw]))[1]
    np.testing.assert_allclose(variance_of(raw), right, rtol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=1, max_size=20))
def test_variances_are_positive_and_finite_and_grow(dtype, raw):
    variance = variance_of(torch.tensor(sorted([-1e4, *raw, 1e4]), dtype=dtype))
    assert variance.isfinite().all()
    assert (variance >= 0.999 * FLOOR).all()
    assert (variance.diff() >= 0).all()
    assert variance.sqrt().isfinite().all()


@pytest.mark.parametrize("raw", [-1e4, -20.0, -1e-9, 0.0, 1e4])
def test_a_variance_has_a_finite_gradient(raw):
    raw = torch.tensor(raw, requires_grad=True)
    gradient = torch.autograd.grad(variance_of(raw).sqrt(), raw)[0]
    assert gradient.isfinite()
    assert gradient >= 0


def test_split_gives_means_first():
    vectors = torch.randn(2, 3, 10, generator=torch.Generator().manual_seed(0)).double()
    mean, variance = split_gaussian(vectors)
    right = numpy_gaussian(vectors[1, 2])
    np.testing.assert_allclose(mean[1, 2], right[0], rtol=1e-12)
    np.testing.assert_allclose(variance[1, 2], right[1], rtol=1e-12)


@pytest.mark.parametrize("middle", [1e-5, 0.1, 1.0, 4.0])
def test_tables_start_around_the_middle(middle):
    torch.manual_seed(0)
    table = make_gaussian_table(500, 40, 0.3, middle)
    mean, variance = split_gaussian(table.weight.detach())
    assert mean.std().item() == pytest.approx(0.3, rel=0.02)
    assert abs(mean.mean().item()) < 0.01
    floor = 2 * FLOOR  # below it nothing starts
    low, high = max(0.5 * middle, floor), max(1.5 * middle, floor)
    assert variance.min().item() == pytest.approx(low, rel=0.01)
    assert variance.max().item() == pytest.approx(high, rel=0.01)
    assert variance.mean().item() == pytest.approx((low + high) / 2, rel=0.01)
