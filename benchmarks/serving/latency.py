"""Measure the server of examples/serve under several clients: percentiles and requests a second.

The example's model is trained and served by a process of its own. Each client has a connection,
asks for ten items, and asks again when it has the answer. "known" users are named, "new" ones send
the history of a user. "cpu_ms" is the processor time of the server for a request, which other load
on the machine hardly moves: 1000 / cpu_ms requests a second are what a core can answer. Clients run
on the same machine, and take their share of it.
"""

import os
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.arguments import make_parser
from benchmarks.serving.server import (
    Server,
    add_serving_options,
    check_serving_options,
    histories,
    running,
    train,
)
from benchmarks.speed.command import Row
from skrec import load_model
from skrec.reproduce import append_rows

__all__ = ["main", "measure"]

_N_BODIES = 2000
_WARM_UP = 1.0  # seconds
_HEADERS = {"Content-Type": "application/json"}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("serving.latency", __doc__)
    parser.add_argument("--clients", type=int, default=8, help="at a time; default: 8")
    parser.add_argument("--workers", type=int, default=1, help="of the server; default: 1")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each; default: 10")
    add_serving_options(parser, "serving.csv")
    options = parser.parse_args(argv)
    check_serving_options(parser, options, ["clients", "workers"])
    if not 0 < options.seconds < 3600:
        parser.error(f"--seconds must be positive, up to an hour; got {options.seconds}")
    if options.smoke:
        options.seconds, options.models = 0.5, options.models[:1]
    rows = []
    for row in latency(options):
        rows.append(row)
        append_rows(options.output, [row])
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.2f}".format))


def latency(options: Namespace) -> Iterator[Row]:
    """Train and serve each model, and yield a row for each kind of users."""
    told = {name: getattr(options, name) for name in ("data", "smoke", "clients", "workers")}
    for name in options.models:
        with tempfile.TemporaryDirectory() as folder:
            path = train(name, options, Path(folder))
            model = load_model(path)
            with running(path, options.workers) as server:
                for kind in ("known", "new"):
                    bodies = histories(model, kind, _N_BODIES)
                    load = os.getloadavg()[0]
                    figures = measure(server, bodies, options.clients, options.seconds)
                    yield {"model": name, "users": kind, **told, **figures, "load_before": load}


def measure(server: Server, bodies: list[bytes], n_clients: int, seconds: float) -> Row:
    """Let clients ask, and return what it took.

    Parameters
    ----------
    server : Server
        Which answers.
    bodies : list of bytes
        What is asked, by each client from another place on.
    n_clients : int
        Clients at a time.
    seconds : float
        How long.

    Returns
    -------
    figures : dict
        Requests and those that failed, requests a second, processor time of the server and
        percentiles of a request, both in milliseconds.
    """
    with ThreadPoolExecutor(n_clients) as pool:
        starts = [len(bodies) * client // n_clients for client in range(n_clients)]
        shares = [bodies[start:] + bodies[:start] for start in starts]
        list(pool.map(partial(_ask, server.port, seconds=_WARM_UP), shares))
        cpu, start = server.cpu_seconds(), time.perf_counter()
        times = np.concatenate([*pool.map(partial(_ask, server.port, seconds=seconds), shares)])
        taken, cpu = time.perf_counter() - start, server.cpu_seconds() - cpu
    good = times[np.isfinite(times)]
    if not len(good):
        raise SystemExit("the server answered no request; run examples/serve/serve.py to see why")
    p50, p95, p99 = 1e3 * np.quantile(good, [0.5, 0.95, 0.99])
    figures = {"requests": len(times), "failed": len(times) - len(good)}
    figures |= {"per_second": len(good) / taken, "cpu_ms": 1e3 * cpu / len(times)}
    return {**figures, "p50": p50, "p95": p95, "p99": p99}


def _ask(port: int, bodies: list[bytes], seconds: float) -> list[float]:
    """Return the seconds of each request of a client, NaN of those that failed."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    times, end = [], time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        try:
            connection.request("POST", "/recommend", bodies[len(times) % len(bodies)], _HEADERS)
            answer = connection.getresponse()
            answer.read()
            is_good = answer.status == 200
        except OSError:
            connection.close()
            is_good = False
        times.append(time.perf_counter() - start if is_good else float("nan"))
    connection.close()
    return times


if __name__ == "__main__":
    main()
