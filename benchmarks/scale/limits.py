"""Fit formulas for the cost of each family to measurements, and say what fits where.

    python -m benchmarks.scale.limits                       # measures what is missing
    python -m benchmarks.scale.limits --plan 1e8 1e7 1e9    # users, items, entries
    python -m benchmarks.scale.limits --fits 24             # the largest data for so many GB
    python -m benchmarks.scale.limits --check               # beside benchmarks.scale.large

Around a base, each of users, items, entries and factors grows alone, then all together. A model
runs in a process of its own, forked after a fit to tiny data for each point, on one thread.
"seconds" are those of the processor, so that other load on the machine counts little: of a fit, of
an epoch (the difference between fits of three and of one), or of the lists of all users. "bytes"
are the most that was in memory on top of the matrix. Factors of a formula are fitted by least
squares of relative errors, none below 0. Far from the sizes that were measured it is a guess of
the order of magnitude. --plan says what a usual fit with 64 factors would take.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.arguments import RESULTS, add_output, make_parser
from benchmarks.scale.families import FAMILIES
from benchmarks.scale.formulas import UNKNOWN, Formula, Size, fit_formula
from skrec.reproduce import append_rows

__all__ = ["check", "formulas", "largest", "main", "plan"]

_GB = 1e9
_SIZES = ("items", "users", "entries")
_COLUMNS = ["model", "users", "items", "entries", "length", "factors", "seconds", "bytes", "note"]
_NAMES = {  # of a family: the row of large.csv that it is checked with, 64 factors
    "Popularity": "PopularityRecommender",
    "ItemKNN, 100 neighbours": "ItemKNNRecommender",
    "WMF": "WMFRecommender",
    "BPR-MF, a negative": "BPRMFRanker",
    "Mult-VAE, 1,000 sampled items": "MultVAERecommender",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = _make_parser().parse_args(argv)
    names = list(FAMILIES) if options.models is None else options.models
    if options.plan is None and options.fits is None and not options.check:
        _measure(names, options)
    table = _kept(options.output)
    if options.fits is not None:
        print(largest(table, options.fits).to_string(index=False))
        return
    if options.plan is not None:
        print(plan(table, Size(*options.plan), options.memory).to_string(index=False))
    elif options.check:
        print(check(table, options.large).to_string(index=False))
    else:
        print(_formula_table(table).to_string(index=False))


def formulas(table: pd.DataFrame) -> dict[str, tuple[Formula, Formula]]:
    """Return the formulas of seconds and of bytes, by family.

    Parameters
    ----------
    table : DataFrame
        The measurements, as ``results/limits.csv`` has them.

    Returns
    -------
    formulas : dict of str to (Formula, Formula)
        Of the families that were measured often enough.
    """
    found = {}
    for name, family in FAMILIES.items():
        part = table[(table["model"] == name) & (table["seconds"] > 0)]
        if len(part) > max(len(family.work), len(family.memory)):
            columns = ["users", "items", "entries", "factors", "length"]
            sizes = [Size(*row) for row in part[columns].itertuples(index=False)]
            measured = part["bytes"].clip(lower=1.0)
            held = UNKNOWN if not family.memory else fit_formula(family.memory, sizes, measured)
            found[name] = fit_formula(family.work, sizes, part["seconds"]), held
    return found


def plan(table: pd.DataFrame, size: Size, memory: float = 512.0) -> pd.DataFrame:
    """Return what each family would take for data of a size.

    Parameters
    ----------
    table : DataFrame
        The measurements.
    size : Size
        Of the data; factors are 64.
    memory : float, default=512.0
        GB of a machine.

    Returns
    -------
    plan : DataFrame
        Hours of one core for a usual fit, GB on top of the matrix, whether that fits with the
        matrix into a machine, and how the work is shared.
    """
    rows = []
    for name, (seconds, held) in formulas(table).items():
        family, gb = FAMILIES[name], math.nan if held is UNKNOWN else held(size) / _GB
        rows.append(
            {
                "model": name,
                "epochs": family.epochs,
                "core hours": family.epochs * seconds(size) / 3600,
                "GB": gb,
                f"in {memory:g} GB": _answer(gb + _matrix(size) / _GB, memory),
                "shared by": family.across,
            }
        )
    return pd.DataFrame(rows).round({"core hours": 2, "GB": 2})


def largest(table: pd.DataFrame, memory: float = 24.0) -> pd.DataFrame:
    """Return the largest data that each family can be fitted to in memory.

    Parameters
    ----------
    table : DataFrame
        The measurements.
    memory : float, default=24.0
        GB of the machine.

    Returns
    -------
    largest : DataFrame
        Users, items and entries, with ten users an item and twenty entries a user, and hours of one
        core for a usual fit with 64 factors. 10^9 items are the end.
    """
    rows = []
    for name, (seconds, held) in formulas(table).items():
        if held is UNKNOWN:
            continue
        low, high = 2.0, 9.0
        for _ in range(50):
            middle = (low + high) / 2
            size = Size(10 * 10**middle, 10**middle, 200 * 10**middle)
            fits = held(size) + _matrix(size) < memory * _GB
            low, high = (middle, high) if fits else (low, middle)
        size = Size(10 * 10**low, 10**low, 200 * 10**low)
        hours = FAMILIES[name].epochs * seconds(size) / 3600
        sizes = {each: float(f"{size.values()[each]:.2g}") for each in _SIZES}
        rows.append({"model": name, **sizes, "core hours": hours})
    return pd.DataFrame(rows).round({"core hours": 2})


def _answer(gb: float, memory: float) -> str:
    return "–" if math.isnan(gb) else "yes" if gb < memory else "no"


def _matrix(size: Size) -> float:
    return 8 * size.entries + 8 * size.users


def check(table: pd.DataFrame, path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return predictions beside the runs of `benchmarks.scale.large`.

    Parameters
    ----------
    table : DataFrame
        The measurements that formulas are fitted to.
    path : str or path-like
        The CSV of those runs.

    Returns
    -------
    compared : DataFrame
        Seconds of the processor, predicted and measured, and their ratio.
    """
    runs, found, rows = pd.read_csv(path).dropna(subset=["cpu"]), formulas(table), []
    for name, system in _NAMES.items():
        for run in runs[runs["model"] == system].itertuples() if name in found else ():
            size = Size(run.users, run.items, run.interactions, 64)
            predicted = found[name][0](size)
            rows.append({
                "model": name, "interactions": run.interactions, "predicted": predicted,
                "measured": run.cpu, "ratio": predicted / run.cpu,
            })  # fmt: skip
    return pd.DataFrame(rows)


def _formula_table(table: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "model": name, "of": FAMILIES[name].what, "seconds": str(seconds),
            "error": _errors(seconds), "bytes": str(held), "error of bytes": _errors(held),
        }
        for name, (seconds, held) in formulas(table).items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _errors(formula: Formula) -> str:
    return "–" if formula is UNKNOWN else f"{formula.median_error:.0%}, {formula.worst_error:.0%}"


def _kept(path: str | os.PathLike[str]) -> pd.DataFrame:
    return pd.read_csv(path) if Path(path).exists() else pd.DataFrame(columns=_COLUMNS)


def _measure(names: Sequence[str], options: argparse.Namespace) -> None:
    done = set(_kept(options.output)["model"])
    for name in names:
        if name in done:
            continue
        command = [sys.executable, "-m", "benchmarks.scale.costs", name]
        command += ["--smoke"] if options.smoke else []
        one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True}
        answer = subprocess.run(command, env={**os.environ, **one}, **pipes)
        lines = [json.loads(line) for line in answer.stdout.splitlines() if line[:1] == "{"]
        if lines:
            append_rows(options.output, [dict.fromkeys(_COLUMNS) | line for line in lines])
        print(f"{name}: {len(lines)} points, exit status {answer.returncode}", flush=True)


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("scale.limits", __doc__)
    add = parser.add_argument
    add("--models", nargs="+", choices=FAMILIES, metavar="MODEL", help="default: all")
    add("--plan", nargs=3, type=float, metavar=("USERS", "ITEMS", "ENTRIES"))
    add("--fits", type=float, metavar="GB", help="the largest data for a machine")
    add("--memory", type=float, default=512.0, help="GB of a machine of the plan; default: 512")
    add("--check", action="store_true", help="predictions beside the runs of scale.large")
    add("--large", default=f"{RESULTS}/large.csv", help="the CSV of those runs")
    add("--smoke", action="store_true", help="tiny data, a quick run")
    add_output(parser, "limits.csv")
    return parser


if __name__ == "__main__":
    main()
