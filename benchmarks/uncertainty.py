"""What the uncertainty of a model is worth: GeRec's table 4, NDCG by spread, calibration.

Run from the checkout as ``python -m benchmarks.uncertainty --help``.
"""

import argparse

import numpy as np
from sklearn.utils import Bunch, get_tags

from benchmarks import quality
from benchmarks.uncertainty_parts import NEED_POSTERIOR, PARTS, Case
from skrec.reproduce import _data, _store, _systems

__all__ = ["load", "main", "summary"]

_EPILOG = """\
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

Rows of a system, data set, seed and part that are in the CSV are not run again.
"""


def main(argv=None):
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    options.protocol = "ncf"
    quality.prepare(parser, options)
    for name in options.data:
        dataset = load(name, options.data_home)
        for system in options.systems:
            for cell in quality.cells_for(system, name, options):
                _run(Case(cell, dataset, options.device), options)
    print(summary(_store.read(options.output), options).to_string())


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.uncertainty",
        description="Measure what the uncertainty of probabilistic models is worth.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    quality.add_common(parser)
    parser.set_defaults(data=["ml-100k"], systems=["GeRecClassifier", "MultVAERecommender"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="training seeds")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--methods", nargs="+", default=["sigmoid", "isotonic"], help="calibrators")
    parser.add_argument(
        "--output", default="benchmarks/results/uncertainty.csv", help="CSV to extend"
    )
    return parser


def load(name, data_home=None):
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
    dataset = Bunch(**_data.with_leave_one_out(_data.load(name, data_home)))
    items = dataset.get("item_frame")
    dataset.genres = None if items is None else items["genres"].str.get_dummies().to_numpy()
    if name == "synthetic":  # of no meaning
        dataset.genres = np.eye(8)[np.arange(dataset.loo_train.frame[1]) % 8]
    return dataset


def _run(case, options):
    for part in _possible(case.cell.system, options.parts):
        key = {**case.cell.key, "part": part}
        if _store.has_rows(options.output, key):
            continue
        rows = [{**key, **row} for row in PARTS[part](case, options)]
        _store.append(options.output, rows)
        print(f"{case.cell.name}: {part} done", flush=True)


def _possible(system, parts):
    """Leave out what a system has no posterior for."""
    if get_tags(_systems.find_system(system)()).probabilistic:
        return parts
    left_out = [part for part in parts if part in NEED_POSTERIOR]
    if left_out:
        print(f"{system} has no posterior: {', '.join(left_out)} left out")
    return [part for part in parts if part not in left_out]


def summary(table, options):
    """Give means over seeds of what was asked for, and the largest p-value of the seeds.

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
        ["data", "system", "parameters", "part", "what", "group"], sort=False
    )
    means = groups[["value", "low", "high"]].mean()
    means["over_seeds"] = groups["value"].sem()
    means["pvalue"] = groups["pvalue"].max()
    means["n"], means["seeds"] = groups["n"].first(), groups["seed"].nunique()
    return means.droplevel("parameters").round({name: 4 for name in means if name != "pvalue"})


if __name__ == "__main__":
    main()
