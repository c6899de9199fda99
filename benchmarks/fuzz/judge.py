"""Draw a case by its number, run it, and say what became of it."""

import dis
import re
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import TracebackType
from typing import NamedTuple

import sklearn.utils
from sklearn.exceptions import NotFittedError

import skrec
from benchmarks.fuzz.case import Case
from benchmarks.fuzz.inputs import draw_encoder, draw_file, draw_interactions, draw_preprocessing
from benchmarks.fuzz.measures import draw_comparison, draw_metric, draw_splitter
from benchmarks.fuzz.models import draw_fit, draw_query, draw_scorer
from skrec.exceptions import DivergenceError

__all__ = ["OUTCOMES", "Result", "draw", "judge"]

OUTCOMES = ("accepted", "clear", "obscure", "slow", "crashed", "silent")

_KINDS: dict[Callable[[Random], Case], int] = {
    draw_fit: 30,
    draw_query: 28,
    draw_scorer: 6,
    draw_metric: 9,
    draw_comparison: 4,
    draw_splitter: 5,
    draw_preprocessing: 5,
    draw_interactions: 5,
    draw_encoder: 5,
    draw_file: 3,
}
_EXPECTED = (ValueError, TypeError, NotFittedError, DivergenceError, MemoryError, OSError)
_OURS = tuple(str(Path(str(m.__file__)).parent) for m in (skrec, sklearn.utils))


class Result(NamedTuple):
    """What became of a case; `where` is the innermost frame of an error."""

    number: int
    kind: str
    target: str
    label: str
    outcome: str
    note: str = ""
    where: str = ""

    @property
    def group(self) -> str:
        """What distinct findings differ in: where an error came from, or what was odd and wrong."""
        if self.where:
            return self.note.partition(":")[0] + self.where
        return f"{self.kind} {self.label.partition(',')[0]} {re.sub(r'[0-9]+', '#', self.note)}"


def draw(seed: int, number: int) -> Case:
    """Return case `number` of a seed."""
    rng = Random(f"{seed}/{number}")
    kind = rng.choices(list(_KINDS), list(_KINDS.values()))[0]
    return kind(rng)


def judge(case: Case, number: int = 0) -> Result:
    """Run a case and return what became of it."""

    def result(outcome: str, note: str = "", where: str = "") -> Result:
        return Result(number, case.kind, case.target, case.label, outcome, note, where)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = case.call()
            fault = case.check(answer, case.odd)
    except Exception as error:
        note = f"{type(error).__name__}: {(str(error).strip() or '-').splitlines()[0]}"
        # an index of a sequence has Python's own error
        index = case.target == "index" and isinstance(error, IndexError)
        if not index and not is_clear(error, case.names):
            return result("obscure", note, _place(error))
        if case.valid:
            return result("obscure", f"refused though it is valid: {note}", _place(error))
        return result("clear", note)
    if case.refused:
        return result("silent", f"accepted {case.refused}")
    return result("silent", fault) if fault else result("accepted")


def is_clear(error: Exception, names: frozenset[str]) -> bool:
    """Return whether an error was meant for the caller.

    Its class is one of those that scikit-learn raises for wrong input; it comes from a raise
    statement in skrec or sklearn.utils, so that it is no failure of NumPy, SciPy or torch; and its
    message has a parameter of the call as a word. scikit-learn's own sentences say "array" or
    "data" for X, and "RandomState" for a seed.
    """
    frame = _innermost(error)
    if not isinstance(error, _EXPECTED) or frame is None or not _is_raise(frame):
        return False
    file = frame.tb_frame.f_code.co_filename
    if not file.startswith(_OURS):
        return False
    message = str(error)
    plain = {"array", "data", "RandomState"} if file.startswith(_OURS[1]) else set()
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", message) for name in names | plain)


def _innermost(error: BaseException) -> TracebackType | None:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place


def _is_raise(frame: TracebackType) -> bool:
    return frame.tb_frame.f_code.co_code[frame.tb_lasti] == dis.opmap["RAISE_VARARGS"]


def _place(error: BaseException) -> str:
    """Return the innermost function of skrec, and the innermost of all."""
    stack = traceback.extract_tb(error.__traceback__)
    ours = [f for f in stack if f.filename.startswith(_OURS[0])]
    last = stack[-1]
    inner = f"{Path(last.filename).name}:{last.name}"
    if not ours:
        return f" [{inner}]"
    own = f"{Path(ours[-1].filename).relative_to(_OURS[0])}:{ours[-1].name}"
    return f" [{own}]" if ours[-1] is last else f" [{own} > {inner}]"
