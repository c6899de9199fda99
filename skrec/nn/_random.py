"""Random numbers of a block and a thread of their own, in place of torch's global ones."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

__all__ = [
    "SeededCalls",
    "dropout",
    "generator_states",
    "own_generator",
    "randn",
    "randn_like",
    "seeded",
    "set_generator_states",
]


class _Own(threading.local):
    """The generators that a thread draws from, by kind of device; torch's where there is none."""

    generators: Mapping[str, torch.Generator] = {}


_own = _Own()


@contextmanager
def seeded(seed: int, device: str = "cpu") -> Iterator[None]:
    """Draw what this package draws inside the block from generators of this thread alone.

    That is what the other functions of this file draw, and inside `SeededCalls` all else. The
    numbers are those that torch gives after ``torch.manual_seed(seed)``, and its global state is
    neither read nor changed, not even for a moment.

    Parameters
    ----------
    seed : int
        The seed.
    device : str, default="cpu"
        Device with a generator of its own beside that of the CPU.

    Examples
    --------
    >>> import torch
    >>> from skrec.nn import randn, seeded
    >>> before = torch.get_rng_state()
    >>> with seeded(0):
    ...     one = randn(2)
    >>> with seeded(0):
    ...     torch.equal(one, randn(2))
    True
    >>> torch.equal(before, torch.get_rng_state())
    True
    """
    devices = {torch.device(name).type: torch.device(name) for name in ("cpu", device)}
    before = _own.generators
    _own.generators = {
        kind: torch.Generator(place).manual_seed(seed) for kind, place in devices.items()
    }
    try:
        yield
    finally:
        _own.generators = before


def generator_states() -> dict[str, Tensor]:
    """Return the states of the generators of the innermost `seeded`.

    Returns
    -------
    states : dict of str to Tensor
        By kind of device; empty outside.
    """
    return {kind: generator.get_state() for kind, generator in _own.generators.items()}


def set_generator_states(states: Mapping[str, Tensor]) -> None:
    """Put the states of the generators of the innermost `seeded` back.

    Parameters
    ----------
    states : mapping of str to Tensor
        From `generator_states`; kinds of devices that are not here have no effect.
    """
    for kind, state in states.items():
        if kind in _own.generators:
            _own.generators[kind].set_state(state)


def own_generator(device: torch.device) -> torch.Generator | None:
    """Return the generator that this thread draws from on a device.

    Parameters
    ----------
    device : torch.device
        The device.

    Returns
    -------
    generator : torch.Generator or None
        That of the innermost `seeded`; None is torch's global one.
    """
    return _own.generators.get(device.type)


def randn(*size: int) -> Tensor:
    """Draw standard normal numbers on the CPU.

    Parameters
    ----------
    *size : int
        Shape of the outcome.

    Returns
    -------
    drawn : Tensor of shape ``size``
        The numbers.
    """
    return torch.randn(size, generator=own_generator(torch.device("cpu")))


def randn_like(x: Tensor) -> Tensor:
    """Draw standard normal numbers in the shape, type and place of a tensor.

    Parameters
    ----------
    x : Tensor
        The tensor.

    Returns
    -------
    drawn : Tensor
        The numbers.
    """
    return torch.empty_like(x).normal_(generator=own_generator(x.device))


def dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """Set a share of the entries to 0 and scale the rest, while training.

    The same as `torch.nn.functional.dropout`, to the bit on a CPU.

    Parameters
    ----------
    x : Tensor
        The entries.
    p : float
        Probability of dropping an entry.
    training : bool
        Whether to do so.

    Returns
    -------
    dropped : Tensor
        The corrupted entries.
    """
    generator = own_generator(x.device)
    if generator is None or not training or not 0 < p < 1 or not x.numel():
        return F.dropout(x, p, training)
    return x * torch.empty_like(x).bernoulli_(1 - p, generator=generator).div_(1 - p)


# functions of torch, of its tensors and of `torch.nn.init` that take a generator
_RANDOM = frozenset(
    "bernoulli bernoulli_ cauchy_ exponential_ geometric_ kaiming_normal_ kaiming_uniform_ "
    "log_normal_ multinomial normal normal_ poisson rand randint randn random_ randperm "
    "trunc_normal_ uniform_".split()
)
_FILLED = {"rand_like": "uniform_", "randn_like": "normal_"}  # these take one in late versions only


class SeededCalls(TorchFunctionMode):
    """Let torch's own random functions draw from this thread's generators too.

    For code that cannot be told which generator to take, such as the layers of `torch.nn` when
    they are made. Each call of torch costs about a microsecond more.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call a function of torch, with a generator if it draws."""
        kwargs, name = kwargs or {}, getattr(func, "__name__", "")
        if kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        if name in _FILLED:
            empty = torch.empty_like(*args, **kwargs)
            return getattr(empty, _FILLED[name])(generator=own_generator(empty.device))
        if name in _RANDOM:
            kwargs = {**kwargs, "generator": own_generator(_device(args, kwargs))}
        return func(*args, **kwargs)


def _device(args: tuple, kwargs: dict[str, Any]) -> torch.device:
    """Return where a call draws."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor):
            return value.device
    return torch.device(kwargs.get("device") or torch.get_default_device())
