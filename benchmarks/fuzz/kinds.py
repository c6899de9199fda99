"""Show what becomes of each kind of wrong or odd input, by its smallest case.

Every case runs in a forked process, with a limit of time and of memory. The file runs from
elsewhere too, against another version of skrec, so that before and after come from one command:
PYTHONPATH=OTHER_CHECKOUT python benchmarks/fuzz/kinds.py
"""

import argparse
import multiprocessing
import os
import resource
import runpy
import signal
import tempfile
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

__all__ = ["main"]

_FILES = ("_kinds_of_data.py", "_kinds_of_calls.py", "_kinds_of_processes.py")
_BYTES = 6 * 2**30  # of addresses; torch alone takes two
_LONGEST = 160  # characters of an outcome


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz.kinds",
        description=(__doc__ or "").partition("\n")[0],
        epilog=(__doc__ or "").partition("\n")[2],
    )
    parser.add_argument("--markdown", action="store_true", help="print a table of Markdown")
    parser.add_argument("--only", default="", help="run cases whose label has these words")
    parser.add_argument("--seconds", type=float, default=60, help="limit of a case; default: 60")
    options = parser.parse_args(argv)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported
    if options.markdown:
        print("| kind | smallest input | outcome |\n|---|---|---|")
    for kind, label, function in _cases():
        if options.only in f"{kind} {label}":
            outcome = _outcome(function, options.seconds)
            line = f"| {kind} | `{label}` | {outcome.replace('|', '/')} |"
            print(line if options.markdown else f"{kind} | {label} | {outcome}", flush=True)


def _cases() -> list[tuple[str, str, Callable[[], Any]]]:
    """Return kind, smallest input and function of each case."""
    here = Path(__file__).parent
    return [case for file in _FILES for case in runpy.run_path(str(here / file))["CASES"]]


def _outcome(function: Callable[[], Any], seconds: float) -> str:
    """Run a case in a fork of this process, and return what it says or how it ended."""
    context = multiprocessing.get_context("fork")
    mine, its = context.Pipe()
    with tempfile.TemporaryDirectory(prefix="skrec-kinds-") as folder:
        os.environ["SKREC_KINDS"] = folder
        process = context.Process(target=_answer_to, args=(its, function))
        process.start()
        its.close()
        try:
            # the folder has another name each time
            return mine.recv().replace(folder, "") if mine.poll(seconds) else f"hang: {seconds:g} s"
        except EOFError:
            process.join()
            code = process.exitcode or 0
            return f"crash: {signal.Signals(-code).name if code < 0 else f'exit status {code}'}"
        finally:
            process.kill()
            process.join()


def _answer_to(pipe: Connection, function: Callable[[], Any]) -> None:
    """Send the outcome of a case; what it prints goes nowhere."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    pipe.send(_answer(function))
    os._exit(0)  # without waiting for threads of the case


def _answer(function: Callable[[], Any]) -> str:
    """Return one line: the value, with the first warning of skrec, or the error."""
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            outcome = f"accepted: {_short(repr(function()))}"
        except Exception as error:
            first = (str(error).strip() or "-").splitlines()[0]
            outcome = f"{type(error).__name__}: {_short(first)}"
    said = [w for w in caught if w.category.__name__ == "SkrecWarning"]
    return outcome + (f"; warning: {_short(str(said[0].message))}" if said else "")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


if __name__ == "__main__":
    main()
