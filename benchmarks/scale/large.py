"""Fit models to a matrix on disk that need not fit into memory, and measure time and memory.

    python -m benchmarks.scale.large --users 1000000 --items 100000 --interactions 100000000
    python -m benchmarks.scale.large --sizes 100000 1000000 10000000 100000000
    python -m benchmarks.scale.large --baselines --output benchmarks/results/large_baselines.csv

Interactions are drawn in blocks of users, who have a lognormal number of them, and popular items
more often; those that fall together count once. They are written once, by `write_csr`, and each
model is fitted to the mapped files in a fresh process, in which a fit to tiny data has come before.
With --sizes there are fewer users in proportion and fewer items by the root, and the last rows give
the exponents of seconds and memory, fitted over the sizes. Each row is kept as it comes.

"cpu" are the seconds of the processor over all threads, to which other work on the machine adds
little. "anon" is the peak of what must stay in memory, "total" that of all resident pages, in MiB;
the difference are the files, whose pages the system may drop at any time.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from joblib import parallel_config

from benchmarks.arguments import add_output, make_parser
from benchmarks.speed.measure import peak_memory, peak_of_anonymous, reset_peak, seconds
from skrec.interactions import open_csr, write_csr
from skrec.reproduce import append_rows, make_system
from skrec.typing import CSRMatrix

__all__ = ["BASELINES", "MODELS", "draw_blocks", "main"]

_CPU = {"device": "cpu", "random_state": 0, "max_epochs": 1}
MODELS: dict[str, dict[str, Any]] = {
    "PopularityRecommender": {},
    "ItemKNNRecommender": {"n_neighbors": 100},
    "EASERecommender": {},
    "WMFRecommender": {**_CPU, "n_factors": 64},
    "BPRMFRanker": {**_CPU, "n_factors": 64, "n_negatives": 1, "solver": "sgd"},
    "MultVAERecommender": {
        **_CPU, "hidden_sizes": (), "latent_size": 64, "n_sampled_items": 1_000,
        "batch_size": 1_000,
    },
}  # fmt: skip
"""What is fitted: one sweep, one epoch."""

_SHARED = {"n_factors": 64, "shared_negatives": True, "n_negatives": 1_000, "batch_size": 4_096}
BASELINES: dict[str, dict[str, Any]] = {
    "RP3betaRecommender": {"n_neighbors": 100},
    "Turbo-CF": {"n_neighbors": 100},
    "GF-CF": {},
    "ChebyCF": {},
    "InfiniteAERecommender": {},
    "SLIMRecommender": {"l1": 1.0, "l2": 20.0},
    "EDLAE": {},
    "ELSARecommender": {**_CPU, "latent_size": 256},
    "LightGCNRanker": {**_CPU, "n_factors": 64, "batch_size": 2**18},
    "MFRecommender": {**_CPU, **_SHARED},
    "SimpleX": {**_CPU, **_SHARED},
    "BayesianMFRegressor": {"n_factors": 32, "n_samples": 1, "burn_in": 1, "random_state": 0},
}
"""What ``--baselines`` fits: one epoch, or two draws."""

# seconds: what grows with the cube of the items
_LIMITS = {"EASERecommender": 120.0, "EDLAE": 120.0}
_WRITE, _LISTS = "write_csr", "lists"
_RANKED = 100_000  # users whose lists are made
_LISTED = "WMFRecommender"  # of the model that makes them
_AT_ONCE = 2**20  # interactions that are drawn together
_SMOKE = (2_000, 300, 20_000)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = _make_parser().parse_args(argv)
    if options.worker:
        print(json.dumps(_work(options), default=float))
        return
    largest = _SMOKE if options.smoke else (options.users, options.items, options.interactions)
    rows: list[dict[str, Any]] = []
    for n in options.sizes or [largest[2]]:
        share = n / largest[2]
        size = round(largest[0] * share), round(largest[1] * math.sqrt(share)), n
        rows += _measure(options, tuple(max(10, each) for each in size))
    exponents = _exponents(rows)
    if exponents:
        append_rows(options.output, exponents)
    print(pd.DataFrame(rows + exponents).to_string(index=False))


def draw_blocks(n_users: int, n_items: int, n: int, seed: int = 0) -> Iterator[CSRMatrix]:
    """Draw interactions, a block of users after the other.

    Parameters
    ----------
    n_users, n_items : int
        The shape.
    n : int
        About how many interactions.
    seed : int, default=0
        Of the draw.

    Yields
    ------
    block : csr_matrix of shape (n_rows, n_items)
        Of about a million interactions, with items in proportion to one over the root of their
        number.
    """
    rng = np.random.RandomState(seed)
    mean = n / n_users
    at_once = max(1, int(_AT_ONCE / mean))
    for start in range(0, n_users, at_once):
        n_rows = min(at_once, n_users - start)
        lengths = rng.lognormal(math.log(mean) - 0.5, 1.0, n_rows)
        lengths = np.clip(np.rint(lengths), 1, max(1, n_items // 4)).astype(np.int64)
        user = np.repeat(np.arange(n_rows), lengths)
        item = (n_items * rng.random_sample(len(user)) ** 2).astype(np.int32)
        ones = np.ones(len(user), dtype=np.float32)
        yield sp.csr_matrix((ones, (user, item)), shape=(n_rows, n_items))


def _measure(options: argparse.Namespace, size: tuple[int, ...]) -> list[dict[str, Any]]:
    """Write the data of a size, fit all models to it, and return the rows of the table."""
    rows = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        store = str(Path(folder, "store"))
        for model in (_WRITE, *options.models):
            answers = _call_fresh(options, model, store, size)
            for what, answer in answers.items():
                row = {
                    "model": what, "users": size[0], "items": size[1], "interactions": size[2],
                    "threads": options.threads,
                    **{each: answer.get(each) for each in ("seconds", "cpu", "anon", "total")},
                    "note": answer.get("note", ""),
                }  # fmt: skip
                known = {name: value for name, value in row.items() if value not in (None, "")}
                print(", ".join(f"{name} {value}" for name, value in known.items()), flush=True)
                append_rows(options.output, [row])
                rows.append(row)
    return rows


def _call_fresh(
    options: argparse.Namespace, model: str, store: str, size: tuple[int, ...]
) -> dict[str, dict[str, Any]]:
    """Run one job in a fresh process, and return its figures by what was measured."""
    command = [sys.executable, "-m", "benchmarks.scale.large", "--worker", model]
    names = ("--users", "--items", "--interactions")
    command += [word for pair in zip(names, map(str, size), strict=True) for word in pair]
    command += ["--folder", store, "--threads", str(options.threads)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True}
    limit = min(options.limit, _LIMITS.get(model, math.inf))
    try:
        done = subprocess.run(command, env=environment, timeout=limit, **pipes)
    except subprocess.TimeoutExpired:
        return {model: {"note": f"not done in {limit:g} s"}}
    if done.returncode:
        return {model: {"note": f"exit status {done.returncode}"}}
    return json.loads(done.stdout.splitlines()[-1])


def _work(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Do one job in this process."""
    size = options.users, options.items, options.interactions
    if options.worker == _WRITE:
        blocks = draw_blocks(*size)
        figures = _watched(lambda: write_csr(options.folder, blocks, binary=True, transposed=True))
        note = f"{open_csr(options.folder).nnz} different interactions"
        return {_WRITE: {**figures, "note": note}}
    X = open_csr(options.folder)
    with parallel_config("threading", n_jobs=options.threads):
        parameters = (MODELS | BASELINES)[options.worker]
        _warm_up(options.worker, parameters)
        model = make_system(options.worker, parameters)
        try:
            answers = {options.worker: _watched(lambda: model.fit(X))}
        except MemoryError as error:
            return {options.worker: {"note": f"MemoryError: {error}"}}
        if options.worker == _LISTED:
            users = np.arange(min(_RANKED, X.shape[0]))
            figures = _watched(lambda: model.recommend(users=users))
            answers[_LISTS] = {**figures, "note": f"10 items for {len(users)} users, by WMF"}
    return answers


def _warm_up(system: str, parameters: dict[str, Any]) -> None:
    """Import and compile; kernels are compiled once more for what cannot be written to."""
    with tempfile.TemporaryDirectory() as folder:
        write_csr(folder, draw_blocks(200, 100, 3_000), binary=True, transposed=True)
        make_system(system, parameters).fit(open_csr(folder)).recommend(users=[0, 1])


def _watched(call: Callable[[], Any]) -> dict[str, Any]:
    """Return the seconds of a call and its peaks of memory."""
    with peak_of_anonymous() as anon:
        reset_peak()
        start = time.process_time()
        taken = seconds(call)
        cpu, total = time.process_time() - start, peak_memory()
    return {
        "seconds": round(taken, 3),
        "cpu": round(cpu, 3),
        "anon": round(max(anon)),
        "total": round(total),
    }


def _exponents(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each model that was measured at several sizes."""
    table = pd.DataFrame(rows).dropna(subset=["seconds"])
    fitted = []
    for model, part in table.groupby("model", sort=False):
        if len(part) > 1:
            x = np.log(part["interactions"].to_numpy(float))
            powers = [
                np.polyfit(x, np.log(part[name].to_numpy(float).clip(1e-3)), 1)[0]
                for name in ("seconds", "anon")
            ]
            note = f"exponents: seconds {powers[0]:.2f}, anon {powers[1]:.2f}"
            fitted.append({**dict.fromkeys(rows[0], None), "model": model, "note": note})
    return fitted


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("scale.large", __doc__)
    add = parser.add_argument
    add("--users", type=int, default=1_000_000, help="default: 1000000")
    add("--items", type=int, default=100_000, help="default: 100000")
    add("--interactions", type=int, default=100_000_000, help="default: 100000000")
    add("--sizes", nargs="+", type=int, help="several numbers of interactions")
    chosen = parser.add_mutually_exclusive_group()
    either = {"choices": [*MODELS, *BASELINES], "default": list(MODELS), "metavar": "MODEL"}
    chosen.add_argument("--models", nargs="+", **either)
    every: dict[str, Any] = {"action": "store_const", "dest": "models", "const": list(BASELINES)}
    chosen.add_argument("--baselines", **every, help="fit the other baselines")
    add("--threads", type=int, default=2, help="default: 2")
    add("--limit", type=float, default=3600.0, help="seconds a model; default: 3600")
    add("--folder", help="where the files are for a while; default: the system's")
    add("--smoke", action="store_true", help="tiny data, a quick run")
    add("--worker", help=argparse.SUPPRESS)
    add_output(parser, "large.csv")
    return parser


if __name__ == "__main__":
    main()
