"""Measure estimators with their defaults on every data set, and compare candidates for defaults.

    python -m benchmarks.quality.defaults --jobs 2 --minutes 20
    python -m benchmarks.quality.defaults --candidates candidates.json
    python -m benchmarks.quality.defaults --former
    python -m benchmarks.quality.defaults --table benchmarks/results/defaults_table.csv

what is validated on; the test parts are never looked at:
  known   a tenth of the training interactions of each user, all items ranked: NDCG@100. Users are
          known from fit, so that no model is judged by its fold-in. On gowalla 3,000 users, drawn
          once, are ranked for: all 29,858 would take some models longer than their training
  strong  the validation users of the protocol "strong" of quality.run: NDCG@100
  ratings the validation ratings of the protocol "ratings", of models of ratings: RMSE

Nothing is tuned and nothing is watched: a model that stops early by default holds out users of its
own. GeRec and MoG, whose draws for all pairs take longer than their training, rank 200 items of
each user by them, the best of a first stage without draws. ConvNCF, GeRec and NAIS take long and
run on ml-100k and amazon-music alone, unless --everywhere is given.

A JSON file of candidates is a list of {"system": "WMFRecommender", "parameters": {"l2": 0.03}}.
Each stands beside the present defaults of its system; the smallest mean rank over the data sets
wins, and the present defaults do where it is a tie. Each fit is kept under all its parameters as it
ends, so that a change of defaults is run anew, and what was a candidate is there already. A
parameter that came later and is off by default (None, False, 0) changes nothing: older rows count.
One that --minutes has ended is run again where there is more time. --former takes the defaults of
before (benchmarks/former.py) for candidates, so that old and new ones stand side by side. --table
trains nothing: it says what there is of both, and writes it to a CSV.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from sklearn.utils import Bunch

from benchmarks.arguments import (
    add_compute,
    add_data,
    add_jobs,
    add_output,
    add_seeds,
    as_tuples,
    make_parser,
    prepare,
)
from benchmarks.cells import keep_rows, smoke_parameters
from benchmarks.former import FORMER
from benchmarks.quality.defaults_report import PLAIN, Trial, report, write_table
from benchmarks.quality.plain_biases import PlainBiases
from benchmarks.trials import in_parallel, is_kept, keep_trial
from skrec.datasets import list_cached
from skrec.interactions import Interactions
from skrec.metrics import make_ranking_scorer
from skrec.reproduce import (
    Cell,
    Task,
    find_rows,
    find_system,
    has_seed,
    list_systems,
    load_data,
    make_protocol,
    make_system,
    score_system,
    with_leave_one_out,
)

__all__ = ["main"]

_DATA = ["ml-100k", "ml-1m", "amazon-music", "gowalla"]
_RATED = ("ml-100k", "ml-1m", "synthetic")
_HEAVY = ("ConvNCF", "GeRec", "NAIS")
_LIGHT_DATA = ("ml-100k", "amazon-music", "synthetic")
_METRICS = ("ndcg@100", "ndcg@20", "recall@20")
# what has no bearing on what is learnt, or is no JSON
_LEFT_OUT = ("callbacks", "device", "n_jobs", "random_state", "validation_data", "verbose")
_PASSED = 200  # items of each user that are drawn for
# users who are validated on where all of them are too many: they are drawn
_SOME_USERS = {"gowalla": 3000}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    _prepare(parser, options)
    run = _trials if options.table else _run_data
    trials = [trial for name in options.data for trial in run(name, options)]
    if options.table:
        write_table(trials, options.output, options.table)
    print(report(trials, options.output))


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("quality.defaults", __doc__)
    add_data(parser, _DATA)
    parser.add_argument("--systems", nargs="+", help="estimators by name; default: all")
    parser.add_argument(
        "--users", choices=["known", "strong"], default="known",
        help="what models without ratings are validated on; default: known",
    )  # fmt: skip
    parser.add_argument("--candidates", metavar="FILE", help="JSON of candidates for defaults")
    parser.add_argument("--former", action="store_true", help="the former defaults are candidates")
    parser.add_argument(
        "--table", metavar="FILE", help="train nothing; write a CSV of what was run"
    )
    parser.add_argument(
        "--everywhere", action="store_true", help="run the slow models on all data sets too"
    )
    add_jobs(parser, "fit", minutes=20.0)
    add_seeds(parser, [0])
    add_compute(parser)
    add_output(parser, "defaults.csv")
    return parser


def _prepare(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Check the options; only data sets that are here are run if none are named."""
    systems, options.systems = options.systems, None  # of both kinds: they are checked here
    prepare(parser, options)
    if options.data == _DATA:
        here = list_cached(options.data_home)
        options.data = [name for name in _DATA if name in here] or _DATA
    if options.table and options.candidates:
        parser.error("--table has the defaults of now and before: it takes no --candidates")
    every = [*_estimators("implicit"), *_estimators("explicit"), PLAIN]
    options.given = _read_candidates(parser, options.candidates)
    if options.former or options.table:
        options.given += [{"system": name, "parameters": old} for name, old in FORMER.items()]
    named = dict.fromkeys(candidate["system"] for candidate in options.given)
    options.systems = systems or ([] if options.table else [*named]) or every
    unknown = [name for name in [*options.systems, *named] if name not in every]
    if unknown:
        parser.error(f"--systems and candidates must be among {every}; got {unknown}")
    for candidate in options.given:
        try:
            make_system(candidate["system"], candidate["parameters"])._validate_params()
        except (TypeError, ValueError) as error:
            parser.error(f"--candidates: {candidate['system']}: {error}")


def _estimators(feedback: str) -> list[str]:
    """Return the systems that are estimators, not settings of one."""
    return [name for name in list_systems(feedback) if find_system(name).__name__ == name]


def _read_candidates(parser: argparse.ArgumentParser, path: str | None) -> list[dict[str, Any]]:
    if path is None:
        return []
    try:
        given = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        parser.error(f"--candidates must be a file of JSON; got {path}: {error}")
    keys = {"system", "parameters"}
    if not isinstance(given, list) or any(
        not isinstance(each, dict) or set(each) != keys for each in given
    ):
        parser.error(f"--candidates must hold a list of objects with {sorted(keys)}; got {path}")
    return as_tuples(given)


# what runs


def _run_data(name: str, options: argparse.Namespace) -> list[Trial]:
    """Run what is not in the CSV of a data set, and return all that belongs to it."""
    trials = [*_trials(name, options)]
    tasks: dict[str, Task] = {}

    def calls() -> Iterator[tuple[Any, ...]]:
        data = None
        for cell in (trial.cell for trial in trials):
            if is_kept(cell, options.output, options.minutes):
                continue
            data = load_data(name, options.data_home) if data is None else data
            if cell.protocol not in tasks:
                tasks[cell.protocol] = _task(cell.protocol, name, data)
            yield cell, tasks[cell.protocol], options.output, options.device, options.minutes

    for _ in in_parallel(_attempt, calls(), options.jobs):
        pass
    return trials


def _trials(name: str, options: argparse.Namespace) -> Iterator[Trial]:
    for system in options.systems:
        explicit = system == PLAIN or system in list_systems("explicit")
        protocol = "ratings" if explicit else options.users
        slow = system.startswith(_HEAVY) and name not in _LIGHT_DATA and not options.everywhere
        if slow or (explicit and name not in _RATED):
            continue
        changes = [each["parameters"] for each in options.given if each["system"] == system]
        for changed in [{}, *changes]:
            parameters = _parameters(system, changed, options.smoke)
            seeds = options.seeds if system != PLAIN and has_seed(system) else [0]
            for seed in seeds:
                cell = Cell(system, name, protocol, seed, _split(protocol, name), parameters)
                yield Trial(_as_kept(cell, options.output), changed)


def _parameters(system: str, changed: dict[str, Any], smoke: bool) -> dict[str, Any]:
    """Return all parameters, so that cells of other defaults are other cells."""
    if system == PLAIN:
        return {}
    found = find_system(system)().get_params(deep=False)
    found = {name: value for name, value in found.items() if name not in _LEFT_OUT}
    return {**found, **changed, **(smoke_parameters(system) if smoke else {})}


def _as_kept(cell: Cell, path: str) -> Cell:
    """Return a cell as the CSV has it, where it may lack parameters that came later and are off."""
    if cell.system == PLAIN:
        return cell
    now, default = (_as_json(p) for p in (cell.parameters, _parameters(cell.system, {}, False)))
    off = {name: value for name, value in default.items() if not value}
    rows = find_rows(path, {name: at for name, at in cell.key.items() if name != "parameters"})
    for text in [] if rows.empty else rows["parameters"].unique()[::-1]:
        then = json.loads(text)
        if {**off, **then} == now:
            return replace(cell, parameters={name: cell.parameters[name] for name in then})
    return cell


def _as_json(parameters: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(parameters))


def _split(protocol: str, name: str) -> str:
    if protocol != "known":
        return _protocol(protocol, name).split
    return f"tenth of {_SOME_USERS[name]} users" if name in _SOME_USERS else "tenth"


def _protocol(protocol: str, name: str) -> Any:
    few = {"ml-100k": 90, "amazon-music": 150}  # a tenth of the users
    users = {"test_users": few[name]} if name in few else {}
    return make_protocol(protocol, data=name, **users)


def _task(protocol: str, name: str, data: Bunch) -> Task:
    """Return the validation task, without anything that training could watch."""
    if protocol != "known":
        return replace(
            _protocol(protocol, name).tuning(data), fit_parameters={}, sampled_parameters={}
        )
    train = data.get("train")
    train = with_leave_one_out(data).loo_train if train is None else train
    task = make_protocol("weak").tuning(Bunch(train=train))
    scorer = _InStages(make_ranking_scorer(_METRICS, unknown_users="include"))
    evaluate = _of_some(cast("Interactions", task.evaluate), _SOME_USERS.get(name))
    return replace(task, evaluate=evaluate, scorer=cast("Any", scorer), fit_parameters={})


class _InStages:
    """A scorer that lets models of draws rank in two stages."""

    def __init__(self, scorer: Any) -> None:
        self._scorer, self.names = scorer, scorer.names

    def per_user(self, estimator: Any, X: Any) -> Any:
        if "n_candidates" in estimator.get_params(deep=False):
            estimator.set_params(n_candidates=_PASSED)
        return self._scorer.per_user(estimator, X)


def _of_some(pairs: Interactions, n_users: int | None) -> Interactions:
    users = np.unique(pairs.user)
    if n_users is None or n_users >= len(users):
        return pairs
    chosen = np.random.RandomState(0).choice(users, n_users, replace=False)
    return pairs[np.isin(pairs.user, chosen)]


def _attempt(cell: Cell, task: Task, path: str, device: str | None, minutes: float | None) -> None:
    """Run a cell; what goes wrong is printed, and the others are not lost."""
    try:
        if cell.system == PLAIN:
            start = time.perf_counter()
            model: Any = PlainBiases().fit(cast("Interactions", task.train))
            rows = score_system(task, model, time.perf_counter() - start).rows()
            keep_rows(path, cell.key, rows)
        else:
            keep_trial(cell, task, path, device, minutes)
    except Exception as error:
        print(f"{cell.name} failed: {type(error).__name__}: {error}", flush=True)


if __name__ == "__main__":
    main()
