"""The cosine, against NumPy loops."""

import numpy as np
import pytest
import torch

from skrec.nn import Cosine

B, M, SIZE = 5, 4, 6


def vectors(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, SIZE, generator=generator, dtype=torch.float64)


def cosine(p, q):
    """Return the cosine of two vectors by its definition."""
    lengths = sum(x * x for x in p) ** 0.5 * sum(x * x for x in q) ** 0.5
    return sum(x * y for x, y in zip(p, q, strict=True)) / lengths


@pytest.mark.parametrize("per_item", [False, True])
def test_scores_are_cosines(per_item):
    users, items = vectors(B, M if per_item else 1, seed=1), vectors(B, M, seed=2)
    expected = [
        [cosine(users[b, m if per_item else 0], items[b, m]) for m in range(M)] for b in range(B)
    ]
    np.testing.assert_allclose(Cosine(SIZE)(users, items), expected, rtol=1e-12)


def test_all_pairs_are_those_of_the_forward_pass():
    module, users, items = Cosine(SIZE), vectors(B, seed=3), vectors(M, seed=4)
    scores = module.cross(users, module.item_side(items))
    expected = module(users[:, None], items.expand(B, M, SIZE))
    torch.testing.assert_close(scores, expected)
    assert scores.abs().max() <= 1 + 1e-12


def test_lengths_do_not_matter_and_nothing_is_orthogonal_to_all():
    module, users, items = Cosine(SIZE), vectors(B, 1), vectors(B, M, seed=5)
    torch.testing.assert_close(module(7 * users, 0.1 * items), module(users, items))
    nothing = torch.zeros(B, 1, SIZE, dtype=torch.float64, requires_grad=True)
    scores = module(nothing, items)
    assert (scores == 0).all()
    scores.sum().backward()
    assert torch.isfinite(nothing.grad).all()


def test_gradients():
    users, items = (v.requires_grad_() for v in (vectors(2, 1), vectors(2, 3, seed=6)))
    assert torch.autograd.gradcheck(Cosine(SIZE), (users, items))
