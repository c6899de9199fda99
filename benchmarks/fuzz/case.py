"""What a case is, and how one is drawn: a valid call with one or two odd arguments."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

__all__ = ["Case", "Odd", "choose", "make_case", "mark"]

Check = Callable[[Any, dict[str, "Odd"]], str | None]
"""Takes the answer and the odd arguments; returns what is wrong with it, or None."""


class Odd(NamedTuple):
    """An odd value: how to write it, what it is, and what must become of it.

    `verdict` is "refuse", "take" or "any"; `truth` the dense matrix, or whatever else the value
    stands for, where that is known.
    """

    label: str
    value: Any
    verdict: str = "any"
    truth: Any = None


class Case(NamedTuple):
    """A call that is ready to be made, and what is known of its answer."""

    kind: str
    target: str
    label: str
    call: Callable[[], Any]
    check: Check
    odd: dict[str, Odd]
    names: frozenset[str]

    @property
    def refused(self) -> str:
        """The odd arguments that must be refused; empty if there are none."""
        return ", ".join(f"{n}={o.label}" for n, o in self.odd.items() if o.verdict == "refuse")

    @property
    def valid(self) -> bool:
        """Whether the call must be answered."""
        return len(self.odd) == 1 and all(o.verdict == "take" for o in self.odd.values())


def choose(rng: Random, pools: Mapping[str, Callable[[], Sequence[Odd]]]) -> dict[str, Odd]:
    """Draw one odd argument, or two in a quarter of the cases; a pool is made when it is drawn."""
    names = rng.sample(sorted(pools), min(len(pools), 1 if rng.random() < 0.75 else 2))
    return {name: rng.choice(list(pools[name]())) for name in names}


def make_case(
    kind: str,
    target: str,
    function: Callable[..., Any],
    base: Mapping[str, Any],
    odd: dict[str, Odd],
    check: Check,
    names: Iterable[str] = (),
) -> Case:
    """Return the case of a function with its valid arguments, and odd ones in their place."""
    arguments = {**base, **{name: each.value for name, each in odd.items()}}
    label = ", ".join(f"{name}={each.label}" for name, each in odd.items())
    known = frozenset({*base, *odd, *names, *inspect.signature(function).parameters, "X", "y"})
    return Case(kind, target, label, lambda: function(**arguments), check, odd, known)


def mark(odds: Iterable[Odd], verdicts: Mapping[str, str]) -> list[Odd]:
    """Return odd values whose verdict, which names their sort, is replaced as a call has it.

    A sort that is not among `verdicts` is "any".
    """
    return [odd._replace(verdict=verdicts.get(odd.verdict, "any")) for odd in odds]
