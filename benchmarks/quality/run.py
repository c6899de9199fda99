"""Measure the quality of recommendations, as the papers do.

protocols:
  ncf     leave one out, 99 given negatives, all ratings count as 1: HR and NDCG at 3, 5, 10, 20
          (ml-1m, amazon-music; ml-100k with the latest item of each user); "warm": of the users
          whose test item somebody has in training
  strong  strong generalisation: ratings >= 4, users with >= 5, 500 validation and 500 test users
          (of gowalla, which has no ratings, 3,000), 80 % of a history shown: NDCG@100, NDCG@20,
          Recall@50, @20, @10 (all MovieLens sets, gowalla)
  weak    the data set's own test, full ranking: Recall@20 by the number of targets, NDCG@20
          (gowalla, ml-100k)
  ratings ratings split at random, 70 % to train, 15 % to validate, 15 % to test: RMSE and MAE over
          all test ratings; Recall and NDCG at 20 and 50 of items rated higher than 3, of users with
          two or more test items, among all items without training ratings ("own": among the user's
          own test items). Models of ratings run here and nowhere else (all MovieLens sets)

A cell whose rows are in the CSV is not run again. The column "settings" has where parameters come
from: "tuned" are the best of twelve trials or more on validation data. Users' values, saved with
--per-user, are compared by benchmarks.quality.paired.
"""

import argparse
from collections.abc import Sequence
from functools import cache

import pandas as pd

from benchmarks.arguments import (
    add_compute,
    add_data,
    add_output,
    add_protocol,
    add_seeds,
    add_splits,
    add_systems,
    make_parser,
    prepare,
)
from benchmarks.cells import cells_for, make_task, run_once, systems_for
from benchmarks.quality.tables import quality_table
from skrec.reproduce import read_rows

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    for name in options.data:
        _run_data(name, options)
    table = read_rows(options.output)
    if table.empty:
        parser.error("no results")
    print(quality_table(_asked_for(table, options)).to_string())
    print("mean ± standard error over users (standard error over seeds and splits)")
    if options.protocol == "ratings":
        print("rmse, mae: over all ratings, standard errors by the delta method over users")


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("quality.run", __doc__)
    add_data(parser, ["ml-1m"])
    add_protocol(parser, "ncf")
    add_systems(parser)
    add_splits(parser)
    add_seeds(parser, [0])
    add_compute(parser)
    add_output(parser, "quality.csv")
    parser.add_argument("--per-user", metavar="DIR", help="save the values of the users as npz")
    return parser


def _run_data(name: str, options: argparse.Namespace) -> None:
    task = cache(lambda: make_task(name, options))
    for system in systems_for(name, options):
        for cell in cells_for(system, name, options):
            run_once(cell, task, options.output, options.device, options.per_user)


def _asked_for(table: pd.DataFrame, options: argparse.Namespace) -> pd.DataFrame:
    mine = table["data"].isin(options.data) & (table["protocol"] == options.protocol)
    if options.protocol == "ratings":  # other shares of the data are other tables
        mine &= table["split"].str.startswith(f"{100 * options.train_share:g}r")
    if options.systems:
        mine &= table["system"].isin(options.systems)
    return table[mine]


if __name__ == "__main__":
    main()
