"""How a worker talks to the benchmark: one line of JSON in, one out.

A worker runs in the virtual environment of a peer, so it imports nothing from this project.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO


def claim_stdout() -> TextIO:
    """Return a stream to the parent, and send whatever libraries print to the error stream."""
    stream = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return stream


def serve(tasks: Mapping[str, Callable[..., Any]], stream: TextIO) -> None:
    """Run one round of a task for each line that names it, until the input ends.

    A line is a list of the task's name and its arguments.
    """
    print(json.dumps({"ready": sorted(tasks)}), file=stream, flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps({"seconds": tasks[name](*arguments)}), file=stream, flush=True)


def seconds(function: Callable[[], object]) -> float:
    """Return the wall-clock time of a call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
