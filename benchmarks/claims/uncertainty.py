"""Measure what a model's uncertainty is worth: GeRec's table 4 and more.

parts, one row of the CSV a number:
  groups       the paper's table 4: uncertainty by activity (o1) and by diversity of genres (o2), of
               the model and of a placebo, which is the same model fitted to the interactions with
               the items dealt out anew; rank correlations, "| n" with the number of interactions
               held fixed, and what is in excess of the placebo, with a bootstrap interval. The
               uncertainty is the variance of a user's Gaussian or, for models that have none, the
               spread (deviation over draws) of the scores of the first ten items
  ndcg         leave one out, 99 negatives: do users whose candidates' scores (or probabilities)
               spread more get a lower NDCG@10? Rank correlations, and NDCG by fifths of users
  calibration  a tenth of the interactions is held out: Brier score and calibration error of the
               model, of the same in CalibratedRecommender, and of the base rate for every pair

--set '{"kl_weight": 0.1}' changes parameters, of the systems that have them. Rows of a system, data
set, seed, part and parameters that are in the CSV are not run again.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, get_tags

from benchmarks.arguments import (
    add_compute,
    add_data,
    add_output,
    add_seeds,
    add_systems,
    make_parser,
    parse_json,
    prepare,
)
from benchmarks.cells import cells_for, is_finished, keep_rows, set_parameters
from benchmarks.claims.uncertainty_parts import NEED_POSTERIOR, PARTS, Case
from skrec.reproduce import find_system, load_data, read_rows, with_leave_one_out

__all__ = ["load", "main", "summary"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    for name in options.data:
        dataset = load(name, options.data_home)
        for system in options.systems:
            changed = set_parameters(system, options)
            for cell in cells_for(system, name, options):
                cell = replace(cell, parameters={**cell.parameters, **changed})
                _run(Case(cell, dataset, options.device), changed, options)
    print(summary(read_rows(options.output), options).to_string())


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.uncertainty", __doc__)
    parser.set_defaults(protocol="ncf")
    add_data(parser, ["ml-100k"])
    add_systems(parser, ["GeRecClassifier", "MultVAERecommender"])
    add_seeds(parser, [0])
    add_compute(parser)
    parser.add_argument("--set", type=parse_json, default={}, help="more parameters, JSON")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--methods", nargs="+", default=["sigmoid", "isotonic"], help="calibrators")
    add_output(parser, "uncertainty.csv")
    return parser


def load(name: str, data_home: str | None = None) -> Bunch:
    """Load a data set with a leave-one-out test; one that has none gets one.

    Parameters
    ----------
    name : str
        Name of the data set.
    data_home : str or path-like, default=None
        Folder of the data.

    Returns
    -------
    dataset : Bunch
        With ``loo_train``, ``loo_test``, ``loo_negatives`` and ``genres``, of shape
        (n_items, n_genres) or None.
    """
    dataset = Bunch(**with_leave_one_out(load_data(name, data_home)))
    items = dataset.get("item_frame")
    dataset.genres = None if items is None else items["genres"].str.get_dummies().to_numpy()
    if name == "synthetic":  # of no meaning
        dataset.genres = np.eye(8)[np.arange(dataset.loo_train.frame[1]) % 8]
    return dataset


def _run(case: Case, changed: Mapping[str, Any], options: argparse.Namespace) -> None:
    given = json.dumps(changed, sort_keys=True)
    for part in _possible(case.cell.system, options.parts):
        key = {**case.cell.key, "set": given, "part": part}
        if not is_finished(options.output, key):
            keep_rows(options.output, key, PARTS[part](case, options))
            print(f"{case.cell.name}: {part} done", flush=True)


def _possible(system: str, parts: list[str]) -> list[str]:
    """Return the parts without those that a system has no posterior for."""
    if get_tags(find_system(system)()).probabilistic:
        return parts
    left_out = [part for part in parts if part in NEED_POSTERIOR]
    if left_out:
        print(f"{system} has no posterior: {', '.join(left_out)} left out")
    return [part for part in parts if part not in left_out]


def summary(table: pd.DataFrame, options: argparse.Namespace) -> pd.DataFrame:
    """Return means over seeds of what was asked for, and the largest p-value of the seeds.

    Parameters
    ----------
    table : DataFrame
        The CSV.
    options : Namespace
        With ``data``, ``systems``, ``seeds`` and ``parts``.

    Returns
    -------
    summary : DataFrame
        A row a number.
    """
    asked = {"data": options.data, "system": options.systems, "part": options.parts}
    mine = np.logical_and.reduce([table[name].isin(values) for name, values in asked.items()])
    groups = table[mine & table["seed"].isin(options.seeds)].groupby(
        ["data", "system", "set", "parameters", "part", "what", "group"], sort=False
    )
    means = groups[["value", "low", "high"]].mean()
    means["over_seeds"] = groups["value"].sem()
    means["pvalue"] = groups["pvalue"].max()
    means["n"], means["seeds"] = groups["n"].first(), groups["seed"].nunique()
    return means.droplevel("parameters").round({name: 4 for name in means if name != "pvalue"})


if __name__ == "__main__":
    main()
