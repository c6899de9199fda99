"""How a worker talks to the benchmark: one line in, one line of JSON out.

A worker runs in the virtual environment of a peer, so it imports nothing from this project.
"""

import json
import os
import sys
import time


def claim_stdout():
    """Give a stream to the parent, and send whatever libraries print to the error stream."""
    stream = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return stream


def serve(tasks, stream):
    """Run one round of a task for each line that names it, until the input ends."""
    print(json.dumps({"ready": sorted(tasks)}), file=stream, flush=True)
    for line in sys.stdin:
        print(json.dumps({"seconds": tasks[line.strip()]()}), file=stream, flush=True)


def seconds(function):
    """Give the wall-clock time of a call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
