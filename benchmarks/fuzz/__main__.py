"""The command line of the fuzzer."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch

import pandas as pd

from benchmarks import fuzz
from benchmarks.arguments import make_parser
from benchmarks.fuzz.judge import OUTCOMES, Result, draw, judge
from benchmarks.fuzz.workers import run_cases

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return 1 where a case crashed or was silently wrong."""
    options = _make_parser().parse_args(argv)
    if options.case is not None:
        return _run_one(options.seed, options.case)
    start = time.perf_counter()
    numbers: Iterable[int] = range(options.start, options.start + options.cases)
    if options.only:
        numbers = (n for n in numbers if _matches(options.seed, n, options.only))
    results = []
    try:
        for result in run_cases(options.seed, numbers, options.jobs, options.seconds):
            results.append(result)
            if options.verbose and result.outcome not in ("accepted", "clear"):
                print(_line(result), flush=True)
    except KeyboardInterrupt:  # what there is, is shown
        print("interrupted")
    if results:
        report(results, options.seed)
    print(f"{len(results)} cases in {time.perf_counter() - start:.0f} s")
    return int(any(r.outcome in ("crashed", "silent") for r in results))


def _make_parser() -> ArgumentParser:
    parser = make_parser("fuzz", fuzz.__doc__)
    parser.add_argument("--cases", type=int, default=1000, help="number of cases; default: 1000")
    parser.add_argument("--start", type=int, default=0, help="number of the first; default: 0")
    parser.add_argument("--seed", type=int, default=0, help="seed of all cases; default: 0")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes; default: 2")
    parser.add_argument("--seconds", type=float, default=20, help="limit of a case; default: 20")
    help_text = "run only cases whose 'kind target(arguments)' matches, with * and ?"
    parser.add_argument("--only", metavar="PATTERN", help=help_text)
    parser.add_argument("--case", type=int, help="run one case here, with its traceback")
    parser.add_argument("--verbose", action="store_true", help="print findings as they come")
    return parser


def _matches(seed: int, number: int, pattern: str) -> bool:
    case = draw(seed, number)
    return fnmatch(f"{case.kind} {case.target}({case.label})", f"*{pattern}*")


def _run_one(seed: int, number: int) -> int:
    case = draw(seed, number)
    print(f"{case.kind} {case.target}({case.label})")
    try:
        answer = case.call()
        print(f"answer: {answer!r}\nwrong with it: {case.check(answer, case.odd)}")
    finally:  # the traceback of an error follows
        result = judge(draw(seed, number), number)
        print(f"{result.outcome}: {result.note}", flush=True)
    return int(result.outcome in ("crashed", "silent"))


def report(results: Sequence[Result], seed: int) -> None:
    """Print the table of outcomes, and each distinct finding with its smallest case."""
    table = pd.DataFrame(results)
    counts = pd.crosstab(table["kind"], table["outcome"]).reindex(columns=OUTCOMES, fill_value=0)
    counts.loc["all"] = counts.sum()
    print(counts.assign(all=counts.sum(axis=1)).to_string(), "\n")
    for outcome in OUTCOMES[2:]:
        found: dict[str, list[Result]] = {}
        for result in results:
            if result.outcome == outcome:
                found.setdefault(result.group, []).append(result)
        if found:
            print(f"{outcome}: {len(found)} distinct; run one with --seed {seed} --case N")
        for group in sorted(found.values(), key=lambda g: -len(g)):
            print(f"{len(group):5} x {_line(min(group, key=lambda r: len(r.label)))}")


def _line(result: Result) -> str:
    call = f"{result.kind} {result.target}({result.label})"
    return f"--case {result.number}: {call[:150]}: {result.note[:200]}{result.where}"


if __name__ == "__main__":
    sys.exit(main())
