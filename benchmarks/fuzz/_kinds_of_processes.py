"""Kinds of commands, threads and forks."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

import skrec

CASES: list[tuple[str, str, Callable[[], Any]]] = []
X = sp.csr_matrix((np.random.RandomState(0).rand(30, 12) < 0.4).astype(np.float32))


def case(kind: str, label: str, function: Callable[[], Any]) -> None:
    """Add a case."""
    CASES.append((kind, label, function))


def bpr(**params: Any) -> Any:
    """Fit a small BPRMF and return it."""
    small = {"n_factors": 4, "max_epochs": 1, "device": "cpu", "random_state": 0}
    small |= {"solver": "torch", "lr_decay": None}
    return skrec.BPRMFRanker(**{**small, **params}).fit(X)


def quickstart(*options: str, content: str = "user,item\n1,2\n") -> str:
    """Run the quickstart of the checkout; return its status and what it prints last."""
    folder = Path(os.environ["SKREC_KINDS"])
    (folder / "file.csv").write_text(content)
    script = Path(skrec.__file__).parents[1] / "examples" / "quickstart.py"
    options = tuple(option.replace("FOLDER", str(folder)) for option in options)
    done = subprocess.run(
        [sys.executable, str(script), *options],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(script.parents[1])},
        check=False,
    )
    lines = done.stderr.strip().splitlines() or ["nothing"]
    return f"exit {done.returncode}, {len(lines)} lines: {lines[-1].replace(str(folder), '')}"


case(
    "10 sentences",
    "quickstart --data file.csv of two values",
    lambda: quickstart("--data", "FOLDER/file.csv"),
)
case("10 sentences", "quickstart --data none.csv", lambda: quickstart("--data", "none.csv"))
case("10 sentences", "quickstart --max-users -3", lambda: quickstart("--max-users", "-3"))
case("10 sentences", "quickstart --output none/a.png", lambda: quickstart("--output", "none/a.png"))


def other_thread_draws() -> str:
    """Return whether a fit depends on what another thread draws from torch."""
    import torch

    def scores() -> Any:
        model = skrec.MultDAERecommender(
            hidden_sizes=(8,), latent_size=4, max_epochs=100, device="cpu", random_state=0
        )
        return model.fit(X).decision_function(X)

    alone = scores()
    stop = threading.Event()

    def draw() -> None:
        while not stop.is_set():
            torch.rand(1)

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        return f"same model: {np.array_equal(alone, scores())}"
    finally:
        stop.set()
        thread.join()


case("12 threads", "torch.rand in another thread during fit", other_thread_draws)


def stream_of_user() -> str:
    """Return whether a thread that draws while a model trains gets its own numbers."""
    import torch

    def numbers() -> list[float]:
        torch.manual_seed(0)
        drawn = []
        for _ in range(100):
            drawn.append(float(torch.rand(1)))
            time.sleep(0.002)
        return drawn

    alone = numbers()
    thread = threading.Thread(target=lambda: bpr(max_epochs=150))
    thread.start()
    beside = numbers()
    thread.join()
    return f"same stream: {alone == beside}"


case("12 threads", "the user's stream while a thread fits", stream_of_user)


def fork_while_training() -> str:
    """Fork while a thread trains, and fit in the child."""
    thread = threading.Thread(target=lambda: bpr(max_epochs=300), daemon=True)
    thread.start()
    time.sleep(0.3)
    child = os.fork()
    if child == 0:
        bpr()
        os._exit(0)
    for _ in range(200):
        if os.waitpid(child, os.WNOHANG)[0]:
            return "the child has fitted"
        time.sleep(0.1)
    os.kill(child, 9)
    return "the child hangs"


case("12 forks", "fork while a thread trains, fit in the child", fork_while_training)


def read_while_refitting() -> str:
    """Return how many answers fail while another thread fits the model again."""
    model = bpr(max_epochs=3)
    done = threading.Event()

    def refit() -> None:
        for _ in range(5):
            model.fit(X)
        done.set()

    thread = threading.Thread(target=refit)
    thread.start()
    n_asked = n_failed = 0
    while not done.is_set():
        n_asked += 1
        try:
            model.recommend(users=[0, 1], n_items=3)
        except Exception:
            n_failed += 1
    thread.join()
    return f"some failed: {n_failed > 0} ({n_failed} of {n_asked})"


case("12 refits", "recommend while another thread fits", read_while_refitting)
