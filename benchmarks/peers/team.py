"""Ours and the peers in turns: their workers, rounds that one peer cannot stop, and the rows."""

import json
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from benchmarks.peers.environments import Worker
from benchmarks.speed.command import Row
from benchmarks.speed.measure import alternate, limited_threads, summarize
from skrec.typing import Array

__all__ = ["SCRIPTS", "Team", "compare", "pair_rows"]

# the worker that has a peer's models
SCRIPTS = {
    "recbole": "recbole_models_worker",
    "implicit": "implicit_models_worker",
    "cornac": "cornac_worker",
    "skrecsys": "skrecsys_worker",
    "fastslim": "fastslim_worker",
    "irspack": "irspack_worker",
    "myfm": "myfm_worker",
}


class Team:
    """The workers of some peers on the same arrays, as a context manager.

    What goes wrong with one of them is kept and leaves the others alone.

    Parameters
    ----------
    settings : dict of str to dict
        For each peer, what its worker takes beside the arrays.
    arrays : str
        Path of the arrays.
    options : Namespace
        Of the command line: ``threads``, and the ``peers`` that are asked for.

    Attributes
    ----------
    errors : dict of str to str
        For each peer that failed, why.
    """

    def __init__(
        self, settings: Mapping[str, Mapping[str, Any]], arrays: str, options: Namespace
    ) -> None:
        self.settings = {peer: settings[peer] for peer in settings if peer in options.peers}
        self.arrays, self.threads = arrays, options.threads
        self.workers: dict[str, Worker] = {}
        self.errors: dict[str, str] = {}
        self._stack = ExitStack()

    def __enter__(self) -> "Team":
        self._stack.enter_context(limited_threads(self.threads))
        for peer in self.settings:
            self._try(peer, lambda peer=peer: self._start(peer))
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def _start(self, peer: str) -> None:
        given = self.arrays, self.threads, json.dumps(self.settings[peer])
        worker = Worker(peer, *given, threads=self.threads, script=SCRIPTS[peer])
        self.workers[peer] = self._stack.enter_context(worker)

    def run(self, peer: str, task: str, *arguments: Any) -> Any:
        """Run one round of a peer and return its seconds, NaN once it has failed."""
        if peer in self.errors:
            return np.nan
        return self._try(peer, lambda: self.workers[peer].run(task, *arguments))

    def _try(self, peer: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:  # of whatever kind: it is one peer's, and becomes its row
            self.errors[peer] = f"{peer} failed: {type(error).__name__}: {error}"
            return np.nan


def compare(
    what: str,
    ours: Callable[[], Any] | Mapping[str, Callable[[], Any]],
    calls: Mapping[str, Sequence[Any]],
    team: Team,
    options: Namespace,
    note: str | None = None,
    warm_up: bool = True,
) -> list[Row]:
    """Time ours and what peers have for it in turns.

    Parameters
    ----------
    what : str
        What is timed; a peer's part of it has its name and an underscore before.
    ours : callable or dict of str to callable
        Does one round and returns its seconds; several by name, if what is ours comes in variants.
    calls : dict of str to list
        For each peer that has the model, the task of its worker and the arguments.
    team : Team
        The workers.
    options : Namespace
        Of the command line.
    note : str, default=None
        Goes into every row.
    warm_up : bool, default=True
        Whether a round before the first does not count.

    Returns
    -------
    rows : list of dict
        From `pair_rows`.
    """
    asked = {peer: call for peer, call in calls.items() if peer in team.settings}
    ours = {what: ours} if callable(ours) else ours
    tasks = dict(ours)
    for peer, call in asked.items():
        tasks[f"{peer}_{what}"] = lambda peer=peer, call=call: team.run(peer, *call)
    times = alternate(tasks, options.rounds, warm_up)
    references = {peer: f"{peer}_{what}" for peer in asked}
    return pair_rows(list(ours), references, times, team.errors, note)


def pair_rows(
    ours: Sequence[str],
    references: Mapping[str, str],
    times: Mapping[str, Sequence[Array]],
    errors: Mapping[str, str],
    note: str | None = None,
) -> list[Row]:
    """Return rows for each peer, ours and its own, with ratios to its time.

    Parameters
    ----------
    ours : list of str
        What is ours.
    references : dict of str to str
        For each peer, what is its own; none: ours alone.
    times : dict of str to list of ndarray
        Seconds, an array a round.
    errors : dict of str to str
        For each peer that failed, why: its row says so.
    note : str, default=None
        Goes into every row.

    Returns
    -------
    rows : list of dict
        For `record`.
    """
    if not references:
        return summarize({name: times[name] for name in ours})
    rows = []
    for peer, name in references.items():
        if peer in errors:
            rows += [{"what": own, "reference": name, "note": errors[peer]} for own in ours]
            continue
        taken = {each: times[each] for each in (*ours, name)}
        rows += [row | {"note": note} for row in summarize(taken, name)]
    return rows
