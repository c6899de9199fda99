"""Processes that run cases and may die of them."""

import multiprocessing
import os
import resource
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.fuzz.judge import Result, draw, judge

__all__ = ["run_cases"]

_GIGABYTE = 2**30
_CASES = 500  # that a process runs, before what they left in memory is in the way
_START = 120.0  # seconds that imports may take


class Worker:
    """A process that runs one case at a time; a new one is started where it died."""

    def __init__(self, seed: int, seconds: float) -> None:
        self.seed, self.seconds = seed, seconds
        self.process: Any = None
        self.n_run = 0
        self.pipe: Any = None

    def run(self, number: int) -> Result:
        """Return the result of a case, whatever it does to the process."""
        if self.n_run >= _CASES:
            self.stop()
        if self.process is None:
            self._start()
        self.n_run += 1
        try:
            self.pipe.send(number)
            if not self._wait(self.seconds):
                return self._ended(number, "slow", f"no answer after {self.seconds:g} s")
            answer = self.pipe.recv()
            if not isinstance(answer, Exception):
                return answer
            if self.n_run > 1:  # what earlier cases left may be in the way of threads or memory
                self.stop()
                return self.run(number)
        except (EOFError, ConnectionError):
            process: Any = self.process
            process.join()
            code = process.exitcode or 0
            death = signal.Signals(-code).name if code < 0 else f"exit status {code}"
            return self._ended(number, "crashed", death)
        raise RuntimeError(f"case {number} cannot be drawn") from answer

    def run_again(self, number: int) -> Result:
        """Return the result of a case, which runs once more in a new process if it crashed.

        An earlier case may have spoilt the memory of the first process.
        """
        result = self.run(number)
        if result.outcome != "crashed":
            return result
        alone = self.run(number)
        self.stop()
        note = "alone too" if alone.outcome == "crashed" else "not alone: memory was spoilt before"
        return result._replace(note=f"{result.note}, {note}")

    def _start(self) -> None:
        context: Any = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.n_run = 0
        self.process = context.Process(target=serve, args=(other, self.seed), daemon=True)
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        # glibc reserves 64 MB for each new thread, until the limit leaves none to start
        os.environ.setdefault("MALLOC_ARENA_MAX", "2")
        self.process.start()
        other.close()
        if not self._wait(_START):
            raise RuntimeError("a worker process does not start")
        self.pipe.recv()

    def _wait(self, seconds: float) -> bool:
        return self.pipe.poll(seconds)

    def _ended(self, number: int, outcome: str, note: str) -> Result:
        self.stop()
        case = draw(self.seed, number)
        return Result(number, case.kind, case.target, case.label, outcome, note)

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.pipe.close()
            self.process = None


def serve(pipe: Connection, seed: int) -> None:
    """Answer the numbers of cases with their results, until the pipe is closed."""
    import torch  # so that its memory is there before the limit is set

    torch.set_num_threads(1)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    _limit_memory(2 * _GIGABYTE)
    pipe.send("ready")
    while True:
        try:
            number = pipe.recv()
        except EOFError:
            return
        try:
            case = draw(seed, number)
        except Exception as error:
            pipe.send(error)
        else:
            pipe.send(judge(case, number))


def _limit_memory(more: int) -> None:
    """Allow so many bytes beyond what is mapped now."""
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + more, mapped + more))


def run_cases(
    seed: int, numbers: Iterable[int], jobs: int = 2, seconds: float = 20.0
) -> Iterator[Result]:
    """Yield the results of cases, in the order of their numbers."""
    pending = iter(numbers)
    workers = [Worker(seed, seconds) for _ in range(jobs)]
    idle = list(workers)

    def run(number: int) -> Result:
        worker = idle.pop()
        try:
            return worker.run_again(number)
        finally:
            idle.append(worker)

    try:
        with ThreadPoolExecutor(jobs) as pool:
            while batch := list(islice(pending, 64 * jobs)):
                yield from pool.map(run, batch)
    finally:
        for worker in workers:
            worker.stop()
