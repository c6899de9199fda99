"""Choose settings on validation data, and print them as rows of settings.jsonl.

what is validated on; the test part is never looked at:
  ncf     another item of each user, the latest before the test item (at random without times),
          among 99 drawn negatives; by NDCG@10. Training is watched by NDCG@100 over all items.
  strong  the validation users; by NDCG@100
  weak    a tenth of each user's training interactions; by NDCG@20
  ratings half of the ratings that are not trained on; by RMSE

Every system has the same budget: trials are added until there are --trials of it in the CSV, those
of earlier runs and other spaces among them. That many make settings "tuned". Each trial is kept as
it ends, so that a run that was ended goes on where it was, with the same points for the same
--search and --search-seed.

Torch systems train with early stopping; the chosen row holds the best epoch (ncf, weak: the final
fit is on train and validation data together) or early stopping itself (strong, ratings). A trial
that runs over --minutes keeps its best epoch so far. Those that start from another system take its
settings, so tune that one first. What of the best point lies at an end of its range is said: --grid
and more --trials go on from there.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from benchmarks.arguments import (
    add_compute,
    add_data,
    add_jobs,
    add_output,
    add_protocol,
    add_splits,
    add_systems,
    make_parser,
    parse_json,
    prepare,
)
from benchmarks.cells import protocol_for, systems_for
from benchmarks.quality.grids import GRIDS, TRAINING, Start
from benchmarks.quality.search import SEARCHES, Log, Space, edges, proposals
from benchmarks.trials import STOPPED, in_parallel, keep_trial
from skrec.reproduce import (
    BUDGET,
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

__all__ = ["best_settings", "find_trials", "main", "search", "space_for"]


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
    add_jobs(parser, "trial")
    parser.add_argument(
        "--trials", type=int, default=BUDGET, help=f"of each system, in all; default: {BUDGET}"
    )
    parser.add_argument(
        "--search", choices=SEARCHES, default="random",
        help="how points are chosen; tpe needs the extra sklearn-recommenders[optuna]; "
        "default: random",
    )  # fmt: skip
    parser.add_argument("--search-seed", type=int, default=0, help="of the points; default: 0")
    parser.add_argument(
        "--grid",
        type=parse_json,
        help='JSON that replaces parts of the space: {"l2": [1, 10], "lr": {"log": [0.001, 0.1]}}',
    )
    parser.add_argument("--seed", type=int, default=0, help="training seed")
    return parser


def search(task: Task, system: str, name: str, options: argparse.Namespace) -> pd.DataFrame:
    """Try parameters of a system on a validation task until there are trials enough.

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
    trials : DataFrame
        From `find_trials`.
    """
    protocol = protocol_for(name, options)
    points = proposals(
        space_for(system, name, options),
        options.search,
        options.search_seed,
        1 if options.smoke else options.trials,
        _training(system, options.smoke),
        lambda: find_trials(system, name, options),
        smaller_is_better(protocol.criterion),
    )
    cells = (
        Cell(system, name, options.protocol, options.seed, protocol.split, parameters)
        for parameters in points
    )
    calls = ((cell, task, options.output, options.device, options.minutes) for cell in cells)
    for _ in in_parallel(keep_trial, calls, options.jobs):
        pass
    return find_trials(system, name, options)


def space_for(system: str, name: str, options: argparse.Namespace) -> Space:
    """Return the space of a system, with what the options replace and with the starts' settings."""
    given = {name: _values(values) for name, values in (options.grid or {}).items()}
    space = {**GRIDS.get(system, {}), **given}
    changed = {"max_epochs": 1} if options.smoke else {}

    def started(value: Any) -> Any:
        if isinstance(value, Start):
            return {**value.on(name, options.protocol), **changed}
        return value

    return {
        parameter: values if isinstance(values, Log) else [started(value) for value in values]
        for parameter, values in space.items()
    }


def _values(values: Any) -> Any:
    if isinstance(values, dict) and set(values) == {"log"}:
        return Log(*values["log"])
    return values


def _training(system: str, smoke: bool) -> dict[str, Any]:
    names = find_system(system)().get_params()
    training = {**TRAINING, "max_epochs": 2} if smoke else TRAINING
    return {name: value for name, value in training.items() if name in names}


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
        The rows of the criterion, best first, one for each point; ``stopped`` is the number of
        minutes after which its training was ended, or NaN.
    """
    protocol = protocol_for(name, options)
    key = {"system": system, "data": name, "protocol": options.protocol, "split": protocol.split}
    found: Any = find_rows(options.output, {**key, "seed": options.seed})
    if found.empty:
        return found
    stopped = found[found["metric"] == STOPPED].set_index("parameters")["mean"]
    rows = found[found["metric"] == protocol.criterion]
    rows = rows.drop_duplicates("parameters", keep="last")
    rows = rows.assign(stopped=rows["parameters"].map(stopped.to_dict()))
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
    best: Any = trials.iloc[0]
    parameters = parse_json(best["parameters"])
    if "early_stopping" in parameters and not protocol.keeps_early_stopping:
        parameters = {key: value for key, value in parameters.items() if key not in TRAINING}
        parameters["max_epochs"] = int(best["n_epochs"])
        if find_system(best["system"])().get_params().get("early_stopping"):
            parameters["early_stopping"] = False
    note = f"{best['metric']} {best['mean']:.4f} on validation data"
    if best.get("stopped", 0) > 0:
        note += f"; stopped after {best['stopped']:g} minutes"
    what = best["system"], best["data"], best["protocol"]
    return Settings(*what, parameters, source="validation", trials=len(trials), note=note)


def _report(system: str, name: str, options: argparse.Namespace) -> None:
    """Print the first trials, and the best as a row of the table of settings."""
    trials = find_trials(system, name, options)
    if all(trials["mean"].isna()):
        raise SystemExit(f"{system} on {name}: the training diverged in all trials")
    settings = best_settings(trials, make_protocol(options.protocol))
    shown: Any = (
        trials[["mean", "n_epochs", "stopped", "parameters"]].head(10).dropna(axis=1, how="all")
    )
    print(shown.to_string(index=False, max_colwidth=120))
    row = {key: value for key, value in asdict(settings).items() if key != "known"}
    print(f"\n{system} on {name}: {settings.text}, {settings.note}")
    points = [parse_json(text) for text in trials["parameters"]]
    for parameter in edges(space_for(system, name, options), points):
        print(f"at an end of its range: {parameter} {points[0][parameter]}")
    print(f"{json.dumps(row)}\n", flush=True)


if __name__ == "__main__":
    main()
