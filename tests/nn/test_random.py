"""Random numbers: those of torch for a seed, and neither from nor for anybody else."""

import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from skrec.nn import SeededCalls, dropout, own_generator, randn, randn_like, seeded

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _state_is_left_alone():
    before = torch.get_rng_state()
    yield
    torch.set_rng_state(before)


def globally(seed, draw):
    """Return what torch draws from its global source after a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        return draw()


def own(seed, draw, *modes):
    """Return what is drawn from a thread's own source, and check that the global one stays."""
    before = torch.get_rng_state()
    with seeded(seed):
        for mode in modes:
            mode.__enter__()
        try:
            drawn = draw()
        finally:
            for mode in modes:
                mode.__exit__(None, None, None)
    assert torch.equal(before, torch.get_rng_state())
    return drawn


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31 - 1),
    p=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    shape=st.lists(st.integers(0, 40), min_size=1, max_size=3),
    transposed=st.booleans(),
    training=st.booleans(),
)
def test_dropout_is_that_of_torch_to_the_bit(seed, p, shape, transposed, training):
    start = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    start = (start.T if transposed and len(shape) == 2 else start).requires_grad_()

    def draw(function):
        dropped = function(start, p, training)
        (gradient,) = torch.autograd.grad((dropped**2).sum(), start)
        return dropped.detach(), gradient, randn(3)  # what comes after is the same too

    right = globally(seed, lambda: draw(F.dropout))
    for a, b in zip(own(seed, lambda: draw(dropout)), right, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("size", [(), (1,), (3, 5), (7, 16, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_normal_numbers_are_those_of_torch_to_the_bit(size, dtype):
    like = torch.empty(size, dtype=dtype)
    assert torch.equal(own(4, lambda: randn(*size)), globally(4, lambda: torch.randn(size)))
    right = globally(4, lambda: torch.randn_like(like))
    assert torch.equal(own(4, lambda: randn_like(like)), right)


def test_without_a_seed_the_source_is_torchs():
    x = torch.ones(50)
    for one, other in [
        (lambda: randn(5), lambda: torch.randn(5)),
        (lambda: randn_like(x), lambda: torch.randn_like(x)),
        (lambda: dropout(x, 0.5, True), lambda: F.dropout(x, 0.5, True)),
    ]:
        assert torch.equal(globally(1, one), globally(1, other))
    assert own_generator(CPU) is None


DRAWS = {
    "layers": lambda: [
        parameter
        for layer in (nn.Linear(9, 4), nn.Embedding(5, 3), nn.Conv2d(2, 3, 2), nn.GRU(3, 2))
        for parameter in layer.parameters()
    ],
    "init": lambda: [
        draw(torch.empty(6, 4))
        for draw in (
            nn.init.normal_,
            nn.init.uniform_,
            nn.init.trunc_normal_,
            nn.init.xavier_normal_,
            nn.init.xavier_uniform_,
            nn.init.kaiming_normal_,
            nn.init.kaiming_uniform_,
            nn.init.orthogonal_,
        )
    ],
    "made": lambda: [
        torch.rand(3),
        torch.randn(3),
        torch.rand_like(torch.ones(3)),
        torch.randn_like(torch.ones(3), dtype=torch.float64),
        torch.randint(9, (5,)),
        torch.randperm(20),
        torch.normal(torch.zeros(4), 1.0),
        torch.bernoulli(torch.full((20,), 0.5)),
        torch.multinomial(torch.ones(9), 4),
        torch.poisson(torch.ones(9)),
    ],
    "filled": lambda: [
        getattr(torch.empty(20), name)(*args)
        for name, args in {
            "bernoulli_": (0.5,),
            "cauchy_": (),
            "exponential_": (),
            "geometric_": (0.5,),
            "log_normal_": (),
            "normal_": (0, 2),
            "random_": (),
            "uniform_": (1, 2),
        }.items()
    ],
}


@pytest.mark.parametrize("kind", DRAWS)
def test_calls_of_torch_draw_what_they_draw_after_a_seed(kind):
    drawn = own(3, DRAWS[kind], SeededCalls())
    for a, b in zip(drawn, globally(3, DRAWS[kind]), strict=True):
        assert torch.equal(a, b)


def test_a_generator_that_is_given_is_used():
    given_one = torch.Generator().manual_seed(8)
    right = torch.randn(3, generator=torch.Generator().manual_seed(8))
    assert torch.equal(own(3, lambda: torch.randn(3, generator=given_one), SeededCalls()), right)


def test_seeds_may_be_nested_and_end_with_errors():
    with seeded(1):
        first = randn(2)
        with pytest.raises(ZeroDivisionError), seeded(5):
            1 / int(randn(1).isnan())
        rest = randn(2)
    assert own_generator(CPU) is None
    right = globally(1, lambda: [randn(2), randn(2)])
    assert torch.equal(first, right[0])
    assert torch.equal(rest, right[1])


def test_a_thread_has_no_part_in_the_seed_of_another():
    seen = []
    with seeded(1):
        thread = threading.Thread(target=lambda: seen.append(own_generator(CPU)))
        thread.start()
        thread.join()
    assert seen == [None]


@pytest.mark.gpu
def test_cuda_draws_from_a_generator_of_its_own():
    x = torch.ones(1000, device="cuda")
    before = torch.cuda.get_rng_state()
    with seeded(2, "cuda"):
        drawn = randn_like(x), dropout(x, 0.5, True)
    with seeded(2, "cuda"):
        again = randn_like(x), dropout(x, 0.5, True)
    assert torch.equal(before, torch.cuda.get_rng_state())
    for a, b in zip(drawn, again, strict=True):
        assert torch.equal(a, b)
    assert set(drawn[1].tolist()) == {0.0, 2.0}
