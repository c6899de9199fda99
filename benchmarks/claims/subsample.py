"""Train models of ratings on 1 to 10 % of them: figure 3 of cross feedback.

    python -m benchmarks.claims.subsample --data ml-100k ml-1m --seeds 0 1 2 --tune 8

Of the ratings that are not trained on, one half is to validate and to stop early, the other to
test. A seed draws the ratings and starts the training. With --tune N each system has N points of
its grid tried on the validation half of each share, with the first seed; without, settings are
those of the whole data, else defaults. Few ratings are few updates an epoch: models that learn from
batches of pairs may want smaller batches or larger rates than with all of them (--grid). Cells that
are in the CSV are not run again.
"""

import argparse
from collections.abc import Sequence
from copy import copy
from typing import Any

import pandas as pd
from sklearn.utils import Bunch

from benchmarks.arguments import (
    RESULTS,
    add_compute,
    add_data,
    add_output,
    add_seeds,
    add_splits,
    add_systems,
    make_parser,
    parse_json,
    prepare,
)
from benchmarks.cells import parameters_for, protocol_for, run_once, systems_for
from benchmarks.quality.tune import search
from skrec.reproduce import Cell, load_data, read_rows

__all__ = ["main", "table_of"]

_TRIALS = f"{RESULTS}/tuning.csv"
_SHARES = [0.01, 0.02, 0.03, 0.05, 0.1]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    if not all(0 < share < 1 for share in options.shares):
        parser.error(f"--shares must lie in (0, 1); got {options.shares}")
    if options.smoke:
        options.tune = min(options.tune, 1)
    for name in options.data:
        dataset = load_data(name, options.data_home)
        for share in options.shares:
            _run_share(name, dataset, share, options)
    print(table_of(read_rows(options.output), options).to_string())
    print(f"{options.metric} on the test half, mean over seeds (standard error over seeds)")
    print("settings:", f"the best of {options.tune} a share" if options.tune else "of all the data")


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.subsample", __doc__)
    parser.set_defaults(protocol="ratings")
    add_data(parser, ["ml-100k"])
    add_systems(parser)
    add_splits(parser)
    parser.set_defaults(ranked_users=1000)
    add_seeds(parser, [0])
    add_compute(parser)
    parser.add_argument("--shares", nargs="+", type=float, default=_SHARES, help="to train on")
    parser.add_argument("--tune", type=int, default=0, metavar="N", help="points of a grid to try")
    parser.add_argument("--grid", type=parse_json, help="JSON that replaces parts of the grid")
    parser.add_argument("--trials", default=_TRIALS, help=f"CSV of trials; default: {_TRIALS}")
    parser.add_argument("--metric", default="rmse", help="what to print; default: rmse")
    add_output(parser, "subsample.csv")
    return parser


def _run_share(name: str, dataset: Bunch, share: float, options: argparse.Namespace) -> None:
    """Run all systems and seeds on one share of the ratings."""
    chosen: dict[str, dict[str, Any]] = {}
    for seed in options.seeds:
        drawn = _changed(options, train_share=share, split_seed=seed, seed=seed)
        protocol = protocol_for(name, drawn)
        task = protocol.test(dataset)
        for system in systems_for(name, options):
            if system not in chosen:
                chosen[system] = _parameters(system, name, dataset, drawn)
            cell = Cell(system, name, options.protocol, seed, protocol.split, chosen[system])
            run_once(cell, lambda task=task: task, options.output, options.device)


def _changed(options: argparse.Namespace, **changes: Any) -> argparse.Namespace:
    other = copy(options)
    vars(other).update(changes)
    return other


def _parameters(
    system: str, name: str, dataset: Bunch, options: argparse.Namespace
) -> dict[str, Any]:
    """Return parameters: the best of those tried on the validation half, or the settings."""
    if not options.tune:
        return parameters_for(system, name, options)
    options = _changed(
        options, trials=options.tune, output=options.trials, search="random", search_seed=0,
        jobs=1, minutes=None,
    )  # fmt: skip
    task = protocol_for(name, options).tuning(dataset)
    return parse_json(search(task, system, name, options)["parameters"].iloc[0])


def table_of(table: pd.DataFrame, options: argparse.Namespace) -> pd.DataFrame:
    """Return a line a system and a column a share: mean over seeds and its standard error.

    Parameters
    ----------
    table : DataFrame
        The CSV.
    options : Namespace
        With ``data``, ``metric``, ``shares``, ``seeds`` and ``systems``.

    Returns
    -------
    table : DataFrame
        Text, indexed by data and system. Of several settings of a cell the last that was run
        counts.
    """
    shares = {f"{100 * share:g}": f"{100 * share:g} %" for share in options.shares}
    mine = table["data"].isin(options.data) & table["seed"].isin(options.seeds)
    mine &= table["metric"] == options.metric
    if options.systems:
        mine &= table["system"].isin(options.systems)
    cells = table[mine].drop_duplicates(["data", "system", "split"], keep="last")
    cells = cells.assign(share=cells["split"].str.partition("r")[0].map(shares)).dropna(
        subset="share"
    )
    groups = cells.groupby(["data", "system", "share"], sort=False)["mean"]
    text = [f"{mean:.4f}" + (f" ({sem:.4f})" if sem == sem else "")
            for mean, sem in zip(groups.mean(), groups.sem())]  # fmt: skip
    wide = groups.mean().to_frame().assign(text=text)["text"].unstack("share")
    return wide[[name for name in shares.values() if name in wide]].fillna("")


if __name__ == "__main__":
    main()
