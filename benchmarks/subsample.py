"""How models of ratings do with few ratings: trained on 1, 2, 3, 5 and 10 % of them.

    python -m benchmarks.subsample --data ml-100k ml-1m --seeds 0 1 2 --tune 8

Of the ratings that are not trained on, one half is to validate and to stop early, the other to
test. A seed draws the ratings and starts the training. With ``--tune N`` each system has N points
of its grid tried on the validation half of each share, with the first seed; without, settings are
those of `skrec.reproduce` for the whole data, else defaults. Few ratings are few updates an epoch:
models that learn from batches of pairs may want smaller batches or larger rates than with all of
them (``--grid``). Cells that are in the CSV are not run again.
"""

import argparse
import json
from copy import copy

from benchmarks import quality, tune
from skrec.reproduce import _cells, _data, _store
from skrec.reproduce._protocols import PROTOCOLS

__all__ = ["main", "table_of"]

_PROTOCOL = "ratings"
_TRIALS = "benchmarks/results/tuning.csv"


def main(argv=None):
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    options.protocol = _PROTOCOL
    quality.prepare(parser, options)
    if not all(0 < share < 1 for share in options.shares):
        parser.error(f"--shares must lie in (0, 1); got {options.shares}")
    if options.smoke:
        options.tune = min(options.tune, 1)
    for name in options.data:
        dataset = _data.load(name, options.data_home)
        for share in options.shares:
            _run_share(name, dataset, share, options)
    print(table_of(_store.read(options.output), options).to_string())
    print(f"{options.metric} on the test half, mean over seeds (standard error over seeds)")


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.subsample",
        description=__doc__.splitlines()[0],
        epilog="\n".join(__doc__.splitlines()[2:]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    quality.add_common(parser)
    parser.set_defaults(data=["ml-100k"], ranked_users=1000)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument(
        "--shares", nargs="+", type=float, default=[0.01, 0.02, 0.03, 0.05, 0.1], help="to train on"
    )
    parser.add_argument("--tune", type=int, default=0, metavar="N", help="points of a grid to try")
    parser.add_argument("--grid", type=json.loads, help="JSON that replaces parts of the grid")
    parser.add_argument("--trials", default=_TRIALS, help="CSV of what has been tried")
    parser.add_argument("--metric", default="rmse", help="what to print")
    parser.add_argument("--output", default="benchmarks/results/subsample.csv", help="CSV")
    return parser


def _run_share(name, dataset, share, options):
    """Run all systems and seeds on one share of the ratings."""
    systems = quality.systems_for(name, options)
    chosen = {}
    for seed in options.seeds:
        drawn = _options_of(options, train_share=share, split_seed=seed, seed=seed)
        task = PROTOCOLS[_PROTOCOL](drawn).test(dataset)
        for system in systems:
            if system not in chosen:
                chosen[system] = _parameters(system, name, dataset, drawn)
            _run_cell(system, name, task, chosen[system], drawn)


def _options_of(options, **changed):
    other = copy(options)
    vars(other).update(changed)
    return other


def _parameters(system, name, dataset, options):
    """Give parameters: the best of those tried on the validation half, or those of the row."""
    if not options.tune:
        return quality.parameters_for(system, name, options)
    options = _options_of(options, limit=options.tune, output=options.trials)
    task = PROTOCOLS[_PROTOCOL](options).tuning(dataset)
    return tune.search(task, system, name, options)[0]["parameters"]


def _run_cell(system, name, task, parameters, options):
    split = PROTOCOLS[_PROTOCOL](options).split
    cell = _cells.Cell(system, name, _PROTOCOL, options.seed, split, parameters)
    if not _store.has_rows(options.output, cell.key):
        outcome = quality.run_cell(cell, task, options.device)
        _store.append(options.output, [{**cell.key, **row} for row in outcome.rows()])


def table_of(table, options):
    """Give a line a system and a column a share: mean over seeds and its standard error.

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
