"""Choose settings on validation data, and print them as rows of settings.jsonl.

what is validated on; the test part is never looked at:
  ncf     another item of each user, the latest before the test item (at random without times),
          among 99 drawn negatives; by NDCG@10. Training is watched by NDCG@100 over all items.
  strong  the validation users; by NDCG@100
  weak    a tenth of each user's training interactions; by NDCG@20
  ratings half of the ratings that are not trained on; by RMSE

Torch systems train with early stopping; the chosen row holds the best epoch (ncf, weak: the final
fit is on train and validation data together) or early stopping itself (strong, ratings). Every
trial is a row of the CSV; a trial that is there is not run again, and the best is that of all
trials of the system that are there. Ten of them or more make settings "tuned".
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import ParameterGrid

from benchmarks.arguments import (
    add_compute,
    add_data,
    add_output,
    add_protocol,
    add_splits,
    add_systems,
    as_tuples,
    make_parser,
    parse_json,
    prepare,
)
from benchmarks.cells import protocol_for, run_once, systems_for
from benchmarks.quality.grids import GRIDS, TRAINING
from skrec.reproduce import (
    Cell,
    Protocol,
    Settings,
    Task,
    find_rows,
    find_system,
    load_data,
    make_protocol,
    smaller_is_better,
)

__all__ = ["best_settings", "find_trials", "main", "search"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    for name in options.data:
        task = protocol_for(name, options).tuning(load_data(name, options.data_home))
        for system in systems_for(name, options):
            search(task, system, name, options)
            _report(system, name, options)


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("quality.tune", __doc__)
    add_data(parser, ["ml-1m"])
    add_protocol(parser, "ncf")
    add_systems(parser)
    add_splits(parser)
    add_compute(parser)
    add_output(parser, "tuning.csv")
    parser.add_argument("--limit", type=int, help="try only this many of a grid, at random")
    parser.add_argument("--grid", type=parse_json, help="JSON that replaces parts of the grid")
    parser.add_argument("--seed", type=int, default=0, help="training seed")
    return parser


def search(task: Task, system: str, name: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Try the parameters of a system on a validation task.

    Parameters
    ----------
    task : Task
        Of the protocol's tuning stage.
    system, name : str
        The system and the data set.
    options : Namespace
        Of the command line.

    Returns
    -------
    trials : list of dict
        Those of this grid, best first, with ``parameters``, ``value`` and ``n_epochs``.
    """
    trials = [_trial(task, system, name, p, options) for p in candidates(system, options)]
    sign = 1 if smaller_is_better(protocol_for(name, options).criterion) else -1
    return sorted(trials, key=lambda trial: sign * trial["value"])


def candidates(system: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the parameters to try: a grid's points, or some of them, with training's settings."""
    grid = {**GRIDS.get(system, {}), **(options.grid or {})}
    points = list(ParameterGrid(grid))
    limit = 1 if options.smoke else options.limit
    if limit and limit < len(points):
        chosen = np.random.default_rng(0).choice(len(points), limit, replace=False)
        points = [points[i] for i in sorted(chosen)]
    names = find_system(system)().get_params()
    training = {**TRAINING, "max_epochs": 2} if options.smoke else TRAINING
    shared = {name: value for name, value in training.items() if name in names}
    return [{**shared, **as_tuples(point)} for point in points]


def _trial(
    task: Task, system: str, name: str, parameters: dict[str, Any], options: argparse.Namespace
) -> dict[str, Any]:
    protocol = protocol_for(name, options)
    cell = Cell(system, name, options.protocol, options.seed, protocol.split, parameters)
    run_once(cell, lambda: task, options.output, options.device)
    best = find_rows(options.output, {**cell.key, "metric": protocol.criterion}).iloc[-1]
    return {"parameters": parameters, "value": best["mean"], "n_epochs": best["n_epochs"]}


def find_trials(system: str, name: str, options: argparse.Namespace) -> pd.DataFrame:
    """Return all trials of a system in the CSV, of this grid or another.

    Parameters
    ----------
    system, name : str
        The system and the data set.
    options : Namespace
        Of the command line.

    Returns
    -------
    trials : DataFrame
        The rows of the criterion, best first, one for each point.
    """
    protocol = protocol_for(name, options)
    key = {"system": system, "data": name, "protocol": options.protocol, "split": protocol.split}
    rows = find_rows(options.output, {**key, "seed": options.seed, "metric": protocol.criterion})
    rows = rows.drop_duplicates("parameters", keep="last")
    return rows.sort_values("mean", ascending=smaller_is_better(protocol.criterion))


def best_settings(trials: pd.DataFrame, protocol: Protocol) -> Settings:
    """Return the settings of the first trial, which know how many they were chosen from.

    Parameters
    ----------
    trials : DataFrame
        From `find_trials`.
    protocol : Protocol
        Whether it keeps early stopping, or takes the epoch that this has found.

    Returns
    -------
    settings : Settings
        Their text says "tuned" where there were trials enough.
    """
    best = trials.iloc[0]
    parameters = parse_json(best["parameters"])
    if "early_stopping" in parameters and not protocol.keeps_early_stopping:
        parameters = {key: value for key, value in parameters.items() if key not in TRAINING}
        parameters["max_epochs"] = int(best["n_epochs"])
    note = f"{best['metric']} {best['mean']:.4f} on validation data"
    what = best["system"], best["data"], best["protocol"]
    return Settings(*what, parameters, source="validation", trials=len(trials), note=note)


def _report(system: str, name: str, options: argparse.Namespace) -> None:
    """Print the first trials, and the best as a row of the table of settings."""
    trials = find_trials(system, name, options)
    settings = best_settings(trials, make_protocol(options.protocol))
    shown = trials[["mean", "n_epochs", "parameters"]].head(10)
    print(shown.to_string(index=False, max_colwidth=120))
    row = {key: value for key, value in asdict(settings).items() if key != "known"}
    print(f"\n{system} on {name}: {settings.text}, {settings.note}")
    print(f"{json.dumps(row)}\n", flush=True)


if __name__ == "__main__":
    main()
