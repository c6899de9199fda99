"""Choose settings on validation data, for the rows of ``skrec/reproduce/_settings``.

Run from the checkout as ``python -m benchmarks.tune --help``. The test part is never looked at.
"""

import argparse
import json
from pprint import pformat

import numpy as np
import pandas as pd
from sklearn.model_selection import ParameterGrid

from benchmarks import quality
from benchmarks.settings import GRIDS
from skrec.reproduce import _cells, _data, _store, _systems
from skrec.reproduce._protocols import PROTOCOLS
from skrec.reproduce._settings import TRAINING

__all__ = ["main"]

_EPILOG = """\
what is validated on:
  ncf     another item of each user, the latest before the test item (at random without times),
          among 99 drawn negatives; by NDCG@10. Training is watched by NDCG@100 over all items.
  strong  the validation users; by NDCG@100
  weak    a tenth of each user's training interactions; by NDCG@20
  ratings half of the ratings that are not trained on; by RMSE

Torch systems train with early stopping; the chosen row holds the best epoch (ncf, weak: the final
fit is on train and validation data together) or early stopping itself (strong, ratings). Every
trial is a row of the CSV; a trial that is there is not run again.
"""


def main(argv=None):
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    quality.prepare(parser, options)
    for name in options.data:
        task = PROTOCOLS[options.protocol](options).tuning(_data.load(name, options.data_home))
        for system in quality.systems_for(name, options):
            trials = search(task, system, name, options)
            _report(trials, system, name, options.protocol)


def search(task, system, name, options):
    """Try the parameters of a system on a validation task, and give the trials, best first.

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
        With ``parameters``, ``value`` and ``n_epochs``.
    """
    trials = [_trial(task, system, name, p, options) for p in candidates(system, options)]
    sign = 1 if _store.smaller_is_better(PROTOCOLS[options.protocol].criterion) else -1
    return sorted(trials, key=lambda trial: sign * trial["value"])


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tune",
        description="Search small grids on validation data and print rows for the settings.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    quality.add_common(parser)
    parser.add_argument("--output", default="benchmarks/results/tuning.csv", help="CSV to extend")
    parser.add_argument("--limit", type=int, help="try only this many of a grid, at random")
    parser.add_argument("--grid", type=json.loads, help="JSON that replaces parts of the grid")
    parser.add_argument("--seed", type=int, default=0, help="training seed")
    return parser


def candidates(system, options):
    """Give the parameters to try: a grid's points, or some of them, with training's settings."""
    grid = {**GRIDS.get(system, {}), **(options.grid or {})}
    points = [_tuples(point) for point in ParameterGrid(grid)]
    limit = 1 if options.smoke else options.limit
    if limit and limit < len(points):
        chosen = np.random.default_rng(0).choice(len(points), limit, replace=False)
        points = [points[i] for i in sorted(chosen)]
    names = _systems.find_system(system)().get_params()
    training = {**TRAINING, "max_epochs": 2} if options.smoke else TRAINING
    shared = {name: value for name, value in training.items() if name in names}
    return [{**shared, **point} for point in points]


def _tuples(point):
    """Give a point with tuples in place of JSON's lists, and Python's numbers."""
    return {k: tuple(v) if isinstance(v, list | tuple) else v for k, v in point.items()}


def _trial(task, system, name, parameters, options):
    """Give the rows of a trial, from the CSV if they are there."""
    split = PROTOCOLS[options.protocol](options).split
    cell = _cells.Cell(system, name, options.protocol, options.seed, split, parameters)
    if not _store.has_rows(options.output, cell.key):
        outcome = quality.run_cell(cell, task, options.device)
        _store.append(options.output, [{**cell.key, **row} for row in outcome.rows()])
    rows = _store.rows_of(options.output, cell.key)
    criterion = PROTOCOLS[options.protocol].criterion
    best = rows[rows["metric"] == criterion].iloc[-1]
    return {"parameters": parameters, "value": best["mean"], "n_epochs": best["n_epochs"]}


def chosen_parameters(trial, protocol):
    """Give the parameters for the settings: early stopping, or the epoch that it has found."""
    parameters = dict(trial["parameters"])
    if "early_stopping" not in parameters or PROTOCOLS[protocol].keeps_early_stopping:
        return parameters
    for name in TRAINING:
        del parameters[name]
    return {**parameters, "max_epochs": int(trial["n_epochs"])}


def _report(trials, system, name, protocol):
    """Print the first trials, and the row of the best."""
    criterion = PROTOCOLS[protocol].criterion
    table = pd.DataFrame([{criterion: t["value"], "epochs": t["n_epochs"]} for t in trials])
    table["parameters"] = [json.dumps(t["parameters"]) for t in trials]
    print(table.head(10).to_string(index=False, max_colwidth=120))
    row = pformat(chosen_parameters(trials[0], protocol), width=90, sort_dicts=False)
    best = trials[0]["value"]
    print(f"\n    # tuned: {criterion} {best:.4f} on validation, the best of {len(trials)}")
    print(f"    {(system, name, protocol)!r}: {row},\n", flush=True)


if __name__ == "__main__":
    main()
