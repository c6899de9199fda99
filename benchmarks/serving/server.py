"""What is measured: the files of the example, its server as a process, and what to ask it."""

import json
import os
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.arguments import add_output

__all__ = [
    "Server",
    "add_serving_options",
    "check_serving_options",
    "histories",
    "running",
    "train",
]

MODELS = ("EASE", "WMF", "MultVAE")
_EXAMPLE = Path(__file__).parents[2] / "examples" / "serve"
_DATA = ("ml-1m", "ml-100k", "made-up")
_IDLE = 0.03  # seconds of the processor in one second
_STARTS_WITHIN = 120.0  # seconds, imports on a busy machine among them


def add_serving_options(parser: ArgumentParser, output: str) -> None:
    """Add the options that both commands have."""
    parser.add_argument("--data", choices=_DATA, default="ml-1m", help="default: ml-1m")
    parser.add_argument("--data-home", help="folder of the data; default: $SKREC_DATA")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument(
        "--epochs", type=int, default=2, help="of WMF and MultVAE, few: no time depends on them"
    )
    add_output(parser, output)
    parser.add_argument("--smoke", action="store_true", help="made-up data, a quick run")


def check_serving_options(parser: ArgumentParser, options: Namespace, counts: list[str]) -> None:
    """Check the options, and put in place what ``--smoke`` implies."""
    if options.smoke:
        options.data = "made-up"
    for name in ["epochs", *counts]:
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be 1 or more; got {getattr(options, name)}")


def train(model: str, options: Namespace, folder: Path) -> Path:
    """Run the example's training.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    options : Namespace
        With ``data``, ``data_home`` and ``epochs``.
    folder : Path
        Where the files go.

    Returns
    -------
    path : Path
        The file of the model.
    """
    path = folder / f"{model}.safetensors"
    command = ["--model", model, "--data", options.data, "--output", str(path)]
    command += [] if model == "EASE" else ["--epochs", str(options.epochs)]
    environment = _environment()
    if options.data_home:
        environment["SKREC_DATA"] = options.data_home
    call = [sys.executable, str(_EXAMPLE / "train.py"), *command]
    done = subprocess.run(call, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the training of {model} failed:\n{done.stderr}")
    return path


def _environment() -> dict[str, str]:
    """Return an environment in which the checkout comes first."""
    root = str(_EXAMPLE.parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}


class Server:
    """A server that runs.

    Parameters
    ----------
    process : Popen
        Its process.
    port : int
        Where it listens.
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port

    def answers(self) -> bool:
        """Return whether it is up."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def wait(self) -> None:
        """Wait until it is up, with all of its workers; one that ends before is an error."""
        end = time.monotonic() + _STARTS_WITHIN
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit("it does not start; run examples/serve/serve.py to see why")
            time.sleep(0.2)
        before = float("-inf")  # another worker may still be starting, which takes much time
        while time.monotonic() < end and (now := self.cpu_seconds()) - before > _IDLE:
            before = now
            time.sleep(1.0)

    def cpu_seconds(self) -> float:
        """Return the processor time of it and of its workers so far; NaN where that is unknown."""
        try:
            pids = [self.process.pid, *_children(self.process.pid)]
            ticks = [_stat(pid)[11:13] for pid in pids]  # utime and stime
        except OSError:
            return float("nan")
        return sum(int(each) for pair in ticks for each in pair) / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in files for child in file.read_text().split()]


def _stat(pid: int) -> list[str]:
    """Return the fields of a process's state from the third on, after its name in brackets."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


@contextmanager
def running(path: Path, workers: int = 1) -> Iterator[Server]:
    """Run the server of the example inside the block.

    Parameters
    ----------
    path : Path
        The file of the model.
    workers : int, default=1
        Its processes.

    Yields
    ------
    server : Server
        Which answers.
    """
    if find_spec("fastapi") is None or find_spec("uvicorn") is None:
        raise SystemExit("the server needs FastAPI: pip install 'sklearn-recommenders[serve]'")
    port = _free_port()
    command = [str(_EXAMPLE / "serve.py"), "--model", str(path), "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, *command, "--workers", str(workers)],
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        server = Server(process, port)
        server.wait()
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def histories(model: Any, kind: str, n: int) -> list[bytes]:
    """Return bodies of requests for a list.

    Parameters
    ----------
    model : BaseRecommender
        What is served.
    kind : {"known", "new"}
        Whether users are named, or their histories are given as those of new users.
    n : int
        How many, of users drawn at random.

    Returns
    -------
    bodies : list of bytes
        In JSON.
    """
    encoder, X = model.encoder_, model.interactions_
    rows = np.random.default_rng(0).integers(X.shape[0], size=n)
    if kind == "known":
        return [json.dumps({"user": user}).encode() for user in encoder.user_ids_[rows].tolist()]
    items = [encoder.item_ids_[X[row].indices].tolist() for row in rows]
    return [json.dumps({"items": each}).encode() for each in items if each]
