"""Random numbers of a block and a thread of their own, in place of torch's global ones."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

__all__ = [
    "Part",
    "SeededCalls",
    "dropout",
    "generator_states",
    "own_generator",
    "part_of_a_batch",
    "randn",
    "randn_like",
    "seeded",
    "set_generator_states",
]


class Part(NamedTuple):
    """A part of the rows of a batch, or of their entries.

    Parameters
    ----------
    start, stop : int
        The first, and the one behind the last.
    total : int
        How many the batch has.
    """

    start: int
    stop: int
    total: int


class _Own(threading.local):
    """The generators that a thread draws from, by kind of device; torch's where there is none.

    ``rows`` and ``entries`` are the part of a batch that this thread works on, None for all.
    """

    generators: Mapping[str, torch.Generator] = {}
    rows: Part | None = None
    entries: Part | None = None


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


@contextmanager
def part_of_a_batch(rows: Part, entries: Part | None = None) -> Iterator[None]:
    """Draw for a part of a batch what would be drawn for it if the whole batch were here.

    So processes that share a batch have the same noise as one that has it all, and generators that
    stay alike.

    Parameters
    ----------
    rows : Part
        The rows.
    entries : Part, default=None
        Their entries, where rows are sparse.
    """
    before = _own.rows, _own.entries
    _own.rows, _own.entries = rows, entries
    try:
        yield
    finally:
        _own.rows, _own.entries = before


def _filled(like: Tensor, fill: Callable[[Tensor], Tensor], part: Part | None) -> Tensor:
    """Return random numbers in the form of a tensor, those of a part as in the whole."""
    if part is None:
        return fill(torch.empty_like(like))
    # rows may be repeated, such as once for each candidate
    n_rows = part.stop - part.start
    times, rest = divmod(len(like), n_rows) if n_rows else (1, len(like))
    if rest:
        raise NotImplementedError(
            f"what is drawn must have {n_rows} rows, as a part of a batch, or a multiple; got "
            f"{len(like)}"
        )
    whole = fill(like.new_empty((times * part.total, *like.shape[1:])))
    return whole[times * part.start : times * part.stop]


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
    generator = own_generator(torch.device("cpu"))
    if _own.rows is None:
        return torch.randn(size, generator=generator)
    return _filled(torch.empty(size), lambda x: x.normal_(generator=generator), _own.rows)


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
    generator = own_generator(x.device)
    return _filled(x, lambda y: y.normal_(generator=generator), _own.rows)


def dropout(x: Tensor, p: float, training: bool, of_entries: bool = False) -> Tensor:
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
    of_entries : bool, default=False
        Whether x has one value for each stored entry of sparse rows, and not for each row.

    Returns
    -------
    dropped : Tensor
        The corrupted entries.
    """
    generator, part = own_generator(x.device), _own.entries if of_entries else _own.rows
    if generator is None or not training or not 0 < p < 1 or not (x.numel() or part):
        return F.dropout(x, p, training)
    kept = _filled(x, lambda y: y.bernoulli_(1 - p, generator=generator), part)
    return x * kept.div_(1 - p)


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
